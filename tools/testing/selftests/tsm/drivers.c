// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connect does not care about the function's driver, and the driver not about
 * connect: none, a native one, vfio-pci, or vfio-pci with a user.
 */
#include "tsm_harness.h"
#include "tsm_vfio.h"

/* Bits of /proc/sys/kernel/tainted */
#define TAINTED_USER	0x040
#define TAINTED_WARN	0x200

static unsigned long taints(void)
{
	char buf[64];

	return sim_read("/proc/sys/kernel/tainted", buf, sizeof(buf)) ?
	       0 : strtoul(buf, NULL, 10);
}

/* Who holds the function */
enum holder {
	NOBODY,
	NATIVE,
	VFIO,
	VFIO_USER,
};

static int hold(struct vfio_user *u, const char *bdf, enum holder who)
{
	static const char * const driver[] = {
		[NOBODY] = NULL,
		[NATIVE] = "pci-stub",
		[VFIO] = "vfio-pci",
		[VFIO_USER] = "vfio-pci",
	};
	int err;

	vfio_close(u);
	err = sim_pci_driver(bdf, driver[who]);
	if (!err && who == VFIO_USER)
		err = vfio_open(u, bdf);
	return err;
}

FIXTURE(driver)
{
	struct sim sim;
	struct sim_device *d;
	struct sim_job job;
	struct vfio_user user;
	unsigned long tainted;
};

/* Who holds the function at connect, and who at disconnect */
FIXTURE_VARIANT(driver)
{
	enum holder first;
	enum holder then;
};

FIXTURE_VARIANT_ADD(driver, none_none) { .first = NOBODY, .then = NOBODY };
FIXTURE_VARIANT_ADD(driver, none_native) { .first = NOBODY, .then = NATIVE };
FIXTURE_VARIANT_ADD(driver, none_vfio) { .first = NOBODY, .then = VFIO };
FIXTURE_VARIANT_ADD(driver, none_user) { .first = NOBODY, .then = VFIO_USER };
FIXTURE_VARIANT_ADD(driver, native_none) { .first = NATIVE, .then = NOBODY };
FIXTURE_VARIANT_ADD(driver, native_native) { .first = NATIVE, .then = NATIVE };
FIXTURE_VARIANT_ADD(driver, native_vfio) { .first = NATIVE, .then = VFIO };
FIXTURE_VARIANT_ADD(driver, native_user) { .first = NATIVE, .then = VFIO_USER };
FIXTURE_VARIANT_ADD(driver, vfio_none) { .first = VFIO, .then = NOBODY };
FIXTURE_VARIANT_ADD(driver, vfio_native) { .first = VFIO, .then = NATIVE };
FIXTURE_VARIANT_ADD(driver, vfio_vfio) { .first = VFIO, .then = VFIO };
FIXTURE_VARIANT_ADD(driver, vfio_user) { .first = VFIO, .then = VFIO_USER };
FIXTURE_VARIANT_ADD(driver, user_none) { .first = VFIO_USER, .then = NOBODY };
FIXTURE_VARIANT_ADD(driver, user_native) { .first = VFIO_USER, .then = NATIVE };
FIXTURE_VARIANT_ADD(driver, user_vfio) { .first = VFIO_USER, .then = VFIO };
FIXTURE_VARIANT_ADD(driver, user_user) { .first = VFIO_USER, .then = VFIO_USER };

