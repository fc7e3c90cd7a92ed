// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SPDM core's cryptography from the kernel's libraries; only signing has to
 * be our own (ecdsa-sign.c).
 */
#include <crypto/aes-gcm.h>
#include <crypto/ecdh.h>
#include <crypto/internal/ecc.h>
#include <crypto/sha2.h>
#include <crypto/sig.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "spdm-crypto.h"

#define NDIGITS		ECC_CURVE_NIST_P384_DIGITS

/* P-384's order differs from the range of random numbers by less than 2^-190 */
#define KEYGEN_TRIES	3

static_assert(sizeof(struct sha384_ctx) <= sizeof(struct spdm_hash));
static_assert(__alignof__(struct sha384_ctx) <= __alignof__(struct spdm_hash));

static void hash_init(struct spdm_hash *h)
{
	sha384_init((struct sha384_ctx *)h);
}

static void hash_update(struct spdm_hash *h, const void *p, size_t len)
{
	sha384_update((struct sha384_ctx *)h, p, len);
}

static void hash_final(struct spdm_hash *h, u8 digest[SPDM_HASH_SIZE])
{
	sha384_final((struct sha384_ctx *)h, digest);
}

static void hmac(const u8 *key, size_t key_len, const void *p, size_t len,
		 u8 mac[SPDM_HASH_SIZE])
{
	hmac_sha384_usingrawkey(key, key_len, p, len, mac);
}

static struct aes_gcm_key *prepare_key(const u8 key[SPDM_AEAD_KEY_SIZE])
{
	struct aes_gcm_key *gcm __free(kfree) = kmalloc_obj(*gcm);
	int rc;

	if (!gcm)
		return ERR_PTR(-ENOMEM);
	rc = aes_gcm_preparekey(gcm, key, SPDM_AEAD_KEY_SIZE,
				SPDM_AEAD_TAG_SIZE);
	if (rc)
		return ERR_PTR(rc);
	return_ptr(gcm);
}

static int aead_seal(const u8 key[SPDM_AEAD_KEY_SIZE],
		     const u8 nonce[SPDM_AEAD_IV_SIZE], const void *aad,
		     size_t aad_len, const void *in, size_t len, void *out,
		     u8 tag[SPDM_AEAD_TAG_SIZE])
{
	struct aes_gcm_key *gcm = prepare_key(key);

	if (IS_ERR(gcm))
		return PTR_ERR(gcm);
	aes_gcm_encrypt(out, in, len, tag, aad, aad_len, nonce, gcm);
	kfree_sensitive(gcm);
	return 0;
}

static int aead_open(const u8 key[SPDM_AEAD_KEY_SIZE],
		     const u8 nonce[SPDM_AEAD_IV_SIZE], const void *aad,
		     size_t aad_len, const void *in, size_t len, void *out,
		     const u8 tag[SPDM_AEAD_TAG_SIZE])
{
	struct aes_gcm_key *gcm = prepare_key(key);
	int rc;

	if (IS_ERR(gcm))
		return PTR_ERR(gcm);
	rc = aes_gcm_decrypt(out, in, len, tag, aad, aad_len, nonce, gcm);
	kfree_sensitive(gcm);
	return rc;
}

static void digits_to_bytes(const u64 *digits, u8 *bytes)
{
	int i;

	for (i = 0; i < NDIGITS; i++)
		put_unaligned_be64(digits[NDIGITS - 1 - i], bytes + 8 * i);
}

static int ecdh_keygen(u8 priv[SPDM_PRIV_SIZE], u8 pub[SPDM_PUB_SIZE])
{
	u64 d[NDIGITS], q[2 * NDIGITS];
	int rc, tries = KEYGEN_TRIES;

	do {
		rc = ecc_gen_privkey(ECC_CURVE_NIST_P384, NDIGITS, d);
		if (!rc)
			rc = ecc_make_pub_key(ECC_CURVE_NIST_P384, NDIGITS, d,
					      q);
		/* Out of range, or the point at infinity: draw again */
	} while ((rc == -EINVAL || rc == -EAGAIN) && --tries);

	if (!rc) {
		digits_to_bytes(d, priv);
		memcpy(pub, q, SPDM_PUB_SIZE);
	}
	memzero_explicit(d, sizeof(d));
	return rc;
}

