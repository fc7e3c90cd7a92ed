// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI/TSM core: which TSMs there are and whether they still live, and what
 * happens when a PCI device arrives or leaves.
 *
 * PCIe r7.0 section 11, TEE Device Interface Security Protocol (TDISP).
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/export.h>
#include <linux/pci.h>
#include <linux/pci-doe.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <kunit/visibility.h>

#include "devsec.h"

/* Publication: see tsm.h */
struct mutex tsm_lock = __MUTEX_INITIALIZER(tsm_lock);
EXPORT_SYMBOL_IF_KUNIT(tsm_lock);
DECLARE_WAIT_QUEUE_HEAD(tsm_wait);

/* Arrival and departure of TSMs changes which functions show tsm/ */
static DEFINE_MUTEX(tsm_visibility_lock);

static LIST_HEAD(tsm_links);

/* Is there a link TSM, so that devices show what it can do for them? */
bool tsm_link_present(void)
{
	guard(mutex)(&tsm_lock);
	return !list_empty(&tsm_links);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_link_present);

/* Find the TSM that is named "tsm<@id>" and keep it from unregistering. */
struct tsm_link *tsm_link_get_live(int id)
{
	struct tsm_link *link;

	lockdep_assert_held(&tsm_lock);

	list_for_each_entry(link, &tsm_links, node) {
		if (link->tsm_dev->id != id)
			continue;
		if (link->leaving)
			return NULL;
		link->users++;
		return link;
	}

	return NULL;
}

void tsm_link_put(struct tsm_link *link)
{
	lockdep_assert_held(&tsm_lock);

	if (!--link->users)
		wake_up_all(&tsm_wait);
}

static bool tsm_ops_parallel(struct tsm_link *link)
{
	return link->tsm_dev->pci_ops->flags & PCI_TSM_OPS_PARALLEL;
}

/*
 * A driver that has not opted in to parallel operations is called by one
 * thread at a time, as it has always been.
 */
void tsm_ops_lock(struct tsm_link *link)
{
	if (!tsm_ops_parallel(link))
		mutex_lock(&link->serial);
}

int tsm_ops_lock_killable(struct tsm_link *link)
{
	return tsm_ops_parallel(link) ? 0 : mutex_lock_killable(&link->serial);
}

int tsm_ops_lock_interruptible(struct tsm_link *link)
{
	return tsm_ops_parallel(link) ? 0 :
	       mutex_lock_interruptible(&link->serial);
}

void tsm_ops_unlock(struct tsm_link *link)
{
	if (!tsm_ops_parallel(link))
		mutex_unlock(&link->serial);
}

/*
 * Show or hide the attributes of all devices that a TSM may connect to. A
 * device that is being removed is left alone: pci_tsm_destroy() waits here
 * for the lock after the device was marked as removed.
 */
static void tsm_update_visibility(void)
{
	struct pci_dev *pdev = NULL;

	lockdep_assert_held(&tsm_visibility_lock);

	for_each_pci_dev(pdev) {
		if (tsm_pdev_removed(pdev))
			continue;
		if (is_pci_tsm_pf0(pdev))
			tsm_sysfs_update(pdev);
		else if (has_tee(pdev))
			tsm_function_update(pdev);
	}
}

/* A devsec TSM has no links to keep, but functions to lock. */
static int tsm_register_agent(struct tsm_dev *tsm_dev)
{
	int rc;

	guard(mutex)(&tsm_visibility_lock);
	bool first = !tsm_agent_present();

	rc = tsm_agent_register(tsm_dev);
	if (!rc && first)
		tsm_update_visibility();
	return rc;
}

static void tsm_unregister_agent(struct tsm_dev *tsm_dev)
{
	tsm_agent_unregister(tsm_dev);

	guard(mutex)(&tsm_visibility_lock);
	if (!tsm_agent_present())
		tsm_update_visibility();
}

/**
 * pci_tsm_register() - make a TSM known to the PCI core
 * @tsm_dev: registered class device with its pci_ops in place
 *
 * Called by tsm_register(). From the return of this function on, devices may
 * be connected.
 *
 * Context: May sleep. The caller may hold a mutex that its own operations
 * take.
 *
 * Return:
 * * %0		- success
 * * %-EINVAL	- @tsm_dev is NULL, its operations are neither those of a
 *		  link TSM nor those of a devsec TSM, or are both, or those on
 *		  TDIs are not complete
 * * %-ENOMEM	- out of memory
 */
