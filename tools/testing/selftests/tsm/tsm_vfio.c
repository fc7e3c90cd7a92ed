// SPDX-License-Identifier: GPL-2.0-only
/*
 * A userspace driver of a simulated function. See tsm_vfio.h for what each
 * function promises.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "tsm_sim.h"
#include "tsm_vfio.h"

void vfio_init(struct vfio_user *u)
{
	memset(u, 0, sizeof(*u));
	u->device = -1;
	u->iommufd = -1;
}

void vfio_close(struct vfio_user *u)
{
	if (u->device >= 0)
		close(u->device);
	if (u->iommufd >= 0 && !u->shared)
		close(u->iommufd);
	vfio_init(u);
}

/* Name of the function's VFIO device, as in /dev/vfio/devices */
static int vfio_name(const char *bdf, char *name, size_t size)
{
	char path[SIM_PATH];
	struct dirent *ent;
	int err = -ENOENT;
	DIR *dir;

	sim_pci_path(path, sizeof(path), bdf, "vfio-dev");
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (err && (ent = readdir(dir))) {
		if (ent->d_name[0] == '.')
			continue;
		snprintf(name, size, "%s", ent->d_name);
		err = 0;
	}
	closedir(dir);
	return err;
}

static int vfio_region(struct vfio_user *u, unsigned int index,
		       struct vfio_region_info *info)
{
	*info = (struct vfio_region_info) {
		.argsz = sizeof(*info),
		.index = index,
	};
	return ioctl(u->device, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

uint32_t vfio_config_read(struct vfio_user *u, unsigned int where, size_t size)
{
	uint32_t val = 0;

	/* As hardware does where nothing answers */
	if (pread(u->device, &val, size, u->config + where) != (ssize_t)size)
		return UINT32_MAX;
	return val;
}

int vfio_config_write(struct vfio_user *u, unsigned int where, size_t size,
		      uint32_t val)
{
	ssize_t done = pwrite(u->device, &val, size, u->config + where);

	if (done < 0)
		return -errno;
	return done == (ssize_t)size ? 0 : -EIO;
}

/* Find the DMA engine of a simulated function */
int vfio_find_dma(struct vfio_user *u)
{
	unsigned int where = PCI_CFG_SPACE_SIZE;
	int loops;

	for (loops = 0; where && loops < 64; loops++) {
		uint32_t header = vfio_config_read(u, where, 4);

		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_DVSEC &&
		    vfio_config_read(u, where + PCI_DVSEC_HEADER2, 2) ==
			    DMA_DVSEC_ID) {
			u->dma = where;
			return 0;
		}
		where = PCI_EXT_CAP_NEXT(header);
	}
	return -ENODEV;
}

/* Open the function's VFIO device, and nothing more */
int vfio_open_cdev(struct vfio_user *u, const char *bdf)
{
	char name[SIM_PATH], path[SIM_PATH + 32];
	int err;

	vfio_init(u);
	err = vfio_name(bdf, name, sizeof(name));
	if (err)
		return err;
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", name);
	u->device = open(path, O_RDWR | O_CLOEXEC);
	return u->device < 0 ? -errno : 0;
}

/* Bind an opened function to @iommufd of the caller, which resets it */
int vfio_bind(struct vfio_user *u, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	struct vfio_region_info info;
	int err;

	u->iommufd = iommufd;
	u->shared = true;
	err = ioctl(u->device, VFIO_DEVICE_BIND_IOMMUFD, &bind) ? -errno : 0;
	u->dev_id = bind.out_devid;
	err = err ?: vfio_region(u, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	if (!err)
		u->config = info.offset;
	return err;
}

/* Open the function, which resets it, and bind it to a new iommufd */
int vfio_open(struct vfio_user *u, const char *bdf)
{
	int err, iommufd;

	err = vfio_open_cdev(u, bdf);
	if (err)
		return err;
	iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommufd < 0) {
		err = -errno;
		vfio_close(u);
		return err;
	}
	err = vfio_bind(u, iommufd);
	u->shared = false;
	err = err ?: vfio_find_dma(u);
	if (err)
		vfio_close(u);
	return err;
}

/* Give the function an address space of its own */
int vfio_attach(struct vfio_user *u)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	if (ioctl(u->iommufd, IOMMU_IOAS_ALLOC, &alloc))
		return -errno;
	u->ioas = alloc.out_ioas_id;
	attach.pt_id = u->ioas;
	return ioctl(u->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) ?
	       -errno : 0;
}

