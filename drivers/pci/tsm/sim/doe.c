// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DOE mailbox: registers that take a request and show an answer, and the
 * work items that carry both to the device and back (PCIe 6.30, 7.9.24).
 */
#include <linux/bitfield.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <kunit/visibility.h>

#include "sim.h"

static struct sim_device *to_dev(struct sim_doe *doe)
{
	return container_of(doe, struct sim_device, doe);
}

/*
 * The only place that changes the state. Whatever begins or ends an exchange
 * makes the answers of older ones stale.
 */
static void sim_doe_set_state(struct sim_doe *doe, enum sim_doe_state state)
{
	lockdep_assert_held(&to_dev(doe)->lock);

	switch (state) {
	case SIM_DOE_COLLECT:
		doe->req->nr_dw = 0;
		fallthrough;
	case SIM_DOE_BUSY:
	case SIM_DOE_ERROR:
		doe->generation++;
		break;
	case SIM_DOE_READY:
		doe->rsp_pos = 0;
		break;
	}
	doe->state = state;
}

/* 6.30.1.1: objects that this mailbox knows, by index */
static void sim_doe_discover(struct sim_doe *doe)
{
	u8 index = FIELD_GET(PCI_DOE_DATA_OBJECT_DISC_REQ_3_INDEX,
			     doe->req->dw[2]);
	u32 vid = PCI_VENDOR_ID_PCI_SIG, type = index, next = index + 1;
	u8 last = to_dev(doe)->secured_doe ? SIM_DOE_TYPE_SECURED :
					     SIM_DOE_TYPE_CMA;

	if (index > last) {
		vid = 0xffff;
		type = 0xff;
	}
	if (index >= last)
		next = 0;

	doe->rsp->nr_dw = 3;
	doe->rsp->dw[0] = PCI_VENDOR_ID_PCI_SIG;
	doe->rsp->dw[1] = 3;
	doe->rsp->dw[2] =
		FIELD_PREP(PCI_DOE_DATA_OBJECT_DISC_RSP_3_VID, vid) |
		FIELD_PREP(PCI_DOE_DATA_OBJECT_DISC_RSP_3_TYPE, type) |
		FIELD_PREP(PCI_DOE_DATA_OBJECT_DISC_RSP_3_NEXT_INDEX, next);
	sim_doe_set_state(doe, SIM_DOE_READY);
}

static u8 sim_doe_type(const struct sim_doe_buf *buf)
{
	return FIELD_GET(PCI_DOE_DATA_OBJECT_HEADER_1_TYPE, buf->dw[0]);
}

/* How often a device is asked again depends on how fast the machine is */
static bool sim_doe_resumes(const struct sim_doe_buf *req)
{
	__le32 hdr = cpu_to_le32(req->dw[SIM_DOE_HEADER_DW]);

	return req->nr_dw > SIM_DOE_HEADER_DW &&
	       sim_fault_resumes(sim_doe_type(req), &hdr, sizeof(hdr));
}

static void sim_doe_go(struct sim_doe *doe)
{
	struct sim_device *d = to_dev(doe);
	struct sim_doe_buf *req = doe->req;

	if (doe->state != SIM_DOE_COLLECT ||
	    req->nr_dw < SIM_DOE_HEADER_DW ||
	    FIELD_GET(PCI_DOE_DATA_OBJECT_HEADER_1_VID, req->dw[0]) !=
		    PCI_VENDOR_ID_PCI_SIG ||
	    FIELD_GET(PCI_DOE_DATA_OBJECT_HEADER_2_LENGTH, req->dw[1]) !=
		    req->nr_dw) {
		sim_doe_set_state(doe, SIM_DOE_ERROR);
		return;
	}

	switch (sim_doe_type(req)) {
	case SIM_DOE_TYPE_DISCOVERY:
		if (req->nr_dw == 3)
			sim_doe_discover(doe);
		else
			sim_doe_set_state(doe, SIM_DOE_ERROR);
		break;
	case SIM_DOE_TYPE_SECURED:
		if (!d->secured_doe) {
			sim_doe_set_state(doe, SIM_DOE_ERROR);
			break;
		}
		fallthrough;
	case SIM_DOE_TYPE_CMA:
		if (!sim_doe_resumes(req))
			atomic_inc(&d->messages);
		doe->due = jiffies + msecs_to_jiffies(READ_ONCE(d->latency_ms));
		sim_doe_set_state(doe, SIM_DOE_BUSY);
		queue_work(sim_wq, &doe->exchange);
		break;
	default:
		sim_doe_set_state(doe, SIM_DOE_ERROR);
	}
}

