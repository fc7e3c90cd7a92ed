// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host that deceives its guest about a function, on the loopback: each lie is
 * caught by what the trusted firmware says, before anything private can be reached;
 * and when the host becomes honest, the function can be had.
 */
#include "tsm_harness.h"
#include "tsm_guest_view.h"

/* What a guest does, in order */
enum step {
	STEP_LOCK,
	STEP_ACCEPT,
	STEP_BIND,
	STEP_UNBIND,
	STEP_UNLOCK,
	NR_STEPS,
};

static int view_step(struct view *g, enum step step)
{
	switch (step) {
	case STEP_LOCK:
		return view_lock(g);
	case STEP_ACCEPT:
		return view_accept(g);
	case STEP_BIND:
		return sim_pci_driver(g->bdf, VIEW_DRIVER);
	case STEP_UNBIND:
		return sim_pci_driver(g->bdf, NULL);
	case STEP_UNLOCK:
		return view_unlock(g);
	default:
		return -EINVAL;
	}
}

FIXTURE(lie)
{
	struct scene s;
	struct view g;
};

/*
 * @about: what the host lies about; @caught: when it shows; @error: how; @then: what
 * is left of it; @host: what is really there then
 */
FIXTURE_VARIANT(lie)
{
	const char *about;
	/* of an object, plus 1 */
	unsigned int type;
	enum step caught;
	int error;
	const char *then;
	const char *host;
};

FIXTURE_VARIANT_ADD(lie, lock)
	{ .about = "lock", .caught = STEP_LOCK, .error = EPERM,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, object)
	{ .about = "object", .caught = STEP_LOCK, .error = EBADMSG,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, chain)
	{ .about = "object", .type = 1 + TSM_OBJECT_CERTIFICATE_CHAIN,
	  .caught = STEP_LOCK, .error = EBADMSG,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, measurements)
	{ .about = "object", .type = 1 + TSM_OBJECT_MEASUREMENTS,
	  .caught = STEP_LOCK, .error = EBADMSG,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, report)
	{ .about = "object", .type = 1 + TSM_OBJECT_INTERFACE_REPORT,
	  .caught = STEP_LOCK, .error = EBADMSG,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, long)
	{ .about = "long", .caught = STEP_LOCK, .error = EBADMSG,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, deny_lock)
	{ .about = "deny", .caught = STEP_LOCK, .error = EIO,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, deny_accept)
	{ .about = "deny", .caught = STEP_ACCEPT, .error = EIO,
	  .then = "unlocked", .host = "UNLOCKED" };
/* what the host did, it did, whatever it says */
FIXTURE_VARIANT_ADD(lie, deny_bind)
	{ .about = "deny", .caught = STEP_BIND, .error = NOT_BOUND,
	  .then = "run", .host = "RUN" };
FIXTURE_VARIANT_ADD(lie, deny_unlock)
	{ .about = "deny", .caught = STEP_UNLOCK, .error = 0,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, early)
	{ .about = "early", .caught = STEP_ACCEPT, .error = EPERM,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, where)
	{ .about = "where", .caught = STEP_ACCEPT, .error = EPERM,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, short)
	{ .about = "short", .caught = STEP_LOCK, .error = EBADMSG,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, nonce)
	{ .about = "nonce", .caught = STEP_LOCK, .error = EBADMSG,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, regen)
	{ .about = "regen", .caught = STEP_LOCK, .error = EBADMSG,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, refuse)
	{ .about = "refuse", .caught = STEP_LOCK, .error = EACCES,
	  .then = "unlocked", .host = "UNLOCKED" };
/* it does not take back what it has not started, either */
FIXTURE_VARIANT_ADD(lie, refuse_accept)
	{ .about = "refuse", .caught = STEP_ACCEPT, .error = EACCES,
	  .then = "stuck", .host = "LOCKED" };
FIXTURE_VARIANT_ADD(lie, refuse_unlock)
	{ .about = "refuse", .caught = STEP_UNLOCK, .error = EACCES,
	  .then = "stuck", .host = "RUN" };
