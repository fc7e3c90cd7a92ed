// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link TSM's keys: IDE_KM with a device, the same keys at its root port,
 * and the IDE stream that they are for.
 *
 * Of the simulated platform it uses the root port's keys and nothing else: no
 * standard says how a TSM gets them there, so there is a call.
 */
#define dev_fmt(fmt) "tsm-sim: " fmt

#include <linux/pci.h>
#include <linux/pci-ide.h>
#include <linux/pci-tsm.h>
#include <linux/random.h>
#include <linux/unaligned.h>

#include "../spdm/ide-km.h"
#include "link.h"

/* The device's port that faces the root port */
#define SIM_LINK_PORT_INDEX		0

/* The longest object that is sent, KEY_PROG */
#define SIM_LINK_IDE_KM_BYTES		64

/* IDE_KM */

static bool sim_link_is_answer(const struct ide_km_msg *req,
			       const struct ide_km_msg *rsp, u8 object)
{
	if (rsp->object != object || rsp->port_index != req->port_index)
		return false;
	return object == IDE_KM_QUERY_RESP ||
	       (rsp->stream_id == req->stream_id &&
		rsp->key_set == req->key_set &&
		rsp->direction == req->direction &&
		rsp->sub_stream == req->sub_stream);
}

static int sim_link_ide_km_answer(struct sim_link_session *s,
				  const struct ide_km_msg *req, u8 object,
				  const void *payload, size_t len,
				  struct ide_km_msg *rsp)
{
	int rc;

	rc = ide_km_parse(payload, len, rsp);
	if (!rc && !sim_link_is_answer(req, rsp, object))
		rc = -EBADMSG;
	if (rc)
		pci_err(s->pdev, "%s: unfit answer: %pe\n",
			ide_km_object_name(req->object), ERR_PTR(rc));
	return rc;
}

/* The registers of a QUERY_RESP are valid until the next exchange */
static int sim_link_ide_km(struct sim_link_session *s,
			   const struct ide_km_msg *req, u8 object,
			   struct ide_km_msg *rsp)
{
	const char *name = ide_km_object_name(req->object);
	u8 buf[SIM_LINK_IDE_KM_BYTES];
	const void *payload;
	size_t len;
	int n, rc;

	n = ide_km_encode(req, buf, sizeof(buf));
	if (n < 0)
		return n;
	rc = sim_link_begin(s, s->leaving ? SIM_LINK_LEAVING :
					    SIM_LINK_TALKING);
	if (!rc) {
		rc = sim_link_vendor(s, SPDM_PROTO_IDE_KM, buf, n, name,
				     &payload, &len);
		if (!rc)
			rc = sim_link_ide_km_answer(s, req, object, payload,
						    len, rsp);
		sim_link_end(s);
	}
	memzero_explicit(buf, sizeof(buf));
	return rc;
}

static struct ide_km_msg sim_link_key(struct sim_link_session *s, u8 object,
				      u8 key_set, u8 direction, u8 sub_stream)
{
	return (struct ide_km_msg) {
		.object = object,
		.port_index = SIM_LINK_PORT_INDEX,
		.stream_id = s->ide->stream_id,
		.key_set = key_set,
		.direction = direction,
		.sub_stream = sub_stream,
	};
}

/* What the device calls receiving is sending at the root port */
static int sim_link_port_program(struct sim_link_session *s,
				 const struct ide_km_msg *key)
{
	return sim_ide_key_program(sim_device_port_ide(s->device),
				   key->stream_id, key->key_set,
				   !key->direction, key->sub_stream, key->key,
				   key->iv);
}

static int sim_link_port_go(struct sim_link_session *s, u8 key_set)
{
	int rc = 0;

	for (u8 dir = IDE_KM_RX; !rc && dir <= IDE_KM_TX; dir++)
		for (u8 sub = 0; !rc && sub < IDE_KM_NR_SUB_STREAMS; sub++)
			rc = sim_ide_key_go(sim_device_port_ide(s->device),
					    s->ide->stream_id, key_set, dir,
					    sub);
	if (rc)
		pci_err(s->pdev, "root port does not take its keys: %pe\n",
			ERR_PTR(rc));
	return rc;
}

static void sim_link_port_stop(struct sim_link_session *s, u8 key_set)
{
	for (u8 dir = IDE_KM_RX; dir <= IDE_KM_TX; dir++)
		for (u8 sub = 0; sub < IDE_KM_NR_SUB_STREAMS; sub++)
			sim_ide_key_stop(sim_device_port_ide(s->device),
					 s->ide->stream_id, key_set, dir, sub);
}

