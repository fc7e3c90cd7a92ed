// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that is locked for a VM: what of its memory VFIO and peer devices
 * still reach, and that interrupts arrive. See tsm_share.h for what of it is whose.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <linux/iommufd.h>
#include <linux/pci.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "tsm_share.h"

FIXTURE(share)
{
	struct share s;
};

FIXTURE_VARIANT(share)
{
	bool vf;
};

FIXTURE_VARIANT_ADD(share, pf) { .vf = false };
FIXTURE_VARIANT_ADD(share, vf) { .vf = true };

FIXTURE_SETUP(share)
{
	test_ok(share_build(&self->s, variant->vf));
}

FIXTURE_TEARDOWN(share)
{
	EXPECT_EQ(0, share_strike(&self->s, __test_passed(_metadata)));
}

/* All that is the VM's is closed, all that is shared is as it was */
#define test_locked_memory(s) _test_locked_memory(_metadata, s)
static void _test_locked_memory(struct __test_metadata *_metadata,
				struct share *s)
{
	static const size_t private[] = {
		0, PRIVATE, TABLE - 4, PRIVATE_AFTER, BAR0_BYTES - 4,
	};
	static const size_t shared[] = { TABLE + PAGE / 2, SHARED, SHARED_END - 4 };
	uint32_t val, buf[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(private); i++) {
		test_err(EFAULT, load(s->mem, private[i], &val));
		test_err(EFAULT, store(s->mem, private[i], 0));
		test_err(EBUSY, bar_read(s->u, &s->bar, private[i], &val, 4));
		test_err(EBUSY, bar_write(s->u, &s->bar, private[i], &val, 4));
	}
	for (i = 0; i < ARRAY_SIZE(shared); i++) {
		test_ok(load(s->mem, shared[i], &val));
		ASSERT_EQ(0xc0ffee00 + i, val);
		test_ok(store(s->mem, shared[i], val));
		test_ok(bar_read(s->u, &s->bar, shared[i], &val, 4));
		ASSERT_EQ(0xc0ffee00 + i, val);
		test_ok(bar_write(s->u, &s->bar, shared[i], &val, 4));
	}

	/* From the one to the other: not even the part that could be */
	memset(buf, 0xff, sizeof(buf));
	test_err(EBUSY, bar_write(s->u, &s->bar, SHARED_END - 4, buf, 8));
	test_ok(load(s->mem, SHARED_END - 4, &val));
	ASSERT_EQ(0xc0ffee02, val);
	test_err(EBUSY, bar_read(s->u, &s->bar, TABLE - 4, buf, 8));
}

TEST_F(share, memory)
{
	struct share *s = &self->s;
	struct vfio_bar bar2;
	uint32_t val;
	int i;

	for (i = 0; i < 2; i++) {
		test_ok(store(s->mem, TABLE + PAGE / 2, 0xc0ffee00));
		test_ok(store(s->mem, SHARED, 0xc0ffee01));
		test_ok(store(s->mem, SHARED_END - 4, 0xc0ffee02));
		test_ok(store(s->mem, PRIVATE, 0x5ec2e7));
		test_ok(load(s->mem, PRIVATE, &val));
		ASSERT_EQ(0x5ec2e7, val);

		test_bind(s);
		test_locked_memory(s);
		test_start(s);
		test_locked_memory(s);

		/* What was mapped before works again, and a stop has scrubbed it */
		test_unbind(s);
		test_ok(load(s->mem, PRIVATE, &val));
		ASSERT_EQ(0, val);
		test_ok(load(s->mem, SHARED, &val));
		ASSERT_EQ(0xc0ffee01, val);
		test_ok(store(s->mem, PRIVATE, 1));
		test_ok(bar_read(s->u, &s->bar, PRIVATE, &val, 4));
		ASSERT_EQ(1, val);
	}

	/* All of BAR2 is the VM's */
	if (!variant->vf) {
		test_ok(vfio_bar(s->u, 2, &bar2));
		test_ok(bar_read(s->u, &bar2, 0, &val, 4));
		test_bind(s);
		test_err(EBUSY, bar_read(s->u, &bar2, 0, &val, 4));
	}
}

