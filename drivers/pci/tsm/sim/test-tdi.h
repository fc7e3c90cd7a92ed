/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit tests of TDISP share: a device with its BARs and VFs set up, a
 * requester with a session that keyed the default stream, and ways to move its
 * functions.
 */
#ifndef _TSM_SIM_TEST_TDI_H
#define _TSM_SIM_TEST_TDI_H

#include <kunit/test.h>

#include "dsm.h"

#define TEST_BUS		5
#define TEST_STREAM		9

/* Blocks of the two ends, different ones so that ids count and not places */
#define TEST_EP_BLOCK		1
#define TEST_PORT_BLOCK		4

/* Functions of the device: indices, and sets of them */
enum {
	PF0,
	PF1,
	VF0,
	VF1,
	VF2,
	NR_FNS,
};

#define TEST_PFS		VF0
#define TEST_VFS		(NR_FNS - VF0)
#define VFS			(BIT(VF0) | BIT(VF1) | BIT(VF2))
#define FAMILY			(BIT(PF0) | VFS)
#define ALL_FNS			(FAMILY | BIT(PF1))

/* A session that nobody negotiated: its messages go to the DSM directly */
#define TEST_OTHER_SESSION	0x00028002

/**
 * struct tdi_test - what a test has
 * @d: a device without a bus
 * @requester: of a real conversation with it
 * @io: what it wants to be sent
 * @session: its session, 0: the one of @requester
 * @rsp: the last answer to a TDISP request
 * @payload: its bytes
 * @payload_len: number of them
 * @nonce: of each function's last lock
 * @chain: for the requester
 * @object: a DOE object on its way
 */
struct tdi_test {
	struct sim_device *d;
	struct spdm_requester requester;
	struct spdm_io io;
	u32 session;
	struct tdisp_msg rsp;
	u8 payload[SPDM_RSP_SIZE];
	size_t payload_len;
	u8 nonce[NR_FNS][TDISP_NONCE_SIZE];
	u8 chain[SPDM_MAX_MSG];
	u8 object[SPDM_MAX_MSG];
};

static inline struct tdi_test *to_tdi_test(struct kunit *test)
{
	return test->priv;
}

static inline struct sim_device *to_dev(struct kunit *test)
{
	return to_tdi_test(test)->d;
}

int tdi_test_init(struct kunit *test);
int tdi_test_init_direct(struct kunit *test);
void tdi_test_exit(struct kunit *test);

u32 tdi_cfg_read(struct kunit *test, int fn, unsigned int where, int size);
void tdi_cfg_write(struct kunit *test, int fn, unsigned int where, int size,
		   u32 val);
u32 tdi_port_read(struct kunit *test, int where, int size);
void tdi_port_write(struct kunit *test, int where, int size, u32 val);
unsigned int tdi_ide_reg(unsigned int block, unsigned int reg);
u64 tdi_bar(int fn, int bar);
void tdi_config_set_up(struct kunit *test);

int tdi_connect(struct kunit *test);
int tdi_session_end(struct kunit *test);
void tdi_negotiate(struct kunit *test);
void tdi_stream_set_up(struct kunit *test, u32 ctl);
void tdi_key(struct kunit *test, u8 set);
void tdi_stream_secure(struct kunit *test);
void tdi_start_over(struct kunit *test);

int tdi_send(struct kunit *test, const void *msg, size_t len);
u32 tdi_send_raw(struct kunit *test, const u8 *req, size_t len);
struct tdisp_msg tdi_request(struct kunit *test, int fn, u8 type);
u32 tdi_ask(struct kunit *test, const struct tdisp_msg *req);
u32 tdi_simple(struct kunit *test, int fn, u8 type);
u32 tdi_lock_with(struct kunit *test, int fn, const struct tdisp_lock *lock);
u32 tdi_lock(struct kunit *test, int fn);
u32 tdi_start(struct kunit *test, int fn);
u32 tdi_stop(struct kunit *test, int fn);
size_t tdi_report(struct kunit *test, int fn, u8 *report, size_t size);

u8 tdi_state(struct kunit *test, int fn);
void tdi_to_state(struct kunit *test, int fn, u8 state);
void tdi_all_to_state(struct kunit *test, u8 state);
void tdi_expect_errors(struct kunit *test, const char *what, unsigned int fns,
		       u8 before, enum sim_tdi_cause why);

#endif /* _TSM_SIM_TEST_TDI_H */
