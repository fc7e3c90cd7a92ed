// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs through iommufd: KVM's VMs, iommufd's ioctls, and a VMM that has both.
 * See tsm_iommufd.h for what each function promises.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "tsm_iommufd.h"

/* --- VMs ---------------------------------------------------------------------- */

static unsigned long vm_type(enum vm_kind kind)
{
	const char *type = getenv("TSM_VM_TYPE");

	if (kind == VM_PLAIN)
		return 0;
	if (type)
		return strtoul(type, NULL, 0);
#ifdef KVM_X86_SW_PROTECTED_VM
	return KVM_X86_SW_PROTECTED_VM;
#else
	return 0;
#endif
}

int vm_create(struct vm *vm, enum vm_kind kind)
{
	struct kvm_create_device list = { .type = KVM_DEV_TYPE_VFIO };
	int kvm, err;

	vm->fd = -1;
	vm->vfio = -1;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return -errno;
	vm->fd = ioctl(kvm, KVM_CREATE_VM, vm_type(kind));
	err = vm->fd < 0 ? -errno : 0;
	close(kvm);
	if (err)
		return err;
	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &list)) {
		err = -errno;
		vm_close(vm);
		return err;
	}
	vm->vfio = list.fd;
	return 0;
}

static int vm_list(struct vm *vm, struct vfio_user *u, uint64_t what)
{
	int32_t fd = u->device;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_FILE,
		.attr = what,
		.addr = (uintptr_t)&fd,
	};

	return ioctl(vm->vfio, KVM_SET_DEVICE_ATTR, &attr) ? -errno : 0;
}

/*
 * Tell VFIO that an opened device is for this VM. KVM keeps the device's file
 * open until it is removed or the VM is gone.
 */
int vm_add_device(struct vm *vm, struct vfio_user *u)
{
	return vm_list(vm, u, KVM_DEV_VFIO_FILE_ADD);
}

int vm_remove_device(struct vm *vm, struct vfio_user *u)
{
	return vm_list(vm, u, KVM_DEV_VFIO_FILE_DEL);
}

void vm_close(struct vm *vm)
{
	if (vm->vfio >= 0)
		close(vm->vfio);
	if (vm->fd >= 0)
		close(vm->fd);
	vm->fd = -1;
	vm->vfio = -1;
}

/* --- ioctls ------------------------------------------------------------------- */

int cmd_hw_info(int iommufd, uint32_t dev_id, struct iommu_hw_info_tsm *info)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.in_data_type = IOMMU_HW_INFO_TYPE_TSM,
		.dev_id = dev_id,
		.data_len = sizeof(*info),
		.data_uptr = (uintptr_t)info,
	};

	if (ioctl(iommufd, IOMMU_GET_HW_INFO, &cmd))
		return -errno;
	if (cmd.out_data_type != IOMMU_HW_INFO_TYPE_TSM ||
	    cmd.data_len != sizeof(*info))
		return -EBADMSG;
	return 0;
}

/* With all fields as the caller wants them, size excepted if it is 0 */
int cmd_viommu(int iommufd, struct iommu_viommu_alloc *cmd)
{
	if (!cmd->size)
		cmd->size = sizeof(*cmd);
	return ioctl(iommufd, IOMMU_VIOMMU_ALLOC, cmd) ? -errno : 0;
}

/* Of a TSM type, for the VM of @vm_fd or, if that is -1, the one of VFIO */
int cmd_viommu_alloc(int iommufd, uint32_t dev_id, uint32_t type, int vm_fd,
		     uint32_t *viommu)
{
	struct iommu_viommu_alloc cmd = {
		.flags = vm_fd < 0 ? 0 : IOMMU_VIOMMU_ALLOC_VM_FD,
		.type = type,
		.dev_id = dev_id,
		.vm_fd = vm_fd < 0 ? 0 : vm_fd,
	};
	int err = cmd_viommu(iommufd, &cmd);

	if (!err)
		*viommu = cmd.out_viommu_id;
	return err;
}

int cmd_vdevice_alloc(int iommufd, uint32_t viommu, uint32_t dev_id,
		      uint64_t virt_id, uint32_t *vdevice)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = dev_id,
		.virt_id = virt_id,
	};

	if (ioctl(iommufd, IOMMU_VDEVICE_ALLOC, &cmd))
		return -errno;
	*vdevice = cmd.out_vdevice_id;
	return 0;
}

int cmd_destroy(int iommufd, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return ioctl(iommufd, IOMMU_DESTROY, &cmd) ? -errno : 0;
}

/* @cmd is for what it says beside the errno; may be NULL */
int cmd_bind(int iommufd, uint32_t vdevice, struct iommu_vdevice_tsm_bind *cmd)
{
	struct iommu_vdevice_tsm_bind own;

	if (!cmd)
		cmd = &own;
	*cmd = (struct iommu_vdevice_tsm_bind) {
		.size = sizeof(*cmd),
		.vdevice_id = vdevice,
	};
	return ioctl(iommufd, IOMMU_VDEVICE_TSM_BIND, cmd) ? -errno : 0;
}

