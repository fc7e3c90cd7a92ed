// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of guests to the link TSM: evidence, private MMIO, and messages.
 * Where they come from is not trusted: whatever they say is checked here.
 */
#define dev_fmt(fmt) "tsm-sim: " fmt

#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/pci-tdi-report.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/tsm_sim.h>

#include "link.h"

/* No power of two: what is in another place than it was read from shows */
#define SIM_LINK_PATTERN	251

/* A guest validates each part of each BAR once */
#define SIM_LINK_MAX_MMIO	64

static_assert(SPDM_NONCE_SIZE == TSM_NONCE_SIZE);
static_assert(SPDM_NONCE_SIZE == TSM_SIM_NONCE_SIZE);
static_assert(SPDM_HASH_SIZE == TSM_SIM_DIGEST_SIZE);
static_assert(TSM_OBJECT_INTERFACE_REPORT < TSM_SIM_NR_OBJECTS);

/* Evidence */

static void sim_link_blob_forget(struct sim_link_blob *blob)
{
	kvfree(blob->bytes);
	*blob = (struct sim_link_blob) { };
}

/**
 * sim_link_blob_set() - an object has another content
 * @blob: object
 * @p: content
 * @len: its bytes
 *
 * Return: 0; -ENOMEM with nothing changed.
 */
int sim_link_blob_set(struct sim_link_blob *blob, const void *p, size_t len)
{
	void *bytes = kvmemdup(p, len, GFP_KERNEL);

	if (!bytes)
		return -ENOMEM;
	kvfree(blob->bytes);
	blob->bytes = bytes;
	blob->len = len;
	blob->generation = sim_link_next_generation();
	return 0;
}

/*
 * What was negotiated; followed by what tells its bytes apart, where the device is
 * configured for a larger transcript. That of a session does not change.
 */
static int sim_link_transcript(struct sim_link_session *s, const void **bytes,
			       size_t *len)
{
	size_t want = READ_ONCE(s->device->transcript_bytes);
	int rc;

	rc = spdm_requester_vca(&s->requester, bytes, len);
	if (rc)
		return rc;
	if (!s->transcript && want > *len) {
		s->transcript = kvmalloc(want, GFP_KERNEL);
		if (!s->transcript)
			return -ENOMEM;
		s->transcript_len = want;
		memcpy(s->transcript, *bytes, *len);
		for (size_t i = *len; i < want; i++)
			s->transcript[i] = i % SIM_LINK_PATTERN;
	}
	if (s->transcript) {
		*bytes = s->transcript;
		*len = s->transcript_len;
	}
	return 0;
}

/*
 * What connect has exchanged is the session's, and does not change. Call @use
 * with the object, or with none if there is none.
 */
static int sim_link_object(struct sim_link_tdi *t, u32 type,
			   void (*use)(void *ctx, const struct sim_link_blob *),
			   void *ctx)
{
	struct sim_link_session *s = t->session;
	struct sim_link_blob blob = { .generation = s->generation };
	const void *bytes = NULL;
	int rc;

	if (type == TSM_OBJECT_INTERFACE_REPORT) {
		use(ctx, &t->report);
		return 0;
	}
	if (type == TSM_OBJECT_MEASUREMENTS && t->measurements.bytes) {
		use(ctx, &t->measurements);
		return 0;
	}

	rc = sim_link_begin(s, SIM_LINK_TALKING);
	if (rc)
		return rc;
	switch (type) {
	case TSM_OBJECT_TRANSCRIPT:
		rc = sim_link_transcript(s, &bytes, &blob.len);
		break;
	case TSM_OBJECT_CERTIFICATE_CHAIN:
		rc = spdm_requester_cert_chain(&s->requester, &bytes,
					       &blob.len);
		break;
	case TSM_OBJECT_MEASUREMENTS:
		/* Those of connect, or another guest's: none are this guest's */
		break;
	default:
		rc = -EOPNOTSUPP;
	}
	/* A session that was lost proves nothing any more */
	if (rc == -EINVAL)
		rc = -EIO;
	if (!rc) {
		blob.bytes = (void *)bytes;
		use(ctx, &blob);
	}
	sim_link_end(s);
	return rc;
}

struct sim_link_read {
	u64 offset;
	void *buf;
	size_t len;
	int rc;
};

static void sim_link_read_part(void *ctx, const struct sim_link_blob *blob)
{
	struct sim_link_read *r = ctx;

	if (r->offset > blob->len) {
		r->rc = -EINVAL;
		return;
	}
	r->len = min_t(u64, r->len, blob->len - r->offset);
	if (r->len)
		memcpy(r->buf, blob->bytes + r->offset, r->len);
}

static int sim_link_read_object(struct sim_link_tdi *t,
				const struct tsm_read_object *req, void *resp,
				size_t *resp_len)
{
	struct sim_link_read r = {
		.offset = req->offset,
		.buf = resp,
		.len = *resp_len,
	};
	int rc;

	if (req->__reserved)
		return -EOPNOTSUPP;
	rc = sim_link_object(t, req->type, sim_link_read_part, &r);
	rc = rc ?: r.rc;
	if (!rc)
		*resp_len = r.len;
	return rc;
}

