// SPDX-License-Identifier: GPL-2.0-only
/*
 * For KUnit tests of TDIs: see tdi_fake.h. The driver, the host and the fixture.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/pci.h>
#include <linux/pci-tdi-report.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "tdi_fake.h"

/* Two fakes at a time, for tests with two TSMs; found by what they made */
struct fake_tdi {
	struct pci_tsm_tdi base;
	struct fake_tsm *f;
};

struct fake_viommu {
	struct pci_tsm_viommu base;
	struct fake_tsm *f;
};

struct fake_ctx {
	struct pci_tsm_pf0 pf0;
	struct fake_tsm *f;
};

static struct fake_tsm *to_fake(struct pci_tsm_tdi *tdi)
{
	return container_of(tdi, struct fake_tdi, base)->f;
}

static struct fake_tsm *fake_of(struct pci_tsm_ops *ops)
{
	return container_of(ops, struct fake_tsm, ops);
}

/* --- the record ----------------------------------------------------------- */

static void fake_log(struct fake_tsm *f, const char *name)
{
	static DEFINE_MUTEX(lock);

	guard(mutex)(&lock);
	strlcat(f->log, " ", sizeof(f->log));
	strlcat(f->log, name, sizeof(f->log));
}

void fake_log_clear(struct fake_tsm *f)
{
	f->log[0] = '\0';
}

static int fake_rc(struct fake_tsm *f, enum tsm_tdi_step step)
{
	int rc = f->fail[step];

	if (f->fail_once)
		f->fail[step] = 0;
	return rc;
}

static int fake_step(struct fake_tsm *f, enum tsm_tdi_step step,
		     const char *name)
{
	fake_log(f, name);
	return fake_rc(f, step);
}

/* What the next message of this thread's conversation would be told */
static int fake_may_send(struct pci_dev *dsm)
{
	bool killed = fatal_signal_pending(current);
	struct tsm_conversation *c;
	struct tsm_session *s;

	guard(mutex)(&tsm_lock);
	s = tsm_session_lookup(dsm);
	list_for_each_entry(c, &s->conversations, node) {
		if (c->task == current)
			return tsm_conversation_may_send(s, c, jiffies, killed);
	}

	return -ENOENT;
}

static void fake_own_lock(struct fake_tsm *f)
{
	if (!f->own_lock)
		return;

	mutex_lock(f->own_lock);
	mutex_unlock(f->own_lock);
}

/* A step on a TDI of @dsm, that may be told to take all the time that it gets */
static int fake_talk(struct fake_tsm *f, enum tsm_tdi_step step,
		     const char *name, struct pci_dev *dsm)
{
	int rc = fake_step(f, step, name);

	if (f->in_late && f->own_lock)
		complete(f->in_late);
	fake_own_lock(f);
	if (rc || !(f->late & BIT(step)))
		return rc;

	if (f->in_late)
		complete(f->in_late);
	while (!(rc = fake_may_send(dsm))) {
		if (f->late_go_on && try_wait_for_completion(f->late_go_on))
			return 0;
		usleep_range(100, 200);
	}
	return f->late_deaf ? 0 : rc;
}

static void fake_enter(struct fake_tsm *f)
{
	int n = atomic_inc_return(&f->running);

	if (n > atomic_read(&f->overlap))
		atomic_set(&f->overlap, n);
}

static void fake_leave(struct fake_tsm *f)
{
	atomic_dec(&f->running);
}

/* --- the TSM driver: sessions ----------------------------------------------- */

static struct pci_tsm *fake_probe(struct tsm_dev *tsm_dev, struct pci_dev *pdev)
{
	struct fake_tsm *f = fake_of((struct pci_tsm_ops *)tsm_dev->pci_ops);
	struct fake_ctx *ctx = kzalloc_obj(*ctx);

	if (!ctx)
		return NULL;

	ctx->f = f;
	mutex_init(&ctx->pf0.lock);
	if (pci_tsm_link_constructor(pdev, &ctx->pf0.base_tsm, tsm_dev)) {
		kfree(ctx);
		return NULL;
	}

	return &ctx->pf0.base_tsm;
}

static void fake_remove(struct pci_tsm *tsm)
{
	kfree(container_of(tsm, struct fake_ctx, pf0.base_tsm));
}

