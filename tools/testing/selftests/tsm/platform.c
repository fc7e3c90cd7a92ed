// SPDX-License-Identifier: GPL-2.0-only
/*
 * A simulated function is as good as another to a userspace driver: it has an
 * IOMMU group, VFIO and iommufd take it, its DMA engine reaches what is mapped
 * and nothing else, its BARs are memory, and its interrupts arrive.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include "tsm_harness.h"
#include "tsm_vfio.h"

#define MMIO_PARAMETER	"/sys/module/tsm_sim/parameters/mmio"
#define IOMMU_DEVICES	"/sys/class/iommu/tsm-sim/devices"

#define IOVA		0x10000000ull
#define MEM_BYTES	0x10000
#define NR_VFS		2
#define NR_MSIX		8
#define MSIX_CAP	0x90

/* Long enough for a function that still moves bytes to be caught */
#define STILL_MS	100

/* Is there memory behind the BARs? */
static bool has_memory(void)
{
	char buf[64];

	return !sim_read(MMIO_PARAMETER, buf, sizeof(buf)) && buf[0];
}

/* The number of the function's IOMMU group, or -errno */
static int group_of(const char *bdf)
{
	char path[SIM_PATH], real[PATH_MAX];

	sim_pci_path(path, sizeof(path), bdf, "iommu_group");
	if (!realpath(path, real))
		return -errno;
	return atoi(strrchr(real, '/') + 1);
}

static int entries_of(const char *path)
{
	struct dirent *ent;
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		return -errno;
	while ((ent = readdir(dir)))
		n += ent->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void fill(uint8_t *mem, size_t len, uint8_t seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		mem[i] = seed + i + (i >> 8);
}

/* Memory that a device may write, or that is a device's: every access counts */
static uint8_t get8(const void *mem, size_t at)
{
	return __atomic_load_n((const uint8_t *)mem + at, __ATOMIC_RELAXED);
}

static void put8(void *mem, size_t at, uint8_t val)
{
	__atomic_store_n((uint8_t *)mem + at, val, __ATOMIC_RELAXED);
}

static uint32_t get32(const void *mem, size_t at)
{
	return __atomic_load_n((const uint32_t *)((const char *)mem + at), __ATOMIC_RELAXED);
}

static void put32(void *mem, size_t at, uint32_t val)
{
	__atomic_store_n((uint32_t *)((char *)mem + at), val, __ATOMIC_RELAXED);
}

/* What a function is in a test */
enum role {
	PF0,
	PF1,
	VF1,
};

/* A device with two physical and two virtual functions: the name of one of them */
static int function_name(struct sim_device *d, enum role role, char *bdf,
			 size_t size)
{
	int err;

	snprintf(bdf, size, "%s", d->bdf);
	if (role == PF1)
		bdf[strlen(bdf) - 1] = '1';
	if (role != VF1)
		return 0;
	err = sim_pci_driver(d->bdf, "pci-pf-stub");
	if (!err)
		err = sim_pci_write(d->bdf, "sriov_numvfs", "2");
	return err ? err : sim_pci_vf(d->bdf, 1, bdf, size);
}

static int build(struct sim *sim)
{
	int err;

	sim_sweep();
	err = sim_prepare(sim, "alpha", 1);
	if (!err)
		err = sim_set(&sim->d[0], "functions", "2");
	if (!err)
		err = sim_set(&sim->d[0], "total_vfs", "%d", NR_VFS);
	return err ? err : sim_up(sim);
}

/* --- groups --------------------------------------------------------------------- */

FIXTURE(groups)
{
	struct sim sim;
	struct sim_device *d;
};

FIXTURE_SETUP(groups)
{
	test_ok(build(&self->sim));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(groups)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
	EXPECT_EQ(0, entries_of(IOMMU_DEVICES));
}

TEST_F(groups, one_for_each_function)
{
	char bdf[3][32], path[SIM_PATH], buf[512];
	int group[3], i, k;

	for (i = PF0; i <= VF1; i++) {
		test_ok(function_name(self->d, i, bdf[i], sizeof(bdf[i])));
		group[i] = group_of(bdf[i]);
		ASSERT_LE(0, group[i]);
		for (k = 0; k < i; k++)
			ASSERT_NE(group[k], group[i]);

		snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices",
			 group[i]);
		ASSERT_EQ(1, entries_of(path));
		snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/reserved_regions",
			 group[i]);
		test_ok(sim_read(path, buf, sizeof(buf)));
		ASSERT_NE(NULL, strstr(buf, "0x00000000fee00000 0x00000000feefffff msi"));
		snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/type", group[i]);
		test_ok(sim_read(path, buf, sizeof(buf)));
		ASSERT_STREQ("DMA", buf);
	}
	/* Two physical and two virtual functions; the root port has no DMA */
	ASSERT_EQ(2 + NR_VFS, entries_of(IOMMU_DEVICES));
	ASSERT_EQ(-ENOENT, group_of(self->d->port));
}