FIXTURE_SETUP(driver)
{
	vfio_init(&self->user);
	self->tainted = taints();
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(driver)
{
	vfio_close(&self->user);
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
	/* Nothing here may warn, nor do what VFIO does without an IOMMU */
	EXPECT_EQ(self->tainted & (TAINTED_WARN | TAINTED_USER),
		  taints() & (TAINTED_WARN | TAINTED_USER));
}

TEST_F(driver, does_not_matter)
{
	test_ok(hold(&self->user, self->d->bdf, variant->first));
	test_connect(self->d);
	test_connected(self->d);

	test_ok(hold(&self->user, self->d->bdf, variant->then));
	test_connected(self->d);
	test_disconnect(self->d);
	test_idle(self->d);
}

/* The holder changes in the middle of the conversation */
FIXTURE(change)
{
	struct sim sim;
	struct sim_device *d;
	struct sim_job job;
	struct vfio_user user;
};

FIXTURE_VARIANT(change)
{
	enum holder first;
	enum holder then;
};

FIXTURE_VARIANT_ADD(change, bind) { .first = NOBODY, .then = NATIVE };
FIXTURE_VARIANT_ADD(change, unbind) { .first = NATIVE, .then = NOBODY };
FIXTURE_VARIANT_ADD(change, to_vfio) { .first = NATIVE, .then = VFIO };
FIXTURE_VARIANT_ADD(change, from_vfio) { .first = VFIO, .then = NOBODY };

FIXTURE_SETUP(change)
{
	vfio_init(&self->user);
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(change)
{
	vfio_close(&self->user);
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(change, during_connect)
{
	test_ok(hold(&self->user, self->d->bdf, variant->first));
	test_ok(sim_set(self->d, "latency_ms", "200"));
	test_start_connect(&self->job, self->d);
	test_ok(hold(&self->user, self->d->bdf, variant->then));
	ASSERT_TRUE(sim_job_running(&self->job));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->d);
	test_disconnect(self->d);
	test_idle(self->d);
}

FIXTURE(vfio)
{
	struct sim sim;
	struct sim_device *d;
	struct sim_job job;
	struct vfio_user user;
};

FIXTURE_SETUP(vfio)
{
	vfio_init(&self->user);
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
	test_ok(sim_pci_driver(self->d->bdf, "vfio-pci"));
}

FIXTURE_TEARDOWN(vfio)
{
	vfio_close(&self->user);
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/* Opening and closing resets the function; the session and the stream are not its */
TEST_F(vfio, opened_and_closed_again)
{
	int i;

	test_connect(self->d);
	for (i = 0; i < 3; i++) {
		test_ok(vfio_open(&self->user, self->d->bdf));
		test_connected(self->d);
		vfio_close(&self->user);
		test_connected(self->d);
	}
	test_disconnect(self->d);
	test_idle(self->d);
}

/*
 * The reset hits the mailbox in mid-conversation: the message under way may be
 * lost and connect with it, but never the device.
 */
TEST_F(vfio, opened_during_connect)
{
	int err;

	test_ok(sim_set(self->d, "latency_ms", "200"));
	test_start_connect(&self->job, self->d);
	test_ok(vfio_open(&self->user, self->d->bdf));
	err = sim_job_wait(&self->job, CONVERSATION_MS);
	test_ok(sim_set(self->d, "latency_ms", "0"));
	if (err) {
		ASSERT_EQ(-EIO, err);
		test_works(self->d);
	} else {
		test_connected(self->d);
		test_disconnect(self->d);
		test_idle(self->d);
	}
}

static bool is_asleep(struct sim_device *d)
{
	char buf[32];

	return !sim_pci_read(d->bdf, "power_state", buf, sizeof(buf)) &&
	       !strcmp(buf, "D3hot");
}

/*
 * Without a user, vfio-pci lets the function sleep, and a mailbox that sleeps
 * does not answer: each conversation wakes it, and keeps it awake.
 */
TEST_F(vfio, asleep_in_between)
{
	ASSERT_TRUE(sim_wait(is_asleep(self->d), PROMPT_MS));
	test_ok(sim_set(self->d, "latency_ms", "100"));
	test_start_connect(&self->job, self->d);
	ASSERT_FALSE(is_asleep(self->d));
	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_connected(self->d);

	test_ok(sim_set(self->d, "latency_ms", "0"));
	ASSERT_TRUE(sim_wait(is_asleep(self->d), PROMPT_MS));
	test_connected(self->d);
	test_ok(sim_set(self->d, "refresh_keys", "1"));

	ASSERT_TRUE(sim_wait(is_asleep(self->d), PROMPT_MS));
	test_connected(self->d);
	test_disconnect(self->d);
	test_idle(self->d);
	ASSERT_TRUE(sim_wait(is_asleep(self->d), PROMPT_MS));
}

TEST_F(vfio, reset_by_hand)
{
	test_connect(self->d);
	test_ok(sim_pci_write(self->d->bdf, "reset", "1"));
	test_connected(self->d);
	test_disconnect(self->d);
	test_idle(self->d);
}

TEST_F(vfio, device_removed_under_user)
{
	test_connect(self->d);
	test_ok(vfio_open(&self->user, self->d->bdf));
	test_connected(self->d);
	vfio_close(&self->user);
	test_ok(sim_pci_write(self->d->bdf, "remove", "1"));
	test_ok(sim_pci_rescan(&self->sim.p));
	test_works_again(self->d);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
