// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many at once: devices that converse in parallel, writers that want the same
 * device, writers that are killed, and a TSM that leaves in the middle.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tsm_harness.h"

#define NR_DEVICES	8
#define NR_MANY		16
#define NR_WRITERS	4

FIXTURE(parallel)
{
	struct sim sim;
	struct sim_job job[NR_MANY];
};

FIXTURE_SETUP(parallel)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", NR_MANY));
}

FIXTURE_TEARDOWN(parallel)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/*
 * All converse at the same time: each has exchanged some messages while none
 * has ended. Together they take a small part of what they take in turn.
 */
TEST_F(parallel, connect_and_disconnect)
{
	long long alone_ms, together_ms;
	long before[NR_MANY];
	unsigned int i;
	int gate[2];

	for (i = 0; i < NR_MANY; i++)
		test_ok(sim_set(&self->sim.d[i], "latency_ms", "200"));

	alone_ms = sim_now_ms();
	test_connect(&self->sim.d[0]);
	alone_ms = sim_now_ms() - alone_ms;
	test_disconnect(&self->sim.d[0]);

	test_ok(sim_gate(gate));
	for (i = 0; i < NR_MANY; i++) {
		before[i] = sim_count(&self->sim.d[i], "messages");
		test_ok(sim_job_connect(&self->job[i], gate, &self->sim.d[i]));
	}
	together_ms = sim_now_ms();
	sim_gate_open(gate);

	for (i = 0; i < NR_MANY; i++) {
		ASSERT_TRUE(sim_conversing(&self->sim.d[i], before[i], 3,
					   PROMPT_MS));
	}
	for (i = 0; i < NR_MANY; i++)
		test_true(sim_job_running(&self->job[i]));

	for (i = 0; i < NR_MANY; i++)
		test_ok(sim_job_wait(&self->job[i], CONVERSATION_MS));
	together_ms = sim_now_ms() - together_ms;
	for (i = 0; i < NR_MANY; i++)
		test_connected(&self->sim.d[i]);
	ASSERT_LT(together_ms, alone_ms * NR_MANY / 3);

	test_ok(sim_gate(gate));
	for (i = 0; i < NR_MANY; i++)
		test_ok(sim_job_disconnect(&self->job[i], gate,
					   &self->sim.d[i]));
	sim_gate_open(gate);
	for (i = 0; i < NR_MANY; i++)
		test_ok(sim_job_wait(&self->job[i], CONVERSATION_MS));
	for (i = 0; i < NR_MANY; i++)
		test_idle(&self->sim.d[i]);
}

FIXTURE(race)
{
	struct sim sim;
	struct sim_device *d;
	struct sim_job job[NR_WRITERS];
};

FIXTURE_SETUP(race)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(race, one_of_the_writers_wins)
{
	int gate[2], round, won, i;

	for (round = 0; round < 3; round++) {
		test_ok(sim_gate(gate));
		for (i = 0; i < NR_WRITERS; i++)
			test_ok(sim_job_connect(&self->job[i], gate, self->d));
		sim_gate_open(gate);
		for (i = 0, won = 0; i < NR_WRITERS; i++) {
			int err = sim_job_wait(&self->job[i], CONVERSATION_MS);

			if (err)
				test_err(EBUSY, err);
			else
				won++;
		}
		ASSERT_EQ(1, won);
		test_connected(self->d);

		/* Whoever is late finds it gone, or going */
		test_ok(sim_gate(gate));
		for (i = 0; i < NR_WRITERS; i++)
			test_ok(sim_job_disconnect(&self->job[i], gate,
						   self->d));
		sim_gate_open(gate);
		for (i = 0; i < NR_WRITERS; i++) {
			int err = sim_job_wait(&self->job[i], CONVERSATION_MS);

			if (!err)
				won--;
			else if (err != -EBUSY)
				test_err(ENXIO, err);
		}
		ASSERT_EQ(0, won);
		test_idle(self->d);
	}
}

