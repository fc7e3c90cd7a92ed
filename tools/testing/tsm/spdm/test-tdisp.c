// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDISP messages against bytes written down by hand: each message at every
 * length, in every version, as the answer to every request; reports in portions.
 */
#include "spdm-test.h"
#include "tdisp.h"

/* Function 02:01.3 in segment 0x42 */
#define IF	.rid = 0x020b, .segment = 0x42, .segment_valid = true

struct vector {
	u8 bytes[64];
	size_t len;
	struct tdisp_msg m;
};

static const struct vector requests[] = {
	{ { 0x10, 0x81, 0, 0, 0x0b, 0x02, 0x42, 0x01 }, 16,
	  { .type = TDISP_GET_VERSION, IF } },
	{ { 0x10, 0x82, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 0x78, 0x56, 0x34, 0x12 }, 20,
	  { .type = TDISP_GET_CAPABILITIES, IF, .tsm_caps = 0x12345678 } },
	{ { 0x10, 0x83, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 0x15, 0x00, 0x07, 0,
	    0x00, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    1, 2, 3, 4, 5, 6, 7, 8 }, 36,
	  { .type = TDISP_LOCK_INTERFACE_REQUEST, IF,
	    .lock = { .flags = TDISP_LOCK_NO_FW_UPDATE | TDISP_LOCK_MSIX |
			       TDISP_LOCK_ALL_REQUEST_REDIRECT,
		      .stream_id = 7, .mmio_offset = -0x1000ULL,
		      .p2p_mask = 0x0807060504030201 } } },
	{ { 0x10, 0x84, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 0x34, 0x12, 0xff, 0xff }, 20,
	  { .type = TDISP_GET_DEVICE_INTERFACE_REPORT, IF,
	    .get_report = { .offset = 0x1234, .length = 0xffff } } },
	{ { 0x10, 0x85, 0, 0, 0x0b, 0x02, 0x42, 0x01 }, 16,
	  { .type = TDISP_GET_DEVICE_INTERFACE_STATE, IF } },
	{ { 0x10, 0x86, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 1, [17 ... 46] = 0x77, [47] = 2 }, 48,
	  { .type = TDISP_START_INTERFACE_REQUEST, IF,
	    .nonce = { 1, [1 ... 30] = 0x77, [31] = 2 } } },
	{ { 0x10, 0x87, 0, 0, 0x0b, 0x02, 0x42, 0x01 }, 16,
	  { .type = TDISP_STOP_INTERFACE_REQUEST, IF } },
};

static const u8 bytes_abc[] = { 'a', 'b', 'c' };
static const u8 bytes_versions[] = { 0x10, 0x11 };

