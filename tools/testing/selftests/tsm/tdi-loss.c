// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way in which a TDI is lost: what others do to its device, its
 * connection or its TSM. The order of the teardown is the same on each of them,
 * and what can be used again works again. What becomes of requests that are under
 * way is in tdi-flight.c, teardowns that take too long in tdi-late.c, those that
 * fail in tdi-recovery.c.
 */
#include "tsm_harness.h"

/* Registers that the tests write behind the kernel's back */
#define CFG_COMMAND	0x04
#define  COMMAND_MEMORY	0x2
#define  COMMAND_MASTER	0x4
#define CFG_BAR0	0x10
#define CFG_SECONDARY	0x19
#define CAP_PM		0x01
#define EXT_CAP_SRIOV	0x10
#define EXT_CAP_DOE	0x2e
#define  DOE_CONTROL	0x08
#define  DOE_STATUS	0x0c
#define  DOE_WRITE	0x10
#define  DOE_READ	0x14
#define EXT_CAP_IDE	0x30

/* --- the scene ------------------------------------------------------------------ */

FIXTURE(loss)
{
	struct scene s;
};

FIXTURE_SETUP(loss)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 2));
	test_ok(scene_connect(&self->s));
	test_ok(trace_begin());
}

FIXTURE_TEARDOWN(loss)
{
	trace_end();
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* --- the connection -------------------------------------------------------------- */

/* Who disconnects by hand is told that there are TDIs, locked or not */
TEST_F(loss, disconnect)
{
	struct vmm *v = &self->s.v;
	char name[64];

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_err_disconnect(EBUSY, self->s.d);
	test_state(v, "t", "RUN");
	test_state(v, "l", "LOCKED");
	ASSERT_STREQ("state", trace_steps(self->s.vf[0]));
	test_ok(sim_pci_read(self->s.vf[0], "tsm/bound", name, sizeof(name)));
	ASSERT_STREQ(self->s.sim.p.tsm, name);
	test_ok(sim_pci_read(self->s.vf[2], "tsm/bound", name, sizeof(name)));
	ASSERT_STREQ("", name);

	test_cmd(v, "destroy t");
	test_cmd(v, "destroy l");
	test_err_disconnect(EBUSY, self->s.d);
	test_cmd(v, "destroy u");
	test_disconnect(self->s.d);
}

TEST_F(loss, tsm_unregistered)
{
	struct vmm *v = &self->s.v;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_ok(sim_platform_live(&self->s.sim.p, false));
	ASSERT_STREQ(STEPS_DOWN " destroy", trace_steps(self->s.vf[0]));
	ASSERT_STREQ("stop revoke dma-off release ungate destroy",
		     trace_steps(self->s.vf[1]));
	ASSERT_STREQ("destroy", trace_steps(self->s.vf[2]));
	test_state(v, "t", "UNLOCKED DEAD");
	test_state(v, "l", "UNLOCKED DEAD");
	test_state(v, "u", "UNLOCKED DEAD");
	test_hooks(v, "t",
		   "gate ranges dma-on revoke dma-off ungate event1");
	test_hooks(v, "u", "event1");
	test_err_cmd(ENXIO, v, "lock t");
	test_err(ENXIO, vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL,
				NULL));
	test_cmd(v, "stop t");
	test_in_order(v, "t");
	test_cmd(v, "destroy t");
}

