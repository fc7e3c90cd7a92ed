// SPDX-License-Identifier: GPL-2.0-only
/*
 * The messages of the SPDM 1.2 requester: each request as it is made, each
 * response as it is checked, the next one sent (DSP0274 section 10).
 */
#include "requester.h"
#include "x509.h"

/* What a responder must be able to do */
#define NEEDED_CAPS		(SPDM_CAP_CERT | SPDM_CAP_CHAL | \
				 SPDM_CAP_ENCRYPT | SPDM_CAP_MAC | \
				 SPDM_CAP_KEY_EX)

/* Slot 0 holds the identity that the device was made with */
#define SLOT			0

static void log_start(struct spdm_requester *r)
{
	r->cfg.crypto->hash_init(&r->log);
	r->cfg.crypto->hash_update(&r->log, r->vca, r->vca_len);
}

static void log_add(struct spdm_requester *r, const void *p, size_t len)
{
	r->cfg.crypto->hash_update(&r->log, p, len);
}

/* Keep request and response verbatim: each signed transcript begins with them */
static int keep_vca(struct spdm_requester *r, const void *msg, size_t len)
{
	if (r->req_len + len > sizeof(r->vca) - r->vca_len)
		return -EBADMSG;
	memcpy(r->vca + r->vca_len, r->req, r->req_len);
	r->vca_len += r->req_len;
	memcpy(r->vca + r->vca_len, msg, len);
	r->vca_len += len;
	return 0;
}

/**
 * spdm_req_send_get_version() - begin a conversation
 * @r: requester
 * @io: what the caller has to do
 *
 * Return: SPDM_SEND.
 */
int spdm_req_send_get_version(struct spdm_requester *r, struct spdm_io *io)
{
	return spdm_req_send(r, SPDM_REQ_VERSION, 0, 0, sizeof(struct spdm_hdr), io);
}

static int send_get_capabilities(struct spdm_requester *r, struct spdm_io *io)
{
	struct spdm_capabilities *w = (void *)r->req;

	memset(w, 0, sizeof(*w));
	w->flags = cpu_to_le32(SPDM_CAP_ENCRYPT | SPDM_CAP_MAC |
			       SPDM_CAP_KEY_EX);
	w->data_transfer_size = cpu_to_le32(SPDM_MAX_MSG);
	w->max_msg_size = cpu_to_le32(SPDM_MAX_MSG);
	return spdm_req_send(r, SPDM_REQ_CAPABILITIES, 0, 0, sizeof(*w), io);
}

/* DSP0274 10.3; versions other than 1.2 are passed over */
static int got_version(struct spdm_requester *r, const void *msg, size_t len,
		       struct spdm_io *io)
{
	const struct spdm_version_rsp *w = msg;
	const u8 *entry = (const u8 *)(w + 1);
	bool found = false;
	size_t need;
	u8 i;

	if (len < sizeof(*w))
		return spdm_req_fail(r, -EBADMSG);
	need = sizeof(*w) + 2 * (size_t)w->count;
	if (!spdm_padded(msg, need, len) || keep_vca(r, msg, need))
		return spdm_req_fail(r, -EBADMSG);

	for (i = 0; i < w->count; i++) {
		u16 version = get_unaligned_le16(entry + 2 * (size_t)i);

		/* An alpha version is a draft that nobody else speaks */
		if ((version & SPDM_VERSION_ENTRY_MAJOR_MINOR) ==
		    SPDM_VERSION_ENTRY_12 &&
		    !(version & SPDM_VERSION_ENTRY_ALPHA))
			found = true;
	}
	if (!found)
		return spdm_req_fail(r, -EBADMSG);
	return send_get_capabilities(r, io);
}

