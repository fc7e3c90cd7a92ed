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

/* A driver that can tell its user that it does not open, and is not used then */
static void devsec_dma_test_open(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	KUNIT_EXPECT_EQ(test, 0, pci_devsec_open_dma(a->pdev));
	fake_agent_to(a, TSM_DEVSEC_RUN);
	KUNIT_EXPECT_EQ(test, 0, pci_devsec_open_dma(a->pdev));
	AGENT_EXPECT_LOG(a, "");
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	KUNIT_EXPECT_EQ(test, 0, pci_devsec_open_dma(a->pdev));
	AGENT_EXPECT_LOG(a, " dma-on");

	pci_devsec_master(a->pdev, false);
	a->fail[AGENT_DMA_ON] = -EREMOTEIO;
	a->log[0] = '\0';
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, pci_devsec_open_dma(a->pdev));
	AGENT_EXPECT_LOG(a, " dma-on dma-off");
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_RUN, fake_agent_state(a));
	a->fail[AGENT_DMA_ON] = 0;
	KUNIT_EXPECT_EQ(test, 0, pci_devsec_open_dma(a->pdev));
	AGENT_EXPECT_LOG(a, " dma-on");

	/* nobody knows what it reaches: that is another matter */
	pci_devsec_master(a->pdev, false);
	a->fail[AGENT_DMA_ON] = -EREMOTEIO;
	a->fail[AGENT_DMA_OFF] = -EREMOTEIO;
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, pci_devsec_open_dma(a->pdev));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 0, a->contexts);
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
	/* the driver still has it enabled */
	AGENT_EXPECT_LOG(a, " dma-off mmio-off [6] unlock silence");
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, " no-decode");
}

/*
 * pci_disable_device() ends bus mastering, too, but not of a function that was
 * locked: the lock has enabled it as well, so that it stays enabled. The function
 * has no config space here, which pci_set_master() needs: what that calls opens DMA
 * again.
 */
static void devsec_dma_test_disable(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct pci_dev *pdev = a->pdev;

	fake_agent_to(a, TSM_DEVSEC_RUN);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, " dma-on");

	/* by the lock, and by a driver that does not master the bus */
	atomic_set(&pdev->enable_cnt, 2);
	pci_disable_device(pdev);
	AGENT_EXPECT_LOG(a, "");
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&pdev->enable_cnt));

	/* by one that does, and that frees what it has mapped then */
	for (int i = 0; i < 2; i++) {
		atomic_set(&pdev->enable_cnt, 2);
		pdev->is_busmaster = 1;
		pci_disable_device(pdev);
		AGENT_EXPECT_LOG(a, " dma-off");
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&pdev->enable_cnt));
		KUNIT_EXPECT_EQ(test, TSM_DEVSEC_RUN, fake_agent_state(a));
		KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&pdev->dev));

		pci_devsec_master(pdev, true);
		AGENT_EXPECT_LOG(a, " dma-on");
	}

	/* a driver that leaves it at that has nothing to be closed after it */
	atomic_set(&pdev->enable_cnt, 2);
	pci_disable_device(pdev);
	AGENT_EXPECT_LOG(a, " dma-off");
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, "");
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_RUN, fake_agent_state(a));

	/* a disable that does not close takes the function along */
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, " dma-on");
	atomic_set(&pdev->enable_cnt, 2);
	a->fail[AGENT_DMA_OFF] = -EREMOTEIO;
	pci_disable_device(pdev);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 0, a->contexts);
	KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&pdev->dev));
	pdev->is_busmaster = 0;
	atomic_set(&pdev->enable_cnt, 0);
}

/* --- shared or private -------------------------------------------------------- */

/**
 * struct dma_row - where a function has been brought to
 * @name: of that
 * @state: its state
 * @bound: with a driver, from before it got there
 * @left: the driver has left since
 * @private: its DMA is to private memory
 */
struct dma_row {
	const char *name;
	enum tsm_devsec_state state;
	bool bound;
	bool left;
	bool private;
};

static const struct dma_row dma_rows[] = {
	{ "never locked", TSM_DEVSEC_UNLOCKED, false, false, false },
	{ "never locked, driver", TSM_DEVSEC_UNLOCKED, true, false, false },
	{ "never locked, after unbind", TSM_DEVSEC_UNLOCKED, true, true, false },
	{ "locked", TSM_DEVSEC_LOCKED, false, false, false },
	{ "run", TSM_DEVSEC_RUN, false, false, false },
	{ "run, driver", TSM_DEVSEC_RUN, true, false, true },
	{ "run, after unbind", TSM_DEVSEC_RUN, true, true, true },
	{ "lost", TSM_DEVSEC_LOST, false, false, false },
	{ "lost, driver", TSM_DEVSEC_LOST, true, false, true },
	{ "lost, after unbind", TSM_DEVSEC_LOST, true, true, true },
	{ "stuck", TSM_DEVSEC_STUCK, false, false, false },
	{ "stuck, driver", TSM_DEVSEC_STUCK, true, false, true },
};

static void dma_row_name(const struct dma_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(dma_rows, dma_rows, dma_row_name);

static void devsec_dma_test_shared(struct kunit *test)
{
	const struct dma_row *row = test->param_value;
	struct fake_agent *a = test->priv;
	struct device *dev = &a->pdev->dev;

	if (row->bound)
		fake_agent_bind_and_to(a, row->state);
	else
		fake_agent_to(a, row->state);
	if (row->left)
		fake_agent_unbind(a);

	KUNIT_EXPECT_EQ(test, !row->private, pci_devsec_dma_shared(dev, true));
	KUNIT_EXPECT_FALSE(test, pci_devsec_dma_shared(dev, false));
	/* a device that is none of the bus, whatever that one is */
	KUNIT_EXPECT_TRUE(test, pci_devsec_dma_shared(&a->tsm_dev->dev, true));
	KUNIT_EXPECT_FALSE(test, pci_devsec_dma_shared(&a->tsm_dev->dev, false));
	if (!row->left)
		return;

	/* until the next driver comes, memory is freed as it was allocated */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	KUNIT_EXPECT_EQ(test, !row->private, pci_devsec_dma_shared(dev, true));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	KUNIT_EXPECT_TRUE(test, pci_devsec_dma_shared(dev, true));
}

static struct kunit_case devsec_dma_cases[] = {
	KUNIT_CASE(devsec_dma_test_dma_stays_open),
	KUNIT_CASE(devsec_dma_test_master),
	KUNIT_CASE(devsec_dma_test_attach_fails),
	KUNIT_CASE(devsec_dma_test_shutdown),
	KUNIT_CASE(devsec_dma_test_disable),
	KUNIT_CASE(devsec_dma_test_open),
	KUNIT_CASE_PARAM(devsec_dma_test_shared, dma_rows_gen_params),
	{}
};

static struct kunit_suite devsec_dma_suite = {
	.name = "pci_devsec_dma",
	.init = devsec_dma_test_init,
	.test_cases = devsec_dma_cases,
};

kunit_test_suite(devsec_dma_suite);
