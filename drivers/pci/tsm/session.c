// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: connect and disconnect, and which DSM manages a function.
 *
 * A session is a state machine whose transitions are made under tsm_lock and
 * whose work is done outside of it, by the one thread that made the
 * transition. So no lock is held across a conversation but those of the one
 * DSM that the conversation is with.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/export.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "devsec.h"
#include "tdi.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* DSM's struct pci_dev -> struct tsm_session; changed under tsm_lock */
static DEFINE_XARRAY(tsm_sessions);

bool tsm_sleeping;

/* The session of a DSM in whatever state, or NULL. */
struct tsm_session *tsm_session_lookup(struct pci_dev *dsm)
{
	KUNIT_STATIC_STUB_REDIRECT(tsm_session_lookup, dsm);

	lockdep_assert_held(&tsm_lock);
	return xa_load(&tsm_sessions, tsm_key(dsm));
}
EXPORT_SYMBOL_IF_KUNIT(tsm_session_lookup);

/* Is any device connected, or about to be? Most of the time there is none. */
bool tsm_session_any(void)
{
	lockdep_assert_held(&tsm_lock);
	return !xa_empty(&tsm_sessions);
}

/* Physical function 0 of the device that @pdev is a function of */
static struct pci_dev *pf0_dev_get(struct pci_dev *pdev)
{
	struct pci_dev *pf = pci_physfn(pdev);

	if (PCI_FUNC(pf->devfn) == 0)
		return pci_dev_get(pf);

	return pci_get_slot(pf->bus, PCI_DEVFN(PCI_SLOT(pf->devfn), 0));
}

/**
 * tsm_find_dsm() - find the device that hosts the DSM of a function
 * @pdev: any PCI device
 *
 * A function that could host a DSM is its own (PCIe r7.0 section 11: physical
 * function 0 of an endpoint, or an upstream switch port). For any other, a
 * connected function 0 of the same device comes first, then the upstream port
 * of the switch that the device hangs directly below.
 *
 * Context: Holds tsm_lock.
 *
 * Return: The DSM's device or NULL. No reference is taken: it is @pdev itself
 * or a device with a session, and stays as long as that session.
 */
struct pci_dev *tsm_find_dsm(struct pci_dev *pdev)
{
	struct device *port = pdev->dev.parent;
	struct pci_dev *uport;

	lockdep_assert_held(&tsm_lock);

	if (is_pci_tsm_pf0(pdev))
		return pdev;

	struct pci_dev *pf0 __free(pci_dev_put) = pf0_dev_get(pdev);
	if (!pf0)
		return NULL;

	if (tsm_session_lookup(pf0))
		return pf0;

	if (!port || !port->parent || !dev_is_pci(port->parent))
		return NULL;

	uport = to_pci_dev(port->parent);
	if (!pci_is_pcie(uport) ||
	    pci_pcie_type(uport) != PCI_EXP_TYPE_UPSTREAM)
		return NULL;

	return tsm_session_lookup(uport) ? uport : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_find_dsm);

/* Every legal transition; everything else is a bug of this file. */
bool tsm_session_may_follow(enum tsm_session_state from,
			    enum tsm_session_state to)
{
	switch (to) {
	case TSM_SESSION_CONNECTING:
		return from == TSM_SESSION_NONE;
	case TSM_SESSION_CONNECTED:
		return from == TSM_SESSION_CONNECTING;
	case TSM_SESSION_UNWINDING:
		return from == TSM_SESSION_CONNECTING;
	case TSM_SESSION_DISCONNECTING:
		return from == TSM_SESSION_CONNECTED ||
		       from == TSM_SESSION_CONNECTING;
	case TSM_SESSION_NONE:
		return from == TSM_SESSION_CONNECTING ||
		       from == TSM_SESSION_UNWINDING ||
		       from == TSM_SESSION_DISCONNECTING;
	}

	return false;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_session_may_follow);

static void tsm_session_set_state(struct tsm_session *s,
				  enum tsm_session_state state)
{
	lockdep_assert_held(&tsm_lock);

