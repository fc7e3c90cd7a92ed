// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: mutated TDISP device interface reports. A second opinion, which
 * compares each range with every other one, says which must be refused; what
 * is accepted must be what the bytes say, and hang together.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tdi-report.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the pseudo random numbers");

static unsigned long rounds = 120000;
module_param(rounds, ulong, 0444);
MODULE_PARM_DESC(rounds, "reports to mutate");

#define MAX_RANGES	12
#define MAX_INFO	24
#define MAX_LEN		(16 + 16 * MAX_RANGES + 4 + MAX_INFO)
/* No page number reaches this */
#define END_PAGE	((s64)(BIT_ULL(52) - 1))

struct mutant {
	struct rnd_state rnd;
	struct pci_tdi_mmio_layout layout;
	u8 *edge;	/* the report ends where this memory does */
	u8 buf[MAX_LEN + 64];
	size_t len;
};

static u32 below(struct mutant *m, u32 limit)
{
	return prandom_u32_state(&m->rnd) % limit;
}

static bool one_in(struct mutant *m, u32 n)
{
	return !below(m, n);
}

/* --- a good report ------------------------------------------------------- */

static u8 *range_at(struct mutant *m, unsigned int i)
{
	return m->buf + 16 + 16 * i;
}

/* BARs of random sizes, in random order, apart by at least nothing */
static void make_layout(struct mutant *m)
{
	u64 at = SZ_16M;

	memset(&m->layout, 0, sizeof(m->layout));
	m->layout.base = below(m, 3);
	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		u64 len = SZ_4K << below(m, 6);

		if (one_in(m, 3))
			continue;
		if (one_in(m, 16))
			len = SZ_2K;
		at = ALIGN(at, len);
		m->layout.bar[i].start = at;
		m->layout.bar[i].len = len;
		at += len + (one_in(m, 2) ? SZ_64K : 0);
	}
	if (one_in(m, 2))
		return;
	/* the other way round on the bus */
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		if (m->layout.bar[i].len)
			m->layout.bar[i].start = 2 * SZ_16M -
				m->layout.bar[i].start - m->layout.bar[i].len;
}

static unsigned int make_ranges(struct mutant *m, s64 offset_pages)
{
	unsigned int nr = 0;

	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		s64 start = m->layout.bar[i].start >> 12;
		u32 pages = m->layout.bar[i].len >> 12;
		u32 page = 0;

		if (m->layout.base != PCI_TDI_MMIO_RELATIVE && pages > 1)
			page = below(m, pages);
		while (page < pages && nr < MAX_RANGES) {
			u32 n = 1 + below(m, pages - page);
			u8 *p = range_at(m, nr++);

			put_unaligned_le64(start + page + offset_pages, p);
			put_unaligned_le32(n, p + 8);
			put_unaligned_le16(below(m, 16), p + 12);
			put_unaligned_le16(i, p + 14);
			page += n + (one_in(m, 2) ? below(m, 4) : 0);
			if (one_in(m, 3))
				break;
		}
	}
	return nr;
}

static void make_report(struct mutant *m)
{
	u32 info = one_in(m, 2) ? below(m, MAX_INFO + 1) : 0;
	s64 offset_pages;
	unsigned int nr;
	u8 *p;

	make_layout(m);
	/* a multiple of the largest BAR, as not all platforms have it */
	offset_pages = (s64)below(m, 1000) * (SZ_256K >> 12);
	if (one_in(m, 3))
		offset_pages = 0;
	else if (one_in(m, 2))
		offset_pages = -(s64)below(m, SZ_8M / SZ_256K) *
			       (SZ_256K >> 12);
	if (m->layout.base == PCI_TDI_MMIO_PHYSICAL || one_in(m, 2))
		m->layout.offset = offset_pages * SZ_4K;

	prandom_bytes_state(&m->rnd, m->buf, 12);
	nr = make_ranges(m, offset_pages);
	put_unaligned_le32(nr, m->buf + 12);
	p = range_at(m, nr);
	put_unaligned_le32(info, p);
	prandom_bytes_state(&m->rnd, p + 4, info);
	m->len = p + 4 + info - m->buf;
}

/* --- and what becomes of it ---------------------------------------------- */

