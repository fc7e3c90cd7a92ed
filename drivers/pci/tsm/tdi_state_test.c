// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of TDIs: each state and each event, and what others do to a
 * device: resets, power changes, connections that end and begin.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "tdi_fake.h"

static int tdi_test_init(struct kunit *test)
{
	test->priv = fake_tsm_new(test);
	return 0;
}

/* --- transitions --------------------------------------------------------------- */

static void tdi_test_transitions(struct kunit *test)
{
	/* rows: from, columns: to, in the order of enum tsm_tdi_phase */
	static const bool legal[][8] = {
		[TSM_PHASE_DEAD]	= { 0, 1, 0, 0, 0, 0, 0, 0 },
		[TSM_PHASE_UNLOCKED]	= { 1, 0, 1, 0, 0, 0, 0, 1 },
		[TSM_PHASE_LOCKING]	= { 0, 0, 0, 1, 0, 0, 1, 0 },
		[TSM_PHASE_LOCKED]	= { 0, 0, 0, 0, 1, 1, 1, 0 },
		[TSM_PHASE_RUN]		= { 0, 0, 0, 0, 0, 1, 1, 0 },
		[TSM_PHASE_ERROR]	= { 0, 0, 0, 0, 0, 0, 1, 0 },
		[TSM_PHASE_STOPPING]	= { 0, 1, 0, 0, 0, 0, 0, 1 },
		[TSM_PHASE_QUARANTINED]	= { 1, 0, 0, 0, 0, 0, 0, 0 },
	};

	for (int from = 0; from < ARRAY_SIZE(legal); from++)
		for (int to = 0; to < ARRAY_SIZE(legal[0]); to++)
			KUNIT_EXPECT_EQ_MSG(test, legal[from][to],
					    tsm_tdi_may_follow(from, to),
					    "%d -> %d", from, to);
}

struct tdi_test_cell {
	enum tdi_test_event event;
	int rc;
	enum tsm_tdi_phase to;
};

struct tdi_test_row {
	const char *name;
	enum tsm_tdi_phase from;
	struct tdi_test_cell cell[NR_EVENTS];
};

/*
 * Every state in which a TDI may be found, every event. What comes while it is
 * on its way from one to another is in tdi_midway_test.c.
 */
