// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of TDIs on their way from one state to another: LOCKING and
 * STOPPING under each event, and what meets a TDI that is being made.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/pci.h>

#include "tdi_fake.h"

static int tdi_midway_init(struct kunit *test)
{
	/* a sleep and a shutdown are for all TSMs that there are */
	KUNIT_ASSERT_FALSE(test, tsm_link_present());
	return 0;
}

/* How long what is under way goes on, when nobody ends it, once it was met */
#define TDI_MIDWAY_MS	50

/**
 * struct tdi_midway - an operation that is met by an event in its middle
 * @f: whose
 * @tdi: that it is on
 * @phase: that it leads through
 * @in_late: it is in its middle
 * @go_on: it may go on
 * @rc: its result
 */
struct tdi_midway {
	struct fake_tsm *f;
	struct pci_tdi *tdi;
	enum tsm_tdi_phase phase;
	struct completion in_late;
	struct completion go_on;
	int rc;
};

static int tdi_midway_thread(void *m_)
{
	struct pci_tdi_result result;
	struct tdi_midway *m = m_;

	m->rc = m->phase == TSM_PHASE_LOCKING ?
		pci_tdi_lock(m->tdi, &result) : pci_tdi_stop(m->tdi, &result);
	return 0;
}

static int tdi_midway_go_on(void *m_)
{
	struct tdi_midway *m = m_;

	msleep(TDI_MIDWAY_MS);
	complete(&m->go_on);
	return 0;
}

struct tdi_midway_cell {
	enum tdi_test_event event;
	bool ended;		/* what is under way is, by the event */
	int rc;			/* of the event */
	int midway_rc;		/* of what was under way */
	enum tsm_tdi_phase to;
};

/*
 * A lock is ended by who takes the TDI away, and by nobody else. What needs the
 * TDI waits for it; what only takes note is found when it is done.
 */
static const struct tdi_midway_cell tdi_midway_locking[] = {
	{ EVENT_LOCK, false, -EINVAL, 0, TSM_PHASE_LOCKED },
	{ EVENT_RUN, false, 0, 0, TSM_PHASE_RUN },
	{ EVENT_STOP, true, 0, -ENXIO, TSM_PHASE_UNLOCKED },
	{ EVENT_QUERY, false, 0, 0, TSM_PHASE_LOCKED },
	{ EVENT_DEVICE_ERROR, false, 0, 0, TSM_PHASE_ERROR },
	{ EVENT_FIRMWARE_RUN, false, 0, 0, TSM_PHASE_RUN },
	{ EVENT_REQUEST, false, 0, 0, TSM_PHASE_LOCKED },
	{ EVENT_RESET, false, -EINVAL, 0, TSM_PHASE_ERROR },
	{ EVENT_POWER, false, 0, 0, TSM_PHASE_LOCKED },
	{ EVENT_BLOCKED, false, 0, -ENXIO, TSM_PHASE_UNLOCKED },
	{ EVENT_STOP_FAILS, true, -ENOTRECOVERABLE, -ENXIO,
	  TSM_PHASE_QUARANTINED },
	{ EVENT_DISARM, true, 0, -ENXIO, TSM_PHASE_UNLOCKED },
	{ EVENT_DESTROY, true, 0, -ENXIO, TSM_PHASE_DEAD },
	{ EVENT_DISCONNECT, false, -EBUSY, 0, TSM_PHASE_LOCKED },
	{ EVENT_SLEEP, false, -EBUSY, 0, TSM_PHASE_LOCKED },
	{ EVENT_SHUTDOWN, true, 0, -ENXIO, TSM_PHASE_DEAD },
	{ EVENT_UNREGISTER, true, 0, -ENXIO, TSM_PHASE_DEAD },
	{ EVENT_FUNCTION_GONE, true, 0, -ENXIO, TSM_PHASE_DEAD },
	{ EVENT_DEVICE_GONE, true, 0, -ENXIO, TSM_PHASE_DEAD },
};

/*
 * Nothing ends a stop but its own time, or the device's end: everything waits
 * for it, and finds the TDI UNLOCKED.
 */
