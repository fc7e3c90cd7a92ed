// SPDX-License-Identifier: GPL-2.0-only
/*
 * Teardowns of TDIs that fail: what is tried, what a quarantine keeps from whom,
 * and what it takes to end one.
 */
#include "tsm_harness.h"

/* --- what is tried ------------------------------------------------------------------ */

FIXTURE(ladder)
{
	struct scene s;
};

FIXTURE_VARIANT(ladder)
{
	const char *tsm_fault;
	const char *steps;
	bool blocked;
	bool quarantined;
	bool at_destroy;
};

FIXTURE_VARIANT_ADD(ladder, force)
	{ .tsm_fault = "stop", .steps = STEPS_FORCED };
FIXTURE_VARIANT_ADD(ladder, block)
	{ .tsm_fault = "stop force", .blocked = true,
	  .steps = "stop! stop-force! block revoke dma-off host-dma-off release ungate" };
FIXTURE_VARIANT_ADD(ladder, nothing_helps)
	{ .tsm_fault = "stop force block", .quarantined = true,
	  .steps = "stop! stop-force! block!" };
FIXTURE_VARIANT_ADD(ladder, not_released)
	{ .tsm_fault = "release", .quarantined = true,
	  .steps = "stop revoke dma-off host-dma-off release!" };
FIXTURE_VARIANT_ADD(ladder, not_destroyed)
	{ .tsm_fault = "destroy", .quarantined = true, .at_destroy = true,
	  .steps = STEPS_DOWN " destroy!" };

FIXTURE_SETUP(ladder)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 2));
	test_ok(scene_connect(&self->s));
	test_ok(trace_begin());
}

FIXTURE_TEARDOWN(ladder)
{
	trace_end();
	EXPECT_EQ(0, scene_strike(&self->s));
}

#define test_tdi_state_file(bdf, state) \
	_test_tdi_state_file(_metadata, bdf, state)
static void _test_tdi_state_file(struct __test_metadata *_metadata,
				 const char *bdf, const char *state)
{
	char buf[64];

	test_ok(sim_pci_read(bdf, "tsm/tdi_state", buf, sizeof(buf)));
	ASSERT_STREQ(state, buf);
}

/* Nothing helps but both: a reset of the function, and a new connection */
#define test_recovery(s) _test_recovery(_metadata, s)
static void _test_recovery(struct __test_metadata *_metadata, struct scene *s)
{
	struct vmm *v = &s->v;

	test_tdi_state_file(s->vf[0], "quarantined");
	test_err(ENOTRECOVERABLE, vmm_create(v, "t2", s->vf[0], "vm0", 5,
					     NULL));
	/* Its siblings are not concerned */
	test_ok(vmm_create(v, "s", s->vf[2], "vm0", 6, NULL));
	test_ok(vmm_run(v, "s"));
	test_cmd(v, "destroy s");

	test_cmd(v, "destroy l");
	test_disconnect(s->d);
	test_connect(s->d);
	test_tdi_state_file(s->vf[0], "quarantined");
	test_err(ENOTRECOVERABLE, vmm_create(v, "t2", s->vf[0], "vm0", 5,
					     NULL));
	test_ok(sim_pci_write(s->vf[0], "reset", "1"));
	test_tdi_state_file(s->vf[0], "");
	test_ok(vmm_create(v, "t2", s->vf[0], "vm0", 5, NULL));
	test_ok(vmm_run(v, "t2"));
	test_device(s->d, s->vf[0], "run");
	test_in_order(v, "t2");
}

TEST_F(ladder, climbed)
{
	struct vmm *v = &self->s.v;
	long refs;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_ok(bystander(&self->s));
	test_cmd(v, "vm-show vm0");
	refs = vmm_value(v, "refs");
	test_ok(sim_set(self->s.d, "tsm_fault", "%s", variant->tsm_fault));
	trace_clear();

	if (variant->at_destroy) {
		test_cmd(v, "destroy t");
	} else if (variant->quarantined) {
		test_err_cmd(ENOTRECOVERABLE, v, "stop t");
		ASSERT_EQ(TSM_OUT_QUARANTINED, vmm_value(v, "flags"));
	} else {
		test_cmd(v, "stop t");
		test_state(v, "t", "UNLOCKED");
	}
	ASSERT_STREQ(variant->steps, trace_steps(self->s.vf[0]));
	test_ok(sim_set(self->s.d, "tsm_fault", "none"));
	test_bystander(&self->s);

	if (variant->blocked) {
		char ide[64];

		/* All TDIs of the device are lost, and so is the link */
		test_ok(sim_get(self->s.d, "ide_state", ide, sizeof(ide)));
		ASSERT_STREQ("insecure insecure", ide);
		test_state(v, "l", "ERROR");
		test_err_cmd(ENXIO, v, "lock l");
		test_cmd(v, "stop l");
		ASSERT_NE(0, vmm_cmd(v, "lock t"));
		test_err(ENXIO, vmm_create(v, "n", self->s.vf[3], "vm0", 4,
					   NULL));
		test_cmd(v, "destroy t");
		test_cmd(v, "destroy l");
		test_cmd(v, "destroy u");
		test_disconnect(self->s.d);
		test_connect(self->s.d);
		test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
		test_ok(vmm_run(v, "t"));
		return;
	}
	if (!variant->quarantined) {
		/* The device was not told; the next lock begins with that */
		test_device(self->s.d, self->s.vf[0], "run");
		test_ok(vmm_run(v, "t"));
		test_in_order(v, "t");
		return;
	}

	if (!variant->at_destroy) {
		test_state(v, "t", "ERROR QUARANTINED");
		ASSERT_EQ(1, vmm_host(v, "t", "quarantined"));
		ASSERT_EQ(1, vmm_host(v, "t", "gated"));
		test_err_cmd(ENOTRECOVERABLE, v, "lock t");
		test_err_cmd(ENOTRECOVERABLE, v, "stop t");
		test_err(ENOTRECOVERABLE,
			 vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL,
				 NULL));
		test_in_order(v, "t");
		test_cmd(v, "destroy t");
	}
	/* The VM is kept for what firmware may still do with it */
	test_cmd(v, "vm-show vm0");
	ASSERT_EQ(refs, vmm_value(v, "refs"));
	test_state(v, "l", "LOCKED");
	test_cmd(v, "destroy u");
	test_recovery(&self->s);
}

