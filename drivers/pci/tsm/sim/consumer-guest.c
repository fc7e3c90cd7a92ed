// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of the test consumer about guests, and what a VMM does for its guest.
 * It need not be honest.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/random.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tsm.h>
#include <linux/workqueue.h>

#include "guest.h"

static const char * const sim_lie_names[] = {
	[SIM_LIE_NONE]		= "none",
	[SIM_LIE_LOCK]		= "lock",
	[SIM_LIE_OBJECT]	= "object",
	[SIM_LIE_SHORT]		= "short",
	[SIM_LIE_NONCE]		= "nonce",
	[SIM_LIE_REGEN]		= "regen",
	[SIM_LIE_START]		= "start",
	[SIM_LIE_MMIO]		= "mmio",
	[SIM_LIE_DMA_ON]	= "dma-on",
	[SIM_LIE_DMA_OFF]	= "dma-off",
	[SIM_LIE_STOP]		= "stop",
	[SIM_LIE_LONG]		= "long",
	[SIM_LIE_EARLY]		= "early",
	[SIM_LIE_WHERE]		= "where",
	[SIM_LIE_SWAP]		= "swap",
	[SIM_LIE_DENY]		= "deny",
	[SIM_LIE_REFUSE]	= "refuse",
	[SIM_LIE_SILENT]	= "silent",
};

static_assert(ARRAY_SIZE(sim_lie_names) == SIM_NR_LIES);

/* --- what the guest asks for ---------------------------------------------------- */

static bool sim_guest_lied(struct sim_guest *g, enum sim_lie lie)
{
	/* pairs with sim_cmd_lie(): with a lie comes what it is about */
	return smp_load_acquire(&g->lie) == lie;
}

/* The TDI that the host asks about */
static struct pci_tdi *sim_guest_tdi(struct sim_guest *g)
{
	return sim_guest_lied(g, SIM_LIE_SWAP) ? g->other->tdi.tdi : g->tdi;
}

/* It has done it, but says otherwise */
static int sim_guest_said(struct sim_guest *g, int rc)
{
	return sim_guest_lied(g, SIM_LIE_DENY) ? -EIO : rc;
}

/* What the host does for the guest, and its outcome */
struct sim_guest_call {
	struct work_struct work;
	struct sim_guest *g;
	int (*fn)(struct sim_guest *g, struct sim_guest_call *call);
	struct pci_tdi_req *req;
	size_t room;
	struct pci_tdi_result result;
	int rc;
};

static void sim_guest_call_work(struct work_struct *work)
{
	struct sim_guest_call *call = container_of(work, struct sim_guest_call,
						   work);

	call->rc = call->fn(call->g, call);
}

/*
 * In this task, so that it can be killed. A host knows nothing of that: what the guest
 * goes on with for all that it does in another.
 */
static int sim_guest_call(struct sim_guest_call *call)
{
	call->rc = call->fn(call->g, call);
	if (call->rc != -EINTR || (!call->g->giving_back &&
				   pci_devsec_may_go_on(sim_guest_pdev(call->g))))
		return call->rc;

	INIT_WORK_ONSTACK(&call->work, sim_guest_call_work);
	queue_work(system_dfl_long_wq, &call->work);
	flush_work(&call->work);
	destroy_work_on_stack(&call->work);
	return call->rc;
}

static int sim_guest_call_lock(struct sim_guest *g, struct sim_guest_call *call)
{
	return pci_tdi_lock(sim_guest_tdi(g), &call->result);
}

static int sim_guest_call_stop(struct sim_guest *g, struct sim_guest_call *call)
{
	return pci_tdi_stop(sim_guest_tdi(g), &call->result);
}

static int sim_guest_call_req(struct sim_guest *g, struct sim_guest_call *call)
{
	struct pci_tdi *tdi = sim_guest_tdi(g);

	/* one that was interrupted has said that there is no response */
	call->req->resp_len = call->room;
	return pci_tdi_check_req(tdi, call->req) ?:
	       pci_tdi_guest_req(tdi, call->req, &call->result);
}

