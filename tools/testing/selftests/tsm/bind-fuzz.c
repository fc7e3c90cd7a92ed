// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of a VMM that means no good, or no sense: structures that are right but
 * for a field or two, with handles that exist, of the right kind or another.
 * Whatever comes of it, an errno is one of those that are documented, nothing is
 * written beyond the room that was given, and TDIs are in states that there are.
 *
 * TSM_FUZZ_SECONDS in the environment is how long (30), TSM_FUZZ_SEED what to
 * begin with, to see something again.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tsm_machine.h"

#define NR_HANDLES	64
#define ARENA		0x40000
#define GUARD		0xa5

/**
 * struct fuzz - a VMM that does what comes to its mind
 * @m: the machine
 * @h: what it has
 * @random: what comes to its mind
 * @handle: IDs of objects of any kind, 0 for none
 * @arena: buffers; with a hole behind it
 * @readonly: a page
 * @calls: how many calls of a kind it has made
 * @good: how many of them succeeded
 */
struct fuzz {
	struct machine m;
	struct host h;
	uint64_t random;
	uint32_t handle[NR_HANDLES];
	uint8_t *arena;
	uint8_t *readonly;
	unsigned long calls[8];
	unsigned long good[8];
};

FIXTURE(fuzz)
{
	struct fuzz f;
};

static uint64_t seed(void)
{
	const char *env = getenv("TSM_FUZZ_SEED");

	return env ? strtoull(env, NULL, 0) : (uint64_t)sim_now_ms() << 20 | 1;
}

FIXTURE_SETUP(fuzz)
{
	host_init(&self->f.h);
	self->f.random = seed();
	test_ok(machine_build(&self->f.m, 2));
	test_ok(host_open(&self->f.h, VM_CONFIDENTIAL));
	self->f.arena = mmap(NULL, ARENA + 0x1000, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->f.arena);
	ASSERT_EQ(0, mprotect(self->f.arena + ARENA, 0x1000, PROT_NONE));
	self->f.readonly = mmap(NULL, 0x1000, PROT_READ,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->f.readonly);
}

FIXTURE_TEARDOWN(fuzz)
{
	host_close(&self->f.h);
	EXPECT_EQ(0, machine_strike(&self->f.m));
}

/* --- chance ---------------------------------------------------------------------- */

/* xorshift: the same numbers on every machine */
static uint64_t any(struct fuzz *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

static uint32_t below(struct fuzz *f, uint32_t n)
{
	return (any(f) >> 20) % n;
}

static bool one_in(struct fuzz *f, uint32_t n)
{
	return !below(f, n);
}

static uint64_t odd_number(struct fuzz *f)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 65, 255, 256, 4095,
		4096, 4097, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, 1ull << 63, -1ull, -0x1000ull,
	};

	switch (below(f, 4)) {
	case 0:
		return any(f);
	case 1:
		return 1ull << below(f, 64);
	default:
		return odd[below(f, ARRAY_SIZE(odd))];
	}
}

/* A handle that exists, mostly, and of the kind that is meant, mostly */
static uint32_t some_handle(struct fuzz *f, uint32_t meant)
{
	if (meant && !one_in(f, 8))
		return meant;
	if (one_in(f, 8))
		return odd_number(f);
	return f->handle[below(f, NR_HANDLES)];
}

static void keep_handle(struct fuzz *f, uint32_t id)
{
	f->handle[below(f, NR_HANDLES)] = id;
}

/* Address of @len bytes, mostly */
static uint64_t some_pointer(struct fuzz *f, uint32_t len)
{
	switch (below(f, 16)) {
	case 0:
		return odd_number(f);
	case 1:
		return (uintptr_t)f->arena + ARENA - below(f, 64);
	case 2:
		return (uintptr_t)f->readonly;
	case 3:
		return 0;
	default:
		return (uintptr_t)f->arena + below(f, ARENA / 2);
	}
}

static struct assigned *some_device(struct fuzz *f)
{
	return &f->h.dev[below(f, f->h.nr)];
}

/* --- calls ------------------------------------------------------------------------- */

/* A word of a structure becomes another, @odds to one that none does */
static void spoil(struct fuzz *f, void *cmd, size_t size, uint32_t odds)
{
	uint32_t *word = cmd;

	if (!one_in(f, odds))
		return;
	word[below(f, size / sizeof(*word))] = odd_number(f);
	if (one_in(f, 4))
		word[below(f, size / sizeof(*word))] ^= 1u << below(f, 32);
}

