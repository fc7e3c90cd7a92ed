/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test consumer: what stands in for iommufd, VFIO and KVM.
 *
 *   consumer.c		the file, and the objects that commands name
 *   consumer-tdi.c	commands about TDIs
 *   consumer-host.c	VMs, and the hooks of a host
 *   consumer-guest.c	what a VM sees of a TDI; see guest.h
 */
#ifndef _TSM_SIM_CONSUMER_H
#define _TSM_SIM_CONSUMER_H

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci-tdi.h>
#include <linux/pci-tdi-report.h>
#include <linux/seq_buf.h>
#include <linux/sizes.h>
#include <linux/types.h>

#define SIM_VM_MAX_MEM		SZ_16M
#define SIM_HOST_LOG		128

struct sim_function;

/**
 * struct sim_vm_view - a function as the host and as a VM of this kernel has it
 * @node: entry in sim_vm::views
 * @host: function that is assigned; not to be followed, it may be gone
 * @guest: the same, as the VM's IOMMU knows it
 */
struct sim_vm_view {
	struct list_head node;
	const struct sim_function *host;
	struct sim_function *guest;
};

/**
 * struct sim_vm - what the core takes for a VM
 * @ref: the command's that made it, and those of the core
 * @mem_size: bytes of private memory, from guest physical address 0 on
 * @mem: it
 * @lock: protects @views
 * @views: functions whose VM is in this kernel, on the loopback: instead of @mem
 *	they reach what its IOMMU lets them
 * @quarantined: times that a host was told of a TDI being quarantined; the core
 *		 keeps a reference for each of them, for as long as there is a kernel
 */
struct sim_vm {
	struct kref ref;
	size_t mem_size;
	u8 *mem;
	struct mutex lock;	/* views */
	struct list_head views;
	atomic_t quarantined;
};

/**
 * enum sim_hook - hooks of a host, see &struct pci_tdi_host_ops
 * @SIM_HOOK_GATE: gate
 * @SIM_HOOK_RANGES: ranges
 * @SIM_HOOK_DMA_ON: trusted_dma, set up
 * @SIM_HOOK_DMA_OFF: trusted_dma, taken away
 * @SIM_HOOK_REVOKE: revoke
 * @SIM_HOOK_UNGATE: ungate
 * @SIM_HOOK_EVENT: event
 * @SIM_NR_HOOKS: number of them
 */
enum sim_hook {
	SIM_HOOK_GATE,
	SIM_HOOK_RANGES,
	SIM_HOOK_DMA_ON,
	SIM_HOOK_DMA_OFF,
	SIM_HOOK_REVOKE,
	SIM_HOOK_UNGATE,
	SIM_HOOK_EVENT,
	SIM_NR_HOOKS,
};

/**
 * struct sim_host_entry - a hook was called
 * @when: boot time
 * @hook: which
 * @value: what it returned, of SIM_HOOK_EVENT the event
 */
struct sim_host_entry {
	ktime_t when;
	enum sim_hook hook;
	int value;
};

/**
 * struct sim_host - what the host does about one TDI
 * @pdev: the function, with a reference
 * @vm: the TDI's VM, of which the core has a reference while it calls hooks
 * @guest: the function as its VM sees it, who is told of a loss; or NULL
 * @lock: protects the rest; not held while a hook does something
 * @refuse: errno for a hook to return, 0 to do what it is for
 * @delay_ms: how long a hook takes
 * @gated: shared access is closed
 * @ranges: MMIO may be mapped as private
 * @dma: private DMA is set up
 * @disarmed: no hook is to be called any more
 * @disorder: hooks that were called when they must not be
 * @report: what the device reported, while @ranges
 * @events: number of events, by kind
 * @log: the last calls
 * @nr_log: how many there were
 */
struct sim_host {
	struct pci_dev *pdev;
	struct sim_vm *vm;
	struct mutex lock;	/* the rest */
	struct pci_dev *guest;
	int refuse[SIM_NR_HOOKS];
	unsigned int delay_ms[SIM_NR_HOOKS];
	bool gated;
	bool ranges;
	bool dma;
	bool disarmed;
	unsigned int disorder;
	struct pci_tdi_report *report;
	unsigned int events[PCI_TDI_EVENT_QUARANTINED + 1];
	struct sim_host_entry log[SIM_HOST_LOG];
	unsigned int nr_log;
};

#define SIM_CMD_NAME		24
#define SIM_CMD_MAX_ARGS	12
/* A request in hex, one byte more than the largest, and what is said about it */
#define SIM_CMD_MAX		(2 * (PCI_TDI_MSG_MAX + 1) + SZ_1K)

