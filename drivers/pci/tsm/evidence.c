// SPDX-License-Identifier: GPL-2.0-only
/*
 * Evidence about locked functions: what their TSM vouches for, read whole at
 * lock, made anew on demand, and what userspace has verified of it.
 *
 * A set of evidence never changes. Who reads one keeps it, whatever becomes of
 * the function, and finds out by its generation whether it is the present one.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kunit/visibility.h>

#include "devsec.h"

/* What an object is thought to have at first, in bytes */
#define TSM_OBJECT_GUESS	SZ_4K

static void tsm_evidence_release(struct kref *ref)
{
	struct tsm_evidence *e = container_of(ref, struct tsm_evidence, ref);

	for (int i = 0; i < PCI_DEVSEC_NR_OBJECTS; i++)
		kvfree(e->object[i].bytes);
	kfree(e);
}

void tsm_evidence_put(struct tsm_evidence *e)
{
	kref_put(&e->ref, tsm_evidence_release);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_evidence_put);

static void tsm_evidence_drop(struct tsm_evidence *e)
{
	if (!IS_ERR_OR_NULL(e))
		tsm_evidence_put(e);
}

DEFINE_FREE(tsm_evidence, struct tsm_evidence *, tsm_evidence_drop(_T))

/* The present evidence about a function, with a reference, or NULL */
struct tsm_evidence *tsm_evidence_get(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	guard(mutex)(&tsm_lock);
	d = tsm_devsec_find(pdev);
	if (!d || !d->evidence)
		return NULL;
	kref_get(&d->evidence->ref);
	return d->evidence;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_evidence_get);

static u64 tsm_evidence_generation(void)
{
	static atomic64_t last = ATOMIC64_INIT(0);

	return atomic64_inc_return(&last);
}

static struct tsm_evidence *tsm_evidence_new(void)
{
	struct tsm_evidence *e = kzalloc_obj(*e);

	if (!e)
		return ERR_PTR(-ENOMEM);
	kref_init(&e->ref);
	e->generation = tsm_evidence_generation();
	return e;
}

static int tsm_object_grow(struct tsm_object *o, size_t *size)
{
	size_t bigger = *size ? *size * 2 : TSM_OBJECT_GUESS;
	void *bytes;

	/* one byte beyond the limit, to see that an object ends there */
	bigger = min_t(size_t, bigger, PCI_DEVSEC_OBJECT_MAX + 1);
	bytes = kvrealloc(o->bytes, bigger, GFP_KERNEL);
	if (!bytes)
		return -ENOMEM;
	o->bytes = bytes;
	*size = bigger;
	return 0;
}

/* Read an object to its end. */
static int tsm_object_read(struct tsm_devsec *d, enum tsm_object_type type,
			   struct tsm_object *o)
{
	const struct pci_devsec_ops *ops = tsm_devsec_ops(d);
	size_t size = 0;

	for (;;) {
		ssize_t n;
		int rc = o->len == size ? tsm_object_grow(o, &size) : 0;

		rc = rc ?: pci_devsec_may_go_on(d->pdev);
		if (rc)
			return rc;

		n = ops->read_object(d->ctx, type, o->len, o->bytes + o->len,
				     size - o->len);
		if (n < 0)
			return n;
		if (!n)
			break;
		/* the driver's fault, but the memory would be this kernel's */
		if (n > size - o->len)
			return -EIO;
		o->len += n;
		if (o->len > PCI_DEVSEC_OBJECT_MAX)
			return -EFBIG;
	}

	if (o->len)
		sha384(o->bytes, o->len, o->digest);
	return 0;
}

/**
 * tsm_evidence_read() - read evidence about a function
 * @d: function of which there is a context
 * @types: bit n: the object of &enum tsm_object_type n
 *
 * Context: May sleep. Between tsm_devsec_talk() and tsm_devsec_hush().
 *
 * Return: evidence with a generation of its own, or
 *
 * * %-EFBIG	- an object is larger than %PCI_DEVSEC_OBJECT_MAX
 * * %-EIO	- the driver returned more bytes than it was given room for
 * * %-ENOMEM, an error of pci_devsec_may_go_on(), or of the TSM
 */
