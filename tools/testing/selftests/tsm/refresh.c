// SPDX-License-Identifier: GPL-2.0-only
/*
 * New keys for the link of a connected device: it is secure all the time, and
 * what goes wrong leaves it connected with keys that it has.
 */
#include "tsm_harness.h"

/*
 * For each of two directions and three sub-streams, a key is programmed and
 * taken into use, and the former one is stopped.
 */
#define NR_KEYS			6
#define MSG_KEY_PROG		1
#define MSG_K_SET_GO_RX		(MSG_KEY_PROG + NR_KEYS)
#define MSG_K_SET_GO_TX		(MSG_K_SET_GO_RX + NR_KEYS / 2)
#define MSG_K_SET_STOP_TX	(MSG_K_SET_GO_TX + NR_KEYS / 2)
#define MSG_K_SET_STOP_RX	(MSG_K_SET_STOP_TX + NR_KEYS / 2)
#define NR_MESSAGES		(3 * NR_KEYS)

#define SECURE			"secure secure"

static int sim_refresh(struct sim_device *d)
{
	return sim_set(d, "refresh_keys", "1");
}

static int job_refresh(struct sim_job *job, const int *gate,
		       struct sim_device *d)
{
	char path[SIM_PATH];

	snprintf(path, sizeof(path), SIM_ROOT "/%s/%s/refresh_keys",
		 d->platform->name, d->name);
	return sim_job_write(job, gate, path, "1");
}

#define test_refresh(d) test_ok(sim_refresh(d))
#define test_err_refresh(err, d) test_err(err, sim_refresh(d))

/* Start in another process, return when the two sides are talking */
#define test_start_refresh(job, d) _test_start_refresh(_metadata, job, d)
static void _test_start_refresh(struct __test_metadata *_metadata,
				struct sim_job *job, struct sim_device *d)
{
	long before = sim_count(d, "messages");

	test_ok(job_refresh(job, NULL, d));
	ASSERT_TRUE(sim_conversing(d, before, 2, PROMPT_MS));
	ASSERT_TRUE(sim_job_running(job));
}

FIXTURE(refresh)
{
	struct sim sim;
	struct sim_device *d;
	struct sim_job job;
	struct sim_job other;
	long available;
};

FIXTURE_SETUP(refresh)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
	self->available = sim_streams_available(&self->sim.p);
}

FIXTURE_TEARDOWN(refresh)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(refresh, wants_a_connection)
{
	test_err(EINVAL, sim_set(self->d, "refresh_keys", "0"));
	test_err(EINVAL, sim_set(self->d, "refresh_keys", "x"));
	test_err_refresh(ENOTCONN, self->d);
	test_idle(self->d);

	test_connect(self->d);
	test_err(EINVAL, sim_set(self->d, "refresh_keys", "0"));
	test_refresh(self->d);
	test_disconnect(self->d);
	test_err_refresh(ENOTCONN, self->d);
	test_idle(self->d);

	test_ok(sim_platform_live(&self->sim.p, false));
	test_err_refresh(ENOTCONN, self->d);
}

/* Both key sets take their turn; nobody ever sees the link without keys */
TEST_F(refresh, stays_secure)
{
	long before, looks, round;
	char buf[64];

	test_connect(self->d);
	test_ok(sim_set(self->d, "latency_ms", "20"));
	for (round = 0; round < 4; round++) {
		before = sim_count(self->d, "messages");
		test_start_refresh(&self->job, self->d);
		for (looks = 0; sim_job_running(&self->job); looks++) {
			test_ok(sim_get(self->d, "ide_state", buf,
					sizeof(buf)));
			ASSERT_STREQ(SECURE, buf);
		}
		ASSERT_LT(1, looks);
		test_ok(sim_job_wait(&self->job, CONVERSATION_MS));

		/* The former keys were taken back, too */
		ASSERT_EQ(NR_MESSAGES, sim_count(self->d, "messages") - before);
		test_connected(self->d);
	}

	test_ok(sim_set(self->d, "latency_ms", "0"));
	test_disconnect(self->d);
	test_idle(self->d);
	test_works(self->d);
}

/* Two users at once: one after the other, and neither spoils the other's keys */
TEST_F(refresh, at_the_same_time)
{
	long before;
	int gate[2];

	test_connect(self->d);
	before = sim_count(self->d, "messages");
	test_ok(sim_gate(gate));
	test_ok(job_refresh(&self->job, gate, self->d));
	test_ok(job_refresh(&self->other, gate, self->d));
	sim_gate_open(gate);
	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_ok(sim_job_wait(&self->other, CONVERSATION_MS));
	ASSERT_EQ(2 * NR_MESSAGES, sim_count(self->d, "messages") - before);
	test_connected(self->d);
	test_disconnect(self->d);
	test_idle(self->d);
}

TEST_F(refresh, not_before_connected)
{
	test_ok(sim_set(self->d, "latency_ms", "100"));
	test_start_connect(&self->job, self->d);
	test_err_refresh(ENOTCONN, self->d);
	ASSERT_TRUE(sim_job_running(&self->job));
	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_refresh(self->d);
	test_connected(self->d);
	test_ok(sim_set(self->d, "latency_ms", "0"));
	test_disconnect(self->d);
	test_idle(self->d);
}

/* The conversation goes on to its end, then the device is disconnected */
TEST_F(refresh, disconnect_waits)
{
	test_connect(self->d);
	test_ok(sim_set(self->d, "latency_ms", "100"));
	test_start_refresh(&self->job, self->d);
	test_ok(sim_job_disconnect(&self->other, NULL, self->d));
	/* Nothing new begins from here on */
	ASSERT_TRUE(sim_wait(sim_refresh(self->d) == -ENOTCONN, PROMPT_MS));
	ASSERT_TRUE(sim_job_running(&self->other));

	test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_ok(sim_job_wait(&self->other, CONVERSATION_MS));
	test_idle(self->d);
	test_ok(sim_set(self->d, "latency_ms", "0"));
	test_works(self->d);
}

