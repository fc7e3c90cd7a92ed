/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the PCI/TSM core share, and nobody else sees: the session
 * of a DSM, the liveness of a TSM, TDIs, and the order of every lock involved.
 */
#ifndef _DRIVERS_PCI_TSM_H
#define _DRIVERS_PCI_TSM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/tsm.h>
#include <linux/workqueue.h>

#include "../pci.h"

/*
 * Lock order, outermost first. The first group belongs to the callers and
 * lockdep sees only part of it: a kernfs active reference is held by every
 * show() and store(), device_lock is not validated.
 *
 *   pci_rescan_remove_lock, device_lock, kernfs active reference,
 *   a TSM driver's own mutex around tsm_register(), locks of iommufd around
 *   pci_tdi_create() and pci_tdi_destroy()
 *     tsm_visibility_lock        register and unregister: who may see tsm/
 *     pci_tdi::lock              lock, run, stop, requests of one TDI
 *       VFIO's memory_lock, dma_resv, KVM's mmu_lock: inside of the hooks
 *         that pci_tdi_host_ops has; no TSM is called below these
 *       tsm_link::serial         drivers without PCI_TSM_OPS_PARALLEL only
 *         pci_tsm_pf0::lock      connect and disconnect of one DSM, creation
 *                                and destruction of its TDIs
 *           the TSM driver's locks inside an operation
 *             tsm_lock           publication: innermost, a few instructions;
 *                                only pci_bus_sem, the allocator and
 *                                pci_tdi::caps_lock are inside
 *
 * Rules that follow:
 *
 * - Nothing is called under tsm_lock: no operation of a TSM driver, no sysfs
 *   visibility change. A show() takes only this lock, and so never waits for
 *   a conversation with a device.
 * - PCI hotplug enters with pci_rescan_remove_lock (and, for VFs, device_lock)
 *   held. It may wait for a claim (see tsm_claims) and for a conversation that
 *   it has cut short, which is over at the next message. It waits longer only
 *   for a driver without PCI_TSM_OPS_PARALLEL.
 * - A TDI is locked before its DSM, never after. Whoever takes TDIs from a DSM
 *   (disconnect, unregister, removal) says so under tsm_lock, holding none of
 *   the others, and then tears down one TDI after the other: see
 *   tsm_session_kill_tdis().
 * - A TDI that has a context of its TSM's driver keeps its session: teardown of
 *   the session takes the TDI's lock before it goes on. So whoever holds that
 *   lock may use pci_tdi::session, in whatever state the session is.
 * - What others do to a device, resets and power changes, may happen under any
 *   lock: pci_tdi_note_reset() takes none.
 * - A visibility change drains the attributes of that function. The tsm/ group
 *   of a DSM is changed only by register and unregister (under
 *   tsm_visibility_lock, with no conversation in flight), the group of a
 *   managed function only by whoever holds the claim to it: never two for one
 *   function, and never the group whose store() is running.
 */
extern struct mutex tsm_lock;

/* Woken at each change that tsm_lock protects and somebody may wait for. */
extern struct wait_queue_head tsm_wait;

/* From before the system goes to sleep until it is awake (tsm_lock) */
extern bool tsm_sleeping;

/* A conversation with a device or its firmware, from first to last message. */
#define TSM_CONVERSATION_MS	30000
/* A whole teardown, queueing included; iommufd gives its objects 60 s. */
#define TSM_TEARDOWN_MS		40000
/* Teardown for a function that is unplugged: all other hotplug waits. */
#define TSM_REMOVAL_MS		10000
/* What a connect that fails may spend on taking back what it did. */
#define TSM_UNWIND_MS		2000

/**
 * struct tsm_link - a registered TSM that serves links, and whether it lives
 * @node: entry in the core's list
 * @tsm_dev: the class device
 * @leaving: being unregistered: nothing new starts (tsm_lock)
 * @users: connects and disconnects in flight (tsm_lock)
 * @closed: a shutdown has closed it, or does (tsm_lock)
 * @pins: shutdowns that look at it: it is not freed (tsm_lock)
 * @viommus: secure vIOMMUs of this TSM (tsm_lock)
 * @serial: serialises the operations of a driver that did not opt in to
 *	    parallel ones
 *
 * The tsm class knows nothing of liveness, so the core keeps it here.
 */
struct tsm_link {
	struct list_head node;
	struct tsm_dev *tsm_dev;
	bool leaving;
	unsigned int users;
	bool closed;
	unsigned int pins;
	struct list_head viommus;
	struct mutex serial;
};

/**
 * enum tsm_session_state - the life of the connection with one DSM
 * @TSM_SESSION_NONE: not connected; no &struct tsm_session exists
 * @TSM_SESSION_CONNECTING: the driver's connect() is running
 * @TSM_SESSION_UNWINDING: connect() failed and takes back what it did
 * @TSM_SESSION_CONNECTED: established; functions may join, TDIs may be bound
 * @TSM_SESSION_DISCONNECTING: teardown, by whoever made the transition
 */
enum tsm_session_state {
	TSM_SESSION_NONE,
	TSM_SESSION_CONNECTING,
	TSM_SESSION_UNWINDING,
	TSM_SESSION_CONNECTED,
	TSM_SESSION_DISCONNECTING,
};

