// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus of a guest: one function, whose config space is in part emulated, as a
 * VMM does, and in part that of the assigned function.
 *
 * This VMM protects nobody from himself: it passes on what the guest writes to
 * Command, Device Control and power management, though the function be locked.
 */
#include <linux/atomic.h>
#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/device/faux.h>
#include <linux/irqdomain.h>
#include <linux/pci.h>
#include <linux/pci-ecam.h>
#include <linux/sizes.h>

#include "../../pci.h"
#include "guest.h"

#define SIM_GUEST_FIRST_DOMAIN	0x10000	/* above all that firmware can number */
#define SIM_GUEST_BAR_TYPE	(PCI_BASE_ADDRESS_MEM_TYPE_64 | \
				 PCI_BASE_ADDRESS_MEM_PREFETCH)
#define SIM_GUEST_COMMAND	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

/**
 * struct sim_guest_sysdata - what the guest's bus has as its sysdata
 * @arch: what the architecture expects there, first
 * @guest: NULL once the bus is down
 *
 * Lives and dies with the host bridge.
 */
struct sim_guest_sysdata {
#ifdef CONFIG_X86
	struct pci_sysdata arch;
#else
	struct pci_config_window arch;	/* a parent of NULL: no ACPI companion */
#endif
	struct sim_guest __rcu *guest;
};

/* --- config space ------------------------------------------------------------ */

/* Registers of the assigned function that the guest has as they are */
static bool sim_guest_passed(unsigned int where)
{
	return where == SIM_CAP_PM + PCI_PM_CTRL ||
	       (where >= SIM_EXT_DMA + SIM_DMA_CTRL &&
		where < SIM_EXT_DMA + SIM_DMA_CAP_SIZEOF);
}

static u32 sim_guest_host_read(struct sim_guest *g, unsigned int where, int size)
{
	struct sim_function *f;

	guard(rcu)();
	f = sim_function_from_pdev(g->host);
	if (!f)
		return U32_MAX;
	guard(raw_spinlock_irqsave)(&f->dev->lock);
	return sim_function_read(f, where, size);
}

static void sim_guest_host_write(struct sim_guest *g, unsigned int where,
				 int size, u32 val)
{
	struct sim_function *f;

	guard(rcu)();
	f = sim_function_from_pdev(g->host);
	if (!f)
		return;
	guard(raw_spinlock_irqsave)(&f->dev->lock);
	sim_function_write(f, where, size, val);
}

static u32 sim_guest_read_dword(struct sim_guest *g, unsigned int where)
{
	u32 val;

	if (where >= SIM_CFG_SHADOW_BYTES)
		return 0;
	if (sim_guest_passed(where))
		return sim_guest_host_read(g, where, 4);

	val = g->cfg[where / 4];
	/* transactions that are pending, and errors */
	if (where == SIM_CAP_EXP + PCI_EXP_DEVCTL)
		val |= sim_guest_host_read(g, where, 4) & GENMASK(31, 16);
	return val;
}

/* Bits that a write changes */
static u32 sim_guest_rw(struct sim_guest *g, unsigned int where)
{
	unsigned int bar;

	switch (where) {
	case PCI_COMMAND:
		return SIM_GUEST_COMMAND | PCI_COMMAND_INTX_DISABLE;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
		return 0xff;
	case PCI_BASE_ADDRESS_0:
	case PCI_BASE_ADDRESS_2:
		bar = (where - PCI_BASE_ADDRESS_0) / 4;
		return g->bar_size[bar] ? ~(g->bar_size[bar] - 1) : 0;
	case PCI_BASE_ADDRESS_1:
	case PCI_BASE_ADDRESS_3:
		bar = (where - PCI_BASE_ADDRESS_1) / 4;
		return g->bar_size[bar] ? ~0 : 0;
	case SIM_CAP_EXP + PCI_EXP_DEVCTL:
		return 0xffff & ~PCI_EXP_DEVCTL_BCR_FLR;
	default:
		return 0;
	}
}

