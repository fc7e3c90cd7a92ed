// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that come and go: under a conversation, while connected, and while
 * another device converses, which they never wait for.
 */
#include "tsm_harness.h"

/* How a device goes away */
enum removal {
	REMOVE_DEVICE,
	REMOVE_PORT,
	REMOVE_SURPRISE,
	/* Root port and device together, for good */
	REMOVE_UNPLUG,
};

FIXTURE(removal)
{
	struct sim sim;
	struct sim_device *d;
	struct sim_job job;
	long available;
};

FIXTURE_VARIANT(removal)
{
	enum removal how;
};

FIXTURE_VARIANT_ADD(removal, device) { .how = REMOVE_DEVICE };
FIXTURE_VARIANT_ADD(removal, port) { .how = REMOVE_PORT };
FIXTURE_VARIANT_ADD(removal, surprise) { .how = REMOVE_SURPRISE };
FIXTURE_VARIANT_ADD(removal, unplug) { .how = REMOVE_UNPLUG };

FIXTURE_SETUP(removal)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 2));
	self->d = &self->sim.d[0];
	self->available = sim_streams_available(&self->sim.p);
}

FIXTURE_TEARDOWN(removal)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

static void test_remove(struct __test_metadata *_metadata,
			struct sim_device *d, enum removal how)
{
	long long start_ms = sim_now_ms();

	switch (how) {
	case REMOVE_DEVICE:
		test_ok(sim_pci_write(d->bdf, "remove", "1"));
		break;
	case REMOVE_PORT:
		test_ok(sim_pci_write(d->port, "remove", "1"));
		ASSERT_FALSE(sim_pci_exists(d->port, "vendor"));
		break;
	case REMOVE_SURPRISE:
		test_ok(sim_set(d, "surprise_remove", "1"));
		ASSERT_TRUE(sim_wait(!sim_pci_exists(d->bdf, "vendor"),
				     PROMPT_MS));
		break;
	case REMOVE_UNPLUG:
		test_ok(sim_device_destroy(d));
		ASSERT_FALSE(sim_pci_exists(d->port, "vendor"));
		break;
	}
	ASSERT_FALSE(sim_pci_exists(d->bdf, "vendor"));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
}

/* Back, in a platform that is not live, and that is then */
static void test_plug_in(struct __test_metadata *_metadata, struct sim *sim,
			 enum removal how)
{
	if (how == REMOVE_UNPLUG)
		test_ok(sim_device_create(&sim->d[0], &sim->p, "d0"));
	test_ok(sim_up(sim));
}

static void test_comes_back(struct __test_metadata *_metadata, struct sim *sim,
			    enum removal how, long available)
{
	struct sim_device *d = &sim->d[0];

	ASSERT_EQ(0, sim_streams(&sim->p, d->bdf));
	ASSERT_EQ(available, sim_streams_available(&sim->p));

	switch (how) {
	case REMOVE_DEVICE:
	case REMOVE_PORT:
		test_ok(sim_pci_rescan(&sim->p));
		break;
	case REMOVE_SURPRISE:
	case REMOVE_UNPLUG:
		/* What was pulled out is plugged in with the power off */
		test_ok(sim_platform_live(&sim->p, false));
		test_plug_in(_metadata, sim, how);
		break;
	}
	/* A port that is found again may number its bus anew */
	test_ok(sim_device_names(d));
	ASSERT_TRUE(sim_pci_exists(d->bdf, "vendor"));
	test_ok(sim_set(d, "latency_ms", "0"));
	test_works_again(d);
}

TEST_F(removal, idle)
{
	test_remove(_metadata, self->d, variant->how);
	test_comes_back(_metadata, &self->sim, variant->how,
			self->available);
}

TEST_F(removal, connected)
{
	test_connect(self->d);
	test_connect(&self->sim.d[1]);
	test_remove(_metadata, self->d, variant->how);

	test_connected(&self->sim.d[1]);
	test_disconnect(&self->sim.d[1]);
	test_comes_back(_metadata, &self->sim, variant->how,
			self->available);
}

TEST_F(removal, during_connect)
{
	test_ok(sim_set(self->d, "latency_ms", "500"));
	test_start_connect(&self->job, self->d);
	test_remove(_metadata, self->d, variant->how);

	test_err(ENODEV, sim_job_wait(&self->job, PROMPT_MS));
	test_comes_back(_metadata, &self->sim, variant->how,
			self->available);
}

