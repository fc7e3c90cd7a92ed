// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs, through the test consumer of tsm-sim. See tsm_tdi.h for what each
 * function promises.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tsm_tdi.h"

#define DEBUGFS		"/sys/kernel/debug"
#define CONSUMER	DEBUGFS "/tsm-sim/consumer"
#define TRACEFS		"/sys/kernel/tracing"
#define TRACE		TRACEFS "/instances/tsm_tdi"

#define PCI_EXT_CAP_START	0x100
#define PCI_CFG_SIZE		0x1000

/* --- the consumer ----------------------------------------------------------- */

int vmm_open(struct vmm *v)
{
	if (!sim_exists(DEBUGFS "/tsm-sim"))
		mount("none", DEBUGFS, "debugfs", 0, NULL);
	v->answer = calloc(1, TDI_ANSWER);
	if (!v->answer)
		return -ENOMEM;
	v->fd = open(CONSUMER, O_RDWR | O_CLOEXEC);
	if (v->fd < 0) {
		int err = -errno;

		free(v->answer);
		memset(v, 0, sizeof(*v));
		return err;
	}
	return 0;
}

/* All that was made through it goes */
void vmm_close(struct vmm *v)
{
	if (v->fd > 0)
		close(v->fd);
	free(v->answer);
	memset(v, 0, sizeof(*v));
}

/* Perform a command; @v->answer is the answer then, whether or not it failed */
static int vmm_write(struct vmm *v, const char *cmd, size_t len)
{
	ssize_t done, got, n = 0;
	int err;

	done = write(v->fd, cmd, len);
	err = done < 0 ? -errno : 0;
	if (!err && (size_t)done != len)
		return -EIO;
	while ((got = read(v->fd, v->answer + n, TDI_ANSWER - 1 - n)) > 0)
		n += got;
	v->answer[n] = '\0';
	return err;
}

int vmm_cmd(struct vmm *v, const char *fmt, ...)
{
	char cmd[SIM_TEXT];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(cmd, sizeof(cmd), fmt, args);
	va_end(args);
	return vmm_write(v, cmd, len);
}

/* What follows "key=" in the last answer, up to the end of its line, or NULL */
const char *vmm_text(struct vmm *v, const char *key)
{
	static __thread char text[SIM_TEXT];
	size_t len = strlen(key);
	const char *p = v->answer;

	while ((p = strstr(p, key))) {
		if ((p == v->answer || p[-1] == ' ' || p[-1] == '\n') &&
		    p[len] == '=') {
			snprintf(text, sizeof(text), "%s", p + len + 1);
			text[strcspn(text, "\n")] = '\0';
			return text;
		}
		p += len;
	}
	return NULL;
}

/* The number in the place of vmm_text(), -1 if there is none */
long long vmm_value(struct vmm *v, const char *key)
{
	const char *text = vmm_text(v, key);

	return text ? strtoll(text, NULL, 0) : -1;
}

int vmm_create(struct vmm *v, const char *tdi, const char *bdf, const char *vm,
	       unsigned long long guest_rid, const char *viommu)
{
	return vmm_cmd(v, "create %s bdf=%s vm=%s rid=%#llx %s%s", tdi, bdf, vm,
		       guest_rid, viommu ? "viommu=" : "", viommu ?: "");
}

/* State and flags in words, such as "UNLOCKED DEAD"; or the error, with a ! */
const char *vmm_state(struct vmm *v, const char *tdi)
{
	static __thread char state[64];
	int err = vmm_cmd(v, "state %s", tdi);
	char *end;

	if (err) {
		snprintf(state, sizeof(state), "!%s", strerror(-err));
		return state;
	}
	snprintf(state, sizeof(state), "%s", vmm_text(v, "state") ?: "");
	end = strstr(state, " generation=");
	if (end)
		*end = '\0';
	return state;
}

long long vmm_generation(struct vmm *v, const char *tdi)
{
	int err = vmm_cmd(v, "state %s", tdi);

	return err ?: vmm_value(v, "generation");
}

static char *put_hex(char *out, const uint8_t *p, size_t len)
{
	for (; len; len--, p++)
		out += sprintf(out, "%02x", *p);
	return out;
}

static int get_hex(const char *hex, uint8_t *p, size_t len)
{
	for (; len; len--, hex += 2) {
		unsigned int byte;

		if (sscanf(hex, "%2x", &byte) != 1)
			return -EBADMSG;
		*p++ = byte;
	}
	return 0;
}

