/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TDISP device interface report (PCIe r6.1 section 11.3.11): what a device
 * says of the interface that it has locked, above all which pages of which BAR
 * are for the confidential VM alone.
 */
#ifndef _LINUX_PCI_TDI_REPORT_H
#define _LINUX_PCI_TDI_REPORT_H

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/types.h>

/* A report is read in portions with an offset of 16 bits each */
#define PCI_TDI_REPORT_MAX_SIZE		SZ_64K

/**
 * struct pci_tdi_report_hdr - what a report begins with
 * @interface_info: PCI_TDI_INFO bits
 * @reserved: 0
 * @msix_control: MSI_X_MESSAGE_CONTROL, 0 if the table is not locked
 * @lnr_control: LNR_CONTROL, deprecated
 * @tph_control: TPH_CONTROL, 0 if the MSI-X table is not locked
 * @range_count: MMIO_RANGE_COUNT
 *
 * As many &struct pci_tdi_report_range follow, then the length of the device
 * specific information in 32 bits, and that information.
 */
struct pci_tdi_report_hdr {
	__le16 interface_info;
	__le16 reserved;
	__le16 msix_control;
	__le16 lnr_control;
	__le32 tph_control;
	__le32 range_count;
} __packed;
static_assert(sizeof(struct pci_tdi_report_hdr) == 16);

#define PCI_TDI_INFO_NO_FW_UPDATE	BIT(0)	/* none while locked */
#define PCI_TDI_INFO_DMA		BIT(1)	/* DMA without PASID */
#define PCI_TDI_INFO_DMA_PASID		BIT(2)	/* DMA with PASID */
#define PCI_TDI_INFO_ATS		BIT(3)	/* supported and enabled */
#define PCI_TDI_INFO_PRS		BIT(4)	/* supported and enabled */
#define PCI_TDI_INFO_MASK		GENMASK(4, 0)

/**
 * struct pci_tdi_report_range - an MMIO range of a report
 * @first_page: number of its first 4 KiB page: of the physical address plus
 *	MMIO_REPORTING_OFFSET
 * @nr_pages: 4 KiB pages
 * @attributes: PCI_TDI_RANGE bits, and the range id
 */
struct pci_tdi_report_range {
	__le64 first_page;
	__le32 nr_pages;
	__le32 attributes;
} __packed;
static_assert(sizeof(struct pci_tdi_report_range) == 16);

#define PCI_TDI_RANGE_MSIX_TABLE	BIT(0)	/* holds the locked table */
#define PCI_TDI_RANGE_MSIX_PBA		BIT(1)	/* holds the locked PBA */
#define PCI_TDI_RANGE_NON_TEE		BIT(2)	/* not for the VM alone */
#define PCI_TDI_RANGE_UPDATABLE		BIT(3)	/* by SET_MMIO_ATTRIBUTE */
#define PCI_TDI_RANGE_ATTRS		GENMASK(3, 0)
#define PCI_TDI_RANGE_ID		GENMASK(31, 16)

/* Pages of a report, whatever those of the kernel are */
#define PCI_TDI_PAGE_SHIFT		12

/**
 * enum pci_tdi_mmio_base - where in its BAR a reported range lies
 * @PCI_TDI_MMIO_PHYSICAL: the reported address less the reporting offset is an
 *	address on the bus, as a BAR holds it. For a host that knows the offset.
 * @PCI_TDI_MMIO_BAR_ALIGNED: the reporting offset is a multiple of the size of
 *	each BAR, so that the low bits of a reported address are the offset in
 *	its BAR
 * @PCI_TDI_MMIO_RELATIVE: the first range of a BAR lies at the start of that
 *	BAR
 *
 * A guest sees neither the device's real BARs nor the reporting offset, and a
 * host does not see the latter if its firmware chooses it. The specification
 * does not say how to find a range then; platforms chose between the latter
 * two, and the TSM driver has to say which.
 */
enum pci_tdi_mmio_base {
	PCI_TDI_MMIO_PHYSICAL,
	PCI_TDI_MMIO_BAR_ALIGNED,
	PCI_TDI_MMIO_RELATIVE,
};

