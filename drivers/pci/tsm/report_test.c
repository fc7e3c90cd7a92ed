// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the parser of TDISP device interface reports: each rule that
 * a report can break, limits, and look-ups in what was parsed.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tdi-report.h>
#include <linux/sizes.h>
#include <linux/unaligned.h>

/* Sizes and offsets by the specification, not by the header under test */
#define HDR_BYTES	16
#define RANGE_BYTES	16
#define LEN_BYTES	4
#define MAX_BYTES	65536

struct wire_range {
	u64 page;
	u32 nr;
	u16 attrs;
	u16 id;
};

static void put_range(u8 *p, const struct wire_range *r)
{
	put_unaligned_le64(r->page, p);
	put_unaligned_le32(r->nr, p + 8);
	put_unaligned_le16(r->attrs, p + 12);
	put_unaligned_le16(r->id, p + 14);
}

/* Only ranges, all else 0; returns the length */
static size_t put_report(u8 *p, const struct wire_range *ranges, u32 nr,
			 u32 info_len)
{
	memset(p, 0, HDR_BYTES);
	put_unaligned_le32(nr, p + 12);
	for (u32 i = 0; i < nr; i++)
		put_range(p + HDR_BYTES + i * RANGE_BYTES, &ranges[i]);
	p += HDR_BYTES + nr * RANGE_BYTES;
	put_unaligned_le32(info_len, p);
	for (u32 i = 0; i < info_len; i++)
		p[LEN_BYTES + i] = i ^ 0x5a;
	return HDR_BYTES + nr * RANGE_BYTES + LEN_BYTES + info_len;
}

/*
 * BARs as they come: 64-bit memory, I/O, memory of less than a page. The sizes
 * are those of a function that has VFs' BARs beside it, nothing is aligned to
 * more than its own size.
 */
static const struct pci_tdi_mmio_layout bars = {
	.bar = {
		[0] = { .start = 0x380000100000, .len = SZ_1M },
		[2] = { .start = 0x380000210000, .len = SZ_64K },
		[4] = { .start = 0xfebf1000, .len = SZ_4K },
		[5] = { .start = 0xfebf2800, .len = SZ_2K },
	},
};

#define BAR0_PAGE	0x380000100ULL
#define BAR2_PAGE	0x380000210ULL
#define BAR4_PAGE	0xfebf1ULL
#define BAR5_PAGE	0xfebf2ULL

static struct pci_tdi_report *parse(struct kunit *test, const u8 *p, size_t len,
				    const struct pci_tdi_mmio_layout *layout,
				    const char **reason)
{
	u8 *exact = kunit_kmalloc(test, len, GFP_KERNEL);
	struct pci_tdi_report *report;

	KUNIT_ASSERT_NOT_NULL(test, exact);
	/* a buffer that ends where the report does, for KASAN to see */
	memcpy(exact, p, len);
	*reason = "?";
	report = pci_tdi_report_parse(exact, len, layout, reason);
	kunit_kfree(test, exact);
	return report;
}

/* A reason comes with each failure and no success */
static void expect_refused(struct kunit *test, const u8 *p, size_t len,
			   const struct pci_tdi_mmio_layout *layout, int err,
			   const char *what)
{
	struct pci_tdi_report *report;
	const char *reason;

	report = parse(test, p, len, layout, &reason);
	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(report), err, "%s: %s", what,
			    reason);
	KUNIT_EXPECT_NOT_NULL(test, reason);
	KUNIT_EXPECT_STRNEQ(test, reason ?: "?", "?");
	if (!IS_ERR(report))
		pci_tdi_report_free(report);
}

static struct pci_tdi_report *
parse_good(struct kunit *test, const u8 *p, size_t len,
	   const struct pci_tdi_mmio_layout *layout)
{
	struct pci_tdi_report *report;
	const char *reason;

	report = parse(test, p, len, layout, &reason);
	KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, report, "%s", reason);
	KUNIT_EXPECT_NULL(test, reason);
	return report;
}

static struct pci_tdi_mmio_layout layout_of(enum pci_tdi_mmio_base base,
					    s64 offset)
{
	struct pci_tdi_mmio_layout layout = bars;

	layout.base = base;
	layout.offset = offset;
	return layout;
}

/* --- a report written down by hand --------------------------------------- */

