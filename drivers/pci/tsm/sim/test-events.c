// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what happens to TDIs without anybody asking for it: every event
 * in every state (PCIe r6.1 section 11.2.6). Requests are in test-tdisp.c, config
 * writes, FLR and the like, in test-track.c.
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>
#include <linux/workqueue.h>

#include "test-tdi.h"

#define PM_CTRL		(SIM_CAP_PM + PCI_PM_CTRL)
#define DMA(reg)	(SIM_EXT_DMA + (reg))

/* In the place of a set of functions: that which the event happens to */
#define SELF		BIT(31)

/* Power */

static void d3hot(struct kunit *test, int fn)
{
	tdi_cfg_write(test, fn, PM_CTRL, 2, 3);
}

static void d3hot_and_back(struct kunit *test, int fn)
{
	d3hot(test, fn);
	tdi_cfg_write(test, fn, PM_CTRL, 2, 0);
}

/* Of a function that does not say No_Soft_Reset */
static void d3hot_and_lost(struct kunit *test, int fn)
{
	struct sim_device *d = to_dev(test);

	scoped_guard(raw_spinlock_irqsave, &d->lock)
		d->fn[fn].cfg[PM_CTRL / 4] &= ~PCI_PM_CTRL_NO_SOFT_RESET;
	d3hot_and_back(test, fn);
}

/* Link and bus: @how is 0 for Link Disable, 1 for Secondary Bus Reset */

static void link_down(struct kunit *test, int how)
{
	int lnkctl = to_dev(test)->port.pcie_start + PCI_EXP_LNKCTL;

	if (how)
		tdi_port_write(test, PCI_BRIDGE_CONTROL, 2,
			       PCI_BRIDGE_CTL_BUS_RESET);
	else
		tdi_port_write(test, lnkctl, 2, PCI_EXP_LNKCTL_LD);
}

static void link_down_and_up(struct kunit *test, int how)
{
	int lnkctl = to_dev(test)->port.pcie_start + PCI_EXP_LNKCTL;

	link_down(test, how);
	tdi_port_write(test, how ? PCI_BRIDGE_CONTROL : lnkctl, 2, 0);
}

static void link_retrained(struct kunit *test, int unused)
{
	tdi_port_write(test, to_dev(test)->port.pcie_start + PCI_EXP_LNKCTL, 2,
		       PCI_EXP_LNKCTL_RL);
}

static void pulled_out(struct kunit *test, int unused)
{
	struct sim_platform *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct sim_device *d = to_dev(test);

	KUNIT_ASSERT_NOT_NULL(test, p);
	/* Of a bus that the kernel does not know */
	p->domain = PCI_DOMAIN_NR_NOT_SET;
	d->platform = p;
	KUNIT_EXPECT_EQ(test, sim_device_surprise_remove(d), 0);
	flush_delayed_work(&d->remove);
	d->platform = NULL;
}

static void bus_number(struct kunit *test, int more)
{
	tdi_port_write(test, PCI_SUBORDINATE_BUS, 1, TEST_BUS + 2);
	tdi_port_write(test, PCI_SECONDARY_BUS, 1, TEST_BUS + more);
}

static void vfs_off(struct kunit *test, int unused)
{
	tdi_cfg_write(test, PF0, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2, 0);
}

