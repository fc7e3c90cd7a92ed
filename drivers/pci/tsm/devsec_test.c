// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the guest half: each state that lasts and each event, each step
 * that may fail, what order things happen in, and evidence.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "devsec_fake.h"

static int devsec_test_init(struct kunit *test)
{
	fake_agent_register(fake_agent_new(test));
	return 0;
}

static void devsec_test_transitions(struct kunit *test)
{
	/* rows: from, columns: to, in the order of enum tsm_devsec_state */
	static const bool legal[][8] = {
		[TSM_DEVSEC_UNLOCKED]	= { 0, 1, 0, 0, 0, 0, 0, 0 },
		[TSM_DEVSEC_LOCKING]	= { 1, 0, 1, 0, 0, 0, 0, 1 },
		[TSM_DEVSEC_LOCKED]	= { 0, 0, 0, 1, 0, 1, 1, 0 },
		[TSM_DEVSEC_ACCEPTING]	= { 1, 0, 1, 0, 1, 0, 0, 1 },
		[TSM_DEVSEC_RUN]	= { 0, 0, 0, 0, 0, 1, 1, 0 },
		[TSM_DEVSEC_UNLOCKING]	= { 1, 0, 0, 0, 0, 0, 0, 1 },
		[TSM_DEVSEC_LOST]	= { 0, 0, 0, 0, 0, 1, 0, 1 },
		[TSM_DEVSEC_STUCK]	= { 0, 0, 0, 0, 0, 1, 1, 0 },
	};

	for (int from = 0; from < ARRAY_SIZE(legal); from++)
		for (int to = 0; to < ARRAY_SIZE(legal[0]); to++)
			KUNIT_EXPECT_EQ_MSG(test, legal[from][to],
					    tsm_devsec_may_follow(from, to),
					    "%d -> %d", from, to);
}

/* --- each state, each event ------------------------------------------------- */

enum devsec_event {
	GUEST_LOCK,
	GUEST_ACCEPT,
	GUEST_UNLOCK,
	GUEST_UNLOCK_OTHER,	/* by the name of another TSM */
	GUEST_BIND,
	GUEST_UNBIND,
	GUEST_VALIDATE,		/* what is there */
	GUEST_POLL,		/* and the function is as it was left */
	GUEST_ERROR,		/* seen by a poll */
	GUEST_UNKNOWN,		/* the TSM cannot say, and nobody reported */
	GUEST_REPORTED,		/* likewise, but somebody did */
	GUEST_FALSE_REPORT,	/* the TSM says that nothing is lost */
	GUEST_REFRESH,
	GUEST_UNREGISTER,
	GUEST_SHUTDOWN,
	GUEST_SLEEP,
	NR_GUEST_EVENTS
};

struct devsec_cell {
	enum devsec_event event;
	int rc;
	enum tsm_devsec_state to;
};

/* @left: the TSM has unregistered since */
struct devsec_row {
	const char *name;
	enum tsm_devsec_state from;
	bool bound;
	struct devsec_cell cell[NR_GUEST_EVENTS];
	bool left;
};

