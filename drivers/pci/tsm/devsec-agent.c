// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest half of the PCI/TSM core: devsec TSMs that come and go, conversations
 * with them, and functions that are removed or shut down in whatever state they
 * are.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <kunit/visibility.h>

#include "devsec.h"

static LIST_HEAD(tsm_agents);

/* The devsec TSM that is named "tsm<@tsm_id>", or NULL */
struct tsm_agent *tsm_agent_find(int tsm_id)
{
	struct tsm_agent *agent;

	lockdep_assert_held(&tsm_lock);

	list_for_each_entry(agent, &tsm_agents, node) {
		if (agent->tsm_dev->id == tsm_id)
			return agent;
	}

	return NULL;
}

/* Number of the devsec TSM that follows "tsm<@tsm_id>", or -1 */
int tsm_agent_next(int tsm_id)
{
	struct tsm_agent *agent;
	int next = -1;

	guard(mutex)(&tsm_lock);
	list_for_each_entry(agent, &tsm_agents, node) {
		int id = agent->tsm_dev->id;

		if (id > tsm_id && (next < 0 || id < next))
			next = id;
	}

	return next;
}

/* --- conversations ------------------------------------------------------- */

/*
 * A function that is removed, or a system that ends, has one time for all that is
 * said; and what had to wait for its turn for as long, enough for a word.
 */
static unsigned long tsm_devsec_until(struct tsm_devsec *d,
				      unsigned long deadline)
{
	unsigned long end = tsm_deadline(TSM_UNWIND_MS);

	lockdep_assert_held(&tsm_lock);

	if (!d->gone)
		return deadline;
	if (time_before(end, d->end_by))
		end = d->end_by;
	return time_before(end, deadline) ? end : deadline;
}

/**
 * tsm_devsec_hurry() - a conversation is a teardown from here on
 * @d: function
 * @ms: milliseconds that it may take; one that is a teardown gets no more time
 *
 * It goes on whatever happens. A function that is removed has what is left of the
 * time for that.
 *
 * Context: Between tsm_devsec_talk() and tsm_devsec_hush().
 */
void tsm_devsec_hurry(struct tsm_devsec *d, unsigned int ms)
{
	unsigned long deadline = tsm_deadline(ms);

	guard(mutex)(&tsm_lock);
	deadline = tsm_devsec_until(d, deadline);
	if (!d->teardown || time_before(deadline, d->deadline))
		d->deadline = deadline;
	d->teardown = true;
}

/* Milliseconds until a deadline, 0 if it is over */
unsigned int tsm_devsec_left(unsigned long deadline)
{
	unsigned long now = jiffies;

	return time_after(deadline, now) ? jiffies_to_msecs(deadline - now) : 0;
}

static void tsm_devsec_begin_talk(struct tsm_devsec *d, unsigned int ms)
{
	guard(mutex)(&tsm_lock);
	d->teardown = false;
	d->yields = false;
	d->deadline = tsm_devsec_until(d, tsm_deadline(ms));
}

/**
 * tsm_devsec_talk() - begin a conversation about a function
 * @d: function that has a TSM
 * @ms: milliseconds that the conversation may take
 *
 * Context: Holds tsm_devsec::lock, until tsm_devsec_hush() at least.
 */
void tsm_devsec_talk(struct tsm_devsec *d, unsigned int ms)
{
	lockdep_assert_held(&d->lock);

	tsm_agent_enter(d->agent);
	tsm_devsec_begin_talk(d, ms);
}

/**
 * tsm_devsec_talk_killable() - likewise, for who need not wait for his turn
 * @d: function that has a TSM
 * @ms: milliseconds that the conversation may take
 *
 * Context: Likewise.
 *
 * Return: 0; -EINTR: no conversation has begun, as the task was killed while the TSM
 * had one about another function.
 */
int tsm_devsec_talk_killable(struct tsm_devsec *d, unsigned int ms)
{
	int rc;

	lockdep_assert_held(&d->lock);

	rc = tsm_agent_enter_killable(d->agent);
	if (!rc)
		tsm_devsec_begin_talk(d, ms);
	return rc;
}

/* This conversation ends for whoever calls tsm_devsec_take(). */
void tsm_devsec_yield(struct tsm_devsec *d)
{
	guard(mutex)(&tsm_lock);
	d->yields = true;
}

/**
 * tsm_devsec_take() - lock what conversations are about, and end one that yields
 * @d: function
 *
 * For those who hold the device_lock, or take trust away: a refresh and a poll are
 * not what they should wait for.
 *
 * Context: May sleep. tsm_devsec::lock is held afterwards.
 */
