// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations fail in turn on a guest's way from a lock to an unlock, and on what
 * a verifier does: nothing leaks, what failed says so, no trust is left that was
 * not given, and the same thing works when it is done again.
 *
 * The injection is per task. On the loopback that is the guest, and the host as
 * far as it works for the guest; the device's side does not fail.
 */
#define MAX_POINTS	20
#define DENSE_POINTS	8

#include <linux/const.h>

#include "tsm_fail.h"
#include "tsm_harness.h"
#include "tsm_genl.h"
#include "tsm_guest_view.h"

#define MEASUREMENTS	_BITUL(TSM_OBJECT_MEASUREMENTS)

/**
 * struct guest_fail - what fails, and where
 * @s: a device
 * @g: its first virtual function, in a guest
 * @in: what fails
 * @generation: of the evidence that was seen last
 */
struct guest_fail {
	struct scene s;
	struct view g;
	struct injection in;
	uint64_t generation;
};

/* --- what is done under injection ------------------------------------------------- */

static int fail_attr(struct guest_fail *f, const char *attr, const char *val,
		     unsigned int nth, long *left)
{
	return attr_failing(&f->in, f->g.bdf, attr, val, nth, left);
}

static int fail_lock(struct guest_fail *f, unsigned int nth, long *left)
{
	return fail_attr(f, "tsm/lock", f->g.tsm, nth, left);
}

static int fail_accept(struct guest_fail *f, unsigned int nth, long *left)
{
	return fail_attr(f, "tsm/accept", "1", nth, left);
}

static int fail_unlock(struct guest_fail *f, unsigned int nth, long *left)
{
	return fail_attr(f, "tsm/unlock", f->g.tsm, nth, left);
}

static int fail_bind(struct guest_fail *f, unsigned int nth, long *left)
{
	int err = sim_pci_write(f->g.bdf, "driver_override", VIEW_DRIVER);

	return err ?: write_failing(&f->in, "/sys/bus/pci/drivers_probe",
				    f->g.bdf, nth, left);
}

static int fail_unbind(struct guest_fail *f, unsigned int nth, long *left)
{
	return fail_attr(f, "driver/unbind", f->g.bdf, nth, left);
}

/* A socket of its own each time: one that has failed may be in the midst of a dump */
static int fail_netlink(struct guest_fail *f, unsigned int nth, long *left,
			int (*fn)(struct guest_fail *f, struct genl *nl))
{
	static struct genl nl;
	int err;

	*left = -1;
	err = genl_open(&nl);
	if (err)
		return err;
	err = injection_set(&f->in, nth);
	if (!err) {
		err = fn(f, &nl);
		*left = injection_left(&f->in);
		injection_set(&f->in, 0);
	}
	genl_close(&nl);
	return err;
}

static int nl_dump(struct guest_fail *f, struct genl *nl)
{
	static struct genl_evidence e;
	int err = genl_dump(nl, f->g.bdf, 0, &e);

	f->generation = e.generation;
	genl_forget(&e);
	return err;
}

static int fail_dump(struct guest_fail *f, unsigned int nth, long *left)
{
	return fail_netlink(f, nth, left, nl_dump);
}

static int nl_validate(struct guest_fail *f, struct genl *nl)
{
	return genl_validate(nl, f->g.bdf, f->generation);
}

static int fail_validate(struct guest_fail *f, unsigned int nth, long *left)
{
	int err = fail_dump(f, 0, left);

	return err ?: fail_netlink(f, nth, left, nl_validate);
}

/* What is asked for here is made by another task, which does not fail */
static int nl_refresh(struct guest_fail *f, struct genl *nl)
{
	static const uint8_t nonce[TSM_NONCE_SIZE] = { 1 };

	return genl_refresh(nl, f->g.bdf, MEASUREMENTS, nonce, sizeof(nonce),
			    &f->generation);
}

static int fail_refresh(struct guest_fail *f, unsigned int nth, long *left)
{
	int err;

	/* the last one may have begun and had no memory to say so */
	sim_wait((err = fail_netlink(f, nth, left, nl_refresh)) != -EBUSY,
		 CONVERSATION_MS);
	return err;
}

/* --- what it makes of the function ------------------------------------------------ */