static const struct devsec_row devsec_rows[] = {
	{ "unlocked", TSM_DEVSEC_UNLOCKED, false, {
		{ GUEST_LOCK,		0,	TSM_DEVSEC_LOCKED },
		{ GUEST_ACCEPT,		-EINVAL, TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNLOCK,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNLOCK_OTHER,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_BIND,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_POLL,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_REFRESH,	-EINVAL, TSM_DEVSEC_UNLOCKED },
		{ GUEST_VALIDATE,	-EINVAL, TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SLEEP,		0,	TSM_DEVSEC_UNLOCKED } } },
	{ "unlocked, driver", TSM_DEVSEC_UNLOCKED, true, {
		{ GUEST_LOCK,		-EBUSY,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_ACCEPT,		-EINVAL, TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNLOCK,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNLOCK_OTHER,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNBIND,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_POLL,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_REFRESH,	-EINVAL, TSM_DEVSEC_UNLOCKED },
		{ GUEST_VALIDATE,	-EINVAL, TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SLEEP,		0,	TSM_DEVSEC_UNLOCKED } } },
	{ "locked", TSM_DEVSEC_LOCKED, false, {
		{ GUEST_LOCK,		-EBUSY,	TSM_DEVSEC_LOCKED },
		{ GUEST_ACCEPT,		0,	TSM_DEVSEC_RUN },
		{ GUEST_UNLOCK,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNLOCK_OTHER,	-EINVAL, TSM_DEVSEC_LOCKED },
		{ GUEST_BIND,		-EBUSY,	TSM_DEVSEC_LOCKED },
		{ GUEST_POLL,		0,	TSM_DEVSEC_LOCKED },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_LOST },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_LOCKED },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_LOST },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_LOCKED },
		{ GUEST_REFRESH,	0,	TSM_DEVSEC_LOCKED },
		{ GUEST_VALIDATE,	0,	TSM_DEVSEC_LOCKED },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_LOCKED } } },
	{ "run", TSM_DEVSEC_RUN, false, {
		{ GUEST_LOCK,		-EBUSY,	TSM_DEVSEC_RUN },
		{ GUEST_ACCEPT,		0,	TSM_DEVSEC_RUN },
		{ GUEST_UNLOCK,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNLOCK_OTHER,	-EINVAL, TSM_DEVSEC_RUN },
		{ GUEST_BIND,		0,	TSM_DEVSEC_RUN },
		{ GUEST_POLL,		0,	TSM_DEVSEC_RUN },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_LOST },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_RUN },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_LOST },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_RUN },
		{ GUEST_REFRESH,	0,	TSM_DEVSEC_RUN },
		{ GUEST_VALIDATE,	0,	TSM_DEVSEC_RUN },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_RUN } } },
	{ "run, driver", TSM_DEVSEC_RUN, true, {
		{ GUEST_LOCK,		-EBUSY,	TSM_DEVSEC_RUN },
		{ GUEST_ACCEPT,		-EBUSY,	TSM_DEVSEC_RUN },
		{ GUEST_UNLOCK,		-EBUSY,	TSM_DEVSEC_RUN },
		{ GUEST_UNLOCK_OTHER,	-EBUSY,	TSM_DEVSEC_RUN },
		{ GUEST_UNBIND,		0,	TSM_DEVSEC_RUN },
		{ GUEST_VALIDATE,	0,	TSM_DEVSEC_RUN },
		{ GUEST_POLL,		0,	TSM_DEVSEC_RUN },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_LOST },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_RUN },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_LOST },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_RUN },
		{ GUEST_REFRESH,	0,	TSM_DEVSEC_RUN },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_LOST },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_LOST },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_RUN } } },
	{ "lost", TSM_DEVSEC_LOST, false, {
		{ GUEST_LOCK,		-EBUSY,	TSM_DEVSEC_LOST },
		{ GUEST_ACCEPT,		-EIO,	TSM_DEVSEC_LOST },
		{ GUEST_UNLOCK,		0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_UNLOCK_OTHER,	-EINVAL, TSM_DEVSEC_LOST },
		{ GUEST_BIND,		-EBUSY,	TSM_DEVSEC_LOST },
		{ GUEST_POLL,		0,	TSM_DEVSEC_LOST },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_LOST },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_LOST },
		{ GUEST_REFRESH,	-EIO,	TSM_DEVSEC_LOST },
		{ GUEST_VALIDATE,	-EINVAL, TSM_DEVSEC_LOST },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_LOST },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_LOST },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_UNLOCKED },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_LOST } } },
	{ "stuck", TSM_DEVSEC_STUCK, false, {
		{ GUEST_LOCK,		-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_ACCEPT,		-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_UNLOCK,		-EREMOTEIO, TSM_DEVSEC_STUCK },
		{ GUEST_UNLOCK_OTHER,	-EINVAL, TSM_DEVSEC_STUCK },
		{ GUEST_BIND,		-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_POLL,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_REFRESH,	-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_VALIDATE,	-EINVAL, TSM_DEVSEC_STUCK },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_STUCK } } },
	{ "lost, driver", TSM_DEVSEC_LOST, true, {
		{ GUEST_LOCK,		-EBUSY,	TSM_DEVSEC_LOST },
		{ GUEST_ACCEPT,		-EBUSY,	TSM_DEVSEC_LOST },
		{ GUEST_UNLOCK,		-EBUSY,	TSM_DEVSEC_LOST },
		{ GUEST_UNLOCK_OTHER,	-EBUSY,	TSM_DEVSEC_LOST },
		{ GUEST_UNBIND,		0,	TSM_DEVSEC_LOST },
		{ GUEST_POLL,		0,	TSM_DEVSEC_LOST },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_LOST },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_LOST },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_LOST },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_LOST },
		{ GUEST_REFRESH,	-EIO,	TSM_DEVSEC_LOST },
		{ GUEST_VALIDATE,	-EINVAL, TSM_DEVSEC_LOST },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_LOST },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_LOST },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_LOST } } },
	{ "stuck, driver", TSM_DEVSEC_STUCK, true, {
		{ GUEST_LOCK,		-EBUSY,	TSM_DEVSEC_STUCK },
		{ GUEST_ACCEPT,		-EBUSY,	TSM_DEVSEC_STUCK },
		{ GUEST_UNLOCK,		-EBUSY,	TSM_DEVSEC_STUCK },
		{ GUEST_UNLOCK_OTHER,	-EBUSY,	TSM_DEVSEC_STUCK },
		{ GUEST_UNBIND,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_POLL,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_REFRESH,	-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_VALIDATE,	-EINVAL, TSM_DEVSEC_STUCK },
		{ GUEST_UNREGISTER,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_STUCK } } },
	{ "stuck, TSM left", TSM_DEVSEC_STUCK, false, {
		{ GUEST_LOCK,		-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_ACCEPT,		-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_UNLOCK,		-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_UNLOCK_OTHER,	-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_BIND,		-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_VALIDATE,	-EINVAL, TSM_DEVSEC_STUCK },
		{ GUEST_POLL,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_REFRESH,	-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_STUCK } }, true },
	{ "stuck, driver, TSM left", TSM_DEVSEC_STUCK, true, {
		{ GUEST_LOCK,		-EBUSY,	TSM_DEVSEC_STUCK },
		{ GUEST_ACCEPT,		-EBUSY,	TSM_DEVSEC_STUCK },
		{ GUEST_UNLOCK,		-EBUSY,	TSM_DEVSEC_STUCK },
		{ GUEST_UNLOCK_OTHER,	-EBUSY,	TSM_DEVSEC_STUCK },
		{ GUEST_UNBIND,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_VALIDATE,	-EINVAL, TSM_DEVSEC_STUCK },
		{ GUEST_POLL,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_ERROR,		0,	TSM_DEVSEC_STUCK },
		{ GUEST_UNKNOWN,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_REPORTED,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_FALSE_REPORT,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_REFRESH,	-EIO,	TSM_DEVSEC_STUCK },
		{ GUEST_SHUTDOWN,	0,	TSM_DEVSEC_STUCK },
		{ GUEST_SLEEP,		-EBUSY,	TSM_DEVSEC_STUCK } }, true },
};

