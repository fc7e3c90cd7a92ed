/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TDIs through iommufd, as a VMM has them: the ioctls, and a VMM with its VM and
 * the functions that it assigns. No test logic here but for how a call is
 * expected to end.
 *
 * Functions return 0 or -errno of the system call that failed, unless they say
 * otherwise. test_cmd_x() says that cmd_x() must succeed, test_err_x() that it
 * must fail in that way.
 */
#ifndef __TSM_IOMMUFD_H
#define __TSM_IOMMUFD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/iommufd.h>
#include <linux/tsm.h>
#include <linux/tsm_sim.h>

#include "tsm_sim.h"
#include "tsm_vfio.h"

/* --- VMs ---------------------------------------------------------------------- */

/**
 * struct vm - a virtual machine of KVM
 * @fd: its file, -1 if that is not open
 * @vfio: file of its list of VFIO devices, -1 if it has none
 */
struct vm {
	int fd;
	int vfio;
};

/**
 * enum vm_kind - what kind of VM
 * @VM_CONFIDENTIAL: has memory that the host does not see. Of the type that the
 *		     environment variable TSM_VM_TYPE has for KVM_CREATE_VM, or
 *		     else software-protected.
 * @VM_PLAIN: has none
 */
enum vm_kind {
	VM_CONFIDENTIAL,
	VM_PLAIN,
};

int vm_create(struct vm *vm, enum vm_kind kind);
int vm_add_device(struct vm *vm, struct vfio_user *u);
int vm_remove_device(struct vm *vm, struct vfio_user *u);
void vm_close(struct vm *vm);

/* --- ioctls ------------------------------------------------------------------- */

int cmd_hw_info(int iommufd, uint32_t dev_id, struct iommu_hw_info_tsm *info);
int cmd_viommu(int iommufd, struct iommu_viommu_alloc *cmd);
int cmd_viommu_alloc(int iommufd, uint32_t dev_id, uint32_t type, int vm_fd,
		     uint32_t *viommu);
int cmd_vdevice_alloc(int iommufd, uint32_t viommu, uint32_t dev_id,
		      uint64_t virt_id, uint32_t *vdevice);
int cmd_destroy(int iommufd, uint32_t id);
int cmd_bind(int iommufd, uint32_t vdevice, struct iommu_vdevice_tsm_bind *cmd);
int cmd_unbind(int iommufd, uint32_t vdevice,
	       struct iommu_vdevice_tsm_unbind *cmd);
int cmd_req(int iommufd, struct iommu_vdevice_tsm_req *cmd);
int cmd_request(int iommufd, uint32_t vdevice, uint32_t arch, uint32_t op,
		const void *req, size_t req_len, void *resp, size_t *resp_len);
int cmd_op(int iommufd, uint32_t vdevice, uint32_t arch, uint32_t op);
int cmd_tdi_state(int iommufd, uint32_t vdevice, uint32_t arch,
		  struct tsm_tdi_state_resp *state);
int cmd_veventq_alloc(int iommufd, uint32_t viommu, uint32_t type,
		      uint32_t depth, uint32_t *veventq, int *fd);

/**
 * struct tsm_vevent - what an event queue says at a time
 * @header: which event this is
 * @tsm: the event; not there if @header says that events were lost
 */
struct tsm_vevent {
	struct iommufd_vevent_header header;
	struct iommu_vevent_tsm tsm;
};

int vevent_read(int fd, struct tsm_vevent *event, unsigned int timeout_ms);

/* What it says when there is no event in time */
#define VEVENT_NONE	1

#define test_cmd_hw_info(...) test_ok(cmd_hw_info(__VA_ARGS__))
#define test_err_hw_info(err, ...) test_err(err, cmd_hw_info(__VA_ARGS__))
#define test_cmd_viommu(...) test_ok(cmd_viommu(__VA_ARGS__))
#define test_err_viommu(err, ...) test_err(err, cmd_viommu(__VA_ARGS__))
#define test_cmd_viommu_alloc(...) test_ok(cmd_viommu_alloc(__VA_ARGS__))
#define test_err_viommu_alloc(err, ...) \
	test_err(err, cmd_viommu_alloc(__VA_ARGS__))
