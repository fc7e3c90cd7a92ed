// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDM 1.2 requester: a step machine, response in, next request out. The caller
 * moves the bytes and waits; nothing is allocated, nothing is recursive.
 */
#include "ide-km.h"
#include "requester.h"
#include "tdisp.h"

/*
 * "Later" is asked for how often, and how long is waited. BUSY: 5 ms, doubled
 * each time, 1.3 s in all. RESPONSE_NOT_READY names its own time.
 */
#define MAX_RETRIES		8
#define BUSY_DELAY_MS		5
#define MAX_DELAY_MS		1000

/* The request of each waiting state */
static u8 request_code(enum spdm_requester_state state)
{
	switch (state) {
	case SPDM_REQ_VERSION:
		return SPDM_GET_VERSION;
	case SPDM_REQ_CAPABILITIES:
		return SPDM_GET_CAPABILITIES;
	case SPDM_REQ_ALGORITHMS:
		return SPDM_NEGOTIATE_ALGORITHMS;
	case SPDM_REQ_DIGESTS:
		return SPDM_GET_DIGESTS;
	case SPDM_REQ_CERTIFICATE:
		return SPDM_GET_CERTIFICATE;
	case SPDM_REQ_CHALLENGE:
		return SPDM_CHALLENGE;
	case SPDM_REQ_KEY_EXCHANGE:
		return SPDM_KEY_EXCHANGE;
	case SPDM_REQ_FINISH:
		return SPDM_FINISH;
	case SPDM_REQ_FIRST_MEASURE:
	case SPDM_REQ_MEASURE:
		return SPDM_GET_MEASUREMENTS;
	case SPDM_REQ_VENDOR:
		return SPDM_VENDOR_DEFINED;
	case SPDM_REQ_END:
		return SPDM_END_SESSION;
	case SPDM_REQ_IDLE:
	case SPDM_REQ_READY:
	case SPDM_REQ_ENDED:
	case SPDM_REQ_FAILED:
		break;
	}
	return 0;
}

/* Is the present exchange one of secured records? */
static bool in_session(const struct spdm_requester *r)
{
	return r->state >= SPDM_REQ_FINISH && r->state <= SPDM_REQ_END;
}

/* Is the session up, so that an operation may fail without ending it? */
static bool session_up(const struct spdm_requester *r)
{
	return r->state >= SPDM_REQ_READY && r->state < SPDM_REQ_END;
}

/**
 * spdm_req_set_state() - the one place that changes the state
 * @r: requester
 * @state: what it need not know of the past is wiped
 */
void spdm_req_set_state(struct spdm_requester *r,
			enum spdm_requester_state state)
{
	r->state = state;
	switch (state) {
	case SPDM_REQ_ENDED:
	case SPDM_REQ_FAILED:
		spdm_session_wipe(&r->session);
		memzero_explicit(r->req, sizeof(r->req));
		memzero_explicit(r->rsp, sizeof(r->rsp));
		r->vendor_off = 0;
		if (!r->cfg.meas_buf)
			r->meas_len = 0;
		break;
	default:
		break;
	}
	if (state != SPDM_REQ_KEY_EXCHANGE)
		memzero_explicit(r->ephemeral, sizeof(r->ephemeral));
}

/**
 * spdm_req_fail() - the conversation is over, at the message being waited for
 * @r: requester
 * @err: why
 *
 * Return: @err.
 */
int spdm_req_fail(struct spdm_requester *r, int err)
{
	r->failed = spdm_message_name(SPDM_RSP_CODE(request_code(r->state)));
	spdm_req_set_state(r, SPDM_REQ_FAILED);
	return err;
}

/* The device said no in good order: only the operation is over, if it can be */
static int refused(struct spdm_requester *r, int err)
{
	if (!session_up(r))
		return spdm_req_fail(r, err);
	r->failed = spdm_message_name(SPDM_RSP_CODE(request_code(r->state)));
	spdm_req_set_state(r, SPDM_REQ_READY);
	return err;
}

