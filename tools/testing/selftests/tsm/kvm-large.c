// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large the pages are by which a guest of KVM has MMIO: as large as both
 * addresses allow, and never of the wrong memory. The BARs of the simulator are
 * small, so this is about the device whose memory it uses.
 */
#include <sys/mman.h>

#include "tsm_guest.h"
#include "tsm_machine.h"
#include "tsm_window.h"

/* In the guest, a multiple of any page; and as far as it can reach from there */
#define WHERE		0x40000000ul
#define REACH		(0x100000000ul - WHERE)
/* In the BAR, where the region ends with it */
#define AT_END		(~0ul)

FIXTURE(large)
{
	struct window w;
	struct vm vm;
	struct guest g;
	uint8_t *mem;
	uint64_t offset;
};

/*
 * @gpa: from WHERE, where the region is in the guest
 * @offset: where it begins in the BAR, or AT_END
 * @bytes: of it, 0: all of the BAR
 * @nr_small: pages of 4 KiB that there are to be
 * @nr_large: pages of 2 MiB that there are to be
 * @nr_giant: pages of 1 GiB that there are to be, not known if it is all of the BAR
 */
FIXTURE_VARIANT(large)
{
	uint64_t gpa;
	uint64_t offset;
	uint64_t bytes;
	long nr_small;
	long nr_large;
	long nr_giant;
};

FIXTURE_VARIANT_ADD(large, all) { };

FIXTURE_VARIANT_ADD(large, last)
{
	.offset = AT_END,
	.bytes = 3 * GIANT,
	.nr_giant = 3,
};

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

/* A giant one between large ones between small ones */
FIXTURE_VARIANT_ADD(large, ends_giant)
{
	.gpa = GIANT - LARGE - SMALL,
	.offset = 2 * GIANT - LARGE - SMALL,
	.bytes = SMALL + LARGE + GIANT + LARGE + SMALL,
	.nr_small = 2,
	.nr_large = 2,
	.nr_giant = 1,
};

/* No giant page of the one is a giant page of the other */
FIXTURE_VARIANT_ADD(large, askew_giant)
{
	.gpa = LARGE,
	.offset = GIANT,
	.bytes = GIANT + 2 * LARGE,
	.nr_large = GIANT / LARGE + 2,
};

/* Nor a large page */
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

FIXTURE_SETUP(large)
{
	uint64_t at;
	int err;

	self->vm.fd = -1;
	self->vm.vfio = -1;
	self->g.vcpu = -1;
	self->mem = MAP_FAILED;
	err = window_open(&self->w);
	if (err == -ENOENT)
		SKIP(return, "this machine has no memory for BARs");
	test_ok(err);
	at = variant->offset == AT_END ? 0 : variant->offset;
	if (self->w.bar.size < at + variant->bytes)
		SKIP(return, "the BAR is too small");
	self->offset = variant->offset == AT_END ?
		       self->w.bar.size - variant->bytes : at;
	self->mem = mmap(NULL, self->w.bar.size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE, self->w.u.device,
			 self->w.bar.offset);
	ASSERT_NE(MAP_FAILED, self->mem);
	test_ok(vm_create(&self->vm, VM_PLAIN));
	test_ok(guest_open(&self->g, self->vm.fd));
}

FIXTURE_TEARDOWN(large)
{
	if (self->mem != MAP_FAILED)
		munmap(self->mem, self->w.bar.size);
	guest_close(&self->g);
	vm_close(&self->vm);
	EXPECT_EQ(0, window_close(&self->w));
}

/* Each is what it is to be: at most some hundred of them, with both ends */
#define test_contents(g, gpa, mem, bytes) \
	_test_contents(_metadata, g, gpa, mem, bytes)
static void _test_contents(struct __test_metadata *_metadata, struct guest *g,
			   uint64_t gpa, uint8_t *mem, uint64_t bytes)
{
	uint64_t at, step = bytes / SMALL / 300 * SMALL + SMALL;
	uint32_t val;

	for (at = 0; at < bytes; at += step) {
		uint32_t *word = (uint32_t *)(mem + at);

		*word = 0xc0000000 | at / SMALL;
		test_ok(guest_load(g, gpa + at, &val));
		ASSERT_EQ(0xc0000000 | at / SMALL, val);
		test_ok(guest_store(g, gpa + at, at / SMALL));
		ASSERT_EQ(at / SMALL, *word);
		if (at < bytes - SMALL && at + step >= bytes)
			at = bytes - SMALL - step;
	}
}

TEST_F(large, pages)
{
	uint64_t bytes = variant->bytes ?: self->w.bar.size;
	long giant = variant->bytes ? variant->nr_giant : (long)(bytes / GIANT);
	uint64_t gpa = WHERE + variant->gpa, reach;
	struct vfio_user *u = &self->w.u;
	uint32_t val;
	int buf;

	reach = bytes < REACH - variant->gpa ? bytes : REACH - variant->gpa;
	buf = vfio_dma_buf(u, SHARED_MEMORY_BAR, 0, self->w.bar.size);
	ASSERT_LE(0, buf);
	test_ok(guest_region(self->vm.fd, GUEST_SLOT, gpa, bytes, buf,
			     self->offset));
	close(buf);

	test_ok(guest_prefault(&self->g, gpa, bytes));
	ASSERT_EQ(variant->nr_small, window_pages(&self->vm, "4k"));
	ASSERT_EQ(variant->nr_large, window_pages(&self->vm, "2m"));
	ASSERT_EQ(giant, window_pages(&self->vm, "1g"));
	test_contents(&self->g, gpa, self->mem + self->offset, reach);

	/* A revoke takes all of them; then those that are touched come back */
	test_ok(vfio_set_memory(u, false));
	ASSERT_EQ(0, window_pages(&self->vm, "2m"));
	ASSERT_EQ(0, window_pages(&self->vm, "1g"));
	test_err(EFAULT, guest_load(&self->g, gpa, &val));
	test_ok(vfio_set_memory(u, true));
	ASSERT_EQ(0, window_pages(&self->vm, "2m"));
	ASSERT_EQ(0, window_pages(&self->vm, "1g"));
	test_ok(guest_load(&self->g, gpa + reach / 2, &val));
	ASSERT_EQ(giant ? 1 : 0, window_pages(&self->vm, "1g"));
	ASSERT_EQ(!giant && variant->nr_large ? 1 : 0,
		  window_pages(&self->vm, "2m"));
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
