// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDISP codec (PCIe r6.1 section 11.3): messages as bytes on one side, host
 * types on the other; lengths first. Freestanding, used by both ends.
 */
#include "tdisp.h"

/* What all messages begin with, and some consist of */
struct tdisp_hdr {
	u8 version;
	u8 type;
	u8 reserved[2];
	__le32 function_id;
	u8 reserved_id[8];	/* the rest of INTERFACE_ID */
} __packed;
static_assert(sizeof(struct tdisp_hdr) == TDISP_HDR_SIZE);

#define FUNCTION_RID		GENMASK(15, 0)
#define FUNCTION_SEGMENT	GENMASK(23, 16)
#define FUNCTION_SEGMENT_VALID	BIT(24)

/* VERSION, followed by as many versions */
struct tdisp_version {
	struct tdisp_hdr hdr;
	u8 count;
} __packed;
static_assert(sizeof(struct tdisp_version) == 17);

struct tdisp_get_capabilities {
	struct tdisp_hdr hdr;
	__le32 tsm_caps;
} __packed;
static_assert(sizeof(struct tdisp_get_capabilities) == 20);

struct tdisp_capabilities {
	struct tdisp_hdr hdr;
	__le32 dsm_caps;
	u8 req_msgs[TDISP_REQ_MSGS_SIZE];
	__le16 lock_flags;
	u8 reserved[3];
	u8 dev_addr_width;
	u8 num_req_this;
	u8 num_req_all;
} __packed;
static_assert(sizeof(struct tdisp_capabilities) == 44);

struct tdisp_lock_interface {
	struct tdisp_hdr hdr;
	__le16 flags;
	u8 stream_id;
	u8 reserved;
	__le64 mmio_offset;
	__le64 p2p_mask;
} __packed;
static_assert(sizeof(struct tdisp_lock_interface) == 36);

/* LOCK_INTERFACE_RESPONSE and START_INTERFACE_REQUEST */
struct tdisp_nonce {
	struct tdisp_hdr hdr;
	u8 nonce[TDISP_NONCE_SIZE];
} __packed;
static_assert(sizeof(struct tdisp_nonce) == 48);
static_assert(sizeof(struct tdisp_nonce) == TDISP_MAX_REQ);

struct tdisp_get_report {
	struct tdisp_hdr hdr;
	__le16 offset;
	__le16 length;
} __packed;
static_assert(sizeof(struct tdisp_get_report) == 20);

/* DEVICE_INTERFACE_REPORT, followed by the portion */
struct tdisp_report_portion {
	struct tdisp_hdr hdr;
	__le16 length;
	__le16 remainder;
} __packed;
static_assert(sizeof(struct tdisp_report_portion) == 20);
static_assert(sizeof(struct tdisp_report_portion) == TDISP_REPORT_OVERHEAD);

struct tdisp_interface_state {
	struct tdisp_hdr hdr;
	u8 state;
} __packed;
static_assert(sizeof(struct tdisp_interface_state) == 17);

/* TDISP_ERROR, followed by extended data */
struct tdisp_err {
	struct tdisp_hdr hdr;
	__le32 code;
	__le32 data;
} __packed;
static_assert(sizeof(struct tdisp_err) == 24);

/* Size of a message, or of what comes before its variable part; 0: no codec */
static size_t fixed_size(u8 type)
{
	switch (type) {
	case TDISP_VERSION:
		return sizeof(struct tdisp_version);
	case TDISP_GET_CAPABILITIES:
		return sizeof(struct tdisp_get_capabilities);
	case TDISP_CAPABILITIES:
		return sizeof(struct tdisp_capabilities);
	case TDISP_LOCK_INTERFACE_REQUEST:
		return sizeof(struct tdisp_lock_interface);
	case TDISP_LOCK_INTERFACE_RESPONSE:
	case TDISP_START_INTERFACE_REQUEST:
		return sizeof(struct tdisp_nonce);
	case TDISP_GET_DEVICE_INTERFACE_REPORT:
		return sizeof(struct tdisp_get_report);
	case TDISP_DEVICE_INTERFACE_REPORT:
		return sizeof(struct tdisp_report_portion);
	case TDISP_DEVICE_INTERFACE_STATE:
		return sizeof(struct tdisp_interface_state);
	case TDISP_ERROR:
		return sizeof(struct tdisp_err);
	case TDISP_GET_VERSION:
	case TDISP_GET_DEVICE_INTERFACE_STATE:
	case TDISP_STOP_INTERFACE_REQUEST:
	case TDISP_START_INTERFACE_RESPONSE:
	case TDISP_STOP_INTERFACE_RESPONSE:
		return sizeof(struct tdisp_hdr);
	}
	return 0;
}