static const u8 by_hand[] = {
	0x3f, 0x00,			/* all that is defined, one more bit */
	0xff, 0xff,			/* reserved */
	0x07, 0x80,			/* MSI-X enabled, 8 vectors */
	0xff, 0xff,			/* LNR */
	0x01, 0x02, 0x00, 0x00,		/* TPH */
	0x04, 0x00, 0x00, 0x00,
	/* BAR 0, pages 0..15 */
	0x00, 0x01, 0x00, 0x80, 0x03, 0x00, 0x00, 0x00,
	0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* BAR 0, page 16: the MSI-X table and PBA, non-TEE */
	0x10, 0x01, 0x00, 0x80, 0x03, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00,
	/* BAR 2, pages 2 and 3, updatable, with reserved bits */
	0x12, 0x02, 0x00, 0x80, 0x03, 0x00, 0x00, 0x00,
	0x02, 0x00, 0x00, 0x00, 0xf8, 0xff, 0x02, 0x00,
	/* BAR 4, its only page */
	0xf1, 0xeb, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
	0x03, 0x00, 0x00, 0x00, 'a', 'b', 'c',
};

static void expect_range(struct kunit *test, const struct pci_tdi_range *r,
			 unsigned int bar, u64 offset, u64 len, unsigned int attrs)
{
	KUNIT_EXPECT_EQ(test, r->bar, bar);
	KUNIT_EXPECT_EQ(test, r->offset, offset);
	KUNIT_EXPECT_EQ(test, r->len, len);
	KUNIT_EXPECT_EQ(test, r->attrs, attrs);
}

static void report_by_hand(struct kunit *test)
{
	struct pci_tdi_report *r = parse_good(test, by_hand, sizeof(by_hand),
					      &bars);

	KUNIT_EXPECT_EQ(test, r->interface_info,
			PCI_TDI_INFO_NO_FW_UPDATE | PCI_TDI_INFO_DMA |
			PCI_TDI_INFO_DMA_PASID | PCI_TDI_INFO_ATS |
			PCI_TDI_INFO_PRS);
	KUNIT_EXPECT_EQ(test, r->msix_control, 0x8007);
	KUNIT_EXPECT_EQ(test, r->tph_control, 0x201);
	KUNIT_ASSERT_EQ(test, r->nr_ranges, 4);
	expect_range(test, &r->ranges[0], 0, 0, SZ_64K, 0);
	expect_range(test, &r->ranges[1], 0, SZ_64K, SZ_4K,
		     PCI_TDI_RANGE_MSIX_TABLE | PCI_TDI_RANGE_MSIX_PBA |
		     PCI_TDI_RANGE_NON_TEE);
	expect_range(test, &r->ranges[2], 2, SZ_8K, SZ_8K,
		     PCI_TDI_RANGE_UPDATABLE);
	expect_range(test, &r->ranges[3], 4, 0, SZ_4K, 0);
	KUNIT_EXPECT_EQ(test, r->ranges[3].first_page, BAR4_PAGE);
	KUNIT_ASSERT_EQ(test, r->device_info_len, 3);
	KUNIT_EXPECT_MEMEQ(test, r->device_info, "abc", 3);
	pci_tdi_report_free(r);
}

static void report_truncated(struct kunit *test)
{
	u8 longer[sizeof(by_hand) + 40] = {};

	for (size_t len = 0; len < sizeof(by_hand); len++)
		expect_refused(test, by_hand, len, &bars, -EBADMSG, "cut off");
	memcpy(longer, by_hand, sizeof(by_hand));
	for (size_t len = sizeof(by_hand) + 1; len <= sizeof(longer); len++)
		expect_refused(test, longer, len, &bars, -EBADMSG, "bytes behind");
}

