// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs, the way down: teardown in its one order, what happens when a step of it
 * fails, and what a quarantine keeps until the function is fit for use again.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "tdi.h"
#include "trace.h"

/* struct tsm_kept, all of them; added under tsm_lock, read under RCU */
static LIST_HEAD(tsm_kept_list);

/* --- quarantine -------------------------------------------------------------- */

static bool tsm_kept_over(const struct tsm_kept *kept)
{
	return test_bit(TSM_KEPT_RESET, &kept->recovery) &&
	       test_bit(TSM_KEPT_RECONNECTED, &kept->recovery);
}

/**
 * pci_tdi_quarantined() - is a function out of use after a failed teardown?
 * @pdev: PCI function
 *
 * The platform may still treat it as a VM's, so that not even an access to its
 * memory by the host is safe. It can be reset, and has to be, to end that.
 *
 * Context: Any; lock-free.
 *
 * Return: whether it is
 */
bool pci_tdi_quarantined(struct pci_dev *pdev)
{
	struct tsm_kept *kept;

	guard(rcu)();
	list_for_each_entry_rcu(kept, &tsm_kept_list, node) {
		if (READ_ONCE(kept->pdev) == pdev && !tsm_kept_over(kept))
			return true;
	}

	return false;
}
EXPORT_SYMBOL_GPL(pci_tdi_quarantined);

/* For pci_tdi_note_reset(), which see */
void tsm_kept_note_reset(struct pci_dev *reset)
{
	struct tsm_kept *kept;

	guard(rcu)();
	list_for_each_entry_rcu(kept, &tsm_kept_list, node) {
		if (tsm_reset_with(READ_ONCE(kept->pdev),
				   READ_ONCE(kept->physfn), reset))
			set_bit(TSM_KEPT_RESET, &kept->recovery);
	}
}

/* A DSM is connected: that is half of what its quarantined functions need. */
void tsm_kept_note_connect(struct tsm_session *s)
{
	struct tsm_kept *kept;

	lockdep_assert_held(&tsm_lock);
	list_for_each_entry(kept, &tsm_kept_list, node) {
		if (!tsm_pdev_removed(kept->pdev) &&
		    tsm_find_dsm(kept->pdev) == s->dsm)
			set_bit(TSM_KEPT_RECONNECTED, &kept->recovery);
	}
}

static struct tsm_kept *tsm_kept_at(struct pci_dev *pdev)
{
	struct tsm_kept *kept;

	lockdep_assert_held(&tsm_lock);
	list_for_each_entry(kept, &tsm_kept_list, node) {
		if (kept->pdev != pdev && !tsm_kept_over(kept) &&
		    kept->domain == pci_domain_nr(pdev->bus) &&
		    kept->bus_devfn == pci_dev_id(pdev))
			return kept;
	}

	return NULL;
}

/**
 * tsm_kept_note_arrival() - a function arrives, perhaps where a quarantined one was
 * @pdev: the function
 *
 * Firmware knows functions by their numbers: what it may still do with the one
 * that was there, it may do with this. So this is the quarantined one from now on,
 * and needs what that needed.
 *
 * Context: pci_rescan_remove_lock, for VFs the device_lock of the PF. May sleep.
 */
void tsm_kept_note_arrival(struct pci_dev *pdev)
{
	struct pci_dev *old, *old_physfn;
	struct tsm_kept *kept;

	if (list_empty(&tsm_kept_list))
		return;

	for (;;) {
		scoped_guard(mutex, &tsm_lock) {
			kept = tsm_kept_at(pdev);
			if (!kept)
				return;

			old = kept->pdev;
			old_physfn = kept->physfn;
			WRITE_ONCE(kept->pdev, pci_dev_get(pdev));
			WRITE_ONCE(kept->physfn,
				   pci_dev_get(pci_physfn(pdev)));
		}

		pci_warn(pdev, "quarantined, as what was here before\n");
		/* who looks for quarantines may still look at these */
		synchronize_rcu();
		pci_dev_put(old_physfn);
		pci_dev_put(old);
	}
}

/*
 * Firmware or the device may still use everything that this TDI has. Keep it
 * all, in a place where it is found, and the function from being used again.
 */
