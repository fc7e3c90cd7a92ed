// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_VDEVICE_TSM_REQ: which requests are refused, before anything is done or
 * copied; what becomes of buffers that are not there; and that what comes back
 * is what the TSM said, no more and no less.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include "tsm_machine.h"

#define NO_SUCH_ID	0x7fff0000
#define PAGE		0x1000

FIXTURE(req)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct iommu_hw_info_tsm info;
	int fd;
	uint8_t *page;		/* of two, of which the second is not there */
};

FIXTURE_SETUP(req)
{
	host_init(&self->h);
	test_ok(machine_build(&self->m, 1));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0x10, &self->dev));
	self->fd = self->h.iommufd;
	test_cmd_hw_info(self->fd, self->dev->u.dev_id, &self->info);
	self->page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	ASSERT_EQ(0, mprotect(self->page + PAGE, PAGE, PROT_NONE));
}

FIXTURE_TEARDOWN(req)
{
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
}

/* A request that every TSM takes, in any state */
static struct iommu_vdevice_tsm_req ask_state(struct host *h,
					      struct assigned *dev,
					      struct tsm_tdi_state_resp *resp)
{
	return (struct iommu_vdevice_tsm_req) {
		.size = sizeof(struct iommu_vdevice_tsm_req),
		.vdevice_id = dev->vdevice,
		.op = TSM_OP_GET_TDI_STATE,
		.tsm_arch = h->arch,
		.resp_len = sizeof(*resp),
		.resp_uptr = (uintptr_t)resp,
	};
}

static struct iommu_vdevice_tsm_req start(struct host *h, struct assigned *dev)
{
	return (struct iommu_vdevice_tsm_req) {
		.size = sizeof(struct iommu_vdevice_tsm_req),
		.vdevice_id = dev->vdevice,
		.op = TSM_OP_START,
		.tsm_arch = h->arch,
	};
}

/* --- the structure ---------------------------------------------------------------- */

static int sized(int fd, const struct iommu_vdevice_tsm_req *fields, size_t size,
		 uint8_t tail)
{
	uint64_t buf[512];

	memset(buf, tail, sizeof(buf));
	memcpy(buf, fields, sizeof(*fields));
	memcpy(buf, &(uint32_t){ size }, sizeof(uint32_t));
	return ioctl(fd, IOMMU_VDEVICE_TSM_REQ, buf) ? -errno : 0;
}

TEST_F(req, sizes)
{
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);

	test_cmd_bind(self->fd, self->dev->vdevice, NULL);
	test_err(EINVAL, sized(self->fd, &cmd, 0, 0));
	test_err(EINVAL, sized(self->fd, &cmd, 4, 0));
	/* What was posted under another number; this one always had results */
	test_err(EINVAL, sized(self->fd, &cmd, 40, 0));
	test_err(EINVAL, sized(self->fd, &cmd, 48, 0));
	test_err(EINVAL, sized(self->fd, &cmd, sizeof(cmd) - 1, 0));
	test_err(E2BIG, sized(self->fd, &cmd, sizeof(cmd) + 1, 1));
	test_err(E2BIG, sized(self->fd, &cmd, 4096, 1));
	test_tdi(&self->h, self->dev, "LOCKED");
	test_ok(sized(self->fd, &cmd, 4096, 0));
	test_tdi(&self->h, self->dev, "RUN");
}

/* The number that posted proposals had other ideas about means nothing */
TEST_F(req, unused_number)
{
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);

	test_cmd_bind(self->fd, self->dev->vdevice, NULL);
	test_err(ENOTTY, ioctl(self->fd, _IO(IOMMUFD_TYPE, 0x96), &cmd) ?
			 -errno : 0);
	test_tdi(&self->h, self->dev, "LOCKED");
}

