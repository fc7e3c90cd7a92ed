// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs: the states of a function that is assigned to a VM, whose it is, and
 * what its host has to do with it. Requests are in tdi-request.c, how users give
 * TDIs up in tdi-end.c, and how they lose them in tdi-loss.c.
 */
#include "tsm_harness.h"

#define NR_ROUNDS	100

FIXTURE(tdi)
{
	struct scene s;
};

FIXTURE_SETUP(tdi)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(tdi)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* --- states --------------------------------------------------------------- */

TEST_F(tdi, states)
{
	struct vmm *v = &self->s.v;
	const char *vf = self->s.vf[0];
	struct sim_device *d = self->s.d;
	long messages;

	messages = sim_count(d, "messages");
	test_ok(vmm_create(v, "t", vf, "vm0", 0x1234, NULL));
	test_state(v, "t", "UNLOCKED");
	ASSERT_EQ(0, vmm_generation(v, "t"));
	test_device(d, vf, "unlocked");
	test_hooks(v, "t", "");
	/* Neither does the device hear of it, nor is it bothered for its state */
	ASSERT_EQ(messages, sim_count(d, "messages"));

	test_err_cmd(EINVAL, v, "run t");
	test_cmd(v, "stop t");
	test_state(v, "t", "UNLOCKED");
	test_hooks(v, "t", "");

	test_cmd(v, "lock t");
	ASSERT_EQ(TSM_OUT_COMMITTED, vmm_value(v, "flags"));
	ASSERT_EQ(1, vmm_value(v, "generation"));
	test_state(v, "t", "LOCKED");
	test_device(d, vf, "locked");
	test_hooks(v, "t", "gate ranges");
	test_err_cmd(EINVAL, v, "lock t");
	ASSERT_EQ(0, vmm_value(v, "flags"));
	test_device(d, vf, "locked");

	test_cmd(v, "run t");
	ASSERT_EQ(TSM_OUT_COMMITTED, vmm_value(v, "flags"));
	test_state(v, "t", "RUN");
	test_device(d, vf, "run");
	test_err_cmd(EINVAL, v, "run t");
	test_err_cmd(EINVAL, v, "lock t");
	test_device(d, vf, "run");

	test_cmd(v, "stop t");
	ASSERT_EQ(TSM_OUT_COMMITTED, vmm_value(v, "flags"));
	test_state(v, "t", "UNLOCKED");
	ASSERT_EQ(1, vmm_generation(v, "t"));
	test_device(d, vf, "unlocked");
	test_hooks(v, "t", "gate ranges revoke ungate");
	test_cmd(v, "stop t");
	ASSERT_EQ(0, vmm_value(v, "flags"));

	test_cmd(v, "destroy t");
	test_err_cmd(ENOENT, v, "state t");
	test_cmd(v, "vm-show vm0");
	ASSERT_EQ(1, vmm_value(v, "refs"));
}

/* A TDI that is destroyed in any state leaves nothing */
TEST_F(tdi, destroy_in_every_state)
{
	struct vmm *v = &self->s.v;
	const char *vf = self->s.vf[0];
	int state;

	for (state = 0; state < 4; state++) {
		test_ok(vmm_create(v, "t", vf, "vm0", 7, NULL));
		if (state > 0)
			test_cmd(v, "lock t");
		if (state > 1)
			test_cmd(v, "run t");
		if (state > 2) {
			test_ok(sim_tdi_error(self->s.d, vf));
			test_state(v, "t", "ERROR");
		}
		test_cmd(v, "destroy t");
		test_device(self->s.d, vf, "unlocked");
		test_cmd(v, "vm-show vm0");
		ASSERT_EQ(1, vmm_value(v, "refs"));
	}
	test_disconnect(self->s.d);
}

