// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmm-flow BDF: what a VMM does to give a PCI function to a confidential VM as
 * its own, from the first open to the last close. To be read from main() on.
 *
 * The device is connected with a TSM (tsm/connect), and vfio-pci drives the
 * function. There is no guest here: where one would ask for something, the VMM
 * goes ahead. The VM is software-protected, or of the type that TSM_VM_TYPE in
 * the environment has for KVM_CREATE_VM.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/kvm.h>
#include <linux/tsm.h>
#include <linux/vfio.h>

/* Number of the function in the guest: segment 0, bus 0, device 4, function 0 */
#define VIRT_ID		0x0020

/**
 * struct vmm - what a VMM has of one assigned function
 * @vm: file of the VM
 * @device: file of the VFIO device
 * @iommufd: file of what the two are brought together in; IDs are its own
 * @dev_id: the device
 * @viommu_id: what keeps the VM, and all that is bound to it
 * @vdevice_id: the function, as the guest has it
 * @tsm: what the TSM of the device can do
 */
struct vmm {
	int vm;
	int device;
	int iommufd;
	uint32_t dev_id;
	uint32_t viommu_id;
	uint32_t vdevice_id;
	struct iommu_hw_info_tsm tsm;
};

static void must(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	printf("%s\n", what);
}

/* --- before the VM runs ------------------------------------------------------------ */

static void create_vm(struct vmm *v)
{
	const char *type = getenv("TSM_VM_TYPE");
	unsigned long vm_type = 0;
	int kvm;

#ifdef KVM_X86_SW_PROTECTED_VM
	vm_type = KVM_X86_SW_PROTECTED_VM;
#endif
	if (type)
		vm_type = strtoul(type, NULL, 0);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	v->vm = ioctl(kvm, KVM_CREATE_VM, vm_type);
	must(v->vm, "created a VM");
	close(kvm);
}

/* /dev/vfio/devices/vfioN of a function */
static void open_device(struct vmm *v, const char *bdf)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		err(1, "%s: is %s with vfio-pci?", path, bdf);
	while ((entry = readdir(dir)) && entry->d_name[0] == '.')
		;
	if (!entry)
		errx(1, "%s is empty", path);
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	closedir(dir);
	v->device = open(path, O_RDWR | O_CLOEXEC);
	must(v->device, "opened the device");
}

/*
 * VFIO is told which VM the device is for, before the device is bound. Instead,
 * IOMMU_VIOMMU_ALLOC can be given the VM's file.
 */
static void tell_vfio_of_vm(struct vmm *v)
{
	struct kvm_create_device list = { .type = KVM_DEV_TYPE_VFIO };
	int32_t device = v->device;
	struct kvm_device_attr add = {
		.group = KVM_DEV_VFIO_FILE,
		.attr = KVM_DEV_VFIO_FILE_ADD,
		.addr = (uintptr_t)&device,
	};

	if (ioctl(v->vm, KVM_CREATE_DEVICE, &list))
		err(1, "KVM_DEV_TYPE_VFIO");
	must(ioctl(list.fd, KVM_SET_DEVICE_ATTR, &add), "told VFIO of the VM");
}

/* The usual: an address space, in which the guest's shared memory is mapped */
static void bind_to_iommufd(struct vmm *v)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
	};
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };

	v->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (v->iommufd < 0)
		err(1, "/dev/iommu");
	bind.iommufd = v->iommufd;
	must(ioctl(v->device, VFIO_DEVICE_BIND_IOMMUFD, &bind),
	     "bound the device to iommufd");
	v->dev_id = bind.out_devid;
	if (ioctl(v->iommufd, IOMMU_IOAS_ALLOC, &ioas))
		err(1, "IOMMU_IOAS_ALLOC");
	attach.pt_id = ioas.out_ioas_id;
	must(ioctl(v->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
	     "attached it to an address space");
}

/* Nothing about a TSM has a meaning before the device was asked whose it is */
static void ask_for_tsm(struct vmm *v)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.in_data_type = IOMMU_HW_INFO_TYPE_TSM,
		.dev_id = v->dev_id,
		.data_len = sizeof(v->tsm),
		.data_uptr = (uintptr_t)&v->tsm,
	};

	must(ioctl(v->iommufd, IOMMU_GET_HW_INFO, &cmd),
	     "asked for the device's TSM");
	if (!(v->tsm.flags & IOMMU_HW_INFO_TSM_CONNECTED))
		errx(1, "the device is not connected: see its tsm/connect");
	if (!(v->tsm.flags & IOMMU_HW_INFO_TSM_CAN_BIND))
		errx(1, "tsm%u does not bind devices to VMs", v->tsm.tsm_id);
	printf("  tsm%u, architecture %u, requests %#llx\n", v->tsm.tsm_id,
	       v->tsm.tsm_arch, (unsigned long long)v->tsm.op_mask);
}

/*
 * The vIOMMU is the VM to the TSM, one for all of its devices. A vDEVICE is a
 * function in it: from here on the TSM knows which guest may ask for it, but it
 * is an ordinary function still.
 */
