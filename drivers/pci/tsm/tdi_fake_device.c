// SPDX-License-Identifier: GPL-2.0-only
/*
 * For KUnit tests of TDIs: see tdi_fake.h. The device: functions, and the bus
 * that they are on, as much of them as the core looks at.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>

#include "tdi_fake.h"

/* As long as there is a device on it, which a quarantine may keep */
struct fake_bus {
	struct kref ref;
	struct pci_host_bridge *bridge;
	struct pci_bus bus;
	/* where architectures look for the domain: 0 */
	u64 sysdata[32];
};

static void fake_bus_free(struct kref *ref)
{
	struct fake_bus *bus = container_of(ref, struct fake_bus, ref);

	kfree(bus->bridge);
	kfree(bus);
}

static void fake_bus_put(void *bus)
{
	kref_put(&((struct fake_bus *)bus)->ref, fake_bus_free);
}

struct fake_bus *fake_bus_new(struct kunit *test)
{
	struct pci_host_bridge *bridge = kzalloc_obj(*bridge);
	struct fake_bus *bus = kzalloc_obj(*bus);

	KUNIT_ASSERT_NOT_NULL(test, bridge);
	KUNIT_ASSERT_NOT_NULL(test, bus);
	kref_init(&bus->ref);
	INIT_LIST_HEAD(&bridge->windows);
	INIT_LIST_HEAD(&bus->bus.devices);
	bus->bridge = bridge;
	bus->bus.bridge = &bridge->dev;
	bus->bus.sysdata = bus->sysdata;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_bus_put,
							   bus));
	return bus;
}

static struct resource fake_window = DEFINE_RES_MEM(0x40000000, SZ_16M);

static void fake_dev_release(struct device *dev)
{
	struct pci_dev *pdev = to_pci_dev(dev);

	fake_bus_put(container_of(pdev->bus, struct fake_bus, bus));
	kfree(pdev);
}

static void fake_dev_gone(void *pdev_)
{
	struct pci_dev *pdev = pdev_;

	pm_runtime_put_noidle(&pdev->dev);
	pm_runtime_disable(&pdev->dev);
	/* a quarantine may keep it: nobody connects it again */
	set_bit(PCI_DEV_REMOVED, &pdev->priv_flags);
	put_device(&pdev->dev);
}

struct pci_dev *fake_dev_new(struct fake_tsm *f, int devfn,
			     struct pci_dev *physfn)
{
	struct pci_dev *pdev = kzalloc_obj(*pdev);

	KUNIT_ASSERT_NOT_NULL(f->test, pdev);
	device_initialize(&pdev->dev);
	pdev->dev.release = fake_dev_release;
	pdev->dev.init_name = physfn ? "fake-vf" : "fake-pf0";
	pdev->dev.bus = &pci_bus_type;
	pdev->bus = &f->bus->bus;
	kref_get(&f->bus->ref);
	pdev->devfn = devfn;
	pdev->pcie_cap = 0x40;
	pdev->pcie_flags_reg = FIELD_PREP(PCI_EXP_FLAGS_TYPE,
					  PCI_EXP_TYPE_ENDPOINT);
	if (physfn) {
		pdev->is_virtfn = 1;
		pdev->physfn = physfn;
	} else {
		pdev->devcap = PCI_EXP_DEVCAP_TEE;
	}

	pdev->resource[0] = DEFINE_RES_MEM(fake_window.start +
					   devfn * FAKE_BAR_LEN, FAKE_BAR_LEN);
	pdev->resource[0].parent = &fake_window;

	/* awake, with one user: nothing is left to the PM workqueue */
	pm_runtime_get_noresume(&pdev->dev);
	pm_runtime_set_active(&pdev->dev);
	pm_runtime_enable(&pdev->dev);
	KUNIT_ASSERT_EQ(f->test, 0,
			kunit_add_action_or_reset(f->test, fake_dev_gone, pdev));
	return pdev;
}

static int fake_power_fails(struct device *dev)
{
	return -EIO;
}

static struct dev_pm_domain fake_broken_power = {
	.ops = {
		.runtime_suspend = fake_power_fails,
		.runtime_resume = fake_power_fails,
	},
};

/*
 * The function sleeps and cannot be woken; or it was to sleep and that failed,
 * upon which runtime PM refuses whatever is asked of it.
 */
void fake_power_break(struct fake_tsm *f, struct pci_dev *pdev,
		      enum fake_power_defect defect)
{
	struct device *dev = &pdev->dev;

	dev->pm_domain = &fake_broken_power;
	if (defect == FAKE_POWER_NO_RESUME) {
		pm_runtime_disable(dev);
		pm_runtime_put_noidle(dev);
		KUNIT_ASSERT_EQ(f->test, 0, pm_runtime_set_suspended(dev));
		pm_runtime_enable(dev);
	} else {
		pm_runtime_put_noidle(dev);
		KUNIT_ASSERT_EQ(f->test, -EIO, pm_runtime_suspend(dev));
	}
}

void fake_power_mend(struct fake_tsm *f, struct pci_dev *pdev)
{
	struct device *dev = &pdev->dev;

	pm_runtime_disable(dev);
	dev->pm_domain = NULL;
	pm_runtime_get_noresume(dev);
	KUNIT_ASSERT_EQ(f->test, 0, pm_runtime_set_active(dev));
	pm_runtime_enable(dev);
}

/* Users of a function's power, the fake's own not counted */
unsigned int fake_power_users(struct pci_dev *pdev)
{
#ifdef CONFIG_PM
	return atomic_read(&pdev->dev.power.usage_count) - 1;
#else
	return 0;
#endif
}
