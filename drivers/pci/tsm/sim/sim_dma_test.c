// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the DMA engine: its registers, the two views of memory, the
 * rules of TDISP, and what stops it. A device without a bus; the IOMMU is the
 * real one, private memory comes from a fake provider.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "sim.h"

#define TEST_PFS	2
#define TEST_VFS	3
#define TEST_VF		TEST_PFS	/* index of the first one */

/* Where the pages are that most tests use, with a hole behind them */
#define TEST_IOVA	0x7fff0000
#define TEST_PAGES	4
#define TEST_READ_ONLY	0x60000000
#define TEST_MMIO	0x60100000
#define TEST_GPA	0x100000000ULL
#define TEST_WAIT_MS	10000

/**
 * struct test_tvm - a TVM with some private memory at TEST_GPA
 * @mem: the memory
 * @accesses: that reached it
 * @hold: the next one waits
 * @held: it does
 * @let_go: it may go on
 */
struct test_tvm {
	u8 *mem;
	atomic_t accesses;
	bool hold;
	struct completion held;
	struct completion let_go;
};

/**
 * struct dma_test - what a test has
 * @d: device
 * @domain: T=0 view of PF0 and of the first VF
 * @mem: TEST_PAGES pages at TEST_IOVA, the first one at TEST_READ_ONLY, too
 * @tvm: T=1 view of PF0, once it is attached
 */
struct dma_test {
	struct sim_device *d;
	struct iommu_domain *domain;
	u8 *mem;
	struct test_tvm tvm;
};

static struct sim_function *test_fn(struct kunit *test, int i)
{
	struct dma_test *t = test->priv;

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

static u32 rd(struct sim_function *f, unsigned int reg)
{
	return cfg_read(f, SIM_EXT_DMA + reg, 4);
}

static void wr(struct sim_function *f, unsigned int reg, u32 val)
{
	cfg_write(f, SIM_EXT_DMA + reg, 4, val);
}

static bool busy(struct sim_function *f)
{
	guard(raw_spinlock_irqsave)(&f->dev->lock);
	return sim_dma_busy(f);
}

static bool pending(struct sim_function *f)
{
	return cfg_read(f, SIM_CAP_EXP + PCI_EXP_DEVSTA, 2) &
	       PCI_EXP_DEVSTA_TRPND;
}

static void set_state(struct sim_function *f, enum sim_tdi_state state)
{
	guard(raw_spinlock_irqsave)(&f->dev->lock);
	f->tdi.state = state;
}

static void set_master(struct sim_function *f, bool master)
{
	cfg_write(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY |
		  (master ? PCI_COMMAND_MASTER : 0));
}

static unsigned int count(struct sim_device *d, enum sim_dma_result result)
{
	return atomic_read(&d->dma_results[result]);
}

static void dma_set_up(struct sim_function *f, u32 ctrl, u64 iova, u32 offset,
		       u32 len)
{
	wr(f, SIM_DMA_CTRL, ctrl);
	wr(f, SIM_DMA_IOVA_LO, lower_32_bits(iova));
	wr(f, SIM_DMA_IOVA_HI, upper_32_bits(iova));
	wr(f, SIM_DMA_OFFSET, offset);
	wr(f, SIM_DMA_LEN, len);
}

static void dma_go(struct sim_function *f, u32 ctrl, u64 iova, u32 offset,
		   u32 len)
{
	dma_set_up(f, ctrl, iova, offset, len);
	wr(f, SIM_DMA_DOORBELL, SIM_DMA_GO);
}

/* Wait for the end of a transfer and take it off the status: its result */
static int dma_wait(struct kunit *test, struct sim_function *f)
{
	u32 status;

	for (int ms = 0; ms < TEST_WAIT_MS && busy(f); ms += 20)
		msleep(20);
	status = rd(f, SIM_DMA_STATUS);
	KUNIT_EXPECT_FALSE(test, status & SIM_DMA_STATUS_BUSY);
	KUNIT_EXPECT_TRUE(test, status & SIM_DMA_STATUS_DONE);
	KUNIT_EXPECT_FALSE(test, pending(f));
	wr(f, SIM_DMA_STATUS, SIM_DMA_STATUS_DONE);
	KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_STATUS) & ~SIM_DMA_STATUS_OVERRUN, 0);
	return FIELD_GET(SIM_DMA_STATUS_RESULT, status);
}

