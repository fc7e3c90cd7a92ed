// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs, requests of the guest and of its VMM: what is checked before a TSM's
 * driver sees one, and what a request changes.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/sizes.h>

#include "tdi.h"

/* Payloads are an ABI. */
static_assert(sizeof(struct tsm_validate_mmio) == 32);
static_assert(sizeof(struct tsm_read_object) == 16);
static_assert(sizeof(struct tsm_regen_object) == 40);
static_assert(sizeof(struct tsm_regen_object_resp) == 8);
static_assert(sizeof(struct tsm_object_info) == 8);
static_assert(sizeof(struct tsm_object_info_resp) == 24);
static_assert(sizeof(struct tsm_tdi_state_resp) == 16);

/* A response, or a request, that is as long as the TSM wants */
#define TSM_LEN_OPAQUE	U32_MAX

/**
 * struct tsm_op_rule - what a request has to be like
 * @min_req: bytes of the request, at least
 * @max_req: bytes of the request, at most, or TSM_LEN_OPAQUE
 * @resp: bytes of the response, or TSM_LEN_OPAQUE
 * @locked: only when LOCKED or RUN
 * @commits: changes what the guest can reach
 */
struct tsm_op_rule {
	u32 min_req;
	u32 max_req;
	u32 resp;
	bool locked;
	bool commits;
};

static const struct tsm_op_rule tsm_op_rules[] = {
	[TSM_OP_VALIDATE_MMIO] = {
		.min_req = sizeof(struct tsm_validate_mmio),
		.max_req = sizeof(struct tsm_validate_mmio),
		.locked = true,
		.commits = true,
	},
	[TSM_OP_START] = {
		/* LOCKED only, see tsm_tdi_request() */
		.locked = true,
	},
	[TSM_OP_ENABLE_DMA] = {
		.max_req = TSM_DMA_REQ_MAX,
		.locked = true,
		.commits = true,
	},
	[TSM_OP_DISABLE_DMA] = {
		.max_req = TSM_DMA_REQ_MAX,
		.locked = true,
		.commits = true,
	},
	[TSM_OP_READ_OBJECT] = {
		.min_req = sizeof(struct tsm_read_object),
		.max_req = sizeof(struct tsm_read_object),
		.resp = TSM_LEN_OPAQUE,
	},
	[TSM_OP_REGEN_OBJECT] = {
		.min_req = sizeof(struct tsm_regen_object),
		.max_req = sizeof(struct tsm_regen_object),
		.resp = sizeof(struct tsm_regen_object_resp),
	},
	[TSM_OP_OBJECT_INFO] = {
		.min_req = sizeof(struct tsm_object_info),
		.max_req = sizeof(struct tsm_object_info),
		.resp = sizeof(struct tsm_object_info_resp),
	},
	[TSM_OP_GET_TDI_STATE] = {
		.resp = sizeof(struct tsm_tdi_state_resp),
	},
	[TSM_OP_GUEST_MSG] = {
		.max_req = TSM_LEN_OPAQUE,
		.resp = TSM_LEN_OPAQUE,
	},
};

/* @op is one of those that there are, and userspace's choice. */
static const struct tsm_op_rule *tsm_op_rule(u32 op)
{
	return &tsm_op_rules[array_index_nospec(op, ARRAY_SIZE(tsm_op_rules))];
}

static int tsm_check_lengths(const struct pci_tdi_caps *caps,
			     const struct pci_tdi_req *req)
{
	const struct tsm_op_rule *rule = tsm_op_rule(req->op);

	if ((req->req_len && !req->req) || (req->resp_len && !req->resp))
		return -EINVAL;

	if (rule->max_req == TSM_LEN_OPAQUE) {
		if (req->req_len > caps->max_req_len)
			return -EMSGSIZE;
	} else if (req->req_len < rule->min_req ||
		   req->req_len > rule->max_req) {
		return -EINVAL;
	}

	if (!rule->resp)
		return req->resp_len ? -EINVAL : 0;

	if (rule->resp == TSM_LEN_OPAQUE)
		return req->resp_len > caps->max_resp_len ? -EMSGSIZE : 0;

	return req->resp_len > max(rule->resp, caps->max_resp_len) ? -EMSGSIZE :
								    0;
}

