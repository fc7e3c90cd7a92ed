// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secure vIOMMUs: what a TSM sets up for a VM before any function is behind
 * it. They belong to a TSM, not to a device, and end with either.
 */
#define pr_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "tdi.h"
#include "trace.h"

/* Secure vIOMMUs that firmware has not given up, for ever; under tsm_lock */
static LIST_HEAD(tsm_kept_viommus);

static int tsm_viommu_make(struct pci_tdi_viommu *viommu,
			   struct tsm_link *link, u32 type)
{
	struct pci_tsm_viommu *ctx;
	ktime_t start;
	int rc;

	rc = tsm_ops_lock_interruptible(link);
	if (rc)
		return rc;
	start = ktime_get();
	ctx = viommu->ops->viommu_create(link->tsm_dev, type, viommu->vm.kvm);
	rc = ctx ? PTR_ERR_OR_ZERO(ctx) : -ENOMEM;
	trace_tsm_viommu(link->tsm_dev, type, true, rc,
			 ktime_us_delta(ktime_get(), start));
	tsm_ops_unlock(link);
	if (rc)
		return rc;

	ctx->tsm_dev = link->tsm_dev;
	ctx->kvm = viommu->vm.kvm;
	ctx->type = type;
	viommu->ctx = ctx;
	return 0;
}

/*
 * Called by whoever took it from its TSM, which stays for the time of the call.
 * Not zero if firmware may go on using what it has: then that is kept for ever.
 */
static int tsm_viommu_unmake(struct pci_tdi_viommu *viommu,
			     struct tsm_link *link)
{
	u32 type = viommu->ctx->type;
	ktime_t start;
	int rc;

	tsm_ops_lock(link);
	start = ktime_get();
	rc = viommu->ops->viommu_destroy(viommu->ctx);
	trace_tsm_viommu(link->tsm_dev, type, false, rc,
			 ktime_us_delta(ktime_get(), start));
	tsm_ops_unlock(link);

	if (!rc) {
		viommu->vm.put(viommu->vm.kvm);
		module_put(viommu->ops->owner);
		return 0;
	}

	dev_err(&link->tsm_dev->dev, "secure vIOMMU kept: %d\n", rc);
	get_device(&link->tsm_dev->dev);
	guard(mutex)(&tsm_lock);
	viommu->kept = true;
	list_add(&viommu->node, &tsm_kept_viommus);
	return rc;
}

/**
 * pci_tdi_viommu_create() - set up a secure vIOMMU for a VM
 * @pdev: PCI function whose TSM it is for
 * @type: &enum iommu_viommu_type
 * @vm: the VM
 *
 * Context: May sleep; interruptible.
 *
 * Return: the vIOMMU, for pci_tdi_viommu_put(), or
 *
 * * %-EINVAL		- no VM, or one that is not confidential for a TSM that
 *			  takes no other
 * * %-ENXIO		- no connected DSM manages @pdev, or its TSM goes away
 * * %-EOPNOTSUPP	- its TSM has no secure vIOMMUs of this type
 * * %-EINTR		- interrupted while waiting for another operation
 * * %-ENOMEM		- out of memory
 * * others		- of the TSM driver
 */
struct pci_tdi_viommu *pci_tdi_viommu_create(struct pci_dev *pdev, u32 type,
					     const struct pci_tdi_vm *vm)
{
	const struct pci_tdi_ops *ops;
	struct pci_tdi_viommu *viommu;
	struct tsm_session *s;
	int rc;

	if (!vm->kvm || !vm->get || !vm->put)
		return ERR_PTR(-EINVAL);

	s = tsm_session_get(pdev);
	if (!s)
		return ERR_PTR(-ENXIO);

	ops = s->link->tsm_dev->pci_ops->tdi_ops;
	rc = -EOPNOTSUPP;
	if (!ops || type >= BITS_PER_LONG_LONG ||
	    !(ops->viommu_types & BIT_ULL(type)))
		goto out_session;

	rc = -EINVAL;
	if (!tsm_vm_fits(ops, vm))
		goto out_session;

	rc = -ENXIO;
	if (!try_module_get(ops->owner))
		goto out_session;

	rc = -ENOMEM;
	viommu = kzalloc_obj(*viommu, GFP_KERNEL_ACCOUNT);
	if (!viommu)
		goto out_module;

	kref_init(&viommu->ref);
	viommu->ops = ops;
	viommu->vm = *vm;
	viommu->vm.get(vm->kvm);

	rc = tsm_viommu_make(viommu, s->link, type);
	if (rc)
		goto out_vm;

	scoped_guard(mutex, &tsm_lock) {
		viommu->link = s->link;
		list_add(&viommu->node, &s->link->viommus);
	}
	tsm_session_put(s);
	return viommu;

out_vm:
	viommu->vm.put(vm->kvm);
	kfree(viommu);
out_module:
	module_put(ops->owner);
out_session:
	tsm_session_put(s);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_GPL(pci_tdi_viommu_create);

static void tsm_viommu_free(struct kref *ref)
	__releases(&tsm_lock)
{
	struct pci_tdi_viommu *viommu = container_of(ref, struct pci_tdi_viommu,
						     ref);
	struct tsm_link *link = viommu->link;
	bool kept = viommu->kept;

	if (link) {
		list_del(&viommu->node);
		viommu->link = NULL;
		link->users++;
	}
	mutex_unlock(&tsm_lock);

	if (link) {
		kept = tsm_viommu_unmake(viommu, link);
		scoped_guard(mutex, &tsm_lock)
			tsm_link_put(link);
	}

	if (!kept)
		kfree(viommu);
}

/**
 * pci_tdi_viommu_put() - drop a reference to a secure vIOMMU
 * @viommu: the vIOMMU
 *
 * The last reference, of its creator or of the last TDI behind it, ends it.
 *
 * Context: May sleep, not interruptible.
 */
void pci_tdi_viommu_put(struct pci_tdi_viommu *viommu)
{
	kref_put_mutex(&viommu->ref, tsm_viommu_free, &tsm_lock);
}
EXPORT_SYMBOL_GPL(pci_tdi_viommu_put);

static struct pci_tdi_viommu *tsm_link_take_viommu(struct tsm_link *link,
						   bool *kept)
{
	struct pci_tdi_viommu *viommu;

	guard(mutex)(&tsm_lock);
	viommu = list_first_entry_or_null(&link->viommus,
					  struct pci_tdi_viommu, node);
	if (!viommu)
		return NULL;

	list_del(&viommu->node);
	viommu->link = NULL;
	/* a quarantined TDI is behind it */
	*kept = viommu->kept;
	kref_get(&viommu->ref);
	return viommu;
}

/**
 * tsm_link_close_viommus() - end all secure vIOMMUs of a TSM that is leaving
 * @link: the TSM; no session of it is left, so that all TDIs are DEAD
 *
 * Context: May sleep.
 */
void tsm_link_close_viommus(struct tsm_link *link)
{
	struct pci_tdi_viommu *viommu;
	bool kept;

	while ((viommu = tsm_link_take_viommu(link, &kept))) {
		if (!kept)
			tsm_viommu_unmake(viommu, link);
		pci_tdi_viommu_put(viommu);
	}
}
