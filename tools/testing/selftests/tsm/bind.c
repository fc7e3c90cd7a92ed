// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM binds functions to its VM through iommufd: what it learns first, the way
 * from UNLOCKED to RUN and back, what works in between and afterwards, and what
 * it is told when a TDI is lost. How calls are refused is in bind-errno.c and
 * bind-req.c.
 */
#include <fcntl.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <linux/kvm.h>

#include "tsm_machine.h"

#define IOVA		0x10000000
#define MEM_BYTES	0x10000
#define CHUNK		0x1000

/* What TDIs on a TSM's vIOMMU are made of, in this order */
#define STEPS_BOUND	"gate lock report ranges dma-prepare"
#define STEPS_UNBOUND	"stop revoke dma-off release ungate"

FIXTURE(bind)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	uint8_t *mem;
};

FIXTURE_SETUP(bind)
{
	host_init(&self->h);
	test_ok(machine_build(&self->m, 2));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0x10, &self->dev));
	self->mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(bind)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
}

/* --- what there is ------------------------------------------------------------- */

TEST_F(bind, hw_info)
{
	struct iommu_hw_info_tsm info;
	char tsm[32];

	test_cmd_hw_info(self->h.iommufd, self->dev->u.dev_id, &info);
	ASSERT_EQ(IOMMU_HW_INFO_TSM_TEE | IOMMU_HW_INFO_TSM_CONNECTED |
			  IOMMU_HW_INFO_TSM_CAN_BIND,
		  info.flags);
	test_ok(machine_tsm(self->dev->bdf, tsm, sizeof(tsm)));
	ASSERT_EQ(atoi(tsm + strlen("tsm")), info.tsm_id);
	ASSERT_NE(TSM_ARCH_NONE, info.tsm_arch);
	ASSERT_LE(16, info.guest_rid_bits);
	ASSERT_GE(32, info.guest_rid_bits);
	/* The kernel's own, for every TSM */
	ASSERT_TRUE(info.op_mask & 1ull << TSM_OP_GET_TDI_STATE);
	ASSERT_FALSE(info.op_mask & 1);
	ASSERT_TRUE(info.viommu_type_mask &
		    1ull << IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU);
	ASSERT_FALSE(info.viommu_type_mask &
		     (1ull << IOMMU_VIOMMU_TYPE_ARM_SMMUV3 |
		      1ull << IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV));
	if (!self->m.simulated)
		return;
	ASSERT_EQ(TSM_ARCH_SIM, info.tsm_arch);
	ASSERT_EQ(0x3fe, info.op_mask);
	ASSERT_EQ(TDI_MAX_REQ, info.max_req_len);
	ASSERT_EQ(TDI_MAX_RESP, info.max_resp_len);
	ASSERT_EQ(1ull << IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU |
			  1ull << IOMMU_VIOMMU_TYPE_TSM_SIM,
		  info.viommu_type_mask);
}

/* A structure of another kernel's is filled as far as both know it */
TEST_F(bind, hw_info_sizes)
{
	struct {
		struct iommu_hw_info_tsm info;
		uint64_t more;
	} got = { .more = -1ull };
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.in_data_type = IOMMU_HW_INFO_TYPE_TSM,
		.dev_id = self->dev->u.dev_id,
		.data_uptr = (uintptr_t)&got,
		.data_len = offsetof(struct iommu_hw_info_tsm, tsm_id),
	};
	struct iommu_hw_info_tsm info;

	test_cmd_hw_info(self->h.iommufd, self->dev->u.dev_id, &info);
	got.info.tsm_id = 0x5a5a;
	ASSERT_EQ(0, ioctl(self->h.iommufd, IOMMU_GET_HW_INFO, &cmd));
	ASSERT_EQ(sizeof(info), cmd.data_len);
	ASSERT_EQ(info.flags, got.info.flags);
	ASSERT_EQ(info.tsm_arch, got.info.tsm_arch);
	ASSERT_EQ(0x5a5a, got.info.tsm_id);

	cmd.in_data_type = IOMMU_HW_INFO_TYPE_TSM;
	cmd.data_len = sizeof(got);
	ASSERT_EQ(0, ioctl(self->h.iommufd, IOMMU_GET_HW_INFO, &cmd));
	ASSERT_EQ(0, memcmp(&info, &got.info, sizeof(info)));
	ASSERT_EQ(0, got.more);
}

