// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devsec TSM of a guest. Everything but the word of the trusted firmware comes
 * through the host, and is not believed: each answer is held against what the
 * firmware knows of the TDI.
 */
#define dev_fmt(fmt) "tsm-sim guest: " fmt

#include <linux/cleanup.h>
#include <linux/device/faux.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tsm.h>
#include <uapi/linux/tsm_sim.h>

#include "../spdm/spdm.h"
#include "guest.h"
#include "link.h"

/* What a host is asked for at a time: it need not take more */
#define SIM_GUEST_CHUNK		SZ_2K

/**
 * struct sim_guest_object - an object of evidence, as the firmware vouches for it
 * @bytes: it
 * @len: their number
 * @generation: as the firmware has it
 */
struct sim_guest_object {
	void *bytes;
	size_t len;
	u64 generation;
};

/**
 * struct sim_guest_lock - a locked function
 * @base: what the core knows of it
 * @g: guest
 * @generation: of the interface report, as the firmware has it: that of the lock, or
 *	of the last one that the guest has asked for
 * @dma: the guest has asked for DMA
 * @mmio_digest: of the MMIO that it has validated, see &struct tsm_sim_tdi_info
 * @object: what was read, by &enum tsm_object_type
 */
struct sim_guest_lock {
	struct pci_tsm_devsec base;
	struct sim_guest *g;
	u64 generation;
	bool dma;
	u8 mmio_digest[TSM_SIM_DIGEST_SIZE];
	struct sim_guest_object object[TSM_SIM_NR_OBJECTS];
};

static struct sim_guest_lock *to_sim_guest_lock(struct pci_tsm_devsec *ctx)
{
	return container_of(ctx, struct sim_guest_lock, base);
}

static struct sim_guest *to_sim_guest(struct tsm_dev *tsm_dev)
{
	/* Not const in the memory that it is in */
	return container_of((struct pci_tsm_ops *)tsm_dev->pci_ops,
			    struct sim_guest, tsm_ops);
}

/**
 * sim_guest_pdev() - the function that the core talks about
 * @g: guest, in an operation of its TSM
 *
 * Return: it: another one than sim_guest::pdev if that was removed, could not be
 * unlocked, and came again.
 */
struct pci_dev *sim_guest_pdev(struct sim_guest *g)
{
	return g->locked ? g->locked->base.pdev : g->pdev;
}

/* What the firmware knows; -ENXIO: there is no such TDI any more */
static int sim_guest_info(struct sim_guest *g, struct tsm_sim_tdi_info *info)
{
	const struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };

	return sim_guest_firmware_msg(g, &msg, sizeof(msg), info, sizeof(*info));
}

/* An operation without an answer, and then what the firmware knows */
static int sim_guest_op(struct sim_guest *g, enum tsm_op op, const void *req,
			size_t req_len, struct tsm_sim_tdi_info *info,
			u64 *tsm_code)
{
	size_t none = 0;
	int rc;

	rc = sim_guest_host_req(g, op, req, req_len, NULL, &none, tsm_code);
	return rc ?: sim_guest_info(g, info);
}

/* --- evidence ---------------------------------------------------------------- */

static void sim_guest_forget(struct sim_guest_object *o)
{
	kvfree(o->bytes);
	*o = (struct sim_guest_object) { };
}

static int sim_guest_read_bytes(struct sim_guest_lock *l, u32 type, u8 *bytes,
				size_t len)
{
	struct tsm_read_object req = { .type = type };
	u64 tsm_code = 0;

	while (req.offset < len) {
		size_t n = min_t(size_t, len - req.offset, SIM_GUEST_CHUNK);
		int rc;

		rc = pci_devsec_may_go_on(l->base.pdev);
		rc = rc ?: sim_guest_host_req(l->g, TSM_OP_READ_OBJECT, &req,
					      sizeof(req), bytes + req.offset,
					      &n, &tsm_code);
		if (rc)
			return rc;
		/* the host thinks that it ends here, or has more than there is */
		if (!n || n > min_t(size_t, len - req.offset, SIM_GUEST_CHUNK))
			return -EBADMSG;
		req.offset += n;
	}
	return 0;
}

