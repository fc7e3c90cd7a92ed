// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the calls that make a TDI are refused, row by row of the uAPI header: what
 * vIOMMU and vDEVICE are made of, bind and unbind. What is refused changes
 * nothing, and works as soon as it is asked for rightly. Requests are in
 * bind-req.c.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tsm_machine.h"

#define TYPE	IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU

/* The structure ended with this when it was new */
#define VIOMMU_ALLOC_FIRST \
	(offsetof(struct iommu_viommu_alloc, out_viommu_id) + sizeof(uint32_t))

/* No object has it, and no file descriptor is as large */
#define NO_SUCH_ID	0x7fff0000

/* A VMM with a function, and its VM; neither vIOMMU nor vDEVICE are there yet */
FIXTURE(bind_errno)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	int fd;
};

FIXTURE_SETUP(bind_errno)
{
	host_init(&self->h);
	test_ok(machine_build(&self->m, 2));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_add(&self->h, self->m.bdf[0], &self->dev));
	self->fd = self->h.iommufd;
}

FIXTURE_TEARDOWN(bind_errno)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
}

/* Whatever was refused before, now it works */
#define test_all_works(h, dev) _test_all_works(_metadata, h, dev)
static void _test_all_works(struct __test_metadata *_metadata, struct host *h,
			    struct assigned *dev)
{
	if (!h->viommu)
		test_ok(host_viommu(h, dev));
	if (!dev->vdevice)
		test_ok(host_vdevice(h, dev, 0x10));
	test_cmd_bind(h->iommufd, dev->vdevice, NULL);
	test_tdi(h, dev, "LOCKED");
	test_cmd_unbind(h->iommufd, dev->vdevice, NULL);
	test_tdi(h, dev, "UNLOCKED");
}

/*
 * An ioctl with a structure of @size bytes that this kernel knows @known bytes
 * of; the bytes in between are @tail.
 */
static int sized(int fd, unsigned long cmd, const void *fields, size_t known,
		 size_t size, uint8_t tail)
{
	uint64_t buf[512];

	memset(buf, tail, sizeof(buf));
	memcpy(buf, fields, known);
	memcpy(buf, &(uint32_t){ size }, sizeof(uint32_t));
	return ioctl(fd, cmd, buf) ? -errno : 0;
}

/* Older and newer structures, and those that are neither */
#define test_sizes(...) _test_sizes(_metadata, __VA_ARGS__)
static void _test_sizes(struct __test_metadata *_metadata, int fd,
			unsigned long cmd, const void *fields, size_t known,
			size_t least)
{
	test_err(EINVAL, sized(fd, cmd, fields, known, 0, 0));
	test_err(EINVAL, sized(fd, cmd, fields, known, 4, 0));
	test_err(EINVAL, sized(fd, cmd, fields, known, least - 1, 0));
	test_err(E2BIG, sized(fd, cmd, fields, known, known + 1, 1));
	test_err(E2BIG, sized(fd, cmd, fields, known, known + 8, 1));
	test_err(E2BIG, sized(fd, cmd, fields, known, 4096, 1));
}

/* --- IOMMU_VIOMMU_ALLOC -------------------------------------------------------- */

TEST_F(bind_errno, viommu_sizes)
{
	struct iommu_viommu_alloc cmd = {
		.type = TYPE,
		.dev_id = self->dev->u.dev_id,
	};

	test_sizes(self->fd, IOMMU_VIOMMU_ALLOC, &cmd, sizeof(cmd),
		   VIOMMU_ALLOC_FIRST);
	/* Those who never heard of VM files: VFIO knows the VM */
	test_ok(sized(self->fd, IOMMU_VIOMMU_ALLOC, &cmd, sizeof(cmd),
		      offsetof(struct iommu_viommu_alloc, vm_fd), 0xff));
	test_ok(sized(self->fd, IOMMU_VIOMMU_ALLOC, &cmd, sizeof(cmd),
		      VIOMMU_ALLOC_FIRST,
		      0xff));
	test_ok(sized(self->fd, IOMMU_VIOMMU_ALLOC, &cmd, sizeof(cmd), 4096, 0));
	test_all_works(&self->h, self->dev);
}

