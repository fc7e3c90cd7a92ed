// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a guest's function, on the loopback, in each state and in the midst of
 * each verb: it is removed, its TSM leaves, the host destroys its TDI, and a driver
 * leaves it that the host refuses to stop. Nothing of it is left on the host, and the
 * next guest has all of it. What shutdown does is seen by kit:reboot.
 */
#include "tsm_harness.h"
#include "tsm_guest_view.h"

/* Of a conversation in slow motion: what is begun is seen before it ends */
#define SLOW_MS	900

/* What becomes of it */
enum end {
	END_REMOVE,	/* the function is unplugged; its TSM stays */
	END_PUT,	/* its TSM leaves, and then the function goes */
};

FIXTURE(end)
{
	struct scene s;
	struct view g;
	struct sim_job job;
};

FIXTURE_VARIANT(end)
{
	const char *state;
	bool driver;
	enum end how;
};

FIXTURE_VARIANT_ADD(end, unlocked_remove)
	{ .state = "unlocked", .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, locked_remove)
	{ .state = "locked", .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, run_remove)
	{ .state = "run", .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, driven_remove)
	{ .state = "run", .driver = true, .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, lost_remove)
	{ .state = "lost", .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, lost_driven_remove)
	{ .state = "lost", .driver = true, .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, stuck_remove)
	{ .state = "stuck", .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, stuck_driven_remove)
	{ .state = "stuck", .driver = true, .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, locked_put)
	{ .state = "locked", .how = END_PUT };
FIXTURE_VARIANT_ADD(end, run_put)
	{ .state = "run", .how = END_PUT };
FIXTURE_VARIANT_ADD(end, driven_put)
	{ .state = "run", .driver = true, .how = END_PUT };
FIXTURE_VARIANT_ADD(end, lost_driven_put)
	{ .state = "lost", .driver = true, .how = END_PUT };
FIXTURE_VARIANT_ADD(end, stuck_put)
	{ .state = "stuck", .how = END_PUT };
FIXTURE_VARIANT_ADD(end, locking_remove)
	{ .state = "locking", .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, locking_put)
	{ .state = "locking", .how = END_PUT };
FIXTURE_VARIANT_ADD(end, accepting_remove)
	{ .state = "accepting", .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, accepting_put)
	{ .state = "accepting", .how = END_PUT };
FIXTURE_VARIANT_ADD(end, unlocking_remove)
	{ .state = "unlocking", .how = END_REMOVE };
FIXTURE_VARIANT_ADD(end, unlocking_put)
	{ .state = "unlocking", .how = END_PUT };

FIXTURE_SETUP(end)
{
	sim_sweep();
	test_ok(view_scene(&self->s, &self->g));
}

FIXTURE_TEARDOWN(end)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* In another process, with a device that takes its time */
static int begin(struct scene *s, struct view *g, struct sim_job *job,
		 const char *state)
{
	const char *attr = "tsm/unlock", *val = g->tsm;
	char path[SIM_PATH];
	int err;

	if (!strcmp(state, "locking")) {
		attr = "tsm/lock";
	} else if (!strcmp(state, "accepting")) {
		attr = "tsm/accept";
		val = "1";
	}
	err = sim_set(s->d, "latency_ms", "%d", SLOW_MS);
	sim_pci_path(path, sizeof(path), g->bdf, attr);
	return err ?: sim_job_write(job, NULL, path, val);
}

static bool busy(const char *state)
{
	return !strcmp(state, "locking") || !strcmp(state, "accepting") ||
	       !strcmp(state, "unlocking");
}

/*
 * A driver keeps it from being unlocked. It gets stuck with one when it is no longer
 * what was attested, and the host neither ends its DMA nor stops it.
 */
static int get_stuck_driven(struct vmm *v, struct view *g)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_INTERFACE_REPORT };
	struct tsm_regen_object_resp resp;
	size_t len = sizeof(resp);
	int err;

	err = vmm_cmd(v, "lie g about=refuse");
	err = err ?: vmm_req(v, "t", TSM_OP_REGEN_OBJECT, &req, sizeof(req),
			     &resp, &len);
	if (err)
		return err;
	err = view_comes_to(g, "stuck") ? 0 : -ETIME;
	err = err ?: view_has_dma(v, "t") == 1 ? 0 : -EPROTO;
	return vmm_cmd(v, "lie g about=none") ?: err;
}

/* To a state, from UNLOCKED */
static int bring(struct scene *s, struct view *g, struct sim_job *job,
		 const char *state, bool driver)
{
	int err = 0;

	if (strcmp(state, "unlocked") && strcmp(state, "locking"))
		err = view_lock(g);
	if (!err && (!strcmp(state, "run") || !strcmp(state, "stuck") ||
		     !strcmp(state, "lost") || !strcmp(state, "unlocking")))
		err = view_accept(g);
	if (!err && driver)
		err = sim_pci_driver(g->bdf, VIEW_DRIVER);
	if (!err && !strcmp(state, "stuck"))
		err = driver ? get_stuck_driven(&s->v, g) :
			       view_get_stuck(&s->v, g);
	if (!err && !strcmp(state, "lost"))
		err = vmm_cmd(&s->v, "stop t");
	if (!err && busy(state))
		err = begin(s, g, job, state);
	return err;
}

