// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM loses a TDI without asking for it: what its event queue says, what it is
 * told when it asks, and how it gets the device back.
 */
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "tsm_machine.h"

/* Events come from another thread of the kernel */
#define EVENT_MS	10000
/* Long enough for one to come that must not */
#define NO_EVENT_MS	200

FIXTURE(bind_loss)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct sim_device *d;
	uint32_t queue;
	int events;
};

FIXTURE_SETUP(bind_loss)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_build(&self->m, 2));
	self->d = self->m.s.d;
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0x10, &self->dev));
	test_cmd_veventq_alloc(self->h.iommufd, self->h.viommu,
			       IOMMU_VEVENTQ_TYPE_TSM, 4, &self->queue,
			       &self->events);
}

FIXTURE_TEARDOWN(bind_loss)
{
	if (machine_is_simulated())
		close(self->events);
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
}

#define test_event(self, ...) _test_event(_metadata, (self)->events, __VA_ARGS__)
static void _test_event(struct __test_metadata *_metadata, int events,
			uint32_t what, uint64_t virt_id, uint32_t sequence)
{
	struct tsm_vevent event;

	ASSERT_EQ(0, vevent_read(events, &event, EVENT_MS));
	ASSERT_EQ(0, event.header.flags);
	ASSERT_EQ(sequence, event.header.sequence);
	ASSERT_EQ(what, event.tsm.event);
	ASSERT_EQ(0, event.tsm.__reserved);
	ASSERT_EQ(virt_id, event.tsm.virt_id);
}

#define test_no_event(self) ({						\
	struct tsm_vevent __event;					\
									\
	ASSERT_EQ(VEVENT_NONE,						\
		  vevent_read((self)->events, &__event, NO_EVENT_MS));	\
})

/* --- events ----------------------------------------------------------------------- */

/* What the VMM does itself is no news to it */
TEST_F(bind_loss, no_news)
{
	test_ok(host_run(&self->h, self->dev));
	test_cmd_unbind(self->h.iommufd, self->dev->vdevice, NULL);
	test_ok(host_run(&self->h, self->dev));
	test_cmd_destroy(self->h.iommufd, self->dev->vdevice);
	test_no_event(self);
}

/* An ERROR is noticed by who asks, once, and ended by an unbind */
TEST_F(bind_loss, error)
{
	struct host *h = &self->h;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		test_ok(host_run(h, self->dev));
		test_ok(sim_tdi_error(self->d, self->dev->bdf));
		test_tdi(h, self->dev, "ERROR");
		test_event(self, IOMMU_VEVENT_TSM_ERROR, 0x10, i);
		test_tdi(h, self->dev, "ERROR");
		test_no_event(self);
		test_err_op(EINVAL, h->iommufd, self->dev->vdevice, h->arch,
			    TSM_OP_START);
		test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
		test_tdi(h, self->dev, "UNLOCKED");
	}
	test_no_event(self);
}

/* Each event says whose it is */
TEST_F(bind_loss, of_several)
{
	struct assigned *b, *c;
	struct host *h = &self->h;

	test_ok(host_assign(h, self->m.bdf[1], 0x20, &b));
	test_ok(host_assign(h, self->m.s.sim.d[1].bdf, 0x30, &c));
	test_ok(host_run(h, self->dev));
	test_ok(host_run(h, b));
	test_ok(host_run(h, c));
	test_ok(sim_tdi_error(self->d, b->bdf));
	test_tdi(h, b, "ERROR");
	test_event(self, IOMMU_VEVENT_TSM_ERROR, 0x20, 0);
	test_ok(sim_tdi_error(&self->m.s.sim.d[1], c->bdf));
	test_tdi(h, c, "ERROR");
	test_event(self, IOMMU_VEVENT_TSM_ERROR, 0x30, 1);
	test_tdi(h, self->dev, "RUN");
	test_no_event(self);
}

/* More events than the queue holds: that some were lost is never lost */
TEST_F(bind_loss, too_many)
{
	struct tsm_vevent event;
	struct host *h = &self->h;
	unsigned int i, got = 0;
	bool lost = false;

	for (i = 0; i < 6; i++) {
		test_cmd_bind(h->iommufd, self->dev->vdevice, NULL);
		test_ok(sim_tdi_error(self->d, self->dev->bdf));
		test_tdi(h, self->dev, "ERROR");
		test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
	}
	while (!vevent_read(self->events, &event, NO_EVENT_MS)) {
		if (event.header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS)
			lost = true;
		else
			got++;
	}
	ASSERT_EQ(4, got);
	ASSERT_TRUE(lost);
	/* There is room again */
	test_cmd_bind(h->iommufd, self->dev->vdevice, NULL);
	test_ok(sim_tdi_error(self->d, self->dev->bdf));
	test_tdi(h, self->dev, "ERROR");
	test_ok(vevent_read(self->events, &event, EVENT_MS));
	ASSERT_EQ(IOMMU_VEVENT_TSM_ERROR, event.tsm.event);
}

