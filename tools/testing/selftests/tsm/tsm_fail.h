/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations of this task that fail, one at a time. Where not all of them are
 * tried, TSM_FAIL_STRIDE in the environment sets the distance of those that are; 1
 * is all of them.
 *
 * Functions return 0 or -errno, unless they say otherwise.
 */
#ifndef __TSM_FAIL_H
#define __TSM_FAIL_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tsm_sim.h"

#define FAIL_NTH	"/proc/self/fail-nth"
/* More than any connect allocates */
#define COUNT_ONLY	1000000

/*
 * A connect is a second and more where every access is checked and emulated: so
 * many points are tried, evenly spread, and the first few without a gap.
 */
#define MAX_POINTS	60
#define DENSE_POINTS	24

/* Any allocation may fail, those that may sleep too, and silently */
static inline int fail_any_allocation(void)
{
	int err;

	if (!sim_exists("/sys/kernel/debug/failslab"))
		mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	err = sim_write("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	if (!err)
		err = sim_write("/sys/kernel/debug/failslab/verbose", "0");
	/* Only in a kernel with CONFIG_IOMMUFD_TEST */
	sim_write("/sys/kernel/debug/fail_iommufd/verbose", "0");
	return err;
}

/**
 * struct injection - fail-nth of this task
 * @fd: of the file, opened before anything fails
 */
struct injection {
	int fd;
};

static inline int injection_set(struct injection *in, unsigned int nth)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%u", nth);

	return pwrite(in->fd, buf, len, 0) == len ? 0 : -errno;
}

/* How many allocations are left until one fails; 0: it has failed */
static inline long injection_left(struct injection *in)
{
	char buf[16] = "";

	if (pread(in->fd, buf, sizeof(buf) - 1, 0) < 0)
		return -errno;
	return strtol(buf, NULL, 10);
}

/* -ENOENT if this kernel has none of this */
static inline int injection_open(struct injection *in)
{
	in->fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	return in->fd < 0 ? -errno : fail_any_allocation();
}

/* The next point to try after @nth, of @points in all */
static inline unsigned int next_point(unsigned int nth, unsigned int points)
{
	const char *env = getenv("TSM_FAIL_STRIDE");
	unsigned int stride;

	if (env)
		stride = atoi(env);
	else if (nth < DENSE_POINTS)
		stride = 1;
	else
		stride = 1 + points / (MAX_POINTS - DENSE_POINTS);
	return nth + (stride ? stride : 1);
}

#endif /* __TSM_FAIL_H */
