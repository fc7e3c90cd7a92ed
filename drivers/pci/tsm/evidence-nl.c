// SPDX-License-Identifier: GPL-2.0-only
/*
 * Evidence about locked functions by generic netlink: read whole, made anew,
 * said to be verified; and the states of functions as they change. See
 * Documentation/netlink/specs/pci-tsm.yaml.
 *
 * Certificates and serial numbers identify a machine: what a function says of
 * itself is read by who may administer the network (CAP_NET_ADMIN), as is what
 * makes it trusted. States are for everybody, as they are in sysfs.
 */
#include <linux/cleanup.h>
#include <linux/init.h>
#include <linux/pci.h>
#include <linux/skbuff.h>
#include <net/genetlink.h>
#include <kunit/visibility.h>

#include "devsec.h"
#include "evidence-nl-gen.h"

/* The specification has these for those who do not read headers */
static_assert((int)PCI_TSM_OBJECT_TYPE_TRANSCRIPT == TSM_OBJECT_TRANSCRIPT);
static_assert((int)PCI_TSM_OBJECT_TYPE_CERTIFICATE_CHAIN ==
	      TSM_OBJECT_CERTIFICATE_CHAIN);
static_assert((int)PCI_TSM_OBJECT_TYPE_MEASUREMENTS == TSM_OBJECT_MEASUREMENTS);
static_assert((int)PCI_TSM_OBJECT_TYPE_INTERFACE_REPORT ==
	      TSM_OBJECT_INTERFACE_REPORT);
static_assert(PCI_TSM_OBJECT_TYPE_INTERFACE_REPORT + 1 == PCI_DEVSEC_NR_OBJECTS);
static_assert((int)PCI_TSM_DIGEST_ALG_SHA384 == TSM_DIGEST_SHA384);
static_assert(PCI_TSM_NONCE_SIZE == TSM_NONCE_SIZE);
static_assert((int)PCI_TSM_STATE_UNLOCKED == TSM_DEVSEC_UNLOCKED);
static_assert((int)PCI_TSM_STATE_LOCKING == TSM_DEVSEC_LOCKING);
static_assert((int)PCI_TSM_STATE_LOCKED == TSM_DEVSEC_LOCKED);
static_assert((int)PCI_TSM_STATE_ACCEPTING == TSM_DEVSEC_ACCEPTING);
static_assert((int)PCI_TSM_STATE_RUN == TSM_DEVSEC_RUN);
static_assert((int)PCI_TSM_STATE_UNLOCKING == TSM_DEVSEC_UNLOCKING);
static_assert((int)PCI_TSM_STATE_LOST == TSM_DEVSEC_LOST);
static_assert((int)PCI_TSM_STATE_STUCK == TSM_DEVSEC_STUCK);

/* The function that is named, with a reference, or NULL with the reason said */
static struct pci_dev *tsm_nl_function(const struct genl_info *info)
{
	struct nlattr *attr = info->attrs[PCI_TSM_A_EVIDENCE_DEV];
	struct device *dev;

	if (!attr) {
		GENL_SET_ERR_MSG(info, "no function is named");
		return NULL;
	}

	dev = bus_find_device_by_name(&pci_bus_type, NULL, nla_data(attr));
	if (!dev) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such function");
		return NULL;
	}
	return to_pci_dev(dev);
}

/* --- reading ---------------------------------------------------------------- */

static struct tsm_nl_dump *tsm_nl_dump(struct netlink_callback *cb)
{
	NL_ASSERT_CTX_FITS(struct tsm_nl_dump);
	return (struct tsm_nl_dump *)cb->ctx;
}

/**
 * tsm_nl_dump_begin() - begin to dump the present evidence about a function
 * @dump: to be filled in
 * @pdev: function
 * @types: bit n: the object of &enum tsm_object_type n
 *
 * Return: 0, with references until tsm_nl_dump_end(); -EINVAL: there is none.
 */
int tsm_nl_dump_begin(struct tsm_nl_dump *dump, struct pci_dev *pdev, u32 types)
{
	struct tsm_evidence *e = tsm_evidence_get(pdev);

	if (!e)
		return -EINVAL;

	*dump = (struct tsm_nl_dump) {
		.pdev = pci_dev_get(pdev),
		.e = e,
		.types = types,
	};
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_nl_dump_begin);

void tsm_nl_dump_end(struct tsm_nl_dump *dump)
{
	tsm_evidence_put(dump->e);
	pci_dev_put(dump->pdev);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_nl_dump_end);

/* Is it what the function would be accepted by? */
static bool tsm_nl_is_present(struct tsm_nl_dump *dump)
{
	struct tsm_evidence *e = tsm_evidence_get(dump->pdev);

	if (e)
		tsm_evidence_put(e);
	return e == dump->e;
}

