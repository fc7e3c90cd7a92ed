// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's half on the loopback: a function that is assigned to a VM is locked,
 * accepted, given to a driver and unlocked there, and lost by what happens to it on
 * the host. What a host can say that is not true is in guest-lies.c.
 */
#include <linux/pci_regs.h>

#include "tsm_harness.h"
#include "tsm_guest_view.h"

#define REQUIRE	"/sys/module/pci_tsm/parameters/require_accept"
#define UNSEEN	"/sys/module/pci_tsm/parameters/accept_unverified"
#define TAINTED	"/proc/sys/kernel/tainted"
#define TAINT_U	0x40

/* Whatever is written to it taints the kernel */
static bool unseen_is_set(void)
{
	char text[8] = "";

	return !sim_read(UNSEEN, text, sizeof(text)) && !strcmp(text, "Y");
}

/* As it was when the system started */
static int restore_parameters(void)
{
	return sim_write(REQUIRE, "0") ?:
	       unseen_is_set() ? sim_write(UNSEEN, "0") : 0;
}

/* By its driver's own attribute, which says why not */
static int bind_by_name(struct view *g)
{
	int err = sim_pci_write(g->bdf, "driver_override", VIEW_DRIVER);

	return err ?: sim_write("/sys/bus/pci/drivers/" VIEW_DRIVER "/bind", g->bdf);
}

FIXTURE(guest)
{
	struct scene s;
	struct view g;
	const char *host;
};

FIXTURE_VARIANT(guest)
{
	bool vf;
};

FIXTURE_VARIANT_ADD(guest, pf) { .vf = false };
FIXTURE_VARIANT_ADD(guest, vf) { .vf = true };

FIXTURE_SETUP(guest)
{
	struct scene *s = &self->s;

	sim_sweep();
	/* what a test has left that was killed */
	test_ok(restore_parameters());
	test_ok(scene_build(s, "alpha", 1));
	test_ok(scene_connect(s));
	self->host = variant->vf ? s->vf[0] : s->d->bdf;
	test_ok(vmm_create(&s->v, "t", self->host, "vm0", VIEW_RID, NULL));
	test_ok(view_open(&self->g, &s->v, "g", "t", ""));
}

FIXTURE_TEARDOWN(guest)
{
	EXPECT_EQ(0, restore_parameters());
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(guest, story)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	char text[32];
	int i;

	for (i = 0; i < 3; i++) {
		test_view(g, "unlocked");
		test_ok(sim_pci_read(g->bdf, "tsm/lock", text, sizeof(text)));
		ASSERT_STREQ("", text);
		/* that of the first physical one takes the others along */
		if (variant->vf && i == 1)
			test_ok(sim_pci_write(g->bdf, "reset", "1"));

		test_ok(view_lock(g));
		test_view(g, "locked");
		test_state(v, "t", "LOCKED");
		test_device(self->s.d, self->host, "locked");
		test_ok(sim_pci_read(g->bdf, "tsm/lock", text, sizeof(text)));
		ASSERT_STREQ(g->tsm, text);
		test_ok(sim_pci_read(g->bdf, "tsm/accept", text, sizeof(text)));
		ASSERT_STREQ("0", text);

		test_ok(view_accept(g));
		test_view(g, "run");
		test_state(v, "t", "RUN");
		test_device(self->s.d, self->host, "run");
		test_ok(sim_pci_read(g->bdf, "tsm/accept", text, sizeof(text)));
		ASSERT_STREQ("1", text);
		/* once more makes no difference, and nothing moves yet */
		test_ok(view_accept(g));
		ASSERT_EQ(0, view_has_dma(v, "t"));

		/* private memory is the driver's, whoever finds it for the function */
		test_ok(i == 2 ? bind_by_name(g) :
				 sim_pci_driver(g->bdf, VIEW_DRIVER));
		ASSERT_TRUE(sim_pci_exists(g->bdf, "driver"));
		ASSERT_EQ(1, view_has_dma(v, "t"));
		test_ok(sim_pci_driver(g->bdf, NULL));
		ASSERT_EQ(0, view_has_dma(v, "t"));
		test_view(g, "run");

		test_ok(view_unlock(g));
		test_state(v, "t", "UNLOCKED");
		test_device(self->s.d, self->host, "unlocked");
	}
	ASSERT_TRUE(sim_tdi_unharmed(self->s.d));
	test_in_order(v, "t");
}

