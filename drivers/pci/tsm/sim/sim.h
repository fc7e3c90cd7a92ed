/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulated platform: objects and the calls between its files.
 *
 * Two halves that share bytes and nothing else: the platform (bus, config
 * space, mailbox, IDE ports) and the parties that talk through it (the device's
 * security manager and the software link TSM).
 */
#ifndef _TSM_SIM_H
#define _TSM_SIM_H

#include <linux/atomic.h>
#include <linux/configfs.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <uapi/linux/iommufd.h>

#include "../../pci-bridge-emul.h"
#include "regs.h"

struct faux_device;
struct irq_domain;
struct sim_dsm;
struct sim_iommu_dev;
struct sim_platform;
struct tsm_dev;

#define SIM_NAME		"tsm-sim"

#define SIM_MAX_DEVICES		64	/* over all platforms */
#define SIM_MAX_FUNCTIONS	8	/* physical functions of a device */
#define SIM_MAX_VFS		256	/* over all platforms */
#define SIM_MAX_LATENCY_MS	900	/* the requester gives up after 1 s */
#define SIM_REMOVE_DELAY_MS	10	/* surprise removal to notification */

/**
 * enum sim_function_kind - which registers a function has
 * @SIM_FN_PF0: DOE, IDE, and SR-IOV if the device has virtual functions
 * @SIM_FN_PF: a further physical function
 * @SIM_FN_VF: a virtual function of PF0
 */
enum sim_function_kind {
	SIM_FN_PF0,
	SIM_FN_PF,
	SIM_FN_VF,
};

/**
 * enum sim_tdi_state - TDISP states of a function, as on the wire
 * @SIM_TDI_UNLOCKED: CONFIG_UNLOCKED, the host's
 * @SIM_TDI_LOCKED: CONFIG_LOCKED, what is done to its configuration is tracked
 * @SIM_TDI_RUN: RUN, the only state in which it may reach private memory
 * @SIM_TDI_ERROR: ERROR, until STOP_INTERFACE
 */
enum sim_tdi_state {
	SIM_TDI_UNLOCKED = 0,
	SIM_TDI_LOCKED = 1,
	SIM_TDI_RUN = 2,
	SIM_TDI_ERROR = 3,
};

/**
 * enum sim_tdi_cause - why a locked function went to ERROR (PCIe r6.1 11.2.6)
 * @SIM_TDI_COMMAND: Memory Space or Bus Master Enable was cleared
 * @SIM_TDI_BAR: a BAR or the expansion ROM register was written
 * @SIM_TDI_BIST: BIST was written
 * @SIM_TDI_POWER: a change of the power state lost the function's state
 * @SIM_TDI_DEVCTL: a bit of Device Control that matters changed
 * @SIM_TDI_MSIX: the MSI-X capability was written while its table is locked
 * @SIM_TDI_FLR: Function Level Reset, of the function or of its PF
 * @SIM_TDI_SRIOV: the SR-IOV capability of the function or of its PF was written
 * @SIM_TDI_IDE: a register of the bound IDE stream changed
 * @SIM_TDI_STREAM: the bound IDE stream got insecure in another way
 * @SIM_TDI_SESSION: the SPDM session that locked the function ended
 * @SIM_TDI_RID: the bus was given another number
 * @SIM_TDI_LINK: the link went down, or the device was pulled out
 * @SIM_TDI_DMA: data that its DMA read was poisoned
 * @SIM_TDI_DEVICE: because the device wants so
 * @SIM_TDI_NR_CAUSES: number of causes
 */
enum sim_tdi_cause {
	SIM_TDI_COMMAND,
	SIM_TDI_BAR,
	SIM_TDI_BIST,
	SIM_TDI_POWER,
	SIM_TDI_DEVCTL,
	SIM_TDI_MSIX,
	SIM_TDI_FLR,
	SIM_TDI_SRIOV,
	SIM_TDI_IDE,
	SIM_TDI_STREAM,
	SIM_TDI_SESSION,
	SIM_TDI_RID,
	SIM_TDI_LINK,
	SIM_TDI_DMA,
	SIM_TDI_DEVICE,
	SIM_TDI_NR_CAUSES,
};

