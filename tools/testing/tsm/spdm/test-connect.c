// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole conversations in good order, every reason not to trust a device, and
 * a device that asks to come back later.
 */
#include "spdm-test.h"

static bool test_connect(void)
{
	static struct world w;
	const void *p;
	size_t len;

	world_init(&w, &pki);
	CHECK_EQ(spdm_requester_session(&w.r), 0);
	CHECK_EQ(connect_world(&w), 0);
	CHECK(spdm_requester_session(&w.r));
	CHECK_EQ(spdm_responder_sessions(&w.p), 1);
	CHECK_EQ(spdm_requester_session(&w.r), w.p.sessions[0].keys.id);
	CHECK_EQ(spdm_requester_cert_chain(&w.r, &p, &len), 0);
	CHECK_EQ(len, pki.chain_len);
	CHECK(!memcmp(p, pki.chain, len));
	CHECK_EQ(spdm_requester_measurements(&w.r, &p, &len), 0);
	CHECK(p == w.meas_buf);
	CHECK_EQ(((const u8 *)p)[1], 0x60);
	CHECK_EQ(spdm_requester_vca(&w.r, &p, &len), 0);
	CHECK_EQ(len, 4 + 8 + 20 + 20 + 44 + 48);
	return true;
}

static bool test_both_keys(void)
{
	static struct world w;

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	CHECK(!memcmp(w.r.session.req.key, w.p.sessions[0].keys.req.key, 32));
	CHECK(!memcmp(w.r.session.rsp.key, w.p.sessions[0].keys.rsp.key, 32));
	CHECK(memcmp(w.r.session.req.key, w.r.session.rsp.key, 32));
	/* Both handshake secrets are gone */
	CHECK(!w.r.session.handshake_secret[0] &&
	      !w.r.session.handshake_secret[47]);
	CHECK(!w.r.ephemeral[0] && !w.r.ephemeral[47]);
	return true;
}

static bool test_vendor(void)
{
	static struct world w;
	u8 msg[SPDM_MAX_VENDOR + 1];
	struct spdm_io io;
	const void *p;
	size_t len, i;

	world_init(&w, &pki);
	CHECK_EQ(vendor(&w, 1, "x", 1), -ENOTCONN);
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(spdm_requester_vendor_response(&w.r, &p, &len), -EINVAL);
	for (i = 0; i < sizeof(msg); i++)
		msg[i] = (u8)i;
	CHECK_EQ(vendor(&w, 1, msg, sizeof(msg)), -EMSGSIZE);
	CHECK_EQ(vendor(&w, 1, msg, SPDM_MAX_VENDOR), 0);
	for (len = 0; len < 40; len++) {
		size_t got;

		CHECK_EQ(vendor(&w, len % 2, msg, len ?: 1), 0);
		CHECK_EQ(spdm_requester_vendor_response(&w.r, &p, &got), 0);
		CHECK_EQ(got, len ?: 1);
		for (i = 0; i < got; i++)
			CHECK_EQ(((const u8 *)p)[i], msg[got - 1 - i]);
	}
	CHECK_EQ(w.vendor_session, spdm_requester_session(&w.r));

	/* One operation at a time */
	CHECK_EQ(spdm_requester_vendor(&w.r, 0, msg, 3, &io), SPDM_SEND);
	CHECK_EQ(spdm_requester_vendor(&w.r, 0, msg, 3, &io), -EBUSY);
	CHECK_EQ(spdm_requester_end(&w.r, &io), -EBUSY);
	return true;
}