/* What has begun comes to a good end, too */
static int devsec_refresh(struct fake_agent *a)
{
	static const u8 nonce[TSM_NONCE_SIZE] = { 7 };
	u64 was = fake_agent_generation(a);
	int rc;

	rc = fake_agent_refresh(a, BIT(TSM_OBJECT_MEASUREMENTS), nonce);
	return rc ?: fake_agent_generation(a) == was ? -EBADMSG : 0;
}

static int devsec_do(struct fake_agent *a, enum devsec_event event)
{
	int rc;

	switch (event) {
	case GUEST_LOCK:
		return fake_agent_lock(a);
	case GUEST_ACCEPT:
		return tsm_devsec_accept(a->pdev);
	case GUEST_UNLOCK:
		return fake_agent_unlock(a);
	case GUEST_UNLOCK_OTHER:
		return tsm_devsec_unlock(a->pdev, a->tsm_dev->id + 1);
	case GUEST_BIND:
		return fake_agent_bind(a);
	case GUEST_UNBIND:
		fake_agent_unbind(a);
		return 0;
	case GUEST_VALIDATE:
		return tsm_evidence_validate(a->pdev, fake_agent_generation(a));
	case GUEST_POLL:
		fake_agent_loss(a, false);
		return 0;
	case GUEST_ERROR:
		a->state = TSM_TDI_ERROR;
		fake_agent_loss(a, false);
		return 0;
	case GUEST_UNKNOWN:
	case GUEST_REPORTED:
		a->fail[AGENT_STATE] = -EREMOTEIO;
		fake_agent_loss(a, event == GUEST_REPORTED);
		return 0;
	case GUEST_FALSE_REPORT:
		fake_agent_loss(a, true);
		return 0;
	case GUEST_REFRESH:
		return devsec_refresh(a);
	case GUEST_UNREGISTER:
		fake_agent_unregister(a);
		return 0;
	case GUEST_SHUTDOWN:
		scoped_guard(device, &a->pdev->dev)
			pci_devsec_shutdown(a->pdev);
		return 0;
	case GUEST_SLEEP:
		rc = tsm_session_sleep();
		if (!rc)
			tsm_session_wake();
		return rc;
	default:
		return 0;
	}
}

