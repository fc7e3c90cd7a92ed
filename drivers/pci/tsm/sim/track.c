// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs: the state of each function's interface, and what takes a locked one to
 * ERROR (PCIe r6.1 section 11.2.6). Everything here runs under
 * sim_device::lock, much of it from config accessors: it records, and leaves
 * it to others to find out.
 */
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <kunit/visibility.h>

#include "sim.h"
#include "trace.h"

/* In the order of enum sim_tdi_cause */
static const char * const sim_tdi_causes[] = {
	"command", "bar", "bist", "power", "devctl", "msix", "flr", "sriov",
	"ide", "stream", "session", "rid", "link", "dma", "device",
};

static_assert(ARRAY_SIZE(sim_tdi_causes) == SIM_TDI_NR_CAUSES);

/**
 * sim_tdi_cause_name() - a word for the reason of an ERROR
 * @why: reason
 *
 * Context: any.
 * Return: the word.
 */
const char *sim_tdi_cause_name(enum sim_tdi_cause why)
{
	return sim_tdi_causes[why];
}
EXPORT_SYMBOL_IF_KUNIT(sim_tdi_cause_name);

/*
 * The only place that changes the state. A nonce is of CONFIG_LOCKED and ends
 * with it, be it used or not (11.3.9).
 */
static void sim_tdi_set_state(struct sim_function *f, enum sim_tdi_state state,
			      const char *why)
{
	struct sim_tdi *tdi = &f->tdi;

	lockdep_assert_held(&f->dev->lock);
	if (tdi->state == state)
		return;
	trace_tsm_sim_tdi(config_item_name(&f->dev->group.cg_item),
			  sim_function_rid(f), tdi->state, state, why);

	if (state != SIM_TDI_LOCKED)
		memzero_explicit(tdi->nonce, sizeof(tdi->nonce));
	if (state == SIM_TDI_UNLOCKED || state == SIM_TDI_ERROR) {
		memzero_explicit(tdi->report, sizeof(tdi->report));
		tdi->report_len = 0;
	}
	tdi->state = state;
}

/* "Locked" in the words of TDISP */
static bool sim_tdi_is_locked(const struct sim_function *f)
{
	return f->tdi.state == SIM_TDI_LOCKED || f->tdi.state == SIM_TDI_RUN;
}

static unsigned int sim_nr_functions(const struct sim_device *d)
{
	return d->nr_functions + d->total_vfs;
}

/**
 * sim_function_tdi_state() - TDISP state of a function
 * @f: function
 *
 * Context: under sim_device::lock.
 * Return: enum sim_tdi_state.
 */
u8 sim_function_tdi_state(struct sim_function *f)
{
	lockdep_assert_held(&f->dev->lock);
	return f->tdi.state;
}
EXPORT_SYMBOL_IF_KUNIT(sim_function_tdi_state);

/**
 * sim_function_tdi_error() - something happened that a locked TDI must not bear
 * @f: function
 * @why: what it was
 *
 * To ERROR from CONFIG_LOCKED and RUN; nothing happens in other states.
 *
 * Context: under sim_device::lock, also from config accessors.
 */
void sim_function_tdi_error(struct sim_function *f, enum sim_tdi_cause why)
{
	lockdep_assert_held(&f->dev->lock);
	if (!sim_tdi_is_locked(f))
		return;
	f->dev->tdi_errors[why]++;
	sim_tdi_set_state(f, SIM_TDI_ERROR, sim_tdi_cause_name(why));
}
EXPORT_SYMBOL_IF_KUNIT(sim_function_tdi_error);

