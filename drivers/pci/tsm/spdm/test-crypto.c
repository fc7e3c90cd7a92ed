// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the kernel's cryptography as the SPDM core sees it, the key schedule
 * and secured records against known answers; IDE_KM's byte order.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "ide-km.h"
#include "session.h"
#include "spdm_test.h"
#include "test-vectors.h"

static const struct spdm_crypto_ops *crypto = &spdm_kernel_crypto;

static void test_hash(struct kunit *test)
{
	struct spdm_hash *h = kunit_kzalloc(test, 2 * sizeof(*h), GFP_KERNEL);
	u8 key[20], out[SPDM_HASH_SIZE];

	KUNIT_ASSERT_NOT_NULL(test, h);
	spdm_hash_once(crypto, "abc", 3, out);
	KUNIT_EXPECT_MEMEQ(test, out, sha384_abc, sizeof(out));

	/* A copy is a fork: the other goes on as if nothing had happened */
	crypto->hash_init(h);
	crypto->hash_update(h, "ab", 2);
	h[1] = h[0];
	crypto->hash_final(&h[1], out);
	crypto->hash_update(h, "c", 1);
	crypto->hash_final(h, out);
	KUNIT_EXPECT_MEMEQ(test, out, sha384_abc, sizeof(out));

	memset(key, 0x0b, sizeof(key));
	crypto->hmac(key, sizeof(key), "Hi There", 8, out);
	KUNIT_EXPECT_MEMEQ(test, out, hmac_hi_there, sizeof(out));
}

static void test_signed_digest(struct kunit *test)
{
	struct spdm_hash *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	u8 out[SPDM_HASH_SIZE];

	KUNIT_ASSERT_NOT_NULL(test, h);
	crypto->hash_init(h);
	crypto->hash_update(h, "abc", 3);
	spdm_signed_digest(crypto, SPDM_SIGN_MEASUREMENTS, h, out);
	KUNIT_EXPECT_MEMEQ(test, out, signed_abc, sizeof(out));
}

/* A session with the handshake keys of the vectors */
static struct spdm_session *make_session(struct kunit *test)
{
	struct spdm_session *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	u8 shared[SPDM_HASH_SIZE], th1[SPDM_HASH_SIZE];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < SPDM_HASH_SIZE; i++) {
		shared[i] = i;
		th1[i] = 0x40 + i;
	}
	s->id = 0x18001;
	spdm_session_handshake_keys(crypto, s, shared, th1);
	return s;
}

static void test_key_schedule(struct kunit *test)
{
	struct spdm_session *s = make_session(test);
	u8 th2[SPDM_HASH_SIZE];
	const u8 *p;
	int i;

	p = handshake_keys;
	KUNIT_EXPECT_MEMEQ(test, s->req.key, p, 32);
	KUNIT_EXPECT_MEMEQ(test, s->req.iv, p + 32, 12);
	KUNIT_EXPECT_MEMEQ(test, s->rsp.key, p + 44, 32);
	KUNIT_EXPECT_MEMEQ(test, s->rsp.iv, p + 76, 12);
	KUNIT_EXPECT_MEMEQ(test, s->req_finished, p + 88, 48);
	KUNIT_EXPECT_MEMEQ(test, s->rsp_finished, p + 136, 48);

	for (i = 0; i < SPDM_HASH_SIZE; i++)
		th2[i] = 0x80 + i;
	s->req.sequence = 7;
	spdm_session_data_keys(crypto, s, th2);
	p = data_keys;
	KUNIT_EXPECT_MEMEQ(test, s->req.key, p, 32);
	KUNIT_EXPECT_MEMEQ(test, s->req.iv, p + 32, 12);
	KUNIT_EXPECT_MEMEQ(test, s->rsp.key, p + 44, 32);
	KUNIT_EXPECT_MEMEQ(test, s->rsp.iv, p + 76, 12);
	KUNIT_EXPECT_EQ(test, s->req.sequence, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(s->handshake_secret, 0,
					   sizeof(s->handshake_secret)));
	KUNIT_EXPECT_NULL(test, memchr_inv(s->req_finished, 0,
					   sizeof(s->req_finished)));
}

