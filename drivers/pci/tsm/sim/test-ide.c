// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the simulated hardware: IDE, and the link that it protects.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>

#include "test-hw.h"

#define TEST_STREAM	5

static bool secure(struct sim_device *d, struct sim_ide_port *port)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_ide_port_secure(port);
}

/* IDE */

static void ide_port_ctl(struct sim_device *d, u32 ctl)
{
	port_write(d, IDE_STREAM(7, PCI_IDE_SEL_CTL), 4, ctl);
}

static void ide_set_up(struct sim_device *d)
{
	u32 ctl = FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM);

	wr(d, IDE_STREAM(1, PCI_IDE_SEL_RID_2), PCI_IDE_SEL_RID_2_VALID);
	wr(d, IDE_STREAM(1, PCI_IDE_SEL_CTL), ctl);
	port_write(d, IDE_STREAM(7, PCI_IDE_SEL_RID_2), 4, PCI_IDE_SEL_RID_2_VALID);
	ide_port_ctl(d, ctl);
}

/* A key for each sub-stream and direction, the same at both ends */
static void ide_keys(struct kunit *test, int set)
{
	struct sim_device *d = to_dev(test);
	u8 key[SIM_IDE_KEY_BYTES], iv[SIM_IDE_IV_BYTES] = { 0, 0, 0, 0, 1 };

	for (int dir = 0; dir < 2; dir++) {
		for (int sub = 0; sub < 3; sub++) {
			memset(key, set << 4 | dir << 2 | sub, sizeof(key));
			KUNIT_EXPECT_EQ(test, sim_ide_key_program(&d->ide, TEST_STREAM, set,
								  dir, sub, key, iv), 0);
			KUNIT_EXPECT_EQ(test, sim_ide_key_program(&d->port_ide, TEST_STREAM,
								  set, !dir, sub, key, iv), 0);
		}
	}
}

static void ide_go(struct kunit *test, int set)
{
	struct sim_device *d = to_dev(test);

	for (int dir = 0; dir < 2; dir++) {
		for (int sub = 0; sub < 3; sub++) {
			KUNIT_EXPECT_EQ(test, sim_ide_key_go(&d->ide, TEST_STREAM, set, dir, sub),
					0);
			KUNIT_EXPECT_EQ(test, sim_ide_key_go(&d->port_ide, TEST_STREAM, set, dir,
							     sub), 0);
		}
	}
}

static void ide_enable(struct sim_device *d)
{
	u32 ctl = FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM) | PCI_IDE_SEL_CTL_EN;

	wr(d, IDE_STREAM(1, PCI_IDE_SEL_CTL), ctl);
	ide_port_ctl(d, ctl);
}

static u32 ide_ep_state(struct sim_device *d)
{
	return FIELD_GET(PCI_IDE_SEL_STS_STATE, rd(d, IDE_STREAM(1, PCI_IDE_SEL_STS)));
}

static u32 ide_port_state(struct sim_device *d)
{
	return FIELD_GET(PCI_IDE_SEL_STS_STATE,
			 port_read(d, IDE_STREAM(7, PCI_IDE_SEL_STS), 4));
}

static void expect_secure(struct kunit *test, bool expected)
{
	u32 state = expected ? PCI_IDE_SEL_STS_STATE_SECURE : PCI_IDE_SEL_STS_STATE_INSECURE;
	struct sim_device *d = to_dev(test);

	KUNIT_EXPECT_EQ(test, ide_ep_state(d), state);
	KUNIT_EXPECT_EQ(test, ide_port_state(d), state);
	KUNIT_EXPECT_EQ(test, secure(d, &d->ide), expected);
	KUNIT_EXPECT_EQ(test, secure(d, &d->port_ide), expected);
}