static int fake_connect(struct pci_dev *pdev)
{
	struct fake_ctx *ctx = container_of(pdev->tsm, struct fake_ctx,
					    pf0.base_tsm);

	if (ctx->f->in_connect)
		complete(ctx->f->in_connect);
	fake_own_lock(ctx->f);
	return 0;
}

static void fake_disconnect(struct pci_dev *pdev)
{
	struct fake_ctx *ctx = container_of(pdev->tsm, struct fake_ctx,
					    pf0.base_tsm);

	fake_log(ctx->f, "disconnect");
	if (ctx->f->in_connect)
		complete(ctx->f->in_connect);
	fake_own_lock(ctx->f);
}

/* --- the TSM driver: TDIs ----------------------------------------------------- */

static struct fake_fn *fake_fn_of(struct fake_tsm *f, struct pci_dev *pdev)
{
	if (pdev == f->pf0.pdev)
		return &f->pf0;

	return pdev == f->vf[0].pdev ? &f->vf[0] : &f->vf[1];
}

static struct pci_tsm_tdi *fake_create(struct pci_tsm *tsm,
				       const struct pci_tdi_desc *desc)
{
	struct fake_tsm *f = fake_of((struct pci_tsm_ops *)tsm->tsm_dev->pci_ops);
	struct fake_tdi *tdi;
	int rc = fake_talk(f, TSM_STEP_CREATE, "create", tsm->dsm_dev);

	/* creation and destruction are the DSM's business */
	lockdep_assert_held(&to_pci_tsm_pf0(tsm->dsm_dev->tsm)->lock);
	/* not an errno: a driver that has no memory, and no other words for it */
	if (rc)
		return rc < 0 ? ERR_PTR(rc) : NULL;

	tdi = kzalloc_obj(*tdi);
	if (!tdi)
		return ERR_PTR(-ENOMEM);

	tdi->f = f;
	atomic_inc(&f->contexts);
	return &tdi->base;
}

static int fake_destroy(struct pci_tsm_tdi *tdi)
{
	struct fake_tsm *f = to_fake(tdi);
	int rc = fake_step(f, TSM_STEP_DESTROY, "destroy");

	lockdep_assert_held(&to_pci_tsm_pf0(tdi->tsm->dsm_dev->tsm)->lock);
	if (rc)
		return rc;

	atomic_dec(&f->contexts);
	kfree(container_of(tdi, struct fake_tdi, base));
	return 0;
}

static int fake_lock(struct pci_tsm_tdi *tdi, u64 *tsm_code)
{
	struct fake_tsm *f = to_fake(tdi);
	int rc = fake_talk(f, TSM_STEP_LOCK, "lock", tdi->tsm->dsm_dev);

	lockdep_assert_not_held(&to_pci_tsm_pf0(tdi->tsm->dsm_dev->tsm)->lock);
	*tsm_code = FAKE_TSM_CODE;
	if (!rc)
		fake_fn_of(f, tdi->pdev)->state = TSM_TDI_LOCKED;
	return rc;
}

/* The report of a TDI with one private and one shared range */
static int fake_report(struct pci_tsm_tdi *tdi, void *buf, size_t len,
		       struct pci_tdi_mmio_layout *layout)
{
	struct fake_tsm *f = to_fake(tdi);
	int rc = fake_talk(f, TSM_STEP_REPORT, "report", tdi->tsm->dsm_dev);
	struct {
		struct pci_tdi_report_hdr hdr;
		struct pci_tdi_report_range range[2];
		__le32 info_len;
	} __packed report = {
		.hdr.range_count = cpu_to_le32(2),
	};
	u64 first = layout->bar[0].start >> PCI_TDI_PAGE_SHIFT;

	KUNIT_EXPECT_EQ(f->test, PCI_TDI_REPORT_MAX_SIZE, len);
	/* an errno, or the wish for bytes that make no sense */
	if (rc < 0)
		return rc;
	if (rc > 0)
		report.hdr.range_count = cpu_to_le32(rc);

	report.range[0].first_page = cpu_to_le64(first);
	report.range[0].nr_pages =
		cpu_to_le32(FAKE_BAR_TEE >> PCI_TDI_PAGE_SHIFT);
	report.range[1].first_page =
		cpu_to_le64(first + (FAKE_BAR_TEE >> PCI_TDI_PAGE_SHIFT));
	report.range[1].nr_pages =
		cpu_to_le32(FAKE_BAR_NON_TEE >> PCI_TDI_PAGE_SHIFT);
	report.range[1].attributes = cpu_to_le32(PCI_TDI_RANGE_NON_TEE);
	memcpy(buf, &report, sizeof(report));
	return sizeof(report);
}