/*
 * @size bytes of @cmd are what it is; the caller may think it is more or less.
 * A structure never promises more than there is.
 */
static int call(struct fuzz *f, unsigned long nr, void *cmd, size_t size)
{
	uint64_t room[32] = { };
	uint8_t *buf = (uint8_t *)room;
	uint32_t said = size;
	int err;

	memcpy(buf, cmd, size);
	spoil(f, buf + sizeof(said), size - sizeof(said), 4);
	if (one_in(f, 32))
		said = below(f, sizeof(room) + 1);
	if (one_in(f, 64))
		buf[size + below(f, sizeof(room) - size)] = 1;
	memcpy(buf, &said, sizeof(said));
	err = ioctl(f->h.iommufd, nr, buf) ? -errno : 0;
	memcpy(cmd, buf, size);
	return err;
}

static int fuzz_hw_info(struct fuzz *f)
{
	struct iommu_hw_info_tsm info;
	struct iommu_hw_info cmd = {
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.in_data_type = IOMMU_HW_INFO_TYPE_TSM,
		.dev_id = some_handle(f, some_device(f)->u.dev_id),
		.data_len = one_in(f, 4) ? below(f, 64) : sizeof(info),
		.data_uptr = some_pointer(f, 64),
	};

	return call(f, IOMMU_GET_HW_INFO, &cmd, sizeof(cmd));
}

static int fuzz_viommu(struct fuzz *f)
{
	static const uint32_t types[] = {
		IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU,
		IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU,
		IOMMU_VIOMMU_TYPE_TSM_SIM, IOMMU_VIOMMU_TYPE_TSM_VTD, 1, 2, 3,
	};
	struct iommu_viommu_alloc cmd = {
		.type = types[below(f, ARRAY_SIZE(types))],
		.dev_id = some_handle(f, some_device(f)->u.dev_id),
	};
	int err;

	if (one_in(f, 2)) {
		cmd.flags = IOMMU_VIOMMU_ALLOC_VM_FD;
		cmd.vm_fd = one_in(f, 4) ? (int)below(f, 32) : f->h.vm.fd;
	}
	err = call(f, IOMMU_VIOMMU_ALLOC, &cmd, sizeof(cmd));
	if (!err) {
		keep_handle(f, cmd.out_viommu_id);
		if (!f->h.viommu)
			f->h.viommu = cmd.out_viommu_id;
	}
	return err;
}

/* It may be another device that it was made for, and once have been another's */
static void know_vdevice(struct fuzz *f, uint32_t dev_id, uint32_t vdevice)
{
	unsigned int i;

	for (i = 0; i < f->h.nr; i++) {
		if (f->h.dev[i].u.dev_id == dev_id)
			f->h.dev[i].vdevice = vdevice;
		else if (f->h.dev[i].vdevice == vdevice)
			f->h.dev[i].vdevice = 0;
	}
}

static int fuzz_vdevice(struct fuzz *f)
{
	struct assigned *dev = some_device(f);
	struct iommu_vdevice_alloc cmd = {
		.viommu_id = some_handle(f, f->h.viommu),
		.dev_id = some_handle(f, dev->u.dev_id),
		.virt_id = one_in(f, 8) ? odd_number(f) : dev->virt_id,
	};
	int err;

	err = call(f, IOMMU_VDEVICE_ALLOC, &cmd, sizeof(cmd));
	if (!err) {
		know_vdevice(f, cmd.dev_id, cmd.out_vdevice_id);
		keep_handle(f, cmd.out_vdevice_id);
	}
	return err;
}

static int fuzz_destroy(struct fuzz *f)
{
	uint32_t id = one_in(f, 4) ? some_device(f)->vdevice :
				     f->handle[below(f, NR_HANDLES)];
	unsigned int i;
	int err;

	/* The devices and their address spaces stay, or there is not much left */
	for (i = 0; i < f->h.nr; i++)
		if (f->h.dev[i].u.dev_id == id || f->h.dev[i].u.ioas == id)
			return -EBUSY;
	err = cmd_destroy(f->h.iommufd, id);
	if (!err && id == f->h.viommu)
		f->h.viommu = 0;
	return err;
}

