// SPDX-License-Identifier: GPL-2.0-only
/*
 * The platform's link TSM in software: authenticates a device over SPDM, keys
 * both ends of its link over IDE_KM, and enables the IDE stream.
 *
 * Of the simulated device it sees what any driver sees, config space and DOE
 * objects. The one exception is the root port's keys: no standard says how a
 * TSM gets them there, so there is a call.
 */
#define dev_fmt(fmt) "tsm-sim: " fmt

#include <linux/cleanup.h>
#include <linux/device/faux.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>
#include <linux/pci-tsm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tsm.h>
#include <linux/unaligned.h>

#include "../spdm/ide-km.h"
#include "../spdm/spdm.h"
#include "pki.h"
#include "sim.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* Enough for three certificates of a kind that devices have */
#define SIM_LINK_CHAIN_BYTES		8192
#define SIM_LINK_MEASUREMENTS_BYTES	1024

/* The device's port that faces the root port */
#define SIM_LINK_PORT_INDEX		0

/* The longest object that is sent, KEY_PROG */
#define SIM_LINK_IDE_KM_BYTES		64

/**
 * enum sim_link_phase - how a conversation ends before its time
 * @SIM_LINK_TALKING: a killed writer ends it
 * @SIM_LINK_LEAVING: taking back what was done, whoever waits for it
 */
enum sim_link_phase {
	SIM_LINK_TALKING,
	SIM_LINK_LEAVING,
};

/**
 * struct sim_link_session - a conversation with a device and its results
 * @pdev: PF0
 * @device: for the keys of the root port, and for nothing else
 * @phase: see enum sim_link_phase
 * @half_open: the device may have a session that the requester cannot end,
 *	       because it does not share its keys, yet or any more
 * @key_set: the one in use
 * @ide: the stream, or NULL
 * @io: what the requester wants to be sent
 * @requester: this end of the SPDM session
 * @identity: CMA subject name that fits what config space says of the device
 * @chain: the device's certificates
 * @measurements: the device's signed measurements
 */
struct sim_link_session {
	struct pci_dev *pdev;
	struct sim_device *device;
	enum sim_link_phase phase;
	bool half_open;
	u8 key_set;
	struct pci_ide *ide;
	struct spdm_io io;
	struct spdm_requester requester;
	char identity[80];
	u8 chain[SIM_LINK_CHAIN_BYTES];
	u8 measurements[SIM_LINK_MEASUREMENTS_BYTES];
};

/**
 * struct sim_link - context of a device that a TSM manages
 * @pf0: the core's part; its lock serialises the conversations
 * @session: while connected (pf0.lock)
 */
struct sim_link {
	struct pci_tsm_pf0 pf0;
	struct sim_link_session *session;
};

static struct sim_link *to_sim_link(struct pci_tsm *tsm)
{
	return container_of(tsm, struct sim_link, pf0.base_tsm);
}

static void sim_link_trace(void *ctx, const struct spdm_trace *msg)
{
	struct sim_link_session *s = ctx;

	trace_tsm_sim_spdm(s->pdev, msg);
}

/* SPDM */

static int sim_link_wait(struct sim_link_session *s)
{
	unsigned long timeout = msecs_to_jiffies(s->io.delay_ms);

	if (s->phase == SIM_LINK_LEAVING)
		schedule_timeout_uninterruptible(timeout);
	else
		schedule_timeout_killable(timeout);
	return s->phase == SIM_LINK_TALKING && fatal_signal_pending(current) ?
	       -EINTR : 0;
}

static int sim_link_send(struct sim_link_session *s)
{
	const struct spdm_hdr *hdr = s->io.req;
	int rc;

	if (s->io.delay_ms) {
		rc = sim_link_wait(s);
		if (rc)
			return rc;
	}

	/* What GET_VERSION ends at the device, and KEY_EXCHANGE begins */
	if (s->io.doe_type == SPDM_DOE_CMA && hdr->code == SPDM_KEY_EXCHANGE)
		s->half_open = true;

	return pci_tsm_doe_transfer(s->pdev, s->io.doe_type, s->io.req,
				    s->io.req_len, s->io.rsp, s->io.rsp_size);
}