/* A fresh key for one sub-stream, at both ends of the link */
static int sim_link_program(struct sim_link_session *s, u8 key_set, u8 dir,
			    u8 sub)
{
	struct ide_km_msg key = sim_link_key(s, IDE_KM_KEY_PROG, key_set, dir,
					     sub);
	struct ide_km_msg ack;
	int rc;

	get_random_bytes(key.key, sizeof(key.key));
	ide_km_initial_iv(key.iv);

	rc = sim_link_ide_km(s, &key, IDE_KM_KP_ACK, &ack);
	if (!rc && ack.status != IDE_KM_SUCCESS) {
		rc = -EKEYREJECTED;
		pci_err(s->pdev, "KEY_PROG: device refuses the key of sub-stream %u %s with status %u: %pe\n",
			sub, dir == IDE_KM_RX ? "Rx" : "Tx", ack.status,
			ERR_PTR(rc));
	}
	if (!rc) {
		rc = sim_link_port_program(s, &key);
		if (rc)
			pci_err(s->pdev, "root port refuses a key: %pe\n",
				ERR_PTR(rc));
	}
	memzero_explicit(&key, sizeof(key));
	return rc;
}

static int sim_link_program_all(struct sim_link_session *s, u8 key_set)
{
	int rc = 0;

	for (u8 dir = IDE_KM_RX; !rc && dir <= IDE_KM_TX; dir++)
		for (u8 sub = 0; !rc && sub < IDE_KM_NR_SUB_STREAMS; sub++)
			rc = sim_link_program(s, key_set, dir, sub);
	return rc;
}

/* K_SET_GO or K_SET_STOP of one direction at the device */
static int sim_link_set(struct sim_link_session *s, u8 object, u8 key_set,
			u8 dir)
{
	int rc = 0;

	for (u8 sub = 0; !rc && sub < IDE_KM_NR_SUB_STREAMS; sub++) {
		struct ide_km_msg req = sim_link_key(s, object, key_set, dir,
						     sub);
		struct ide_km_msg ack;

		rc = sim_link_ide_km(s, &req, IDE_KM_K_GOSTOP_ACK, &ack);
	}
	return rc;
}

/* Receivers first: nothing is sent with a key that the other end cannot use */
static int sim_link_go(struct sim_link_session *s, u8 key_set)
{
	int rc;

	rc = sim_link_set(s, IDE_KM_K_SET_GO, key_set, IDE_KM_RX);
	if (!rc)
		rc = sim_link_port_go(s, key_set);
	if (!rc)
		rc = sim_link_set(s, IDE_KM_K_SET_GO, key_set, IDE_KM_TX);
	return rc;
}

/**
 * sim_link_stop() - stop to use a key set, at both ends
 * @s: session
 * @key_set: key set
 *
 * Senders first. The root port forgets its keys whatever the device does.
 *
 * Return: 0, or an error of sim_link_vendor(): the device keeps some of them.
 */
int sim_link_stop(struct sim_link_session *s, u8 key_set)
{
	int rc;

	rc = sim_link_set(s, IDE_KM_K_SET_STOP, key_set, IDE_KM_TX);
	sim_link_port_stop(s, key_set);
	return rc ?: sim_link_set(s, IDE_KM_K_SET_STOP, key_set, IDE_KM_RX);
}

/* IDE registers of the device, as its config space has them */
static unsigned int sim_link_nr_regs(struct pci_dev *pdev)
{
	size_t size = PCI_IDE_LINK_STREAM_0 - PCI_IDE_CAP +
		      pdev->nr_link_ide * PCI_IDE_LINK_BLOCK_SIZE +
		      pdev->nr_sel_ide *
			      PCI_IDE_SEL_BLOCK_SIZE(pdev->nr_ide_mem);

	return size / sizeof(u32);
}

static int sim_link_check_port(struct sim_link_session *s,
			       const struct ide_km_msg *rsp)
{
	struct pci_dev *pdev = s->pdev;

	if (PCI_DEVID(rsp->bus, rsp->dev_func) != pci_dev_id(pdev) ||
	    rsp->nr_regs != sim_link_nr_regs(pdev))
		return -EBADMSG;

	for (unsigned int i = 0; i < rsp->nr_regs; i++) {
		u32 val;

		pci_read_config_dword(pdev, pdev->ide_cap + PCI_IDE_CAP + 4 * i,
				      &val);
		if (val != get_unaligned_le32(rsp->regs + 4 * i))
			return -EBADMSG;
	}
	return 0;
}

/*
 * Is the port that is being keyed the one whose registers the host programs?
 * The answer comes over the session: who sits on the bus cannot forge it.
 */