FIXTURE_VARIANT_ADD(lie, start)
	{ .about = "start", .caught = STEP_ACCEPT, .error = EPERM,
	  .then = "unlocked", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, mmio)
	{ .about = "mmio", .caught = STEP_ACCEPT, .error = EPERM,
	  .then = "unlocked", .host = "UNLOCKED" };
/* the driver is not bound, which is all that sysfs says of it */
FIXTURE_VARIANT_ADD(lie, dma_on)
	{ .about = "dma-on", .caught = STEP_BIND, .error = NOT_BOUND,
	  .then = "run", .host = "RUN" };
/* the driver leaves, come what may: the function loses what it could reach */
FIXTURE_VARIANT_ADD(lie, dma_off)
	{ .about = "dma-off", .caught = STEP_UNBIND, .error = 0,
	  .then = "lost", .host = "UNLOCKED" };
FIXTURE_VARIANT_ADD(lie, stop)
	{ .about = "stop", .caught = STEP_UNLOCK, .error = EPERM,
	  .then = "stuck", .host = "RUN" };

FIXTURE_SETUP(lie)
{
	sim_sweep();
	test_ok(view_scene(&self->s, &self->g));
}

FIXTURE_TEARDOWN(lie)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(lie, caught)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	enum step step;

	for (step = 0; step < variant->caught; step++)
		test_ok(view_step(g, step));
	if (variant->type)
		test_cmd(v, "lie g about=%s type=%u", variant->about,
			 variant->type - 1);
	else
		test_cmd(v, "lie g about=%s", variant->about);
	test_err(variant->error, view_step(g, variant->caught));
	test_view(g, variant->then);
	test_state(v, "t", variant->host);

	/* nothing private can be reached by what is not accepted */
	if (strcmp(variant->then, "run"))
		test_err(NOT_BOUND, strcmp(variant->then, "unlocked") ?
			 sim_pci_driver(g->bdf, VIEW_DRIVER) : -NOT_BOUND);
	ASSERT_EQ(0, view_has_dma(v, "t"));

	test_cmd(v, "lie g about=none");
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_ok(view_unlock(g));
	test_view(g, "unlocked");
	test_state(v, "t", "UNLOCKED");
	for (step = 0; step < NR_STEPS; step++)
		test_ok(view_step(g, step));
	test_in_order(v, "t");
}

/* A host that does nothing and says nothing: nobody waits for it for ever */
FIXTURE(silent)
{
	struct scene s;
	struct view g;
	struct sim_job job;
};

FIXTURE_VARIANT(silent)
{
	enum step step;
	const char *attr;
	const char *meanwhile;
};

FIXTURE_VARIANT_ADD(silent, lock)
	{ .step = STEP_LOCK, .attr = "tsm/lock", .meanwhile = "locking" };
FIXTURE_VARIANT_ADD(silent, accept)
	{ .step = STEP_ACCEPT, .attr = "tsm/accept", .meanwhile = "accepting" };
FIXTURE_VARIANT_ADD(silent, unlock)
	{ .step = STEP_UNLOCK, .attr = "tsm/unlock", .meanwhile = "unlocking" };

FIXTURE_SETUP(silent)
{
	struct view *g = &self->g;
	char path[SIM_PATH];

	sim_sweep();
	test_ok(view_scene(&self->s, g));
	if (variant->step != STEP_LOCK)
		test_ok(view_lock(g));
	if (variant->step == STEP_UNLOCK)
		test_ok(view_accept(g));
	test_cmd(&self->s.v, "lie g about=silent");
	sim_pci_path(path, sizeof(path), g->bdf, variant->attr);
	test_ok(sim_job_write(&self->job, NULL, path,
			      variant->step == STEP_ACCEPT ? "1" : g->tsm));
	test_view_comes_to(g, variant->meanwhile);
}

