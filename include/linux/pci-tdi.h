/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TDIs: functions of a connected device that confidential VMs own. For the
 * drivers of link TSMs, which provide the operations, and for the subsystems
 * that assign devices to VMs, which use them.
 *
 * PCIe r7.0 section 11. The states, the order of a teardown and the locks are
 * explained in Documentation/driver-api/pci/tsm-core.rst.
 */
#ifndef __LINUX_PCI_TDI_H
#define __LINUX_PCI_TDI_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <uapi/linux/tsm.h>

struct kvm;
struct module;
struct pci_dev;
struct pci_tdi;
struct pci_tdi_mmio_layout;
struct pci_tdi_report;
struct pci_tdi_viommu;
struct pci_tsm;
struct tsm_dev;

/* --- for the driver of a link TSM ----------------------------------------- */

/* Revoke private MMIO before the device is stopped, not after (Arm CCA) */
#define PCI_TDI_REVOKE_BEFORE_STOP	BIT(0)
/* Takes confidential VMs only, see &struct pci_tdi_vm */
#define PCI_TDI_CONFIDENTIAL_VM		BIT(1)

/* The most that any TSM may give as its limits, in bytes */
#define PCI_TDI_MSG_MAX			SZ_64K

/**
 * struct pci_tsm_viommu - a TSM driver's context of a secure vIOMMU
 * @tsm_dev: the TSM
 * @kvm: the VM
 * @type: &enum iommu_viommu_type
 *
 * Embedded in what &pci_tdi_ops.viommu_create allocates. The core fills it in
 * when that returns.
 */
struct pci_tsm_viommu {
	struct tsm_dev *tsm_dev;
	struct kvm *kvm;
	u32 type;
};

/**
 * struct pci_tsm_tdi - a TSM driver's context of a TDI
 * @tsm: the driver's context of the function
 * @pdev: the function; its own number is pci_dev_id()
 * @kvm: the VM
 * @viommu: the secure vIOMMU that the function is behind in the VM, or NULL
 * @guest_rid: number of the function in the VM: segment, bus, device, function
 *
 * Embedded in what &pci_tdi_ops.create allocates. The core fills it in when
 * that returns. It lives until &pci_tdi_ops.destroy, or for ever if the TDI is
 * quarantined. A driver takes everything from here: pci_dev::tsm is gone
 * already when a function that is being removed is torn down.
 */
struct pci_tsm_tdi {
	struct pci_tsm *tsm;
	struct pci_dev *pdev;
	struct kvm *kvm;
	struct pci_tsm_viommu *viommu;
	u32 guest_rid;
};

/**
 * struct pci_tdi_desc - what a TDI is made for
 * @viommu: secure vIOMMU of the TSM, or NULL
 * @kvm: the VM
 * @guest_rid: see &struct pci_tsm_tdi
 */
struct pci_tdi_desc {
	struct pci_tsm_viommu *viommu;
	struct kvm *kvm;
	u32 guest_rid;
};

/**
 * enum pci_tdi_dma - steps of DMA to private memory
 * @PCI_TDI_DMA_PREPARE: set up what the platform needs for it, at lock
 * @PCI_TDI_DMA_ENABLE: the guest allows it
 * @PCI_TDI_DMA_OFF: neither any more: the guest forbids it, or teardown
 */
enum pci_tdi_dma {
	PCI_TDI_DMA_PREPARE,
	PCI_TDI_DMA_ENABLE,
	PCI_TDI_DMA_OFF,
};

