// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that are TDIs: the hooks by which PCI/TSM closes a function to the
 * host's user when it is locked for a confidential VM, and what of its memory
 * stays open. Config space is in vfio_pci_tsm_config.c.
 *
 * The hooks exist while the device is open: they are armed as the last thing
 * that an open does, and disarmed as the first thing of a close, which tears a
 * TDI down before anything of the device is touched.
 *
 * Locks, outermost first: dev_set->lock, the TDI's mutex (of PCI/TSM), igate,
 * vfio_pci_tsm::config_lock, memory_lock, dma_resv. Nothing of PCI/TSM that
 * takes a lock is called under one of the last four. deferred_lock is innermost.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tdi.h>
#include <linux/pci-tdi-report.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>
#include <linux/wait.h>

#include "vfio_pci_priv.h"

MODULE_IMPORT_NS("IOMMUFD");

/* --- doors past VFIO --------------------------------------------------------------- */

/*
 * Root can map the memory of a device through sysfs, procfs and /dev/mem, where
 * the kernel does not keep it from that for all devices. It does so for what is
 * exclusive, provided that it is restrictive about /dev/mem (STRICT_DEVMEM), so
 * that is what the BARs of a locked function are, around what VFIO has requested.
 * What was mapped before is taken away.
 */
static void vfio_pci_tsm_include(struct vfio_pci_core_device *vdev)
{
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		struct resource *res = &vdev->tsm.exclusive[bar];

		if (res->parent)
			remove_resource(res);
	}
}

static int vfio_pci_tsm_exclude(struct vfio_pci_core_device *vdev)
{
	struct address_space *mapping = iomem_get_mapping();

	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		struct resource *res = &vdev->tsm.exclusive[bar];
		struct resource *whole = &vdev->pdev->resource[bar];

		if (!(whole->flags & IORESOURCE_MEM) || !resource_size(whole))
			continue;
		*res = DEFINE_RES_NAMED(whole->start, resource_size(whole), "TDI",
					IORESOURCE_MEM | IORESOURCE_BUSY |
					IORESOURCE_EXCLUSIVE);
		if (insert_resource(whole, res)) {
			vfio_pci_tsm_include(vdev);
			return -EBUSY;
		}
		unmap_mapping_range(mapping, res->start, resource_size(res), 1);
	}
	return 0;
}

/* --- how far it is -------------------------------------------------------------- */

/* What ioeventfds could not write while it was not known if they may */
static void vfio_pci_tsm_write_deferred(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_ioeventfd *ioeventfd, *next;

	guard(spinlock_irqsave)(&vdev->tsm.deferred_lock);
	list_for_each_entry_safe(ioeventfd, next, &vdev->tsm.deferred,
				 deferred) {
		list_del_init(&ioeventfd->deferred);
		vfio_pci_ioeventfd_write(ioeventfd);
	}
}

/*
 * The one place that changes it. What dma-bufs are to make of that, and mappings,
 * is up to the caller.
 */
static void vfio_pci_tsm_set_state(struct vfio_pci_core_device *vdev,
				   enum vfio_pci_tsm_state state,
				   struct kvm *kvm,
				   struct vfio_pci_tsm_view *view)
{
	lockdep_assert_held_write(&vdev->memory_lock);

	vfio_pci_tsm_view_put(vdev->tsm.view);
	vdev->tsm.view = view;
	vdev->tsm.kvm = kvm;
	if (state == VFIO_PCI_TSM_OPEN)
		vfio_pci_tsm_include(vdev);
	WRITE_ONCE(vdev->tsm.state, state);
	wake_up_all(&vdev->tsm.settled);
	if (state != VFIO_PCI_TSM_LOCKING)
		vfio_pci_tsm_write_deferred(vdev);
}

/* It is known what is shared: peers lose the rest, and may have that again */
static void vfio_pci_tsm_settle(struct vfio_pci_core_device *vdev,
				enum vfio_pci_tsm_state state, struct kvm *kvm,
				struct vfio_pci_tsm_view *view)
{
	vfio_pci_tsm_set_state(vdev, state, kvm, view);
	vfio_pci_dma_buf_unhold(vdev);
	vfio_pci_dma_buf_move(vdev, false);
}

/* --- what a locked function does not do --------------------------------------- */

