/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine that the tests of iommufd run on: the simulated platform, or any
 * that has a TSM with a connected device.
 */
#ifndef __TSM_MACHINE_H
#define __TSM_MACHINE_H

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tsm_harness.h"
#include "tsm_iommufd.h"

/**
 * struct machine - a TSM and functions that it can bind
 * @simulated: by @s; otherwise it is that of the function in the environment
 *	       variable TSM_DEVICE, which is connected
 * @s: the simulated platform, with virtual functions to assign
 * @bdf: the functions, those of one device first
 * @nr: how many
 * @changed: it is no longer what the next test expects
 */
struct machine {
	bool simulated;
	struct scene s;
	const char *bdf[VMM_DEVICES];
	unsigned int nr;
	bool changed;
};

/*
 * What a test has left for the next one, if @nr is not 0: to build a machine takes
 * longer than most tests, which do it no harm. Each test is a process, and this is
 * memory that all of them share; see iommufd_harness_run().
 */
static struct machine *machine_left;

static inline const char *machine_given(void)
{
	const char *bdf = getenv("TSM_DEVICE");

	return bdf && bdf[0] ? bdf : NULL;
}

static inline bool machine_is_simulated(void)
{
	return !machine_given();
}

/* A platform with @devices devices; its TSM may still be told what it is like */
static inline int machine_prepare(struct machine *m, unsigned int devices)
{
	memset(m, 0, sizeof(*m));
	m->simulated = machine_is_simulated();
	return m->simulated ? scene_build(&m->s, "machine", devices) : 0;
}

/* Name of the TSM that a function's device is connected with, empty if none */
static inline int machine_tsm(const char *bdf, char *tsm, size_t size)
{
	char dsm[32];
	int err;

	tsm[0] = '\0';
	err = sim_pci_read(bdf, "tsm/dsm", dsm, sizeof(dsm));
	return err || !dsm[0] ? err : sim_pci_read(dsm, "tsm/connect", tsm,
						   size);
}

/* The functions that there are to assign */
static inline void machine_functions(struct machine *m)
{
	unsigned int i;

	m->nr = 0;
	for (i = 0; i < SCENE_VFS; i++)
		m->bdf[m->nr++] = m->s.vf[i];
	for (i = 1; i < m->s.sim.nr && m->nr < VMM_DEVICES; i++)
		m->bdf[m->nr++] = m->s.sim.d[i].bdf;
}

/* Make it live, and connect all devices */
static inline int machine_connect(struct machine *m)
{
	char tsm[32];
	int err;

	if (!m->simulated) {
		m->bdf[m->nr++] = machine_given();
		err = machine_tsm(m->bdf[0], tsm, sizeof(tsm));
		return err ?: tsm[0] ? 0 : -ENOTCONN;
	}
	err = scene_devices(&m->s);
	if (!err)
		machine_functions(m);
	return err;
}

static inline void machine_move(struct machine *to, struct machine *from)
{
	unsigned int i;

	*to = *from;
	to->s.d = &to->s.sim.d[0];
	for (i = 0; i < to->s.sim.nr; i++)
		to->s.sim.d[i].platform = &to->s.sim.p;
	machine_functions(to);
	from->nr = 0;
}

/* Are all devices connected, and all functions there? */
static inline bool machine_is_whole(struct machine *m)
{
	char text[32];
	unsigned int i;

	for (i = 0; i < m->s.sim.nr; i++) {
		if (sim_pci_read(m->s.sim.d[i].bdf, "tsm/connect", text,
				 sizeof(text)) || !text[0])
			return false;
	}
	return !sim_pci_read(m->s.vf[SCENE_VFS - 1], "vendor", text,
			     sizeof(text));
}

/* What was left, or a new one */
static inline int machine_build(struct machine *m, unsigned int devices)
{
	int err;

	if (machine_left && machine_left->nr &&
	    machine_left->s.sim.nr == devices &&
	    machine_is_whole(machine_left)) {
		machine_move(m, machine_left);
		return 0;
	}
	/* also what a test has left that did not come to its end */
	if (machine_left) {
		sim_sweep();
		machine_left->nr = 0;
	}
	err = machine_prepare(m, devices);
	return err ?: machine_connect(m);
}

/* All of its functions are closed */
static inline int machine_strike(struct machine *m)
{
	return m->simulated ? sim_platform_destroy(&m->s.sim.p) : 0;
}

/* The same, or leave it for the next test, if this one @passed */
static inline int machine_leave(struct machine *m, bool passed)
{
	if (!m->simulated)
		return 0;
	if (!passed || m->changed || !m->nr || !machine_left ||
	    !machine_is_whole(m))
		return machine_strike(m);
	machine_move(machine_left, m);
	return 0;
}

/* Why the tests cannot run here, or NULL */
static inline const char *machine_lacks(void)
{
	if (access("/dev/iommu", F_OK))
		return "this kernel has no iommufd";
	if (access("/dev/kvm", F_OK))
		return "this kernel has no KVM, or this machine cannot run VMs";
	return NULL;
}

/* Run the tests, if this kernel and this machine have what they need */
static inline int iommufd_harness_run(int argc, char **argv)
{
	const char *reason = machine_lacks();
	int rc, status;
	pid_t pid;

	if (reason)
		ksft_exit_skip("%s\n", reason);
	if (machine_is_simulated()) {
		machine_left = mmap(NULL, sizeof(*machine_left),
				    PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (machine_left == MAP_FAILED)
			machine_left = NULL;
		/* the harness ends its process: what is left is for this one */
		pid = fork();
		if (!pid)
			exit(tsm_harness_run(argc, argv));
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    !WIFEXITED(status))
			return KSFT_FAIL;
		rc = WEXITSTATUS(status);
		if (machine_left && machine_left->nr &&
		    machine_strike(machine_left))
			rc = KSFT_FAIL;
		return rc;
	}
	if (geteuid()) {
		ksft_print_msg("must be run as root\n");
		return KSFT_FAIL;
	}
	return test_harness_run(argc, argv);
}

/* Why tests skip of what only the simulated platform can be made to do */
#define NEEDS_SIMULATOR	"needs the simulated platform, not TSM_DEVICE"

/* Run the tests of a program which has none about just any device */
static inline int simulated_harness_run(int argc, char **argv)
{
	if (!machine_is_simulated())
		ksft_exit_skip("%s\n", NEEDS_SIMULATOR);
	return iommufd_harness_run(argc, argv);
}

#endif /* __TSM_MACHINE_H */
