// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the teardown of TDIs: its order on every path, what happens
 * when a step of it fails, quarantines and their end, several TSMs, vIOMMUs.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "tdi_fake.h"

static int tdi_stop_init(struct kunit *test)
{
	test->priv = fake_tsm_new(test);
	return 0;
}

/* --- the order, on every path -------------------------------------------------- */

enum tdi_stop_path {
	PATH_STOP,
	PATH_DISARM,
	PATH_DESTROY,
	PATH_UNREGISTER,
	PATH_FUNCTION_GONE,
	PATH_DEVICE_GONE,
	PATH_SHUTDOWN,
};

/* What each of them calls, for a TDI that runs with private DMA */
#define DOWN(first, second) \
	" " first " " second " dma-off host-dma-off release ungate"
#define STOP_FIRST	DOWN("stop", "revoke")
#define REVOKE_FIRST	DOWN("revoke", "stop")

static const struct tdi_stop_case {
	const char *name;
	enum tdi_stop_path path;
	bool revoke_first;
	const char *log;
	enum tsm_tdi_phase phase;
} tdi_stop_cases[] = {
	{ "stop", PATH_STOP, false, STOP_FIRST, TSM_PHASE_UNLOCKED },
	{ "disarm", PATH_DISARM, false, STOP_FIRST, TSM_PHASE_UNLOCKED },
	{ "destroy", PATH_DESTROY, false, STOP_FIRST " destroy",
	  TSM_PHASE_DEAD },
	{ "TSM unregistered", PATH_UNREGISTER, false,
	  STOP_FIRST " destroy event-unbound disconnect", TSM_PHASE_DEAD },
	{ "function gone", PATH_FUNCTION_GONE, false,
	  STOP_FIRST " destroy event-unbound", TSM_PHASE_DEAD },
	{ "device gone", PATH_DEVICE_GONE, false,
	  STOP_FIRST " destroy event-unbound disconnect", TSM_PHASE_DEAD },
	{ "shutdown", PATH_SHUTDOWN, false,
	  STOP_FIRST " destroy event-unbound disconnect", TSM_PHASE_DEAD },
	{ "stop, revoked first", PATH_STOP, true, REVOKE_FIRST,
	  TSM_PHASE_UNLOCKED },
	{ "destroy, revoked first", PATH_DESTROY, true,
	  REVOKE_FIRST " destroy", TSM_PHASE_DEAD },
	{ "unregister, revoked first", PATH_UNREGISTER, true,
	  REVOKE_FIRST " destroy event-unbound disconnect", TSM_PHASE_DEAD },
};

KUNIT_ARRAY_PARAM_DESC(tdi_stop_case, tdi_stop_cases, name);

static void tdi_enable_dma(struct fake_tsm *f, struct pci_tdi *tdi)
{
	struct pci_tdi_result result;
	struct pci_tdi_req req = {
		.arch = TSM_ARCH_SIM,
		.op = TSM_OP_ENABLE_DMA,
	};

	KUNIT_ASSERT_EQ(f->test, 0, pci_tdi_guest_req(tdi, &req, &result));
	fake_log_clear(f);
}

static void tdi_stop_order(struct kunit *test)
{
	const struct tdi_stop_case *c = test->param_value;
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	if (c->revoke_first)
		f->tdi_ops.flags |= PCI_TDI_REVOKE_BEFORE_STOP;
	/* a shutdown is for all TSMs that there are */
	KUNIT_ASSERT_FALSE(test, c->path == PATH_SHUTDOWN && tsm_link_present());
	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	tdi_enable_dma(f, tdi);
	pci_tdi_get(tdi);

	switch (c->path) {
	case PATH_STOP:
		KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
		break;
	case PATH_DISARM:
		pci_tdi_disarm(tdi);
		break;
	case PATH_DESTROY:
		fake_tdi_destroy(f, tdi);
		break;
	case PATH_UNREGISTER:
		fake_tsm_unregister(f);
		break;
	case PATH_FUNCTION_GONE:
		fake_fn_leave(f, f->vf[0].pdev);
		break;
	case PATH_DEVICE_GONE:
		fake_fn_leave(f, f->pf0.pdev);
		break;
	case PATH_SHUTDOWN:
		tsm_links_shutdown();
		fake_tsm_unregister(f);
		break;
	}

	FAKE_EXPECT_LOG(f, c->log);
	KUNIT_EXPECT_EQ(test, c->phase, tdi->phase);
	pci_tdi_put(tdi);
}

