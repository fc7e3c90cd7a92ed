// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of PCI/TSM: tsm/ and authenticated of a PCI device.
 *
 * A show() takes the publication lock and nothing else, so reading never
 * waits for a conversation, whichever device it is with. See
 * Documentation/ABI/testing/sysfs-bus-pci.
 */
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "devsec.h"
#include "tdi.h"

/* The context of a function for which connect() has succeeded, or NULL */
static struct pci_tsm *tsm_connected(struct pci_dev *pdev)
{
	lockdep_assert_held(&tsm_lock);
	return tsm_session_of(pdev) ? pdev->tsm : NULL;
}

static ssize_t connect_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct pci_tsm *tsm;

	guard(mutex)(&tsm_lock);
	tsm = tsm_connected(to_pci_dev(dev));
	return sysfs_emit(buf, "%s\n",
			  tsm ? dev_name(&tsm->tsm_dev->dev) : "");
}

/* "tsm0\n" -> 0 */
int tsm_name_to_id(const char *name)
{
	int id;

	/* kstrtoint() would take a sign, and zeros that no name begins with */
	if (!str_has_prefix(name, "tsm") || !isdigit(name[3]) ||
	    (name[3] == '0' && isdigit(name[4])) ||
	    kstrtoint(name + 3, 10, &id))
		return -EINVAL;

	return id;
}

static ssize_t connect_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t len)
{
	int id = tsm_name_to_id(buf);
	int rc;

	if (id < 0)
		return id;

	rc = tsm_session_connect(to_pci_dev(dev), id);
	return rc ?: len;
}
static DEVICE_ATTR_RW(connect);

static ssize_t disconnect_store(struct device *dev,
				struct device_attribute *attr, const char *buf,
				size_t len)
{
	int rc = tsm_session_disconnect(to_pci_dev(dev), buf);

	return rc ?: len;
}
static DEVICE_ATTR_WO(disconnect);

/* Not UNLOCKED, as far as anybody knows */
static bool tsm_bound(struct pci_dev *pdev)
{
	switch (tsm_tdi_phase_of(pdev)) {
	case TSM_PHASE_LOCKED:
	case TSM_PHASE_RUN:
	case TSM_PHASE_ERROR:
	case TSM_PHASE_STOPPING:
		return true;
	default:
		return pci_tdi_quarantined(pdev);
	}
}

static ssize_t bound_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct pci_tsm *tsm;

	guard(mutex)(&tsm_lock);
	tsm = tsm_connected(pdev);
	return sysfs_emit(buf, "%s\n",
			  tsm && tsm_bound(pdev) ?
				  dev_name(&tsm->tsm_dev->dev) : "");
}
static DEVICE_ATTR_RO(bound);

static const char *const tsm_phase_names[] = {
	[TSM_PHASE_DEAD] = "dead",
	[TSM_PHASE_UNLOCKED] = "unlocked",
	[TSM_PHASE_LOCKING] = "locking",
	[TSM_PHASE_LOCKED] = "locked",
	[TSM_PHASE_RUN] = "run",
	[TSM_PHASE_ERROR] = "error",
	[TSM_PHASE_STOPPING] = "stopping",
	[TSM_PHASE_QUARANTINED] = "quarantined",
};

static ssize_t tdi_state_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	int phase = tsm_tdi_phase_of(pdev);

	/* also when the TDI that failed to be torn down is there no more */
	if (pci_tdi_quarantined(pdev))
		phase = TSM_PHASE_QUARANTINED;

	return sysfs_emit(buf, "%s\n",
			  phase < 0 ? "" : tsm_phase_names[phase]);
}
static DEVICE_ATTR_RO(tdi_state);

static ssize_t dsm_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct pci_tsm *tsm;

	guard(mutex)(&tsm_lock);
	tsm = tsm_connected(to_pci_dev(dev));
	return sysfs_emit(buf, "%s\n", tsm ? pci_name(tsm->dsm_dev) : "");
}
static DEVICE_ATTR_RO(dsm);

/* The 'authenticated' attribute is exclusive to the presence of a 'link' TSM */
static bool pci_tsm_link_group_visible(struct kobject *kobj)
{
	struct pci_dev *pdev = to_pci_dev(kobj_to_dev(kobj));

	if (!tsm_link_present() || !pci_is_pcie(pdev))
		return false;

	/* a DSM, or a function that a connected DSM manages */
	return is_pci_tsm_pf0(pdev) || READ_ONCE(pdev->tsm);
}

