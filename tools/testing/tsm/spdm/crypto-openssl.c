// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SPDM core's cryptography from OpenSSL's libcrypto, for the tests outside
 * the kernel: an implementation that shares no line with the kernel's.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "spdm-test.h"

static_assert(sizeof(SHA512_CTX) <= sizeof(struct spdm_hash));

u8 last_shared_x[SPDM_HASH_SIZE];

/* libcrypto's SHA-384 whose context is plain data, by names of this house */
int sha384_begin(struct SHA512state_st *ctx) __asm__("SHA384_Init");
int sha384_add(struct SHA512state_st *ctx, const void *p, size_t len)
	__asm__("SHA384_Update");
int sha384_end(u8 *digest, struct SHA512state_st *ctx) __asm__("SHA384_Final");

static void hash_init(struct spdm_hash *h)
{
	sha384_begin((SHA512_CTX *)h);
}

static void hash_update(struct spdm_hash *h, const void *p, size_t len)
{
	sha384_add((SHA512_CTX *)h, p, len);
}

static void hash_final(struct spdm_hash *h, u8 digest[SPDM_HASH_SIZE])
{
	sha384_end(digest, (SHA512_CTX *)h);
}

static void hmac(const u8 *key, size_t key_len, const void *p, size_t len,
		 u8 mac[SPDM_HASH_SIZE])
{
	HMAC(EVP_sha384(), key, (int)key_len, p, len, mac, NULL);
}

static int aead_seal(const u8 key[SPDM_AEAD_KEY_SIZE],
		     const u8 nonce[SPDM_AEAD_IV_SIZE], const void *aad,
		     size_t aad_len, const void *in, size_t len, void *out,
		     u8 tag[SPDM_AEAD_TAG_SIZE])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, ok;

	ok = EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) &&
	     EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len) &&
	     EVP_EncryptUpdate(ctx, out, &n, in, (int)len) &&
	     EVP_EncryptFinal_ex(ctx, (u8 *)out + n, &n) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SPDM_AEAD_TAG_SIZE,
				 tag);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EINVAL;
}

static int aead_open(const u8 key[SPDM_AEAD_KEY_SIZE],
		     const u8 nonce[SPDM_AEAD_IV_SIZE], const void *aad,
		     size_t aad_len, const void *in, size_t len, void *out,
		     const u8 tag[SPDM_AEAD_TAG_SIZE])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	u8 expected[SPDM_AEAD_TAG_SIZE];
	int n, ok;

	memcpy(expected, tag, sizeof(expected));
	ok = EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) &&
	     EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_len) &&
	     EVP_DecryptUpdate(ctx, out, &n, in, (int)len) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, sizeof(expected),
				 expected) &&
	     EVP_DecryptFinal_ex(ctx, (u8 *)out + n, &n) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

static EC_GROUP *p384(void)
{
	static EC_GROUP *group;

	if (!group)
		group = EC_GROUP_new_by_curve_name(NID_secp384r1);
	return group;
}

static EC_POINT *point_from(const u8 pub[SPDM_PUB_SIZE])
{
	EC_POINT *point = EC_POINT_new(p384());
	u8 octets[1 + SPDM_PUB_SIZE] = { 0x04 };

	memcpy(octets + 1, pub, SPDM_PUB_SIZE);
	if (EC_POINT_oct2point(p384(), point, octets, sizeof(octets), NULL))
		return point;
	EC_POINT_free(point);
	return NULL;
}

static EC_KEY *key_from(const u8 *priv, const u8 *pub)
{
	EC_KEY *key = EC_KEY_new();
	BIGNUM *d = BN_bin2bn(priv ?: pub, priv ? SPDM_PRIV_SIZE : 0, NULL);
	EC_POINT *point;

	EC_KEY_set_group(key, p384());
	if (priv) {
		point = EC_POINT_new(p384());
		EC_POINT_mul(p384(), point, d, NULL, NULL, NULL);
		EC_KEY_set_private_key(key, d);
	} else {
		point = point_from(pub);
	}
	if (point) {
		EC_KEY_set_public_key(key, point);
	} else {
		EC_KEY_free(key);
		key = NULL;
	}
	EC_POINT_free(point);
	BN_free(d);
	return key;
}