TEST_F(bind_errno, viommu_fields)
{
	const struct iommu_viommu_alloc good = {
		.type = TYPE,
		.dev_id = self->dev->u.dev_id,
	};
	struct iommu_viommu_alloc cmd;
	unsigned int bit;

	for (bit = 1; bit < 32; bit++) {
		cmd = good;
		cmd.flags = 1u << bit;
		test_err_viommu(EOPNOTSUPP, self->fd, &cmd);
	}
	cmd = good;
	cmd.__reserved = 1;
	test_err_viommu(EOPNOTSUPP, self->fd, &cmd);
	cmd = good;
	cmd.__reserved2 = 1;
	test_err_viommu(EOPNOTSUPP, self->fd, &cmd);
	cmd = good;
	cmd.hwpt_id = self->dev->u.dev_id;
	test_err_viommu(EINVAL, self->fd, &cmd);
	cmd = good;
	cmd.data_len = 8;
	cmd.data_uptr = (uintptr_t)&good;
	test_err_viommu(EINVAL, self->fd, &cmd);
	/* A file that is meant to be used says so */
	cmd = good;
	cmd.vm_fd = self->h.vm.fd;
	test_err_viommu(EINVAL, self->fd, &cmd);
	cmd = good;
	cmd.dev_id = NO_SUCH_ID;
	test_err_viommu(ENOENT, self->fd, &cmd);
	test_all_works(&self->h, self->dev);
}

TEST_F(bind_errno, viommu_types)
{
	static const uint32_t types[] = {
		IOMMU_VIOMMU_TYPE_DEFAULT, 3, IOMMU_VIOMMU_TYPE_TSM_VTD, 7, 63,
		64, 0x80000000 | TYPE, -1u,
	};
	struct iommu_viommu_alloc cmd = { .dev_id = self->dev->u.dev_id };
	struct iommu_hw_info_tsm info;
	unsigned int i;

	test_cmd_hw_info(self->fd, self->dev->u.dev_id, &info);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i] < 64 && info.viommu_type_mask & 1ull << types[i])
			continue;
		cmd.type = types[i];
		test_err_viommu(EOPNOTSUPP, self->fd, &cmd);
	}
	/* The fields of TSM types are no other's */
	cmd.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3;
	cmd.flags = IOMMU_VIOMMU_ALLOC_VM_FD;
	cmd.vm_fd = self->h.vm.fd;
	test_err_viommu(EOPNOTSUPP, self->fd, &cmd);
	test_all_works(&self->h, self->dev);
}

TEST_F(bind_errno, viommu_vm_file)
{
	struct vm other;
	int devnull, kvm;
	uint32_t id;

	test_ok(vm_create(&other, VM_CONFIDENTIAL));
	devnull = open("/dev/null", O_RDWR | O_CLOEXEC);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, devnull);
	ASSERT_LE(0, kvm);

	test_err_viommu_alloc(EBADF, self->fd, self->dev->u.dev_id, TYPE,
			      NO_SUCH_ID, &id);
	test_err_viommu_alloc(EINVAL, self->fd, self->dev->u.dev_id, TYPE,
			      devnull, &id);
	test_err_viommu_alloc(EINVAL, self->fd, self->dev->u.dev_id, TYPE, kvm,
			      &id);
	test_err_viommu_alloc(EINVAL, self->fd, self->dev->u.dev_id, TYPE,
			      self->h.vm.vfio, &id);
	test_err_viommu_alloc(EINVAL, self->fd, self->dev->u.dev_id, TYPE,
			      self->fd, &id);
	/* A VM, but not the one that VFIO was told of */
	test_err_viommu_alloc(EINVAL, self->fd, self->dev->u.dev_id, TYPE,
			      other.fd, &id);
	close(devnull);
	close(kvm);
	vm_close(&other);
	test_err_viommu_alloc(EBADF, self->fd, self->dev->u.dev_id, TYPE,
			      kvm, &id);
	test_all_works(&self->h, self->dev);
}

