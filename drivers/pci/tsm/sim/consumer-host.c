// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs of the test consumer, and what its host does when a TDI is locked and
 * stopped: as much as can be done without a VM, and an account of it all.
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/pci-devsec.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "consumer.h"
#include "sim.h"

/* VMs */

/* The IOMMU asks for private memory as long as there is any */
static DEFINE_MUTEX(sim_vms_lock);
static unsigned int sim_nr_vms;

/* What the link TSM attaches functions to is what the core was given */
static int sim_vm_copy(void *tvm, struct sim_function *f, u64 gpa, void *buf,
		       size_t len, bool to_memory)
{
	struct sim_vm *vm = tvm;
	struct sim_vm_view *view;

	guard(mutex)(&vm->lock);
	/* on the loopback its memory is what its IOMMU lets the function reach */
	list_for_each_entry(view, &vm->views, node)
		if (view->host == f)
			return sim_iommu_copy(view->guest, gpa, buf, len,
					      to_memory);

	if (gpa > vm->mem_size || len > vm->mem_size - gpa)
		return -EFAULT;
	if (to_memory)
		memcpy(vm->mem + gpa, buf, len);
	else
		memcpy(buf, vm->mem + gpa, len);
	return 0;
}

/**
 * sim_vm_add_view() - a VM is in this kernel, and has an IOMMU
 * @vm: VM
 * @view: which of its functions is which of the host's, until sim_vm_drop_view()
 */
void sim_vm_add_view(struct sim_vm *vm, struct sim_vm_view *view)
{
	guard(mutex)(&vm->lock);
	list_add(&view->node, &vm->views);
}

/**
 * sim_vm_drop_view() - undo sim_vm_add_view()
 * @vm: VM
 * @view: that was added
 *
 * When it returns, no access is under way.
 */
void sim_vm_drop_view(struct sim_vm *vm, struct sim_vm_view *view)
{
	guard(mutex)(&vm->lock);
	list_del(&view->node);
}

static const struct sim_tvm_provider sim_vm_provider = {
	.copy = sim_vm_copy,
};

static int sim_vms_add(void)
{
	int rc;

	guard(mutex)(&sim_vms_lock);
	if (!sim_nr_vms) {
		rc = sim_tvm_provider_register(&sim_vm_provider);
		if (rc)
			return rc;
	}
	sim_nr_vms++;
	return 0;
}

static void sim_vms_drop(void)
{
	guard(mutex)(&sim_vms_lock);
	if (!--sim_nr_vms)
		sim_tvm_provider_unregister(&sim_vm_provider);
}

/**
 * sim_vm_create() - make something that the core takes for a VM
 * @mem_size: bytes of private memory
 *
 * Return: the VM with a reference, or ERR_PTR(): -ENOMEM; -EBUSY if somebody else
 * provides private memory.
 */
struct sim_vm *sim_vm_create(size_t mem_size)
{
	int rc;

	struct sim_vm *vm __free(kfree) = kzalloc_obj(*vm);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	INIT_LIST_HEAD(&vm->views);
	vm->mem_size = mem_size;
	vm->mem = vzalloc(mem_size);
	if (!vm->mem)
		return ERR_PTR(-ENOMEM);
	rc = sim_vms_add();
	if (rc) {
		vfree(vm->mem);
		return ERR_PTR(rc);
	}
	return_ptr(vm);
}

static void sim_vm_free(struct kref *ref)
{
	struct sim_vm *vm = container_of(ref, struct sim_vm, ref);

	sim_vms_drop();
	vfree(vm->mem);
	mutex_destroy(&vm->lock);
	kfree(vm);
}

/**
 * sim_vm_put() - drop a reference
 * @vm: VM
 */
void sim_vm_put(struct sim_vm *vm)
{
	kref_put(&vm->ref, sim_vm_free);
}

