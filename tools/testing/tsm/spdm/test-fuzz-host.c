// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer of the SPDM core in a process, rounds and seed from the command
 * line; chains with flaws.
 */
#include "spdm-test.h"
#include "test-fuzz.h"
#include "x509.h"

static void breathe(void)
{
}

static struct spdm_fuzz_env env = { .breathe = breathe };

static struct spdm_fuzz *start(void)
{
	struct spdm_fuzz *f = calloc(1, sizeof(*f));

	env.edge = malloc(SPDM_RSP_SIZE);
	env.room = malloc(SPDM_RSP_SIZE);
	if (!f || !env.edge || !env.room)
		abort();
	f->env = &env;
	f->seed = fuzz_seed;
	return f;
}

static bool finish(struct spdm_fuzz *f, int rc)
{
	bool ok = !rc;

	printf("# seed %u: %lu messages, %lu accepted\n", fuzz_seed,
	       f->messages, f->accepted);
	if (rc)
		fprintf(stderr, "# %s\n", f->what);
	free(env.edge);
	free(env.room);
	free(f);
	return ok;
}

static bool test_requester(void)
{
	struct spdm_fuzz *f = start();

	return finish(f, spdm_fuzz_requester(f, fuzz_rounds));
}

static bool test_responder(void)
{
	struct spdm_fuzz *f = start();

	return finish(f, spdm_fuzz_responder(f, fuzz_rounds));
}

static bool test_ide_km_requests(void)
{
	struct spdm_fuzz *f = start();

	return finish(f, spdm_fuzz_ide_km(f, true, fuzz_rounds));
}

static bool test_ide_km_responses(void)
{
	struct spdm_fuzz *f = start();

	return finish(f, spdm_fuzz_ide_km(f, false, fuzz_rounds));
}

static bool test_tdisp_requests(void)
{
	struct spdm_fuzz *f = start();

	return finish(f, spdm_fuzz_tdisp(f, true, fuzz_rounds));
}

static bool test_tdisp_responses(void)
{
	struct spdm_fuzz *f = start();

	return finish(f, spdm_fuzz_tdisp(f, false, fuzz_rounds));
}

static bool test_chain(void)
{
	struct spdm_fuzz *f = start();

	return finish(f, spdm_fuzz_chain(f, fuzz_rounds));
}

/* Chains of the test writer's own making, each wrong in one way */
static bool test_flaws(void)
{
	static struct test_pki k;
	u8 pub[SPDM_PUB_SIZE];
	enum test_flaw flaw;

	CHECK_EQ(test_pki_keys(&openssl_crypto, &k), 0);
	for (flaw = FLAW_NONE; flaw < NR_FLAWS; flaw++) {
		int rc;

		CHECK_EQ(test_pki_make(&openssl_crypto, flaw, &k), 0);
		rc = spdm_chain_verify(&openssl_crypto, k.chain, k.chain_len,
				       k.root_hash, TEST_IDENTITY, pub);
		if (rc != test_flaw_errno(flaw))
			fprintf(stderr, "# flaw %d\n", flaw);
		CHECK_EQ(rc, test_flaw_errno(flaw));
	}
	return true;
}

const struct test fuzz_tests[] = {
	{ "flaws of a chain", test_flaws },
	{ "mutated responses", test_requester },
	{ "mutated requests", test_responder },
	{ "mutated IDE_KM requests", test_ide_km_requests },
	{ "mutated IDE_KM responses", test_ide_km_responses },
	{ "mutated TDISP requests", test_tdisp_requests },
	{ "mutated TDISP responses", test_tdisp_responses },
	{ "mutated certificate chains", test_chain },
	{ 0 }
};