static int tsm_check_object(u32 type, u32 zero)
{
	if (zero)
		return -EOPNOTSUPP;

	return type > TSM_OBJECT_INTERFACE_REPORT ? -EINVAL : 0;
}

/* What can be said of a payload without regard to the TDI */
static int tsm_check_payload(const struct pci_tdi_req *req)
{
	switch (req->op) {
	case TSM_OP_VALIDATE_MMIO: {
		const struct tsm_validate_mmio *mmio = req->req;
		u64 end;

		if (mmio->flags)
			return -EOPNOTSUPP;
		if (!mmio->length ||
		    !IS_ALIGNED(mmio->gpa | mmio->length | mmio->offset,
				SZ_4K) ||
		    check_add_overflow(mmio->gpa, mmio->length, &end) ||
		    check_add_overflow(mmio->offset, mmio->length, &end))
			return -EINVAL;
		return mmio->region >= PCI_STD_NUM_BARS ? -EINVAL : 0;
	}
	case TSM_OP_READ_OBJECT: {
		const struct tsm_read_object *read = req->req;

		return tsm_check_object(read->type, read->__reserved);
	}
	case TSM_OP_REGEN_OBJECT: {
		const struct tsm_regen_object *regen = req->req;

		return tsm_check_object(regen->type, regen->flags);
	}
	case TSM_OP_OBJECT_INFO: {
		const struct tsm_object_info *info = req->req;

		return tsm_check_object(info->type, info->__reserved);
	}
	default:
		return 0;
	}
}

/**
 * pci_tdi_check_req() - is this a request that the TSM of a TDI might take?
 * @tdi: the TDI
 * @req: the request; what is at its pointers is not looked at
 *
 * For a caller that wants to know before it allocates memory and copies what
 * its own caller told it to. pci_tdi_guest_req() checks again.
 *
 * Context: Process context; does not sleep.
 *
 * Return:
 * * %0			- it might
 * * %-EINVAL		- another architecture's request, a request of the wrong
 *			  length, room for a response that there is none of, or
 *			  a length without a pointer
 * * %-EOPNOTSUPP	- the TSM does not take this operation
 * * %-EMSGSIZE		- request or response larger than the TSM's limits
 */
int pci_tdi_check_req(struct pci_tdi *tdi, const struct pci_tdi_req *req)
{
	struct pci_tdi_caps caps;

	if (req->arch != tdi->arch)
		return -EINVAL;

	scoped_guard(spinlock, &tdi->caps_lock)
		caps = tdi->caps;

	if (req->op >= ARRAY_SIZE(tsm_op_rules) ||
	    !(caps.op_mask & BIT_ULL(req->op)))
		return -EOPNOTSUPP;

	return tsm_check_lengths(&caps, req);
}
EXPORT_SYMBOL_GPL(pci_tdi_check_req);

/* May the guest reach this MMIO? The device has said so, or not. */
static int tsm_check_mmio(struct pci_tdi *tdi,
			  const struct tsm_validate_mmio *mmio)
{
	u32 region = array_index_nospec(mmio->region, PCI_STD_NUM_BARS);
	u64 bar_len = tdi->report->bar_len[region];

	if (mmio->offset + mmio->length > bar_len)
		return -EINVAL;

	return pci_tdi_report_is_tee(tdi->report, region, mmio->offset,
				     mmio->length) ? 0 : -EPERM;
}

static int tsm_tdi_enable_dma(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	bool first = !(tdi->done & TSM_DONE_HOST_DMA);
	int rc;

	rc = tsm_tdi_host(tdi, TSM_STEP_HOST_DMA_ON);
	if (rc)
		return rc;

	tdi->done |= TSM_DONE_DMA;
	rc = tsm_tdi_converse(tdi, TSM_STEP_DMA_ENABLE, call);
	/* enabled, or not, when it failed? Teardown takes away both. */
	if (rc && first && !call->irreversible)
		tsm_tdi_host(tdi, TSM_STEP_HOST_DMA_OFF);

	return rc;
}