/* An ordinary function binds its driver as ever */
TEST_F(guest, not_locked)
{
	struct view *g = &self->g;

	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	ASSERT_EQ(0, view_has_dma(&self->s.v, "t"));
	test_err(EBUSY, view_lock(g));
	test_err(EINVAL, view_accept(g));
	test_ok(view_unlock(g));
	test_view(g, "unlocked");
	test_state(&self->s.v, "t", "UNLOCKED");
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_ok(view_lock(g));
}

/* A VM whose owner wants no driver to meet a function that nobody has verified */
TEST_F(guest, required)
{
	struct view *g = &self->g;

	/* who is there stays */
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_ok(sim_write(REQUIRE, "1"));
	ASSERT_TRUE(sim_pci_exists(g->bdf, "driver"));
	test_ok(sim_pci_driver(g->bdf, NULL));

	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_err(EPERM, bind_by_name(g));
	test_ok(view_lock(g));
	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_ok(view_unlock(g));
	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_ok(sim_write(REQUIRE, "0"));
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
}

/* Accepted for a driver, by whoever debugs; what cannot be had is not driven */
TEST_F(guest, unverified)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	char text[32], fn1[32];

	snprintf(fn1, sizeof(fn1), "%s", self->s.d->bdf);
	fn1[strlen(fn1) - 1] = '1';
	test_ok(sim_write(UNSEEN, "1"));
	test_ok(sim_read(TAINTED, text, sizeof(text)));
	ASSERT_TRUE(strtoul(text, NULL, 10) & TAINT_U);

	test_cmd(v, "lie g about=start");
	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_view(g, "unlocked");
	test_cmd(v, "lie g about=none");

	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_view(g, "run");
	ASSERT_EQ(1, view_has_dma(v, "t"));
	test_ok(sim_pci_driver(g->bdf, NULL));
	ASSERT_EQ(0, view_has_dma(v, "t"));
	test_view(g, "run");

	/* the host's own functions, which no TSM of a guest has, are as ever */
	test_ok(sim_pci_driver(fn1, VIEW_DRIVER));
	test_ok(sim_pci_driver(fn1, NULL));
	/* unless nobody is to drive what is not accepted */
	test_ok(sim_write(REQUIRE, "1"));
	test_err(NOT_BOUND, sim_pci_driver(fn1, VIEW_DRIVER));
	ASSERT_FALSE(sim_pci_exists(fn1, "driver"));
	test_ok(sim_write(REQUIRE, "0"));
	test_ok(sim_pci_driver(fn1, VIEW_DRIVER));
	test_ok(sim_pci_driver(fn1, NULL));
	test_ok(view_unlock(g));
	test_ok(sim_write(UNSEEN, "0"));
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_view(g, "unlocked");
}

TEST_F(guest, wrong_order)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	const char *link = self->s.sim.p.tsm;

	test_err(EINVAL, view_accept(g));
	test_ok(view_unlock(g));
	test_err(EINVAL, sim_pci_write(g->bdf, "tsm/lock", "tsm"));
	test_err(EINVAL, sim_pci_write(g->bdf, "tsm/lock", "1"));
	test_err(EINVAL, sim_pci_write(g->bdf, "tsm/unlock", "tsmx"));
	test_err(ENXIO, sim_pci_write(g->bdf, "tsm/lock", "tsm4711"));
	/* that one assigns functions to VMs */
	test_err(ENXIO, sim_pci_write(g->bdf, "tsm/lock", link));
	/* and this one's function it has not got */
	test_err(EBUSY, sim_pci_write(self->host, "tsm/lock", g->tsm));
	test_view(g, "unlocked");

	test_ok(view_lock(g));
	test_err(EBUSY, view_lock(g));
	test_err(EINVAL, sim_pci_write(g->bdf, "tsm/accept", "0"));
	test_err(EINVAL, sim_pci_write(g->bdf, "tsm/accept", "x"));
	test_err(EINVAL, sim_pci_write(g->bdf, "tsm/unlock", link));
	/* nobody drives what is not accepted */
	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_err(EBUSY, bind_by_name(g));
	test_view(g, "locked");

	test_ok(view_accept(g));
	test_err(EBUSY, view_lock(g));
	test_err(EINVAL, sim_pci_write(g->bdf, "tsm/unlock", link));
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_err(EBUSY, view_lock(g));
	test_err(EBUSY, view_accept(g));
	test_err(EBUSY, view_unlock(g));
	test_view(g, "run");
	test_state(v, "t", "RUN");
	ASSERT_TRUE(sim_tdi_unharmed(self->s.d));
}

