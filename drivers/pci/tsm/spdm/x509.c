// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verifies a device's certificate chain: a minimal DER reader and the rules of
 * RFC 5280 that SPDM and CMA need. Not the kernel's X.509 parser, because it
 * also runs below the kernel, without allocation, and has to see the subject
 * alternative name.
 *
 * Validity: that notBefore does not come after notAfter is checked, the present
 * time is not. Firmware has no clock, a host's clock belongs to the party that
 * is being kept out, and device identities are made to outlive their devices
 * (notAfter 9999). Freshness comes from nonces; a verifier with a clock and a
 * revocation list gets the whole chain as evidence.
 */
#include "session.h"
#include "x509.h"

/* More would only keep a processor busy with signatures */
#define MAX_CERTS	10

#define DER_BOOLEAN	0x01
#define DER_INTEGER	0x02
#define DER_BIT_STRING	0x03
#define DER_OCTETS	0x04
#define DER_OID		0x06
#define DER_UTF8	0x0c
#define DER_UTC_TIME	0x17
#define DER_GEN_TIME	0x18
#define DER_SEQUENCE	0x30
/* Context specific, constructed */
#define DER_CONTEXT(n)	(0xa0 | (n))
/* Context specific, primitive */
#define DER_IMPLICIT(n)	(0x80 | (n))

/* keyUsage bits as they lie in the first byte (RFC 5280 4.2.1.3) */
#define KU_DIGITAL_SIGNATURE	BIT(7)
#define KU_KEY_CERT_SIGN	BIT(2)

#define NO_PATH_LEN	MAX_CERTS

/* A normalised time, YYYYMMDDHHMMSS */
#define TIME_LEN	14

/* What has not been read yet of some DER */
struct der {
	const u8 *p;
	size_t len;
};

/* Certificate extensions that were seen, to notice a second one */
#define EXT_BASIC	BIT(0)
#define EXT_KEY_USAGE	BIT(1)
#define EXT_SAN		BIT(2)
#define EXT_EKU		BIT(3)

struct cert {
	struct der raw;		/* the whole certificate */
	struct der tbs;		/* what is signed */
	struct der sig_alg;
	struct der sig;		/* SEQUENCE of r and s */
	struct der issuer;
	struct der subject;
	struct der san;
	const u8 *pub;
	unsigned int seen;
	unsigned int path_len;
	u8 key_usage;
	bool ca;
	bool eku_responder;
	bool eku_requester;
};

