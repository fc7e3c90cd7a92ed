/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Certificate chains for tests, made on the spot: good ones, and ones that are
 * wrong in one way.
 */
#ifndef _TSM_SPDM_TEST_PKI_H
#define _TSM_SPDM_TEST_PKI_H

#include "spdm-crypto.h"

#define TEST_IDENTITY \
	"Vendor=1b36:Device=0110:CC=120000:REV=01:SSVID=1af4:SSID=1100"

/**
 * enum test_flaw - what is wrong with a chain
 * @FLAW_NONE: nothing
 * @FLAW_SIGNATURE: the leaf's signature
 * @FLAW_ISSUER: the leaf names somebody else as its issuer
 * @FLAW_NOT_CA: the intermediate certificate may not issue
 * @FLAW_LEAF_CA: the leaf may
 * @FLAW_IDENTITY: the leaf is another device's
 * @FLAW_BACKWARDS: the leaf's validity ends before it begins
 * @FLAW_CRITICAL: an unknown critical extension
 * @FLAW_USAGE: the leaf's key is not for signatures
 * @FLAW_ROOT_HASH: the chain object names another root
 * @FLAW_DER: the leaf is not even DER; so are the next two, malformed
 * @FLAW_ALGORITHM: the leaf names two signature algorithms
 * @FLAW_TWICE: the leaf has an extension twice
 * @NR_FLAWS: how many
 */
enum test_flaw {
	FLAW_NONE,
	FLAW_SIGNATURE,
	FLAW_ISSUER,
	FLAW_NOT_CA,
	FLAW_LEAF_CA,
	FLAW_IDENTITY,
	FLAW_BACKWARDS,
	FLAW_CRITICAL,
	FLAW_USAGE,
	FLAW_ROOT_HASH,
	FLAW_DER,
	FLAW_ALGORITHM,
	FLAW_TWICE,
	NR_FLAWS
};

#define TEST_MAX_CHAIN	2048

/**
 * struct test_key - a key pair
 * @priv: private key
 * @pub: public key
 */
struct test_key {
	u8 priv[SPDM_PRIV_SIZE];
	u8 pub[SPDM_PUB_SIZE];
};

/**
 * struct test_pki - a chain and what belongs to it
 * @root: the root's key
 * @inter: the intermediate's key
 * @leaf: the leaf's key
 * @root_hash: the trust anchor
 * @chain: chain object
 * @chain_len: its bytes
 */
struct test_pki {
	struct test_key root;
	struct test_key inter;
	struct test_key leaf;
	u8 root_hash[SPDM_HASH_SIZE];
	u8 chain[TEST_MAX_CHAIN];
	size_t chain_len;
};

int test_pki_keys(const struct spdm_crypto_ops *crypto, struct test_pki *pki);
int test_flaw_errno(enum test_flaw flaw);
int test_pki_make(const struct spdm_crypto_ops *crypto, enum test_flaw flaw,
		  struct test_pki *pki);

#endif /* _TSM_SPDM_TEST_PKI_H */
