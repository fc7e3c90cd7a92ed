// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a TDI is when it is locked: whether its configuration may be, and the
 * device interface report that says what it is (PCIe r6.1 sections 11.3.8 and
 * 11.3.11). Everything here runs under sim_device::lock.
 */
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "../spdm/tdisp.h"
#include "dsm.h"

#define REPORT_PAGE_SHIFT	12

/* INTERFACE_INFO */
#define INFO_NO_FW_UPDATE	BIT(0)
#define INFO_DMA_NO_PASID	BIT(1)

/* Attributes of a range */
#define RANGE_MSIX_TABLE	BIT(0)
#define RANGE_MSIX_PBA		BIT(1)
#define RANGE_NON_TEE		BIT(2)
#define RANGE_ID		GENMASK_U32(31, 16)

struct report_header {
	__le16 interface_info;
	__le16 reserved;
	__le16 msix_control;
	__le16 lnr_control;
	__le32 tph_control;
	__le32 nr_ranges;
} __packed;
static_assert(sizeof(struct report_header) == 16);

struct report_range {
	__le64 first_page;
	__le32 nr_pages;
	__le32 attributes;
} __packed;
static_assert(sizeof(struct report_range) == 16);

/* DEVICE_SPECIFIC_INFO_LEN, and what this device has to say */
struct report_info {
	__le32 len;
	__le16 vendor;
	__le16 device;
} __packed;
static_assert(sizeof(struct report_info) == 8);

/* A BAR with table and PBA in it falls into five parts */
#define REPORT_MAX_RANGES	(5 + PCI_STD_NUM_BARS / 2)
static_assert(sizeof(struct report_header) +
	      REPORT_MAX_RANGES * sizeof(struct report_range) +
	      sizeof(struct report_info) + 16 <= SIM_TDI_REPORT_BYTES);

/**
 * struct msix_area - pages of a BAR that MSI-X has
 * @bar: number of the BAR
 * @start: offset of the first page
 * @end: offset behind the last one
 * @attributes: what a report says of them
 */
struct msix_area {
	unsigned int bar;
	u32 start;
	u32 end;
	u32 attributes;
};

/* Where addresses are, never empty */
struct address_range {
	u64 first;
	u64 last;
};

static bool overlap(const struct address_range *a,
		    const struct address_range *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static bool bar_range(struct sim_function *f, unsigned int bar,
		      struct address_range *r)
{
	u64 size = sim_function_bar(f, bar, &r->first);

	r->last = r->first + size - 1;
	return size;
}

/* All virtual functions together, while there are some */
static bool vf_range(struct sim_device *d, struct address_range *r)
{
	unsigned int nr = sim_sriov_nr_vfs(d);

	if (!nr || !bar_range(&d->fn[d->nr_functions], 0, r))
		return false;
	r->last += (u64)(nr - 1) * SIM_VF_BAR_SIZE;
	return true;
}

/* Is there anything of the device in the way of this BAR? */
static bool bar_is_free(struct sim_function *f, unsigned int bar,
			const struct address_range *r)
{
	struct sim_device *d = f->dev;
	struct address_range other;

	for (int i = 0; i < d->nr_functions; i++)
		for (int k = 0; k < PCI_STD_NUM_BARS; k++)
			if ((&d->fn[i] != f || k != bar) &&
			    bar_range(&d->fn[i], k, &other) &&
			    overlap(r, &other))
				return false;
	return f->kind == SIM_FN_VF || !vf_range(d, &other) ||
	       !overlap(r, &other);
}

static bool bars_are_sane(struct sim_function *f)
{
	struct address_range r;

	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!bar_range(f, bar, &r))
			continue;
		/* The BIOS or kernel gave it no address, or one at the very end */
		if (!r.first || r.last < r.first || !bar_is_free(f, bar, &r))
			return false;
	}
	return true;
}

static u32 cfg_field(const struct sim_function *f, unsigned int where, u32 mask)
{
	return f->cfg[where / 4] & mask;
}

/**
 * sim_tdi_check_config() - may the configuration of a function be locked?
 * @f: function
 *
 * Powered, BARs where nothing else of the device is, no phantom functions, and
 * virtual functions not closer together than the system page size allows.
 *
 * Context: under sim_device::lock.
 * Return: whether it may.
 */
