// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connect and disconnect: what the attributes say before, during and after,
 * what each wrong use answers, and which functions a connection covers.
 */
#include "tsm_harness.h"

/* Functions of a device beside function 0 */
#define NR_PFS 2
#define NR_VFS 4

/* Races are tried again and again, as long as that takes no longer than this */
#define RACE_MS 10000

FIXTURE(connect)
{
	struct sim sim;
	struct sim_device *a;
	struct sim_device *b;
};

FIXTURE_SETUP(connect)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 2));
	self->a = &self->sim.d[0];
	self->b = &self->sim.d[1];
}

FIXTURE_TEARDOWN(connect)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(connect, one_of_two)
{
	test_idle(self->a);
	test_idle(self->b);

	test_connect(self->a);
	test_connected(self->a);
	test_idle(self->b);

	test_connect(self->b);
	test_connected(self->b);
	test_connected(self->a);

	test_disconnect(self->a);
	test_idle(self->a);
	test_connected(self->b);

	/* Once more: nothing of the first time is in the way */
	test_connect(self->a);
	test_connected(self->a);

	test_disconnect(self->b);
	test_disconnect(self->a);
	test_idle(self->a);
	test_idle(self->b);
}

TEST_F(connect, takes_one_stream)
{
	long available = sim_streams_available(&self->sim.p);

	ASSERT_LT(1, available);
	test_connect(self->a);
	ASSERT_EQ(available - 1, sim_streams_available(&self->sim.p));
	ASSERT_EQ(1, sim_streams(&self->sim.p, self->a->bdf));
	ASSERT_EQ(0, sim_streams(&self->sim.p, self->b->bdf));

	test_connect(self->b);
	ASSERT_EQ(available - 2, sim_streams_available(&self->sim.p));

	test_disconnect(self->a);
	test_disconnect(self->b);
	ASSERT_EQ(available, sim_streams_available(&self->sim.p));
}

TEST_F(connect, only_once)
{
	test_connect(self->a);
	test_err_connect(EBUSY, self->a);
	test_connected(self->a);

	test_disconnect(self->a);
	test_err_disconnect(ENXIO, self->a);
	test_idle(self->a);
}

TEST_F(connect, disconnect_wants_the_right_name)
{
	test_connect(self->a);
	test_err(EINVAL, sim_pci_write(self->a->bdf, "tsm/disconnect", "tsm"));
	test_err(EINVAL,
		 sim_pci_write(self->a->bdf, "tsm/disconnect", "tsm9999"));
	test_err(EINVAL, sim_pci_write(self->a->bdf, "tsm/disconnect",
				       self->a->bdf));
	test_connected(self->a);
	test_disconnect(self->a);
}

/* A user types a newline */
TEST_F(connect, newline)
{
	char line[64];

	snprintf(line, sizeof(line), "%s\n", self->sim.p.tsm);
	test_ok(sim_pci_write(self->a->bdf, "tsm/connect", line));
	test_connected(self->a);
	test_ok(sim_pci_write(self->a->bdf, "tsm/disconnect", line));
	test_idle(self->a);
}

/* Going down with a connection open */
TEST_F(connect, platform_goes)
{
	test_connect(self->a);
	test_ok(sim_platform_live(&self->sim.p, false));
	ASSERT_STREQ("", self->sim.p.tsm);

	test_ok(sim_up(&self->sim));
	test_works(self->a);
}

FIXTURE(connect_name)
{
	struct sim sim;
};

FIXTURE_VARIANT(connect_name)
{
	const char *name;
	int error;
};

