// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the simulated device's security manager: the device's end of
 * IDE_KM, the faults, and one conversation without a bus.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>

#include "../spdm/ide-km.h"
#include "dsm.h"

#define STREAM		9
#define SESSION		0x00018001
#define OTHER_SESSION	0x00028002

/* Blocks of the two ends, different ones so that ids count and not places */
#define EP_BLOCK	1
#define PORT_BLOCK	4

#define RSP_BYTES	SPDM_RSP_SIZE

/**
 * struct dsm_test - what a test has
 * @d: a device without a bus
 * @rsp: the last answer
 */
struct dsm_test {
	struct sim_device *d;
	u8 rsp[RSP_BYTES];
};

static struct sim_device *to_dev(struct kunit *test)
{
	struct dsm_test *t = test->priv;

	return t->d;
}

static u8 *to_rsp(struct kunit *test)
{
	struct dsm_test *t = test->priv;

	return t->rsp;
}

static int dsm_test_init(struct kunit *test)
{
	struct dsm_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->d = sim_device_create();
	KUNIT_ASSERT_NOT_NULL(test, t->d);
	KUNIT_ASSERT_EQ(test, sim_device_build(t->d), 0);
	return 0;
}

static void dsm_test_exit(struct kunit *test)
{
	struct dsm_test *t = test->priv;

	if (!t || !t->d)
		return;
	sim_device_dismantle(t->d);
	sim_device_destroy(t->d);
}

/* The stream's two ends, as the host sets them up */

static void stream_write(struct sim_ide_port *port, unsigned int block,
			 unsigned int reg, u32 val)
{
	guard(raw_spinlock_irqsave)(&port->dev->lock);
	sim_ide_write(port, PCI_IDE_LINK_STREAM_0 +
		      block * PCI_IDE_SEL_BLOCK_SIZE(SIM_IDE_NR_ADDR) + reg,
		      val, U32_MAX);
}

static void stream_set_up(struct sim_device *d)
{
	u32 ctl = FIELD_PREP(PCI_IDE_SEL_CTL_ID, STREAM);

	stream_write(&d->ide, EP_BLOCK, PCI_IDE_SEL_RID_2,
		     PCI_IDE_SEL_RID_2_VALID);
	stream_write(&d->ide, EP_BLOCK, PCI_IDE_SEL_CTL, ctl);
	stream_write(&d->port_ide, PORT_BLOCK, PCI_IDE_SEL_RID_2,
		     PCI_IDE_SEL_RID_2_VALID);
	stream_write(&d->port_ide, PORT_BLOCK, PCI_IDE_SEL_CTL, ctl);
}

static void stream_enable(struct sim_device *d)
{
	u32 ctl = FIELD_PREP(PCI_IDE_SEL_CTL_ID, STREAM) | PCI_IDE_SEL_CTL_EN;

	stream_write(&d->ide, EP_BLOCK, PCI_IDE_SEL_CTL, ctl);
	stream_write(&d->port_ide, PORT_BLOCK, PCI_IDE_SEL_CTL, ctl);
}

static bool stream_secure(struct sim_device *d)
{
	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_ide_port_secure(&d->ide) &&
	       sim_ide_port_secure(&d->port_ide);
}

/* IDE_KM */

static int km_bytes(struct kunit *test, u32 session, const void *req,
		    size_t len)
{
	struct sim_dsm *dsm = to_dev(test)->dsm;

	guard(mutex)(&dsm->lock);
	return sim_ide_km_request(dsm, session, req, len, to_rsp(test),
				  RSP_BYTES);
}

static int km_send(struct kunit *test, u32 session,
		   const struct ide_km_msg *req)
{
	u8 buf[64];
	int len = ide_km_encode(req, buf, sizeof(buf));

	KUNIT_ASSERT_GT(test, len, 0);
	return km_bytes(test, session, buf, len);
}

static void km_end(struct kunit *test, u32 session)
{
	struct sim_dsm *dsm = to_dev(test)->dsm;

	guard(mutex)(&dsm->lock);
	sim_ide_km_session_end(dsm, session);
}

static struct ide_km_msg km_key(u8 object, u8 set, u8 dir, u8 sub)
{
	struct ide_km_msg msg = {
		.object = object,
		.stream_id = STREAM,
		.key_set = set,
		.direction = dir,
		.sub_stream = sub,
	};

	memset(msg.key, 0x40 | set << 4 | dir << 2 | sub, sizeof(msg.key));
	ide_km_initial_iv(msg.iv);
	return msg;
}

