// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that wait until others are done with the TSM, or with the TDI. Who is told
 * not to wait any longer, by a signal or for good, has changed nothing, and those
 * who had their turn are not disturbed.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tsm_machine.h"

/* How long a call that has to wait is seen to do so */
#define WAITS_MS	200

/**
 * struct turn - a TSM that does one thing at a time, and is at it
 * @m: the machine
 * @h: the VMM
 * @d: the device of both functions
 * @busy: function about which the TSM talks, for longer than any test
 * @dev: function whose turn does not come
 * @holder: the call about @busy
 * @unbinder: the one that ends it
 * @call: the one that waits
 */
struct turn {
	struct machine m;
	struct host h;
	struct sim_device *d;
	struct assigned *busy;
	struct assigned *dev;
	struct call holder;
	struct call unbinder;
	struct call call;
};

static int wait_viommu(struct call *call)
{
	uint32_t id;

	return cmd_viommu_alloc(call->h->iommufd, call->dev->u.dev_id,
				IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &id);
}

static int wait_vdevice(struct call *call)
{
	uint32_t id;

	return cmd_vdevice_alloc(call->h->iommufd, call->h->viommu,
				 call->dev->u.dev_id, 0x20, &id);
}

static int wait_bind(struct call *call)
{
	struct iommu_vdevice_tsm_bind bind;
	int err = cmd_bind(call->h->iommufd, call->dev->vdevice, &bind);

	/* What it says beside the errno: that nothing came of it */
	return err && bind.out_flags ? -EPROTO : err;
}

static int wait_unbind(struct call *call)
{
	return cmd_unbind(call->h->iommufd, call->dev->vdevice, NULL);
}

static int regenerate(struct call *call, uint32_t type)
{
	struct tsm_regen_object req = { .type = type };
	struct tsm_regen_object_resp resp;
	size_t len = sizeof(resp);

	return cmd_request(call->h->iommufd, call->dev->vdevice, call->h->arch,
			   TSM_OP_REGEN_OBJECT, &req, sizeof(req), &resp, &len);
}

static int wait_req(struct call *call)
{
	return regenerate(call, TSM_OBJECT_MEASUREMENTS);
}

/* Byte by byte, each takes a while */
static int hold(struct call *call)
{
	return regenerate(call, TSM_OBJECT_INTERFACE_REPORT);
}

static void nothing(int sig)
{
}

FIXTURE(turn)
{
	struct turn t;
};

FIXTURE_VARIANT(turn)
{
	int (*fn)(struct call *call);
	bool vdevice;		/* there is one already */
};

FIXTURE_VARIANT_ADD(turn, viommu_alloc) { .fn = wait_viommu };
FIXTURE_VARIANT_ADD(turn, vdevice_alloc) { .fn = wait_vdevice };
FIXTURE_VARIANT_ADD(turn, bind) { .fn = wait_bind, .vdevice = true };
FIXTURE_VARIANT_ADD(turn, req) { .fn = wait_req, .vdevice = true };

static int turn_build(struct turn *t, bool vdevice)
{
	struct sigaction action = { .sa_handler = nothing };
	long before;
	int err;

	if (sigaction(SIGUSR1, &action, NULL))
		return -errno;
	sim_sweep();
	err = machine_prepare(&t->m, 1);
	err = err ?: sim_platform_set(&t->m.s.sim.p, "parallel", "0");
	err = err ?: machine_connect(&t->m);
	err = err ?: host_open(&t->h, VM_CONFIDENTIAL);
	err = err ?: host_assign(&t->h, t->m.bdf[0], 0x10, &t->busy);
	err = err ?: host_add(&t->h, t->m.bdf[1], &t->dev);
	if (!err && vdevice)
		err = host_vdevice(&t->h, t->dev, 0x20);
	err = err ?: host_run(&t->h, t->busy);
	err = err ?: trace_begin();
	if (err)
		return err;
	trace_clear();

	t->d = t->m.s.d;
	err = sim_set(t->d, "fault", "report-portions 1");
	err = err ?: sim_set(t->d, "latency_ms", "400");
	before = sim_count(t->d, "messages");
	err = err ?: call_start(&t->holder, hold, &t->h, t->busy);
	if (err)
		return err;
	return sim_conversing(t->d, before, 2, PROMPT_MS) ? 0 : -ETIMEDOUT;
}

static int turn_strike(struct turn *t)
{
	if (t->d) {
		sim_set(t->d, "fault", "none");
		sim_set(t->d, "latency_ms", "0");
	}
	trace_end();
	host_close(&t->h);
	return machine_strike(&t->m);
}

