// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices in configfs: /config/tsm-sim/<platform>/<device>. Locks: configfs' own,
 * then sim_platform::lock, then sim_limits_lock.
 */
#include <linux/cleanup.h>
#include <linux/configfs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sysfs.h>

#include "sim.h"

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

/* A property that must be known before the platform is live */
static ssize_t sim_device_set_bool(struct sim_device *d, bool *member,
				   const char *page, size_t count)
{
	bool yes;
	int rc;

	rc = kstrtobool(page, &yes);
	if (rc)
		return rc;

	guard(mutex)(&d->platform->lock);
	if (d->platform->live)
		return -EBUSY;
	WRITE_ONCE(*member, yes);
	return count;
}

static ssize_t sim_device_soft_reset_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%d\n", READ_ONCE(d->soft_reset));
}

static ssize_t sim_device_soft_reset_store(struct config_item *item,
					   const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);

	return sim_device_set_bool(d, &d->soft_reset, page, count);
}
CONFIGFS_ATTR(sim_device_, soft_reset);

static ssize_t sim_device_iommu_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%d\n", READ_ONCE(d->iommu));
}

static ssize_t sim_device_iommu_store(struct config_item *item,
				      const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);

	return sim_device_set_bool(d, &d->iommu, page, count);
}
CONFIGFS_ATTR(sim_device_, iommu);

static ssize_t sim_device_secured_doe_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%d\n", READ_ONCE(d->secured_doe));
}

static ssize_t sim_device_secured_doe_store(struct config_item *item,
					    const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);

	return sim_device_set_bool(d, &d->secured_doe, page, count);
}
CONFIGFS_ATTR(sim_device_, secured_doe);

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

/* A number that may change at any time */
static ssize_t sim_device_set_uint(unsigned int *member, unsigned int max,
				   const char *page, size_t count)
{
	unsigned int val;
	int rc;

	rc = kstrtouint(page, 0, &val);
	if (rc)
		return rc;
	if (val > max)
		return -EINVAL;

	WRITE_ONCE(*member, val);
	return count;
}

static ssize_t sim_device_latency_ms_show(struct config_item *item, char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%u\n", READ_ONCE(d->latency_ms));
}

static ssize_t sim_device_latency_ms_store(struct config_item *item,
					   const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);

	return sim_device_set_uint(&d->latency_ms, SIM_MAX_LATENCY_MS, page,
				   count);
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

static ssize_t sim_device_transcript_bytes_show(struct config_item *item,
						char *page)
{
	struct sim_device *d = to_sim_device(item);

	return sysfs_emit(page, "%u\n", READ_ONCE(d->transcript_bytes));
}

static ssize_t sim_device_transcript_bytes_store(struct config_item *item,
						 const char *page, size_t count)
{
	struct sim_device *d = to_sim_device(item);

	return sim_device_set_uint(&d->transcript_bytes, SIM_MAX_TRANSCRIPT,
				   page, count);
}
CONFIGFS_ATTR(sim_device_, transcript_bytes);

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
				   BIT(SIM_DMA_FAULT) | BIT(SIM_DMA_PRIVATE_FAULT) |
				   BIT(SIM_DMA_POISONED));
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
	&sim_device_attr_iommu,
	&sim_device_attr_secured_doe,
	&sim_device_attr_bdf,
	&sim_device_attr_port,
	&sim_device_attr_latency_ms,
	&sim_device_attr_fault,
	&sim_device_attr_fault_hits,
	&sim_device_attr_tsm_fault,
	&sim_device_attr_transcript_bytes,
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

/**
 * sim_platform_make_device() - mkdir in the directory of a platform
 * @group: of the platform
 * @name: of the new directory
 *
 * Return: group of a device that is plugged in, or
 * * %-EBUSY	- the platform is live
 * * %-ENOSPC	- there are as many devices as there may be
 * * %-ENOMEM	- out of memory
 */
struct config_group *sim_platform_make_device(struct config_group *group,
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

/**
 * sim_platform_drop_device() - rmdir: a device of a live platform is unplugged
 * @group: of the platform
 * @item: of the device
 */
void sim_platform_drop_device(struct config_group *group,
			      struct config_item *item)
{
	struct sim_platform *p = to_sim_platform(&group->cg_item);
	struct sim_device *d = to_sim_device(item);

	scoped_guard(mutex, &p->lock)
		sim_device_unplug(d);
	sim_limits_drop_device(d);
	config_item_put(item);
}
