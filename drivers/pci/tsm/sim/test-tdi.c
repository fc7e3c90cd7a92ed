// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fixture of the KUnit tests of TDISP.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>
#include <linux/unaligned.h>

#include "../spdm/ide-km.h"
#include "test-tdi.h"

/* Config space */

u32 tdi_cfg_read(struct kunit *test, int fn, unsigned int where, int size)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_function_read(&d->fn[fn], where, size);
}

void tdi_cfg_write(struct kunit *test, int fn, unsigned int where, int size,
		   u32 val)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	sim_function_write(&d->fn[fn], where, size, val);
}

u32 tdi_port_read(struct kunit *test, int where, int size)
{
	struct sim_device *d = to_dev(test);
	u32 val;

	guard(raw_spinlock_irqsave)(&d->lock);
	pci_bridge_emul_conf_read(&d->port, where, size, &val);
	return val;
}

void tdi_port_write(struct kunit *test, int where, int size, u32 val)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	pci_bridge_emul_conf_write(&d->port, where, size, val);
}

/* The same offset at both ends */
unsigned int tdi_ide_reg(unsigned int block, unsigned int reg)
{
	return SIM_EXT_IDE + PCI_IDE_LINK_STREAM_0 +
	       block * PCI_IDE_SEL_BLOCK_SIZE(SIM_IDE_NR_ADDR) + reg;
}

/* Where tdi_config_set_up() puts a BAR; the VFs' one is split between them */
u64 tdi_bar(int fn, int bar)
{
	u64 base = 16ULL * SZ_1G;

	if (fn >= VF0)
		return base + 8 * SZ_1M + (u64)(fn - VF0) * SIM_VF_BAR_SIZE;
	return base + fn * SZ_1M + bar * SZ_256K;
}

static void tdi_bar_write(struct kunit *test, int fn, unsigned int where,
			  u64 val)
{
	tdi_cfg_write(test, fn, where, 4, lower_32_bits(val));
	tdi_cfg_write(test, fn, where + 4, 4, upper_32_bits(val));
}

/* As the PCI core and the drivers leave it */
void tdi_config_set_up(struct kunit *test)
{
	unsigned int sriov = SIM_EXT_SRIOV;
	u16 on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	tdi_port_write(test, PCI_PRIMARY_BUS, 4,
		       (TEST_BUS + 1) << 16 | TEST_BUS << 8);
	tdi_cfg_write(test, PF0, sriov + PCI_SRIOV_CTRL, 2, 0);
	for (int fn = PF0; fn < NR_FNS; fn++) {
		struct sim_device *d = to_dev(test);

		scoped_guard(raw_spinlock_irqsave, &d->lock)
			sim_function_reset(&d->fn[fn]);
		if (fn < VF0) {
			tdi_bar_write(test, fn, PCI_BASE_ADDRESS_0,
				      tdi_bar(fn, 0));
			tdi_bar_write(test, fn, PCI_BASE_ADDRESS_2,
				      tdi_bar(fn, 2));
		}
	}
	tdi_bar_write(test, PF0, sriov + PCI_SRIOV_BAR, tdi_bar(VF0, 0));
	tdi_cfg_write(test, PF0, sriov + PCI_SRIOV_NUM_VF, 2, TEST_VFS);
	tdi_cfg_write(test, PF0, sriov + PCI_SRIOV_CTRL, 2,
		      PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	for (int fn = PF0; fn < NR_FNS; fn++)
		tdi_cfg_write(test, fn, PCI_COMMAND, 2, on);
}

/* SPDM */

static int tdi_converse(struct kunit *test, int rc)
{
	struct tdi_test *t = to_tdi_test(test);

	while (rc == SPDM_SEND) {
		/* As the mailbox has it: whole dwords */
		size_t len = round_up(t->io.req_len, 4);

		memset(t->object, 0, len);
		memcpy(t->object, t->io.req, t->io.req_len);
		sim_fault_request(t->d, t->io.doe_type, t->object, len);
		rc = sim_dsm_exchange(t->d, t->io.doe_type, t->object, len,
				      t->io.rsp, t->io.rsp_size);
		if (rc < 0)
			return rc;
		if (!rc)
			return -ETIMEDOUT;
		rc = spdm_requester_step(&t->requester, rc, &t->io);
	}
	return rc;
}

int tdi_connect(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);

	return tdi_converse(test, spdm_requester_connect(&t->requester,
							 &t->io));
}