static const struct vector responses[] = {
	{ { 0x10, 0x01, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 2, 0x10, 0x11 }, 19,
	  { .type = TDISP_VERSION, IF,
	    .versions = { .count = 2, .entries = bytes_versions } } },
	{ { 0x10, 0x02, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 0x0d, 0x0c, 0x0b, 0x0a,
	    0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	    0x1f, 0x00, 0, 0, 0, 52, 3, 9 }, 44,
	  { .type = TDISP_CAPABILITIES, IF,
	    .caps = { .dsm_caps = 0x0a0b0c0d,
		      .req_msgs = { TDISP_REQ_MSGS_MANDATORY, 1, 2, 3, 4, 5, 6,
				    7, 8, 9, 10, 11, 12, 13, 14, 15 },
		      .lock_flags = TDISP_LOCK_FLAGS, .dev_addr_width = 52,
		      .num_req_this = 3, .num_req_all = 9 } } },
	{ { 0x10, 0x03, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 1, [17 ... 46] = 0x77, [47] = 2 }, 48,
	  { .type = TDISP_LOCK_INTERFACE_RESPONSE, IF,
	    .nonce = { 1, [1 ... 30] = 0x77, [31] = 2 } } },
	{ { 0x10, 0x04, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 3, 0, 0x02, 0x01, 'a', 'b', 'c' }, 23,
	  { .type = TDISP_DEVICE_INTERFACE_REPORT, IF,
	    .report = { .length = 3, .remainder = 0x102, .portion = bytes_abc } } },
	{ { 0x10, 0x05, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 2 }, 17,
	  { .type = TDISP_DEVICE_INTERFACE_STATE, IF, .state = TDISP_STATE_RUN } },
	{ { 0x10, 0x06, 0, 0, 0x0b, 0x02, 0x42, 0x01 }, 16,
	  { .type = TDISP_START_INTERFACE_RESPONSE, IF } },
	{ { 0x10, 0x07, 0, 0, 0x0b, 0x02, 0x42, 0x01 }, 16,
	  { .type = TDISP_STOP_INTERFACE_RESPONSE, IF } },
	{ { 0x10, 0x7f, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 1, 1, 0, 0, 4, 3, 2, 1 }, 24,
	  { .type = TDISP_ERROR, IF,
	    .error = { .code = TDISP_INVALID_INTERFACE, .data = 0x01020304 } } },
	{ { 0x10, 0x7f, 0, 0, 0x0b, 0x02, 0x42, 0x01,
	    [16] = 0xff, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c' }, 27,
	  { .type = TDISP_ERROR, IF,
	    .error = { .code = TDISP_VENDOR_SPECIFIC_ERROR, .data = 3,
		       .ext = bytes_abc } } },
};

static struct tdisp_msg request_of(const struct vector *v)
{
	struct tdisp_msg req = { .type = v->m.type | 0x80, IF };

	/* an error answers any */
	if (v->m.type == TDISP_ERROR)
		req.type = TDISP_STOP_INTERFACE_REQUEST;
	if (req.type == TDISP_GET_DEVICE_INTERFACE_REPORT)
		req.get_report.length = 3;
	return req;
}

/* @len bytes right before what a sanitizer guards */
static int parse(const struct vector *v, const u8 *bytes, size_t len,
		 struct tdisp_msg *out)
{
	struct tdisp_msg req = request_of(v);
	u8 *p = malloc(len ? len : 1);
	int rc;

	if (!p)
		abort();
	memcpy(p, bytes, len);
	memset(out, 0xee, sizeof(*out));
	rc = v->m.type & 0x80 ? tdisp_parse_request(p, len, out) :
				tdisp_parse_response(p, len, &req, out);
	/* what points into the message is looked at while it is there */
	if (!rc) {
		u8 again[64];

		CHECK_EQ(tdisp_encode(out, again, sizeof(again)), len);
		CHECK_EQ(out->version, 0x10);
	}
	free(p);
	return rc;
}

static void check_vector(const struct vector *v)
{
	struct tdisp_msg got;
	u8 buf[80], again[80];
	size_t len;

	for (len = 0; len <= sizeof(buf); len++) {
		memset(buf, 0xee, sizeof(buf));
		CHECK_EQ(tdisp_encode(&v->m, buf, len),
			 len < v->len ? -EMSGSIZE : (long long)v->len);
		if (len >= v->len) {
			CHECK(!memcmp(buf, v->bytes, v->len));
			CHECK_EQ(buf[v->len], 0xee);
		} else {
			CHECK_EQ(buf[0], 0xee);
		}
	}

	for (len = 0; len <= sizeof(buf); len++) {
		memset(buf, 0, sizeof(buf));
		memcpy(buf, v->bytes, len < v->len ? len : v->len);
		CHECK_EQ(parse(v, buf, len, &got), len == v->len ? 0 : -EBADMSG);
		CHECK_EQ(got.type, len >= 2 ? v->m.type : 0);
		CHECK_EQ(got.version, len >= 1 ? 0x10 : 0);
		CHECK_EQ(got.rid, len >= 16 ? 0x20b : 0);
		CHECK_EQ(got.segment, len >= 16 ? 0x42 : 0);
		CHECK_EQ(got.segment_valid, len >= 16);
	}

	/* The parsed one says the same as the one it was made from */
	if (v->m.type & 0x80) {
		CHECK_EQ(tdisp_parse_request(v->bytes, v->len, &got), 0);
	} else {
		struct tdisp_msg req = request_of(v);

		CHECK_EQ(tdisp_parse_response(v->bytes, v->len, &req, &got), 0);
	}
	CHECK_EQ(tdisp_encode(&got, again, sizeof(again)), v->len);
	CHECK(!memcmp(again, v->bytes, v->len));
}

static bool test_vectors(void)
{
	struct tdisp_msg got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		check_vector(&requests[i]);
	for (i = 0; i < ARRAY_SIZE(responses); i++)
		check_vector(&responses[i]);

	/* Fields, where an error that both ends make would go unnoticed */
	CHECK_EQ(tdisp_parse_request(requests[2].bytes, 36, &got), 0);
	CHECK_EQ(got.lock.flags, 0x15);
	CHECK_EQ(got.lock.stream_id, 7);
	CHECK(got.lock.mmio_offset == 0xfffffffffffff000ULL);
	CHECK(got.lock.p2p_mask == 0x0807060504030201ULL);
	CHECK_EQ(tdisp_parse_request(requests[3].bytes, 20, &got), 0);
	CHECK_EQ(got.get_report.offset, 0x1234);
	CHECK_EQ(got.get_report.length, 0xffff);
	return true;
}

/* Another version is told from a wrong length, if there is a header */
static bool test_versions(void)
{
	struct tdisp_msg got;
	const struct vector *v;
	size_t i, len;
	u8 buf[80];
	int ver;

	for (i = 0; i < ARRAY_SIZE(requests) + ARRAY_SIZE(responses); i++) {
		v = i < ARRAY_SIZE(requests) ? &requests[i] :
			&responses[i - ARRAY_SIZE(requests)];
		for (ver = 0; ver < 256; ver++) {
			memset(buf, 0, sizeof(buf));
			memcpy(buf, v->bytes, v->len);
			buf[0] = (u8)ver;
			CHECK_EQ(parse(v, buf, v->len, &got),
				 ver == 0x10 ? 0 : -EPROTONOSUPPORT);
			CHECK_EQ(got.version, ver);
			CHECK_EQ(got.rid, 0x20b);
		}
		buf[0] = 0x20;
		for (len = 0; len <= sizeof(buf); len++)
			CHECK_EQ(parse(v, buf, len, &got),
				 len < 16 ? -EBADMSG : -EPROTONOSUPPORT);
	}
	CHECK_EQ(tdisp_parse_error_code(-EPROTONOSUPPORT), 0x41);
	CHECK_EQ(tdisp_parse_error_code(-EBADMSG), 1);
	CHECK_EQ(tdisp_parse_error_code(-EOPNOTSUPP), 7);
	return true;
}

/* Every type as a request, and as a response to every request */
static bool test_types(void)
{
	static const size_t sizes[] = { 0, 16, 20, 36, 20, 16, 48, 16 };
	struct tdisp_msg got, rsp, req = { IF };
	u8 buf[64] = { 0x10, 0, 0, 0, 0x0b, 0x02, 0x42, 0x01 };
	unsigned int type, to;
	size_t i;

	for (type = 0; type < 256; type++) {
		bool known = type > 0x80 && type <= 0x87;

		buf[1] = (u8)type;
		for (i = 16; i <= sizeof(buf); i++) {
			CHECK_EQ(tdisp_parse_request(buf, i, &got),
				 !known ? -EOPNOTSUPP :
				 i == sizes[type & 7] ? 0 : -EBADMSG);
			CHECK_EQ(got.type, type);
		}
		CHECK_EQ(tdisp_parse_request(buf, 15, &got), -EBADMSG);

		/* What is not known is named in the answer */
		CHECK_EQ(tdisp_parse_request(buf, 16, &got) == -EOPNOTSUPP,
			 !known);
		tdisp_error_to(&got, TDISP_UNSUPPORTED_REQUEST, &rsp);
		CHECK_EQ(rsp.error.data, type);
		CHECK_EQ(rsp.type, TDISP_ERROR);
		CHECK_EQ(rsp.rid, 0x20b);
	}

	for (to = 0; to < 256; to++) {
		req.type = (u8)to;
		req.get_report.length = 3;
		for (type = 0; type < 256; type++) {
			const struct vector *v = NULL;

			for (i = 0; i < ARRAY_SIZE(responses); i++)
				if (responses[i].m.type == type)
					v = &responses[i];
			if (v)
				memcpy(buf, v->bytes, sizeof(buf));
			buf[1] = (u8)type;
			CHECK_EQ(tdisp_parse_response(buf, v ? v->len : 48,
						      &req, &got),
				 v && (type == 0x7f || (to & 0x7f) == type) ?
				 0 : -EPROTO);
		}
	}
	return true;
}

static bool test_interface(void)
{
	struct tdisp_msg req = { .type = TDISP_STOP_INTERFACE_REQUEST, IF };
	struct tdisp_msg got, rsp;
	u8 buf[24];
	int bit;

	/* All 32 bits of FUNCTION_ID, 7 of which do not count */
	for (bit = 0; bit < 32; bit++) {
		memcpy(buf, responses[6].bytes, 16);
		buf[4 + bit / 8] ^= 1 << bit % 8;
		CHECK_EQ(tdisp_parse_response(buf, 16, &req, &got),
			 bit < 25 ? -EPROTO : 0);
		memcpy(buf, responses[7].bytes, 24);
		buf[4 + bit / 8] ^= 1 << bit % 8;
		CHECK_EQ(tdisp_parse_response(buf, 24, &req, &got),
			 bit < 25 ? -EPROTO : 0);
	}

	/* A device gives back what it got, a segment that does not count too */
	memset(&req, 0, sizeof(req));
	req.type = TDISP_STOP_INTERFACE_REQUEST;
	req.rid = 0xffff;
	req.segment = 0x99;
	CHECK_EQ(tdisp_encode(&req, buf, sizeof(buf)), 16);
	CHECK_EQ(get_unaligned_le32(buf + 4), 0x0099ffff);
	CHECK_EQ(tdisp_parse_request(buf, 16, &got), 0);
	CHECK(got.rid == 0xffff && got.segment == 0x99 && !got.segment_valid);
	tdisp_response_to(&got, &rsp);
	CHECK_EQ(tdisp_encode(&rsp, buf, sizeof(buf)), 16);
	CHECK_EQ(buf[1], 0x07);
	CHECK_EQ(tdisp_parse_response(buf, 16, &req, &got), 0);
	return true;
}

/* What is reserved is nobody's business, and is sent as 0 */
static bool test_reserved(void)
{
	struct tdisp_msg got;
	u8 buf[64], again[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests) + ARRAY_SIZE(responses); i++) {
		const struct vector *v = i < ARRAY_SIZE(requests) ? &requests[i] :
			&responses[i - ARRAY_SIZE(requests)];
		struct tdisp_msg req = request_of(v);

		memcpy(buf, v->bytes, v->len);
		memset(buf + 2, 0xff, 2);
		buf[7] |= 0xfe;
		memset(buf + 8, 0xff, 8);
		if (v->m.type == TDISP_LOCK_INTERFACE_REQUEST)
			buf[19] = 0xff;
		if (v->m.type == TDISP_CAPABILITIES)
			memset(buf + 38, 0xff, 3);
		if (v->m.type & 0x80)
			CHECK_EQ(tdisp_parse_request(buf, v->len, &got), 0);
		else
			CHECK_EQ(tdisp_parse_response(buf, v->len, &req, &got),
				 0);
		CHECK_EQ(tdisp_encode(&got, again, sizeof(again)), v->len);
		CHECK(!memcmp(again, v->bytes, v->len));
	}
	return true;
}

