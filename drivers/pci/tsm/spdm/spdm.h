/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDM 1.2 requester and responder over DOE: freestanding, no allocation,
 * no waiting; the caller moves the bytes.
 */
#ifndef _TSM_SPDM_H
#define _TSM_SPDM_H

#include "session.h"
#include "spdm-crypto.h"

/* DOE data object types of the PCI-SIG (PCIe r6.1 section 6.30.1) */
#define SPDM_DOE_CMA		1	/* plain SPDM */
#define SPDM_DOE_SECURED	2	/* secured records */

/* Protocol ids in a PCI-SIG vendor defined message */
#define SPDM_PROTO_IDE_KM	0
#define SPDM_PROTO_TDISP	1

#define SPDM_NONCE_SIZE		32

/* The largest plain message that this code accepts, and announces */
#define SPDM_MAX_MSG		4096
/* The largest plain message that the requester sends */
#define SPDM_MAX_REQ		1024
/* The largest payload of spdm_requester_vendor() */
#define SPDM_MAX_VENDOR		(SPDM_MAX_REQ - sizeof(struct spdm_vendor))
/*
 * Buffer for a response: never filled completely by an acceptable one, so that
 * what a transport cut off is noticed.
 */
#define SPDM_RSP_SIZE		(SPDM_MAX_MSG + 32)
/* GET_VERSION .. ALGORITHMS, both ways, VERSION with its 255 entries */
#define SPDM_MAX_VCA		672
/* A certificate chain object says its length in 16 bits */
#define SPDM_MAX_CHAIN		65535

/* Returned by the requester: perform the struct spdm_io, then step again */
#define SPDM_SEND		1

/**
 * struct spdm_trace - one message of the conversation in plain text
 * @request: requester to responder
 * @session_id: 0 outside a session
 * @code: SPDM request or response code
 * @param1: of the message; an ERROR's error code
 * @proto: -1, or of a vendor defined message SPDM_PROTO_IDE_KM or
 *	SPDM_PROTO_TDISP
 * @object: of a vendor defined message: IDE_KM object id, TDISP message type
 * @len: bytes of the plain SPDM message
 * @name: of the message, or of the IDE_KM object or TDISP message in it
 */
struct spdm_trace {
	bool request;
	u32 session_id;
	u8 code;
	u8 param1;
	int proto;
	u8 object;
	size_t len;
	const char *name;
};

/**
 * struct spdm_io - what the caller of the requester has to do next
 * @doe_type: SPDM_DOE_CMA or SPDM_DOE_SECURED
 * @req: object to send (the transport pads it to DWs with zeros)
 * @req_len: its bytes
 * @rsp: where the answer goes
 * @rsp_size: room there in bytes
 * @delay_ms: wait that long before sending
 * @name: of the message, for logs
 */
struct spdm_io {
	u8 doe_type;
	const void *req;
	size_t req_len;
	void *rsp;
	size_t rsp_size;
	u32 delay_ms;
	const char *name;
};

/**
 * struct spdm_requester_config - what a requester has to know
 * @crypto: cryptography; @ecdsa_sign is not used
 * @root_hash: SHA-384 of the trusted root certificate's DER, 48 bytes
 * @identity: CMA subject name that the leaf certificate must carry in a
 *	subjectAltName otherName (OID 2.23.147); NULL accepts any
 * @chain_buf: where the certificate chain object is gathered
 * @chain_size: room there in bytes, at most SPDM_MAX_CHAIN is used
 * @meas_buf: where each MEASUREMENTS response is kept; NULL: it is readable
 *	only until the next operation begins
 * @meas_size: room there in bytes
 * @trace: called once for each message, may be NULL
 * @trace_ctx: its first argument
 *
 * Everything pointed to must outlive the requester.
 */
struct spdm_requester_config {
	const struct spdm_crypto_ops *crypto;
	const u8 *root_hash;
	const char *identity;
	void *chain_buf;
	size_t chain_size;
	void *meas_buf;
	size_t meas_size;
	void (*trace)(void *ctx, const struct spdm_trace *t);
	void *trace_ctx;
};