/**
 * struct sim_tdi - a function as a TEE device interface
 * @state: see enum sim_tdi_state, changed by one function
 * @session: SPDM session that locked it
 * @stream: IDE block of the endpoint whose stream it is bound to
 * @msix: the MSI-X table is locked, too
 * @nonce: the one that starts it, while CONFIG_LOCKED
 * @report_len: bytes of @report
 * @report: interface report as of the lock
 *
 * All but @state has a meaning in CONFIG_LOCKED and RUN only, @msix in ERROR, too:
 * what is TEE memory stays that.
 */
struct sim_tdi {
	enum sim_tdi_state state;
	u32 session;
	unsigned int stream;
	bool msix;
	u8 nonce[SIM_TDI_NONCE_BYTES];
	size_t report_len;
	u8 report[SIM_TDI_REPORT_BYTES];
};

/**
 * enum sim_dma_result - how a transfer ended, as in the status register
 * @SIM_DMA_OK: all bytes were moved
 * @SIM_DMA_ABORTED: by the doorbell, a reset, or because the function is gone
 * @SIM_DMA_INVALID: no length, or not within the buffer; or BAR 0 is not there
 * @SIM_DMA_NO_MASTER: Bus Master Enable is clear, or the function is not in D0
 * @SIM_DMA_TDI_STATE: no DMA in this TDISP state, see sim_dma_allowed()
 * @SIM_DMA_T_BIT: not with this T bit in this TDISP state
 * @SIM_DMA_FAULT: T=0: the IOMMU does not translate the address for this access,
 *	or a peer does not answer it
 * @SIM_DMA_PRIVATE_FAULT: T=1: it is not private memory of the function's TVM
 * @SIM_DMA_POISONED: what was read was not fit for use, a fault of fault.c
 * @SIM_DMA_NR_RESULTS: number of results
 */
enum sim_dma_result {
	SIM_DMA_OK,
	SIM_DMA_ABORTED,
	SIM_DMA_INVALID,
	SIM_DMA_NO_MASTER,
	SIM_DMA_TDI_STATE,
	SIM_DMA_T_BIT,
	SIM_DMA_FAULT,
	SIM_DMA_PRIVATE_FAULT,
	SIM_DMA_POISONED,
	SIM_DMA_NR_RESULTS,
};

/**
 * struct sim_dma_job - a transfer, as the registers were when it began
 * @iova: address in memory
 * @offset: offset in the function's buffer
 * @len: bytes
 * @moved: bytes done
 * @ctrl: the control register: SIM_DMA_CTRL_TO_MEMORY and so on
 * @vector: MSI-X vector to raise at the end, -1 for none
 */
struct sim_dma_job {
	u64 iova;
	u32 offset;
	u32 len;
	u32 moved;
	u32 ctrl;
	int vector;
};

/**
 * struct sim_dma - the DMA engine of a function
 * @job: present or last transfer
 * @generation: counts transfers; a piece of an aborted one has an old number
 * @active: @job goes on
 * @in_flight: the work item moves a piece of it at this moment
 * @overrun: a doorbell was rung in vain
 * @done: @job has ended, and nobody has cleared that
 * @result: how, see enum sim_dma_result
 * @raise: vector that the work item has to raise, -1 for none
 * @wipe: the function was reset, the buffer is to be wiped before its next use
 * @dirty: there may be something in the buffer
 * @buf: the buffer; belongs to the work item
 * @work: moves @job piece by piece
 *
 * All but @buf under sim_device::lock.
 */
struct sim_dma {
	struct sim_dma_job job;
	u32 generation;
	bool active;
	bool in_flight;
	bool overrun;
	bool done;
	u8 result;
	int raise;
	bool wipe;
	bool dirty;
	u8 *buf;
	struct delayed_work work;
};

/**
 * struct sim_function - one function: its config space and its TDI
 * @dev: device that the function belongs to
 * @kind: what registers it has
 * @cfg: shadow registers, one host-endian dword each
 * @tdi: what TDISP knows of it
 * @dma: its DMA engine
 * @msix_pending: MSI-X vectors that were raised while masked
 * @iommu: what the IOMMU knows of it, under the lock of iommu.c
 * @tvm: whose private memory T=1 reaches, under the lock of tvm.c
 *
 * All else under sim_device::lock.
 */
