// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the simulated device's security manager: the faults, and
 * conversations without a bus.
 */
#include <kunit/test.h>
#include <linux/pci.h>

#include "test-dsm.h"

int dsm_test_init(struct kunit *test)
{
	struct dsm_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->d = sim_device_create();
	KUNIT_ASSERT_NOT_NULL(test, t->d);
	KUNIT_ASSERT_EQ(test, sim_device_build(t->d), 0);
	return 0;
}

void dsm_test_exit(struct kunit *test)
{
	struct dsm_test *t = test->priv;

	if (!t || !t->d)
		return;
	sim_device_dismantle(t->d);
	sim_device_destroy(t->d);
}

/* Faults */

struct fault_text {
	const char *text;
	const char *shown;
};

static void fault_expect_shown(struct kunit *test, const char *shown)
{
	char *page = (void *)get_zeroed_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	sim_fault_show(to_dev(test), page);
	KUNIT_EXPECT_STREQ(test, page, shown);
	free_page((unsigned long)page);
}

static void fault_text(struct kunit *test)
{
	static const struct fault_text good[] = {
		{ "none", "none\n" },
		{ "no-answer\n", "no-answer 1\n" },
		{ "no-answer 17", "no-answer 17\n" },
		{ "doe-error 2\n", "doe-error 2\n" },
		{ "truncate", "truncate 1 1\n" },
		{ "truncate 3 64", "truncate 3 64\n" },
		{ "oversize 4", "oversize 4 1\n" },
		{ "corrupt 5", "corrupt 5\n" },
		{ "corrupt 5 0", "corrupt 5 0\n" },
		{ "busy 3 1000000\n", "busy 3 1000000\n" },
		{ "not-ready 9", "not-ready 9\n" },
		{ "unexpected", "unexpected 1\n" },
		{ "bad-chain\n", "bad-chain\n" },
		{ "bad-identity", "bad-identity\n" },
		{ "bad-measurement", "bad-measurement\n" },
		{ "key-refused", "key-refused 1 0\n" },
		{ "key-refused 1 5", "key-refused 1 5\n" },
		{ "never-secure", "never-secure\n" },
		{ "tdisp-error 3", "tdisp-error 3 5\n" },
		{ "tdisp-error 7 4294967295", "tdisp-error 7 4294967295\n" },
		{ "tdisp-silent", "tdisp-silent 1\n" },
		{ "tdisp-length 3 31", "tdisp-length 3 31\n" },
		{ "tdisp-other 11", "tdisp-other 11\n" },
		{ "no-entropy", "no-entropy\n" },
		{ "state-lies", "state-lies 2\n" },
		{ "state-lies 0", "state-lies 0\n" },
		{ "report-bad 12", "report-bad 12\n" },
		{ "report-portions\n", "report-portions 16\n" },
		{ "report-empty", "report-empty\n" },
		{ "report-lies", "report-lies\n" },
		{ "report-endless", "report-endless\n" },
		{ "dma-poisoned", "dma-poisoned\n" },
		{ "remove 6", "remove 6\n" },
	};
	static const char * const wrong[] = {
		"", "\n", " ", "nonsense", "None", "no-answer 0",
		"no-answer -1", "no-answer x", "no-answer 1 1", "none 1",
		"corrupt x", "corrupt 1 x", "corrupt 1 2 3", "corrupt 1,2",
		"corrupt 1 4294967296", "bad-chain 1", "never-secure 1",
		"key-refused 1 6", "busy 99999999999", "truncate1",
		"tdisp-error 0", "tdisp-error 12", "tdisp-silent 1 1",
		"tdisp-length 3 1025", "tdisp-other 12", "state-lies 256",
		"report-bad 13", "report-lies 1", "no-entropy 1",
	};

	for (int i = 0; i < ARRAY_SIZE(good); i++) {
		KUNIT_EXPECT_EQ_MSG(test, 0,
				    sim_fault_parse(to_dev(test), good[i].text),
				    "%s", good[i].text);
		fault_expect_shown(test, good[i].shown);
		/* What is shown can be written */
		KUNIT_EXPECT_EQ(test, 0,
				sim_fault_parse(to_dev(test), good[i].shown));
		fault_expect_shown(test, good[i].shown);
	}
	for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    sim_fault_parse(to_dev(test), wrong[i]),
				    "%s", wrong[i]);
		fault_expect_shown(test, "remove 6\n");
	}
}