/* A lock that fails takes back what was done, and nothing else */
static const struct tdi_unlock_case {
	const char *name;
	enum tsm_tdi_step step;
	int fail;
	int rc;
	const char *log;
} tdi_unlock_cases[] = {
	{ "gate", TSM_STEP_GATE, -EBUSY, -EBUSY, " gate" },
	{ "lock", TSM_STEP_LOCK, -EIO, -EIO,
	  " gate lock stop release ungate" },
	{ "report", TSM_STEP_REPORT, -EPROTO, -EPROTO,
	  " gate lock report stop release ungate" },
	{ "report parser", TSM_STEP_REPORT, 0x7fffffff, -EBADMSG,
	  " gate lock report stop release ungate" },
	{ "ranges", TSM_STEP_RANGES, -ENOMEM, -ENOMEM,
	  " gate lock report ranges stop release ungate" },
	{ "dma-prepare", TSM_STEP_DMA_PREPARE, -ENOSPC, -ENOSPC,
	  " gate lock report ranges dma-prepare stop revoke dma-off release ungate" },
};

KUNIT_ARRAY_PARAM_DESC(tdi_unlock_case, tdi_unlock_cases, name);

static void tdi_stop_failed_lock(struct kunit *test)
{
	const struct tdi_unlock_case *c = test->param_value;
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_log_clear(f);
	f->fail[c->step] = c->fail;
	KUNIT_EXPECT_EQ(test, c->rc, pci_tdi_lock(tdi, &result));
	FAKE_EXPECT_LOG(f, c->log);
	KUNIT_EXPECT_EQ(test, TSM_PHASE_UNLOCKED, tdi->phase);
	KUNIT_EXPECT_EQ(test, 0, result.flags);
	KUNIT_EXPECT_EQ(test, 0, result.generation);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_UNLOCKED,
			tsm_tdi_phase_of(f->vf[0].pdev));

	f->fail[c->step] = 0;
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, 1, result.generation);
}

/* --- steps that fail ---------------------------------------------------------------- */

static void tdi_stop_escalates(struct kunit *test)
{
	struct tsm_tdi_state_resp state;
	struct fake_tsm *f = test->priv;
	struct pci_tdi *tdi, *sibling;
	struct pci_tdi_result result;
	struct fake_vm *vm = fake_vm_new(test);
	struct pci_tdi_create_args args = fake_args(f, vm, 2);

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	sibling = fake_tdi_with(f, f->vf[1].pdev, &args);
	fake_tdi_to(f, sibling, TSM_PHASE_RUN);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);

	/* force helps: nobody else is the worse for it */
	f->fail[TSM_STEP_STOP] = -EIO;
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	FAKE_EXPECT_LOG(f, " stop stop-force revoke dma-off release ungate");
	KUNIT_EXPECT_EQ(test, TSM_OUT_COMMITTED, result.flags);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_get_state(sibling, &state));
	KUNIT_EXPECT_EQ(test, TSM_TDI_RUN, state.state);

	/* only the end of the IDE stream helps: the sibling is lost with it */
	f->fail[TSM_STEP_STOP] = 0;
	fake_tdi_to(f, tdi, TSM_PHASE_LOCKED);
	f->fail[TSM_STEP_STOP] = -EIO;
	f->fail[TSM_STEP_STOP_FORCE] = -EIO;
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	FAKE_EXPECT_LOG(f, " stop stop-force block revoke dma-off release ungate");
	KUNIT_EXPECT_FALSE(test, pci_tdi_quarantined(f->vf[0].pdev));
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_get_state(sibling, &state));
	KUNIT_EXPECT_EQ(test, TSM_TDI_ERROR, state.state);
	FAKE_EXPECT_LOG(f, " state event-error");

	/* blocked once is enough; no lock until connected anew */
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_tsm_disconnect(f));
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(sibling, &result));
	FAKE_EXPECT_LOG(f, " stop stop-force revoke dma-off release ungate");
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_lock(sibling, &result));
	fake_tdi_destroy(f, sibling);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENXIO),
			    pci_tdi_create(f->vf[1].pdev, &args));
	FAKE_EXPECT_LOG(f, " destroy");

	/* which a user may do though one is assigned */
	f->fail[TSM_STEP_STOP] = 0;
	f->fail[TSM_STEP_STOP_FORCE] = 0;
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tdi->phase);
	fake_tsm_connect(f);
	fake_tdi_destroy(f, fake_tdi_with(f, f->vf[1].pdev, &args));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
}

