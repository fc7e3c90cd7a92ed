// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the guest half: what becomes of a driver whose function nobody
 * has locked, by pci_tsm.require_accept and pci_tsm.accept_unverified.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/pci.h>

#include "devsec_fake.h"

/* As the system was booted with, or as root has written since */
static bool policy_require_was, policy_unverified_was;

static void policy_set(bool require, bool unverified)
{
	WRITE_ONCE(tsm_require_accept, require);
	WRITE_ONCE(tsm_accept_unverified, unverified);
}

static int policy_test_init(struct kunit *test)
{
	policy_require_was = READ_ONCE(tsm_require_accept);
	policy_unverified_was = READ_ONCE(tsm_accept_unverified);
	policy_set(false, false);
	fake_agent_new(test);
	return 0;
}

static void policy_test_exit(struct kunit *test)
{
	policy_set(policy_require_was, policy_unverified_was);
}

/* --- each policy, each TSM ---------------------------------------------------- */

enum policy_tsm {
	NO_TSM,
	ANOTHERS_TSM,	/* does not know the function */
	ITS_TSM,
};

struct policy_row {
	const char *name;
	bool require;
	bool unverified;
	enum policy_tsm tsm;
	int rc;
	enum tsm_devsec_state to;
	const char *log;
};

#define ACCEPTED_LOG	" decode lock [2] accept mmio-on [4] dma-on"
#define REFUSED_LOG	" decode lock no-decode [0]"

static const struct policy_row policy_rows[] = {
	{ "none, no TSM", false, false, NO_TSM,
	  0, TSM_DEVSEC_UNLOCKED, "" },
	{ "none, another's TSM", false, false, ANOTHERS_TSM,
	  0, TSM_DEVSEC_UNLOCKED, "" },
	{ "none, TSM", false, false, ITS_TSM,
	  0, TSM_DEVSEC_UNLOCKED, "" },
	{ "require_accept, no TSM", true, false, NO_TSM,
	  -EPERM, TSM_DEVSEC_UNLOCKED, "" },
	{ "require_accept, another's TSM", true, false, ANOTHERS_TSM,
	  -EPERM, TSM_DEVSEC_UNLOCKED, "" },
	{ "require_accept, TSM", true, false, ITS_TSM,
	  -EPERM, TSM_DEVSEC_UNLOCKED, "" },
	{ "accept_unverified, no TSM", false, true, NO_TSM,
	  0, TSM_DEVSEC_UNLOCKED, "" },
	{ "accept_unverified, another's TSM", false, true, ANOTHERS_TSM,
	  0, TSM_DEVSEC_UNLOCKED, REFUSED_LOG },
	{ "accept_unverified, TSM", false, true, ITS_TSM,
	  0, TSM_DEVSEC_RUN, ACCEPTED_LOG },
	{ "both, no TSM", true, true, NO_TSM,
	  -EPERM, TSM_DEVSEC_UNLOCKED, "" },
	{ "both, another's TSM", true, true, ANOTHERS_TSM,
	  -EPERM, TSM_DEVSEC_UNLOCKED, REFUSED_LOG },
	{ "both, TSM", true, true, ITS_TSM,
	  0, TSM_DEVSEC_RUN, ACCEPTED_LOG },
};