/* One message; what the mailbox is to do with it */
static enum sim_fault_action fault_message(struct kunit *test, u8 code)
{
	struct spdm_hdr hdr = { .code = code };

	return sim_fault_request(to_dev(test), SPDM_DOE_CMA, &hdr, sizeof(hdr));
}

static void fault_set(struct kunit *test, const char *text)
{
	KUNIT_ASSERT_EQ(test, sim_fault_parse(to_dev(test), text), 0);
	KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 0);
}

static void fault_count(struct kunit *test)
{
	static const struct {
		const char *text;
		enum sim_fault_action action;
	} faults[] = {
		{ "no-answer 3", SIM_FAULT_NO_ANSWER },
		{ "doe-error 3", SIM_FAULT_DOE_ERROR },
		{ "remove 3", SIM_FAULT_REMOVE },
	};

	for (int i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_set(test, faults[i].text);
		for (int round = 1; round <= 3; round++) {
			for (int k = 1; k <= 6; k++)
				KUNIT_EXPECT_EQ(test, k == 3 ?
						faults[i].action :
						SIM_FAULT_NONE,
						fault_message(test, k == 1 ?
							      SPDM_GET_VERSION :
							      SPDM_CHALLENGE));
			KUNIT_EXPECT_EQ(test, round,
					sim_fault_hits(to_dev(test)));
		}
	}

	/* In a session the first bytes are of the record, not of a request */
	fault_set(test, "no-answer 2");
	fault_message(test, SPDM_GET_VERSION);
	KUNIT_EXPECT_EQ(test, SIM_FAULT_NO_ANSWER,
			sim_fault_request(to_dev(test), SPDM_DOE_SECURED,
					  &(struct spdm_hdr) {
						.code = SPDM_GET_VERSION },
					  sizeof(struct spdm_hdr)));
	/* Too short for a header */
	sim_fault_request(to_dev(test), SPDM_DOE_CMA, NULL, 0);
}

static size_t fault_answer(struct kunit *test, const char *text, u8 *rsp,
			   size_t len, size_t size)
{
	fault_set(test, text);
	fault_message(test, SPDM_GET_VERSION);
	for (size_t i = 0; i < size; i++)
		rsp[i] = i;
	return sim_fault_response(to_dev(test), SPDM_DOE_CMA, rsp, len, size);
}

static size_t fault_flipped(const u8 *rsp, size_t len)
{
	size_t bits = 0;

	for (size_t i = 0; i < len; i++)
		bits += hweight8(rsp[i] ^ (u8)i);
	return bits;
}

