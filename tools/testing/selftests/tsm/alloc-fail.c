// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of a writer's connect and disconnect fails in turn, and every
 * one of a VMM that creates a TDI and brings it to RUN and back: nothing leaks,
 * the device is as it was, and the next one works.
 *
 * The injection is per task, so the device's side and the mailbox's worker do
 * not fail.
 */
#include "tsm_fail.h"
#include "tsm_harness.h"

/*
 * Write @val with allocation @nth failing. @left tells how far it came: the
 * write alone runs under injection, opening the file does not.
 */
static int write_failing(struct injection *in, const char *bdf,
			 const char *attr, const char *val, unsigned int nth,
			 long *left)
{
	char path[SIM_PATH];
	ssize_t ret;
	int fd, err;

	sim_pci_path(path, sizeof(path), bdf, attr);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	err = injection_set(in, nth);
	if (!err) {
		ret = write(fd, val, strlen(val));
		err = ret < 0 ? -errno : 0;
		*left = injection_left(in);
		injection_set(in, 0);
	}
	close(fd);
	return err;
}

FIXTURE(alloc_fail)
{
	struct sim sim;
	struct sim_device *d;
	struct injection in;
	long available;
};

FIXTURE_SETUP(alloc_fail)
{
	int err = injection_open(&self->in);

	if (err == -ENOENT)
		SKIP(return, "no fault injection in this kernel");
	test_ok(err);

	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
	self->available = sim_streams_available(&self->sim.p);
}