/**
 * enum spdm_requester_state - what the requester waits for
 * @SPDM_REQ_IDLE: nothing has been asked yet
 * @SPDM_REQ_VERSION: VERSION
 * @SPDM_REQ_CAPABILITIES: CAPABILITIES
 * @SPDM_REQ_ALGORITHMS: ALGORITHMS
 * @SPDM_REQ_DIGESTS: DIGESTS
 * @SPDM_REQ_CERTIFICATE: CERTIFICATE, a portion of the chain
 * @SPDM_REQ_CHALLENGE: CHALLENGE_AUTH
 * @SPDM_REQ_KEY_EXCHANGE: KEY_EXCHANGE_RSP
 * @SPDM_REQ_FINISH: FINISH_RSP; from here on everything is a secured record
 * @SPDM_REQ_FIRST_MEASURE: MEASUREMENTS, as the last step of a connect
 * @SPDM_REQ_READY: nothing, the session is up
 * @SPDM_REQ_VENDOR: VENDOR_DEFINED_RESPONSE
 * @SPDM_REQ_MEASURE: MEASUREMENTS
 * @SPDM_REQ_END: END_SESSION_ACK
 * @SPDM_REQ_ENDED: nothing, the session was ended in order
 * @SPDM_REQ_FAILED: nothing, the conversation is over and secrets are wiped
 */
enum spdm_requester_state {
	SPDM_REQ_IDLE,
	SPDM_REQ_VERSION,
	SPDM_REQ_CAPABILITIES,
	SPDM_REQ_ALGORITHMS,
	SPDM_REQ_DIGESTS,
	SPDM_REQ_CERTIFICATE,
	SPDM_REQ_CHALLENGE,
	SPDM_REQ_KEY_EXCHANGE,
	SPDM_REQ_FINISH,
	SPDM_REQ_FIRST_MEASURE,
	SPDM_REQ_READY,
	SPDM_REQ_VENDOR,
	SPDM_REQ_MEASURE,
	SPDM_REQ_END,
	SPDM_REQ_ENDED,
	SPDM_REQ_FAILED,
};

/**
 * struct spdm_requester - a requester and its buffers; about 8 KiB
 * @failed: after an error, the name of the message at which it happened
 *
 * Plain data, to be allocated by the caller (it is too big for a kernel
 * stack). One operation at a time; the caller serialises.
 */
struct spdm_requester {
	const char *failed;
	/* private: */
	struct spdm_requester_config cfg;
	enum spdm_requester_state state;
	struct spdm_session session;
	struct spdm_hash log;	/* transcript M1, then TH, then L1 */
	size_t req_len;
	size_t vca_len;
	size_t peer_max;	/* the largest message that the responder takes */
	size_t chain_len;	/* 0 until known */
	size_t chain_off;	/* what has arrived of it */
	size_t vendor_off;	/* payload of the response in rsp, 0: none */
	size_t vendor_len;
	size_t meas_off;	/* MEASUREMENTS in rsp */
	size_t meas_len;
	u8 retries;		/* "later" to the present request */
	bool resuming;		/* resume is sent in place of req */
	u8 protocol_id;		/* of the vendor defined request in flight */
	u8 ephemeral[SPDM_PRIV_SIZE];	/* until KEY_EXCHANGE_RSP */
	u8 chain_hash[SPDM_HASH_SIZE];
	u8 leaf_pub[SPDM_PUB_SIZE];
	u8 resume[sizeof(struct spdm_hdr)];	/* a RESPOND_IF_READY */
	u8 vca[SPDM_MAX_VCA];	/* the messages up to ALGORITHMS, verbatim */
	u8 req[SPDM_MAX_REQ];	/* in plain text, kept for a retry */
	u8 record[SPDM_MAX_REQ + SPDM_RECORD_OVERHEAD];	/* sealed */
	u8 rsp[SPDM_RSP_SIZE];	/* opened in place */
};

int spdm_requester_init(struct spdm_requester *r,
			const struct spdm_requester_config *cfg);
int spdm_requester_connect(struct spdm_requester *r, struct spdm_io *io);
int spdm_requester_vendor(struct spdm_requester *r, u8 protocol_id,
			  const void *payload, size_t len, struct spdm_io *io);
int spdm_requester_vendor_response(struct spdm_requester *r,
				   const void **payload, size_t *len);
int spdm_requester_measure(struct spdm_requester *r,
			   const u8 nonce[SPDM_NONCE_SIZE], struct spdm_io *io);
int spdm_requester_end(struct spdm_requester *r, struct spdm_io *io);
int spdm_requester_step(struct spdm_requester *r, size_t rsp_len,
			struct spdm_io *io);
void spdm_requester_cancel(struct spdm_requester *r);
void spdm_requester_wipe(struct spdm_requester *r);
u32 spdm_requester_session(const struct spdm_requester *r);
int spdm_requester_cert_chain(const struct spdm_requester *r,
			      const void **chain, size_t *len);
int spdm_requester_measurements(const struct spdm_requester *r,
				const void **msg, size_t *len);
int spdm_requester_vca(const struct spdm_requester *r, const void **vca,
		       size_t *len);

