// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of how evidence is dumped by generic netlink: it arrives whole,
 * whatever its size and the room in each message, and it is one and the same
 * evidence from beginning to end. What goes through a socket is the selftests'.
 */
#include <crypto/sha2.h>
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <uapi/linux/pci_tsm.h>

#include "devsec_fake.h"

#define DUMP_ALL	GENMASK(PCI_DEVSEC_NR_OBJECTS - 1, 0)
#define DUMP_MEASURED	BIT(TSM_OBJECT_MEASUREMENTS)
/* The largest part of an object: an attribute's length has 16 bits */
#define DUMP_PART	SZ_32K
/* What is in a message beside a part, digest included, and less than that */
#define DUMP_OVERHEAD	256

/* Without a socket, who is asked and who asks do not matter */
static const struct genl_family dump_family = {
	.id = 0x1234,
	.version = PCI_TSM_FAMILY_VERSION,
};

static const struct genlmsghdr dump_request = { .cmd = PCI_TSM_CMD_GET };

static const struct genl_info dump_info = {
	.family = &dump_family,
	.genlhdr = (struct genlmsghdr *)&dump_request,
	.snd_seq = 77,
};

/**
 * struct dumped - what has arrived of an object
 * @bytes: it, with room for the largest one
 * @len: bytes that have arrived
 * @total: bytes that were announced
 * @parts: messages that they came in
 * @largest: bytes of the largest of them
 * @digest: that came with the first one
 */
struct dumped {
	u8 *bytes;
	u32 len;
	u32 total;
	unsigned int parts;
	u32 largest;
	u8 digest[SHA384_DIGEST_SIZE];
};

/**
 * struct dump - a dump and its reader
 * @nl: where it is
 * @generation: of what has arrived
 * @messages: number of skbs that it took
 * @object: by type
 */
struct dump {
	struct tsm_nl_dump nl;
	u64 generation;
	unsigned int messages;
	struct dumped object[PCI_DEVSEC_NR_OBJECTS];
};

static int evidence_nl_test_init(struct kunit *test)
{
	fake_agent_register(fake_agent_new(test));
	return 0;
}

static struct dump *dump_new(struct kunit *test)
{
	struct dump *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	for (int type = 0; type < PCI_DEVSEC_NR_OBJECTS; type++) {
		d->object[type].bytes = kunit_kzalloc(test,
						      PCI_DEVSEC_OBJECT_MAX,
						      GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, d->object[type].bytes);
	}
	return d;
}

static void dump_begin(struct kunit *test, struct dump *d, u32 types)
{
	struct fake_agent *a = test->priv;

	d->generation = 0;
	d->messages = 0;
	for (int type = 0; type < PCI_DEVSEC_NR_OBJECTS; type++)
		d->object[type] = (struct dumped) {
			.bytes = d->object[type].bytes,
		};
	KUNIT_ASSERT_EQ(test, 0, tsm_nl_dump_begin(&d->nl, a->pdev, types));
}