/**
 * struct verb - what is done under injection
 * @from: state in which it is done
 * @driver: a driver is bound then
 * @fn: it
 */
struct verb {
	const char *from;
	bool driver;
	int (*fn)(struct guest_fail *f, unsigned int nth, long *left);
};

FIXTURE(guest_fail)
{
	struct guest_fail f;
};

FIXTURE_VARIANT(guest_fail)
{
	struct verb verb;
};

FIXTURE_VARIANT_ADD(guest_fail, lock)
	{ .verb = { "unlocked", false, fail_lock } };
FIXTURE_VARIANT_ADD(guest_fail, dump)
	{ .verb = { "locked", false, fail_dump } };
FIXTURE_VARIANT_ADD(guest_fail, refresh)
	{ .verb = { "locked", false, fail_refresh } };
FIXTURE_VARIANT_ADD(guest_fail, validate)
	{ .verb = { "locked", false, fail_validate } };
FIXTURE_VARIANT_ADD(guest_fail, accept)
	{ .verb = { "locked", false, fail_accept } };
FIXTURE_VARIANT_ADD(guest_fail, bind)
	{ .verb = { "run", false, fail_bind } };
FIXTURE_VARIANT_ADD(guest_fail, unbind)
	{ .verb = { "run", true, fail_unbind } };
FIXTURE_VARIANT_ADD(guest_fail, unlock_locked)
	{ .verb = { "locked", false, fail_unlock } };
FIXTURE_VARIANT_ADD(guest_fail, unlock)
	{ .verb = { "run", false, fail_unlock } };

FIXTURE_SETUP(guest_fail)
{
	struct guest_fail *f = &self->f;
	int err = injection_open(&f->in);

	if (err == -ENOENT)
		SKIP(return, "no fault injection in this kernel");
	test_ok(err);
	sim_sweep();
	test_ok(view_scene(&f->s, &f->g));
}

FIXTURE_TEARDOWN(guest_fail)
{
	injection_set(&self->f.in, 0);
	close(self->f.in.fd);
	EXPECT_EQ(0, scene_strike(&self->f.s));
}

/* To UNLOCKED, from wherever it is */
static int reset(struct guest_fail *f)
{
	return sim_pci_driver(f->g.bdf, NULL) ?: view_unlock(&f->g);
}

static bool stands(struct guest_fail *f, const struct verb *verb)
{
	return !strcmp(verb->from, view_state(&f->g)) &&
	       sim_pci_exists(f->g.bdf, "driver") == verb->driver;
}

/* What was validated once must be so after each lock */
static int accept_verified(struct guest_fail *f)
{
	static struct genl nl;
	int err = genl_open(&nl);

	err = err ?: genl_verify(&nl, f->g.bdf);
	genl_close(&nl);
	return err ?: view_accept(&f->g);
}

static int stand(struct guest_fail *f, const struct verb *verb)
{
	int err;

	if (stands(f, verb))
		return 0;
	err = reset(f);
	if (!err && strcmp(verb->from, "unlocked"))
		err = view_lock(&f->g);
	if (!err && !strcmp(verb->from, "run"))
		err = accept_verified(f);
	if (!err && verb->driver)
		err = sim_pci_driver(f->g.bdf, VIEW_DRIVER);
	return err;
}

/* A driver's probe() can say no more than that it does not want the device */
static bool lack_of_memory(int err)
{
	return err == -ENOMEM || err == -ENOBUFS || err == -NOT_BOUND;
}

/*
 * Memory that is short in the middle of an exchange costs the device its SPDM
 * session, which the guest sees as the host's EIO, or as a host that has no
 * device for it any more.
 */
static bool session_lost(int err)
{
	return err == -EIO || err == -ENOTCONN;
}

/* Another session, and a guest of it. Nothing of the old one is in the way. */
static void test_reconnect(struct __test_metadata *_metadata,
			   struct guest_fail *f)
{
	struct vmm *v = &f->s.v;

	test_cmd(v, "guest-put g");
	ASSERT_EQ(NULL, strstr(vmm_state(v, "t"), "QUAR"));
	test_cmd(v, "destroy t");
	test_disconnect(f->s.d);
	test_connect(f->s.d);
	test_ok(vmm_create(v, "t", f->s.vf[0], "vm0", VIEW_RID, NULL));
	test_ok(view_open(&f->g, v, "g", "t", ""));
}

