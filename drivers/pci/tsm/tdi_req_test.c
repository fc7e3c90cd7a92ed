// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of requests about TDIs: what never reaches a TSM's driver, and
 * what becomes of what does.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "tdi_fake.h"

/* Larger than anything that passes */
#define REQ_ROOM	(FAKE_MAX_MSG + 64)

struct req_fixture {
	struct fake_tsm *f;
	struct pci_tdi *tdi;
	u8 req[REQ_ROOM] __aligned(8);
	u8 resp[REQ_ROOM] __aligned(8);
	size_t resp_len;
	struct pci_tdi_result result;
};

static int req_init(struct kunit *test)
{
	struct req_fixture *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	test->priv = r;
	r->f = fake_tsm_new(test);
	return 0;
}

static void req_begin(struct req_fixture *r, enum tsm_tdi_phase phase)
{
	fake_tsm_connect(r->f);
	r->tdi = fake_tdi(r->f, r->f->vf[0].pdev);
	fake_tdi_to(r->f, r->tdi, phase);
}

static int req_do(struct req_fixture *r, u32 arch, u32 op, size_t req_len,
		  size_t resp_len)
{
	struct pci_tdi_req req = {
		.arch = arch,
		.op = op,
		.req = r->req,
		.req_len = req_len,
		.resp = r->resp,
		.resp_len = resp_len,
	};
	int rc = pci_tdi_guest_req(r->tdi, &req, &r->result);

	r->resp_len = req.resp_len;
	return rc;
}

/* --- lengths ------------------------------------------------------------------------- */

/* Each operation: requests it takes, its response, its states */
static const struct req_case {
	const char *name;
	enum tsm_op op;
	size_t min_req;
	size_t max_req;
	int too_long;		/* the errno of that */
	size_t resp;		/* bytes, or FAKE_MAX_MSG: as many as fit */
	bool unlocked;		/* is legal when UNLOCKED */
	bool run;		/* and when RUN */
	const char *log;	/* of success, when LOCKED */
	u32 flags;
} req_cases[] = {
	{ "VALIDATE_MMIO", TSM_OP_VALIDATE_MMIO, 32, 32, -EINVAL, 0,
	  false, true, " request", TSM_OUT_COMMITTED },
	{ "START", TSM_OP_START, 0, 0, -EINVAL, 0,
	  false, false, " run", TSM_OUT_COMMITTED },
	{ "ENABLE_DMA", TSM_OP_ENABLE_DMA, 0, 64, -EINVAL, 0,
	  false, true, " host-dma-on dma-enable", TSM_OUT_COMMITTED },
	{ "DISABLE_DMA", TSM_OP_DISABLE_DMA, 0, 64, -EINVAL, 0,
	  false, true, " dma-off", TSM_OUT_COMMITTED },
	{ "READ_OBJECT", TSM_OP_READ_OBJECT, 16, 16, -EINVAL, FAKE_MAX_MSG,
	  true, true, " request", 0 },
	{ "REGEN_OBJECT", TSM_OP_REGEN_OBJECT, 40, 40, -EINVAL, 8,
	  true, true, " request", 0 },
	{ "OBJECT_INFO", TSM_OP_OBJECT_INFO, 8, 8, -EINVAL, 24,
	  true, true, " request", 0 },
	{ "GET_TDI_STATE", TSM_OP_GET_TDI_STATE, 0, 0, -EINVAL, 16,
	  true, true, " state", 0 },
	{ "GUEST_MSG", TSM_OP_GUEST_MSG, 0, FAKE_MAX_MSG, -EMSGSIZE, FAKE_MAX_MSG,
	  true, true, " request", 0 },
};

KUNIT_ARRAY_PARAM_DESC(req, req_cases, name);

/* A request that is in order, of any operation */
static void req_fill(struct req_fixture *r, enum tsm_op op)
{
	struct tsm_validate_mmio *mmio = (void *)r->req;

	memset(r->req, 0, sizeof(r->req));
	if (op == TSM_OP_VALIDATE_MMIO)
		*mmio = (struct tsm_validate_mmio){
			.gpa = SZ_4G,
			.length = FAKE_BAR_TEE,
		};
}

