// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what a config write does to TDIs, in each of their states: each
 * register that is tracked and what of all the others is not. What else may
 * happen to them is in test-events.c.
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>

#include "test-tdi.h"

#define EXP(reg)	(SIM_CAP_EXP + (reg))
#define SRIOV(reg)	(SIM_EXT_SRIOV + (reg))

/**
 * struct write - a config write and what it does
 * @what: name
 * @fn: function
 * @where: register
 * @size: bytes of it
 * @set: bits that are set in what was there
 * @clear: bits that are cleared
 * @fns: functions that go to ERROR from CONFIG_LOCKED and RUN, if any
 * @why: reason
 */
struct write {
	const char *what;
	int fn;
	unsigned int where;
	int size;
	u32 set;
	u32 clear;
	unsigned int fns;
	enum sim_tdi_cause why;
};

static const struct write writes[] = {
	/* Command: clearing two bits */
	{ "PF MSE off", PF0, PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY,
	  BIT(PF0), SIM_TDI_COMMAND },
	{ "PF BME off", PF1, PCI_COMMAND, 2, 0, PCI_COMMAND_MASTER,
	  BIT(PF1), SIM_TDI_COMMAND },
	{ "PF BME off, a byte", PF0, PCI_COMMAND, 1, 0, PCI_COMMAND_MASTER,
	  BIT(PF0), SIM_TDI_COMMAND },
	{ "PF both off, with status", PF1, PCI_COMMAND, 4, 0, 0xffff,
	  BIT(PF1), SIM_TDI_COMMAND },
	{ "VF BME off", VF1, PCI_COMMAND, 2, 0, PCI_COMMAND_MASTER,
	  BIT(VF1), SIM_TDI_COMMAND },
	{ "VF has no MSE", VF1, PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY },
	{ "command again", PF0, PCI_COMMAND, 2, 0, 0 },
	{ "other bits on", PF0, PCI_COMMAND, 2, 0xffff, 0 },
	{ "other bits off", PF1, PCI_COMMAND, 2, 0,
	  0xffff & ~(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER) },
	{ "high byte", PF0, PCI_COMMAND + 1, 1, 0, 0xff },
	{ "status", PF0, PCI_STATUS, 2, 0xffff, 0 },
	{ "VF status", VF0, PCI_STATUS, 2, 0xffff, 0 },
	{ "identity", PF0, PCI_VENDOR_ID, 4, ~0, 0 },
	{ "VF identity", VF1, PCI_VENDOR_ID, 4, ~0, 0 },

	/* BIST shares its dword with what may be written */
	{ "cache line size", PF0, PCI_CACHE_LINE_SIZE, 1, 0x10, 0 },
	{ "latency timer", PF0, PCI_LATENCY_TIMER, 1, 0x40, 0 },
	{ "VF cache line size", VF2, PCI_CACHE_LINE_SIZE, 1, 0x10, 0 },
	{ "BIST", PF0, PCI_BIST, 1, 0x40, 0, BIT(PF0), SIM_TDI_BIST },
	{ "BIST by a word", PF1, PCI_HEADER_TYPE, 2, 0, 0, BIT(PF1),
	  SIM_TDI_BIST },
	{ "BIST by a dword", PF1, PCI_CACHE_LINE_SIZE, 4, 0, 0, BIT(PF1),
	  SIM_TDI_BIST },
	{ "VF BIST", VF0, PCI_BIST, 1, 0x40, 0, BIT(VF0), SIM_TDI_BIST },
	{ "VF latency timer", VF0, PCI_LATENCY_TIMER, 1, 0x40, 0 },
	{ "interrupt line", PF0, PCI_INTERRUPT_LINE, 1, 0xff, 0 },
	{ "VF interrupt line", VF1, PCI_INTERRUPT_LINE, 1, 0xff, 0 },

	/* BARs and ROM: any write, also to those that are not there */
	{ "BAR0", PF0, PCI_BASE_ADDRESS_0, 4, BIT(31), 0, BIT(PF0), SIM_TDI_BAR },
	{ "BAR0 again", PF1, PCI_BASE_ADDRESS_0, 4, 0, 0, BIT(PF1), SIM_TDI_BAR },
	{ "BAR0, sizing", PF0, PCI_BASE_ADDRESS_0, 4, ~0, 0, BIT(PF0),
	  SIM_TDI_BAR },
	{ "BAR1", PF0, PCI_BASE_ADDRESS_1, 4, 1, 0, BIT(PF0), SIM_TDI_BAR },
	{ "BAR2, a byte", PF0, PCI_BASE_ADDRESS_2 + 3, 1, 1, 0, BIT(PF0),
	  SIM_TDI_BAR },
	{ "BAR3", PF1, PCI_BASE_ADDRESS_3, 4, 1, 0, BIT(PF1), SIM_TDI_BAR },
	{ "BAR4", PF0, PCI_BASE_ADDRESS_4, 4, ~0, 0, BIT(PF0), SIM_TDI_BAR },
	{ "BAR5", PF0, PCI_BASE_ADDRESS_5, 2, 0, 0, BIT(PF0), SIM_TDI_BAR },
	{ "ROM", PF0, PCI_ROM_ADDRESS, 4, ~0, 0, BIT(PF0), SIM_TDI_BAR },
	{ "VF BAR0", VF1, PCI_BASE_ADDRESS_0, 4, ~0, 0, BIT(VF1), SIM_TDI_BAR },
	{ "VF BAR5", VF1, PCI_BASE_ADDRESS_5, 4, 0, 0, BIT(VF1), SIM_TDI_BAR },
	{ "VF ROM", VF1, PCI_ROM_ADDRESS, 4, 0, 0, BIT(VF1), SIM_TDI_BAR },
	{ "CardBus", PF0, PCI_CARDBUS_CIS, 4, ~0, 0 },
	{ "subsystem", PF0, PCI_SUBSYSTEM_VENDOR_ID, 4, ~0, 0 },
	{ "capabilities pointer", PF0, PCI_CAPABILITY_LIST, 4, ~0, 0 },

	/* Power: nothing is lost */
	{ "D3hot", PF0, SIM_CAP_PM + PCI_PM_CTRL, 2, 3, 0 },
	{ "VF D3hot", VF0, SIM_CAP_PM + PCI_PM_CTRL, 2, 3, 0 },
	{ "D0 again", PF0, SIM_CAP_PM + PCI_PM_CTRL, 2, 0, 3 },
	{ "VF D0 again", VF2, SIM_CAP_PM + PCI_PM_CTRL, 2, 0, 3 },
	{ "PM capability", PF0, SIM_CAP_PM, 4, ~0, 0 },

	/* Device Control: of a PF, its VFs have these bits from it */
	{ "extended tags on", PF0, EXP(PCI_EXP_DEVCTL), 2,
	  PCI_EXP_DEVCTL_EXT_TAG, 0, FAMILY, SIM_TDI_DEVCTL },
	{ "phantom functions on", PF0, EXP(PCI_EXP_DEVCTL), 2,
	  PCI_EXP_DEVCTL_PHANTOM, 0, FAMILY, SIM_TDI_DEVCTL },
	{ "no snoop off", PF0, EXP(PCI_EXP_DEVCTL), 4, 0,
	  PCI_EXP_DEVCTL_NOSNOOP_EN, FAMILY, SIM_TDI_DEVCTL },
	{ "no snoop off, a byte", PF1, EXP(PCI_EXP_DEVCTL) + 1, 1, 0,
	  PCI_EXP_DEVCTL_NOSNOOP_EN >> 8, BIT(PF1), SIM_TDI_DEVCTL },
	{ "extended tags stay", PF0, EXP(PCI_EXP_DEVCTL), 2, 0,
	  PCI_EXP_DEVCTL_EXT_TAG },
	{ "other device controls", PF0, EXP(PCI_EXP_DEVCTL), 2,
	  PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
	  PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_PAYLOAD_512B |
	  PCI_EXP_DEVCTL_AUX_PME, PCI_EXP_DEVCTL_RELAX_EN |
	  PCI_EXP_DEVCTL_READRQ },
	{ "VF device control", VF0, EXP(PCI_EXP_DEVCTL), 2,
	  0xffff & ~PCI_EXP_DEVCTL_BCR_FLR, 0 },
	{ "device status", PF0, EXP(PCI_EXP_DEVSTA), 2, 0xffff, 0 },
	{ "10-bit tags on", PF0, EXP(PCI_EXP_DEVCTL2), 2, SIM_DEVCTL2_10BIT_TAG,
	  0, BIT(PF0), SIM_TDI_DEVCTL },
	{ "10-bit tags of PF1 on", PF1, EXP(PCI_EXP_DEVCTL2), 2,
	  SIM_DEVCTL2_10BIT_TAG, 0, BIT(PF1), SIM_TDI_DEVCTL },
	{ "10-bit tags stay", PF0, EXP(PCI_EXP_DEVCTL2), 2, 0,
	  SIM_DEVCTL2_10BIT_TAG },
	{ "other device controls 2", PF1, EXP(PCI_EXP_DEVCTL2), 2,
	  0xffff & ~SIM_DEVCTL2_10BIT_TAG, 0 },
	{ "VF has no 10-bit tags", VF0, EXP(PCI_EXP_DEVCTL2), 2, 0xffff, 0 },
	{ "link control", PF0, EXP(PCI_EXP_LNKCTL), 2, 0xffff, 0 },
	{ "link status", PF0, EXP(PCI_EXP_LNKSTA), 2, 0xffff, 0 },
	{ "VF link control", VF1, EXP(PCI_EXP_LNKCTL), 2, 0xffff, 0 },
	{ "link control 2", PF1, EXP(PCI_EXP_LNKCTL2), 2, 0, 0xffff },

	/* FLR */
	{ "FLR of PF0", PF0, EXP(PCI_EXP_DEVCTL), 2, PCI_EXP_DEVCTL_BCR_FLR, 0,
	  FAMILY, SIM_TDI_FLR },
	{ "FLR of PF1", PF1, EXP(PCI_EXP_DEVCTL), 2, PCI_EXP_DEVCTL_BCR_FLR, 0,
	  BIT(PF1), SIM_TDI_FLR },
	{ "FLR of a VF", VF1, EXP(PCI_EXP_DEVCTL), 2, PCI_EXP_DEVCTL_BCR_FLR, 0,
	  BIT(VF1), SIM_TDI_FLR },
	{ "AF FLR of PF0", PF0, SIM_CAP_AF + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR, 0,
	  FAMILY, SIM_TDI_FLR },
	{ "AF FLR of a VF", VF1, SIM_CAP_AF + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR, 0,
	  BIT(VF1), SIM_TDI_FLR },
	{ "AF without FLR", PF0, SIM_CAP_AF + PCI_AF_CTRL, 2,
	  0xffff & ~PCI_AF_CTRL_FLR, 0 },

	/* SR-IOV: all of the capability */
	{ "VF Enable off", PF0, SRIOV(PCI_SRIOV_CTRL), 2, 0, PCI_SRIOV_CTRL_VFE,
	  FAMILY, SIM_TDI_SRIOV },
	{ "VF MSE off", PF0, SRIOV(PCI_SRIOV_CTRL), 2, 0, PCI_SRIOV_CTRL_MSE,
	  FAMILY, SIM_TDI_SRIOV },
	{ "NumVFs", PF0, SRIOV(PCI_SRIOV_NUM_VF), 2, 0, 0, FAMILY, SIM_TDI_SRIOV },
	{ "VF BAR", PF0, SRIOV(PCI_SRIOV_BAR), 4, BIT(30), 0, FAMILY,
	  SIM_TDI_SRIOV },
	{ "last VF BAR", PF0, SRIOV(PCI_SRIOV_BAR) + 20, 4, 0, 0, FAMILY,
	  SIM_TDI_SRIOV },
	{ "system page size", PF0, SRIOV(PCI_SRIOV_SYS_PGSIZE), 4, 0, 0, FAMILY,
	  SIM_TDI_SRIOV },
	{ "no SR-IOV in PF1", PF1, SRIOV(PCI_SRIOV_CTRL), 2, 0xffff, 0 },
	{ "no SR-IOV in a VF", VF0, SRIOV(PCI_SRIOV_BAR), 4, ~0, 0 },

	/* A vendor's own: in the DMA engine's is nothing that the lock is about */
	{ "DMA engine", PF0, SIM_EXT_DMA + SIM_DMA_CTRL, 4, SIM_DMA_CTRL_TEE, 0 },
	{ "DMA address", PF1, SIM_EXT_DMA + SIM_DMA_IOVA_LO, 4, ~0, 0 },
	{ "VF DMA engine", VF0, SIM_EXT_DMA + SIM_DMA_LEN, 4, 1, 0 },
	{ "VF DMA status", VF2, SIM_EXT_DMA + SIM_DMA_STATUS, 4, ~0, 0 },

	/* The mailbox, and IDE blocks that nobody is bound to */
	{ "DOE mailbox", PF0, SIM_EXT_DOE + PCI_DOE_WRITE, 4, 1, 0 },
	{ "DOE interrupts", PF0, SIM_EXT_DOE + PCI_DOE_CTRL, 4, PCI_DOE_CTRL_INT_EN,
	  0 },
	{ "DOE abort", PF0, SIM_EXT_DOE + PCI_DOE_CTRL, 4, PCI_DOE_CTRL_ABORT, 0 },
	{ "IDE capability", PF0, SIM_EXT_IDE + PCI_IDE_CAP, 4, ~0, 0 },
	{ "no IDE in PF1", PF1, SIM_EXT_IDE + PCI_IDE_CTL, 4, ~0, 0 },
};

