// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that a TEE security manager (TSM) binds to confidential VMs: vIOMMUs
 * that keep a VM, vDEVICEs that are TDIs, and what is told of those. PCI/TSM does
 * it; VFIO closes the device to the host meanwhile. What guests want done with a
 * TDI is in tsm_req.c.
 *
 * Nobody can make others wait for long: the group's lock is around the creation of
 * a TDI, and around nothing else that PCI/TSM does.
 */
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/iommufd.h>
#include <linux/pci.h>
#include <linux/pci-tdi.h>
#include <linux/slab.h>
#include <linux/tsm-vm.h>
#include <linux/workqueue.h>
#include <uapi/linux/iommufd.h>

#include "iommufd_private.h"

/* All of this is an ABI. */
static_assert(sizeof(struct iommu_viommu_alloc) == 48);
static_assert(sizeof(struct iommu_hw_info_tsm) == 40);
static_assert(sizeof(struct iommu_vevent_tsm) == 16);

/**
 * struct iommufd_tsm_host - what the driver of a device does when that is bound
 * @ops: hooks
 * @priv: their argument
 * @kvm: VM that the driver was told of, or NULL; kept by it until the disarm
 *
 * At iommufd_device::tsm_host while the device is armed, under its group's lock.
 */
struct iommufd_tsm_host {
	const struct pci_tdi_host_ops *ops;
	void *priv;
	struct kvm *kvm;
};

/**
 * struct iommufd_tsm_viommu - vIOMMU of a TSM
 * @core: without hwpt and iommu_dev: no IOMMU of the host is virtualized
 * @vm: the VM, with a reference
 * @secure: secure vIOMMU of the TSM, or NULL
 */
struct iommufd_tsm_viommu {
	struct iommufd_viommu core;
	struct pci_tdi_vm vm;
	struct pci_tdi_viommu *secure;
};

/**
 * struct iommufd_tsm_vdevice - vDEVICE that is a TDI
 * @core: on a &struct iommufd_tsm_viommu
 * @tdi: the TDI; kept until the vDEVICE is no longer the device's, so that a
 *	 disarm finds it, whoever destroys it meanwhile
 * @host: as the device was armed; used by the TDI, until that is disarmed
 * @events: bit n: event n of &enum iommu_vevent_tsm_type is to be reported
 * @event_work: reports them
 * @killed: @tdi was destroyed; by the one thread that destroys the vDEVICE
 */
struct iommufd_tsm_vdevice {
	struct iommufd_vdevice core;
	struct pci_tdi *tdi;
	struct iommufd_tsm_host host;
	unsigned long events;
	struct work_struct event_work;
	bool killed;
};

static struct iommufd_tsm_viommu *to_tsm_viommu(struct iommufd_viommu *viommu)
{
	return container_of(viommu, struct iommufd_tsm_viommu, core);
}

static struct iommufd_tsm_vdevice *to_tsm_vdevice(struct iommufd_vdevice *vdev)
{
	return container_of(vdev, struct iommufd_tsm_vdevice, core);
}

/* --- what can be done with a device ---------------------------------------- */

static u64 iommufd_tsm_viommu_types(const struct pci_tdi_caps *caps)
{
	return BIT_ULL(IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU) |
	       (caps->viommu_types & IOMMUFD_TSM_VIOMMU_TYPES);
}

/**
 * iommufd_tsm_hw_info() - hardware information of %IOMMU_HW_INFO_TYPE_TSM
 * @dev: the device, which has an IOMMU
 * @length: result, bytes of what is returned
 * @type: on entry the wanted type, on return what it is
 *
 * In the place of &iommu_ops.hw_info, as that is not asked.
 *
 * Return: &struct iommu_hw_info_tsm, to be freed, or
 *
 * * %-EOPNOTSUPP	- not a PCI function
 * * %-ENOMEM		- out of memory
 */
void *iommufd_tsm_hw_info(struct device *dev, u32 *length,
			  enum iommu_hw_info_type *type)
{
	struct pci_tdi_caps caps = {};
	struct iommu_hw_info_tsm *info;
	int rc;

	if (!dev_is_pci(dev))
		return ERR_PTR(-EOPNOTSUPP);

