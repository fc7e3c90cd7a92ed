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
 * What was at addresses of functions that are no longer there, and is not to be
 * forgotten: who unplugs is the host (tsm_lock)
 */
static LIST_HEAD(tsm_devsecs_left);

static void tsm_devsec_release(struct kref *ref)
{
	struct tsm_devsec *d = container_of(ref, struct tsm_devsec, ref);

	pci_dev_put(d->pdev);
	kfree(d->left);
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

static struct tsm_left *tsm_devsec_find_left(struct pci_dev *pdev)
{
	struct tsm_left *left;

	lockdep_assert_held(&tsm_lock);

	list_for_each_entry(left, &tsm_devsecs_left, node) {
		if (left->domain == pci_domain_nr(pdev->bus) &&
		    left->bus_devfn == pci_dev_id(pdev))
			return left;
	}

	return NULL;
}

/* Has another function left something at this address that is now this one's? */
bool tsm_devsec_left_here(struct pci_dev *pdev)
{
	guard(mutex)(&tsm_lock);
	return tsm_devsec_find_left(pdev);
}

/*
 * What firmware knows of an address it knows of whatever is there next, and what was
 * verified there was something else.
 */
static void tsm_devsec_inherit(struct tsm_devsec *d)
{
	struct tsm_left *left = tsm_devsec_find_left(d->pdev);

	if (!left)
		return;

	d->tsm_id = left->tsm_id;
	d->validated = left->validated;
	if (left->ctx) {
		pci_warn(d->pdev, "not unlocked, as what was here before\n");
		d->state = TSM_DEVSEC_STUCK;
		d->agent = tsm_agent_find(left->tsm_id);
		d->ctx = left->ctx;
		d->ctx->pdev = d->pdev;
		d->dma_open = left->dma_open;
	}
	list_del(&left->node);
	kfree(left);
}

/**
 * tsm_devsec_leave() - a function is no longer there
 * @d: its record, for which nobody waits
 *
 * Nothing of the function is kept but its address, so that another one can have that.
 *
 * Context: Holds tsm_devsec::lock and tsm_lock. Takes the reference of the list.
 */
void tsm_devsec_leave(struct tsm_devsec *d)
{
	struct tsm_agent *agent = tsm_agent_find(d->tsm_id);
	struct tsm_left *left = d->left;

	lockdep_assert_held(&d->lock);

	/* a TSM that leaves takes along what it knew */
	if (agent && !agent->leaving && (d->ctx || d->validated)) {
		*left = (struct tsm_left) {
			.domain = pci_domain_nr(d->pdev->bus),
			.bus_devfn = pci_dev_id(d->pdev),
			.tsm_id = d->tsm_id,
			.validated = d->validated,
			.ctx = d->ctx,
			.dma_open = d->dma_open,
		};
		if (left->ctx)
			left->ctx->pdev = NULL;
		list_add_tail(&left->node, &tsm_devsecs_left);
		d->left = NULL;
	} else if (d->ctx) {
		module_put(tsm_devsec_ops(d)->owner);
	}

	d->ctx = NULL;
	d->agent = NULL;
	list_del(&d->node);
	tsm_devsec_put(d);
}

/* A TSM leaves. Nothing is kept for it from now on. */
void tsm_devsec_forget_left(struct tsm_agent *agent)
{
	struct tsm_left *left, *next;

	lockdep_assert_held(&tsm_lock);

	list_for_each_entry_safe(left, next, &tsm_devsecs_left, node) {
		if (left->tsm_id != agent->tsm_dev->id)
			continue;
		if (left->ctx)
			module_put(agent->tsm_dev->pci_ops->devsec_ops->owner);
		list_del(&left->node);
		kfree(left);
	}
}

/* The record of a function, or a new one, with a reference. */
struct tsm_devsec *tsm_devsec_make(struct pci_dev *pdev)
{
	struct tsm_devsec *d = tsm_devsec_get(pdev);

	if (d)
		return d;

	struct tsm_left *left __free(kfree) = kzalloc_obj(*left);
	struct tsm_devsec *new __free(kfree) = kzalloc_obj(*new);
	if (!left || !new)
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
		d->left = no_free_ptr(left);
		d->pdev = pci_dev_get(pdev);
		d->tsm_id = -1;
		tsm_devsec_inherit(d);
		list_add_tail(&d->node, &tsm_devsecs);
		tsm_devsec_publish(pdev, d);
	}
	kref_get(&d->ref);
	return d;
}
