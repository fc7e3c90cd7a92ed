// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest half of the PCI/TSM core: what an accepted function may do, when it
 * may, and how that ends: with its driver, or with the trust in it.
 *
 * PCIe r7.0 section 11.2: a function that leaves RUN is not what was attested.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/maple_tree.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/pfn.h>
#include <linux/spinlock.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "devsec.h"
#include "trace.h"

/* A parameter of the kernel, as this is no module */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "pci_tsm."

static bool tsm_require_accept;
module_param_named(require_accept, tsm_require_accept, bool, 0644);
MODULE_PARM_DESC(require_accept,
		 "no driver is bound to a function with TEE-IO that is not accepted");

static bool tsm_accept_unverified;
module_param_named_unsafe(accept_unverified, tsm_accept_unverified, bool, 0644);
MODULE_PARM_DESC(accept_unverified,
		 "a function with TEE-IO is locked and accepted, unverified, when a driver is bound");

/* Publication of pci_dev::devsec, for those who report a loss from anywhere */
static DEFINE_SPINLOCK(tsm_loss_lock);

/* --- what the TSM does ----------------------------------------------------- */

/**
 * tsm_devsec_dma() - open or close private memory for a function
 * @d: function of which there is a context
 * @on: open it
 *
 * Context: Between tsm_devsec_talk() and tsm_devsec_hush().
 *
 * Return: 0; or the TSM's error: it is not known to be closed then.
 */
int tsm_devsec_dma(struct tsm_devsec *d, bool on)
{
	int rc;

	if (!on && !d->dma_open)
		return 0;

	/* a failure may come after the fact */
	d->dma_open = true;
	rc = tsm_devsec_ops(d)->dma(d->ctx, on);
	trace_tsm_devsec_dma(d->pdev, on, rc);
	if (rc)
		pci_err(d->pdev, "private DMA not %s: %d\n",
			on ? "opened" : "closed", rc);
	else
		d->dma_open = on;

	return rc;
}

/* Pages of MMIO that are for this VM alone, by number */
static struct maple_tree tsm_private_mmio =
	MTREE_INIT(tsm_private_mmio, MT_FLAGS_USE_RCU);

/**
 * pci_devsec_private_mmio() - is this MMIO of an accepted function?
 * @addr: physical address
 *
 * What an architecture asks that has to know before it maps MMIO whether that is
 * private memory (ioremap()). A mapping is one or the other as a whole, as is the
 * page that it begins with.
 *
 * Context: Any.
 *
 * Return: whether it is in a TEE range of a function that is accepted, or just
 * being so.
 */
bool pci_devsec_private_mmio(phys_addr_t addr)
{
	return mtree_load(&tsm_private_mmio, PHYS_PFN(addr));
}
EXPORT_SYMBOL_IF_KUNIT(pci_devsec_private_mmio);

static int tsm_devsec_range(struct tsm_devsec *d,
			    const struct pci_tdi_range *range, bool on)
{
	struct pci_devsec_mmio mmio = {
		.bar = range->bar,
		.offset = range->offset,
		.len = range->len,
		.start = pci_resource_start(d->pdev, range->bar) +
			 range->offset,
		.first_page = range->first_page,
	};
	unsigned long first;
	int rc;

	/* what is not for this VM alone stays as it is */
	if (range->attrs & PCI_TDI_RANGE_NON_TEE)
		return 0;

	first = PHYS_PFN(mmio.start);
	rc = on ? pci_devsec_may_go_on(d->pdev) : 0;
	if (on && !rc)
		rc = mtree_store_range(&tsm_private_mmio, first,
				       PHYS_PFN(mmio.start + mmio.len - 1), d,
				       GFP_KERNEL);
	rc = rc ?: tsm_devsec_ops(d)->mmio(d->ctx, &mmio, on);
	/* there is no driver that could have mapped it, or no trust in it left */
	if (!on || rc)
		mtree_erase(&tsm_private_mmio, first);
	if (rc)
		pci_err(d->pdev, "BAR %u offset %#llx: private MMIO not %s: %d\n",
			mmio.bar, mmio.offset, on ? "mapped" : "unmapped", rc);
	return rc;
}

/**
 * tsm_devsec_mmio() - map a function's TEE ranges as private memory, or end that
 * @d: function of which there is a context
 * @on: map them
 *
 * Context: Between tsm_devsec_talk() and tsm_devsec_hush().
 *
 * Return: 0; with the TSM's error some are mapped. An error does not keep the
 * others from being unmapped, the last one is returned.
 */