/* A caller that does not want to know */
static void report_no_reason(struct kunit *test)
{
	struct pci_tdi_report *r;

	r = pci_tdi_report_parse(by_hand, sizeof(by_hand), &bars, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
	pci_tdi_report_free(r);
	KUNIT_EXPECT_PTR_EQ(test,
			    pci_tdi_report_parse(by_hand, 3, &bars, NULL),
			    ERR_PTR(-EBADMSG));
	pci_tdi_report_free(NULL);
}

/* --- one rule at a time --------------------------------------------------- */

struct report_case {
	const char *name;
	enum pci_tdi_mmio_base base;
	s64 offset;
	u32 nr;
	struct wire_range ranges[4];
	int err;
};

#define AT_PHYS	.base = PCI_TDI_MMIO_PHYSICAL
#define AT_ALIGN	.base = PCI_TDI_MMIO_BAR_ALIGNED
#define AT_START	.base = PCI_TDI_MMIO_RELATIVE
#define RANGES(...)							\
	.nr = sizeof((struct wire_range[]){ __VA_ARGS__ }) /		\
	      sizeof(struct wire_range),				\
	.ranges = { __VA_ARGS__ }

/* Whole BARs, one page more, one page less; the same where BARs are elsewhere */
static const struct report_case report_cases[] = {
	{ "no ranges", AT_PHYS, .nr = 0 },
	{ "whole BARs", AT_PHYS, RANGES({ BAR0_PAGE, 256, 0, 0 },
				     { BAR2_PAGE, 16, 0, 2 },
				     { BAR4_PAGE, 1, 0, 4 }) },
	{ "BARs left out", AT_PHYS, RANGES({ BAR4_PAGE, 1, 0, 4 }) },
	{ "last page", AT_PHYS, RANGES({ BAR0_PAGE + 255, 1, 0, 0 }) },
	{ "neighbours", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 0 },
				     { BAR0_PAGE + 1, 1, 4, 0 }) },

	{ "no pages", AT_PHYS, RANGES({ BAR0_PAGE, 0, 0, 0 }), -EBADMSG },
	{ "no pages, second", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 0 },
					   { BAR0_PAGE + 1, 0, 0, 0 }), -EBADMSG },

	{ "id of an upper half", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 1 }), -ENXIO },
	{ "id of no BAR", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 3 }), -ENXIO },
	{ "id of the ROM", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 6 }), -ENXIO },
	{ "id beyond BARs", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 8 }), -ENXIO },
	{ "largest id", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 0xffff }), -ENXIO },
	{ "id beyond a byte", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 0x100 }), -ENXIO },
	{ "BARs descend", AT_PHYS, RANGES({ BAR2_PAGE, 1, 0, 2 },
				       { BAR0_PAGE, 1, 0, 0 }), -EBADMSG },
	{ "back to a BAR", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 0 },
					{ BAR2_PAGE, 1, 0, 2 },
					{ BAR0_PAGE + 1, 1, 0, 0 }), -EBADMSG },

	{ "ranges descend", AT_PHYS, RANGES({ BAR0_PAGE + 8, 1, 0, 0 },
					 { BAR0_PAGE, 1, 0, 0 }), -EBADMSG },
	{ "the same twice", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 0 },
					 { BAR0_PAGE, 1, 0, 0 }), -EBADMSG },
	{ "overlap by a page", AT_PHYS, RANGES({ BAR0_PAGE, 2, 0, 0 },
					    { BAR0_PAGE + 1, 2, 0, 0 }), -EBADMSG },
	{ "one within another", AT_PHYS, RANGES({ BAR0_PAGE, 8, 0, 0 },
					     { BAR0_PAGE + 2, 2, 4, 0 }), -EBADMSG },
	{ "third overlaps first", AT_PHYS, RANGES({ BAR0_PAGE, 8, 0, 0 },
					       { BAR0_PAGE + 8, 1, 0, 0 },
					       { BAR0_PAGE + 7, 2, 0, 0 }), -EBADMSG },

	{ "before its BAR", AT_PHYS, RANGES({ BAR0_PAGE - 1, 1, 0, 0 }), -ERANGE },
	{ "from before its BAR", AT_PHYS, RANGES({ BAR0_PAGE - 1, 2, 0, 0 }), -ERANGE },
	{ "behind its BAR", AT_PHYS, RANGES({ BAR0_PAGE + 256, 1, 0, 0 }), -ERANGE },
	{ "a page too many", AT_PHYS, RANGES({ BAR0_PAGE, 257, 0, 0 }), -ERANGE },
	{ "second too long", AT_PHYS, RANGES({ BAR0_PAGE, 1, 0, 0 },
					  { BAR0_PAGE + 1, 256, 0, 0 }), -ERANGE },
	{ "another BAR's page", AT_PHYS, RANGES({ BAR2_PAGE, 1, 0, 0 }), -ERANGE },
	{ "BAR within a page", AT_PHYS, RANGES({ BAR5_PAGE, 1, 0, 5 }), -ERANGE },
	{ "small BAR, aligned", AT_ALIGN, RANGES({ BAR5_PAGE, 1, 0, 5 }), -ERANGE },
	{ "small BAR, relative", AT_START, RANGES({ BAR5_PAGE, 1, 0, 5 }), -ERANGE },
	{ "most pages", AT_PHYS, RANGES({ BAR0_PAGE, U32_MAX, 0, 0 }), -ERANGE },
	{ "most pages, aligned", AT_ALIGN, RANGES({ 0, U32_MAX, 0, 0 }), -ERANGE },
	{ "most pages, relative", AT_START, RANGES({ 0, U32_MAX, 0, 0 }), -ERANGE },

	{ "page number wraps", AT_PHYS, RANGES({ BIT_ULL(52) + BAR0_PAGE, 1, 0, 0 }), -ERANGE },
	{ "page number wraps, relative", AT_START, RANGES({ BIT_ULL(52), 1, 0, 0 }), -ERANGE },
	{ "largest page number", AT_START, RANGES({ U64_MAX, 1, 0, 0 }), -ERANGE },
	{ "end wraps", AT_START, RANGES({ BIT_ULL(52) - 1, 2, 0, 0 }), -ERANGE },
	{ "end at 2^64", AT_START, RANGES({ BIT_ULL(52) - 1, 1, 0, 0 }), -ERANGE },
	{ "end below 2^64", AT_START, RANGES({ BIT_ULL(52) - 2, 1, 0, 0 }) },
	{ "end wraps, aligned", AT_ALIGN, RANGES({ BIT_ULL(52) - 1, 2, 0, 2 }), -ERANGE },

	{ "offset", AT_PHYS, .offset = 0x1000, RANGES({ BAR0_PAGE + 1, 256, 0, 0 },
						   { BAR4_PAGE + 1, 1, 0, 4 }) },
	{ "offset left out", AT_PHYS, .offset = 0x1000,
	  RANGES({ BAR0_PAGE, 1, 0, 0 }), -ERANGE },
	{ "negative offset", AT_PHYS, .offset = -0x380000000000,
	  RANGES({ 0x100, 256, 0, 0 }, { 0x210, 16, 0, 2 }) },
	{ "offset underflows", AT_START, .offset = SZ_64K,
	  RANGES({ 15, 1, 0, 0 }), -ERANGE },
	{ "offset just fits", AT_START, .offset = SZ_64K, RANGES({ 16, 1, 0, 0 }) },
	{ "offset overflows", AT_START, .offset = -SZ_64K,
	  RANGES({ BIT_ULL(52) - 16, 1, 0, 0 }), -ERANGE },
	{ "end overflows by the offset", AT_START, .offset = -SZ_64K,
	  RANGES({ BIT_ULL(52) - 17, 1, 0, 0 }), -ERANGE },
	{ "negative offset just fits", AT_START, .offset = -SZ_64K,
	  RANGES({ BIT_ULL(52) - 18, 1, 0, 0 }) },
	{ "most negative offset", AT_START, .offset = S64_MIN,
	  RANGES({ 0, 1, 0, 0 }) },
	{ "most negative offset wraps", AT_START, .offset = S64_MIN,
	  RANGES({ BIT_ULL(51), 1, 0, 0 }), -ERANGE },
	{ "offset within a page", AT_START, .offset = 0x800,
	  RANGES({ 16, 1, 0, 0 }), -EINVAL },
	{ "offset within a page, no range", AT_PHYS, .offset = -1, .nr = 0, .err = -EINVAL },
	{ "no such base", .base = 3, .nr = 0, .err = -EINVAL },

	{ "anywhere, aligned", AT_ALIGN, RANGES({ 0x7700, 256, 0, 0 },
					     { 0x10, 16, 0, 2 },
					     { 0x3, 1, 0, 4 }) },
	{ "middle of BARs, aligned", AT_ALIGN, RANGES({ 0x77fe, 2, 0, 0 },
						   { 0x1f, 1, 0, 2 }) },
	{ "across BAR size, aligned", AT_ALIGN, RANGES({ 0x77ff, 2, 0, 0 }), -ERANGE },
	{ "two windows, aligned", AT_ALIGN, RANGES({ 0x7700, 1, 0, 0 },
						{ 0x7801, 1, 0, 0 }), -ERANGE },
	{ "lower window, aligned", AT_ALIGN, RANGES({ 0x7800, 1, 0, 0 },
						 { 0x7701, 1, 0, 0 }), -EBADMSG },
	{ "anywhere, relative", AT_START, RANGES({ 0x7701, 2, 0, 0 },
					      { 0x7800, 1, 0, 0 },
					      { 0x10, 16, 0, 2 }) },
	{ "too far, relative", AT_START, RANGES({ 0x7701, 2, 0, 0 },
					     { 0x7801, 1, 0, 0 }), -ERANGE },
	{ "BARs share a page, aligned", AT_ALIGN, RANGES({ 0, 17, 0, 0 },
						      { 0x10, 1, 0, 2 }), -EBADMSG },
	{ "BARs share a page, relative", AT_START, RANGES({ 8, 8, 0, 0 },
						       { 0, 9, 0, 2 }), -EBADMSG },
	{ "BARs touch, relative", AT_START, RANGES({ 8, 8, 0, 0 }, { 0, 8, 0, 2 },
						{ 16, 1, 0, 4 }) },
	{ "first and third BAR, relative", AT_START, RANGES({ 8, 8, 0, 0 },
							 { 0, 8, 0, 2 },
							 { 15, 1, 0, 4 }), -EBADMSG },
};