void tsm_devsec_take(struct tsm_devsec *d)
{
	atomic_inc(&d->wanted);
	mutex_lock(&d->lock);
	atomic_dec(&d->wanted);
}

/**
 * tsm_devsec_hush() - a conversation is over
 * @d: function
 *
 * Context: Before the state that ends it, which drops the TSM.
 */
void tsm_devsec_hush(struct tsm_devsec *d)
{
	tsm_agent_leave(d->agent);
}

/**
 * pci_devsec_may_go_on() - may a conversation about a function go on?
 * @pdev: function of a running operation of &struct pci_devsec_ops
 *
 * Context: May sleep. From an operation, in the thread that called it.
 *
 * Return:
 * * %0			- yes
 * * %-ENODEV		- no: the function is being removed
 * * %-ENXIO		- no: the TSM is being unregistered
 * * %-EINTR		- no: whoever asked for this was killed
 * * %-ECANCELED		- no: somebody else has to talk about the function
 * * %-ETIMEDOUT	- no: its time is over
 */
int pci_devsec_may_go_on(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	guard(mutex)(&tsm_lock);
	d = tsm_devsec_find(pdev);
	if (!d)
		return -ENODEV;

	if (!d->teardown) {
		if (d->gone)
			return -ENODEV;
		if (!d->agent || d->agent->leaving)
			return -ENXIO;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (d->yields && atomic_read(&d->wanted))
			return -ECANCELED;
	}

	return time_after(jiffies, d->deadline) ? -ETIMEDOUT : 0;
}
EXPORT_SYMBOL_GPL(pci_devsec_may_go_on);

/* --- what others do ------------------------------------------------------- */

/* Wait for the end of a verb; the caller has seen to it that none begins. */
static void tsm_devsec_wait(struct tsm_devsec *d)
{
	lockdep_assert_held(&tsm_lock);
	wait_event_cmd(tsm_wait, !tsm_devsec_busy(d), mutex_unlock(&tsm_lock),
		       mutex_lock(&tsm_lock));
}

/*
 * Unlock what is locked with a TSM, or with any; no verb begins meanwhile. A
 * driver that is attached to the function keeps it from being UNLOCKED: that is
 * for its user to say, later.
 */
static void tsm_devsec_end(struct tsm_devsec *d, struct tsm_agent *agent,
			   unsigned int ms)
{
	unsigned long deadline = tsm_deadline(ms);
	bool locked;

	guard(tsm_devsec)(d);

	/* unlocked meanwhile, and perhaps locked with another one */
	if (agent && d->agent != agent)
		return;

	if (d->attached) {
		enum tsm_devsec_state to;

		tsm_devsec_lose(d, ms);
		if (!d->ctx || (d->state != TSM_DEVSEC_LOST &&
				d->state != TSM_DEVSEC_STUCK))
			return;
		tsm_devsec_talk(d, tsm_devsec_left(deadline));
		to = tsm_devsec_withdraw(d, tsm_devsec_left(deadline)) ?
		     TSM_DEVSEC_STUCK : TSM_DEVSEC_LOST;
		tsm_devsec_hush(d);
		if (d->state != to)
			tsm_devsec_set_state(d, to);
		return;
	}

	scoped_guard(mutex, &tsm_lock) {
		locked = d->state != TSM_DEVSEC_UNLOCKED &&
			 (d->ctx || d->state != TSM_DEVSEC_STUCK);
		if (locked)
			tsm_devsec_set_state_locked(d, TSM_DEVSEC_UNLOCKING);
	}
	if (locked)
		tsm_devsec_do_unlock(d, ms);
}

/* The next function of a TSM that leaves, with a reference, or NULL */
static struct tsm_devsec *tsm_devsec_next_of(struct tsm_agent *agent)
{
	struct tsm_devsec *d;

	guard(mutex)(&tsm_lock);
	list_for_each_entry(d, &tsm_devsecs, node) {
		if (d->agent != agent)
			continue;
		kref_get(&d->ref);
		tsm_devsec_wait(d);
		return d;
	}

	return NULL;
}

/* A TSM leaves: what cannot be unlocked has no context any more. */
static void tsm_devsec_abandon(struct tsm_devsec *d, struct tsm_agent *agent)
{
	tsm_devsec_end(d, agent, TSM_TEARDOWN_MS);

	guard(mutex)(&d->lock);
	guard(mutex)(&tsm_lock);
	if (d->agent == agent) {
		/* nobody will ask its driver about it again */
		if (d->ctx)
			module_put(tsm_devsec_ops(d)->owner);
		d->ctx = NULL;
		d->agent = NULL;
	}
}

