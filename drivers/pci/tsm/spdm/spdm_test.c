// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: SPDM conversations with the kernel's cryptography, each kind of
 * tampering with its errno and the message it is found at; then the fuzzer,
 * whose cryptography is a sham so that mutations get past it.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "spdm.h"
#include "spdm_test.h"
#include "test-fuzz.h"
#include "test-pki.h"
#include "x509.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the fuzzer's pseudo random numbers");

static unsigned long rounds = 100000;
module_param(rounds, ulong, 0444);
MODULE_PARM_DESC(rounds, "messages that the fuzzer mutates for each parser");

/* Two parties that share nothing but what @rsp carries */
struct world {
	struct spdm_requester r;
	struct spdm_requester saved;
	struct spdm_responder p;
	struct test_pki pki;
	u8 chain_buf[TEST_MAX_CHAIN];
	u8 rsp[SPDM_RSP_SIZE];
	unsigned int ended;
	u32 vendor_session;
	int vendor_rc;
};

static int world_vendor(void *ctx, u32 session_id, u8 protocol_id,
			const u8 *req, size_t req_len, u8 *rsp, size_t rsp_size)
{
	struct world *w = ctx;

	w->vendor_session = session_id;
	if (w->vendor_rc)
		return w->vendor_rc < 0 ? w->vendor_rc : 0;
	if (req_len > rsp_size)
		return -EMSGSIZE;
	memcpy(rsp, req, req_len);
	return req_len;
}

static int world_measure(void *ctx, u8 *record, size_t size, u8 *nr_blocks)
{
	static const u8 block[] = { 1, 1, 11, 0, 0x81, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8 };

	if (size < sizeof(block))
		return -EMSGSIZE;
	memcpy(record, block, sizeof(block));
	*nr_blocks = 1;
	return sizeof(block);
}

static void world_session_end(void *ctx, u32 session_id)
{
	struct world *w = ctx;

	w->ended++;
}

/* Keys are expensive here: all tests use the same */
static struct test_pki shared_pki;

static int make_pki(struct kunit_suite *suite)
{
	int rc = test_pki_keys(&spdm_kernel_crypto, &shared_pki);

	return rc ?: test_pki_make(&spdm_kernel_crypto, FLAW_NONE, &shared_pki);
}

static struct world *make_world(struct kunit *test)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct spdm_requester_config req;
	struct spdm_responder_config rsp;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->pki = shared_pki;
	req = (struct spdm_requester_config){
		.crypto = &spdm_kernel_crypto,
		.root_hash = w->pki.root_hash,
		.identity = TEST_IDENTITY,
		.chain_buf = w->chain_buf,
		.chain_size = sizeof(w->chain_buf),
	};
	rsp = (struct spdm_responder_config){
		.crypto = &spdm_kernel_crypto,
		.chain = w->pki.chain,
		.chain_len = w->pki.chain_len,
		.priv = w->pki.leaf.priv,
		.vendor = world_vendor,
		.measure = world_measure,
		.session_end = world_session_end,
		.ctx = w,
	};
	KUNIT_ASSERT_EQ(test, spdm_requester_init(&w->r, &req), 0);
	KUNIT_ASSERT_EQ(test, spdm_responder_init(&w->p, &rsp), 0);
	return w;
}

/* Carry one object there and one back, into the requester's buffer */
static int transfer(struct world *w, const struct spdm_io *io)
{
	int n = spdm_responder_handle(&w->p, io->doe_type, io->req, io->req_len,
				      w->rsp, sizeof(w->rsp));

	if (n > 0)
		memcpy(io->rsp, w->rsp, n);
	return n;
}

static int run(struct world *w, int rc, struct spdm_io *io)
{
	while (rc == SPDM_SEND) {
		int n = transfer(w, io);

		if (n <= 0)
			return -EIO;
		rc = spdm_requester_step(&w->r, n, io);
	}
	return rc;
}

static int connect_world(struct world *w)
{
	struct spdm_io io;

	return run(w, spdm_requester_connect(&w->r, &io), &io);
}

static int vendor(struct world *w)
{
	struct spdm_io io;

	return run(w, spdm_requester_vendor(&w->r, SPDM_PROTO_TDISP, "tdisp", 5,
					    &io), &io);
}

