// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a bad device makes of connect: each fault ends in its errno, leaves the
 * device as it was, and is forgotten once the device behaves.
 */
#include <linux/pci_regs.h>

#include "tsm_harness.h"
#include "tsm_tdi.h"

/* How the log tells of a conversation that failed; a message's name follows */
#define FAILED_AT "tsm-sim: conversation failed at "

FIXTURE(fault)
{
	struct sim sim;
	struct sim_device *d;
	long available;
	int log;
};

/*
 * @fault as the simulator wants it, struck at message @at (0: it has no
 * message); @error is how connect is to end; @log is what the kernel logs then,
 * FAILED_AT and a message's name if it has no blank in it. A device that says
 * nothing fails at a request, one that says something wrong at an answer.
 */
FIXTURE_VARIANT(fault)
{
	const char *fault;
	int at;
	const char *arg;
	int error;
	const char *log;
};

/*
 * The conversation is a good two dozen messages: the first ten or so authenticate
 * in the clear, the others are in the session. 3 and 18 stand for the two halves.
 */
FIXTURE_VARIANT_ADD(fault, no_answer_first)
	{ .fault = "no-answer", .at = 1, .error = EIO,
	  .log = "GET_VERSION" };
FIXTURE_VARIANT_ADD(fault, no_answer)
	{ .fault = "no-answer", .at = 3, .error = EIO,
	  .log = "NEGOTIATE_ALGORITHMS" };
FIXTURE_VARIANT_ADD(fault, no_answer_in_session)
	{ .fault = "no-answer", .at = 18, .error = EIO,
	  .log = "K_SET_GO" };
FIXTURE_VARIANT_ADD(fault, doe_error)
	{ .fault = "doe-error", .at = 3, .error = EIO,
	  .log = "NEGOTIATE_ALGORITHMS" };
FIXTURE_VARIANT_ADD(fault, doe_error_in_session)
	{ .fault = "doe-error", .at = 18, .error = EIO,
	  .log = "K_SET_GO" };
FIXTURE_VARIANT_ADD(fault, truncate)
	{ .fault = "truncate", .at = 3, .error = EBADMSG,
	  .log = "ALGORITHMS" };
FIXTURE_VARIANT_ADD(fault, truncate_much)
	{ .fault = "truncate", .at = 3, .arg = "64", .error = EBADMSG,
	  .log = "ALGORITHMS" };
FIXTURE_VARIANT_ADD(fault, truncate_in_session)
	{ .fault = "truncate", .at = 18, .error = EBADMSG,
	  .log = "K_SET_GO" };
FIXTURE_VARIANT_ADD(fault, oversize)
	{ .fault = "oversize", .at = 3, .error = EBADMSG,
	  .log = "ALGORITHMS" };
FIXTURE_VARIANT_ADD(fault, oversize_much)
	{ .fault = "oversize", .at = 3, .arg = "1000", .error = EBADMSG,
	  .log = "ALGORITHMS" };
FIXTURE_VARIANT_ADD(fault, oversize_in_session)
	{ .fault = "oversize", .at = 18, .error = EBADMSG,
	  .log = "K_SET_GO" };
FIXTURE_VARIANT_ADD(fault, corrupt_in_session)
	{ .fault = "corrupt", .at = 18, .error = EBADMSG,
	  .log = "K_SET_GO" };
FIXTURE_VARIANT_ADD(fault, busy_once)
	{ .fault = "busy", .at = 3, .arg = "1" };
FIXTURE_VARIANT_ADD(fault, busy_thrice)
	{ .fault = "busy", .at = 3, .arg = "3" };
FIXTURE_VARIANT_ADD(fault, busy_in_session)
	{ .fault = "busy", .at = 18, .arg = "2" };
FIXTURE_VARIANT_ADD(fault, busy_for_ever)
	{ .fault = "busy", .at = 3, .arg = "1000000", .error = ETIMEDOUT,
	  .log = "ALGORITHMS" };
FIXTURE_VARIANT_ADD(fault, not_ready)
	{ .fault = "not-ready", .at = 3 };
FIXTURE_VARIANT_ADD(fault, unexpected_first)
	{ .fault = "unexpected", .at = 1, .error = EPROTO,
	  .log = "VERSION" };
FIXTURE_VARIANT_ADD(fault, unexpected)
	{ .fault = "unexpected", .at = 3, .error = EPROTO,
	  .log = "ALGORITHMS" };
FIXTURE_VARIANT_ADD(fault, unexpected_in_session)
	{ .fault = "unexpected", .at = 18, .error = EPROTO,
	  .log = "K_SET_GO" };
