// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what a lock takes and gives: its checks, the interface report,
 * and the faults that spoil both.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>
#include <linux/pci-tdi-report.h>
#include <linux/unaligned.h>

#include "../spdm/ide-km.h"
#include "test-tdi.h"

#define DEVCTL		(SIM_CAP_EXP + PCI_EXP_DEVCTL)
#define PM_CTRL		(SIM_CAP_PM + PCI_PM_CTRL)
#define SRIOV(reg)	(SIM_EXT_SRIOV + (reg))
#define EP_CTL		tdi_ide_reg(TEST_EP_BLOCK, PCI_IDE_SEL_CTL)

/* Refused without a trace, and as soon as the reason is gone it works */
static void expect_refused(struct kunit *test, int fn, u32 error,
			   const char *what)
{
	KUNIT_EXPECT_EQ_MSG(test, tdi_lock(test, fn), error, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, tdi_state(test, fn), SIM_TDI_UNLOCKED, "%s",
			    what);
}

static void expect_accepted(struct kunit *test, int fn, const char *what)
{
	KUNIT_EXPECT_EQ_MSG(test, tdi_lock(test, fn), 0, "after %s", what);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
}

static void lock_flags(struct kunit *test)
{
	struct tdisp_lock lock = { .stream_id = TEST_STREAM };

	for (int bit = 0; bit < 16; bit++) {
		lock.flags = BIT(bit);
		KUNIT_EXPECT_EQ(test, tdi_lock_with(test, VF0, &lock),
				lock.flags & TDISP_LOCK_FLAGS &
				~TDISP_LOCK_BIND_P2P ? 0 :
				TDISP_INVALID_REQUEST);
		KUNIT_EXPECT_EQ(test, tdi_stop(test, VF0), 0);
	}
}

/* Another default stream, as secure as the first one */
static void second_default(struct kunit *test)
{
	u32 ctl = FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM + 1);
	struct sim_device *d = to_dev(test);
	u8 key[SIM_IDE_KEY_BYTES] = { 1 }, iv[SIM_IDE_IV_BYTES];

	tdi_cfg_write(test, PF0, tdi_ide_reg(!TEST_EP_BLOCK, PCI_IDE_SEL_RID_2),
		      4, PCI_IDE_SEL_RID_2_VALID);
	tdi_cfg_write(test, PF0, tdi_ide_reg(!TEST_EP_BLOCK, PCI_IDE_SEL_CTL), 4,
		      ctl);
	tdi_port_write(test, tdi_ide_reg(TEST_PORT_BLOCK + 1, PCI_IDE_SEL_RID_2),
		       4, PCI_IDE_SEL_RID_2_VALID);
	tdi_port_write(test, tdi_ide_reg(TEST_PORT_BLOCK + 1, PCI_IDE_SEL_CTL),
		       4, ctl);
	ide_km_initial_iv(iv);
	for (int k = 0; k < 12; k++) {
		struct sim_ide_port *port = k < 6 ? &d->ide : &d->port_ide;

		sim_ide_key_program(port, TEST_STREAM + 1, 0, k / 3 % 2, k % 3,
				    key, iv);
		sim_ide_key_go(port, TEST_STREAM + 1, 0, k / 3 % 2, k % 3);
	}
	tdi_cfg_write(test, PF0, tdi_ide_reg(!TEST_EP_BLOCK, PCI_IDE_SEL_CTL), 4,
		      ctl | PCI_IDE_SEL_CTL_DEFAULT | PCI_IDE_SEL_CTL_EN);
	scoped_guard(raw_spinlock_irqsave, &d->lock)
		ctl = sim_ide_block_secure(&d->ide, !TEST_EP_BLOCK);
	KUNIT_EXPECT_TRUE(test, ctl);
}