int tdi_session_end(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);

	return tdi_converse(test, spdm_requester_end(&t->requester, &t->io));
}

/* What the session is about, without its encryption */
static int tdi_vendor_as(struct kunit *test, u32 session, u8 protocol,
			 const void *msg, size_t len)
{
	struct tdi_test *t = to_tdi_test(test);
	struct sim_dsm *dsm = t->d->dsm;
	int rc;

	guard(mutex)(&dsm->lock);
	if (protocol == SPDM_PROTO_TDISP)
		rc = sim_tdisp_request(dsm, session, msg, len, t->payload,
				       sizeof(t->payload));
	else
		rc = sim_ide_km_request(dsm, session, msg, len, t->payload,
					sizeof(t->payload));
	if (rc < 0)
		return rc;
	t->payload_len = rc;
	return rc ? 0 : -ETIMEDOUT;
}

/* One vendor defined message; its answer goes to tdi_test::payload */
static int tdi_vendor(struct kunit *test, u8 protocol, const void *msg,
		      size_t len)
{
	struct tdi_test *t = to_tdi_test(test);
	const void *payload;
	int rc;

	if (t->session)
		return tdi_vendor_as(test, t->session, protocol, msg, len);
	rc = tdi_converse(test, spdm_requester_vendor(&t->requester, protocol,
						      msg, len, &t->io));
	if (rc)
		return rc;
	rc = spdm_requester_vendor_response(&t->requester, &payload,
					    &t->payload_len);
	KUNIT_ASSERT_EQ(test, rc, 0);
	KUNIT_ASSERT_LE(test, t->payload_len, sizeof(t->payload));
	memcpy(t->payload, payload, t->payload_len);
	return 0;
}

/* IDE */

/* Both ends as the host sets them up, with @ctl on top at the endpoint */
void tdi_stream_set_up(struct kunit *test, u32 ctl)
{
	u32 id = FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM);

	tdi_cfg_write(test, PF0, tdi_ide_reg(TEST_EP_BLOCK, PCI_IDE_SEL_RID_2),
		      4, PCI_IDE_SEL_RID_2_VALID);
	tdi_cfg_write(test, PF0, tdi_ide_reg(TEST_EP_BLOCK, PCI_IDE_SEL_CTL), 4,
		      0);
	tdi_cfg_write(test, PF0, tdi_ide_reg(TEST_EP_BLOCK, PCI_IDE_SEL_CTL), 4,
		      id | ctl);
	tdi_port_write(test, tdi_ide_reg(TEST_PORT_BLOCK, PCI_IDE_SEL_RID_2), 4,
		       PCI_IDE_SEL_RID_2_VALID);
	tdi_port_write(test, tdi_ide_reg(TEST_PORT_BLOCK, PCI_IDE_SEL_CTL), 4,
		       id);
}

static void tdi_ide_km(struct kunit *test, struct ide_km_msg *msg, u8 object)
{
	struct tdi_test *t = to_tdi_test(test);
	struct ide_km_msg ack;
	u8 buf[64];
	int len = ide_km_encode(msg, buf, sizeof(buf));

	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_ASSERT_EQ(test, 0, tdi_vendor(test, SPDM_PROTO_IDE_KM, buf, len));
	KUNIT_ASSERT_EQ(test, 0, ide_km_parse(t->payload, t->payload_len,
					      &ack));
	KUNIT_ASSERT_EQ(test, ack.object, object);
	KUNIT_ASSERT_EQ(test, ack.status, IDE_KM_SUCCESS);
}

