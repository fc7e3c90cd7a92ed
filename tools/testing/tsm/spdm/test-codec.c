// SPDX-License-Identifier: GPL-2.0-only
/*
 * IDE_KM against bytes written down by hand, opaque data, and a recorded
 * conversation against an independent implementation (oracle.py).
 */
#include "session.h"
#include "spdm-test.h"

/* Key bytes 00 01 .. 1f: each DW of the wire has its four bytes turned round */
static const u8 key_prog[47] = {
	0x02, 0x00, 0x00, 0x05, 0x00, 0x22, 0x03,
	0x03, 0x02, 0x01, 0x00, 0x07, 0x06, 0x05, 0x04,
	0x0b, 0x0a, 0x09, 0x08, 0x0f, 0x0e, 0x0d, 0x0c,
	0x13, 0x12, 0x11, 0x10, 0x17, 0x16, 0x15, 0x14,
	0x1b, 0x1a, 0x19, 0x18, 0x1f, 0x1e, 0x1d, 0x1c,
	0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
};

static bool test_key_prog(void)
{
	struct ide_km_msg m = {
		.object = IDE_KM_KEY_PROG, .stream_id = 5, .port_index = 3,
		.key_set = 0, .direction = IDE_KM_TX, .sub_stream = IDE_KM_CPL,
	}, got;
	u8 buf[64];
	size_t len;
	int i;

	for (i = 0; i < 32; i++)
		m.key[i] = (u8)i;
	ide_km_initial_iv(m.iv);
	CHECK_EQ(ide_km_encode(&m, buf, sizeof(buf)), 47);
	CHECK(!memcmp(buf, key_prog, 47));
	CHECK_EQ(ide_km_encode(&m, buf, 47), 47);
	CHECK_EQ(ide_km_encode(&m, buf, 46), -EMSGSIZE);

	CHECK_EQ(ide_km_parse(key_prog, 47, &got), 0);
	CHECK(!memcmp(&got, &m, sizeof(m)));
	CHECK(ide_km_iv_is_initial(got.iv));
	got.iv[0] = 1;
	CHECK(!ide_km_iv_is_initial(got.iv));

	/* Too short or too long, and still enough to refuse it by name */
	for (len = 0; len < 60; len++) {
		memset(buf, 0, sizeof(buf));
		memcpy(buf, key_prog, len < 47 ? len : 47);
		CHECK_EQ(ide_km_parse(buf, len, &got), len == 47 ? 0 : -EBADMSG);
		CHECK_EQ(got.stream_id, len >= 7 ? 5 : 0);
		CHECK_EQ(got.port_index, len >= 7 ? 3 : 0);
		CHECK_EQ(got.sub_stream, len >= 7 ? 2 : 0);
	}
	return true;
}

static bool test_small_objects(void)
{
	static const struct {
		u8 bytes[7];
		u8 len;
		struct ide_km_msg m;
	} v[] = {
		{ { 0, 0, 9 }, 3, { .object = IDE_KM_QUERY, .port_index = 9 } },
		{ { 3, 0, 0, 7, 2, 0x11, 1 }, 7,
		  { .object = IDE_KM_KP_ACK, .stream_id = 7, .key_set = 1,
		    .sub_stream = IDE_KM_NPR, .port_index = 1,
		    .status = IDE_KM_BAD_PORT } },
		{ { 4, 0, 0, 255, 0, 0x02, 0 }, 7,
		  { .object = IDE_KM_K_SET_GO, .stream_id = 255,
		    .direction = IDE_KM_TX } },
		{ { 5, 0, 0, 1, 0, 0x23, 4 }, 7,
		  { .object = IDE_KM_K_SET_STOP, .stream_id = 1, .key_set = 1,
		    .direction = IDE_KM_TX, .sub_stream = IDE_KM_CPL,
		    .port_index = 4 } },
		{ { 6, 0, 0, 1, 0, 0xf0, 0 }, 7,
		  { .object = IDE_KM_K_GOSTOP_ACK, .stream_id = 1,
		    .sub_stream = 15 } },
	};
	struct ide_km_msg got;
	u8 buf[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		size_t len;

		memset(buf, 0xee, sizeof(buf));
		CHECK_EQ(ide_km_encode(&v[i].m, buf, sizeof(buf)), v[i].len);
		CHECK(!memcmp(buf, v[i].bytes, v[i].len));
		CHECK_EQ(buf[v[i].len], 0xee);
		for (len = 0; len <= 10; len++) {
			memset(buf, 0, sizeof(buf));
			memcpy(buf, v[i].bytes, len < v[i].len ? len : v[i].len);
			CHECK_EQ(ide_km_parse(buf, len, &got),
				 len == v[i].len ? 0 : -EBADMSG);
			if (len == v[i].len)
				CHECK(!memcmp(&got, &v[i].m, sizeof(got)));
			CHECK_EQ(ide_km_encode(&v[i].m, buf, len),
				 len < v[i].len ? -EMSGSIZE : v[i].len);
		}
	}
	/* Reserved bits are nobody's business */
	memcpy(buf, v[2].bytes, 7);
	buf[1] = 0xff;
	buf[2] = 0xff;
	buf[4] = 0xff;
	buf[5] |= 0x0c;
	CHECK_EQ(ide_km_parse(buf, 7, &got), 0);
	CHECK(!memcmp(&got, &v[2].m, sizeof(got)));

	for (i = 7; i < 256; i++) {
		buf[0] = (u8)i;
		CHECK_EQ(ide_km_parse(buf, 7, &got), -EBADMSG);
		CHECK_EQ(got.object, i);
		CHECK(!strcmp(ide_km_object_name((u8)i), "IDE_KM"));
	}
	got = v[2].m;
	got.key_set = 2;
	CHECK_EQ(ide_km_encode(&got, buf, sizeof(buf)), -EINVAL);
	got.object = 7;
	CHECK_EQ(ide_km_encode(&got, buf, sizeof(buf)), -EINVAL);
	return true;
}