/* The device gives a TDI up on its own: noticed when anybody asks */
TEST_F(tdi, error_of_the_device)
{
	struct tsm_object_info info = { .type = TSM_OBJECT_TRANSCRIPT };
	struct tsm_object_info_resp resp;
	struct vmm *v = &self->s.v;
	const char *vf = self->s.vf[0];
	size_t len = sizeof(resp);

	test_ok(vmm_create(v, "t", vf, "vm0", 7, NULL));
	test_cmd(v, "lock t");
	test_ok(sim_tdi_error(self->s.d, vf));
	/* START is what the device refuses; that is why it is asked */
	test_err_cmd(EIO, v, "run t");
	test_state(v, "t", "ERROR");
	ASSERT_EQ(1, vmm_host(v, "t", "error"));
	test_err_cmd(EINVAL, v, "run t");
	test_err_cmd(EINVAL, v, "lock t");
	/* Evidence is of the connection */
	test_ok(vmm_req(v, "t", TSM_OP_OBJECT_INFO, &info, sizeof(info), &resp,
			&len));
	test_cmd(v, "stop t");
	test_state(v, "t", "UNLOCKED");

	test_cmd(v, "lock t");
	test_cmd(v, "run t");
	test_ok(sim_tdi_error(self->s.d, vf));
	test_state(v, "t", "ERROR");
	ASSERT_EQ(2, vmm_host(v, "t", "error"));
	test_hooks(v, "t",
		   "gate ranges event0 revoke ungate gate ranges event0");
	test_cmd(v, "stop t");
	test_device(self->s.d, vf, "unlocked");
	test_in_order(v, "t");
	ASSERT_EQ(2, sim_tdi_errors(self->s.d, "device"));
}

/* --- rounds --------------------------------------------------------------- */

FIXTURE(rounds)
{
	struct scene s;
};

FIXTURE_VARIANT(rounds)
{
	bool viommu;
	bool revoke_first;
	bool pf;
};

FIXTURE_VARIANT_ADD(rounds, vf) { };
FIXTURE_VARIANT_ADD(rounds, vf_viommu) { .viommu = true };
FIXTURE_VARIANT_ADD(rounds, vf_revoke_first) { .revoke_first = true };
FIXTURE_VARIANT_ADD(rounds, pf) { .pf = true };

FIXTURE_SETUP(rounds)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	if (variant->revoke_first)
		test_ok(sim_platform_set(&self->s.sim.p, "revoke_first", "1"));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(rounds)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* One TDI can be bound over and over, each time as the first time */
TEST_F_TIMEOUT(rounds, hundred, 600)
{
	struct vmm *v = &self->s.v;
	const char *bdf = variant->pf ? self->s.d->bdf : self->s.vf[0];
	int round;

	if (variant->viommu)
		test_cmd(v, "viommu w bdf=%s vm=vm0", bdf);
	test_ok(vmm_create(v, "t", bdf, "vm0", 0xffff,
			   variant->viommu ? "w" : NULL));
	for (round = 1; round <= NR_ROUNDS; round++) {
		test_cmd(v, "lock t");
		ASSERT_EQ(round, vmm_value(v, "generation"));
		test_cmd(v, "run t");
		test_state(v, "t", "RUN");
		test_cmd(v, "stop t");
	}
	test_state(v, "t", "UNLOCKED");
	test_device(self->s.d, bdf, "unlocked");
	test_in_order(v, "t");
	test_err_disconnect(EBUSY, self->s.d);

	test_cmd(v, "destroy t");
	if (variant->viommu)
		test_cmd(v, "viommu-put w");
	test_cmd(v, "vm-show vm0");
	ASSERT_EQ(1, vmm_value(v, "refs"));
	test_disconnect(self->s.d);
}

/* The order of each step, as the core traces it */
TEST_F(rounds, order)
{
	static const char up[] =
		"create gate lock report ranges dma-prepare host-dma-on dma-enable run";
	const char *bdf = variant->pf ? self->s.d->bdf : self->s.vf[0];
	struct vmm *v = &self->s.v;
	char all[SIM_TEXT];

	test_ok(trace_begin());
	if (variant->viommu)
		test_cmd(v, "viommu w bdf=%s vm=vm0", bdf);
	test_ok(vmm_create(v, "t", bdf, "vm0", 1,
			   variant->viommu ? "w" : NULL));
	test_cmd(v, "lock t");
	test_ok(vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	test_cmd(v, "run t");
	test_cmd(v, "destroy t");

	snprintf(all, sizeof(all),
		 "%s %s dma-off host-dma-off release ungate destroy", up,
		 variant->revoke_first ? "revoke stop" : "stop revoke");
	ASSERT_STREQ(all, trace_steps(bdf));
	trace_end();
}

/* --- whose function, whose number ----------------------------------------- */

TEST_F(tdi, one_function_one_tdi)
{
	struct vmm *v = &self->s.v;

	test_cmd(v, "vm vm1");
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 0x10, NULL));
	/* whatever the VM and the number */
	test_err(EBUSY, vmm_create(v, "u", self->s.vf[0], "vm0", 0x10, NULL));
	test_err(EBUSY, vmm_create(v, "u", self->s.vf[0], "vm0", 0x11, NULL));
	test_err(EBUSY, vmm_create(v, "u", self->s.vf[0], "vm1", 0x10, NULL));
	/* one number of a VM is one function */
	test_err(EEXIST, vmm_create(v, "u", self->s.vf[1], "vm0", 0x10, NULL));
	test_ok(vmm_create(v, "u", self->s.vf[1], "vm1", 0x10, NULL));
	test_ok(vmm_create(v, "w", self->s.vf[2], "vm0", 0x11, NULL));

	/* None of the failures has left anything */
	test_cmd(v, "destroy t");
	test_ok(vmm_create(v, "t", self->s.vf[3], "vm0", 0x10, NULL));
	test_ok(vmm_create(v, "x", self->s.vf[0], "vm0", 0x12, NULL));
}