static int end(struct vmm *v, struct view *g, enum end how)
{
	switch (how) {
	case END_REMOVE:
		return sim_pci_write(g->bdf, "remove", "1");
	case END_PUT:
		return vmm_cmd(v, "guest-put g");
	}
	return -EINVAL;
}

/* What a verb says whose function has ended, if it was not faster */
static bool cut_short(int err, enum end how)
{
	switch (err) {
	case 0:
		return true;
	case -ENODEV:
		return how == END_REMOVE;
	case -ENXIO:
		return how == END_PUT;
	}
	return false;
}

/* The next guest */
static void test_next(struct __test_metadata *_metadata, struct scene *s,
		      struct view *g)
{
	struct vmm *v = &s->v;

	test_ok(view_open(g, v, "g", "t", ""));
	test_view(g, "unlocked");
	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	ASSERT_EQ(1, view_has_dma(v, "t"));
	test_ok(sim_pci_driver(g->bdf, NULL));
	ASSERT_EQ(0, view_has_dma(v, "t"));
	test_ok(view_unlock(g));
	test_state(v, "t", "UNLOCKED");
}

/* Its bus, which is what the name begins with, is looked at again */
static int come_again(struct view *g)
{
	char path[SIM_PATH];

	snprintf(path, sizeof(path), "/sys/class/pci_bus/%.*s/rescan",
		 (int)(strrchr(g->bdf, ':') - g->bdf), g->bdf);
	return sim_write(path, "1");
}

/* It comes again, but its TSM knows another one */
static void test_comes_again(struct __test_metadata *_metadata,
			     struct view *g)
{
	test_ok(come_again(g));
	test_view(g, "unlocked");
	test_err(ENXIO, view_lock(g));
	test_view(g, "unlocked");
	test_ok(view_unlock(g));
}

TEST_F(end, of_it)
{
	struct scene *s = &self->s;
	struct vmm *v = &s->v;
	struct view *g = &self->g;
	char tsm[SIM_PATH];
	int err;

	test_ok(bring(s, g, &self->job, variant->state, variant->driver));
	test_view_comes_to(g, variant->state);

	test_ok(end(v, g, variant->how));
	if (busy(variant->state)) {
		err = sim_job_wait(&self->job, CONVERSATION_MS);
		ASSERT_TRUE(cut_short(err, variant->how)) {
			TH_LOG("%s", strerror(-err));
		}
		test_ok(sim_set(s->d, "latency_ms", "0"));
	}

	snprintf(tsm, sizeof(tsm), "/sys/class/tsm/%s", g->tsm);
	ASSERT_EQ(variant->how != END_PUT, sim_exists(tsm));
	ASSERT_FALSE(sim_pci_exists(g->bdf, "vendor"));
	test_state(v, "t", "UNLOCKED");
	test_in_order(v, "t");
	test_device(s->d, s->vf[0], "unlocked");
	ASSERT_GE(0, view_has_dma(v, "t"));

	if (variant->how == END_REMOVE) {
		test_comes_again(_metadata, g);
		test_cmd(v, "guest-put g");
	}
	test_next(_metadata, s, g);
	test_cmd(v, "guest-put g");
	test_cmd(v, "destroy t");
	test_cmd(v, "vm-show vm0");
	ASSERT_EQ(1, vmm_value(v, "refs"));
}

/* The host destroys its TDI, which is the end of the lock, and not of the function */
FIXTURE(destroyed)
{
	struct scene s;
	struct view g;
	struct sim_job job;
};

FIXTURE_VARIANT(destroyed)
{
	const char *state;
	bool driver;
};

FIXTURE_VARIANT_ADD(destroyed, locked) { .state = "locked" };
FIXTURE_VARIANT_ADD(destroyed, run) { .state = "run" };
FIXTURE_VARIANT_ADD(destroyed, driven) { .state = "run", .driver = true };
FIXTURE_VARIANT_ADD(destroyed, stuck) { .state = "stuck" };
FIXTURE_VARIANT_ADD(destroyed, locking) { .state = "locking" };
FIXTURE_VARIANT_ADD(destroyed, accepting) { .state = "accepting" };
FIXTURE_VARIANT_ADD(destroyed, unlocking) { .state = "unlocking" };

FIXTURE_SETUP(destroyed)
{
	sim_sweep();
	test_ok(view_scene(&self->s, &self->g));
}