static int req_of(struct req_fixture *r, const struct req_case *c)
{
	req_fill(r, c->op);
	return req_do(r, TSM_ARCH_SIM, c->op, c->max_req, c->resp);
}

static void req_test_lengths(struct kunit *test)
{
	const struct req_case *c = test->param_value;
	struct req_fixture *r = test->priv;
	size_t room = max_t(size_t, c->resp, FAKE_MAX_MSG);

	req_begin(r, TSM_PHASE_LOCKED);
	req_fill(r, c->op);

	/* nothing of the following is for a driver to see */
	if (c->min_req)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				req_do(r, TSM_ARCH_SIM, c->op, c->min_req - 1,
				       c->resp));
	KUNIT_EXPECT_EQ(test, c->too_long,
			req_do(r, TSM_ARCH_SIM, c->op, c->max_req + 1,
			       c->resp));
	if (c->resp) {
		KUNIT_EXPECT_EQ(test, -EMSGSIZE,
				req_do(r, TSM_ARCH_SIM, c->op, c->max_req,
				       room + 1));
		KUNIT_EXPECT_EQ(test, 0, r->resp_len);
	} else {
		KUNIT_EXPECT_EQ(test, -EINVAL,
				req_do(r, TSM_ARCH_SIM, c->op, c->max_req, 1));
	}
	if (c->resp && c->resp != FAKE_MAX_MSG) {
		/* never truncated: told what it takes */
		KUNIT_EXPECT_EQ(test, -EMSGSIZE,
				req_do(r, TSM_ARCH_SIM, c->op, c->max_req,
				       c->resp - 1));
		KUNIT_EXPECT_EQ(test, c->resp, r->resp_len);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL,
			req_do(r, TSM_ARCH_SEV, c->op, c->max_req, c->resp));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			req_do(r, TSM_ARCH_NONE, c->op, c->max_req, c->resp));
	FAKE_EXPECT_LOG(r->f, "");
	KUNIT_EXPECT_EQ(test, 0, r->result.flags);

	/* and this is */
	KUNIT_EXPECT_EQ(test, 0, req_of(r, c));
	FAKE_EXPECT_LOG(r->f, c->log);
	KUNIT_EXPECT_EQ(test, c->flags, r->result.flags);
	KUNIT_EXPECT_EQ(test, 1, r->result.generation);
	if (c->resp == FAKE_MAX_MSG)
		KUNIT_EXPECT_EQ(test, c->max_req, r->resp_len);
	else
		KUNIT_EXPECT_EQ(test, c->resp, r->resp_len);
}

static void req_test_states(struct kunit *test)
{
	const struct req_case *c = test->param_value;
	struct req_fixture *r = test->priv;
	bool any = c->op == TSM_OP_GET_TDI_STATE;
	struct pci_tdi_result result;

	req_begin(r, TSM_PHASE_UNLOCKED);
	KUNIT_EXPECT_EQ(test, c->unlocked ? 0 : -EINVAL, req_of(r, c));
	fake_tdi_to(r->f, r->tdi, TSM_PHASE_RUN);
	KUNIT_EXPECT_EQ(test, c->run ? 0 : -EINVAL, req_of(r, c));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(r->tdi, &result));
	fake_tdi_to(r->f, r->tdi, TSM_PHASE_ERROR);
	KUNIT_EXPECT_EQ(test, c->unlocked ? 0 : -EINVAL, req_of(r, c));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(r->tdi, &result));

	fake_tdi_to(r->f, r->tdi, TSM_PHASE_DEAD);
	KUNIT_EXPECT_EQ(test, any ? 0 : -ENXIO, req_of(r, c));
	fake_tsm_connect(r->f);
	fake_tdi_to(r->f, r->tdi, TSM_PHASE_QUARANTINED);
	KUNIT_EXPECT_EQ(test, any ? 0 : -ENOTRECOVERABLE, req_of(r, c));
	KUNIT_EXPECT_EQ(test, TSM_OUT_QUARANTINED, r->result.flags);
}