static void lock_stream(struct kunit *test)
{
	u32 id = FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM);
	u32 on = id | PCI_IDE_SEL_CTL_DEFAULT | PCI_IDE_SEL_CTL_EN;
	struct tdisp_lock lock = {};
	unsigned int other = tdi_ide_reg(!TEST_EP_BLOCK, PCI_IDE_SEL_CTL);

	for (int i = 0; i < 256; i++) {
		lock.stream_id = i;
		KUNIT_EXPECT_EQ(test, tdi_lock_with(test, PF0, &lock),
				i == TEST_STREAM ? 0 : TDISP_INVALID_REQUEST);
		KUNIT_EXPECT_EQ(test, tdi_stop(test, PF0), 0);
	}

	/* Two default streams, the other one a stream or only marked as such */
	second_default(test);
	expect_refused(test, PF0, TDISP_INVALID_REQUEST, "two");
	tdi_cfg_write(test, PF0, other, 4, 0);
	expect_accepted(test, PF0, "two");
	tdi_cfg_write(test, PF0, other, 4, PCI_IDE_SEL_CTL_DEFAULT);
	expect_refused(test, PF0, TDISP_INVALID_REQUEST, "two");
	tdi_cfg_write(test, PF0, other, 4, 0);
	expect_accepted(test, PF0, "two");

	/* None; not on TC0; not enabled */
	tdi_stream_set_up(test, 0);
	tdi_key(test, 0);
	tdi_cfg_write(test, PF0, EP_CTL, 4, id | PCI_IDE_SEL_CTL_EN);
	expect_refused(test, PF0, TDISP_INVALID_REQUEST, "none");
	tdi_stream_set_up(test, PCI_IDE_SEL_CTL_DEFAULT |
			  FIELD_PREP(PCI_IDE_SEL_CTL_TC, 1));
	tdi_key(test, 0);
	tdi_cfg_write(test, PF0, EP_CTL, 4,
		      on | FIELD_PREP(PCI_IDE_SEL_CTL_TC, 1));
	expect_refused(test, PF0, TDISP_INVALID_REQUEST, "TC1");
	tdi_stream_set_up(test, PCI_IDE_SEL_CTL_DEFAULT);
	tdi_key(test, 0);
	expect_refused(test, PF0, TDISP_INVALID_REQUEST, "not enabled");
	tdi_cfg_write(test, PF0, EP_CTL, 4, on);
	expect_accepted(test, PF0, "not enabled");
}

/* A sub-stream without key is one too many */
static void lock_keys(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u8 iv[SIM_IDE_IV_BYTES];

	ide_km_initial_iv(iv);
	for (int k = 0; k < 6; k++) {
		struct sim_ide_key *slot = &d->ide.streams[TEST_EP_BLOCK]
							.keys[0][k / 3][k % 3];
		struct sim_ide_key key = *slot;

		sim_ide_key_stop(&d->ide, TEST_STREAM, 0, k / 3, k % 3);
		expect_refused(test, VF0, TDISP_INVALID_REQUEST, "no key");
		sim_ide_key_program(&d->ide, TEST_STREAM, 0, k / 3, k % 3,
				    key.key, iv);
		expect_refused(test, VF0, TDISP_INVALID_REQUEST, "not in use");
		sim_ide_key_go(&d->ide, TEST_STREAM, 0, k / 3, k % 3);
		expect_accepted(test, VF0, "no key");
	}

	/* Of this session they must be, all of them */
	scoped_guard(mutex, &d->dsm->lock)
		d->dsm->ide_km.owner = TEST_OTHER_SESSION;
	expect_refused(test, VF0, TDISP_INVALID_REQUEST, "other session");
	scoped_guard(mutex, &d->dsm->lock)
		d->dsm->ide_km.owner =
			spdm_requester_session(&to_tdi_test(test)->requester);
	expect_accepted(test, VF0, "other session");
}

static void lock_config_bars(struct kunit *test)
{
	static const struct {
		const char *what;
		int fn;
		unsigned int where;
		u64 base;
		unsigned int refused;
	} cases[] = {
		{ "BAR0 on BAR2", PF0, PCI_BASE_ADDRESS_0, 0x400080000,
		  BIT(PF0) },
		{ "BAR2 in BAR0", PF0, PCI_BASE_ADDRESS_2, 0x400008000,
		  BIT(PF0) },
		{ "BAR2 on PF1", PF0, PCI_BASE_ADDRESS_2, 0x400100000,
		  BIT(PF0) | BIT(PF1) },
		{ "BAR0 on VF1", PF1, PCI_BASE_ADDRESS_0,
		  0x400800000 + SIM_VF_BAR_SIZE, BIT(PF1) | BIT(VF1) },
		{ "VFs on PF0", PF0, SRIOV(PCI_SRIOV_BAR), 0x400000000,
		  BIT(PF0) | BIT(VF0) },
		{ "no BAR0", PF1, PCI_BASE_ADDRESS_0, 0, BIT(PF1) },
		{ "no VF BAR", PF0, SRIOV(PCI_SRIOV_BAR), 0, VFS },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		tdi_cfg_write(test, cases[i].fn, cases[i].where, 4,
			      lower_32_bits(cases[i].base));
		tdi_cfg_write(test, cases[i].fn, cases[i].where + 4, 4,
			      upper_32_bits(cases[i].base));
		for (int fn = PF0; fn < NR_FNS; fn++) {
			if (cases[i].refused & BIT(fn))
				expect_refused(test, fn,
					       TDISP_INVALID_DEVICE_CONFIGURATION,
					       cases[i].what);
			else
				expect_accepted(test, fn, cases[i].what);
		}
		tdi_config_set_up(test);
		for (int fn = PF0; fn < NR_FNS; fn++)
			expect_accepted(test, fn, cases[i].what);
	}
}