static int dma(struct kunit *test, struct sim_function *f, u32 ctrl, u64 iova,
	       u32 offset, u32 len)
{
	dma_go(f, ctrl, iova, offset, len);
	return dma_wait(test, f);
}

#define OUT	SIM_DMA_CTRL_TO_MEMORY
#define IN	0
#define TEE	SIM_DMA_CTRL_TEE

/* A transfer that must end with @result, and be counted as such and no other */
static void expect_dma(struct kunit *test, struct sim_function *f, u32 ctrl,
		       u64 iova, u32 offset, u32 len, enum sim_dma_result result)
{
	unsigned int before[SIM_DMA_NR_RESULTS];

	for (int i = 0; i < SIM_DMA_NR_RESULTS; i++)
		before[i] = count(f->dev, i);
	KUNIT_EXPECT_EQ(test, dma(test, f, ctrl, iova, offset, len), result);
	for (int i = 0; i < SIM_DMA_NR_RESULTS; i++)
		KUNIT_EXPECT_EQ(test, count(f->dev, i), before[i] + (i == result));
}

static void fill(u8 *mem, size_t len, u8 seed)
{
	for (size_t i = 0; i < len; i++)
		mem[i] = seed + i + (i >> 8);
}

static bool all_zero(const u8 *mem, size_t len)
{
	return !memchr_inv(mem, 0, len);
}

/* --- private memory ------------------------------------------------------------- */

static int test_tvm_copy(void *tvm, struct sim_function *f, u64 gpa, void *buf,
			 size_t len, bool to_memory)
{
	struct test_tvm *t = tvm;

	if (gpa < TEST_GPA || gpa - TEST_GPA >= TEST_PAGES * SZ_4K)
		return -EFAULT;
	if (offset_in_page(gpa) + len > SZ_4K)
		return -EINVAL;
	if (t->hold) {
		t->hold = false;
		complete(&t->held);
		wait_for_completion(&t->let_go);
	}
	atomic_inc(&t->accesses);
	if (to_memory)
		memcpy(t->mem + (gpa - TEST_GPA), buf, len);
	else
		memcpy(buf, t->mem + (gpa - TEST_GPA), len);
	return 0;
}

static const struct sim_tvm_provider test_provider = {
	.copy = test_tvm_copy,
};

static void unregister_provider(void *unused)
{
	sim_tvm_provider_unregister(&test_provider);
}

static void test_tvm_setup(struct kunit *test)
{
	struct dma_test *t = test->priv;

	t->tvm.mem = kunit_kzalloc(test, TEST_PAGES * SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->tvm.mem);
	init_completion(&t->tvm.held);
	init_completion(&t->tvm.let_go);
	KUNIT_ASSERT_EQ(test, sim_tvm_provider_register(&test_provider), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unregister_provider,
							NULL), 0);
	sim_tvm_attach(test_fn(test, 0), &t->tvm);
}

/* --- set-up --------------------------------------------------------------------- */

static int test_map(struct dma_test *t)
{
	return iommu_map(t->domain, TEST_IOVA, virt_to_phys(t->mem),
			 TEST_PAGES * PAGE_SIZE, IOMMU_READ | IOMMU_WRITE, GFP_KERNEL) ?:
	       iommu_map(t->domain, TEST_READ_ONLY, virt_to_phys(t->mem),
			 PAGE_SIZE, IOMMU_READ, GFP_KERNEL) ?:
	       iommu_map(t->domain, TEST_MMIO, SIM_IRQ_ADDRESS, PAGE_SIZE,
			 IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO, GFP_KERNEL);
}

/* What was set up so far; also after a test that failed to set up */
static void dma_test_exit(struct kunit *test)
{
	struct dma_test *t = test->priv;

	if (!t || !t->d)
		return;
	if (t->d->fn) {
		sim_iommu_release(test_fn(test, 0));
		sim_iommu_release(test_fn(test, TEST_VF));
		sim_tvm_detach(test_fn(test, 0));
	}
	sim_device_dismantle(t->d);
	sim_device_destroy(t->d);
	if (!IS_ERR_OR_NULL(t->domain))
		iommu_domain_free(t->domain);
}

