/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KVM_TSM_VM_H
#define __KVM_TSM_VM_H

#ifdef CONFIG_PCI_TSM
void kvm_tsm_vm_init(void);
void kvm_tsm_vm_exit(void);
#else
static inline void kvm_tsm_vm_init(void)
{
}

static inline void kvm_tsm_vm_exit(void)
{
}
#endif

#endif /* __KVM_TSM_VM_H */