/* A link that was reset has lost its keys: there is one way out */
TEST_F(loss, link_reset)
{
	struct vmm *v = &self->s.v;

	test_ok(vmm_create(v, "t", self->s.d->bdf, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	/* Not by hand: the device is told to forget */
	test_ok(sim_pci_write(self->s.d->port, "reset_subordinate", "1"));
	test_state(v, "t", "ERROR");
	test_cmd(v, "stop t");
	test_state(v, "t", "UNLOCKED");
	/* Neither session nor stream is what it was */
	ASSERT_NE(0, vmm_cmd(v, "lock t"));
	test_cmd(v, "destroy t");
	test_disconnect(self->s.d);
	test_connect(self->s.d);
	test_ok(vmm_create(v, "t", self->s.d->bdf, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
}

/*
 * A TDI whose device goes and comes back is its user's all the time: DEAD for as
 * long as nobody connects the device, and then made anew by a lock.
 */
TEST_F(loss, connected_again)
{
	struct vmm *v = &self->s.v;
	char fn1[32];

	test_ok(sim_vfs(self->s.d, 0));
	snprintf(fn1, sizeof(fn1), "%s", self->s.d->bdf);
	fn1[strlen(fn1) - 1] = '1';
	test_ok(vmm_create(v, "t", fn1, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	ASSERT_EQ(1, vmm_generation(v, "t"));
	test_ok(bystander(&self->s));
	/* The other function stays, and has nobody who speaks for it */
	test_ok(sim_pci_write(self->s.d->bdf, "remove", "1"));
	test_state(v, "t", "UNLOCKED DEAD");
	ASSERT_EQ(1, vmm_host(v, "t", "unbound"));
	test_err_cmd(ENXIO, v, "lock t");
	test_err(EBUSY, vmm_create(v, "u", fn1, "vm0", 1, NULL));

	test_ok(sim_pci_rescan(&self->s.sim.p));
	test_err_cmd(ENXIO, v, "lock t");
	test_connect(self->s.d);
	test_state(v, "t", "UNLOCKED DEAD");
	test_cmd(v, "lock t");
	test_cmd(v, "run t");
	test_device(self->s.d, fn1, "run");
	ASSERT_EQ(2, vmm_generation(v, "t"));
	test_in_order(v, "t");
	test_bystander(&self->s);
}

/* --- the device, or a function of it, goes ---------------------------------------- */

TEST_F(loss, function_removed)
{
	struct vmm *v = &self->s.v;
	char fn1[32];

	snprintf(fn1, sizeof(fn1), "%s", self->s.d->bdf);
	fn1[strlen(fn1) - 1] = '1';
	test_ok(three_tdis(&self->s, fn1));
	test_ok(bystander(&self->s));
	test_ok(sim_pci_write(fn1, "remove", "1"));
	ASSERT_STREQ(STEPS_DOWN " destroy", trace_steps(fn1));
	test_state(v, "t", "UNLOCKED DEAD");
	ASSERT_EQ(1, vmm_host(v, "t", "unbound"));
	test_state(v, "l", "LOCKED");
	test_err_cmd(ENXIO, v, "lock t");
	test_in_order(v, "t");
	test_bystander(&self->s);

	/* It is there for the next user as soon as it is found again */
	test_cmd(v, "destroy t");
	test_ok(sim_pci_rescan(&self->s.sim.p));
	test_ok(vmm_create(v, "t", fn1, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_device(self->s.d, fn1, "run");
}

TEST_F(loss, sriov_disabled)
{
	struct vmm *v = &self->s.v;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_ok(bystander(&self->s));
	test_ok(sim_pci_write(self->s.d->bdf, "sriov_numvfs", "0"));
	ASSERT_STREQ(STEPS_DOWN " destroy", trace_steps(self->s.vf[0]));
	test_state(v, "t", "UNLOCKED DEAD");
	test_state(v, "l", "UNLOCKED DEAD");
	test_state(v, "u", "UNLOCKED DEAD");
	test_in_order(v, "t");
	test_in_order(v, "l");
	test_bystander(&self->s);

	/* What comes back are other functions, with the same names */
	test_ok(scene_vfs(&self->s));
	test_err_cmd(ENXIO, v, "lock t");
	test_cmd(v, "destroy t");
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
}

TEST_F(loss, device_removed)
{
	struct vmm *v = &self->s.v;
	long long start_ms;

	test_ok(sim_vfs(self->s.d, 0));
	test_ok(vmm_create(v, "t", self->s.d->bdf, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_ok(bystander(&self->s));
	trace_clear();
	start_ms = sim_now_ms();
	test_ok(sim_pci_write(self->s.d->bdf, "remove", "1"));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	/* It is not spoken to any more */
	ASSERT_STREQ(STEPS_FORCED " destroy", trace_steps(self->s.d->bdf));
	test_state(v, "t", "UNLOCKED DEAD");
	test_in_order(v, "t");
	test_bystander(&self->s);

	test_cmd(v, "destroy t");
	test_ok(sim_pci_rescan(&self->s.sim.p));
	test_ok(sim_device_names(self->s.d));
	test_connect(self->s.d);
	test_ok(vmm_create(v, "t", self->s.d->bdf, "vm0", 1, NULL));
	/* The device was never told: it is stopped before it is locked */
	test_ok(vmm_run(v, "t"));
}

TEST_F(loss, surprise_removal)
{
	struct vmm *v = &self->s.v;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_ok(vmm_create(v, "pf", self->s.d->bdf, "vm0", 8, NULL));
	test_ok(vmm_run(v, "pf"));
	test_ok(bystander(&self->s));
	trace_clear();
	test_ok(sim_set(self->s.d, "surprise_remove", "1"));
	ASSERT_TRUE(sim_wait(!sim_pci_exists(self->s.d->bdf, "vendor"),
			     PROMPT_MS));
	ASSERT_STREQ(STEPS_FORCED " destroy", trace_steps(self->s.vf[0]));
	ASSERT_STREQ(STEPS_FORCED " destroy", trace_steps(self->s.d->bdf));
	test_state(v, "t", "UNLOCKED DEAD");
	test_state(v, "l", "UNLOCKED DEAD");
	test_state(v, "pf", "UNLOCKED DEAD");
	ASSERT_EQ(0, vmm_host(v, "t", "quarantined"));
	test_in_order(v, "t");
	test_bystander(&self->s);
}

/* --- what others do to a locked function ------------------------------------------- */

/*
 * Each goes to ERROR exactly as far as it has to, which its user finds out by
 * asking; UNLOCKED by a stop, and works again after a new lock, or after a new
 * connection where keys or session were lost.
 */
enum harm {
	HARM_MASTER,
	HARM_MEMORY,
	HARM_BAR,
	HARM_BIST,
	HARM_VF_FLR,
	HARM_PF_FLR,
	HARM_VF_RESET,
	HARM_SRIOV,
	HARM_IDE,
	HARM_POWER,
	HARM_RID,
	HARM_SESSION,
};

FIXTURE(harm)
{
	struct scene s;
};

FIXTURE_VARIANT(harm)
{
	enum harm how;
	const char *cause;	/* what the device calls it */
	bool pf;		/* done to the PF */
	bool family;		/* VFs of the PF are hit, too */
	bool vfs_gone;		/* the device knows them no more */
	bool session_lost;	/* there is nobody to tell */
	bool reconnect;
};

FIXTURE_VARIANT_ADD(harm, vf_master)
	{ .how = HARM_MASTER, .cause = "command" };
FIXTURE_VARIANT_ADD(harm, pf_master)
	{ .how = HARM_MASTER, .cause = "command", .pf = true };
FIXTURE_VARIANT_ADD(harm, pf_memory)
	{ .how = HARM_MEMORY, .cause = "command", .pf = true };
FIXTURE_VARIANT_ADD(harm, pf_bar)
	{ .how = HARM_BAR, .cause = "bar", .pf = true };
FIXTURE_VARIANT_ADD(harm, vf_bar)
	{ .how = HARM_BAR, .cause = "bar" };
FIXTURE_VARIANT_ADD(harm, pf_bist)
	{ .how = HARM_BIST, .cause = "bist", .pf = true };
FIXTURE_VARIANT_ADD(harm, vf_flr)
	{ .how = HARM_VF_FLR, .cause = "flr" };
/* The kernel takes bus mastering away before it resets */
FIXTURE_VARIANT_ADD(harm, vf_reset)
	{ .how = HARM_VF_RESET, .cause = "command" };
FIXTURE_VARIANT_ADD(harm, pf_flr)
	{ .how = HARM_PF_FLR, .cause = "flr", .pf = true, .family = true,
	  .vfs_gone = true, .reconnect = true };
FIXTURE_VARIANT_ADD(harm, pf_sriov)
	{ .how = HARM_SRIOV, .cause = "sriov", .pf = true, .family = true };
FIXTURE_VARIANT_ADD(harm, ide)
	{ .how = HARM_IDE, .cause = "ide", .pf = true, .family = true,
	  .reconnect = true };
FIXTURE_VARIANT_ADD(harm, power)
	{ .how = HARM_POWER, .cause = "power", .pf = true, .family = true,
	  .vfs_gone = true, .reconnect = true };

FIXTURE_VARIANT_ADD(harm, rid)
	{ .how = HARM_RID, .cause = "rid", .pf = true, .family = true };
FIXTURE_VARIANT_ADD(harm, session)
	{ .how = HARM_SESSION, .cause = "session", .pf = true, .family = true,
	  .session_lost = true, .reconnect = true };

FIXTURE_SETUP(harm)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 2));
	test_ok(sim_set(&self->s.sim.d[0], "soft_reset", "1"));
	test_ok(scene_connect(&self->s));
	test_ok(trace_begin());
}

FIXTURE_TEARDOWN(harm)
{
	trace_end();
	EXPECT_EQ(0, scene_strike(&self->s));
}

static int cfg_change(const char *bdf, unsigned int where, unsigned int size,
		      uint32_t clear, uint32_t set)
{
	uint32_t val;
	int err;

	err = sim_cfg_read(bdf, where, size, &val);
	return err ?: sim_cfg_write(bdf, where, size, (val & ~clear) | set);
}

/* The register block of the endpoint's only stream that is enabled */
static int ide_stream_control(const char *bdf)
{
	int cap = sim_cfg_ext_cap(bdf, EXT_CAP_IDE);
	uint32_t bits, blocks, ctl;
	unsigned int pos, n;

	if (cap < 0)
		return cap;
	sim_cfg_read(bdf, cap + 4, 4, &bits);
	pos = cap + 12;
	if (bits & 1)
		pos += 8 * (1 + (bits >> 13 & 7));
	for (n = 0; n <= (bits >> 16 & 0xff); n++) {
		sim_cfg_read(bdf, pos, 4, &blocks);
		sim_cfg_read(bdf, pos + 4, 4, &ctl);
		if (ctl & 1)
			return pos + 4;
		pos += 20 + 12 * (blocks & 15);
	}
	return -ENOENT;
}

/* Of a root port: elsewhere for a moment, where nobody finds the device */
static int bus_number_change(const char *port)
{
	uint32_t bus;
	int err;

	err = sim_cfg_read(port, CFG_SECONDARY, 1, &bus);
	err = err ?: sim_cfg_write(port, CFG_SECONDARY, 1, bus + 1);
	return err ?: sim_cfg_write(port, CFG_SECONDARY, 1, bus);
}

/* A GET_VERSION of somebody else ends all sessions, as it needs no secrets */
static int say_get_version(const char *bdf)
{
	static const uint32_t object[] = { 0x00010001, 3, 0x00008410 };
	int pos = sim_cfg_ext_cap(bdf, EXT_CAP_DOE);
	uint32_t val;
	size_t i;
	int err;

	if (pos < 0)
		return pos;
	for (i = 0; i < ARRAY_SIZE(object); i++) {
		err = sim_cfg_write(bdf, pos + DOE_WRITE, 4, object[i]);
		if (err)
			return err;
	}
	err = sim_cfg_write(bdf, pos + DOE_CONTROL, 4, 1u << 31);
	if (err)
		return err;
	if (!sim_wait(!sim_cfg_read(bdf, pos + DOE_STATUS, 4, &val) &&
		      val & 1u << 31, PROMPT_MS))
		return -ETIMEDOUT;
	/* Take the answer out of the mailbox, a read and a write each */
	while (!sim_cfg_read(bdf, pos + DOE_STATUS, 4, &val) && val & 1u << 31) {
		err = sim_cfg_read(bdf, pos + DOE_READ, 4, &val);
		err = err ?: sim_cfg_write(bdf, pos + DOE_READ, 4, 0);
		if (err)
			return err;
	}
	return 0;
}

static int do_harm(enum harm how, struct sim_device *d, const char *bdf)
{
	int pos, err;

	switch (how) {
	case HARM_MASTER:
		return cfg_change(bdf, CFG_COMMAND, 2, COMMAND_MASTER, 0);
	case HARM_MEMORY:
		return cfg_change(bdf, CFG_COMMAND, 2, COMMAND_MEMORY, 0);
	case HARM_BAR:
		return cfg_change(bdf, CFG_BAR0, 4, 0, 0);
	case HARM_BIST:
		return sim_cfg_write(bdf, 0x0f, 1, 0);
	case HARM_VF_FLR:
	case HARM_PF_FLR:
		return sim_cfg_flr(bdf);
	case HARM_VF_RESET:
		return sim_pci_write(bdf, "reset", "1");
	case HARM_SRIOV:
		pos = sim_cfg_ext_cap(bdf, EXT_CAP_SRIOV);
		return pos < 0 ? pos : cfg_change(bdf, pos + 8, 2, 0, 0);
	case HARM_IDE:
		pos = ide_stream_control(bdf);
		return pos < 0 ? pos : cfg_change(bdf, pos, 4, 1, 0);
	case HARM_POWER:
		pos = sim_cfg_cap(bdf, CAP_PM);
		if (pos < 0)
			return pos;
		err = cfg_change(bdf, pos + 4, 2, 0, 3);
		return err ?: cfg_change(bdf, pos + 4, 2, 3, 0);
	case HARM_RID:
		return bus_number_change(d->port);
	case HARM_SESSION:
		return say_get_version(bdf);
	}
	return -EINVAL;
}

TEST_F(harm, is_noticed)
{
	const char *bdf = variant->pf ? self->s.d->bdf : self->s.vf[0];
	struct vmm *v = &self->s.v;
	bool pf_too = variant->pf;

	test_ok(vmm_create(v, "pf", self->s.d->bdf, "vm0", 1, NULL));
	test_ok(vmm_create(v, "vf", self->s.vf[0], "vm0", 2, NULL));
	test_ok(vmm_create(v, "vf1", self->s.vf[1], "vm0", 3, NULL));
	/* Bits that are clear cannot be cleared */
	test_ok(cfg_change(self->s.d->bdf, CFG_COMMAND, 2, 0,
			   COMMAND_MEMORY | COMMAND_MASTER));
	test_ok(cfg_change(self->s.vf[0], CFG_COMMAND, 2, 0, COMMAND_MASTER));
	test_ok(vmm_run(v, "pf"));
	test_ok(vmm_run(v, "vf"));
	test_cmd(v, "lock vf1");
	test_ok(bystander(&self->s));
	trace_clear();

	test_ok(do_harm(variant->how, self->s.d, bdf));
	ASSERT_LT(0, sim_tdi_errors(self->s.d, variant->cause));

	test_state(v, "pf", pf_too ? "ERROR" : "RUN");
	test_state(v, "vf", !pf_too || variant->family ? "ERROR" : "RUN");
	test_state(v, "vf1", variant->family ? "ERROR" : "LOCKED");
	ASSERT_EQ(pf_too, vmm_host(v, "pf", "error"));
	ASSERT_EQ(!pf_too || variant->family, vmm_host(v, "vf", "error"));
	ASSERT_EQ(variant->family, vmm_host(v, "vf1", "error"));
	/* There is only one way out */
	test_err_cmd(EINVAL, v, "lock %s", pf_too ? "pf" : "vf");

	trace_clear();
	test_cmd(v, "stop pf");
	test_cmd(v, "stop vf");
	test_cmd(v, "stop vf1");
	ASSERT_STREQ(variant->session_lost ? STEPS_FORCED : STEPS_DOWN,
		     trace_steps(self->s.d->bdf));
	ASSERT_STREQ(variant->vfs_gone || variant->session_lost ?
		     STEPS_FORCED : STEPS_DOWN, trace_steps(self->s.vf[0]));
	test_device(self->s.d, self->s.d->bdf,
		    variant->session_lost ? "error" : "unlocked");
	test_bystander(&self->s);

	if (variant->reconnect) {
		test_cmd(v, "destroy pf");
		test_cmd(v, "destroy vf");
		test_cmd(v, "destroy vf1");
		test_disconnect(self->s.d);
		/* The kernel does not know that the PF has lost its BARs */
		if (variant->vfs_gone) {
			test_ok(sim_power_cycle(&self->s.sim));
			test_ok(scene_vfs(&self->s));
		}
		test_connect(self->s.d);
		test_ok(vmm_create(v, "pf", self->s.d->bdf, "vm0", 1, NULL));
		test_ok(vmm_create(v, "vf", self->s.vf[0], "vm0", 2, NULL));
	}
	test_ok(vmm_run(v, "pf"));
	test_ok(vmm_run(v, "vf"));
	test_device(self->s.d, self->s.d->bdf, "run");
	test_device(self->s.d, self->s.vf[0], "run");
	test_in_order(v, "pf");
	test_in_order(v, "vf");
}

/* --- devices that say nothing ------------------------------------------------------ */

/* A device that does not answer any more: by force, in time */
TEST_F(loss, dead_device)
{
	struct vmm *v = &self->s.v;
	long long start_ms;

	test_ok(three_tdis(&self->s, self->s.vf[0]));
	test_ok(sim_set(self->s.d, "fault", "tdisp-silent %d", TDISP_STOP));
	start_ms = sim_now_ms();
	test_cmd(v, "stop t");
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	ASSERT_STREQ(STEPS_FORCED, trace_steps(self->s.vf[0]));
	/* The session went with the message, for all */
	test_cmd(v, "stop l");
	ASSERT_STREQ("stop! stop-force revoke dma-off release ungate",
		     trace_steps(self->s.vf[1]));
	ASSERT_EQ(-EIO, vmm_cmd(v, "lock t"));
	test_ok(sim_set(self->s.d, "fault", "none"));
	ASSERT_EQ(-EIO, vmm_cmd(v, "lock t"));
	test_cmd(v, "destroy t");
	test_cmd(v, "destroy l");
	test_cmd(v, "destroy u");
	test_disconnect(self->s.d);
	test_works_again(self->s.d);
	test_connect(self->s.d);
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
}

/* --- resets, and the like, that the kernel knows of ------------------------------------ */

/*
 * Whatever way a reset takes through the kernel, the core has heard of it before
 * the next request of the guest: that does not get as far as to the TSM.
 */
FIXTURE(reset)
{
	struct scene s;
};

FIXTURE_VARIANT(reset)
{
	const char *method;	/* none: of all that is below the port */
	bool sleep;		/* no reset: by a driver, and with the same end */
};

FIXTURE_VARIANT_ADD(reset, d3hot) { .sleep = true };
FIXTURE_VARIANT_ADD(reset, flr) { .method = "flr" };
FIXTURE_VARIANT_ADD(reset, pm) { .method = "pm" };
FIXTURE_VARIANT_ADD(reset, bus) { .method = "bus" };
FIXTURE_VARIANT_ADD(reset, port) { };

FIXTURE_SETUP(reset)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 2));
	test_ok(scene_connect_alone(&self->s));
	test_ok(trace_begin());
}

FIXTURE_TEARDOWN(reset)
{
	trace_end();
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(reset, is_noted)
{
	struct sim_device *d = self->s.d;
	struct vmm *v = &self->s.v;

	test_ok(vmm_create(v, "t", d->bdf, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_ok(bystander(&self->s));
	trace_clear();
	if (variant->sleep)
		test_cmd(v, "sleep t");
	else
		test_ok(sim_reset(d, variant->method));
	test_err(EINVAL, vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL,
				 NULL));
	ASSERT_STREQ("state", trace_steps(d->bdf));
	ASSERT_EQ(1, vmm_host(v, "t", "error"));
	test_state(v, "t", "ERROR");
	test_cmd(v, "stop t");
	test_state(v, "t", "UNLOCKED");
	test_in_order(v, "t");
	test_bystander(&self->s);

	/* Keys do not survive all of these */
	test_cmd(v, "destroy t");
	test_disconnect(d);
	test_connect(d);
	test_ok(vmm_create(v, "t", d->bdf, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_device(d, d->bdf, "run");
}

/* Who only might have lost its state is asked, once, and goes on */
TEST_F(loss, sleep)
{
	struct vmm *v = &self->s.v;

	test_ok(vmm_create(v, "t", self->s.d->bdf, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	trace_clear();
	test_cmd(v, "sleep t");
	test_ok(vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	test_ok(vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	ASSERT_STREQ("state dma-enable dma-enable",
		     trace_steps(self->s.d->bdf));
	test_state(v, "t", "RUN");
	test_device(self->s.d, self->s.d->bdf, "run");
	ASSERT_EQ(0, vmm_host(v, "t", "error"));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
