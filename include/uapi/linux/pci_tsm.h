/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/pci-tsm.yaml */
/* YNL-GEN uapi header */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#ifndef _UAPI_LINUX_PCI_TSM_H
#define _UAPI_LINUX_PCI_TSM_H

#define PCI_TSM_FAMILY_NAME	"pci-tsm"
#define PCI_TSM_FAMILY_VERSION	1

#define PCI_TSM_NONCE_SIZE	32

/**
 * enum pci_tsm_object_type - Kinds of evidence, as in enum tsm_object_type.
 * @PCI_TSM_OBJECT_TYPE_TRANSCRIPT: SPDM version, capabilities and algorithms
 *   that were exchanged.
 * @PCI_TSM_OBJECT_TYPE_CERTIFICATE_CHAIN: The device's SPDM certificate chain.
 * @PCI_TSM_OBJECT_TYPE_MEASUREMENTS: The device's SPDM measurements, signed,
 *   with the verifier's nonce.
 * @PCI_TSM_OBJECT_TYPE_INTERFACE_REPORT: The TDISP device interface report of
 *   the function.
 */
enum pci_tsm_object_type {
	PCI_TSM_OBJECT_TYPE_TRANSCRIPT,
	PCI_TSM_OBJECT_TYPE_CERTIFICATE_CHAIN,
	PCI_TSM_OBJECT_TYPE_MEASUREMENTS,
	PCI_TSM_OBJECT_TYPE_INTERFACE_REPORT,
};

/*
 * Hash by which an object is identified.
 */
enum pci_tsm_digest_alg {
	PCI_TSM_DIGEST_ALG_SHA384 = 2,
};

/**
 * enum pci_tsm_state - What the VM has made of a function, as in its attribute
 *   tsm/state.
 * @PCI_TSM_STATE_UNLOCKED: An ordinary function.
 * @PCI_TSM_STATE_LOCKING: Being locked. Never announced.
 * @PCI_TSM_STATE_LOCKED: To be attested.
 * @PCI_TSM_STATE_ACCEPTING: Being started. Never announced.
 * @PCI_TSM_STATE_RUN: Accepted.
 * @PCI_TSM_STATE_UNLOCKING: Being unlocked. Never announced.
 * @PCI_TSM_STATE_LOST: No longer what was locked or accepted; to be unlocked.
 * @PCI_TSM_STATE_STUCK: Could not be unlocked.
 */
enum pci_tsm_state {
	PCI_TSM_STATE_UNLOCKED,
	PCI_TSM_STATE_LOCKING,
	PCI_TSM_STATE_LOCKED,
	PCI_TSM_STATE_ACCEPTING,
	PCI_TSM_STATE_RUN,
	PCI_TSM_STATE_UNLOCKING,
	PCI_TSM_STATE_LOST,
	PCI_TSM_STATE_STUCK,
};

enum {
	PCI_TSM_A_EVIDENCE_DEV = 1,
	PCI_TSM_A_EVIDENCE_TYPES,
	PCI_TSM_A_EVIDENCE_TYPE,
	PCI_TSM_A_EVIDENCE_GENERATION,
	PCI_TSM_A_EVIDENCE_TOTAL,
	PCI_TSM_A_EVIDENCE_OFFSET,
	PCI_TSM_A_EVIDENCE_DIGEST_ALG,
	PCI_TSM_A_EVIDENCE_DIGEST,
	PCI_TSM_A_EVIDENCE_DATA,
	PCI_TSM_A_EVIDENCE_NONCE,
	PCI_TSM_A_EVIDENCE_STATE,
	PCI_TSM_A_EVIDENCE_ERROR,
	PCI_TSM_A_EVIDENCE_PAD,

	__PCI_TSM_A_EVIDENCE_MAX,
	PCI_TSM_A_EVIDENCE_MAX = (__PCI_TSM_A_EVIDENCE_MAX - 1)
};

enum {
	PCI_TSM_CMD_GET = 1,
	PCI_TSM_CMD_REFRESH,
	PCI_TSM_CMD_VALIDATE,
	PCI_TSM_CMD_STATE_NTF,
	PCI_TSM_CMD_REFRESH_NTF,

	__PCI_TSM_CMD_MAX,
	PCI_TSM_CMD_MAX = (__PCI_TSM_CMD_MAX - 1)
};

#define PCI_TSM_MCGRP_STATE	"state"
#define PCI_TSM_MCGRP_EVIDENCE	"evidence"

#endif /* _UAPI_LINUX_PCI_TSM_H */