TEST_F(tdi, functions_of_every_kind)
{
	struct vmm *v = &self->s.v;
	char fn1[32];

	snprintf(fn1, sizeof(fn1), "%s", self->s.d->bdf);
	fn1[strlen(fn1) - 1] = '1';
	test_ok(vmm_create(v, "pf0", self->s.d->bdf, "vm0", 1, NULL));
	test_ok(vmm_create(v, "pf1", fn1, "vm0", 2, NULL));
	test_ok(vmm_create(v, "vf", self->s.vf[SCENE_VFS - 1], "vm0", 3, NULL));
	test_cmd(v, "lock pf0");
	test_cmd(v, "lock pf1");
	test_cmd(v, "lock vf");
	test_cmd(v, "run pf1");
	test_device(self->s.d, self->s.d->bdf, "locked");
	test_device(self->s.d, fn1, "run");
	test_device(self->s.d, self->s.vf[SCENE_VFS - 1], "locked");
	test_device(self->s.d, self->s.vf[0], "unlocked");
	test_cmd(v, "stop pf1");
	test_device(self->s.d, self->s.d->bdf, "locked");
	test_device(self->s.d, fn1, "unlocked");
	/* Of another kind: not the device's */
	test_err(ENXIO, vmm_create(v, "port", self->s.d->port, "vm0", 4, NULL));
}

/* Numbers are refused, not cut */
TEST_F(tdi, guest_rid)
{
	static const unsigned long long bad[] = {
		0x10000, 0x11234, 1ull << 31, 1ull << 32, (1ull << 32) + 1,
		1ull << 63, ~0ull,
	};
	struct vmm *v = &self->s.v;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		test_err(EINVAL, vmm_create(v, "t", self->s.vf[0], "vm0",
					    bad[i], NULL));
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 0xffff, NULL));
	test_ok(vmm_create(v, "u", self->s.vf[1], "vm0", 0, NULL));
}

/* What the guest calls its function is not what the host calls it */
TEST_F(tdi, two_numbers)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct tsm_sim_tdi_info info;
	struct vmm *v = &self->s.v;
	size_t len = sizeof(info);

	test_ok(vmm_create(v, "t", self->s.vf[1], "vm0", 0x0408, NULL));
	test_cmd(v, "lock t");
	test_ok(vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info,
			&len));
	ASSERT_EQ(sizeof(info), len);
	ASSERT_EQ(0x0408, info.guest_rid);
	ASSERT_EQ(TSM_TDI_LOCKED, info.state);
	test_device(self->s.d, self->s.vf[1], "locked");
}

/* --- who has TDIs, and which ---------------------------------------------- */

