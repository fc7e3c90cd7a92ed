// SPDX-License-Identifier: GPL-2.0-only
/*
 * Truncated and mutated messages for every parser of the SPDM core, the same
 * inside and outside the kernel.
 *
 * The cryptography here is a sham: every hash is zero, every signature and tag
 * is right, encryption changes nothing. So a mutated message is not stopped by
 * the first check of its authenticity, and gets to the parsers behind it.
 */
#include "ide-km.h"
#include "tdisp.h"
#include "test-fuzz.h"
#include "x509.h"

static void sham_init(struct spdm_hash *h)
{
	h->opaque[0] = 0;
}

static void sham_update(struct spdm_hash *h, const void *p, size_t len)
{
	const u8 *b = p;

	/* Touch both ends: a sanitizer is to see a wrong length */
	if (len)
		h->opaque[0] += b[0] ^ b[len - 1];
}

static void sham_final(struct spdm_hash *h, u8 digest[SPDM_HASH_SIZE])
{
	memset(digest, 0, SPDM_HASH_SIZE);
	h->opaque[0] = 0;
}

static void sham_hmac(const u8 *key, size_t key_len, const void *p, size_t len,
		      u8 mac[SPDM_HASH_SIZE])
{
	memset(mac, 0, SPDM_HASH_SIZE);
}

static int sham_seal(const u8 key[SPDM_AEAD_KEY_SIZE],
		     const u8 nonce[SPDM_AEAD_IV_SIZE], const void *aad,
		     size_t aad_len, const void *in, size_t len, void *out,
		     u8 tag[SPDM_AEAD_TAG_SIZE])
{
	memmove(out, in, len);
	memset(tag, 0, SPDM_AEAD_TAG_SIZE);
	return 0;
}

static int sham_open(const u8 key[SPDM_AEAD_KEY_SIZE],
		     const u8 nonce[SPDM_AEAD_IV_SIZE], const void *aad,
		     size_t aad_len, const void *in, size_t len, void *out,
		     const u8 tag[SPDM_AEAD_TAG_SIZE])
{
	/* One in 256 does not fit */
	if (tag[0] == 0x55)
		return -EBADMSG;
	memmove(out, in, len);
	return 0;
}

static int sham_keygen(u8 priv[SPDM_PRIV_SIZE], u8 pub[SPDM_PUB_SIZE])
{
	memset(priv, 1, SPDM_PRIV_SIZE);
	memset(pub, 2, SPDM_PUB_SIZE);
	return 0;
}

static int sham_shared(const u8 priv[SPDM_PRIV_SIZE],
		       const u8 peer[SPDM_PUB_SIZE], u8 x[SPDM_HASH_SIZE])
{
	memcpy(x, peer, SPDM_HASH_SIZE);
	return 0;
}

static int sham_verify(const u8 pub[SPDM_PUB_SIZE],
		       const u8 digest[SPDM_HASH_SIZE],
		       const u8 sig[SPDM_SIG_SIZE])
{
	return 0;
}

static int sham_sign(const u8 priv[SPDM_PRIV_SIZE],
		     const u8 digest[SPDM_HASH_SIZE], u8 sig[SPDM_SIG_SIZE])
{
	memset(sig, 3, SPDM_SIG_SIZE);
	return 0;
}

static int sham_random(void *p, size_t len)
{
	memset(p, 4, len);
	return 0;
}

static const struct spdm_crypto_ops sham_crypto = {
	.hash_init = sham_init,
	.hash_update = sham_update,
	.hash_final = sham_final,
	.hmac = sham_hmac,
	.aead_seal = sham_seal,
	.aead_open = sham_open,
	.ecdh_keygen = sham_keygen,
	.ecdh_shared = sham_shared,
	.ecdsa_verify = sham_verify,
	.ecdsa_sign = sham_sign,
	.random = sham_random,
};

/* splitmix64: short, and the same everywhere */
u32 fuzz_prng(struct spdm_fuzz *f)
{
	u64 z;

	f->seed += 0x9e3779b97f4a7c15ULL;
	z = f->seed;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (u32)(z >> 32);
}