static void tsm_tdi_quarantine(struct pci_tdi *tdi)
{
	struct tsm_kept *kept = tdi->kept;

	pci_err(tdi->pdev,
		"TDI not torn down: quarantined until reset and connected anew\n");

	tdi->kept = NULL;
	kept->pdev = pci_dev_get(tdi->pdev);
	kept->domain = pci_domain_nr(tdi->pdev->bus);
	kept->bus_devfn = pci_dev_id(tdi->pdev);
	kept->physfn = pci_dev_get(tdi->physfn);
	kept->ctx = tdi->ctx;
	kept->vm = tdi->vm;
	kept->vm.get(kept->vm.kvm);
	kept->viommu = tdi->viommu;
	if (kept->viommu)
		kref_get(&kept->viommu->ref);
	kept->tsm_dev = tdi->session->link->tsm_dev;
	get_device(&kept->tsm_dev->dev);

	scoped_guard(mutex, &tsm_lock) {
		if (kept->viommu)
			kept->viommu->kept = true;
		list_add_tail_rcu(&kept->node, &tsm_kept_list);
	}

	tsm_tdi_power_put(tdi);
	tsm_tdi_set_phase(tdi, TSM_PHASE_QUARANTINED);
	tsm_tdi_leave(tdi);
	tsm_tdi_event(tdi, PCI_TDI_EVENT_QUARANTINED);
}

/* --- teardown ------------------------------------------------------------------ */

/* All TDIs of this device are lost with its IDE stream. */
static void tsm_session_set_blocked(struct tsm_session *s)
{
	struct pci_tdi *tdi;

	guard(mutex)(&tsm_lock);
	s->blocked = true;
	list_for_each_entry(tdi, &s->tdis, session_node)
		atomic_inc(&tdi->resets);
}

/* Is its IDE stream blocked, so that its TDIs need another connection? */
bool tsm_session_is_blocked(struct tsm_session *s)
{
	guard(mutex)(&tsm_lock);
	return s->blocked;
}

/* Part the device from the VM, by the mildest means that works. */
static int tsm_tdi_halt(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	int rc;

	if (!tsm_tdi_converse(tdi, TSM_STEP_STOP, call) ||
	    !tsm_tdi_converse(tdi, TSM_STEP_STOP_FORCE, call) ||
	    tsm_session_is_blocked(tdi->session))
		return 0;

	rc = tsm_tdi_converse(tdi, TSM_STEP_BLOCK, call);
	if (!rc) {
		pci_err(tdi->pdev, "TDI not stopped: IDE stream of %s blocked\n",
			pci_name(tdi->session->dsm));
		tsm_session_set_blocked(tdi->session);
	}

	return rc;
}

static int tsm_tdi_undo_lock(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	int rc;

	if (tdi->done & TSM_DONE_LOCK) {
		rc = tsm_tdi_halt(tdi, call);
		if (rc)
			return rc;
	}

	tsm_tdi_host(tdi, TSM_STEP_REVOKE);

	if (tdi->done & TSM_DONE_DMA) {
		rc = tsm_tdi_converse(tdi, TSM_STEP_DMA_OFF, call);
		if (rc)
			return rc;
		tdi->done &= ~TSM_DONE_DMA;
	}
	tsm_tdi_host(tdi, TSM_STEP_HOST_DMA_OFF);

	if (tdi->done & TSM_DONE_LOCK) {
		rc = tsm_tdi_converse(tdi, TSM_STEP_RELEASE, call);
		if (rc)
			return rc;
		tdi->done &= ~TSM_DONE_LOCK;
	}

	return 0;
}

/* What is left of a lock when nothing of it can be used any more */
static void tsm_tdi_open(struct pci_tdi *tdi)
{
	pci_tdi_report_free(tdi->report);
	tdi->report = NULL;
	tsm_tdi_host(tdi, TSM_STEP_UNGATE);
}

/**
 * tsm_tdi_teardown() - any phase to UNLOCKED
 * @tdi: the TDI; nothing happens if it is not locked
 * @call: its time, see tsm_tdi_call_teardown()
 *
 * The one order, on every path: the device is stopped, private MMIO revoked,
 * private DMA taken away, firmware's hold released, the host let in again. What
 * was not done is not undone. When a step fails the TDI is QUARANTINED.
 *
 * Context: Holds the TDI's lock. May sleep, not interruptible.
 */
void tsm_tdi_teardown(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	switch (tdi->phase) {
	case TSM_PHASE_DEAD:
	case TSM_PHASE_UNLOCKED:
	case TSM_PHASE_QUARANTINED:
		return;
	default:
		break;
	}

	tsm_tdi_set_phase(tdi, TSM_PHASE_STOPPING);

	/* firmware that wants nothing mapped when it stops the device */
	if (tdi->ops->flags & PCI_TDI_REVOKE_BEFORE_STOP)
		tsm_tdi_host(tdi, TSM_STEP_REVOKE);

	if (tsm_tdi_undo_lock(tdi, call)) {
		tsm_tdi_quarantine(tdi);
		return;
	}

	tsm_tdi_open(tdi);
	tsm_tdi_power_put(tdi);
	call->committed = true;
	tsm_tdi_set_phase(tdi, TSM_PHASE_UNLOCKED);
}