#define test_cmd_vdevice_alloc(...) test_ok(cmd_vdevice_alloc(__VA_ARGS__))
#define test_err_vdevice_alloc(err, ...) \
	test_err(err, cmd_vdevice_alloc(__VA_ARGS__))
#define test_cmd_destroy(...) test_ok(cmd_destroy(__VA_ARGS__))
#define test_err_destroy(err, ...) test_err(err, cmd_destroy(__VA_ARGS__))
#define test_cmd_bind(...) test_ok(cmd_bind(__VA_ARGS__))
#define test_err_bind(err, ...) test_err(err, cmd_bind(__VA_ARGS__))
#define test_cmd_unbind(...) test_ok(cmd_unbind(__VA_ARGS__))
#define test_err_unbind(err, ...) test_err(err, cmd_unbind(__VA_ARGS__))
#define test_cmd_req(...) test_ok(cmd_req(__VA_ARGS__))
#define test_err_req(err, ...) test_err(err, cmd_req(__VA_ARGS__))
#define test_cmd_request(...) test_ok(cmd_request(__VA_ARGS__))
#define test_err_request(err, ...) test_err(err, cmd_request(__VA_ARGS__))
#define test_cmd_op(...) test_ok(cmd_op(__VA_ARGS__))
#define test_err_op(err, ...) test_err(err, cmd_op(__VA_ARGS__))
#define test_cmd_veventq_alloc(...) test_ok(cmd_veventq_alloc(__VA_ARGS__))
#define test_err_veventq_alloc(err, ...) \
	test_err(err, cmd_veventq_alloc(__VA_ARGS__))

/* --- a VMM ------------------------------------------------------------------- */

#define VMM_DEVICES	8

/**
 * struct assigned - a function that a VMM assigns to its VM
 * @u: opened with VFIO, in the VMM's iommufd
 * @bdf: name of the function
 * @virt_id: its number in the VM
 * @vdevice: ID of its vDEVICE, 0 if it has none
 */
struct assigned {
	struct vfio_user u;
	char bdf[32];
	uint64_t virt_id;
	uint32_t vdevice;
};

/**
 * struct host - a VMM
 * @iommufd: its iommufd, -1 if that is not open
 * @vm: its VM
 * @arch: architecture of the TSM, &enum tsm_arch
 * @op_mask: requests that it takes
 * @viommu: ID of its vIOMMU, 0 if it has none
 * @dev: functions that it has opened
 * @nr: how many
 */
struct host {
	int iommufd;
	struct vm vm;
	uint32_t arch;
	uint64_t op_mask;
	uint32_t viommu;
	struct assigned dev[VMM_DEVICES];
	unsigned int nr;
};

void host_init(struct host *h);
int host_open(struct host *h, enum vm_kind kind);
int host_add_alone(struct host *h, const char *bdf, struct assigned **dev);
int host_add(struct host *h, const char *bdf, struct assigned **dev);
int host_viommu(struct host *h, struct assigned *dev);
int host_vdevice(struct host *h, struct assigned *dev, uint64_t virt_id);
int host_assign(struct host *h, const char *bdf, uint64_t virt_id,
		struct assigned **dev);
int host_run(struct host *h, struct assigned *dev);
const char *host_state(struct host *h, struct assigned *dev);
void host_close_device(struct host *h, struct assigned *dev);
void host_close(struct host *h);

/**
 * struct call - a call in another thread of the process
 * @thread: it
 * @fn: what it calls, with @h and @dev
 * @h: a VMM, or NULL
 * @dev: a function of it, or NULL
 * @text: for @fn to use
 * @err: result, once @ended
 * @took_ms: how long it took
 * @ended: it has
 */
struct call {
	pthread_t thread;
	int (*fn)(struct call *call);
	struct host *h;
	struct assigned *dev;
	char text[SIM_PATH];
	int err;
	long long took_ms;
	atomic_bool ended;
};

int call_start(struct call *call, int (*fn)(struct call *call), struct host *h,
	       struct assigned *dev);
int call_wait(struct call *call, unsigned int timeout_ms);

#define test_tdi(h, dev, state) ({ ASSERT_STREQ(state, host_state(h, dev)); })

#endif /* __TSM_IOMMUFD_H */