/* Does the host listen? What does not answer for long enough is not waited for */
static int sim_guest_ask(struct sim_guest *g)
{
	while (sim_guest_lied(g, SIM_LIE_SILENT)) {
		int rc = pci_devsec_may_go_on(sim_guest_pdev(g));

		if (rc)
			return rc;
		msleep(20);
	}

	return sim_guest_lied(g, SIM_LIE_REFUSE) ? -EACCES : 0;
}

/**
 * sim_guest_host_lock() - the guest wants its function to be locked
 * @g: guest
 * @tsm_code: result code
 *
 * Return: what the host says.
 */
int sim_guest_host_lock(struct sim_guest *g, u64 *tsm_code)
{
	struct sim_guest_call call = { .g = g, .fn = sim_guest_call_lock };
	int rc;

	rc = sim_guest_ask(g);
	if (rc)
		return rc;
	if (sim_guest_lied(g, SIM_LIE_LOCK))
		return 0;
	rc = sim_guest_call(&call);
	*tsm_code = call.result.tsm_code;
	return sim_guest_said(g, rc);
}

/**
 * sim_guest_host_stop() - the guest wants its function to be stopped
 * @g: guest
 * @tsm_code: result code
 *
 * Return: what the host says.
 */
int sim_guest_host_stop(struct sim_guest *g, u64 *tsm_code)
{
	struct sim_guest_call call = { .g = g, .fn = sim_guest_call_stop };
	int rc;

	rc = sim_guest_ask(g);
	if (rc)
		return rc;
	if (sim_guest_lied(g, SIM_LIE_STOP))
		return 0;
	rc = sim_guest_call(&call);
	*tsm_code = call.result.tsm_code;
	return sim_guest_said(g, rc);
}

static int sim_guest_pass_on(struct sim_guest *g, enum tsm_op op,
			     const void *msg, size_t msg_len, void *resp,
			     size_t *resp_len, u64 *tsm_code)
{
	struct pci_tdi_req req = {
		.op = op,
		.arch = TSM_ARCH_SIM,
		.req = msg,
		.req_len = msg_len,
		.resp = resp,
	};
	struct sim_guest_call call = {
		.g = g,
		.fn = sim_guest_call_req,
		.req = &req,
		.room = *resp_len,
	};
	int rc;

	rc = sim_guest_call(&call);
	*resp_len = rc ? 0 : req.resp_len;
	*tsm_code = call.result.tsm_code;
	return rc;
}

/* Does the host only say that it did this? */
static bool sim_guest_pretends(struct sim_guest *g, enum tsm_op op)
{
	static const u8 lies[] = {
		[TSM_OP_REGEN_OBJECT]	= SIM_LIE_REGEN,
		[TSM_OP_START]		= SIM_LIE_START,
		[TSM_OP_VALIDATE_MMIO]	= SIM_LIE_MMIO,
		[TSM_OP_ENABLE_DMA]	= SIM_LIE_DMA_ON,
		[TSM_OP_DISABLE_DMA]	= SIM_LIE_DMA_OFF,
	};

	return op < ARRAY_SIZE(lies) && lies[op] && sim_guest_lied(g, lies[op]);
}

static bool sim_guest_lies_about(struct sim_guest *g, u32 type)
{
	u32 about = READ_ONCE(g->lie_type);

	return about == U32_MAX || about == type;
}

/* What the host makes of a part of an object */
static void sim_guest_spoil(struct sim_guest *g,
			    const struct tsm_read_object *read, u8 *bytes,
			    size_t *len)
{
	if (!read->offset && sim_guest_lied(g, SIM_LIE_OBJECT) &&
	    sim_guest_lies_about(g, read->type))
		*bytes ^= 1;
	if (sim_guest_lied(g, SIM_LIE_SHORT))
		--*len;
	/* it need not be there to be said */
	if (sim_guest_lied(g, SIM_LIE_LONG))
		*len += SZ_4K;
}

/**
 * sim_guest_host_req() - the guest has a request for the host to pass on
 * @g: guest
 * @op: &enum tsm_op
 * @req: request
 * @req_len: its bytes
 * @resp: where the response goes
 * @resp_len: bytes that fit there; then those that are there
 * @tsm_code: result code
 *
 * Return: what the host says.
 */