struct tsm_evidence *tsm_evidence_read(struct tsm_devsec *d, u32 types)
{
	struct tsm_evidence *e __free(tsm_evidence) = tsm_evidence_new();

	if (IS_ERR(e))
		return e;

	for (int type = 0; type < PCI_DEVSEC_NR_OBJECTS; type++) {
		int rc;

		if (!(types & BIT(type)))
			continue;
		rc = tsm_object_read(d, type, &e->object[type]);
		if (rc) {
			pci_err(d->pdev, "evidence of type %d not read: %d\n",
				type, rc);
			return ERR_PTR(rc);
		}
	}

	return no_free_ptr(e);
}

static bool tsm_object_equal(const struct tsm_object *a,
			     const struct tsm_object *b)
{
	return a->len == b->len &&
	       !memcmp(a->digest, b->digest, sizeof(a->digest));
}

/* Take over what is not made anew. */
static int tsm_evidence_copy(struct tsm_evidence *to,
			     const struct tsm_evidence *from, u32 types)
{
	for (int type = 0; type < PCI_DEVSEC_NR_OBJECTS; type++) {
		struct tsm_object *o = &to->object[type];

		if (types & BIT(type) || !from->object[type].len)
			continue;
		o->bytes = kvmemdup(from->object[type].bytes,
				    from->object[type].len, GFP_KERNEL);
		if (!o->bytes)
			return -ENOMEM;
		o->len = from->object[type].len;
		memcpy(o->digest, from->object[type].digest, sizeof(o->digest));
	}

	return 0;
}

static int tsm_evidence_make(struct tsm_devsec *d, u32 types,
			     const u8 nonce[TSM_NONCE_SIZE], bool *other_report)
{
	const struct pci_devsec_ops *ops = tsm_devsec_ops(d);
	const int report = TSM_OBJECT_INTERFACE_REPORT;
	struct tsm_evidence *old = d->evidence;
	int rc;

	for (int type = 0; type < PCI_DEVSEC_NR_OBJECTS; type++) {
		if (!(types & BIT(type)))
			continue;
		rc = pci_devsec_may_go_on(d->pdev) ?:
		     ops->regen_object(d->ctx, type, nonce);
		if (rc)
			return rc;
	}

	struct tsm_evidence *e __free(tsm_evidence) =
		tsm_evidence_read(d, types);
	if (IS_ERR(e))
		return PTR_ERR(e);

	rc = tsm_evidence_copy(e, old, types);
	if (rc)
		return rc;

	/* a report is that of the lock: MMIO is where it says */
	*other_report = !tsm_object_equal(&e->object[report],
					  &old->object[report]);
	if (*other_report)
		return -EBADMSG;

	scoped_guard(mutex, &tsm_lock)
		d->evidence = no_free_ptr(e);
	tsm_evidence_put(old);
	return 0;
}

/* Is it in a state in which evidence can be made anew? */
static int tsm_evidence_can_refresh(const struct tsm_devsec *d)
{
	if (READ_ONCE(d->gone))
		return -ENODEV;

	switch (READ_ONCE(d->state)) {
	case TSM_DEVSEC_LOCKED:
	case TSM_DEVSEC_RUN:
		return 0;
	case TSM_DEVSEC_UNLOCKED:
		return -EINVAL;
	case TSM_DEVSEC_LOST:
	case TSM_DEVSEC_STUCK:
		return -EIO;
	default:
		return -EBUSY;
	}
}

/**
 * tsm_evidence_remake() - make evidence about a function anew
 * @d: function
 * @types: bit n: the object of &enum tsm_object_type n
 * @nonce: goes into what the device signs
 * @generation: of the evidence that is there then, all of it
 *
 * A function whose interface report is another one than that of the lock is lost.
 *
 * Context: May sleep, for one conversation, and a teardown.
 *
 * Return: 0, or an error that tsm_evidence_refresh() speaks of. After an error the
 * evidence is what it was, of the same generation, unless the function is lost.
 */
