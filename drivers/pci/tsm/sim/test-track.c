// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what takes a locked TDI to ERROR: each register of the table,
 * resets, power, link, IDE, and what of all that must not.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>

#include "../spdm/ide-km.h"
#include "test-tdi.h"

#define EXP(reg)	(SIM_CAP_EXP + (reg))
#define SRIOV(reg)	(SIM_EXT_SRIOV + (reg))
#define IDE_ID		FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM)

/**
 * struct write - a config write and what it does
 * @what: name
 * @fn: function
 * @where: register
 * @size: bytes of it
 * @set: bits that are set in what was there
 * @clear: bits that are cleared
 * @fns: functions that go to ERROR, if any
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
	{ "interrupt line", PF0, PCI_INTERRUPT_LINE, 1, 0xff, 0 },

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
	{ "10-bit tags stay", PF0, EXP(PCI_EXP_DEVCTL2), 2, 0,
	  SIM_DEVCTL2_10BIT_TAG },
	{ "other device controls 2", PF1, EXP(PCI_EXP_DEVCTL2), 2,
	  0xffff & ~SIM_DEVCTL2_10BIT_TAG, 0 },
	{ "VF has no 10-bit tags", VF0, EXP(PCI_EXP_DEVCTL2), 2, 0xffff, 0 },
	{ "link control", PF0, EXP(PCI_EXP_LNKCTL), 2, 0xffff, 0 },
	{ "link status", PF0, EXP(PCI_EXP_LNKSTA), 2, 0xffff, 0 },
	{ "link control 2", PF1, EXP(PCI_EXP_LNKCTL2), 2, 0, 0xffff },

	/* FLR */
	{ "FLR of PF0", PF0, EXP(PCI_EXP_DEVCTL), 2, PCI_EXP_DEVCTL_BCR_FLR, 0,
	  FAMILY, SIM_TDI_FLR },
	{ "FLR of PF1", PF1, EXP(PCI_EXP_DEVCTL), 2, PCI_EXP_DEVCTL_BCR_FLR, 0,
	  BIT(PF1), SIM_TDI_FLR },
	{ "FLR of a VF", VF1, EXP(PCI_EXP_DEVCTL), 2, PCI_EXP_DEVCTL_BCR_FLR, 0,
	  BIT(VF1), SIM_TDI_FLR },

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

	/* The mailbox, and IDE blocks that nobody is bound to */
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

/* What the same write leaves in a function that is not locked */
static u32 unlocked_result(struct kunit *test, const struct write *w)
{
	u32 result;

	tdi_all_to_state(test, SIM_TDI_UNLOCKED);
	do_write(test, w);
	result = dword_of(test, w);
	tdi_expect_errors(test, w->what, 0, SIM_TDI_UNLOCKED, 0);
	tdi_config_set_up(test);
	return result;
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

/* As tdi_test_init() left it */
static void start_over(struct kunit *test)
{
	unlock_all(test);
	tdi_stream_secure(test);
}

/* The same, after the device lost its sessions */
static void session_anew(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);

	KUNIT_ASSERT_EQ(test, tdi_connect(test), 0);
	t->session = spdm_requester_session(&t->requester);
	start_over(test);
	tdi_negotiate(test);
}

