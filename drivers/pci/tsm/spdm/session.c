// SPDX-License-Identifier: GPL-2.0-only
/*
 * What both ends of an SPDM conversation compute alike: transcript digests,
 * the key schedule, secured records (DSP0274 sections 12 and 15, DSP0277).
 */
#include "session.h"

/* The longest label of the key schedule, "req hs data" and friends */
#define LABEL_MAX	16

static const char bin_version[] = "spdm1.2 ";
static const char sign_prefix[] = "dmtf-spdm-v1.2.*";

#define SIGN_PREFIX_SIZE	100
#define SIGN_PREFIX_REPEAT	4

/**
 * spdm_equal() - compare secrets in constant time
 * @a: one
 * @b: the other
 * @len: bytes of each
 *
 * The time taken tells nothing about where a forged MAC begins to differ.
 *
 * Return: whether they are the same.
 */
bool spdm_equal(const void *a, const void *b, size_t len)
{
	const u8 *x = a;
	const u8 *y = b;
	u8 diff = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		diff |= x[i] ^ y[i];
		/* A compiler that knew diff could leave the loop */
		OPTIMIZER_HIDE_VAR(diff);
	}

	return !diff;
}

/**
 * spdm_padded() - does an object hold one message and DOE's padding?
 * @msg: the object
 * @need: length of the message by its own account
 * @len: bytes received
 *
 * DOE moves whole DWs: up to three zero bytes may follow (PCIe r6.1 6.30).
 * They are in no transcript, so nothing but zero is let through.
 *
 * Return: whether the object is as long as it must be.
 */
bool spdm_padded(const void *msg, size_t need, size_t len)
{
	const u8 *p = msg;

	if (need > len || len - need > 3)
		return false;
	for (; need < len; need++)
		if (p[need])
			return false;
	return true;
}

/**
 * spdm_hash_once() - SHA-384 of one buffer
 * @crypto: cryptography
 * @p: buffer
 * @len: its bytes
 * @digest: result
 */
void spdm_hash_once(const struct spdm_crypto_ops *crypto, const void *p,
		    size_t len, u8 digest[SPDM_HASH_SIZE])
{
	struct spdm_hash h;

	crypto->hash_init(&h);
	crypto->hash_update(&h, p, len);
	crypto->hash_final(&h, digest);
}
EXPORT_SYMBOL_NS_GPL(spdm_hash_once, "TSM_SPDM");

/**
 * spdm_transcript_digest() - digest of a transcript that goes on
 * @crypto: cryptography
 * @transcript: forked, not changed
 * @digest: result
 */
void spdm_transcript_digest(const struct spdm_crypto_ops *crypto,
			    const struct spdm_hash *transcript,
			    u8 digest[SPDM_HASH_SIZE])
{
	struct spdm_hash fork = *transcript;

	crypto->hash_final(&fork, digest);
}

/**
 * spdm_signed_digest() - what a signature over a transcript really signs
 * @crypto: cryptography
 * @context: who signs what, one of SPDM_SIGN_*
 * @transcript: forked, not changed
 * @digest: result
 *
 * Version and purpose come before the transcript's digest, so that no
 * signature can be passed off as another kind (DSP0274 section 15).
 */
void spdm_signed_digest(const struct spdm_crypto_ops *crypto,
			const char *context,
			const struct spdm_hash *transcript,
			u8 digest[SPDM_HASH_SIZE])
{
	u8 signed_msg[SIGN_PREFIX_SIZE + SPDM_HASH_SIZE];
	u8 *p = signed_msg;
	size_t len = 0;
	int i;

	while (context[len])
		len++;

	for (i = 0; i < SIGN_PREFIX_REPEAT; i++) {
		memcpy(p, sign_prefix, sizeof(sign_prefix) - 1);
		p += sizeof(sign_prefix) - 1;
	}
	memset(p, 0, signed_msg + SIGN_PREFIX_SIZE - p);
	memcpy(signed_msg + SIGN_PREFIX_SIZE - len, context, len);

	spdm_transcript_digest(crypto, transcript,
			       signed_msg + SIGN_PREFIX_SIZE);
	spdm_hash_once(crypto, signed_msg, sizeof(signed_msg), digest);
}
EXPORT_SYMBOL_IF_KUNIT(spdm_signed_digest);

/**
 * spdm_finished_mac() - verify data of KEY_EXCHANGE_RSP and FINISH
 * @crypto: cryptography
 * @finished_key: of the end that proves itself
 * @transcript: TH so far; forked, not changed
 * @mac: result
 */