static const struct tdi_test_row tdi_test_rows[] = {
	{ "DEAD", TSM_PHASE_DEAD, {
		{ EVENT_LOCK,		-ENXIO,	TSM_PHASE_DEAD },
		{ EVENT_RUN,		-ENXIO,	TSM_PHASE_DEAD },
		{ EVENT_STOP,		0,	TSM_PHASE_DEAD },
		{ EVENT_QUERY,		0,	TSM_PHASE_DEAD },
		{ EVENT_DEVICE_ERROR,	0,	TSM_PHASE_DEAD },
		{ EVENT_FIRMWARE_RUN,	0,	TSM_PHASE_DEAD },
		{ EVENT_REQUEST,	-ENXIO,	TSM_PHASE_DEAD },
		{ EVENT_RESET,		-ENXIO,	TSM_PHASE_DEAD },
		{ EVENT_POWER,		-ENXIO,	TSM_PHASE_DEAD },
		{ EVENT_BLOCKED,	0,	TSM_PHASE_DEAD },
		{ EVENT_STOP_FAILS,	0,	TSM_PHASE_DEAD },
		{ EVENT_DISARM,		0,	TSM_PHASE_DEAD },
		{ EVENT_DESTROY,	0,	TSM_PHASE_DEAD },
		{ EVENT_DISCONNECT,	-ENXIO,	TSM_PHASE_DEAD },
		{ EVENT_SLEEP,		0,	TSM_PHASE_DEAD },
		{ EVENT_SHUTDOWN,	0,	TSM_PHASE_DEAD },
		{ EVENT_UNREGISTER,	0,	TSM_PHASE_DEAD },
		{ EVENT_FUNCTION_GONE,	0,	TSM_PHASE_DEAD },
		{ EVENT_DEVICE_GONE,	0,	TSM_PHASE_DEAD } } },
	{ "UNLOCKED", TSM_PHASE_UNLOCKED, {
		{ EVENT_LOCK,		0,	TSM_PHASE_LOCKED },
		{ EVENT_RUN,		-EINVAL, TSM_PHASE_UNLOCKED },
		{ EVENT_STOP,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_QUERY,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_DEVICE_ERROR,	0,	TSM_PHASE_UNLOCKED },
		{ EVENT_FIRMWARE_RUN,	0,	TSM_PHASE_UNLOCKED },
		{ EVENT_REQUEST,	-EINVAL, TSM_PHASE_UNLOCKED },
		{ EVENT_RESET,		-EINVAL, TSM_PHASE_UNLOCKED },
		{ EVENT_POWER,		-EINVAL, TSM_PHASE_UNLOCKED },
		{ EVENT_BLOCKED,	0,	TSM_PHASE_UNLOCKED },
		{ EVENT_STOP_FAILS,	0,	TSM_PHASE_UNLOCKED },
		{ EVENT_DISARM,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_DESTROY,	0,	TSM_PHASE_DEAD },
		{ EVENT_DISCONNECT,	-EBUSY,	TSM_PHASE_UNLOCKED },
		{ EVENT_SLEEP,		-EBUSY,	TSM_PHASE_UNLOCKED },
		{ EVENT_SHUTDOWN,	0,	TSM_PHASE_DEAD },
		{ EVENT_UNREGISTER,	0,	TSM_PHASE_DEAD },
		{ EVENT_FUNCTION_GONE,	0,	TSM_PHASE_DEAD },
		{ EVENT_DEVICE_GONE,	0,	TSM_PHASE_DEAD } } },
	{ "LOCKED", TSM_PHASE_LOCKED, {
		{ EVENT_LOCK,		-EINVAL, TSM_PHASE_LOCKED },
		{ EVENT_RUN,		0,	TSM_PHASE_RUN },
		{ EVENT_STOP,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_QUERY,		0,	TSM_PHASE_LOCKED },
		{ EVENT_DEVICE_ERROR,	0,	TSM_PHASE_ERROR },
		{ EVENT_FIRMWARE_RUN,	0,	TSM_PHASE_RUN },
		{ EVENT_REQUEST,	0,	TSM_PHASE_LOCKED },
		{ EVENT_RESET,		-EINVAL, TSM_PHASE_ERROR },
		{ EVENT_POWER,		0,	TSM_PHASE_LOCKED },
		{ EVENT_BLOCKED,	0,	TSM_PHASE_ERROR },
		{ EVENT_STOP_FAILS, -ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_DISARM,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_DESTROY,	0,	TSM_PHASE_DEAD },
		{ EVENT_DISCONNECT,	-EBUSY,	TSM_PHASE_LOCKED },
		{ EVENT_SLEEP,		-EBUSY,	TSM_PHASE_LOCKED },
		{ EVENT_SHUTDOWN,	0,	TSM_PHASE_DEAD },
		{ EVENT_UNREGISTER,	0,	TSM_PHASE_DEAD },
		{ EVENT_FUNCTION_GONE,	0,	TSM_PHASE_DEAD },
		{ EVENT_DEVICE_GONE,	0,	TSM_PHASE_DEAD } } },
	{ "RUN", TSM_PHASE_RUN, {
		{ EVENT_LOCK,		-EINVAL, TSM_PHASE_RUN },
		{ EVENT_RUN,		-EINVAL, TSM_PHASE_RUN },
		{ EVENT_STOP,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_QUERY,		0,	TSM_PHASE_RUN },
		{ EVENT_DEVICE_ERROR,	0,	TSM_PHASE_ERROR },
		{ EVENT_FIRMWARE_RUN,	0,	TSM_PHASE_RUN },
		{ EVENT_REQUEST,	0,	TSM_PHASE_RUN },
		{ EVENT_RESET,		-EINVAL, TSM_PHASE_ERROR },
		{ EVENT_POWER,		0,	TSM_PHASE_RUN },
		{ EVENT_BLOCKED,	0,	TSM_PHASE_ERROR },
		{ EVENT_STOP_FAILS, -ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_DISARM,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_DESTROY,	0,	TSM_PHASE_DEAD },
		{ EVENT_DISCONNECT,	-EBUSY,	TSM_PHASE_RUN },
		{ EVENT_SLEEP,		-EBUSY,	TSM_PHASE_RUN },
		{ EVENT_SHUTDOWN,	0,	TSM_PHASE_DEAD },
		{ EVENT_UNREGISTER,	0,	TSM_PHASE_DEAD },
		{ EVENT_FUNCTION_GONE,	0,	TSM_PHASE_DEAD },
		{ EVENT_DEVICE_GONE,	0,	TSM_PHASE_DEAD } } },
	{ "ERROR", TSM_PHASE_ERROR, {
		{ EVENT_LOCK,		-EINVAL, TSM_PHASE_ERROR },
		{ EVENT_RUN,		-EINVAL, TSM_PHASE_ERROR },
		{ EVENT_STOP,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_QUERY,		0,	TSM_PHASE_ERROR },
		{ EVENT_DEVICE_ERROR,	0,	TSM_PHASE_ERROR },
		{ EVENT_FIRMWARE_RUN,	0,	TSM_PHASE_ERROR },
		{ EVENT_REQUEST,	-EINVAL, TSM_PHASE_ERROR },
		{ EVENT_RESET,		-EINVAL, TSM_PHASE_ERROR },
		{ EVENT_POWER,		-EINVAL, TSM_PHASE_ERROR },
		{ EVENT_BLOCKED,	0,	TSM_PHASE_ERROR },
		{ EVENT_STOP_FAILS, -ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_DISARM,		0,	TSM_PHASE_UNLOCKED },
		{ EVENT_DESTROY,	0,	TSM_PHASE_DEAD },
		{ EVENT_DISCONNECT,	-EBUSY,	TSM_PHASE_ERROR },
		{ EVENT_SLEEP,		-EBUSY,	TSM_PHASE_ERROR },
		{ EVENT_SHUTDOWN,	0,	TSM_PHASE_DEAD },
		{ EVENT_UNREGISTER,	0,	TSM_PHASE_DEAD },
		{ EVENT_FUNCTION_GONE,	0,	TSM_PHASE_DEAD },
		{ EVENT_DEVICE_GONE,	0,	TSM_PHASE_DEAD } } },
	{ "QUARANTINED", TSM_PHASE_QUARANTINED, {
		{ EVENT_LOCK,	-ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_RUN,	-ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_STOP,	-ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_QUERY,		0,	TSM_PHASE_QUARANTINED },
		{ EVENT_DEVICE_ERROR,	0,	TSM_PHASE_QUARANTINED },
		{ EVENT_FIRMWARE_RUN,	0,	TSM_PHASE_QUARANTINED },
		{ EVENT_REQUEST, -ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_RESET,	-ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_POWER,	-ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_BLOCKED,	0,	TSM_PHASE_QUARANTINED },
		{ EVENT_STOP_FAILS, -ENOTRECOVERABLE, TSM_PHASE_QUARANTINED },
		{ EVENT_DISARM,		0,	TSM_PHASE_QUARANTINED },
		{ EVENT_DESTROY,	0,	TSM_PHASE_QUARANTINED },
		{ EVENT_DISCONNECT,	0,	TSM_PHASE_QUARANTINED },
		{ EVENT_SLEEP,		0,	TSM_PHASE_QUARANTINED },
		{ EVENT_SHUTDOWN,	0,	TSM_PHASE_QUARANTINED },
		{ EVENT_UNREGISTER,	0,	TSM_PHASE_QUARANTINED },
		{ EVENT_FUNCTION_GONE,	0,	TSM_PHASE_QUARANTINED },
		{ EVENT_DEVICE_GONE,	0,	TSM_PHASE_QUARANTINED } } },
};

