// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of TDIs: which there may be, and their way up. States and events
 * are in tdi_state_test.c, teardown in tdi_stop_test.c, requests of guests in
 * tdi_req_test.c, operations that meet in tdi_race_test.c, power in
 * tdi_power_test.c.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "tdi_fake.h"

static int tdi_test_init(struct kunit *test)
{
	test->priv = fake_tsm_new(test);
	return 0;
}

static struct pci_tdi *tdi_test_create(struct fake_tsm *f, struct pci_dev *pdev,
				       struct fake_vm *vm, u64 guest_rid)
{
	struct pci_tdi_create_args args = fake_args(f, vm, guest_rid);

	return pci_tdi_create(pdev, &args);
}

/* --- creation --------------------------------------------------------------------- */

static void tdi_test_create_errors(struct kunit *test)
{
	struct fake_vm *vm = fake_vm_new(test), *other = fake_vm_new(test);
	struct fake_tsm *f = test->priv;
	struct pci_tdi_create_args args;
	struct pci_tdi *tdi;

	/* no TSM, no connection, no VM */
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENXIO),
			    tdi_test_create(f, f->vf[0].pdev, vm, 1));
	fake_tsm_register(f);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENXIO),
			    tdi_test_create(f, f->vf[0].pdev, vm, 1));
	fake_tsm_connect(f);
	args = fake_args(f, vm, 1);
	args.vm.kvm = NULL;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    pci_tdi_create(f->vf[0].pdev, &args));
	args = fake_args(f, vm, 1);
	args.vm.put = NULL;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    pci_tdi_create(f->vf[0].pdev, &args));

	/* numbers are not truncated, neither to 32 bits nor to those there are */
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    tdi_test_create(f, f->vf[0].pdev, vm,
					    BIT_ULL(32) | 1));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    tdi_test_create(f, f->vf[0].pdev, vm,
					    BIT(FAKE_RID_BITS)));

	/* the driver's own errors */
	f->fail[TSM_STEP_CREATE] = -ENOSPC;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOSPC),
			    tdi_test_create(f, f->vf[0].pdev, vm, 1));
	f->fail[TSM_STEP_CREATE] = 1;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOMEM),
			    tdi_test_create(f, f->vf[0].pdev, vm, 1));
	f->fail[TSM_STEP_CREATE] = 0;

	/* none of these left a trace */
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
	KUNIT_EXPECT_EQ(test, -ENOENT, tsm_tdi_phase_of(f->vf[0].pdev));
	args = fake_args(f, vm, BIT(FAKE_RID_BITS) - 1);
	tdi = fake_tdi_with(f, f->vf[0].pdev, &args);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&vm->refs));
	KUNIT_EXPECT_EQ(test, BIT(FAKE_RID_BITS) - 1, tdi->ctx->guest_rid);
	KUNIT_EXPECT_NE(test, pci_dev_id(tdi->ctx->pdev), tdi->ctx->guest_rid);
	KUNIT_EXPECT_PTR_EQ(test, f->vf[0].pdev->tsm, tdi->ctx->tsm);

	/* one TDI a function, one function a number */
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EBUSY),
			    tdi_test_create(f, f->vf[0].pdev, other, 1));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EBUSY),
			    tdi_test_create(f, f->vf[0].pdev, vm,
					    BIT(FAKE_RID_BITS) - 1));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EEXIST),
			    tdi_test_create(f, f->vf[1].pdev, vm,
					    BIT(FAKE_RID_BITS) - 1));
	args = fake_args(f, other, BIT(FAKE_RID_BITS) - 1);
	fake_tdi_destroy(f, fake_tdi_with(f, f->vf[1].pdev, &args));
	args = fake_args(f, vm, 1);
	fake_tdi_destroy(f, fake_tdi_with(f, f->vf[1].pdev, &args));

	fake_tdi_destroy(f, tdi);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->contexts));
	args = fake_args(f, vm, BIT(FAKE_RID_BITS) - 1);
	fake_tdi_destroy(f, fake_tdi_with(f, f->vf[1].pdev, &args));
}

