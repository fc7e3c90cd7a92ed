// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's end of IDE_KM (PCIe r6.1 section 6.33.3): keys arrive over an
 * SPDM session and go into the endpoint's IDE.
 */
#include <linux/bitmap.h>
#include <linux/byteorder/generic.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <kunit/visibility.h>

#include "../spdm/ide-km.h"
#include "dsm.h"

/* The device has one port */
#define MAX_PORT_INDEX		0

static int sim_ide_km_query(struct sim_dsm *dsm, const struct ide_km_msg *req,
			    u8 *rsp, size_t size)
{
	struct sim_ide_port *port = sim_device_endpoint_ide(dsm->dev);
	u32 regs[SIM_IDE_REGS_DW(SIM_IDE_EP_STREAMS)];
	u16 rid = sim_device_rid(dsm->dev);
	struct ide_km_msg msg = {
		.object = IDE_KM_QUERY_RESP,
		.port_index = req->port_index,
		.dev_func = rid & 0xff,
		.bus = rid >> 8,
		.max_port_index = MAX_PORT_INDEX,
		.regs = (void *)regs,
	};

	if (req->port_index > MAX_PORT_INDEX)
		return -EINVAL;

	msg.nr_regs = sim_ide_read_regs(port, regs, ARRAY_SIZE(regs));
	cpu_to_le32_array(regs, msg.nr_regs);
	return ide_km_encode(&msg, rsp, size);
}

static enum ide_km_status sim_ide_km_program(struct sim_dsm *dsm,
					     u32 session_id,
					     const struct ide_km_msg *req)
{
	struct sim_ide_port *port = sim_device_endpoint_ide(dsm->dev);

	if (req->port_index > MAX_PORT_INDEX)
		return IDE_KM_BAD_PORT;
	if (req->sub_stream >= IDE_KM_NR_SUB_STREAMS ||
	    !ide_km_iv_is_initial(req->iv))
		return IDE_KM_BAD_VALUE;
	if (sim_fault_key_refused(dsm->dev, req->direction, req->sub_stream))
		return IDE_KM_FAILED;

	if (sim_ide_key_program(port, req->stream_id, req->key_set,
				req->direction, req->sub_stream, req->key,
				req->iv))
		return IDE_KM_BAD_VALUE;

	dsm->ide_km.owner = session_id;
	__set_bit(req->stream_id, dsm->ide_km.streams);
	return IDE_KM_SUCCESS;
}

static int sim_ide_km_key_prog(const struct ide_km_msg *req,
			       enum ide_km_status status, u8 *rsp, size_t size)
{
	struct ide_km_msg msg = {
		.object = IDE_KM_KP_ACK,
		.stream_id = req->stream_id,
		.status = status,
		.key_set = req->key_set,
		.direction = req->direction,
		.sub_stream = req->sub_stream,
		.port_index = req->port_index,
	};

	return ide_km_encode(&msg, rsp, size);
}

static int sim_ide_km_go_stop(struct sim_dsm *dsm, const struct ide_km_msg *req,
			      u8 *rsp, size_t size)
{
	struct sim_ide_port *port = sim_device_endpoint_ide(dsm->dev);
	struct ide_km_msg msg = *req;
	int rc;

	if (req->port_index > MAX_PORT_INDEX)
		return -EINVAL;

	if (req->object == IDE_KM_K_SET_GO)
		rc = sim_ide_key_go(port, req->stream_id, req->key_set,
				    req->direction, req->sub_stream);
	else
		rc = sim_ide_key_stop(port, req->stream_id, req->key_set,
				      req->direction, req->sub_stream);
	/* an acknowledgment has no room for a status */
	if (rc)
		return -EINVAL;

	msg.object = IDE_KM_K_GOSTOP_ACK;
	return ide_km_encode(&msg, rsp, size);
}

/**
 * sim_ide_km_request() - answer an IDE_KM object
 * @dsm: the device's security manager, locked
 * @session_id: session that the object came in
 * @req: object
 * @len: its bytes, as the vendor defined message says
 * @rsp: where the answer goes
 * @size: bytes that fit there
 *
 * While one session owns the keys, objects that come in another one are
 * discarded without an answer: whoever sent them could otherwise take a link
 * over from the session that keyed it.
 *
 * Return: bytes of the answer, 0 for none, or -EINVAL for a malformed or
 * impossible request.
 */
int sim_ide_km_request(struct sim_dsm *dsm, u32 session_id, const u8 *req,
		       size_t len, u8 *rsp, size_t size)
{
	enum ide_km_status status;
	struct ide_km_msg msg;

	if (dsm->ide_km.owner && dsm->ide_km.owner != session_id)
		return 0;

	if (ide_km_parse(req, len, &msg)) {
		/* The one object whose answer can say that it was malformed */
		if (!len || msg.object != IDE_KM_KEY_PROG)
			return -EINVAL;
		return sim_ide_km_key_prog(&msg, IDE_KM_BAD_LENGTH, rsp, size);
	}

	switch (msg.object) {
	case IDE_KM_QUERY:
		return sim_ide_km_query(dsm, &msg, rsp, size);
	case IDE_KM_KEY_PROG:
		status = sim_ide_km_program(dsm, session_id, &msg);
		memzero_explicit(msg.key, sizeof(msg.key));
		return sim_ide_km_key_prog(&msg, status, rsp, size);
	case IDE_KM_K_SET_GO:
	case IDE_KM_K_SET_STOP:
		return sim_ide_km_go_stop(dsm, &msg, rsp, size);
	default:
		return -EINVAL;
	}
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_km_request);

/**
 * sim_ide_km_session_end() - the streams that a session keyed lose their keys
 * @dsm: the device's security manager, locked
 * @session_id: session that ended
 */
void sim_ide_km_session_end(struct sim_dsm *dsm, u32 session_id)
{
	struct sim_ide_km *km = &dsm->ide_km;
	unsigned int id;

	if (km->owner != session_id)
		return;

	for_each_set_bit(id, km->streams, 256)
		sim_ide_stream_forget(sim_device_endpoint_ide(dsm->dev), id);
	bitmap_zero(km->streams, 256);
	km->owner = 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_km_session_end);