KUNIT_ARRAY_PARAM_DESC(tdi_test_row, tdi_test_rows, name);

/* All states are here but those that are only passed, each of them once */
static void tdi_test_all_rows(struct kunit *test)
{
	unsigned long seen = BIT(TSM_PHASE_LOCKING) | BIT(TSM_PHASE_STOPPING);

	for (int i = 0; i < ARRAY_SIZE(tdi_test_rows); i++) {
		const struct tdi_test_row *row = &tdi_test_rows[i];

		KUNIT_EXPECT_FALSE_MSG(test, seen & BIT(row->from), "%s",
				       row->name);
		seen |= BIT(row->from);
		for (int j = 0; j < NR_EVENTS; j++)
			KUNIT_EXPECT_EQ_MSG(test, j, row->cell[j].event, "%s",
					    row->name);
	}

	KUNIT_EXPECT_EQ(test, BIT(TSM_PHASE_QUARANTINED + 1) - 1, seen);
}

static int tdi_test_query(struct fake_tsm *f, struct pci_tdi *tdi)
{
	struct tsm_tdi_state_resp state;

	return pci_tdi_get_state(tdi, &state);
}

static int tdi_test_request(struct fake_tsm *f, struct pci_tdi *tdi)
{
	struct pci_tdi_result result;
	struct pci_tdi_req req = {
		.arch = TSM_ARCH_SIM,
		.op = TSM_OP_ENABLE_DMA,
	};

	return pci_tdi_guest_req(tdi, &req, &result);
}

