// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about TDIs: of what form they have to be and in which state, what a
 * guest gets to know of its device, and what a bad device makes of them.
 */
#include "tsm_harness.h"

FIXTURE(request)
{
	struct scene s;
};

FIXTURE_SETUP(request)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(request)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* --- requests ------------------------------------------------------------- */

struct bad_request {
	const char *args;
	int error;
};

TEST_F(request, bad_requests)
{
	static const struct bad_request bad[] = {
		/* another architecture's, or none's */
		{ "op=8 resp=16 arch=0", EINVAL },
		{ "op=8 resp=16 arch=1", EINVAL },
		{ "op=8 resp=16 arch=2", EINVAL },
		{ "op=8 resp=16 arch=3", EINVAL },
		{ "op=8 resp=16 arch=256", EINVAL },
		/* no such operation */
		{ "op=0", EOPNOTSUPP },
		{ "op=10", EOPNOTSUPP },
		{ "op=63", EOPNOTSUPP },
		{ "op=64", EOPNOTSUPP },
		{ "op=0xffffffff", EOPNOTSUPP },
		/* requests that are too long, too short */
		{ "op=1 zeros=31", EINVAL },
		{ "op=1 zeros=33", EINVAL },
		{ "op=1 zeros=32 resp=1", EINVAL },
		{ "op=2 zeros=1", EINVAL },
		{ "op=2 resp=1", EINVAL },
		{ "op=3 zeros=65", EINVAL },
		{ "op=3 resp=1", EINVAL },
		{ "op=4 zeros=65", EINVAL },
		{ "op=5 zeros=15 resp=16", EINVAL },
		{ "op=5 zeros=17 resp=16", EINVAL },
		{ "op=6 zeros=39 resp=8", EINVAL },
		{ "op=6 zeros=41 resp=8", EINVAL },
		{ "op=7 zeros=7 resp=24", EINVAL },
		{ "op=7 zeros=9 resp=24", EINVAL },
		{ "op=8 zeros=1 resp=16", EINVAL },
		{ "op=9 zeros=4097 resp=16", EMSGSIZE },
		{ "op=9 zeros=65536 resp=16", EMSGSIZE },
		/* responses that are too long for anybody */
		{ "op=5 zeros=16 resp=65537", EMSGSIZE },
		{ "op=8 resp=65537", EMSGSIZE },
		{ "op=9 zeros=8 resp=65537", EMSGSIZE },
	};
	struct vmm *v = &self->s.v;
	long messages;
	size_t i;

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_cmd(v, "lock t");
	messages = sim_count(self->s.d, "messages");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(-bad[i].error, vmm_cmd(v, "req t %s", bad[i].args)) {
			TH_LOG("%s", bad[i].args);
		}
		ASSERT_EQ(-bad[i].error,
			  vmm_cmd(v, "check t %s", bad[i].args)) {
			TH_LOG("check %s", bad[i].args);
		}
	}
	/* None of them got as far as the device */
	ASSERT_EQ(messages, sim_count(self->s.d, "messages"));
	test_state(v, "t", "LOCKED");
}

