// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the end of the system, for a while or for good, means for connections
 * and TDIs: neither survives it, and neither may be left to the next kernel.
 */
#include <linux/init.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "tsm.h"

static int tsm_pm_notify(struct notifier_block *nb, unsigned long event,
			 void *unused)
{
	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(tsm_session_sleep());
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		tsm_session_wake();
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block tsm_pm_notifier = {
	.notifier_call = tsm_pm_notify,
};

/* Before drivers shut their devices down, and before kexec */
static int tsm_reboot_notify(struct notifier_block *nb, unsigned long event,
			     void *unused)
{
	tsm_links_shutdown();
	return NOTIFY_DONE;
}

static struct notifier_block tsm_reboot_notifier = {
	.notifier_call = tsm_reboot_notify,
};

static int __init tsm_power_init(void)
{
	int rc = register_pm_notifier(&tsm_pm_notifier);

	if (rc)
		return rc;

	rc = register_reboot_notifier(&tsm_reboot_notifier);
	if (rc)
		unregister_pm_notifier(&tsm_pm_notifier);

	return rc;
}
device_initcall(tsm_power_init);