static void devsec_test_row(struct kunit *test)
{
	const struct devsec_row *row = test->param_value;

	for (int i = 0; i < NR_GUEST_EVENTS; i++) {
		const struct devsec_cell *cell = &row->cell[i];
		struct fake_agent *a;

		/* a row that is shorter than others */
		if (i && !cell->event)
			break;

		a = fake_agent_new(test);
		fake_agent_register(a);
		if (row->bound)
			fake_agent_bind_and_to(a, row->from);
		else
			fake_agent_to(a, row->from);
		if (row->left)
			fake_agent_unregister(a);

		KUNIT_EXPECT_EQ_MSG(test, cell->rc, devsec_do(a, cell->event),
				    "%s, event %d", row->name, cell->event);
		KUNIT_EXPECT_EQ_MSG(test, cell->to, fake_agent_state(a),
				    "%s, event %d", row->name, cell->event);
		/* what a driver was told to be private is so until it leaves */
		KUNIT_EXPECT_EQ_MSG(test,
				    row->bound ?
				    row->from != TSM_DEVSEC_UNLOCKED :
				    row->from == TSM_DEVSEC_RUN &&
				    cell->event == GUEST_BIND,
				    pci_devsec_private_dma(&a->pdev->dev),
				    "%s, event %d", row->name, cell->event);
		/* nobody resets or powers down what is not unlocked */
		KUNIT_EXPECT_EQ_MSG(test, cell->to != TSM_DEVSEC_UNLOCKED,
				    pci_devsec_locked(a->pdev),
				    "%s, event %d", row->name, cell->event);
		/* and nobody stops what has something to lose */
		KUNIT_EXPECT_EQ_MSG(test,
				    cell->to == TSM_DEVSEC_LOCKED ||
				    cell->to == TSM_DEVSEC_RUN,
				    tsm_devsec_keeps_command(a->pdev),
				    "%s, event %d", row->name, cell->event);
		memset(a->fail, 0, sizeof(a->fail));
		fake_agent_remove(a);
		/* and nothing is left of it */
		KUNIT_EXPECT_NULL_MSG(test, a->pdev->devsec, "%s, event %d",
				      row->name, cell->event);
		KUNIT_EXPECT_FALSE_MSG(test,
				       pci_devsec_private_mmio(pci_resource_start(a->pdev, 0)),
				       "%s, event %d", row->name, cell->event);
		KUNIT_EXPECT_EQ_MSG(test, 0, a->contexts, "%s, event %d",
				    row->name, cell->event);
		/* the next one is at the same address */
		if (a->registered)
			fake_agent_unregister(a);
	}
}

