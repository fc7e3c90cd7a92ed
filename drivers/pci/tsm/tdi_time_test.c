// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of operations on TDIs whose time is over, and of what has less of
 * it than it thought: a user who is killed, a function that leaves under a
 * teardown. For the thread of a test time goes by faster than for others, see
 * fake_hurry().
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>

#include "tdi_fake.h"

static int tdi_time_init(struct kunit *test)
{
	test->priv = fake_tsm_new(test);
	return 0;
}

/* Did it take the time that there was, and not much more? */
static void tdi_time_took(struct kunit *test, unsigned long start,
			  unsigned int bound_ms)
{
	unsigned long end = start + msecs_to_jiffies(bound_ms / FAKE_HURRY);

	KUNIT_EXPECT_TRUE(test, time_after(jiffies, end));
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, end + 5 * HZ));
}

static int tdi_time_request(struct pci_tdi *tdi, enum tsm_op op)
{
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;
	struct pci_tdi_req req = {
		.arch = TSM_ARCH_SIM,
		.op = op,
		.resp = &state,
		.resp_len = sizeof(state),
	};

	return pci_tdi_guest_req(tdi, &req, &result);
}

/* --- operations of a user ------------------------------------------------------ */

enum tdi_time_op {
	OP_LOCK,
	OP_RUN,
	OP_STATE,
	OP_STATE_REQ,
	OP_STATE_LONG,
	OP_REQUEST,
};

/*
 * What takes too long, and what is called by the time it is given up: nothing of
 * the device but what takes a lock back, which has time of its own.
 */
static const struct tdi_time_case {
	const char *name;
	enum tdi_time_op op;
	enum tsm_tdi_phase from;
	enum tsm_tdi_step late;
	const char *log;
	const char *killed;
} tdi_time_cases[] = {
	{ "lock", OP_LOCK, TSM_PHASE_UNLOCKED, TSM_STEP_LOCK,
	  " gate lock stop release ungate",
	  " gate lock stop release ungate" },
	{ "report", OP_LOCK, TSM_PHASE_UNLOCKED, TSM_STEP_REPORT,
	  " gate lock report stop release ungate",
	  " gate lock report stop release ungate" },
	{ "run", OP_RUN, TSM_PHASE_LOCKED, TSM_STEP_RUN, " run",
	  " run state" },
	{ "state", OP_STATE, TSM_PHASE_RUN, TSM_STEP_STATE, " state",
	  " state" },
	{ "state request", OP_STATE_REQ, TSM_PHASE_LOCKED, TSM_STEP_STATE,
	  " state", " state" },
	{ "state, asked for as by a guest", OP_STATE_LONG, TSM_PHASE_RUN,
	  TSM_STEP_STATE, " state", " state" },
	{ "request", OP_REQUEST, TSM_PHASE_RUN, TSM_STEP_REQUEST, " request",
	  " request state" },
};

KUNIT_ARRAY_PARAM_DESC(tdi_time, tdi_time_cases, name);

static int tdi_time_do(struct pci_tdi *tdi, enum tdi_time_op op)
{
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;

	switch (op) {
	case OP_LOCK:
		return pci_tdi_lock(tdi, &result);
	case OP_RUN:
		return pci_tdi_run(tdi, &result);
	case OP_STATE:
		return pci_tdi_get_state(tdi, &state);
	case OP_STATE_REQ:
		return pci_tdi_state_req(tdi, TSM_ARCH_SIM, &state, &result);
	case OP_STATE_LONG:
		return tdi_time_request(tdi, TSM_OP_GET_TDI_STATE);
	case OP_REQUEST:
		return tdi_time_request(tdi, TSM_OP_GUEST_MSG);
	}

	return -EIO;
}