/* The header, of as much of it as there is */
static int parse_hdr(const void *p, size_t len, struct tdisp_msg *out)
{
	const struct tdisp_hdr *w = p;
	u32 function;

	memset(out, 0, sizeof(*out));
	if (len >= 1)
		out->version = w->version;
	if (len >= 2)
		out->type = w->type;
	if (len < sizeof(*w))
		return -EBADMSG;

	function = le32_to_cpu(w->function_id);
	out->rid = FIELD_GET(FUNCTION_RID, function);
	out->segment = FIELD_GET(FUNCTION_SEGMENT, function);
	out->segment_valid = FIELD_GET(FUNCTION_SEGMENT_VALID, function);
	return w->version == TDISP_VERSION_1_0 ? 0 : -EPROTONOSUPPORT;
}

/**
 * tdisp_parse_request() - parse a request, in a device
 * @p: the message, what follows the protocol id in the vendor defined message
 * @len: its exact length, by the SPDM message's account
 * @out: result, initialised whatever is returned
 *
 * Reserved fields are ignored; lengths, the version and the type are judged,
 * values are not. When 16 bytes or more are refused, @out has the fields of the
 * header, so that the error response can say what it is about;
 * tdisp_parse_error_code() is the code for it.
 *
 * Return: 0; -EBADMSG: not as long as it must be; -EPROTONOSUPPORT: another
 * version; -EOPNOTSUPP: not a request, or an optional one that has no codec.
 */
int tdisp_parse_request(const void *p, size_t len, struct tdisp_msg *out)
{
	const struct tdisp_lock_interface *lock = p;
	const struct tdisp_get_capabilities *caps = p;
	const struct tdisp_get_report *report = p;
	const struct tdisp_nonce *nonce = p;
	int rc;

	rc = parse_hdr(p, len, out);
	if (rc)
		return rc;
	if (!(out->type & 0x80) || !fixed_size(out->type))
		return -EOPNOTSUPP;
	if (len != fixed_size(out->type))
		return -EBADMSG;

	switch (out->type) {
	case TDISP_GET_CAPABILITIES:
		out->tsm_caps = le32_to_cpu(caps->tsm_caps);
		break;
	case TDISP_LOCK_INTERFACE_REQUEST:
		out->lock.flags = le16_to_cpu(lock->flags);
		out->lock.stream_id = lock->stream_id;
		out->lock.mmio_offset = le64_to_cpu(lock->mmio_offset);
		out->lock.p2p_mask = le64_to_cpu(lock->p2p_mask);
		break;
	case TDISP_GET_DEVICE_INTERFACE_REPORT:
		out->get_report.offset = le16_to_cpu(report->offset);
		out->get_report.length = le16_to_cpu(report->length);
		break;
	case TDISP_START_INTERFACE_REQUEST:
		memcpy(out->nonce, nonce->nonce, sizeof(out->nonce));
		break;
	}
	return 0;
}
EXPORT_SYMBOL_NS_GPL(tdisp_parse_request, "TSM_SPDM");

static int parse_versions(const struct tdisp_version *w, size_t rest,
			  struct tdisp_msg *out)
{
	if (!w->count || rest != w->count)
		return -EBADMSG;
	out->versions.count = w->count;
	out->versions.entries = (const u8 *)(w + 1);
	return 0;
}

/* A portion of nothing would be asked for again without end */
static int parse_portion(const struct tdisp_report_portion *w, size_t rest,
			 const struct tdisp_msg *req, struct tdisp_msg *out)
{
	u16 length = le16_to_cpu(w->length);

	if (!length || rest != length || length > req->get_report.length)
		return -EBADMSG;
	out->report.length = length;
	out->report.remainder = le16_to_cpu(w->remainder);
	out->report.portion = (const u8 *)(w + 1);
	return 0;
}