static void trace(const struct spdm_requester *r, bool request, const void *msg,
		  size_t len)
{
	const struct spdm_vendor *vendor = msg;
	const struct spdm_hdr *hdr = msg;
	const u8 *payload = (const u8 *)(vendor + 1);
	struct spdm_trace t = {
		.request = request,
		.session_id = in_session(r) ? r->session.id : 0,
		.code = hdr->code,
		.param1 = hdr->param1,
		.proto = -1,
		.len = len,
		.name = spdm_message_name(hdr->code),
	};

	if (!r->cfg.trace)
		return;

	if (SPDM_RSP_CODE(t.code) == SPDM_RSP_CODE(SPDM_VENDOR_DEFINED) &&
	    len >= sizeof(*vendor) + 2) {
		t.proto = vendor->protocol_id;
		/* A TDISP message begins with its version */
		t.object = payload[t.proto == SPDM_PROTO_TDISP];
		if (t.proto == SPDM_PROTO_IDE_KM)
			t.name = ide_km_object_name(t.object);
		else if (t.proto == SPDM_PROTO_TDISP)
			t.name = tdisp_msg_name(t.object);
	}
	r->cfg.trace(r->cfg.trace_ctx, &t);
}

/*
 * Hand the present request, or the RESPOND_IF_READY in its place, to the
 * caller. A record is sealed anew each time: its number is never used twice.
 */
static int emit(struct spdm_requester *r, u32 delay_ms, struct spdm_io *io)
{
	const u8 *msg = r->resuming ? r->resume : r->req;
	size_t len = r->resuming ? sizeof(r->resume) : r->req_len;
	const struct spdm_hdr *hdr = (const void *)msg;

	trace(r, true, msg, len);

	io->doe_type = SPDM_DOE_CMA;
	io->req = msg;
	io->req_len = len;
	io->rsp = r->rsp;
	io->rsp_size = sizeof(r->rsp);
	io->delay_ms = delay_ms;
	io->name = spdm_message_name(hdr->code);

	if (in_session(r)) {
		int rc;

		memcpy(r->record + sizeof(struct spdm_record), msg, len);
		rc = spdm_record_seal(r->cfg.crypto, &r->session.req,
				      r->session.id, r->record,
				      sizeof(r->record), len);
		if (rc < 0)
			return spdm_req_fail(r, rc);
		io->doe_type = SPDM_DOE_SECURED;
		io->req = r->record;
		io->req_len = rc;
	}
	return SPDM_SEND;
}

/**
 * spdm_req_send() - begin an exchange
 * @r: requester; &spdm_requester.req holds the request but for its header
 * @state: what to wait for, which says what the request is
 * @param1: of the request
 * @param2: of the request
 * @len: its bytes, header included
 * @io: what the caller has to do
 *
 * Return: SPDM_SEND; -EBADMSG: more than the device takes; an error of
 * cryptography.
 */
int spdm_req_send(struct spdm_requester *r, enum spdm_requester_state state,
		  u8 param1, u8 param2, size_t len, struct spdm_io *io)
{
	struct spdm_hdr *hdr = (struct spdm_hdr *)r->req;

	spdm_req_set_state(r, state);
	hdr->version = state == SPDM_REQ_VERSION ? SPDM_VERSION_10 :
						   SPDM_VERSION_12;
	hdr->code = request_code(state);
	hdr->param1 = param1;
	hdr->param2 = param2;
	r->req_len = len;
	r->retries = 0;
	r->resuming = false;
	r->vendor_off = 0;
	if (!r->cfg.meas_buf)
		r->meas_len = 0;

	/* There is no chunking: what the device cannot take cannot be asked */
	if (len > r->peer_max)
		return spdm_req_fail(r, -EBADMSG);
	return emit(r, 0, io);
}

/* "Later": RESPOND_IF_READY instead of the request from now on */
static int not_ready(struct spdm_requester *r, const void *msg, size_t len,
		     struct spdm_io *io)
{
	const struct spdm_error_not_ready *w = msg;
	struct spdm_hdr *resume = (struct spdm_hdr *)r->resume;
	u32 delay_ms = MAX_DELAY_MS;

	if (len < sizeof(*w) || w->request_code != request_code(r->state))
		return spdm_req_fail(r, -EBADMSG);
	if (w->delay_exponent < 20)
		delay_ms = BIT(w->delay_exponent) / 1000 + 1;
	if (delay_ms > MAX_DELAY_MS)
		delay_ms = MAX_DELAY_MS;