static void lock_config(struct kunit *test)
{
	u16 devctl = tdi_cfg_read(test, PF0, DEVCTL, 2);

	/* A PF's phantom functions take the numbers of its VFs */
	tdi_cfg_write(test, PF0, DEVCTL, 2, devctl | PCI_EXP_DEVCTL_PHANTOM);
	expect_refused(test, PF0, TDISP_INVALID_DEVICE_CONFIGURATION, "phantom");
	expect_refused(test, VF2, TDISP_INVALID_DEVICE_CONFIGURATION, "phantom");
	expect_accepted(test, PF1, "phantom");
	tdi_cfg_write(test, PF0, DEVCTL, 2, devctl);
	expect_accepted(test, PF0, "phantom");

	for (int fn = PF0; fn < NR_FNS; fn++) {
		tdi_cfg_write(test, fn, PM_CTRL, 2, 3);
		expect_refused(test, fn, TDISP_INVALID_DEVICE_CONFIGURATION, "D3hot");
		tdi_cfg_write(test, fn, PM_CTRL, 2, 0);
		expect_accepted(test, fn, "D3hot");
	}

	/* 4M: VFs would have to be further apart */
	tdi_cfg_write(test, PF0, SRIOV(PCI_SRIOV_CTRL), 2, 0);
	tdi_cfg_write(test, PF0, SRIOV(PCI_SRIOV_SYS_PGSIZE), 4, BIT(10));
	tdi_cfg_write(test, PF0, SRIOV(PCI_SRIOV_CTRL), 2, PCI_SRIOV_CTRL_VFE);
	expect_refused(test, VF0, TDISP_INVALID_DEVICE_CONFIGURATION, "4M pages");
	expect_accepted(test, PF0, "4M pages");
	tdi_cfg_write(test, PF0, SRIOV(PCI_SRIOV_CTRL), 2, 0);
	tdi_cfg_write(test, PF0, SRIOV(PCI_SRIOV_SYS_PGSIZE), 4, BIT(4));
	tdi_cfg_write(test, PF0, SRIOV(PCI_SRIOV_CTRL), 2, PCI_SRIOV_CTRL_VFE);
	expect_accepted(test, VF0, "64K pages");
}

static void lock_offsets(struct kunit *test)
{
	u64 last = tdi_bar(PF0, 2) + SIM_BAR2_SIZE - 1;
	const struct {
		u64 offset;
		u32 error;
	} cases[] = {
		{ 0, 0 },
		{ SZ_4K, 0 },
		{ 1, TDISP_INVALID_REQUEST },
		{ SZ_2K, TDISP_INVALID_REQUEST },
		{ -1ULL, TDISP_INVALID_REQUEST },
		{ -(u64)SZ_4K, 0 },
		/* To the very beginning, and before it */
		{ -tdi_bar(PF0, 0), 0 },
		{ -tdi_bar(PF0, 0) - SZ_4K, TDISP_INVALID_REQUEST },
		{ 1ULL << 63, TDISP_INVALID_REQUEST },
		/* Positive ones do not get that far */
		{ (U64_MAX >> 1) - SZ_4K + 1, 0 },
	};

	KUNIT_ASSERT_GT(test, last, tdi_bar(PF0, 0));
	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tdisp_lock lock = {
			.stream_id = TEST_STREAM,
			.mmio_offset = cases[i].offset,
		};

		KUNIT_EXPECT_EQ_MSG(test, tdi_lock_with(test, PF0, &lock),
				    cases[i].error, "%#llx", cases[i].offset);
		KUNIT_EXPECT_EQ(test, tdi_stop(test, PF0), 0);
	}

	/* A BAR in the upper half does not bear any */
	tdi_cfg_write(test, PF0, PCI_BASE_ADDRESS_1, 4, 0xfffffff0);
	struct tdisp_lock lock = {
		.stream_id = TEST_STREAM,
		.mmio_offset = 1ULL << 36,
	};
	KUNIT_EXPECT_EQ(test, tdi_lock_with(test, PF0, &lock),
			TDISP_INVALID_REQUEST);
	lock.mmio_offset = 1ULL << 35;
	KUNIT_EXPECT_EQ(test, tdi_lock_with(test, PF0, &lock), 0);
}

