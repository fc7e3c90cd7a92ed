// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SR-IOV capability of PF0, and which virtual functions answer.
 * Everything here runs under sim_device::lock.
 */
#include <linux/log2.h>
#include <linux/pci.h>
#include <kunit/visibility.h>

#include "sim.h"

#define SRIOV(f, reg)	((f)->cfg[(SIM_EXT_SRIOV + (reg)) / 4])

/**
 * sim_sriov_reset() - the registers whose values depend on the device
 * @f: PF0 of a device with virtual functions
 *
 * PCIe 9.3.3.
 */
void sim_sriov_reset(struct sim_function *f)
{
	u32 total = f->dev->total_vfs;

	SRIOV(f, 0) = SIM_EXT_DMA << 20 | 1 << 16 | PCI_EXT_CAP_ID_SRIOV;
	SRIOV(f, PCI_SRIOV_INITIAL_VF) = total << 16 | total;
	/*
	 * Behind all physical functions, which saves ARI: routing ids count
	 * on through the device numbers of this bus and into the next.
	 */
	SRIOV(f, PCI_SRIOV_VF_OFFSET) = 1 << 16 | SIM_MAX_FUNCTIONS;
	SRIOV(f, PCI_SRIOV_VF_DID & ~3) = SIM_VF_DEVICE_ID << 16;
	SRIOV(f, PCI_SRIOV_SUP_PGSIZE) = SIM_SRIOV_PAGE_SIZES;
}

/**
 * sim_sriov_write() - what becomes of a write to the capability
 * @f: PF0
 * @reg: offset of the dword in the capability
 * @old: its value
 * @new: its value with the write's bits
 *
 * Return: the value to keep.
 */
u32 sim_sriov_write(struct sim_function *f, unsigned int reg, u32 old, u32 new)
{
	bool enabled = SRIOV(f, PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_VFE;
	struct sim_device *d = f->dev;

	switch (reg) {
	case PCI_SRIOV_CTRL:
		/* The functions come into being with their reset values */
		if (enabled || !(new & PCI_SRIOV_CTRL_VFE))
			return new;
		for (int i = 0; i < SRIOV(f, PCI_SRIOV_NUM_VF); i++) {
			struct sim_function *vf = &d->fn[d->nr_functions + i];

			sim_function_reset(vf);
			sim_tdi_unlock(vf);
		}
		return new;
	case PCI_SRIOV_NUM_VF:
		/* 9.3.3.7: not to be written while VFs are enabled */
		return enabled || new > d->total_vfs ? old : new;
	case PCI_SRIOV_SYS_PGSIZE:
		return enabled || !is_power_of_2(new) ? old : new;
	default:
		return new;
	}
}

/**
 * sim_sriov_nr_vfs() - virtual functions that answer at the moment
 * @d: device
 *
 * Return: their number, they are the first ones.
 */
unsigned int sim_sriov_nr_vfs(struct sim_device *d)
{
	struct sim_function *f = &d->fn[0];

	if (!d->total_vfs || !(SRIOV(f, PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_VFE))
		return 0;
	return SRIOV(f, PCI_SRIOV_NUM_VF);
}
EXPORT_SYMBOL_IF_KUNIT(sim_sriov_nr_vfs);

/**
 * sim_function_present() - does the function answer?
 * @f: function
 *
 * Return: whether the link is up and, for a virtual function, it is enabled.
 */
bool sim_function_present(struct sim_function *f)
{
	struct sim_device *d = f->dev;

	return d->link_up && (f->kind != SIM_FN_VF ||
			      f - d->fn - d->nr_functions < sim_sriov_nr_vfs(d));
}