/**
 * sim_doe_read() - read a mailbox register
 * @doe: mailbox
 * @reg: offset of the dword from the capability header, which is not ours
 *
 * Reading never changes anything, so that a dump of config space does no harm.
 *
 * Context: under sim_device::lock.
 * Return: the register.
 */
u32 sim_doe_read(struct sim_doe *doe, unsigned int reg)
{
	lockdep_assert_held(&to_dev(doe)->lock);

	switch (reg) {
	case PCI_DOE_STATUS:
		switch (doe->state) {
		case SIM_DOE_COLLECT:
			return 0;
		case SIM_DOE_BUSY:
			return PCI_DOE_STATUS_BUSY;
		case SIM_DOE_READY:
			return PCI_DOE_STATUS_DATA_OBJECT_READY;
		case SIM_DOE_ERROR:
			return PCI_DOE_STATUS_ERROR;
		}
		return 0;
	case PCI_DOE_READ:
		return doe->state == SIM_DOE_READY ?
		       doe->rsp->dw[doe->rsp_pos] : 0;
	default:
		/* No interrupts; control and write mailbox read as 0 */
		return 0;
	}
}

/**
 * sim_doe_write() - write a mailbox register
 * @doe: mailbox
 * @reg: offset of the dword from the capability header, which is not ours
 * @val: value
 * @mask: bits of @val that are written; the data mailboxes take whole dwords
 *
 * A request that is too long or not wanted, a malformed object and taking from
 * an empty mailbox set the error bit. ABORT works in every state.
 *
 * Context: under sim_device::lock, interrupts off.
 */
void sim_doe_write(struct sim_doe *doe, unsigned int reg, u32 val, u32 mask)
{
	lockdep_assert_held(&to_dev(doe)->lock);

	switch (reg) {
	case PCI_DOE_CTRL:
		if (val & mask & PCI_DOE_CTRL_ABORT)
			sim_doe_set_state(doe, SIM_DOE_COLLECT);
		else if (val & mask & PCI_DOE_CTRL_GO)
			sim_doe_go(doe);
		break;
	case PCI_DOE_WRITE:
		if (mask != U32_MAX)
			break;
		if (doe->state == SIM_DOE_COLLECT &&
		    doe->req->nr_dw < SIM_DOE_MAX_DW)
			doe->req->dw[doe->req->nr_dw++] = val;
		else
			sim_doe_set_state(doe, SIM_DOE_ERROR);
		break;
	case PCI_DOE_READ:
		if (mask != U32_MAX)
			break;
		if (doe->state != SIM_DOE_READY)
			sim_doe_set_state(doe, SIM_DOE_ERROR);
		else if (++doe->rsp_pos == doe->rsp->nr_dw)
			sim_doe_set_state(doe, SIM_DOE_COLLECT);
		break;
	}
}

/**
 * sim_doe_flr() - Function Level Reset: as ABORT, the sessions stay
 * @doe: mailbox
 *
 * Context: under sim_device::lock.
 */
void sim_doe_flr(struct sim_doe *doe)
{
	sim_doe_set_state(doe, SIM_DOE_COLLECT);
}

/**
 * sim_doe_reset() - conventional reset: the sessions end, too
 * @doe: mailbox
 *
 * Context: under sim_device::lock, interrupts off.
 */
void sim_doe_reset(struct sim_doe *doe)
{
	sim_doe_set_state(doe, SIM_DOE_COLLECT);
	doe->reset = true;
	queue_work(sim_wq, &doe->exchange);
}

static bool sim_doe_take_reset(struct sim_doe *doe)
{
	guard(raw_spinlock_irqsave)(&to_dev(doe)->lock);
	if (!doe->reset)
		return false;
	doe->reset = false;
	return true;
}

/* Take the request off the mailbox, and with it the duty to answer */
static bool sim_doe_take_request(struct sim_doe *doe, u32 *generation)
{
	guard(raw_spinlock_irqsave)(&to_dev(doe)->lock);
	if (doe->state != SIM_DOE_BUSY || doe->taken == doe->generation)
		return false;
	swap(doe->req, doe->work_req);
	doe->taken = doe->generation;
	*generation = doe->generation;
	return true;
}

static void sim_doe_fail(struct sim_doe *doe, u32 generation)
{
	guard(raw_spinlock_irqsave)(&to_dev(doe)->lock);
	if (doe->state == SIM_DOE_BUSY && doe->generation == generation)
		sim_doe_set_state(doe, SIM_DOE_ERROR);
}

/*
 * Hand the request to the device and form an object of its answer.
 * Returns whether there is one: the mailbox of a device that does not answer
 * stays busy.
 */
