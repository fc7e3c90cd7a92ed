// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of TDISP_ERROR (PCIe r6.1 table 11-27): each code where the device
 * answers it, and which one if there are several reasons. What it is answered to
 * in full is for other tests:
 *
 *	INVALID_REQUEST			tdisp_lengths, tdisp_order,
 *					tdisp_two_sessions, lock_flags,
 *					lock_stream, lock_keys, lock_offsets,
 *					report_portions
 *	BUSY				lock_busy, lock_races_dma
 *	INVALID_INTERFACE_STATE		tdisp_states
 *	UNSPECIFIED			stop_gives_up
 *	UNSUPPORTED_REQUEST		tdisp_states
 *	VERSION_MISMATCH		tdisp_versions
 *	VENDOR_SPECIFIC_ERROR		this device has none of its own; as a
 *					fault: errors_vendor
 *	INVALID_INTERFACE		tdisp_interfaces
 *	INVALID_NONCE			tdisp_nonces
 *	INSUFFICIENT_ENTROPY		errors_entropy
 *	INVALID_DEVICE_CONFIGURATION	lock_config, lock_config_bars
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/unaligned.h>

#include "test-tdi.h"

#define LOCK_LEN	(TDISP_HDR_SIZE + 20)

/**
 * struct attempt - a LOCK_INTERFACE_REQUEST
 * @fn: function
 * @rid: its number
 * @len: bytes of @buf
 * @buf: the request
 */
struct attempt {
	int fn;
	u16 rid;
	size_t len;
	u8 buf[LOCK_LEN];
};

static void attempt_begin(struct kunit *test, struct attempt *a, int fn)
{
	*a = (struct attempt) {
		.fn = fn,
		.rid = tdi_request(test, fn, 0).rid,
		.len = LOCK_LEN,
		.buf = { TDISP_VERSION_1_0, TDISP_LOCK_INTERFACE_REQUEST },
	};
	put_unaligned_le32(a->rid, a->buf + 4);
	a->buf[TDISP_HDR_SIZE + 2] = TEST_STREAM;
}

static void spoil_version(struct kunit *test, struct attempt *a, bool on)
{
	a->buf[0] = on ? 0x20 : TDISP_VERSION_1_0;
}

static void spoil_length(struct kunit *test, struct attempt *a, bool on)
{
	a->len = on ? LOCK_LEN - 1 : LOCK_LEN;
}

static void spoil_interface(struct kunit *test, struct attempt *a, bool on)
{
	/* Behind the PFs, before the VFs */
	put_unaligned_le16(on ? TEST_BUS << 8 | TEST_PFS : a->rid, a->buf + 4);
}

static void spoil_state(struct kunit *test, struct attempt *a, bool on)
{
	struct sim_device *d = to_dev(test);

	if (on) {
		tdi_to_state(test, a->fn, SIM_TDI_LOCKED);
		return;
	}
	guard(raw_spinlock_irqsave)(&d->lock);
	sim_tdi_unlock(&d->fn[a->fn]);
}

static void spoil_flags(struct kunit *test, struct attempt *a, bool on)
{
	a->buf[TDISP_HDR_SIZE + 1] = on ? 0x80 : 0;
}

static void spoil_stream(struct kunit *test, struct attempt *a, bool on)
{
	a->buf[TDISP_HDR_SIZE + 2] = on ? !TEST_STREAM : TEST_STREAM;
}

static void spoil_offset(struct kunit *test, struct attempt *a, bool on)
{
	a->buf[TDISP_HDR_SIZE + 4] = on;
}

static void spoil_entropy(struct kunit *test, struct attempt *a, bool on)
{
	KUNIT_ASSERT_EQ(test, 0, sim_fault_parse(to_dev(test), on ?
						 "no-entropy" : "none"));
}

static void spoil_config(struct kunit *test, struct attempt *a, bool on)
{
	/* D3hot, which a locked function bears */
	tdi_cfg_write(test, a->fn, SIM_CAP_PM + PCI_PM_CTRL, 2, on ? 3 : 0);
}

static void spoil_quiet(struct kunit *test, struct attempt *a, bool on)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	d->fn[a->fn].dma.in_flight = on;
}

/* Why a lock may be refused: what is wrong with the message comes first (11.3.8) */
static const struct {
	const char *what;
	u32 error;
	void (*spoil)(struct kunit *test, struct attempt *a, bool on);
} reasons[] = {
	{ "version", TDISP_VERSION_MISMATCH, spoil_version },
	{ "length", TDISP_INVALID_REQUEST, spoil_length },
	{ "interface", TDISP_INVALID_INTERFACE, spoil_interface },
	{ "state", TDISP_INVALID_INTERFACE_STATE, spoil_state },
	{ "flags", TDISP_INVALID_REQUEST, spoil_flags },
	{ "stream", TDISP_INVALID_REQUEST, spoil_stream },
	{ "offset", TDISP_INVALID_REQUEST, spoil_offset },
	{ "entropy", TDISP_INSUFFICIENT_ENTROPY, spoil_entropy },
	{ "configuration", TDISP_INVALID_DEVICE_CONFIGURATION, spoil_config },
	{ "quiet", TDISP_BUSY, spoil_quiet },
};

