// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's end of TDISP (PCIe r6.1 section 11.3): requests arrive over an
 * SPDM session and move the interfaces of the device's functions.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <crypto/utils.h>
#include <kunit/visibility.h>

#include "../spdm/tdisp.h"
#include "dsm.h"

/* P2P streams are not supported, so no request is ever sent to a peer */
#define SIM_TDISP_LOCK_FLAGS						\
	(TDISP_LOCK_NO_FW_UPDATE | TDISP_LOCK_CACHE_LINE_128 |		\
	 TDISP_LOCK_MSIX | TDISP_LOCK_ALL_REQUEST_REDIRECT)

#define SIM_TDISP_ADDRESS_BITS	52

/* How long DMA may take to run dry; the requester gives up after a second */
#define SIM_TDISP_DRAIN_MS	500

static_assert(SIM_TDI_NONCE_BYTES == TDISP_NONCE_SIZE);
static_assert(SIM_TDI_REPORT_BYTES <= TDISP_MAX_REPORT);
static_assert((int)SIM_TDI_UNLOCKED == TDISP_STATE_CONFIG_UNLOCKED);
static_assert((int)SIM_TDI_LOCKED == TDISP_STATE_CONFIG_LOCKED);
static_assert((int)SIM_TDI_RUN == TDISP_STATE_RUN);
static_assert((int)SIM_TDI_ERROR == TDISP_STATE_ERROR);

/**
 * struct sim_tdisp_exchange - one request and its answer
 * @dsm: the device's security manager
 * @session: session that the request came in
 * @req: request
 * @rsp: answer, begun
 * @room: bytes of a report that fit into the answer
 * @portion: them
 *
 * The functions that answer return 0, or the code of a TDISP_ERROR.
 */
struct sim_tdisp_exchange {
	struct sim_dsm *dsm;
	struct sim_tdisp_session *session;
	struct tdisp_msg req;
	struct tdisp_msg rsp;
	size_t room;
	u8 portion[SIM_TDI_REPORT_BYTES];
};

/* There are no more sessions than places, and ended ones have left theirs */
static struct sim_tdisp_session *tdisp_session(struct sim_dsm *dsm, u32 id)
{
	struct sim_tdisp_session *unused = NULL;

	for (int i = 0; i < ARRAY_SIZE(dsm->tdisp); i++) {
		if (dsm->tdisp[i].id == id)
			return &dsm->tdisp[i];
		if (!dsm->tdisp[i].id)
			unused = &dsm->tdisp[i];
	}
	if (unused)
		*unused = (struct sim_tdisp_session) { .id = id };
	return unused;
}

/*
 * The function that a request is about. A device learns its segment from Flit
 * mode only, without which it is 0 (PCIe r6.1 2.2.1.2).
 */
static struct sim_function *tdisp_function(struct sim_tdisp_exchange *x)
{
	if (x->req.segment_valid && x->req.segment)
		return NULL;
	return sim_device_function(x->dsm->dev, x->req.rid);
}

static u32 tdisp_get_version(struct sim_tdisp_exchange *x)
{
	static const u8 versions[] = { TDISP_VERSION_1_0 };

	if (x->session->phase == SIM_TDISP_START)
		x->session->phase = SIM_TDISP_VERSION;
	x->rsp.versions.count = ARRAY_SIZE(versions);
	x->rsp.versions.entries = versions;
	return 0;
}

static u32 tdisp_get_capabilities(struct sim_tdisp_exchange *x)
{
	x->session->phase = SIM_TDISP_READY;
	x->rsp.caps = (struct tdisp_caps) {
		.req_msgs = { TDISP_REQ_MSGS_MANDATORY },
		.lock_flags = SIM_TDISP_LOCK_FLAGS,
		.dev_addr_width = SIM_TDISP_ADDRESS_BITS,
		/* One mailbox, one request */
		.num_req_this = 1,
		.num_req_all = 1,
	};
	return 0;
}

/* Is this the default stream, and did this session bring all of its keys? */
static bool tdisp_is_stream(struct sim_tdisp_exchange *x, u8 stream_id,
			    unsigned int *block)
{
	struct sim_ide_port *port = sim_device_endpoint_ide(x->dsm->dev);
	const struct sim_ide_km *km = &x->dsm->ide_km;
	u8 default_id;
	int found;

	found = sim_ide_default_stream(port, &default_id);
	if (found < 0 || default_id != stream_id)
		return false;
	*block = found;
	return km->owner == x->session->id && test_bit(stream_id, km->streams);
}

/*
 * All or nothing (11.3.8): under the lock that DMA observes, too, so that a
 * function that moves anything at this moment is busy, and one that is quiet
 * stays so. The checks are in the order of the specification, with a nonce for
 * which there was no entropy, a NULL, in its place.
 */
