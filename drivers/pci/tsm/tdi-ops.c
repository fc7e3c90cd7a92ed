// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDIs, the way up: lock and run, the state that a device says it is in, and
 * the one place where operations of a TSM driver and hooks of the host are
 * called: with what locks, in whose time, and traced.
 */
#define dev_fmt(fmt) "PCI/TSM: " fmt

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <kunit/visibility.h>

#include "tdi.h"
#include "trace.h"

/* --- conversations ----------------------------------------------------------- */

/* Publish an operation, so that its messages find their bounds. */
static int tsm_conversation_begin(struct tsm_conversation *c,
				  struct pci_tdi *tdi,
				  const struct tsm_tdi_call *call)
{
	struct tsm_session *s = tdi->session;
	int rc;

	*c = (struct tsm_conversation){
		.task = current,
		.tdi = tdi,
		.deadline = call->deadline,
		.teardown = call->teardown,
	};

	guard(mutex)(&tsm_lock);
	if (!call->teardown) {
		rc = tsm_conversation_may_send(s, c, jiffies, false);
		if (rc)
			return rc;
	}

	list_add(&c->node, &s->conversations);
	return 0;
}

static void tsm_conversation_end(struct tsm_conversation *c)
{
	guard(mutex)(&tsm_lock);
	list_del(&c->node);
}

/* Has the driver this operation? Those that only it knows of are optional. */
static int tsm_step_supported(const struct pci_tdi_ops *ops,
			      enum tsm_tdi_step step)
{
	switch (step) {
	case TSM_STEP_DMA_ENABLE:
		return ops->trusted_dma ? 0 : -EOPNOTSUPP;
	case TSM_STEP_RUN:
		return ops->run ? 0 : -EOPNOTSUPP;
	case TSM_STEP_REQUEST:
		return ops->guest_req ? 0 : -EOPNOTSUPP;
	case TSM_STEP_STATE:
		return ops->state ? 0 : -EOPNOTSUPP;
	case TSM_STEP_BLOCK:
		return ops->block ? 0 : -EOPNOTSUPP;
	case TSM_STEP_DMA_PREPARE:
	case TSM_STEP_DMA_OFF:
		return ops->trusted_dma ? 0 : 1;
	case TSM_STEP_RELEASE:
		return ops->release ? 0 : 1;
	default:
		return 0;
	}
}

static int tsm_step_create(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	const struct pci_tdi_desc desc = {
		.viommu = tdi->viommu ? tdi->viommu->ctx : NULL,
		.kvm = tdi->vm.kvm,
		.guest_rid = tdi->guest_rid,
	};
	struct pci_tsm_tdi *ctx = tdi->ops->create(call->tsm, &desc);

	if (IS_ERR_OR_NULL(ctx))
		return ctx ? PTR_ERR(ctx) : -ENOMEM;

	ctx->tsm = call->tsm;
	ctx->pdev = tdi->pdev;
	ctx->kvm = desc.kvm;
	ctx->viommu = desc.viommu;
	ctx->guest_rid = desc.guest_rid;
	tdi->ctx = ctx;
	return 0;
}

static int tsm_step_report(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	int len = tdi->ops->report(tdi->ctx, call->resp, call->resp_len,
				   call->layout);

	if (len < 0)
		return len;
	if (pci_WARN_ONCE(tdi->pdev, len > call->resp_len,
			  "report of %d bytes in %zu\n", len, call->resp_len))
		return -EIO;

	call->resp_len = len;
	return 0;
}

static int tsm_step_operation(struct pci_tdi *tdi, enum tsm_tdi_step step,
			      struct tsm_tdi_call *call)
{
	const struct pci_tdi_ops *ops = tdi->ops;
	struct pci_tsm_tdi *ctx = tdi->ctx;

