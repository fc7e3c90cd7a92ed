/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TDISP, the protocol that moves a device interface through its security
 * states (PCIe r6.1 section 11.3), as bytes on one side and host types on the
 * other.
 */
#ifndef _TSM_SPDM_TDISP_H
#define _TSM_SPDM_TDISP_H

#include "spdm-os.h"

/* The protocol id of TDISP in a PCI-SIG vendor defined SPDM message */
#define TDISP_PROTOCOL_ID	1

#define TDISP_VERSION_1_0	0x10	/* major 7:4, minor 3:0 */

#define TDISP_HDR_SIZE		16
#define TDISP_NONCE_SIZE	32
#define TDISP_REQ_MSGS_SIZE	16
/* The longest request that tdisp_encode() makes: START_INTERFACE_REQUEST */
#define TDISP_MAX_REQ		(TDISP_HDR_SIZE + TDISP_NONCE_SIZE)
/* What a DEVICE_INTERFACE_REPORT is longer than its portion of the report */
#define TDISP_REPORT_OVERHEAD	(TDISP_HDR_SIZE + 4)
/* The longest report of which every byte has a 16-bit offset and length */
#define TDISP_MAX_REPORT	0xffff

/**
 * enum tdisp_type - message types (PCIe r6.1 section 11.3.3)
 * @TDISP_VERSION: answers @TDISP_GET_VERSION
 * @TDISP_CAPABILITIES: answers @TDISP_GET_CAPABILITIES
 * @TDISP_LOCK_INTERFACE_RESPONSE: locked, with a nonce for START_INTERFACE
 * @TDISP_DEVICE_INTERFACE_REPORT: a portion of the interface report
 * @TDISP_DEVICE_INTERFACE_STATE: the &enum tdisp_state
 * @TDISP_START_INTERFACE_RESPONSE: running
 * @TDISP_STOP_INTERFACE_RESPONSE: unlocked, and nothing of the VM is left
 * @TDISP_BIND_P2P_STREAM_RESPONSE: optional, no codec
 * @TDISP_UNBIND_P2P_STREAM_RESPONSE: optional, no codec
 * @TDISP_SET_MMIO_ATTRIBUTE_RESPONSE: optional, no codec
 * @TDISP_VDM_RESPONSE: optional, no codec
 * @TDISP_ERROR: answers any request
 * @TDISP_GET_VERSION: which versions of TDISP?
 * @TDISP_GET_CAPABILITIES: which requests, lock flags, address width?
 * @TDISP_LOCK_INTERFACE_REQUEST: CONFIG_UNLOCKED to CONFIG_LOCKED
 * @TDISP_GET_DEVICE_INTERFACE_REPORT: read from a locked interface's report
 * @TDISP_GET_DEVICE_INTERFACE_STATE: in which state?
 * @TDISP_START_INTERFACE_REQUEST: CONFIG_LOCKED to RUN
 * @TDISP_STOP_INTERFACE_REQUEST: any state to CONFIG_UNLOCKED
 * @TDISP_BIND_P2P_STREAM_REQUEST: optional, no codec
 * @TDISP_UNBIND_P2P_STREAM_REQUEST: optional, no codec
 * @TDISP_SET_MMIO_ATTRIBUTE_REQUEST: optional, no codec
 * @TDISP_VDM_REQUEST: optional, no codec
 */
enum tdisp_type {
	TDISP_VERSION = 0x01,
	TDISP_CAPABILITIES = 0x02,
	TDISP_LOCK_INTERFACE_RESPONSE = 0x03,
	TDISP_DEVICE_INTERFACE_REPORT = 0x04,
	TDISP_DEVICE_INTERFACE_STATE = 0x05,
	TDISP_START_INTERFACE_RESPONSE = 0x06,
	TDISP_STOP_INTERFACE_RESPONSE = 0x07,
	TDISP_BIND_P2P_STREAM_RESPONSE = 0x08,
	TDISP_UNBIND_P2P_STREAM_RESPONSE = 0x09,
	TDISP_SET_MMIO_ATTRIBUTE_RESPONSE = 0x0a,
	TDISP_VDM_RESPONSE = 0x0b,
	TDISP_ERROR = 0x7f,

