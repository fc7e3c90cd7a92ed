// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memslots of MMIO that a dma-buf stands for (KVM_MEM_DMABUF): KVM as an importer.
 *
 * The exporter stays in control. KVM maps nothing ahead of time: a fault of the
 * guest asks the exporter under the dma-buf's reservation lock, and what it says
 * is good only as long as it has not called kvm_dmabuf_invalidate() since, which
 * the sequence count of KVM's MMU tells. That function takes away whatever was
 * mapped, and returns when no vCPU can reach it any more: there is no fence to
 * wait for, and nothing to unmap afterwards. The host maps none of it.
 *
 * Locks, outermost first: kvm->slots_lock, kvm->slots_arch_lock, dma_resv,
 * kvm->mmu_lock. A vCPU that faults is in kvm->srcu, whose grace periods others
 * wait for, so it waits for dma_resv only until a signal comes.
 */
#include <linux/align.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "dmabuf.h"
#include "kvm_mm.h"

MODULE_IMPORT_NS("DMA_BUF");

/**
 * struct kvm_dmabuf - what a memslot has of a dma-buf
 * @kvm: the VM
 * @slot: the memslot, which never moves and never shrinks
 * @dmabuf: the dma-buf
 * @attach: KVM's attachment to it, NULL until the memslot is about to be installed
 * @offset: where in the dma-buf the memslot begins, in bytes
 * @ask: how the exporter is asked
 *
 * Nothing here keeps the VM, which ends it first: see kvm_dmabuf_unbind_all().
 */
struct kvm_dmabuf {
	struct kvm *kvm;
	struct kvm_memory_slot *slot;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	u64 offset;
	int (*ask)(struct dma_buf *dmabuf, struct kvm *kvm, bool private,
		   u64 *offset, struct phys_vec *phys);
};

/* --- the exporter ------------------------------------------------------------- */

/*
 * The MMIO that there is around @offset of the dma-buf, which on return says where
 * in the dma-buf that begins. All of it can be mapped in the way asked for, and is
 * to be mapped uncached: KVM's MMU does so by itself with what is no RAM.
 */
static int kvm_dmabuf_ask(struct kvm_dmabuf *d, bool private, u64 *offset,
			  struct phys_vec *phys)
{
	dma_resv_assert_held(d->dmabuf->resv);
	return d->ask(d->dmabuf, d->kvm, private, offset, phys);
}

/*
 * The one exporter that KVM knows. VFIO uses KVM, so KVM cannot link to it; who
 * has a dma-buf of VFIO's has it loaded. To be replaced when exporters and
 * importers can negotiate how memory is described.
 *
 * Nothing else of a dma-buf is called before it is known to be VFIO's.
 */
static int kvm_dmabuf_get_exporter(struct kvm_dmabuf *d)
{
	u64 offset = d->offset;
	struct phys_vec phys;
	int r;

	d->ask = symbol_get(vfio_pci_dma_buf_kvm_map);
	if (!d->ask)
		return -EOPNOTSUPP;

	/* It may be anybody's, who may hold this lock for any time */
	r = dma_resv_lock_interruptible(d->dmabuf->resv, NULL);
	if (r)
		goto put;
	r = kvm_dmabuf_ask(d, false, &offset, &phys);
	dma_resv_unlock(d->dmabuf->resv);
	if (r != -EOPNOTSUPP)
		return 0;

put:
	symbol_put(vfio_pci_dma_buf_kvm_map);
	return r;
}

static void kvm_dmabuf_put_exporter(struct kvm_dmabuf *d)
{
	symbol_put(vfio_pci_dma_buf_kvm_map);
}

/* --- mapping and revoking ------------------------------------------------------- */

static void kvm_dmabuf_zap(struct kvm_dmabuf *d)
{
	struct kvm_gfn_range range = {
		.slot = d->slot,
		.start = d->slot->base_gfn,
		.end = d->slot->base_gfn + d->slot->npages,
		.attr_filter = KVM_FILTER_SHARED | KVM_FILTER_PRIVATE,
		.may_block = true,
	};
	struct kvm *kvm = d->kvm;
	int idx;

	/* what is zapped is looked up in the memslots */
	idx = srcu_read_lock(&kvm->srcu);
	KVM_MMU_LOCK(kvm);
	kvm_mmu_invalidate_start(kvm);
	if (kvm_mmu_unmap_gfn_range(kvm, &range))
		kvm_flush_remote_tlbs(kvm);
	/* a fault that has asked before, and not mapped yet, asks again */
	kvm_mmu_invalidate_end(kvm);
	KVM_MMU_UNLOCK(kvm);
	srcu_read_unlock(&kvm->srcu, idx);
}

