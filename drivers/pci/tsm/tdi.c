// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs, the objects: which there are, what they hold, and who takes them away.
 * What is done with one is in tdi-ops.c, tdi-req.c and tdi-stop.c.
 *
 * A TDI is its user's. The context that a TSM driver has of it comes and goes
 * with the connection of the device: without one the TDI is DEAD, and a lock
 * makes a new one.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <kunit/visibility.h>

#include "tdi.h"
#include "trace.h"

/* The function's struct pci_dev -> struct pci_tdi; changed under tsm_lock */
static DEFINE_XARRAY(tsm_tdis);

/* (VM, guest_rid) -> struct pci_tdi; under tsm_lock */
static DEFINE_HASHTABLE(tsm_vm_tdis, 6);

static const struct pci_tdi_host_ops tsm_no_hooks;

static unsigned long tsm_vm_key(const struct pci_tdi *tdi)
{
	return (unsigned long)tdi->vm.kvm ^ hash_64(tdi->guest_rid, 32);
}

/* Every legal transition; everything else is a bug of the core. */
bool tsm_tdi_may_follow(enum tsm_tdi_phase from, enum tsm_tdi_phase to)
{
	switch (to) {
	case TSM_PHASE_DEAD:
		return from == TSM_PHASE_UNLOCKED ||
		       from == TSM_PHASE_QUARANTINED;
	case TSM_PHASE_UNLOCKED:
		return from == TSM_PHASE_DEAD || from == TSM_PHASE_STOPPING;
	case TSM_PHASE_LOCKING:
		return from == TSM_PHASE_UNLOCKED;
	case TSM_PHASE_LOCKED:
		return from == TSM_PHASE_LOCKING;
	case TSM_PHASE_RUN:
		return from == TSM_PHASE_LOCKED;
	case TSM_PHASE_ERROR:
		return from == TSM_PHASE_LOCKED || from == TSM_PHASE_RUN;
	case TSM_PHASE_STOPPING:
		return from == TSM_PHASE_LOCKING || from == TSM_PHASE_LOCKED ||
		       from == TSM_PHASE_RUN || from == TSM_PHASE_ERROR;
	case TSM_PHASE_QUARANTINED:
		return from == TSM_PHASE_STOPPING || from == TSM_PHASE_UNLOCKED;
	}

	return false;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_tdi_may_follow);

/* The one place that changes the phase of a TDI; whoever holds its lock */
void tsm_tdi_set_phase(struct pci_tdi *tdi, enum tsm_tdi_phase phase)
{
	lockdep_assert_held(&tdi->lock);

	pci_WARN_ONCE(tdi->pdev, !tsm_tdi_may_follow(tdi->phase, phase),
		      "TDI phase %d -> %d\n", tdi->phase, phase);
	trace_tsm_tdi_phase(tdi->pdev, tdi->guest_rid, tdi->phase, phase,
			    tdi->generation);
	WRITE_ONCE(tdi->phase, phase);
}

/* --- what can be done with a function ------------------------------------- */

static void tsm_fill_caps(struct pci_tdi_caps *caps, struct tsm_session *s)
{
	struct tsm_dev *tsm_dev = s->link->tsm_dev;
	const struct pci_tdi_ops *ops = tsm_dev->pci_ops->tdi_ops;

	*caps = (struct pci_tdi_caps){
		.tsm_id = tsm_dev->id,
		.arch = ops->arch,
		.op_mask = ops->op_mask | BIT_ULL(TSM_OP_GET_TDI_STATE),
		.max_req_len = ops->max_req_len,
		.max_resp_len = ops->max_resp_len,
		.guest_rid_bits = ops->guest_rid_bits,
		.viommu_types = ops->viommu_types,
		.confidential_vm = ops->flags & PCI_TDI_CONFIDENTIAL_VM,
	};
}

/**
 * pci_tdi_query() - what can be done with a function?
 * @pdev: PCI function
 * @caps: result, filled in by success; @caps->tsm_id also by -EOPNOTSUPP
 *
 * A snapshot: the function's device may be disconnected the next moment.
 *
 * Context: May sleep, only for a moment.
 *
 * Return:
 * * %0			- success
 * * %-ENXIO		- no connected DSM manages @pdev
 * * %-EOPNOTSUPP	- its TSM does nothing with TDIs
 */
