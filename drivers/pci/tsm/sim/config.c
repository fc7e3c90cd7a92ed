// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space of the endpoint's functions: reset values, write masks, and what
 * a write sets off. Everything here runs under sim_device::lock.
 */
#include <linux/bitfield.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <kunit/visibility.h>

#include "sim.h"

#define SIM_BAR_TYPE	(PCI_BASE_ADDRESS_MEM_TYPE_64 | \
			 PCI_BASE_ADDRESS_MEM_PREFETCH)
#define SIM_PFS		(BIT(SIM_FN_PF0) | BIT(SIM_FN_PF))
#define SIM_ALL		(SIM_PFS | BIT(SIM_FN_VF))
#define SIM_LINK_SPEED	(SIM_LINK_STATUS & PCI_EXP_LNKSTA_CLS)
#define SIM_LINK_WIDTH	(SIM_LINK_STATUS & PCI_EXP_LNKSTA_NLW)

/**
 * struct sim_reg - one register of 32 bits
 * @where: offset in config space
 * @kinds: functions that have it, bits of enum sim_function_kind
 * @init: value after reset
 * @rw: bits that a write changes
 * @w1c: bits that a write of 1 clears
 *
 * A register that is not listed is hardwired to 0.
 */
struct sim_reg {
	u16 where;
	u8 kinds;
	u32 init;
	u32 rw;
	u32 w1c;
};

