// SPDX-License-Identifier: GPL-2.0-only
/*
 * The responder alone: requests out of order, malformed, too short, in the
 * wrong place; two sessions side by side.
 */
#include "session.h"
#include "spdm-test.h"

static struct world w;
static u8 rsp[SPDM_RSP_SIZE];

/* Send bytes in the plain; the answer's code, or its ERROR code | 0x100 */
static int plain(const void *req, size_t len)
{
	int n = spdm_responder_handle(&w.p, SPDM_DOE_CMA, req, len, rsp,
				      sizeof(rsp));

	if (n <= 0)
		return n;
	return rsp[1] == SPDM_ERROR ? 0x100 | rsp[2] : rsp[1];
}

static int header(u8 version, u8 code)
{
	u8 req[4] = { version, code };

	return plain(req, sizeof(req));
}

#define IS_ERROR(code)	(0x100 | (code))

/* The requests of a connect, as a requester makes them */
static struct {
	u8 bytes[SPDM_MAX_REQ];
	size_t len;
	u8 doe_type;
} requests[10];

static bool record_requests(void)
{
	struct spdm_io io;
	int rc, n = 0;

	world_init(&w, &pki);
	rc = spdm_requester_connect(&w.r, &io);
	while (rc == SPDM_SEND) {
		memcpy(requests[n].bytes, io.req, io.req_len);
		requests[n].len = io.req_len;
		requests[n++].doe_type = io.doe_type;
		rc = spdm_requester_step(&w.r, answer(&w, &io), &io);
	}
	CHECK_EQ(rc, 0);
	CHECK_EQ(n, 9);
	return true;
}

static int play(int nr)
{
	return plain(requests[nr].bytes, requests[nr].len);
}

static bool test_order(void)
{
	int reached, nr;

	record_requests();
	/* Requests 0..6 are plain, VERSION to KEY_EXCHANGE */
	for (reached = 0; reached <= 6; reached++) {
		for (nr = 0; nr <= 6; nr++) {
			bool right = !nr || nr == reached ||
				     (reached > 3 && nr >= 3) ||
				     (reached == 3 && nr >= 3);
			int i, code;

			world_init(&w, &pki);
			for (i = 0; i < reached; i++)
				CHECK_EQ(play(i), requests[i].bytes[1] & 0x7f);
			code = play(nr);
			if (right)
				CHECK_EQ(code, requests[nr].bytes[1] & 0x7f);
			else
				CHECK_EQ(code,
					 IS_ERROR(SPDM_ERR_UNEXPECTED_REQUEST));
			/* A refused request changes nothing */
			if (!right)
				CHECK_EQ(play(reached),
					 requests[reached].bytes[1] & 0x7f);
		}
	}
	return true;
}

