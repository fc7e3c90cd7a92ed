// SPDX-License-Identifier: GPL-2.0-only
/*
 * The messages of the SPDM 1.2 responder: each request as it is checked, each
 * response as it is made (DSP0274 section 10).
 */
#include "responder.h"

/* What one request may take to answer at most: 2^20 us, DOE's own limit */
#define CT_EXPONENT		20

/* NEGOTIATE_ALGORITHMS may be no longer than this (DSP0274 10.5) */
#define MAX_NEGOTIATE		128

#define OUR_CAPS		(SPDM_CAP_CERT | SPDM_CAP_CHAL | \
				 FIELD_PREP(SPDM_CAP_MEAS, SPDM_CAP_MEAS_SIG) | \
				 SPDM_CAP_MEAS_FRESH | SPDM_CAP_ENCRYPT | \
				 SPDM_CAP_MAC | SPDM_CAP_KEY_EX)
#define SESSION_CAPS		(SPDM_CAP_ENCRYPT | SPDM_CAP_MAC | \
				 SPDM_CAP_KEY_EX)

#define SLOT			0

/* Begin a response; the request's code says its own */
static void respond(struct spdm_exchange *x, u8 param1, u8 param2, size_t len)
{
	const struct spdm_hdr *req = x->req;
	struct spdm_hdr *hdr = x->rsp;

	memset(x->rsp, 0, len);
	hdr->version = x->version;
	hdr->code = SPDM_RSP_CODE(req->code);
	hdr->param1 = param1;
	hdr->param2 = param2;
}

static void add(struct spdm_responder *p, struct spdm_hash *log,
		const void *msg, size_t len)
{
	p->cfg.crypto->hash_update(log, msg, len);
}

static int sign(struct spdm_responder *p, const char *context,
		const struct spdm_hash *log, bool wrong, void *sig)
{
	u8 digest[SPDM_HASH_SIZE];

	spdm_signed_digest(p->cfg.crypto, context, log, digest);
	if (wrong)
		digest[0] ^= 1;
	return p->cfg.crypto->ecdsa_sign(p->cfg.priv, digest, sig);
}

/**
 * spdm_rsp_get_version() - answer GET_VERSION
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.3. Ends whatever was before.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_get_version(struct spdm_responder *p, struct spdm_exchange *x)
{
	struct spdm_version_rsp *w = x->rsp;
	const struct spdm_hdr *req = x->req;
	size_t len = sizeof(*w) + 2;

	x->version = SPDM_VERSION_10;
	if (!spdm_rsp_is_size(x, sizeof(*req)))
		return spdm_rsp_invalid(x);
	if (req->version != SPDM_VERSION_10)
		return spdm_rsp_error(x, SPDM_ERR_VERSION_MISMATCH, 0);

	/* Whatever was before is over */
	spdm_responder_reset(p);
	spdm_rsp_set_phase(p, SPDM_RSP_VERSION);

	respond(x, 0, 0, len);
	w->count = 1;
	put_unaligned_le16(SPDM_VERSION_ENTRY_12, w + 1);

	p->cfg.crypto->hash_init(&p->vca);
	add(p, &p->vca, req, sizeof(*req));
	add(p, &p->vca, w, len);
	return len;
}

/**
 * spdm_rsp_get_capabilities() - answer GET_CAPABILITIES
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.4.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_get_capabilities(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_capabilities *req = x->req;
	struct spdm_capabilities *w = x->rsp;
	u32 transfer_size;

	if (p->phase != SPDM_RSP_VERSION)
		return spdm_rsp_error(x, SPDM_ERR_UNEXPECTED_REQUEST, 0);
	if (!spdm_rsp_is_size(x, sizeof(*req)))
		return spdm_rsp_invalid(x);
	transfer_size = le32_to_cpu(req->data_transfer_size);
	if (transfer_size < SPDM_MIN_DATA_TRANSFER ||
	    le32_to_cpu(req->max_msg_size) < transfer_size)
		return spdm_rsp_invalid(x);

	p->peer_max = transfer_size;
	p->peer_flags = le32_to_cpu(req->flags);
	spdm_rsp_set_phase(p, SPDM_RSP_CAPABILITIES);

	respond(x, 0, 0, sizeof(*w));
	w->ct_exponent = CT_EXPONENT;
	w->flags = cpu_to_le32(OUR_CAPS);
	w->data_transfer_size = cpu_to_le32(SPDM_MAX_MSG);
	w->max_msg_size = cpu_to_le32(SPDM_MAX_MSG);

	add(p, &p->vca, req, sizeof(*req));
	add(p, &p->vca, w, sizeof(*w));
	return sizeof(*w);
}

/* What we can do of each kind of algorithm */
static u16 our_algs(u8 type)
{
	switch (type) {
	case SPDM_ALG_DHE:
		return SPDM_DHE_SECP384R1;
	case SPDM_ALG_AEAD:
		return SPDM_AEAD_AES256GCM;
	case SPDM_ALG_KEY_SCHEDULE:
		return SPDM_KEY_SCHEDULE_SPDM;
	}
	return 0;
}