int pci_tdi_query(struct pci_dev *pdev, struct pci_tdi_caps *caps)
{
	struct tsm_session *s;

	guard(mutex)(&tsm_lock);
	s = tsm_session_of(pdev);
	if (!s)
		return -ENXIO;
	if (!s->link->tsm_dev->pci_ops->tdi_ops) {
		caps->tsm_id = s->link->tsm_dev->id;
		return -EOPNOTSUPP;
	}

	tsm_fill_caps(caps, s);
	return 0;
}
EXPORT_SYMBOL_GPL(pci_tdi_query);

/**
 * tsm_tdi_ops_valid() - may a TSM driver be registered with these?
 * @ops: operations on TDIs, or NULL
 *
 * Return: whether they are complete, and their limits make sense
 */
bool tsm_tdi_ops_valid(const struct pci_tdi_ops *ops)
{
	const u64 dma = BIT_ULL(TSM_OP_ENABLE_DMA) |
			BIT_ULL(TSM_OP_DISABLE_DMA);
	const u64 own = BIT_ULL(TSM_OP_START) | dma |
			BIT_ULL(TSM_OP_GET_TDI_STATE);

	if (!ops)
		return true;

	if (!ops->create || !ops->destroy || !ops->lock || !ops->report ||
	    !ops->stop)
		return false;

	if (ops->arch == TSM_ARCH_NONE ||
	    ops->op_mask & ~GENMASK_ULL(TSM_OP_GUEST_MSG, TSM_OP_VALIDATE_MMIO))
		return false;

	if ((ops->op_mask & BIT_ULL(TSM_OP_START) && !ops->run) ||
	    (ops->op_mask & dma && !ops->trusted_dma) ||
	    (ops->op_mask & ~own && !ops->guest_req))
		return false;

	if (ops->guest_rid_bits < 16 || ops->guest_rid_bits > 32 ||
	    ops->max_req_len > PCI_TDI_MSG_MAX ||
	    ops->max_resp_len > PCI_TDI_MSG_MAX)
		return false;

	return !ops->viommu_types ||
	       (ops->viommu_create && ops->viommu_destroy);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_tdi_ops_valid);

/* --- a TSM driver's context of a TDI ---------------------------------------- */

/* Is the vIOMMU that a TDI is to be behind fit for that, on this TSM? */
static int tsm_tdi_check_viommu(struct pci_tdi *tdi, struct tsm_link *link)
{
	struct pci_tdi_viommu *viommu = tdi->viommu;

	lockdep_assert_held(&tsm_lock);

	if (!viommu)
		return 0;
	if (!viommu->link)
		return -ENXIO;
	return viommu->link == link && viommu->vm.kvm == tdi->vm.kvm ? 0 :
								      -EINVAL;
}

/*
 * Make a TDI one of those of its function's session, which is then kept until
 * tsm_tdi_leave().
 */
static int tsm_tdi_join(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	const struct pci_tdi_ops *ops;
	struct tsm_session *s;
	int rc;

	guard(mutex)(&tsm_lock);
	if (pci_tdi_quarantined(tdi->pdev))
		return -ENOTRECOVERABLE;

	s = tsm_session_of(tdi->pdev);
	if (!s || s->blocked)
		return -ENXIO;

	ops = s->link->tsm_dev->pci_ops->tdi_ops;
	if (!ops)
		return -EOPNOTSUPP;
	if (tdi->guest_rid >> ops->guest_rid_bits ||
	    !tsm_vm_fits(ops, &tdi->vm))
		return -EINVAL;

	rc = tsm_tdi_check_viommu(tdi, s->link);
	if (rc)
		return rc;

	/* its user speaks the language of the TSM that it was created with */
	if (tdi->arch != TSM_ARCH_NONE && tdi->arch != ops->arch)
		return -ENXIO;

	/* fails when the module is about to go, and its TSM with it */
	if (!try_module_get(ops->owner))
		return -ENXIO;

	scoped_guard(spinlock, &tdi->caps_lock)
		tsm_fill_caps(&tdi->caps, s);
	/* the first time nobody else knows the TDI; then it is no change */
	if (tdi->arch == TSM_ARCH_NONE)
		tdi->arch = ops->arch;
	tdi->ops = ops;
	tdi->cut = false;
	tdi->session = s;
	list_add_tail(&tdi->session_node, &s->tdis);
	call->tsm = tdi->pdev->tsm;
	return 0;
}