	info = kzalloc_obj(*info);
	if (!info)
		return ERR_PTR(-ENOMEM);

	if (to_pci_dev(dev)->devcap & PCI_EXP_DEVCAP_TEE)
		info->flags |= IOMMU_HW_INFO_TSM_TEE;

	rc = pci_tdi_query(to_pci_dev(dev), &caps);
	if (!rc || rc == -EOPNOTSUPP) {
		info->flags |= IOMMU_HW_INFO_TSM_CONNECTED;
		info->tsm_id = caps.tsm_id;
	}
	if (!rc) {
		info->flags |= IOMMU_HW_INFO_TSM_CAN_BIND;
		info->tsm_arch = caps.arch;
		info->guest_rid_bits = caps.guest_rid_bits;
		info->max_req_len = caps.max_req_len;
		info->max_resp_len = caps.max_resp_len;
		info->op_mask = caps.op_mask;
		info->viommu_type_mask = iommufd_tsm_viommu_types(&caps);
	}

	*length = sizeof(*info);
	*type = IOMMU_HW_INFO_TYPE_TSM;
	return info;
}

/* --- hooks of the host ------------------------------------------------------ */

static int iommufd_tsm_gate(void *priv)
{
	struct iommufd_tsm_host *host = priv;

	return host->ops->gate ? host->ops->gate(host->priv) : 0;
}

static int iommufd_tsm_ranges(void *priv, struct kvm *kvm,
			      const struct pci_tdi_report *report)
{
	struct iommufd_tsm_host *host = priv;

	return host->ops->ranges ?
		       host->ops->ranges(host->priv, kvm, report) : 0;
}

static int iommufd_tsm_trusted_dma(void *priv, bool on)
{
	struct iommufd_tsm_host *host = priv;

	return host->ops->trusted_dma ?
		       host->ops->trusted_dma(host->priv, on) : 0;
}

static void iommufd_tsm_revoke(void *priv)
{
	struct iommufd_tsm_host *host = priv;

	if (host->ops->revoke)
		host->ops->revoke(host->priv);
}

static void iommufd_tsm_ungate(void *priv)
{
	struct iommufd_tsm_host *host = priv;

	if (host->ops->ungate)
		host->ops->ungate(host->priv);
}

static void iommufd_tsm_event_work(struct work_struct *work)
{
	struct iommufd_tsm_vdevice *tvdev =
		container_of(work, struct iommufd_tsm_vdevice, event_work);
	struct iommu_vevent_tsm vevent = {
		.virt_id = tvdev->core.virt_id,
	};

	for (vevent.event = IOMMU_VEVENT_TSM_ERROR;
	     vevent.event <= IOMMU_VEVENT_TSM_QUARANTINED; vevent.event++) {
		if (!test_and_clear_bit(vevent.event, &tvdev->events))
			continue;

		/* fails if nobody listens, and says if an event is lost */
		iommufd_viommu_report_event(tvdev->core.viommu,
					    IOMMU_VEVENTQ_TYPE_TSM, &vevent,
					    sizeof(vevent));
	}
}

/*
 * The queues of a vIOMMU may be locked as long as it takes to write to memory of
 * userspace. So they are not for who holds the TDI's mutex.
 */
static void iommufd_tsm_event(void *priv, enum pci_tdi_event event)
{
	static const u8 types[] = {
		[PCI_TDI_EVENT_ERROR] = IOMMU_VEVENT_TSM_ERROR,
		[PCI_TDI_EVENT_UNBOUND] = IOMMU_VEVENT_TSM_UNBOUND,
		[PCI_TDI_EVENT_QUARANTINED] = IOMMU_VEVENT_TSM_QUARANTINED,
	};
	struct iommufd_tsm_vdevice *tvdev =
		container_of(priv, struct iommufd_tsm_vdevice, host);

	if (tvdev->host.ops->event)
		tvdev->host.ops->event(tvdev->host.priv, event);

	set_bit(types[event], &tvdev->events);
	queue_work(system_dfl_wq, &tvdev->event_work);
}