static void km_expect_status(struct kunit *test, u32 session,
			     const struct ide_km_msg *req, u8 status)
{
	struct ide_km_msg ack;
	int len = km_send(test, session, req);

	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_ASSERT_EQ(test, ide_km_parse(to_rsp(test), len, &ack), 0);
	KUNIT_EXPECT_EQ(test, ack.object, IDE_KM_KP_ACK);
	KUNIT_EXPECT_EQ(test, ack.status, status);
	KUNIT_EXPECT_EQ(test, ack.stream_id, req->stream_id);
	KUNIT_EXPECT_EQ(test, ack.port_index, req->port_index);
	KUNIT_EXPECT_EQ(test, ack.key_set, req->key_set);
	KUNIT_EXPECT_EQ(test, ack.direction, req->direction);
	KUNIT_EXPECT_EQ(test, ack.sub_stream, req->sub_stream);
}

/* Keys of one set at both ends, crosswise */
static void km_program(struct kunit *test, u32 session, u8 set)
{
	struct sim_device *d = to_dev(test);

	for (u8 dir = 0; dir < 2; dir++) {
		for (u8 sub = 0; sub < 3; sub++) {
			struct ide_km_msg msg = km_key(IDE_KM_KEY_PROG, set,
						       dir, sub);

			km_expect_status(test, session, &msg, IDE_KM_SUCCESS);
			KUNIT_EXPECT_EQ(test, 0,
					sim_ide_key_program(&d->port_ide, STREAM,
							    set, !dir, sub,
							    msg.key, msg.iv));
		}
	}
}

static void km_set(struct kunit *test, u32 session, u8 object, u8 set, u8 dir)
{
	for (u8 sub = 0; sub < 3; sub++) {
		struct ide_km_msg msg = km_key(object, set, dir, sub), ack;
		int len = km_send(test, session, &msg);

		KUNIT_ASSERT_GT(test, len, 0);
		KUNIT_ASSERT_EQ(test, ide_km_parse(to_rsp(test), len, &ack), 0);
		KUNIT_EXPECT_EQ(test, ack.object, IDE_KM_K_GOSTOP_ACK);
		KUNIT_EXPECT_EQ(test, ack.sub_stream, sub);
		KUNIT_EXPECT_EQ(test, ack.direction, dir);
		KUNIT_EXPECT_EQ(test, ack.key_set, set);
	}
}

static void km_port_go(struct kunit *test, u8 set)
{
	struct sim_device *d = to_dev(test);

	for (u8 dir = 0; dir < 2; dir++)
		for (u8 sub = 0; sub < 3; sub++)
			KUNIT_EXPECT_EQ(test, 0,
					sim_ide_key_go(&d->port_ide, STREAM,
						       set, dir, sub));
}

static void km_go(struct kunit *test, u32 session, u8 set)
{
	km_set(test, session, IDE_KM_K_SET_GO, set, IDE_KM_RX);
	km_port_go(test, set);
	km_set(test, session, IDE_KM_K_SET_GO, set, IDE_KM_TX);
}

static void km_secure(struct kunit *test, u32 session)
{
	stream_set_up(to_dev(test));
	km_program(test, session, 0);
	km_go(test, session, 0);
	stream_enable(to_dev(test));
	KUNIT_EXPECT_TRUE(test, stream_secure(to_dev(test)));
}

static void km_query(struct kunit *test)
{
	struct ide_km_msg req = { .object = IDE_KM_QUERY }, rsp;
	u32 regs[SIM_IDE_REGS_DW(SIM_IDE_EP_STREAMS)];
	int len;

	stream_set_up(to_dev(test));
	len = km_send(test, SESSION, &req);
	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_ASSERT_EQ(test, ide_km_parse(to_rsp(test), len, &rsp), 0);
	KUNIT_EXPECT_EQ(test, rsp.object, IDE_KM_QUERY_RESP);
	KUNIT_EXPECT_EQ(test, rsp.max_port_index, 0);
	KUNIT_EXPECT_EQ(test, rsp.bus << 8 | rsp.dev_func,
			sim_device_rid(to_dev(test)));
	KUNIT_ASSERT_EQ(test, rsp.nr_regs, ARRAY_SIZE(regs));

	sim_ide_read_regs(&to_dev(test)->ide, regs, ARRAY_SIZE(regs));
	for (int i = 0; i < ARRAY_SIZE(regs); i++)
		KUNIT_EXPECT_EQ(test, get_unaligned_le32(rsp.regs + 4 * i),
				regs[i]);

	/* A question does not make an owner */
	KUNIT_EXPECT_EQ(test, km_send(test, OTHER_SESSION, &req), len);
	req.port_index = 1;
	KUNIT_EXPECT_EQ(test, km_send(test, SESSION, &req), -EINVAL);
}