/*
 * A quarantined function can be reset, and has to be: nobody has it any more
 * whom that would harm. Its memory stays closed, see below.
 */
static bool vfio_pci_tsm_refuses(struct vfio_pci_core_device *vdev)
{
	switch (READ_ONCE(vdev->tsm.state)) {
	case VFIO_PCI_TSM_LOCKING:
	case VFIO_PCI_TSM_LOCKED:
		/* until it is known here, see vfio_pci_tsm_event() */
		return !pci_tdi_quarantined(vdev->pdev);
	default:
		return false;
	}
}

/**
 * vfio_pci_tsm_check() - may a function be reset or powered down?
 * @vdev: the function
 *
 * Context: Holds memory_lock or vfio_pci_tsm::config_lock; the answer holds as
 * long.
 *
 * Return:
 * * %0		- it may
 * * %-EBUSY	- it is locked for a VM and would be in TDISP state ERROR (PCIe
 *		  r7.0 section 11.2.6)
 */
int vfio_pci_tsm_check(struct vfio_pci_core_device *vdev)
{
	return vfio_pci_tsm_refuses(vdev) ? -EBUSY : 0;
}

/**
 * vfio_pci_tsm_down_write() - take memory_lock to reset or power down a function
 * @vdev: the function
 *
 * What a quarantine has closed is opened here, if that is over: PCI/TSM does not
 * tell, and VFIO's user does this to have the function back.
 *
 * Context: May sleep.
 *
 * Return: 0 with memory_lock held for writing, or %-EBUSY without, see
 * vfio_pci_tsm_check().
 */
int vfio_pci_tsm_down_write(struct vfio_pci_core_device *vdev)
{
	int ret;

	down_write(&vdev->memory_lock);
	if (vdev->tsm.state == VFIO_PCI_TSM_KEPT &&
	    !pci_tdi_quarantined(vdev->pdev))
		vfio_pci_tsm_settle(vdev, VFIO_PCI_TSM_OPEN, NULL, NULL);
	ret = vfio_pci_tsm_check(vdev);
	if (ret)
		up_write(&vdev->memory_lock);

	return ret;
}

static bool vfio_pci_tsm_msix_locked(const struct pci_tdi_report *report)
{
	const u8 msix = PCI_TDI_RANGE_MSIX_TABLE | PCI_TDI_RANGE_MSIX_PBA;

	for (int i = 0; i < report->nr_ranges; i++) {
		if (report->ranges[i].attrs & msix)
			return true;
	}

	return report->msix_control;
}

/**
 * vfio_pci_tsm_set_irqs() - can interrupts be set up?
 * @vdev: the function
 * @index: VFIO's number of the kind of interrupts
 *
 * Context: Holds igate; the answer holds as long.
 *
 * Return:
 * * %0		- they can: the table of a locked function is the host's
 * * %-EBUSY	- the function was locked with its MSI-X table (LOCK_MSIX, PCIe
 *		  r7.0 section 11.3.8)
 */
int vfio_pci_tsm_set_irqs(struct vfio_pci_core_device *vdev,
			  unsigned int index)
{
	lockdep_assert_held(&vdev->igate);

	if (index != VFIO_PCI_MSIX_IRQ_INDEX)
		return 0;

	guard(rwsem_read)(&vdev->memory_lock);
	return vdev->tsm.state == VFIO_PCI_TSM_LOCKED && vdev->tsm.view &&
	       vfio_pci_tsm_msix_locked(&vdev->tsm.view->report) ? -EBUSY : 0;
}

/* --- memory --------------------------------------------------------------------- */

/*
 * Shared: the host's user may reach it. What a quarantined function has is not
 * safe to touch for anybody on the host.
 */
static bool vfio_pci_tsm_all_shared(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held(&vdev->memory_lock);

	return vdev->tsm.state == VFIO_PCI_TSM_OPEN &&
	       !pci_tdi_quarantined(vdev->pdev);
}

/* What the device has reported, if it has the say */
static struct vfio_pci_tsm_view *
vfio_pci_tsm_view(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held(&vdev->memory_lock);

	return vdev->tsm.state == VFIO_PCI_TSM_LOCKED &&
	       !pci_tdi_quarantined(vdev->pdev) ? vdev->tsm.view : NULL;
}

static const struct pci_tdi_report *
vfio_pci_tsm_report(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_tsm_view *view = vfio_pci_tsm_view(vdev);

	return view ? &view->report : NULL;
}