	TDISP_GET_VERSION = 0x81,
	TDISP_GET_CAPABILITIES = 0x82,
	TDISP_LOCK_INTERFACE_REQUEST = 0x83,
	TDISP_GET_DEVICE_INTERFACE_REPORT = 0x84,
	TDISP_GET_DEVICE_INTERFACE_STATE = 0x85,
	TDISP_START_INTERFACE_REQUEST = 0x86,
	TDISP_STOP_INTERFACE_REQUEST = 0x87,
	TDISP_BIND_P2P_STREAM_REQUEST = 0x88,
	TDISP_UNBIND_P2P_STREAM_REQUEST = 0x89,
	TDISP_SET_MMIO_ATTRIBUTE_REQUEST = 0x8a,
	TDISP_VDM_REQUEST = 0x8b,
};

/* The type of the response to a request, if it is not TDISP_ERROR */
#define TDISP_RESPONSE_TO(type)	((type) & 0x7f)

/**
 * enum tdisp_state - states of an interface on the wire
 * @TDISP_STATE_CONFIG_UNLOCKED: belongs to the host
 * @TDISP_STATE_CONFIG_LOCKED: configuration is tracked, to be attested
 * @TDISP_STATE_RUN: may reach private memory
 * @TDISP_STATE_ERROR: trust was lost; only STOP_INTERFACE_REQUEST helps
 */
enum tdisp_state {
	TDISP_STATE_CONFIG_UNLOCKED = 0,
	TDISP_STATE_CONFIG_LOCKED = 1,
	TDISP_STATE_RUN = 2,
	TDISP_STATE_ERROR = 3,
};

/**
 * enum tdisp_error_code - why a TDISP_ERROR (PCIe r6.1 table 11-27)
 * @TDISP_INVALID_REQUEST: malformed, or what it asks for does not exist
 * @TDISP_BUSY: later
 * @TDISP_INVALID_INTERFACE_STATE: not in this state of the interface
 * @TDISP_UNSPECIFIED: anything else
 * @TDISP_UNSUPPORTED_REQUEST: unknown message type, which is the error data
 * @TDISP_VERSION_MISMATCH: not a version of the responder
 * @TDISP_VENDOR_SPECIFIC_ERROR: see the extended data, whose length is the
 *	error data
 * @TDISP_INVALID_INTERFACE: no such function, or it is not assignable
 * @TDISP_INVALID_NONCE: not the nonce of the lock
 * @TDISP_INSUFFICIENT_ENTROPY: no nonce could be made
 * @TDISP_INVALID_DEVICE_CONFIGURATION: such a configuration cannot be locked
 */
enum tdisp_error_code {
	TDISP_INVALID_REQUEST = 0x0001,
	TDISP_BUSY = 0x0003,
	TDISP_INVALID_INTERFACE_STATE = 0x0004,
	TDISP_UNSPECIFIED = 0x0005,
	TDISP_UNSUPPORTED_REQUEST = 0x0007,
	TDISP_VERSION_MISMATCH = 0x0041,
	TDISP_VENDOR_SPECIFIC_ERROR = 0x00ff,
	TDISP_INVALID_INTERFACE = 0x0101,
	TDISP_INVALID_NONCE = 0x0102,
	TDISP_INSUFFICIENT_ENTROPY = 0x0103,
	TDISP_INVALID_DEVICE_CONFIGURATION = 0x0104,
};

/*
 * Flags of LOCK_INTERFACE_REQUEST, and of what a device supports of them
 * (PCIe r6.1 section 11.3.8)
 */
#define TDISP_LOCK_NO_FW_UPDATE		BIT(0)
#define TDISP_LOCK_CACHE_LINE_128	BIT(1)	/* system's cache line: 128, not 64 */
#define TDISP_LOCK_MSIX			BIT(2)	/* table and PBA too */
#define TDISP_LOCK_BIND_P2P		BIT(3)
#define TDISP_LOCK_ALL_REQUEST_REDIRECT	BIT(4)
#define TDISP_LOCK_FLAGS		GENMASK(4, 0)

/*
 * First byte of REQ_MSGS_SUPPORTED for a device with the mandatory requests,
 * all others are 0. Implementations disagree on the bit of a request: its code
 * less 0x80 to one, less 0x81 to another. This value says the seven mandatory
 * ones to both. For the same reason no requester should depend on this bitmap:
 * whoever needs an optional request tries it, and gets UNSUPPORTED_REQUEST.
 */
#define TDISP_REQ_MSGS_MANDATORY	0xff