static void km_key_prog_status(struct kunit *test)
{
	struct ide_km_msg msg = km_key(IDE_KM_KEY_PROG, 0, 0, 0);

	/* No block has this id yet */
	km_expect_status(test, SESSION, &msg, IDE_KM_BAD_VALUE);
	stream_set_up(to_dev(test));

	msg.port_index = 1;
	km_expect_status(test, SESSION, &msg, IDE_KM_BAD_PORT);
	msg = km_key(IDE_KM_KEY_PROG, 0, 0, 0);
	msg.stream_id = STREAM + 1;
	km_expect_status(test, SESSION, &msg, IDE_KM_BAD_VALUE);
	for (u8 sub = 3; sub < 16; sub++) {
		msg = km_key(IDE_KM_KEY_PROG, 0, 0, sub);
		km_expect_status(test, SESSION, &msg, IDE_KM_BAD_VALUE);
	}
	for (int i = 0; i < IDE_KM_IV_SIZE; i++) {
		msg = km_key(IDE_KM_KEY_PROG, 0, 0, 0);
		msg.iv[i] ^= 0x80;
		km_expect_status(test, SESSION, &msg, IDE_KM_BAD_VALUE);
	}

	/* Whoever failed owns nothing */
	msg = km_key(IDE_KM_KEY_PROG, 0, 0, 0);
	km_expect_status(test, OTHER_SESSION, &msg, IDE_KM_SUCCESS);
	KUNIT_EXPECT_EQ(test, km_send(test, SESSION, &msg), 0);
}

static void km_key_prog_length(struct kunit *test)
{
	struct ide_km_msg msg = km_key(IDE_KM_KEY_PROG, 1, 1, 2), ack;
	u8 buf[64] = {};
	int full;

	stream_set_up(to_dev(test));
	full = ide_km_encode(&msg, buf, sizeof(buf));
	KUNIT_ASSERT_EQ(test, full, 47);

	for (int len = 1; len <= sizeof(buf); len++) {
		int got = km_bytes(test, SESSION, buf, len);

		KUNIT_ASSERT_EQ(test, got, 7);
		KUNIT_ASSERT_EQ(test, ide_km_parse(to_rsp(test), got, &ack), 0);
		KUNIT_EXPECT_EQ(test, ack.object, IDE_KM_KP_ACK);
		KUNIT_EXPECT_EQ(test, ack.status,
				len == full ? IDE_KM_SUCCESS :
					      IDE_KM_BAD_LENGTH);
		if (len < 7)
			continue;
		KUNIT_EXPECT_EQ(test, ack.stream_id, STREAM);
		KUNIT_EXPECT_EQ(test, ack.sub_stream, 2);
		KUNIT_EXPECT_EQ(test, ack.key_set, 1);
		KUNIT_EXPECT_EQ(test, ack.direction, 1);
	}
	KUNIT_EXPECT_EQ(test, km_bytes(test, SESSION, buf, 0), -EINVAL);
}

/* What is no request, or not in order */
static void km_refused(struct kunit *test)
{
	static const u8 objects[] = {
		IDE_KM_QUERY, IDE_KM_K_SET_GO, IDE_KM_K_SET_STOP,
	};
	struct ide_km_msg msg;
	u8 buf[64];

	stream_set_up(to_dev(test));

	/* Answers, and what nobody has defined */
	memset(buf, 0, sizeof(buf));
	for (int id = 0; id < 256; id++) {
		if (id == IDE_KM_QUERY || id == IDE_KM_KEY_PROG ||
		    id == IDE_KM_K_SET_STOP)
			continue;
		buf[0] = id;
		for (int len = 1; len <= sizeof(buf); len++)
			KUNIT_EXPECT_EQ(test, -EINVAL,
					km_bytes(test, SESSION, buf, len));
	}

	/* Any length but the right one */
	for (int i = 0; i < ARRAY_SIZE(objects); i++) {
		msg = km_key(objects[i], 0, 0, 0);
		memset(buf, 0, sizeof(buf));
		int full = ide_km_encode(&msg, buf, sizeof(buf));

		for (int len = 1; len <= sizeof(buf); len++)
			if (len != full)
				KUNIT_EXPECT_EQ(test, -EINVAL,
						km_bytes(test, SESSION, buf,
							 len));
	}

	/* There is no key yet; no such stream, sub-stream, port */
	msg = km_key(IDE_KM_K_SET_GO, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, km_send(test, SESSION, &msg), -EINVAL);
	km_program(test, SESSION, 0);
	msg = km_key(IDE_KM_K_SET_GO, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, km_send(test, SESSION, &msg), -EINVAL);
	msg = km_key(IDE_KM_K_SET_GO, 0, 0, 3);
	KUNIT_EXPECT_EQ(test, km_send(test, SESSION, &msg), -EINVAL);
	msg = km_key(IDE_KM_K_SET_STOP, 0, 0, 0);
	msg.stream_id = STREAM + 1;
	KUNIT_EXPECT_EQ(test, km_send(test, SESSION, &msg), -EINVAL);
	msg = km_key(IDE_KM_K_SET_STOP, 0, 0, 0);
	msg.port_index = 1;
	KUNIT_EXPECT_EQ(test, km_send(test, SESSION, &msg), -EINVAL);
}

