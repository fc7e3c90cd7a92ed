// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs that their user gives up: one by one, with the file that they are of, or
 * with its process. What the module of the TSM has to do with it. That they are
 * lost by what others do is in tdi-loss.c.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tsm_harness.h"

FIXTURE(end)
{
	struct scene s;
};

FIXTURE_SETUP(end)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(end)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* A user that is about to lose what its hooks work on */
TEST_F(end, disarmed)
{
	struct vmm *v = &self->s.v;

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_cmd(v, "lock t");
	test_cmd(v, "run t");
	test_cmd(v, "disarm t");
	test_device(self->s.d, self->s.vf[0], "unlocked");
	test_state(v, "t", "UNLOCKED");
	test_hooks(v, "t", "gate ranges revoke ungate");
	test_err_cmd(ENODEV, v, "lock t");
	test_cmd(v, "stop t");
	/* the function is still this TDI's */
	test_err(EBUSY, vmm_create(v, "u", self->s.vf[0], "vm0", 1, NULL));
	test_hooks(v, "t", "gate ranges revoke ungate");
	test_in_order(v, "t");
}

/* Its TDIs are stopped and destroyed before anybody can tell that it is gone */
TEST_F(end, closed)
{
	struct vmm w = { };

	test_ok(vmm_open(&w));
	test_cmd(&w, "vm vm1");
	test_cmd(&w, "viommu w bdf=%s vm=vm1", self->s.vf[0]);
	test_ok(vmm_create(&w, "t", self->s.vf[0], "vm1", 1, "w"));
	test_ok(vmm_create(&w, "u", self->s.vf[1], "vm1", 2, "w"));
	test_ok(vmm_create(&w, "x", self->s.vf[2], "vm1", 3, NULL));
	test_cmd(&w, "lock t");
	test_cmd(&w, "run t");
	test_cmd(&w, "lock u");
	vmm_close(&w);
	test_device(self->s.d, self->s.vf[0], "unlocked");
	test_device(self->s.d, self->s.vf[1], "unlocked");
	test_err_cmd(ENOENT, &self->s.v, "vm-show vm1");
	test_disconnect(self->s.d);
}

/*
 * Every way in which a user gives up what it has, one TDI in each state: the order
 * is the same, of what was done nothing is left out, and nothing else is done.
 */
enum ending {
	END_STOP,
	END_DISARM,
	END_DESTROY,
	END_CLOSE,
	END_KILL,
};

FIXTURE(ending)
{
	struct scene s;
	struct vmm w;
};

FIXTURE_VARIANT(ending)
{
	enum ending how;
	bool revoke_first;
};

FIXTURE_VARIANT_ADD(ending, stop) { .how = END_STOP };
FIXTURE_VARIANT_ADD(ending, stop_revoke_first)
	{ .how = END_STOP, .revoke_first = true };
FIXTURE_VARIANT_ADD(ending, disarm) { .how = END_DISARM };
FIXTURE_VARIANT_ADD(ending, destroy) { .how = END_DESTROY };
FIXTURE_VARIANT_ADD(ending, close) { .how = END_CLOSE };
FIXTURE_VARIANT_ADD(ending, close_revoke_first)
	{ .how = END_CLOSE, .revoke_first = true };
FIXTURE_VARIANT_ADD(ending, kill) { .how = END_KILL };

FIXTURE_SETUP(ending)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	if (variant->revoke_first)
		test_ok(sim_platform_set(&self->s.sim.p, "revoke_first", "1"));
	test_ok(scene_connect(&self->s));
	test_ok(trace_begin());
}

FIXTURE_TEARDOWN(ending)
{
	trace_end();
	vmm_close(&self->w);
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* One that is unlocked, locked, running, and given up by the device, on each VF */
static const char * const state_names[] = { "u", "l", "r", "e" };

static int tdi_of_each_state(struct vmm *w, struct scene *s)
{
	unsigned int i;
	int err;

	err = vmm_open(w);
	err = err ?: vmm_cmd(w, "vm vm1");
	for (i = 0; !err && i < ARRAY_SIZE(state_names); i++)
		err = vmm_create(w, state_names[i], s->vf[i], "vm1", 1 + i,
				 NULL);
	err = err ?: vmm_cmd(w, "lock l");
	err = err ?: vmm_run(w, "r");
	err = err ?: vmm_run(w, "e");
	return err ?: sim_tdi_error(s->d, s->vf[3]);
}

/* In a process that waits to be killed: its pid, or -errno */
static pid_t tdis_of_child(struct scene *s)
{
	int ready[2], err = -ECHILD;
	pid_t pid;

	if (pipe(ready))
		return -errno;
	pid = fork();
	if (!pid) {
		struct vmm w = { };

		/* The parent's file is not to be held here */
		vmm_close(&s->v);
		err = tdi_of_each_state(&w, s);
		if (write(ready[1], &err, sizeof(err)) != sizeof(err))
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &err, sizeof(err)) != sizeof(err))
		err = -EPIPE;
	close(ready[0]);
	if (pid > 0 && err)
		kill(pid, SIGKILL);
	return err ?: pid;
}