/* A TSM that only connects: no operation of it on TDIs is ever looked for */
static void tdi_test_session_only(struct kunit *test)
{
	struct fake_vm *vm = fake_vm_new(test);
	struct fake_tsm *f = test->priv;
	struct pci_tdi_vm desc = fake_vm_desc(vm);
	struct pci_tdi_caps caps;

	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_query(f->vf[0].pdev, &caps));
	f->ops.tdi_ops = NULL;
	fake_tsm_connect(f);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EOPNOTSUPP),
			    tdi_test_create(f, f->vf[0].pdev, vm, 1));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EOPNOTSUPP),
			    pci_tdi_viommu_create(f->vf[0].pdev,
						  FAKE_VIOMMU_TYPE, &desc));
	caps.tsm_id = 0;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, pci_tdi_query(f->vf[0].pdev, &caps));
	KUNIT_EXPECT_EQ(test, f->tsm_dev->id, caps.tsm_id);
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
}

static void tdi_test_query_caps(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_caps caps;

	f->tdi_ops.op_mask = BIT_ULL(TSM_OP_START);
	fake_tsm_connect(f);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_query(f->vf[0].pdev, &caps));
	KUNIT_EXPECT_EQ(test, f->tsm_dev->id, caps.tsm_id);
	KUNIT_EXPECT_EQ(test, TSM_ARCH_SIM, caps.arch);
	/* the state is the core's to tell */
	KUNIT_EXPECT_EQ(test, BIT_ULL(TSM_OP_START) |
			      BIT_ULL(TSM_OP_GET_TDI_STATE), caps.op_mask);
	KUNIT_EXPECT_EQ(test, FAKE_MAX_MSG, caps.max_req_len);
	KUNIT_EXPECT_EQ(test, FAKE_MAX_MSG, caps.max_resp_len);
	KUNIT_EXPECT_EQ(test, FAKE_RID_BITS, caps.guest_rid_bits);
	KUNIT_EXPECT_EQ(test, BIT_ULL(FAKE_VIOMMU_TYPE), caps.viommu_types);
}