/*
 * A request. @resp_len is how much room there is at @resp, and then how long the
 * response is, or with -EMSGSIZE would be. Without @resp_len there is none.
 */
int vmm_req(struct vmm *v, const char *tdi, unsigned int op, const void *req,
	    size_t req_len, void *resp, size_t *resp_len)
{
	size_t room = resp_len ? *resp_len : 0;
	const char *hex;
	char *cmd, *p;
	int err;

	cmd = malloc(2 * req_len + 128);
	if (!cmd)
		return -ENOMEM;
	p = cmd + sprintf(cmd, "req %s op=%u resp=%zu", tdi, op, room);
	if (req_len) {
		p += sprintf(p, " hex=");
		p = put_hex(p, req, req_len);
	}
	err = vmm_write(v, cmd, p - cmd);
	free(cmd);

	if (resp_len && vmm_value(v, "resp_len") >= 0)
		*resp_len = vmm_value(v, "resp_len");
	if (err)
		return err;
	if (!resp_len)
		return vmm_value(v, "resp_len") ? -EBADMSG : 0;
	hex = strchr(v->answer, '\n');
	if (*resp_len > room || !hex || strlen(hex + 1) != 2 * *resp_len + 1)
		return -EBADMSG;
	return get_hex(hex + 1, resp, *resp_len);
}

/* A whole object of evidence, in portions of a size that is good for nothing */
int vmm_read_object(struct vmm *v, const char *tdi, unsigned int type,
		    void *buf, size_t *len)
{
	struct tsm_read_object req = { .type = type };
	size_t got = 0, part;
	int err;

	do {
		part = *len - got < 1000 ? *len - got : 1000;
		req.offset = got;
		err = vmm_req(v, tdi, TSM_OP_READ_OBJECT, &req, sizeof(req),
			      buf + got, &part);
		if (err)
			return err;
		got += part;
	} while (part && got < *len);
	*len = got;
	return 0;
}

/*
 * The hooks that the host was called with, in order, such as "gate ranges"; one
 * that refused has a ! behind it, an event its number.
 */
const char *vmm_hooks(struct vmm *v, const char *tdi)
{
	static __thread char hooks[SIM_TEXT * 4];
	size_t len = 0;
	char *line, *rest;
	int err;

	err = vmm_cmd(v, "log %s", tdi);
	if (err)
		return strerror(-err);
	hooks[0] = '\0';
	for (line = strtok_r(v->answer, "\n", &rest);
	     line && len < sizeof(hooks); line = strtok_r(NULL, "\n", &rest)) {
		char name[32];
		int value;

		if (sscanf(line, "%*d %31s %d", name, &value) != 2)
			return "unreadable";
		len += snprintf(hooks + len, sizeof(hooks) - len, "%s%s",
				len ? " " : "", name);
		if (!strcmp(name, "event"))
			len += snprintf(hooks + len, sizeof(hooks) - len, "%d",
					value);
		else if (value)
			len += snprintf(hooks + len, sizeof(hooks) - len, "!");
	}
	return hooks;
}

/* A number of the host's account, or -errno */
long vmm_host(struct vmm *v, const char *tdi, const char *key)
{
	int err = vmm_cmd(v, "show %s", tdi);

	return err ?: vmm_value(v, key);
}

/* Bring a TDI from UNLOCKED to RUN, with DMA to private memory */
int vmm_run(struct vmm *v, const char *tdi)
{
	int err;

	err = vmm_cmd(v, "lock %s", tdi);
	err = err ?: vmm_req(v, tdi, TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL);
	return err ?: vmm_cmd(v, "run %s", tdi);
}

static void *vmm_job_main(void *arg)
{
	struct vmm_job *j = arg;
	long long start_ms = sim_now_ms();

	j->err = vmm_cmd(&j->v, "%s", j->cmd);
	j->took_ms = sim_now_ms() - start_ms;
	atomic_store(&j->ended, true);
	return NULL;
}

/* Perform a command in another thread, with a file of its own */
int vmm_job_start(struct vmm_job *j, const char *cmd)
{
	int err;

	*j = (struct vmm_job) { .err = 0 };
	snprintf(j->cmd, sizeof(j->cmd), "%s", cmd);
	err = vmm_open(&j->v);
	return err ?: -pthread_create(&j->thread, NULL, vmm_job_main, j);
}

