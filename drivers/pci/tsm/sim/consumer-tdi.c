// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of the test consumer about TDIs: what iommufd does for its ioctls.
 */
#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>

#include "consumer.h"
#include "sim.h"

static struct pci_dev *sim_arg_pdev(const struct sim_cmd *cmd)
{
	unsigned int domain, bus, slot, func;
	const char *text = sim_arg(cmd, "bdf");
	struct pci_dev *pdev;

	if (!text || sscanf(text, "%x:%x:%x.%x", &domain, &bus, &slot,
			    &func) != 4)
		return ERR_PTR(-EINVAL);
	pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, func));
	return pdev ?: ERR_PTR(-ENODEV);
}

static void sim_out_result(struct sim_client *c,
			   const struct pci_tdi_result *r)
{
	seq_buf_printf(&c->out, "tsm_code=%#llx generation=%llu flags=%#x\n",
		       r->tsm_code, r->generation, r->flags);
}

/* Secure vIOMMUs: viommu NAME bdf=BDF vm=NAME [type=N], viommu-put NAME */

static int sim_cmd_viommu(struct sim_cmd *cmd)
{
	u64 type;
	int rc;

	rc = sim_arg_u64(cmd, "type", SIM_VIOMMU_TYPE, &type);
	if (rc)
		return rc;

	struct pci_dev *pdev __free(pci_dev_put) = sim_arg_pdev(cmd);
	if (IS_ERR(pdev))
		return PTR_ERR(no_free_ptr(pdev));
	struct sim_object *vm __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_VM, sim_arg(cmd, "vm"));
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	struct sim_object *o __free(sim_object_put) =
		sim_object_new(cmd, SIM_OBJECT_VIOMMU);
	if (IS_ERR(o))
		return PTR_ERR(o);

	struct pci_tdi_vm core_vm = sim_vm_for_core(vm->vm);
	struct pci_tdi_viommu *viommu = pci_tdi_viommu_create(pdev, type,
							      &core_vm);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	o->viommu = viommu;
	rc = sim_object_publish(o);
	if (!rc)
		retain_and_null_ptr(o);
	return rc;
}

static int sim_cmd_viommu_put(struct sim_cmd *cmd)
{
	return sim_cmd_destroy(cmd, SIM_OBJECT_VIOMMU);
}

/* TDIs: query bdf=BDF */

static int sim_cmd_query(struct sim_cmd *cmd)
{
	struct pci_tdi_caps caps = {};
	int rc;

	struct pci_dev *pdev __free(pci_dev_put) = sim_arg_pdev(cmd);
	if (IS_ERR(pdev))
		return PTR_ERR(no_free_ptr(pdev));
	rc = pci_tdi_query(pdev, &caps);
	if (rc)
		return rc;
	seq_buf_printf(&cmd->client->out,
		       "tsm=%u arch=%u op_mask=%#llx max_req=%u max_resp=%u guest_rid_bits=%u viommu_types=%#llx\n",
		       caps.tsm_id, caps.arch, caps.op_mask, caps.max_req_len,
		       caps.max_resp_len, caps.guest_rid_bits,
		       caps.viommu_types);
	return 0;
}

/* create NAME bdf=BDF vm=NAME rid=N [viommu=NAME] */

static int sim_cmd_create(struct sim_cmd *cmd)
{
	struct pci_tdi_create_args args = { .host_ops = &sim_host_ops };
	const char *viommu_name = sim_arg(cmd, "viommu");
	struct pci_tdi *tdi;
	int rc;

	rc = sim_arg_u64(cmd, "rid", 0, &args.guest_rid);
	if (rc)
		return rc;

	struct pci_dev *pdev __free(pci_dev_put) = sim_arg_pdev(cmd);
	if (IS_ERR(pdev))
		return PTR_ERR(no_free_ptr(pdev));
	struct sim_object *vm __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_VM, sim_arg(cmd, "vm"));
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	struct sim_object *viommu __free(sim_object_put) = viommu_name ?
		sim_object_get(SIM_OBJECT_VIOMMU, viommu_name) : NULL;
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	struct sim_object *o __free(sim_object_put) =
		sim_object_new(cmd, SIM_OBJECT_TDI);
	if (IS_ERR(o))
		return PTR_ERR(o);

	sim_host_init(&o->tdi.host, pdev, vm->vm);
	args.vm = sim_vm_for_core(vm->vm);
	args.viommu = viommu ? viommu->viommu : NULL;
	args.host_priv = &o->tdi.host;
	tdi = pci_tdi_create(pdev, &args);
	if (IS_ERR(tdi))
		return PTR_ERR(tdi);

	/* pci_tdi_destroy() drops the first reference, commands use another */
	pci_tdi_get(tdi);
	o->tdi.tdi = tdi;
	o->tdi.guest_rid = args.guest_rid;
	rc = sim_object_publish(o);
	if (rc)
		pci_tdi_destroy(tdi);
	else
		retain_and_null_ptr(o);
	return rc;
}