static void devsec_row_name(const struct devsec_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(devsec_rows, devsec_rows, devsec_row_name);

/* --- order -------------------------------------------------------------------- */

static void devsec_test_story(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	phys_addr_t bar = pci_resource_start(a->pdev, 0);

	KUNIT_EXPECT_EQ(test, 0, fake_agent_lock(a));
	AGENT_EXPECT_LOG(a, " decode lock [2]");
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_mmio(bar));
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_accept(a->pdev));
	/* nothing private moves before a driver attaches */
	AGENT_EXPECT_LOG(a, " accept mmio-on [4]");
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	/* what the report calls TEE memory, and not a byte more */
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_mmio(bar - 1));
	KUNIT_EXPECT_TRUE(test, pci_devsec_private_mmio(bar));
	KUNIT_EXPECT_TRUE(test, pci_devsec_private_mmio(bar + FAKE_BAR_TEE - 1));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_mmio(bar + FAKE_BAR_TEE));
	/* none of that behind what is for the host */
	KUNIT_EXPECT_TRUE(test, pci_devsec_mixed_mmio(bar - 1, 2));
	KUNIT_EXPECT_FALSE(test, pci_devsec_mixed_mmio(bar - 1, 1));
	KUNIT_EXPECT_FALSE(test, pci_devsec_mixed_mmio(bar, 2 * FAKE_BAR_TEE));
	KUNIT_EXPECT_FALSE(test, pci_devsec_mixed_mmio(bar + FAKE_BAR_TEE,
						       PAGE_SIZE));

	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
		AGENT_EXPECT_LOG(a, " dma-on");
		KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&a->pdev->dev));
		fake_agent_unbind(a);
		AGENT_EXPECT_LOG(a, " dma-off");
		/* the driver core frees some of its memory only now */
		KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&a->pdev->dev));
	}

	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	AGENT_EXPECT_LOG(a, " mmio-off unlock no-decode [0]");
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_mmio(bar));

	/* a driver of an ordinary function */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	AGENT_EXPECT_LOG(a, "");
}

static void devsec_test_loss(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	phys_addr_t bar = pci_resource_start(a->pdev, 0);

	fake_agent_to(a, TSM_DEVSEC_RUN);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	a->log[0] = '\0';

	a->state = TSM_TDI_ERROR;
	fake_agent_loss(a, false);
	AGENT_EXPECT_LOG(a, " dma-off mmio-off [6]");
	/* nor does a driver that has not heard get what the host has put there */
	KUNIT_EXPECT_TRUE(test, pci_devsec_private_mmio(bar));
	KUNIT_EXPECT_EQ(test, 1, a->told);
	KUNIT_EXPECT_TRUE(test, pci_devsec_private_dma(&a->pdev->dev));

	/* once is enough */
	fake_agent_loss(a, true);
	KUNIT_EXPECT_EQ(test, 1, a->told);

	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, "");
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_mmio(bar));
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_bind(a));

	/* a usable shared function, or one to be locked again */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	AGENT_EXPECT_LOG(a, " unlock no-decode [0]");
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	fake_agent_unbind(a);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_lock(a));
}

/* Through the work that a report queues, from where nobody may sleep */
static void devsec_test_note_loss(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct tsm_devsec *d;

	/* one that was never locked */
	pci_devsec_note_loss(a->pdev);

	fake_agent_to(a, TSM_DEVSEC_RUN);
	d = tsm_devsec_get(a->pdev);
	scoped_guard(irqsave)
		pci_devsec_note_loss(a->pdev);
	flush_work(&d->loss_work);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_RUN, fake_agent_state(a));

	a->state = TSM_TDI_ERROR;
	scoped_guard(irqsave)
		pci_devsec_note_loss(a->pdev);
	flush_work(&d->loss_work);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
	tsm_devsec_put(d);
}

/* --- steps that fail ------------------------------------------------------------ */

static void devsec_test_lock_fails(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	a->fail[AGENT_LOCK] = -EACCES;
	KUNIT_EXPECT_EQ(test, -EACCES, fake_agent_lock(a));
	AGENT_EXPECT_LOG(a, " decode lock no-decode [0]");
	a->fail[AGENT_LOCK] = 0;

	a->fail[AGENT_READ] = -EBADMSG;
	KUNIT_EXPECT_EQ(test, -EBADMSG, fake_agent_lock(a));
	AGENT_EXPECT_LOG(a, " decode lock unlock no-decode [0]");
	a->fail[AGENT_READ] = 0;

	a->bad_report = true;
	KUNIT_EXPECT_EQ(test, -EBADMSG, fake_agent_lock(a));
	AGENT_EXPECT_LOG(a, " decode lock unlock no-decode [0]");
	KUNIT_EXPECT_EQ(test, 0, a->contexts);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_generation(a));

	a->fail[AGENT_UNLOCK] = -EREMOTEIO;
	KUNIT_EXPECT_EQ(test, -EBADMSG, fake_agent_lock(a));
	AGENT_EXPECT_LOG(a, " decode lock unlock [7]");
	a->fail[AGENT_UNLOCK] = 0;
	a->bad_report = false;
	KUNIT_EXPECT_EQ(test, -EIO, fake_agent_lock(a));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_lock(a));
}