/* The opposite of tsm_tdi_join(); the session may be gone on return. */
void tsm_tdi_leave(struct pci_tdi *tdi)
{
	lockdep_assert_held(&tdi->lock);

	guard(mutex)(&tsm_lock);
	list_del(&tdi->session_node);
	tdi->session = NULL;
	tdi->ops = NULL;
	tdi->ctx = NULL;
}

/**
 * tsm_tdi_make() - let the TSM's driver make a context of a TDI
 * @tdi: TDI that is DEAD
 * @call: its time
 *
 * Context: Holds the TDI's lock. May sleep; interruptible.
 *
 * Return: 0, or an error of pci_tdi_create()
 */
int tsm_tdi_make(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	const struct pci_tdi_ops *ops;
	int rc;

	struct tsm_kept *kept __free(kfree) = kzalloc_obj(*kept);
	if (!kept)
		return -ENOMEM;

	rc = tsm_tdi_join(tdi, call);
	if (rc)
		return rc;

	ops = tdi->ops;
	rc = tsm_tdi_converse(tdi, TSM_STEP_CREATE, call);
	if (rc) {
		tsm_tdi_leave(tdi);
		module_put(ops->owner);
		return rc;
	}

	tdi->kept = no_free_ptr(kept);
	tsm_tdi_set_phase(tdi, TSM_PHASE_UNLOCKED);
	return 0;
}

/* --- the objects ------------------------------------------------------------- */

static int tsm_tdi_register(struct pci_tdi *tdi)
{
	struct pci_tdi *other;
	int rc;

	guard(mutex)(&tsm_lock);
	hash_for_each_possible(tsm_vm_tdis, other, vm_node, tsm_vm_key(tdi)) {
		if (other->vm.kvm == tdi->vm.kvm &&
		    other->guest_rid == tdi->guest_rid)
			return other->pdev == tdi->pdev ? -EBUSY : -EEXIST;
	}

	rc = xa_insert(&tsm_tdis, tsm_key(tdi->pdev), tdi, GFP_KERNEL);
	if (rc)
		return rc;

	hash_add(tsm_vm_tdis, &tdi->vm_node, tsm_vm_key(tdi));
	return 0;
}

static void tsm_tdi_unregister(struct pci_tdi *tdi)
{
	guard(mutex)(&tsm_lock);
	xa_erase(&tsm_tdis, tsm_key(tdi->pdev));
	hash_del(&tdi->vm_node);
}

static void tsm_tdi_free_work(struct work_struct *work)
{
	struct pci_tdi *tdi = container_of(to_rcu_work(work), struct pci_tdi,
					   free_work);

	pci_dev_put(tdi->physfn);
	pci_dev_put(tdi->pdev);
	mutex_destroy(&tdi->lock);
	kfree(tdi);
}

static void tsm_tdi_free(struct kref *ref)
{
	struct pci_tdi *tdi = container_of(ref, struct pci_tdi, ref);

	/* some look at it without any lock: see tsm_tdi_phase_of() */
	INIT_RCU_WORK(&tdi->free_work, tsm_tdi_free_work);
	queue_rcu_work(system_dfl_wq, &tdi->free_work);
}

/* What a TDI holds, beside its function */
static void tsm_tdi_drop(struct pci_tdi *tdi)
{
	pci_tdi_report_free(tdi->report);
	tdi->report = NULL;
	if (tdi->viommu)
		pci_tdi_viommu_put(tdi->viommu);
	tdi->viommu = NULL;
	tdi->vm.put(tdi->vm.kvm);
}

