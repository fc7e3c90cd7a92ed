// SPDX-License-Identifier: GPL-2.0-only
/*
 * Certificate chains for tests, made on the spot: root, intermediate, leaf. A
 * DER writer that works from the end to the front, so that lengths are known.
 */
#include "session.h"
#include "test-pki.h"

#define TAG_BOOLEAN	0x01
#define TAG_INTEGER	0x02
#define TAG_BITS	0x03
#define TAG_OCTETS	0x04
#define TAG_OID		0x06
#define TAG_UTF8	0x0c
#define TAG_UTC_TIME	0x17
#define TAG_SEQUENCE	0x30
#define TAG_SET		0x31
#define TAG_CONTEXT	0xa0

/* What has been written starts at @pos; below it is room */
struct der_out {
	u8 *buf;
	size_t pos;
};

static void put(struct der_out *o, const void *p, size_t len)
{
	o->pos -= len;
	memcpy(o->buf + o->pos, p, len);
}

static void put_byte(struct der_out *o, u8 byte)
{
	put(o, &byte, 1);
}

/* Put tag and length before all that was written since @end */
static void wrap(struct der_out *o, u8 tag, size_t end)
{
	size_t len = end - o->pos;

	put_byte(o, (u8)len);
	if (len >= 0x100) {
		put_byte(o, (u8)(len >> 8));
		put_byte(o, 0x82);
	} else if (len >= 0x80) {
		put_byte(o, 0x81);
	}
	put_byte(o, tag);
}

static void put_element(struct der_out *o, u8 tag, const void *p, size_t len)
{
	size_t end = o->pos;

	put(o, p, len);
	wrap(o, tag, end);
}

#define put_oid(o, oid)	put_element(o, TAG_OID, oid, sizeof(oid))

static size_t length(const char *s)
{
	size_t len = 0;

	while (s[len])
		len++;
	return len;
}