TEST_F(req, ids)
{
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);
	uint32_t ids[] = {
		0, NO_SUCH_ID, -1u, self->h.viommu, self->dev->u.dev_id,
		self->dev->u.ioas,
	};
	int other = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	unsigned int i;

	ASSERT_LE(0, other);
	test_cmd_bind(self->fd, self->dev->vdevice, NULL);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		cmd.vdevice_id = ids[i];
		test_err_req(ENOENT, self->fd, &cmd);
	}
	cmd.vdevice_id = self->dev->vdevice;
	test_err_req(ENOENT, other, &cmd);
	close(other);
	test_tdi(&self->h, self->dev, "LOCKED");
}

TEST_F(req, arches_and_ops)
{
	static const uint32_t arches[] = {
		TSM_ARCH_NONE, TSM_ARCH_CCA, TSM_ARCH_SEV, TSM_ARCH_TDX, 4,
		TSM_ARCH_SIM, 256, 0x100 | TSM_ARCH_SIM, -1u,
	};
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);
	struct host *h = &self->h;
	unsigned int i;

	test_cmd_bind(self->fd, self->dev->vdevice, NULL);
	for (i = 0; i < ARRAY_SIZE(arches); i++) {
		if (arches[i] == h->arch)
			continue;
		cmd.tsm_arch = arches[i];
		test_err_req(EINVAL, self->fd, &cmd);
	}
	cmd.tsm_arch = h->arch;
	for (i = 0; i < 80; i++) {
		if (i < 64 && self->info.op_mask & 1ull << i)
			continue;
		cmd.op = i;
		test_err_req(EOPNOTSUPP, self->fd, &cmd);
	}
	for (i = 16; i < 32; i++) {
		cmd.op = 1u << i | TSM_OP_START;
		test_err_req(EOPNOTSUPP, self->fd, &cmd);
	}
	test_tdi(h, self->dev, "LOCKED");
}

/* What a TSM does not take it does not get, though the simulator could do it */
TEST_F(req, op_mask)
{
	struct tsm_object_info req = { .type = TSM_OBJECT_CERTIFICATE_CHAIN };
	struct tsm_object_info_resp resp;
	size_t len = sizeof(resp);
	struct host *h = &self->h;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	host_close(h);
	test_ok(sim_platform_live(&self->m.s.sim.p, false));
	test_ok(sim_platform_set(&self->m.s.sim.p, "op_mask", "0x104"));
	self->m.changed = true;
	test_ok(machine_connect(&self->m));
	test_ok(host_open(h, VM_CONFIDENTIAL));
	test_ok(host_assign(h, self->m.bdf[0], 0x10, &self->dev));
	test_cmd_bind(h->iommufd, self->dev->vdevice, NULL);
	test_err_request(EOPNOTSUPP, h->iommufd, self->dev->vdevice, h->arch,
			 TSM_OP_OBJECT_INFO, &req, sizeof(req), &resp, &len);
	test_err_op(EOPNOTSUPP, h->iommufd, self->dev->vdevice, h->arch,
		    TSM_OP_ENABLE_DMA);
	test_cmd_op(h->iommufd, self->dev->vdevice, h->arch, TSM_OP_START);
}

/* --- lengths ---------------------------------------------------------------------- */

struct op_lengths {
	uint32_t op;
	uint32_t req_len;
	uint32_t resp_len;
};

/* Operations of one size in both directions */
static const struct op_lengths fixed[] = {
	{ TSM_OP_VALIDATE_MMIO, sizeof(struct tsm_validate_mmio), 0 },
	{ TSM_OP_START, 0, 0 },
	{ TSM_OP_REGEN_OBJECT, sizeof(struct tsm_regen_object),
	  sizeof(struct tsm_regen_object_resp) },
	{ TSM_OP_OBJECT_INFO, sizeof(struct tsm_object_info),
	  sizeof(struct tsm_object_info_resp) },
	{ TSM_OP_GET_TDI_STATE, 0, sizeof(struct tsm_tdi_state_resp) },
};