/**
 * enum sim_object_kind - what a name stands for
 * @SIM_OBJECT_VM: VM
 * @SIM_OBJECT_VIOMMU: secure vIOMMU
 * @SIM_OBJECT_TDI: TDI
 * @SIM_OBJECT_GUEST: guest's view of a TDI
 *
 * In the order in which they are made, and against which they are destroyed.
 */
enum sim_object_kind {
	SIM_OBJECT_VM,
	SIM_OBJECT_VIOMMU,
	SIM_OBJECT_TDI,
	SIM_OBJECT_GUEST,
};

/**
 * struct sim_object - something with a name
 * @ref: the table's reference, and those of commands that use it
 * @node: entry in sim_names (sim_names_lock)
 * @owner: file that it goes with
 * @kind: which member of the union counts
 * @name: unique for its kind
 * @vm: VM
 * @viommu: secure vIOMMU
 * @tdi: TDI
 * @tdi.tdi: the core's, with a reference
 * @tdi.host: its hooks
 * @tdi.guest_rid: number of the function in the VM
 * @guest: guest's view of a TDI
 */
struct sim_object {
	struct kref ref;
	struct list_head node;
	struct sim_client *owner;
	enum sim_object_kind kind;
	char name[SIM_CMD_NAME];
	union {
		struct sim_vm *vm;
		struct pci_tdi_viommu *viommu;
		struct {
			struct pci_tdi *tdi;
			struct sim_host host;
			u64 guest_rid;
		} tdi;
		struct sim_guest *guest;
	};
};

/**
 * struct sim_client - an open file
 * @lock: one command at a time
 * @out: answer of the last command
 * @pos: how much of it was read
 */
struct sim_client {
	struct mutex lock;	/* all of this */
	struct seq_buf out;
	loff_t pos;
};

/**
 * struct sim_cmd - a command that was written, taken apart
 * @client: whose it is
 * @nr: words
 * @arg: them: the command, and "key=value" or a name
 */
struct sim_cmd {
	struct sim_client *client;
	unsigned int nr;
	char *arg[SIM_CMD_MAX_ARGS];
};

/**
 * struct sim_command - a command
 * @name: of it
 * @fn: carries it out
 */
struct sim_command {
	const char *name;
	int (*fn)(struct sim_cmd *cmd);
};

/* consumer.c */
struct sim_object *sim_object_get(enum sim_object_kind kind, const char *name);
struct sim_object *sim_object_new(struct sim_cmd *cmd,
				  enum sim_object_kind kind);
void sim_object_put(struct sim_object *o);
int sim_object_publish(struct sim_object *o);
int sim_cmd_destroy(struct sim_cmd *cmd, enum sim_object_kind kind);
const char *sim_arg(const struct sim_cmd *cmd, const char *key);
int sim_arg_u64(const struct sim_cmd *cmd, const char *key, u64 def, u64 *val);
int sim_arg_bytes(const struct sim_cmd *cmd, u8 **bytes, size_t *len);
int sim_out_reserve(struct sim_client *c, size_t size);
void sim_out_hex(struct seq_buf *out, const u8 *bytes, size_t len);

DEFINE_FREE(sim_object_put, struct sim_object *, sim_object_put(_T))

/* consumer-tdi.c */
extern const struct sim_command sim_tdi_commands[];

/* consumer-host.c */
struct sim_vm *sim_vm_create(size_t mem_size);
void sim_vm_put(struct sim_vm *vm);
void sim_vm_add_view(struct sim_vm *vm, struct sim_vm_view *view);
void sim_vm_drop_view(struct sim_vm *vm, struct sim_vm_view *view);
struct pci_tdi_vm sim_vm_for_core(struct sim_vm *vm);
extern const struct pci_tdi_host_ops sim_host_ops;
void sim_host_init(struct sim_host *h, struct pci_dev *pdev, struct sim_vm *vm);
void sim_host_exit(struct sim_host *h);
int sim_host_set(struct sim_host *h, const char *hook, int refuse,
		 unsigned int delay_ms);
unsigned int sim_hosts_disorder(void);
void sim_host_disarmed(struct sim_host *h);
void sim_host_show(struct sim_host *h, struct seq_buf *out);
void sim_host_show_log(struct sim_host *h, struct seq_buf *out);
void sim_host_clear_log(struct sim_host *h);
void sim_host_show_report(struct sim_host *h, struct seq_buf *out);

int sim_host_set_guest(struct sim_host *h, struct pci_dev *guest);
void sim_host_clear_guest(struct sim_host *h, struct pci_dev *guest);

/* consumer-guest.c */
extern const struct sim_command sim_guest_commands[];
void sim_guest_destroy(struct sim_guest *g);

struct dentry;

#ifdef CONFIG_DMA_SHARED_BUFFER
void sim_importer_init(struct dentry *dir);
#else
static inline void sim_importer_init(struct dentry *dir)
{
}
#endif

#endif /* _TSM_SIM_CONSUMER_H */