/* An ERROR in good order ends the operation and not the session */
static bool test_vendor_errors(void)
{
	static struct world w;

	world_init(&w, &pki);
	CHECK_EQ(connect_world(&w), 0);
	w.vendor_rc = -EINVAL;
	CHECK_EQ(vendor(&w, 1, "abc", 3), -EPROTO);
	CHECK(!strcmp(w.r.failed, "VENDOR_DEFINED_RESPONSE"));
	CHECK(spdm_requester_session(&w.r));
	w.vendor_rc = -EOPNOTSUPP;
	CHECK_EQ(vendor(&w, 1, "abc", 3), -EPROTO);
	w.vendor_rc = -ENOMEM;
	CHECK_EQ(vendor(&w, 1, "abc", 3), -EPROTO);
	w.vendor_rc = 100000;
	CHECK_EQ(vendor(&w, 1, "abc", 3), -EPROTO);
	w.vendor_rc = -EBUSY;
	CHECK_EQ(vendor(&w, 1, "abc", 3), -ETIMEDOUT);
	CHECK_EQ(w.waited_ms, 5 * 255);
	w.vendor_rc = 0;
	CHECK_EQ(vendor(&w, 1, "abc", 3), 0);
	w.vendor_silent = true;
	CHECK_EQ(vendor(&w, 1, "abc", 3), -EIO);
	return true;
}

static bool test_measure(void)
{
	static struct world w;
	const struct spdm_measurements *m;
	u8 nonce[SPDM_NONCE_SIZE];
	struct spdm_io io;
	const void *p;
	size_t len;

	world_init(&w, &pki);
	memset(nonce, 0x11, sizeof(nonce));
	CHECK_EQ(spdm_requester_measure(&w.r, nonce, &io), -ENOTCONN);
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(run(&w, spdm_requester_measure(&w.r, nonce, &io), &io, NULL,
		     NULL), 0);
	CHECK_EQ(spdm_requester_measurements(&w.r, &p, &len), 0);
	m = p;
	CHECK_EQ(m->nr_blocks, 2);
	CHECK_EQ(get_unaligned_le24(m->record_len), 2 * 7 + 48 + 8);
	CHECK_EQ(len, 8 + 70 + 34 + 96);

	w.p.bad_measurement_signature = true;
	CHECK_EQ(run(&w, spdm_requester_measure(&w.r, nonce, &io), &io, NULL,
		     NULL), -EKEYREJECTED);
	CHECK(!strcmp(w.r.failed, "MEASUREMENTS"));
	CHECK_EQ(spdm_requester_session(&w.r), 0);
	CHECK_EQ(vendor(&w, 1, "abc", 3), -ENOTCONN);
	/* The fault hits a connect too, and a retry without it connects */
	CHECK_EQ(connect_world(&w), -EKEYREJECTED);
	CHECK(!strcmp(w.r.failed, "MEASUREMENTS"));
	w.p.bad_measurement_signature = false;
	CHECK_EQ(connect_world(&w), 0);
	return true;
}

static bool test_measure_buffers(void)
{
	static struct world w;
	const void *p;
	size_t len;

	world_init(&w, &pki);
	w.r.cfg.meas_size = 8 + 70 + 34 + 96 - 1;
	CHECK_EQ(connect_world(&w), -EBADMSG);
	w.r.cfg.meas_size++;
	CHECK_EQ(connect_world(&w), 0);
	w.r.cfg.meas_buf = NULL;
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(spdm_requester_measurements(&w.r, &p, &len), 0);
	CHECK_EQ(len, 8 + 70 + 34 + 96);
	CHECK_EQ(((const u8 *)p)[1], 0x60);
	CHECK_EQ(vendor(&w, 1, "abc", 3), 0);
	CHECK_EQ(spdm_requester_measurements(&w.r, &p, &len), -EINVAL);
	return true;
}