static void km_go_and_stop(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	stream_set_up(d);
	km_program(test, SESSION, 1);
	stream_enable(d);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
	km_set(test, SESSION, IDE_KM_K_SET_GO, 1, IDE_KM_RX);
	km_port_go(test, 1);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
	km_set(test, SESSION, IDE_KM_K_SET_GO, 1, IDE_KM_TX);
	KUNIT_EXPECT_TRUE(test, stream_secure(d));

	km_set(test, SESSION, IDE_KM_K_SET_STOP, 1, IDE_KM_TX);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
	km_set(test, SESSION, IDE_KM_K_SET_STOP, 1, IDE_KM_RX);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
}

/* A wrong key in one of the six sub-streams is one too many */
static void km_keys_differ(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	km_secure(test, SESSION);
	for (u8 dir = 0; dir < 2; dir++) {
		for (u8 sub = 0; sub < 3; sub++) {
			struct ide_km_msg msg = km_key(IDE_KM_KEY_PROG, 0, dir,
						       sub);

			msg.key[31] ^= 1;
			km_expect_status(test, SESSION, &msg, IDE_KM_SUCCESS);
			km_go(test, SESSION, 0);
			KUNIT_EXPECT_FALSE(test, stream_secure(d));

			msg.key[31] ^= 1;
			km_expect_status(test, SESSION, &msg, IDE_KM_SUCCESS);
			KUNIT_EXPECT_FALSE(test, stream_secure(d));
			km_go(test, SESSION, 0);
			KUNIT_EXPECT_TRUE(test, stream_secure(d));
		}
	}
}

static void km_refresh(struct kunit *test)
{
	struct sim_device *d = to_dev(test);

	km_secure(test, SESSION);
	for (int round = 1; round < 5; round++) {
		u8 set = round % 2;

		km_program(test, SESSION, set);
		KUNIT_EXPECT_TRUE(test, stream_secure(d));
		km_set(test, SESSION, IDE_KM_K_SET_GO, set, IDE_KM_RX);
		KUNIT_EXPECT_TRUE(test, stream_secure(d));
		km_port_go(test, set);
		KUNIT_EXPECT_TRUE(test, stream_secure(d));
		km_set(test, SESSION, IDE_KM_K_SET_GO, set, IDE_KM_TX);
		KUNIT_EXPECT_TRUE(test, stream_secure(d));

		/* It is the new set that makes it so */
		km_set(test, SESSION, IDE_KM_K_SET_STOP, !set, IDE_KM_TX);
		km_set(test, SESSION, IDE_KM_K_SET_STOP, !set, IDE_KM_RX);
		KUNIT_EXPECT_TRUE(test, stream_secure(d));
	}
}

static void km_second_session(struct kunit *test)
{
	static const u8 objects[] = {
		IDE_KM_QUERY, IDE_KM_KEY_PROG, IDE_KM_K_SET_GO,
		IDE_KM_K_SET_STOP,
	};
	struct sim_device *d = to_dev(test);
	struct ide_km_msg msg;

	km_secure(test, SESSION);

	/* Silence, and nothing changes; malformed objects are no exception */
	for (int i = 0; i < ARRAY_SIZE(objects); i++) {
		msg = km_key(objects[i], 0, 0, 0);
		memset(msg.key, 0xee, sizeof(msg.key));
		KUNIT_EXPECT_EQ(test, km_send(test, OTHER_SESSION, &msg), 0);
		KUNIT_EXPECT_EQ(test, 0, km_bytes(test, OTHER_SESSION,
						  &objects[i], 1));
	}
	KUNIT_EXPECT_TRUE(test, stream_secure(d));

	/* Nor does the end of a session that never owned anything */
	km_end(test, OTHER_SESSION);
	KUNIT_EXPECT_TRUE(test, stream_secure(d));
	km_refresh(test);

	km_end(test, SESSION);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
	km_program(test, OTHER_SESSION, 0);
	km_go(test, OTHER_SESSION, 0);
	KUNIT_EXPECT_TRUE(test, stream_secure(d));
	msg = km_key(IDE_KM_K_SET_STOP, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, km_send(test, SESSION, &msg), 0);
}

/* Faults */

struct fault_text {
	const char *text;
	const char *shown;
};

static void fault_expect_shown(struct kunit *test, const char *shown)
{
	char *page = (void *)get_zeroed_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	sim_fault_show(to_dev(test), page);
	KUNIT_EXPECT_STREQ(test, page, shown);
	free_page((unsigned long)page);
}

