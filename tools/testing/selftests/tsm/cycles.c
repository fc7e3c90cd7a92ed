// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connecting and disconnecting for a long time leaves memory, stream ids and
 * the simulator where they were. TSM_CYCLES in the environment sets how often.
 */
#include <dirent.h>

#include "tsm_harness.h"

#define DEFAULT_CYCLES	50
#define WARM_UP_CYCLES	5
#define MAX_CACHES	512
#define SETTLE_MS	20000

/**
 * struct slab_cache - objects of one cache in use
 * @name: of the cache
 * @objects: in use
 * @size: of an object in bytes
 */
struct slab_cache {
	char name[64];
	long objects;
	long size;
};

/**
 * struct footprint - what a leak would change
 * @cache: slab caches
 * @nr: how many
 * @vmalloc_kb: memory in vmalloc areas
 * @pages_kb: memory that somebody took as pages, for no purpose that the kernel
 *	      counts
 * @streams: IDE streams that the host bridge has left
 */
struct footprint {
	struct slab_cache cache[MAX_CACHES];
	int nr;
	long vmalloc_kb;
	long pages_kb;
	long streams;
};

static long meminfo_kb(const char *what)
{
	char line[128];
	long kb = -1;
	FILE *f;

	f = fopen("/proc/meminfo", "r");
	if (!f)
		return -1;
	while (kb < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)) &&
		    line[strlen(what)] == ':')
			kb = strtol(line + strlen(what) + 1, NULL, 10);
	fclose(f);
	return kb;
}

/*
 * Free pages of all zones in KiB, those in the processors' lists included: these
 * hold megabytes, and MemFree does not have them. Counters of the processors are
 * summed up first, for this and for what /proc/meminfo says.
 */
static long free_kb(void)
{
	long pages = 0, nr;
	char line[128];
	FILE *f;

	sim_write("/proc/sys/vm/stat_refresh", "1");
	f = fopen("/proc/zoneinfo", "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " nr_free_pages %ld", &nr) == 1 ||
		    sscanf(line, " count: %ld", &nr) == 1)
			pages += nr;
	fclose(f);
	return pages * (getpagesize() / 1024);
}

/*
 * What KASAN and kmemleak keep of each stack trace that they ever saw: pools of
 * four pages, which are never given back. 0 without them.
 */
static long stack_depot_kb(void)
{
	char buf[512];
	long pools;

	if (sim_read("/sys/kernel/debug/stackdepot/stats", buf, sizeof(buf)) ||
	    sscanf(buf, "pools: %ld", &pools) != 1)
		return 0;
	return pools * 4 * (getpagesize() / 1024);
}

/*
 * Memory in pages that no other figure accounts for. A slab that is only partly
 * used, a page of a file or a thread's stack is no leak of pages, and so is not
 * what the kernel's own checkers remember.
 */
static long pages_kb(void)
{
	static const char * const counted[] = {
		"Buffers", "Cached", "AnonPages", "Slab", "KernelStack",
		"PageTables", "SecPageTables", "VmallocUsed", "Percpu",
	};
	unsigned int i;
	long kb;

	kb = -free_kb();
	kb += meminfo_kb("MemTotal") - stack_depot_kb();
	for (i = 0; i < ARRAY_SIZE(counted); i++) {
		long part = meminfo_kb(counted[i]);

		kb -= part > 0 ? part : 0;
	}
	return kb;
}

static long slab_number(const char *cache, const char *attr)
{
	char path[SIM_PATH], buf[256];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s", cache, attr);
	return sim_read(path, buf, sizeof(buf)) ? 0 : strtol(buf, NULL, 10);
}

/*
 * Give back what is free already and kept only for later: page cache and
 * dentries of the files that the test itself read, and each cache's reserve.
 * With KASAN, shrinking a cache also empties its part of the quarantine, in
 * which freed objects still count as used.
 */
static void drop_reserves(void)
{
	char path[SIM_PATH + 300];
	struct dirent *ent;
	DIR *dir;

	sim_write("/proc/sys/vm/drop_caches", "3");
	dir = opendir("/sys/kernel/slab");
	if (!dir)
		return;
	while ((ent = readdir(dir))) {
		if (ent->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
			 ent->d_name);
		sim_write(path, "1");
	}
	closedir(dir);
}

static void take_footprint(struct footprint *fp, struct sim_platform *p)
{
	struct dirent *ent;
	DIR *dir;

	drop_reserves();
	memset(fp, 0, sizeof(*fp));
	dir = opendir("/sys/kernel/slab");
	while (dir && (ent = readdir(dir)) && fp->nr < MAX_CACHES) {
		struct slab_cache *c = &fp->cache[fp->nr];

		/* Aliases of merged caches are links to the one behind them */
		if (ent->d_name[0] == '.' || ent->d_type == DT_LNK)
			continue;
		snprintf(c->name, sizeof(c->name), "%.63s", ent->d_name);
		c->objects = slab_number(c->name, "objects");
		c->size = slab_number(c->name, "object_size");
		fp->nr++;
	}
	if (dir)
		closedir(dir);
	fp->vmalloc_kb = meminfo_kb("VmallocUsed");
	fp->pages_kb = pages_kb();
	fp->streams = sim_streams_available(p);
}

static long objects_before(const struct footprint *before,
			   const struct slab_cache *c)
{
	int i;

	for (i = 0; i < before->nr; i++)
		if (!strcmp(before->cache[i].name, c->name))
			return before->cache[i].objects;
	return 0;
}