/*
 * Answer each algorithm structure of the request with our choice; @needed gets
 * a bit for each kind that both ends have. -EBADMSG if they do not add up to
 * the request's length.
 */
static int choose_algs(const struct spdm_negotiate *req, size_t req_len,
		       struct spdm_alg *out, unsigned int *chosen)
{
	size_t off = sizeof(*req) + 4 * ((size_t)req->ext_asym_count +
					 req->ext_hash_count);
	unsigned int n;
	u8 last = 0;

	*chosen = 0;
	for (n = 0; n < req->hdr.param1; n++) {
		const struct spdm_alg *alg;
		u16 mask;

		if (off > req_len || req_len - off < sizeof(*alg))
			return -EBADMSG;
		alg = (const void *)((const u8 *)req + off);
		if (FIELD_GET(SPDM_ALG_MASK_SIZE, alg->count) !=
							sizeof(alg->mask) ||
		    alg->type <= last || alg->type < SPDM_ALG_DHE ||
		    alg->type > SPDM_ALG_KEY_SCHEDULE)
			return -EBADMSG;
		last = alg->type;
		off += sizeof(*alg) +
		       4 * FIELD_GET(SPDM_ALG_EXT_COUNT, alg->count);

		mask = le16_to_cpu(alg->mask) & our_algs(alg->type);
		out[n].type = alg->type;
		out[n].count = SPDM_ALG_COUNT;
		out[n].mask = cpu_to_le16(mask);
		if (mask)
			*chosen |= BIT(alg->type);
	}
	return off == req_len ? 0 : -EBADMSG;
}

/**
 * spdm_rsp_negotiate() - answer NEGOTIATE_ALGORITHMS
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.5.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_negotiate(struct spdm_responder *p, struct spdm_exchange *x)
{
	const unsigned int session_algs = BIT(SPDM_ALG_DHE) |
					  BIT(SPDM_ALG_AEAD) |
					  BIT(SPDM_ALG_KEY_SCHEDULE);
	const struct spdm_negotiate *req = x->req;
	struct spdm_algorithms *w = x->rsp;
	size_t req_len, len;
	unsigned int chosen;

	if (p->phase != SPDM_RSP_CAPABILITIES)
		return spdm_rsp_error(x, SPDM_ERR_UNEXPECTED_REQUEST, 0);
	if (x->len < sizeof(*req))
		return spdm_rsp_invalid(x);
	req_len = le16_to_cpu(req->length);
	/* Types 2..5, each once */
	if (req_len < sizeof(*req) || req_len > MAX_NEGOTIATE ||
	    !spdm_rsp_is_size(x, req_len) || req->hdr.param1 > 4)
		return spdm_rsp_invalid(x);

	len = sizeof(*w) + req->hdr.param1 * sizeof(struct spdm_alg);
	if (len > x->room)
		return spdm_rsp_error(x, SPDM_ERR_RESPONSE_TOO_LARGE, 0);
	respond(x, req->hdr.param1, 0, len);
	if (choose_algs(req, req_len, (struct spdm_alg *)(w + 1), &chosen))
		return spdm_rsp_invalid(x);
	if (!(le32_to_cpu(req->base_asym) & SPDM_ASYM_ECDSA_P384) ||
	    !(le32_to_cpu(req->base_hash) & SPDM_HASH_SHA384))
		return spdm_rsp_invalid(x);

	w->length = cpu_to_le16(len);
	w->meas_spec = req->meas_spec & SPDM_MEAS_SPEC_DMTF;
	w->other_params = req->other_params & SPDM_OPAQUE_FORMAT_1;
	if (w->meas_spec)
		w->meas_hash = cpu_to_le32(SPDM_MEAS_HASH_SHA384);
	w->base_asym = cpu_to_le32(SPDM_ASYM_ECDSA_P384);
	w->base_hash = cpu_to_le32(SPDM_HASH_SHA384);

	p->suite_ok = w->meas_spec && w->other_params &&
		      (chosen & session_algs) == session_algs &&
		      (p->peer_flags & SESSION_CAPS) == SESSION_CAPS;
	spdm_rsp_set_phase(p, SPDM_RSP_NEGOTIATED);

	add(p, &p->vca, req, req_len);
	add(p, &p->vca, w, len);
	p->m1 = p->vca;
	return len;
}

