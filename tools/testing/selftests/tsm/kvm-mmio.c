// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO of a function in a guest of KVM, by memslots of dma-bufs that VFIO exports:
 * a guest that reads and writes a BAR of which the host has no mapping, and what
 * becomes of it when VFIO takes it away, and returns it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/udmabuf.h>
#include <linux/vfio.h>

#include "tsm_mmio.h"

/* Where the device has memory of its user's */
#define IOVA		0x10000000

/* How long revokes and faults have to collide, in s: many are needed to meet */
#define HAMMER_S	30

static void set_up(struct __test_metadata *_metadata, struct mmio *m,
		   enum vm_kind kind)
{
	mmio_init(m);
	test_ok(machine_build(&m->m, 2));
	snprintf(m->bdf, sizeof(m->bdf), "%s", m->m.s.sim.d[1].bdf);
	test_ok(host_open(&m->h, kind));
	/* VFIO does not know the VM, or it would keep it */
	test_ok(host_add_alone(&m->h, m->bdf, &m->dev));
	m->u = &m->dev->u;
	test_ok(vfio_find_dma(m->u));
	test_ok(vfio_set_memory(m->u, true));
	test_ok(vfio_bar(m->u, 0, &m->bar));
	ASSERT_EQ(BAR0_BYTES, m->bar.size);
	test_ok(mmio_open(m));
}

static void tear_down(struct __test_metadata *_metadata, struct mmio *m)
{
	EXPECT_EQ(0, mmio_close(m, __test_passed(_metadata)));
}

/* In VMs of each kind */
FIXTURE(any)
{
	struct mmio m;
};

FIXTURE_VARIANT(any)
{
	enum vm_kind kind;
};

FIXTURE_VARIANT_ADD(any, plain) { .kind = VM_PLAIN };
FIXTURE_VARIANT_ADD(any, confidential) { .kind = VM_CONFIDENTIAL };

FIXTURE_SETUP(any)
{
	set_up(_metadata, &self->m, variant->kind);
}

FIXTURE_TEARDOWN(any)
{
	tear_down(_metadata, &self->m);
}

/* About which a VM's kind has no say */
FIXTURE(mmio)
{
	struct mmio m;
};

FIXTURE_SETUP(mmio)
{
	set_up(_metadata, &self->m, VM_PLAIN);
}

FIXTURE_TEARDOWN(mmio)
{
	tear_down(_metadata, &self->m);
}

TEST_F(any, access)
{
	struct mmio *m = &self->m;
	uint32_t val;

	ASSERT_EQ(1, ioctl(m->h.vm.fd, KVM_CHECK_EXTENSION,
			   KVM_CAP_MEMSLOT_DMABUF));
	test_err(ENXIO, guest_load(&m->g, BAR0, &val));
	test_ok(map_bar(m));
	test_reaches(m, BAR0, 0, 0x11223344);
	test_reaches(m, BAR0 + PLACE, PLACE, 0x55667788);
	test_reaches(m, BAR0 + LAST, LAST, 0x99aabbcc);

	/* A VM that has no private memory cannot have a BAR as such */
	if (variant->kind == VM_PLAIN)
		test_err(EINVAL, guest_set_private(m->h.vm.fd, BAR0, PAGE, true));

	/* A part of it, in another place; and the same page twice */
	test_ok(guest_region(m->h.vm.fd, GUEST_SLOT + 1, ELSEWHERE, PAGE,
			     m->buf, PLACE));
	test_reaches(m, ELSEWHERE + 8, PLACE + 8, 0xdeadbeef);
	test_reaches(m, BAR0 + PLACE + 8, PLACE + 8, 0xfeedface);
	test_err(ENXIO, guest_load(&m->g, ELSEWHERE + PAGE, &val));

	/* VFIO's own users are not concerned */
	ASSERT_EQ(4, pread(m->u->device, &val, 4, m->bar.offset + PLACE + 8));
	ASSERT_EQ(~0xfeedface, val);
}