/* They come and go with the function */
TEST_F(groups, come_and_go)
{
	char bdf[32];
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, group_of(self->d->bdf));
		test_ok(function_name(self->d, VF1, bdf, sizeof(bdf)));
		ASSERT_LE(0, group_of(bdf));
		test_ok(sim_pci_write(self->d->bdf, "sriov_numvfs", "0"));
		ASSERT_EQ(2, entries_of(IOMMU_DEVICES));
		test_ok(sim_pci_driver(self->d->bdf, NULL));
		test_ok(sim_pci_write(self->d->bdf, "remove", "1"));
		ASSERT_EQ(1, entries_of(IOMMU_DEVICES));
		test_ok(sim_pci_rescan(&self->sim.p));
		ASSERT_EQ(2, entries_of(IOMMU_DEVICES));
		test_ok(sim_power_cycle(&self->sim));
	}
}

/* --- DMA ------------------------------------------------------------------------ */

FIXTURE(dma)
{
	struct sim sim;
	struct sim_device *d;
	struct vfio_user user;
	char bdf[32];
	uint8_t *mem;
};

FIXTURE_VARIANT(dma)
{
	enum role role;
};

FIXTURE_VARIANT_ADD(dma, pf0) { .role = PF0 };
FIXTURE_VARIANT_ADD(dma, pf1) { .role = PF1 };
FIXTURE_VARIANT_ADD(dma, vf) { .role = VF1 };

FIXTURE_SETUP(dma)
{
	vfio_init(&self->user);
	test_ok(build(&self->sim));
	self->d = &self->sim.d[0];
	test_ok(function_name(self->d, variant->role, self->bdf, sizeof(self->bdf)));
	test_ok(sim_pci_driver(self->bdf, "vfio-pci"));
	test_ok(vfio_open(&self->user, self->bdf));
	test_ok(vfio_attach(&self->user));
	test_ok(vfio_set_master(&self->user, true));

	self->mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	test_ok(vfio_map(&self->user, self->mem, MEM_BYTES, IOVA, true));
}

FIXTURE_TEARDOWN(dma)
{
	vfio_close(&self->user);
	if (variant->role == VF1)
		EXPECT_EQ(0, sim_pci_write(self->d->bdf, "sriov_numvfs", "0"));
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
	munmap(self->mem, MEM_BYTES);
}