static const struct pci_tdi_host_ops iommufd_tsm_host_ops = {
	.gate = iommufd_tsm_gate,
	.ranges = iommufd_tsm_ranges,
	.trusted_dma = iommufd_tsm_trusted_dma,
	.revoke = iommufd_tsm_revoke,
	.ungate = iommufd_tsm_ungate,
	.event = iommufd_tsm_event,
};

/**
 * iommufd_device_tsm_arm() - allow a device to be bound to VMs
 * @idev: device, bound by iommufd_device_bind()
 * @ops: hooks by which its driver closes the device to the host, see there
 * @priv: their argument
 * @kvm: VM that the device is for, or NULL if that is not known; the caller
 *	 keeps it until iommufd_device_tsm_disarm()
 *
 * Userspace knows a device as soon as it is bound to iommufd, but the driver has
 * not opened it yet. Until this call no TDI is made of it (ENODEV).
 *
 * Context: May sleep. Not with a lock that a hook takes.
 *
 * Return: 0, -EBUSY if @idev is armed, or -ENOMEM.
 */
int iommufd_device_tsm_arm(struct iommufd_device *idev,
			   const struct pci_tdi_host_ops *ops, void *priv,
			   struct kvm *kvm)
{
	struct iommufd_tsm_host *host __free(kfree) =
		kmalloc_obj(*host, GFP_KERNEL_ACCOUNT);

	if (!host)
		return -ENOMEM;

	*host = (struct iommufd_tsm_host){
		.ops = ops,
		.priv = priv,
		.kvm = kvm,
	};

	guard(mutex)(&idev->igroup->lock);
	if (idev->tsm_host)
		return -EBUSY;

	idev->tsm_host = no_free_ptr(host);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_tsm_arm, "IOMMUFD");

/* The TDI that a device is, with a reference, or NULL */
static struct pci_tdi *iommufd_device_get_tdi(struct iommufd_device *idev)
{
	struct iommufd_vdevice *vdev = idev->vdev;
	struct pci_tdi *tdi;

	lockdep_assert_held(&idev->igroup->lock);

	if (!vdev || !iommufd_viommu_is_tsm(vdev->viommu))
		return NULL;

	tdi = to_tsm_vdevice(vdev)->tdi;
	pci_tdi_get(tdi);
	return tdi;
}

/**
 * iommufd_device_tsm_disarm() - undo iommufd_device_tsm_arm()
 * @idev: the device; nothing happens if it is not armed
 *
 * What the device is to a VM ends: requests in flight at their next message, then
 * the bind, by the teardown that &struct pci_tdi_host_ops describes. None of the
 * hooks is called after that. The vDEVICE stays, good for nothing, until it is
 * destroyed, or @idev is unbound.
 *
 * Context: May sleep, not interruptible: for a TDI that is being made, and at
 * most 40 s for a teardown. Not with a lock that a hook takes.
 */
void iommufd_device_tsm_disarm(struct iommufd_device *idev)
{
	struct iommufd_tsm_host *host;
	struct pci_tdi *tdi = NULL;

	scoped_guard(mutex, &idev->igroup->lock) {
		host = idev->tsm_host;
		idev->tsm_host = NULL;
		if (host)
			tdi = iommufd_device_get_tdi(idev);
	}

	/* also waits for who destroys it right now */
	if (tdi) {
		pci_tdi_disarm(tdi);
		pci_tdi_put(tdi);
	}
	kfree(host);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_tsm_disarm, "IOMMUFD");

/* --- vDEVICEs ----------------------------------------------------------------- */

/**
 * iommufd_tsm_vdevice_kill() - tear down and destroy the TDI of a vDEVICE
 * @vdev: any vDEVICE, which its caller destroys
 *
 * Requests that are in flight end at their next message, and those to come find
 * the TDI DEAD.
 *
 * Context: May sleep, at most 40 s. Without the lock of the device's group,
 * unless the vDEVICE was never known to userspace.
 */
void iommufd_tsm_vdevice_kill(struct iommufd_vdevice *vdev)
{
	struct iommufd_tsm_vdevice *tvdev;

	if (!iommufd_viommu_is_tsm(vdev->viommu))
		return;

	tvdev = to_tsm_vdevice(vdev);
	if (tvdev->killed)
		return;

	tvdev->killed = true;
	pci_tdi_destroy(tvdev->tdi);
	/* no hook is called any more; what happened is reported */
	flush_work(&tvdev->event_work);
}