/* Its result, SIM_JOB_RUNNING if it did not end in time */
int vmm_job_wait(struct vmm_job *j, unsigned int timeout_ms)
{
	if (!sim_wait(atomic_load(&j->ended), timeout_ms))
		return SIM_JOB_RUNNING;
	pthread_join(j->thread, NULL);
	vmm_close(&j->v);
	return j->err;
}

/* --- the device --------------------------------------------------------------- */

/* The attributes of the simulator name functions without their domain */
static const char *without_domain(const char *bdf)
{
	return strchr(bdf, ':') + 1;
}

const char *sim_tdi(struct sim_device *d, const char *bdf)
{
	static __thread char buf[SIM_TEXT * 16];
	const char *name = without_domain(bdf);
	char *p;
	int err;

	err = sim_get(d, "tdi_states", buf, sizeof(buf));
	if (err)
		return strerror(-err);
	p = strstr(buf, name);
	if (!p)
		return "unlocked";
	p += strlen(name) + 1;
	p[strcspn(p, "\n")] = '\0';
	return p;
}

/* How often TDIs of the device went to ERROR for this reason, or -errno */
long sim_tdi_errors(struct sim_device *d, const char *cause)
{
	char buf[SIM_TEXT];
	char *p;
	int err;

	err = sim_get(d, "tdi_errors", buf, sizeof(buf));
	if (err)
		return err;
	p = strstr(buf, cause);
	return p ? strtol(p + strlen(cause), NULL, 10) : -ENOENT;
}

/* Has no TDI of the device gone to ERROR, for whatever reason? */
bool sim_tdi_unharmed(struct sim_device *d)
{
	char buf[SIM_TEXT], *p;

	if (sim_get(d, "tdi_errors", buf, sizeof(buf)))
		return false;
	for (p = buf; (p = strchr(p, ' ')); p++)
		if (strtol(p, NULL, 10))
			return false;
	return true;
}

int sim_tdi_error(struct sim_device *d, const char *bdf)
{
	return sim_set(d, "tdi_error", "%s", without_domain(bdf));
}

