// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large the pages are by which a guest of KVM has MMIO: as large as both
 * addresses allow, and never of the wrong memory. The BARs of the simulator are
 * small, so this is about the device whose memory it uses, which has no IOMMU.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include <linux/vfio.h>

#include "tsm_guest.h"
#include "tsm_machine.h"

#define NOIOMMU		"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

#define SMALL		0x1000ul
#define LARGE		0x200000ul
/* In the guest, a multiple of any page */
#define WHERE		0x80000000ul

FIXTURE(large)
{
	struct vfio_user u;
	struct vfio_bar bar;
	struct vm vm;
	struct guest g;
	char bdf[32];
	uint8_t *mem;
};

/*
 * @gpa: from WHERE, where the region is in the guest
 * @offset: where it begins in the BAR
 * @bytes: of it, 0: all of the BAR
 * @nr_small: pages that are to be small
 * @nr_large: pages that are to be large, not known if it is all of the BAR
 */
FIXTURE_VARIANT(large)
{
	uint64_t gpa;
	uint64_t offset;
	uint64_t bytes;
	long nr_small;
	long nr_large;
};

FIXTURE_VARIANT_ADD(large, all) { };

/* The region begins with a small page, and ends with two */
FIXTURE_VARIANT_ADD(large, ends)
{
	.gpa = LARGE - SMALL,
	.offset = LARGE - SMALL,
	.bytes = SMALL + 2 * LARGE + 2 * SMALL,
	.nr_small = 3,
	.nr_large = 2,
};

/* The same, but a large page away from where it is in the BAR */
FIXTURE_VARIANT_ADD(large, elsewhere)
{
	.gpa = LARGE - SMALL,
	.offset = 3 * LARGE - SMALL,
	.bytes = SMALL + 2 * LARGE + 2 * SMALL,
	.nr_small = 3,
	.nr_large = 2,
};

/* No large page of the one is a large page of the other */
FIXTURE_VARIANT_ADD(large, askew_in_guest)
{
	.gpa = SMALL,
	.bytes = 2 * LARGE,
	.nr_small = 2 * LARGE / SMALL,
};

FIXTURE_VARIANT_ADD(large, askew_in_bar)
{
	.offset = LARGE + SMALL,
	.bytes = 2 * LARGE,
	.nr_small = 2 * LARGE / SMALL,
};

/* Pages of a size that KVM has mapped in the VM */
static long pages(struct vm *vm, const char *size)
{
	char path[SIM_PATH], text[32];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/pages_%s",
		 getpid(), vm->fd, size);
	return sim_read(path, text, sizeof(text)) ? -1 : atol(text);
}

FIXTURE_SETUP(large)
{
	int iommufd;

	vfio_init(&self->u);
	self->vm.fd = -1;
	self->vm.vfio = -1;
	self->g.vcpu = -1;
	if (shared_memory_device(self->bdf, sizeof(self->bdf)))
		SKIP(return, "this machine has no memory for BARs");
	sim_sweep();
	if (sim_module_users() >= 0)
		test_ok(sim_module_unload());

	test_ok(sim_write(NOIOMMU, "1"));
	test_ok(sim_pci_driver(self->bdf, "vfio-pci"));
	test_ok(vfio_open_cdev(&self->u, self->bdf));
	iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, iommufd);
	test_ok(vfio_bind(&self->u, iommufd));
	self->u.shared = false;
	test_ok(vfio_set_memory(&self->u, true));
	test_ok(vfio_bar(&self->u, SHARED_MEMORY_BAR, &self->bar));
	self->mem = mmap(NULL, self->bar.size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, self->u.device, self->bar.offset);
	ASSERT_NE(MAP_FAILED, self->mem);
	test_ok(vm_create(&self->vm, VM_PLAIN));
	test_ok(guest_open(&self->g, self->vm.fd));
}

FIXTURE_TEARDOWN(large)
{
	if (self->mem)
		munmap(self->mem, self->bar.size);
	guest_close(&self->g);
	vm_close(&self->vm);
	vfio_close(&self->u);
	EXPECT_EQ(0, sim_pci_driver(self->bdf, NULL));
	EXPECT_EQ(0, sim_write(NOIOMMU, "0"));
}

TEST_F(large, pages)
{
	uint64_t bytes = variant->bytes ?: self->bar.size;
	long large = variant->bytes ? variant->nr_large : (long)(bytes / LARGE);
	uint64_t at, step;
	uint32_t val;
	int buf;

	ASSERT_LE(variant->offset + bytes, self->bar.size);
	buf = vfio_dma_buf(&self->u, SHARED_MEMORY_BAR, 0, self->bar.size);
	ASSERT_LE(0, buf);
	test_ok(guest_region(self->vm.fd, GUEST_SLOT, WHERE + variant->gpa,
			     bytes, buf, variant->offset));
	close(buf);

	test_ok(guest_prefault(&self->g, WHERE + variant->gpa, bytes));
	ASSERT_EQ(variant->nr_small, pages(&self->vm, "4k"));
	ASSERT_EQ(large, pages(&self->vm, "2m"));
	ASSERT_EQ(0, pages(&self->vm, "1g"));

	/* Each is what it is to be: at most some hundred of them, with both ends */
	step = bytes / SMALL / 300 * SMALL + SMALL;
	for (at = 0; at < bytes; at += step) {
		uint32_t *word = (uint32_t *)(self->mem + variant->offset + at);

		*word = 0xc0000000 | at / SMALL;
		test_ok(guest_load(&self->g, WHERE + variant->gpa + at, &val));
		ASSERT_EQ(0xc0000000 | at / SMALL, val);
		test_ok(guest_store(&self->g, WHERE + variant->gpa + at,
				    at / SMALL));
		ASSERT_EQ(at / SMALL, *word);
		if (at < bytes - SMALL && at + step >= bytes)
			at = bytes - SMALL - step;
	}

	/* A revoke takes all of them; then those that are touched come back */
	test_ok(vfio_set_memory(&self->u, false));
	ASSERT_EQ(0, pages(&self->vm, "2m"));
	test_err(EFAULT, guest_load(&self->g, WHERE + variant->gpa, &val));
	test_ok(vfio_set_memory(&self->u, true));
	ASSERT_EQ(0, pages(&self->vm, "2m"));
	test_ok(guest_load(&self->g, WHERE + variant->gpa + bytes / 2, &val));
	ASSERT_EQ(large ? 1 : 0, pages(&self->vm, "2m"));
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