static const struct tdi_midway_cell tdi_midway_stopping[] = {
	{ EVENT_LOCK, false, 0, 0, TSM_PHASE_LOCKED },
	{ EVENT_RUN, false, -EINVAL, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_STOP, false, 0, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_QUERY, false, 0, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_DEVICE_ERROR, false, 0, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_FIRMWARE_RUN, false, 0, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_REQUEST, false, -EINVAL, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_RESET, false, -EINVAL, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_POWER, false, -EINVAL, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_BLOCKED, false, 0, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_STOP_FAILS, false, 0, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_DISARM, false, 0, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_DESTROY, false, 0, 0, TSM_PHASE_DEAD },
	{ EVENT_DISCONNECT, false, -EBUSY, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_SLEEP, false, -EBUSY, 0, TSM_PHASE_UNLOCKED },
	{ EVENT_SHUTDOWN, false, 0, 0, TSM_PHASE_DEAD },
	{ EVENT_UNREGISTER, false, 0, 0, TSM_PHASE_DEAD },
	{ EVENT_FUNCTION_GONE, false, 0, 0, TSM_PHASE_DEAD },
	{ EVENT_DEVICE_GONE, true, 0, 0, TSM_PHASE_DEAD },
};

static_assert(ARRAY_SIZE(tdi_midway_locking) == NR_EVENTS);
static_assert(ARRAY_SIZE(tdi_midway_stopping) == NR_EVENTS);

static void tdi_midway_meet(struct kunit *test, enum tsm_tdi_phase phase,
			    const struct tdi_midway_cell *cell)
{
	bool locking = phase == TSM_PHASE_LOCKING;
	struct fake_tsm *f = fake_tsm_new(test);
	struct tdi_midway m = { .f = f, .phase = phase };
	struct task_struct *task, *timer = NULL;
	struct pci_tdi *sibling = NULL;

	init_completion(&m.in_late);
	init_completion(&m.go_on);
	fake_tsm_connect(f);
	if (cell->event == EVENT_BLOCKED)
		sibling = tdi_test_sibling(f);
	m.tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, m.tdi, locking ? TSM_PHASE_UNLOCKED : TSM_PHASE_RUN);
	pci_tdi_get(m.tdi);

	f->late = BIT(locking ? TSM_STEP_REPORT : TSM_STEP_STOP);
	f->in_late = &m.in_late;
	f->late_go_on = &m.go_on;
	task = fake_thread(test, tdi_midway_thread, &m);
	wait_for_completion(&m.in_late);
	/* it was about this one's step */
	f->late = 0;
	KUNIT_EXPECT_EQ(test, phase, tsm_tdi_phase_of(f->vf[0].pdev));

	if (!cell->ended)
		timer = fake_thread(test, tdi_midway_go_on, &m);
	KUNIT_EXPECT_EQ_MSG(test, cell->rc,
			    tdi_test_event(f, m.tdi, sibling, cell->event),
			    "event %d", cell->event);
	/* in this order: what is under way needs the other one to be over */
	kthread_stop_put(task);
	if (timer)
		kthread_stop_put(timer);
	KUNIT_EXPECT_EQ_MSG(test, cell->midway_rc, m.rc, "event %d",
			    cell->event);
	KUNIT_EXPECT_EQ_MSG(test, cell->to, m.tdi->phase, "event %d",
			    cell->event);

	/* whatever it was, what is left of the TDI can be taken away */
	pci_tdi_put(m.tdi);
	if (cell->event != EVENT_DESTROY)
		fake_tdi_destroy(f, m.tdi);
	KUNIT_EXPECT_EQ_MSG(test, cell->to == TSM_PHASE_QUARANTINED,
			    atomic_read(&f->contexts), "event %d", cell->event);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->vf[0].pdev));
	if (f->registered)
		fake_tsm_unregister(f);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));
}

static void tdi_midway_all(struct kunit *test, enum tsm_tdi_phase phase,
			   const struct tdi_midway_cell *cells)
{
	for (int i = 0; i < NR_EVENTS; i++) {
		KUNIT_ASSERT_EQ(test, i, cells[i].event);
		tdi_midway_meet(test, phase, &cells[i]);
	}
}

static void tdi_midway_lock(struct kunit *test)
{
	tdi_midway_all(test, TSM_PHASE_LOCKING, tdi_midway_locking);
}

static void tdi_midway_stop(struct kunit *test)
{
	tdi_midway_all(test, TSM_PHASE_STOPPING, tdi_midway_stopping);
}

/* --- a TDI that is being made --------------------------------------------------- */