/* The attributes that would change how it is configured do not */
#define test_kept(w, state) _test_kept(_metadata, w, state)
static void _test_kept(struct __test_metadata *_metadata, struct view *w,
		       const char *state)
{
	test_err(EBUSY, sim_pci_write(w->bdf, "reset", "1"));
	test_err(EBUSY, sim_pci_write(w->bdf, "enable", "0"));
	test_err(EBUSY, sim_pci_write(w->bdf, "enable", "1"));
	test_view(w, state);
}

/* What is trusted is left as it is, and what is not any more, until it is unlocked */
TEST_F(guest, kept)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(view_lock(g));
	test_kept(g, "locked");
	test_state(v, "t", "LOCKED");
	test_ok(view_accept(g));
	test_kept(g, "run");
	test_state(v, "t", "RUN");
	test_ok(view_get_stuck(v, g));
	test_kept(g, "stuck");
	test_ok(view_unlock(g));

	test_ok(sim_pci_write(g->bdf, "enable", "1"));
	test_ok(sim_pci_write(g->bdf, "enable", "0"));
	test_ok(view_lock(g));
	test_cmd(v, "stop t");
	test_view_comes_to(g, "lost");
	test_kept(g, "lost");
	ASSERT_TRUE(sim_tdi_unharmed(self->s.d));
}

/* Who has no TEE-IO is not locked by anybody, and nobody is when no TSM is there */
TEST_F(guest, attributes)
{
	static const char * const attrs[] = {
		"tsm/lock", "tsm/accept", "tsm/unlock", "tsm/state"
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		ASSERT_TRUE(sim_pci_exists(self->g.bdf, attrs[i]));
		ASSERT_TRUE(sim_pci_exists(self->host, attrs[i]));
		ASSERT_FALSE(sim_pci_exists(self->s.d->port, attrs[i]));
	}
	test_cmd(&self->s.v, "guest-put g");
	for (i = 0; i < ARRAY_SIZE(attrs); i++)
		ASSERT_FALSE(sim_pci_exists(self->host, attrs[i]));
}