int tsm_devsec_mmio(struct tsm_devsec *d, bool on)
{
	int rc = 0;

	if (on) {
		while (d->nr_mapped < d->report->nr_ranges) {
			rc = tsm_devsec_range(d,
					      &d->report->ranges[d->nr_mapped],
					      true);
			if (rc)
				return rc;
			d->nr_mapped++;
		}
		return 0;
	}

	while (d->nr_mapped) {
		d->nr_mapped--;
		rc = tsm_devsec_range(d, &d->report->ranges[d->nr_mapped],
				      false) ?: rc;
	}
	return rc;
}

/* --- loss -------------------------------------------------------------------- */

/**
 * tsm_devsec_lose() - a function is no longer what was attested
 * @d: function
 *
 * Ends first what it reaches, and says so second. Nothing happens to a function
 * that is neither LOCKED nor RUN, or is just being unlocked or started: whoever
 * does that will see.
 *
 * The DMA API goes on treating its driver's memory as private.
 *
 * Context: May sleep. Holds tsm_devsec::lock.
 */
void tsm_devsec_lose(struct tsm_devsec *d)
{
	enum tsm_devsec_state state = READ_ONCE(d->state);
	int rc;

	lockdep_assert_held(&d->lock);

	if (state != TSM_DEVSEC_LOCKED && state != TSM_DEVSEC_RUN)
		return;

	tsm_devsec_talk(d, TSM_TEARDOWN_MS);
	tsm_devsec_hurry(d, TSM_TEARDOWN_MS);
	rc = tsm_devsec_dma(d, false);
	tsm_devsec_mmio(d, false);
	/* take the function away if its DMA cannot be */
	if (rc)
		rc = tsm_devsec_withdraw(d, TSM_TEARDOWN_MS);
	tsm_devsec_hush(d);

	scoped_guard(mutex, &tsm_lock) {
		if (tsm_devsec_busy(d))
			return;
		tsm_devsec_set_state_locked(d, TSM_DEVSEC_LOST);
	}
	/* not before: who had begun to accept it still looks there */
	tsm_devsec_forget(d);

	pci_err(d->pdev, "no longer what was attested\n");
	if (rc)
		tsm_devsec_set_state(d, TSM_DEVSEC_STUCK);
	else
		tsm_devsec_announce(d, TSM_DEVSEC_LOST, 0);

	if (d->attached)
		queue_work(system_dfl_long_wq, &d->tell_work);
}

/* Ask the TSM whether a locked function still is what it was. */
void tsm_devsec_look(struct tsm_devsec *d, bool reported)
{
	enum tsm_tdi_state expected, state = TSM_TDI_ERROR;
	int rc;

	guard(mutex)(&d->lock);

	switch (READ_ONCE(d->state)) {
	case TSM_DEVSEC_LOCKED:
		expected = TSM_TDI_LOCKED;
		break;
	case TSM_DEVSEC_RUN:
		expected = TSM_TDI_RUN;
		break;
	default:
		return;
	}

	tsm_devsec_talk(d, TSM_CONVERSATION_MS);
	rc = tsm_devsec_ops(d)->state(d->ctx, &state);
	tsm_devsec_hush(d);

	if (!rc && state == expected)
		return;

	/* a report counts when the TSM cannot say that it is wrong */
	if (rc && !reported) {
		pci_dbg(d->pdev, "state unknown: %d\n", rc);
		return;
	}

	tsm_devsec_lose(d);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_look);

static void tsm_devsec_loss_work(struct work_struct *work)
{
	tsm_devsec_look(container_of(work, struct tsm_devsec, loss_work), true);
}

/* Look again after a while. */
void tsm_devsec_poll(struct tsm_devsec *d)
{
	KUNIT_STATIC_STUB_REDIRECT(tsm_devsec_poll, d);

	mod_delayed_work(system_dfl_long_wq, &d->poll_work,
			 msecs_to_jiffies(TSM_DEVSEC_POLL_MS));
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_poll);

static void tsm_devsec_poll_work(struct work_struct *work)
{
	struct tsm_devsec *d = container_of(to_delayed_work(work),
					    struct tsm_devsec, poll_work);

	tsm_devsec_look(d, false);

	/* after a verb, the state that it ends in sees to it */
	switch (READ_ONCE(d->state)) {
	case TSM_DEVSEC_LOCKED:
	case TSM_DEVSEC_RUN:
		tsm_devsec_poll(d);
		break;
	default:
		break;
	}
}

/* A driver hears of a loss as of any other error that its device does not survive */
static void tsm_devsec_tell_work(struct work_struct *work)
{
	struct tsm_devsec *d = container_of(work, struct tsm_devsec, tell_work);
	const struct pci_error_handlers *handlers;

	guard(device)(&d->pdev->dev);
	/* one that has left, or was shut down, meanwhile */
	if (!READ_ONCE(d->attached) || READ_ONCE(d->gone) ||
	    !d->pdev->driver)
		return;

	handlers = d->pdev->driver->err_handler;
	if (handlers && handlers->error_detected)
		handlers->error_detected(d->pdev, pci_channel_io_perm_failure);
}