TEST_F(bind_errno, viommu_negative_vm_file)
{
	struct iommu_viommu_alloc cmd = {
		.type = TYPE,
		.dev_id = self->dev->u.dev_id,
		.flags = IOMMU_VIOMMU_ALLOC_VM_FD,
		.vm_fd = -1,
	};

	test_err_viommu(EBADF, self->fd, &cmd);
	test_all_works(&self->h, self->dev);
}

TEST_F(bind_errno, viommu_without_vm)
{
	struct assigned *dev;
	struct host h;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(host_open(&h, VM_CONFIDENTIAL));
	test_ok(host_add_alone(&h, self->m.bdf[1], &dev));
	test_err(ENODEV, host_viommu(&h, dev));
	host_close(&h);
}

/* One of its parts is of a VM, another is said to be of another VM */
TEST_F(bind_errno, vdevice_of_another_vm)
{
	struct assigned *dev;
	struct vm other;
	uint32_t id;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(vm_create(&other, VM_CONFIDENTIAL));
	test_ok(host_viommu(&self->h, self->dev));
	/* VFIO was told that the second function is for the other VM */
	test_ok(sim_pci_driver(self->m.bdf[1], "vfio-pci"));
	dev = &self->h.dev[self->h.nr++];
	test_ok(vfio_open_cdev(&dev->u, self->m.bdf[1]));
	test_ok(vm_add_device(&other, &dev->u));
	test_ok(vfio_bind(&dev->u, self->fd));
	test_err_vdevice_alloc(EINVAL, self->fd, self->h.viommu, dev->u.dev_id,
			       1, &id);
	test_ok(vm_remove_device(&other, &dev->u));
	vm_close(&other);
	test_all_works(&self->h, self->dev);
}

TEST_F(bind_errno, viommu_not_connected)
{
	struct iommu_hw_info_tsm info;
	uint32_t id;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_disconnect(self->m.s.d);
	test_cmd_hw_info(self->fd, self->dev->u.dev_id, &info);
	ASSERT_EQ(IOMMU_HW_INFO_TSM_TEE, info.flags);
	test_err_viommu_alloc(ENXIO, self->fd, self->dev->u.dev_id, TYPE, -1,
			      &id);
	test_connect(self->m.s.d);
	test_all_works(&self->h, self->dev);
}

/* A structure that cannot be written to: nothing is made */
TEST_F(bind_errno, viommu_faults)
{
	struct iommu_viommu_alloc *cmd;

	cmd = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, cmd);
	*cmd = (struct iommu_viommu_alloc) {
		.size = sizeof(*cmd),
		.type = TYPE,
		.dev_id = self->dev->u.dev_id,
	};
	ASSERT_EQ(0, mprotect(cmd, 0x1000, PROT_READ));
	test_err_viommu(EFAULT, self->fd, cmd);
	ASSERT_EQ(0, mprotect(cmd, 0x1000, PROT_NONE));
	ASSERT_EQ(-1, ioctl(self->fd, IOMMU_VIOMMU_ALLOC, cmd));
	ASSERT_EQ(EFAULT, errno);
	munmap(cmd, 0x1000);
	/* Nothing holds the device: it can go as before */
	test_all_works(&self->h, self->dev);
}

/* --- IOMMU_VDEVICE_ALLOC ------------------------------------------------------- */

TEST_F(bind_errno, vdevice_sizes)
{
	struct iommu_vdevice_alloc cmd = { .virt_id = 0x10 };

	test_ok(host_viommu(&self->h, self->dev));
	cmd.viommu_id = self->h.viommu;
	cmd.dev_id = self->dev->u.dev_id;
	test_sizes(self->fd, IOMMU_VDEVICE_ALLOC, &cmd, sizeof(cmd),
		   sizeof(cmd));
	test_all_works(&self->h, self->dev);
}