static bool test_refusals(void)
{
	u8 bytes[64] = { 0 };
	int i, code;

	world_init(&w, &pki);
	CHECK_EQ(header(0x12, SPDM_GET_VERSION),
		 IS_ERROR(SPDM_ERR_VERSION_MISMATCH));
	CHECK_EQ(rsp[0], 0x10);
	CHECK_EQ(header(0x12, SPDM_GET_DIGESTS),
		 IS_ERROR(SPDM_ERR_UNEXPECTED_REQUEST));
	for (i = 0; i < 3; i++)
		CHECK_EQ(play(i), requests[i].bytes[1] & 0x7f);

	CHECK_EQ(header(0x11, SPDM_GET_DIGESTS),
		 IS_ERROR(SPDM_ERR_VERSION_MISMATCH));
	CHECK_EQ(header(0x13, SPDM_GET_DIGESTS),
		 IS_ERROR(SPDM_ERR_VERSION_MISMATCH));
	CHECK_EQ(rsp[0], 0x12);
	CHECK_EQ(header(0x12, SPDM_FINISH), IS_ERROR(SPDM_ERR_SESSION_REQUIRED));
	CHECK_EQ(header(0x12, SPDM_GET_MEASUREMENTS),
		 IS_ERROR(SPDM_ERR_SESSION_REQUIRED));
	CHECK_EQ(header(0x12, SPDM_END_SESSION),
		 IS_ERROR(SPDM_ERR_SESSION_REQUIRED));
	CHECK_EQ(header(0x12, SPDM_RESPOND_IF_READY),
		 IS_ERROR(SPDM_ERR_UNEXPECTED_REQUEST));

	/* Vendor defined messages outside a session are not there at all */
	bytes[0] = 0x12;
	bytes[1] = SPDM_VENDOR_DEFINED;
	for (i = 4; i < 64; i++)
		CHECK_EQ(plain(bytes, i), 0);
	CHECK_EQ(w.vendor_calls, 0);

	/* Codes that nobody knows here */
	for (i = 0; i < 256; i++) {
		switch (i) {
		case SPDM_GET_DIGESTS:
		case SPDM_GET_CERTIFICATE:
		case SPDM_CHALLENGE:
		case SPDM_GET_VERSION:
		case SPDM_GET_MEASUREMENTS:
		case SPDM_GET_CAPABILITIES:
		case SPDM_NEGOTIATE_ALGORITHMS:
		case SPDM_KEY_EXCHANGE:
		case SPDM_FINISH:
		case SPDM_END_SESSION:
		case SPDM_VENDOR_DEFINED:
		case SPDM_RESPOND_IF_READY:
			continue;
		}
		code = header(0x12, (u8)i);
		CHECK_EQ(code, IS_ERROR(SPDM_ERR_UNSUPPORTED_REQUEST));
		CHECK_EQ(rsp[3], i);
	}

	/* Sizes */
	for (i = 0; i < 4; i++)
		CHECK_EQ(plain(bytes, i), IS_ERROR(SPDM_ERR_INVALID_REQUEST));
	CHECK_EQ(plain(w.p.req, SPDM_MAX_MSG + 1),
		 IS_ERROR(SPDM_ERR_REQUEST_TOO_LARGE));
	CHECK_EQ(spdm_responder_handle(&w.p, 3, bytes, 4, rsp, sizeof(rsp)),
		 -EOPNOTSUPP);
	CHECK_EQ(spdm_responder_handle(&w.p, 0, bytes, 4, rsp, sizeof(rsp)),
		 -EOPNOTSUPP);
	CHECK_EQ(spdm_responder_handle(&w.p, 1, bytes, 4, rsp, 65), -EMSGSIZE);
	/* Records of no session */
	memset(bytes, 0x55, sizeof(bytes));
	for (i = 0; i < 64; i++) {
		CHECK_EQ(spdm_responder_handle(&w.p, SPDM_DOE_SECURED, bytes, i,
					       rsp, sizeof(rsp)), 4);
		CHECK_EQ(rsp[1], SPDM_ERROR);
		CHECK_EQ(rsp[2], i < 8 ? SPDM_ERR_INVALID_REQUEST :
					 SPDM_ERR_DECRYPT);
	}
	return true;
}

static bool test_short_requests(void)
{
	int nr, i;
	size_t len;

	for (nr = 0; nr <= 6; nr++) {
		for (len = 0; len < requests[nr].len; len++) {
			world_init(&w, &pki);
			for (i = 0; i < nr; i++)
				play(i);
			CHECK_EQ(plain(requests[nr].bytes, len),
				 IS_ERROR(SPDM_ERR_INVALID_REQUEST));
			if (!len || len + 1 == requests[nr].len)
				CHECK_EQ(play(nr),
					 requests[nr].bytes[1] & 0x7f);
		}
	}
	return true;
}