static void sim_vm_core_get(struct kvm *kvm)
{
	kref_get(&((struct sim_vm *)kvm)->ref);
}

static void sim_vm_core_put(struct kvm *kvm)
{
	sim_vm_put((struct sim_vm *)kvm);
}

/**
 * sim_vm_for_core() - what to give to the core, which never looks into a VM
 * @vm: VM
 *
 * Return: the core's description of it.
 */
struct pci_tdi_vm sim_vm_for_core(struct sim_vm *vm)
{
	return (struct pci_tdi_vm) {
		.kvm = (struct kvm *)vm,
		.confidential = true,
		.get = sim_vm_core_get,
		.put = sim_vm_core_put,
	};
}

/* Hooks */

static const char * const sim_hook_names[] = {
	[SIM_HOOK_GATE]		= "gate",
	[SIM_HOOK_RANGES]	= "ranges",
	[SIM_HOOK_DMA_ON]	= "dma-on",
	[SIM_HOOK_DMA_OFF]	= "dma-off",
	[SIM_HOOK_REVOKE]	= "revoke",
	[SIM_HOOK_UNGATE]	= "ungate",
	[SIM_HOOK_EVENT]	= "event",
};

static_assert(ARRAY_SIZE(sim_hook_names) == SIM_NR_HOOKS);

/* The order that include/linux/pci-tdi.h promises */
static bool sim_hook_in_order(const struct sim_host *h, enum sim_hook hook)
{
	switch (hook) {
	case SIM_HOOK_GATE:
		return !h->gated;
	case SIM_HOOK_RANGES:
		return h->gated && !h->ranges;
	case SIM_HOOK_DMA_ON:
		return h->ranges && !h->dma;
	case SIM_HOOK_DMA_OFF:
		return h->dma;
	case SIM_HOOK_REVOKE:
		return h->ranges;
	case SIM_HOOK_UNGATE:
		return h->gated && !h->ranges && !h->dma;
	default:
		return true;
	}
}

/* Hooks of any host that were called when they must not be */
static atomic_t sim_disorder;

/**
 * sim_hosts_disorder() - number of hooks that were called out of order
 *
 * Return: that number, of all hosts since the module was loaded.
 */
unsigned int sim_hosts_disorder(void)
{
	return atomic_read(&sim_disorder);
}

/* Is the hook told to refuse? Takes as long as it is told to, in any case. */
static int sim_hook_enter(struct sim_host *h, enum sim_hook hook)
{
	unsigned int delay_ms;
	int refuse;

	scoped_guard(mutex, &h->lock) {
		if (h->disarmed || !sim_hook_in_order(h, hook)) {
			h->disorder++;
			atomic_inc(&sim_disorder);
		}
		delay_ms = h->delay_ms[hook];
		refuse = h->refuse[hook];
	}
	msleep(delay_ms);
	return refuse;
}

static void sim_hook_done(struct sim_host *h, enum sim_hook hook, int value)
{
	lockdep_assert_held(&h->lock);
	h->log[h->nr_log++ % SIM_HOST_LOG] = (struct sim_host_entry) {
		.when = ktime_get_boottime(),
		.hook = hook,
		.value = value,
	};
}

/*
 * Whoever does more than this closes the mappings of the BARs here. That the
 * function is quiet is a matter for every host.
 */
static int sim_host_gate(void *priv)
{
	struct sim_host *h = priv;
	int rc;

	rc = sim_hook_enter(h, SIM_HOOK_GATE);
	if (!rc && !pci_wait_for_pending_transaction(h->pdev))
		rc = -EBUSY;

	guard(mutex)(&h->lock);
	h->gated = !rc;
	sim_hook_done(h, SIM_HOOK_GATE, rc);
	return rc;
}

