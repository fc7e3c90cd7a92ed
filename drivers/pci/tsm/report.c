// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parser of the TDISP device interface report (PCIe r6.1 section 11.3.11):
 * untrusted bytes in, ranges of BARs out; pure, no side effects.
 */
#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/pci-tdi-report.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#define PAGE_BYTES	BIT_ULL(PCI_TDI_PAGE_SHIFT)

/* Bytes of a report beside its ranges and the device specific information */
#define FIXED_BYTES	(sizeof(struct pci_tdi_report_hdr) + sizeof(__le32))

/**
 * struct report_walk - what earlier ranges of a report have fixed
 * @layout: the function's BARs
 * @reason: why the report is refused
 * @bar: that the ranges are at
 * @base: address that stands for the start of @bar
 * @span: addresses from the first to behind the last range of each BAR; empty
 *	for a BAR without a range
 */
struct report_walk {
	const struct pci_tdi_mmio_layout *layout;
	const char *reason;
	unsigned int bar;
	u64 base;
	struct {
		u64 start;
		u64 end;
	} span[PCI_STD_NUM_BARS];
};

static int refuse(struct report_walk *walk, int err, const char *reason)
{
	walk->reason = reason;
	return err;
}

/* What the caller says, not the device */
static int check_layout(struct report_walk *walk)
{
	const struct pci_tdi_mmio_layout *layout = walk->layout;
	u64 end;

	if (!IS_ALIGNED((u64)layout->offset, PAGE_BYTES))
		return refuse(walk, -EINVAL, "reporting offset within a page");

	switch (layout->base) {
	case PCI_TDI_MMIO_PHYSICAL:
		for (int i = 0; i < PCI_STD_NUM_BARS; i++)
			if (check_add_overflow(layout->bar[i].start,
					       layout->bar[i].len, &end))
				return refuse(walk, -EINVAL, "BAR wraps");
		return 0;
	case PCI_TDI_MMIO_BAR_ALIGNED:
	case PCI_TDI_MMIO_RELATIVE:
		return 0;
	}
	return refuse(walk, -EINVAL, "unknown meaning of the reporting offset");
}

/* The first range of a BAR fixes which address is offset 0 of that BAR */
static int enter_bar(struct report_walk *walk, unsigned int bar, u64 start)
{
	const struct pci_tdi_mmio_layout *layout = walk->layout;
	u64 len;

	if (bar >= PCI_STD_NUM_BARS || !layout->bar[bar].len)
		return refuse(walk, -ENXIO, "MMIO range of no memory BAR");

	len = layout->bar[bar].len;
	switch (layout->base) {
	case PCI_TDI_MMIO_PHYSICAL:
		walk->base = layout->bar[bar].start;
		if (!IS_ALIGNED(walk->base, PAGE_BYTES))
			return refuse(walk, -ERANGE, "BAR starts within a page");
		break;
	case PCI_TDI_MMIO_BAR_ALIGNED:
		if (len & (len - 1))
			return refuse(walk, -ERANGE,
				      "BAR size is not a power of two");
		walk->base = start & ~(len - 1);
		break;
	case PCI_TDI_MMIO_RELATIVE:
		walk->base = start;
		break;
	}
	walk->bar = bar;
	walk->span[bar].start = start;
	walk->span[bar].end = start;
	return 0;
}

/*
 * Addresses from here on are what the device reports less the reporting
 * offset: addresses on the bus, if the offset is known.
 */
static int range_address(struct report_walk *walk,
			 const struct pci_tdi_report_range *wire, u64 *start,
			 u64 *end)
{
	u64 len = (u64)le32_to_cpu(wire->nr_pages) << PCI_TDI_PAGE_SHIFT;
	u64 first = le64_to_cpu(wire->first_page);
	u64 reported;

	if (!len)
		return refuse(walk, -EBADMSG, "MMIO range without pages");
	if (first > U64_MAX >> PCI_TDI_PAGE_SHIFT)
		return refuse(walk, -ERANGE, "MMIO range wraps");
	reported = first << PCI_TDI_PAGE_SHIFT;
	if (check_add_overflow(reported, len, end) ||
	    check_sub_overflow(reported, walk->layout->offset, start) ||
	    check_add_overflow(*start, len, end))
		return refuse(walk, -ERANGE, "MMIO range wraps");
	return 0;
}