void spdm_finished_mac(const struct spdm_crypto_ops *crypto,
		       const u8 finished_key[SPDM_HASH_SIZE],
		       const struct spdm_hash *transcript,
		       u8 mac[SPDM_HASH_SIZE])
{
	u8 th[SPDM_HASH_SIZE];

	spdm_transcript_digest(crypto, transcript, th);
	crypto->hmac(finished_key, SPDM_HASH_SIZE, th, sizeof(th), mac);
}

/*
 * HKDF-Expand of bin_concat(label, context) (DSP0274 12.2). No output is
 * longer than one HMAC block, so there is one round.
 */
static void expand(const struct spdm_crypto_ops *crypto,
		   const u8 secret[SPDM_HASH_SIZE], const char *label,
		   const u8 *context, u8 *out, size_t out_len)
{
	u8 info[2 + sizeof(bin_version) - 1 + LABEL_MAX + SPDM_HASH_SIZE + 1];
	u8 block[SPDM_HASH_SIZE];
	size_t len = 0;

	put_unaligned_le16(out_len, info);
	len += 2;
	memcpy(info + len, bin_version, sizeof(bin_version) - 1);
	len += sizeof(bin_version) - 1;
	while (*label)
		info[len++] = *label++;
	if (context) {
		memcpy(info + len, context, SPDM_HASH_SIZE);
		len += SPDM_HASH_SIZE;
	}
	info[len++] = 1;	/* HKDF's block counter */

	crypto->hmac(secret, SPDM_HASH_SIZE, info, len, block);
	memcpy(out, block, out_len);
	memzero_explicit(block, sizeof(block));
}

/* Key and IV of one direction; the count of records starts again */
static void direction_keys(const struct spdm_crypto_ops *crypto,
			   const u8 secret[SPDM_HASH_SIZE],
			   struct spdm_direction *dir)
{
	expand(crypto, secret, "key", NULL, dir->key, sizeof(dir->key));
	expand(crypto, secret, "iv", NULL, dir->iv, sizeof(dir->iv));
	dir->sequence = 0;
}

/**
 * spdm_session_handshake_keys() - first half of the key schedule
 * @crypto: cryptography
 * @session: gets handshake keys, finished keys, the handshake secret
 * @shared_x: X coordinate of the ECDH point
 * @th1: digest of the transcript up to KEY_EXCHANGE_RSP's signature
 *
 * DSP0274 section 12, "handshake phase".
 */
void spdm_session_handshake_keys(const struct spdm_crypto_ops *crypto,
				 struct spdm_session *session,
				 const u8 shared_x[SPDM_HASH_SIZE],
				 const u8 th1[SPDM_HASH_SIZE])
{
	static const u8 no_salt[SPDM_HASH_SIZE];
	u8 secret[SPDM_HASH_SIZE];

	crypto->hmac(no_salt, sizeof(no_salt), shared_x, SPDM_HASH_SIZE,
		     session->handshake_secret);

	expand(crypto, session->handshake_secret, "req hs data", th1, secret,
	       sizeof(secret));
	direction_keys(crypto, secret, &session->req);
	expand(crypto, secret, "finished", NULL, session->req_finished,
	       sizeof(session->req_finished));

	expand(crypto, session->handshake_secret, "rsp hs data", th1, secret,
	       sizeof(secret));
	direction_keys(crypto, secret, &session->rsp);
	expand(crypto, secret, "finished", NULL, session->rsp_finished,
	       sizeof(session->rsp_finished));

	memzero_explicit(secret, sizeof(secret));
}
EXPORT_SYMBOL_IF_KUNIT(spdm_session_handshake_keys);

/**
 * spdm_session_data_keys() - second half of the key schedule
 * @crypto: cryptography
 * @session: the data keys replace the handshake keys; what led here is wiped
 * @th2: digest of the transcript up to FINISH_RSP
 *
 * DSP0274 section 12, "application phase".
 */
void spdm_session_data_keys(const struct spdm_crypto_ops *crypto,
			    struct spdm_session *session,
			    const u8 th2[SPDM_HASH_SIZE])
{
	static const u8 no_ikm[SPDM_HASH_SIZE];
	u8 master[SPDM_HASH_SIZE];
	u8 secret[SPDM_HASH_SIZE];

	expand(crypto, session->handshake_secret, "derived", NULL, secret,
	       sizeof(secret));
	crypto->hmac(secret, sizeof(secret), no_ikm, sizeof(no_ikm), master);

	expand(crypto, master, "req app data", th2, secret, sizeof(secret));
	direction_keys(crypto, secret, &session->req);
	expand(crypto, master, "rsp app data", th2, secret, sizeof(secret));
	direction_keys(crypto, secret, &session->rsp);

	memzero_explicit(master, sizeof(master));
	memzero_explicit(secret, sizeof(secret));
	memzero_explicit(session->handshake_secret,
			 sizeof(session->handshake_secret));
	memzero_explicit(session->req_finished, sizeof(session->req_finished));
	memzero_explicit(session->rsp_finished, sizeof(session->rsp_finished));
}
EXPORT_SYMBOL_IF_KUNIT(spdm_session_data_keys);