static int fake_trusted_dma(struct pci_tsm_tdi *tdi, enum pci_tdi_dma step,
			    const void *req, size_t req_len, u64 *tsm_code)
{
	struct fake_tsm *f = to_fake(tdi);

	switch (step) {
	case PCI_TDI_DMA_PREPARE:
		return fake_step(f, TSM_STEP_DMA_PREPARE, "dma-prepare");
	case PCI_TDI_DMA_ENABLE:
		return fake_step(f, TSM_STEP_DMA_ENABLE, "dma-enable");
	case PCI_TDI_DMA_OFF:
		return fake_step(f, TSM_STEP_DMA_OFF, "dma-off");
	}

	return -EINVAL;
}

static int fake_run(struct pci_tsm_tdi *tdi, u64 *tsm_code)
{
	struct fake_tsm *f = to_fake(tdi);
	int rc = fake_talk(f, TSM_STEP_RUN, "run", tdi->tsm->dsm_dev);

	if (!rc)
		fake_fn_of(f, tdi->pdev)->state = TSM_TDI_RUN;
	return rc;
}

static int fake_guest_req(struct pci_tsm_tdi *tdi, enum tsm_op op,
			  const void *req, size_t req_len, void *resp,
			  size_t *resp_len, u64 *tsm_code)
{
	struct fake_tsm *f = to_fake(tdi);
	int rc = fake_talk(f, TSM_STEP_REQUEST, "request", tdi->tsm->dsm_dev);

	*tsm_code = FAKE_TSM_CODE;
	fake_enter(f);
	if (f->in_req) {
		struct completion *go_on = f->go_on;

		complete(f->in_req);
		while (!rc && !(go_on && try_wait_for_completion(go_on))) {
			if (!f->deaf)
				rc = fake_may_send(tdi->tsm->dsm_dev);
			usleep_range(100, 200);
		}
	}
	fake_leave(f);
	if (rc == -EMSGSIZE)
		*resp_len = FAKE_MAX_MSG;
	if (rc)
		return rc;

	/* an echo, where the response has no size of its own */
	if (op == TSM_OP_GUEST_MSG || op == TSM_OP_READ_OBJECT) {
		*resp_len = min(*resp_len, req_len);
		if (*resp_len)
			memcpy(resp, req, *resp_len);
	} else if (*resp_len) {
		memset(resp, 0xa5, *resp_len);
	}

	return 0;
}

static int fake_state(struct pci_tsm_tdi *tdi, enum tsm_tdi_state *state)
{
	struct fake_tsm *f = to_fake(tdi);
	int rc = fake_talk(f, TSM_STEP_STATE, "state", tdi->tsm->dsm_dev);

	*state = fake_fn_of(f, tdi->pdev)->state;
	return rc;
}

static int fake_stop(struct pci_tsm_tdi *tdi, bool force, u64 *tsm_code)
{
	struct fake_tsm *f = to_fake(tdi);
	bool gone = tsm_pdev_removed(f->pf0.pdev);
	int may = fake_may_send(tdi->tsm->dsm_dev);
	bool over = force || (f->one_deadline && f->stops++);
	int rc = fake_talk(f, force ? TSM_STEP_STOP_FORCE : TSM_STEP_STOP,
			   force ? "stop-force" : "stop", tdi->tsm->dsm_dev);

	/*
	 * Goes on, whoever gave up, but leaves a device alone that is gone, and
	 * has no more time when the first attempt took it all, be it another
	 * TDI's that goes with this one.
	 */
	if (gone)
		KUNIT_EXPECT_EQ(f->test, -ENODEV, may);
	else if (over && f->late & BIT(TSM_STEP_STOP))
		KUNIT_EXPECT_EQ(f->test, -ETIMEDOUT, may);
	else
		KUNIT_EXPECT_EQ(f->test, 0, may);
	if (!rc)
		fake_fn_of(f, tdi->pdev)->state = TSM_TDI_UNLOCKED;
	return rc;
}