static void vfs_off_and_on(struct kunit *test, int unused)
{
	vfs_off(test, 0);
	tdi_cfg_write(test, PF0, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2,
		      PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
}

/* IDE: @i is a register of a block, @k a key of either end */

static const unsigned int ide_regs[] = {
	PCI_IDE_SEL_CTL, PCI_IDE_SEL_RID_1, PCI_IDE_SEL_RID_2,
	PCI_IDE_SEL_ADDR_1(0), PCI_IDE_SEL_ADDR_2(0), PCI_IDE_SEL_ADDR_3(0),
	PCI_IDE_SEL_ADDR_1(1), PCI_IDE_SEL_ADDR_2(1), PCI_IDE_SEL_ADDR_3(1),
};

#define LAST_REG	(ARRAY_SIZE(ide_regs) - 1)

/* Whatever becomes of functions, the write itself completes */
static void ide_change(struct kunit *test, unsigned int where, u32 bits)
{
	u32 was = tdi_cfg_read(test, PF0, where, 4);

	tdi_cfg_write(test, PF0, where, 4, was ^ bits);
	KUNIT_EXPECT_EQ(test, tdi_cfg_read(test, PF0, where, 4), was ^ bits);
}

static void ide_bound(struct kunit *test, int i)
{
	/* Bit 0 of the control register is its end */
	ide_change(test, tdi_ide_reg(TEST_EP_BLOCK, ide_regs[i]),
		   i ? BIT(8) : BIT(0));
}

static void ide_same(struct kunit *test, int i)
{
	ide_change(test, tdi_ide_reg(TEST_EP_BLOCK, ide_regs[i]), 0);
}

static void ide_other(struct kunit *test, int i)
{
	unsigned int where = tdi_ide_reg(!TEST_EP_BLOCK, ide_regs[i]);

	ide_change(test, where, BIT(8));
	tdi_cfg_write(test, PF0, where, 4, 0);
}

/* Status and capability; of an enabled stream all but the enable bit */
static void ide_read_only(struct kunit *test, int unused)
{
	tdi_cfg_write(test, PF0, tdi_ide_reg(TEST_EP_BLOCK, PCI_IDE_SEL_STS), 4,
		      ~0);
	tdi_cfg_write(test, PF0, tdi_ide_reg(TEST_EP_BLOCK, PCI_IDE_SEL_CAP), 4,
		      ~0);
	tdi_cfg_write(test, PF0, tdi_ide_reg(TEST_EP_BLOCK, PCI_IDE_SEL_CTL), 4,
		      PCI_IDE_SEL_CTL_EN);
}

static void port_ide(struct kunit *test, unsigned int reg, u32 val)
{
	tdi_port_write(test, tdi_ide_reg(TEST_PORT_BLOCK, reg), 4, val);
}

static void port_associations(struct kunit *test, int unused)
{
	port_ide(test, PCI_IDE_SEL_RID_1, BIT(8));
	port_ide(test, PCI_IDE_SEL_ADDR_2(0), 1);
	port_ide(test, PCI_IDE_SEL_ADDR_2(0), 0);
}

static void port_end(struct kunit *test, int how)
{
	port_ide(test, how ? PCI_IDE_SEL_RID_2 : PCI_IDE_SEL_CTL, 0);
}

static struct sim_ide_port *end_of(struct kunit *test, int k)
{
	struct sim_device *d = to_dev(test);

	return k % 2 ? &d->ide : &d->port_ide;
}

static void key_stopped(struct kunit *test, int k)
{
	sim_ide_key_stop(end_of(test, k), TEST_STREAM, 0, k / 2 % 2, k / 4);
}

static void key_replaced(struct kunit *test, int k)
{
	u8 key[SIM_IDE_KEY_BYTES] = { 1 }, iv[SIM_IDE_IV_BYTES] = {};

	sim_ide_key_program(end_of(test, k), TEST_STREAM, 0, k / 2 % 2, k / 4,
			    key, iv);
}

static void keys_forgotten(struct kunit *test, int k)
{
	sim_ide_stream_forget(end_of(test, k), TEST_STREAM);
}

/* Of the set that is not in use */
static void key_of_other_set(struct kunit *test, int k)
{
	sim_ide_key_stop(end_of(test, k), TEST_STREAM, 1, k / 2 % 2, k / 4);
}

/* To and fro, and the old ones stopped when there are new ones */
static void keys_refreshed(struct kunit *test, int unused)
{
	for (int set = 1; set >= 0; set--) {
		tdi_key(test, set);
		for (int k = 0; k < 12; k++)
			sim_ide_key_stop(end_of(test, k), TEST_STREAM, !set,
					 k / 2 % 2, k / 4);
	}
}

/* SPDM */

static void session_ends(struct kunit *test, int other)
{
	struct tdi_test *t = to_tdi_test(test);

	guard(mutex)(&t->d->dsm->lock);
	sim_tdisp_session_end(t->d->dsm, other ? TEST_OTHER_SESSION :
						 t->session);
}

/* MSI-X, as if the last lock had been one with or without LOCK_MSIX */

static void msix_control(struct kunit *test, int fn, bool locked)
{
	struct sim_device *d = to_dev(test);

	scoped_guard(raw_spinlock_irqsave, &d->lock) {
		d->fn[fn].cfg[SIM_CAP_MSIX / 4] = PCI_CAP_ID_MSIX;
		d->fn[fn].tdi.msix = locked;
	}
	tdi_cfg_write(test, fn, SIM_CAP_MSIX + PCI_MSIX_FLAGS, 2,
		      PCI_MSIX_FLAGS_MASKALL);
}

static void msix_locked(struct kunit *test, int fn)
{
	msix_control(test, fn, true);
}

static void msix_of_host(struct kunit *test, int fn)
{
	msix_control(test, fn, false);
}

/* DMA, of a function that reaches no memory in either view */

static void dma_read(struct kunit *test, int fn, u32 tee)
{
	struct sim_device *d = to_dev(test);

	tdi_cfg_write(test, fn, DMA(SIM_DMA_CTRL), 4, tee);
	tdi_cfg_write(test, fn, DMA(SIM_DMA_LEN), 4, 1);
	tdi_cfg_write(test, fn, DMA(SIM_DMA_DOORBELL), 4, SIM_DMA_GO);
	flush_delayed_work(&d->fn[fn].dma.work);
}

static void dma_refused(struct kunit *test, int fn)
{
	dma_read(test, fn, 0);
	dma_read(test, fn, SIM_DMA_CTRL_TEE);
}

static void dma_poisoned(struct kunit *test, int fn)
{
	KUNIT_ASSERT_EQ(test, sim_fault_parse(to_dev(test), "dma-poisoned"), 0);
	dma_refused(test, fn);
	KUNIT_ASSERT_EQ(test, sim_fault_parse(to_dev(test), "none"), 0);
}

/* Of itself, such as by a downgrade of its firmware */
static void device_error(struct kunit *test, int fn)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	sim_function_tdi_error(&d->fn[fn], SIM_TDI_DEVICE);
}

