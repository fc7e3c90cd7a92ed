// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest half of the PCI/TSM core: what is known of functions that were locked
 * once, as long as they are there; and of what was at their addresses, afterwards.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <kunit/visibility.h>

#include "devsec.h"

/* Functions that were locked once (tsm_lock) */
LIST_HEAD(tsm_devsecs);

/*
 * Those of them that are no longer there, but what was verified or could not be
 * unlocked at their addresses is not to be forgotten: who unplugs is the host
 * (tsm_lock)
 */
static LIST_HEAD(tsm_devsecs_left);

static void tsm_devsec_release(struct kref *ref)
{
	struct tsm_devsec *d = container_of(ref, struct tsm_devsec, ref);

	pci_dev_put(d->pdev);
	mutex_destroy(&d->lock);
	kfree_rcu(d, rcu);
}

void tsm_devsec_put(struct tsm_devsec *d)
{
	kref_put(&d->ref, tsm_devsec_release);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_put);

struct tsm_devsec *tsm_devsec_find(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	lockdep_assert_held(&tsm_lock);

	list_for_each_entry(d, &tsm_devsecs, node) {
		if (d->pdev == pdev)
			return d;
	}

	return NULL;
}

/* The record of a function, with a reference, or NULL if it never was locked */
struct tsm_devsec *tsm_devsec_get(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	guard(mutex)(&tsm_lock);
	d = tsm_devsec_find(pdev);
	if (d)
		kref_get(&d->ref);
	return d;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_devsec_get);

static struct tsm_devsec *tsm_devsec_find_left(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	lockdep_assert_held(&tsm_lock);

	list_for_each_entry(d, &tsm_devsecs_left, node) {
		if (d->domain == pci_domain_nr(pdev->bus) &&
		    d->bus_devfn == pci_dev_id(pdev))
			return d;
	}

	return NULL;
}

/* Has another function left something at this address that is now this one's? */
bool tsm_devsec_left_here(struct pci_dev *pdev)
{
	guard(mutex)(&tsm_lock);
	return tsm_devsec_find_left(pdev);
}

static void tsm_devsec_drop_left(struct tsm_devsec *left)
{
	lockdep_assert_held(&tsm_lock);

	if (left->ctx)
		module_put(tsm_devsec_ops(left)->owner);
	list_del(&left->node);
	tsm_devsec_put(left);
}

/*
 * What firmware knows of an address it knows of whatever is there next, and what was
 * verified there was something else.
 */
static void tsm_devsec_inherit(struct tsm_devsec *d)
{
	struct tsm_devsec *left = tsm_devsec_find_left(d->pdev);

	if (!left)
		return;

	d->tsm_id = left->tsm_id;
	d->validated = left->validated;
	if (left->ctx) {
		pci_warn(d->pdev, "not unlocked, as what was here before\n");
		d->state = TSM_DEVSEC_STUCK;
		d->agent = left->agent;
		d->ctx = left->ctx;
		d->ctx->pdev = d->pdev;
		d->dma_open = left->dma_open;
		left->ctx = NULL;
	}
	tsm_devsec_drop_left(left);
}

/**
 * tsm_devsec_leave() - a function is no longer there
 * @d: its record, for which nobody waits
 *
 * Context: Holds tsm_lock. Takes the reference of the list.
 */
void tsm_devsec_leave(struct tsm_devsec *d)
{
	struct tsm_agent *agent = tsm_agent_find(d->tsm_id);

	list_move_tail(&d->node, &tsm_devsecs_left);
	/* a TSM that leaves takes along what it knew */
	if (!agent || agent->leaving || (!d->ctx && !d->validated))
		tsm_devsec_drop_left(d);
}

/* A TSM has left, and is nobody's any more. */
void tsm_devsec_forget_left(int tsm_id)
{
	struct tsm_devsec *d, *next;

	lockdep_assert_held(&tsm_lock);

	list_for_each_entry_safe(d, next, &tsm_devsecs_left, node) {
		if (d->tsm_id == tsm_id)
			tsm_devsec_drop_left(d);
	}
}

/* The record of a function, or a new one, with a reference. */
struct tsm_devsec *tsm_devsec_make(struct pci_dev *pdev)
{
	struct tsm_devsec *d = tsm_devsec_get(pdev);

	if (d)
		return d;

	struct tsm_devsec *new __free(kfree) = kzalloc_obj(*new);
	if (!new)
		return ERR_PTR(-ENOMEM);

	kref_init(&new->ref);
	mutex_init(&new->lock);
	tsm_devsec_trust_init(new);

	guard(mutex)(&tsm_lock);
	/* pci_tsm_destroy() looks for the record after it was marked so */
	if (tsm_pdev_removed(pdev))
		return ERR_PTR(-ENODEV);

	d = tsm_devsec_find(pdev);
	if (!d) {
		d = no_free_ptr(new);
		d->pdev = pci_dev_get(pdev);
		d->domain = pci_domain_nr(pdev->bus);
		d->bus_devfn = pci_dev_id(pdev);
		d->tsm_id = -1;
		tsm_devsec_inherit(d);
		list_add_tail(&d->node, &tsm_devsecs);
		tsm_devsec_publish(pdev, d);
	}
	kref_get(&d->ref);
	return d;
}
