/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the guest half of the PCI/TSM core share: functions that
 * this confidential VM locks and accepts, the TSMs that it does so through, and
 * the evidence about them.
 */
#ifndef _DRIVERS_PCI_TSM_DEVSEC_H
#define _DRIVERS_PCI_TSM_DEVSEC_H

#include <crypto/sha2.h>
#include <linux/kref.h>
#include <linux/pci-devsec.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "tsm.h"

/*
 * Lock order, outermost first, beside what tsm.h says:
 *
 *   device_lock of the function: to begin a verb, a driver that attaches or
 *   leaves, its error handler, shutdown; never for a verb's conversation, but for
 *   one with pci_tsm.accept_unverified
 *     tsm_devsec::lock       all conversations about one function
 *       tsm_agent::serial    drivers without PCI_TSM_OPS_PARALLEL only
 *         the TSM driver's locks inside an operation, pci_tdi::lock among them
 *         when that driver is a loopback to the host half
 *           tsm_lock         state, generation, who is whose TSM
 *
 * The states that end in -ING are claims: whoever has made that transition ends
 * it, and nobody who finds one waits for it but those who cannot refuse:
 * removal, shutdown, and a TSM that unregisters.
 */

/* How often the TSM is asked whether a locked function still is */
#define TSM_DEVSEC_POLL_MS	2000

/**
 * struct tsm_agent - a registered devsec TSM, and whether it lives
 * @node: entry in the list of them (tsm_lock)
 * @tsm_dev: the class device
 * @leaving: being unregistered: nothing new starts (tsm_lock)
 * @serial: serialises the operations of a driver that did not opt in to
 *	    parallel ones
 */
struct tsm_agent {
	struct list_head node;
	struct tsm_dev *tsm_dev;
	bool leaving;
	struct mutex serial;
};

/**
 * enum tsm_devsec_state - what this VM has made of a function
 * @TSM_DEVSEC_UNLOCKED: an ordinary function
 * @TSM_DEVSEC_LOCKING: being locked, or evidence about it being read
 * @TSM_DEVSEC_LOCKED: configuration locked, to be attested
 * @TSM_DEVSEC_ACCEPTING: being started, or its MMIO being mapped private
 * @TSM_DEVSEC_RUN: accepted: a driver that attaches gets private DMA
 * @TSM_DEVSEC_UNLOCKING: everything being taken back
 * @TSM_DEVSEC_LOST: it was LOCKED or RUN and is no longer what was attested;
 *	nothing private is reachable; only UNLOCKING follows
 * @TSM_DEVSEC_STUCK: it could not be unlocked, and may reach what it could
 */
enum tsm_devsec_state {
	TSM_DEVSEC_UNLOCKED,
	TSM_DEVSEC_LOCKING,
	TSM_DEVSEC_LOCKED,
	TSM_DEVSEC_ACCEPTING,
	TSM_DEVSEC_RUN,
	TSM_DEVSEC_UNLOCKING,
	TSM_DEVSEC_LOST,
	TSM_DEVSEC_STUCK,
};

/**
 * struct tsm_object - an object of evidence
 * @bytes: content, or NULL
 * @len: bytes of it; 0: there is none
 * @digest: SHA-384 of it, if there is one
 */
struct tsm_object {
	void *bytes;
	size_t len;
	u8 digest[SHA384_DIGEST_SIZE];
};

/**
 * struct tsm_evidence - evidence about a locked function; never changes
 * @ref: readers, and the function as long as this is the present evidence
 * @generation: never 0, and no other evidence's
 * @object: by &enum tsm_object_type
 */
struct tsm_evidence {
	struct kref ref;
	u64 generation;
	struct tsm_object object[PCI_DEVSEC_NR_OBJECTS];
};

/**
 * struct tsm_refresh - evidence that is being made anew
 * @work: does that
 * @pending: it has not ended (tsm_lock)
 * @types: bit n: object of &enum tsm_object_type n; not changed while @pending
 * @nonce: goes into what the device signs; likewise
 */