static int cfg_access(const char *bdf, unsigned int where, unsigned int size,
		      uint32_t *val, bool write)
{
	char path[SIM_PATH];
	ssize_t done;
	int fd, err;

	sim_pci_path(path, sizeof(path), bdf, "config");
	fd = open(path, (write ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = write ? pwrite(fd, val, size, where) :
		       pread(fd, val, size, where);
	err = done < 0 ? -errno : (size_t)done != size ? -EIO : 0;
	close(fd);
	return err;
}

int sim_cfg_read(const char *bdf, unsigned int where, unsigned int size,
		 uint32_t *val)
{
	*val = 0;
	return cfg_access(bdf, where, size, val, false);
}

/* Behind the kernel's back, as setpci does */
int sim_cfg_write(const char *bdf, unsigned int where, unsigned int size,
		  uint32_t val)
{
	return cfg_access(bdf, where, size, &val, true);
}

/* Offset of a capability, or -errno */
int sim_cfg_cap(const char *bdf, unsigned int id)
{
	uint32_t pos, hdr;
	int err;

	err = sim_cfg_read(bdf, 0x34, 1, &pos);
	while (!err && pos) {
		err = sim_cfg_read(bdf, pos, 2, &hdr);
		if (!err && (hdr & 0xff) == id)
			return pos;
		pos = hdr >> 8;
	}
	return err ?: -ENOENT;
}

int sim_cfg_ext_cap(const char *bdf, unsigned int id)
{
	uint32_t pos = PCI_EXT_CAP_START, hdr;
	int err = 0;

	while (!err && pos && pos < PCI_CFG_SIZE) {
		err = sim_cfg_read(bdf, pos, 4, &hdr);
		if (!err && (hdr & 0xffff) == id)
			return pos;
		pos = hdr >> 20;
	}
	return err ?: -ENOENT;
}

/* Function Level Reset, without the kernel's knowledge */
int sim_cfg_flr(const char *bdf)
{
	int pos = sim_cfg_cap(bdf, 0x10);
	uint32_t ctl;
	int err;

	if (pos < 0)
		return pos;
	err = sim_cfg_read(bdf, pos + 8, 2, &ctl);
	return err ?: sim_cfg_write(bdf, pos + 8, 2, ctl | 0x8000);
}

/*
 * Reset of physical function 0 by the kernel, in a way of its sysfs attribute
 * reset_method, or NULL: of all that is below its port
 */
int sim_reset(struct sim_device *d, const char *method)
{
	int err;

	if (!method)
		return sim_pci_write(d->port, "reset_subordinate", "1");
	err = sim_pci_write(d->bdf, "reset_method", method);
	return err ?: sim_pci_write(d->bdf, "reset", "1");
}

/* Where a BAR is, and how long it is: 0 if there is none */
int sim_bar(const char *bdf, unsigned int bar, unsigned long long *start,
	    unsigned long long *len)
{
	unsigned long long end, flags;
	char buf[SIM_TEXT * 4], *line, *rest;
	int err;

	err = sim_pci_read(bdf, "resource", buf, sizeof(buf));
	if (err)
		return err;
	line = strtok_r(buf, "\n", &rest);
	while (line && bar--)
		line = strtok_r(NULL, "\n", &rest);
	if (!line || sscanf(line, "%llx %llx %llx", start, &end, &flags) != 3)
		return -EBADMSG;
	*len = end ? end - *start + 1 : 0;
	return 0;
}

/* Enable virtual functions, or none */
int sim_vfs(struct sim_device *d, unsigned int nr)
{
	char val[16];
	int err;

	snprintf(val, sizeof(val), "%u", nr);
	err = sim_pci_driver(d->bdf, "pci-pf-stub");
	return err ?: sim_pci_write(d->bdf, "sriov_numvfs", val);
}

/* --- trace -------------------------------------------------------------------- */

int trace_begin(void)
{
	int err;

	if (!sim_exists(TRACEFS "/instances"))
		mount("none", TRACEFS, "tracefs", 0, NULL);
	rmdir(TRACE);
	if (mkdir(TRACE, 0755))
		return -errno;
	err = sim_write(TRACE "/events/pci_tsm/tsm_tdi_step/enable", "1");
	if (err)
		rmdir(TRACE);
	return err;
}

/* The same, and the ends of transfers of the DMA engines */
int trace_dma_begin(void)
{
	int err = trace_begin();

	return err ?: sim_write(TRACE "/events/tsm_sim/tsm_sim_dma/enable",
				"1");
}

void trace_end(void)
{
	sim_write(TRACE "/events/enable", "0");
	rmdir(TRACE);
}

/* To open it for truncation is what clears it */
static void trace_truncate(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

void trace_clear(void)
{
	trace_truncate(TRACE "/trace");
}

/*
 * What the core did with a function, in order, such as "gate lock report
 * ranges dma-prepare"; what failed has a ! behind it.
 */
const char *trace_steps(const char *bdf)
{
	static char steps[SIM_TEXT * 8];
	char line[SIM_TEXT], *p;
	size_t len = 0;
	FILE *f;

	steps[0] = '\0';
	f = fopen(TRACE "/trace", "r");
	if (!f)
		return strerror(errno);
	while (fgets(line, sizeof(line), f) && len < sizeof(steps)) {
		char fn[32], step[32];
		int rc;

		p = strstr(line, "tsm_tdi_step: ");
		if (!p || sscanf(p, "tsm_tdi_step: %31s %31s op %*u: %d", fn,
				 step, &rc) != 3 || strcmp(fn, bdf))
			continue;
		len += snprintf(steps + len, sizeof(steps) - len, "%s%s%s",
				len ? " " : "", step, rc ? "!" : "");
	}
	fclose(f);
	return steps;
}

/*
 * The transfers of a function that have ended, in order, such as "write T=1
 * moved=0 refused: T bit", with a semicolon between them.
 */
const char *trace_dma(const char *bdf)
{
	static char ends[SIM_TEXT * 2];
	char line[SIM_TEXT], *p;
	size_t len = 0;
	FILE *f;

	ends[0] = '\0';
	f = fopen(TRACE "/trace", "r");
	if (!f)
		return strerror(errno);
	while (fgets(line, sizeof(line), f) && len < sizeof(ends)) {
		unsigned int tee, moved;
		char fn[32], dir[8];
		int end = 0;

		p = strstr(line, "tsm_sim_dma: ");
		if (!p || sscanf(p, "tsm_sim_dma: %*s %31s %7s T=%u iova=%*s len=%*u moved=%u %n",
				 fn, dir, &tee, &moved, &end) != 4 || !end ||
		    strcmp(fn, without_domain(bdf)))
			continue;
		p += end;
		p[strcspn(p, "\n")] = '\0';
		len += snprintf(ends + len, sizeof(ends) - len,
				"%s%s T=%u moved=%u %s", len ? "; " : "", dir,
				tee, moved, p);
	}
	fclose(f);
	return ends;
}