static int parse_range(struct report_walk *walk,
		       const struct pci_tdi_report_range *wire, bool first,
		       struct pci_tdi_range *out)
{
	u32 attributes = le32_to_cpu(wire->attributes);
	unsigned int bar = FIELD_GET(PCI_TDI_RANGE_ID, attributes);
	u64 start, end;
	int rc;

	rc = range_address(walk, wire, &start, &end);
	if (rc)
		return rc;

	if (first || bar > walk->bar) {
		rc = enter_bar(walk, bar, start);
		if (rc)
			return rc;
	} else if (bar < walk->bar) {
		return refuse(walk, -EBADMSG, "BARs of MMIO ranges descend");
	}
	if (start < walk->span[bar].end)
		return refuse(walk, -EBADMSG,
			      "MMIO ranges of a BAR descend or overlap");
	if (start < walk->base ||
	    end - walk->base > walk->layout->bar[bar].len)
		return refuse(walk, -ERANGE, "MMIO range outside of its BAR");
	walk->span[bar].end = end;

	out->bar = bar;
	out->attrs = attributes & PCI_TDI_RANGE_ATTRS;
	out->offset = start - walk->base;
	out->len = end - start;
	out->first_page = le64_to_cpu(wire->first_page);
	return 0;
}

/*
 * A guest cannot tell where the BARs lie on the bus, but it can tell that two
 * of them lie apart, each in one piece.
 */
static int check_spans(struct report_walk *walk)
{
	for (int a = 0; a < PCI_STD_NUM_BARS; a++)
		for (int b = 0; b < a; b++)
			if (walk->span[a].start < walk->span[b].end &&
			    walk->span[b].start < walk->span[a].end)
				return refuse(walk, -EBADMSG,
					      "MMIO ranges of two BARs overlap");
	return 0;
}

static struct pci_tdi_report *parse(struct report_walk *walk, const void *p,
				    size_t len)
{
	const struct pci_tdi_report_hdr *hdr = p;
	const struct pci_tdi_report_range *wire;
	u32 nr, info_len;
	const u8 *info;
	int rc;

	rc = check_layout(walk);
	if (rc)
		return ERR_PTR(rc);

	if (len > PCI_TDI_REPORT_MAX_SIZE)
		return ERR_PTR(refuse(walk, -EMSGSIZE, "too long"));
	if (len < FIXED_BYTES)
		return ERR_PTR(refuse(walk, -EBADMSG, "too short"));
	nr = le32_to_cpu(hdr->range_count);
	if (nr > (len - FIXED_BYTES) / sizeof(*wire))
		return ERR_PTR(refuse(walk, -EBADMSG,
				      "more MMIO ranges than fit in"));
	wire = (const struct pci_tdi_report_range *)(hdr + 1);
	info = (const u8 *)(wire + nr);
	info_len = get_unaligned_le32(info);
	info += sizeof(__le32);
	if (info_len != len - FIXED_BYTES - nr * sizeof(*wire))
		return ERR_PTR(refuse(walk, -EBADMSG,
				      "length of the device specific information"));

	struct pci_tdi_report *report __free(pci_tdi_report_free) =
		kvzalloc(struct_size(report, ranges, nr) + info_len,
			 GFP_KERNEL_ACCOUNT);
	if (!report)
		return ERR_PTR(refuse(walk, -ENOMEM, "no memory"));

	report->nr_ranges = nr;
	for (u32 i = 0; i < nr; i++) {
		rc = parse_range(walk, &wire[i], i == 0, &report->ranges[i]);
		if (rc)
			return ERR_PTR(rc);
	}
	rc = check_spans(walk);
	if (rc)
		return ERR_PTR(rc);

	report->interface_info =
		le16_to_cpu(hdr->interface_info) & PCI_TDI_INFO_MASK;
	report->msix_control = le16_to_cpu(hdr->msix_control);
	report->tph_control = le32_to_cpu(hdr->tph_control);
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		report->bar_len[i] = walk->layout->bar[i].len;
	report->device_info_len = info_len;
	report->device_info = (u8 *)report + struct_size(report, ranges, nr);
	memcpy((u8 *)report + struct_size(report, ranges, nr), info, info_len);
	return no_free_ptr(report);
}

