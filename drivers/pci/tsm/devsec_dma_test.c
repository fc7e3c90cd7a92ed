// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the guest half: when an accepted function reaches private memory,
 * with a driver that comes, goes, and stops it.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/pci.h>

#include "devsec_fake.h"

static int devsec_dma_test_init(struct kunit *test)
{
	fake_agent_register(fake_agent_new(test));
	return 0;
}

/* DMA that cannot be closed takes the function along, or all is lost */
static void devsec_dma_test_dma_stays_open(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_to(a, TSM_DEVSEC_RUN);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	a->fail[AGENT_DMA_OFF] = -EREMOTEIO;
	a->log[0] = '\0';
	fake_agent_unbind(a);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 0, a->contexts);
	AGENT_EXPECT_LOG(a, " dma-off dma-off mmio-off dma-off unlock no-decode [6]");
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	AGENT_EXPECT_LOG(a, " [0]");

	fake_agent_to(a, TSM_DEVSEC_RUN);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	a->fail[AGENT_UNLOCK] = -EREMOTEIO;
	fake_agent_unbind(a);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_STUCK, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 1, a->contexts);
}

/* What a driver that clears bus mastering frees is not reached any more */
static void devsec_dma_test_master(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_to(a, TSM_DEVSEC_RUN);
	pci_devsec_master(a->pdev, true);
	AGENT_EXPECT_LOG(a, "");
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, " dma-on");
	pci_devsec_master(a->pdev, true);
	AGENT_EXPECT_LOG(a, "");
	for (int i = 0; i < 2; i++) {
		pci_devsec_master(a->pdev, false);
		AGENT_EXPECT_LOG(a, " dma-off");
		pci_devsec_master(a->pdev, false);
		AGENT_EXPECT_LOG(a, "");
		KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&a->pdev->dev));
		pci_devsec_master(a->pdev, true);
		AGENT_EXPECT_LOG(a, " dma-on");
	}

	/* the device goes on for its last driver, until the next one has reset it */
	a->masters = true;
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, " dma-off");
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, "");
	pci_devsec_master(a->pdev, true);
	AGENT_EXPECT_LOG(a, " dma-on");

	/* to whom could one say that it does not open? */
	pci_devsec_master(a->pdev, false);
	a->fail[AGENT_DMA_ON] = -EREMOTEIO;
	pci_devsec_master(a->pdev, true);
	AGENT_EXPECT_LOG(a, " dma-off dma-on dma-off mmio-off [6]");
	pci_devsec_master(a->pdev, true);
	AGENT_EXPECT_LOG(a, "");
}

static void devsec_dma_test_attach_fails(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_to(a, TSM_DEVSEC_RUN);
	a->fail[AGENT_DMA_ON] = -EREMOTEIO;
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, fake_agent_bind(a));
	/* it may have been opened for all that */
	AGENT_EXPECT_LOG(a, " dma-on dma-off");
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_RUN, fake_agent_state(a));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));

	a->fail[AGENT_DMA_OFF] = -EREMOTEIO;
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, fake_agent_bind(a));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 0, a->contexts);
}

/* The system ends: closed before it is unlocked, and before anybody is told */
static void devsec_dma_test_shutdown(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_to(a, TSM_DEVSEC_RUN);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, " dma-on");
	scoped_guard(device, &a->pdev->dev)
		pci_devsec_shutdown(a->pdev);
	AGENT_EXPECT_LOG(a, " dma-off mmio-off [6] unlock no-decode");
}

static struct kunit_case devsec_dma_cases[] = {
	KUNIT_CASE(devsec_dma_test_dma_stays_open),
	KUNIT_CASE(devsec_dma_test_master),
	KUNIT_CASE(devsec_dma_test_attach_fails),
	KUNIT_CASE(devsec_dma_test_shutdown),
	{}
};

static struct kunit_suite devsec_dma_suite = {
	.name = "pci_devsec_dma",
	.init = devsec_dma_test_init,
	.test_cases = devsec_dma_cases,
};

kunit_test_suite(devsec_dma_suite);
