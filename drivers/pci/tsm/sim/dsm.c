// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's security manager (DSM): an SPDM responder, what it measures,
 * and where its vendor defined messages go. It knows of the world what arrives
 * in the mailbox.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>

#include "../spdm/ide-km.h"
#include "../spdm/spdm.h"
#include "dsm.h"
#include "pki.h"

/* DMTF measurement values (DSP0274 section 10.11) */
#define MEAS_RAW		0x80
#define MEAS_MUTABLE_FIRMWARE	1
#define MEAS_HARDWARE_CONFIG	2
#define MEAS_VERSION		6

/* "The firmware" of a device: nothing else distinguishes one from another */
static const char sim_firmware[] = "tsm-sim firmware, for tests only";
static const char sim_firmware_version[] = "1.0";

/* Append one measurement block; @off is where, and afterwards its end */
static int sim_measurement(u8 *record, size_t size, size_t *off, u8 index,
			   u8 type, const void *value, size_t len)
{
	struct spdm_meas_block *b = (void *)(record + *off);

	if (size - *off < sizeof(*b) + len)
		return -ENOSPC;

	b->index = index;
	b->spec = SPDM_MEAS_SPEC_DMTF;
	b->size = cpu_to_le16(sizeof(*b) - SPDM_MEAS_BLOCK_HDR + len);
	b->type = type;
	b->value_size = cpu_to_le16(len);
	memcpy(b + 1, value, len);
	*off += sizeof(*b) + len;
	return 0;
}

/*
 * Firmware as a digest, hardware configuration and version as they are. The
 * configuration is what distinguishes the topologies that configfs can make.
 */
static int sim_dsm_measure(void *ctx, u8 *record, size_t size, u8 *nr_blocks)
{
	struct sim_dsm *dsm = ctx;
	u8 digest[SPDM_HASH_SIZE], config[8];
	size_t off = 0;
	int rc;

	spdm_hash_once(&spdm_kernel_crypto, sim_firmware, sizeof(sim_firmware),
		       digest);
	put_unaligned_le32(dsm->dev->nr_functions, config);
	put_unaligned_le32(dsm->dev->total_vfs, config + 4);

	rc = sim_measurement(record, size, &off, 1, MEAS_MUTABLE_FIRMWARE,
			     digest, sizeof(digest));
	rc = rc ?: sim_measurement(record, size, &off, 2,
				   MEAS_RAW | MEAS_HARDWARE_CONFIG, config,
				   sizeof(config));
	rc = rc ?: sim_measurement(record, size, &off, 3,
				   MEAS_RAW | MEAS_VERSION,
				   sim_firmware_version,
				   strlen(sim_firmware_version));
	*nr_blocks = 3;
	return rc ?: off;
}

static int sim_dsm_vendor(void *ctx, u32 session_id, u8 protocol_id,
			  const u8 *req, size_t req_len, u8 *rsp,
			  size_t rsp_size)
{
	switch (protocol_id) {
	case SPDM_PROTO_IDE_KM:
		return sim_ide_km_request(ctx, session_id, req, req_len, rsp,
					  rsp_size);
	case SPDM_PROTO_TDISP:
		return sim_tdisp_request(ctx, session_id, req, req_len, rsp,
					 rsp_size);
	}
	return -EOPNOTSUPP;
}

static void sim_dsm_session_end(void *ctx, u32 session_id)
{
	sim_tdisp_session_end(ctx, session_id);
	sim_ide_km_session_end(ctx, session_id);
}

/* What the faults make of the device for one connection */
static void sim_dsm_connection(struct sim_dsm *dsm)
{
	struct spdm_responder_config *cfg = &dsm->responder.cfg;

	switch (sim_fault_chain(dsm->dev)) {
	case SIM_CHAIN_DEVICE:
		cfg->chain = sim_pki_device_chain;
		cfg->chain_len = sim_pki_device_chain_len;
		cfg->priv = sim_pki_device_priv;
		break;
	case SIM_CHAIN_IMPOSTOR:
		cfg->chain = sim_pki_impostor_chain;
		cfg->chain_len = sim_pki_impostor_chain_len;
		cfg->priv = sim_pki_impostor_priv;
		break;
	case SIM_CHAIN_STRANGER:
		cfg->chain = sim_pki_stranger_chain;
		cfg->chain_len = sim_pki_stranger_chain_len;
		cfg->priv = sim_pki_stranger_priv;
		break;
	}
	dsm->responder.bad_measurement_signature =
		sim_fault_bad_measurement(dsm->dev);
}