static void do_write(struct kunit *test, const struct write *w)
{
	u32 old = tdi_cfg_read(test, w->fn, w->where, w->size);

	tdi_cfg_write(test, w->fn, w->where, w->size,
		      (old | w->set) & ~w->clear);
}

static u32 dword_of(struct kunit *test, const struct write *w)
{
	return tdi_cfg_read(test, w->fn, w->where & ~3, 4);
}

/* Whatever became of config space and of the functions */
static void unlock_all(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	scoped_guard(raw_spinlock_irqsave, &d->lock)
		for (int fn = PF0; fn < NR_FNS; fn++)
			sim_tdi_unlock(&d->fn[fn]);
	tdi_config_set_up(test);
}

/*
 * Every write in every state. It hits those that it must, and completes as if
 * there were no TDISP.
 */
static void track_writes(struct kunit *test)
{
	for (int i = 0; i < ARRAY_SIZE(writes); i++) {
		const struct write *w = &writes[i];
		u32 result = 0;

		for (u8 state = SIM_TDI_UNLOCKED; state <= SIM_TDI_ERROR;
		     state++) {
			bool locked = state == SIM_TDI_LOCKED ||
				      state == SIM_TDI_RUN;
			unsigned int fns = locked ? w->fns : 0;

			tdi_all_to_state(test, state);
			do_write(test, w);
			if (state == SIM_TDI_UNLOCKED)
				result = dword_of(test, w);
			KUNIT_EXPECT_EQ_MSG(test, result, dword_of(test, w),
					    "%s", w->what);
			tdi_expect_errors(test, w->what, fns, state, w->why);

			/* What is in ERROR stays there, and counts once */
			do_write(test, w);
			tdi_expect_errors(test, w->what, fns, state, w->why);
			unlock_all(test);
		}
	}
}

