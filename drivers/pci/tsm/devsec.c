// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest half of the PCI/TSM core: a confidential VM locks a function,
 * attests it and accepts it, and takes that back.
 *
 * PCIe r7.0 section 11. What an accepted function may do is in devsec-trust.c.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "devsec.h"
#include "trace.h"

/* --- states -------------------------------------------------------------- */

bool tsm_devsec_busy(const struct tsm_devsec *d)
{
	return d->state == TSM_DEVSEC_LOCKING ||
	       d->state == TSM_DEVSEC_ACCEPTING ||
	       d->state == TSM_DEVSEC_UNLOCKING;
}

/**
 * tsm_devsec_may_follow() - is there such a transition?
 * @from: a state
 * @to: another state
 *
 * Return: whether there is.
 */
bool tsm_devsec_may_follow(enum tsm_devsec_state from, enum tsm_devsec_state to)
{
	switch (from) {
	case TSM_DEVSEC_UNLOCKED:
		return to == TSM_DEVSEC_LOCKING;
	case TSM_DEVSEC_LOCKING:
		return to == TSM_DEVSEC_LOCKED || to == TSM_DEVSEC_UNLOCKED ||
		       to == TSM_DEVSEC_STUCK;
	case TSM_DEVSEC_LOCKED:
		return to == TSM_DEVSEC_ACCEPTING ||
		       to == TSM_DEVSEC_UNLOCKING || to == TSM_DEVSEC_LOST;
	case TSM_DEVSEC_ACCEPTING:
		return to == TSM_DEVSEC_RUN || to == TSM_DEVSEC_LOCKED ||
		       to == TSM_DEVSEC_UNLOCKED || to == TSM_DEVSEC_STUCK;
	case TSM_DEVSEC_RUN:
		return to == TSM_DEVSEC_UNLOCKING || to == TSM_DEVSEC_LOST;
	case TSM_DEVSEC_UNLOCKING:
		return to == TSM_DEVSEC_UNLOCKED || to == TSM_DEVSEC_STUCK;
	case TSM_DEVSEC_LOST:
		return to == TSM_DEVSEC_UNLOCKING || to == TSM_DEVSEC_STUCK;
	case TSM_DEVSEC_STUCK:
		/* with a driver, which is not to find it UNLOCKED */
		return to == TSM_DEVSEC_UNLOCKING || to == TSM_DEVSEC_LOST;
	}

	return false;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_may_follow);

/* The one place that changes the state. Not told to anybody under tsm_lock. */
void tsm_devsec_set_state_locked(struct tsm_devsec *d,
				 enum tsm_devsec_state to)
{
	lockdep_assert_held(&tsm_lock);

	if (!tsm_devsec_may_follow(d->state, to))
		pci_WARN_ONCE(d->pdev, 1, "guest state %d -> %d\n", d->state,
			      to);

	trace_tsm_devsec_state(d->pdev, d->state, to);
	WRITE_ONCE(d->state, to);
	if (to == TSM_DEVSEC_UNLOCKED)
		d->agent = NULL;
	wake_up_all(&tsm_wait);
}

/**
 * tsm_devsec_set_state() - go to a state and tell everybody, the driver excepted
 * @d: function
 * @to: a state of tsm_devsec_may_follow()
 *
 * Context: May sleep. Holds tsm_devsec::lock, or has made the state that ends
 * here.
 */
void tsm_devsec_set_state(struct tsm_devsec *d, enum tsm_devsec_state to)
{
	u64 generation;

	scoped_guard(mutex, &tsm_lock) {
		tsm_devsec_set_state_locked(d, to);
		generation = d->evidence ? d->evidence->generation : 0;
	}

	if (to == TSM_DEVSEC_LOCKED || to == TSM_DEVSEC_RUN)
		tsm_devsec_poll(d);
	tsm_devsec_announce(d, to, generation);
}

/**
 * tsm_devsec_announce() - tell userspace of a state that will last
 * @d: function
 * @state: its state
 * @generation: of its evidence, 0 if there is none
 *
 * Context: May sleep.
 */
void tsm_devsec_announce(struct tsm_devsec *d, enum tsm_devsec_state state,
			 u64 generation)
{
	char state_var[32], generation_var[40];
	char *env[3] = { state_var, generation_var };

	KUNIT_STATIC_STUB_REDIRECT(tsm_devsec_announce, d, state, generation);

	snprintf(state_var, sizeof(state_var), "TSM_STATE=%s",
		 tsm_devsec_state_names[state]);
	snprintf(generation_var, sizeof(generation_var), "TSM_GENERATION=%llu",
		 generation);
	kobject_uevent_env(&d->pdev->dev.kobj, KOBJ_CHANGE, env);
	tsm_evidence_nl_state(d->pdev, state, generation);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_announce);