TEST_F(bind_loss, queues)
{
	struct host *h = &self->h;
	uint32_t id;
	int fd;

	test_err_veventq_alloc(EEXIST, h->iommufd, h->viommu,
			       IOMMU_VEVENTQ_TYPE_TSM, 4, &id, &fd);
	test_err_veventq_alloc(EOPNOTSUPP, h->iommufd, h->viommu,
			       IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, 4, &id, &fd);
	test_err_veventq_alloc(EOPNOTSUPP, h->iommufd, h->viommu, 99, 4, &id,
			       &fd);
	test_err_veventq_alloc(ENOENT, h->iommufd, self->dev->u.dev_id,
			       IOMMU_VEVENTQ_TYPE_TSM, 4, &id, &fd);
	/* A queue holds its vIOMMU, as a vDEVICE does */
	test_cmd_destroy(h->iommufd, self->dev->vdevice);
	test_err_destroy(EBUSY, h->iommufd, h->viommu);
	close(self->events);
	test_cmd_destroy(h->iommufd, self->queue);
	test_cmd_destroy(h->iommufd, h->viommu);
	test_ok(host_viommu(h, self->dev));
	test_cmd_veventq_alloc(h->iommufd, h->viommu, IOMMU_VEVENTQ_TYPE_TSM,
			       4, &self->queue, &self->events);
}

/* --- the connection ----------------------------------------------------------------- */

/* Who disconnects by hand is told that there are vDEVICEs, bound or not */
TEST_F(bind_loss, disconnect)
{
	struct host *h = &self->h;

	test_err_disconnect(EBUSY, self->d);
	test_ok(host_run(h, self->dev));
	test_err_disconnect(EBUSY, self->d);
	test_tdi(h, self->dev, "RUN");
	test_no_event(self);
	test_cmd_destroy(h->iommufd, self->dev->vdevice);
	test_disconnect(self->d);
	test_connect(self->d);
	test_ok(host_vdevice(h, self->dev, 0x10));
	test_ok(host_run(h, self->dev));
}

/*
 * The TSM goes: what it does for a VM ends in the order that teardown always
 * has. The device is an ordinary one; it is bound again, by the same vDEVICE,
 * when it is connected again.
 */
TEST_F(bind_loss, bound_again)
{
	struct iommu_vdevice_tsm_unbind unbind;
	struct iommu_vdevice_tsm_bind bind;
	struct iommu_hw_info_tsm info;
	struct host *h = &self->h;
	unsigned int i;

	test_ok(trace_begin());
	for (i = 0; i < 2; i++) {
		test_ok(host_run(h, self->dev));
		trace_clear();
		test_ok(sim_platform_tsm(&self->m.s.sim.p, false));
		ASSERT_STREQ("stop revoke dma-off host-dma-off release ungate destroy",
			     trace_steps(self->dev->bdf));
		test_event(self, IOMMU_VEVENT_TSM_UNBOUND, 0x10, i);
		test_device(self->d, self->dev->bdf, "unlocked");
		test_tdi(h, self->dev, "UNLOCKED DEAD");
		test_cmd_hw_info(h->iommufd, self->dev->u.dev_id, &info);
		ASSERT_EQ(IOMMU_HW_INFO_TSM_TEE, info.flags);
		test_err_bind(ENXIO, h->iommufd, self->dev->vdevice, &bind);
		test_err_op(ENXIO, h->iommufd, self->dev->vdevice, h->arch,
			    TSM_OP_START);
		/* Nothing to be done */
		test_cmd_unbind(h->iommufd, self->dev->vdevice, &unbind);
		ASSERT_EQ(0, unbind.out_flags);

		test_ok(sim_platform_tsm(&self->m.s.sim.p, true));
		test_err_bind(ENXIO, h->iommufd, self->dev->vdevice, &bind);
		test_connect(self->d);
		test_tdi(h, self->dev, "UNLOCKED DEAD");
		test_cmd_bind(h->iommufd, self->dev->vdevice, &bind);
		test_tdi(h, self->dev, "LOCKED");
		test_device(self->d, self->dev->bdf, "locked");
		test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
	}
	trace_end();
	test_no_event(self);
}

