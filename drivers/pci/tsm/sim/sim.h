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

#include "../../pci-bridge-emul.h"

struct faux_device;
struct sim_dsm;
struct sim_platform;
struct tsm_dev;

#define SIM_NAME		"tsm-sim"

/* Identity of the functions; the CMA subject name of the leaf follows it */
#define SIM_VENDOR_ID		0x1b36
#define SIM_DEVICE_ID		0x0110
#define SIM_PORT_DEVICE_ID	0x0111
#define SIM_VF_DEVICE_ID	0x0112
#define SIM_CLASS		0x120000
#define SIM_REVISION		0x01
#define SIM_SUBSYS_VENDOR_ID	0x1af4
#define SIM_SUBSYS_ID		0x1100

#define SIM_MAX_DEVICES		64	/* over all platforms */
#define SIM_MAX_FUNCTIONS	8	/* physical functions of a device */
#define SIM_MAX_VFS		256	/* over all platforms */
#define SIM_MAX_LATENCY_MS	900	/* the requester gives up after 1 s */
#define SIM_REMOVE_DELAY_MS	10	/* surprise removal to notification */

/* DOE: the two header dwords, and the longest payload in either direction */
#define SIM_DOE_HEADER_DW	2
#define SIM_DOE_PAYLOAD_BYTES	8192
#define SIM_DOE_MAX_DW		(SIM_DOE_HEADER_DW + SIM_DOE_PAYLOAD_BYTES / 4)

#define SIM_DOE_TYPE_DISCOVERY	0
#define SIM_DOE_TYPE_CMA	1
#define SIM_DOE_TYPE_SECURED	2

/* IDE: selective streams of either end, address association blocks of each */
#define SIM_IDE_EP_STREAMS	2
#define SIM_IDE_PORT_STREAMS	64
#define SIM_IDE_NR_ADDR		2
#define SIM_IDE_KEY_SETS	2
#define SIM_IDE_DIRECTIONS	2	/* 0 Rx, 1 Tx, seen from the port itself */
#define SIM_IDE_SUB_STREAMS	3	/* PR, NPR, CPL */
#define SIM_IDE_KEY_BYTES	32
#define SIM_IDE_IV_BYTES	8
/* CAP, CTL, and per stream CAP, CTL, STS, RID 1-2 and 3 dwords per block */
#define SIM_IDE_STREAM_DW	(5 + 3 * SIM_IDE_NR_ADDR)
#define SIM_IDE_REGS_DW(n)	(2 + (n) * SIM_IDE_STREAM_DW)
#define SIM_IDE_MAX_REGS_DW	SIM_IDE_REGS_DW(SIM_IDE_PORT_STREAMS)

/*
 * Layout of a function's config space. What is below SIM_CFG_SHADOW_BYTES is
 * kept as registers with write masks (config.c), the mailbox behind its header
 * and IDE have models of their own. The root port has IDE at the same place.
 */
#define SIM_CAP_PM		0x40
#define SIM_CAP_EXP		0x50
#define SIM_EXT_DOE		0x100
#define SIM_EXT_SRIOV		0x140
#define SIM_CFG_SHADOW_BYTES	0x200
#define SIM_EXT_IDE		0x200

/* BARs: all 64-bit and prefetchable, so that one window above 4 GiB serves */
#define SIM_BAR0_SIZE		SZ_64K
#define SIM_BAR2_SIZE		SZ_16K
#define SIM_VF_BAR_SIZE		SZ_64K
/* Bit n is 2^(n + 12) bytes: 4K, 8K, 16K, 64K, 256K, 1M, 4M */
#define SIM_SRIOV_PAGE_SIZES	0x557

#define SIM_LINK_SPEEDS		(PCI_EXP_LNKCAP2_SLS_2_5GB | \
				 PCI_EXP_LNKCAP2_SLS_5_0GB | \
				 PCI_EXP_LNKCAP2_SLS_8_0GB | \
				 PCI_EXP_LNKCAP2_SLS_16_0GB | \
				 PCI_EXP_LNKCAP2_SLS_32_0GB)