/* lock NAME, run NAME, stop NAME, disarm NAME, destroy NAME */

static int sim_cmd_step(struct sim_cmd *cmd,
			int (*step)(struct pci_tdi *tdi,
				    struct pci_tdi_result *result))
{
	struct pci_tdi_result result = {};
	int rc;

	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, cmd->arg[1]);
	if (IS_ERR(o))
		return PTR_ERR(o);
	rc = step(o->tdi.tdi, &result);
	sim_out_result(cmd->client, &result);
	return rc;
}

static int sim_cmd_lock(struct sim_cmd *cmd)
{
	return sim_cmd_step(cmd, pci_tdi_lock);
}

static int sim_cmd_run(struct sim_cmd *cmd)
{
	return sim_cmd_step(cmd, pci_tdi_run);
}

static int sim_cmd_stop(struct sim_cmd *cmd)
{
	return sim_cmd_step(cmd, pci_tdi_stop);
}

static int sim_cmd_disarm(struct sim_cmd *cmd)
{
	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, cmd->arg[1]);

	if (IS_ERR(o))
		return PTR_ERR(o);
	pci_tdi_disarm(o->tdi.tdi);
	sim_host_disarmed(&o->tdi.host);
	return 0;
}

static int sim_cmd_tdi_destroy(struct sim_cmd *cmd)
{
	return sim_cmd_destroy(cmd, SIM_OBJECT_TDI);
}

/* sleep NAME: what a driver does to its function that does not ask first */

static int sim_cmd_sleep(struct sim_cmd *cmd)
{
	struct pci_dev *pdev;
	u16 ctrl;
	int rc;

	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, cmd->arg[1]);
	if (IS_ERR(o))
		return PTR_ERR(o);
	pdev = o->tdi.host.pdev;
	/* A device that cannot sleep has its control register nowhere */
	if (!pdev->pm_cap)
		return -EOPNOTSUPP;
	pci_read_config_word(pdev, pdev->pm_cap + PCI_PM_CTRL, &ctrl);
	rc = pci_save_state(pdev);
	rc = rc ?: pci_set_power_state(pdev, PCI_D3hot);
	rc = rc ?: pci_set_power_state(pdev, PCI_D0);
	/* To write what is there still would do harm of its own */
	if (!rc && !(ctrl & PCI_PM_CTRL_NO_SOFT_RESET))
		pci_restore_state(pdev);
	return rc;
}

/* state NAME */

static int sim_cmd_state(struct sim_cmd *cmd)
{
	static const char * const names[] = {
		[TSM_TDI_UNLOCKED] = "UNLOCKED",
		[TSM_TDI_LOCKED] = "LOCKED",
		[TSM_TDI_RUN] = "RUN",
		[TSM_TDI_ERROR] = "ERROR",
	};
	struct tsm_tdi_state_resp state = {};
	int rc;

	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, cmd->arg[1]);
	if (IS_ERR(o))
		return PTR_ERR(o);
	rc = pci_tdi_get_state(o->tdi.tdi, &state);
	if (rc)
		return rc;
	if (state.state >= ARRAY_SIZE(names))
		return -ERANGE;
	seq_buf_printf(&cmd->client->out, "state=%s%s%s generation=%llu\n",
		       names[state.state],
		       state.flags & TSM_TDI_DEAD ? " DEAD" : "",
		       state.flags & TSM_TDI_QUARANTINED ? " QUARANTINED" : "",
		       state.generation);
	return 0;
}

/* req NAME op=N [arch=N] [hex=...|zeros=N] [resp=N], check NAME ... */