struct sim_function {
	struct sim_device *dev;
	enum sim_function_kind kind;
	u32 cfg[SIM_CFG_SHADOW_BYTES / 4];
	struct sim_tdi tdi;
	struct sim_dma dma;
	DECLARE_BITMAP(msix_pending, SIM_MSIX_VECTORS);
	struct sim_iommu_dev *iommu;
	void *tvm;
};

/**
 * struct sim_ide_key - one key slot of a stream
 * @key: AES-256 key, in the order of the bytes on the wire
 * @iv: initial value, in the order of the bytes on the wire
 * @valid: a key is programmed
 * @go: the port was told to use it
 */
struct sim_ide_key {
	u8 key[SIM_IDE_KEY_BYTES];
	u8 iv[SIM_IDE_IV_BYTES];
	bool valid;
	bool go;
};

/**
 * struct sim_ide_stream - one selective stream register block and its keys
 * @ctl: control register
 * @rid: RID association registers, as written
 * @addr: address association registers, as written
 * @keys: key slots, by key set, direction and sub-stream
 */
struct sim_ide_stream {
	u32 ctl;
	u32 rid[2];
	u32 addr[SIM_IDE_NR_ADDR][3];
	struct sim_ide_key keys[SIM_IDE_KEY_SETS][SIM_IDE_DIRECTIONS]
			       [SIM_IDE_SUB_STREAMS];
};

/**
 * struct sim_ide_port - IDE of an endpoint or of a root port
 * @dev: device (root port and endpoint) that the port is an end of
 * @nr_streams: selective stream register blocks
 * @ctl: IDE control register
 * @streams: @nr_streams blocks
 *
 * All under sim_device::lock.
 */
struct sim_ide_port {
	struct sim_device *dev;
	unsigned int nr_streams;
	u32 ctl;
	struct sim_ide_stream *streams;
};

/**
 * enum sim_doe_state - what the mailbox of a device is doing
 * @SIM_DOE_COLLECT: idle, or collecting a request
 * @SIM_DOE_BUSY: GO was written, the answer is not ready
 * @SIM_DOE_READY: an answer waits in the read mailbox
 * @SIM_DOE_ERROR: only ABORT helps
 */
enum sim_doe_state {
	SIM_DOE_COLLECT,
	SIM_DOE_BUSY,
	SIM_DOE_READY,
	SIM_DOE_ERROR,
};

/**
 * struct sim_doe_buf - one data object, header included
 * @nr_dw: dwords in @dw
 * @dw: host-endian dwords as they pass through the mailbox registers
 */
struct sim_doe_buf {
	unsigned int nr_dw;
	u32 dw[SIM_DOE_MAX_DW];
};

/**
 * struct sim_doe - the DOE mailbox
 * @state: see enum sim_doe_state, changed by one function
 * @generation: counts exchanges; an answer to an aborted one has an old number
 * @req: request as it is written
 * @rsp: answer as it is read
 * @rsp_pos: dword of @rsp that the read mailbox shows
 * @due: time in jiffies at which the answer of this exchange may show
 * @reset: the device was reset, its sessions must end before the next exchange
 * @taken: generation of the last exchange that @exchange began
 * @done: generation of the exchange that @work_rsp answers
 * @work_req: request of the exchange that @exchange works on
 * @work_rsp: its answer
 * @exchange: runs the conversation's next message through the device
 * @publish: shows @work_rsp when it is due
 *
 * The buffers change hands by swapping pointers, so that neither side ever
 * copies an object with interrupts off. @work_req and @work_rsp belong to the
 * work items, all else is under sim_device::lock.
 */
struct sim_doe {
	enum sim_doe_state state;
	u32 generation;
	struct sim_doe_buf *req;
	struct sim_doe_buf *rsp;
	unsigned int rsp_pos;
	unsigned long due;
	bool reset;
	u32 taken;
	u32 done;

	struct sim_doe_buf *work_req;
	struct sim_doe_buf *work_rsp;
	struct work_struct exchange;
	struct delayed_work publish;
};

/**
 * enum sim_presence - what of a device is there
 * @SIM_ABSENT: not built, or unplugged together with its root port
 * @SIM_PRESENT: root port and endpoint
 * @SIM_REMOVED: the endpoint was pulled out by surprise, the root port stays;
 *		 it comes back with the next live cycle
 */
enum sim_presence {
	SIM_ABSENT,
	SIM_PRESENT,
	SIM_REMOVED,
};

