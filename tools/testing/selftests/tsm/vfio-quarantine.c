// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that could not be taken back from a VM: nobody on the host reaches its
 * memory, until it was both reset and connected anew, and then everybody does. See
 * tsm_share.h for what of it is whose.
 */
#include <sys/ioctl.h>

#include <linux/vfio.h>

#include "tsm_share.h"

FIXTURE(quarantine)
{
	struct share s;
};

FIXTURE_VARIANT(quarantine)
{
	bool vf;
};

FIXTURE_VARIANT_ADD(quarantine, pf) { .vf = false };
FIXTURE_VARIANT_ADD(quarantine, vf) { .vf = true };

FIXTURE_SETUP(quarantine)
{
	test_ok(share_build(&self->s, variant->vf));
}

FIXTURE_TEARDOWN(quarantine)
{
	EXPECT_EQ(0, share_strike(&self->s, __test_passed(_metadata)));
}

/*
 * One that could not be stopped: nobody knows whose its memory is, not even who
 * opens it anew, until it was both reset and connected anew
 */
TEST_F(quarantine, by_unbind)
{
	struct share *s = &self->s;
	uint32_t val;
	int buf, other;

	buf = vfio_dma_buf(s->u, 0, SHARED_PAGE, PAGE);
	other = vfio_dma_buf(s->u, 0, TABLE, PAGE);
	ASSERT_LE(0, buf);
	ASSERT_LE(0, other);
	test_bind(s);
	test_ok(load(s->mem, SHARED, &val));
	test_ok(import_once(s->bdf, buf));
	/* One who does not let go keeps it: nobody waits for him here */
	s->peer = vfio_import(s->bdf, other);
	ASSERT_LE(0, s->peer);
	test_ok(sim_set(s->d, "tsm_fault", "release"));
	test_err(ENOTRECOVERABLE, unbind_device(s));
	test_ok(sim_set(s->d, "tsm_fault", "none"));
	test_tdi(&s->h, s->dev, "ERROR QUARANTINED");

	/* What was mapped, and shared, a moment ago */
	test_err(EFAULT, load(s->mem, SHARED, &val));
	test_err(EFAULT, load(s->mem, PRIVATE, &val));
	test_err(EBUSY, bar_read(s->u, &s->bar, SHARED, &val, 4));
	test_err(ENODEV, import_once(s->bdf, buf));
	test_err(EBUSY, import_once(s->bdf, other));
	unimport(s);
	test_err(EBUSY, import_once(s->bdf, other));
	close(other);
	/* A reset is what it needs, and opens nothing yet */
	ASSERT_EQ(0, ioctl(s->u->device, VFIO_DEVICE_RESET));
	test_err(EFAULT, load(s->mem, SHARED, &val));
	test_err(ENODEV, import_once(s->bdf, buf));
	close(buf);

	munmap(s->mem, BAR0_BYTES);
	host_close(&s->h);
	test_ok(host_open(&s->h, VM_CONFIDENTIAL));
	test_ok(host_add(&s->h, s->bdf, &s->dev));
	s->u = &s->dev->u;
	s->mem = mmap(NULL, BAR0_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      s->u->device, s->bar.offset);
	ASSERT_NE(MAP_FAILED, s->mem);
	test_err(EFAULT, load(s->mem, SHARED, &val));
	test_err(EBUSY, bar_read(s->u, &s->bar, PRIVATE, &val, 4));
	test_ok(host_viommu(&s->h, s->dev));
	test_err(ENOTRECOVERABLE, host_vdevice(&s->h, s->dev, 0x10));

	test_disconnect(s->d);
	test_connect(s->d);
	test_ok(load(s->mem, PRIVATE, &val));
	test_ok(bar_read(s->u, &s->bar, SHARED, &val, 4));
	test_ok(host_vdevice(&s->h, s->dev, 0x10));
	test_bind(s);
}

/* One whose lock failed half way, and could not be undone: who waits, ends */
TEST_F(quarantine, by_bind)
{
	struct share *s = &self->s;
	struct iommu_vdevice_tsm_bind bind;
	uint32_t val;

	s->m.changed = true;
	test_ok(sim_set(s->d, "tsm_fault", "report release"));
	test_err_bind(EIO, s->h.iommufd, s->dev->vdevice, &bind);
	ASSERT_EQ(TSM_OUT_QUARANTINED, bind.out_flags & TSM_OUT_QUARANTINED);
	test_ok(sim_set(s->d, "tsm_fault", "none"));

	test_err(EFAULT, load(s->mem, SHARED, &val));
	test_err(EBUSY, bar_read(s->u, &s->bar, SHARED, &val, 4));
	ASSERT_EQ(0, ioctl(s->u->device, VFIO_DEVICE_RESET));
	test_err_bind(ENOTRECOVERABLE, s->h.iommufd, s->dev->vdevice, &bind);
}

/* It ends while it is still open, and its user has it back by another reset */
TEST_F(quarantine, over)
{
	struct share *s = &self->s;
	uint32_t val;
	int buf;

	buf = vfio_dma_buf(s->u, 0, PRIVATE, PAGE);
	ASSERT_LE(0, buf);
	test_bind(s);
	test_ok(sim_set(s->d, "tsm_fault", "release"));
	test_err(ENOTRECOVERABLE, unbind_device(s));
	test_ok(sim_set(s->d, "tsm_fault", "none"));
	ASSERT_EQ(0, ioctl(s->u->device, VFIO_DEVICE_RESET));
	test_err(EFAULT, load(s->mem, PRIVATE, &val));
	/* Its TDI has left the session */
	test_disconnect(s->d);
	test_connect(s->d);

	ASSERT_EQ(0, ioctl(s->u->device, VFIO_DEVICE_RESET));
	test_ok(load(s->mem, PRIVATE, &val));
	test_ok(bar_read(s->u, &s->bar, PRIVATE, &val, 4));
	test_ok(import_once(s->bdf, buf));
	ASSERT_EQ(0, ioctl(s->u->device, VFIO_DEVICE_RESET));
	/* And its VM, too */
	test_bind(s);
	test_tdi(&s->h, s->dev, "LOCKED");
	test_err(EFAULT, load(s->mem, PRIVATE, &val));
	ASSERT_EQ(-1, ioctl(s->u->device, VFIO_DEVICE_RESET));
	ASSERT_EQ(EBUSY, errno);
	test_unbind(s);
	test_ok(load(s->mem, PRIVATE, &val));
	close(buf);
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