static void test_record(struct kunit *test)
{
	struct spdm_session *s = make_session(test);
	static const u8 msg[] = { 0x12, 0xe5, 0, 0 };
	u8 *record = kunit_kzalloc(test, 64, GFP_KERNEL);
	u8 *plain = kunit_kzalloc(test, 64, GFP_KERNEL);
	size_t len, i;

	KUNIT_ASSERT_NOT_NULL(test, record);
	KUNIT_ASSERT_NOT_NULL(test, plain);
	memcpy(record + sizeof(struct spdm_record), msg, sizeof(msg));
	s->req.sequence = 1;
	KUNIT_EXPECT_EQ(test, spdm_record_seal(crypto, &s->req, s->id, record,
					       27, 4), -EMSGSIZE);
	KUNIT_ASSERT_EQ(test, spdm_record_seal(crypto, &s->req, s->id, record,
					       64, 4), sizeof(record_one));
	KUNIT_EXPECT_MEMEQ(test, record, record_one, sizeof(record_one));
	KUNIT_EXPECT_EQ(test, s->req.sequence, 2);

	/* Every byte of it counts, and so does its number */
	for (i = 0; i < sizeof(record_one); i++) {
		s->req.sequence = 1;
		record[i] ^= 1;
		KUNIT_EXPECT_EQ(test,
				spdm_record_open(crypto, &s->req, s->id, record,
						 sizeof(record_one), plain, 64,
						 &len), -EBADMSG);
		KUNIT_EXPECT_EQ(test, s->req.sequence, 1);
		record[i] ^= 1;
	}
	for (i = 0; i < 3; i++) {
		s->req.sequence = (i + 2) % 3;
		KUNIT_EXPECT_EQ(test,
				spdm_record_open(crypto, &s->req, s->id, record,
						 sizeof(record_one), plain, 64,
						 &len), i == 2 ? 0 : -EBADMSG);
	}
	KUNIT_EXPECT_EQ(test, len, 4);
	KUNIT_EXPECT_MEMEQ(test, plain + 2, msg, 4);

	/* The last number of all is not used */
	s->req.sequence = U64_MAX;
	KUNIT_EXPECT_EQ(test, spdm_record_seal(crypto, &s->req, s->id, record,
					       64, 4), -ENOTCONN);
	KUNIT_EXPECT_EQ(test, spdm_record_open(crypto, &s->req, s->id,
					       record_one, sizeof(record_one),
					       plain, 64, &len), -EBADMSG);
}

static void test_ecdh(struct kunit *test)
{
	u8 priv[SPDM_PRIV_SIZE], pub[SPDM_PUB_SIZE], bad[SPDM_PUB_SIZE];
	u8 x[SPDM_HASH_SIZE], y[SPDM_HASH_SIZE];

	KUNIT_ASSERT_EQ(test, crypto->ecdh_shared(priv_one, pub_two, x), 0);
	KUNIT_EXPECT_MEMEQ(test, x, shared_x, sizeof(x));

	KUNIT_ASSERT_EQ(test, crypto->ecdh_keygen(priv, pub), 0);
	KUNIT_ASSERT_EQ(test, crypto->ecdh_shared(priv, pub_one, x), 0);
	KUNIT_ASSERT_EQ(test, crypto->ecdh_shared(priv_one, pub, y), 0);
	KUNIT_EXPECT_MEMEQ(test, x, y, sizeof(x));

	/* Not on the curve, no point at all, coordinates out of range */
	memcpy(bad, pub_two, sizeof(bad));
	bad[SPDM_PUB_SIZE - 1] ^= 1;
	KUNIT_EXPECT_EQ(test, crypto->ecdh_shared(priv_one, bad, x), -EBADMSG);
	memset(bad, 0, sizeof(bad));
	KUNIT_EXPECT_EQ(test, crypto->ecdh_shared(priv_one, bad, x), -EBADMSG);
	memset(bad, 0xff, sizeof(bad));
	KUNIT_EXPECT_EQ(test, crypto->ecdh_shared(priv_one, bad, x), -EBADMSG);
}

