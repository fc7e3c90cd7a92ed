/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both ends of an SPDM conversation compute alike: transcript digests,
 * the key schedule, secured records. Code is shared, state never is.
 */
#ifndef _TSM_SPDM_SESSION_H
#define _TSM_SPDM_SESSION_H

#include "spdm-crypto.h"
#include "spdm-wire.h"

/* What sealing adds to a message: the record's header and its tag */
#define SPDM_RECORD_OVERHEAD	(sizeof(struct spdm_record) + \
				 SPDM_AEAD_TAG_SIZE)

/**
 * struct spdm_direction - one direction of one key set
 * @key: AES-256-GCM key
 * @iv: what the sequence number is mixed into
 * @sequence: number of the next record; not sent on DOE, both ends count
 */
struct spdm_direction {
	u8 key[SPDM_AEAD_KEY_SIZE];
	u8 iv[SPDM_AEAD_IV_SIZE];
	u64 sequence;
};

/**
 * struct spdm_session - one end's secrets of a session
 * @id: responder's half << 16 | requester's half; 0 is no session
 * @req: requester to responder, of the key set in use
 * @rsp: responder to requester, of the key set in use
 * @handshake_secret: root of the key schedule until the data keys exist
 * @req_finished: the requester's finished key, until the data keys exist
 * @rsp_finished: the responder's, likewise
 */
struct spdm_session {
	u32 id;
	struct spdm_direction req;
	struct spdm_direction rsp;
	u8 handshake_secret[SPDM_HASH_SIZE];
	u8 req_finished[SPDM_HASH_SIZE];
	u8 rsp_finished[SPDM_HASH_SIZE];
};

/* Who signs what, the strings of DSP0274 section 15 */
#define SPDM_SIGN_CHALLENGE	"responder-challenge_auth signing"
#define SPDM_SIGN_MEASUREMENTS	"responder-measurements signing"
#define SPDM_SIGN_KEY_EXCHANGE	"responder-key_exchange_rsp signing"

bool spdm_equal(const void *a, const void *b, size_t len);
bool spdm_padded(const void *msg, size_t need, size_t len);

void spdm_hash_once(const struct spdm_crypto_ops *crypto, const void *p,
		    size_t len, u8 digest[SPDM_HASH_SIZE]);
void spdm_transcript_digest(const struct spdm_crypto_ops *crypto,
			    const struct spdm_hash *transcript,
			    u8 digest[SPDM_HASH_SIZE]);
void spdm_signed_digest(const struct spdm_crypto_ops *crypto,
			const char *context,
			const struct spdm_hash *transcript,
			u8 digest[SPDM_HASH_SIZE]);
void spdm_finished_mac(const struct spdm_crypto_ops *crypto,
		       const u8 finished_key[SPDM_HASH_SIZE],
		       const struct spdm_hash *transcript,
		       u8 mac[SPDM_HASH_SIZE]);

void spdm_session_handshake_keys(const struct spdm_crypto_ops *crypto,
				 struct spdm_session *session,
				 const u8 shared_x[SPDM_HASH_SIZE],
				 const u8 th1[SPDM_HASH_SIZE]);
void spdm_session_data_keys(const struct spdm_crypto_ops *crypto,
			    struct spdm_session *session,
			    const u8 th2[SPDM_HASH_SIZE]);
void spdm_session_wipe(struct spdm_session *session);

int spdm_record_seal(const struct spdm_crypto_ops *crypto,
		     struct spdm_direction *dir, u32 session_id,
		     void *record, size_t size, size_t msg_len);
int spdm_record_open(const struct spdm_crypto_ops *crypto,
		     struct spdm_direction *dir, u32 session_id,
		     const void *record, size_t len,
		     void *plain, size_t plain_size, size_t *msg_len);

int spdm_opaque_find(const void *opaque, size_t len, u8 sm_data_id,
		     const u8 **value, size_t *value_len);

const char *spdm_message_name(u8 code);

#endif /* _TSM_SPDM_SESSION_H */