#define SIM_LINK_STATUS		(PCI_EXP_LNKSTA_CLS_32_0GB | \
				 PCI_EXP_LNKSTA_NLW_X8)

/* Error bits of Device Status */
#define SIM_DEVSTA_W1C		(PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | \
				 PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD)

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
 * struct sim_function - config space of one function
 * @dev: device that the function belongs to
 * @kind: what registers it has
 * @cfg: shadow registers, one host-endian dword each
 *
 * All under sim_device::lock.
 */
struct sim_function {
	struct sim_device *dev;
	enum sim_function_kind kind;
	u32 cfg[SIM_CFG_SHADOW_BYTES / 4];
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

/* ---- faults and the device's security manager: fault.c, dsm.c, link-tsm.c ---- */

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

/* ---- end of the block of faults and the security manager ---- */

/**
 * struct sim_device - a root port with an endpoint below
 * @group: configfs directory
 * @platform: platform that it is plugged into
 * @index: slot of @platform, fixes the root port's devfn
 * @nr_functions: physical functions (before live)
 * @total_vfs: virtual functions of PF0 (before live)
 * @latency_ms: delay of the answer to a message of DOE type 1 or 2
 * @messages: messages of DOE types 1 and 2 seen since live
 * @fault: configured fault
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
 * @remove: tells the kernel about a surprise removal
 */
struct sim_device {
	struct config_group group;
	struct sim_platform *platform;
	unsigned int index;
	unsigned int nr_functions;
	unsigned int total_vfs;
	unsigned int latency_ms;
	atomic_t messages;
	struct sim_fault fault;
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
	struct delayed_work remove;
};

/**
 * struct sim_platform - a host bridge and a link TSM of its own
 * @group: configfs directory
 * @id: number in the names of @faux and of messages
 * @lock: serialises live and changes of the topology
 * @live: the bus is built and the TSM registered (written under @lock)
 * @parallel: the TSM takes operations on several devices at a time (before live)
 * @faux: parent of the bus and of the TSM while live
 * @bridge: the host bridge while live
 * @buses: bus numbers behind @bridge
 * @window: where the functions' BARs are, inside of iomem_resource
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
	struct faux_device *faux;
	struct pci_host_bridge *bridge;
	struct resource buses;
	struct resource window;
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

/* configfs.c */
int sim_configfs_init(void);
void sim_configfs_exit(void);

/* bus.c */
struct sim_device *sim_device_create(void);
void sim_device_destroy(struct sim_device *d);
int sim_device_build(struct sim_device *d);
void sim_device_dismantle(struct sim_device *d);
int sim_platform_up(struct sim_platform *p);
void sim_platform_down(struct sim_platform *p);
void sim_device_unplug(struct sim_device *d);
int sim_device_surprise_remove(struct sim_device *d);
struct sim_device *sim_device_from_pdev(struct pci_dev *pdev);
struct pci_dev *sim_device_get_pf0(struct sim_device *d);
struct pci_dev *sim_device_get_port(struct sim_device *d);
u16 sim_device_rid(struct sim_device *d);
ssize_t sim_device_name(struct sim_device *d, bool port, char *page);
void sim_platform_plug(struct sim_platform *p, struct sim_device *d);
#if IS_ENABLED(CONFIG_KUNIT)
struct sim_device *sim_route_bus(struct sim_platform *p, unsigned int bus);
struct sim_function *sim_route_function(struct sim_device *d, unsigned int bus,
					unsigned int devfn);
#endif

/* config.c: under sim_device::lock */
void sim_function_reset(struct sim_function *f);
u32 sim_function_read(struct sim_function *f, unsigned int where, int size);
void sim_function_write(struct sim_function *f, unsigned int where, int size,
			u32 val);

/* sriov.c: under sim_device::lock */
void sim_sriov_reset(struct sim_function *f);
u32 sim_sriov_write(struct sim_function *f, unsigned int reg, u32 old, u32 new);
unsigned int sim_sriov_nr_vfs(struct sim_device *d);

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

/*
 * fault.c: request and response are called from the exchange's work item,
 * lengths in bytes and always whole dwords; response returns the new length
 * (at most size). never_secure is called under sim_device::lock.
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

#endif /* _TSM_SIM_H */