/**
 * pci_tdi_create() - assign a function to a VM
 * @pdev: PCI function, managed by a connected DSM
 * @args: what for
 *
 * Nothing is sent to the device, which goes on as an ordinary function until
 * pci_tdi_lock(). A function has one TDI at a time, a VM has one at each of its
 * numbers.
 *
 * Context: May sleep; interruptible. Not with a lock that a hook of
 * @args->host_ops takes.
 *
 * Return: the TDI, for pci_tdi_destroy(), or
 *
 * * %-EINVAL		- no VM, one that is not confidential for a TSM that
 *			  takes no other, a @guest_rid that the TSM has no room
 *			  for, or a vIOMMU of another VM or another TSM
 * * %-EBUSY		- @pdev has a TDI
 * * %-EEXIST		- the VM has another function at @guest_rid
 * * %-ENXIO		- no connected DSM manages @pdev, or its TSM, its
 *			  connection or @pdev goes away
 * * %-EOPNOTSUPP	- its TSM does nothing with TDIs
 * * %-ENOTRECOVERABLE	- @pdev is quarantined
 * * %-EINTR		- interrupted while waiting for another operation, or
 *			  killed
 * * %-ETIMEDOUT	- took longer than a conversation may
 * * %-ENOMEM		- out of memory
 * * others		- of the TSM driver, or of the power-up of the DSM
 */
struct pci_tdi *pci_tdi_create(struct pci_dev *pdev,
			       const struct pci_tdi_create_args *args)
{
	struct tsm_tdi_call call = tsm_tdi_call_begin();
	struct pci_tdi *tdi;
	int rc;

	if (!args->vm.kvm || !args->vm.get || !args->vm.put)
		return ERR_PTR(-EINVAL);

	tdi = kzalloc_obj(*tdi, GFP_KERNEL_ACCOUNT);
	if (!tdi)
		return ERR_PTR(-ENOMEM);

	kref_init(&tdi->ref);
	mutex_init(&tdi->lock);
	spin_lock_init(&tdi->caps_lock);
	INIT_LIST_HEAD(&tdi->session_node);
	tdi->pdev = pci_dev_get(pdev);
	tdi->physfn = pci_dev_get(pci_physfn(pdev));
	tdi->vm = args->vm;
	tdi->vm.get(tdi->vm.kvm);
	tdi->guest_rid = args->guest_rid;
	tdi->viommu = args->viommu;
	if (tdi->viommu)
		kref_get(&tdi->viommu->ref);
	tdi->host_ops = args->host_ops ?: &tsm_no_hooks;
	tdi->host_priv = args->host_priv;

	scoped_guard(mutex, &tdi->lock) {
		rc = tsm_tdi_register(tdi);
		if (!rc) {
			rc = tsm_tdi_make(tdi, &call);
			if (rc)
				tsm_tdi_unregister(tdi);
		}
	}

	if (rc) {
		pci_dbg(pdev, "no TDI %#llx: %d\n", tdi->guest_rid, rc);
		tsm_tdi_drop(tdi);
		pci_tdi_put(tdi);
		return ERR_PTR(rc);
	}

	return tdi;
}
EXPORT_SYMBOL_GPL(pci_tdi_create);

/**
 * pci_tdi_get() - keep a TDI's memory
 * @tdi: the TDI
 *
 * Everything may be called on a TDI that is kept, also after pci_tdi_destroy():
 * it is DEAD then and stays so.
 *
 * Context: Any.
 */
void pci_tdi_get(struct pci_tdi *tdi)
{
	kref_get(&tdi->ref);
}
EXPORT_SYMBOL_GPL(pci_tdi_get);

/**
 * pci_tdi_put() - no longer keep a TDI's memory
 * @tdi: the TDI
 *
 * Context: Any.
 */
void pci_tdi_put(struct pci_tdi *tdi)
{
	kref_put(&tdi->ref, tsm_tdi_free);
}
EXPORT_SYMBOL_GPL(pci_tdi_put);

