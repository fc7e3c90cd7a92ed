// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the guest half: functions that come where others were. Who plugs
 * them in and out is the host.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/pci.h>

#include "devsec_fake.h"

static int devsec_record_test_init(struct kunit *test)
{
	fake_agent_register(fake_agent_new(test));
	return 0;
}

/* Another function, at the same address */
static void come_again(struct fake_agent *a)
{
	KUNIT_ASSERT_NULL(a->test, a->pdev->devsec);
	clear_bit(PCI_DEV_REMOVED, &a->pdev->priv_flags);
	tsm_devsec_note_arrival(a->pdev);
}

static void verify(struct fake_agent *a)
{
	KUNIT_ASSERT_EQ(a->test, 0,
			tsm_evidence_validate(a->pdev, fake_agent_generation(a)));
}

/* What was verified was something else */
static void devsec_record_test_verified(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	verify(a);
	fake_agent_remove(a);
	KUNIT_EXPECT_EQ(test, 0, a->contexts);
	come_again(a);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(a));

	for (int i = 0; i < 2; i++) {
		fake_agent_to(a, TSM_DEVSEC_LOCKED);
		KUNIT_EXPECT_EQ(test, -ESTALE, tsm_devsec_accept(a->pdev));
		KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOCKED, fake_agent_state(a));
		/* it need not be locked for that to be remembered */
		if (i)
			KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
		fake_agent_remove(a);
		come_again(a);
	}

	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	verify(a);
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_accept(a->pdev));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_RUN, fake_agent_state(a));
}

/* That nobody verifies is no reason to ask for it elsewhere, or later */
static void devsec_record_test_not_verified(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_to(a, TSM_DEVSEC_RUN);
	fake_agent_remove(a);
	come_again(a);
	KUNIT_EXPECT_NULL(test, a->pdev->devsec);
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	verify(a);
	fake_agent_remove(a);

	a->pdev->devfn ^= PCI_DEVFN(1, 0);
	come_again(a);
	KUNIT_EXPECT_NULL(test, a->pdev->devsec);
	fake_agent_to(a, TSM_DEVSEC_RUN);
	fake_agent_remove(a);
	a->pdev->devfn ^= PCI_DEVFN(1, 0);
}

/* A TSM that leaves takes along what it knew */
static void devsec_record_test_other_tsm(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	verify(a);
	fake_agent_remove(a);
	fake_agent_unregister(a);
	fake_agent_register(a);
	come_again(a);
	KUNIT_EXPECT_NULL(test, a->pdev->devsec);
	fake_agent_to(a, TSM_DEVSEC_RUN);

	/* whichever of them goes first */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	verify(a);
	fake_agent_unregister(a);
	fake_agent_remove(a);
	fake_agent_register(a);
	come_again(a);
	KUNIT_EXPECT_NULL(test, a->pdev->devsec);
	fake_agent_to(a, TSM_DEVSEC_RUN);
}

/* The firmware has not let go of what was there: it has what is there now */
static void devsec_record_test_stuck(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	for (int i = 0; i < 2; i++) {
		fake_agent_to(a, TSM_DEVSEC_STUCK);
		for (int n = 0; n < 2; n++) {
			fake_agent_remove(a);
			KUNIT_EXPECT_EQ(test, 1, a->contexts);
			come_again(a);
			KUNIT_ASSERT_NOT_NULL(test, a->pdev->devsec);
			KUNIT_EXPECT_PTR_EQ(test, a->pdev,
					    a->pdev->devsec->ctx->pdev);
			KUNIT_EXPECT_EQ(test, TSM_DEVSEC_STUCK,
					fake_agent_state(a));
			KUNIT_EXPECT_TRUE(test, pci_devsec_locked(a->pdev));
			a->log[0] = '\0';
			KUNIT_EXPECT_EQ(test, -EIO, fake_agent_bind(a));
			KUNIT_EXPECT_EQ(test, -EIO, fake_agent_lock(a));
			KUNIT_EXPECT_EQ(test, -EIO, tsm_devsec_accept(a->pdev));
			AGENT_EXPECT_LOG(a, "");
		}

		/* what was enabled was another one */
		a->fail[AGENT_UNLOCK] = 0;
		KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
		AGENT_EXPECT_LOG(a, " unlock [0]");
		KUNIT_EXPECT_EQ(test, 0, a->contexts);
		KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(a));
		KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
		fake_agent_unbind(a);
	}
	fake_agent_to(a, TSM_DEVSEC_RUN);
}

/* And what its DMA reaches is to be closed first */
static void devsec_record_test_stuck_open(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_bind_and_to(a, TSM_DEVSEC_STUCK);
	fake_agent_remove(a);
	come_again(a);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_STUCK, fake_agent_state(a));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	a->log[0] = '\0';
	a->fail[AGENT_UNLOCK] = 0;
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	AGENT_EXPECT_LOG(a, " dma-off unlock [0]");
}

/* Nobody can be asked any more */
static void devsec_record_test_stuck_alone(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_to(a, TSM_DEVSEC_STUCK);
	fake_agent_remove(a);
	KUNIT_EXPECT_EQ(test, 1, a->contexts);
	fake_agent_unregister(a);
	come_again(a);
	KUNIT_EXPECT_NULL(test, a->pdev->devsec);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	fake_agent_unbind(a);
}

static int nr_left_open;

static void count_left_open(struct tsm_devsec *d)
{
	nr_left_open++;
}

/* A driver leaves, and what it frees may still be reached: that is said once */
static void devsec_record_test_left_open(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	nr_left_open = 0;
	kunit_activate_static_stub(test, tsm_devsec_left_open, count_left_open);
	fake_agent_to(a, TSM_DEVSEC_RUN);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	a->fail[AGENT_DMA_OFF] = -EREMOTEIO;
	a->fail[AGENT_UNLOCK] = -EREMOTEIO;
	a->log[0] = '\0';
	pci_devsec_master(a->pdev, false);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_STUCK, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 1, nr_left_open);
	a->log[0] = '\0';
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, " dma-off");
	KUNIT_EXPECT_EQ(test, 1, nr_left_open);

	/* one that was lost before is tried when its driver leaves */
	a->fail[AGENT_UNLOCK] = 0;
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	nr_left_open = 0;
	fake_agent_bind_and_to(a, TSM_DEVSEC_STUCK);
	nr_left_open = 0;
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, " dma-off");
	KUNIT_EXPECT_EQ(test, 1, nr_left_open);

	/* and so is one whose TSM has left, which nobody can ask */
	a->fail[AGENT_DMA_OFF] = 0;
	a->fail[AGENT_UNLOCK] = 0;
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	fake_agent_bind_and_to(a, TSM_DEVSEC_STUCK);
	fake_agent_unregister(a);
	nr_left_open = 0;
	a->log[0] = '\0';
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, " no-decode");
	KUNIT_EXPECT_EQ(test, 1, nr_left_open);
}

static struct kunit_case devsec_record_cases[] = {
	KUNIT_CASE(devsec_record_test_verified),
	KUNIT_CASE(devsec_record_test_not_verified),
	KUNIT_CASE(devsec_record_test_other_tsm),
	KUNIT_CASE(devsec_record_test_stuck),
	KUNIT_CASE(devsec_record_test_stuck_open),
	KUNIT_CASE(devsec_record_test_stuck_alone),
	KUNIT_CASE(devsec_record_test_left_open),
	{}
};

static struct kunit_suite devsec_record_suite = {
	.name = "pci_devsec_record",
	.init = devsec_record_test_init,
	.test_cases = devsec_record_cases,
};

kunit_test_suite(devsec_record_suite);