TEST_F(dma, out_and_back)
{
	static const struct {
		uint32_t from, offset, len, to;
	} moves[] = {
		{ 0, 0, DMA_BUF_BYTES, DMA_BUF_BYTES },
		{ 123, 77, 1000, 0x8001 },
		{ 0xffe, 0, 0x1003, 0x5fff },
		{ 0, DMA_BUF_BYTES - 1, 1, MEM_BYTES - 1 },
	};
	struct vfio_user *u = &self->user;
	uint8_t expect[MEM_BYTES];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		fill(self->mem, MEM_BYTES, i);
		memcpy(expect, self->mem, MEM_BYTES);
		memcpy(expect + moves[i].to, self->mem + moves[i].from, moves[i].len);
		ASSERT_EQ(DMA_OK, dma(u, DMA_IN, IOVA + moves[i].from, moves[i].offset,
				      moves[i].len));
		ASSERT_EQ(moves[i].len, dma_read(u, DMA_MOVED));
		ASSERT_EQ(DMA_OK, dma(u, DMA_OUT, IOVA + moves[i].to, moves[i].offset,
				      moves[i].len));
		ASSERT_EQ(0, memcmp(self->mem, expect, MEM_BYTES));
	}
	ASSERT_EQ(2 * ARRAY_SIZE(moves), sim_count(self->d, "dma_done"));
	ASSERT_EQ(0, sim_count(self->d, "dma_faults"));
	ASSERT_EQ(0, sim_count(self->d, "dma_refused"));
}

/* What is not mapped is not reached, and somebody counts it */
TEST_F(dma, faults)
{
	struct vfio_user *u = &self->user;
	long faults = 0;
	void *page;

	ASSERT_EQ(DMA_FAULT, dma(u, DMA_IN, IOVA - 1, 0, 1));
	ASSERT_EQ(++faults, sim_count(self->d, "dma_faults"));
	ASSERT_EQ(DMA_FAULT, dma(u, DMA_OUT, 0, 0, 1));
	ASSERT_EQ(++faults, sim_count(self->d, "dma_faults"));
	/* Up to the end of the mapping it was good */
	ASSERT_EQ(DMA_FAULT, dma(u, DMA_OUT, IOVA + MEM_BYTES - 5, 0, 10));
	ASSERT_EQ(5, dma_read(u, DMA_MOVED));
	ASSERT_EQ(++faults, sim_count(self->d, "dma_faults"));

	/* Read is not write */
	page = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	memset(page, 0x5a, 0x1000);
	test_ok(vfio_map(u, page, 0x1000, 2 * IOVA, false));
	ASSERT_EQ(DMA_OK, dma(u, DMA_IN, 2 * IOVA, 0, 0x1000));
	ASSERT_EQ(DMA_OK, dma(u, DMA_OUT, IOVA, 0, 0x1000));
	ASSERT_EQ(0, memcmp(self->mem, page, 0x1000));
	memset(self->mem, 0, 0x1000);
	ASSERT_EQ(DMA_OK, dma(u, DMA_IN, IOVA, 0, 0x1000));
	ASSERT_EQ(DMA_FAULT, dma(u, DMA_OUT, 2 * IOVA, 0, 0x1000));
	ASSERT_EQ(++faults, sim_count(self->d, "dma_faults"));
	ASSERT_EQ(0x5a, get8(page, 0));
	munmap(page, 0x1000);

	/* Interrupts are not memory, mapped or not */
	test_err(EINVAL, vfio_map(u, self->mem, 0x1000, 0xfee00000, true));
	ASSERT_EQ(DMA_FAULT, dma(u, DMA_OUT, 0xfee00000, 0, 4));
	ASSERT_EQ(++faults, sim_count(self->d, "dma_faults"));
}

TEST_F(dma, refused)
{
	struct vfio_user *u = &self->user;
	long refused = 0;

	memset(self->mem, 0xaa, MEM_BYTES);
	test_ok(vfio_set_master(u, false));
	ASSERT_EQ(DMA_NO_MASTER, dma(u, DMA_OUT, IOVA, 0, 1));
	ASSERT_EQ(++refused, sim_count(self->d, "dma_refused"));
	test_ok(vfio_set_master(u, true));
	/* A function that is not locked has no T bit to set */
	ASSERT_EQ(DMA_T_BIT, dma(u, DMA_OUT | DMA_TEE, IOVA, 0, 1));
	ASSERT_EQ(++refused, sim_count(self->d, "dma_refused"));
	ASSERT_EQ(DMA_INVALID, dma(u, DMA_OUT, IOVA, 1, DMA_BUF_BYTES));
	ASSERT_EQ(++refused, sim_count(self->d, "dma_refused"));
	ASSERT_EQ(0xaa, self->mem[0]);
	ASSERT_EQ(DMA_OK, dma(u, DMA_OUT, IOVA, 0, 1));
	ASSERT_EQ(0, self->mem[0]);
	ASSERT_EQ(0, sim_count(self->d, "dma_faults"));
}