/* Values that make a response impossible, and some that do not */
static bool test_values(void)
{
	struct tdisp_msg m, got;
	struct tdisp_msg req = { .type = TDISP_GET_DEVICE_INTERFACE_STATE, IF };
	static u8 list[255], buf[300];
	unsigned int n;

	for (n = 0; n < 256; n++) {
		memcpy(buf, responses[4].bytes, 17);
		buf[16] = (u8)n;
		CHECK_EQ(tdisp_parse_response(buf, 17, &req, &got),
			 n <= 3 ? 0 : -EBADMSG);
		m = responses[4].m;
		m.state = (u8)n;
		CHECK_EQ(tdisp_encode(&m, buf, sizeof(buf)),
			 n <= 3 ? 17 : -EINVAL);
	}

	/* Versions, from none to as many as there can be */
	req.type = TDISP_GET_VERSION;
	for (n = 0; n < 256; n++) {
		m = responses[0].m;
		m.versions.count = (u8)n;
		m.versions.entries = list;
		CHECK_EQ(tdisp_encode(&m, buf, sizeof(buf)),
			 n ? 17 + (int)n : -EINVAL);
		if (!n)
			memcpy(buf, responses[0].bytes, 16);
		buf[16] = (u8)n;
		CHECK_EQ(tdisp_parse_response(buf, 17 + n, &req, &got),
			 n ? 0 : -EBADMSG);
		if (!n)
			continue;
		CHECK_EQ(got.versions.count, n);
		CHECK(got.versions.entries == buf + 17);
		CHECK_EQ(tdisp_parse_response(buf, 16 + n, &req, &got), -EBADMSG);
		CHECK_EQ(tdisp_parse_response(buf, 18 + n, &req, &got), -EBADMSG);
	}

	/* Portions: not empty, all there, not more than asked for */
	req.type = TDISP_GET_DEVICE_INTERFACE_REPORT;
	for (n = 0; n < 6; n++) {
		memcpy(buf, responses[3].bytes, 23);
		req.get_report.length = (u16)n;
		CHECK_EQ(tdisp_parse_response(buf, 23, &req, &got),
			 n >= 3 ? 0 : -EBADMSG);
		req.get_report.length = 100;
		put_unaligned_le16((u16)n, buf + 16);
		CHECK_EQ(tdisp_parse_response(buf, 23, &req, &got),
			 n == 3 ? 0 : -EBADMSG);
		CHECK_EQ(tdisp_parse_response(buf, 20 + n, &req, &got),
			 n ? 0 : -EBADMSG);
	}
	m = responses[3].m;
	m.report.length = 0;
	CHECK_EQ(tdisp_encode(&m, buf, sizeof(buf)), -EINVAL);

	/* Extended data go with one code only */
	req.type = TDISP_GET_VERSION;
	memcpy(buf, responses[8].bytes, 27);
	buf[17] = 1;
	CHECK_EQ(tdisp_parse_response(buf, 27, &req, &got), -EBADMSG);
	CHECK_EQ(tdisp_parse_response(buf, 24, &req, &got), 0);
	CHECK(got.error.code == 0x1ff && got.error.data == 3 && !got.error.ext);
	buf[17] = 0;
	for (n = 0; n < 32; n++) {
		put_unaligned_le32(1U << n, buf + 20);
		CHECK_EQ(tdisp_parse_response(buf, 27, &req, &got), -EBADMSG);
	}
	put_unaligned_le32(0, buf + 20);
	CHECK_EQ(tdisp_parse_response(buf, 24, &req, &got), 0);
	m = responses[8].m;
	m.error.data = 0xffffffff;
	CHECK_EQ(tdisp_encode(&m, buf, sizeof(buf)), -EMSGSIZE);

	/* What has no codec */
	for (n = 0; n < 256; n++) {
		m = responses[5].m;
		m.type = (u8)n;
		if ((n & 0x7f) >= 1 && (n & 0x7f) <= 7)
			continue;
		if (n == 0x7f)
			continue;
		CHECK_EQ(tdisp_encode(&m, buf, sizeof(buf)), -EINVAL);
	}
	return true;
}