/* Faults, and the device's security manager: fault.c, dsm.c, link-tsm.c */

/**
 * enum sim_fault_action - what the mailbox does with a request
 * @SIM_FAULT_NONE: hand it to the device
 * @SIM_FAULT_NO_ANSWER: stay busy until ABORT
 * @SIM_FAULT_DOE_ERROR: set the mailbox's error bit
 * @SIM_FAULT_REMOVE: the device vanishes, see sim_device_surprise_remove()
 */
enum sim_fault_action {
	SIM_FAULT_NONE,
	SIM_FAULT_NO_ANSWER,
	SIM_FAULT_DOE_ERROR,
	SIM_FAULT_REMOVE,
};

/**
 * struct sim_fault - the configured fault of a device
 * @lock: innermost, also taken under sim_device::lock
 * @kind: private to fault.c, 0 is none
 * @message: message at which the fault strikes, counted from 1
 * @arg: meaning depends on @kind
 * @count: messages since the last GET_VERSION
 * @again: the last one was answered with BUSY, the next one is its repetition
 * @resumed: the present one asks for an answer that was not ready
 * @hits: times that the fault struck since it was set
 */
struct sim_fault {
	raw_spinlock_t lock;
	unsigned int kind;
	unsigned int message;
	unsigned int arg;
	unsigned int count;
	bool again;
	bool resumed;
	unsigned int hits;
};

/**
 * enum sim_tsm_fault - what the firmware of the TSM fails at
 * @SIM_TSM_FAULT_CREATE: making a TDI
 * @SIM_TSM_FAULT_DESTROY: giving up what it made for a TDI
 * @SIM_TSM_FAULT_LOCK: LOCK_INTERFACE, which is not sent
 * @SIM_TSM_FAULT_REPORT: reading the device interface report
 * @SIM_TSM_FAULT_DMA: preparing or enabling DMA to private memory
 * @SIM_TSM_FAULT_RUN: START_INTERFACE, which is not sent
 * @SIM_TSM_FAULT_STOP: STOP_INTERFACE, which is not sent
 * @SIM_TSM_FAULT_FORCE: stopping a TDI without the device
 * @SIM_TSM_FAULT_BLOCK: taking the IDE stream out of use
 * @SIM_TSM_FAULT_RELEASE: giving up what a lock made it hold
 * @SIM_TSM_FAULT_PATIENCE: losing it with a device that is BUSY
 * @SIM_TSM_NR_FAULTS: number of them
 */
enum sim_tsm_fault {
	SIM_TSM_FAULT_CREATE,
	SIM_TSM_FAULT_DESTROY,
	SIM_TSM_FAULT_LOCK,
	SIM_TSM_FAULT_REPORT,
	SIM_TSM_FAULT_DMA,
	SIM_TSM_FAULT_RUN,
	SIM_TSM_FAULT_STOP,
	SIM_TSM_FAULT_FORCE,
	SIM_TSM_FAULT_BLOCK,
	SIM_TSM_FAULT_RELEASE,
	SIM_TSM_FAULT_PATIENCE,
	SIM_TSM_NR_FAULTS,
};

/* The one type of secure vIOMMU */
#define SIM_VIOMMU_TYPE		IOMMU_VIOMMU_TYPE_TSM_SIM

/* All of &enum tsm_op */
#define SIM_OP_MASK		GENMASK_ULL(9, 1)

/* Bus, device and function; no segment */
#define SIM_GUEST_RID_BITS	16

