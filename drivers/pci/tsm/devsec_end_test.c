// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the guest half: what is refused, and changes nothing, when the
 * system sleeps or ends, or a TSM has left a function that it did not unlock.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/pci.h>

#include "devsec_fake.h"

static int end_test_init(struct kunit *test)
{
	fake_agent_register(fake_agent_new(test));
	return 0;
}

/* A test that fails leaves the next one awake */
static void end_test_exit(struct kunit *test)
{
	tsm_session_wake();
}

/* A second function of the TSM, with TEE-IO */
static struct pci_dev *end_other(struct fake_agent *a)
{
	struct pci_dev *other = a->f->vf[0].pdev;

	other->devcap |= PCI_EXP_DEVCAP_TEE;
	return other;
}

static void end_other_gone(struct pci_dev *other)
{
	set_bit(PCI_DEV_REMOVED, &other->priv_flags);
	tsm_devsec_gone(other);
}

/* --- the system sleeps ------------------------------------------------------- */

/* A function that never was locked, then one that was */
static void end_test_sleep(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 0, tsm_session_sleep());
		KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_lock(a));
		KUNIT_EXPECT_EQ(test, -EINVAL, tsm_devsec_accept(a->pdev));
		KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
		KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(a));
		KUNIT_EXPECT_EQ(test, 0, fake_agent_generation(a));
		KUNIT_EXPECT_EQ(test, 0, a->contexts);
		KUNIT_EXPECT_FALSE(test, pci_devsec_locked(a->pdev));
		AGENT_EXPECT_LOG(a, "");
		/* an ordinary driver resumes like any other */
		KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
		fake_agent_unbind(a);
		/* as often as one likes, it is the same sleep */
		KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_lock(a));
		tsm_session_wake();

		KUNIT_EXPECT_EQ(test, 0, fake_agent_lock(a));
		AGENT_EXPECT_LOG(a, " decode lock [2]");
		KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOCKED, fake_agent_state(a));
		KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
		AGENT_EXPECT_LOG(a, " unlock no-decode [0]");
	}
}

/* A locked function keeps the system awake, and nobody from a lock */
static void end_test_no_sleep(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct pci_dev *other = end_other(a);

	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_session_sleep());
	AGENT_EXPECT_LOG(a, "");
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOCKED, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_lock(other, a->tsm_dev->id));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));

	/* any of them does */
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_session_sleep());
	KUNIT_EXPECT_EQ(test, 0, fake_agent_lock(a));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_unlock(other, a->tsm_dev->id));

	KUNIT_EXPECT_EQ(test, 0, tsm_session_sleep());
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_devsec_lock(other, a->tsm_dev->id));
	KUNIT_EXPECT_FALSE(test, pci_devsec_locked(other));
	tsm_session_wake();
	end_other_gone(other);
}

/* --- the system ends --------------------------------------------------------- */

struct end_row {
	const char *name;
	enum tsm_devsec_state from;
	bool bound;
	enum tsm_devsec_state to;
};

static const struct end_row end_rows[] = {
	{ "unlocked", TSM_DEVSEC_UNLOCKED, false, TSM_DEVSEC_UNLOCKED },
	{ "unlocked, driver", TSM_DEVSEC_UNLOCKED, true, TSM_DEVSEC_UNLOCKED },
	{ "locked", TSM_DEVSEC_LOCKED, false, TSM_DEVSEC_UNLOCKED },
	{ "run", TSM_DEVSEC_RUN, false, TSM_DEVSEC_UNLOCKED },
	{ "run, driver", TSM_DEVSEC_RUN, true, TSM_DEVSEC_LOST },
	{ "lost", TSM_DEVSEC_LOST, false, TSM_DEVSEC_UNLOCKED },
	{ "lost, driver", TSM_DEVSEC_LOST, true, TSM_DEVSEC_LOST },
	{ "stuck", TSM_DEVSEC_STUCK, false, TSM_DEVSEC_STUCK },
	{ "stuck, driver", TSM_DEVSEC_STUCK, true, TSM_DEVSEC_STUCK },
};

