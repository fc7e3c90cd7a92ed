// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that come and go while their DSM is connected, or that are there
 * when it is connected and disconnected: each gets a context of the TSM's driver,
 * and loses it, exactly once.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/export.h>
#include <linux/pci.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <kunit/visibility.h>

#include "tsm.h"
#include "trace.h"

/*
 * Functions that a thread is adding to a session or taking out of one right now:
 * from before the driver's probe() or remove() to after the function's
 * attributes have changed. Removal of the function waits for its claim, which no
 * conversation ever delays. Changed under tsm_lock.
 */
static DEFINE_XARRAY(tsm_claims);

/*
 * Take a function's context away from everybody who might look for it. The
 * caller, who alone gets it, destroys it.
 */
struct pci_tsm *tsm_unpublish(struct pci_dev *pdev)
{
	guard(mutex)(&tsm_lock);
	return xchg(&pdev->tsm, NULL);
}

static void tsm_function_destroy(struct tsm_session *s, struct pci_tsm *tsm)
{
	trace_tsm_function(tsm->pdev, s->dsm, false);
	tsm_tdi_function_gone(s, tsm->pdev);
	tsm_ops_lock(s->link);
	to_pci_tsm_ops(tsm)->remove(tsm);
	tsm_ops_unlock(s->link);
}

static void tsm_function_drop_claim(struct pci_dev *pdev)
{
	guard(mutex)(&tsm_lock);
	xa_erase(&tsm_claims, tsm_key(pdev));
	wake_up_all(&tsm_wait);
}

/* Add a claimed function to a session that is kept connected. */
static void tsm_function_probe(struct tsm_session *s, struct pci_dev *pdev)
{
	const struct pci_tsm_ops *ops = s->link->tsm_dev->pci_ops;
	struct pci_tsm *tsm;
	bool removed;

	tsm_ops_lock(s->link);
	tsm = ops->probe(s->link->tsm_dev, pdev);
	tsm_ops_unlock(s->link);

	pci_dbg(pdev, "setup TSM context: DSM: %s status: %s\n",
		pci_name(s->dsm), tsm ? "success" : "failed");
	if (!tsm)
		return;

	scoped_guard(mutex, &tsm_lock) {
		removed = tsm_pdev_removed(pdev);
		if (!removed)
			pdev->tsm = tsm;
	}

	if (removed) {
		tsm_function_destroy(s, tsm);
		return;
	}

	trace_tsm_function(pdev, s->dsm, true);
	tsm_sysfs_update(pdev);
}

/**
 * tsm_function_add() - let a function join its DSM's session, if there is one
 * @pdev: function that does not host a DSM itself
 *
 * A function for which the TSM driver has no use, or that cannot be added for
 * lack of memory, stays without a context: that disables security operations
 * for it and harms nobody else.
 *
 * Context: May sleep. Called for new functions, and by connect for those that
 * were there before.
 */
void tsm_function_add(struct pci_dev *pdev)
{
	struct tsm_session *s;

	scoped_guard(mutex, &tsm_lock) {
		struct pci_dev *dsm;

		/* devices that arrive before any TSM: nearly all of them */
		if (!tsm_session_any() || pdev->tsm ||
		    tsm_pdev_removed(pdev))
			return;

		dsm = tsm_find_dsm(pdev);
		s = dsm && dsm != pdev ? tsm_session_lookup(dsm) : NULL;
		/* connect looks for functions once more when it succeeded */
		if (!s || s->state != TSM_SESSION_CONNECTED)
			return;

		if (!has_tee(s->dsm))
			return;

		/* somebody else is at it, or no memory */
		if (xa_insert(&tsm_claims, tsm_key(pdev), pdev, GFP_KERNEL))
			return;

		s->users++;
	}

	tsm_function_probe(s, pdev);

	tsm_function_drop_claim(pdev);
	tsm_session_put(s);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_function_add);

/**
 * tsm_function_gone() - a function that does not host a DSM is being removed
 * @pdev: the function, marked as removed
 *
 * Context: pci_rescan_remove_lock, for VFs the device_lock of the PF.
 */
void tsm_function_gone(struct pci_dev *pdev)
{
	struct tsm_session *s;
	struct pci_tsm *tsm;

	scoped_guard(mutex, &tsm_lock) {
		/* who has a claim may still be at the function's attributes */
		wait_event_cmd(tsm_wait, !xa_load(&tsm_claims, tsm_key(pdev)),
			       mutex_unlock(&tsm_lock), mutex_lock(&tsm_lock));
		/* from here on nobody else can claim it */
		tsm = xchg(&pdev->tsm, NULL);
		if (!tsm)
			return;

		/* keeps the DSM's context, which the driver may look at */
		s = tsm_session_lookup(tsm->dsm_dev);
		s->users++;
	}

	tsm_function_destroy(s, tsm);
	tsm_session_put(s);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_function_gone);

/**
 * tsm_function_update() - show or hide the attributes of a function that stays
 * @pdev: function that does not host a DSM itself
 *
 * Context: May sleep. Waits for nobody but who changes them, too.
 */
void tsm_function_update(struct pci_dev *pdev)
{
	scoped_guard(mutex, &tsm_lock) {
		wait_event_cmd(tsm_wait, !xa_load(&tsm_claims, tsm_key(pdev)),
			       mutex_unlock(&tsm_lock), mutex_lock(&tsm_lock));
		/* its attributes are going, or there is no memory: as they are */
		if (tsm_pdev_removed(pdev) ||
		    xa_insert(&tsm_claims, tsm_key(pdev), pdev, GFP_KERNEL))
			return;
	}

	tsm_sysfs_update(pdev);
	tsm_function_drop_claim(pdev);
}

/**
 * tsm_session_add_functions() - let the functions that are there join a session
 * @s: session that is CONNECTED, and kept so by the caller
 *
 * Context: May sleep.
 */
void tsm_session_add_functions(struct tsm_session *s)
{
	struct pci_dev *pdev = NULL;

	/*
	 * Without regard to PCI_EXP_DEVCAP_TEE of the functions: the DSM is
	 * the arbiter of the security state of an interface, and if it says
	 * that it can manage a function, let it.
	 */
	for_each_pci_dev(pdev) {
		if (!is_pci_tsm_pf0(pdev))
			tsm_function_add(pdev);
	}
}

/* Take a function out of a session, and claim it until that is done. */
static struct pci_tsm *tsm_function_take(struct tsm_session *s,
					 struct pci_dev *pdev)
{
	int rc;

	guard(mutex)(&tsm_lock);
	if (pdev == s->dsm || !pdev->tsm || pdev->tsm->dsm_dev != s->dsm)
		return NULL;

	/* who adds functions is done: the session is no longer connected */
	rc = xa_insert(&tsm_claims, tsm_key(pdev), pdev,
		       GFP_KERNEL | __GFP_NOFAIL);
	pci_WARN_ONCE(pdev, rc, "function is claimed twice: %d\n", rc);

	return xchg(&pdev->tsm, NULL);
}

/**
 * tsm_session_remove_functions() - take all functions but the DSM's out of a session
 * @s: session that is DISCONNECTING; nobody adds a function any more
 *
 * Context: May sleep.
 */
void tsm_session_remove_functions(struct tsm_session *s)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev_reverse(pdev) {
		struct pci_tsm *tsm = tsm_function_take(s, pdev);

		if (!tsm)
			continue;

		tsm_function_destroy(s, tsm);
		/* a removal that begins now waits for the claim */
		tsm_sysfs_update(pdev);
		tsm_function_drop_claim(pdev);
	}
}