/* Fields that must be refused, one by one */
static bool test_bad_fields(void)
{
	static const struct {
		int nr, byte;
		u8 value;
	} bad[] = {
		{ 1, 12, 41 }, { 1, 13, 0 },	/* DataTransferSize */
		{ 1, 17, 0 },			/* MaxSPDMmsgSize */
		{ 2, 2, 2 }, { 2, 2, 4 }, { 2, 2, 255 },	/* structs */
		{ 2, 4, 40 }, { 2, 5, 1 },	/* length */
		{ 2, 8, 0 }, { 2, 12, 1 },	/* no common algorithm */
		{ 2, 28, 1 }, { 2, 29, 255 },	/* extended ones not there */
		{ 2, 32, 1 }, { 2, 32, 5 }, { 2, 36, 2 }, { 2, 40, 6 },
		{ 2, 33, 0x10 }, { 2, 37, 0x2f },
		{ 4, 2, 1 }, { 4, 5, 0xff },	/* slot, offset */
		{ 5, 2, 1 }, { 5, 3, 1 },	/* slot, summary */
		{ 6, 2, 1 }, { 6, 3, 1 },	/* summary, slot */
		{ 6, 136, 15 }, { 6, 137, 0xff },	/* opaque length */
		{ 6, 138, 2 }, { 6, 142, 1 }, { 6, 144, 9 },
		{ 6, 146, 2 }, { 6, 147, 0 }, { 6, 148, 2 }, { 6, 150, 0x10 },
		{ 6, 135, 0 },	/* the point is not on the curve */
	};
	size_t i;
	int k;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		u8 req[SPDM_MAX_REQ];
		int nr = bad[i].nr;

		world_init(&w, &pki);
		for (k = 0; k < nr; k++)
			play(k);
		memcpy(req, requests[nr].bytes, requests[nr].len);
		if (req[bad[i].byte] == bad[i].value)
			req[bad[i].byte]++;
		else
			req[bad[i].byte] = bad[i].value;
		if (plain(req, requests[nr].len) !=
		    IS_ERROR(SPDM_ERR_INVALID_REQUEST)) {
			fprintf(stderr, "# request %d byte %d\n", nr,
				bad[i].byte);
			return false;
		}
	}

	/* No session without what it needs */
	for (i = 0; i < 4; i++) {
		u8 req[SPDM_MAX_REQ];
		static const int bytes[] = { 6, 7, 34, 38 };

		world_init(&w, &pki);
		play(0);
		play(1);
		memcpy(req, requests[2].bytes, requests[2].len);
		req[bytes[i]] = 0;
		CHECK_EQ(plain(req, requests[2].len), 0x63);
		CHECK_EQ(play(3), 0x01);
		CHECK_EQ(play(6), IS_ERROR(SPDM_ERR_UNSUPPORTED_REQUEST));
	}
	return true;
}

/* Both requesters of one connection, up to their sessions */
static struct spdm_requester second;

static int step_both(struct spdm_requester *r, struct spdm_io *io)
{
	int n = spdm_responder_handle(&w.p, io->doe_type, io->req, io->req_len,
				      rsp, sizeof(rsp));

	if (n <= 0)
		return -EIO;
	memcpy(r->rsp, rsp, n);
	return spdm_requester_step(r, n, io);
}

static bool test_two_sessions(void)
{
	static struct spdm_requester third;
	struct spdm_io io, io2, io3;
	u32 id, id2;
	int n, rc;

	world_init(&w, &pki);
	rc = spdm_requester_connect(&w.r, &io);
	while (w.r.state != SPDM_REQ_CHALLENGE)
		rc = spdm_requester_step(&w.r, answer(&w, &io), &io);
	n = answer(&w, &io);
	second = w.r;
	third = w.r;
	rc = spdm_requester_step(&w.r, n, &io);
	CHECK_EQ(spdm_requester_step(&second, n, &io2), SPDM_SEND);
	CHECK_EQ(spdm_requester_step(&third, n, &io3), SPDM_SEND);

	/* One after the other, step by step */
	while (rc == SPDM_SEND) {
		rc = step_both(&w.r, &io);
		CHECK_EQ(step_both(&second, &io2), rc);
	}
	CHECK_EQ(rc, 0);
	CHECK_EQ(spdm_responder_sessions(&w.p), 2);
	CHECK_EQ(step_both(&third, &io3), -EPROTO);
	CHECK_EQ(rsp[2], SPDM_ERR_SESSION_LIMIT);

	id = spdm_requester_session(&w.r);
	id2 = spdm_requester_session(&second);
	CHECK(id && id2 && id != id2);
	CHECK_EQ(vendor(&w, 1, "abc", 3), 0);
	CHECK_EQ(w.vendor_session, id);
	spdm_requester_vendor(&second, 1, "abc", 3, &io2);
	CHECK_EQ(step_both(&second, &io2), 0);
	CHECK_EQ(w.vendor_session, id2);

	/* A record under the other's name ends the other, by design of AEAD */
	spdm_requester_end(&second, &io2);
	CHECK_EQ(step_both(&second, &io2), 0);
	CHECK_EQ(w.ended, 1);
	CHECK_EQ(spdm_responder_sessions(&w.p), 1);
	CHECK_EQ(vendor(&w, 1, "abc", 3), 0);

	/* Its slot is free again */
	third = w.r;
	CHECK_EQ(play(6), 0x64);
	CHECK_EQ(play(6), IS_ERROR(SPDM_ERR_SESSION_LIMIT));
	CHECK_EQ(vendor(&w, 1, "abc", 3), 0);
	return true;
}

