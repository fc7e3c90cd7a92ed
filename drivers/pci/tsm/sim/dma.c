// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA engine of a function: registers behind a doorbell, the work item that
 * moves the bytes, and the rules that TDISP and bus mastering set (PCIe 11.2.1).
 *
 * A config access records and queues, the work item goes on from there in
 * pieces. It looks at the state of the function before each of them: what stops
 * DMA stops it at the next piece, and sim_dma_busy() tells whether there is one
 * under way still.
 */
#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <kunit/visibility.h>

#include "sim.h"
#include "trace.h"

static struct sim_function *to_fn(struct sim_dma *dma)
{
	return container_of(dma, struct sim_function, dma);
}

static u32 sim_dma_cfg(struct sim_function *f, unsigned int reg)
{
	return f->cfg[(SIM_EXT_DMA + reg) / 4];
}

/* --- rules ---------------------------------------------------------------------- */

/*
 * May the function access memory now? A TDI does so in RUN and with T=1 only;
 * what is no TDI has no T bit to set.
 */
static enum sim_dma_result sim_dma_allowed(struct sim_function *f, bool tee)
{
	if (!sim_function_present(f))
		return SIM_DMA_ABORTED;
	if (!sim_function_is_master(f))
		return SIM_DMA_NO_MASTER;

	switch ((enum sim_tdi_state)sim_function_tdi_state(f)) {
	case SIM_TDI_UNLOCKED:
		return tee ? SIM_DMA_T_BIT : SIM_DMA_OK;
	case SIM_TDI_RUN:
		return tee ? SIM_DMA_OK : SIM_DMA_T_BIT;
	case SIM_TDI_LOCKED:
	case SIM_TDI_ERROR:
		break;
	}
	return SIM_DMA_TDI_STATE;
}

/* --- registers ------------------------------------------------------------------ */

/*
 * The only place where a transfer ends. It is counted and traced whatever
 * became of it.
 */
static void sim_dma_end(struct sim_function *f, enum sim_dma_result result)
{
	struct sim_dma *dma = &f->dma;

	lockdep_assert_held(&f->dev->lock);
	dma->active = false;
	dma->done = true;
	dma->result = result;
	atomic_inc(&f->dev->dma_results[result]);
	trace_tsm_sim_dma(config_item_name(&f->dev->group.cg_item),
			  sim_function_rid(f), &dma->job, result);
}

static void sim_dma_go(struct sim_function *f)
{
	u32 ctrl = sim_dma_cfg(f, SIM_DMA_CTRL);
	struct sim_dma *dma = &f->dma;

	if (dma->active) {
		dma->overrun = true;
		return;
	}

	/* A piece of an older one may be in flight, it counts for nothing */
	dma->generation++;
	dma->job = (struct sim_dma_job) {
		.iova = (u64)sim_dma_cfg(f, SIM_DMA_IOVA_HI) << 32 |
			sim_dma_cfg(f, SIM_DMA_IOVA_LO),
		.offset = sim_dma_cfg(f, SIM_DMA_OFFSET),
		.len = sim_dma_cfg(f, SIM_DMA_LEN),
		.ctrl = ctrl,
		.vector = ctrl & SIM_DMA_CTRL_INT ?
			  FIELD_GET(SIM_DMA_CTRL_VECTOR, ctrl) : -1,
	};
	dma->active = true;
	dma->done = false;
	dma->result = SIM_DMA_OK;
	mod_delayed_work(sim_wq, &dma->work, 0);
}

/**
 * sim_dma_read() - read a register that is not just stored
 * @f: function
 * @reg: offset in the capability
 *
 * Context: under sim_device::lock.
 * Return: the register.
 */
u32 sim_dma_read(struct sim_function *f, unsigned int reg)
{
	struct sim_dma *dma = &f->dma;

	lockdep_assert_held(&f->dev->lock);
	switch (reg) {
	case SIM_DMA_STATUS:
		return (dma->active ? SIM_DMA_STATUS_BUSY : 0) |
		       (dma->done ? SIM_DMA_STATUS_DONE : 0) |
		       (dma->overrun ? SIM_DMA_STATUS_OVERRUN : 0) |
		       FIELD_PREP(SIM_DMA_STATUS_RESULT, dma->result);
	case SIM_DMA_MOVED:
		return dma->job.moved;
	default:
		return 0;
	}
}

