// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of MSI-X and of the memory behind BARs. A device on a platform
 * that has nothing but a window, with ordinary memory behind it.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "sim.h"

#define TEST_PFS	2
#define TEST_VFS	3
#define TEST_VF		TEST_PFS	/* index of the first one */
#define TEST_WINDOW	0x40000000
#define TEST_WAIT_MS	10000

/**
 * struct msix_test - what a test has
 * @d: device
 * @p: its platform
 */
struct msix_test {
	struct sim_device *d;
	struct sim_platform p;
};

static struct sim_function *test_fn(struct kunit *test, int i)
{
	struct msix_test *t = test->priv;

	return &t->d->fn[i];
}

static u32 cfg_read(struct sim_function *f, unsigned int where, int size)
{
	guard(raw_spinlock_irqsave)(&f->dev->lock);
	return sim_function_read(f, where, size);
}

static void cfg_write(struct sim_function *f, unsigned int where, int size,
		      u32 val)
{
	guard(raw_spinlock_irqsave)(&f->dev->lock);
	sim_function_write(f, where, size, val);
}

static void function_reset(struct sim_function *f)
{
	cfg_write(f, SIM_CAP_EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
}

static int msix_test_init(struct kunit *test)
{
	struct msix_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->p.domain = PCI_DOMAIN_NR_NOT_SET;
	xa_init_flags(&t->p.irqs, XA_FLAGS_ALLOC);
	t->p.window = DEFINE_RES_MEM(TEST_WINDOW, SZ_1M);
	t->p.mem = (void __iomem __force *)kunit_kzalloc(test, SZ_1M, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)t->p.mem);

	t->d = sim_device_create();
	KUNIT_ASSERT_NOT_NULL(test, t->d);
	t->d->platform = &t->p;
	t->d->nr_functions = TEST_PFS;
	t->d->total_vfs = TEST_VFS;
	KUNIT_ASSERT_EQ(test, sim_device_build(t->d), 0);
	return 0;
}

static void msix_test_exit(struct kunit *test)
{
	struct msix_test *t = test->priv;

	if (!t || !t->d)
		return;
	sim_device_dismantle(t->d);
	sim_device_destroy(t->d);
}

/* Give PF0 and VF 0 a BAR in the window, the VF's behind the PF's */
static void bars_set_up(struct kunit *test)
{
	struct sim_function *pf = test_fn(test, 0);

	cfg_write(pf, PCI_BASE_ADDRESS_0, 4, TEST_WINDOW);
	cfg_write(pf, SIM_EXT_SRIOV + PCI_SRIOV_BAR, 4,
		  TEST_WINDOW + 2 * SIM_BAR0_SIZE);
	cfg_write(pf, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	cfg_write(pf, SIM_EXT_SRIOV + PCI_SRIOV_NUM_VF, 2, TEST_VFS);
	cfg_write(pf, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2,
		  PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	cfg_write(test_fn(test, TEST_VF), PCI_COMMAND, 2, PCI_COMMAND_MASTER);
}

/* Offset in the window of a part of a BAR, or -1 */
static long bar_offset(struct sim_function *f, unsigned int bar,
		       unsigned int offset, unsigned int len)
{
	void __iomem *mem;

	guard(raw_spinlock_irqsave)(&f->dev->lock);
	mem = sim_bar_map(f, bar, offset, len);
	return mem ? mem - f->dev->platform->mem : -1;
}

static void bar_mapping(struct kunit *test)
{
	struct sim_function *pf = test_fn(test, 0), *vf = test_fn(test, TEST_VF);

	/* Not where the window is, then there, then not decoded */
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, 0, 4), -1);
	bars_set_up(test);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, 4, 4), 4);
	KUNIT_EXPECT_EQ(test, bar_offset(vf, 0, 4, 4), 2 * SIM_BAR0_SIZE + 4);
	KUNIT_EXPECT_EQ(test, bar_offset(vf + 1, 0, 0, 1), 3 * SIM_BAR0_SIZE);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 2, 0, 4), -1);
	KUNIT_EXPECT_EQ(test, bar_offset(vf, 2, 0, 4), -1);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, SIM_BAR0_SIZE - 4, 4), SIM_BAR0_SIZE - 4);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, SIM_BAR0_SIZE - 3, 4), -1);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, U32_MAX, 2), -1);
	cfg_write(pf, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, 0, 4), -1);
	KUNIT_EXPECT_EQ(test, bar_offset(vf, 0, 0, 4), 2 * SIM_BAR0_SIZE);
	cfg_write(pf, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE);
	KUNIT_EXPECT_EQ(test, bar_offset(vf, 0, 0, 4), -1);

	/* Half of it, or all of it outside */
	cfg_write(pf, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	cfg_write(pf, PCI_BASE_ADDRESS_0, 4, TEST_WINDOW - SIM_BAR0_SIZE);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, 0, 4), -1);
	cfg_write(pf, PCI_BASE_ADDRESS_0, 4, TEST_WINDOW + SZ_1M);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, 0, 4), -1);
	cfg_write(pf, PCI_BASE_ADDRESS_1, 4, 1);
	cfg_write(pf, PCI_BASE_ADDRESS_0, 4, TEST_WINDOW);
	KUNIT_EXPECT_EQ(test, bar_offset(pf, 0, 0, 4), -1);
}