static bool sim_doe_answer(struct sim_doe *doe, u32 generation)
{
	struct sim_device *d = to_dev(doe);
	struct sim_doe_buf *req = doe->work_req;
	struct sim_doe_buf *rsp = doe->work_rsp;
	size_t len = 4 * (req->nr_dw - SIM_DOE_HEADER_DW);
	void *payload = &req->dw[SIM_DOE_HEADER_DW];
	void *answer = &rsp->dw[SIM_DOE_HEADER_DW];
	u8 type = sim_doe_type(req);
	int rc;

	cpu_to_le32_array(payload, len / 4);
	switch (sim_fault_request(d, type, payload, len)) {
	case SIM_FAULT_NONE:
		break;
	case SIM_FAULT_NO_ANSWER:
		return false;
	case SIM_FAULT_DOE_ERROR:
		sim_doe_fail(doe, generation);
		return false;
	case SIM_FAULT_REMOVE:
		sim_device_surprise_remove(d);
		return false;
	}

	rc = sim_dsm_exchange(d, type, payload, len, answer,
			      SIM_DOE_PAYLOAD_BYTES);
	if (rc < 0)
		sim_doe_fail(doe, generation);
	if (rc <= 0)
		return false;

	/* Objects are whole dwords, padded with zeroes (6.30.1) */
	len = round_up(rc, 4);
	memset(answer + rc, 0, len - rc);
	len = sim_fault_response(d, type, answer, len, SIM_DOE_PAYLOAD_BYTES);
	le32_to_cpu_array(answer, len / 4);

	rsp->nr_dw = SIM_DOE_HEADER_DW + len / 4;
	rsp->dw[0] = req->dw[0];
	rsp->dw[1] = rsp->nr_dw;
	return true;
}

static void sim_doe_publish(struct work_struct *work)
{
	struct sim_doe *doe = container_of(to_delayed_work(work),
					   struct sim_doe, publish);

	guard(raw_spinlock_irqsave)(&to_dev(doe)->lock);
	if (doe->state != SIM_DOE_BUSY || doe->done != doe->generation)
		return;
	/* A timer left over from an aborted exchange; the right one is set */
	if (time_before(jiffies, doe->due))
		return;
	swap(doe->rsp, doe->work_rsp);
	sim_doe_set_state(doe, SIM_DOE_READY);
}

static void sim_doe_exchange(struct work_struct *work)
{
	struct sim_doe *doe = container_of(work, struct sim_doe, exchange);
	struct sim_device *d = to_dev(doe);
	unsigned long due;
	u32 generation;

	if (sim_doe_take_reset(doe))
		sim_dsm_session_reset(d);
	if (!sim_doe_take_request(doe, &generation))
		return;
	if (!sim_doe_answer(doe, generation))
		return;

	scoped_guard(raw_spinlock_irqsave, &d->lock) {
		doe->done = generation;
		due = doe->due;
	}
	/* The latency counts from GO, the time it took to answer is part of it */
	mod_delayed_work(sim_wq, &doe->publish,
			 time_after(due, jiffies) ? due - jiffies : 0);
}

/**
 * sim_doe_init() - a mailbox after power on
 * @doe: mailbox, zeroed
 *
 * Return: 0, or -ENOMEM; sim_doe_free() is due in both cases.
 */
int sim_doe_init(struct sim_doe *doe)
{
	struct sim_doe_buf **bufs[] = {
		&doe->req, &doe->rsp, &doe->work_req, &doe->work_rsp,
	};

	INIT_WORK(&doe->exchange, sim_doe_exchange);
	INIT_DELAYED_WORK(&doe->publish, sim_doe_publish);
	doe->state = SIM_DOE_COLLECT;
	doe->generation = 1;
	doe->taken = 0;
	doe->done = 0;
	doe->reset = false;

	for (int i = 0; i < ARRAY_SIZE(bufs); i++) {
		*bufs[i] = kvzalloc_obj(**bufs[i]);
		if (!*bufs[i])
			return -ENOMEM;
	}
	return 0;
}

/**
 * sim_doe_quiesce() - end the current exchange and wait for it
 * @doe: mailbox that no config access can reach any more
 *
 * Context: may sleep.
 */
void sim_doe_quiesce(struct sim_doe *doe)
{
	scoped_guard(raw_spinlock_irqsave, &to_dev(doe)->lock)
		sim_doe_set_state(doe, SIM_DOE_COLLECT);
	cancel_work_sync(&doe->exchange);
	cancel_delayed_work_sync(&doe->publish);
}

/**
 * sim_doe_free() - undo sim_doe_init()
 * @doe: mailbox, quiet
 */
void sim_doe_free(struct sim_doe *doe)
{
	kvfree(doe->req);
	kvfree(doe->rsp);
	kvfree(doe->work_req);
	kvfree(doe->work_rsp);
	doe->req = NULL;
	doe->rsp = NULL;
	doe->work_req = NULL;
	doe->work_rsp = NULL;
}