/* Have an object that is what the firmware says that it is */
static int sim_guest_fetch(struct sim_guest_lock *l, u32 type)
{
	struct sim_guest_object new = {}, *o = &l->object[type];
	const struct tsm_sim_object *known;
	struct tsm_sim_tdi_info info;
	u8 digest[TSM_SIM_DIGEST_SIZE];
	int rc;

	rc = sim_guest_info(l->g, &info);
	if (rc)
		return rc;

	known = &info.object[type];
	if (known->size > PCI_DEVSEC_OBJECT_MAX)
		return -EFBIG;
	new.len = known->size;
	new.generation = known->generation;
	if (new.len) {
		new.bytes = kvmalloc(new.len, GFP_KERNEL);
		if (!new.bytes)
			return -ENOMEM;
		rc = sim_guest_read_bytes(l, type, new.bytes, new.len);
		if (!rc) {
			spdm_hash_once(&spdm_kernel_crypto, new.bytes, new.len,
				       digest);
			if (memcmp(digest, known->digest, sizeof(digest)))
				rc = -EBADMSG;
		}
	}
	if (rc) {
		sim_guest_forget(&new);
		return rc;
	}

	sim_guest_forget(o);
	*o = new;
	return 0;
}

static ssize_t sim_guest_read_object(struct pci_tsm_devsec *ctx,
				     enum tsm_object_type type, u64 offset,
				     void *buf, size_t len)
{
	struct sim_guest_lock *l = to_sim_guest_lock(ctx);
	struct sim_guest_object *o = &l->object[type];
	int rc;

	if (!offset) {
		rc = sim_guest_fetch(l, type);
		if (rc)
			return rc;
	}
	if (offset >= o->len)
		return 0;
	len = min_t(u64, len, o->len - offset);
	memcpy(buf, o->bytes + offset, len);
	return len;
}

static int sim_guest_regen_object(struct pci_tsm_devsec *ctx,
				  enum tsm_object_type type,
				  const u8 nonce[TSM_NONCE_SIZE])
{
	struct sim_guest_lock *l = to_sim_guest_lock(ctx);
	struct tsm_sim_tdi_info info;
	struct tsm_regen_object req = { .type = type };
	struct tsm_regen_object_resp resp;
	size_t len = sizeof(resp);
	u64 tsm_code = 0;
	u64 was;
	int rc;

	rc = sim_guest_info(l->g, &info);
	if (rc)
		return rc;
	was = info.object[type].generation;

	memcpy(req.nonce, nonce, sizeof(req.nonce));
	rc = sim_guest_host_req(l->g, TSM_OP_REGEN_OBJECT, &req, sizeof(req),
				&resp, &len, &tsm_code);
	rc = rc ?: sim_guest_info(l->g, &info);
	if (rc)
		return rc;

	/* not made anew, or not with this nonce: the firmware knows both */
	if (info.object[type].generation == was ||
	    (type == TSM_OBJECT_MEASUREMENTS &&
	     memcmp(info.measurement_nonce, nonce, TSM_NONCE_SIZE)))
		return -EBADMSG;
	if (type == TSM_OBJECT_INTERFACE_REPORT)
		l->generation = info.object[type].generation;
	return 0;
}

/* --- states --------------------------------------------------------------------- */

static void sim_guest_lock_free(struct sim_guest_lock *l)
{
	if (!l)
		return;
	for (int i = 0; i < TSM_SIM_NR_OBJECTS; i++)
		sim_guest_forget(&l->object[i]);
	kfree(l);
}

DEFINE_FREE(sim_guest_lock, struct sim_guest_lock *, sim_guest_lock_free(_T))

/* Is it locked, and this function? Measured by a nonce that nobody knew before */
static int sim_guest_begin(struct sim_guest_lock *l)
{
	struct tsm_sim_tdi_info info;
	u8 nonce[TSM_NONCE_SIZE];
	int rc;

	rc = sim_guest_info(l->g, &info);
	if (rc)
		return rc;
	if (info.state != TSM_TDI_LOCKED ||
	    info.guest_rid != pci_dev_id(l->base.pdev))
		return -EPERM;
	l->generation = info.object[TSM_OBJECT_INTERFACE_REPORT].generation;

	get_random_bytes(nonce, sizeof(nonce));
	return sim_guest_regen_object(&l->base, TSM_OBJECT_MEASUREMENTS, nonce);
}

