// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to a DSM: the one way for TSM drivers to send them, and the place
 * where a conversation is told to end.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/pci-doe.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "tdi.h"
#include "trace.h"

/* The jiffies after which what begins now has no more time */
unsigned long tsm_deadline(unsigned int ms)
{
	KUNIT_STATIC_STUB_REDIRECT(tsm_deadline, ms);

	return jiffies + msecs_to_jiffies(ms);
}
EXPORT_SYMBOL_IF_KUNIT(tsm_deadline);

/**
 * tsm_session_may_send() - may a conversation go on with one more message?
 * @s: the session
 * @now: jiffies
 * @killed: a fatal signal is pending for the thread that talks
 *
 * Context: Holds tsm_lock.
 *
 * Return: 0, or the errno with which the conversation ends, see
 * pci_tsm_doe_transfer().
 */
int tsm_session_may_send(const struct tsm_session *s, unsigned long now,
			 bool killed)
{
	/* a device that is gone, or will be, is left alone in every state */
	if (s->cut == -ENODEV)
		return -ENODEV;

	if (s->state == TSM_SESSION_CONNECTING && s->cut)
		return s->cut;

	/* taking back what was done goes on without its user */
	if (killed && (s->state == TSM_SESSION_CONNECTING ||
		       s->state == TSM_SESSION_CONNECTED))
		return -EINTR;

	if (time_after(now, s->deadline))
		return -ETIMEDOUT;

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_session_may_send);

/**
 * tsm_conversation_may_send() - may an operation on a TDI send a message?
 * @s: session of the TDI
 * @c: the operation
 * @now: jiffies
 * @killed: a fatal signal is pending for the thread that talks
 *
 * Context: Holds tsm_lock.
 *
 * Return: 0, or the errno with which the operation ends, see
 * pci_tsm_doe_transfer().
 */
int tsm_conversation_may_send(const struct tsm_session *s,
			      const struct tsm_conversation *c,
			      unsigned long now, bool killed)
{
	/* a device that is gone, or will be, is left alone */
	if (s->cut == -ENODEV)
		return c->teardown ? -ENODEV : -ENXIO;

	if (!c->teardown) {
		if (c->tdi->cut || c->tdi->stops)
			return -ENXIO;
		if (killed)
			return -EINTR;
	}

	/* a teardown that began before this may have more time of its own */
	if (c->tdi->cut && time_after(now, c->tdi->cut_by))
		return -ETIMEDOUT;

	return time_after(now, c->deadline) ? -ETIMEDOUT : 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_conversation_may_send);

/**
 * pci_tsm_converse() - talk to a connected DSM on a TSM driver's own account
 * @pdev: device that hosts the DSM
 * @talk: called with @pdev; sends its messages by pci_tsm_doe_transfer()
 *
 * For what a driver does with a device between connect and disconnect, such
 * as new keys for its IDE stream.
 *
 * Context: May sleep; killable. Not from an operation of the TSM on @pdev.
 *
 * Return:
 * * %-ENOTCONN		- not connected, or @pdev hosts no DSM
 * * %-ENXIO		- the connection ends before it was this one's turn
 * * %-EINTR		- killed while waiting for another operation
 * * others		- of @talk, or of the device's power-up
 */
int pci_tsm_converse(struct pci_dev *pdev, int (*talk)(struct pci_dev *pdev))
{
	struct tsm_session *s = tsm_session_get(pdev);
	int rc;

	if (!s)
		return -ENOTCONN;

	/* a function that the DSM of another one manages */
	rc = -ENOTCONN;
	if (pdev != s->dsm)
		goto out_session;

	rc = tsm_power_get(pdev);
	if (rc)
		goto out_session;

	rc = tsm_ops_lock_killable(s->link);
	if (rc)
		goto out_power;

	rc = mutex_lock_killable(&to_pci_tsm_pf0(pdev->tsm)->lock);
	if (!rc) {
		/* a teardown that waits for this has a time of its own */
		scoped_guard(mutex, &tsm_lock) {
			if (s->state == TSM_SESSION_CONNECTED)
				s->deadline = tsm_deadline(TSM_CONVERSATION_MS);
			else
				rc = -ENXIO;
		}
		rc = rc ?: talk(pdev);
		mutex_unlock(&to_pci_tsm_pf0(pdev->tsm)->lock);
	}
	tsm_ops_unlock(s->link);

out_power:
	tsm_power_put(pdev);
out_session:
	tsm_session_put(s);
	return rc;
}
EXPORT_SYMBOL_GPL(pci_tsm_converse);