static void tdi_test_ops_valid(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	const struct pci_tdi_ops good = f->tdi_ops;
	struct pci_tdi_ops *ops = &f->tdi_ops;

#define EXPECT_INVALID(change)						\
	do {								\
		*ops = good;						\
		change;							\
		KUNIT_EXPECT_FALSE_MSG(test, tsm_tdi_ops_valid(ops),	\
				       #change);			\
		KUNIT_EXPECT_EQ(test, -EINVAL,				\
				pci_tsm_register(f->tsm_dev));		\
	} while (0)
#define EXPECT_VALID(change)						\
	do {								\
		*ops = good;						\
		change;							\
		KUNIT_EXPECT_TRUE_MSG(test, tsm_tdi_ops_valid(ops),	\
				      #change);				\
	} while (0)

	EXPECT_VALID((void)ops);
	KUNIT_EXPECT_TRUE(test, tsm_tdi_ops_valid(NULL));
	EXPECT_INVALID(ops->create = NULL);
	EXPECT_INVALID(ops->destroy = NULL);
	EXPECT_INVALID(ops->lock = NULL);
	EXPECT_INVALID(ops->report = NULL);
	EXPECT_INVALID(ops->stop = NULL);
	EXPECT_INVALID(ops->arch = TSM_ARCH_NONE);
	EXPECT_INVALID(ops->op_mask |= BIT_ULL(0));
	EXPECT_INVALID(ops->op_mask |= BIT_ULL(TSM_OP_GUEST_MSG + 1));
	/* what is offered must be there */
	EXPECT_INVALID(ops->run = NULL);
	EXPECT_INVALID(ops->trusted_dma = NULL);
	EXPECT_INVALID(ops->guest_req = NULL);
	EXPECT_INVALID(ops->viommu_create = NULL);
	EXPECT_INVALID(ops->viommu_destroy = NULL);
	EXPECT_INVALID(ops->guest_rid_bits = 15);
	EXPECT_INVALID(ops->guest_rid_bits = 33);
	EXPECT_INVALID(ops->max_req_len = PCI_TDI_MSG_MAX + 1);
	EXPECT_INVALID(ops->max_resp_len = PCI_TDI_MSG_MAX + 1);
	/* and the rest may be missing */
	EXPECT_VALID(ops->state = NULL);
	EXPECT_VALID(ops->block = NULL);
	EXPECT_VALID(ops->release = NULL);
	EXPECT_VALID(ops->op_mask = 0; ops->run = NULL;
		     ops->trusted_dma = NULL; ops->guest_req = NULL);
	EXPECT_VALID(ops->viommu_types = 0; ops->viommu_create = NULL;
		     ops->viommu_destroy = NULL);
}

/* --- lock, run, and what is left of it ----------------------------------------------- */

static void tdi_test_story(struct kunit *test)
{
	struct tsm_tdi_state_resp state;
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	FAKE_EXPECT_LOG(f, " create");
	KUNIT_EXPECT_EQ(test, TSM_PHASE_UNLOCKED,
			tsm_tdi_phase_of(f->vf[0].pdev));

	for (u64 round = 1; round <= 100; round++) {
		fake_log_clear(f);
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_lock(tdi, &result));
		FAKE_EXPECT_LOG(f, " gate lock report ranges dma-prepare");
		KUNIT_EXPECT_EQ(test, TSM_OUT_COMMITTED, result.flags);
		KUNIT_EXPECT_EQ(test, round, result.generation);
		KUNIT_EXPECT_EQ(test, FAKE_TSM_CODE, result.tsm_code);
		KUNIT_EXPECT_EQ(test, TSM_PHASE_LOCKED,
				tsm_tdi_phase_of(f->vf[0].pdev));
		KUNIT_EXPECT_EQ(test, -ENOENT,
				tsm_tdi_phase_of(f->vf[1].pdev));

		fake_log_clear(f);
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_run(tdi, &result));
		FAKE_EXPECT_LOG(f, " run");
		KUNIT_EXPECT_EQ(test, TSM_OUT_COMMITTED, result.flags);

		KUNIT_ASSERT_EQ(test, 0, pci_tdi_get_state(tdi, &state));
		KUNIT_EXPECT_EQ(test, TSM_TDI_RUN, state.state);
		KUNIT_EXPECT_EQ(test, 0, state.flags);
		KUNIT_EXPECT_EQ(test, round, state.generation);

		fake_log_clear(f);
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_stop(tdi, &result));
		FAKE_EXPECT_LOG(f, " stop revoke dma-off release ungate");
		KUNIT_EXPECT_EQ(test, TSM_OUT_COMMITTED, result.flags);
		KUNIT_EXPECT_EQ(test, round, result.generation);
		KUNIT_EXPECT_EQ(test, TSM_PHASE_UNLOCKED,
				tsm_tdi_phase_of(f->vf[0].pdev));

		/* nothing left to do */
		fake_log_clear(f);
		KUNIT_ASSERT_EQ(test, 0, pci_tdi_stop(tdi, &result));
		FAKE_EXPECT_LOG(f, "");
		KUNIT_EXPECT_EQ(test, 0, result.flags);
	}

	fake_log_clear(f);
	fake_tdi_destroy(f, tdi);
	FAKE_EXPECT_LOG(f, " destroy");
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
}

/* A TSM that takes confidential VMs only */
static void tdi_test_confidential(struct kunit *test)
{
	struct fake_vm *vm = fake_vm_new(test);
	struct fake_tsm *f = test->priv;
	struct pci_tdi_create_args args = fake_args(f, vm, 1);
	struct pci_tdi_result result;
	struct pci_tdi_viommu *v;
	struct pci_tdi_caps caps;
	struct pci_tdi *tdi;

	f->tdi_ops.flags |= PCI_TDI_CONFIDENTIAL_VM;
	fake_tsm_connect(f);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_query(f->vf[0].pdev, &caps));
	KUNIT_EXPECT_TRUE(test, caps.confidential_vm);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    pci_tdi_create(f->vf[0].pdev, &args));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    pci_tdi_viommu_create(f->vf[0].pdev,
						  FAKE_VIOMMU_TYPE, &args.vm));
	/* the driver has not seen it, and nothing of it is left */
	FAKE_EXPECT_LOG(f, "");
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));

	args.vm.confidential = true;
	v = pci_tdi_viommu_create(f->vf[0].pdev, FAKE_VIOMMU_TYPE, &args.vm);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v));
	pci_tdi_viommu_put(v);
	tdi = fake_tdi_with(f, f->vf[0].pdev, &args);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
}

