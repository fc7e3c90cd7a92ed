// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the guest half: a verb is under way, and somebody else comes. Who
 * can be refused is, at once; who cannot ends the verb.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>

#include "devsec_fake.h"

/**
 * struct busy_verb - a verb that takes long
 * @name: of the state that it makes
 * @verb: begins it
 * @from: where it begins
 * @step: operation that it waits in
 * @busy: state meanwhile
 * @to: state afterwards
 * @validate: what validate says meanwhile
 * @cut: it ends before @to if somebody cannot wait
 */
struct busy_verb {
	const char *name;
	int (*verb)(struct fake_agent *a);
	enum tsm_devsec_state from;
	enum agent_step step;
	enum tsm_devsec_state busy;
	enum tsm_devsec_state to;
	int validate;
	bool cut;
};

static int busy_accept(struct fake_agent *a)
{
	return tsm_devsec_accept(a->pdev);
}

enum { BUSY_LOCKING, BUSY_ACCEPTING, BUSY_UNLOCKING };

static const struct busy_verb busy_verbs[] = {
	[BUSY_LOCKING] = {
		"locking", fake_agent_lock, TSM_DEVSEC_UNLOCKED, AGENT_LOCK,
		TSM_DEVSEC_LOCKING, TSM_DEVSEC_LOCKED, -EINVAL, true },
	[BUSY_ACCEPTING] = {
		"accepting", busy_accept, TSM_DEVSEC_LOCKED, AGENT_ACCEPT,
		TSM_DEVSEC_ACCEPTING, TSM_DEVSEC_RUN, 0, true },
	[BUSY_UNLOCKING] = {
		"unlocking", fake_agent_unlock, TSM_DEVSEC_RUN, AGENT_UNLOCK,
		TSM_DEVSEC_UNLOCKING, TSM_DEVSEC_UNLOCKED, -EINVAL, false },
};

static void busy_verb_name(const struct busy_verb *verb, char *desc)
{
	strscpy(desc, verb->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(busy_verbs, busy_verbs, busy_verb_name);

/**
 * struct busy_thread - somebody who begins a verb
 * @verb: which
 * @a: function and TSM
 * @task: with a reference
 * @ready: signals get to @task
 * @begin: what @task waits for then
 * @in_step: the verb is in the step that waits
 * @go_on: what that step waits for
 * @done: the verb is over
 * @rc: how it ended
 */
struct busy_thread {
	const struct busy_verb *verb;
	struct fake_agent *a;
	struct task_struct *task;
	struct completion ready;
	struct completion begin;
	struct completion in_step;
	struct completion go_on;
	struct completion done;
	int rc;
};

static int busy_thread(void *t_)
{
	struct busy_thread *t = t_;

	allow_signal(SIGINT);
	allow_signal(SIGKILL);
	complete(&t->ready);
	wait_for_completion(&t->begin);
	/* the machine is the test's for this thread, too */
	current->kunit_test = t->a->test;
	t->rc = t->verb->verb(t->a);
	current->kunit_test = NULL;
	complete_all(&t->done);
	return 0;
}

/* The function is where the verb begins, and somebody about to begin it. */
static void busy_prepare(struct kunit *test, struct busy_thread *t,
			 const struct busy_verb *verb)
{
	struct fake_agent *a = fake_agent_new(test);

	fake_agent_register(a);
	t->a = a;
	t->verb = verb;
	init_completion(&t->ready);
	init_completion(&t->begin);
	init_completion(&t->in_step);
	init_completion(&t->go_on);
	init_completion(&t->done);
	fake_agent_to(a, t->verb->from);
	t->task = fake_thread(test, busy_thread, t);
	wait_for_completion(&t->ready);
}

static void busy_begin_verb(struct kunit *test, struct busy_thread *t,
			    const struct busy_verb *verb)
{
	struct fake_agent *a;

	busy_prepare(test, t, verb);
	a = t->a;
	a->wait_in = t->verb->step;
	a->in_step = &t->in_step;
	a->go_on = &t->go_on;
	complete(&t->begin);
	wait_for_completion(&t->in_step);
	KUNIT_EXPECT_EQ(test, t->verb->busy, fake_agent_state(a));
}

static void busy_begin(struct kunit *test, struct busy_thread *t)
{
	busy_begin_verb(test, t, test->param_value);
}

static int busy_end(struct busy_thread *t)
{
	complete(&t->go_on);
	wait_for_completion(&t->done);
	kthread_stop_put(t->task);
	t->a->in_step = NULL;
	return t->rc;
}

/* None of these waits for the conversation: the test would not end. */
static void busy_test_refused(struct kunit *test)
{
	const u8 nonce[TSM_NONCE_SIZE] = { 1 };
	struct busy_thread t;
	struct fake_agent *a;
	struct tsm_devsec *d;

	busy_begin(test, &t);
	a = t.a;
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_lock(a));
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_devsec_accept(a->pdev));
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_unlock(a));
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_bind(a));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			fake_agent_refresh(a, BIT(TSM_OBJECT_MEASUREMENTS),
					   nonce));
	KUNIT_EXPECT_EQ(test, t.verb->validate,
			tsm_evidence_validate(a->pdev,
					      fake_agent_generation(a)));
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_session_sleep());
	KUNIT_EXPECT_TRUE(test, pci_devsec_locked(a->pdev));
	KUNIT_EXPECT_TRUE(test, tsm_devsec_keeps_command(a->pdev));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&a->pdev->dev));
	KUNIT_EXPECT_EQ(test, -EBUSY, pcie_flr(a->pdev));
	KUNIT_EXPECT_EQ(test, -EBUSY, pci_set_power_state(a->pdev, PCI_D3hot));
	/* looked after when it is over, and nothing is wrong then */
	pci_devsec_note_loss(a->pdev);
	/* nobody holds the lock of the device */
	KUNIT_EXPECT_TRUE(test, device_trylock(&a->pdev->dev));
	device_unlock(&a->pdev->dev);
	KUNIT_EXPECT_EQ(test, t.verb->busy, fake_agent_state(a));

	KUNIT_EXPECT_EQ(test, 0, busy_end(&t));
	d = tsm_devsec_get(a->pdev);
	flush_work(&d->loss_work);
	tsm_devsec_put(d);
	KUNIT_EXPECT_EQ(test, t.verb->to, fake_agent_state(a));
}

