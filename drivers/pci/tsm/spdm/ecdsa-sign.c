// SPDX-License-Identifier: GPL-2.0-only
/*
 * ECDSA signing on P-384 (FIPS 186-5 section 6.4.1), which the kernel lacks: it
 * only verifies. For the test keys of a simulated device; not hardened against
 * whoever measures time or power, and not to be used for a key of any worth.
 */
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <crypto/ecdh.h>
#include <crypto/internal/ecc.h>

#include "spdm-crypto.h"

#define NDIGITS		ECC_CURVE_NIST_P384_DIGITS

/* Each draw is out of range with a probability below 2^-190 */
#define SIGN_TRIES	3

/* @a < 2^384 becomes @a mod @n: the order has its top bit set */
static void mod_order(u64 *a, const u64 *n)
{
	if (vli_cmp(a, n, NDIGITS) >= 0)
		vli_sub(a, a, n, NDIGITS);
}

/* @sum = @a + @b mod @n, both below @n */
static void mod_add(u64 *sum, const u64 *a, const u64 *b, const u64 *n)
{
	u64 carry = 0;
	int i;

	for (i = 0; i < NDIGITS; i++) {
		u64 part = a[i] + carry;

		carry = part < carry;
		sum[i] = part + b[i];
		carry |= sum[i] < part;
	}
	if (carry || vli_cmp(sum, n, NDIGITS) >= 0)
		vli_sub(sum, sum, n, NDIGITS);
}

static void digits_to_bytes(const u64 *digits, u8 *bytes)
{
	int i;

	for (i = 0; i < NDIGITS; i++)
		put_unaligned_be64(digits[NDIGITS - 1 - i], bytes + 8 * i);
}

/* s = k^-1 (z + r d) mod n; false when a number is zero */
static bool sign_with(const u64 *k, const u64 *d, const u64 *z, const u64 *r,
		      const u64 *n, u64 *s)
{
	u64 sum[NDIGITS], product[NDIGITS], inverse[NDIGITS];

	vli_mod_mult_slow(product, r, d, n, NDIGITS);
	mod_add(sum, z, product, n);
	vli_mod_inv(inverse, k, n, NDIGITS);
	vli_mod_mult_slow(s, inverse, sum, n, NDIGITS);

	memzero_explicit(product, sizeof(product));
	memzero_explicit(inverse, sizeof(inverse));
	memzero_explicit(sum, sizeof(sum));
	return !vli_is_zero(r, NDIGITS) && !vli_is_zero(s, NDIGITS);
}

/*
 * R = k G by way of the function that verifies: k G + 0 G. It takes less than
 * half the time of ecc_make_pub_key(), which validates what it has made; what
 * is wrong here nobody accepts.
 */
static int sign_once(const struct ecc_curve *curve, const u64 *d, const u64 *z,
		     u64 *r, u64 *s)
{
	static const u64 zero[NDIGITS];
	u64 k[NDIGITS], y[NDIGITS];
	struct ecc_point point = ECC_POINT_INIT(r, y, NDIGITS);
	int rc;

	rc = ecc_gen_privkey(ECC_CURVE_NIST_P384, NDIGITS, k);
	if (!rc) {
		ecc_point_mult_shamir(&point, k, &curve->g, zero, &curve->g,
				      curve);
		mod_order(r, curve->n);
		if (!sign_with(k, d, z, r, curve->n, s))
			rc = -EAGAIN;
	}
	memzero_explicit(k, sizeof(k));
	return rc;
}

/**
 * spdm_ecdsa_sign() - sign a digest with ECDSA on P-384
 * @priv: private key, big endian
 * @digest: what to sign
 * @sig: r || s, big endian
 *
 * Context: may sleep.
 *
 * Return: 0; -EINVAL: @priv is out of range; -EAGAIN: the random number
 * generator keeps giving numbers out of range.
 */
int spdm_ecdsa_sign(const u8 priv[SPDM_PRIV_SIZE],
		    const u8 digest[SPDM_HASH_SIZE], u8 sig[SPDM_SIG_SIZE])
{
	const struct ecc_curve *curve = ecc_get_curve(ECC_CURVE_NIST_P384);
	u64 d[NDIGITS], z[NDIGITS], r[NDIGITS], s[NDIGITS];
	int rc, tries = SIGN_TRIES;

	ecc_digits_from_bytes(priv, SPDM_PRIV_SIZE, d, NDIGITS);
	if (ecc_is_key_valid(ECC_CURVE_NIST_P384, NDIGITS, d, SPDM_PRIV_SIZE)) {
		memzero_explicit(d, sizeof(d));
		return -EINVAL;
	}
	ecc_digits_from_bytes(digest, SPDM_HASH_SIZE, z, NDIGITS);
	mod_order(z, curve->n);

	do {
		rc = sign_once(curve, d, z, r, s);
	} while ((rc == -EINVAL || rc == -EAGAIN) && --tries);
	memzero_explicit(d, sizeof(d));
	if (rc)
		return rc == -EINVAL ? -EAGAIN : rc;

	digits_to_bytes(r, sig);
	digits_to_bytes(s, sig + SPDM_SIG_SIZE / 2);
	return 0;
}
