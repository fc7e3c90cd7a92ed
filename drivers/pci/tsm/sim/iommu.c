// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU in front of the simulated functions: a driver for the IOMMU core,
 * and the hardware, which walks the tables on each access.
 *
 * One instance serves all platforms. It has a fwnode of its own, and each
 * function a fwspec that names it, so that it gets along with an IOMMU of the
 * machine. It keeps no translations: what has to wait for an access under way
 * takes its lock.
 */
#include <linux/cleanup.h>
#include <linux/generic_pt/iommu.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <kunit/visibility.h>

/* What a driver has to do with the table pages that an unmap leaves */
#include "../../../iommu/iommu-pages.h"
#include "guest.h"
#include "sim.h"

/* Second stage tables of Intel VT-d, 9.8 of its specification, in four levels */
#define SIM_PTE_READ		BIT_ULL(0)
#define SIM_PTE_WRITE		BIT_ULL(1)
#define SIM_PTE_PAGE_SIZE	BIT_ULL(7)	/* of a large page, not of level 0 */
#define SIM_PTE_ADDR		GENMASK_ULL(51, 12)

#define SIM_PTE_PAGE_SHIFT	12
#define SIM_PTE_INDEX_BITS	9
#define SIM_IOMMU_TOP_LEVEL	3
#define SIM_IOMMU_IOVA_BITS	48

/**
 * struct sim_iommu_domain - a set of translations
 * @domain: what the IOMMU core knows of it
 * @sspt: its tables
 * @root: physical address of the top table
 */
struct sim_iommu_domain {
	union {
		struct iommu_domain domain;
		struct pt_iommu_vtdss sspt;
	};
	phys_addr_t root;
};

PT_IOMMU_CHECK_DOMAIN(struct sim_iommu_domain, sspt.iommu, domain);

/**
 * struct sim_iommu_dev - a function as its requests arrive here
 * @f: function
 * @dev: the same for the kernel
 * @domain: translations that it uses, NULL: it is blocked
 *
 * Under sim_iommu_lock, from probe to release of @dev.
 */
struct sim_iommu_dev {
	struct sim_function *f;
	struct device *dev;
	struct sim_iommu_domain *domain;
};

/*
 * Accesses read, whoever takes a translation away writes: after that, no access
 * with the old translation is under way. Unmap may come with interrupts off.
 */
static DEFINE_RWLOCK(sim_iommu_lock);

static struct iommu_device sim_iommu;

/* --- the hardware --------------------------------------------------------------- */

/* Find what @iova means for an access that needs the permission @need */
static int sim_iommu_walk(struct sim_iommu_domain *d, u64 iova, u64 need,
			  phys_addr_t *phys)
{
	u64 table = d->root;

	if (iova >> SIM_IOMMU_IOVA_BITS)
		return -EFAULT;

	for (int level = SIM_IOMMU_TOP_LEVEL; level >= 0; level--) {
		unsigned int shift = SIM_PTE_PAGE_SHIFT +
				     level * SIM_PTE_INDEX_BITS;
		unsigned int i = (iova >> shift) & GENMASK(SIM_PTE_INDEX_BITS - 1, 0);
		const u64 *entry = phys_to_virt(table);
		u64 in_page = GENMASK_ULL(shift - 1, 0);
		u64 pte = READ_ONCE(entry[i]);

		if (!(pte & (SIM_PTE_READ | SIM_PTE_WRITE)))
			return -EFAULT;
		if (!(pte & need))
			return -EACCES;
		if (!level || pte & SIM_PTE_PAGE_SIZE) {
			*phys = (pte & SIM_PTE_ADDR & ~in_page) | (iova & in_page);
			return 0;
		}
		table = pte & SIM_PTE_ADDR;
	}
	return -EFAULT;
}

/* A page frame without memory cannot be read by the processor. */
static struct page *sim_iommu_page(phys_addr_t phys)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(phys));

	if (page && PageReserved(page) && !is_zero_pfn(PHYS_PFN(phys)))
		return NULL;
	return page;
}