/* Mapped while it is locked: that is nothing yet */
TEST_F(share, mapped_while_locked)
{
	struct share *s = &self->s;
	uint8_t *mem;
	uint32_t val;

	test_bind(s);
	mem = mmap(NULL, BAR0_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		   s->u->device, s->bar.offset);
	ASSERT_NE(MAP_FAILED, mem);
	test_err(EFAULT, load(mem, PRIVATE, &val));
	test_ok(load(mem, SHARED, &val));
	/* A write to Command opens nothing */
	test_ok(vfio_set_master(s->u, true));
	test_err(EFAULT, load(mem, PRIVATE, &val));
	test_unbind(s);
	test_ok(load(mem, PRIVATE, &val));
	munmap(mem, BAR0_BYTES);
}

/* Ways by which root maps memory of a device past its driver */
enum door {
	DOOR_SYSFS,
	DOOR_PROCFS,
	DOOR_DEV_MEM,
	NR_DOORS
};

/* All of BAR0; NULL with errno */
static uint8_t *map_past_vfio(struct share *s, enum door door)
{
	uint64_t start = resource_start(s->bdf, 0);
	/* procfs has a folder for each bus, and names no domain 0 */
	const char *bus = s->bdf + (strncmp(s->bdf, "0000:", 5) ? 0 : 5);
	const char *fn = strrchr(s->bdf, ':') + 1;
	char path[SIM_PATH];
	void *mem;
	int fd;

	switch (door) {
	case DOOR_SYSFS:
		sim_pci_path(path, sizeof(path), s->bdf, "resource0");
		break;
	case DOOR_PROCFS:
		snprintf(path, sizeof(path), "/proc/bus/pci/%.*s/%s",
			 (int)(fn - 1 - bus), bus, fn);
		break;
	default:
		snprintf(path, sizeof(path), "/dev/mem");
	}

	fd = open(path, O_RDWR | O_CLOEXEC | O_SYNC);
	if (fd < 0)
		return NULL;
	/* What is not asked for as memory is I/O ports there */
	if (door == DOOR_PROCFS && ioctl(fd, PCIIOC_MMAP_IS_MEM)) {
		close(fd);
		return NULL;
	}
	mem = mmap(NULL, BAR0_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   door == DOOR_SYSFS ? 0 : start);
	close(fd);
	return mem == MAP_FAILED ? NULL : mem;
}

#define test_no_doors(s) _test_no_doors(_metadata, s)
static void _test_no_doors(struct __test_metadata *_metadata, struct share *s)
{
	static const int err[NR_DOORS] = {
		[DOOR_SYSFS] = EINVAL,
		[DOOR_PROCFS] = EINVAL,
		[DOOR_DEV_MEM] = EPERM,
	};
	struct iovec private = { .iov_base = s->mem + PRIVATE, .iov_len = 4 };
	int door, ends[2];

	for (door = 0; door < NR_DOORS; door++) {
		ASSERT_EQ(NULL, map_past_vfio(s, door));
		ASSERT_EQ(err[door], errno);
	}

	/* Nor can the kernel be made to use it for the user */
	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	ASSERT_EQ(-1, write(ends[1], private.iov_base, private.iov_len));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, vmsplice(ends[1], &private, 1, 0));
	ASSERT_EQ(EFAULT, errno);
	close(ends[0]);
	close(ends[1]);
}

/* What was mapped past VFIO is gone, too, and cannot be mapped anew */
TEST_F(share, mapped_past_vfio)
{
	struct share *s = &self->s;
	uint8_t *mem[NR_DOORS];
	uint32_t val;
	int door;

	for (door = 0; door < NR_DOORS; door++) {
		mem[door] = map_past_vfio(s, door);
		ASSERT_NE(NULL, mem[door]);
		test_ok(store(mem[door], PRIVATE, door));
		test_ok(load(s->mem, PRIVATE, &val));
		ASSERT_EQ((uint32_t)door, val);
	}

	test_bind(s);
	for (door = 0; door < NR_DOORS; door++) {
		test_err(EFAULT, load(mem[door], PRIVATE, &val));
		test_err(EFAULT, store(mem[door], SHARED, 0));
		munmap(mem[door], BAR0_BYTES);
	}
	test_no_doors(s);
	test_start(s);
	test_no_doors(s);
	test_unbind(s);

	for (door = 0; door < NR_DOORS; door++) {
		mem[door] = map_past_vfio(s, door);
		ASSERT_NE(NULL, mem[door]);
		test_ok(load(mem[door], PRIVATE, &val));
		munmap(mem[door], BAR0_BYTES);
	}
}