static int fake_block(struct pci_dev *dsm)
{
	struct fake_ctx *ctx = container_of(dsm->tsm, struct fake_ctx,
					    pf0.base_tsm);
	struct fake_tsm *f = ctx->f;
	int rc = fake_step(f, TSM_STEP_BLOCK, "block");

	for (int i = 0; !rc && i < FAKE_VFS; i++) {
		if (f->vf[i].state != TSM_TDI_UNLOCKED)
			f->vf[i].state = TSM_TDI_ERROR;
	}
	return rc;
}

static int fake_release(struct pci_tsm_tdi *tdi)
{
	return fake_step(to_fake(tdi), TSM_STEP_RELEASE, "release");
}

static struct pci_tsm_viommu *fake_viommu_create(struct tsm_dev *tsm_dev,
						 u32 type, struct kvm *kvm)
{
	struct fake_tsm *f = fake_of((struct pci_tsm_ops *)tsm_dev->pci_ops);
	struct fake_viommu *viommu = kzalloc_obj(*viommu);

	/* a step of its own is not worth it: creation is creation */
	int rc = fake_step(f, TSM_STEP_CREATE, "viommu-create");

	if (rc || !viommu) {
		kfree(viommu);
		return rc < 0 ? ERR_PTR(rc) : NULL;
	}

	viommu->f = f;
	return &viommu->base;
}

static int fake_viommu_destroy(struct pci_tsm_viommu *viommu)
{
	struct fake_viommu *v = container_of(viommu, struct fake_viommu, base);
	/* likewise */
	int rc = fake_step(v->f, TSM_STEP_DESTROY, "viommu-destroy");

	if (!rc)
		kfree(v);
	return rc;
}

/* --- the host ------------------------------------------------------------------ */

static int fake_gate(void *priv)
{
	return fake_step(priv, TSM_STEP_GATE, "gate");
}

static int fake_ranges(void *priv, struct kvm *kvm,
		       const struct pci_tdi_report *report)
{
	struct fake_tsm *f = priv;

	KUNIT_EXPECT_NOT_NULL(f->test, kvm);
	KUNIT_EXPECT_TRUE(f->test, pci_tdi_report_is_tee(report, 0, 0,
							 FAKE_BAR_TEE));
	KUNIT_EXPECT_TRUE(f->test,
			  pci_tdi_report_is_shared(report, 0, FAKE_BAR_TEE,
						   FAKE_BAR_NON_TEE));
	return fake_step(f, TSM_STEP_RANGES, "ranges");
}

static int fake_host_dma(void *priv, bool on)
{
	return on ? fake_step(priv, TSM_STEP_HOST_DMA_ON, "host-dma-on") :
		    fake_step(priv, TSM_STEP_HOST_DMA_OFF, "host-dma-off");
}

static void fake_revoke(void *priv)
{
	fake_log(priv, "revoke");
}

static void fake_ungate(void *priv)
{
	fake_log(priv, "ungate");
}

static void fake_event(void *priv, enum pci_tdi_event event)
{
	static const char *const names[] = {
		[PCI_TDI_EVENT_ERROR] = "event-error",
		[PCI_TDI_EVENT_UNBOUND] = "event-unbound",
		[PCI_TDI_EVENT_QUARANTINED] = "event-quarantined",
	};

	fake_log(priv, names[event]);
}

static const struct pci_tdi_host_ops fake_host_ops = {
	.gate = fake_gate,
	.ranges = fake_ranges,
	.trusted_dma = fake_host_dma,
	.revoke = fake_revoke,
	.ungate = fake_ungate,
	.event = fake_event,
};

static void fake_vm_get(struct kvm *kvm)
{
	atomic_inc(&((struct fake_vm *)kvm)->refs);
}

static void fake_vm_put(struct kvm *kvm)
{
	atomic_dec(&((struct fake_vm *)kvm)->refs);
}

struct fake_vm *fake_vm_new(struct kunit *test)
{
	struct fake_vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vm);
	return vm;
}

struct pci_tdi_vm fake_vm_desc(struct fake_vm *vm)
{
	return (struct pci_tdi_vm){
		.kvm = (struct kvm *)vm,
		.get = fake_vm_get,
		.put = fake_vm_put,
	};
}

/* --- fixture ----------------------------------------------------------------------- */

static void fake_sysfs_update(struct pci_dev *pdev)
{
}

static void fake_tsm_dev_release(struct device *dev)
{
	kfree(container_of(dev, struct tsm_dev, dev));
}

static void fake_tsm_dev_put(void *tsm_dev)
{
	put_device(&((struct tsm_dev *)tsm_dev)->dev);
}

