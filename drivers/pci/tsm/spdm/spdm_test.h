/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The suites that make up the KUnit module of the SPDM core.
 */
#ifndef _TSM_SPDM_TEST_H
#define _TSM_SPDM_TEST_H

#include <kunit/test.h>

extern struct kunit_suite spdm_crypto_suite;

#endif /* _TSM_SPDM_TEST_H */
