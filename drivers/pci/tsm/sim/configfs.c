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

static ssize_t sim_device_soft_reset_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%d\n", READ_ONCE(d->soft_reset));
}

static ssize_t sim_device_soft_reset_store(struct config_item *item,
					   const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);
	bool yes;
	int rc;

	rc = kstrtobool(page, &yes);
	if (rc)
		return rc;

	guard(mutex)(&d->platform->lock);
	if (d->platform->live)
		return -EBUSY;
	WRITE_ONCE(d->soft_reset, yes);
	return count;
}
CONFIGFS_ATTR(sim_device_, soft_reset);

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

static ssize_t sim_device_tsm_fault_show(struct config_item *item, char *page)
{
	return sim_tsm_fault_show(to_sim_device(item), page);
}

static ssize_t sim_device_tsm_fault_store(struct config_item *item,
					  const char *page, size_t count)
{
	int rc = sim_tsm_fault_parse(to_sim_device(item), page);

	return rc ?: count;
}
CONFIGFS_ATTR(sim_device_, tsm_fault);

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

/* The functions are there until the device is marked absent */
static ssize_t sim_device_tdi_states_show(struct config_item *item, char *page)
{
	static const char * const names[] = {
		[SIM_TDI_LOCKED] = "locked",
		[SIM_TDI_RUN] = "run",
		[SIM_TDI_ERROR] = "error",
	};
	struct sim_device *d = to_sim_device(item);
	ssize_t len = 0;

	guard(raw_spinlock_irqsave)(&d->lock);
	if (d->presence == SIM_ABSENT)
		return 0;
	for (int i = 0; i < d->nr_functions + d->total_vfs; i++) {
		u8 state = sim_function_tdi_state(&d->fn[i]);
		u16 rid = sim_function_rid(&d->fn[i]);

		if (state != SIM_TDI_UNLOCKED)
			len += sysfs_emit_at(page, len, "%02x:%02x.%d %s\n",
					     PCI_BUS_NUM(rid), PCI_SLOT(rid),
					     PCI_FUNC(rid), names[state]);
	}
	return len;
}
CONFIGFS_ATTR_RO(sim_device_, tdi_states);

static ssize_t sim_device_tdi_error_store(struct config_item *item,
					  const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);
	unsigned int bus, slot, func;
	struct sim_function *f;
	u8 state;

	if (sscanf(page, "%x:%x.%x", &bus, &slot, &func) != 3 ||
	    bus > 0xff || slot > 0x1f || func > 7)
		return -EINVAL;

	guard(raw_spinlock_irqsave)(&d->lock);
	if (d->presence == SIM_ABSENT)
		return -ENXIO;
	f = sim_device_function(d, PCI_DEVID(bus, PCI_DEVFN(slot, func)));
	if (!f)
		return -ENXIO;
	state = sim_function_tdi_state(f);
	if (state != SIM_TDI_LOCKED && state != SIM_TDI_RUN)
		return -ENXIO;
	sim_function_tdi_error(f, SIM_TDI_DEVICE);
	return count;
}
CONFIGFS_ATTR_WO(sim_device_, tdi_error);

static ssize_t sim_device_tdi_errors_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);
	ssize_t len = 0;

	guard(raw_spinlock_irqsave)(&d->lock);
	for (int i = 0; i < SIM_TDI_NR_CAUSES; i++)
		len += sysfs_emit_at(page, len, "%s %u\n",
				     sim_tdi_cause_name(i), d->tdi_errors[i]);
	return len;
}
CONFIGFS_ATTR_RO(sim_device_, tdi_errors);

/* Transfers of all functions that ended in one of these ways since live */
static ssize_t sim_device_show_dma(struct config_item *item, char *page,
				   unsigned long results)
{
	struct sim_device *d = to_sim_device(item);
	unsigned int sum = 0;

	for (int i = 0; i < SIM_DMA_NR_RESULTS; i++)
		if (results & BIT(i))
			sum += atomic_read(&d->dma_results[i]);
	return sysfs_emit(page, "%u\n", sum);
}

static ssize_t sim_device_dma_done_show(struct config_item *item, char *page)
{
	return sim_device_show_dma(item, page, BIT(SIM_DMA_OK));
}
CONFIGFS_ATTR_RO(sim_device_, dma_done);

static ssize_t sim_device_dma_aborted_show(struct config_item *item, char *page)
{
	return sim_device_show_dma(item, page, BIT(SIM_DMA_ABORTED));
}
CONFIGFS_ATTR_RO(sim_device_, dma_aborted);

static ssize_t sim_device_dma_refused_show(struct config_item *item, char *page)
{
	return sim_device_show_dma(item, page,
				   BIT(SIM_DMA_INVALID) | BIT(SIM_DMA_NO_MASTER) |
				   BIT(SIM_DMA_TDI_STATE) | BIT(SIM_DMA_T_BIT));
}
CONFIGFS_ATTR_RO(sim_device_, dma_refused);

static ssize_t sim_device_dma_faults_show(struct config_item *item, char *page)
{
	return sim_device_show_dma(item, page,
				   BIT(SIM_DMA_FAULT) | BIT(SIM_DMA_PRIVATE_FAULT));
}
CONFIGFS_ATTR_RO(sim_device_, dma_faults);

static ssize_t sim_device_interrupts_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%u\n", atomic_read(&d->interrupts));
}
CONFIGFS_ATTR_RO(sim_device_, interrupts);

static ssize_t sim_device_interrupts_refused_show(struct config_item *item,
						  char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%u\n", atomic_read(&d->interrupts_refused));
}
CONFIGFS_ATTR_RO(sim_device_, interrupts_refused);

static struct configfs_attribute *sim_device_attrs[] = {
	&sim_device_attr_functions,
	&sim_device_attr_total_vfs,
	&sim_device_attr_soft_reset,
	&sim_device_attr_bdf,
	&sim_device_attr_port,
	&sim_device_attr_latency_ms,
	&sim_device_attr_fault,
	&sim_device_attr_fault_hits,
	&sim_device_attr_tsm_fault,
	&sim_device_attr_surprise_remove,
	&sim_device_attr_refresh_keys,
	&sim_device_attr_messages,
	&sim_device_attr_sessions,
	&sim_device_attr_ide_state,
	&sim_device_attr_tdi_states,
	&sim_device_attr_tdi_error,
	&sim_device_attr_tdi_errors,
	&sim_device_attr_dma_done,
	&sim_device_attr_dma_aborted,
	&sim_device_attr_dma_refused,
	&sim_device_attr_dma_faults,
	&sim_device_attr_interrupts,
	&sim_device_attr_interrupts_refused,
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
	if (p->live)
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
	if (p->live)
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
	if (p->live)
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