static void expect_scrubbed(struct kunit *test, const u8 *bar)
{
	for (int at = 0; at < SIM_BAR0_SIZE; at += SZ_4K) {
		bool msix = at == SIM_MSIX_TABLE || at == SIM_MSIX_PBA;

		KUNIT_EXPECT_NULL(test, memchr_inv(bar + at, msix ? 0xaa : 0, SZ_4K));
	}
}

/* TEE memory is wiped, what MSI-X has is not TEE memory */
static void bar_scrubbed(struct kunit *test)
{
	struct sim_function *pf = test_fn(test, 0), *vf = test_fn(test, TEST_VF);
	struct msix_test *t = test->priv;
	u8 *mem = (void __force *)t->p.mem;

	bars_set_up(test);
	cfg_write(pf, PCI_BASE_ADDRESS_2, 4, TEST_WINDOW + SIM_BAR0_SIZE);
	for (int i = 0; i < SZ_1M; i += SZ_64K)
		memset(mem + i, 0xaa, SZ_64K);
	sim_function_scrub(vf);
	KUNIT_EXPECT_NULL(test, memchr_inv(mem, 0xaa, 2 * SIM_BAR0_SIZE));
	expect_scrubbed(test, mem + 2 * SIM_BAR0_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + 3 * SIM_BAR0_SIZE, 0xaa,
					   SZ_1M - 3 * SIM_BAR0_SIZE));
	sim_function_scrub(pf);
	expect_scrubbed(test, mem);
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + SIM_BAR0_SIZE, 0, SIM_BAR2_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + SIM_BAR0_SIZE + SIM_BAR2_SIZE, 0xaa,
					   SIM_BAR0_SIZE - SIM_BAR2_SIZE));
}

static int peer_copy(struct kunit *test, unsigned int offset, u8 *val,
		     bool to_bar)
{
	struct msix_test *t = test->priv;

	return sim_bar_peer_copy(&t->p, TEST_WINDOW + offset, val, 1, to_bar);
}

static void set_locked(struct sim_function *f, enum sim_tdi_state state,
		       bool msix)
{
	guard(raw_spinlock_irqsave)(&f->dev->lock);
	f->tdi.state = state;
	f->tdi.msix = msix;
}