static void mutate_range(struct mutant *m, unsigned int nr)
{
	static const u64 pages[] = {
		0, 1, BIT_ULL(20) - 1, BIT_ULL(51), BIT_ULL(52) - 2,
		BIT_ULL(52) - 1, BIT_ULL(52), U64_MAX,
	};
	u8 *p = range_at(m, below(m, nr));
	u8 *q = range_at(m, below(m, nr));
	u8 copy[16];

	switch (below(m, 8)) {
	case 0:
		put_unaligned_le64(pages[below(m, ARRAY_SIZE(pages))], p);
		break;
	case 1:
		put_unaligned_le64(get_unaligned_le64(p) + below(m, 5) - 2, p);
		break;
	case 2:
		put_unaligned_le32(get_unaligned_le32(p + 8) + below(m, 5) - 2,
				   p + 8);
		break;
	case 3:
		put_unaligned_le32(one_in(m, 2) ? 0 : U32_MAX - below(m, 3),
				   p + 8);
		break;
	case 4:
		put_unaligned_le16(one_in(m, 8) ? prandom_u32_state(&m->rnd) :
				   below(m, 8), p + 14);
		break;
	case 5:
		memcpy(copy, p, 16);
		memcpy(p, q, 16);
		memcpy(q, copy, 16);
		break;
	case 6:
		memcpy(p, q, 16);
		break;
	default:	/* a reserved bit, or another kind of memory */
		put_unaligned_le16(prandom_u32_state(&m->rnd), p + 12);
	}
}

static void mutate_layout(struct mutant *m)
{
	int i = below(m, PCI_STD_NUM_BARS);

	switch (below(m, 6)) {
	case 0:
		m->layout.bar[i].len = 0;
		break;
	case 1:
		m->layout.bar[i].len /= 2;
		break;
	case 2:
		m->layout.bar[i].len += SZ_4K;
		break;
	case 3:
		m->layout.bar[i].start += one_in(m, 4) ? SZ_1K : SZ_4K;
		break;
	case 4:
		m->layout.offset += one_in(m, 4) ? 1 : SZ_4K;
		break;
	default:
		m->layout.base = below(m, 16);
	}
}

static void mutate(struct mutant *m)
{
	unsigned int nr = get_unaligned_le32(m->buf + 12);

	switch (below(m, 16)) {
	case 0:		/* any bit */
		m->buf[below(m, m->len)] ^= BIT(below(m, 8));
		break;
	case 1:		/* cut */
		m->len = below(m, m->len) + 1;
		break;
	case 2:		/* add */
		m->len = min(m->len + 1 + below(m, 20), sizeof(m->buf));
		break;
	case 3:
		put_unaligned_le32(nr + below(m, 5) - 2, m->buf + 12);
		break;
	case 4:
		mutate_layout(m);
		break;
	default:
		if (nr && nr <= MAX_RANGES)
			mutate_range(m, nr);
	}
}

/* --- the second opinion -------------------------------------------------- */

struct page_range {
	s64 start, end;
	u32 id;
};

/* In pages: 52 bits of them leave room in 64 for every sum */
static bool read_range(const struct mutant *m, const u8 *p,
		       struct page_range *r)
{
	s64 offset = m->layout.offset / SZ_4K;
	u64 page = get_unaligned_le64(p);
	u32 nr = get_unaligned_le32(p + 8);

	if (!nr || page >= END_PAGE || page + nr > END_PAGE)
		return false;
	r->start = page - offset;
	r->end = r->start + nr;
	r->id = get_unaligned_le16(p + 14);
	return r->start >= 0 && r->end <= END_PAGE &&
	       r->id < PCI_STD_NUM_BARS && m->layout.bar[r->id].len >= SZ_4K;
}

/* Where the BAR of the first of @n ranges with that id must start */
static bool bar_start(const struct mutant *m, const struct page_range *r,
		      s64 *start)
{
	u64 len = m->layout.bar[r->id].len;

	switch (m->layout.base) {
	case PCI_TDI_MMIO_PHYSICAL:
		*start = m->layout.bar[r->id].start / SZ_4K;
		return m->layout.bar[r->id].start % SZ_4K == 0;
	case PCI_TDI_MMIO_BAR_ALIGNED:
		*start = r->start - (r->start & (len / SZ_4K - 1));
		return hweight64(len) == 1;
	default:
		*start = r->start;
		return true;
	}
}