static int send_negotiate(struct spdm_requester *r, struct spdm_io *io)
{
	struct spdm_negotiate *w = (void *)r->req;
	struct spdm_alg *alg = (struct spdm_alg *)(w + 1);
	size_t len = sizeof(*w) + SPDM_NR_ALGS * sizeof(*alg);

	memset(w, 0, len);
	w->length = cpu_to_le16(len);
	w->meas_spec = SPDM_MEAS_SPEC_DMTF;
	w->other_params = SPDM_OPAQUE_FORMAT_1;
	w->base_asym = cpu_to_le32(SPDM_ASYM_ECDSA_P384);
	w->base_hash = cpu_to_le32(SPDM_HASH_SHA384);
	alg[0].type = SPDM_ALG_DHE;
	alg[0].count = SPDM_ALG_COUNT;
	alg[0].mask = cpu_to_le16(SPDM_DHE_SECP384R1);
	alg[1].type = SPDM_ALG_AEAD;
	alg[1].count = SPDM_ALG_COUNT;
	alg[1].mask = cpu_to_le16(SPDM_AEAD_AES256GCM);
	alg[2].type = SPDM_ALG_KEY_SCHEDULE;
	alg[2].count = SPDM_ALG_COUNT;
	alg[2].mask = cpu_to_le16(SPDM_KEY_SCHEDULE_SPDM);
	return spdm_req_send(r, SPDM_REQ_ALGORITHMS, SPDM_NR_ALGS, 0, len, io);
}

/* DSP0274 10.4 */
static int got_capabilities(struct spdm_requester *r, const void *msg,
			    size_t len, struct spdm_io *io)
{
	const struct spdm_capabilities *w = msg;
	u32 flags, transfer_size;

	if (len < sizeof(*w) || !spdm_padded(msg, sizeof(*w), len) ||
	    keep_vca(r, msg, sizeof(*w)))
		return spdm_req_fail(r, -EBADMSG);

	flags = le32_to_cpu(w->flags);
	if ((flags & NEEDED_CAPS) != NEEDED_CAPS ||
	    FIELD_GET(SPDM_CAP_MEAS, flags) != SPDM_CAP_MEAS_SIG)
		return spdm_req_fail(r, -EBADMSG);

	transfer_size = le32_to_cpu(w->data_transfer_size);
	if (transfer_size < SPDM_MIN_DATA_TRANSFER ||
	    le32_to_cpu(w->max_msg_size) < transfer_size)
		return spdm_req_fail(r, -EBADMSG);
	r->peer_max = transfer_size;
	return send_negotiate(r, io);
}

static int send_get_digests(struct spdm_requester *r, struct spdm_io *io)
{
	log_start(r);
	return spdm_req_send(r, SPDM_REQ_DIGESTS, 0, 0, sizeof(struct spdm_hdr), io);
}

static bool alg_is(const struct spdm_alg *alg, u8 type, u16 mask)
{
	return alg->type == type && alg->count == SPDM_ALG_COUNT &&
	       le16_to_cpu(alg->mask) == mask;
}

/* DSP0274 10.5: exactly what was offered, or there is nothing to talk about */
static int got_algorithms(struct spdm_requester *r, const void *msg, size_t len,
			  struct spdm_io *io)
{
	const struct spdm_algorithms *w = msg;
	const struct spdm_alg *alg = (const struct spdm_alg *)(w + 1);
	size_t need = sizeof(*w) + SPDM_NR_ALGS * sizeof(*alg);
	u32 meas_hash;

	if (len < need || !spdm_padded(msg, need, len) ||
	    le16_to_cpu(w->length) != need || w->hdr.param1 != SPDM_NR_ALGS ||
	    keep_vca(r, msg, need))
		return spdm_req_fail(r, -EBADMSG);

	/* The device's choice among all; one bit of it */
	meas_hash = le32_to_cpu(w->meas_hash);
	if (!meas_hash || meas_hash & (meas_hash - 1) ||
	    meas_hash & ~(u32)SPDM_MEAS_HASH_ALL)
		return spdm_req_fail(r, -EBADMSG);