static void fault_spoiled(struct kunit *test)
{
	u8 rsp[64];

	KUNIT_EXPECT_EQ(test, 16, fault_answer(test, "none", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 12, fault_answer(test, "truncate", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 8, fault_answer(test, "truncate 1 2", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 0,
			fault_answer(test, "truncate 1 4294967295", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 20, fault_answer(test, "oversize", rsp, 16, 64));
	KUNIT_EXPECT_NE(test, get_unaligned_le32(rsp + 16), 0);
	KUNIT_EXPECT_EQ(test, 64,
			fault_answer(test, "oversize 1 4294967295", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 64, fault_answer(test, "oversize", rsp, 64, 64));

	/* Exactly one bit, of the answer and not of what is behind */
	for (unsigned int bit = 0; bit < 300; bit += 7) {
		char text[32];

		snprintf(text, sizeof(text), "corrupt 1 %u", bit);
		KUNIT_EXPECT_EQ(test, 16, fault_answer(test, text, rsp, 16, 64));
		KUNIT_EXPECT_EQ(test, 1, fault_flipped(rsp, 16));
		KUNIT_EXPECT_EQ(test, 1, fault_flipped(rsp, 64));
	}
	KUNIT_EXPECT_EQ(test, 16, fault_answer(test, "corrupt", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 1, fault_flipped(rsp, 16));
	KUNIT_EXPECT_EQ(test, 0, fault_answer(test, "corrupt", rsp, 0, 64));

	/* Not this message */
	KUNIT_EXPECT_EQ(test, 16, fault_answer(test, "truncate 2", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 0, fault_flipped(rsp, 16));
	KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 0);
}

static void fault_errors(struct kunit *test)
{
	static const struct {
		const char *text;
		u8 code;
		int first, last;
	} faults[] = {
		{ "busy 2", SPDM_ERR_BUSY, 2, 2 },
		{ "busy 2 3", SPDM_ERR_BUSY, 2, 4 },
		{ "busy 3 4294967295", SPDM_ERR_BUSY, 3, 8 },
		{ "busy 3 0", SPDM_ERR_BUSY, 0, 0 },
		{ "not-ready 5", SPDM_ERR_NOT_READY, 5, 5 },
		{ "unexpected", SPDM_ERR_UNEXPECTED_REQUEST, 1, 1 },
		{ "none", 0, 0, 0 },
	};

	for (int i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_set(test, faults[i].text);
		for (int k = 1; k <= 8; k++) {
			bool hit = k >= faults[i].first && k <= faults[i].last;

			fault_message(test, k == 1 ? SPDM_GET_VERSION :
						     SPDM_CHALLENGE);
			KUNIT_EXPECT_EQ_MSG(test, hit ? faults[i].code : 0,
					    sim_fault_spdm_error(to_dev(test)),
					    "%s, message %d", faults[i].text, k);
		}
	}
}

/* The repetition of a GET_VERSION is the second message, not the first again */
static void fault_busy_first(struct kunit *test)
{
	for (int round = 1; round <= 2; round++) {
		fault_set(test, "busy 1 2");
		for (int k = 1; k <= 4; k++) {
			fault_message(test, k <= 3 ? SPDM_GET_VERSION :
						     SPDM_CHALLENGE);
			KUNIT_EXPECT_EQ(test, k <= 2 ? SPDM_ERR_BUSY : 0,
					sim_fault_spdm_error(to_dev(test)));
		}
	}
	fault_message(test, SPDM_GET_VERSION);
	KUNIT_EXPECT_EQ(test, SPDM_ERR_BUSY,
			sim_fault_spdm_error(to_dev(test)));
}

/* Being asked again is part of a message, and so is what is said meanwhile */
static void fault_resumed(struct kunit *test)
{
	struct spdm_error_not_ready later = {
		.hdr.code = SPDM_ERROR,
		.hdr.param1 = SPDM_ERR_NOT_READY,
	}, copy = later;
	u8 rsp[8] = {};

	fault_set(test, "corrupt 2");
	fault_message(test, SPDM_GET_VERSION);
	fault_message(test, SPDM_KEY_EXCHANGE);
	sim_fault_response(to_dev(test), SPDM_DOE_CMA, &later, sizeof(later),
			   sizeof(later));
	KUNIT_EXPECT_MEMEQ(test, &later, &copy, sizeof(later));
	fault_message(test, SPDM_RESPOND_IF_READY);
	sim_fault_response(to_dev(test), SPDM_DOE_CMA, rsp, sizeof(rsp),
			   sizeof(rsp));
	KUNIT_EXPECT_EQ(test, hweight8(rsp[7]), 1);
	KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 1);

	fault_set(test, "not-ready 2");
	fault_message(test, SPDM_GET_VERSION);
	fault_message(test, SPDM_KEY_EXCHANGE);
	KUNIT_EXPECT_EQ(test, sim_fault_spdm_error(to_dev(test)),
			SPDM_ERR_NOT_READY);
	fault_message(test, SPDM_RESPOND_IF_READY);
	KUNIT_EXPECT_EQ(test, sim_fault_spdm_error(to_dev(test)), 0);
	KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 1);
	fault_set(test, "unexpected 3");
	fault_message(test, SPDM_CHALLENGE);
	KUNIT_EXPECT_EQ(test, sim_fault_spdm_error(to_dev(test)),
			SPDM_ERR_UNEXPECTED_REQUEST);
}

static void fault_key_refused(struct kunit *test)
{
	stream_set_up(to_dev(test));
	for (int n = 0; n < 6; n++) {
		char text[32];

		snprintf(text, sizeof(text), "key-refused 1 %d", n);
		fault_set(test, text);
		for (int k = 0; k < 6; k++) {
			struct ide_km_msg msg = km_key(IDE_KM_KEY_PROG, 0,
						       k / 3, k % 3);

			km_expect_status(test, SESSION, &msg,
					 k == n ? IDE_KM_FAILED :
						  IDE_KM_SUCCESS);
		}
		KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 1);
	}
}

static void fault_never_secure(struct kunit *test)
{
	km_secure(test, SESSION);
	fault_set(test, "never-secure");
	KUNIT_EXPECT_FALSE(test, stream_secure(to_dev(test)));
	KUNIT_EXPECT_GT(test, sim_fault_hits(to_dev(test)), 0);
	fault_set(test, "none");
	KUNIT_EXPECT_TRUE(test, stream_secure(to_dev(test)));
}

/* A conversation, without mailbox and TSM */

struct conversation {
	struct spdm_requester requester;
	struct spdm_io io;
	u8 chain[SPDM_MAX_MSG];
	u8 object[SPDM_MAX_MSG];
};

static int converse(struct kunit *test, struct conversation *c, int rc)
{
	struct sim_device *d = to_dev(test);

	while (rc == SPDM_SEND) {
		/* As the mailbox has it: whole dwords */
		size_t len = round_up(c->io.req_len, 4);

		memset(c->object, 0, len);
		memcpy(c->object, c->io.req, c->io.req_len);
		sim_fault_request(d, c->io.doe_type, c->object, len);
		rc = sim_dsm_exchange(d, c->io.doe_type, c->object, len,
				      c->io.rsp, c->io.rsp_size);
		if (rc < 0)
			return rc;
		if (!rc)
			return -EIO;
		rc = spdm_requester_step(&c->requester, rc, &c->io);
	}
	return rc;
}

static struct conversation *conversation_begin(struct kunit *test)
{
	struct conversation *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct sim_dsm *dsm = to_dev(test)->dsm;
	struct spdm_requester_config cfg = {
		.crypto = &spdm_kernel_crypto,
		/* The chain object has the root's hash */
		.root_hash = dsm->responder.cfg.chain +
			     offsetof(struct spdm_cert_chain, root_hash),
		.identity = "Vendor=1b36:Device=0110:CC=120000:REV=01:SSVID=1af4:SSID=1100",
	};

	KUNIT_ASSERT_NOT_NULL(test, c);
	cfg.chain_buf = c->chain;
	cfg.chain_size = sizeof(c->chain);
	KUNIT_ASSERT_EQ(test, spdm_requester_init(&c->requester, &cfg), 0);
	return c;
}

static int conversation_connect(struct kunit *test, struct conversation *c)
{
	return converse(test, c, spdm_requester_connect(&c->requester, &c->io));
}

static int conversation_query(struct kunit *test, struct conversation *c)
{
	static const u8 query[3] = { IDE_KM_QUERY };

	return converse(test, c,
			spdm_requester_vendor(&c->requester, SPDM_PROTO_IDE_KM,
					      query, sizeof(query), &c->io));
}

static void dsm_conversation(struct kunit *test)
{
	struct conversation *c = conversation_begin(test);
	struct sim_device *d = to_dev(test);
	struct ide_km_msg rsp;
	const void *payload;
	size_t len;

	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 0);
	KUNIT_ASSERT_EQ(test, conversation_connect(test, c), 0);
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 1);

	KUNIT_ASSERT_EQ(test, conversation_query(test, c), 0);
	KUNIT_ASSERT_EQ(test, 0,
			spdm_requester_vendor_response(&c->requester, &payload,
						       &len));
	KUNIT_EXPECT_EQ(test, ide_km_parse(payload, len, &rsp), 0);
	KUNIT_EXPECT_EQ(test, rsp.nr_regs,
			SIM_IDE_REGS_DW(SIM_IDE_EP_STREAMS));

	/* No TDISP message is that short: refused, and the session goes on */
	KUNIT_EXPECT_EQ(test, -EPROTO,
			converse(test, c,
				 spdm_requester_vendor(&c->requester,
						       SPDM_PROTO_TDISP,
						       "\x10\x81", 2, &c->io)));
	KUNIT_EXPECT_EQ(test, conversation_query(test, c), 0);

	KUNIT_EXPECT_EQ(test, 0,
			converse(test, c, spdm_requester_end(&c->requester,
							     &c->io)));
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 0);
	spdm_requester_wipe(&c->requester);
}