	switch (step) {
	case TSM_STEP_CREATE:
		return tsm_step_create(tdi, call);
	case TSM_STEP_LOCK:
		return ops->lock(ctx, &call->tsm_code);
	case TSM_STEP_REPORT:
		return tsm_step_report(tdi, call);
	case TSM_STEP_DMA_PREPARE:
		return ops->trusted_dma(ctx, PCI_TDI_DMA_PREPARE, NULL, 0,
					&call->tsm_code);
	case TSM_STEP_DMA_ENABLE:
		return ops->trusted_dma(ctx, PCI_TDI_DMA_ENABLE, call->req,
					call->req_len, &call->tsm_code);
	case TSM_STEP_RUN:
		return ops->run(ctx, &call->tsm_code);
	case TSM_STEP_REQUEST:
		return ops->guest_req(ctx, call->op, call->req, call->req_len,
				      call->resp, &call->resp_len,
				      &call->tsm_code);
	case TSM_STEP_STATE:
		return ops->state(ctx, &call->state);
	case TSM_STEP_STOP:
		return ops->stop(ctx, false, &call->tsm_code);
	case TSM_STEP_STOP_FORCE:
		return ops->stop(ctx, true, &call->tsm_code);
	case TSM_STEP_BLOCK:
		return ops->block(tdi->session->dsm);
	case TSM_STEP_DMA_OFF:
		return ops->trusted_dma(ctx, PCI_TDI_DMA_OFF, call->req,
					call->req_len, &call->tsm_code);
	case TSM_STEP_RELEASE:
		return ops->release(ctx);
	case TSM_STEP_DESTROY:
		return ops->destroy(ctx);
	default:
		pci_WARN_ONCE(tdi->pdev, 1, "step %d\n", step);
		return -EOPNOTSUPP;
	}
}

/* An operation, and what is to be said of it */
static int tsm_step_traced(struct pci_tdi *tdi, enum tsm_tdi_step step,
			   struct tsm_tdi_call *call)
{
	ktime_t start = ktime_get();
	int rc;

	/* these two leave everything as it was, if they are never called */
	if (step != TSM_STEP_CREATE && step != TSM_STEP_STATE)
		call->irreversible = true;

	rc = tsm_step_operation(tdi, step, call);
	trace_tsm_tdi_step(tdi->pdev, step, call->op, rc,
			   ktime_us_delta(ktime_get(), start));
	if (rc)
		pci_dbg(tdi->pdev, "TDI phase %d step %d failed: %d\n",
			tdi->phase, step, rc);
	if (pci_WARN_ONCE(tdi->pdev, rc > 0, "step %d: %d\n", step, rc))
		rc = -EIO;

	return rc;
}

static int tsm_converse_lock(struct pci_tdi *tdi, enum tsm_tdi_step step,
			     const struct tsm_tdi_call *call)
{
	bool wait = call->teardown || call->irreversible;
	struct tsm_session *s = tdi->session;
	struct mutex *dsm_lock;
	int rc = 0;

	if (wait)
		tsm_ops_lock(s->link);
	else
		rc = tsm_ops_lock_interruptible(s->link);
	if (rc || (step != TSM_STEP_CREATE && step != TSM_STEP_DESTROY))
		return rc;

	dsm_lock = &to_pci_tsm_pf0(s->dsm->tsm)->lock;
	if (wait)
		mutex_lock(dsm_lock);
	else
		rc = mutex_lock_interruptible(dsm_lock);
	if (rc)
		tsm_ops_unlock(s->link);

	return rc;
}

static void tsm_converse_unlock(struct pci_tdi *tdi, enum tsm_tdi_step step)
{
	struct tsm_session *s = tdi->session;

	if (step == TSM_STEP_CREATE || step == TSM_STEP_DESTROY)
		mutex_unlock(&to_pci_tsm_pf0(s->dsm->tsm)->lock);
	tsm_ops_unlock(s->link);
}

/**
 * tsm_tdi_converse() - call one operation of the TSM's driver
 * @tdi: TDI with a session
 * @step: which
 * @call: arguments, results, and whose time it takes
 *
 * Context: Holds the TDI's lock. May sleep; interruptible until the first
 * operation of @call that cannot be taken back.
 *
 * Return:
 * * %0			- success, or the driver has nothing to do here
 * * %-EOPNOTSUPP	- the driver lacks the operation
 * * %-ENXIO		- the TDI, its connection or its TSM is being torn down
 * * %-EINTR		- interrupted before the operation
 * * %-ETIMEDOUT	- no time left
 * * others		- of the driver's operation, or of its DSM's power-up
 */
int tsm_tdi_converse(struct pci_tdi *tdi, enum tsm_tdi_step step,
		     struct tsm_tdi_call *call)
{
	struct tsm_session *s = tdi->session;
	struct tsm_conversation c;
	bool powered;
	int rc;

	lockdep_assert_held(&tdi->lock);

	rc = tsm_step_supported(tdi->ops, step);
	if (rc)
		return min(rc, 0);

	rc = tsm_conversation_begin(&c, tdi, call);
	if (rc)
		return rc;

