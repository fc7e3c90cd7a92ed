/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit tests of the simulated hardware share: a device without a bus,
 * whose registers are reached as the bus would reach them.
 */
#ifndef _TSM_SIM_TEST_HW_H
#define _TSM_SIM_TEST_HW_H

#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>

#include "sim.h"

#define IDE_STREAM(i, reg)						\
	(SIM_EXT_IDE + PCI_IDE_LINK_STREAM_0 +				\
	 (i) * PCI_IDE_SEL_BLOCK_SIZE(SIM_IDE_NR_ADDR) + (reg))

static inline struct sim_device *to_dev(struct kunit *test)
{
	return test->priv;
}

static inline u32 cfg_read(struct sim_device *d, int fn, unsigned int where,
			   int size)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_function_read(&d->fn[fn], where, size);
}

static inline void cfg_write(struct sim_device *d, int fn, unsigned int where,
			     int size, u32 val)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	sim_function_write(&d->fn[fn], where, size, val);
}

static inline u32 rd(struct sim_device *d, unsigned int where)
{
	return cfg_read(d, 0, where, 4);
}

static inline void wr(struct sim_device *d, unsigned int where, u32 val)
{
	cfg_write(d, 0, where, 4, val);
}

static inline u32 port_read(struct sim_device *d, int where, int size)
{
	u32 val;

	guard(raw_spinlock_irqsave)(&d->lock);
	pci_bridge_emul_conf_read(&d->port, where, size, &val);
	return val;
}

static inline void port_write(struct sim_device *d, int where, int size, u32 val)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	pci_bridge_emul_conf_write(&d->port, where, size, val);
}

static inline int port_lnksta(struct sim_device *d)
{
	return d->port.pcie_start + PCI_EXP_LNKSTA;
}

static inline bool link_up(struct sim_device *d)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	return d->link_up;
}

int sim_test_init(struct kunit *test);
void sim_test_exit(struct kunit *test);

#endif