FIXTURE_SETUP(turn)
{
	host_init(&self->t.h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(turn_build(&self->t, variant->vdevice));
}

FIXTURE_TEARDOWN(turn)
{
	EXPECT_EQ(0, turn_strike(&self->t));
}

/* Signals, until one comes when it waits: its result */
static int interrupt(struct call *call)
{
	sim_wait(({
		pthread_kill(call->thread, SIGUSR1);
		atomic_load(&call->ended);
	}), PROMPT_MS);
	return call_wait(call, 0);
}

/* The TSM's conversation goes on, and ends when its user wants it to */
#define test_undisturbed(t) _test_undisturbed(_metadata, t)
static void _test_undisturbed(struct __test_metadata *_metadata,
			      struct turn *t)
{
	ASSERT_FALSE(atomic_load(&t->holder.ended));
	test_ok(call_start(&t->unbinder, wait_unbind, &t->h, t->busy));
	test_err(ENXIO, call_wait(&t->holder, PROMPT_MS));
	/* Whoever waits may have its turn before the unbind has */
	test_ok(sim_set(t->d, "fault", "none"));
	test_ok(sim_set(t->d, "latency_ms", "0"));
	test_ok(call_wait(&t->unbinder, PROMPT_MS));
}

/* Nothing of the call is left: all that it was for can be had, for the first time */
#define test_as_before(t) _test_as_before(_metadata, t)
static void _test_as_before(struct __test_metadata *_metadata, struct turn *t)
{
	struct iommu_vdevice_tsm_bind bind;
	uint32_t secure;

	/* The device never heard of it */
	ASSERT_EQ(NULL, strstr(trace_steps(t->dev->bdf), "lock"));
	test_device(t->d, t->dev->bdf, "unlocked");
	test_cmd_viommu_alloc(t->h.iommufd, t->dev->u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &secure);
	test_cmd_destroy(t->h.iommufd, secure);
	if (!t->dev->vdevice)
		test_ok(host_vdevice(&t->h, t->dev, 0x20));
	test_tdi(&t->h, t->dev, "UNLOCKED");
	test_cmd_bind(t->h.iommufd, t->dev->vdevice, &bind);
	ASSERT_EQ(1, bind.generation);
	test_tdi(&t->h, t->dev, "LOCKED");
}

TEST_F(turn, signal)
{
	struct turn *t = &self->t;

	test_ok(call_start(&t->call, variant->fn, &t->h, t->dev));
	ASSERT_EQ(SIM_JOB_RUNNING, call_wait(&t->call, WAITS_MS));
	test_err(EINTR, interrupt(&t->call));
	test_undisturbed(t);
	test_as_before(t);
}

/* A process that shares the files, and does not live to see its turn */
TEST_F(turn, killed)
{
	struct turn *t = &self->t;
	long long start_ms;
	int status;
	pid_t pid;

	t->call.h = &t->h;
	t->call.dev = t->dev;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		variant->fn(&t->call);
		_exit(0);
	}
	usleep(WAITS_MS * 1000);
	ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
	start_ms = sim_now_ms();
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_undisturbed(t);
	test_as_before(t);
}

/* --- a TDI that another call is at ------------------------------------------------ */

FIXTURE(same_tdi)
{
	struct turn t;
	struct call binder;
};

FIXTURE_SETUP(same_tdi)
{
	host_init(&self->t.h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(turn_build(&self->t, true));
	/* It has the TDI, and waits for the TSM */
	test_ok(call_start(&self->binder, wait_bind, &self->t.h, self->t.dev));
	ASSERT_TRUE(sim_wait(!strcmp(trace_steps(self->t.dev->bdf), "gate"),
			     PROMPT_MS));
}

FIXTURE_TEARDOWN(same_tdi)
{
	EXPECT_EQ(0, turn_strike(&self->t));
}

/* An unbind that waits for it may give up, and then has never been */
TEST_F(same_tdi, unbind)
{
	struct turn *t = &self->t;

	test_ok(call_start(&t->call, wait_unbind, &t->h, t->dev));
	ASSERT_EQ(SIM_JOB_RUNNING, call_wait(&t->call, WAITS_MS));
	test_err(EINTR, interrupt(&t->call));
	ASSERT_FALSE(atomic_load(&self->binder.ended));
	test_err(EINTR, interrupt(&self->binder));
	ASSERT_STREQ("gate ungate", trace_steps(t->dev->bdf));
	test_undisturbed(t);
	test_as_before(t);
}

/* So may any other call about the TDI; the bind has its turn in the end */
TEST_F(same_tdi, bind_goes_on)
{
	static int (* const fns[])(struct call *call) = {
		wait_bind, wait_req, wait_unbind,
	};
	struct turn *t = &self->t;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		test_ok(call_start(&t->call, fns[i], &t->h, t->dev));
		ASSERT_EQ(SIM_JOB_RUNNING, call_wait(&t->call, WAITS_MS));
		test_err(EINTR, interrupt(&t->call));
	}
	ASSERT_FALSE(atomic_load(&self->binder.ended));
	test_undisturbed(t);
	test_ok(call_wait(&self->binder, CONVERSATION_MS));
	test_tdi(&t->h, t->dev, "LOCKED");
	test_device(t->d, t->dev->bdf, "locked");
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