static int dma_test_init(struct kunit *test)
{
	struct dma_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->d = sim_device_create();
	KUNIT_ASSERT_NOT_NULL(test, t->d);
	t->d->nr_functions = TEST_PFS;
	t->d->total_vfs = TEST_VFS;
	KUNIT_ASSERT_EQ(test, sim_device_build(t->d), 0);

	t->mem = kunit_kzalloc(test, TEST_PAGES * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->mem);
	t->domain = sim_iommu_domain_alloc(NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->domain);
	KUNIT_ASSERT_EQ(test, test_map(t), 0);
	KUNIT_ASSERT_EQ(test, sim_iommu_probe(test_fn(test, 0), NULL), 0);
	KUNIT_ASSERT_EQ(test, sim_iommu_probe(test_fn(test, TEST_VF), NULL), 0);
	sim_iommu_attach(test_fn(test, 0), t->domain);
	sim_iommu_attach(test_fn(test, TEST_VF), t->domain);
	set_master(test_fn(test, 0), true);
	return 0;
}

static void enable_vfs(struct sim_function *pf, bool enable)
{
	cfg_write(pf, SIM_EXT_SRIOV + PCI_SRIOV_NUM_VF, 2, TEST_VFS);
	cfg_write(pf, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2,
		  enable ? PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE : 0);
}

/* --- registers ------------------------------------------------------------------ */

static void registers(struct kunit *test)
{
	struct dma_test *t = test->priv;

	enable_vfs(test_fn(test, 0), true);
	for (int i = 0; i < TEST_PFS + TEST_VFS; i++) {
		struct sim_function *f = &t->d->fn[i];

		KUNIT_EXPECT_EQ(test, rd(f, 0) & 0xfffff, 1 << 16 | PCI_EXT_CAP_ID_DVSEC);
		KUNIT_EXPECT_EQ(test, rd(f, PCI_DVSEC_HEADER1),
				SIM_DMA_CAP_SIZEOF << 20 | SIM_VENDOR_ID);
		KUNIT_EXPECT_EQ(test, rd(f, PCI_DVSEC_HEADER2), 16 << 16 | SIM_DVSEC_DMA);
		for (int reg = SIM_DMA_CTRL; reg < SIM_DMA_CAP_SIZEOF; reg += 4)
			KUNIT_EXPECT_EQ(test, rd(f, reg), 0);

		/* The doorbell aside, everything takes what it is to take */
		for (int reg = 0; reg < SIM_DMA_CAP_SIZEOF; reg += 4)
			if (reg != SIM_DMA_DOORBELL)
				wr(f, reg, U32_MAX);
		KUNIT_EXPECT_EQ(test, rd(f, 0) & 0xffff, PCI_EXT_CAP_ID_DVSEC);
		KUNIT_EXPECT_EQ(test, rd(f, PCI_DVSEC_HEADER2), 16 << 16 | SIM_DVSEC_DMA);
		KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_CTRL), 0xffff001f);
		for (int reg = SIM_DMA_LEN; reg <= SIM_DMA_IOVA_HI; reg += 4)
			KUNIT_EXPECT_EQ(test, rd(f, reg), U32_MAX);
		KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_STATUS), 0);
		KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_MOVED), 0);

		/* Part of a register */
		cfg_write(f, SIM_EXT_DMA + SIM_DMA_LEN + 1, 1, 0);
		KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_LEN), 0xffff00ff);
		/* Aborting nothing is nothing */
		wr(f, SIM_DMA_DOORBELL, SIM_DMA_ABORT);
		KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_STATUS), 0);

		cfg_write(f, SIM_CAP_EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
		KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_CTRL), 0);
		KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_LEN), 0);
		if (!i)
			enable_vfs(f, true);
	}
}

