// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the simulated hardware: config space, routing, mailbox.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>

#include "test-hw.h"

#define TEST_PFS	2
#define TEST_VFS	3

#define DOE(reg)	(SIM_EXT_DOE + (reg))

static unsigned int nr_vfs(struct sim_device *d)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_sriov_nr_vfs(d);
}

int sim_test_init(struct kunit *test)
{
	struct sim_device *d = sim_device_create();

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->nr_functions = TEST_PFS;
	d->total_vfs = TEST_VFS;
	KUNIT_ASSERT_EQ(test, sim_device_build(d), 0);
	test->priv = d;
	return 0;
}

void sim_test_exit(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	if (!d)
		return;
	sim_device_dismantle(d);
	sim_device_destroy(d);
}

/* Config space */

static void cfg_identity(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	for (int i = 0; i < TEST_PFS; i++) {
		KUNIT_EXPECT_EQ(test, cfg_read(d, i, PCI_VENDOR_ID, 2), SIM_VENDOR_ID);
		KUNIT_EXPECT_EQ(test, cfg_read(d, i, PCI_DEVICE_ID, 2), SIM_DEVICE_ID);
		KUNIT_EXPECT_EQ(test, cfg_read(d, i, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_MFD);
	}
	KUNIT_EXPECT_EQ(test, cfg_read(d, TEST_PFS, PCI_VENDOR_ID, 4), U32_MAX);
	KUNIT_EXPECT_EQ(test, cfg_read(d, TEST_PFS, PCI_HEADER_TYPE, 1), 0);

	for (int i = 0; i < TEST_PFS + TEST_VFS; i++) {
		u32 devcap = cfg_read(d, i, SIM_CAP_EXP + PCI_EXP_DEVCAP, 4);

		KUNIT_EXPECT_TRUE(test, devcap & PCI_EXP_DEVCAP_FLR);
		KUNIT_EXPECT_TRUE(test, devcap & PCI_EXP_DEVCAP_TEE);
		KUNIT_EXPECT_EQ(test, cfg_read(d, i, PCI_CLASS_REVISION, 4),
				SIM_CLASS << 8 | SIM_REVISION);
		/* Only PF0 speaks for the device */
		KUNIT_EXPECT_EQ(test, cfg_read(d, i, SIM_EXT_DOE, 2),
				i ? 0 : PCI_EXT_CAP_ID_DOE);
		KUNIT_EXPECT_EQ(test, cfg_read(d, i, SIM_EXT_IDE, 2),
				i ? 0 : PCI_EXT_CAP_ID_IDE);
	}
}

static void cfg_ext_chain(struct kunit *test)
{
	static const u16 ids[] = {
		PCI_EXT_CAP_ID_DOE, PCI_EXT_CAP_ID_SRIOV,
		PCI_EXT_CAP_ID_DVSEC, PCI_EXT_CAP_ID_IDE,
	};
	struct sim_device *d = to_dev(test);
	u32 where = PCI_CFG_SPACE_SIZE;

	for (int i = 0; i < ARRAY_SIZE(ids); i++) {
		u32 header = rd(d, where);

		KUNIT_EXPECT_EQ(test, PCI_EXT_CAP_ID(header), ids[i]);
		where = PCI_EXT_CAP_NEXT(header);
	}
	KUNIT_EXPECT_EQ(test, where, 0);

	/* The others have a null capability in front of their only one */
	for (int i = 1; i < TEST_PFS + TEST_VFS; i++) {
		u32 header = cfg_read(d, i, PCI_CFG_SPACE_SIZE, 4);

		KUNIT_EXPECT_EQ(test, PCI_EXT_CAP_ID(header), 0);
		header = cfg_read(d, i, PCI_EXT_CAP_NEXT(header), 4);
		KUNIT_EXPECT_EQ(test, PCI_EXT_CAP_ID(header), PCI_EXT_CAP_ID_DVSEC);
		KUNIT_EXPECT_EQ(test, PCI_EXT_CAP_NEXT(header), 0);
	}
}

static void cfg_bar_sizing(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u32 type = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;

	wr(d, PCI_BASE_ADDRESS_0, U32_MAX);
	wr(d, PCI_BASE_ADDRESS_1, U32_MAX);
	wr(d, PCI_BASE_ADDRESS_2, U32_MAX);
	wr(d, PCI_BASE_ADDRESS_4, U32_MAX);
	wr(d, PCI_ROM_ADDRESS, U32_MAX);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_0), (u32)-SIM_BAR0_SIZE | type);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_1), U32_MAX);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_2), (u32)-SIM_BAR2_SIZE | type);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_4), 0);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_ROM_ADDRESS), 0);

	wr(d, SIM_EXT_SRIOV + PCI_SRIOV_BAR, U32_MAX);
	KUNIT_EXPECT_EQ(test, rd(d, SIM_EXT_SRIOV + PCI_SRIOV_BAR),
			(u32)-SIM_VF_BAR_SIZE | type);
	/* The BARs of a VF are in the capability of its PF */
	cfg_write(d, TEST_PFS, PCI_BASE_ADDRESS_0, 4, U32_MAX);
	KUNIT_EXPECT_EQ(test, cfg_read(d, TEST_PFS, PCI_BASE_ADDRESS_0, 4), 0);
}