/*
 * A function is taken away only when its user has left. But function 0, which has
 * no user, speaks for all others of its device: they lose what it was for.
 */
TEST_F(bind_loss, dsm_removed)
{
	struct sim_device *d = &self->m.s.sim.d[1];
	struct host *h = &self->h;
	struct assigned *other;
	char fn1[32];

	/* not for the next test: the device was removed once */
	self->m.changed = true;
	snprintf(fn1, sizeof(fn1), "%s", d->bdf);
	fn1[strlen(fn1) - 1] = '1';
	test_ok(host_assign(h, fn1, 0x30, &other));
	test_ok(host_run(h, other));
	test_ok(host_run(h, self->dev));
	test_ok(sim_pci_write(d->bdf, "remove", "1"));
	test_event(self, IOMMU_VEVENT_TSM_UNBOUND, 0x30, 0);
	test_tdi(h, other, "UNLOCKED DEAD");
	test_err_bind(ENXIO, h->iommufd, other->vdevice, NULL);
	test_err_op(ENXIO, h->iommufd, other->vdevice, h->arch, TSM_OP_START);
	test_tdi(h, self->dev, "RUN");
	test_no_event(self);

	/* It is found again, and speaks for them again */
	test_ok(sim_pci_rescan(&self->m.s.sim.p));
	test_connect(d);
	test_ok(host_run(h, other));
	test_device(d, fn1, "run");
	test_no_event(self);
}

/* --- quarantine ----------------------------------------------------------------------- */

FIXTURE(quarantine)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct sim_device *d;
	uint32_t queue;
	int events;
	char vm[SIM_PATH];	/* there as long as KVM has it */
};

FIXTURE_VARIANT(quarantine)
{
	const char *tsm_fault;
};

FIXTURE_VARIANT_ADD(quarantine, not_stopped)
	{ .tsm_fault = "stop force block" };
FIXTURE_VARIANT_ADD(quarantine, not_released) { .tsm_fault = "release" };

FIXTURE_SETUP(quarantine)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_build(&self->m, 2));
	/* what is kept is kept for ever */
	self->m.changed = true;
	self->d = self->m.s.d;
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0x10, &self->dev));
	test_cmd_veventq_alloc(self->h.iommufd, self->h.viommu,
			       IOMMU_VEVENTQ_TYPE_TSM, 4, &self->queue,
			       &self->events);
	test_ok(host_run(&self->h, self->dev));
	if (!sim_exists("/sys/kernel/debug/kvm"))
		mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	snprintf(self->vm, sizeof(self->vm), "/sys/kernel/debug/kvm/%d-%d",
		 getpid(), self->h.vm.fd);
	ASSERT_TRUE(sim_exists(self->vm));
	test_ok(sim_set(self->d, "tsm_fault", "%s", variant->tsm_fault));
}

FIXTURE_TEARDOWN(quarantine)
{
	if (machine_is_simulated()) {
		sim_set(self->d, "tsm_fault", "none");
		close(self->events);
	}
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
}

/*
 * Reset, which is how VFIO closes it, and connected anew, it is a function like any
 * other, for whoever comes next; also at this place in another platform.
 */
#define test_over(...) _test_over(_metadata, __VA_ARGS__)
static void _test_over(struct __test_metadata *_metadata, struct host *h,
		       struct sim_device *d, const char *bdf, const char *vm,
		       bool disconnect)
{
	struct assigned *dev;

	host_close(h);
	if (disconnect)
		test_disconnect(d);
	test_connect(d);
	/* But the VM is kept: nobody knows who still reaches its memory */
	ASSERT_TRUE(sim_exists(vm));
	test_ok(host_open(h, VM_CONFIDENTIAL));
	test_ok(host_assign(h, bdf, 0x10, &dev));
	test_ok(host_run(h, dev));
	test_device(d, bdf, "run");
}