/**
 * spdm_session_wipe() - forget a session
 * @session: becomes all zeros: no session
 */
void spdm_session_wipe(struct spdm_session *session)
{
	memzero_explicit(session, sizeof(*session));
}

/* The nonce of the next record: a 64-bit little endian count into the IV */
static void record_nonce(const struct spdm_direction *dir,
			 u8 nonce[SPDM_AEAD_IV_SIZE])
{
	int i;

	memcpy(nonce, dir->iv, SPDM_AEAD_IV_SIZE);
	for (i = 0; i < 8; i++)
		nonce[i] ^= (u8)(dir->sequence >> (8 * i));
}

/**
 * spdm_record_seal() - make a secured record in place
 * @crypto: cryptography
 * @dir: keys and count of the sending direction
 * @session_id: goes into the header
 * @record: the plain message starts sizeof(struct spdm_record) into it
 * @size: room there in bytes
 * @msg_len: bytes of the plain message
 *
 * DSP0277 section 7; no random padding, as PCIe requires for TDISP.
 *
 * Return: bytes of the record; -EMSGSIZE when it does not fit; -ENOTCONN when
 * the key has been used for as many records as it may; an error of
 * cryptography.
 */
int spdm_record_seal(const struct spdm_crypto_ops *crypto,
		     struct spdm_direction *dir, u32 session_id,
		     void *record, size_t size, size_t msg_len)
{
	struct spdm_record *hdr = record;
	u8 nonce[SPDM_AEAD_IV_SIZE];
	u8 *body = (u8 *)record + SPDM_RECORD_AAD;
	size_t body_len = sizeof(hdr->app_length) + msg_len;
	int rc;

	if (msg_len > 0xffff - SPDM_RECORD_OVERHEAD ||
	    msg_len + SPDM_RECORD_OVERHEAD > size)
		return -EMSGSIZE;
	/* A second use of a nonce would give the key away */
	if (dir->sequence == ~(u64)0)
		return -ENOTCONN;

	hdr->session_id = cpu_to_le32(session_id);
	hdr->length = cpu_to_le16(body_len + SPDM_AEAD_TAG_SIZE);
	hdr->app_length = cpu_to_le16(msg_len);

	record_nonce(dir, nonce);
	rc = crypto->aead_seal(dir->key, nonce, record, SPDM_RECORD_AAD, body,
			       body_len, body, body + body_len);
	if (rc)
		return rc;
	dir->sequence++;

	return msg_len + SPDM_RECORD_OVERHEAD;
}
EXPORT_SYMBOL_IF_KUNIT(spdm_record_seal);

/**
 * spdm_record_open() - authenticate and decrypt a secured record
 * @crypto: cryptography
 * @dir: keys and count of the receiving direction
 * @session_id: what the header must say
 * @record: as received
 * @len: its bytes, DOE's padding included
 * @plain: gets the 16-bit application length and the plain message behind it;
 *	may be the record's own encrypted part
 * @plain_size: room there in bytes
 * @msg_len: bytes of the plain message, which starts at @plain + 2
 *
 * Return: 0; -EBADMSG when lengths, session or tag are wrong, or no record can
 * come any more with this key; an error of cryptography.
 */