	resume->version = r->req[0];
	resume->code = SPDM_RESPOND_IF_READY;
	resume->param1 = w->request_code;
	resume->param2 = w->token;
	r->resuming = true;
	return emit(r, delay_ms, io);
}

/* DSP0274 10.9 */
static int got_error(struct spdm_requester *r, const void *msg, size_t len,
		     struct spdm_io *io)
{
	const struct spdm_hdr *hdr = msg;

	switch (hdr->param1) {
	case SPDM_ERR_BUSY:
		if (r->retries == MAX_RETRIES)
			return refused(r, -ETIMEDOUT);
		return emit(r, BUSY_DELAY_MS << r->retries++, io);
	case SPDM_ERR_NOT_READY:
		if (r->retries == MAX_RETRIES)
			return refused(r, -ETIMEDOUT);
		r->retries++;
		return not_ready(r, msg, len, io);
	case SPDM_ERR_DECRYPT:
		/* Both ends count records: there is no way back */
		return spdm_req_fail(r, -EPROTO);
	}
	return refused(r, -EPROTO);
}

/*
 * Get at the plain message. In a session that is what the record holds; a
 * device that has lost the session can only say so in the plain.
 */
static int open_response(struct spdm_requester *r, size_t *off, size_t *len)
{
	const struct spdm_hdr *hdr = (const void *)r->rsp;
	u8 *plain = r->rsp + SPDM_RECORD_AAD;
	size_t msg_len;
	int rc;

	/* A full buffer means that something was cut off */
	if (*len < sizeof(*hdr) || *len >= sizeof(r->rsp))
		return -EBADMSG;
	*off = 0;
	if (!in_session(r))
		return *len <= SPDM_MAX_MSG ? 0 : -EBADMSG;

	if (*len < SPDM_RECORD_OVERHEAD && hdr->version == SPDM_VERSION_12 &&
	    hdr->code == SPDM_ERROR) {
		trace(r, false, r->rsp, *len);
		return -EPROTO;
	}
	rc = spdm_record_open(r->cfg.crypto, &r->session.rsp, r->session.id,
			      r->rsp, *len, plain,
			      sizeof(r->rsp) - SPDM_RECORD_AAD, &msg_len);
	if (rc)
		return rc;
	if (msg_len < sizeof(*hdr) || msg_len > SPDM_MAX_MSG)
		return -EBADMSG;
	*off = sizeof(struct spdm_record);
	*len = msg_len;
	return 0;
}

/**
 * spdm_requester_step() - take a response and say what to do next
 * @r: requester; the response is at the &spdm_io.rsp of the last request
 * @rsp_len: its bytes; as many as &spdm_io.rsp_size means "or more"
 * @io: what to send next, valid when SPDM_SEND is returned
 *
 * Context: as the cryptography: with spdm_kernel_crypto, may sleep.
 *
 * Return: SPDM_SEND: perform @io and step again. 0: the operation is complete.
 * Else it has failed and @r->failed names the message:
 * -EBADMSG: malformed, truncated, oversized, something that was not offered, a
 * wrong tag or verify data, a public value off the curve;
 * -EKEYREJECTED: a wrong signature or a certificate chain not to be trusted;
 * -EPROTO: the device answered ERROR;
 * -ETIMEDOUT: it asked to come back later too often;
 * -EINVAL: no response is being waited for;
 * an error of cryptography.
 * After -EPROTO and -ETIMEDOUT the session may still be up (then
 * spdm_requester_session() is not 0); after all others it is over.
 */
int spdm_requester_step(struct spdm_requester *r, size_t rsp_len,
			struct spdm_io *io)
{
	u8 request = request_code(r->state);
	const struct spdm_hdr *hdr;
	size_t off, len = rsp_len;
	int rc;

	if (!request)
		return -EINVAL;

	rc = open_response(r, &off, &len);
	if (rc)
		return spdm_req_fail(r, rc);
	hdr = (const void *)(r->rsp + off);
	trace(r, false, hdr, len);

	/* A device that was reset speaks 1.0 again, to say that it was */
	if (hdr->code == SPDM_ERROR && (hdr->version == SPDM_VERSION_10 ||
					hdr->version == SPDM_VERSION_12))
		return got_error(r, hdr, len, io);
	if (hdr->code != SPDM_RSP_CODE(request) || hdr->version != r->req[0])
		return spdm_req_fail(r, -EBADMSG);