/* Another TDI of the device, that may be the end of all of them, or NULL */
struct pci_tdi *tdi_test_sibling(struct fake_tsm *f)
{
	struct pci_tdi *sibling;

	if (!f->connected)
		return NULL;

	sibling = fake_tdi(f, f->vf[1].pdev);
	fake_tdi_to(f, sibling, TSM_PHASE_LOCKED);
	return sibling;
}

/* Nothing helps to stop a sibling but the end of the device's IDE stream */
static int tdi_test_blocked(struct fake_tsm *f, struct pci_tdi *tdi,
			    struct pci_tdi *sibling)
{
	struct pci_tdi_result result;

	if (!sibling)
		return tdi_test_query(f, tdi);

	fake_log_clear(f);
	f->fail[TSM_STEP_STOP] = -EIO;
	f->fail[TSM_STEP_STOP_FORCE] = -EIO;
	KUNIT_EXPECT_EQ(f->test, 0, pci_tdi_stop(sibling, &result));
	KUNIT_EXPECT_STREQ(f->test, f->log,
			   " stop stop-force block revoke dma-off release ungate");
	f->fail[TSM_STEP_STOP] = 0;
	f->fail[TSM_STEP_STOP_FORCE] = 0;
	fake_tdi_destroy(f, sibling);
	return tdi_test_query(f, tdi);
}

static int tdi_test_stop_fails(struct fake_tsm *f, struct pci_tdi *tdi)
{
	static const enum tsm_tdi_step steps[] = {
		TSM_STEP_STOP, TSM_STEP_STOP_FORCE, TSM_STEP_BLOCK,
	};
	struct pci_tdi_result result;
	int rc;

	for (int i = 0; i < ARRAY_SIZE(steps); i++)
		f->fail[steps[i]] = -EIO;
	rc = pci_tdi_stop(tdi, &result);
	for (int i = 0; i < ARRAY_SIZE(steps); i++)
		f->fail[steps[i]] = 0;
	return rc;
}

static int tdi_test_shutdown(struct fake_tsm *f)
{
	if (!f->registered)
		return 0;

	tsm_links_shutdown();
	fake_tsm_unregister(f);
	return 0;
}

/* What takes a function away from whoever has it; not an event: -ENOENT */
int tdi_test_end(struct fake_tsm *f, struct pci_dev *pdev,
		 enum tdi_test_event event)
{
	switch (event) {
	case EVENT_SHUTDOWN:
		return tdi_test_shutdown(f);
	case EVENT_UNREGISTER:
		if (f->registered)
			fake_tsm_unregister(f);
		return 0;
	case EVENT_FUNCTION_GONE:
		fake_fn_leave(f, pdev);
		return 0;
	case EVENT_DEVICE_GONE:
		fake_fn_leave(f, f->pf0.pdev);
		return 0;
	default:
		return -ENOENT;
	}
}

/* An event in the life of a TDI; @sibling: for EVENT_BLOCKED */
int tdi_test_event(struct fake_tsm *f, struct pci_tdi *tdi,
		   struct pci_tdi *sibling, enum tdi_test_event event)
{
	struct pci_tdi_result result;