/* --- what a lock needs --------------------------------------------------- */

/**
 * tsm_devsec_quiet() - is a function that has no driver quiet?
 * @pdev: function
 *
 * Context: May sleep, a second at most when it is awake.
 *
 * Return: 0; -EBUSY if it masters the bus, or its transactions do not end;
 * -ENODEV if it does not answer; an error of tsm_power_get().
 */
int tsm_devsec_quiet(struct pci_dev *pdev)
{
	u16 command;
	int rc;

	KUNIT_STATIC_STUB_REDIRECT(tsm_devsec_quiet, pdev);

	/* one that sleeps does not answer */
	rc = tsm_power_get(pdev);
	if (rc)
		return rc;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command))
		rc = -ENODEV;
	else if (command & PCI_COMMAND_MASTER ||
		 !pci_wait_for_pending_transaction(pdev))
		rc = -EBUSY;

	tsm_power_put(pdev);
	return rc;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_quiet);

/**
 * tsm_devsec_silence() - end bus mastering that a locked function was left with
 * @pdev: function
 *
 * Its driver wanted that, perhaps, and it could not be done before; or it is going to
 * hear that all it knew of the function is over.
 */
void tsm_devsec_silence(struct pci_dev *pdev)
{
	u16 command;

	KUNIT_STATIC_STUB_REDIRECT(tsm_devsec_silence, pdev);

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!PCI_POSSIBLE_ERROR(command) && command & PCI_COMMAND_MASTER)
		pci_bus_write_config_word(pdev->bus, pdev->devfn, PCI_COMMAND,
					  command & ~PCI_COMMAND_MASTER);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_silence);

/**
 * tsm_devsec_decode() - let a function decode memory, in D0, and stay so
 * @pdev: function
 * @on: begin, or end that
 *
 * Return: 0, or the error of the PCI core.
 */
int tsm_devsec_decode(struct pci_dev *pdev, bool on)
{
	u16 command;
	int rc;

	KUNIT_STATIC_STUB_REDIRECT(tsm_devsec_decode, pdev, on);

	if (!on) {
		tsm_devsec_silence(pdev);
		pdev->is_busmaster = 0;
		pci_disable_device(pdev);
		tsm_power_put(pdev);
		return 0;
	}

	rc = tsm_power_get(pdev);
	if (rc)
		return rc;

	rc = pci_enable_device_mem(pdev);
	if (rc) {
		tsm_power_put(pdev);
		return rc;
	}

	/* if it was enabled before, somebody may have cleared it since */
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!pdev->is_virtfn && !(command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND,
				      command | PCI_COMMAND_MEMORY);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_decode);

/* What tsm_devsec_decode() began, if it did. Holds tsm_devsec::lock. */
void tsm_devsec_end_decode(struct tsm_devsec *d)
{
	if (!d->decodes)
		return;
	d->decodes = false;
	tsm_devsec_decode(d->pdev, false);
}

/* The report that is evidence, as this VM's BARs have it */
static struct pci_tdi_report *tsm_devsec_parse(struct tsm_devsec *d,
					       const struct tsm_evidence *e)
{
	const struct tsm_object *o = &e->object[TSM_OBJECT_INTERFACE_REPORT];
	struct pci_tdi_mmio_layout layout;
	struct pci_tdi_report *report;
	const char *reason = NULL;

	pci_tdi_mmio_layout_init(&layout, d->pdev, tsm_devsec_ops(d)->mmio_base,
				 0);
	report = pci_tdi_report_parse(o->bytes, o->len, &layout, &reason);
	if (IS_ERR(report) && PTR_ERR(report) != -ENOMEM) {
		pci_err(d->pdev, "interface report refused: %s\n",
			reason ?: "?");
		return ERR_PTR(-EBADMSG);
	}

	return report;
}

/* Evidence and report are of a lock; who reads them goes on. Nothing is mapped. */
void tsm_devsec_forget(struct tsm_devsec *d)
{
	struct tsm_evidence *e;

	pci_tdi_report_free(d->report);
	d->report = NULL;

	scoped_guard(mutex, &tsm_lock) {
		e = d->evidence;
		d->evidence = NULL;
	}
	if (e)
		tsm_evidence_put(e);
}

