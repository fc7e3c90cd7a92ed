// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one may ask of the simulator: how many devices and functions, in which
 * order they go, and what is refused.
 */
#include <dirent.h>

#include "tsm_harness.h"

#define NR_PLATFORMS	4
#define NR_EACH		(SIM_MAX_DEVICES / NR_PLATFORMS)

FIXTURE(topology)
{
	struct sim sim;
	struct sim_device *d;
};

FIXTURE_SETUP(topology)
{
	sim_sweep();
	test_ok(sim_prepare(&self->sim, "alpha", 2));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(topology)
{
	sim_sweep();
	EXPECT_FALSE(sim_exists(SIM_ROOT "/alpha"));
}

/* Nothing is there until live says so, and nothing is left afterwards */
TEST_F(topology, live)
{
	char buf[64], tsm[64];
	int i;

	for (i = 0; i < 3; i++) {
		test_ok(sim_get(self->d, "bdf", buf, sizeof(buf)));
		ASSERT_STREQ("", buf);
		test_ok(sim_get(self->d, "port", buf, sizeof(buf)));
		ASSERT_STREQ("", buf);
		test_ok(sim_read(SIM_ROOT "/alpha/live", buf, sizeof(buf)));
		ASSERT_STREQ("0", buf);

		test_ok(sim_up(&self->sim));
		test_ok(sim_read(SIM_ROOT "/alpha/live", buf, sizeof(buf)));
		ASSERT_STREQ("1", buf);
		ASSERT_TRUE(sim_pci_exists(self->d->bdf, "tsm/connect"));
		ASSERT_TRUE(sim_pci_exists(self->d->port, "vendor"));
		ASSERT_FALSE(sim_pci_exists(self->d->port, "tsm"));
		snprintf(tsm, sizeof(tsm), "/sys/class/tsm/%s",
			 self->sim.p.tsm);
		ASSERT_TRUE(sim_exists(tsm));

		test_ok(sim_platform_live(&self->sim.p, false));
		ASSERT_FALSE(sim_pci_exists(self->d->bdf, "vendor"));
		ASSERT_FALSE(sim_pci_exists(self->d->port, "vendor"));
		ASSERT_FALSE(sim_exists(tsm));
	}
}

TEST_F(topology, fixed_while_live)
{
	struct sim_device late;

	test_ok(sim_up(&self->sim));
	test_err(EBUSY, sim_set(self->d, "functions", "2"));
	test_err(EBUSY, sim_set(self->d, "total_vfs", "2"));
	test_err(EBUSY, sim_set(self->d, "soft_reset", "1"));
	test_err(EBUSY, sim_device_create(&late, &self->sim.p, "late"));
	/* Once is enough */
	test_err(EPERM, sim_platform_live(&self->sim.p, true));
	test_works(self->d);

	/* What is not topology may change at any time */
	test_ok(sim_set(self->d, "latency_ms", "1"));
	test_ok(sim_set(self->d, "fault", "none"));
	test_works(self->d);
}

TEST_F(topology, what_is_written_is_read)
{
	ASSERT_EQ(1, sim_count(self->d, "functions"));
	ASSERT_EQ(0, sim_count(self->d, "total_vfs"));
	ASSERT_EQ(0, sim_count(self->d, "latency_ms"));
	test_ok(sim_set(self->d, "functions", "8"));
	test_ok(sim_set(self->d, "total_vfs", "16"));
	test_ok(sim_set(self->d, "latency_ms", "900"));
	test_ok(sim_set(self->d, "soft_reset", "1"));
	ASSERT_EQ(1, sim_count(self->d, "soft_reset"));
	ASSERT_EQ(8, sim_count(self->d, "functions"));
	ASSERT_EQ(16, sim_count(self->d, "total_vfs"));
	ASSERT_EQ(900, sim_count(self->d, "latency_ms"));
}

TEST_F(topology, parallel_or_not)
{
	char buf[8];

	test_ok(sim_read(SIM_ROOT "/alpha/parallel", buf, sizeof(buf)));
	ASSERT_STREQ("1", buf);
	test_err(EINVAL, sim_platform_set(&self->sim.p, "parallel", "2"));
	test_ok(sim_platform_set(&self->sim.p, "parallel", "0"));
	test_ok(sim_read(SIM_ROOT "/alpha/parallel", buf, sizeof(buf)));
	ASSERT_STREQ("0", buf);

	test_ok(sim_up(&self->sim));
	test_err(EBUSY, sim_platform_set(&self->sim.p, "parallel", "1"));
	test_works(self->d);

	test_ok(sim_platform_live(&self->sim.p, false));
	test_ok(sim_platform_set(&self->sim.p, "parallel", "1"));
	test_ok(sim_up(&self->sim));
	test_works(self->d);
}

/* A device that nothing was locked in has no TDIs, and no trouble with them */
TEST_F(topology, no_tdis)
{
	char buf[SIM_TEXT], zero[SIM_TEXT] = "";
	char *cause;

	test_ok(sim_up(&self->sim));
	test_works(self->d);
	test_ok(sim_get(self->d, "tdi_states", buf, sizeof(buf)));
	ASSERT_STREQ("", buf);
	/* The attribute takes a name without its domain */
	test_err(ENXIO, sim_set(self->d, "tdi_error", "%s",
				strchr(self->d->bdf, ':') + 1));
	test_ok(sim_get(self->d, "tdi_errors", buf, sizeof(buf)));
	for (cause = strtok(buf, "\n"); cause; cause = strtok(NULL, "\n")) {
		snprintf(zero, sizeof(zero), "%s", cause);
		ASSERT_STREQ(" 0", strchr(zero, ' '));
	}
	ASSERT_STREQ("device 0", zero);
}

TEST_F(topology, eight_functions)
{
	char fn[32];
	int i;

	test_ok(sim_set(self->d, "functions", "8"));
	test_ok(sim_up(&self->sim));
	snprintf(fn, sizeof(fn), "%s", self->d->bdf);
	for (i = 0; i < 8; i++) {
		fn[strlen(fn) - 1] = '0' + i;
		ASSERT_TRUE(sim_pci_exists(fn, "vendor"));
	}
	test_works(self->d);
}

FIXTURE(invalid)
{
	struct sim sim;
};

FIXTURE_VARIANT(invalid)
{
	const char *attr;
	const char *val;
	int error;
};

FIXTURE_VARIANT_ADD(invalid, functions_none)
	{ .attr = "functions", .val = "0", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, functions_many)
	{ .attr = "functions", .val = "9", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, functions_text)
	{ .attr = "functions", .val = "two", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, functions_negative)
	{ .attr = "functions", .val = "-1", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, functions_huge)
	{ .attr = "functions", .val = "99999999999", .error = ERANGE };
FIXTURE_VARIANT_ADD(invalid, vfs_many)
	{ .attr = "total_vfs", .val = "257", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, vfs_text)
	{ .attr = "total_vfs", .val = "x", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, latency_long)
	{ .attr = "latency_ms", .val = "901", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, latency_text)
	{ .attr = "latency_ms", .val = "1s", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, soft_reset_text)
	{ .attr = "soft_reset", .val = "x", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, tdi_text)
	{ .attr = "tdi_error", .val = "pf0", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, tdi_range)
	{ .attr = "tdi_error", .val = "01:20.0", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, tdi_dead)
	{ .attr = "tdi_error", .val = "01:00.0", .error = ENXIO };
FIXTURE_VARIANT_ADD(invalid, fault_text)
	{ .attr = "fault", .val = "nonsense", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, fault_message)
	{ .attr = "fault", .val = "corrupt -1", .error = EINVAL };
FIXTURE_VARIANT_ADD(invalid, surprise_dead)
	{ .attr = "surprise_remove", .val = "1", .error = ENODEV };

FIXTURE_SETUP(invalid)
{
	sim_sweep();
	test_ok(sim_prepare(&self->sim, "alpha", 1));
}

FIXTURE_TEARDOWN(invalid)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(invalid, refused)
{
	struct sim_device *d = &self->sim.d[0];
	char before[64], after[64];

	if (sim_get(d, variant->attr, before, sizeof(before)))
		before[0] = '\0';
	test_err(variant->error, sim_set(d, variant->attr, "%s", variant->val));
	if (sim_get(d, variant->attr, after, sizeof(after)))
		after[0] = '\0';
	ASSERT_STREQ(before, after);
}

/* Virtual functions are counted over all devices */
TEST_F(topology, vfs_of_all_devices)
{
	struct sim beta;

	test_ok(sim_prepare(&beta, "beta", 1));
	test_ok(sim_set(&self->sim.d[0], "total_vfs", "200"));
	test_err(ENOSPC, sim_set(&self->sim.d[1], "total_vfs", "57"));
	test_ok(sim_set(&self->sim.d[1], "total_vfs", "50"));
	test_err(ENOSPC, sim_set(&beta.d[0], "total_vfs", "7"));
	test_ok(sim_set(&beta.d[0], "total_vfs", "6"));

	/* What one gives back another may have */
	test_ok(sim_set(&self->sim.d[0], "total_vfs", "100"));
	test_ok(sim_set(&beta.d[0], "total_vfs", "106"));
	test_ok(sim_device_destroy(&self->sim.d[1]));
	test_ok(sim_set(&beta.d[0], "total_vfs", "156"));
	test_ok(sim_platform_destroy(&beta.p));
	test_ok(sim_set(&self->sim.d[0], "total_vfs", "256"));
}

/*
 * More virtual functions than a device has functions otherwise. With TSM_VFS=256
 * in the environment, which takes its time, the last ones are on the next bus.
 */
TEST_F(topology, many_vfs)
{
	const char *vfs = getenv("TSM_VFS") ?: "24";
	int last = atoi(vfs) - 1;
	char vf[32], dsm[32];

	test_ok(sim_set(self->d, "total_vfs", "%s", vfs));
	if (last + 4 < SIM_MAX_VFS)
		test_ok(sim_set(&self->sim.d[1], "total_vfs", "4"));
	test_ok(sim_up(&self->sim));
	test_ok(sim_pci_driver(self->d->bdf, "pci-pf-stub"));
	test_ok(sim_pci_write(self->d->bdf, "sriov_numvfs", vfs));
	test_ok(sim_pci_vf(self->d->bdf, last, vf, sizeof(vf)));
	/* Those of the first bus begin as function 0 does: domain and bus */
	ASSERT_EQ(last + SIM_MAX_FUNCTIONS > 255,
		  !!strncmp(vf, self->d->bdf, strlen(vf) - strlen("00.0")));

	test_connect(self->d);
	test_connected(self->d);
	test_ok(sim_pci_read(vf, "tsm/dsm", dsm, sizeof(dsm)));
	ASSERT_STREQ(self->d->bdf, dsm);

	/* Torn down with all of that in place */
	test_ok(sim_platform_live(&self->sim.p, false));
	ASSERT_FALSE(sim_pci_exists(vf, "vendor"));
	test_ok(sim_up(&self->sim));
	test_works(self->d);
}

/* Sixty-four devices in four platforms, and not one more */
FIXTURE(many)
{
	struct sim sim[NR_PLATFORMS];
};

FIXTURE_SETUP(many)
{
	int i;

	sim_sweep();
	for (i = 0; i < NR_PLATFORMS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		test_ok(sim_prepare(&self->sim[i], name, NR_EACH));
	}
}

FIXTURE_TEARDOWN(many)
{
	sim_sweep();
	EXPECT_FALSE(sim_exists(SIM_ROOT "/p0"));
}

TEST_F_TIMEOUT(many, sixty_four_devices, 240)
{
	static const int order[NR_PLATFORMS] = { 2, 0, 3, 1 };
	struct sim_device more;
	int i, j;

	test_err(ENOSPC, sim_device_create(&more, &self->sim[0].p, "more"));

	for (i = 0; i < NR_PLATFORMS; i++)
		test_ok(sim_up(&self->sim[i]));
	for (i = 0; i < NR_PLATFORMS; i++) {
		for (j = 0; j < NR_EACH; j++) {
			ASSERT_TRUE(sim_pci_exists(self->sim[i].d[j].bdf,
						   "tsm/connect"));
		}
		test_connect(&self->sim[i].d[NR_EACH - 1]);
		test_connected(&self->sim[i].d[NR_EACH - 1]);
	}

	/* In an order of their own, the others stay */
	for (i = 0; i < NR_PLATFORMS; i++) {
		test_ok(sim_platform_live(&self->sim[order[i]].p, false));
		for (j = i + 1; j < NR_PLATFORMS; j++)
			test_connected(&self->sim[order[j]].d[NR_EACH - 1]);
	}

	/* A place that is given up can be taken, in any platform */
	test_ok(sim_device_destroy(&self->sim[3].d[4]));
	test_ok(sim_device_create(&more, &self->sim[0].p, "more"));
	test_ok(sim_up(&self->sim[0]));
	test_ok(sim_device_names(&more));
	test_works(&more);
}

/* Devices first, platform first, live or not: the order is the user's */
FIXTURE(teardown)
{
	struct sim sim;
};

FIXTURE_VARIANT(teardown)
{
	bool connected;
	bool live;
	int first;
};

FIXTURE_VARIANT_ADD(teardown, idle_live)
{
	.live = true,
	.first = 1,
};

FIXTURE_VARIANT_ADD(teardown, connected_live)
{
	.connected = true,
	.live = true,
	.first = 2,
};

FIXTURE_VARIANT_ADD(teardown, connected_down)
{
	.connected = true,
	.first = 0,
};

FIXTURE_SETUP(teardown)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 3));
}

