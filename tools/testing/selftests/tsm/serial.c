// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TSM whose driver takes one operation at a time: the core calls it so, who
 * waits for his turn can be turned away, and all else goes on.
 */
#include "tsm_harness.h"

#define NR_DEVICES 3

FIXTURE(turns)
{
	struct sim sim;
	struct sim_job job[NR_DEVICES];
};

FIXTURE_VARIANT(turns)
{
	const char *parallel;
};

FIXTURE_VARIANT_ADD(turns, serial) { .parallel = "0" };
/* That the measure of the other one measures something */
FIXTURE_VARIANT_ADD(turns, parallel) { .parallel = "1" };

FIXTURE_SETUP(turns)
{
	unsigned int i;

	sim_sweep();
	test_ok(sim_prepare(&self->sim, "alpha", NR_DEVICES));
	test_ok(sim_platform_set(&self->sim.p, "parallel", variant->parallel));
	test_ok(sim_up(&self->sim));
	for (i = 0; i < NR_DEVICES; i++)
		test_ok(sim_set(&self->sim.d[i], "latency_ms", "50"));
}

FIXTURE_TEARDOWN(turns)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

static bool is_connected(struct sim_device *d)
{
	char buf[64];

	return !sim_pci_read(d->bdf, "tsm/connect", buf, sizeof(buf)) && buf[0];
}

/*
 * How many converse right now, at least: those that had begun before the look
 * at those that have ended.
 */
static unsigned int conversing(struct sim *sim)
{
	bool begun[NR_DEVICES];
	unsigned int i, n = 0;

	for (i = 0; i < NR_DEVICES; i++)
		begun[i] = sim_count(&sim->d[i], "messages") > 0;
	for (i = 0; i < NR_DEVICES; i++)
		if (begun[i] && !is_connected(&sim->d[i]))
			n++;
	return n;
}

TEST_F(turns, one_at_a_time)
{
	unsigned int i, running, most = 0;
	int gate[2];

	test_ok(sim_gate(gate));
	for (i = 0; i < NR_DEVICES; i++)
		test_ok(sim_job_connect(&self->job[i], gate, &self->sim.d[i]));
	sim_gate_open(gate);

	do {
		unsigned int now = conversing(&self->sim);

		if (now > most)
			most = now;
		for (i = 0, running = 0; i < NR_DEVICES; i++)
			running += sim_job_running(&self->job[i]);
	} while (running);

	for (i = 0; i < NR_DEVICES; i++) {
		test_ok(sim_job_wait(&self->job[i], CONVERSATION_MS));
		test_connected(&self->sim.d[i]);
	}
	ASSERT_LE(1, most);
	ASSERT_EQ(variant->parallel[0] == '1', most > 1);

	/* Leaving is a conversation, too */
	test_ok(sim_gate(gate));
	for (i = 0; i < NR_DEVICES; i++)
		test_ok(sim_job_disconnect(&self->job[i], gate,
					   &self->sim.d[i]));
	sim_gate_open(gate);
	for (i = 0; i < NR_DEVICES; i++)
		test_ok(sim_job_wait(&self->job[i], CONVERSATION_MS));
	for (i = 0; i < NR_DEVICES; i++)
		test_idle(&self->sim.d[i]);
}

/* Device a converses, the others wait for their turn */
FIXTURE(queue)
{
	struct sim sim;
	struct sim_device *a;
	struct sim_device *b;
	struct sim_device *c;
	struct sim_job job;
	struct sim_job wait_b;
	struct sim_job wait_c;
};

FIXTURE_SETUP(queue)
{
	sim_sweep();
	test_ok(sim_prepare(&self->sim, "alpha", NR_DEVICES));
	test_ok(sim_platform_set(&self->sim.p, "parallel", "0"));
	self->a = &self->sim.d[0];
	self->b = &self->sim.d[1];
	self->c = &self->sim.d[2];
	test_ok(sim_set(self->c, "total_vfs", "2"));
	test_ok(sim_up(&self->sim));
}

FIXTURE_TEARDOWN(queue)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/* Start a connect that has to wait: begun, says disconnect, but not talking */
#define test_queue(job, d) _test_queue(_metadata, job, d)
static void _test_queue(struct __test_metadata *_metadata, struct sim_job *job,
			struct sim_device *d)
{
	test_ok(sim_job_connect(job, NULL, d));
	ASSERT_TRUE(sim_wait(sim_disconnect(d) == -EBUSY, PROMPT_MS));
	ASSERT_TRUE(sim_job_running(job));
}

TEST_F(queue, killed)
{
	long before = sim_count(self->b, "messages");
	long long start_ms;

	test_ok(sim_set(self->a, "latency_ms", "300"));
	test_start_connect(&self->job, self->a);
	test_queue(&self->wait_b, self->b);

	start_ms = sim_now_ms();
	sim_job_kill(&self->wait_b);
	ASSERT_EQ(SIM_JOB_KILLED, sim_job_wait(&self->wait_b, PROMPT_MS));
	ASSERT_GE(2000, sim_now_ms() - start_ms);
	ASSERT_TRUE(sim_job_running(&self->job));
	ASSERT_EQ(before, sim_count(self->b, "messages"));
	test_idle(self->b);

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->a);
	test_works(self->b);
	test_ok(sim_set(self->a, "latency_ms", "0"));
	test_disconnect(self->a);
	test_idle(self->a);
}

