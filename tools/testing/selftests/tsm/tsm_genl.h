/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "pci-tsm", spoken by hand: evidence about a function
 * that is locked, and states as they change. No test logic here.
 *
 * Functions return 0 or a negative errno, the kernel's or of a system call.
 */
#ifndef __TSM_GENL_H
#define __TSM_GENL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/pci_tsm.h>
#include <linux/tsm.h>

#define GENL_BUF	65536
#define GENL_TYPES	(TSM_OBJECT_INTERFACE_REPORT + 1)
#define GENL_DIGEST	48
/* Long enough for an event to arrive, that was said to come */
#define GENL_WAIT_S	10
/* And this one after a conversation */
#define GENL_REFRESH_S	60

/**
 * struct genl - a socket of the family
 * @fd: of it
 * @refreshed: another one, for events about evidence
 * @family: number of the family
 * @group: number of its multicast group for states
 * @evidence: of that for evidence
 * @seq: of the last request
 * @hdr: header of the message in @buf
 * @buf: a message
 */
struct genl {
	int fd;
	int refreshed;
	uint16_t family;
	uint32_t group;
	uint32_t evidence;
	uint32_t seq;
	union {
		struct nlmsghdr hdr;
		uint8_t buf[GENL_BUF];
	};
};

/**
 * struct genl_object - an object of evidence as it was dumped
 * @bytes: it, for genl_forget()
 * @len: bytes that came
 * @total: bytes that were announced
 * @parts: messages that it came in
 * @alg: digest that goes with it
 * @digest: the same
 */
struct genl_object {
	uint8_t *bytes;
	uint32_t len;
	uint32_t total;
	unsigned int parts;
	uint32_t alg;
	uint8_t digest[GENL_DIGEST];
};

/**
 * struct genl_evidence - a dump
 * @generation: of the evidence
 * @object: by type
 */
struct genl_evidence {
	uint64_t generation;
	struct genl_object object[GENL_TYPES];
};

static inline void genl_begin(struct genl *g, uint16_t type, uint16_t flags,
			      uint8_t cmd)
{
	struct genlmsghdr *genl = NLMSG_DATA(&g->hdr);

	memset(g->buf, 0, NLMSG_SPACE(GENL_HDRLEN));
	g->hdr.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	g->hdr.nlmsg_type = type;
	g->hdr.nlmsg_flags = NLM_F_REQUEST | flags;
	g->hdr.nlmsg_seq = ++g->seq;
	genl->cmd = cmd;
	genl->version = PCI_TSM_FAMILY_VERSION;
}

static inline void genl_put(struct genl *g, uint16_t type, const void *p,
			    size_t len)
{
	struct nlattr *a = (void *)(g->buf + NLMSG_ALIGN(g->hdr.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((uint8_t *)a + NLA_HDRLEN, p, len);
	g->hdr.nlmsg_len = NLMSG_ALIGN(g->hdr.nlmsg_len) +
			   NLA_ALIGN(a->nla_len);
}

static inline const struct nlattr *genl_attr(const struct nlmsghdr *h,
					     uint16_t type)
{
	const uint8_t *p = (const uint8_t *)NLMSG_DATA(h) + GENL_HDRLEN;
	const uint8_t *end = (const uint8_t *)h + h->nlmsg_len;

	while (p + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const void *)p;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > end - p)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		p += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static inline const void *genl_data(const struct nlattr *a)
{
	return (const uint8_t *)a + NLA_HDRLEN;
}

static inline uint64_t genl_u64(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a = genl_attr(h, type);
	uint64_t val = 0;

	if (a)
		memcpy(&val, genl_data(a), a->nla_len - NLA_HDRLEN < 8 ?
					   a->nla_len - NLA_HDRLEN : 8);
	return val;
}

static inline int genl_send(struct genl *g)
{
	return send(g->fd, g->buf, g->hdr.nlmsg_len, 0) < 0 ? -errno : 0;
}

static inline int genl_error(const struct nlmsghdr *h)
{
	return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
}

/*
 * Call @use with each message of the answer. Interrupted: the dump is of something
 * that has changed meanwhile.
 */
static inline int genl_hear(struct genl *g,
			    int (*use)(const struct nlmsghdr *h, void *ctx),
			    void *ctx, bool *interrupted)
{
	int failed = 0;

	for (;;) {
		ssize_t n = recv(g->fd, g->buf, sizeof(g->buf), 0);
		const struct nlmsghdr *h = &g->hdr;

		if (n < 0)
			return -errno;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_seq != g->seq)
				continue;
			if (interrupted && h->nlmsg_flags & NLM_F_DUMP_INTR)
				*interrupted = true;
			if (h->nlmsg_type == NLMSG_ERROR)
				return failed ?: genl_error(h);
			if (h->nlmsg_type == NLMSG_DONE)
				return failed ?: *(const int *)NLMSG_DATA(h);
			failed = failed ?: use ? use(h, ctx) : -EPROTO;
		}
	}
}