/* Another function of the same TSM is locked and unlocked meanwhile */
static void busy_test_apart(struct kunit *test)
{
	struct busy_thread t;
	struct pci_dev *other;

	busy_begin(test, &t);
	other = t.a->f->vf[1].pdev;
	other->devcap |= PCI_EXP_DEVCAP_TEE;
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_lock(other, t.a->tsm_dev->id));
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_accept(other));
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_unlock(other, t.a->tsm_dev->id));
	set_bit(PCI_DEV_REMOVED, &other->priv_flags);
	tsm_devsec_gone(other);
	KUNIT_EXPECT_EQ(test, t.verb->busy, fake_agent_state(t.a));
	KUNIT_EXPECT_EQ(test, 0, busy_end(&t));
}

/* A teardown is not cut, but it ends, and is waited for. */
static void busy_let_end(struct busy_thread *t)
{
	if (!t->verb->cut)
		complete(&t->go_on);
}

static void busy_test_cut_by_tsm(struct kunit *test)
{
	struct busy_thread t;

	busy_begin(test, &t);
	busy_let_end(&t);
	fake_agent_unregister(t.a);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(t.a));
	KUNIT_EXPECT_EQ(test, t.verb->cut ? -ENXIO : 0, busy_end(&t));
	KUNIT_EXPECT_EQ(test, 0, t.a->contexts);
	KUNIT_EXPECT_EQ(test, -ENXIO, fake_agent_lock(t.a));
}

static void busy_test_cut_by_removal(struct kunit *test)
{
	struct busy_thread t;

	busy_begin(test, &t);
	busy_let_end(&t);
	fake_agent_remove(t.a);
	KUNIT_EXPECT_NULL(test, t.a->pdev->devsec);
	KUNIT_EXPECT_EQ(test, t.verb->cut ? -ENODEV : 0, busy_end(&t));
	KUNIT_EXPECT_EQ(test, 0, t.a->contexts);
	KUNIT_EXPECT_EQ(test, -ENODEV, fake_agent_lock(t.a));
}

