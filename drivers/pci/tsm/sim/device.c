// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device, root port and endpoint: built and dismantled, pulled out and
 * unplugged.
 */
#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>

#include "../../pci.h"
#include "sim.h"

/* The only place that changes the presence */
static void sim_device_set_presence(struct sim_device *d,
				    enum sim_presence presence)
{
	lockdep_assert_held(&d->lock);
	d->presence = presence;
	sim_port_update_link(d);
}

/**
 * sim_device_disable_sriov() - let the kernel forget the virtual functions
 * @d: device
 *
 * The PCI core drops a VF's reference to its PF only as SR-IOV is disabled, which
 * not every PF driver does as it lets go: both would stay for ever.
 *
 * Context: may sleep, under the rescan and remove lock.
 */
void sim_device_disable_sriov(struct sim_device *d)
{
	struct pci_dev *pf0 = sim_device_get_pf0(d);

	if (pf0)
		pci_disable_sriov(pf0);
	pci_dev_put(pf0);
}

static void sim_remove_functions(struct sim_device *d, struct pci_bus *bus)
{
	sim_device_disable_sriov(d);
	for (int fn = SIM_MAX_FUNCTIONS - 1; fn >= 0; fn--) {
		struct pci_dev *pdev = pci_get_slot(bus, PCI_DEVFN(0, fn));

		if (!pdev)
			continue;
		pci_stop_and_remove_bus_device(pdev);
		pci_dev_put(pdev);
	}
}

static int sim_mark_disconnected(struct pci_dev *pdev, void *unused)
{
	pci_dev_set_io_state(pdev, pci_channel_io_perm_failure);
	return 0;
}

/* What a hotplug driver does when the link of a port goes down */
static void sim_device_removed(struct work_struct *work)
{
	struct sim_device *d = container_of(to_delayed_work(work),
					    struct sim_device, remove);
	struct pci_dev *port;

	pci_lock_rescan_remove();
	port = sim_device_get_port(d);
	if (port && port->subordinate) {
		pci_walk_bus(port->subordinate, sim_mark_disconnected, NULL);
		sim_remove_functions(d, port->subordinate);
	}
	pci_unlock_rescan_remove();
	pci_dev_put(port);
}

/**
 * sim_device_surprise_remove() - pull the endpoint out
 * @d: device
 *
 * Config reads give all ones from now on. The kernel is told a moment later, as
 * it is with hardware.
 *
 * Context: any but under sim_device::lock.
 * Return: 0, or -ENODEV if there is no endpoint.
 */
int sim_device_surprise_remove(struct sim_device *d)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	if (d->presence != SIM_PRESENT)
		return -ENODEV;
	sim_device_set_presence(d, SIM_REMOVED);
	queue_delayed_work(sim_wq, &d->remove,
			   msecs_to_jiffies(SIM_REMOVE_DELAY_MS));
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_device_surprise_remove);

/**
 * sim_device_create() - a device that is not plugged into anything
 *
 * Return: the device for sim_device_destroy(), or NULL without memory.
 */
struct sim_device *sim_device_create(void)
{
	struct sim_device *d = kzalloc_obj(*d);

	if (!d)
		return NULL;
	raw_spin_lock_init(&d->lock);
	INIT_DELAYED_WORK(&d->remove, sim_device_removed);
	sim_msix_init(d);
	d->nr_functions = 1;
	d->iommu = true;
	d->secured_doe = true;
	sim_fault_init(d);
	return d;
}
EXPORT_SYMBOL_IF_KUNIT(sim_device_create);

/**
 * sim_device_destroy() - undo sim_device_create()
 * @d: device, not built
 */
void sim_device_destroy(struct sim_device *d)
{
	kfree(d);
}
EXPORT_SYMBOL_IF_KUNIT(sim_device_destroy);

static void sim_device_free(struct sim_device *d)
{
	sim_dma_free(d);
	sim_doe_free(&d->doe);
	sim_ide_free(&d->ide);
	sim_ide_free(&d->port_ide);
	kvfree(d->fn);
	d->fn = NULL;
}

static int sim_device_alloc(struct sim_device *d)
{
	unsigned int nr = d->nr_functions + d->total_vfs;
	int rc;

	d->msix = d->platform && d->platform->mem;
	d->fn = kvzalloc_objs(*d->fn, nr);
	if (!d->fn)
		return -ENOMEM;
	for (int i = 0; i < nr; i++) {
		d->fn[i].dev = d;
		d->fn[i].kind = i >= d->nr_functions ? SIM_FN_VF :
				i ? SIM_FN_PF : SIM_FN_PF0;
		sim_function_reset(&d->fn[i]);
	}
	atomic_set(&d->messages, 0);
	atomic_set(&d->interrupts, 0);
	atomic_set(&d->interrupts_refused, 0);
	memset(d->tdi_errors, 0, sizeof(d->tdi_errors));

	rc = sim_dma_init(d);
	if (rc)
		return rc;
	rc = sim_doe_init(&d->doe);
	if (rc)
		return rc;
	rc = sim_ide_init(&d->ide, d, SIM_IDE_EP_STREAMS);
	if (rc)
		return rc;
	rc = sim_ide_init(&d->port_ide, d, SIM_IDE_PORT_STREAMS);
	if (rc)
		return rc;
	rc = sim_dsm_init(d);
	if (rc)
		return rc;
	rc = sim_port_init(d);
	if (rc)
		sim_dsm_exit(d);
	return rc;
}

/**
 * sim_device_build() - power on: root port and endpoint answer from now on
 * @d: device, created or dismantled
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or what the security manager's start returns.
 */
int sim_device_build(struct sim_device *d)
{
	int rc = sim_device_alloc(d);

	if (rc) {
		sim_device_free(d);
		return rc;
	}
	guard(raw_spinlock_irqsave)(&d->lock);
	sim_device_set_presence(d, SIM_PRESENT);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_device_build);

/**
 * sim_device_dismantle() - undo sim_device_build()
 * @d: device; no config access is under way or will be
 *
 * Also right for a device that is not built.
 *
 * Context: may sleep, without the rescan and remove lock.
 */
void sim_device_dismantle(struct sim_device *d)
{
	if (!d->fn)
		return;
	scoped_guard(raw_spinlock_irqsave, &d->lock)
		sim_device_set_presence(d, SIM_ABSENT);
	cancel_delayed_work_sync(&d->remove);
	sim_dma_quiesce(d);
	sim_msix_quiesce(d);
	sim_doe_quiesce(&d->doe);
	sim_dsm_exit(d);
	sim_port_free(d);
	sim_device_free(d);
}
EXPORT_SYMBOL_IF_KUNIT(sim_device_dismantle);

/**
 * sim_device_unplug() - take a device, root port and all, out of its platform
 * @d: device
 *
 * Orderly: the kernel lets go of it first.
 *
 * Context: may sleep, under sim_platform::lock.
 */
void sim_device_unplug(struct sim_device *d)
{
	struct sim_platform *p = d->platform;

	lockdep_assert_held(&p->lock);
	if (p->live) {
		struct pci_dev *port;

		pci_lock_rescan_remove();
		sim_device_disable_sriov(d);
		port = sim_device_get_port(d);
		if (port)
			pci_stop_and_remove_bus_device(port);
		pci_dev_put(port);
		/* Under the same lock, or a rescan would find it again */
		scoped_guard(raw_spinlock_irqsave, &d->lock)
			sim_device_set_presence(d, SIM_ABSENT);
		pci_unlock_rescan_remove();
	}
	RCU_INIT_POINTER(p->device[d->index], NULL);
	synchronize_rcu();
	sim_device_dismantle(d);
}