int pci_tsm_register(struct tsm_dev *tsm_dev)
{
	if (is_link_tsm(tsm_dev) == is_devsec_tsm(tsm_dev) ||
	    !tsm_tdi_ops_valid(tsm_dev->pci_ops->tdi_ops) ||
	    !tsm_agent_valid(tsm_dev->pci_ops->devsec_ops))
		return -EINVAL;

	if (is_devsec_tsm(tsm_dev))
		return tsm_register_agent(tsm_dev);

	struct tsm_link *link __free(kfree) = kzalloc_obj(*link);
	if (!link)
		return -ENOMEM;

	link->tsm_dev = tsm_dev;
	INIT_LIST_HEAD(&link->viommus);
	mutex_init(&link->serial);

	guard(mutex)(&tsm_visibility_lock);
	bool first = !tsm_link_present();

	scoped_guard(mutex, &tsm_lock)
		list_add_tail(&no_free_ptr(link)->node, &tsm_links);

	if (first)
		tsm_update_visibility();

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(pci_tsm_register);

static struct tsm_link *tsm_link_leave(struct tsm_dev *tsm_dev)
{
	struct tsm_link *link;

	guard(mutex)(&tsm_lock);
	list_for_each_entry(link, &tsm_links, node) {
		if (link->tsm_dev == tsm_dev) {
			link->leaving = true;
			tsm_session_begin_close_all(link);
			return link;
		}
	}

	return NULL;
}

/* The end of all that there is of a TSM that is leaving */
static void tsm_link_close(struct tsm_link *link)
{
	tsm_session_wait_closed(link);
	tsm_link_close_viommus(link);
	/* vIOMMUs that their users were just about to end */
	tsm_session_wait_closed(link);
}

/* Keep the memory of a TSM that a shutdown has not closed yet; NULL: all are */
static struct tsm_link *tsm_link_pin_leaving(void)
{
	struct tsm_link *link;

	guard(mutex)(&tsm_lock);
	list_for_each_entry(link, &tsm_links, node) {
		if (!link->leaving || link->closed)
			continue;
		link->closed = true;
		link->pins++;
		return link;
	}

	return NULL;
}

/**
 * pci_tsm_unregister() - take a TSM away from the PCI core
 * @tsm_dev: the TSM that pci_tsm_register() was called with
 *
 * Called by tsm_unregister(). New connects are refused from the first moment,
 * those in flight end at their next message, TDIs and established connections
 * are torn down. On return no operation of the TSM is running or will be called.
 *
 * Context: May sleep: at most for one message of each device, then for one
 * teardown deadline, when the driver sends its messages through
 * pci_tsm_doe_transfer(). What the driver does on its own account, by
 * pci_tsm_converse(), goes on to its end, for at most the time of a conversation.
 * The caller must not hold a lock that the operations of this TSM take.
 */
void pci_tsm_unregister(struct tsm_dev *tsm_dev)
{
	struct tsm_link *link;

	if (is_devsec_tsm(tsm_dev)) {
		tsm_unregister_agent(tsm_dev);
		return;
	}

	link = tsm_link_leave(tsm_dev);
	if (!link)
		return;

	tsm_link_close(link);

	guard(mutex)(&tsm_visibility_lock);
	scoped_guard(mutex, &tsm_lock) {
		list_del(&link->node);
		/* a shutdown that is about to see that there is nothing left */
		wait_event_cmd(tsm_wait, !link->pins, mutex_unlock(&tsm_lock),
			       mutex_lock(&tsm_lock));
	}

	if (!tsm_link_present())
		tsm_update_visibility();

	mutex_destroy(&link->serial);
	kfree(link);
}
EXPORT_SYMBOL_IF_KUNIT(pci_tsm_unregister);

/**
 * tsm_links_shutdown() - end all connections before the system does
 *
 * Firmware and devices must not go on using memory of VMs that another kernel
 * is going to use. No connect succeeds any more.
 *
 * Context: May sleep, at most for one teardown.
 */
void tsm_links_shutdown(void)
{
	struct tsm_link *link;

	scoped_guard(mutex, &tsm_lock) {
		list_for_each_entry(link, &tsm_links, node) {
			link->leaving = true;
			tsm_session_begin_close_all(link);
		}
	}

	/*
	 * Not under tsm_visibility_lock: who registers a TSM waits for that, and
	 * may hold what an operation needs that is waited for here.
	 */
	while ((link = tsm_link_pin_leaving())) {
		tsm_link_close(link);
		guard(mutex)(&tsm_lock);
		link->pins--;
		wake_up_all(&tsm_wait);
	}
}
EXPORT_SYMBOL_IF_KUNIT(tsm_links_shutdown);

/**
 * pci_tsm_init() - a PCI device has arrived
 * @pdev: the device, already visible to its bus
 *
 * A function whose DSM is connected joins that connection. A DSM itself is
 * only ever connected by its user.
 *
 * Context: pci_rescan_remove_lock, for VFs the device_lock of the PF. Never
 * waits for a conversation, see struct tsm_link::serial for the exception.
 */
void pci_tsm_init(struct pci_dev *pdev)
{
	tsm_kept_note_arrival(pdev);
	tsm_devsec_note_arrival(pdev);
	if (!is_pci_tsm_pf0(pdev))
		tsm_function_add(pdev);
}

/**
 * pci_tsm_destroy() - a PCI device leaves
 * @pdev: the device, marked as removed, its driver gone, its attributes not
 *
 * A conversation with this device ends at its next message; an established
 * connection is torn down without further messages, since a removal must not
 * wait for the device.
 *
 * Context: pci_rescan_remove_lock, for VFs the device_lock of the PF.
 */
void pci_tsm_destroy(struct pci_dev *pdev)
{
	tsm_devsec_gone(pdev);

	if (!is_pci_tsm_pf0(pdev)) {
		tsm_function_gone(pdev);
		return;
	}

	tsm_session_device_gone(pdev);

	/* whoever is changing this device's attributes right now finishes */
	guard(mutex)(&tsm_visibility_lock);
}

/**
 * pci_tsm_link_constructor() - initialise the context of a managed function
 * @pdev: the function
 * @tsm: context to initialise
 * @tsm_dev: the TSM
 *
 * Context: A TSM driver's probe().
 *
 * Return:
 * * %0		- success
 * * %-EINVAL	- @tsm_dev is not a link TSM
 * * %-ENXIO	- no connected DSM manages @pdev
 */
int pci_tsm_link_constructor(struct pci_dev *pdev, struct pci_tsm *tsm,
			     struct tsm_dev *tsm_dev)
{
	if (!is_link_tsm(tsm_dev))
		return -EINVAL;

	scoped_guard(mutex, &tsm_lock)
		tsm->dsm_dev = tsm_find_dsm(pdev);
	if (!tsm->dsm_dev) {
		pci_warn(pdev, "failed to find Device Security Manager\n");
		return -ENXIO;
	}
	tsm->pdev = pdev;
	tsm->tsm_dev = tsm_dev;

	return 0;
}
EXPORT_SYMBOL_GPL(pci_tsm_link_constructor);

/**
 * pci_tsm_pf0_constructor() - initialise the context of a DSM
 * @pdev: device that hosts the DSM (see is_pci_tsm_pf0())
 * @tsm: context to initialise
 * @tsm_dev: the TSM
 *
 * Context: A TSM driver's probe(). Undone by pci_tsm_pf0_destructor().
 *
 * Return:
 * * %0		- success
 * * %-EINVAL	- @tsm_dev is not a link TSM
 * * %-ENXIO	- @pdev hosts no DSM, and no connected one manages it
 * * %-ENODEV	- no DOE mailbox of @pdev speaks CMA-SPDM (PCIe r7.0 section
 *		  6.31)
 */
int pci_tsm_pf0_constructor(struct pci_dev *pdev, struct pci_tsm_pf0 *tsm,
			    struct tsm_dev *tsm_dev)
{
	int rc;

	mutex_init(&tsm->lock);
	rc = pci_tsm_link_constructor(pdev, &tsm->base_tsm, tsm_dev);
	if (rc)
		return rc;

	tsm->doe_mb = pci_find_doe_mailbox(pdev, PCI_VENDOR_ID_PCI_SIG,
					   PCI_DOE_FEATURE_CMA);
	if (!tsm->doe_mb) {
		pci_warn(pdev, "TSM init failure, no CMA mailbox\n");
		return -ENODEV;
	}

	return 0;
}
EXPORT_SYMBOL_GPL(pci_tsm_pf0_constructor);

/**
 * pci_tsm_pf0_destructor() - undo pci_tsm_pf0_constructor()
 * @tsm: the context
 *
 * Context: A TSM driver's remove(), or its probe() that fails.
 */
void pci_tsm_pf0_destructor(struct pci_tsm_pf0 *tsm)
{
	mutex_destroy(&tsm->lock);
}
EXPORT_SYMBOL_GPL(pci_tsm_pf0_destructor);