	rc = tsm_power_get(s->dsm);
	powered = !rc;
	/* without power, messages fail, and the teardown is local then */
	if (call->teardown)
		rc = 0;

	if (!rc) {
		rc = tsm_converse_lock(tdi, step, call);
		if (!rc) {
			rc = tsm_step_traced(tdi, step, call);
			tsm_converse_unlock(tdi, step);
		}
	}

	if (powered)
		tsm_power_put(s->dsm);
	tsm_conversation_end(&c);
	return rc;
}

/* --- the host's hooks -------------------------------------------------------- */

static int tsm_host_call(struct pci_tdi *tdi, enum tsm_tdi_step step)
{
	const struct pci_tdi_host_ops *ops = tdi->host_ops;
	void *priv = tdi->host_priv;

	switch (step) {
	case TSM_STEP_GATE:
		return ops->gate ? ops->gate(priv) : 0;
	case TSM_STEP_RANGES:
		return ops->ranges ? ops->ranges(priv, tdi->vm.kvm,
						 tdi->report) : 0;
	case TSM_STEP_HOST_DMA_ON:
		return ops->trusted_dma ? ops->trusted_dma(priv, true) : 0;
	case TSM_STEP_HOST_DMA_OFF:
		if (ops->trusted_dma)
			ops->trusted_dma(priv, false);
		return 0;
	case TSM_STEP_REVOKE:
		if (ops->revoke)
			ops->revoke(priv);
		return 0;
	case TSM_STEP_UNGATE:
		if (ops->ungate)
			ops->ungate(priv);
		return 0;
	default:
		pci_WARN_ONCE(tdi->pdev, 1, "hook %d\n", step);
		return 0;
	}
}

/**
 * tsm_tdi_host() - call one hook of the host
 * @tdi: the TDI
 * @step: which
 *
 * Nothing happens when it was done, or undone, before.
 *
 * Context: Holds the TDI's lock and none that is ordered behind it. May sleep.
 *
 * Return: 0, or the error of a hook that may fail
 */
int tsm_tdi_host(struct pci_tdi *tdi, enum tsm_tdi_step step)
{
	ktime_t start = ktime_get();
	unsigned int bit;
	bool undo;
	int rc;

	lockdep_assert_held(&tdi->lock);

	switch (step) {
	case TSM_STEP_GATE:
	case TSM_STEP_UNGATE:
		bit = TSM_DONE_GATE;
		undo = step == TSM_STEP_UNGATE;
		break;
	case TSM_STEP_RANGES:
	case TSM_STEP_REVOKE:
		bit = TSM_DONE_RANGES;
		undo = step == TSM_STEP_REVOKE;
		break;
	default:
		bit = TSM_DONE_HOST_DMA;
		undo = step == TSM_STEP_HOST_DMA_OFF;
		break;
	}

	if (!(tdi->done & bit) == undo)
		return 0;

	rc = tsm_host_call(tdi, step);
	trace_tsm_tdi_step(tdi->pdev, step, 0, rc,
			   ktime_us_delta(ktime_get(), start));
	if (rc) {
		pci_dbg(tdi->pdev, "TDI phase %d host step %d failed: %d\n",
			tdi->phase, step, rc);
		return pci_WARN_ONCE(tdi->pdev, rc > 0, "hook %d: %d\n", step,
				     rc) ? -EIO : rc;
	}

	tdi->done ^= bit;
	return 0;
}

/* Tell the TDI's user what it did not ask for. */
void tsm_tdi_event(struct pci_tdi *tdi, enum pci_tdi_event event)
{
	lockdep_assert_held(&tdi->lock);

	trace_tsm_tdi_event(tdi->pdev, event);
	if (tdi->host_ops->event)
		tdi->host_ops->event(tdi->host_priv, event);
}

/* --- power ------------------------------------------------------------------- */

/*
 * A function that loses its state in D3 loses its lock, and so it does when
 * the PF or the DSM does that.
 */
static int tsm_tdi_power_get(struct pci_tdi *tdi)
{
	struct pci_dev *all[] = {
		tdi->session->dsm, tdi->physfn, tdi->pdev,
	};
	int rc;

	for (int i = 0; i < ARRAY_SIZE(all); i++) {
		rc = tsm_power_get(all[i]);
		if (rc) {
			while (i--)
				tsm_power_put(all[i]);
			return rc;
		}
	}

	tdi->done |= TSM_DONE_POWER;
	return 0;
}