/**
 * spdm_rsp_get_digests() - answer GET_DIGESTS
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.6.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_get_digests(struct spdm_responder *p, struct spdm_exchange *x)
{
	struct spdm_hdr *w = x->rsp;
	size_t len = sizeof(*w) + SPDM_HASH_SIZE;

	if (!spdm_rsp_is_size(x, sizeof(struct spdm_hdr)))
		return spdm_rsp_invalid(x);
	if (len > x->room)
		return spdm_rsp_error(x, SPDM_ERR_RESPONSE_TOO_LARGE, 0);

	respond(x, 0, BIT(SLOT), len);
	spdm_hash_once(p->cfg.crypto, p->cfg.chain, p->cfg.chain_len,
		       (u8 *)(w + 1));
	add(p, &p->m1, x->req, sizeof(struct spdm_hdr));
	add(p, &p->m1, w, len);
	return len;
}

/**
 * spdm_rsp_get_certificate() - answer GET_CERTIFICATE
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.7.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_get_certificate(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_get_certificate *req = x->req;
	struct spdm_certificate *w = x->rsp;
	size_t off, portion, left;

	if (!spdm_rsp_is_size(x, sizeof(*req)))
		return spdm_rsp_invalid(x);
	off = le16_to_cpu(req->offset);
	portion = le16_to_cpu(req->length);
	if ((req->hdr.param1 & SPDM_SLOT_MASK) != SLOT || !portion ||
	    off >= p->cfg.chain_len)
		return spdm_rsp_invalid(x);

	left = p->cfg.chain_len - off;
	if (portion > left)
		portion = left;
	if (portion > x->room - sizeof(*w))
		portion = x->room - sizeof(*w);

	respond(x, SLOT, 0, sizeof(*w));
	w->portion = cpu_to_le16(portion);
	w->remainder = cpu_to_le16(left - portion);
	memcpy(w + 1, p->cfg.chain + off, portion);
	add(p, &p->m1, req, sizeof(*req));
	add(p, &p->m1, w, sizeof(*w) + portion);
	return sizeof(*w) + portion;
}

/**
 * spdm_rsp_challenge() - answer CHALLENGE
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.8.
 * A summary of the measurements is not offered here: they are to be had in the
 * session, all of them.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_challenge(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_challenge *req = x->req;
	struct spdm_challenge_auth *w = x->rsp;
	size_t len = sizeof(*w) + SPDM_SIG_SIZE;

	if (!spdm_rsp_is_size(x, sizeof(*req)) || req->hdr.param1 != SLOT ||
	    req->hdr.param2)
		return spdm_rsp_invalid(x);
	if (len > x->room)
		return spdm_rsp_error(x, SPDM_ERR_RESPONSE_TOO_LARGE, 0);

	respond(x, SLOT, BIT(SLOT), len);
	spdm_hash_once(p->cfg.crypto, p->cfg.chain, p->cfg.chain_len,
		       w->chain_hash);
	if (p->cfg.crypto->random(w->nonce, sizeof(w->nonce)))
		return spdm_rsp_error(x, SPDM_ERR_UNSPECIFIED, 0);

	add(p, &p->m1, req, sizeof(*req));
	add(p, &p->m1, w, sizeof(*w));
	if (sign(p, SPDM_SIGN_CHALLENGE, &p->m1, false, w + 1))
		len = spdm_rsp_error(x, SPDM_ERR_UNSPECIFIED, 0);
	p->m1 = p->vca;
	return len;
}

/* Does the requester speak our version of secured messages? */
static bool offers_sm_version(const void *opaque, size_t len)
{
	const u8 *value;
	size_t value_len, i;

	if (spdm_opaque_find(opaque, len, SPDM_SM_SUPPORTED, &value,
			     &value_len))
		return false;
	if (!value_len || value_len != 1 + 2 * (size_t)value[0])
		return false;
	for (i = 1; i < value_len; i += 2)
		if (get_unaligned_le16(value + i) == SPDM_SM_VERSION_11)
			return true;
	return false;
}

