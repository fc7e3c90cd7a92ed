// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations of a writer's connect and disconnect fail in turn, and those of a
 * VMM that creates a TDI and brings it to RUN and back: nothing leaks, the device
 * is as it was, and the next one works.
 *
 * Complete is the way of a TDI: each allocation of each verb, from the state in
 * which it is used. A connect is too slow for that: its allocations, and those of
 * a disconnect, are tried as next_point() says.
 *
 * The injection is per task, so the device's side and the mailbox's worker do
 * not fail.
 */
#include "tsm_fail.h"
#include "tsm_harness.h"

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

/*
 * The last point that was tried was none any more, and before it each was reached:
 * none was passed over because an allocation was not made again.
 */
#define test_all_reached(points, missed, left) \
	_test_all_reached(_metadata, points, missed, left)
static void _test_all_reached(struct __test_metadata *_metadata,
			      unsigned int points, unsigned int missed, long left)
{
	ASSERT_LT(0, left);
	ASSERT_EQ(0, missed) {
		TH_LOG("%u of %u allocations were never reached", missed, points);
	}
}

TEST_F_TIMEOUT(alloc_fail, connect, 3600)
{
	const char *tsm = self->sim.p.tsm;
	unsigned int points, nth, failed = 0, missed = 0;
	long left;

	/* Warm up, then count */
	test_works(self->d);
	test_ok(attr_failing(&self->in, self->d->bdf, "tsm/connect", tsm,
			     COUNT_ONLY, &left));
	points = COUNT_ONLY - left;
	ASSERT_LT(5, points);
	test_disconnect(self->d);
	TH_LOG("connect: %u allocations", points);

	for (nth = 1; nth <= points || !left; nth = next_point(nth, points)) {
		int err = attr_failing(&self->in, self->d->bdf, "tsm/connect",
				       tsm, nth, &left);

		ASSERT_GT(2 * points + 10, nth);
		missed += left && nth <= points;
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
	test_all_reached(points, missed, left);
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
	unsigned int points, nth, refused = 0, missed = 0;
	char buf[64];
	long left;

	test_works(self->d);
	test_connect(self->d);
	test_ok(attr_failing(&self->in, self->d->bdf, "tsm/disconnect", tsm,
			     COUNT_ONLY, &left));
	points = COUNT_ONLY - left;
	TH_LOG("disconnect: %u allocations", points);
	test_idle(self->d);

	for (nth = 1; nth <= points || !left; nth = next_point(nth, points)) {
		int err;

		ASSERT_GT(2 * points + 10, nth);
		test_connect(self->d);
		err = attr_failing(&self->in, self->d->bdf, "tsm/disconnect",
				   tsm, nth, &left);
		missed += left && nth <= points;
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
	test_all_reached(points, missed, left);
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

#define VIOMMU		"viommu w bdf=%s vm=vm0"
#define CREATE		"create t bdf=%s vm=vm0 rid=7 viommu=w"
#define ENABLE_DMA	"req t op=3"
#define VALIDATE							\
	"req t op=1 hex=0000100000000000001000000000000000000000000000000000000000000000"
#define REGENERATE							\
	"req t op=6 resp=8 hex=02000000000000001111111111111111111111111111111111111111111111111111111111111111"

/* The way to RUN */
static const char * const way[] = {
	VIOMMU, CREATE, "lock t", ENABLE_DMA, "run t",
};

/**
 * struct verb - what is done under injection
 * @name: of it
 * @cmd: command
 * @stand: steps of the way that are behind when it is
 */
struct verb {
	const char *name;
	const char *cmd;
	unsigned int stand;
};

static const struct verb verbs[] = {
	{ "viommu", VIOMMU, 0 },
	{ "create", CREATE, 1 },
	{ "lock", "lock t", 2 },
	{ "validate", VALIDATE, 3 },
	{ "enable DMA", ENABLE_DMA, 3 },
	{ "run", "run t", 4 },
	{ "regenerate", REGENERATE, 5 },
	{ "read", "req t op=5 resp=4096 hex=03000000000000000000000000000000", 5 },
	{ "message", "req t op=9 resp=4096 hex=0100000000000000", 5 },
	{ "disable DMA", "req t op=4", 5 },
	{ "stop", "stop t", 5 },
	{ "destroy", "destroy t", 2 },
	{ "destroy, running", "destroy t", 5 },
	{ "viommu-put", "viommu-put w", 1 },
};

static int command(struct vmm *v, const char *cmd, const char *bdf)
{
	char text[SIM_TEXT];

	snprintf(text, sizeof(text), cmd, bdf);
	return vmm_cmd(v, "%s", text);
}

/* With allocation @nth failing, or none that happens; @left is how many were */
static int command_failing(struct injection *in, struct vmm *v, const char *cmd,
			   const char *bdf, unsigned int nth, long *left)
{
	int err;

	err = injection_set(in, nth);
	if (err)
		return err;
	err = command(v, cmd, bdf);
	*left = injection_left(in);
	injection_set(in, 0);
	return err;
}

/* What is left of the way, however far it was gone */
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

static int go(struct scene *s, unsigned int steps)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < steps; i++)
		err = command(&s->v, way[i], s->vf[0]);
	return err;
}

/*
 * A device that could not be told to stop was parted from its VM by other means,
 * and goes on to take itself for locked. Its state ends with its session, in
 * ERROR; the next lock begins with the stop that it has not heard of.
 */
static void test_reconnect(struct __test_metadata *_metadata, struct scene *s)
{
	const char *state;

	test_bury(_metadata, &s->v);
	test_disconnect(s->d);
	test_connect(s->d);
	state = sim_tdi(s->d, s->vf[0]);
	ASSERT_TRUE(!strcmp("unlocked", state) || !strcmp("error", state));
	/* What is exchanged once in a session is no part of a verb */
	test_ok(go(s, ARRAY_SIZE(way)));
	test_bury(_metadata, &s->v);
}

/* Go there; what was done last may have cost the session */
static void test_stand(struct __test_metadata *_metadata, struct scene *s,
		       unsigned int steps)
{
	int err = go(s, steps);

	if (session_lost(err)) {
		test_reconnect(_metadata, s);
		err = go(s, steps);
	}
	ASSERT_EQ(0, err);
}

/* Nothing is left in the core, in the firmware, and in the device */
static void test_left_nothing(struct __test_metadata *_metadata,
			      struct scene *s, bool lost)
{
	test_bury(_metadata, &s->v);
	/* A stop may succeed without the device, and nothing failed then */
	if (lost || strcmp("unlocked", sim_tdi(s->d, s->vf[0])))
		test_reconnect(_metadata, s);
	test_device(s->d, s->vf[0], "unlocked");
	test_cmd(&s->v, "vm-show vm0");
	ASSERT_EQ(1, vmm_value(&s->v, "refs"));
}

/* In ERROR, or nobody can be asked any more */
static bool is_lost(const char *state)
{
	return !strcmp("ERROR", state) ||
	       (state[0] == '!' && !strcmp(strerror(ENOTCONN), state + 1));
}

/*
 * Each allocation of a verb, and then the verb again: it works, as what failed
 * has changed nothing, unless the session is lost. The sweep is over when there
 * was no allocation left that could fail, as many as had been counted.
 */
static unsigned int test_verb(struct __test_metadata *_metadata,
			      struct scene *s, struct injection *in,
			      const struct verb *verb)
{
	unsigned int points, nth, round, failed = 0, reached = 0;
	const char *vf = s->vf[0];
	long left = COUNT_ONLY;

	/* Warm up, then count */
	for (round = 0; round < 2; round++) {
		test_stand(_metadata, s, verb->stand);
		test_ok(command_failing(in, &s->v, verb->cmd, vf, COUNT_ONLY,
					&left));
		test_bury(_metadata, &s->v);
	}
	points = COUNT_ONLY - left;
	TH_LOG("%-18s %3u allocations", verb->name, points);
	ASSERT_LT(0, points);

	for (nth = 1; nth <= points || !left; nth++) {
		const char *after;
		bool lost = false;
		char before[64];
		int err;

		test_stand(_metadata, s, verb->stand);
		snprintf(before, sizeof(before), "%s", vmm_state(&s->v, "t"));
		ASSERT_GT(2 * points + 10, nth);
		err = command_failing(in, &s->v, verb->cmd, vf, nth, &left);
		reached += !left;
		if (err) {
			failed++;
			EXPECT_EQ(0, left);
			EXPECT_EQ(-ENOMEM, err) {
				TH_LOG("allocation %u of %u of %s: %s", nth,
				       points, verb->name, strerror(-err));
			}
			after = vmm_state(&s->v, "t");
			lost = strcmp(before, after);
			if (lost) {
				EXPECT_TRUE(is_lost(after)) {
					TH_LOG("%s before, %s after allocation %u of %u of %s",
					       before, after, nth, points,
					       verb->name);
				}
			} else {
				err = command(&s->v, verb->cmd, vf);
				lost = session_lost(err);
				ASSERT_TRUE(!err || lost) {
					TH_LOG("%s after allocation %u of %u: %s",
					       verb->name, nth, points,
					       strerror(-err));
				}
			}
		}
		test_left_nothing(_metadata, s, lost);
	}
	EXPECT_LE(points, reached) {
		TH_LOG("%s: only %u of %u allocations were reached", verb->name,
		       reached, points);
	}
	return failed;
}

TEST_F_TIMEOUT(tdi_fail, create_to_destroy, 3600)
{
	struct vmm *v = &self->s.v;
	unsigned int i, failed = 0;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		failed += test_verb(_metadata, &self->s, &self->in, &verbs[i]);
	ASSERT_LT(0, failed);

	test_stand(_metadata, &self->s, ARRAY_SIZE(way));
	test_left_nothing(_metadata, &self->s, false);
	test_cmd(v, "totals");
	ASSERT_EQ(0, vmm_value(v, "disorder"));
	test_disconnect(self->s.d);
	test_works(self->s.d);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