static bool test_end(void)
{
	static struct world w;
	struct spdm_io io;

	world_init(&w, &pki);
	CHECK_EQ(spdm_requester_end(&w.r, &io), -ENOTCONN);
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(run(&w, spdm_requester_end(&w.r, &io), &io, NULL, NULL), 0);
	CHECK_EQ(w.ended, 1);
	CHECK_EQ(spdm_responder_sessions(&w.p), 0);
	CHECK_EQ(spdm_requester_session(&w.r), 0);
	CHECK(!w.r.session.req.key[0] && !w.r.session.req.key[31]);
	CHECK(!w.p.sessions[0].keys.req.key[0] &&
	      !w.p.sessions[0].keys.req.key[31]);
	CHECK_EQ(spdm_requester_end(&w.r, &io), -ENOTCONN);
	CHECK_EQ(vendor(&w, 1, "abc", 3), -ENOTCONN);
	CHECK_EQ(spdm_requester_step(&w.r, 4, &io), -EINVAL);

	/* And again; GET_VERSION ends what is open */
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(w.ended, 2);
	CHECK_EQ(spdm_responder_sessions(&w.p), 1);
	spdm_responder_reset(&w.p);
	CHECK_EQ(w.ended, 3);
	/* The device has lost the session and says so in the plain */
	CHECK_EQ(vendor(&w, 1, "abc", 3), -EPROTO);
	CHECK_EQ(spdm_requester_session(&w.r), 0);
	CHECK_EQ(spdm_requester_end(&w.r, &io), -ENOTCONN);
	return true;
}

/* A request that is taken back leaves no trace: both ends go on counting alike */
static bool test_cancel(void)
{
	static struct world w;
	u8 nonce[SPDM_NONCE_SIZE] = { 1 };
	struct spdm_io io;
	unsigned int i;

	world_init(&w, &pki);
	spdm_requester_cancel(&w.r);
	CHECK_EQ(spdm_requester_connect(&w.r, &io), SPDM_SEND);
	spdm_requester_cancel(&w.r);
	CHECK_EQ(spdm_requester_step(&w.r, 4, &io), -EINVAL);
	CHECK_EQ(connect_world(&w), 0);
	spdm_requester_cancel(&w.r);

	for (i = 0; i < 3; i++) {
		CHECK_EQ(spdm_requester_vendor(&w.r, 1, "abc", 3, &io),
			 SPDM_SEND);
		spdm_requester_cancel(&w.r);
		CHECK_EQ(spdm_requester_measure(&w.r, nonce, &io), SPDM_SEND);
		spdm_requester_cancel(&w.r);
		CHECK_EQ(vendor(&w, 1, "abc", 3), 0);
	}
	CHECK_EQ(run(&w, spdm_requester_measure(&w.r, nonce, &io), &io, NULL,
		     NULL), 0);

	/* The repetition of a request that the device was too busy for */
	CHECK_EQ(spdm_requester_vendor(&w.r, 1, "abc", 3, &io), SPDM_SEND);
	spdm_responder_fail_next(&w.p, SPDM_ERR_BUSY, 0);
	CHECK_EQ(spdm_requester_step(&w.r, answer(&w, &io), &io), SPDM_SEND);
	spdm_requester_cancel(&w.r);
	CHECK_EQ(vendor(&w, 1, "abc", 3), 0);

	/* The end of a session is not taken back */
	CHECK_EQ(spdm_requester_end(&w.r, &io), SPDM_SEND);
	spdm_requester_cancel(&w.r);
	CHECK_EQ(spdm_requester_session(&w.r), 0);
	CHECK_EQ(vendor(&w, 1, "abc", 3), -ENOTCONN);
	return true;
}

static bool test_portions(void)
{
	static struct world w;
	size_t size;

	world_init(&w, &pki);
	w.r.cfg.chain_size = pki.chain_len;
	CHECK_EQ(connect_world(&w), 0);
	w.r.cfg.chain_size = pki.chain_len - 1;
	CHECK_EQ(connect_world(&w), -EBADMSG);
	CHECK(!strcmp(w.r.failed, "CERTIFICATE"));
	/* A device that gives small portions, of each size */
	for (size = 1; size < 64; size += 7) {
		struct spdm_io io;
		int rc;

		world_init(&w, &pki);
		rc = spdm_requester_connect(&w.r, &io);
		while (rc == SPDM_SEND) {
			int n;

			w.p.peer_max = w.r.state == SPDM_REQ_CERTIFICATE ?
				8 + size : SPDM_MAX_MSG;
			n = answer(&w, &io);
			rc = spdm_requester_step(&w.r, n, &io);
		}
		CHECK_EQ(rc, 0);
	}
	return true;
}

