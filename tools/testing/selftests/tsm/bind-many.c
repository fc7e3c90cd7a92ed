// SPDX-License-Identifier: GPL-2.0-only
/*
 * More than one of a kind: two TSMs in one kernel, vIOMMUs of a TSM and of
 * others, VMs with memory that the host does not see and without, and vIOMMUs
 * that have nothing to do with a TSM.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "../../../../drivers/iommu/iommufd/iommufd_test.h"
#include "tsm_machine.h"

#define TYPE	IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU

/* --- two TSMs ---------------------------------------------------------------------- */

FIXTURE(two_tsms)
{
	struct scene a;
	struct scene b;
	struct host h;
};

FIXTURE_SETUP(two_tsms)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(scene_build(&self->a, "alpha", 1));
	test_ok(scene_devices(&self->a));
	test_ok(scene_build(&self->b, "beta", 1));
	/* START, GET_TDI_STATE and GUEST_MSG, no say in DMA */
	test_ok(sim_platform_set(&self->b.sim.p, "op_mask", "0x304"));
	test_ok(sim_platform_set(&self->b.sim.p, "guest_rid_bits", "20"));
	test_ok(sim_platform_set(&self->b.sim.p, "revoke_first", "1"));
	test_ok(scene_devices(&self->b));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
}

FIXTURE_TEARDOWN(two_tsms)
{
	host_close(&self->h);
	EXPECT_EQ(0, sim_platform_destroy(&self->b.sim.p));
	EXPECT_EQ(0, sim_platform_destroy(&self->a.sim.p));
}

/* What is known of a device is what its own TSM says */
TEST_F(two_tsms, hw_info)
{
	struct iommu_hw_info_tsm a, b;
	struct assigned *dev_a, *dev_b;

	test_ok(host_add(&self->h, self->a.vf[0], &dev_a));
	test_ok(host_add(&self->h, self->b.vf[0], &dev_b));
	test_cmd_hw_info(self->h.iommufd, dev_a->u.dev_id, &a);
	test_cmd_hw_info(self->h.iommufd, dev_b->u.dev_id, &b);
	ASSERT_EQ(atoi(self->a.sim.p.tsm + 3), a.tsm_id);
	ASSERT_EQ(atoi(self->b.sim.p.tsm + 3), b.tsm_id);
	ASSERT_NE(a.tsm_id, b.tsm_id);
	ASSERT_EQ(0x3fe, a.op_mask);
	ASSERT_EQ(0x304, b.op_mask);
	ASSERT_EQ(16, a.guest_rid_bits);
	ASSERT_EQ(20, b.guest_rid_bits);

	test_disconnect(self->b.d);
	test_cmd_hw_info(self->h.iommufd, dev_b->u.dev_id, &b);
	ASSERT_EQ(IOMMU_HW_INFO_TSM_TEE, b.flags);
	test_cmd_hw_info(self->h.iommufd, dev_a->u.dev_id, &b);
	ASSERT_EQ(0, memcmp(&a, &b, sizeof(a)));
}

/* One vIOMMU is for all functions of a VM; each speaks to its own TSM */
TEST_F(two_tsms, one_viommu)
{
	struct assigned *a, *b;
	struct host *h = &self->h;

	test_ok(host_assign(h, self->a.vf[0], 0x10, &a));
	test_ok(host_assign(h, self->b.vf[0], 0xfffff, &b));
	test_cmd_bind(h->iommufd, a->vdevice, NULL);
	test_cmd_bind(h->iommufd, b->vdevice, NULL);
	test_cmd_op(h->iommufd, a->vdevice, h->arch, TSM_OP_ENABLE_DMA);
	test_err_op(EOPNOTSUPP, h->iommufd, b->vdevice, h->arch,
		    TSM_OP_ENABLE_DMA);
	test_cmd_op(h->iommufd, a->vdevice, h->arch, TSM_OP_START);
	test_cmd_op(h->iommufd, b->vdevice, h->arch, TSM_OP_START);
	test_tdi(h, a, "RUN");
	test_tdi(h, b, "RUN");
	test_device(self->a.d, self->a.vf[0], "run");
	test_device(self->b.d, self->b.vf[0], "run");
	/* Each is torn down in the order that its own TSM wants */
	test_ok(trace_begin());
	test_cmd_unbind(h->iommufd, a->vdevice, NULL);
	test_cmd_unbind(h->iommufd, b->vdevice, NULL);
	ASSERT_STREQ("stop revoke dma-off host-dma-off release ungate",
		     trace_steps(self->a.vf[0]));
	ASSERT_STREQ("revoke stop dma-off host-dma-off release ungate",
		     trace_steps(self->b.vf[0]));
	trace_end();
}

