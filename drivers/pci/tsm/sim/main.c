// SPDX-License-Identifier: GPL-2.0-only
/*
 * tsm_sim: a simulated platform with TDISP capable devices and a software link
 * TSM. Module parameters, the MMIO windows of the platforms, init and exit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "sim.h"

struct workqueue_struct *sim_wq;

static unsigned long long mmio[2];
static unsigned int nr_mmio;
module_param_array(mmio, ullong, &nr_mmio, 0444);
MODULE_PARM_DESC(mmio, "base,size of unused memory for BARs (default: none behind them)");

static struct resource sim_mmio = {
	.name = "tsm-sim memory",
	.flags = IORESOURCE_MEM,
};

/**
 * sim_window_alloc() - find room for the BARs of a platform
 * @window: to be filled in and inserted into iomem_resource
 * @size: bytes, whole megabytes
 *
 * From the memory of the parameter mmio=, else from a hole in the address space
 * above 4 GiB, where nothing answers. The memory may be part of another device's
 * BAR (ivshmem of QEMU; part, as a range of the same size encloses the BAR and is
 * full), or what the kernel was told not to use with mem=. What x86 firmware
 * tables call reserved will not do: the PCI core keeps away from it.
 *
 * Return: 0, or -EBUSY if there is no room.
 */
int sim_window_alloc(struct resource *window, resource_size_t size)
{
	struct resource *root = &sim_mmio;
	resource_size_t min = 0;

	*window = (struct resource) {
		.name = "tsm-sim window",
		.flags = IORESOURCE_MEM | IORESOURCE_PREFETCH,
	};
	if (!nr_mmio) {
		root = &iomem_resource;
		min = IS_ENABLED(CONFIG_PHYS_ADDR_T_64BIT) ? SZ_4G : SZ_1G;
	}
	if (allocate_resource(root, window, size, min, root->end, SZ_1M, NULL,
			      NULL))
		return -EBUSY;
	if (upper_32_bits(window->start))
		window->flags |= IORESOURCE_MEM_64;
	return 0;
}

/**
 * sim_window_free() - undo sim_window_alloc()
 * @window: window, may be one that was not allocated
 */
void sim_window_free(struct resource *window)
{
	if (window->parent)
		release_resource(window);
}

/**
 * sim_window_backed() - is there memory in the windows?
 *
 * Return: whether the module was given some.
 */
bool sim_window_backed(void)
{
	return nr_mmio;
}

static int __init sim_mmio_init(void)
{
	/* A size of 0 takes back what a configuration file says */
	if (nr_mmio == 2 && !mmio[1])
		nr_mmio = 0;
	if (!nr_mmio)
		return 0;
	if (nr_mmio != 2 || mmio[0] + mmio[1] - 1 < mmio[0] ||
	    mmio[0] + mmio[1] - 1 > iomem_resource.end) {
		pr_err("mmio= wants base,size\n");
		return -EINVAL;
	}
	sim_mmio.start = mmio[0];
	sim_mmio.end = mmio[0] + mmio[1] - 1;
	return insert_resource(&iomem_resource, &sim_mmio);
}

static void sim_mmio_exit(void)
{
	if (sim_mmio.parent)
		remove_resource(&sim_mmio);
}

static int __init sim_init(void)
{
	int rc;

	rc = sim_mmio_init();
	if (rc)
		return rc;

	/*
	 * Unbound: the conversations of all devices run at the same time. High
	 * priority: a device does not share its processor with the host, which
	 * gives up on it after a second.
	 */
	sim_wq = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!sim_wq) {
		rc = -ENOMEM;
		goto no_wq;
	}
	rc = sim_iommu_init();
	if (rc)
		goto no_iommu;
	rc = sim_configfs_init();
	if (rc)
		goto no_configfs;
	sim_consumer_init();
	return 0;

no_configfs:
	sim_iommu_exit();
no_iommu:
	destroy_workqueue(sim_wq);
no_wq:
	sim_mmio_exit();
	return rc;
}
module_init(sim_init);

static void __exit sim_exit(void)
{
	sim_consumer_exit();
	sim_configfs_exit();
	sim_iommu_exit();
	destroy_workqueue(sim_wq);
	sim_mmio_exit();
}
module_exit(sim_exit);

MODULE_DESCRIPTION("Simulated platform with TDISP capable PCIe devices and a software TSM");
MODULE_IMPORT_NS("GENERIC_PT_IOMMU");
MODULE_LICENSE("GPL");