KUNIT_ARRAY_PARAM_DESC(report, report_cases, name);

static void report_rules(struct kunit *test)
{
	const struct report_case *c = test->param_value;
	struct pci_tdi_mmio_layout layout = layout_of(c->base, c->offset);
	u8 buf[HDR_BYTES + 4 * RANGE_BYTES + LEN_BYTES + 5];
	struct pci_tdi_report *r;
	size_t len;

	len = put_report(buf, c->ranges, c->nr, 5);
	if (c->err) {
		expect_refused(test, buf, len, &layout, c->err, c->name);
		return;
	}
	r = parse_good(test, buf, len, &layout);
	KUNIT_EXPECT_EQ(test, r->nr_ranges, c->nr);
	KUNIT_EXPECT_EQ(test, r->device_info_len, 5);
	KUNIT_EXPECT_MEMEQ(test, r->device_info, buf + len - 5, 5);
	pci_tdi_report_free(r);
}

/* BARs that only a broken caller has */
static void report_bad_layout(struct kunit *test)
{
	struct pci_tdi_mmio_layout layout = bars;
	struct wire_range range = { BAR0_PAGE, 1, 0, 0 };
	u8 buf[HDR_BYTES + RANGE_BYTES + LEN_BYTES];
	size_t len = put_report(buf, &range, 1, 0);

	layout.bar[3].start = U64_MAX - SZ_4K + 1;
	layout.bar[3].len = SZ_4K;
	expect_refused(test, buf, len, &layout, -EINVAL, "a BAR that wraps");
	layout.base = PCI_TDI_MMIO_RELATIVE;
	pci_tdi_report_free(parse_good(test, buf, len, &layout));

	layout = bars;
	layout.bar[0].start += SZ_2K;
	expect_refused(test, buf, len, &layout, -ERANGE, "a BAR within a page");
	layout = bars;
	layout.bar[0].len = 3 * SZ_4K;
	pci_tdi_report_free(parse_good(test, buf, len, &layout));
	layout.base = PCI_TDI_MMIO_BAR_ALIGNED;
	expect_refused(test, buf, len, &layout, -ERANGE, "a size that nothing can be aligned to");
}