/* Where the response does not fit, its length is said, and nothing is done */
TEST_F(request, short_responses)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct tsm_regen_object regen = {
		.type = TSM_OBJECT_MEASUREMENTS,
	};
	struct tsm_object_info info = { .type = TSM_OBJECT_MEASUREMENTS };
	struct tsm_object_info_resp before, after;
	struct vmm *v = &self->s.v;
	char buf[sizeof(struct tsm_sim_tdi_info)];
	size_t len;

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_cmd(v, "lock t");

	len = 15;
	test_err(EMSGSIZE, vmm_req(v, "t", TSM_OP_GET_TDI_STATE, NULL, 0, buf,
				   &len));
	ASSERT_EQ(16, len);
	len = 0;
	test_err(EMSGSIZE, vmm_req(v, "t", TSM_OP_GET_TDI_STATE, NULL, 0, buf,
				   &len));
	ASSERT_EQ(16, len);
	test_ok(vmm_req(v, "t", TSM_OP_GET_TDI_STATE, NULL, 0, buf, &len));
	ASSERT_EQ(16, len);

	len = sizeof(buf) - 1;
	test_err(EMSGSIZE, vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg),
				   buf, &len));
	ASSERT_EQ(sizeof(buf), len);
	test_ok(vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg), buf,
			&len));

	len = sizeof(before);
	test_ok(vmm_req(v, "t", TSM_OP_OBJECT_INFO, &info, sizeof(info),
			&before, &len));
	len = 7;
	test_err(EMSGSIZE, vmm_req(v, "t", TSM_OP_REGEN_OBJECT, &regen,
				   sizeof(regen), buf, &len));
	ASSERT_EQ(8, len);
	len = sizeof(after);
	test_ok(vmm_req(v, "t", TSM_OP_OBJECT_INFO, &info, sizeof(info),
			&after, &len));
	ASSERT_EQ(before.generation, after.generation);
}

/* What a request may say in each state */
TEST_F(request, requests_in_every_state)
{
	struct tsm_object_info info = { .type = TSM_OBJECT_CERTIFICATE_CHAIN };
	struct tsm_object_info_resp resp;
	struct tsm_tdi_state_resp state;
	struct vmm *v = &self->s.v;
	struct tsm_validate_mmio mmio = { .gpa = 0x100000, .length = 0x1000 };
	int step, locked;
	size_t len;

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	for (step = 0; step < 5; step++) {
		if (step == 1)
			test_cmd(v, "lock t");
		if (step == 2)
			test_ok(vmm_req(v, "t", TSM_OP_START, NULL, 0, NULL,
					NULL));
		if (step == 3)
			test_ok(sim_tdi_error(self->s.d, self->s.vf[0]));
		if (step == 4)
			test_cmd(v, "stop t");
		locked = step == 1 || step == 2;

		len = sizeof(state);
		test_ok(vmm_req(v, "t", TSM_OP_GET_TDI_STATE, NULL, 0, &state,
				&len));
		ASSERT_EQ(step == 4 ? TSM_TDI_UNLOCKED : step, state.state);
		ASSERT_EQ(step > 0, state.generation);
		ASSERT_EQ(0, state.flags);

		len = sizeof(resp);
		test_ok(vmm_req(v, "t", TSM_OP_OBJECT_INFO, &info,
				sizeof(info), &resp, &len));
		test_err(locked ? 0 : EINVAL,
			 vmm_req(v, "t", TSM_OP_VALIDATE_MMIO, &mmio,
				 sizeof(mmio), NULL, NULL));
		test_err(locked ? 0 : EINVAL,
			 vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL,
				 NULL));
		test_err(locked ? 0 : EINVAL,
			 vmm_req(v, "t", TSM_OP_DISABLE_DMA, NULL, 0, NULL,
				 NULL));
		if (step != 1)
			test_err(EINVAL, vmm_req(v, "t", TSM_OP_START, NULL, 0,
						 NULL, NULL));
	}
	test_in_order(v, "t");
}

/* --- evidence ------------------------------------------------------------- */

static uint32_t le16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | le16(p + 2) << 16;
}

static uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* Bytes of the DER element at @p, header included */
static size_t der_len(const uint8_t *p)
{
	size_t len = p[1], n = 2;

	if (len & 0x80)
		for (n = 2, len = 0; n < 2 + (p[1] & 0x7f); n++)
			len = len << 8 | p[n];
	return n + len;
}

#define test_object_info(v, tdi, type, info) \
	_test_object_info(_metadata, v, tdi, type, info)
static void _test_object_info(struct __test_metadata *_metadata, struct vmm *v,
			      const char *tdi, unsigned int type,
			      struct tsm_object_info_resp *info)
{
	struct tsm_object_info req = { .type = type };
	size_t len = sizeof(*info);