/* The device has what the guest writes, and the guest what the device does */
TEST_F(mmio, device_side)
{
	struct mmio *m = &self->m;
	uint32_t *ram, val;

	ram = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ram);
	test_ok(vfio_attach(m->u));
	test_ok(vfio_map(m->u, ram, PAGE, IOVA, true));
	test_ok(vfio_set_master(m->u, true));
	test_ok(map_bar(m));

	test_ok(guest_store(&m->g, BAR0 + PAGE + 8, 0x12345678));
	ASSERT_EQ(DMA_OK, dma(m->u, DMA_OUT | DMA_BAR, IOVA, PAGE + 8, 4));
	ASSERT_EQ(0x12345678, ram[0]);
	ram[1] = 0x9abcdef0;
	ASSERT_EQ(DMA_OK, dma(m->u, DMA_IN | DMA_BAR, IOVA + 4, 12, 4));
	test_ok(guest_load(&m->g, BAR0 + 12, &val));
	ASSERT_EQ(0x9abcdef0, val);

	/* Its buffer is another matter */
	ASSERT_EQ(DMA_OK, dma(m->u, DMA_IN, IOVA, 12, 4));
	test_ok(guest_load(&m->g, BAR0 + 12, &val));
	ASSERT_EQ(0x9abcdef0, val);

	test_ok(vfio_set_memory(m->u, false));
	ASSERT_EQ(DMA_INVALID, dma(m->u, DMA_OUT | DMA_BAR, IOVA, 12, 4));
	munmap(ram, PAGE);
}

/* Several ranges: what is one after the other in the dma-buf need not be so */
TEST_F(mmio, ranges)
{
	static const struct vfio_region_dma_range ranges[] = {
		{ .offset = PLACE, .length = 2 * PAGE },
		{ .offset = 0, .length = PAGE },
	};
	struct mmio *m = &self->m;
	uint32_t val;
	int buf;

	buf = vfio_dma_buf_ranges(m->u, 0, ranges, ARRAY_SIZE(ranges));
	ASSERT_LE(0, buf);
	test_ok(guest_region(m->h.vm.fd, GUEST_SLOT, BAR0, 2 * PAGE, buf, PAGE));
	test_reaches(m, BAR0, PLACE + PAGE, 0x1234);
	test_reaches(m, BAR0 + PAGE, 0, 0x5678);
	test_err(ENXIO, guest_load(&m->g, BAR0 + 2 * PAGE, &val));
	close(buf);
}

TEST_F(any, prefault)
{
	struct mmio *m = &self->m;

	test_ok(map_bar(m));
	test_ok(guest_prefault(&m->g, BAR0, BAR0_BYTES));
	test_reaches(m, BAR0 + PLACE, PLACE, 0x1234);
	test_ok(vfio_set_memory(m->u, false));
	test_err(EFAULT, guest_prefault(&m->g, BAR0, BAR0_BYTES));
	test_ok(vfio_set_memory(m->u, true));
	test_ok(guest_prefault(&m->g, BAR0, BAR0_BYTES));
	test_ok(guest_forget(m->h.vm.fd, GUEST_SLOT));
	test_err(ENOENT, guest_prefault(&m->g, BAR0, PAGE));
}

/* The memslot is there before and after, and so is the guest's instruction */
TEST_F(any, revoke)
{
	struct mmio *m = &self->m;
	uint32_t val;
	int i;

	test_ok(vfio_set_memory(m->u, false));
	test_ok(map_bar(m));
	test_faults(m, BAR0 + PLACE, PLACE, false);
	test_ok(vfio_set_memory(m->u, true));
	set_behind(m, PLACE, 0xabcd);
	test_ok(guest_again(&m->g, &val));
	ASSERT_EQ(0xabcd, val);

	for (i = 0; i < 3; i++) {
		test_reaches(m, BAR0 + PLACE, PLACE, 0x4711 + i);
		test_ok(vfio_set_memory(m->u, false));
		test_faults(m, BAR0 + PLACE, PLACE, false);
		test_faults(m, BAR0 + LAST, LAST, false);
		test_err(EFAULT, guest_again(&m->g, NULL));
		test_ok(vfio_set_memory(m->u, true));
	}

	/* A reset takes it and returns it, with what VFIO makes of Command */
	test_reaches(m, BAR0 + PLACE, PLACE, 0x2222);
	ASSERT_EQ(0, ioctl(m->u->device, VFIO_DEVICE_RESET));
	test_ok(vfio_set_memory(m->u, true));
	test_reaches(m, BAR0 + PLACE, PLACE, 0x3333);
}

/* --- what is refused -------------------------------------------------------------- */