static bool vfio_pci_tsm_is_mem(struct vfio_pci_core_device *vdev,
				unsigned int bar)
{
	return pci_resource_flags(vdev->pdev, bar) & IORESOURCE_MEM;
}

/**
 * vfio_pci_tsm_phys_shared() - may memory be mapped, be it by a peer device?
 * @vdev: the function that it belongs to
 * @phys: address of the memory
 * @len: bytes, not 0
 *
 * Mappings are made of pages: one that is the VM's in part is the VM's. So is
 * what the device does not report, and memory that is in no BAR.
 *
 * Context: Holds memory_lock.
 *
 * Return: whether the host may go on using all of it
 */
bool vfio_pci_tsm_phys_shared(struct vfio_pci_core_device *vdev,
			      phys_addr_t phys, size_t len)
{
	const struct pci_tdi_report *report;

	if (vfio_pci_tsm_all_shared(vdev))
		return true;

	report = vfio_pci_tsm_report(vdev);
	for (int bar = 0; report && bar < PCI_STD_NUM_BARS; bar++) {
		phys_addr_t start = pci_resource_start(vdev->pdev, bar);

		if (!vfio_pci_tsm_is_mem(vdev, bar) || phys < start ||
		    phys - start >= pci_resource_len(vdev->pdev, bar))
			continue;
		return pci_tdi_report_pages_are_shared(report, bar,
						       phys - start, len,
						       PAGE_SIZE);
	}

	return false;
}

/**
 * vfio_pci_tsm_io_shared() - may memory be accessed for the user?
 * @vdev: the function
 * @io: where a BAR of it is mapped, see vfio_pci_core_get_iomap()
 * @len: bytes, not 0
 *
 * Context: Holds memory_lock.
 *
 * Return: whether the host may go on using all of it
 */
bool vfio_pci_tsm_io_shared(struct vfio_pci_core_device *vdev,
			    const void __iomem *io, size_t len)
{
	const struct pci_tdi_report *report;

	if (vfio_pci_tsm_all_shared(vdev))
		return true;

	report = vfio_pci_tsm_report(vdev);
	for (int bar = 0; report && bar < PCI_STD_NUM_BARS; bar++) {
		const void __iomem *map = vdev->barmap[bar];

		if (IS_ERR_OR_NULL(map) || !vfio_pci_tsm_is_mem(vdev, bar) ||
		    io < map ||
		    io - map >= pci_resource_len(vdev->pdev, bar))
			continue;
		return pci_tdi_report_is_shared(report, bar, io - map, len);
	}

	return false;
}

/* --- what a VM may map ---------------------------------------------------------- */

/**
 * vfio_pci_tsm_may_map() - who may map a function's memory, to a VM for instance?
 * @vdev: the function
 * @view: result: which of it is shared, and which the VM's; NULL if all is shared.
 *	  Without a reference.
 * @kvm: result: the VM that may map what is not shared, to compare with; or NULL
 *
 * Context: Holds memory_lock.
 *
 * Return: false if nobody may map any of it
 */
bool vfio_pci_tsm_may_map(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_tsm_view **view, struct kvm **kvm)
{
	*view = vfio_pci_tsm_view(vdev);
	*kvm = *view ? vdev->tsm.kvm : NULL;

	return *view || vfio_pci_tsm_all_shared(vdev);
}

/* --- between gate and ranges ------------------------------------------------------ */

/*
 * Is it unknown what of a function's memory is shared? So it is from the moment
 * that it is closed until the device has said what of it is the VM's. Access to
 * what will turn out to be shared has to wait that long, and must not fail.
 */
static bool vfio_pci_tsm_locking(struct vfio_pci_core_device *vdev)
{
	return READ_ONCE(vdev->tsm.state) == VFIO_PCI_TSM_LOCKING;
}

/**
 * vfio_pci_tsm_defer() - put off what an ioeventfd is to write while that is so
 * @ioeventfd: it, for memory
 *
 * Nobody waits: who serves eventfds does so for those of all devices, and others
 * wait for it with locks that are needed to say what is shared. It is written, if
 * it may, as soon as that is known.
 *
 * Context: Any, also in interrupts. Holds memory_lock.
 *
 * Return: whether it was put off
 */
