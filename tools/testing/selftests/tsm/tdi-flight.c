// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about TDIs that are under way while the TDI, its device or its TSM
 * goes, or while somebody else wants the same device: they end when they have
 * to, and nobody waits for them who need not.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tsm_harness.h"

FIXTURE(flight)
{
	struct scene s;
	struct vmm_job job;
};

FIXTURE_SETUP(flight)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 2));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(flight)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* Begin a request that goes on for much longer than any test */
#define test_long_request(s, job) test_long_request_at(s, job, 400)
#define test_long_request_at(s, job, latency_ms) \
	_test_long_request(_metadata, s, job, latency_ms)
static void _test_long_request(struct __test_metadata *_metadata,
			       struct scene *s, struct vmm_job *job,
			       unsigned int latency_ms)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_INTERFACE_REPORT };
	char cmd[SIM_TEXT];
	size_t i, len;
	long before;

	test_ok(sim_set(s->d, "fault", "report-portions 1"));
	test_ok(sim_set(s->d, "latency_ms", "%u", latency_ms));
	before = sim_count(s->d, "messages");
	len = snprintf(cmd, sizeof(cmd), "req t op=%d resp=8 hex=",
		       TSM_OP_REGEN_OBJECT);
	for (i = 0; i < sizeof(req); i++)
		len += snprintf(cmd + len, sizeof(cmd) - len, "%02x",
				((uint8_t *)&req)[i]);
	test_ok(vmm_job_start(job, cmd));
	ASSERT_TRUE(sim_conversing(s->d, before, 2, PROMPT_MS));
	ASSERT_FALSE(atomic_load(&job->ended));
}

TEST_F(flight, stop)
{
	struct vmm *v = &self->s.v;
	long long start_ms;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_long_request(&self->s, &self->job);
	start_ms = sim_now_ms();
	test_cmd(v, "stop t");
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_err(ENXIO, vmm_job_wait(&self->job, PROMPT_MS));
	test_state(v, "t", "UNLOCKED");
	/* The session is as good as before */
	test_ok(sim_set(self->s.d, "latency_ms", "0"));
	test_ok(vmm_run(v, "t"));
	test_device(self->s.d, self->s.vf[0], "run");
}

TEST_F(flight, destroy)
{
	struct vmm *v = &self->s.v;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_long_request(&self->s, &self->job);
	test_cmd(v, "destroy t");
	test_err(ENXIO, vmm_job_wait(&self->job, PROMPT_MS));
}

TEST_F(flight, unregister)
{
	long long start_ms = sim_now_ms();

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_long_request(&self->s, &self->job);
	start_ms = sim_now_ms();
	test_ok(sim_platform_live(&self->s.sim.p, false));
	ASSERT_GT(CONVERSATION_MS, sim_now_ms() - start_ms);
	test_err(ENXIO, vmm_job_wait(&self->job, PROMPT_MS));
	test_state(&self->s.v, "t", "UNLOCKED DEAD");
}

TEST_F(flight, surprise_removal)
{
	int err;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_long_request(&self->s, &self->job);
	test_ok(sim_set(self->s.d, "surprise_remove", "1"));
	err = vmm_job_wait(&self->job, PROMPT_MS);
	/* A message was lost, or none was sent any more */
	if (err != -EIO)
		ASSERT_EQ(-ENXIO, err);
	ASSERT_TRUE(sim_wait(!sim_pci_exists(self->s.d->bdf, "vendor"),
			     PROMPT_MS));
	test_state(&self->s.v, "t", "UNLOCKED DEAD");
	test_in_order(&self->s.v, "t");
}

TEST_F(flight, sriov_disabled)
{
	long long start_ms;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_long_request(&self->s, &self->job);
	start_ms = sim_now_ms();
	test_ok(sim_pci_write(self->s.d->bdf, "sriov_numvfs", "0"));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_err(ENXIO, vmm_job_wait(&self->job, PROMPT_MS));
}

/* The hotplug of others does not wait for a conversation about a TDI */
TEST_F(flight, hotplug_of_others)
{
	struct sim_device *other = &self->s.sim.d[1];
	long long start_ms;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_long_request(&self->s, &self->job);
	start_ms = sim_now_ms();
	test_ok(sim_pci_write(other->bdf, "remove", "1"));
	test_ok(sim_pci_rescan(&self->s.sim.p));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	ASSERT_FALSE(atomic_load(&self->job.ended));
	test_cmd(&self->s.v, "stop t");
	test_err(ENXIO, vmm_job_wait(&self->job, PROMPT_MS));
}