	test_ok(vmm_req(v, tdi, TSM_OP_OBJECT_INFO, &req, sizeof(req), info,
			&len));
	ASSERT_EQ(TSM_DIGEST_SHA384, info->digest_alg);
	ASSERT_EQ(0, info->flags);
}

/* What is read is what was announced, and what the TSM has */
#define test_object(v, tdi, type, buf) \
	_test_object(_metadata, v, tdi, type, buf)
static size_t _test_object(struct __test_metadata *_metadata, struct vmm *v,
			   const char *tdi, unsigned int type, uint8_t *buf)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct tsm_read_object read = { .type = type };
	struct tsm_object_info_resp info;
	struct tsm_sim_tdi_info tdi_info;
	uint8_t digest[SHA384_SIZE], none[SHA384_SIZE] = { 0 };
	size_t size = TDI_MAX_RESP, len;

	test_ok(vmm_read_object(v, tdi, type, buf, &size));
	test_object_info(v, tdi, type, &info);
	ASSERT_EQ(info.size, size);

	len = sizeof(tdi_info);
	test_ok(vmm_req(v, tdi, TSM_OP_GUEST_MSG, &msg, sizeof(msg), &tdi_info,
			&len));
	ASSERT_EQ(info.size, tdi_info.object[type].size);
	ASSERT_EQ(info.generation, tdi_info.object[type].generation);
	sha384(buf, size, digest);
	ASSERT_EQ(0, memcmp(size ? digest : none, tdi_info.object[type].digest,
			    sizeof(digest)));

	/* None at the end, an error behind it */
	read.offset = size;
	len = 16;
	test_ok(vmm_req(v, tdi, TSM_OP_READ_OBJECT, &read, sizeof(read), buf,
			&len));
	ASSERT_EQ(0, len);
	read.offset = size + 1;
	len = 16;
	test_err(EINVAL, vmm_req(v, tdi, TSM_OP_READ_OBJECT, &read,
				 sizeof(read), buf, &len));
	read.offset = ~0ull;
	test_err(EINVAL, vmm_req(v, tdi, TSM_OP_READ_OBJECT, &read,
				 sizeof(read), buf, &len));
	return size;
}

/* A chain object begins with its own length and the root's digest */
TEST_F(request, certificate_chain)
{
	static uint8_t chain[TDI_MAX_RESP];
	uint8_t digest[SHA384_SIZE];
	struct vmm *v = &self->s.v;
	size_t size, off = 4 + SHA384_SIZE;
	unsigned int nr = 0;

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	size = test_object(v, "t", TSM_OBJECT_CERTIFICATE_CHAIN, chain);
	ASSERT_EQ(size, le16(chain));
	ASSERT_EQ(0, le16(chain + 2));
	sha384(chain + off, der_len(chain + off), digest);
	ASSERT_EQ(0, memcmp(digest, chain + 4, sizeof(digest)));
	for (; off < size; nr++) {
		ASSERT_EQ(0x30, chain[off]);
		off += der_len(chain + off);
	}
	ASSERT_EQ(size, off);
	ASSERT_LT(1, nr);
}

/* GET_VERSION to ALGORITHMS, of a device that speaks SPDM 1.2 */
TEST_F(request, transcript)
{
	static uint8_t vca[TDI_MAX_RESP];
	struct vmm *v = &self->s.v;
	size_t size;

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	size = test_object(v, "t", TSM_OBJECT_TRANSCRIPT, vca);
	ASSERT_LT(16, size);
	ASSERT_EQ(0x10, vca[0]);
	ASSERT_EQ(0x84, vca[1]);
	ASSERT_EQ(0x10, vca[4]);
	ASSERT_EQ(0x04, vca[5]);
}