static void busy_test_cut_by_shutdown(struct kunit *test)
{
	struct busy_thread t;

	busy_begin(test, &t);
	busy_let_end(&t);
	scoped_guard(device, &t.a->pdev->dev)
		pci_devsec_shutdown(t.a->pdev);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(t.a));
	KUNIT_EXPECT_EQ(test, t.verb->cut ? -ENODEV : 0, busy_end(&t));
	KUNIT_EXPECT_EQ(test, 0, t.a->contexts);
	KUNIT_EXPECT_EQ(test, -ENODEV, fake_agent_lock(t.a));
}

/* --- whoever began the verb gets a signal -------------------------------------- */

/* Before it began: any signal will do, and nothing has happened */
static void busy_interrupt(struct kunit *test, int sig)
{
	const struct busy_verb *verb = test->param_value;
	struct busy_thread t;
	struct fake_agent *a;
	int contexts;
	u64 generation;

	busy_prepare(test, &t, verb);
	a = t.a;
	contexts = a->contexts;
	generation = fake_agent_generation(a);

	device_lock(&a->pdev->dev);
	complete(&t.begin);
	KUNIT_EXPECT_EQ(test, 0, wait_for_completion_timeout(&t.done, HZ / 10));
	KUNIT_EXPECT_EQ(test, verb->from, fake_agent_state(a));
	send_sig(sig, t.task, 1);
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&t.done, 10 * HZ));
	device_unlock(&a->pdev->dev);
	KUNIT_EXPECT_EQ(test, -EINTR, busy_end(&t));

	KUNIT_EXPECT_EQ(test, verb->from, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, generation, fake_agent_generation(a));
	KUNIT_EXPECT_EQ(test, contexts, a->contexts);
	KUNIT_EXPECT_EQ(test, verb->from == TSM_DEVSEC_RUN,
			pci_devsec_private_mmio(pci_resource_start(a->pdev, 0)));
	AGENT_EXPECT_LOG(a, "");

	/* that was all that kept it from beginning */
	KUNIT_EXPECT_EQ(test, 0, verb->verb(a));
	KUNIT_EXPECT_EQ(test, verb->to, fake_agent_state(a));
	fake_agent_remove(a);
}

static void busy_test_interrupted(struct kunit *test)
{
	busy_interrupt(test, SIGINT);
	busy_interrupt(test, SIGKILL);
}

/* Later: only if it does not survive that, and if it is no teardown */
static void busy_test_cut_by_signal(struct kunit *test)
{
	struct busy_thread t;

	busy_begin(test, &t);
	send_sig(SIGINT, t.task, 1);
	KUNIT_EXPECT_EQ(test, 0, wait_for_completion_timeout(&t.done, HZ / 10));
	KUNIT_EXPECT_EQ(test, t.verb->busy, fake_agent_state(t.a));

	send_sig(SIGKILL, t.task, 1);
	if (t.verb->cut)
		KUNIT_EXPECT_NE(test, 0,
				wait_for_completion_timeout(&t.done, 10 * HZ));
	else
		KUNIT_EXPECT_EQ(test, 0,
				wait_for_completion_timeout(&t.done, HZ / 10));
	KUNIT_EXPECT_EQ(test, t.verb->cut ? -EINTR : 0, busy_end(&t));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(t.a));
	KUNIT_EXPECT_EQ(test, TSM_TDI_UNLOCKED, t.a->state);
	KUNIT_EXPECT_EQ(test, 0, t.a->contexts);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_lock(t.a));
}

/* --- the TSM leaves, and that takes long --------------------------------------- */

static int busy_unregister(void *a_)
{
	struct fake_agent *a = a_;

	current->kunit_test = a->test;
	fake_agent_unregister(a);
	current->kunit_test = NULL;
	return 0;
}

static enum tsm_devsec_state busy_state(struct pci_dev *pdev)
{
	struct tsm_devsec *d = tsm_devsec_get(pdev);
	enum tsm_devsec_state state = TSM_DEVSEC_UNLOCKED;

	if (d) {
		state = READ_ONCE(d->state);
		tsm_devsec_put(d);
	}
	return state;
}