/**
 * struct sim_device - a root port with an endpoint below
 * @group: configfs directory
 * @platform: platform that it is plugged into
 * @index: slot of @platform, fixes the root port's devfn
 * @nr_functions: physical functions (before live)
 * @total_vfs: virtual functions of PF0 (before live)
 * @soft_reset: D3hot to D0 resets a function (before live)
 * @iommu: an IOMMU translates its functions' requests (before live)
 * @secured_doe: the mailbox takes secured messages (before live)
 * @latency_ms: delay of the answer to a message of DOE type 1 or 2
 * @messages: messages of DOE types 1 and 2 seen since live
 * @dma_results: transfers that ended since live, by result
 * @interrupts: MSI-X messages that arrived since live
 * @interrupts_refused: those that did not
 * @msix: there is memory behind the BARs, so the functions have MSI-X
 * @fault: configured fault
 * @tsm_faults: bit n: the TSM fails at &enum sim_tsm_fault n for this device
 * @transcript_bytes: how large the TSM makes the transcript of a session, at least
 * @dsm: the device's security manager, from sim_dsm_init() to sim_dsm_exit()
 * @lock: everything below; taken with interrupts off by config accessors, so
 *	  nothing under it sleeps, allocates or takes a spinlock_t
 * @presence: see enum sim_presence, changed by one function
 * @link_up: the endpoint can be reached, see sim_port_update_link()
 * @port: the root port's config space
 * @port_acs: the root port's ACS control register
 * @port_ide: the root port's IDE
 * @ide: the endpoint's IDE
 * @doe: the endpoint's mailbox
 * @fn: physical functions, then virtual functions
 * @tdi_errors: how often TDIs went to ERROR since live, by cause
 * @remove: tells the kernel about a surprise removal
 * @msix_poll: looks whether pending vectors were unmasked
 */
struct sim_device {
	struct config_group group;
	struct sim_platform *platform;
	unsigned int index;
	unsigned int nr_functions;
	unsigned int total_vfs;
	bool soft_reset;
	bool iommu;
	bool secured_doe;
	unsigned int latency_ms;
	atomic_t messages;
	atomic_t dma_results[SIM_DMA_NR_RESULTS];
	atomic_t interrupts;
	atomic_t interrupts_refused;
	bool msix;
	struct sim_fault fault;
	unsigned int tsm_faults;
	unsigned int transcript_bytes;
	struct sim_dsm *dsm;

	raw_spinlock_t lock;
	enum sim_presence presence;
	bool link_up;
	struct pci_bridge_emul port;
	u16 port_acs;
	struct sim_ide_port port_ide;
	struct sim_ide_port ide;
	struct sim_doe doe;
	struct sim_function *fn;
	unsigned int tdi_errors[SIM_TDI_NR_CAUSES];
	struct delayed_work remove;
	struct delayed_work msix_poll;
};

/**
 * struct sim_platform - a host bridge and a link TSM of its own
 * @group: configfs directory
 * @id: number in the names of @faux and of messages
 * @lock: serialises live and changes of the topology
 * @live: the bus is built and the TSM registered (written under @lock)
 * @parallel: the TSM takes operations on several devices at a time (before live)
 * @op_mask: bit n: the TSM takes &enum tsm_op n; 0: it knows no TDIs at all
 *	     (before live, as those that follow)
 * @guest_rid_bits: width of a function's number in a guest
 * @revoke_first: the TSM wants MMIO revoked before the device is stopped
 * @confidential_vm: the TSM takes confidential VMs only
 * @lock_msix: the TSM locks MSI-X tables with their functions
 * @arch: whose numbers the TSM says it speaks, enum tsm_arch
 * @faux: parent of the bus and of the TSM while live
 * @bridge: the host bridge while live
 * @buses: bus numbers behind @bridge
 * @window: where the functions' BARs are, inside of iomem_resource
 * @mem: the memory behind @window while live, if there is any
 * @irq_domain: parent of the functions' MSI-X domains while live
 * @irqs: function that an interrupt number was given to
 * @domain: PCI domain of the bus, PCI_DOMAIN_NR_NOT_SET while there is none
 * @device: devices by slot; config accessors read it under RCU
 * @tsm_dev: set by sim_link_tsm_register(), cleared by sim_link_tsm_unregister()
 */
struct sim_platform {
	struct config_group group;
	int id;
	struct mutex lock;	/* outermost, but for configfs' own */
	bool live;
	bool parallel;
	u64 op_mask;
	unsigned int guest_rid_bits;
	bool revoke_first;
	bool confidential_vm;
	bool lock_msix;
	u32 arch;
	struct faux_device *faux;
	struct pci_host_bridge *bridge;
	struct resource buses;
	struct resource window;
	void __iomem *mem;
	struct irq_domain *irq_domain;
	struct xarray irqs;
	int domain;
	struct sim_device __rcu *device[SIM_MAX_DEVICES];
	struct tsm_dev *tsm_dev;
};

static inline struct sim_platform *to_sim_platform(struct config_item *item)
{
	return container_of(to_config_group(item), struct sim_platform, group);
}

