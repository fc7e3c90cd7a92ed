/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A BAR that is as large as those of accelerators: the one that has the memory of
 * simulated functions, in a device that has no IOMMU. Hardly any of it is ever
 * touched. Its user is alone with it, without the simulator.
 *
 * Functions return 0 or -errno.
 */
#ifndef __TSM_WINDOW_H
#define __TSM_WINDOW_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "tsm_iommufd.h"
#include "tsm_sim.h"
#include "tsm_vfio.h"

#define SMALL		0x1000ul
#define LARGE		0x200000ul
#define GIANT		0x40000000ul

#define NOIOMMU		"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

/**
 * struct window - that BAR
 * @u: the device, which is open
 * @bar: the BAR, whose memory is enabled
 * @bdf: name of the device, empty until it is vfio-pci's
 */
struct window {
	struct vfio_user u;
	struct vfio_bar bar;
	char bdf[32];
};

/* window_close() also if this fails; -ENOENT: this machine has none */
static inline int window_open(struct window *w)
{
	char bdf[sizeof(w->bdf)];
	int err, iommufd;

	vfio_init(&w->u);
	w->bdf[0] = 0;
	err = shared_memory_device(bdf, sizeof(bdf));
	if (err)
		return err;
	sim_sweep();
	if (sim_module_users() >= 0)
		err = sim_module_unload();
	err = err ?: sim_write(NOIOMMU, "1");
	if (err)
		return err;

	snprintf(w->bdf, sizeof(w->bdf), "%s", bdf);
	err = sim_pci_driver(w->bdf, "vfio-pci");
	err = err ?: vfio_open_cdev(&w->u, w->bdf);
	if (err)
		return err;
	iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommufd < 0)
		return -errno;
	err = vfio_bind(&w->u, iommufd);
	w->u.shared = false;
	err = err ?: vfio_set_memory(&w->u, true);
	return err ?: vfio_bar(&w->u, SHARED_MEMORY_BAR, &w->bar);
}

static inline int window_close(struct window *w)
{
	int err;

	vfio_close(&w->u);
	if (!w->bdf[0])
		return 0;
	err = sim_pci_driver(w->bdf, NULL);
	return sim_write(NOIOMMU, "0") ?: err;
}

/* Pages of a size, "4k", "2m" or "1g", that KVM has mapped in a VM */
static inline long window_pages(struct vm *vm, const char *size)
{
	char path[SIM_PATH], text[32];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/pages_%s",
		 getpid(), vm->fd, size);
	return sim_read(path, text, sizeof(text)) ? -1 : atol(text);
}

#endif /* __TSM_WINDOW_H */