bool sim_tdi_check_config(struct sim_function *f)
{
	const struct sim_function *pf = f->kind == SIM_FN_VF ? &f->dev->fn[0] :
							       f;

	lockdep_assert_held(&f->dev->lock);
	if (cfg_field(f, SIM_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK))
		return false;
	/* A virtual function has its PF's setting */
	if (cfg_field(pf, SIM_CAP_EXP + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_PHANTOM))
		return false;
	/* Bit n is 2^(n + 12) bytes */
	if (f->kind == SIM_FN_VF &&
	    cfg_field(pf, SIM_EXT_SRIOV + PCI_SRIOV_SYS_PGSIZE, ~0) >
		    SIM_VF_BAR_SIZE >> 12)
		return false;
	return bars_are_sane(f);
}

/**
 * sim_tdi_check_offset() - can addresses be reported with this offset?
 * @f: function
 * @offset: MMIO_REPORTING_OFFSET
 *
 * Reports count in pages of 4 KiB, and no address may leave the 64 bits that it
 * has.
 *
 * Context: under sim_device::lock.
 * Return: whether that is possible.
 */
bool sim_tdi_check_offset(struct sim_function *f, u64 offset)
{
	struct address_range r;
	u64 sum;

	lockdep_assert_held(&f->dev->lock);
	if (offset & (BIT(REPORT_PAGE_SHIFT) - 1))
		return false;
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!bar_range(f, bar, &r))
			continue;
		if ((s64)offset < 0 ? r.first < -offset :
		    check_add_overflow(r.last, offset, &sum))
			return false;
	}
	return true;
}

static u32 page_down(u32 offset)
{
	return round_down(offset, BIT(REPORT_PAGE_SHIFT));
}

static u32 page_up(u32 offset)
{
	return round_up(offset, BIT(REPORT_PAGE_SHIFT));
}

/*
 * Table and PBA, as the capability says. Without LOCK_MSIX they are left to
 * the host: one range, from the first to the last page of both.
 */
static unsigned int sim_report_msix(struct sim_function *f, bool lock,
				    struct msix_area areas[2])
{
	const u32 *cap = &f->cfg[SIM_CAP_MSIX / 4];
	u32 table = cap[PCI_MSIX_TABLE / 4], pba = cap[PCI_MSIX_PBA / 4];
	u32 vectors = FIELD_GET(PCI_MSIX_FLAGS_QSIZE, cap[0] >> 16) + 1;

	if ((cap[0] & 0xff) != PCI_CAP_ID_MSIX)
		return 0;

	areas[0] = (struct msix_area) {
		.bar = table & PCI_MSIX_TABLE_BIR,
		.start = page_down(table & PCI_MSIX_TABLE_OFFSET),
		.end = page_up((table & PCI_MSIX_TABLE_OFFSET) +
			       vectors * PCI_MSIX_ENTRY_SIZE),
		.attributes = lock ? RANGE_MSIX_TABLE : RANGE_NON_TEE,
	};
	areas[1] = (struct msix_area) {
		.bar = pba & PCI_MSIX_PBA_BIR,
		.start = page_down(pba & PCI_MSIX_PBA_OFFSET),
		.end = page_up((pba & PCI_MSIX_PBA_OFFSET) +
			       round_up(vectors, 64) / 8),
		.attributes = lock ? RANGE_MSIX_PBA : RANGE_NON_TEE,
	};
	if (areas[0].bar != areas[1].bar)
		return 2;
	if (areas[0].start > areas[1].start)
		swap(areas[0], areas[1]);
	/* Locked, they have pages of their own (11.2.1) */
	if (lock && areas[0].end <= areas[1].start)
		return 2;
	areas[0].end = max(areas[0].end, areas[1].end);
	areas[0].attributes |= areas[1].attributes;
	return 1;
}

/**
 * struct report_writer - a report in the making
 * @f: function
 * @offset: MMIO_REPORTING_OFFSET
 * @ranges: where they go
 * @nr: how many there are
 */
struct report_writer {
	struct sim_function *f;
	u64 offset;
	struct report_range *ranges;
	unsigned int nr;
};

static void report_range(struct report_writer *w, unsigned int bar, u64 start,
			 u64 end, u32 attributes)
{
	if (start >= end)
		return;
	w->ranges[w->nr++] = (struct report_range) {
		.first_page = cpu_to_le64((start + w->offset) >>
					  REPORT_PAGE_SHIFT),
		.nr_pages = cpu_to_le32((end - start) >> REPORT_PAGE_SHIFT),
		.attributes = cpu_to_le32(FIELD_PREP(RANGE_ID, bar) |
					  attributes),
	};
}