FIXTURE_TEARDOWN(silent)
{
	if (self->job.pid) {
		sim_job_kill(&self->job);
		sim_job_wait(&self->job, CONVERSATION_MS);
	}
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* Everything that the guest begins has a time to be over */
TEST_F(silent, given_up)
{
	struct view *g = &self->g;

	if (variant->step == STEP_ACCEPT) {
		/* it may have run: to withdraw that has a time of its own */
		ASSERT_EQ(SIM_JOB_RUNNING, sim_job_wait(&self->job,
							CONVERSATION_MS));
		test_cmd(&self->s.v, "lie g about=none");
	}
	test_err(ETIMEDOUT, sim_job_wait(&self->job,
					 variant->step == STEP_UNLOCK ?
					 TEARDOWN_MS + PROMPT_MS :
					 CONVERSATION_MS));
	test_cmd(&self->s.v, "lie g about=none");
	if (variant->step == STEP_UNLOCK) {
		/* nobody knows what has become of it */
		test_view(g, "stuck");
		test_state(&self->s.v, "t", "RUN");
		test_ok(view_unlock(g));
	}
	test_view(g, "unlocked");
	test_state(&self->s.v, "t", "UNLOCKED");
	test_ok(view_lock(g));
	test_ok(view_accept(g));
}

/* Who does not want to wait is killed; what is to be withdrawn then, is */
TEST_F(silent, killed)
{
	struct view *g = &self->g;

	sim_job_kill(&self->job);
	if (variant->step == STEP_LOCK)
		ASSERT_EQ(SIM_JOB_KILLED, sim_job_wait(&self->job, PROMPT_MS));
	test_cmd(&self->s.v, "lie g about=none");
	if (variant->step != STEP_LOCK)
		ASSERT_EQ(SIM_JOB_KILLED, sim_job_wait(&self->job,
						       CONVERSATION_MS));
	test_view(g, "unlocked");
	test_state(&self->s.v, "t", "UNLOCKED");
	test_ok(view_lock(g));
	test_ok(view_accept(g));
}

/* Who takes the function away does not wait at all */
TEST_F(silent, taken_away)
{
	struct vmm *v = &self->s.v;

	if (variant->step != STEP_LOCK)
		test_cmd(v, "lie g about=none");
	test_cmd(v, "guest-put g");
	ASSERT_NE(SIM_JOB_RUNNING, sim_job_wait(&self->job, PROMPT_MS));
	test_state(v, "t", "UNLOCKED");
}

/* A guest that was given something else than what it is told */
FIXTURE(other)
{
	struct scene s;
	struct view g;
};

FIXTURE_SETUP(other)
{
	struct scene *s = &self->s;

	sim_sweep();
	test_ok(scene_build(s, "alpha", 1));
	test_ok(scene_connect(s));
	test_ok(vmm_create(&s->v, "t", s->vf[0], "vm0", VIEW_RID, NULL));
}

FIXTURE_TEARDOWN(other)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(other, function)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_open(g, v, "g", "t", "rid=0x40"));
	test_err(EPERM, view_lock(g));
	test_view(g, "unlocked");
	test_state(v, "t", "UNLOCKED");
}

/* Refused either as stale, or as lost if somebody has looked before */
static bool stale_or_lost(struct view *g)
{
	int err = view_accept(g);

	return err == -ESTALE ||
	       (err == -EIO && !strcmp("lost", view_state(g)));
}

/* Killed when the host has locked it already, and some evidence is read */
TEST_F(other, killed)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	struct sim_job job;
	char path[SIM_PATH];

	test_ok(view_open(g, v, "g", "t", ""));
	test_ok(sim_set(self->s.d, "latency_ms", "%d", SIM_MAX_LATENCY_MS));
	sim_pci_path(path, sizeof(path), g->bdf, "tsm/lock");
	test_ok(sim_job_write(&job, NULL, path, g->tsm));
	ASSERT_TRUE(sim_wait(!strcmp("LOCKED", vmm_state(v, "t")),
			     CONVERSATION_MS));
	test_view(g, "locking");
	sim_job_kill(&job);
	ASSERT_EQ(SIM_JOB_KILLED, sim_job_wait(&job, CONVERSATION_MS));
	test_view(g, "unlocked");
	test_state(v, "t", "UNLOCKED");
	test_ok(sim_set(self->s.d, "latency_ms", "0"));
	test_ok(view_lock(g));
	test_ok(view_accept(g));
}