static struct pci_tdi_report *
sim_report_dup(const struct pci_tdi_report *report)
{
	struct pci_tdi_report *copy;

	copy = kvmemdup(report, struct_size(report, ranges, report->nr_ranges),
			GFP_KERNEL);
	if (copy) {
		/* Only valid during the hook */
		copy->device_info = NULL;
		copy->device_info_len = 0;
	}
	return copy;
}

static int sim_host_ranges(void *priv, struct kvm *kvm,
			   const struct pci_tdi_report *report)
{
	struct sim_host *h = priv;
	struct pci_tdi_report *copy = NULL;
	int rc;

	rc = sim_hook_enter(h, SIM_HOOK_RANGES);
	if (!rc) {
		copy = sim_report_dup(report);
		if (!copy)
			rc = -ENOMEM;
	}

	guard(mutex)(&h->lock);
	h->ranges = !rc;
	kvfree(h->report);
	h->report = copy;
	sim_hook_done(h, SIM_HOOK_RANGES, rc);
	return rc;
}

static int sim_host_trusted_dma(void *priv, bool on)
{
	enum sim_hook hook = on ? SIM_HOOK_DMA_ON : SIM_HOOK_DMA_OFF;
	struct sim_host *h = priv;
	int rc = sim_hook_enter(h, hook);

	/* The simulated IOMMU needs nothing from the host for this */
	guard(mutex)(&h->lock);
	if (!on || !rc)
		h->dma = on;
	sim_hook_done(h, hook, rc);
	return rc;
}

static void sim_host_revoke(void *priv)
{
	struct sim_host *h = priv;

	sim_hook_enter(h, SIM_HOOK_REVOKE);
	guard(mutex)(&h->lock);
	h->ranges = false;
	kvfree(h->report);
	h->report = NULL;
	sim_hook_done(h, SIM_HOOK_REVOKE, 0);
}

static void sim_host_ungate(void *priv)
{
	struct sim_host *h = priv;

	sim_hook_enter(h, SIM_HOOK_UNGATE);
	guard(mutex)(&h->lock);
	h->gated = false;
	sim_hook_done(h, SIM_HOOK_UNGATE, 0);
}

static void sim_host_event(void *priv, enum pci_tdi_event event)
{
	struct sim_host *h = priv;

	sim_hook_enter(h, SIM_HOOK_EVENT);
	guard(mutex)(&h->lock);
	h->events[event]++;
	if (event == PCI_TDI_EVENT_QUARANTINED)
		atomic_inc(&h->vm->quarantined);
	if (h->guest)
		pci_devsec_note_loss(h->guest);
	sim_hook_done(h, SIM_HOOK_EVENT, event);
}

const struct pci_tdi_host_ops sim_host_ops = {
	.gate = sim_host_gate,
	.ranges = sim_host_ranges,
	.trusted_dma = sim_host_trusted_dma,
	.revoke = sim_host_revoke,
	.ungate = sim_host_ungate,
	.event = sim_host_event,
};

/* For the commands */

/**
 * sim_host_init() - a host for a TDI that is about to be made
 * @h: memory with zeros
 * @pdev: the function
 * @vm: the VM that it is assigned to
 */
void sim_host_init(struct sim_host *h, struct pci_dev *pdev, struct sim_vm *vm)
{
	mutex_init(&h->lock);
	h->pdev = pci_dev_get(pdev);
	h->vm = vm;
}

/**
 * sim_host_exit() - undo sim_host_init()
 * @h: host whose hooks are not called any more
 */
void sim_host_exit(struct sim_host *h)
{
	pci_dev_put(h->pdev);
	kvfree(h->report);
	mutex_destroy(&h->lock);
}

/**
 * sim_host_set_guest() - there is a VM that sees the function
 * @h: host
 * @guest: the function as it sees it, until sim_host_clear_guest()
 *
 * Return: 0, or -EBUSY if there is one.
 */
int sim_host_set_guest(struct sim_host *h, struct pci_dev *guest)
{
	guard(mutex)(&h->lock);
	if (h->guest)
		return -EBUSY;
	h->guest = guest;
	return 0;
}