/* They are of two architectures: a request in the other's numbers is no request */
TEST_F(two_tsms, of_two_arches)
{
	struct iommu_hw_info_tsm info;
	struct tsm_tdi_state_resp state;
	struct host *h = &self->h;
	struct assigned *dev[2];
	const uint32_t arch[2] = { TSM_ARCH_SIM, TSM_ARCH_CCA };
	unsigned int i;

	test_ok(sim_platform_live(&self->b.sim.p, false));
	test_ok(sim_platform_set(&self->b.sim.p, "arch", "1"));
	test_ok(scene_devices(&self->b));
	test_ok(host_assign(h, self->a.vf[0], 0x10, &dev[0]));
	test_ok(host_assign(h, self->b.vf[0], 0x11, &dev[1]));
	for (i = 0; i < 2; i++) {
		uint32_t vdevice = dev[i]->vdevice;

		test_cmd_hw_info(h->iommufd, dev[i]->u.dev_id, &info);
		ASSERT_EQ(arch[i], info.tsm_arch);
		test_cmd_bind(h->iommufd, vdevice, NULL);
		test_err_op(EINVAL, h->iommufd, vdevice, arch[!i],
			    TSM_OP_START);
		test_err(EINVAL, cmd_tdi_state(h->iommufd, vdevice, arch[!i],
					       &state));
		test_ok(cmd_tdi_state(h->iommufd, vdevice, arch[i], &state));
		ASSERT_EQ(TSM_TDI_LOCKED, state.state);
		test_cmd_op(h->iommufd, vdevice, arch[i], TSM_OP_START);
		test_ok(cmd_tdi_state(h->iommufd, vdevice, arch[i], &state));
		ASSERT_EQ(TSM_TDI_RUN, state.state);
	}
}

/* The numbers of a VM are one space, whoever binds its functions */
TEST_F(two_tsms, one_numbering)
{
	struct assigned *b;
	uint32_t id;

	test_ok(host_assign(&self->h, self->a.vf[0], 0x10, NULL));
	test_ok(host_add(&self->h, self->b.vf[0], &b));
	test_err_vdevice_alloc(EEXIST, self->h.iommufd, self->h.viommu,
			       b->u.dev_id, 0x10, &id);
	test_ok(host_vdevice(&self->h, b, 0x10010));
}

/* One goes, with all that is its own */
TEST_F(two_tsms, one_goes)
{
	struct assigned *a, *b;
	struct host *h = &self->h;

	test_ok(host_assign(h, self->a.vf[0], 0x10, &a));
	test_ok(host_assign(h, self->b.vf[0], 0x11, &b));
	test_cmd_bind(h->iommufd, a->vdevice, NULL);
	test_cmd_bind(h->iommufd, b->vdevice, NULL);
	test_ok(sim_platform_tsm(&self->b.sim.p, false));
	test_tdi(h, b, "UNLOCKED DEAD");
	test_tdi(h, a, "LOCKED");
	test_cmd_op(h->iommufd, a->vdevice, h->arch, TSM_OP_START);
	test_device(self->a.d, self->a.vf[0], "run");
	test_err_bind(ENXIO, h->iommufd, b->vdevice, NULL);
	test_cmd_unbind(h->iommufd, b->vdevice, NULL);
	test_connected(self->a.d);
}