static inline struct sim_device *to_sim_device(struct config_item *item)
{
	return container_of(to_config_group(item), struct sim_device, group);
}

/* main.c */
extern struct workqueue_struct *sim_wq;
int sim_window_alloc(struct resource *window, resource_size_t size);
void sim_window_free(struct resource *window);
bool sim_window_backed(void);

/* consumer.c */
#ifdef CONFIG_DEBUG_FS
void sim_consumer_init(void);
void sim_consumer_exit(void);
#else
static inline void sim_consumer_init(void)
{
}

static inline void sim_consumer_exit(void)
{
}
#endif

/* configfs-device.c */
struct config_group *sim_platform_make_device(struct config_group *group,
					      const char *name);
void sim_platform_drop_device(struct config_group *group,
			      struct config_item *item);

/* configfs.c */
int sim_configfs_init(void);
void sim_configfs_exit(void);

/* device.c */
struct sim_device *sim_device_create(void);
void sim_device_destroy(struct sim_device *d);
int sim_device_build(struct sim_device *d);
void sim_device_dismantle(struct sim_device *d);
void sim_device_unplug(struct sim_device *d);
int sim_device_surprise_remove(struct sim_device *d);
void sim_device_disable_sriov(struct sim_device *d);

/* bus.c */
int sim_platform_up(struct sim_platform *p);
void sim_platform_down(struct sim_platform *p);
struct sim_device *sim_device_from_pdev(struct pci_dev *pdev);
struct sim_function *sim_function_from_pdev(struct pci_dev *pdev);
struct pci_dev *sim_device_get_pf0(struct sim_device *d);
struct pci_dev *sim_device_get_port(struct sim_device *d);
u16 sim_device_rid(struct sim_device *d);
u16 sim_function_rid(struct sim_function *f);
struct sim_function *sim_device_function(struct sim_device *d, u16 rid);
ssize_t sim_device_name(struct sim_device *d, bool port, char *page);
void sim_platform_plug(struct sim_platform *p, struct sim_device *d);
#if IS_ENABLED(CONFIG_KUNIT)
struct sim_device *sim_route_bus(struct sim_platform *p, unsigned int bus);
struct sim_function *sim_route_function(struct sim_device *d, unsigned int bus,
					unsigned int devfn);
#endif

/* May the function send requests of its own? Under sim_device::lock */
static inline bool sim_function_is_master(struct sim_function *f)
{
	return f->cfg[PCI_COMMAND / 4] & PCI_COMMAND_MASTER &&
	       !(f->cfg[(SIM_CAP_PM + PCI_PM_CTRL) / 4] &
		 PCI_PM_CTRL_STATE_MASK);
}

/* config.c: under sim_device::lock */
void sim_function_reset(struct sim_function *f);
u32 sim_function_read(struct sim_function *f, unsigned int where, int size);
void sim_function_write(struct sim_function *f, unsigned int where, int size,
			u32 val);
u64 sim_function_bar(struct sim_function *f, unsigned int bar, u64 *base);

/* sriov.c: under sim_device::lock */
void sim_sriov_reset(struct sim_function *f);
u32 sim_sriov_write(struct sim_function *f, unsigned int reg, u32 old, u32 new);
unsigned int sim_sriov_nr_vfs(struct sim_device *d);
bool sim_function_present(struct sim_function *f);

/* track.c: under sim_device::lock */
u8 sim_function_tdi_state(struct sim_function *f);
void sim_function_tdi_error(struct sim_function *f, enum sim_tdi_cause why);
void sim_tdi_lock(struct sim_function *f, u32 session, unsigned int stream,
		  bool msix, const u8 nonce[SIM_TDI_NONCE_BYTES]);
void sim_tdi_start(struct sim_function *f);
void sim_tdi_quiesce(struct sim_function *f);
void sim_tdi_unlock(struct sim_function *f);
void sim_tdi_family_error(struct sim_function *f, enum sim_tdi_cause why);
void sim_tdi_all_error(struct sim_device *d, enum sim_tdi_cause why);
void sim_tdi_session_end(struct sim_device *d, u32 session);
void sim_tdi_stream_changed(struct sim_device *d, unsigned int stream);
void sim_tdi_check_streams(struct sim_device *d);
void sim_track_write(struct sim_function *f, unsigned int where, u32 mask,
		     u32 old, u32 new);