/* Killed in the middle: ends with the message that is under way */
FIXTURE(killed)
{
	struct sim sim;
	struct sim_device *d;
	struct sim_job job;
};

FIXTURE_VARIANT(killed)
{
	int after;
};

FIXTURE_VARIANT_ADD(killed, at_once) { .after = 1 };
FIXTURE_VARIANT_ADD(killed, authenticating) { .after = 5 };
FIXTURE_VARIANT_ADD(killed, in_session) { .after = 17 };

FIXTURE_SETUP(killed)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
	test_ok(sim_set(self->d, "latency_ms", "300"));
}

FIXTURE_TEARDOWN(killed)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(killed, writer)
{
	long before = sim_count(self->d, "messages");
	long available = sim_streams_available(&self->sim.p);
	long long killed_ms;

	test_ok(sim_job_connect(&self->job, NULL, self->d));
	ASSERT_TRUE(sim_conversing(self->d, before, variant->after,
				   CONVERSATION_MS));
	killed_ms = sim_now_ms();
	sim_job_kill(&self->job);
	ASSERT_EQ(SIM_JOB_KILLED, sim_job_wait(&self->job, CONVERSATION_MS));
	ASSERT_GE(2000, sim_now_ms() - killed_ms);

	test_idle(self->d);
	ASSERT_EQ(available, sim_streams_available(&self->sim.p));
	test_ok(sim_set(self->d, "latency_ms", "0"));
	test_works(self->d);
}

/* The TSM leaves while connects are under way */
FIXTURE(leaving)
{
	struct sim sim;
	struct sim_job job[NR_DEVICES];
	struct sim_job leave;
};

FIXTURE_SETUP(leaving)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", NR_DEVICES));
}

FIXTURE_TEARDOWN(leaving)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/* The TSM went first, or the device did */
#define test_turned_away(call) do {					\
	int __err = (call);						\
									\
	if (__err != -ENODEV)						\
		ASSERT_EQ(-ENXIO, __err);				\
} while (0)

static int job_leave(struct sim_job *job, struct sim_platform *p)
{
	char path[SIM_PATH];

	snprintf(path, sizeof(path), SIM_ROOT "/%s/live", p->name);
	return sim_job_write(job, NULL, path, "0");
}

TEST_F(leaving, eight_in_flight)
{
	long before[NR_DEVICES];
	unsigned int i;

	/* A conversation that would go on for 20 seconds and more */
	for (i = 0; i < NR_DEVICES; i++) {
		before[i] = sim_count(&self->sim.d[i], "messages");
		test_ok(sim_set(&self->sim.d[i], "latency_ms", "800"));
		test_ok(sim_job_connect(&self->job[i], NULL, &self->sim.d[i]));
	}
	for (i = 0; i < NR_DEVICES; i++) {
		ASSERT_TRUE(sim_conversing(&self->sim.d[i], before[i], 2,
					   PROMPT_MS));
	}

	test_ok(job_leave(&self->leave, &self->sim.p));
	/* Each ends at its next message */
	for (i = 0; i < NR_DEVICES; i++)
		test_turned_away(sim_job_wait(&self->job[i], PROMPT_MS));
	test_ok(sim_job_wait(&self->leave, CONVERSATION_MS));

	test_ok(sim_up(&self->sim));
	for (i = 0; i < NR_DEVICES; i++) {
		test_ok(sim_set(&self->sim.d[i], "latency_ms", "0"));
		test_idle(&self->sim.d[i]);
	}
	test_works(&self->sim.d[0]);
	test_works(&self->sim.d[NR_DEVICES - 1]);
}