/* Send the request before */
static inline int genl_talk(struct genl *g,
			    int (*use)(const struct nlmsghdr *h, void *ctx),
			    void *ctx, bool *interrupted)
{
	return genl_send(g) ?: genl_hear(g, use, ctx, interrupted);
}

/* An attribute in a nest, or NULL */
static inline const struct nlattr *genl_nested(const struct nlattr *nest,
					       uint16_t type)
{
	const uint8_t *p = genl_data(nest);
	const uint8_t *end = (const uint8_t *)nest + nest->nla_len;

	while (p + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const void *)p;

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		p += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static inline int genl_use_family(const struct nlmsghdr *h, void *ctx)
{
	const struct nlattr *groups = genl_attr(h, CTRL_ATTR_MCAST_GROUPS);
	const struct nlattr *nest;
	struct genl *g = ctx;
	uint16_t i;

	g->family = genl_u64(h, CTRL_ATTR_FAMILY_ID);
	/* counted from 1 */
	for (i = 1; groups && (nest = genl_nested(groups, i)); i++) {
		const struct nlattr *name, *id;

		name = genl_nested(nest, CTRL_ATTR_MCAST_GRP_NAME);
		id = genl_nested(nest, CTRL_ATTR_MCAST_GRP_ID);
		if (!name || !id)
			return -EPROTO;
		if (!strcmp(genl_data(name), PCI_TSM_MCGRP_STATE))
			memcpy(&g->group, genl_data(id), sizeof(g->group));
		if (!strcmp(genl_data(name), PCI_TSM_MCGRP_EVIDENCE))
			memcpy(&g->evidence, genl_data(id),
			       sizeof(g->evidence));
	}
	return 0;
}

static inline int genl_socket(int wait_s)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	struct timeval wait = { .tv_sec = wait_s };
	int err;

	if (fd < 0)
		return -errno;
	/* one without an address hears nothing */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    bind(fd, (void *)&own, sizeof(own))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static inline int genl_join(int fd, uint32_t group)
{
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			  sizeof(group)) ? -errno : 0;
}

static inline void genl_close(struct genl *g)
{
	if (g->fd > 0)
		close(g->fd);
	if (g->refreshed > 0)
		close(g->refreshed);
	g->fd = -1;
	g->refreshed = -1;
}

static inline int genl_open(struct genl *g)
{
	int err;

	memset(g, 0, sizeof(*g));
	g->refreshed = -1;
	g->fd = genl_socket(GENL_WAIT_S);
	if (g->fd < 0)
		return g->fd;
	genl_begin(g, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);
	genl_put(g, CTRL_ATTR_FAMILY_NAME, PCI_TSM_FAMILY_NAME,
		 sizeof(PCI_TSM_FAMILY_NAME));
	err = genl_talk(g, genl_use_family, g, NULL);
	if (!err && (!g->family || !g->group || !g->evidence))
		err = -EPROTO;
	if (!err) {
		g->refreshed = genl_socket(GENL_REFRESH_S);
		err = g->refreshed < 0 ? g->refreshed :
		      genl_join(g->refreshed, g->evidence);
	}
	if (err)
		genl_close(g);
	return err;
}

static inline void genl_forget(struct genl_evidence *e)
{
	for (unsigned int i = 0; i < GENL_TYPES; i++)
		free(e->object[i].bytes);
	memset(e, 0, sizeof(*e));
}

static inline int genl_use_part(const struct nlmsghdr *h, void *ctx)
{
	const struct nlattr *data = genl_attr(h, PCI_TSM_A_EVIDENCE_DATA);
	const struct nlattr *digest = genl_attr(h, PCI_TSM_A_EVIDENCE_DIGEST);
	uint32_t type = genl_u64(h, PCI_TSM_A_EVIDENCE_TYPE);
	uint64_t generation = genl_u64(h, PCI_TSM_A_EVIDENCE_GENERATION);
	struct genl_evidence *e = ctx;
	struct genl_object *o;
	uint32_t n;

	if (!data || type >= GENL_TYPES || !generation ||
	    (e->generation && e->generation != generation))
		return -EPROTO;
	o = &e->object[type];
	n = data->nla_len - NLA_HDRLEN;
	if (genl_u64(h, PCI_TSM_A_EVIDENCE_OFFSET) != o->len || !n ||
	    !!digest != !o->len)
		return -EPROTO;
	e->generation = generation;
	o->total = genl_u64(h, PCI_TSM_A_EVIDENCE_TOTAL);
	if (digest) {
		if (digest->nla_len - NLA_HDRLEN != GENL_DIGEST)
			return -EPROTO;
		memcpy(o->digest, genl_data(digest), GENL_DIGEST);
		o->alg = genl_u64(h, PCI_TSM_A_EVIDENCE_DIGEST_ALG);
	}
	o->bytes = realloc(o->bytes, o->len + n);
	if (!o->bytes)
		return -ENOMEM;
	memcpy(o->bytes + o->len, genl_data(data), n);
	o->len += n;
	o->parts++;
	return 0;
}