static int sim_link_query(struct sim_link_session *s)
{
	struct ide_km_msg req = {
		.object = IDE_KM_QUERY,
		.port_index = SIM_LINK_PORT_INDEX,
	};
	struct ide_km_msg rsp;
	int rc;

	rc = sim_link_ide_km(s, &req, IDE_KM_QUERY_RESP, &rsp);
	if (rc)
		return rc;

	rc = sim_link_check_port(s, &rsp);
	if (rc)
		pci_err(s->pdev, "QUERY: the device's port is not what config space says: %pe\n",
			ERR_PTR(rc));
	return rc;
}

/* IDE */

/* As each end of a stream must have it before keys are programmed */
static int sim_link_set_up_stream(struct sim_link_session *s)
{
	struct pci_dev *port = pcie_find_root_port(s->pdev);
	int rc;

	if (!s->pdev->ide_cap || !port) {
		pci_err(s->pdev, "no IDE on the link: %pe\n", ERR_PTR(-ENXIO));
		return -ENXIO;
	}

	s->ide = pci_ide_stream_alloc(s->pdev);
	if (!s->ide) {
		pci_err(s->pdev, "no memory or no stream left for IDE: %pe\n",
			ERR_PTR(-ENOMEM));
		return -ENOMEM;
	}

	/* Unique where it has to be, below this host bridge */
	s->ide->stream_id = s->ide->host_bridge_stream;
	/* TDISP wants TEE traffic on the default stream (PCIe r6.1 11.3.8) */
	pci_ide_to_settings(s->pdev, s->ide)->default_stream = 1;

	rc = pci_ide_stream_register(s->ide);
	if (rc)
		return rc;

	pci_ide_stream_setup(s->pdev, s->ide);
	pci_ide_stream_setup(port, s->ide);
	return 0;
}

static int sim_link_enable_stream(struct sim_link_session *s)
{
	struct pci_dev *port = pcie_find_root_port(s->pdev);
	int rc;

	rc = pci_ide_stream_enable(s->pdev, s->ide);
	if (!rc)
		rc = pci_ide_stream_enable(port, s->ide);
	if (rc)
		pci_err(s->pdev, "IDE stream %d does not get secure: %pe\n",
			s->ide->stream_id, ERR_PTR(rc));
	return rc;
}

/**
 * sim_link_drop_stream() - give the stream back, at this end of the link
 * @s: session
 */
void sim_link_drop_stream(struct sim_link_session *s)
{
	if (!s->ide)
		return;
	sim_ide_stream_forget(sim_device_port_ide(s->device),
			      s->ide->stream_id);
	pci_ide_stream_release(s->ide);
	s->ide = NULL;
}

/**
 * sim_link_secure() - make the link secure
 * @s: session that is up
 *
 * Return: 0; -ENXIO without IDE, or if the stream does not get secure; -ENOMEM;
 * -EKEYREJECTED if an end refuses a key; -EBADMSG if the port that is keyed is
 * not the one that config space shows; as pci_ide_stream_register() and
 * sim_link_vendor().
 */
int sim_link_secure(struct sim_link_session *s)
{
	int rc;

	rc = sim_link_set_up_stream(s);
	rc = rc ?: sim_link_query(s);
	rc = rc ?: sim_link_program_all(s, s->key_set);
	rc = rc ?: sim_link_go(s, s->key_set);
	rc = rc ?: sim_link_enable_stream(s);
	/* The device agrees that the stream is what the host sees: secure */
	return rc ?: sim_link_query(s);
}

/**
 * sim_link_refresh() - replace the keys in use by fresh ones
 * @s: session of a secure link
 *
 * Return: as sim_link_tsm_refresh().
 */
int sim_link_refresh(struct sim_link_session *s)
{
	u8 old = s->key_set, key_set = !old;
	int rc;

	rc = sim_link_program_all(s, key_set);
	rc = rc ?: sim_link_go(s, key_set);
	if (rc) {
		/* The stream stays with the keys it has */
		sim_link_port_stop(s, key_set);
		return rc;
	}

	/* The old ones are still good for who may have learnt them: no more */
	s->key_set = key_set;
	return sim_link_stop(s, old);
}

/**
 * sim_link_block() - take the stream out of use, without the device
 * @s: session of a secure link
 *
 * The root port stops to send and to accept anything on it. The device sees the
 * stream get insecure, which takes each of its TDIs to ERROR. Only a disconnect
 * and a connect make it secure again.
 */
void sim_link_block(struct sim_link_session *s)
{
	struct pci_dev *port = pcie_find_root_port(s->pdev);

	pci_ide_stream_disable(port, s->ide);
	for (u8 key_set = 0; key_set < SIM_IDE_KEY_SETS; key_set++)
		sim_link_port_stop(s, key_set);
}