static void test_stand(struct __test_metadata *_metadata, struct guest_fail *f,
		       const struct verb *verb)
{
	int err = stand(f, verb);

	if (session_lost(err)) {
		test_reconnect(_metadata, f);
		err = stand(f, verb);
	}
	ASSERT_EQ(0, err);
	test_view(&f->g, verb->from);
}

/* Only an accepted function with a driver reaches private memory */
static void test_trust(struct __test_metadata *_metadata, struct guest_fail *f)
{
	const char *state = view_state(&f->g);
	int dma = view_has_dma(&f->s.v, "t");

	ASSERT_TRUE(!strcmp("unlocked", state) || !strcmp("locked", state) ||
		    !strcmp("run", state) || !strcmp("lost", state) ||
		    !strcmp("stuck", state)) {
		TH_LOG("%s", state);
	}
	if (strcmp("run", state) && strcmp("stuck", state)) {
		ASSERT_GE(0, dma) {
			TH_LOG("%s with private DMA", state);
		}
	}
	if (!strcmp("run", state) && dma >= 0)
		ASSERT_EQ(sim_pci_exists(f->g.bdf, "driver"), dma);
}

/* The whole way and back, and nobody has anything of it then */
static void test_way(struct __test_metadata *_metadata, struct guest_fail *f)
{
	static const struct verb end = { .from = "run", .driver = true };
	struct vmm *v = &f->s.v;

	test_stand(_metadata, f, &end);
	ASSERT_EQ(1, view_has_dma(v, "t"));
	test_ok(reset(f));
	test_view(&f->g, "unlocked");
	test_state(v, "t", "UNLOCKED");
	test_device(f->s.d, f->s.vf[0], "unlocked");
	ASSERT_GE(0, view_has_dma(v, "t"));
	test_in_order(v, "t");
}

/*
 * What failed has changed nothing and works when it is done again; or it cost the
 * lock or the session, and then all of it works from the beginning.
 */
static void test_failed(struct __test_metadata *_metadata, struct guest_fail *f,
			const struct verb *verb)
{
	long left;
	int err;

	test_trust(_metadata, f);
	test_stand(_metadata, f, verb);
	err = verb->fn(f, 0, &left);
	if (session_lost(err)) {
		test_trust(_metadata, f);
		test_reconnect(_metadata, f);
		test_stand(_metadata, f, verb);
		err = verb->fn(f, 0, &left);
	}
	ASSERT_EQ(0, err);
}

TEST_F_TIMEOUT(guest_fail, each_allocation, 3600)
{
	const struct verb *verb = &variant->verb;
	unsigned int points, nth, failed = 0, missed = 0;
	struct guest_fail *f = &self->f;
	long left;

	/* Warm up, then count */
	for (points = 0; points < 2; points++) {
		test_stand(_metadata, f, verb);
		test_ok(verb->fn(f, COUNT_ONLY, &left));
	}
	points = COUNT_ONLY - left;
	TH_LOG("%u allocations", points);
	ASSERT_LT(0, points);

	for (nth = 1; nth <= points || !left; nth = next_point(nth, points)) {
		int err;

		ASSERT_GT(2 * points + 10, nth);
		test_stand(_metadata, f, verb);
		err = verb->fn(f, nth, &left);
		missed += left && nth <= points;
		test_trust(_metadata, f);
		if (!err)
			continue;
		failed++;
		EXPECT_EQ(0, left);
		EXPECT_TRUE(lack_of_memory(err) || session_lost(err)) {
			TH_LOG("allocation %u of %u: %s", nth, points,
			       strerror(-err));
		}
		test_failed(_metadata, f, verb);
	}
	ASSERT_LT(0, left);
	ASSERT_EQ(0, missed) {
		TH_LOG("%u of %u allocations were never reached", missed,
		       points);
	}
	/* a driver leaves, come what may */
	if (verb->fn != fail_unbind)
		ASSERT_LT(0, failed);

	test_way(_metadata, f);
	test_cmd(&f->s.v, "guest-put g");
	test_cmd(&f->s.v, "destroy t");
	test_cmd(&f->s.v, "vm-show vm0");
	ASSERT_EQ(1, vmm_value(&f->s.v, "refs"));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
