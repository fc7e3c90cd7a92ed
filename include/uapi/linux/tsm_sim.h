/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What %TSM_ARCH_SIM adds to the requests about a TDI: result codes, and the
 * messages of a guest to the TSM of the simulated platform (tsm_sim).
 */
#ifndef _UAPI_LINUX_TSM_SIM_H
#define _UAPI_LINUX_TSM_SIM_H

#include <linux/types.h>

/*
 * Result codes: what a device answered with TDISP_ERROR, ERROR_CODE in the low
 * and ERROR_DATA in the high half (PCIe r7.0 section 11.3.25), or that the TSM
 * itself fails, because it was told to.
 */
#define TSM_SIM_CODE_ERROR(code)	((__u32)(code))
#define TSM_SIM_CODE_DATA(code)		((__u32)((code) >> 32))
#define TSM_SIM_CODE_FIRMWARE		0x80000000U

/**
 * enum tsm_sim_msg_type - messages in %TSM_OP_GUEST_MSG
 * @TSM_SIM_MSG_TDI_INFO: what does the TSM know of the TDI? &struct tsm_sim_msg,
 *	answered by &struct tsm_sim_tdi_info; in any state
 *
 * The host passes evidence on and is not trusted with it. The guest asks the TSM
 * for digests and compares. Real platforms protect these messages with a key
 * that guest and TSM share, or do not let them pass through the host. The
 * simulated one has nothing to protect.
 */
enum tsm_sim_msg_type {
	TSM_SIM_MSG_TDI_INFO	= 1,
};

/**
 * struct tsm_sim_msg - a message without content
 * @type: &enum tsm_sim_msg_type
 * @__reserved: must be 0
 */
struct tsm_sim_msg {
	__u32 type;
	__u32 __reserved;
};

/* Secure vIOMMUs that a TSM has room for: one more is -ENOSPC */
#define TSM_SIM_MAX_VIOMMUS	16

/* As %TSM_NONCE_SIZE */
#define TSM_SIM_NONCE_SIZE	32

/* SHA-384 */
#define TSM_SIM_DIGEST_SIZE	48

/* Number of &enum tsm_object_type */
#define TSM_SIM_NR_OBJECTS	4

/**
 * struct tsm_sim_object - an object of evidence, as the TSM has it
 * @size: bytes of the object; 0 if there is none at present
 * @generation: as in &struct tsm_object_info_resp
 * @digest: SHA-384 of the object, 0 if there is none
 */
struct tsm_sim_object {
	__aligned_u64 size;
	__aligned_u64 generation;
	__u8 digest[TSM_SIM_DIGEST_SIZE];
};

/* The device may reach private memory of the guest, once it is in RUN */
#define TSM_SIM_TDI_DMA		(1U << 0)
/* The function is behind a secure vIOMMU */
#define TSM_SIM_TDI_VIOMMU	(1U << 1)
/* Nobody can ask the device: it is in ERROR, or will be when it finds out */
#define TSM_SIM_TDI_LOST	(1U << 2)

/**
 * struct tsm_sim_tdi_info - answer to %TSM_SIM_MSG_TDI_INFO
 * @type: %TSM_SIM_MSG_TDI_INFO
 * @state: &enum tsm_tdi_state, which the device was asked for
 * @guest_rid: number of the function in the guest
 * @flags: %TSM_SIM_TDI_DMA, %TSM_SIM_TDI_VIOMMU, %TSM_SIM_TDI_LOST
 * @mmio_bytes: how much MMIO the guest has validated
 * @object: evidence by &enum tsm_object_type
 * @measurement_nonce: what the present measurements were asked for with; 0 if
 *	there are none
 * @mmio_digest: where that MMIO is: 0, and with each range that is validated the
 *	SHA-384 of what it was before and &struct tsm_validate_mmio
 */
struct tsm_sim_tdi_info {
	__u32 type;
	__u32 state;
	__u32 guest_rid;
	__u32 flags;
	__aligned_u64 mmio_bytes;
	struct tsm_sim_object object[TSM_SIM_NR_OBJECTS];
	__u8 measurement_nonce[TSM_SIM_NONCE_SIZE];
	__u8 mmio_digest[TSM_SIM_DIGEST_SIZE];
};

#endif /* _UAPI_LINUX_TSM_SIM_H */
