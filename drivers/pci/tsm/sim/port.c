// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space of the root port: a PCIe bridge with ACS and IDE, the state of
 * the link below, and what its resets do to the endpoint.
 */
#include <linux/bitfield.h>
#include <linux/lockdep.h>
#include <linux/pci.h>

#include "sim.h"

#define SIM_PORT_EXT_ACS	PCI_CFG_SPACE_SIZE
#define SIM_PORT_ACS_BITS	(PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_RR | \
				 PCI_ACS_CR | PCI_ACS_UF | PCI_ACS_DT)

#define SIM_PORT_SECONDARY	GENMASK(15, 8)	/* in the dword of bus numbers */

/* The emulation counts extended registers from the end of legacy space */
#define SIM_PORT_EXT(where)	((where) - PCI_CFG_SPACE_SIZE)

static pci_bridge_emul_read_status_t
sim_port_read_ext(struct pci_bridge_emul *bridge, int reg, u32 *val)
{
	struct sim_device *d = bridge->data;

	switch (reg) {
	case SIM_PORT_EXT(SIM_PORT_EXT_ACS):
		*val = SIM_EXT_IDE << 20 | 1 << 16 | PCI_EXT_CAP_ID_ACS;
		break;
	case SIM_PORT_EXT(SIM_PORT_EXT_ACS) + PCI_ACS_CAP:
		*val = d->port_acs << 16 | SIM_PORT_ACS_BITS;
		break;
	case SIM_PORT_EXT(SIM_EXT_IDE) ... SIM_PORT_EXT(PCI_CFG_SPACE_EXP_SIZE - 1):
		*val = sim_ide_read(&d->port_ide, reg - SIM_PORT_EXT(SIM_EXT_IDE));
		break;
	default:
		*val = 0;
	}
	return PCI_BRIDGE_EMUL_HANDLED;
}

static void sim_port_write_ext(struct pci_bridge_emul *bridge, int reg, u32 old,
			       u32 new, u32 mask)
{
	struct sim_device *d = bridge->data;

	switch (reg) {
	case SIM_PORT_EXT(SIM_PORT_EXT_ACS) + PCI_ACS_CAP:
		d->port_acs = (new >> 16) & SIM_PORT_ACS_BITS;
		break;
	case SIM_PORT_EXT(SIM_EXT_IDE) ... SIM_PORT_EXT(PCI_CFG_SPACE_EXP_SIZE - 1):
		sim_ide_write(&d->port_ide, reg - SIM_PORT_EXT(SIM_EXT_IDE), new, mask);
		break;
	}
}

static void sim_port_write_base(struct pci_bridge_emul *bridge, int reg,
				u32 old, u32 new, u32 mask)
{
	/* Secondary Bus Reset */
	if (reg == (PCI_BRIDGE_CONTROL & ~3))
		sim_port_update_link(bridge->data);
	/* The functions' routing ids have the secondary bus number in them */
	if (reg == PCI_PRIMARY_BUS && (old ^ new) & SIM_PORT_SECONDARY)
		sim_tdi_all_error(bridge->data, SIM_TDI_RID);
}

static void sim_port_write_pcie(struct pci_bridge_emul *bridge, int reg,
				u32 old, u32 new, u32 mask)
{
	if (reg != PCI_EXP_LNKCTL)
		return;

	/* Retrain Link always reads as 0, and is over at once */
	bridge->pcie_conf.lnkctl &= cpu_to_le16(~PCI_EXP_LNKCTL_RL);
	/* Link Disable */
	sim_port_update_link(bridge->data);
}

static const struct pci_bridge_emul_ops sim_port_ops = {
	.read_ext = sim_port_read_ext,
	.write_base = sim_port_write_base,
	.write_pcie = sim_port_write_pcie,
	.write_ext = sim_port_write_ext,
};

/*
 * Conventional reset (PCIe 6.6.1): nothing of the endpoint's state survives.
 * VFs are gone with VF Enable.
 */