static u32 tdisp_lock(struct sim_tdisp_exchange *x, struct sim_function *f,
		      const u8 *nonce)
{
	const struct tdisp_lock *lock = &x->req.lock;
	unsigned int stream;

	if (sim_function_tdi_state(f) != SIM_TDI_UNLOCKED)
		return TDISP_INVALID_INTERFACE_STATE;
	if (lock->flags & ~SIM_TDISP_LOCK_FLAGS ||
	    !tdisp_is_stream(x, lock->stream_id, &stream) ||
	    !sim_tdi_check_offset(f, lock->mmio_offset))
		return TDISP_INVALID_REQUEST;
	if (!nonce || sim_fault_no_entropy(f->dev))
		return TDISP_INSUFFICIENT_ENTROPY;
	if (!sim_tdi_check_config(f))
		return TDISP_INVALID_DEVICE_CONFIGURATION;
	if (sim_dma_busy(f))
		return TDISP_BUSY;

	sim_tdi_report(f, lock);
	sim_tdi_lock(f, x->session->id, stream, lock->flags & TDISP_LOCK_MSIX,
		     nonce);
	memcpy(x->rsp.nonce, nonce, sizeof(x->rsp.nonce));
	return 0;
}

static u32 tdisp_lock_interface(struct sim_tdisp_exchange *x)
{
	u8 nonce[TDISP_NONCE_SIZE];
	bool entropy = rng_is_initialized();
	u32 error = TDISP_INVALID_INTERFACE;

	/* Not under a raw spinlock */
	if (entropy)
		get_random_bytes(nonce, sizeof(nonce));

	scoped_guard(raw_spinlock_irqsave, &x->dsm->dev->lock) {
		struct sim_function *f = tdisp_function(x);

		if (f)
			error = tdisp_lock(x, f, entropy ? nonce : NULL);
	}
	memzero_explicit(nonce, sizeof(nonce));
	return error;
}

/*
 * A locked interface is of the session that locked it. Everybody may ask how it
 * is and stop it, which takes nothing from its owner but the service.
 */
static bool tdisp_is_owner(const struct sim_tdisp_exchange *x,
			   const struct sim_function *f)
{
	return f->tdi.session == x->session->id;
}

static u32 tdisp_get_report(struct sim_tdisp_exchange *x)
{
	size_t offset = x->req.get_report.offset;
	size_t len = x->req.get_report.length;
	struct sim_function *f;
	u8 state;

	guard(raw_spinlock_irqsave)(&x->dsm->dev->lock);
	f = tdisp_function(x);
	if (!f)
		return TDISP_INVALID_INTERFACE;
	state = sim_function_tdi_state(f);
	if (state != SIM_TDI_LOCKED && state != SIM_TDI_RUN)
		return TDISP_INVALID_INTERFACE_STATE;
	if (!tdisp_is_owner(x, f) || !len)
		return TDISP_INVALID_REQUEST;
	if (sim_fault_report_endless(x->dsm->dev)) {
		x->rsp.report.portion = x->portion;
		x->rsp.report.length = 1;
		x->rsp.report.remainder = 1;
		return 0;
	}
	if (offset >= f->tdi.report_len)
		return TDISP_INVALID_REQUEST;

	len = min3(len, f->tdi.report_len - offset, x->room);
	len = min_t(size_t, len, sim_fault_portion_max(x->dsm->dev));
	memcpy(x->portion, f->tdi.report + offset, len);
	x->rsp.report.portion = x->portion;
	x->rsp.report.length = len;
	x->rsp.report.remainder = f->tdi.report_len - offset - len;
	return 0;
}

static u32 tdisp_get_state(struct sim_tdisp_exchange *x)
{
	struct sim_function *f;

	guard(raw_spinlock_irqsave)(&x->dsm->dev->lock);
	f = tdisp_function(x);
	if (!f)
		return TDISP_INVALID_INTERFACE;
	x->rsp.state = sim_function_tdi_state(f);
	return 0;
}

static u32 tdisp_start_interface(struct sim_tdisp_exchange *x)
{
	struct sim_function *f;

	guard(raw_spinlock_irqsave)(&x->dsm->dev->lock);
	f = tdisp_function(x);
	if (!f)
		return TDISP_INVALID_INTERFACE;
	if (sim_function_tdi_state(f) != SIM_TDI_LOCKED)
		return TDISP_INVALID_INTERFACE_STATE;
	if (!tdisp_is_owner(x, f))
		return TDISP_INVALID_REQUEST;
	if (crypto_memneq(x->req.nonce, f->tdi.nonce, sizeof(f->tdi.nonce)))
		return TDISP_INVALID_NONCE;
	sim_tdi_start(f);
	return 0;
}

/*
 * 11.3.16: before the answer nothing moves any more, and nothing is left of what
 * the owner had in the function. In ERROR it begins nothing, so it stays quiet
 * while it is scrubbed.
 */