static void bad_parameters(struct kunit *test)
{
	struct sim_function *f = test_fn(test, 0);

	expect_dma(test, f, OUT, TEST_IOVA, 0, 0, SIM_DMA_INVALID);
	expect_dma(test, f, OUT, TEST_IOVA, 0, SIM_DMA_BUF_BYTES + 1, SIM_DMA_INVALID);
	expect_dma(test, f, OUT, TEST_IOVA, 1, SIM_DMA_BUF_BYTES, SIM_DMA_INVALID);
	expect_dma(test, f, OUT, TEST_IOVA, SIM_DMA_BUF_BYTES, 1, SIM_DMA_INVALID);
	expect_dma(test, f, OUT, TEST_IOVA, U32_MAX, 2, SIM_DMA_INVALID);
	expect_dma(test, f, OUT, TEST_IOVA, 2, U32_MAX, SIM_DMA_INVALID);
	expect_dma(test, f, OUT, U64_MAX, 0, 2, SIM_DMA_INVALID);
	/* The last byte that there is: nothing is mapped, but it is an address */
	expect_dma(test, f, OUT, U64_MAX, 0, 1, SIM_DMA_FAULT);
	expect_dma(test, f, OUT, TEST_IOVA, SIM_DMA_BUF_BYTES - 1, 1, SIM_DMA_OK);
	expect_dma(test, f, OUT, TEST_IOVA, 0, SIM_DMA_BUF_BYTES, SIM_DMA_OK);
	/* There is no memory behind its BAR */
	expect_dma(test, f, OUT | SIM_DMA_CTRL_BAR, TEST_IOVA, 0, 4, SIM_DMA_INVALID);
	expect_dma(test, f, IN | SIM_DMA_CTRL_BAR, TEST_IOVA, 0, 4, SIM_DMA_INVALID);
}

/* --- T=0 ------------------------------------------------------------------------ */

static void out_and_back(struct kunit *test)
{
	/* Whole, unaligned, across pages, single bytes at the edges */
	static const struct {
		u32 from, offset, len, to;
	} moves[] = {
		{ 0, 0, SZ_4K, 2 * SZ_4K },
		{ 5, 77, 100, SZ_4K + 3 },
		{ SZ_4K - 1, 0, 2, 2 * SZ_4K - 1 },
		{ 100, SZ_4K - 50, SZ_4K + 99, 2 * SZ_4K - 1 },
		{ 0, SIM_DMA_BUF_BYTES - 1, 1, TEST_PAGES * SZ_4K - 1 },
	};
	struct sim_function *f = test_fn(test, 0);
	struct dma_test *t = test->priv;
	u8 *copy = kunit_kzalloc(test, TEST_PAGES * SZ_4K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	for (int i = 0; i < ARRAY_SIZE(moves); i++) {
		fill(t->mem, TEST_PAGES * SZ_4K, i);
		memcpy(copy, t->mem, TEST_PAGES * SZ_4K);
		memcpy(copy + moves[i].to, t->mem + moves[i].from, moves[i].len);

		expect_dma(test, f, IN, TEST_IOVA + moves[i].from, moves[i].offset,
			   moves[i].len, SIM_DMA_OK);
		KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_MOVED), moves[i].len);
		expect_dma(test, f, OUT, TEST_IOVA + moves[i].to, moves[i].offset,
			   moves[i].len, SIM_DMA_OK);
		KUNIT_EXPECT_MEMEQ(test, t->mem, copy, TEST_PAGES * SZ_4K);
	}
}