/* Say something of our own in the session; what comes back, opened */
static int secured(const void *msg, size_t len, u8 *out)
{
	u8 record[SPDM_MAX_REQ + SPDM_RECORD_OVERHEAD];
	size_t out_len;
	int n;

	memcpy(record + sizeof(struct spdm_record), msg, len);
	n = spdm_record_seal(&openssl_crypto, &w.r.session.req, w.r.session.id,
			     record, sizeof(record), len);
	CHECK(n > 0);
	n = spdm_responder_handle(&w.p, SPDM_DOE_SECURED, record, n, rsp,
				  sizeof(rsp));
	if (n <= 0)
		return n;
	CHECK_EQ(spdm_record_open(&openssl_crypto, &w.r.session.rsp,
				  w.r.session.id, rsp, n, out, SPDM_RSP_SIZE,
				  &out_len), 0);
	memmove(out, out + 2, out_len);
	return (int)out_len;
}

static bool test_in_session(void)
{
	static u8 out[SPDM_RSP_SIZE];
	u8 req[64] = { 0x12 };
	unsigned int i;
	static const u8 unexpected[] = {
		SPDM_GET_VERSION, SPDM_GET_CAPABILITIES,
		SPDM_NEGOTIATE_ALGORITHMS, SPDM_GET_DIGESTS,
		SPDM_GET_CERTIFICATE, SPDM_CHALLENGE, SPDM_KEY_EXCHANGE,
		SPDM_FINISH, SPDM_RESPOND_IF_READY,
	};

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	for (i = 0; i < sizeof(unexpected); i++) {
		req[1] = unexpected[i];
		CHECK_EQ(secured(req, sizeof(req), out), 4);
		CHECK_EQ(out[1], SPDM_ERROR);
		CHECK_EQ(out[2], SPDM_ERR_UNEXPECTED_REQUEST);
	}
	req[1] = 0xe8;	/* HEARTBEAT */
	CHECK_EQ(secured(req, 4, out), 4);
	CHECK_EQ(out[2], SPDM_ERR_UNSUPPORTED_REQUEST);
	for (i = 0; i < 4; i++) {
		CHECK_EQ(secured(req, i, out), 4);
		CHECK_EQ(out[2], SPDM_ERR_INVALID_REQUEST);
	}
	req[0] = 0x11;
	CHECK_EQ(secured(req, 4, out), 4);
	CHECK_EQ(out[2], SPDM_ERR_VERSION_MISMATCH);
	CHECK_EQ(spdm_responder_sessions(&w.p), 1);
	CHECK_EQ(vendor(&w, 1, "abc", 3), 0);
	return true;
}

/* A requester that knows the keys and not what was said */
static bool test_wrong_finish(void)
{
	u8 finish[52] = { 0x12, 0xe5 };
	static u8 out[SPDM_RSP_SIZE];
	struct spdm_io io;
	int i;

	for (i = 0; i < 2; i++) {
		world_init(&w, &pki);
		CHECK_EQ(spdm_requester_connect(&w.r, &io), SPDM_SEND);
		while (w.r.state != SPDM_REQ_FINISH)
			CHECK_EQ(spdm_requester_step(&w.r, answer(&w, &io), &io),
				 SPDM_SEND);
		/* In place of the record that the requester has made */
		w.r.session.req.sequence = 0;
		memcpy(finish, w.r.req, sizeof(finish));
		finish[51] ^= i;
		CHECK_EQ(secured(finish, sizeof(finish), out), 4);
		CHECK_EQ(out[1], i ? SPDM_ERROR : 0x65);
		CHECK_EQ(out[2], i ? SPDM_ERR_DECRYPT : 0);
		CHECK_EQ(w.ended, i);
		CHECK_EQ(spdm_responder_sessions(&w.p), !i);
	}
	return true;
}