TEST_F(refresh, removed_meanwhile)
{
	long long start_ms;

	test_connect(self->d);
	test_ok(sim_set(self->d, "latency_ms", "800"));
	test_start_refresh(&self->job, self->d);
	start_ms = sim_now_ms();
	test_ok(sim_pci_write(self->d->bdf, "remove", "1"));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_err(ENODEV, sim_job_wait(&self->job, PROMPT_MS));
	ASSERT_EQ(self->available, sim_streams_available(&self->sim.p));

	test_ok(sim_set(self->d, "latency_ms", "0"));
	test_ok(sim_pci_rescan(&self->sim.p));
	test_works_again(self->d);
}

TEST_F(refresh, tsm_leaves_meanwhile)
{
	int err;

	test_connect(self->d);
	test_ok(sim_set(self->d, "latency_ms", "100"));
	test_start_refresh(&self->job, self->d);
	test_ok(sim_platform_live(&self->sim.p, false));
	/* It may be over, or have been ended, but it is not under way */
	err = sim_job_wait(&self->job, PROMPT_MS);
	if (err)
		test_err(ENXIO, err);

	test_ok(sim_up(&self->sim));
	test_ok(sim_set(self->d, "latency_ms", "0"));
	test_works(self->d);
}

/* A user who is killed leaves a link and a session that work */
TEST_F(refresh, killed)
{
	long long killed_ms;

	test_connect(self->d);
	test_ok(sim_set(self->d, "latency_ms", "300"));
	test_start_refresh(&self->job, self->d);
	killed_ms = sim_now_ms();
	sim_job_kill(&self->job);
	ASSERT_EQ(SIM_JOB_KILLED, sim_job_wait(&self->job, CONVERSATION_MS));
	ASSERT_GE(2000, sim_now_ms() - killed_ms);
	test_connected(self->d);

	test_ok(sim_set(self->d, "latency_ms", "0"));
	test_ok(sim_refresh(self->d));
	test_connected(self->d);
	test_disconnect(self->d);
	test_idle(self->d);
	test_works(self->d);
}

/* What a bad device makes of it */
FIXTURE(refresh_fault)
{
	struct sim sim;
	struct sim_device *d;
};

/*
 * @fault strikes at message @at of the refresh (0: it has no message); it ends
 * with @error, and further attempts do with @again.
 */
FIXTURE_VARIANT(refresh_fault)
{
	const char *fault;
	int at;
	int error;
	int again;
};

FIXTURE_VARIANT_ADD(refresh_fault, key_refused)
	{ .fault = "key-refused 1 0", .error = EKEYREJECTED };
FIXTURE_VARIANT_ADD(refresh_fault, last_key_refused)
	{ .fault = "key-refused 1 5", .error = EKEYREJECTED };
FIXTURE_VARIANT_ADD(refresh_fault, busy)
	{ .fault = "busy", .at = MSG_K_SET_GO_RX };
FIXTURE_VARIANT_ADD(refresh_fault, unexpected)
	{ .fault = "unexpected", .at = MSG_KEY_PROG, .error = EPROTO };
FIXTURE_VARIANT_ADD(refresh_fault, no_answer_key_prog)
	{ .fault = "no-answer", .at = MSG_KEY_PROG, .error = EIO,
	  .again = EIO };
FIXTURE_VARIANT_ADD(refresh_fault, corrupt_key_prog)
	{ .fault = "corrupt", .at = MSG_KEY_PROG + 5, .error = EBADMSG,
	  .again = EIO };
FIXTURE_VARIANT_ADD(refresh_fault, corrupt_go_rx)
	{ .fault = "corrupt", .at = MSG_K_SET_GO_RX, .error = EBADMSG,
	  .again = EIO };
FIXTURE_VARIANT_ADD(refresh_fault, corrupt_go_tx)
	{ .fault = "corrupt", .at = MSG_K_SET_GO_TX, .error = EBADMSG,
	  .again = EIO };
FIXTURE_VARIANT_ADD(refresh_fault, corrupt_stop_tx)
	{ .fault = "corrupt", .at = MSG_K_SET_STOP_TX, .error = EBADMSG,
	  .again = EIO };
FIXTURE_VARIANT_ADD(refresh_fault, corrupt_stop_rx)
	{ .fault = "corrupt", .at = MSG_K_SET_STOP_RX, .error = EBADMSG,
	  .again = EIO };

FIXTURE_SETUP(refresh_fault)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(refresh_fault)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(refresh_fault, leaves_it_connected)
{
	struct sim_device *d = self->d;
	long k = sim_count(d, "messages");

	test_connect(d);
	k = sim_count(d, "messages") - k;

	if (variant->at)
		test_ok(sim_set(d, "fault", "%s %ld", variant->fault,
				k + variant->at));
	else
		test_ok(sim_set(d, "fault", "%s", variant->fault));
	test_err_refresh(variant->error, d);
	ASSERT_LT(0, sim_count(d, "fault_hits"));
	test_connected(d);

	test_ok(sim_set(d, "fault", "none"));
	test_err_refresh(variant->again, d);
	test_connected(d);

	test_disconnect(d);
	test_idle(d);
	test_connect(d);
	test_refresh(d);
	test_connected(d);
	test_disconnect(d);
	test_idle(d);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