	switch (event) {
	case EVENT_LOCK:
		return pci_tdi_lock(tdi, &result);
	case EVENT_RUN:
		return pci_tdi_run(tdi, &result);
	case EVENT_STOP:
		return pci_tdi_stop(tdi, &result);
	case EVENT_QUERY:
		return tdi_test_query(f, tdi);
	case EVENT_DEVICE_ERROR:
		f->vf[0].state = TSM_TDI_ERROR;
		return tdi_test_query(f, tdi);
	case EVENT_FIRMWARE_RUN:
		f->vf[0].state = TSM_TDI_RUN;
		return tdi_test_query(f, tdi);
	case EVENT_REQUEST:
		return tdi_test_request(f, tdi);
	case EVENT_RESET:
		f->vf[0].state = TSM_TDI_UNLOCKED;
		pci_tdi_note_reset(tdi->pdev);
		return tdi_test_request(f, tdi);
	case EVENT_POWER:
		pci_tdi_note_power(tdi->pdev);
		return tdi_test_request(f, tdi);
	case EVENT_BLOCKED:
		return tdi_test_blocked(f, tdi, sibling);
	case EVENT_STOP_FAILS:
		return tdi_test_stop_fails(f, tdi);
	case EVENT_DISARM:
		pci_tdi_disarm(tdi);
		return 0;
	case EVENT_DESTROY:
		fake_tdi_destroy(f, tdi);
		return 0;
	case EVENT_DISCONNECT:
		return fake_tsm_disconnect(f);
	case EVENT_SLEEP:
		return fake_tsm_sleep(f);
	default:
		return tdi_test_end(f, tdi->pdev, event);
	}
}

static void tdi_test_event_in_state(struct kunit *test)
{
	const struct tdi_test_row *row = test->param_value;

	/* a sleep and a shutdown are for all TSMs that there are */
	KUNIT_ASSERT_FALSE(test, tsm_link_present());
	for (int i = 0; i < NR_EVENTS; i++) {
		const struct tdi_test_cell *cell = &row->cell[i];
		struct fake_tsm *f = fake_tsm_new(test);
		struct pci_tdi *tdi, *sibling = NULL;

		KUNIT_ASSERT_EQ(test, i, cell->event);
		fake_tsm_connect(f);
		tdi = fake_tdi(f, f->vf[0].pdev);
		fake_tdi_to(f, tdi, row->from);
		if (cell->event == EVENT_BLOCKED)
			sibling = tdi_test_sibling(f);
		pci_tdi_get(tdi);

		KUNIT_EXPECT_EQ_MSG(test, cell->rc,
				    tdi_test_event(f, tdi, sibling,
						   cell->event),
				    "event %d", i);
		KUNIT_EXPECT_EQ_MSG(test, cell->to, tdi->phase, "event %d", i);

		/* whatever it was, what is left of the TDI can be taken away */
		pci_tdi_put(tdi);
		if (i != EVENT_DESTROY)
			fake_tdi_destroy(f, tdi);
		KUNIT_EXPECT_EQ_MSG(test, cell->to == TSM_PHASE_QUARANTINED,
				    atomic_read(&f->contexts), "event %d", i);
		KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->vf[0].pdev));
		if (f->registered)
			fake_tsm_unregister(f);
		KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));
	}
}

/* --- what others do to the device ------------------------------------------------------ */

static void tdi_test_resets(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);

	/* before the lock, and by the gate itself: of no interest */
	pci_tdi_note_reset(f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " host-dma-on dma-enable");

	/* a sibling's: neither */
	fake_log_clear(f);
	pci_tdi_note_reset(f->vf[1].pdev);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " dma-enable");

	/* a state that loses nothing, and none at all: neither */
	fake_log_clear(f);
	KUNIT_EXPECT_NE(test, 0, pci_set_power_state(f->vf[0].pdev, PCI_D1));
	KUNIT_EXPECT_EQ(test, 0, pci_set_power_state(f->vf[0].pdev, PCI_D0));
	KUNIT_EXPECT_EQ(test, 0, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " dma-enable");

	/*
	 * power came back, and the device with it: this one has no capability
	 * to lose it, but the attempt counts
	 */
	fake_log_clear(f);
	KUNIT_EXPECT_NE(test, 0, pci_set_power_state(f->vf[0].pdev,
						     PCI_D3hot));
	KUNIT_EXPECT_EQ(test, 0, tdi_test_request(f, tdi));
	KUNIT_EXPECT_EQ(test, 0, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " state dma-enable dma-enable");

	/* that of a VF's PF */
	fake_log_clear(f);
	KUNIT_EXPECT_NE(test, 0, pci_set_power_state(f->pf0.pdev, PCI_D3cold));
	KUNIT_EXPECT_EQ(test, 0, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " state dma-enable");

	/* the PF's: all its VFs are reset */
	fake_log_clear(f);
	f->vf[0].state = TSM_TDI_ERROR;
	pci_tdi_note_reset(f->pf0.pdev);
	KUNIT_EXPECT_EQ(test, -EINVAL, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " state event-error");
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, tdi->phase);

	/* told once */
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, -EINVAL, tdi_test_request(f, tdi));
	KUNIT_EXPECT_EQ(test, 0, tdi_test_query(f, tdi));
	FAKE_EXPECT_LOG(f, "");
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
}

