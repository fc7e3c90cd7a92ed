// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TDIs cost: how long a guest's request takes, alone and while four other
 * devices connect over and over, each with two seconds of latency; the life of a
 * TDI where there is one and where there are 256; and memory of the core.
 *
 * Prints tables for people and "BENCH key=value" lines for programs.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tsm_tdi.h"

#define NR_OTHERS	4
#define OTHERS_MS	2000
#define NR_REQUESTS	1000
#define NR_VFS		256
#define CREATED_VFS	16	/* of which the memory is counted */

#define TRACEFS		"/sys/kernel/tracing"
#define TRACE		TRACEFS "/instances/tdi_bench"
#define KMEM		TRACE "/events/kmem"

static struct sim_platform platform;
static struct sim_device device[1 + NR_OTHERS];
static struct vmm vmm;

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "tdi_bench: %s: %s\n", what, strerror(-err));
	vmm_close(&vmm);
	sim_sweep();
	exit(KSFT_FAIL);
}

static void build(unsigned int devices, unsigned int vfs)
{
	unsigned int i;
	char name[16];

	must(sim_platform_create(&platform, "bench"), "platform");
	for (i = 0; i < devices; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		must(sim_device_create(&device[i], &platform, name), "device");
	}
	must(sim_set(&device[0], "total_vfs", "%u", vfs), "virtual functions");
	must(sim_platform_live(&platform, true), "live");
	for (i = 0; i < devices; i++)
		must(sim_device_names(&device[i]), "names");
	must(sim_connect(&device[0]), "connect");
	must(vmm_open(&vmm), "consumer");
	must(vmm_cmd(&vmm, "vm vm0"), "VM");
}

static void strike(void)
{
	vmm_close(&vmm);
	must(sim_platform_destroy(&platform), "teardown");
}

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ll + ts.tv_nsec / 1000;
}

static int smaller(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

/* --- requests --------------------------------------------------------------- */

struct latency {
	long long p50_us;
	long long p99_us;
};

/* A request that asks the device, and makes digests of what the TSM has */
static struct latency measure_requests(void)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	static long long us[NR_REQUESTS];
	struct tsm_sim_tdi_info info;
	unsigned int i;

	for (i = 0; i < NR_REQUESTS; i++) {
		size_t len = sizeof(info);
		long long start_us = now_us();

		must(vmm_req(&vmm, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg),
			     &info, &len), "request");
		us[i] = now_us() - start_us;
	}
	qsort(us, NR_REQUESTS, sizeof(us[0]), smaller);
	return (struct latency) {
		.p50_us = us[NR_REQUESTS / 2],
		.p99_us = us[NR_REQUESTS * 99 / 100],
	};
}

/* Connect and disconnect until killed */
static pid_t connect_for_ever(struct sim_device *d)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (sim_connect(d) || sim_disconnect(d))
			_exit(1);
	}
}

static void bench_requests(void)
{
	struct latency alone, beside;
	long messages, before[NR_OTHERS];
	pid_t pid[NR_OTHERS];
	unsigned int i;

	build(1 + NR_OTHERS, 0);
	messages = sim_count(&device[0], "messages");
	must(vmm_create(&vmm, "t", device[0].bdf, "vm0", 1, NULL), "create");
	must(vmm_run(&vmm, "t"), "run");
	measure_requests();
	alone = measure_requests();

	for (i = 0; i < NR_OTHERS; i++) {
		must(sim_set(&device[1 + i], "latency_ms", "%ld",
			     OTHERS_MS / messages), "latency");
		before[i] = sim_count(&device[1 + i], "messages");
		pid[i] = connect_for_ever(&device[1 + i]);
	}
	for (i = 0; i < NR_OTHERS; i++)
		if (!sim_conversing(&device[1 + i], before[i], 2, 60000))
			must(-ETIMEDOUT, "other devices");
	beside = measure_requests();
	for (i = 0; i < NR_OTHERS; i++) {
		int status;

		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
		/* One that ended before was not there to be measured against */
		if (!WIFSIGNALED(status))
			must(-ECHILD, "other devices");
	}
	strike();

	printf("request of a guest, %u times         p50        p99\n"
	       "  alone                         %7lld us %7lld us\n"
	       "  beside %u devices that connect %7lld us %7lld us\n\n",
	       NR_REQUESTS, alone.p50_us, alone.p99_us, NR_OTHERS,
	       beside.p50_us, beside.p99_us);
	printf("BENCH guest_req_p50_us=%lld\n", alone.p50_us);
	printf("BENCH guest_req_p99_us=%lld\n", alone.p99_us);
	printf("BENCH guest_req_p50_ratio=%.2f\n",
	       (double)beside.p50_us / alone.p50_us);
	printf("BENCH guest_req_p99_ratio=%.2f\n\n",
	       (double)beside.p99_us / alone.p99_us);
}