	if (w->meas_spec != SPDM_MEAS_SPEC_DMTF ||
	    w->other_params != SPDM_OPAQUE_FORMAT_1 ||
	    le32_to_cpu(w->base_asym) != SPDM_ASYM_ECDSA_P384 ||
	    le32_to_cpu(w->base_hash) != SPDM_HASH_SHA384 ||
	    w->ext_asym_count || w->ext_hash_count ||
	    !alg_is(&alg[0], SPDM_ALG_DHE, SPDM_DHE_SECP384R1) ||
	    !alg_is(&alg[1], SPDM_ALG_AEAD, SPDM_AEAD_AES256GCM) ||
	    !alg_is(&alg[2], SPDM_ALG_KEY_SCHEDULE, SPDM_KEY_SCHEDULE_SPDM))
		return spdm_req_fail(r, -EBADMSG);
	return send_get_digests(r, io);
}

static int send_get_certificate(struct spdm_requester *r, struct spdm_io *io)
{
	struct spdm_get_certificate *w = (void *)r->req;
	size_t want = SPDM_MAX_MSG - sizeof(struct spdm_certificate);
	size_t left = (r->chain_len ?: r->cfg.chain_size) - r->chain_off;

	if (want > left)
		want = left;
	w->offset = cpu_to_le16(r->chain_off);
	w->length = cpu_to_le16(want);
	return spdm_req_send(r, SPDM_REQ_CERTIFICATE, SLOT, 0, sizeof(*w), io);
}

/* DSP0274 10.6: a digest for each slot that is provisioned, slot 0 first */
static int got_digests(struct spdm_requester *r, const void *msg, size_t len,
		       struct spdm_io *io)
{
	const struct spdm_hdr *w = msg;
	size_t need = sizeof(*w);
	u8 slots;

	for (slots = w->param2; slots; slots &= slots - 1)
		need += SPDM_HASH_SIZE;
	if (!(w->param2 & BIT(SLOT)) || !spdm_padded(msg, need, len))
		return spdm_req_fail(r, -EBADMSG);

	log_add(r, r->req, r->req_len);
	log_add(r, msg, need);
	memcpy(r->chain_hash, w + 1, SPDM_HASH_SIZE);
	r->chain_len = 0;
	r->chain_off = 0;
	return send_get_certificate(r, io);
}

static int send_challenge(struct spdm_requester *r, struct spdm_io *io)
{
	struct spdm_challenge *w = (void *)r->req;
	int rc;

	rc = r->cfg.crypto->random(w->nonce, sizeof(w->nonce));
	if (rc)
		return spdm_req_fail(r, rc);
	return spdm_req_send(r, SPDM_REQ_CHALLENGE, SLOT, 0, sizeof(*w), io);
}

/* The chain is complete: it must be the one of DIGESTS, and to be trusted */
static int check_chain(struct spdm_requester *r)
{
	u8 digest[SPDM_HASH_SIZE];

	spdm_hash_once(r->cfg.crypto, r->cfg.chain_buf, r->chain_len, digest);
	if (memcmp(digest, r->chain_hash, sizeof(digest)))
		return -EBADMSG;
	return spdm_chain_verify(r->cfg.crypto, r->cfg.chain_buf, r->chain_len,
				 r->cfg.root_hash, r->cfg.identity,
				 r->leaf_pub);
}