static bool plausible(const struct mutant *m)
{
	struct page_range ranges[MAX_RANGES + 8];
	s64 start = 0;
	u64 nr, info;

	if (m->layout.offset % SZ_4K || m->layout.base > PCI_TDI_MMIO_RELATIVE)
		return false;
	if (m->len < 20)
		return false;
	nr = get_unaligned_le32(m->buf + 12);
	if (20 + 16 * nr > m->len)
		return false;
	info = get_unaligned_le32(m->buf + 16 + 16 * nr);
	if (20 + 16 * nr + info != m->len)
		return false;

	for (unsigned int i = 0; i < nr; i++) {
		struct page_range *r = &ranges[i];
		bool first = true;

		if (!read_range(m, m->buf + 16 + 16 * i, r))
			return false;
		for (unsigned int j = 0; j < i; j++) {
			const struct page_range *s = &ranges[j];

			if (r->id < s->id)
				return false;
			if (r->id == s->id && r->start < s->end)
				return false;
			first &= r->id != s->id;
		}
		/* A BAR is in one piece: no other one begins within it */
		for (unsigned int j = 0; j < i; j++)
			for (unsigned int k = 0; k <= j; k++)
				if (ranges[j].id == ranges[k].id &&
				    ranges[j].id != r->id &&
				    r->start < ranges[j].end &&
				    ranges[k].start < r->end)
					return false;
		/* ... nor does it go around another one */
		for (unsigned int j = 0; j < i; j++)
			for (unsigned int k = 0; k < i; k++)
				if (ranges[j].id == r->id &&
				    ranges[k].id != r->id &&
				    ranges[j].start < ranges[k].end &&
				    ranges[k].start < r->end)
					return false;
		if (first && !bar_start(m, r, &start))
			return false;
		if (r->start < start ||
		    r->end - start > m->layout.bar[r->id].len / SZ_4K)
			return false;
	}
	return true;
}

/* --- what is accepted ---------------------------------------------------- */

/* Both ways through a BAR meet the same ranges and end at its end */
static const char *check_lookup(const struct pci_tdi_report *report,
				const struct mutant *m)
{
	unsigned int found = 0;

	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		u64 at = 0, same;

		for (;;) {
			const struct pci_tdi_range *r;

			r = pci_tdi_report_find(report, bar, at, &same);
			if (r && r != &report->ranges[found++])
				return "ranges are found out of order";
			if (r && (r->bar != bar || r->offset != at ||
				  r->len != same))
				return "a range is found elsewhere";
			if (!same)
				break;
			at += same;
		}
		if (at != m->layout.bar[bar].len)
			return "a look-up ends beside the end of the BAR";
	}
	return found == report->nr_ranges ? NULL : "a range is not found";
}

static const char *check_range(const struct pci_tdi_report *report,
			       const struct mutant *m, unsigned int i)
{
	const struct pci_tdi_range *r = &report->ranges[i];
	const struct pci_tdi_range *s = i ? r - 1 : NULL;
	const u8 *p = m->buf + 16 + 16 * i;
	u64 at = (get_unaligned_le64(p) << 12) - m->layout.offset;

	if (r->first_page != get_unaligned_le64(p) ||
	    r->len != (u64)get_unaligned_le32(p + 8) * SZ_4K ||
	    r->attrs != (get_unaligned_le16(p + 12) & 15) ||
	    r->bar != get_unaligned_le16(p + 14))
		return "a range is not what was reported";
	if (r->offset % SZ_4K || r->offset >= m->layout.bar[r->bar].len ||
	    r->len > m->layout.bar[r->bar].len - r->offset)
		return "a range is not in its BAR";
	if (s && (s->bar > r->bar ||
		  (s->bar == r->bar && s->offset + s->len > r->offset)))
		return "ranges are out of order";
	if (s && s->bar == r->bar &&
	    r->offset - s->offset != (r->first_page - s->first_page) * SZ_4K)
		return "ranges of a BAR have moved";

	switch (m->layout.base) {
	case PCI_TDI_MMIO_PHYSICAL:
		if (m->layout.bar[r->bar].start + r->offset != at)
			return "an address has changed";
		break;
	case PCI_TDI_MMIO_BAR_ALIGNED:
		if ((at - r->offset) & (m->layout.bar[r->bar].len - 1))
			return "an address has lost its low bits";
		break;
	case PCI_TDI_MMIO_RELATIVE:
		if ((!s || s->bar != r->bar) && r->offset)
			return "the first range is not at the start";
	}
	return NULL;
}