/* A part of the object that the dump is at, as large as fits */
static int tsm_nl_put_part(struct tsm_nl_dump *dump, struct sk_buff *skb,
			   const struct genl_info *info)
{
	struct tsm_object *o = &dump->e->object[dump->type];
	int room;
	u32 len;
	void *hdr;

	hdr = genlmsg_iput(skb, info);
	if (!hdr)
		return -EMSGSIZE;

	if (nla_put_u32(skb, PCI_TSM_A_EVIDENCE_TYPE, dump->type) ||
	    nla_put_u64_64bit(skb, PCI_TSM_A_EVIDENCE_GENERATION,
			      dump->e->generation, PCI_TSM_A_EVIDENCE_PAD) ||
	    nla_put_u32(skb, PCI_TSM_A_EVIDENCE_TOTAL, o->len) ||
	    nla_put_u32(skb, PCI_TSM_A_EVIDENCE_OFFSET, dump->offset))
		goto cancel;
	if (!dump->offset &&
	    (nla_put_u32(skb, PCI_TSM_A_EVIDENCE_DIGEST_ALG,
			 PCI_TSM_DIGEST_ALG_SHA384) ||
	     nla_put(skb, PCI_TSM_A_EVIDENCE_DIGEST, sizeof(o->digest),
		     o->digest)))
		goto cancel;

	/* of what a message may have; an attribute has 16 bits for its length */
	room = round_down(skb_tailroom(skb), NLA_ALIGNTO) - NLA_HDRLEN;
	len = min_t(u32, o->len - dump->offset, SZ_32K);
	if (room <= 0 || (len > room && room < SZ_1K))
		goto cancel;
	len = min_t(u32, len, room);
	if (nla_put(skb, PCI_TSM_A_EVIDENCE_DATA, len, o->bytes + dump->offset))
		goto cancel;

	genlmsg_end(skb, hdr);
	dump->offset += len;
	return 0;

cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

/**
 * tsm_nl_dump_some() - go on with a dump, as far as there is room
 * @dump: begun
 * @skb: where it goes
 * @info: what it answers
 *
 * Return: 0 at its end; bytes in @skb if there is more to come; -EAGAIN: there is
 * other evidence since it began; -EMSGSIZE: no room for a part.
 */
int tsm_nl_dump_some(struct tsm_nl_dump *dump, struct sk_buff *skb,
		     const struct genl_info *info)
{
	if (!tsm_nl_is_present(dump))
		return -EAGAIN;

	for (; dump->type < PCI_DEVSEC_NR_OBJECTS; dump->type++) {
		struct tsm_object *o = &dump->e->object[dump->type];

		if (!(dump->types & BIT(dump->type)))
			continue;
		while (dump->offset < o->len) {
			int rc = tsm_nl_put_part(dump, skb, info);

			if (rc)
				return skb->len ? skb->len : rc;
		}
		dump->offset = 0;
	}

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_nl_dump_some);

/*
 * Functions are not of a network namespace, and who administers one need not
 * administer those.
 */
static bool tsm_nl_elsewhere(const struct genl_info *info)
{
	return !net_eq(genl_info_net(info), &init_net);
}

int pci_tsm_nl_get_start(struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct nlattr *types = info->attrs[PCI_TSM_A_EVIDENCE_TYPES];
	struct pci_dev *pdev __free(pci_dev_put) = tsm_nl_function(info);
	int rc;

	if (tsm_nl_elsewhere(info))
		return -EPERM;
	if (!pdev)
		return info->attrs[PCI_TSM_A_EVIDENCE_DEV] ? -ENODEV : -EINVAL;

	rc = tsm_nl_dump_begin(tsm_nl_dump(cb), pdev,
			       types ? nla_get_u32(types) : ~0);
	if (rc)
		GENL_SET_ERR_MSG(info, "the function is not locked");
	return rc;
}

int pci_tsm_nl_get_done(struct netlink_callback *cb)
{
	tsm_nl_dump_end(tsm_nl_dump(cb));
	return 0;
}

int pci_tsm_nl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	int rc = tsm_nl_dump_some(tsm_nl_dump(cb), skb, genl_info_dump(cb));

	/* NLM_F_DUMP_INTR for those who look for that */
	cb->prev_seq = 1;
	cb->seq = rc == -EAGAIN ? 2 : 1;
	return rc;
}

/* --- verifying ---------------------------------------------------------------- */

