/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TDIs, through the test consumer of tsm-sim: a client is what a VMM with its
 * iommufd would be. No test logic here.
 *
 * Functions return 0 or -errno of the system call that failed, unless they say
 * otherwise.
 */
#ifndef __TSM_TDI_H
#define __TSM_TDI_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/tsm.h>
#include <linux/tsm_sim.h>

#include "tsm_sim.h"

/* The longest answer: a response in hex, and what is said about it */
#define TDI_ANSWER	(2 * 65536 + 1024)
/* What the simulated TSM lets pass */
#define TDI_MAX_REQ	4096
#define TDI_MAX_RESP	65536

/* TDISP requests, as faults count them */
#define TDISP_VERSION	1
#define TDISP_CAPS	2
#define TDISP_LOCK	3
#define TDISP_REPORT	4
#define TDISP_STATE	5
#define TDISP_START	6
#define TDISP_STOP	7

/**
 * struct vmm - an open file of the consumer
 * @fd: file, 0 if it is not open
 * @answer: answer to the last command
 */
struct vmm {
	int fd;
	char *answer;
};

/**
 * struct vmm_job - a thread that performs one command
 * @thread: it
 * @v: its file
 * @cmd: the command
 * @err: its result, once @ended
 * @took_ms: how long it took
 * @ended: it has
 */
struct vmm_job {
	pthread_t thread;
	struct vmm v;
	char cmd[SIM_TEXT];
	int err;
	long long took_ms;
	atomic_bool ended;
};

int vmm_open(struct vmm *v);
void vmm_close(struct vmm *v);
int __printf(2, 3) vmm_cmd(struct vmm *v, const char *fmt, ...);
const char *vmm_text(struct vmm *v, const char *key);
long long vmm_value(struct vmm *v, const char *key);

int vmm_create(struct vmm *v, const char *tdi, const char *bdf, const char *vm,
	       unsigned long long guest_rid, const char *viommu);
const char *vmm_state(struct vmm *v, const char *tdi);
long long vmm_generation(struct vmm *v, const char *tdi);
int vmm_req(struct vmm *v, const char *tdi, unsigned int op, const void *req,
	    size_t req_len, void *resp, size_t *resp_len);
int vmm_read_object(struct vmm *v, const char *tdi, unsigned int type,
		    void *buf, size_t *len);
int vmm_run(struct vmm *v, const char *tdi);
int vmm_job_start(struct vmm_job *j, const char *cmd);
int vmm_job_wait(struct vmm_job *j, unsigned int timeout_ms);
const char *vmm_hooks(struct vmm *v, const char *tdi);
long vmm_host(struct vmm *v, const char *tdi, const char *key);

/* What the device itself says of a function: unlocked, locked, run, error */
const char *sim_tdi(struct sim_device *d, const char *bdf);
long sim_tdi_errors(struct sim_device *d, const char *cause);
bool sim_tdi_unharmed(struct sim_device *d);
int sim_tdi_error(struct sim_device *d, const char *bdf);

/* Config space */
int sim_cfg_read(const char *bdf, unsigned int where, unsigned int size,
		 uint32_t *val);
int sim_cfg_write(const char *bdf, unsigned int where, unsigned int size,
		  uint32_t val);
int sim_cfg_cap(const char *bdf, unsigned int id);
int sim_cfg_ext_cap(const char *bdf, unsigned int id);
int sim_cfg_flr(const char *bdf);
int sim_reset(struct sim_device *d, const char *method);
int sim_bar(const char *bdf, unsigned int bar, unsigned long long *start,
	    unsigned long long *len);
int sim_vfs(struct sim_device *d, unsigned int nr);

/* The steps of operations on a function, from the kernel's trace */
int trace_begin(void);
int trace_dma_begin(void);
void trace_clear(void);
const char *trace_dma(const char *bdf);
const char *trace_steps(const char *bdf);
void trace_end(void);

/* What trace_steps() says of the teardown of a TDI in RUN that does DMA */
#define STEPS_DOWN	"stop revoke dma-off host-dma-off release ungate"
#define STEPS_FORCED	"stop! stop-force revoke dma-off host-dma-off release ungate"

#define SHA384_SIZE	48
void sha384(const void *p, size_t len, uint8_t digest[SHA384_SIZE]);

#endif /* __TSM_TDI_H */