/* Reports */

/* What a report should say of a range */
struct tdi_range {
	u64 addr;
	u64 size;
	u32 attributes;
	int bar;
};

#define RANGE_TABLE	BIT(0)
#define RANGE_PBA	BIT(1)
#define RANGE_NON_TEE	BIT(2)

/* 8 vectors: a capability as it could be, wherever the device has it by itself */
static void msix_set_up(struct kunit *test, u32 table, u32 pba)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	for (int fn = PF0; fn < NR_FNS; fn++) {
		u32 *cap = &d->fn[fn].cfg[SIM_CAP_MSIX / 4];

		cap[0] = (PCI_MSIX_FLAGS_ENABLE | 7) << 16 | PCI_CAP_ID_MSIX;
		cap[PCI_MSIX_TABLE / 4] = table;
		cap[PCI_MSIX_PBA / 4] = pba;
	}
}

static void msix_none(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	for (int fn = PF0; fn < NR_FNS; fn++)
		memset(&d->fn[fn].cfg[SIM_CAP_MSIX / 4], 0, PCI_CAP_MSIX_SIZEOF);
}

/* What the host of this function says of such a report */
static int host_verdict(int fn, u64 offset, const u8 *report, size_t len)
{
	struct pci_tdi_mmio_layout layout = {
		.base = PCI_TDI_MMIO_PHYSICAL,
		.offset = offset,
	};
	struct pci_tdi_report *parsed;

	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (bar && (bar != 2 || fn >= VF0))
			continue;
		layout.bar[bar].start = tdi_bar(fn, bar);
		layout.bar[bar].len = fn >= VF0 ? SIM_VF_BAR_SIZE :
				      bar ? SIM_BAR2_SIZE : SIM_BAR0_SIZE;
	}
	parsed = pci_tdi_report_parse(report, len, &layout, NULL);
	if (IS_ERR(parsed))
		return PTR_ERR(parsed);
	pci_tdi_report_free(parsed);
	return 0;
}

static void expect_report(struct kunit *test, int fn, u64 offset,
			  const struct tdi_range *ranges, unsigned int nr)
{
	u8 r[SIM_TDI_REPORT_BYTES], *info = r + 16 + 16 * nr;
	size_t len = tdi_report(test, fn, r, sizeof(r));

	KUNIT_ASSERT_EQ(test, len, 20 + 16 * nr + 4);
	KUNIT_EXPECT_EQ(test, host_verdict(fn, offset, r, len), 0);
	/* DMA without PASID */
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(r), 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(r + 6), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(r + 8), 0);
	KUNIT_ASSERT_EQ(test, get_unaligned_le32(r + 12), nr);
	for (int i = 0; i < nr; i++) {
		const u8 *p = r + 16 + 16 * i;

		KUNIT_EXPECT_EQ(test, get_unaligned_le64(p),
				(ranges[i].addr + offset) >> 12);
		KUNIT_EXPECT_EQ(test, get_unaligned_le32(p + 8),
				ranges[i].size >> 12);
		KUNIT_EXPECT_EQ(test, get_unaligned_le32(p + 12),
				ranges[i].bar << 16 | ranges[i].attributes);
	}
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(info), 4);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(info + 4), SIM_VENDOR_ID);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(info + 6),
			fn >= VF0 ? SIM_VF_DEVICE_ID : SIM_DEVICE_ID);
}

static void report_bars(struct kunit *test)
{
	static const u64 offsets[] = { 0, SZ_1G, -(u64)SZ_1G };

	msix_none(test);
	for (int fn = PF0; fn < NR_FNS; fn++) {
		struct tdi_range ranges[] = {
			{ tdi_bar(fn, 0), fn < VF0 ? SIM_BAR0_SIZE :
						     SIM_VF_BAR_SIZE, 0, 0 },
			{ tdi_bar(fn, 2), SIM_BAR2_SIZE, 0, 2 },
		};

		for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
			struct tdisp_lock lock = {
				.stream_id = TEST_STREAM,
				.mmio_offset = offsets[i],
			};

			KUNIT_ASSERT_EQ(test, tdi_lock_with(test, fn, &lock), 0);
			expect_report(test, fn, offsets[i], ranges,
				      fn < VF0 ? 2 : 1);
			KUNIT_EXPECT_EQ(test, tdi_start(test, fn), 0);
			expect_report(test, fn, offsets[i], ranges,
				      fn < VF0 ? 2 : 1);
			KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
		}
	}
}