static void ide_registers(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u32 ctl = IDE_STREAM(0, PCI_IDE_SEL_CTL), cap;
	u32 regs[SIM_IDE_REGS_DW(SIM_IDE_EP_STREAMS) + 1];

	cap = rd(d, SIM_EXT_IDE + PCI_IDE_CAP);
	KUNIT_EXPECT_EQ(test, FIELD_GET(PCI_IDE_CAP_SEL_NUM, cap) + 1, SIM_IDE_EP_STREAMS);
	KUNIT_EXPECT_FALSE(test, cap & PCI_IDE_CAP_LINK);
	cap = port_read(d, SIM_EXT_IDE + PCI_IDE_CAP, 4);
	KUNIT_EXPECT_EQ(test, FIELD_GET(PCI_IDE_CAP_SEL_NUM, cap) + 1, SIM_IDE_PORT_STREAMS);

	/* A disabled stream takes every bit, an enabled one only its end */
	wr(d, ctl, FIELD_PREP(PCI_IDE_SEL_CTL_ID, 255));
	KUNIT_EXPECT_EQ(test, rd(d, ctl), FIELD_PREP(PCI_IDE_SEL_CTL_ID, 255));
	wr(d, ctl, PCI_IDE_SEL_CTL_EN | PCI_IDE_SEL_CTL_DEFAULT);
	wr(d, ctl, PCI_IDE_SEL_CTL_EN | FIELD_PREP(PCI_IDE_SEL_CTL_ID, 3));
	KUNIT_EXPECT_EQ(test, rd(d, ctl), PCI_IDE_SEL_CTL_EN | PCI_IDE_SEL_CTL_DEFAULT);
	wr(d, ctl, 0);
	KUNIT_EXPECT_EQ(test, rd(d, ctl), 0);

	wr(d, IDE_STREAM(1, PCI_IDE_SEL_RID_1), U32_MAX);
	KUNIT_EXPECT_EQ(test, rd(d, IDE_STREAM(1, PCI_IDE_SEL_RID_1)), PCI_IDE_SEL_RID_1_LIMIT);
	wr(d, IDE_STREAM(1, PCI_IDE_SEL_ADDR_1(1)), U32_MAX);
	KUNIT_EXPECT_EQ(test, rd(d, IDE_STREAM(1, PCI_IDE_SEL_ADDR_1(1))),
			PCI_IDE_SEL_ADDR_1_VALID | PCI_IDE_SEL_ADDR_1_BASE_LOW |
			PCI_IDE_SEL_ADDR_1_LIMIT_LOW);
	wr(d, IDE_STREAM(1, PCI_IDE_SEL_ADDR_3(1)), 0x12345678);
	KUNIT_EXPECT_EQ(test, rd(d, IDE_STREAM(1, PCI_IDE_SEL_ADDR_3(1))), 0x12345678);
	/* Behind the last block there is nothing */
	wr(d, IDE_STREAM(2, PCI_IDE_SEL_CTL), U32_MAX);
	KUNIT_EXPECT_EQ(test, rd(d, IDE_STREAM(2, PCI_IDE_SEL_CTL)), 0);

	KUNIT_EXPECT_EQ(test, sim_ide_read_regs(&d->ide, regs, ARRAY_SIZE(regs)),
			SIM_IDE_REGS_DW(SIM_IDE_EP_STREAMS));
	KUNIT_EXPECT_EQ(test, regs[0], rd(d, SIM_EXT_IDE + PCI_IDE_CAP));
	KUNIT_EXPECT_EQ(test, regs[SIM_IDE_REGS_DW(SIM_IDE_EP_STREAMS) - 1], 0x12345678);
	KUNIT_EXPECT_EQ(test, sim_ide_read_regs(&d->ide, regs, 1), 1);
}

static void ide_secure(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	ide_set_up(d);
	expect_secure(test, false);
	ide_keys(test, 0);
	ide_go(test, 0);
	expect_secure(test, false);

	/* An end is secure as it is enabled, whether or not the other is */
	wr(d, IDE_STREAM(1, PCI_IDE_SEL_CTL),
	   FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM) | PCI_IDE_SEL_CTL_EN);
	KUNIT_EXPECT_EQ(test, ide_ep_state(d), PCI_IDE_SEL_STS_STATE_SECURE);
	KUNIT_EXPECT_EQ(test, ide_port_state(d), PCI_IDE_SEL_STS_STATE_INSECURE);
	ide_enable(d);
	expect_secure(test, true);

	/* Refresh: the other key set takes over */
	ide_keys(test, 1);
	expect_secure(test, true);
	ide_go(test, 1);
	KUNIT_EXPECT_EQ(test, sim_ide_key_stop(&d->ide, TEST_STREAM, 0, 0, 0), 0);
	expect_secure(test, true);
	KUNIT_EXPECT_EQ(test, sim_ide_key_stop(&d->port_ide, TEST_STREAM, 1, 1, 2), 0);
	expect_secure(test, false);
}

static void ide_keys_must_agree(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	u8 key[SIM_IDE_KEY_BYTES] = { 0xff }, iv[SIM_IDE_IV_BYTES] = { 0, 0, 0, 0, 1 };

	ide_set_up(d);
	ide_enable(d);
	for (int dir = 0; dir < 2; dir++) {
		for (int sub = 0; sub < 3; sub++) {
			ide_keys(test, 0);
			ide_go(test, 0);
			expect_secure(test, true);

			/* Another key at one end */
			sim_ide_key_program(&d->ide, TEST_STREAM, 0, dir, sub, key, iv);
			sim_ide_key_go(&d->ide, TEST_STREAM, 0, dir, sub);
			expect_secure(test, false);
			/* The same key at the other, with another initial value */
			iv[4] = 2;
			sim_ide_key_program(&d->port_ide, TEST_STREAM, 0, !dir, sub, key, iv);
			sim_ide_key_go(&d->port_ide, TEST_STREAM, 0, !dir, sub);
			expect_secure(test, false);
			/* The same key and value, but not told to use it */
			iv[4] = 1;
			sim_ide_key_program(&d->port_ide, TEST_STREAM, 0, !dir, sub, key, iv);
			expect_secure(test, false);
			sim_ide_key_go(&d->port_ide, TEST_STREAM, 0, !dir, sub);
			expect_secure(test, true);
		}
	}
}