int spdm_record_open(const struct spdm_crypto_ops *crypto,
		     struct spdm_direction *dir, u32 session_id,
		     const void *record, size_t len,
		     void *plain, size_t plain_size, size_t *msg_len)
{
	const struct spdm_record *hdr = record;
	const u8 *body = (const u8 *)record + SPDM_RECORD_AAD;
	u8 nonce[SPDM_AEAD_IV_SIZE];
	size_t body_len;
	int rc;

	if (len < SPDM_RECORD_OVERHEAD)
		return -EBADMSG;
	body_len = le16_to_cpu(hdr->length);
	if (body_len < sizeof(hdr->app_length) + SPDM_AEAD_TAG_SIZE ||
	    !spdm_padded(record, SPDM_RECORD_AAD + body_len, len))
		return -EBADMSG;
	body_len -= SPDM_AEAD_TAG_SIZE;
	if (body_len > plain_size)
		return -EBADMSG;
	if (le32_to_cpu(hdr->session_id) != session_id)
		return -EBADMSG;
	if (dir->sequence == ~(u64)0)
		return -EBADMSG;

	record_nonce(dir, nonce);
	rc = crypto->aead_open(dir->key, nonce, record, SPDM_RECORD_AAD, body,
			       body_len, plain, body + body_len);
	if (rc)
		return rc;
	dir->sequence++;

	/* Random data behind the message must be of length 0 (PCIe 11.2.2) */
	*msg_len = get_unaligned_le16(plain);
	if (*msg_len != body_len - sizeof(hdr->app_length))
		return -EBADMSG;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(spdm_record_open);

/**
 * spdm_opaque_find() - find a secured message element in opaque data
 * @opaque: opaque data in general format 1 (DSP0274 section 10.16)
 * @len: its bytes
 * @sm_data_id: SPDM_SM_SELECTION or SPDM_SM_SUPPORTED
 * @value: what follows the element's id
 * @value_len: its bytes
 *
 * Elements of other organisations are stepped over.
 *
 * Return: 0; -EBADMSG when the data is malformed or has no such element.
 */
int spdm_opaque_find(const void *opaque, size_t len, u8 sm_data_id,
		     const u8 **value, size_t *value_len)
{
	const struct spdm_opaque *hdr = opaque;
	const u8 *p = opaque;
	bool found = false;
	size_t off = sizeof(*hdr);
	unsigned int n;

	if (len < sizeof(*hdr))
		return -EBADMSG;

	for (n = hdr->total_elements; n; n--) {
		const struct spdm_opaque_element *e;
		size_t data_off, data_len, end;

		if (len - off < sizeof(*e))
			return -EBADMSG;
		e = (const void *)(p + off);
		data_off = off + sizeof(*e) + e->vendor_len;
		data_len = le16_to_cpu(e->data_len);
		end = (data_off + data_len + 3) & ~(size_t)3;
		if (end > len)
			return -EBADMSG;

		if (!e->id && !e->vendor_len && data_len >= 2 && !found &&
		    p[data_off] == SPDM_SM_DATA_VERSION &&
		    p[data_off + 1] == sm_data_id) {
			*value = p + data_off + 2;
			*value_len = data_len - 2;
			found = true;
		}
		off = end;
	}
	if (off != len || !found)
		return -EBADMSG;
	return 0;
}

/**
 * spdm_message_name() - name of a message in DSP0274
 * @code: request or response code
 *
 * Return: the name, or "unknown".
 */
const char *spdm_message_name(u8 code)
{
	static const struct {
		u8 code;
		const char *name;
	} names[] = {
		{ SPDM_GET_VERSION, "GET_VERSION" },
		{ SPDM_RSP_CODE(SPDM_GET_VERSION), "VERSION" },
		{ SPDM_GET_CAPABILITIES, "GET_CAPABILITIES" },
		{ SPDM_RSP_CODE(SPDM_GET_CAPABILITIES), "CAPABILITIES" },
		{ SPDM_NEGOTIATE_ALGORITHMS, "NEGOTIATE_ALGORITHMS" },
		{ SPDM_RSP_CODE(SPDM_NEGOTIATE_ALGORITHMS), "ALGORITHMS" },
		{ SPDM_GET_DIGESTS, "GET_DIGESTS" },
		{ SPDM_RSP_CODE(SPDM_GET_DIGESTS), "DIGESTS" },
		{ SPDM_GET_CERTIFICATE, "GET_CERTIFICATE" },
		{ SPDM_RSP_CODE(SPDM_GET_CERTIFICATE), "CERTIFICATE" },
		{ SPDM_CHALLENGE, "CHALLENGE" },
		{ SPDM_RSP_CODE(SPDM_CHALLENGE), "CHALLENGE_AUTH" },
		{ SPDM_KEY_EXCHANGE, "KEY_EXCHANGE" },
		{ SPDM_RSP_CODE(SPDM_KEY_EXCHANGE), "KEY_EXCHANGE_RSP" },
		{ SPDM_FINISH, "FINISH" },
		{ SPDM_RSP_CODE(SPDM_FINISH), "FINISH_RSP" },
		{ SPDM_GET_MEASUREMENTS, "GET_MEASUREMENTS" },
		{ SPDM_RSP_CODE(SPDM_GET_MEASUREMENTS), "MEASUREMENTS" },
		{ SPDM_END_SESSION, "END_SESSION" },
		{ SPDM_RSP_CODE(SPDM_END_SESSION), "END_SESSION_ACK" },
		{ SPDM_VENDOR_DEFINED, "VENDOR_DEFINED_REQUEST" },
		{ SPDM_RSP_CODE(SPDM_VENDOR_DEFINED), "VENDOR_DEFINED_RESPONSE" },
		{ SPDM_RESPOND_IF_READY, "RESPOND_IF_READY" },
		{ SPDM_ERROR, "ERROR" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return "unknown";
}
EXPORT_SYMBOL_NS_GPL(spdm_message_name, "TSM_SPDM");
