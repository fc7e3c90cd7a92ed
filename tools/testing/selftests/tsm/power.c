// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system goes to sleep: not while a function belongs to a VM, which would
 * not know that it lost its devices. Otherwise what is connected is disconnected
 * first, as neither keys nor sessions survive. The sleep is one of the kernel's
 * own tests of it, which returns by itself.
 */
#include "tsm_harness.h"

#define POWER		"/sys/power"
#define POWER_DELAY	"/sys/module/suspend/parameters/pm_test_delay"

FIXTURE(power)
{
	struct scene s;
	struct sim_device *other;
	struct sim_job job;
};

FIXTURE_SETUP(power)
{
	sim_sweep();
	if (!sim_exists(POWER "/pm_test"))
		SKIP(return, "this kernel cannot try to sleep");
	test_ok(scene_build(&self->s, "alpha", 2));
	test_ok(scene_connect(&self->s));
	self->other = &self->s.sim.d[1];
}

FIXTURE_TEARDOWN(power)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* Go as far as @level, a word of pm_test, and come back after a second */
static int try_to_sleep(const char *level)
{
	int err;

	err = sim_write(POWER_DELAY, "1");
	/* Without this it would sleep in earnest, and nobody would wake it */
	err = err ?: sim_write(POWER "/pm_test", level);
	if (err)
		return err;
	err = sim_write(POWER "/state", "freeze");
	return sim_write(POWER "/pm_test", "none") ?: err;
}

FIXTURE(assigned)
{
	struct scene s;
};

FIXTURE_VARIANT(assigned)
{
	const char *cmd[2];
	const char *state;
	const char *device;
};

FIXTURE_VARIANT_ADD(assigned, unlocked)
{
	.state = "UNLOCKED",
	.device = "unlocked",
};

FIXTURE_VARIANT_ADD(assigned, locked)
{
	.cmd = { "lock t" },
	.state = "LOCKED",
	.device = "locked",
};

FIXTURE_VARIANT_ADD(assigned, running)
{
	.cmd = { "lock t", "run t" },
	.state = "RUN",
	.device = "run",
};

FIXTURE_SETUP(assigned)
{
	sim_sweep();
	if (!sim_exists(POWER "/pm_test"))
		SKIP(return, "this kernel cannot try to sleep");
	test_ok(scene_build(&self->s, "alpha", 2));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(assigned)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* Refused, and nothing has changed for anybody */
TEST_F(assigned, stays_awake)
{
	struct sim_device *other = &self->s.sim.d[1];
	const char *vf = self->s.vf[0];
	struct vmm *v = &self->s.v;
	unsigned int i;

	test_ok(vmm_create(v, "t", vf, "vm0", 1, NULL));
	for (i = 0; i < ARRAY_SIZE(variant->cmd) && variant->cmd[i]; i++)
		test_cmd(v, "%s", variant->cmd[i]);

	test_err(EBUSY, try_to_sleep("freezer"));
	test_state(v, "t", variant->state);
	test_device(self->s.d, vf, variant->device);
	test_connected(self->s.d);
	test_connected(other);
	/* nor does a connect wait for a system that does not sleep */
	test_disconnect(other);
	test_works(other);

	test_cmd(v, "destroy t");
	test_ok(try_to_sleep("freezer"));
	test_idle(self->s.d);
}

/* In order: the devices hear of the end of their sessions */
TEST_F(power, disconnects)
{
	test_connected(self->s.d);
	test_connected(self->other);
	test_ok(try_to_sleep("devices"));
	test_idle(self->s.d);
	test_idle(self->other);
	test_err(ENXIO, vmm_create(&self->s.v, "t", self->s.vf[0], "vm0", 1,
				   NULL));

	test_works(self->s.d);
	test_connect(self->s.d);
	test_ok(vmm_create(&self->s.v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_ok(vmm_run(&self->s.v, "t"));
	test_device(self->s.d, self->s.vf[0], "run");
}

/* A conversation does not go on for as long as it likes meanwhile */
TEST_F(power, during_connect)
{
	long long start_ms;

	test_disconnect(self->other);
	test_ok(sim_set(self->other, "latency_ms", "800"));
	test_start_connect(&self->job, self->other);
	start_ms = sim_now_ms();
	test_ok(try_to_sleep("freezer"));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_err(EBUSY, sim_job_wait(&self->job, PROMPT_MS));
	test_ok(sim_set(self->other, "latency_ms", "0"));
	test_works_again(self->other);
}

/* A TDI that has lost its connection keeps nobody awake */
TEST_F(power, with_a_dead_tdi)
{
	struct vmm *v = &self->s.v;
	char fn1[32];

	test_ok(sim_vfs(self->s.d, 0));
	snprintf(fn1, sizeof(fn1), "%s", self->s.d->bdf);
	fn1[strlen(fn1) - 1] = '1';
	test_ok(vmm_create(v, "t", fn1, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_err(EBUSY, try_to_sleep("freezer"));
	test_ok(sim_pci_write(self->s.d->bdf, "remove", "1"));
	test_state(v, "t", "UNLOCKED DEAD");
	test_connected(self->other);
	test_ok(try_to_sleep("freezer"));
	test_idle(self->other);
	test_cmd(v, "destroy t");
	test_works(self->other);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