static void report_bar(struct report_writer *w, unsigned int bar,
		       const struct msix_area *areas, unsigned int nr_areas)
{
	u64 base, pos = 0, size = sim_function_bar(w->f, bar, &base);

	if (!size)
		return;
	for (int i = 0; i < nr_areas; i++) {
		u64 start = min_t(u64, areas[i].start, size);
		u64 end = min_t(u64, areas[i].end, size);

		if (areas[i].bar != bar)
			continue;
		report_range(w, bar, base + pos, base + start, 0);
		report_range(w, bar, base + start, base + end,
			     areas[i].attributes);
		pos = end;
	}
	report_range(w, bar, base + pos, base + size, 0);
}

/* What the faults make of it: each of these a TSM or a guest must refuse */
static void report_spoil(struct sim_function *f)
{
	struct report_header *header = (void *)f->tdi.report;
	struct report_range *first = (void *)(header + 1), *last, *extra;
	u32 nr = le32_to_cpu(header->nr_ranges);

	last = &first[nr - 1];
	extra = &first[nr];
	switch (sim_fault_report(f->dev)) {
	case SIM_REPORT_GOOD:
		break;
	case SIM_REPORT_SHORT:
		f->tdi.report_len--;
		break;
	case SIM_REPORT_LONG:
		f->tdi.report[f->tdi.report_len++] = 0;
		break;
	case SIM_REPORT_HEADER:
		f->tdi.report_len = sizeof(*header) - 1;
		break;
	case SIM_REPORT_COUNT:
		header->nr_ranges = cpu_to_le32(nr + 1);
		break;
	case SIM_REPORT_COUNT_WRAPS:
		/* Times 16, it is too small again in 32 bits */
		header->nr_ranges = cpu_to_le32(BIT(28) | nr);
		break;
	case SIM_REPORT_INFO:
		put_unaligned_le32(U32_MAX, extra);
		break;
	case SIM_REPORT_ID:
		last->attributes |= cpu_to_le32(RANGE_ID);
		break;
	case SIM_REPORT_NO_BAR:
		/* The upper half of BAR0 */
		first->attributes &= cpu_to_le32(~RANGE_ID);
		first->attributes |= cpu_to_le32(FIELD_PREP(RANGE_ID, 1));
		break;
	case SIM_REPORT_ORDER:
		memmove(extra + 1, extra, sizeof(struct report_info));
		*extra = *first;
		header->nr_ranges = cpu_to_le32(nr + 1);
		f->tdi.report_len += sizeof(*extra);
		break;
	case SIM_REPORT_TOO_BIG:
		last->nr_pages = cpu_to_le32(SZ_1G >> REPORT_PAGE_SHIFT);
		break;
	case SIM_REPORT_EMPTY:
		last->nr_pages = 0;
		break;
	case SIM_REPORT_WRAPS:
		last->first_page = cpu_to_le64(U64_MAX);
		break;
	}
}

/**
 * sim_tdi_report() - write the report of a function
 * @f: function whose configuration may be locked, see sim_tdi_check_config()
 * @lock: the request that locks it, see sim_tdi_check_offset()
 *
 * From its registers as they are now, into sim_tdi::report.
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_report(struct sim_function *f, const struct tdisp_lock *lock)
{
	bool msix = lock->flags & TDISP_LOCK_MSIX;
	struct report_header *header = (void *)f->tdi.report;
	struct report_writer w = {
		.f = f,
		.offset = lock->mmio_offset,
		.ranges = (void *)(header + 1),
	};
	struct msix_area areas[2];
	struct report_info *info;
	unsigned int nr_areas;
	u16 flags = INFO_DMA_NO_PASID;

	lockdep_assert_held(&f->dev->lock);
	nr_areas = sim_report_msix(f, msix, areas);
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		report_bar(&w, bar, areas, nr_areas);

	if (lock->flags & TDISP_LOCK_NO_FW_UPDATE)
		flags |= INFO_NO_FW_UPDATE;
	*header = (struct report_header) {
		.interface_info = cpu_to_le16(flags),
		.nr_ranges = cpu_to_le32(w.nr),
	};
	if (msix && nr_areas)
		header->msix_control =
			cpu_to_le16(f->cfg[SIM_CAP_MSIX / 4] >> 16);

	info = (void *)&w.ranges[w.nr];
	*info = (struct report_info) {
		.len = cpu_to_le32(sizeof(*info) - sizeof(info->len)),
		.vendor = cpu_to_le16(SIM_VENDOR_ID),
		.device = cpu_to_le16(f->kind == SIM_FN_VF ? SIM_VF_DEVICE_ID :
							     SIM_DEVICE_ID),
	};
	f->tdi.report_len = (u8 *)(info + 1) - f->tdi.report;
	report_spoil(f);
}