static void track_msix(struct kunit *test)
{
	static const struct write control = {
		"MSI-X control", VF1, SIM_CAP_MSIX + PCI_MSIX_FLAGS, 2,
		PCI_MSIX_FLAGS_MASKALL, 0,
	};
	struct tdisp_lock lock = {
		.flags = TDISP_LOCK_MSIX,
		.stream_id = TEST_STREAM,
	};
	struct sim_device *d = to_dev(test);

	scoped_guard(raw_spinlock_irqsave, &d->lock)
		d->fn[VF1].cfg[SIM_CAP_MSIX / 4] = PCI_CAP_ID_MSIX;

	/* Left to the host, or locked with the interface */
	tdi_all_to_state(test, SIM_TDI_RUN);
	do_write(test, &control);
	tdi_expect_errors(test, control.what, 0, SIM_TDI_RUN, 0);

	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF1), 0);
	KUNIT_EXPECT_EQ(test, tdi_lock_with(test, VF1, &lock), 0);
	KUNIT_EXPECT_EQ(test, tdi_start(test, VF1), 0);
	do_write(test, &control);
	tdi_expect_errors(test, control.what, BIT(VF1), SIM_TDI_RUN,
			  SIM_TDI_MSIX);

	/* The next lock does without */
	tdi_all_to_state(test, SIM_TDI_RUN);
	do_write(test, &control);
	tdi_expect_errors(test, control.what, 0, SIM_TDI_RUN, 0);

	/* No capability, nothing to track in its place */
	scoped_guard(raw_spinlock_irqsave, &d->lock)
		memset(&d->fn[PF1].cfg[SIM_CAP_MSIX / 4], 0, PCI_CAP_MSIX_SIZEOF);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF1), 0);
	KUNIT_EXPECT_EQ(test, tdi_lock_with(test, PF1, &lock), 0);
	tdi_cfg_write(test, PF1, SIM_CAP_MSIX + PCI_MSIX_FLAGS, 2, 0);
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF1), SIM_TDI_LOCKED);
}