/* Whatever the host has locked */
static void sim_guest_give_back(struct sim_guest *g)
{
	struct tsm_sim_tdi_info info;
	u64 ignored = 0;

	g->giving_back = true;
	if (!sim_guest_info(g, &info) && info.state != TSM_TDI_UNLOCKED)
		sim_guest_host_stop(g, &ignored);
	g->giving_back = false;
}

static struct pci_tsm_devsec *sim_guest_lock(struct tsm_dev *tsm_dev,
					     struct pci_dev *pdev, u64 *tsm_code)
{
	struct sim_guest *g = to_sim_guest(tsm_dev);
	int rc;

	if (pdev != g->pdev)
		return ERR_PTR(-ENXIO);

	struct sim_guest_lock *l __free(sim_guest_lock) = kzalloc_obj(*l);
	if (!l)
		return ERR_PTR(-ENOMEM);
	l->g = g;
	l->base.pdev = pdev;

	/* one that says that it failed may have locked it for all that */
	rc = sim_guest_host_lock(g, tsm_code) ?: sim_guest_begin(l);
	if (rc) {
		sim_guest_give_back(g);
		return ERR_PTR(rc);
	}
	g->locked = no_free_ptr(l);
	return &g->locked->base;
}

/* Is it still the lock that is attested? Another one has another report. */
static bool sim_guest_same_lock(struct sim_guest_lock *l,
				const struct tsm_sim_tdi_info *info)
{
	return info->object[TSM_OBJECT_INTERFACE_REPORT].generation ==
	       l->generation;
}

/* Does it reach private memory before it was asked to, or afterwards? */
static bool sim_guest_unasked_dma(struct sim_guest_lock *l,
				  const struct tsm_sim_tdi_info *info)
{
	return info->flags & TSM_SIM_TDI_DMA && !l->dma;
}

static int sim_guest_accept(struct pci_tsm_devsec *ctx, u64 *tsm_code)
{
	struct sim_guest_lock *l = to_sim_guest_lock(ctx);
	struct tsm_sim_tdi_info info;
	int rc;

	rc = sim_guest_info(l->g, &info);
	if (rc)
		return rc;
	if (info.state != TSM_TDI_LOCKED || !sim_guest_same_lock(l, &info))
		return -ESTALE;

	rc = sim_guest_op(l->g, TSM_OP_START, NULL, 0, &info, tsm_code);
	if (rc)
		return rc;
	return info.state == TSM_TDI_RUN && sim_guest_same_lock(l, &info) &&
	       !sim_guest_unasked_dma(l, &info) ? 0 : -EPERM;
}

static int sim_guest_mmio(struct pci_tsm_devsec *ctx,
			  const struct pci_devsec_mmio *range, bool on)
{
	struct sim_guest_lock *l = to_sim_guest_lock(ctx);
	struct tsm_sim_tdi_info info;
	const struct tsm_validate_mmio req = {
		.gpa = range->start,
		.length = range->len,
		.region = range->bar,
		.offset = range->offset,
	};
	u64 tsm_code = 0;
	int rc;

	/* it ends with the lock, and not before */
	if (!on)
		return 0;

	rc = sim_guest_op(l->g, TSM_OP_VALIDATE_MMIO, &req, sizeof(req), &info,
			  &tsm_code);
	if (rc)
		return rc;

	/* this range, here, and before it those that were asked for */
	sim_link_mmio_digest(l->mmio_digest, &req);
	return memcmp(l->mmio_digest, info.mmio_digest,
		      sizeof(info.mmio_digest)) ? -EPERM : 0;
}

static int sim_guest_dma(struct pci_tsm_devsec *ctx, bool on)
{
	struct sim_guest_lock *l = to_sim_guest_lock(ctx);
	struct tsm_sim_tdi_info info;
	u64 tsm_code = 0;
	int rc, told;

	if (on) {
		l->dma = true;
		rc = sim_guest_op(l->g, TSM_OP_ENABLE_DMA, NULL, 0, &info,
				  &tsm_code);
		if (rc)
			return rc;
		return info.flags & TSM_SIM_TDI_DMA ? 0 : -EPERM;
	}

	/* in ERROR it can no longer be told, and need not be, if it knows of that */
	told = sim_guest_op(l->g, TSM_OP_DISABLE_DMA, NULL, 0, &info, &tsm_code);
	rc = told ? sim_guest_info(l->g, &info) : 0;
	if (rc && rc != -ENXIO)
		return rc;
	if (!rc && info.flags & TSM_SIM_TDI_DMA &&
	    (info.state == TSM_TDI_RUN || info.flags & TSM_SIM_TDI_LOST))
		return told ?: -EPERM;
	l->dma = false;
	return 0;
}