const char *sim_tdi_cause_name(enum sim_tdi_cause why);

/* dma.c: registers, under sim_device::lock */
void sim_dma_reset(struct sim_function *f);
u32 sim_dma_read(struct sim_function *f, unsigned int reg);
void sim_dma_write(struct sim_function *f, unsigned int reg, u32 val, u32 mask);
bool sim_dma_busy(struct sim_function *f);

/* dma.c: may sleep */
int sim_dma_init(struct sim_device *d);
void sim_dma_quiesce(struct sim_device *d);
void sim_dma_free(struct sim_device *d);
void sim_dma_drain(struct sim_function *f);
void sim_function_scrub(struct sim_function *f);

/* bar.c: map under sim_device::lock, the others may sleep */
int sim_bar_memory_map(struct sim_platform *p);
void sim_bar_memory_unmap(struct sim_platform *p);
int sim_bar_peer_copy(struct sim_platform *p, u64 address, void *buf, size_t len,
		      bool to_bar);
void __iomem *sim_bar_map(struct sim_function *f, unsigned int bar,
			  unsigned int offset, unsigned int len);
void sim_bar_scrub(struct sim_function *f);

/* msix.c: reset under sim_device::lock; raise without it, from a work item */
void sim_msix_init(struct sim_device *d);
void sim_msix_quiesce(struct sim_device *d);
void sim_msix_reset(struct sim_function *f);
void sim_msix_raise(struct sim_function *f, unsigned int vector);

/* irq.c: the root complex's end of an interrupt */
#define SIM_IRQ_MAX		((SIM_MAX_DEVICES * SIM_MAX_FUNCTIONS + \
				  SIM_MAX_VFS) * SIM_MSIX_VECTORS)
int sim_irq_init(struct sim_platform *p);
void sim_irq_exit(struct sim_platform *p);
int sim_irq_message(struct sim_function *f, u64 addr, u32 data);

/* iommu.c: what T=0 sees */
struct iommu_domain;
int sim_iommu_init(void);
void sim_iommu_exit(void);
struct iommu_domain *sim_iommu_domain_alloc(struct device *dev);
int sim_iommu_probe(struct sim_function *f, struct device *dev);
void sim_iommu_release(struct sim_function *f);
void sim_iommu_attach(struct sim_function *f, struct iommu_domain *domain);
int sim_iommu_copy(struct sim_function *f, u64 iova, void *buf, size_t len,
		   bool to_memory);

/**
 * struct sim_tvm_share - a function whose T=0 requests are for a TVM of this kernel
 * @node: entry in the list of them, under the lock of tvm.c
 * @host: the function; it may be gone
 * @guest: the same, as the TVM's IOMMU knows it
 */
struct sim_tvm_share {
	struct list_head node;
	const struct sim_function *host;
	struct sim_function *guest;
};

/**
 * struct sim_tvm_provider - who has the private memory of TVMs
 * @copy: move bytes between a buffer and private memory
 *
 * @copy gets the TVM as sim_tvm_attach() had it, the requester, a guest physical
 * address, a buffer, a length that stays within 4 KiB of both, and whether memory
 * is written. It looks the page up, copies, and keeps nothing. It may sleep. It
 * returns 0, or -EFAULT if that is not private memory of this TVM.
 */
struct sim_tvm_provider {
	int (*copy)(void *tvm, struct sim_function *f, u64 gpa, void *buf,
		    size_t len, bool to_memory);
};

/* tvm.c: what T=1 sees; may sleep */
int sim_tvm_provider_register(const struct sim_tvm_provider *provider);
void sim_tvm_provider_unregister(const struct sim_tvm_provider *provider);
void sim_tvm_attach(struct sim_function *f, void *tvm);
void sim_tvm_detach(struct sim_function *f);
void sim_tvm_share(struct sim_tvm_share *share);
void sim_tvm_unshare(struct sim_tvm_share *share);
int sim_tvm_copy_shared(struct sim_function *f, u64 iova, void *buf, size_t len,
			bool to_memory);
int sim_tvm_copy(struct sim_function *f, u64 gpa, void *buf, size_t len,
		 bool to_memory);