/* A conversation that never gets to its end is ended */
TEST_F(flight, conversation_without_end)
{
	struct vmm *v = &self->s.v;
	int err;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_long_request_at(&self->s, &self->job, 900);
	err = vmm_job_wait(&self->job, CONVERSATION_MS);
	test_err(ETIMEDOUT, err);
	ASSERT_LE(25000, self->job.took_ms);
	/* Others have had their turns in between */
	test_ok(sim_set(self->s.d, "latency_ms", "0"));
	test_state(v, "t", "RUN");
	test_state(v, "l", "LOCKED");
}

/* TDIs of one device take turns: one does not wait for the other's end */
TEST_F(flight, turns)
{
	struct vmm *v = &self->s.v;
	long long start_ms;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_long_request(&self->s, &self->job);
	start_ms = sim_now_ms();
	test_cmd(v, "stop l");
	test_cmd(v, "stop u");
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	ASSERT_FALSE(atomic_load(&self->job.ended));
	test_cmd(v, "stop t");
	test_err(ENXIO, vmm_job_wait(&self->job, PROMPT_MS));
}

/* A VMM that is killed does not wait for the end of its request */
TEST_F(flight, killed)
{
	long before = sim_count(self->s.d, "messages");
	long long start_ms;
	int status;
	pid_t pid;

	test_ok(sim_set(self->s.d, "fault", "report-portions 1"));
	test_ok(sim_set(self->s.d, "latency_ms", "400"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct vmm w = { };

		vmm_close(&self->s.v);
		/* The lock reads a report that goes on for a minute */
		_exit(vmm_open(&w) || vmm_cmd(&w, "vm vm1") ||
		      vmm_create(&w, "t", self->s.vf[0], "vm1", 1, NULL) ||
		      vmm_cmd(&w, "lock t"));
	}
	ASSERT_TRUE(sim_conversing(self->s.d, before, 5, PROMPT_MS));
	start_ms = sim_now_ms();
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_device(self->s.d, self->s.vf[0], "unlocked");
	test_ok(sim_set(self->s.d, "latency_ms", "0"));
	test_disconnect(self->s.d);
}

/*
 * Two devices, each slow: what is said to one need not be over before something
 * is said to the other, unless their TSM wants it so.
 */
FIXTURE(devices)
{
	struct scene s;
	struct vmm_job job;
};

FIXTURE_VARIANT(devices)
{
	bool serial;
};

FIXTURE_VARIANT_ADD(devices, parallel) { };
FIXTURE_VARIANT_ADD(devices, serial) { .serial = true };

FIXTURE_SETUP(devices)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 2));
	if (variant->serial)
		test_ok(sim_platform_set(&self->s.sim.p, "parallel", "0"));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(devices)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(devices, two)
{
	struct vmm *v = &self->s.v;
	long long alone_ms, both_ms;

	test_ok(vmm_create(v, "a", self->s.sim.d[0].bdf, "vm0", 1, NULL));
	test_ok(vmm_create(v, "b", self->s.sim.d[1].bdf, "vm0", 2, NULL));
	/* What is exchanged once in a session is not measured */
	test_cmd(v, "lock a");
	test_cmd(v, "stop a");
	test_cmd(v, "lock b");
	test_cmd(v, "stop b");
	test_ok(sim_set(&self->s.sim.d[0], "latency_ms", "600"));
	test_ok(sim_set(&self->s.sim.d[1], "latency_ms", "600"));

	alone_ms = sim_now_ms();
	test_cmd(v, "lock a");
	alone_ms = sim_now_ms() - alone_ms;
	test_cmd(v, "stop a");

	both_ms = sim_now_ms();
	test_ok(vmm_job_start(&self->job, "lock a"));
	test_cmd(v, "lock b");
	test_ok(vmm_job_wait(&self->job, CONVERSATION_MS));
	both_ms = sim_now_ms() - both_ms;
	/* Twice as long in a row, and no longer at the same time */
	ASSERT_EQ(variant->serial, both_ms * 10 > alone_ms * 16) {
		TH_LOG("%lld ms alone, %lld ms together", alone_ms, both_ms);
	}
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