TEST_F(bind_errno, vdevice_ids)
{
	struct host *h = &self->h;
	struct iommu_hw_info_tsm info;
	uint32_t dev_id = self->dev->u.dev_id, id;
	unsigned int bit;

	test_cmd_hw_info(self->fd, dev_id, &info);
	test_ok(host_viommu(h, self->dev));
	test_err_vdevice_alloc(ENOENT, self->fd, NO_SUCH_ID, dev_id, 1, &id);
	test_err_vdevice_alloc(ENOENT, self->fd, dev_id, dev_id, 1, &id);
	test_err_vdevice_alloc(ENOENT, self->fd, h->viommu, NO_SUCH_ID, 1, &id);
	test_err_vdevice_alloc(ENOENT, self->fd, h->viommu, h->viommu, 1, &id);
	/* Never cut off, from the first bit too many to the last */
	for (bit = info.guest_rid_bits; bit < 64; bit++) {
		int err = cmd_vdevice_alloc(self->fd, h->viommu, dev_id,
					    1ull << bit | 1, &id);

		ASSERT_EQ(-EINVAL, err);
	}
	test_ok(host_vdevice(h, self->dev, (1ull << info.guest_rid_bits) - 1));
	test_all_works(&self->h, self->dev);
}

/* A function is one TDI, a number in the VM is one function */
TEST_F(bind_errno, vdevice_exists)
{
	struct host *h = &self->h;
	struct assigned *other;
	uint32_t viommu, id;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(host_viommu(h, self->dev));
	test_ok(host_vdevice(h, self->dev, 0x10));
	test_cmd_viommu_alloc(self->fd, self->dev->u.dev_id, TYPE, -1, &viommu);
	test_err_vdevice_alloc(EEXIST, self->fd, h->viommu,
			       self->dev->u.dev_id, 0x11, &id);
	test_err_vdevice_alloc(EEXIST, self->fd, viommu, self->dev->u.dev_id,
			       0x11, &id);
	test_ok(host_add(h, self->m.bdf[1], &other));
	test_err_vdevice_alloc(EEXIST, self->fd, h->viommu, other->u.dev_id,
			       0x10, &id);
	/* The VM has one numbering, however many vIOMMUs */
	test_err_vdevice_alloc(EEXIST, self->fd, viommu, other->u.dev_id, 0x10,
			       &id);
	test_cmd_vdevice_alloc(self->fd, viommu, other->u.dev_id, 0x11, &id);
	test_cmd_destroy(self->fd, id);
	test_all_works(&self->h, self->dev);
	/* A number is free again as soon as its function is gone */
	test_cmd_destroy(self->fd, self->dev->vdevice);
	test_cmd_vdevice_alloc(self->fd, viommu, other->u.dev_id, 0x10, &id);
}

/* Somebody else in the kernel has made a TDI of it */
TEST_F(bind_errno, vdevice_of_another_user)
{
	struct vmm v = { };
	uint32_t id;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(vmm_open(&v));
	test_cmd(&v, "vm vm0");
	test_ok(host_viommu(&self->h, self->dev));
	test_ok(vmm_create(&v, "t", self->dev->bdf, "vm0", 1, NULL));
	test_err_vdevice_alloc(EBUSY, self->fd, self->h.viommu,
			       self->dev->u.dev_id, 0x10, &id);
	test_cmd(&v, "lock t");
	test_err_vdevice_alloc(EBUSY, self->fd, self->h.viommu,
			       self->dev->u.dev_id, 0x10, &id);
	test_cmd(&v, "destroy t");
	test_all_works(&self->h, self->dev);
	test_err(EBUSY, vmm_create(&v, "t", self->dev->bdf, "vm0", 1, NULL));
	vmm_close(&v);
}

TEST_F(bind_errno, vdevice_not_connected)
{
	uint32_t id;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(host_viommu(&self->h, self->dev));
	test_disconnect(self->m.s.d);
	test_err_vdevice_alloc(ENXIO, self->fd, self->h.viommu,
			       self->dev->u.dev_id, 0x10, &id);
	test_connect(self->m.s.d);
	test_all_works(&self->h, self->dev);
}

