// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests under way while what they are about goes: its vDEVICE, its device,
 * its TSM, its process. They end when they have to, and nobody waits for them
 * who need not.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tsm_machine.h"

/**
 * struct flight - a VMM and its call under way
 * @m: the machine
 * @h: the VMM
 * @dev: its function
 * @d: the function's device
 * @call: the call
 */
struct flight {
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct sim_device *d;
	struct call call;
};

FIXTURE(bind_flight)
{
	struct flight f;
};

FIXTURE_SETUP(bind_flight)
{
	host_init(&self->f.h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_build(&self->f.m, 2));
	self->f.d = self->f.m.s.d;
	test_ok(host_open(&self->f.h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->f.h, self->f.m.bdf[0], 0x10, &self->f.dev));
}

FIXTURE_TEARDOWN(bind_flight)
{
	if (machine_is_simulated())
		sim_set(self->f.d, "latency_ms", "0");
	host_close(&self->f.h);
	EXPECT_EQ(0, machine_strike(&self->f.m));
}

/* From now on a report takes longer than any test: each byte is a message */
static int make_slow(struct sim_device *d)
{
	int err = sim_set(d, "fault", "report-portions 1");

	return err ?: sim_set(d, "latency_ms", "400");
}

static int make_fast(struct sim_device *d)
{
	int err = sim_set(d, "fault", "none");

	return err ?: sim_set(d, "latency_ms", "0");
}

static int bind(struct call *call)
{
	return cmd_bind(call->h->iommufd, call->dev->vdevice, NULL);
}

static int unbind(struct call *call)
{
	return cmd_unbind(call->h->iommufd, call->dev->vdevice, NULL);
}

/* The report once more, of a TDI that is bound */
static int regenerate(struct call *call)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_INTERFACE_REPORT };
	struct tsm_regen_object_resp resp;
	size_t len = sizeof(resp);

	return cmd_request(call->h->iommufd, call->dev->vdevice, call->h->arch,
			   TSM_OP_REGEN_OBJECT, &req, sizeof(req), &resp, &len);
}

/* Begin something that goes on for a minute, return when it is under way */
#define test_long(f, fn) _test_long(_metadata, f, fn)
static void _test_long(struct __test_metadata *_metadata,
		       struct flight *f,
		       int (*fn)(struct call *call))
{
	long before;

	if (fn == regenerate)
		test_ok(host_run(&f->h, f->dev));
	test_ok(make_slow(f->d));
	before = sim_count(f->d, "messages");
	test_ok(call_start(&f->call, fn, &f->h, f->dev));
	ASSERT_TRUE(sim_conversing(f->d, before, 3, PROMPT_MS));
	ASSERT_FALSE(atomic_load(&f->call.ended));
}

/* It was ended */
#define test_ended(f) test_err(ENXIO, call_wait(&(f)->call, PROMPT_MS))

/* --- by another thread of the VMM --------------------------------------------------- */

TEST_F(bind_flight, unbind_ends_request)
{
	long long start_ms;

	test_long(&self->f, regenerate);
	start_ms = sim_now_ms();
	test_cmd_unbind(self->f.h.iommufd, self->f.dev->vdevice, NULL);
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_err(ENXIO, call_wait(&self->f.call, PROMPT_MS));
	test_tdi(&self->f.h, self->f.dev, "UNLOCKED");
	/* The session is as good as before */
	test_ok(make_fast(self->f.d));
	test_ok(host_run(&self->f.h, self->f.dev));
}

TEST_F(bind_flight, unbind_ends_bind)
{
	test_long(&self->f, bind);
	test_cmd_unbind(self->f.h.iommufd, self->f.dev->vdevice, NULL);
	test_err(ENXIO, call_wait(&self->f.call, PROMPT_MS));
	test_tdi(&self->f.h, self->f.dev, "UNLOCKED");
	test_device(self->f.d, self->f.dev->bdf, "unlocked");
	test_ok(make_fast(self->f.d));
	test_cmd_bind(self->f.h.iommufd, self->f.dev->vdevice, NULL);
}