static bool test_chains(void)
{
	static const struct {
		const char *chain, *leaf;
		int rc;
	} chains[] = {
		{ "good", "leaf", 0 },
		{ "plain", "plain", 0 },
		{ "other-root", "leaf", -EKEYREJECTED },
		{ "no-root", "leaf", -EKEYREJECTED },
		{ "wrong-issuer", "leaf", -EKEYREJECTED },
		{ "shuffled", "leaf", -EKEYREJECTED },
		{ "identity", "other", -EKEYREJECTED },
		{ "no-san", "nosan", -EKEYREJECTED },
		{ "leaf-ca", "isca", -EKEYREJECTED },
		{ "leaf-usage", "leafnosign", -EKEYREJECTED },
		{ "leaf-eku", "requester", -EKEYREJECTED },
		{ "critical", "critical", -EKEYREJECTED },
		{ "sha256", "sha256", -EKEYREJECTED },
		{ "p256", "leaf", -EKEYREJECTED },
		{ "rsa", "leaf", -EKEYREJECTED },
		{ "not-ca", "leaf", -EKEYREJECTED },
		{ "ca-usage", "leaf", -EKEYREJECTED },
		{ "path-len", "leaf", -EKEYREJECTED },
	};
	static struct world w;
	static struct pki k;
	bool ok = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(chains); i++) {
		int rc;

		load_pki(&k, chains[i].chain, chains[i].leaf);
		world_init(&w, &k);
		rc = connect_world(&w);
		if (rc != chains[i].rc ||
		    (rc && strcmp(w.r.failed, "CERTIFICATE"))) {
			fprintf(stderr, "# chain %s: %d at %s\n",
				chains[i].chain, rc, w.r.failed);
			ok = false;
		}
	}
	CHECK(ok);

	/* The right chain and somebody else's key */
	load_pki(&k, "good", "plain");
	world_init(&w, &k);
	CHECK_EQ(connect_world(&w), -EKEYREJECTED);
	CHECK(!strcmp(w.r.failed, "CHALLENGE_AUTH"));
	/* Any identity will do */
	load_pki(&k, "no-san", "nosan");
	world_init(&w, &k);
	w.r.cfg.identity = NULL;
	CHECK_EQ(connect_world(&w), 0);
	return true;
}

struct later {
	unsigned int at, times;
	u8 code;
};

static int come_later(struct world *w, struct wire *wire, void *ctx)
{
	struct later *l = ctx;

	/* Ask before the request that shall hit is sent, i.e. after the last */
	if (wire->nr + 1 >= l->at && l->times) {
		l->times--;
		spdm_responder_fail_next(&w->p, l->code, 0);
	}
	return wire->len;
}

static int connect_later(struct world *w, unsigned int at, unsigned int times,
			 u8 code)
{
	struct later l = { .at = at, .times = times, .code = code };
	struct spdm_io io;

	if (at == 1) {
		spdm_responder_fail_next(&w->p, code, 0);
		l.times--;
	}
	return run(w, spdm_requester_connect(&w->r, &io), &io, come_later, &l);
}

/* Each message of a connect answered with "later", once to three times */
static bool test_busy(void)
{
	static struct world w;
	unsigned int at, times;

	for (at = 1; at <= 9; at++) {
		for (times = 1; times <= 3; times++) {
			world_init(&w, &pki);
			CHECK_EQ(connect_later(&w, at, times, SPDM_ERR_BUSY), 0);
			CHECK_EQ(w.waited_ms, times == 1 ? 5 :
					      times == 2 ? 15 : 35);
			CHECK_EQ(vendor(&w, 1, "abc", 3), 0);
		}
		world_init(&w, &pki);
		CHECK_EQ(connect_later(&w, at, 100, SPDM_ERR_BUSY), -ETIMEDOUT);
		CHECK_EQ(w.waited_ms, 5 * 255);
		CHECK_EQ(spdm_requester_session(&w.r), 0);
	}
	return true;
}

