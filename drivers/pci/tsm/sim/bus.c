// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host bridge: routes config requests to root ports and functions, and
 * builds and dismantles the bus.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/device/faux.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/pci-ecam.h>
#include <kunit/visibility.h>

#include "../../pci.h"
#include "sim.h"

#define SIM_ROOT_BUS		0
#define SIM_FIRST_DOMAIN	0x10000	/* above all that firmware can number */
#define SIM_SLOTS		32

/**
 * struct sim_sysdata - what a bus of ours has as its sysdata
 * @arch: what the architecture expects there, first
 * @platform: NULL once the platform is down
 *
 * Lives and dies with the host bridge, which whoever still holds a reference to
 * a removed device keeps alive.
 */
struct sim_sysdata {
#ifdef CONFIG_X86
	struct pci_sysdata arch;
#else
	struct pci_config_window arch;	/* a parent of NULL: no ACPI companion */
#endif
	struct sim_platform __rcu *platform;
};

static unsigned int sim_port_devfn(struct sim_device *d)
{
	return PCI_DEVFN(d->index % SIM_SLOTS, d->index / SIM_SLOTS);
}

/* All under RCU: a device goes away only after a grace period */
static struct sim_device *sim_route_port(struct sim_platform *p,
					 unsigned int devfn)
{
	unsigned int i = PCI_FUNC(devfn) * SIM_SLOTS + PCI_SLOT(devfn);

	return i < SIM_MAX_DEVICES ? rcu_dereference(p->device[i]) : NULL;
}

/**
 * sim_route_bus() - device behind whose root port a bus is
 * @p: platform
 * @bus: number of the bus, not that of the root bus
 *
 * Context: under RCU.
 * Return: the device or NULL.
 */