/* Table and PBA left to the host: one range of their own */
static void report_msix(struct kunit *test)
{
	u64 bar = tdi_bar(PF1, 0), size = SIM_BAR0_SIZE;
	struct tdi_range ranges[] = {
		{ bar, SZ_16K, 0, 0 },
		{ bar + SZ_16K, SZ_16K, RANGE_NON_TEE, 0 },
		{ bar + SZ_32K, size - SZ_32K, 0, 0 },
		{ tdi_bar(PF1, 2), SIM_BAR2_SIZE, 0, 2 },
	};

	msix_set_up(test, 0x4000, 0x7000);
	KUNIT_ASSERT_EQ(test, tdi_lock(test, PF1), 0);
	expect_report(test, PF1, 0, ranges, 4);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF1), 0);
	/* In the other order */
	msix_set_up(test, 0x7f80, 0x4010);
	KUNIT_ASSERT_EQ(test, tdi_lock(test, PF1), 0);
	expect_report(test, PF1, 0, ranges, 4);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF1), 0);

	/* In two BARs; at the end of one */
	ranges[0] = (struct tdi_range) { bar, SZ_4K, RANGE_NON_TEE, 0 };
	ranges[1] = (struct tdi_range) { bar + SZ_4K, size - SZ_4K, 0, 0 };
	ranges[2] = (struct tdi_range) { tdi_bar(PF1, 2), SZ_4K, RANGE_NON_TEE, 2 };
	ranges[3] = (struct tdi_range) { tdi_bar(PF1, 2) + SZ_4K,
				     SIM_BAR2_SIZE - SZ_4K, 0, 2 };
	msix_set_up(test, 0, 2);
	KUNIT_ASSERT_EQ(test, tdi_lock(test, PF1), 0);
	expect_report(test, PF1, 0, ranges, 4);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF1), 0);

	ranges[0] = (struct tdi_range) { tdi_bar(VF2, 0), SIM_VF_BAR_SIZE - SZ_8K,
				     0, 0 };
	ranges[1] = (struct tdi_range) { tdi_bar(VF2, 0) + SIM_VF_BAR_SIZE - SZ_8K,
				     SZ_8K, RANGE_NON_TEE, 0 };
	msix_set_up(test, SIM_VF_BAR_SIZE - SZ_8K, SIM_VF_BAR_SIZE - SZ_4K);
	KUNIT_ASSERT_EQ(test, tdi_lock(test, VF2), 0);
	expect_report(test, VF2, 0, ranges, 2);
}

/* Locked, they are TEE memory, and each has its own attribute */
static void report_msix_locked(struct kunit *test)
{
	struct tdisp_lock lock = {
		.flags = TDISP_LOCK_MSIX | TDISP_LOCK_NO_FW_UPDATE,
		.stream_id = TEST_STREAM,
	};
	u64 bar = tdi_bar(VF1, 0);
	const struct tdi_range ranges[] = {
		{ bar, SZ_8K, 0, 0 },
		{ bar + SZ_8K, SZ_4K, RANGE_TABLE, 0 },
		{ bar + SZ_8K + SZ_4K, SZ_4K, 0, 0 },
		{ bar + SZ_16K, SZ_4K, RANGE_PBA, 0 },
		{ bar + SZ_16K + SZ_4K, SIM_VF_BAR_SIZE - SZ_16K - SZ_4K, 0, 0 },
	};
	u8 r[SIM_TDI_REPORT_BYTES];

	msix_set_up(test, SZ_8K, SZ_16K);
	KUNIT_ASSERT_EQ(test, tdi_lock_with(test, VF1, &lock), 0);
	KUNIT_ASSERT_EQ(test, tdi_report(test, VF1, r, sizeof(r)),
			20 + 16 * ARRAY_SIZE(ranges) + 4);
	KUNIT_EXPECT_EQ(test, 0, host_verdict(VF1, 0, r, 20 + 16 * 5 + 4));
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(r), 3);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(r + 4),
			PCI_MSIX_FLAGS_ENABLE | 7);
	for (int i = 0; i < ARRAY_SIZE(ranges); i++) {
		KUNIT_EXPECT_EQ(test, get_unaligned_le64(r + 16 + 16 * i),
				ranges[i].addr >> 12);
		KUNIT_EXPECT_EQ(test, get_unaligned_le32(r + 24 + 16 * i),
				ranges[i].size >> 12);
		KUNIT_EXPECT_EQ(test, get_unaligned_le32(r + 28 + 16 * i),
				ranges[i].attributes);
	}
	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF1), 0);

	/* On one page, it is both */
	msix_set_up(test, SZ_8K, SZ_8K + SZ_2K);
	KUNIT_ASSERT_EQ(test, tdi_lock_with(test, VF1, &lock), 0);
	KUNIT_ASSERT_GT(test, tdi_report(test, VF1, r, sizeof(r)), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(r + 12), 3);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(r + 28 + 16),
			RANGE_TABLE | RANGE_PBA);

	/* No MSI-X, nothing to lock */
	msix_none(test);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF1), 0);
	KUNIT_ASSERT_EQ(test, tdi_lock_with(test, VF1, &lock), 0);
	KUNIT_ASSERT_GT(test, tdi_report(test, VF1, r, sizeof(r)), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(r + 12), 1);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(r + 4), 0);
}

