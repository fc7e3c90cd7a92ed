// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of operations on TDIs that meet: which ends the other, which
 * waits, and which is interrupted.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>

#include "tdi_fake.h"

static int tdi_race_init(struct kunit *test)
{
	test->priv = fake_tsm_new(test);
	return 0;
}

/* --- whose operation ends ---------------------------------------------------------------- */

static void tdi_race_may_send(struct kunit *test)
{
	/* right before jiffies wrap */
	unsigned long now = ULONG_MAX - 5;
	struct pci_tdi tdi = {};
	struct tsm_session s = {};
	struct tsm_conversation c = { .tdi = &tdi, .deadline = now + 10 };

#define MAY_SEND(killed) tsm_conversation_may_send(&s, &c, now, killed)
	KUNIT_EXPECT_EQ(test, 0, MAY_SEND(false));
	KUNIT_EXPECT_EQ(test, -EINTR, MAY_SEND(true));
	tdi.stops = 1;
	KUNIT_EXPECT_EQ(test, -ENXIO, MAY_SEND(false));
	tdi.stops = 0;
	tdi.cut = true;
	tdi.cut_by = now + 10;
	KUNIT_EXPECT_EQ(test, -ENXIO, MAY_SEND(true));
	/* teardown minds neither, but its time and the device's absence */
	tdi.stops = 1;
	c.teardown = true;
	KUNIT_EXPECT_EQ(test, 0, MAY_SEND(true));
	c.deadline = now - 1;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, MAY_SEND(true));
	s.cut = -ENODEV;
	KUNIT_EXPECT_EQ(test, -ENODEV, MAY_SEND(false));
	c.teardown = false;
	KUNIT_EXPECT_EQ(test, -ENXIO, MAY_SEND(false));
	c.teardown = true;
	/* a connect that is cut has no TDIs */
	s.cut = -ENXIO;
	c.deadline = now;
	KUNIT_EXPECT_EQ(test, 0, MAY_SEND(false));
	/* one that has more time than who takes the TDI away */
	c.deadline = now + 10;
	tdi.cut_by = now;
	KUNIT_EXPECT_EQ(test, 0, MAY_SEND(false));
	tdi.cut_by = now - 1;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, MAY_SEND(false));
	/* and that is not any more */
	tdi.cut = false;
	KUNIT_EXPECT_EQ(test, 0, MAY_SEND(false));
	c.teardown = false;
	tdi.stops = 0;
	c.deadline = now - 1;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, MAY_SEND(false));
}

/* A request of a guest that takes as long as it may */
struct tdi_request {
	struct pci_tdi *tdi;
	struct completion in_req;
	int rc;
};

static int tdi_request_run(struct pci_tdi *tdi)
{
	struct pci_tdi_result result;
	struct pci_tdi_req req = {
		.arch = TSM_ARCH_SIM,
		.op = TSM_OP_GUEST_MSG,
	};

	return pci_tdi_guest_req(tdi, &req, &result);
}

static int tdi_request_thread(void *r_)
{
	struct tdi_request *r = r_;

	r->rc = tdi_request_run(r->tdi);
	return 0;
}

static struct task_struct *tdi_request_begin(struct fake_tsm *f,
					     struct tdi_request *r,
					     struct pci_tdi *tdi)
{
	struct task_struct *task;

	*r = (struct tdi_request){ .tdi = tdi };
	init_completion(&r->in_req);
	f->in_req = &r->in_req;
	task = fake_thread(f->test, tdi_request_thread, r);
	wait_for_completion(&r->in_req);
	return task;
}

static int tdi_request_end(struct fake_tsm *f, struct task_struct *task,
			   struct tdi_request *r)
{
	kthread_stop_put(task);
	f->in_req = NULL;
	f->go_on = NULL;
	return r->rc;
}

enum tdi_race_path {
	PATH_STOP,
	PATH_DISARM,
	PATH_DESTROY,
	PATH_UNREGISTER,
	PATH_FUNCTION_GONE,
	PATH_DEVICE_GONE,
};

