// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failures of the link TSM's own, beside those of devices: what its firmware is
 * told to fail at.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <uapi/linux/tsm_sim.h>

#include "link.h"

static const char * const sim_tsm_faults[] = {
	[SIM_TSM_FAULT_CREATE]	= "create",
	[SIM_TSM_FAULT_DESTROY]	= "destroy",
	[SIM_TSM_FAULT_LOCK]	= "lock",
	[SIM_TSM_FAULT_REPORT]	= "report",
	[SIM_TSM_FAULT_DMA]	= "dma",
	[SIM_TSM_FAULT_RUN]	= "run",
	[SIM_TSM_FAULT_STOP]	= "stop",
	[SIM_TSM_FAULT_FORCE]	= "force",
	[SIM_TSM_FAULT_BLOCK]	= "block",
	[SIM_TSM_FAULT_RELEASE]	= "release",
	[SIM_TSM_FAULT_PATIENCE] = "patience",
};

static_assert(ARRAY_SIZE(sim_tsm_faults) == SIM_TSM_NR_FAULTS);

/**
 * sim_tsm_fault_parse() - configure what the TSM fails at
 * @d: device for which it does
 * @text: names of what fails, with spaces between them, or "none"
 *
 * Return: 0; -EINVAL with nothing changed; -ENOMEM.
 */
int sim_tsm_fault_parse(struct sim_device *d, const char *text)
{
	unsigned int faults = 0;
	char *words, *word;
	int i;

	char *copy __free(kfree) = kstrdup(text, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;

	words = strim(copy);
	if (!strcmp(words, "none"))
		words = NULL;
	while ((word = strsep(&words, " "))) {
		i = match_string(sim_tsm_faults, ARRAY_SIZE(sim_tsm_faults),
				 word);
		if (i < 0)
			return -EINVAL;
		faults |= BIT(i);
	}
	WRITE_ONCE(d->tsm_faults, faults);
	return 0;
}

/**
 * sim_tsm_fault_show() - what the TSM fails at, as sim_tsm_fault_parse() takes it
 * @d: device
 * @page: where to
 *
 * Return: bytes written.
 */
ssize_t sim_tsm_fault_show(struct sim_device *d, char *page)
{
	unsigned int faults = READ_ONCE(d->tsm_faults);
	ssize_t len = 0;

	for (int i = 0; i < ARRAY_SIZE(sim_tsm_faults); i++)
		if (faults & BIT(i))
			len += sysfs_emit_at(page, len, "%s%s", len ? " " : "",
					     sim_tsm_faults[i]);
	return len + sysfs_emit_at(page, len, "%s\n", len ? "" : "none");
}

/**
 * sim_link_fault() - does the firmware fail here, because it was told to?
 * @s: session with the device
 * @fault: what it is about to do
 * @tsm_code: result code, or NULL
 *
 * Return: 0, or -EIO.
 */
int sim_link_fault(struct sim_link_session *s, enum sim_tsm_fault fault,
		   u64 *tsm_code)
{
	if (!(READ_ONCE(s->device->tsm_faults) & BIT(fault)))
		return 0;
	if (tsm_code)
		*tsm_code = TSM_SIM_CODE_FIRMWARE;
	return -EIO;
}