static void devsec_test_lock_refused(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	KUNIT_EXPECT_EQ(test, -ENXIO,
			tsm_devsec_lock(a->pdev, a->tsm_dev->id + 1));
	/* a TSM of the other kind */
	KUNIT_EXPECT_EQ(test, -ENXIO,
			tsm_devsec_lock(a->pdev, a->f->tsm_dev->id));
	/* a VF without the capability */
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			tsm_devsec_lock(a->f->vf[0].pdev, a->tsm_dev->id));
	AGENT_EXPECT_LOG(a, "");

	fake_agent_not_quiet(a);
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_lock(a));
	AGENT_EXPECT_LOG(a, " [0]");
}

static void devsec_test_accept_fails(struct kunit *test)
{
	struct fake_agent *a = test->priv;

	/* the TSM says that this is another lock */
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	a->fail[AGENT_ACCEPT] = -ESTALE;
	KUNIT_EXPECT_EQ(test, -ESTALE, tsm_devsec_accept(a->pdev));
	AGENT_EXPECT_LOG(a, " accept [2]");

	/* whatever else: it may run already */
	a->fail[AGENT_ACCEPT] = -EREMOTEIO;
	a->refuse_after = true;
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, tsm_devsec_accept(a->pdev));
	AGENT_EXPECT_LOG(a, " accept unlock no-decode [0]");
	KUNIT_EXPECT_EQ(test, TSM_TDI_UNLOCKED, a->state);
	a->fail[AGENT_ACCEPT] = 0;

	/* a BAR that is not where the report says */
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	a->fail[AGENT_MMIO_ON] = -EPERM;
	KUNIT_EXPECT_EQ(test, -EPERM, tsm_devsec_accept(a->pdev));
	AGENT_EXPECT_LOG(a, " accept mmio-on unlock no-decode [0]");

	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	a->fail[AGENT_UNLOCK] = -EREMOTEIO;
	KUNIT_EXPECT_EQ(test, -EPERM, tsm_devsec_accept(a->pdev));
	AGENT_EXPECT_LOG(a, " accept mmio-on unlock [7]");
}

/* A BAR that shares a page of this kernel with something else */
static void devsec_test_accept_unaligned(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	phys_addr_t bar;

	a->pdev->resource[0].start += PAGE_SIZE / 2;
	a->pdev->resource[0].end += PAGE_SIZE / 2;
	bar = pci_resource_start(a->pdev, 0);

	/* the report is about offsets, and does not know */
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, tsm_devsec_accept(a->pdev));
	AGENT_EXPECT_LOG(a, " accept unlock no-decode [0]");
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, TSM_TDI_UNLOCKED, a->state);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_generation(a));
	KUNIT_EXPECT_EQ(test, 0, a->contexts);
	/* neither of the pages that it has a part of, nor one between */
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_mmio(bar));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_mmio(bar + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test,
			   pci_devsec_private_mmio(bar + FAKE_BAR_TEE - 1));

	/* an ordinary function as before */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	fake_agent_unbind(a);
	AGENT_EXPECT_LOG(a, "");

	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	a->fail[AGENT_UNLOCK] = -EREMOTEIO;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, tsm_devsec_accept(a->pdev));
	AGENT_EXPECT_LOG(a, " accept unlock [7]");
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_STUCK, fake_agent_state(a));
}