static const struct tdi_race_cut_case {
	const char *name;
	enum tdi_race_path path;
	enum tsm_tdi_phase phase;
} tdi_race_cut_cases[] = {
	{ "stop", PATH_STOP, TSM_PHASE_UNLOCKED },
	{ "disarm", PATH_DISARM, TSM_PHASE_UNLOCKED },
	{ "destroy", PATH_DESTROY, TSM_PHASE_DEAD },
	{ "TSM unregistered", PATH_UNREGISTER, TSM_PHASE_DEAD },
	{ "function gone", PATH_FUNCTION_GONE, TSM_PHASE_DEAD },
	{ "device gone", PATH_DEVICE_GONE, TSM_PHASE_DEAD },
};

KUNIT_ARRAY_PARAM_DESC(tdi_race_cut, tdi_race_cut_cases, name);

static void tdi_race_cut(struct fake_tsm *f, struct pci_tdi *tdi,
			 enum tdi_race_path path)
{
	struct pci_tdi_result result;

	switch (path) {
	case PATH_STOP:
		KUNIT_EXPECT_EQ(f->test, 0, pci_tdi_stop(tdi, &result));
		break;
	case PATH_DISARM:
		pci_tdi_disarm(tdi);
		break;
	case PATH_DESTROY:
		fake_tdi_destroy(f, tdi);
		break;
	case PATH_UNREGISTER:
		fake_tsm_unregister(f);
		break;
	case PATH_FUNCTION_GONE:
		fake_fn_leave(f, f->vf[0].pdev);
		break;
	case PATH_DEVICE_GONE:
		fake_fn_leave(f, f->pf0.pdev);
		break;
	}
}

/* What is in flight ends at its next message, not when it likes */
static void tdi_race_cuts(struct kunit *test)
{
	const struct tdi_race_cut_case *c = test->param_value;
	struct fake_tsm *f = test->priv;
	struct task_struct *task;
	struct tdi_request r;
	struct pci_tdi *tdi;
	unsigned long start;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, tdi, TSM_PHASE_RUN);
	pci_tdi_get(tdi);
	task = tdi_request_begin(f, &r, tdi);

	start = jiffies;
	tdi_race_cut(f, tdi, c->path);
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, start + 5 * HZ));
	KUNIT_EXPECT_EQ(test, -ENXIO, tdi_request_end(f, task, &r));
	KUNIT_EXPECT_EQ(test, c->phase, tdi->phase);
	pci_tdi_put(tdi);
}

/* What else a TDI may be in the middle of, and the step that takes so long */
static const struct tdi_race_late {
	enum tsm_tdi_step step;
	enum tsm_tdi_phase from;
	int rc;
} tdi_race_lates[] = {
	{ TSM_STEP_CREATE, TSM_PHASE_DEAD, -ENXIO },
	{ TSM_STEP_LOCK, TSM_PHASE_UNLOCKED, -ENXIO },
	{ TSM_STEP_REPORT, TSM_PHASE_UNLOCKED, -ENXIO },
	{ TSM_STEP_RUN, TSM_PHASE_LOCKED, -ENXIO },
	/* whatever it is until then */
	{ TSM_STEP_STATE, TSM_PHASE_RUN, 0 },
};

static int tdi_race_late_thread(void *r_)
{
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;
	struct tdi_request *r = r_;

	switch (READ_ONCE(r->tdi->phase)) {
	case TSM_PHASE_DEAD:
	case TSM_PHASE_UNLOCKED:
		r->rc = pci_tdi_lock(r->tdi, &result);
		break;
	case TSM_PHASE_LOCKED:
		r->rc = pci_tdi_run(r->tdi, &result);
		break;
	default:
		r->rc = pci_tdi_get_state(r->tdi, &state);
		break;
	}
	return 0;
}

