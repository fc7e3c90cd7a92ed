// SPDX-License-Identifier: GPL-2.0-only
/*
 * IDE_KM codec (PCIe r6.1 section 6.33.3): objects as bytes on one side, host
 * types on the other; lengths first. Freestanding, used by both ends.
 */
#include "ide-km.h"

/* What all objects begin with */
struct ide_km_query {
	u8 object;
	u8 reserved;
	u8 port_index;
} __packed;
static_assert(sizeof(struct ide_km_query) == 3);

/* QUERY_RESP, followed by the port's IDE registers as DWs */
struct ide_km_query_resp {
	u8 object;
	u8 reserved;
	u8 port_index;
	u8 dev_func;
	u8 bus;
	u8 segment;
	u8 max_port_index;
} __packed;
static_assert(sizeof(struct ide_km_query_resp) == 7);

/* KP_ACK, K_SET_GO, K_SET_STOP, K_GOSTOP_ACK, and the head of KEY_PROG */
struct ide_km_key {
	u8 object;
	u8 reserved[2];
	u8 stream_id;
	u8 status;		/* reserved in all but KP_ACK */
	u8 key_sub_stream;
	u8 port_index;
} __packed;
static_assert(sizeof(struct ide_km_key) == 7);

struct ide_km_key_prog {
	struct ide_km_key head;
	u8 key[IDE_KM_KEY_SIZE];
	u8 iv[IDE_KM_IV_SIZE];
} __packed;
static_assert(sizeof(struct ide_km_key_prog) == 47);

#define KEY_SET		BIT(0)
#define DIRECTION	BIT(1)
#define SUB_STREAM	GENMASK(7, 4)

static const u8 initial_iv[IDE_KM_IV_SIZE] = { 0, 0, 0, 0, 0, 0, 0, 1 };

/*
 * Keys and IVs travel as DWs: each holds four bytes as a big endian number,
 * stored little endian. The same swap serves both ways.
 */
static void swap_dws(u8 *to, const u8 *from, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += 4)
		put_unaligned_le32(get_unaligned_be32(from + i), to + i);
}

static void parse_key(const struct ide_km_key *w, struct ide_km_msg *out)
{
	out->port_index = w->port_index;
	out->stream_id = w->stream_id;
	out->key_set = FIELD_GET(KEY_SET, w->key_sub_stream);
	out->direction = FIELD_GET(DIRECTION, w->key_sub_stream);
	out->sub_stream = FIELD_GET(SUB_STREAM, w->key_sub_stream);
}

static int parse_query_resp(const void *p, size_t len, struct ide_km_msg *out)
{
	const struct ide_km_query_resp *w = p;
	size_t regs_len;

	if (len < sizeof(*w))
		return -EBADMSG;
	regs_len = len - sizeof(*w);
	if (regs_len % 4 || regs_len > 4 * IDE_KM_MAX_REGS)
		return -EBADMSG;

	out->port_index = w->port_index;
	out->dev_func = w->dev_func;
	out->bus = w->bus;
	out->segment = w->segment;
	out->max_port_index = w->max_port_index;
	out->nr_regs = regs_len / 4;
	out->regs = (const u8 *)p + sizeof(*w);
	return 0;
}

/**
 * ide_km_parse() - parse an IDE_KM object
 * @p: the object, what follows the protocol id in the vendor defined message
 * @len: its exact length, by the SPDM message's account
 * @out: result, initialised whatever is returned
 *
 * Reserved fields are ignored; values are not judged, only lengths and object
 * ids are. When a KEY_PROG is refused for its length, @out holds the fields of
 * its head as far as they exist (7 bytes or more), so that a KP_ACK with
 * IDE_KM_BAD_LENGTH can name them.
 *
 * Return: 0, or -EBADMSG: empty, unknown object, or not as long as it must be.
 */
int ide_km_parse(const void *p, size_t len, struct ide_km_msg *out)
{
	const struct ide_km_key_prog *prog = p;
	const struct ide_km_query *query = p;
	const struct ide_km_key *key = p;

	memset(out, 0, sizeof(*out));
	if (!len)
		return -EBADMSG;
	out->object = query->object;

	switch (out->object) {
	case IDE_KM_QUERY:
		if (len != sizeof(*query))
			return -EBADMSG;
		out->port_index = query->port_index;
		return 0;
	case IDE_KM_QUERY_RESP:
		return parse_query_resp(p, len, out);
	case IDE_KM_KEY_PROG:
		if (len >= sizeof(*key))
			parse_key(key, out);
		if (len != sizeof(*prog))
			return -EBADMSG;
		swap_dws(out->key, prog->key, sizeof(out->key));
		swap_dws(out->iv, prog->iv, sizeof(out->iv));
		return 0;
	case IDE_KM_KP_ACK:
	case IDE_KM_K_SET_GO:
	case IDE_KM_K_SET_STOP:
	case IDE_KM_K_GOSTOP_ACK:
		if (len != sizeof(*key))
			return -EBADMSG;
		parse_key(key, out);
		if (out->object == IDE_KM_KP_ACK)
			out->status = key->status;
		return 0;
	}
	return -EBADMSG;
}
EXPORT_SYMBOL_NS_GPL(ide_km_parse, "TSM_SPDM");