/*
 * What happens to a port happens to all below: its link is reset, or was down
 * after an error that it contained, or the port sleeps.
 */
static void tdi_test_ports(struct kunit *test)
{
	struct pci_bus *above = kunit_kzalloc(test, sizeof(*above), GFP_KERNEL);
	struct pci_dev *port = kunit_kzalloc(test, sizeof(*port), GFP_KERNEL);
	struct pci_dev *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct fake_tsm *f = test->priv;
	struct pci_bus *bus = f->pf0.pdev->bus;
	struct pci_tdi *tdi;

	KUNIT_ASSERT_NOT_NULL(test, above);
	KUNIT_ASSERT_NOT_NULL(test, port);
	KUNIT_ASSERT_NOT_NULL(test, other);
	port->bus = above;
	other->bus = above;
	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	bus->parent = above;
	bus->self = port;

	/* another port of the same bus has nothing to do with it */
	pci_tdi_note_reset(other);
	pci_tdi_note_power(other);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " host-dma-on dma-enable");

	fake_log_clear(f);
	pci_tdi_note_power(port);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " state dma-enable");

	fake_log_clear(f);
	f->vf[0].state = TSM_TDI_UNLOCKED;
	pci_tdi_note_reset(port);
	KUNIT_EXPECT_EQ(test, -EINVAL, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " state event-error");
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, tdi->phase);

	/* likewise for what is quarantined; power alone is no reset */
	KUNIT_EXPECT_EQ(test, -ENOTRECOVERABLE, tdi_test_stop_fails(f, tdi));
	fake_tdi_destroy(f, tdi);
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
	fake_tsm_connect(f);
	pci_tdi_note_power(port);
	pci_tdi_note_reset(other);
	KUNIT_EXPECT_TRUE(test, pci_tdi_quarantined(f->vf[0].pdev));
	pci_tdi_note_reset(port);
	KUNIT_EXPECT_FALSE(test, pci_tdi_quarantined(f->vf[0].pdev));

	/* the end of the device looks for its port, which is gone by then */
	bus->parent = NULL;
	bus->self = NULL;
}

/* A device that was reset and does not say in what state it is: the worst */
static void tdi_test_reset_unknown(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);

	/* without a reset there is no reason to think so */
	f->fail[TSM_STEP_STATE] = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, tdi_test_query(f, tdi));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_RUN, tdi->phase);
	pci_tdi_note_reset(f->vf[0].pdev);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_query(f, tdi));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, tdi->phase);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));

	/* the same with a driver that cannot ask */
	f->tdi_ops.state = NULL;
	fake_tdi_to(f, tdi, TSM_PHASE_LOCKED);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_query(f, tdi));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_LOCKED, tdi->phase);
	pci_tdi_note_power(f->pf0.pdev);
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_tdi_run(tdi, &result));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, tdi->phase);
}

/* What a device may say, and does not make sense, is an ERROR too */
static void tdi_test_forgetful(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);

	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	f->vf[0].state = TSM_TDI_LOCKED;
	KUNIT_EXPECT_EQ(test, 0, tdi_test_query(f, tdi));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, tdi->phase);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));

	fake_tdi_to(f, tdi, TSM_PHASE_LOCKED);
	f->vf[0].state = TSM_TDI_UNLOCKED;
	KUNIT_EXPECT_EQ(test, 0, tdi_test_query(f, tdi));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, tdi->phase);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));

	fake_tdi_to(f, tdi, TSM_PHASE_LOCKED);
	f->vf[0].state = 77;
	KUNIT_EXPECT_EQ(test, 0, tdi_test_query(f, tdi));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, tdi->phase);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));

	/* noticed by a request that fails, too */
	fake_tdi_to(f, tdi, TSM_PHASE_LOCKED);
	f->vf[0].state = TSM_TDI_ERROR;
	f->fail[TSM_STEP_DMA_ENABLE] = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, tdi_test_request(f, tdi));
	FAKE_EXPECT_LOG(f, " host-dma-on dma-enable state event-error");
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, tdi->phase);
}