static struct spdm_responder_session *free_session(struct spdm_responder *p)
{
	unsigned int i;

	for (i = 0; i < SPDM_MAX_SESSIONS; i++)
		if (p->sessions[i].phase == SPDM_SESSION_NONE)
			return &p->sessions[i];
	return NULL;
}

/* Both halves of the key exchange; the ephemeral key lives no longer */
static int exchange_keys(struct spdm_responder *p,
			 const u8 peer[SPDM_PUB_SIZE], u8 pub[SPDM_PUB_SIZE],
			 u8 shared[SPDM_HASH_SIZE])
{
	u8 priv[SPDM_PRIV_SIZE];
	int rc;

	rc = p->cfg.crypto->ecdh_keygen(priv, pub);
	if (!rc)
		rc = p->cfg.crypto->ecdh_shared(priv, peer, shared);
	memzero_explicit(priv, sizeof(priv));
	return rc;
}

/* The whole KEY_EXCHANGE_RSP, and the handshake keys of session @s */
static int key_exchange_rsp(struct spdm_responder *p, struct spdm_exchange *x,
			    struct spdm_responder_session *s,
			    const u8 shared[SPDM_HASH_SIZE], size_t req_len)
{
	struct spdm_key_exchange_rsp *w = x->rsp;
	struct spdm_opaque_selection *opaque = (void *)(w + 1);
	u8 *sig = (u8 *)(opaque + 1);
	u8 th1[SPDM_HASH_SIZE];
	int rc;

	rc = p->cfg.crypto->random(w->random, sizeof(w->random));
	if (rc)
		return rc;
	w->session_id = cpu_to_le16(s->keys.id >> 16);
	w->opaque_len = cpu_to_le16(sizeof(*opaque));
	opaque->opaque.total_elements = 1;
	opaque->element.data_len =
		cpu_to_le16(sizeof(*opaque) - sizeof(opaque->opaque) -
			    sizeof(opaque->element));
	opaque->sm_data_version = SPDM_SM_DATA_VERSION;
	opaque->sm_data_id = SPDM_SM_SELECTION;
	opaque->version = cpu_to_le16(SPDM_SM_VERSION_11);

	s->log = p->vca;
	spdm_hash_once(p->cfg.crypto, p->cfg.chain, p->cfg.chain_len, th1);
	add(p, &s->log, th1, sizeof(th1));
	add(p, &s->log, x->req, req_len);
	add(p, &s->log, w, sizeof(*w) + sizeof(*opaque));
	rc = sign(p, SPDM_SIGN_KEY_EXCHANGE, &s->log, false, sig);
	if (rc)
		return rc;
	add(p, &s->log, sig, SPDM_SIG_SIZE);

	spdm_transcript_digest(p->cfg.crypto, &s->log, th1);
	spdm_session_handshake_keys(p->cfg.crypto, &s->keys, shared, th1);
	spdm_finished_mac(p->cfg.crypto, s->keys.rsp_finished, &s->log,
			  sig + SPDM_SIG_SIZE);
	add(p, &s->log, sig + SPDM_SIG_SIZE, SPDM_HASH_SIZE);
	return 0;
}