	return spdm_req_got(r, hdr, len, io);
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_step, "TSM_SPDM");

/**
 * spdm_requester_init() - make a requester
 * @r: memory of any content
 * @cfg: copied
 *
 * Return: 0, or -EINVAL when something mandatory is missing in @cfg.
 */
int spdm_requester_init(struct spdm_requester *r,
			const struct spdm_requester_config *cfg)
{
	memset(r, 0, sizeof(*r));
	if (!cfg->crypto || !cfg->root_hash || !cfg->chain_buf ||
	    !cfg->chain_size)
		return -EINVAL;
	r->cfg = *cfg;
	if (r->cfg.chain_size > SPDM_MAX_CHAIN)
		r->cfg.chain_size = SPDM_MAX_CHAIN;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_init, "TSM_SPDM");

/**
 * spdm_requester_connect() - begin to authenticate a device and to open a
 * session
 * @r: requester, in any state: what it had is forgotten
 * @io: what to send first
 *
 * Complete (spdm_requester_step() returns 0) when the certificate chain leads
 * to the trusted root, the device has signed a challenge and the key exchange,
 * both ends have proved the session's keys, and signed measurements have come.
 *
 * Return: SPDM_SEND.
 */
int spdm_requester_connect(struct spdm_requester *r, struct spdm_io *io)
{
	spdm_requester_wipe(r);
	r->peer_max = SPDM_MIN_DATA_TRANSFER;
	return spdm_req_send_get_version(r, io);
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_connect, "TSM_SPDM");

/* May an operation in the session begin? */
static int check_ready(const struct spdm_requester *r)
{
	if (r->state == SPDM_REQ_READY)
		return 0;
	return request_code(r->state) ? -EBUSY : -ENOTCONN;
}

/**
 * spdm_requester_vendor() - begin an exchange of PCI-SIG vendor defined
 * messages in the session
 * @r: requester whose connect is complete
 * @protocol_id: SPDM_PROTO_IDE_KM or SPDM_PROTO_TDISP
 * @payload: what follows the protocol id
 * @len: its bytes, at most SPDM_MAX_VENDOR
 * @io: what to send
 *
 * Return: SPDM_SEND; -ENOTCONN: no session; -EBUSY: another operation has not
 * been completed; -EMSGSIZE: more than fits, here or at the device; an error of
 * cryptography.
 */
int spdm_requester_vendor(struct spdm_requester *r, u8 protocol_id,
			  const void *payload, size_t len, struct spdm_io *io)
{
	struct spdm_vendor *w = (void *)r->req;
	int rc = check_ready(r);

	if (rc)
		return rc;
	if (len > SPDM_MAX_VENDOR || sizeof(*w) + len > r->peer_max)
		return -EMSGSIZE;

	w->standard_id = cpu_to_le16(SPDM_STANDARD_PCISIG);
	w->vendor_id_len = sizeof(w->vendor_id);
	w->vendor_id = cpu_to_le16(SPDM_VENDOR_PCISIG);
	w->payload_len = cpu_to_le16(sizeof(w->protocol_id) + len);
	w->protocol_id = protocol_id;
	memcpy(w + 1, payload, len);
	r->protocol_id = protocol_id;
	return spdm_req_send(r, SPDM_REQ_VENDOR, 0, 0, sizeof(*w) + len, io);
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_vendor, "TSM_SPDM");

/**
 * spdm_requester_vendor_response() - the answer to spdm_requester_vendor()
 * @r: requester
 * @payload: what follows the protocol id; valid until the next operation
 * @len: its bytes
 *
 * Return: 0, or -EINVAL when there is none.
 */
int spdm_requester_vendor_response(struct spdm_requester *r,
				   const void **payload, size_t *len)
{
	if (r->state != SPDM_REQ_READY || !r->vendor_off)
		return -EINVAL;
	*payload = r->rsp + r->vendor_off;
	*len = r->vendor_len;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_vendor_response, "TSM_SPDM");

/**
 * spdm_requester_measure() - begin to fetch signed measurements
 * @r: requester whose connect is complete
 * @nonce: the caller's proof of freshness, signed along
 * @io: what to send
 *
 * Return: as spdm_requester_vendor().
 */