TEST_F(req, lengths)
{
	struct iommu_vdevice_tsm_req cmd;
	unsigned int i, len;

	test_cmd_bind(self->fd, self->dev->vdevice, NULL);
	memset(self->page, 0, PAGE);
	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (!(self->info.op_mask & 1ull << fixed[i].op))
			continue;
		cmd = start(&self->h, self->dev);
		cmd.op = fixed[i].op;
		cmd.req_uptr = (uintptr_t)self->page;
		cmd.resp_uptr = (uintptr_t)self->page + PAGE / 2;
		for (len = 0; len < 64; len++) {
			if (len == fixed[i].req_len)
				continue;
			cmd.req_len = len;
			cmd.resp_len = fixed[i].resp_len;
			test_err_req(EINVAL, self->fd, &cmd);
		}
		cmd.req_len = fixed[i].req_len;
		/* Room where there is no response */
		for (len = 1; !fixed[i].resp_len && len < 64; len++) {
			cmd.resp_len = len;
			test_err_req(EINVAL, self->fd, &cmd);
		}
	}
	test_tdi(&self->h, self->dev, "LOCKED");
}

TEST_F(req, limits)
{
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);

	if (!(self->info.op_mask & 1ull << TSM_OP_GUEST_MSG))
		SKIP(return, "this TSM takes no messages of a guest");
	test_cmd_bind(self->fd, self->dev->vdevice, NULL);
	cmd.op = TSM_OP_GUEST_MSG;
	cmd.req_uptr = (uintptr_t)self->page;
	cmd.resp_uptr = (uintptr_t)self->page;
	cmd.req_len = self->info.max_req_len + 1;
	test_err_req(EMSGSIZE, self->fd, &cmd);
	ASSERT_EQ(0, cmd.out_resp_len);
	cmd.req_len = -1u;
	test_err_req(EMSGSIZE, self->fd, &cmd);
	cmd.req_len = 8;
	cmd.resp_len = self->info.max_resp_len + 1;
	test_err_req(EMSGSIZE, self->fd, &cmd);
	cmd.resp_len = -1u;
	test_err_req(EMSGSIZE, self->fd, &cmd);
	ASSERT_EQ(0, cmd.out_resp_len);
	/* Defined by the kernel for every TSM */
	cmd = start(&self->h, self->dev);
	cmd.op = TSM_OP_ENABLE_DMA;
	cmd.req_uptr = (uintptr_t)self->page;
	cmd.req_len = TSM_DMA_REQ_MAX + 1;
	if (self->info.op_mask & 1ull << TSM_OP_ENABLE_DMA)
		test_err(EINVAL, cmd_req(self->fd, &cmd));
	test_tdi(&self->h, self->dev, "LOCKED");
}

/* --- buffers ---------------------------------------------------------------------- */

TEST_F(req, no_pointers)
{
	struct tsm_object_info info = { .type = TSM_OBJECT_TRANSCRIPT };
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);

	if (!(self->info.op_mask & 1ull << TSM_OP_OBJECT_INFO))
		SKIP(return, "this TSM knows no objects");
	cmd.op = TSM_OP_OBJECT_INFO;
	cmd.req_len = sizeof(info);
	cmd.resp_len = sizeof(struct tsm_object_info_resp);
	cmd.resp_uptr = (uintptr_t)self->page;
	test_err_req(EINVAL, self->fd, &cmd);
	cmd.req_uptr = (uintptr_t)&info;
	cmd.resp_uptr = 0;
	test_err_req(EINVAL, self->fd, &cmd);
	/* Beyond what is the user's */
	cmd.resp_uptr = 1ull << 63;
	test_err_req(EFAULT, self->fd, &cmd);
	cmd.resp_uptr = -1ull;
	test_err_req(EFAULT, self->fd, &cmd);
	cmd.resp_uptr = (uintptr_t)self->page;
	cmd.req_uptr = -8ull;
	test_err_req(EFAULT, self->fd, &cmd);
	cmd.req_uptr = (uintptr_t)&info;
	test_cmd_req(self->fd, &cmd);
}