static int not_vfio(size_t bytes)
{
	struct udmabuf_create create = { .size = bytes };
	int dev, buf;

	create.memfd = memfd_create("ram", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (ftruncate(create.memfd, bytes) ||
	    fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -errno;
	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	buf = ioctl(dev, UDMABUF_CREATE, &create);
	if (buf < 0)
		buf = -errno;
	close(create.memfd);
	close(dev);
	return buf;
}

TEST_F(mmio, refused)
{
	struct mmio *m = &self->m;
	struct kvm_userspace_memory_region2 good = {
		.slot = GUEST_SLOT,
		.flags = KVM_MEM_DMABUF,
		.guest_phys_addr = BAR0,
		.memory_size = BAR0_BYTES,
		.guest_memfd = m->buf,
	}, bad;
	struct kvm_userspace_memory_region old = {
		.slot = GUEST_SLOT,
		.flags = KVM_MEM_DMABUF,
		.guest_phys_addr = BAR0,
		.memory_size = BAR0_BYTES,
	};
	struct kvm_dirty_log log = { .slot = GUEST_SLOT };
	int vm = m->h.vm.fd, fd, read_only;
	uint32_t val;

#define test_bad(err, field, value) do {			\
	bad = good;						\
	bad.field = value;					\
	test_err(err, guest_region2(vm, &bad));			\
} while (0)

	test_bad(EBADF, guest_memfd, -1);
	test_bad(EBADF, guest_memfd, 1000);
	test_bad(EINVAL, guest_memfd, m->u->device);
	fd = memfd_create("no dma-buf", MFD_CLOEXEC);
	test_bad(EINVAL, guest_memfd, fd);
	close(fd);
	fd = not_vfio(BAR0_BYTES);
	ASSERT_LE(0, fd);
	test_bad(EOPNOTSUPP, guest_memfd, fd);
	close(fd);
	read_only = vfio_dma_buf_read_only(m->u, 0, 0, BAR0_BYTES);
	ASSERT_LE(0, read_only);
	test_bad(EACCES, guest_memfd, read_only);
	close(read_only);

	test_bad(EINVAL, guest_memfd_offset, PAGE);
	test_bad(EINVAL, guest_memfd_offset, 0x800);
	test_bad(EINVAL, guest_memfd_offset, BAR0_BYTES);
	test_bad(EINVAL, guest_memfd_offset, -(uint64_t)PAGE);
	test_bad(EINVAL, memory_size, BAR0_BYTES + PAGE);
	test_bad(EINVAL, memory_size, BAR0_BYTES - 0x800);
	test_bad(EINVAL, guest_phys_addr, BAR0 + 0x800);
	test_bad(EINVAL, userspace_addr, PAGE);
	test_bad(EINVAL, flags, KVM_MEM_DMABUF | KVM_MEM_GUEST_MEMFD);
	test_bad(EINVAL, flags, KVM_MEM_DMABUF | KVM_MEM_READONLY);
	test_bad(EINVAL, flags, KVM_MEM_DMABUF | KVM_MEM_LOG_DIRTY_PAGES);
	test_bad(EINVAL, flags, KVM_MEM_DMABUF << 1 | KVM_MEM_DMABUF);
	test_err(EINVAL, ioctl(vm, KVM_SET_USER_MEMORY_REGION, &old) ?
			 -errno : 0);
	/* The guest's own memory is there */
	test_bad(EEXIST, guest_phys_addr, 0);
	test_bad(EINVAL, slot, 0);

	/* Nothing of that has changed anything */
	test_err(ENXIO, guest_load(&m->g, BAR0, &val));
	test_ok(guest_region2(vm, &good));
	test_reaches(m, BAR0, 0, 0x1111);

	/* Neither moved nor changed nor logged, but it can be deleted */
	test_bad(EINVAL, guest_phys_addr, ELSEWHERE);
	test_bad(EINVAL, guest_memfd_offset, 0);
	test_bad(EINVAL, flags, 0);
	test_bad(EINVAL, memory_size, PAGE);
	test_err(ENOENT, ioctl(vm, KVM_GET_DIRTY_LOG, &log) ? -errno : 0);
	test_bad(EEXIST, slot, GUEST_SLOT + 1);
	test_reaches(m, BAR0, 0, 0x2222);
	test_ok(guest_forget(vm, GUEST_SLOT));
	test_err(EINVAL, guest_forget(vm, GUEST_SLOT));
	test_err(ENXIO, guest_load(&m->g, BAR0, &val));
#undef test_bad
}

/* The dma-buf itself cannot be mapped, nor what the guest has of it be written */
TEST_F(mmio, no_host_mapping)
{
	struct mmio *m = &self->m;
	void *mem;

	test_ok(map_bar(m));
	mem = mmap(NULL, BAR0_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m->buf,
		   0);
	ASSERT_EQ(MAP_FAILED, mem);
	ASSERT_EQ(EINVAL, errno);

	/*
	 * The VMM's own lowest memory: it is not the guest's, whatever is mapped
	 * and unmapped there.
	 */
	mem = mmap((void *)(16ul * PAGE), PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	*(uint32_t *)mem = 0x600d;
	test_reaches(m, BAR0 + 16 * PAGE, 16 * PAGE, 0xbad);
	ASSERT_EQ(0x600d, *(uint32_t *)mem);
	munmap(mem, PAGE);
	test_reaches(m, BAR0 + 16 * PAGE, 16 * PAGE, 0xbad);
}

/* --- who goes first ---------------------------------------------------------------- */

TEST_F(mmio, buf_first)
{
	struct mmio *m = &self->m;
	uint32_t val;

	test_ok(map_bar(m));
	close(m->buf);
	m->buf = -1;
	test_reaches(m, BAR0 + PLACE, PLACE, 0x1);
	test_ok(vfio_set_memory(m->u, false));
	test_faults(m, BAR0 + PLACE, PLACE, false);
	test_ok(vfio_set_memory(m->u, true));
	test_reaches(m, BAR0 + PLACE, PLACE, 0x2);
	test_ok(guest_forget(m->h.vm.fd, GUEST_SLOT));
	test_err(ENXIO, guest_load(&m->g, BAR0 + PLACE, &val));
}

TEST_F(mmio, slot_first)
{
	struct mmio *m = &self->m;
	int i;

	for (i = 0; i < 10; i++) {
		test_ok(map_bar(m));
		test_reaches(m, BAR0 + PLACE, PLACE, i);
		test_ok(guest_forget(m->h.vm.fd, GUEST_SLOT));
		/* Nobody is told who is no longer there */
		test_ok(vfio_set_memory(m->u, false));
		test_ok(vfio_set_memory(m->u, true));
	}
}

/* Its memory goes with the device; the memslot is still there, and empty */
TEST_F(mmio, device_first)
{
	struct mmio *m = &self->m;
	int buf;

	test_ok(map_bar(m));
	test_reaches(m, BAR0 + PLACE, PLACE, 0x1);
	host_close_device(&m->h, m->dev);
	test_faults(m, BAR0 + PLACE, PLACE, false);

	/* Another user has another dma-buf, and that old one is not his */
	test_ok(host_add_alone(&m->h, m->bdf, &m->dev));
	m->u = &m->dev->u;
	test_ok(vfio_set_memory(m->u, true));
	test_faults(m, BAR0 + PLACE, PLACE, false);
	buf = vfio_dma_buf(m->u, 0, 0, BAR0_BYTES);
	ASSERT_LE(0, buf);
	test_ok(guest_region(m->h.vm.fd, GUEST_SLOT + 1, ELSEWHERE, BAR0_BYTES,
			     buf, 0));
	test_reaches(m, ELSEWHERE + PLACE, PLACE, 0x2);
	test_faults(m, BAR0 + PLACE, PLACE, false);
	/* One that has nothing any more can be had, too */
	test_ok(guest_region(m->h.vm.fd, GUEST_SLOT + 2, ELSEWHERE + BAR0_BYTES,
			     BAR0_BYTES, m->buf, 0));
	test_faults(m, ELSEWHERE + BAR0_BYTES, 0, false);
	close(buf);
}

/* It vanishes: its user lets go of it, and then there is nothing to be had */
TEST_F(mmio, device_vanishes)
{
	struct mmio *m = &self->m;

	/* not for the next test */
	m->m.changed = true;
	test_ok(map_bar(m));
	test_reaches(m, BAR0 + PLACE, PLACE, 0x1);
	test_ok(sim_set(&m->m.s.sim.d[1], "surprise_remove", "1"));
	host_close_device(&m->h, m->dev);
	test_faults(m, BAR0 + PLACE, PLACE, false);
	ASSERT_TRUE(sim_wait(!sim_pci_exists(m->bdf, "vendor"), PROMPT_MS));
	test_faults(m, BAR0 + PLACE, PLACE, false);
	test_ok(guest_forget(m->h.vm.fd, GUEST_SLOT));
	test_ok(map_bar(m));
	test_faults(m, BAR0 + PLACE, PLACE, false);
}

TEST_F(any, vm_first)
{
	struct mmio *m = &self->m;
	int i;

	for (i = 0; i < 3; i++) {
		test_ok(map_bar(m));
		test_reaches(m, BAR0 + PLACE, PLACE, i);
		guest_close(&m->g);
		vm_close(&m->h.vm);
		test_ok(vfio_set_memory(m->u, false));
		test_ok(vfio_set_memory(m->u, true));
		test_ok(vm_create(&m->h.vm, variant->kind));
		test_ok(guest_open(&m->g, m->h.vm.fd));
	}
}

/* --- races ------------------------------------------------------------------------- */

/* When a revoke returns, nothing is written any more; then it goes on */
TEST_F_TIMEOUT(mmio, hammer, 3600)
{
	struct mmio *m = &self->m;
	const char *env = getenv("TSM_HAMMER_S");
	long long end = sim_now_ms() + 1000ll * (env ? atoi(env) : HAMMER_S);
	struct counting c = { .g = &m->g };
	long revokes = 0, seen = 0;
	int i;

	test_ok(map_bar(m));
	test_ok(counting_write(&c));
	while (sim_now_ms() < end || revokes < 3) {
		/* Not every time: the next one is to meet the fault, too */
		bool wait = revokes % 2;
		long faults = c.faults;
		uint32_t was;

		if (revokes % 4 == 3)
			ASSERT_EQ(0, ioctl(m->u->device, VFIO_DEVICE_RESET));
		test_ok(vfio_set_memory(m->u, false));
		was = behind(m, PLACE);
		for (i = 0; i < 3; i++) {
			usleep(200);
			ASSERT_EQ(was, behind(m, PLACE));
		}
		if (wait) {
			ASSERT_TRUE(sim_wait(c.err || c.faults > faults,
					     PROMPT_MS));
			guest_counts(&m->g);
		}
		ASSERT_EQ(0, c.err);
		revokes++;
		test_ok(vfio_set_memory(m->u, true));
		if (wait) {
			ASSERT_TRUE(sim_wait(c.err || guest_counts(&m->g),
					     PROMPT_MS));
			ASSERT_NE(was, behind(m, PLACE));
			seen++;
		}
	}
	test_ok(counting_end(&c));
	ASSERT_LT(0, c.faults);
	TH_LOG("%ld revokes, %ld faults left to the user, written after %ld",
	       revokes, (long)c.faults, seen);
}

/**
 * struct toggling - memory that is enabled and disabled all the time
 * @thread: who does that
 * @u: user of the function
 * @rounds: how often that was done
 * @stop: end
 * @err: how it failed
 */
struct toggling {
	pthread_t thread;
	struct vfio_user *u;
	atomic_long rounds;
	atomic_bool stop;
	atomic_int err;
};

static void *toggle(void *arg)
{
	struct toggling *t = arg;

	while (!t->stop && !t->err) {
		int err = vfio_set_memory(t->u, false);

		t->err = err ?: vfio_set_memory(t->u, true);
		t->rounds++;
	}
	return NULL;
}

/* A memslot that comes and goes while it is revoked and returned */
TEST_F(mmio, slots_meanwhile)
{
	struct mmio *m = &self->m;
	struct toggling t = { .u = m->u };
	int i, err;

	ASSERT_EQ(0, pthread_create(&t.thread, NULL, toggle, &t));
	for (i = 0; i < 20 || t.rounds < 50; i++) {
		test_ok(map_bar(m));
		err = guest_store(&m->g, BAR0 + PLACE, i);
		ASSERT_TRUE(!err || err == -EFAULT);
		test_ok(guest_forget(m->h.vm.fd, GUEST_SLOT));
		test_err(ENXIO, guest_store(&m->g, BAR0 + PLACE, i));
		ASSERT_EQ(0, t.err);
	}
	t.stop = true;
	pthread_join(t.thread, NULL);
	ASSERT_EQ(0, t.err);
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