u32 fuzz_below(struct spdm_fuzz *f, u32 limit)
{
	return ((u64)fuzz_prng(f) * limit) >> 32;
}

int fuzz_wrong(struct spdm_fuzz *f, const char *what)
{
	f->what = what;
	return -EINVAL;
}

static int fuzz_measure(void *ctx, u8 *record, size_t size, u8 *nr_blocks)
{
	static const u8 blocks[] = {
		1, 1, 7, 0, 0x00, 4, 0, 1, 2, 3, 4,
		2, 1, 5, 0, 0x87, 2, 0, 5, 6,
	};

	if (size < sizeof(blocks))
		return -EMSGSIZE;
	memcpy(record, blocks, sizeof(blocks));
	*nr_blocks = 2;
	return sizeof(blocks);
}

/* A device's own parser reads all that it is given */
static int fuzz_vendor(void *ctx, u32 session_id, u8 protocol_id, const u8 *req,
		       size_t req_len, u8 *rsp, size_t rsp_size)
{
	struct tdisp_msg tdisp;
	struct ide_km_msg msg;

	ide_km_parse(req, req_len, &msg);
	tdisp_parse_request(req, req_len, &tdisp);
	if (req_len > rsp_size)
		return -EMSGSIZE;
	memcpy(rsp, req, req_len);
	return req_len;
}

static int setup(struct spdm_fuzz *f)
{
	struct spdm_requester_config req = {
		.crypto = &sham_crypto,
		.root_hash = f->pki.root_hash,
		.identity = TEST_IDENTITY,
		.chain_buf = f->chain_buf,
		.chain_size = sizeof(f->chain_buf),
	};
	struct spdm_responder_config rsp = {
		.crypto = &sham_crypto,
		.chain = f->pki.chain,
		.priv = f->pki.leaf.priv,
		.vendor = fuzz_vendor,
		.measure = fuzz_measure,
	};

	if (test_pki_keys(&sham_crypto, &f->pki) ||
	    test_pki_make(&sham_crypto, FLAW_NONE, &f->pki))
		return fuzz_wrong(f, "no chain");
	rsp.chain_len = f->pki.chain_len;
	if (spdm_requester_init(&f->r, &req) ||
	    spdm_responder_init(&f->p, &rsp))
		return fuzz_wrong(f, "not set up");
	return 0;
}

static int transfer(struct spdm_fuzz *f, const struct spdm_io *io)
{
	return spdm_responder_handle(&f->p, io->doe_type, io->req, io->req_len,
				     f->good, sizeof(f->good));
}

/* @len bytes of f->msg, right before memory that is not to be read */
u8 *fuzz_at_edge(struct spdm_fuzz *f, size_t len)
{
	u8 *p = f->env->edge + SPDM_RSP_SIZE - len;

	memcpy(p, f->msg, len);
	return p;
}

/* Go on until request number @stage of a whole conversation is to be sent */
static int reach(struct spdm_fuzz *f, unsigned int stage, struct spdm_io *io)
{
	static const u8 nonce[SPDM_NONCE_SIZE] = { 1 };
	static const u8 key_set_go[7] = { IDE_KM_K_SET_GO };
	unsigned int n;
	int rc, len;

	rc = setup(f);
	if (rc)
		return rc;
	rc = spdm_requester_connect(&f->r, io);
	for (n = 0; n < stage; n++) {
		if (rc != SPDM_SEND)
			return fuzz_wrong(f, "the way to the stage");
		len = transfer(f, io);
		if (len <= 0)
			return fuzz_wrong(f, "no answer on the way to the stage");
		memcpy(f->r.rsp, f->good, len);
		rc = spdm_requester_step(&f->r, len, io);
		if (rc)
			continue;
		switch (n) {
		case 8:
			rc = spdm_requester_vendor(&f->r, SPDM_PROTO_IDE_KM,
						   key_set_go,
						   sizeof(key_set_go), io);
			break;
		case 9:
			rc = spdm_requester_measure(&f->r, nonce, io);
			break;
		default:
			rc = spdm_requester_end(&f->r, io);
		}
	}
	return rc == SPDM_SEND ? 0 : fuzz_wrong(f, "the stage");
}