/* Each is found to be missing before anything is done: nobody was asked anything */
TEST_F(req, faults)
{
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);
	struct tsm_regen_object req = { .type = TSM_OBJECT_MEASUREMENTS };
	struct sim_device *d = self->m.s.d;
	uint8_t *end = self->page + PAGE;
	long messages;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	messages = sim_count(d, "messages");
	cmd.op = TSM_OP_REGEN_OBJECT;
	cmd.req_len = sizeof(req);
	cmd.resp_len = sizeof(struct tsm_regen_object_resp);

	/* The request, wholly and in part */
	cmd.resp_uptr = (uintptr_t)self->page;
	cmd.req_uptr = (uintptr_t)end;
	test_err_req(EFAULT, self->fd, &cmd);
	cmd.req_uptr = (uintptr_t)end - sizeof(req) + 1;
	test_err_req(EFAULT, self->fd, &cmd);

	/* The response: not there, there in part, not to be written to */
	cmd.req_uptr = (uintptr_t)&req;
	cmd.resp_uptr = (uintptr_t)end;
	test_err_req(EFAULT, self->fd, &cmd);
	cmd.resp_uptr = (uintptr_t)end - 1;
	test_err_req(EFAULT, self->fd, &cmd);
	ASSERT_EQ(0, mprotect(self->page, PAGE, PROT_READ));
	cmd.resp_uptr = (uintptr_t)self->page;
	test_err_req(EFAULT, self->fd, &cmd);
	ASSERT_EQ(0, cmd.out_resp_len);
	ASSERT_EQ(0, cmd.out_flags);
	ASSERT_EQ(messages, sim_count(d, "messages"));

	ASSERT_EQ(0, mprotect(self->page, PAGE, PROT_READ | PROT_WRITE));
	test_cmd_req(self->fd, &cmd);
	ASSERT_EQ(sizeof(struct tsm_regen_object_resp), cmd.out_resp_len);
	ASSERT_LT(messages, sim_count(d, "messages"));
}

/* The structure itself cannot be written to: the guest's START is not done */
TEST_F(req, structure_faults)
{
	struct iommu_vdevice_tsm_req *cmd = (void *)self->page;

	test_cmd_bind(self->fd, self->dev->vdevice, NULL);
	*cmd = start(&self->h, self->dev);
	ASSERT_EQ(0, mprotect(self->page, PAGE, PROT_READ));
	test_err_req(EFAULT, self->fd, cmd);
	test_tdi(&self->h, self->dev, "LOCKED");
	ASSERT_EQ(0, mprotect(self->page, PAGE, PROT_READ | PROT_WRITE));
	memmove(self->page + PAGE - 48, cmd, 48);
	test_err(EFAULT, ioctl(self->fd, IOMMU_VDEVICE_TSM_REQ,
			       self->page + PAGE - 48) ? -errno : 0);
	test_tdi(&self->h, self->dev, "LOCKED");
}

/* Of a state that cannot be told, the asker may as well ask again */
TEST_F(req, state_faults)
{
	struct iommu_vdevice_tsm_req cmd =
		ask_state(&self->h, self->dev, (void *)self->page + PAGE);

	test_err_req(EFAULT, self->fd, &cmd);
	ASSERT_EQ(0, cmd.out_resp_len);
	cmd.resp_uptr = (uintptr_t)self->page + PAGE - 8;
	test_err_req(EFAULT, self->fd, &cmd);
	cmd.resp_uptr = (uintptr_t)self->page;
	test_cmd_req(self->fd, &cmd);
	ASSERT_EQ(sizeof(struct tsm_tdi_state_resp), cmd.out_resp_len);
}