/**
 * pci_tdi_report_parse() - parse a TDISP device interface report
 * @p: the report, in memory that nobody else changes
 * @len: its exact length in bytes
 * @layout: the function's BARs, and how the report refers to them
 * @reason: optional; what is wrong with a report that is refused, else NULL
 *
 * Every byte is accounted for, every range lies in a memory BAR of the
 * function, and ranges ascend and do not overlap; otherwise the whole report is
 * refused, for nothing that a device says of itself can be believed in part.
 * Reserved bits are ignored and do not appear in the result.
 *
 * A BAR of less than 4 KiB has no page of its own and cannot have a range.
 *
 * Context: May sleep; allocates.
 *
 * Return: the report, for pci_tdi_report_free(), or
 *
 * * %-EINVAL	- @layout makes no sense: the caller's fault
 * * %-EMSGSIZE	- longer than PCI_TDI_REPORT_MAX_SIZE
 * * %-EBADMSG	- lengths do not add up, a range is empty, ranges descend or
 *		  overlap
 * * %-ENXIO	- a range whose id is not that of a memory BAR
 * * %-ERANGE	- a range that reaches beyond its BAR or wraps, or lies in a
 *		  BAR that cannot be mapped by pages of 4 KiB
 * * %-ENOMEM	- out of memory
 */
struct pci_tdi_report *
pci_tdi_report_parse(const void *p, size_t len,
		     const struct pci_tdi_mmio_layout *layout,
		     const char **reason)
{
	struct report_walk walk = { .layout = layout };
	struct pci_tdi_report *report = parse(&walk, p, len);

	if (reason)
		*reason = walk.reason;
	return report;
}
EXPORT_SYMBOL_GPL(pci_tdi_report_parse);

/**
 * pci_tdi_report_free() - free a parsed report
 * @report: of pci_tdi_report_parse(), or NULL; an error pointer does no harm
 */
void pci_tdi_report_free(struct pci_tdi_report *report)
{
	if (!IS_ERR(report))
		kvfree(report);
}
EXPORT_SYMBOL_GPL(pci_tdi_report_free);

/**
 * pci_tdi_report_find() - what does a report say about a place in a BAR?
 * @report: the parsed report
 * @bar: number of the BAR
 * @offset: in it, in bytes
 * @len: result: bytes from @offset on about which it says the same, up to the
 *	end of the range, or to the next one, or to the end of the BAR; 0 if
 *	@offset is not in a memory BAR
 *
 * Return: the range that @offset is in, or NULL: not mentioned
 */
const struct pci_tdi_range *
pci_tdi_report_find(const struct pci_tdi_report *report, unsigned int bar,
		    u64 offset, u64 *len)
{
	unsigned int from = 0, to = report->nr_ranges;
	const struct pci_tdi_range *r;

	*len = 0;
	if (bar >= PCI_STD_NUM_BARS || offset >= report->bar_len[bar])
		return NULL;

	/* the first range that ends behind @offset */
	while (from < to) {
		unsigned int mid = from + (to - from) / 2;

		r = &report->ranges[mid];
		if (r->bar < bar || (r->bar == bar && r->offset + r->len <= offset))
			from = mid + 1;
		else
			to = mid;
	}

	*len = report->bar_len[bar] - offset;
	if (from == report->nr_ranges)
		return NULL;
	r = &report->ranges[from];
	if (r->bar != bar)
		return NULL;
	if (r->offset > offset) {
		*len = r->offset - offset;
		return NULL;
	}
	*len = r->offset + r->len - offset;
	return r;
}
EXPORT_SYMBOL_GPL(pci_tdi_report_find);