/* Values at which lengths and counts go wrong */
static u8 odd_byte(struct spdm_fuzz *f)
{
	static const u8 odd[] = {
		0x00, 0x01, 0x02, 0x03, 0x04, 0x0f, 0x10, 0x12, 0x2f, 0x30,
		0x3f, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0x82, 0xfe, 0xff,
	};

	return odd[fuzz_below(f, ARRAY_SIZE(odd))];
}

static void mutate_once(struct spdm_fuzz *f, u8 *p, size_t *len, size_t size)
{
	size_t at, other, n;

	if (!*len) {
		*len = 1 + fuzz_below(f, 8);
		memset(p, odd_byte(f), *len);
		return;
	}
	at = fuzz_below(f, *len);
	/* Heads are where lengths are */
	if (fuzz_prng(f) & 1)
		at %= 16;
	if (at >= *len)
		at = *len - 1;

	switch (fuzz_below(f, 8)) {
	case 0:
	case 1:
		p[at] ^= 1 << fuzz_below(f, 8);
		break;
	case 2:
		p[at] = odd_byte(f);
		break;
	case 3:
		p[at] = (u8)fuzz_prng(f);
		break;
	case 4:		/* cut */
		*len = fuzz_below(f, *len + 1);
		break;
	case 5:		/* add */
		n = 1 + fuzz_below(f, fuzz_prng(f) & 7 ? 8 : 600);
		if (n > size - *len)
			n = size - *len;
		memset(p + *len, fuzz_prng(f) & 1 ? 0 : odd_byte(f), n);
		*len += n;
		break;
	case 6:		/* copy within */
		other = fuzz_below(f, *len);
		n = fuzz_below(f, 32);
		if (n > *len - (at > other ? at : other))
			n = *len - (at > other ? at : other);
		memmove(p + at, p + other, n);
		break;
	default:	/* a little more or less than it was */
		p[at] += (u8)(fuzz_below(f, 9) - 4);
	}
}

/* A record whose length was changed: make its own lengths right again */
static void mend_record(u8 *p, size_t len)
{
	struct spdm_record *record = (struct spdm_record *)p;

	if (len < SPDM_RECORD_OVERHEAD || len > 0xffff)
		return;
	record->length = cpu_to_le16(len - SPDM_RECORD_AAD);
	record->app_length = cpu_to_le16(len - SPDM_RECORD_OVERHEAD);
}

void fuzz_mutate(struct spdm_fuzz *f, u8 *p, size_t *len, size_t size,
		 bool record)
{
	unsigned int n = 1 + fuzz_below(f, 3);

	while (n--)
		mutate_once(f, p, len, size);
	if (record && fuzz_prng(f) & 3)
		mend_record(p, *len);
}

static int step(struct spdm_requester *r, const u8 *msg, size_t len, u8 rest,
		struct spdm_io *io)
{
	memcpy(r->rsp, msg, len);
	memset(r->rsp + len, rest, sizeof(r->rsp) - len);
	return spdm_requester_step(r, len, io);
}

/*
 * Give @len bytes at f->msg to the requester. Now and then twice, with other
 * bytes behind them: whatever is there must not matter.
 */
static int feed(struct spdm_fuzz *f, size_t len, struct spdm_io *io)
{
	bool twice = !(fuzz_prng(f) & 3);
	struct spdm_io io_twin;
	int rc;

	if (twice)
		f->r_twin = f->r;
	rc = step(&f->r, f->msg, len, 0xff, io);
	if (twice && (step(&f->r_twin, f->msg, len, 0, &io_twin) != rc ||
		      memcmp(f->r.req, f->r_twin.req, sizeof(f->r.req))))
		return fuzz_wrong(f, "reads what was not received");
	f->messages++;

	switch (rc) {
	case SPDM_SEND:
		f->accepted++;
		if (io->rsp != f->r.rsp || !io->req_len ||
		    io->req_len > SPDM_MAX_REQ + SPDM_RECORD_OVERHEAD)
			return fuzz_wrong(f, "a nonsense request");
		return SPDM_SEND;
	case 0:
		f->accepted++;
		return 0;
	case -EBADMSG:
	case -EKEYREJECTED:
	case -EPROTO:
	case -ETIMEDOUT:
		return f->r.failed ? 0 : fuzz_wrong(f, "nameless failure");
	}
	return fuzz_wrong(f, "an error that is not documented");
}