/* Who unbinds is told, and whoever reads events; no call does any good any more */
TEST_F(quarantine, by_unbind)
{
	static const uint32_t ops[] = {
		TSM_OP_START, TSM_OP_ENABLE_DMA, TSM_OP_DISABLE_DMA,
	};
	struct tsm_object_info req = { .type = TSM_OBJECT_CERTIFICATE_CHAIN };
	struct iommu_vdevice_tsm_unbind unbind;
	struct iommu_vdevice_tsm_req start = {
		.vdevice_id = self->dev->vdevice,
		.op = TSM_OP_START,
		.tsm_arch = self->h.arch,
	};
	struct iommu_vdevice_tsm_bind bind;
	struct tsm_object_info_resp resp;
	struct tsm_tdi_state_resp state;
	struct host *h = &self->h;
	uint32_t vdevice = self->dev->vdevice;
	size_t len = sizeof(resp);
	unsigned int i;

	test_err_unbind(ENOTRECOVERABLE, h->iommufd, vdevice, &unbind);
	ASSERT_TRUE(unbind.out_flags & TSM_OUT_QUARANTINED);
	test_ok(sim_set(self->d, "tsm_fault", "none"));
	test_event(self, IOMMU_VEVENT_TSM_QUARANTINED, 0x10, 0);
	test_tdi(h, self->dev, "ERROR QUARANTINED");
	test_ok(cmd_tdi_state(h->iommufd, vdevice, h->arch, &state));
	ASSERT_EQ(1, state.generation);

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		test_err_op(ENOTRECOVERABLE, h->iommufd, vdevice, h->arch,
			    ops[i]);
	test_err_req(ENOTRECOVERABLE, h->iommufd, &start);
	ASSERT_EQ(TSM_OUT_QUARANTINED, start.out_flags);
	test_err_request(ENOTRECOVERABLE, h->iommufd, vdevice, h->arch,
			 TSM_OP_OBJECT_INFO, &req, sizeof(req), &resp, &len);
	ASSERT_EQ(0, len);
	test_err_bind(ENOTRECOVERABLE, h->iommufd, vdevice, &bind);
	ASSERT_EQ(TSM_OUT_QUARANTINED, bind.out_flags);
	test_err_unbind(ENOTRECOVERABLE, h->iommufd, vdevice, &unbind);
	ASSERT_EQ(TSM_OUT_QUARANTINED, unbind.out_flags);
	/* That was one event, not one for each who asks */
	test_no_event(self);
	test_over(&self->h, self->d, self->m.bdf[0], self->vm, true);
}

/* Nobody asked for it: the TSM goes, and cannot take it along */
TEST_F(quarantine, by_tsm)
{
	struct host *h = &self->h;

	test_ok(sim_platform_tsm(&self->m.s.sim.p, false));
	test_event(self, IOMMU_VEVENT_TSM_QUARANTINED, 0x10, 0);
	test_tdi(h, self->dev, "ERROR QUARANTINED");
	test_err_bind(ENOTRECOVERABLE, h->iommufd, self->dev->vdevice, NULL);
	/* It was not unbound, so that is not said */
	test_no_event(self);
	test_ok(sim_set(self->d, "tsm_fault", "none"));
	test_ok(sim_platform_tsm(&self->m.s.sim.p, true));
	test_over(&self->h, self->d, self->m.bdf[0], self->vm, false);
}

/* --- others ----------------------------------------------------------------------------- */

/* What one device loses no other does */
TEST_F(bind_loss, not_of_others)
{
	struct assigned *other;
	struct host *h = &self->h;

	test_ok(host_assign(h, self->m.s.sim.d[1].bdf, 0x30, &other));
	test_ok(host_run(h, self->dev));
	test_ok(host_run(h, other));
	/* The link of the other device fails: keys and session are lost */
	test_ok(sim_pci_write(self->m.s.sim.d[1].port, "reset_subordinate",
			      "1"));
	test_tdi(h, other, "ERROR");
	test_event(self, IOMMU_VEVENT_TSM_ERROR, 0x30, 0);
	test_tdi(h, self->dev, "RUN");
	test_cmd_unbind(h->iommufd, other->vdevice, NULL);
	test_tdi(h, other, "UNLOCKED");
	ASSERT_NE(0, cmd_bind(h->iommufd, other->vdevice, NULL));
	test_tdi(h, self->dev, "RUN");
	test_cmd_destroy(h->iommufd, other->vdevice);
	test_disconnect(&self->m.s.sim.d[1]);
	test_connect(&self->m.s.sim.d[1]);
	test_ok(host_vdevice(h, other, 0x30));
	test_ok(host_run(h, other));
}

/* --- devices that never say that they have stopped -------------------------------------- */

/**
 * struct stuck - three VMMs, two of them with a device that does not stop
 * @m: the machine, of three devices
 * @h: the VMM that unbinds, and has another device
 * @dev: its function of the first device
 * @other: one of the last device, which is well
 * @pid: the VMM that is killed, a process with the second device
 */
struct stuck {
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct assigned *other;
	pid_t pid;
};

FIXTURE(stuck)
{
	struct stuck s;
};