/* The write hits those that it must, and completes as if there were no TDISP */
static void track_writes(struct kunit *test)
{
	for (int i = 0; i < ARRAY_SIZE(writes); i++) {
		const struct write *w = &writes[i];
		u32 result = unlocked_result(test, w);

		for (u8 state = SIM_TDI_LOCKED; state <= SIM_TDI_RUN; state++) {
			tdi_all_to_state(test, state);
			do_write(test, w);
			KUNIT_EXPECT_EQ_MSG(test, result, dword_of(test, w),
					    "%s", w->what);
			tdi_expect_errors(test, w->what, w->fns, state, w->why);

			/* What is in ERROR stays there, and counts once */
			do_write(test, w);
			tdi_expect_errors(test, w->what, w->fns, state, w->why);
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

/* D3hot to D0 of a device that forgets on the way */
static void track_power(struct kunit *test)
{
	static const struct {
		int fn;
		unsigned int fns;
	} cases[] = {
		{ PF0, FAMILY }, { PF1, BIT(PF1) }, { VF2, BIT(VF2) },
	};
	unsigned int where = SIM_CAP_PM + PCI_PM_CTRL;

	to_dev(test)->soft_reset = true;
	tdi_config_set_up(test);
	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		int fn = cases[i].fn;

		tdi_all_to_state(test, SIM_TDI_RUN);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, where, 2), 0);
		tdi_cfg_write(test, fn, where, 2, 3);
		tdi_expect_errors(test, "D3hot", 0, SIM_TDI_RUN, 0);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, where, 2), 3);
		/* D2 is not there, so this is no way out */
		tdi_cfg_write(test, fn, where, 2, 2);
		tdi_expect_errors(test, "D2", 0, SIM_TDI_RUN, 0);
		tdi_cfg_write(test, fn, where, 2, 0);
		tdi_expect_errors(test, "D0", cases[i].fns, SIM_TDI_RUN,
				  SIM_TDI_POWER);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, where, 2), 0);
		KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, fn, PCI_COMMAND, 2), 0);
		unlock_all(test);
	}
}

static void ep_write(struct kunit *test, unsigned int reg, u32 val)
{
	tdi_cfg_write(test, PF0, tdi_ide_reg(TEST_EP_BLOCK, reg), 4, val);
}

static void port_ide_write(struct kunit *test, unsigned int reg, u32 val)
{
	tdi_port_write(test, tdi_ide_reg(TEST_PORT_BLOCK, reg), 4, val);
}

/* Registers of the endpoint: a change of the bound block */
static void track_ide(struct kunit *test)
{
	static const unsigned int regs[] = {
		PCI_IDE_SEL_CTL, PCI_IDE_SEL_RID_1, PCI_IDE_SEL_RID_2,
		PCI_IDE_SEL_ADDR_1(0), PCI_IDE_SEL_ADDR_2(0),
		PCI_IDE_SEL_ADDR_3(0), PCI_IDE_SEL_ADDR_1(1),
		PCI_IDE_SEL_ADDR_2(1), PCI_IDE_SEL_ADDR_3(1),
	};

	for (int i = 0; i < ARRAY_SIZE(regs); i++) {
		unsigned int where = tdi_ide_reg(TEST_EP_BLOCK, regs[i]);
		unsigned int other = tdi_ide_reg(!TEST_EP_BLOCK, regs[i]);
		u32 was;

		tdi_all_to_state(test, i % 2 ? SIM_TDI_LOCKED : SIM_TDI_RUN);
		was = tdi_cfg_read(test, PF0, where, 4);
		tdi_cfg_write(test, PF0, where, 4, was);
		tdi_cfg_write(test, PF0, other, 4, 0);
		tdi_cfg_write(test, PF0, other, 4, BIT(8));
		tdi_expect_errors(test, "other block", 0, i % 2 ?
				  SIM_TDI_LOCKED : SIM_TDI_RUN, 0);

		/* Bit 0 of the control register is its end */
		tdi_cfg_write(test, PF0, where, 4, was ^ (i ? BIT(8) : BIT(0)));
		tdi_expect_errors(test, "bound block", ALL_FNS, 0, SIM_TDI_IDE);
		tdi_cfg_write(test, PF0, other, 4, 0);
		start_over(test);
	}

	/* Status and capability cannot be changed, an enabled stream neither */
	tdi_all_to_state(test, SIM_TDI_RUN);
	ep_write(test, PCI_IDE_SEL_STS, ~0);
	ep_write(test, PCI_IDE_SEL_CAP, ~0);
	ep_write(test, PCI_IDE_SEL_CTL, PCI_IDE_SEL_CTL_EN);
	tdi_expect_errors(test, "read only", 0, SIM_TDI_RUN, 0);

	/* Of the root port a device only feels what spoils the keys */
	port_ide_write(test, PCI_IDE_SEL_RID_1, BIT(8));
	port_ide_write(test, PCI_IDE_SEL_ADDR_2(0), 1);
	tdi_expect_errors(test, "root port", 0, SIM_TDI_RUN, 0);
	port_ide_write(test, PCI_IDE_SEL_CTL, 0);
	tdi_expect_errors(test, "root port's end", ALL_FNS, 0, SIM_TDI_STREAM);
	start_over(test);
	tdi_all_to_state(test, SIM_TDI_RUN);
	port_ide_write(test, PCI_IDE_SEL_RID_2, 0);
	tdi_expect_errors(test, "no partner", ALL_FNS, 0, SIM_TDI_STREAM);
}