/**
 * struct tdisp_caps - content of CAPABILITIES
 * @dsm_caps: reserved, 0
 * @req_msgs: REQ_MSGS_SUPPORTED; see TDISP_REQ_MSGS_MANDATORY
 * @lock_flags: which TDISP_LOCK flags the device supports
 * @dev_addr_width: bits of an address that the device can use, 52 or more
 * @num_req_this: requests in flight that the DSM takes for this interface
 * @num_req_all: the same for all of its interfaces together
 */
struct tdisp_caps {
	u32 dsm_caps;
	u8 req_msgs[TDISP_REQ_MSGS_SIZE];
	u16 lock_flags;
	u8 dev_addr_width;
	u8 num_req_this;
	u8 num_req_all;
};

/**
 * struct tdisp_lock - content of LOCK_INTERFACE_REQUEST
 * @flags: TDISP_LOCK flags
 * @stream_id: of the default IDE stream
 * @mmio_offset: MMIO_REPORTING_OFFSET, in two's complement: what the report
 *	adds to each MMIO address
 * @p2p_mask: BIND_P2P_ADDRESS_MASK
 */
struct tdisp_lock {
	u16 flags;
	u8 stream_id;
	u64 mmio_offset;
	u64 p2p_mask;
};

/**
 * struct tdisp_msg - any TDISP message with a codec in host types
 * @version: as received; TDISP_VERSION_1_0 is what is sent, whatever is here
 * @type: &enum tdisp_type; says which member of the union counts, if any
 * @rid: requester id of the function whose interface it is about
 * @segment: of that function
 * @segment_valid: whether @segment counts
 * @versions: VERSION
 * @versions.count: 1..255 versions
 * @versions.entries: them; after parsing it points into the parsed message
 * @tsm_caps: GET_CAPABILITIES; reserved, 0
 * @caps: CAPABILITIES
 * @lock: LOCK_INTERFACE_REQUEST
 * @nonce: LOCK_INTERFACE_RESPONSE, START_INTERFACE_REQUEST
 * @get_report: GET_DEVICE_INTERFACE_REPORT
 * @get_report.offset: of the first byte to return
 * @get_report.length: bytes that the requester has room for
 * @report: DEVICE_INTERFACE_REPORT
 * @report.length: bytes in this message, at least 1
 * @report.remainder: bytes of the report that follow them
 * @report.portion: the bytes; after parsing it points into the parsed message
 * @state: DEVICE_INTERFACE_STATE; &enum tdisp_state
 * @error: TDISP_ERROR
 * @error.code: usually one of &enum tdisp_error_code
 * @error.data: depends on @error.code
 * @error.ext: extended data, with VENDOR_SPECIFIC_ERROR only, where
 *	@error.data is its length; after parsing it points into the message
 */
struct tdisp_msg {
	u8 version;
	u8 type;
	u16 rid;
	u8 segment;
	bool segment_valid;
	union {
		struct {
			u8 count;
			const u8 *entries;
		} versions;
		u32 tsm_caps;
		struct tdisp_caps caps;
		struct tdisp_lock lock;
		u8 nonce[TDISP_NONCE_SIZE];
		struct {
			u16 offset;
			u16 length;
		} get_report;
		struct {
			u16 length;
			u16 remainder;
			const u8 *portion;
		} report;
		u8 state;
		struct {
			u32 code;
			u32 data;
			const u8 *ext;
		} error;
	};
};

/**
 * struct tdisp_report - an interface report on its way to the requester
 * @buf: where it goes
 * @size: room there in bytes
 * @len: bytes of the report received so far
 * @total: bytes of the whole, known with the first portion
 */
struct tdisp_report {
	u8 *buf;
	size_t size;
	size_t len;
	size_t total;
};

int tdisp_parse_request(const void *p, size_t len, struct tdisp_msg *out);
int tdisp_parse_response(const void *p, size_t len, const struct tdisp_msg *req,
			 struct tdisp_msg *out);
int tdisp_encode(const struct tdisp_msg *msg, void *p, size_t size);
void tdisp_response_to(const struct tdisp_msg *req, struct tdisp_msg *rsp);
void tdisp_error_to(const struct tdisp_msg *req, u32 code,
		    struct tdisp_msg *rsp);
u32 tdisp_parse_error_code(int rc);
void tdisp_report_next(const struct tdisp_report *r, size_t room,
		       struct tdisp_msg *req);
int tdisp_report_add(struct tdisp_report *r, const struct tdisp_msg *rsp);
const char *tdisp_msg_name(u8 type);
const char *tdisp_error_name(u32 code);
const char *tdisp_state_name(u8 state);

#endif /* _TSM_SPDM_TDISP_H */