	pci_WARN_ONCE(s->dsm, !tsm_session_may_follow(s->state, state),
		      "session state %d -> %d\n", s->state, state);
	trace_tsm_session_state(s->dsm, s->link->tsm_dev, s->state, state);
	s->state = state;
}

/* The state in which nothing but its owner's teardown uses the session */
static void tsm_session_start_teardown(struct tsm_session *s)
{
	tsm_session_set_state(s, TSM_SESSION_DISCONNECTING);
	s->deadline = tsm_deadline(TSM_TEARDOWN_MS);
	s->link->users++;
	tsm_session_cut_tdis(s);
}

/* The session that manages @pdev, if it is connected, or NULL */
struct tsm_session *tsm_session_of(struct pci_dev *pdev)
{
	struct tsm_session *s;

	lockdep_assert_held(&tsm_lock);
	if (!pdev->tsm)
		return NULL;

	s = tsm_session_lookup(pdev->tsm->dsm_dev);
	return s && s->state == TSM_SESSION_CONNECTED ? s : NULL;
}

/*
 * Keep the session that manages @pdev connected for an operation, or return
 * NULL. Disconnect waits for tsm_session_put().
 */
struct tsm_session *tsm_session_get(struct pci_dev *pdev)
{
	struct tsm_session *s;

	guard(mutex)(&tsm_lock);
	s = tsm_session_of(pdev);
	if (s)
		s->users++;

	return s;
}

void tsm_session_put(struct tsm_session *s)
{
	guard(mutex)(&tsm_lock);
	if (!--s->users)
		wake_up_all(&tsm_wait);
}

/* --- connect and disconnect --------------------------------------------- */

/*
 * Power: the root port stays up as long as its device is connected, since
 * link and device would lose keys and session below a port in D3. The device
 * itself is kept in D0 only while a conversation runs or one of its TDIs is
 * locked, so that a driver such as vfio-pci can let it sleep in between.
 */
int tsm_power_get(struct pci_dev *pdev)
{
	int rc = pm_runtime_resume_and_get(&pdev->dev);

	switch (rc) {
	case -EACCES:
		/* it has just arrived, or is about to leave: no runtime PM */
		return -ENXIO;
	case -EINVAL:
		/* a change of its power failed before, and nobody mended that */
		return -EIO;
	default:
		return rc;
	}
}

void tsm_power_put(struct pci_dev *pdev)
{
	pm_runtime_put(&pdev->dev);
}

static int tsm_port_power_get(struct pci_dev *pdev)
{
	struct pci_dev *port = pcie_find_root_port(pdev);

	return port ? tsm_power_get(port) : 0;
}

static void tsm_port_power_put(struct pci_dev *pdev)
{
	struct pci_dev *port = pcie_find_root_port(pdev);

	if (port)
		pm_runtime_put(&port->dev);
}

/* The last step of a session; its memory may be gone when this returns. */
static void tsm_session_end(struct tsm_session *s)
{
	struct tsm_link *link = s->link;

	scoped_guard(mutex, &tsm_lock) {
		tsm_session_set_state(s, TSM_SESSION_NONE);
		xa_erase(&tsm_sessions, tsm_key(s->dsm));
		tsm_link_put(link);
		wake_up_all(&tsm_wait);
	}

	pci_dev_put(s->dsm);
	kfree(s);
}

/* Make the session that tsm_session_connect() is going to establish. */
static struct tsm_session *tsm_session_begin(struct pci_dev *pdev, int tsm_id)
{
	struct tsm_session *s __free(kfree) = kzalloc_obj(*s);
	int rc;

	if (!s)
		return ERR_PTR(-ENOMEM);

	guard(mutex)(&tsm_lock);
	if (pdev->tsm || tsm_session_lookup(pdev) || tsm_sleeping)
		return ERR_PTR(-EBUSY);
	/* this is the VM that it belongs to */
	if (pci_devsec_locked(pdev))
		return ERR_PTR(-EBUSY);