/* The same for what takes a TDI up, or only asks for its state */
static void tdi_race_cuts_late(struct kunit *test)
{
	const struct tdi_race_cut_case *c = test->param_value;

	for (int i = 0; i < ARRAY_SIZE(tdi_race_lates); i++) {
		const struct tdi_race_late *late = &tdi_race_lates[i];
		struct fake_tsm *f = fake_tsm_new(test);
		struct task_struct *task;
		struct tdi_request r = {};
		enum tsm_tdi_phase to = c->phase;
		unsigned long start;

		fake_tsm_connect(f);
		r.tdi = fake_tdi(f, f->vf[0].pdev);
		fake_tdi_to(f, r.tdi, late->from);
		/* to be made anew, and not made */
		if (late->from == TSM_PHASE_DEAD) {
			fake_tsm_connect(f);
			to = TSM_PHASE_DEAD;
		}
		pci_tdi_get(r.tdi);
		init_completion(&r.in_req);
		f->in_late = &r.in_req;
		f->late = BIT(late->step);
		task = fake_thread(test, tdi_race_late_thread, &r);
		wait_for_completion(&r.in_req);
		/* neither is a reason to begin with */
		KUNIT_EXPECT_EQ(test, -EBUSY, fake_tsm_disconnect(f));
		KUNIT_EXPECT_EQ(test, -EBUSY, fake_tsm_sleep(f));
		if (late->from == TSM_PHASE_UNLOCKED)
			KUNIT_EXPECT_EQ(test, TSM_PHASE_LOCKING,
					tsm_tdi_phase_of(f->vf[0].pdev));

		start = jiffies;
		tdi_race_cut(f, r.tdi, c->path);
		KUNIT_EXPECT_TRUE(test, time_before(jiffies, start + 5 * HZ));
		kthread_stop_put(task);
		KUNIT_EXPECT_EQ_MSG(test, late->rc, r.rc, "step %d", late->step);
		KUNIT_EXPECT_EQ_MSG(test, to, r.tdi->phase, "step %d",
				    late->step);
		KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->vf[0].pdev));
		pci_tdi_put(r.tdi);
		if (f->registered)
			fake_tsm_unregister(f);
	}
}

/* A request ends by itself while a user wants to disconnect: that is refused */
static void tdi_race_not_disconnected(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct completion go_on;
	struct task_struct *task;
	struct tdi_request r;
	struct pci_tdi *tdi;

	init_completion(&go_on);
	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	f->go_on = &go_on;
	task = tdi_request_begin(f, &r, tdi);
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_tsm_disconnect(f));
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_session_sleep());
	complete(&go_on);
	KUNIT_EXPECT_EQ(test, 0, tdi_request_end(f, task, &r));
	fake_tdi_destroy(f, tdi);
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
}

/* Two TDIs of one DSM: in parallel if the driver allows it, else in turn */
static void tdi_race_parallel(struct kunit *test)
{
	for (int parallel = 0; parallel <= 1; parallel++) {
		struct fake_tsm *f = fake_tsm_new(test);
		struct completion go_on;
		struct tdi_request r[FAKE_VFS];
		struct task_struct *task[FAKE_VFS];
		struct pci_tdi *tdi[FAKE_VFS];

		if (!parallel)
			f->ops.flags &= ~PCI_TSM_OPS_PARALLEL;
		init_completion(&go_on);
		fake_tsm_connect(f);
		f->go_on = &go_on;
		for (int i = 0; i < FAKE_VFS; i++)
			tdi[i] = fake_tdi(f, f->vf[i].pdev);

		task[0] = tdi_request_begin(f, &r[0], tdi[0]);
		if (parallel) {
			task[1] = tdi_request_begin(f, &r[1], tdi[1]);
			complete_all(&go_on);
		} else {
			/* the second one waits for the first one's end */
			r[1] = (struct tdi_request){ .tdi = tdi[1] };
			task[1] = fake_thread(test, tdi_request_thread, &r[1]);
			msleep(50);
			KUNIT_EXPECT_EQ(test, 1, atomic_read(&f->running));
			complete_all(&go_on);
		}
		for (int i = 0; i < FAKE_VFS; i++)
			KUNIT_EXPECT_EQ(test, 0,
					tdi_request_end(f, task[i], &r[i]));
		KUNIT_EXPECT_EQ(test, 1 + parallel, atomic_read(&f->overlap));
	}
}

/* --- who is interrupted ---------------------------------------------------------- */

enum tdi_race_op {
	OP_LOCK,
	OP_RUN,
	OP_STOP,
	OP_STATE,
	OP_STATE_REQ,
	OP_REQUEST,
	OP_CREATE,
	OP_VIOMMU,
	NR_OPS
};

/* Somebody who is sent a signal while another operation is in the way */
struct tdi_race_waiter {
	struct fake_tsm *f;
	struct pci_tdi *tdi;
	enum tdi_race_op op;
	struct completion ready;	/* a signal reaches it from here on */
	int rc;
};