/* --- disconnected and connected again --------------------------------------------------- */

static void tdi_test_made_anew(struct kunit *test)
{
	struct tsm_tdi_state_resp state;
	struct fake_tsm *f = test->priv;
	struct pci_tdi_create_args other = fake_args(f, fake_vm_new(test), 7);
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_LOCKED);
	fake_tsm_unregister(f);
	FAKE_EXPECT_LOG(f, " stop revoke dma-off release ungate destroy event-unbound disconnect");
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_get_state(tdi, &state));
	KUNIT_EXPECT_EQ(test, TSM_TDI_UNLOCKED, state.state);
	KUNIT_EXPECT_EQ(test, TSM_TDI_DEAD, state.flags);
	KUNIT_EXPECT_EQ(test, 1, state.generation);
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, 1, result.generation);

	/* and it stays the one TDI of its function, and of its number */
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EBUSY),
			    pci_tdi_create(f->vf[0].pdev, &other));

	fake_log_clear(f);
	fake_tsm_connect(f);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	FAKE_EXPECT_LOG(f, " create gate lock report ranges dma-prepare");
	KUNIT_EXPECT_EQ(test, 2, result.generation);

	/* dead again, and disconnect is not refused any more */
	fake_fn_leave(f, f->vf[0].pdev);
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tdi->phase);
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
}

/* A TSM of another architecture has the device now: not what its user knows */
static void tdi_test_other_arch(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tsm_unregister(f);
	f->tdi_ops.arch = TSM_ARCH_CCA;
	fake_tsm_connect(f);
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tdi->phase);
}

/* One that cannot be made anew is DEAD still */
static void tdi_test_not_made_anew(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tsm_unregister(f);
	fake_tsm_connect(f);
	f->fail_once = true;
	f->fail[TSM_STEP_CREATE] = -ENOSPC;
	KUNIT_EXPECT_EQ(test, -ENOSPC, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tdi->phase);
	/* a driver without memory, and without an errno */
	f->fail[TSM_STEP_CREATE] = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tdi->phase);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
}

static void tdi_test_disarmed(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	pci_tdi_disarm(tdi);
	FAKE_EXPECT_LOG(f, " stop revoke dma-off release ungate");
	KUNIT_EXPECT_EQ(test, -ENODEV, pci_tdi_lock(tdi, &result));

	/* its user has no hooks any more */
	fake_log_clear(f);
	fake_tsm_unregister(f);
	FAKE_EXPECT_LOG(f, " destroy disconnect");
	KUNIT_EXPECT_EQ(test, -ENODEV, pci_tdi_lock(tdi, &result));
}

/* Memory that is kept is harmless */
static void tdi_test_kept_memory(struct kunit *test)
{
	struct tsm_tdi_state_resp state;
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	pci_tdi_get(tdi);
	fake_tdi_destroy(f, tdi);
	KUNIT_EXPECT_EQ(test, -ENOENT, tsm_tdi_phase_of(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, -ENODEV, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_run(tdi, &result));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_get_state(tdi, &state));
	KUNIT_EXPECT_EQ(test, TSM_TDI_DEAD, state.flags);
	pci_tdi_put(tdi);
}

static struct kunit_case tdi_state_cases[] = {
	KUNIT_CASE(tdi_test_transitions),
	KUNIT_CASE(tdi_test_all_rows),
	KUNIT_CASE_PARAM(tdi_test_event_in_state, tdi_test_row_gen_params),
	KUNIT_CASE(tdi_test_resets),
	KUNIT_CASE(tdi_test_ports),
	KUNIT_CASE(tdi_test_reset_unknown),
	KUNIT_CASE(tdi_test_forgetful),
	KUNIT_CASE(tdi_test_made_anew),
	KUNIT_CASE(tdi_test_other_arch),
	KUNIT_CASE(tdi_test_not_made_anew),
	KUNIT_CASE(tdi_test_disarmed),
	KUNIT_CASE(tdi_test_kept_memory),
	{}
};

static struct kunit_suite tdi_state_suite = {
	.name = "pci_tdi_state",
	.init = tdi_test_init,
	.test_cases = tdi_state_cases,
};

kunit_test_suite(tdi_state_suite);
