// SPDX-License-Identifier: GPL-2.0-only
/*
 * Truncated and mutated IDE_KM and TDISP messages, the same inside and outside
 * the kernel: what is accepted says what its bytes say.
 */
#include "ide-km.h"
#include "tdisp.h"
#include "test-fuzz.h"

static bool same_ide_km(const struct ide_km_msg *a, const struct ide_km_msg *b)
{
	/* Both are made by the parser: only the place of the registers differs */
	return a->object == b->object && a->port_index == b->port_index &&
	       a->stream_id == b->stream_id && a->key_set == b->key_set &&
	       a->direction == b->direction && a->sub_stream == b->sub_stream &&
	       a->status == b->status && a->dev_func == b->dev_func &&
	       a->bus == b->bus && a->segment == b->segment &&
	       a->max_port_index == b->max_port_index &&
	       a->nr_regs == b->nr_regs &&
	       !memcmp(a->key, b->key, sizeof(a->key)) &&
	       !memcmp(a->iv, b->iv, sizeof(a->iv)) &&
	       !memcmp(a->regs ?: a->key, b->regs ?: b->key,
		       a->regs ? 4 * a->nr_regs : 0);
}

/* What parses must survive being written and read again */
static int parse_ide_km(struct spdm_fuzz *f, size_t len)
{
	struct ide_km_msg msg, again;
	u8 *q = f->env->room + SPDM_RSP_SIZE - len;
	int n;

	f->messages++;
	if (ide_km_parse(fuzz_at_edge(f, len), len, &msg))
		return 0;
	f->accepted++;
	n = ide_km_encode(&msg, q, len);
	if (n < 0 || (size_t)n != len)
		return fuzz_wrong(f, "what was parsed cannot be encoded");
	if (ide_km_encode(&msg, q, len - 1) != -EMSGSIZE)
		return fuzz_wrong(f, "encoded into too little room");
	if (ide_km_parse(q, len, &again) || !same_ide_km(&msg, &again))
		return fuzz_wrong(f, "what was encoded reads differently");
	return 0;
}

/**
 * spdm_fuzz_ide_km() - tamper with IDE_KM objects
 * @f: zeroed but for the environment and the seed
 * @requests: those that a device parses, or those that it sends
 * @rounds: objects to mutate
 *
 * Return: 0, or -EINVAL and @f->what says what is wrong.
 */
int spdm_fuzz_ide_km(struct spdm_fuzz *f, bool requests, unsigned long rounds)
{
	static const u8 to_device[] = {
		IDE_KM_QUERY, IDE_KM_KEY_PROG, IDE_KM_K_SET_GO,
		IDE_KM_K_SET_STOP,
	};
	static const u8 from_device[] = {
		IDE_KM_QUERY_RESP, IDE_KM_KP_ACK, IDE_KM_K_GOSTOP_ACK,
	};
	const u8 *objects = requests ? to_device : from_device;
	unsigned int nr = requests ? ARRAY_SIZE(to_device) :
				     ARRAY_SIZE(from_device);
	struct ide_km_msg msg = {
		.stream_id = 3, .sub_stream = IDE_KM_NPR, .nr_regs = 12,
		.regs = f->msg + sizeof(f->msg) / 2,
	};
	unsigned long n;
	size_t len;
	int rc;

	for (n = 0; n < rounds + nr; n++) {
		msg.object = objects[n % nr];
		rc = ide_km_encode(&msg, f->msg, sizeof(f->msg) / 2);
		if (rc < 0)
			return fuzz_wrong(f, "no object");
		if (n < nr) {
			size_t all = rc;

			for (len = 0; len < all; len++) {
				unsigned long accepted = f->accepted;

				rc = parse_ide_km(f, len);
				if (rc)
					return rc;
				if (f->accepted != accepted &&
				    msg.object != IDE_KM_QUERY_RESP)
					return fuzz_wrong(f, "a truncated object");
			}
			continue;
		}
		len = rc;
		fuzz_mutate(f, f->msg, &len, sizeof(f->msg) / 2, false);
		rc = parse_ide_km(f, len);
		if (rc)
			return rc;
		f->env->breathe();
	}
	return 0;
}

/* Bits of byte @at that say nothing in a TDISP message of that type */
static u8 tdisp_reserved(u8 type, size_t at)
{
	switch (at) {
	case 2:
	case 3:
	case 8 ... 15:
		return 0xff;
	case 7:
		return 0xfe;
	case 19:
		return type == TDISP_LOCK_INTERFACE_REQUEST ? 0xff : 0;
	case 38 ... 40:
		return type == TDISP_CAPABILITIES ? 0xff : 0;
	}
	return 0;
}

/* A request that cannot be parsed is answered by an error that can be */
static int refused_tdisp(struct spdm_fuzz *f, const struct tdisp_msg *req,
			 int rc)
{
	struct tdisp_msg rsp, again;
	int n;

	if (rc != -EBADMSG && rc != -EPROTONOSUPPORT && rc != -EOPNOTSUPP)
		return fuzz_wrong(f, "an error that is not documented");
	tdisp_error_to(req, tdisp_parse_error_code(rc), &rsp);
	n = tdisp_encode(&rsp, f->env->room, SPDM_RSP_SIZE);
	if (n < 0 || tdisp_parse_response(f->env->room, n, req, &again))
		return fuzz_wrong(f, "no answer to what is refused");
	return 0;
}

