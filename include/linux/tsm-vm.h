/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs, for those that bind devices to them and do not know what a VM is. A
 * hypervisor says how its VMs are found, kept and told apart; PCI/TSM and
 * iommufd ask, and link to no hypervisor.
 */
#ifndef __LINUX_TSM_VM_H
#define __LINUX_TSM_VM_H

#include <linux/errno.h>
#include <linux/types.h>

struct file;
struct kvm;
struct module;
struct pci_tdi_vm;

/**
 * struct tsm_vm_ops - a hypervisor's VMs
 * @owner: module of these operations; kept as long as a VM is
 * @from_file: the VM that a file is of, with a reference, or NULL if the file is
 *	       not one of a VM or the VM is about to end
 * @get: take another reference; the caller has one
 * @put: drop a reference; may sleep
 * @confidential: does the VM have memory that the host does not see?
 */
struct tsm_vm_ops {
	struct module *owner;
	struct kvm *(*from_file)(struct file *file);
	void (*get)(struct kvm *kvm);
	void (*put)(struct kvm *kvm);
	bool (*confidential)(struct kvm *kvm);
};

#ifdef CONFIG_PCI_TSM
int tsm_vm_register(const struct tsm_vm_ops *ops);
void tsm_vm_unregister(const struct tsm_vm_ops *ops);

int tsm_vm_from_file(struct file *file, struct pci_tdi_vm *vm);
int tsm_vm_from_kvm(struct kvm *kvm, struct pci_tdi_vm *vm);
#else
static inline int tsm_vm_register(const struct tsm_vm_ops *ops)
{
	return 0;
}

static inline void tsm_vm_unregister(const struct tsm_vm_ops *ops)
{
}
#endif

#endif /* __LINUX_TSM_VM_H */
