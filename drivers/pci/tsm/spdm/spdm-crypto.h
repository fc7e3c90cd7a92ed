/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cryptography that SPDM needs, as a table that the caller of the core
 * fills in: SHA-384, HMAC, AES-256-GCM, ECDH and ECDSA on P-384.
 */
#ifndef _TSM_SPDM_CRYPTO_H
#define _TSM_SPDM_CRYPTO_H

#include "spdm-os.h"

#define SPDM_HASH_SIZE		48	/* SHA-384 */
#define SPDM_AEAD_KEY_SIZE	32	/* AES-256 */
#define SPDM_AEAD_IV_SIZE	12
#define SPDM_AEAD_TAG_SIZE	16
#define SPDM_PRIV_SIZE		48	/* P-384 scalar, big endian */
#define SPDM_PUB_SIZE		96	/* P-384 point, X || Y, big endian */
#define SPDM_SIG_SIZE		96	/* r || s, big endian */

/**
 * struct spdm_hash - a running SHA-384
 * @opaque: the implementation's context, plain data without pointers into
 *	itself: a struct copy forks a transcript
 */
struct spdm_hash {
	u64 opaque[64] __aligned(8);	/* u64 alone is not, on i386 */
};

/**
 * struct spdm_crypto_ops - cryptography for the SPDM core
 * @hash_init: start a SHA-384
 * @hash_update: append @len bytes
 * @hash_final: give the digest; the context must not be used afterwards
 * @hmac: HMAC-SHA384 in one go; @mac may be the same memory as @key
 * @aead_seal: AES-256-GCM encryption; @out may be the same memory as @in
 * @aead_open: AES-256-GCM decryption, -EBADMSG when the tag is wrong (@out is
 *	then meaningless); @out may be the same memory as @in
 * @ecdh_keygen: make an ephemeral P-384 key pair
 * @ecdh_shared: X coordinate of the shared point; -EBADMSG when @peer is not
 *	a point on the curve
 * @ecdsa_verify: verify a P-384 signature; -EKEYREJECTED when it is wrong or
 *	the public key is not a valid point
 * @ecdsa_sign: make a P-384 signature; only a responder needs it, may be NULL
 * @random: fill a buffer with unpredictable bytes
 *
 * Functions that return int return 0 or a negative errno. All of them may
 * sleep if the caller of the core may.
 */
struct spdm_crypto_ops {
	void (*hash_init)(struct spdm_hash *h);
	void (*hash_update)(struct spdm_hash *h, const void *p, size_t len);
	void (*hash_final)(struct spdm_hash *h, u8 digest[SPDM_HASH_SIZE]);
	void (*hmac)(const u8 *key, size_t key_len, const void *p, size_t len,
		     u8 mac[SPDM_HASH_SIZE]);
	int (*aead_seal)(const u8 key[SPDM_AEAD_KEY_SIZE],
			 const u8 nonce[SPDM_AEAD_IV_SIZE],
			 const void *aad, size_t aad_len,
			 const void *in, size_t len, void *out,
			 u8 tag[SPDM_AEAD_TAG_SIZE]);
	int (*aead_open)(const u8 key[SPDM_AEAD_KEY_SIZE],
			 const u8 nonce[SPDM_AEAD_IV_SIZE],
			 const void *aad, size_t aad_len,
			 const void *in, size_t len, void *out,
			 const u8 tag[SPDM_AEAD_TAG_SIZE]);
	int (*ecdh_keygen)(u8 priv[SPDM_PRIV_SIZE], u8 pub[SPDM_PUB_SIZE]);
	int (*ecdh_shared)(const u8 priv[SPDM_PRIV_SIZE],
			   const u8 peer[SPDM_PUB_SIZE], u8 x[SPDM_HASH_SIZE]);
	int (*ecdsa_verify)(const u8 pub[SPDM_PUB_SIZE],
			    const u8 digest[SPDM_HASH_SIZE],
			    const u8 sig[SPDM_SIG_SIZE]);
	int (*ecdsa_sign)(const u8 priv[SPDM_PRIV_SIZE],
			  const u8 digest[SPDM_HASH_SIZE],
			  u8 sig[SPDM_SIG_SIZE]);
	int (*random)(void *p, size_t len);
};

#ifdef __KERNEL__
extern const struct spdm_crypto_ops spdm_kernel_crypto;

int spdm_ecdsa_sign(const u8 priv[SPDM_PRIV_SIZE],
		    const u8 digest[SPDM_HASH_SIZE], u8 sig[SPDM_SIG_SIZE]);
#endif

#endif /* _TSM_SPDM_CRYPTO_H */