/* Who wants a new TDI, and what of it there is when that was in vain */
struct tdi_midway_user {
	struct fake_tsm *f;
	struct pci_tdi_create_args args;
	struct completion in_late;
	struct pci_tdi *tdi;
};

static int tdi_midway_create_thread(void *u_)
{
	struct tdi_midway_user *u = u_;

	u->tdi = pci_tdi_create(u->f->vf[0].pdev, &u->args);
	return 0;
}

static const struct tdi_midway_end {
	const char *name;
	enum tdi_test_event event;
	const char *log;
} tdi_midway_ends[] = {
	{ "TSM unregistered", EVENT_UNREGISTER, " create disconnect" },
	{ "shutdown", EVENT_SHUTDOWN, " create disconnect" },
	{ "function gone", EVENT_FUNCTION_GONE, " create" },
	{ "device gone", EVENT_DEVICE_GONE, " create disconnect" },
};

KUNIT_ARRAY_PARAM_DESC(tdi_midway_end, tdi_midway_ends, name);

/* Its driver is told that it is in vain, and nothing of it is left */
static void tdi_midway_create(struct kunit *test)
{
	const struct tdi_midway_end *c = test->param_value;
	struct fake_tsm *f = fake_tsm_new(test);
	struct fake_vm *vm = fake_vm_new(test);
	struct tdi_midway_user u = { .f = f, .args = fake_args(f, vm, 5) };
	struct task_struct *task;
	unsigned long start;

	init_completion(&u.in_late);
	fake_tsm_connect(f);
	f->late = BIT(TSM_STEP_CREATE);
	f->in_late = &u.in_late;
	task = fake_thread(test, tdi_midway_create_thread, &u);
	wait_for_completion(&u.in_late);

	/* function and number are taken, the device is in use */
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EBUSY),
			    pci_tdi_create(f->vf[0].pdev, &u.args));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EEXIST),
			    pci_tdi_create(f->vf[1].pdev, &u.args));
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_tsm_disconnect(f));
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_tsm_sleep(f));

	start = jiffies;
	KUNIT_EXPECT_EQ(test, 0, tdi_test_end(f, f->vf[0].pdev, c->event));
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, start + 5 * HZ));
	kthread_stop_put(task);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENXIO), u.tdi);
	FAKE_EXPECT_LOG(f, c->log);
	KUNIT_EXPECT_EQ(test, -ENOENT, tsm_tdi_phase_of(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->contexts));
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));
}

/* One that is made nevertheless goes with what it was made on, not without it */
static void tdi_midway_create_late(struct kunit *test)
{
	const struct tdi_midway_end *c = test->param_value;
	struct fake_tsm *f = fake_tsm_new(test);
	struct fake_vm *vm = fake_vm_new(test);
	struct tdi_midway_user u = { .f = f, .args = fake_args(f, vm, 5) };
	struct pci_tdi_result result;
	struct task_struct *task;

	init_completion(&u.in_late);
	fake_tsm_connect(f);
	f->late = BIT(TSM_STEP_CREATE);
	f->late_deaf = true;
	f->in_late = &u.in_late;
	task = fake_thread(test, tdi_midway_create_thread, &u);
	wait_for_completion(&u.in_late);
	KUNIT_EXPECT_EQ(test, 0, tdi_test_end(f, f->vf[0].pdev, c->event));
	kthread_stop_put(task);

	KUNIT_ASSERT_FALSE(test, IS_ERR(u.tdi));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, u.tdi->phase);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->contexts));
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_lock(u.tdi, &result));
	pci_tdi_destroy(u.tdi);
	KUNIT_EXPECT_EQ(test, -ENOENT, tsm_tdi_phase_of(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
}

static struct kunit_case tdi_midway_kunit_cases[] = {
	KUNIT_CASE(tdi_midway_lock),
	KUNIT_CASE(tdi_midway_stop),
	KUNIT_CASE_PARAM(tdi_midway_create, tdi_midway_end_gen_params),
	KUNIT_CASE_PARAM(tdi_midway_create_late, tdi_midway_end_gen_params),
	{}
};

static struct kunit_suite tdi_midway_suite = {
	.name = "pci_tdi_midway",
	.init = tdi_midway_init,
	.test_cases = tdi_midway_kunit_cases,
};

kunit_test_suite(tdi_midway_suite);