/* REQ_MSGS_SUPPORTED is right in both readings, less what only one has */
static bool test_req_msgs(void)
{
	unsigned int code;

	for (code = 0x81; code <= 0x87; code++) {
		CHECK(TDISP_REQ_MSGS_MANDATORY & 1 << (code - 0x80));
		CHECK(TDISP_REQ_MSGS_MANDATORY & 1 << (code - 0x81));
	}
	CHECK_EQ(TDISP_REQ_MSGS_MANDATORY & ~0xff, 0);
	return true;
}

static void serve(const struct tdisp_msg *req, const u8 *report, size_t total,
		  size_t most, u8 *buf, size_t size, struct tdisp_msg *rsp)
{
	size_t len = total - req->get_report.offset;
	struct tdisp_msg m;
	int n;

	tdisp_response_to(req, &m);
	if (len > req->get_report.length)
		len = req->get_report.length;
	if (len > most)
		len = most;
	m.report.length = (u16)len;
	m.report.remainder = (u16)(total - req->get_report.offset - len);
	m.report.portion = report + req->get_report.offset;
	n = tdisp_encode(&m, buf, size);
	CHECK(n > 0);
	CHECK_EQ(tdisp_parse_response(buf, n, req, rsp), 0);
}

static int fetch(size_t total, size_t room, size_t most, size_t size,
		 size_t *got)
{
	static u8 report[0x10000], out[0x11000], buf[0x11000];
	struct tdisp_report r = { .buf = out, .size = size };
	struct tdisp_msg req = { IF }, rsp;
	size_t i;
	int rc;

	for (i = 0; i < total; i++)
		report[i] = (u8)(i * 7 + i / 256);
	memset(out, 0xee, sizeof(out));
	do {
		size_t left = size - r.len;

		tdisp_report_next(&r, room, &req);
		CHECK_EQ(req.type, TDISP_GET_DEVICE_INTERFACE_REPORT);
		CHECK_EQ(req.get_report.offset, r.len);
		CHECK(req.get_report.length);
		CHECK(req.get_report.length <= room &&
		      req.get_report.length <= left);
		CHECK_EQ(req.rid, 0x20b);
		serve(&req, report, total, most, buf, sizeof(buf), &rsp);
		rc = tdisp_report_add(&r, &rsp);
	} while (rc == 1);
	*got = r.len;
	CHECK_EQ(out[size], 0xee);
	if (!rc)
		CHECK(r.len == total && !memcmp(out, report, total));
	return rc;
}