#define test_regen(v, tdi, nonce) _test_regen(_metadata, v, tdi, nonce)
static uint64_t _test_regen(struct __test_metadata *_metadata, struct vmm *v,
			    const char *tdi, uint8_t nonce)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_MEASUREMENTS };
	struct tsm_regen_object_resp resp;
	size_t len = sizeof(resp);

	memset(req.nonce, nonce, sizeof(req.nonce));
	test_ok(vmm_req(v, tdi, TSM_OP_REGEN_OBJECT, &req, sizeof(req), &resp,
			&len));
	return resp.generation;
}

/*
 * Measurements are a guest's own, signed anew at its request. The signed
 * content is three blocks: firmware by its digest, the device's configuration,
 * a version.
 */
TEST_F(request, measurements)
{
	static const char firmware[] = "tsm-sim firmware, for tests only";
	static uint8_t one[TDI_MAX_RESP], two[TDI_MAX_RESP];
	uint8_t digest[SHA384_SIZE];
	struct tsm_object_info_resp info;
	struct vmm *v = &self->s.v;
	uint64_t generation;
	size_t size;

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_ok(vmm_create(v, "u", self->s.vf[1], "vm0", 2, NULL));
	/* None has been made for this guest */
	ASSERT_EQ(0, test_object(v, "t", TSM_OBJECT_MEASUREMENTS, one));

	generation = test_regen(v, "t", 0x11);
	test_object_info(v, "t", TSM_OBJECT_MEASUREMENTS, &info);
	ASSERT_EQ(generation, info.generation);
	size = test_object(v, "t", TSM_OBJECT_MEASUREMENTS, one);
	/* MEASUREMENTS: header, blocks, nonce, opaque data, signature */
	ASSERT_LT(8 + 3 * 7 + SHA384_SIZE + 8 + 3 + 32 + 2 + 96, size + 1);
	ASSERT_EQ(0x12, one[0]);
	ASSERT_EQ(0x60, one[1]);
	ASSERT_EQ(3, one[4]);
	sha384(firmware, sizeof(firmware), digest);
	ASSERT_EQ(0, memcmp(one + 8 + 7, digest, sizeof(digest)));
	ASSERT_EQ(2, le32(one + 8 + 7 + SHA384_SIZE + 7));
	ASSERT_EQ(SCENE_VFS, le32(one + 8 + 7 + SHA384_SIZE + 7 + 4));

	/* Another nonce, another signature; nobody else's object changes */
	ASSERT_EQ(0, test_object(v, "u", TSM_OBJECT_MEASUREMENTS, two));
	ASSERT_NE(generation, test_regen(v, "u", 0x22));
	ASSERT_EQ(size, test_object(v, "u", TSM_OBJECT_MEASUREMENTS, two));
	ASSERT_NE(0, memcmp(one + size - 96, two + size - 96, 96));
	ASSERT_EQ(size, test_object(v, "t", TSM_OBJECT_MEASUREMENTS, two));
	ASSERT_EQ(0, memcmp(one, two, size));
	test_object_info(v, "t", TSM_OBJECT_MEASUREMENTS, &info);
	ASSERT_EQ(generation, info.generation);

	ASSERT_NE(generation, test_regen(v, "t", 0x11));
	ASSERT_EQ(size, test_object(v, "t", TSM_OBJECT_MEASUREMENTS, two));
	ASSERT_NE(0, memcmp(one, two, size));
}