static const struct sim_reg sim_regs[] = {
	{ PCI_VENDOR_ID, SIM_PFS, SIM_DEVICE_ID << 16 | SIM_VENDOR_ID },
	/* PCIe 9.3.4.1: a VF has neither id, its driver asks the PF */
	{ PCI_VENDOR_ID, BIT(SIM_FN_VF), 0xffffffff },
	/*
	 * Immediately ready: nothing here needs time after a reset, and a test
	 * with hundreds of resets would wait 100 ms for each.
	 */
	{ PCI_COMMAND, SIM_PFS,
	  (PCI_STATUS_CAP_LIST | PCI_STATUS_IMM_READY) << 16,
	  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
	  PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE,
	  PCI_STATUS_ERROR_BITS << 16 },
	/* Memory Space Enable of a VF is VF MSE of its PF */
	{ PCI_COMMAND, BIT(SIM_FN_VF),
	  (PCI_STATUS_CAP_LIST | PCI_STATUS_IMM_READY) << 16,
	  PCI_COMMAND_MASTER, PCI_STATUS_ERROR_BITS << 16 },
	{ PCI_CLASS_REVISION, SIM_ALL, SIM_CLASS << 8 | SIM_REVISION },
	{ PCI_CACHE_LINE_SIZE, SIM_PFS, 0, 0xff },
	{ PCI_BASE_ADDRESS_0, SIM_PFS, SIM_BAR_TYPE, ~(SIM_BAR0_SIZE - 1) },
	{ PCI_BASE_ADDRESS_1, SIM_PFS, 0, ~0 },
	{ PCI_BASE_ADDRESS_2, SIM_PFS, SIM_BAR_TYPE, ~(SIM_BAR2_SIZE - 1) },
	{ PCI_BASE_ADDRESS_3, SIM_PFS, 0, ~0 },
	{ PCI_SUBSYSTEM_VENDOR_ID, SIM_ALL,
	  SIM_SUBSYS_ID << 16 | SIM_SUBSYS_VENDOR_ID },
	{ PCI_CAPABILITY_LIST, SIM_ALL, SIM_CAP_PM },
	{ PCI_INTERRUPT_LINE, SIM_PFS, 0, 0xff },

	{ SIM_CAP_PM, SIM_ALL, 3 << 16 | SIM_CAP_AF << 8 | PCI_CAP_ID_PM },
	{ SIM_CAP_PM + PCI_PM_CTRL, SIM_ALL, PCI_PM_CTRL_NO_SOFT_RESET,
	  PCI_PM_CTRL_STATE_MASK },

	/* Another way to the same reset; what it has behind this reads as 0 */
	{ SIM_CAP_AF, SIM_ALL,
	  (u32)(PCI_AF_CAP_TP | PCI_AF_CAP_FLR) << 24 |
	  PCI_CAP_AF_SIZEOF << 16 | SIM_CAP_EXP << 8 | PCI_CAP_ID_AF },

	{ SIM_CAP_EXP, SIM_ALL,
	  (PCI_EXP_TYPE_ENDPOINT << 4 | 2) << 16 | PCI_CAP_ID_EXP },
	{ SIM_CAP_EXP + PCI_EXP_DEVCAP, SIM_ALL,
	  PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR |
	  PCI_EXP_DEVCAP_TEE },
	/* Initiate Function Level Reset always reads as 0 */
	{ SIM_CAP_EXP + PCI_EXP_DEVCTL, SIM_PFS,
	  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN |
	  PCI_EXP_DEVCTL_READRQ_512B,
	  0xffff & ~PCI_EXP_DEVCTL_BCR_FLR,
	  SIM_DEVSTA_W1C << 16 },
	/* All else of a VF's Device Control is its PF's (PCIe 9.3.5.4) */
	{ SIM_CAP_EXP + PCI_EXP_DEVCTL, BIT(SIM_FN_VF), 0, 0,
	  SIM_DEVSTA_W1C << 16 },
	{ SIM_CAP_EXP + PCI_EXP_LNKCAP, SIM_ALL,
	  SIM_LINK_SPEED | SIM_LINK_WIDTH },
	{ SIM_CAP_EXP + PCI_EXP_LNKCTL, SIM_PFS,
	  (SIM_LINK_SPEED | SIM_LINK_WIDTH) << 16,
	  PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES },
	{ SIM_CAP_EXP + PCI_EXP_DEVCAP2, SIM_PFS, SIM_DEVCAP2_10BIT_TAGS },
	{ SIM_CAP_EXP + PCI_EXP_DEVCTL2, SIM_PFS, 0, SIM_DEVCTL2_10BIT_TAG },
	{ SIM_CAP_EXP + PCI_EXP_LNKCAP2, SIM_ALL, SIM_LINK_SPEEDS },
	{ SIM_CAP_EXP + PCI_EXP_LNKCTL2, SIM_PFS, SIM_LINK_SPEED,
	  PCI_EXP_LNKCTL2_TLS },

	/* The rest is there if there is a place for the table: sim_msix_reset() */
	{ SIM_CAP_MSIX, SIM_ALL, 0,
	  (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) << 16 },

	/* Version 2: the discovery request says which version it speaks */
	{ SIM_EXT_DOE, BIT(SIM_FN_PF0), 2 << 16 | PCI_EXT_CAP_ID_DOE },
	/* A null capability, where the list has to begin (7.9.28) */
	{ SIM_EXT_DOE, SIM_ALL & ~BIT(SIM_FN_PF0), SIM_EXT_DMA << 20 },

	{ SIM_EXT_SRIOV + PCI_SRIOV_CTRL, BIT(SIM_FN_PF0), 0,
	  PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE },
	{ SIM_EXT_SRIOV + PCI_SRIOV_NUM_VF, BIT(SIM_FN_PF0), 0, 0xffff },
	{ SIM_EXT_SRIOV + PCI_SRIOV_SYS_PGSIZE, BIT(SIM_FN_PF0), 1,
	  SIM_SRIOV_PAGE_SIZES },
	{ SIM_EXT_SRIOV + PCI_SRIOV_BAR, BIT(SIM_FN_PF0), SIM_BAR_TYPE,
	  ~(SIM_VF_BAR_SIZE - 1) },
	{ SIM_EXT_SRIOV + PCI_SRIOV_BAR + 4, BIT(SIM_FN_PF0), 0, ~0 },

	{ SIM_EXT_DMA, SIM_ALL, 1 << 16 | PCI_EXT_CAP_ID_DVSEC },
	{ SIM_EXT_DMA + PCI_DVSEC_HEADER1, SIM_ALL,
	  SIM_DMA_CAP_SIZEOF << 20 | SIM_VENDOR_ID },
	/* How large the buffer is, in KiB */
	{ SIM_EXT_DMA + PCI_DVSEC_HEADER2, SIM_ALL,
	  SIM_DMA_BUF_BYTES / SZ_1K << 16 | SIM_DVSEC_DMA },
	{ SIM_EXT_DMA + SIM_DMA_CTRL, SIM_ALL, 0,
	  SIM_DMA_CTRL_TO_MEMORY | SIM_DMA_CTRL_TEE | SIM_DMA_CTRL_INT |
	  SIM_DMA_CTRL_REPEAT | SIM_DMA_CTRL_BAR |
	  (u32)SIM_DMA_CTRL_VECTOR },
	{ SIM_EXT_DMA + SIM_DMA_LEN, SIM_ALL, 0, ~0 },
	{ SIM_EXT_DMA + SIM_DMA_OFFSET, SIM_ALL, 0, ~0 },
	{ SIM_EXT_DMA + SIM_DMA_IOVA_LO, SIM_ALL, 0, ~0 },
	{ SIM_EXT_DMA + SIM_DMA_IOVA_HI, SIM_ALL, 0, ~0 },
};