static int fuzz_move(struct fuzz *f)
{
	struct iommu_vdevice_tsm_bind cmd = {
		.vdevice_id = some_handle(f, some_device(f)->vdevice),
	};

	return call(f, one_in(f, 3) ? IOMMU_VDEVICE_TSM_UNBIND :
				      IOMMU_VDEVICE_TSM_BIND, &cmd, sizeof(cmd));
}

static int fuzz_queue(struct fuzz *f)
{
	struct iommu_veventq_alloc cmd = {
		.viommu_id = some_handle(f, f->h.viommu),
		.type = one_in(f, 4) ? odd_number(f) : IOMMU_VEVENTQ_TYPE_TSM,
		.veventq_depth = 1 + below(f, 8),
	};
	int err = call(f, IOMMU_VEVENTQ_ALLOC, &cmd, sizeof(cmd));

	if (!err) {
		keep_handle(f, cmd.out_veventq_id);
		close(cmd.out_veventq_fd);
	}
	return err;
}

/* A request of some operation that is right, or nearly */
static uint32_t some_request(struct fuzz *f, uint32_t op, void *req)
{
	struct tsm_validate_mmio *mmio = req;
	struct tsm_regen_object *regen = req;
	struct tsm_object_info *info = req;
	struct tsm_read_object *read = req;
	struct tsm_sim_msg *msg = req;
	uint32_t len = 0;

	switch (op) {
	case TSM_OP_VALIDATE_MMIO:
		*mmio = (struct tsm_validate_mmio) {
			.gpa = 0x40000000ull + 0x1000 * below(f, 16),
			.length = 0x1000 * (1 + below(f, 4)),
			.region = below(f, 3),
			.offset = 0x1000 * below(f, 16),
		};
		len = sizeof(*mmio);
		break;
	case TSM_OP_READ_OBJECT:
		*read = (struct tsm_read_object) {
			.type = below(f, 5), .offset = below(f, 4096),
		};
		len = sizeof(*read);
		break;
	case TSM_OP_REGEN_OBJECT:
		*regen = (struct tsm_regen_object) { .type = below(f, 5) };
		len = sizeof(*regen);
		break;
	case TSM_OP_OBJECT_INFO:
		*info = (struct tsm_object_info) { .type = below(f, 5) };
		len = sizeof(*info);
		break;
	case TSM_OP_GUEST_MSG:
		*msg = (struct tsm_sim_msg) { .type = TSM_SIM_MSG_TDI_INFO };
		len = sizeof(*msg);
		break;
	}
	if (len)
		spoil(f, req, len, 4);
	return len;
}

static uint32_t room_for(struct fuzz *f, uint32_t op)
{
	switch (op) {
	case TSM_OP_READ_OBJECT:
		return below(f, 8192);
	case TSM_OP_REGEN_OBJECT:
		return sizeof(struct tsm_regen_object_resp);
	case TSM_OP_OBJECT_INFO:
		return sizeof(struct tsm_object_info_resp);
	case TSM_OP_GET_TDI_STATE:
		return sizeof(struct tsm_tdi_state_resp);
	case TSM_OP_GUEST_MSG:
		return sizeof(struct tsm_sim_tdi_info);
	}
	return 0;
}

static int fuzz_req(struct fuzz *f)
{
	uint8_t *resp = f->arena + ARENA / 2;
	struct iommu_vdevice_tsm_req cmd = {
		.vdevice_id = some_handle(f, some_device(f)->vdevice),
		.op = one_in(f, 16) ? odd_number(f) : below(f, 11),
		.tsm_arch = one_in(f, 16) ? odd_number(f) : f->h.arch,
	};
	uint32_t room, i;
	bool ours;
	int err;

	cmd.req_len = some_request(f, cmd.op, f->arena);
	cmd.req_uptr = one_in(f, 16) ? some_pointer(f, cmd.req_len) :
				       (uintptr_t)f->arena;
	cmd.resp_len = one_in(f, 8) ? odd_number(f) : room_for(f, cmd.op);
	cmd.resp_uptr = one_in(f, 16) ? some_pointer(f, cmd.resp_len) :
					(uintptr_t)resp;
	room = cmd.resp_len;
	memset(resp, GUARD, 0x4000);
	err = call(f, IOMMU_VDEVICE_TSM_REQ, &cmd, sizeof(cmd));
	/* What was asked for may have become something else on the way */
	ours = cmd.resp_uptr == (uintptr_t)resp && cmd.resp_len == room;
	if (!ours)
		return err;
	if (!err && cmd.out_resp_len > room)
		return -EPROTO;
	room = err ? 0 : cmd.out_resp_len;
	for (i = room; i < 0x4000; i++)
		if (resp[i] != GUARD)
			return -EPROTO;
	return err;
}

