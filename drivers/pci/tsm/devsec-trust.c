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

VISIBLE_IF_KUNIT bool tsm_require_accept;
EXPORT_SYMBOL_IF_KUNIT(tsm_require_accept);
module_param_named(require_accept, tsm_require_accept, bool, 0644);
MODULE_PARM_DESC(require_accept,
		 "no driver is bound to a function with TEE-IO that is not accepted");

VISIBLE_IF_KUNIT bool tsm_accept_unverified;
EXPORT_SYMBOL_IF_KUNIT(tsm_accept_unverified);
module_param_named_unsafe(accept_unverified, tsm_accept_unverified, bool, 0644);
MODULE_PARM_DESC(accept_unverified,
		 "a function with TEE-IO is locked and accepted, unverified, when a driver is bound");

static bool tsm_panic_on_open_dma;
module_param_named(panic_on_open_dma, tsm_panic_on_open_dma, bool, 0644);
MODULE_PARM_DESC(panic_on_open_dma,
		 "panic if a driver leaves a function whose private DMA cannot be closed");

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
 * What is asked before MMIO is mapped, by ioremap() of an architecture that has to
 * know whether that is private memory, or for a process. A mapping is one or the
 * other as a whole, as is the page that it begins with: see pci_devsec_mixed_mmio().
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
EXPORT_SYMBOL_GPL(pci_devsec_private_mmio);

/**
 * pci_devsec_mixed_mmio() - would a mapping share MMIO that is not for the host?
 * @addr: physical address that it begins with
 * @len: bytes of it
 *
 * One that begins with what is not private, and goes on with what is, would be shared
 * as a whole. Whoever is behind shared MMIO is chosen by the host. The other way
 * round, what is not private just does not answer.
 *
 * Context: Any.
 *
 * Return: whether it would, and must not be made.
 */
bool pci_devsec_mixed_mmio(phys_addr_t addr, size_t len)
{
	unsigned long index = PHYS_PFN(addr);

	return len && !pci_devsec_private_mmio(addr) &&
	       mt_find(&tsm_private_mmio, &index, PHYS_PFN(addr + len - 1));
}
EXPORT_SYMBOL_GPL(pci_devsec_mixed_mmio);

/* It is going to be private; after an error nothing is noted. */
static int tsm_devsec_range_note(struct tsm_devsec *d,
				 const struct pci_devsec_mmio *mmio)
{
	int rc = pci_devsec_may_go_on(d->pdev);

	if (rc)
		return rc;
	/* it shares a page of this kernel with what is not of its kind */
	if (!PAGE_ALIGNED(mmio->start) || !PAGE_ALIGNED(mmio->len))
		return -EOPNOTSUPP;

	return mtree_insert_range(&tsm_private_mmio, PHYS_PFN(mmio->start),
				  PHYS_PFN(mmio->start + mmio->len - 1), d,
				  GFP_KERNEL);
}

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
	int rc;

	/* what is not for this VM alone stays as it is */
	if (range->attrs & PCI_TDI_RANGE_NON_TEE)
		return 0;

	rc = on ? tsm_devsec_range_note(d, &mmio) : 0;
	if (!rc) {
		rc = tsm_devsec_ops(d)->mmio(d->ctx, &mmio, on);
		if (on && rc)
			mtree_erase(&tsm_private_mmio, PHYS_PFN(mmio.start));
	}
	if (rc)
		pci_err(d->pdev, "BAR %u offset %#llx: private MMIO not %s: %d\n",
			mmio.bar, mmio.offset, on ? "mapped" : "unmapped", rc);
	return rc;
}

/**
 * tsm_devsec_mmio_forget() - what of a function is mapped from here on is shared
 * @d: function that has no driver that thinks otherwise
 *
 * Context: May sleep.
 */
void tsm_devsec_mmio_forget(struct tsm_devsec *d)
{
	unsigned long index = 0;
	void *owner;

	mt_for_each(&tsm_private_mmio, owner, index, ULONG_MAX) {
		/* behind what was found */
		if (owner == d)
			mtree_erase(&tsm_private_mmio, index - 1);
	}
}