static int encode_query_resp(const struct ide_km_msg *msg, void *p, size_t size)
{
	struct ide_km_query_resp *w = p;
	size_t regs_len = 4 * (size_t)msg->nr_regs;

	if (msg->nr_regs > IDE_KM_MAX_REGS)
		return -EINVAL;
	if (size < sizeof(*w) + regs_len)
		return -EMSGSIZE;

	w->object = IDE_KM_QUERY_RESP;
	w->reserved = 0;
	w->port_index = msg->port_index;
	w->dev_func = msg->dev_func;
	w->bus = msg->bus;
	w->segment = msg->segment;
	w->max_port_index = msg->max_port_index;
	if (regs_len)
		memcpy(w + 1, msg->regs, regs_len);
	return sizeof(*w) + regs_len;
}

/**
 * ide_km_encode() - write an IDE_KM object
 * @msg: what to write; members that @msg->object does not use are not read
 * @p: where
 * @size: room there in bytes
 *
 * The inverse of ide_km_parse().
 *
 * Return: bytes written; -EMSGSIZE when there is no room; -EINVAL when the
 * object is unknown or a value does not fit its field.
 */
int ide_km_encode(const struct ide_km_msg *msg, void *p, size_t size)
{
	struct ide_km_key_prog *prog = p;
	struct ide_km_query *query = p;
	struct ide_km_key *key = p;
	size_t len = sizeof(*key);

	switch (msg->object) {
	case IDE_KM_QUERY:
		if (size < sizeof(*query))
			return -EMSGSIZE;
		query->object = IDE_KM_QUERY;
		query->reserved = 0;
		query->port_index = msg->port_index;
		return sizeof(*query);
	case IDE_KM_QUERY_RESP:
		return encode_query_resp(msg, p, size);
	case IDE_KM_KEY_PROG:
		len = sizeof(*prog);
		break;
	case IDE_KM_KP_ACK:
	case IDE_KM_K_SET_GO:
	case IDE_KM_K_SET_STOP:
	case IDE_KM_K_GOSTOP_ACK:
		break;
	default:
		return -EINVAL;
	}

	if (msg->key_set > 1 || msg->direction > 1 || msg->sub_stream > 15)
		return -EINVAL;
	if (size < len)
		return -EMSGSIZE;

	memset(key, 0, sizeof(*key));
	key->object = msg->object;
	key->stream_id = msg->stream_id;
	key->port_index = msg->port_index;
	key->key_sub_stream = FIELD_PREP(KEY_SET, msg->key_set) |
			      FIELD_PREP(DIRECTION, msg->direction) |
			      FIELD_PREP(SUB_STREAM, msg->sub_stream);
	if (msg->object == IDE_KM_KP_ACK)
		key->status = msg->status;
	if (msg->object == IDE_KM_KEY_PROG) {
		swap_dws(prog->key, msg->key, sizeof(prog->key));
		swap_dws(prog->iv, msg->iv, sizeof(prog->iv));
	}
	return len;
}
EXPORT_SYMBOL_NS_GPL(ide_km_encode, "TSM_SPDM");

/**
 * ide_km_initial_iv() - the invocation field that a new key starts with
 * @iv: result, natural byte order: the 64-bit number 1
 */
void ide_km_initial_iv(u8 iv[IDE_KM_IV_SIZE])
{
	memcpy(iv, initial_iv, sizeof(initial_iv));
}
EXPORT_SYMBOL_NS_GPL(ide_km_initial_iv, "TSM_SPDM");

/**
 * ide_km_iv_is_initial() - is this the only legal invocation field?
 * @iv: as ide_km_parse() gives it
 *
 * Return: whether it is the number 1; a responder answers anything else with
 * IDE_KM_BAD_VALUE.
 */
bool ide_km_iv_is_initial(const u8 iv[IDE_KM_IV_SIZE])
{
	return !memcmp(iv, initial_iv, sizeof(initial_iv));
}
EXPORT_SYMBOL_NS_GPL(ide_km_iv_is_initial, "TSM_SPDM");

/**
 * ide_km_object_name() - name of an object in the specification
 * @object: object id
 *
 * Return: the name, or "IDE_KM".
 */
const char *ide_km_object_name(u8 object)
{
	static const char * const names[] = {
		[IDE_KM_QUERY] = "QUERY",
		[IDE_KM_QUERY_RESP] = "QUERY_RESP",
		[IDE_KM_KEY_PROG] = "KEY_PROG",
		[IDE_KM_KP_ACK] = "KP_ACK",
		[IDE_KM_K_SET_GO] = "K_SET_GO",
		[IDE_KM_K_SET_STOP] = "K_SET_STOP",
		[IDE_KM_K_GOSTOP_ACK] = "K_GOSTOP_ACK",
	};

	return object < ARRAY_SIZE(names) ? names[object] : "IDE_KM";
}
EXPORT_SYMBOL_NS_GPL(ide_km_object_name, "TSM_SPDM");