/* The host below is not idle either */
static int fuzz_platform(struct fuzz *f)
{
	struct sim_device *d = f->m.s.d;

	if (!f->m.simulated || !one_in(f, 8))
		return 0;
	sim_tdi_error(d, some_device(f)->bdf);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(struct fuzz *f);
	unsigned int often;
} calls[] = {
	{ "req", fuzz_req, 12 },
	{ "bind/unbind", fuzz_move, 6 },
	{ "vdevice", fuzz_vdevice, 3 },
	{ "viommu", fuzz_viommu, 2 },
	{ "hw_info", fuzz_hw_info, 1 },
	{ "destroy", fuzz_destroy, 3 },
	{ "queue", fuzz_queue, 1 },
	{ "platform", fuzz_platform, 1 },
};

/* All that is documented for any of these calls, and what copying gives */
static bool documented(int err)
{
	static const int errnos[] = {
		0, EINVAL, EOPNOTSUPP, ENOENT, EBUSY, EEXIST, ENXIO, ENODEV,
		E2BIG, EMSGSIZE, EFAULT, EPERM, EBADF, ENOSPC, ENOTRECOVERABLE,
		/* a device that says no */
		EBADMSG, EIO,
		/* of hw_info, whose length is the caller's */
		ENOMEM,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		if (err == -errnos[i])
			return true;
	return false;
}

static unsigned int some_call(struct fuzz *f)
{
	unsigned int i, total = 0, pick;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		total += calls[i].often;
	pick = below(f, total);
	for (i = 0; pick >= calls[i].often; i++)
		pick -= calls[i].often;
	return i;
}

/* However it came to be: a state that there is, and a way out of it */
static void test_legal(struct __test_metadata *_metadata, struct fuzz *f)
{
	unsigned int i;

	for (i = 0; i < f->h.nr; i++) {
		struct assigned *dev = &f->h.dev[i];
		struct tsm_tdi_state_resp state;
		int err;

		err = cmd_tdi_state(f->h.iommufd, dev->vdevice, f->h.arch,
				    &state);
		if (err == -ENOENT)
			continue;
		ASSERT_EQ(0, err);
		ASSERT_GE(TSM_TDI_ERROR, state.state);
		ASSERT_EQ(0, state.flags);
		test_cmd_unbind(f->h.iommufd, dev->vdevice, NULL);
		test_tdi(&f->h, dev, "UNLOCKED");
		test_ok(host_run(&f->h, dev));
		if (f->m.simulated)
			test_device(f->m.s.d, dev->bdf, "run");
	}
}

TEST_F_TIMEOUT(fuzz, ioctls, 86400)
{
	const char *env = getenv("TSM_FUZZ_SECONDS");
	long long end_ms = sim_now_ms() + 1000ll * (env ? atoi(env) : 30);
	uint64_t begun = self->f.random;
	unsigned int i, n;
	unsigned long total = 0;

	for (i = 0; i < 3 && i < self->f.m.nr; i++) {
		struct assigned *dev;

		test_ok(host_assign(&self->f.h, self->f.m.bdf[i], 0x10 + i, &dev));
		keep_handle(&self->f, dev->u.dev_id);
		keep_handle(&self->f, dev->u.ioas);
		keep_handle(&self->f, dev->vdevice);
	}
	keep_handle(&self->f, self->f.h.viommu);
	TH_LOG("seed %#llx", (unsigned long long)begun);

	while (sim_now_ms() < end_ms) {
		for (n = 0; n < 200; n++) {
			int err;

			i = some_call(&self->f);
			err = calls[i].fn(&self->f);
			self->f.calls[i]++;
			self->f.good[i] += !err;
			total++;
			ASSERT_TRUE(documented(err)) {
				TH_LOG("seed %#llx, call %lu, %s: %s",
				       (unsigned long long)begun, total,
				       calls[i].name, strerror(-err));
			}
		}
		test_legal(_metadata, &self->f);
	}
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		TH_LOG("%-12s %8lu calls, %8lu good", calls[i].name,
		       self->f.calls[i], self->f.good[i]);
		/* One that never gets through tests nothing behind it */
		EXPECT_LT(0, self->f.good[i]);
	}
}

int main(int argc, char **argv)
{
	return iommufd_harness_run(argc, argv);
}