/* --- one TSM after another ------------------------------------------------------------ */

/* The TSM of a device goes, and the one that comes is not like it */
FIXTURE(next_tsm)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct assigned *other;
};

FIXTURE_VARIANT(next_tsm)
{
	const char *attr;	/* of the platform: what it is like */
	const char *first;
	const char *next;
	int bind_error;		/* of a vDEVICE that the first one has made */
	int alloc_error;	/* of one that is to be made now */
};

FIXTURE_VARIANT_ADD(next_tsm, narrow)
	{ .attr = "guest_rid_bits", .first = "20", .next = "16",
	  .bind_error = EINVAL, .alloc_error = EINVAL };
FIXTURE_VARIANT_ADD(next_tsm, confidential)
	{ .attr = "confidential_vm", .first = "0", .next = "1",
	  .bind_error = EINVAL, .alloc_error = EINVAL };
FIXTURE_VARIANT_ADD(next_tsm, connect_only)
	{ .attr = "op_mask", .first = "0x3fe", .next = "0",
	  .bind_error = EOPNOTSUPP, .alloc_error = EOPNOTSUPP };
/* Its VMM speaks the first one's language */
FIXTURE_VARIANT_ADD(next_tsm, other_arch)
	{ .attr = "arch", .first = "255", .next = "1", .bind_error = ENXIO };

FIXTURE_SETUP(next_tsm)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_prepare(&self->m, 1));
	test_ok(sim_platform_set(&self->m.s.sim.p, "guest_rid_bits", "20"));
	test_ok(sim_platform_set(&self->m.s.sim.p, variant->attr,
				 variant->first));
	test_ok(machine_connect(&self->m));
	test_ok(host_open(&self->h, VM_PLAIN));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0xfffff, &self->dev));
	test_ok(host_add(&self->h, self->m.bdf[1], &self->other));
}

FIXTURE_TEARDOWN(next_tsm)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_strike(&self->m));
}

/* The device is connected with a TSM that is like that */
static int change_tsm(struct machine *m, const char *attr, const char *val)
{
	struct sim_platform *p = &m->s.sim.p;
	int err;

	err = sim_platform_tsm(p, false);
	err = err ?: sim_platform_set(p, attr, val);
	err = err ?: sim_platform_tsm(p, true);
	return err ?: sim_connect(m->s.d);
}

/*
 * A bind, which would have to make the TDI anew, says what it would say to one that
 * is new, and keeps the vDEVICE for a TSM that takes it
 */
TEST_F(next_tsm, bound_anew)
{
	struct iommu_vdevice_tsm_bind bind;
	struct host *h = &self->h;
	uint32_t id;

	test_ok(host_run(h, self->dev));
	test_ok(change_tsm(&self->m, variant->attr, variant->next));
	test_tdi(h, self->dev, "UNLOCKED DEAD");
	test_err_bind(variant->bind_error, h->iommufd, self->dev->vdevice,
		      &bind);
	ASSERT_EQ(0, bind.out_flags);
	test_tdi(h, self->dev, "UNLOCKED DEAD");
	test_device(self->m.s.d, self->dev->bdf, "unlocked");
	test_err_vdevice_alloc(variant->alloc_error, h->iommufd, h->viommu,
			       self->other->u.dev_id, 0xffffe, &id);
	if (!variant->alloc_error)
		test_cmd_destroy(h->iommufd, id);

	test_ok(change_tsm(&self->m, variant->attr, variant->first));
	test_ok(host_run(h, self->dev));
	test_device(self->m.s.d, self->dev->bdf, "run");
	test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
}

/* --- secure vIOMMUs ----------------------------------------------------------------- */

FIXTURE(secure)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
};