static int parse_error(const struct tdisp_err *w, size_t rest,
		       struct tdisp_msg *out)
{
	u32 code = le32_to_cpu(w->code);
	u32 data = le32_to_cpu(w->data);

	if (rest != (code == TDISP_VENDOR_SPECIFIC_ERROR ? data : 0))
		return -EBADMSG;
	out->error.code = code;
	out->error.data = data;
	out->error.ext = rest ? (const u8 *)(w + 1) : NULL;
	return 0;
}

static void parse_caps(const struct tdisp_capabilities *w,
		       struct tdisp_caps *out)
{
	out->dsm_caps = le32_to_cpu(w->dsm_caps);
	memcpy(out->req_msgs, w->req_msgs, sizeof(out->req_msgs));
	out->lock_flags = le16_to_cpu(w->lock_flags);
	out->dev_addr_width = w->dev_addr_width;
	out->num_req_this = w->num_req_this;
	out->num_req_all = w->num_req_all;
}

/**
 * tdisp_parse_response() - parse the response to a request, in a TSM
 * @p: the message, what follows the protocol id in the vendor defined message
 * @len: its exact length, by the SPDM message's account
 * @req: the request that it answers, as it was given to tdisp_encode()
 * @out: result, initialised whatever is returned
 *
 * A response is about the interface of its request, and either of the type
 * that goes with it or TDISP_ERROR: the latter is parsed like any other, look
 * at @out->type. Reserved fields are ignored, and so are the values of
 * capabilities and error codes. A portion of a report is never longer than what
 * was asked for.
 *
 * Return: 0; -EBADMSG: not as long as it must be, an empty portion or list of
 * versions, or no state that exists; -EPROTONOSUPPORT: another version;
 * -EPROTO: answers another request.
 */
int tdisp_parse_response(const void *p, size_t len, const struct tdisp_msg *req,
			 struct tdisp_msg *out)
{
	const struct tdisp_interface_state *state = p;
	const struct tdisp_nonce *nonce = p;
	size_t size;
	int rc;

	rc = parse_hdr(p, len, out);
	if (rc)
		return rc;
	if (out->rid != req->rid || out->segment != req->segment ||
	    out->segment_valid != req->segment_valid)
		return -EPROTO;
	if (out->type != TDISP_RESPONSE_TO(req->type) &&
	    out->type != TDISP_ERROR)
		return -EPROTO;

	size = fixed_size(out->type);
	if (!size)
		return -EPROTO;
	if (len < size)
		return -EBADMSG;

	switch (out->type) {
	case TDISP_VERSION:
		return parse_versions(p, len - size, out);
	case TDISP_DEVICE_INTERFACE_REPORT:
		return parse_portion(p, len - size, req, out);
	case TDISP_ERROR:
		return parse_error(p, len - size, out);
	}

	if (len != size)
		return -EBADMSG;
	switch (out->type) {
	case TDISP_CAPABILITIES:
		parse_caps(p, &out->caps);
		break;
	case TDISP_LOCK_INTERFACE_RESPONSE:
		memcpy(out->nonce, nonce->nonce, sizeof(out->nonce));
		break;
	case TDISP_DEVICE_INTERFACE_STATE:
		if (state->state > TDISP_STATE_ERROR)
			return -EBADMSG;
		out->state = state->state;
		break;
	}
	return 0;
}
EXPORT_SYMBOL_NS_GPL(tdisp_parse_response, "TSM_SPDM");

static void encode_caps(const struct tdisp_caps *caps,
			struct tdisp_capabilities *w)
{
	w->dsm_caps = cpu_to_le32(caps->dsm_caps);
	memcpy(w->req_msgs, caps->req_msgs, sizeof(w->req_msgs));
	w->lock_flags = cpu_to_le16(caps->lock_flags);
	w->dev_addr_width = caps->dev_addr_width;
	w->num_req_this = caps->num_req_this;
	w->num_req_all = caps->num_req_all;
}

static void encode_lock(const struct tdisp_lock *lock,
			struct tdisp_lock_interface *w)
{
	w->flags = cpu_to_le16(lock->flags);
	w->stream_id = lock->stream_id;
	w->mmio_offset = cpu_to_le64(lock->mmio_offset);
	w->p2p_mask = cpu_to_le64(lock->p2p_mask);
}