/*
 * Carry an operation of the requester through, from what its first step
 * returned. @object names what a vendor defined message is about.
 */
static int sim_link_talk(struct sim_link_session *s, int rc, const char *object)
{
	const char *failed = object;

	/* Not begun: the conversation ended before, and that was told */
	if (rc < 0)
		return rc;

	while (rc == SPDM_SEND) {
		rc = sim_link_send(s);
		if (rc < 0) {
			failed = object ?: s->io.name;
			break;
		}
		rc = spdm_requester_step(&s->requester, rc, &s->io);
		if (rc < 0)
			failed = object ?: s->requester.failed;
	}

	/* Nobody needs to know more of a device that is being pulled out */
	if (rc == -ENODEV)
		pci_dbg(s->pdev, "%s: device is gone\n", failed);
	else if (rc < 0)
		pci_err(s->pdev, "conversation failed at %s: %pe\n",
			failed ?: "SPDM", ERR_PTR(rc));
	return rc;
}

static int sim_link_authenticate(struct sim_link_session *s)
{
	return sim_link_talk(s, spdm_requester_connect(&s->requester, &s->io),
			     NULL);
}

/*
 * Let the device forget the session: by its regular end, else by a GET_VERSION,
 * which ends all sessions and needs no keys. What the device makes of it does
 * not matter any more.
 */
static void sim_link_end_session(struct sim_link_session *s)
{
	int rc;

	if (spdm_requester_session(&s->requester)) {
		rc = spdm_requester_end(&s->requester, &s->io);
		if (rc == SPDM_SEND && !sim_link_talk(s, rc, NULL))
			s->half_open = false;
	}
	if (s->half_open &&
	    spdm_requester_connect(&s->requester, &s->io) == SPDM_SEND)
		sim_link_send(s);
	spdm_requester_wipe(&s->requester);
}

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

/* One exchange; the registers of a QUERY_RESP are valid until the next one */
static int sim_link_ide_km(struct sim_link_session *s,
			   const struct ide_km_msg *req, u8 object,
			   struct ide_km_msg *rsp)
{
	const char *name = ide_km_object_name(req->object);
	u8 buf[SIM_LINK_IDE_KM_BYTES];
	const void *payload;
	size_t len;
	int rc;

	rc = ide_km_encode(req, buf, sizeof(buf));
	if (rc < 0)
		return rc;
	rc = sim_link_talk(s, spdm_requester_vendor(&s->requester,
						    SPDM_PROTO_IDE_KM, buf, rc,
						    &s->io), name);
	memzero_explicit(buf, sizeof(buf));
	if (rc)
		return rc;