int test_public_key(const u8 priv[SPDM_PRIV_SIZE], u8 pub[SPDM_PUB_SIZE])
{
	EC_KEY *key = key_from(priv, NULL);
	u8 octets[1 + SPDM_PUB_SIZE];

	EC_POINT_point2oct(p384(), EC_KEY_get0_public_key(key),
			   POINT_CONVERSION_UNCOMPRESSED, octets,
			   sizeof(octets), NULL);
	memcpy(pub, octets + 1, SPDM_PUB_SIZE);
	EC_KEY_free(key);
	return 0;
}

static int ecdh_keygen(u8 priv[SPDM_PRIV_SIZE], u8 pub[SPDM_PUB_SIZE])
{
	EC_KEY *key = EC_KEY_new();

	EC_KEY_set_group(key, p384());
	EC_KEY_generate_key(key);
	BN_bn2binpad(EC_KEY_get0_private_key(key), priv, SPDM_PRIV_SIZE);
	EC_KEY_free(key);
	return test_public_key(priv, pub);
}

static int ecdh_shared(const u8 priv[SPDM_PRIV_SIZE],
		       const u8 peer[SPDM_PUB_SIZE], u8 x[SPDM_HASH_SIZE])
{
	EC_POINT *point = point_from(peer);
	BIGNUM *d, *bn_x;

	if (!point)
		return -EBADMSG;
	d = BN_bin2bn(priv, SPDM_PRIV_SIZE, NULL);
	bn_x = BN_new();
	EC_POINT_mul(p384(), point, NULL, point, d, NULL);
	EC_POINT_get_affine_coordinates(p384(), point, bn_x, NULL, NULL);
	BN_bn2binpad(bn_x, x, SPDM_HASH_SIZE);
	memcpy(last_shared_x, x, SPDM_HASH_SIZE);
	BN_free(bn_x);
	BN_free(d);
	EC_POINT_free(point);
	return 0;
}

static ECDSA_SIG *sig_from(const u8 sig[SPDM_SIG_SIZE])
{
	ECDSA_SIG *s = ECDSA_SIG_new();

	ECDSA_SIG_set0(s, BN_bin2bn(sig, SPDM_SIG_SIZE / 2, NULL),
		       BN_bin2bn(sig + SPDM_SIG_SIZE / 2, SPDM_SIG_SIZE / 2,
				 NULL));
	return s;
}

static int ecdsa_verify(const u8 pub[SPDM_PUB_SIZE],
			const u8 digest[SPDM_HASH_SIZE],
			const u8 sig[SPDM_SIG_SIZE])
{
	EC_KEY *key = key_from(NULL, pub);
	ECDSA_SIG *s;
	int rc;

	if (!key)
		return -EKEYREJECTED;
	s = sig_from(sig);
	rc = ECDSA_do_verify(digest, SPDM_HASH_SIZE, s, key);
	ECDSA_SIG_free(s);
	EC_KEY_free(key);
	return rc == 1 ? 0 : -EKEYREJECTED;
}

static int ecdsa_sign(const u8 priv[SPDM_PRIV_SIZE],
		      const u8 digest[SPDM_HASH_SIZE], u8 sig[SPDM_SIG_SIZE])
{
	EC_KEY *key = key_from(priv, NULL);
	ECDSA_SIG *s = ECDSA_do_sign(digest, SPDM_HASH_SIZE, key);

	BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, SPDM_SIG_SIZE / 2);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + SPDM_SIG_SIZE / 2,
		     SPDM_SIG_SIZE / 2);
	ECDSA_SIG_free(s);
	EC_KEY_free(key);
	return 0;
}

static int fill_random(void *p, size_t len)
{
	return RAND_bytes(p, (int)len) == 1 ? 0 : -EINVAL;
}

const struct spdm_crypto_ops openssl_crypto = {
	.hash_init = hash_init,
	.hash_update = hash_update,
	.hash_final = hash_final,
	.hmac = hmac,
	.aead_seal = aead_seal,
	.aead_open = aead_open,
	.ecdh_keygen = ecdh_keygen,
	.ecdh_shared = ecdh_shared,
	.ecdsa_verify = ecdsa_verify,
	.ecdsa_sign = ecdsa_sign,
	.random = fill_random,
};