/* What a TSM fails at is said, and not half done */
TEST_F(bind_errno, vdevice_refused_by_tsm)
{
	uint32_t id;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(host_viommu(&self->h, self->dev));
	test_ok(sim_set(self->m.s.d, "tsm_fault", "create"));
	test_err_vdevice_alloc(EIO, self->fd, self->h.viommu,
			       self->dev->u.dev_id, 0x10, &id);
	test_ok(sim_set(self->m.s.d, "tsm_fault", "none"));
	test_all_works(&self->h, self->dev);
}

/* --- a device that no IOMMU contains ------------------------------------------- */

#define NOIOMMU	"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

FIXTURE(no_iommu)
{
	struct machine m;
	struct host h;
};

FIXTURE_SETUP(no_iommu)
{
	host_init(&self->h);
	if (access(NOIOMMU, F_OK))
		SKIP(return, "this kernel has no mode without IOMMUs");
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	sim_sweep();
	test_ok(machine_prepare(&self->m, 2));
	test_ok(sim_set(&self->m.s.sim.d[1], "iommu", "0"));
	test_ok(machine_connect(&self->m));
	test_ok(sim_write(NOIOMMU, "1"));
}

FIXTURE_TEARDOWN(no_iommu)
{
	host_close(&self->h);
	EXPECT_EQ(0, sim_write(NOIOMMU, "0"));
	EXPECT_EQ(0, machine_strike(&self->m));
}

/* Connected, known to iommufd, and for no VM: its DMA would reach all memory */
TEST_F(no_iommu, refused)
{
	struct assigned *dev, *other;
	struct host *h = &self->h;
	uint32_t id;

	test_ok(host_open(h, VM_CONFIDENTIAL));
	test_ok(host_add(h, self->m.bdf[0], &dev));
	test_ok(host_add(h, self->m.s.sim.d[1].bdf, &other));
	test_err_viommu_alloc(EOPNOTSUPP, h->iommufd, other->u.dev_id, TYPE,
			      h->vm.fd, &id);
	/* Nor on the vIOMMU of one that has an IOMMU */
	test_ok(host_viommu(h, dev));
	test_err_vdevice_alloc(EOPNOTSUPP, h->iommufd, h->viommu,
			       other->u.dev_id, 0x20, &id);
	test_all_works(h, dev);
}

/* --- the end ----------------------------------------------------------------------- */

/* A vIOMMU is there as long as a vDEVICE is on it */
TEST_F(bind_errno, destroy_in_order)
{
	struct host *h = &self->h;

	test_ok(host_viommu(h, self->dev));
	test_ok(host_vdevice(h, self->dev, 0x10));
	test_err_destroy(EBUSY, self->fd, h->viommu);
	test_cmd_destroy(self->fd, self->dev->vdevice);
	test_err_bind(ENOENT, self->fd, self->dev->vdevice, NULL);
	test_cmd_destroy(self->fd, h->viommu);
	h->viommu = 0;
	self->dev->vdevice = 0;
	test_all_works(&self->h, self->dev);
}

/* --- IOMMU_VDEVICE_TSM_BIND and _UNBIND ---------------------------------------- */

/* The two have one structure, and most rows in common */
FIXTURE(move)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	int fd;
};

FIXTURE_VARIANT(move)
{
	unsigned long cmd;
	const char *before;	/* state that it changes */
	const char *after;
};

FIXTURE_VARIANT_ADD(move, bind)
	{ .cmd = IOMMU_VDEVICE_TSM_BIND, .before = "UNLOCKED",
	  .after = "LOCKED" };
FIXTURE_VARIANT_ADD(move, unbind)
	{ .cmd = IOMMU_VDEVICE_TSM_UNBIND, .before = "LOCKED",
	  .after = "UNLOCKED" };

