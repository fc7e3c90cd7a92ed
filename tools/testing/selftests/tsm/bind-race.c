// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads at the same TDI, for every pair of what a VMM can do to it, what
 * closes it, and what its host does to the connection below. Each call ends as
 * it may; in the end everybody agrees on the state, and all works.
 *
 * TSM_RACE_MS in the environment is how long each pair runs (100), TSM_RACE_STRIDE
 * which of the pairs do: one of so many (7), spread so that each action has its turn.
 */
#include "tsm_machine.h"

#define VIRT_ID		0x10
/* IDs of objects are given out in order: those that a device may have next */
#define GUESSES		8

/**
 * struct race - a TDI that threads do things to
 * @m: the machine
 * @h: the VMM; of its two functions the second is the TDI
 * @d: the device
 * @files: only one at a time opens and closes
 * @dev_id: what the function is called at present, or will be
 * @vdevice: the vDEVICE that somebody made, or 0
 * @stop: the threads are to end
 */
struct race {
	struct machine m;
	struct host h;
	struct sim_device *d;
	pthread_mutex_t files;
	atomic_uint dev_id;
	atomic_uint vdevice;
	atomic_bool stop;
};

FIXTURE(race)
{
	struct race r;
};

FIXTURE_SETUP(race)
{
	host_init(&self->r.h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	pthread_mutex_init(&self->r.files, NULL);
	test_ok(machine_build(&self->r.m, 1));
	self->r.d = self->r.m.s.d;
	test_ok(host_open(&self->r.h, VM_CONFIDENTIAL));
	/* A second function keeps the vIOMMU's device alive */
	test_ok(host_add(&self->r.h, self->r.m.bdf[1], NULL));
	test_ok(host_viommu(&self->r.h, &self->r.h.dev[0]));
	test_ok(host_add(&self->r.h, self->r.m.bdf[0], NULL));
	self->r.dev_id = self->r.h.dev[1].u.dev_id;
}

FIXTURE_TEARDOWN(race)
{
	host_close(&self->r.h);
	EXPECT_EQ(0, machine_strike(&self->r.m));
}

/* --- what a thread does, over and over -------------------------------------------- */

static int do_bind(struct race *r)
{
	return cmd_bind(r->h.iommufd, r->vdevice, NULL);
}

static int do_unbind(struct race *r)
{
	return cmd_unbind(r->h.iommufd, r->vdevice, NULL);
}

static int do_start(struct race *r)
{
	return cmd_op(r->h.iommufd, r->vdevice, TSM_ARCH_SIM, TSM_OP_START);
}

static int do_enable_dma(struct race *r)
{
	return cmd_op(r->h.iommufd, r->vdevice, TSM_ARCH_SIM, TSM_OP_ENABLE_DMA);
}

static int do_state(struct race *r)
{
	struct tsm_tdi_state_resp state;
	int err = cmd_tdi_state(r->h.iommufd, r->vdevice, TSM_ARCH_SIM, &state);

	/* None but these is ever seen */
	if (!err && (state.state > TSM_TDI_ERROR ||
		     state.flags & ~TSM_TDI_DEAD))
		return -EPROTO;
	return err;
}

static int do_read(struct race *r)
{
	struct tsm_read_object req = { .type = TSM_OBJECT_CERTIFICATE_CHAIN };
	uint8_t buf[512];
	size_t len = sizeof(buf);

	return cmd_request(r->h.iommufd, r->vdevice, TSM_ARCH_SIM,
			   TSM_OP_READ_OBJECT, &req, sizeof(req), buf, &len);
}

static int do_hw_info(struct race *r)
{
	struct iommu_hw_info_tsm info;

	return cmd_hw_info(r->h.iommufd, r->dev_id, &info);
}

static int do_vdevice(struct race *r)
{
	uint32_t id = atomic_exchange(&r->vdevice, 0);
	int err;

	if (id)
		return cmd_destroy(r->h.iommufd, id);
	err = cmd_vdevice_alloc(r->h.iommufd, r->h.viommu, r->dev_id, VIRT_ID,
				&id);
	if (!err)
		r->vdevice = id;
	return err;
}

static int do_viommu(struct race *r)
{
	uint32_t id;
	int err;

	err = cmd_viommu_alloc(r->h.iommufd, r->dev_id,
			       IOMMU_VIOMMU_TYPE_TSM_SIM, r->h.vm.fd, &id);
	return err ?: cmd_destroy(r->h.iommufd, id);
}

static int do_queue(struct race *r)
{
	uint32_t id;
	int fd, err;

	err = cmd_veventq_alloc(r->h.iommufd, r->h.viommu,
				IOMMU_VEVENTQ_TYPE_TSM, 2, &id, &fd);
	if (err)
		return err;
	close(fd);
	return cmd_destroy(r->h.iommufd, id);
}

/*
 * Close the device and open it again, while others guess what it is called: it
 * can be found as soon as it is bound to iommufd, which is before it is open
 */
static int do_files(struct race *r)
{
	struct assigned *dev = &r->h.dev[1];
	uint32_t id;
	int err;

	pthread_mutex_lock(&r->files);
	host_close_device(&r->h, dev);
	err = vfio_open_cdev(&dev->u, r->m.bdf[0]);
	err = err ?: vm_add_device(&r->h.vm, &dev->u);
	/* Guessed right by others, who get no further than they should */
	r->dev_id += 1;
	err = err ?: vfio_bind(&dev->u, r->h.iommufd);
	if (!err) {
		r->dev_id = dev->u.dev_id;
		if (!cmd_vdevice_alloc(r->h.iommufd, r->h.viommu, r->dev_id,
				       VIRT_ID, &id))
			r->vdevice = id;
	}
	pthread_mutex_unlock(&r->files);
	return err;
}

static int do_guess(struct race *r)
{
	uint32_t first = r->dev_id, i, id;

	for (i = 0; i < GUESSES; i++) {
		int err = cmd_vdevice_alloc(r->h.iommufd, r->h.viommu, first + i,
					    VIRT_ID, &id);

		if (err)
			continue;
		cmd_bind(r->h.iommufd, id, NULL);
		cmd_destroy(r->h.iommufd, id);
		return 0;
	}
	return -ENOENT;
}

static int do_error(struct race *r)
{
	return sim_tdi_error(r->d, r->m.bdf[0]);
}

static int do_connection(struct race *r)
{
	int err = sim_disconnect(r->d);

	return err ?: sim_connect(r->d);
}

static int do_tsm(struct race *r)
{
	struct sim_platform *p = r->d->platform;
	int err;

	err = sim_platform_set(p, "tsm", "0");
	err = err ?: sim_platform_set(p, "tsm", "1");
	return err;
}

/*
 * Those that find things as they need them only now and then are lucky: a TDI that
 * is locked, a device without TDIs, the right number. Of any two others, or one and
 * one of these, at least one gets something done.
 */
static const struct {
	const char *name;
	int (*fn)(struct race *r);
	bool lucky;
} actions[] = {
	{ "bind", do_bind },
	{ "unbind", do_unbind },
	{ "start", do_start, .lucky = true },
	{ "enable-dma", do_enable_dma, .lucky = true },
	{ "state", do_state },
	{ "read-object", do_read },
	{ "hw-info", do_hw_info },
	{ "vdevice", do_vdevice },
	{ "viommu", do_viommu },
	{ "queue", do_queue },
	{ "files", do_files },
	{ "guess", do_guess, .lucky = true },
	{ "error", do_error, .lucky = true },
	{ "connection", do_connection, .lucky = true },
	{ "tsm", do_tsm },
};

/* How any of this may end. What says anything else is broken. */
static bool may_end_so(int err)
{
	switch (-err) {
	case 0:
	case EBUSY:
	case EEXIST:
	case EINVAL:
	case ENODEV:
	case ENOENT:
	case ENOTCONN:
	case ENXIO:
	case EIO:	/* a device's, that goes to ERROR while it is spoken to */
	case EPERM:	/* the simulator's, to two who unregister its TSM */
		return true;
	}
	return false;
}

/* --- two of them --------------------------------------------------------------------- */

struct runner {
	pthread_t thread;
	struct race *r;
	unsigned int action;
	unsigned long calls;
	unsigned long good;
	long long slowest_ms;
	int wrong;
};

static void *run(void *arg)
{
	struct runner *runner = arg;

	while (!runner->r->stop) {
		long long ms = sim_now_ms();
		int err = actions[runner->action].fn(runner->r);

		ms = sim_now_ms() - ms;
		if (ms > runner->slowest_ms)
			runner->slowest_ms = ms;
		runner->calls++;
		runner->good += !err;
		if (!may_end_so(err) && !runner->wrong)
			runner->wrong = err;
	}
	return NULL;
}

/* The TSM is there, the device connected, open and a vDEVICE, UNLOCKED */
static void test_settle(struct __test_metadata *_metadata, struct race *r)
{
	struct assigned *dev = &r->h.dev[1];
	uint32_t i;
	char tsm[32];

	/* EPERM if it is there already */
	sim_platform_set(r->d->platform, "tsm", "1");
	test_ok(sim_platform_name(r->d->platform));
	test_ok(sim_pci_read(r->d->bdf, "tsm/connect", tsm, sizeof(tsm)));
	if (!tsm[0])
		test_connect(r->d);
	if (dev->u.device < 0)
		test_ok(do_files(r));
	/* Whoever was the last to make one, maybe nobody knows it */
	if (r->vdevice)
		cmd_destroy(r->h.iommufd, r->vdevice);
	r->vdevice = 0;
	dev->vdevice = 0;
	if (cmd_vdevice_alloc(r->h.iommufd, r->h.viommu, dev->u.dev_id, VIRT_ID,
			      &dev->vdevice)) {
		test_ok(do_files(r));
		if (r->vdevice)
			dev->vdevice = r->vdevice;
		else
			test_ok(host_vdevice(&r->h, dev, VIRT_ID));
	}
	for (i = 0; i < 2; i++) {
		test_ok(host_run(&r->h, dev));
		test_tdi(&r->h, dev, "RUN");
		test_device(r->d, dev->bdf, "run");
		test_cmd_unbind(r->h.iommufd, dev->vdevice, NULL);
		test_device(r->d, dev->bdf, "unlocked");
	}
	r->dev_id = dev->u.dev_id;
	r->vdevice = dev->vdevice;
}

static void test_pair(struct __test_metadata *_metadata, struct race *r,
		      unsigned int a, unsigned int b, unsigned long *good)
{
	const char *env = getenv("TSM_RACE_MS");
	unsigned int ms = env ? atoi(env) : 100, i;
	struct runner runner[2] = {
		{ .r = r, .action = a }, { .r = r, .action = b },
	};

	r->stop = false;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&runner[i].thread, NULL, run,
					    &runner[i]));
	usleep(ms * 1000);
	r->stop = true;
	for (i = 0; i < 2; i++) {
		pthread_join(runner[i].thread, NULL);
		ASSERT_EQ(0, runner[i].wrong) {
			TH_LOG("%s, beside %s", actions[runner[i].action].name,
			       actions[runner[!i].action].name);
		}
		ASSERT_LT(0, runner[i].calls);
		/* Nobody waits for long, least of all who closes the device */
		ASSERT_GT(CONVERSATION_MS, runner[i].slowest_ms);
		good[runner[i].action] += runner[i].good;
	}
	/* Nor do they keep each other from everything */
	if (!actions[a].lucky || !actions[b].lucky)
		ASSERT_LT(0, runner[0].good + runner[1].good) {
			TH_LOG("%s beside %s: none of %lu and %lu calls",
			       actions[a].name, actions[b].name,
			       runner[0].calls, runner[1].calls);
		}
	test_settle(_metadata, r);
}