TEST_F(bind_flight, destroy_ends_request)
{
	long long start_ms;

	test_long(&self->f, regenerate);
	start_ms = sim_now_ms();
	test_cmd_destroy(self->f.h.iommufd, self->f.dev->vdevice);
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_ended(&self->f);
	test_device(self->f.d, self->f.dev->bdf, "unlocked");
	test_ok(make_fast(self->f.d));
	test_ok(host_vdevice(&self->f.h, self->f.dev, 0x10));
	test_ok(host_run(&self->f.h, self->f.dev));
}

TEST_F(bind_flight, destroy_ends_bind)
{
	test_long(&self->f, bind);
	test_cmd_destroy(self->f.h.iommufd, self->f.dev->vdevice);
	test_ended(&self->f);
	test_device(self->f.d, self->f.dev->bdf, "unlocked");
	test_ok(make_fast(self->f.d));
	test_ok(host_vdevice(&self->f.h, self->f.dev, 0x10));
	test_ok(host_run(&self->f.h, self->f.dev));
}

/* VFIO's device is closed: the host has it back, whatever the guest was at */
TEST_F(bind_flight, close_ends_request)
{
	struct vfio_user *u = &self->f.dev->u;
	long long start_ms;

	test_long(&self->f, regenerate);
	test_ok(vm_remove_device(&self->f.h.vm, u));
	start_ms = sim_now_ms();
	ASSERT_EQ(0, close(u->device));
	u->device = -1;
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_ended(&self->f);
	test_device(self->f.d, self->f.dev->bdf, "unlocked");
	test_err_bind(ENOENT, self->f.h.iommufd, self->f.dev->vdevice, NULL);
}

TEST_F(bind_flight, close_ends_bind)
{
	struct vfio_user *u = &self->f.dev->u;

	test_long(&self->f, bind);
	test_ok(vm_remove_device(&self->f.h.vm, u));
	ASSERT_EQ(0, close(u->device));
	u->device = -1;
	test_ended(&self->f);
	test_device(self->f.d, self->f.dev->bdf, "unlocked");
}

/* One TDI's request is no other's business */
TEST_F(bind_flight, others_go_on)
{
	struct assigned *other;
	struct iommu_hw_info_tsm info;
	long long start_ms;

	test_ok(host_assign(&self->f.h, self->f.m.s.sim.d[1].bdf, 0x20, &other));
	test_long(&self->f, regenerate);
	start_ms = sim_now_ms();
	test_ok(host_run(&self->f.h, other));
	test_cmd_unbind(self->f.h.iommufd, other->vdevice, NULL);
	test_cmd_destroy(self->f.h.iommufd, other->vdevice);
	test_ok(host_vdevice(&self->f.h, other, 0x20));
	test_cmd_hw_info(self->f.h.iommufd, self->f.dev->u.dev_id, &info);
	host_close_device(&self->f.h, other);
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	ASSERT_FALSE(atomic_load(&self->f.call.ended));
	test_cmd_unbind(self->f.h.iommufd, self->f.dev->vdevice, NULL);
	test_err(ENXIO, call_wait(&self->f.call, PROMPT_MS));
}

/* --- by signals ------------------------------------------------------------------------ */

static void nothing(int sig)
{
}

/* Who waits for its turn can be told not to; who has it is not disturbed */
TEST_F(bind_flight, signal)
{
	struct sigaction action = { .sa_handler = nothing };
	struct call waiting;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	test_long(&self->f, regenerate);
	test_ok(call_start(&waiting, regenerate, &self->f.h, self->f.dev));
	ASSERT_EQ(SIM_JOB_RUNNING, call_wait(&waiting, 200));
	ASSERT_EQ(0, pthread_kill(waiting.thread, SIGUSR1));
	test_err(EINTR, call_wait(&waiting, PROMPT_MS));

	test_cmd_unbind(self->f.h.iommufd, self->f.dev->vdevice, NULL);
	test_err(ENXIO, call_wait(&self->f.call, PROMPT_MS));
}

