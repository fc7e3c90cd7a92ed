// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory behind BARs, as the device sees it: where a BAR is at the moment,
 * and wiping what it holds.
 */
#include <linux/io.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <kunit/visibility.h>

#include "sim.h"

static bool sim_bar_decoded(struct sim_function *f)
{
	struct sim_function *pf0 = &f->dev->fn[0];

	if (f->kind == SIM_FN_VF)
		return pf0->cfg[(SIM_EXT_SRIOV + PCI_SRIOV_CTRL) / 4] &
		       PCI_SRIOV_CTRL_MSE;
	return f->cfg[PCI_COMMAND / 4] & PCI_COMMAND_MEMORY;
}

/**
 * sim_bar_map() - the memory behind a part of a BAR
 * @f: function
 * @bar: 0 or 2
 * @offset: in the BAR
 * @len: bytes
 *
 * Context: under sim_device::lock, which is what the mapping is good for: a BAR
 * may move.
 * Return: the memory, or NULL if there is none, the BAR is not decoded or not
 * where the window is, or the part is not in the BAR.
 */
void __iomem *sim_bar_map(struct sim_function *f, unsigned int bar,
			  unsigned int offset, unsigned int len)
{
	struct sim_platform *p = f->dev->platform;
	u64 address, size;

	lockdep_assert_held(&f->dev->lock);
	if (!p || !p->mem || !sim_bar_decoded(f))
		return NULL;
	size = sim_function_bar(f, bar, &address);
	if (!size || offset > size || len > size - offset)
		return NULL;
	if (address < p->window.start || address > p->window.end ||
	    size - 1 > p->window.end - address)
		return NULL;
	return p->mem + (address - p->window.start) + offset;
}
EXPORT_SYMBOL_IF_KUNIT(sim_bar_map);

/* The BAR of a function that answers to an address, or -1 */
static int sim_bar_at(struct sim_function *f, u64 address, unsigned int *offset)
{
	if (!sim_function_present(f))
		return -1;
	for (int bar = 0; bar <= 2; bar += 2) {
		u64 start, size = sim_function_bar(f, bar, &start);

		if (!size || address < start || address - start >= size)
			continue;
		*offset = address - start;
		return bar;
	}
	return -1;
}

/*
 * Does a TLP with T=0 reach it? TEE memory of what is locked it does not reach,
 * ERROR included; see sim_report_msix() for what is none.
 */
static bool sim_bar_is_shared(struct sim_function *f, int bar,
			      unsigned int offset)
{
	if (sim_function_tdi_state(f) == SIM_TDI_UNLOCKED)
		return true;
	return !bar && !f->tdi.msix && offset >= SIM_MSIX_TABLE &&
	       offset < SIM_MSIX_PBA + SZ_4K;
}

static int sim_bar_copy(struct sim_function *f, u64 address, void *buf,
			size_t len, bool to_bar)
{
	unsigned int offset;
	void __iomem *mem;
	int bar;

	guard(raw_spinlock_irqsave)(&f->dev->lock);
	bar = sim_bar_at(f, address, &offset);
	if (bar < 0)
		return -ENODEV;
	mem = sim_bar_map(f, bar, offset, len);
	if (!mem)
		return -ENODEV;
	if (!sim_bar_is_shared(f, bar, offset))
		return -EACCES;

	if (to_bar)
		memcpy_toio(mem, buf, len);
	else
		memcpy_fromio(buf, mem, len);
	return 0;
}

/**
 * sim_bar_peer_copy() - an access with T=0 to a BAR, by a peer
 * @p: platform of both
 * @address: on the bus
 * @buf: where the bytes come from or go to
 * @len: bytes, not beyond the end of the 4 KiB page of @address
 * @to_bar: the BAR is written, else read
 *
 * Context: any but under a raw spinlock.
 * Return: 0; -ENOENT if it is no address of the platform's BARs; -ENODEV if no BAR
 * is there now that is decoded; -EACCES if it is TEE memory of a locked function.
 */
int sim_bar_peer_copy(struct sim_platform *p, u64 address, void *buf, size_t len,
		      bool to_bar)
{
	if (!p || !p->mem || address < p->window.start || address > p->window.end)
		return -ENOENT;

	guard(rcu)();
	for (int i = 0; i < SIM_MAX_DEVICES; i++) {
		struct sim_device *d = rcu_dereference(p->device[i]);

		for (int n = 0; d && n < d->nr_functions + d->total_vfs; n++) {
			int rc = sim_bar_copy(&d->fn[n], address, buf, len,
					      to_bar);

			if (rc != -ENODEV)
				return rc;
		}
	}
	return -ENODEV;
}
EXPORT_SYMBOL_IF_KUNIT(sim_bar_peer_copy);

/**
 * sim_bar_memory_map() - have the memory behind a platform's BARs at hand
 * @p: platform that is being built, with a window
 *
 * It is mapped as drivers and VFIO will map it: the same memory in one way only.
 *
 * Return: 0, also if there is none; -ENOMEM.
 */
int sim_bar_memory_map(struct sim_platform *p)
{
	if (!sim_window_backed())
		return 0;
	p->mem = ioremap(p->window.start, resource_size(&p->window));
	if (!p->mem)
		return -ENOMEM;
	memset_io(p->mem, 0, resource_size(&p->window));
	return 0;
}

/**
 * sim_bar_memory_unmap() - undo sim_bar_memory_map()
 * @p: platform whose devices are gone
 */
void sim_bar_memory_unmap(struct sim_platform *p)
{
	if (p->mem)
		iounmap(p->mem);
	p->mem = NULL;
}

/* A piece at a time, each where the BAR is then, with interrupts off */
static void sim_bar_wipe(struct sim_function *f, unsigned int bar,
			 unsigned int len)
{
	for (unsigned int at = 0; at < len; at += SZ_4K) {
		void __iomem *mem;

		if (!bar && (at == SIM_MSIX_TABLE || at == SIM_MSIX_PBA))
			continue;
		guard(raw_spinlock_irqsave)(&f->dev->lock);
		mem = sim_bar_map(f, bar, at, SZ_4K);
		if (mem)
			memset_io(mem, 0, SZ_4K);
	}
}

/**
 * sim_bar_scrub() - wipe a function's TEE memory
 * @f: function
 *
 * The MSI-X table is not part of it, nor are the pending bits.
 *
 * Context: may sleep.
 */
void sim_bar_scrub(struct sim_function *f)
{
	sim_bar_wipe(f, 0, SIM_BAR0_SIZE);
	if (f->kind != SIM_FN_VF)
		sim_bar_wipe(f, 2, SIM_BAR2_SIZE);
}