VISIBLE_IF_KUNIT struct sim_device *sim_route_bus(struct sim_platform *p,
						  unsigned int bus)
{
	for (int i = 0; i < SIM_MAX_DEVICES; i++) {
		struct sim_device *d = rcu_dereference(p->device[i]);
		u8 first, last;

		if (!d)
			continue;
		first = READ_ONCE(d->port.conf.secondary_bus);
		last = READ_ONCE(d->port.conf.subordinate_bus);
		if (first && first <= bus && bus <= last)
			return d;
	}
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(sim_route_bus);

/**
 * sim_route_function() - function that a config request is for
 * @d: device behind whose root port @bus is
 * @bus: number of the bus
 * @devfn: device and function on it
 *
 * Physical functions are functions of device 0 on the secondary bus, virtual
 * functions follow in routing id order, on the next bus in the end.
 *
 * Context: under sim_device::lock.
 * Return: the function, or NULL if none answers.
 */
VISIBLE_IF_KUNIT struct sim_function *sim_route_function(struct sim_device *d,
							 unsigned int bus,
							 unsigned int devfn)
{
	unsigned int rid = (bus - d->port.conf.secondary_bus) << 8 | devfn;

	lockdep_assert_held(&d->lock);
	if (!d->link_up)
		return NULL;
	if (rid < d->nr_functions)
		return &d->fn[rid];
	if (rid < SIM_MAX_FUNCTIONS ||
	    rid - SIM_MAX_FUNCTIONS >= sim_sriov_nr_vfs(d))
		return NULL;
	return &d->fn[d->nr_functions + rid - SIM_MAX_FUNCTIONS];
}
EXPORT_SYMBOL_IF_KUNIT(sim_route_function);

/**
 * sim_device_function() - the function that has a routing id
 * @d: device
 * @rid: bus << 8 | devfn
 *
 * Context: under sim_device::lock.
 * Return: the function, or NULL if none answers there at the moment.
 */
struct sim_function *sim_device_function(struct sim_device *d, u16 rid)
{
	return sim_route_function(d, PCI_BUS_NUM(rid), rid & 0xff);
}
EXPORT_SYMBOL_IF_KUNIT(sim_device_function);

/**
 * sim_function_rid() - routing id of a function
 * @f: function
 *
 * Context: under sim_device::lock.
 * Return: bus << 8 | devfn; of a virtual function whether it is enabled or not.
 */
u16 sim_function_rid(struct sim_function *f)
{
	struct sim_device *d = f->dev;
	unsigned int i = f - d->fn;

	lockdep_assert_held(&d->lock);
	if (f->kind == SIM_FN_VF)
		i += SIM_MAX_FUNCTIONS - d->nr_functions;
	return PCI_DEVID(d->port.conf.secondary_bus, 0) + i;
}
EXPORT_SYMBOL_IF_KUNIT(sim_function_rid);

static struct sim_platform *sim_bus_platform(struct pci_bus *bus)
{
	struct sim_sysdata *sd = bus->sysdata;

	return rcu_dereference(sd->platform);
}

static int sim_bus_read(struct pci_bus *bus, unsigned int devfn, int where,
			int size, u32 *val)
{
	struct sim_platform *p;
	struct sim_function *f;
	struct sim_device *d;

	PCI_SET_ERROR_RESPONSE(val);
	guard(rcu)();
	p = sim_bus_platform(bus);
	if (!p)
		return PCIBIOS_DEVICE_NOT_FOUND;

	if (bus->number == SIM_ROOT_BUS) {
		d = sim_route_port(p, devfn);
		if (!d)
			return PCIBIOS_DEVICE_NOT_FOUND;
		guard(raw_spinlock_irqsave)(&d->lock);
		if (d->presence == SIM_ABSENT)
			return PCIBIOS_DEVICE_NOT_FOUND;
		return pci_bridge_emul_conf_read(&d->port, where, size, val);
	}

	d = sim_route_bus(p, bus->number);
	if (!d)
		return PCIBIOS_DEVICE_NOT_FOUND;
	guard(raw_spinlock_irqsave)(&d->lock);
	f = sim_route_function(d, bus->number, devfn);
	if (!f)
		return PCIBIOS_DEVICE_NOT_FOUND;
	*val = sim_function_read(f, where, size);
	return PCIBIOS_SUCCESSFUL;
}

static int sim_bus_write(struct pci_bus *bus, unsigned int devfn, int where,
			 int size, u32 val)
{
	struct sim_platform *p;
	struct sim_function *f;
	struct sim_device *d;

	guard(rcu)();
	p = sim_bus_platform(bus);
	if (!p)
		return PCIBIOS_DEVICE_NOT_FOUND;

	if (bus->number == SIM_ROOT_BUS) {
		d = sim_route_port(p, devfn);
		if (!d)
			return PCIBIOS_DEVICE_NOT_FOUND;
		guard(raw_spinlock_irqsave)(&d->lock);
		if (d->presence == SIM_ABSENT)
			return PCIBIOS_DEVICE_NOT_FOUND;
		return pci_bridge_emul_conf_write(&d->port, where, size, val);
	}

	d = sim_route_bus(p, bus->number);
	if (!d)
		return PCIBIOS_DEVICE_NOT_FOUND;
	guard(raw_spinlock_irqsave)(&d->lock);
	f = sim_route_function(d, bus->number, devfn);
	if (!f)
		return PCIBIOS_DEVICE_NOT_FOUND;
	sim_function_write(f, where, size, val);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops sim_bus_ops = {
	.read = sim_bus_read,
	.write = sim_bus_write,
};

/**
 * sim_device_from_pdev() - simulated device behind a PCI device
 * @pdev: root port or any function
 *
 * Context: @pdev is not removed under the caller, as in the TSM's operations.
 * Return: the device, or NULL if @pdev is none of ours.
 */
struct sim_device *sim_device_from_pdev(struct pci_dev *pdev)
{
	struct pci_dev *port;
	struct sim_platform *p;

	if (pdev->bus->ops != &sim_bus_ops)
		return NULL;
	port = pcie_find_root_port(pdev);
	if (!port)
		return NULL;

	guard(rcu)();
	p = sim_bus_platform(port->bus);
	return p ? sim_route_port(p, port->devfn) : NULL;
}

/**
 * sim_function_from_pdev() - simulated function behind a PCI device
 * @pdev: any PCI device
 *
 * Context: @pdev is not removed under the caller.
 * Return: the function, or NULL if @pdev is none of ours, a root port, or cannot
 * be reached.
 */
struct sim_function *sim_function_from_pdev(struct pci_dev *pdev)
{
	struct sim_platform *p;
	struct sim_device *d;

	if (pdev->bus->ops != &sim_bus_ops ||
	    pdev->bus->number == SIM_ROOT_BUS)
		return NULL;

	guard(rcu)();
	p = sim_bus_platform(pdev->bus);
	d = p ? sim_route_bus(p, pdev->bus->number) : NULL;
	if (!d)
		return NULL;
	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_route_function(d, pdev->bus->number, pdev->devfn);
}

/**
 * sim_device_rid() - routing id of PF0
 * @d: device
 *
 * Context: any.
 * Return: bus << 8 | devfn, 0 if the root port has no bus number yet.
 */
u16 sim_device_rid(struct sim_device *d)
{
	return PCI_DEVID(READ_ONCE(d->port.conf.secondary_bus), 0);
}
EXPORT_SYMBOL_IF_KUNIT(sim_device_rid);

/* Nobody else's device, whatever the domain number says at the moment */
static struct pci_dev *sim_platform_get_pdev(struct sim_platform *p, u16 rid)
{
	struct pci_dev *pdev;

	pdev = pci_get_domain_bus_and_slot(READ_ONCE(p->domain),
					   PCI_BUS_NUM(rid), rid & 0xff);
	if (!pdev)
		return NULL;

	scoped_guard(rcu)
		if (pdev->bus->ops == &sim_bus_ops &&
		    sim_bus_platform(pdev->bus) == p)
			return pdev;
	pci_dev_put(pdev);
	return NULL;
}

/**
 * sim_device_get_pf0() - PF0 as the kernel knows it
 * @d: device of a live platform
 *
 * Return: a reference for pci_dev_put(), or NULL if the kernel has no such
 * device.
 */
struct pci_dev *sim_device_get_pf0(struct sim_device *d)
{
	u16 rid = sim_device_rid(d);

	return rid ? sim_platform_get_pdev(d->platform, rid) : NULL;
}

/**
 * sim_device_get_port() - the root port as the kernel knows it
 * @d: device of a live platform
 *
 * Return: a reference for pci_dev_put(), or NULL if the kernel has no such
 * device.
 */
struct pci_dev *sim_device_get_port(struct sim_device *d)
{
	return sim_platform_get_pdev(d->platform, PCI_DEVID(SIM_ROOT_BUS,
							    sim_port_devfn(d)));
}

/**
 * sim_device_name() - PCI name of an end of the link
 * @d: device
 * @port: the root port, else PF0
 * @page: buffer of a configfs attribute
 *
 * Context: under sim_platform::lock.
 * Return: as sysfs_emit().
 */
ssize_t sim_device_name(struct sim_device *d, bool port, char *page)
{
	unsigned int bus = SIM_ROOT_BUS, devfn = sim_port_devfn(d);

	if (!d->platform->live)
		return sysfs_emit(page, "\n");
	if (!port) {
		bus = PCI_BUS_NUM(sim_device_rid(d));
		devfn = 0;
		if (!bus)
			return sysfs_emit(page, "\n");
	}
	return sysfs_emit(page, "%04x:%02x:%02x.%d\n", d->platform->domain, bus,
			  PCI_SLOT(devfn), PCI_FUNC(devfn));
}

static struct sim_device *sim_platform_device(struct sim_platform *p, int i)
{
	return rcu_dereference_protected(p->device[i],
					 lockdep_is_held(&p->lock));
}

/*
 * Close the gaps: function 0 of a slot must be there for others to be seen.
 * Returns the number of devices.
 */
static unsigned int sim_platform_compact(struct sim_platform *p)
{
	unsigned int n = 0;

	for (int i = 0; i < SIM_MAX_DEVICES; i++) {
		struct sim_device *d = sim_platform_device(p, i);

		if (!d)
			continue;
		RCU_INIT_POINTER(p->device[i], NULL);
		d->index = n++;
		RCU_INIT_POINTER(p->device[d->index], d);
	}
	return n;
}

/**
 * sim_platform_plug() - put a new device into the next slot
 * @p: platform that is not live
 * @d: device
 *
 * Context: under sim_platform::lock.
 */
void sim_platform_plug(struct sim_platform *p, struct sim_device *d)
{
	lockdep_assert_held(&p->lock);
	d->platform = p;
	d->index = sim_platform_compact(p);
	rcu_assign_pointer(p->device[d->index], d);
}

/* Windows of bridges are whole megabytes */
static resource_size_t sim_platform_window_size(struct sim_platform *p)
{
	resource_size_t size = 0;

	for (int i = 0; i < SIM_MAX_DEVICES; i++) {
		struct sim_device *d = sim_platform_device(p, i);

		if (d)
			size += round_up(d->total_vfs * SIM_VF_BAR_SIZE +
					 d->nr_functions * SIM_BAR0_SIZE +
					 d->nr_functions * SIM_BAR2_SIZE, SZ_1M);
	}
	return max_t(resource_size_t, size, SZ_1M);
}

static void sim_platform_remove_bus(struct sim_platform *p)
{
	struct pci_bus *bus = p->bridge->bus;

	if (!bus)
		return;
	pci_lock_rescan_remove();
	for (int i = 0; i < SIM_MAX_DEVICES; i++) {
		struct sim_device *d = sim_platform_device(p, i);

		if (d)
			sim_device_disable_sriov(d);
	}
	pci_stop_root_bus(bus);
	pci_remove_root_bus(bus);
	pci_unlock_rescan_remove();
}

static void sim_platform_teardown(struct sim_platform *p)
{
	struct pci_host_bridge *bridge = p->bridge;

	if (p->tsm_dev)
		sim_link_tsm_unregister(p);
	p->live = false;

	if (bridge) {
		struct sim_sysdata *sd = pci_host_bridge_priv(bridge);

		sim_platform_remove_bus(p);
		/* Stragglers with a reference to a removed device see nothing */
		RCU_INIT_POINTER(sd->platform, NULL);
		synchronize_rcu();
	}

	for (int i = 0; i < SIM_MAX_DEVICES; i++) {
		struct sim_device *d = sim_platform_device(p, i);

		if (d)
			sim_device_dismantle(d);
	}
	/* Gives the domain number back, which works of the devices looked up */
	WRITE_ONCE(p->domain, PCI_DOMAIN_NR_NOT_SET);
	if (bridge)
		pci_free_host_bridge(bridge);
	p->bridge = NULL;
	sim_irq_exit(p);
	sim_bar_memory_unmap(p);
	sim_window_free(&p->window);
	if (p->faux)
		faux_device_destroy(p->faux);
	p->faux = NULL;
}

static int sim_platform_probe(struct sim_platform *p)
{
	struct pci_host_bridge *bridge;
	struct sim_sysdata *sd;
	int domain, rc;

	bridge = pci_alloc_host_bridge(sizeof(*sd));
	if (!bridge)
		return -ENOMEM;
	p->bridge = bridge;

	/* Released together with the bridge */
	domain = pci_bus_find_emul_domain_nr(0, SIM_FIRST_DOMAIN, INT_MAX);
	if (domain < 0)
		return domain;
	bridge->domain_nr = domain;
	WRITE_ONCE(p->domain, domain);

	sd = pci_host_bridge_priv(bridge);
#ifdef CONFIG_X86
	sd->arch.domain = domain;
	sd->arch.node = NUMA_NO_NODE;
#endif
	rcu_assign_pointer(sd->platform, p);

	bridge->dev.parent = &p->faux->dev;
	bridge->sysdata = sd;
	bridge->busnr = SIM_ROOT_BUS;
	bridge->ops = &sim_bus_ops;
	/* The root ports have no interrupts, and no service to use them for */
	bridge->native_aer = 0;
	bridge->native_pcie_hotplug = 0;
	bridge->native_shpc_hotplug = 0;
	bridge->native_pme = 0;
	bridge->native_dpc = 0;
	dev_set_msi_domain(&bridge->dev, p->irq_domain);
	pci_add_resource(&bridge->windows, &p->buses);
	pci_add_resource(&bridge->windows, &p->window);

	rc = pci_host_probe(bridge);
	/* It freed the bus, but left the pointer */
	if (rc)
		bridge->bus = NULL;
	return rc;
}

static int sim_platform_build(struct sim_platform *p)
{
	unsigned int nr = sim_platform_compact(p);
	char name[32];
	int rc;

	rc = sim_window_alloc(&p->window, sim_platform_window_size(p));
	if (rc)
		return rc;
	rc = sim_bar_memory_map(p);
	if (rc)
		return rc;
	rc = sim_irq_init(p);
	if (rc)
		return rc;
	for (int i = 0; i < nr; i++) {
		rc = sim_device_build(sim_platform_device(p, i));
		if (rc)
			return rc;
	}

	snprintf(name, sizeof(name), SIM_NAME ".%d", p->id);
	p->faux = faux_device_create(name, NULL, NULL);
	if (!p->faux)
		return -ENOMEM;
	rc = sim_platform_probe(p);
	if (rc)
		return rc;
	rc = sim_link_tsm_register(p);
	if (rc)
		return rc;
	p->live = true;
	return 0;
}

/**
 * sim_platform_up() - power on: scan the bus and register the TSM
 * @p: platform that is not live
 *
 * Context: may sleep, under sim_platform::lock.
 * Return: 0, -ENOMEM, -EBUSY if there is no room for the MMIO window, or what
 * the scan or the registration return.
 */
int sim_platform_up(struct sim_platform *p)
{
	int rc;

	lockdep_assert_held(&p->lock);
	rc = sim_platform_build(p);
	if (rc) {
		pr_err("%s: platform does not come up: %pe\n",
		       config_item_name(&p->group.cg_item), ERR_PTR(rc));
		sim_platform_teardown(p);
	}
	return rc;
}

/**
 * sim_platform_down() - undo sim_platform_up()
 * @p: live platform
 *
 * The TSM goes first, so that connected devices are disconnected over a bus
 * that works.
 *
 * Context: may sleep for as long as a conversation takes, under
 * sim_platform::lock.
 */
void sim_platform_down(struct sim_platform *p)
{
	lockdep_assert_held(&p->lock);
	sim_platform_teardown(p);
}
