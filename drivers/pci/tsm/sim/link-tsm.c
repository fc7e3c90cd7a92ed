// SPDX-License-Identifier: GPL-2.0-only
/*
 * The platform's link TSM in software: authenticates a device over SPDM, has
 * both ends of its link keyed and the IDE stream enabled (link-ide.c), and
 * assigns its functions to VMs (link-tdi.c).
 *
 * Of the simulated device it sees what any driver sees, config space and DOE
 * objects.
 */
#define dev_fmt(fmt) "tsm-sim: " fmt

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/device/faux.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tsm.h>
#include <linux/wait.h>

#include "link.h"
#include "pki.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* How often who waits for a turn asks whether to go on waiting */
#define SIM_LINK_TURN_MS	50

/* A number for everything that evidence is made of, never the same */
u64 sim_link_next_generation(void)
{
	static atomic64_t generation;

	return atomic64_inc_return(&generation);
}

static void sim_link_trace(void *ctx, const struct spdm_trace *msg)
{
	struct sim_link_session *s = ctx;

	trace_tsm_sim_spdm(s->pdev, msg);
}

/* SPDM */

static int sim_link_may_transfer(struct sim_link_session *s)
{
#ifdef PCI_TSM_OPS_PARALLEL
	return pci_tsm_may_transfer(s->pdev);
#else
	/* Connect and disconnect are all there is, and never wait for a turn */
	return 0;
#endif
}

/**
 * sim_link_begin() - have the session for one exchange
 * @s: session
 * @phase: how the exchange ends before its time
 *
 * An SPDM session is a row of exchanges, whichever function they are about. Who
 * waits for its turn gives up when it would not be allowed to send any more.
 *
 * Return: 0, followed by sim_link_end(); as pci_tsm_may_transfer().
 */
int sim_link_begin(struct sim_link_session *s, enum sim_link_phase phase)
{
	int rc;

	while (!wait_event_timeout(s->turn_wait, mutex_trylock(&s->turn),
				   msecs_to_jiffies(SIM_LINK_TURN_MS))) {
		rc = sim_link_may_transfer(s);
		if (rc)
			return rc;
	}
	s->phase = phase;
	return 0;
}

/**
 * sim_link_end() - undo sim_link_begin()
 * @s: session; nothing that its response points to is valid any more
 */
void sim_link_end(struct sim_link_session *s)
{
	mutex_unlock(&s->turn);
	wake_up(&s->turn_wait);
}

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
 * Was nothing sent, because the conversation was to end before? What can happen
 * to a message on its way has other errors.
 */
static bool sim_link_unsent(int rc)
{
	return rc == -ENODEV || rc == -ENXIO || rc == -EINTR ||
	       rc == -ETIMEDOUT;
}

/*
 * Carry an operation of the requester through, from what its first step
 * returned. @object names what a vendor defined message is about.
 */
static int sim_link_talk(struct sim_link_session *s, int rc, const char *object)
{
	const char *failed = object;
	bool told = false, sent = true;

	lockdep_assert_held(&s->turn);
	/* Not begun: without a record of it, there is no session any more */
	if (rc < 0) {
		if (!spdm_requester_session(&s->requester))
			WRITE_ONCE(s->lost, true);
		return rc;
	}

	while (rc == SPDM_SEND) {
		rc = sim_link_send(s);
		if (rc < 0) {
			failed = object ?: s->io.name;
			told = sim_link_unsent(rc);
			/* The session is not only this operation's */
			if (told)
				spdm_requester_cancel(&s->requester);
			sent = false;
			break;
		}
		rc = spdm_requester_step(&s->requester, rc, &s->io);
		if (rc < 0)
			failed = object ?: s->requester.failed;
	}

	/* Ended by what came, or for ever waiting for what did not come */
	if (rc < 0 && !told &&
	    (!sent || !spdm_requester_session(&s->requester)))
		WRITE_ONCE(s->lost, true);

	/* Who ends a conversation knows why */
	if (told)
		pci_dbg(s->pdev, "%s: told to end: %pe\n", failed,
			ERR_PTR(rc));
	else if (rc < 0)
		pci_err(s->pdev, "conversation failed at %s: %pe\n",
			failed ?: "SPDM", ERR_PTR(rc));
	return rc;
}