/* DSP0274 10.7 */
static int got_certificate(struct spdm_requester *r, const void *msg,
			   size_t len, struct spdm_io *io)
{
	const struct spdm_get_certificate *asked = (const void *)r->req;
	const struct spdm_certificate *w = msg;
	size_t portion, total;
	int rc;

	if (len < sizeof(*w))
		return spdm_req_fail(r, -EBADMSG);
	portion = le16_to_cpu(w->portion);
	if (!portion || portion > le16_to_cpu(asked->length) ||
	    !spdm_padded(msg, sizeof(*w) + portion, len) ||
	    (w->hdr.param1 & SPDM_SLOT_MASK) != SLOT)
		return spdm_req_fail(r, -EBADMSG);

	/* The first portion says how long it will be, the rest must agree */
	total = r->chain_off + portion + le16_to_cpu(w->remainder);
	if (!r->chain_len)
		r->chain_len = total;
	if (total != r->chain_len || total > r->cfg.chain_size)
		return spdm_req_fail(r, -EBADMSG);

	memcpy((u8 *)r->cfg.chain_buf + r->chain_off, w + 1, portion);
	r->chain_off += portion;
	/* The object says its length too, in its first two bytes */
	if (r->chain_off >= 2 &&
	    get_unaligned_le16(r->cfg.chain_buf) != r->chain_len)
		return spdm_req_fail(r, -EBADMSG);
	log_add(r, r->req, r->req_len);
	log_add(r, msg, sizeof(*w) + portion);

	if (r->chain_off < r->chain_len)
		return send_get_certificate(r, io);
	rc = check_chain(r);
	if (rc)
		return spdm_req_fail(r, rc);
	return send_challenge(r, io);
}

/* Verify a signature of the device over the transcript so far */
static int check_signature(struct spdm_requester *r, const char *context,
			   const void *sig)
{
	u8 digest[SPDM_HASH_SIZE];

	spdm_signed_digest(r->cfg.crypto, context, &r->log, digest);
	return r->cfg.crypto->ecdsa_verify(r->leaf_pub, digest, sig);
}

static int send_key_exchange(struct spdm_requester *r, struct spdm_io *io)
{
	struct spdm_key_exchange *w = (void *)r->req;
	struct spdm_opaque_supported *opaque = (void *)(w + 1);
	size_t len = sizeof(*w) + sizeof(*opaque);
	u16 id;
	int rc;

	memset(w, 0, len);
	rc = r->cfg.crypto->random(&id, sizeof(id));
	if (!rc)
		rc = r->cfg.crypto->random(w->random, sizeof(w->random));
	if (rc)
		return spdm_req_fail(r, rc);
	/*
	 * Not 0, and nothing that looks like the head of a plain ERROR, which
	 * a device may send in place of a record.
	 */
	id |= BIT(15);
	r->session.id = id;
	w->session_id = cpu_to_le16(id);
	w->opaque_len = cpu_to_le16(sizeof(*opaque));
	opaque->opaque.total_elements = 1;
	opaque->element.data_len =
		cpu_to_le16(sizeof(*opaque) - sizeof(opaque->padding) -
			    sizeof(opaque->opaque) - sizeof(opaque->element));
	opaque->sm_data_version = SPDM_SM_DATA_VERSION;
	opaque->sm_data_id = SPDM_SM_SUPPORTED;
	opaque->count = 1;
	opaque->version = cpu_to_le16(SPDM_SM_VERSION_11);

	/* The state comes first: entering any other one wipes the key */
	spdm_req_set_state(r, SPDM_REQ_KEY_EXCHANGE);
	rc = r->cfg.crypto->ecdh_keygen(r->ephemeral, w->exchange);
	if (rc)
		return spdm_req_fail(r, rc);
	return spdm_req_send(r, SPDM_REQ_KEY_EXCHANGE, 0, SLOT, len, io);
}

/* DSP0274 10.8 */
static int got_challenge_auth(struct spdm_requester *r, const void *msg,
			      size_t len, struct spdm_io *io)
{
	const struct spdm_challenge_auth *w = msg;
	size_t signed_len, need;
	int rc;

	if (len < sizeof(*w) + SPDM_SIG_SIZE)
		return spdm_req_fail(r, -EBADMSG);
	if (le16_to_cpu(w->opaque_len) > SPDM_MAX_OPAQUE)
		return spdm_req_fail(r, -EBADMSG);
	signed_len = sizeof(*w) + le16_to_cpu(w->opaque_len);
	need = signed_len + SPDM_SIG_SIZE;
	if (!spdm_padded(msg, need, len) ||
	    (w->hdr.param1 & SPDM_SLOT_MASK) != SLOT ||
	    memcmp(w->chain_hash, r->chain_hash, SPDM_HASH_SIZE))
		return spdm_req_fail(r, -EBADMSG);

	log_add(r, r->req, r->req_len);
	log_add(r, msg, signed_len);
	rc = check_signature(r, SPDM_SIGN_CHALLENGE,
			     (const u8 *)msg + signed_len);
	if (rc)
		return spdm_req_fail(r, rc);
	return send_key_exchange(r, io);
}