static void iommufd_tsm_vdevice_destroy(struct iommufd_vdevice *vdev)
{
	/* not done yet when the user could not be told of the vDEVICE */
	iommufd_tsm_vdevice_kill(vdev);
	pci_tdi_put(to_tsm_vdevice(vdev)->tdi);
}

static int iommufd_tsm_vdevice_init(struct iommufd_vdevice *vdev)
{
	struct iommufd_tsm_viommu *tviommu = to_tsm_viommu(vdev->viommu);
	struct iommufd_tsm_vdevice *tvdev = to_tsm_vdevice(vdev);
	const struct pci_tdi_create_args args = {
		.vm = tviommu->vm,
		.guest_rid = vdev->virt_id,
		.viommu = tviommu->secure,
		.host_ops = &iommufd_tsm_host_ops,
		.host_priv = &tvdev->host,
	};
	struct iommufd_device *idev = vdev->idev;
	struct pci_tdi *tdi;

	lockdep_assert_held(&idev->igroup->lock);

	/* without an IOMMU its DMA to shared memory is not contained */
	if (!dev_is_pci(idev->dev) || !iommufd_device_get_iommu_dev(idev))
		return -EOPNOTSUPP;
	if (!idev->tsm_host)
		return -ENODEV;
	if (idev->tsm_host->kvm && idev->tsm_host->kvm != tviommu->vm.kvm)
		return -EINVAL;

	tvdev->host = *idev->tsm_host;
	INIT_WORK(&tvdev->event_work, iommufd_tsm_event_work);
	tdi = pci_tdi_create(to_pci_dev(idev->dev), &args);
	if (IS_ERR(tdi))
		return PTR_ERR(tdi);

	pci_tdi_get(tdi);
	tvdev->tdi = tdi;
	vdev->destroy = iommufd_tsm_vdevice_destroy;
	return 0;
}

/* --- vIOMMUs ------------------------------------------------------------------ */

static void iommufd_tsm_viommu_destroy(struct iommufd_viommu *viommu)
{
	struct iommufd_tsm_viommu *tviommu = to_tsm_viommu(viommu);

	if (tviommu->secure)
		pci_tdi_viommu_put(tviommu->secure);
	if (tviommu->vm.kvm)
		tviommu->vm.put(tviommu->vm.kvm);
}

static const struct iommufd_viommu_ops iommufd_tsm_viommu_ops = {
	.destroy = iommufd_tsm_viommu_destroy,
	.vdevice_size = VDEVICE_STRUCT_SIZE(struct iommufd_tsm_vdevice, core),
	.vdevice_init = iommufd_tsm_vdevice_init,
};

/* The VM of the file that the user gives, and that VFIO was told of */
static int iommufd_tsm_get_vm(const struct iommu_viommu_alloc *cmd,
			      struct iommufd_device *idev,
			      struct pci_tdi_vm *vm)
{
	struct kvm *kvm;
	int rc;

	/* its driver keeps the VM as long as the device is armed */
	guard(mutex)(&idev->igroup->lock);
	if (!idev->tsm_host)
		return -ENODEV;

	kvm = idev->tsm_host->kvm;
	if (!(cmd->flags & IOMMU_VIOMMU_ALLOC_VM_FD))
		return kvm ? tsm_vm_from_kvm(kvm, vm) : -ENODEV;

	CLASS(fd, f)(cmd->vm_fd);
	if (fd_empty(f))
		return -EBADF;

	rc = tsm_vm_from_file(fd_file(f), vm);
	if (!rc && kvm && kvm != vm->kvm) {
		vm->put(vm->kvm);
		vm->kvm = NULL;
		return -EINVAL;
	}

	return rc;
}