static void tdi_time_up(struct kunit *test)
{
	const struct tdi_time_case *c = test->param_value;
	struct fake_tsm *f = test->priv;
	struct pci_tdi *tdi;
	unsigned long start;

	fake_hurry(test);
	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, c->from);

	f->late = BIT(c->late);
	start = jiffies;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, tdi_time_do(tdi, c->op));
	tdi_time_took(test, start, TSM_CONVERSATION_MS);
	FAKE_EXPECT_LOG(f, c->log);
	KUNIT_EXPECT_EQ(test, c->from, tdi->phase);

	/* it was this one's time, not that of the next one */
	f->late = 0;
	KUNIT_EXPECT_EQ(test, 0, tdi_time_do(tdi, c->op));
}

/* A device that was reset and takes too long to say what it is: the worst */
static void tdi_time_reset(struct kunit *test)
{
	struct tsm_tdi_state_resp state;
	struct fake_tsm *f = test->priv;
	struct pci_tdi *tdi;

	fake_hurry(test);
	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	pci_tdi_note_reset(f->vf[0].pdev);
	f->late = BIT(TSM_STEP_STATE);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_get_state(tdi, &state));
	KUNIT_EXPECT_EQ(test, TSM_TDI_ERROR, state.state);
	FAKE_EXPECT_LOG(f, " state event-error");
}

/* Somebody in a thread of its own, with as much time as everybody has */
struct tdi_time_user {
	struct pci_tdi *tdi;
	enum tdi_time_op op;
	struct completion in_late;
	int rc;
};

static int tdi_time_user_thread(void *u_)
{
	struct tdi_time_user *u = u_;

	allow_signal(SIGKILL);
	u->rc = tdi_time_do(u->tdi, u->op);
	return 0;
}

static struct task_struct *tdi_time_start(struct fake_tsm *f,
					  struct tdi_time_user *u,
					  int (*thread)(void *u))
{
	struct task_struct *task;

	init_completion(&u->in_late);
	f->in_late = &u->in_late;
	task = fake_thread(f->test, thread, u);
	wait_for_completion(&u->in_late);
	return task;
}

/* Nobody waits any more for what is ended at its next message */
static void tdi_time_killed(struct kunit *test)
{
	const struct tdi_time_case *c = test->param_value;
	struct tdi_time_user u = { .op = c->op };
	struct fake_tsm *f = test->priv;
	struct task_struct *task;
	unsigned long start;

	fake_tsm_connect(f);
	u.tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, u.tdi, c->from);
	f->late = BIT(c->late);
	task = tdi_time_start(f, &u, tdi_time_user_thread);

	start = jiffies;
	send_sig(SIGKILL, task, 1);
	kthread_stop_put(task);
	KUNIT_EXPECT_EQ(test, -EINTR, u.rc);
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, start + 5 * HZ));
	FAKE_EXPECT_LOG(f, c->killed);
	KUNIT_EXPECT_EQ(test, c->from, u.tdi->phase);
}

/* --- teardown ---------------------------------------------------------------------- */

enum tdi_time_path {
	PATH_STOP,
	PATH_DISARM,
	PATH_DESTROY,
	PATH_FUNCTION_GONE,
};

#define DOWN	" revoke dma-off release ungate"

/*
 * All of a teardown has one bound. What comes after it is what the platform can
 * do without the device, and that is done.
 */