/**
 * struct event - something that happens
 * @what: name
 * @happens: make it happen
 * @arg: what it is told: mostly a function
 * @last: it happens once for each from @arg on up to this one
 * @fns: functions that go to ERROR from CONFIG_LOCKED and RUN, if any
 * @why: reason
 * @run_only: from RUN only
 * @unlocked: functions that are in CONFIG_UNLOCKED then, whatever they were in
 */
struct event {
	const char *what;
	void (*happens)(struct kunit *test, int arg);
	int arg;
	int last;
	unsigned int fns;
	enum sim_tdi_cause why;
	bool run_only;
	unsigned int unlocked;
};

static const struct event events[] = {
	{ "D3hot", d3hot, PF0, VF2 },
	{ "D3hot and back", d3hot_and_back, PF0, VF2 },
	{ "power lost in PF0", d3hot_and_lost, PF0, PF0, FAMILY, SIM_TDI_POWER },
	{ "power lost", d3hot_and_lost, PF1, VF2, SELF, SIM_TDI_POWER },

	{ "link retrained", link_retrained },
	{ "link down", link_down, 0, 1, ALL_FNS, SIM_TDI_LINK },
	/* A conventional reset leaves nothing that there could be an ERROR of */
	{ "link down and up", link_down_and_up, 0, 1, ALL_FNS, SIM_TDI_LINK,
	  .unlocked = ALL_FNS },
	{ "pulled out", pulled_out, 0, 0, ALL_FNS, SIM_TDI_LINK },
	{ "same bus number", bus_number, 0, 0 },
	{ "other bus number", bus_number, 1, 1, ALL_FNS, SIM_TDI_RID },
	{ "VFs off", vfs_off, 0, 0, FAMILY, SIM_TDI_SRIOV },
	/* What comes back is not what went */
	{ "VFs off and on", vfs_off_and_on, 0, 0, FAMILY, SIM_TDI_SRIOV,
	  .unlocked = VFS },

	{ "bound block", ide_bound, 0, LAST_REG, ALL_FNS, SIM_TDI_IDE },
	{ "bound block, same content", ide_same, 0, LAST_REG },
	{ "other block", ide_other, 0, LAST_REG },
	{ "IDE, read only", ide_read_only },
	/* Of the root port a device only feels what spoils the keys */
	{ "root port", port_associations },
	{ "root port's end", port_end, 0, 1, ALL_FNS, SIM_TDI_STREAM },
	{ "key stopped", key_stopped, 0, 11, ALL_FNS, SIM_TDI_STREAM },
	{ "key replaced", key_replaced, 0, 11, ALL_FNS, SIM_TDI_STREAM },
	{ "keys forgotten", keys_forgotten, 0, 1, ALL_FNS, SIM_TDI_STREAM },
	{ "key of other set", key_of_other_set, 0, 11 },
	{ "keys refreshed", keys_refreshed },

	{ "session", session_ends, 0, 0, ALL_FNS, SIM_TDI_SESSION },
	{ "other session", session_ends, 1, 1 },

	{ "MSI-X locked", msix_locked, PF0, VF2, SELF, SIM_TDI_MSIX },
	{ "MSI-X of the host", msix_of_host, PF0, VF2 },

	{ "DMA refused", dma_refused, PF0, VF2 },
	{ "DMA poisoned", dma_poisoned, PF0, VF2, SELF, SIM_TDI_DMA,
	  .run_only = true },
	{ "device", device_error, PF0, VF2, SELF, SIM_TDI_DEVICE },
};