/* The same bytes mean different places */
static void report_bases(struct kunit *test)
{
	static const struct wire_range ranges[] = {
		{ BAR0_PAGE + 4, 2, 0, 0 }, { BAR0_PAGE + 8, 1, 4, 0 },
		{ BAR2_PAGE + 15, 1, 0, 2 },
	};
	static const u64 offsets[][3] = {
		[PCI_TDI_MMIO_PHYSICAL] = { 0x4000, 0x8000, 0xf000 },
		[PCI_TDI_MMIO_BAR_ALIGNED] = { 0x4000, 0x8000, 0xf000 },
		[PCI_TDI_MMIO_RELATIVE] = { 0, 0x4000, 0 },
	};
	u8 buf[HDR_BYTES + 3 * RANGE_BYTES + LEN_BYTES];
	size_t len = put_report(buf, ranges, 3, 0);

	for (int base = 0; base < ARRAY_SIZE(offsets); base++) {
		struct pci_tdi_mmio_layout layout = layout_of(base, 0);
		struct pci_tdi_report *r = parse_good(test, buf, len, &layout);

		for (int i = 0; i < 3; i++) {
			expect_range(test, &r->ranges[i], ranges[i].id,
				     offsets[base][i], ranges[i].nr * SZ_4K,
				     ranges[i].attrs);
			KUNIT_EXPECT_EQ(test, r->ranges[i].first_page,
					ranges[i].page);
		}
		pci_tdi_report_free(r);
	}
}

/* Bits without a meaning change nothing; those with one come through */
static void report_reserved(struct kunit *test)
{
	struct pci_tdi_report *r;
	u8 buf[sizeof(by_hand)];

	for (int bit = 0; bit < 16; bit++) {
		memcpy(buf, by_hand, sizeof(buf));
		put_unaligned_le16(BIT(bit), buf);	/* interface info */
		put_unaligned_le16(BIT(bit), buf + 2);	/* reserved */
		put_unaligned_le16(BIT(bit), buf + 4);	/* MSI-X */
		put_unaligned_le16(BIT(bit), buf + 6);	/* LNR */
		put_unaligned_le32(BIT(bit) << 16, buf + 8);	/* TPH */
		put_unaligned_le16(BIT(bit), buf + HDR_BYTES + 12);
		r = parse_good(test, buf, sizeof(buf), &bars);
		KUNIT_EXPECT_EQ(test, r->interface_info, BIT(bit) & 0x1f);
		KUNIT_EXPECT_EQ(test, r->msix_control, BIT(bit));
		KUNIT_EXPECT_EQ(test, r->tph_control, BIT(bit) << 16);
		KUNIT_EXPECT_EQ(test, r->ranges[0].attrs, BIT(bit) & 0xf);
		pci_tdi_report_free(r);
	}
}

/* --- limits -------------------------------------------------------------- */