static void devsec_test_ops(struct kunit *test)
{
	struct fake_agent *a = fake_agent_new(test);
	const struct pci_devsec_ops good = a->devsec_ops;

#define EXPECT_REFUSED(change)						\
	do {								\
		a->devsec_ops = good;					\
		a->devsec_ops.change;					\
		KUNIT_EXPECT_EQ(test, -EINVAL,				\
				pci_tsm_register(a->tsm_dev));		\
	} while (0)

	EXPECT_REFUSED(lock = NULL);
	EXPECT_REFUSED(read_object = NULL);
	EXPECT_REFUSED(regen_object = NULL);
	EXPECT_REFUSED(accept = NULL);
	EXPECT_REFUSED(mmio = NULL);
	EXPECT_REFUSED(dma = NULL);
	EXPECT_REFUSED(state = NULL);
	EXPECT_REFUSED(unlock = NULL);
	EXPECT_REFUSED(object_types = BIT(TSM_OBJECT_TRANSCRIPT));
	EXPECT_REFUSED(object_types |= BIT(PCI_DEVSEC_NR_OBJECTS));
	EXPECT_REFUSED(object_types = BIT(TSM_OBJECT_INTERFACE_REPORT));
	EXPECT_REFUSED(mmio_base = PCI_TDI_MMIO_PHYSICAL);

	a->devsec_ops = good;
	a->devsec_ops.regen_types = 0;
	a->devsec_ops.regen_object = NULL;
	fake_agent_register(a);
}

/* --- evidence ---------------------------------------------------------------------- */

static void devsec_test_stale(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	u64 first, second;

	KUNIT_EXPECT_EQ(test, -EINVAL, tsm_evidence_validate(a->pdev, 1));
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	first = fake_agent_generation(a);
	KUNIT_EXPECT_EQ(test, 0, tsm_evidence_validate(a->pdev, first));

	/* somebody locks it anew */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	KUNIT_EXPECT_EQ(test, -EINVAL, tsm_evidence_validate(a->pdev, first));
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	second = fake_agent_generation(a);
	KUNIT_EXPECT_NE(test, first, second);
	KUNIT_EXPECT_EQ(test, -ESTALE, tsm_devsec_accept(a->pdev));
	AGENT_EXPECT_LOG(a, " [2]");
	KUNIT_EXPECT_EQ(test, -ESTALE, tsm_evidence_validate(a->pdev, first));
	KUNIT_EXPECT_EQ(test, -ESTALE, tsm_devsec_accept(a->pdev));
	KUNIT_EXPECT_EQ(test, 0, tsm_evidence_validate(a->pdev, second));
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_accept(a->pdev));
}

static void devsec_test_refresh(struct kunit *test)
{
	const u32 report = BIT(TSM_OBJECT_INTERFACE_REPORT);
	const u32 measurements = BIT(TSM_OBJECT_MEASUREMENTS);
	const struct tsm_object *was, *is, *kept;
	struct fake_agent *a = test->priv;
	u8 nonce[TSM_NONCE_SIZE] = { 42 };
	struct tsm_evidence *old, *new;
	struct tsm_devsec *d;
	u64 generation = 0;

	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	old = tsm_evidence_get(a->pdev);
	KUNIT_ASSERT_NOT_NULL(test, old);
	KUNIT_EXPECT_EQ(test, 0, tsm_evidence_validate(a->pdev,
						       old->generation));

	KUNIT_EXPECT_EQ(test, -EINVAL, fake_agent_refresh(a, 0, nonce));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			fake_agent_refresh(a, measurements |
					   BIT(TSM_OBJECT_CERTIFICATE_CHAIN),
					   nonce));

	/* the answer does not contain the nonce */
	d = tsm_devsec_get(a->pdev);
	a->fail[AGENT_REGEN] = -EBADMSG;
	KUNIT_EXPECT_EQ(test, -EBADMSG,
			tsm_evidence_remake(d, measurements, nonce,
					    &generation));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_refresh(a, measurements, nonce));
	a->fail[AGENT_REGEN] = 0;
	tsm_devsec_put(d);
	KUNIT_EXPECT_EQ(test, 0, generation);
	KUNIT_EXPECT_EQ(test, old->generation, fake_agent_generation(a));

	KUNIT_EXPECT_EQ(test, 0, fake_agent_refresh(a, measurements | report,
						    nonce));
	new = tsm_evidence_get(a->pdev);
	KUNIT_ASSERT_NOT_NULL(test, new);
	KUNIT_EXPECT_LT(test, old->generation, new->generation);
	/* what was verified is not what is there now */
	KUNIT_EXPECT_EQ(test, -ESTALE, tsm_devsec_accept(a->pdev));

	was = &old->object[TSM_OBJECT_MEASUREMENTS];
	is = &new->object[TSM_OBJECT_MEASUREMENTS];
	KUNIT_EXPECT_NE(test, 0, memcmp(was->digest, is->digest,
					sizeof(is->digest)));
	kept = &new->object[TSM_OBJECT_CERTIFICATE_CHAIN];
	was = &old->object[TSM_OBJECT_CERTIFICATE_CHAIN];
	KUNIT_EXPECT_EQ(test, was->len, kept->len);
	KUNIT_EXPECT_MEMEQ(test, was->bytes, kept->bytes, kept->len);
	KUNIT_EXPECT_MEMEQ(test, was->digest, kept->digest,
			   sizeof(kept->digest));
	tsm_evidence_put(new);

	/* another report than that of the lock */
	a->bad_report = true;
	d = tsm_devsec_get(a->pdev);
	generation = 0;
	KUNIT_EXPECT_EQ(test, -EBADMSG,
			tsm_evidence_remake(d, report, nonce, &generation));
	tsm_devsec_put(d);
	a->bad_report = false;
	KUNIT_EXPECT_EQ(test, 0, generation);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));

	/* who reads a set keeps it, whatever becomes of the function */
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	KUNIT_EXPECT_NULL(test, tsm_evidence_get(a->pdev));
	KUNIT_EXPECT_EQ(test, TSM_OBJECT_CERTIFICATE_CHAIN,
			((u8 *)was->bytes)[0]);
	tsm_evidence_put(old);
}