static int tdi_race_wait(struct tdi_race_waiter *w)
{
	struct pci_tdi_create_args args = fake_args(w->f, fake_vm_new(w->f->test),
						    9);
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;

	switch (w->op) {
	case OP_LOCK:
		return pci_tdi_lock(w->tdi, &result);
	case OP_RUN:
		return pci_tdi_run(w->tdi, &result);
	case OP_STOP:
		return pci_tdi_stop(w->tdi, &result);
	case OP_STATE:
		return pci_tdi_get_state(w->tdi, &state);
	case OP_STATE_REQ:
		return pci_tdi_state_req(w->tdi, TSM_ARCH_SIM, &state, &result);
	case OP_REQUEST:
		return tdi_request_run(w->tdi);
	case OP_CREATE:
		return PTR_ERR_OR_ZERO(pci_tdi_create(w->f->vf[1].pdev, &args));
	case OP_VIOMMU:
		return PTR_ERR_OR_ZERO(pci_tdi_viommu_create(w->f->vf[1].pdev,
							     FAKE_VIOMMU_TYPE,
							     &args.vm));
	default:
		return -EIO;
	}
}

static int tdi_race_waiter_thread(void *w_)
{
	struct tdi_race_waiter *w = w_;

	allow_signal(SIGINT);
	complete(&w->ready);
	w->rc = tdi_race_wait(w);
	return 0;
}

/*
 * One request is in the way of everything, and does not let itself be ended: on
 * the same TDI, and of the whole TSM when its driver takes one operation at a
 * time.
 */
static void tdi_race_interrupted(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct task_struct *task, *waiter;
	struct tdi_race_waiter w = { .f = f };
	struct completion go_on;
	struct tdi_request r;

	f->ops.flags &= ~PCI_TSM_OPS_PARALLEL;
	f->deaf = true;
	init_completion(&go_on);
	fake_tsm_connect(f);
	w.tdi = fake_tdi(f, f->vf[0].pdev);
	fake_tdi_to(f, w.tdi, TSM_PHASE_LOCKED);

	for (w.op = 0; w.op < NR_OPS; w.op++) {
		f->go_on = &go_on;
		/* that it begins shows that no stop is thought to wait still */
		task = tdi_request_begin(f, &r, w.tdi);
		fake_log_clear(f);
		init_completion(&w.ready);
		w.rc = 0;
		waiter = fake_thread(test, tdi_race_waiter_thread, &w);
		wait_for_completion(&w.ready);
		/* most likely it waits for the TDI then; before that is as good */
		msleep(20);
		send_sig(SIGINT, waiter, 1);
		kthread_stop_put(waiter);
		KUNIT_EXPECT_EQ_MSG(test, -EINTR, w.rc, "operation %d", w.op);
		FAKE_EXPECT_LOG(f, "");
		complete(&go_on);
		KUNIT_EXPECT_EQ(test, 0, tdi_request_end(f, task, &r));
		reinit_completion(&go_on);
		KUNIT_EXPECT_EQ(test, TSM_PHASE_LOCKED, w.tdi->phase);
	}
}

/* --- conversations of a TSM driver's own ------------------------------------------ */

/* What is said to a device, and when that is over; a driver has no argument */
static struct completion tdi_race_in_talk, tdi_race_talk_over;

static int tdi_race_talk(struct pci_dev *pdev)
{
	complete(&tdi_race_in_talk);
	wait_for_completion(&tdi_race_talk_over);
	return -EPROTO;
}

static int tdi_race_no_talk(struct pci_dev *pdev)
{
	return 0;
}

struct tdi_race_talker {
	struct pci_dev *pdev;
	int (*talk)(struct pci_dev *pdev);
	struct completion ready;
	int rc;
};

static int tdi_race_talk_thread(void *t_)
{
	struct tdi_race_talker *t = t_;

	allow_signal(SIGKILL);
	complete(&t->ready);
	t->rc = pci_tsm_converse(t->pdev, t->talk);
	return 0;
}

