// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA of TDIs: bytes get into private memory of the VM when guest, host, TSM and
 * device all say so, into no other VM's, and not a single one when any of them
 * has ceased to.
 */
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include "tsm_harness.h"
#include "tsm_vfio.h"

#define VM_BYTES	0x10000
/* In BAR0: a page of the TDI's, and one that it shares with the host */
#define BAR_BYTES	0x20000
#define BAR_PRIVATE	0x8000
#define BAR_SHARED	0x18000
#define PEER_IOVA	0x10000000
#define CHUNK		0x1000

/* Long enough for a function that still moves bytes to be caught */
#define STILL_MS	100

FIXTURE(tdi_dma)
{
	struct scene s;
	struct vfio_user user;
	struct vfio_user peer;
};

FIXTURE_SETUP(tdi_dma)
{
	sim_sweep();
	vfio_init(&self->user);
	vfio_init(&self->peer);
	test_ok(scene_build(&self->s, "alpha", 1));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(tdi_dma)
{
	trace_end();
	vfio_close(&self->peer);
	vfio_close(&self->user);
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* Offset of the DMA engine's registers in config space, or -errno */
static int engine(const char *bdf)
{
	uint32_t pos = PCI_CFG_SPACE_SIZE, hdr, id;
	int err = 0;

	while (!err && pos) {
		err = sim_cfg_read(bdf, pos, 4, &hdr);
		err = err ?: sim_cfg_read(bdf, pos + PCI_DVSEC_HEADER2, 2, &id);
		if (!err && PCI_EXT_CAP_ID(hdr) == PCI_EXT_CAP_ID_DVSEC &&
		    id == DMA_DVSEC_ID)
			return pos;
		pos = PCI_EXT_CAP_NEXT(hdr);
	}
	return err ?: -ENOENT;
}

static int engine_start(const char *bdf, uint32_t ctrl, uint64_t gpa,
			uint32_t offset, uint32_t len)
{
	const struct {
		unsigned int reg;
		uint32_t val;
	} regs[] = {
		{ DMA_CTRL, ctrl }, { DMA_IOVA, gpa }, { DMA_IOVA + 4, gpa >> 32 },
		{ DMA_OFFSET, offset }, { DMA_LEN, len },
		{ DMA_DOORBELL, DMA_GO },
	};
	int pos = engine(bdf), err = 0;
	size_t i;

	if (pos < 0)
		return pos;
	for (i = 0; !err && i < ARRAY_SIZE(regs); i++)
		err = sim_cfg_write(bdf, pos + regs[i].reg, 4, regs[i].val);
	return err;
}

/* How the transfer ended, enum dma_result, or -errno */
static int engine_wait(const char *bdf)
{
	int pos = engine(bdf), err;
	uint32_t status = 0;

	if (pos < 0)
		return pos;
	if (!sim_wait(sim_cfg_read(bdf, pos + DMA_STATUS, 4, &status) ||
		      status & DMA_DONE, DMA_TIMEOUT_MS))
		return -ETIMEDOUT;
	err = sim_cfg_write(bdf, pos + DMA_STATUS, 4, DMA_DONE);
	return err ?: (int)DMA_RESULT(status);
}

static int engine_run(const char *bdf, uint32_t ctrl, uint64_t gpa,
		      uint32_t offset, uint32_t len)
{
	int err = engine_start(bdf, ctrl, gpa, offset, len);

	return err ?: engine_wait(bdf);
}

static int set_master(const char *bdf)
{
	return sim_cfg_write(bdf, 4, 2, 4);
}

/* Fill private memory with one byte */
static int vm_fill(struct vmm *v, const char *vm, unsigned int gpa,
		   unsigned int len, uint8_t byte)
{
	char hex[2 * 64 + 1];
	unsigned int i;
	int err = 0;

	for (i = 0; i < 64; i++)
		sprintf(hex + 2 * i, "%02x", byte);
	for (i = 0; !err && i < len; i += 64)
		err = vmm_cmd(v, "mem-write %s gpa=%#x hex=%s", vm, gpa + i,
			      hex);
	return err;
}

/* Is all of it this byte? */
static bool vm_is(struct vmm *v, const char *vm, unsigned int gpa,
		  unsigned int len, uint8_t byte)
{
	char want[3];
	unsigned int i;

	if (vmm_cmd(v, "mem-read %s gpa=%#x len=%u", vm, gpa, len) ||
	    strlen(v->answer) != 2 * len + 1)
		return false;
	snprintf(want, sizeof(want), "%02x", byte);
	for (i = 0; i < len; i++)
		if (memcmp(v->answer + 2 * i, want, 2))
			return false;
	return true;
}

/* Each of the four has a say: state of the device, T bit, guest, host */
TEST_F(tdi_dma, who_has_a_say)
{
	const char *vf = self->s.vf[0];
	struct vmm *v = &self->s.v;

	test_ok(set_master(vf));
	test_ok(vmm_create(v, "t", vf, "vm0", 1, NULL));
	ASSERT_EQ(DMA_T_BIT, engine_run(vf, DMA_OUT | DMA_TEE, 0, 0, CHUNK));

	test_cmd(v, "lock t");
	ASSERT_EQ(DMA_TDI_STATE, engine_run(vf, DMA_OUT | DMA_TEE, 0, 0, CHUNK));
	ASSERT_EQ(DMA_TDI_STATE, engine_run(vf, DMA_OUT, 0, 0, CHUNK));

	test_cmd(v, "run t");
	/* The guest has not allowed it */
	ASSERT_EQ(DMA_PRIVATE_FAULT,
		  engine_run(vf, DMA_OUT | DMA_TEE, 0, 0, CHUNK));
	test_ok(vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	ASSERT_EQ(DMA_OK, engine_run(vf, DMA_OUT | DMA_TEE, 0, 0, CHUNK));
	/* Shared memory is not for a function in RUN */
	ASSERT_EQ(DMA_T_BIT, engine_run(vf, DMA_OUT, 0, 0, CHUNK));
	/* There is no more memory than that */
	ASSERT_EQ(DMA_PRIVATE_FAULT,
		  engine_run(vf, DMA_OUT | DMA_TEE, VM_BYTES, 0, 1));
	ASSERT_EQ(DMA_PRIVATE_FAULT,
		  engine_run(vf, DMA_OUT | DMA_TEE, -1ull, 0, 1));

	test_ok(vmm_req(v, "t", TSM_OP_DISABLE_DMA, NULL, 0, NULL, NULL));
	ASSERT_EQ(DMA_PRIVATE_FAULT,
		  engine_run(vf, DMA_OUT | DMA_TEE, 0, 0, CHUNK));
	test_ok(vmm_req(v, "t", TSM_OP_ENABLE_DMA, NULL, 0, NULL, NULL));
	ASSERT_EQ(DMA_OK, engine_run(vf, DMA_OUT | DMA_TEE, 0, 0, CHUNK));

	test_ok(sim_tdi_error(self->s.d, vf));
	ASSERT_EQ(DMA_TDI_STATE, engine_run(vf, DMA_OUT | DMA_TEE, 0, 0, CHUNK));
	test_cmd(v, "stop t");
	ASSERT_EQ(DMA_T_BIT, engine_run(vf, DMA_OUT | DMA_TEE, 0, 0, CHUNK));
	test_in_order(v, "t");
}

/* What becomes of a transfer: the counter that it is in, and what is traced */
static const struct {
	const char *counter;
	const char *traced;
} ends[] = {
	[DMA_OK] = { "dma_done", "done" },
	[DMA_INVALID] = { "dma_refused", "refused: parameters" },
	[DMA_NO_MASTER] = { "dma_refused", "refused: bus master" },
	[DMA_TDI_STATE] = { "dma_refused", "refused: TDISP state" },
	[DMA_T_BIT] = { "dma_refused", "refused: T bit" },
	[DMA_FAULT] = { "dma_faults", "fault" },
	[DMA_PRIVATE_FAULT] = { "dma_faults", "private fault" },
	[DMA_POISONED] = { "dma_faults", "poisoned" },
};

/* A transfer that ends like this, counted and traced once, as this and no other */
#define test_transfer(d, bdf, ctrl, gpa, len, result) \
	_test_transfer(_metadata, d, bdf, ctrl, gpa, len, result)
static void _test_transfer(struct __test_metadata *_metadata,
			   struct sim_device *d, const char *bdf, uint32_t ctrl,
			   uint64_t gpa, uint32_t len, enum dma_result result)
{
	static const char * const counters[] = {
		"dma_done", "dma_aborted", "dma_refused", "dma_faults",
	};
	long before[ARRAY_SIZE(counters)];
	char traced[SIM_TEXT];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		before[i] = sim_count(d, counters[i]);
	trace_clear();
	ASSERT_EQ((int)result, engine_run(bdf, ctrl, gpa, 0, len));
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		bool counted = !strcmp(counters[i], ends[result].counter);

		ASSERT_EQ(before[i] + counted, sim_count(d, counters[i])) {
			TH_LOG("%s of %s", counters[i], ends[result].traced);
		}
	}
	snprintf(traced, sizeof(traced), "%s T=%d moved=%u %s",
		 ctrl & DMA_OUT ? "write" : "read", !!(ctrl & DMA_TEE),
		 result == DMA_OK ? len : 0, ends[result].traced);
	ASSERT_STREQ(traced, trace_dma(bdf));
}

/* An access that is refused is counted and traced, with its reason */
TEST_F(tdi_dma, refused)
{
	struct sim_device *d = self->s.d;
	const char *vf = self->s.vf[0];
	struct vmm *v = &self->s.v;

	test_ok(trace_dma_begin());
	test_ok(vmm_create(v, "t", vf, "vm0", 1, NULL));
	test_ok(vm_fill(v, "vm0", 0, VM_BYTES, 0x66));
	test_transfer(d, vf, DMA_OUT, 0, CHUNK, DMA_NO_MASTER);
	test_ok(set_master(vf));
	test_transfer(d, vf, DMA_OUT, 0, 0, DMA_INVALID);
	test_transfer(d, vf, DMA_OUT | DMA_TEE, 0, CHUNK, DMA_T_BIT);
	/* Nobody has mapped anything for the function */
	test_transfer(d, vf, DMA_IN, 0x10000000, CHUNK, DMA_FAULT);

	test_cmd(v, "lock t");
	test_transfer(d, vf, DMA_OUT, 0, CHUNK, DMA_TDI_STATE);
	test_transfer(d, vf, DMA_OUT | DMA_TEE, 0, CHUNK, DMA_TDI_STATE);
	test_cmd(v, "run t");
	test_transfer(d, vf, DMA_OUT, 0, CHUNK, DMA_T_BIT);
	test_transfer(d, vf, DMA_OUT | DMA_TEE, 0, CHUNK, DMA_PRIVATE_FAULT);
	test_transfer(d, vf, DMA_IN | DMA_TEE, 0, CHUNK, DMA_PRIVATE_FAULT);
	test_device(d, vf, "run");
	test_ok(sim_tdi_error(d, vf));
	test_transfer(d, vf, DMA_OUT | DMA_TEE, 0, CHUNK, DMA_TDI_STATE);
	ASSERT_TRUE(vm_is(v, "vm0", 0, VM_BYTES, 0x66));

	/* And one that is not, for the difference */
	test_cmd(v, "stop t");
	test_ok(vmm_run(v, "t"));
	test_transfer(d, vf, DMA_OUT | DMA_TEE, 0, CHUNK, DMA_OK);
	ASSERT_TRUE(vm_is(v, "vm0", 0, CHUNK, 0));
}

/* From poisoned data there is no way back: the device goes to ERROR by itself */
TEST_F(tdi_dma, poisoned)
{
	struct sim_device *d = self->s.d;
	const char *vf = self->s.vf[0];
	struct vmm *v = &self->s.v;

	test_ok(trace_dma_begin());
	test_ok(set_master(vf));
	test_ok(vmm_create(v, "t", vf, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_ok(sim_set(d, "fault", "dma-poisoned"));
	test_transfer(d, vf, DMA_OUT | DMA_TEE, 0, CHUNK, DMA_OK);
	test_device(d, vf, "run");
	test_transfer(d, vf, DMA_IN | DMA_TEE, 0, CHUNK, DMA_POISONED);
	test_device(d, vf, "error");
	ASSERT_EQ(1, sim_tdi_errors(d, "dma"));
	test_transfer(d, vf, DMA_OUT | DMA_TEE, 0, CHUNK, DMA_TDI_STATE);
	test_state(v, "t", "ERROR");
	test_ok(sim_set(d, "fault", "none"));

	test_cmd(v, "stop t");
	test_ok(vmm_run(v, "t"));
	test_transfer(d, vf, DMA_IN | DMA_TEE, 0, CHUNK, DMA_OK);
	test_in_order(v, "t");
}

/* A TSM whose guest has no say in it lets DMA begin with RUN */
TEST_F(tdi_dma, implied)
{
	struct vmm *v = &self->s.v;

	vmm_close(v);
	test_ok(sim_platform_live(&self->s.sim.p, false));
	test_ok(sim_platform_set(&self->s.sim.p, "op_mask", "0x304"));
	test_ok(scene_connect(&self->s));

	test_ok(set_master(self->s.vf[0]));
	test_ok(vmm_create(v, "t", self->s.vf[0], "vm0", 1, NULL));
	test_cmd(v, "lock t");
	test_cmd(v, "run t");
	ASSERT_EQ(DMA_OK, engine_run(self->s.vf[0], DMA_OUT | DMA_TEE, 0, 0,
				     CHUNK));
}

/* What is moved is what was there, and where it was to go */
TEST_F(tdi_dma, moves_bytes)
{
	const char *vf = self->s.vf[0], *other = self->s.vf[1];
	struct vmm *v = &self->s.v;

	test_cmd(v, "vm vm1");
	test_ok(set_master(vf));
	test_ok(set_master(other));
	test_ok(vm_fill(v, "vm0", 0, VM_BYTES, 0x11));
	test_ok(vm_fill(v, "vm0", 0x1000, CHUNK, 0xa5));
	test_ok(vm_fill(v, "vm1", 0, VM_BYTES, 0x22));
	test_ok(vmm_create(v, "t", vf, "vm0", 1, NULL));
	test_ok(vmm_create(v, "u", other, "vm1", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_ok(vmm_run(v, "u"));

	ASSERT_EQ(DMA_OK, engine_run(vf, DMA_IN | DMA_TEE, 0x1000, 0, CHUNK));
	ASSERT_EQ(DMA_OK, engine_run(vf, DMA_OUT | DMA_TEE, 0x4000, 0, CHUNK));
	ASSERT_TRUE(vm_is(v, "vm0", 0, 0x1000, 0x11));
	ASSERT_TRUE(vm_is(v, "vm0", 0x1000, CHUNK, 0xa5));
	ASSERT_TRUE(vm_is(v, "vm0", 0x2000, 0x2000, 0x11));
	ASSERT_TRUE(vm_is(v, "vm0", 0x4000, CHUNK, 0xa5));
	ASSERT_TRUE(vm_is(v, "vm0", 0x5000, VM_BYTES - 0x5000, 0x11));
	/* The other VM, at the same addresses, has other memory */
	ASSERT_TRUE(vm_is(v, "vm1", 0, VM_BYTES, 0x22));
	ASSERT_EQ(DMA_OK, engine_run(other, DMA_IN | DMA_TEE, 0, 0, CHUNK));
	ASSERT_EQ(DMA_OK, engine_run(other, DMA_OUT | DMA_TEE, 0x8000, 0,
				     CHUNK));
	ASSERT_TRUE(vm_is(v, "vm1", 0, VM_BYTES, 0x22));
	ASSERT_TRUE(vm_is(v, "vm0", 0x5000, VM_BYTES - 0x5000, 0x11));

	/* A bind leaves nothing of its VM in the device */
	test_cmd(v, "destroy t");
	test_ok(vmm_create(v, "t", vf, "vm1", 2, NULL));
	test_ok(vmm_run(v, "t"));
	ASSERT_EQ(DMA_OK, engine_run(vf, DMA_OUT | DMA_TEE, 0xc000, 0, CHUNK));
	ASSERT_TRUE(vm_is(v, "vm1", 0xc000, CHUNK, 0));
}

/* However it is taken away, not a byte moves when that is done */
enum taken_by {
	TAKEN_BY_STOP,
	TAKEN_BY_FORCE,
	TAKEN_BY_BLOCK,
	TAKEN_BY_GUEST,
	TAKEN_BY_DESTROY,
	TAKEN_BY_UNREGISTER,
	TAKEN_BY_SRIOV,
};

FIXTURE(taken)
{
	struct scene s;
};

FIXTURE_VARIANT(taken)
{
	enum taken_by by;
	const char *tsm_fault;
	bool revoke_first;
};

FIXTURE_VARIANT_ADD(taken, by_stop) { .by = TAKEN_BY_STOP };
FIXTURE_VARIANT_ADD(taken, by_stop_revoke_first)
	{ .by = TAKEN_BY_STOP, .revoke_first = true };
FIXTURE_VARIANT_ADD(taken, by_force)
	{ .by = TAKEN_BY_FORCE, .tsm_fault = "stop" };
FIXTURE_VARIANT_ADD(taken, by_block)
	{ .by = TAKEN_BY_BLOCK, .tsm_fault = "stop force" };
FIXTURE_VARIANT_ADD(taken, by_guest) { .by = TAKEN_BY_GUEST };
FIXTURE_VARIANT_ADD(taken, by_destroy) { .by = TAKEN_BY_DESTROY };
FIXTURE_VARIANT_ADD(taken, by_unregister) { .by = TAKEN_BY_UNREGISTER };
FIXTURE_VARIANT_ADD(taken, by_sriov) { .by = TAKEN_BY_SRIOV };

FIXTURE_SETUP(taken)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", 1));
	if (variant->revoke_first)
		test_ok(sim_platform_set(&self->s.sim.p, "revoke_first", "1"));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(taken)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

TEST_F(taken, not_a_byte)
{
	const char *vf = self->s.vf[0];
	struct vmm *v = &self->s.v;

	test_ok(set_master(vf));
	test_ok(vmm_create(v, "t", vf, "vm0", 1, NULL));
	test_ok(vmm_run(v, "t"));
	test_ok(vm_fill(v, "vm0", 0, VM_BYTES, 0x11));
	/* Zeros, over and over */
	test_ok(engine_start(vf, DMA_OUT | DMA_TEE | DMA_REPEAT, 0, 0,
			     DMA_BUF_BYTES));
	ASSERT_TRUE(sim_wait(vm_is(v, "vm0", DMA_BUF_BYTES - 64, 64, 0),
			     DMA_TIMEOUT_MS));

	if (variant->tsm_fault)
		test_ok(sim_set(self->s.d, "tsm_fault", "%s",
				variant->tsm_fault));
	switch (variant->by) {
	case TAKEN_BY_STOP:
	case TAKEN_BY_FORCE:
	case TAKEN_BY_BLOCK:
		test_cmd(v, "stop t");
		break;
	case TAKEN_BY_GUEST:
		test_ok(vmm_req(v, "t", TSM_OP_DISABLE_DMA, NULL, 0, NULL,
				NULL));
		break;
	case TAKEN_BY_DESTROY:
		test_cmd(v, "destroy t");
		break;
	case TAKEN_BY_UNREGISTER:
		test_ok(sim_platform_live(&self->s.sim.p, false));
		break;
	case TAKEN_BY_SRIOV:
		test_ok(sim_vfs(self->s.d, 0));
		break;
	}
	test_ok(vm_fill(v, "vm0", 0, VM_BYTES, 0x33));
	usleep(1000 * STILL_MS);
	ASSERT_TRUE(vm_is(v, "vm0", 0, VM_BYTES, 0x33));
	test_ok(sim_set(self->s.d, "tsm_fault", "none"));
}

/* A function that moves bytes up to the moment of lock is found out */
TEST_F(tdi_dma, busy_at_lock)
{
	const char *vf = self->s.vf[0];
	struct vmm *v = &self->s.v;
	uint8_t *mem;

	mem = mmap(NULL, VM_BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	test_ok(sim_pci_driver(vf, "vfio-pci"));
	test_ok(vfio_open(&self->user, vf));
	test_ok(vfio_attach(&self->user));
	test_ok(vfio_map(&self->user, mem, VM_BYTES, 0x10000000, true));
	test_ok(vfio_set_master(&self->user, true));
	memset(mem, 0x44, VM_BYTES);
	test_ok(dma_start(&self->user, DMA_OUT | DMA_REPEAT, 0x10000000, 0,
			  DMA_BUF_BYTES));

	test_ok(vmm_create(v, "t", vf, "vm0", 1, NULL));
	test_err_cmd(EBUSY, v, "lock t");
	test_state(v, "t", "UNLOCKED");
	test_device(self->s.d, vf, "unlocked");
	test_hooks(v, "t", "gate!");
	/* It was not disturbed either */
	ASSERT_TRUE(dma_read(&self->user, DMA_STATUS) & DMA_BUSY);

	test_ok(dma_write(&self->user, DMA_DOORBELL, DMA_ABORT));
	ASSERT_EQ(DMA_ABORTED, dma_wait(&self->user));
	test_ok(vmm_run(v, "t"));
	test_device(self->s.d, vf, "run");
	test_cmd(v, "destroy t");
	vfio_close(&self->user);
	test_ok(sim_pci_driver(vf, NULL));
	munmap(mem, VM_BYTES);
}

/* Each way of its peer into a function's BAR: @private is how the refused ones end */
#define test_peer(s, mem, private, byte) \
	_test_peer(_metadata, s, mem, private, byte)
static void _test_peer(struct __test_metadata *_metadata, struct scene *s,
		       uint8_t *mem, enum dma_result private, uint8_t byte)
{
	const char *peer = s->vf[1];
	int i;

	memset(mem + BAR_PRIVATE, byte, CHUNK);
	test_transfer(s->d, peer, DMA_IN, PEER_IOVA, CHUNK, private);
	memset(mem + BAR_PRIVATE, 0x99, CHUNK);
	test_transfer(s->d, peer, DMA_OUT, PEER_IOVA, CHUNK, private);
	/* The last bytes that it could read are what it writes */
	for (i = 0; i < CHUNK; i++)
		ASSERT_EQ(private == DMA_OK ? byte : 0x99, mem[BAR_PRIVATE + i]);
}

/*
 * A mapping that outlives a lock is no way around it: what a locked function has
 * of TEE memory no peer reaches, in any of its states, and no function's where
 * nothing decodes it. What is refused is counted and traced at who asked for it.
 */
TEST_F(tdi_dma, peer)
{
	const char *vf = self->s.vf[0], *peer = self->s.vf[1];
	struct sim_device *d = self->s.d;
	struct vmm *v = &self->s.v;
	int private, shared, sriov;
	uint32_t ctrl;
	uint8_t *mem;

	mem = bar_memory(vf, 0, BAR_BYTES);
	if (!mem)
		SKIP(return, "this machine has no memory for BARs");
	test_ok(trace_dma_begin());
	test_ok(sim_pci_driver(vf, "vfio-pci"));
	test_ok(sim_pci_driver(peer, "vfio-pci"));
	test_ok(vfio_open(&self->user, vf));
	test_ok(vfio_attach(&self->user));
	test_ok(vfio_set_master(&self->user, true));
	test_ok(vfio_open(&self->peer, peer));
	test_ok(vfio_attach(&self->peer));
	test_ok(vfio_set_master(&self->peer, true));
	private = vfio_dma_buf(&self->user, 0, BAR_PRIVATE, CHUNK);
	shared = vfio_dma_buf(&self->user, 0, BAR_SHARED, CHUNK);
	ASSERT_LE(0, private);
	ASSERT_LE(0, shared);
	test_ok(vfio_map_file(&self->peer, private, PEER_IOVA, CHUNK));
	test_ok(vfio_map_file(&self->peer, shared, PEER_IOVA + CHUNK, CHUNK));
	test_peer(&self->s, mem, DMA_OK, 0x11);

	/* The consumer's host closes no mapping: it is for the hardware to refuse */
	test_ok(vmm_create(v, "t", vf, "vm0", 1, NULL));
	test_cmd(v, "lock t");
	test_peer(&self->s, mem, DMA_FAULT, 0x22);
	test_transfer(d, peer, DMA_IN, PEER_IOVA + CHUNK, 4, DMA_OK);
	test_cmd(v, "run t");
	test_peer(&self->s, mem, DMA_FAULT, 0x33);
	test_ok(sim_tdi_error(d, vf));
	test_peer(&self->s, mem, DMA_FAULT, 0x44);
	test_transfer(d, peer, DMA_IN, PEER_IOVA + CHUNK, 4, DMA_OK);
	test_cmd(v, "destroy t");
	test_peer(&self->s, mem, DMA_OK, 0x55);

	sriov = sim_cfg_ext_cap(d->bdf, PCI_EXT_CAP_ID_SRIOV);
	ASSERT_LT(0, sriov);
	test_ok(sim_cfg_read(d->bdf, sriov + PCI_SRIOV_CTRL, 2, &ctrl));
	test_ok(sim_cfg_write(d->bdf, sriov + PCI_SRIOV_CTRL, 2,
			      ctrl & ~PCI_SRIOV_CTRL_MSE));
	test_peer(&self->s, mem, DMA_FAULT, 0x66);
	test_ok(sim_cfg_write(d->bdf, sriov + PCI_SRIOV_CTRL, 2, ctrl));
	test_peer(&self->s, mem, DMA_OK, 0x77);

	test_ok(vfio_unmap(&self->peer, PEER_IOVA, CHUNK));
	test_ok(vfio_unmap(&self->peer, PEER_IOVA + CHUNK, CHUNK));
	close(private);
	close(shared);
	munmap(mem, BAR_BYTES);
	vfio_close(&self->peer);
	vfio_close(&self->user);
	test_ok(sim_pci_driver(peer, NULL));
	test_ok(sim_pci_driver(vf, NULL));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