static void fault_text(struct kunit *test)
{
	static const struct fault_text good[] = {
		{ "none", "none\n" },
		{ "no-answer\n", "no-answer 1\n" },
		{ "no-answer 17", "no-answer 17\n" },
		{ "doe-error 2\n", "doe-error 2\n" },
		{ "truncate", "truncate 1 1\n" },
		{ "truncate 3 64", "truncate 3 64\n" },
		{ "oversize 4", "oversize 4 1\n" },
		{ "corrupt 5", "corrupt 5\n" },
		{ "corrupt 5 0", "corrupt 5 0\n" },
		{ "busy 3 1000000\n", "busy 3 1000000\n" },
		{ "not-ready 9", "not-ready 9\n" },
		{ "unexpected", "unexpected 1\n" },
		{ "bad-chain\n", "bad-chain\n" },
		{ "bad-identity", "bad-identity\n" },
		{ "bad-measurement", "bad-measurement\n" },
		{ "key-refused", "key-refused 1 0\n" },
		{ "key-refused 1 5", "key-refused 1 5\n" },
		{ "never-secure", "never-secure\n" },
		{ "tdisp-error 3", "tdisp-error 3 5\n" },
		{ "tdisp-error 7 4294967295", "tdisp-error 7 4294967295\n" },
		{ "tdisp-silent", "tdisp-silent 1\n" },
		{ "tdisp-length 3 31", "tdisp-length 3 31\n" },
		{ "tdisp-other 11", "tdisp-other 11\n" },
		{ "state-lies", "state-lies 2\n" },
		{ "state-lies 0", "state-lies 0\n" },
		{ "report-bad 12", "report-bad 12\n" },
		{ "report-portions\n", "report-portions 16\n" },
		{ "report-empty", "report-empty\n" },
		{ "report-lies", "report-lies\n" },
		{ "report-endless", "report-endless\n" },
		{ "remove 6", "remove 6\n" },
	};
	static const char * const wrong[] = {
		"", "\n", " ", "nonsense", "None", "no-answer 0",
		"no-answer -1", "no-answer x", "no-answer 1 1", "none 1",
		"corrupt x", "corrupt 1 x", "corrupt 1 2 3", "corrupt 1,2",
		"corrupt 1 4294967296", "bad-chain 1", "never-secure 1",
		"key-refused 1 6", "busy 99999999999", "truncate1",
		"tdisp-error 0", "tdisp-error 12", "tdisp-silent 1 1",
		"tdisp-length 3 1025", "tdisp-other 12", "state-lies 256",
		"report-bad 13", "report-lies 1",
	};

	for (int i = 0; i < ARRAY_SIZE(good); i++) {
		KUNIT_EXPECT_EQ_MSG(test, 0,
				    sim_fault_parse(to_dev(test), good[i].text),
				    "%s", good[i].text);
		fault_expect_shown(test, good[i].shown);
		/* What is shown can be written */
		KUNIT_EXPECT_EQ(test, 0,
				sim_fault_parse(to_dev(test), good[i].shown));
		fault_expect_shown(test, good[i].shown);
	}
	for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    sim_fault_parse(to_dev(test), wrong[i]),
				    "%s", wrong[i]);
		fault_expect_shown(test, "remove 6\n");
	}
}

/* One message; what the mailbox is to do with it */
static enum sim_fault_action fault_message(struct kunit *test, u8 code)
{
	struct spdm_hdr hdr = { .code = code };

	return sim_fault_request(to_dev(test), SPDM_DOE_CMA, &hdr, sizeof(hdr));
}

static void fault_set(struct kunit *test, const char *text)
{
	KUNIT_ASSERT_EQ(test, sim_fault_parse(to_dev(test), text), 0);
	KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 0);
}

static void fault_count(struct kunit *test)
{
	static const struct {
		const char *text;
		enum sim_fault_action action;
	} faults[] = {
		{ "no-answer 3", SIM_FAULT_NO_ANSWER },
		{ "doe-error 3", SIM_FAULT_DOE_ERROR },
		{ "remove 3", SIM_FAULT_REMOVE },
	};

	for (int i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_set(test, faults[i].text);
		for (int round = 1; round <= 3; round++) {
			for (int k = 1; k <= 6; k++)
				KUNIT_EXPECT_EQ(test, k == 3 ?
						faults[i].action :
						SIM_FAULT_NONE,
						fault_message(test, k == 1 ?
							      SPDM_GET_VERSION :
							      SPDM_CHALLENGE));
			KUNIT_EXPECT_EQ(test, round,
					sim_fault_hits(to_dev(test)));
		}
	}

	/* In a session the first bytes are of the record, not of a request */
	fault_set(test, "no-answer 2");
	fault_message(test, SPDM_GET_VERSION);
	KUNIT_EXPECT_EQ(test, SIM_FAULT_NO_ANSWER,
			sim_fault_request(to_dev(test), SPDM_DOE_SECURED,
					  &(struct spdm_hdr) {
						.code = SPDM_GET_VERSION },
					  sizeof(struct spdm_hdr)));
	/* Too short for a header */
	sim_fault_request(to_dev(test), SPDM_DOE_CMA, NULL, 0);
}