static const struct tdi_time_down {
	const char *name;
	enum tdi_time_path path;
	unsigned int bound_ms;
	unsigned long late;
	bool nothing_helps;
	const char *log;
	enum tsm_tdi_phase phase;
} tdi_time_downs[] = {
	{ "stop", PATH_STOP, TSM_TEARDOWN_MS, BIT(TSM_STEP_STOP), false,
	  " stop stop-force" DOWN, TSM_PHASE_UNLOCKED },
	{ "stop, force waits too", PATH_STOP, TSM_TEARDOWN_MS,
	  BIT(TSM_STEP_STOP) | BIT(TSM_STEP_STOP_FORCE), false,
	  " stop stop-force block" DOWN, TSM_PHASE_UNLOCKED },
	{ "stop, in vain", PATH_STOP, TSM_TEARDOWN_MS, BIT(TSM_STEP_STOP),
	  true, " stop stop-force block event-quarantined",
	  TSM_PHASE_QUARANTINED },
	{ "disarm", PATH_DISARM, TSM_TEARDOWN_MS, BIT(TSM_STEP_STOP), false,
	  " stop stop-force" DOWN, TSM_PHASE_UNLOCKED },
	{ "destroy", PATH_DESTROY, TSM_TEARDOWN_MS, BIT(TSM_STEP_STOP), false,
	  " stop stop-force" DOWN " destroy", TSM_PHASE_DEAD },
	{ "function gone", PATH_FUNCTION_GONE, TSM_REMOVAL_MS,
	  BIT(TSM_STEP_STOP), false,
	  " stop stop-force" DOWN " destroy event-unbound", TSM_PHASE_DEAD },
	{ "function gone, in vain", PATH_FUNCTION_GONE, TSM_REMOVAL_MS,
	  BIT(TSM_STEP_STOP), true,
	  " stop stop-force block event-quarantined", TSM_PHASE_QUARANTINED },
};

KUNIT_ARRAY_PARAM_DESC(tdi_time_down, tdi_time_downs, name);

static void tdi_time_teardown(struct kunit *test)
{
	const struct tdi_time_down *c = test->param_value;
	bool quarantined = c->phase == TSM_PHASE_QUARANTINED;
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;
	unsigned long start;

	fake_hurry(test);
	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	pci_tdi_get(tdi);
	f->late = c->late;
	if (c->nothing_helps) {
		f->fail[TSM_STEP_STOP_FORCE] = -EIO;
		f->fail[TSM_STEP_BLOCK] = -EIO;
	}

	start = jiffies;
	switch (c->path) {
	case PATH_STOP:
		KUNIT_EXPECT_EQ(test, quarantined ? -ENOTRECOVERABLE : 0,
				pci_tdi_stop(tdi, &result));
		KUNIT_EXPECT_EQ(test, quarantined ? TSM_OUT_QUARANTINED :
						    TSM_OUT_COMMITTED,
				result.flags);
		break;
	case PATH_DISARM:
		pci_tdi_disarm(tdi);
		break;
	case PATH_DESTROY:
		fake_tdi_destroy(f, tdi);
		break;
	case PATH_FUNCTION_GONE:
		fake_fn_leave(f, f->vf[0].pdev);
		break;
	}
	tdi_time_took(test, start, c->bound_ms);
	FAKE_EXPECT_LOG(f, c->log);
	KUNIT_EXPECT_EQ(test, c->phase, tdi->phase);
	KUNIT_EXPECT_EQ(test, quarantined,
			pci_tdi_quarantined(f->vf[0].pdev));
	pci_tdi_put(tdi);
}

static int tdi_time_stop_thread(void *u_)
{
	struct tdi_time_user *u = u_;
	struct pci_tdi_result result;

	u->rc = pci_tdi_stop(u->tdi, &result);
	return 0;
}

/*
 * A stop that has begun with much more time, when its function leaves, or its
 * device: that does not wait for it longer than for a teardown of its own.
 */