	/* checked under the lock that removal takes after it set this */
	if (tsm_pdev_removed(pdev))
		return ERR_PTR(-ENODEV);

	s->link = tsm_link_get_live(tsm_id);
	if (!s->link)
		return ERR_PTR(-ENXIO);

	rc = xa_err(xa_store(&tsm_sessions, tsm_key(pdev), s, GFP_KERNEL));
	if (rc) {
		tsm_link_put(s->link);
		return ERR_PTR(rc);
	}

	INIT_LIST_HEAD(&s->tdis);
	INIT_LIST_HEAD(&s->conversations);
	s->dsm = pci_dev_get(pdev);
	s->deadline = tsm_deadline(TSM_CONVERSATION_MS);
	tsm_session_set_state(s, TSM_SESSION_CONNECTING);

	return no_free_ptr(s);
}

/*
 * connect() has succeeded. Publish that, unless the device or the TSM went
 * away in the meantime: nobody else would tear down then.
 */
static int tsm_session_connected(struct tsm_session *s)
{
	guard(mutex)(&tsm_lock);
	if (s->cut) {
		tsm_session_set_state(s, TSM_SESSION_DISCONNECTING);
		s->deadline = tsm_deadline(TSM_TEARDOWN_MS);
		return s->cut;
	}

	tsm_session_set_state(s, TSM_SESSION_CONNECTED);
	tsm_kept_note_connect(s);
	/* no disconnect before the functions are in place */
	s->users++;
	return 0;
}

/* Called with the operations of the TSM entered. */
static int tsm_session_talk(struct tsm_session *s)
{
	const struct pci_tsm_ops *ops = s->link->tsm_dev->pci_ops;
	struct pci_dev *pdev = s->dsm;
	struct pci_tsm *tsm;
	int rc;

	tsm = ops->probe(s->link->tsm_dev, pdev);
	if (!tsm)
		return -ENXIO;

	/* the operations of a driver find their context here */
	scoped_guard(mutex, &tsm_lock)
		pdev->tsm = tsm;

	scoped_guard(mutex, &to_pci_tsm_pf0(tsm)->lock) {
		rc = ops->connect(pdev);
		if (!rc) {
			rc = tsm_session_connected(s);
			if (rc)
				ops->disconnect(pdev);
		}
	}

	if (rc) {
		tsm_unpublish(pdev);
		ops->remove(tsm);
	}

	return rc;
}

static int tsm_session_open(struct tsm_session *s)
{
	int rc;

	rc = tsm_port_power_get(s->dsm);
	if (rc)
		return rc;

	rc = tsm_power_get(s->dsm);
	if (rc)
		goto out_port;

	rc = tsm_ops_lock_killable(s->link);
	if (rc)
		goto out_power;

	/* a driver that is called by one thread at a time may have taken long */
	scoped_guard(mutex, &tsm_lock)
		rc = s->cut;
	if (!rc)
		rc = tsm_session_talk(s);
	tsm_ops_unlock(s->link);

out_power:
	tsm_power_put(s->dsm);
out_port:
	if (rc)
		tsm_port_power_put(s->dsm);
	return rc;
}

/**
 * tsm_session_connect() - connect a DSM with a TSM
 * @pdev: device that hosts the DSM
 * @tsm_id: number of the TSM, as in its name
 *
 * Context: May sleep; killable. Connects of different devices run in parallel
 * when the TSM's driver allows it.
 *
 * Return:
 * * %0			- connected
 * * %-EBUSY		- connected already, a connect or disconnect is in
 *			  flight, or the system is going to sleep
 * * %-ENXIO		- no such link TSM, it is being unregistered, or it
 *			  does not manage @pdev
 * * %-ENODEV		- @pdev is being removed
 * * %-EINTR		- killed
 * * %-ETIMEDOUT	- the conversation took longer than its bound
 * * %-ENOMEM		- out of memory
 * * others		- of the TSM driver's connect()
 */