/* It is a snapshot: of a device that is not connected it says that, and no more */
TEST_F(bind, hw_info_not_connected)
{
	struct iommu_hw_info_tsm info, want = { .flags = IOMMU_HW_INFO_TSM_TEE };
	struct assigned *other;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_disconnect(&self->m.s.sim.d[1]);
	test_ok(host_add_alone(&self->h, self->m.s.sim.d[1].bdf, &other));
	test_cmd_hw_info(self->h.iommufd, other->u.dev_id, &info);
	ASSERT_EQ(0, memcmp(&want, &info, sizeof(info)));
	test_connect(&self->m.s.sim.d[1]);
	test_cmd_hw_info(self->h.iommufd, other->u.dev_id, &info);
	ASSERT_EQ(want.flags | IOMMU_HW_INFO_TSM_CONNECTED |
			  IOMMU_HW_INFO_TSM_CAN_BIND,
		  info.flags);
}

/* --- there and back ------------------------------------------------------------ */

TEST_F(bind, there_and_back)
{
	struct iommu_vdevice_tsm_unbind unbind;
	struct iommu_vdevice_tsm_bind bind;
	struct tsm_tdi_state_resp state;
	struct host *h = &self->h;
	unsigned int i;

	for (i = 1; i <= 3; i++) {
		test_tdi(h, self->dev, "UNLOCKED");
		test_cmd_bind(h->iommufd, self->dev->vdevice, &bind);
		ASSERT_EQ(TSM_OUT_COMMITTED, bind.out_flags);
		ASSERT_EQ(i, bind.generation);
		test_tdi(h, self->dev, "LOCKED");
		test_cmd_unbind(h->iommufd, self->dev->vdevice, &unbind);
		ASSERT_EQ(TSM_OUT_COMMITTED, unbind.out_flags);
		ASSERT_EQ(i, unbind.generation);
	}
	/* What is unbound already stays so, and that is no error */
	test_cmd_unbind(h->iommufd, self->dev->vdevice, &unbind);
	ASSERT_EQ(0, unbind.out_flags);
	test_ok(cmd_tdi_state(h->iommufd, self->dev->vdevice, h->arch, &state));
	ASSERT_EQ(TSM_TDI_UNLOCKED, state.state);
	ASSERT_EQ(0, state.flags);
	ASSERT_EQ(3, state.generation);
}

/* Kernel, TSM and device agree at each step, and the steps are in order */
TEST_F(bind, everyone_agrees)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	const char *bdf = self->dev->bdf;
	struct tsm_sim_tdi_info info;
	struct host *h = &self->h;
	size_t len = sizeof(info);
	char tsm[32];

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(trace_begin());
	test_device(self->m.s.d, bdf, "unlocked");
	test_cmd_bind(h->iommufd, self->dev->vdevice, NULL);
	test_device(self->m.s.d, bdf, "locked");
	ASSERT_STREQ(STEPS_BOUND, trace_steps(bdf));
	test_ok(sim_pci_read(bdf, "tsm/bound", tsm, sizeof(tsm)));
	ASSERT_STREQ(self->m.s.sim.p.tsm, tsm);

	test_cmd_op(h->iommufd, self->dev->vdevice, h->arch, TSM_OP_ENABLE_DMA);
	test_cmd_op(h->iommufd, self->dev->vdevice, h->arch, TSM_OP_START);
	test_device(self->m.s.d, bdf, "run");
	test_tdi(h, self->dev, "RUN");
	test_cmd_request(h->iommufd, self->dev->vdevice, h->arch,
			 TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info, &len);
	ASSERT_EQ(sizeof(info), len);
	ASSERT_EQ(TSM_TDI_RUN, info.state);
	ASSERT_EQ(0x10, info.guest_rid);
	ASSERT_EQ(TSM_SIM_TDI_DMA, info.flags);

	trace_clear();
	test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
	test_device(self->m.s.d, bdf, "unlocked");
	ASSERT_STREQ("stop revoke dma-off host-dma-off release ungate",
		     trace_steps(bdf));
	test_ok(sim_pci_read(bdf, "tsm/bound", tsm, sizeof(tsm)));
	ASSERT_STREQ("", tsm);
	trace_end();
}