static int tsm_tdi_disable_dma(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	int rc = tsm_tdi_converse(tdi, TSM_STEP_DMA_OFF, call);

	if (rc)
		return rc;

	tdi->done &= ~TSM_DONE_DMA;
	tsm_tdi_host(tdi, TSM_STEP_HOST_DMA_OFF);
	return 0;
}

/* A request that the driver itself answers */
static int tsm_tdi_pass(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	const struct tsm_op_rule *rule = tsm_op_rule(call->op);
	size_t room = call->resp_len;
	int rc;

	if (rule->resp != TSM_LEN_OPAQUE && room < rule->resp) {
		call->resp_len = rule->resp;
		return -EMSGSIZE;
	}

	/* more room than there is response must not tempt a driver */
	if (rule->resp != TSM_LEN_OPAQUE)
		call->resp_len = rule->resp;

	rc = tsm_tdi_converse(tdi, TSM_STEP_REQUEST, call);
	if (rc == -EMSGSIZE)
		return rc;

	if (!rc && pci_WARN_ONCE(tdi->pdev, call->resp_len > room ||
				 (rule->resp != TSM_LEN_OPAQUE &&
				  call->resp_len != rule->resp),
				 "op %u: response of %zu bytes in %zu\n",
				 call->op, call->resp_len, room))
		rc = -EIO;
	if (rc)
		call->resp_len = 0;

	return rc;
}

static int tsm_tdi_request(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	switch (call->op) {
	case TSM_OP_START:
		return tdi->phase == TSM_PHASE_LOCKED ?
		       tsm_tdi_run(tdi, call) : -EINVAL;
	case TSM_OP_ENABLE_DMA:
		return tsm_tdi_enable_dma(tdi, call);
	case TSM_OP_DISABLE_DMA:
		return tsm_tdi_disable_dma(tdi, call);
	case TSM_OP_VALIDATE_MMIO: {
		int rc = tsm_check_mmio(tdi, call->req);

		return rc ?: tsm_tdi_pass(tdi, call);
	}
	default:
		return tsm_tdi_pass(tdi, call);
	}
}

/* %TSM_OP_GET_TDI_STATE, which no driver sees */
static int tsm_tdi_get_state(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	size_t room = call->resp_len;
	int rc;

	call->resp_len = sizeof(struct tsm_tdi_state_resp);
	if (room < sizeof(struct tsm_tdi_state_resp))
		return -EMSGSIZE;

	rc = tsm_tdi_query(tdi, call, call->resp);
	if (rc)
		call->resp_len = 0;

	return rc;
}

static int tsm_tdi_guest_req(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	const struct tsm_op_rule *rule = tsm_op_rule(call->op);
	int rc;

	if (call->op == TSM_OP_GET_TDI_STATE)
		return tsm_tdi_get_state(tdi, call);

	if (tdi->phase == TSM_PHASE_QUARANTINED)
		return -ENOTRECOVERABLE;
	if (tdi->phase == TSM_PHASE_DEAD)
		return -ENXIO;

	/* what others did to the device counts before what the guest wants */
	if (tsm_tdi_was_reset(tdi)) {
		rc = tsm_tdi_sync(tdi, call);
		if (rc)
			return rc;
	}

	if (rule->locked && tdi->phase != TSM_PHASE_LOCKED &&
	    tdi->phase != TSM_PHASE_RUN)
		return -EINVAL;

	rc = tsm_tdi_request(tdi, call);
	if (!rc && rule->commits)
		call->committed = true;

	/* a TDI in ERROR answers like this; START has looked already */
	if (rc && rc != -EMSGSIZE && call->irreversible &&
	    call->op != TSM_OP_START)
		tsm_tdi_sync(tdi, call);

	return rc;
}