static void policy_row_name(const struct policy_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(policy_rows, policy_rows, policy_row_name);

static void policy_expect_state(struct fake_agent *a, enum tsm_devsec_state state)
{
	bool run = state == TSM_DEVSEC_RUN;

	KUNIT_EXPECT_EQ(a->test, state, fake_agent_state(a));
	KUNIT_EXPECT_EQ(a->test, state != TSM_DEVSEC_UNLOCKED,
			pci_devsec_locked(a->pdev));
	KUNIT_EXPECT_EQ(a->test, run,
			pci_devsec_private_mmio(pci_resource_start(a->pdev, 0)));
	KUNIT_EXPECT_EQ(a->test, run, a->contexts);
	KUNIT_EXPECT_EQ(a->test, run, !!fake_agent_generation(a));
}

static void policy_test_row(struct kunit *test)
{
	const struct policy_row *row = test->param_value;
	struct fake_agent *a = test->priv;
	bool run = row->to == TSM_DEVSEC_RUN;

	if (row->tsm != NO_TSM)
		fake_agent_register(a);
	if (row->tsm == ANOTHERS_TSM)
		a->fail[AGENT_LOCK] = -ENXIO;

	policy_set(row->require, row->unverified);
	KUNIT_EXPECT_EQ(test, row->rc, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, row->log);
	policy_expect_state(a, row->to);
	KUNIT_EXPECT_EQ(test, run, pci_devsec_private_dma(&a->pdev->dev));

	/* a policy is about drivers that come */
	policy_set(false, false);
	if (row->rc)
		KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, "");
	policy_expect_state(a, row->to);
	KUNIT_EXPECT_EQ(test, run, pci_devsec_private_dma(&a->pdev->dev));
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, run ? " dma-off" : "");
}

/* --- what neither policy is about ---------------------------------------------- */

static void policy_test_no_tee(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_register(a);
	a->pdev->devcap &= ~PCI_EXP_DEVCAP_TEE;
	policy_set(true, true);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	KUNIT_EXPECT_NULL(test, a->pdev->devsec);
	AGENT_EXPECT_LOG(a, "");
}

/* A function that somebody has locked is his affair */
static void policy_test_locked(struct kunit *test)
{
	static const struct locked_row {
		enum tsm_devsec_state state;
		int rc;
		const char *log;
	} rows[] = {
		{ TSM_DEVSEC_LOCKED, -EBUSY, "" },
		{ TSM_DEVSEC_RUN, 0, " dma-on" },
		{ TSM_DEVSEC_LOST, -EBUSY, "" },
		{ TSM_DEVSEC_STUCK, -EIO, "" },
	};

	for (int i = 0; i < ARRAY_SIZE(rows) * 4; i++) {
		const struct locked_row *row = &rows[i / 4];
		struct fake_agent *a = fake_agent_new(test);

		fake_agent_register(a);
		fake_agent_to(a, row->state);
		policy_set(i & 1, i & 2);
		KUNIT_EXPECT_EQ_MSG(test, row->rc, fake_agent_bind(a),
				    "state %d, %d", row->state, i & 3);
		AGENT_EXPECT_LOG(a, row->log);
		KUNIT_EXPECT_EQ_MSG(test, row->state, fake_agent_state(a),
				    "state %d, %d", row->state, i & 3);
		memset(a->fail, 0, sizeof(a->fail));
		fake_agent_remove(a);
	}
}

/* Drivers that are bound stay, and so does what they were told */
static void policy_test_bound(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	fake_agent_register(a);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	policy_set(true, true);
	KUNIT_EXPECT_PTR_EQ(test, &a->driver.drv, a->pdev->driver);
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	fake_agent_loss(a, true);
	KUNIT_EXPECT_EQ(test, 0, a->told);
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_lock(a));
	policy_expect_state(a, TSM_DEVSEC_UNLOCKED);
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	AGENT_EXPECT_LOG(a, "");

	/* the next one is not */
	policy_set(true, false);
	fake_agent_unbind(a);
	KUNIT_EXPECT_EQ(test, -EPERM, fake_agent_bind(a));
	KUNIT_EXPECT_NULL(test, a->pdev->driver);
	policy_expect_state(a, TSM_DEVSEC_UNLOCKED);
	AGENT_EXPECT_LOG(a, "");

	/* what is accepted by whoever has verified it is what is required */
	fake_agent_to(a, TSM_DEVSEC_RUN);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&a->pdev->dev));
	AGENT_EXPECT_LOG(a, " dma-on");
	policy_set(false, false);
	policy_set(true, true);
	KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&a->pdev->dev));
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, " dma-off");

	/* and nothing is once it is unlocked */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	policy_set(true, false);
	KUNIT_EXPECT_EQ(test, -EPERM, fake_agent_bind(a));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
}

/* --- accepted unverified --------------------------------------------------------- */