int tsm_evidence_remake(struct tsm_devsec *d, u32 types,
			const u8 nonce[TSM_NONCE_SIZE], u64 *generation)
{
	bool other_report = false;
	int rc;

	guard(mutex)(&d->lock);

	/* perhaps another verb was faster */
	rc = tsm_evidence_can_refresh(d);
	if (rc)
		return rc;

	tsm_devsec_talk(d, TSM_CONVERSATION_MS);
	tsm_devsec_yield(d);
	rc = tsm_evidence_make(d, types, nonce, &other_report);
	tsm_devsec_hush(d);
	if (!rc)
		*generation = d->evidence->generation;
	if (other_report) {
		/* who has begun to accept it will see */
		d->other_report = true;
		tsm_devsec_lose(d, TSM_TEARDOWN_MS);
	}
	return rc;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_evidence_remake);

void tsm_evidence_refresh_work(struct work_struct *work)
{
	struct tsm_devsec *d = container_of(work, struct tsm_devsec,
					    refresh.work);
	struct tsm_refresh this = d->refresh;
	u64 generation = 0;
	int rc;

	rc = tsm_evidence_remake(d, this.types, this.nonce, &generation);

	/* who hears of the end may begin the next one */
	scoped_guard(mutex, &tsm_lock)
		d->refresh.pending = false;
	tsm_evidence_nl_refreshed(d->pdev, &this, generation, rc);
}

/**
 * tsm_evidence_refresh() - have evidence about a locked function made anew
 * @pdev: function
 * @types: bit n: the object of &enum tsm_object_type n; not 0
 * @nonce: goes into what the device signs
 *
 * Begins that, and does not wait for its end, which is told by
 * tsm_evidence_nl_refreshed(). What it can end with is %-EBADMSG, if the nonce is not
 * in the answer or the interface report is another one than that of the lock; an
 * error of tsm_evidence_read() or of the TSM; %-ECANCELED if a driver came or went,
 * or the function was lost or unlocked; or one of those below.
 *
 * Context: May sleep, but not for a conversation.
 *
 * Return:
 * * %0			- it has begun
 * * %-EINVAL		- no types, or the function is not locked
 * * %-EBUSY		- evidence is being made anew, or something else is under
 *			  way
 * * %-EIO		- it is lost, or could not be unlocked
 * * %-ENODEV		- it is being removed
 * * %-EOPNOTSUPP	- the TSM cannot make one of these anew
 */
int tsm_evidence_refresh(struct pci_dev *pdev, u32 types,
			 const u8 nonce[TSM_NONCE_SIZE])
{
	struct tsm_devsec *d;
	int rc;

	guard(mutex)(&tsm_lock);
	d = tsm_devsec_find(pdev);
	if (!d)
		return -EINVAL;

	rc = tsm_evidence_can_refresh(d);
	if (rc)
		return rc;
	if (!types)
		return -EINVAL;
	if (types & ~tsm_devsec_ops(d)->regen_types)
		return -EOPNOTSUPP;
	if (d->refresh.pending)
		return -EBUSY;

	d->refresh.pending = true;
	d->refresh.types = types;
	memcpy(d->refresh.nonce, nonce, sizeof(d->refresh.nonce));
	queue_work(system_dfl_long_wq, &d->refresh.work);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_evidence_refresh);

/**
 * tsm_evidence_validate() - userspace has verified evidence about a function
 * @pdev: function
 * @generation: of that evidence
 *
 * From here on only evidence of this generation lets the function be accepted,
 * also if it is unlocked and locked in between.
 *
 * Context: May sleep, but not for a conversation.
 *
 * Return: 0; -EINVAL if the function is not locked; -ESTALE if that is not the
 * present evidence: what was validated before counts as before.
 */
int tsm_evidence_validate(struct pci_dev *pdev, u64 generation)
{
	struct tsm_devsec *d;

	guard(mutex)(&tsm_lock);
	d = tsm_devsec_find(pdev);
	if (!d || !d->evidence)
		return -EINVAL;
	if (d->evidence->generation != generation)
		return -ESTALE;
	d->validated = generation;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_evidence_validate);