static void ide_keys_go(struct kunit *test)
{
	u32 ctl = FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM);
	u8 key[SIM_IDE_KEY_BYTES] = {}, iv[SIM_IDE_IV_BYTES] = {};
	struct sim_device *d = to_dev(test);

	/* No stream, no slot, no key */
	KUNIT_EXPECT_EQ(test, sim_ide_key_program(&d->ide, TEST_STREAM, 0, 0, 0, key, iv), -EINVAL);
	ide_set_up(d);
	KUNIT_EXPECT_EQ(test, sim_ide_key_program(&d->ide, TEST_STREAM, 2, 0, 0, key, iv), -EINVAL);
	KUNIT_EXPECT_EQ(test, sim_ide_key_program(&d->ide, TEST_STREAM, 0, 2, 0, key, iv), -EINVAL);
	KUNIT_EXPECT_EQ(test, sim_ide_key_program(&d->ide, TEST_STREAM, 0, 0, 3, key, iv), -EINVAL);
	KUNIT_EXPECT_EQ(test, sim_ide_key_go(&d->ide, TEST_STREAM, 0, 0, 0), -ENOKEY);
	KUNIT_EXPECT_EQ(test, sim_ide_key_go(&d->ide, TEST_STREAM + 1, 0, 0, 0), -EINVAL);

	/* Disabling an end forgets its keys; so does another id, no partner, */
	for (int i = 0; i < 4; i++) {
		ide_keys(test, 0);
		ide_go(test, 0);
		ide_enable(d);
		expect_secure(test, true);
		switch (i) {
		case 0:
			wr(d, IDE_STREAM(1, PCI_IDE_SEL_CTL), ctl);
			break;
		case 1:
			ide_port_ctl(d, 0);
			break;
		case 2:
			wr(d, IDE_STREAM(1, PCI_IDE_SEL_RID_2), 0);
			break;
		case 3:
			sim_ide_stream_forget(&d->port_ide, TEST_STREAM);
			break;
		}
		ide_set_up(d);
		ide_enable(d);
		expect_secure(test, false);
	}
}

/* Link */

static void link_reset(struct kunit *test)
{
	int lnksta = port_lnksta(to_dev(test));
	struct sim_device *d = to_dev(test);

	ide_set_up(d);
	ide_keys(test, 0);
	ide_go(test, 0);
	ide_enable(d);
	expect_secure(test, true);
	wr(d, PCI_BASE_ADDRESS_1, 7);
	KUNIT_EXPECT_TRUE(test, link_up(d));
	KUNIT_EXPECT_TRUE(test, port_read(d, lnksta, 2) & PCI_EXP_LNKSTA_DLLLA);

	port_write(d, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	KUNIT_EXPECT_FALSE(test, link_up(d));
	KUNIT_EXPECT_EQ(test, port_read(d, lnksta, 2), 0);
	port_write(d, PCI_BRIDGE_CONTROL, 2, 0);
	KUNIT_EXPECT_TRUE(test, link_up(d));
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_1), 0);
	KUNIT_EXPECT_EQ(test, rd(d, IDE_STREAM(1, PCI_IDE_SEL_CTL)), 0);
	expect_secure(test, false);
}

static void link_disable(struct kunit *test)
{
	struct sim_device *d = to_dev(test);
	int lnksta = port_lnksta(d), lnkctl = lnksta - 2;

	wr(d, PCI_BASE_ADDRESS_1, 7);
	port_write(d, lnkctl, 2, PCI_EXP_LNKCTL_RL);
	KUNIT_EXPECT_EQ(test, port_read(d, lnkctl, 2), 0);
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_1), 7);
	port_write(d, lnkctl, 2, PCI_EXP_LNKCTL_LD);
	KUNIT_EXPECT_FALSE(test, link_up(d));
	port_write(d, lnkctl, 2, 0);
	KUNIT_EXPECT_TRUE(test, link_up(d));
	KUNIT_EXPECT_EQ(test, rd(d, PCI_BASE_ADDRESS_1), 0);
}

static struct kunit_case ide_test_cases[] = {
	KUNIT_CASE(ide_registers),
	KUNIT_CASE(ide_secure),
	KUNIT_CASE(ide_keys_must_agree),
	KUNIT_CASE(ide_keys_go),
	KUNIT_CASE(link_reset),
	KUNIT_CASE(link_disable),
	{}
};

static struct kunit_suite ide_test_suite = {
	.name = "tsm-sim-ide",
	.init = sim_test_init,
	.exit = sim_test_exit,
	.test_cases = ide_test_cases,
};

kunit_test_suite(ide_test_suite);