/* Keys of one set at both ends, and their use */
void tdi_key(struct kunit *test, u8 set)
{
	struct sim_device *d = to_dev(test);

	for (int k = 0; k < 12; k++) {
		u8 dir = k / 3 % 2, sub = k % 3;
		struct ide_km_msg msg = {
			.object = k < 6 ? IDE_KM_KEY_PROG : IDE_KM_K_SET_GO,
			.stream_id = TEST_STREAM,
			.key_set = set,
			.direction = dir,
			.sub_stream = sub,
		};

		memset(msg.key, set << 4 | dir << 2 | sub, sizeof(msg.key));
		ide_km_initial_iv(msg.iv);
		tdi_ide_km(test, &msg, k < 6 ? IDE_KM_KP_ACK :
					       IDE_KM_K_GOSTOP_ACK);
		if (k < 6)
			sim_ide_key_program(&d->port_ide, TEST_STREAM, set,
					    !dir, sub, msg.key, msg.iv);
		else
			sim_ide_key_go(&d->port_ide, TEST_STREAM, set, !dir,
				       sub);
	}
}

/* The default stream, keyed over the session, and enabled at both ends */
void tdi_stream_secure(struct kunit *test)
{
	u32 id = FIELD_PREP(PCI_IDE_SEL_CTL_ID, TEST_STREAM);

	tdi_stream_set_up(test, PCI_IDE_SEL_CTL_DEFAULT);
	tdi_key(test, 0);
	tdi_cfg_write(test, PF0, tdi_ide_reg(TEST_EP_BLOCK, PCI_IDE_SEL_CTL), 4,
		      id | PCI_IDE_SEL_CTL_DEFAULT | PCI_IDE_SEL_CTL_EN);
	tdi_port_write(test, tdi_ide_reg(TEST_PORT_BLOCK, PCI_IDE_SEL_CTL), 4,
		       id | PCI_IDE_SEL_CTL_EN);
}

/* TDISP */

/* Any bytes; the answer goes to tdi_test::payload */
int tdi_send(struct kunit *test, const void *msg, size_t len)
{
	return tdi_vendor(test, SPDM_PROTO_TDISP, msg, len);
}

/*
 * The same for bytes with a header. Returns the code of a TDISP_ERROR, or 0; it
 * says no more than the code, but what the specification wants.
 */
u32 tdi_send_raw(struct kunit *test, const u8 *req, size_t len)
{
	struct tdi_test *t = to_tdi_test(test);
	u32 code, data;

	KUNIT_ASSERT_EQ(test, tdi_send(test, req, len), 0);
	KUNIT_ASSERT_GE(test, t->payload_len, TDISP_HDR_SIZE);
	KUNIT_EXPECT_EQ(test, t->payload[0], TDISP_VERSION_1_0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(t->payload + 4),
			get_unaligned_le32(req + 4) & GENMASK(24, 0));
	if (t->payload[1] != TDISP_ERROR) {
		KUNIT_EXPECT_EQ(test, t->payload[1], req[1] & 0x7f);
		return 0;
	}
	KUNIT_EXPECT_EQ(test, t->payload_len, TDISP_HDR_SIZE + 8);
	code = get_unaligned_le32(t->payload + TDISP_HDR_SIZE);
	data = get_unaligned_le32(t->payload + TDISP_HDR_SIZE + 4);
	KUNIT_EXPECT_EQ(test, data,
			code == TDISP_UNSUPPORTED_REQUEST ? req[1] : 0);
	return code;
}

struct tdisp_msg tdi_request(struct kunit *test, int fn, u8 type)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	return (struct tdisp_msg) {
		.type = type,
		.rid = sim_function_rid(&d->fn[fn]),
	};
}