int sim_guest_host_req(struct sim_guest *g, enum tsm_op op, const void *req,
		       size_t req_len, void *resp, size_t *resp_len,
		       u64 *tsm_code)
{
	struct tsm_validate_mmio where;
	struct tsm_regen_object regen;
	int rc;

	rc = sim_guest_ask(g);
	if (rc)
		return rc;
	if (sim_guest_pretends(g, op)) {
		if (*resp_len)
			memset(resp, 0, *resp_len);
		return 0;
	}
	if (op == TSM_OP_REGEN_OBJECT && sim_guest_lied(g, SIM_LIE_NONCE)) {
		memcpy(&regen, req, sizeof(regen));
		get_random_bytes(regen.nonce, sizeof(regen.nonce));
		req = &regen;
	}
	if (op == TSM_OP_VALIDATE_MMIO && sim_guest_lied(g, SIM_LIE_WHERE)) {
		memcpy(&where, req, sizeof(where));
		where.gpa += SZ_1M;
		req = &where;
	}

	rc = sim_guest_pass_on(g, op, req, req_len, resp, resp_len, tsm_code);
	if (!rc && op == TSM_OP_READ_OBJECT && *resp_len)
		sim_guest_spoil(g, req, resp, resp_len);
	if (!rc && op == TSM_OP_START && sim_guest_lied(g, SIM_LIE_EARLY))
		rc = sim_guest_pass_on(g, TSM_OP_ENABLE_DMA, NULL, 0, NULL,
				       resp_len, tsm_code);
	return sim_guest_said(g, rc);
}

/**
 * sim_guest_firmware_msg() - the guest has a message for the trusted firmware
 * @g: guest
 * @msg: %TSM_OP_GUEST_MSG
 * @len: its bytes
 * @resp: where the answer goes
 * @resp_len: its bytes
 *
 * Of this the host sees nothing that it could change.
 *
 * Return: 0; -ENXIO if there is no such TDI any more; -EPROTO if the answer has
 * another length; an error of the conversation.
 */
int sim_guest_firmware_msg(struct sim_guest *g, const void *msg, size_t len,
			   void *resp, size_t resp_len)
{
	u64 tsm_code = 0;
	size_t n = resp_len;
	int rc;

	rc = sim_guest_pass_on(g, TSM_OP_GUEST_MSG, msg, len, resp, &n,
			       &tsm_code);
	return rc ?: n == resp_len ? 0 : -EPROTO;
}

/* --- guests --------------------------------------------------------------------- */

/**
 * sim_guest_destroy() - undo sim_guest_create()
 * @g: guest, or NULL
 *
 * Its function is unlocked.
 */
void sim_guest_destroy(struct sim_guest *g)
{
	if (!g)
		return;
	sim_host_clear_guest(&g->tdi_object->tdi.host, g->pdev);
	sim_guest_tsm_down(g);
	/* the function is unlocked */
	if (g->view.guest) {
		sim_tvm_unshare(&g->share);
		sim_vm_drop_view(g->vm, &g->view);
	}
	sim_guest_bus_down(g);
	sim_vm_put(g->vm);
	pci_dev_put(g->host);
	sim_object_put(g->other);
	sim_object_put(g->tdi_object);
	kfree(g);
}

static struct sim_guest *sim_guest_create(struct sim_object *tdi, u16 rid,
					  u32 bar0)
{
	struct sim_guest *g = kzalloc_obj(*g);
	int rc;

	if (!g)
		return ERR_PTR(-ENOMEM);
	kref_get(&tdi->ref);
	g->tdi_object = tdi;
	g->tdi = tdi->tdi.tdi;
	kref_get(&tdi->tdi.host.vm->ref);
	g->vm = tdi->tdi.host.vm;
	g->host = pci_dev_get(tdi->tdi.host.pdev);
	g->rid = rid;
	g->bar_size[0] = bar0;
	if (!g->host->is_virtfn)
		g->bar_size[2] = SIM_BAR2_SIZE;

	rc = sim_guest_bus_up(g);
	rc = rc ?: sim_guest_tsm_up(g);
	rc = rc ?: sim_host_set_guest(&tdi->tdi.host, g->pdev);
	if (rc) {
		sim_guest_destroy(g);
		return ERR_PTR(rc);
	}
	g->view.host = sim_function_from_pdev(g->host);
	g->view.guest = &g->fn;
	sim_vm_add_view(g->vm, &g->view);
	g->share.host = g->view.host;
	g->share.guest = &g->fn;
	sim_tvm_share(&g->share);
	return g;
}