/* What follows the fixed part of @msg */
static int variable_part(const struct tdisp_msg *msg, const u8 **part,
			 size_t *len)
{
	*part = NULL;
	*len = 0;

	switch (msg->type) {
	case TDISP_VERSION:
		*part = msg->versions.entries;
		*len = msg->versions.count;
		return *len ? 0 : -EINVAL;
	case TDISP_DEVICE_INTERFACE_REPORT:
		*part = msg->report.portion;
		*len = msg->report.length;
		return *len ? 0 : -EINVAL;
	case TDISP_ERROR:
		if (msg->error.code != TDISP_VENDOR_SPECIFIC_ERROR)
			return 0;
		*part = msg->error.ext;
		*len = msg->error.data;
		return 0;
	case TDISP_DEVICE_INTERFACE_STATE:
		return msg->state <= TDISP_STATE_ERROR ? 0 : -EINVAL;
	}
	return 0;
}

/**
 * tdisp_encode() - write a request or a response
 * @msg: what to write; members that @msg->type does not use are not read
 * @p: where
 * @size: room there in bytes
 *
 * The inverse of the two parsers; reserved fields are 0.
 *
 * Return: bytes written; -EMSGSIZE when there is no room; -EINVAL when the
 * type has no codec, the state does not exist, or a list of versions or a
 * portion of a report is empty.
 */
int tdisp_encode(const struct tdisp_msg *msg, void *p, size_t size)
{
	struct tdisp_interface_state *state = p;
	struct tdisp_get_capabilities *caps = p;
	struct tdisp_report_portion *portion = p;
	struct tdisp_get_report *report = p;
	struct tdisp_version *version = p;
	struct tdisp_nonce *nonce = p;
	struct tdisp_hdr *hdr = p;
	struct tdisp_err *err = p;
	size_t fixed, part_len;
	const u8 *part;
	int rc;

	fixed = fixed_size(msg->type);
	if (!fixed)
		return -EINVAL;
	rc = variable_part(msg, &part, &part_len);
	if (rc)
		return rc;
	if (size < fixed || size - fixed < part_len)
		return -EMSGSIZE;

	memset(p, 0, fixed);
	hdr->version = TDISP_VERSION_1_0;
	hdr->type = msg->type;
	hdr->function_id =
		cpu_to_le32(FIELD_PREP(FUNCTION_RID, msg->rid) |
			    FIELD_PREP(FUNCTION_SEGMENT, msg->segment) |
			    FIELD_PREP(FUNCTION_SEGMENT_VALID,
				       msg->segment_valid));

	switch (msg->type) {
	case TDISP_VERSION:
		version->count = msg->versions.count;
		break;
	case TDISP_GET_CAPABILITIES:
		caps->tsm_caps = cpu_to_le32(msg->tsm_caps);
		break;
	case TDISP_CAPABILITIES:
		encode_caps(&msg->caps, p);
		break;
	case TDISP_LOCK_INTERFACE_REQUEST:
		encode_lock(&msg->lock, p);
		break;
	case TDISP_LOCK_INTERFACE_RESPONSE:
	case TDISP_START_INTERFACE_REQUEST:
		memcpy(nonce->nonce, msg->nonce, sizeof(nonce->nonce));
		break;
	case TDISP_GET_DEVICE_INTERFACE_REPORT:
		report->offset = cpu_to_le16(msg->get_report.offset);
		report->length = cpu_to_le16(msg->get_report.length);
		break;
	case TDISP_DEVICE_INTERFACE_REPORT:
		portion->length = cpu_to_le16(msg->report.length);
		portion->remainder = cpu_to_le16(msg->report.remainder);
		break;
	case TDISP_DEVICE_INTERFACE_STATE:
		state->state = msg->state;
		break;
	case TDISP_ERROR:
		err->code = cpu_to_le32(msg->error.code);
		err->data = cpu_to_le32(msg->error.data);
		break;
	}
	if (part_len)
		memcpy((u8 *)p + fixed, part, part_len);
	return fixed + part_len;
}
EXPORT_SYMBOL_NS_GPL(tdisp_encode, "TSM_SPDM");