static void sim_endpoint_reset(struct sim_device *d)
{
	sim_tdi_all_error(d, SIM_TDI_LINK);
	for (int i = 0; i < d->nr_functions; i++)
		sim_function_reset(&d->fn[i]);
	sim_ide_reset(&d->ide);
	sim_doe_reset(&d->doe);
}

/* Out of reset: nothing is left that a TDI could leak */
static void sim_endpoint_ready(struct sim_device *d)
{
	for (int i = 0; i < d->nr_functions + d->total_vfs; i++)
		sim_tdi_unlock(&d->fn[i]);
}

/**
 * sim_port_update_link() - work out anew whether the endpoint can be reached
 * @d: device
 *
 * To be called after everything that the link depends on: presence of the
 * endpoint, Secondary Bus Reset and Link Disable. A link that goes down resets
 * the endpoint.
 *
 * Context: under sim_device::lock.
 */
void sim_port_update_link(struct sim_device *d)
{
	struct pci_bridge_emul *port = &d->port;
	u16 lnksta = 0;
	bool up;

	lockdep_assert_held(&d->lock);
	up = d->presence == SIM_PRESENT &&
	     !(le16_to_cpu(port->conf.bridgectrl) & PCI_BRIDGE_CTL_BUS_RESET) &&
	     !(le16_to_cpu(port->pcie_conf.lnkctl) & PCI_EXP_LNKCTL_LD);

	if (d->link_up && !up)
		sim_endpoint_reset(d);
	else if (!d->link_up && up)
		sim_endpoint_ready(d);
	d->link_up = up;

	if (up)
		lnksta = SIM_LINK_STATUS | PCI_EXP_LNKSTA_DLLLA;
	port->pcie_conf.lnksta = cpu_to_le16(lnksta);
}

/**
 * sim_port_init() - a root port after power on, its link down
 * @d: device; its index is fixed
 *
 * Return: 0, or -ENOMEM.
 */
int sim_port_init(struct sim_device *d)
{
	struct pci_bridge_emul *port = &d->port;
	int rc;

	*port = (struct pci_bridge_emul) {
		.conf = {
			.vendor = cpu_to_le16(SIM_VENDOR_ID),
			.device = cpu_to_le16(SIM_PORT_DEVICE_ID),
			.class_revision = cpu_to_le32(SIM_REVISION),
			.pref_mem_base = cpu_to_le16(PCI_PREF_RANGE_TYPE_64),
			.pref_mem_limit = cpu_to_le16(PCI_PREF_RANGE_TYPE_64),
		},
		.pcie_conf = {
			.cap = cpu_to_le16(2),
			.devcap = cpu_to_le32(PCI_EXP_DEVCAP_RBER |
					      PCI_EXP_DEVCAP_EXT_TAG),
			.lnkcap = cpu_to_le32(SIM_LINK_STATUS |
					      PCI_EXP_LNKCAP_DLLLARC |
					      FIELD_PREP(PCI_EXP_LNKCAP_PN,
							 d->index + 1)),
			.lnkcap2 = cpu_to_le32(SIM_LINK_SPEEDS),
			.lnkctl2 = cpu_to_le16(PCI_EXP_LNKCTL2_TLS_32_0GT),
		},
		.ops = &sim_port_ops,
		.data = d,
		.has_pcie = true,
		.subsystem_vendor_id = SIM_SUBSYS_VENDOR_ID,
		.subsystem_id = SIM_SUBSYS_ID,
	};
	rc = pci_bridge_emul_init(port, PCI_BRIDGE_EMUL_NO_IO_FORWARD);
	if (rc)
		return rc;

	/* More root ports than device numbers: they may share one */
	port->conf.header_type |= PCI_HEADER_TYPE_MFD;
	d->port_acs = 0;
	d->link_up = false;
	return 0;
}

/**
 * sim_port_free() - undo sim_port_init()
 * @d: device, no config access can reach it any more
 */
void sim_port_free(struct sim_device *d)
{
	pci_bridge_emul_cleanup(&d->port);
}