/* A process that has the function in RUN until it is killed */
static pid_t run_in_process(const char *bdf)
{
	struct assigned *dev;
	struct host h;
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -errno;
	pid = fork();
	if (!pid) {
		int err = host_open(&h, VM_CONFIDENTIAL);

		err = err ?: host_assign(&h, bdf, 0x10, &dev);
		c = -(err ?: host_run(&h, dev));
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (pid > 0 && (read(ready[0], &c, 1) != 1 || c)) {
		kill(pid, SIGKILL);
		pid = -EIO;
	}
	close(ready[0]);
	return pid;
}

FIXTURE_SETUP(stuck)
{
	struct stuck *s = &self->s;

	host_init(&s->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_build(&s->m, 3));
	s->pid = run_in_process(s->m.s.sim.d[1].bdf);
	ASSERT_LT(0, s->pid);
	test_ok(host_open(&s->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&s->h, s->m.bdf[0], 0x10, &s->dev));
	test_ok(host_assign(&s->h, s->m.s.sim.d[2].bdf, 0x30, &s->other));
	test_ok(host_run(&s->h, s->dev));
}

FIXTURE_TEARDOWN(stuck)
{
	struct stuck *s = &self->s;

	if (s->pid > 0)
		kill(s->pid, SIGKILL);
	host_close(&s->h);
	EXPECT_EQ(0, machine_strike(&s->m));
}

static int unbind(struct call *call)
{
	return cmd_unbind(call->h->iommufd, call->dev->vdevice, NULL);
}

/* It does not, from now on, and its TSM does not stop asking it either */
static int refuse_to_stop(struct sim_device *d)
{
	int err = sim_set(d, "tsm_fault", "patience");

	return err ?: sim_set(d, "fault", "tdisp-error %d 3", TDISP_STOP);
}

static int stop_again(struct sim_device *d)
{
	int err = sim_set(d, "fault", "none");

	return err ?: sim_set(d, "tsm_fault", "none");
}

/* All that may be wanted of devices that are well, and of those that are not */
#define test_not_held_up(s) _test_not_held_up(_metadata, s)
static void _test_not_held_up(struct __test_metadata *_metadata,
			      struct stuck *s)
{
	long long start_ms = sim_now_ms();
	struct iommu_hw_info_tsm info;
	struct host *h = &s->h, next;
	struct assigned *dev;

	test_ok(host_run(h, s->other));
	test_tdi(h, s->other, "RUN");
	test_cmd_unbind(h->iommufd, s->other->vdevice, NULL);
	test_cmd_destroy(h->iommufd, s->other->vdevice);
	test_ok(host_vdevice(h, s->other, 0x31));
	test_cmd_hw_info(h->iommufd, s->dev->u.dev_id, &info);
	/* Another VMM, and VFIO */
	test_ok(host_open(&next, VM_CONFIDENTIAL));
	test_ok(host_add(&next, s->m.bdf[1], &dev));
	host_close(&next);
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
}

/*
 * Who unbinds such a device waits as long as the kernel tries, and so does a process
 * until it is gone, but nobody else does. Takes those 40 seconds: nothing ends it.
 */
TEST_F_TIMEOUT(stuck, nobody_else_waits, 300)
{
	struct stuck *s = &self->s;
	struct sim_device *d = s->m.s.sim.d;
	long before[2];
	long long start_ms;
	struct call call;
	unsigned int i;
	int status;

	for (i = 0; i < 2; i++) {
		test_ok(refuse_to_stop(&d[i]));
		before[i] = sim_count(&d[i], "messages");
	}
	test_ok(call_start(&call, unbind, &s->h, s->dev));
	start_ms = sim_now_ms();
	kill(s->pid, SIGKILL);
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(sim_conversing(&d[i], before[i], 2, PROMPT_MS));
	test_not_held_up(s);
	ASSERT_FALSE(atomic_load(&call.ended));
	ASSERT_EQ(0, waitpid(s->pid, &status, WNOHANG));

	test_ok(call_wait(&call, TEARDOWN_MS + PROMPT_MS));
	ASSERT_LE(TEARDOWN_MS - 500, call.took_ms);
	ASSERT_TRUE(sim_wait(waitpid(s->pid, &status, WNOHANG) == s->pid,
			     PROMPT_MS));
	ASSERT_LE(TEARDOWN_MS - 500, sim_now_ms() - start_ms);
	s->pid = 0;

	/* Both are for the next one, who has them stopped first */
	for (i = 0; i < 2; i++)
		test_ok(stop_again(&d[i]));
	test_tdi(&s->h, s->dev, "UNLOCKED");
	test_ok(host_run(&s->h, s->dev));
	test_device(&d[0], s->dev->bdf, "run");
	s->pid = run_in_process(d[1].bdf);
	ASSERT_LT(0, s->pid);
	test_device(&d[1], d[1].bdf, "run");
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