/* The transcript has everything up to KEY_EXCHANGE_RSP: prove the key */
static int send_finish(struct spdm_requester *r, struct spdm_io *io)
{
	struct spdm_finish *w = (void *)r->req;

	w->hdr.version = SPDM_VERSION_12;
	w->hdr.code = SPDM_FINISH;
	w->hdr.param1 = 0;
	w->hdr.param2 = 0;
	log_add(r, &w->hdr, sizeof(w->hdr));
	spdm_finished_mac(r->cfg.crypto, r->session.req_finished, &r->log,
			  w->verify_data);
	log_add(r, w->verify_data, sizeof(w->verify_data));
	return spdm_req_send(r, SPDM_REQ_FINISH, 0, 0, sizeof(*w), io);
}

/* Lengths and fixed values of KEY_EXCHANGE_RSP; the length that is signed */
static int check_key_exchange_rsp(const void *msg, size_t len,
				  size_t *signed_len)
{
	const struct spdm_key_exchange_rsp *w = msg;
	const size_t tail = SPDM_SIG_SIZE + SPDM_HASH_SIZE;
	size_t opaque_len, value_len;
	const u8 *value;

	if (len < sizeof(*w) + tail)
		return -EBADMSG;
	opaque_len = le16_to_cpu(w->opaque_len);
	*signed_len = sizeof(*w) + opaque_len;
	if (opaque_len > SPDM_MAX_OPAQUE ||
	    !spdm_padded(msg, *signed_len + tail, len))
		return -EBADMSG;
	/* Neither heartbeats nor mutual authentication were offered */
	if (w->hdr.param1 || w->mut_auth)
		return -EBADMSG;
	if (spdm_opaque_find(w + 1, opaque_len, SPDM_SM_SELECTION, &value,
			     &value_len))
		return -EBADMSG;
	if (value_len != 2 || get_unaligned_le16(value) != SPDM_SM_VERSION_11)
		return -EBADMSG;
	return 0;
}

/* ECDH and the keys that follow from it; the transcript is TH1 */
static int derive_handshake(struct spdm_requester *r,
			    const u8 peer[SPDM_PUB_SIZE])
{
	u8 shared[SPDM_HASH_SIZE], th1[SPDM_HASH_SIZE];
	int rc;

	rc = r->cfg.crypto->ecdh_shared(r->ephemeral, peer, shared);
	if (rc)
		return rc;
	spdm_transcript_digest(r->cfg.crypto, &r->log, th1);
	spdm_session_handshake_keys(r->cfg.crypto, &r->session, shared, th1);
	memzero_explicit(shared, sizeof(shared));
	return 0;
}

