// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM's VMs, for those that bind devices to VMs and know nothing of KVM: see
 * <linux/tsm-vm.h>.
 */
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/tsm-vm.h>

#include "tsm_vm.h"

/* The file is kept by the caller, and keeps the VM. */
static struct kvm *kvm_tsm_vm_from_file(struct file *file)
{
	struct kvm *kvm;

	if (!file_is_kvm(file))
		return NULL;

	kvm = file->private_data;
	return kvm_get_kvm_safe(kvm) ? kvm : NULL;
}

static bool kvm_tsm_vm_confidential(struct kvm *kvm)
{
	return kvm_arch_has_private_mem(kvm);
}

static const struct tsm_vm_ops kvm_tsm_vm_ops = {
	.owner = THIS_MODULE,
	.from_file = kvm_tsm_vm_from_file,
	.get = kvm_get_kvm,
	.put = kvm_put_kvm,
	.confidential = kvm_tsm_vm_confidential,
};

/**
 * kvm_tsm_vm_init() - let devices be bound to KVM's VMs
 *
 * KVM does without, should another hypervisor be there.
 */
void kvm_tsm_vm_init(void)
{
	if (tsm_vm_register(&kvm_tsm_vm_ops))
		pr_warn("kvm: another hypervisor binds devices to its VMs\n");
}

/**
 * kvm_tsm_vm_exit() - undo kvm_tsm_vm_init()
 */
void kvm_tsm_vm_exit(void)
{
	tsm_vm_unregister(&kvm_tsm_vm_ops);
}
