// SPDX-License-Identifier: GPL-2.0-only
/*
 * The root complex's end of an interrupt: an MSI parent domain that gives out
 * messages, and what becomes of a message that a function sends. The machine's
 * own interrupt controllers have no part in it.
 *
 * A number is good only for the function that it was given to: isolated MSI.
 */
#include <linux/irq.h>
#include <linux/irqchip/irq-msi-lib.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/xarray.h>

#include "sim.h"

static void sim_irq_compose_msg(struct irq_data *data, struct msi_msg *msg)
{
	msg->address_hi = upper_32_bits(SIM_IRQ_ADDRESS);
	msg->address_lo = lower_32_bits(SIM_IRQ_ADDRESS);
	msg->data = data->hwirq;
}

/* A message is gone once it has been received */
static void sim_irq_ack(struct irq_data *data)
{
}

static struct irq_chip sim_irq_chip = {
	.name = "TSM-SIM",
	.irq_ack = sim_irq_ack,
	.irq_compose_msi_msg = sim_irq_compose_msg,
};

static void sim_irq_free(struct irq_domain *domain, unsigned int virq,
			 unsigned int nr)
{
	struct sim_platform *p = domain->host_data;

	for (int i = 0; i < nr; i++) {
		struct irq_data *data = irq_domain_get_irq_data(domain, virq + i);

		xa_erase(&p->irqs, data->hwirq);
		irq_domain_reset_irq_data(data);
	}
}

static int sim_irq_alloc(struct irq_domain *domain, unsigned int virq,
			 unsigned int nr, void *arg)
{
	struct msi_desc *desc = ((msi_alloc_info_t *)arg)->desc;
	struct sim_platform *p = domain->host_data;
	struct sim_function *f;

	f = sim_function_from_pdev(msi_desc_to_pci_dev(desc));
	if (!f)
		return -ENODEV;

	for (int i = 0; i < nr; i++) {
		u32 hwirq;
		int rc;

		rc = xa_alloc(&p->irqs, &hwirq, f,
			      XA_LIMIT(0, SIM_IRQ_MAX - 1), GFP_KERNEL);
		if (rc) {
			sim_irq_free(domain, virq, i);
			return rc == -EBUSY ? -ENOSPC : rc;
		}
		irq_domain_set_info(domain, virq + i, hwirq, &sim_irq_chip, p,
				    handle_edge_irq, NULL, "edge");
	}
	return 0;
}

static const struct irq_domain_ops sim_irq_domain_ops = {
	.alloc = sim_irq_alloc,
	.free = sim_irq_free,
};

static const struct msi_parent_ops sim_irq_parent_ops = {
	.supported_flags = MSI_GENERIC_FLAGS_MASK | MSI_FLAG_PCI_MSIX,
	.required_flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
			  MSI_FLAG_NO_AFFINITY,
	.chip_flags = MSI_CHIP_FLAG_SET_ACK,
	.bus_select_token = DOMAIN_BUS_PCI_MSI,
	.bus_select_mask = MATCH_PCI_MSI,
	.prefix = "SIM-",
	.init_dev_msi_info = msi_lib_init_dev_msi_info,
};

/**
 * sim_irq_init() - have messages to give out
 * @p: platform that is being built
 *
 * Return: 0, or -ENOMEM; sim_irq_exit() is due in both cases.
 */
int sim_irq_init(struct sim_platform *p)
{
	struct irq_domain_info info = {
		.domain_flags = IRQ_DOMAIN_FLAG_ISOLATED_MSI,
		.hwirq_max = SIM_IRQ_MAX,
		.ops = &sim_irq_domain_ops,
		.host_data = p,
	};

	xa_init_flags(&p->irqs, XA_FLAGS_ALLOC);
	info.fwnode = irq_domain_alloc_named_id_fwnode("TSM-SIM-MSI", p->id);
	if (!info.fwnode)
		return -ENOMEM;
	p->irq_domain = msi_create_parent_irq_domain(&info, &sim_irq_parent_ops);
	if (p->irq_domain)
		return 0;
	irq_domain_free_fwnode(info.fwnode);
	return -ENOMEM;
}

/**
 * sim_irq_exit() - undo sim_irq_init()
 * @p: platform without a bus
 */
void sim_irq_exit(struct sim_platform *p)
{
	struct fwnode_handle *fwnode;

	if (!p->irq_domain)
		return;
	fwnode = p->irq_domain->fwnode;
	irq_domain_remove(p->irq_domain);
	irq_domain_free_fwnode(fwnode);
	p->irq_domain = NULL;
	xa_destroy(&p->irqs);
}

/**
 * sim_irq_message() - a function writes to where interrupts are
 * @f: requester
 * @addr: address that it writes
 * @data: what it writes
 *
 * Both come from the MSI-X table, and with it from whoever may write that.
 *
 * Context: without locks, from a work item; the handler runs in here.
 * Return: 0; -ENXIO if the address is none of an interrupt, or nobody listens;
 * -EPERM if the interrupt was not given to the function.
 */
int sim_irq_message(struct sim_function *f, u64 addr, u32 data)
{
	struct sim_platform *p = f->dev->platform;

	if (addr != SIM_IRQ_ADDRESS)
		return -ENXIO;
	if (xa_load(&p->irqs, data) != f)
		return -EPERM;
	return generic_handle_domain_irq_safe(p->irq_domain, data) ? -ENXIO : 0;
}