/* port.c: under sim_device::lock, but for init and free */
int sim_port_init(struct sim_device *d);
void sim_port_free(struct sim_device *d);
void sim_port_update_link(struct sim_device *d);

/* doe.c */
int sim_doe_init(struct sim_doe *doe);
void sim_doe_quiesce(struct sim_doe *doe);
void sim_doe_free(struct sim_doe *doe);
u32 sim_doe_read(struct sim_doe *doe, unsigned int reg);
void sim_doe_write(struct sim_doe *doe, unsigned int reg, u32 val, u32 mask);
void sim_doe_flr(struct sim_doe *doe);
void sim_doe_reset(struct sim_doe *doe);

/* ide.c: registers, under sim_device::lock */
int sim_ide_init(struct sim_ide_port *port, struct sim_device *d,
		 unsigned int nr_streams);
void sim_ide_free(struct sim_ide_port *port);
void sim_ide_reset(struct sim_ide_port *port);
u32 sim_ide_read(struct sim_ide_port *port, unsigned int reg);
void sim_ide_write(struct sim_ide_port *port, unsigned int reg, u32 val,
		   u32 mask);
bool sim_ide_block_secure(struct sim_ide_port *port, unsigned int block);
int sim_ide_default_stream(struct sim_ide_port *port, u8 *stream_id);

/* ide.c: keys, for the security managers; they take sim_device::lock */
static inline struct sim_ide_port *
sim_device_endpoint_ide(struct sim_device *d)
{
	return &d->ide;
}

static inline struct sim_ide_port *sim_device_port_ide(struct sim_device *d)
{
	return &d->port_ide;
}

int sim_ide_key_program(struct sim_ide_port *port, u8 stream_id, u8 key_set,
			u8 direction, u8 sub_stream,
			const u8 key[SIM_IDE_KEY_BYTES],
			const u8 iv[SIM_IDE_IV_BYTES]);
int sim_ide_key_go(struct sim_ide_port *port, u8 stream_id, u8 key_set,
		   u8 direction, u8 sub_stream);
int sim_ide_key_stop(struct sim_ide_port *port, u8 stream_id, u8 key_set,
		     u8 direction, u8 sub_stream);
void sim_ide_stream_forget(struct sim_ide_port *port, u8 stream_id);
size_t sim_ide_read_regs(struct sim_ide_port *port, u32 *dw, size_t n);
bool sim_ide_port_secure(struct sim_ide_port *port);

/* dsm.c: may sleep; exchange and session_reset are never called in parallel */
int sim_dsm_init(struct sim_device *d);
void sim_dsm_exit(struct sim_device *d);
int sim_dsm_exchange(struct sim_device *d, u8 doe_type, const void *req,
		     size_t len, void *rsp, size_t size);
void sim_dsm_session_reset(struct sim_device *d);
unsigned int sim_dsm_sessions(struct sim_device *d);

/* link-tsm.c: may sleep */
int sim_link_tsm_register(struct sim_platform *p);
void sim_link_tsm_unregister(struct sim_platform *p);
int sim_link_tsm_refresh(struct sim_device *d);

/* link-fault.c */
int sim_tsm_fault_parse(struct sim_device *d, const char *text);
ssize_t sim_tsm_fault_show(struct sim_device *d, char *page);

/* What a TSM may have to say about a session: more than the core takes of an object */
#define SIM_MAX_TRANSCRIPT	SZ_2M

/*
 * fault.c: request and response are called from the exchange's work item,
 * lengths in bytes and always whole dwords; response returns the new length
 * (at most size). never_secure is called under sim_device::lock, dma_poisoned
 * from the engine's work item.
 */
void sim_fault_init(struct sim_device *d);
int sim_fault_parse(struct sim_device *d, const char *text);
ssize_t sim_fault_show(struct sim_device *d, char *page);
unsigned int sim_fault_hits(struct sim_device *d);
bool sim_fault_resumes(u8 doe_type, const void *req, size_t len);
enum sim_fault_action sim_fault_request(struct sim_device *d, u8 doe_type,
					const void *req, size_t len);
size_t sim_fault_response(struct sim_device *d, u8 doe_type, void *rsp,
			  size_t len, size_t size);
bool sim_fault_never_secure(struct sim_device *d);
bool sim_fault_dma_poisoned(struct sim_device *d);

#endif /* _TSM_SIM_H */
