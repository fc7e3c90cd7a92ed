// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TSM that locks a function's MSI-X table with it (LOCK_MSIX): table and pending
 * bits are the VM's like any other memory, and whoever has interrupts of the
 * function by that table keeps it from being locked. Without LOCK_MSIX they are the
 * host's, see vfio-share.c.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "tsm_machine.h"

#define PAGE		0x1000
#define BAR0_BYTES	0x20000
/* Where the simulated device has them */
#define TABLE		0x10000
#define PENDING		0x18000
#define NR_MSIX		8

FIXTURE(msix)
{
	struct machine m;
	struct host h;
	struct sim_device *d;
	struct assigned *dev;
	struct vfio_user *u;
	struct vfio_bar bar;
	uint8_t *mem;
	int pipe[2];
	char bdf[32];
};

FIXTURE_VARIANT(msix)
{
	bool vf;
};

FIXTURE_VARIANT_ADD(msix, pf) { .vf = false };
FIXTURE_VARIANT_ADD(msix, vf) { .vf = true };

FIXTURE_SETUP(msix)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	sim_sweep();
	test_ok(machine_prepare(&self->m, 2));
	test_ok(sim_platform_set(&self->m.s.sim.p, "lock_msix", "1"));
	test_ok(machine_connect(&self->m));
	self->d = &self->m.s.sim.d[variant->vf ? 0 : 1];
	snprintf(self->bdf, sizeof(self->bdf), "%s",
		 variant->vf ? self->m.s.vf[0] : self->d->bdf);
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->bdf, 0x10, &self->dev));
	self->u = &self->dev->u;
	test_ok(vfio_find_dma(self->u));
	test_ok(vfio_set_master(self->u, true));
	test_ok(vfio_bar(self->u, 0, &self->bar));
	ASSERT_EQ(BAR0_BYTES, self->bar.size);
	self->mem = mmap(NULL, BAR0_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->u->device, self->bar.offset);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(msix)
{
	if (!machine_is_simulated())
		return;
	munmap(self->mem, BAR0_BYTES);
	host_close(&self->h);
	EXPECT_EQ(0, machine_strike(&self->m));
}

/* A read of mapped memory, by the kernel: -EFAULT if it cannot be mapped */
static int mapped(int pipe[2], const uint8_t *at)
{
	char c;

	if (write(pipe[1], at, 1) != 1)
		return -errno;
	return read(pipe[0], &c, 1) == 1 ? 0 : -EIO;
}

static int bar_read(struct vfio_user *u, struct vfio_bar *bar, size_t at)
{
	uint32_t val;

	return pread(u->device, &val, sizeof(val), bar->offset + at) < 0 ?
	       -errno : 0;
}

static int bar_write(struct vfio_user *u, struct vfio_bar *bar, size_t at)
{
	uint32_t val = 0;

	return pwrite(u->device, &val, sizeof(val), bar->offset + at) < 0 ?
	       -errno : 0;
}

/* By a peer that lets go at once */
static int import_once(const char *bdf, int buf)
{
	int fd = vfio_import(bdf, buf);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* An interrupt at the end of a transfer, which need not be one that works */
static bool rings(struct vfio_user *u, unsigned int vector, int event)
{
	struct pollfd p = { .fd = event, .events = POLLIN };
	uint64_t count;

	return dma(u, DMA_VECTOR(vector), 0, 0, 1) >= 0 &&
	       poll(&p, 1, PROMPT_MS) == 1 &&
	       read(event, &count, sizeof(count)) == sizeof(count);
}

TEST_F(msix, memory)
{
	static const size_t pages[] = {
		0, TABLE, TABLE + PAGE, PENDING, BAR0_BYTES - PAGE,
	};
	uint32_t vdevice = self->dev->vdevice;
	struct host *h = &self->h;
	unsigned int step, i;
	int buf;

	buf = vfio_dma_buf(self->u, 0, PENDING, PAGE);
	ASSERT_LE(0, buf);
	for (step = 0; step < 4; step++) {
		bool locked = step == 1 || step == 2;

		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			size_t last = pages[i] + PAGE - 4;

			/* its last word: VFIO makes up what is in the table */
			test_err(locked ? EFAULT : 0,
				 mapped(self->pipe, self->mem + pages[i]));
			test_err(locked ? EBUSY : 0,
				 bar_read(self->u, &self->bar, last));
			test_err(locked ? EBUSY : 0,
				 bar_write(self->u, &self->bar, last));
		}
		/* nor the table as VFIO makes it up */
		test_err(locked ? EBUSY : 0,
			 bar_read(self->u, &self->bar, TABLE));
		test_err(locked ? ENODEV : 0, import_once(self->bdf, buf));
		switch (step) {
		case 0:
			test_cmd_bind(h->iommufd, vdevice, NULL);
			break;
		case 1:
			test_tdi(h, self->dev, "LOCKED");
			test_cmd_op(h->iommufd, vdevice, h->arch, TSM_OP_START);
			break;
		case 2:
			test_tdi(h, self->dev, "RUN");
			test_cmd_unbind(h->iommufd, vdevice, NULL);
			break;
		}
	}
	ASSERT_TRUE(sim_tdi_unharmed(self->d));
	close(buf);
}

TEST_F(msix, interrupts)
{
	struct iommu_vdevice_tsm_bind bind;
	uint32_t vdevice = self->dev->vdevice;
	struct host *h = &self->h;
	unsigned int i, step;
	int event[NR_MSIX];

	for (i = 0; i < NR_MSIX; i++) {
		event[i] = eventfd(0, EFD_CLOEXEC);
		ASSERT_LE(0, event[i]);
	}
	/* Whose table it is cannot be the VM's: that is found out when it is locked */
	test_ok(vfio_enable_msix(self->u, event, NR_MSIX));
	test_err_bind(EBUSY, h->iommufd, vdevice, &bind);
	ASSERT_EQ(0, bind.generation);
	ASSERT_EQ(0, bind.out_flags & TSM_OUT_QUARANTINED);
	test_tdi(h, self->dev, "UNLOCKED");
	test_device(self->d, self->bdf, "unlocked");
	for (i = 0; i < NR_MSIX; i++)
		ASSERT_TRUE(rings(self->u, i, event[i]));

	/* Locked, it is nobody's on the host: neither set up nor taken away */
	test_ok(vfio_disable_msix(self->u));
	test_cmd_bind(h->iommufd, vdevice, &bind);
	ASSERT_EQ(1, bind.generation);
	for (step = 0; step < 2; step++) {
		test_err(EBUSY, vfio_enable_msix(self->u, event, NR_MSIX));
		test_err(EBUSY, vfio_enable_msix(self->u, event, 1));
		test_err(EBUSY, vfio_disable_msix(self->u));
		test_tdi(h, self->dev, step ? "RUN" : "LOCKED");
		if (!step)
			test_cmd_op(h->iommufd, vdevice, h->arch, TSM_OP_START);
	}
	ASSERT_TRUE(sim_tdi_unharmed(self->d));

	test_cmd_unbind(h->iommufd, vdevice, NULL);
	test_ok(vfio_enable_msix(self->u, event, NR_MSIX));
	for (i = 0; i < NR_MSIX; i++) {
		ASSERT_TRUE(rings(self->u, i, event[i]));
		close(event[i]);
	}
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
