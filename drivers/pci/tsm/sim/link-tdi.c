// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs of the link TSM: contexts, and the way of a device's interface through
 * its states by TDISP (PCIe r6.1 section 11.3) in the SPDM session.
 *
 * A device that refuses a request answers TDISP_ERROR. What becomes of it:
 *
 *	INVALID_REQUEST			-EPROTO: not what the device expects, or
 *					its default stream is not secure
 *	BUSY				-EBUSY, after some patience
 *	INVALID_INTERFACE_STATE		-EIO: the device changed it on its own
 *	UNSPECIFIED			-EIO
 *	UNSUPPORTED_REQUEST		-EOPNOTSUPP
 *	VERSION_MISMATCH		-EPROTONOSUPPORT
 *	VENDOR_SPECIFIC_ERROR		-EIO
 *	INVALID_INTERFACE		-EADDRNOTAVAIL: not an interface
 *	INVALID_NONCE			-EKEYREJECTED
 *	INSUFFICIENT_ENTROPY		-EAGAIN
 *	INVALID_DEVICE_CONFIGURATION	-EINVAL: not to be locked like that
 *	any other			-EIO
 *
 * tsm_code has the device's words then, see include/uapi/linux/tsm_sim.h.
 */
#define dev_fmt(fmt) "tsm-sim: " fmt

#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>
#include <linux/pci-tdi-report.h>
#include <linux/pci-tsm.h>
#include <linux/slab.h>
#include <uapi/linux/tsm_sim.h>

#include "link.h"

/* How often a device may say BUSY; the first pause, doubled each time */
#define SIM_TDISP_RETRIES	5U
#define SIM_TDISP_PAUSE_MS	10

/* The longest portion of a report that fits into a message */
#define SIM_TDISP_PORTION	(SPDM_MAX_MSG - sizeof(struct spdm_vendor) - \
				 TDISP_REPORT_OVERHEAD)

static struct sim_link_viommu *to_sim_link_viommu(struct pci_tsm_viommu *viommu)
{
	return container_of(viommu, struct sim_link_viommu, viommu);
}

/* TDISP */

static int sim_tdisp_errno(u32 code)
{
	switch (code) {
	case TDISP_INVALID_REQUEST:
		return -EPROTO;
	case TDISP_BUSY:
		return -EBUSY;
	case TDISP_UNSUPPORTED_REQUEST:
		return -EOPNOTSUPP;
	case TDISP_VERSION_MISMATCH:
		return -EPROTONOSUPPORT;
	case TDISP_INVALID_INTERFACE:
		return -EADDRNOTAVAIL;
	case TDISP_INVALID_NONCE:
		return -EKEYREJECTED;
	case TDISP_INSUFFICIENT_ENTROPY:
		return -EAGAIN;
	case TDISP_INVALID_DEVICE_CONFIGURATION:
		return -EINVAL;
	}
	return -EIO;
}

/* What @rsp points to is valid until the next exchange */
static int sim_tdisp_exchange(struct sim_link_session *s,
			      const struct tdisp_msg *req,
			      struct tdisp_msg *rsp, u64 *tsm_code)
{
	const char *name = tdisp_msg_name(req->type);
	u8 buf[TDISP_MAX_REQ];
	const void *payload;
	size_t len;
	int n, rc;

	n = tdisp_encode(req, buf, sizeof(buf));
	if (n < 0)
		return n;
	rc = sim_link_vendor(s, SPDM_PROTO_TDISP, buf, n, name, &payload,
			     &len);
	memzero_explicit(buf, sizeof(buf));
	if (rc)
		return rc;

	rc = tdisp_parse_response(payload, len, req, rsp);
	if (rc) {
		pci_err(s->pdev, "%s for %02x:%02x.%d: unfit answer: %pe\n",
			name, PCI_BUS_NUM(req->rid), PCI_SLOT(req->rid),
			PCI_FUNC(req->rid), ERR_PTR(rc));
		return rc;
	}
	if (rsp->type != TDISP_ERROR)
		return 0;

