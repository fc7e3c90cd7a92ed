/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Requests about a TDI, the secure interface of a device that is assigned to a
 * confidential VM: what a VMM passes on for its guest, and what it asks for
 * itself. The kernel interface that carries them says how (iommufd).
 */
#ifndef _UAPI_LINUX_TSM_H
#define _UAPI_LINUX_TSM_H

#include <linux/types.h>

/**
 * enum tsm_arch - whose numbers and payloads a request speaks
 * @TSM_ARCH_NONE: none, never valid in a request
 * @TSM_ARCH_CCA: Arm Confidential Compute Architecture
 * @TSM_ARCH_SEV: AMD SEV-SNP with SEV-TIO
 * @TSM_ARCH_TDX: Intel TDX Connect
 * @TSM_ARCH_SIM: the simulated platform
 */
enum tsm_arch {
	TSM_ARCH_NONE	= 0,
	TSM_ARCH_CCA	= 1,
	TSM_ARCH_SEV	= 2,
	TSM_ARCH_TDX	= 3,
	TSM_ARCH_SIM	= 255,
};

/**
 * enum tsm_op - requests about a TDI
 * @TSM_OP_VALIDATE_MMIO: let the guest reach a part of a BAR as private memory;
 *	&struct tsm_validate_mmio, no response; when LOCKED or RUN
 * @TSM_OP_START: LOCKED to RUN; no request, no response
 * @TSM_OP_ENABLE_DMA: let the device reach the guest's private memory; at most
 *	%TSM_DMA_REQ_MAX bytes that the architecture defines, no response; when
 *	LOCKED or RUN
 * @TSM_OP_DISABLE_DMA: the opposite of @TSM_OP_ENABLE_DMA, like it
 * @TSM_OP_READ_OBJECT: read a part of an object of evidence;
 *	&struct tsm_read_object, the response is the object's bytes from the
 *	offset on, as many as there are or as fit, none at its end; when
 *	connected
 * @TSM_OP_REGEN_OBJECT: have an object of evidence made anew;
 *	&struct tsm_regen_object, &struct tsm_regen_object_resp; when connected
 * @TSM_OP_OBJECT_INFO: ask for size and generation of an object of evidence;
 *	&struct tsm_object_info, &struct tsm_object_info_resp; when connected
 * @TSM_OP_GET_TDI_STATE: ask for the TDI's state; no request,
 *	&struct tsm_tdi_state_resp; in any state
 * @TSM_OP_GUEST_MSG: pass an opaque message of the guest to the TSM and its
 *	answer back; sizes and states are the architecture's
 *
 * A TSM need not have all of them: bit n of its op mask says whether it has
 * number n.
 */
enum tsm_op {
	TSM_OP_VALIDATE_MMIO	= 1,
	TSM_OP_START		= 2,
	TSM_OP_ENABLE_DMA	= 3,
	TSM_OP_DISABLE_DMA	= 4,
	TSM_OP_READ_OBJECT	= 5,
	TSM_OP_REGEN_OBJECT	= 6,
	TSM_OP_OBJECT_INFO	= 7,
	TSM_OP_GET_TDI_STATE	= 8,
	TSM_OP_GUEST_MSG	= 9,
};

/* The most that %TSM_OP_ENABLE_DMA and %TSM_OP_DISABLE_DMA take, in bytes */
#define TSM_DMA_REQ_MAX		64

/**
 * enum tsm_tdi_state - state of a TDI (PCIe r7.0 section 11.2)
 * @TSM_TDI_UNLOCKED: an ordinary function
 * @TSM_TDI_LOCKED: configuration locked, to be attested
 * @TSM_TDI_RUN: trusted by its guest
 * @TSM_TDI_ERROR: lost what it was trusted for; only UNLOCKED follows
 */
enum tsm_tdi_state {
	TSM_TDI_UNLOCKED	= 0,
	TSM_TDI_LOCKED		= 1,
	TSM_TDI_RUN		= 2,
	TSM_TDI_ERROR		= 3,
};

/*
 * Flags beside the state. DEAD: the device's connection, its TSM or the device
 * itself went away. A bind makes the TDI anew once the device is connected
 * again. QUARANTINED: a teardown failed. The platform may still hold memory of
 * the VM for this TDI, so that is never freed, and the function refuses another
 * bind until it was both reset and connected again.
 */
#define TSM_TDI_DEAD		(1U << 0)
#define TSM_TDI_QUARANTINED	(1U << 1)