static void event_in_state(struct kunit *test, const struct event *e, int arg,
			   u8 state)
{
	bool hit = state == SIM_TDI_RUN ||
		   (state == SIM_TDI_LOCKED && !e->run_only);
	unsigned int fns = !hit ? 0 : e->fns == SELF ? BIT(arg) : e->fns;
	struct sim_device *d = to_dev(test);

	tdi_all_to_state(test, state);
	e->happens(test, arg);
	for (int fn = PF0; fn < NR_FNS; fn++) {
		u8 want = e->unlocked & BIT(fn) ? SIM_TDI_UNLOCKED :
			  fns & BIT(fn) ? SIM_TDI_ERROR : state;

		KUNIT_EXPECT_EQ_MSG(test, tdi_state(test, fn), want,
				    "%s %d in state %u: function %d", e->what,
				    arg, state, fn);
	}
	for (int i = 0; i < SIM_TDI_NR_CAUSES; i++)
		KUNIT_EXPECT_EQ_MSG(test, d->tdi_errors[i],
				    i == e->why ? hweight32(fns) : 0,
				    "%s %d in state %u: cause %s", e->what, arg,
				    state, sim_tdi_cause_name(i));
	tdi_start_over(test);
}

static void events_in_states(struct kunit *test)
{
	for (int i = 0; i < ARRAY_SIZE(events); i++) {
		const struct event *e = &events[i];
		int arg = e->arg;

		do {
			for (u8 state = SIM_TDI_UNLOCKED;
			     state <= SIM_TDI_ERROR; state++)
				event_in_state(test, e, arg, state);
		} while (++arg <= e->last);
	}
}

/* The event hits what the functions are, also if each is in another state */
static void events_in_mixed_states(struct kunit *test)
{
	static const u8 states[NR_FNS] = {
		[PF0] = SIM_TDI_LOCKED,
		[PF1] = SIM_TDI_UNLOCKED,
		[VF0] = SIM_TDI_RUN,
		[VF1] = SIM_TDI_ERROR,
		[VF2] = SIM_TDI_UNLOCKED,
	};
	struct sim_device *d = to_dev(test);

	for (int i = 0; i < ARRAY_SIZE(events); i++) {
		const struct event *e = &events[i];
		unsigned int hits = 0;

		if (e->fns & SELF || e->unlocked)
			continue;
		for (int fn = PF0; fn < NR_FNS; fn++)
			tdi_to_state(test, fn, states[fn]);
		memset(d->tdi_errors, 0, sizeof(d->tdi_errors));
		e->happens(test, e->arg);
		for (int fn = PF0; fn < NR_FNS; fn++) {
			bool hit = e->fns & BIT(fn) &&
				   (states[fn] == SIM_TDI_LOCKED ||
				    states[fn] == SIM_TDI_RUN);

			hits += hit;
			KUNIT_EXPECT_EQ_MSG(test, tdi_state(test, fn),
					    hit ? SIM_TDI_ERROR : states[fn],
					    "%s: function %d", e->what, fn);
		}
		KUNIT_EXPECT_EQ_MSG(test, d->tdi_errors[e->why], hits, "%s",
				    e->what);
		tdi_start_over(test);
	}
}

static struct kunit_case events_test_cases[] = {
	KUNIT_CASE_SLOW(events_in_states),
	KUNIT_CASE_SLOW(events_in_mixed_states),
	{}
};

static struct kunit_suite events_test_suite = {
	.name = "tsm-sim-events",
	.init = tdi_test_init_direct,
	.exit = tdi_test_exit,
	.test_cases = events_test_cases,
};

kunit_test_suite(events_test_suite);