/**
 * tsm_tdi_unmake() - take the TSM driver's context of a TDI away
 * @tdi: TDI that was torn down
 * @call: its time
 *
 * Context: Holds the TDI's lock. May sleep, not interruptible. The session may
 * be gone on return.
 */
void tsm_tdi_unmake(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	const struct pci_tdi_ops *ops = tdi->ops;

	if (tdi->phase != TSM_PHASE_UNLOCKED)
		return;

	if (tsm_tdi_converse(tdi, TSM_STEP_DESTROY, call)) {
		tsm_tdi_quarantine(tdi);
		return;
	}

	kfree(tdi->kept);
	tdi->kept = NULL;
	tsm_tdi_set_phase(tdi, TSM_PHASE_DEAD);
	tsm_tdi_leave(tdi);
	module_put(ops->owner);
}

/**
 * tsm_tdi_revive() - see that a TDI that is to be locked has a context
 * @tdi: the TDI
 * @call: its time
 *
 * Context: Holds the TDI's lock. May sleep; interruptible.
 *
 * Return:
 * * %0			- it has one
 * * %-ENODEV		- its user has disarmed it
 * * %-ENOTRECOVERABLE	- the function is quarantined
 * * %-ENXIO		- its device has to be connected anew
 * * others		- of tsm_tdi_make()
 */
int tsm_tdi_revive(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	if (tdi->disarmed)
		return -ENODEV;

	if (tdi->phase == TSM_PHASE_QUARANTINED) {
		if (pci_tdi_quarantined(tdi->pdev))
			return -ENOTRECOVERABLE;

		/* the device has forgotten it all: so does the host */
		tdi->done &= ~(TSM_DONE_LOCK | TSM_DONE_DMA);
		tsm_tdi_host(tdi, TSM_STEP_REVOKE);
		tsm_tdi_host(tdi, TSM_STEP_HOST_DMA_OFF);
		tsm_tdi_open(tdi);
		tsm_tdi_set_phase(tdi, TSM_PHASE_DEAD);
	}

	if (tdi->phase == TSM_PHASE_DEAD)
		return tsm_tdi_make(tdi, call);

	return tsm_session_is_blocked(tdi->session) ? -ENXIO : 0;
}

/* --- stop ------------------------------------------------------------------------ */

/*
 * What runs on the TDI ends at its next message, with ENXIO: its user wants
 * the TDI stopped, and waits.
 */
void tsm_tdi_begin_stop(struct pci_tdi *tdi)
{
	guard(mutex)(&tsm_lock);
	tdi->stops++;
}

void tsm_tdi_end_stop(struct pci_tdi *tdi)
{
	guard(mutex)(&tsm_lock);
	tdi->stops--;
}

/**
 * pci_tdi_stop() - unbind a TDI from its VM: any state to UNLOCKED
 * @tdi: the TDI; nothing happens if it is UNLOCKED or DEAD
 * @result: see &struct pci_tdi_result
 *
 * On return the function works for the host as it did before pci_tdi_lock(),
 * and the TDI can be locked again.
 *
 * Context: May sleep; interruptible until the teardown begins, at most
 * TSM_TEARDOWN_MS. Not with a lock that a hook takes.
 *
 * Return:
 * * %0			- UNLOCKED
 * * %-ENOTRECOVERABLE	- the TDI is quarantined, now or before
 * * %-EINTR		- interrupted while waiting for another operation
 */
int pci_tdi_stop(struct pci_tdi *tdi, struct pci_tdi_result *result)
{
	struct tsm_tdi_call call = tsm_tdi_call_teardown(TSM_TEARDOWN_MS);
	int rc;

	*result = (struct pci_tdi_result){};
	tsm_tdi_begin_stop(tdi);
	rc = mutex_lock_interruptible(&tdi->lock);
	if (!rc) {
		tsm_tdi_teardown(tdi, &call);
		tsm_tdi_fill_result(tdi, &call, result);
		if (tdi->phase == TSM_PHASE_QUARANTINED)
			rc = -ENOTRECOVERABLE;
		tsm_tdi_end_stop(tdi);
		mutex_unlock(&tdi->lock);
		return rc;
	}

	tsm_tdi_end_stop(tdi);
	return rc;
}
EXPORT_SYMBOL_GPL(pci_tdi_stop);
