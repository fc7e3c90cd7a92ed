// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDM 1.2 responder, the device's half: request in, response out. It refuses
 * what is malformed or out of order with the ERROR that DSP0274 names for it.
 */
#include "responder.h"

/* RESPONSE_NOT_READY asks to come back in 2^12 us, and not much later */
#define NOT_READY_EXPONENT	12
#define NOT_READY_FACTOR	8

/**
 * spdm_rsp_error() - answer with an ERROR
 * @x: exchange
 * @code: param1 of the ERROR
 * @data: its param2
 *
 * Return: bytes of the response.
 */
int spdm_rsp_error(struct spdm_exchange *x, u8 code, u8 data)
{
	struct spdm_hdr *hdr = x->rsp;

	hdr->version = x->version;
	hdr->code = SPDM_ERROR;
	hdr->param1 = code;
	hdr->param2 = data;
	return sizeof(*hdr);
}

/**
 * spdm_rsp_invalid() - answer with an ERROR "invalid request"
 * @x: exchange
 *
 * Return: bytes of the response.
 */
int spdm_rsp_invalid(struct spdm_exchange *x)
{
	return spdm_rsp_error(x, SPDM_ERR_INVALID_REQUEST, 0);
}

/**
 * spdm_rsp_is_size() - is the request as long as it must be?
 * @x: exchange
 * @need: bytes of the request by its own account
 *
 * Return: whether it is; outside a session DOE's padding may follow.
 */
bool spdm_rsp_is_size(const struct spdm_exchange *x, size_t need)
{
	if (x->s)
		return x->len == need;
	return spdm_padded(x->req, need, x->len);
}

/**
 * spdm_rsp_set_phase() - the one place that says how far the negotiation is
 * @p: responder
 * @phase: SPDM_RSP_START forgets what was negotiated
 */
void spdm_rsp_set_phase(struct spdm_responder *p,
			enum spdm_responder_phase phase)
{
	p->phase = phase;
	if (phase != SPDM_RSP_START)
		return;
	p->peer_max = SPDM_MIN_DATA_TRANSFER;
	p->peer_flags = 0;
	p->suite_ok = false;
}

/**
 * spdm_rsp_set_session() - the one place that changes the life of a session
 * @p: responder
 * @s: session
 * @phase: SPDM_SESSION_DATA derives the data keys from the transcript;
 *	SPDM_SESSION_NONE wipes all keys and tells the device
 */
void spdm_rsp_set_session(struct spdm_responder *p,
			  struct spdm_responder_session *s,
			  enum spdm_session_phase phase)
{
	u8 th2[SPDM_HASH_SIZE];
	u32 id = s->keys.id;

	if (s->phase == phase)
		return;
	s->phase = phase;
	switch (phase) {
	case SPDM_SESSION_HANDSHAKE:
		break;
	case SPDM_SESSION_DATA:
		spdm_transcript_digest(p->cfg.crypto, &s->log, th2);
		spdm_session_data_keys(p->cfg.crypto, &s->keys, th2);
		s->log = p->vca;
		break;
	case SPDM_SESSION_NONE:
		spdm_session_wipe(&s->keys);
		if (p->cfg.session_end)
			p->cfg.session_end(p->cfg.ctx, id);
		break;
	}
}

static struct spdm_responder_session *
find_session(struct spdm_responder *p, u32 id)
{
	unsigned int i;

	for (i = 0; i < SPDM_MAX_SESSIONS; i++)
		if (p->sessions[i].phase != SPDM_SESSION_NONE &&
		    p->sessions[i].keys.id == id)
			return &p->sessions[i];
	return NULL;
}