/**
 * struct user - a thread that uses shared memory all the time
 * @thread: it
 * @s: what it uses
 * @stop: it is to end
 * @mapped: accesses to the mapping
 * @read: reads
 * @err: how one ended that must not
 */
struct user {
	pthread_t thread;
	struct share *s;
	atomic_bool stop;
	atomic_long mapped;
	atomic_long read;
	atomic_int err;
};

static void *use_mapping(void *arg)
{
	struct user *user = arg;
	uint32_t val;
	int err;

	while (!user->stop && !user->err) {
		err = load(user->s->mem, SHARED, &val);
		if (!err && val != 0xc0ffee)
			err = -EBADMSG;
		if (err)
			user->err = err;
		user->mapped++;
	}
	return NULL;
}

static void *use_reads(void *arg)
{
	struct user *user = arg;
	uint32_t val;
	int err;

	while (!user->stop && !user->err) {
		err = bar_read(user->s->u, &user->s->bar, SHARED, &val, 4);
		if (!err && val != 0xc0ffee)
			err = -EBADMSG;
		if (err)
			user->err = err;
		user->read++;
	}
	return NULL;
}

/* While the device is asked what is shared, who uses that waits, and never fails */
TEST_F(share, used_meanwhile)
{
	struct share *s = &self->s;
	struct user user = { .s = s };
	pthread_t other;
	long was[2];
	int i;

	test_ok(store(s->mem, SHARED, 0xc0ffee));
	test_ok(sim_set(s->d, "latency_ms", "100"));
	ASSERT_EQ(0, pthread_create(&user.thread, NULL, use_mapping, &user));
	ASSERT_EQ(0, pthread_create(&other, NULL, use_reads, &user));
	for (i = 0; i < 3; i++) {
		test_bind(s);
		was[0] = user.mapped;
		was[1] = user.read;
		ASSERT_TRUE(sim_wait(user.err || (user.mapped > was[0] + 10 &&
						  user.read > was[1] + 10),
				     PROMPT_MS));
		test_unbind(s);
	}
	user.stop = true;
	pthread_join(user.thread, NULL);
	pthread_join(other, NULL);
	ASSERT_EQ(0, user.err);
}

/* --- ioeventfds ---------------------------------------------------------------------- */

static int ioeventfd(struct vfio_user *u, struct vfio_bar *bar, size_t at,
		     uint32_t val, int fd)
{
	struct vfio_device_ioeventfd cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = bar->offset + at,
		.data = val,
		.fd = fd,
	};

	return ioctl(u->device, VFIO_DEVICE_IOEVENTFD, &cmd) ? -errno : 0;
}

