// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the simulated device's security manager: its end of IDE_KM.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>

#include "test-dsm.h"

/* The stream's two ends, as the host sets them up */

static void stream_write(struct sim_ide_port *port, unsigned int block,
			 unsigned int reg, u32 val)
{
	guard(raw_spinlock_irqsave)(&port->dev->lock);
	sim_ide_write(port, PCI_IDE_LINK_STREAM_0 +
		      block * PCI_IDE_SEL_BLOCK_SIZE(SIM_IDE_NR_ADDR) + reg,
		      val, U32_MAX);
}

void stream_set_up(struct sim_device *d)
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

bool stream_secure(struct sim_device *d)
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

struct ide_km_msg km_key(u8 object, u8 set, u8 dir, u8 sub)
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

void km_expect_status(struct kunit *test, u32 session,
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

void km_secure(struct kunit *test, u32 session)
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

static struct kunit_case km_test_cases[] = {
	KUNIT_CASE(km_query),
	KUNIT_CASE(km_key_prog_status),
	KUNIT_CASE(km_key_prog_length),
	KUNIT_CASE(km_refused),
	KUNIT_CASE(km_go_and_stop),
	KUNIT_CASE(km_keys_differ),
	KUNIT_CASE(km_refresh),
	KUNIT_CASE(km_second_session),
	{}
};

static struct kunit_suite km_test_suite = {
	.name = "tsm-sim-km",
	.init = dsm_test_init,
	.exit = dsm_test_exit,
	.test_cases = km_test_cases,
};

kunit_test_suite(km_test_suite);