/* Where a teardown gets stuck, and what of it has been done by then */
static const struct tdi_stuck_case {
	const char *name;
	enum tsm_tdi_step fail[4];
	bool revoke_first;
	const char *log;
} tdi_stuck_cases[] = {
	{ "stop", { TSM_STEP_STOP, TSM_STEP_STOP_FORCE, TSM_STEP_BLOCK },
	  false, " stop stop-force block event-quarantined" },
	{ "stop, revoked first",
	  { TSM_STEP_STOP, TSM_STEP_STOP_FORCE, TSM_STEP_BLOCK },
	  true, " revoke stop stop-force block event-quarantined" },
	{ "dma-off", { TSM_STEP_DMA_OFF }, false,
	  " stop revoke dma-off event-quarantined" },
	{ "release", { TSM_STEP_RELEASE }, false,
	  " stop revoke dma-off host-dma-off release event-quarantined" },
};

KUNIT_ARRAY_PARAM_DESC(tdi_stuck_case, tdi_stuck_cases, name);

static void tdi_stop_quarantine(struct kunit *test)
{
	const struct tdi_stuck_case *c = test->param_value;
	struct fake_tsm *f = test->priv;
	struct fake_vm *vm = fake_vm_new(test);
	struct pci_tdi_create_args args = fake_args(f, vm, 3);
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	if (c->revoke_first)
		f->tdi_ops.flags |= PCI_TDI_REVOKE_BEFORE_STOP;
	fake_tsm_connect(f);
	tdi = fake_tdi_with(f, f->vf[0].pdev, &args);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	tdi_enable_dma(f, tdi);
	for (int i = 0; i < ARRAY_SIZE(c->fail); i++)
		f->fail[c->fail[i]] = c->fail[i] ? -EIO : 0;

	KUNIT_EXPECT_EQ(test, -ENOTRECOVERABLE, pci_tdi_stop(tdi, &result));
	FAKE_EXPECT_LOG(f, c->log);
	KUNIT_EXPECT_EQ(test, TSM_OUT_QUARANTINED, result.flags);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_get_state(tdi, &state));
	KUNIT_EXPECT_EQ(test, TSM_TDI_ERROR, state.state);
	KUNIT_EXPECT_EQ(test, TSM_TDI_QUARANTINED, state.flags);
	/* it can be reset, but not used */
	KUNIT_EXPECT_EQ(test, TSM_PHASE_QUARANTINED,
			tsm_tdi_phase_of(f->vf[0].pdev));
	KUNIT_EXPECT_TRUE(test, pci_tdi_quarantined(f->vf[0].pdev));
	KUNIT_EXPECT_FALSE(test, pci_tdi_quarantined(f->vf[1].pdev));

	/* nothing is tried again, and nothing freed, when its user goes */
	fake_log_clear(f);
	fake_tdi_destroy(f, tdi);
	FAKE_EXPECT_LOG(f, "");
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->contexts));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&vm->refs));
	KUNIT_EXPECT_TRUE(test, pci_tdi_quarantined(f->vf[0].pdev));

	/* the function stays closed; others do not */
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOTRECOVERABLE),
			    pci_tdi_create(f->vf[0].pdev, &args));
	args.guest_rid = 4;
	if (!c->fail[1])
		fake_tdi_destroy(f, fake_tdi_with(f, f->vf[1].pdev, &args));
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
}