/* What the TSM does not take, and numbers that nobody takes */
static void req_test_op_mask(struct kunit *test)
{
	struct req_fixture *r = test->priv;

	r->f->tdi_ops.op_mask = 0;
	req_begin(r, TSM_PHASE_LOCKED);
	for (int i = 0; i < ARRAY_SIZE(req_cases); i++) {
		const struct req_case *c = &req_cases[i];

		KUNIT_EXPECT_EQ_MSG(test, c->op == TSM_OP_GET_TDI_STATE ? 0 :
					  -EOPNOTSUPP,
				    req_of(r, c), "%s", c->name);
	}
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, req_do(r, TSM_ARCH_SIM, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, req_do(r, TSM_ARCH_SIM, 10, 0, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, req_do(r, TSM_ARCH_SIM, 64, 0, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			req_do(r, TSM_ARCH_SIM, U32_MAX, 0, 0));
	FAKE_EXPECT_LOG(r->f, " state");
}

static void req_test_pointers(struct kunit *test)
{
	struct req_fixture *r = test->priv;
	struct pci_tdi_req req = {
		.arch = TSM_ARCH_SIM,
		.op = TSM_OP_GUEST_MSG,
		.req_len = 1,
	};

	req_begin(r, TSM_PHASE_LOCKED);
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_tdi_check_req(r->tdi, &req));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_tdi_guest_req(r->tdi, &req, &r->result));
	req.req = r->req;
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_check_req(r->tdi, &req));
	req.resp_len = 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_tdi_check_req(r->tdi, &req));
	req.resp = r->resp;
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_check_req(r->tdi, &req));
	KUNIT_EXPECT_EQ(test, 0,
			pci_tdi_guest_req(r->tdi, &req, &r->result));
}

/* --- payloads ------------------------------------------------------------------------- */

static const struct mmio_case {
	const char *name;
	struct tsm_validate_mmio mmio;
	int rc;
} mmio_cases[] = {
	{ "all that is private", { SZ_4G, FAKE_BAR_TEE, 0, 0, 0 }, 0 },
	{ "a page of it", { SZ_4G, SZ_4K, 0, 0, SZ_8K }, 0 },
	{ "flags", { SZ_4G, SZ_4K, 0, 1, 0 }, -EOPNOTSUPP },
	{ "nothing", { SZ_4G, 0, 0, 0, 0 }, -EINVAL },
	{ "gpa not aligned", { SZ_4G + 8, SZ_4K, 0, 0, 0 }, -EINVAL },
	{ "length not aligned", { SZ_4G, SZ_4K + 8, 0, 0, 0 }, -EINVAL },
	{ "offset not aligned", { SZ_4G, SZ_4K, 0, 0, 8 }, -EINVAL },
	{ "gpa wraps", { -(u64)SZ_4K, SZ_8K, 0, 0, 0 }, -EINVAL },
	{ "offset wraps", { SZ_4G, SZ_8K, 0, 0, -(u64)SZ_4K }, -EINVAL },
	{ "length wraps both", { SZ_4K, -(u64)SZ_4K, 0, 0, SZ_4K }, -EINVAL },
	{ "no such BAR", { SZ_4G, SZ_4K, 6, 0, 0 }, -EINVAL },
	{ "no BAR by far", { SZ_4G, SZ_4K, U32_MAX, 0, 0 }, -EINVAL },
	{ "BAR not there", { SZ_4G, SZ_4K, 2, 0, 0 }, -EINVAL },
	{ "longer than the BAR", { SZ_4G, 2 * FAKE_BAR_LEN, 0, 0, 0 }, -EINVAL },
	{ "behind the BAR", { SZ_4G, SZ_4K, 0, 0, FAKE_BAR_LEN }, -EINVAL },
	{ "shared", { SZ_4G, SZ_4K, 0, 0, FAKE_BAR_TEE }, -EPERM },
	{ "into what is shared", { SZ_4G, SZ_8K, 0, 0, FAKE_BAR_TEE - SZ_4K },
	  -EPERM },
	{ "not reported", { SZ_4G, SZ_4K, 0, 0, FAKE_BAR_LEN - SZ_4K },
	  -EPERM },
};

