// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it takes to take a BAR away from those who have mapped it by a dma-buf: by
 * how many pages a guest has it, how large they are, and how many importers there
 * are. A revoke is what VFIO's user causes by disabling the function's memory.
 *
 * Prints tables for people and "BENCH key=value" lines for programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "tsm_guest.h"
#include "tsm_window.h"

/* In the guest, a multiple of any page */
#define WHERE		0x40000000ul
#define FEW		512
#define MANY		32768
#define NR_GIANT	64
#define NR_IMPORTERS	8
#define NR_ROUNDS	11
/* To map as many pages takes a while each time */
#define NR_LONG_ROUNDS	3

/* Of the simulated function */
#define BAR0_BYTES	0x20000
#define IOVA		0x10000000ul

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "kvm_bench: %s: %s\n", what, strerror(-err));
	exit(KSFT_FAIL);
}

static void must_be(bool what, const char *name)
{
	must(what ? 0 : -EBADE, name);
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
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

static double revoke_us(struct vfio_user *u)
{
	double start_us = now_us(), us;

	must(vfio_set_memory(u, false), "revoke");
	us = now_us() - start_us;
	must(vfio_set_memory(u, true), "return");
	return us;
}

/* --- pages of a guest -------------------------------------------------------------- */

static struct window window;
static struct vm vm;
static struct guest guest;

/* Take away so many pages of a size, which the guest has all of, or none of */
static double pages_us(const char *size, uint64_t gpa, uint64_t bytes, long nr,
		       bool present, unsigned int rounds)
{
	double us[NR_ROUNDS];
	unsigned int i;
	int buf;

	buf = vfio_dma_buf(&window.u, SHARED_MEMORY_BAR, 0, window.bar.size);
	must(buf < 0 ? buf : 0, "dma-buf");
	must(guest_region(vm.fd, GUEST_SLOT, gpa, bytes, buf, 0), "memslot");
	close(buf);
	for (i = 0; i < rounds; i++) {
		if (present) {
			must(guest_prefault(&guest, gpa, bytes), "prefault");
			must_be(window_pages(&vm, size) == nr, "pages");
		}
		us[i] = revoke_us(&window.u);
		must_be(window_pages(&vm, size) == 0, "no pages");
	}
	must(guest_forget(vm.fd, GUEST_SLOT), "memslot");
	return median(us, rounds);
}

/* Not where they would be larger, and as many as the region has */
static double large_us(long nr, bool present)
{
	return pages_us("2m", WHERE + LARGE, nr * LARGE, nr, present,
			nr > FEW ? NR_LONG_ROUNDS : NR_ROUNDS);
}

static double giant_us(long nr)
{
	return pages_us("1g", WHERE, nr * GIANT, nr, true, NR_ROUNDS);
}

static void bench_pages(void)
{
	double none_us, few_us, many_us, one_us, all_us;

	must(window_open(&window), "window");
	must(window.bar.size < MANY * LARGE ? -ENOSPC : 0, "size of the BAR");
	must(vm_create(&vm, VM_PLAIN), "VM");
	must(guest_open(&guest, vm.fd), "guest");

	large_us(FEW, true);
	none_us = large_us(FEW, false);
	few_us = large_us(FEW, true);
	many_us = large_us(MANY, true);
	one_us = giant_us(1);
	all_us = giant_us(NR_GIANT);
	printf("take a BAR from a guest that has it by\n"
	       "  no page                       %8.0f us\n"
	       "  %5u pages of 2 MiB          %8.0f us\n"
	       "  %5u pages of 2 MiB          %8.0f us\n"
	       "  %5u page  of 1 GiB          %8.0f us\n"
	       "  %5u pages of 1 GiB          %8.0f us\n\n",
	       none_us, FEW, few_us, MANY, many_us, 1, one_us, NR_GIANT, all_us);
	printf("BENCH revoke_us=%.0f\n", one_us);
	printf("BENCH revoke_per_entry_ratio=%.2f\n",
	       (many_us - none_us) / MANY / ((few_us - none_us) / FEW));
	printf("BENCH revoke_64_leaf_ratio=%.2f\n", all_us / one_us);

	guest_close(&guest);
	vm_close(&vm);
	must(window_close(&window), "window");
}

/* --- importers ----------------------------------------------------------------------- */

static struct sim_platform platform;
static struct sim_device device;
static struct host vmm;
static struct assigned *dev;

static void import(int buf, uint64_t iova)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = dev->u.ioas,
		.fd = buf,
		.length = BAR0_BYTES,
		.iova = iova,
	};

	must(ioctl(dev->u.iommufd, IOMMU_IOAS_MAP_FILE, &map) ? -errno : 0,
	     "map a dma-buf");
}

/* All have all of BAR0: so many memslots and areas of an IOAS */
static double importers_us(unsigned int slots, unsigned int areas)
{
	double us[NR_ROUNDS];
	unsigned int i, n;
	int buf;

	buf = vfio_dma_buf(&dev->u, 0, 0, BAR0_BYTES);
	must(buf < 0 ? buf : 0, "dma-buf");
	for (n = 0; n < slots; n++)
		must(guest_region(vmm.vm.fd, GUEST_SLOT + n, WHERE + n * LARGE,
				  BAR0_BYTES, buf, 0), "memslot");
	for (i = 0; i < NR_ROUNDS; i++) {
		for (n = 0; n < slots; n++)
			must(guest_prefault(&guest, WHERE + n * LARGE,
					    BAR0_BYTES), "prefault");
		for (n = 0; n < areas; n++)
			import(buf, IOVA + n * LARGE);
		us[i] = revoke_us(&dev->u);
		/* what was revoked is empty for good */
		for (n = 0; n < areas; n++)
			must(vfio_unmap(&dev->u, IOVA + n * LARGE, BAR0_BYTES),
			     "unmap");
	}
	for (n = 0; n < slots; n++)
		must(guest_forget(vmm.vm.fd, GUEST_SLOT + n), "memslot");
	close(buf);
	return median(us, NR_ROUNDS);
}

static void bench_importers(void)
{
	double one_us, all_us;

	must(sim_platform_create(&platform, "bench"), "platform");
	must(sim_device_create(&device, &platform, "d0"), "device");
	must(sim_platform_live(&platform, true), "live");
	must(sim_device_names(&device), "names");
	must(host_open(&vmm, VM_PLAIN), "VMM");
	must(host_add_alone(&vmm, device.bdf, &dev), "open");
	must(vfio_attach(&dev->u), "IOAS");
	must(vfio_set_memory(&dev->u, true), "memory");
	must(guest_open(&guest, vmm.vm.fd), "guest");

	importers_us(1, 0);
	one_us = importers_us(1, 0);
	all_us = importers_us(NR_IMPORTERS / 2, NR_IMPORTERS / 2);
	printf("take a BAR of %u pages from\n"
	       "  a memslot                     %8.0f us\n"
	       "  %u memslots, %u areas of an IOAS %6.0f us\n\n",
	       BAR0_BYTES / 0x1000, one_us, NR_IMPORTERS / 2, NR_IMPORTERS / 2,
	       all_us);
	printf("BENCH revoke_importers_ratio=%.2f\n", all_us / one_us);

	guest_close(&guest);
	host_close(&vmm);
	must(sim_platform_destroy(&platform), "teardown");
}

int main(void)
{
	int ready = sim_require();

	if (ready)
		return ready;
	sim_sweep();
	bench_importers();
	fflush(stdout);
	bench_pages();
	return KSFT_PASS;
}