/* A context that firmware does not give up */
static void tdi_stop_destroy_fails(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct fake_vm *vm = fake_vm_new(test);
	struct pci_tdi_create_args args = fake_args(f, vm, 3);
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi_with(f, f->vf[0].pdev, &args);
	fake_log_clear(f);
	f->fail[TSM_STEP_DESTROY] = -EIO;
	fake_tdi_destroy(f, tdi);
	FAKE_EXPECT_LOG(f, " destroy");
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&vm->refs));
	KUNIT_EXPECT_TRUE(test, pci_tdi_quarantined(f->vf[0].pdev));

	/* likewise when it is not its user who ends it */
	args.guest_rid = 4;
	tdi = fake_tdi_with(f, f->vf[1].pdev, &args);
	fake_log_clear(f);
	fake_tsm_unregister(f);
	FAKE_EXPECT_LOG(f, " destroy event-quarantined disconnect");
	KUNIT_EXPECT_EQ(test, TSM_PHASE_QUARANTINED, tdi->phase);
	KUNIT_EXPECT_TRUE(test, pci_tdi_quarantined(f->vf[1].pdev));
}

/* Reset and reconnect, in either order, end a quarantine; one alone does not */
static void tdi_stop_recovery(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	/* before it happened: does not count */
	pci_tdi_note_reset(f->vf[0].pdev);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	tdi_enable_dma(f, tdi);
	f->fail[TSM_STEP_DMA_OFF] = -EIO;
	KUNIT_EXPECT_EQ(test, -ENOTRECOVERABLE, pci_tdi_stop(tdi, &result));
	f->fail[TSM_STEP_DMA_OFF] = 0;
	f->vf[0].state = TSM_TDI_UNLOCKED;

	/* reset, then connected */
	pci_tdi_note_power(f->vf[0].pdev);
	pci_tdi_note_reset(f->vf[1].pdev);
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
	fake_tsm_connect(f);
	KUNIT_EXPECT_EQ(test, -ENOTRECOVERABLE, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, TSM_OUT_QUARANTINED, result.flags);
	pci_tdi_note_reset(f->pf0.pdev);
	KUNIT_EXPECT_FALSE(test, pci_tdi_quarantined(f->vf[0].pdev));

	/* the host's hooks catch up, then all is as ever */
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	FAKE_EXPECT_LOG(f, " host-dma-off ungate create gate lock report ranges dma-prepare");
	KUNIT_EXPECT_EQ(test, 2, result.generation);
	/* what was kept is kept for ever */
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&f->contexts));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	fake_tdi_destroy(f, tdi);

	/* connected, then reset */
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_QUARANTINED);
	fake_tdi_destroy(f, tdi);
	KUNIT_EXPECT_TRUE(test, pci_tdi_quarantined(f->vf[0].pdev));
	pci_tdi_note_reset(f->vf[0].pdev);
	KUNIT_EXPECT_TRUE(test, pci_tdi_quarantined(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
	KUNIT_EXPECT_TRUE(test, pci_tdi_quarantined(f->vf[0].pdev));
	fake_tsm_connect(f);
	KUNIT_EXPECT_FALSE(test, pci_tdi_quarantined(f->vf[0].pdev));
	fake_tdi_destroy(f, fake_tdi(f, f->vf[0].pdev));
}

/* --- several of them ------------------------------------------------------------------------ */

/* Two TSMs with their devices: neither's TDIs are the other's business */
static void tdi_stop_two_tsms(struct kunit *test)
{
	struct fake_tsm *a = test->priv, *b = fake_tsm_new(test);
	struct fake_vm *vm = fake_vm_new(test);
	struct pci_tdi_create_args in_a = fake_args(a, vm, 1);
	struct pci_tdi_create_args in_b = fake_args(b, vm, 2);
	struct pci_tdi_caps caps;
	struct pci_tdi *ta, *tb;

	b->tdi_ops.op_mask = BIT_ULL(TSM_OP_GUEST_MSG);
	b->tdi_ops.arch = TSM_ARCH_CCA;
	fake_tsm_connect(a);
	fake_tsm_connect(b);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_query(a->vf[0].pdev, &caps));
	KUNIT_EXPECT_EQ(test, a->tsm_dev->id, caps.tsm_id);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_query(b->vf[0].pdev, &caps));
	KUNIT_EXPECT_EQ(test, b->tsm_dev->id, caps.tsm_id);
	KUNIT_EXPECT_EQ(test, TSM_ARCH_CCA, caps.arch);

	/* a number of a VM is one of all its functions, whoever's they are */
	in_b.guest_rid = 1;
	ta = fake_tdi_with(a, a->vf[0].pdev, &in_a);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EEXIST),
			    pci_tdi_create(b->vf[0].pdev, &in_b));
	in_b.guest_rid = 2;
	tb = fake_tdi_with(b, b->vf[0].pdev, &in_b);
	fake_tdi_to(a, ta, TSM_PHASE_RUN);
	fake_tdi_to(b, tb, TSM_PHASE_LOCKED);

	fake_log_clear(a);
	fake_tsm_unregister(b);
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tb->phase);
	KUNIT_EXPECT_EQ(test, TSM_PHASE_RUN, ta->phase);
	FAKE_EXPECT_LOG(a, "");
}