/* Random data behind a message is allowed by DSP0277 and not by PCIe */
static bool test_random_data(void)
{
	u8 record[SPDM_RECORD_OVERHEAD + 8] = { 0 };
	struct spdm_record *hdr = (struct spdm_record *)record;
	struct spdm_direction *dir = &w.r.session.req;
	u8 nonce[SPDM_AEAD_IV_SIZE], *body = record + SPDM_RECORD_AAD;
	int app_len, n, i;

	for (app_len = 0; app_len <= 9; app_len++) {
		world_init(&w, &pki);
		CHECK_EQ(connect_world(&w), 0);
		memcpy(nonce, dir->iv, sizeof(nonce));
		for (i = 0; i < 8; i++)
			nonce[i] ^= (u8)(dir->sequence >> (8 * i));
		hdr->session_id = cpu_to_le32(w.r.session.id);
		hdr->length = cpu_to_le16(2 + 8 + SPDM_AEAD_TAG_SIZE);
		hdr->app_length = cpu_to_le16((u16)app_len);
		memset(hdr + 1, 0, 8);
		((u8 *)(hdr + 1))[0] = 0x12;
		((u8 *)(hdr + 1))[1] = 0xe8;
		CHECK_EQ(openssl_crypto.aead_seal(dir->key, nonce, record,
						  SPDM_RECORD_AAD, body, 10,
						  body, body + 10), 0);
		n = spdm_responder_handle(&w.p, SPDM_DOE_SECURED, record,
					  sizeof(record), rsp, sizeof(rsp));
		CHECK_EQ(n, 28);
		CHECK_EQ(spdm_responder_sessions(&w.p), app_len == 8);
	}
	return true;
}

static bool test_vendor_header(void)
{
	static const struct {
		u8 byte, value, error;
	} bad[] = {
		{ 4, 2, SPDM_ERR_UNSUPPORTED_REQUEST },
		{ 6, 1, SPDM_ERR_UNSUPPORTED_REQUEST },
		{ 7, 2, SPDM_ERR_UNSUPPORTED_REQUEST },
		{ 9, 3, SPDM_ERR_INVALID_REQUEST },
		{ 9, 5, SPDM_ERR_INVALID_REQUEST },
		{ 10, 1, SPDM_ERR_INVALID_REQUEST },
	};
	static u8 out[SPDM_RSP_SIZE];
	u8 req[15] = { 0x12, 0xfe, 0, 0, 3, 0, 2, 1, 0, 4, 0, 1, 'a', 'b', 'c' };
	size_t i;

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		u8 copy[sizeof(req)];

		memcpy(copy, req, sizeof(req));
		copy[bad[i].byte] = bad[i].value;
		CHECK_EQ(secured(copy, sizeof(copy), out), 4);
		CHECK_EQ(out[1], SPDM_ERROR);
		CHECK_EQ(out[2], bad[i].error);
	}
	for (i = 4; i < sizeof(req); i++) {
		CHECK_EQ(secured(req, i, out), 4);
		CHECK_EQ(out[2], SPDM_ERR_INVALID_REQUEST);
	}
	CHECK_EQ(w.vendor_calls, 0);
	CHECK_EQ(secured(req, sizeof(req), out), 15);
	CHECK(!memcmp(out + 12, "cba", 3));
	CHECK_EQ(w.vendor_calls, 1);
	return true;
}