/*
 * A leak of one object a cycle adds as many objects as there were cycles to one
 * cache. What else grows is the machine's own, such as a worker thread that was
 * started, and does not grow with the cycles. The counts are exact when caches
 * keep no reserves for each processor (slab_debug=F).
 */
#define NOISE_OBJECTS	16
#define MIN_CYCLES	40

/* The checkers' notes about objects of other caches: a leak is seen there */
static bool notes(const struct slab_cache *c)
{
	return !strcmp(c->name, "kmemleak_object") ||
	       !strcmp(c->name, "kmemleak_scan_area") ||
	       !strcmp(c->name, "debug_objects_cache");
}

/* The cache that grew, and by how much; 0 if none did */
static long grown(const struct footprint *before, const struct footprint *after,
		  const char **name)
{
	int i;

	for (i = 0; i < after->nr; i++) {
		const struct slab_cache *c = &after->cache[i];
		long more = c->objects - objects_before(before, c);

		if (more > NOISE_OBJECTS && !notes(c)) {
			*name = c->name;
			return more;
		}
	}
	*name = "";
	return 0;
}

static int cycles_wanted(void)
{
	const char *env = getenv("TSM_CYCLES");

	int cycles = env ? atoi(env) : DEFAULT_CYCLES;

	return cycles < MIN_CYCLES ? MIN_CYCLES : cycles;
}

FIXTURE(cycles)
{
	struct sim sim;
	struct sim_device *d;
	struct footprint before;
	int cycles;
};

FIXTURE_SETUP(cycles)
{
	self->cycles = cycles_wanted();
	ASSERT_LT(0, self->cycles);
	ASSERT_TRUE(sim_exists("/sys/kernel/slab"));
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(cycles)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/* Freed by RCU and workers: a leak stays, everything else goes in a while */
static long settle(struct footprint *after, const struct footprint *before,
		   struct sim_platform *p, const char **name)
{
	long long end_ms = sim_now_ms() + SETTLE_MS;
	long more;

	do {
		take_footprint(after, p);
		more = grown(before, after, name);
	} while (more && sim_now_ms() < end_ms);
	return more;
}

static void test_footprint(struct __test_metadata *_metadata,
			   const struct footprint *before, struct sim_device *d,
			   int cycles)
{
	struct footprint after;
	const char *name;
	long more;

	more = settle(&after, before, d->platform, &name);
	EXPECT_EQ(0, more) {
		TH_LOG("%s grew by %ld objects in %d cycles", name, more,
		       cycles);
	}
	/* One vmalloc area a cycle is at least 8 KiB, with its guard page */
	EXPECT_GE(before->vmalloc_kb + 8 * cycles / 2, after.vmalloc_kb);
	/* One page a cycle is at least 4 KiB a cycle */
	EXPECT_GE(before->pages_kb + 4 * cycles / 2, after.pages_kb);
	EXPECT_EQ(before->streams, after.streams);
	test_idle(d);
	TH_LOG("%d cycles: pages %+ld KiB, vmalloc %+ld KiB", cycles,
	       after.pages_kb - before->pages_kb,
	       after.vmalloc_kb - before->vmalloc_kb);
}

/* As long as it takes: the harness kills a cycle that hangs, see below */
#define CYCLE_MS 30000

/* Somebody waits for the end of a thousand */
static void show_progress(struct __test_metadata *_metadata, int i)
{
	if (i % 100 == 99)
		TH_LOG("%d cycles", i + 1);
}

static void test_cycles(struct __test_metadata *_metadata, struct sim_device *d,
			int cycles)
{
	int i;

	for (i = 0; i < cycles; i++) {
		long long start_ms = sim_now_ms();

		test_connect(d);
		test_disconnect(d);
		ASSERT_GT(CYCLE_MS, sim_now_ms() - start_ms);
		show_progress(_metadata, i);
	}
}

TEST_F_TIMEOUT(cycles, connect_and_disconnect, 7200)
{
	long messages;

	test_cycles(_metadata, self->d, WARM_UP_CYCLES);
	test_idle(self->d);
	/* Twice: to take it costs something the first time */
	take_footprint(&self->before, &self->sim.p);
	take_footprint(&self->before, &self->sim.p);
	messages = sim_count(self->d, "messages");

	test_cycles(_metadata, self->d, self->cycles);

	/* Each cycle is the same conversation */
	messages = sim_count(self->d, "messages") - messages;
	ASSERT_LT(0, messages);
	ASSERT_EQ(0, messages % self->cycles);
	test_footprint(_metadata, &self->before, self->d, self->cycles);
}

/* A connect that fails late has the most to clean up */
TEST_F_TIMEOUT(cycles, fail_late, 7200)
{
	int i;

	self->cycles = self->cycles / 3;
	if (self->cycles < MIN_CYCLES)
		self->cycles = MIN_CYCLES;
	test_ok(sim_set(self->d, "fault", "never-secure"));
	for (i = 0; i < WARM_UP_CYCLES; i++)
		test_err_connect(ENXIO, self->d);
	take_footprint(&self->before, &self->sim.p);
	take_footprint(&self->before, &self->sim.p);

	for (i = 0; i < self->cycles; i++) {
		test_err_connect(ENXIO, self->d);
		show_progress(_metadata, i);
	}
	test_footprint(_metadata, &self->before, self->d, self->cycles);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
