/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test PKI that gen-pki.sh makes at build time. The device's side uses
 * chains and keys, the TSM's side only the hash of the root, and verifiers the root.
 */
#ifndef _TSM_SIM_PKI_H
#define _TSM_SIM_PKI_H

#include <linux/types.h>

/* The root that the TSM trusts, in DER, and its SHA-384 */
extern const u8 sim_pki_root[];
extern const size_t sim_pki_root_len;
extern const u8 sim_pki_root_hash[];

/* What a device has: SPDM chain object, P-384 scalar of the leaf */
extern const u8 sim_pki_device_chain[];
extern const size_t sim_pki_device_chain_len;
extern const u8 sim_pki_device_priv[];

/* Same root, but the leaf of another kind of device */
extern const u8 sim_pki_impostor_chain[];
extern const size_t sim_pki_impostor_chain_len;
extern const u8 sim_pki_impostor_priv[];

/* The right name, but from another root */
extern const u8 sim_pki_stranger_chain[];
extern const size_t sim_pki_stranger_chain_len;
extern const u8 sim_pki_stranger_priv[];

#endif /* _TSM_SIM_PKI_H */