/* Who is in the queue when the TSM leaves never gets to talk */
TEST_F(queue, tsm_leaves)
{
	long before_b = sim_count(self->b, "messages");
	long before_c = sim_count(self->c, "messages");
	int err;

	test_ok(sim_set(self->a, "latency_ms", "800"));
	test_start_connect(&self->job, self->a);
	test_queue(&self->wait_b, self->b);
	test_queue(&self->wait_c, self->c);

	test_ok(sim_platform_live(&self->sim.p, false));
	err = sim_job_wait(&self->job, PROMPT_MS);
	/* The TSM went first, or the device did */
	if (err != -ENODEV)
		test_err(ENXIO, err);
	test_err(ENXIO, sim_job_wait(&self->wait_b, PROMPT_MS));
	test_err(ENXIO, sim_job_wait(&self->wait_c, PROMPT_MS));
	ASSERT_EQ(before_b, sim_count(self->b, "messages"));
	ASSERT_EQ(before_c, sim_count(self->c, "messages"));

	test_ok(sim_up(&self->sim));
	test_ok(sim_set(self->a, "latency_ms", "0"));
	test_works(self->a);
	test_works(self->b);
	test_works(self->c);
}

/* A device that is removed gives its place up; it takes until it is its turn */
TEST_F(queue, device_removed)
{
	long before = sim_count(self->b, "messages");

	test_ok(sim_set(self->a, "latency_ms", "150"));
	test_start_connect(&self->job, self->a);
	test_queue(&self->wait_b, self->b);
	test_ok(sim_pci_write(self->b->bdf, "remove", "1"));
	test_err(ENODEV, sim_job_wait(&self->wait_b, PROMPT_MS));
	ASSERT_EQ(before, sim_count(self->b, "messages"));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->a);
	test_ok(sim_pci_rescan(&self->sim.p));
	test_works(self->b);
	test_ok(sim_set(self->a, "latency_ms", "0"));
	test_disconnect(self->a);
}

/* Functions of a connected device come and go while another one converses */
TEST_F(queue, functions)
{
	char vf[2][32], dsm[32];
	int i;

	test_ok(sim_pci_driver(self->c->bdf, "pci-pf-stub"));
	test_connect(self->c);
	test_ok(sim_set(self->a, "latency_ms", "150"));
	test_start_connect(&self->job, self->a);

	test_ok(sim_pci_write(self->c->bdf, "sriov_numvfs", "2"));
	for (i = 0; i < 2; i++) {
		test_ok(sim_pci_vf(self->c->bdf, i, vf[i], sizeof(vf[i])));
		test_ok(sim_pci_read(vf[i], "tsm/dsm", dsm, sizeof(dsm)));
		ASSERT_STREQ(self->c->bdf, dsm);
	}
	test_ok(sim_pci_write(self->c->bdf, "sriov_numvfs", "0"));
	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->a);
	test_connected(self->c);

	/* And with a conversation in the way of their going */
	test_ok(sim_pci_write(self->c->bdf, "sriov_numvfs", "2"));
	test_ok(sim_set(self->b, "latency_ms", "150"));
	test_start_connect(&self->wait_b, self->b);
	test_ok(sim_pci_write(self->c->bdf, "sriov_numvfs", "0"));
	test_ok(sim_job_wait(&self->wait_b, CONVERSATION_MS));
	test_connected(self->c);
	test_disconnect(self->c);
	test_idle(self->c);
}

/* What needs no TSM waits for none: attributes, other devices, other TSMs */
TEST_F(queue, others)
{
	struct sim beta;
	char buf[64];

	test_ok(sim_set(self->a, "latency_ms", "800"));
	test_start_connect(&self->job, self->a);
	test_queue(&self->wait_b, self->b);

	test_ok(sim_pci_read(self->b->bdf, "tsm/connect", buf, sizeof(buf)));
	ASSERT_STREQ("", buf);
	test_ok(sim_pci_read(self->c->bdf, "tsm/connect", buf, sizeof(buf)));
	test_ok(sim_pci_write(self->c->bdf, "remove", "1"));
	test_ok(sim_pci_rescan(&self->sim.p));
	ASSERT_TRUE(sim_pci_exists(self->c->bdf, "tsm/connect"));
	test_ok(sim_build(&beta, "beta", 1));
	test_works(&beta.d[0]);
	test_ok(sim_platform_destroy(&beta.p));
	ASSERT_TRUE(sim_job_running(&self->job));
	ASSERT_TRUE(sim_job_running(&self->wait_b));

	sim_job_kill(&self->wait_b);
	ASSERT_EQ(SIM_JOB_KILLED, sim_job_wait(&self->wait_b, PROMPT_MS));
	sim_job_kill(&self->job);
	ASSERT_EQ(SIM_JOB_KILLED, sim_job_wait(&self->job, PROMPT_MS));
	test_idle(self->b);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