int tsm_session_connect(struct pci_dev *pdev, int tsm_id)
{
	struct tsm_session *s = tsm_session_begin(pdev, tsm_id);
	struct tsm_link *link;
	int rc;

	if (IS_ERR(s))
		return PTR_ERR(s);

	rc = tsm_session_open(s);
	if (rc) {
		/* why it was cut short, rather than where that was noticed */
		scoped_guard(mutex, &tsm_lock)
			rc = s->cut ?: rc;
		tsm_session_end(s);
		return rc;
	}

	tsm_session_add_functions(s);

	/* s may be disconnected from here on */
	link = s->link;
	tsm_session_put(s);
	scoped_guard(mutex, &tsm_lock)
		tsm_link_put(link);

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_session_connect);

/* Tear down a session that is DISCONNECTING by the caller's transition. */
static void tsm_session_close(struct tsm_session *s)
{
	const struct pci_tsm_ops *ops = s->link->tsm_dev->pci_ops;
	struct pci_dev *pdev = s->dsm;
	struct pci_tsm *tsm = pdev->tsm;
	bool powered;

	/* what began while connected, but for operations on TDIs */
	wait_event(tsm_wait, !READ_ONCE(s->users));

	/* failure: messages will fail too, the teardown is local then */
	powered = !tsm_power_get(pdev);

	tsm_session_kill_tdis(s);
	tsm_session_remove_functions(s);

	/* functions that were removed meanwhile, and still use @tsm */
	wait_event(tsm_wait, !READ_ONCE(s->users));

	tsm_ops_lock(s->link);
	scoped_guard(mutex, &to_pci_tsm_pf0(tsm)->lock)
		ops->disconnect(pdev);
	tsm_unpublish(pdev);
	ops->remove(tsm);
	tsm_ops_unlock(s->link);

	if (powered)
		tsm_power_put(pdev);
	tsm_port_power_put(pdev);
	tsm_session_end(s);
}

/**
 * tsm_session_disconnect() - disconnect a DSM at its user's request
 * @pdev: device that hosts the DSM
 * @tsm_name: name of the TSM that it is connected with
 *
 * Context: May sleep, not interruptible, at most TSM_TEARDOWN_MS.
 *
 * Return:
 * * %0		- disconnected
 * * %-ENXIO	- not connected
 * * %-EINVAL	- connected with another TSM
 * * %-EBUSY	- a connect or disconnect is in flight, or a function of the
 *		  device is assigned to a VM
 */
int tsm_session_disconnect(struct pci_dev *pdev, const char *tsm_name)
{
	struct tsm_session *s;

	scoped_guard(mutex, &tsm_lock) {
		s = tsm_session_lookup(pdev);
		if (!s)
			return -ENXIO;
		if (!sysfs_streq(tsm_name, dev_name(&s->link->tsm_dev->dev)))
			return -EINVAL;
		if (s->state != TSM_SESSION_CONNECTED ||
		    tsm_session_assigned(s))
			return -EBUSY;
		tsm_session_start_teardown(s);
	}

	tsm_session_close(s);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_session_disconnect);

/**
 * tsm_session_device_gone() - a device that may host a DSM is being removed
 * @pdev: the device, marked as removed
 *
 * On return no session of @pdev exists, and none can begin.
 *
 * Context: pci_rescan_remove_lock.
 */
void tsm_session_device_gone(struct pci_dev *pdev)
{
	struct tsm_session *s;
	bool mine;

	scoped_guard(mutex, &tsm_lock) {
		s = tsm_session_lookup(pdev);
		if (!s)
			return;

		s->cut = -ENODEV;
		mine = s->state == TSM_SESSION_CONNECTED;
		if (mine)
			tsm_session_start_teardown(s);
	}

	if (mine)
		tsm_session_close(s);
	else
		wait_event(tsm_wait, !xa_load(&tsm_sessions, tsm_key(pdev)));
}
EXPORT_SYMBOL_IF_KUNIT(tsm_session_device_gone);