	*tsm_code = rsp->error.code | (u64)rsp->error.data << 32;
	rc = sim_tdisp_errno(rsp->error.code);
	pci_dbg(s->pdev, "%s for %02x:%02x.%d: %s: %pe\n", name,
		PCI_BUS_NUM(req->rid), PCI_SLOT(req->rid), PCI_FUNC(req->rid),
		tdisp_error_name(rsp->error.code), ERR_PTR(rc));
	return rc;
}

static bool sim_tdisp_has_version(const struct tdisp_msg *rsp)
{
	return memchr(rsp->versions.entries, TDISP_VERSION_1_0,
		      rsp->versions.count);
}

/*
 * Version and capabilities, before anything else is said and once in a session
 * (11.3.4): by the first TDI that has something to say, so that a device whose
 * link is all that somebody wants is never asked.
 */
static int sim_tdisp_negotiate(struct sim_link_session *s, u64 *tsm_code)
{
	struct tdisp_msg rsp, req = {
		.type = TDISP_GET_VERSION,
		.rid = pci_dev_id(s->pdev),
	};
	int rc;

	lockdep_assert_held(&s->turn);
	if (s->tdisp)
		return 0;

	rc = sim_tdisp_exchange(s, &req, &rsp, tsm_code);
	if (rc)
		return rc;
	if (!sim_tdisp_has_version(&rsp))
		return -EPROTONOSUPPORT;

	req.type = TDISP_GET_CAPABILITIES;
	rc = sim_tdisp_exchange(s, &req, &rsp, tsm_code);
	if (rc)
		return rc;
	s->lock_flags = rsp.caps.lock_flags;
	s->tdisp = true;
	return 0;
}

/*
 * One exchange about a TDI, with some patience. A portion of a report is
 * added to @report, as it is not valid any more on return.
 */
static int sim_tdisp(struct sim_link_tdi *t, enum sim_link_phase phase,
		     struct tdisp_msg *req, struct tdisp_msg *rsp,
		     struct tdisp_report *report, u64 *tsm_code)
{
	struct sim_link_session *s = t->session;
	int rc;

	req->rid = t->rid;
	for (unsigned int retry = 0; ; retry++) {
		rc = sim_link_begin(s, phase);
		if (rc)
			return rc;
		rc = sim_tdisp_negotiate(s, tsm_code);
		if (!rc && req->type == TDISP_LOCK_INTERFACE_REQUEST)
			req->lock.flags &= s->lock_flags;
		rc = rc ?: sim_tdisp_exchange(s, req, rsp, tsm_code);
		if (!rc && report)
			rc = tdisp_report_add(report, rsp);
		sim_link_end(s);

		if (rc != -EBUSY)
			return rc;
		/* There is firmware that asks until it is told to end */
		if (retry >= SIM_TDISP_RETRIES &&
		    !sim_link_fault(s, SIM_TSM_FAULT_PATIENCE, NULL))
			return rc;
		/* What it ended with counts, not what was on the way */
		*tsm_code = 0;
		msleep(SIM_TDISP_PAUSE_MS << min(retry, SIM_TDISP_RETRIES));
	}
}

/* A request whose answer says no more than that it was carried out */
static int sim_tdisp_simple(struct sim_link_tdi *t, enum sim_link_phase phase,
			    u8 type, u64 *tsm_code)
{
	struct tdisp_msg rsp, req = { .type = type };

	return sim_tdisp(t, phase, &req, &rsp, NULL, tsm_code);
}

/**
 * sim_link_tdi_state() - ask the device for a TDI's state
 * @t: TDI
 * @state: result
 * @tsm_code: result code
 *
 * Return: 0, or an error of the conversation.
 */
int sim_link_tdi_state(struct sim_link_tdi *t, enum tsm_tdi_state *state,
		       u64 *tsm_code)
{
	struct tdisp_msg rsp, req = {
		.type = TDISP_GET_DEVICE_INTERFACE_STATE,
	};
	int rc;

	rc = sim_tdisp(t, SIM_LINK_TALKING, &req, &rsp, NULL, tsm_code);
	/* The same numbers: both are those of the specification */
	if (!rc)
		*state = (enum tsm_tdi_state)rsp.state;
	return rc;
}