/* Read evidence of the types of a mask, 0: whatever there is */
static inline int genl_dump(struct genl *g, const char *bdf, uint32_t types,
			    struct genl_evidence *e)
{
	bool interrupted = false;
	int err;

	memset(e, 0, sizeof(*e));
	genl_begin(g, g->family, NLM_F_DUMP, PCI_TSM_CMD_GET);
	if (bdf)
		genl_put(g, PCI_TSM_A_EVIDENCE_DEV, bdf, strlen(bdf) + 1);
	if (types)
		genl_put(g, PCI_TSM_A_EVIDENCE_TYPES, &types, sizeof(types));
	err = genl_talk(g, genl_use_part, e, &interrupted);
	return err ?: interrupted ? -EINTR : 0;
}

/* Have evidence made anew: begin that */
static inline int genl_begin_refresh(struct genl *g, const char *bdf,
				     uint32_t types, const void *nonce,
				     size_t len)
{
	/* what was told of others before */
	while (recv(g->refreshed, g->buf, sizeof(g->buf), MSG_DONTWAIT) >= 0)
		;

	genl_begin(g, g->family, NLM_F_ACK, PCI_TSM_CMD_REFRESH);
	genl_put(g, PCI_TSM_A_EVIDENCE_DEV, bdf, strlen(bdf) + 1);
	genl_put(g, PCI_TSM_A_EVIDENCE_TYPES, &types, sizeof(types));
	genl_put(g, PCI_TSM_A_EVIDENCE_NONCE, nonce, len);
	return genl_talk(g, NULL, NULL, NULL);
}

/* How it ended */
static inline int genl_end_refresh(struct genl *g, const char *bdf,
				   const void *nonce, uint64_t *generation)
{
	for (;;) {
		ssize_t n = recv(g->refreshed, g->buf, sizeof(g->buf), 0);
		const struct nlattr *dev, *its;

		if (n < 0)
			return -errno;
		dev = genl_attr(&g->hdr, PCI_TSM_A_EVIDENCE_DEV);
		its = genl_attr(&g->hdr, PCI_TSM_A_EVIDENCE_NONCE);
		if (g->hdr.nlmsg_type != g->family || !dev || !its ||
		    its->nla_len != NLA_HDRLEN + TSM_NONCE_SIZE)
			return -EPROTO;
		if (strcmp(genl_data(dev), bdf) ||
		    memcmp(genl_data(its), nonce, TSM_NONCE_SIZE))
			continue;
		*generation = genl_u64(&g->hdr, PCI_TSM_A_EVIDENCE_GENERATION);
		return -(int)genl_u64(&g->hdr, PCI_TSM_A_EVIDENCE_ERROR);
	}
}

/* Both */
static inline int genl_refresh(struct genl *g, const char *bdf, uint32_t types,
			       const void *nonce, size_t len, uint64_t *generation)
{
	int err = genl_begin_refresh(g, bdf, types, nonce, len);

	*generation = 0;
	return err ?: genl_end_refresh(g, bdf, nonce, generation);
}

static inline int genl_validate(struct genl *g, const char *bdf,
				uint64_t generation)
{
	genl_begin(g, g->family, NLM_F_ACK, PCI_TSM_CMD_VALIDATE);
	genl_put(g, PCI_TSM_A_EVIDENCE_DEV, bdf, strlen(bdf) + 1);
	genl_put(g, PCI_TSM_A_EVIDENCE_GENERATION, &generation,
		 sizeof(generation));
	return genl_talk(g, NULL, NULL, NULL);
}

/* The evidence that there is now is as good as verified */
static inline int genl_verify(struct genl *g, const char *bdf)
{
	struct genl_evidence e;
	int err = genl_dump(g, bdf, 0, &e);

	err = err ?: genl_validate(g, bdf, e.generation);
	genl_forget(&e);
	return err;
}

static inline int genl_listen(struct genl *g)
{
	return genl_join(g->fd, g->group);
}

/* The next state of a function that is announced, or -errno */
static inline int genl_event(struct genl *g, const char *bdf,
			     uint64_t *generation)
{
	for (;;) {
		ssize_t n = recv(g->fd, g->buf, sizeof(g->buf), 0);
		const struct nlattr *dev;

		if (n < 0)
			return -errno;
		dev = genl_attr(&g->hdr, PCI_TSM_A_EVIDENCE_DEV);
		if (g->hdr.nlmsg_type != g->family || !dev)
			return -EPROTO;
		if (strcmp(genl_data(dev), bdf))
			continue;
		*generation = genl_u64(&g->hdr, PCI_TSM_A_EVIDENCE_GENERATION);
		return genl_u64(&g->hdr, PCI_TSM_A_EVIDENCE_STATE);
	}
}

#endif /* __TSM_GENL_H */