static void devsec_test_large(struct kunit *test)
{
	static const size_t lens[] = {
		0, 1, SZ_4K - 1, SZ_4K, SZ_64K + 1, PCI_DEVSEC_OBJECT_MAX,
	};
	struct fake_agent *a = test->priv;

	for (int i = 0; i < ARRAY_SIZE(lens); i++) {
		u8 digest[SHA384_DIGEST_SIZE];
		struct tsm_evidence *e;
		struct tsm_object *o;

		a->object_len = lens[i];
		fake_agent_to(a, TSM_DEVSEC_LOCKED);
		e = tsm_evidence_get(a->pdev);
		KUNIT_ASSERT_NOT_NULL(test, e);
		o = &e->object[TSM_OBJECT_TRANSCRIPT];
		KUNIT_EXPECT_EQ(test, lens[i], o->len);
		for (size_t n = 0; n < o->len; n++) {
			if (((u8 *)o->bytes)[n] != (u8)(n * 31)) {
				KUNIT_FAIL(test, "byte %zu of %zu", n, o->len);
				break;
			}
		}
		sha384(o->bytes, o->len, digest);
		if (o->len)
			KUNIT_EXPECT_MEMEQ(test, digest, o->digest,
					   sizeof(digest));
		tsm_evidence_put(e);
		KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	}

	a->object_len = PCI_DEVSEC_OBJECT_MAX + 1;
	KUNIT_EXPECT_EQ(test, -EFBIG, fake_agent_lock(a));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(a));
}

static struct kunit_case devsec_cases[] = {
	KUNIT_CASE(devsec_test_transitions),
	KUNIT_CASE_PARAM(devsec_test_row, devsec_rows_gen_params),
	KUNIT_CASE(devsec_test_story),
	KUNIT_CASE(devsec_test_loss),
	KUNIT_CASE(devsec_test_note_loss),
	KUNIT_CASE(devsec_test_lock_fails),
	KUNIT_CASE(devsec_test_lock_refused),
	KUNIT_CASE(devsec_test_accept_fails),
	KUNIT_CASE(devsec_test_accept_unaligned),
	KUNIT_CASE(devsec_test_ops),
	KUNIT_CASE(devsec_test_stale),
	KUNIT_CASE(devsec_test_refresh),
	KUNIT_CASE(devsec_test_large),
	{}
};

static struct kunit_suite devsec_suite = {
	.name = "pci_devsec",
	.init = devsec_test_init,
	.test_cases = devsec_cases,
};

kunit_test_suite(devsec_suite);