/**
 * tdisp_response_to() - begin the response to a request
 * @req: the request, as tdisp_parse_request() gives it
 * @rsp: result: about the same interface, of the type that goes with @req, all
 *	else 0
 */
void tdisp_response_to(const struct tdisp_msg *req, struct tdisp_msg *rsp)
{
	memset(rsp, 0, sizeof(*rsp));
	rsp->type = TDISP_RESPONSE_TO(req->type);
	rsp->rid = req->rid;
	rsp->segment = req->segment;
	rsp->segment_valid = req->segment_valid;
}
EXPORT_SYMBOL_NS_GPL(tdisp_response_to, "TSM_SPDM");

/**
 * tdisp_error_to() - the error response to a request
 * @req: the request, as tdisp_parse_request() gives it, refused or not
 * @code: &enum tdisp_error_code
 * @rsp: result, ready to be encoded
 */
void tdisp_error_to(const struct tdisp_msg *req, u32 code,
		    struct tdisp_msg *rsp)
{
	tdisp_response_to(req, rsp);
	rsp->type = TDISP_ERROR;
	rsp->error.code = code;
	if (code == TDISP_UNSUPPORTED_REQUEST)
		rsp->error.data = req->type;
}
EXPORT_SYMBOL_NS_GPL(tdisp_error_to, "TSM_SPDM");

/**
 * tdisp_parse_error_code() - how a device answers what it cannot parse
 * @rc: what tdisp_parse_request() returned, not 0
 *
 * Return: &enum tdisp_error_code
 */
u32 tdisp_parse_error_code(int rc)
{
	switch (rc) {
	case -EPROTONOSUPPORT:
		return TDISP_VERSION_MISMATCH;
	case -EOPNOTSUPP:
		return TDISP_UNSUPPORTED_REQUEST;
	}
	return TDISP_INVALID_REQUEST;
}
EXPORT_SYMBOL_NS_GPL(tdisp_parse_error_code, "TSM_SPDM");

/**
 * tdisp_report_next() - the request for the next portion of a report
 * @r: what has been received; set &tdisp_report.buf and &tdisp_report.size and
 *	zero the rest before the first request
 * @room: the longest portion that the requester can receive in one message
 * @req: its type and content are set, the interface is left as it is
 */
void tdisp_report_next(const struct tdisp_report *r, size_t room,
		       struct tdisp_msg *req)
{
	if (room > r->size - r->len)
		room = r->size - r->len;
	if (room > TDISP_MAX_REPORT)
		room = TDISP_MAX_REPORT;
	req->type = TDISP_GET_DEVICE_INTERFACE_REPORT;
	req->get_report.offset = r->len;
	req->get_report.length = room;
}
EXPORT_SYMBOL_NS_GPL(tdisp_report_next, "TSM_SPDM");

/**
 * tdisp_report_add() - take over a portion of a report
 * @r: what has been received before
 * @rsp: the parsed DEVICE_INTERFACE_REPORT that answers tdisp_report_next()
 *
 * Return: 0: the report is complete; 1: go on with tdisp_report_next();
 * -EMSGSIZE: the report is longer than the buffer or than TDISP_MAX_REPORT;
 * -EBADMSG: the report has changed its length on the way.
 */
int tdisp_report_add(struct tdisp_report *r, const struct tdisp_msg *rsp)
{
	size_t total = r->len + rsp->report.length + rsp->report.remainder;

	if (r->len && total != r->total)
		return -EBADMSG;
	if (total > r->size || total > TDISP_MAX_REPORT)
		return -EMSGSIZE;
	memcpy(r->buf + r->len, rsp->report.portion, rsp->report.length);
	r->len += rsp->report.length;
	r->total = total;
	return r->len < total;
}
EXPORT_SYMBOL_NS_GPL(tdisp_report_add, "TSM_SPDM");

/**
 * tdisp_msg_name() - name of a message in the specification
 * @type: message type
 *
 * Return: the name, or "TDISP".
 */