int spdm_requester_measure(struct spdm_requester *r,
			   const u8 nonce[SPDM_NONCE_SIZE], struct spdm_io *io)
{
	struct spdm_get_measurements *w = (void *)r->req;
	int rc = check_ready(r);

	if (rc)
		return rc;
	memcpy(w->nonce, nonce, sizeof(w->nonce));
	return spdm_req_send_get_measurements(r, SPDM_REQ_MEASURE, io);
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_measure, "TSM_SPDM");

/**
 * spdm_requester_end() - begin to end the session
 * @r: requester whose connect is complete
 * @io: what to send
 *
 * Return: as spdm_requester_vendor(). The session is over for this end
 * whatever the device answers.
 */
int spdm_requester_end(struct spdm_requester *r, struct spdm_io *io)
{
	int rc = check_ready(r);

	if (rc)
		return rc;
	return spdm_req_send(r, SPDM_REQ_END, 0, 0, sizeof(struct spdm_hdr), io);
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_end, "TSM_SPDM");

/**
 * spdm_requester_cancel() - the last request was not sent
 * @r: requester that returned SPDM_SEND
 *
 * For a caller that is told to give up between two messages, and that knows
 * that nothing of the last &spdm_io.req left it: the session goes on with
 * another operation. The number of the record that was sealed in vain is given
 * to the next one, as the responder counts those that it gets. Outside of a
 * session the conversation is over.
 *
 * A caller that does not know must not call this: then the session is lost.
 */
void spdm_requester_cancel(struct spdm_requester *r)
{
	if (!request_code(r->state))
		return;
	if (!session_up(r)) {
		spdm_req_set_state(r, SPDM_REQ_FAILED);
		return;
	}
	memzero_explicit(r->record, sizeof(r->record));
	r->session.req.sequence--;
	spdm_req_set_state(r, SPDM_REQ_READY);
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_cancel, "TSM_SPDM");

/**
 * spdm_requester_wipe() - forget a conversation and its secrets
 * @r: requester; its configuration stays
 */
void spdm_requester_wipe(struct spdm_requester *r)
{
	struct spdm_requester_config cfg = r->cfg;

	memzero_explicit(r, sizeof(*r));
	r->cfg = cfg;
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_wipe, "TSM_SPDM");

/**
 * spdm_requester_session() - id of the session
 * @r: requester
 *
 * Return: the id while the session is up, 0 otherwise.
 */
u32 spdm_requester_session(const struct spdm_requester *r)
{
	if (session_up(r) || r->state == SPDM_REQ_END)
		return r->session.id;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_session, "TSM_SPDM");

/**
 * spdm_requester_cert_chain() - the device's certificate chain, for evidence
 * @r: requester
 * @chain: certificate chain object (DSP0274 section 10.6.1), verified
 * @len: its bytes
 *
 * Return: 0, or -EINVAL when there is none.
 */
int spdm_requester_cert_chain(const struct spdm_requester *r,
			      const void **chain, size_t *len)
{
	/* Only a session proves that the chain is the device's own */
	if (!spdm_requester_session(r))
		return -EINVAL;
	*chain = r->cfg.chain_buf;
	*len = r->chain_len;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_cert_chain, "TSM_SPDM");

/**
 * spdm_requester_measurements() - the last measurements, for evidence
 * @r: requester
 * @msg: the MEASUREMENTS response as received, signature included
 * @len: its bytes
 *
 * Return: 0, or -EINVAL when there are none, or none any more (see
 * &spdm_requester_config.meas_buf).
 */
int spdm_requester_measurements(const struct spdm_requester *r,
				const void **msg, size_t *len)
{
	if (!r->meas_len)
		return -EINVAL;
	*msg = r->cfg.meas_buf ?: r->rsp + r->meas_off;
	*len = r->meas_len;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_measurements, "TSM_SPDM");

/**
 * spdm_requester_vca() - the messages GET_VERSION to ALGORITHMS, for evidence
 * @r: requester
 * @vca: as sent and received, in order; the signed transcripts begin so
 * @len: their bytes
 *
 * Return: 0, or -EINVAL when there is no session.
 */
int spdm_requester_vca(const struct spdm_requester *r, const void **vca,
		       size_t *len)
{
	if (!spdm_requester_session(r))
		return -EINVAL;
	*vca = r->vca;
	*len = r->vca_len;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(spdm_requester_vca, "TSM_SPDM");