static int answer_plain(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_hdr *req = x->req;

	if (req->code == SPDM_GET_VERSION)
		return spdm_rsp_get_version(p, x);
	if (p->phase == SPDM_RSP_START)
		return spdm_rsp_error(x, SPDM_ERR_UNEXPECTED_REQUEST, 0);
	if (req->version != SPDM_VERSION_12)
		return spdm_rsp_error(x, SPDM_ERR_VERSION_MISMATCH, 0);

	switch (req->code) {
	case SPDM_GET_CAPABILITIES:
		return spdm_rsp_get_capabilities(p, x);
	case SPDM_NEGOTIATE_ALGORITHMS:
		return spdm_rsp_negotiate(p, x);
	case SPDM_FINISH:
	case SPDM_GET_MEASUREMENTS:
	case SPDM_END_SESSION:
		return spdm_rsp_error(x, SPDM_ERR_SESSION_REQUIRED, 0);
	case SPDM_GET_DIGESTS:
	case SPDM_GET_CERTIFICATE:
	case SPDM_CHALLENGE:
	case SPDM_KEY_EXCHANGE:
		break;
	default:
		return spdm_rsp_error(x, SPDM_ERR_UNSUPPORTED_REQUEST, req->code);
	}

	if (p->phase != SPDM_RSP_NEGOTIATED)
		return spdm_rsp_error(x, SPDM_ERR_UNEXPECTED_REQUEST, 0);
	switch (req->code) {
	case SPDM_GET_DIGESTS:
		return spdm_rsp_get_digests(p, x);
	case SPDM_GET_CERTIFICATE:
		return spdm_rsp_get_certificate(p, x);
	case SPDM_CHALLENGE:
		return spdm_rsp_challenge(p, x);
	default:
		return spdm_rsp_key_exchange(p, x);
	}
}

static int answer_secured(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_hdr *req = x->req;
	bool handshake = x->s->phase == SPDM_SESSION_HANDSHAKE;

	if (req->version != SPDM_VERSION_12)
		return spdm_rsp_error(x, SPDM_ERR_VERSION_MISMATCH, 0);

	switch (req->code) {
	case SPDM_FINISH:
		if (handshake)
			return spdm_rsp_finish(p, x);
		break;
	case SPDM_GET_MEASUREMENTS:
		if (!handshake)
			return spdm_rsp_get_measurements(p, x);
		break;
	case SPDM_VENDOR_DEFINED:
		if (!handshake)
			return spdm_rsp_vendor(p, x);
		break;
	case SPDM_END_SESSION:
		if (!handshake)
			return spdm_rsp_end_session(x);
		break;
	case SPDM_GET_VERSION:
	case SPDM_GET_CAPABILITIES:
	case SPDM_NEGOTIATE_ALGORITHMS:
	case SPDM_GET_DIGESTS:
	case SPDM_GET_CERTIFICATE:
	case SPDM_CHALLENGE:
	case SPDM_KEY_EXCHANGE:
		break;
	default:
		return spdm_rsp_error(x, SPDM_ERR_UNSUPPORTED_REQUEST, req->code);
	}
	return spdm_rsp_error(x, SPDM_ERR_UNEXPECTED_REQUEST, 0);
}

static u32 session_of(const struct spdm_exchange *x)
{
	return x->s ? x->s->keys.id : 0;
}

/* RESPONSE_NOT_READY: keep the request, RESPOND_IF_READY will ask for it */
static int not_ready(struct spdm_responder *p, struct spdm_exchange *x)
{
	struct spdm_error_not_ready *w = x->rsp;
	const struct spdm_hdr *req = x->req;

	if (req->code != SPDM_RESPOND_IF_READY) {
		if (x->len > sizeof(p->pending))
			return spdm_rsp_error(x, SPDM_ERR_BUSY, 0);
		memcpy(p->pending, x->req, x->len);
		p->pending_len = x->len;
		p->pending_session = session_of(x);
	} else if (!p->pending_len) {
		return spdm_rsp_error(x, SPDM_ERR_UNEXPECTED_REQUEST, 0);
	}

	spdm_rsp_error(x, SPDM_ERR_NOT_READY, 0);
	w->delay_exponent = NOT_READY_EXPONENT;
	w->request_code = ((struct spdm_hdr *)p->pending)->code;
	w->token = ++p->token;
	w->delay_factor = NOT_READY_FACTOR;
	return sizeof(*w);
}

/* DSP0274 10.17: is this the token of the request that waits? */
static bool resume(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_hdr *waiting = (const void *)p->pending;
	const struct spdm_hdr *req = x->req;

	if (!spdm_rsp_is_size(x, sizeof(*req)) || !p->pending_len ||
	    req->param1 != waiting->code || req->param2 != p->token ||
	    p->pending_session != session_of(x))
		return false;
	/* Out of the way of what answering it may forget */
	memcpy(p->req, p->pending, p->pending_len);
	x->req = p->req;
	x->len = p->pending_len;
	return true;
}