/**
 * struct pci_tdi_mmio_layout - a function's BARs, to find reported ranges in
 * @base: how to find them
 * @offset: MMIO_REPORTING_OFFSET, a multiple of 4 KiB; 0 if it is not known
 * @bar: the BARs by number
 * @bar.start: address on the bus; counts for PCI_TDI_MMIO_PHYSICAL only
 * @bar.len: bytes; 0: no BAR of that number, or not for memory
 */
struct pci_tdi_mmio_layout {
	enum pci_tdi_mmio_base base;
	s64 offset;
	struct {
		u64 start;
		u64 len;
	} bar[PCI_STD_NUM_BARS];
};

/**
 * struct pci_tdi_range - an MMIO range of a parsed report
 * @offset: of its first byte in the BAR
 * @len: bytes, not 0
 * @first_page: as reported, for firmware that wants it back
 * @bar: number of the BAR
 * @attrs: PCI_TDI_RANGE bits but the id
 */
struct pci_tdi_range {
	u64 offset;
	u64 len;
	u64 first_page;
	u8 bar;
	u8 attrs;
};

/**
 * struct pci_tdi_report - a parsed report
 * @interface_info: PCI_TDI_INFO bits
 * @msix_control: the MSI-X message control register, 0 if not locked
 * @tph_control: the TPH control register, 0 if not locked
 * @bar_len: lengths of the function's BARs, of the layout it was parsed with
 * @device_info: what the device's vendor has to say
 * @device_info_len: bytes of it
 * @nr_ranges: number of @ranges
 * @ranges: in the order of the report, which is that of BARs and of offsets in
 *	them; none overlaps another or reaches beyond its BAR
 */
struct pci_tdi_report {
	u16 interface_info;
	u16 msix_control;
	u32 tph_control;
	u64 bar_len[PCI_STD_NUM_BARS];
	const u8 *device_info;
	u32 device_info_len;
	unsigned int nr_ranges;
	struct pci_tdi_range ranges[] __counted_by(nr_ranges);
};

void pci_tdi_mmio_layout_init(struct pci_tdi_mmio_layout *layout,
			      struct pci_dev *pdev, enum pci_tdi_mmio_base base,
			      s64 offset);
struct pci_tdi_report *
pci_tdi_report_parse(const void *p, size_t len,
		     const struct pci_tdi_mmio_layout *layout,
		     const char **reason);
void pci_tdi_report_free(struct pci_tdi_report *report);
DEFINE_FREE(pci_tdi_report_free, struct pci_tdi_report *, pci_tdi_report_free(_T))

const struct pci_tdi_range *
pci_tdi_report_find(const struct pci_tdi_report *report, unsigned int bar,
		    u64 offset, u64 *len);
bool pci_tdi_report_covers(const struct pci_tdi_report *report,
			   unsigned int bar, u64 offset, u64 len, u8 mask,
			   u8 attrs);
bool pci_tdi_report_pages_are_shared(const struct pci_tdi_report *report,
				     unsigned int bar, u64 offset, u64 len,
				     u64 page_size);

/**
 * pci_tdi_report_is_tee() - is this MMIO for the confidential VM alone?
 * @report: of the locked interface
 * @bar: number of the BAR
 * @offset: of the first byte in it
 * @len: bytes, not 0
 *
 * Return: whether all of it is. What the report does not mention is not.
 */
static inline bool pci_tdi_report_is_tee(const struct pci_tdi_report *report,
					 unsigned int bar, u64 offset, u64 len)
{
	return pci_tdi_report_covers(report, bar, offset, len,
				     PCI_TDI_RANGE_NON_TEE, 0);
}

/**
 * pci_tdi_report_is_shared() - may the host go on using this MMIO?
 * @report: of the locked interface
 * @bar: number of the BAR
 * @offset: of the first byte in it
 * @len: bytes, not 0
 *
 * Return: whether the device says so of all of it. What the report does not
 * mention is not shared either.
 */
static inline bool pci_tdi_report_is_shared(const struct pci_tdi_report *report,
					    unsigned int bar, u64 offset,
					    u64 len)
{
	return pci_tdi_report_covers(report, bar, offset, len,
				     PCI_TDI_RANGE_NON_TEE,
				     PCI_TDI_RANGE_NON_TEE);
}

#endif /* _LINUX_PCI_TDI_REPORT_H */