	rc = spdm_requester_vendor_response(&s->requester, &payload, &len);
	if (!rc)
		rc = ide_km_parse(payload, len, rsp);
	if (!rc && !sim_link_is_answer(req, rsp, object))
		rc = -EBADMSG;
	if (rc)
		pci_err(s->pdev, "%s: unfit answer: %pe\n", name, ERR_PTR(rc));
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

/* Senders first; the root port forgets its keys whatever the device does */
static int sim_link_stop(struct sim_link_session *s, u8 key_set)
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

static void sim_link_drop_stream(struct sim_link_session *s)
{
	if (!s->ide)
		return;
	sim_ide_stream_forget(sim_device_port_ide(s->device),
			      s->ide->stream_id);
	pci_ide_stream_release(s->ide);
	s->ide = NULL;
}

static int sim_link_secure(struct sim_link_session *s)
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

/* Sessions */

/* What the leaf certificate of this function must say (PCIe r6.1 6.31.3) */
static void sim_link_identity(struct pci_dev *pdev, char *buf, size_t size)
{
	snprintf(buf, size,
		 "Vendor=%04x:Device=%04x:CC=%06x:REV=%02x:SSVID=%04x:SSID=%04x",
		 pdev->vendor, pdev->device, pdev->class, pdev->revision,
		 pdev->subsystem_vendor, pdev->subsystem_device);
}

/* Back to where there was nothing: at the device if it listens, here always */
static void sim_link_session_close(struct sim_link_session *s)
{
	if (!s)
		return;

	s->phase = SIM_LINK_LEAVING;
#ifdef PCI_TSM_OPS_PARALLEL
	pci_tsm_unwind(s->pdev);
#endif
	sim_link_end_session(s);
	sim_link_drop_stream(s);
	kvfree_sensitive(s, sizeof(*s));
}

DEFINE_FREE(sim_link_session, struct sim_link_session *,
	    sim_link_session_close(_T))

static int sim_link_session_init(struct sim_link_session *s,
				 struct pci_dev *pdev)
{
	struct spdm_requester_config cfg = {
		.crypto = &spdm_kernel_crypto,
		.root_hash = sim_pki_root_hash,
		.identity = s->identity,
		.chain_buf = s->chain,
		.chain_size = sizeof(s->chain),
		.meas_buf = s->measurements,
		.meas_size = sizeof(s->measurements),
		.trace = sim_link_trace,
		.trace_ctx = s,
	};

	s->pdev = pdev;
	s->device = sim_device_from_pdev(pdev);
	sim_link_identity(s->pdev, s->identity, sizeof(s->identity));
	return spdm_requester_init(&s->requester, &cfg);
}

static int sim_link_connect(struct pci_dev *pdev)
{
	struct sim_link *link = to_sim_link(pdev->tsm);
	int rc;

	struct sim_link_session *s __free(sim_link_session) =
		kvzalloc_obj(*s);
	if (!s)
		return -ENOMEM;

	rc = sim_link_session_init(s, pdev);
	rc = rc ?: sim_link_authenticate(s);
	rc = rc ?: sim_link_secure(s);
	if (rc)
		return rc;

	link->session = no_free_ptr(s);
	return 0;
}

static void sim_link_disconnect(struct pci_dev *pdev)
{
	struct sim_link *link = to_sim_link(pdev->tsm);
	struct sim_link_session *s = link->session;

	link->session = NULL;
	s->phase = SIM_LINK_LEAVING;
	sim_link_stop(s, s->key_set);
	sim_link_session_close(s);
}

/* Contexts */

static struct pci_tsm *sim_link_probe_pf0(struct tsm_dev *tsm_dev,
					  struct pci_dev *pdev)
{
	/* There is no way to say that memory is short: it would be -ENXIO */
	struct sim_link *link __free(kfree) =
		kzalloc_obj(*link, GFP_KERNEL | __GFP_NOFAIL);

	if (pci_tsm_pf0_constructor(pdev, &link->pf0, tsm_dev))
		return NULL;
	return &no_free_ptr(link)->pf0.base_tsm;
}

static struct pci_tsm *sim_link_probe_function(struct tsm_dev *tsm_dev,
					       struct pci_dev *pdev)
{
	struct pci_tsm *tsm __free(kfree) = kzalloc_obj(*tsm);

	if (!tsm || pci_tsm_link_constructor(pdev, tsm, tsm_dev))
		return NULL;
	return no_free_ptr(tsm);
}

/* Devices of other platforms have TSMs of their own */
static struct pci_tsm *sim_link_probe(struct tsm_dev *tsm_dev,
				      struct pci_dev *pdev)
{
	struct sim_device *d = sim_device_from_pdev(pdev);