/* Each function has a buffer of its own */
static void buffers(struct kunit *test)
{
	struct sim_function *pf = test_fn(test, 0), *vf = test_fn(test, TEST_VF);
	struct dma_test *t = test->priv;

	enable_vfs(pf, true);
	cfg_write(vf, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	fill(t->mem, SZ_4K, 1);
	expect_dma(test, pf, IN, TEST_IOVA, 0, SZ_4K, SIM_DMA_OK);
	expect_dma(test, vf, OUT, TEST_IOVA + SZ_4K, 0, SZ_4K, SIM_DMA_OK);
	KUNIT_EXPECT_TRUE(test, all_zero(t->mem + SZ_4K, SZ_4K));
	expect_dma(test, pf, OUT, TEST_IOVA + SZ_4K, 0, SZ_4K, SIM_DMA_OK);
	KUNIT_EXPECT_MEMEQ(test, t->mem, t->mem + SZ_4K, SZ_4K);
}

static void faults(struct kunit *test)
{
	const u64 end = TEST_IOVA + TEST_PAGES * PAGE_SIZE;
	struct sim_function *f = test_fn(test, 0);
	struct dma_test *t = test->priv;

	fill(t->mem, SZ_4K, 1);
	expect_dma(test, f, IN, TEST_IOVA - 1, 0, 1, SIM_DMA_FAULT);
	expect_dma(test, f, OUT, end, 0, 1, SIM_DMA_FAULT);
	KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_MOVED), 0);
	/* Beyond what the tables can say */
	expect_dma(test, f, OUT, BIT_ULL(48) + TEST_IOVA, 0, 1, SIM_DMA_FAULT);
	/* What comes before the fault was moved */
	expect_dma(test, f, OUT, end - 10, 0, 20, SIM_DMA_FAULT);
	KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_MOVED), 10);

	expect_dma(test, f, IN, TEST_READ_ONLY, 0, SZ_4K, SIM_DMA_OK);
	memset(t->mem, 0xaa, SZ_4K);
	expect_dma(test, f, OUT, TEST_READ_ONLY, 0, SZ_4K, SIM_DMA_FAULT);
	KUNIT_EXPECT_EQ(test, t->mem[0], 0xaa);
	expect_dma(test, f, IN, TEST_MMIO, 0, 4, SIM_DMA_FAULT);
	expect_dma(test, f, OUT, TEST_MMIO, 0, 4, SIM_DMA_FAULT);

	/* Unmapped, blocked, mapped again, not behind an IOMMU */
	KUNIT_EXPECT_EQ(test, iommu_unmap(t->domain, TEST_IOVA, TEST_PAGES * PAGE_SIZE),
			TEST_PAGES * PAGE_SIZE);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_FAULT);
	KUNIT_EXPECT_EQ(test, iommu_map(t->domain, TEST_IOVA, virt_to_phys(t->mem), PAGE_SIZE,
					IOMMU_WRITE, GFP_KERNEL), 0);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_OK);
	expect_dma(test, f, IN, TEST_IOVA, 0, 1, SIM_DMA_FAULT);
	sim_iommu_attach(f, NULL);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_FAULT);
	sim_iommu_attach(f, t->domain);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_OK);
	sim_iommu_release(f);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_FAULT);
}

/* Each size that the tables have, read at some place within it */
static void page_sizes(struct kunit *test)
{
	struct sim_function *f = test_fn(test, 0);
	struct dma_test *t = test->priv;
	phys_addr_t phys = virt_to_phys(t->mem) + 123;

	for (int shift = PAGE_SHIFT; shift < 40; shift++) {
		u64 size = BIT_ULL(shift), first = BIT_ULL(45) + size;
		u64 at = first + (phys & (size - 1));
		u8 byte = 0;

		if (!(t->domain->pgsize_bitmap & size) || first + size > ULONG_MAX)
			continue;
		KUNIT_ASSERT_EQ(test, iommu_map(t->domain, first, phys & ~(size - 1), size,
						IOMMU_READ, GFP_KERNEL), 0);
		t->mem[123] = shift;
		KUNIT_EXPECT_EQ(test, sim_iommu_copy(f, at, &byte, 1, false), 0);
		KUNIT_EXPECT_EQ(test, byte, shift);
		KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(t->domain, at), phys);
		KUNIT_EXPECT_EQ(test, sim_iommu_copy(f, first - 1, &byte, 1, false), -EFAULT);
		KUNIT_EXPECT_EQ(test, sim_iommu_copy(f, first + size, &byte, 1, false), -EFAULT);
		KUNIT_EXPECT_EQ(test, sim_iommu_copy(f, at, &byte, 1, true), -EACCES);
		KUNIT_EXPECT_EQ(test, iommu_unmap(t->domain, first, size), size);
		KUNIT_EXPECT_EQ(test, sim_iommu_copy(f, at, &byte, 1, false), -EFAULT);
	}
}

/* --- rules ---------------------------------------------------------------------- */

static void bus_master(struct kunit *test)
{
	struct sim_function *f = test_fn(test, 0);

	set_master(f, false);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_NO_MASTER);
	expect_dma(test, f, OUT | TEE, TEST_GPA, 0, 1, SIM_DMA_NO_MASTER);
	set_master(f, true);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_OK);
	cfg_write(f, SIM_CAP_PM + PCI_PM_CTRL, 2, 3);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_NO_MASTER);
	cfg_write(f, SIM_CAP_PM + PCI_PM_CTRL, 2, 0);
	expect_dma(test, f, OUT, TEST_IOVA, 0, 1, SIM_DMA_OK);
}