/* Who masters the bus could be in the midst of something */
TEST_F(guest, not_quiet)
{
	struct view *g = &self->g;

	test_ok(sim_cfg_write(g->bdf, PCI_COMMAND, 2,
			      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
	test_err(EBUSY, view_lock(g));
	test_view(g, "unlocked");
	test_state(&self->s.v, "t", "UNLOCKED");
	test_ok(sim_cfg_write(g->bdf, PCI_COMMAND, 2, PCI_COMMAND_MEMORY));
	test_ok(view_lock(g));
}

/* There is nothing in a report that the host can be asked for before it is locked */
TEST_F(guest, firmware_agrees)
{
	struct vmm *v = &self->s.v;
	struct tsm_sim_tdi_info info;
	uint8_t zero[sizeof(info.measurement_nonce)] = {};

	test_ok(view_lock(&self->g));
	test_ok(view_firmware(v, "t", &info));
	ASSERT_EQ(VIEW_RID, info.guest_rid);
	ASSERT_EQ(0, info.mmio_bytes);
	ASSERT_NE(0, memcmp(zero, info.measurement_nonce, sizeof(zero)));
	ASSERT_LT(0, info.object[TSM_OBJECT_MEASUREMENTS].size);
	test_ok(view_accept(&self->g));
	test_ok(view_firmware(v, "t", &info));
	ASSERT_LT(0, info.mmio_bytes);
}

/* The guest is taken away, in whatever state it is: its function is the host's */
FIXTURE(leave)
{
	struct scene s;
	struct view g;
};

FIXTURE_VARIANT(leave)
{
	const char *state;
	bool driver;
	bool tdi_first;
};

FIXTURE_VARIANT_ADD(leave, unlocked) { .state = "unlocked" };
FIXTURE_VARIANT_ADD(leave, locked) { .state = "locked" };
FIXTURE_VARIANT_ADD(leave, run) { .state = "run" };
FIXTURE_VARIANT_ADD(leave, driven) { .state = "run", .driver = true };
FIXTURE_VARIANT_ADD(leave, tdi_first_locked)
	{ .state = "locked", .tdi_first = true };
FIXTURE_VARIANT_ADD(leave, tdi_first_driven)
	{ .state = "run", .driver = true, .tdi_first = true };

static int view_to(struct view *g, const char *state, bool driver)
{
	int err = 0;

	if (strcmp(state, "unlocked"))
		err = view_lock(g);
	if (!err && !strcmp(state, "run"))
		err = view_accept(g);
	if (!err && driver)
		err = sim_pci_driver(g->bdf, VIEW_DRIVER);
	return err;
}

FIXTURE_SETUP(leave)
{
	sim_sweep();
	test_ok(view_scene(&self->s, &self->g));
	test_ok(view_to(&self->g, variant->state, variant->driver));
	test_view(&self->g, variant->state);
}

FIXTURE_TEARDOWN(leave)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(leave, guest)
{
	struct vmm *v = &self->s.v;

	if (variant->tdi_first) {
		test_cmd(v, "destroy t");
		test_view_comes_to(&self->g, "lost");
		test_cmd(v, "guest-put g");
	} else {
		test_cmd(v, "guest-put g");
		test_state(v, "t", "UNLOCKED");
		test_in_order(v, "t");
	}
	test_device(self->s.d, self->s.vf[0], "unlocked");
	ASSERT_FALSE(sim_pci_exists(self->g.bdf, "vendor"));
}

/* The host takes back what the guest has, or the device does */
enum loss {
	LOSS_STOP,
	LOSS_ERROR,
	LOSS_FLR,
	LOSS_UNPLUG,
	LOSS_PLATFORM,
};

FIXTURE(lose)
{
	struct scene s;
	struct view g;
};

FIXTURE_VARIANT(lose)
{
	enum loss how;
	const char *state;
	bool driver;
	bool comes_back;
};

FIXTURE_VARIANT_ADD(lose, stop_locked)
	{ .how = LOSS_STOP, .state = "locked", .comes_back = true };
FIXTURE_VARIANT_ADD(lose, stop_run)
	{ .how = LOSS_STOP, .state = "run", .comes_back = true };
FIXTURE_VARIANT_ADD(lose, stop_driven)
	{ .how = LOSS_STOP, .state = "run", .driver = true, .comes_back = true };
FIXTURE_VARIANT_ADD(lose, error_locked)
	{ .how = LOSS_ERROR, .state = "locked", .comes_back = true };
FIXTURE_VARIANT_ADD(lose, error_driven)
	{ .how = LOSS_ERROR, .state = "run", .driver = true, .comes_back = true };
FIXTURE_VARIANT_ADD(lose, flr_driven)
	{ .how = LOSS_FLR, .state = "run", .driver = true, .comes_back = true };
FIXTURE_VARIANT_ADD(lose, unplug_driven)
	{ .how = LOSS_UNPLUG, .state = "run", .driver = true };
FIXTURE_VARIANT_ADD(lose, platform_locked)
	{ .how = LOSS_PLATFORM, .state = "locked" };
FIXTURE_VARIANT_ADD(lose, platform_driven)
	{ .how = LOSS_PLATFORM, .state = "run", .driver = true };

FIXTURE_SETUP(lose)
{
	sim_sweep();
	test_ok(view_scene(&self->s, &self->g));
	test_ok(view_to(&self->g, variant->state, variant->driver));
}

FIXTURE_TEARDOWN(lose)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

static int lose(struct scene *s, enum loss how)
{
	switch (how) {
	case LOSS_STOP:
		return vmm_cmd(&s->v, "stop t");
	case LOSS_ERROR:
		return sim_tdi_error(s->d, s->vf[0]);
	case LOSS_FLR:
		return sim_cfg_flr(s->vf[0]);
	case LOSS_UNPLUG:
		return sim_set(s->d, "surprise_remove", "1");
	case LOSS_PLATFORM:
		return sim_platform_live(&s->sim.p, false);
	}
	return -EINVAL;
}

TEST_F(lose, by_host)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;

	test_ok(lose(&self->s, variant->how));
	test_view_comes_to(g, "lost");
	test_err(variant->driver ? EBUSY : EIO, view_accept(g));
	test_err(EBUSY, view_lock(g));

	if (variant->driver) {
		/* it learns of it; that it goes is for its user to say */
		test_err(EBUSY, view_unlock(g));
		test_ok(sim_pci_driver(g->bdf, NULL));
		test_view(g, "lost");
	}
	/* nobody drives it before that was seen */
	test_err(NOT_BOUND, sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_ok(view_unlock(g));
	test_view(g, "unlocked");
	if (!variant->comes_back)
		return;

	test_state(v, "t", "UNLOCKED");
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_ok(view_to(g, "run", true));
	ASSERT_EQ(1, view_has_dma(v, "t"));
}

/* Two functions */
FIXTURE(two)
{
	struct scene s;
	struct view g[2];
};

FIXTURE_SETUP(two)
{
	struct scene *s = &self->s;
	unsigned int i;
	char name[8], how[16];

	sim_sweep();
	test_ok(scene_build(s, "alpha", 2));
	test_ok(scene_connect(s));
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		test_ok(vmm_create(&s->v, name, s->sim.d[i].bdf, "vm0",
				   VIEW_RID + 8 * i, NULL));
		snprintf(how, sizeof(how), "rid=%#x", VIEW_RID + 8 * i);
		test_ok(view_open(&self->g[i], &s->v, i ? "g1" : "g0", name,
				  how));
	}
}

FIXTURE_TEARDOWN(two)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* To lock one of them waits for nothing that is said about the other */
TEST_F(two, apart)
{
	struct scene *s = &self->s;
	struct view *g = self->g;
	struct sim_job job;
	char path[SIM_PATH];

	/* as long as a hook may take, and what is done meanwhile never does */
	test_cmd(&s->v, "hook t0 which=gate delay_ms=10000");
	sim_pci_path(path, sizeof(path), g[0].bdf, "tsm/lock");
	test_ok(sim_job_write(&job, NULL, path, g[0].tsm));
	test_view_comes_to(&g[0], "locking");

	test_ok(view_lock(&g[1]));
	test_ok(view_accept(&g[1]));
	test_ok(sim_pci_driver(g[1].bdf, VIEW_DRIVER));
	test_ok(sim_pci_driver(g[1].bdf, NULL));
	test_ok(view_unlock(&g[1]));
	test_view(&g[0], "locking");

	/* who comes second to one function is refused, and a driver, too */
	test_err(EBUSY, view_lock(&g[0]));
	test_err(EBUSY, view_accept(&g[0]));
	test_err(EBUSY, view_unlock(&g[0]));
	test_err(NOT_BOUND, sim_pci_driver(g[0].bdf, VIEW_DRIVER));
	test_view(&g[0], "locking");
	test_ok(sim_job_wait(&job, CONVERSATION_MS));
	test_view(&g[0], "locked");
}

/* The TSM of one does not lock the other */
TEST_F(two, each_its_own)
{
	struct view *g = self->g;

	test_err(ENXIO, sim_pci_write(g[0].bdf, "tsm/lock", g[1].tsm));
	test_view(&g[0], "unlocked");
	test_ok(view_lock(&g[0]));
	test_err(EINVAL, sim_pci_write(g[0].bdf, "tsm/unlock", g[1].tsm));
	test_view(&g[0], "locked");
	test_view(&g[1], "unlocked");
	test_ok(view_unlock(&g[0]));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