FIXTURE_SETUP(move)
{
	host_init(&self->h);
	test_ok(machine_build(&self->m, 1));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0x10, &self->dev));
	self->fd = self->h.iommufd;
	if (!strcmp(variant->before, "LOCKED"))
		test_cmd_bind(self->fd, self->dev->vdevice, NULL);
}

FIXTURE_TEARDOWN(move)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
}

TEST_F(move, sizes)
{
	struct iommu_vdevice_tsm_bind cmd = { .vdevice_id = self->dev->vdevice };

	test_sizes(self->fd, variant->cmd, &cmd, sizeof(cmd), sizeof(cmd));
	test_tdi(&self->h, self->dev, variant->before);
	test_ok(sized(self->fd, variant->cmd, &cmd, sizeof(cmd), 4096, 0));
	test_tdi(&self->h, self->dev, variant->after);
}

TEST_F(move, fields)
{
	struct iommu_vdevice_tsm_bind cmd;
	uint32_t ids[] = {
		0, NO_SUCH_ID, -1u, self->h.viommu, self->dev->u.dev_id,
		self->dev->u.ioas,
	};
	unsigned int i;

	for (i = 0; i < 32; i++) {
		cmd = (struct iommu_vdevice_tsm_bind) {
			.size = sizeof(cmd),
			.vdevice_id = self->dev->vdevice,
			.flags = 1u << i,
		};
		test_err(EOPNOTSUPP, ioctl(self->fd, variant->cmd, &cmd) ?
				     -errno : 0);
	}
	/* What is no vDEVICE, is none to this call */
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		cmd = (struct iommu_vdevice_tsm_bind) {
			.size = sizeof(cmd),
			.vdevice_id = ids[i],
		};
		test_err(ENOENT, ioctl(self->fd, variant->cmd, &cmd) ?
				 -errno : 0);
	}
	test_tdi(&self->h, self->dev, variant->before);

	/* Fields that it writes are not read */
	cmd = (struct iommu_vdevice_tsm_bind) {
		.size = sizeof(cmd),
		.vdevice_id = self->dev->vdevice,
		.out_flags = -1,
		.tsm_code = -1,
		.generation = -1,
	};
	ASSERT_EQ(0, ioctl(self->fd, variant->cmd, &cmd));
	ASSERT_EQ(TSM_OUT_COMMITTED, cmd.out_flags);
	ASSERT_EQ(0, cmd.tsm_code);
	ASSERT_EQ(1, cmd.generation);
	test_tdi(&self->h, self->dev, variant->after);
}

/* Who cannot be told how it went does not get it done */
TEST_F(move, faults)
{
	struct iommu_vdevice_tsm_bind *cmd;
	void *page;

	page = mmap(NULL, 0x2000, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, mprotect(page + 0x1000, 0x1000, PROT_NONE));
	cmd = page;
	*cmd = (struct iommu_vdevice_tsm_bind) {
		.size = sizeof(*cmd),
		.vdevice_id = self->dev->vdevice,
	};
	ASSERT_EQ(0, mprotect(page, 0x1000, PROT_READ));
	test_err(EFAULT, ioctl(self->fd, variant->cmd, cmd) ? -errno : 0);
	test_tdi(&self->h, self->dev, variant->before);
	ASSERT_EQ(0, mprotect(page, 0x1000, PROT_READ | PROT_WRITE));
	/* Half of it is there */
	memmove(page + 0x1000 - 16, page, 16);
	test_err(EFAULT, ioctl(self->fd, variant->cmd, page + 0x1000 - 16) ?
			 -errno : 0);
	test_tdi(&self->h, self->dev, variant->before);
	munmap(page, 0x2000);
}

/* Only from the file that made it */
TEST_F(move, another_iommufd)
{
	struct iommu_vdevice_tsm_bind cmd = {
		.size = sizeof(cmd),
		.vdevice_id = self->dev->vdevice,
	};
	int other = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, other);
	test_err(ENOENT, ioctl(other, variant->cmd, &cmd) ? -errno : 0);
	close(other);
	test_tdi(&self->h, self->dev, variant->before);
}

