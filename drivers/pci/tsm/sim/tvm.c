// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private view of memory: what a function in RUN reaches with T=1. Whose
 * memory that is, the TSM says; where it is, whoever runs the TVM. And the one that a
 * TVM shares with its host, where it has one of its own: what others reach with T=0.
 */
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <kunit/visibility.h>

#include "sim.h"

/*
 * Accesses read, whoever takes memory away from functions writes: after that,
 * none is under way.
 */
static DECLARE_RWSEM(sim_tvm_lock);

static const struct sim_tvm_provider *sim_tvm_provider;

static LIST_HEAD(sim_tvm_shares);

/**
 * sim_tvm_provider_register() - offer the private memory of TVMs
 * @provider: how to get at it
 *
 * Return: 0, or -EBUSY if there is a provider.
 */
int sim_tvm_provider_register(const struct sim_tvm_provider *provider)
{
	guard(rwsem_write)(&sim_tvm_lock);
	if (sim_tvm_provider)
		return -EBUSY;
	sim_tvm_provider = provider;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_tvm_provider_register);

/**
 * sim_tvm_provider_unregister() - undo sim_tvm_provider_register()
 * @provider: that was registered
 *
 * When it returns, the provider is not called any more; T=1 reaches nothing.
 */
void sim_tvm_provider_unregister(const struct sim_tvm_provider *provider)
{
	guard(rwsem_write)(&sim_tvm_lock);
	if (sim_tvm_provider == provider)
		sim_tvm_provider = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(sim_tvm_provider_unregister);

/**
 * sim_tvm_attach() - let a function reach the private memory of a TVM
 * @f: function
 * @tvm: what the provider knows the TVM by; the caller keeps it until
 *	 sim_tvm_detach()
 *
 * That is the TSM's half of it; the device's is to be in RUN.
 */
void sim_tvm_attach(struct sim_function *f, void *tvm)
{
	guard(rwsem_write)(&sim_tvm_lock);
	f->tvm = tvm;
}
EXPORT_SYMBOL_IF_KUNIT(sim_tvm_attach);

/**
 * sim_tvm_detach() - undo sim_tvm_attach()
 * @f: function, attached or not
 *
 * When it returns, the function reaches no private memory.
 */
void sim_tvm_detach(struct sim_function *f)
{
	guard(rwsem_write)(&sim_tvm_lock);
	f->tvm = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(sim_tvm_detach);

/**
 * sim_tvm_share() - a TVM lets a function reach what it shares with its host
 * @share: which function that is, and as what the TVM's IOMMU knows it
 */
void sim_tvm_share(struct sim_tvm_share *share)
{
	guard(rwsem_write)(&sim_tvm_lock);
	list_add(&share->node, &sim_tvm_shares);
}

/**
 * sim_tvm_unshare() - undo sim_tvm_share()
 * @share: what may be forgotten then
 *
 * When it returns, no access by way of it is under way.
 */
void sim_tvm_unshare(struct sim_tvm_share *share)
{
	guard(rwsem_write)(&sim_tvm_lock);
	list_del(&share->node);
}

/**
 * sim_tvm_copy_shared() - an access to memory with T=0
 * @f: requester
 * @iova: address
 * @buf: where the bytes come from or go to
 * @len: bytes, not beyond the end of the 4 KiB page of @iova
 * @to_memory: memory is written, else read
 *
 * Return: what sim_iommu_copy() returns.
 */
int sim_tvm_copy_shared(struct sim_function *f, u64 iova, void *buf, size_t len,
			bool to_memory)
{
	struct sim_tvm_share *share;

	guard(rwsem_read)(&sim_tvm_lock);
	list_for_each_entry(share, &sim_tvm_shares, node) {
		if (share->host == f)
			f = share->guest;
	}
	return sim_iommu_copy(f, iova, buf, len, to_memory);
}

/**
 * sim_tvm_copy() - an access to memory with T=1
 * @f: requester
 * @gpa: guest physical address
 * @buf: where the bytes come from or go to
 * @len: bytes, not beyond the end of the 4 KiB page of @gpa
 * @to_memory: memory is written, else read
 *
 * Return: 0; -ENXIO without a TVM or a provider; what the provider says.
 */
int sim_tvm_copy(struct sim_function *f, u64 gpa, void *buf, size_t len,
		 bool to_memory)
{
	guard(rwsem_read)(&sim_tvm_lock);
	if (!sim_tvm_provider || !f->tvm)
		return -ENXIO;
	return sim_tvm_provider->copy(f->tvm, f, gpa, buf, len, to_memory);
}