/*
 * A function is being unlocked, for which the TSM has to wait. Meanwhile one that
 * it has locked stays so, and one that it has not is not locked any more.
 */
static void busy_leave(struct kunit *test, bool accepted)
{
	enum tsm_devsec_state was = accepted ? TSM_DEVSEC_RUN : TSM_DEVSEC_LOCKED;
	struct pci_dev *locked, *unlocked;
	struct task_struct *task;
	struct busy_thread t;
	struct fake_agent *a;
	int tsm_id;

	busy_begin_verb(test, &t, &busy_verbs[BUSY_UNLOCKING]);
	a = t.a;
	tsm_id = a->tsm_dev->id;
	unlocked = a->f->vf[0].pdev;
	unlocked->devcap |= PCI_EXP_DEVCAP_TEE;
	locked = a->f->vf[1].pdev;
	locked->devcap |= PCI_EXP_DEVCAP_TEE;
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_lock(locked, tsm_id));
	if (accepted)
		KUNIT_EXPECT_EQ(test, 0, tsm_devsec_accept(locked));

	task = fake_thread(test, busy_unregister, a);
	for (int i = 0; i < 500 && pci_devsec_may_go_on(locked) != -ENXIO; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_devsec_may_go_on(locked));
	a->log[0] = '\0';

	KUNIT_EXPECT_EQ(test, -ENXIO, tsm_devsec_lock(unlocked, tsm_id));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, busy_state(unlocked));
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_devsec_lock(locked, tsm_id));
	KUNIT_EXPECT_EQ(test, -EINVAL, tsm_devsec_unlock(locked, tsm_id + 1));
	KUNIT_EXPECT_EQ(test, -ENXIO, tsm_devsec_unlock(locked, tsm_id));
	KUNIT_EXPECT_EQ(test, accepted ? 0 : -ENXIO, tsm_devsec_accept(locked));
	scoped_guard(device, &locked->dev)
		KUNIT_EXPECT_EQ(test, accepted ? -ENXIO : -EBUSY,
				pci_devsec_attach(locked));
	KUNIT_EXPECT_FALSE(test, pci_devsec_private_dma(&locked->dev));
	KUNIT_EXPECT_EQ(test, was, busy_state(locked));
	KUNIT_EXPECT_EQ(test, accepted,
			pci_devsec_private_mmio(pci_resource_start(locked, 0)));
	/* what is under way says so first */
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_agent_unlock(a));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKING, fake_agent_state(a));
	AGENT_EXPECT_LOG(a, "");

	KUNIT_EXPECT_EQ(test, 0, busy_end(&t));
	kthread_stop_put(task);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, busy_state(locked));
	KUNIT_EXPECT_EQ(test, 0, a->contexts);
	KUNIT_EXPECT_EQ(test, -ENXIO, tsm_devsec_lock(locked, tsm_id));
	KUNIT_EXPECT_EQ(test, 0, tsm_devsec_unlock(locked, tsm_id));

	set_bit(PCI_DEV_REMOVED, &locked->priv_flags);
	tsm_devsec_gone(locked);
	set_bit(PCI_DEV_REMOVED, &unlocked->priv_flags);
	tsm_devsec_gone(unlocked);
	fake_agent_remove(a);
}

static void busy_test_leaving(struct kunit *test)
{
	busy_leave(test, false);
	busy_leave(test, true);
}

/* --- evidence is being made anew ---------------------------------------------- */

static void busy_refresh(struct kunit *test, struct busy_thread *t)
{
	static const u8 nonce[TSM_NONCE_SIZE] = { 3 };
	struct fake_agent *a = fake_agent_new(test);

	fake_agent_register(a);
	fake_agent_to(a, TSM_DEVSEC_RUN);
	t->a = a;
	init_completion(&t->in_step);
	init_completion(&t->go_on);
	a->wait_in = AGENT_REGEN;
	a->in_step = &t->in_step;
	a->go_on = &t->go_on;
	KUNIT_ASSERT_EQ(test, 0,
			tsm_evidence_refresh(a->pdev,
					     BIT(TSM_OBJECT_MEASUREMENTS),
					     nonce));
	wait_for_completion(&t->in_step);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			tsm_evidence_refresh(a->pdev,
					     BIT(TSM_OBJECT_MEASUREMENTS),
					     nonce));
}