/**
 * sim_dma_write() - write a register that is not just stored
 * @f: function
 * @reg: offset in the capability
 * @val: value
 * @mask: bits of @val that are written
 *
 * Context: under sim_device::lock, interrupts off.
 */
void sim_dma_write(struct sim_function *f, unsigned int reg, u32 val, u32 mask)
{
	struct sim_dma *dma = &f->dma;

	lockdep_assert_held(&f->dev->lock);
	val &= mask;
	switch (reg) {
	case SIM_DMA_DOORBELL:
		if (val & SIM_DMA_ABORT && dma->active)
			sim_dma_end(f, SIM_DMA_ABORTED);
		else if (val & SIM_DMA_GO)
			sim_dma_go(f);
		break;
	case SIM_DMA_STATUS:
		if (val & SIM_DMA_STATUS_DONE && dma->done) {
			dma->done = false;
			dma->result = SIM_DMA_OK;
		}
		if (val & SIM_DMA_STATUS_OVERRUN)
			dma->overrun = false;
		break;
	}
}

/**
 * sim_dma_reset() - the engine after a reset of the function
 * @f: function
 *
 * A transfer ends, and nothing of it is left in the function's buffer.
 *
 * Context: under sim_device::lock, interrupts off, or before sim_dma_init().
 */
void sim_dma_reset(struct sim_function *f)
{
	struct sim_dma *dma = &f->dma;

	if (dma->active)
		sim_dma_end(f, SIM_DMA_ABORTED);
	dma->job = (struct sim_dma_job) { };
	dma->raise = -1;
	dma->overrun = false;
	dma->done = false;
	dma->result = SIM_DMA_OK;
	if (dma->dirty || dma->in_flight) {
		dma->wipe = true;
		mod_delayed_work(sim_wq, &dma->work, 0);
	}
}

/**
 * sim_dma_busy() - does the function have DMA in flight?
 * @f: function
 *
 * That is Transactions Pending of its Device Status.
 *
 * Context: under sim_device::lock.
 * Return: whether it has, or is about to.
 */
bool sim_dma_busy(struct sim_function *f)
{
	lockdep_assert_held(&f->dev->lock);
	return f->dma.active || f->dma.in_flight;
}
EXPORT_SYMBOL_IF_KUNIT(sim_dma_busy);

/* --- moving bytes --------------------------------------------------------------- */

/**
 * struct sim_dma_piece - what the work item does next
 * @generation: sim_dma::generation of its transfer
 * @iova: address in memory
 * @buf: where in the buffer
 * @len: bytes, within a page of @iova
 * @to_memory: from @buf to memory, else the other way
 * @tee: with T=1
 * @bar: the bytes are those of BAR 0 at that place, which the buffer only passes on
 */
struct sim_dma_piece {
	u32 generation;
	u64 iova;
	u8 *buf;
	u32 len;
	bool to_memory;
	bool tee;
	bool bar;
};

static bool sim_dma_valid(const struct sim_dma_job *job)
{
	return job->len && job->offset < SIM_DMA_BUF_BYTES &&
	       job->len <= SIM_DMA_BUF_BYTES - job->offset &&
	       job->iova + (job->len - 1) >= job->iova;
}

/* The buffer is wiped without the lock: it belongs to the work item */
static void sim_dma_wipe(struct sim_function *f)
{
	struct sim_dma *dma = &f->dma;

	scoped_guard(raw_spinlock_irqsave, &f->dev->lock) {
		if (!dma->wipe)
			return;
		dma->wipe = false;
		dma->dirty = false;
	}
	memset(dma->buf, 0, SIM_DMA_BUF_BYTES);
}

/* The work item ends a transfer; aborting and resetting do it elsewhere */
static void sim_dma_finish(struct sim_function *f, enum sim_dma_result result)
{
	struct sim_dma *dma = &f->dma;

	sim_dma_end(f, result);
	dma->raise = dma->job.vector;
	if (dma->job.ctrl & SIM_DMA_CTRL_REPEAT && result == SIM_DMA_OK) {
		dma->job.moved = 0;
		dma->active = true;
		dma->done = false;
		/* This function never stops, but the processor has others */
		mod_delayed_work(sim_wq, &dma->work, 1);
	}
}