/* One talks, another one is about to wait for that */
static void tdi_race_talkers(struct fake_tsm *f, struct tdi_race_talker t[2],
			     struct task_struct *task[2])
{
	init_completion(&tdi_race_in_talk);
	init_completion(&tdi_race_talk_over);
	for (int i = 0; i < 2; i++) {
		init_completion(&t[i].ready);
		t[i].pdev = f->pf0.pdev;
		t[i].talk = i ? tdi_race_no_talk : tdi_race_talk;
		task[i] = fake_thread(f->test, tdi_race_talk_thread, &t[i]);
		wait_for_completion(i ? &t[i].ready : &tdi_race_in_talk);
	}
}

static void tdi_race_converse(struct kunit *test)
{
	struct tdi_race_talker t[2] = {};
	struct task_struct *task[2];
	struct fake_tsm *f = test->priv;

	KUNIT_EXPECT_EQ(test, -ENOTCONN,
			pci_tsm_converse(f->pf0.pdev, tdi_race_no_talk));
	fake_tsm_connect(f);
	/* managed by a DSM, not one */
	KUNIT_EXPECT_EQ(test, -ENOTCONN,
			pci_tsm_converse(f->vf[0].pdev, tdi_race_no_talk));
	KUNIT_EXPECT_EQ(test, 0,
			pci_tsm_converse(f->pf0.pdev, tdi_race_no_talk));

	/* one at a time; who waits for it may be killed */
	tdi_race_talkers(f, t, task);
	send_sig(SIGKILL, task[1], 1);
	kthread_stop_put(task[1]);
	KUNIT_EXPECT_EQ(test, -EINTR, t[1].rc);
	complete(&tdi_race_talk_over);
	kthread_stop_put(task[0]);
	KUNIT_EXPECT_EQ(test, -EPROTO, t[0].rc);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));

	/* and nobody is kept from it by these */
	KUNIT_EXPECT_EQ(test, 0,
			pci_tsm_converse(f->pf0.pdev, tdi_race_no_talk));
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
	KUNIT_EXPECT_EQ(test, -ENOTCONN,
			pci_tsm_converse(f->pf0.pdev, tdi_race_no_talk));
}

static int tdi_race_disconnect_thread(void *f)
{
	return fake_tsm_disconnect(f);
}

/* A disconnect waits for who talks, not for who is only about to */
static void tdi_race_converse_late(struct kunit *test)
{
	struct tdi_race_talker t[2] = {};
	struct task_struct *task[2], *end;
	struct fake_tsm *f = test->priv;
	struct pci_tdi_caps caps;

	fake_tsm_connect(f);
	tdi_race_talkers(f, t, task);
	/* by then it waits for the first one */
	msleep(50);
	end = fake_thread(test, tdi_race_disconnect_thread, f);
	while (pci_tdi_query(f->vf[0].pdev, &caps) != -ENXIO)
		usleep_range(100, 200);
	complete(&tdi_race_talk_over);
	kthread_stop_put(task[1]);
	kthread_stop_put(task[0]);
	KUNIT_EXPECT_EQ(test, -EPROTO, t[0].rc);
	KUNIT_EXPECT_TRUE(test, t[1].rc == -ENXIO || t[1].rc == -ENOTCONN);
	KUNIT_EXPECT_EQ(test, 0, kthread_stop_put(end));
}

/* --- a driver's own mutex ----------------------------------------------------------- */

static DEFINE_MUTEX(own);	/* of no data: it is only in the way */

struct tdi_race_connect {
	struct fake_tsm *f;
	int rc;
};

static int tdi_race_connect_thread(void *c_)
{
	struct tdi_race_connect *c = c_;

	c->rc = tsm_session_connect(c->f->pf0.pdev, c->f->tsm_dev->id);
	return 0;
}

/*
 * A driver registers a TSM under the mutex that its operations take, and one of
 * them waits for that right then, with all the locks that the core holds for it:
 * none of them is one that register needs. A show does not need one either.
 */