/* Who has the device_lock, or takes trust away, does not wait for that. */
static void busy_test_yields(struct kunit *test)
{
	struct busy_thread t;
	u64 generation;

	busy_refresh(test, &t);
	generation = fake_agent_generation(t.a);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(t.a));
	KUNIT_EXPECT_EQ(test, generation, fake_agent_generation(t.a));
	fake_agent_remove(t.a);

	busy_refresh(test, &t);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(t.a));
	fake_agent_remove(t.a);

	busy_refresh(test, &t);
	t.a->state = TSM_TDI_ERROR;
	fake_agent_loss(t.a, true);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(t.a));
	fake_agent_remove(t.a);

	busy_refresh(test, &t);
	fake_agent_unregister(t.a);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(t.a));
	fake_agent_remove(t.a);

	busy_refresh(test, &t);
	fake_agent_remove(t.a);
	KUNIT_EXPECT_NULL(test, t.a->pdev->devsec);
}

/* --- a TSM that takes one after the other ------------------------------------- */

/* Who has begun to accept what is seen meanwhile not to be what was locked */
static void busy_test_other_report(struct kunit *test)
{
	static const u8 nonce[TSM_NONCE_SIZE] = { 3 };
	struct busy_thread t;
	struct fake_agent *a;

	busy_prepare(test, &t, &busy_verbs[BUSY_ACCEPTING]);
	a = t.a;
	a->wait_in = AGENT_REGEN;
	a->in_step = &t.in_step;
	a->go_on = &t.go_on;
	KUNIT_ASSERT_EQ(test, 0,
			tsm_evidence_refresh(a->pdev,
					     BIT(TSM_OBJECT_INTERFACE_REPORT),
					     nonce));
	wait_for_completion(&t.in_step);
	complete(&t.begin);
	for (int i = 0; i < 1000 &&
	     fake_agent_state(a) != TSM_DEVSEC_ACCEPTING; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_ACCEPTING, fake_agent_state(a));

	a->bad_report = true;
	a->log[0] = '\0';
	KUNIT_EXPECT_EQ(test, -EIO, busy_end(&t));
	KUNIT_EXPECT_NULL(test, strstr(a->log, "accept"));
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_UNLOCKED, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, 0, a->contexts);

	/* it is about that lock */
	a->bad_report = false;
	fake_agent_to(a, TSM_DEVSEC_RUN);
}

static void busy_test_serial(struct kunit *test)
{
	struct fake_agent *a = fake_agent_new(test);

	a->ops.flags = 0;
	fake_agent_register(a);
	for (int i = 0; i < 2; i++) {
		fake_agent_to(a, TSM_DEVSEC_RUN);
		KUNIT_EXPECT_EQ(test, 0, fake_agent_bind(a));
		fake_agent_unbind(a);
		a->state = TSM_TDI_ERROR;
		fake_agent_loss(a, false);
		KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
		KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	}
}

static struct kunit_case devsec_busy_cases[] = {
	KUNIT_CASE_PARAM(busy_test_refused, busy_verbs_gen_params),
	KUNIT_CASE_PARAM(busy_test_apart, busy_verbs_gen_params),
	KUNIT_CASE_PARAM(busy_test_cut_by_tsm, busy_verbs_gen_params),
	KUNIT_CASE_PARAM(busy_test_cut_by_removal, busy_verbs_gen_params),
	KUNIT_CASE_PARAM(busy_test_cut_by_shutdown, busy_verbs_gen_params),
	KUNIT_CASE_PARAM(busy_test_interrupted, busy_verbs_gen_params),
	KUNIT_CASE_PARAM(busy_test_cut_by_signal, busy_verbs_gen_params),
	KUNIT_CASE(busy_test_leaving),
	KUNIT_CASE(busy_test_yields),
	KUNIT_CASE(busy_test_other_report),
	KUNIT_CASE(busy_test_serial),
	{}
};

static struct kunit_suite devsec_busy_suite = {
	.name = "pci_devsec_busy",
	.test_cases = devsec_busy_cases,
};

kunit_test_suite(devsec_busy_suite);