DEFINE_SIMPLE_SYSFS_GROUP_VISIBLE(pci_tsm_link);

/* Does @pdev, or does the DSM that manages it, support TDISP? */
static bool tsm_supports_tdisp(struct pci_dev *pdev)
{
	guard(mutex)(&tsm_lock);
	return has_tee(pdev->tsm ? pdev->tsm->dsm_dev : pdev);
}

/*
 * Is there a devsec TSM, with which this VM may lock the function; or has it, or what
 * was in its place before, yet to be unlocked?
 */
static bool tsm_guest_visible(struct pci_dev *pdev)
{
	return pci_devsec_locked(pdev) ||
	       (pci_is_pcie(pdev) && has_tee(pdev) && tsm_agent_present());
}

/*
 * 'link' and 'devsec' TSMs share the same 'tsm/' sysfs group, so the TSM type
 * specific attributes need individual visibility checks.
 */
static umode_t pci_tsm_attr_visible(struct kobject *kobj,
				    struct attribute *attr, int n)
{
	struct pci_dev *pdev = to_pci_dev(kobj_to_dev(kobj));
	bool visible;

	if (attr == &dev_attr_tsm_lock.attr ||
	    attr == &dev_attr_tsm_accept.attr ||
	    attr == &dev_attr_tsm_unlock.attr ||
	    attr == &dev_attr_tsm_state.attr)
		return tsm_guest_visible(pdev) ? attr->mode : 0;

	if (!pci_tsm_link_group_visible(kobj))
		return 0;

	if (attr == &dev_attr_bound.attr || attr == &dev_attr_tdi_state.attr)
		visible = tsm_supports_tdisp(pdev);
	else if (attr == &dev_attr_dsm.attr)
		visible = is_pci_tsm_pf0(pdev) || tsm_supports_tdisp(pdev);
	else
		visible = is_pci_tsm_pf0(pdev);

	return visible ? attr->mode : 0;
}

static bool pci_tsm_group_visible(struct kobject *kobj)
{
	return pci_tsm_link_group_visible(kobj) ||
	       tsm_guest_visible(to_pci_dev(kobj_to_dev(kobj)));
}

DEFINE_SYSFS_GROUP_VISIBLE(pci_tsm);

static struct attribute *pci_tsm_attrs[] = {
	&dev_attr_connect.attr,
	&dev_attr_disconnect.attr,
	&dev_attr_bound.attr,
	&dev_attr_dsm.attr,
	&dev_attr_tdi_state.attr,
	&dev_attr_tsm_lock.attr,
	&dev_attr_tsm_accept.attr,
	&dev_attr_tsm_unlock.attr,
	&dev_attr_tsm_state.attr,
	NULL
};

const struct attribute_group pci_tsm_attr_group = {
	.name = "tsm",
	.attrs = pci_tsm_attrs,
	.is_visible = SYSFS_GROUP_VISIBLE(pci_tsm),
};

/*
 * When the SPDM session is established via a TSM the 'authenticated' state of
 * the device is identical to the connect state.
 */
static struct device_attribute dev_attr_authenticated =
	__ATTR(authenticated, 0444, connect_show, NULL);

static struct attribute *pci_tsm_auth_attrs[] = {
	&dev_attr_authenticated.attr,
	NULL
};

const struct attribute_group pci_tsm_auth_attr_group = {
	.attrs = pci_tsm_auth_attrs,
	.is_visible = SYSFS_GROUP_VISIBLE(pci_tsm_link),
};

/* Show what became visible, hide what no longer is. Never under tsm_lock. */
void tsm_sysfs_update(struct pci_dev *pdev)
{
	KUNIT_STATIC_STUB_REDIRECT(tsm_sysfs_update, pdev);

	lockdep_assert_not_held(&tsm_lock);

	if (sysfs_update_group(&pdev->dev.kobj, &pci_tsm_auth_attr_group) ||
	    sysfs_update_group(&pdev->dev.kobj, &pci_tsm_attr_group))
		pci_warn(pdev, "PCI/TSM: attributes not updated\n");
}
EXPORT_SYMBOL_IF_KUNIT(tsm_sysfs_update);