static void report_max(struct kunit *test)
{
	u32 most = (MAX_BYTES - HDR_BYTES - LEN_BYTES) / RANGE_BYTES;
	struct pci_tdi_mmio_layout layout = layout_of(PCI_TDI_MMIO_RELATIVE, 0);
	struct wire_range *ranges = kunit_kcalloc(test, most + 1,
						  sizeof(*ranges), GFP_KERNEL);
	u8 *buf = kunit_kzalloc(test, MAX_BYTES + RANGE_BYTES, GFP_KERNEL);
	struct pci_tdi_report *r;
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	layout.bar[0].len = SZ_1G;
	for (u32 i = 0; i <= most; i++)
		ranges[i] = (struct wire_range){ 2 * i, 1, i & 1 ? 4 : 0, 0 };

	/* as many ranges as there can be, as many bytes as there can be */
	len = put_report(buf, ranges, most,
			 MAX_BYTES - HDR_BYTES - LEN_BYTES - most * RANGE_BYTES);
	KUNIT_ASSERT_EQ(test, len, MAX_BYTES);
	r = parse_good(test, buf, len, &layout);
	KUNIT_ASSERT_EQ(test, r->nr_ranges, most);
	for (u32 i = 0; i < most; i++) {
		u64 at = 2ULL * i * SZ_4K, same;

		if (pci_tdi_report_find(r, 0, at + SZ_2K, &same) != &r->ranges[i] ||
		    same != SZ_2K || pci_tdi_report_find(r, 0, at + SZ_4K, &same) ||
		    same != (i == most - 1 ? SZ_1G - at - SZ_4K : SZ_4K))
			KUNIT_FAIL(test, "range %u is not found", i);
	}
	pci_tdi_report_free(r);

	/* one byte, one range more */
	len = put_report(buf, ranges, most,
			 MAX_BYTES + 1 - HDR_BYTES - LEN_BYTES - most * RANGE_BYTES);
	expect_refused(test, buf, len, &layout, -EMSGSIZE, "a byte too many");
	len = put_report(buf, ranges, most + 1, 0);
	expect_refused(test, buf, len, &layout, -EMSGSIZE, "a range too many");

	/* all bytes are information */
	len = put_report(buf, NULL, 0, MAX_BYTES - HDR_BYTES - LEN_BYTES);
	r = parse_good(test, buf, len, &layout);
	KUNIT_EXPECT_EQ(test, r->device_info_len,
			MAX_BYTES - HDR_BYTES - LEN_BYTES);
	KUNIT_EXPECT_MEMEQ(test, r->device_info, buf + HDR_BYTES + LEN_BYTES,
			   r->device_info_len);
	pci_tdi_report_free(r);
}

/* Counts that other bytes contradict, up to those whose products wrap */
static void report_counts(struct kunit *test)
{
	static const u32 counts[] = {
		0, 3, 5, 6, 7, 4094, 4095, 0x0fffffff, 0x10000000, 0x10000004,
		0x7fffffff, 0x80000004, 0xfffffffe, 0xffffffff,
	};
	static const u32 lengths[] = {
		0, 2, 4, 0x10000, 0x7fffffff, 0x80000003, 0xffffff00,
		0xfffffffc, 0xffffffff,
	};
	u8 buf[sizeof(by_hand)];

	for (int i = 0; i < ARRAY_SIZE(counts); i++) {
		memcpy(buf, by_hand, sizeof(buf));
		put_unaligned_le32(counts[i], buf + 12);
		expect_refused(test, buf, sizeof(buf), &bars, -EBADMSG,
			       "range count");
	}
	for (int i = 0; i < ARRAY_SIZE(lengths); i++) {
		memcpy(buf, by_hand, sizeof(buf));
		put_unaligned_le32(lengths[i], buf + sizeof(buf) - 7);
		expect_refused(test, buf, sizeof(buf), &bars, -EBADMSG,
			       "information length");
	}
}

/* --- look-ups ------------------------------------------------------------ */

#define MAP_PAGES	16