/*
 * guest NAME tdi=NAME [rid=N] [bar0=BYTES]: who plugs the function in somewhere
 * else than the TDI says, or changes its BAR, is dishonest
 */
static int sim_cmd_guest(struct sim_cmd *cmd)
{
	u64 rid, bar0;
	int rc;

	struct sim_object *tdi __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, sim_arg(cmd, "tdi"));
	if (IS_ERR(tdi))
		return PTR_ERR(tdi);
	rc = sim_arg_u64(cmd, "rid", tdi->tdi.guest_rid, &rid);
	rc = rc ?: sim_arg_u64(cmd, "bar0", SIM_BAR0_SIZE, &bar0);
	if (rc)
		return rc;
	/* a bus is scanned from function 0 of a device on */
	if (rid > U16_MAX || rid % 8 || bar0 < SZ_4K || bar0 > SZ_1M ||
	    !is_power_of_2(bar0))
		return -EINVAL;

	struct sim_object *o __free(sim_object_put) =
		sim_object_new(cmd, SIM_OBJECT_GUEST);
	if (IS_ERR(o))
		return PTR_ERR(o);
	o->guest = sim_guest_create(tdi, rid, bar0);
	if (IS_ERR(o->guest)) {
		rc = PTR_ERR(o->guest);
		o->guest = NULL;
		return rc;
	}
	/* once it can be found by its name, others may take it away */
	seq_buf_printf(&cmd->client->out, "bdf=%s tsm=%s\n",
		       pci_name(o->guest->pdev),
		       dev_name(&o->guest->tsm_dev->dev));
	rc = sim_object_publish(o);
	if (!rc)
		retain_and_null_ptr(o);
	return rc;
}

static int sim_cmd_guest_put(struct sim_cmd *cmd)
{
	return sim_cmd_destroy(cmd, SIM_OBJECT_GUEST);
}

/* lie NAME about=WHAT [type=N] [tdi=NAME]; a guest is about one other TDI at most */
static int sim_cmd_lie(struct sim_cmd *cmd)
{
	const char *about = sim_arg(cmd, "about");
	u64 type;
	int lie, rc;

	if (!about)
		return -EINVAL;
	lie = match_string(sim_lie_names, ARRAY_SIZE(sim_lie_names), about);
	if (lie < 0)
		return -EINVAL;
	rc = sim_arg_u64(cmd, "type", U32_MAX, &type);
	if (rc)
		return rc;

	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_GUEST, cmd->arg[1]);
	if (IS_ERR(o))
		return PTR_ERR(o);
	if (lie == SIM_LIE_SWAP) {
		struct sim_object *tdi __free(sim_object_put) =
			sim_object_get(SIM_OBJECT_TDI, sim_arg(cmd, "tdi"));
		if (IS_ERR(tdi))
			return PTR_ERR(tdi);
		/* the guest may be asking about it right now */
		if (!cmpxchg(&o->guest->other, NULL, tdi))
			retain_and_null_ptr(tdi);
		else if (o->guest->other != tdi)
			return -EBUSY;
	}
	WRITE_ONCE(o->guest->lie_type, type);
	/* pairs with sim_guest_lied() */
	smp_store_release(&o->guest->lie, lie);
	return 0;
}

const struct sim_command sim_guest_commands[] = {
	{ "guest", sim_cmd_guest },
	{ "guest-put", sim_cmd_guest_put },
	{ "lie", sim_cmd_lie },
	{ }
};