FIXTURE_TEARDOWN(alloc_fail)
{
	injection_set(&self->in, 0);
	close(self->in.fd);
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/*
 * A driver's probe() that has no memory can say no more than that it does not
 * want the device: ENXIO. An IDE stream id that cannot be stored counts as taken
 * in pci_ide_stream_register(): EBUSY.
 */
static bool lack_of_memory(int err)
{
	return err == -ENOMEM || err == -ENXIO || err == -EBUSY;
}

TEST_F_TIMEOUT(alloc_fail, connect, 3600)
{
	const char *tsm = self->sim.p.tsm;
	unsigned int points, nth, failed = 0;
	long left;

	/* Warm up, then count */
	test_works(self->d);
	test_ok(write_failing(&self->in, self->d->bdf, "tsm/connect", tsm,
			      COUNT_ONLY, &left));
	points = COUNT_ONLY - left;
	ASSERT_LT(5, points);
	test_disconnect(self->d);
	TH_LOG("connect: %u allocations", points);

	for (nth = 1; nth <= points; nth = next_point(nth, points)) {
		int err = write_failing(&self->in, self->d->bdf, "tsm/connect",
					tsm, nth, &left);

		/* Some allocations may fail without harm, to the caller */
		if (err) {
			failed++;
			EXPECT_EQ(0, left);
			EXPECT_TRUE(lack_of_memory(err)) {
				TH_LOG("allocation %u of %u: %s", nth, points,
				       strerror(-err));
			}
			ASSERT_STREQ(SIM_STATE_IDLE, sim_state(self->d)) {
				TH_LOG("allocation %u of %u", nth, points);
			}
			ASSERT_EQ(self->available,
				  sim_streams_available(&self->sim.p));
		} else {
			test_connected(self->d);
			test_disconnect(self->d);
		}
	}
	ASSERT_LT(0, failed);
	test_works(self->d);
}

/*
 * Disconnect succeeds whatever fails on the way. Only sysfs may fail before it
 * begins, for want of a buffer for what is written; nothing has happened then.
 */
TEST_F_TIMEOUT(alloc_fail, disconnect, 3600)
{
	const char *tsm = self->sim.p.tsm;
	unsigned int points, nth, refused = 0;
	char buf[64];
	long left;

	test_works(self->d);
	test_connect(self->d);
	test_ok(write_failing(&self->in, self->d->bdf, "tsm/disconnect", tsm,
			      COUNT_ONLY, &left));
	points = COUNT_ONLY - left;
	TH_LOG("disconnect: %u allocations", points);
	test_idle(self->d);

	for (nth = 1; nth <= points; nth = next_point(nth, points)) {
		int err;

		test_connect(self->d);
		err = write_failing(&self->in, self->d->bdf, "tsm/disconnect",
				    tsm, nth, &left);
		if (err) {
			refused++;
			ASSERT_TRUE(lack_of_memory(err));
			test_connected(self->d);
			test_disconnect(self->d);
			continue;
		}
		test_ok(sim_pci_read(self->d->bdf, "tsm/connect", buf,
				     sizeof(buf)));
		ASSERT_STREQ("", buf);
		test_ok(sim_get(self->d, "ide_state", buf, sizeof(buf)));
		ASSERT_STREQ("insecure insecure", buf);
		ASSERT_EQ(self->available,
			  sim_streams_available(&self->sim.p));
	}
	ASSERT_GE(1, refused);
	test_works(self->d);
}

/* --- TDIs --------------------------------------------------------------------- */

FIXTURE(tdi_fail)
{
	struct scene s;
	struct injection in;
};

FIXTURE_SETUP(tdi_fail)
{
	int err = injection_open(&self->in);

	if (err == -ENOENT)
		SKIP(return, "no fault injection in this kernel");
	test_ok(err);

	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(tdi_fail)
{
	injection_set(&self->in, 0);
	close(self->in.fd);
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* What is done under injection, one after the other */
static const char * const life[] = {
	"viommu w bdf=%s vm=vm0",
	"create t bdf=%s vm=vm0 rid=7 viommu=w",
	"lock t",
	"req t op=1 hex=0000100000000000001000000000000000000000000000000000000000000000",
	"req t op=3",
	"run t",
	"req t op=6 resp=8 hex=02000000000000001111111111111111111111111111111111111111111111111111111111111111",
	"req t op=5 resp=4096 hex=02000000000000000000000000000000",
	"req t op=9 resp=4096 hex=0100000000000000",
	"stop t",
	"destroy t",
	"viommu-put w",
};

/*
 * A life with allocation @nth failing, or none that happens. What fails is told
 * by @at; the rest is not tried then. @left is how many were left.
 */
static int live(struct injection *in, struct vmm *v, const char *bdf,
		unsigned int nth, unsigned int *at, long *left)
{
	int err;

	err = injection_set(in, nth);
	for (*at = 0; !err && *at < ARRAY_SIZE(life); ++*at) {
		char cmd[SIM_TEXT];

		snprintf(cmd, sizeof(cmd), life[*at], bdf);
		err = vmm_cmd(v, "%s", cmd);
		if (err)
			break;
	}
	*left = injection_left(in);
	injection_set(in, 0);
	return err;
}

/* What a life that ended early has left */
static void test_bury(struct __test_metadata *_metadata, struct vmm *v)
{
	/* To be lost for lack of memory is not an end */
	if (vmm_cmd(v, "state t") != -ENOENT) {
		ASSERT_EQ(NULL, strstr(v->answer, "QUAR"));
		test_cmd(v, "stop t");
		test_cmd(v, "destroy t");
	}
	vmm_cmd(v, "viommu-put w");
}

/*
 * Memory that is short in the middle of an exchange costs the device its SPDM
 * session, as both ends no longer agree on its records. Nothing can be said to
 * the device until it is connected anew.
 */
static bool session_lost(int err)
{
	return err == -ENOTCONN || err == -EIO;
}

/*
 * A device that could not be told to stop was parted from its VM by other means,
 * and goes on to take itself for locked. Its state ends with its session, in
 * ERROR; the next lock begins with the stop that it has not heard of.
 */
static void test_recover(struct __test_metadata *_metadata, struct scene *s)
{
	const char *vf = s->vf[0];
	struct vmm *v = &s->v;
	int err;

	test_ok(vmm_create(v, "t", vf, "vm0", 7, NULL));
	err = vmm_cmd(v, "lock t");
	test_bury(_metadata, v);
	if (!err)
		return;

	ASSERT_TRUE(session_lost(err));
	test_disconnect(s->d);
	test_connect(s->d);
	ASSERT_STREQ("error", sim_tdi(s->d, vf));
	test_ok(vmm_create(v, "t", vf, "vm0", 7, NULL));
	test_cmd(v, "lock t");
	test_bury(_metadata, v);
}

TEST_F_TIMEOUT(tdi_fail, create_to_destroy, 3600)
{
	const char *vf = self->s.vf[0];
	struct vmm *v = &self->s.v;
	unsigned int points, nth, at, failed = 0;
	long left;

	/* Warm up, then count */
	test_ok(live(&self->in, v, vf, COUNT_ONLY, &at, &left));
	test_ok(live(&self->in, v, vf, COUNT_ONLY, &at, &left));
	points = COUNT_ONLY - left;
	ASSERT_LT(20, points);
	TH_LOG("from create to destroy: %u allocations", points);

	for (nth = 1; nth <= points; nth = next_point(nth, points)) {
		int err = live(&self->in, v, vf, nth, &at, &left);

		if (left && session_lost(err)) {
			test_bury(_metadata, v);
			test_disconnect(self->s.d);
			test_connect(self->s.d);
			err = live(&self->in, v, vf, nth, &at, &left);
		}
		if (err) {
			failed++;
			EXPECT_EQ(0, left);
			ASSERT_EQ(-ENOMEM, err) {
				TH_LOG("allocation %u of %u, %s: %s", nth,
				       points, life[at], strerror(-err));
			}
			test_bury(_metadata, v);
		}
		/* A stop may succeed without the device, and nothing failed then */
		if (strcmp("unlocked", sim_tdi(self->s.d, vf)))
			test_recover(_metadata, &self->s);
		ASSERT_STREQ("unlocked", sim_tdi(self->s.d, vf)) {
			TH_LOG("allocation %u of %u", nth, points);
		}
		test_cmd(v, "vm-show vm0");
		ASSERT_EQ(1, vmm_value(v, "refs")) {
			TH_LOG("allocation %u of %u", nth, points);
		}
	}
	ASSERT_LT(0, failed);
	test_disconnect(self->s.d);
	test_connect(self->s.d);
	test_ok(live(&self->in, v, vf, COUNT_ONLY, &at, &left));
	test_cmd(v, "totals");
	ASSERT_EQ(0, vmm_value(v, "disorder"));
	test_disconnect(self->s.d);
	test_works(self->s.d);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