static const u8 oid_ec_key[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
static const u8 oid_p384[] = { 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const u8 oid_ecdsa_sha384[] = {
	0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03
};

/* 2.5.29.n: certificate extensions */
static const u8 oid_basic_constraints[] = { 0x55, 0x1d, 0x13 };
static const u8 oid_key_usage[] = { 0x55, 0x1d, 0x0f };
static const u8 oid_san[] = { 0x55, 0x1d, 0x11 };
static const u8 oid_eku[] = { 0x55, 0x1d, 0x25 };
/* 2.23.147: the PCI-SIG's name of a device (PCIe r6.1 section 6.31.3) */
static const u8 oid_cma_name[] = { 0x67, 0x81, 0x13 };
/* 1.3.6.1.4.1.412.274.n: 3 authenticates a responder, 4 a requester */
static const u8 oid_dmtf_spdm[] = {
	0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0x1c, 0x82, 0x12
};

#define SPDM_EKU_RESPONDER	3
#define SPDM_EKU_REQUESTER	4

static bool der_is(const struct der *d, const u8 *bytes, size_t len)
{
	return d->len == len && !memcmp(d->p, bytes, len);
}

#define oid_is(d, oid)	der_is(d, oid, sizeof(oid))

static bool der_same(const struct der *a, const struct der *b)
{
	return der_is(a, b->p, b->len);
}

/*
 * Take the next element, whatever its tag. @value gets its content, @raw tag
 * and length as well. Lengths must be definite and of the shortest form; more
 * than 64 KiB do not exist here.
 */
static bool der_any(struct der *d, u8 *tag, struct der *value, struct der *raw)
{
	size_t head = 2, len;

	if (d->len < head)
		return false;
	/* Tags of more than one byte are in no certificate */
	if ((d->p[0] & 0x1f) == 0x1f)
		return false;

	len = d->p[1];
	if (len & 0x80) {
		size_t i, bytes = len & 0x7f;

		if (!bytes || bytes > 2 || d->len < head + bytes)
			return false;
		for (len = 0, i = 0; i < bytes; i++)
			len = len << 8 | d->p[head++];
		if (len < 0x80 || (bytes == 2 && len < 0x100))
			return false;
	}
	if (d->len - head < len)
		return false;

	*tag = d->p[0];
	value->p = d->p + head;
	value->len = len;
	if (raw) {
		raw->p = d->p;
		raw->len = head + len;
	}
	d->p += head + len;
	d->len -= head + len;
	return true;
}

/* Take the next element, which must have this tag */
static bool der_take(struct der *d, u8 tag, struct der *value)
{
	u8 got;

	return der_any(d, &got, value, NULL) && got == tag;
}

static bool der_next_is(const struct der *d, u8 tag)
{
	return d->len && d->p[0] == tag;
}

/* A BOOLEAN with DEFAULT FALSE */
static bool der_take_flag(struct der *d, bool *flag)
{
	struct der v;

	*flag = false;
	if (!der_next_is(d, DER_BOOLEAN))
		return true;
	if (!der_take(d, DER_BOOLEAN, &v) || v.len != 1 ||
	    (v.p[0] && v.p[0] != 0xff))
		return false;
	*flag = v.p[0];
	return true;
}

/* A positive INTEGER into a big endian number of fixed size */
static bool der_take_number(struct der *d, u8 *out, size_t size)
{
	struct der v;

	if (!der_take(d, DER_INTEGER, &v) || !v.len || v.p[0] & 0x80)
		return false;
	if (v.len > 1 && !v.p[0]) {
		if (!(v.p[1] & 0x80))
			return false;
		v.p++;
		v.len--;
	}
	if (v.len > size)
		return false;

	memset(out, 0, size - v.len);
	memcpy(out + size - v.len, v.p, v.len);
	return true;
}

/* A BIT STRING of whole bytes */
static bool der_take_bits(struct der *d, struct der *v)
{
	if (!der_take(d, DER_BIT_STRING, v) || !v->len || v->p[0])
		return false;
	v->p++;
	v->len--;
	return true;
}

static bool take_time(struct der *d, u8 out[TIME_LEN])
{
	struct der v;
	size_t i;
	u8 tag;

	if (!der_any(d, &tag, &v, NULL))
		return false;
	if (tag == DER_UTC_TIME && v.len == TIME_LEN - 2 + 1) {
		memcpy(out, v.p[0] >= '5' ? "19" : "20", 2);
		memcpy(out + 2, v.p, TIME_LEN - 2);
	} else if (tag == DER_GEN_TIME && v.len == TIME_LEN + 1) {
		memcpy(out, v.p, TIME_LEN);
	} else {
		return false;
	}
	for (i = 0; i < TIME_LEN; i++)
		if (out[i] < '0' || out[i] > '9')
			return false;
	return v.p[v.len - 1] == 'Z';
}

static int parse_validity(struct der *tbs)
{
	u8 not_before[TIME_LEN], not_after[TIME_LEN];
	struct der v;

	if (!der_take(tbs, DER_SEQUENCE, &v) || !take_time(&v, not_before) ||
	    !take_time(&v, not_after) || v.len)
		return -EBADMSG;
	if (memcmp(not_before, not_after, TIME_LEN) > 0)
		return -EKEYREJECTED;
	return 0;
}

static int parse_public_key(struct der *tbs, struct cert *c)
{
	struct der spki, alg, oid, curve, bits;

	if (!der_take(tbs, DER_SEQUENCE, &spki) ||
	    !der_take(&spki, DER_SEQUENCE, &alg) ||
	    !der_take_bits(&spki, &bits) || spki.len ||
	    !der_take(&alg, DER_OID, &oid))
		return -EBADMSG;
	if (!oid_is(&oid, oid_ec_key))
		return -EKEYREJECTED;
	if (!der_take(&alg, DER_OID, &curve) || alg.len)
		return -EBADMSG;
	if (!oid_is(&curve, oid_p384))
		return -EKEYREJECTED;
	/* An uncompressed point: 04, X, Y */
	if (bits.len != 1 + SPDM_PUB_SIZE || bits.p[0] != 0x04)
		return -EBADMSG;
	c->pub = bits.p + 1;
	return 0;
}

static bool parse_basic_constraints(struct der v, struct cert *c)
{
	struct der seq;
	u8 path_len;

	if (!der_take(&v, DER_SEQUENCE, &seq) || v.len ||
	    !der_take_flag(&seq, &c->ca))
		return false;
	if (seq.len) {
		/* Longer than any chain that is accepted, or no byte: no limit */
		if (!c->ca || !der_take_number(&seq, &path_len, 1) || seq.len)
			return false;
		if (path_len < NO_PATH_LEN)
			c->path_len = path_len;
	}
	return true;
}

static bool parse_key_usage(struct der v, struct cert *c)
{
	struct der bits;

	if (!der_take(&v, DER_BIT_STRING, &bits) || v.len || bits.len < 2 ||
	    bits.p[0] > 7)
		return false;
	c->key_usage = bits.p[1];
	return true;
}

/*
 * Extended key usage is optional in SPDM, and devices carry TLS purposes too.
 * Only a certificate that was made for SPDM's other role is turned away.
 */
static bool parse_eku(struct der v, struct cert *c)
{
	struct der seq, oid;

	if (!der_take(&v, DER_SEQUENCE, &seq) || v.len || !seq.len)
		return false;
	while (seq.len) {
		if (!der_take(&seq, DER_OID, &oid))
			return false;
		if (oid.len != sizeof(oid_dmtf_spdm) + 1 ||
		    memcmp(oid.p, oid_dmtf_spdm, sizeof(oid_dmtf_spdm)))
			continue;
		switch (oid.p[sizeof(oid_dmtf_spdm)]) {
		case SPDM_EKU_RESPONDER:
			c->eku_responder = true;
			break;
		case SPDM_EKU_REQUESTER:
			c->eku_requester = true;
			break;
		}
	}
	return true;
}

static int parse_extension(struct der *list, struct cert *c)
{
	struct der ext, oid, value;
	unsigned int which;
	bool critical, ok;

	if (!der_take(list, DER_SEQUENCE, &ext) ||
	    !der_take(&ext, DER_OID, &oid) ||
	    !der_take_flag(&ext, &critical) ||
	    !der_take(&ext, DER_OCTETS, &value) || ext.len)
		return -EBADMSG;

	if (oid_is(&oid, oid_basic_constraints)) {
		which = EXT_BASIC;
		ok = parse_basic_constraints(value, c);
	} else if (oid_is(&oid, oid_key_usage)) {
		which = EXT_KEY_USAGE;
		ok = parse_key_usage(value, c);
	} else if (oid_is(&oid, oid_san)) {
		which = EXT_SAN;
		ok = der_take(&value, DER_SEQUENCE, &c->san) && !value.len;
	} else if (oid_is(&oid, oid_eku)) {
		which = EXT_EKU;
		ok = parse_eku(value, c);
	} else {
		/* Whoever does not understand a critical one must not go on */
		return critical ? -EKEYREJECTED : 0;
	}

	if (!ok || c->seen & which)
		return -EBADMSG;
	c->seen |= which;
	return 0;
}

/* TBSCertificate, from the version on (RFC 5280 4.1) */
static int parse_tbs(struct der tbs, struct cert *c)
{
	struct der v, sig_alg, extensions;
	u8 version, tag;
	int rc;

	/* Extensions are needed, so version 3, which is the number 2 */
	if (!der_take(&tbs, DER_CONTEXT(0), &v) ||
	    !der_take_number(&v, &version, 1) || v.len)
		return -EBADMSG;
	if (version != 2)
		return -EKEYREJECTED;

	if (!der_take(&tbs, DER_INTEGER, &v) || !v.len ||
	    !der_take(&tbs, DER_SEQUENCE, &sig_alg))
		return -EBADMSG;
	if (!der_any(&tbs, &tag, &v, &c->issuer) || tag != DER_SEQUENCE)
		return -EBADMSG;
	rc = parse_validity(&tbs);
	if (rc)
		return rc;
	if (!der_any(&tbs, &tag, &v, &c->subject) || tag != DER_SEQUENCE)
		return -EBADMSG;
	rc = parse_public_key(&tbs, c);
	if (rc)
		return rc;

	/* What is inside the signature counts: both must be the same */
	if (!der_same(&sig_alg, &c->sig_alg))
		return -EBADMSG;

	/* Unique identifiers: obsolete, stepped over */
	if (der_next_is(&tbs, DER_IMPLICIT(1)) &&
	    !der_take(&tbs, DER_IMPLICIT(1), &v))
		return -EBADMSG;
	if (der_next_is(&tbs, DER_IMPLICIT(2)) &&
	    !der_take(&tbs, DER_IMPLICIT(2), &v))
		return -EBADMSG;

	if (!tbs.len)
		return 0;
	if (!der_take(&tbs, DER_CONTEXT(3), &v) || tbs.len ||
	    !der_take(&v, DER_SEQUENCE, &extensions) || v.len)
		return -EBADMSG;
	while (extensions.len) {
		rc = parse_extension(&extensions, c);
		if (rc)
			return rc;
	}
	return 0;
}

/* Take one certificate off the front of the chain */
static int parse_cert(struct der *chain, struct cert *c)
{
	struct der body, tbs;
	u8 tag;

	memset(c, 0, sizeof(*c));
	c->path_len = NO_PATH_LEN;

	if (!der_any(chain, &tag, &body, &c->raw) || tag != DER_SEQUENCE ||
	    !der_any(&body, &tag, &tbs, &c->tbs) || tag != DER_SEQUENCE ||
	    !der_take(&body, DER_SEQUENCE, &c->sig_alg) ||
	    !der_take_bits(&body, &c->sig) || body.len)
		return -EBADMSG;
	return parse_tbs(tbs, c);
}

/* Is @c what @issuer says it is? */
static int verify_cert(const struct spdm_crypto_ops *crypto,
		       const struct cert *c, const struct cert *issuer)
{
	struct der alg = c->sig_alg, sig = c->sig, numbers, oid;
	u8 digest[SPDM_HASH_SIZE];
	u8 raw[SPDM_SIG_SIZE];

	if (!der_take(&alg, DER_OID, &oid))
		return -EBADMSG;
	if (!oid_is(&oid, oid_ecdsa_sha384) || alg.len)
		return -EKEYREJECTED;
	if (!der_take(&sig, DER_SEQUENCE, &numbers) || sig.len ||
	    !der_take_number(&numbers, raw, SPDM_SIG_SIZE / 2) ||
	    !der_take_number(&numbers, raw + SPDM_SIG_SIZE / 2,
			     SPDM_SIG_SIZE / 2) || numbers.len)
		return -EBADMSG;
	if (!der_same(&c->issuer, &issuer->subject))
		return -EKEYREJECTED;

	spdm_hash_once(crypto, c->tbs.p, c->tbs.len, digest);
	return crypto->ecdsa_verify(issuer->pub, digest, raw);
}

/* May @c sign certificates? */
static bool may_issue(const struct cert *c)
{
	if (!c->ca)
		return false;
	return !(c->seen & EXT_KEY_USAGE) || c->key_usage & KU_KEY_CERT_SIGN;
}

static bool has_identity(const struct cert *c, const char *identity)
{
	struct der names = c->san;
	size_t len = 0;

	while (identity[len])
		len++;

	while (names.len) {
		struct der name, oid, wrapped, text;
		u8 tag;

		if (!der_any(&names, &tag, &name, NULL))
			return false;
		if (tag != DER_CONTEXT(0))	/* otherName */
			continue;
		if (!der_take(&name, DER_OID, &oid) ||
		    !oid_is(&oid, oid_cma_name))
			continue;
		if (der_take(&name, DER_CONTEXT(0), &wrapped) && !name.len &&
		    der_take(&wrapped, DER_UTF8, &text) && !wrapped.len &&
		    der_is(&text, (const u8 *)identity, len))
			return true;
	}
	return false;
}

static bool may_authenticate(const struct cert *c, const char *identity)
{
	/* DSP0274 10.6.1: a leaf is no CA */
	if (c->ca)
		return false;
	if (c->seen & EXT_KEY_USAGE && !(c->key_usage & KU_DIGITAL_SIGNATURE))
		return false;
	if (c->eku_requester && !c->eku_responder)
		return false;
	return !identity || has_identity(c, identity);
}

/**
 * spdm_chain_verify() - verify a certificate chain object
 * @crypto: cryptography
 * @chain: chain object (DSP0274 section 10.6.1) as received
 * @len: its bytes
 * @root_hash: SHA-384 of the trusted root certificate
 * @identity: CMA subject name required of the leaf, or NULL for any
 * @leaf_pub: the leaf's public key
 *
 * The root is trusted because its hash is the trust anchor; its signature over
 * itself would say nothing more and is not verified.
 *
 * Return: 0; -EBADMSG when the object or a certificate is malformed;
 * -EKEYREJECTED when it is well formed and not to be trusted: another root, a
 * wrong signature, an unsupported algorithm or critical extension, wrong CA
 * bits or key usage, another identity; an error of cryptography.
 */
int spdm_chain_verify(const struct spdm_crypto_ops *crypto, const void *chain,
		      size_t len, const u8 root_hash[SPDM_HASH_SIZE],
		      const char *identity, u8 leaf_pub[SPDM_PUB_SIZE])
{
	const struct spdm_cert_chain *hdr = chain;
	struct cert certs[2];	/* the present one and its issuer, in turn */
	unsigned int path_left = NO_PATH_LEN;
	u8 digest[SPDM_HASH_SIZE];
	struct cert *c = NULL;
	unsigned int n;
	struct der d;
	int rc;

	if (len < sizeof(*hdr) || le16_to_cpu(hdr->length) != len)
		return -EBADMSG;
	if (memcmp(hdr->root_hash, root_hash, SPDM_HASH_SIZE))
		return -EKEYREJECTED;

	d.p = (const u8 *)chain + sizeof(*hdr);
	d.len = len - sizeof(*hdr);

	for (n = 0; n < MAX_CERTS && d.len; n++) {
		const struct cert *issuer = c;

		c = &certs[n % 2];
		if (!n) {
			/* Nothing is believed before it is the trusted root */
			struct der rest = d, value, raw;
			u8 tag;

			if (!der_any(&rest, &tag, &value, &raw))
				return -EBADMSG;
			spdm_hash_once(crypto, raw.p, raw.len, digest);
			if (memcmp(digest, root_hash, SPDM_HASH_SIZE))
				return -EKEYREJECTED;
		}
		rc = parse_cert(&d, c);
		if (rc)
			return rc;
		if (issuer) {
			rc = verify_cert(crypto, c, issuer);
			if (rc)
				return rc;
		}
		if (!d.len)
			break;

		/* Not the last: it issues the next */
		if (!may_issue(c) || (n && !path_left))
			return -EKEYREJECTED;
		if (n)
			path_left--;
		if (c->path_len < path_left)
			path_left = c->path_len;
	}
	if (!c || d.len)
		return -EKEYREJECTED;
	if (!may_authenticate(c, identity))
		return -EKEYREJECTED;

	memcpy(leaf_pub, c->pub, SPDM_PUB_SIZE);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(spdm_chain_verify);