static void kvm_dmabuf_invalidate(struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);
	kvm_dmabuf_zap(attach->importer_priv);
}

static const struct dma_buf_attach_ops kvm_dmabuf_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = kvm_dmabuf_invalidate,
};

/*
 * The order of the largest block of pages around @gfn, and likewise around @pfn,
 * that is aligned in both, in the memslot, and in the @nr pages from @first.
 */
static int kvm_dmabuf_max_order(const struct kvm_memory_slot *slot, gfn_t gfn,
				kvm_pfn_t pfn, kvm_pfn_t first, u64 nr)
{
	int order = PUD_SHIFT - PAGE_SHIFT;

	for (; order; order--) {
		u64 pages = 1ULL << order;
		gfn_t gfn_start = ALIGN_DOWN(gfn, pages);
		kvm_pfn_t pfn_start = ALIGN_DOWN(pfn, pages);

		if (gfn - gfn_start == pfn - pfn_start &&
		    gfn_start >= slot->base_gfn &&
		    gfn_start + pages <= slot->base_gfn + slot->npages &&
		    pfn_start >= first && pfn_start + pages <= first + nr)
			break;
	}
	return order;
}

/**
 * kvm_dmabuf_get_pfn() - the page that a fault is to map
 * @kvm: the VM
 * @slot: memslot with %KVM_MEM_DMABUF
 * @gfn: guest page, in @slot
 * @private: to be mapped as the VM's alone
 * @pfn: result
 * @max_order: result, order of the largest block that may be mapped at once
 *
 * The caller has sampled kvm->mmu_invalidate_seq before, and maps the page only if
 * mmu_invalidate_retry_gfn() says, under mmu_lock, that nothing has changed since.
 * It is MMIO: it has no reference count, and nothing of it is ever dirty.
 *
 * Context: Within kvm->srcu, and without mmu_lock. May sleep.
 *
 * Return:
 * * %0		- found
 * * %-EINTR	- a signal came before the exporter could be asked
 * * %-ENODEV	- revoked: the memory is disabled, or the exporter is gone
 * * %-EBUSY	- the function is being locked for a VM
 * * %-EPERM	- it may not be mapped in this way: private, but the function is not
 *		  locked for this VM, or that page of it is shared, or the reverse
 */
int kvm_dmabuf_get_pfn(struct kvm *kvm, const struct kvm_memory_slot *slot,
		       gfn_t gfn, bool private, kvm_pfn_t *pfn, int *max_order)
{
	struct kvm_dmabuf *d = slot->dmabuf;
	u64 want = d->offset + ((gfn - slot->base_gfn) << PAGE_SHIFT);
	u64 start = want;
	struct phys_vec phys;
	kvm_pfn_t first;
	int r;

	r = dma_resv_lock_interruptible(d->dmabuf->resv, NULL);
	if (r)
		return r;
	r = kvm_dmabuf_ask(d, private, &start, &phys);
	dma_resv_unlock(d->dmabuf->resv);
	if (r)
		return r;

	first = PHYS_PFN(phys.paddr);
	*pfn = PHYS_PFN(phys.paddr + (want - start));
	*max_order = kvm_dmabuf_max_order(slot, gfn, *pfn, first,
					  phys.len >> PAGE_SHIFT);
	return 0;
}

/* --- memslots --------------------------------------------------------------------- */