static int sim_iommu_access(struct sim_function *f, struct sim_iommu_domain *d,
			    u64 iova, void *buf, size_t len, bool to_memory)
{
	phys_addr_t phys;
	struct page *page;
	int rc;

	rc = sim_iommu_walk(d, iova, to_memory ? SIM_PTE_WRITE : SIM_PTE_READ,
			    &phys);
	if (rc)
		return rc;
	/* of other devices than the platform's there are none on its buses */
	rc = sim_bar_peer_copy(f->dev->platform, phys, buf, len, to_memory);
	if (rc != -ENOENT)
		return rc;
	page = sim_iommu_page(phys);
	if (!page)
		return -EFAULT;
	if (to_memory)
		memcpy_to_page(page, offset_in_page(phys), buf, len);
	else
		memcpy_from_page(buf, page, offset_in_page(phys), len);
	return 0;
}

/**
 * sim_iommu_copy() - an access to memory with T=0
 * @f: requester
 * @iova: address
 * @buf: where the bytes come from or go to
 * @len: bytes, not beyond the end of the 4 KiB page of @iova
 * @to_memory: memory is written, else read
 *
 * The IOMMU core's fault tracepoint sees what fails.
 *
 * Context: any but under a raw spinlock.
 * Return: 0; -ENXIO if the function is blocked; -EFAULT if nothing is mapped, or
 * neither memory nor a BAR of a peer; -EACCES without the permission, or if it is
 * TEE memory of a peer that is locked; -ENODEV if the peer does not decode it.
 */
int sim_iommu_copy(struct sim_function *f, u64 iova, void *buf, size_t len,
		   bool to_memory)
{
	struct sim_iommu_dev *id;
	int rc;

	guard(read_lock_irqsave)(&sim_iommu_lock);
	id = f->iommu;
	if (!id || !id->domain)
		return -ENXIO;

	rc = sim_iommu_access(f, id->domain, iova, buf, len, to_memory);
	if (rc && id->dev)
		report_iommu_fault(&id->domain->domain, id->dev, iova,
				   to_memory ? IOMMU_FAULT_WRITE :
					       IOMMU_FAULT_READ);
	return rc;
}
EXPORT_SYMBOL_IF_KUNIT(sim_iommu_copy);

/* --- domains -------------------------------------------------------------------- */

static struct sim_iommu_domain *to_sim_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct sim_iommu_domain, domain);
}

/* After this no access uses what was in the tables before */
static void sim_iommu_wait(void)
{
	unsigned long flags;

	write_lock_irqsave(&sim_iommu_lock, flags);
	write_unlock_irqrestore(&sim_iommu_lock, flags);
}

static void sim_iommu_flush_all(struct iommu_domain *domain)
{
	sim_iommu_wait();
}

static void sim_iommu_sync(struct iommu_domain *domain,
			   struct iommu_iotlb_gather *gather)
{
	sim_iommu_wait();
	iommu_put_pages_list(&gather->freelist);
}

/**
 * sim_iommu_attach() - give a function other translations
 * @f: function between sim_iommu_probe() and sim_iommu_release()
 * @domain: of sim_iommu_domain_alloc(), or NULL to block it
 *
 * Context: any but under a raw spinlock. When it returns, no access with the
 * old translations is under way.
 */
void sim_iommu_attach(struct sim_function *f, struct iommu_domain *domain)
{
	guard(write_lock_irqsave)(&sim_iommu_lock);
	f->iommu->domain = domain ? to_sim_domain(domain) : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(sim_iommu_attach);

static int sim_iommu_attach_paging(struct iommu_domain *domain,
				   struct device *dev, struct iommu_domain *old)
{
	struct sim_iommu_dev *id = dev_iommu_priv_get(dev);

	sim_iommu_attach(id->f, domain);
	return 0;
}

static int sim_iommu_attach_blocked(struct iommu_domain *domain,
				    struct device *dev, struct iommu_domain *old)
{
	struct sim_iommu_dev *id = dev_iommu_priv_get(dev);

	sim_iommu_attach(id->f, NULL);
	return 0;
}

static void sim_iommu_domain_free(struct iommu_domain *domain)
{
	struct sim_iommu_domain *d = to_sim_domain(domain);

	pt_iommu_deinit(&d->sspt.iommu);
	kfree(d);
	module_put(THIS_MODULE);
}

static const struct iommu_domain_ops sim_iommu_paging_ops = {
	IOMMU_PT_DOMAIN_OPS(vtdss),
	.attach_dev = sim_iommu_attach_paging,
	.flush_iotlb_all = sim_iommu_flush_all,
	.iotlb_sync = sim_iommu_sync,
	.free = sim_iommu_domain_free,
};

static struct iommu_domain sim_iommu_blocked = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &(const struct iommu_domain_ops) {
		.attach_dev = sim_iommu_attach_blocked,
	},
};

