/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDM 1.2 as bytes on the wire (DMTF DSP0274 1.2, secured records DSP0277 1.1,
 * PCI-SIG vendor defined messages PCIe r6.1 section 6.31).
 */
#ifndef _TSM_SPDM_WIRE_H
#define _TSM_SPDM_WIRE_H

#include "spdm-crypto.h"

#define SPDM_VERSION_10		0x10	/* of GET_VERSION and VERSION only */
#define SPDM_VERSION_12		0x12

/* Request codes (DSP0274 10.1, table 4) */
#define SPDM_GET_DIGESTS		0x81
#define SPDM_GET_CERTIFICATE		0x82
#define SPDM_CHALLENGE			0x83
#define SPDM_GET_VERSION		0x84
#define SPDM_GET_MEASUREMENTS		0xe0
#define SPDM_GET_CAPABILITIES		0xe1
#define SPDM_NEGOTIATE_ALGORITHMS	0xe3
#define SPDM_KEY_EXCHANGE		0xe4
#define SPDM_FINISH			0xe5
#define SPDM_END_SESSION		0xec
#define SPDM_VENDOR_DEFINED		0xfe
#define SPDM_RESPOND_IF_READY		0xff

/* Response codes (table 5): the request's without bit 7 */
#define SPDM_RSP_CODE(request)		((request) & 0x7f)
#define SPDM_ERROR			0x7f

/* Codes of an ERROR, in its param1 (10.9) */
#define SPDM_ERR_INVALID_REQUEST	0x01
#define SPDM_ERR_BUSY			0x03
#define SPDM_ERR_UNEXPECTED_REQUEST	0x04
#define SPDM_ERR_UNSPECIFIED		0x05
#define SPDM_ERR_DECRYPT		0x06
#define SPDM_ERR_UNSUPPORTED_REQUEST	0x07
#define SPDM_ERR_SESSION_LIMIT		0x0a
#define SPDM_ERR_SESSION_REQUIRED	0x0b
#define SPDM_ERR_RESPONSE_TOO_LARGE	0x0d
#define SPDM_ERR_REQUEST_TOO_LARGE	0x0e
#define SPDM_ERR_VERSION_MISMATCH	0x41
#define SPDM_ERR_NOT_READY		0x42

/* 10.2: what each message begins with */
struct spdm_hdr {
	u8 version;
	u8 code;
	u8 param1;
	u8 param2;
} __packed;
static_assert(sizeof(struct spdm_hdr) == 4);

/* 10.9.2: ERROR with the extended data of RESPONSE_NOT_READY */
struct spdm_error_not_ready {
	struct spdm_hdr hdr;
	u8 delay_exponent;	/* wait 2^n microseconds */
	u8 request_code;
	u8 token;
	u8 delay_factor;
} __packed;
static_assert(sizeof(struct spdm_error_not_ready) == 8);

/* 10.3: VERSION, followed by @count 16-bit entries */
struct spdm_version_rsp {
	struct spdm_hdr hdr;
	u8 reserved;
	u8 count;
} __packed;
static_assert(sizeof(struct spdm_version_rsp) == 6);

#define SPDM_VERSION_ENTRY_MAJOR_MINOR	0xff00
#define SPDM_VERSION_ENTRY_ALPHA	0x000f
#define SPDM_VERSION_ENTRY_12		0x1200

/* 10.4: GET_CAPABILITIES and CAPABILITIES */
struct spdm_capabilities {
	struct spdm_hdr hdr;
	u8 reserved;
	u8 ct_exponent;		/* cryptographic timeout: 2^n microseconds */
	__le16 ext_flags;
	__le32 flags;
	__le32 data_transfer_size;
	__le32 max_msg_size;
} __packed;
static_assert(sizeof(struct spdm_capabilities) == 20);

#define SPDM_CAP_CERT		BIT(1)
#define SPDM_CAP_CHAL		BIT(2)
#define SPDM_CAP_MEAS		GENMASK(4, 3)
#define SPDM_CAP_MEAS_SIG	2
#define SPDM_CAP_MEAS_FRESH	BIT(5)
#define SPDM_CAP_ENCRYPT	BIT(6)
#define SPDM_CAP_MAC		BIT(7)
#define SPDM_CAP_KEY_EX		BIT(9)

/* The least that DataTransferSize may be */
#define SPDM_MIN_DATA_TRANSFER	42

/* 10.5: one algorithm structure of the two messages below */
struct spdm_alg {
	u8 type;
	u8 count;		/* 7:4 bytes of the mask, 3:0 extended ones */
	__le16 mask;
} __packed;
static_assert(sizeof(struct spdm_alg) == 4);

