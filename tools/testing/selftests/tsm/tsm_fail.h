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
#include <string.h>
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
#ifndef MAX_POINTS
#define MAX_POINTS	60
#define DENSE_POINTS	24
#endif

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

/*
 * Write @val to a file with allocation @nth failing. @left tells how far it came:
 * the write alone runs under injection, opening the file does not.
 */
static inline int write_failing(struct injection *in, const char *path,
				const char *val, unsigned int nth, long *left)
{
	ssize_t ret;
	int fd, err;

	*left = -1;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	err = injection_set(in, nth);
	if (!err) {
		ret = write(fd, val, strlen(val));
		err = ret < 0 ? -errno : 0;
		*left = injection_left(in);
		injection_set(in, 0);
	}
	close(fd);
	return err;
}

/* The same for an attribute of a PCI function */
static inline int attr_failing(struct injection *in, const char *bdf,
			       const char *attr, const char *val,
			       unsigned int nth, long *left)
{
	char path[SIM_PATH];

	sim_pci_path(path, sizeof(path), bdf, attr);
	return write_failing(in, path, val, nth, left);
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