static bool test_not_ready(void)
{
	static struct world w;
	unsigned int at, times;

	for (at = 1; at <= 9; at++) {
		for (times = 1; times <= 3; times++) {
			world_init(&w, &pki);
			CHECK_EQ(connect_later(&w, at, times, SPDM_ERR_NOT_READY),
				 0);
			CHECK_EQ(w.waited_ms, 5 * times);
			CHECK_EQ(vendor(&w, 1, "abc", 3), 0);
		}
		world_init(&w, &pki);
		CHECK_EQ(connect_later(&w, at, 100, SPDM_ERR_NOT_READY),
			 -ETIMEDOUT);
	}
	return true;
}

static bool test_errors(void)
{
	static const u8 codes[] = {
		SPDM_ERR_INVALID_REQUEST, SPDM_ERR_UNEXPECTED_REQUEST,
		SPDM_ERR_UNSPECIFIED, SPDM_ERR_DECRYPT,
		SPDM_ERR_UNSUPPORTED_REQUEST, SPDM_ERR_SESSION_LIMIT,
		SPDM_ERR_VERSION_MISMATCH, 0xff,
	};
	static const char * const names[] = {
		"VERSION", "CAPABILITIES", "ALGORITHMS", "DIGESTS",
		"CERTIFICATE", "CHALLENGE_AUTH", "KEY_EXCHANGE_RSP",
		"FINISH_RSP", "MEASUREMENTS",
	};
	static struct world w;
	unsigned int at, i;

	for (at = 1; at <= ARRAY_SIZE(names); at++) {
		for (i = 0; i < ARRAY_SIZE(codes); i++) {
			world_init(&w, &pki);
			CHECK_EQ(connect_later(&w, at, 1, codes[i]), -EPROTO);
			CHECK(!strcmp(w.r.failed, names[at - 1]));
			CHECK_EQ(spdm_requester_session(&w.r), 0);
			CHECK_EQ(connect_world(&w), 0);
		}
	}
	return true;
}

/* The traces are the conversation */
static void count_trace(void *ctx, const struct spdm_trace *t)
{
	unsigned int *n = ctx;

	if (t->request)
		n[0]++;
	else
		n[1]++;
	if (t->session_id)
		n[2]++;
	if (t->proto == SPDM_PROTO_IDE_KM && !strcmp(t->name, "KEY_PROG"))
		n[3]++;
}

static bool test_trace(void)
{
	struct ide_km_msg m = { .object = IDE_KM_KEY_PROG };
	static struct world w;
	unsigned int n[4] = { 0 };
	u8 buf[64];
	int len;

	world_init(&w, &pki);
	w.r.cfg.trace = count_trace;
	w.r.cfg.trace_ctx = n;
	CHECK_EQ(connect_world(&w), 0);
	CHECK_EQ(n[0], 9);
	CHECK_EQ(n[1], 9);
	CHECK_EQ(n[2], 4);
	len = ide_km_encode(&m, buf, sizeof(buf));
	CHECK_EQ(vendor(&w, SPDM_PROTO_IDE_KM, buf, len), 0);
	CHECK_EQ(n[3], 1);
	return true;
}

const struct test connect_tests[] = {
	{ "connect", test_connect },
	{ "both ends have the same keys, and no others", test_both_keys },
	{ "vendor defined messages", test_vendor },
	{ "errors of vendor defined messages", test_vendor_errors },
	{ "signed measurements with a nonce", test_measure },
	{ "measurement buffers", test_measure_buffers },
	{ "end of session", test_end },
	{ "requests taken back", test_cancel },
	{ "certificate portions", test_portions },
	{ "certificate chains not to be trusted", test_chains },
	{ "BUSY", test_busy },
	{ "RESPONSE_NOT_READY", test_not_ready },
	{ "other ERRORs", test_errors },
	{ "trace", test_trace },
	{ 0 }
};