#define SPDM_ALG_COUNT		0x20	/* a mask of 2 bytes, nothing else */
#define SPDM_ALG_MASK_SIZE	GENMASK(7, 4)
#define SPDM_ALG_EXT_COUNT	GENMASK(3, 0)

enum spdm_alg_type {
	SPDM_ALG_DHE = 2,
	SPDM_ALG_AEAD = 3,
	SPDM_ALG_REQ_ASYM = 4,
	SPDM_ALG_KEY_SCHEDULE = 5,
};

/* 10.5: NEGOTIATE_ALGORITHMS; param1 counts the spdm_algs at its end */
struct spdm_negotiate {
	struct spdm_hdr hdr;
	__le16 length;
	u8 meas_spec;
	u8 other_params;
	__le32 base_asym;
	__le32 base_hash;
	__le32 reserved1;
	u8 reserved2[8];
	u8 ext_asym_count;
	u8 ext_hash_count;
	u8 reserved3;
	u8 mel_spec;
} __packed;
static_assert(sizeof(struct spdm_negotiate) == 32);

/* 10.5: ALGORITHMS; param1 counts the spdm_algs at its end */
struct spdm_algorithms {
	struct spdm_hdr hdr;
	__le16 length;
	u8 meas_spec;
	u8 other_params;
	__le32 meas_hash;
	__le32 base_asym;
	__le32 base_hash;
	__le32 reserved1;
	u8 reserved2[7];
	u8 mel_spec;
	u8 ext_asym_count;
	u8 ext_hash_count;
	__le16 reserved3;
} __packed;
static_assert(sizeof(struct spdm_algorithms) == 36);

/* The one suite: what PCIe requires for IDE and TDISP, at its strongest */
#define SPDM_MEAS_SPEC_DMTF	0x01
#define SPDM_OPAQUE_FORMAT_1	0x02
#define SPDM_ASYM_ECDSA_P384	0x80
#define SPDM_HASH_SHA384	0x02
#define SPDM_MEAS_HASH_ALL	0x7f
#define SPDM_MEAS_HASH_SHA384	0x04
#define SPDM_DHE_SECP384R1	0x10
#define SPDM_AEAD_AES256GCM	0x02
#define SPDM_KEY_SCHEDULE_SPDM	0x01
#define SPDM_NR_ALGS		3	/* DHE, AEAD, key schedule */

/* 10.6: DIGESTS is the header (param2: slots) and a digest for each slot */

/* 10.7: GET_CERTIFICATE; param1: slot */
struct spdm_get_certificate {
	struct spdm_hdr hdr;
	__le16 offset;
	__le16 length;
} __packed;
static_assert(sizeof(struct spdm_get_certificate) == 8);

/* 10.7: CERTIFICATE, followed by the portion */
struct spdm_certificate {
	struct spdm_hdr hdr;
	__le16 portion;
	__le16 remainder;
} __packed;
static_assert(sizeof(struct spdm_certificate) == 8);

/* 10.6.1: the chain object: this and the certificates, root to leaf, in DER */
struct spdm_cert_chain {
	__le16 length;		/* of the whole object */
	__le16 reserved;
	u8 root_hash[SPDM_HASH_SIZE];
} __packed;
static_assert(sizeof(struct spdm_cert_chain) == 52);

/* 10.8: CHALLENGE; param1: slot, param2: measurement summary wanted */
struct spdm_challenge {
	struct spdm_hdr hdr;
	u8 nonce[32];
} __packed;
static_assert(sizeof(struct spdm_challenge) == 36);

/* 10.8: CHALLENGE_AUTH, then opaque data and the signature */
struct spdm_challenge_auth {
	struct spdm_hdr hdr;
	u8 chain_hash[SPDM_HASH_SIZE];
	u8 nonce[32];
	__le16 opaque_len;
} __packed;
static_assert(sizeof(struct spdm_challenge_auth) == 86);

#define SPDM_SLOT_MASK		0x0f
#define SPDM_MAX_OPAQUE		1024

/* 10.11: GET_MEASUREMENTS; nonce and slot only if a signature is asked for */
struct spdm_get_measurements {
	struct spdm_hdr hdr;
	u8 nonce[32];
	u8 slot;
} __packed;
static_assert(sizeof(struct spdm_get_measurements) == 37);

#define SPDM_MEAS_SIGNATURE	BIT(0)	/* of param1 */
#define SPDM_MEAS_OP_COUNT	0x00	/* of param2 */
#define SPDM_MEAS_OP_ALL	0xff