static int signal_event(int fd)
{
	uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

static bool is_at(struct share *s, size_t at, uint32_t want)
{
	uint32_t val;

	return !load(s->mem, at, &val) && val == want;
}

TEST_F(share, ioeventfd)
{
	struct share *s = &self->s;
	int private = eventfd(0, EFD_CLOEXEC), shared = eventfd(0, EFD_CLOEXEC);
	int late = eventfd(0, EFD_CLOEXEC);

	test_ok(ioeventfd(s->u, &s->bar, PRIVATE, 0x11, private));
	test_ok(ioeventfd(s->u, &s->bar, SHARED, 0x22, shared));
	test_ok(signal_event(private));
	ASSERT_TRUE(sim_wait(is_at(s, PRIVATE, 0x11), PROMPT_MS));
	test_ok(store(s->mem, SHARED, 0));

	test_bind(s);
	test_err(EBUSY, ioeventfd(s->u, &s->bar, PRIVATE + 4, 0x33, late));
	test_ok(ioeventfd(s->u, &s->bar, SHARED + 4, 0x44, late));
	/* The one has no effect, the others have; and in this order */
	test_ok(signal_event(private));
	test_ok(signal_event(shared));
	test_ok(signal_event(late));
	ASSERT_TRUE(sim_wait(is_at(s, SHARED, 0x22), PROMPT_MS));
	ASSERT_TRUE(sim_wait(is_at(s, SHARED + 4, 0x44), PROMPT_MS));
	test_unbind(s);
	ASSERT_TRUE(is_at(s, PRIVATE, 0));
	test_ok(signal_event(private));
	ASSERT_TRUE(sim_wait(is_at(s, PRIVATE, 0x11), PROMPT_MS));

	/* One can be given up while it is locked */
	test_bind(s);
	test_ok(ioeventfd(s->u, &s->bar, PRIVATE, 0x11, -1));
	test_unbind(s);
	test_ok(store(s->mem, PRIVATE, 0));
	test_ok(signal_event(private));
	test_ok(signal_event(late));
	ASSERT_TRUE(is_at(s, PRIVATE, 0));
	close(private);
	close(shared);
	close(late);
}

static int bind_meanwhile(struct call *call)
{
	return cmd_bind(call->h->iommufd, call->dev->vdevice, NULL);
}

/*
 * Signalled while the device is asked what is shared, which is for longer than any
 * test. Nobody waits for that, neither who closes or gives up one of them, nor who
 * has to do with those of another function; and in the end what is shared has been
 * written, and nothing else.
 */
TEST_F(share, ioeventfd_meanwhile)
{
	struct share *s = &self->s;
	int private = eventfd(0, EFD_CLOEXEC), shared = eventfd(0, EFD_CLOEXEC);
	int given_up = eventfd(0, EFD_CLOEXEC), others = eventfd(0, EFD_CLOEXEC);
	struct assigned *other;
	struct vfio_bar bar;
	struct call binding;
	long long start_ms;
	uint8_t *behind;
	long before;

	test_ok(host_add(&s->h, s->m.s.vf[1], &other));
	test_ok(vfio_bar(&other->u, 0, &bar));
	test_ok(ioeventfd(&other->u, &bar, PRIVATE, 0x55, others));
	test_ok(store(s->mem, PRIVATE, 0));
	test_ok(store(s->mem, SHARED, 0));
	test_ok(store(s->mem, SHARED + 4, 0));
	test_ok(ioeventfd(s->u, &s->bar, PRIVATE, 0x11, private));
	test_ok(ioeventfd(s->u, &s->bar, SHARED, 0x22, shared));
	test_ok(ioeventfd(s->u, &s->bar, SHARED + 4, 0x33, given_up));

	test_ok(sim_set(s->d, "fault", "report-portions 1"));
	test_ok(sim_set(s->d, "latency_ms", "400"));
	before = sim_count(s->d, "messages");
	test_ok(call_start(&binding, bind_meanwhile, &s->h, s->dev));
	ASSERT_TRUE(sim_conversing(s->d, before, 2, PROMPT_MS));
	start_ms = sim_now_ms();
	test_ok(signal_event(private));
	test_ok(signal_event(shared));
	test_ok(signal_event(given_up));
	close(private);
	test_ok(ioeventfd(s->u, &s->bar, SHARED + 4, 0x33, -1));
	test_ok(ioeventfd(&other->u, &bar, PRIVATE, 0x55, -1));
	host_close_device(&s->h, other);
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	ASSERT_FALSE(atomic_load(&binding.ended));

	test_ok(sim_set(s->d, "fault", "none"));
	test_ok(sim_set(s->d, "latency_ms", "0"));
	test_ok(call_wait(&binding, CONVERSATION_MS));
	/* A lock takes away what was mapped past VFIO before, this too */
	behind = bar_memory(s->bdf, 0, BAR0_BYTES);
	ASSERT_NE(NULL, behind);
	ASSERT_TRUE(is_at(s, SHARED, 0x22));
	ASSERT_TRUE(is_at(s, SHARED + 4, 0));
	ASSERT_EQ(0, __atomic_load_n((uint32_t *)(behind + PRIVATE),
				     __ATOMIC_RELAXED));
	/* From now on each signal is written at once */
	test_ok(store(s->mem, SHARED, 0));
	test_ok(signal_event(shared));
	ASSERT_TRUE(sim_wait(is_at(s, SHARED, 0x22), PROMPT_MS));
	munmap(behind, BAR0_BYTES);
	close(shared);
	close(given_up);
	close(others);
}

/* --- dma-bufs -------------------------------------------------------------------------- */

TEST_F(share, dma_buf)
{
	struct share *s = &self->s;
	int private, shared, both, late;

	private = vfio_dma_buf(s->u, 0, PRIVATE, PAGE);
	shared = vfio_dma_buf(s->u, 0, SHARED_PAGE, PAGE);
	both = vfio_dma_buf(s->u, 0, SHARED_END - PAGE, 2 * PAGE);
	ASSERT_LE(0, private);
	ASSERT_LE(0, shared);
	ASSERT_LE(0, both);
	test_ok(import_once(s->bdf, private));
	test_ok(import_once(s->bdf, both));

	test_bind(s);
	test_err(ENODEV, import_once(s->bdf, private));
	test_err(ENODEV, import_once(s->bdf, both));
	test_ok(import_once(s->bdf, shared));
	/* Nothing that the user may do opens it */
	test_ok(vfio_set_master(s->u, true));
	test_err(ENODEV, import_once(s->bdf, private));
	/* One that is made now is like those that were there */
	late = vfio_dma_buf(s->u, 0, PRIVATE + PAGE, PAGE);
	ASSERT_LE(0, late);
	test_err(ENODEV, import_once(s->bdf, late));
	test_start(s);
	test_err(ENODEV, import_once(s->bdf, private));
	test_ok(import_once(s->bdf, shared));

	test_unbind(s);
	test_ok(import_once(s->bdf, private));
	test_ok(import_once(s->bdf, both));
	test_ok(import_once(s->bdf, late));
	close(private);
	close(shared);
	close(both);
	close(late);
}

/* A mapping that cannot be taken away at once */
TEST_F(share, foreign_importer)
{
	struct share *s = &self->s;
	struct iommu_vdevice_tsm_bind bind;
	int buf, other;

	buf = vfio_dma_buf(s->u, 0, PRIVATE, PAGE);
	other = vfio_dma_buf(s->u, 0, PRIVATE, PAGE);
	ASSERT_LE(0, buf);
	ASSERT_LE(0, other);
	s->peer = vfio_import(s->bdf, buf);
	ASSERT_LE(0, s->peer);
	test_ok(trace_begin());
	test_err_bind(EBUSY, s->h.iommufd, s->dev->vdevice, &bind);
	ASSERT_EQ(0, bind.out_flags);
	ASSERT_EQ(0, bind.generation);
	/* The device was told nothing, and the others lost nothing */
	ASSERT_STREQ("gate!", trace_steps(s->bdf));
	test_device(s->d, s->bdf, "unlocked");
	test_ok(import_once(s->bdf, other));
	test_ok(import_once(s->bdf, buf));

	unimport(s);
	test_bind(s);
	/* Of what is shared, one may be made meanwhile, and stay */
	close(buf);
	buf = vfio_dma_buf(s->u, 0, SHARED_PAGE, PAGE);
	ASSERT_LE(0, buf);
	s->peer = vfio_import(s->bdf, buf);
	ASSERT_LE(0, s->peer);
	test_unbind(s);
	unimport(s);
	trace_end();
	close(buf);
	close(other);
}

/* A function of the same VMM, in the same address space: a peer of the first one */
static int peer_open(struct share *s, const char *bdf, struct vfio_user *peer)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = s->u->ioas,
	};
	int err;

	err = sim_pci_driver(bdf, "vfio-pci");
	err = err ?: vfio_open_cdev(peer, bdf);
	err = err ?: vfio_bind(peer, s->h.iommufd);
	err = err ?: vfio_find_dma(peer);
	if (!err && ioctl(peer->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		err = -errno;
	return err ?: vfio_set_master(peer, true);
}

#define RAM_IOVA	(IOVA + 0x100000)

/* Have the peer copy a word from memory to @iova: how its write ended */
static int peer_writes(struct vfio_user *peer, uint32_t *ram, uint64_t iova,
		       uint32_t val)
{
	int result;

	*ram = val;
	result = dma(peer, DMA_IN, RAM_IOVA, 0, sizeof(val));
	return result ? -EIO : dma(peer, DMA_OUT, iova, 0, sizeof(val));
}

/* And how a read of that ended */
static int peer_reads(struct vfio_user *peer, uint64_t iova)
{
	return dma(peer, DMA_IN, iova, 0, sizeof(uint32_t));
}

/*
 * What iommufd has mapped it loses for good: it is to be unmapped, and mapped anew.
 * Until then no peer gets there, neither while it is the VM's nor afterwards. What
 * is shared they reach all the time.
 */
TEST_F(share, iommufd_importer)
{
	struct share *s = &self->s;
	struct vfio_user peer;
	int private, shared, step;
	uint32_t *ram, val;

	ram = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ram);
	vfio_init(&peer);
	test_ok(peer_open(s, s->m.s.vf[1], &peer));
	test_ok(vfio_map(s->u, ram, PAGE, RAM_IOVA, true));
	private = vfio_dma_buf(s->u, 0, PRIVATE, PAGE);
	shared = vfio_dma_buf(s->u, 0, SHARED_PAGE, PAGE);
	ASSERT_LE(0, private);
	ASSERT_LE(0, shared);
	test_ok(vfio_map_file(s->u, private, IOVA, PAGE));
	test_ok(vfio_map_file(s->u, shared, IOVA + PAGE, PAGE));
	ASSERT_EQ(DMA_OK, peer_writes(&peer, ram, IOVA, 0x11));
	test_ok(load(s->mem, PRIVATE, &val));
	ASSERT_EQ(0x11, val);

	for (step = 1; step <= 3; step++) {
		if (step == 1)
			test_bind(s);
		else if (step == 2)
			test_start(s);
		else
			test_unbind(s);
		ASSERT_EQ(DMA_FAULT, peer_writes(&peer, ram, IOVA, 0x22));
		ASSERT_EQ(DMA_FAULT, peer_reads(&peer, IOVA));
		ASSERT_EQ(DMA_OK, peer_writes(&peer, ram, IOVA + PAGE + 0x800,
					      0x30 + step));
		test_ok(load(s->mem, SHARED, &val));
		ASSERT_EQ(0x30 + step, val);
		/* The area is there all the same */
		test_err(EEXIST, vfio_map_file(s->u, shared, IOVA, PAGE));
		if (step != 1)
			continue;
		test_err(ENODEV, vfio_map_file(s->u, private, IOVA + 2 * PAGE, PAGE));
		test_ok(vfio_map_file(s->u, shared, IOVA + 3 * PAGE, PAGE));
		ASSERT_EQ(DMA_OK, peer_reads(&peer, IOVA + 3 * PAGE));
	}
	/* It got there never again, and would not by what is there now */
	test_ok(load(s->mem, PRIVATE, &val));
	ASSERT_EQ(0, val);

	test_ok(vfio_unmap(s->u, IOVA, PAGE));
	test_ok(vfio_map_file(s->u, private, IOVA, PAGE));
	ASSERT_EQ(DMA_OK, peer_writes(&peer, ram, IOVA, 0x44));
	test_ok(load(s->mem, PRIVATE, &val));
	ASSERT_EQ(0x44, val);
	ASSERT_EQ(DMA_OK, peer_reads(&peer, IOVA));
	test_ok(vfio_unmap(s->u, IOVA, PAGE));
	test_ok(vfio_unmap(s->u, IOVA + PAGE, PAGE));
	test_ok(vfio_unmap(s->u, IOVA + 3 * PAGE, PAGE));
	vfio_close(&peer);
	test_ok(vfio_unmap(s->u, RAM_IOVA, PAGE));
	munmap(ram, PAGE);
	close(private);
	close(shared);
}