/**
 * sim_link_tdi_read_report() - read the device interface report
 * @t: TDI in LOCKED or RUN
 * @buf: where to
 * @size: bytes that fit there
 * @tsm_code: result code
 *
 * Return: bytes of the report; -EMSGSIZE if it is longer than @size; -EBADMSG if
 * its portions do not fit together; an error of the conversation.
 */
int sim_link_tdi_read_report(struct sim_link_tdi *t, void *buf, size_t size,
			     u64 *tsm_code)
{
	struct tdisp_report report = { .buf = buf, .size = size };
	struct tdisp_msg req = {}, rsp;
	int rc;

	do {
		tdisp_report_next(&report, SIM_TDISP_PORTION, &req);
		rc = sim_tdisp(t, SIM_LINK_TALKING, &req, &rsp, &report,
			       tsm_code);
	} while (rc > 0);
	return rc ?: report.len;
}

/* Private memory */

/*
 * Open or close the function's way to the VM's private memory, in the IOMMU. To
 * take it away always works, and when that is done no access is under way.
 */
static void sim_link_view(struct sim_link_tdi *t, bool on)
{
	lockdep_assert_held(&t->tsm->lock);
	if (on)
		sim_tvm_attach(t->function, t->kvm);
	else
		sim_tvm_detach(t->function);
	t->trusted = on;
}

static int sim_link_trust(struct sim_link_tdi *t, bool on)
{
	guard(mutex)(&t->tsm->lock);
	if (on && t->session->blocked)
		return -EIO;
	if (t->trusted != on)
		sim_link_view(t, on);
	return 0;
}

/* Contexts */

static struct sim_link_session *sim_link_session_of(struct pci_tsm *tsm)
{
	return to_sim_link(tsm->dsm_dev->tsm)->session;
}

static struct pci_tsm_viommu *sim_link_viommu_create(struct tsm_dev *tsm_dev,
						     u32 type, struct kvm *kvm)
{
	struct sim_link_tsm *tsm = to_sim_link_tsm(tsm_dev);

	if (type != SIM_VIOMMU_TYPE)
		return ERR_PTR(-EOPNOTSUPP);

	struct sim_link_viommu *v __free(kfree) = kzalloc_obj(*v);
	if (!v)
		return ERR_PTR(-ENOMEM);

	scoped_guard(mutex, &tsm->lock) {
		if (tsm->nr_viommus == TSM_SIM_MAX_VIOMMUS)
			return ERR_PTR(-ENOSPC);
		tsm->nr_viommus++;
	}
	v->tsm = tsm;
	v->kvm = kvm;
	sim_link_tsm_get(tsm);
	return &no_free_ptr(v)->viommu;
}

static int sim_link_viommu_destroy(struct pci_tsm_viommu *viommu)
{
	struct sim_link_viommu *v = to_sim_link_viommu(viommu);

	scoped_guard(mutex, &v->tsm->lock) {
		if (v->nr_tdis)
			return -EBUSY;
		v->tsm->nr_viommus--;
	}
	sim_link_tsm_put(v->tsm);
	kfree(v);
	return 0;
}

/* Firmware keeps its own books, whatever the host has checked before */
static int sim_link_tdi_enter(struct sim_link_tdi *t)
{
	struct sim_link_tdi *other;

	guard(mutex)(&t->tsm->lock);
	list_for_each_entry(other, &t->tsm->tdis, node) {
		if (other->session == t->session && other->rid == t->rid)
			return -EBUSY;
		if (other->kvm == t->kvm && other->guest_rid == t->guest_rid)
			return -EEXIST;
	}
	list_add_tail(&t->node, &t->tsm->tdis);
	if (t->viommu)
		t->viommu->nr_tdis++;
	return 0;
}