/*
 * Signatures take a while, and much longer on a machine that emulates this one,
 * checks each access, and runs many devices at a time. The requester gives up
 * on a DOE object after a second (PCIe r7.0 section 6.30.2), so a device that
 * needs longer says RESPONSE_NOT_READY in time (DSP0274 section 10.17), and the
 * requester comes back. That is for requests outside a session: in a session
 * only measurements are signed, once.
 */
static void sim_slow_work(struct work_struct *work)
{
	struct sim_slow *slow = container_of(work, struct sim_slow, work);

	slow->rsp_len = spdm_responder_handle(&slow->dsm->responder,
					      SPDM_DOE_CMA, slow->req,
					      slow->req_len, slow->rsp,
					      sizeof(slow->rsp));
	complete_all(&slow->done);
}

static bool sim_slow_is(const struct sim_slow *slow, u8 doe_type,
			const void *req, size_t len)
{
	const struct spdm_hdr *hdr = req;

	return doe_type == SPDM_DOE_CMA && len >= sizeof(*hdr) &&
	       len <= sizeof(slow->req) &&
	       (hdr->code == SPDM_CHALLENGE || hdr->code == SPDM_KEY_EXCHANGE);
}

/* Is this the question for the answer that was not ready? */
static bool sim_slow_resumes(const struct sim_slow *slow, u8 doe_type,
			     const void *req, size_t len)
{
	const struct spdm_hdr *hdr = req;

	return slow->asked && doe_type == SPDM_DOE_CMA &&
	       len >= sizeof(*hdr) && hdr->code == SPDM_RESPOND_IF_READY &&
	       hdr->param1 == slow->code && hdr->param2 == slow->token;
}

static void sim_slow_begin(struct sim_slow *slow, const void *req, size_t len)
{
	const struct spdm_hdr *hdr = req;

	memcpy(slow->req, req, len);
	slow->req_len = len;
	slow->code = hdr->code;
	slow->asked = true;
	reinit_completion(&slow->done);
	queue_work(system_dfl_wq, &slow->work);
}

/* The requester gave it up, or somebody wants to look at the responder */
static void sim_slow_settle(struct sim_slow *slow)
{
	wait_for_completion(&slow->done);
}

/* The answer, or "later" */
static int sim_slow_answer(struct sim_slow *slow, void *rsp, size_t size)
{
	struct spdm_error_not_ready *later = rsp;

	if (wait_for_completion_timeout(&slow->done,
					msecs_to_jiffies(SIM_DSM_PATIENCE_MS))) {
		slow->asked = false;
		if (slow->rsp_len > 0)
			memcpy(rsp, slow->rsp, min_t(size_t, slow->rsp_len,
						     size));
		return slow->rsp_len;
	}

	if (size < sizeof(*later))
		return -ENOSPC;

	*later = (struct spdm_error_not_ready) {
		.hdr.version = SPDM_VERSION_12,
		.hdr.code = SPDM_ERROR,
		.hdr.param1 = SPDM_ERR_NOT_READY,
		/* 2^16 us, and the answer is kept for 2^8 times as long */
		.delay_exponent = 16,
		.request_code = slow->code,
		.token = ++slow->token,
		.delay_factor = 8,
	};
	return sizeof(*later);
}

static bool is_get_version(u8 doe_type, const void *req, size_t len)
{
	const struct spdm_hdr *hdr = req;

	return doe_type == SPDM_DOE_CMA && len >= sizeof(*hdr) &&
	       hdr->code == SPDM_GET_VERSION;
}