/**
 * kvm_dmabuf_prepare() - what a new memslot needs of its dma-buf
 * @kvm: the VM
 * @slot: the memslot, of which nobody knows yet
 * @mem: what userspace wants: @slot, but for the dma-buf. @guest_memfd is a file
 *	 descriptor, @guest_memfd_offset is in bytes.
 *
 * Undone by kvm_dmabuf_unbind().
 *
 * Context: Holds kvm->slots_lock.
 *
 * Return:
 * * %0			- done
 * * %-EBADF		- there is no such file
 * * %-EACCES		- the dma-buf is for reading only
 * * %-EINVAL		- the file is not a dma-buf; or the offset is no multiple of
 *			  a page; or the dma-buf ends before the memslot does; or an
 *			  address of userspace is given
 * * %-EOPNOTSUPP	- not a dma-buf of an exporter that KVM knows
 * * %-EINTR		- a signal came before the exporter could be asked
 * * %-ENOMEM		- no memory
 */
int kvm_dmabuf_prepare(struct kvm *kvm, struct kvm_memory_slot *slot,
		       const struct kvm_userspace_memory_region2 *mem)
{
	struct kvm_dmabuf *d;
	u64 end;
	int r;

	if (mem->userspace_addr || !PAGE_ALIGNED(mem->guest_memfd_offset) ||
	    check_add_overflow(mem->guest_memfd_offset, mem->memory_size, &end))
		return -EINVAL;

	d = kzalloc_obj(*d, GFP_KERNEL_ACCOUNT);
	if (!d)
		return -ENOMEM;

	d->kvm = kvm;
	d->slot = slot;
	d->offset = mem->guest_memfd_offset;
	d->dmabuf = dma_buf_get(mem->guest_memfd);
	if (IS_ERR(d->dmabuf)) {
		r = PTR_ERR(d->dmabuf);
		goto err_free;
	}

	/* the guest will write to it */
	r = -EACCES;
	if (!(d->dmabuf->file->f_mode & FMODE_WRITE))
		goto err_put;
	r = -EINVAL;
	if (end > d->dmabuf->size)
		goto err_put;
	r = kvm_dmabuf_get_exporter(d);
	if (r)
		goto err_put;

	slot->dmabuf = d;
	return 0;

err_put:
	dma_buf_put(d->dmabuf);
err_free:
	kfree(d);
	return r;
}

/**
 * kvm_dmabuf_commit() - attach to the dma-buf of a new memslot
 * @slot: the memslot, prepared, with all of its metadata
 *
 * From here on the exporter may revoke. It may have done so: the memslot waits
 * for the memory to be enabled like one that was there before.
 *
 * Context: Holds kvm->slots_lock and kvm->slots_arch_lock. May sleep.
 *
 * Return:
 * * %0			- done
 * * %-ENOMEM		- no memory
 */
int kvm_dmabuf_commit(struct kvm_memory_slot *slot)
{
	struct kvm_dmabuf *d = slot->dmabuf;
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(d->dmabuf, kvm_dmabuf_device(),
					&kvm_dmabuf_attach_ops, d);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	d->attach = attach;
	return 0;
}

/**
 * kvm_dmabuf_unbind() - a memslot ends
 * @slot: memslot that no vCPU finds any more, and of which nothing is mapped; or
 *	  that was only prepared, or has no dma-buf
 *
 * Context: Holds kvm->slots_lock, or the VM has no user any more. May sleep.
 */
void kvm_dmabuf_unbind(struct kvm_memory_slot *slot)
{
	struct kvm_dmabuf *d = slot->dmabuf;

	if (!d)
		return;

	/* afterwards no kvm_dmabuf_invalidate() runs, or will */
	if (d->attach)
		dma_buf_detach(d->dmabuf, d->attach);
	kvm_dmabuf_put_exporter(d);
	dma_buf_put(d->dmabuf);
	kfree(d);
	slot->dmabuf = NULL;
}

/**
 * kvm_dmabuf_unbind_all() - a VM ends
 * @kvm: the VM, with all of its MMU
 *
 * Exporters may revoke at any time, and must not find half of a VM.
 *
 * Context: The VM has no user any more. May sleep.
 */
void kvm_dmabuf_unbind_all(struct kvm *kvm)
{
	struct kvm_memory_slot *slot;
	int bkt;

	for (int i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++) {
		kvm_for_each_memslot(slot, bkt, __kvm_memslots(kvm, i)) {
			if (!slot->dmabuf)
				continue;
			kvm_dmabuf_zap(slot->dmabuf);
			kvm_dmabuf_unbind(slot);
		}
	}
}