static void req_test_mmio(struct kunit *test)
{
	struct req_fixture *r = test->priv;

	req_begin(r, TSM_PHASE_LOCKED);
	for (int i = 0; i < ARRAY_SIZE(mmio_cases); i++) {
		const struct mmio_case *c = &mmio_cases[i];

		fake_log_clear(r->f);
		memcpy(r->req, &c->mmio, sizeof(c->mmio));
		KUNIT_EXPECT_EQ_MSG(test, c->rc,
				    req_do(r, TSM_ARCH_SIM,
					   TSM_OP_VALIDATE_MMIO,
					   sizeof(c->mmio), 0), "%s", c->name);
		KUNIT_EXPECT_STREQ_MSG(test, c->rc ? "" : " request", r->f->log,
				       "%s", c->name);
		KUNIT_EXPECT_EQ(test, c->rc ? 0 : TSM_OUT_COMMITTED,
				r->result.flags);
	}
}

static void req_test_objects(struct kunit *test)
{
	struct req_fixture *r = test->priv;
	static const enum tsm_op ops[] = {
		TSM_OP_READ_OBJECT, TSM_OP_REGEN_OBJECT, TSM_OP_OBJECT_INFO,
	};
	static const size_t lens[] = { 16, 40, 8 };
	static const size_t resps[] = { FAKE_MAX_MSG, 8, 24 };
	u32 *word = (u32 *)r->req;

	/* connected is enough */
	req_begin(r, TSM_PHASE_UNLOCKED);
	for (int i = 0; i < ARRAY_SIZE(ops); i++) {
		for (u32 type = 0; type <= TSM_OBJECT_INTERFACE_REPORT + 1;
		     type++) {
			memset(r->req, 0, sizeof(r->req));
			word[0] = type;
			KUNIT_EXPECT_EQ(test,
					type > TSM_OBJECT_INTERFACE_REPORT ?
					-EINVAL : 0,
					req_do(r, TSM_ARCH_SIM, ops[i],
					       lens[i], resps[i]));
		}
		memset(r->req, 0, sizeof(r->req));
		word[1] = 1;
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
				req_do(r, TSM_ARCH_SIM, ops[i], lens[i],
				       resps[i]));
	}
}

/* --- results ------------------------------------------------------------------------------ */

static void req_test_driver_errors(struct kunit *test)
{
	struct req_fixture *r = test->priv;
	struct fake_tsm *f = r->f;

	req_begin(r, TSM_PHASE_LOCKED);
	memset(r->req, 0x11, sizeof(r->req));
	KUNIT_EXPECT_EQ(test, 0, req_do(r, TSM_ARCH_SIM, TSM_OP_GUEST_MSG, 5,
					FAKE_MAX_MSG));
	KUNIT_EXPECT_EQ(test, 5, r->resp_len);
	KUNIT_EXPECT_EQ(test, FAKE_TSM_CODE, r->result.tsm_code);

	/* its code goes through, a response does not */
	fake_log_clear(f);
	f->fail[TSM_STEP_REQUEST] = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, req_do(r, TSM_ARCH_SIM, TSM_OP_GUEST_MSG,
					   5, FAKE_MAX_MSG));
	KUNIT_EXPECT_EQ(test, 0, r->resp_len);
	KUNIT_EXPECT_EQ(test, FAKE_TSM_CODE, r->result.tsm_code);
	KUNIT_EXPECT_EQ(test, 0, r->result.flags);
	FAKE_EXPECT_LOG(f, " request state");

	/* nor does it when there is no room, but how much it takes does */
	fake_log_clear(f);
	f->fail[TSM_STEP_REQUEST] = -EMSGSIZE;
	KUNIT_EXPECT_EQ(test, -EMSGSIZE,
			req_do(r, TSM_ARCH_SIM, TSM_OP_GUEST_MSG, 5, 1));
	KUNIT_EXPECT_EQ(test, FAKE_MAX_MSG, r->resp_len);
	FAKE_EXPECT_LOG(f, " request");
}