/* --- the life of a TDI --------------------------------------------------------- */

static char vf[NR_VFS][32];

/* All of them create, lock, stop, destroy: microseconds for each */
static long long cycle_us(unsigned int nr)
{
	long long start_us;
	unsigned int i;
	char name[16];

	start_us = now_us();
	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		must(vmm_create(&vmm, name, vf[i], "vm0", i, NULL), "create");
	}
	for (i = 0; i < nr; i++)
		must(vmm_cmd(&vmm, "lock t%u", i), "lock");
	for (i = 0; i < nr; i++)
		must(vmm_cmd(&vmm, "stop t%u", i), "stop");
	for (i = 0; i < nr; i++)
		must(vmm_cmd(&vmm, "destroy t%u", i), "destroy");
	return (now_us() - start_us) / nr;
}

static void bench_cycle(void)
{
	long long one_us, many_us;
	unsigned int i;

	build(1, NR_VFS);
	must(sim_vfs(&device[0], 1), "virtual function");
	must(sim_pci_vf(device[0].bdf, 0, vf[0], sizeof(vf[0])), "name");
	cycle_us(1);
	for (i = 0, one_us = 0; i < NR_VFS; i++)
		one_us += cycle_us(1);
	one_us /= NR_VFS;

	must(sim_vfs(&device[0], 0), "no virtual function");
	must(sim_vfs(&device[0], NR_VFS), "virtual functions");
	for (i = 0; i < NR_VFS; i++)
		must(sim_pci_vf(device[0].bdf, i, vf[i], sizeof(vf[i])),
		     "name");
	cycle_us(1);
	many_us = cycle_us(NR_VFS);
	strike();

	printf("create, lock, stop, destroy\n"
	       "  one TDI                       %7lld us\n"
	       "  each of %u                   %7lld us\n\n",
	       one_us, NR_VFS, many_us);
	printf("BENCH tdi_cycle_us=%lld\n", one_us);
	printf("BENCH tdi_cycle_256_ratio=%.2f\n\n", (double)many_us / one_us);
}

/* --- memory ----------------------------------------------------------------------- */

static void kmem_begin(void)
{
	static const char * const events[] = {
		"kmalloc", "kmem_cache_alloc", "kfree", "kmem_cache_free",
	};
	char path[SIM_PATH], filter[64];
	unsigned int i;

	if (!sim_exists(TRACEFS "/instances"))
		mount("none", TRACEFS, "tracefs", 0, NULL);
	rmdir(TRACE);
	if (mkdir(TRACE, 0755))
		must(-errno, "trace");
	must(sim_write(TRACE "/buffer_size_kb", "16384"), "trace buffer");
	/* Who frees memory does not matter, who allocates it does */
	snprintf(filter, sizeof(filter), "common_pid == %ld",
		 (long)syscall(SYS_gettid));
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		if (i < 2) {
			snprintf(path, sizeof(path), KMEM "/%s/filter",
				 events[i]);
			must(sim_write(path, filter), "trace filter");
		}
		snprintf(path, sizeof(path), KMEM "/%s/enable", events[i]);
		must(sim_write(path, "1"), "trace event");
	}
}

struct allocation {
	char ptr[32];
	unsigned long bytes;
	bool core;
};

/*
 * The core's: its own functions allocate it, or those of sysfs for its
 * attributes; and the context of a function, which is what the core wants a TSM
 * to have.
 */