static bool test_report(void)
{
	static const size_t steps[] = { 1, 2, 19, 100, 4064, 0xffff };
	struct tdisp_msg rsp = { .type = TDISP_DEVICE_INTERFACE_REPORT };
	static u8 buf[0x20000];
	struct tdisp_report r;
	size_t total, i, j, got;

	for (total = 1; total < 300; total += 7)
		for (i = 0; i < ARRAY_SIZE(steps); i++)
			for (j = 0; j < ARRAY_SIZE(steps); j++) {
				CHECK_EQ(fetch(total, steps[i], steps[j],
					       total, &got), 0);
				CHECK_EQ(fetch(total, steps[i], steps[j],
					       0x10000, &got), 0);
				if (total > 1)
					CHECK_EQ(fetch(total, steps[i], steps[j],
						       total - 1, &got),
						 -EMSGSIZE);
			}
	CHECK_EQ(fetch(0xffff, 4064, 4064, 0xffff, &got), 0);
	CHECK_EQ(fetch(0xffff, 0x20000, 0xffff, 0x10000, &got), 0);
	CHECK_EQ(fetch(0xffff, 0xfffe, 0xffff, 0x10000, &got), 0);
	CHECK_EQ(fetch(0x10000, 0xffff, 0xffff, 0x10000, &got), -EMSGSIZE);

	/* A device that changes its mind */
	r = (struct tdisp_report){ .buf = buf, .size = sizeof(buf) };
	rsp.report.portion = bytes_abc;
	rsp.report.length = 3;
	rsp.report.remainder = 6;
	CHECK_EQ(tdisp_report_add(&r, &rsp), 1);
	rsp.report.remainder = 4;
	CHECK_EQ(tdisp_report_add(&r, &rsp), -EBADMSG);
	rsp.report.remainder = 2;
	CHECK_EQ(tdisp_report_add(&r, &rsp), -EBADMSG);
	rsp.report.remainder = 6;
	CHECK_EQ(tdisp_report_add(&r, &rsp), -EBADMSG);
	CHECK_EQ(r.len, 3);
	rsp.report.remainder = 3;
	CHECK_EQ(tdisp_report_add(&r, &rsp), 1);
	rsp.report.remainder = 0;
	CHECK_EQ(tdisp_report_add(&r, &rsp), 0);
	CHECK_EQ(r.len, 9);
	CHECK(!memcmp(buf, "abcabcabc", 9));
	/* The last byte has an offset of 16 bits */
	r = (struct tdisp_report){ .buf = buf, .size = sizeof(buf) };
	rsp.report.remainder = 0xffff - 3;
	CHECK_EQ(tdisp_report_add(&r, &rsp), 1);
	r = (struct tdisp_report){ .buf = buf, .size = sizeof(buf) };
	rsp.report.remainder = 0xffff - 2;
	CHECK_EQ(tdisp_report_add(&r, &rsp), -EMSGSIZE);
	return true;
}