/* Connected devices, a connect under way, and one that is being disconnected */
TEST_F(leaving, in_every_state)
{
	long before;

	test_connect(&self->sim.d[0]);
	test_connect(&self->sim.d[1]);
	test_ok(sim_set(&self->sim.d[1], "latency_ms", "800"));
	test_ok(sim_set(&self->sim.d[2], "latency_ms", "800"));
	test_start_connect(&self->job[0], &self->sim.d[2]);
	before = sim_count(&self->sim.d[1], "messages");
	test_ok(sim_job_disconnect(&self->job[1], NULL, &self->sim.d[1]));
	ASSERT_TRUE(sim_conversing(&self->sim.d[1], before, 1, PROMPT_MS));

	test_ok(job_leave(&self->leave, &self->sim.p));
	test_turned_away(sim_job_wait(&self->job[0], PROMPT_MS));
	test_ok(sim_job_wait(&self->job[1], CONVERSATION_MS));
	test_ok(sim_job_wait(&self->leave, CONVERSATION_MS));

	test_ok(sim_up(&self->sim));
	test_idle(&self->sim.d[1]);
	test_works(&self->sim.d[0]);
}

/*
 * Read and write the attributes of a device until they are gone. Ends with 0,
 * or with what should not have been answered.
 */
static int hammer(struct sim_device *d, unsigned int which)
{
	char buf[64];
	int err;

	for (;;) {
		switch (which % 4) {
		case 0:
			err = sim_connect(d);
			break;
		case 1:
			err = sim_disconnect(d);
			break;
		case 2:
			err = sim_pci_read(d->bdf, "tsm/connect", buf,
					   sizeof(buf));
			break;
		default:
			err = sim_pci_read(d->bdf, "authenticated", buf,
					   sizeof(buf));
			break;
		}

		switch (err) {
		case 0:
		case -EBUSY:
		case -ENXIO:
		/* An answer may come late where eight of these run */
		case -EIO:
			break;
		case -ENOENT:
		case -ENODEV:
			/* Gone for good? A group may be away for a moment */
			if (!sim_pci_exists(d->bdf, "vendor"))
				return 0;
			break;
		default:
			return err;
		}
	}
}

TEST_F(leaving, readers_and_writers)
{
	long long warm_ms;
	int status, ended;
	pid_t pid[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i])
			_exit(-hammer(&self->sim.d[i / 4], i));
	}
	/* In the middle of it: both devices were connected at some time */
	ASSERT_TRUE(sim_wait(sim_count(&self->sim.d[0], "messages") > 0 &&
			     sim_count(&self->sim.d[1], "messages") > 0,
			     CONVERSATION_MS));

	warm_ms = sim_now_ms();
	test_ok(sim_platform_live(&self->sim.p, false));
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		ASSERT_TRUE(sim_wait((ended = waitpid(pid[i], &status,
						      WNOHANG)),
				     PROMPT_MS));
		ASSERT_EQ(pid[i], ended);
		ASSERT_TRUE(WIFEXITED(status));
		ASSERT_EQ(0, WEXITSTATUS(status));
	}
	ASSERT_GT(CONVERSATION_MS, sim_now_ms() - warm_ms);

	test_ok(sim_up(&self->sim));
	test_works(&self->sim.d[0]);
	test_works(&self->sim.d[1]);
}

/* The module goes when nothing is simulated any more, and no sooner */
TEST(module)
{
	struct sim sim;

	sim_sweep();
	if (sim_module_builtin())
		SKIP(return, "tsm-sim is built in");

	test_ok(sim_build(&sim, "alpha", 1));
	test_err(EAGAIN, sim_module_unload());
	test_connect(&sim.d[0]);
	test_err(EAGAIN, sim_module_unload());
	test_connected(&sim.d[0]);

	test_ok(sim_platform_live(&sim.p, false));
	test_ok(sim_platform_destroy(&sim.p));
	test_ok(sim_module_unload());
	ASSERT_FALSE(sim_exists(SIM_ROOT));

	test_ok(sim_module_load());
	test_ok(sim_build(&sim, "alpha", 1));
	test_works(&sim.d[0]);
	test_ok(sim_platform_destroy(&sim.p));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