static size_t fault_answer(struct kunit *test, const char *text, u8 *rsp,
			   size_t len, size_t size)
{
	fault_set(test, text);
	fault_message(test, SPDM_GET_VERSION);
	for (size_t i = 0; i < size; i++)
		rsp[i] = i;
	return sim_fault_response(to_dev(test), SPDM_DOE_CMA, rsp, len, size);
}

static size_t fault_flipped(const u8 *rsp, size_t len)
{
	size_t bits = 0;

	for (size_t i = 0; i < len; i++)
		bits += hweight8(rsp[i] ^ (u8)i);
	return bits;
}

static void fault_spoiled(struct kunit *test)
{
	u8 rsp[64];

	KUNIT_EXPECT_EQ(test, 16, fault_answer(test, "none", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 12, fault_answer(test, "truncate", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 8, fault_answer(test, "truncate 1 2", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 0,
			fault_answer(test, "truncate 1 4294967295", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 20, fault_answer(test, "oversize", rsp, 16, 64));
	KUNIT_EXPECT_NE(test, get_unaligned_le32(rsp + 16), 0);
	KUNIT_EXPECT_EQ(test, 64,
			fault_answer(test, "oversize 1 4294967295", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 64, fault_answer(test, "oversize", rsp, 64, 64));

	/* Exactly one bit, of the answer and not of what is behind */
	for (unsigned int bit = 0; bit < 300; bit += 7) {
		char text[32];

		snprintf(text, sizeof(text), "corrupt 1 %u", bit);
		KUNIT_EXPECT_EQ(test, 16, fault_answer(test, text, rsp, 16, 64));
		KUNIT_EXPECT_EQ(test, 1, fault_flipped(rsp, 16));
		KUNIT_EXPECT_EQ(test, 1, fault_flipped(rsp, 64));
	}
	KUNIT_EXPECT_EQ(test, 16, fault_answer(test, "corrupt", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 1, fault_flipped(rsp, 16));
	KUNIT_EXPECT_EQ(test, 0, fault_answer(test, "corrupt", rsp, 0, 64));

	/* Not this message */
	KUNIT_EXPECT_EQ(test, 16, fault_answer(test, "truncate 2", rsp, 16, 64));
	KUNIT_EXPECT_EQ(test, 0, fault_flipped(rsp, 16));
	KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 0);
}

static void fault_errors(struct kunit *test)
{
	static const struct {
		const char *text;
		u8 code;
		int first, last;
	} faults[] = {
		{ "busy 2", SPDM_ERR_BUSY, 2, 2 },
		{ "busy 2 3", SPDM_ERR_BUSY, 2, 4 },
		{ "busy 3 4294967295", SPDM_ERR_BUSY, 3, 8 },
		{ "busy 3 0", SPDM_ERR_BUSY, 0, 0 },
		{ "not-ready 5", SPDM_ERR_NOT_READY, 5, 5 },
		{ "unexpected", SPDM_ERR_UNEXPECTED_REQUEST, 1, 1 },
		{ "none", 0, 0, 0 },
	};

	for (int i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_set(test, faults[i].text);
		for (int k = 1; k <= 8; k++) {
			bool hit = k >= faults[i].first && k <= faults[i].last;

			fault_message(test, k == 1 ? SPDM_GET_VERSION :
						     SPDM_CHALLENGE);
			KUNIT_EXPECT_EQ_MSG(test, hit ? faults[i].code : 0,
					    sim_fault_spdm_error(to_dev(test)),
					    "%s, message %d", faults[i].text, k);
		}
	}
}

/* The repetition of a GET_VERSION is the second message, not the first again */
static void fault_busy_first(struct kunit *test)
{
	for (int round = 1; round <= 2; round++) {
		fault_set(test, "busy 1 2");
		for (int k = 1; k <= 4; k++) {
			fault_message(test, k <= 3 ? SPDM_GET_VERSION :
						     SPDM_CHALLENGE);
			KUNIT_EXPECT_EQ(test, k <= 2 ? SPDM_ERR_BUSY : 0,
					sim_fault_spdm_error(to_dev(test)));
		}
	}
	fault_message(test, SPDM_GET_VERSION);
	KUNIT_EXPECT_EQ(test, SPDM_ERR_BUSY,
			sim_fault_spdm_error(to_dev(test)));
}

/* Being asked again is part of a message, and so is what is said meanwhile */
static void fault_resumed(struct kunit *test)
{
	struct spdm_error_not_ready later = {
		.hdr.code = SPDM_ERROR,
		.hdr.param1 = SPDM_ERR_NOT_READY,
	}, copy = later;
	u8 rsp[8] = {};

	fault_set(test, "corrupt 2");
	fault_message(test, SPDM_GET_VERSION);
	fault_message(test, SPDM_KEY_EXCHANGE);
	sim_fault_response(to_dev(test), SPDM_DOE_CMA, &later, sizeof(later),
			   sizeof(later));
	KUNIT_EXPECT_MEMEQ(test, &later, &copy, sizeof(later));
	fault_message(test, SPDM_RESPOND_IF_READY);
	sim_fault_response(to_dev(test), SPDM_DOE_CMA, rsp, sizeof(rsp),
			   sizeof(rsp));
	KUNIT_EXPECT_EQ(test, hweight8(rsp[7]), 1);
	KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 1);

	fault_set(test, "not-ready 2");
	fault_message(test, SPDM_GET_VERSION);
	fault_message(test, SPDM_KEY_EXCHANGE);
	KUNIT_EXPECT_EQ(test, sim_fault_spdm_error(to_dev(test)),
			SPDM_ERR_NOT_READY);
	fault_message(test, SPDM_RESPOND_IF_READY);
	KUNIT_EXPECT_EQ(test, sim_fault_spdm_error(to_dev(test)), 0);
	KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 1);
	fault_set(test, "unexpected 3");
	fault_message(test, SPDM_CHALLENGE);
	KUNIT_EXPECT_EQ(test, sim_fault_spdm_error(to_dev(test)),
			SPDM_ERR_UNEXPECTED_REQUEST);
}

static void fault_key_refused(struct kunit *test)
{
	stream_set_up(to_dev(test));
	for (int n = 0; n < 6; n++) {
		char text[32];

		snprintf(text, sizeof(text), "key-refused 1 %d", n);
		fault_set(test, text);
		for (int k = 0; k < 6; k++) {
			struct ide_km_msg msg = km_key(IDE_KM_KEY_PROG, 0,
						       k / 3, k % 3);

			km_expect_status(test, SESSION, &msg,
					 k == n ? IDE_KM_FAILED :
						  IDE_KM_SUCCESS);
		}
		KUNIT_EXPECT_EQ(test, sim_fault_hits(to_dev(test)), 1);
	}
}

static void fault_never_secure(struct kunit *test)
{
	km_secure(test, SESSION);
	fault_set(test, "never-secure");
	KUNIT_EXPECT_FALSE(test, stream_secure(to_dev(test)));
	KUNIT_EXPECT_GT(test, sim_fault_hits(to_dev(test)), 0);
	fault_set(test, "none");
	KUNIT_EXPECT_TRUE(test, stream_secure(to_dev(test)));
}

/* A conversation, without mailbox and TSM */

struct conversation {
	struct spdm_requester requester;
	struct spdm_io io;
	u8 chain[SPDM_MAX_MSG];
	u8 object[SPDM_MAX_MSG];
};

static int converse(struct kunit *test, struct conversation *c, int rc)
{
	struct sim_device *d = to_dev(test);

	while (rc == SPDM_SEND) {
		/* As the mailbox has it: whole dwords */
		size_t len = round_up(c->io.req_len, 4);

		memset(c->object, 0, len);
		memcpy(c->object, c->io.req, c->io.req_len);
		sim_fault_request(d, c->io.doe_type, c->object, len);
		rc = sim_dsm_exchange(d, c->io.doe_type, c->object, len,
				      c->io.rsp, c->io.rsp_size);
		if (rc < 0)
			return rc;
		if (!rc)
			return -EIO;
		rc = spdm_requester_step(&c->requester, rc, &c->io);
	}
	return rc;
}

static struct conversation *conversation_begin(struct kunit *test)
{
	struct conversation *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct sim_dsm *dsm = to_dev(test)->dsm;
	struct spdm_requester_config cfg = {
		.crypto = &spdm_kernel_crypto,
		/* The chain object has the root's hash */
		.root_hash = dsm->responder.cfg.chain +
			     offsetof(struct spdm_cert_chain, root_hash),
		.identity = "Vendor=1b36:Device=0110:CC=120000:REV=01:SSVID=1af4:SSID=1100",
	};

	KUNIT_ASSERT_NOT_NULL(test, c);
	cfg.chain_buf = c->chain;
	cfg.chain_size = sizeof(c->chain);
	KUNIT_ASSERT_EQ(test, spdm_requester_init(&c->requester, &cfg), 0);
	return c;
}

static int conversation_connect(struct kunit *test, struct conversation *c)
{
	return converse(test, c, spdm_requester_connect(&c->requester, &c->io));
}

static int conversation_query(struct kunit *test, struct conversation *c)
{
	static const u8 query[3] = { IDE_KM_QUERY };

	return converse(test, c,
			spdm_requester_vendor(&c->requester, SPDM_PROTO_IDE_KM,
					      query, sizeof(query), &c->io));
}

static void dsm_conversation(struct kunit *test)
{
	struct conversation *c = conversation_begin(test);
	struct sim_device *d = to_dev(test);
	struct ide_km_msg rsp;
	const void *payload;
	size_t len;

	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 0);
	KUNIT_ASSERT_EQ(test, conversation_connect(test, c), 0);
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 1);

	KUNIT_ASSERT_EQ(test, conversation_query(test, c), 0);
	KUNIT_ASSERT_EQ(test, 0,
			spdm_requester_vendor_response(&c->requester, &payload,
						       &len));
	KUNIT_EXPECT_EQ(test, ide_km_parse(payload, len, &rsp), 0);
	KUNIT_EXPECT_EQ(test, rsp.nr_regs,
			SIM_IDE_REGS_DW(SIM_IDE_EP_STREAMS));

	/* No TDISP message is that short: refused, and the session goes on */
	KUNIT_EXPECT_EQ(test, -EPROTO,
			converse(test, c,
				 spdm_requester_vendor(&c->requester,
						       SPDM_PROTO_TDISP,
						       "\x10\x81", 2, &c->io)));
	KUNIT_EXPECT_EQ(test, conversation_query(test, c), 0);

	KUNIT_EXPECT_EQ(test, 0,
			converse(test, c, spdm_requester_end(&c->requester,
							     &c->io)));
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 0);
	spdm_requester_wipe(&c->requester);
}