/*
 * The device's own access to BAR 0: under the lock, as the BAR may move. Returns
 * whether what is to be moved is in the buffer, or what was moved where it was to go.
 */
static bool sim_dma_pass_bar(struct sim_function *f,
			     const struct sim_dma_piece *piece)
{
	void __iomem *mem;

	if (!piece->bar)
		return true;
	mem = sim_bar_map(f, 0, piece->buf - f->dma.buf, piece->len);
	if (!mem)
		return false;

	if (piece->to_memory)
		memcpy_fromio(piece->buf, mem, piece->len);
	else
		memcpy_toio(mem, piece->buf, piece->len);
	return true;
}

/* Returns whether there is a piece to be moved at once */
static bool sim_dma_begin_piece(struct sim_function *f, struct sim_dma_piece *piece)
{
	struct sim_dma *dma = &f->dma;
	struct sim_dma_job *job = &dma->job;
	enum sim_dma_result result;
	bool tee;

	guard(raw_spinlock_irqsave)(&f->dev->lock);
	/* Reset and begun anew meanwhile: the buffer is wiped first */
	if (!dma->active || dma->wipe)
		return false;

	tee = job->ctrl & SIM_DMA_CTRL_TEE;
	result = sim_dma_valid(job) ? sim_dma_allowed(f, tee) : SIM_DMA_INVALID;
	if (result != SIM_DMA_OK || job->moved == job->len) {
		sim_dma_finish(f, result);
		return false;
	}

	piece->generation = dma->generation;
	piece->iova = job->iova + job->moved;
	piece->buf = dma->buf + job->offset + job->moved;
	piece->len = min_t(u32, job->len - job->moved, SIM_DMA_CHUNK_BYTES -
			   (piece->iova & (SIM_DMA_CHUNK_BYTES - 1)));
	piece->to_memory = job->ctrl & SIM_DMA_CTRL_TO_MEMORY;
	piece->tee = tee;
	piece->bar = job->ctrl & SIM_DMA_CTRL_BAR;
	if (piece->to_memory && !sim_dma_pass_bar(f, piece)) {
		sim_dma_finish(f, SIM_DMA_INVALID);
		return false;
	}
	dma->in_flight = true;
	if (!piece->to_memory || piece->bar)
		dma->dirty = true;
	return true;
}

static enum sim_dma_result sim_dma_move(struct sim_function *f,
					const struct sim_dma_piece *piece)
{
	if (!piece->to_memory && sim_fault_dma_poisoned(f->dev))
		return SIM_DMA_POISONED;
	if (piece->tee)
		return sim_tvm_copy(f, piece->iova, piece->buf, piece->len,
				    piece->to_memory) ?
		       SIM_DMA_PRIVATE_FAULT : SIM_DMA_OK;
	return sim_tvm_copy_shared(f, piece->iova, piece->buf, piece->len,
				   piece->to_memory) ?
	       SIM_DMA_FAULT : SIM_DMA_OK;
}

static void sim_dma_end_piece(struct sim_function *f,
			      const struct sim_dma_piece *piece,
			      enum sim_dma_result result)
{
	struct sim_dma *dma = &f->dma;

	guard(raw_spinlock_irqsave)(&f->dev->lock);
	/*
	 * An access that is refused costs the transfer, and its status tells why.
	 * From bad data there is no way back (PCIe 11.2.6), even if nobody waits
	 * for it any more.
	 */
	if (result == SIM_DMA_POISONED)
		sim_function_tdi_error(f, SIM_TDI_DMA);
	dma->in_flight = false;
	if (!dma->active || dma->generation != piece->generation)
		return;
	if (result == SIM_DMA_OK && !piece->to_memory &&
	    !sim_dma_pass_bar(f, piece))
		result = SIM_DMA_INVALID;
	if (result == SIM_DMA_OK)
		dma->job.moved += piece->len;
	else
		sim_dma_finish(f, result);
}

