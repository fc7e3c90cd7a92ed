/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A function that can be locked for a VM, with its BAR0 mapped, and access to its
 * memory in all the ways that VFIO and peer devices have. The simulated device has
 * its MSI-X table and pending bits in the middle of BAR0, and reports the pages from
 * the one to the other as shared; all else is the VM's.
 */
#ifndef __TSM_SHARE_H
#define __TSM_SHARE_H

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "tsm_machine.h"

#define PAGE		0x1000
#define BAR0_BYTES	0x20000
#define TABLE		0x10000
/* Of the page with the pending bits a stop wipes nothing, of others it does */
#define SHARED_PAGE	0x18000
#define SHARED		0x18800
#define SHARED_END	0x19000
#define PRIVATE		0x8000
#define PRIVATE_AFTER	SHARED_END
#define NR_MSIX		8
#define IOVA		0x10000000

/**
 * struct share - a function that can be locked, and its BAR0
 * @m: the machine
 * @h: its VMM
 * @d: the device that it is of
 * @dev: the function, UNLOCKED in the beginning
 * @u: its VFIO user
 * @bar: BAR0
 * @mem: the same, mapped
 * @peer: somebody who has mapped a dma-buf, or -1
 * @bdf: its name
 */
struct share {
	struct machine m;
	struct host h;
	struct sim_device *d;
	struct assigned *dev;
	struct vfio_user *u;
	struct vfio_bar bar;
	uint8_t *mem;
	int peer;
	char bdf[32];
};

static inline int share_build(struct share *s, bool vf)
{
	int err;

	host_init(&s->h);
	s->peer = -1;
	s->mem = MAP_FAILED;
	sim_sweep();
	err = machine_build(&s->m, 2);
	if (err)
		return err;
	s->d = &s->m.s.sim.d[vf ? 0 : 1];
	snprintf(s->bdf, sizeof(s->bdf), "%s", vf ? s->m.s.vf[0] : s->d->bdf);
	err = host_open(&s->h, VM_CONFIDENTIAL);
	err = err ?: host_assign(&s->h, s->bdf, 0x10, &s->dev);
	s->u = &s->dev->u;
	err = err ?: vfio_find_dma(s->u);
	err = err ?: vfio_set_master(s->u, true);
	err = err ?: vfio_bar(s->u, 0, &s->bar);
	if (err)
		return err;
	if (s->bar.size != BAR0_BYTES || !s->bar.mmap)
		return -ENODEV;
	s->mem = mmap(NULL, BAR0_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      s->u->device, s->bar.offset);
	return s->mem == MAP_FAILED ? -errno : 0;
}

/* The peer lets go */
static inline void unimport(struct share *s)
{
	if (s->peer >= 0)
		close(s->peer);
	s->peer = -1;
}

static inline int share_strike(struct share *s, bool passed)
{
	/* Whoever closes the function waits for it */
	unimport(s);
	if (s->mem != MAP_FAILED)
		munmap(s->mem, BAR0_BYTES);
	host_close(&s->h);
	return machine_leave(&s->m, passed);
}

static inline int bind_device(struct share *s)
{
	return cmd_bind(s->h.iommufd, s->dev->vdevice, NULL);
}

static inline int start_device(struct share *s)
{
	return cmd_op(s->h.iommufd, s->dev->vdevice, s->h.arch,
		      TSM_OP_START);
}

static inline int unbind_device(struct share *s)
{
	return cmd_unbind(s->h.iommufd, s->dev->vdevice, NULL);
}

#define test_bind(s) test_ok(bind_device(s))
#define test_start(s) test_ok(start_device(s))
#define test_unbind(s) test_ok(unbind_device(s))

/* --- access ------------------------------------------------------------------------ */

static __thread sigjmp_buf bus_jump;

static inline void bus_error(int sig)
{
	siglongjmp(bus_jump, 1);
}

/* An access to mapped memory: 0, or -EFAULT with SIGBUS */
static inline int touch(uint8_t *mem, uint32_t *val, bool write)
{
	struct sigaction act = { .sa_handler = bus_error }, old;
	int err = -EFAULT;

	sigaction(SIGBUS, &act, &old);
	if (!sigsetjmp(bus_jump, 1)) {
		if (write)
			__atomic_store_n((uint32_t *)mem, *val, __ATOMIC_RELAXED);
		else
			*val = __atomic_load_n((uint32_t *)mem, __ATOMIC_RELAXED);
		err = 0;
	}
	sigaction(SIGBUS, &old, NULL);
	return err;
}

static inline int load(uint8_t *mem, size_t at, uint32_t *val)
{
	return touch(mem + at, val, false);
}

static inline int store(uint8_t *mem, size_t at, uint32_t val)
{
	return touch(mem + at, &val, true);
}

static inline int bar_read(struct vfio_user *u, struct vfio_bar *bar, size_t at,
			   void *buf, size_t len)
{
	ssize_t done = pread(u->device, buf, len, bar->offset + at);

	return done < 0 ? -errno : done == (ssize_t)len ? 0 : -EIO;
}

static inline int bar_write(struct vfio_user *u, struct vfio_bar *bar, size_t at,
			    const void *buf, size_t len)
{
	ssize_t done = pwrite(u->device, buf, len, bar->offset + at);

	return done < 0 ? -errno : done == (ssize_t)len ? 0 : -EIO;
}

/* By a peer that is content with that */
static inline int import_once(const char *bdf, int buf)
{
	int fd = vfio_import(bdf, buf);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

#endif /* __TSM_SHARE_H */