bool vfio_pci_tsm_defer(struct vfio_pci_ioeventfd *ioeventfd)
{
	struct vfio_pci_tsm *tsm = &ioeventfd->vdev->tsm;

	if (!vfio_pci_tsm_locking(ioeventfd->vdev))
		return false;

	guard(spinlock_irqsave)(&tsm->deferred_lock);
	if (list_empty(&ioeventfd->deferred))
		list_add_tail(&ioeventfd->deferred, &tsm->deferred);
	return true;
}

/**
 * vfio_pci_tsm_forget() - write no more for an ioeventfd, which is to be freed
 * @ioeventfd: it; nobody signals it any more
 */
void vfio_pci_tsm_forget(struct vfio_pci_ioeventfd *ioeventfd)
{
	guard(spinlock_irqsave)(&ioeventfd->vdev->tsm.deferred_lock);
	list_del_init(&ioeventfd->deferred);
}

/**
 * vfio_pci_tsm_io_check() - may memory be accessed for the user, once that is known?
 * @vdev: the function
 * @io: where a BAR of it is mapped, see vfio_pci_core_get_iomap()
 * @len: bytes, not 0
 *
 * Context: Holds memory_lock for reading, which is given up and taken again if it
 * has to wait, and no other lock that is mentioned at the top of this file. May
 * sleep, only a kill ends that.
 *
 * Return:
 * * %0		- it may, as long as memory_lock is held
 * * %-EBUSY	- a part of it is the VM's
 * * %-EINTR	- killed while it was not known
 */
int vfio_pci_tsm_io_check(struct vfio_pci_core_device *vdev,
			  const void __iomem *io, size_t len)
{
	int ret;

	while (vfio_pci_tsm_locking(vdev)) {
		up_read(&vdev->memory_lock);
		ret = wait_event_killable(vdev->tsm.settled,
					  !vfio_pci_tsm_locking(vdev));
		down_read(&vdev->memory_lock);
		if (ret)
			return -EINTR;
	}

	return vfio_pci_tsm_io_shared(vdev, io, len) ? 0 : -EBUSY;
}

/**
 * vfio_pci_tsm_bar_rw() - may the user read or write a part of a BAR?
 * @vdev: the function
 * @bar: number of the BAR, or of the ROM
 * @offset: in it, in bytes
 * @len: bytes, not 0
 *
 * Asked for all of it first, so that an access that is refused has no effect.
 * Each single one asks again, see vfio_pci_tsm_io_check().
 *
 * Context: May sleep, interruptible, as long as a lock takes: 30 s. Without a
 * lock that is mentioned at the top of this file.
 *
 * Return:
 * * %0			- it may
 * * %-EBUSY		- a part of it is the VM's
 * * %-ERESTARTSYS	- interrupted while it was not known
 */
int vfio_pci_tsm_bar_rw(struct vfio_pci_core_device *vdev, unsigned int bar,
			u64 offset, size_t len)
{
	const struct pci_tdi_report *report;
	int ret;

	if (bar >= PCI_STD_NUM_BARS || !vfio_pci_tsm_is_mem(vdev, bar))
		return 0;

	for (;;) {
		ret = wait_event_interruptible(vdev->tsm.settled,
					       !vfio_pci_tsm_locking(vdev));
		if (ret)
			return ret;

		guard(rwsem_read)(&vdev->memory_lock);
		/* locked again since */
		if (vfio_pci_tsm_locking(vdev))
			continue;
		if (vfio_pci_tsm_all_shared(vdev))
			return 0;

		report = vfio_pci_tsm_report(vdev);
		return report && pci_tdi_report_is_shared(report, bar, offset,
							  len) ? 0 : -EBUSY;
	}
}

/**
 * vfio_pci_tsm_fault() - may a page be mapped to the user?
 * @vdev: the function
 * @pfn: of the page, or of the first of a huge one
 * @order: of the page
 *
 * Context: Holds memory_lock.
 *
 * Return: 0: it may; %VM_FAULT_FALLBACK: not all of a huge page;
 * %VM_FAULT_SIGBUS: it is the VM's, or not known whose
 */
vm_fault_t vfio_pci_tsm_fault(struct vfio_pci_core_device *vdev,
			      unsigned long pfn, unsigned int order)
{
	if (vfio_pci_tsm_phys_shared(vdev, PFN_PHYS(pfn), PAGE_SIZE << order))
		return 0;

	return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
}