static u32 tdisp_stop_interface(struct sim_tdisp_exchange *x)
{
	unsigned long end = jiffies + msecs_to_jiffies(SIM_TDISP_DRAIN_MS);
	struct sim_device *d = x->dsm->dev;
	struct sim_function *f;
	bool quiet;

	for (;;) {
		scoped_guard(raw_spinlock_irqsave, &d->lock) {
			f = tdisp_function(x);
			if (!f)
				return TDISP_INVALID_INTERFACE;
			if (sim_function_tdi_state(f) == SIM_TDI_UNLOCKED)
				return 0;
			sim_tdi_quiesce(f);
			quiet = !sim_dma_busy(f);
		}
		if (quiet || time_after(jiffies, end))
			break;
		usleep_range(1000, 2000);
	}
	/* In ERROR, so that it harms nobody; the next STOP may find it quiet */
	if (!quiet)
		return TDISP_UNSPECIFIED;

	sim_function_scrub(f);
	guard(raw_spinlock_irqsave)(&d->lock);
	if (tdisp_function(x) != f)
		return TDISP_INVALID_INTERFACE;
	sim_tdi_unlock(f);
	return 0;
}

static u32 tdisp_answer(struct sim_tdisp_exchange *x)
{
	enum sim_tdisp_phase phase = x->session->phase;

	scoped_guard(raw_spinlock_irqsave, &x->dsm->dev->lock)
		if (!tdisp_function(x))
			return TDISP_INVALID_INTERFACE;

	if (x->req.type == TDISP_GET_VERSION)
		return tdisp_get_version(x);
	if (phase == SIM_TDISP_START)
		return TDISP_INVALID_REQUEST;
	if (x->req.type == TDISP_GET_CAPABILITIES)
		return tdisp_get_capabilities(x);
	if (phase == SIM_TDISP_VERSION)
		return TDISP_INVALID_REQUEST;

	switch (x->req.type) {
	case TDISP_LOCK_INTERFACE_REQUEST:
		return tdisp_lock_interface(x);
	case TDISP_GET_DEVICE_INTERFACE_REPORT:
		return tdisp_get_report(x);
	case TDISP_GET_DEVICE_INTERFACE_STATE:
		return tdisp_get_state(x);
	case TDISP_START_INTERFACE_REQUEST:
		return tdisp_start_interface(x);
	case TDISP_STOP_INTERFACE_REQUEST:
		return tdisp_stop_interface(x);
	}
	return TDISP_UNSUPPORTED_REQUEST;
}

/**
 * sim_tdisp_request() - answer a TDISP message
 * @dsm: the device's security manager, locked
 * @session_id: session that the message came in
 * @req: message
 * @len: its bytes, as the vendor defined message says
 * @rsp: where the answer goes
 * @size: bytes that fit there
 *
 * Context: may sleep, for as long as DMA of a stopped function takes to end.
 * Return: bytes of the answer, which may be a TDISP_ERROR; 0 for none; -EINVAL
 * for a message without the header that a TDISP_ERROR would repeat; -EMSGSIZE
 * if @size is too small.
 */
int sim_tdisp_request(struct sim_dsm *dsm, u32 session_id, const u8 *req,
		      size_t len, u8 *rsp, size_t size)
{
	struct sim_tdisp_exchange x = { .dsm = dsm };
	u32 error;
	u8 type;
	int rc;

	lockdep_assert_held(&dsm->lock);
	rc = tdisp_parse_request(req, len, &x.req);
	if (len < TDISP_HDR_SIZE)
		return -EINVAL;
	if (size < TDISP_REPORT_OVERHEAD)
		return -EMSGSIZE;
	x.room = size - TDISP_REPORT_OVERHEAD;
	x.session = tdisp_session(dsm, session_id);
	if (WARN_ON_ONCE(!x.session))
		return -EBUSY;

	type = x.req.type;
	if (sim_fault_tdisp_silent(dsm->dev, type))
		return 0;
	tdisp_response_to(&x.req, &x.rsp);
	error = sim_fault_tdisp_error(dsm->dev, type);
	if (!error)
		error = rc ? tdisp_parse_error_code(rc) : tdisp_answer(&x);
	if (error)
		tdisp_error_to(&x.req, error, &x.rsp);

	rc = tdisp_encode(&x.rsp, rsp, size);
	memzero_explicit(&x, sizeof(x));
	return rc < 0 ? rc : sim_fault_tdisp_response(dsm->dev, type, rsp, rc,
						      size);
}
EXPORT_SYMBOL_IF_KUNIT(sim_tdisp_request);

/**
 * sim_tdisp_session_end() - interfaces that a session locked go to ERROR
 * @dsm: the device's security manager, locked
 * @session_id: session that ended
 */
void sim_tdisp_session_end(struct sim_dsm *dsm, u32 session_id)
{
	for (int i = 0; i < ARRAY_SIZE(dsm->tdisp); i++)
		if (dsm->tdisp[i].id == session_id)
			dsm->tdisp[i] = (struct sim_tdisp_session) {};

	guard(raw_spinlock_irqsave)(&dsm->dev->lock);
	sim_tdi_session_end(dsm->dev, session_id);
}
EXPORT_SYMBOL_IF_KUNIT(sim_tdisp_session_end);