static void tdi_stop_viommu(struct kunit *test)
{
	struct fake_tsm *a = test->priv, *b = fake_tsm_new(test);
	struct fake_vm *vm = fake_vm_new(test), *other = fake_vm_new(test);
	struct pci_tdi_vm desc = fake_vm_desc(vm), none = desc;
	struct pci_tdi_create_args args = fake_args(a, vm, 1);
	struct pci_tdi_result result;
	struct pci_tdi_viommu *v;
	struct pci_tdi *tdi;

	none.kvm = NULL;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENXIO),
			    pci_tdi_viommu_create(a->vf[0].pdev,
						  FAKE_VIOMMU_TYPE, &desc));
	fake_tsm_connect(a);
	fake_tsm_connect(b);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EOPNOTSUPP),
			    pci_tdi_viommu_create(a->vf[0].pdev,
						  FAKE_VIOMMU_TYPE + 1, &desc));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EOPNOTSUPP),
			    pci_tdi_viommu_create(a->vf[0].pdev, 64, &desc));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    pci_tdi_viommu_create(a->vf[0].pdev,
						  FAKE_VIOMMU_TYPE, &none));
	a->fail[TSM_STEP_CREATE] = 1;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOMEM),
			    pci_tdi_viommu_create(a->vf[0].pdev,
						  FAKE_VIOMMU_TYPE, &desc));
	a->fail[TSM_STEP_CREATE] = 0;
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
	v = pci_tdi_viommu_create(a->vf[0].pdev, FAKE_VIOMMU_TYPE, &desc);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v));
	KUNIT_EXPECT_EQ(test, FAKE_VIOMMU_TYPE, v->ctx->type);
	KUNIT_EXPECT_PTR_EQ(test, a->tsm_dev, v->ctx->tsm_dev);

	/* of this TSM, and of this VM */
	args.viommu = v;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    pci_tdi_create(b->vf[0].pdev, &args));
	args.vm = fake_vm_desc(other);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    pci_tdi_create(a->vf[0].pdev, &args));
	args.vm = desc;
	tdi = fake_tdi_with(a, a->vf[0].pdev, &args);
	KUNIT_EXPECT_PTR_EQ(test, v->ctx, tdi->ctx->viommu);
	for (int i = 0; i < 100; i++) {
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_lock(tdi, &result));
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_run(tdi, &result));
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_stop(tdi, &result));
		fake_log_clear(a);
	}

	/* the TDI keeps it */
	pci_tdi_viommu_put(v);
	FAKE_EXPECT_LOG(a, "");
	fake_tdi_destroy(a, tdi);
	FAKE_EXPECT_LOG(a, " destroy viommu-destroy");
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
}