/**
 * tsm_devsec_mmio() - map a function's TEE ranges as private memory, or end that
 * @d: function of which there is a context
 * @on: map them
 *
 * Context: Between tsm_devsec_talk() and tsm_devsec_hush().
 *
 * What was private is mapped as such until tsm_devsec_mmio_forget(): a driver that
 * does not know yet that its function is lost is to reach nothing.
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
 * @ms: milliseconds that this may take
 *
 * Ends first what it reaches, and says so second. Nothing happens to a function
 * that is neither LOCKED nor RUN, or is just being unlocked or started: whoever
 * does that will see.
 *
 * The DMA API goes on treating its driver's memory as private.
 *
 * Context: May sleep. Holds tsm_devsec::lock.
 */
void tsm_devsec_lose(struct tsm_devsec *d, unsigned int ms)
{
	enum tsm_devsec_state state = READ_ONCE(d->state);
	int rc;

	lockdep_assert_held(&d->lock);

	if (state != TSM_DEVSEC_LOCKED && state != TSM_DEVSEC_RUN)
		return;

	tsm_devsec_talk(d, ms);
	tsm_devsec_hurry(d, ms);
	rc = tsm_devsec_dma(d, false);
	tsm_devsec_mmio(d, false);
	/* take the function away if its DMA cannot be, in the same time */
	if (rc)
		rc = tsm_devsec_withdraw(d, ms);
	tsm_devsec_hush(d);
	if (!d->attached)
		tsm_devsec_mmio_forget(d);

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

static void tsm_devsec_look_now(struct tsm_devsec *d, bool reported)
{
	enum tsm_tdi_state expected, state = TSM_TDI_ERROR;
	int rc;

	lockdep_assert_held(&d->lock);

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
	/* there is another poll; a report has nobody who would repeat it */
	if (!reported)
		tsm_devsec_yield(d);
	rc = tsm_devsec_ops(d)->state(d->ctx, &state);
	tsm_devsec_hush(d);

	if (!rc && state == expected)
		return;

	/* a report counts when the TSM cannot say that it is wrong */
	if (rc && !reported) {
		pci_dbg(d->pdev, "state unknown: %d\n", rc);
		return;
	}

	tsm_devsec_lose(d, TSM_TEARDOWN_MS);
}

/**
 * tsm_devsec_look() - ask the TSM whether a locked function still is what it was
 * @d: function
 * @reported: somebody says that it is not: it is lost if the TSM cannot say. A TSM
 *	that cannot say without that is asked again later: it keeps this VM from
 *	knowing, not the device from having stopped.
 *
 * Context: May sleep, for a conversation, and a teardown.
 */
void tsm_devsec_look(struct tsm_devsec *d, bool reported)
{
	if (reported)
		tsm_devsec_take(d);
	else
		mutex_lock(&d->lock);
	tsm_devsec_look_now(d, reported);
	mutex_unlock(&d->lock);
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
	/* one that came afterwards, to a function that was accepted again */
	if (READ_ONCE(d->state) == TSM_DEVSEC_RUN)
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
 * tsm_devsec_masters() - does a function master the bus?
 * @pdev: function
 *
 * Return: whether it does.
 */
bool tsm_devsec_masters(struct pci_dev *pdev)
{
	u16 command;

	KUNIT_STATIC_STUB_REDIRECT(tsm_devsec_masters, pdev);

	return !pci_read_config_word(pdev, PCI_COMMAND, &command) &&
	       command & PCI_COMMAND_MASTER;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_masters);

/* Open private memory for an accepted function. Holds tsm_devsec::lock. */
static int tsm_devsec_open(struct tsm_devsec *d)
{
	int rc;

	tsm_devsec_talk(d, TSM_CONVERSATION_MS);
	rc = pci_devsec_may_go_on(d->pdev) ?: tsm_devsec_dma(d, true);
	if (rc) {
		tsm_devsec_hurry(d, TSM_TEARDOWN_MS);
		tsm_devsec_dma(d, false);
	}
	tsm_devsec_hush(d);

	/* nobody knows what it reaches: take it away */
	if (rc && d->dma_open)
		tsm_devsec_lose(d, TSM_TEARDOWN_MS);
	return rc;
}

/*
 * What a function can still reach is going to be freed. A driver has told its device
 * to stop, and nobody but the VM and the device knows where that reaches; but neither
 * the host nor the firmware has helped to make sure.
 */
void tsm_devsec_left_open(struct tsm_devsec *d)
{
	KUNIT_STATIC_STUB_REDIRECT(tsm_devsec_left_open, d);

	if (READ_ONCE(tsm_panic_on_open_dma))
		panic("PCI/TSM: %s may reach private memory that its driver frees\n",
		      pci_name(d->pdev));
	pci_emerg(d->pdev, "may reach private memory that its driver frees\n");
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_left_open);

/* Close it, because what the function could reach is going to be freed. Likewise. */
static void tsm_devsec_close(struct tsm_devsec *d)
{
	unsigned int ms = TSM_TEARDOWN_MS;
	unsigned long deadline;

	if (!d->dma_open)
		return;
	/* a TSM that has left cannot be asked any more */
	if (!d->ctx)
		goto left_open;

	/*
	 * Whoever waits for one that was pulled out waits for all of the bus; and for
	 * one that this driver could not close before, he has waited already.
	 */
	if (pci_dev_is_disconnected(d->pdev) || d->close_failed)
		ms = TSM_REMOVAL_MS;
	deadline = tsm_deadline(ms);

	tsm_devsec_talk(d, ms);
	tsm_devsec_hurry(d, ms);
	tsm_devsec_dma(d, false);
	tsm_devsec_hush(d);
	if (d->dma_open)
		tsm_devsec_lose(d, tsm_devsec_left(deadline));
left_open:
	if (d->dma_open && !d->close_failed)
		tsm_devsec_left_open(d);
	d->close_failed = d->dma_open;
}

/* The record of a function that has an accepted driver, for as long as it has */
static struct tsm_devsec *tsm_devsec_driven(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	guard(rcu)();
	d = READ_ONCE(pdev->devsec);
	return d && READ_ONCE(d->attached) ? d : NULL;
}

/**
 * pci_devsec_master() - a driver wants its function to master the bus, or not to
 * @pdev: function
 * @on: that it does
 *
 * A clear does not get to an accepted function (pci_devsec_kept_command()), and
 * whoever clears it may free what the function could write to. So private DMA is
 * closed until it is set again. A function to which it cannot be opened is lost, as
 * there is nobody whom an error could be returned to: pci_devsec_open_dma() has one.
 *
 * Context: May sleep, for one conversation and two teardowns, and for one that is
 * under way, if the function is accepted and has a driver; else any.
 */
void pci_devsec_master(struct pci_dev *pdev, bool on)
{
	struct tsm_devsec *d = tsm_devsec_driven(pdev);

	if (!d)
		return;

	guard(tsm_devsec)(d);
	if (!d->attached || READ_ONCE(d->state) != TSM_DEVSEC_RUN)
		return;

	if (!on)
		tsm_devsec_close(d);
	else if (!d->dma_open && tsm_devsec_open(d))
		tsm_devsec_lose(d, TSM_TEARDOWN_MS);
}
EXPORT_SYMBOL_GPL(pci_devsec_master);

/**
 * pci_devsec_open_dma() - a function is to reach private memory before it masters
 * the bus
 * @pdev: function
 *
 * For drivers whose users set bus mastering themselves.
 *
 * Context: As for pci_devsec_master().
 *
 * Return: 0, also if it is not accepted; the error of the TSM or of
 * pci_devsec_may_go_on(): it reaches nothing private, and may be tried again, unless
 * it is lost.
 */
int pci_devsec_open_dma(struct pci_dev *pdev)
{
	struct tsm_devsec *d = tsm_devsec_driven(pdev);

	if (!d)
		return 0;

	guard(tsm_devsec)(d);
	if (!d->attached || READ_ONCE(d->state) != TSM_DEVSEC_RUN || d->dma_open)
		return 0;
	return tsm_devsec_open(d);
}
EXPORT_SYMBOL_GPL(pci_devsec_open_dma);

static int tsm_devsec_attach(struct tsm_devsec *d)
{
	int rc;

	guard(tsm_devsec)(d);
	if (READ_ONCE(d->gone))
		return -ENODEV;
	/* perhaps lost meanwhile */
	if (READ_ONCE(d->state) != TSM_DEVSEC_RUN)
		return -EBUSY;

	rc = tsm_devsec_masters(d->pdev) ? 0 : tsm_devsec_open(d);
	if (!rc) {
		d->close_failed = false;
		WRITE_ONCE(d->attached, true);
		WRITE_ONCE(d->private_view, true);
	}
	return rc;
}

/**
 * pci_devsec_attach() - a driver is going to be bound to a function
 * @pdev: function
 *
 * Opens private DMA for an accepted function. One that masters the bus still, as
 * its last driver could not end that, gets it when this driver sets bus mastering
 * (pci_devsec_master()). Until the next driver attaches, pci_devsec_private_dma()
 * gives the same answer.
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
 * * %-ENODEV	- it is being removed
 * * others	- of the TSM; private DMA is closed. With
 *		  pci_tsm.accept_unverified, those of tsm_devsec_lock() and
 *		  tsm_devsec_accept(), too
 */
int pci_devsec_attach(struct pci_dev *pdev)
{
	/* it leaves UNLOCKED, and begins any verb, under device_lock only */
	struct tsm_devsec *d __free(tsm_devsec) = tsm_devsec_get(pdev);
	int rc;

	/* there was no memory to take over what could not be unlocked */
	if (!d && tsm_devsec_left_here(pdev)) {
		struct tsm_devsec *late = tsm_devsec_make(pdev);

		if (IS_ERR(late))
			return PTR_ERR(late);
		d = late;
	}
	if (!d || READ_ONCE(d->state) == TSM_DEVSEC_UNLOCKED) {
		if (d)
			WRITE_ONCE(d->private_view, false);
		rc = tsm_devsec_admit(pdev);
		if (rc <= 0)
			return rc;
		/* perhaps made for it */
		if (!d)
			d = tsm_devsec_get(pdev);
		if (!d)
			return -ENODEV;
	}
	if (READ_ONCE(d->state) == TSM_DEVSEC_STUCK)
		return -EIO;
	/* who locks or unlocks it has not got the device_lock, and is not waited for */
	if (READ_ONCE(d->state) != TSM_DEVSEC_RUN)
		return -EBUSY;

	return tsm_devsec_attach(d);
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

	guard(tsm_devsec)(d);
	WRITE_ONCE(d->attached, false);
	tsm_devsec_close(d);
	/* one that was lost meanwhile */
	if (READ_ONCE(d->state) != TSM_DEVSEC_RUN)
		tsm_devsec_mmio_forget(d);
	if (!d->ctx)
		tsm_devsec_end_decode(d);
}
EXPORT_SYMBOL_IF_KUNIT(pci_devsec_detach);

/**
 * pci_devsec_private_dma() - does a device reach private memory of this VM?
 * @dev: device, of any bus
 *
 * The answer, and so pci_devsec_dma_shared(), is one and the same from one driver
 * to the next; a function that was lost meanwhile just does not reach anything.
 * Which pages are private is each mapping's property.
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
 * and pci_disable_device() does. That DMA to private memory is over then is for
 * pci_devsec_master() to see to. Who writes the register at the same time as
 * another does so at his own risk, as ever.
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
	atomic_set(&d->wanted, 0);
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
	tsm_devsec_mmio_forget(d);
	cancel_work_sync(&d->loss_work);
	cancel_delayed_work_sync(&d->poll_work);
	cancel_work_sync(&d->tell_work);
	/* somebody waits to hear how it ends */
	flush_work(&d->refresh.work);
}