/* Both in one page, and one over the other: copied first, written last */
TEST_F(req, same_buffer)
{
	struct tsm_object_info *req = (void *)self->page;
	struct tsm_object_info_resp *resp = (void *)self->page;
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);

	if (!(self->info.op_mask & 1ull << TSM_OP_OBJECT_INFO))
		SKIP(return, "this TSM knows no objects");
	*req = (struct tsm_object_info) { .type = TSM_OBJECT_CERTIFICATE_CHAIN };
	cmd.op = TSM_OP_OBJECT_INFO;
	cmd.req_len = sizeof(*req);
	cmd.req_uptr = (uintptr_t)req;
	cmd.resp_len = sizeof(*resp);
	cmd.resp_uptr = (uintptr_t)resp;
	test_cmd_req(self->fd, &cmd);
	ASSERT_EQ(sizeof(*resp), cmd.out_resp_len);
	ASSERT_LT(0, resp->size);
	ASSERT_EQ(0, resp->flags);
}

/* --- responses -------------------------------------------------------------------- */

/* Too little room changes nothing, and it is said how much it takes */
TEST_F(req, too_small)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_MEASUREMENTS };
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);
	struct sim_device *d = self->m.s.d;
	unsigned int len;
	long messages;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	messages = sim_count(d, "messages");
	cmd.op = TSM_OP_REGEN_OBJECT;
	cmd.req_len = sizeof(req);
	cmd.req_uptr = (uintptr_t)&req;
	cmd.resp_uptr = (uintptr_t)self->page;
	memset(self->page, 0xa5, PAGE);
	for (len = 0; len < sizeof(struct tsm_regen_object_resp); len++) {
		cmd.resp_len = len;
		test_err_req(EMSGSIZE, self->fd, &cmd);
		ASSERT_EQ(sizeof(struct tsm_regen_object_resp),
			  cmd.out_resp_len);
		ASSERT_EQ(0, cmd.out_flags);
	}
	ASSERT_EQ(messages, sim_count(d, "messages"));

	cmd.op = TSM_OP_GUEST_MSG;
	cmd.req_len = sizeof(msg);
	cmd.req_uptr = (uintptr_t)&msg;
	cmd.resp_len = 1;
	test_err_req(EMSGSIZE, self->fd, &cmd);
	ASSERT_EQ(sizeof(struct tsm_sim_tdi_info), cmd.out_resp_len);
	for (len = 0; len < PAGE; len++)
		ASSERT_EQ(0xa5, self->page[len]);

	/* And with that much it works */
	cmd.resp_len = cmd.out_resp_len;
	test_cmd_req(self->fd, &cmd);
	ASSERT_EQ(sizeof(struct tsm_sim_tdi_info), cmd.out_resp_len);
}

/* More room than it takes is left as it was */
TEST_F(req, nothing_beyond)
{
	struct iommu_vdevice_tsm_req cmd =
		ask_state(&self->h, self->dev, (void *)self->page);
	unsigned int i;

	memset(self->page, 0xa5, PAGE);
	cmd.resp_len = PAGE;
	cmd.tsm_code = -1;
	cmd.out_resp_len = -1;
	cmd.out_flags = -1;
	test_cmd_req(self->fd, &cmd);
	ASSERT_EQ(sizeof(struct tsm_tdi_state_resp), cmd.out_resp_len);
	ASSERT_EQ(0, cmd.tsm_code);
	ASSERT_EQ(0, cmd.out_flags);
	for (i = 0; i < sizeof(struct tsm_tdi_state_resp); i++)
		ASSERT_EQ(0, self->page[i]);
	for (; i < PAGE; i++)
		ASSERT_EQ(0xa5, self->page[i]);
}