static void tsm_tdi_disarm(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	lockdep_assert_held(&tdi->lock);

	tdi->disarmed = true;
	tsm_tdi_teardown(tdi, call);
	tdi->host_ops = &tsm_no_hooks;
	tdi->host_priv = NULL;
}

/**
 * pci_tdi_disarm() - stop a TDI and never call its user's hooks again
 * @tdi: the TDI
 *
 * For a user whose hooks are about to lose what they work on, some time before
 * it can call pci_tdi_destroy(). No lock succeeds any more.
 *
 * Context: May sleep, not interruptible, at most TSM_TEARDOWN_MS. Not with a
 * lock that a hook takes.
 */
void pci_tdi_disarm(struct pci_tdi *tdi)
{
	struct tsm_tdi_call call = tsm_tdi_call_teardown(TSM_TEARDOWN_MS);

	tsm_tdi_begin_stop(tdi);
	guard(mutex)(&tdi->lock);
	tsm_tdi_disarm(tdi, &call);
	tsm_tdi_end_stop(tdi);
}
EXPORT_SYMBOL_GPL(pci_tdi_disarm);

/**
 * pci_tdi_destroy() - end the assignment of a function to a VM
 * @tdi: the TDI
 *
 * Tears it down first if need be. What the caller of pci_tdi_create() passed in
 * is not used any more on return, with one exception: what a quarantine keeps.
 *
 * Context: May sleep, not interruptible, at most TSM_TEARDOWN_MS. Not with a
 * lock that a hook takes.
 */
void pci_tdi_destroy(struct pci_tdi *tdi)
{
	struct tsm_tdi_call call = tsm_tdi_call_teardown(TSM_TEARDOWN_MS);

	tsm_tdi_begin_stop(tdi);
	scoped_guard(mutex, &tdi->lock) {
		tsm_tdi_disarm(tdi, &call);
		tsm_tdi_unmake(tdi, &call);
		tsm_tdi_end_stop(tdi);
	}

	tsm_tdi_unregister(tdi);
	tsm_tdi_drop(tdi);
	pci_tdi_put(tdi);
}
EXPORT_SYMBOL_GPL(pci_tdi_destroy);

/* --- who takes a TDI away from its user --------------------------------------- */

/* Tear down a TDI of a session that ends, or whose function goes. */
static void tsm_tdi_kill(struct pci_tdi *tdi, struct tsm_session *s,
			 struct tsm_tdi_call *call)
{
	guard(mutex)(&tdi->lock);

	/* its user was faster, or it could not be made */
	if (tdi->session != s)
		return;

	tsm_tdi_teardown(tdi, call);
	tsm_tdi_unmake(tdi, call);
	if (tdi->phase == TSM_PHASE_DEAD)
		tsm_tdi_event(tdi, PCI_TDI_EVENT_UNBOUND);
}

/*
 * May a user disconnect a device? Not while a function is assigned to a VM. An
 * exception is a device whose IDE stream had to be blocked: to connect it anew
 * is what its TDIs need, once all of them have been stopped.
 */
bool tsm_session_assigned(struct tsm_session *s)
{
	struct pci_tdi *tdi;

	lockdep_assert_held(&tsm_lock);
	list_for_each_entry(tdi, &s->tdis, session_node) {
		if (!s->blocked || READ_ONCE(tdi->phase) != TSM_PHASE_UNLOCKED)
			return true;
	}

	return false;
}

/*
 * All that runs on a TDI ends from here on, and a teardown of it no later than
 * @by: whoever takes the TDI away has no more time than that, be the teardown
 * its own or one that a user has begun.
 */
static void tsm_tdi_cut(struct pci_tdi *tdi, unsigned long by)
{
	lockdep_assert_held(&tsm_lock);

	if (!tdi->cut || time_before(by, tdi->cut_by))
		tdi->cut_by = by;
	tdi->cut = true;
}

/* Cut all TDIs of a session that is DISCONNECTING. */
void tsm_session_cut_tdis(struct tsm_session *s)
{
	struct pci_tdi *tdi;

	lockdep_assert_held(&tsm_lock);
	list_for_each_entry(tdi, &s->tdis, session_node)
		tsm_tdi_cut(tdi, s->deadline);
}