/**
 * sim_host_clear_guest() - undo sim_host_set_guest()
 * @h: host
 * @guest: function that need not have been set
 */
void sim_host_clear_guest(struct sim_host *h, struct pci_dev *guest)
{
	guard(mutex)(&h->lock);
	if (h->guest == guest)
		h->guest = NULL;
}

/**
 * sim_host_set() - how a hook is to behave
 * @h: host
 * @hook: its name
 * @refuse: errno to return, negative, or 0
 * @delay_ms: how long it takes
 *
 * Return: 0, or -EINVAL if there is no such hook or none that may fail.
 */
int sim_host_set(struct sim_host *h, const char *hook, int refuse,
		 unsigned int delay_ms)
{
	int i = match_string(sim_hook_names, ARRAY_SIZE(sim_hook_names), hook);

	if (i < 0 || refuse > 0 || refuse < -MAX_ERRNO)
		return -EINVAL;
	if (refuse && i != SIM_HOOK_GATE && i != SIM_HOOK_RANGES &&
	    i != SIM_HOOK_DMA_ON)
		return -EINVAL;

	guard(mutex)(&h->lock);
	h->refuse[i] = refuse;
	h->delay_ms[i] = delay_ms;
	return 0;
}

/**
 * sim_host_disarmed() - the core has promised to call no hook any more
 * @h: host
 */
void sim_host_disarmed(struct sim_host *h)
{
	guard(mutex)(&h->lock);
	h->disarmed = true;
}

/**
 * sim_host_show() - how things are
 * @h: host
 * @out: where to
 */
void sim_host_show(struct sim_host *h, struct seq_buf *out)
{
	guard(mutex)(&h->lock);
	seq_buf_printf(out, "bdf=%s gated=%d ranges=%d dma=%d disorder=%u",
		       pci_name(h->pdev), h->gated, h->ranges, h->dma,
		       h->disorder);
	seq_buf_printf(out, " error=%u unbound=%u quarantined=%u hooks=%u\n",
		       h->events[PCI_TDI_EVENT_ERROR],
		       h->events[PCI_TDI_EVENT_UNBOUND],
		       h->events[PCI_TDI_EVENT_QUARANTINED], h->nr_log);
}

/**
 * sim_host_show_log() - the hooks that were called, oldest first
 * @h: host
 * @out: where to: a line each, with microseconds since boot, name and value
 */
void sim_host_show_log(struct sim_host *h, struct seq_buf *out)
{
	unsigned int i;

	guard(mutex)(&h->lock);
	i = h->nr_log > SIM_HOST_LOG ? h->nr_log - SIM_HOST_LOG : 0;
	for (; i < h->nr_log; i++) {
		const struct sim_host_entry *e = &h->log[i % SIM_HOST_LOG];

		seq_buf_printf(out, "%lld %s %d\n", ktime_to_us(e->when),
			       sim_hook_names[e->hook], e->value);
	}
}

/**
 * sim_host_clear_log() - forget the hooks that were called
 * @h: host
 */
void sim_host_clear_log(struct sim_host *h)
{
	guard(mutex)(&h->lock);
	h->nr_log = 0;
}

/**
 * sim_host_show_report() - MMIO ranges of the report
 * @h: host
 * @out: where to: a line each, with BAR, offset, length, and what it is; none
 *	 while it is not locked
 */
void sim_host_show_report(struct sim_host *h, struct seq_buf *out)
{
	guard(mutex)(&h->lock);
	for (int i = 0; h->report && i < h->report->nr_ranges; i++) {
		const struct pci_tdi_range *r = &h->report->ranges[i];

		seq_buf_printf(out, "%u %#llx %#llx %s\n", r->bar, r->offset,
			       r->len, r->attrs & PCI_TDI_RANGE_NON_TEE ?
				       "shared" : "tee");
	}
}
