// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system goes to sleep: not while a function belongs to a VM, which would
 * not know that it lost its devices. Otherwise what is connected is disconnected
 * first, as neither keys nor sessions survive. The sleep is one of the kernel's
 * own tests of it, which returns by itself.
 *
 * Nor does a VM sleep while it has locked a function: see guest_function.
 */
#include "tsm_harness.h"
#include "tsm_guest_view.h"

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

/*
 * A function that this VM has locked. On the loopback the host has a TDI of it,
 * and refuses, too: only where that is gone, it is the guest alone who does.
 */
FIXTURE(guest_function)
{
	struct scene s;
	struct view g;
};

FIXTURE_VARIANT(guest_function)
{
	const char *state;
	bool driver;
	bool host_gone;
};

FIXTURE_VARIANT_ADD(guest_function, locked) { .state = "locked" };
FIXTURE_VARIANT_ADD(guest_function, run) { .state = "run" };
FIXTURE_VARIANT_ADD(guest_function, driven) { .state = "run", .driver = true };
FIXTURE_VARIANT_ADD(guest_function, lost)
	{ .state = "lost", .host_gone = true };
FIXTURE_VARIANT_ADD(guest_function, lost_driven)
	{ .state = "lost", .driver = true, .host_gone = true };
FIXTURE_VARIANT_ADD(guest_function, stuck)
	{ .state = "stuck", .host_gone = true };

FIXTURE_SETUP(guest_function)
{
	sim_sweep();
	if (!sim_exists(POWER "/pm_test"))
		SKIP(return, "this kernel cannot try to sleep");
	test_ok(view_scene(&self->s, &self->g));
}

FIXTURE_TEARDOWN(guest_function)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(guest_function, stays_awake)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_lock(g));
	if (strcmp(variant->state, "locked"))
		test_ok(view_accept(g));
	if (variant->driver)
		test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	if (!strcmp(variant->state, "stuck"))
		test_ok(view_get_stuck(v, g));
	if (variant->host_gone)
		test_cmd(v, "destroy t");
	test_view_comes_to(g, variant->state);

	test_err(EBUSY, try_to_sleep("freezer"));
	test_view(g, variant->state);
	test_connected(self->s.d);
	ASSERT_EQ(variant->driver, sim_pci_exists(g->bdf, "driver"));
	if (!variant->host_gone)
		ASSERT_EQ(variant->driver, view_has_dma(v, "t"));
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_view(g, variant->state);
	test_err(EBUSY, try_to_sleep("freezer"));

	test_ok(view_unlock(g));
	test_view(g, "unlocked");
	if (!variant->host_gone) {
		/* what is not locked is still assigned */
		test_err(EBUSY, try_to_sleep("freezer"));
		test_cmd(v, "destroy t");
	}
	test_ok(try_to_sleep("freezer"));
	test_view(g, "unlocked");
	test_idle(self->s.d);

	/* awake again, as ever */
	test_cmd(v, "guest-put g");
	test_connect(self->s.d);
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", VIEW_RID, NULL));
	test_ok(view_open(g, v, "g", "t", ""));
	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_view(g, "run");
}

/* An ordinary function sleeps as ever, its driver with it, and is locked afterwards */
TEST_F(power, with_an_unlocked_function)
{
	struct vmm *v = &self->s.v;
	struct view g;

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", VIEW_RID, NULL));
	test_ok(view_open(&g, v, "g", "t", ""));
	test_ok(view_lock(&g));
	test_ok(view_unlock(&g));
	test_cmd(v, "destroy t");
	test_ok(sim_pci_driver(g.bdf, VIEW_DRIVER));
	test_ok(try_to_sleep("devices"));
	test_view(&g, "unlocked");
	test_ok(sim_pci_driver(g.bdf, NULL));
	test_cmd(v, "guest-put g");

	test_connect(self->s.d);
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", VIEW_RID, NULL));
	test_ok(view_open(&g, v, "g", "t", ""));
	test_ok(view_lock(&g));
	test_view(&g, "locked");
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