/**
 * struct pci_tdi_ops - what a link TSM does with TDIs
 * @owner: module of these operations; kept as long as one of its TDIs or
 *	   vIOMMUs exists
 * @arch: whose operation numbers and payloads @guest_req speaks
 * @op_mask: bit n: takes &enum tsm_op n. %TSM_OP_GET_TDI_STATE is the core's
 *	     and always there, %TSM_OP_START needs @run, %TSM_OP_ENABLE_DMA and
 *	     %TSM_OP_DISABLE_DMA need @trusted_dma, any other needs @guest_req.
 * @max_req_len: the most bytes that @guest_req takes, for an operation without
 *		 a size of its own; at most %PCI_TDI_MSG_MAX
 * @max_resp_len: the most bytes that @guest_req returns, likewise
 * @guest_rid_bits: width of a function's number in a guest, 16 to 32
 * @viommu_types: bit n: has secure vIOMMUs of &enum iommu_viommu_type n, by
 *		  @viommu_create
 * @flags: %PCI_TDI_REVOKE_BEFORE_STOP, %PCI_TDI_CONFIDENTIAL_VM
 *
 * @viommu_create: make a secure vIOMMU, before any TDI is behind it. Returns
 *	the driver's context or an ERR_PTR(). Optional, with @viommu_destroy.
 * @viommu_destroy: undo @viommu_create; no TDI is behind it any more. Not zero
 *	if firmware does not give it up: then nothing of it is freed, ever.
 * @create: make firmware's context of a TDI. Sends nothing to the device, which
 *	stays UNLOCKED. Returns the driver's context or an ERR_PTR().
 * @destroy: undo @create and free the context; after @release, or when the TDI
 *	was never locked. Not zero if firmware does not give it up: then nothing
 *	of it is freed, and the TDI is quarantined.
 * @lock: UNLOCKED to LOCKED. If it fails the core calls @stop and @release,
 *	whatever is locked by then.
 * @report: read the device interface report of a LOCKED TDI (PCIe r7.0 section
 *	11.3.11) into the buffer of %PCI_TDI_REPORT_MAX_SIZE bytes. Returns its
 *	size in bytes. The layout is that of the function's BARs, with reported
 *	addresses taken for bus addresses; the driver sets its base and offset to
 *	what it chose at @lock, see &struct pci_tdi_mmio_layout. Called once for
 *	each @lock.
 * @trusted_dma: see &enum pci_tdi_dma. %PCI_TDI_DMA_PREPARE follows @report.
 *	%PCI_TDI_DMA_OFF precedes @release whenever a step before it was tried.
 *	With the guest's request of %TSM_OP_ENABLE_DMA or %TSM_OP_DISABLE_DMA,
 *	of %TSM_DMA_REQ_MAX bytes at most, or NULL. Optional.
 * @run: LOCKED to RUN
 * @guest_req: any other request of the guest. Both buffers are kernel memory.
 *	The request is as long as &enum tsm_op says, or no longer than
 *	@max_req_len. On entry ``*resp_len`` says how many bytes fit at resp; on
 *	return, how many are there, or with -EMSGSIZE how many are needed.
 * @state: ask the device for the TDI's state. Returns an error if the state
 *	stays unknown. Optional; without it an ERROR is noticed only by failing
 *	operations and by resets.
 * @stop: any state to UNLOCKED, also when it is UNLOCKED already or @lock has
 *	failed half way. With force, take the TDI from the device by what the
 *	platform can do without its cooperation. 0 means that the device no longer
 *	reaches, and no longer is reached by, anything private of the VM.
 * @block: stop all that uses the IDE stream of a DSM's device, when neither
 *	kind of @stop helped. 0 means the same as for @stop, for every TDI of that
 *	device: all of them are lost. Optional.
 * @release: give back what one bind made firmware hold: MMIO and DMA metadata,
 *	page states. Follows each @stop or @block that succeeded. Not zero if
 *	firmware still holds some of it: the TDI is quarantined. Optional.
 *
 * All may sleep. @create and @destroy run under the DSM's lock (struct
 * pci_tsm_pf0::lock), as connect() and disconnect() do; the others do not. For
 * one TDI the core calls one operation at a time. Those of two TDIs, of one DSM
 * or of several, run in parallel when the driver has set %PCI_TSM_OPS_PARALLEL,
 * else one operation of a TSM runs at a time.
 *
 * A driver sends its messages through pci_tsm_doe_transfer() from the thread
 * that called it, and is told there when to give up: its time is over, or the
 * TDI is being torn down. @stop gets the rest of the one time that a teardown
 * has.
 *
 * ``*tsm_code`` is what the architecture has to say about success or failure beyond
 * the errno. The core has set it to 0, passes it on and makes nothing of it.
 *
 * @create, @destroy, @lock, @report and @stop are mandatory.
 */
struct pci_tdi_ops {
	struct module *owner;
	enum tsm_arch arch;
	u64 op_mask;
	u32 max_req_len;
	u32 max_resp_len;
	unsigned int guest_rid_bits;
	u64 viommu_types;
	unsigned int flags;

	struct pci_tsm_viommu *(*viommu_create)(struct tsm_dev *tsm_dev,
						u32 type, struct kvm *kvm);
	int (*viommu_destroy)(struct pci_tsm_viommu *viommu);

	struct pci_tsm_tdi *(*create)(struct pci_tsm *tsm,
				      const struct pci_tdi_desc *desc);
	int (*destroy)(struct pci_tsm_tdi *tdi);