FIXTURE_VARIANT_ADD(connect_name, garbage)
{
	.name = "garbage",
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(connect_name, newline)
{
	.name = "\n",
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(connect_name, no_number)
{
	.name = "tsm",
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(connect_name, not_a_number)
{
	.name = "tsmX",
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(connect_name, number_only)
{
	.name = "0",
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(connect_name, leading_zero)
{
	.name = "tsm00",
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(connect_name, unknown)
{
	.name = "tsm9999",
	.error = ENXIO,
};

FIXTURE_SETUP(connect_name)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
}

FIXTURE_TEARDOWN(connect_name)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(connect_name, refused)
{
	struct sim_device *d = &self->sim.d[0];

	test_err(variant->error,
		 sim_pci_write(d->bdf, "tsm/connect", variant->name));
	test_idle(d);
	test_err(ENXIO, sim_pci_write(d->bdf, "tsm/disconnect", variant->name));
	test_idle(d);
}

FIXTURE(two_platforms)
{
	struct sim alpha;
	struct sim beta;
};

FIXTURE_SETUP(two_platforms)
{
	sim_sweep();
	test_ok(sim_build(&self->alpha, "alpha", 1));
	test_ok(sim_build(&self->beta, "beta", 1));
}

FIXTURE_TEARDOWN(two_platforms)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->alpha.p));
	EXPECT_EQ(0, sim_platform_destroy(&self->beta.p));
}

TEST_F(two_platforms, each_its_own)
{
	struct sim_device *a = &self->alpha.d[0];
	struct sim_device *b = &self->beta.d[0];

	ASSERT_STRNE(self->alpha.p.tsm, self->beta.p.tsm);
	ASSERT_STRNE(self->alpha.p.domain, self->beta.p.domain);

	/* A TSM manages the devices of its own platform only */
	test_err(ENXIO,
		 sim_pci_write(a->bdf, "tsm/connect", self->beta.p.tsm));
	test_err(ENXIO,
		 sim_pci_write(b->bdf, "tsm/connect", self->alpha.p.tsm));
	test_idle(a);
	test_idle(b);

	test_connect(a);
	test_connect(b);
	test_connected(a);
	test_connected(b);

	test_err(EINVAL,
		 sim_pci_write(a->bdf, "tsm/disconnect", self->beta.p.tsm));
	test_connected(a);

	/* The other TSM stays, and so do its connections */
	test_ok(sim_platform_live(&self->alpha.p, false));
	test_connected(b);
	test_disconnect(b);
	test_works(b);

	test_ok(sim_up(&self->alpha));
	test_works(a);
}

TEST_F(two_platforms, either_may_be_last)
{
	test_connect(&self->alpha.d[0]);
	test_connect(&self->beta.d[0]);
	test_ok(sim_platform_live(&self->beta.p, false));
	test_connected(&self->alpha.d[0]);
	test_ok(sim_platform_live(&self->alpha.p, false));

	test_ok(sim_up(&self->beta));
	test_works(&self->beta.d[0]);
	test_ok(sim_up(&self->alpha));
	test_works(&self->alpha.d[0]);
}

/* A conversation that takes two seconds or more: about 30 messages */
FIXTURE(during)
{
	struct sim sim;
	struct sim_device *a;
	struct sim_device *b;
	struct sim_job job;
};

FIXTURE_SETUP(during)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 2));
	self->a = &self->sim.d[0];
	self->b = &self->sim.d[1];
	test_ok(sim_set(self->a, "latency_ms", "100"));
}

FIXTURE_TEARDOWN(during)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/*
 * Each read returns while the conversation goes on: if one waited for its end,
 * the writer would have ended too.
 */
static void test_reads_return(struct __test_metadata *_metadata,
			      struct sim_device *d)
{
	static const char * const attrs[] = {
		"tsm/connect", "tsm/dsm", "tsm/bound", "authenticated",
		"vendor", "config",
	};
	char buf[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++)
		test_ok(sim_pci_read(d->bdf, attrs[i], buf, sizeof(buf)));
}

TEST_F(during, connect_blocks_no_reader)
{
	char buf[64];

	test_start_connect(&self->job, self->a);
	test_reads_return(_metadata, self->b);
	test_reads_return(_metadata, self->a);
	ASSERT_LT(0, sim_streams_available(&self->sim.p));

	/* Not connected until it is */
	test_ok(sim_pci_read(self->a->bdf, "tsm/connect", buf, sizeof(buf)));
	ASSERT_STREQ("", buf);
	test_ok(sim_pci_read(self->a->bdf, "authenticated", buf, sizeof(buf)));
	ASSERT_STREQ("", buf);
	ASSERT_TRUE(sim_job_running(&self->job));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->a);
	test_idle(self->b);
}

TEST_F(during, disconnect_blocks_no_reader)
{
	long before;

	test_connect(self->a);
	test_ok(sim_set(self->a, "latency_ms", "400"));
	before = sim_count(self->a, "messages");
	test_ok(sim_job_disconnect(&self->job, NULL, self->a));
	ASSERT_TRUE(sim_conversing(self->a, before, 1, PROMPT_MS));
	test_reads_return(_metadata, self->b);
	test_reads_return(_metadata, self->a);
	ASSERT_TRUE(sim_job_running(&self->job));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_idle(self->a);
}

TEST_F(during, other_device_connects)
{
	test_ok(sim_set(self->a, "latency_ms", "400"));
	test_start_connect(&self->job, self->a);
	test_works(self->b);
	ASSERT_TRUE(sim_job_running(&self->job));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->a);
}

TEST_F(during, same_device_is_busy)
{
	test_start_connect(&self->job, self->a);
	test_err_connect(EBUSY, self->a);
	test_err_disconnect(EBUSY, self->a);
	ASSERT_TRUE(sim_job_running(&self->job));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->a);
	test_disconnect(self->a);
	test_idle(self->a);
}