/* DSP0274 10.14 */
static int got_key_exchange_rsp(struct spdm_requester *r, const void *msg,
				size_t len, struct spdm_io *io)
{
	const struct spdm_key_exchange_rsp *w = msg;
	u8 verify_data[SPDM_HASH_SIZE];
	size_t signed_len;
	const u8 *sig;
	int rc;

	rc = check_key_exchange_rsp(msg, len, &signed_len);
	if (rc)
		return spdm_req_fail(r, rc);
	r->session.id |= (u32)le16_to_cpu(w->session_id) << 16;

	log_start(r);
	log_add(r, r->chain_hash, sizeof(r->chain_hash));
	log_add(r, r->req, r->req_len);
	log_add(r, msg, signed_len);
	sig = (const u8 *)msg + signed_len;
	rc = check_signature(r, SPDM_SIGN_KEY_EXCHANGE, sig);
	if (rc)
		return spdm_req_fail(r, rc);
	log_add(r, sig, SPDM_SIG_SIZE);

	rc = derive_handshake(r, w->exchange);
	if (rc)
		return spdm_req_fail(r, rc);
	spdm_finished_mac(r->cfg.crypto, r->session.rsp_finished, &r->log,
			  verify_data);
	if (!spdm_equal(verify_data, sig + SPDM_SIG_SIZE, SPDM_HASH_SIZE))
		return spdm_req_fail(r, -EBADMSG);
	log_add(r, verify_data, sizeof(verify_data));
	return send_finish(r, io);
}

/**
 * spdm_req_send_get_measurements() - ask for all measurements, signed
 * @r: requester; the nonce is in place in &spdm_requester.req
 * @state: SPDM_REQ_FIRST_MEASURE or SPDM_REQ_MEASURE
 * @io: what the caller has to do
 *
 * Return: as spdm_req_send().
 */
int spdm_req_send_get_measurements(struct spdm_requester *r,
				   enum spdm_requester_state state,
				   struct spdm_io *io)
{
	struct spdm_get_measurements *w = (void *)r->req;

	w->slot = SLOT;
	return spdm_req_send(r, state, SPDM_MEAS_SIGNATURE, SPDM_MEAS_OP_ALL,
		    sizeof(*w), io);
}

/* DSP0274 10.15 */
static int got_finish_rsp(struct spdm_requester *r, const void *msg, size_t len,
			  struct spdm_io *io)
{
	struct spdm_get_measurements *next = (void *)r->req;
	u8 th2[SPDM_HASH_SIZE];
	int rc;

	if (len != sizeof(struct spdm_hdr))
		return spdm_req_fail(r, -EBADMSG);
	log_add(r, msg, len);
	spdm_transcript_digest(r->cfg.crypto, &r->log, th2);
	spdm_session_data_keys(r->cfg.crypto, &r->session, th2);

	rc = r->cfg.crypto->random(next->nonce, sizeof(next->nonce));
	if (rc)
		return spdm_req_fail(r, rc);
	return spdm_req_send_get_measurements(r, SPDM_REQ_FIRST_MEASURE, io);
}

/* Is the record made of the blocks that it claims? (DSP0274 10.11.1) */
static bool check_meas_record(const u8 *p, size_t len, unsigned int nr_blocks)
{
	for (; nr_blocks; nr_blocks--) {
		const struct spdm_meas_block *b = (const void *)p;
		size_t size;

		if (len < sizeof(*b))
			return false;
		size = le16_to_cpu(b->size) + SPDM_MEAS_BLOCK_HDR;
		if (size > len || b->spec != SPDM_MEAS_SPEC_DMTF ||
		    size != sizeof(*b) + le16_to_cpu(b->value_size))
			return false;
		p += size;
		len -= size;
	}
	return !len;
}