int vfio_map(struct vfio_user *u, void *va, size_t len, uint64_t iova,
	     bool writable)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 (writable ? IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = u->ioas,
		.user_va = (uintptr_t)va,
		.length = len,
		.iova = iova,
	};

	return ioctl(u->iommufd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

/* Map a dma-buf for DMA of the functions of @u's iommufd */
int vfio_map_file(struct vfio_user *u, int buf, uint64_t iova, uint64_t len)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = u->ioas,
		.fd = buf,
		.length = len,
		.iova = iova,
	};

	return ioctl(u->iommufd, IOMMU_IOAS_MAP_FILE, &map) ? -errno : 0;
}

int vfio_unmap(struct vfio_user *u, uint64_t iova, size_t len)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = u->ioas,
		.iova = iova,
		.length = len,
	};

	return ioctl(u->iommufd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

int vfio_set_master(struct vfio_user *u, bool master)
{
	uint32_t command = vfio_config_read(u, PCI_COMMAND, 2);

	if (master)
		command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	else
		command &= ~PCI_COMMAND_MASTER;
	return vfio_config_write(u, PCI_COMMAND, 2, command);
}

/* Memory decoding, as firmware of a guest enables it */
int vfio_set_memory(struct vfio_user *u, bool on)
{
	uint32_t command = vfio_config_read(u, PCI_COMMAND, 2);

	if (on)
		command |= PCI_COMMAND_MEMORY;
	else
		command &= ~PCI_COMMAND_MEMORY;
	return vfio_config_write(u, PCI_COMMAND, 2, command);
}

int vfio_bar(struct vfio_user *u, unsigned int index, struct vfio_bar *bar)
{
	struct vfio_region_info info;
	int err;

	err = vfio_region(u, VFIO_PCI_BAR0_REGION_INDEX + index, &info);
	if (err)
		return err;
	bar->offset = info.offset;
	bar->size = info.size;
	bar->mmap = info.flags & VFIO_REGION_INFO_FLAG_MMAP;
	return 0;
}

static int export_dma_buf(struct vfio_user *u, unsigned int bar, int open_flags,
			  const struct vfio_region_dma_range *ranges,
			  unsigned int nr)
{
	struct vfio_device_feature *cmd;
	struct vfio_device_feature_dma_buf *get;
	size_t size = sizeof(*cmd) + sizeof(*get) + nr * sizeof(*ranges);
	int fd;

	cmd = calloc(1, size);
	if (!cmd)
		return -ENOMEM;
	cmd->argsz = size;
	cmd->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	get = (void *)cmd->data;
	get->region_index = VFIO_PCI_BAR0_REGION_INDEX + bar;
	get->open_flags = open_flags | O_CLOEXEC;
	get->nr_ranges = nr;
	memcpy(get->dma_ranges, ranges, nr * sizeof(*ranges));
	fd = ioctl(u->device, VFIO_DEVICE_FEATURE, cmd);
	if (fd < 0)
		fd = -errno;
	free(cmd);
	return fd;
}

/* A dma-buf of parts of a BAR, one after the other: its fd, or -errno */
int vfio_dma_buf_ranges(struct vfio_user *u, unsigned int bar,
			const struct vfio_region_dma_range *ranges,
			unsigned int nr)
{
	return export_dma_buf(u, bar, O_RDWR, ranges, nr);
}

/* A dma-buf of a part of a BAR: its fd, or -errno */
int vfio_dma_buf(struct vfio_user *u, unsigned int bar, uint64_t offset,
		 uint64_t len)
{
	struct vfio_region_dma_range range = { .offset = offset, .length = len };

	return export_dma_buf(u, bar, O_RDWR, &range, 1);
}

/* The same, that nobody writes to */
int vfio_dma_buf_read_only(struct vfio_user *u, unsigned int bar,
			   uint64_t offset, uint64_t len)
{
	struct vfio_region_dma_range range = { .offset = offset, .length = len };

	return export_dma_buf(u, bar, O_RDONLY, &range, 1);
}

/* Shared memory of QEMU */
#define IVSHMEM		"0x1110"

/* Where a resource of a PCI function begins, 0 if it has no such */
uint64_t resource_start(const char *bdf, unsigned int nr)
{
	char text[2048], *line = text;
	unsigned long long start;

	if (sim_pci_read(bdf, "resource", text, sizeof(text)))
		return 0;
	while (nr--) {
		line = strchr(line, '\n');
		if (!line++)
			return 0;
	}
	return sscanf(line, "%llx", &start) == 1 ? start : 0;
}

/*
 * Name of the device in whose BAR those of the simulator are: -ENOENT if the
 * machine has none
 */
int shared_memory_device(char *bdf, size_t size)
{
	struct dirent *entry;
	int err = -ENOENT;
	char id[32];
	DIR *dir;

	dir = opendir("/sys/bus/pci/devices");
	while (dir && err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    sim_pci_read(entry->d_name, "device", id, sizeof(id)) ||
		    strncmp(id, IVSHMEM, strlen(IVSHMEM)))
			continue;
		snprintf(bdf, size, "%s", entry->d_name);
		err = 0;
	}
	if (dir)
		closedir(dir);
	return err;
}