/* Each part of a small BAR, by the byte where edges are, against a map */
static void report_lookup(struct kunit *test)
{
	static const struct wire_range ranges[] = {
		{ 0x101, 2, 0, 0 }, { 0x103, 1, 4, 0 }, { 0x104, 1, 5, 0 },
		{ 0x106, 3, 0, 0 }, { 0x10e, 2, 4, 0 }, { 0x205, 1, 0, 2 },
	};
	static const s8 map[MAP_PAGES] = {
		-1, 0, 0, 1, 2, -1, 3, 3, 3, -1, -1, -1, -1, -1, 4, 4,
	};
	struct pci_tdi_mmio_layout layout = layout_of(PCI_TDI_MMIO_BAR_ALIGNED, 0);
	u8 buf[HDR_BYTES + ARRAY_SIZE(ranges) * RANGE_BYTES + LEN_BYTES];
	struct pci_tdi_report *r;
	u64 same;

	layout.bar[0].len = MAP_PAGES * SZ_4K;
	layout.bar[2].len = MAP_PAGES * SZ_4K;
	r = parse_good(test, buf,
		       put_report(buf, ranges, ARRAY_SIZE(ranges), 0), &layout);

	for (int from = 0; from < MAP_PAGES; from++) {
		bool tee = true, shared = true, msix = true;
		u64 at = from * SZ_4K;
		int run = from;

		while (run < MAP_PAGES && map[run] == map[from])
			run++;
		KUNIT_EXPECT_PTR_EQ(test, pci_tdi_report_find(r, 0, at, &same),
				    map[from] < 0 ? NULL : &r->ranges[map[from]]);
		KUNIT_EXPECT_EQ(test, same, (run - from) * SZ_4K);
		KUNIT_EXPECT_PTR_EQ(test,
				    pci_tdi_report_find(r, 0, at + 4095, &same),
				    map[from] < 0 ? NULL : &r->ranges[map[from]]);
		KUNIT_EXPECT_EQ(test, same, (run - from) * SZ_4K - 4095);
		KUNIT_EXPECT_FALSE(test, pci_tdi_report_is_tee(r, 0, at, 0));
		KUNIT_EXPECT_FALSE(test, pci_tdi_report_is_shared(r, 0, at, 0));

		for (int to = from; to < MAP_PAGES; to++) {
			u8 attrs = map[to] < 0 ? 0 : ranges[map[to]].attrs;

			tee &= map[to] >= 0 && !(attrs & 4);
			shared &= map[to] >= 0 && attrs & 4;
			msix &= map[to] >= 0 && attrs & 1;
			/* whole pages, and a byte of the first and the last */
			for (int cut = 0; cut < 4096; cut += 4095) {
				u64 len = (to - from + 1) * SZ_4K - 2 * cut;

				if ((s64)len <= 0)
					continue;
				KUNIT_EXPECT_EQ(test, tee,
						pci_tdi_report_is_tee(r, 0, at + cut, len));
				KUNIT_EXPECT_EQ(test, shared,
						pci_tdi_report_is_shared(r, 0, at + cut, len));
				KUNIT_EXPECT_EQ(test, msix,
						pci_tdi_report_covers(r, 0, at + cut, len,
								      PCI_TDI_RANGE_MSIX_TABLE,
								      PCI_TDI_RANGE_MSIX_TABLE));
			}
		}
	}

	/* beyond the BAR, beyond the BARs, beyond 64 bits */
	KUNIT_EXPECT_TRUE(test, pci_tdi_report_is_shared(r, 0, 15 * SZ_4K, SZ_4K));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_is_shared(r, 0, 15 * SZ_4K, SZ_4K + 1));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_is_shared(r, 0, 15 * SZ_4K, U64_MAX));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_is_shared(r, 0, U64_MAX, 2));
	KUNIT_EXPECT_NULL(test, pci_tdi_report_find(r, 0, 16 * SZ_4K, &same));
	KUNIT_EXPECT_EQ(test, same, 0);
	KUNIT_EXPECT_NULL(test, pci_tdi_report_find(r, 1, 0, &same));
	KUNIT_EXPECT_EQ(test, same, 0);
	KUNIT_EXPECT_NULL(test, pci_tdi_report_find(r, 6, 0, &same));
	KUNIT_EXPECT_EQ(test, same, 0);
	KUNIT_EXPECT_NULL(test, pci_tdi_report_find(r, UINT_MAX, 0, &same));
	KUNIT_EXPECT_EQ(test, same, 0);
	/* the other BAR */
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_is_tee(r, 2, 4 * SZ_4K, SZ_8K));
	KUNIT_EXPECT_TRUE(test, pci_tdi_report_is_tee(r, 2, 5 * SZ_4K, SZ_4K));
	KUNIT_EXPECT_NULL(test, pci_tdi_report_find(r, 2, 6 * SZ_4K, &same));
	KUNIT_EXPECT_EQ(test, same, 10 * SZ_4K);
	KUNIT_EXPECT_NULL(test, pci_tdi_report_find(r, 4, 0, &same));
	KUNIT_EXPECT_EQ(test, same, SZ_4K);
	pci_tdi_report_free(r);
}

/* --- a function's BARs --------------------------------------------------- */

struct fake_pci {
	struct pci_host_bridge bridge;
	struct resource_entry window;
	struct resource bus_res;
	struct resource res;
	struct pci_bus bus;
	struct pci_dev pdev;
};