struct tsm_refresh {
	struct work_struct work;
	bool pending;
	u32 types;
	u8 nonce[TSM_NONCE_SIZE];
};

/**
 * struct tsm_left - what is kept of a function that has left, for its address
 * @node: entry in the list of them (tsm_lock)
 * @domain: of the address
 * @bus_devfn: the rest of it
 * @tsm_id: TSM that the function was locked with last, and that is registered
 * @validated: as tsm_devsec::validated
 * @ctx: context of the TSM's driver, if it could not be unlocked
 * @dma_open: as tsm_devsec::dma_open
 */
struct tsm_left {
	struct list_head node;
	int domain;
	u16 bus_devfn;
	int tsm_id;
	u64 validated;
	struct pci_tsm_devsec *ctx;
	bool dma_open;
};

/**
 * struct tsm_devsec - what the core knows of a function that was locked once
 * @ref: the function until it is removed, and whoever works with this
 * @node: entry in the list of them (tsm_lock)
 * @pdev: the function, with a reference
 * @lock: conversations with the TSM about this function
 * @state: changed by tsm_devsec_set_state() only (tsm_lock)
 * @gone: the function is removed, or the system ends: nothing new (tsm_lock)
 * @end_by: jiffies after which nothing is said any more about one that is @gone
 *	    (tsm_lock)
 * @agent: the TSM from LOCKING on, NULL when UNLOCKED, and when it has
 *	   unregistered meanwhile (tsm_lock)
 * @tsm_id: of the TSM that it was locked with last, or -1 (tsm_lock)
 * @ctx: context of the TSM's driver (@lock)
 * @left: memory for what is kept when the function leaves
 * @decodes: it is kept in D0, and decodes memory, as long as there is @ctx, and
 *	     until a driver that was there when that was lost has left (@lock)
 * @attached: a driver is there that attached when the function was accepted
 *	(@lock and device_lock)
 * @private_view: that of the driver that attached last. Not reset when it leaves:
 *	what the DMA API allocated as private is freed as such, and some of it by
 *	the driver core afterwards (@lock and device_lock)
 * @other_report: another interface report than that of the lock was seen (@lock)
 * @dma_open: the function reaches private memory, as far as known (@lock)
 * @close_failed: private DMA could not be closed for the driver that is attached,
 *		  and that was said (@lock)
 * @nr_mapped: ranges of @report that are mapped private, from the first (@lock)
 * @report: of the present lock (@lock)
 * @evidence: present one, or NULL (tsm_lock)
 * @validated: generation that userspace has verified last, or 0; outlives the
 *	       lock, so that a stale one is noticed (tsm_lock)
 * @refresh: evidence that is being made anew
 * @teardown: the conversation goes on whatever happens, until @deadline
 *	      (tsm_lock)
 * @yields: the conversation ends if @wanted (tsm_lock)
 * @deadline: jiffies after which the conversation ends (tsm_lock)
 * @wanted: how many wait in tsm_devsec_take()
 * @loss_work: looks after a loss that was reported
 * @poll_work: looks after one that was not
 * @tell_work: tells the driver
 * @rcu: readers of pci_dev::devsec
 */
struct tsm_devsec {
	struct kref ref;
	struct list_head node;
	struct pci_dev *pdev;
	struct mutex lock;
	enum tsm_devsec_state state;
	bool gone;
	unsigned long end_by;
	struct tsm_agent *agent;
	int tsm_id;
	struct pci_tsm_devsec *ctx;
	struct tsm_left *left;
	bool decodes;
	bool attached;
	bool private_view;
	bool other_report;
	bool dma_open;
	bool close_failed;
	unsigned int nr_mapped;
	struct pci_tdi_report *report;
	struct tsm_evidence *evidence;
	u64 validated;
	struct tsm_refresh refresh;
	bool teardown;
	bool yields;
	unsigned long deadline;
	atomic_t wanted;
	struct work_struct loss_work;
	struct delayed_work poll_work;
	struct work_struct tell_work;
	struct rcu_head rcu;
};