/* A part: it continues what has arrived, and is of what began */
static void dump_take(struct kunit *test, struct dump *d, struct nlmsghdr *h)
{
	const struct genlmsghdr *genl = nlmsg_data(h);
	struct nlattr *attr[PCI_TSM_A_EVIDENCE_MAX + 1];
	struct dumped *o;
	u32 type, len;

	KUNIT_EXPECT_EQ(test, dump_family.id, h->nlmsg_type);
	KUNIT_EXPECT_EQ(test, dump_info.snd_seq, h->nlmsg_seq);
	KUNIT_EXPECT_EQ(test, PCI_TSM_CMD_GET, genl->cmd);
	KUNIT_ASSERT_EQ(test, 0,
			nlmsg_parse_deprecated_strict(h, GENL_HDRLEN, attr,
						      PCI_TSM_A_EVIDENCE_MAX,
						      NULL, NULL));
	KUNIT_ASSERT_NOT_NULL(test, attr[PCI_TSM_A_EVIDENCE_TYPE]);
	KUNIT_ASSERT_NOT_NULL(test, attr[PCI_TSM_A_EVIDENCE_GENERATION]);
	KUNIT_ASSERT_NOT_NULL(test, attr[PCI_TSM_A_EVIDENCE_TOTAL]);
	KUNIT_ASSERT_NOT_NULL(test, attr[PCI_TSM_A_EVIDENCE_OFFSET]);
	KUNIT_ASSERT_NOT_NULL(test, attr[PCI_TSM_A_EVIDENCE_DATA]);

	type = nla_get_u32(attr[PCI_TSM_A_EVIDENCE_TYPE]);
	KUNIT_ASSERT_LT(test, type, PCI_DEVSEC_NR_OBJECTS);
	KUNIT_EXPECT_TRUE(test, d->nl.types & BIT(type));
	/* one after the other */
	for (u32 later = type + 1; later < PCI_DEVSEC_NR_OBJECTS; later++)
		KUNIT_EXPECT_EQ(test, 0, d->object[later].len);

	if (!d->generation)
		d->generation =
			nla_get_u64(attr[PCI_TSM_A_EVIDENCE_GENERATION]);
	KUNIT_EXPECT_EQ(test, d->generation,
			nla_get_u64(attr[PCI_TSM_A_EVIDENCE_GENERATION]));

	o = &d->object[type];
	KUNIT_ASSERT_EQ(test, o->len,
			nla_get_u32(attr[PCI_TSM_A_EVIDENCE_OFFSET]));
	if (!o->parts)
		o->total = nla_get_u32(attr[PCI_TSM_A_EVIDENCE_TOTAL]);
	KUNIT_EXPECT_EQ(test, o->total,
			nla_get_u32(attr[PCI_TSM_A_EVIDENCE_TOTAL]));

	/* with the first part, and no other */
	KUNIT_ASSERT_EQ(test, !o->parts, !!attr[PCI_TSM_A_EVIDENCE_DIGEST]);
	KUNIT_ASSERT_EQ(test, !o->parts,
			!!attr[PCI_TSM_A_EVIDENCE_DIGEST_ALG]);
	if (!o->parts) {
		KUNIT_EXPECT_EQ(test, PCI_TSM_DIGEST_ALG_SHA384,
				nla_get_u32(attr[PCI_TSM_A_EVIDENCE_DIGEST_ALG]));
		KUNIT_ASSERT_EQ(test, sizeof(o->digest),
				nla_len(attr[PCI_TSM_A_EVIDENCE_DIGEST]));
		nla_memcpy(o->digest, attr[PCI_TSM_A_EVIDENCE_DIGEST],
			   sizeof(o->digest));
	}

	len = nla_len(attr[PCI_TSM_A_EVIDENCE_DATA]);
	KUNIT_EXPECT_GT(test, len, 0);
	KUNIT_EXPECT_LE(test, len, DUMP_PART);
	KUNIT_ASSERT_LE(test, o->len + len, PCI_DEVSEC_OBJECT_MAX);
	nla_memcpy(o->bytes + o->len, attr[PCI_TSM_A_EVIDENCE_DATA], len);
	o->len += len;
	o->parts++;
	o->largest = max(o->largest, len);
}

static struct sk_buff *dump_skb(size_t room)
{
	struct sk_buff *skb = alloc_skb(room, GFP_KERNEL);

	/* as netlink_dump(): it has no more than was asked for */
	if (skb)
		skb_reserve(skb, skb_tailroom(skb) - room);
	return skb;
}

/* One message, with at most @room bytes. Return: what dumpit() returns. */
static int dump_some(struct kunit *test, struct dump *d, size_t room)
{
	struct sk_buff *skb = dump_skb(room);
	struct nlmsghdr *h;
	int rc, left;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	rc = tsm_nl_dump_some(&d->nl, skb, &dump_info);
	KUNIT_EXPECT_LE(test, skb->len, room);
	/* what fails has put nothing there */
	KUNIT_EXPECT_EQ(test, rc < 0 ? 0 : rc ?: skb->len, skb->len);

	nlmsg_for_each_msg(h, (struct nlmsghdr *)skb->data, skb->len, left)
		dump_take(test, d, h);
	KUNIT_EXPECT_EQ(test, 0, left);
	d->messages++;
	kfree_skb(skb);
	return rc;
}

static int dump_rest(struct kunit *test, struct dump *d, size_t room)
{
	int rc;

	do {
		rc = dump_some(test, d, room);
	} while (rc > 0);

	return rc;
}