/* A plain request to a plain response; 0: none */
static int answer(struct spdm_responder *p, struct spdm_exchange *x)
{
	const struct spdm_hdr *req = x->req;
	u8 fail_code = p->fail_code;
	int n;

	x->version = p->phase == SPDM_RSP_START ? SPDM_VERSION_10 :
						  SPDM_VERSION_12;
	x->next = x->s ? x->s->phase : SPDM_SESSION_NONE;
	if (x->len < sizeof(*req))
		return spdm_rsp_invalid(x);

	/*
	 * TDISP and IDE_KM outside a session must get no answer at all (PCIe
	 * r6.1 11.2.2), and no others are spoken here.
	 */
	if (!x->s && req->code == SPDM_VENDOR_DEFINED)
		return 0;

	if (fail_code) {
		p->fail_code = 0;
		if (req->code == SPDM_GET_VERSION)
			x->version = SPDM_VERSION_10;
		if (fail_code == SPDM_ERR_NOT_READY)
			return not_ready(p, x);
		return spdm_rsp_error(x, fail_code, p->fail_data);
	}
	if (req->code == SPDM_RESPOND_IF_READY && !resume(p, x))
		return spdm_rsp_error(x, SPDM_ERR_UNEXPECTED_REQUEST, 0);

	n = x->s ? answer_secured(p, x) : answer_plain(p, x);
	/* Asked and answered, or given up by the requester */
	memzero_explicit(p->pending, p->pending_len);
	p->pending_len = 0;
	return n;
}

/* Seal the response, and do what had to wait for that */
static int seal(struct spdm_responder *p, struct spdm_exchange *x, void *record,
		size_t size, int n)
{
	struct spdm_session *keys = &x->s->keys;
	int rc = 0;

	if (n > 0) {
		rc = spdm_record_seal(p->cfg.crypto, &keys->rsp, keys->id,
				      record, size, n);
		if (rc < 0)
			x->next = SPDM_SESSION_NONE;
	}
	spdm_rsp_set_session(p, x->s, x->next);
	return rc;
}

static int handle_secured(struct spdm_responder *p, struct spdm_exchange *x,
			  const void *record, size_t len, void *rsp,
			  size_t size)
{
	const struct spdm_record *hdr = record;
	size_t msg_len;
	int n;

	x->version = SPDM_VERSION_12;
	if (len < sizeof(*hdr))
		return spdm_rsp_invalid(x);
	x->s = find_session(p, le32_to_cpu(hdr->session_id));
	/* Nothing to encrypt with: say so in the plain */
	if (!x->s)
		return spdm_rsp_error(x, SPDM_ERR_DECRYPT, 0);

	x->rsp = (u8 *)rsp + sizeof(struct spdm_record);
	if (spdm_record_open(p->cfg.crypto, &x->s->keys.req, x->s->keys.id,
			     record, len, p->req, sizeof(p->req), &msg_len)) {
		/* The counts of records have parted: the session is over */
		n = spdm_rsp_error(x, SPDM_ERR_DECRYPT, 0);
		x->next = SPDM_SESSION_NONE;
	} else {
		x->req = p->req + sizeof(hdr->app_length);
		x->len = msg_len;
		n = answer(p, x);
	}
	n = seal(p, x, rsp, size, n);
	memzero_explicit(p->req, sizeof(p->req));
	return n;
}

/**
 * spdm_responder_handle() - answer one DOE object
 * @p: responder
 * @doe_type: SPDM_DOE_CMA or SPDM_DOE_SECURED; the answer is of the same type
 * @req: the object's payload
 * @req_len: its bytes
 * @rsp: gets the answer; must not be the memory of @req
 * @rsp_size: room there in bytes, at least SPDM_MIN_DATA_TRANSFER +
 *	SPDM_RECORD_OVERHEAD; SPDM_RSP_SIZE is never too small
 *
 * Context: as the cryptography: with spdm_kernel_crypto, may sleep.
 *
 * Return: bytes of the answer (not padded); 0: there must be no answer;
 * -EOPNOTSUPP: not a type of ours; -EMSGSIZE: @rsp_size is too small;
 * -ENOTCONN: the session's key is used up; an error of cryptography. All
 * errors are for a DOE error.
 */