extern struct list_head tsm_devsecs;

/* devsec-agent.c */
bool tsm_agent_valid(const struct pci_devsec_ops *ops);
bool tsm_agent_present(void);
struct tsm_agent *tsm_agent_find(int tsm_id);
int tsm_agent_next(int tsm_id);
int tsm_agent_register(struct tsm_dev *tsm_dev);
void tsm_agent_unregister(struct tsm_dev *tsm_dev);
void tsm_devsec_talk(struct tsm_devsec *d, unsigned int ms);
int tsm_devsec_talk_killable(struct tsm_devsec *d, unsigned int ms);
void tsm_devsec_hush(struct tsm_devsec *d);
void tsm_devsec_hurry(struct tsm_devsec *d, unsigned int ms);
unsigned int tsm_devsec_left(unsigned long deadline);
void tsm_devsec_yield(struct tsm_devsec *d);
void tsm_devsec_take(struct tsm_devsec *d);
void tsm_devsec_note_arrival(struct pci_dev *pdev);
void tsm_devsec_gone(struct pci_dev *pdev);
bool tsm_devsec_any_locked(void);

/* devsec-record.c */
struct tsm_devsec *tsm_devsec_find(struct pci_dev *pdev);
struct tsm_devsec *tsm_devsec_get(struct pci_dev *pdev);
struct tsm_devsec *tsm_devsec_make(struct pci_dev *pdev);
void tsm_devsec_put(struct tsm_devsec *d);
bool tsm_devsec_left_here(struct pci_dev *pdev);
void tsm_devsec_leave(struct tsm_devsec *d);
void tsm_devsec_forget_left(struct tsm_agent *agent);

/* devsec.c */
bool tsm_devsec_busy(const struct tsm_devsec *d);
void tsm_devsec_set_state_locked(struct tsm_devsec *d,
				 enum tsm_devsec_state to);
bool tsm_devsec_may_follow(enum tsm_devsec_state from,
			   enum tsm_devsec_state to);
void tsm_devsec_set_state(struct tsm_devsec *d, enum tsm_devsec_state to);
int tsm_devsec_withdraw(struct tsm_devsec *d, unsigned int ms);
void tsm_devsec_forget(struct tsm_devsec *d);
int tsm_devsec_lock(struct pci_dev *pdev, int tsm_id);
int tsm_devsec_accept(struct pci_dev *pdev);
int tsm_devsec_accept_unseen(struct pci_dev *pdev);
int tsm_devsec_unlock(struct pci_dev *pdev, int tsm_id);
int tsm_devsec_do_unlock(struct tsm_devsec *d, unsigned int ms);
int tsm_devsec_quiet(struct pci_dev *pdev);
int tsm_devsec_decode(struct pci_dev *pdev, bool on);
void tsm_devsec_end_decode(struct tsm_devsec *d);
void tsm_devsec_silence(struct pci_dev *pdev);
void tsm_devsec_announce(struct tsm_devsec *d, enum tsm_devsec_state state,
			 u64 generation);

/* devsec-trust.c */
int tsm_devsec_dma(struct tsm_devsec *d, bool on);
int tsm_devsec_mmio(struct tsm_devsec *d, bool on);
void tsm_devsec_lose(struct tsm_devsec *d, unsigned int ms);
void tsm_devsec_mmio_forget(struct tsm_devsec *d);
void tsm_devsec_look(struct tsm_devsec *d, bool reported);
void tsm_devsec_poll(struct tsm_devsec *d);
bool tsm_devsec_keeps_command(const struct pci_dev *pdev);
bool tsm_devsec_masters(struct pci_dev *pdev);
void tsm_devsec_left_open(struct tsm_devsec *d);
void tsm_devsec_trust_init(struct tsm_devsec *d);
void tsm_devsec_trust_gone(struct tsm_devsec *d);
void tsm_devsec_publish(struct pci_dev *pdev, struct tsm_devsec *d);
#if IS_ENABLED(CONFIG_KUNIT)
extern bool tsm_require_accept;
extern bool tsm_accept_unverified;
#endif

