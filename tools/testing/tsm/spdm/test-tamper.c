// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody in the middle: every bit of every message turned, every truncation,
 * records replayed and swapped. Nothing of it may succeed.
 */
#include "spdm-test.h"

/* The exchanges of a connect, and the operations after it */
enum stage {
	VERSION = 1, CAPABILITIES, ALGORITHMS, DIGESTS, CERTIFICATE,
	CHALLENGE_AUTH, KEY_EXCHANGE_RSP, FINISH_RSP, FIRST_MEASUREMENTS,
	VENDOR, MEASUREMENTS, END_ACK, NR_STAGES
};

static const char * const names[] = {
	[VERSION] = "VERSION", [CAPABILITIES] = "CAPABILITIES",
	[ALGORITHMS] = "ALGORITHMS", [DIGESTS] = "DIGESTS",
	[CERTIFICATE] = "CERTIFICATE", [CHALLENGE_AUTH] = "CHALLENGE_AUTH",
	[KEY_EXCHANGE_RSP] = "KEY_EXCHANGE_RSP", [FINISH_RSP] = "FINISH_RSP",
	[FIRST_MEASUREMENTS] = "MEASUREMENTS",
	[VENDOR] = "VENDOR_DEFINED_RESPONSE", [MEASUREMENTS] = "MEASUREMENTS",
	[END_ACK] = "END_SESSION_ACK",
};

static struct world w, saved;

/* Up to the point where the request of @stage is to be sent */
static void reach(enum stage stage, struct spdm_io *io)
{
	static const u8 nonce[SPDM_NONCE_SIZE] = { 1, 2, 3 };
	unsigned int i;

	world_init(&w, &pki);
	if (stage > FIRST_MEASUREMENTS)
		CHECK_EQ(connect_world(&w), 0);
	switch (stage) {
	case VENDOR:
		CHECK_EQ(spdm_requester_vendor(&w.r, 1, "hello", 5, io),
			 SPDM_SEND);
		break;
	case MEASUREMENTS:
		CHECK_EQ(spdm_requester_measure(&w.r, nonce, io), SPDM_SEND);
		break;
	case END_ACK:
		CHECK_EQ(spdm_requester_end(&w.r, io), SPDM_SEND);
		break;
	default:
		CHECK_EQ(spdm_requester_connect(&w.r, io), SPDM_SEND);
		for (i = 1; i < (unsigned int)stage; i++)
			CHECK_EQ(spdm_requester_step(&w.r, answer(&w, io), io),
				 SPDM_SEND);
	}
}

/*
 * Bits that the specification wants ignored, or that leave a choice which no
 * check at this place can know to be wrong. Turned ones pass here and must be
 * found by a signature over the transcript; 0 for all other bits.
 */
static int found_later(enum stage stage, size_t byte, unsigned int bit)
{
	static const u32 needed_caps = SPDM_CAP_CERT | SPDM_CAP_CHAL |
				       SPDM_CAP_MEAS | SPDM_CAP_ENCRYPT |
				       SPDM_CAP_MAC | SPDM_CAP_KEY_EX;
	bool later = false;

	switch (stage) {
	case VERSION:
		/* param1, param2, reserved, update version */
		later = (byte >= 2 && byte <= 4) || (byte == 6 && bit >= 4);
		break;
	case CAPABILITIES:
		/* params, reserved, CT exponent, extended flags */
		later = byte >= 2 && byte <= 7;
		/* capabilities that are not needed */
		if (byte >= 8 && byte <= 11)
			later = !(needed_caps >> (8 * (byte - 8)) & BIT(bit));
		/* a larger MaxSPDMmsgSize */
		if (byte >= 16)
			later = byte != 17 || bit != 4;
		break;
	case ALGORITHMS:
		/* param2, reserved, MEL specification */
		later = byte == 3 || (byte >= 20 && byte <= 31) ||
			byte == 34 || byte == 35;
		break;
	case DIGESTS:
		/* The digest is held against the chain, when it is there */
		if (byte >= 4)
			return -EBADMSG;
		/* param1 */
		later = byte == 2;
		break;
	case CERTIFICATE:
		/* reserved half of param1, param2 */
		later = (byte == 2 && bit >= 4) || byte == 3;
		break;
	default:
		break;
	}
	return later ? -EKEYREJECTED : 0;
}

