/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Harness of the SPDM tests outside the kernel: a requester and a responder
 * that know each other by bytes only.
 */
#ifndef SPDM_TEST_H
#define SPDM_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ide-km.h"
#include "spdm.h"
#include "spdm-wire.h"

#define IDENTITY "Vendor=1b36:Device=0110:CC=120000:REV=01:SSVID=1af4:SSID=1100"

extern const struct spdm_crypto_ops openssl_crypto;
extern u8 last_shared_x[SPDM_HASH_SIZE];
int test_public_key(const u8 priv[SPDM_PRIV_SIZE], u8 pub[SPDM_PUB_SIZE]);

/* Plain data: a copy of the whole is a snapshot of the conversation */
struct world {
	struct spdm_requester r;
	struct spdm_responder p;
	u8 chain_buf[8192];
	u8 meas_buf[2048];
	unsigned int ended;	/* calls of session_end */
	unsigned int vendor_calls;
	u32 vendor_session;
	int vendor_rc;		/* what the vendor callback returns, 0: echo */
	bool vendor_silent;
	u32 waited_ms;
};

/* A message between the two, for whoever wants to look at or change it */
struct wire {
	unsigned int nr;	/* counts exchanges from 1 */
	struct spdm_io io;
	int len;		/* of the answer, as the responder returned it */
};

struct pki {
	u8 root_hash[SPDM_HASH_SIZE];
	u8 chain[8192];
	size_t chain_len;
	u8 priv[SPDM_PRIV_SIZE];
};

extern const char *pki_dir;
extern struct pki pki;

void load_pki(struct pki *out, const char *chain, const char *leaf);
void world_init(struct world *w, const struct pki *k);
int answer(struct world *w, struct spdm_io *io);
int run(struct world *w, int rc, struct spdm_io *io,
	int (*hook)(struct world *w, struct wire *wire, void *ctx), void *ctx);
int connect_world(struct world *w);
int vendor(struct world *w, u8 protocol, const void *payload, size_t len);

void check(bool ok, const char *what, const char *file, int line);
void check_eq(long long is, long long should, const char *what,
	      const char *file, int line);

/* Do not come back when it is not so: the test has failed */
#define CHECK(cond)	check(cond, #cond, __FILE__, __LINE__)
#define CHECK_EQ(a, b)	check_eq(a, b, #a, __FILE__, __LINE__)

struct test {
	const char *name;
	bool (*run)(void);
};

extern const struct test connect_tests[], tamper_tests[], responder_tests[],
			 codec_tests[], tdisp_tests[], fuzz_tests[];
extern unsigned long fuzz_rounds;
extern unsigned int fuzz_seed;

#endif /* SPDM_TEST_H */