FIXTURE_SETUP(secure)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_build(&self->m, 1));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_add(&self->h, self->m.bdf[0], &self->dev));
	test_cmd_viommu_alloc(self->h.iommufd, self->dev->u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &self->h.viommu);
}

FIXTURE_TEARDOWN(secure)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_strike(&self->m));
}

/* Made before any bind; the TSM knows what is behind it */
TEST_F(secure, there_and_back)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct host *h = &self->h;
	struct tsm_sim_tdi_info info;
	size_t len = sizeof(info);
	struct assigned *dev;

	test_ok(host_vdevice(h, self->dev, 0x10));
	test_cmd_request(h->iommufd, self->dev->vdevice, h->arch,
			 TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info, &len);
	ASSERT_EQ(TSM_SIM_TDI_VIOMMU, info.flags);
	test_ok(host_run(h, self->dev));
	test_cmd_request(h->iommufd, self->dev->vdevice, h->arch,
			 TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info, &len);
	ASSERT_EQ(TSM_SIM_TDI_VIOMMU | TSM_SIM_TDI_DMA, info.flags);
	test_ok(host_add(h, self->m.bdf[1], &dev));
	test_ok(host_vdevice(h, dev, 0x11));
	test_ok(host_run(h, dev));

	/* It goes last, whoever goes first of what is behind it */
	test_err_destroy(EBUSY, h->iommufd, h->viommu);
	test_cmd_destroy(h->iommufd, self->dev->vdevice);
	test_err_destroy(EBUSY, h->iommufd, h->viommu);
	test_tdi(h, dev, "RUN");
	test_cmd_destroy(h->iommufd, dev->vdevice);
	test_cmd_destroy(h->iommufd, h->viommu);
	/* The number and the functions are free for the other kind */
	test_ok(host_viommu(h, self->dev));
	test_ok(host_vdevice(h, self->dev, 0x10));
	test_ok(host_run(h, self->dev));
}

/* Of one TSM, and of no other's devices */
TEST_F(secure, of_one_tsm)
{
	struct scene b;
	struct assigned *dev;
	uint32_t id;

	test_ok(scene_build(&b, "beta", 1));
	test_ok(scene_devices(&b));
	test_ok(host_add(&self->h, b.vf[0], &dev));
	test_err_vdevice_alloc(EINVAL, self->h.iommufd, self->h.viommu,
			       dev->u.dev_id, 0x11, &id);
	test_ok(host_vdevice(&self->h, self->dev, 0x11));
	host_close_device(&self->h, dev);
	test_ok(sim_platform_destroy(&b.sim.p));
}

/* Its TSM goes, and takes it along; it can be put away */
TEST_F(secure, tsm_goes)
{
	struct host *h = &self->h;
	uint32_t id;

	test_ok(host_vdevice(h, self->dev, 0x10));
	test_ok(host_run(h, self->dev));
	test_ok(sim_platform_tsm(&self->m.s.sim.p, false));
	test_tdi(h, self->dev, "UNLOCKED DEAD");
	test_err_bind(ENXIO, h->iommufd, self->dev->vdevice, NULL);
	/* Another one has no use for it, be it like the first one in all else */
	test_ok(sim_platform_tsm(&self->m.s.sim.p, true));
	test_connect(self->m.s.d);
	test_err_bind(ENXIO, h->iommufd, self->dev->vdevice, NULL);
	test_cmd_destroy(h->iommufd, self->dev->vdevice);
	test_err_vdevice_alloc(ENXIO, h->iommufd, h->viommu,
			       self->dev->u.dev_id, 0x10, &id);
	test_ok(sim_platform_tsm(&self->m.s.sim.p, false));
	test_cmd_destroy(h->iommufd, h->viommu);
	test_err_viommu_alloc(ENXIO, h->iommufd, self->dev->u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &id);
}