static void fake_tsm_exit(void *f_)
{
	struct fake_tsm *f = f_;

	if (f->registered)
		fake_tsm_unregister(f);
	/* the operations of what is quarantined may be looked at, not called */
	KUNIT_EXPECT_EQ(f->test, 0, atomic_read(&f->running));
}

/**
 * fake_tsm_new() - make a TSM driver and its device
 * @test: that it lives as long as
 *
 * Neither is known to the core yet, so that a test may change @tdi_ops.
 *
 * Return: the fake
 */
struct fake_tsm *fake_tsm_new(struct kunit *test)
{
	static atomic_t id = ATOMIC_INIT(1000);
	struct fake_tsm *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct tsm_dev *tsm_dev = kzalloc_obj(*tsm_dev);

	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_ASSERT_NOT_NULL(test, tsm_dev);
	kunit_activate_static_stub(test, tsm_sysfs_update, fake_sysfs_update);

	f->test = test;
	f->tsm_dev = tsm_dev;
	device_initialize(&tsm_dev->dev);
	tsm_dev->dev.release = fake_tsm_dev_release;
	tsm_dev->id = atomic_inc_return(&id);
	KUNIT_ASSERT_EQ(test, 0, dev_set_name(&tsm_dev->dev, "tsm%d",
					      tsm_dev->id));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   fake_tsm_dev_put,
							   tsm_dev));

	f->bus = fake_bus_new(test);
	f->pf0.pdev = fake_dev_new(f, PCI_DEVFN(3, 0), NULL);
	for (int i = 0; i < FAKE_VFS; i++)
		f->vf[i].pdev = fake_dev_new(f, PCI_DEVFN(4, i), f->pf0.pdev);

	f->tdi_ops = (struct pci_tdi_ops){
		.arch = TSM_ARCH_SIM,
		.op_mask = FAKE_ALL_OPS,
		.max_req_len = FAKE_MAX_MSG,
		.max_resp_len = FAKE_MAX_MSG,
		.guest_rid_bits = FAKE_RID_BITS,
		.viommu_types = BIT_ULL(FAKE_VIOMMU_TYPE),
		.viommu_create = fake_viommu_create,
		.viommu_destroy = fake_viommu_destroy,
		.create = fake_create,
		.destroy = fake_destroy,
		.lock = fake_lock,
		.report = fake_report,
		.trusted_dma = fake_trusted_dma,
		.run = fake_run,
		.guest_req = fake_guest_req,
		.state = fake_state,
		.stop = fake_stop,
		.block = fake_block,
		.release = fake_release,
	};
	f->ops.flags = PCI_TSM_OPS_PARALLEL;
	f->ops.tdi_ops = &f->tdi_ops;
	f->ops.probe = fake_probe;
	f->ops.remove = fake_remove;
	f->ops.connect = fake_connect;
	f->ops.disconnect = fake_disconnect;
	f->tsm_dev->pci_ops = &f->ops;

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_tsm_exit,
							   f));
	return f;
}

void fake_tsm_register(struct fake_tsm *f)
{
	KUNIT_ASSERT_EQ(f->test, 0, pci_tsm_register(f->tsm_dev));
	f->registered = true;
}

/* VFs are not on any list that the core knows of, to let them leave. */
static void fake_tsm_disconnected(struct fake_tsm *f)
{
	f->connected = false;
	for (int i = 0; i < FAKE_VFS; i++) {
		if (f->vf[i].pdev->tsm)
			fake_remove(f->vf[i].pdev->tsm);
		f->vf[i].pdev->tsm = NULL;
	}
}

void fake_tsm_unregister(struct fake_tsm *f)
{
	pci_tsm_unregister(f->tsm_dev);
	f->registered = false;
	fake_tsm_disconnected(f);
}

/* Connect the DSM; its VFs join. */
void fake_tsm_connect(struct fake_tsm *f)
{
	if (!f->registered)
		fake_tsm_register(f);

	KUNIT_ASSERT_EQ(f->test, 0, tsm_session_connect(f->pf0.pdev,
							f->tsm_dev->id));
	f->connected = true;
	for (int i = 0; i < FAKE_VFS; i++) {
		tsm_function_add(f->vf[i].pdev);
		KUNIT_ASSERT_NOT_NULL(f->test, f->vf[i].pdev->tsm);
	}
}