/* A lock is a snapshot: what may change later does not show */
static void report_is_constant(struct kunit *test)
{
	u8 before[SIM_TDI_REPORT_BYTES], after[SIM_TDI_REPORT_BYTES];
	size_t len;

	msix_set_up(test, SZ_8K, SZ_16K);
	tdi_to_state(test, PF0, SIM_TDI_LOCKED);
	len = tdi_report(test, PF0, before, sizeof(before));
	KUNIT_ASSERT_GT(test, len, 0);
	/* Not locked: the host's */
	msix_set_up(test, SZ_4K, SZ_4K);
	tdi_cfg_write(test, PF0, PCI_COMMAND, 2, 0xffff);
	KUNIT_EXPECT_EQ(test, len, tdi_report(test, PF0, after, sizeof(after)));
	KUNIT_EXPECT_MEMEQ(test, before, after, len);
	KUNIT_EXPECT_EQ(test, tdi_start(test, PF0), 0);
	KUNIT_EXPECT_EQ(test, len, tdi_report(test, PF0, after, sizeof(after)));
	KUNIT_EXPECT_MEMEQ(test, before, after, len);
	/* The next one has it */
	tdi_to_state(test, PF0, SIM_TDI_LOCKED);
	tdi_report(test, PF0, after, sizeof(after));
	KUNIT_EXPECT_MEMNEQ(test, before, after, len);
}

static void expect_portion(struct kunit *test, const u8 *report, size_t full,
			   size_t offset, size_t len)
{
	struct tdisp_msg req = tdi_request(test, PF0,
					   TDISP_GET_DEVICE_INTERFACE_REPORT);
	const struct tdisp_msg *rsp = &to_tdi_test(test)->rsp;
	bool good = len && offset < full;

	req.get_report.offset = offset;
	req.get_report.length = len;
	KUNIT_ASSERT_EQ_MSG(test, tdi_ask(test, &req),
			    good ? 0 : TDISP_INVALID_REQUEST, "%zu %zu", offset,
			    len);
	if (!good)
		return;
	len = min(len, full - offset);
	KUNIT_ASSERT_EQ(test, rsp->report.length, len);
	KUNIT_EXPECT_EQ(test, rsp->report.remainder, full - offset - len);
	KUNIT_EXPECT_MEMEQ(test, rsp->report.portion, report + offset, len);
}

/* Each offset with each length that could make a difference */
static void report_portions(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	u8 report[SIM_TDI_REPORT_BYTES];
	size_t full;

	tdi_to_state(test, PF0, SIM_TDI_LOCKED);
	full = tdi_report(test, PF0, report, sizeof(report));
	KUNIT_ASSERT_GT(test, full, 0);

	/* Over the session a few, as all of them take long */
	for (size_t offset = 0; offset <= full; offset += 13)
		expect_portion(test, report, full, offset, 13);
	t->session = spdm_requester_session(&t->requester);
	for (size_t offset = 0; offset <= full + 1; offset++)
		for (size_t len = 0; len <= full + 1; len++)
			expect_portion(test, report, full, offset, len);
	expect_portion(test, report, full, 0, U16_MAX);
	expect_portion(test, report, full, full - 1, U16_MAX);
	expect_portion(test, report, full, U16_MAX, U16_MAX);
	expect_portion(test, report, full, U16_MAX, 1);
}