static bool test_flips(void)
{
	unsigned long bits = 0, late = 0;
	enum stage stage;

	for (stage = VERSION; stage < NR_STAGES; stage++) {
		struct spdm_io io, saved_io;
		size_t i;
		int n;

		reach(stage, &io);
		n = answer(&w, &io);
		CHECK(n > 0);
		saved = w;
		saved_io = io;
		for (i = 0; i < 8 * (size_t)n; i++, bits++) {
			int later = found_later(stage, i / 8, i % 8);
			int rc;

			w = saved;
			io = saved_io;
			w.r.rsp[i / 8] ^= BIT(i % 8);
			rc = spdm_requester_step(&w.r, n, &io);
			if (rc == SPDM_SEND && later) {
				late++;
				rc = run(&w, rc, &io, NULL, NULL);
				if (rc == later)
					continue;
			} else if (!later &&
				   (rc == -EBADMSG || rc == -EKEYREJECTED) &&
				   !strcmp(w.r.failed, names[stage])) {
				continue;
			}
			fprintf(stderr, "# %s byte %zu bit %zu: %d at %s\n",
				names[stage], i / 8, i % 8, rc, w.r.failed);
			return false;
		}
	}
	printf("# %lu bits turned, %lu found by a later check\n", bits, late);
	return true;
}

static bool test_truncations(void)
{
	enum stage stage;

	for (stage = VERSION; stage < NR_STAGES; stage++) {
		struct spdm_io io, saved_io;
		int n, len, good;

		reach(stage, &io);
		n = answer(&w, &io);
		memset(w.r.rsp + n, 0, sizeof(w.r.rsp) - n);
		saved = w;
		saved_io = io;
		for (len = 0; len < n; len++) {
			w = saved;
			io = saved_io;
			CHECK_EQ(spdm_requester_step(&w.r, len, &io), -EBADMSG);
			CHECK(!strcmp(w.r.failed, names[stage]));
			CHECK_EQ(spdm_requester_session(&w.r), 0);
		}
		/* What DOE pads, and what it does not */
		w = saved;
		good = spdm_requester_step(&w.r, n, &io);
		CHECK(good >= 0);
		for (len = n + 1; len <= n + 8; len++) {
			w = saved;
			io = saved_io;
			CHECK_EQ(spdm_requester_step(&w.r, len, &io),
				 len <= n + 3 ? good : -EBADMSG);
			w = saved;
			w.r.rsp[len - 1] = 1;
			CHECK_EQ(spdm_requester_step(&w.r, len, &io), -EBADMSG);
		}
		w = saved;
		CHECK_EQ(spdm_requester_step(&w.r, SPDM_RSP_SIZE, &io),
			 -EBADMSG);
		w = saved;
		CHECK_EQ(spdm_requester_step(&w.r, SIZE_MAX, &io), -EBADMSG);
	}
	return true;
}

/* Requests changed on their way: whoever notices, it does not succeed */
static bool test_request_flips(void)
{
	enum stage stage;

	for (stage = VERSION; stage < NR_STAGES; stage++) {
		struct spdm_io io, saved_io;
		u8 req[2048];
		size_t i;

		reach(stage, &io);
		saved = w;
		saved_io = io;
		for (i = 0; i < 8 * saved_io.req_len; i++) {
			int rc;

			w = saved;
			io = saved_io;
			memcpy(req, io.req, io.req_len);
			req[i / 8] ^= BIT(i % 8);
			io.req = req;
			rc = run(&w, SPDM_SEND, &io, NULL, NULL);
			if (rc < 0)
				continue;
			fprintf(stderr, "# request of %s byte %zu bit %zu: %d\n",
				names[stage], i / 8, i % 8, rc);
			return false;
		}
	}
	return true;
}

static bool test_replay(void)
{
	u8 old_req[256], old_rsp[256];
	size_t req_len;
	struct spdm_io io;
	int n;

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(spdm_requester_vendor(&w.r, 1, "hello", 5, &io), SPDM_SEND);
	req_len = io.req_len;
	memcpy(old_req, io.req, req_len);
	n = answer(&w, &io);
	memcpy(old_rsp, io.rsp, n);
	CHECK_EQ(spdm_requester_step(&w.r, n, &io), 0);
	saved = w;

	/* An old response to a new request */
	CHECK_EQ(spdm_requester_vendor(&w.r, 1, "hello", 5, &io), SPDM_SEND);
	memcpy(w.r.rsp, old_rsp, n);
	CHECK_EQ(spdm_requester_step(&w.r, n, &io), -EBADMSG);
	CHECK_EQ(spdm_requester_session(&w.r), 0);

	/* The requester's own record sent back to it */
	w = saved;
	CHECK_EQ(spdm_requester_vendor(&w.r, 1, "hello", 5, &io), SPDM_SEND);
	memcpy(w.r.rsp, io.req, io.req_len);
	CHECK_EQ(spdm_requester_step(&w.r, io.req_len, &io), -EBADMSG);

	/* An old request */
	w = saved;
	w.vendor_calls = 0;
	io.doe_type = SPDM_DOE_SECURED;
	io.req = old_req;
	io.req_len = req_len;
	io.rsp = w.r.rsp;
	CHECK(answer(&w, &io) > 0);
	CHECK_EQ(w.vendor_calls, 0);
	CHECK_EQ(spdm_responder_sessions(&w.p), 0);
	CHECK_EQ(w.ended, 1);
	return true;
}