/* The operation on a TDI that this thread is in, or NULL: it is the session's */
static struct tsm_conversation *tsm_conversation_of(struct tsm_session *s)
{
	struct tsm_conversation *c;

	list_for_each_entry(c, &s->conversations, node) {
		if (c->task == current)
			return c;
	}

	return NULL;
}

static struct pci_doe_mb *tsm_doe_mailbox(struct pci_dev *pdev)
{
	bool killed = fatal_signal_pending(current);
	struct tsm_conversation *c;
	struct tsm_session *s;
	int rc;

	guard(mutex)(&tsm_lock);
	s = tsm_session_lookup(pdev);
	if (!s || !pdev->tsm)
		return ERR_PTR(-ENXIO);

	c = tsm_conversation_of(s);
	rc = c ? tsm_conversation_may_send(s, c, jiffies, killed) :
		 tsm_session_may_send(s, jiffies, killed);
	if (rc)
		return ERR_PTR(rc);

	return to_pci_tsm_pf0(pdev->tsm)->doe_mb ?: ERR_PTR(-ENXIO);
}

/**
 * pci_tsm_may_transfer() - would a message be sent?
 * @pdev: device that hosts the DSM
 *
 * For a driver whose operations on several TDIs of a DSM share one conversation
 * with it. Who waits for its turn asks this from time to time, in place of
 * waiting longer than it may.
 *
 * Context: A TSM driver's operation on @pdev. May sleep, only for a moment.
 *
 * Return: 0, or the error of pci_tsm_doe_transfer() with which the operation
 * ends
 */
int pci_tsm_may_transfer(struct pci_dev *pdev)
{
	return PTR_ERR_OR_ZERO(tsm_doe_mailbox(pdev));
}
EXPORT_SYMBOL_GPL(pci_tsm_may_transfer);

/**
 * pci_tsm_doe_transfer() - exchange one message with a DSM
 * @pdev: device that hosts the DSM
 * @type: DOE data object type: %PCI_DOE_FEATURE_CMA or
 *	  %PCI_DOE_FEATURE_SSESSION
 * @req: request
 * @req_sz: bytes at @req
 * @resp: where the response goes
 * @resp_sz: bytes that fit there; what exceeds them is lost
 *
 * This is also where a conversation is told to end. A driver passes the errno
 * on, after it has released what it holds.
 *
 * Context: A TSM driver's operation on @pdev. Sleeps, at most for the second
 * that a DOE response may take (PCIe r7.0 section 6.30.2).
 *
 * Return:
 * * bytes received	- in whole dwords if fewer than @resp_sz
 * * %-ENODEV		- the device is being removed, in connect or a teardown
 * * %-ENXIO		- the TSM is being unregistered, the TDI is about to be
 *			  torn down, be it for the removal of the device, or
 *			  @pdev is not in an operation of its TSM
 * * %-EINTR		- the user who waits for connect, or for an operation on
 *			  a TDI, was killed
 * * %-ETIMEDOUT	- the conversation or teardown exceeded its time
 * * %-EIO		- no answer within a second, or a DOE error
 * * %-EBUSY		- another system, or firmware, is in the midst of using
 *			  the mailbox
 * * %-EOPNOTSUPP	- the mailbox does not take @type
 */
int pci_tsm_doe_transfer(struct pci_dev *pdev, u8 type, const void *req,
			 size_t req_sz, void *resp, size_t resp_sz)
{
	struct pci_doe_mb *doe_mb = tsm_doe_mailbox(pdev);
	ktime_t start = ktime_get();
	int rc;

	if (IS_ERR(doe_mb))
		return PTR_ERR(doe_mb);

	rc = pci_doe(doe_mb, PCI_VENDOR_ID_PCI_SIG, type, req, req_sz, resp,
		     resp_sz);
	/* nothing that the caller gave: what the device's discovery told */
	if (rc == -EINVAL)
		rc = -EOPNOTSUPP;
	trace_tsm_doe(pdev, type, req_sz, rc,
		      ktime_us_delta(ktime_get(), start));

	return rc;
}
EXPORT_SYMBOL_GPL(pci_tsm_doe_transfer);