/* A TDI that comes back on another TSM, which is more particular */
static void tdi_test_confidential_revive(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi_caps caps;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_query(f->vf[0].pdev, &caps));
	KUNIT_EXPECT_FALSE(test, caps.confidential_vm);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_DEAD);

	f->tdi_ops.flags |= PCI_TDI_CONFIDENTIAL_VM;
	fake_tsm_connect(f);
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tdi->phase);
	FAKE_EXPECT_LOG(f, "");
}

/* References to a module that is nobody's, beside that of its being there */
static int tdi_test_pins(const struct module *owner)
{
#ifdef CONFIG_MODULE_UNLOAD
	return atomic_read(&owner->refcnt) - 1;
#else
	return 0;
#endif
}

/* Each context of a driver keeps its module; one that is about to go gets none */
static void tdi_test_module(struct kunit *test)
{
	struct fake_vm *vm = fake_vm_new(test);
	struct fake_tsm *f = test->priv;
	struct pci_tdi_create_args args = fake_args(f, vm, 1);
	struct pci_tdi_result result;
	struct pci_tdi_viommu *v;
	struct module *owner;
	struct pci_tdi *tdi;

	if (!IS_ENABLED(CONFIG_MODULE_UNLOAD))
		kunit_skip(test, "modules stay, whoever uses them");

	owner = kunit_kzalloc(test, sizeof(*owner), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, owner);
	strscpy(owner->name, "tdi_test_fake");
#ifdef CONFIG_MODULE_UNLOAD
	atomic_set(&owner->refcnt, 1);
#endif
	f->tdi_ops.owner = owner;
	fake_tsm_connect(f);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_pins(owner));
	f->fail[TSM_STEP_CREATE] = -ENOSPC;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOSPC),
			    pci_tdi_create(f->vf[0].pdev, &args));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOSPC),
			    pci_tdi_viommu_create(f->vf[0].pdev,
						  FAKE_VIOMMU_TYPE, &args.vm));
	f->fail[TSM_STEP_CREATE] = 0;
	KUNIT_EXPECT_EQ(test, 0, tdi_test_pins(owner));
	v = pci_tdi_viommu_create(f->vf[0].pdev, FAKE_VIOMMU_TYPE, &args.vm);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v));
	KUNIT_EXPECT_EQ(test, 1, tdi_test_pins(owner));
	tdi = fake_tdi(f, f->vf[0].pdev);
	KUNIT_EXPECT_EQ(test, 2, tdi_test_pins(owner));
	fake_log_clear(f);

	/* somebody unloads it by force: nothing new, and the old goes on */
	owner->state = MODULE_STATE_GOING;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENXIO),
			    pci_tdi_create(f->vf[1].pdev, &args));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENXIO),
			    pci_tdi_viommu_create(f->vf[1].pdev,
						  FAKE_VIOMMU_TYPE, &args.vm));
	FAKE_EXPECT_LOG(f, "");
	KUNIT_EXPECT_EQ(test, 2, tdi_test_pins(owner));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_run(tdi, &result));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));

	/* a TDI that lost its connection has no context, and gets none */
	fake_tsm_unregister(f);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_pins(owner));
	fake_tsm_connect(f);
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tdi->phase);
	FAKE_EXPECT_LOG(f, "");
	owner->state = MODULE_STATE_LIVE;
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, 1, tdi_test_pins(owner));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));

	/* what is quarantined keeps it for ever */
	fake_tdi_to(f, tdi, TSM_PHASE_QUARANTINED);
	fake_tdi_destroy(f, tdi);
	fake_tsm_unregister(f);
	KUNIT_EXPECT_EQ(test, 1, tdi_test_pins(owner));
	pci_tdi_viommu_put(v);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
}

