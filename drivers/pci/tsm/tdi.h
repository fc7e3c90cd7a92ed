/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the PCI/TSM core that deal with TDIs share: a TDI and its
 * life, what a quarantine keeps, and the one way to a TSM driver's operations.
 */
#ifndef _DRIVERS_PCI_TSM_TDI_H
#define _DRIVERS_PCI_TSM_TDI_H

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-tdi.h>
#include <linux/pci-tdi-report.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "tsm.h"

struct tsm_vm_ops;

/**
 * enum tsm_tdi_phase - the life of a TDI
 * @TSM_PHASE_DEAD: there is no context of a TSM's driver
 * @TSM_PHASE_UNLOCKED: there is one, and the device knows nothing of it
 * @TSM_PHASE_LOCKING: on the way to LOCKED, from before the host's gate on
 * @TSM_PHASE_LOCKED: TDISP state CONFIG_LOCKED
 * @TSM_PHASE_RUN: TDISP state RUN
 * @TSM_PHASE_ERROR: TDISP state ERROR, or the device forgot that it was locked
 * @TSM_PHASE_STOPPING: on the way to UNLOCKED
 * @TSM_PHASE_QUARANTINED: teardown failed; nothing of it was freed
 *
 * Outside of pci_tdi::lock, LOCKING and STOPPING are seen by those only that
 * look without it.
 */
enum tsm_tdi_phase {
	TSM_PHASE_DEAD,
	TSM_PHASE_UNLOCKED,
	TSM_PHASE_LOCKING,
	TSM_PHASE_LOCKED,
	TSM_PHASE_RUN,
	TSM_PHASE_ERROR,
	TSM_PHASE_STOPPING,
	TSM_PHASE_QUARANTINED,
};

/**
 * enum tsm_tdi_step - steps of operations on a TDI, for tracing
 * @TSM_STEP_CREATE: &pci_tdi_ops.create
 * @TSM_STEP_GATE: &pci_tdi_host_ops.gate
 * @TSM_STEP_LOCK: &pci_tdi_ops.lock
 * @TSM_STEP_REPORT: &pci_tdi_ops.report
 * @TSM_STEP_RANGES: &pci_tdi_host_ops.ranges
 * @TSM_STEP_DMA_PREPARE: &pci_tdi_ops.trusted_dma
 * @TSM_STEP_DMA_ENABLE: &pci_tdi_ops.trusted_dma
 * @TSM_STEP_HOST_DMA_ON: &pci_tdi_host_ops.trusted_dma
 * @TSM_STEP_RUN: &pci_tdi_ops.run
 * @TSM_STEP_REQUEST: &pci_tdi_ops.guest_req
 * @TSM_STEP_STATE: &pci_tdi_ops.state
 * @TSM_STEP_STOP: &pci_tdi_ops.stop
 * @TSM_STEP_STOP_FORCE: &pci_tdi_ops.stop with force
 * @TSM_STEP_BLOCK: &pci_tdi_ops.block
 * @TSM_STEP_REVOKE: &pci_tdi_host_ops.revoke
 * @TSM_STEP_DMA_OFF: &pci_tdi_ops.trusted_dma
 * @TSM_STEP_HOST_DMA_OFF: &pci_tdi_host_ops.trusted_dma
 * @TSM_STEP_RELEASE: &pci_tdi_ops.release
 * @TSM_STEP_UNGATE: &pci_tdi_host_ops.ungate
 * @TSM_STEP_DESTROY: &pci_tdi_ops.destroy
 */
enum tsm_tdi_step {
	TSM_STEP_CREATE,
	TSM_STEP_GATE,
	TSM_STEP_LOCK,
	TSM_STEP_REPORT,
	TSM_STEP_RANGES,
	TSM_STEP_DMA_PREPARE,
	TSM_STEP_DMA_ENABLE,
	TSM_STEP_HOST_DMA_ON,
	TSM_STEP_RUN,
	TSM_STEP_REQUEST,
	TSM_STEP_STATE,
	TSM_STEP_STOP,
	TSM_STEP_STOP_FORCE,
	TSM_STEP_BLOCK,
	TSM_STEP_REVOKE,
	TSM_STEP_DMA_OFF,
	TSM_STEP_HOST_DMA_OFF,
	TSM_STEP_RELEASE,
	TSM_STEP_UNGATE,
	TSM_STEP_DESTROY,
};

/* What a lock has done, for its teardown: bits of pci_tdi::done */
#define TSM_DONE_POWER		BIT(0)	/* runtime PM references held */
#define TSM_DONE_GATE		BIT(1)	/* host: shared access closed */
#define TSM_DONE_LOCK		BIT(2)	/* device: locked, or perhaps */
#define TSM_DONE_RANGES		BIT(3)	/* host: knows what it may map */
#define TSM_DONE_DMA		BIT(4)	/* TSM: private DMA, or perhaps */
#define TSM_DONE_HOST_DMA	BIT(5)	/* host: private DMA */