/**
 * pci_tdi_guest_req() - carry out a request about a TDI
 * @tdi: the TDI
 * @req: the request, in kernel memory that nobody else changes; on return
 *	 @req->resp_len says how long the response is
 * @result: see &struct pci_tdi_result
 *
 * See &enum tsm_op. Lengths and states are checked here, so that a TSM's driver
 * sees requests that are in order.
 *
 * Context: May sleep; interruptible until firmware or the device is told. Not
 * with a lock that a hook takes. Waits for an operation on this TDI.
 *
 * Return:
 * * %0			- success
 * * %-EINVAL		- see pci_tdi_check_req(), a field of the request out of
 *			  range, or not in a state for this operation
 * * %-EOPNOTSUPP	- the TSM does not take this operation, or a reserved
 *			  field is not 0
 * * %-EMSGSIZE		- see pci_tdi_check_req(), or the response does not fit:
 *			  @req->resp_len is what it needs
 * * %-EPERM		- MMIO that the device does not report as the VM's
 * * %-ENXIO		- DEAD, or the TDI, its connection or its TSM is being
 *			  torn down
 * * %-ENOTRECOVERABLE	- QUARANTINED
 * * %-EINTR		- interrupted before anything happened, or killed
 * * %-ETIMEDOUT	- took longer than a conversation may
 * * others		- of a hook or the TSM driver; ``*tsm_code`` may say more
 */
int pci_tdi_guest_req(struct pci_tdi *tdi, struct pci_tdi_req *req,
		      struct pci_tdi_result *result)
{
	struct tsm_tdi_call call = tsm_tdi_call_begin();
	int rc;

	*result = (struct pci_tdi_result){};
	rc = pci_tdi_check_req(tdi, req);
	rc = rc ?: tsm_check_payload(req);
	if (rc) {
		req->resp_len = 0;
		return rc;
	}

	ACQUIRE(mutex_intr, lock)(&tdi->lock);
	rc = ACQUIRE_ERR(mutex_intr, &lock);
	if (rc) {
		req->resp_len = 0;
		return rc;
	}

	call.op = req->op;
	call.req = req->req;
	call.req_len = req->req_len;
	call.resp = req->resp;
	call.resp_len = req->resp_len;
	rc = tsm_tdi_guest_req(tdi, &call);
	/* there is no response but that of success */
	req->resp_len = rc && rc != -EMSGSIZE ? 0 : call.resp_len;
	tsm_tdi_fill_result(tdi, &call, result);
	return rc;
}
EXPORT_SYMBOL_GPL(pci_tdi_guest_req);

/**
 * pci_tdi_state_req() - carry out %TSM_OP_GET_TDI_STATE
 * @tdi: the TDI
 * @arch: whose numbers the request speaks
 * @state: the response, filled in by success only
 * @result: see &struct pci_tdi_result
 *
 * What pci_tdi_guest_req() does with that operation, for who asks often: there is
 * nothing to be checked but @arch. The device is asked if the TDI is LOCKED or RUN
 * and the TSM's driver can, so that an ERROR is noticed; else nobody is.
 *
 * Context: May sleep; interruptible. Waits for an operation on this TDI.
 *
 * Return:
 * * %0			- success; a TDI about to be torn down is what it is until
 *			  then
 * * %-EINVAL		- another architecture's request
 * * %-EINTR		- interrupted, or killed
 * * %-ETIMEDOUT	- the device took longer than a conversation may
 * * others		- of the TSM driver: the device did not answer
 */
int pci_tdi_state_req(struct pci_tdi *tdi, u32 arch,
		      struct tsm_tdi_state_resp *state,
		      struct pci_tdi_result *result)
{
	struct tsm_tdi_call call = tsm_tdi_call_begin();
	int rc;

	*result = (struct pci_tdi_result){};
	if (arch != tdi->arch)
		return -EINVAL;

	ACQUIRE(mutex_intr, lock)(&tdi->lock);
	rc = ACQUIRE_ERR(mutex_intr, &lock);
	if (rc)
		return rc;

	call.op = TSM_OP_GET_TDI_STATE;
	rc = tsm_tdi_query(tdi, &call, state);
	tsm_tdi_fill_result(tdi, &call, result);
	return rc;
}
EXPORT_SYMBOL_GPL(pci_tdi_state_req);