static int sim_guest_state(struct pci_tsm_devsec *ctx, enum tsm_tdi_state *state)
{
	struct sim_guest_lock *l = to_sim_guest_lock(ctx);
	struct tsm_sim_tdi_info info;
	int rc;

	rc = sim_guest_info(l->g, &info);
	/* no such TDI: that is an answer, too */
	if (rc == -ENXIO) {
		*state = TSM_TDI_ERROR;
		return 0;
	}
	if (rc)
		return rc;

	*state = sim_guest_same_lock(l, &info) &&
		 !sim_guest_unasked_dma(l, &info) ? info.state : TSM_TDI_ERROR;
	return 0;
}

/*
 * Nothing of the lock is left: the device is stopped; or nobody can ask it any more,
 * and the firmware has parted it from this VM.
 */
static bool sim_guest_released(const struct tsm_sim_tdi_info *info)
{
	return info->state == TSM_TDI_UNLOCKED ||
	       (info->state == TSM_TDI_ERROR &&
		!(info->flags & TSM_SIM_TDI_DMA) && !info->mmio_bytes &&
		!info->object[TSM_OBJECT_INTERFACE_REPORT].size);
}

static int sim_guest_unlock(struct pci_tsm_devsec *ctx, u64 *tsm_code)
{
	struct sim_guest_lock *l = to_sim_guest_lock(ctx);
	struct tsm_sim_tdi_info info;
	int rc, told;

	told = sim_guest_host_stop(l->g, tsm_code);
	/* quarantined: the firmware may still hold memory for it */
	if (told == -ENOTRECOVERABLE)
		return told;
	rc = sim_guest_info(l->g, &info);
	if (rc && rc != -ENXIO)
		return told ?: rc;
	if (!rc && !sim_guest_released(&info))
		return told ?: -EPERM;

	l->g->locked = NULL;
	sim_guest_lock_free(l);
	return 0;
}

static const struct pci_devsec_ops sim_guest_devsec_ops = {
	.owner = THIS_MODULE,
	.object_types = BIT(TSM_OBJECT_TRANSCRIPT) |
			BIT(TSM_OBJECT_CERTIFICATE_CHAIN) |
			BIT(TSM_OBJECT_MEASUREMENTS) |
			BIT(TSM_OBJECT_INTERFACE_REPORT),
	.regen_types = BIT(TSM_OBJECT_MEASUREMENTS) |
		       BIT(TSM_OBJECT_INTERFACE_REPORT),
	/* see sim_link_mmio_offset() */
	.mmio_base = PCI_TDI_MMIO_BAR_ALIGNED,
	.lock = sim_guest_lock,
	.read_object = sim_guest_read_object,
	.regen_object = sim_guest_regen_object,
	.accept = sim_guest_accept,
	.mmio = sim_guest_mmio,
	.dma = sim_guest_dma,
	.state = sim_guest_state,
	.unlock = sim_guest_unlock,
};

/**
 * sim_guest_tsm_up() - register the devsec TSM of a guest
 * @g: guest whose bus is there
 *
 * Return: 0 with sim_guest::tsm_dev set; what tsm_register() returns.
 */
int sim_guest_tsm_up(struct sim_guest *g)
{
	struct tsm_dev *tsm_dev;

	g->tsm_ops = (struct pci_tsm_ops) {
		.flags = PCI_TSM_OPS_PARALLEL,
		.devsec_ops = &sim_guest_devsec_ops,
	};
	tsm_dev = tsm_register(&g->faux->dev, &g->tsm_ops);
	if (IS_ERR(tsm_dev))
		return PTR_ERR(tsm_dev);
	g->tsm_dev = tsm_dev;
	return 0;
}

/**
 * sim_guest_tsm_down() - undo sim_guest_tsm_up()
 * @g: guest
 *
 * A function that is locked is unlocked.
 */
void sim_guest_tsm_down(struct sim_guest *g)
{
	if (g->tsm_dev)
		tsm_unregister(g->tsm_dev);
	g->tsm_dev = NULL;
	/* The core has given up one that was not unlocked; no firmware has it */
	sim_guest_lock_free(g->locked);
	g->locked = NULL;
}