/*
 * DMA of the host's side: not while it is the guest's, and at once when it is
 * not any more, to what was mapped all the time
 */
TEST_F(bind, shared_dma_afterwards)
{
	struct vfio_user *u = &self->dev->u;
	struct host *h = &self->h;
	unsigned int i;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(vfio_find_dma(u));
	test_ok(vfio_map(u, self->mem, MEM_BYTES, IOVA, true));
	test_ok(vfio_set_master(u, true));
	memset(self->mem, 0x5a, CHUNK);
	ASSERT_EQ(DMA_OK, dma(u, DMA_IN, IOVA, 0, CHUNK));

	for (i = 0; i < 3; i++) {
		memset(self->mem, 0, MEM_BYTES);
		test_cmd_bind(h->iommufd, self->dev->vdevice, NULL);
		ASSERT_EQ(DMA_TDI_STATE, dma(u, DMA_OUT, IOVA, 0, CHUNK));
		test_cmd_op(h->iommufd, self->dev->vdevice, h->arch,
			    TSM_OP_START);
		ASSERT_EQ(DMA_T_BIT, dma(u, DMA_OUT, IOVA, 0, CHUNK));
		ASSERT_EQ(0, self->mem[0]);
		test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
		ASSERT_EQ(DMA_OK, dma(u, DMA_OUT, IOVA + i * CHUNK, 0, CHUNK));
		ASSERT_EQ(DMA_OK, dma(u, DMA_IN, IOVA + i * CHUNK, 0, CHUNK));
	}
}

/* One that moves bytes is not taken away from who moves them */
TEST_F(bind, busy)
{
	struct vfio_user *u = &self->dev->u;
	struct iommu_vdevice_tsm_bind bind;
	struct host *h = &self->h;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(vfio_find_dma(u));
	test_ok(vfio_map(u, self->mem, MEM_BYTES, IOVA, true));
	test_ok(vfio_set_master(u, true));
	test_ok(dma_start(u, DMA_OUT | DMA_REPEAT, IOVA, 0, DMA_BUF_BYTES));
	test_err_bind(EBUSY, h->iommufd, self->dev->vdevice, &bind);
	ASSERT_EQ(0, bind.out_flags);
	ASSERT_EQ(0, bind.generation);
	test_tdi(h, self->dev, "UNLOCKED");
	test_device(self->m.s.d, self->dev->bdf, "unlocked");
	ASSERT_TRUE(dma_read(u, DMA_STATUS) & DMA_BUSY);
	test_ok(dma_write(u, DMA_DOORBELL, DMA_ABORT));
	ASSERT_EQ(DMA_ABORTED, dma_wait(u));
	test_cmd_bind(h->iommufd, self->dev->vdevice, NULL);
}

/* Nothing of a vDEVICE is left in the function */
TEST_F(bind, another_vdevice)
{
	struct host *h = &self->h;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		test_ok(host_run(h, self->dev));
		test_cmd_destroy(h->iommufd, self->dev->vdevice);
		if (self->m.simulated)
			test_device(self->m.s.d, self->dev->bdf, "unlocked");
		test_ok(host_vdevice(h, self->dev, 0x20 + i));
		test_tdi(h, self->dev, "UNLOCKED");
	}
}

