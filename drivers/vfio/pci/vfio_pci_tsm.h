/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that are TDIs: what vfio-pci keeps from its user while one is locked
 * for a confidential VM, and what it always does. See vfio_pci_tsm.c.
 */
#ifndef VFIO_PCI_TSM_H
#define VFIO_PCI_TSM_H

#include <linux/mm_types.h>
#include <linux/pci-tdi-report.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct kvm;
struct vfio_pci_core_device;
struct vfio_pci_ioeventfd;

/**
 * struct vfio_pci_tsm_view - what of a locked function's memory is whose
 * @refs: references: of the function, and of dma-bufs that VMs ask
 * @bar: addresses of the BARs, which stay where they are as long as it is open
 * @report: what the device reported
 */
struct vfio_pci_tsm_view {
	refcount_t refs;
	phys_addr_t bar[PCI_STD_NUM_BARS];
	/* last, as it ends with an array */
	struct pci_tdi_report report;
};

#ifdef CONFIG_PCI_TSM
#if IS_ENABLED(CONFIG_KUNIT)
extern const struct pci_tdi_host_ops vfio_pci_tsm_host_ops;
#endif

void vfio_pci_tsm_init(struct vfio_pci_core_device *vdev);
void vfio_pci_tsm_arm(struct vfio_pci_core_device *vdev);
void vfio_pci_tsm_disarm(struct vfio_pci_core_device *vdev);

int vfio_pci_tsm_check(struct vfio_pci_core_device *vdev);
int vfio_pci_tsm_down_write(struct vfio_pci_core_device *vdev);
int vfio_pci_tsm_set_irqs(struct vfio_pci_core_device *vdev,
			  unsigned int index);

bool vfio_pci_tsm_phys_shared(struct vfio_pci_core_device *vdev,
			      phys_addr_t phys, size_t len);
bool vfio_pci_tsm_io_shared(struct vfio_pci_core_device *vdev,
			    const void __iomem *io, size_t len);
int vfio_pci_tsm_io_check(struct vfio_pci_core_device *vdev,
			  const void __iomem *io, size_t len);
int vfio_pci_tsm_bar_rw(struct vfio_pci_core_device *vdev, unsigned int bar,
			u64 offset, size_t len);
vm_fault_t vfio_pci_tsm_fault(struct vfio_pci_core_device *vdev,
			      unsigned long pfn, unsigned int order);
bool vfio_pci_tsm_fault_waits(struct vfio_pci_core_device *vdev,
			      struct vm_fault *vmf);
vm_fault_t vfio_pci_tsm_fault_wait(struct vfio_pci_core_device *vdev,
				   struct vm_fault *vmf);
bool vfio_pci_tsm_defer(struct vfio_pci_ioeventfd *ioeventfd);
void vfio_pci_tsm_forget(struct vfio_pci_ioeventfd *ioeventfd);

bool vfio_pci_tsm_may_map(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_tsm_view **view, struct kvm **kvm);
struct vfio_pci_tsm_view *
vfio_pci_tsm_view_new(struct vfio_pci_core_device *vdev,
		      const struct pci_tdi_report *report);
struct vfio_pci_tsm_view *vfio_pci_tsm_view_get(struct vfio_pci_tsm_view *view);
void vfio_pci_tsm_view_put(struct vfio_pci_tsm_view *view);
bool vfio_pci_tsm_view_part(const struct vfio_pci_tsm_view *view, bool private,
			    phys_addr_t phys, phys_addr_t *start,
			    phys_addr_t *end);

void vfio_pci_tsm_hide_caps(struct vfio_pci_core_device *vdev);
int vfio_pci_tsm_rom_begin(struct vfio_pci_core_device *vdev);
int vfio_pci_tsm_config_check(struct vfio_pci_core_device *vdev,
			      const char __user *buf, size_t count,
			      unsigned int pos);
int vfio_pci_tsm_config_begin(struct vfio_pci_core_device *vdev,
			      unsigned int pos, size_t count, __le32 val);
void vfio_pci_tsm_config_end(struct vfio_pci_core_device *vdev);
#else
static inline void vfio_pci_tsm_init(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_tsm_arm(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_tsm_disarm(struct vfio_pci_core_device *vdev)
{
}

static inline int vfio_pci_tsm_check(struct vfio_pci_core_device *vdev)
{
	return 0;
}

static inline int vfio_pci_tsm_down_write(struct vfio_pci_core_device *vdev)
{
	down_write(&vdev->memory_lock);
	return 0;
}

static inline int vfio_pci_tsm_set_irqs(struct vfio_pci_core_device *vdev,
					unsigned int index)
{
	return 0;
}

static inline bool vfio_pci_tsm_phys_shared(struct vfio_pci_core_device *vdev,
					    phys_addr_t phys, size_t len)
{
	return true;
}

static inline bool vfio_pci_tsm_io_shared(struct vfio_pci_core_device *vdev,
					  const void __iomem *io, size_t len)
{
	return true;
}

static inline int vfio_pci_tsm_io_check(struct vfio_pci_core_device *vdev,
					const void __iomem *io, size_t len)
{
	return 0;
}

static inline int vfio_pci_tsm_bar_rw(struct vfio_pci_core_device *vdev,
				      unsigned int bar, u64 offset, size_t len)
{
	return 0;
}

static inline vm_fault_t vfio_pci_tsm_fault(struct vfio_pci_core_device *vdev,
					    unsigned long pfn,
					    unsigned int order)
{
	return 0;
}

static inline bool vfio_pci_tsm_fault_waits(struct vfio_pci_core_device *vdev,
					    struct vm_fault *vmf)
{
	return false;
}

static inline vm_fault_t
vfio_pci_tsm_fault_wait(struct vfio_pci_core_device *vdev,
			struct vm_fault *vmf)
{
	return 0;
}

static inline bool vfio_pci_tsm_defer(struct vfio_pci_ioeventfd *ioeventfd)
{
	return false;
}

static inline void vfio_pci_tsm_forget(struct vfio_pci_ioeventfd *ioeventfd)
{
}

static inline bool vfio_pci_tsm_may_map(struct vfio_pci_core_device *vdev,
					struct vfio_pci_tsm_view **view,
					struct kvm **kvm)
{
	*view = NULL;
	*kvm = NULL;
	return true;
}

static inline struct vfio_pci_tsm_view *
vfio_pci_tsm_view_get(struct vfio_pci_tsm_view *view)
{
	return view;
}

static inline void vfio_pci_tsm_view_put(struct vfio_pci_tsm_view *view)
{
}

static inline bool
vfio_pci_tsm_view_part(const struct vfio_pci_tsm_view *view, bool private,
		       phys_addr_t phys, phys_addr_t *start, phys_addr_t *end)
{
	return false;
}

static inline void vfio_pci_tsm_hide_caps(struct vfio_pci_core_device *vdev)
{
}

static inline int vfio_pci_tsm_rom_begin(struct vfio_pci_core_device *vdev)
{
	return 0;
}

static inline int vfio_pci_tsm_config_check(struct vfio_pci_core_device *vdev,
					    const char __user *buf,
					    size_t count, unsigned int pos)
{
	return 0;
}

static inline int vfio_pci_tsm_config_begin(struct vfio_pci_core_device *vdev,
					    unsigned int pos, size_t count,
					    __le32 val)
{
	return 0;
}

static inline void vfio_pci_tsm_config_end(struct vfio_pci_core_device *vdev)
{
}
#endif

#endif /* VFIO_PCI_TSM_H */
