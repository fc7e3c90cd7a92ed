// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of TDISP against DMA that is under way: a lock finds a function
 * quiet or busy, a stop and an ERROR end what it does in private memory.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "test-tdi.h"

#define DMA(reg)	(SIM_EXT_DMA + (reg))
#define TEST_LEN	64
#define TEST_WAIT_MS	10000

/**
 * struct test_tvm - a TVM whose memory is never the problem
 * @accesses: that reached it
 * @hold: an access waits for @let_go
 * @held: it does
 * @let_go: until then
 * @later: completes @let_go
 */
static struct test_tvm {
	atomic_t accesses;
	atomic_t hold;
	struct completion held;
	struct completion let_go;
	struct delayed_work later;
} tvm;

static int tvm_copy(void *ctx, struct sim_function *f, u64 gpa, void *buf,
		    size_t len, bool to_memory)
{
	atomic_inc(&tvm.accesses);
	if (atomic_read(&tvm.hold)) {
		complete(&tvm.held);
		wait_for_completion(&tvm.let_go);
	}
	return 0;
}

/* What VF0 reaches with T=0, for tests that want bytes to be moved */
static struct iommu_domain *shared;

static const struct sim_tvm_provider tvm_provider = { .copy = tvm_copy };

static void tvm_let_go(struct work_struct *work)
{
	complete_all(&tvm.let_go);
}

static void dma_go(struct kunit *test, int fn, u32 ctrl)
{
	tdi_cfg_write(test, fn, DMA(SIM_DMA_CTRL), 4, ctrl);
	tdi_cfg_write(test, fn, DMA(SIM_DMA_IOVA_LO), 4, SZ_1M);
	tdi_cfg_write(test, fn, DMA(SIM_DMA_IOVA_HI), 4, 0);
	tdi_cfg_write(test, fn, DMA(SIM_DMA_OFFSET), 4, 0);
	tdi_cfg_write(test, fn, DMA(SIM_DMA_LEN), 4, TEST_LEN);
	tdi_cfg_write(test, fn, DMA(SIM_DMA_DOORBELL), 4, SIM_DMA_GO);
}

static bool dma_busy(struct kunit *test, int fn)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_dma_busy(&d->fn[fn]);
}

/* A function in RUN that moves bytes again and again */
static void dma_run(struct kunit *test, int fn)
{
	tdi_to_state(test, fn, SIM_TDI_RUN);
	sim_tvm_attach(&to_dev(test)->fn[fn], &tvm);
	atomic_set(&tvm.accesses, 0);
	dma_go(test, fn, SIM_DMA_CTRL_TEE | SIM_DMA_CTRL_REPEAT);
	for (int ms = 0; ms < TEST_WAIT_MS && atomic_read(&tvm.accesses) < 3;
	     ms += 20)
		msleep(20);
	KUNIT_ASSERT_GE(test, atomic_read(&tvm.accesses), 3);
}

/* Now, and for the time in which it would have gone on */
static void expect_quiet(struct kunit *test, int fn)
{
	int accesses = atomic_read(&tvm.accesses);

	KUNIT_EXPECT_FALSE(test, dma_busy(test, fn));
	msleep(100);
	KUNIT_EXPECT_EQ(test, atomic_read(&tvm.accesses), accesses);
}

/* A piece of a transfer that does not come to its end */
static void set_in_flight(struct kunit *test, int fn, bool in_flight)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	d->fn[fn].dma.in_flight = in_flight;
}

static void lock_busy(struct kunit *test)
{
	for (int fn = PF0; fn < NR_FNS; fn++) {
		set_in_flight(test, fn, true);
		for (int k = PF0; k < NR_FNS; k++) {
			KUNIT_EXPECT_EQ(test, tdi_lock(test, k),
					k == fn ? TDISP_BUSY : 0);
			KUNIT_EXPECT_EQ(test, tdi_state(test, k),
					k == fn ? SIM_TDI_UNLOCKED :
						  SIM_TDI_LOCKED);
			KUNIT_EXPECT_EQ(test, tdi_stop(test, k), 0);
		}
		set_in_flight(test, fn, false);
		KUNIT_EXPECT_EQ(test, tdi_lock(test, fn), 0);
		KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
	}
}