TEST_F(tdi, not_connected)
{
	struct vmm *v = &self->s.v;

	test_cmd(v, "query bdf=%s", self->s.vf[0]);
	test_disconnect(self->s.d);
	test_err_cmd(ENXIO, v, "query bdf=%s", self->s.vf[0]);
	test_err_cmd(ENXIO, v, "viommu w bdf=%s vm=vm0", self->s.vf[0]);
	test_err(ENXIO, vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_err(ENXIO, vmm_create(v, "t", self->s.d->bdf, "vm0", 1, NULL));
}

/* A TSM that does no more than connect */
TEST_F(tdi, session_only)
{
	struct vmm *v = &self->s.v;

	vmm_close(v);
	test_ok(sim_platform_live(&self->s.sim.p, false));
	test_ok(sim_platform_set(&self->s.sim.p, "op_mask", "0"));
	test_ok(scene_connect(&self->s));
	test_err_cmd(EOPNOTSUPP, v, "query bdf=%s", self->s.vf[0]);
	test_err_cmd(EOPNOTSUPP, v, "viommu w bdf=%s vm=vm0", self->s.vf[0]);
	test_err(EOPNOTSUPP, vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_connected(self->s.d);
}

TEST_F(tdi, settings_of_the_tsm)
{
	struct sim_platform *p = &self->s.sim.p;
	struct vmm *v = &self->s.v;

	test_err(EBUSY, sim_platform_set(p, "op_mask", "0x3fe"));
	test_err(EBUSY, sim_platform_set(p, "guest_rid_bits", "20"));
	test_err(EBUSY, sim_platform_set(p, "revoke_first", "1"));
	test_err(EBUSY, sim_platform_set(p, "parallel", "0"));
	vmm_close(v);
	test_ok(sim_platform_live(p, false));
	test_err(EINVAL, sim_platform_set(p, "op_mask", "0x400"));
	test_err(EINVAL, sim_platform_set(p, "op_mask", "1"));
	test_err(EINVAL, sim_platform_set(p, "guest_rid_bits", "15"));
	test_err(EINVAL, sim_platform_set(p, "guest_rid_bits", "33"));
	test_ok(sim_platform_set(p, "guest_rid_bits", "32"));
	test_ok(scene_connect(&self->s));

	test_cmd(v, "query bdf=%s", self->s.vf[0]);
	ASSERT_EQ(TSM_ARCH_SIM, vmm_value(v, "arch"));
	ASSERT_EQ(32, vmm_value(v, "guest_rid_bits"));
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 0xffffffff, NULL));
	test_err(EINVAL, vmm_create(v, "u", self->s.vf[1], "vm0", 1ull << 32,
				    NULL));
}

TEST_F(tdi, viommu)
{
	struct vmm *v = &self->s.v;

	test_cmd(v, "vm vm1");
	test_err_cmd(EOPNOTSUPP, v, "viommu w bdf=%s vm=vm0 type=4",
		     self->s.vf[0]);
	test_err_cmd(EOPNOTSUPP, v, "viommu w bdf=%s vm=vm0 type=64",
		     self->s.vf[0]);
	test_cmd(v, "viommu w bdf=%s vm=vm0", self->s.vf[0]);
	test_err(EINVAL, vmm_create(v, "t", self->s.vf[0], "vm1", 1, "w"));
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, "w"));
	test_ok(vmm_create(v, "u", self->s.vf[1], "vm0", 2, "w"));
	/* It stays as long as a TDI is behind it */
	test_cmd(v, "viommu-put w");
	test_cmd(v, "lock t");
	test_cmd(v, "run t");
	test_cmd(v, "destroy t");
	test_cmd(v, "vm-show vm0");
	ASSERT_LT(1, vmm_value(v, "refs"));
	test_cmd(v, "destroy u");
	test_cmd(v, "vm-show vm0");
	ASSERT_EQ(1, vmm_value(v, "refs"));
}