/**
 * tsm_devsec_withdraw() - take everything private from a function
 * @d: function of which there is a context
 * @ms: milliseconds that this may take
 *
 * Ends DMA and MMIO, then unlocks; that the former fail is no reason not to. The
 * state is left to the caller.
 *
 * Context: May sleep. Between tsm_devsec_talk() and tsm_devsec_hush().
 *
 * Return: 0; the TSM's error if the function could not be unlocked. The context
 * is there as before then, the evidence is not.
 */
int tsm_devsec_withdraw(struct tsm_devsec *d, unsigned int ms)
{
	const struct pci_devsec_ops *ops = tsm_devsec_ops(d);
	u64 tsm_code = 0;
	int rc;

	tsm_devsec_hurry(d, ms);
	tsm_devsec_dma(d, false);
	tsm_devsec_mmio(d, false);
	tsm_devsec_forget(d);

	rc = ops->unlock(d->ctx, &tsm_code);
	if (rc) {
		pci_err(d->pdev, "%s does not unlock it: %d, code %#llx\n",
			dev_name(&d->agent->tsm_dev->dev), rc, tsm_code);
		return rc;
	}

	d->ctx = NULL;
	d->dma_open = false;
	d->nr_mapped = 0;
	/* a driver that is there still has the function enabled */
	if (d->attached) {
		tsm_devsec_silence(d->pdev);
	} else {
		tsm_devsec_mmio_forget(d);
		tsm_devsec_end_decode(d);
	}
	module_put(ops->owner);
	return 0;
}

/* --- verbs ---------------------------------------------------------------- */

/*
 * May this verb begin in the present state? 1: there is nothing left to do. @driver:
 * one is bound that is to leave first.
 */
static int tsm_devsec_check(struct tsm_devsec *d, enum tsm_devsec_state to,
			    int tsm_id, bool driver)
{
	lockdep_assert_held(&tsm_lock);

	if (d->gone)
		return -ENODEV;
	if (tsm_devsec_busy(d))
		return -EBUSY;
	/* what is not locked is not accepted, and need not be unlocked */
	if (driver && (to == TSM_DEVSEC_LOCKING ||
		       d->state != TSM_DEVSEC_UNLOCKED))
		return -EBUSY;

	switch (to) {
	case TSM_DEVSEC_LOCKING:
		if (d->state == TSM_DEVSEC_STUCK)
			return -EIO;
		/* it could not be taken back in time */
		if (tsm_sleeping || system_state > SYSTEM_RUNNING)
			return -EBUSY;
		/* who assigns it to VMs does not lock it for this one */
		return d->state == TSM_DEVSEC_UNLOCKED && !d->pdev->tsm &&
		       !tsm_session_lookup(d->pdev) ? 0 : -EBUSY;
	case TSM_DEVSEC_ACCEPTING:
		if (d->state == TSM_DEVSEC_UNLOCKED)
			return -EINVAL;
		if (d->state == TSM_DEVSEC_RUN)
			return 1;
		return d->state == TSM_DEVSEC_LOCKED ? 0 : -EIO;
	default:
		if (d->state == TSM_DEVSEC_UNLOCKED)
			return 1;
		/* a TSM that has left with the function has no name here */
		if (d->agent && d->agent->tsm_dev->id != tsm_id)
			return -EINVAL;
		if (d->state == TSM_DEVSEC_STUCK && !d->ctx)
			return -EIO;
		return 0;
	}
}

/*
 * Begin a verb: from here on drivers that want to attach, and other verbs, are
 * refused. Holds device_lock.
 */
static int tsm_devsec_claim(struct tsm_devsec *d, enum tsm_devsec_state to,
			    int tsm_id, bool driver)
{
	int rc;

	guard(mutex)(&tsm_lock);
	rc = tsm_devsec_check(d, to, tsm_id, driver);
	if (rc)
		return rc;

	if (to == TSM_DEVSEC_LOCKING) {
		struct tsm_agent *agent = tsm_agent_find(tsm_id);

		if (!agent || agent->leaving)
			return -ENXIO;
		d->agent = agent;
		d->tsm_id = tsm_id;
	} else if (d->agent && d->agent->leaving) {
		return -ENXIO;
	}

	tsm_devsec_set_state_locked(d, to);
	return 0;
}

/* Likewise. The device_lock is not kept: it is what others would wait for. */
static int tsm_devsec_begin(struct tsm_devsec *d, enum tsm_devsec_state to,
			    int tsm_id)
{
	struct device *dev = &d->pdev->dev;
	int rc;

	ACQUIRE(device_intr, intr)(dev);
	rc = ACQUIRE_ERR(device_intr, &intr);
	if (rc)
		return rc;

	return tsm_devsec_claim(d, to, tsm_id, dev->driver);
}