/* Writes memory for ever, to show what stops it */
static int start_storm(struct sim_device *d, struct vfio_user *u)
{
	long before = sim_count(d, "dma_done");
	int err;

	err = dma_start(u, DMA_OUT | DMA_REPEAT, IOVA, 0, DMA_BUF_BYTES);
	if (err)
		return err;
	return sim_wait(sim_count(d, "dma_done") >= before + 3, DMA_TIMEOUT_MS) ?
	       0 : -ETIMEDOUT;
}

/* Nothing writes to @mem any more */
static bool is_still(uint8_t *mem)
{
	size_t i;

	for (i = 0; i < DMA_BUF_BYTES; i += 64)
		put8(mem, i, 0xaa);
	usleep(STILL_MS * 1000);
	for (i = 0; i < DMA_BUF_BYTES; i += 64)
		if (get8(mem, i) != 0xaa)
			return false;
	return true;
}

/* The memory is the user's own again as soon as unmap returns */
TEST_F(dma, unmap_stops_it)
{
	int i;

	for (i = 0; i < 5; i++) {
		test_ok(start_storm(self->d, &self->user));
		ASSERT_FALSE(is_still(self->mem));
		test_ok(vfio_unmap(&self->user, IOVA, MEM_BYTES));
		ASSERT_TRUE(is_still(self->mem));
		ASSERT_EQ(DMA_FAULT, dma_wait(&self->user));
		ASSERT_EQ(i + 1, sim_count(self->d, "dma_faults"));
		test_ok(vfio_map(&self->user, self->mem, MEM_BYTES, IOVA, true));
	}
}

TEST_F(dma, bus_master_stops_it)
{
	test_ok(start_storm(self->d, &self->user));
	test_ok(vfio_set_master(&self->user, false));
	ASSERT_EQ(DMA_NO_MASTER, dma_wait(&self->user));
	ASSERT_TRUE(is_still(self->mem));
	test_ok(vfio_set_master(&self->user, true));
	test_ok(start_storm(self->d, &self->user));
	test_ok(dma_write(&self->user, DMA_DOORBELL, DMA_ABORT));
	ASSERT_EQ(DMA_ABORTED, dma_wait(&self->user));
	ASSERT_TRUE(is_still(self->mem));
}

/* A user who is gone does not write memory, nor leave anything to the next */
TEST_F(dma, close_stops_it)
{
	struct vfio_user *u = &self->user;
	int i;

	fill(self->mem, MEM_BYTES, 1);
	ASSERT_EQ(DMA_OK, dma(u, DMA_IN, IOVA, 0, DMA_BUF_BYTES));
	test_ok(start_storm(self->d, u));
	vfio_close(u);
	ASSERT_TRUE(is_still(self->mem));

	test_ok(vfio_open(u, self->bdf));
	ASSERT_EQ(0, dma_read(u, DMA_STATUS));
	ASSERT_EQ(0, dma_read(u, DMA_LEN));
	test_ok(vfio_attach(u));
	test_ok(vfio_set_master(u, true));
	test_ok(vfio_map(u, self->mem, MEM_BYTES, IOVA, true));
	ASSERT_EQ(DMA_OK, dma(u, DMA_OUT, IOVA, 0, DMA_BUF_BYTES));
	for (i = 0; i < DMA_BUF_BYTES; i++)
		ASSERT_EQ(0, self->mem[i]);
}