/* A driver with nothing but what is mandatory */
static void tdi_test_bare_driver(struct kunit *test)
{
	struct tsm_tdi_state_resp state;
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	f->tdi_ops.op_mask = 0;
	f->tdi_ops.viommu_types = 0;
	f->tdi_ops.viommu_create = NULL;
	f->tdi_ops.viommu_destroy = NULL;
	f->tdi_ops.trusted_dma = NULL;
	f->tdi_ops.run = NULL;
	f->tdi_ops.guest_req = NULL;
	f->tdi_ops.state = NULL;
	f->tdi_ops.block = NULL;
	f->tdi_ops.release = NULL;
	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_log_clear(f);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, pci_tdi_run(tdi, &result));
	KUNIT_EXPECT_EQ(test, 0, result.flags);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_get_state(tdi, &state));
	KUNIT_EXPECT_EQ(test, TSM_TDI_LOCKED, state.state);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	FAKE_EXPECT_LOG(f, " gate lock report ranges stop revoke ungate");
}

/* A host with no hooks at all */
static void tdi_test_bare_host(struct kunit *test)
{
	struct fake_vm *vm = fake_vm_new(test);
	struct fake_tsm *f = test->priv;
	struct pci_tdi_create_args args = fake_args(f, vm, 1);
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	args.host_ops = NULL;
	fake_tsm_connect(f);
	tdi = fake_tdi_with(f, f->vf[0].pdev, &args);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_run(tdi, &result));
	FAKE_EXPECT_LOG(f, " create lock report dma-prepare run");
	f->vf[0].state = TSM_TDI_ERROR;
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_get_state(tdi, &state));
	fake_log_clear(f);
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	fake_tdi_destroy(f, tdi);
	FAKE_EXPECT_LOG(f, " stop dma-off release destroy");
}

/* Private DMA begins with RUN where the guest has no say in it */
static void tdi_test_implied_dma(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	f->tdi_ops.op_mask = BIT_ULL(TSM_OP_START);
	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_LOCKED);

	f->fail_once = true;
	f->fail[TSM_STEP_HOST_DMA_ON] = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, pci_tdi_run(tdi, &result));
	FAKE_EXPECT_LOG(f, " host-dma-on");

	/* refused by the device: the host's part is taken back */
	fake_log_clear(f);
	f->fail[TSM_STEP_RUN] = -EPROTO;
	KUNIT_EXPECT_EQ(test, -EPROTO, pci_tdi_run(tdi, &result));
	FAKE_EXPECT_LOG(f, " host-dma-on run state host-dma-off");
	KUNIT_EXPECT_EQ(test, 0, result.flags);

	/* its answer was lost, but it was not refused */
	fake_log_clear(f);
	f->fail[TSM_STEP_RUN] = -EIO;
	f->vf[0].state = TSM_TDI_RUN;
	KUNIT_EXPECT_EQ(test, -EIO, pci_tdi_run(tdi, &result));
	FAKE_EXPECT_LOG(f, " host-dma-on run state");
	KUNIT_EXPECT_EQ(test, TSM_OUT_COMMITTED, result.flags);
	KUNIT_EXPECT_EQ(test, TSM_PHASE_RUN, tdi->phase);

	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	FAKE_EXPECT_LOG(f, " stop revoke dma-off host-dma-off release ungate");
}

static struct kunit_case tdi_cases[] = {
	KUNIT_CASE(tdi_test_create_errors),
	KUNIT_CASE(tdi_test_session_only),
	KUNIT_CASE(tdi_test_query_caps),
	KUNIT_CASE(tdi_test_ops_valid),
	KUNIT_CASE(tdi_test_story),
	KUNIT_CASE(tdi_test_module),
	KUNIT_CASE(tdi_test_confidential),
	KUNIT_CASE(tdi_test_confidential_revive),
	KUNIT_CASE(tdi_test_bare_driver),
	KUNIT_CASE(tdi_test_bare_host),
	KUNIT_CASE(tdi_test_implied_dma),
	{}
};

static struct kunit_suite tdi_suite = {
	.name = "pci_tdi",
	.init = tdi_test_init,
	.test_cases = tdi_cases,
};

kunit_test_suite(tdi_suite);