TEST_F(request, what_cannot_be_made_anew)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_TRANSCRIPT };
	struct tsm_regen_object_resp resp;
	struct tsm_read_object read = { .type = 4 };
	struct vmm *v = &self->s.v;
	size_t len = sizeof(resp);

	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_err(EOPNOTSUPP, vmm_req(v, "t", TSM_OP_REGEN_OBJECT, &req,
				     sizeof(req), &resp, &len));
	req.type = TSM_OBJECT_CERTIFICATE_CHAIN;
	len = sizeof(resp);
	test_err(EOPNOTSUPP, vmm_req(v, "t", TSM_OP_REGEN_OBJECT, &req,
				     sizeof(req), &resp, &len));
	/* There are four objects, and no flags yet */
	req.type = 4;
	len = sizeof(resp);
	test_err(EINVAL, vmm_req(v, "t", TSM_OP_REGEN_OBJECT, &req,
				 sizeof(req), &resp, &len));
	req.type = TSM_OBJECT_MEASUREMENTS;
	req.flags = 1;
	len = sizeof(resp);
	test_err(EOPNOTSUPP, vmm_req(v, "t", TSM_OP_REGEN_OBJECT, &req,
				     sizeof(req), &resp, &len));
	len = 1;
	test_err(EINVAL, vmm_req(v, "t", TSM_OP_READ_OBJECT, &read,
				 sizeof(read), &resp, &len));
	read.type = 0;
	read.__reserved = 1;
	len = 1;
	test_err(EOPNOTSUPP, vmm_req(v, "t", TSM_OP_READ_OBJECT, &read,
				     sizeof(read), &resp, &len));
}

/* --- the interface report, and MMIO --------------------------------------- */

/*
 * The report of the device as bytes, the host's view of it, and the BARs that
 * the kernel knows: three accounts of the same.
 */
#define test_report(v, tdi, bdf) _test_report(_metadata, v, tdi, bdf)
static void _test_report(struct __test_metadata *_metadata, struct vmm *v,
			 const char *tdi, const char *bdf)
{
	static uint8_t report[TDI_MAX_RESP];
	unsigned long long start, len, covered, host_off, host_len;
	unsigned int bar, host_bar, i, nr;
	uint64_t lowest = ~0ull;
	char *lines, *line, *rest, kind[16];
	size_t size;

	size = test_object(v, tdi, TSM_OBJECT_INTERFACE_REPORT, report);
	ASSERT_LE(20, size);
	nr = le32(report + 12);
	ASSERT_LE(1, nr);
	ASSERT_LE(20 + 16 * nr, size);
	ASSERT_EQ(size, 20 + 16 * nr + le32(report + 16 + 16 * nr));
	/* The MSI-X table is not locked */
	ASSERT_EQ(0, le16(report + 4));

	test_cmd(v, "report %s", tdi);
	lines = strdup(v->answer);
	line = strtok_r(lines, "\n", &rest);
	for (i = 0, bar = 0, covered = 0; i < nr; i++) {
		const uint8_t *range = report + 16 + 16 * i;
		unsigned int id = le32(range + 12) >> 16;

		ASSERT_NE(NULL, line);
		ASSERT_TRUE(sscanf(line, "%u %llx %llx %15s", &host_bar,
				   &host_off, &host_len, kind) == 4);
		line = strtok_r(NULL, "\n", &rest);
		ASSERT_EQ(host_bar, id);
		ASSERT_EQ(host_len, (uint64_t)le32(range + 8) << 12);
		ASSERT_STREQ(le32(range + 12) & 4 ? "shared" : "tee", kind);

		/* No gap and no overlap, from the first byte to the last */
		if (id != bar) {
			ASSERT_LT(bar, id);
			bar = id;
			covered = 0;
		}
		ASSERT_EQ(covered, host_off);
		covered += host_len;
		test_ok(sim_bar(bdf, bar, &start, &len));
		ASSERT_LE(covered, len);
		if (i + 1 == nr || le32(range + 28) >> 16 != bar)
			ASSERT_EQ(len, covered);
		/* Moved by as much as makes the low bits offsets */
		ASSERT_EQ(host_off, (le64(range) << 12) & (len - 1));
		if (le64(range) < lowest)
			lowest = le64(range);
	}
	ASSERT_EQ(NULL, line);
	free(lines);
	/* Where the host has put it, the guest does not see */
	test_ok(sim_bar(bdf, 0, &start, &len));
	ASSERT_GT(start >> 12, lowest);
}