/* A device with three physical functions and some virtual ones */
FIXTURE(functions)
{
	struct sim sim;
	struct sim_device *d;
	struct sim_job job;
	char pf[NR_PFS][32];
	char vf[NR_VFS][32];
};

FIXTURE_SETUP(functions)
{
	unsigned int i;

	sim_sweep();
	test_ok(sim_prepare(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
	test_ok(sim_set(self->d, "functions", "%u", NR_PFS + 1));
	test_ok(sim_set(self->d, "total_vfs", "%u", NR_VFS));
	test_ok(sim_up(&self->sim));

	/* Other functions differ in the last digit */
	for (i = 0; i < NR_PFS; i++) {
		snprintf(self->pf[i], sizeof(self->pf[i]), "%s", self->d->bdf);
		self->pf[i][strlen(self->pf[i]) - 1] += i + 1;
		ASSERT_TRUE(sim_pci_exists(self->pf[i], "vendor"));
	}

	/* SR-IOV is enabled through a driver of the physical function */
	test_ok(sim_pci_driver(self->d->bdf, "pci-pf-stub"));
}

FIXTURE_TEARDOWN(functions)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

static void test_enable_vfs(struct __test_metadata *_metadata,
			    struct sim_device *d, char vf[NR_VFS][32])
{
	char nr[8];
	int i;

	snprintf(nr, sizeof(nr), "%u", NR_VFS);
	test_ok(sim_pci_write(d->bdf, "sriov_numvfs", nr));
	for (i = 0; i < NR_VFS; i++)
		test_ok(sim_pci_vf(d->bdf, i, vf[i], sizeof(vf[i])));
}

static void test_disable_vfs(struct __test_metadata *_metadata,
			     struct sim_device *d, char vf[NR_VFS][32])
{
	test_ok(sim_pci_write(d->bdf, "sriov_numvfs", "0"));
	ASSERT_FALSE(sim_pci_exists(vf[0], "vendor"));
}

/* Managed by the DSM in function 0, through which alone one connects */
static void test_managed(struct __test_metadata *_metadata,
			 struct sim_device *d, char fn[][32], int nr)
{
	char buf[64];
	int i;

	for (i = 0; i < nr; i++) {
		test_ok(sim_pci_read(fn[i], "tsm/dsm", buf, sizeof(buf)));
		ASSERT_STREQ(d->bdf, buf);
		test_ok(sim_pci_read(fn[i], "authenticated", buf, sizeof(buf)));
		ASSERT_STREQ(d->platform->tsm, buf);
		test_ok(sim_pci_read(fn[i], "tsm/bound", buf, sizeof(buf)));
		ASSERT_STREQ("", buf);
		ASSERT_FALSE(sim_pci_exists(fn[i], "tsm/connect"));
		ASSERT_FALSE(sim_pci_exists(fn[i], "tsm/disconnect"));
	}
}

static void test_unmanaged(struct __test_metadata *_metadata, char fn[][32],
			   int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		ASSERT_TRUE(sim_pci_exists(fn[i], "vendor"));
		ASSERT_FALSE(sim_pci_exists(fn[i], "tsm"));
		ASSERT_FALSE(sim_pci_exists(fn[i], "authenticated"));
	}
}

#define test_pfs_managed() test_managed(_metadata, self->d, self->pf, NR_PFS)
#define test_vfs_managed() test_managed(_metadata, self->d, self->vf, NR_VFS)
#define test_pfs_unmanaged() test_unmanaged(_metadata, self->pf, NR_PFS)
#define test_vfs_unmanaged() test_unmanaged(_metadata, self->vf, NR_VFS)

TEST_F(functions, managed_while_connected)
{
	test_enable_vfs(_metadata, self->d, self->vf);
	test_idle(self->d);
	test_pfs_unmanaged();
	test_vfs_unmanaged();

	test_connect(self->d);
	test_connected(self->d);
	test_pfs_managed();
	test_vfs_managed();

	test_disconnect(self->d);
	test_idle(self->d);
	test_pfs_unmanaged();
	test_vfs_unmanaged();
}

TEST_F(functions, sriov_while_connected)
{
	test_connect(self->d);
	test_pfs_managed();

	test_enable_vfs(_metadata, self->d, self->vf);
	test_connected(self->d);
	test_vfs_managed();

	test_disable_vfs(_metadata, self->d, self->vf);
	test_connected(self->d);
	test_pfs_managed();

	/* Again, and disconnected with virtual functions */
	test_enable_vfs(_metadata, self->d, self->vf);
	test_vfs_managed();
	test_disconnect(self->d);
	test_idle(self->d);
	test_vfs_unmanaged();
	test_disable_vfs(_metadata, self->d, self->vf);
	test_works(self->d);
}

TEST_F(functions, sriov_enabled_during_connect)
{
	test_ok(sim_set(self->d, "latency_ms", "300"));
	test_start_connect(&self->job, self->d);
	test_enable_vfs(_metadata, self->d, self->vf);
	ASSERT_TRUE(sim_job_running(&self->job));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->d);
	test_pfs_managed();
	test_vfs_managed();
	test_disconnect(self->d);
	test_vfs_unmanaged();
}