static struct pci_tsm_tdi *sim_link_tdi_create(struct pci_tsm *tsm,
					       const struct pci_tdi_desc *desc)
{
	struct sim_link_tsm *link_tsm = to_sim_link_tsm(tsm->tsm_dev);
	int rc;

	if (desc->guest_rid >> (link_tsm->tdi_ops.guest_rid_bits - 1) >> 1)
		return ERR_PTR(-EINVAL);

	struct sim_link_tdi *t __free(kfree) = kzalloc_obj(*t);
	if (!t)
		return ERR_PTR(-ENOMEM);

	t->tsm = link_tsm;
	t->session = sim_link_session_of(tsm);
	t->function = sim_function_from_pdev(tsm->pdev);
	t->rid = pci_dev_id(tsm->pdev);
	t->kvm = desc->kvm;
	t->guest_rid = desc->guest_rid;
	INIT_LIST_HEAD(&t->mmio);
	if (desc->viommu) {
		t->viommu = to_sim_link_viommu(desc->viommu);
		if (t->viommu->tsm != link_tsm || t->viommu->kvm != desc->kvm)
			return ERR_PTR(-EINVAL);
	}

	if (!t->function)
		return ERR_PTR(-ENODEV);
	rc = sim_link_fault(t->session, SIM_TSM_FAULT_CREATE, NULL);
	rc = rc ?: sim_link_tdi_enter(t);
	if (rc)
		return ERR_PTR(rc);
	sim_link_tsm_get(link_tsm);
	return &no_free_ptr(t)->tdi;
}

static int sim_link_tdi_destroy(struct pci_tsm_tdi *tdi)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);
	int rc;

	rc = sim_link_fault(t->session, SIM_TSM_FAULT_DESTROY, NULL);
	if (rc)
		return rc;
	scoped_guard(mutex, &t->tsm->lock) {
		list_del(&t->node);
		if (t->viommu)
			t->viommu->nr_tdis--;
	}
	/* Evidence may be made anew without any bind */
	sim_link_forget_bind(t);
	sim_link_tsm_put(t->tsm);
	kfree_sensitive(t);
	return 0;
}

/**
 * sim_link_tdis_drop() - a session ends: forget its TDIs that are left
 * @tsm: the TSM
 * @s: session
 *
 * Those that could not be torn down. The memory of their contexts stays what it
 * was, as whoever could free it has given up on them.
 */
void sim_link_tdis_drop(struct sim_link_tsm *tsm, struct sim_link_session *s)
{
	struct sim_link_tdi *t, *next;

	guard(mutex)(&tsm->lock);
	list_for_each_entry_safe(t, next, &tsm->tdis, node) {
		if (t->session != s)
			continue;
		if (t->trusted)
			sim_link_view(t, false);
		t->session = NULL;
		list_del_init(&t->node);
	}
}

/* Lock, run, stop */

/*
 * The guest is not to see where the host has put the function: what is reported
 * begins near 0, and the low bits are offsets in the BAR (11.3.8).
 */
static s64 sim_link_mmio_offset(struct pci_dev *pdev)
{
	struct pci_tdi_mmio_layout layout;
	u64 start = U64_MAX, size = 1;

	pci_tdi_mmio_layout_init(&layout, pdev, PCI_TDI_MMIO_PHYSICAL, 0);
	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (!layout.bar[i].len)
			continue;
		start = min(start, layout.bar[i].start);
		size = max(size, layout.bar[i].len);
	}
	if (start == U64_MAX)
		return 0;
	return -(s64)round_down(start, roundup_pow_of_two(size));
}

static int sim_link_lock_interface(struct sim_link_tdi *t, u64 *tsm_code)
{
	struct tdisp_msg rsp, req = {
		.type = TDISP_LOCK_INTERFACE_REQUEST,
		.lock.flags = TDISP_LOCK_NO_FW_UPDATE | t->tsm->lock_flags,
		.lock.stream_id = t->session->ide->stream_id,
		.lock.mmio_offset = t->mmio_offset,
	};
	int rc;

	if (cache_line_size() == 128)
		req.lock.flags |= TDISP_LOCK_CACHE_LINE_128;
	rc = sim_tdisp(t, SIM_LINK_TALKING, &req, &rsp, NULL, tsm_code);
	if (rc)
		return rc;
	memcpy(t->nonce, rsp.nonce, sizeof(t->nonce));
	memzero_explicit(&rsp, sizeof(rsp));
	t->nonce_valid = true;
	return 0;
}