static void cfg_write_masks(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u16 status = PCI_STATUS_CAP_LIST | PCI_STATUS_IMM_READY;

	/* One byte at a time changes that byte */
	cfg_write(d, 0, PCI_COMMAND, 1, 0xff);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, PCI_COMMAND, 2),
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY);
	cfg_write(d, 0, PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	cfg_write(d, 0, PCI_COMMAND, 1, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, PCI_COMMAND, 2),
			PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);

	/* A VF's memory is enabled in the capability of its PF */
	cfg_write(d, TEST_PFS, PCI_COMMAND, 2, 0xffff);
	KUNIT_EXPECT_EQ(test, cfg_read(d, TEST_PFS, PCI_COMMAND, 2), PCI_COMMAND_MASTER);

	/* Status: 1 clears, 0 and what is hardwired stay */
	d->fn[0].cfg[PCI_COMMAND / 4] |= PCI_STATUS_ERROR_BITS << 16;
	cfg_write(d, 0, PCI_STATUS, 2, PCI_STATUS_SIG_SYSTEM_ERROR | status);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, PCI_STATUS, 2),
			status | (PCI_STATUS_ERROR_BITS & ~PCI_STATUS_SIG_SYSTEM_ERROR));
	cfg_write(d, 0, PCI_STATUS, 2, 0xffff);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, PCI_STATUS, 2), status);

	/* Read only, and not there */
	wr(d, PCI_VENDOR_ID, 0);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, PCI_VENDOR_ID, 2), SIM_VENDOR_ID);
	for (int where = SIM_CAP_EXP + 0x3c; where < SIM_EXT_DOE; where += 4) {
		wr(d, where, U32_MAX);
		KUNIT_EXPECT_EQ(test, rd(d, where), 0);
	}
}

static void cfg_power_states(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	unsigned int where = SIM_CAP_PM + PCI_PM_CTRL;
	u16 base = PCI_PM_CTRL_NO_SOFT_RESET;

	cfg_write(d, 0, where, 2, 1);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, where, 2), base);
	cfg_write(d, 0, where, 2, 3);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, where, 2), base | 3);
	cfg_write(d, 0, where, 2, 2);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, where, 2), base | 3);

	/* D3hot keeps state */
	wr(d, PCI_BASE_ADDRESS_1, 7);
	cfg_write(d, 0, where, 2, 0);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, where, 2), base);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_1), 7);
}

