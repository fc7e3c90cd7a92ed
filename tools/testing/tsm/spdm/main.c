// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the SPDM tests outside the kernel: spdm-test <pki directory> [fuzz rounds
 * [seed]]. Ends with status 3 if a test has failed, and otherwise with 0.
 */
#include <setjmp.h>

#include "spdm-test.h"

const char *pki_dir;
struct pki pki;
static unsigned int failed;
unsigned long fuzz_rounds = 200000;
unsigned int fuzz_seed = 1;

static jmp_buf test_failed;

void check(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "# %s:%d: %s\n", file, line, what);
	longjmp(test_failed, 1);
}

void check_eq(long long is, long long should, const char *what,
	      const char *file, int line)
{
	if (is == should)
		return;
	fprintf(stderr, "# %s:%d: %s is %lld, not %lld\n", file, line, what, is,
		should);
	longjmp(test_failed, 1);
}

static void report(const char *name, bool ok)
{
	printf("%s %s\n", ok ? "ok" : "not ok", name);
	fflush(stdout);
	if (!ok)
		failed++;
}

static size_t load(const char *name, const char *suffix, u8 *p, size_t size)
{
	char path[512];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", pki_dir, name, suffix);
	f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(2);
	}
	len = fread(p, 1, size, f);
	fclose(f);
	return len;
}

void load_pki(struct pki *out, const char *chain, const char *leaf)
{
	load("root", ".hash", out->root_hash, sizeof(out->root_hash));
	load(leaf, ".priv", out->priv, sizeof(out->priv));
	out->chain_len = load(chain, ".chain", out->chain, sizeof(out->chain));
}

/* A device that answers each vendor message with its bytes turned around */
static int vendor_echo(void *ctx, u32 session_id, u8 protocol_id, const u8 *req,
		       size_t req_len, u8 *rsp, size_t rsp_size)
{
	struct world *w = ctx;
	size_t i;

	(void)protocol_id;
	w->vendor_calls++;
	w->vendor_session = session_id;
	if (w->vendor_silent)
		return 0;
	if (w->vendor_rc)
		return w->vendor_rc;
	if (req_len > rsp_size)
		return -ENOSPC;
	for (i = 0; i < req_len; i++)
		rsp[i] = req[req_len - 1 - i];
	return (int)req_len;
}

/* Two blocks: a digest of immutable ROM and a version number in the raw */
static int measure(void *ctx, u8 *record, size_t size, u8 *nr_blocks)
{
	struct spdm_meas_block *b = (struct spdm_meas_block *)record;
	size_t len = 2 * sizeof(*b) + SPDM_HASH_SIZE + 8;

	(void)ctx;
	if (size < len)
		return -ENOSPC;
	memset(record, 0x5a, len);
	b->index = 1;
	b->spec = SPDM_MEAS_SPEC_DMTF;
	b->size = cpu_to_le16(3 + SPDM_HASH_SIZE);
	b->type = 0;
	b->value_size = cpu_to_le16(SPDM_HASH_SIZE);
	b = (struct spdm_meas_block *)((u8 *)(b + 1) + SPDM_HASH_SIZE);
	b->index = 2;
	b->spec = SPDM_MEAS_SPEC_DMTF;
	b->size = cpu_to_le16(3 + 8);
	b->type = 0x87;
	b->value_size = cpu_to_le16(8);
	*nr_blocks = 2;
	return (int)len;
}

static void session_end(void *ctx, u32 session_id)
{
	struct world *w = ctx;

	(void)session_id;
	w->ended++;
}

void world_init(struct world *w, const struct pki *k)
{
	struct spdm_requester_config req = {
		.crypto = &openssl_crypto,
		.root_hash = k->root_hash,
		.identity = IDENTITY,
		.chain_buf = w->chain_buf,
		.chain_size = sizeof(w->chain_buf),
		.meas_buf = w->meas_buf,
		.meas_size = sizeof(w->meas_buf),
	};
	struct spdm_responder_config rsp = {
		.crypto = &openssl_crypto,
		.chain = k->chain,
		.chain_len = k->chain_len,
		.priv = k->priv,
		.vendor = vendor_echo,
		.measure = measure,
		.session_end = session_end,
		.ctx = w,
	};

	memset(w, 0, sizeof(*w));
	if (spdm_requester_init(&w->r, &req) ||
	    spdm_responder_init(&w->p, &rsp))
		abort();
}

/* What the transport does: carry one object there and one back */
int answer(struct world *w, struct spdm_io *io)
{
	static u8 rsp[SPDM_RSP_SIZE];
	int n;

	w->waited_ms += io->delay_ms;
	memset(rsp, 0xee, sizeof(rsp));
	n = spdm_responder_handle(&w->p, io->doe_type, io->req, io->req_len,
				  rsp, sizeof(rsp));
	if (n > 0)
		memcpy(io->rsp, rsp, n);
	return n;
}

/*
 * Carry an operation on until it is complete or has failed. No answer and DOE
 * errors end it with -EIO, as a mailbox does. @hook sees each answer.
 */
int run(struct world *w, int rc, struct spdm_io *io,
	int (*hook)(struct world *w, struct wire *wire, void *ctx), void *ctx)
{
	struct wire wire = { 0 };

	while (rc == SPDM_SEND) {
		wire.nr++;
		wire.io = *io;
		wire.len = answer(w, io);
		if (hook)
			wire.len = hook(w, &wire, ctx);
		if (wire.len <= 0)
			return -EIO;
		rc = spdm_requester_step(&w->r, wire.len, io);
	}
	return rc;
}

int connect_world(struct world *w)
{
	struct spdm_io io;

	return run(w, spdm_requester_connect(&w->r, &io), &io, NULL, NULL);
}

int vendor(struct world *w, u8 protocol, const void *payload, size_t len)
{
	struct spdm_io io;

	return run(w, spdm_requester_vendor(&w->r, protocol, payload, len, &io),
		   &io, NULL, NULL);
}

static bool run_one(const struct test *t)
{
	if (setjmp(test_failed))
		return false;
	return t->run();
}

static void run_all(const struct test *t)
{
	for (; t->name; t++)
		report(t->name, run_one(t));
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s <pki directory> [rounds [seed]]\n",
			argv[0]);
		return 2;
	}
	pki_dir = argv[1];
	if (argc > 2)
		fuzz_rounds = strtoul(argv[2], NULL, 0);
	if (argc > 3)
		fuzz_seed = (unsigned int)strtoul(argv[3], NULL, 0);
	load_pki(&pki, "good", "leaf");

	run_all(codec_tests);
	run_all(tdisp_tests);
	run_all(connect_tests);
	run_all(responder_tests);
	run_all(tamper_tests);
	run_all(fuzz_tests);
	return failed ? 3 : 0;
}