static const struct sim_reg *sim_reg_find(struct sim_function *f,
					  unsigned int where)
{
	for (int i = 0; i < ARRAY_SIZE(sim_regs); i++)
		if (sim_regs[i].where == where &&
		    sim_regs[i].kinds & BIT(f->kind))
			return &sim_regs[i];
	return NULL;
}

static bool sim_is_sriov(unsigned int where)
{
	return where >= SIM_EXT_SRIOV &&
	       where < SIM_EXT_SRIOV + PCI_EXT_CAP_SRIOV_SIZEOF;
}

static bool sim_is_ide(struct sim_function *f, unsigned int where)
{
	return f->kind == SIM_FN_PF0 && where >= SIM_EXT_IDE;
}

/* The registers behind the capability header, which is an ordinary register */
static bool sim_is_doe(struct sim_function *f, unsigned int where)
{
	return f->kind == SIM_FN_PF0 && where > SIM_EXT_DOE &&
	       where < SIM_EXT_DOE + PCI_DOE_CAP_SIZEOF;
}

/* In D3hot a function answers config requests, its mailbox does not work */
static bool sim_is_asleep(struct sim_function *f)
{
	u32 ctrl = f->cfg[(SIM_CAP_PM + PCI_PM_CTRL) / 4];

	return FIELD_GET(PCI_PM_CTRL_STATE_MASK, ctrl) == 3;
}

/* The doorbell and what it sets off; the others are ordinary registers */
static bool sim_is_dma(unsigned int where)
{
	return where >= SIM_EXT_DMA + SIM_DMA_DOORBELL &&
	       where < SIM_EXT_DMA + SIM_DMA_CAP_SIZEOF;
}

/**
 * sim_function_reset() - give all registers of a function their reset values
 * @f: function
 *
 * What a Function Level Reset does to config space. The device's IDE and SPDM
 * state are not in here and survive (PCIe 6.6.2).
 *
 * Context: under sim_device::lock.
 */