static const u8 oid_cn[] = { 0x55, 0x04, 0x03 };
static const u8 oid_ec_key[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
static const u8 oid_p384[] = { 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const u8 oid_ecdsa_sha384[] = {
	0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03
};

static const u8 oid_basic_constraints[] = { 0x55, 0x1d, 0x13 };
static const u8 oid_key_usage[] = { 0x55, 0x1d, 0x0f };
static const u8 oid_san[] = { 0x55, 0x1d, 0x11 };
static const u8 oid_cma_name[] = { 0x67, 0x81, 0x13 };
static const u8 oid_nobody_knows[] = { 0x2a, 0x03, 0x04 };

/* Wrap what was written since @end as an extension's value */
static void wrap_extension(struct der_out *o, const u8 *oid, size_t oid_len,
			   bool critical, size_t end)
{
	static const u8 yes = 0xff;

	wrap(o, TAG_OCTETS, end);
	if (critical)
		put_element(o, TAG_BOOLEAN, &yes, 1);
	put_element(o, TAG_OID, oid, oid_len);
	wrap(o, TAG_SEQUENCE, end);
}

/* keyCertSign, keyAgreement or digitalSignature */
static void put_key_usage(struct der_out *o, bool ca, enum test_flaw flaw)
{
	size_t end = o->pos;

	put_byte(o, ca ? 0x04 : flaw == FLAW_USAGE ? 0x08 : 0x80);
	put_byte(o, ca ? 2 : flaw == FLAW_USAGE ? 3 : 7);
	wrap(o, TAG_BITS, end);
	wrap_extension(o, oid_key_usage, sizeof(oid_key_usage), true, end);
}

static void put_extensions(struct der_out *o, bool ca, bool leaf,
			   enum test_flaw flaw)
{
	size_t all = o->pos, end;
	const char *identity = TEST_IDENTITY;

	if (leaf && flaw == FLAW_CRITICAL) {
		end = o->pos;
		put_element(o, TAG_OCTETS, "?", 1);
		wrap_extension(o, oid_nobody_knows, sizeof(oid_nobody_knows),
			       true, end);
	}
	if (leaf) {
		end = o->pos;
		if (flaw == FLAW_IDENTITY)
			identity++;
		put_element(o, TAG_UTF8, identity, length(identity));
		wrap(o, TAG_CONTEXT, end);
		put_oid(o, oid_cma_name);
		wrap(o, TAG_CONTEXT, end);
		wrap(o, TAG_SEQUENCE, end);
		wrap_extension(o, oid_san, sizeof(oid_san), false, end);
	}

	put_key_usage(o, ca, flaw);
	if (leaf && flaw == FLAW_TWICE)
		put_key_usage(o, ca, flaw);

	end = o->pos;
	if (ca) {
		static const u8 yes = 0xff;

		put_element(o, TAG_BOOLEAN, &yes, 1);
	}
	wrap(o, TAG_SEQUENCE, end);
	wrap_extension(o, oid_basic_constraints, sizeof(oid_basic_constraints),
		       true, end);

	wrap(o, TAG_SEQUENCE, all);
	wrap(o, TAG_CONTEXT | 3, all);
}

static void put_public_key(struct der_out *o, const u8 pub[SPDM_PUB_SIZE])
{
	size_t all = o->pos, end;

	put(o, pub, SPDM_PUB_SIZE);
	put_byte(o, 0x04);	/* uncompressed */
	put_byte(o, 0);		/* no unused bits */
	wrap(o, TAG_BITS, all);
	end = o->pos;
	put_oid(o, oid_p384);
	put_oid(o, oid_ec_key);
	wrap(o, TAG_SEQUENCE, end);
	wrap(o, TAG_SEQUENCE, all);
}

static void put_name(struct der_out *o, const char *name)
{
	size_t end = o->pos;

	put_element(o, TAG_UTF8, name, length(name));
	put_oid(o, oid_cn);
	wrap(o, TAG_SEQUENCE, end);
	wrap(o, TAG_SET, end);
	wrap(o, TAG_SEQUENCE, end);
}

static void put_sig_alg(struct der_out *o, bool other)
{
	size_t end = o->pos;

	if (other)
		put_oid(o, oid_ec_key);
	else
		put_oid(o, oid_ecdsa_sha384);
	wrap(o, TAG_SEQUENCE, end);
}

static void put_number(struct der_out *o, const u8 *p, size_t len)
{
	size_t end = o->pos;

	while (len > 1 && !*p) {
		p++;
		len--;
	}
	put(o, p, len);
	if (*p & 0x80)
		put_byte(o, 0);
	wrap(o, TAG_INTEGER, end);
}

static void put_tbs(struct der_out *o, const char *subject, const char *issuer,
		    const u8 pub[SPDM_PUB_SIZE], bool ca, bool leaf,
		    enum test_flaw flaw)
{
	static const u8 version_3 = 2, serial = 1;
	size_t all = o->pos, end;

	put_extensions(o, ca, leaf, flaw);
	put_public_key(o, pub);
	put_name(o, subject);
	end = o->pos;
	put_element(o, TAG_UTC_TIME,
		    leaf && flaw == FLAW_BACKWARDS ? "991231235959Z" :
						     "491231235959Z", 13);
	put_element(o, TAG_UTC_TIME, "260101000000Z", 13);
	wrap(o, TAG_SEQUENCE, end);
	put_name(o, issuer);
	put_sig_alg(o, leaf && flaw == FLAW_ALGORITHM);
	put_element(o, TAG_INTEGER, &serial, 1);
	end = o->pos;
	put_element(o, TAG_INTEGER, &version_3, 1);
	wrap(o, TAG_CONTEXT, end);
	wrap(o, TAG_SEQUENCE, all);
}

/*
 * Put a certificate before what was written. Its signature stands behind what
 * it signs, so the latter is written twice: once to be signed. A root has no
 * issuer but itself; nobody verifies that signature, so it gets none.
 */
static int put_cert(struct der_out *o, const struct spdm_crypto_ops *crypto,
		    const char *subject, const char *issuer,
		    const u8 pub[SPDM_PUB_SIZE], const struct test_key *signer,
		    bool ca, bool leaf, enum test_flaw flaw)
{
	struct der_out draft = *o;
	u8 digest[SPDM_HASH_SIZE], sig[SPDM_SIG_SIZE] = { 0 };
	size_t all = o->pos;
	int rc;

	put_tbs(&draft, subject, issuer, pub, ca, leaf, flaw);
	spdm_hash_once(crypto, draft.buf + draft.pos, all - draft.pos, digest);
	if (signer) {
		rc = crypto->ecdsa_sign(signer->priv, digest, sig);
		if (rc)
			return rc;
	}
	if (leaf && flaw == FLAW_SIGNATURE)
		sig[SPDM_SIG_SIZE - 1] ^= 1;

	put_number(o, sig + SPDM_SIG_SIZE / 2, SPDM_SIG_SIZE / 2);
	put_number(o, sig, SPDM_SIG_SIZE / 2);
	wrap(o, TAG_SEQUENCE, all);
	put_byte(o, 0);		/* no unused bits */
	wrap(o, TAG_BITS, all);
	put_sig_alg(o, false);
	put_tbs(o, subject, issuer, pub, ca, leaf, flaw);
	if (leaf && flaw == FLAW_DER)
		put_byte(o, 0);
	wrap(o, TAG_SEQUENCE, all);
	return 0;
}

/**
 * test_pki_keys() - make keys, good for a single test run only
 * @crypto: cryptography
 * @pki: gets three new keys
 *
 * Return: 0 or an error of cryptography.
 */
int test_pki_keys(const struct spdm_crypto_ops *crypto, struct test_pki *pki)
{
	int rc;

	rc = crypto->ecdh_keygen(pki->root.priv, pki->root.pub);
	if (!rc)
		rc = crypto->ecdh_keygen(pki->inter.priv, pki->inter.pub);
	if (!rc)
		rc = crypto->ecdh_keygen(pki->leaf.priv, pki->leaf.pub);
	return rc;
}

/**
 * test_flaw_errno() - what spdm_chain_verify() has to say
 * @flaw: what is wrong with the chain
 *
 * Return: its return value.
 */
int test_flaw_errno(enum test_flaw flaw)
{
	switch (flaw) {
	case FLAW_NONE:
		return 0;
	case FLAW_DER:
	case FLAW_ALGORITHM:
	case FLAW_TWICE:
		return -EBADMSG;
	default:
		return -EKEYREJECTED;
	}
}

/**
 * test_pki_make() - make a chain
 * @crypto: cryptography with ecdsa_sign
 * @flaw: what shall be wrong with it
 * @pki: has the keys, gets the chain
 *
 * Return: 0 or an error of cryptography.
 */
int test_pki_make(const struct spdm_crypto_ops *crypto, enum test_flaw flaw,
		  struct test_pki *pki)
{
	struct der_out o = { .buf = pki->chain, .pos = sizeof(pki->chain) };
	struct spdm_cert_chain *hdr;
	size_t end;
	int rc;

	rc = put_cert(&o, crypto, "leaf", flaw == FLAW_ISSUER ? "root" : "inter",
		      pki->leaf.pub, &pki->inter, flaw == FLAW_LEAF_CA, true,
		      flaw);
	if (!rc)
		rc = put_cert(&o, crypto, "inter", "root", pki->inter.pub,
			      &pki->root, flaw != FLAW_NOT_CA, false,
			      FLAW_NONE);
	end = o.pos;
	if (!rc)
		rc = put_cert(&o, crypto, "root", "root", pki->root.pub, NULL,
			      true, false, FLAW_NONE);
	if (rc)
		return rc;

	spdm_hash_once(crypto, pki->chain + o.pos, end - o.pos, pki->root_hash);
	o.pos -= sizeof(*hdr);
	pki->chain_len = sizeof(pki->chain) - o.pos;
	memmove(pki->chain, pki->chain + o.pos, pki->chain_len);
	hdr = (struct spdm_cert_chain *)pki->chain;
	hdr->length = cpu_to_le16(pki->chain_len);
	hdr->reserved = 0;
	memcpy(hdr->root_hash, pki->root_hash, SPDM_HASH_SIZE);
	if (flaw == FLAW_ROOT_HASH)
		hdr->root_hash[0] ^= 1;
	return 0;
}