/**
 * tsm_devsec_note_arrival() - a function arrives, perhaps where another one was
 * @pdev: the function
 *
 * Context: pci_rescan_remove_lock, for VFs the device_lock of the PF. May sleep.
 */
void tsm_devsec_note_arrival(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	if (!tsm_devsec_left_here(pdev))
		return;
	/* without memory, pci_devsec_attach() tries again */
	d = tsm_devsec_make(pdev);
	if (IS_ERR(d))
		return;
	tsm_devsec_put(d);
	/* what it is decides whether there is something to be unlocked */
	tsm_sysfs_update(pdev);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_note_arrival);

/**
 * tsm_devsec_gone() - a function is removed, or the system ends
 * @pdev: function, no driver of which is left in the former case, unless one came
 *	  at the last moment
 *
 * Context: pci_rescan_remove_lock or device_lock. Waits for a conversation that
 * is told to end, and for one teardown.
 */
void tsm_devsec_gone(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	scoped_guard(mutex, &tsm_lock) {
		d = tsm_devsec_find(pdev);
		if (!d)
			return;
		kref_get(&d->ref);
		/* a removal after a shutdown has a time of its own */
		if (!d->gone || time_after(jiffies, d->end_by))
			d->end_by = tsm_deadline(TSM_REMOVAL_MS);
		d->gone = true;
		/* what is under way has no more time than the removal */
		if (time_before(d->end_by, d->deadline))
			d->deadline = d->end_by;
	}

	/* none comes any more, but one may have since the last was told to leave */
	if (tsm_pdev_removed(pdev))
		device_release_driver(&pdev->dev);

	scoped_guard(mutex, &tsm_lock)
		tsm_devsec_wait(d);
	tsm_devsec_end(d, NULL, TSM_REMOVAL_MS);

	/* shutdown: who is late to ask still learns what it is */
	if (tsm_pdev_removed(pdev)) {
		tsm_devsec_trust_gone(d);
		/* a TSM that leaves may be at it */
		guard(mutex)(&d->lock);
		guard(mutex)(&tsm_lock);
		tsm_devsec_leave(d);
	}
	tsm_devsec_put(d);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_gone);

/* Has this VM functions of which it would not know what became of them? */
bool tsm_devsec_any_locked(void)
{
	struct tsm_devsec *d;

	lockdep_assert_held(&tsm_lock);

	list_for_each_entry(d, &tsm_devsecs, node) {
		if (d->state != TSM_DEVSEC_UNLOCKED)
			return true;
	}

	return false;
}

/* --- TSMs ------------------------------------------------------------------ */

/* Are the operations of a devsec TSM complete? */
bool tsm_agent_valid(const struct pci_devsec_ops *ops)
{
	/* a link TSM has none */
	if (!ops)
		return true;

	const u32 report = BIT(TSM_OBJECT_INTERFACE_REPORT);
	const u32 all = GENMASK(PCI_DEVSEC_NR_OBJECTS - 1, 0);

	return ops->lock && ops->read_object && ops->accept && ops->mmio &&
	       ops->dma && ops->state && ops->unlock &&
	       (ops->regen_object || !ops->regen_types) &&
	       ops->object_types & report && !(ops->object_types & ~all) &&
	       !(ops->regen_types & ~ops->object_types) &&
	       ops->mmio_base != PCI_TDI_MMIO_PHYSICAL;
}

bool tsm_agent_present(void)
{
	guard(mutex)(&tsm_lock);
	return !list_empty(&tsm_agents);
}

/* Functions may be locked with @tsm_dev from now on. */
int tsm_agent_register(struct tsm_dev *tsm_dev)
{
	struct tsm_agent *agent = kzalloc_obj(*agent);

	if (!agent)
		return -ENOMEM;

	agent->tsm_dev = tsm_dev;
	mutex_init(&agent->serial);

	guard(mutex)(&tsm_lock);
	list_add_tail(&agent->node, &tsm_agents);
	return 0;
}

/* Returns when no operation of @tsm_dev is running or will be called. */
void tsm_agent_unregister(struct tsm_dev *tsm_dev)
{
	struct tsm_devsec *d;
	struct tsm_agent *agent;

	scoped_guard(mutex, &tsm_lock) {
		agent = tsm_agent_find(tsm_dev->id);
		if (!agent)
			return;
		agent->leaving = true;
		tsm_devsec_forget_left(agent);
	}

	while ((d = tsm_devsec_next_of(agent))) {
		tsm_devsec_abandon(d, agent);
		tsm_devsec_put(d);
	}

	scoped_guard(mutex, &tsm_lock)
		list_del(&agent->node);

	mutex_destroy(&agent->serial);
	kfree(agent);
}