/* The hardware goes away under a user whose device moves bytes */
TEST_F(dma, removal_stops_it)
{
	test_ok(start_storm(self->d, &self->user));
	test_ok(sim_set(self->d, "surprise_remove", "1"));
	ASSERT_TRUE(is_still(self->mem));
	vfio_close(&self->user);
	test_ok(sim_power_cycle(&self->sim));
	test_works(self->d);
}

/* --- BARs and interrupts -------------------------------------------------------- */

FIXTURE(mmio)
{
	struct sim sim;
	struct sim_device *d;
	struct vfio_user user[2];
	char bdf[2][32];
	int event[2][NR_MSIX];
};

FIXTURE_VARIANT(mmio)
{
	enum role role;
};

FIXTURE_VARIANT_ADD(mmio, pf0) { .role = PF0 };
FIXTURE_VARIANT_ADD(mmio, vf) { .role = VF1 };

/* The function of the variant, and PF1 beside it */
FIXTURE_SETUP(mmio)
{
	int i, k;

	for (i = 0; i < 2; i++) {
		vfio_init(&self->user[i]);
		for (k = 0; k < NR_MSIX; k++)
			self->event[i][k] = -1;
	}
	if (!has_memory())
		SKIP(return, "tsm_sim was loaded without mmio=\n");

	test_ok(build(&self->sim));
	self->d = &self->sim.d[0];
	for (i = 0; i < 2; i++) {
		struct vfio_user *u = &self->user[i];

		test_ok(function_name(self->d, i ? PF1 : variant->role, self->bdf[i],
				      sizeof(self->bdf[i])));
		test_ok(sim_pci_driver(self->bdf[i], "vfio-pci"));
		test_ok(vfio_open(u, self->bdf[i]));
		test_ok(vfio_attach(u));
		test_ok(vfio_set_master(u, true));
		for (k = 0; k < NR_MSIX; k++) {
			self->event[i][k] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
			ASSERT_LE(0, self->event[i][k]);
		}
	}
}