static void tdi_states(struct kunit *test)
{
	static const enum sim_dma_result expect[][2] = {
		[SIM_TDI_UNLOCKED] = { SIM_DMA_OK, SIM_DMA_T_BIT },
		[SIM_TDI_LOCKED] = { SIM_DMA_TDI_STATE, SIM_DMA_TDI_STATE },
		[SIM_TDI_RUN] = { SIM_DMA_T_BIT, SIM_DMA_OK },
		[SIM_TDI_ERROR] = { SIM_DMA_TDI_STATE, SIM_DMA_TDI_STATE },
	};
	struct sim_function *f = test_fn(test, 0);
	struct dma_test *t = test->priv;
	int private = 0;

	test_tvm_setup(test);
	for (int state = 0; state < ARRAY_SIZE(expect); state++) {
		set_state(f, state);
		for (int out = 0; out < 2; out++) {
			expect_dma(test, f, out ? OUT : IN, TEST_IOVA, 0, 1,
				   expect[state][0]);
			expect_dma(test, f, (out ? OUT : IN) | TEE, TEST_GPA, 0, 1,
				   expect[state][1]);
			private += expect[state][1] == SIM_DMA_OK;
		}
		/* What was refused did not get there */
		KUNIT_EXPECT_EQ(test, atomic_read(&t->tvm.accesses), private);
	}
	set_state(f, SIM_TDI_UNLOCKED);
}

/* --- T=1 ------------------------------------------------------------------------ */

static void private_view(struct kunit *test)
{
	const u64 end = TEST_GPA + TEST_PAGES * SZ_4K;
	struct sim_function *f = test_fn(test, 0);
	struct dma_test *t = test->priv;

	set_state(f, SIM_TDI_RUN);
	/* Nobody has private memory, this function has none */
	expect_dma(test, f, IN | TEE, TEST_GPA, 0, 1, SIM_DMA_PRIVATE_FAULT);
	test_tvm_setup(test);
	KUNIT_EXPECT_EQ(test, sim_tvm_provider_register(&test_provider), -EBUSY);
	sim_tvm_detach(f);
	expect_dma(test, f, IN | TEE, TEST_GPA, 0, 1, SIM_DMA_PRIVATE_FAULT);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->tvm.accesses), 0);
	sim_tvm_attach(f, &t->tvm);

	fill(t->tvm.mem, TEST_PAGES * SZ_4K, 9);
	expect_dma(test, f, IN | TEE, TEST_GPA + 10, 3, 2 * SZ_4K, SIM_DMA_OK);
	/* One for each page that is touched */
	KUNIT_EXPECT_EQ(test, atomic_read(&t->tvm.accesses), 3);
	memset(t->tvm.mem, 0, SZ_4K);
	expect_dma(test, f, OUT | TEE, TEST_GPA + 10, 3, SZ_4K - 10, SIM_DMA_OK);
	KUNIT_EXPECT_TRUE(test, all_zero(t->tvm.mem, 10));
	fill(t->mem, SZ_4K, 9);
	KUNIT_EXPECT_MEMEQ(test, t->tvm.mem + 10, t->mem + 10, SZ_4K - 10);

	expect_dma(test, f, OUT | TEE, TEST_GPA - 1, 0, 1, SIM_DMA_PRIVATE_FAULT);
	expect_dma(test, f, OUT | TEE, end - 1, 0, 2, SIM_DMA_PRIVATE_FAULT);
	KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_MOVED), 1);
	/* The two views have nothing in common */
	expect_dma(test, f, OUT | TEE, TEST_IOVA, 0, 1, SIM_DMA_PRIVATE_FAULT);
	set_state(f, SIM_TDI_UNLOCKED);
	expect_dma(test, f, OUT, TEST_GPA, 0, 1, SIM_DMA_FAULT);
}

