// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of a locked function's memory is shared, and what its VM's: an immutable
 * copy of what the device has reported, for whom a lock of VFIO is out of reach.
 */
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/pci-tdi-report.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "vfio_pci_priv.h"

/**
 * vfio_pci_tsm_view_new() - a view of a function that is locked
 * @vdev: the function
 * @report: what it has reported; copied without the device-specific information
 *
 * Context: May sleep.
 *
 * Return: it, with a reference; NULL without memory
 */
struct vfio_pci_tsm_view *
vfio_pci_tsm_view_new(struct vfio_pci_core_device *vdev,
		      const struct pci_tdi_report *report)
{
	size_t size = struct_size(report, ranges, report->nr_ranges);
	struct vfio_pci_tsm_view *view;

	view = kvzalloc(offsetof(struct vfio_pci_tsm_view, report) + size,
			GFP_KERNEL_ACCOUNT);
	if (!view)
		return NULL;

	refcount_set(&view->refs, 1);
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		view->bar[bar] = pci_resource_start(vdev->pdev, bar);
	memcpy(&view->report, report, size);
	view->report.device_info = NULL;
	view->report.device_info_len = 0;
	return view;
}

/**
 * vfio_pci_tsm_view_get() - take a reference
 * @view: it, or NULL
 *
 * Return: @view
 */
struct vfio_pci_tsm_view *vfio_pci_tsm_view_get(struct vfio_pci_tsm_view *view)
{
	if (view)
		refcount_inc(&view->refs);
	return view;
}

/**
 * vfio_pci_tsm_view_put() - drop a reference
 * @view: it, or NULL
 */
void vfio_pci_tsm_view_put(struct vfio_pci_tsm_view *view)
{
	if (view && refcount_dec_and_test(&view->refs))
		kvfree(view);
}

static bool vfio_pci_tsm_find_bar(const struct vfio_pci_tsm_view *view,
				  phys_addr_t phys, unsigned int *bar)
{
	for (*bar = 0; *bar < PCI_STD_NUM_BARS; (*bar)++) {
		if (phys >= view->bar[*bar] &&
		    phys - view->bar[*bar] < view->report.bar_len[*bar])
			return true;
	}
	return false;
}

/**
 * vfio_pci_tsm_view_part() - the part around a page that is of one kind
 * @view: what of a function's memory is of which kind
 * @private: the VM's, rather than shared
 * @phys: address of the page
 * @start: result, address of the first byte of the part
 * @end: result, address of the first byte behind it
 *
 * Context: Any. Holds what keeps @view.
 *
 * Return: false if the page is not of that kind, or only in part
 */
bool vfio_pci_tsm_view_part(const struct vfio_pci_tsm_view *view, bool private,
			    phys_addr_t phys, phys_addr_t *start,
			    phys_addr_t *end)
{
	u64 from = 0, to = 0, at;
	unsigned int bar;

	if (!vfio_pci_tsm_find_bar(view, phys, &bar))
		return false;
	at = phys - view->bar[bar];

	for (int i = 0; i < view->report.nr_ranges; i++) {
		const struct pci_tdi_range *r = &view->report.ranges[i];

		if (r->bar != bar ||
		    !!(r->attrs & PCI_TDI_RANGE_NON_TEE) == private)
			continue;
		/* one after the other is one part */
		if (r->offset != to) {
			if (at < to)
				break;
			from = r->offset;
		}
		to = r->offset + r->len;
	}

	*start = view->bar[bar] + from;
	*end = view->bar[bar] + to;
	return at >= from && at < to && to - at >= PAGE_SIZE;
}