/**
 * pci_devsec_note_loss() - a function may have left the state that it was left in
 * @pdev: function, kept by the caller
 *
 * For what a TSM, an interrupt or a host reports. It is not believed: the TSM is
 * asked, and only if it cannot say is the function lost.
 *
 * Context: Any.
 */
void pci_devsec_note_loss(struct pci_dev *pdev)
{
	guard(spinlock_irqsave)(&tsm_loss_lock);
	if (pdev->devsec)
		queue_work(system_dfl_long_wq, &pdev->devsec->loss_work);
}
EXPORT_SYMBOL_GPL(pci_devsec_note_loss);

/* --- drivers that come and go -------------------------------------------- */

/* May a driver have a function that nobody has locked? 1: accepted for it */
static int tsm_devsec_admit(struct pci_dev *pdev)
{
	int rc;

	if (!has_tee(pdev))
		return 0;

	if (READ_ONCE(tsm_accept_unverified)) {
		rc = tsm_devsec_accept_unseen(pdev);
		if (!rc)
			pci_warn(pdev, "accepted, and nobody has verified it\n");
		if (rc != -ENXIO)
			return rc ?: 1;
	}

	if (!READ_ONCE(tsm_require_accept))
		return 0;

	pci_notice(pdev, "no driver is bound before it is accepted\n");
	return -EPERM;
}

/**
 * pci_devsec_attach() - a driver is going to be bound to a function
 * @pdev: function
 *
 * Opens private DMA for an accepted function. Until the next driver attaches,
 * pci_devsec_private_dma() gives the same answer.
 *
 * Context: May sleep, for one conversation if the function is accepted. Holds
 * the device_lock.
 *
 * Return:
 * * %0		- as an ordinary function, or with private DMA
 * * %-EPERM	- not locked, and pci_tsm.require_accept wants it to be accepted
 * * %-EBUSY	- locked but not accepted, lost, or on its way from one state to
 *		  another
 * * %-EIO	- it could not be unlocked
 * * others	- of the TSM; private DMA is closed. With
 *		  pci_tsm.accept_unverified, those of tsm_devsec_lock() and
 *		  tsm_devsec_accept(), too
 */
int pci_devsec_attach(struct pci_dev *pdev)
{
	/* it leaves UNLOCKED, and begins any verb, under device_lock only */
	struct tsm_devsec *d = READ_ONCE(pdev->devsec);
	int rc;

	if (!d || READ_ONCE(d->state) == TSM_DEVSEC_UNLOCKED) {
		if (d)
			WRITE_ONCE(d->private_view, false);
		rc = tsm_devsec_admit(pdev);
		if (rc <= 0)
			return rc;
		d = READ_ONCE(pdev->devsec);
	}
	if (READ_ONCE(d->state) == TSM_DEVSEC_STUCK)
		return -EIO;
	/* who locks or unlocks it has not got the device_lock, and is not waited for */
	if (READ_ONCE(d->state) != TSM_DEVSEC_RUN)
		return -EBUSY;

	guard(mutex)(&d->lock);
	/* perhaps lost meanwhile */
	if (READ_ONCE(d->state) != TSM_DEVSEC_RUN)
		return -EBUSY;

	tsm_devsec_talk(d, TSM_CONVERSATION_MS);
	rc = pci_devsec_may_go_on(pdev) ?: tsm_devsec_dma(d, true);
	if (rc) {
		tsm_devsec_hurry(d, TSM_TEARDOWN_MS);
		tsm_devsec_dma(d, false);
	}
	tsm_devsec_hush(d);

	if (!rc) {
		WRITE_ONCE(d->attached, true);
		WRITE_ONCE(d->private_view, true);
	} else if (d->dma_open) {
		/* nobody knows what it reaches: take it away */
		tsm_devsec_lose(d);
	}
	return rc;
}
EXPORT_SYMBOL_IF_KUNIT(pci_devsec_attach);

/**
 * pci_devsec_detach() - a driver has left a function, or was not bound after all
 * @pdev: function for which pci_devsec_attach() returned 0
 *
 * Its remove() has returned; what the driver core frees for it is still there.
 *
 * Context: May sleep, for one teardown. Holds the device_lock.
 */
void pci_devsec_detach(struct pci_dev *pdev)
{
	struct tsm_devsec *d = READ_ONCE(pdev->devsec);

	if (!d || !READ_ONCE(d->attached))
		return;

	guard(mutex)(&d->lock);
	WRITE_ONCE(d->attached, false);
	if (!d->dma_open)
		return;

	tsm_devsec_talk(d, TSM_TEARDOWN_MS);
	tsm_devsec_hurry(d, TSM_TEARDOWN_MS);
	tsm_devsec_dma(d, false);
	tsm_devsec_hush(d);
	/* what it still reaches is going to be freed */
	if (d->dma_open)
		tsm_devsec_lose(d);
}
EXPORT_SYMBOL_IF_KUNIT(pci_devsec_detach);