int cmd_unbind(int iommufd, uint32_t vdevice,
	       struct iommu_vdevice_tsm_unbind *cmd)
{
	struct iommu_vdevice_tsm_unbind own;

	if (!cmd)
		cmd = &own;
	*cmd = (struct iommu_vdevice_tsm_unbind) {
		.size = sizeof(*cmd),
		.vdevice_id = vdevice,
	};
	return ioctl(iommufd, IOMMU_VDEVICE_TSM_UNBIND, cmd) ? -errno : 0;
}

/* With all fields as the caller wants them, size excepted if it is 0 */
int cmd_req(int iommufd, struct iommu_vdevice_tsm_req *cmd)
{
	if (!cmd->size)
		cmd->size = sizeof(*cmd);
	return ioctl(iommufd, IOMMU_VDEVICE_TSM_REQ, cmd) ? -errno : 0;
}

/*
 * A request. @resp_len is how much room there is at @resp, and then how long the
 * response is, or with -EMSGSIZE would be. Without @resp_len there is none.
 */
int cmd_request(int iommufd, uint32_t vdevice, uint32_t arch, uint32_t op,
		const void *req, size_t req_len, void *resp, size_t *resp_len)
{
	struct iommu_vdevice_tsm_req cmd = {
		.vdevice_id = vdevice,
		.op = op,
		.tsm_arch = arch,
		.req_len = req_len,
		.req_uptr = (uintptr_t)req,
		.resp_len = resp_len ? *resp_len : 0,
		.resp_uptr = (uintptr_t)resp,
	};
	int err = cmd_req(iommufd, &cmd);

	if (resp_len)
		*resp_len = cmd.out_resp_len;
	return err;
}

/* One without request and response */
int cmd_op(int iommufd, uint32_t vdevice, uint32_t arch, uint32_t op)
{
	return cmd_request(iommufd, vdevice, arch, op, NULL, 0, NULL, NULL);
}

int cmd_tdi_state(int iommufd, uint32_t vdevice, uint32_t arch,
		  struct tsm_tdi_state_resp *state)
{
	size_t len = sizeof(*state);
	int err;

	err = cmd_request(iommufd, vdevice, arch, TSM_OP_GET_TDI_STATE, NULL, 0,
			  state, &len);
	if (!err && len != sizeof(*state))
		err = -EBADMSG;
	return err;
}

int cmd_veventq_alloc(int iommufd, uint32_t viommu, uint32_t type,
		      uint32_t depth, uint32_t *veventq, int *fd)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.veventq_depth = depth,
	};

	if (ioctl(iommufd, IOMMU_VEVENTQ_ALLOC, &cmd))
		return -errno;
	*veventq = cmd.out_veventq_id;
	*fd = cmd.out_veventq_fd;
	return 0;
}

/* The next event; VEVENT_NONE if none comes within @timeout_ms */
int vevent_read(int fd, struct tsm_vevent *event, unsigned int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t len;

	memset(event, 0, sizeof(*event));
	if (poll(&p, 1, timeout_ms) != 1)
		return VEVENT_NONE;
	len = read(fd, event, sizeof(*event));
	if (len < 0)
		return -errno;
	if (event->header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS)
		return len == sizeof(event->header) ? 0 : -EBADMSG;
	return len == sizeof(*event) ? 0 : -EBADMSG;
}

/* --- a VMM ------------------------------------------------------------------- */

void host_init(struct host *h)
{
	memset(h, 0, sizeof(*h));
	h->iommufd = -1;
	h->vm.fd = -1;
	h->vm.vfio = -1;
}

/* Open iommufd, and create a VM */
int host_open(struct host *h, enum vm_kind kind)
{
	int err;

	host_init(h);
	h->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (h->iommufd < 0)
		return -errno;
	err = vm_create(&h->vm, kind);
	if (err)
		host_close(h);
	return err;
}

static int add(struct host *h, const char *bdf, bool tell, struct assigned **out)
{
	struct assigned *dev = &h->dev[h->nr];
	struct iommu_hw_info_tsm info;
	int err;

	if (h->nr == VMM_DEVICES)
		return -ENOSPC;
	memset(dev, 0, sizeof(*dev));
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	err = sim_pci_driver(bdf, "vfio-pci");
	err = err ?: vfio_open_cdev(&dev->u, bdf);
	if (err)
		return err;
	if (tell)
		err = vm_add_device(&h->vm, &dev->u);
	err = err ?: vfio_bind(&dev->u, h->iommufd);
	if (err) {
		host_close_device(h, dev);
		return err;
	}
	h->nr++;
	if (out)
		*out = dev;
	/* A kernel, or a device, without TSM is not this function's business */
	if (!h->arch && !cmd_hw_info(h->iommufd, dev->u.dev_id, &info)) {
		h->arch = info.tsm_arch;
		h->op_mask = info.op_mask;
	}
	return 0;
}