FIXTURE_TEARDOWN(mmio)
{
	int i, k;

	for (i = 0; i < 2; i++) {
		vfio_close(&self->user[i]);
		for (k = 0; k < NR_MSIX; k++)
			close(self->event[i][k]);
	}
	if (variant->role == VF1)
		EXPECT_EQ(0, sim_pci_write(self->d->bdf, "sriov_numvfs", "0"));
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

static void *map_bar(struct vfio_user *u, struct vfio_bar *bar)
{
	void *p = mmap(NULL, bar->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       u->device, bar->offset);

	return p == MAP_FAILED ? NULL : p;
}

/* Real memory: what one writes one reads, in either way, and nowhere else */
TEST_F(mmio, bars_are_memory)
{
	size_t expect[] = { 0x20000, 0, variant->role == VF1 ? 0 : 0x4000, 0, 0, 0 };
	struct vfio_user *u = &self->user[0];
	struct vfio_bar bar;
	uint32_t val;
	void *map;
	size_t i, at;

	for (i = 0; i < ARRAY_SIZE(expect); i++) {
		test_ok(vfio_bar(u, i, &bar));
		ASSERT_EQ(expect[i], bar.size);
		if (!bar.size)
			continue;
		ASSERT_TRUE(bar.mmap);
		map = map_bar(u, &bar);
		ASSERT_NE(NULL, map);
		/* The lower half of BAR 0: MSI-X is in the other one */
		for (at = 0; at < bar.size / 2; at += 0x1000) {
			ASSERT_EQ(0, get32(map, at));
			put32(map, at, at + i);
		}
		for (at = 0; at < bar.size / 2; at += 0x1000) {
			ASSERT_EQ(at + i, get32(map, at));
			ASSERT_EQ(4, pread(u->device, &val, 4, bar.offset + at));
			ASSERT_EQ(at + i, val);
		}
		munmap(map, bar.size);
	}

	/* PF1 beside it has memory of its own */
	test_ok(vfio_bar(&self->user[1], 0, &bar));
	map = map_bar(&self->user[1], &bar);
	ASSERT_NE(NULL, map);
	for (at = 0; at < bar.size / 2; at += 0x1000)
		ASSERT_EQ(0, get32(map, at));
	munmap(map, bar.size);
}

/* How often an eventfd was signalled, waiting for the first time if @wait */
static uint64_t signalled(int fd, bool wait)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	if (wait)
		poll(&p, 1, DMA_TIMEOUT_MS);
	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

/*
 * An interrupt at the end of a transfer. Nothing is mapped: it ends with a fault
 * at once, which is an end as good as any.
 */
static int ring(struct vfio_user *u, unsigned int vector)
{
	int result = dma(u, DMA_VECTOR(vector), 0, 0, 1);

	return result == DMA_FAULT ? 0 : -EIO;
}

TEST_F(mmio, interrupts_arrive)
{
	struct vfio_user *u = &self->user[0];
	long arrived = 0;
	int i, k;

	ASSERT_EQ(NR_MSIX, vfio_nr_msix(u));
	/* Not enabled yet */
	test_ok(ring(u, 0));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts_refused") == 1, PROMPT_MS));

	test_ok(vfio_enable_msix(u, self->event[0], NR_MSIX));
	for (i = 0; i < NR_MSIX; i++) {
		test_ok(ring(u, i));
		ASSERT_EQ(1, signalled(self->event[0][i], true));
		for (k = 0; k < NR_MSIX; k++)
			ASSERT_EQ(0, signalled(self->event[0][k], false));
		/* It is counted a moment after it has arrived */
		arrived++;
		ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts") == arrived, PROMPT_MS));
	}
	/* One that the function does not have */
	test_ok(ring(u, NR_MSIX));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts_refused") == 2, PROMPT_MS));

	/* Off and on again */
	test_ok(vfio_disable_msix(u));
	test_ok(ring(u, 0));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts_refused") == 3, PROMPT_MS));
	test_ok(vfio_enable_msix(u, self->event[0], NR_MSIX));
	test_ok(ring(u, NR_MSIX - 1));
	ASSERT_EQ(1, signalled(self->event[0][NR_MSIX - 1], true));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts") == arrived + 1, PROMPT_MS));
}

/* Where the capability says that table and pending bits are: both in BAR 0 */
static uint32_t msix_table(struct vfio_user *u)
{
	return vfio_config_read(u, MSIX_CAP + PCI_MSIX_TABLE, 4);
}

static uint32_t msix_pba(struct vfio_user *u)
{
	return vfio_config_read(u, MSIX_CAP + PCI_MSIX_PBA, 4);
}

/* Vectors that are masked in the table get pending; the message is not lost */
TEST_F(mmio, masked_interrupts_wait)
{
	struct vfio_user *u = &self->user[0];
	uint32_t control, pba = msix_pba(u);
	struct vfio_bar bar;
	void *map;

	ASSERT_EQ(0x10000, msix_table(u));
	ASSERT_EQ(0x18000, pba);
	test_ok(vfio_enable_msix(u, self->event[0], NR_MSIX));
	test_ok(vfio_bar(u, 0, &bar));
	map = map_bar(u, &bar);
	ASSERT_NE(NULL, map);

	control = msix_table(u) + 3 * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL;
	put32(map, control, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	test_ok(ring(u, 3));
	ASSERT_TRUE(sim_wait(get32(map, pba) == 1 << 3, PROMPT_MS));
	usleep(STILL_MS * 1000);
	ASSERT_EQ(0, signalled(self->event[0][3], false));
	put32(map, control, 0);
	ASSERT_EQ(1, signalled(self->event[0][3], true));
	ASSERT_TRUE(sim_wait(!get32(map, pba), PROMPT_MS));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts") == 1, PROMPT_MS));
	munmap(map, bar.size);
}

/*
 * A user may write the table as it likes, and gets no interrupt out of it but
 * its own: that is what lets VFIO trust it with DMA at all.
 */
TEST_F(mmio, interrupts_are_isolated)
{
	struct vfio_bar bar[2];
	uint32_t addr, data, i;
	void *map[2];

	for (i = 0; i < 2; i++) {
		test_ok(vfio_enable_msix(&self->user[i], self->event[i], NR_MSIX));
		test_ok(vfio_bar(&self->user[i], 0, &bar[i]));
		map[i] = map_bar(&self->user[i], &bar[i]);
		ASSERT_NE(NULL, map[i]);
	}
	addr = msix_table(&self->user[0]) + PCI_MSIX_ENTRY_LOWER_ADDR;
	data = msix_table(&self->user[0]) + PCI_MSIX_ENTRY_DATA;
	ASSERT_NE(get32(map[1], data), get32(map[0], data));

	/* Theirs, one that nobody has, and something else altogether */
	put32(map[0], data, get32(map[1], data));
	test_ok(ring(&self->user[0], 0));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts_refused") == 1, PROMPT_MS));
	put32(map[0], data, UINT32_MAX);
	test_ok(ring(&self->user[0], 0));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts_refused") == 2, PROMPT_MS));
	put32(map[0], addr, 0x1000);
	test_ok(ring(&self->user[0], 0));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts_refused") == 3, PROMPT_MS));
	for (i = 0; i < NR_MSIX; i++)
		ASSERT_EQ(0, signalled(self->event[1][i], false));
	ASSERT_EQ(0, sim_count(self->d, "interrupts"));

	/* The others are not hurt */
	test_ok(ring(&self->user[0], 1));
	ASSERT_EQ(1, signalled(self->event[0][1], true));
	test_ok(ring(&self->user[1], 0));
	ASSERT_EQ(1, signalled(self->event[1][0], true));
	for (i = 0; i < 2; i++)
		munmap(map[i], bar[i].size);
}

/* --- without memory ------------------------------------------------------------- */

FIXTURE(bare)
{
	struct sim sim;
	struct sim_device *d;
	struct vfio_user user;
	uint8_t *mem;
};

FIXTURE_SETUP(bare)
{
	vfio_init(&self->user);
	if (sim_module_builtin())
		SKIP(return, "tsm_sim is built in\n");
	sim_sweep();
	test_ok(sim_module_unload());
	test_ok(sim_module_load_with("mmio=0,0"));
	test_ok(build(&self->sim));
	self->d = &self->sim.d[0];
	self->mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(bare)
{
	vfio_close(&self->user);
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
	EXPECT_EQ(0, sim_module_unload());
	EXPECT_EQ(0, sim_module_load());
	munmap(self->mem, MEM_BYTES);
}

/* No memory behind the BARs: no MSI-X, and all the rest as ever */
TEST_F(bare, works)
{
	struct vfio_user *u = &self->user;

	ASSERT_FALSE(has_memory());
	test_works(self->d);
	test_ok(sim_pci_driver(self->d->bdf, "vfio-pci"));
	test_ok(vfio_open(u, self->d->bdf));
	ASSERT_EQ(0, vfio_nr_msix(u));
	test_ok(vfio_attach(u));
	test_ok(vfio_set_master(u, true));
	fill(self->mem, 0x1000, 7);
	test_ok(vfio_map(u, self->mem, MEM_BYTES, IOVA, true));
	ASSERT_EQ(DMA_OK, dma(u, DMA_IN, IOVA, 0, 0x1000));
	ASSERT_EQ(DMA_OK, dma(u, DMA_OUT | DMA_VECTOR(0), IOVA + 0x1000, 0, 0x1000));
	ASSERT_EQ(0, memcmp(self->mem, self->mem + 0x1000, 0x1000));
	ASSERT_TRUE(sim_wait(sim_count(self->d, "interrupts_refused") == 1, PROMPT_MS));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