/**
 * sim_link_vendor() - one exchange of vendor defined messages
 * @s: session, between sim_link_begin() and sim_link_end()
 * @protocol_id: SPDM_PROTO_IDE_KM or SPDM_PROTO_TDISP
 * @req: what follows the protocol id
 * @req_len: its bytes
 * @name: of the message, for the log
 * @rsp: the answer, valid until the next exchange
 * @rsp_len: its bytes
 *
 * Return: 0; -EIO if the session was lost before; as pci_tsm_doe_transfer() and
 * spdm_requester_step().
 */
int sim_link_vendor(struct sim_link_session *s, u8 protocol_id,
		    const void *req, size_t req_len, const char *name,
		    const void **rsp, size_t *rsp_len)
{
	int rc;

	if (s->lost)
		return -EIO;
	rc = spdm_requester_vendor(&s->requester, protocol_id, req, req_len,
				   &s->io);
	rc = sim_link_talk(s, rc, name);
	return rc ?: spdm_requester_vendor_response(&s->requester, rsp,
						    rsp_len);
}

/**
 * sim_link_measure() - have the device sign its measurements
 * @s: session, between sim_link_begin() and sim_link_end()
 * @nonce: signed along
 *
 * Return: 0 with the MEASUREMENTS response kept in the requester; as
 * sim_link_vendor().
 */
int sim_link_measure(struct sim_link_session *s,
		     const u8 nonce[SPDM_NONCE_SIZE])
{
	if (s->lost)
		return -EIO;
	return sim_link_talk(s, spdm_requester_measure(&s->requester, nonce,
						       &s->io), NULL);
}

static int sim_link_authenticate(struct sim_link_session *s)
{
	int rc;

	rc = sim_link_begin(s, SIM_LINK_TALKING);
	if (rc)
		return rc;
	rc = sim_link_talk(s, spdm_requester_connect(&s->requester, &s->io),
			   NULL);
	sim_link_end(s);
	return rc;
}

/*
 * Let the device forget the session: by its regular end, else by a GET_VERSION,
 * which ends all sessions and needs no keys. What the device makes of it does
 * not matter any more.
 */