static bool test_names(void)
{
	static const char * const types[] = {
		NULL, "TDISP_VERSION", "TDISP_CAPABILITIES",
		"LOCK_INTERFACE_RESPONSE", "DEVICE_INTERFACE_REPORT",
		"DEVICE_INTERFACE_STATE", "START_INTERFACE_RESPONSE",
		"STOP_INTERFACE_RESPONSE", "BIND_P2P_STREAM_RESPONSE",
		"UNBIND_P2P_STREAM_RESPONSE", "SET_MMIO_ATTRIBUTE_RESPONSE",
		"VDM_RESPONSE",
	};
	static const char * const request_types[] = {
		NULL, "GET_TDISP_VERSION", "GET_TDISP_CAPABILITIES",
		"LOCK_INTERFACE_REQUEST", "GET_DEVICE_INTERFACE_REPORT",
		"GET_DEVICE_INTERFACE_STATE", "START_INTERFACE_REQUEST",
		"STOP_INTERFACE_REQUEST", "BIND_P2P_STREAM_REQUEST",
		"UNBIND_P2P_STREAM_REQUEST", "SET_MMIO_ATTRIBUTE_REQUEST",
		"VDM_REQUEST",
	};
	static const u32 codes[] = {
		1, 3, 4, 5, 7, 0x41, 0xff, 0x101, 0x102, 0x103, 0x104,
	};
	unsigned int n, named = 0;

	for (n = 0; n < 256; n++) {
		const char *should = "TDISP";

		if (n >= 0x81 && n < 0x80 + ARRAY_SIZE(request_types))
			should = request_types[n - 0x80];
		else if (n && n < ARRAY_SIZE(types))
			should = types[n];
		else if (n == 0x7f)
			should = "TDISP_ERROR";
		CHECK(!strcmp(tdisp_msg_name((u8)n), should));
		CHECK(!strcmp(tdisp_state_name((u8)n),
			      n == 0 ? "CONFIG_UNLOCKED" :
			      n == 1 ? "CONFIG_LOCKED" :
			      n == 2 ? "RUN" : n == 3 ? "ERROR" : "unknown"));
	}
	for (n = 0; n < 0x10000; n++)
		named += !!strcmp(tdisp_error_name(n), "unknown");
	CHECK_EQ(named, ARRAY_SIZE(codes));
	for (n = 0; n < ARRAY_SIZE(codes); n++)
		CHECK(strcmp(tdisp_error_name(codes[n]), "unknown"));
	CHECK(!strcmp(tdisp_error_name(0x41), "VERSION_MISMATCH"));
	CHECK(!strcmp(tdisp_error_name(0x101), "INVALID_INTERFACE"));
	return true;
}

const struct test tdisp_tests[] = {
	{ "TDISP messages byte by byte, at every length", test_vectors },
	{ "TDISP versions", test_versions },
	{ "TDISP types, and which answers which", test_types },
	{ "TDISP interface ids", test_interface },
	{ "TDISP reserved fields", test_reserved },
	{ "TDISP values", test_values },
	{ "TDISP supported requests, in both readings", test_req_msgs },
	{ "TDISP reports in portions", test_report },
	{ "TDISP names", test_names },
	{ 0 }
};