/**
 * sim_tdi_family_error() - the same, for a function and those that depend on it
 * @f: function; the virtual functions are PF0's
 * @why: what happened
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_family_error(struct sim_function *f, enum sim_tdi_cause why)
{
	struct sim_device *d = f->dev;

	sim_function_tdi_error(f, why);
	if (f->kind != SIM_FN_PF0)
		return;
	for (int i = 0; i < d->total_vfs; i++)
		sim_function_tdi_error(&d->fn[d->nr_functions + i], why);
}

/**
 * sim_tdi_all_error() - the same, for all functions of a device
 * @d: device
 * @why: what happened
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_all_error(struct sim_device *d, enum sim_tdi_cause why)
{
	for (int i = 0; i < sim_nr_functions(d); i++)
		sim_function_tdi_error(&d->fn[i], why);
}

/**
 * sim_tdi_lock() - UNLOCKED to CONFIG_LOCKED: from now on writes are tracked
 * @f: function whose report is in place
 * @session: SPDM session that asked for it
 * @stream: IDE block of the endpoint that it is bound to
 * @msix: the MSI-X table is locked, too
 * @nonce: a fresh one
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_lock(struct sim_function *f, u32 session, unsigned int stream,
		  bool msix, const u8 nonce[SIM_TDI_NONCE_BYTES])
{
	struct sim_tdi *tdi = &f->tdi;

	tdi->session = session;
	tdi->stream = stream;
	tdi->msix = msix;
	memcpy(tdi->nonce, nonce, sizeof(tdi->nonce));
	sim_tdi_set_state(f, SIM_TDI_LOCKED, "request");
}

/**
 * sim_tdi_start() - CONFIG_LOCKED to RUN
 * @f: function
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_start(struct sim_function *f)
{
	sim_tdi_set_state(f, SIM_TDI_RUN, "request");
}

/**
 * sim_tdi_quiesce() - STOP_INTERFACE begins: let DMA run dry
 * @f: function that is not UNLOCKED
 *
 * In ERROR a function begins nothing any more. Nothing went wrong, so it is
 * not counted.
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_quiesce(struct sim_function *f)
{
	sim_tdi_set_state(f, SIM_TDI_ERROR, "stop");
}

/**
 * sim_tdi_unlock() - to UNLOCKED
 * @f: function that is quiet, by STOP_INTERFACE or because it was reset
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_unlock(struct sim_function *f)
{
	sim_tdi_set_state(f, SIM_TDI_UNLOCKED, "quiet");
}
EXPORT_SYMBOL_IF_KUNIT(sim_tdi_unlock);

/**
 * sim_tdi_session_end() - an SPDM session is over: so is what it locked
 * @d: device
 * @session: session
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_session_end(struct sim_device *d, u32 session)
{
	for (int i = 0; i < sim_nr_functions(d); i++)
		if (d->fn[i].tdi.session == session)
			sim_function_tdi_error(&d->fn[i], SIM_TDI_SESSION);
}

static bool sim_tdi_uses_stream(const struct sim_function *f,
				unsigned int stream)
{
	return sim_tdi_is_locked(f) && f->tdi.stream == stream;
}

static void sim_tdi_stream_error(struct sim_device *d, unsigned int stream,
				 enum sim_tdi_cause why)
{
	for (int i = 0; i < sim_nr_functions(d); i++)
		if (sim_tdi_uses_stream(&d->fn[i], stream))
			sim_function_tdi_error(&d->fn[i], why);
}

static bool sim_tdi_stream_in_use(struct sim_device *d, unsigned int stream)
{
	for (int i = 0; i < sim_nr_functions(d); i++)
		if (sim_tdi_uses_stream(&d->fn[i], stream))
			return true;
	return false;
}

/**
 * sim_tdi_stream_changed() - an IDE register of the endpoint has a new content
 * @d: device
 * @stream: register block that it belongs to
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_stream_changed(struct sim_device *d, unsigned int stream)
{
	sim_tdi_stream_error(d, stream, SIM_TDI_IDE);
}

/**
 * sim_tdi_check_streams() - is what TDIs are bound to still secure?
 * @d: device
 *
 * To be called after everything that it depends on: registers and keys of both
 * ends.
 *
 * Context: under sim_device::lock.
 */
void sim_tdi_check_streams(struct sim_device *d)
{
	for (int i = 0; i < d->ide.nr_streams; i++)
		if (sim_tdi_stream_in_use(d, i) &&
		    !sim_ide_block_secure(&d->ide, i))
			sim_tdi_stream_error(d, i, SIM_TDI_STREAM);
}

/**
 * enum sim_track_rule - what a write must not do
 * @SIM_TRACK_CLEAR: clear a bit
 * @SIM_TRACK_CHANGE: change a bit
 * @SIM_TRACK_WRITE: happen at all, whatever it writes
 * @SIM_TRACK_MSIX: the same, if the MSI-X table was locked
 */
enum sim_track_rule {
	SIM_TRACK_CLEAR,
	SIM_TRACK_CHANGE,
	SIM_TRACK_WRITE,
	SIM_TRACK_MSIX,
};