/* A whole object, in portions; the same as in one */
TEST_F(req, read_object)
{
	static uint8_t whole[0x10000], part[0x10000];
	struct tsm_read_object req = { .type = TSM_OBJECT_CERTIFICATE_CHAIN };
	struct tsm_object_info ask = { .type = TSM_OBJECT_CERTIFICATE_CHAIN };
	struct tsm_object_info_resp info;
	size_t len = sizeof(info), got = 0;
	struct host *h = &self->h;

	if (!(self->info.op_mask & 1ull << TSM_OP_READ_OBJECT))
		SKIP(return, "this TSM hands out no objects");
	test_cmd_request(self->fd, self->dev->vdevice, h->arch,
			 TSM_OP_OBJECT_INFO, &ask, sizeof(ask), &info, &len);
	ASSERT_LT(0, info.size);
	ASSERT_GE(sizeof(whole), info.size);
	len = info.size;
	test_cmd_request(self->fd, self->dev->vdevice, h->arch,
			 TSM_OP_READ_OBJECT, &req, sizeof(req), whole, &len);
	ASSERT_EQ(info.size, len);
	do {
		len = 100;
		req.offset = got;
		test_cmd_request(self->fd, self->dev->vdevice, h->arch,
				 TSM_OP_READ_OBJECT, &req, sizeof(req),
				 part + got, &len);
		got += len;
	} while (len);
	ASSERT_EQ(info.size, got);
	ASSERT_EQ(0, memcmp(whole, part, got));
}

/* --- states and what a request is about -------------------------------------------- */

TEST_F(req, states)
{
	struct tsm_validate_mmio mmio = {
		.gpa = 0x100000, .length = 0x1000,
	};
	struct host *h = &self->h;
	uint32_t vdevice = self->dev->vdevice;
	struct iommu_vdevice_tsm_req cmd;
	unsigned int step;

	/* Not in UNLOCKED, and not in ERROR either */
	for (step = 0; step < (self->m.simulated ? 2 : 1); step++) {
		test_err_op(EINVAL, self->fd, vdevice, h->arch, TSM_OP_START);
		if (self->info.op_mask & 1ull << TSM_OP_ENABLE_DMA) {
			test_err_op(EINVAL, self->fd, vdevice, h->arch,
				    TSM_OP_ENABLE_DMA);
			test_err_op(EINVAL, self->fd, vdevice, h->arch,
				    TSM_OP_DISABLE_DMA);
		}
		if (self->info.op_mask & 1ull << TSM_OP_VALIDATE_MMIO)
			test_err_request(EINVAL, self->fd, vdevice, h->arch,
					 TSM_OP_VALIDATE_MMIO, &mmio,
					 sizeof(mmio), NULL, NULL);
		if (step || !self->m.simulated)
			break;
		test_cmd_bind(self->fd, vdevice, NULL);
		test_ok(sim_tdi_error(self->m.s.d, self->dev->bdf));
		test_tdi(h, self->dev, "ERROR");
	}
	test_cmd_unbind(self->fd, vdevice, NULL);
	test_cmd_bind(self->fd, vdevice, NULL);
	cmd = start(h, self->dev);
	test_cmd_req(self->fd, &cmd);
	ASSERT_EQ(TSM_OUT_COMMITTED, cmd.out_flags);
	/* Once only */
	test_err_req(EINVAL, self->fd, &cmd);
	ASSERT_EQ(0, cmd.out_flags);
	test_tdi(h, self->dev, "RUN");
}