/* It is what the fake TSM has, and what its digest says */
static void dump_check(struct kunit *test, struct dump *d,
		       enum tsm_object_type type, size_t len, u8 salt)
{
	struct dumped *o = &d->object[type];
	u8 digest[SHA384_DIGEST_SIZE];

	KUNIT_EXPECT_EQ_MSG(test, len, o->len, "type %d", type);
	if (!len) {
		KUNIT_EXPECT_EQ(test, 0, o->parts);
		return;
	}
	KUNIT_EXPECT_EQ(test, len, o->total);
	KUNIT_EXPECT_GE(test, o->parts, DIV_ROUND_UP(len, DUMP_PART));
	sha384(o->bytes, o->len, digest);
	KUNIT_EXPECT_MEMEQ(test, digest, o->digest, sizeof(digest));
	for (size_t i = 0; i < o->len; i++) {
		if (o->bytes[i] != (u8)(salt + type + i * 31)) {
			KUNIT_FAIL(test, "byte %zu of %zu", i, len);
			break;
		}
	}
}

static void dump_check_all(struct kunit *test, struct dump *d, size_t len,
			   u8 salt)
{
	const struct dumped *report = &d->object[TSM_OBJECT_INTERFACE_REPORT];
	struct fake_agent *a = test->priv;
	u8 digest[SHA384_DIGEST_SIZE];

	for (int type = 0; type < TSM_OBJECT_INTERFACE_REPORT; type++)
		dump_check(test, d, type, len, salt);
	/* the report has a content of its own */
	KUNIT_EXPECT_GT(test, report->len, 0);
	KUNIT_EXPECT_EQ(test, report->total, report->len);
	sha384(report->bytes, report->len, digest);
	KUNIT_EXPECT_MEMEQ(test, digest, report->digest, sizeof(digest));
	KUNIT_EXPECT_EQ(test, fake_agent_generation(a), d->generation);
}

/* --- sizes ------------------------------------------------------------------ */

static const size_t dump_lens[] = {
	0, 1, 3, DUMP_PART - 1, DUMP_PART, DUMP_PART + 1, SZ_64K - 1, SZ_64K,
	SZ_64K + 1, PCI_DEVSEC_OBJECT_MAX - 1, PCI_DEVSEC_OBJECT_MAX,
};

static void dump_len_desc(const size_t *len, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%zu bytes", *len);
}

KUNIT_ARRAY_PARAM(dump_lens, dump_lens, dump_len_desc);

static void evidence_nl_test_whole(struct kunit *test)
{
	/* what netlink gives who asks with a small buffer, and a large one */
	static const size_t rooms[] = {
		3776, SZ_16K, SZ_32K, SZ_64K + DUMP_OVERHEAD, SZ_256K,
	};
	const size_t len = *(const size_t *)test->param_value;
	struct fake_agent *a = test->priv;
	struct dump *d = dump_new(test);

	a->object_len = len;
	a->salt = 0x11;
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	for (int i = 0; i < ARRAY_SIZE(rooms); i++) {
		dump_begin(test, d, DUMP_ALL);
		KUNIT_EXPECT_EQ(test, 0, dump_rest(test, d, rooms[i]));
		dump_check_all(test, d, len, a->salt);
		/* no more messages than needed, but for room that is not used */
		KUNIT_EXPECT_LE(test, d->messages,
				2 + 3 * len / (rooms[i] - 2 * SZ_1K) + 3);
		/* where there is room, parts are as large as they may be */
		if (len >= DUMP_PART && rooms[i] > DUMP_PART + DUMP_OVERHEAD)
			KUNIT_EXPECT_EQ(test, DUMP_PART,
					d->object[TSM_OBJECT_TRANSCRIPT].largest);
		/* it is over, however often it is asked */
		KUNIT_EXPECT_EQ(test, 0, dump_some(test, d, rooms[i]));
		KUNIT_EXPECT_EQ(test, len,
				d->object[TSM_OBJECT_MEASUREMENTS].len);
		tsm_nl_dump_end(&d->nl);
	}
}

/* --- types ------------------------------------------------------------------ */