/* One VM, one vIOMMU, functions of two devices; each for itself */
TEST_F(bind, several)
{
	static const char * const states[] = { "RUN", "UNLOCKED", "LOCKED" };
	struct assigned *dev[3] = { self->dev };
	struct host *h = &self->h;
	unsigned int i;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(host_assign(h, self->m.bdf[1], 0x11, &dev[1]));
	test_ok(host_assign(h, self->m.s.sim.d[1].bdf, 0x12, &dev[2]));
	test_ok(host_run(h, dev[0]));
	test_ok(host_run(h, dev[1]));
	test_cmd_bind(h->iommufd, dev[2]->vdevice, NULL);
	test_cmd_unbind(h->iommufd, dev[1]->vdevice, NULL);
	for (i = 0; i < ARRAY_SIZE(dev); i++)
		test_tdi(h, dev[i], states[i]);
	test_device(self->m.s.d, dev[0]->bdf, "run");
	test_device(self->m.s.d, dev[1]->bdf, "unlocked");
	test_device(&self->m.s.sim.d[1], dev[2]->bdf, "locked");
}

/* --- the VM -------------------------------------------------------------------- */

/* Named by its file, when VFIO was told nothing, or the same */
TEST_F(bind, vm_fd)
{
	struct assigned *dev;
	struct host h;
	uint32_t again;

	test_cmd_viommu_alloc(self->h.iommufd, self->dev->u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU, self->h.vm.fd,
			      &again);
	test_cmd_destroy(self->h.iommufd, again);
	host_close(&self->h);

	test_ok(host_open(&h, VM_CONFIDENTIAL));
	test_ok(host_add_alone(&h, self->m.bdf[0], &dev));
	test_err(ENODEV, host_viommu(&h, dev));
	test_cmd_viommu_alloc(h.iommufd, dev->u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU, h.vm.fd,
			      &h.viommu);
	test_ok(host_vdevice(&h, dev, 1));
	test_ok(host_run(&h, dev));
	test_tdi(&h, dev, "RUN");
	host_close(&h);
}

/* The number of a function is the VM's own affair: two VMs may have the same */
TEST_F(bind, two_vms)
{
	struct assigned *dev;
	struct host other;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(host_open(&other, VM_CONFIDENTIAL));
	test_ok(host_assign(&other, self->m.bdf[1], self->dev->virt_id, &dev));
	test_ok(host_run(&other, dev));
	test_ok(host_run(&self->h, self->dev));
	test_tdi(&other, dev, "RUN");
	/* The end of one does not touch the other */
	host_close(&self->h);
	test_tdi(&other, dev, "RUN");
	test_device(self->m.s.d, dev->bdf, "run");
	host_close(&other);
}

#ifdef __x86_64__
/* Have a virtual processor run until it halts: the VM has begun */
static int vm_begin(struct vm *vm)
{
	struct kvm_userspace_memory_region mem = { .memory_size = 0x1000 };
	struct kvm_regs regs = { .rflags = 2 };
	int size, cpu, kvm, err = 0;
	struct kvm_sregs sregs;
	struct kvm_run *run;
	uint8_t *code;

	code = mmap(NULL, mem.memory_size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		return -errno;
	code[0] = 0xf4;	/* HLT */

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	close(kvm);
	mem.userspace_addr = (uintptr_t)code;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &mem))
		return -errno;
	cpu = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
	if (cpu < 0)
		return -errno;
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED || ioctl(cpu, KVM_GET_SREGS, &sregs))
		err = -errno;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (!err && (ioctl(cpu, KVM_SET_SREGS, &sregs) ||
		     ioctl(cpu, KVM_SET_REGS, &regs) || ioctl(cpu, KVM_RUN, 0)))
		err = -errno;
	if (!err && run->exit_reason != KVM_EXIT_HLT)
		err = -EPROTO;
	if (run != MAP_FAILED)
		munmap(run, size);
	close(cpu);
	return err;
}

/* A function that comes when the VM runs already */
TEST_F(bind, hot_plug)
{
	struct assigned *dev;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(host_run(&self->h, self->dev));
	test_ok(vm_begin(&self->h.vm));
	test_ok(host_assign(&self->h, self->m.bdf[1], 0x77, &dev));
	test_tdi(&self->h, dev, "UNLOCKED");
	test_ok(host_run(&self->h, dev));
	test_tdi(&self->h, dev, "RUN");
	/* And goes before it ends */
	test_cmd_destroy(self->h.iommufd, dev->vdevice);
	host_close_device(&self->h, dev);
	test_tdi(&self->h, self->dev, "RUN");
}
#endif