TEST_F(ending, in_order)
{
	bool gone = variant->how != END_STOP && variant->how != END_DISARM;
	const char *first = variant->revoke_first ? "revoke stop" : "stop revoke";
	static const char * const cmds[] = {
		[END_STOP] = "stop",
		[END_DISARM] = "disarm",
		[END_DESTROY] = "destroy",
	};
	struct scene *s = &self->s;
	long long disorder;
	int status = 0;
	unsigned int i;
	pid_t pid = 0;

	test_cmd(&s->v, "totals");
	disorder = vmm_value(&s->v, "disorder");
	if (variant->how == END_KILL) {
		pid = tdis_of_child(s);
		ASSERT_LT(0, pid);
	} else {
		test_ok(tdi_of_each_state(&self->w, s));
	}
	test_device(s->d, s->vf[1], "locked");
	test_device(s->d, s->vf[2], "run");
	test_device(s->d, s->vf[3], "error");
	trace_clear();

	switch (variant->how) {
	case END_KILL:
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		break;
	case END_CLOSE:
		vmm_close(&self->w);
		break;
	default:
		for (i = 0; i < ARRAY_SIZE(state_names); i++)
			test_cmd(&self->w, "%s %s", cmds[variant->how],
				 state_names[i]);
	}

	for (i = 0; i < ARRAY_SIZE(state_names); i++) {
		char steps[SIM_TEXT] = "";

		if (i)
			snprintf(steps, sizeof(steps), "%s dma-off%s release ungate%s",
				 first, i > 1 ? " host-dma-off" : "",
				 gone ? " " : "");
		if (gone)
			strcat(steps, "destroy");
		ASSERT_STREQ(steps, trace_steps(s->vf[i])) {
			TH_LOG("TDI %s", state_names[i]);
		}
		test_device(s->d, s->vf[i], "unlocked");
		if (gone) {
			test_err_cmd(ENOENT, &s->v, "state %s", state_names[i]);
		} else {
			test_state(&self->w, state_names[i], "UNLOCKED");
			test_in_order(&self->w, state_names[i]);
		}
	}
	vmm_close(&self->w);
	test_err_cmd(ENOENT, &s->v, "vm-show vm1");
	test_cmd(&s->v, "totals");
	ASSERT_EQ(disorder, vmm_value(&s->v, "disorder"));
	test_disconnect(s->d);
}

/* --- the module of the TSM ------------------------------------------------ */

/*
 * It stays for as long as one of its TDIs has a context of its, and who wants to
 * unload it takes nothing away from anybody.
 */
TEST_F(end, module)
{
	struct scene *s = &self->s;
	struct vmm *v = &s->v;
	int users;

	if (sim_module_builtin())
		SKIP(return, "tsm-sim is built in");

	users = sim_module_users();
	ASSERT_LT(0, users);
	test_ok(vmm_create(v, "t", s->vf[0], "vm0", 1, NULL));
	ASSERT_EQ(users + 1, sim_module_users());
	test_ok(vmm_run(v, "t"));
	test_ok(trace_begin());
	test_err(EAGAIN, sim_module_unload());
	ASSERT_STREQ("", trace_steps(s->vf[0]));
	trace_end();
	test_state(v, "t", "RUN");
	test_device(s->d, s->vf[0], "run");
	test_connected(s->d);
	test_ok(vmm_create(v, "u", s->vf[1], "vm0", 2, NULL));
	ASSERT_EQ(users + 2, sim_module_users());
	test_cmd(v, "destroy u");
	ASSERT_EQ(users + 1, sim_module_users());
	test_ok(vmm_create(v, "u", s->vf[1], "vm0", 2, NULL));

	/*
	 * One that is DEAD has none, and is its user's only. The functions that
	 * went had some, for their IOMMU.
	 */
	test_ok(sim_pci_write(s->d->bdf, "remove", "1"));
	test_state(v, "t", "UNLOCKED DEAD");
	test_state(v, "u", "UNLOCKED DEAD");
	users = sim_module_users();
	test_cmd(v, "destroy u");
	ASSERT_EQ(users, sim_module_users());
	test_ok(sim_platform_live(&s->sim.p, false));
	test_ok(sim_platform_destroy(&s->sim.p));
	test_err(EAGAIN, sim_module_unload());
	test_cmd(v, "destroy t");
	vmm_close(v);
	ASSERT_EQ(0, sim_module_users());
	test_ok(sim_module_unload());

	test_ok(sim_module_load());
	test_ok(scene_build(s, "alpha", 1));
	test_ok(scene_connect(s));
	test_ok(vmm_create(v, "t", s->vf[0], "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_device(s->d, s->vf[0], "run");
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
