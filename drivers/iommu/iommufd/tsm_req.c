// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guests want done with their TDIs, and VMMs: the ioctls that bind and unbind
 * one, and requests. See tsm.c for where TDIs come from.
 *
 * Who does that keeps the TDI, not the vDEVICE: whoever takes the vDEVICE away waits
 * for PCI/TSM, which is bounded, and never for a buffer of userspace, which is not.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pci-tdi.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "iommufd_private.h"

/* All of this is an ABI. */
static_assert(sizeof(struct iommu_vdevice_tsm_bind) == 32);
static_assert(sizeof(struct iommu_vdevice_tsm_unbind) == 32);
static_assert(sizeof(struct iommu_vdevice_tsm_req) == 56);

/* One function for both */
static_assert(offsetof(struct iommu_vdevice_tsm_bind, vdevice_id) ==
	      offsetof(struct iommu_vdevice_tsm_unbind, vdevice_id));
static_assert(offsetof(struct iommu_vdevice_tsm_bind, flags) ==
	      offsetof(struct iommu_vdevice_tsm_unbind, flags));
static_assert(offsetof(struct iommu_vdevice_tsm_bind, out_flags) ==
	      offsetof(struct iommu_vdevice_tsm_unbind, out_flags));
static_assert(offsetof(struct iommu_vdevice_tsm_bind, tsm_code) ==
	      offsetof(struct iommu_vdevice_tsm_unbind, tsm_code));
static_assert(offsetof(struct iommu_vdevice_tsm_bind, generation) ==
	      offsetof(struct iommu_vdevice_tsm_unbind, generation));

/* --- bind and unbind ------------------------------------------------------------ */

/* One structure for both ways */
static int iommufd_vdevice_tsm_move(struct iommufd_ucmd *ucmd,
				    int (*move)(struct pci_tdi *tdi,
						struct pci_tdi_result *result))
{
	struct iommu_vdevice_tsm_bind *cmd = ucmd->cmd;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;

	tdi = iommufd_get_tdi(ucmd, cmd->vdevice_id);
	if (IS_ERR(tdi))
		return PTR_ERR(tdi);

	/* who cannot be told how it went does not get it done */
	cmd->out_flags = 0;
	cmd->tsm_code = 0;
	cmd->generation = 0;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc)
		goto out_put;

	rc = move(tdi, &result);
	cmd->out_flags = result.flags;
	cmd->tsm_code = result.tsm_code;
	cmd->generation = result.generation;
	if (iommufd_ucmd_respond(ucmd, sizeof(*cmd)))
		rc = rc ?: -EFAULT;

out_put:
	pci_tdi_put(tdi);
	return rc;
}

/**
 * iommufd_vdevice_tsm_bind() - IOMMU_VDEVICE_TSM_BIND
 * @ucmd: with a &struct iommu_vdevice_tsm_bind
 *
 * Return: 0, or an errno that &struct iommu_vdevice_tsm_bind lists.
 */
int iommufd_vdevice_tsm_bind(struct iommufd_ucmd *ucmd)
{
	return iommufd_vdevice_tsm_move(ucmd, pci_tdi_lock);
}

/**
 * iommufd_vdevice_tsm_unbind() - IOMMU_VDEVICE_TSM_UNBIND
 * @ucmd: with a &struct iommu_vdevice_tsm_unbind
 *
 * Return: 0, or an errno that &struct iommu_vdevice_tsm_unbind lists.
 */
int iommufd_vdevice_tsm_unbind(struct iommufd_ucmd *ucmd)
{
	return iommufd_vdevice_tsm_move(ucmd, pci_tdi_stop);
}

/* --- requests -------------------------------------------------------------------- */

/* Requests and responses of a fixed size fit; they need no memory. */
#define IOMMUFD_TSM_SMALL 64

/**
 * struct iommufd_tsm_buf - kernel memory of a request or a response
 * @at: the memory, @small or allocated
 * @small: for what fits
 */
struct iommufd_tsm_buf {
	void *at;
	u8 small[IOMMUFD_TSM_SMALL] __aligned(8);
};

static bool iommufd_tsm_buf_init(struct iommufd_tsm_buf *buf, u32 len)
{
	buf->at = buf->small;
	if (len > sizeof(buf->small))
		buf->at = kvzalloc(len, GFP_KERNEL_ACCOUNT);

	return buf->at;
}

static void iommufd_tsm_buf_free(struct iommufd_tsm_buf *buf)
{
	if (buf->at != buf->small)
		kvfree(buf->at);
}

/* Lengths have been checked. The request is copied here, and only here. */
static int iommufd_tsm_copy_in(struct pci_tdi_req *req,
			       const struct iommu_vdevice_tsm_req *cmd,
			       struct iommufd_tsm_buf *in)
{
	if (!iommufd_tsm_buf_init(in, cmd->req_len))
		return -ENOMEM;