static int sim_cmd_request(struct sim_cmd *cmd, bool check_only)
{
	struct pci_tdi_result result = {};
	struct pci_tdi_req req = {};
	u64 op, arch, resp_len;
	u8 *bytes;
	int rc;

	rc = sim_arg_u64(cmd, "op", 0, &op);
	rc = rc ?: sim_arg_u64(cmd, "arch", TSM_ARCH_SIM, &arch);
	rc = rc ?: sim_arg_u64(cmd, "resp", 0, &resp_len);
	if (rc)
		return rc;
	if (op > U32_MAX || arch > U32_MAX || resp_len > SIM_CMD_MAX)
		return -EINVAL;

	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, cmd->arg[1]);
	if (IS_ERR(o))
		return PTR_ERR(o);
	rc = sim_out_reserve(cmd->client, 2 * resp_len + SZ_1K);
	if (rc)
		return rc;
	void *resp __free(kvfree) = resp_len ? kvzalloc(resp_len, GFP_KERNEL) :
					       NULL;
	if (resp_len && !resp)
		return -ENOMEM;
	rc = sim_arg_bytes(cmd, &bytes, &req.req_len);
	if (rc)
		return rc;

	req.op = op;
	req.arch = arch;
	req.req = bytes;
	req.resp = resp;
	req.resp_len = resp_len;
	rc = pci_tdi_check_req(o->tdi.tdi, &req);
	if (!rc && !check_only)
		rc = pci_tdi_guest_req(o->tdi.tdi, &req, &result);
	kvfree(bytes);

	if (!check_only) {
		seq_buf_printf(&cmd->client->out, "resp_len=%zu ",
			       req.resp_len);
		sim_out_result(cmd->client, &result);
	}
	if (!rc && !check_only) {
		if (WARN_ON(req.resp_len > resp_len))
			return -EOVERFLOW;
		sim_out_hex(&cmd->client->out, resp, req.resp_len);
		seq_buf_putc(&cmd->client->out, '\n');
	}
	return rc;
}

static int sim_cmd_req(struct sim_cmd *cmd)
{
	return sim_cmd_request(cmd, false);
}

static int sim_cmd_check(struct sim_cmd *cmd)
{
	return sim_cmd_request(cmd, true);
}

/* The host: hook NAME which=HOOK [err=N] [delay_ms=N], show, log, report */

static int sim_cmd_hook(struct sim_cmd *cmd)
{
	const char *which = sim_arg(cmd, "which");
	u64 err, delay_ms;
	int rc;

	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, cmd->arg[1]);
	if (IS_ERR(o))
		return PTR_ERR(o);
	rc = sim_arg_u64(cmd, "err", 0, &err);
	rc = rc ?: sim_arg_u64(cmd, "delay_ms", 0, &delay_ms);
	if (rc)
		return rc;
	if (!which || err > MAX_ERRNO || delay_ms > 10000)
		return -EINVAL;
	return sim_host_set(&o->tdi.host, which, -(int)err, delay_ms);
}

static int sim_cmd_host(struct sim_cmd *cmd,
			void (*use)(struct sim_host *h, struct seq_buf *out))
{
	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, cmd->arg[1]);

	if (IS_ERR(o))
		return PTR_ERR(o);
	use(&o->tdi.host, &cmd->client->out);
	return 0;
}

static int sim_cmd_show(struct sim_cmd *cmd)
{
	return sim_cmd_host(cmd, sim_host_show);
}

static int sim_cmd_log(struct sim_cmd *cmd)
{
	return sim_cmd_host(cmd, sim_host_show_log);
}

static int sim_cmd_log_clear(struct sim_cmd *cmd)
{
	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_TDI, cmd->arg[1]);

	if (IS_ERR(o))
		return PTR_ERR(o);
	sim_host_clear_log(&o->tdi.host);
	return 0;
}

/* totals: of all hosts, those included that are no more */
static int sim_cmd_totals(struct sim_cmd *cmd)
{
	seq_buf_printf(&cmd->client->out, "disorder=%u\n",
		       sim_hosts_disorder());
	return 0;
}

static int sim_cmd_report(struct sim_cmd *cmd)
{
	return sim_cmd_host(cmd, sim_host_show_report);
}

const struct sim_command sim_tdi_commands[] = {
	{ "viommu", sim_cmd_viommu },
	{ "viommu-put", sim_cmd_viommu_put },
	{ "query", sim_cmd_query },
	{ "create", sim_cmd_create },
	{ "lock", sim_cmd_lock },
	{ "run", sim_cmd_run },
	{ "stop", sim_cmd_stop },
	{ "disarm", sim_cmd_disarm },
	{ "destroy", sim_cmd_tdi_destroy },
	{ "sleep", sim_cmd_sleep },
	{ "state", sim_cmd_state },
	{ "req", sim_cmd_req },
	{ "check", sim_cmd_check },
	{ "hook", sim_cmd_hook },
	{ "show", sim_cmd_show },
	{ "log", sim_cmd_log },
	{ "log-clear", sim_cmd_log_clear },
	{ "report", sim_cmd_report },
	{ "totals", sim_cmd_totals },
	{ }
};