/**
 * pci_tdi_report_covers() - does a report say something about a part of a BAR?
 * @report: the parsed report
 * @bar: number of the BAR
 * @offset: of the part, in bytes
 * @len: of the part, in bytes
 * @mask: PCI_TDI_RANGE bits that matter
 * @attrs: what they have to be
 *
 * Return: whether the part is not empty, and each byte of it is in a range
 * with such attributes
 */
bool pci_tdi_report_covers(const struct pci_tdi_report *report,
			   unsigned int bar, u64 offset, u64 len, u8 mask,
			   u8 attrs)
{
	while (len) {
		const struct pci_tdi_range *r;
		u64 same;

		r = pci_tdi_report_find(report, bar, offset, &same);
		if (!r || (r->attrs & mask) != attrs)
			return false;
		if (same >= len)
			return true;
		offset += same;
		len -= same;
	}
	return false;
}
EXPORT_SYMBOL_GPL(pci_tdi_report_covers);

/**
 * pci_tdi_report_pages_are_shared() - may the host go on mapping this MMIO?
 * @report: of the locked interface
 * @bar: number of the BAR, which begins with a page
 * @offset: of the first byte in it
 * @len: bytes, not 0
 * @page_size: of who maps it, in bytes, a power of two
 *
 * As pci_tdi_report_is_shared(), for all of the pages that it is in: a page that
 * is the VM's in part cannot be mapped. What is behind the end of a BAR that is
 * smaller than its last page does not count.
 *
 * Return: whether the device says so of all of it
 */
bool pci_tdi_report_pages_are_shared(const struct pci_tdi_report *report,
				     unsigned int bar, u64 offset, u64 len,
				     u64 page_size)
{
	u64 first = round_down(offset, page_size), last, end;

	if (bar >= PCI_STD_NUM_BARS || !len || !report->bar_len[bar] ||
	    check_add_overflow(offset, len - 1, &last))
		return false;

	end = report->bar_len[bar] - 1;
	last |= page_size - 1;
	if (last > (end | (page_size - 1)))
		return false;

	return pci_tdi_report_is_shared(report, bar, first,
					min(last, end) - first + 1);
}
EXPORT_SYMBOL_GPL(pci_tdi_report_pages_are_shared);

/**
 * pci_tdi_mmio_layout_init() - the BARs of a function, to parse its report with
 * @layout: result
 * @pdev: the function, with its BARs assigned
 * @base: how a reported range is found in its BAR
 * @offset: MMIO_REPORTING_OFFSET, 0 if it is not known
 *
 * What is not an assigned memory BAR gets length 0.
 */
void pci_tdi_mmio_layout_init(struct pci_tdi_mmio_layout *layout,
			      struct pci_dev *pdev, enum pci_tdi_mmio_base base,
			      s64 offset)
{
	*layout = (struct pci_tdi_mmio_layout){
		.base = base,
		.offset = offset,
	};
	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		const struct resource *res = pci_resource_n(pdev, i);

		if (!(res->flags & IORESOURCE_MEM) || !res->parent ||
		    res->flags & (IORESOURCE_UNSET | IORESOURCE_DISABLED))
			continue;
		/* the device knows addresses on the bus, not the processor's */
		layout->bar[i].start = pci_bus_address(pdev, i);
		layout->bar[i].len = pci_resource_len(pdev, i);
	}
}
EXPORT_SYMBOL_GPL(pci_tdi_mmio_layout_init);
