/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verification of a device's certificate chain, for the requester.
 */
#ifndef _TSM_SPDM_X509_H
#define _TSM_SPDM_X509_H

#include "spdm-crypto.h"

int spdm_chain_verify(const struct spdm_crypto_ops *crypto, const void *chain,
		      size_t len, const u8 root_hash[SPDM_HASH_SIZE],
		      const char *identity, u8 leaf_pub[SPDM_PUB_SIZE]);

#endif /* _TSM_SPDM_X509_H */