/* A process that is killed does not wait for the end of what it began */
TEST_F(bind_flight, killed)
{
	long long start_ms;
	long before;
	int status;
	pid_t pid;

	host_close(&self->f.h);
	before = sim_count(self->f.d, "messages");
	test_ok(make_slow(self->f.d));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(host_open(&self->f.h, VM_CONFIDENTIAL) ||
		      host_assign(&self->f.h, self->f.m.bdf[0], 0x10, &self->f.dev) ||
		      cmd_bind(self->f.h.iommufd, self->f.dev->vdevice, NULL));
	ASSERT_TRUE(sim_conversing(self->f.d, before, 5, PROMPT_MS));
	start_ms = sim_now_ms();
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_device(self->f.d, self->f.m.bdf[0], "unlocked");
	test_ok(make_fast(self->f.d));
	test_disconnect(self->f.d);
}

/* --- by the platform --------------------------------------------------------------------- */

TEST_F(bind_flight, tsm_ends_request)
{
	test_long(&self->f, regenerate);
	test_ok(sim_platform_tsm(&self->f.m.s.sim.p, false));
	test_err(ENXIO, call_wait(&self->f.call, PROMPT_MS));
	test_tdi(&self->f.h, self->f.dev, "UNLOCKED DEAD");
}

TEST_F(bind_flight, tsm_ends_bind)
{
	test_long(&self->f, bind);
	test_ok(sim_platform_tsm(&self->f.m.s.sim.p, false));
	test_err(ENXIO, call_wait(&self->f.call, PROMPT_MS));
	test_tdi(&self->f.h, self->f.dev, "UNLOCKED DEAD");
}

/* The device vanishes: its user notices, and lets go of it, before it is gone */
TEST_F(bind_flight, surprise_removal)
{
	int err;

	test_long(&self->f, regenerate);
	test_ok(sim_set(self->f.d, "surprise_remove", "1"));
	err = call_wait(&self->f.call, PROMPT_MS);
	/* A message was lost, or none was sent any more */
	if (err != -EIO)
		ASSERT_EQ(-ENXIO, err);
	host_close(&self->f.h);
	ASSERT_TRUE(sim_wait(!sim_pci_exists(self->f.m.bdf[0], "vendor"),
			     PROMPT_MS));
}

/*
 * Nobody ends it: the kernel does, after the 30 seconds that this takes. Both at
 * once, a request and a bind, of two devices.
 */
TEST_F(bind_flight, without_end)
{
	struct sim_device *d[] = { self->f.d, &self->f.m.s.sim.d[1] };
	struct host *h = &self->f.h;
	struct assigned *other;
	struct call binding;
	unsigned int i;

	test_ok(host_assign(h, d[1]->bdf, 0x20, &other));
	test_ok(host_run(h, self->f.dev));
	for (i = 0; i < ARRAY_SIZE(d); i++) {
		test_ok(sim_set(d[i], "fault", "report-portions 1"));
		test_ok(sim_set(d[i], "latency_ms", "600"));
	}
	test_ok(call_start(&self->f.call, regenerate, h, self->f.dev));
	test_ok(call_start(&binding, bind, h, other));
	test_err(ETIMEDOUT, call_wait(&self->f.call, CONVERSATION_MS));
	test_err(ETIMEDOUT, call_wait(&binding, CONVERSATION_MS));
	ASSERT_LE(25000, self->f.call.took_ms);
	ASSERT_LE(25000, binding.took_ms);
	for (i = 0; i < ARRAY_SIZE(d); i++)
		test_ok(make_fast(d[i]));
	test_tdi(h, self->f.dev, "RUN");
	/* What was half bound is unbound, and can be bound at once */
	test_tdi(h, other, "UNLOCKED");
	test_device(d[1], other->bdf, "unlocked");
	test_ok(host_run(h, other));
}

/* Unbinds are done once, and all are told that it is done */
TEST_F(bind_flight, unbinds)
{
	struct call calls[4];
	unsigned int i;

	test_long(&self->f, regenerate);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		test_ok(call_start(&calls[i], unbind, &self->f.h, self->f.dev));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		test_ok(call_wait(&calls[i], PROMPT_MS));
	test_err(ENXIO, call_wait(&self->f.call, PROMPT_MS));
	test_tdi(&self->f.h, self->f.dev, "UNLOCKED");
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