/**
 * sim_iommu_domain_alloc() - make a domain without translations
 * @dev: who it is for, or NULL
 *
 * A user of iommufd may keep a domain longer than the device that it was made
 * for, and the platform of that: a domain keeps the module.
 *
 * Return: the domain, for iommu_domain_free(), or an ERR_PTR() of what
 * pt_iommu_vtdss_init() returns, or of -ENOMEM.
 */
struct iommu_domain *sim_iommu_domain_alloc(struct device *dev)
{
	const struct pt_iommu_vtdss_cfg cfg = {
		.common = {
			.features = BIT(PT_FEAT_FLUSH_RANGE),
			.hw_max_vasz_lg2 = SIM_IOMMU_IOVA_BITS,
			.hw_max_oasz_lg2 = 52,
		},
		.top_level = SIM_IOMMU_TOP_LEVEL,
	};
	struct pt_iommu_vtdss_hw_info info;
	int rc;

	struct sim_iommu_domain *d __free(kfree) = kzalloc_obj(*d);
	if (!d)
		return ERR_PTR(-ENOMEM);

	d->sspt.iommu.nid = dev ? dev_to_node(dev) : NUMA_NO_NODE;
	d->domain.ops = &sim_iommu_paging_ops;
	rc = pt_iommu_vtdss_init(&d->sspt, &cfg, GFP_KERNEL);
	if (rc)
		return ERR_PTR(rc);

	/* In this format the top table stays the same */
	pt_iommu_vtdss_hw_info(&d->sspt, &info);
	d->root = info.ssptptr;
	__module_get(THIS_MODULE);
	return &no_free_ptr(d)->domain;
}
EXPORT_SYMBOL_IF_KUNIT(sim_iommu_domain_alloc);

/* --- devices -------------------------------------------------------------------- */

/**
 * sim_iommu_probe() - begin to take requests of a function
 * @f: function
 * @dev: the same for the kernel, or NULL
 *
 * The function is blocked.
 *
 * Return: 0, -EBUSY if that was done, or -ENOMEM.
 */
int sim_iommu_probe(struct sim_function *f, struct device *dev)
{
	struct sim_iommu_dev *id __free(kfree) = kzalloc_obj(*id);

	if (!id)
		return -ENOMEM;
	id->f = f;
	id->dev = dev;
	guard(write_lock_irqsave)(&sim_iommu_lock);
	if (f->iommu)
		return -EBUSY;
	f->iommu = no_free_ptr(id);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_iommu_probe);

/**
 * sim_iommu_release() - undo sim_iommu_probe()
 * @f: function
 *
 * When it returns, no access is under way.
 */
void sim_iommu_release(struct sim_function *f)
{
	struct sim_iommu_dev *id;

	scoped_guard(write_lock_irqsave, &sim_iommu_lock) {
		id = f->iommu;
		f->iommu = NULL;
	}
	kfree(id);
}
EXPORT_SYMBOL_IF_KUNIT(sim_iommu_release);

static struct iommu_device *sim_iommu_probe_device(struct device *dev)
{
	struct sim_function *f;
	int rc;

	f = dev_is_pci(dev) ? sim_function_from_pdev(to_pci_dev(dev)) ?:
			      sim_guest_function(to_pci_dev(dev)) : NULL;
	/* Root ports have nothing to send */
	if (!f)
		return ERR_PTR(-ENODEV);
	rc = sim_iommu_probe(f, dev);
	if (rc)
		return ERR_PTR(rc);
	dev_iommu_priv_set(dev, f->iommu);
	return &sim_iommu;
}