/**
 * struct tsm_kept - what a quarantined TDI keeps for ever
 * @node: in the list of all of them; RCU, never removed
 * @pdev: the function, or one that came in its place, with a reference; refuses
 *	  another TDI until @RESET and @RECONNECTED are set in @recovery
 * @physfn: its PF, or itself, with a reference of its own
 * @domain: of the function
 * @bus_devfn: its number there, which firmware knows it by
 * @ctx: the TSM driver's context, with its module
 * @tsm_dev: of the TSM, with a reference
 * @vm: the VM, with a reference
 * @viommu: that the function was behind, with a reference, or NULL
 * @recovery: TSM_KEPT_RESET, TSM_KEPT_RECONNECTED
 *
 * Allocated with the TDI's context, as teardown must not depend on memory.
 */
struct tsm_kept {
	struct list_head node;
	struct pci_dev *pdev;
	struct pci_dev *physfn;
	int domain;
	u16 bus_devfn;
	struct pci_tsm_tdi *ctx;
	struct tsm_dev *tsm_dev;
	struct pci_tdi_vm vm;
	struct pci_tdi_viommu *viommu;
	unsigned long recovery;
#define TSM_KEPT_RESET		0	/* the function was reset since */
#define TSM_KEPT_RECONNECTED	1	/* its DSM was connected anew since */
};

/**
 * struct pci_tdi - assignment of a function to a VM
 * @ref: keeps the memory of this structure
 * @free_work: its end, after a grace period
 * @vm_node: entry in the table of (VM, guest_rid) (tsm_lock)
 * @pdev: the function, with a reference
 * @physfn: its PF, or itself, with a reference: a VF that was removed has none
 * @vm: the VM, with a reference until pci_tdi_destroy()
 * @guest_rid: number of the function in the VM
 * @viommu: that the function is behind, with a reference, or NULL
 * @lock: see the lock order; protects what follows if nothing else is said
 * @phase: changed by tsm_tdi_set_phase() only; read without the lock too
 * @host_ops: hooks; empty ones when disarmed
 * @host_priv: their argument
 * @disarmed: its user is about to go: no lock any more
 * @session_node: entry in tsm_session::tdis (tsm_lock)
 * @session: that @ctx was created in; NULL without @ctx
 * @ops: of that session's TSM
 * @ctx: the TSM driver's context
 * @kept: reserve for a quarantine of @ctx
 * @done: TSM_DONE bits
 * @generation: successful locks
 * @report: of the present lock
 * @resets: how often others reset the function, see pci_tdi_note_reset()
 * @resets_seen: how many of these are accounted for in @phase
 * @cut: teardown of the session or removal of the function has begun: nothing
 *	 but a teardown sends messages, and that not after @cut_by (tsm_lock)
 * @cut_by: jiffies (tsm_lock)
 * @stops: threads that want to stop it (tsm_lock)
 * @arch: of the TSM that it was created with; never changes
 * @caps_lock: protects @caps, so that requests share no lock before they are
 *	       known to be in order; nothing is inside
 * @caps: what requests are checked against
 */
struct pci_tdi {
	struct kref ref;
	struct rcu_work free_work;
	struct hlist_node vm_node;
	struct pci_dev *pdev;
	struct pci_dev *physfn;
	struct pci_tdi_vm vm;
	u64 guest_rid;
	struct pci_tdi_viommu *viommu;
	struct mutex lock;
	enum tsm_tdi_phase phase;
	const struct pci_tdi_host_ops *host_ops;
	void *host_priv;
	bool disarmed;
	struct list_head session_node;
	struct tsm_session *session;
	const struct pci_tdi_ops *ops;
	struct pci_tsm_tdi *ctx;
	struct tsm_kept *kept;
	unsigned int done;
	u64 generation;
	struct pci_tdi_report *report;
	atomic_t resets;
	int resets_seen;
	bool cut;
	unsigned long cut_by;
	unsigned int stops;
	enum tsm_arch arch;
	spinlock_t caps_lock;	/* for caps */
	struct pci_tdi_caps caps;
};

/**
 * struct pci_tdi_viommu - secure vIOMMU of a VM
 * @ref: of its creator and of the TDIs behind it
 * @node: entry in tsm_link::viommus, or among those kept (tsm_lock)
 * @link: its TSM; NULL once that is gone (tsm_lock)
 * @ops: of that TSM
 * @ctx: the TSM driver's context
 * @vm: the VM, with a reference
 * @kept: never freed: a quarantined TDI is behind it, or firmware did not give
 *	  it up (tsm_lock)
 */
struct pci_tdi_viommu {
	struct kref ref;
	struct list_head node;
	struct tsm_link *link;
	const struct pci_tdi_ops *ops;
	struct pci_tsm_viommu *ctx;
	struct pci_tdi_vm vm;
	bool kept;
};

/**
 * struct tsm_conversation - an operation of a TSM on a TDI
 * @node: entry in tsm_session::conversations
 * @task: the thread that runs it, and sends its messages
 * @tdi: the TDI
 * @deadline: jiffies after which no further message is sent
 * @teardown: goes on when its user is killed or the TDI is cut
 */