/* --- who it holds for ---------------------------------------------------------------- */

/* Whoever comes where a quarantined function was is not to be trusted either */
FIXTURE(successor)
{
	struct scene s;
};

FIXTURE_SETUP(successor)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(successor)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

static int quarantine(struct scene *s, const char *bdf)
{
	int err;

	err = vmm_create(&s->v, "t", bdf, "vm0", 1, NULL);
	err = err ?: vmm_run(&s->v, "t");
	err = err ?: sim_set(s->d, "tsm_fault", "release");
	if (err)
		return err;
	err = vmm_cmd(&s->v, "stop t");
	sim_set(s->d, "tsm_fault", "none");
	vmm_cmd(&s->v, "destroy t");
	return err == -ENOTRECOVERABLE ? 0 : -EPROTO;
}

static void test_still(struct __test_metadata *_metadata, struct scene *s,
		       const char *bdf)
{
	test_tdi_state_file(bdf, "quarantined");
	test_err(ENOTRECOVERABLE, vmm_create(&s->v, "t", bdf, "vm0", 1, NULL));
}

TEST_F(successor, of_vf)
{
	struct scene *s = &self->s;
	int i;

	test_ok(quarantine(s, s->vf[0]));
	for (i = 0; i < 2; i++) {
		test_ok(sim_vfs(s->d, 0));
		test_ok(sim_vfs(s->d, SCENE_VFS));
		test_still(_metadata, s, s->vf[0]);
		test_tdi_state_file(s->vf[1], "");
	}
	test_disconnect(s->d);
	test_connect(s->d);
	test_still(_metadata, s, s->vf[0]);
	test_ok(sim_pci_write(s->vf[0], "reset", "1"));
	test_tdi_state_file(s->vf[0], "");
	test_ok(vmm_create(&s->v, "t", s->vf[0], "vm0", 1, NULL));
	test_ok(vmm_run(&s->v, "t"));
}

TEST_F(successor, of_pf)
{
	struct scene *s = &self->s;
	int i;

	test_ok(sim_vfs(s->d, 0));
	test_ok(quarantine(s, s->d->bdf));
	for (i = 0; i < 2; i++) {
		test_ok(sim_pci_write(s->d->bdf, "remove", "1"));
		test_ok(sim_pci_rescan(&s->sim.p));
		test_ok(sim_device_names(s->d));
		test_still(_metadata, s, s->d->bdf);
	}
	/* That it is connected is not enough */
	test_connect(s->d);
	test_still(_metadata, s, s->d->bdf);
	test_disconnect(s->d);
	test_ok(sim_pci_write(s->d->bdf, "reset", "1"));
	test_tdi_state_file(s->d->bdf, "");
	test_connect(s->d);
	test_ok(vmm_create(&s->v, "t", s->d->bdf, "vm0", 1, NULL));
	test_ok(vmm_run(&s->v, "t"));
	test_device(s->d, s->d->bdf, "run");
}

/* --- how it ends ---------------------------------------------------------------------- */

FIXTURE(reset)
{
	struct scene s;
};

FIXTURE_VARIANT(reset)
{
	const char *method;	/* none: of all that is below the port */
};

FIXTURE_VARIANT_ADD(reset, flr) { .method = "flr" };
FIXTURE_VARIANT_ADD(reset, pm) { .method = "pm" };
FIXTURE_VARIANT_ADD(reset, bus) { .method = "bus" };
FIXTURE_VARIANT_ADD(reset, port) { };

FIXTURE_SETUP(reset)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect_alone(&self->s));
}

FIXTURE_TEARDOWN(reset)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* Any reset will do; none does without a new connection */
TEST_F(reset, recovers)
{
	struct scene *s = &self->s;

	test_ok(quarantine(s, s->d->bdf));
	test_still(_metadata, s, s->d->bdf);
	test_ok(sim_reset(s->d, variant->method));
	test_still(_metadata, s, s->d->bdf);
	test_disconnect(s->d);
	test_still(_metadata, s, s->d->bdf);
	test_connect(s->d);
	test_tdi_state_file(s->d->bdf, "");
	test_ok(vmm_create(&s->v, "t", s->d->bdf, "vm0", 1, NULL));
	test_ok(vmm_run(&s->v, "t"));
	test_device(s->d, s->d->bdf, "run");
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