FIXTURE_VARIANT_ADD(fault, bad_chain)
	{ .fault = "bad-chain", .error = EKEYREJECTED,
	  .log = "CERTIFICATE" };
FIXTURE_VARIANT_ADD(fault, bad_identity)
	{ .fault = "bad-identity", .error = EKEYREJECTED,
	  .log = "CERTIFICATE" };
FIXTURE_VARIANT_ADD(fault, bad_measurement)
	{ .fault = "bad-measurement", .error = EKEYREJECTED,
	  .log = "MEASUREMENTS" };
FIXTURE_VARIANT_ADD(fault, key_refused)
	{ .fault = "key-refused", .at = 1, .arg = "0", .error = EKEYREJECTED,
	  .log = "KEY_PROG: device refuses the key of sub-stream 0 Rx" };
FIXTURE_VARIANT_ADD(fault, last_key_refused)
	{ .fault = "key-refused", .at = 1, .arg = "5", .error = EKEYREJECTED,
	  .log = "KEY_PROG: device refuses the key of sub-stream 2 Tx" };
FIXTURE_VARIANT_ADD(fault, never_secure)
	{ .fault = "never-secure", .error = ENXIO,
	  .log = "IDE stream 0 does not get secure" };

FIXTURE_SETUP(fault)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
	self->available = sim_streams_available(&self->sim.p);
	self->log = sim_log_open();
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(fault)
{
	close(self->log);
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

/* Whoever runs such a device finds in the log what it did wrong, and where */
static void test_logged(struct __test_metadata *_metadata, int log,
			const char *bdf, const char *expected)
{
	char line[256];

	if (!expected) {
		EXPECT_FALSE(sim_log_find(log, bdf, "tsm-sim: ", line,
					  sizeof(line))) {
			TH_LOG("logged: %s", line);
		}
	} else if (strchr(expected, ' ')) {
		EXPECT_TRUE(sim_log_find(log, bdf, expected, line,
					 sizeof(line)));
	} else {
		EXPECT_TRUE(sim_log_find(log, bdf, FAILED_AT, line,
					 sizeof(line)));
		line[strcspn(line, ":")] = '\0';
		EXPECT_STREQ(expected, line);
	}
}

TEST_F(fault, ends_and_is_forgotten)
{
	if (variant->at)
		test_ok(sim_set(self->d, "fault", "%s %d %s", variant->fault,
				variant->at, variant->arg ?: ""));
	else
		test_ok(sim_set(self->d, "fault", "%s", variant->fault));
	ASSERT_EQ(0, sim_count(self->d, "fault_hits"));

	test_err(variant->error, sim_connect(self->d));
	ASSERT_LT(0, sim_count(self->d, "fault_hits"));
	test_logged(_metadata, self->log, self->d->bdf, variant->log);
	if (variant->error) {
		test_idle(self->d);
		ASSERT_EQ(self->available,
			  sim_streams_available(&self->sim.p));
	} else {
		test_connected(self->d);
		test_disconnect(self->d);
	}

	test_ok(sim_set(self->d, "fault", "none"));
	test_works(self->d);
	ASSERT_EQ(self->available, sim_streams_available(&self->sim.p));
}

FIXTURE(faults)
{
	struct sim sim;
	struct sim_device *d;
};

FIXTURE_SETUP(faults)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(faults)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(faults, settings)
{
	static const char * const wrong[] = {
		"nonsense", "corrupt x", "corrupt 0", "corrupt 1 x",
		"corrupt 1 2 3", "key-refused 1 6", "none 1",
	};
	char buf[64];
	size_t i;

	test_ok(sim_get(self->d, "fault", buf, sizeof(buf)));
	ASSERT_STREQ("none", buf);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		test_err(EINVAL, sim_set(self->d, "fault", "%s", wrong[i]));
	test_ok(sim_get(self->d, "fault", buf, sizeof(buf)));
	ASSERT_STREQ("none", buf);
	test_works(self->d);
}

/* A mailbox that takes plain messages only, for which no session can be had */
TEST_F(faults, no_secured_messages)
{
	test_ok(sim_platform_live(&self->sim.p, false));
	test_ok(sim_set(self->d, "secured_doe", "0"));
	test_ok(sim_up(&self->sim));
	test_err(EBUSY, sim_set(self->d, "secured_doe", "1"));
	test_err_connect(EOPNOTSUPP, self->d);
	test_idle(self->d);

	test_ok(sim_platform_live(&self->sim.p, false));
	test_ok(sim_set(self->d, "secured_doe", "1"));
	test_ok(sim_up(&self->sim));
	test_works(self->d);
}

/* Somebody else uses the mailbox, whom the device does not answer */
TEST_F(faults, mailbox_in_use)
{
	/* an SPDM message in a CMA-SPDM object of three dwords: GET_VERSION */
	static const uint32_t object[] = { 0x00010001, 3, 0x00008410 };
	const char *bdf = self->d->bdf;
	size_t i;
	int doe;

	doe = sim_cfg_ext_cap(bdf, PCI_EXT_CAP_ID_DOE);
	ASSERT_LT(0, doe);
	test_ok(sim_set(self->d, "fault", "no-answer 1"));
	for (i = 0; i < ARRAY_SIZE(object); i++)
		test_ok(sim_cfg_write(bdf, doe + PCI_DOE_WRITE, 4, object[i]));
	test_ok(sim_cfg_write(bdf, doe + PCI_DOE_CTRL, 4, PCI_DOE_CTRL_GO));

	test_err_connect(EBUSY, self->d);
	test_idle(self->d);
	test_ok(sim_set(self->d, "fault", "none"));
	test_works(self->d);
}

/* A fault that stays fails every time; each failure leaves nothing behind */
TEST_F(faults, again_and_again)
{
	long available = sim_streams_available(&self->sim.p);
	int i;

	test_ok(sim_set(self->d, "fault", "never-secure"));
	for (i = 0; i < 5; i++) {
		test_err_connect(ENXIO, self->d);
		test_idle(self->d);
	}
	ASSERT_EQ(available, sim_streams_available(&self->sim.p));
	test_ok(sim_set(self->d, "fault", "none"));
	test_works(self->d);
}

/* The longest that a device may take for an answer: within the limits of both */
TEST_F(faults, slow)
{
	test_ok(sim_set(self->d, "latency_ms", "%u", SIM_MAX_LATENCY_MS));
	test_connect(self->d);
	test_connected(self->d);
	test_ok(sim_set(self->d, "latency_ms", "0"));
	test_disconnect(self->d);
	test_idle(self->d);
}

/*
 * Disconnect does not depend on the device: whatever it answers, or if it
 * answers at all, the link is down and the attributes are back.
 */
FIXTURE(deaf)
{
	struct sim sim;
	struct sim_device *d;
};

FIXTURE_VARIANT(deaf)
{
	const char *fault;
};

FIXTURE_VARIANT_ADD(deaf, no_answer) { .fault = "no-answer" };
FIXTURE_VARIANT_ADD(deaf, doe_error) { .fault = "doe-error" };
FIXTURE_VARIANT_ADD(deaf, corrupt) { .fault = "corrupt" };
FIXTURE_VARIANT_ADD(deaf, unexpected) { .fault = "unexpected" };

FIXTURE_SETUP(deaf)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(deaf)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(deaf, disconnect)
{
	char buf[64];
	long k;

	k = sim_count(self->d, "messages");
	test_connect(self->d);
	k = sim_count(self->d, "messages") - k;

	/* From the next message on; a sticky fault strikes at one message */
	test_ok(sim_set(self->d, "fault", "%s %ld", variant->fault, k + 1));
	test_disconnect(self->d);
	ASSERT_LT(0, sim_count(self->d, "fault_hits"));
	test_ok(sim_pci_read(self->d->bdf, "tsm/connect", buf, sizeof(buf)));
	ASSERT_STREQ("", buf);
	test_ok(sim_get(self->d, "ide_state", buf, sizeof(buf)));
	ASSERT_STREQ("insecure insecure", buf);
	ASSERT_EQ(0, sim_streams(&self->sim.p, self->d->bdf));

	test_ok(sim_set(self->d, "fault", "none"));
	test_works_again(self->d);
}

/* The device is pulled out at message @at */
FIXTURE(pulled)
{
	struct sim sim;
	struct sim_device *d;
};

FIXTURE_VARIANT(pulled)
{
	int at;
};

FIXTURE_VARIANT_ADD(pulled, first) { .at = 1 };
FIXTURE_VARIANT_ADD(pulled, authenticating) { .at = 6 };
FIXTURE_VARIANT_ADD(pulled, in_session) { .at = 18 };

FIXTURE_SETUP(pulled)
{
	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", 1));
	self->d = &self->sim.d[0];
}

FIXTURE_TEARDOWN(pulled)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F(pulled, out)
{
	test_ok(sim_set(self->d, "fault", "remove %d", variant->at));
	test_err_connect(ENODEV, self->d);
	ASSERT_TRUE(sim_wait(!sim_pci_exists(self->d->bdf, "vendor"),
			     PROMPT_MS));
	ASSERT_EQ(0, sim_streams(&self->sim.p, self->d->bdf));

	test_ok(sim_set(self->d, "fault", "none"));
	test_ok(sim_power_cycle(&self->sim));
	test_works(self->d);
}

/*
 * One flipped bit in any message is one too many, and so is a dword that lacks.
 * Two devices take turns at the messages, for a processor each.
 */
#define NR_LANES 2

FIXTURE(sweep)
{
	struct sim sim;
	struct sim_job job[NR_LANES];
	long messages;
	int log[NR_LANES];
};

FIXTURE_VARIANT(sweep)
{
	const char *fault;
	unsigned int arg;
	unsigned int step;
	bool may_reject;
};

/*
 * In the clear, a flip passes the parser or not, and the signature over the
 * transcript finds the rest; in the session, the tag finds each.
 */
FIXTURE_VARIANT_ADD(sweep, flip_in_header)
	{ .fault = "corrupt", .arg = 3, .may_reject = true };
/* Another bit in each message */
FIXTURE_VARIANT_ADD(sweep, flip_in_body)
	{ .fault = "corrupt", .arg = 33, .step = 5, .may_reject = true };
FIXTURE_VARIANT_ADD(sweep, cut)
	{ .fault = "truncate", .arg = 1 };

FIXTURE_SETUP(sweep)
{
	struct sim_device *d;

	sim_sweep();
	test_ok(sim_build(&self->sim, "alpha", NR_LANES));
	d = &self->sim.d[0];
	test_connect(d);
	self->messages = sim_count(d, "messages");
	test_disconnect(d);
}

/* Is it the name of an answer, or of an object that is answered? */
static bool is_message(const char *name)
{
	static const char * const names[] = {
		"VERSION", "CAPABILITIES", "ALGORITHMS", "DIGESTS",
		"CERTIFICATE", "CHALLENGE_AUTH", "KEY_EXCHANGE_RSP",
		"FINISH_RSP", "MEASUREMENTS", "QUERY", "KEY_PROG", "K_SET_GO",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void test_message_logged(struct __test_metadata *_metadata, int log,
				struct sim_device *d)
{
	char line[256];

	EXPECT_TRUE(sim_log_find(log, d->bdf, FAILED_AT, line, sizeof(line)));
	line[strcspn(line, ":")] = '\0';
	EXPECT_TRUE(is_message(line)) {
		TH_LOG("failed at %s", line);
	}
}

FIXTURE_TEARDOWN(sweep)
{
	EXPECT_EQ(0, sim_platform_destroy(&self->sim.p));
}

TEST_F_TIMEOUT(sweep, every_message, 300)
{
	struct sim_device *d = self->sim.d;
	long k, lane, lanes;

	ASSERT_LT(10, self->messages);
	for (k = 1; k <= self->messages; k += lanes) {
		lanes = self->messages + 1 - k;
		if (lanes > NR_LANES)
			lanes = NR_LANES;

		for (lane = 0; lane < lanes; lane++) {
			test_ok(sim_set(&d[lane], "fault", "%s %ld %ld",
					variant->fault, k + lane,
					variant->arg +
					(k + lane) * variant->step));
			self->log[lane] = sim_log_open();
			ASSERT_LE(0, self->log[lane]);
			test_ok(sim_job_connect(&self->job[lane], NULL,
						&d[lane]));
		}

		for (lane = 0; lane < lanes; lane++) {
			int err = sim_job_wait(&self->job[lane],
					       CONVERSATION_MS);

			if (variant->may_reject && err == -EKEYREJECTED)
				err = -EBADMSG;
			EXPECT_EQ(-EBADMSG, err) {
				TH_LOG("message %ld of %ld", k + lane,
				       self->messages);
			}
			EXPECT_EQ(1, sim_count(&d[lane], "fault_hits"));
			test_message_logged(_metadata, self->log[lane],
					    &d[lane]);
			close(self->log[lane]);
			if (!err)
				test_disconnect(&d[lane]);
			EXPECT_STREQ(SIM_STATE_IDLE, sim_state(&d[lane]));
		}
	}

	for (lane = 0; lane < NR_LANES; lane++)
		test_ok(sim_set(&d[lane], "fault", "none"));
	test_works(&d[0]);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