/* Keys in use: each of them, at both ends */
static void track_keys(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u8 key[SIM_IDE_KEY_BYTES] = { 1 }, iv[SIM_IDE_IV_BYTES] = {};

	for (int k = 0; k < 24; k++) {
		struct sim_ide_port *port = k % 2 ? &d->ide : &d->port_ide;
		u8 dir = k / 2 % 2, sub = k / 4 % 3;

		tdi_all_to_state(test, SIM_TDI_RUN);
		if (k < 12)
			sim_ide_key_stop(port, TEST_STREAM, 0, dir, sub);
		else
			sim_ide_key_program(port, TEST_STREAM, 0, dir, sub, key,
					    iv);
		tdi_expect_errors(test, "key", ALL_FNS, 0, SIM_TDI_STREAM);
		start_over(test);
	}

	for (int k = 0; k < 2; k++) {
		tdi_all_to_state(test, SIM_TDI_LOCKED);
		sim_ide_stream_forget(k ? &d->ide : &d->port_ide, TEST_STREAM);
		tdi_expect_errors(test, "forget", ALL_FNS, 0, SIM_TDI_STREAM);
		start_over(test);
	}
}

/* Fresh keys in time are none of its business */
static void track_refresh(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	tdi_all_to_state(test, SIM_TDI_RUN);
	for (int round = 0; round < 2; round++) {
		tdi_key(test, !round);
		for (int k = 0; k < 6; k++) {
			sim_ide_key_stop(&d->ide, TEST_STREAM, round, k / 3, k % 3);
			sim_ide_key_stop(&d->port_ide, TEST_STREAM, round, k / 3,
					 k % 3);
		}
		tdi_expect_errors(test, "refresh", 0, SIM_TDI_RUN, 0);
	}
}

static void track_bus_number(struct kunit *test)
{
	tdi_all_to_state(test, SIM_TDI_RUN);
	tdi_port_write(test, PCI_PRIMARY_BUS, 4, (TEST_BUS + 1) << 16 |
						 TEST_BUS << 8);
	tdi_port_write(test, PCI_SUBORDINATE_BUS, 1, TEST_BUS + 2);
	tdi_port_write(test, PCI_SECONDARY_BUS, 1, TEST_BUS);
	tdi_expect_errors(test, "same number", 0, SIM_TDI_RUN, 0);
	tdi_port_write(test, PCI_SECONDARY_BUS, 1, TEST_BUS + 1);
	tdi_expect_errors(test, "other number", ALL_FNS, 0, SIM_TDI_RID);
	/* They are to be found there now */
	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF2), 0);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, VF2), 0);
	KUNIT_EXPECT_EQ(test, sim_device_rid(to_dev(test)), (TEST_BUS + 1) << 8);
}