/* What its TSM refuses to do is no reason to bind the driver without */
static void policy_test_fails(struct kunit *test)
{
	static const struct failing_row {
		enum agent_step step;
		int rc;
		const char *log;
	} rows[] = {
		{ AGENT_LOCK, -EACCES, REFUSED_LOG },
		{ AGENT_READ, -EBADMSG, " decode lock unlock no-decode [0]" },
		{ AGENT_ACCEPT, -EREMOTEIO,
		  " decode lock [2] accept unlock no-decode [0]" },
		/* it stays locked then, and nobody knows of it */
		{ AGENT_ACCEPT, -ESTALE,
		  " decode lock [2] accept [2] unlock no-decode [0]" },
		{ AGENT_MMIO_ON, -EPERM,
		  " decode lock [2] accept mmio-on unlock no-decode [0]" },
	};
	struct fake_agent *a = test->priv;

	fake_agent_register(a);
	for (int i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
		const struct failing_row *row = &rows[i / 2];

		policy_set(i & 1, true);
		a->fail[row->step] = row->rc;
		KUNIT_EXPECT_EQ_MSG(test, row->rc, fake_agent_bind(a),
				    "row %d", i / 2);
		KUNIT_EXPECT_NULL(test, a->pdev->driver);
		AGENT_EXPECT_LOG(a, row->log);
		policy_expect_state(a, TSM_DEVSEC_UNLOCKED);
		KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
		a->fail[row->step] = 0;
	}

	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, ACCEPTED_LOG);
}

/* As verified as it gets: evidence that comes later is not what was accepted */
static void policy_test_run(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct tsm_devsec *d;

	fake_agent_register(a);
	policy_set(false, true);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	d = tsm_devsec_get(a->pdev);
	KUNIT_ASSERT_NOT_NULL(test, d);
	KUNIT_EXPECT_EQ(test, fake_agent_generation(a), d->validated);
	tsm_devsec_put(d);
	AGENT_EXPECT_LOG(a, ACCEPTED_LOG);

	/* for its drivers it is like any other that is accepted */
	fake_agent_unbind(a);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, " dma-off dma-on");
	a->state = TSM_TDI_ERROR;
	fake_agent_loss(a, false);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 1, a->told);
	fake_agent_unbind(a);

	/* lost is not unlocked: that is for somebody to see */
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_bind(a));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	a->log[0] = '\0';
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(a, ACCEPTED_LOG);
}

/* Each TSM is asked, until one has the function */
static void policy_test_next_tsm(struct kunit *test)
{
	struct fake_agent *first = test->priv;
	struct fake_agent *a = fake_agent_new(test);

	fake_agent_register(first);
	fake_agent_register(a);
	first->fail[AGENT_LOCK] = -ENXIO;
	policy_set(true, true);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	AGENT_EXPECT_LOG(first, " lock");
	AGENT_EXPECT_LOG(a, " decode no-decode [0]" ACCEPTED_LOG);
	policy_expect_state(a, TSM_DEVSEC_RUN);
	KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&a->pdev->dev));
	KUNIT_EXPECT_EQ(test, 0, first->contexts);
	fake_agent_unbind(a);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	a->log[0] = '\0';

	/* one that has it, but does not lock it, has had the last word */
	first->fail[AGENT_LOCK] = -EACCES;
	KUNIT_EXPECT_EQ(test, -EACCES, fake_agent_bind(a));
	AGENT_EXPECT_LOG(first, " lock");
	AGENT_EXPECT_LOG(a, " decode no-decode [0]");
	policy_expect_state(a, TSM_DEVSEC_UNLOCKED);
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE_PARAM(policy_test_row, policy_rows_gen_params),
	KUNIT_CASE(policy_test_no_tee),
	KUNIT_CASE(policy_test_locked),
	KUNIT_CASE(policy_test_bound),
	KUNIT_CASE(policy_test_fails),
	KUNIT_CASE(policy_test_run),
	KUNIT_CASE(policy_test_next_tsm),
	{}
};

static struct kunit_suite policy_suite = {
	.name = "pci_devsec_policy",
	.init = policy_test_init,
	.exit = policy_test_exit,
	.test_cases = policy_cases,
};

kunit_test_suite(policy_suite);