/* A piece that is under way when its transfer ends */
static void in_flight(struct kunit *test)
{
	struct sim_function *f = test_fn(test, 0);
	struct dma_test *t = test->priv;
	struct test_tvm *tvm = &t->tvm;
	u32 status, result;

	test_tvm_setup(test);
	set_state(f, SIM_TDI_RUN);
	tvm->hold = true;
	dma_go(f, IN | TEE, TEST_GPA, 0, 2 * SZ_4K);
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&tvm->held, HZ * 10), 0);
	KUNIT_EXPECT_TRUE(test, busy(f));
	KUNIT_EXPECT_TRUE(test, pending(f));
	KUNIT_EXPECT_TRUE(test, rd(f, SIM_DMA_STATUS) & SIM_DMA_STATUS_BUSY);

	/* A second doorbell is lost, and tells so */
	wr(f, SIM_DMA_DOORBELL, SIM_DMA_GO);
	KUNIT_EXPECT_TRUE(test, rd(f, SIM_DMA_STATUS) & SIM_DMA_STATUS_OVERRUN);
	wr(f, SIM_DMA_STATUS, SIM_DMA_STATUS_OVERRUN);
	KUNIT_EXPECT_FALSE(test, rd(f, SIM_DMA_STATUS) & SIM_DMA_STATUS_OVERRUN);

	/* Aborted it is over for the user, but not quiet */
	wr(f, SIM_DMA_DOORBELL, SIM_DMA_ABORT);
	status = rd(f, SIM_DMA_STATUS);
	KUNIT_EXPECT_TRUE(test, status & SIM_DMA_STATUS_DONE);
	KUNIT_EXPECT_FALSE(test, status & SIM_DMA_STATUS_BUSY);
	result = FIELD_GET(SIM_DMA_STATUS_RESULT, status);
	KUNIT_EXPECT_EQ(test, result, SIM_DMA_ABORTED);
	KUNIT_EXPECT_TRUE(test, busy(f));
	KUNIT_EXPECT_TRUE(test, pending(f));

	/* The next transfer does not take what the old piece moved for its own */
	dma_set_up(f, OUT | TEE, TEST_GPA + SZ_4K, SZ_4K, 10);
	wr(f, SIM_DMA_DOORBELL, SIM_DMA_GO);
	KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_MOVED), 0);
	complete(&tvm->let_go);
	KUNIT_EXPECT_EQ(test, dma_wait(test, f), SIM_DMA_OK);
	KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_MOVED), 10);
	KUNIT_EXPECT_EQ(test, atomic_read(&tvm->accesses), 2);
	KUNIT_EXPECT_EQ(test, count(t->d, SIM_DMA_ABORTED), 1);

	/* The state changes: no piece follows */
	tvm->hold = true;
	dma_go(f, IN | TEE, TEST_GPA, 0, 2 * SZ_4K);
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&tvm->held, HZ * 10), 0);
	set_state(f, SIM_TDI_ERROR);
	complete(&tvm->let_go);
	KUNIT_EXPECT_EQ(test, dma_wait(test, f), SIM_DMA_TDI_STATE);
	KUNIT_EXPECT_EQ(test, rd(f, SIM_DMA_MOVED), SZ_4K);
	KUNIT_EXPECT_EQ(test, atomic_read(&tvm->accesses), 3);
	set_state(f, SIM_TDI_UNLOCKED);
}

/* --- what stops DMA ------------------------------------------------------------- */

static void stop_by_doorbell(struct sim_function *f)
{
	wr(f, SIM_DMA_DOORBELL, SIM_DMA_ABORT);
}

static void stop_by_master(struct sim_function *f)
{
	set_master(f, false);
}