/* --- interrupts -------------------------------------------------------------------------- */

/* An interrupt at the end of a transfer, which the state does not allow */
static int ring(struct vfio_user *u, unsigned int vector)
{
	int result = dma(u, DMA_VECTOR(vector), 0, 0, 1);

	return result < 0 ? result : 0;
}

static bool arrives(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t count;

	return poll(&p, 1, PROMPT_MS) == 1 &&
	       read(fd, &count, sizeof(count)) == sizeof(count) && count == 1;
}

TEST_F(share, interrupts)
{
	struct share *s = &self->s;
	int event[NR_MSIX], i, step;

	for (i = 0; i < NR_MSIX; i++) {
		event[i] = eventfd(0, EFD_CLOEXEC);
		ASSERT_LE(0, event[i]);
	}
	test_ok(vfio_enable_msix(s->u, event, NR_MSIX));
	for (step = 0; step < 4; step++) {
		for (i = 0; i < NR_MSIX; i++) {
			test_ok(ring(s->u, i));
			ASSERT_TRUE(arrives(event[i]));
		}
		/* Taken away and set up again, in each state */
		test_ok(vfio_disable_msix(s->u));
		test_ok(vfio_enable_msix(s->u, event, NR_MSIX - step));
		test_ok(ring(s->u, 0));
		ASSERT_TRUE(arrives(event[0]));
		test_ok(vfio_disable_msix(s->u));
		test_ok(vfio_enable_msix(s->u, event, NR_MSIX));
		switch (step) {
		case 0:
			test_bind(s);
			break;
		case 1:
			test_tdi(&s->h, s->dev, "LOCKED");
			test_start(s);
			break;
		case 2:
			test_tdi(&s->h, s->dev, "RUN");
			test_unbind(s);
			break;
		}
	}
	for (i = 0; i < NR_MSIX; i++)
		close(event[i]);
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