/**
 * struct spdm_responder_config - what a responder has to know
 * @crypto: cryptography, with @ecdsa_sign
 * @chain: certificate chain object (DSP0274 section 10.6.1), may be replaced
 *	before a connection begins
 * @chain_len: its bytes
 * @priv: the leaf certificate's private key, 48 bytes; may be replaced likewise
 * @vendor: a vendor defined message came in session @session_id; @req is what
 *	follows the protocol id. Returns bytes written to @rsp, 0 to answer
 *	nothing at all, -EBUSY, -EINVAL or -EOPNOTSUPP for the ERROR of that
 *	meaning, any other negative errno for ERROR "unspecified"
 * @measure: write the DMTF measurement record of the device, returns its bytes
 *	or a negative errno
 * @session_end: a session is over, for whatever reason; may be NULL
 * @ctx: first argument of the three above
 */
struct spdm_responder_config {
	const struct spdm_crypto_ops *crypto;
	const u8 *chain;
	size_t chain_len;
	const u8 *priv;
	int (*vendor)(void *ctx, u32 session_id, u8 protocol_id, const u8 *req,
		      size_t req_len, u8 *rsp, size_t rsp_size);
	int (*measure)(void *ctx, u8 *record, size_t size, u8 *nr_blocks);
	void (*session_end)(void *ctx, u32 session_id);
	void *ctx;
};

/**
 * enum spdm_responder_phase - how far the negotiation went
 * @SPDM_RSP_START: only GET_VERSION is understood
 * @SPDM_RSP_VERSION: GET_CAPABILITIES is next
 * @SPDM_RSP_CAPABILITIES: NEGOTIATE_ALGORITHMS is next
 * @SPDM_RSP_NEGOTIATED: all others
 */
enum spdm_responder_phase {
	SPDM_RSP_START,
	SPDM_RSP_VERSION,
	SPDM_RSP_CAPABILITIES,
	SPDM_RSP_NEGOTIATED,
};

/**
 * enum spdm_session_phase - the life of one session at the responder
 * @SPDM_SESSION_NONE: free slot
 * @SPDM_SESSION_HANDSHAKE: waits for FINISH
 * @SPDM_SESSION_DATA: up
 */
enum spdm_session_phase {
	SPDM_SESSION_NONE,
	SPDM_SESSION_HANDSHAKE,
	SPDM_SESSION_DATA,
};

#define SPDM_MAX_SESSIONS	2

/**
 * struct spdm_responder_session - one session at the responder
 * @phase: its life
 * @keys: its secrets
 * @log: transcript TH, then L1
 */
struct spdm_responder_session {
	enum spdm_session_phase phase;
	struct spdm_session keys;
	struct spdm_hash log;
};

/**
 * struct spdm_responder - a responder and its buffers; about 8 KiB
 * @cfg: @cfg.chain, @cfg.chain_len and @cfg.priv may be replaced while no
 *	message is handled
 * @bad_measurement_signature: fault knob: sign measurements wrongly
 *
 * Plain data, to be allocated by the caller. One message at a time; the caller
 * serialises.
 */
struct spdm_responder {
	struct spdm_responder_config cfg;
	bool bad_measurement_signature;
	/* private: */
	enum spdm_responder_phase phase;
	u8 fail_code;		/* what spdm_responder_fail_next() asked for */
	u8 fail_data;
	u8 token;		/* of the last RESPONSE_NOT_READY */
	bool suite_ok;		/* what a session needs was negotiated */
	u16 last_session;	/* counts session ids */
	u32 peer_flags;		/* the requester's capabilities */
	size_t peer_max;	/* the largest message that it takes */
	size_t pending_len;	/* 0: no request waits */
	u32 pending_session;	/* where it came in, 0: outside */
	struct spdm_responder_session sessions[SPDM_MAX_SESSIONS];
	struct spdm_hash vca;	/* transcript up to ALGORITHMS */
	struct spdm_hash m1;	/* of the authentication outside a session */
	u8 pending[SPDM_MAX_REQ];	/* answered with RESPONSE_NOT_READY */
	u8 req[SPDM_MAX_MSG + SPDM_RECORD_OVERHEAD];	/* opened */
};

int spdm_responder_init(struct spdm_responder *p,
			const struct spdm_responder_config *cfg);
void spdm_responder_reset(struct spdm_responder *p);
void spdm_responder_fail_next(struct spdm_responder *p, u8 error_code,
			      u8 error_data);
int spdm_responder_handle(struct spdm_responder *p, u8 doe_type,
			  const void *req, size_t req_len,
			  void *rsp, size_t rsp_size);
unsigned int spdm_responder_sessions(const struct spdm_responder *p);

#endif /* _TSM_SPDM_H */