static int iommufd_tsm_viommu_make(struct iommufd_ucmd *ucmd,
				   struct iommufd_device *idev)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommufd_tsm_viommu *tviommu;
	struct pci_tdi_viommu *secure;
	struct pci_tdi_caps caps;
	struct pci_dev *pdev;
	int rc;

	if (!dev_is_pci(idev->dev) || !iommufd_device_get_iommu_dev(idev))
		return -EOPNOTSUPP;

	pdev = to_pci_dev(idev->dev);
	rc = pci_tdi_query(pdev, &caps);
	if (rc)
		return rc;
	if (!(iommufd_tsm_viommu_types(&caps) & BIT_ULL(cmd->type)))
		return -EOPNOTSUPP;

	tviommu = __iommufd_object_alloc_ucmd(ucmd, tviommu, IOMMUFD_OBJ_VIOMMU,
					      core.obj);
	if (IS_ERR(tviommu))
		return PTR_ERR(tviommu);

	/* whatever fails from here on, iommufd_viommu_destroy() is called */
	xa_init(&tviommu->core.vdevs);
	INIT_LIST_HEAD(&tviommu->core.veventqs);
	init_rwsem(&tviommu->core.veventqs_rwsem);
	tviommu->core.type = cmd->type;
	tviommu->core.ictx = ucmd->ictx;
	tviommu->core.ops = &iommufd_tsm_viommu_ops;

	rc = iommufd_tsm_get_vm(cmd, idev, &tviommu->vm);
	if (rc)
		return rc;
	if (caps.confidential_vm && !tviommu->vm.confidential)
		return -EINVAL;

	if (cmd->type != IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU) {
		secure = pci_tdi_viommu_create(pdev, cmd->type, &tviommu->vm);
		if (IS_ERR(secure))
			return PTR_ERR(secure);
		tviommu->secure = secure;
	}

	cmd->out_viommu_id = tviommu->core.obj.id;
	return iommufd_ucmd_respond(ucmd, sizeof(*cmd));
}

/**
 * iommufd_tsm_viommu_alloc() - IOMMU_VIOMMU_ALLOC of a type of TSMs
 * @ucmd: with a &struct iommu_viommu_alloc
 *
 * Context: May sleep; interruptible.
 *
 * Return: 0, or an errno that &struct iommu_viommu_alloc lists.
 */
int iommufd_tsm_viommu_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommufd_device *idev;
	int rc;

	if (cmd->flags & ~IOMMU_VIOMMU_ALLOC_VM_FD || cmd->__reserved ||
	    cmd->__reserved2)
		return -EOPNOTSUPP;
	if (cmd->hwpt_id || cmd->data_len ||
	    (cmd->vm_fd && !(cmd->flags & IOMMU_VIOMMU_ALLOC_VM_FD)))
		return -EINVAL;

	idev = iommufd_get_device(ucmd, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);

	rc = iommufd_tsm_viommu_make(ucmd, idev);
	iommufd_put_object(ucmd->ictx, &idev->obj);
	return rc;
}

/* --- for what is done with them ---------------------------------------------------- */

/**
 * iommufd_get_tdi() - the TDI that a vDEVICE is
 * @ucmd: whose iommufd it is in
 * @id: of the vDEVICE
 *
 * The vDEVICE itself may go; the TDI is DEAD then. A vDEVICE has its reference until
 * it was taken out of the table, so that it need not be kept to get another one.
 *
 * Return: the TDI, for pci_tdi_put(), or
 *
 * * %-ENOENT		- there is no such vDEVICE
 * * %-EOPNOTSUPP	- it is not on a vIOMMU of a TSM
 */
struct pci_tdi *iommufd_get_tdi(struct iommufd_ucmd *ucmd, u32 id)
{
	struct pci_tdi *tdi = ERR_PTR(-ENOENT);
	struct iommufd_vdevice *vdev;
	struct iommufd_object *obj;

	xa_lock(&ucmd->ictx->objects);
	obj = xa_load(&ucmd->ictx->objects, id);
	if (obj && obj->type == IOMMUFD_OBJ_VDEVICE) {
		vdev = container_of(obj, struct iommufd_vdevice, obj);
		tdi = ERR_PTR(-EOPNOTSUPP);
		if (iommufd_viommu_is_tsm(vdev->viommu)) {
			tdi = to_tsm_vdevice(vdev)->tdi;
			pci_tdi_get(tdi);
		}
	}
	xa_unlock(&ucmd->ictx->objects);
	return tdi;
}