static void test_connect(struct kunit *test)
{
	static const u8 nonce[SPDM_NONCE_SIZE] = { 1, 2, 3 };
	struct world *w = make_world(test);
	struct spdm_io io;
	const void *p;
	size_t len;

	KUNIT_ASSERT_EQ(test, connect_world(w), 0);
	KUNIT_EXPECT_NE(test, spdm_requester_session(&w->r), 0);
	KUNIT_EXPECT_EQ(test, spdm_responder_sessions(&w->p), 1);
	KUNIT_ASSERT_EQ(test, spdm_requester_cert_chain(&w->r, &p, &len), 0);
	KUNIT_ASSERT_EQ(test, len, w->pki.chain_len);
	KUNIT_EXPECT_MEMEQ(test, p, w->pki.chain, len);
	KUNIT_EXPECT_EQ(test, spdm_requester_measurements(&w->r, &p, &len), 0);

	KUNIT_ASSERT_EQ(test, vendor(w), 0);
	KUNIT_EXPECT_EQ(test, w->vendor_session, spdm_requester_session(&w->r));
	KUNIT_ASSERT_EQ(test, spdm_requester_vendor_response(&w->r, &p, &len),
			0);
	KUNIT_ASSERT_EQ(test, len, 5);
	KUNIT_EXPECT_MEMEQ(test, p, "tdisp", 5);

	KUNIT_EXPECT_EQ(test, run(w, spdm_requester_measure(&w->r, nonce, &io),
				  &io), 0);
	KUNIT_EXPECT_EQ(test, run(w, spdm_requester_end(&w->r, &io), &io), 0);
	KUNIT_EXPECT_EQ(test, w->ended, 1);
	KUNIT_EXPECT_EQ(test, spdm_requester_session(&w->r), 0);
	KUNIT_EXPECT_EQ(test, vendor(w), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, connect_world(w), 0);
}

/* A device that says no, or later */
static void test_refusals(struct kunit *test)
{
	struct world *w = make_world(test);

	spdm_responder_fail_next(&w->p, SPDM_ERR_BUSY, 0);
	KUNIT_ASSERT_EQ(test, connect_world(w), 0);
	spdm_responder_fail_next(&w->p, SPDM_ERR_NOT_READY, 0);
	KUNIT_EXPECT_EQ(test, vendor(w), 0);
	w->vendor_rc = -EBUSY;
	KUNIT_EXPECT_EQ(test, vendor(w), -ETIMEDOUT);
	w->vendor_rc = -EINVAL;
	KUNIT_EXPECT_EQ(test, vendor(w), -EPROTO);
	KUNIT_EXPECT_STREQ(test, w->r.failed, "VENDOR_DEFINED_RESPONSE");
	KUNIT_EXPECT_NE(test, spdm_requester_session(&w->r), 0);
	w->vendor_rc = 0;
	KUNIT_EXPECT_EQ(test, vendor(w), 0);

	/* The device forgets the session */
	spdm_responder_reset(&w->p);
	KUNIT_EXPECT_EQ(test, vendor(w), -EPROTO);
	KUNIT_EXPECT_EQ(test, spdm_requester_session(&w->r), 0);

	spdm_responder_fail_next(&w->p, SPDM_ERR_UNEXPECTED_REQUEST, 0);
	KUNIT_EXPECT_EQ(test, connect_world(w), -EPROTO);
	KUNIT_EXPECT_STREQ(test, w->r.failed, "VERSION");
	w->p.bad_measurement_signature = true;
	KUNIT_EXPECT_EQ(test, connect_world(w), -EKEYREJECTED);
	KUNIT_EXPECT_STREQ(test, w->r.failed, "MEASUREMENTS");
}

/*
 * One bit of each message turned, where it is found at once: with its errno
 * and the message's name. @from_end counts from the end of the response.
 */
struct flip {
	const char *message;
	size_t at;
	bool from_end;
	int err;
};

static const struct flip flips[] = {
	{ "VERSION", 7, false, -EBADMSG },		/* no version in common */
	{ "CAPABILITIES", 8, false, -EBADMSG },		/* no certificates */
	{ "ALGORITHMS", 12, false, -EBADMSG },		/* another algorithm */
	{ "DIGESTS", 3, false, -EBADMSG },		/* one digest too few */
	{ "CERTIFICATE", 40, true, -EBADMSG },		/* not what was digested */
	{ "CHALLENGE_AUTH", 10, false, -EBADMSG },	/* not the chain's hash */
	{ "CHALLENGE_AUTH", 60, false, -EKEYREJECTED },	/* nonce */
	{ "CHALLENGE_AUTH", 1, true, -EKEYREJECTED },	/* signature */
	{ "KEY_EXCHANGE_RSP", 8, false, -EKEYREJECTED },	/* random */
	{ "KEY_EXCHANGE_RSP", 50, false, -EKEYREJECTED },	/* public key */
	{ "KEY_EXCHANGE_RSP", 49, true, -EKEYREJECTED },	/* signature */
	{ "KEY_EXCHANGE_RSP", 1, true, -EBADMSG },	/* verify data */
	{ "FINISH_RSP", 0, false, -EBADMSG },		/* session id */
	{ "FINISH_RSP", 9, false, -EBADMSG },		/* ciphertext */
	{ "FINISH_RSP", 1, true, -EBADMSG },		/* tag */
	{ "MEASUREMENTS", 1, true, -EBADMSG },		/* tag */
};