void sim_function_reset(struct sim_function *f)
{
	struct sim_device *d = f->dev;
	u32 *cfg = f->cfg;

	memset(cfg, 0, sizeof(f->cfg));
	for (int i = 0; i < ARRAY_SIZE(sim_regs); i++) {
		const struct sim_reg *reg = &sim_regs[i];

		if (!(reg->kinds & BIT(f->kind)))
			continue;
		if (sim_is_sriov(reg->where) && !d->total_vfs)
			continue;
		cfg[reg->where / 4] = reg->init;
	}

	if (d->soft_reset)
		cfg[(SIM_CAP_PM + PCI_PM_CTRL) / 4] &= ~PCI_PM_CTRL_NO_SOFT_RESET;

	if (f->kind != SIM_FN_VF && d->nr_functions > 1)
		cfg[PCI_CACHE_LINE_SIZE / 4] |= PCI_HEADER_TYPE_MFD << 16;

	if (f->kind == SIM_FN_PF0) {
		u32 next = d->total_vfs ? SIM_EXT_SRIOV : SIM_EXT_DMA;

		cfg[SIM_EXT_DOE / 4] |= next << 20;
		cfg[SIM_EXT_DMA / 4] |= SIM_EXT_IDE << 20;
		if (d->total_vfs)
			sim_sriov_reset(f);
	}
	sim_msix_reset(f);
	sim_dma_reset(f);
}
EXPORT_SYMBOL_IF_KUNIT(sim_function_reset);

/*
 * FLR (PCIe 6.6.2), and what D3hot to D0 does without No_Soft_Reset (5.3.1.4):
 * the function alone. That of a PF clears its VF Enable, so that its VFs are
 * gone, and come back with their reset values.
 */
static void sim_function_lose_state(struct sim_function *f,
				    enum sim_tdi_cause why)
{
	sim_tdi_family_error(f, why);
	sim_function_reset(f);
	if (f->kind == SIM_FN_PF0)
		sim_doe_flr(&f->dev->doe);
}

/**
 * sim_function_bar() - where a BAR of a function is
 * @f: function
 * @bar: number of the BAR
 * @base: gets its address, 0 if it was not given one; untouched if there is no
 *	  such BAR
 *
 * Whether it is decoded at the moment does not matter.
 *
 * Context: under sim_device::lock.
 * Return: its bytes, 0 if there is no such BAR.
 */
u64 sim_function_bar(struct sim_function *f, unsigned int bar, u64 *base)
{
	unsigned int where = PCI_BASE_ADDRESS_0 + 4 * bar, vf = 0;
	struct sim_device *d = f->dev;
	u64 size;

	lockdep_assert_held(&d->lock);
	if (f->kind == SIM_FN_VF) {
		size = bar ? 0 : SIM_VF_BAR_SIZE;
		where = SIM_EXT_SRIOV + PCI_SRIOV_BAR;
		vf = f - &d->fn[d->nr_functions];
		f = &d->fn[0];
	} else {
		size = bar == 0 ? SIM_BAR0_SIZE : bar == 2 ? SIM_BAR2_SIZE : 0;
	}
	if (!size)
		return 0;

	*base = (u64)f->cfg[where / 4 + 1] << 32 |
		(f->cfg[where / 4] & PCI_BASE_ADDRESS_MEM_MASK & U32_MAX);
	if (*base)
		*base += vf * size;
	return size;
}

static u32 sim_function_read_dword(struct sim_function *f, unsigned int where)
{
	struct sim_device *d = f->dev;

	if (sim_is_doe(f, where))
		return sim_is_asleep(f) ? 0 :
		       sim_doe_read(&d->doe, where - SIM_EXT_DOE);
	if (sim_is_ide(f, where))
		return sim_ide_read(&d->ide, where - SIM_EXT_IDE);
	if (sim_is_dma(where))
		return sim_dma_read(f, where - SIM_EXT_DMA);
	if (where >= SIM_CFG_SHADOW_BYTES)
		return 0;
	/* In the dword of Device Control */
	if (where == SIM_CAP_EXP + PCI_EXP_DEVCTL && sim_dma_busy(f))
		return f->cfg[where / 4] | PCI_EXP_DEVSTA_TRPND << 16;
	return f->cfg[where / 4];
}