/* A page at the address that dma_go() uses */
static u8 *shared_page(struct kunit *test)
{
	u8 *mem = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct sim_function *f = &to_dev(test)->fn[VF0];

	KUNIT_ASSERT_NOT_NULL(test, mem);
	shared = sim_iommu_domain_alloc(NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, shared);
	KUNIT_ASSERT_EQ(test, 0, iommu_map(shared, SZ_1M, virt_to_phys(mem),
					   PAGE_SIZE, IOMMU_READ | IOMMU_WRITE,
					   GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, sim_iommu_probe(f, NULL), 0);
	sim_iommu_attach(f, shared);
	return mem;
}

/* How the race between a doorbell and a lock is run */
enum race {
	RACE_AT_ONCE,
	RACE_LATER,
	/* The outcome is certain: the function goes on, or it has ended */
	RACE_BUSY,
	RACE_QUIET,
	NR_RACES,
};

/*
 * The doorbell is rung just before: whichever comes first, there is no half
 * state. Locked is quiet, and not a byte moves from then on; busy is not locked,
 * and all bytes move.
 */
static void lock_races_dma(struct kunit *test)
{
	unsigned int locked[NR_RACES] = {}, refused[NR_RACES] = {};
	struct tdi_test *t = to_tdi_test(test);
	u8 *mem = shared_page(test);
	struct sim_function *f = &t->d->fn[VF0];

	/* Encryption takes longer than this DMA */
	t->session = spdm_requester_session(&t->requester);
	for (int round = 0; round < 50 * NR_RACES; round++) {
		enum race race = round % NR_RACES;
		u32 error;
		u8 state;
		bool busy;

		memset(mem, 0x5a, TEST_LEN);
		dma_go(test, VF0, SIM_DMA_CTRL_TO_MEMORY |
		       (race == RACE_BUSY ? SIM_DMA_CTRL_REPEAT : 0));
		if (race == RACE_LATER)
			usleep_range(50, 200);
		if (race == RACE_QUIET)
			sim_dma_drain(f);
		error = tdi_lock(test, VF0);
		scoped_guard(raw_spinlock_irqsave, &t->d->lock) {
			state = sim_function_tdi_state(f);
			busy = sim_dma_busy(f);
		}

		if (error) {
			KUNIT_ASSERT_EQ(test, error, TDISP_BUSY);
			KUNIT_ASSERT_EQ(test, state, SIM_TDI_UNLOCKED);
			refused[race]++;
			if (race == RACE_BUSY)
				KUNIT_ASSERT_TRUE(test, busy);
		} else {
			KUNIT_ASSERT_EQ(test, state, SIM_TDI_LOCKED);
			KUNIT_ASSERT_FALSE(test, busy);
			locked[race]++;
		}
		/* Undisturbed, it ends as it would have without a lock */
		if (error && race != RACE_BUSY)
			flush_delayed_work(&f->dma.work);
		if (race == RACE_AT_ONCE || race == RACE_LATER) {
			KUNIT_ASSERT_EQ(test, f->dma.result, SIM_DMA_OK);
			KUNIT_ASSERT_EQ(test, f->dma.job.moved, TEST_LEN);
			KUNIT_ASSERT_NULL(test, memchr_inv(mem, 0, TEST_LEN));
		}
		if (!error) {
			memset(mem, 0xa5, TEST_LEN);
			flush_delayed_work(&f->dma.work);
			KUNIT_ASSERT_NULL(test, memchr_inv(mem, 0xa5, TEST_LEN));
		}
		sim_dma_drain(f);
		KUNIT_ASSERT_EQ(test, tdi_stop(test, VF0), 0);
	}
	kunit_info(test, "at once %u locked, %u busy; later %u locked, %u busy\n",
		   locked[RACE_AT_ONCE], refused[RACE_AT_ONCE],
		   locked[RACE_LATER], refused[RACE_LATER]);
	KUNIT_EXPECT_EQ(test, locked[RACE_BUSY], 0);
	KUNIT_EXPECT_EQ(test, refused[RACE_BUSY], 50);
	KUNIT_EXPECT_EQ(test, locked[RACE_QUIET], 50);
	KUNIT_EXPECT_EQ(test, refused[RACE_QUIET], 0);

	/* Rung afterwards it is in vain */
	KUNIT_ASSERT_EQ(test, tdi_lock(test, VF0), 0);
	memset(mem, 0xa5, TEST_LEN);
	dma_go(test, VF0, SIM_DMA_CTRL_TO_MEMORY);
	flush_delayed_work(&f->dma.work);
	KUNIT_EXPECT_EQ(test, f->dma.result, SIM_DMA_TDI_STATE);
	KUNIT_EXPECT_EQ(test, f->dma.job.moved, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(mem, 0xa5, TEST_LEN));
	KUNIT_EXPECT_EQ(test, tdi_state(test, VF0), SIM_TDI_LOCKED);
}

static void stop_ends_dma(struct kunit *test)
{
	static const int fns_to_stop[] = { PF0, VF1 };

	for (int i = 0; i < ARRAY_SIZE(fns_to_stop); i++) {
		int fn = fns_to_stop[i];

		dma_run(test, fn);
		KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
		KUNIT_EXPECT_EQ(test, tdi_state(test, fn), SIM_TDI_UNLOCKED);
		expect_quiet(test, fn);
		/* And can be locked again at once */
		KUNIT_EXPECT_EQ(test, tdi_lock(test, fn), 0);
		KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
	}
}

/* What is under way is waited for, before the answer */
static void stop_waits(struct kunit *test)
{
	unsigned long start;

	dma_run(test, PF1);
	atomic_set(&tvm.hold, 1);
	KUNIT_ASSERT_NE(test, 0, wait_for_completion_timeout(&tvm.held, 10 * HZ));
	start = jiffies;
	schedule_delayed_work(&tvm.later, msecs_to_jiffies(100));
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF1), 0);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 90);
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF1), SIM_TDI_UNLOCKED);
	expect_quiet(test, PF1);
}