/* Both ends count, apart from each other, and stop before a number repeats */
static bool test_sequence(void)
{
	unsigned int i;

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	/* The data keys' first use was GET_MEASUREMENTS */
	for (i = 1; i < 5; i++) {
		CHECK_EQ(w.r.session.req.sequence, i);
		CHECK_EQ(w.r.session.rsp.sequence, i);
		CHECK_EQ(w.p.sessions[0].keys.req.sequence, i);
		CHECK_EQ(w.p.sessions[0].keys.rsp.sequence, i);
		CHECK_EQ(vendor(&w, 1, "hello", 5), 0);
	}
	/* A request without an answer counts in one direction only */
	w.vendor_silent = true;
	CHECK_EQ(vendor(&w, 1, "hello", 5), -EIO);
	CHECK_EQ(w.r.session.req.sequence, 6);
	CHECK_EQ(w.p.sessions[0].keys.req.sequence, 6);
	CHECK_EQ(w.p.sessions[0].keys.rsp.sequence, 5);

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	w.r.session.req.sequence = UINT64_MAX - 1;
	w.p.sessions[0].keys.req.sequence = UINT64_MAX - 1;
	CHECK_EQ(vendor(&w, 1, "hello", 5), 0);
	CHECK_EQ(vendor(&w, 1, "hello", 5), -ENOTCONN);
	CHECK_EQ(spdm_requester_session(&w.r), 0);

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	w.r.session.rsp.sequence = UINT64_MAX;
	w.p.sessions[0].keys.rsp.sequence = UINT64_MAX;
	CHECK_EQ(vendor(&w, 1, "hello", 5), -EIO);
	CHECK_EQ(spdm_responder_sessions(&w.p), 0);
	return true;
}

static struct spdm_crypto_ops lying;

static int no_point(u8 priv[SPDM_PRIV_SIZE], u8 pub[SPDM_PUB_SIZE])
{
	int rc = openssl_crypto.ecdh_keygen(priv, pub);

	pub[SPDM_PUB_SIZE - 1] ^= 1;
	return rc;
}

static void wrong_hmac(const u8 *key, size_t key_len, const void *p, size_t len,
		       u8 mac[SPDM_HASH_SIZE])
{
	openssl_crypto.hmac(key, key_len, p, len, mac);
	mac[0] ^= 1;
}

static int signatures, wrong_one;

/* Signature number @wrong_one is somebody else's */
static int wrong_sign(const u8 priv[SPDM_PRIV_SIZE],
		      const u8 digest[SPDM_HASH_SIZE], u8 sig[SPDM_SIG_SIZE])
{
	u8 other[SPDM_PRIV_SIZE];

	memcpy(other, priv, sizeof(other));
	other[SPDM_PRIV_SIZE - 1] ^= ++signatures == wrong_one;
	return openssl_crypto.ecdsa_sign(other, digest, sig);
}

/*
 * Somebody in the middle who lets the device sign one thing and makes the key
 * exchange himself has all but one signature right.
 */
static bool test_wrong_signatures(void)
{
	static const char * const at[] = {
		"CHALLENGE_AUTH", "KEY_EXCHANGE_RSP", "MEASUREMENTS",
	};

	lying = openssl_crypto;
	lying.ecdsa_sign = wrong_sign;
	for (wrong_one = 1; wrong_one <= 3; wrong_one++) {
		signatures = 0;
		world_init(&w, &pki);
		w.p.cfg.crypto = &lying;
		CHECK_EQ(connect_world(&w), -EKEYREJECTED);
		CHECK(!strcmp(w.r.failed, at[wrong_one - 1]));
	}
	return true;
}

/* A device that holds the right key and still gets the exchange wrong */
static bool test_liars(void)
{
	lying = openssl_crypto;
	lying.ecdh_keygen = no_point;
	lying.ecdh_shared = openssl_crypto.ecdh_shared;
	world_init(&w, &pki);
	w.p.cfg.crypto = &lying;
	CHECK_EQ(connect_world(&w), -EBADMSG);
	CHECK(!strcmp(w.r.failed, "KEY_EXCHANGE_RSP"));

	lying = openssl_crypto;
	lying.hmac = wrong_hmac;
	world_init(&w, &pki);
	w.p.cfg.crypto = &lying;
	CHECK_EQ(connect_world(&w), -EBADMSG);
	CHECK(!strcmp(w.r.failed, "KEY_EXCHANGE_RSP"));
	return true;
}