static void stop_by_flr(struct sim_function *f)
{
	cfg_write(f, SIM_CAP_EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
}

static void stop_by_pf_flr(struct sim_function *f)
{
	stop_by_flr(&f->dev->fn[0]);
}

static void stop_by_sriov(struct sim_function *f)
{
	enable_vfs(&f->dev->fn[0], false);
}

static void stop_by_power(struct sim_function *f)
{
	cfg_write(f, SIM_CAP_PM + PCI_PM_CTRL, 2, 3);
}

static void stop_by_lock(struct sim_function *f)
{
	set_state(f, SIM_TDI_LOCKED);
}

static void stop_by_error(struct sim_function *f)
{
	set_state(f, SIM_TDI_ERROR);
}

static void port_control(struct sim_function *f, u16 control)
{
	guard(raw_spinlock_irqsave)(&f->dev->lock);
	pci_bridge_emul_conf_write(&f->dev->port, PCI_BRIDGE_CONTROL, 2, control);
}

static void stop_by_bus_reset(struct sim_function *f)
{
	port_control(f, PCI_BRIDGE_CTL_BUS_RESET);
}

static void stop_by_drain(struct sim_function *f)
{
	sim_dma_drain(f);
}

struct stop_case {
	const char *name;
	void (*stop)(struct sim_function *f);
	bool vf;
};

static const struct stop_case stop_cases[] = {
	{ "doorbell", stop_by_doorbell },
	{ "bus master", stop_by_master },
	{ "FLR", stop_by_flr },
	{ "power state", stop_by_power },
	{ "lock", stop_by_lock },
	{ "error", stop_by_error },
	{ "bus reset", stop_by_bus_reset },
	{ "drain", stop_by_drain },
	{ "FLR of a VF", stop_by_flr, true },
	{ "FLR of its PF", stop_by_pf_flr, true },
	{ "SR-IOV", stop_by_sriov, true },
	{ "VF and bus reset", stop_by_bus_reset, true },
};

KUNIT_ARRAY_PARAM_DESC(stop, stop_cases, name);

/* A function that goes on and on until something stops it */
static void stops(struct kunit *test)
{
	const struct stop_case *c = test->param_value;
	struct sim_function *f = test_fn(test, c->vf ? TEST_VF : 0);
	struct dma_test *t = test->priv;
	unsigned int done, ended = 0;

	if (c->vf) {
		enable_vfs(test_fn(test, 0), true);
		cfg_write(f, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	}
	dma_go(f, OUT | SIM_DMA_CTRL_REPEAT, TEST_IOVA, 0, 2 * SZ_4K);
	for (int ms = 0; ms < TEST_WAIT_MS && count(t->d, SIM_DMA_OK) < 3; ms += 20)
		msleep(20);
	KUNIT_ASSERT_GE(test, count(t->d, SIM_DMA_OK), 3);
	KUNIT_EXPECT_TRUE(test, busy(f));

	c->stop(f);
	for (int ms = 0; ms < TEST_WAIT_MS && busy(f); ms += 20)
		msleep(20);
	KUNIT_EXPECT_FALSE(test, busy(f));
	done = count(t->d, SIM_DMA_OK);
	memset(t->mem, 0xaa, TEST_PAGES * SZ_4K);
	msleep(50);
	KUNIT_EXPECT_EQ(test, count(t->d, SIM_DMA_OK), done);
	KUNIT_EXPECT_EQ(test, t->mem[0], 0xaa);
	for (int i = SIM_DMA_OK + 1; i < SIM_DMA_NR_RESULTS; i++)
		ended += count(t->d, i);
	KUNIT_EXPECT_EQ(test, ended, 1);
	set_state(f, SIM_TDI_UNLOCKED);
}

/* What one owner had in the buffer is not for the next */
static void wiped(struct kunit *test)
{
	struct sim_function *f = test_fn(test, 0);
	struct dma_test *t = test->priv;

	for (int i = 0; i < 3; i++) {
		fill(t->mem, SZ_4K, 1);
		expect_dma(test, f, IN, TEST_IOVA, 100, SZ_4K, SIM_DMA_OK);
		switch (i) {
		case 0:
			stop_by_flr(f);
			break;
		case 1:
			stop_by_bus_reset(f);
			port_control(f, 0);
			break;
		case 2:
			sim_function_scrub(f);
			break;
		}
		set_master(f, true);
		expect_dma(test, f, OUT, TEST_IOVA, 0, TEST_PAGES * SZ_4K, SIM_DMA_OK);
		KUNIT_EXPECT_TRUE(test, all_zero(t->mem, TEST_PAGES * SZ_4K));
	}
}

static struct kunit_case dma_test_cases[] = {
	KUNIT_CASE(registers),
	KUNIT_CASE(bad_parameters),
	KUNIT_CASE(out_and_back),
	KUNIT_CASE(buffers),
	KUNIT_CASE(faults),
	KUNIT_CASE(page_sizes),
	KUNIT_CASE(bus_master),
	KUNIT_CASE(tdi_states),
	KUNIT_CASE(private_view),
	KUNIT_CASE(in_flight),
	KUNIT_CASE_PARAM(stops, stop_gen_params),
	KUNIT_CASE(wiped),
	{}
};

static struct kunit_suite dma_test_suite = {
	.name = "tsm-sim-dma",
	.init = dma_test_init,
	.exit = dma_test_exit,
	.test_cases = dma_test_cases,
};

kunit_test_suite(dma_test_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for the DMA engine of the simulated TDISP devices");
MODULE_LICENSE("GPL");