/* Returns the code of a TDISP_ERROR, or 0; the answer goes to tdi_test::rsp */
u32 tdi_ask(struct kunit *test, const struct tdisp_msg *req)
{
	struct tdi_test *t = to_tdi_test(test);
	u8 buf[TDISP_MAX_REQ];
	int len = tdisp_encode(req, buf, sizeof(buf));

	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_ASSERT_EQ(test, 0, tdi_send(test, buf, len));
	KUNIT_ASSERT_EQ(test, 0, tdisp_parse_response(t->payload,
						      t->payload_len, req,
						      &t->rsp));
	return t->rsp.type == TDISP_ERROR ? t->rsp.error.code : 0;
}

u32 tdi_simple(struct kunit *test, int fn, u8 type)
{
	struct tdisp_msg req = tdi_request(test, fn, type);

	return tdi_ask(test, &req);
}

/* Version and capabilities, before all else */
void tdi_negotiate(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, tdi_simple(test, PF0, TDISP_GET_VERSION));
	KUNIT_ASSERT_EQ(test, 0, tdi_simple(test, PF0, TDISP_GET_CAPABILITIES));
}

u32 tdi_lock_with(struct kunit *test, int fn, const struct tdisp_lock *lock)
{
	struct tdisp_msg req = tdi_request(test, fn,
					   TDISP_LOCK_INTERFACE_REQUEST);
	struct tdi_test *t = to_tdi_test(test);
	u32 error;

	req.lock = *lock;
	error = tdi_ask(test, &req);
	if (!error)
		memcpy(t->nonce[fn], t->rsp.nonce, sizeof(t->nonce[fn]));
	return error;
}

u32 tdi_lock(struct kunit *test, int fn)
{
	struct tdisp_lock lock = { .stream_id = TEST_STREAM };

	return tdi_lock_with(test, fn, &lock);
}

u32 tdi_start(struct kunit *test, int fn)
{
	struct tdisp_msg req = tdi_request(test, fn,
					   TDISP_START_INTERFACE_REQUEST);

	memcpy(req.nonce, to_tdi_test(test)->nonce[fn], sizeof(req.nonce));
	return tdi_ask(test, &req);
}

u32 tdi_stop(struct kunit *test, int fn)
{
	return tdi_simple(test, fn, TDISP_STOP_INTERFACE_REQUEST);
}

/* The whole report; 0 if it does not come */
size_t tdi_report(struct kunit *test, int fn, u8 *report, size_t size)
{
	struct tdisp_msg req = tdi_request(test, fn, 0);
	struct tdisp_report r = { .buf = report, .size = size };
	int rc;

	do {
		tdisp_report_next(&r, U16_MAX, &req);
		if (tdi_ask(test, &req))
			return 0;
		rc = tdisp_report_add(&r, &to_tdi_test(test)->rsp);
	} while (rc > 0);
	return rc ? 0 : r.len;
}

/* States */

u8 tdi_state(struct kunit *test, int fn)
{
	struct sim_device *d = to_dev(test);

	guard(raw_spinlock_irqsave)(&d->lock);
	return sim_function_tdi_state(&d->fn[fn]);
}

/* By the shortest way */
void tdi_to_state(struct kunit *test, int fn, u8 state)
{
	struct sim_device *d = to_dev(test);

	KUNIT_ASSERT_EQ(test, 0, tdi_stop(test, fn));
	if (state != SIM_TDI_UNLOCKED)
		KUNIT_ASSERT_EQ(test, 0, tdi_lock(test, fn));
	if (state == SIM_TDI_RUN)
		KUNIT_ASSERT_EQ(test, 0, tdi_start(test, fn));
	if (state == SIM_TDI_ERROR) {
		guard(raw_spinlock_irqsave)(&d->lock);
		sim_function_tdi_error(&d->fn[fn], SIM_TDI_DEVICE);
	}
	KUNIT_ASSERT_EQ(test, tdi_state(test, fn), state);
}

void tdi_all_to_state(struct kunit *test, u8 state)
{
	struct sim_device *d = to_dev(test);

	for (int fn = PF0; fn < NR_FNS; fn++)
		tdi_to_state(test, fn, state);
	memset(d->tdi_errors, 0, sizeof(d->tdi_errors));
}