/* What the lying device changes in its own messages, before it signs or seals */
static struct lie {
	u8 code;
	size_t at;
	u8 bits;
	const char *failed;
} lie;

static void lie_in_transcript(struct spdm_hash *h, const void *p, size_t len)
{
	u8 *msg = (u8 *)p;

	if (len > lie.at && msg[0] == SPDM_VERSION_12 && msg[1] == lie.code)
		msg[lie.at] ^= lie.bits;
	openssl_crypto.hash_update(h, p, len);
}

static int lie_in_record(const u8 key[SPDM_AEAD_KEY_SIZE],
			 const u8 nonce[SPDM_AEAD_IV_SIZE], const void *aad,
			 size_t aad_len, const void *in, size_t len, void *out,
			 u8 tag[SPDM_AEAD_TAG_SIZE])
{
	u8 *msg = (u8 *)in + 2;

	if (msg[1] == lie.code)
		msg[lie.at] ^= lie.bits;
	return openssl_crypto.aead_seal(key, nonce, aad, aad_len, in, len, out,
					tag);
}

/* All signatures and tags are right, and what they vouch for is wrong */
static bool test_signed_nonsense(void)
{
	static const struct lie signed_lies[] = {
		{ 0x03, 2, 1, "CHALLENGE_AUTH" },	/* slot */
		{ 0x03, 4, 1, "CHALLENGE_AUTH" },	/* another chain */
		{ 0x64, 2, 1, "KEY_EXCHANGE_RSP" },	/* heartbeat */
		{ 0x64, 6, 1, "KEY_EXCHANGE_RSP" },	/* mutual auth */
		{ 0x64, 138, 3, "KEY_EXCHANGE_RSP" },	/* opaque elements */
		{ 0x64, 142, 1, "KEY_EXCHANGE_RSP" },	/* their owner */
		{ 0x64, 144, 1, "KEY_EXCHANGE_RSP" },	/* their length */
		{ 0x64, 147, 1, "KEY_EXCHANGE_RSP" },	/* not a selection */
		{ 0x64, 149, 1, "KEY_EXCHANGE_RSP" },	/* another version */
		{ 0x60, 3, 1, "MEASUREMENTS" },		/* slot */
		{ 0x60, 4, 1, "MEASUREMENTS" },		/* number of blocks */
		{ 0x60, 9, 2, "MEASUREMENTS" },		/* not DMTF's */
		{ 0x60, 10, 1, "MEASUREMENTS" },	/* size of a block */
		{ 0x60, 13, 1, "MEASUREMENTS" },	/* of its value */
	}, vendor_lies[] = {
		{ 0x7e, 0, 1, "" }, { 0x7e, 4, 1, "" }, { 0x7e, 6, 1, "" },
		{ 0x7e, 7, 2, "" }, { 0x7e, 9, 1, "" }, { 0x7e, 10, 1, "" },
		{ 0x7e, 11, 1, "" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signed_lies); i++) {
		lie = signed_lies[i];
		lying = openssl_crypto;
		lying.hash_update = lie_in_transcript;
		world_init(&w, &pki);
		w.p.cfg.crypto = &lying;
		CHECK_EQ(connect_world(&w), -EBADMSG);
		CHECK(!strcmp(w.r.failed, lie.failed));
	}
	for (i = 0; i < ARRAY_SIZE(vendor_lies); i++) {
		lie = vendor_lies[i];
		lying = openssl_crypto;
		lying.aead_seal = lie_in_record;
		world_init(&w, &pki);
		w.p.cfg.crypto = &lying;
		CHECK_EQ(connect_world(&w), 0);
		CHECK_EQ(vendor(&w, 1, "abc", 3), -EBADMSG);
		CHECK_EQ(spdm_requester_session(&w.r), 0);
	}
	return true;
}

const struct test tamper_tests[] = {
	{ "every bit of every response turned", test_flips },
	{ "every truncation of every response", test_truncations },
	{ "every bit of every request turned", test_request_flips },
	{ "replayed and reflected records", test_replay },
	{ "sequence numbers", test_sequence },
	{ "one signature of another key", test_wrong_signatures },
	{ "nonsense, rightly signed and sealed", test_signed_nonsense },
	{ "wrong key exchange under a right signature", test_liars },
	{ 0 }
};