/*
 * The memory behind a BAR as the device has it, whether it is enabled or not:
 * NULL if there is none. To be unmapped.
 */
uint8_t *bar_memory(const char *bdf, unsigned int bar, size_t bytes)
{
	char device[32], path[SIM_PATH], resource[16];
	uint64_t start = resource_start(bdf, bar);
	void *mem;
	int fd;

	if (shared_memory_device(device, sizeof(device)))
		return NULL;
	snprintf(resource, sizeof(resource), "resource%u", SHARED_MEMORY_BAR);
	sim_pci_path(path, sizeof(path), device, resource);
	fd = open(path, O_RDWR | O_CLOEXEC | O_SYNC);
	if (fd < 0)
		return NULL;
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   start - resource_start(device, SHARED_MEMORY_BAR));
	close(fd);
	return mem == MAP_FAILED ? NULL : mem;
}

/*
 * Have a peer, of the simulator, map a dma-buf for a function. It does not let
 * go until the fd that this returns is closed. Or -errno.
 */
int vfio_import(const char *bdf, int dma_buf)
{
	int fd = open("/sys/kernel/debug/tsm-sim/importer", O_WRONLY | O_CLOEXEC);
	char cmd[64];

	if (fd < 0)
		return -errno;
	snprintf(cmd, sizeof(cmd), "%s %d", bdf, dma_buf);
	if (write(fd, cmd, strlen(cmd)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Vectors of the function, or -errno */
int vfio_nr_msix(struct vfio_user *u)
{
	struct vfio_irq_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	return ioctl(u->device, VFIO_DEVICE_GET_IRQ_INFO, &info) ?
	       -errno : (int)info.count;
}

/* Have the first @nr vectors signal @eventfd[] */
int vfio_enable_msix(struct vfio_user *u, const int *eventfd, unsigned int nr)
{
	size_t size = sizeof(struct vfio_irq_set) + nr * sizeof(*eventfd);
	struct vfio_irq_set *set = calloc(1, size);
	int err;

	if (!set)
		return -ENOMEM;
	set->argsz = size;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = VFIO_PCI_MSIX_IRQ_INDEX;
	set->count = nr;
	memcpy(set->data, eventfd, nr * sizeof(*eventfd));
	err = ioctl(u->device, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
	free(set);
	return err;
}

int vfio_disable_msix(struct vfio_user *u)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	return ioctl(u->device, VFIO_DEVICE_SET_IRQS, &set) ? -errno : 0;
}

uint32_t dma_read(struct vfio_user *u, unsigned int reg)
{
	return vfio_config_read(u, u->dma + reg, 4);
}

int dma_write(struct vfio_user *u, unsigned int reg, uint32_t val)
{
	return vfio_config_write(u, u->dma + reg, 4, val);
}

/* Start a transfer; dma_wait() for its end */
int dma_start(struct vfio_user *u, uint32_t ctrl, uint64_t iova,
	      uint32_t offset, uint32_t len)
{
	const uint32_t regs[][2] = {
		{ DMA_CTRL, ctrl },
		{ DMA_IOVA, iova },
		{ DMA_IOVA + 4, iova >> 32 },
		{ DMA_OFFSET, offset },
		{ DMA_LEN, len },
		{ DMA_DOORBELL, DMA_GO },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		int err = dma_write(u, regs[i][0], regs[i][1]);

		if (err)
			return err;
	}
	return 0;
}

/* The result of a transfer, enum dma_result, or -errno */
int dma_wait(struct vfio_user *u)
{
	uint32_t status;
	bool done;
	int err;

	done = sim_wait((status = dma_read(u, DMA_STATUS)) & DMA_DONE,
			DMA_TIMEOUT_MS);
	if (!done)
		return -ETIMEDOUT;
	if (status == UINT32_MAX)
		return -ENODEV;
	err = dma_write(u, DMA_STATUS, DMA_DONE);
	return err ? err : (int)DMA_RESULT(status);
}

/* A whole transfer: its result, enum dma_result, or -errno */
int dma(struct vfio_user *u, uint32_t ctrl, uint64_t iova, uint32_t offset,
	uint32_t len)
{
	int err = dma_start(u, ctrl, iova, offset, len);

	return err ? err : dma_wait(u);
}
