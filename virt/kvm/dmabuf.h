/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memslots of MMIO that a dma-buf stands for, see dmabuf.c.
 */
#ifndef __KVM_DMABUF_H
#define __KVM_DMABUF_H

#include <linux/errno.h>

struct device;
struct kvm;
struct kvm_memory_slot;
struct kvm_userspace_memory_region2;

#ifdef CONFIG_KVM_DMABUF
struct device *kvm_dmabuf_device(void);

int kvm_dmabuf_prepare(struct kvm *kvm, struct kvm_memory_slot *slot,
		       const struct kvm_userspace_memory_region2 *mem);
int kvm_dmabuf_commit(struct kvm_memory_slot *slot);
void kvm_dmabuf_unbind(struct kvm_memory_slot *slot);
void kvm_dmabuf_unbind_all(struct kvm *kvm);
#else
static inline int
kvm_dmabuf_prepare(struct kvm *kvm, struct kvm_memory_slot *slot,
		   const struct kvm_userspace_memory_region2 *mem)
{
	return -EOPNOTSUPP;
}

static inline int kvm_dmabuf_commit(struct kvm_memory_slot *slot)
{
	return -EOPNOTSUPP;
}

static inline void kvm_dmabuf_unbind(struct kvm_memory_slot *slot)
{
}

static inline void kvm_dmabuf_unbind_all(struct kvm *kvm)
{
}
#endif

#endif /* __KVM_DMABUF_H */