/*
 * What a request did, whether or not it failed. COMMITTED: the TDI's state, or
 * what the guest can reach, has changed. QUARANTINED: see %TSM_TDI_QUARANTINED.
 */
#define TSM_OUT_COMMITTED	(1U << 0)
#define TSM_OUT_QUARANTINED	(1U << 1)

/**
 * enum tsm_object_type - evidence about a device and its TDI
 * @TSM_OBJECT_TRANSCRIPT: SPDM version, capabilities and algorithms exchanged
 * @TSM_OBJECT_CERTIFICATE_CHAIN: the device's SPDM certificate chain
 * @TSM_OBJECT_MEASUREMENTS: the device's SPDM measurements, signed
 * @TSM_OBJECT_INTERFACE_REPORT: the TDISP device interface report of the TDI
 */
enum tsm_object_type {
	TSM_OBJECT_TRANSCRIPT		= 0,
	TSM_OBJECT_CERTIFICATE_CHAIN	= 1,
	TSM_OBJECT_MEASUREMENTS		= 2,
	TSM_OBJECT_INTERFACE_REPORT	= 3,
};

/**
 * enum tsm_digest_alg - hash that a TSM keeps of an object
 * @TSM_DIGEST_NONE: none is kept
 * @TSM_DIGEST_SHA256: SHA-256
 * @TSM_DIGEST_SHA384: SHA-384
 * @TSM_DIGEST_SHA512: SHA-512
 */
enum tsm_digest_alg {
	TSM_DIGEST_NONE		= 0,
	TSM_DIGEST_SHA256	= 1,
	TSM_DIGEST_SHA384	= 2,
	TSM_DIGEST_SHA512	= 3,
};

/**
 * struct tsm_validate_mmio - request of %TSM_OP_VALIDATE_MMIO
 * @gpa: guest physical address, a multiple of 4 KiB
 * @length: bytes, a multiple of 4 KiB, not 0
 * @region: number of the BAR, 0 to 5
 * @flags: must be 0
 * @offset: where in the BAR the guest's range begins, a multiple of 4 KiB
 *
 * The range must lie in memory that the device's interface report names, and
 * that it does not call non-TEE memory.
 */
struct tsm_validate_mmio {
	__aligned_u64 gpa;
	__aligned_u64 length;
	__u32 region;
	__u32 flags;
	__aligned_u64 offset;
};

/**
 * struct tsm_read_object - request of %TSM_OP_READ_OBJECT
 * @type: &enum tsm_object_type
 * @__reserved: must be 0
 * @offset: first byte to read
 */
struct tsm_read_object {
	__u32 type;
	__u32 __reserved;
	__aligned_u64 offset;
};

/* Bytes of a nonce that goes into signed evidence (SPDM: 32 bytes) */
#define TSM_NONCE_SIZE		32

/**
 * struct tsm_regen_object - request of %TSM_OP_REGEN_OBJECT
 * @type: &enum tsm_object_type
 * @flags: must be 0
 * @nonce: goes into what the device signs
 */
struct tsm_regen_object {
	__u32 type;
	__u32 flags;
	__u8 nonce[TSM_NONCE_SIZE];
};

/**
 * struct tsm_regen_object_resp - response of %TSM_OP_REGEN_OBJECT
 * @generation: of the object that was made
 */
struct tsm_regen_object_resp {
	__aligned_u64 generation;
};

/**
 * struct tsm_object_info - request of %TSM_OP_OBJECT_INFO
 * @type: &enum tsm_object_type
 * @__reserved: must be 0
 */
struct tsm_object_info {
	__u32 type;
	__u32 __reserved;
};

/**
 * struct tsm_object_info_resp - response of %TSM_OP_OBJECT_INFO
 * @size: bytes of the object; 0 if there is none at present
 * @generation: changes whenever the object does
 * @digest_alg: &enum tsm_digest_alg of the hash that the TSM keeps of it
 * @flags: 0
 */
struct tsm_object_info_resp {
	__aligned_u64 size;
	__aligned_u64 generation;
	__u32 digest_alg;
	__u32 flags;
};

/**
 * struct tsm_tdi_state_resp - response of %TSM_OP_GET_TDI_STATE
 * @state: &enum tsm_tdi_state
 * @flags: %TSM_TDI_DEAD, %TSM_TDI_QUARANTINED
 * @generation: counts the locks of this TDI; 0 before the first
 */
struct tsm_tdi_state_resp {
	__u32 state;
	__u32 flags;
	__aligned_u64 generation;
};

#endif /* _UAPI_LINUX_TSM_H */