static void sim_link_describe(void *ctx, const struct sim_link_blob *blob)
{
	struct tsm_object_info_resp *info = ctx;

	info->size = blob->len;
	info->generation = blob->generation;
}

static int sim_link_object_info(struct sim_link_tdi *t,
				const struct tsm_object_info *req,
				struct tsm_object_info_resp *resp)
{
	if (req->__reserved)
		return -EOPNOTSUPP;
	/* Kept is a big word: it is made when the guest asks for it */
	*resp = (struct tsm_object_info_resp) {
		.digest_alg = TSM_DIGEST_SHA384,
	};
	return sim_link_object(t, req->type, sim_link_describe, resp);
}

static int sim_link_regen_measurements(struct sim_link_tdi *t,
				       const u8 nonce[SPDM_NONCE_SIZE])
{
	struct sim_link_session *s = t->session;
	const void *msg;
	size_t len;
	int rc;

	rc = sim_link_begin(s, SIM_LINK_TALKING);
	if (rc)
		return rc;
	rc = sim_link_measure(s, nonce);
	rc = rc ?: spdm_requester_measurements(&s->requester, &msg, &len);
	rc = rc ?: sim_link_blob_set(&t->measurements, msg, len);
	if (!rc)
		memcpy(t->measurement_nonce, nonce, SPDM_NONCE_SIZE);
	sim_link_end(s);
	return rc;
}