/* Ask the TSM for the lock, and for what there is to verify about it. */
static int tsm_devsec_lock_and_read(struct tsm_devsec *d)
{
	const struct pci_devsec_ops *ops = tsm_devsec_ops(d);
	struct pci_tdi_report *report;
	struct pci_tsm_devsec *ctx;
	struct tsm_evidence *e;
	u64 tsm_code = 0;

	ctx = ops->lock(d->agent->tsm_dev, d->pdev, &tsm_code);
	if (!ctx)
		ctx = ERR_PTR(-ENOMEM);
	if (IS_ERR(ctx)) {
		pci_err(d->pdev, "not locked: %ld, code %#llx\n", PTR_ERR(ctx),
			tsm_code);
		return PTR_ERR(ctx);
	}
	ctx->tsm_dev = d->agent->tsm_dev;
	ctx->pdev = d->pdev;
	d->ctx = ctx;

	e = tsm_evidence_read(d, ops->object_types);
	if (IS_ERR(e))
		return PTR_ERR(e);

	report = tsm_devsec_parse(d, e);
	if (IS_ERR(report)) {
		tsm_evidence_put(e);
		return PTR_ERR(report);
	}

	d->report = report;
	scoped_guard(mutex, &tsm_lock)
		d->evidence = e;
	return 0;
}

/* What LOCKING does; whatever it did not end with is as it was before. */
static int tsm_devsec_do_lock(struct tsm_devsec *d)
{
	struct module *owner = tsm_devsec_ops(d)->owner;
	int rc;

	/* the TSM may have begun to leave, or somebody may wait for this one */
	rc = pci_devsec_may_go_on(d->pdev);
	if (rc)
		return rc;

	rc = tsm_devsec_quiet(d->pdev);
	if (rc)
		return rc;

	if (!try_module_get(owner))
		return -ENXIO;

	rc = tsm_devsec_decode(d->pdev, true);
	if (rc) {
		module_put(owner);
		return rc;
	}
	d->decodes = true;
	d->other_report = false;

	rc = tsm_devsec_lock_and_read(d);
	if (rc && !d->ctx) {
		tsm_devsec_end_decode(d);
		module_put(owner);
	}
	return rc;
}

/* LOCKING, to its end. */
static int tsm_devsec_locking(struct tsm_devsec *d)
{
	enum tsm_devsec_state to = TSM_DEVSEC_LOCKED;
	int rc;

	ACQUIRE(mutex_kill, lock)(&d->lock);
	rc = ACQUIRE_ERR(mutex_kill, &lock) ?:
	     tsm_devsec_talk_killable(d, TSM_CONVERSATION_MS);
	if (rc) {
		tsm_devsec_set_state(d, TSM_DEVSEC_UNLOCKED);
		return rc;
	}
	rc = tsm_devsec_do_lock(d);
	if (rc)
		to = d->ctx && tsm_devsec_withdraw(d, TSM_TEARDOWN_MS) ?
		     TSM_DEVSEC_STUCK : TSM_DEVSEC_UNLOCKED;
	tsm_devsec_hush(d);
	tsm_devsec_set_state(d, to);
	return rc;
}

/**
 * tsm_devsec_lock() - lock a function of this VM and read the evidence about it
 * @pdev: function
 * @tsm_id: number of the devsec TSM, as in its name
 *
 * Context: May sleep, for one conversation. Interruptible until it begins, then
 * killable. Holds none of the core's locks, nor the device_lock.
 *
 * Return:
 * * %0			- LOCKED, with a generation of evidence that is new
 * * %-EOPNOTSUPP	- no TEE-IO (PCIe r7.0 section 7.5.3.3)
 * * %-ENXIO		- no such devsec TSM, it is being unregistered, or the
 *			  function is not one that it can lock
 * * %-EBUSY		- a driver is bound; it is locked, or being locked or
 *			  unlocked; it masters the bus, or its transactions do
 *			  not end; it is assigned to other VMs by a link TSM;
 *			  the system goes to sleep, or ends
 * * %-EIO		- an earlier unlock failed, of this function or of what was in
 *			  its place before
 * * %-ENODEV		- it is being removed, or does not answer
 * * %-EBADMSG		- the evidence is not what the TSM vouches for, or the
 *			  interface report makes no sense
 * * %-EFBIG		- an object of evidence is larger than
 *			  %PCI_DEVSEC_OBJECT_MAX
 * * %-EINTR, %-ETIMEDOUT, %-ENOMEM, an error of the PCI core as it is woken or
 * enabled, or one of the TSM
 *
 * After an error it is UNLOCKED as before, unless the TSM could not take back
 * what it did: then it is STUCK, and the kernel log has the reason.
 */