static void sim_link_end_session(struct sim_link_session *s)
{
	int rc;

	/* Nobody else is there any more, and so there is nothing to wait for */
	mutex_lock(&s->turn);
	s->phase = SIM_LINK_LEAVING;
	if (spdm_requester_session(&s->requester)) {
		rc = spdm_requester_end(&s->requester, &s->io);
		if (rc == SPDM_SEND && !sim_link_talk(s, rc, NULL))
			s->half_open = false;
	}
	if (s->half_open &&
	    spdm_requester_connect(&s->requester, &s->io) == SPDM_SEND)
		sim_link_send(s);
	spdm_requester_wipe(&s->requester);
	sim_link_end(s);
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

	s->leaving = true;
#ifdef PCI_TSM_OPS_PARALLEL
	pci_tsm_unwind(s->pdev);
#endif
	sim_link_end_session(s);
	sim_link_drop_stream(s);
	mutex_destroy(&s->turn);
	kvfree(s->transcript);
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

	mutex_init(&s->turn);
	init_waitqueue_head(&s->turn_wait);
	s->pdev = pdev;
	s->device = sim_device_from_pdev(pdev);
	s->generation = sim_link_next_generation();
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
	s->leaving = true;
	sim_link_tdis_drop(to_sim_link_tsm(pdev->tsm->tsm_dev), s);
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

static const struct pci_tsm_ops sim_link_ops = {
	.link_ops = {
		.probe = sim_link_probe,
		.remove = sim_link_remove,
		.connect = sim_link_connect,
		.disconnect = sim_link_disconnect,
	},
};

#ifdef PCI_TSM_OPS_PARALLEL
static int sim_link_converse_refresh(struct pci_dev *pdev)
{
	/* A TSM of real hardware may want to try its luck with the device */
	if (pdev->tsm->tsm_dev->pci_ops->link_ops.connect != sim_link_connect)
		return -ENOTCONN;
	return sim_link_refresh(to_sim_link(pdev->tsm)->session);
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
 * not know of conversations besides connect and disconnect; -EIO if the session
 * was lost before; as pci_tsm_converse(), pci_tsm_doe_transfer() and
 * spdm_requester_step(); -EKEYREJECTED if the device refuses a key. After an
 * error the old keys stay in use, unless the conversation broke off after the
 * first K_SET_GO.
 */
int sim_link_tsm_refresh(struct sim_device *d)
{
#ifdef PCI_TSM_OPS_PARALLEL
	struct pci_dev *pdev __free(pci_dev_put) = NULL;

	scoped_guard(mutex, &d->platform->lock)
		if (d->platform->live)
			pdev = sim_device_get_pf0(d);
	return pdev ? pci_tsm_converse(pdev, sim_link_converse_refresh) :
		      -ENOTCONN;
#else
	return -EOPNOTSUPP;
#endif
}

/* TSMs */

struct sim_link_tsm *to_sim_link_tsm(struct tsm_dev *tsm_dev)
{
	/* Not const in the memory that it is in */
	return container_of((struct pci_tsm_ops *)tsm_dev->pci_ops,
			    struct sim_link_tsm, ops);
}

static void sim_link_tsm_free(struct kref *ref)
{
	struct sim_link_tsm *tsm = container_of(ref, struct sim_link_tsm, ref);

	WARN_ON(!list_empty(&tsm->tdis));
	mutex_destroy(&tsm->lock);
	kfree(tsm);
}

void sim_link_tsm_get(struct sim_link_tsm *tsm)
{
	kref_get(&tsm->ref);
}

void sim_link_tsm_put(struct sim_link_tsm *tsm)
{
	kref_put(&tsm->ref, sim_link_tsm_free);
}

/* What its platform wants a TSM to be */
static struct sim_link_tsm *sim_link_tsm_alloc(struct sim_platform *p)
{
	struct sim_link_tsm *tsm = kzalloc_obj(*tsm);

	if (!tsm)
		return NULL;
	kref_init(&tsm->ref);
	mutex_init(&tsm->lock);
	INIT_LIST_HEAD(&tsm->tdis);
	tsm->ops = sim_link_ops;
#ifdef PCI_TSM_OPS_PARALLEL
	/* Nothing here needs to be called for one device at a time */
	if (p->parallel)
		tsm->ops.flags = PCI_TSM_OPS_PARALLEL;
	if (p->op_mask)
		tsm->ops.tdi_ops = sim_link_tdi_ops_init(tsm, p);
#endif
	return tsm;
}

/**
 * sim_link_tsm_register() - register the link TSM of a platform
 * @p: platform whose bus is there
 *
 * Context: under sim_platform::lock.
 * Return: 0 with sim_platform::tsm_dev set; -ENOMEM; what tsm_register() returns.
 */
int sim_link_tsm_register(struct sim_platform *p)
{
	struct sim_link_tsm *tsm = sim_link_tsm_alloc(p);
	struct tsm_dev *tsm_dev;

	if (!tsm)
		return -ENOMEM;
	tsm_dev = tsm_register(&p->faux->dev, &tsm->ops);
	if (IS_ERR(tsm_dev)) {
		sim_link_tsm_put(tsm);
		return PTR_ERR(tsm_dev);
	}
	p->tsm_dev = tsm_dev;
	return 0;
}

/**
 * sim_link_tsm_unregister() - undo sim_link_tsm_register()
 * @p: platform
 *
 * Connected devices are disconnected, their TDIs torn down.
 *
 * Context: under sim_platform::lock.
 */
void sim_link_tsm_unregister(struct sim_platform *p)
{
	struct sim_link_tsm *tsm = to_sim_link_tsm(p->tsm_dev);

	tsm_unregister(p->tsm_dev);
	p->tsm_dev = NULL;
	sim_link_tsm_put(tsm);
}

MODULE_IMPORT_NS("TSM_SPDM");