/* Counting, one block, without and with signature: one log for all of them */
static bool test_measurements(void)
{
	u8 count[4] = { 0x12, 0xe0, 0, 0 }, one[4] = { 0x12, 0xe0, 0, 2 };
	u8 all[37] = { 0x12, 0xe0, 1, 0xff, 7 };
	static u8 out[SPDM_RSP_SIZE];
	u8 digest[SPDM_HASH_SIZE];
	struct spdm_hash log;
	const void *vca;
	size_t vca_len;
	int n;

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(spdm_requester_vca(&w.r, &vca, &vca_len), 0);
	openssl_crypto.hash_init(&log);
	openssl_crypto.hash_update(&log, vca, vca_len);

	n = secured(count, sizeof(count), out);
	CHECK_EQ(n, 8 + 34);
	CHECK_EQ(out[2], 2);
	CHECK_EQ(out[4], 0);
	openssl_crypto.hash_update(&log, count, sizeof(count));
	openssl_crypto.hash_update(&log, out, n);

	n = secured(one, sizeof(one), out);
	CHECK_EQ(n, 8 + 7 + 8 + 34);
	CHECK_EQ(out[4], 1);
	CHECK_EQ(out[8], 2);
	openssl_crypto.hash_update(&log, one, sizeof(one));
	openssl_crypto.hash_update(&log, out, n);

	n = secured(all, sizeof(all), out);
	CHECK_EQ(n, 8 + 70 + 34 + 96);
	openssl_crypto.hash_update(&log, all, sizeof(all));
	openssl_crypto.hash_update(&log, out, n - 96);
	spdm_signed_digest(&openssl_crypto, SPDM_SIGN_MEASUREMENTS, &log,
			   digest);
	CHECK_EQ(openssl_crypto.ecdsa_verify(w.r.leaf_pub, digest, out + n - 96),
		 0);

	one[3] = 3;	/* no such block */
	CHECK_EQ(secured(one, sizeof(one), out), 4);
	CHECK_EQ(out[2], SPDM_ERR_INVALID_REQUEST);
	all[36] = 1;	/* no such slot */
	CHECK_EQ(secured(all, sizeof(all), out), 4);
	CHECK_EQ(out[2], SPDM_ERR_INVALID_REQUEST);
	return true;
}

static bool test_not_ready_tokens(void)
{
	u8 resume[4] = { 0x12, 0xff, SPDM_GET_DIGESTS };
	int i;

	world_init(&w, &pki);
	for (i = 0; i < 3; i++)
		play(i);
	spdm_responder_fail_next(&w.p, SPDM_ERR_NOT_READY, 0);
	CHECK_EQ(play(3), IS_ERROR(SPDM_ERR_NOT_READY));
	CHECK_EQ(rsp[5], SPDM_GET_DIGESTS);
	resume[3] = rsp[6];
	resume[2] = SPDM_CHALLENGE;
	CHECK_EQ(plain(resume, 4), IS_ERROR(SPDM_ERR_UNEXPECTED_REQUEST));
	resume[2] = SPDM_GET_DIGESTS;
	resume[3]++;
	CHECK_EQ(plain(resume, 4), IS_ERROR(SPDM_ERR_UNEXPECTED_REQUEST));
	resume[3]--;
	CHECK_EQ(plain(resume, 4), 0x01);
	CHECK_EQ(plain(resume, 4), IS_ERROR(SPDM_ERR_UNEXPECTED_REQUEST));
	/* The requester thought better of it */
	spdm_responder_fail_next(&w.p, SPDM_ERR_NOT_READY, 0);
	CHECK_EQ(play(3), IS_ERROR(SPDM_ERR_NOT_READY));
	resume[3] = rsp[6];
	CHECK_EQ(play(3), 0x01);
	CHECK_EQ(plain(resume, 4), IS_ERROR(SPDM_ERR_UNEXPECTED_REQUEST));
	return true;
}

const struct test responder_tests[] = {
	{ "requests out of order", test_order },
	{ "requests refused", test_refusals },
	{ "every truncation of every request", test_short_requests },
	{ "fields refused", test_bad_fields },
	{ "two sessions and no third", test_two_sessions },
	{ "requests refused in a session", test_in_session },
	{ "FINISH with wrong verify data", test_wrong_finish },
	{ "random data in a record", test_random_data },
	{ "vendor defined header", test_vendor_header },
	{ "measurements by number, one signature for all", test_measurements },
	{ "tokens of RESPONSE_NOT_READY", test_not_ready_tokens },
	{ 0 }
};