static void req_test_state_payload(struct kunit *test)
{
	struct req_fixture *r = test->priv;
	struct tsm_tdi_state_resp *state = (void *)r->resp;

	req_begin(r, TSM_PHASE_RUN);
	KUNIT_EXPECT_EQ(test, 0, req_do(r, TSM_ARCH_SIM, TSM_OP_GET_TDI_STATE,
					0, REQ_ROOM - 64));
	KUNIT_EXPECT_EQ(test, sizeof(*state), r->resp_len);
	KUNIT_EXPECT_EQ(test, TSM_TDI_RUN, state->state);
	KUNIT_EXPECT_EQ(test, 0, state->flags);
	KUNIT_EXPECT_EQ(test, 1, state->generation);

	r->f->fail[TSM_STEP_STATE] = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, req_do(r, TSM_ARCH_SIM,
					   TSM_OP_GET_TDI_STATE, 0, 16));
	KUNIT_EXPECT_EQ(test, 0, r->resp_len);
}

static const struct phase_case {
	const char *name;
	enum tsm_tdi_phase phase;
	const char *log;
} phase_cases[] = {
	{ "DEAD", TSM_PHASE_DEAD, "" },
	{ "UNLOCKED", TSM_PHASE_UNLOCKED, "" },
	{ "LOCKED", TSM_PHASE_LOCKED, " state" },
	{ "RUN", TSM_PHASE_RUN, " state" },
	{ "ERROR", TSM_PHASE_ERROR, "" },
	{ "QUARANTINED", TSM_PHASE_QUARANTINED, "" },
};

KUNIT_ARRAY_PARAM_DESC(phase, phase_cases, name);

/* The short way to a TDI's state says what the long one says, in every phase. */
static void req_test_state_req(struct kunit *test)
{
	const struct phase_case *c = test->param_value;
	struct tsm_tdi_state_resp state, *expected;
	struct req_fixture *r = test->priv;
	struct pci_tdi_result result;

	req_begin(r, c->phase);
	expected = (void *)r->resp;
	KUNIT_ASSERT_EQ(test, 0, req_do(r, TSM_ARCH_SIM, TSM_OP_GET_TDI_STATE,
					0, sizeof(*expected)));

	fake_log_clear(r->f);
	memset(&state, 0xa5, sizeof(state));
	memset(&result, 0xa5, sizeof(result));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_state_req(r->tdi, TSM_ARCH_SIM, &state,
						   &result));
	KUNIT_EXPECT_MEMEQ(test, expected, &state, sizeof(state));
	KUNIT_EXPECT_EQ(test, r->result.flags, result.flags);
	KUNIT_EXPECT_EQ(test, r->result.generation, result.generation);
	KUNIT_EXPECT_EQ(test, r->result.tsm_code, result.tsm_code);
	/* the device is asked where its answer may be news, and only there */
	FAKE_EXPECT_LOG(r->f, c->log);

	/* another's request asks nobody, and is told nothing */
	fake_log_clear(r->f);
	memset(&state, 0xa5, sizeof(state));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_tdi_state_req(r->tdi, TSM_ARCH_TDX, &state,
					  &result));
	KUNIT_EXPECT_EQ(test, 0, result.flags);
	KUNIT_EXPECT_EQ(test, 0xa5a5a5a5, state.state);
	FAKE_EXPECT_LOG(r->f, "");
}