/* Keys are of the session that brought them: gone with it, however it ends */
static void dsm_session_ends(struct kunit *test)
{
	struct conversation *c = conversation_begin(test);
	struct sim_device *d = to_dev(test);

	KUNIT_ASSERT_EQ(test, conversation_connect(test, c), 0);
	km_secure(test, spdm_requester_session(&c->requester));
	KUNIT_EXPECT_EQ(test, 0,
			converse(test, c, spdm_requester_end(&c->requester,
							     &c->io)));
	KUNIT_EXPECT_FALSE(test, stream_secure(d));

	/* GET_VERSION of a requester that knows of no session */
	KUNIT_ASSERT_EQ(test, conversation_connect(test, c), 0);
	km_secure(test, spdm_requester_session(&c->requester));
	spdm_requester_wipe(&c->requester);
	KUNIT_ASSERT_EQ(test, conversation_connect(test, c), 0);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 1);

	/* Conventional reset */
	km_secure(test, spdm_requester_session(&c->requester));
	sim_dsm_session_reset(d);
	KUNIT_EXPECT_FALSE(test, stream_secure(d));
	KUNIT_EXPECT_EQ(test, sim_dsm_sessions(d), 0);
	KUNIT_EXPECT_LT(test, conversation_query(test, c), 0);
	spdm_requester_wipe(&c->requester);
}

