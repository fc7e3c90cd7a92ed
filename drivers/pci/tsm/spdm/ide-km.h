/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IDE_KM, the key management protocol of PCIe link encryption (PCIe r6.1
 * section 6.33.3), as bytes on one side and host types on the other.
 */
#ifndef _TSM_SPDM_IDE_KM_H
#define _TSM_SPDM_IDE_KM_H

#include "spdm-os.h"

/* The protocol id of IDE_KM in a PCI-SIG vendor defined SPDM message */
#define IDE_KM_PROTOCOL_ID	0

#define IDE_KM_KEY_SIZE		32	/* AES-256 */
#define IDE_KM_IV_SIZE		8	/* the 64-bit invocation field */
#define IDE_KM_MAX_REGS		256	/* DWs that one QUERY_RESP may carry */
#define IDE_KM_MAX_SIZE		(7 + 4 * IDE_KM_MAX_REGS)

/**
 * enum ide_km_object - object ids
 * @IDE_KM_QUERY: what does the port with this index look like?
 * @IDE_KM_QUERY_RESP: its address and its IDE registers
 * @IDE_KM_KEY_PROG: program one sub-stream's key
 * @IDE_KM_KP_ACK: result of @IDE_KM_KEY_PROG
 * @IDE_KM_K_SET_GO: start to use a programmed key
 * @IDE_KM_K_SET_STOP: stop to use it
 * @IDE_KM_K_GOSTOP_ACK: done, for both of the above
 */
enum ide_km_object {
	IDE_KM_QUERY = 0,
	IDE_KM_QUERY_RESP = 1,
	IDE_KM_KEY_PROG = 2,
	IDE_KM_KP_ACK = 3,
	IDE_KM_K_SET_GO = 4,
	IDE_KM_K_SET_STOP = 5,
	IDE_KM_K_GOSTOP_ACK = 6,
};

/**
 * enum ide_km_status - the status of a KP_ACK
 * @IDE_KM_SUCCESS: key programmed
 * @IDE_KM_BAD_LENGTH: KEY_PROG has the wrong size
 * @IDE_KM_BAD_PORT: no port of that index
 * @IDE_KM_BAD_VALUE: another field holds what is not supported
 * @IDE_KM_FAILED: any other failure
 */
enum ide_km_status {
	IDE_KM_SUCCESS = 0,
	IDE_KM_BAD_LENGTH = 1,
	IDE_KM_BAD_PORT = 2,
	IDE_KM_BAD_VALUE = 3,
	IDE_KM_FAILED = 4,
};

/* Directions, from the device's point of view */
#define IDE_KM_RX		0
#define IDE_KM_TX		1

/* Sub-streams */
#define IDE_KM_PR		0	/* posted requests */
#define IDE_KM_NPR		1	/* non-posted requests */
#define IDE_KM_CPL		2	/* completions */
#define IDE_KM_NR_SUB_STREAMS	3

/**
 * struct ide_km_msg - any IDE_KM object in host types
 * @object: &enum ide_km_object; says which of the other members count
 * @port_index: all objects
 * @stream_id: KEY_PROG, KP_ACK, K_SET_GO, K_SET_STOP, K_GOSTOP_ACK
 * @key_set: same objects; 0 or 1
 * @direction: same objects; IDE_KM_RX or IDE_KM_TX
 * @sub_stream: same objects; 0..15 as received, IDE_KM_PR/NPR/CPL are legal
 * @status: KP_ACK; &enum ide_km_status
 * @dev_func: QUERY_RESP; device and function number
 * @bus: QUERY_RESP
 * @segment: QUERY_RESP
 * @max_port_index: QUERY_RESP
 * @nr_regs: QUERY_RESP; number of register DWs
 * @regs: QUERY_RESP; the port's IDE registers from the capability register on,
 *	as little endian bytes, unaligned; after ide_km_parse() it points into
 *	the parsed message
 * @key: KEY_PROG; the AES key in its natural byte order
 * @iv: KEY_PROG; the invocation field in natural (big endian) byte order: the
 *	AES-GCM IV is four zero bytes and these eight
 */
struct ide_km_msg {
	u8 object;
	u8 port_index;
	u8 stream_id;
	u8 key_set;
	u8 direction;
	u8 sub_stream;
	u8 status;
	u8 dev_func;
	u8 bus;
	u8 segment;
	u8 max_port_index;
	u16 nr_regs;
	const u8 *regs;
	u8 key[IDE_KM_KEY_SIZE];
	u8 iv[IDE_KM_IV_SIZE];
};

int ide_km_parse(const void *p, size_t len, struct ide_km_msg *out);
int ide_km_encode(const struct ide_km_msg *msg, void *p, size_t size);
bool ide_km_iv_is_initial(const u8 iv[IDE_KM_IV_SIZE]);
void ide_km_initial_iv(u8 iv[IDE_KM_IV_SIZE]);
const char *ide_km_object_name(u8 object);

#endif /* _TSM_SPDM_IDE_KM_H */