int pci_tsm_nl_refresh_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pci_dev *pdev __free(pci_dev_put) = tsm_nl_function(info);

	if (tsm_nl_elsewhere(info))
		return -EPERM;
	if (GENL_REQ_ATTR_CHECK(info, PCI_TSM_A_EVIDENCE_DEV) ||
	    GENL_REQ_ATTR_CHECK(info, PCI_TSM_A_EVIDENCE_TYPES) ||
	    GENL_REQ_ATTR_CHECK(info, PCI_TSM_A_EVIDENCE_NONCE))
		return -EINVAL;
	if (!pdev)
		return -ENODEV;

	return tsm_evidence_refresh(pdev,
				    nla_get_u32(info->attrs[PCI_TSM_A_EVIDENCE_TYPES]),
				    nla_data(info->attrs[PCI_TSM_A_EVIDENCE_NONCE]));
}

int pci_tsm_nl_validate_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pci_dev *pdev __free(pci_dev_put) = tsm_nl_function(info);

	if (tsm_nl_elsewhere(info))
		return -EPERM;
	if (GENL_REQ_ATTR_CHECK(info, PCI_TSM_A_EVIDENCE_DEV) ||
	    GENL_REQ_ATTR_CHECK(info, PCI_TSM_A_EVIDENCE_GENERATION))
		return -EINVAL;
	if (!pdev)
		return -ENODEV;

	return tsm_evidence_validate(pdev,
				     nla_get_u64(info->attrs[PCI_TSM_A_EVIDENCE_GENERATION]));
}

/* --- events ----------------------------------------------------------------- */

/*
 * Begin an event about a function, if anybody listens. Without memory nobody is
 * told, as by a socket that is full: its owner asks.
 */
static struct sk_buff *tsm_nl_event(struct pci_dev *pdev, unsigned int group,
				    u8 cmd, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&pci_tsm_nl_family, &init_net, group))
		return NULL;

	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return NULL;

	*hdr = genlmsg_put(skb, 0, 0, &pci_tsm_nl_family, 0, cmd);
	if (!*hdr ||
	    nla_put_string(skb, PCI_TSM_A_EVIDENCE_DEV, pci_name(pdev))) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

static void tsm_nl_tell(struct sk_buff *skb, unsigned int group, void *hdr)
{
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&pci_tsm_nl_family, skb, 0, group, GFP_KERNEL);
}

/**
 * tsm_evidence_nl_state() - tell who listens of a function's state
 * @pdev: function
 * @state: its state, one that lasts
 * @generation: of the evidence about it, 0 if there is none
 *
 * Context: May sleep.
 */
void tsm_evidence_nl_state(struct pci_dev *pdev, enum tsm_devsec_state state,
			   u64 generation)
{
	struct sk_buff *skb;
	void *hdr;

	skb = tsm_nl_event(pdev, PCI_TSM_NLGRP_STATE, PCI_TSM_CMD_STATE_NTF,
			   &hdr);
	if (!skb)
		return;

	if (nla_put_u32(skb, PCI_TSM_A_EVIDENCE_STATE, state) ||
	    nla_put_u64_64bit(skb, PCI_TSM_A_EVIDENCE_GENERATION, generation,
			      PCI_TSM_A_EVIDENCE_PAD)) {
		nlmsg_free(skb);
		return;
	}
	tsm_nl_tell(skb, PCI_TSM_NLGRP_STATE, hdr);
}

/**
 * tsm_evidence_nl_refreshed() - tell who listens that evidence was made anew, or not
 * @pdev: function
 * @refresh: what was asked for
 * @generation: of the evidence, 0 after an error
 * @rc: 0, or the error
 *
 * Context: May sleep.
 */
void tsm_evidence_nl_refreshed(struct pci_dev *pdev,
			       const struct tsm_refresh *refresh,
			       u64 generation, int rc)
{
	struct sk_buff *skb;
	void *hdr;

	skb = tsm_nl_event(pdev, PCI_TSM_NLGRP_EVIDENCE,
			   PCI_TSM_CMD_REFRESH_NTF, &hdr);
	if (!skb)
		return;

	if (nla_put_u32(skb, PCI_TSM_A_EVIDENCE_TYPES, refresh->types) ||
	    nla_put(skb, PCI_TSM_A_EVIDENCE_NONCE, sizeof(refresh->nonce),
		    refresh->nonce) ||
	    nla_put_u64_64bit(skb, PCI_TSM_A_EVIDENCE_GENERATION, generation,
			      PCI_TSM_A_EVIDENCE_PAD) ||
	    nla_put_u32(skb, PCI_TSM_A_EVIDENCE_ERROR, -rc)) {
		nlmsg_free(skb);
		return;
	}
	tsm_nl_tell(skb, PCI_TSM_NLGRP_EVIDENCE, hdr);
}

/* Generic netlink itself begins to work as a subsystem */
static int __init tsm_evidence_nl_init(void)
{
	return genl_register_family(&pci_tsm_nl_family);
}
subsys_initcall_sync(tsm_evidence_nl_init);