static void tdi_time_shortened(struct kunit *test)
{
	for (int device = 0; device <= 1; device++) {
		struct fake_tsm *f = fake_tsm_new(test);
		struct tdi_time_user u = {};
		struct task_struct *task;
		unsigned long start;

		fake_tsm_connect(f);
		u.tdi = fake_tdi(f, f->vf[0].pdev);
		fake_tdi_to(f, u.tdi, TSM_PHASE_RUN);
		f->late = BIT(TSM_STEP_STOP);
		task = tdi_time_start(f, &u, tdi_time_stop_thread);
		KUNIT_EXPECT_EQ(test, TSM_PHASE_STOPPING,
				tsm_tdi_phase_of(f->vf[0].pdev));
		/* no reason to wait for anything */
		pci_tdi_note_reset(f->vf[0].pdev);
		KUNIT_EXPECT_EQ(test, -EBUSY, fake_tsm_disconnect(f));
		KUNIT_EXPECT_EQ(test, -EBUSY, fake_tsm_sleep(f));

		fake_hurry(test);
		start = jiffies;
		fake_fn_leave(f, device ? f->pf0.pdev : f->vf[0].pdev);
		if (device)
			KUNIT_EXPECT_TRUE(test, time_before(jiffies,
							    start + 5 * HZ));
		else
			tdi_time_took(test, start, TSM_REMOVAL_MS);
		kthread_stop_put(task);
		KUNIT_EXPECT_EQ(test, 0, u.rc);
		FAKE_EXPECT_LOG(f, device ?
				" stop stop-force" DOWN " destroy event-unbound disconnect" :
				" stop stop-force" DOWN " destroy event-unbound");
		KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, u.tdi->phase);
		kunit_deactivate_static_stub(test, tsm_deadline);
	}
}

/* What takes all TDIs of a TSM, or of all of them */
static const struct tdi_time_all {
	const char *name;
	bool shutdown;
} tdi_time_alls[] = {
	{ "TSM unregistered", false },
	{ "shutdown", true },
};

KUNIT_ARRAY_PARAM_DESC(tdi_time_all, tdi_time_alls, name);

#define KILLED	" stop stop-force" DOWN " destroy event-unbound"

/*
 * However many devices do not let their TDIs go: there is one time for all, and
 * what comes after it is done for each.
 */
static void tdi_time_one_deadline(struct kunit *test)
{
	const struct tdi_time_all *c = test->param_value;
	struct fake_tsm *f[2] = { test->priv, fake_tsm_new(test) };
	int nr = c->shutdown ? ARRAY_SIZE(f) : 1;
	struct pci_tdi *tdi[2][FAKE_VFS];
	unsigned long start;

	/* a shutdown is for all TSMs that there are */
	KUNIT_ASSERT_FALSE(test, c->shutdown && tsm_link_present());
	for (int i = 0; i < nr; i++) {
		fake_tsm_connect(f[i]);
		for (int j = 0; j < FAKE_VFS; j++) {
			tdi[i][j] = fake_tdi(f[i], f[i]->vf[j].pdev);
			fake_tdi_to(f[i], tdi[i][j], TSM_PHASE_RUN);
		}
		f[i]->late = BIT(TSM_STEP_STOP);
		f[i]->one_deadline = true;
	}

	fake_hurry(test);
	start = jiffies;
	if (c->shutdown)
		tsm_links_shutdown();
	else
		fake_tsm_unregister(f[0]);
	tdi_time_took(test, start, TSM_TEARDOWN_MS);

	for (int i = 0; i < nr; i++) {
		FAKE_EXPECT_LOG(f[i], KILLED KILLED " disconnect");
		for (int j = 0; j < FAKE_VFS; j++)
			KUNIT_EXPECT_EQ(test, TSM_PHASE_DEAD, tdi[i][j]->phase);
		if (f[i]->registered)
			fake_tsm_unregister(f[i]);
	}
}

static struct kunit_case tdi_time_kunit_cases[] = {
	KUNIT_CASE_PARAM(tdi_time_up, tdi_time_gen_params),
	KUNIT_CASE(tdi_time_reset),
	KUNIT_CASE_PARAM(tdi_time_killed, tdi_time_gen_params),
	KUNIT_CASE_PARAM(tdi_time_teardown, tdi_time_down_gen_params),
	KUNIT_CASE(tdi_time_shortened),
	KUNIT_CASE_PARAM(tdi_time_one_deadline, tdi_time_all_gen_params),
	{}
};

static struct kunit_suite tdi_time_suite = {
	.name = "pci_tdi_time",
	.init = tdi_time_init,
	.test_cases = tdi_time_kunit_cases,
};

kunit_test_suite(tdi_time_suite);
