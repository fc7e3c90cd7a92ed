// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs: an assignable function bound to one confidential VM, on behalf of the
 * kernel's VMM interfaces.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/export.h>

#include "tsm.h"

/**
 * tsm_tdi_unbind() - unbind a function from its VM, if it is bound
 * @s: session that manages the function; its DSM's context is in place
 * @tsm: the function's context, which the caller keeps
 *
 * Context: May sleep.
 */
void tsm_tdi_unbind(struct tsm_session *s, struct pci_tsm *tsm)
{
	if (!READ_ONCE(tsm->tdi))
		return;

	tsm_ops_lock(s->link);
	scoped_guard(mutex, &to_pci_tsm_pf0(s->dsm->tsm)->lock) {
		if (tsm->tdi)
			to_pci_tsm_ops(tsm)->unbind(tsm->tdi);
		WRITE_ONCE(tsm->tdi, NULL);
	}
	tsm_ops_unlock(s->link);
}

/**
 * pci_tsm_unbind() - unbind a function from its VM
 * @pdev: the function; nothing happens if it is not bound
 *
 * Context: May sleep.
 */
void pci_tsm_unbind(struct pci_dev *pdev)
{
	struct tsm_session *s = tsm_session_get(pdev);

	/* disconnected, or about to be, which unbinds too */
	if (!s)
		return;

	tsm_tdi_unbind(s, pdev->tsm);
	tsm_session_put(s);
}
EXPORT_SYMBOL_GPL(pci_tsm_unbind);

static int tsm_tdi_bind(struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id)
{
	struct pci_tsm *tsm = pdev->tsm;
	struct pci_tdi *tdi;

	/* resolve races to bind */
	if (tsm->tdi)
		return tsm->tdi->kvm == kvm ? 0 : -EBUSY;

	tdi = to_pci_tsm_ops(tsm)->bind(pdev, kvm, tdi_id);
	if (IS_ERR(tdi))
		return PTR_ERR(tdi);

	WRITE_ONCE(tsm->tdi, tdi);
	return 0;
}

/**
 * pci_tsm_bind() - bind a function to a VM
 * @pdev: PCI function, managed by a connected DSM
 * @kvm: the VM
 * @tdi_id: identifier of the TDI as referenced by the TSM and the DSM
 *
 * Context: May sleep. The caller limits the time for which the function is
 * bound to the time for which its driver is, for example.
 *
 * Return:
 * * %0			- bound to @kvm, by this call or before
 * * %-EINVAL		- no @kvm
 * * %-ENXIO		- the function's DSM is not connected
 * * %-EBUSY		- bound to another VM
 * * %-EOPNOTSUPP	- the TSM cannot bind
 * * others		- of the TSM driver's bind()
 */
int pci_tsm_bind(struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id)
{
	struct tsm_session *s;
	int rc = -EOPNOTSUPP;

	if (!kvm)
		return -EINVAL;

	s = tsm_session_get(pdev);
	if (!s)
		return -ENXIO;

	if (s->link->tsm_dev->pci_ops->bind) {
		tsm_ops_lock(s->link);
		scoped_guard(mutex, &to_pci_tsm_pf0(s->dsm->tsm)->lock)
			rc = tsm_tdi_bind(pdev, kvm, tdi_id);
		tsm_ops_unlock(s->link);
	}

	tsm_session_put(s);
	return rc;
}
EXPORT_SYMBOL_GPL(pci_tsm_bind);

/**
 * pci_tsm_guest_req() - pass a request of a guest to the TSM
 * @pdev: the bound function
 * @scope: caller asserts that the request is limited to TDISP operations
 * @req_in: request of the guest
 * @in_len: bytes at @req_in
 * @req_out: where the response for the guest goes
 * @out_len: bytes that fit there
 * @tsm_code: result code of the TSM's architecture for the guest, optional,
 *	      may be set on success and on failure
 *
 * Context: May sleep, interruptible.
 *
 * Return:
 * * bytes		- of @req_out left unused, or of @req_in left unread if
 *			  there is no @req_out
 * * %-EINVAL		- @scope reaches beyond TDISP operations
 * * %-ENXIO		- not bound
 * * %-EOPNOTSUPP	- the TSM takes no requests
 * * %-EINTR		- interrupted before the request began
 * * others		- of the TSM driver's guest_req()
 */
ssize_t pci_tsm_guest_req(struct pci_dev *pdev, enum pci_tsm_req_scope scope,
			  sockptr_t req_in, size_t in_len, sockptr_t req_out,
			  size_t out_len, u64 *tsm_code)
{
	const struct pci_tsm_ops *ops;
	struct tsm_session *s;
	struct mutex *lock;
	ssize_t rc;

	/* Forbid requests that are not directly related to TDISP operations */
	if (scope > PCI_TSM_REQ_STATE_CHANGE)
		return -EINVAL;

	s = tsm_session_get(pdev);
	if (!s)
		return -ENXIO;

	ops = s->link->tsm_dev->pci_ops;
	lock = &to_pci_tsm_pf0(s->dsm->tsm)->lock;
	if (!ops->guest_req) {
		rc = -EOPNOTSUPP;
	} else if (tsm_ops_lock_killable(s->link)) {
		rc = -EINTR;
	} else {
		rc = mutex_lock_interruptible(lock);
		if (!rc) {
			struct pci_tdi *tdi = pdev->tsm->tdi;

			rc = tdi ? ops->guest_req(tdi, scope, req_in, in_len,
						  req_out, out_len, tsm_code) :
				   -ENXIO;
			mutex_unlock(lock);
		}
		tsm_ops_unlock(s->link);
	}

	tsm_session_put(s);
	return rc;
}
EXPORT_SYMBOL_GPL(pci_tsm_guest_req);

/**
 * pci_tsm_tdi_constructor() - initialise the context of a TDI
 * @pdev: PCI function that the TDI is an interface of
 * @tdi: context to initialise
 * @kvm: the VM
 * @tdi_id: identifier of the TDI as referenced by the TSM and the DSM
 *
 * Context: A link TSM driver's bind().
 */
void pci_tsm_tdi_constructor(struct pci_dev *pdev, struct pci_tdi *tdi,
			     struct kvm *kvm, u32 tdi_id)
{
	tdi->pdev = pdev;
	tdi->kvm = kvm;
	tdi->tdi_id = tdi_id;
}
EXPORT_SYMBOL_GPL(pci_tsm_tdi_constructor);