void tsm_tdi_power_put(struct pci_tdi *tdi)
{
	if (!(tdi->done & TSM_DONE_POWER))
		return;

	tdi->done &= ~TSM_DONE_POWER;
	tsm_power_put(tdi->pdev);
	tsm_power_put(tdi->physfn);
	tsm_power_put(tdi->session->dsm);
}

/* --- the state that the device is in --------------------------------------------- */

static void tsm_tdi_set_error(struct pci_tdi *tdi)
{
	pci_dbg(tdi->pdev, "TDI in ERROR, was in phase %d\n", tdi->phase);
	tsm_tdi_set_phase(tdi, TSM_PHASE_ERROR);
	tsm_tdi_event(tdi, PCI_TDI_EVENT_ERROR);
}

/* Has somebody reset the function since that was last asked for? */
bool tsm_tdi_was_reset(struct pci_tdi *tdi)
{
	return atomic_read(&tdi->resets) != tdi->resets_seen;
}

/**
 * tsm_tdi_sync() - follow the state that the device says the TDI is in
 * @tdi: the TDI
 * @call: its time
 *
 * A device goes to ERROR on its own, and by what others do to it; it may also
 * have forgotten the lock. Firmware may have started the TDI for the guest.
 * Nothing else is a state that can follow.
 *
 * Context: Holds the TDI's lock. May sleep.
 *
 * Return: 0, or an error if the device, other than by a reset that is known of,
 * did not answer; the phase stays as it is then.
 */
int tsm_tdi_sync(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	int resets = atomic_read(&tdi->resets);
	bool reset = tsm_tdi_was_reset(tdi);
	int rc;

	if (tdi->phase != TSM_PHASE_LOCKED && tdi->phase != TSM_PHASE_RUN)
		return 0;

	rc = tsm_tdi_converse(tdi, TSM_STEP_STATE, call);
	if (rc == -EINTR || rc == -ENXIO)
		return rc;

	tdi->resets_seen = resets;
	if (rc) {
		if (reset)
			tsm_tdi_set_error(tdi);
		return reset || rc == -EOPNOTSUPP ? 0 : rc;
	}

	switch (call->state) {
	case TSM_TDI_LOCKED:
		if (tdi->phase != TSM_PHASE_LOCKED)
			tsm_tdi_set_error(tdi);
		break;
	case TSM_TDI_RUN:
		if (tdi->phase != TSM_PHASE_RUN) {
			call->committed = true;
			tsm_tdi_set_phase(tdi, TSM_PHASE_RUN);
		}
		break;
	default:
		tsm_tdi_set_error(tdi);
		break;
	}

	return 0;
}

static void tsm_tdi_fill_state(struct pci_tdi *tdi,
			       struct tsm_tdi_state_resp *state)
{
	*state = (struct tsm_tdi_state_resp){ .generation = tdi->generation };

	switch (tdi->phase) {
	case TSM_PHASE_DEAD:
		state->state = TSM_TDI_UNLOCKED;
		state->flags = TSM_TDI_DEAD;
		break;
	case TSM_PHASE_LOCKED:
		state->state = TSM_TDI_LOCKED;
		break;
	case TSM_PHASE_RUN:
		state->state = TSM_TDI_RUN;
		break;
	case TSM_PHASE_ERROR:
		state->state = TSM_TDI_ERROR;
		break;
	case TSM_PHASE_QUARANTINED:
		state->state = TSM_TDI_ERROR;
		state->flags = TSM_TDI_QUARANTINED;
		break;
	default:
		/* not seen by who holds the lock: LOCKING, STOPPING */
		state->state = TSM_TDI_UNLOCKED;
		break;
	}
}

/* What an operation tells beside its errno */
void tsm_tdi_fill_result(struct pci_tdi *tdi, const struct tsm_tdi_call *call,
			 struct pci_tdi_result *result)
{
	*result = (struct pci_tdi_result){
		.tsm_code = call->tsm_code,
		.generation = tdi->generation,
	};
	if (call->committed)
		result->flags |= TSM_OUT_COMMITTED;
	if (tdi->phase == TSM_PHASE_QUARANTINED)
		result->flags |= TSM_OUT_QUARANTINED;
}

/**
 * tsm_tdi_query() - in what state is a TDI?
 * @tdi: the TDI
 * @call: its time
 * @state: result, filled in by success only
 *
 * What everybody who asks for the state is told. A TDI about to be torn down is
 * what it is until then.
 *
 * Context: Holds the TDI's lock. May sleep; interruptible.
 *
 * Return: 0, or an error of tsm_tdi_sync() other than -ENXIO
 */