TEST_F(functions, sriov_disabled_during_connect)
{
	test_enable_vfs(_metadata, self->d, self->vf);
	test_ok(sim_set(self->d, "latency_ms", "300"));
	test_start_connect(&self->job, self->d);
	test_disable_vfs(_metadata, self->d, self->vf);
	ASSERT_TRUE(sim_job_running(&self->job));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->d);
	test_pfs_managed();
	test_disconnect(self->d);
	test_idle(self->d);
}

/* A function goes, and is found again: its DSM takes it back */
TEST_F(functions, function_removed_and_found)
{
	test_connect(self->d);
	test_ok(sim_pci_write(self->pf[0], "remove", "1"));
	ASSERT_FALSE(sim_pci_exists(self->pf[0], "vendor"));
	test_connected(self->d);

	test_ok(sim_pci_rescan(&self->sim.p));
	ASSERT_TRUE(sim_pci_exists(self->pf[0], "vendor"));
	test_pfs_managed();

	test_disconnect(self->d);
	test_pfs_unmanaged();
}

/*
 * A disconnect lets go of functions that are being removed: two threads that
 * begin at the two ends and meet on the way, somewhere else in each round.
 */
FIXTURE(functions_race)
{
	struct sim sim;
	struct sim_device *d;
	long long start_ms;
};

FIXTURE_SETUP(functions_race)
{
	sim_sweep();
	test_ok(sim_prepare(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
	test_ok(sim_set(self->d, "functions", "8"));
	test_ok(sim_set(self->d, "total_vfs", "24"));
	test_ok(sim_up(&self->sim));
	test_ok(sim_pci_driver(self->d->bdf, "pci-pf-stub"));
	self->start_ms = sim_now_ms();
}

FIXTURE_TEARDOWN(functions_race)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/* Disconnect while @val is written to the attribute at @path */
static void test_disconnect_and_write(struct __test_metadata *_metadata,
				      struct sim_device *d, const char *path,
				      const char *val)
{
	struct sim_job disconnect, write;
	int gate[2];

	test_ok(sim_gate(gate));
	test_ok(sim_job_disconnect(&disconnect, gate, d));
	test_ok(sim_job_write(&write, gate, path, val));
	sim_gate_open(gate);
	test_ok(sim_job_wait(&disconnect, CONVERSATION_MS));
	test_ok(sim_job_wait(&write, CONVERSATION_MS));
	test_idle(d);
}

TEST_F(functions_race, sriov_disabled_during_disconnect)
{
	char path[SIM_PATH], vf[32];
	int round;

	sim_pci_path(path, sizeof(path), self->d->bdf, "sriov_numvfs");
	for (round = 0; round < 20; round++) {
		test_ok(sim_write(path, "24"));
		test_ok(sim_pci_vf(self->d->bdf, 23, vf, sizeof(vf)));
		test_connect(self->d);
		ASSERT_TRUE(sim_pci_exists(vf, "tsm/dsm"));

		test_disconnect_and_write(_metadata, self->d, path, "0");
		ASSERT_FALSE(sim_pci_exists(vf, "vendor"));

		if (sim_now_ms() - self->start_ms > RACE_MS)
			break;
	}
}

TEST_F(functions_race, function_removed_during_disconnect)
{
	char path[SIM_PATH], fn[32];
	int round;

	snprintf(fn, sizeof(fn), "%s", self->d->bdf);
	for (round = 0; round < 20; round++) {
		/* Each of functions 1 to 7 has its turn */
		fn[strlen(fn) - 1] = '1' + round % 7;
		sim_pci_path(path, sizeof(path), fn, "remove");
		test_connect(self->d);
		ASSERT_TRUE(sim_pci_exists(fn, "tsm/dsm"));

		test_disconnect_and_write(_metadata, self->d, path, "1");
		ASSERT_FALSE(sim_pci_exists(fn, "vendor"));
		test_ok(sim_pci_rescan(&self->sim.p));
		ASSERT_TRUE(sim_pci_exists(fn, "vendor"));

		if (sim_now_ms() - self->start_ms > RACE_MS)
			break;
	}
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