static void cfg_sriov(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	unsigned int ctrl = SIM_EXT_SRIOV + PCI_SRIOV_CTRL;
	unsigned int num = SIM_EXT_SRIOV + PCI_SRIOV_NUM_VF;

	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, SIM_EXT_SRIOV + PCI_SRIOV_TOTAL_VF, 2), TEST_VFS);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, SIM_EXT_SRIOV + PCI_SRIOV_INITIAL_VF, 2), TEST_VFS);
	KUNIT_EXPECT_EQ(test, nr_vfs(d), 0);

	cfg_write(d, 0, num, 2, TEST_VFS + 1);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, num, 2), 0);
	cfg_write(d, 0, num, 2, 2);
	KUNIT_EXPECT_EQ(test, nr_vfs(d), 0);
	cfg_write(d, 0, ctrl, 2, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	KUNIT_EXPECT_EQ(test, nr_vfs(d), 2);
	cfg_write(d, 0, num, 2, TEST_VFS);
	KUNIT_EXPECT_EQ(test, nr_vfs(d), 2);

	cfg_write(d, TEST_PFS, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	cfg_write(d, 0, ctrl, 2, 0);
	KUNIT_EXPECT_EQ(test, nr_vfs(d), 0);
	cfg_write(d, 0, ctrl, 2, PCI_SRIOV_CTRL_VFE);
	KUNIT_EXPECT_EQ(test, cfg_read(d, TEST_PFS, PCI_COMMAND, 2), 0);
}

static void cfg_flr(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	unsigned int devctl = SIM_CAP_EXP + PCI_EXP_DEVCTL;
	u16 was = cfg_read(d, 0, devctl, 2);

	wr(d, PCI_BASE_ADDRESS_1, 7);
	cfg_write(d, 1, PCI_BASE_ADDRESS_1, 4, 8);
	cfg_write(d, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	cfg_write(d, 0, SIM_EXT_SRIOV + PCI_SRIOV_NUM_VF, 2, TEST_VFS);
	cfg_write(d, 0, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE);
	wr(d, DOE(PCI_DOE_WRITE), 1);
	wr(d, IDE_STREAM(1, PCI_IDE_SEL_CTL), PCI_IDE_SEL_CTL_DEFAULT);

	/* Of a VF: only that VF */
	cfg_write(d, TEST_PFS, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	cfg_write(d, TEST_PFS + 1, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	cfg_write(d, TEST_PFS, devctl, 2, PCI_EXP_DEVCTL_BCR_FLR);
	KUNIT_EXPECT_EQ(test, cfg_read(d, TEST_PFS, PCI_COMMAND, 2), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(d, TEST_PFS + 1, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_1), 7);

	/* Of PF0: its VFs, too, but not PF1, and not IDE */
	cfg_write(d, 0, devctl, 2, was | PCI_EXP_DEVCTL_BCR_FLR);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, devctl, 2), was);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_1), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 0, PCI_COMMAND, 2), 0);
	KUNIT_EXPECT_EQ(test, nr_vfs(d), 0);
	cfg_write(d, 0, SIM_EXT_SRIOV + PCI_SRIOV_NUM_VF, 2, TEST_VFS);
	cfg_write(d, 0, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE);
	KUNIT_EXPECT_EQ(test, cfg_read(d, TEST_PFS + 1, PCI_COMMAND, 2), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(d, 1, PCI_BASE_ADDRESS_1, 4), 8);
	KUNIT_EXPECT_EQ(test, rd(d, IDE_STREAM(1, PCI_IDE_SEL_CTL)), PCI_IDE_SEL_CTL_DEFAULT);
	/* The dword in the mailbox is gone: two make a header again */
	wr(d, DOE(PCI_DOE_WRITE), PCI_VENDOR_ID_PCI_SIG);
	wr(d, DOE(PCI_DOE_WRITE), 3);
	wr(d, DOE(PCI_DOE_WRITE), 0);
	wr(d, DOE(PCI_DOE_CTRL), PCI_DOE_CTRL_GO);
	KUNIT_EXPECT_EQ(test, rd(d, DOE(PCI_DOE_STATUS)), PCI_DOE_STATUS_DATA_OBJECT_READY);
}

/* Routing */

static struct sim_function *route(struct sim_device *d, unsigned int bus,
				  unsigned int devfn)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_route_function(d, bus, devfn);
}

static struct sim_device *behind(struct sim_platform *p, unsigned int bus)
{
	guard(rcu)();
	return sim_route_bus(p, bus);
}

/* As many virtual functions as there can be: they do not fit on one bus */
static void route_many(struct kunit *test)
{
	struct sim_device *d = sim_device_create();
	unsigned int bus = 7;
	int rc;

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->nr_functions = TEST_PFS;
	d->total_vfs = SIM_MAX_VFS;
	rc = sim_device_build(d);
	if (rc) {
		sim_device_destroy(d);
		KUNIT_FAIL_AND_ABORT(test, "device is not built: %d", rc);
	}

	port_write(d, PCI_SECONDARY_BUS, 2, (bus + 1) << 8 | bus);
	KUNIT_EXPECT_NULL(test, route(d, bus, SIM_MAX_FUNCTIONS));
	cfg_write(d, 0, SIM_EXT_SRIOV + PCI_SRIOV_NUM_VF, 2, SIM_MAX_VFS);
	cfg_write(d, 0, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE);
	KUNIT_EXPECT_EQ(test, nr_vfs(d), SIM_MAX_VFS);

	for (int rid = 0; rid < 2 * 256; rid++) {
		struct sim_function *f = NULL;

		if (rid < TEST_PFS)
			f = &d->fn[rid];
		else if (rid >= SIM_MAX_FUNCTIONS &&
			 rid < SIM_MAX_FUNCTIONS + SIM_MAX_VFS)
			f = &d->fn[TEST_PFS + rid - SIM_MAX_FUNCTIONS];
		KUNIT_EXPECT_PTR_EQ(test, route(d, bus + rid / 256, rid % 256), f);
	}

	sim_device_dismantle(d);
	sim_device_destroy(d);
}