/**
 * sim_dsm_exchange() - answer a DOE object of type 1 or 2
 * @d: device
 * @doe_type: SPDM_DOE_CMA or SPDM_DOE_SECURED
 * @req: request
 * @len: its bytes, whole dwords
 * @rsp: where the answer goes
 * @size: bytes that fit there
 *
 * Context: may sleep.
 * Return: bytes of the answer, 0 for none at all, or an errno, which the
 * mailbox shows as its error bit.
 */
int sim_dsm_exchange(struct sim_device *d, u8 doe_type, const void *req,
		     size_t len, void *rsp, size_t size)
{
	struct sim_dsm *dsm = d->dsm;
	u8 error;

	guard(mutex)(&dsm->lock);
	error = sim_fault_spdm_error(d);
	if (!error && sim_slow_resumes(&dsm->slow, doe_type, req, len))
		return sim_slow_answer(&dsm->slow, rsp, size);

	sim_slow_settle(&dsm->slow);
	dsm->slow.asked = false;
	if (is_get_version(doe_type, req, len))
		sim_dsm_connection(dsm);
	spdm_responder_fail_next(&dsm->responder, error, 0);

	if (!error && sim_slow_is(&dsm->slow, doe_type, req, len)) {
		sim_slow_begin(&dsm->slow, req, len);
		return sim_slow_answer(&dsm->slow, rsp, size);
	}

	return spdm_responder_handle(&dsm->responder, doe_type, req, len, rsp,
				     size);
}
EXPORT_SYMBOL_IF_KUNIT(sim_dsm_exchange);

/**
 * sim_dsm_session_reset() - conventional reset: no session is left
 * @d: device
 *
 * Context: may sleep.
 */
void sim_dsm_session_reset(struct sim_device *d)
{
	guard(mutex)(&d->dsm->lock);
	sim_slow_settle(&d->dsm->slow);
	d->dsm->slow.asked = false;
	spdm_responder_reset(&d->dsm->responder);
}
EXPORT_SYMBOL_IF_KUNIT(sim_dsm_session_reset);

/**
 * sim_dsm_sessions() - how many sessions are up?
 * @d: device, built
 *
 * Context: may sleep, at most for the time that one message takes.
 * Return: that number.
 */
unsigned int sim_dsm_sessions(struct sim_device *d)
{
	guard(mutex)(&d->dsm->lock);
	sim_slow_settle(&d->dsm->slow);
	return spdm_responder_sessions(&d->dsm->responder);
}
EXPORT_SYMBOL_IF_KUNIT(sim_dsm_sessions);

/**
 * sim_dsm_init() - power on
 * @d: device
 *
 * Return: 0 or -ENOMEM.
 */
int sim_dsm_init(struct sim_device *d)
{
	struct spdm_responder_config cfg = {
		.crypto = &spdm_kernel_crypto,
		.chain = sim_pki_device_chain,
		.chain_len = sim_pki_device_chain_len,
		.priv = sim_pki_device_priv,
		.vendor = sim_dsm_vendor,
		.measure = sim_dsm_measure,
		.session_end = sim_dsm_session_end,
	};
	struct sim_dsm *dsm = kvzalloc_obj(*dsm);
	int rc;

	if (!dsm)
		return -ENOMEM;

	cfg.ctx = dsm;
	dsm->dev = d;
	mutex_init(&dsm->lock);
	dsm->slow.dsm = dsm;
	INIT_WORK(&dsm->slow.work, sim_slow_work);
	init_completion(&dsm->slow.done);
	complete_all(&dsm->slow.done);
	rc = spdm_responder_init(&dsm->responder, &cfg);
	if (rc) {
		kvfree(dsm);
		return rc;
	}

	d->dsm = dsm;
	return 0;
}

/**
 * sim_dsm_exit() - power off
 * @d: device whose mailbox is quiet
 */
void sim_dsm_exit(struct sim_device *d)
{
	struct sim_dsm *dsm = d->dsm;

	d->dsm = NULL;
	/* complete_all() is not the last that the work does */
	cancel_work_sync(&dsm->slow.work);
	mutex_destroy(&dsm->lock);
	kvfree_sensitive(dsm, sizeof(*dsm));
}
