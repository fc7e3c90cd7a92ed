// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the simulated device's end of TDISP, over a real session.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>
#include <linux/unaligned.h>

#include "test-tdi.h"

/* One function of each kind, and one that is not the first of its kind */
static const int some_fns[] = { PF0, PF1, VF0, VF2 };

/* All requests, by what becomes of them in each state */
struct request {
	u8 type;
	u16 payload;
	u32 error[4];
	u8 state[4];
};

#define OK	0
#define BAD	TDISP_INVALID_INTERFACE_STATE
#define UNSUP	TDISP_UNSUPPORTED_REQUEST
#define SAME	{ 0, 1, 2, 3 }

static const struct request requests[] = {
	{ TDISP_GET_VERSION, 0, { OK, OK, OK, OK }, SAME },
	{ TDISP_GET_CAPABILITIES, 4, { OK, OK, OK, OK }, SAME },
	{ TDISP_LOCK_INTERFACE_REQUEST, 20, { OK, BAD, BAD, BAD },
	  { 1, 1, 2, 3 } },
	{ TDISP_GET_DEVICE_INTERFACE_REPORT, 4, { BAD, OK, OK, BAD }, SAME },
	{ TDISP_GET_DEVICE_INTERFACE_STATE, 0, { OK, OK, OK, OK }, SAME },
	{ TDISP_START_INTERFACE_REQUEST, 32, { BAD, OK, BAD, BAD },
	  { 0, 2, 2, 3 } },
	{ TDISP_STOP_INTERFACE_REQUEST, 0, { OK, OK, OK, OK }, { 0, 0, 0, 0 } },
	{ TDISP_BIND_P2P_STREAM_REQUEST, 1, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	{ TDISP_UNBIND_P2P_STREAM_REQUEST, 1, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	{ TDISP_SET_MMIO_ATTRIBUTE_REQUEST, 16, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	{ TDISP_VDM_REQUEST, 9, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	{ 0x80, 0, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	{ 0x8c, 0, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	{ 0xff, 0, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	/* No requests at all */
	{ TDISP_STOP_INTERFACE_RESPONSE, 0, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	{ TDISP_ERROR, 8, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
	{ 0x00, 0, { UNSUP, UNSUP, UNSUP, UNSUP }, SAME },
};

/* A request as good as it can be, byte by byte; returns its length */
static size_t request_bytes(struct kunit *test, const struct request *r, int fn,
			    u8 *buf)
{
	struct tdi_test *t = to_tdi_test(test);

	memset(buf, 0, TDISP_HDR_SIZE + r->payload);
	buf[0] = TDISP_VERSION_1_0;
	buf[1] = r->type;
	put_unaligned_le32(tdi_request(test, fn, 0).rid, buf + 4);
	switch (r->type) {
	case TDISP_LOCK_INTERFACE_REQUEST:
		buf[TDISP_HDR_SIZE + 2] = TEST_STREAM;
		break;
	case TDISP_GET_DEVICE_INTERFACE_REPORT:
		put_unaligned_le16(U16_MAX, buf + TDISP_HDR_SIZE + 2);
		break;
	case TDISP_START_INTERFACE_REQUEST:
		memcpy(buf + TDISP_HDR_SIZE, t->nonce[fn], TDISP_NONCE_SIZE);
		break;
	}
	return TDISP_HDR_SIZE + r->payload;
}

/* Every request in every state, of functions of every kind */
static void tdisp_states(struct kunit *test)
{
	u8 buf[64];

	for (int i = 0; i < ARRAY_SIZE(some_fns); i++) {
		for (int k = 0; k < ARRAY_SIZE(requests); k++) {
			const struct request *r = &requests[k];

			for (u8 state = 0; state < 4; state++) {
				size_t len;

				tdi_to_state(test, some_fns[i], state);
				len = request_bytes(test, r, some_fns[i], buf);
				KUNIT_EXPECT_EQ_MSG(test, r->error[state],
						    tdi_send_raw(test, buf, len),
						    "%#x in state %u", r->type,
						    state);
				KUNIT_EXPECT_EQ_MSG(test, r->state[state],
						    tdi_state(test, some_fns[i]),
						    "%#x in state %u", r->type,
						    state);
			}
		}
		tdi_to_state(test, some_fns[i], SIM_TDI_UNLOCKED);
	}
	/* The others never moved */
	KUNIT_EXPECT_EQ(test, tdi_state(test, VF1), SIM_TDI_UNLOCKED);
}

/* What GET_STATE says is what is so */
static void tdisp_get_state(struct kunit *test)
{
	for (int i = 0; i < ARRAY_SIZE(some_fns); i++) {
		for (u8 state = 0; state < 4; state++) {
			tdi_to_state(test, some_fns[i], state);
			KUNIT_EXPECT_EQ(test, 0,
					tdi_simple(test, some_fns[i],
						   TDISP_GET_DEVICE_INTERFACE_STATE));
			KUNIT_EXPECT_EQ(test, to_tdi_test(test)->rsp.state,
					state);
		}
	}
}

static void tdisp_capabilities(struct kunit *test)
{
	const struct tdisp_msg *rsp = &to_tdi_test(test)->rsp;

	KUNIT_ASSERT_EQ(test, 0, tdi_simple(test, VF1, TDISP_GET_VERSION));
	KUNIT_ASSERT_EQ(test, rsp->versions.count, 1);
	KUNIT_EXPECT_EQ(test, rsp->versions.entries[0], TDISP_VERSION_1_0);

	KUNIT_ASSERT_EQ(test, 0, tdi_simple(test, VF1, TDISP_GET_CAPABILITIES));
	KUNIT_EXPECT_EQ(test, rsp->caps.dsm_caps, 0);
	/* The mandatory requests in either reading of the bitmap, and no VDM */
	KUNIT_EXPECT_EQ(test, rsp->caps.req_msgs[0], 0xff);
	for (int i = 1; i < TDISP_REQ_MSGS_SIZE; i++)
		KUNIT_EXPECT_EQ(test, rsp->caps.req_msgs[i], 0);
	KUNIT_EXPECT_EQ(test, rsp->caps.lock_flags,
			TDISP_LOCK_FLAGS & ~TDISP_LOCK_BIND_P2P);
	KUNIT_EXPECT_GE(test, rsp->caps.dev_addr_width, 52);
	KUNIT_EXPECT_GT(test, rsp->caps.num_req_this, 0);
	KUNIT_EXPECT_GT(test, rsp->caps.num_req_all, 0);
}

/* All but version and capabilities are refused */
static void expect_too_early(struct kunit *test)
{
	u8 buf[64];

	for (int k = 2; k < ARRAY_SIZE(requests); k++) {
		size_t len = request_bytes(test, &requests[k], PF0, buf);
		u32 error = tdi_send_raw(test, buf, len);

		if (requests[k].error[0] == UNSUP)
			KUNIT_EXPECT_EQ(test, error, UNSUP);
		else
			KUNIT_EXPECT_EQ(test, error, TDISP_INVALID_REQUEST);
		KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_UNLOCKED);
	}
}

/* A session begins with version and capabilities, also if an older one did */
static void tdisp_order(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, tdi_connect(test), 0);
	tdi_stream_secure(test);

	expect_too_early(test);
	KUNIT_EXPECT_EQ(test, TDISP_INVALID_REQUEST,
			tdi_simple(test, PF0, TDISP_GET_CAPABILITIES));
	/* Of any function */
	KUNIT_EXPECT_EQ(test, 0, tdi_simple(test, PF1, TDISP_GET_VERSION));
	expect_too_early(test);
	KUNIT_EXPECT_EQ(test, 0, tdi_simple(test, VF0, TDISP_GET_CAPABILITIES));
	KUNIT_EXPECT_EQ(test, tdi_lock(test, PF0), 0);

	/* Asking again changes nothing */
	KUNIT_EXPECT_EQ(test, 0, tdi_simple(test, PF0, TDISP_GET_VERSION));
	KUNIT_EXPECT_EQ(test, tdi_start(test, PF0), 0);
}

/* Each length but the right one, in each state */
static void tdisp_lengths(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	u8 buf[TDISP_HDR_SIZE + 64] = {};

	for (int k = 0; k < 7; k++) {
		const struct request *r = &requests[k];

		for (u8 state = 0; state < 4; state++) {
			tdi_to_state(test, VF1, state);
			memset(buf, 0, sizeof(buf));
			request_bytes(test, r, VF1, buf);
			for (size_t len = TDISP_HDR_SIZE; len < sizeof(buf); len++) {
				if (len == TDISP_HDR_SIZE + r->payload)
					continue;
				KUNIT_EXPECT_EQ(test, TDISP_INVALID_REQUEST,
						tdi_send_raw(test, buf, len));
				KUNIT_EXPECT_EQ(test, tdi_state(test, VF1), state);
			}
		}
	}

	/* Without a header nothing can be said about a function: an SPDM error */
	for (size_t len = 1; len < TDISP_HDR_SIZE; len++)
		KUNIT_EXPECT_EQ(test, tdi_send(test, buf, len), -EPROTO);
	t->session = spdm_requester_session(&t->requester);
	for (size_t len = 0; len < TDISP_HDR_SIZE; len++)
		KUNIT_EXPECT_EQ(test, tdi_send(test, buf, len), -EINVAL);
	/* Nor in an answer without room */
	scoped_guard(mutex, &t->d->dsm->lock)
		KUNIT_EXPECT_EQ(test, -EMSGSIZE,
				sim_tdisp_request(t->d->dsm, t->session, buf,
						  TDISP_HDR_SIZE, t->payload,
						  TDISP_HDR_SIZE - 1));
}

static void tdisp_versions(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	u8 buf[64];

	t->session = spdm_requester_session(&t->requester);
	for (int k = 0; k < ARRAY_SIZE(requests); k++) {
		size_t len = request_bytes(test, &requests[k], PF1, buf);

		for (int version = 0; version < 256; version++) {
			if (version == TDISP_VERSION_1_0)
				continue;
			buf[0] = version;
			KUNIT_EXPECT_EQ(test, TDISP_VERSION_MISMATCH,
					tdi_send_raw(test, buf, len));
		}
	}
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF1), SIM_TDI_UNLOCKED);
}

/* Only ids of functions that are there, and only of this segment */
static void tdisp_interfaces(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	struct tdisp_msg req = tdi_request(test, PF0,
					   TDISP_GET_DEVICE_INTERFACE_STATE);
	unsigned int found = 0;
	u8 buf[64];

	t->session = spdm_requester_session(&t->requester);
	for (unsigned int rid = (TEST_BUS - 1) << 8; rid < (TEST_BUS + 2) << 8; rid++) {
		req.rid = rid;
		if (!tdi_ask(test, &req))
			found++;
		else
			KUNIT_EXPECT_EQ(test, t->rsp.error.code,
					TDISP_INVALID_INTERFACE);
	}
	KUNIT_EXPECT_EQ(test, found, NR_FNS);

	/* That of any request, and then it is not done */
	for (int k = 0; k < 7; k++) {
		size_t len = request_bytes(test, &requests[k], PF0, buf);

		put_unaligned_le16(2, buf + 4);
		KUNIT_EXPECT_EQ(test, TDISP_INVALID_INTERFACE,
				tdi_send_raw(test, buf, len));
	}

	/* Segment 0, if any; what is reserved does not matter */
	req = tdi_request(test, VF0, TDISP_GET_DEVICE_INTERFACE_STATE);
	for (int segment = 0; segment < 256; segment++) {
		req.segment = segment;
		req.segment_valid = true;
		KUNIT_EXPECT_EQ(test, segment ? TDISP_INVALID_INTERFACE : 0,
				tdi_ask(test, &req));
		req.segment_valid = false;
		KUNIT_EXPECT_EQ(test, tdi_ask(test, &req), 0);
	}
	request_bytes(test, &requests[4], VF0, buf);
	memset(buf + 2, 0xff, 2);
	buf[7] |= 0xfe;
	memset(buf + 8, 0xff, 8);
	KUNIT_EXPECT_EQ(test, tdi_send_raw(test, buf, TDISP_HDR_SIZE), 0);

	/* A virtual function that is not enabled is none */
	tdi_cfg_write(test, PF0, SIM_EXT_SRIOV + PCI_SRIOV_CTRL, 2, 0);
	KUNIT_EXPECT_EQ(test, TDISP_INVALID_INTERFACE,
			tdi_simple(test, VF0, TDISP_STOP_INTERFACE_REQUEST));
	KUNIT_EXPECT_EQ(test, 0,
			tdi_simple(test, PF1, TDISP_STOP_INTERFACE_REQUEST));
}

/* Outside a session there is no answer, and no effect (11.2.2) */
static void tdisp_outside_session(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	struct spdm_vendor vendor = {
		.hdr.version = SPDM_VERSION_12,
		.hdr.code = SPDM_VENDOR_DEFINED,
		.standard_id = cpu_to_le16(SPDM_STANDARD_PCISIG),
		.vendor_id_len = 2,
		.vendor_id = cpu_to_le16(SPDM_VENDOR_PCISIG),
		.protocol_id = TDISP_PROTOCOL_ID,
	};
	u8 object[128] = {};

	tdi_to_state(test, PF0, SIM_TDI_RUN);
	for (int k = 0; k < 7; k++) {
		size_t len = request_bytes(test, &requests[k], PF0,
					   object + sizeof(vendor));

		vendor.payload_len = cpu_to_le16(len + 1);
		memcpy(object, &vendor, sizeof(vendor));
		KUNIT_EXPECT_EQ(test, 0,
				sim_dsm_exchange(t->d, SPDM_DOE_CMA, object,
						 round_up(sizeof(vendor) + len, 4),
						 t->object, sizeof(t->object)));
		KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_RUN);
	}
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF0), 0);
}

static bool nonce_is_gone(struct kunit *test, int fn)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	return !memchr_inv(d->fn[fn].tdi.nonce, 0, SIM_TDI_NONCE_BYTES);
}

static void tdisp_nonces(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	u8 old[TDISP_NONCE_SIZE];

	for (int i = 0; i < ARRAY_SIZE(some_fns); i++) {
		int fn = some_fns[i];

		KUNIT_ASSERT_EQ(test, tdi_lock(test, fn), 0);
		KUNIT_EXPECT_FALSE(test, nonce_is_gone(test, fn));
		memcpy(old, t->nonce[fn], sizeof(old));

		/* A wrong one changes nothing, and the right one is still good */
		for (int bit = 0; bit < 8 * TDISP_NONCE_SIZE; bit += 7) {
			t->nonce[fn][bit / 8] ^= 1 << bit % 8;
			KUNIT_EXPECT_EQ(test, tdi_start(test, fn),
					TDISP_INVALID_NONCE);
			KUNIT_EXPECT_EQ(test, tdi_state(test, fn),
					SIM_TDI_LOCKED);
			t->nonce[fn][bit / 8] ^= 1 << bit % 8;
		}
		KUNIT_EXPECT_EQ(test, tdi_start(test, fn), 0);
		KUNIT_EXPECT_TRUE(test, nonce_is_gone(test, fn));

		/* One lock, one nonce */
		KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
		KUNIT_ASSERT_EQ(test, tdi_lock(test, fn), 0);
		KUNIT_EXPECT_MEMNEQ(test, old, t->nonce[fn], sizeof(old));
		memcpy(t->nonce[fn], old, sizeof(old));
		KUNIT_EXPECT_EQ(test, tdi_start(test, fn), TDISP_INVALID_NONCE);

		/* It goes with the lock, however that ends */
		KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
		KUNIT_EXPECT_TRUE(test, nonce_is_gone(test, fn));
		tdi_to_state(test, fn, SIM_TDI_ERROR);
		KUNIT_EXPECT_TRUE(test, nonce_is_gone(test, fn));
		KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
		/* Not even zeroes start what is not locked */
		memset(t->nonce[fn], 0, sizeof(old));
		KUNIT_EXPECT_EQ(test, tdi_start(test, fn), BAD);
	}

	/* That of another function does not do */
	KUNIT_ASSERT_EQ(test, tdi_lock(test, PF0), 0);
	KUNIT_ASSERT_EQ(test, tdi_lock(test, VF0), 0);
	memcpy(t->nonce[VF0], t->nonce[PF0], sizeof(old));
	KUNIT_EXPECT_EQ(test, tdi_start(test, VF0), TDISP_INVALID_NONCE);
	KUNIT_EXPECT_EQ(test, tdi_start(test, PF0), 0);
}

/* Functions in CONFIG_LOCKED, RUN, ERROR and CONFIG_UNLOCKED when it ends */
static void session_states(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	for (int fn = PF0; fn < NR_FNS; fn++)
		tdi_to_state(test, fn, SIM_TDI_UNLOCKED);
	tdi_to_state(test, PF0, SIM_TDI_LOCKED);
	tdi_to_state(test, PF1, SIM_TDI_RUN);
	tdi_to_state(test, VF0, SIM_TDI_ERROR);
	tdi_to_state(test, VF1, SIM_TDI_RUN);
	memset(d->tdi_errors, 0, sizeof(d->tdi_errors));
}

static void expect_session_ended(struct kunit *test)
{
	static const u8 states[NR_FNS] = {
		SIM_TDI_ERROR, SIM_TDI_ERROR, SIM_TDI_ERROR, SIM_TDI_ERROR,
		SIM_TDI_UNLOCKED,
	};
	struct sim_device *d = to_dev(test);

	for (int fn = PF0; fn < NR_FNS; fn++)
		KUNIT_EXPECT_EQ(test, tdi_state(test, fn), states[fn]);
	KUNIT_EXPECT_EQ(test, d->tdi_errors[SIM_TDI_SESSION], 3);
	KUNIT_EXPECT_EQ(test, d->tdi_errors[SIM_TDI_STREAM], 0);
}

/* And a new session finds them in ERROR, and can stop them */
static void session_again(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, tdi_connect(test), 0);
	tdi_stream_secure(test);
	tdi_negotiate(test);
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_ERROR);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, PF0), BAD);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF0), 0);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, PF0), 0);
	KUNIT_EXPECT_EQ(test, tdi_start(test, PF0), 0);
}