/* A vIOMMU whose TSM goes: so does it, and what is behind it stays DEAD */
static void tdi_stop_viommu_gone(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct fake_vm *vm = fake_vm_new(test);
	struct pci_tdi_vm desc = fake_vm_desc(vm);
	struct pci_tdi_create_args args = fake_args(f, vm, 1);
	struct pci_tdi_result result;
	struct pci_tdi_viommu *v;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	v = pci_tdi_viommu_create(f->vf[0].pdev, FAKE_VIOMMU_TYPE, &desc);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v));
	args.viommu = v;
	tdi = fake_tdi_with(f, f->vf[0].pdev, &args);
	fake_tdi_to(f, tdi, TSM_PHASE_LOCKED);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	fake_log_clear(f);
	fake_tsm_unregister(f);
	FAKE_EXPECT_LOG(f, " destroy event-unbound disconnect viommu-destroy");
	fake_tsm_connect(f);
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_lock(tdi, &result));
	fake_tdi_destroy(f, tdi);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENXIO),
			    pci_tdi_create(f->vf[1].pdev, &args));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
	fake_log_clear(f);
	pci_tdi_viommu_put(v);
	FAKE_EXPECT_LOG(f, "");
}

/* What firmware does not give up is kept, and so is what is quarantined */
static void tdi_stop_viommu_kept(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct fake_vm *vm = fake_vm_new(test);
	struct pci_tdi_vm desc = fake_vm_desc(vm);
	struct pci_tdi_create_args args = fake_args(f, vm, 1);
	struct pci_tdi_viommu *v;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	v = pci_tdi_viommu_create(f->vf[0].pdev, FAKE_VIOMMU_TYPE, &desc);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v));
	f->fail[TSM_STEP_DESTROY] = -EIO;
	pci_tdi_viommu_put(v);
	f->fail[TSM_STEP_DESTROY] = 0;
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&vm->refs));

	v = pci_tdi_viommu_create(f->vf[0].pdev, FAKE_VIOMMU_TYPE, &desc);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v));
	args.viommu = v;
	tdi = fake_tdi_with(f, f->vf[0].pdev, &args);
	fake_tdi_to(f, tdi, TSM_PHASE_QUARANTINED);
	fake_tdi_destroy(f, tdi);
	pci_tdi_viommu_put(v);
	/* the first one's, the second one's, and the TDI's */
	KUNIT_EXPECT_EQ(test, 3, atomic_read(&vm->refs));
	fake_log_clear(f);
	fake_tsm_unregister(f);
	FAKE_EXPECT_LOG(f, " disconnect");
}

static void tdi_stop_sleep(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_session_sleep());
	KUNIT_EXPECT_EQ(test, TSM_PHASE_UNLOCKED, tdi->phase);
	fake_tdi_destroy(f, tdi);
	fake_log_clear(f);

	for (int i = 0; i < FAKE_VFS; i++)
		tsm_function_gone(f->vf[i].pdev);
	KUNIT_EXPECT_EQ(test, 0, tsm_session_sleep());
	FAKE_EXPECT_LOG(f, " disconnect");
	KUNIT_EXPECT_EQ(test, -EBUSY,
			tsm_session_connect(f->pf0.pdev, f->tsm_dev->id));
	tsm_session_wake();
	fake_tsm_connect(f);
}

static struct kunit_case tdi_stop_kunit_cases[] = {
	KUNIT_CASE_PARAM(tdi_stop_order, tdi_stop_case_gen_params),
	KUNIT_CASE_PARAM(tdi_stop_failed_lock, tdi_unlock_case_gen_params),
	KUNIT_CASE(tdi_stop_escalates),
	KUNIT_CASE_PARAM(tdi_stop_quarantine, tdi_stuck_case_gen_params),
	KUNIT_CASE(tdi_stop_destroy_fails),
	KUNIT_CASE(tdi_stop_recovery),
	KUNIT_CASE(tdi_stop_two_tsms),
	KUNIT_CASE(tdi_stop_viommu),
	KUNIT_CASE(tdi_stop_viommu_gone),
	KUNIT_CASE(tdi_stop_viommu_kept),
	KUNIT_CASE(tdi_stop_sleep),
	{}
};

static struct kunit_suite tdi_stop_suite = {
	.name = "pci_tdi_stop",
	.init = tdi_stop_init,
	.test_cases = tdi_stop_kunit_cases,
};

kunit_test_suite(tdi_stop_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of TDIs in the PCI/TSM core");
MODULE_LICENSE("GPL");