/**
 * vfio_pci_tsm_fault_waits() - has a fault to wait (again)?
 * @vdev: the function
 * @vmf: the fault
 *
 * Context: Under memory_lock; the answer holds as long.
 *
 * Return: whether vfio_pci_tsm_fault_wait() is to be called. Who cannot wait gets
 * SIGBUS, and may come again.
 */
bool vfio_pci_tsm_fault_waits(struct vfio_pci_core_device *vdev,
			      struct vm_fault *vmf)
{
	return unlikely(vfio_pci_tsm_locking(vdev)) &&
	       vmf->flags & FAULT_FLAG_ALLOW_RETRY;
}

/**
 * vfio_pci_tsm_fault_wait() - let a fault wait until it is known what is shared
 * @vdev: the function
 * @vmf: the fault
 *
 * Context: In a fault handler, without memory_lock. May sleep.
 *
 * Return: 0: go on; or what the handler returns, %VM_FAULT_RETRY
 */
vm_fault_t vfio_pci_tsm_fault_wait(struct vfio_pci_core_device *vdev,
				   struct vm_fault *vmf)
{
	struct file *file;

	if (!vfio_pci_tsm_fault_waits(vdev, vmf))
		return 0;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	/* without the lock nothing else keeps the device open, and there */
	file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	if (vmf->flags & FAULT_FLAG_INTERRUPTIBLE)
		wait_event_interruptible(vdev->tsm.settled,
					 !vfio_pci_tsm_locking(vdev));
	else
		wait_event_killable(vdev->tsm.settled,
				    !vfio_pci_tsm_locking(vdev));
	fput(file);

	return VM_FAULT_RETRY;
}

/* --- hooks ------------------------------------------------------------------------ */

/* Not so in D1 either, from which a device may have to be reset */
static bool vfio_pci_tsm_works(struct vfio_pci_core_device *vdev)
{
	struct pci_dev *pdev = vdev->pdev;
	u16 cmd;

	if (vdev->pm_runtime_engaged || pdev->current_state != PCI_D0 ||
	    !__vfio_pci_memory_enabled(vdev))
		return false;
	if (pdev->no_command_memory)
		return true;

	/* somebody may have reset it behind our back */
	return !pci_read_config_word(pdev, PCI_COMMAND, &cmd) &&
	       cmd & PCI_COMMAND_MEMORY;
}

static int vfio_pci_tsm_gate(void *priv)
{
	struct vfio_pci_core_device *vdev = priv;
	int ret;

	/* quiet is when what the device has asked for has been answered */
	if (!pci_wait_for_pending_transaction(vdev->pdev))
		return -EBUSY;

	guard(rwsem_write)(&vdev->tsm.config_lock);
	guard(rwsem_write)(&vdev->memory_lock);
	if (!vfio_pci_tsm_works(vdev))
		return -EBUSY;

	ret = vfio_pci_dma_buf_hold(vdev);
	if (ret)
		return ret;

	ret = vfio_pci_tsm_exclude(vdev);
	if (ret) {
		vfio_pci_dma_buf_unhold(vdev);
		return ret;
	}

	vfio_pci_tsm_set_state(vdev, VFIO_PCI_TSM_LOCKING, NULL, NULL);
	vfio_pci_zap_bars(vdev);
	return 0;
}

static int vfio_pci_tsm_ranges(void *priv, struct kvm *kvm,
			       const struct pci_tdi_report *report)
{
	struct vfio_pci_core_device *vdev = priv;
	struct vfio_pci_tsm_view *view;

	view = vfio_pci_tsm_view_new(vdev, report);
	if (!view)
		return -ENOMEM;

	guard(mutex)(&vdev->igate);
	/* the host can no longer write to a table that it uses */
	if (vdev->irq_type == VFIO_PCI_MSIX_IRQ_INDEX &&
	    vfio_pci_tsm_msix_locked(report)) {
		vfio_pci_tsm_view_put(view);
		return -EBUSY;
	}

	guard(rwsem_write)(&vdev->memory_lock);
	vfio_pci_tsm_settle(vdev, VFIO_PCI_TSM_LOCKED, kvm, view);
	return 0;
}