/* But not for ever: it stays in ERROR, and the next one may find it quiet */
static void stop_gives_up(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	dma_run(test, VF2);
	memset(d->tdi_errors, 0, sizeof(d->tdi_errors));
	atomic_set(&tvm.hold, 1);
	KUNIT_ASSERT_NE(test, 0, wait_for_completion_timeout(&tvm.held, 10 * HZ));
	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF2), TDISP_UNSPECIFIED);
	KUNIT_EXPECT_EQ(test, tdi_state(test, VF2), SIM_TDI_ERROR);
	/* Nothing went wrong with the function itself */
	for (int i = 0; i < SIM_TDI_NR_CAUSES; i++)
		KUNIT_EXPECT_EQ(test, d->tdi_errors[i], 0);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, VF2), TDISP_INVALID_INTERFACE_STATE);

	complete_all(&tvm.let_go);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF2), 0);
	KUNIT_EXPECT_EQ(test, tdi_state(test, VF2), SIM_TDI_UNLOCKED);
	expect_quiet(test, VF2);
}

/* The next piece finds that the function is not in RUN any more */
static void error_ends_dma(struct kunit *test)
{
	dma_run(test, PF0);
	tdi_cfg_write(test, PF0, PCI_BASE_ADDRESS_0, 4, 0);
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_ERROR);
	for (int ms = 0; ms < TEST_WAIT_MS && dma_busy(test, PF0); ms += 20)
		msleep(20);
	expect_quiet(test, PF0);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF0), 0);
}

/*
 * Bad data takes a function in RUN to ERROR, and it alone. An access that is
 * refused does not, and what is written is not read.
 */