/* Faults */

static void fault_set(struct kunit *test, const char *text)
{
	KUNIT_ASSERT_EQ(test, sim_fault_parse(to_dev(test), text), 0);
}

/* Refused whatever they say, and nothing is done */
static void fault_error(struct kunit *test)
{
	static const u8 states[] = { 1, 2, 3, 1, 1, 1, 1 };
	struct tdi_test *t = to_tdi_test(test);

	for (int k = 1; k <= 7; k++) {
		struct tdisp_msg req = tdi_request(test, VF0, 0x80 + k);
		char text[32];

		fault_set(test, "none");
		tdi_to_state(test, VF0, k == 3 ? 0 : states[k - 1]);
		req.lock.stream_id = TEST_STREAM;
		if (k == 6)
			memcpy(req.nonce, t->nonce[VF0], sizeof(req.nonce));
		snprintf(text, sizeof(text), "tdisp-error %d %d", k, 255 + k);
		fault_set(test, text);
		KUNIT_EXPECT_EQ(test, tdi_ask(test, &req), 255 + k);
		KUNIT_EXPECT_EQ(test, tdi_state(test, VF0),
				k == 3 ? 0 : states[k - 1]);
		KUNIT_EXPECT_EQ(test, sim_fault_hits(t->d), 1);

		snprintf(text, sizeof(text), "tdisp-silent %d", k);
		fault_set(test, text);
		KUNIT_EXPECT_EQ(test, tdi_send(test, (u8 [16]) {
					0x10, 0x80 + k, [5] = TEST_BUS }, 16),
				-ETIMEDOUT);
		KUNIT_EXPECT_EQ(test, sim_fault_hits(t->d), 1);
		/* The requester of a real session gives up at this point */
		t->session = spdm_requester_session(&t->requester) ?: t->session;
	}
}

static void fault_answers(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	struct tdisp_msg req = tdi_request(test, PF0,
					   TDISP_LOCK_INTERFACE_REQUEST), rsp;
	u8 buf[64];
	int len;

	req.lock.stream_id = TEST_STREAM;
	len = tdisp_encode(&req, buf, sizeof(buf));
	for (int n = 0; n <= 64; n++) {
		char text[32];

		snprintf(text, sizeof(text), "tdisp-length 3 %d", n);
		fault_set(test, text);
		KUNIT_ASSERT_EQ(test, tdi_send(test, buf, len), 0);
		KUNIT_EXPECT_EQ(test, t->payload_len, TDISP_HDR_SIZE + n);
		KUNIT_EXPECT_EQ(test, n == TDISP_NONCE_SIZE ? 0 : -EBADMSG,
				tdisp_parse_response(t->payload, t->payload_len,
						     &req, &rsp));
		/* It is locked all the same */
		KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_LOCKED);
		KUNIT_EXPECT_EQ(test, tdi_stop(test, PF0), 0);
	}

	fault_set(test, "tdisp-other 3");
	KUNIT_ASSERT_EQ(test, tdi_send(test, buf, len), 0);
	KUNIT_EXPECT_EQ(test, -EPROTO,
			tdisp_parse_response(t->payload, t->payload_len, &req,
					     &rsp));
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_LOCKED);

	for (int state = 0; state < 4; state++) {
		char text[32];

		snprintf(text, sizeof(text), "state-lies %d", state);
		fault_set(test, text);
		KUNIT_EXPECT_EQ(test, 0,
				tdi_simple(test, PF0,
					   TDISP_GET_DEVICE_INTERFACE_STATE));
		KUNIT_EXPECT_EQ(test, t->rsp.state, state);
	}
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_LOCKED);
}

#define HEADER_ONLY	INT_MIN