/* Each state has its way out, and no other */
TEST_F(move, states)
{
	struct iommu_vdevice_tsm_unbind unbind;
	struct iommu_vdevice_tsm_bind bind;
	struct host *h = &self->h;
	uint32_t vdevice = self->dev->vdevice;

	test_cmd_unbind(self->fd, vdevice, NULL);
	test_cmd_bind(self->fd, vdevice, NULL);
	test_err_bind(EINVAL, self->fd, vdevice, &bind);
	ASSERT_EQ(0, bind.out_flags);
	test_tdi(h, self->dev, "LOCKED");
	test_cmd_op(self->fd, vdevice, h->arch, TSM_OP_START);
	test_err_bind(EINVAL, self->fd, vdevice, &bind);
	test_tdi(h, self->dev, "RUN");
	if (self->m.simulated) {
		test_ok(sim_tdi_error(self->m.s.d, self->dev->bdf));
		test_tdi(h, self->dev, "ERROR");
		test_err_bind(EINVAL, self->fd, vdevice, &bind);
	}
	test_cmd_unbind(self->fd, vdevice, &unbind);
	ASSERT_EQ(TSM_OUT_COMMITTED, unbind.out_flags);
	test_tdi(h, self->dev, "UNLOCKED");
	test_cmd_bind(self->fd, vdevice, NULL);
}

/* --- what the device says -------------------------------------------------------- */

FIXTURE(answer)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
};

FIXTURE_VARIANT(answer)
{
	const char *fault;
	const char *tsm_fault;
	int error;
	uint64_t tsm_code;
};

FIXTURE_VARIANT_ADD(answer, busy)
	{ .fault = "tdisp-error 3 3", .error = EBUSY, .tsm_code = 3 };
FIXTURE_VARIANT_ADD(answer, unspecified)
	{ .fault = "tdisp-error 3 5", .error = EIO, .tsm_code = 5 };
FIXTURE_VARIANT_ADD(answer, report_cut_off)
	{ .fault = "report-bad 1", .error = EBADMSG };
FIXTURE_VARIANT_ADD(answer, report_of_no_bar)
	{ .fault = "report-bad 7", .error = EBADMSG };
FIXTURE_VARIANT_ADD(answer, report_endless)
	{ .fault = "report-endless", .error = EBADMSG };
FIXTURE_VARIANT_ADD(answer, tsm_lock)
	{ .tsm_fault = "lock", .error = EIO,
	  .tsm_code = TSM_SIM_CODE_FIRMWARE };

FIXTURE_SETUP(answer)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_build(&self->m, 1));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0x10, &self->dev));
}

FIXTURE_TEARDOWN(answer)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
}

/* Its errno, its own words, and the device as it was */
TEST_F(answer, to_bind)
{
	struct iommu_vdevice_tsm_bind bind;
	struct sim_device *d = self->m.s.d;
	struct host *h = &self->h;

	test_ok(sim_set(d, "fault", "%s", variant->fault ?: "none"));
	test_ok(sim_set(d, "tsm_fault", "%s", variant->tsm_fault ?: "none"));
	test_err_bind(variant->error, h->iommufd, self->dev->vdevice, &bind);
	ASSERT_EQ(variant->tsm_code, bind.tsm_code);
	ASSERT_EQ(0, bind.generation);
	ASSERT_EQ(0, bind.out_flags & TSM_OUT_QUARANTINED);
	test_tdi(h, self->dev, "UNLOCKED");
	test_device(d, self->dev->bdf, "unlocked");

	test_ok(sim_set(d, "fault", "none"));
	test_ok(sim_set(d, "tsm_fault", "none"));
	test_cmd_bind(h->iommufd, self->dev->vdevice, &bind);
	ASSERT_EQ(1, bind.generation);
	ASSERT_EQ(0, bind.tsm_code);
	test_device(d, self->dev->bdf, "locked");
}

int main(int argc, char **argv)
{
	return iommufd_harness_run(argc, argv);
}