/* What peers reach: a BAR while it is decoded, TEE memory of nothing locked */
static void bar_peers(struct kunit *test)
{
	static const enum sim_tdi_state locked[] = {
		SIM_TDI_LOCKED, SIM_TDI_RUN, SIM_TDI_ERROR,
	};
	const unsigned int bar = 2 * SIM_BAR0_SIZE;
	struct sim_function *pf = test_fn(test, 0), *vf = test_fn(test, TEST_VF);
	struct msix_test *t = test->priv;
	u8 *mem = (void __force *)t->p.mem;
	u8 val = 0x11;

	rcu_assign_pointer(t->p.device[0], t->d);
	KUNIT_EXPECT_EQ(test, peer_copy(test, bar, &val, true), -ENODEV);
	bars_set_up(test);
	KUNIT_EXPECT_EQ(test, peer_copy(test, bar + 5, &val, true), 0);
	KUNIT_EXPECT_EQ(test, mem[bar + 5], 0x11);
	mem[bar + 5] = 0x22;
	KUNIT_EXPECT_EQ(test, peer_copy(test, bar + 5, &val, false), 0);
	KUNIT_EXPECT_EQ(test, val, 0x22);
	/* in the window, but nobody's; and beyond it */
	KUNIT_EXPECT_EQ(test, peer_copy(test, SZ_1M - 1, &val, true), -ENODEV);
	KUNIT_EXPECT_EQ(test, peer_copy(test, SZ_1M, &val, true), -ENOENT);
	KUNIT_EXPECT_EQ(test, peer_copy(test, -1, &val, true), -ENOENT);

	for (int i = 0; i < ARRAY_SIZE(locked); i++) {
		set_locked(vf, locked[i], false);
		val = 0x33;
		KUNIT_EXPECT_EQ(test, peer_copy(test, bar + 5, &val, true), -EACCES);
		KUNIT_EXPECT_EQ(test, peer_copy(test, bar + 5, &val, false), -EACCES);
		KUNIT_EXPECT_EQ(test, val, 0x33);
		KUNIT_EXPECT_EQ(test, mem[bar + 5], 0x22);
		/* the host's pages, and their neighbours */
		KUNIT_EXPECT_EQ(test, peer_copy(test, bar + SIM_MSIX_TABLE - 1, &val,
						true), -EACCES);
		KUNIT_EXPECT_EQ(test, peer_copy(test, bar + SIM_MSIX_TABLE, &val,
						true), 0);
		KUNIT_EXPECT_EQ(test, peer_copy(test, bar + SIM_MSIX_PBA + SZ_4K - 1,
						&val, true), 0);
		KUNIT_EXPECT_EQ(test, peer_copy(test, bar + SIM_MSIX_PBA + SZ_4K,
						&val, true), -EACCES);
		/* unless they were locked as well */
		set_locked(vf, locked[i], true);
		KUNIT_EXPECT_EQ(test, peer_copy(test, bar + SIM_MSIX_TABLE, &val,
						true), -EACCES);
		/* of the other functions, nothing is */
		KUNIT_EXPECT_EQ(test, peer_copy(test, 0, &val, true), 0);
		KUNIT_EXPECT_EQ(test, peer_copy(test, bar + SIM_BAR0_SIZE, &val,
						true), 0);
	}

	set_locked(vf, SIM_TDI_UNLOCKED, false);
	cfg_write(pf, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE);
	KUNIT_EXPECT_EQ(test, peer_copy(test, bar, &val, true), -ENODEV);
	RCU_INIT_POINTER(t->p.device[0], NULL);
}

static void msix_capability(struct kunit *test)
{
	struct msix_test *t = test->priv;

	for (int i = 0; i < TEST_PFS + TEST_VFS; i++) {
		struct sim_function *f = &t->d->fn[i];

		KUNIT_EXPECT_EQ(test, cfg_read(f, SIM_CAP_EXP + 1, 1), SIM_CAP_MSIX);
		KUNIT_EXPECT_EQ(test, cfg_read(f, SIM_CAP_MSIX, 4), 7 << 16 | PCI_CAP_ID_MSIX);
		KUNIT_EXPECT_EQ(test, cfg_read(f, SIM_CAP_MSIX + PCI_MSIX_TABLE, 4), 0x10000);
		KUNIT_EXPECT_EQ(test, cfg_read(f, SIM_CAP_MSIX + PCI_MSIX_PBA, 4), 0x18000);
		cfg_write(f, SIM_CAP_MSIX, 4, U32_MAX);
		KUNIT_EXPECT_EQ(test, cfg_read(f, SIM_CAP_MSIX, 4),
				0xc007 << 16 | PCI_CAP_ID_MSIX);
	}
	/* Without memory behind the BARs there is no such capability */
	t->d->msix = false;
	function_reset(test_fn(test, 0));
	KUNIT_EXPECT_EQ(test, cfg_read(test_fn(test, 0), SIM_CAP_EXP + 1, 1), 0);
	cfg_write(test_fn(test, 0), SIM_CAP_MSIX, 4, U32_MAX);
	KUNIT_EXPECT_EQ(test, cfg_read(test_fn(test, 0), SIM_CAP_MSIX, 4), 0);
}