/* What parses says what the bytes say, but for what is reserved */
static int parse_tdisp(struct spdm_fuzz *f, size_t len,
		       const struct tdisp_msg *req)
{
	u8 *p = fuzz_at_edge(f, len), *q = f->env->room + SPDM_RSP_SIZE - len;
	struct tdisp_msg msg;
	size_t i;
	int rc;

	f->messages++;
	rc = req ? tdisp_parse_response(p, len, req, &msg) :
		   tdisp_parse_request(p, len, &msg);
	if (rc && !req)
		return refused_tdisp(f, &msg, rc);
	if (rc && rc != -EBADMSG && rc != -EPROTONOSUPPORT && rc != -EPROTO)
		return fuzz_wrong(f, "an error that is not documented");
	if (rc)
		return 0;

	f->accepted++;
	rc = tdisp_encode(&msg, q, len);
	if (rc < 0 || (size_t)rc != len)
		return fuzz_wrong(f, "what was parsed cannot be encoded");
	for (i = 0; i < len; i++)
		if (q[i] != (p[i] & ~tdisp_reserved(msg.type, i)))
			return fuzz_wrong(f, "what was parsed reads differently");
	if (tdisp_encode(&msg, q, len - 1) != -EMSGSIZE)
		return fuzz_wrong(f, "encoded into too little room");
	return 0;
}

static const u8 tdisp_requests[] = {
	TDISP_GET_VERSION, TDISP_GET_CAPABILITIES, TDISP_LOCK_INTERFACE_REQUEST,
	TDISP_GET_DEVICE_INTERFACE_REPORT, TDISP_GET_DEVICE_INTERFACE_STATE,
	TDISP_START_INTERFACE_REQUEST, TDISP_STOP_INTERFACE_REQUEST,
};

/* Any request, or one in eight times with an error, the answer to it */
static void make_tdisp(struct spdm_fuzz *f, bool request, unsigned long n,
		       struct tdisp_msg *req, struct tdisp_msg *msg)
{
	memset(req, 0, sizeof(*req));
	req->type = tdisp_requests[n % ARRAY_SIZE(tdisp_requests)];
	req->rid = (u16)fuzz_prng(f);
	req->segment = (u8)fuzz_prng(f);
	req->segment_valid = fuzz_prng(f) & 1;
	if (req->type == TDISP_GET_DEVICE_INTERFACE_REPORT)
		req->get_report.length = 1 + fuzz_below(f, 600);
	*msg = *req;
	if (request)
		return;

	tdisp_response_to(req, msg);
	if (!(fuzz_prng(f) & 7))
		tdisp_error_to(req, fuzz_prng(f) & 1 ? TDISP_VENDOR_SPECIFIC_ERROR :
			       TDISP_BUSY, msg);
	switch (msg->type) {
	case TDISP_VERSION:
		msg->versions.count = 1 + fuzz_below(f, fuzz_prng(f) & 3 ? 4 : 255);
		msg->versions.entries = f->good;
		break;
	case TDISP_DEVICE_INTERFACE_REPORT:
		msg->report.length = 1 + fuzz_below(f, req->get_report.length);
		msg->report.remainder = (u16)fuzz_prng(f);
		msg->report.portion = f->good;
		break;
	case TDISP_ERROR:
		if (msg->error.code == TDISP_VENDOR_SPECIFIC_ERROR)
			msg->error.data = fuzz_below(f, 40);
		msg->error.ext = f->good;
		break;
	}
}

/**
 * spdm_fuzz_tdisp() - tamper with TDISP messages
 * @f: zeroed but for the environment and the seed
 * @requests: those that a device parses, or those that it sends
 * @rounds: messages to mutate
 *
 * Return: 0, or -EINVAL and @f->what says what is wrong.
 */
int spdm_fuzz_tdisp(struct spdm_fuzz *f, bool requests, unsigned long rounds)
{
	struct tdisp_msg req, msg;
	unsigned long n;
	size_t len;
	int rc;

	for (n = 0; n < rounds; n++) {
		make_tdisp(f, requests, n, &req, &msg);
		rc = tdisp_encode(&msg, f->msg, sizeof(f->msg) / 2);
		if (rc < 0)
			return fuzz_wrong(f, "no message");
		len = rc;
		/* Now and then all truncations of one */
		while (!(n & 0xff) && len--) {
			unsigned long accepted = f->accepted;

			rc = parse_tdisp(f, len, requests ? NULL : &req);
			if (rc)
				return rc;
			if (f->accepted != accepted)
				return fuzz_wrong(f, "a truncated message");
		}
		if (!(n & 0xff))
			continue;
		fuzz_mutate(f, f->msg, &len, sizeof(f->msg) / 2, false);
		rc = parse_tdisp(f, len, requests ? NULL : &req);
		if (rc)
			return rc;
		f->env->breathe();
	}
	return 0;
}