TEST_F(request, report)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_INTERFACE_REPORT };
	struct tsm_regen_object_resp resp;
	struct tsm_object_info_resp before, after;
	static uint8_t buf[TDI_MAX_RESP];
	struct vmm *v = &self->s.v;
	size_t len = sizeof(resp);

	test_ok(vmm_create(v, "vf", self->s.vf[1], "vm0", 1, NULL));
	test_ok(vmm_create(v, "pf", self->s.d->bdf, "vm0", 2, NULL));
	/* There is none before a lock, and none to be made */
	ASSERT_EQ(0, test_object(v, "vf", TSM_OBJECT_INTERFACE_REPORT, buf));
	test_err(EIO, vmm_req(v, "vf", TSM_OP_REGEN_OBJECT, &req, sizeof(req),
			      &resp, &len));

	test_cmd(v, "lock vf");
	test_cmd(v, "lock pf");
	test_report(v, "vf", self->s.vf[1]);
	test_report(v, "pf", self->s.d->bdf);
	test_cmd(v, "run vf");
	test_report(v, "vf", self->s.vf[1]);

	test_object_info(v, "vf", TSM_OBJECT_INTERFACE_REPORT, &before);
	len = sizeof(resp);
	test_ok(vmm_req(v, "vf", TSM_OP_REGEN_OBJECT, &req, sizeof(req), &resp,
			&len));
	test_object_info(v, "vf", TSM_OBJECT_INTERFACE_REPORT, &after);
	ASSERT_EQ(resp.generation, after.generation);
	ASSERT_NE(before.generation, after.generation);
	ASSERT_EQ(before.size, after.size);

	/* Each lock has its own */
	test_cmd(v, "stop vf");
	ASSERT_EQ(0, test_object(v, "vf", TSM_OBJECT_INTERFACE_REPORT, buf));
	test_cmd(v, "lock vf");
	test_object_info(v, "vf", TSM_OBJECT_INTERFACE_REPORT, &before);
	ASSERT_NE(before.generation, after.generation);
}

struct bad_mmio {
	struct tsm_validate_mmio req;
	int error;
};