static void sim_guest_reset_cfg(struct sim_guest *g)
{
	u32 *cfg = g->cfg;

	memset(cfg, 0, sizeof(g->cfg));
	cfg[PCI_VENDOR_ID / 4] = SIM_DEVICE_ID << 16 | SIM_VENDOR_ID;
	cfg[PCI_COMMAND / 4] = (PCI_STATUS_CAP_LIST | PCI_STATUS_IMM_READY) << 16;
	cfg[PCI_CLASS_REVISION / 4] = SIM_CLASS << 8 | SIM_REVISION;
	for (int i = 0; i < SIM_GUEST_BARS; i++)
		if (g->bar_size[i])
			cfg[PCI_BASE_ADDRESS_0 / 4 + i] = SIM_GUEST_BAR_TYPE;
	cfg[PCI_SUBSYSTEM_VENDOR_ID / 4] = SIM_SUBSYS_ID << 16 |
					   SIM_SUBSYS_VENDOR_ID;
	cfg[PCI_CAPABILITY_LIST / 4] = SIM_CAP_PM;

	cfg[SIM_CAP_PM / 4] = 3 << 16 | SIM_CAP_EXP << 8 | PCI_CAP_ID_PM;
	/* the last one: no interrupts here */
	cfg[SIM_CAP_EXP / 4] = (PCI_EXP_TYPE_ENDPOINT << 4 | 2) << 16 |
			       PCI_CAP_ID_EXP;
	cfg[(SIM_CAP_EXP + PCI_EXP_DEVCAP) / 4] = PCI_EXP_DEVCAP_EXT_TAG |
		PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_TEE;

	/* the list has to begin here, without mailbox, IDE and SR-IOV */
	cfg[SIM_EXT_DOE / 4] = SIM_EXT_DMA << 20;
	cfg[SIM_EXT_DMA / 4] = 1 << 16 | PCI_EXT_CAP_ID_DVSEC;
	cfg[(SIM_EXT_DMA + PCI_DVSEC_HEADER1) / 4] =
		SIM_DMA_CAP_SIZEOF << 20 | SIM_VENDOR_ID;
	cfg[(SIM_EXT_DMA + PCI_DVSEC_HEADER2) / 4] =
		SIM_DMA_BUF_BYTES / SZ_1K << 16 | SIM_DVSEC_DMA;
}

/* A VMM that resets the function puts it back where the host has it. */
static void sim_guest_flr(struct sim_guest *g)
{
	const unsigned int devctl = SIM_CAP_EXP + PCI_EXP_DEVCTL;
	u32 bar[PCI_STD_NUM_BARS];

	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		bar[i] = sim_guest_host_read(g, PCI_BASE_ADDRESS_0 + 4 * i, 4);
	sim_guest_host_write(g, devctl, 2, PCI_EXP_DEVCTL_BCR_FLR |
			     sim_guest_host_read(g, devctl, 2));
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		sim_guest_host_write(g, PCI_BASE_ADDRESS_0 + 4 * i, 4, bar[i]);
	sim_guest_reset_cfg(g);
}

/* Memory and bus mastering are the assigned function's, all else is emulated */
static void sim_guest_command(struct sim_guest *g, u32 was, u32 now)
{
	u32 val;

	if (!((was ^ now) & SIM_GUEST_COMMAND))
		return;
	val = sim_guest_host_read(g, PCI_COMMAND, 2) & ~SIM_GUEST_COMMAND;
	sim_guest_host_write(g, PCI_COMMAND, 2, val | (now & SIM_GUEST_COMMAND));
}

static void sim_guest_write_dword(struct sim_guest *g, unsigned int where,
				  u32 val, u32 mask)
{
	u32 was, rw;

	if (where >= SIM_CFG_SHADOW_BYTES)
		return;
	if (where == SIM_CAP_EXP + PCI_EXP_DEVCTL &&
	    val & mask & PCI_EXP_DEVCTL_BCR_FLR) {
		sim_guest_flr(g);
		return;
	}

	was = g->cfg[where / 4];
	rw = sim_guest_rw(g, where) & mask;
	g->cfg[where / 4] = (was & ~rw) | (val & rw);
	if (where == PCI_COMMAND)
		sim_guest_command(g, was, g->cfg[where / 4]);
}

