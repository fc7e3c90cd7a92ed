// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs, for those that bind devices to them: whose files are VMs, how a VM is
 * kept, and what kind of VM it is. The hypervisor knows; it says so here.
 */
#define pr_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci-tdi.h>
#include <linux/tsm-vm.h>
#include <kunit/visibility.h>

#include "tdi.h"

/*
 * The hypervisor, or NULL. Changed under the lock, which also keeps it there for
 * who has no VM yet. Who has one needs no lock: the VM keeps the module, and
 * tsm_vm_unregister() is called when that goes.
 */
static const struct tsm_vm_ops *tsm_vm_ops;
static DEFINE_MUTEX(tsm_vm_lock);

static void tsm_vm_get(struct kvm *kvm)
{
	const struct tsm_vm_ops *ops = READ_ONCE(tsm_vm_ops);

	__module_get(ops->owner);
	ops->get(kvm);
}

static void tsm_vm_put(struct kvm *kvm)
{
	const struct tsm_vm_ops *ops = READ_ONCE(tsm_vm_ops);

	ops->put(kvm);
	module_put(ops->owner);
}

static void tsm_vm_fill(struct pci_tdi_vm *vm, struct kvm *kvm)
{
	*vm = (struct pci_tdi_vm){
		.kvm = kvm,
		.confidential = tsm_vm_ops->confidential(kvm),
		.get = tsm_vm_get,
		.put = tsm_vm_put,
	};
}

/**
 * tsm_vm_register() - make the VMs of a hypervisor known
 * @ops: what to do with them; stays until tsm_vm_unregister()
 *
 * Context: May sleep, only for a moment.
 *
 * Return: 0, or -EBUSY if there is a hypervisor already.
 */
int tsm_vm_register(const struct tsm_vm_ops *ops)
{
	guard(mutex)(&tsm_vm_lock);
	if (tsm_vm_ops)
		return -EBUSY;

	WRITE_ONCE(tsm_vm_ops, ops);
	return 0;
}
EXPORT_SYMBOL_GPL(tsm_vm_register);

/**
 * tsm_vm_unregister() - undo tsm_vm_register()
 * @ops: as registered; nothing happens if it is not
 *
 * Only when nobody can have a VM of this hypervisor any more: by the exit of the
 * module that owns @ops, or by an init of it that fails.
 *
 * Context: May sleep, only for a moment.
 */
void tsm_vm_unregister(const struct tsm_vm_ops *ops)
{
	guard(mutex)(&tsm_vm_lock);
	if (tsm_vm_ops == ops)
		WRITE_ONCE(tsm_vm_ops, NULL);
}
EXPORT_SYMBOL_GPL(tsm_vm_unregister);

#if IS_ENABLED(CONFIG_KUNIT)
/* Put another hypervisor in the place of the one that is there, for a test */
const struct tsm_vm_ops *tsm_vm_swap(const struct tsm_vm_ops *ops)
{
	const struct tsm_vm_ops *old;

	guard(mutex)(&tsm_vm_lock);
	old = tsm_vm_ops;
	WRITE_ONCE(tsm_vm_ops, ops);
	return old;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_vm_swap);
#endif

/**
 * tsm_vm_from_file() - which VM is this file of?
 * @file: any file
 * @vm: result, with a reference to the VM: call its put()
 *
 * Context: May sleep, only for a moment.
 *
 * Return: 0, or -EINVAL if @file is not one of a VM, or no hypervisor is there.
 */
int tsm_vm_from_file(struct file *file, struct pci_tdi_vm *vm)
{
	struct kvm *kvm;

	guard(mutex)(&tsm_vm_lock);
	if (!tsm_vm_ops || !try_module_get(tsm_vm_ops->owner))
		return -EINVAL;

	kvm = tsm_vm_ops->from_file(file);
	if (!kvm) {
		module_put(tsm_vm_ops->owner);
		return -EINVAL;
	}

	tsm_vm_fill(vm, kvm);
	return 0;
}
EXPORT_SYMBOL_GPL(tsm_vm_from_file);

/**
 * tsm_vm_from_kvm() - say of a VM what is to be known of it
 * @kvm: VM of the registered hypervisor, which the caller has a reference to
 * @vm: result, with another reference to the VM: call its put()
 *
 * Context: May sleep, only for a moment.
 *
 * Return: 0, or -ENODEV if no hypervisor is registered.
 */
int tsm_vm_from_kvm(struct kvm *kvm, struct pci_tdi_vm *vm)
{
	guard(mutex)(&tsm_vm_lock);
	if (!tsm_vm_ops || !try_module_get(tsm_vm_ops->owner))
		return -ENODEV;

	tsm_vm_ops->get(kvm);
	tsm_vm_fill(vm, kvm);
	return 0;
}
EXPORT_SYMBOL_GPL(tsm_vm_from_kvm);