/* Which root port a bus is behind; one without bus numbers has none */
static void route_bus(struct kunit *test)
{
	struct sim_platform *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct sim_device *d = to_dev(test);

	KUNIT_ASSERT_NOT_NULL(test, p);
	rcu_assign_pointer(p->device[SIM_MAX_DEVICES - 1], d);

	KUNIT_EXPECT_NULL(test, behind(p, 0));
	KUNIT_EXPECT_NULL(test, behind(p, 1));
	port_write(d, PCI_SECONDARY_BUS, 2, 8 << 8 | 7);
	KUNIT_EXPECT_NULL(test, behind(p, 0));
	KUNIT_EXPECT_NULL(test, behind(p, 6));
	KUNIT_EXPECT_PTR_EQ(test, behind(p, 7), d);
	KUNIT_EXPECT_PTR_EQ(test, behind(p, 8), d);
	KUNIT_EXPECT_NULL(test, behind(p, 9));
	KUNIT_EXPECT_EQ(test, sim_device_rid(d), PCI_DEVID(7, 0));
}

/* Mailbox */

static void doe_send(struct sim_device *d, u8 type, const u32 *dw, int n)
{
	wr(d, DOE(PCI_DOE_WRITE), type << 16 | PCI_VENDOR_ID_PCI_SIG);
	wr(d, DOE(PCI_DOE_WRITE), n + 2);
	for (int i = 0; i < n; i++)
		wr(d, DOE(PCI_DOE_WRITE), dw[i]);
	wr(d, DOE(PCI_DOE_CTRL), PCI_DOE_CTRL_GO);
}

static u32 doe_pop(struct sim_device *d)
{
	u32 val = rd(d, DOE(PCI_DOE_READ));

	wr(d, DOE(PCI_DOE_READ), 0);
	return val;
}

static u32 doe_status(struct sim_device *d)
{
	return rd(d, DOE(PCI_DOE_STATUS));
}

static void doe_abort(struct sim_device *d)
{
	wr(d, DOE(PCI_DOE_CTRL), PCI_DOE_CTRL_ABORT);
}

static void doe_discovery(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	static const u32 expect[] = { 0x01000001, 0x02010001, 0x00020001, 0x00ffffff };

	for (u32 i = 0; i < ARRAY_SIZE(expect); i++) {
		doe_send(d, 0, &i, 1);
		KUNIT_ASSERT_EQ(test, doe_status(d), PCI_DOE_STATUS_DATA_OBJECT_READY);
		KUNIT_EXPECT_EQ(test, doe_pop(d), PCI_VENDOR_ID_PCI_SIG);
		KUNIT_EXPECT_EQ(test, doe_pop(d), 3);
		KUNIT_EXPECT_EQ(test, doe_pop(d), expect[i]);
		KUNIT_EXPECT_EQ(test, doe_status(d), 0);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&d->messages), 0);
}

/* Its discovery ends after CMA-SPDM, and no secured message is taken */
static void doe_plain_only(struct kunit *test)
{
	static const u32 expect[] = { 0x01000001, 0x00010001, 0x00ffffff };
	struct sim_device *d = to_dev(test);
	u32 zero = 0;

	d->secured_doe = false;
	for (u32 i = 0; i < ARRAY_SIZE(expect); i++) {
		doe_send(d, SIM_DOE_TYPE_DISCOVERY, &i, 1);
		KUNIT_ASSERT_EQ(test, doe_status(d), PCI_DOE_STATUS_DATA_OBJECT_READY);
		KUNIT_EXPECT_EQ(test, doe_pop(d), PCI_VENDOR_ID_PCI_SIG);
		KUNIT_EXPECT_EQ(test, doe_pop(d), 3);
		KUNIT_EXPECT_EQ(test, doe_pop(d), expect[i]);
	}
	doe_send(d, SIM_DOE_TYPE_SECURED, &zero, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);
	KUNIT_EXPECT_EQ(test, atomic_read(&d->messages), 0);
}