/**
 * spdm_rsp_key_exchange() - answer KEY_EXCHANGE
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.14. Takes a free session.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_key_exchange(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_key_exchange *req = x->req;
	struct spdm_key_exchange_rsp *w = x->rsp;
	size_t len = sizeof(*w) + sizeof(struct spdm_opaque_selection) +
		     SPDM_SIG_SIZE + SPDM_HASH_SIZE;
	struct spdm_responder_session *s;
	u8 shared[SPDM_HASH_SIZE];
	size_t opaque_len;
	int rc;

	if (x->len < sizeof(*req))
		return spdm_rsp_invalid(x);
	opaque_len = le16_to_cpu(req->opaque_len);
	if (opaque_len > SPDM_MAX_OPAQUE ||
	    !spdm_rsp_is_size(x, sizeof(*req) + opaque_len) || req->hdr.param1 ||
	    req->hdr.param2 != SLOT || !offers_sm_version(req + 1, opaque_len))
		return spdm_rsp_invalid(x);
	if (!p->suite_ok)
		return spdm_rsp_error(x, SPDM_ERR_UNSUPPORTED_REQUEST,
			     SPDM_KEY_EXCHANGE);
	if (len > x->room)
		return spdm_rsp_error(x, SPDM_ERR_RESPONSE_TOO_LARGE, 0);
	s = free_session(p);
	if (!s)
		return spdm_rsp_error(x, SPDM_ERR_SESSION_LIMIT, 0);

	respond(x, 0, 0, len);
	rc = exchange_keys(p, req->exchange, w->exchange, shared);
	if (rc == -EBADMSG)
		return spdm_rsp_invalid(x);
	if (!rc) {
		p->last_session = p->last_session % 0xfffe + 1;
		s->keys.id = (u32)p->last_session << 16 |
			     le16_to_cpu(req->session_id);
		rc = key_exchange_rsp(p, x, s, shared,
				      sizeof(*req) + opaque_len);
	}
	memzero_explicit(shared, sizeof(shared));
	if (rc) {
		spdm_session_wipe(&s->keys);
		return spdm_rsp_error(x, SPDM_ERR_UNSPECIFIED, 0);
	}
	spdm_rsp_set_session(p, s, SPDM_SESSION_HANDSHAKE);
	return len;
}

/**
 * spdm_rsp_finish() - answer FINISH
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.15.
 * In a session that waits for it; a wrong MAC ends the session.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_finish(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_finish *req = x->req;
	struct spdm_responder_session *s = x->s;
	u8 verify_data[SPDM_HASH_SIZE];

	/* A requester's signature was not asked for */
	if (!spdm_rsp_is_size(x, sizeof(*req)) || req->hdr.param1)
		return spdm_rsp_invalid(x);

	add(p, &s->log, &req->hdr, sizeof(req->hdr));
	spdm_finished_mac(p->cfg.crypto, s->keys.req_finished, &s->log,
			  verify_data);
	if (!spdm_equal(verify_data, req->verify_data, sizeof(verify_data))) {
		x->next = SPDM_SESSION_NONE;
		return spdm_rsp_error(x, SPDM_ERR_DECRYPT, 0);
	}
	add(p, &s->log, verify_data, sizeof(verify_data));

	respond(x, 0, 0, sizeof(struct spdm_hdr));
	add(p, &s->log, x->rsp, sizeof(struct spdm_hdr));
	x->next = SPDM_SESSION_DATA;
	return sizeof(struct spdm_hdr);
}

/*
 * Keep only block @index of a record. Returns its length, 0 when the record
 * has none of that index.
 */
static size_t pick_block(u8 *record, size_t len, u8 index)
{
	size_t off = 0;

	while (len - off >= sizeof(struct spdm_meas_block)) {
		const struct spdm_meas_block *b = (const void *)(record + off);
		size_t size = le16_to_cpu(b->size) + SPDM_MEAS_BLOCK_HDR;

		if (size > len - off)
			break;
		if (b->index == index) {
			memmove(record, record + off, size);
			return size;
		}
		off += size;
	}
	return 0;
}