static const char *check_accepted(const struct pci_tdi_report *report,
				  const struct mutant *m)
{
	u32 nr = get_unaligned_le32(m->buf + 12);
	const char *what;

	if (report->nr_ranges != nr)
		return "another number of ranges";
	if (report->interface_info != (get_unaligned_le16(m->buf) & 31) ||
	    report->msix_control != get_unaligned_le16(m->buf + 4) ||
	    report->tph_control != get_unaligned_le32(m->buf + 8))
		return "another header";
	if (report->device_info_len != m->len - 20 - 16 * nr ||
	    memcmp(report->device_info, m->buf + 20 + 16 * nr,
		   report->device_info_len))
		return "another device specific information";
	for (u32 i = 0; i < nr; i++) {
		what = check_range(report, m, i);
		if (what)
			return what;
	}
	return check_lookup(report, m);
}

/* Errors by number: each has to turn up */
static const int errors[] = { 0, -EINVAL, -EBADMSG, -ENXIO, -ERANGE };

static const char *run_one(struct mutant *m, unsigned long *seen)
{
	struct pci_tdi_report *report;
	const char *reason = "?", *what = NULL;
	bool good = plausible(m);
	int rc, i;

	memcpy(m->edge + sizeof(m->buf) - m->len, m->buf, m->len);
	report = pci_tdi_report_parse(m->edge + sizeof(m->buf) - m->len, m->len,
				      &m->layout, &reason);
	rc = PTR_ERR_OR_ZERO(report);
	for (i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i] == rc)
			break;
	if (i == ARRAY_SIZE(errors))
		return "an error that is not documented";
	seen[i]++;
	if (rc)
		return good ? reason : reason && *reason != '?' ? NULL :
		       "no reason";
	if (!good)
		what = "accepted";
	else if (reason)
		what = "a reason without a refusal";
	else
		what = check_accepted(report, m);
	pci_tdi_report_free(report);
	return what;
}

/* In parts: who waits for a case does so uninterruptibly, at most two minutes */
static const unsigned long parts[] = { 0, 1, 2, 3 };

static void part_name(const unsigned long *part, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "part %lu", *part);
}

KUNIT_ARRAY_PARAM(part, parts, part_name);

static void report_mutated(struct kunit *test)
{
	struct mutant *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	const unsigned long *part = test->param_value;
	unsigned long nr = rounds / ARRAY_SIZE(parts);
	unsigned long seen[ARRAY_SIZE(errors)] = {};
	unsigned long intact = 0;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->edge = kunit_kzalloc(test, sizeof(m->buf), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->edge);
	prandom_seed_state(&m->rnd, seed + *part);

	for (unsigned long n = 0; n < nr; n++) {
		unsigned int mutations = below(m, 4);
		const char *what;

		make_report(m);
		if (!mutations) {
			intact++;
			if (!plausible(m))
				KUNIT_FAIL(test, "round %lu: no good report", n);
		}
		while (mutations--)
			mutate(m);
		what = run_one(m, seen);
		if (what)
			KUNIT_FAIL_AND_ABORT(test,
					     "seed %lu part %lu round %lu: %s",
					     seed, *part, n, what);
		if (!(n % 1024))
			cond_resched();
	}

	for (int i = 0; i < ARRAY_SIZE(errors); i++) {
		KUNIT_EXPECT_GT_MSG(test, seen[i], nr / 500, "errno %d",
				    errors[i]);
		kunit_info(test, "errno %d: %lu of %lu\n", errors[i], seen[i],
			   nr);
	}
	/* among the mutated ones too */
	KUNIT_EXPECT_GT(test, seen[0], intact + nr / 20);
}

static struct kunit_case report_mutate_cases[] = {
	KUNIT_CASE_PARAM_ATTR(report_mutated, part_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite report_mutate_suite = {
	.name = "pci_tdi_report_mutate",
	.test_cases = report_mutate_cases,
};

kunit_test_suite(report_mutate_suite);