/* Each alone is a reason, and nothing is left of the attempt */
static void errors_alone(struct kunit *test)
{
	struct attempt a;

	for (int fn = PF0; fn <= VF1; fn += VF1) {
		attempt_begin(test, &a, fn);
		for (int i = 0; i < ARRAY_SIZE(reasons); i++) {
			u8 before;

			reasons[i].spoil(test, &a, true);
			before = tdi_state(test, fn);
			KUNIT_EXPECT_EQ_MSG(test, reasons[i].error,
					    tdi_send_raw(test, a.buf, a.len),
					    "%s", reasons[i].what);
			KUNIT_EXPECT_EQ_MSG(test, tdi_state(test, fn), before,
					    "%s", reasons[i].what);
			reasons[i].spoil(test, &a, false);
			KUNIT_EXPECT_EQ_MSG(test, 0,
					    tdi_send_raw(test, a.buf, a.len),
					    "after %s", reasons[i].what);
			KUNIT_EXPECT_EQ(test, tdi_stop(test, fn), 0);
		}
	}
}

/* All at once, and one less each time: the first one that is left is told */
static void errors_order(struct kunit *test)
{
	struct attempt a;

	attempt_begin(test, &a, VF0);
	for (int i = 0; i < ARRAY_SIZE(reasons); i++)
		reasons[i].spoil(test, &a, true);
	for (int i = 0; i < ARRAY_SIZE(reasons); i++) {
		KUNIT_EXPECT_EQ_MSG(test, reasons[i].error,
				    tdi_send_raw(test, a.buf, a.len), "%s",
				    reasons[i].what);
		reasons[i].spoil(test, &a, false);
	}
	KUNIT_EXPECT_EQ(test, tdi_send_raw(test, a.buf, a.len), 0);
	KUNIT_EXPECT_EQ(test, tdi_state(test, VF0), SIM_TDI_LOCKED);
}

/* No nonce, no lock; all else works, also what uses a nonce that there is */
static void errors_entropy(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	KUNIT_ASSERT_EQ(test, tdi_lock(test, PF0), 0);
	KUNIT_ASSERT_EQ(test, sim_fault_parse(d, "no-entropy"), 0);
	for (int fn = PF1; fn < NR_FNS; fn++) {
		KUNIT_EXPECT_EQ(test, tdi_lock(test, fn),
				TDISP_INSUFFICIENT_ENTROPY);
		KUNIT_EXPECT_EQ(test, tdi_state(test, fn), SIM_TDI_UNLOCKED);
	}
	KUNIT_EXPECT_EQ(test, sim_fault_hits(d), NR_FNS - PF1);
	KUNIT_EXPECT_EQ(test, tdi_start(test, PF0), 0);
	KUNIT_EXPECT_EQ(test, tdi_stop(test, PF0), 0);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, PF0), TDISP_INSUFFICIENT_ENTROPY);
	KUNIT_ASSERT_EQ(test, sim_fault_parse(d, "none"), 0);
	KUNIT_EXPECT_EQ(test, tdi_lock(test, PF0), 0);
}

/* Extended data is what its length says, which is none */
static void errors_vendor(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);

	KUNIT_ASSERT_EQ(test, 0, sim_fault_parse(t->d, "tdisp-error 3 255"));
	KUNIT_EXPECT_EQ(test, tdi_lock(test, VF2), TDISP_VENDOR_SPECIFIC_ERROR);
	KUNIT_EXPECT_EQ(test, t->rsp.error.data, 0);
	KUNIT_EXPECT_EQ(test, t->payload_len, TDISP_HDR_SIZE + 8);
	KUNIT_EXPECT_EQ(test, tdi_state(test, VF2), SIM_TDI_UNLOCKED);
}

static struct kunit_case errors_test_cases[] = {
	KUNIT_CASE_SLOW(errors_alone),
	KUNIT_CASE_SLOW(errors_order),
	KUNIT_CASE_SLOW(errors_entropy),
	KUNIT_CASE_SLOW(errors_vendor),
	{}
};

static struct kunit_suite errors_test_suite = {
	.name = "tsm-sim-errors",
	.init = tdi_test_init,
	.exit = tdi_test_exit,
	.test_cases = errors_test_cases,
};

kunit_test_suite(errors_test_suite);