static void make_vdevice(struct vmm *v)
{
	struct iommu_viommu_alloc viommu = {
		.size = sizeof(viommu),
		.type = IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU,
		.dev_id = v->dev_id,
	};
	struct iommu_vdevice_alloc vdevice = {
		.size = sizeof(vdevice),
		.dev_id = v->dev_id,
		.virt_id = VIRT_ID,
	};

	must(ioctl(v->iommufd, IOMMU_VIOMMU_ALLOC, &viommu), "made a vIOMMU");
	v->viommu_id = viommu.out_viommu_id;
	vdevice.viommu_id = v->viommu_id;
	must(ioctl(v->iommufd, IOMMU_VDEVICE_ALLOC, &vdevice),
	     "made a vDEVICE");
	v->vdevice_id = vdevice.out_vdevice_id;
}

/* --- while it runs: what the guest asks for ------------------------------------------ */

/*
 * A request, and where its response goes. A VMM passes errno and tsm_code on to
 * its guest, who knows what they mean.
 */
static uint32_t request(struct vmm *v, uint32_t op, const void *req,
			uint32_t req_len, void *resp, uint32_t resp_len)
{
	struct iommu_vdevice_tsm_req cmd = {
		.size = sizeof(cmd),
		.vdevice_id = v->vdevice_id,
		.op = op,
		.tsm_arch = v->tsm.tsm_arch,
		.req_len = req_len,
		.req_uptr = (uintptr_t)req,
		.resp_len = resp_len,
		.resp_uptr = (uintptr_t)resp,
	};

	if (ioctl(v->iommufd, IOMMU_VDEVICE_TSM_REQ, &cmd))
		err(1, "operation %u (TSM's code %#llx)", op,
		    (unsigned long long)cmd.tsm_code);
	return cmd.out_resp_len;
}

static bool takes(struct vmm *v, uint32_t op)
{
	return v->tsm.op_mask & 1ull << op;
}

static void print_state(struct vmm *v)
{
	static const char * const names[] = {
		"UNLOCKED", "LOCKED", "RUN", "ERROR",
	};
	struct tsm_tdi_state_resp state;

	request(v, TSM_OP_GET_TDI_STATE, NULL, 0, &state, sizeof(state));
	printf("  the function is %s%s%s, bound %llu times\n",
	       names[state.state & 3],
	       state.flags & TSM_TDI_DEAD ? ", dead" : "",
	       state.flags & TSM_TDI_QUARANTINED ? ", quarantined" : "",
	       (unsigned long long)state.generation);
}

/* "Lock my device": the host has no say in it from here on */
static void bind(struct vmm *v)
{
	struct iommu_vdevice_tsm_bind cmd = {
		.size = sizeof(cmd),
		.vdevice_id = v->vdevice_id,
	};

	must(ioctl(v->iommufd, IOMMU_VDEVICE_TSM_BIND, &cmd),
	     "bound the function to the VM");
	print_state(v);
}

/* "What is it?" The VMM carries evidence; only the guest can judge it. */
static void fetch_evidence(struct vmm *v)
{
	static const char * const names[] = {
		"transcript", "certificate chain", "measurements",
		"interface report",
	};
	static uint8_t object[65536];
	uint32_t type;

	if (!takes(v, TSM_OP_OBJECT_INFO) || !takes(v, TSM_OP_READ_OBJECT))
		return;
	for (type = 0; type <= TSM_OBJECT_INTERFACE_REPORT; type++) {
		struct tsm_object_info ask = { .type = type };
		struct tsm_read_object read = { .type = type };
		struct tsm_object_info_resp info;
		uint32_t len, room = sizeof(object);

		if (room > v->tsm.max_resp_len)
			room = v->tsm.max_resp_len;
		request(v, TSM_OP_OBJECT_INFO, &ask, sizeof(ask), &info,
			sizeof(info));
		do {
			len = request(v, TSM_OP_READ_OBJECT, &read,
				      sizeof(read), object, room);
			read.offset += len;
		} while (len && read.offset < info.size);
		printf("  %-18s %6llu bytes, version %llu\n", names[type],
		       (unsigned long long)read.offset,
		       (unsigned long long)info.generation);
	}
}

/* "I trust it": private memory is its memory now */
static void start(struct vmm *v)
{
	if (takes(v, TSM_OP_ENABLE_DMA))
		request(v, TSM_OP_ENABLE_DMA, NULL, 0, NULL, 0);
	request(v, TSM_OP_START, NULL, 0, NULL, 0);
	printf("started it\n");
	print_state(v);
}

/* "I am done with it", or the guest is reset: an ordinary function again */
static void unbind(struct vmm *v)
{
	struct iommu_vdevice_tsm_unbind cmd = {
		.size = sizeof(cmd),
		.vdevice_id = v->vdevice_id,
	};

	must(ioctl(v->iommufd, IOMMU_VDEVICE_TSM_UNBIND, &cmd),
	     "unbound the function");
	print_state(v);
}

int main(int argc, char **argv)
{
	struct vmm v = { };

	if (argc != 2)
		errx(2, "usage: %s 0000:01:00.0", argv[0]);
	create_vm(&v);
	open_device(&v, argv[1]);
	tell_vfio_of_vm(&v);
	bind_to_iommufd(&v);
	ask_for_tsm(&v);
	make_vdevice(&v);

	bind(&v);
	fetch_evidence(&v);
	start(&v);
	unbind(&v);

	/* To exit is to close; that unbinds, too, whatever the guest was at */
	return 0;
}