int tsm_devsec_lock(struct pci_dev *pdev, int tsm_id)
{
	struct tsm_devsec *d;
	int rc;

	if (!has_tee(pdev))
		return -EOPNOTSUPP;

	d = tsm_devsec_make(pdev);
	if (IS_ERR(d))
		return PTR_ERR(d);

	rc = tsm_devsec_begin(d, TSM_DEVSEC_LOCKING, tsm_id) ?:
	     tsm_devsec_locking(d);
	tsm_devsec_put(d);
	return rc;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_lock);

/* Is what was verified, if anything was, what is there? */
static int tsm_devsec_verified(struct tsm_devsec *d)
{
	guard(mutex)(&tsm_lock);
	return d->validated && d->validated != d->evidence->generation ?
	       -ESTALE : 0;
}

static enum tsm_devsec_state tsm_devsec_do_accept(struct tsm_devsec *d, int *rc)
{
	const struct pci_devsec_ops *ops = tsm_devsec_ops(d);
	u64 tsm_code = 0;

	/* a refresh that was under way has seen that it is not what was locked */
	if (d->other_report) {
		*rc = -EIO;
		return tsm_devsec_withdraw(d, TSM_TEARDOWN_MS) ?
		       TSM_DEVSEC_STUCK : TSM_DEVSEC_UNLOCKED;
	}
	/* or has given it other evidence by now */
	*rc = pci_devsec_may_go_on(d->pdev) ?: tsm_devsec_verified(d);
	if (*rc)
		return TSM_DEVSEC_LOCKED;

	*rc = ops->accept(d->ctx, &tsm_code);
	if (*rc == -ESTALE)
		return TSM_DEVSEC_LOCKED;
	if (!*rc)
		*rc = tsm_devsec_mmio(d, true);
	if (!*rc)
		return TSM_DEVSEC_RUN;

	pci_err(d->pdev, "not accepted: %d, code %#llx\n", *rc, tsm_code);
	return tsm_devsec_withdraw(d, TSM_TEARDOWN_MS) ? TSM_DEVSEC_STUCK :
							 TSM_DEVSEC_UNLOCKED;
}

/* ACCEPTING, to its end. */
static int tsm_devsec_accepting(struct tsm_devsec *d)
{
	enum tsm_devsec_state to;
	int rc;

	ACQUIRE(mutex_kill, lock)(&d->lock);
	rc = ACQUIRE_ERR(mutex_kill, &lock) ?:
	     tsm_devsec_talk_killable(d, TSM_CONVERSATION_MS);
	if (rc) {
		tsm_devsec_set_state(d, TSM_DEVSEC_LOCKED);
		return rc;
	}
	to = tsm_devsec_do_accept(d, &rc);
	tsm_devsec_hush(d);
	tsm_devsec_set_state(d, to);
	return rc;
}

/**
 * tsm_devsec_accept() - trust a locked function
 * @pdev: function
 *
 * Nothing moves yet: private DMA opens when a driver attaches.
 *
 * Context: May sleep, for one conversation and one that is under way;
 * interruptible until it begins, then killable. Holds none of the core's locks,
 * nor the device_lock.
 *
 * Return:
 * * %0		- RUN, now or before
 * * %-EINVAL	- not locked
 * * %-EBUSY	- a driver is bound, or something else is under way
 * * %-ESTALE	- the evidence that was validated last, of this function or of
 *		  what was in its place before, is not the present one, or the TSM
 *		  says that this is no longer the lock that it is of; LOCKED as
 *		  before
 * * %-EIO	- what was locked is lost, or could not be unlocked
 * * %-EPERM	- the device's MMIO is not where the report and this VM have it
 * * %-EOPNOTSUPP - that is not made of whole pages of this kernel
 * * %-ENODEV, %-ENXIO, %-EINTR, %-ETIMEDOUT - as for tsm_devsec_lock(); LOCKED
 *		  as before if the TSM was not yet asked
 * * others	- of the TSM
 *
 * After -EPERM, -EOPNOTSUPP and errors of the TSM it is UNLOCKED, or STUCK if that
 * failed, too.
 */