	int (*lock)(struct pci_tsm_tdi *tdi, u64 *tsm_code);
	int (*report)(struct pci_tsm_tdi *tdi, void *buf, size_t len,
		      struct pci_tdi_mmio_layout *layout);
	int (*trusted_dma)(struct pci_tsm_tdi *tdi, enum pci_tdi_dma step,
			   const void *req, size_t req_len, u64 *tsm_code);
	int (*run)(struct pci_tsm_tdi *tdi, u64 *tsm_code);
	int (*guest_req)(struct pci_tsm_tdi *tdi, enum tsm_op op,
			 const void *req, size_t req_len, void *resp,
			 size_t *resp_len, u64 *tsm_code);
	int (*state)(struct pci_tsm_tdi *tdi, enum tsm_tdi_state *state);
	int (*stop)(struct pci_tsm_tdi *tdi, bool force, u64 *tsm_code);
	int (*block)(struct pci_dev *dsm);
	int (*release)(struct pci_tsm_tdi *tdi);
};

/* --- for who assigns functions to VMs -------------------------------------- */

/**
 * struct pci_tdi_vm - a VM, and how the core keeps it
 * @kvm: the VM
 * @confidential: it has memory that the host does not see. A TSM of which that
 *		  is a precondition refuses others; of what kind it is, it finds
 *		  out itself.
 * @get: take a reference that keeps the VM with all that firmware may use of it
 * @put: drop that reference. Never called for what is quarantined.
 *
 * The functions, and the module they are in, outlive what is made for the VM.
 */
struct pci_tdi_vm {
	struct kvm *kvm;
	bool confidential;
	void (*get)(struct kvm *kvm);
	void (*put)(struct kvm *kvm);
};

/**
 * enum pci_tdi_event - what happens to a TDI without its user asking for it
 * @PCI_TDI_EVENT_ERROR: it is in ERROR now, to be stopped
 * @PCI_TDI_EVENT_UNBOUND: it was torn down and is UNLOCKED and DEAD now, because
 *	its connection, its TSM or the function goes away
 * @PCI_TDI_EVENT_QUARANTINED: its teardown failed, see %TSM_TDI_QUARANTINED
 */
enum pci_tdi_event {
	PCI_TDI_EVENT_ERROR,
	PCI_TDI_EVENT_UNBOUND,
	PCI_TDI_EVENT_QUARANTINED,
};

/**
 * struct pci_tdi_host_ops - what the host does when a TDI is locked and stopped
 * @gate: the TDI is going to be locked. End shared access to its BARs; refuse
 *	new access, resets, power and configuration changes that would harm a
 *	locked TDI; see that the function is quiet. Returns 0, or -EBUSY if that
 *	cannot be done now, or another error; nothing has changed then.
 * @ranges: the TDI is locked for a VM. Let shared access to non-TEE ranges of the
 *	report go on; all else the VM may map as private memory, until @revoke. The
 *	VM is kept that long, the report is valid during the call. Returns 0, or an
 *	error with which the lock fails.
 * @trusted_dma: set up, or take away, what the host's IOMMU needs for the device
 *	to reach private memory of the VM. Set up before the guest enables DMA
 *	(%TSM_OP_ENABLE_DMA), or before %TSM_OP_START if the TSM leaves no such
 *	choice; that may fail, and DMA or the TDI is not started then. Taken away
 *	if it was set up; the result is ignored then.
 * @revoke: take every private mapping of the function's MMIO away from the VM
 *	and return when that is done
 * @ungate: the TDI is UNLOCKED: open shared access again
 * @event: see &enum pci_tdi_event; only takes note
 *
 * All are called with the TDI's mutex held and none of the core's other locks,
 * and may sleep. They take VFIO's memory_lock, a dma_resv lock, KVM's mmu_lock
 * and the like inside. They must not call a function of this interface but those
 * that are said to be lock-free. Hotplug of the function may be waiting
 * meanwhile, with pci_rescan_remove_lock held.
 *
 * Order of a lock: @gate, the device is locked, @ranges. Order of a teardown:
 * the device is stopped, @revoke, @trusted_dma off, @ungate. @revoke comes first
 * if the TSM has %PCI_TDI_REVOKE_BEFORE_STOP. What was not done is not undone:
 * no @ungate without @gate, no @revoke without @ranges. A TDI that is
 * quarantined stays gated, and as far revoked as it was.
 *
 * All are optional.
 */
struct pci_tdi_host_ops {
	int (*gate)(void *priv);
	int (*ranges)(void *priv, struct kvm *kvm,
		      const struct pci_tdi_report *report);
	int (*trusted_dma)(void *priv, bool on);
	void (*revoke)(void *priv);
	void (*ungate)(void *priv);
	void (*event)(void *priv, enum pci_tdi_event event);
};