/* Each malformed in its own way, and no host takes it */
static void fault_reports(struct kunit *test)
{
	/* Bytes more than the good one has */
	static const int longer[] = {
		-1, 1, HEADER_ONLY, 0, 0, 0, 0, 0, 16, 0, 0, 0,
	};
	u8 good[SIM_TDI_REPORT_BYTES], bad[SIM_TDI_REPORT_BYTES];

	static_assert(ARRAY_SIZE(longer) == SIM_REPORT_LAST);
	for (int fn = PF0; fn <= VF0; fn += VF0) {
		size_t len;

		tdi_to_state(test, fn, SIM_TDI_LOCKED);
		len = tdi_report(test, fn, good, sizeof(good));
		for (int i = 0; i < ARRAY_SIZE(longer); i++) {
			size_t want = longer[i] == HEADER_ONLY ?
				      15 : len + longer[i];
			char text[32];

			snprintf(text, sizeof(text), "report-bad %d", i + 1);
			fault_set(test, text);
			memset(bad, 0, sizeof(bad));
			tdi_to_state(test, fn, SIM_TDI_LOCKED);
			KUNIT_EXPECT_EQ_MSG(test, want,
					    tdi_report(test, fn, bad,
						       sizeof(bad)),
					    "%s", text);
			KUNIT_EXPECT_NE_MSG(test, 0,
					    host_verdict(fn, 0, bad, want),
					    "%s", text);
			KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 1);
		}
		fault_set(test, "none");
		tdi_to_state(test, fn, SIM_TDI_LOCKED);
		KUNIT_EXPECT_EQ(test, len, tdi_report(test, fn, bad, sizeof(bad)));
		KUNIT_EXPECT_MEMEQ(test, good, bad, len);
	}
}

static void fault_portions(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	struct tdisp_msg req = tdi_request(test, PF0,
					   TDISP_GET_DEVICE_INTERFACE_REPORT), rsp;
	u8 good[SIM_TDI_REPORT_BYTES], got[SIM_TDI_REPORT_BYTES], buf[64];
	size_t len;
	int n;

	tdi_to_state(test, PF0, SIM_TDI_LOCKED);
	len = tdi_report(test, PF0, good, sizeof(good));
	for (int size = 0; size < 40; size += 3) {
		char text[32];

		snprintf(text, sizeof(text), "report-portions %d", size);
		fault_set(test, text);
		KUNIT_EXPECT_EQ(test, len, tdi_report(test, PF0, got, sizeof(got)));
		KUNIT_EXPECT_MEMEQ(test, good, got, len);
		KUNIT_EXPECT_EQ(test, sim_fault_hits(t->d),
				DIV_ROUND_UP(len, size ?: 1));
	}

	req.get_report.length = 32;
	n = tdisp_encode(&req, buf, sizeof(buf));
	fault_set(test, "report-empty");
	KUNIT_ASSERT_EQ(test, tdi_send(test, buf, n), 0);
	KUNIT_EXPECT_EQ(test, t->payload_len, TDISP_REPORT_OVERHEAD);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(t->payload + 16), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(t->payload + 18), len);
	fault_set(test, "report-lies");
	KUNIT_ASSERT_EQ(test, tdi_send(test, buf, n), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(t->payload + 16), 33);
	KUNIT_EXPECT_EQ(test, -EBADMSG,
			tdisp_parse_response(t->payload, t->payload_len, &req,
					     &rsp));
	fault_set(test, "report-endless");
	for (unsigned int offset = 0; offset < U16_MAX; offset += 4999) {
		req.get_report.offset = offset;
		KUNIT_ASSERT_EQ(test, tdi_ask(test, &req), 0);
		KUNIT_EXPECT_EQ(test, t->rsp.report.remainder, 1);
	}
}

static struct kunit_case tdi_lock_test_cases[] = {
	KUNIT_CASE_SLOW(lock_flags),
	KUNIT_CASE_SLOW(lock_stream),
	KUNIT_CASE_SLOW(lock_keys),
	KUNIT_CASE_SLOW(lock_config_bars),
	KUNIT_CASE_SLOW(lock_config),
	KUNIT_CASE_SLOW(lock_offsets),
	KUNIT_CASE_SLOW(report_bars),
	KUNIT_CASE_SLOW(report_msix),
	KUNIT_CASE_SLOW(report_msix_locked),
	KUNIT_CASE_SLOW(report_is_constant),
	KUNIT_CASE_SLOW(report_portions),
	KUNIT_CASE_SLOW(fault_error),
	KUNIT_CASE_SLOW(fault_answers),
	KUNIT_CASE_SLOW(fault_reports),
	KUNIT_CASE_SLOW(fault_portions),
	{}
};

static struct kunit_suite tdi_lock_test_suite = {
	.name = "tsm-sim-tdi-lock",
	.init = tdi_test_init,
	.exit = tdi_test_exit,
	.test_cases = tdi_lock_test_cases,
};

kunit_test_suite(tdi_lock_test_suite);