/* Keys are of the session that brought them: gone with it, however it ends */
static void dsm_session_ends(struct kunit *test)
{
	struct conversation *c = conversation_begin(test);
	struct sim_device *d = to_dev(test);

	KUNIT_ASSERT_EQ(test, conversation_connect(test, c), 0);
	km_secure(test, spdm_requester_session(&c->requester));
	KUNIT_EXPECT_EQ(test, 0,
			converse(test, c, spdm_requester_end(&c->requester,
							     &c->io)));
	KUNIT_EXPECT_FALSE(test, stream_secure(d));

	/* GET_VERSION of a requester that knows of no session */
	KUNIT_ASSERT_EQ(test, conversation_connect(test, c), 0);
	km_secure(test, spdm_requester_session(&c->requester));
	spdm_requester_wipe(&c->requester);
	KUNIT_ASSERT_EQ(test, conversation_connect(test, c), 0);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 1);

	/* Conventional reset */
	km_secure(test, spdm_requester_session(&c->requester));
	sim_dsm_session_reset(d);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 0);
	KUNIT_EXPECT_LT(test, conversation_query(test, c), 0);
	spdm_requester_wipe(&c->requester);
}

static void dsm_faults(struct kunit *test)
{
	struct conversation *c = conversation_begin(test);
	static const struct {
		const char *text;
		int error;
	} faults[] = {
		{ "bad-chain", -EKEYREJECTED },
		{ "bad-identity", -EKEYREJECTED },
		{ "bad-measurement", -EKEYREJECTED },
		{ "busy 1 2", 0 },
		{ "busy 4 3", 0 },
		{ "not-ready 1", 0 },
		{ "not-ready 7", 0 },
		{ "not-ready 8", 0 },
		{ "unexpected 6", -EPROTO },
	};

	for (int i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_set(test, faults[i].text);
		KUNIT_EXPECT_EQ_MSG(test, conversation_connect(test, c),
				    faults[i].error, "%s", faults[i].text);
		KUNIT_EXPECT_GT(test, sim_fault_hits(to_dev(test)), 0);
		fault_set(test, "none");
		KUNIT_EXPECT_EQ(test, conversation_connect(test, c), 0);
	}
	spdm_requester_wipe(&c->requester);
}

static struct kunit_case dsm_test_cases[] = {
	KUNIT_CASE(fault_text),
	KUNIT_CASE(fault_count),
	KUNIT_CASE(fault_spoiled),
	KUNIT_CASE(fault_errors),
	KUNIT_CASE(fault_busy_first),
	KUNIT_CASE(fault_resumed),
	KUNIT_CASE(fault_key_refused),
	KUNIT_CASE(fault_never_secure),
	KUNIT_CASE_SLOW(dsm_conversation),
	KUNIT_CASE_SLOW(dsm_session_ends),
	KUNIT_CASE_SLOW(dsm_faults),
	{}
};

static struct kunit_suite dsm_test_suite = {
	.name = "tsm-sim-dsm",
	.init = dsm_test_init,
	.exit = dsm_test_exit,
	.test_cases = dsm_test_cases,
};

kunit_test_suite(dsm_test_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_IMPORT_NS("TSM_SPDM");
MODULE_DESCRIPTION("KUnit tests for the security manager of simulated TDISP devices");
MODULE_LICENSE("GPL");
