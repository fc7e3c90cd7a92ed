// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control interface in configfs: /config/tsm-sim/<platform>/<device>.
 * Locks: configfs' own, then sim_platform::lock, then sim_limits_lock.
 */
#include <linux/cleanup.h>
#include <linux/configfs.h>
#include <linux/idr.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/tsm.h>

#include "sim.h"

static DEFINE_IDA(sim_platform_ida);

/* What all platforms have together */
static DEFINE_MUTEX(sim_limits_lock);
static unsigned int sim_nr_devices;
static unsigned int sim_nr_vfs;

static int sim_limits_add_device(void)
{
	guard(mutex)(&sim_limits_lock);
	if (sim_nr_devices >= SIM_MAX_DEVICES)
		return -ENOSPC;
	sim_nr_devices++;
	return 0;
}

static int sim_limits_set_vfs(struct sim_device *d, unsigned int nr)
{
	guard(mutex)(&sim_limits_lock);
	if (sim_nr_vfs - d->total_vfs + nr > SIM_MAX_VFS)
		return -ENOSPC;
	sim_nr_vfs += nr - d->total_vfs;
	d->total_vfs = nr;
	return 0;
}

static void sim_limits_drop_device(struct sim_device *d)
{
	guard(mutex)(&sim_limits_lock);
	sim_nr_vfs -= d->total_vfs;
	sim_nr_devices--;
}

/* Devices */

static ssize_t sim_device_functions_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%u\n", READ_ONCE(d->nr_functions));
}

static ssize_t sim_device_functions_store(struct config_item *item,
					  const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);
	unsigned int nr;
	int rc;

	rc = kstrtouint(page, 0, &nr);
	if (rc)
		return rc;
	if (nr < 1 || nr > SIM_MAX_FUNCTIONS)
		return -EINVAL;

	guard(mutex)(&d->platform->lock);
	if (d->platform->live)
		return -EBUSY;
	WRITE_ONCE(d->nr_functions, nr);
	return count;
}
CONFIGFS_ATTR(sim_device_, functions);

static ssize_t sim_device_total_vfs_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%u\n", READ_ONCE(d->total_vfs));
}

static ssize_t sim_device_total_vfs_store(struct config_item *item,
					  const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);
	unsigned int nr;
	int rc;

	rc = kstrtouint(page, 0, &nr);
	if (rc)
		return rc;
	if (nr > SIM_MAX_VFS)
		return -EINVAL;

	guard(mutex)(&d->platform->lock);
	if (d->platform->live)
		return -EBUSY;
	rc = sim_limits_set_vfs(d, nr);
	return rc ?: count;
}
CONFIGFS_ATTR(sim_device_, total_vfs);

static ssize_t sim_device_bdf_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	guard(mutex)(&d->platform->lock);
	return sim_device_name(d, false, page);
}
CONFIGFS_ATTR_RO(sim_device_, bdf);

static ssize_t sim_device_port_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	guard(mutex)(&d->platform->lock);
	return sim_device_name(d, true, page);
}
CONFIGFS_ATTR_RO(sim_device_, port);

static ssize_t sim_device_latency_ms_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%u\n", READ_ONCE(d->latency_ms));
}

static ssize_t sim_device_latency_ms_store(struct config_item *item,
					   const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);
	unsigned int ms;
	int rc;

	rc = kstrtouint(page, 0, &ms);
	if (rc)
		return rc;
	if (ms > SIM_MAX_LATENCY_MS)
		return -EINVAL;
	WRITE_ONCE(d->latency_ms, ms);
	return count;
}
CONFIGFS_ATTR(sim_device_, latency_ms);

static ssize_t sim_device_fault_show(struct config_item *item, char *page)
{
	return sim_fault_show(to_sim_device(item), page);
}

static ssize_t sim_device_fault_store(struct config_item *item,
				      const char *page, size_t count)
{
	int rc = sim_fault_parse(to_sim_device(item), page);

	return rc ?: count;
}
CONFIGFS_ATTR(sim_device_, fault);

static ssize_t sim_device_fault_hits_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", sim_fault_hits(to_sim_device(item)));
}
CONFIGFS_ATTR_RO(sim_device_, fault_hits);

static ssize_t sim_device_surprise_remove_store(struct config_item *item,
						const char *page, size_t count)
{
	bool yes;
	int rc;

	rc = kstrtobool(page, &yes);
	if (rc)
		return rc;
	if (!yes)
		return -EINVAL;
	rc = sim_device_surprise_remove(to_sim_device(item));
	return rc ?: count;
}
CONFIGFS_ATTR_WO(sim_device_, surprise_remove);