static int sim_link_tdi_lock(struct pci_tsm_tdi *tdi, u64 *tsm_code)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);
	int rc;

	rc = sim_link_fault(t->session, SIM_TSM_FAULT_LOCK, tsm_code);
	if (rc)
		return rc;

	t->mmio_offset = sim_link_mmio_offset(tdi->pdev);
	rc = sim_link_lock_interface(t, tsm_code);
	if (*tsm_code != TDISP_INVALID_INTERFACE_STATE)
		return rc;

	/*
	 * The device was not told of the end of an earlier bind, because it was
	 * forced or another session's. It still keeps that guest's secrets.
	 */
	*tsm_code = 0;
	rc = sim_tdisp_simple(t, SIM_LINK_TALKING,
			      TDISP_STOP_INTERFACE_REQUEST, tsm_code);
	return rc ?: sim_link_lock_interface(t, tsm_code);
}

static int sim_link_tdi_report(struct pci_tsm_tdi *tdi, void *buf, size_t len,
			       struct pci_tdi_mmio_layout *layout)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);
	const char *reason;
	u64 tsm_code = 0;
	int n, rc;

	layout->base = PCI_TDI_MMIO_PHYSICAL;
	layout->offset = t->mmio_offset;

	rc = sim_link_fault(t->session, SIM_TSM_FAULT_REPORT, NULL);
	if (rc)
		return rc;
	n = sim_link_tdi_read_report(t, buf, len, &tsm_code);
	if (n < 0)
		return n;

	/* To know what the guest may validate, with or without the host */
	struct pci_tdi_report *parsed __free(pci_tdi_report_free) =
		pci_tdi_report_parse(buf, n, layout, &reason);
	if (IS_ERR(parsed)) {
		pci_err(tdi->pdev, "interface report: %s\n", reason);
		return PTR_ERR(parsed) == -ENOMEM ? -ENOMEM : -EBADMSG;
	}
	rc = sim_link_blob_set(&t->report, buf, n);
	if (rc)
		return rc;
	pci_tdi_report_free(t->parsed);
	t->parsed = no_free_ptr(parsed);
	return n;
}

static int sim_link_tdi_trusted_dma(struct pci_tsm_tdi *tdi,
				    enum pci_tdi_dma step, const void *req,
				    size_t req_len, u64 *tsm_code)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);
	int rc;

	/* There is nothing to choose */
	if (req_len)
		return -EINVAL;

	switch (step) {
	case PCI_TDI_DMA_PREPARE:
		/* The way is the function's own: nothing to set up */
		return sim_link_fault(t->session, SIM_TSM_FAULT_DMA, tsm_code);
	case PCI_TDI_DMA_ENABLE:
		rc = sim_link_fault(t->session, SIM_TSM_FAULT_DMA, tsm_code);
		return rc ?: sim_link_trust(t, true);
	case PCI_TDI_DMA_OFF:
		return sim_link_trust(t, false);
	}
	return -EINVAL;
}

static int sim_link_tdi_run(struct pci_tsm_tdi *tdi, u64 *tsm_code)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);
	struct tdisp_msg rsp, req = { .type = TDISP_START_INTERFACE_REQUEST };
	int rc;

	rc = sim_link_fault(t->session, SIM_TSM_FAULT_RUN, tsm_code);
	if (rc)
		return rc;
	/* Not locked by this TSM, or started before */
	if (!t->nonce_valid)
		return -EINVAL;
	/* A TSM that the guest cannot tell when allows DMA from RUN on */
	if (!(t->tsm->tdi_ops.op_mask & BIT_ULL(TSM_OP_ENABLE_DMA))) {
		rc = sim_link_trust(t, true);
		if (rc)
			return rc;
	}

	memcpy(req.nonce, t->nonce, sizeof(req.nonce));
	rc = sim_tdisp(t, SIM_LINK_TALKING, &req, &rsp, NULL, tsm_code);
	memzero_explicit(&req, sizeof(req));
	if (rc)
		return rc;
	memzero_explicit(t->nonce, sizeof(t->nonce));
	t->nonce_valid = false;
	return 0;
}

/*
 * A TDI whose session is lost is in ERROR, or will be as soon as the device
 * finds out (11.2.6); one that the device does not know, a VF after the reset of
 * its PF, is as good as that.
 */