static void tdisp_session_ends(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);

	session_states(test);
	KUNIT_ASSERT_EQ(test, tdi_session_end(test), 0);
	expect_session_ended(test);
	session_again(test);

	/* GET_VERSION of a requester that knows of no session */
	session_states(test);
	spdm_requester_wipe(&t->requester);
	KUNIT_ASSERT_EQ(test, tdi_connect(test), 0);
	expect_session_ended(test);
	session_again(test);

	/* Conventional reset, of the session alone */
	session_states(test);
	sim_dsm_session_reset(t->d);
	expect_session_ended(test);
	spdm_requester_wipe(&t->requester);
	session_again(test);
}

/*
 * A session that did not key the stream locks nothing, and a lock of another
 * one is not its business; but it may ask, and stop.
 */
static void tdisp_two_sessions(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	u8 report[SIM_TDI_REPORT_BYTES];

	tdi_to_state(test, PF0, SIM_TDI_LOCKED);
	tdi_to_state(test, VF0, SIM_TDI_RUN);

	t->session = TEST_OTHER_SESSION;
	KUNIT_EXPECT_EQ(test, tdi_lock(test, VF1), TDISP_INVALID_REQUEST);
	tdi_negotiate(test);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, VF1), TDISP_INVALID_REQUEST);
	KUNIT_EXPECT_EQ(test, tdi_state(test, VF1), SIM_TDI_UNLOCKED);
	KUNIT_EXPECT_EQ(test, tdi_start(test, PF0), TDISP_INVALID_REQUEST);
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_LOCKED);
	KUNIT_EXPECT_EQ(test, 0, tdi_report(test, PF0, report, sizeof(report)));
	KUNIT_EXPECT_EQ(test, t->rsp.error.code, TDISP_INVALID_REQUEST);
	KUNIT_EXPECT_EQ(test, 0,
			tdi_simple(test, VF0,
				   TDISP_GET_DEVICE_INTERFACE_STATE));
	KUNIT_EXPECT_EQ(test, t->rsp.state, SIM_TDI_RUN);

	/* Its end hurts nobody, and the next one begins anew */
	scoped_guard(mutex, &t->d->dsm->lock)
		sim_tdisp_session_end(t->d->dsm, TEST_OTHER_SESSION);
	KUNIT_EXPECT_EQ(test, tdi_state(test, PF0), SIM_TDI_LOCKED);
	KUNIT_EXPECT_EQ(test, tdi_state(test, VF0), SIM_TDI_RUN);
	KUNIT_EXPECT_EQ(test, TDISP_INVALID_REQUEST,
			tdi_simple(test, VF0,
				   TDISP_GET_DEVICE_INTERFACE_STATE));
	tdi_negotiate(test);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, VF0), 0);
	scoped_guard(mutex, &t->d->dsm->lock)
		sim_tdisp_session_end(t->d->dsm, TEST_OTHER_SESSION);

	t->session = 0;
	KUNIT_EXPECT_EQ(test, tdi_start(test, PF0), 0);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, VF0), 0);
}

static struct kunit_case tdisp_test_cases[] = {
	KUNIT_CASE_SLOW(tdisp_states),
	KUNIT_CASE_SLOW(tdisp_get_state),
	KUNIT_CASE_SLOW(tdisp_capabilities),
	KUNIT_CASE_SLOW(tdisp_order),
	KUNIT_CASE_SLOW(tdisp_lengths),
	KUNIT_CASE_SLOW(tdisp_versions),
	KUNIT_CASE_SLOW(tdisp_interfaces),
	KUNIT_CASE_SLOW(tdisp_outside_session),
	KUNIT_CASE_SLOW(tdisp_nonces),
	KUNIT_CASE_SLOW(tdisp_session_ends),
	KUNIT_CASE_SLOW(tdisp_two_sessions),
	{}
};

static struct kunit_suite tdisp_test_suite = {
	.name = "tsm-sim-tdisp",
	.init = tdi_test_init,
	.exit = tdi_test_exit,
	.test_cases = tdisp_test_cases,
};

kunit_test_suite(tdisp_test_suite);