/* --- who may ------------------------------------------------------------------- */

/* Nobody in particular, who has the files: 0, or which of these is not so */
static int without_capabilities(struct machine *m, struct host *h,
				struct assigned *dev)
{
	char path[SIM_PATH];

	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
	    setresuid(65534, 65534, 65534))
		return 1;
	/* What the files are good for */
	if (host_run(h, dev) || strcmp(host_state(h, dev), "RUN"))
		return 2;
	if (cmd_unbind(h->iommufd, dev->vdevice, NULL))
		return 3;
	if (cmd_destroy(h->iommufd, dev->vdevice) ||
	    host_vdevice(h, dev, dev->virt_id))
		return 4;
	/* But neither can they be had, nor is there another way */
	if (open("/dev/iommu", O_RDWR) >= 0 || errno != EACCES)
		return 5;
	if (vfio_open_cdev(&(struct vfio_user) { }, m->bdf[1]) != -EACCES)
		return 6;
	if (sim_disconnect(m->s.d) != -EACCES ||
	    sim_connect(m->s.d) != -EACCES)
		return 7;
	sim_pci_path(path, sizeof(path), dev->bdf, "resource0");
	if (open(path, O_RDWR) >= 0 || errno != EACCES)
		return 8;
	return 0;
}

/* No capability is asked for: who has the iommufd may do what it is for, and no more */
TEST_F(bind, no_capabilities)
{
	struct assigned *other;
	int status;
	pid_t pid;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	/* Driven by vfio-pci, and not open */
	test_ok(host_add(&self->h, self->m.bdf[1], &other));
	host_close_device(&self->h, other);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(without_capabilities(&self->m, &self->h, self->dev));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	ASSERT_EQ(0, WEXITSTATUS(status));
	test_device(self->m.s.d, self->dev->bdf, "unlocked");
}

/* --- what is not there ---------------------------------------------------------- */

/* A host binds, it accepts nothing: whatever the state, those are a guest's */
TEST_F(bind, no_guest_attributes)
{
	static const char * const attrs[] = {
		"tsm/lock", "tsm/accept", "tsm/unlock", "tsm/state",
	};
	struct host *h = &self->h;
	unsigned int step, i;

	for (step = 0; step < 4; step++) {
		for (i = 0; i < ARRAY_SIZE(attrs); i++)
			ASSERT_FALSE(sim_pci_exists(self->dev->bdf, attrs[i]));
		switch (step) {
		case 0:
			test_cmd_bind(h->iommufd, self->dev->vdevice, NULL);
			break;
		case 1:
			test_cmd_op(h->iommufd, self->dev->vdevice, h->arch,
				    TSM_OP_START);
			break;
		case 2:
			test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
			break;
		}
	}
}

/* A host with a vIOMMU of a TSM does nothing with parents and queues of IOMMUs */
TEST_F(bind, no_iommu)
{
	struct iommu_hwpt_alloc hwpt = {
		.size = sizeof(hwpt),
		.dev_id = self->dev->u.dev_id,
		.pt_id = self->h.viommu,
	};
	struct iommu_hwpt_invalidate invalidate = {
		.size = sizeof(invalidate),
		.hwpt_id = self->h.viommu,
		.entry_len = 8,
	};
	struct iommu_hw_queue_alloc queue = {
		.size = sizeof(queue),
		.viommu_id = self->h.viommu,
		.type = 1,
		.length = 0x1000,
	};

	ASSERT_EQ(-1, ioctl(self->h.iommufd, IOMMU_HWPT_ALLOC, &hwpt));
	ASSERT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(-1, ioctl(self->h.iommufd, IOMMU_HWPT_INVALIDATE,
			    &invalidate));
	ASSERT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(-1, ioctl(self->h.iommufd, IOMMU_HW_QUEUE_ALLOC, &queue));
	ASSERT_EQ(EOPNOTSUPP, errno);
}

int main(int argc, char **argv)
{
	return iommufd_harness_run(argc, argv);
}