static ssize_t sim_device_refresh_keys_store(struct config_item *item,
					     const char *page, size_t count)
{
	bool yes;
	int rc;

	rc = kstrtobool(page, &yes);
	if (rc)
		return rc;
	if (!yes)
		return -EINVAL;
	rc = sim_link_tsm_refresh(to_sim_device(item));
	return rc ?: count;
}
CONFIGFS_ATTR_WO(sim_device_, refresh_keys);

static ssize_t sim_device_messages_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%d\n", atomic_read(&d->messages));
}
CONFIGFS_ATTR_RO(sim_device_, messages);

static ssize_t sim_device_sessions_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	guard(mutex)(&d->platform->lock);
	return sysfs_emit(page, "%u\n",
			  d->platform->live ? sim_dsm_sessions(d) : 0);
}
CONFIGFS_ATTR_RO(sim_device_, sessions);

static ssize_t sim_device_ide_state_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);
	bool ep = false, port = false;

	/* The models are there until the device is marked absent */
	scoped_guard(raw_spinlock_irqsave, &d->lock) {
		if (d->presence != SIM_ABSENT) {
			ep = sim_ide_port_secure(&d->ide);
			port = sim_ide_port_secure(&d->port_ide);
		}
	}
	return sysfs_emit(page, "%s %s\n", ep ? "secure" : "insecure",
			  port ? "secure" : "insecure");
}
CONFIGFS_ATTR_RO(sim_device_, ide_state);

static struct configfs_attribute *sim_device_attrs[] = {
	&sim_device_attr_functions,
	&sim_device_attr_total_vfs,
	&sim_device_attr_bdf,
	&sim_device_attr_port,
	&sim_device_attr_latency_ms,
	&sim_device_attr_fault,
	&sim_device_attr_fault_hits,
	&sim_device_attr_surprise_remove,
	&sim_device_attr_refresh_keys,
	&sim_device_attr_messages,
	&sim_device_attr_sessions,
	&sim_device_attr_ide_state,
	NULL
};

static void sim_device_release(struct config_item *item)
{
	sim_device_destroy(to_sim_device(item));
}

static const struct configfs_item_operations sim_device_item_ops = {
	.release = sim_device_release,
};

static const struct config_item_type sim_device_type = {
	.ct_item_ops = &sim_device_item_ops,
	.ct_attrs = sim_device_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_group *sim_platform_make_device(struct config_group *group,
						     const char *name)
{
	struct sim_platform *p = to_sim_platform(&group->cg_item);
	struct sim_device *d;
	int rc;

	guard(mutex)(&p->lock);
	if (p->live)
		return ERR_PTR(-EBUSY);
	rc = sim_limits_add_device();
	if (rc)
		return ERR_PTR(rc);

	d = sim_device_create();
	if (!d) {
		scoped_guard(mutex, &sim_limits_lock)
			sim_nr_devices--;
		return ERR_PTR(-ENOMEM);
	}
	config_group_init_type_name(&d->group, name, &sim_device_type);
	sim_platform_plug(p, d);
	return &d->group;
}

/* rmdir: a device of a live platform is unplugged */
static void sim_platform_drop_device(struct config_group *group,
				     struct config_item *item)
{
	struct sim_platform *p = to_sim_platform(&group->cg_item);
	struct sim_device *d = to_sim_device(item);

	scoped_guard(mutex, &p->lock)
		sim_device_unplug(d);
	sim_limits_drop_device(d);
	config_item_put(item);
}

/* Platforms */

static ssize_t sim_platform_live_show(struct config_item *item, char *page)
{
	struct sim_platform *p = to_sim_platform(item);

	guard(mutex)(&p->lock);
	return sysfs_emit(page, "%d\n", p->live);
}

static ssize_t sim_platform_live_store(struct config_item *item,
				       const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	bool live;
	int rc;

	rc = kstrtobool(page, &live);
	if (rc)
		return rc;

	guard(mutex)(&p->lock);
	if (live == p->live)
		return -EPERM;
	if (live)
		rc = sim_platform_up(p);
	else
		sim_platform_down(p);
	return rc ?: count;
}
CONFIGFS_ATTR(sim_platform_, live);

static ssize_t sim_platform_domain_show(struct config_item *item, char *page)
{
	struct sim_platform *p = to_sim_platform(item);

	guard(mutex)(&p->lock);
	if (!p->live)
		return sysfs_emit(page, "\n");
	return sysfs_emit(page, "%04x\n", p->domain);
}
CONFIGFS_ATTR_RO(sim_platform_, domain);

static ssize_t sim_platform_tsm_show(struct config_item *item, char *page)
{
	struct sim_platform *p = to_sim_platform(item);

	guard(mutex)(&p->lock);
	if (!p->tsm_dev)
		return sysfs_emit(page, "\n");
	return sysfs_emit(page, "%s\n", dev_name(&p->tsm_dev->dev));
}
CONFIGFS_ATTR_RO(sim_platform_, tsm);

static ssize_t sim_platform_parent_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, SIM_NAME ".%d\n", to_sim_platform(item)->id);
}
CONFIGFS_ATTR_RO(sim_platform_, parent);

