// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X of a function: the table and the pending bits in BAR 0, and sending a
 * message (PCIe 6.1.4). A function of a platform without memory behind its BARs
 * has nowhere to keep a table, and no MSI-X.
 */
#include <linux/bitfield.h>
#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <kunit/visibility.h>

#include "sim.h"
#include "trace.h"

/**
 * struct sim_msi - a message
 * @addr: where it is written
 * @data: what is written
 */
struct sim_msi {
	u64 addr;
	u32 data;
};

/* What becomes of a vector */
enum sim_msix_verdict {
	SIM_MSIX_SEND,
	SIM_MSIX_PEND,
	SIM_MSIX_REFUSE,
};

static u16 sim_msix_control(struct sim_function *f)
{
	return f->cfg[SIM_CAP_MSIX / 4] >> 16;
}

/* TDISP: MSI-X is not of a TDI in ERROR. All messages are writes to memory. */
static bool sim_msix_allowed(struct sim_function *f)
{
	return f->dev->msix && sim_function_present(f) &&
	       sim_msix_control(f) & PCI_MSIX_FLAGS_ENABLE &&
	       sim_function_is_master(f) &&
	       sim_function_tdi_state(f) != SIM_TDI_ERROR;
}

/* The pending bits are for the host to read, ours are what counts */
static void sim_msix_set_pending(struct sim_function *f, unsigned int vector,
				 bool pending)
{
	void __iomem *pba = sim_bar_map(f, 0, SIM_MSIX_PBA, 8);

	assign_bit(vector, f->msix_pending, pending);
	if (pba)
		writel(bitmap_read(f->msix_pending, 0, SIM_MSIX_VECTORS), pba);
}

static enum sim_msix_verdict sim_msix_look_up(struct sim_function *f,
					      unsigned int vector,
					      struct sim_msi *msg)
{
	void __iomem *entry;

	lockdep_assert_held(&f->dev->lock);
	if (vector >= SIM_MSIX_VECTORS || !sim_msix_allowed(f))
		return SIM_MSIX_REFUSE;
	entry = sim_bar_map(f, 0, SIM_MSIX_TABLE + vector * PCI_MSIX_ENTRY_SIZE,
			    PCI_MSIX_ENTRY_SIZE);
	if (!entry)
		return SIM_MSIX_REFUSE;
	if (sim_msix_control(f) & PCI_MSIX_FLAGS_MASKALL ||
	    readl(entry + PCI_MSIX_ENTRY_VECTOR_CTRL) & PCI_MSIX_ENTRY_CTRL_MASKBIT)
		return SIM_MSIX_PEND;
	msg->addr = (u64)readl(entry + PCI_MSIX_ENTRY_UPPER_ADDR) << 32 |
		    readl(entry + PCI_MSIX_ENTRY_LOWER_ADDR);
	msg->data = readl(entry + PCI_MSIX_ENTRY_DATA);
	return SIM_MSIX_SEND;
}

/**
 * sim_msix_raise() - the function wants attention
 * @f: function
 * @vector: of its table
 *
 * A masked vector gets pending, and the message follows when it is unmasked.
 *
 * Context: without locks, from a work item; the handler runs in here.
 */
void sim_msix_raise(struct sim_function *f, unsigned int vector)
{
	enum sim_msix_verdict verdict;
	struct sim_device *d = f->dev;
	struct sim_msi msg = {};
	int rc = -EACCES;
	u16 rid;

	scoped_guard(raw_spinlock_irqsave, &d->lock) {
		rid = sim_function_rid(f);
		verdict = sim_msix_look_up(f, vector, &msg);
		if (vector < SIM_MSIX_VECTORS)
			sim_msix_set_pending(f, vector, verdict == SIM_MSIX_PEND);
	}
	switch (verdict) {
	case SIM_MSIX_PEND:
		/* Nobody tells us when it is unmasked, that is a write to memory */
		queue_delayed_work(sim_wq, &d->msix_poll,
				   msecs_to_jiffies(SIM_MSIX_POLL_MS));
		return;
	case SIM_MSIX_SEND:
		rc = sim_irq_message(f, msg.addr, msg.data);
		break;
	case SIM_MSIX_REFUSE:
		break;
	}
	trace_tsm_sim_msi(config_item_name(&d->group.cg_item), rid, vector,
			  msg.addr, msg.data, rc);
	atomic_inc(rc ? &d->interrupts_refused : &d->interrupts);
}
EXPORT_SYMBOL_IF_KUNIT(sim_msix_raise);

static void sim_msix_poll(struct work_struct *work)
{
	struct sim_device *d = container_of(to_delayed_work(work),
					    struct sim_device, msix_poll);

	for (int i = 0; i < d->nr_functions + d->total_vfs; i++) {
		DECLARE_BITMAP(pending, SIM_MSIX_VECTORS);
		struct sim_function *f = &d->fn[i];
		unsigned int vector;

		scoped_guard(raw_spinlock_irqsave, &d->lock)
			bitmap_copy(pending, f->msix_pending, SIM_MSIX_VECTORS);
		for_each_set_bit(vector, pending, SIM_MSIX_VECTORS)
			sim_msix_raise(f, vector);
	}
}

/**
 * sim_msix_reset() - MSI-X after a reset of the function
 * @f: function, the other registers have been reset
 *
 * Context: under sim_device::lock.
 */
void sim_msix_reset(struct sim_function *f)
{
	u32 *cap = &f->cfg[SIM_CAP_MSIX / 4];

	bitmap_zero(f->msix_pending, SIM_MSIX_VECTORS);
	if (!f->dev->msix)
		return;
	f->cfg[SIM_CAP_EXP / 4] |= SIM_CAP_MSIX << 8;
	cap[0] = (SIM_MSIX_VECTORS - 1) << 16 | PCI_CAP_ID_MSIX;
	/* Both in BAR 0 */
	cap[PCI_MSIX_TABLE / 4] = SIM_MSIX_TABLE;
	cap[PCI_MSIX_PBA / 4] = SIM_MSIX_PBA;
}

/**
 * sim_msix_init() - MSI-X of a new device
 * @d: device, not built
 */
void sim_msix_init(struct sim_device *d)
{
	INIT_DELAYED_WORK(&d->msix_poll, sim_msix_poll);
}

/**
 * sim_msix_quiesce() - no messages any more
 * @d: device whose functions raise nothing more
 *
 * Context: may sleep.
 */
void sim_msix_quiesce(struct sim_device *d)
{
	cancel_delayed_work_sync(&d->msix_poll);
}