	if (copy_from_user(in->at, u64_to_user_ptr(cmd->req_uptr),
			   cmd->req_len) ||
	    fault_in_safe_writeable(u64_to_user_ptr(cmd->resp_uptr),
				    cmd->resp_len)) {
		iommufd_tsm_buf_free(in);
		return -EFAULT;
	}

	if (req->req)
		req->req = in->at;
	return 0;
}

static int iommufd_tsm_req_run(struct pci_tdi *tdi, struct pci_tdi_req *req,
			       struct iommu_vdevice_tsm_req *cmd)
{
	struct pci_tdi_result result;
	struct iommufd_tsm_buf out;
	int rc;

	if (!iommufd_tsm_buf_init(&out, cmd->resp_len))
		return -ENOMEM;

	/* a response is what a TSM says, and nothing else */
	if (out.at == out.small)
		memset(out.small, 0, cmd->resp_len);
	if (req->resp)
		req->resp = out.at;

	rc = pci_tdi_guest_req(tdi, req, &result);
	if (!rc && copy_to_user(u64_to_user_ptr(cmd->resp_uptr), out.at,
				req->resp_len)) {
		req->resp_len = 0;
		rc = -EFAULT;
	}

	cmd->tsm_code = result.tsm_code;
	cmd->out_resp_len = req->resp_len;
	cmd->out_flags = result.flags;
	iommufd_tsm_buf_free(&out);
	return rc;
}

/* Who cannot be told how it went does not get it done. */
static int iommufd_tsm_req(struct iommufd_ucmd *ucmd, struct pci_tdi *tdi)
{
	struct iommu_vdevice_tsm_req *cmd = ucmd->cmd;
	struct pci_tdi_req req = {
		.arch = cmd->tsm_arch,
		.op = cmd->op,
		.req_len = cmd->req_len,
		.resp_len = cmd->resp_len,
	};
	struct iommufd_tsm_buf in;
	int rc;

	/* whether they are there, until they are kernel memory */
	if (cmd->req_len)
		req.req = (const void *)(uintptr_t)cmd->req_uptr;
	if (cmd->resp_len)
		req.resp = (void *)(uintptr_t)cmd->resp_uptr;

	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	/* looks at lengths, not at what is there */
	rc = rc ?: pci_tdi_check_req(tdi, &req);
	rc = rc ?: iommufd_tsm_copy_in(&req, cmd, &in);
	if (rc)
		return rc;

	rc = iommufd_tsm_req_run(tdi, &req, cmd);
	iommufd_tsm_buf_free(&in);
	return rc;
}

/*
 * The state is asked for often. There is nothing to copy in or to allocate, and
 * nothing done if nobody gets the answer, so that nothing is checked twice. Any
 * other length or pointer is for those who say what is wrong with it.
 */
static bool iommufd_tsm_req_is_query(const struct iommu_vdevice_tsm_req *cmd)
{
	return cmd->op == TSM_OP_GET_TDI_STATE && !cmd->req_len &&
	       cmd->resp_len == sizeof(struct tsm_tdi_state_resp) &&
	       u64_to_user_ptr(cmd->resp_uptr);
}

static int iommufd_tsm_query(struct pci_tdi *tdi,
			     struct iommu_vdevice_tsm_req *cmd)
{
	struct tsm_tdi_state_resp state;
	struct pci_tdi_result result;
	int rc;

	rc = pci_tdi_state_req(tdi, cmd->tsm_arch, &state, &result);
	cmd->tsm_code = result.tsm_code;
	cmd->out_flags = result.flags;
	if (rc)
		return rc;

	if (copy_to_user(u64_to_user_ptr(cmd->resp_uptr), &state,
			 sizeof(state)))
		return -EFAULT;

	cmd->out_resp_len = sizeof(state);
	return 0;
}

/**
 * iommufd_vdevice_tsm_req() - IOMMU_VDEVICE_TSM_REQ
 * @ucmd: with a &struct iommu_vdevice_tsm_req
 *
 * Return: 0, or an errno that &struct iommu_vdevice_tsm_req lists.
 */
int iommufd_vdevice_tsm_req(struct iommufd_ucmd *ucmd)
{
	struct iommu_vdevice_tsm_req *cmd = ucmd->cmd;
	struct pci_tdi *tdi;
	int rc;

	tdi = iommufd_get_tdi(ucmd, cmd->vdevice_id);
	if (IS_ERR(tdi))
		return PTR_ERR(tdi);

	cmd->tsm_code = 0;
	cmd->out_resp_len = 0;
	cmd->out_flags = 0;
	if (iommufd_tsm_req_is_query(cmd))
		rc = iommufd_tsm_query(tdi, cmd);
	else
		rc = iommufd_tsm_req(ucmd, tdi);
	if (iommufd_ucmd_respond(ucmd, sizeof(*cmd)))
		rc = rc ?: -EFAULT;

	pci_tdi_put(tdi);
	return rc;
}