/* Have vfio-pci drive a function, open it, and tell VFIO nothing about the VM */
int host_add_alone(struct host *h, const char *bdf, struct assigned **dev)
{
	return add(h, bdf, false, dev);
}

/* The same, and tell VFIO that it is for the VM */
int host_add(struct host *h, const char *bdf, struct assigned **dev)
{
	return add(h, bdf, true, dev);
}

/* The vIOMMU that all vDEVICEs of the VMM are on */
int host_viommu(struct host *h, struct assigned *dev)
{
	return cmd_viommu_alloc(h->iommufd, dev->u.dev_id,
				IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU, -1,
				&h->viommu);
}

int host_vdevice(struct host *h, struct assigned *dev, uint64_t virt_id)
{
	dev->virt_id = virt_id;
	return cmd_vdevice_alloc(h->iommufd, h->viommu, dev->u.dev_id, virt_id,
				 &dev->vdevice);
}

/* All that is to be done before a VM begins to run: the TDI is UNLOCKED */
int host_assign(struct host *h, const char *bdf, uint64_t virt_id,
		struct assigned **out)
{
	struct assigned *dev;
	int err;

	err = host_add(h, bdf, &dev);
	err = err ?: vfio_attach(&dev->u);
	if (!err && !h->viommu)
		err = host_viommu(h, dev);
	err = err ?: host_vdevice(h, dev, virt_id);
	if (!err && out)
		*out = dev;
	return err;
}

/* Bring a TDI from UNLOCKED to RUN, with DMA to private memory if there is such */
int host_run(struct host *h, struct assigned *dev)
{
	int err;

	err = cmd_bind(h->iommufd, dev->vdevice, NULL);
	if (!err && h->op_mask & 1ull << TSM_OP_ENABLE_DMA)
		err = cmd_op(h->iommufd, dev->vdevice, h->arch,
			     TSM_OP_ENABLE_DMA);
	return err ?: cmd_op(h->iommufd, dev->vdevice, h->arch, TSM_OP_START);
}

/* State and flags in words, such as "UNLOCKED DEAD"; or the error, with a ! */
const char *host_state(struct host *h, struct assigned *dev)
{
	static const char * const names[] = {
		[TSM_TDI_UNLOCKED] = "UNLOCKED",
		[TSM_TDI_LOCKED] = "LOCKED",
		[TSM_TDI_RUN] = "RUN",
		[TSM_TDI_ERROR] = "ERROR",
	};
	static __thread char text[64];
	struct tsm_tdi_state_resp state;
	int err;

	err = cmd_tdi_state(h->iommufd, dev->vdevice, h->arch, &state);
	if (err)
		snprintf(text, sizeof(text), "!%s", strerror(-err));
	else
		snprintf(text, sizeof(text), "%s%s%s%s",
			 state.state < ARRAY_SIZE(names) ?
				names[state.state] : "?",
			 state.flags & TSM_TDI_DEAD ? " DEAD" : "",
			 state.flags & TSM_TDI_QUARANTINED ? " QUARANTINED" : "",
			 state.flags & ~(TSM_TDI_DEAD | TSM_TDI_QUARANTINED) ?
				" ?" : "");
	return text;
}

/* Close a function; what is made of it in the iommufd goes with it */
void host_close_device(struct host *h, struct assigned *dev)
{
	if (dev->u.device >= 0 && h->vm.vfio >= 0)
		vm_remove_device(&h->vm, &dev->u);
	vfio_close(&dev->u);
	dev->vdevice = 0;
}

void host_close(struct host *h)
{
	unsigned int i;

	for (i = 0; i < h->nr; i++)
		host_close_device(h, &h->dev[i]);
	if (h->iommufd >= 0)
		close(h->iommufd);
	vm_close(&h->vm);
	host_init(h);
}

/* --- another thread of it ------------------------------------------------------ */

static void *call_main(void *arg)
{
	struct call *call = arg;
	long long start_ms = sim_now_ms();

	call->err = call->fn(call);
	call->took_ms = sim_now_ms() - start_ms;
	atomic_store(&call->ended, true);
	return NULL;
}

int call_start(struct call *call, int (*fn)(struct call *call), struct host *h,
	       struct assigned *dev)
{
	call->fn = fn;
	call->h = h;
	call->dev = dev;
	atomic_store(&call->ended, false);
	return -pthread_create(&call->thread, NULL, call_main, call);
}

/* Its result, SIM_JOB_RUNNING if it does not end in time */
int call_wait(struct call *call, unsigned int timeout_ms)
{
	if (!sim_wait(atomic_load(&call->ended), timeout_ms))
		return SIM_JOB_RUNNING;
	pthread_join(call->thread, NULL);
	return call->err;
}