/**
 * spdm_rsp_get_measurements() - answer GET_MEASUREMENTS
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.11. In a session.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_get_measurements(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_get_measurements *req = x->req;
	struct spdm_measurements *w = x->rsp;
	struct spdm_measurements_tail *tail;
	u8 *record = (u8 *)(w + 1);
	u8 operation = req->hdr.param2;
	u8 nr_blocks = 0, count = 0;
	bool wants_sig;
	size_t req_len, len;
	int n;

	wants_sig = req->hdr.param1 & SPDM_MEAS_SIGNATURE;
	req_len = wants_sig ? sizeof(*req) : sizeof(req->hdr);
	if (!spdm_rsp_is_size(x, req_len) ||
	    (wants_sig && (req->slot & SPDM_SLOT_MASK) != SLOT))
		return spdm_rsp_invalid(x);
	len = sizeof(*w) + sizeof(*tail) + SPDM_SIG_SIZE;
	if (len > x->room)
		return spdm_rsp_error(x, SPDM_ERR_RESPONSE_TOO_LARGE, 0);
	if (!p->cfg.measure)
		return spdm_rsp_error(x, SPDM_ERR_UNSUPPORTED_REQUEST,
			     SPDM_GET_MEASUREMENTS);

	n = p->cfg.measure(p->cfg.ctx, record, x->room - len, &nr_blocks);
	if (n < 0 || (size_t)n > x->room - len)
		return spdm_rsp_error(x, SPDM_ERR_UNSPECIFIED, 0);
	if (operation == SPDM_MEAS_OP_COUNT) {
		count = nr_blocks;
		nr_blocks = 0;
		n = 0;
	} else if (operation != SPDM_MEAS_OP_ALL) {
		nr_blocks = 1;
		n = pick_block(record, n, operation);
		if (!n)
			return spdm_rsp_invalid(x);
	}

	respond(x, count, SLOT, sizeof(*w));
	w->nr_blocks = nr_blocks;
	put_unaligned_le24(n, w->record_len);
	tail = (void *)(record + n);
	if (p->cfg.crypto->random(tail->nonce, sizeof(tail->nonce)))
		return spdm_rsp_error(x, SPDM_ERR_UNSPECIFIED, 0);
	tail->opaque_len = 0;
	len = sizeof(*w) + n + sizeof(*tail);

	add(p, &x->s->log, req, req_len);
	add(p, &x->s->log, w, len);
	if (!wants_sig)
		return len;

	n = sign(p, SPDM_SIGN_MEASUREMENTS, &x->s->log,
		 p->bad_measurement_signature, tail + 1);
	x->s->log = p->vca;
	if (n)
		return spdm_rsp_error(x, SPDM_ERR_UNSPECIFIED, 0);
	return len + SPDM_SIG_SIZE;
}

/**
 * spdm_rsp_vendor() - answer a vendor defined request
 * @p: responder
 * @x: exchange
 *
 * DSP0274 10.20, PCIe r6.1 6.31. In a session.
 *
 * Return: bytes of the response or of an ERROR; 0: there must be no answer.
 */
int spdm_rsp_vendor(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_vendor *req = x->req;
	struct spdm_vendor *w = x->rsp;
	int n;

	if (x->len < sizeof(*req))
		return spdm_rsp_invalid(x);
	if (le16_to_cpu(req->standard_id) != SPDM_STANDARD_PCISIG ||
	    req->vendor_id_len != sizeof(req->vendor_id) ||
	    le16_to_cpu(req->vendor_id) != SPDM_VENDOR_PCISIG || !p->cfg.vendor)
		return spdm_rsp_error(x, SPDM_ERR_UNSUPPORTED_REQUEST,
			     SPDM_VENDOR_DEFINED);
	if (le16_to_cpu(req->payload_len) !=
	    x->len - sizeof(*req) + sizeof(req->protocol_id))
		return spdm_rsp_invalid(x);

	n = p->cfg.vendor(p->cfg.ctx, x->s->keys.id, req->protocol_id,
			  (const u8 *)(req + 1), x->len - sizeof(*req),
			  (u8 *)(w + 1), x->room - sizeof(*w));
	switch (n) {
	case 0:
		return 0;
	case -EBUSY:
		return spdm_rsp_error(x, SPDM_ERR_BUSY, 0);
	case -EINVAL:
		return spdm_rsp_invalid(x);
	case -EOPNOTSUPP:
		return spdm_rsp_error(x, SPDM_ERR_UNSUPPORTED_REQUEST,
			     SPDM_VENDOR_DEFINED);
	}
	if (n < 0 || (size_t)n > x->room - sizeof(*w))
		return spdm_rsp_error(x, SPDM_ERR_UNSPECIFIED, 0);

	respond(x, 0, 0, sizeof(*w));
	w->standard_id = cpu_to_le16(SPDM_STANDARD_PCISIG);
	w->vendor_id_len = sizeof(w->vendor_id);
	w->vendor_id = cpu_to_le16(SPDM_VENDOR_PCISIG);
	w->payload_len = cpu_to_le16(sizeof(w->protocol_id) + n);
	w->protocol_id = req->protocol_id;
	return sizeof(*w) + n;
}

/**
 * spdm_rsp_end_session() - answer END_SESSION
 * @x: exchange
 *
 * DSP0274 10.18. In a session.
 *
 * Return: bytes of the response or of an ERROR.
 */
int spdm_rsp_end_session(struct spdm_exchange *x)
{
	if (!spdm_rsp_is_size(x, sizeof(struct spdm_hdr)))
		return spdm_rsp_invalid(x);
	respond(x, 0, 0, sizeof(struct spdm_hdr));
	x->next = SPDM_SESSION_NONE;
	return sizeof(struct spdm_hdr);
}