/**
 * struct pci_tdi_create_args - what a TDI is created from
 * @vm: the VM
 * @guest_rid: number of the function in the VM; one that is too large is
 *	       refused, never truncated
 * @viommu: secure vIOMMU that the function is behind, for the same VM, or NULL
 * @host_ops: hooks of the caller
 * @host_priv: their argument
 */
struct pci_tdi_create_args {
	struct pci_tdi_vm vm;
	u64 guest_rid;
	struct pci_tdi_viommu *viommu;
	const struct pci_tdi_host_ops *host_ops;
	void *host_priv;
};

/**
 * struct pci_tdi_caps - what can be done with a function
 * @tsm_id: number of the TSM that its device is connected with, as in its name
 * @arch: whose requests the TSM takes
 * @op_mask: bit n: takes &enum tsm_op n
 * @max_req_len: the most bytes of a request
 * @max_resp_len: the most bytes of a response
 * @guest_rid_bits: width of a function's number in a guest
 * @viommu_types: bit n: has secure vIOMMUs of &enum iommu_viommu_type n
 * @confidential_vm: the TSM takes confidential VMs only, see &struct pci_tdi_vm
 */
struct pci_tdi_caps {
	u32 tsm_id;
	enum tsm_arch arch;
	u64 op_mask;
	u32 max_req_len;
	u32 max_resp_len;
	u32 guest_rid_bits;
	u64 viommu_types;
	bool confidential_vm;
};

/**
 * struct pci_tdi_result - what an operation has to say beside its errno
 * @tsm_code: result code of the TSM's architecture, 0 if there is none
 * @generation: counts the locks of the TDI
 * @flags: %TSM_OUT_COMMITTED, %TSM_OUT_QUARANTINED
 *
 * Filled in by success and by failure.
 */
struct pci_tdi_result {
	u64 tsm_code;
	u64 generation;
	u32 flags;
};

/**
 * struct pci_tdi_req - a request of a guest, or of its VMM
 * @arch: whose numbers it speaks, see &struct pci_tdi_caps
 * @op: &enum tsm_op
 * @req: kernel memory with the request, or NULL
 * @req_len: bytes at @req
 * @resp: kernel memory for the response, or NULL
 * @resp_len: bytes that fit at @resp; on return bytes that are there, or with
 *	      -EMSGSIZE bytes that are needed
 */
struct pci_tdi_req {
	u32 arch;
	u32 op;
	const void *req;
	size_t req_len;
	void *resp;
	size_t resp_len;
};

#ifdef CONFIG_PCI_TSM
int pci_tdi_query(struct pci_dev *pdev, struct pci_tdi_caps *caps);

struct pci_tdi_viommu *pci_tdi_viommu_create(struct pci_dev *pdev, u32 type,
					     const struct pci_tdi_vm *vm);
void pci_tdi_viommu_put(struct pci_tdi_viommu *viommu);

struct pci_tdi *pci_tdi_create(struct pci_dev *pdev,
			       const struct pci_tdi_create_args *args);
void pci_tdi_get(struct pci_tdi *tdi);
void pci_tdi_put(struct pci_tdi *tdi);
void pci_tdi_disarm(struct pci_tdi *tdi);
void pci_tdi_destroy(struct pci_tdi *tdi);

int pci_tdi_lock(struct pci_tdi *tdi, struct pci_tdi_result *result);
int pci_tdi_run(struct pci_tdi *tdi, struct pci_tdi_result *result);
int pci_tdi_stop(struct pci_tdi *tdi, struct pci_tdi_result *result);
int pci_tdi_check_req(struct pci_tdi *tdi, const struct pci_tdi_req *req);
int pci_tdi_guest_req(struct pci_tdi *tdi, struct pci_tdi_req *req,
		      struct pci_tdi_result *result);
int pci_tdi_state_req(struct pci_tdi *tdi, u32 arch,
		      struct tsm_tdi_state_resp *state,
		      struct pci_tdi_result *result);
int pci_tdi_get_state(struct pci_tdi *tdi, struct tsm_tdi_state_resp *state);

bool pci_tdi_quarantined(struct pci_dev *pdev);
void pci_tdi_note_reset(struct pci_dev *pdev);
void pci_tdi_note_power(struct pci_dev *pdev);
#else
static inline int pci_tdi_query(struct pci_dev *pdev, struct pci_tdi_caps *caps)
{
	return -EOPNOTSUPP;
}

static inline bool pci_tdi_quarantined(struct pci_dev *pdev)
{
	return false;
}

static inline void pci_tdi_note_reset(struct pci_dev *pdev)
{
}

static inline void pci_tdi_note_power(struct pci_dev *pdev)
{
}
#endif

#endif /* __LINUX_PCI_TDI_H */