int fake_tsm_disconnect(struct fake_tsm *f)
{
	int rc = tsm_session_disconnect(f->pf0.pdev,
					dev_name(&f->tsm_dev->dev));

	if (!rc)
		fake_tsm_disconnected(f);
	return rc;
}

/* The system goes to sleep, if it may, and wakes up */
int fake_tsm_sleep(struct fake_tsm *f)
{
	int rc = tsm_session_sleep();

	tsm_session_wake();
	if (!rc)
		fake_tsm_disconnected(f);
	return rc;
}

static unsigned long fake_deadline(unsigned int ms)
{
	return jiffies + msecs_to_jiffies(ms / FAKE_HURRY);
}

/* From now on operations of the test's own thread have less time than others */
void fake_hurry(struct kunit *test)
{
	kunit_activate_static_stub(test, tsm_deadline, fake_deadline);
}

/**
 * fake_thread() - do something in a thread of its own
 * @test: that needs it
 * @fn: what
 * @arg: of @fn
 *
 * The thread may be over before anybody looks at it again: so there is a
 * reference to it from before it begins.
 *
 * Return: the thread, for kthread_stop_put()
 */
struct task_struct *fake_thread(struct kunit *test, int (*fn)(void *arg),
				void *arg)
{
	struct task_struct *task = kthread_create(fn, arg, "tdi_fake");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wake_up_process(task);
	return task;
}

/* A function is removed, as its driver core does it */
void fake_fn_leave(struct fake_tsm *f, struct pci_dev *pdev)
{
	set_bit(PCI_DEV_REMOVED, &pdev->priv_flags);
	if (pdev == f->pf0.pdev) {
		tsm_session_device_gone(pdev);
		fake_tsm_disconnected(f);
	} else {
		tsm_function_gone(pdev);
	}
}

struct pci_tdi_create_args fake_args(struct fake_tsm *f, struct fake_vm *vm,
				     u64 guest_rid)
{
	return (struct pci_tdi_create_args){
		.vm = fake_vm_desc(vm),
		.guest_rid = guest_rid,
		.host_ops = &fake_host_ops,
		.host_priv = f,
	};
}

static void fake_tdi_end(void *tdi)
{
	pci_tdi_destroy(tdi);
}

/* A TDI that must be, destroyed with the test unless that does it before */
struct pci_tdi *fake_tdi_with(struct fake_tsm *f, struct pci_dev *pdev,
			      const struct pci_tdi_create_args *args)
{
	struct pci_tdi *tdi = pci_tdi_create(pdev, args);

	KUNIT_ASSERT_FALSE(f->test, IS_ERR(tdi));
	KUNIT_ASSERT_EQ(f->test, 0, kunit_add_action_or_reset(f->test,
							      fake_tdi_end,
							      tdi));
	return tdi;
}

/* One of a VM of its own */
struct pci_tdi *fake_tdi(struct fake_tsm *f, struct pci_dev *pdev)
{
	struct fake_vm *vm = fake_vm_new(f->test);
	struct pci_tdi_create_args args = fake_args(f, vm, 0x1100);

	return fake_tdi_with(f, pdev, &args);
}

void fake_tdi_destroy(struct fake_tsm *f, struct pci_tdi *tdi)
{
	kunit_release_action(f->test, fake_tdi_end, tdi);
}

/* Lead a new TDI to a phase, and forget how. */
void fake_tdi_to(struct fake_tsm *f, struct pci_tdi *tdi,
		 enum tsm_tdi_phase phase)
{
	struct kunit *test = f->test;
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;

	if (phase >= TSM_PHASE_LOCKED)
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_lock(tdi, &result));

	switch (phase) {
	case TSM_PHASE_RUN:
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_run(tdi, &result));
		break;
	case TSM_PHASE_ERROR:
		fake_fn_of(f, tdi->pdev)->state = TSM_TDI_ERROR;
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_get_state(tdi, &state));
		break;
	case TSM_PHASE_QUARANTINED:
		f->fail[TSM_STEP_RELEASE] = -EIO;
		KUNIT_ASSERT_EQ(test, -ENOTRECOVERABLE,
				pci_tdi_stop(tdi, &result));
		f->fail[TSM_STEP_RELEASE] = 0;
		break;
	case TSM_PHASE_DEAD:
		fake_tsm_unregister(f);
		break;
	default:
		break;
	}

	KUNIT_ASSERT_EQ(test, phase, tdi->phase);
	fake_log_clear(f);
}