static void evidence_nl_test_types(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct dump *d = dump_new(test);

	a->object_len = SZ_4K + 1;
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	for (u32 types = 0; types <= DUMP_ALL; types++) {
		dump_begin(test, d, types);
		KUNIT_EXPECT_EQ(test, 0, dump_rest(test, d, SZ_4K));
		for (int type = 0; type < PCI_DEVSEC_NR_OBJECTS; type++)
			KUNIT_EXPECT_EQ_MSG(test, !!(types & BIT(type)),
					    !!d->object[type].len,
					    "type %d of %#x", type, types);
		tsm_nl_dump_end(&d->nl);
	}

	/* whatever there is */
	dump_begin(test, d, ~0);
	KUNIT_EXPECT_EQ(test, 0, dump_rest(test, d, SZ_4K));
	dump_check_all(test, d, a->object_len, 0);
	tsm_nl_dump_end(&d->nl);

	/* none that nobody knows */
	dump_begin(test, d, ~(u32)DUMP_ALL);
	KUNIT_EXPECT_EQ(test, 0, dump_some(test, d, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, d->generation);
	tsm_nl_dump_end(&d->nl);
}

/* --- room ------------------------------------------------------------------- */

/* Any room: either a part, with something in it, or none and the same place */
static void evidence_nl_test_room(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct dump *d = dump_new(test);
	unsigned int some = 0, none = 0;

	a->object_len = SZ_4K;
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	for (size_t room = 0; room <= 2 * SZ_1K; room += 7) {
		struct dumped *o = &d->object[TSM_OBJECT_MEASUREMENTS];
		int rc;

		dump_begin(test, d, DUMP_MEASURED);
		rc = dump_some(test, d, room);
		if (rc < 0) {
			none++;
			KUNIT_EXPECT_EQ(test, -EMSGSIZE, rc);
			KUNIT_EXPECT_EQ(test, 0, o->len);
			/* enough for a part that is not a mere crumb */
			KUNIT_EXPECT_LT(test, room, SZ_1K + DUMP_OVERHEAD);
		} else {
			some++;
			KUNIT_EXPECT_GE(test, o->len, SZ_1K);
		}
		KUNIT_EXPECT_EQ(test, d->nl.offset, o->len);
		/* it goes on from there */
		KUNIT_EXPECT_EQ(test, 0, dump_rest(test, d, SZ_8K));
		dump_check(test, d, TSM_OBJECT_MEASUREMENTS, SZ_4K, 0);
		tsm_nl_dump_end(&d->nl);
	}
	KUNIT_EXPECT_GT(test, some, 0);
	KUNIT_EXPECT_GT(test, none, 0);
}

/* What is left of an object is a crumb by itself: it is not to wait for room */
static void evidence_nl_test_crumbs(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct dump *d = dump_new(test);
	size_t room;

	a->object_len = 1;
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	dump_begin(test, d, DUMP_MEASURED);
	for (room = 0; room < DUMP_OVERHEAD; room++) {
		int rc = dump_some(test, d, room);

		if (!rc)
			break;
		KUNIT_ASSERT_EQ(test, -EMSGSIZE, rc);
	}
	KUNIT_EXPECT_LT(test, room, DUMP_OVERHEAD);
	dump_check(test, d, TSM_OBJECT_MEASUREMENTS, 1, 0);
	tsm_nl_dump_end(&d->nl);
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));

	/* as little as a part may have, a great many times */
	a->object_len = SZ_64K + 1;
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	dump_begin(test, d, DUMP_ALL);
	KUNIT_EXPECT_EQ(test, 0, dump_rest(test, d, SZ_1K + DUMP_OVERHEAD));
	dump_check_all(test, d, SZ_64K + 1, 0);
	KUNIT_EXPECT_GT(test, d->messages, 3 * 64 * 3 / 4);
	tsm_nl_dump_end(&d->nl);
}

/* --- other evidence ----------------------------------------------------------- */

static void dump_refresh(struct kunit *test)
{
	static const u8 nonce[TSM_NONCE_SIZE] = { 0x33 };
	struct fake_agent *a = test->priv;
	u64 was = fake_agent_generation(a);

	KUNIT_ASSERT_EQ(test, 0, fake_agent_refresh(a, DUMP_MEASURED, nonce));
	KUNIT_ASSERT_NE(test, was, fake_agent_generation(a));
}