static void tdi_race_own_mutex(struct kunit *test)
{
	struct fake_tsm *f = test->priv, *second = fake_tsm_new(test);
	struct tdi_race_connect c = { .f = f };
	struct completion in_op, in_late;
	struct tdi_request r = {};
	struct task_struct *task;
	struct pci_tdi_caps caps;

	f->own_lock = &own;
	f->in_connect = &in_op;
	init_completion(&in_op);
	fake_tsm_register(f);

	mutex_lock(&own);
	task = fake_thread(test, tdi_race_connect_thread, &c);
	wait_for_completion(&in_op);
	fake_tsm_register(second);
	KUNIT_EXPECT_TRUE(test, tsm_link_present());
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_tdi_query(f->vf[0].pdev, &caps));
	mutex_unlock(&own);
	kthread_stop_put(task);
	KUNIT_EXPECT_EQ(test, 0, c.rc);
	KUNIT_ASSERT_EQ(test, 0, fake_tsm_disconnect(f));
	fake_tsm_unregister(second);

	/* the same for an operation on a TDI, of a driver that has one at a time */
	f->in_connect = NULL;
	fake_tsm_unregister(f);
	f->ops.flags &= ~PCI_TSM_OPS_PARALLEL;
	fake_tsm_connect(f);
	r.tdi = fake_tdi(f, f->vf[0].pdev);
	init_completion(&in_late);
	f->in_late = &in_late;
	mutex_lock(&own);
	task = fake_thread(test, tdi_race_late_thread, &r);
	wait_for_completion(&in_late);
	fake_tsm_register(second);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_query(f->vf[0].pdev, &caps));
	KUNIT_EXPECT_EQ(test, TSM_PHASE_LOCKING,
			tsm_tdi_phase_of(f->vf[0].pdev));
	mutex_unlock(&own);
	kthread_stop_put(task);
	KUNIT_EXPECT_EQ(test, 0, r.rc);
	f->in_late = NULL;
	fake_tdi_destroy(f, r.tdi);
	f->own_lock = NULL;
}

static int tdi_race_shutdown_thread(void *unused)
{
	tsm_links_shutdown();
	return 0;
}

struct tdi_race_register {
	struct fake_tsm *f;
	struct completion done;
	int rc;
};

static int tdi_race_register_thread(void *r_)
{
	struct tdi_race_register *r = r_;

	r->rc = pci_tsm_register(r->f->tsm_dev);
	complete(&r->done);
	return 0;
}

/* The same while the system goes down: neither waits for the other for ever */
static void tdi_race_own_mutex_shutdown(struct kunit *test)
{
	struct fake_tsm *f = test->priv, *second = fake_tsm_new(test);
	struct tdi_race_register r = { .f = second };
	struct task_struct *down, *task;
	struct completion in_op;

	/* a shutdown is for all TSMs that there are */
	KUNIT_ASSERT_FALSE(test, tsm_link_present());
	fake_tsm_connect(f);
	init_completion(&in_op);
	init_completion(&r.done);
	f->own_lock = &own;
	f->in_connect = &in_op;

	mutex_lock(&own);
	down = fake_thread(test, tdi_race_shutdown_thread, NULL);
	wait_for_completion(&in_op);
	/* this thread has the mutex in its place */
	task = fake_thread(test, tdi_race_register_thread, &r);
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&r.done, 10 * HZ));
	mutex_unlock(&own);
	kthread_stop_put(down);
	kthread_stop_put(task);
	KUNIT_EXPECT_EQ(test, 0, r.rc);
	second->registered = !r.rc;
	FAKE_EXPECT_LOG(f, " disconnect");
	f->in_connect = NULL;
	f->own_lock = NULL;
	fake_tsm_unregister(f);
}

static struct kunit_case tdi_race_cases[] = {
	KUNIT_CASE(tdi_race_may_send),
	KUNIT_CASE_PARAM(tdi_race_cuts, tdi_race_cut_gen_params),
	KUNIT_CASE_PARAM(tdi_race_cuts_late, tdi_race_cut_gen_params),
	KUNIT_CASE(tdi_race_not_disconnected),
	KUNIT_CASE(tdi_race_parallel),
	KUNIT_CASE(tdi_race_interrupted),
	KUNIT_CASE(tdi_race_converse),
	KUNIT_CASE(tdi_race_converse_late),
	KUNIT_CASE(tdi_race_own_mutex),
	KUNIT_CASE(tdi_race_own_mutex_shutdown),
	{}
};

static struct kunit_suite tdi_race_suite = {
	.name = "pci_tdi_race",
	.init = tdi_race_init,
	.test_cases = tdi_race_cases,
};

kunit_test_suite(tdi_race_suite);