static void doe_errors(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u32 zero[2] = {};

	/* GO without an object, of the wrong length, of unknown type or vendor */
	wr(d, DOE(PCI_DOE_CTRL), PCI_DOE_CTRL_GO);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);

	wr(d, DOE(PCI_DOE_WRITE), PCI_VENDOR_ID_PCI_SIG);
	doe_send(d, 0, zero, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);

	doe_send(d, 0, zero, 2);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);

	doe_send(d, 3, zero, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);

	wr(d, DOE(PCI_DOE_WRITE), SIM_VENDOR_ID);
	wr(d, DOE(PCI_DOE_WRITE), 2);
	wr(d, DOE(PCI_DOE_CTRL), PCI_DOE_CTRL_GO);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);

	/* Taking from an empty mailbox; looking at it is no error */
	KUNIT_EXPECT_EQ(test, rd(d, DOE(PCI_DOE_READ)), 0);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);
	wr(d, DOE(PCI_DOE_READ), 0);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);

	/* An answer that was not taken is in the way of the next request */
	doe_send(d, 0, zero, 1);
	doe_send(d, 0, zero, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);

	/* Parts of a dword are no data */
	cfg_write(d, 0, DOE(PCI_DOE_WRITE), 1, 1);
	cfg_write(d, 0, DOE(PCI_DOE_READ), 2, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);
	doe_send(d, 0, zero, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_DATA_OBJECT_READY);
}

static void doe_overrun(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	for (int i = 0; i < SIM_DOE_MAX_DW; i++)
		wr(d, DOE(PCI_DOE_WRITE), i);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);
	wr(d, DOE(PCI_DOE_WRITE), 0);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	wr(d, DOE(PCI_DOE_WRITE), 0);
	wr(d, DOE(PCI_DOE_CTRL), PCI_DOE_CTRL_GO);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);
}

/* A function that sleeps has a mailbox that does */
static void doe_asleep(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u32 index = 0;

	cfg_write(d, 0, SIM_CAP_PM + PCI_PM_CTRL, 2, 3);
	doe_send(d, 0, &index, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);
	cfg_write(d, 0, SIM_CAP_PM + PCI_PM_CTRL, 2, 0);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);

	/* An answer waits; the other function's power is its own */
	doe_send(d, 0, &index, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_DATA_OBJECT_READY);
	cfg_write(d, 0, SIM_CAP_PM + PCI_PM_CTRL, 2, 3);
	cfg_write(d, 1, SIM_CAP_PM + PCI_PM_CTRL, 2, 0);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);
	KUNIT_EXPECT_EQ(test, doe_pop(d), 0);
	cfg_write(d, 0, SIM_CAP_PM + PCI_PM_CTRL, 2, 0);
	KUNIT_EXPECT_EQ(test, doe_pop(d), PCI_VENDOR_ID_PCI_SIG);
}

/* SPDM GET_VERSION, which every device answers */
static const u32 test_get_version[] = { 0x00008410 };

static u32 doe_wait(struct sim_device *d, unsigned int ms)
{
	while (doe_status(d) == PCI_DOE_STATUS_BUSY && ms--)
		msleep(20);
	return doe_status(d);
}

static void doe_exchange(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	unsigned long start = jiffies;
	u32 len;

	d->latency_ms = 100;
	doe_send(d, SIM_DOE_TYPE_CMA, test_get_version, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_BUSY);
	KUNIT_EXPECT_EQ(test, atomic_read(&d->messages), 1);
	KUNIT_ASSERT_EQ(test, doe_wait(d, 250), PCI_DOE_STATUS_DATA_OBJECT_READY);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 100);

	KUNIT_EXPECT_EQ(test, doe_pop(d), SIM_DOE_TYPE_CMA << 16 | PCI_VENDOR_ID_PCI_SIG);
	len = doe_pop(d);
	KUNIT_ASSERT_GT(test, len, 2);
	while (len-- > 2) {
		KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_DATA_OBJECT_READY);
		doe_pop(d);
	}
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);
}