static void end_row_name(const struct end_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(end_rows, end_rows, end_row_name);

/* From here on nothing begins, not even what would be safe or could succeed */
static void end_test_shutdown(struct kunit *test)
{
	static const u8 nonce[TSM_NONCE_SIZE] = { 5 };
	const struct end_row *row = test->param_value;
	struct fake_agent *a = test->priv;
	int contexts;

	/* one that never was locked has nothing to end */
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_unlock(a));
	if (row->bound)
		fake_agent_bind_and_to(a, row->from);
	else
		fake_agent_to(a, row->from);

	scoped_guard(device, &a->pdev->dev)
		pci_devsec_shutdown(a->pdev);
	KUNIT_EXPECT_EQ(test, row->to, fake_agent_state(a));
	contexts = a->contexts;
	KUNIT_EXPECT_EQ(test, row->to == TSM_DEVSEC_STUCK, contexts);
	memset(a->fail, 0, sizeof(a->fail));
	a->log[0] = '\0';

	KUNIT_EXPECT_EQ(test, -ENODEV, fake_agent_lock(a));
	KUNIT_EXPECT_EQ(test, -ENODEV, tsm_devsec_accept(a->pdev));
	KUNIT_EXPECT_EQ(test, -ENODEV, fake_agent_unlock(a));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			tsm_devsec_unlock(a->pdev, a->tsm_dev->id + 1));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			fake_agent_refresh(a, BIT(TSM_OBJECT_MEASUREMENTS),
					   nonce));
	KUNIT_EXPECT_EQ(test, -EINVAL, tsm_evidence_validate(a->pdev, 1));
	fake_agent_loss(a, true);

	KUNIT_EXPECT_EQ(test, row->to, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_generation(a));
	KUNIT_EXPECT_EQ(test, contexts, a->contexts);
	KUNIT_EXPECT_PTR_EQ(test, row->bound ? &a->driver.drv : NULL,
			    a->pdev->driver);
	AGENT_EXPECT_LOG(a, "");
}

/* --- a TSM leaves ------------------------------------------------------------ */

/* What comes after it does not get what it could not unlock */
static void end_test_tsm_left(struct kunit *test)
{
	struct fake_agent *a = test->priv, *next;

	fake_agent_to(a, TSM_DEVSEC_STUCK);
	fake_agent_unregister(a);
	a->log[0] = '\0';
	next = fake_agent_new(test);
	fake_agent_register(next);

	KUNIT_EXPECT_EQ(test, -EIO, tsm_devsec_lock(a->pdev, next->tsm_dev->id));
	KUNIT_EXPECT_EQ(test, -EIO, tsm_devsec_accept(a->pdev));
	KUNIT_EXPECT_EQ(test, -EIO,
			tsm_devsec_unlock(a->pdev, next->tsm_dev->id));
	KUNIT_EXPECT_EQ(test, -EIO, fake_agent_bind(a));
	KUNIT_EXPECT_NULL(test, a->pdev->driver);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_STUCK, fake_agent_state(a));
	KUNIT_EXPECT_TRUE(test, pci_devsec_locked(a->pdev));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_session_sleep());
	AGENT_EXPECT_LOG(a, "");
	AGENT_EXPECT_LOG(next, "");
	KUNIT_EXPECT_EQ(test, 0, next->contexts);

	/* nor is that a reason to keep it from others */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_lock(next));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(next));

	fake_agent_remove(a);
	KUNIT_EXPECT_NULL(test, a->pdev->devsec);
	KUNIT_EXPECT_NULL(test, tsm_devsec_get(a->pdev));
	KUNIT_EXPECT_FALSE(test, pci_devsec_locked(a->pdev));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			tsm_devsec_lock(a->pdev, next->tsm_dev->id));
	/* it does not keep the system awake any more */
	KUNIT_EXPECT_EQ(test, 0, tsm_session_sleep());
	tsm_session_wake();
}

static struct kunit_case end_cases[] = {
	KUNIT_CASE(end_test_sleep),
	KUNIT_CASE(end_test_no_sleep),
	KUNIT_CASE_PARAM(end_test_shutdown, end_rows_gen_params),
	KUNIT_CASE(end_test_tsm_left),
	{}
};

static struct kunit_suite end_suite = {
	.name = "pci_devsec_end",
	.init = end_test_init,
	.exit = end_test_exit,
	.test_cases = end_cases,
};

kunit_test_suite(end_suite);