/* Its TSM has room for so many: one more is nothing, not even half of one */
TEST_F(secure, no_room)
{
	struct host *h = &self->h;
	uint32_t ids[TSM_SIM_MAX_VIOMMUS], more;
	unsigned int i, round;

	ids[0] = h->viommu;
	for (i = 1; i < TSM_SIM_MAX_VIOMMUS; i++)
		test_cmd_viommu_alloc(h->iommufd, self->dev->u.dev_id,
				      IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &ids[i]);
	for (round = 0; round < 2; round++) {
		test_err_viommu_alloc(ENOSPC, h->iommufd, self->dev->u.dev_id,
				      IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &more);
		test_err_viommu_alloc(ENOSPC, h->iommufd, self->dev->u.dev_id,
				      IOMMU_VIOMMU_TYPE_TSM_SIM, h->vm.fd,
				      &more);
		/* The other kind takes no room of the TSM */
		test_cmd_viommu_alloc(h->iommufd, self->dev->u.dev_id, TYPE, -1,
				      &more);
		test_cmd_destroy(h->iommufd, more);
		/* One goes, and there is room for one */
		test_cmd_destroy(h->iommufd, ids[1]);
		test_cmd_viommu_alloc(h->iommufd, self->dev->u.dev_id,
				      IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &ids[1]);
	}
	for (i = 1; i < TSM_SIM_MAX_VIOMMUS; i++)
		test_cmd_destroy(h->iommufd, ids[i]);
	test_ok(host_vdevice(h, self->dev, 0x10));
	test_ok(host_run(h, self->dev));
}

/* --- kinds of VM -------------------------------------------------------------------- */

FIXTURE(vm_kinds)
{
	struct machine m;
	struct host h;
};

FIXTURE_VARIANT(vm_kinds)
{
	const char *confidential_vm;	/* what the TSM wants */
	enum vm_kind kind;
	int error;
};

FIXTURE_VARIANT_ADD(vm_kinds, any_confidential)
	{ .confidential_vm = "0", .kind = VM_CONFIDENTIAL };
FIXTURE_VARIANT_ADD(vm_kinds, any_plain)
	{ .confidential_vm = "0", .kind = VM_PLAIN };
FIXTURE_VARIANT_ADD(vm_kinds, wanted_confidential)
	{ .confidential_vm = "1", .kind = VM_CONFIDENTIAL };
FIXTURE_VARIANT_ADD(vm_kinds, wanted_plain)
	{ .confidential_vm = "1", .kind = VM_PLAIN, .error = EINVAL };

FIXTURE_SETUP(vm_kinds)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_prepare(&self->m, 1));
	test_ok(sim_platform_set(&self->m.s.sim.p, "confidential_vm",
				 variant->confidential_vm));
	test_ok(machine_connect(&self->m));
	test_ok(host_open(&self->h, variant->kind));
}

FIXTURE_TEARDOWN(vm_kinds)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_strike(&self->m));
}

/* Both ways to say which VM it is, both kinds of vIOMMU */
TEST_F(vm_kinds, taken_or_not)
{
	struct host *h = &self->h;
	struct assigned *dev;
	uint32_t viommu;

	test_ok(host_add(h, self->m.bdf[0], &dev));
	test_err_viommu_alloc(variant->error, h->iommufd, dev->u.dev_id, TYPE,
			      -1, &viommu);
	test_err_viommu_alloc(variant->error, h->iommufd, dev->u.dev_id, TYPE,
			      h->vm.fd, &viommu);
	test_err_viommu_alloc(variant->error, h->iommufd, dev->u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &viommu);
	if (variant->error)
		return;
	test_ok(host_viommu(h, dev));
	test_ok(host_vdevice(h, dev, 0x10));
	test_ok(host_run(h, dev));
}

/*
 * A vIOMMU is of any VM that its own device's TSM takes. Another TSM, whose device
 * is to be on it, may want more of the VM.
 */
