// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that take their time when a TDI is to be stopped, or all the time that
 * there is: a teardown has a bound, a function that leaves has a shorter one, and
 * at its end the TDI is taken from the device by force.
 */
#include "tsm_harness.h"

/* What the kernel allows to a stop, and to the removal of a function */
#define REMOVAL_MS	10000
/* Who measures and who allows do not have the same clock */
#define CLOCK_MS	500

FIXTURE(late)
{
	struct scene s;
	char fn1[32];
	struct vmm_job job;
};

FIXTURE_SETUP(late)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 2));
	test_ok(scene_connect(&self->s));
	snprintf(self->fn1, sizeof(self->fn1), "%s", self->s.d->bdf);
	self->fn1[strlen(self->fn1) - 1] = '1';
	test_ok(trace_begin());
	test_ok(vmm_create(&self->s.v, "t", self->fn1, "vm0", 1, NULL));
	test_ok(vmm_run(&self->s.v, "t"));
	test_ok(bystander(&self->s));
	trace_clear();
}

FIXTURE_TEARDOWN(late)
{
	trace_end();
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* BUSY for ever, and a TSM that asks it for ever */
static int never_ready(struct sim_device *d, const char *more)
{
	int err = sim_set(d, "tsm_fault", "patience%s", more);

	return err ?: sim_set(d, "fault", "tdisp-error %d 3", TDISP_STOP);
}

/* The bystander's device has noticed nothing, and hotplug goes on */
#define test_others(s) _test_others(_metadata, s)
static void _test_others(struct __test_metadata *_metadata, struct scene *s)
{
	test_bystander(s);
	test_in_order(&s->v, "t");
	test_ok(sim_set(s->d, "fault", "none"));
	test_ok(sim_set(s->d, "tsm_fault", "none"));
	test_ok(sim_set(s->d, "latency_ms", "0"));
	test_ok(sim_pci_rescan(&s->sim.p));
}

/* Slow is not dead: it gets the time that it needs */
TEST_F(late, slow)
{
	struct scene *s = &self->s;

	test_ok(sim_set(s->d, "latency_ms", "600"));
	test_ok(sim_pci_write(self->fn1, "remove", "1"));
	ASSERT_STREQ(STEPS_DOWN " destroy", trace_steps(self->fn1));
	test_state(&s->v, "t", "UNLOCKED DEAD");
	test_device(s->d, self->fn1, "unlocked");
	test_others(s);
}

/* The TSM loses its patience before the kernel does */
TEST_F(late, spdm_busy)
{
	struct scene *s = &self->s;
	long long start_ms = sim_now_ms();

	test_ok(sim_set(s->d, "fault", "busy 1 1000000"));
	test_ok(sim_pci_write(self->fn1, "remove", "1"));
	ASSERT_GT(REMOVAL_MS, sim_now_ms() - start_ms);
	ASSERT_STREQ(STEPS_FORCED " destroy", trace_steps(self->fn1));
	test_state(&s->v, "t", "UNLOCKED DEAD");
	test_others(s);
	/* The session has outlived it */
	test_ok(vmm_create(&s->v, "l", s->vf[0], "vm0", 2, NULL));
	test_ok(vmm_run(&s->v, "l"));
}

/* Takes the 10 seconds of the bound: nothing else ends it */
TEST_F(late, removed)
{
	struct scene *s = &self->s;
	long long took_ms;

	test_ok(never_ready(s->d, ""));
	took_ms = sim_now_ms();
	test_ok(sim_pci_write(self->fn1, "remove", "1"));
	took_ms = sim_now_ms() - took_ms;
	ASSERT_LE(REMOVAL_MS - CLOCK_MS, took_ms);
	ASSERT_GT(REMOVAL_MS + PROMPT_MS, took_ms);
	ASSERT_STREQ(STEPS_FORCED " destroy", trace_steps(self->fn1));
	test_state(&s->v, "t", "UNLOCKED DEAD");
	ASSERT_EQ(1, vmm_host(&s->v, "t", "unbound"));
	test_others(s);

	/* The device was not told: that is what the next lock begins with */
	test_cmd(&s->v, "destroy t");
	test_ok(vmm_create(&s->v, "t", self->fn1, "vm0", 1, NULL));
	test_ok(vmm_run(&s->v, "t"));
	test_device(s->d, self->fn1, "run");
}

/* The same under a stop that thinks that it has 40 seconds */
TEST_F(late, removed_under_a_stop)
{
	struct scene *s = &self->s;
	long before = sim_count(s->d, "messages");
	long long took_ms;

	test_ok(never_ready(s->d, ""));
	test_ok(vmm_job_start(&self->job, "stop t"));
	ASSERT_TRUE(sim_conversing(s->d, before, 2, PROMPT_MS));
	took_ms = sim_now_ms();
	test_ok(sim_pci_write(self->fn1, "remove", "1"));
	took_ms = sim_now_ms() - took_ms;
	ASSERT_LE(REMOVAL_MS - CLOCK_MS, took_ms);
	ASSERT_GT(REMOVAL_MS + PROMPT_MS, took_ms);
	test_ok(vmm_job_wait(&self->job, PROMPT_MS));
	ASSERT_STREQ(STEPS_FORCED " destroy", trace_steps(self->fn1));
	test_state(&s->v, "t", "UNLOCKED DEAD");
	test_others(s);
}

/*
 * Nothing helps: the function goes in time, and what it leaves behind waits for
 * its successor.
 */
TEST_F(late, removed_in_vain)
{
	struct scene *s = &self->s;
	long long took_ms;
	char state[64];

	test_ok(never_ready(s->d, " force block"));
	took_ms = sim_now_ms();
	test_ok(sim_pci_write(self->fn1, "remove", "1"));
	took_ms = sim_now_ms() - took_ms;
	ASSERT_LE(REMOVAL_MS - CLOCK_MS, took_ms);
	ASSERT_GT(REMOVAL_MS + PROMPT_MS, took_ms);
	ASSERT_STREQ("stop! stop-force! block!", trace_steps(self->fn1));
	test_state(&s->v, "t", "ERROR QUARANTINED");
	ASSERT_EQ(1, vmm_host(&s->v, "t", "quarantined"));
	test_others(s);

	test_cmd(&s->v, "destroy t");
	test_ok(sim_pci_read(self->fn1, "tsm/tdi_state", state, sizeof(state)));
	ASSERT_STREQ("quarantined", state);
	test_err(ENOTRECOVERABLE,
		 vmm_create(&s->v, "t", self->fn1, "vm0", 1, NULL));
	test_ok(sim_pci_write(self->fn1, "reset", "1"));
	test_err(ENOTRECOVERABLE,
		 vmm_create(&s->v, "t", self->fn1, "vm0", 1, NULL));
	test_disconnect(s->d);
	test_connect(s->d);
	test_ok(vmm_create(&s->v, "t", self->fn1, "vm0", 1, NULL));
	test_ok(vmm_run(&s->v, "t"));
	test_device(s->d, self->fn1, "run");
}

/* Takes the 40 seconds of the bound: nothing else ends it */
TEST_F(late, stopped)
{
	struct scene *s = &self->s;
	long long took_ms;

	test_ok(never_ready(s->d, ""));
	took_ms = sim_now_ms();
	test_cmd(&s->v, "stop t");
	took_ms = sim_now_ms() - took_ms;
	ASSERT_LE(TEARDOWN_MS - CLOCK_MS, took_ms);
	ASSERT_GT(TEARDOWN_MS + PROMPT_MS, took_ms);
	ASSERT_STREQ(STEPS_FORCED, trace_steps(self->fn1));
	test_state(&s->v, "t", "UNLOCKED");
	test_others(s);
	test_ok(vmm_run(&s->v, "t"));
	test_device(s->d, self->fn1, "run");
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