TEST_F(removal, late_in_connect)
{
	long before = sim_count(self->d, "messages");

	test_ok(sim_set(self->d, "latency_ms", "100"));
	test_ok(sim_job_connect(&self->job, NULL, self->d));
	ASSERT_TRUE(sim_conversing(self->d, before, 18, CONVERSATION_MS));
	/* The few messages that are left leave time enough on a slow machine */
	test_ok(sim_set(self->d, "latency_ms", "800"));
	test_remove(_metadata, self->d, variant->how);

	test_err(ENODEV, sim_job_wait(&self->job, PROMPT_MS));
	test_comes_back(_metadata, &self->sim, variant->how,
			self->available);
}

TEST_F(removal, during_disconnect)
{
	long before;

	test_connect(self->d);
	test_ok(sim_set(self->d, "latency_ms", "800"));
	before = sim_count(self->d, "messages");
	test_ok(sim_job_disconnect(&self->job, NULL, self->d));
	ASSERT_TRUE(sim_conversing(self->d, before, 1, PROMPT_MS));
	test_remove(_metadata, self->d, variant->how);

	/* It wanted to be disconnected, and it is */
	test_ok(sim_job_wait(&self->job, PROMPT_MS));
	test_comes_back(_metadata, &self->sim, variant->how,
			self->available);
}

/* The whole platform of a connected device is taken down by rmdir */
TEST_F(removal, then_teardown)
{
	test_connect(self->d);
	test_remove(_metadata, self->d, variant->how);
	test_ok(sim_platform_live(&self->sim.p, false));
	test_plug_in(_metadata, &self->sim, variant->how);
	test_works(self->d);
}

/*
 * Hotplug of other devices under a conversation of 20 seconds and more: it is
 * done when the conversation is not, whatever the machine's speed.
 */
FIXTURE(others)
{
	struct sim sim;
	struct sim_device *a;
	struct sim_device *b;
	struct sim_job job;
};

FIXTURE_SETUP(others)
{
	sim_sweep();
	test_ok(sim_prepare(&self->sim, "alpha", 2));
	self->a = &self->sim.d[0];
	self->b = &self->sim.d[1];
	test_ok(sim_set(self->b, "total_vfs", "2"));
	test_ok(sim_up(&self->sim));
	test_ok(sim_pci_driver(self->b->bdf, "pci-pf-stub"));

	test_ok(sim_set(self->a, "latency_ms", "800"));
	test_start_connect(&self->job, self->a);
}

FIXTURE_TEARDOWN(others)
{
	if (self->job.pid) {
		sim_job_kill(&self->job);
		EXPECT_EQ(SIM_JOB_KILLED,
			  sim_job_wait(&self->job, PROMPT_MS));
	}
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(others, remove_and_rescan)
{
	test_ok(sim_pci_write(self->b->bdf, "remove", "1"));
	test_ok(sim_pci_rescan(&self->sim.p));
	ASSERT_TRUE(sim_pci_exists(self->b->bdf, "tsm/connect"));
	test_ok(sim_pci_write(self->b->port, "remove", "1"));
	test_ok(sim_pci_rescan(&self->sim.p));
	test_ok(sim_device_names(self->b));
	ASSERT_TRUE(sim_pci_exists(self->b->bdf, "tsm/connect"));
	ASSERT_TRUE(sim_job_running(&self->job));
}

TEST_F(others, surprise_removal)
{
	test_ok(sim_set(self->b, "surprise_remove", "1"));
	ASSERT_TRUE(sim_wait(!sim_pci_exists(self->b->bdf, "vendor"),
			     PROMPT_MS));
	ASSERT_TRUE(sim_job_running(&self->job));
}

TEST_F(others, sriov)
{
	test_connect(self->b);
	test_ok(sim_pci_write(self->b->bdf, "sriov_numvfs", "2"));
	test_ok(sim_pci_write(self->b->bdf, "sriov_numvfs", "0"));
	test_connected(self->b);
	test_disconnect(self->b);
	ASSERT_TRUE(sim_job_running(&self->job));
}

/* Another TSM arrives, and leaves with a connection */
TEST_F(others, another_tsm)
{
	struct sim beta;

	test_ok(sim_build(&beta, "beta", 1));
	test_connect(&beta.d[0]);
	test_ok(sim_platform_destroy(&beta.p));
	ASSERT_TRUE(sim_job_running(&self->job));
}

/* Drivers come and go, the device is reset */
TEST_F(others, drivers)
{
	test_ok(sim_pci_driver(self->b->bdf, "pci-stub"));
	test_ok(sim_pci_driver(self->b->bdf, NULL));
	test_ok(sim_pci_driver(self->a->bdf, "pci-stub"));
	ASSERT_TRUE(sim_job_running(&self->job));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