/* Between two messages: who reads begins anew, and then gets all of the other one */
static void evidence_nl_test_other(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct dump *d = dump_new(test);
	u64 before;

	a->object_len = SZ_64K;
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	before = fake_agent_generation(a);

	dump_begin(test, d, DUMP_ALL);
	KUNIT_EXPECT_GT(test, dump_some(test, d, SZ_32K), 0);
	dump_refresh(test);
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_32K));
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_32K));
	KUNIT_EXPECT_EQ(test, before, d->generation);
	/* nor does it come back with any later evidence, or with none */
	dump_refresh(test);
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_32K));
	KUNIT_EXPECT_EQ(test, 0, fake_agent_unlock(a));
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_32K));
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_32K));
	tsm_nl_dump_end(&d->nl);

	dump_begin(test, d, DUMP_ALL);
	KUNIT_EXPECT_EQ(test, 0, dump_rest(test, d, SZ_32K));
	KUNIT_EXPECT_LT(test, before, d->generation);
	/* the lock has read all of it after the nonce has changed it */
	dump_check_all(test, d, SZ_64K, 0x33);
	tsm_nl_dump_end(&d->nl);
}

/* Before the first message, and after the last */
static void evidence_nl_test_ends(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct dump *d = dump_new(test);
	struct tsm_nl_dump nl;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			tsm_nl_dump_begin(&nl, a->pdev, DUMP_ALL));
	fake_agent_to(a, TSM_DEVSEC_LOCKED);

	dump_begin(test, d, DUMP_ALL);
	dump_refresh(test);
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_32K));
	KUNIT_EXPECT_EQ(test, 0, d->generation);
	tsm_nl_dump_end(&d->nl);

	/* a reader is late with the end: it has not got all of what is present */
	dump_begin(test, d, DUMP_ALL);
	KUNIT_EXPECT_EQ(test, 0, dump_some(test, d, SZ_64K));
	dump_refresh(test);
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_64K));
	tsm_nl_dump_end(&d->nl);

	/* lost, and removed: the evidence is the reader's until he has done */
	dump_begin(test, d, DUMP_ALL);
	a->state = TSM_TDI_ERROR;
	fake_agent_loss(a, false);
	KUNIT_EXPECT_EQ(test, TSM_DEVSEC_LOST, fake_agent_state(a));
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_64K));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tsm_nl_dump_begin(&nl, a->pdev, DUMP_ALL));
	fake_agent_remove(a);
	KUNIT_EXPECT_EQ(test, -EAGAIN, dump_some(test, d, SZ_64K));
	tsm_nl_dump_end(&d->nl);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tsm_nl_dump_begin(&nl, a->pdev, DUMP_ALL));
}

/* Two readers at a time, and each with its own room */
static void evidence_nl_test_two(struct kunit *test)
{
	struct fake_agent *a = test->priv;
	struct dump *d = dump_new(test), *e = dump_new(test);
	int rc, other = 1;

	a->object_len = SZ_64K;
	fake_agent_to(a, TSM_DEVSEC_LOCKED);
	dump_begin(test, d, DUMP_ALL);
	dump_begin(test, e, DUMP_MEASURED);
	do {
		rc = dump_some(test, d, SZ_8K);
		KUNIT_ASSERT_GE(test, rc, 0);
		if (other > 0)
			other = dump_some(test, e, SZ_16K);
		KUNIT_ASSERT_GE(test, other, 0);
	} while (rc);

	dump_check_all(test, d, SZ_64K, 0);
	dump_check(test, e, TSM_OBJECT_MEASUREMENTS, SZ_64K, 0);
	KUNIT_EXPECT_EQ(test, d->generation, e->generation);
	tsm_nl_dump_end(&d->nl);
	tsm_nl_dump_end(&e->nl);
}

static struct kunit_case evidence_nl_cases[] = {
	KUNIT_CASE_PARAM(evidence_nl_test_whole, dump_lens_gen_params),
	KUNIT_CASE(evidence_nl_test_types),
	KUNIT_CASE(evidence_nl_test_room),
	KUNIT_CASE(evidence_nl_test_crumbs),
	KUNIT_CASE(evidence_nl_test_other),
	KUNIT_CASE(evidence_nl_test_ends),
	KUNIT_CASE(evidence_nl_test_two),
	{}
};

static struct kunit_suite evidence_nl_suite = {
	.name = "pci_tsm_evidence_nl",
	.init = evidence_nl_test_init,
	.test_cases = evidence_nl_cases,
};

kunit_test_suite(evidence_nl_suite);