/* 10.11: MEASUREMENTS, then the record, and the tail below */
struct spdm_measurements {
	struct spdm_hdr hdr;
	u8 nr_blocks;
	u8 record_len[3];
} __packed;
static_assert(sizeof(struct spdm_measurements) == 8);

/* Then opaque data, and the signature if one was asked for */
struct spdm_measurements_tail {
	u8 nonce[32];
	__le16 opaque_len;
} __packed;
static_assert(sizeof(struct spdm_measurements_tail) == 34);

/* 10.11.1: one block of the record, with the DMTF value's header */
struct spdm_meas_block {
	u8 index;
	u8 spec;		/* SPDM_MEAS_SPEC_DMTF */
	__le16 size;		/* of what follows */
	u8 type;
	__le16 value_size;
} __packed;
static_assert(sizeof(struct spdm_meas_block) == 7);

#define SPDM_MEAS_BLOCK_HDR	4	/* what @size does not count */

/* 10.14: KEY_EXCHANGE, then opaque data; param1: summary, param2: slot */
struct spdm_key_exchange {
	struct spdm_hdr hdr;
	__le16 session_id;
	u8 policy;
	u8 reserved;
	u8 random[32];
	u8 exchange[SPDM_PUB_SIZE];
	__le16 opaque_len;
} __packed;
static_assert(sizeof(struct spdm_key_exchange) == 138);

/* 10.14: KEY_EXCHANGE_RSP, then opaque data, signature, verify data */
struct spdm_key_exchange_rsp {
	struct spdm_hdr hdr;	/* param1: heartbeat period */
	__le16 session_id;
	u8 mut_auth;
	u8 req_slot;
	u8 random[32];
	u8 exchange[SPDM_PUB_SIZE];
	__le16 opaque_len;
} __packed;
static_assert(sizeof(struct spdm_key_exchange_rsp) == 138);

/* 10.15: FINISH without a requester's signature; FINISH_RSP is a header */
struct spdm_finish {
	struct spdm_hdr hdr;
	u8 verify_data[SPDM_HASH_SIZE];
} __packed;
static_assert(sizeof(struct spdm_finish) == 52);

/* DSP0277 8: opaque data, general format 1, of one element for us */
struct spdm_opaque {
	u8 total_elements;
	u8 reserved[3];
} __packed;
static_assert(sizeof(struct spdm_opaque) == 4);

struct spdm_opaque_element {
	u8 id;			/* 0: DMTF */
	u8 vendor_len;
	__le16 data_len;	/* then vendor id, data, padding to 4 bytes */
} __packed;
static_assert(sizeof(struct spdm_opaque_element) == 4);

#define SPDM_SM_DATA_VERSION	1
#define SPDM_SM_SELECTION	0	/* responder: the version chosen */
#define SPDM_SM_SUPPORTED	1	/* requester: the versions offered */
#define SPDM_SM_VERSION_11	0x1100

/* Requester: one supported version of the secured message format */
struct spdm_opaque_supported {
	struct spdm_opaque opaque;
	struct spdm_opaque_element element;
	u8 sm_data_version;
	u8 sm_data_id;
	u8 count;
	__le16 version;
	u8 padding[3];
} __packed;
static_assert(sizeof(struct spdm_opaque_supported) == 16);

/* Responder: the version it selected */
struct spdm_opaque_selection {
	struct spdm_opaque opaque;
	struct spdm_opaque_element element;
	u8 sm_data_version;
	u8 sm_data_id;
	__le16 version;
} __packed;
static_assert(sizeof(struct spdm_opaque_selection) == 12);

/* 10.20 and PCIe 6.31: vendor defined message of the PCI-SIG */
struct spdm_vendor {
	struct spdm_hdr hdr;
	__le16 standard_id;
	u8 vendor_id_len;
	__le16 vendor_id;
	__le16 payload_len;	/* from the protocol id on */
	u8 protocol_id;
} __packed;
static_assert(sizeof(struct spdm_vendor) == 12);

#define SPDM_STANDARD_PCISIG	3
#define SPDM_VENDOR_PCISIG	1

/*
 * DSP0277 7 on DOE: a secured record; the tag follows. The first 6 bytes are
 * the associated data, the rest is encrypted.
 */
struct spdm_record {
	__le32 session_id;
	__le16 length;		/* of what follows, tag included */
	__le16 app_length;	/* of the SPDM message */
} __packed;
static_assert(sizeof(struct spdm_record) == 8);

#define SPDM_RECORD_AAD		6

#endif /* _TSM_SPDM_WIRE_H */