TEST_F(request, validate_mmio)
{
	static const struct bad_mmio bad[] = {
		{ { .gpa = 0x1000, .length = 0 }, EINVAL },
		{ { .gpa = 0x1001, .length = 0x1000 }, EINVAL },
		{ { .gpa = 0x1000, .length = 0xfff }, EINVAL },
		{ { .gpa = 0x1000, .length = 0x1000, .offset = 1 }, EINVAL },
		{ { .gpa = -0x1000ull, .length = 0x1000 }, EINVAL },
		{ { .gpa = 0x1000, .length = 0x1000, .offset = -0x1000ull },
		  EINVAL },
		{ { .gpa = 0x1000, .length = 0x1000, .region = 6 }, EINVAL },
		{ { .gpa = 0x1000, .length = 0x1000, .region = 1 }, EINVAL },
		{ { .gpa = 0x1000, .length = 0x1000, .flags = 1 },
		  EOPNOTSUPP },
		{ { .gpa = 0x1000, .length = 1ull << 40 }, EINVAL },
	};
	struct tsm_validate_mmio req = { .gpa = 0x200000, .length = 0x2000 };
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct tsm_sim_tdi_info info;
	unsigned long long off, len;
	struct vmm *v = &self->s.v;
	size_t i, info_len = sizeof(info);
	unsigned int bar;
	char *shared;

	test_ok(vmm_create(v, "t", self->s.d->bdf, "vm0", 1, NULL));
	test_cmd(v, "lock t");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(-bad[i].error,
			  vmm_req(v, "t", TSM_OP_VALIDATE_MMIO, &bad[i].req,
				  sizeof(bad[i].req), NULL, NULL)) {
			TH_LOG("%zu", i);
		}
	}

	test_ok(vmm_req(v, "t", TSM_OP_VALIDATE_MMIO, &req, sizeof(req), NULL,
			NULL));
	ASSERT_EQ(TSM_OUT_COMMITTED, vmm_value(v, "flags"));
	/* The same again is no news; something else there is refused */
	test_ok(vmm_req(v, "t", TSM_OP_VALIDATE_MMIO, &req, sizeof(req), NULL,
			NULL));
	req.gpa += 0x1000;
	test_err(EEXIST, vmm_req(v, "t", TSM_OP_VALIDATE_MMIO, &req,
				 sizeof(req), NULL, NULL));
	ASSERT_EQ(0, vmm_value(v, "flags"));
	req.gpa += 0x1000;
	req.region = 2;
	test_ok(vmm_req(v, "t", TSM_OP_VALIDATE_MMIO, &req, sizeof(req), NULL,
			NULL));
	test_ok(vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info,
			&info_len));
	ASSERT_EQ(0x4000, info.mmio_bytes);

	/* What the host goes on using is nothing to validate */
	test_cmd(v, "report t");
	shared = strstr(v->answer, " shared");
	ASSERT_NE(NULL, shared);
	*shared = '\0';
	shared = strrchr(v->answer, '\n');
	ASSERT_TRUE(sscanf(shared ?: v->answer, "%u %llx %llx", &bar, &off,
			   &len) == 3);
	req = (struct tsm_validate_mmio) {
		.gpa = 0x800000, .length = 0x1000, .region = bar,
		.offset = off,
	};
	test_err(EPERM, vmm_req(v, "t", TSM_OP_VALIDATE_MMIO, &req,
				sizeof(req), NULL, NULL));
	/* Nor is what is half the guest's */
	req.length = 0x2000;
	req.offset = off - 0x1000;
	test_err(EPERM, vmm_req(v, "t", TSM_OP_VALIDATE_MMIO, &req,
				sizeof(req), NULL, NULL));

	/* A lock begins with nothing validated */
	test_cmd(v, "stop t");
	test_cmd(v, "lock t");
	test_ok(vmm_req(v, "t", TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info,
			&info_len));
	ASSERT_EQ(0, info.mmio_bytes);
}

/* --- what a device may answer --------------------------------------------- */

FIXTURE(refusal)
{
	struct scene s;
};

FIXTURE_VARIANT(refusal)
{
	unsigned int code;
	int error;
};

FIXTURE_VARIANT_ADD(refusal, invalid_request)
	{ .code = 0x1, .error = EPROTO };
FIXTURE_VARIANT_ADD(refusal, busy)
	{ .code = 0x3, .error = EBUSY };
FIXTURE_VARIANT_ADD(refusal, unspecified)
	{ .code = 0x5, .error = EIO };
FIXTURE_VARIANT_ADD(refusal, unsupported_request)
	{ .code = 0x7, .error = EOPNOTSUPP };
FIXTURE_VARIANT_ADD(refusal, version_mismatch)
	{ .code = 0x41, .error = EPROTONOSUPPORT };
FIXTURE_VARIANT_ADD(refusal, vendor_specific)
	{ .code = 0xff, .error = EIO };
FIXTURE_VARIANT_ADD(refusal, invalid_interface)
	{ .code = 0x101, .error = EADDRNOTAVAIL };
FIXTURE_VARIANT_ADD(refusal, invalid_nonce)
	{ .code = 0x102, .error = EKEYREJECTED };
FIXTURE_VARIANT_ADD(refusal, insufficient_entropy)
	{ .code = 0x103, .error = EAGAIN };
FIXTURE_VARIANT_ADD(refusal, invalid_device_configuration)
	{ .code = 0x104, .error = EINVAL };
FIXTURE_VARIANT_ADD(refusal, unknown)
	{ .code = 0x4242, .error = EIO };

FIXTURE_SETUP(refusal)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect(&self->s));
	test_ok(vmm_create(&self->s.v, "t", self->s.vf[0], "vm0", 1, NULL));
}