/* What is the VM's it can map no longer, and has not any more when this returns */
static void vfio_pci_tsm_revoke(void *priv)
{
	struct vfio_pci_core_device *vdev = priv;

	guard(rwsem_write)(&vdev->memory_lock);
	vdev->tsm.kvm = NULL;
	vfio_pci_dma_buf_move(vdev, false);
}

static void vfio_pci_tsm_ungate(void *priv)
{
	struct vfio_pci_core_device *vdev = priv;

	guard(rwsem_write)(&vdev->memory_lock);
	vfio_pci_tsm_settle(vdev, VFIO_PCI_TSM_OPEN, NULL, NULL);
}

/*
 * It could not be stopped, or a lock that failed not be undone. Nothing of it is
 * shared any more, and nobody waits to be told. Peers lose what can be taken from
 * them at once: here is not the place to wait for the others.
 */
static void vfio_pci_tsm_event(void *priv, enum pci_tdi_event event)
{
	struct vfio_pci_core_device *vdev = priv;

	if (event != PCI_TDI_EVENT_QUARANTINED)
		return;

	guard(rwsem_write)(&vdev->memory_lock);
	vfio_pci_tsm_set_state(vdev, VFIO_PCI_TSM_KEPT, NULL, NULL);
	vfio_pci_dma_buf_hold_pinned(vdev);
	vfio_pci_dma_buf_move(vdev, false);
	vfio_pci_zap_bars(vdev);
}

VISIBLE_IF_KUNIT const struct pci_tdi_host_ops vfio_pci_tsm_host_ops = {
	.gate = vfio_pci_tsm_gate,
	.ranges = vfio_pci_tsm_ranges,
	.revoke = vfio_pci_tsm_revoke,
	.ungate = vfio_pci_tsm_ungate,
	.event = vfio_pci_tsm_event,
};
EXPORT_SYMBOL_IF_KUNIT(vfio_pci_tsm_host_ops);

/* --- from open to close ------------------------------------------------------------ */

/**
 * vfio_pci_tsm_init() - before a function is registered
 * @vdev: the function
 */
void vfio_pci_tsm_init(struct vfio_pci_core_device *vdev)
{
	init_rwsem(&vdev->tsm.config_lock);
	init_waitqueue_head(&vdev->tsm.settled);
	spin_lock_init(&vdev->tsm.deferred_lock);
	INIT_LIST_HEAD(&vdev->tsm.deferred);
}
EXPORT_SYMBOL_IF_KUNIT(vfio_pci_tsm_init);

static struct iommufd_device *
vfio_pci_tsm_idev(struct vfio_pci_core_device *vdev)
{
#if IS_ENABLED(CONFIG_IOMMUFD)
	return vdev->vdev.iommufd_device;
#else
	return NULL;
#endif
}

/**
 * vfio_pci_tsm_arm() - the function is open: it can be locked from now on
 * @vdev: the function
 *
 * Context: Holds dev_set->lock. May sleep.
 */
void vfio_pci_tsm_arm(struct vfio_pci_core_device *vdev)
{
	struct iommufd_device *idev = vfio_pci_tsm_idev(vdev);
	int ret;

	/* a container, or a group, cannot bind devices to VMs */
	if (!idev)
		return;

	ret = iommufd_device_tsm_arm(idev, &vfio_pci_tsm_host_ops, vdev,
				     vdev->vdev.kvm);
	if (ret)
		pci_warn(vdev->pdev, "cannot be bound to a VM: %d\n", ret);
}

/**
 * vfio_pci_tsm_disarm() - the function is about to be closed
 * @vdev: the function
 *
 * On return it is nobody's, unless it is quarantined, and cannot be locked.
 *
 * Context: Holds dev_set->lock. May sleep as long as a teardown may take, 40 s.
 */
void vfio_pci_tsm_disarm(struct vfio_pci_core_device *vdev)
{
	struct iommufd_device *idev = vfio_pci_tsm_idev(vdev);

	if (!idev)
		return;

	iommufd_device_tsm_disarm(idev);

	/* what a quarantine has left; PCI/TSM knows of it for as long as it lasts */
	guard(rwsem_write)(&vdev->memory_lock);
	if (vdev->tsm.state != VFIO_PCI_TSM_OPEN)
		vfio_pci_tsm_settle(vdev, VFIO_PCI_TSM_OPEN, NULL, NULL);
}