static int ecdh_shared(const u8 priv[SPDM_PRIV_SIZE],
		       const u8 peer[SPDM_PUB_SIZE], u8 x[SPDM_HASH_SIZE])
{
	u64 d[NDIGITS], q[2 * NDIGITS], secret[NDIGITS];
	int rc;

	ecc_digits_from_bytes(priv, SPDM_PRIV_SIZE, d, NDIGITS);
	memcpy(q, peer, SPDM_PUB_SIZE);
	/*
	 * The library validates the point; the group has no others than those
	 * of its prime order, so that is all there is to validate.
	 */
	rc = crypto_ecdh_shared_secret(ECC_CURVE_NIST_P384, NDIGITS, d, q,
				       secret);
	if (!rc)
		memcpy(x, secret, sizeof(secret));
	memzero_explicit(d, sizeof(d));
	memzero_explicit(secret, sizeof(secret));
	return rc == -EINVAL || rc == -EFAULT ? -EBADMSG : rc;
}

static int verify_with(struct crypto_sig *tfm, const u8 pub[SPDM_PUB_SIZE],
		       const u8 digest[SPDM_HASH_SIZE],
		       const u8 sig[SPDM_SIG_SIZE])
{
	const unsigned int ndigits = ECC_CURVE_NIST_P384_DIGITS;
	u8 octets[1 + SPDM_PUB_SIZE];
	struct ecdsa_raw_sig raw;
	int rc;

	octets[0] = 0x04;	/* an uncompressed point */
	memcpy(octets + 1, pub, SPDM_PUB_SIZE);
	ecc_digits_from_bytes(sig, SPDM_SIG_SIZE / 2, raw.r, ndigits);
	ecc_digits_from_bytes(sig + SPDM_SIG_SIZE / 2, SPDM_SIG_SIZE / 2, raw.s,
			      ndigits);

	rc = crypto_sig_set_pubkey(tfm, octets, sizeof(octets));
	if (!rc)
		rc = crypto_sig_verify(tfm, &raw, sizeof(raw), digest,
				       SPDM_HASH_SIZE);
	/* Not a point on the curve, numbers out of range: all the same */
	return rc == -EINVAL || rc == -EBADMSG ? -EKEYREJECTED : rc;
}

static int ecdsa_verify(const u8 pub[SPDM_PUB_SIZE],
			const u8 digest[SPDM_HASH_SIZE],
			const u8 sig[SPDM_SIG_SIZE])
{
	struct crypto_sig *tfm;
	int rc;

	/*
	 * The algorithm itself, with r and s as numbers: "p1363(...)" would take
	 * them as SPDM has them, but a template has to be instantiated, and so
	 * the crypto manager to be there.
	 */
	tfm = crypto_alloc_sig("ecdsa-nist-p384", 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	rc = verify_with(tfm, pub, digest, sig);
	crypto_free_sig(tfm);
	return rc;
}

static int fill_random(void *p, size_t len)
{
	get_random_bytes(p, len);
	return 0;
}

/*
 * All but the hash functions may sleep and allocate with GFP_KERNEL; besides the
 * errors that struct spdm_crypto_ops names they return -ENOMEM.
 */
const struct spdm_crypto_ops spdm_kernel_crypto = {
	.hash_init = hash_init,
	.hash_update = hash_update,
	.hash_final = hash_final,
	.hmac = hmac,
	.aead_seal = aead_seal,
	.aead_open = aead_open,
	.ecdh_keygen = ecdh_keygen,
	.ecdh_shared = ecdh_shared,
	.ecdsa_verify = ecdsa_verify,
	.ecdsa_sign = spdm_ecdsa_sign,
	.random = fill_random,
};
EXPORT_SYMBOL_NS_GPL(spdm_kernel_crypto, "TSM_SPDM");

MODULE_DESCRIPTION("SPDM 1.2 requester and responder, IDE_KM codec");
MODULE_LICENSE("GPL");
/* Looked up by name, so no symbol pulls it in */
MODULE_SOFTDEP("pre: ecdsa_generic");