struct tsm_conversation {
	struct list_head node;
	struct task_struct *task;
	struct pci_tdi *tdi;
	unsigned long deadline;
	bool teardown;
};

/**
 * struct tsm_tdi_call - arguments and results of operations on a TDI
 * @deadline: jiffies; of all steps together
 * @teardown: see &struct tsm_conversation
 * @irreversible: waits are not interruptible any more
 * @committed: what the TDI is, or the guest can reach, has changed
 * @tsm_code: of the last step that said something
 * @op: of a request
 * @req: of a request
 * @req_len: bytes of it
 * @resp: where a response or a report goes
 * @resp_len: bytes that fit there, then bytes that are there
 * @layout: of the function's BARs, for a report
 * @state: that the device says it is in
 * @tsm: context of the function, for a new TDI
 */
struct tsm_tdi_call {
	unsigned long deadline;
	bool teardown;
	bool irreversible;
	bool committed;
	u64 tsm_code;
	u32 op;
	const void *req;
	size_t req_len;
	void *resp;
	size_t resp_len;
	struct pci_tdi_mmio_layout *layout;
	enum tsm_tdi_state state;
	struct pci_tsm *tsm;
};

/* A call whose time begins now */
static inline struct tsm_tdi_call tsm_tdi_call_begin(void)
{
	return (struct tsm_tdi_call){
		.deadline = tsm_deadline(TSM_CONVERSATION_MS),
	};
}

/* A teardown whose time begins now, queueing included */
static inline struct tsm_tdi_call tsm_tdi_call_teardown(unsigned int ms)
{
	return (struct tsm_tdi_call){
		.deadline = tsm_deadline(ms),
		.teardown = true,
		.irreversible = true,
	};
}

/* Is this a VM for a TSM with these operations? */
static inline bool tsm_vm_fits(const struct pci_tdi_ops *ops,
			       const struct pci_tdi_vm *vm)
{
	return vm->confidential || !(ops->flags & PCI_TDI_CONFIDENTIAL_VM);
}

/* Is @pdev, whose PF is @physfn, reset with @reset: a bridge, its PF, itself? */
static inline bool tsm_reset_with(struct pci_dev *pdev, struct pci_dev *physfn,
				  struct pci_dev *reset)
{
	struct pci_dev *up;

	if (pdev == reset)
		return true;

	for (up = physfn; up; up = pci_upstream_bridge(up)) {
		if (up == reset)
			return true;
	}

	return false;
}

/* tdi.c */
bool tsm_tdi_may_follow(enum tsm_tdi_phase from, enum tsm_tdi_phase to);
void tsm_tdi_set_phase(struct pci_tdi *tdi, enum tsm_tdi_phase phase);
int tsm_tdi_make(struct pci_tdi *tdi, struct tsm_tdi_call *call);
void tsm_tdi_leave(struct pci_tdi *tdi);

/* vm.c */
#if IS_ENABLED(CONFIG_KUNIT)
const struct tsm_vm_ops *tsm_vm_swap(const struct tsm_vm_ops *ops);
#endif

/* messages.c */
int tsm_conversation_may_send(const struct tsm_session *s,
			      const struct tsm_conversation *c,
			      unsigned long now, bool killed);

/* tdi-ops.c */
int tsm_tdi_converse(struct pci_tdi *tdi, enum tsm_tdi_step step,
		     struct tsm_tdi_call *call);
int tsm_tdi_host(struct pci_tdi *tdi, enum tsm_tdi_step step);
void tsm_tdi_event(struct pci_tdi *tdi, enum pci_tdi_event event);
void tsm_tdi_power_put(struct pci_tdi *tdi);
int tsm_tdi_sync(struct pci_tdi *tdi, struct tsm_tdi_call *call);
bool tsm_tdi_was_reset(struct pci_tdi *tdi);
int tsm_tdi_run(struct pci_tdi *tdi, struct tsm_tdi_call *call);
int tsm_tdi_query(struct pci_tdi *tdi, struct tsm_tdi_call *call,
		  struct tsm_tdi_state_resp *state);
void tsm_tdi_fill_result(struct pci_tdi *tdi, const struct tsm_tdi_call *call,
			 struct pci_tdi_result *result);

/* tdi-stop.c */
bool tsm_session_is_blocked(struct tsm_session *s);
void tsm_tdi_begin_stop(struct pci_tdi *tdi);
void tsm_tdi_end_stop(struct pci_tdi *tdi);
void tsm_tdi_teardown(struct pci_tdi *tdi, struct tsm_tdi_call *call);
void tsm_tdi_unmake(struct pci_tdi *tdi, struct tsm_tdi_call *call);
int tsm_tdi_revive(struct pci_tdi *tdi, struct tsm_tdi_call *call);
void tsm_kept_note_reset(struct pci_dev *reset);

#endif