/* The answer to what the requester sent last, mutated */
static size_t mutated_answer(struct spdm_fuzz *f, const struct spdm_io *io)
{
	int n = transfer(f, io);
	size_t len = n > 0 ? n : 0;

	memcpy(f->msg, f->good, len);
	fuzz_mutate(f, f->msg, &len, sizeof(f->msg) - 8,
		    io->doe_type == SPDM_DOE_SECURED);
	return len;
}

static int requester_stage(struct spdm_fuzz *f, unsigned int stage,
			   unsigned long rounds)
{
	struct spdm_io io, first;
	size_t len, good_len;
	bool record;
	int rc;

	rc = reach(f, stage, &first);
	if (rc)
		return rc;
	f->p_saved = f->p;
	rc = transfer(f, &first);
	if (rc <= 0)
		return fuzz_wrong(f, "no answer at the stage");
	good_len = rc;
	record = first.doe_type == SPDM_DOE_SECURED;
	f->r_saved = f->r;

	memcpy(f->msg, f->good, good_len);
	for (len = 0; len < good_len; len++) {
		f->r = f->r_saved;
		rc = feed(f, len, &io);
		if (rc)
			return rc < 0 ? rc : fuzz_wrong(f, "a truncated response");
		f->env->breathe();
	}
	if (record) {
		for (len = SPDM_RECORD_OVERHEAD; len < good_len; len++) {
			f->r = f->r_saved;
			memcpy(f->msg, f->good, good_len);
			mend_record(f->msg, len);
			rc = feed(f, len, &io);
			if (rc)
				return rc < 0 ? rc :
					fuzz_wrong(f, "a truncated plain message");
			f->env->breathe();
		}
	}

	while (rounds--) {
		int more = 3;

		f->r = f->r_saved;
		f->p = f->p_saved;
		io = first;
		do {
			len = mutated_answer(f, &io);
			rc = feed(f, len, &io);
		} while (rc == SPDM_SEND && --more);
		if (rc < 0)
			return rc;
		f->env->breathe();
	}
	return 0;
}

/**
 * spdm_fuzz_requester() - tamper with responses
 * @f: zeroed but for the environment and the seed
 * @rounds: conversations to mutate; each has one to three mutated responses
 *
 * Every truncation of the responses of a whole conversation, then mutations.
 *
 * Return: 0, or -EINVAL and @f->what says what is wrong.
 */
int spdm_fuzz_requester(struct spdm_fuzz *f, unsigned long rounds)
{
	unsigned int stage;
	int rc;

	for (stage = 0; stage < SPDM_FUZZ_STAGES; stage++) {
		rc = requester_stage(f, stage, rounds / SPDM_FUZZ_STAGES + 1);
		if (rc)
			return rc;
	}
	return 0;
}

/* Give @len bytes at f->msg to the responder */
static int ask(struct spdm_fuzz *f, u8 doe_type, size_t len)
{
	const struct spdm_hdr *hdr = (const void *)f->good;
	int n;

	n = spdm_responder_handle(&f->p, doe_type, fuzz_at_edge(f, len), len,
				  f->good, sizeof(f->good));
	f->messages++;
	if (n < 0 || (size_t)n > sizeof(f->good))
		return fuzz_wrong(f, "a DOE error");
	if (n && n < (int)sizeof(*hdr))
		return fuzz_wrong(f, "a short answer");
	if (n && (doe_type == SPDM_DOE_SECURED || hdr->code != SPDM_ERROR))
		f->accepted++;
	return 0;
}

