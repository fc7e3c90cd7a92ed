// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM pays at iommufd: a request that asks nobody against an old query of
 * the same device, by one thread and by two at two devices; and a bind with its
 * unbind where there is one vDEVICE and where there are 256.
 *
 * Prints tables for people and "BENCH key=value" lines for programs.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tsm_iommufd.h"
#include "tsm_tdi.h"

#define NR_VFS		256
#define NR_CALLS	5000
#define NR_ROUNDS	41
#define NR_BINDS	40

static struct sim_platform platform;
static struct sim_device device;
static struct host vmm;
static struct assigned vf[NR_VFS];

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "bind_bench: %s: %s\n", what, strerror(-err));
	exit(KSFT_FAIL);
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static int smaller(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t nr)
{
	qsort(v, nr, sizeof(*v), smaller);
	return v[nr / 2];
}

/* What a call costs when nothing else wants the processors */
static double least(const double *v, size_t nr)
{
	double min = v[0];

	while (nr--)
		min = v[nr] < min ? v[nr] : min;
	return min;
}

/* --- the scene ------------------------------------------------------------------- */

static void build(void)
{
	struct rlimit files = { 4096, 4096 };

	must(setrlimit(RLIMIT_NOFILE, &files) ? -errno : 0, "file limit");
	must(sim_platform_create(&platform, "bench"), "platform");
	must(sim_device_create(&device, &platform, "d0"), "device");
	must(sim_set(&device, "total_vfs", "%u", NR_VFS), "VFs");
	must(sim_platform_live(&platform, true), "live");
	must(sim_device_names(&device), "names");
	must(sim_connect(&device), "connect");
	must(sim_vfs(&device, NR_VFS), "VFs");
	must(host_open(&vmm, VM_CONFIDENTIAL), "VMM");
}

/* Open a VF, for the VM, and make it a vDEVICE */
static void assign(unsigned int n)
{
	struct assigned *dev = &vf[n];

	must(sim_pci_vf(device.bdf, n, dev->bdf, sizeof(dev->bdf)), "name");
	must(sim_pci_driver(dev->bdf, "vfio-pci"), "vfio-pci");
	must(vfio_open_cdev(&dev->u, dev->bdf), "open");
	must(vm_add_device(&vmm.vm, &dev->u), "list");
	must(vfio_bind(&dev->u, vmm.iommufd), "bind to iommufd");
	if (!vmm.viommu)
		must(host_viommu(&vmm, dev), "vIOMMU");
	must(host_vdevice(&vmm, dev, n + 1), "vDEVICE");
}

static void strike(unsigned int nr)
{
	while (nr--)
		host_close_device(&vmm, &vf[nr]);
	host_close(&vmm);
	must(sim_platform_destroy(&platform), "teardown");
}

/* --- calls ----------------------------------------------------------------------- */

typedef int (*call_fn)(struct assigned *dev);

static int ask_state(struct assigned *dev)
{
	struct tsm_tdi_state_resp state;

	return cmd_tdi_state(vmm.iommufd, dev->vdevice, TSM_ARCH_SIM, &state);
}

static int ask_iommu(struct assigned *dev)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev->u.dev_id,
	};

	return ioctl(vmm.iommufd, IOMMU_GET_HW_INFO, &cmd) ? -errno : 0;
}

/* Nanoseconds of one call, made many times */
static double call_ns(call_fn fn, struct assigned *dev)
{
	long long start_ns = now_ns();
	unsigned int i;

	for (i = 0; i < NR_CALLS; i++)
		must(fn(dev), "call");
	return (double)(now_ns() - start_ns) / NR_CALLS;
}

struct worker {
	pthread_t thread;
	call_fn fn;
	struct assigned *dev;
	pthread_barrier_t *begin;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(w->begin);
	call_ns(w->fn, w->dev);
	return NULL;
}

/* The same of two threads that do so at two devices */
static double two_ns(call_fn fn)
{
	struct worker worker[2];
	pthread_barrier_t begin;
	long long start_ns;
	unsigned int i;

	pthread_barrier_init(&begin, NULL, 3);
	for (i = 0; i < 2; i++) {
		worker[i] = (struct worker) {
			.fn = fn, .dev = &vf[i], .begin = &begin,
		};
		must(-pthread_create(&worker[i].thread, NULL, work, &worker[i]),
		     "thread");
	}
	pthread_barrier_wait(&begin);
	start_ns = now_ns();
	for (i = 0; i < 2; i++)
		pthread_join(worker[i].thread, NULL);
	pthread_barrier_destroy(&begin);
	return (double)(now_ns() - start_ns) / (2 * NR_CALLS);
}

/*
 * One and the other in turns, in rounds so short that some of each are left alone:
 * two threads need both processors, and whoever else runs takes more from them.
 */
static void bench_calls(void)
{
	double req[NR_ROUNDS], info[NR_ROUNDS], req2[NR_ROUNDS], info2[NR_ROUNDS];
	double req_ns, info_ns, req2_ns, info2_ns;
	unsigned int i;

	call_ns(ask_state, &vf[0]);
	call_ns(ask_iommu, &vf[0]);
	for (i = 0; i < NR_ROUNDS; i++) {
		req[i] = call_ns(ask_state, &vf[0]);
		info[i] = call_ns(ask_iommu, &vf[0]);
		req2[i] = two_ns(ask_state);
		info2[i] = two_ns(ask_iommu);
	}
	req_ns = least(req, NR_ROUNDS);
	info_ns = least(info, NR_ROUNDS);
	req2_ns = least(req2, NR_ROUNDS);
	info2_ns = least(info2, NR_ROUNDS);
	printf("one call at iommufd              one thread  two threads, each\n"
	       "  IOMMU_GET_HW_INFO             %8.0f ns %8.0f ns\n"
	       "  IOMMU_VDEVICE_TSM_REQ (state) %8.0f ns %8.0f ns\n\n",
	       info_ns, info2_ns, req_ns, req2_ns);
	printf("BENCH tsm_req_ioctl_ns=%.0f\n", req_ns);
	printf("BENCH tsm_req_ioctl_ratio=%.2f\n", req_ns / info_ns);
	printf("BENCH tsm_req_two_thread_vs_yardstick=%.2f\n\n",
	       (req_ns / req2_ns) / (info_ns / info2_ns));
}

/* --- bind and unbind ---------------------------------------------------------------- */

static double bind_us(void)
{
	static double us[NR_BINDS];
	unsigned int i;

	for (i = 0; i < NR_BINDS; i++) {
		long long start_ns = now_ns();

		must(cmd_bind(vmm.iommufd, vf[0].vdevice, NULL), "bind");
		must(cmd_unbind(vmm.iommufd, vf[0].vdevice, NULL), "unbind");
		us[i] = (now_ns() - start_ns) / 1000.;
	}
	return median(us, NR_BINDS);
}

int main(void)
{
	int ready = sim_require();
	double one_us, many_us;
	unsigned int i;

	if (ready)
		return ready;
	sim_sweep();
	build();
	assign(0);
	bind_us();
	one_us = bind_us();
	assign(1);
	bench_calls();
	fflush(stdout);

	for (i = 2; i < NR_VFS; i++)
		assign(i);
	bind_us();
	many_us = bind_us();
	printf("bind and unbind a vDEVICE\n"
	       "  of one                        %8.0f us\n"
	       "  of %u                        %8.0f us\n\n",
	       one_us, NR_VFS, many_us);
	printf("BENCH bind_us=%.0f\n", one_us);
	printf("BENCH bind_256_vdevices_ratio=%.2f\n", many_us / one_us);
	strike(NR_VFS);
	return KSFT_PASS;
}