FIXTURE_TEARDOWN(teardown)
{
	sim_sweep();
	EXPECT_FALSE(sim_exists(SIM_ROOT "/alpha"));
}

TEST_F(teardown, in_any_order)
{
	int i;

	if (variant->connected)
		for (i = 0; i < 3; i++)
			test_connect(&self->sim.d[i]);
	if (!variant->live)
		test_ok(sim_platform_live(&self->sim.p, false));

	/* rmdir unplugs a device of a live platform, connected or not */
	for (i = 0; i < 3; i++) {
		struct sim_device *d = &self->sim.d[(variant->first + i) % 3];

		test_ok(sim_device_destroy(d));
		ASSERT_FALSE(sim_pci_exists(d->bdf, "vendor"));
	}
	test_err(0, rmdir(SIM_ROOT "/alpha"));

	test_ok(sim_build(&self->sim, "alpha", 1));
	test_works(&self->sim.d[0]);
}

/* A live platform that loses its directory is torn down on the way */
TEST_F(teardown, live_platform)
{
	int i;

	for (i = 0; i < 3; i++)
		test_ok(sim_device_destroy(&self->sim.d[i]));
	if (!variant->live)
		test_ok(sim_platform_live(&self->sim.p, false));
	ASSERT_EQ(0, rmdir(SIM_ROOT "/alpha"));
	test_ok(sim_build(&self->sim, "alpha", 1));
	test_works(&self->sim.d[0]);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