static void msix_control(struct sim_function *f, u16 control)
{
	cfg_write(f, SIM_CAP_MSIX + PCI_MSIX_FLAGS, 2, control);
}

static u32 pending_bits(struct sim_function *f)
{
	void __iomem *pba;

	guard(raw_spinlock_irqsave)(&f->dev->lock);
	pba = sim_bar_map(f, 0, SIM_MSIX_PBA, 8);
	return pba ? readl(pba) : U32_MAX;
}

static void wait_not_pending(struct sim_function *f)
{
	for (int ms = 0; ms < TEST_WAIT_MS && pending_bits(f); ms += 20)
		msleep(20);
}

/*
 * No interrupt was given to these functions: each message gets as far as the
 * root complex, and no farther. That is what counts it as refused here.
 */
static void msix_masks(struct kunit *test)
{
	struct sim_function *f = test_fn(test, TEST_VF);
	struct msix_test *t = test->priv;
	atomic_t *refused = &t->d->interrupts_refused;
	void __iomem *entry;

	bars_set_up(test);
	entry = t->p.mem + bar_offset(f, 0, SIM_MSIX_TABLE + 3 * PCI_MSIX_ENTRY_SIZE,
				      PCI_MSIX_ENTRY_SIZE);
	writel(SIM_IRQ_ADDRESS, entry + PCI_MSIX_ENTRY_LOWER_ADDR);
	writel(PCI_MSIX_ENTRY_CTRL_MASKBIT, entry + PCI_MSIX_ENTRY_VECTOR_CTRL);

	/* Off: nothing is pending either */
	sim_msix_raise(f, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(refused), 1);
	KUNIT_EXPECT_EQ(test, pending_bits(f), 0);

	/* Masked: pending until it is not */
	msix_control(f, PCI_MSIX_FLAGS_ENABLE);
	sim_msix_raise(f, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(refused), 1);
	KUNIT_EXPECT_EQ(test, pending_bits(f), BIT(3));
	msleep(5 * SIM_MSIX_POLL_MS);
	KUNIT_EXPECT_EQ(test, pending_bits(f), BIT(3));
	writel(0, entry + PCI_MSIX_ENTRY_VECTOR_CTRL);
	wait_not_pending(f);
	KUNIT_EXPECT_EQ(test, pending_bits(f), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(refused), 2);

	/* All of them masked */
	msix_control(f, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	sim_msix_raise(f, 3);
	KUNIT_EXPECT_EQ(test, pending_bits(f), BIT(3));
	msix_control(f, PCI_MSIX_FLAGS_ENABLE);
	wait_not_pending(f);
	KUNIT_EXPECT_EQ(test, pending_bits(f), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(refused), 3);

	/* A reset forgets what is pending */
	writel(PCI_MSIX_ENTRY_CTRL_MASKBIT, entry + PCI_MSIX_ENTRY_VECTOR_CTRL);
	sim_msix_raise(f, 3);
	function_reset(f);
	msleep(5 * SIM_MSIX_POLL_MS);
	KUNIT_EXPECT_EQ(test, atomic_read(refused), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->d->interrupts), 0);
	sim_msix_raise(f, SIM_MSIX_VECTORS);
	KUNIT_EXPECT_EQ(test, atomic_read(refused), 4);
}

static struct kunit_case msix_test_cases[] = {
	KUNIT_CASE(bar_mapping),
	KUNIT_CASE(bar_scrubbed),
	KUNIT_CASE(bar_peers),
	KUNIT_CASE(msix_capability),
	KUNIT_CASE(msix_masks),
	{}
};

static struct kunit_suite msix_test_suite = {
	.name = "tsm-sim-msix",
	.init = msix_test_init,
	.exit = msix_test_exit,
	.test_cases = msix_test_cases,
};

kunit_test_suite(msix_test_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for interrupts and BARs of the simulated TDISP devices");
MODULE_LICENSE("GPL");