/* An ERROR is noticed by it, and a device that does not answer is no state. */
static void req_test_state_req_news(struct kunit *test)
{
	struct req_fixture *r = test->priv;
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;

	req_begin(r, TSM_PHASE_RUN);
	r->f->fail[TSM_STEP_STATE] = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, pci_tdi_state_req(r->tdi, TSM_ARCH_SIM,
						      &state, &result));
	KUNIT_EXPECT_EQ(test, 0, result.flags);

	r->f->fail[TSM_STEP_STATE] = 0;
	r->f->vf[0].state = TSM_TDI_ERROR;
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_state_req(r->tdi, TSM_ARCH_SIM, &state,
						   &result));
	KUNIT_EXPECT_EQ(test, TSM_TDI_ERROR, state.state);
	KUNIT_EXPECT_EQ(test, TSM_PHASE_ERROR, r->tdi->phase);
}

static int req_dma(struct req_fixture *r, enum tsm_op op)
{
	return req_do(r, TSM_ARCH_SIM, op, 0, 0);
}

/* Host and TSM, in the order in which they depend on each other */
static void req_test_dma(struct kunit *test)
{
	struct req_fixture *r = test->priv;
	struct fake_tsm *f = r->f;
	struct pci_tdi_result result;

	req_begin(r, TSM_PHASE_LOCKED);
	KUNIT_EXPECT_EQ(test, 0, req_dma(r, TSM_OP_ENABLE_DMA));
	KUNIT_EXPECT_EQ(test, 0, req_dma(r, TSM_OP_ENABLE_DMA));
	FAKE_EXPECT_LOG(f, " host-dma-on dma-enable dma-enable");
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, 0, req_dma(r, TSM_OP_DISABLE_DMA));
	KUNIT_EXPECT_EQ(test, 0, req_dma(r, TSM_OP_DISABLE_DMA));
	FAKE_EXPECT_LOG(f, " dma-off host-dma-off dma-off");
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, 0, req_dma(r, TSM_OP_ENABLE_DMA));
	FAKE_EXPECT_LOG(f, " host-dma-on dma-enable");

	/* START does not do that for a TSM that lets the guest decide */
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, 0, req_dma(r, TSM_OP_DISABLE_DMA));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_run(r->tdi, &result));
	FAKE_EXPECT_LOG(f, " dma-off host-dma-off run");

	/* the host cannot: the TSM is not asked */
	fake_log_clear(f);
	f->fail_once = true;
	f->fail[TSM_STEP_HOST_DMA_ON] = -ENOSPC;
	KUNIT_EXPECT_EQ(test, -ENOSPC, req_dma(r, TSM_OP_ENABLE_DMA));
	FAKE_EXPECT_LOG(f, " host-dma-on");
	KUNIT_EXPECT_EQ(test, 0, r->result.flags);

	/* the TSM fails: teardown has both to take away */
	fake_log_clear(f);
	f->fail[TSM_STEP_DMA_ENABLE] = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, req_dma(r, TSM_OP_ENABLE_DMA));
	FAKE_EXPECT_LOG(f, " host-dma-on dma-enable state");
	fake_log_clear(f);
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(r->tdi, &result));
	FAKE_EXPECT_LOG(f, " stop revoke dma-off host-dma-off release ungate");
}

static struct kunit_case req_kunit_cases[] = {
	KUNIT_CASE_PARAM(req_test_lengths, req_gen_params),
	KUNIT_CASE_PARAM(req_test_states, req_gen_params),
	KUNIT_CASE(req_test_op_mask),
	KUNIT_CASE(req_test_pointers),
	KUNIT_CASE(req_test_mmio),
	KUNIT_CASE(req_test_objects),
	KUNIT_CASE(req_test_driver_errors),
	KUNIT_CASE(req_test_state_payload),
	KUNIT_CASE_PARAM(req_test_state_req, phase_gen_params),
	KUNIT_CASE(req_test_state_req_news),
	KUNIT_CASE(req_test_dma),
	{}
};

static struct kunit_suite req_suite = {
	.name = "pci_tdi_req",
	.init = req_init,
	.test_cases = req_kunit_cases,
};

kunit_test_suite(req_suite);