/* DSP0274 10.11 */
static int got_measurements(struct spdm_requester *r, const void *msg,
			    size_t len)
{
	const struct spdm_measurements *w = msg;
	const struct spdm_measurements_tail *tail;
	size_t record_len, opaque_len, signed_len;
	int rc;

	if (len < sizeof(*w) + sizeof(*tail) + SPDM_SIG_SIZE)
		return spdm_req_fail(r, -EBADMSG);
	record_len = get_unaligned_le24(w->record_len);
	if (record_len > len - sizeof(*w) - sizeof(*tail) - SPDM_SIG_SIZE)
		return spdm_req_fail(r, -EBADMSG);
	tail = (const void *)((const u8 *)(w + 1) + record_len);
	opaque_len = le16_to_cpu(tail->opaque_len);
	signed_len = sizeof(*w) + record_len + sizeof(*tail) + opaque_len;
	if (opaque_len > SPDM_MAX_OPAQUE || signed_len + SPDM_SIG_SIZE != len)
		return spdm_req_fail(r, -EBADMSG);
	if ((w->hdr.param2 & SPDM_SLOT_MASK) != SLOT ||
	    !check_meas_record((const u8 *)(w + 1), record_len, w->nr_blocks))
		return spdm_req_fail(r, -EBADMSG);

	log_start(r);
	log_add(r, r->req, r->req_len);
	log_add(r, msg, signed_len);
	rc = check_signature(r, SPDM_SIGN_MEASUREMENTS,
			     (const u8 *)msg + signed_len);
	if (rc)
		return spdm_req_fail(r, rc);

	if (r->cfg.meas_buf) {
		if (len > r->cfg.meas_size)
			return spdm_req_fail(r, -EBADMSG);
		memcpy(r->cfg.meas_buf, msg, len);
	}
	r->meas_off = (const u8 *)msg - r->rsp;
	r->meas_len = len;
	spdm_req_set_state(r, SPDM_REQ_READY);
	return 0;
}

/* DSP0274 10.20, PCIe r6.1 6.31 */
static int got_vendor(struct spdm_requester *r, const void *msg, size_t len)
{
	const struct spdm_vendor *w = msg;

	if (len < sizeof(*w) ||
	    le16_to_cpu(w->standard_id) != SPDM_STANDARD_PCISIG ||
	    w->vendor_id_len != sizeof(w->vendor_id) ||
	    le16_to_cpu(w->vendor_id) != SPDM_VENDOR_PCISIG ||
	    le16_to_cpu(w->payload_len) !=
			len - sizeof(*w) + sizeof(w->protocol_id) ||
	    w->protocol_id != r->protocol_id)
		return spdm_req_fail(r, -EBADMSG);

	r->vendor_off = (const u8 *)(w + 1) - r->rsp;
	r->vendor_len = len - sizeof(*w);
	spdm_req_set_state(r, SPDM_REQ_READY);
	return 0;
}

/* DSP0274 10.18 */
static int got_end_ack(struct spdm_requester *r, size_t len)
{
	if (len != sizeof(struct spdm_hdr))
		return spdm_req_fail(r, -EBADMSG);
	spdm_req_set_state(r, SPDM_REQ_ENDED);
	return 0;
}

/**
 * spdm_req_got() - take the response that is being waited for
 * @r: requester
 * @msg: plain message in &spdm_requester.rsp; header and code are right
 * @len: its bytes, at least those of the header
 * @io: what to send next
 *
 * Return: as spdm_requester_step().
 */
int spdm_req_got(struct spdm_requester *r, const void *msg, size_t len,
		 struct spdm_io *io)
{
	switch (r->state) {
	case SPDM_REQ_VERSION:
		return got_version(r, msg, len, io);
	case SPDM_REQ_CAPABILITIES:
		return got_capabilities(r, msg, len, io);
	case SPDM_REQ_ALGORITHMS:
		return got_algorithms(r, msg, len, io);
	case SPDM_REQ_DIGESTS:
		return got_digests(r, msg, len, io);
	case SPDM_REQ_CERTIFICATE:
		return got_certificate(r, msg, len, io);
	case SPDM_REQ_CHALLENGE:
		return got_challenge_auth(r, msg, len, io);
	case SPDM_REQ_KEY_EXCHANGE:
		return got_key_exchange_rsp(r, msg, len, io);
	case SPDM_REQ_FINISH:
		return got_finish_rsp(r, msg, len, io);
	case SPDM_REQ_FIRST_MEASURE:
	case SPDM_REQ_MEASURE:
		return got_measurements(r, msg, len);
	case SPDM_REQ_VENDOR:
		return got_vendor(r, msg, len);
	case SPDM_REQ_END:
		return got_end_ack(r, len);
	default:
		return -EINVAL;
	}
}