static void test_flips(struct kunit *test)
{
	struct world *w = make_world(test);
	unsigned int done = 0;
	struct spdm_io io;
	int rc;

	rc = spdm_requester_connect(&w->r, &io);
	while (rc == SPDM_SEND) {
		int i, n = transfer(w, &io);
		const char *name;

		KUNIT_ASSERT_GT(test, n, 0);
		/* Named by its failure: no message is of length 0 */
		w->saved = w->r;
		KUNIT_EXPECT_EQ(test, spdm_requester_step(&w->r, 0, &io),
				-EBADMSG);
		name = w->r.failed;
		for (i = 0; i < ARRAY_SIZE(flips); i++) {
			const struct flip *f = &flips[i];

			if (strcmp(f->message, name))
				continue;
			w->r = w->saved;
			w->r.rsp[f->from_end ? n - f->at : f->at] ^= 2;
			KUNIT_EXPECT_EQ_MSG(test,
					    spdm_requester_step(&w->r, n, &io),
					    f->err, "%s byte %zu", name, f->at);
			KUNIT_EXPECT_STREQ(test, w->r.failed, name);
			KUNIT_EXPECT_EQ(test, w->r.session.id, 0);
			done++;
		}
		w->r = w->saved;
		rc = spdm_requester_step(&w->r, n, &io);
	}
	KUNIT_EXPECT_EQ(test, rc, 0);
	KUNIT_EXPECT_EQ(test, done, ARRAY_SIZE(flips));
}

/* Reserved bits pass, and are found by the first signature */
static void test_reserved_bits(struct kunit *test)
{
	/* Number of the response, byte */
	static const u8 reserved[][2] = {
		{ 1, 4 }, { 2, 11 }, { 3, 20 }, { 4, 2 }, { 5, 3 },
	};
	struct world *w = make_world(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(reserved); i++) {
		unsigned int nr = 0;
		struct spdm_io io;
		int rc;

		rc = spdm_requester_connect(&w->r, &io);
		while (rc == SPDM_SEND) {
			int n = transfer(w, &io);

			KUNIT_ASSERT_GT(test, n, 0);
			if (++nr == reserved[i][0])
				w->r.rsp[reserved[i][1]] ^= 0x80;
			rc = spdm_requester_step(&w->r, n, &io);
		}
		KUNIT_EXPECT_EQ(test, rc, -EKEYREJECTED);
		KUNIT_EXPECT_STREQ(test, w->r.failed, "CHALLENGE_AUTH");
	}
}

static void test_chains(struct kunit *test)
{
	struct test_pki *pki = kunit_kzalloc(test, sizeof(*pki), GFP_KERNEL);
	u8 pub[SPDM_PUB_SIZE];
	enum test_flaw flaw;

	KUNIT_ASSERT_NOT_NULL(test, pki);
	*pki = shared_pki;
	for (flaw = FLAW_NONE; flaw < NR_FLAWS; flaw++) {
		KUNIT_ASSERT_EQ(test, test_pki_make(&spdm_kernel_crypto, flaw,
						    pki), 0);
		KUNIT_EXPECT_EQ_MSG(test,
				    spdm_chain_verify(&spdm_kernel_crypto,
						      pki->chain,
						      pki->chain_len,
						      pki->root_hash,
						      TEST_IDENTITY, pub),
				    test_flaw_errno(flaw), "flaw %d", flaw);
		if (flaw == FLAW_NONE)
			KUNIT_EXPECT_MEMEQ(test, pub, pki->leaf.pub,
					   sizeof(pub));
		cond_resched();
	}
}

static int nr_signed;

/* The second signature of a conversation, KEY_EXCHANGE_RSP's, is a forgery */
static int forge_second(const u8 priv[SPDM_PRIV_SIZE],
			const u8 digest[SPDM_HASH_SIZE], u8 sig[SPDM_SIG_SIZE])
{
	u8 other[SPDM_PRIV_SIZE];

	memcpy(other, priv, sizeof(other));
	other[40] ^= ++nr_signed == 2;
	return spdm_kernel_crypto.ecdsa_sign(other, digest, sig);
}