/**
 * pci_devsec_private_dma() - does a device reach private memory of this VM?
 * @dev: device, of any bus
 *
 * What architectures base force_dma_unencrypted() on. The answer is one and the
 * same from one driver to the next; a function that was lost meanwhile just does
 * not reach anything. Which pages are private is each mapping's property.
 *
 * Context: Any. The caller keeps the device, and its driver from leaving.
 *
 * Return: whether it was accepted when its driver attached.
 */
bool pci_devsec_private_dma(struct device *dev)
{
	struct tsm_devsec *d;

	if (!dev_is_pci(dev))
		return false;

	guard(rcu)();
	d = READ_ONCE(to_pci_dev(dev)->devsec);
	return d && READ_ONCE(d->private_view);
}
EXPORT_SYMBOL_GPL(pci_devsec_private_dma);

/**
 * pci_devsec_locked() - must a function be left as it is configured?
 * @pdev: function
 *
 * Resets, power states below D0 and the like take a locked function's trust.
 *
 * Context: Any.
 *
 * Return: whether it is anything but an ordinary function.
 */
bool pci_devsec_locked(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	guard(rcu)();
	d = READ_ONCE(pdev->devsec);
	return d && READ_ONCE(d->state) != TSM_DEVSEC_UNLOCKED;
}
EXPORT_SYMBOL_GPL(pci_devsec_locked);

/* Has it something to lose? One that is lost has not, and should be quiet. */
bool tsm_devsec_keeps_command(const struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	guard(rcu)();
	d = READ_ONCE(pdev->devsec);
	if (!d)
		return false;

	switch (READ_ONCE(d->state)) {
	case TSM_DEVSEC_LOCKING:
	case TSM_DEVSEC_LOCKED:
	case TSM_DEVSEC_ACCEPTING:
	case TSM_DEVSEC_RUN:
	case TSM_DEVSEC_UNLOCKING:
		return true;
	default:
		return false;
	}
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_keeps_command);

/**
 * pci_devsec_kept_command() - what must not be cleared by a config write
 * @pdev: function
 * @where: offset of the write
 *
 * A function that is told not to decode memory, or not to master the bus, leaves
 * LOCKED or RUN (PCIe r7.0 section 11.2.6), but drivers do so when they are done,
 * and pci_disable_device() does. That a driver's DMA to private memory is over is
 * for pci_devsec_detach() to see to.
 *
 * Context: Any, but not with pci_lock held.
 *
 * Return: bits of the Command register that are to be written as 1.
 */
u16 pci_devsec_kept_command(const struct pci_dev *pdev, int where)
{
	u16 command;

	if (where != PCI_COMMAND || !tsm_devsec_keeps_command(pdev) ||
	    pci_bus_read_config_word(pdev->bus, pdev->devfn, PCI_COMMAND,
				     &command))
		return 0;

	return command & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/**
 * pci_devsec_shutdown() - the system ends, or another kernel begins
 * @pdev: function, whose driver has shut it down
 *
 * Context: May sleep, for one teardown. Holds the device_lock.
 */
void pci_devsec_shutdown(struct pci_dev *pdev)
{
	if (READ_ONCE(pdev->devsec))
		tsm_devsec_gone(pdev);
}
EXPORT_SYMBOL_IF_KUNIT(pci_devsec_shutdown);

/* --- records ---------------------------------------------------------------- */

void tsm_devsec_trust_init(struct tsm_devsec *d)
{
	INIT_WORK(&d->loss_work, tsm_devsec_loss_work);
	INIT_DELAYED_WORK(&d->poll_work, tsm_devsec_poll_work);
	INIT_WORK(&d->tell_work, tsm_devsec_tell_work);
	INIT_WORK(&d->refresh.work, tsm_evidence_refresh_work);
}

/* A function has a record; from here on losses are noted. */
void tsm_devsec_publish(struct pci_dev *pdev, struct tsm_devsec *d)
{
	guard(spinlock_irqsave)(&tsm_loss_lock);
	/* what was set up before is seen by who reads it without a lock */
	smp_store_release(&pdev->devsec, d);
}

/* It is removed: none of the works runs any more when this returns. */
void tsm_devsec_trust_gone(struct tsm_devsec *d)
{
	tsm_devsec_publish(d->pdev, NULL);
	cancel_work_sync(&d->loss_work);
	cancel_delayed_work_sync(&d->poll_work);
	cancel_work_sync(&d->tell_work);
	/* somebody waits to hear how it ends */
	flush_work(&d->refresh.work);
}