static void poison_is_an_error(struct kunit *test)
{
	static const int fns[] = { PF1, VF0 };
	struct sim_device *d = to_dev(test);

	for (int i = 0; i < ARRAY_SIZE(fns); i++) {
		int fn = fns[i];

		tdi_all_to_state(test, SIM_TDI_RUN);
		sim_tvm_detach(&d->fn[fn]);
		dma_go(test, fn, SIM_DMA_CTRL_TEE);
		flush_delayed_work(&d->fn[fn].dma.work);
		KUNIT_EXPECT_EQ(test, d->fn[fn].dma.result,
				SIM_DMA_PRIVATE_FAULT);
		sim_tvm_attach(&d->fn[fn], &tvm);
		KUNIT_ASSERT_EQ(test, sim_fault_parse(d, "dma-poisoned"), 0);
		dma_go(test, fn, SIM_DMA_CTRL_TEE | SIM_DMA_CTRL_TO_MEMORY);
		flush_delayed_work(&d->fn[fn].dma.work);
		KUNIT_EXPECT_EQ(test, d->fn[fn].dma.result, SIM_DMA_OK);
		tdi_expect_errors(test, "refused, written", 0, SIM_TDI_RUN, 0);

		dma_go(test, fn, SIM_DMA_CTRL_TEE | SIM_DMA_CTRL_REPEAT);
		flush_delayed_work(&d->fn[fn].dma.work);
		KUNIT_EXPECT_FALSE(test, dma_busy(test, fn));
		KUNIT_EXPECT_EQ(test, d->fn[fn].dma.result, SIM_DMA_POISONED);
		KUNIT_EXPECT_EQ(test, d->fn[fn].dma.job.moved, 0);
		tdi_expect_errors(test, "poisoned", BIT(fn), SIM_TDI_RUN,
				  SIM_TDI_DMA);
		KUNIT_EXPECT_EQ(test, 2 * i + 1,
				atomic_read(&d->dma_results[SIM_DMA_POISONED]));

		/* Of a function that is no TDI it is the host's affair */
		KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
		dma_go(test, fn, 0);
		flush_delayed_work(&d->fn[fn].dma.work);
		KUNIT_EXPECT_EQ(test, d->fn[fn].dma.result, SIM_DMA_POISONED);
		KUNIT_EXPECT_EQ(test, tdi_state(test, fn), SIM_TDI_UNLOCKED);
		KUNIT_ASSERT_EQ(test, sim_fault_parse(d, "none"), 0);
	}
}

static int tdi_dma_test_init(struct kunit *test)
{
	shared = NULL;
	atomic_set(&tvm.hold, 0);
	init_completion(&tvm.held);
	init_completion(&tvm.let_go);
	INIT_DELAYED_WORK(&tvm.later, tvm_let_go);
	KUNIT_ASSERT_EQ(test, sim_tvm_provider_register(&tvm_provider), 0);
	return tdi_test_init(test);
}

static void tdi_dma_test_exit(struct kunit *test)
{
	flush_delayed_work(&tvm.later);
	complete_all(&tvm.let_go);
	if (to_tdi_test(test) && to_dev(test))
		for (int fn = PF0; fn < NR_FNS; fn++)
			sim_tvm_detach(&to_dev(test)->fn[fn]);
	if (to_tdi_test(test) && to_dev(test) && to_dev(test)->fn)
		sim_iommu_release(&to_dev(test)->fn[VF0]);
	tdi_test_exit(test);
	if (!IS_ERR_OR_NULL(shared))
		iommu_domain_free(shared);
	sim_tvm_provider_unregister(&tvm_provider);
}

static struct kunit_case tdi_dma_test_cases[] = {
	KUNIT_CASE_SLOW(lock_busy),
	KUNIT_CASE_SLOW(lock_races_dma),
	KUNIT_CASE_SLOW(stop_ends_dma),
	KUNIT_CASE_SLOW(stop_waits),
	KUNIT_CASE_SLOW(stop_gives_up),
	KUNIT_CASE_SLOW(error_ends_dma),
	KUNIT_CASE_SLOW(poison_is_an_error),
	{}
};

static struct kunit_suite tdi_dma_test_suite = {
	.name = "tsm-sim-tdi-dma",
	.init = tdi_dma_test_init,
	.exit = tdi_dma_test_exit,
	.test_cases = tdi_dma_test_cases,
};

kunit_test_suite(tdi_dma_test_suite);