static void sim_iommu_release_device(struct device *dev)
{
	struct sim_iommu_dev *id = dev_iommu_priv_get(dev);

	sim_iommu_release(id->f);
}

/*
 * Nothing is there that a mapping could circumvent: no caches of the device, no
 * way around the tables
 */
static bool sim_iommu_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY;
}

static void sim_iommu_get_resv_regions(struct device *dev,
				       struct list_head *head)
{
	struct iommu_resv_region *region;

	/* What is written here is an interrupt and reaches no table */
	region = iommu_alloc_resv_region(SIM_IRQ_ADDRESS, SIM_IRQ_WINDOW, 0,
					 IOMMU_RESV_MSI, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, head);
}

/* There is no identity: a doorbell must not reach all of memory */
static int sim_iommu_def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_DMA;
}

static const struct iommu_ops sim_iommu_ops = {
	.capable = sim_iommu_capable,
	.domain_alloc_paging = sim_iommu_domain_alloc,
	.probe_device = sim_iommu_probe_device,
	.release_device = sim_iommu_release_device,
	.device_group = generic_device_group,
	.get_resv_regions = sim_iommu_get_resv_regions,
	.def_domain_type = sim_iommu_def_domain_type,
	.blocked_domain = &sim_iommu_blocked,
	.release_domain = &sim_iommu_blocked,
	/* An architecture without DMA API over an IOMMU: only iommufd */
	.default_domain = IS_ENABLED(CONFIG_IOMMU_DMA) ? NULL :
							 &sim_iommu_blocked,
	.owner = THIS_MODULE,
};

/*
 * Ahead of the IOMMU core, which probes a device when it hears of it. Root ports
 * as well, so that nobody else is asked: an IOMMU of the machine may know 16 bits
 * of the domain number only, and take them for devices of domain 0.
 */
static int sim_iommu_notify(struct notifier_block *nb, unsigned long action,
			    void *data)
{
	struct device *dev = data;
	struct pci_dev *pdev = to_pci_dev(dev);
	struct sim_device *d;
	int rc;

	if (action != BUS_NOTIFY_ADD_DEVICE)
		return NOTIFY_DONE;
	d = sim_device_from_pdev(pdev);
	if (!(d && d->iommu) && !sim_guest_function(pdev))
		return NOTIFY_DONE;
	/* It is the processor that reads and writes */
	dev_set_dma_coherent(dev);
	rc = iommu_fwspec_init_emulated(dev, &sim_iommu);
	if (rc)
		dev_err(dev, "no IOMMU, no DMA: %pe\n", ERR_PTR(rc));
	return NOTIFY_OK;
}

static struct notifier_block sim_iommu_nb = {
	.notifier_call = sim_iommu_notify,
	.priority = 1,
};

/**
 * sim_iommu_init() - register the IOMMU, before there is a platform
 *
 * Return: 0, -ENOMEM, or what the IOMMU core returns.
 */
int sim_iommu_init(void)
{
	int rc;

	rc = iommu_device_sysfs_add(&sim_iommu, NULL, NULL, SIM_NAME);
	if (rc)
		return rc;
	sim_iommu.fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(sim_iommu.fwnode)) {
		rc = PTR_ERR(sim_iommu.fwnode);
		goto no_fwnode;
	}
	rc = iommu_device_register(&sim_iommu, &sim_iommu_ops, NULL);
	if (rc)
		goto no_device;
	rc = bus_register_notifier(&pci_bus_type, &sim_iommu_nb);
	if (rc)
		goto no_notifier;
	return 0;

no_notifier:
	iommu_device_unregister(&sim_iommu);
no_device:
	fwnode_remove_software_node(sim_iommu.fwnode);
no_fwnode:
	iommu_device_sysfs_remove(&sim_iommu);
	return rc;
}

/**
 * sim_iommu_exit() - undo sim_iommu_init()
 *
 * There are no platforms and no domains any more.
 */
void sim_iommu_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &sim_iommu_nb);
	iommu_device_unregister(&sim_iommu);
	fwnode_remove_software_node(sim_iommu.fwnode);
	iommu_device_sysfs_remove(&sim_iommu);
}