TEST(vm_of_another_kind)
{
	struct assigned *any, *strict;
	struct scene a, b;
	struct host h;
	uint32_t id;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(scene_build(&a, "alpha", 1));
	test_ok(scene_devices(&a));
	test_ok(scene_build(&b, "beta", 1));
	test_ok(sim_platform_set(&b.sim.p, "confidential_vm", "1"));
	test_ok(scene_devices(&b));
	test_ok(host_open(&h, VM_PLAIN));
	test_ok(host_add(&h, a.vf[0], &any));
	test_ok(host_add(&h, b.vf[0], &strict));
	test_ok(host_viommu(&h, any));
	test_err_vdevice_alloc(EINVAL, h.iommufd, h.viommu, strict->u.dev_id,
			       0x10, &id);
	/* The number is still free for one that takes the VM */
	test_ok(host_vdevice(&h, any, 0x10));
	test_ok(host_run(&h, any));
	test_device(b.d, b.vf[0], "unlocked");
	host_close(&h);
	test_ok(sim_platform_destroy(&b.sim.p));
	test_ok(sim_platform_destroy(&a.sim.p));
}

/* --- a TSM that connects devices, and binds none ----------------------------------- */

FIXTURE(connect_only)
{
	struct machine m;
	struct scene able;
	struct host h;
};

FIXTURE_SETUP(connect_only)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_prepare(&self->m, 1));
	test_ok(sim_platform_set(&self->m.s.sim.p, "op_mask", "0"));
	test_ok(machine_connect(&self->m));
	test_ok(scene_build(&self->able, "able", 1));
	test_ok(scene_devices(&self->able));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
}

FIXTURE_TEARDOWN(connect_only)
{
	host_close(&self->h);
	EXPECT_EQ(0, sim_platform_destroy(&self->able.sim.p));
	EXPECT_EQ(0, machine_strike(&self->m));
}

/* CONNECTED without CAN_BIND: that is all that is known, and nothing is made */
TEST_F(connect_only, refused)
{
	struct iommu_hw_info_tsm info, want = {
		.flags = IOMMU_HW_INFO_TSM_TEE | IOMMU_HW_INFO_TSM_CONNECTED,
		.tsm_id = atoi(self->m.s.sim.p.tsm + 3),
	};
	struct host *h = &self->h;
	struct assigned *dev, *able;
	uint32_t id;

	test_ok(host_add(h, self->m.bdf[0], &dev));
	test_cmd_hw_info(h->iommufd, dev->u.dev_id, &info);
	ASSERT_EQ(0, memcmp(&want, &info, sizeof(info)));
	test_err_viommu_alloc(EOPNOTSUPP, h->iommufd, dev->u.dev_id, TYPE, -1,
			      &id);
	test_err_viommu_alloc(EOPNOTSUPP, h->iommufd, dev->u.dev_id, TYPE,
			      h->vm.fd, &id);
	test_err_viommu_alloc(EOPNOTSUPP, h->iommufd, dev->u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_SIM, -1, &id);
	/* Nor is it a TDI on the vIOMMU of a device whose TSM can */
	test_ok(host_add(h, self->able.vf[0], &able));
	test_ok(host_viommu(h, able));
	test_err_vdevice_alloc(EOPNOTSUPP, h->iommufd, h->viommu, dev->u.dev_id,
			       0x10, &id);
	test_ok(host_vdevice(h, able, 0x10));
	test_ok(host_run(h, able));
	test_connected(self->m.s.d);
}

/* --- vIOMMUs and devices that a TSM has nothing to do with ----------------------------- */

FIXTURE(foreign)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	uint32_t mock;		/* a device without PCI */
	uint32_t viommu;
	uint32_t vdevice;
};