static int sim_link_tdi_get_state(struct pci_tsm_tdi *tdi,
				  enum tsm_tdi_state *state)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);
	u64 tsm_code = 0;
	int rc;

	rc = sim_link_tdi_state(t, state, &tsm_code);
	if (rc && (READ_ONCE(t->session->lost) ||
		   tsm_code == TDISP_INVALID_INTERFACE)) {
		*state = TSM_TDI_ERROR;
		return 0;
	}
	return rc;
}

/*
 * By force: the IOMMU ends the device's way to the VM's memory. The VM's way to
 * the device's is a mapping, which the host takes away in any case.
 */
static int sim_link_tdi_stop(struct pci_tsm_tdi *tdi, bool force, u64 *tsm_code)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);
	int rc;

	rc = sim_link_fault(t->session, force ? SIM_TSM_FAULT_FORCE :
						SIM_TSM_FAULT_STOP, tsm_code);
	if (rc)
		return rc;
	if (force)
		return sim_link_trust(t, false);
	return sim_tdisp_simple(t, SIM_LINK_LEAVING,
				TDISP_STOP_INTERFACE_REQUEST, tsm_code);
}

static int sim_link_tdi_block(struct pci_dev *dsm)
{
	struct sim_link_session *s = to_sim_link(dsm->tsm)->session;
	struct sim_link_tsm *tsm = to_sim_link_tsm(dsm->tsm->tsm_dev);
	struct sim_link_tdi *t;
	int rc;

	rc = sim_link_fault(s, SIM_TSM_FAULT_BLOCK, NULL);
	if (rc)
		return rc;

	guard(mutex)(&tsm->lock);
	s->blocked = true;
	sim_link_block(s);
	list_for_each_entry(t, &tsm->tdis, node) {
		if (t->session == s && t->trusted)
			sim_link_view(t, false);
	}
	return 0;
}

static int sim_link_tdi_release(struct pci_tsm_tdi *tdi)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);
	int rc;

	rc = sim_link_fault(t->session, SIM_TSM_FAULT_RELEASE, NULL);
	if (rc)
		return rc;
	/* Has to be closed by now; firmware does not rely on the host for it */
	rc = sim_link_trust(t, false);
	if (rc)
		return rc;
	memzero_explicit(t->nonce, sizeof(t->nonce));
	t->nonce_valid = false;
	sim_link_forget_bind(t);
	return 0;
}

static const struct pci_tdi_ops sim_link_tdi_ops = {
	.owner = THIS_MODULE,
	.arch = TSM_ARCH_SIM,
	.max_req_len = SZ_4K,
	.max_resp_len = SZ_64K,
	.viommu_types = BIT_ULL(SIM_VIOMMU_TYPE),
	.viommu_create = sim_link_viommu_create,
	.viommu_destroy = sim_link_viommu_destroy,
	.create = sim_link_tdi_create,
	.destroy = sim_link_tdi_destroy,
	.lock = sim_link_tdi_lock,
	.report = sim_link_tdi_report,
	.trusted_dma = sim_link_tdi_trusted_dma,
	.run = sim_link_tdi_run,
	.guest_req = sim_link_guest_req,
	.state = sim_link_tdi_get_state,
	.stop = sim_link_tdi_stop,
	.block = sim_link_tdi_block,
	.release = sim_link_tdi_release,
};

/**
 * sim_link_tdi_ops_init() - what the TSM of a platform does with TDIs
 * @tsm: the TSM
 * @p: platform, which says what it is to be like
 *
 * Return: operations for struct pci_tsm_ops.
 */
const struct pci_tdi_ops *sim_link_tdi_ops_init(struct sim_link_tsm *tsm,
						const struct sim_platform *p)
{
	tsm->tdi_ops = sim_link_tdi_ops;
	tsm->tdi_ops.arch = p->arch;
	tsm->tdi_ops.op_mask = p->op_mask;
	tsm->tdi_ops.guest_rid_bits = p->guest_rid_bits;
	if (p->revoke_first)
		tsm->tdi_ops.flags |= PCI_TDI_REVOKE_BEFORE_STOP;
	if (p->confidential_vm)
		tsm->tdi_ops.flags |= PCI_TDI_CONFIDENTIAL_VM;
	if (p->lock_msix)
		tsm->lock_flags = TDISP_LOCK_MSIX;
	return &tsm->tdi_ops;
}
