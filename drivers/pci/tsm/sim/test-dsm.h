/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit tests of the device's security manager share: a device, and its
 * link, secured without a conversation.
 */
#ifndef _TSM_SIM_TEST_DSM_H
#define _TSM_SIM_TEST_DSM_H

#include <kunit/test.h>

#include "../spdm/ide-km.h"
#include "dsm.h"

#define STREAM		9
#define SESSION		0x00018001
#define OTHER_SESSION	0x00028002

/* Blocks of the two ends, different ones so that ids count and not places */
#define EP_BLOCK	1
#define PORT_BLOCK	4

#define RSP_BYTES	SPDM_RSP_SIZE

/**
 * struct dsm_test - what a test has
 * @d: a device without a bus
 * @rsp: the last answer
 */
struct dsm_test {
	struct sim_device *d;
	u8 rsp[RSP_BYTES];
};

static inline struct sim_device *to_dev(struct kunit *test)
{
	struct dsm_test *t = test->priv;

	return t->d;
}

static inline u8 *to_rsp(struct kunit *test)
{
	struct dsm_test *t = test->priv;

	return t->rsp;
}

/* test-dsm.c */
int dsm_test_init(struct kunit *test);
void dsm_test_exit(struct kunit *test);

/* test-km.c */
void stream_set_up(struct sim_device *d);
bool stream_secure(struct sim_device *d);
struct ide_km_msg km_key(u8 object, u8 set, u8 dir, u8 sub);
void km_expect_status(struct kunit *test, u32 session,
		      const struct ide_km_msg *req, u8 status);
void km_secure(struct kunit *test, u32 session);

#endif