/**
 * struct sim_tracked - registers that are tracked while a function is locked
 * @where: offset of the first dword
 * @end: offset behind the last one
 * @bits: the bits of each dword that it is about
 * @rule: see enum sim_track_rule
 * @family: a virtual function has this from its PF, so it is hit as well
 * @why: reason of the ERROR
 */
struct sim_tracked {
	u16 where;
	u16 end;
	u32 bits;
	enum sim_track_rule rule;
	bool family;
	enum sim_tdi_cause why;
};

/*
 * What is not in here may be written at any time, or is looked at where it has
 * its effect: power states and FLR in config.c, the link in port.c, IDE in
 * ide.c. Registers that a function does not have are tracked by their address.
 */
static const struct sim_tracked sim_tracked[] = {
	{ PCI_COMMAND, PCI_COMMAND + 4, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
	  SIM_TRACK_CLEAR, false, SIM_TDI_COMMAND },
	/* The last byte of the dword: of the others none matters */
	{ PCI_CACHE_LINE_SIZE, PCI_CACHE_LINE_SIZE + 4, 0xff000000,
	  SIM_TRACK_WRITE, false, SIM_TDI_BIST },
	{ PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_5 + 4, ~0,
	  SIM_TRACK_WRITE, false, SIM_TDI_BAR },
	{ PCI_ROM_ADDRESS, PCI_ROM_ADDRESS + 4, ~0,
	  SIM_TRACK_WRITE, false, SIM_TDI_BAR },
	{ SIM_CAP_EXP + PCI_EXP_DEVCTL, SIM_CAP_EXP + PCI_EXP_DEVCTL + 4,
	  PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_PHANTOM |
	  PCI_EXP_DEVCTL_NOSNOOP_EN,
	  SIM_TRACK_CHANGE, true, SIM_TDI_DEVCTL },
	/* That of a VF is in the SR-IOV capability */
	{ SIM_CAP_EXP + PCI_EXP_DEVCTL2, SIM_CAP_EXP + PCI_EXP_DEVCTL2 + 4,
	  SIM_DEVCTL2_10BIT_TAG,
	  SIM_TRACK_CHANGE, false, SIM_TDI_DEVCTL },
	{ SIM_CAP_MSIX, SIM_CAP_MSIX + PCI_CAP_MSIX_SIZEOF, ~0,
	  SIM_TRACK_MSIX, false, SIM_TDI_MSIX },
	{ SIM_EXT_SRIOV, SIM_EXT_SRIOV + PCI_EXT_CAP_SRIOV_SIZEOF, ~0,
	  SIM_TRACK_WRITE, true, SIM_TDI_SRIOV },
};

static bool sim_track_hits(const struct sim_function *f,
			   const struct sim_tracked *t, u32 mask, u32 old,
			   u32 new)
{
	switch (t->rule) {
	case SIM_TRACK_CLEAR:
		return old & ~new & t->bits;
	case SIM_TRACK_CHANGE:
		return (old ^ new) & t->bits;
	case SIM_TRACK_WRITE:
		return mask & t->bits;
	case SIM_TRACK_MSIX:
		return mask & t->bits && f->tdi.msix;
	}
	return false;
}

/* Capabilities that a function may lack, with something else in their place */
static bool sim_track_applies(const struct sim_function *f,
			      const struct sim_tracked *t)
{
	switch (t->where) {
	case SIM_CAP_MSIX:
		return (f->cfg[SIM_CAP_MSIX / 4] & 0xff) == PCI_CAP_ID_MSIX;
	case SIM_EXT_SRIOV:
		return f->kind == SIM_FN_PF0 && f->dev->total_vfs;
	}
	return true;
}

/**
 * sim_track_write() - a config write, after it had its effect
 * @f: function
 * @where: offset of the dword
 * @mask: bits of it that were written
 * @old: the register before
 * @new: the register after
 *
 * Context: under sim_device::lock.
 */
void sim_track_write(struct sim_function *f, unsigned int where, u32 mask,
		     u32 old, u32 new)
{
	lockdep_assert_held(&f->dev->lock);
	for (int i = 0; i < ARRAY_SIZE(sim_tracked); i++) {
		const struct sim_tracked *t = &sim_tracked[i];

		if (where < t->where || where >= t->end ||
		    !sim_track_applies(f, t) ||
		    !sim_track_hits(f, t, mask, old, new))
			continue;
		if (t->family)
			sim_tdi_family_error(f, t->why);
		else
			sim_function_tdi_error(f, t->why);
	}
}