/* evidence.c */
struct tsm_evidence *tsm_evidence_read(struct tsm_devsec *d, u32 types);
void tsm_evidence_put(struct tsm_evidence *e);
struct tsm_evidence *tsm_evidence_get(struct pci_dev *pdev);
int tsm_evidence_remake(struct tsm_devsec *d, u32 types,
			const u8 nonce[TSM_NONCE_SIZE], u64 *generation);
int tsm_evidence_refresh(struct pci_dev *pdev, u32 types,
			 const u8 nonce[TSM_NONCE_SIZE]);
void tsm_evidence_refresh_work(struct work_struct *work);
int tsm_evidence_validate(struct pci_dev *pdev, u64 generation);

/* evidence-nl.c */
/**
 * struct tsm_nl_dump - how far a dump is
 * @pdev: function, with a reference
 * @e: evidence that was the present one when it began, with a reference
 * @types: bit n: the object of &enum tsm_object_type n
 * @type: object that the dump is at
 * @offset: bytes of it that are behind: its other parts follow
 */
struct tsm_nl_dump {
	struct pci_dev *pdev;
	struct tsm_evidence *e;
	u32 types;
	u32 type;
	u32 offset;
};

#ifdef CONFIG_NET
struct genl_info;
struct sk_buff;

int tsm_nl_dump_begin(struct tsm_nl_dump *dump, struct pci_dev *pdev, u32 types);
int tsm_nl_dump_some(struct tsm_nl_dump *dump, struct sk_buff *skb,
		     const struct genl_info *info);
void tsm_nl_dump_end(struct tsm_nl_dump *dump);
void tsm_evidence_nl_state(struct pci_dev *pdev, enum tsm_devsec_state state,
			   u64 generation);
void tsm_evidence_nl_refreshed(struct pci_dev *pdev,
			       const struct tsm_refresh *refresh,
			       u64 generation, int rc);
#else
static inline void tsm_evidence_nl_state(struct pci_dev *pdev,
					 enum tsm_devsec_state state,
					 u64 generation)
{
}

static inline void
tsm_evidence_nl_refreshed(struct pci_dev *pdev,
			  const struct tsm_refresh *refresh, u64 generation,
			  int rc)
{
}
#endif

/* devsec-sysfs.c */
extern const char *const tsm_devsec_state_names[];
extern struct device_attribute dev_attr_tsm_lock;
extern struct device_attribute dev_attr_tsm_accept;
extern struct device_attribute dev_attr_tsm_unlock;
extern struct device_attribute dev_attr_tsm_state;

static inline void tsm_devsec_drop(struct tsm_devsec *d)
{
	if (d)
		tsm_devsec_put(d);
}

DEFINE_FREE(tsm_devsec, struct tsm_devsec *, tsm_devsec_drop(_T))
DEFINE_GUARD(tsm_devsec, struct tsm_devsec *, tsm_devsec_take(_T),
	     mutex_unlock(&_T->lock))

static inline const struct pci_devsec_ops *
tsm_devsec_ops(const struct tsm_devsec *d)
{
	return d->agent->tsm_dev->pci_ops->devsec_ops;
}

/* A driver that has not opted in to parallel operations: one at a time */
static inline void tsm_agent_enter(struct tsm_agent *agent)
{
	if (!(agent->tsm_dev->pci_ops->flags & PCI_TSM_OPS_PARALLEL))
		mutex_lock(&agent->serial);
}

static inline int tsm_agent_enter_killable(struct tsm_agent *agent)
{
	if (agent->tsm_dev->pci_ops->flags & PCI_TSM_OPS_PARALLEL)
		return 0;
	return mutex_lock_killable(&agent->serial);
}

static inline void tsm_agent_leave(struct tsm_agent *agent)
{
	if (!(agent->tsm_dev->pci_ops->flags & PCI_TSM_OPS_PARALLEL))
		mutex_unlock(&agent->serial);
}

#endif