FIXTURE_TEARDOWN(refusal)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* Each with its errno, the device's own words, and nothing done */
TEST_F(refusal, of_lock_and_start)
{
	struct vmm *v = &self->s.v;

	test_ok(sim_set(self->s.d, "fault", "tdisp-error %d %u", TDISP_LOCK,
			variant->code));
	test_err_cmd(variant->error, v, "lock t");
	ASSERT_EQ(variant->code, (uint32_t)vmm_value(v, "tsm_code"));
	test_state(v, "t", "UNLOCKED");
	test_device(self->s.d, self->s.vf[0], "unlocked");
	test_hooks(v, "t", "gate ungate");

	test_ok(sim_set(self->s.d, "fault", "none"));
	test_cmd(v, "lock t");
	test_ok(sim_set(self->s.d, "fault", "tdisp-error %d %u", TDISP_START,
			variant->code));
	test_err_cmd(variant->error, v, "run t");
	ASSERT_EQ(variant->code, (uint32_t)vmm_value(v, "tsm_code"));
	test_state(v, "t", "LOCKED");
	test_device(self->s.d, self->s.vf[0], "locked");

	/* The nonce was not used up */
	test_ok(sim_set(self->s.d, "fault", "none"));
	test_cmd(v, "run t");
	test_device(self->s.d, self->s.vf[0], "run");
	test_in_order(v, "t");
}

/* Messages and reports that make no sense: EBADMSG, and all is undone */
FIXTURE(nonsense)
{
	struct scene s;
};

FIXTURE_VARIANT(nonsense)
{
	const char *fault;
	int error;
};

FIXTURE_VARIANT_ADD(nonsense, lock_short)
	{ .fault = "tdisp-length 3", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, lock_long)
	{ .fault = "tdisp-length 3 33", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_of_another)
	{ .fault = "tdisp-other 4", .error = EPROTO };
FIXTURE_VARIANT_ADD(nonsense, report_1)
	{ .fault = "report-bad 1", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_2)
	{ .fault = "report-bad 2", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_3)
	{ .fault = "report-bad 3", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_4)
	{ .fault = "report-bad 4", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_5)
	{ .fault = "report-bad 5", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_6)
	{ .fault = "report-bad 6", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_7)
	{ .fault = "report-bad 7", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_8)
	{ .fault = "report-bad 8", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_9)
	{ .fault = "report-bad 9", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_10)
	{ .fault = "report-bad 10", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_11)
	{ .fault = "report-bad 11", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, report_12)
	{ .fault = "report-bad 12", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, portions_empty)
	{ .fault = "report-empty", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, portions_lie)
	{ .fault = "report-lies", .error = EBADMSG };
FIXTURE_VARIANT_ADD(nonsense, endless)
	{ .fault = "report-endless", .error = EBADMSG };
/* no error at all */
FIXTURE_VARIANT_ADD(nonsense, small_portions)
	{ .fault = "report-portions 1" };

FIXTURE_SETUP(nonsense)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect(&self->s));
	test_ok(vmm_create(&self->s.v, "t", self->s.vf[0], "vm0", 1, NULL));
}

FIXTURE_TEARDOWN(nonsense)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(nonsense, at_lock)
{
	struct vmm *v = &self->s.v;

	test_ok(sim_set(self->s.d, "fault", "%s", variant->fault));
	test_err_cmd(variant->error, v, "lock t");
	if (variant->error) {
		test_state(v, "t", "UNLOCKED");
		test_device(self->s.d, self->s.vf[0], "unlocked");
		test_hooks(v, "t", "gate ungate");
	} else {
		test_cmd(v, "stop t");
	}
	ASSERT_LT(0, sim_count(self->s.d, "fault_hits"));
	test_ok(sim_set(self->s.d, "fault", "none"));
	test_cmd(v, "lock t");
	test_cmd(v, "run t");
	test_device(self->s.d, self->s.vf[0], "run");
	test_in_order(v, "t");
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