int spdm_responder_handle(struct spdm_responder *p, u8 doe_type,
			  const void *req, size_t req_len,
			  void *rsp, size_t rsp_size)
{
	struct spdm_exchange x = {
		.req = req,
		.len = req_len,
		.rsp = rsp,
		.version = SPDM_VERSION_12,
	};

	if (rsp_size < SPDM_MIN_DATA_TRANSFER + SPDM_RECORD_OVERHEAD)
		return -EMSGSIZE;
	x.room = rsp_size - SPDM_RECORD_OVERHEAD;
	if (x.room > SPDM_MAX_MSG)
		x.room = SPDM_MAX_MSG;
	if (x.room > p->peer_max)
		x.room = p->peer_max;

	switch (doe_type) {
	case SPDM_DOE_CMA:
		if (req_len > SPDM_MAX_MSG)
			return spdm_rsp_error(&x, SPDM_ERR_REQUEST_TOO_LARGE, 0);
		return answer(p, &x);
	case SPDM_DOE_SECURED:
		return handle_secured(p, &x, req, req_len, rsp, rsp_size);
	}
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(spdm_responder_handle, "TSM_SPDM");

/**
 * spdm_responder_init() - make a responder
 * @p: memory of any content
 * @cfg: copied
 *
 * Return: 0, or -EINVAL when something mandatory is missing in @cfg.
 */
int spdm_responder_init(struct spdm_responder *p,
			const struct spdm_responder_config *cfg)
{
	memset(p, 0, sizeof(*p));
	if (!cfg->crypto || !cfg->crypto->ecdsa_sign || !cfg->chain ||
	    cfg->chain_len <= sizeof(struct spdm_cert_chain) ||
	    cfg->chain_len > SPDM_MAX_CHAIN || !cfg->priv)
		return -EINVAL;
	p->cfg = *cfg;
	spdm_rsp_set_phase(p, SPDM_RSP_START);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(spdm_responder_init, "TSM_SPDM");

/**
 * spdm_responder_reset() - forget everything, as a reset of the device does
 * @p: responder; configuration and fault knobs stay
 *
 * Each session is ended and &spdm_responder_config.session_end called for it.
 */
void spdm_responder_reset(struct spdm_responder *p)
{
	unsigned int i;

	for (i = 0; i < SPDM_MAX_SESSIONS; i++)
		spdm_rsp_set_session(p, &p->sessions[i], SPDM_SESSION_NONE);
	memzero_explicit(p->pending, p->pending_len);
	p->pending_len = 0;
	spdm_rsp_set_phase(p, SPDM_RSP_START);
}
EXPORT_SYMBOL_NS_GPL(spdm_responder_reset, "TSM_SPDM");

/**
 * spdm_responder_fail_next() - fault knob: answer the next request with ERROR
 * @p: responder
 * @error_code: of the ERROR, 0 takes the knob back; RESPONSE_NOT_READY (0x42)
 *	keeps the request until RESPOND_IF_READY asks for its response
 * @error_data: of the ERROR
 *
 * The ERROR is sealed if the request came in a session; the request is not
 * looked at otherwise.
 */
void spdm_responder_fail_next(struct spdm_responder *p, u8 error_code,
			      u8 error_data)
{
	p->fail_code = error_code;
	p->fail_data = error_data;
}
EXPORT_SYMBOL_NS_GPL(spdm_responder_fail_next, "TSM_SPDM");

/**
 * spdm_responder_sessions() - how many sessions are up?
 * @p: responder
 *
 * Return: sessions whose FINISH has come.
 */
unsigned int spdm_responder_sessions(const struct spdm_responder *p)
{
	unsigned int i, n = 0;

	for (i = 0; i < SPDM_MAX_SESSIONS; i++)
		n += p->sessions[i].phase == SPDM_SESSION_DATA;
	return n;
}
EXPORT_SYMBOL_NS_GPL(spdm_responder_sessions, "TSM_SPDM");