const char *tdisp_msg_name(u8 type)
{
	static const char * const requests[] = {
		[0x01] = "GET_TDISP_VERSION",
		[0x02] = "GET_TDISP_CAPABILITIES",
		[0x03] = "LOCK_INTERFACE_REQUEST",
		[0x04] = "GET_DEVICE_INTERFACE_REPORT",
		[0x05] = "GET_DEVICE_INTERFACE_STATE",
		[0x06] = "START_INTERFACE_REQUEST",
		[0x07] = "STOP_INTERFACE_REQUEST",
		[0x08] = "BIND_P2P_STREAM_REQUEST",
		[0x09] = "UNBIND_P2P_STREAM_REQUEST",
		[0x0a] = "SET_MMIO_ATTRIBUTE_REQUEST",
		[0x0b] = "VDM_REQUEST",
	};
	static const char * const responses[] = {
		[TDISP_VERSION] = "TDISP_VERSION",
		[TDISP_CAPABILITIES] = "TDISP_CAPABILITIES",
		[TDISP_LOCK_INTERFACE_RESPONSE] = "LOCK_INTERFACE_RESPONSE",
		[TDISP_DEVICE_INTERFACE_REPORT] = "DEVICE_INTERFACE_REPORT",
		[TDISP_DEVICE_INTERFACE_STATE] = "DEVICE_INTERFACE_STATE",
		[TDISP_START_INTERFACE_RESPONSE] = "START_INTERFACE_RESPONSE",
		[TDISP_STOP_INTERFACE_RESPONSE] = "STOP_INTERFACE_RESPONSE",
		[TDISP_BIND_P2P_STREAM_RESPONSE] = "BIND_P2P_STREAM_RESPONSE",
		[TDISP_UNBIND_P2P_STREAM_RESPONSE] =
			"UNBIND_P2P_STREAM_RESPONSE",
		[TDISP_SET_MMIO_ATTRIBUTE_RESPONSE] =
			"SET_MMIO_ATTRIBUTE_RESPONSE",
		[TDISP_VDM_RESPONSE] = "VDM_RESPONSE",
	};
	const char *name = NULL;

	if (type == TDISP_ERROR)
		return "TDISP_ERROR";
	if (type & 0x80 && (type & 0x7f) < ARRAY_SIZE(requests))
		name = requests[type & 0x7f];
	else if (type < ARRAY_SIZE(responses))
		name = responses[type];
	return name ? name : "TDISP";
}
EXPORT_SYMBOL_NS_GPL(tdisp_msg_name, "TSM_SPDM");

/**
 * tdisp_error_name() - name of an error code in the specification
 * @code: of a TDISP_ERROR
 *
 * Return: the name, or "unknown".
 */
const char *tdisp_error_name(u32 code)
{
	switch (code) {
	case TDISP_INVALID_REQUEST:
		return "INVALID_REQUEST";
	case TDISP_BUSY:
		return "BUSY";
	case TDISP_INVALID_INTERFACE_STATE:
		return "INVALID_INTERFACE_STATE";
	case TDISP_UNSPECIFIED:
		return "UNSPECIFIED";
	case TDISP_UNSUPPORTED_REQUEST:
		return "UNSUPPORTED_REQUEST";
	case TDISP_VERSION_MISMATCH:
		return "VERSION_MISMATCH";
	case TDISP_VENDOR_SPECIFIC_ERROR:
		return "VENDOR_SPECIFIC_ERROR";
	case TDISP_INVALID_INTERFACE:
		return "INVALID_INTERFACE";
	case TDISP_INVALID_NONCE:
		return "INVALID_NONCE";
	case TDISP_INSUFFICIENT_ENTROPY:
		return "INSUFFICIENT_ENTROPY";
	case TDISP_INVALID_DEVICE_CONFIGURATION:
		return "INVALID_DEVICE_CONFIGURATION";
	}
	return "unknown";
}
EXPORT_SYMBOL_NS_GPL(tdisp_error_name, "TSM_SPDM");

/**
 * tdisp_state_name() - name of an interface's state in the specification
 * @state: &enum tdisp_state
 *
 * Return: the name, or "unknown".
 */
const char *tdisp_state_name(u8 state)
{
	static const char * const names[] = {
		[TDISP_STATE_CONFIG_UNLOCKED] = "CONFIG_UNLOCKED",
		[TDISP_STATE_CONFIG_LOCKED] = "CONFIG_LOCKED",
		[TDISP_STATE_RUN] = "RUN",
		[TDISP_STATE_ERROR] = "ERROR",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}
EXPORT_SYMBOL_NS_GPL(tdisp_state_name, "TSM_SPDM");