/* The answer to an aborted request must not show up in a later exchange */
static void doe_abort_busy(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u32 index = 0;

	d->latency_ms = 200;
	doe_send(d, SIM_DOE_TYPE_CMA, test_get_version, 1);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_BUSY);
	doe_abort(d);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);
	msleep(300);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);

	doe_send(d, SIM_DOE_TYPE_CMA, test_get_version, 1);
	wr(d, DOE(PCI_DOE_WRITE), 0);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_ERROR);
	doe_abort(d);
	doe_send(d, 0, &index, 1);
	msleep(300);
	KUNIT_EXPECT_EQ(test, doe_status(d), PCI_DOE_STATUS_DATA_OBJECT_READY);
	KUNIT_EXPECT_EQ(test, doe_pop(d), PCI_VENDOR_ID_PCI_SIG);
	KUNIT_EXPECT_EQ(test, doe_pop(d), 3);
	doe_pop(d);
	KUNIT_EXPECT_EQ(test, doe_status(d), 0);

	/* And back to work */
	d->latency_ms = 0;
	for (int i = 0; i < 20; i++) {
		doe_send(d, SIM_DOE_TYPE_CMA, test_get_version, 1);
		doe_abort(d);
	}
	doe_send(d, SIM_DOE_TYPE_CMA, test_get_version, 1);
	KUNIT_EXPECT_EQ(test, doe_wait(d, 250), PCI_DOE_STATUS_DATA_OBJECT_READY);
}

/* ABORT works in every state, also beside GO, and leaves an empty mailbox */
static void doe_abort_states(struct kunit *test)
{
	static const u32 status[] = {
		[SIM_DOE_COLLECT] = 0,
		[SIM_DOE_BUSY] = PCI_DOE_STATUS_BUSY,
		[SIM_DOE_READY] = PCI_DOE_STATUS_DATA_OBJECT_READY,
		[SIM_DOE_ERROR] = PCI_DOE_STATUS_ERROR,
	};
	struct sim_device *d = to_dev(test);
	u32 index = 0;

	d->latency_ms = 200;
	for (int i = 0; i < 2 * ARRAY_SIZE(status); i++) {
		enum sim_doe_state state = i / 2;
		u32 go = i % 2 ? PCI_DOE_CTRL_GO : 0;

		switch (state) {
		case SIM_DOE_COLLECT:
			wr(d, DOE(PCI_DOE_WRITE), PCI_VENDOR_ID_PCI_SIG);
			break;
		case SIM_DOE_BUSY:
			doe_send(d, SIM_DOE_TYPE_CMA, test_get_version, 1);
			break;
		case SIM_DOE_READY:
			doe_send(d, 0, &index, 1);
			break;
		case SIM_DOE_ERROR:
			wr(d, DOE(PCI_DOE_READ), 0);
			break;
		}
		KUNIT_EXPECT_EQ(test, doe_status(d), status[state]);
		wr(d, DOE(PCI_DOE_CTRL), PCI_DOE_CTRL_ABORT | go);
		KUNIT_EXPECT_EQ_MSG(test, doe_status(d), 0, "state %d", state);
		KUNIT_EXPECT_EQ(test, rd(d, DOE(PCI_DOE_READ)), 0);

		/* Nothing of it is in the next object */
		doe_send(d, 0, &index, 1);
		KUNIT_ASSERT_EQ_MSG(test, doe_status(d),
				    PCI_DOE_STATUS_DATA_OBJECT_READY,
				    "state %d", state);
		KUNIT_EXPECT_EQ(test, doe_pop(d), PCI_VENDOR_ID_PCI_SIG);
		KUNIT_EXPECT_EQ(test, doe_pop(d), 3);
		doe_pop(d);
		KUNIT_EXPECT_EQ(test, doe_status(d), 0);
	}
}

static struct kunit_case sim_test_cases[] = {
	KUNIT_CASE(cfg_identity),
	KUNIT_CASE(cfg_ext_chain),
	KUNIT_CASE(cfg_bar_sizing),
	KUNIT_CASE(cfg_write_masks),
	KUNIT_CASE(cfg_power_states),
	KUNIT_CASE(cfg_sriov),
	KUNIT_CASE(cfg_flr),
	KUNIT_CASE(route_many),
	KUNIT_CASE(route_bus),
	KUNIT_CASE(doe_discovery),
	KUNIT_CASE(doe_plain_only),
	KUNIT_CASE(doe_errors),
	KUNIT_CASE(doe_overrun),
	KUNIT_CASE(doe_asleep),
	KUNIT_CASE(doe_exchange),
	KUNIT_CASE(doe_abort_busy),
	KUNIT_CASE(doe_abort_states),
	{}
};

static struct kunit_suite sim_test_suite = {
	.name = "tsm-sim",
	.init = sim_test_init,
	.exit = sim_test_exit,
	.test_cases = sim_test_cases,
};

kunit_test_suite(sim_test_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for the simulated TDISP devices");
MODULE_LICENSE("GPL");