/* D3hot to D0 of a device that forgets on the way: the write has its effect */
static void track_power(struct kunit *test)
{
	unsigned int where = SIM_CAP_PM + PCI_PM_CTRL;

	to_dev(test)->soft_reset = true;
	tdi_config_set_up(test);
	for (int fn = PF0; fn < NR_FNS; fn++) {
		tdi_all_to_state(test, SIM_TDI_RUN);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, where, 2), 0);
		tdi_cfg_write(test, fn, where, 2, 3);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, where, 2), 3);
		/* D2 is not there, so this is no way out */
		tdi_cfg_write(test, fn, where, 2, 2);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, where, 2), 3);
		KUNIT_EXPECT_EQ(test, tdi_state(test, fn), SIM_TDI_RUN);
		tdi_cfg_write(test, fn, where, 2, 0);
		KUNIT_EXPECT_EQ(test, tdi_state(test, fn), SIM_TDI_ERROR);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, where, 2), 0);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, PCI_COMMAND, 2), 0);
		unlock_all(test);
	}
}

/* The write itself completes: requester ids are new ones at once */
static void track_bus_number(struct kunit *test)
{
	tdi_all_to_state(test, SIM_TDI_RUN);
	tdi_port_write(test, PCI_SECONDARY_BUS, 1, TEST_BUS + 1);
	/* They are to be found there now */
	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF2), 0);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, VF2), 0);
	KUNIT_EXPECT_EQ(test, sim_device_rid(to_dev(test)), (TEST_BUS + 1) << 8);
}