int tsm_tdi_query(struct pci_tdi *tdi, struct tsm_tdi_call *call,
		  struct tsm_tdi_state_resp *state)
{
	int rc = tsm_tdi_sync(tdi, call);

	if (rc && rc != -ENXIO)
		return rc;

	tsm_tdi_fill_state(tdi, state);
	return 0;
}

/**
 * pci_tdi_get_state() - in what state is a TDI?
 * @tdi: the TDI
 * @state: result, filled in by success only
 *
 * The same as pci_tdi_state_req(), for who has nothing else to be told.
 *
 * Context: May sleep; interruptible. Waits for an operation on this TDI.
 *
 * Return: 0, or an error of pci_tdi_state_req() other than -EINVAL
 */
int pci_tdi_get_state(struct pci_tdi *tdi, struct tsm_tdi_state_resp *state)
{
	struct pci_tdi_result unused;

	return pci_tdi_state_req(tdi, tdi->arch, state, &unused);
}
EXPORT_SYMBOL_GPL(pci_tdi_get_state);

/* --- lock -------------------------------------------------------------------- */

static int tsm_tdi_parse_report(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	struct pci_tdi_report *report;
	const char *reason;

	report = pci_tdi_report_parse(call->resp, call->resp_len, call->layout,
				      &reason);
	if (IS_ERR(report)) {
		pci_err(tdi->pdev, "interface report refused: %s\n", reason);
		return PTR_ERR(report) == -ENOMEM ? -ENOMEM : -EBADMSG;
	}

	tdi->report = report;
	return 0;
}

