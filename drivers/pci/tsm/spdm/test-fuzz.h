/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Truncated and mutated messages for every parser of the SPDM core, the same
 * inside and outside the kernel.
 */
#ifndef _TSM_SPDM_TEST_FUZZ_H
#define _TSM_SPDM_TEST_FUZZ_H

#include "spdm.h"
#include "test-pki.h"

/**
 * struct spdm_fuzz_env - the fuzzer's surroundings
 * @edge: memory of which a sanitizer sees the end, SPDM_RSP_SIZE bytes: each
 *	message lies so that it ends there
 * @room: another of the kind, for what is written
 * @breathe: called every now and then: the loops are long
 */
struct spdm_fuzz_env {
	u8 *edge;
	u8 *room;
	void (*breathe)(void);
};

/* Where a conversation can be stopped to say something wrong */
#define SPDM_FUZZ_STAGES	12

/**
 * struct spdm_fuzz - a conversation that is stopped, copied and tampered with
 * @env: surroundings
 * @seed: of the pseudo random numbers; print it
 * @messages: messages that a parser has seen
 * @accepted: of them, those that it did not refuse
 * @what: what went wrong, if something did
 */
struct spdm_fuzz {
	const struct spdm_fuzz_env *env;
	u64 seed;
	unsigned long messages;
	unsigned long accepted;
	const char *what;
	/* private: */
	struct spdm_requester r;
	struct spdm_requester r_saved;
	struct spdm_requester r_twin;
	struct spdm_responder p;
	struct spdm_responder p_saved;
	struct test_pki pki;
	u8 chain_buf[TEST_MAX_CHAIN];
	u8 msg[SPDM_RSP_SIZE];
	u8 good[SPDM_RSP_SIZE];
};

int spdm_fuzz_requester(struct spdm_fuzz *f, unsigned long rounds);
int spdm_fuzz_responder(struct spdm_fuzz *f, unsigned long rounds);
int spdm_fuzz_ide_km(struct spdm_fuzz *f, bool requests, unsigned long rounds);
int spdm_fuzz_tdisp(struct spdm_fuzz *f, bool requests, unsigned long rounds);
int spdm_fuzz_chain(struct spdm_fuzz *f, unsigned long rounds);

/* What the fuzzers have in common */
u32 fuzz_prng(struct spdm_fuzz *f);
u32 fuzz_below(struct spdm_fuzz *f, u32 limit);
int fuzz_wrong(struct spdm_fuzz *f, const char *what);
u8 *fuzz_at_edge(struct spdm_fuzz *f, size_t len);
void fuzz_mutate(struct spdm_fuzz *f, u8 *p, size_t *len, size_t size,
		 bool record);

#endif /* _TSM_SPDM_TEST_FUZZ_H */