/* A link that is down: nobody is there to be asked, and no session survives it */
static void track_link(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u16 rid = sim_device_rid(d);
	struct sim_function *f;

	tdi_all_to_state(test, SIM_TDI_RUN);
	tdi_port_write(test, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	scoped_guard(raw_spinlock_irqsave, &d->lock)
		f = sim_device_function(d, rid);
	KUNIT_EXPECT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF0), TDISP_INVALID_INTERFACE);
	flush_work(&d->doe.exchange);
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 0);
	tdi_start_over(test);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, PF0), 0);
}

/* VFs come and go with their PF's VF Enable, which PF0's lock does not bear */
static void track_vf_enable(struct kunit *test)
{
	u16 on = PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE;

	tdi_all_to_state(test, SIM_TDI_RUN);
	tdi_cfg_write(test, PF0, SRIOV(PCI_SRIOV_CTRL), 2, 0);
	tdi_expect_errors(test, "off", FAMILY, SIM_TDI_RUN, SIM_TDI_SRIOV);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF0), TDISP_INVALID_INTERFACE);

	/* What comes back is not what went, and can be locked at once */
	tdi_cfg_write(test, PF0, SRIOV(PCI_SRIOV_CTRL), 2, on);
	for (int fn = VF0; fn <= VF2; fn++) {
		KUNIT_EXPECT_EQ(test, tdi_state(test, fn), SIM_TDI_UNLOCKED);
		KUNIT_EXPECT_EQ(test, tdi_lock(test, fn), 0);
	}
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_ERROR);
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF1), SIM_TDI_RUN);
}

static struct kunit_case track_test_cases[] = {
	KUNIT_CASE_SLOW(track_writes),
	KUNIT_CASE_SLOW(track_msix),
	KUNIT_CASE_SLOW(track_power),
	KUNIT_CASE_SLOW(track_bus_number),
	KUNIT_CASE_SLOW(track_link),
	KUNIT_CASE_SLOW(track_vf_enable),
	{}
};

static struct kunit_suite track_test_suite = {
	.name = "tsm-sim-track",
	.init = tdi_test_init_direct,
	.exit = tdi_test_exit,
	.test_cases = track_test_cases,
};

kunit_test_suite(track_test_suite);