static int tsm_tdi_lock_steps(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	struct pci_tdi_mmio_layout layout;
	int rc;

	void *buf __free(kvfree) = kvmalloc(PCI_TDI_REPORT_MAX_SIZE,
					    GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;

	rc = tsm_tdi_power_get(tdi);
	if (rc)
		return rc;

	rc = tsm_tdi_host(tdi, TSM_STEP_GATE);
	if (rc)
		return rc;

	/* the gate is where the host resets a function, if it does */
	tdi->resets_seen = atomic_read(&tdi->resets);
	rc = tsm_tdi_converse(tdi, TSM_STEP_LOCK, call);
	if (call->irreversible)
		tdi->done |= TSM_DONE_LOCK;
	if (rc)
		return rc;

	pci_tdi_mmio_layout_init(&layout, tdi->pdev, PCI_TDI_MMIO_PHYSICAL, 0);
	call->layout = &layout;
	call->resp = buf;
	call->resp_len = PCI_TDI_REPORT_MAX_SIZE;
	rc = tsm_tdi_converse(tdi, TSM_STEP_REPORT, call);
	rc = rc ?: tsm_tdi_parse_report(tdi, call);
	rc = rc ?: tsm_tdi_host(tdi, TSM_STEP_RANGES);
	if (rc)
		return rc;

	tdi->done |= TSM_DONE_DMA;
	return tsm_tdi_converse(tdi, TSM_STEP_DMA_PREPARE, call);
}

static int tsm_tdi_lock(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	int rc;

	rc = tsm_tdi_revive(tdi, call);
	if (rc)
		return rc;

	if (tdi->phase != TSM_PHASE_UNLOCKED)
		return -EINVAL;

	tsm_tdi_set_phase(tdi, TSM_PHASE_LOCKING);
	rc = tsm_tdi_lock_steps(tdi, call);
	/* lost with all others, whatever it was in the middle of */
	if (!rc && tsm_session_is_blocked(tdi->session))
		rc = -ENXIO;
	if (rc) {
		struct tsm_tdi_call undo =
			tsm_tdi_call_teardown(TSM_TEARDOWN_MS);

		tsm_tdi_teardown(tdi, &undo);
		return rc;
	}

	tdi->generation++;
	call->committed = true;
	tsm_tdi_set_phase(tdi, TSM_PHASE_LOCKED);
	return 0;
}

/**
 * pci_tdi_lock() - bind a TDI to its VM: UNLOCKED to LOCKED
 * @tdi: the TDI
 * @result: see &struct pci_tdi_result
 *
 * Closes the function to the host by &pci_tdi_host_ops.gate, locks it, reads
 * the device's interface report and tells the host by &pci_tdi_host_ops.ranges.
 * On failure everything is as it was, or the TDI is quarantined. A TDI that is
 * DEAD is made anew if its device is connected again.
 *
 * Context: May sleep; interruptible until the device is told. Not with a lock
 * that a hook takes.
 *
 * Return:
 * * %0			- LOCKED, with a new generation
 * * %-EINVAL		- not UNLOCKED; or DEAD, and the TSM that has its device
 *			  now does not take it, see pci_tdi_create()
 * * %-EOPNOTSUPP	- DEAD, and that TSM does nothing with TDIs
 * * %-EBUSY		- the host cannot close the function now
 * * %-ENXIO		- not connected, or that, its TSM or the function goes
 *			  away; connected with a TSM of another architecture;
 *			  somebody is about to stop it; or the IDE stream was
 *			  blocked and has to be connected anew
 * * %-ENODEV		- its user has disarmed it
 * * %-ENOTRECOVERABLE	- the function is quarantined
 * * %-EBADMSG		- the interface report makes no sense
 * * %-EINTR		- interrupted before the device was told, or killed
 * * %-ETIMEDOUT	- took longer than a conversation may
 * * %-ENOMEM		- out of memory
 * * others		- of a hook, the TSM driver, or a power-up
 */
int pci_tdi_lock(struct pci_tdi *tdi, struct pci_tdi_result *result)
{
	struct tsm_tdi_call call = tsm_tdi_call_begin();
	int rc;

	*result = (struct pci_tdi_result){};
	ACQUIRE(mutex_intr, lock)(&tdi->lock);
	rc = ACQUIRE_ERR(mutex_intr, &lock);
	if (rc)
		return rc;

	rc = tsm_tdi_lock(tdi, &call);
	tsm_tdi_fill_result(tdi, &call, result);
	return rc;
}
EXPORT_SYMBOL_GPL(pci_tdi_lock);

/* --- run ---------------------------------------------------------------------- */

/**
 * tsm_tdi_run() - LOCKED to RUN
 * @tdi: TDI that is LOCKED
 * @call: its time
 *
 * Context: Holds the TDI's lock. May sleep; interruptible until the device is
 * told.
 *
 * Return: 0, or an error of pci_tdi_run()
 */
int tsm_tdi_run(struct pci_tdi *tdi, struct tsm_tdi_call *call)
{
	bool implied = !(tdi->ops->op_mask & BIT_ULL(TSM_OP_ENABLE_DMA)) &&
		       !(tdi->done & TSM_DONE_HOST_DMA);
	int rc;

	/* private DMA begins with RUN, if the guest has no say in it */
	if (implied) {
		rc = tsm_tdi_host(tdi, TSM_STEP_HOST_DMA_ON);
		if (rc)
			return rc;
	}

	rc = tsm_tdi_converse(tdi, TSM_STEP_RUN, call);
	if (!rc) {
		call->committed = true;
		tsm_tdi_set_phase(tdi, TSM_PHASE_RUN);
		return 0;
	}

	/* refused, or failed when it had come into effect, or who knows */
	if (call->irreversible && tsm_tdi_sync(tdi, call))
		return rc;
	if (implied && tdi->phase == TSM_PHASE_LOCKED)
		tsm_tdi_host(tdi, TSM_STEP_HOST_DMA_OFF);

	return rc;
}

/**
 * pci_tdi_run() - start a TDI: LOCKED to RUN
 * @tdi: the TDI
 * @result: see &struct pci_tdi_result
 *
 * The same as %TSM_OP_START, for who is its own guest.
 *
 * Context: May sleep; interruptible until the device is told. Not with a lock
 * that a hook takes.
 *
 * Return:
 * * %0			- RUN
 * * %-EINVAL		- not LOCKED
 * * %-EOPNOTSUPP	- the TSM does not take this operation
 * * %-ENXIO		- DEAD, or the TDI, its connection or its TSM is being
 *			  torn down
 * * %-ENOTRECOVERABLE	- QUARANTINED
 * * %-EINTR		- interrupted before the device was told, or killed
 * * %-ETIMEDOUT	- took longer than a conversation may
 * * others		- of a hook or the TSM driver
 */
int pci_tdi_run(struct pci_tdi *tdi, struct pci_tdi_result *result)
{
	struct pci_tdi_req req = {
		.arch = tdi->arch,
		.op = TSM_OP_START,
	};

	return pci_tdi_guest_req(tdi, &req, result);
}
EXPORT_SYMBOL_GPL(pci_tdi_run);