int tsm_devsec_accept(struct pci_dev *pdev)
{
	struct tsm_devsec *d = tsm_devsec_get(pdev);
	int rc;

	if (!d)
		return -EINVAL;

	rc = tsm_devsec_begin(d, TSM_DEVSEC_ACCEPTING, -1) ?:
	     tsm_devsec_accepting(d);
	tsm_devsec_put(d);
	return rc < 0 ? rc : 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_accept);

/* The evidence that is there is as good as verified. */
static void tsm_devsec_take_on_trust(struct tsm_devsec *d)
{
	guard(mutex)(&tsm_lock);
	if (d->evidence)
		d->validated = d->evidence->generation;
}

/**
 * tsm_devsec_accept_unseen() - trust a function that nobody has verified
 * @pdev: function with TEE-IO
 *
 * Locks and accepts it with whichever TSM has it, because a driver attaches. For
 * pci_tsm.accept_unverified.
 *
 * Context: May sleep, for two conversations. Holds the device_lock.
 *
 * Return: 0: RUN; -ENXIO: no TSM has it, or it is one to assign to VMs; -EBUSY: its
 * TSM leaves; otherwise as for tsm_devsec_lock() and tsm_devsec_accept().
 */
int tsm_devsec_accept_unseen(struct pci_dev *pdev)
{
	int tsm_id = -1, rc = -ENXIO;
	struct tsm_devsec *d;

	device_lock_assert(&pdev->dev);

	if (pdev->tsm)
		return -ENXIO;

	d = tsm_devsec_make(pdev);
	if (IS_ERR(d))
		return PTR_ERR(d);

	while (rc == -ENXIO && (tsm_id = tsm_agent_next(tsm_id)) >= 0)
		rc = tsm_devsec_claim(d, TSM_DEVSEC_LOCKING, tsm_id, false) ?:
		     tsm_devsec_locking(d);
	if (!rc) {
		tsm_devsec_take_on_trust(d);
		rc = tsm_devsec_claim(d, TSM_DEVSEC_ACCEPTING, -1, false) ?:
		     tsm_devsec_accepting(d);
		/* its TSM leaves, or does not find it any more: it has one, though */
		if (rc == -ENXIO)
			rc = -EBUSY;
		/* nobody knows of it who would unlock it */
		if (rc && !tsm_devsec_claim(d, TSM_DEVSEC_UNLOCKING, tsm_id,
					    false)) {
			guard(tsm_devsec)(d);
			tsm_devsec_do_unlock(d, TSM_TEARDOWN_MS);
		}
	}

	tsm_devsec_put(d);
	return rc;
}

/* Take everything back: ends what is UNLOCKING. Holds tsm_devsec::lock. */
int tsm_devsec_do_unlock(struct tsm_devsec *d, unsigned int ms)
{
	int rc = 0;

	if (d->ctx) {
		tsm_devsec_talk(d, ms);
		rc = tsm_devsec_withdraw(d, ms);
		tsm_devsec_hush(d);
	}
	tsm_devsec_set_state(d, rc ? TSM_DEVSEC_STUCK : TSM_DEVSEC_UNLOCKED);
	return rc;
}

/**
 * tsm_devsec_unlock() - make a function an ordinary one again
 * @pdev: function
 * @tsm_id: number of the TSM that it was locked with
 *
 * Context: May sleep, for one teardown, and for a conversation that is under way;
 * interruptible until it begins. Holds none of the core's locks, nor the
 * device_lock.
 *
 * Return:
 * * %0		- UNLOCKED, now or before
 * * %-EBUSY	- a driver is bound, or something else is under way
 * * %-EINVAL	- locked with another TSM
 * * %-EIO	- an unlock failed, and the TSM has left since
 * * %-ENXIO	- the TSM is being unregistered, which unlocks it
 * * %-ENODEV	- it is being removed
 * * %-EINTR	- nothing was done
 * * others	- of the TSM; it is STUCK
 */
int tsm_devsec_unlock(struct pci_dev *pdev, int tsm_id)
{
	struct tsm_devsec *d = tsm_devsec_get(pdev);
	int rc;

	if (!d)
		return 0;

	rc = tsm_devsec_begin(d, TSM_DEVSEC_UNLOCKING, tsm_id);
	if (!rc) {
		guard(tsm_devsec)(d);
		rc = tsm_devsec_do_unlock(d, TSM_TEARDOWN_MS);
	}

	tsm_devsec_put(d);
	return rc < 0 ? rc : 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_unlock);