/**
 * sim_function_read() - config read
 * @f: function
 * @where: offset, aligned to @size
 * @size: 1, 2 or 4 bytes
 *
 * Context: under sim_device::lock.
 * Return: the value, in the low bits.
 */
u32 sim_function_read(struct sim_function *f, unsigned int where, int size)
{
	u32 val = sim_function_read_dword(f, where & ~3);

	lockdep_assert_held(&f->dev->lock);
	return (val >> 8 * (where & 3)) & GENMASK(8 * size - 1, 0);
}
EXPORT_SYMBOL_IF_KUNIT(sim_function_read);

/* D3hot to D0 */
static bool sim_pm_loses_state(u32 old, u32 new)
{
	return !(old & PCI_PM_CTRL_NO_SOFT_RESET) &&
	       FIELD_GET(PCI_PM_CTRL_STATE_MASK, old) == 3 &&
	       FIELD_GET(PCI_PM_CTRL_STATE_MASK, new) == 0;
}

static void sim_function_write_dword(struct sim_function *f,
				     unsigned int where, u32 val, u32 mask)
{
	const struct sim_reg *reg = NULL;
	u32 old = 0, new = 0;

	if (where >= SIM_CFG_SHADOW_BYTES)
		return;
	if ((!sim_is_sriov(where) || f->dev->total_vfs) &&
	    (where != SIM_CAP_MSIX || f->dev->msix))
		reg = sim_reg_find(f, where);
	if (reg) {
		old = f->cfg[where / 4];
		new = (old & ~(reg->rw & mask)) | (val & reg->rw & mask);
		new &= ~(val & reg->w1c & mask);
	}

	if (where == SIM_CAP_PM + PCI_PM_CTRL) {
		/* Of D1 and D2, which are not there, a write changes nothing */
		u32 state = FIELD_GET(PCI_PM_CTRL_STATE_MASK, new);

		if (state == 1 || state == 2)
			new = old;
	} else if (reg && sim_is_sriov(where)) {
		new = sim_sriov_write(f, where - SIM_EXT_SRIOV, old, new);
	}
	if (reg)
		f->cfg[where / 4] = new;
	/* Some that are not there are tracked all the same */
	sim_track_write(f, where, mask, old, new);

	if (where == SIM_CAP_PM + PCI_PM_CTRL && sim_pm_loses_state(old, new))
		sim_function_lose_state(f, SIM_TDI_POWER);
	if ((where == SIM_CAP_EXP + PCI_EXP_DEVCTL &&
	     val & mask & PCI_EXP_DEVCTL_BCR_FLR) ||
	    (where == SIM_CAP_AF + PCI_AF_CTRL &&
	     val & mask & PCI_AF_CTRL_FLR))
		sim_function_lose_state(f, SIM_TDI_FLR);
}

/**
 * sim_function_write() - config write
 * @f: function
 * @where: offset, aligned to @size
 * @size: 1, 2 or 4 bytes
 * @val: the value, in the low bits
 *
 * Context: under sim_device::lock.
 */
void sim_function_write(struct sim_function *f, unsigned int where, int size,
			u32 val)
{
	unsigned int shift = 8 * (where & 3);
	u32 mask = GENMASK(8 * size - 1, 0) << shift;
	struct sim_device *d = f->dev;

	lockdep_assert_held(&d->lock);
	where &= ~3;
	val <<= shift;
	if (sim_is_doe(f, where)) {
		if (!sim_is_asleep(f))
			sim_doe_write(&d->doe, where - SIM_EXT_DOE, val, mask);
	} else if (sim_is_ide(f, where)) {
		sim_ide_write(&d->ide, where - SIM_EXT_IDE, val, mask);
	} else if (sim_is_dma(where)) {
		sim_dma_write(f, where - SIM_EXT_DMA, val, mask);
	} else {
		sim_function_write_dword(f, where, val, mask);
	}
}
EXPORT_SYMBOL_IF_KUNIT(sim_function_write);