static int sim_link_regen_report(struct sim_link_tdi *t, u64 *tsm_code)
{
	int n;

	void *buf __free(kvfree) = kvmalloc(PCI_TDI_REPORT_MAX_SIZE,
					    GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	n = sim_link_tdi_read_report(t, buf, PCI_TDI_REPORT_MAX_SIZE,
				     tsm_code);
	if (n < 0)
		return n;
	/* It is one of the lock: what the guest validated depends on it */
	if (n != t->report.len || memcmp(buf, t->report.bytes, n))
		return -EBADMSG;
	return sim_link_blob_set(&t->report, buf, n);
}

static int sim_link_regen_object(struct sim_link_tdi *t,
				 const struct tsm_regen_object *req,
				 struct tsm_regen_object_resp *resp,
				 u64 *tsm_code)
{
	int rc;

	if (req->flags)
		return -EOPNOTSUPP;

	switch (req->type) {
	case TSM_OBJECT_MEASUREMENTS:
		rc = sim_link_regen_measurements(t, req->nonce);
		resp->generation = t->measurements.generation;
		return rc;
	case TSM_OBJECT_INTERFACE_REPORT:
		rc = sim_link_regen_report(t, tsm_code);
		resp->generation = t->report.generation;
		return rc;
	}
	/* The others are of connect: only another one makes them anew */
	return -EOPNOTSUPP;
}

/* Private MMIO */

static bool sim_link_mmio_overlaps(const struct sim_link_mmio *m, u64 gpa,
				   u64 len)
{
	return gpa < m->gpa + m->len && m->gpa < gpa + len;
}

/* A guest page is one page of the device, and stays so until the TDI is stopped */
static int sim_link_mmio_add(struct sim_link_tdi *t,
			     const struct tsm_validate_mmio *req)
{
	struct sim_link_mmio *m;

	list_for_each_entry(m, &t->mmio, node) {
		if (m->gpa == req->gpa && m->len == req->length &&
		    m->bar == req->region && m->offset == req->offset)
			return 0;
		if (sim_link_mmio_overlaps(m, req->gpa, req->length))
			return -EEXIST;
	}
	if (t->nr_mmio == SIM_LINK_MAX_MMIO)
		return -ENOSPC;

	m = kmalloc_obj(*m);
	if (!m)
		return -ENOMEM;
	*m = (struct sim_link_mmio) {
		.gpa = req->gpa,
		.len = req->length,
		.bar = req->region,
		.offset = req->offset,
	};
	list_add_tail(&m->node, &t->mmio);
	t->nr_mmio++;
	sim_link_mmio_digest(t->mmio_digest, req);
	return 0;
}

static int sim_link_validate_mmio(struct sim_link_tdi *t,
				  const struct tsm_validate_mmio *req)
{
	u64 end;

	if (req->flags)
		return -EOPNOTSUPP;
	if (!req->length || req->region >= PCI_STD_NUM_BARS ||
	    !IS_ALIGNED(req->gpa | req->length | req->offset, SZ_4K) ||
	    check_add_overflow(req->gpa, req->length, &end) ||
	    check_add_overflow(req->offset, req->length, &end))
		return -EINVAL;
	if (!t->parsed || !pci_tdi_report_is_tee(t->parsed, req->region,
						 req->offset, req->length))
		return -EPERM;
	return sim_link_mmio_add(t, req);
}

/**
 * sim_link_forget_bind() - forget what a lock and its guest have brought
 * @t: TDI that is stopped
 */
void sim_link_forget_bind(struct sim_link_tdi *t)
{
	struct sim_link_mmio *m, *next;

	list_for_each_entry_safe(m, next, &t->mmio, node) {
		list_del(&m->node);
		kfree(m);
	}
	t->nr_mmio = 0;
	memset(t->mmio_digest, 0, sizeof(t->mmio_digest));
	sim_link_blob_forget(&t->report);
	sim_link_blob_forget(&t->measurements);
	memset(t->measurement_nonce, 0, sizeof(t->measurement_nonce));
	pci_tdi_report_free(t->parsed);
	t->parsed = NULL;
}

/* Messages, see include/uapi/linux/tsm_sim.h */

static void sim_link_digest(void *ctx, const struct sim_link_blob *blob)
{
	struct tsm_sim_object *object = ctx;

	object->size = blob->len;
	object->generation = blob->generation;
	if (blob->len)
		spdm_hash_once(&spdm_kernel_crypto, blob->bytes, blob->len,
			       object->digest);
}

static int sim_link_tdi_info(struct sim_link_tdi *t,
			     struct tsm_sim_tdi_info *info, u64 *tsm_code)
{
	enum tsm_tdi_state state;
	struct sim_link_mmio *m;
	bool lost;
	int rc;

	rc = sim_link_tdi_state(t, &state, tsm_code);
	/* nobody can ask the device any more, but the firmware knows what it did */
	lost = rc == -EIO && READ_ONCE(t->session->lost);
	if (lost)
		state = TSM_TDI_ERROR;
	else if (rc)
		return rc;

	*info = (struct tsm_sim_tdi_info) {
		.type = TSM_SIM_MSG_TDI_INFO,
		.state = state,
		.guest_rid = t->guest_rid,
	};
	if (lost)
		info->flags |= TSM_SIM_TDI_LOST;
	scoped_guard(mutex, &t->tsm->lock)
		if (t->trusted)
			info->flags |= TSM_SIM_TDI_DMA;
	if (t->viommu)
		info->flags |= TSM_SIM_TDI_VIOMMU;
	list_for_each_entry(m, &t->mmio, node)
		info->mmio_bytes += m->len;
	memcpy(info->measurement_nonce, t->measurement_nonce,
	       sizeof(info->measurement_nonce));
	memcpy(info->mmio_digest, t->mmio_digest, sizeof(info->mmio_digest));
	for (u32 type = 0; type < TSM_SIM_NR_OBJECTS; type++) {
		rc = sim_link_object(t, type, sim_link_digest,
				     &info->object[type]);
		/* objects of a session go with it */
		if (rc && !(rc == -EIO && lost))
			return rc;
	}
	return 0;
}

static int sim_link_guest_msg(struct sim_link_tdi *t,
			      const struct tsm_sim_msg *req, size_t req_len,
			      void *resp, size_t *resp_len, u64 *tsm_code)
{
	size_t size = *resp_len;

	if (req_len != sizeof(*req))
		return -EINVAL;
	if (req->__reserved || req->type != TSM_SIM_MSG_TDI_INFO)
		return -EOPNOTSUPP;

	*resp_len = sizeof(struct tsm_sim_tdi_info);
	if (size < *resp_len)
		return -EMSGSIZE;
	return sim_link_tdi_info(t, resp, tsm_code);
}

/**
 * sim_link_guest_req() - see &pci_tdi_ops.guest_req
 * @tdi: TDI
 * @op: &enum tsm_op
 * @req: request
 * @req_len: its bytes: as many as @op says, or any for TSM_OP_GUEST_MSG
 * @resp: where the response goes
 * @resp_len: bytes that fit there; then those that are there or are needed
 * @tsm_code: result code
 *
 * Return: 0; -EINVAL: something in the request is not as it should be;
 * -EOPNOTSUPP: no such object, message or operation, or an object that cannot be
 * made anew; -EPERM: MMIO that is not for the guest alone; -EEXIST: something
 * else is at this guest address; -ENOSPC: too many ranges; -EMSGSIZE; -EBADMSG:
 * the device's report is not the one of the lock; an error of the conversation.
 */
int sim_link_guest_req(struct pci_tsm_tdi *tdi, enum tsm_op op,
		       const void *req, size_t req_len, void *resp,
		       size_t *resp_len, u64 *tsm_code)
{
	struct sim_link_tdi *t = to_sim_link_tdi(tdi);

	switch (op) {
	case TSM_OP_VALIDATE_MMIO:
		*resp_len = 0;
		return sim_link_validate_mmio(t, req);
	case TSM_OP_READ_OBJECT:
		return sim_link_read_object(t, req, resp, resp_len);
	case TSM_OP_REGEN_OBJECT:
		*resp_len = sizeof(struct tsm_regen_object_resp);
		return sim_link_regen_object(t, req, resp, tsm_code);
	case TSM_OP_OBJECT_INFO:
		*resp_len = sizeof(struct tsm_object_info_resp);
		return sim_link_object_info(t, req, resp);
	case TSM_OP_GUEST_MSG:
		return sim_link_guest_msg(t, req, req_len, resp, resp_len,
					  tsm_code);
	default:
		return -EOPNOTSUPP;
	}
}