static void test_ecdsa(struct kunit *test)
{
	u8 pub[SPDM_PUB_SIZE], sig[SPDM_SIG_SIZE], digest[SPDM_HASH_SIZE];
	u8 priv[SPDM_PRIV_SIZE] = { 0 };
	int i;

	KUNIT_EXPECT_EQ(test, crypto->ecdsa_verify(pub_one, sha384_abc, sig_one),
			0);
	KUNIT_EXPECT_EQ(test, crypto->ecdsa_verify(pub_two, sha384_abc, sig_one),
			-EKEYREJECTED);
	/* r, s, each zero or out of range */
	for (i = 0; i < 4; i++) {
		memcpy(sig, sig_one, sizeof(sig));
		memset(sig + 48 * (i % 2), i < 2 ? 0 : 0xff, 48);
		KUNIT_EXPECT_EQ(test,
				crypto->ecdsa_verify(pub_one, sha384_abc, sig),
				-EKEYREJECTED);
	}
	memset(pub, 0, sizeof(pub));
	KUNIT_EXPECT_EQ(test, crypto->ecdsa_verify(pub, sha384_abc, sig_one),
			-EKEYREJECTED);

	/* What we sign verifies: any digest, those above the order too */
	for (i = 0; i < 3; i++) {
		memset(digest, i == 0 ? 0xff : i == 1 ? 0 : 0x5a,
		       sizeof(digest));
		KUNIT_ASSERT_EQ(test, crypto->ecdsa_sign(priv_one, digest, sig),
				0);
		KUNIT_EXPECT_EQ(test, crypto->ecdsa_verify(pub_one, digest, sig),
				0);
		digest[47] ^= 1;
		KUNIT_EXPECT_EQ(test, crypto->ecdsa_verify(pub_one, digest, sig),
				-EKEYREJECTED);
	}
	KUNIT_EXPECT_EQ(test, crypto->ecdsa_sign(priv, digest, sig), -EINVAL);
	memset(priv, 0xff, sizeof(priv));
	KUNIT_EXPECT_EQ(test, crypto->ecdsa_sign(priv, digest, sig), -EINVAL);
}

/* Each DW of a key is turned round on the wire; the IV is a number in two */
static void test_ide_km_bytes(struct kunit *test)
{
	struct ide_km_msg m = {
		.object = IDE_KM_KEY_PROG, .stream_id = 5, .port_index = 3,
		.direction = IDE_KM_TX, .sub_stream = IDE_KM_CPL,
	}, got;
	static const u8 head[] = { 2, 0, 0, 5, 0, 0x22, 3, 3, 2, 1, 0, 7, 6, 5 };
	static const u8 iv[] = { 0, 0, 0, 0, 1, 0, 0, 0 };
	u8 p[47];
	int i;

	for (i = 0; i < IDE_KM_KEY_SIZE; i++)
		m.key[i] = i;
	ide_km_initial_iv(m.iv);
	KUNIT_ASSERT_EQ(test, ide_km_encode(&m, p, sizeof(p)), 47);
	KUNIT_EXPECT_MEMEQ(test, p, head, sizeof(head));
	KUNIT_EXPECT_MEMEQ(test, p + 39, iv, sizeof(iv));
	KUNIT_ASSERT_EQ(test, ide_km_parse(p, 47, &got), 0);
	KUNIT_EXPECT_MEMEQ(test, &got, &m, sizeof(m));
	KUNIT_EXPECT_TRUE(test, ide_km_iv_is_initial(got.iv));
	KUNIT_EXPECT_EQ(test, ide_km_parse(p, 46, &got), -EBADMSG);
	KUNIT_EXPECT_EQ(test, got.stream_id, 5);
}

static struct kunit_case crypto_cases[] = {
	KUNIT_CASE(test_hash),
	KUNIT_CASE(test_signed_digest),
	KUNIT_CASE(test_key_schedule),
	KUNIT_CASE(test_record),
	KUNIT_CASE(test_ecdh),
	KUNIT_CASE_SLOW(test_ecdsa),
	KUNIT_CASE(test_ide_km_bytes),
	{}
};

struct kunit_suite spdm_crypto_suite = {
	.name = "tsm_spdm_crypto",
	.test_cases = crypto_cases,
};