static void dsm_faults(struct kunit *test)
{
	struct conversation *c = conversation_begin(test);
	static const struct {
		const char *text;
		int error;
	} faults[] = {
		{ "bad-chain", -EKEYREJECTED },
		{ "bad-identity", -EKEYREJECTED },
		{ "bad-measurement", -EKEYREJECTED },
		{ "busy 1 2", 0 },
		{ "busy 4 3", 0 },
		{ "not-ready 1", 0 },
		{ "not-ready 7", 0 },
		{ "not-ready 8", 0 },
		{ "unexpected 6", -EPROTO },
	};

	for (int i = 0; i < ARRAY_SIZE(faults); i++) {
		fault_set(test, faults[i].text);
		KUNIT_EXPECT_EQ_MSG(test, conversation_connect(test, c),
				    faults[i].error, "%s", faults[i].text);
		KUNIT_EXPECT_GT(test, sim_fault_hits(to_dev(test)), 0);
		fault_set(test, "none");
		KUNIT_EXPECT_EQ(test, conversation_connect(test, c), 0);
	}
	spdm_requester_wipe(&c->requester);
}

static struct kunit_case dsm_test_cases[] = {
	KUNIT_CASE(km_query),
	KUNIT_CASE(km_key_prog_status),
	KUNIT_CASE(km_key_prog_length),
	KUNIT_CASE(km_refused),
	KUNIT_CASE(km_go_and_stop),
	KUNIT_CASE(km_keys_differ),
	KUNIT_CASE(km_refresh),
	KUNIT_CASE(km_second_session),
	KUNIT_CASE(fault_text),
	KUNIT_CASE(fault_count),
	KUNIT_CASE(fault_spoiled),
	KUNIT_CASE(fault_errors),
	KUNIT_CASE(fault_busy_first),
	KUNIT_CASE(fault_resumed),
	KUNIT_CASE(fault_key_refused),
	KUNIT_CASE(fault_never_secure),
	KUNIT_CASE_SLOW(dsm_conversation),
	KUNIT_CASE_SLOW(dsm_session_ends),
	KUNIT_CASE_SLOW(dsm_faults),
	{}
};

static struct kunit_suite dsm_test_suite = {
	.name = "tsm-sim-dsm",
	.init = dsm_test_init,
	.exit = dsm_test_exit,
	.test_cases = dsm_test_cases,
};

kunit_test_suite(dsm_test_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_IMPORT_NS("TSM_SPDM");
MODULE_DESCRIPTION("KUnit tests for the security manager of simulated TDISP devices");
MODULE_LICENSE("GPL");