FIXTURE_SETUP(foreign)
{
	struct iommu_test_cmd test = {
		.size = sizeof(test),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN,
	};
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_hwpt_alloc hwpt = {
		.size = sizeof(hwpt),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
	};
	struct iommu_viommu_selftest data = { };
	struct iommu_viommu_alloc viommu = {
		.size = sizeof(viommu),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};

	host_init(&self->h);
	test_ok(machine_build(&self->m, 1));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0x10, &self->dev));

	ASSERT_EQ(0, ioctl(self->h.iommufd, IOMMU_IOAS_ALLOC, &ioas));
	test.id = ioas.out_ioas_id;
	if (ioctl(self->h.iommufd, IOMMU_TEST_CMD, &test) && errno == ENOTTY)
		SKIP(return, "this kernel has no CONFIG_IOMMUFD_TEST");
	ASSERT_NE(0, test.mock_domain.out_idev_id);
	self->mock = test.mock_domain.out_idev_id;
	hwpt.dev_id = self->mock;
	hwpt.pt_id = ioas.out_ioas_id;
	ASSERT_EQ(0, ioctl(self->h.iommufd, IOMMU_HWPT_ALLOC, &hwpt));
	viommu.dev_id = self->mock;
	viommu.hwpt_id = hwpt.out_hwpt_id;
	test_cmd_viommu(self->h.iommufd, &viommu);
	self->viommu = viommu.out_viommu_id;
	test_cmd_vdevice_alloc(self->h.iommufd, self->viommu, self->mock, 0x99,
			       &self->vdevice);
}

FIXTURE_TEARDOWN(foreign)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_strike(&self->m));
}

TEST_F(foreign, ioctls)
{
	struct tsm_tdi_state_resp state;
	struct iommu_hw_info_tsm info;
	struct host *h = &self->h;

	test_err_hw_info(EOPNOTSUPP, h->iommufd, self->mock, &info);
	test_err_bind(EOPNOTSUPP, h->iommufd, self->vdevice, NULL);
	test_err_unbind(EOPNOTSUPP, h->iommufd, self->vdevice, NULL);
	test_err(EOPNOTSUPP, cmd_tdi_state(h->iommufd, self->vdevice, h->arch,
					   &state));
	test_err_op(EOPNOTSUPP, h->iommufd, self->vdevice, h->arch,
		    TSM_OP_START);
	test_tdi(h, self->dev, "UNLOCKED");
}

TEST_F(foreign, objects)
{
	struct iommu_viommu_alloc cmd = {
		.type = TYPE,
		.dev_id = self->mock,
		.flags = IOMMU_VIOMMU_ALLOC_VM_FD,
		.vm_fd = self->h.vm.fd,
	};
	struct host *h = &self->h;
	uint32_t id;
	int fd;

	test_err_viommu(EOPNOTSUPP, h->iommufd, &cmd);
	cmd.type = IOMMU_VIOMMU_TYPE_TSM_SIM;
	test_err_viommu(EOPNOTSUPP, h->iommufd, &cmd);
	/* Not a PCI function, on the vIOMMU of a TSM */
	test_cmd_destroy(h->iommufd, self->vdevice);
	test_err_vdevice_alloc(EOPNOTSUPP, h->iommufd, h->viommu, self->mock,
			       0x11, &id);
	/* Neither tells the other's events */
	test_err_veventq_alloc(EOPNOTSUPP, h->iommufd, self->viommu,
			       IOMMU_VEVENTQ_TYPE_TSM, 4, &id, &fd);
	test_err_veventq_alloc(EOPNOTSUPP, h->iommufd, h->viommu,
			       IOMMU_VEVENTQ_TYPE_SELFTEST, 4, &id, &fd);
	/* A function of the simulated IOMMU, on the vIOMMU of the mock */
	ASSERT_NE(0, cmd_vdevice_alloc(h->iommufd, self->viommu,
				       self->dev->u.dev_id, 0x12, &id));
	test_tdi(h, self->dev, "UNLOCKED");
	test_cmd_bind(h->iommufd, self->dev->vdevice, NULL);
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