static ssize_t sim_platform_parallel_show(struct config_item *item, char *page)
{
	struct sim_platform *p = to_sim_platform(item);

	return sysfs_emit(page, "%d\n", READ_ONCE(p->parallel));
}

static ssize_t sim_platform_parallel_store(struct config_item *item,
					   const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	bool parallel;
	int rc;

	rc = kstrtobool(page, &parallel);
	if (rc)
		return rc;

	guard(mutex)(&p->lock);
	if (p->live)
		return -EBUSY;
	WRITE_ONCE(p->parallel, parallel);
	return count;
}
CONFIGFS_ATTR(sim_platform_, parallel);

static struct configfs_attribute *sim_platform_attrs[] = {
	&sim_platform_attr_live,
	&sim_platform_attr_parallel,
	&sim_platform_attr_domain,
	&sim_platform_attr_tsm,
	&sim_platform_attr_parent,
	NULL
};

static void sim_platform_release(struct config_item *item)
{
	struct sim_platform *p = to_sim_platform(item);

	ida_free(&sim_platform_ida, p->id);
	mutex_destroy(&p->lock);
	kfree(p);
}

static const struct configfs_item_operations sim_platform_item_ops = {
	.release = sim_platform_release,
};

static const struct configfs_group_operations sim_platform_group_ops = {
	.make_group = sim_platform_make_device,
	.drop_item = sim_platform_drop_device,
};

static const struct config_item_type sim_platform_type = {
	.ct_item_ops = &sim_platform_item_ops,
	.ct_group_ops = &sim_platform_group_ops,
	.ct_attrs = sim_platform_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_group *sim_make_platform(struct config_group *group,
					      const char *name)
{
	struct sim_platform *p __free(kfree) = kzalloc_obj(*p);

	if (!p)
		return ERR_PTR(-ENOMEM);
	p->id = ida_alloc(&sim_platform_ida, GFP_KERNEL);
	if (p->id < 0)
		return ERR_PTR(p->id);

	mutex_init(&p->lock);
	p->parallel = true;
	p->domain = PCI_DOMAIN_NR_NOT_SET;
	p->buses = (struct resource) {
		.name = "tsm-sim buses",
		.end = 255,
		.flags = IORESOURCE_BUS,
	};
	config_group_init_type_name(&p->group, name, &sim_platform_type);
	return &no_free_ptr(p)->group;
}

/* rmdir: a live platform is torn down; it has no devices left at this point */
static void sim_drop_platform(struct config_group *group,
			      struct config_item *item)
{
	struct sim_platform *p = to_sim_platform(item);

	scoped_guard(mutex, &p->lock)
		if (p->live)
			sim_platform_down(p);
	config_item_put(item);
}

static const struct configfs_group_operations sim_group_ops = {
	.make_group = sim_make_platform,
	.drop_item = sim_drop_platform,
};

static const struct config_item_type sim_type = {
	.ct_group_ops = &sim_group_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem sim_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = SIM_NAME,
			.ci_type = &sim_type,
		},
	},
};

/**
 * sim_configfs_init() - show up in configfs
 *
 * Return: 0, or what configfs_register_subsystem() returns.
 */
int sim_configfs_init(void)
{
	config_group_init(&sim_subsystem.su_group);
	mutex_init(&sim_subsystem.su_mutex);
	return configfs_register_subsystem(&sim_subsystem);
}

/**
 * sim_configfs_exit() - undo sim_configfs_init()
 *
 * configfs keeps the module while there is a platform.
 */
void sim_configfs_exit(void)
{
	configfs_unregister_subsystem(&sim_subsystem);
}