static int responder_stage(struct spdm_fuzz *f, unsigned int stage,
			   unsigned long rounds)
{
	struct spdm_io io;
	size_t len;
	bool record;
	int rc;

	rc = reach(f, stage, &io);
	if (rc)
		return rc;
	f->p_saved = f->p;
	record = io.doe_type == SPDM_DOE_SECURED;

	memcpy(f->msg, io.req, io.req_len);
	for (len = 0; len < io.req_len; len++) {
		unsigned long accepted = f->accepted;

		f->p = f->p_saved;
		rc = ask(f, io.doe_type, len);
		if (rc)
			return rc;
		if (!record && f->accepted != accepted)
			return fuzz_wrong(f, "a truncated request");
		f->env->breathe();
	}
	if (record) {
		for (len = SPDM_RECORD_OVERHEAD; len < io.req_len; len++) {
			f->p = f->p_saved;
			memcpy(f->msg, io.req, io.req_len);
			mend_record(f->msg, len);
			rc = ask(f, io.doe_type, len);
			if (rc)
				return rc;
			f->env->breathe();
		}
	}

	while (rounds--) {
		/* Now and then what follows meets a responder gone astray */
		if (fuzz_prng(f) & 7)
			f->p = f->p_saved;
		len = io.req_len;
		memcpy(f->msg, io.req, len);
		fuzz_mutate(f, f->msg, &len, sizeof(f->msg), record);
		if (!(fuzz_prng(f) & 63))
			spdm_responder_fail_next(&f->p, odd_byte(f), 0);
		rc = ask(f, fuzz_prng(f) & 31 ? io.doe_type : 3 - io.doe_type,
			 len);
		if (rc)
			return rc;
		f->env->breathe();
	}
	return 0;
}

/**
 * spdm_fuzz_responder() - tamper with requests
 * @f: zeroed but for the environment and the seed
 * @rounds: requests to mutate
 *
 * Every truncation of the requests of a whole conversation, then mutations.
 *
 * Return: 0, or -EINVAL and @f->what says what is wrong.
 */
int spdm_fuzz_responder(struct spdm_fuzz *f, unsigned long rounds)
{
	unsigned int stage;
	int rc;

	for (stage = 0; stage < SPDM_FUZZ_STAGES; stage++) {
		rc = responder_stage(f, stage, rounds / SPDM_FUZZ_STAGES + 1);
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * spdm_fuzz_chain() - tamper with a certificate chain
 * @f: zeroed but for the environment and the seed
 * @rounds: chains to mutate
 *
 * Return: 0, or -EINVAL and @f->what says what is wrong.
 */
int spdm_fuzz_chain(struct spdm_fuzz *f, unsigned long rounds)
{
	u8 pub[SPDM_PUB_SIZE];
	unsigned long n;
	size_t len;
	int rc;

	rc = setup(f);
	if (rc)
		return rc;
	for (n = 0; n < rounds + f->pki.chain_len; n++) {
		struct spdm_cert_chain *hdr = (struct spdm_cert_chain *)f->msg;
		bool truncated = n < f->pki.chain_len;

		len = truncated ? n : f->pki.chain_len;
		memcpy(f->msg, f->pki.chain, len);
		if (!truncated)
			fuzz_mutate(f, f->msg, &len, sizeof(f->msg), false);
		if (len >= sizeof(*hdr)) {
			hdr->length = cpu_to_le16(len);
			if (fuzz_prng(f) & 15)
				memset(hdr->root_hash, 0, SPDM_HASH_SIZE);
		}

		rc = spdm_chain_verify(&sham_crypto, fuzz_at_edge(f, len), len,
				       f->pki.root_hash, TEST_IDENTITY, pub);
		f->messages++;
		if (!rc)
			f->accepted++;
		if (!rc && truncated)
			return fuzz_wrong(f, "a truncated chain");
		if (rc && rc != -EBADMSG && rc != -EKEYREJECTED)
			return fuzz_wrong(f, "an error that is not documented");
		f->env->breathe();
	}
	return 0;
}