/* Fields of requests: reserved ones, ranges, and what is not the VM's */
TEST_F(req, fields)
{
	const struct tsm_validate_mmio good = {
		.gpa = 0x40000000, .length = 0x1000,
	};
	struct tsm_object_info info = { .type = TSM_OBJECT_INTERFACE_REPORT + 1 };
	struct tsm_object_info_resp info_resp;
	struct tsm_read_object read = { .__reserved = 1 };
	struct tsm_regen_object regen = { .flags = 1 };
	struct tsm_regen_object_resp regen_resp;
	struct tsm_validate_mmio mmio;
	struct host *h = &self->h;
	uint32_t vdevice = self->dev->vdevice, table;
	size_t len = sizeof(info_resp);
	int msix;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_cmd_bind(self->fd, vdevice, NULL);
/* A good request but for one field */
#define mmio_with(err, field, value) do {				\
	mmio = good;							\
	mmio.field = value;						\
	test_err_request(err, self->fd, vdevice, h->arch,		\
			 TSM_OP_VALIDATE_MMIO, &mmio, sizeof(mmio),	\
			 NULL, NULL);					\
} while (0)
	mmio_with(EOPNOTSUPP, flags, 1);
	mmio_with(EINVAL, gpa, 0x40000001);
	mmio_with(EINVAL, gpa, -0x1000ull + 1);
	mmio_with(EINVAL, length, 0);
	mmio_with(EINVAL, length, 0x800);
	mmio_with(EINVAL, length, -0x1000ull);
	mmio_with(EINVAL, region, 6);
	mmio_with(EINVAL, region, -1);
	mmio_with(EINVAL, offset, 0x10);
	mmio_with(EINVAL, offset, 1ull << 40);
	mmio_with(EINVAL, length, 1ull << 40);
	mmio_with(EINVAL, region, 5);	/* there is no such BAR */
#undef mmio_with
	/* The table of MSI-X is the host's, as the device reports */
	msix = sim_cfg_cap(self->dev->bdf, PCI_CAP_ID_MSIX);
	ASSERT_LT(0, msix);
	test_ok(sim_cfg_read(self->dev->bdf, msix + PCI_MSIX_TABLE, 4, &table));
	mmio = good;
	mmio.region = table & PCI_MSIX_TABLE_BIR;
	mmio.offset = table & PCI_MSIX_TABLE_OFFSET & ~(PAGE - 1);
	test_err_request(EPERM, self->fd, vdevice, h->arch,
			 TSM_OP_VALIDATE_MMIO, &mmio, sizeof(mmio), NULL, NULL);
	test_cmd_request(self->fd, vdevice, h->arch, TSM_OP_VALIDATE_MMIO,
			 &good, sizeof(good), NULL, NULL);

	test_err_request(EINVAL, self->fd, vdevice, h->arch, TSM_OP_OBJECT_INFO,
			 &info, sizeof(info), &info_resp, &len);
	info = (struct tsm_object_info) { .__reserved = 1 };
	len = sizeof(info_resp);
	test_err_request(EOPNOTSUPP, self->fd, vdevice, h->arch,
			 TSM_OP_OBJECT_INFO, &info, sizeof(info), &info_resp,
			 &len);
	len = PAGE;
	test_err_request(EOPNOTSUPP, self->fd, vdevice, h->arch,
			 TSM_OP_READ_OBJECT, &read, sizeof(read), self->page,
			 &len);
	ASSERT_EQ(0, len);
	len = sizeof(regen_resp);
	test_err_request(EOPNOTSUPP, self->fd, vdevice, h->arch,
			 TSM_OP_REGEN_OBJECT, &regen, sizeof(regen),
			 &regen_resp, &len);
}

/* What a device answers is passed on, and its refusal commits nothing */
TEST_F(req, refused_by_device)
{
	struct iommu_vdevice_tsm_req cmd = start(&self->h, self->dev);
	struct sim_device *d = self->m.s.d;

	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_cmd_bind(self->fd, self->dev->vdevice, NULL);
	test_ok(sim_set(d, "fault", "tdisp-error %d %u", TDISP_START, 0x102));
	test_err_req(EKEYREJECTED, self->fd, &cmd);
	ASSERT_EQ(0x102, TSM_SIM_CODE_ERROR(cmd.tsm_code));
	ASSERT_EQ(0, cmd.out_flags);
	test_tdi(&self->h, self->dev, "LOCKED");
	test_ok(sim_set(d, "fault", "none"));
	test_cmd_req(self->fd, &cmd);
	ASSERT_EQ(0, cmd.tsm_code);
	ASSERT_EQ(TSM_OUT_COMMITTED, cmd.out_flags);
}

int main(int argc, char **argv)
{
	return iommufd_harness_run(argc, argv);
}