static int sim_guest_cfg_read(struct pci_bus *bus, unsigned int devfn,
			      int where, int size, u32 *val)
{
	struct sim_guest_sysdata *sd = bus->sysdata;
	struct sim_guest *g;

	PCI_SET_ERROR_RESPONSE(val);
	guard(rcu)();
	g = rcu_dereference(sd->guest);
	if (!g || PCI_DEVID(bus->number, devfn) != g->rid)
		return PCIBIOS_DEVICE_NOT_FOUND;

	guard(raw_spinlock_irqsave)(&g->lock);
	*val = sim_guest_read_dword(g, where & ~3);
	*val = (*val >> 8 * (where & 3)) & GENMASK(8 * size - 1, 0);
	return PCIBIOS_SUCCESSFUL;
}

static int sim_guest_cfg_write(struct pci_bus *bus, unsigned int devfn,
			       int where, int size, u32 val)
{
	struct sim_guest_sysdata *sd = bus->sysdata;
	unsigned int shift = 8 * (where & 3);
	struct sim_guest *g;

	guard(rcu)();
	g = rcu_dereference(sd->guest);
	if (!g || PCI_DEVID(bus->number, devfn) != g->rid)
		return PCIBIOS_DEVICE_NOT_FOUND;

	if (sim_guest_passed(where & ~3)) {
		sim_guest_host_write(g, where, size, val);
		return PCIBIOS_SUCCESSFUL;
	}
	guard(raw_spinlock_irqsave)(&g->lock);
	sim_guest_write_dword(g, where & ~3, val << shift,
			      GENMASK(8 * size - 1, 0) << shift);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops sim_guest_bus_ops = {
	.read = sim_guest_cfg_read,
	.write = sim_guest_cfg_write,
};

/**
 * sim_guest_function() - where the simulated IOMMU takes a guest's requests from
 * @pdev: any PCI device
 *
 * Context: @pdev is not removed under the caller.
 * Return: that, or NULL if @pdev is no function of a guest.
 */
struct sim_function *sim_guest_function(struct pci_dev *pdev)
{
	struct sim_guest_sysdata *sd = pdev->bus->sysdata;
	struct sim_guest *g;

	if (pdev->bus->ops != &sim_guest_bus_ops)
		return NULL;
	guard(rcu)();
	g = rcu_dereference(sd->guest);
	return g ? &g->fn : NULL;
}

/* --- the bus -------------------------------------------------------------------- */

static int sim_guest_probe(struct sim_guest *g)
{
	struct sim_guest_sysdata *sd;
	struct pci_host_bridge *bridge;
	int domain, rc;

	bridge = pci_alloc_host_bridge(sizeof(*sd));
	if (!bridge)
		return -ENOMEM;
	g->bridge = bridge;

	/* Released together with the bridge */
	domain = pci_bus_find_emul_domain_nr(0, SIM_GUEST_FIRST_DOMAIN, INT_MAX);
	if (domain < 0)
		return domain;
	bridge->domain_nr = domain;

	sd = pci_host_bridge_priv(bridge);
#ifdef CONFIG_X86
	sd->arch.domain = domain;
	sd->arch.node = NUMA_NO_NODE;
#endif
	rcu_assign_pointer(sd->guest, g);

	bridge->dev.parent = &g->faux->dev;
	bridge->sysdata = sd;
	bridge->busnr = PCI_BUS_NUM(g->rid);
	bridge->ops = &sim_guest_bus_ops;
	bridge->native_aer = 0;
	bridge->native_pcie_hotplug = 0;
	bridge->native_shpc_hotplug = 0;
	bridge->native_pme = 0;
	bridge->native_dpc = 0;
	dev_set_msi_domain(&bridge->dev, g->irq_domain);
	pci_add_resource(&bridge->windows, &g->buses);
	pci_add_resource(&bridge->windows, &g->window);

	rc = pci_host_probe(bridge);
	/* It freed the bus, but left the pointer */
	if (rc) {
		bridge->bus = NULL;
		return rc;
	}
	g->pdev = pci_get_slot(bridge->bus, g->rid & 0xff);
	return g->pdev ? 0 : -ENODEV;
}

/* There are no interrupts here: none that somebody could forge, either */
static const struct irq_domain_ops sim_guest_irq_ops = { };

static int sim_guest_irq_init(struct sim_guest *g, const char *name)
{
	struct irq_domain_info info = {
		.domain_flags = IRQ_DOMAIN_FLAG_ISOLATED_MSI,
		.ops = &sim_guest_irq_ops,
	};

	info.fwnode = irq_domain_alloc_named_fwnode(name);
	if (!info.fwnode)
		return -ENOMEM;
	g->irq_domain = irq_domain_instantiate(&info);
	if (!IS_ERR(g->irq_domain))
		return 0;
	g->irq_domain = NULL;
	irq_domain_free_fwnode(info.fwnode);
	return -ENOMEM;
}

static void sim_guest_irq_exit(struct sim_guest *g)
{
	struct fwnode_handle *fwnode;

	if (!g->irq_domain)
		return;
	fwnode = g->irq_domain->fwnode;
	irq_domain_remove(g->irq_domain);
	irq_domain_free_fwnode(fwnode);
	g->irq_domain = NULL;
}

/**
 * sim_guest_bus_up() - let the kernel see the function as a guest does
 * @g: guest; of its bus nothing is there
 *
 * Return: 0; -ENOMEM; -EBUSY if there is no room for the BARs; what the scan
 * returns. After an error sim_guest_bus_down() has to follow, as otherwise.
 */
int sim_guest_bus_up(struct sim_guest *g)
{
	static atomic_t nr = ATOMIC_INIT(0);
	u64 bytes = 0;
	char name[32];
	int rc;

	raw_spin_lock_init(&g->lock);
	for (int i = 0; i < SIM_GUEST_BARS; i++)
		bytes += g->bar_size[i];
	sim_guest_reset_cfg(g);
	g->buses = (struct resource) {
		.name = "tsm-sim guest bus",
		.start = PCI_BUS_NUM(g->rid),
		.end = PCI_BUS_NUM(g->rid),
		.flags = IORESOURCE_BUS,
	};

	g->unplugged = sim_device_create();
	if (!g->unplugged)
		return -ENOMEM;
	g->fn.dev = g->unplugged;

	rc = sim_window_alloc(&g->window, round_up(bytes, SZ_1M));
	if (rc)
		return rc;
	snprintf(name, sizeof(name), SIM_NAME "-guest.%d",
		 atomic_inc_return(&nr));
	g->faux = faux_device_create(name, NULL, NULL);
	if (!g->faux)
		return -ENOMEM;
	rc = sim_guest_irq_init(g, name);
	return rc ?: sim_guest_probe(g);
}

/**
 * sim_guest_bus_down() - undo sim_guest_bus_up()
 * @g: guest
 *
 * The function is removed from the kernel, which unlocks it.
 *
 * Context: may sleep; not under pci_rescan_remove_lock.
 */
void sim_guest_bus_down(struct sim_guest *g)
{
	struct pci_host_bridge *bridge = g->bridge;

	pci_dev_put(g->pdev);
	g->pdev = NULL;
	if (bridge) {
		struct sim_guest_sysdata *sd = pci_host_bridge_priv(bridge);

		if (bridge->bus) {
			pci_lock_rescan_remove();
			pci_stop_root_bus(bridge->bus);
			pci_remove_root_bus(bridge->bus);
			pci_unlock_rescan_remove();
		}
		/* Stragglers with a reference to a removed device see nothing */
		RCU_INIT_POINTER(sd->guest, NULL);
		synchronize_rcu();
		pci_free_host_bridge(bridge);
		g->bridge = NULL;
	}
	sim_guest_irq_exit(g);
	if (g->faux)
		faux_device_destroy(g->faux);
	g->faux = NULL;
	sim_window_free(&g->window);
	if (g->unplugged)
		sim_device_destroy(g->unplugged);
	g->unplugged = NULL;
}