/* Another function of the same device, as the one that the guest wants */
TEST_F(other, swap)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(vmm_create(v, "t2", self->s.vf[1], "vm0", VIEW_RID + 8, NULL));
	test_ok(view_open(g, v, "g", "t", ""));
	test_cmd(v, "lie g about=swap tdi=t2");
	test_err(EPERM, view_lock(g));
	test_view(g, "unlocked");
	test_state(v, "t2", "UNLOCKED");

	test_cmd(v, "lie g about=none");
	test_ok(view_lock(g));
	test_state(v, "t", "LOCKED");
	test_cmd(v, "lock t2");
	test_cmd(v, "lie g about=swap tdi=t2");
	ASSERT_TRUE(stale_or_lost(g));
	test_view_comes_to(g, "lost");
	test_state(v, "t2", "LOCKED");
	test_cmd(v, "lie g about=none");
	test_ok(view_unlock(g));
	test_state(v, "t", "UNLOCKED");
	test_cmd(v, "destroy t2");
}

/* Reported MMIO that is in no BAR of the guest */
TEST_F(other, bar)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_open(g, v, "g", "t", "bar0=0x4000"));
	test_err(EBADMSG, view_lock(g));
	test_view(g, "unlocked");
	test_state(v, "t", "UNLOCKED");
}

/* Between lock and accept another lock, of the same function */
TEST_F(other, lock)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_open(g, v, "g", "t", ""));
	test_ok(view_lock(g));
	test_cmd(v, "stop t");
	test_cmd(v, "lock t");
	ASSERT_TRUE(stale_or_lost(g));
	test_state(v, "t", "LOCKED");
	test_view_comes_to(g, "lost");
	test_ok(view_unlock(g));
	test_state(v, "t", "UNLOCKED");
}

/* Private memory is opened for it in RUN, and nobody has asked for that */
TEST_F(other, dma)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_open(g, v, "g", "t", ""));
	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_cmd(v, "req t op=3");
	test_view_comes_to(g, "lost");
	test_ok(view_unlock(g));
	test_state(v, "t", "UNLOCKED");
}

/* Between lock and accept another report */
TEST_F(other, report)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_INTERFACE_REPORT };
	struct tsm_regen_object_resp resp;
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	size_t len = sizeof(resp);

	test_ok(view_open(g, v, "g", "t", ""));
	test_ok(view_lock(g));
	test_ok(vmm_req(v, "t", TSM_OP_REGEN_OBJECT, &req, sizeof(req), &resp,
			&len));
	ASSERT_TRUE(stale_or_lost(g));
	test_state(v, "t", "LOCKED");
	test_ok(view_unlock(g));
}

/* Started behind the guest's back: it has not accepted that */
TEST_F(other, start)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_open(g, v, "g", "t", ""));
	test_ok(view_lock(g));
	test_cmd(v, "run t");
	ASSERT_TRUE(stale_or_lost(g));
	test_view_comes_to(g, "lost");
	test_ok(view_unlock(g));
	test_state(v, "t", "UNLOCKED");
}

/* Ended by a host that fails at that: what the firmware still has is not given up */
TEST_F(other, quarantine)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_open(g, v, "g", "t", ""));
	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(sim_set(self->s.d, "tsm_fault", "release"));
	test_err(ENOTRECOVERABLE, view_unlock(g));
	test_view(g, "stuck");
	test_ok(sim_set(self->s.d, "tsm_fault", "none"));
	test_err(EIO, view_lock(g));
	test_err(EIO, view_accept(g));
	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
}

/* A TSM leaves while its function is stuck, with a host that lies to the last */
TEST_F(other, stuck)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_open(g, v, "g", "t", ""));
	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_cmd(v, "lie g about=stop");
	test_err(EPERM, view_unlock(g));
	test_view(g, "stuck");
	test_cmd(v, "guest-put g");
	ASSERT_FALSE(sim_pci_exists(g->bdf, "vendor"));

	/* it was the host's all the time; another guest gets what is locked anew */
	test_state(v, "t", "RUN");
	test_ok(view_open(g, v, "g", "t", ""));
	test_view(g, "unlocked");
	ASSERT_NE(0, view_lock(g));
	test_view(g, "unlocked");
	test_cmd(v, "stop t");
	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(view_unlock(g));
	test_state(v, "t", "UNLOCKED");
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