/* Two TSMs that differ in all that they may differ in, TDIs of both in one VM */
TEST_F(tdi, two_tsms)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct tsm_sim_tdi_info info;
	struct vmm *v = &self->s.v;
	struct scene beta = { };
	size_t len = sizeof(info);

	test_ok(scene_build(&beta, "beta", 1));
	/* START, GET_TDI_STATE and GUEST_MSG, no say in DMA */
	test_ok(sim_platform_set(&beta.sim.p, "op_mask", "0x304"));
	test_ok(sim_platform_set(&beta.sim.p, "guest_rid_bits", "20"));
	test_ok(sim_platform_set(&beta.sim.p, "revoke_first", "1"));
	test_ok(scene_devices(&beta));
	ASSERT_STRNE(self->s.sim.p.tsm, beta.sim.p.tsm);

	test_cmd(v, "query bdf=%s", self->s.vf[0]);
	ASSERT_EQ(0x3fe, vmm_value(v, "op_mask"));
	ASSERT_EQ(16, vmm_value(v, "guest_rid_bits"));
	ASSERT_EQ(atoi(self->s.sim.p.tsm + 3), vmm_value(v, "tsm"));
	test_cmd(v, "query bdf=%s", beta.vf[0]);
	ASSERT_EQ(0x304, vmm_value(v, "op_mask"));
	ASSERT_EQ(20, vmm_value(v, "guest_rid_bits"));
	ASSERT_EQ(atoi(beta.sim.p.tsm + 3), vmm_value(v, "tsm"));

	/* A vIOMMU is of one TSM */
	test_cmd(v, "viommu w bdf=%s vm=vm0", self->s.vf[0]);
	test_err(EINVAL, vmm_create(v, "b", beta.vf[0], "vm0", 2, "w"));

	test_ok(vmm_create(v, "a", self->s.vf[0], "vm0", 1, "w"));
	test_err(EEXIST, vmm_create(v, "b", beta.vf[0], "vm0", 1, NULL));
	test_ok(vmm_create(v, "b", beta.vf[0], "vm0", 0xfffff, NULL));
	test_cmd(v, "lock a");
	test_cmd(v, "lock b");
	test_ok(vmm_req(v, "a", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	test_err(EOPNOTSUPP, vmm_req(v, "b", TSM_OP_ENABLE_DMA, NULL, 0, NULL,
				     NULL));
	test_cmd(v, "run a");
	test_cmd(v, "run b");
	ASSERT_EQ(1, vmm_host(v, "a", "dma"));
	ASSERT_EQ(1, vmm_host(v, "b", "dma"));
	test_ok(vmm_req(v, "b", TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info,
			&len));
	ASSERT_EQ(0xfffff, info.guest_rid);
	ASSERT_EQ(TSM_TDI_RUN, info.state);
	ASSERT_EQ(TSM_SIM_TDI_DMA, info.flags);

	/* One TSM goes, with all that is its own */
	test_ok(sim_platform_live(&beta.sim.p, false));
	test_state(v, "b", "UNLOCKED DEAD");
	test_state(v, "a", "RUN");
	test_device(self->s.d, self->s.vf[0], "run");
	ASSERT_EQ(0, vmm_host(v, "a", "unbound"));
	test_connected(self->s.d);
	test_cmd(v, "stop a");
	test_cmd(v, "lock a");
	test_err_cmd(ENXIO, v, "lock b");
	test_ok(scene_strike(&beta));
}

/* --- the host's hooks ----------------------------------------------------- */

TEST_F(tdi, trusted_dma)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct tsm_sim_tdi_info info;
	struct vmm *v = &self->s.v;
	size_t len = sizeof(info);

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_cmd(v, "lock t");
	test_ok(vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info,
			&len));
	ASSERT_EQ(0, info.flags);

	/* The host comes first, and its word counts */
	test_cmd(v, "hook t which=dma-on err=%d", EBUSY);
	test_err(EBUSY, vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL,
				NULL));
	test_cmd(v, "hook t which=dma-on");
	test_ok(vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info,
			&len));
	ASSERT_EQ(0, info.flags);

	test_ok(vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	test_ok(vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info,
			&len));
	ASSERT_EQ(TSM_SIM_TDI_DMA, info.flags);
	/* Once is enough */
	test_ok(vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	/* This architecture has nothing to say about it */
	test_err(EINVAL, vmm_req(v, "t", TSM_OP_ENABLE_DMA, "x", 1, NULL,
				 NULL));
	test_ok(vmm_req(v, "t", TSM_OP_DISABLE_DMA, NULL, 0, NULL, NULL));
	test_ok(vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info,
			&len));
	ASSERT_EQ(0, info.flags);
	test_hooks(v, "t", "gate ranges dma-on! dma-on dma-off");

	/* What its guest leaves on, teardown takes away */
	test_cmd(v, "run t");
	test_ok(vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	test_cmd(v, "log-clear t");
	test_cmd(v, "stop t");
	test_hooks(v, "t", "revoke dma-off ungate");
	test_in_order(v, "t");
}

TEST_F(tdi, host_refuses)
{
	struct vmm *v = &self->s.v;
	long messages = sim_count(self->s.d, "messages");

	test_ok(trace_begin());
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_cmd(v, "hook t which=gate err=%d", EBUSY);
	test_err_cmd(EBUSY, v, "lock t");
	test_state(v, "t", "UNLOCKED");
	test_hooks(v, "t", "gate!");
	ASSERT_EQ(messages, sim_count(self->s.d, "messages"));

	test_cmd(v, "log-clear t");
	test_cmd(v, "hook t which=gate");
	test_cmd(v, "hook t which=ranges err=%d", EPERM);
	trace_clear();
	test_err_cmd(EPERM, v, "lock t");
	test_state(v, "t", "UNLOCKED");
	test_device(self->s.d, self->s.vf[0], "unlocked");
	test_hooks(v, "t", "gate ranges! ungate");
	ASSERT_STREQ("gate lock report ranges! stop release ungate",
		     trace_steps(self->s.vf[0]));
	ASSERT_EQ(0, vmm_generation(v, "t"));

	test_cmd(v, "hook t which=ranges");
	test_cmd(v, "lock t");
	ASSERT_EQ(1, vmm_value(v, "generation"));
	test_cmd(v, "destroy t");
	trace_end();
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