static void tsm_session_close_work(struct work_struct *work)
{
	tsm_session_close(container_of(work, struct tsm_session, close_work));
}

/* Have a session torn down by a work item of its own */
static void tsm_session_queue_close(struct tsm_session *s)
{
	tsm_session_start_teardown(s);
	INIT_WORK(&s->close_work, tsm_session_close_work);
	queue_work(system_dfl_long_wq, &s->close_work);
}

/**
 * tsm_session_begin_close_all() - begin to end all sessions of a TSM
 * @link: the TSM; no connect begins any more
 *
 * Connects in flight end at their next message; each of the others is torn
 * down by a work item of its own, so that one slow device does not use up the
 * time of the next one.
 *
 * Context: Holds tsm_lock.
 */
void tsm_session_begin_close_all(struct tsm_link *link)
{
	struct tsm_session *s;
	unsigned long key;

	lockdep_assert_held(&tsm_lock);
	xa_for_each(&tsm_sessions, key, s) {
		if (s->link != link)
			continue;

		if (s->state == TSM_SESSION_CONNECTED)
			tsm_session_queue_close(s);
		else if (s->state == TSM_SESSION_CONNECTING)
			s->cut = s->cut ?: -ENXIO;
	}
}

/**
 * tsm_session_wait_closed() - wait for the end of what was begun
 * @link: see tsm_session_begin_close_all()
 *
 * Context: May sleep.
 */
void tsm_session_wait_closed(struct tsm_link *link)
{
	wait_event(tsm_wait, !READ_ONCE(link->users));
	/* whoever woke us is done with @link once it dropped the lock */
	guard(mutex)(&tsm_lock);
}

/**
 * tsm_session_sleep() - end all sessions because the system goes to sleep
 *
 * Devices and links lose their keys then, and firmware may lose more.
 *
 * Context: May sleep. Sets tsm_sleeping, so that no connect begins.
 *
 * Return: 0, or -EBUSY and nothing changed if a function is assigned to a VM, or
 * this is a VM that has locked one
 */
int tsm_session_sleep(void)
{
	struct tsm_session *s;
	unsigned long key;

	scoped_guard(mutex, &tsm_lock) {
		/* a VM that sleeps does not know that it lost its devices */
		if (tsm_devsec_any_locked())
			return -EBUSY;
		xa_for_each(&tsm_sessions, key, s) {
			if (!list_empty(&s->tdis))
				return -EBUSY;
		}

		tsm_sleeping = true;
		xa_for_each(&tsm_sessions, key, s) {
			if (s->state == TSM_SESSION_CONNECTED) {
				pci_info(s->dsm, "disconnected for sleep\n");
				tsm_session_queue_close(s);
			} else if (s->state == TSM_SESSION_CONNECTING) {
				s->cut = s->cut ?: -EBUSY;
			}
		}
	}

	wait_event(tsm_wait, xa_empty(&tsm_sessions));
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_session_sleep);

/* The system is awake again; users connect what they need connected. */
void tsm_session_wake(void)
{
	guard(mutex)(&tsm_lock);
	tsm_sleeping = false;
}
EXPORT_SYMBOL_IF_KUNIT(tsm_session_wake);

/**
 * pci_tsm_unwind() - connect() has failed and takes back what it did
 * @pdev: device that hosts the DSM
 *
 * A driver calls this between the failure and its last messages to the
 * device, such as the end of the SPDM session. They are sent although the
 * conversation was to end, for two seconds at most; only a device that is
 * being removed gets no more messages.
 *
 * Context: A TSM driver's connect().
 */
void pci_tsm_unwind(struct pci_dev *pdev)
{
	struct tsm_session *s;

	guard(mutex)(&tsm_lock);
	s = tsm_session_lookup(pdev);
	if (!s || s->state != TSM_SESSION_CONNECTING)
		return;

	tsm_session_set_state(s, TSM_SESSION_UNWINDING);
	s->deadline = tsm_deadline(TSM_UNWIND_MS);
}
EXPORT_SYMBOL_GPL(pci_tsm_unwind);
