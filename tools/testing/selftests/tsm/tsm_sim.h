/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Simulated TSM platforms: built, driven and torn down through configfs and
 * sysfs. Shared by the tests and the benchmark; no test logic here.
 *
 * Functions return 0 or -errno of the system call that failed, unless they say
 * otherwise.
 */
#ifndef __TSM_SIM_H
#define __TSM_SIM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "kselftest.h"

#define SIM_ROOT	"/sys/kernel/config/tsm-sim"
#define SIM_PCI		"/sys/bus/pci/devices"
#define SIM_PATH	256
#define SIM_TEXT	512

/* Limits of the simulator, over all platforms */
#define SIM_MAX_DEVICES		64
#define SIM_MAX_FUNCTIONS	8
#define SIM_MAX_VFS		256
#define SIM_MAX_LATENCY_MS	900

/**
 * struct sim_platform - a simulated platform
 * @name: of its configfs directory
 * @tsm: name of its TSM while live, else empty
 * @domain: PCI domain of its bus while live, else empty
 * @bridge: sysfs directory of its host bridge while live, else empty
 */
struct sim_platform {
	char name[32];
	char tsm[32];
	char domain[16];
	char bridge[SIM_PATH];
};

/**
 * struct sim_device - a root port and an endpoint below it
 * @platform: that it belongs to
 * @name: of its configfs directory
 * @bdf: PCI name of physical function 0 while live
 * @port: PCI name of the root port while live
 */
struct sim_device {
	struct sim_platform *platform;
	char name[32];
	char bdf[32];
	char port[32];
};

/**
 * struct sim_job - a process that performs one write
 * @pid: of the process, 0 if there is none
 * @pidfd: the same, to wait for
 * @started_ms: sim_now_ms() when it was started
 */
struct sim_job {
	pid_t pid;
	int pidfd;
	long long started_ms;
};

/* What sim_job_wait() says beside 0 and -errno of the write */
#define SIM_JOB_RUNNING		1
#define SIM_JOB_KILLED		2

/*
 * Poll for @cond, at most @timeout_ms; true when it became true. For states
 * that nothing announces: the bound is a limit, never a delay.
 */
#define sim_wait(cond, timeout_ms) ({					\
	long long __end_ms = sim_now_ms() + (timeout_ms);		\
	bool __met;							\
									\
	while (!(__met = (cond)) && sim_now_ms() < __end_ms)		\
		sim_relax();						\
	__met;								\
})

long long sim_now_ms(void);
void sim_relax(void);

/* Kernel and module */
int sim_require(void);
int sim_module_load(void);
int sim_module_load_with(const char *parameter);
int sim_module_unload(void);
int sim_module_users(void);
bool sim_module_builtin(void);
void sim_sweep(void);

/* Files */
int sim_read(const char *path, char *buf, size_t size);
int sim_write(const char *path, const char *val);
bool sim_exists(const char *path);

/* The kernel's log, from sim_log_open() on */
int sim_log_open(void);
bool sim_log_find(int log, const char *bdf, const char *text, char *line,
		  size_t size);

/* Platforms and devices */
int sim_platform_create(struct sim_platform *p, const char *name);
int sim_platform_set(struct sim_platform *p, const char *attr,
		     const char *val);
int sim_platform_live(struct sim_platform *p, bool live);
int sim_platform_name(struct sim_platform *p);
int sim_platform_tsm(struct sim_platform *p, bool there);
int sim_platform_destroy(struct sim_platform *p);
int sim_device_create(struct sim_device *d, struct sim_platform *p,
		      const char *name);
int sim_device_destroy(struct sim_device *d);
int sim_device_names(struct sim_device *d);
int __printf(3, 4) sim_set(struct sim_device *d, const char *attr,
			   const char *fmt, ...);
int sim_get(struct sim_device *d, const char *attr, char *buf, size_t size);
long sim_count(struct sim_device *d, const char *attr);

/* PCI functions, by name */
void sim_pci_path(char *path, size_t size, const char *bdf, const char *attr);
int sim_pci_read(const char *bdf, const char *attr, char *buf, size_t size);
int sim_pci_write(const char *bdf, const char *attr, const char *val);
bool sim_pci_exists(const char *bdf, const char *attr);
int sim_pci_driver(const char *bdf, const char *driver);
int sim_pci_rescan(struct sim_platform *p);
int sim_pci_vf(const char *pf, unsigned int n, char *bdf, size_t size);

/* The main job */
int sim_connect(struct sim_device *d);
int sim_disconnect(struct sim_device *d);
const char *sim_state(struct sim_device *d);
const char *sim_state_connected(struct sim_device *d);
int sim_streams(struct sim_platform *p, const char *bdf);
long sim_streams_available(struct sim_platform *p);

/* What sim_state() says of a device that never met a TSM */
#define SIM_STATE_IDLE							\
	"connect= authenticated= dsm= bound= ide=insecure/insecure "	\
	"streams=0 sessions=0"

/* Writes in another process */
int sim_job_write(struct sim_job *job, const int *gate, const char *path,
		  const char *val);
int sim_job_connect(struct sim_job *job, const int *gate, struct sim_device *d);
int sim_job_disconnect(struct sim_job *job, const int *gate,
		       struct sim_device *d);
int sim_job_wait(struct sim_job *job, unsigned int timeout_ms);
bool sim_job_running(struct sim_job *job);
void sim_job_kill(struct sim_job *job);
int sim_gate(int fds[2]);
void sim_gate_open(int fds[2]);
bool sim_conversing(struct sim_device *d, long before, long messages,
		    unsigned int timeout_ms);

#endif /* __TSM_SIM_H */
