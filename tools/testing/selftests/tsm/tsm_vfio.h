/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A userspace driver of a simulated function: VFIO and iommufd, and the
 * function's DMA engine, which is a DVSEC in its config space. No test logic
 * here.
 *
 * Functions return 0 or -errno of the system call that failed, unless they say
 * otherwise.
 */
#ifndef __TSM_VFIO_H
#define __TSM_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vfio_region_dma_range;

/* The DMA engine: offsets in its DVSEC, see Documentation/admin-guide/pci-tsm.rst */
#define DMA_DVSEC_ID		0x0001
#define DMA_CTRL		0x0c
#define  DMA_OUT		0x1	/* from the function to memory */
#define  DMA_IN			0x0
#define  DMA_TEE		0x2
#define  DMA_INT		0x4
#define  DMA_REPEAT		0x8
#define  DMA_BAR		0x10
#define  DMA_VECTOR(n)		(DMA_INT | (n) << 16)
#define DMA_LEN			0x10
#define DMA_OFFSET		0x14
#define DMA_IOVA		0x18
#define DMA_DOORBELL		0x20
#define  DMA_GO			0x1
#define  DMA_ABORT		0x2
#define DMA_STATUS		0x24
#define  DMA_BUSY		0x1
#define  DMA_DONE		0x2
#define  DMA_RESULT(status)	(((status) >> 8) & 0xff)
#define DMA_MOVED		0x28
#define DMA_BUF_BYTES		0x4000

/* Of shared_memory_device() */
#define SHARED_MEMORY_BAR	2

/* How a transfer ended, as DMA_RESULT() says it */
enum dma_result {
	DMA_OK,
	DMA_ABORTED,
	DMA_INVALID,
	DMA_NO_MASTER,
	DMA_TDI_STATE,
	DMA_T_BIT,
	DMA_FAULT,
	DMA_PRIVATE_FAULT,
	DMA_POISONED,
};

/* A transfer of this length takes milliseconds, wherever it is emulated */
#define DMA_TIMEOUT_MS		10000

/**
 * struct vfio_user - a process that drives a function from userspace
 * @device: fd of the VFIO device, -1 if it is not open
 * @iommufd: that it is bound to
 * @shared: others use that iommufd, too: vfio_close() leaves it open
 * @dev_id: ID of the device there
 * @ioas: address space that it is attached to, by vfio_attach()
 * @config: offset of the function's config space in @device
 * @dma: offset of the DMA engine in config space
 */
struct vfio_user {
	int device;
	int iommufd;
	bool shared;
	uint32_t dev_id;
	uint32_t ioas;
	off_t config;
	unsigned int dma;
};

/**
 * struct vfio_bar - a BAR of an opened function
 * @offset: in the device's fd
 * @size: bytes, 0 if there is no such BAR
 * @mmap: it can be mapped
 */
struct vfio_bar {
	off_t offset;
	size_t size;
	bool mmap;
};

void vfio_init(struct vfio_user *u);
int vfio_open(struct vfio_user *u, const char *bdf);
int vfio_open_cdev(struct vfio_user *u, const char *bdf);
int vfio_bind(struct vfio_user *u, int iommufd);
void vfio_close(struct vfio_user *u);

int vfio_find_dma(struct vfio_user *u);
int vfio_attach(struct vfio_user *u);
int vfio_map(struct vfio_user *u, void *va, size_t len, uint64_t iova,
	     bool writable);
int vfio_map_file(struct vfio_user *u, int buf, uint64_t iova, uint64_t len);
int vfio_unmap(struct vfio_user *u, uint64_t iova, size_t len);

uint32_t vfio_config_read(struct vfio_user *u, unsigned int where, size_t size);
int vfio_config_write(struct vfio_user *u, unsigned int where, size_t size,
		      uint32_t val);
int vfio_set_master(struct vfio_user *u, bool master);
int vfio_set_memory(struct vfio_user *u, bool on);

int vfio_bar(struct vfio_user *u, unsigned int index, struct vfio_bar *bar);
int vfio_dma_buf(struct vfio_user *u, unsigned int bar, uint64_t offset,
		 uint64_t len);
int vfio_dma_buf_ranges(struct vfio_user *u, unsigned int bar,
			const struct vfio_region_dma_range *ranges,
			unsigned int nr);
int vfio_dma_buf_read_only(struct vfio_user *u, unsigned int bar,
			   uint64_t offset, uint64_t len);
uint64_t resource_start(const char *bdf, unsigned int bar);
int shared_memory_device(char *bdf, size_t size);
uint8_t *bar_memory(const char *bdf, unsigned int bar, size_t bytes);
int vfio_import(const char *bdf, int dma_buf);
int vfio_nr_msix(struct vfio_user *u);
int vfio_enable_msix(struct vfio_user *u, const int *eventfd, unsigned int nr);
int vfio_disable_msix(struct vfio_user *u);

uint32_t dma_read(struct vfio_user *u, unsigned int reg);
int dma_write(struct vfio_user *u, unsigned int reg, uint32_t val);
int dma_start(struct vfio_user *u, uint32_t ctrl, uint64_t iova,
	      uint32_t offset, uint32_t len);
int dma_wait(struct vfio_user *u);
int dma(struct vfio_user *u, uint32_t ctrl, uint64_t iova, uint32_t offset,
	uint32_t len);

#endif /* __TSM_VFIO_H */