static struct pci_tdi *tsm_session_first_tdi(struct tsm_session *s)
{
	struct pci_tdi *tdi;

	guard(mutex)(&tsm_lock);
	tdi = list_first_entry_or_null(&s->tdis, struct pci_tdi, session_node);
	if (tdi)
		pci_tdi_get(tdi);
	return tdi;
}

/**
 * tsm_session_kill_tdis() - tear down all TDIs of a session
 * @s: session that is DISCONNECTING; no TDI joins it any more
 *
 * All in the time that the session has for its own teardown.
 *
 * Context: May sleep. Holds neither the DSM's lock nor that of any TDI.
 */
void tsm_session_kill_tdis(struct tsm_session *s)
{
	struct pci_tdi *tdi;

	while ((tdi = tsm_session_first_tdi(s))) {
		struct tsm_tdi_call call = tsm_tdi_call_teardown(0);

		call.deadline = s->deadline;
		tsm_tdi_kill(tdi, s, &call);
		pci_tdi_put(tdi);
	}
}

/**
 * tsm_tdi_function_gone() - tear down the TDI of a function that leaves
 * @s: session that manages the function and stays for the time of the call
 * @pdev: the function; no longer has a context, so that no TDI is made for it
 *
 * Context: May sleep, at most TSM_REMOVAL_MS. May hold pci_rescan_remove_lock.
 */
void tsm_tdi_function_gone(struct tsm_session *s, struct pci_dev *pdev)
{
	struct tsm_tdi_call call = tsm_tdi_call_teardown(TSM_REMOVAL_MS);
	struct pci_tdi *tdi;

	scoped_guard(mutex, &tsm_lock) {
		tdi = xa_load(&tsm_tdis, tsm_key(pdev));
		if (!tdi || tdi->session != s)
			return;
		tsm_tdi_cut(tdi, call.deadline);
		pci_tdi_get(tdi);
	}

	tsm_tdi_kill(tdi, s, &call);
	pci_tdi_put(tdi);
}

/* --- without any lock -------------------------------------------------------- */

/**
 * tsm_tdi_phase_of() - how far is the TDI of a function?
 * @pdev: PCI function
 *
 * Context: Any; lock-free.
 *
 * Return: &enum tsm_tdi_phase, or -ENOENT if there is no TDI
 */
int tsm_tdi_phase_of(struct pci_dev *pdev)
{
	struct pci_tdi *tdi;

	guard(rcu)();
	tdi = xa_load(&tsm_tdis, tsm_key(pdev));
	return tdi ? READ_ONCE(tdi->phase) : -ENOENT;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_tdi_phase_of);

/* The state of TDIs is asked for before they are used again. */
static void tsm_note_lost(struct pci_dev *pdev)
{
	struct pci_tdi *tdi;
	unsigned long key;

	guard(rcu)();
	xa_for_each(&tsm_tdis, key, tdi) {
		if (tsm_reset_with(tdi->pdev, tdi->physfn, pdev))
			atomic_inc(&tdi->resets);
	}
}

/**
 * pci_tdi_note_reset() - a function was reset
 * @pdev: the function, or a bridge that everything below was reset with
 *
 * For any reset, as none comes from the core: a locked TDI is in ERROR now, and
 * a quarantine may end. VFs are reset with their PF.
 *
 * Context: Any; lock-free.
 */
void pci_tdi_note_reset(struct pci_dev *pdev)
{
	tsm_note_lost(pdev);
	tsm_kept_note_reset(pdev);
}
EXPORT_SYMBOL_GPL(pci_tdi_note_reset);

/**
 * pci_tdi_note_power() - a function may lose its state in a low-power state
 * @pdev: the function, or a bridge that everything below sleeps with
 *
 * Like pci_tdi_note_reset(), but that a device may also come out of this as it
 * was.
 *
 * Context: Any; lock-free.
 */
void pci_tdi_note_power(struct pci_dev *pdev)
{
	tsm_note_lost(pdev);
}
EXPORT_SYMBOL_GPL(pci_tdi_note_power);