/*
 * After tdi_all_to_state(@before): these functions went to ERROR, for this
 * reason and for no other, and all others are where they were.
 */
void tdi_expect_errors(struct kunit *test, const char *what, unsigned int fns,
		       u8 before, enum sim_tdi_cause why)
{
	struct sim_device *d = to_dev(test);

	for (int fn = PF0; fn < NR_FNS; fn++)
		KUNIT_EXPECT_EQ_MSG(test, tdi_state(test, fn),
				    fns & BIT(fn) ? SIM_TDI_ERROR : before,
				    "%s: function %d", what, fn);
	for (int i = 0; i < SIM_TDI_NR_CAUSES; i++)
		KUNIT_EXPECT_EQ_MSG(test, d->tdi_errors[i],
				    i == why ? hweight32(fns) : 0,
				    "%s: cause %s", what,
				    sim_tdi_cause_name(i));
}

/*
 * Whatever became of the device: present, configured, keyed in this session and
 * negotiated with, its functions unlocked. For tests without encryption.
 */
void tdi_start_over(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);
	struct sim_device *d = t->d;

	KUNIT_ASSERT_NE(test, t->session, 0);
	if (d->presence != SIM_PRESENT) {
		sim_device_dismantle(d);
		KUNIT_ASSERT_EQ(test, sim_device_build(d), 0);
	}
	tdi_port_write(test, PCI_BRIDGE_CONTROL, 2, 0);
	tdi_port_write(test, d->port.pcie_start + PCI_EXP_LNKCTL, 2, 0);
	/* Its sessions end in a work item */
	flush_work(&d->doe.exchange);

	scoped_guard(raw_spinlock_irqsave, &d->lock)
		for (int fn = PF0; fn < NR_FNS; fn++)
			sim_tdi_unlock(&d->fn[fn]);
	tdi_config_set_up(test);
	tdi_stream_secure(test);
	tdi_negotiate(test);
}

/* All of it, so that a function can be locked at once */
int tdi_test_init(struct kunit *test)
{
	struct tdi_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct spdm_requester_config cfg = {
		.crypto = &spdm_kernel_crypto,
		.identity = "Vendor=1b36:Device=0110:CC=120000:REV=01:SSVID=1af4:SSID=1100",
	};

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->d = sim_device_create();
	KUNIT_ASSERT_NOT_NULL(test, t->d);
	t->d->nr_functions = TEST_PFS;
	t->d->total_vfs = TEST_VFS;
	KUNIT_ASSERT_EQ(test, sim_device_build(t->d), 0);
	tdi_config_set_up(test);

	/* The chain object has the root's hash */
	cfg.root_hash = t->d->dsm->responder.cfg.chain +
			offsetof(struct spdm_cert_chain, root_hash);
	cfg.chain_buf = t->chain;
	cfg.chain_size = sizeof(t->chain);
	KUNIT_ASSERT_EQ(test, spdm_requester_init(&t->requester, &cfg), 0);
	KUNIT_ASSERT_EQ(test, tdi_connect(test), 0);
	tdi_stream_secure(test);
	tdi_negotiate(test);
	return 0;
}

/*
 * The same for tests of what is not in the encryption: from then on messages go
 * to the DSM directly, in the name of the session.
 */
int tdi_test_init_direct(struct kunit *test)
{
	int rc = tdi_test_init(test);
	struct tdi_test *t = to_tdi_test(test);

	t->session = spdm_requester_session(&t->requester);
	return rc;
}

void tdi_test_exit(struct kunit *test)
{
	struct tdi_test *t = to_tdi_test(test);

	if (!t || !t->d)
		return;
	spdm_requester_wipe(&t->requester);
	sim_device_dismantle(t->d);
	sim_device_destroy(t->d);
}

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_IMPORT_NS("TSM_SPDM");
MODULE_DESCRIPTION("KUnit tests for TDISP of the simulated devices");
MODULE_LICENSE("GPL");