TEST_F_TIMEOUT(race, pairs, 1800)
{
	const char *env = getenv("TSM_RACE_STRIDE");
	unsigned int stride = env ? atoi(env) : 7, a, b;
	unsigned long good[ARRAY_SIZE(actions)] = { };

	ASSERT_LT(0, stride);
	self->r.vdevice = 0;
	test_settle(_metadata, &self->r);
	for (a = 0; a < ARRAY_SIZE(actions); a++)
		for (b = a; b < ARRAY_SIZE(actions); b++)
			if (!((a + 2 * b) % stride))
				test_pair(_metadata, &self->r, a, b, good);
	/* Each has met somebody beside whom it works; other strides need not */
	for (a = 0; a < ARRAY_SIZE(actions); a++) {
		if (!env && !actions[a].lucky)
			EXPECT_LT(0, good[a]) {
				TH_LOG("%s never got anything done",
				       actions[a].name);
			}
	}
}

/* All of them */
TEST_F_TIMEOUT(race, everybody, 600)
{
	struct runner runner[ARRAY_SIZE(actions)] = { };
	unsigned int i;

	test_settle(_metadata, &self->r);
	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		runner[i].r = &self->r;
		runner[i].action = i;
		ASSERT_EQ(0, pthread_create(&runner[i].thread, NULL, run,
					    &runner[i]));
	}
	usleep(5000000);
	self->r.stop = true;
	for (i = 0; i < ARRAY_SIZE(actions); i++)
		pthread_join(runner[i].thread, NULL);
	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		TH_LOG("%-12s %6lu calls, %6lu good", actions[i].name,
		       runner[i].calls, runner[i].good);
		EXPECT_EQ(0, runner[i].wrong) {
			TH_LOG("%s: %s", actions[i].name,
			       strerror(-runner[i].wrong));
		}
		EXPECT_LT(0, runner[i].calls);
		EXPECT_GT(CONVERSATION_MS, runner[i].slowest_ms);
	}
	test_settle(_metadata, &self->r);
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
