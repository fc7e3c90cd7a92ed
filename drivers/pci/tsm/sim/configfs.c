// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control interface in configfs: /config/tsm-sim/<platform>, and below that
 * its devices, see configfs-device.c.
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
#include <uapi/linux/tsm.h>

#include "sim.h"

static DEFINE_IDA(sim_platform_ida);

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
	return sysfs_emit(page, "%s\n",
			  p->tsm_dev ? dev_name(&p->tsm_dev->dev) : "");
}

static ssize_t sim_platform_tsm_store(struct config_item *item,
				      const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	bool there;
	int rc = kstrtobool(page, &there);

	if (rc)
		return rc;

	guard(mutex)(&p->lock);
	if (!p->live || there == !!p->tsm_dev)
		return -EPERM;
	if (there)
		rc = sim_link_tsm_register(p);
	else
		sim_link_tsm_unregister(p);
	return rc ?: count;
}
CONFIGFS_ATTR(sim_platform_, tsm);

static ssize_t sim_platform_parent_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, SIM_NAME ".%d\n", to_sim_platform(item)->id);
}
CONFIGFS_ATTR_RO(sim_platform_, parent);

/* What the TSM is like, to be said before it is registered */

static int sim_platform_set_bool(struct sim_platform *p, bool *member,
				 const char *page)
{
	bool yes;
	int rc;

	rc = kstrtobool(page, &yes);
	if (rc)
		return rc;

	guard(mutex)(&p->lock);
	if (p->tsm_dev)
		return -EBUSY;
	WRITE_ONCE(*member, yes);
	return 0;
}

static ssize_t sim_platform_parallel_show(struct config_item *item, char *page)
{
	struct sim_platform *p = to_sim_platform(item);

	return sysfs_emit(page, "%d\n", READ_ONCE(p->parallel));
}

static ssize_t sim_platform_parallel_store(struct config_item *item,
					   const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	int rc = sim_platform_set_bool(p, &p->parallel, page);

	return rc ?: count;
}
CONFIGFS_ATTR(sim_platform_, parallel);

static ssize_t sim_platform_op_mask_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%#llx\n",
			  READ_ONCE(to_sim_platform(item)->op_mask));
}

static ssize_t sim_platform_op_mask_store(struct config_item *item,
					  const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	u64 mask;
	int rc;

	rc = kstrtou64(page, 0, &mask);
	if (rc)
		return rc;
	if (mask & ~SIM_OP_MASK)
		return -EINVAL;

	guard(mutex)(&p->lock);
	if (p->tsm_dev)
		return -EBUSY;
	WRITE_ONCE(p->op_mask, mask);
	return count;
}
CONFIGFS_ATTR(sim_platform_, op_mask);

static ssize_t sim_platform_guest_rid_bits_show(struct config_item *item,
						char *page)
{
	return sysfs_emit(page, "%u\n",
			  READ_ONCE(to_sim_platform(item)->guest_rid_bits));
}

static ssize_t sim_platform_guest_rid_bits_store(struct config_item *item,
						 const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	unsigned int bits;
	int rc;

	rc = kstrtouint(page, 0, &bits);
	if (rc)
		return rc;
	if (bits < 16 || bits > 32)
		return -EINVAL;

	guard(mutex)(&p->lock);
	if (p->tsm_dev)
		return -EBUSY;
	WRITE_ONCE(p->guest_rid_bits, bits);
	return count;
}
CONFIGFS_ATTR(sim_platform_, guest_rid_bits);

static ssize_t sim_platform_revoke_first_show(struct config_item *item,
					      char *page)
{
	return sysfs_emit(page, "%d\n",
			  READ_ONCE(to_sim_platform(item)->revoke_first));
}

static ssize_t sim_platform_revoke_first_store(struct config_item *item,
					       const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	int rc = sim_platform_set_bool(p, &p->revoke_first, page);

	return rc ?: count;
}
CONFIGFS_ATTR(sim_platform_, revoke_first);

static ssize_t sim_platform_confidential_vm_show(struct config_item *item,
						 char *page)
{
	return sysfs_emit(page, "%d\n",
			  READ_ONCE(to_sim_platform(item)->confidential_vm));
}

static ssize_t sim_platform_confidential_vm_store(struct config_item *item,
						  const char *page,
						  size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	int rc = sim_platform_set_bool(p, &p->confidential_vm, page);

	return rc ?: count;
}
CONFIGFS_ATTR(sim_platform_, confidential_vm);

static ssize_t sim_platform_lock_msix_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n",
			  READ_ONCE(to_sim_platform(item)->lock_msix));
}

static ssize_t sim_platform_lock_msix_store(struct config_item *item,
					    const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	int rc = sim_platform_set_bool(p, &p->lock_msix, page);

	return rc ?: count;
}
CONFIGFS_ATTR(sim_platform_, lock_msix);

static ssize_t sim_platform_arch_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(to_sim_platform(item)->arch));
}

static ssize_t sim_platform_arch_store(struct config_item *item,
				       const char *page, size_t count)
{
	struct sim_platform *p = to_sim_platform(item);
	u32 arch;
	int rc;

	rc = kstrtou32(page, 0, &arch);
	if (rc)
		return rc;
	if (arch == TSM_ARCH_NONE || arch > TSM_ARCH_SIM)
		return -EINVAL;

	guard(mutex)(&p->lock);
	if (p->tsm_dev)
		return -EBUSY;
	WRITE_ONCE(p->arch, arch);
	return count;
}
CONFIGFS_ATTR(sim_platform_, arch);

static struct configfs_attribute *sim_platform_attrs[] = {
	&sim_platform_attr_live,
	&sim_platform_attr_parallel,
	&sim_platform_attr_domain,
	&sim_platform_attr_tsm,
	&sim_platform_attr_parent,
	&sim_platform_attr_op_mask,
	&sim_platform_attr_guest_rid_bits,
	&sim_platform_attr_revoke_first,
	&sim_platform_attr_confidential_vm,
	&sim_platform_attr_lock_msix,
	&sim_platform_attr_arch,
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
	p->arch = TSM_ARCH_SIM;
	p->op_mask = SIM_OP_MASK;
	p->guest_rid_bits = SIM_GUEST_RID_BITS;
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