static void test_impostor(struct kunit *test)
{
	struct world *w = make_world(test);
	struct spdm_crypto_ops forger = spdm_kernel_crypto;

	/* Somebody else's chain, found at the message that brings it */
	w->pki.root_hash[0] ^= 1;
	KUNIT_EXPECT_EQ(test, connect_world(w), -EKEYREJECTED);
	KUNIT_EXPECT_STREQ(test, w->r.failed, "CERTIFICATE");
	w->pki.root_hash[0] ^= 1;

	/* The right chain in the wrong hands */
	w->pki.leaf.priv[40] ^= 1;
	KUNIT_EXPECT_EQ(test, connect_world(w), -EKEYREJECTED);
	KUNIT_EXPECT_STREQ(test, w->r.failed, "CHALLENGE_AUTH");
	w->pki.leaf.priv[40] ^= 1;

	/* Somebody in the middle of a challenge that is the device's own */
	forger.ecdsa_sign = forge_second;
	nr_signed = 0;
	w->p.cfg.crypto = &forger;
	KUNIT_EXPECT_EQ(test, connect_world(w), -EKEYREJECTED);
	KUNIT_EXPECT_STREQ(test, w->r.failed, "KEY_EXCHANGE_RSP");
}

static void fuzz_breathe(void)
{
	cond_resched();
}

static struct spdm_fuzz *fuzz_start(struct kunit *test)
{
	struct spdm_fuzz *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct spdm_fuzz_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_ASSERT_NOT_NULL(test, env);
	env->edge = kunit_kzalloc(test, SPDM_RSP_SIZE, GFP_KERNEL);
	env->room = kunit_kzalloc(test, SPDM_RSP_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, env->edge);
	KUNIT_ASSERT_NOT_NULL(test, env->room);
	env->breathe = fuzz_breathe;
	f->env = env;
	f->seed = seed;
	return f;
}

static void fuzz_finish(struct kunit *test, struct spdm_fuzz *f, int rc)
{
	KUNIT_EXPECT_EQ_MSG(test, rc, 0, "%s", f->what);
	KUNIT_EXPECT_GE(test, f->messages, rounds);
	kunit_info(test, "seed %lu: %lu messages, %lu accepted\n", seed,
		   f->messages, f->accepted);
}

static void fuzz_responses(struct kunit *test)
{
	struct spdm_fuzz *f = fuzz_start(test);

	fuzz_finish(test, f, spdm_fuzz_requester(f, rounds));
}

static void fuzz_requests(struct kunit *test)
{
	struct spdm_fuzz *f = fuzz_start(test);

	fuzz_finish(test, f, spdm_fuzz_responder(f, rounds));
}

static void fuzz_ide_km_requests(struct kunit *test)
{
	struct spdm_fuzz *f = fuzz_start(test);

	fuzz_finish(test, f, spdm_fuzz_ide_km(f, true, rounds));
}

static void fuzz_ide_km_responses(struct kunit *test)
{
	struct spdm_fuzz *f = fuzz_start(test);

	fuzz_finish(test, f, spdm_fuzz_ide_km(f, false, rounds));
}

static void fuzz_tdisp_requests(struct kunit *test)
{
	struct spdm_fuzz *f = fuzz_start(test);

	fuzz_finish(test, f, spdm_fuzz_tdisp(f, true, rounds));
}

static void fuzz_tdisp_responses(struct kunit *test)
{
	struct spdm_fuzz *f = fuzz_start(test);

	fuzz_finish(test, f, spdm_fuzz_tdisp(f, false, rounds));
}

static void fuzz_chains(struct kunit *test)
{
	struct spdm_fuzz *f = fuzz_start(test);

	fuzz_finish(test, f, spdm_fuzz_chain(f, rounds));
}

static struct kunit_case conversation_cases[] = {
	KUNIT_CASE_SLOW(test_connect),
	KUNIT_CASE_SLOW(test_refusals),
	KUNIT_CASE_SLOW(test_flips),
	KUNIT_CASE_SLOW(test_reserved_bits),
	KUNIT_CASE_SLOW(test_chains),
	KUNIT_CASE_SLOW(test_impostor),
	{}
};

static struct kunit_suite conversation_suite = {
	.name = "tsm_spdm",
	.suite_init = make_pki,
	.test_cases = conversation_cases,
};

static struct kunit_case fuzz_cases[] = {
	KUNIT_CASE_SLOW(fuzz_responses),
	KUNIT_CASE_SLOW(fuzz_requests),
	KUNIT_CASE_SLOW(fuzz_ide_km_requests),
	KUNIT_CASE_SLOW(fuzz_ide_km_responses),
	KUNIT_CASE_SLOW(fuzz_tdisp_requests),
	KUNIT_CASE_SLOW(fuzz_tdisp_responses),
	KUNIT_CASE_SLOW(fuzz_chains),
	{}
};

static struct kunit_suite fuzz_suite = {
	.name = "tsm_spdm_fuzz",
	.test_cases = fuzz_cases,
};

kunit_test_suites(&spdm_crypto_suite, &conversation_suite, &fuzz_suite);

MODULE_DESCRIPTION("KUnit tests for SPDM, IDE_KM and TDISP messages");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("TSM_SPDM");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