FIXTURE_TEARDOWN(destroyed)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/*
 * What lasts of a function whose TDI is no more: to unlock it cannot fail any more,
 * and that it had failed before is for its user to see.
 */
static bool nothing_private(struct view *g, const char *before)
{
	const char *state = view_state(g);

	if (!strcmp("stuck", before))
		return !strcmp("stuck", state);
	return !strcmp("unlocked", state) || !strcmp("lost", state);
}

TEST_F(destroyed, tdi)
{
	struct scene *s = &self->s;
	struct vmm *v = &s->v;
	struct view *g = &self->g;

	test_ok(bring(s, g, &self->job, variant->state, variant->driver));
	test_view_comes_to(g, variant->state);
	test_cmd(v, "destroy t");
	test_device(s->d, s->vf[0], "unlocked");
	if (busy(variant->state)) {
		ASSERT_NE(SIM_JOB_RUNNING,
			  sim_job_wait(&self->job, CONVERSATION_MS));
		test_ok(sim_set(s->d, "latency_ms", "0"));
	}
	ASSERT_TRUE(sim_wait(nothing_private(g, variant->state),
			     VIEW_POLL_MS)) {
		TH_LOG("%s", view_state(g));
	}

	test_ok(sim_pci_driver(g->bdf, NULL));
	test_ok(view_unlock(g));
	test_view(g, "unlocked");
	/* nobody is there who would lock it */
	test_err(ENODEV, view_lock(g));
	test_view(g, "unlocked");
	/* an ordinary one binds its driver as ever */
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_ok(sim_pci_driver(g->bdf, NULL));

	test_cmd(v, "guest-put g");
	test_cmd(v, "vm-show vm0");
	ASSERT_EQ(1, vmm_value(v, "refs"));
	test_ok(vmm_create(v, "t", s->vf[0], "vm0", VIEW_RID, NULL));
	test_next(_metadata, s, g);
}

/*
 * A driver leaves, and the host neither ends the function's DMA nor stops it: it may
 * reach what it could, and nobody gets it before that has changed.
 */
FIXTURE(refused)
{
	struct scene s;
	struct view g;
};

FIXTURE_VARIANT(refused)
{
	enum end how;
	bool again;
};

FIXTURE_VARIANT_ADD(refused, unlocked_again) { .again = true };
FIXTURE_VARIANT_ADD(refused, remove) { .how = END_REMOVE };
FIXTURE_VARIANT_ADD(refused, put) { .how = END_PUT };

FIXTURE_SETUP(refused)
{
	sim_sweep();
	test_ok(view_scene(&self->s, &self->g));
}

FIXTURE_TEARDOWN(refused)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(refused, unbind)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_cmd(v, "lie g about=refuse");
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_view(g, "stuck");
	ASSERT_EQ(1, view_has_dma(v, "t"));

	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_err(EIO, view_lock(g));
	test_err(EIO, view_accept(g));
	test_err(EACCES, view_unlock(g));
	test_view(g, "stuck");

	test_cmd(v, "lie g about=none");
	if (variant->again) {
		test_ok(view_unlock(g));
		test_view(g, "unlocked");
	} else {
		test_ok(end(v, g, variant->how));
		ASSERT_FALSE(sim_pci_exists(g->bdf, "vendor"));
	}
	test_state(v, "t", "UNLOCKED");
	ASSERT_GE(0, view_has_dma(v, "t"));
	test_device(self->s.d, self->s.vf[0], "unlocked");
	if (variant->again || variant->how == END_REMOVE)
		test_cmd(v, "guest-put g");
	test_next(_metadata, &self->s, g);
}

/*
 * A host that does not let go of a function unplugs it, and plugs it in anew: for the
 * firmware nothing has changed, so that nothing may have for the guest.
 */
FIXTURE(again)
{
	struct scene s;
	struct view g;
};

FIXTURE_SETUP(again)
{
	sim_sweep();
	test_ok(view_scene(&self->s, &self->g));
}

FIXTURE_TEARDOWN(again)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(again, stuck)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_cmd(v, "lie g about=refuse");
	test_ok(sim_pci_write(g->bdf, "remove", "1"));
	ASSERT_FALSE(sim_pci_exists(g->bdf, "vendor"));
	ASSERT_EQ(1, view_has_dma(v, "t"));

	test_ok(come_again(g));
	test_view(g, "stuck");
	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_err(EIO, view_lock(g));
	test_err(EIO, view_accept(g));
	test_err(EACCES, view_unlock(g));
	test_view(g, "stuck");
	ASSERT_EQ(1, view_has_dma(v, "t"));

	test_cmd(v, "lie g about=none");
	test_ok(view_unlock(g));
	test_view(g, "unlocked");
	test_state(v, "t", "UNLOCKED");
	ASSERT_EQ(0, view_has_dma(v, "t"));
	test_cmd(v, "guest-put g");
	test_next(_metadata, &self->s, g);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