/**
 * struct tsm_session - connection of one DSM with one TSM
 * @dsm: the device that hosts the DSM, with a reference
 * @link: the TSM
 * @state: changed by tsm_session_set_state() only (tsm_lock)
 * @cut: errno that ends the conversation at its next message, or 0 (tsm_lock)
 * @deadline: jiffies after which no further message is sent (tsm_lock)
 * @users: functions being added or removed, driver's conversations (tsm_lock)
 * @tdis: TDIs that have a context of the TSM's driver, or get one (tsm_lock)
 * @conversations: operations on TDIs that run (tsm_lock)
 * @blocked: a TDI could only be stopped by &pci_tdi_ops.block (tsm_lock)
 * @close_work: teardown on behalf of an unregistering TSM
 *
 * Lives in tsm_sessions from the first step of connect to the last step of
 * disconnect, whoever makes these. Only the owner of the present transition
 * frees it; everybody else looks it up again under tsm_lock.
 */
struct tsm_session {
	struct pci_dev *dsm;
	struct tsm_link *link;
	enum tsm_session_state state;
	int cut;
	unsigned long deadline;
	unsigned int users;
	struct list_head tdis;
	struct list_head conversations;
	bool blocked;
	struct work_struct close_work;
};

static inline const struct pci_tsm_ops *to_pci_tsm_ops(struct pci_tsm *tsm)
{
	return tsm->tsm_dev->pci_ops;
}

static inline struct pci_tsm_pf0 *to_pci_tsm_pf0(struct pci_tsm *dsm_tsm)
{
	return container_of(dsm_tsm, struct pci_tsm_pf0, base_tsm);
}

/* Index of a device in the core's tables */
static inline unsigned long tsm_key(struct pci_dev *pdev)
{
	return (unsigned long)pdev;
}

static inline bool has_tee(struct pci_dev *pdev)
{
	return pdev->devcap & PCI_EXP_DEVCAP_TEE;
}

/* Is pci_destroy_dev() under way? It says so before it calls this core. */
static inline bool tsm_pdev_removed(struct pci_dev *pdev)
{
	return test_bit(PCI_DEV_REMOVED, &pdev->priv_flags);
}

/* Is @tsm_dev managing physical link / session properties... */
static inline bool is_link_tsm(struct tsm_dev *tsm_dev)
{
	return tsm_dev && tsm_dev->pci_ops && tsm_dev->pci_ops->link_ops.probe;
}

/* ...or is @tsm_dev managing device security state ? */
static inline bool is_devsec_tsm(struct tsm_dev *tsm_dev)
{
	return tsm_dev && tsm_dev->pci_ops && tsm_dev->pci_ops->devsec_ops;
}

/* core.c */
bool tsm_link_present(void);
void tsm_links_shutdown(void);
struct tsm_link *tsm_link_get_live(int id);
void tsm_link_put(struct tsm_link *link);
void tsm_ops_lock(struct tsm_link *link);
int tsm_ops_lock_killable(struct tsm_link *link);
int tsm_ops_lock_interruptible(struct tsm_link *link);
void tsm_ops_unlock(struct tsm_link *link);

/* session.c */
struct pci_dev *tsm_find_dsm(struct pci_dev *pdev);
struct tsm_session *tsm_session_lookup(struct pci_dev *dsm);
bool tsm_session_any(void);
struct tsm_session *tsm_session_of(struct pci_dev *pdev);
struct tsm_session *tsm_session_get(struct pci_dev *pdev);
void tsm_session_put(struct tsm_session *s);
bool tsm_session_may_follow(enum tsm_session_state from,
			    enum tsm_session_state to);
int tsm_session_connect(struct pci_dev *pdev, int tsm_id);
int tsm_session_disconnect(struct pci_dev *pdev, const char *tsm_name);
void tsm_session_begin_close_all(struct tsm_link *link);
void tsm_session_wait_closed(struct tsm_link *link);
int tsm_session_sleep(void);
void tsm_session_wake(void);
int tsm_power_get(struct pci_dev *pdev);
void tsm_power_put(struct pci_dev *pdev);
void tsm_session_device_gone(struct pci_dev *pdev);

/* function.c */
struct pci_tsm *tsm_unpublish(struct pci_dev *pdev);
void tsm_function_add(struct pci_dev *pdev);
void tsm_function_gone(struct pci_dev *pdev);
void tsm_function_update(struct pci_dev *pdev);
void tsm_session_add_functions(struct tsm_session *s);
void tsm_session_remove_functions(struct tsm_session *s);

/* messages.c */
unsigned long tsm_deadline(unsigned int ms);
int tsm_session_may_send(const struct tsm_session *s, unsigned long now,
			 bool killed);

/* tdi.c */
bool tsm_tdi_ops_valid(const struct pci_tdi_ops *ops);
bool tsm_session_assigned(struct tsm_session *s);
void tsm_session_cut_tdis(struct tsm_session *s);
void tsm_session_kill_tdis(struct tsm_session *s);
void tsm_tdi_function_gone(struct tsm_session *s, struct pci_dev *pdev);
int tsm_tdi_phase_of(struct pci_dev *pdev);

/* tdi-stop.c */
void tsm_kept_note_connect(struct tsm_session *s);
void tsm_kept_note_arrival(struct pci_dev *pdev);

/* viommu.c */
void tsm_link_close_viommus(struct tsm_link *link);

/* sysfs.c */
int tsm_name_to_id(const char *name);
void tsm_sysfs_update(struct pci_dev *pdev);

#endif