/* The vector to raise, or -1 */
static int sim_dma_take_vector(struct sim_function *f)
{
	struct sim_dma *dma = &f->dma;
	int vector;

	guard(raw_spinlock_irqsave)(&f->dev->lock);
	vector = dma->raise;
	dma->raise = -1;
	/* A reset in between: come again for what is to be done then */
	if (dma->wipe)
		mod_delayed_work(sim_wq, &dma->work, 0);
	return vector;
}

static void sim_dma_work(struct work_struct *work)
{
	struct sim_dma *dma = container_of(to_delayed_work(work),
					   struct sim_dma, work);
	struct sim_function *f = to_fn(dma);
	struct sim_dma_piece piece;
	int vector;

	sim_dma_wipe(f);
	while (sim_dma_begin_piece(f, &piece))
		sim_dma_end_piece(f, &piece, sim_dma_move(f, &piece));
	vector = sim_dma_take_vector(f);
	if (vector >= 0)
		sim_msix_raise(f, vector);
}

/**
 * sim_dma_drain() - end what is under way, and wait for it
 * @f: function
 *
 * For LOCK_INTERFACE, and, once the state forbids new transfers,
 * STOP_INTERFACE. Before that the next doorbell may follow at once: the caller
 * looks at sim_dma_busy() under the lock under which it changes the state.
 *
 * Context: may sleep, for as long as the provider of the TVM takes for a page.
 */
void sim_dma_drain(struct sim_function *f)
{
	scoped_guard(raw_spinlock_irqsave, &f->dev->lock)
		if (f->dma.active)
			sim_dma_end(f, SIM_DMA_ABORTED);
	flush_delayed_work(&f->dma.work);
}
EXPORT_SYMBOL_IF_KUNIT(sim_dma_drain);

/**
 * sim_function_scrub() - drain, and wipe what the function has of its owner
 * @f: function, in a state that forbids new transfers
 *
 * The engine's buffer and the TEE memory behind the BARs. For STOP_INTERFACE,
 * before the function is UNLOCKED (PCIe 11.3.16).
 *
 * Context: may sleep, as sim_dma_drain().
 */
void sim_function_scrub(struct sim_function *f)
{
	sim_dma_drain(f);
	scoped_guard(raw_spinlock_irqsave, &f->dev->lock) {
		f->dma.wipe = true;
		mod_delayed_work(sim_wq, &f->dma.work, 0);
	}
	flush_delayed_work(&f->dma.work);
	sim_bar_scrub(f);
}
EXPORT_SYMBOL_IF_KUNIT(sim_function_scrub);

/**
 * sim_dma_init() - the engines of a device after power on
 * @d: device; its functions know their kind
 *
 * Return: 0, or -ENOMEM; sim_dma_free() is due in both cases.
 */
int sim_dma_init(struct sim_device *d)
{
	for (int i = 0; i < d->nr_functions + d->total_vfs; i++) {
		struct sim_dma *dma = &d->fn[i].dma;

		INIT_DELAYED_WORK(&dma->work, sim_dma_work);
		dma->raise = -1;
		dma->buf = kvzalloc(SIM_DMA_BUF_BYTES, GFP_KERNEL);
		if (!dma->buf)
			return -ENOMEM;
	}
	for (int i = 0; i < SIM_DMA_NR_RESULTS; i++)
		atomic_set(&d->dma_results[i], 0);
	return 0;
}

/**
 * sim_dma_quiesce() - end all transfers of a device
 * @d: device that no config access can reach any more
 *
 * Context: may sleep.
 */
void sim_dma_quiesce(struct sim_device *d)
{
	for (int i = 0; i < d->nr_functions + d->total_vfs; i++) {
		struct sim_function *f = &d->fn[i];

		/* Nothing queues it again: it is absent, and that ends transfers */
		sim_dma_drain(f);
		cancel_delayed_work_sync(&f->dma.work);
	}
}

/**
 * sim_dma_free() - undo sim_dma_init()
 * @d: device, quiet
 */
void sim_dma_free(struct sim_device *d)
{
	for (int i = 0; d->fn && i < d->nr_functions + d->total_vfs; i++)
		kvfree(d->fn[i].dma.buf);
}