/* Down: ERROR. Up again: reset, as all else of the device */
static void track_link(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	int lnkctl = d->port.pcie_start + PCI_EXP_LNKCTL;
	u16 rid = sim_device_rid(d);
	struct sim_function *f;

	tdi_all_to_state(test, SIM_TDI_RUN);
	tdi_port_write(test, lnkctl, 2, PCI_EXP_LNKCTL_RL);
	tdi_expect_errors(test, "retrain", 0, SIM_TDI_RUN, 0);

	for (int i = 0; i < 2; i++) {
		int where = i ? lnkctl : PCI_BRIDGE_CONTROL;
		u16 down = i ? PCI_EXP_LNKCTL_LD : PCI_BRIDGE_CTL_BUS_RESET;

		tdi_all_to_state(test, i ? SIM_TDI_LOCKED : SIM_TDI_RUN);
		tdi_port_write(test, where, 2, down);
		tdi_expect_errors(test, "link down", ALL_FNS, 0, SIM_TDI_LINK);
		/* Nobody is there to be asked */
		scoped_guard(raw_spinlock_irqsave, &d->lock)
			f = sim_device_function(d, rid);
		KUNIT_EXPECT_NULL(test, f);
		tdi_port_write(test, where, 2, 0);
		for (int fn = PF0; fn < NR_FNS; fn++)
			KUNIT_EXPECT_EQ(test, tdi_state(test, fn),
					SIM_TDI_UNLOCKED);
		/* Its sessions end in a work item */
		flush_work(&d->doe.exchange);
		KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 0);
		session_anew(test);
	}
}

static void track_surprise_removal(struct kunit *test)
{
	struct sim_platform *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct sim_device *d = to_dev(test);

	KUNIT_ASSERT_NOT_NULL(test, p);
	/* Of a bus that the kernel does not know */
	p->domain = PCI_DOMAIN_NR_NOT_SET;
	d->platform = p;
	tdi_all_to_state(test, SIM_TDI_RUN);
	KUNIT_ASSERT_EQ(test, sim_device_surprise_remove(d), 0);
	tdi_expect_errors(test, "removed", ALL_FNS, 0, SIM_TDI_LINK);
	flush_delayed_work(&d->remove);
	d->platform = NULL;
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

/* What the device does to itself */
static void track_device(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	for (int why = 0; why < SIM_TDI_NR_CAUSES; why++) {
		tdi_all_to_state(test, why % 2 ? SIM_TDI_LOCKED : SIM_TDI_RUN);
		scoped_guard(raw_spinlock_irqsave, &d->lock) {
			sim_function_tdi_error(&d->fn[VF1], why);
			sim_function_tdi_error(&d->fn[VF1], SIM_TDI_DEVICE);
		}
		tdi_expect_errors(test, sim_tdi_cause_name(why), BIT(VF1),
				  why % 2 ? SIM_TDI_LOCKED : SIM_TDI_RUN, why);
	}
}

static int track_test_init(struct kunit *test)
{
	struct tdi_test *t;
	int rc = tdi_test_init(test);

	/* What these tests are about is not in the encryption */
	t = to_tdi_test(test);
	t->session = spdm_requester_session(&t->requester);
	return rc;
}

static struct kunit_case track_test_cases[] = {
	KUNIT_CASE_SLOW(track_writes),
	KUNIT_CASE_SLOW(track_msix),
	KUNIT_CASE_SLOW(track_power),
	KUNIT_CASE_SLOW(track_ide),
	KUNIT_CASE_SLOW(track_keys),
	KUNIT_CASE_SLOW(track_refresh),
	KUNIT_CASE_SLOW(track_bus_number),
	KUNIT_CASE_SLOW(track_link),
	KUNIT_CASE_SLOW(track_surprise_removal),
	KUNIT_CASE_SLOW(track_vf_enable),
	KUNIT_CASE_SLOW(track_device),
	{}
};

static struct kunit_suite track_test_suite = {
	.name = "tsm-sim-track",
	.init = track_test_init,
	.exit = tdi_test_exit,
	.test_cases = track_test_cases,
};

kunit_test_suite(track_test_suite);