/* Addresses on the bus, of what is memory and has been assigned */
static void report_layout(struct kunit *test)
{
	struct fake_pci *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct pci_tdi_mmio_layout layout;
	struct resource *bar;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->res = DEFINE_RES_MEM(0x400000000ULL & (resource_size_t)-1 ?: 0x40000000,
				SZ_16M);
	f->window.res = &f->res;
	f->window.offset = f->res.start - SZ_64K;
	INIT_LIST_HEAD(&f->bridge.windows);
	list_add(&f->window.node, &f->bridge.windows);
	f->bus.bridge = &f->bridge.dev;
	f->pdev.bus = &f->bus;
	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		bar = &f->pdev.resource[i];
		*bar = DEFINE_RES_MEM(f->res.start + i * SZ_1M, SZ_8K << i);
		bar->parent = &f->res;
	}
	f->pdev.resource[1].flags = IORESOURCE_IO;
	f->pdev.resource[2].flags |= IORESOURCE_UNSET;
	f->pdev.resource[3].parent = NULL;
	f->pdev.resource[4] = (struct resource){};

	memset(&layout, 0xff, sizeof(layout));
	pci_tdi_mmio_layout_init(&layout, &f->pdev, PCI_TDI_MMIO_RELATIVE, -8);
	KUNIT_EXPECT_EQ(test, layout.base, PCI_TDI_MMIO_RELATIVE);
	KUNIT_EXPECT_EQ(test, layout.offset, -8);
	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		bool there = i == 0 || i == 5;

		KUNIT_EXPECT_EQ(test, layout.bar[i].len, there ? SZ_8K << i : 0);
		KUNIT_EXPECT_EQ(test, layout.bar[i].start,
				there ? SZ_64K + i * SZ_1M : 0);
	}
}

/* A page of any size, and a part of one, is the VM's if one byte of it is */
static void report_pages(struct kunit *test)
{
	static const struct wire_range ranges[] = {
		{ 0x101, 2, 0, 0 }, { 0x103, 9, 4, 0 }, { 0x200, 1, 4, 2 },
	};
	struct pci_tdi_mmio_layout layout = layout_of(PCI_TDI_MMIO_BAR_ALIGNED, 0);
	u8 buf[HDR_BYTES + ARRAY_SIZE(ranges) * RANGE_BYTES + LEN_BYTES];
	struct pci_tdi_report *r;

	layout.bar[0].len = MAP_PAGES * SZ_4K;
	layout.bar[2].len = SZ_4K;
	r = parse_good(test, buf,
		       put_report(buf, ranges, ARRAY_SIZE(ranges), 0), &layout);

	/* BAR0: pages 3 to 11 are shared */
	for (u64 size = SZ_4K; size <= SZ_64K; size *= 2) {
		for (u64 at = 0; at < MAP_PAGES * SZ_4K; at += SZ_4K / 2) {
			u64 first = round_down(at, size) / SZ_4K;
			u64 last = (at | (size - 1)) / SZ_4K;
			bool shared = first >= 3 && last <= 11;

			KUNIT_EXPECT_EQ(test, shared,
					pci_tdi_report_pages_are_shared(r, 0, at, 1, size));
			KUNIT_EXPECT_EQ(test, shared,
					pci_tdi_report_pages_are_shared(r, 0, round_down(at, size),
									size, size));
		}
	}
	KUNIT_EXPECT_TRUE(test, pci_tdi_report_pages_are_shared(r, 0, 0x3000, 0x9000, SZ_4K));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_pages_are_shared(r, 0, 0x3000, 0x9001, SZ_4K));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_pages_are_shared(r, 0, 0x2fff, 2, SZ_4K));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_pages_are_shared(r, 0, 0x3000, 0, SZ_4K));

	/* BAR2 ends in its only page */
	KUNIT_EXPECT_TRUE(test, pci_tdi_report_pages_are_shared(r, 2, 0, SZ_64K, SZ_64K));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_pages_are_shared(r, 2, 0, SZ_64K + 1, SZ_64K));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_pages_are_shared(r, 2, SZ_64K, SZ_4K, SZ_4K));

	/* no such BAR, beyond 64 bits */
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_pages_are_shared(r, 4, 0, 1, SZ_4K));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_pages_are_shared(r, PCI_STD_NUM_BARS, 0, 1, SZ_4K));
	KUNIT_EXPECT_FALSE(test, pci_tdi_report_pages_are_shared(r, 0, SZ_4K * 4, U64_MAX, SZ_4K));
	pci_tdi_report_free(r);
}

static struct kunit_case report_test_cases[] = {
	KUNIT_CASE(report_by_hand),
	KUNIT_CASE(report_truncated),
	KUNIT_CASE(report_no_reason),
	KUNIT_CASE_PARAM(report_rules, report_gen_params),
	KUNIT_CASE(report_bad_layout),
	KUNIT_CASE(report_bases),
	KUNIT_CASE(report_reserved),
	KUNIT_CASE(report_max),
	KUNIT_CASE(report_counts),
	KUNIT_CASE(report_lookup),
	KUNIT_CASE(report_pages),
	KUNIT_CASE(report_layout),
	{}
};

static struct kunit_suite report_suite = {
	.name = "pci_tdi_report",
	.test_cases = report_test_cases,
};

kunit_test_suite(report_suite);

MODULE_DESCRIPTION("KUnit tests of the TDISP interface report parser");
MODULE_LICENSE("GPL");