static bool test_query_resp(void)
{
	static const u8 bytes[15] = {
		1, 0, 2, 0x08, 0x01, 0x00, 0x02, 0x78, 0x56, 0x34, 0x12,
		0xef, 0xbe, 0xad, 0xde,
	};
	struct ide_km_msg m = {
		.object = IDE_KM_QUERY_RESP, .port_index = 2, .dev_func = 8,
		.bus = 1, .max_port_index = 2, .nr_regs = 2, .regs = bytes + 7,
	}, got;
	u8 buf[IDE_KM_MAX_SIZE + 8] = { 1 };
	size_t len;

	CHECK_EQ(ide_km_encode(&m, buf, sizeof(buf)), 15);
	CHECK(!memcmp(buf, bytes, 15));
	CHECK_EQ(ide_km_encode(&m, buf, 14), -EMSGSIZE);
	CHECK_EQ(ide_km_parse(bytes, 15, &got), 0);
	CHECK(!memcmp(&got, &m, sizeof(m)));

	for (len = 0; len <= sizeof(buf); len++) {
		bool ok = len >= 7 && (len - 7) % 4 == 0 &&
			  len <= IDE_KM_MAX_SIZE;

		CHECK_EQ(ide_km_parse(buf, len, &got), ok ? 0 : -EBADMSG);
		if (ok)
			CHECK_EQ(got.nr_regs, (len - 7) / 4);
	}
	m.nr_regs = IDE_KM_MAX_REGS + 1;
	CHECK_EQ(ide_km_encode(&m, buf, sizeof(buf)), -EINVAL);
	return true;
}

static bool test_opaque(void)
{
	static const u8 good[24] = {
		2, 0, 0, 0,
		3, 2, 3, 0, 0xaa, 0xbb, 1, 0, 9, 0, 0, 0,	/* PCI-SIG's */
		0, 0, 4, 0, 1, 0, 0x00, 0x11,
	};
	u8 copy[28] = { 0 };
	const u8 *value;
	size_t len, i;

	CHECK_EQ(spdm_opaque_find(good, 24, SPDM_SM_SELECTION, &value, &len), 0);
	CHECK(value == good + 22 && len == 2);
	CHECK_EQ(spdm_opaque_find(good, 24, SPDM_SM_SUPPORTED, &value, &len),
		 -EBADMSG);
	for (i = 0; i < 24; i++)
		CHECK_EQ(spdm_opaque_find(good, i, SPDM_SM_SELECTION, &value,
					  &len), -EBADMSG);
	/* Something behind the elements */
	memcpy(copy, good, 24);
	for (i = 25; i <= 28; i++)
		CHECK_EQ(spdm_opaque_find(copy, i, SPDM_SM_SELECTION, &value,
					  &len), -EBADMSG);
	for (i = 0; i < 256; i++) {
		memcpy(copy, good, 24);
		copy[0] = (u8)i;
		CHECK_EQ(spdm_opaque_find(copy, 24, SPDM_SM_SELECTION, &value,
					  &len), i == 2 ? 0 : -EBADMSG);
		memcpy(copy, good, 24);
		copy[5] = (u8)i;
		spdm_opaque_find(copy, 24, SPDM_SM_SELECTION, &value, &len);
		memcpy(copy, good, 24);
		copy[7] = (u8)i;
		spdm_opaque_find(copy, 24, SPDM_SM_SELECTION, &value, &len);
	}
	return true;
}

static void dump(FILE *f, char direction, int doe_type, const void *p, int len)
{
	int i;

	fprintf(f, "%c %d ", direction, doe_type);
	for (i = 0; i < len; i++)
		fprintf(f, "%02x", ((const u8 *)p)[i]);
	fprintf(f, "\n");
}

static int record_hook(struct world *w, struct wire *wire, void *ctx)
{
	(void)w;
	dump(ctx, '>', wire->io.doe_type, wire->io.req, (int)wire->io.req_len);
	dump(ctx, '<', wire->io.doe_type, wire->io.rsp, wire->len);
	return wire->len;
}

static bool test_oracle(void)
{
	static struct world w;
	char path[512], cmd[1100];
	struct spdm_io io;
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "%s/conversation", pki_dir);
	f = fopen(path, "w");
	CHECK(f);
	world_init(&w, &pki);
	CHECK_EQ(run(&w, spdm_requester_connect(&w.r, &io), &io, record_hook, f),
		 0);
	CHECK_EQ(run(&w, spdm_requester_vendor(&w.r, 1, "hello", 5, &io), &io,
		     record_hook, f), 0);
	CHECK_EQ(run(&w, spdm_requester_end(&w.r, &io), &io, record_hook, f), 0);
	fprintf(f, "x ");
	for (i = 0; i < SPDM_HASH_SIZE; i++)
		fprintf(f, "%02x", last_shared_x[i]);
	fprintf(f, "\n");
	fclose(f);

	snprintf(cmd, sizeof(cmd), "python3 " SRC_DIR "/oracle.py %s",
		 path);
	CHECK_EQ(system(cmd), 0);
	return true;
}

const struct test codec_tests[] = {
	{ "IDE_KM key programming, byte order of the key", test_key_prog },
	{ "IDE_KM small objects", test_small_objects },
	{ "IDE_KM query response", test_query_resp },
	{ "opaque data", test_opaque },
	{ "an independent implementation agrees on a conversation", test_oracle },
	{ 0 }
};