	if (!d || tsm_dev->dev.parent != &d->platform->faux->dev)
		return NULL;
	if (is_pci_tsm_pf0(pdev))
		return sim_link_probe_pf0(tsm_dev, pdev);
	return sim_link_probe_function(tsm_dev, pdev);
}

static void sim_link_remove(struct pci_tsm *tsm)
{
	struct sim_link *link;

	if (!is_pci_tsm_pf0(tsm->pdev)) {
		kfree(tsm);
		return;
	}

	link = to_sim_link(tsm);
	pci_tsm_pf0_destructor(&link->pf0);
	kfree(link);
}

#define SIM_LINK_OPS							\
	.link_ops = {							\
		.probe = sim_link_probe,				\
		.remove = sim_link_remove,				\
		.connect = sim_link_connect,				\
		.disconnect = sim_link_disconnect,			\
	}

#ifdef PCI_TSM_OPS_PARALLEL
static struct pci_tsm_ops sim_link_parallel_ops = {
	.flags = PCI_TSM_OPS_PARALLEL,
	SIM_LINK_OPS,
};
#endif

/* Nothing here needs it: as a driver that can do one thing at a time has it */
static struct pci_tsm_ops sim_link_serial_ops = {
	SIM_LINK_OPS,
};

static struct pci_tsm_ops *sim_link_ops(struct sim_platform *p)
{
#ifdef PCI_TSM_OPS_PARALLEL
	if (p->parallel)
		return &sim_link_parallel_ops;
#endif
	return &sim_link_serial_ops;
}

#ifdef PCI_TSM_OPS_PARALLEL
static int sim_link_refresh(struct pci_dev *pdev)
{
	struct sim_link_session *s;
	u8 key_set, old;
	int rc;

	/* A TSM of real hardware may want to try its luck with the device */
	if (pdev->tsm->tsm_dev->pci_ops->probe != sim_link_probe)
		return -ENOTCONN;

	s = to_sim_link(pdev->tsm)->session;
	old = s->key_set;
	key_set = !old;
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
#endif

/**
 * sim_link_tsm_refresh() - replace the keys of a device's link by fresh ones
 * @d: device
 *
 * The other key set is programmed at both ends and taken into use, then both
 * ends forget the former one; the stream is secure all the time (PCIe r6.1
 * section 6.33.3).
 *
 * Context: may sleep; killable. Excludes connect and disconnect of the device.
 *
 * Return: 0; -ENOTCONN if @d is not connected; -EOPNOTSUPP if the TSM core does
 * not know of conversations besides connect and disconnect; as
 * pci_tsm_converse(), pci_tsm_doe_transfer() and spdm_requester_step();
 * -EKEYREJECTED if the device refuses a key; -EBUSY or -ENOTCONN if an earlier
 * refresh broke off and left a session of no use. After an error the old keys
 * stay in use, unless the conversation broke off after the first K_SET_GO.
 */
int sim_link_tsm_refresh(struct sim_device *d)
{
#ifdef PCI_TSM_OPS_PARALLEL
	struct pci_dev *pdev __free(pci_dev_put) = NULL;

	scoped_guard(mutex, &d->platform->lock)
		if (d->platform->live)
			pdev = sim_device_get_pf0(d);
	return pdev ? pci_tsm_converse(pdev, sim_link_refresh) : -ENOTCONN;
#else
	return -EOPNOTSUPP;
#endif
}

/**
 * sim_link_tsm_register() - register the link TSM of a platform
 * @p: platform whose bus is there
 *
 * Context: under sim_platform::lock.
 * Return: 0 with sim_platform::tsm_dev set, or what tsm_register() returns.
 */
int sim_link_tsm_register(struct sim_platform *p)
{
	struct tsm_dev *tsm_dev = tsm_register(&p->faux->dev, sim_link_ops(p));

	if (IS_ERR(tsm_dev))
		return PTR_ERR(tsm_dev);
	p->tsm_dev = tsm_dev;
	return 0;
}

/**
 * sim_link_tsm_unregister() - undo sim_link_tsm_register()
 * @p: platform
 *
 * Connected devices are disconnected.
 *
 * Context: under sim_platform::lock.
 */
void sim_link_tsm_unregister(struct sim_platform *p)
{
	tsm_unregister(p->tsm_dev);
	p->tsm_dev = NULL;
}

MODULE_IMPORT_NS("TSM_SPDM");