static bool of_the_core(const char *site)
{
	static const char * const sites[] = {
		"pci_tdi_", "tsm_", "pci_tsm_", "sysfs_", "__kernfs_",
		"kernfs_", "internal_create_group", "sim_link_probe_function",
	};
	size_t i;

	if (strstr(site, "[tsm_sim]") && !strstr(site, "sim_link_probe_fun"))
		return false;
	for (i = 0; i < ARRAY_SIZE(sites); i++)
		if (!strncmp(site, sites[i], strlen(sites[i])))
			return true;
	return false;
}

/* Bytes that were allocated since kmem_begin() for the core and are in use */
static unsigned long kmem_end(void)
{
	static struct allocation a[100000];
	unsigned long bytes = 0;
	size_t nr = 0, i;
	char line[1024];
	FILE *f;

	sim_write(TRACE "/tracing_on", "0");
	f = fopen(TRACE "/trace", "r");
	if (!f)
		must(-errno, "trace");
	while (fgets(line, sizeof(line), f)) {
		char *site = strstr(line, "call_site="), *ptr, *size;
		bool frees = strstr(line, ": kfree: ") ||
			     strstr(line, ": kmem_cache_free: ");

		ptr = strstr(line, " ptr=");
		if (!site || !ptr)
			continue;
		ptr += strlen(" ptr=");
		if (frees) {
			ptr[strcspn(ptr, "\n ")] = '\0';
			for (i = nr; i--;)
				if (!strcmp(a[i].ptr, ptr)) {
					a[i] = a[--nr];
					break;
				}
			continue;
		}
		size = strstr(ptr, "bytes_alloc=");
		if (!size)
			continue;
		if (nr == ARRAY_SIZE(a))
			must(-E2BIG, "trace");
		a[nr].bytes = strtoul(size + strlen("bytes_alloc="), NULL, 10);
		a[nr].core = of_the_core(site + strlen("call_site="));
		ptr[strcspn(ptr, "\n ")] = '\0';
		snprintf(a[nr].ptr, sizeof(a[nr].ptr), "%s", ptr);
		nr++;
	}
	fclose(f);
	rmdir(TRACE);
	for (i = 0; i < nr; i++)
		if (a[i].core)
			bytes += a[i].bytes;
	return bytes;
}

/* What a connect leaves behind when there are @vfs virtual functions */
static unsigned long connect_bytes(unsigned int vfs)
{
	unsigned long bytes;

	must(sim_vfs(&device[0], vfs), "virtual functions");
	must(sim_connect(&device[0]), "connect");
	must(sim_disconnect(&device[0]), "disconnect");
	kmem_begin();
	must(sim_connect(&device[0]), "connect");
	bytes = kmem_end();
	must(sim_disconnect(&device[0]), "disconnect");
	must(sim_vfs(&device[0], 0), "no virtual functions");
	return bytes;
}

static void bench_memory(void)
{
	unsigned long per_function, per_tdi, none;
	unsigned int i;
	char name[16];

	build(1, CREATED_VFS);
	must(sim_disconnect(&device[0]), "disconnect");
	none = connect_bytes(0);
	per_function = (connect_bytes(CREATED_VFS) - none) / CREATED_VFS;

	must(sim_vfs(&device[0], CREATED_VFS), "virtual functions");
	must(sim_connect(&device[0]), "connect");
	for (i = 0; i < CREATED_VFS; i++)
		must(sim_pci_vf(device[0].bdf, i, vf[i], sizeof(vf[i])),
		     "name");
	kmem_begin();
	for (i = 0; i < CREATED_VFS; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		must(vmm_create(&vmm, name, vf[i], "vm0", i, NULL), "create");
	}
	per_tdi = kmem_end() / CREATED_VFS;
	strike();

	printf("memory of the core\n"
	       "  function of a connected device %6lu bytes\n"
	       "  TDI                            %6lu bytes\n\n",
	       per_function, per_tdi);
	printf("BENCH core_bytes_per_function=%lu\n", per_function);
	printf("BENCH core_bytes_per_tdi=%lu\n", per_tdi);
}

int main(void)
{
	int ready = sim_require();

	if (ready)
		return ready;
	sim_sweep();
	bench_requests();
	fflush(stdout);
	bench_cycle();
	fflush(stdout);
	bench_memory();
	return KSFT_PASS;
}
