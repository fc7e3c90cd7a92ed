// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of the guest half of PCI/TSM: tsm/lock, tsm/accept, tsm/unlock
 * and tsm/state of a PCI function. Reading never waits for a conversation. See
 * Documentation/ABI/testing/sysfs-bus-pci-tsm.
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/sysfs.h>

#include "devsec.h"

const char *const tsm_devsec_state_names[] = {
	[TSM_DEVSEC_UNLOCKED] = "unlocked",
	[TSM_DEVSEC_LOCKING] = "locking",
	[TSM_DEVSEC_LOCKED] = "locked",
	[TSM_DEVSEC_ACCEPTING] = "accepting",
	[TSM_DEVSEC_RUN] = "run",
	[TSM_DEVSEC_UNLOCKING] = "unlocking",
	[TSM_DEVSEC_LOST] = "lost",
	[TSM_DEVSEC_STUCK] = "stuck",
};

static enum tsm_devsec_state tsm_devsec_state_of(struct pci_dev *pdev)
{
	struct tsm_devsec *d;

	lockdep_assert_held(&tsm_lock);
	d = tsm_devsec_find(pdev);
	return d ? d->state : TSM_DEVSEC_UNLOCKED;
}

static ssize_t lock_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct tsm_devsec *d;

	guard(mutex)(&tsm_lock);
	d = tsm_devsec_find(to_pci_dev(dev));
	return sysfs_emit(buf, "%s\n", d && d->agent ?
			  dev_name(&d->agent->tsm_dev->dev) : "");
}

static ssize_t lock_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t len)
{
	int id = tsm_name_to_id(buf);
	int rc;

	if (id < 0)
		return id;

	rc = tsm_devsec_lock(to_pci_dev(dev), id);
	return rc ?: len;
}

struct device_attribute dev_attr_tsm_lock = __ATTR_RW(lock);

static ssize_t accept_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	guard(mutex)(&tsm_lock);
	return sysfs_emit(buf, "%d\n", tsm_devsec_state_of(to_pci_dev(dev)) ==
				       TSM_DEVSEC_RUN);
}

static ssize_t accept_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t len)
{
	bool accept;
	int rc;

	/* there is no way back but tsm/unlock */
	rc = kstrtobool(buf, &accept);
	if (rc || !accept)
		return -EINVAL;

	rc = tsm_devsec_accept(to_pci_dev(dev));
	return rc ?: len;
}

struct device_attribute dev_attr_tsm_accept = __ATTR_RW(accept);

static ssize_t unlock_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t len)
{
	int id = tsm_name_to_id(buf);
	int rc;

	if (id < 0)
		return id;

	rc = tsm_devsec_unlock(to_pci_dev(dev), id);
	return rc ?: len;
}

struct device_attribute dev_attr_tsm_unlock = __ATTR_WO(unlock);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	guard(mutex)(&tsm_lock);
	return sysfs_emit(buf, "%s\n",
			  tsm_devsec_state_names[tsm_devsec_state_of(to_pci_dev(dev))]);
}

struct device_attribute dev_attr_tsm_state = __ATTR_RO(state);
