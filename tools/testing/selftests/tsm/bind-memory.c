// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a VMM that does not behave: a request that changes while it is under
 * way, and buffers that are not there until the VMM provides them, or not any more.
 * What was checked is what is done, and nobody waits for that memory but who passed
 * it on.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/userfaultfd.h>

#include "tsm_machine.h"

#define PAGE		0x1000
#define NR_CALLS	2000

FIXTURE(memory)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct assigned *other;
	uint8_t *page;
	int uffd;
};

FIXTURE_SETUP(memory)
{
	host_init(&self->h);
	self->uffd = -1;
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(machine_build(&self->m, 1));
	test_ok(host_open(&self->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&self->h, self->m.bdf[0], 0x10, &self->dev));
	test_ok(host_assign(&self->h, self->m.bdf[1], 0x20, &self->other));
	self->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
}

FIXTURE_TEARDOWN(memory)
{
	if (self->uffd >= 0)
		close(self->uffd);
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
}

static int object_info(struct call *call, const void *req, void *resp)
{
	size_t len = sizeof(struct tsm_object_info_resp);

	return cmd_request(call->h->iommufd, call->dev->vdevice, call->h->arch,
			   TSM_OP_OBJECT_INFO, req,
			   sizeof(struct tsm_object_info), resp, &len);
}

/* --- a request that changes ------------------------------------------------------ */

struct changer {
	pthread_t thread;
	struct tsm_object_info *req;
	atomic_bool stop;
};

/* There is no such object, and that field has to be 0 */
static void *change(void *arg)
{
	struct changer *c = arg;

	while (!c->stop) {
		__atomic_store_n(&c->req->type, 0x80000001, __ATOMIC_RELAXED);
		__atomic_store_n(&c->req->__reserved, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&c->req->type, TSM_OBJECT_CERTIFICATE_CHAIN,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&c->req->__reserved, 0, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Refused, or what it was when it was taken for right; nothing in between */
TEST_F(memory, copied_once)
{
	struct call call = { .h = &self->h, .dev = self->dev };
	struct changer c = { .req = (void *)self->page };
	struct tsm_object_info_resp want, resp;
	unsigned int i, odd = 0;

	c.req->type = TSM_OBJECT_CERTIFICATE_CHAIN;
	test_ok(object_info(&call, c.req, &want));
	ASSERT_LT(0, want.size);
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, change, &c));
	for (i = 0; i < NR_CALLS; i++) {
		int err = object_info(&call, c.req, &resp);

		if (err ? err != -EINVAL && err != -EOPNOTSUPP :
			  memcmp(&want, &resp, sizeof(resp)))
			odd++;
	}
	c.stop = true;
	pthread_join(c.thread, NULL);
	ASSERT_EQ(0, odd);
}

/* --- memory that is not there ----------------------------------------------------- */

/* From now on who touches the page waits until it is provided */
static int withhold(uint8_t *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (madvise(page, PAGE, MADV_DONTNEED) || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Full of zeros: a request for the transcript */
static int provide(int fd, uint8_t *page)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)page, .len = PAGE },
	};

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

static bool somebody_waits(int fd)
{
	struct uffd_msg msg;

	return read(fd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

static uint8_t *withheld;

static int from_withheld(struct call *call)
{
	struct tsm_object_info_resp resp;

	return object_info(call, withheld, &resp);
}

static int to_withheld(struct call *call)
{
	struct tsm_object_info req = { .type = TSM_OBJECT_TRANSCRIPT };

	return object_info(call, &req, withheld);
}

/* While a request waits for its buffer, all else about its TDI goes on, to its end */
static void test_withheld(struct __test_metadata *_metadata, struct host *h,
			  struct assigned *dev, struct assigned *other,
			  uint8_t *page, int fd, int (*fn)(struct call *call))
{
	long long start_ms;
	struct call call;

	withheld = page;
	test_ok(call_start(&call, fn, h, dev));
	ASSERT_TRUE(sim_wait(somebody_waits(fd), PROMPT_MS));
	start_ms = sim_now_ms();
	test_ok(host_run(h, other));
	test_cmd_unbind(h->iommufd, other->vdevice, NULL);
	test_ok(host_run(h, dev));
	test_tdi(h, dev, "RUN");
	test_cmd_unbind(h->iommufd, dev->vdevice, NULL);
	test_cmd_destroy(h->iommufd, dev->vdevice);
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	ASSERT_FALSE(atomic_load(&call.ended));
	/* It comes too late: the TDI is gone */
	test_ok(provide(fd, page));
	test_err(ENXIO, call_wait(&call, PROMPT_MS));
	test_ok(host_vdevice(h, dev, 0x10));
	test_ok(host_run(h, dev));
}

TEST_F(memory, request_withheld)
{
	self->uffd = withhold(self->page);
	if (self->uffd == -ENOSYS)
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_LE(0, self->uffd);
	test_withheld(_metadata, &self->h, self->dev, self->other, self->page,
		      self->uffd, from_withheld);
}

TEST_F(memory, response_withheld)
{
	self->uffd = withhold(self->page);
	if (self->uffd == -ENOSYS)
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_LE(0, self->uffd);
	test_withheld(_metadata, &self->h, self->dev, self->other, self->page,
		      self->uffd, to_withheld);
}

/* --- memory that is not to be written to, or not any more --------------------------- */

/* From now on who writes to the page waits; to read it is fine */
static int protect(uint8_t *page)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = {
		.range = reg.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg) ||
	    ioctl(fd, UFFDIO_WRITEPROTECT, &wp)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int unprotect(int fd, uint8_t *page)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)page, .len = PAGE },
	};

	return ioctl(fd, UFFDIO_WRITEPROTECT, &wp) ? -errno : 0;
}

/* Calls that find their vDEVICE, and then cannot yet say how they will have ended */
static const struct {
	unsigned long cmd;
	int error;		/* when that has gone meanwhile */
} late_calls[] = {
	{ IOMMU_VDEVICE_TSM_BIND, ENODEV },
	{ IOMMU_VDEVICE_TSM_UNBIND, 0 },
	{ IOMMU_VDEVICE_TSM_REQ, ENXIO },
};

/* What the call under way has, and which it is */
static union {
	struct iommu_vdevice_tsm_bind move;
	struct iommu_vdevice_tsm_req req;
	struct iommu_veventq_alloc queue;
} *late;
static unsigned long late_cmd;

static int call_late(struct call *call)
{
	return ioctl(call->h->iommufd, late_cmd, late) ? -errno : 0;
}

/* @close_device: it is closed, not only the vDEVICE destroyed */
#define test_late(...) _test_late(_metadata, __VA_ARGS__)
static void _test_late(struct __test_metadata *_metadata, struct host *h,
		       struct assigned *dev, uint8_t *page, int *uffd,
		       unsigned int i, bool close_device)
{
	long long start_ms;
	struct call call;

	late = (void *)page;
	late_cmd = late_calls[i].cmd;
	memset(late, 0, sizeof(*late));
	if (late_cmd == IOMMU_VDEVICE_TSM_REQ) {
		late->req = (struct iommu_vdevice_tsm_req) {
			.size = sizeof(late->req),
			.vdevice_id = dev->vdevice,
			.op = TSM_OP_START,
			.tsm_arch = h->arch,
		};
	} else {
		late->move = (struct iommu_vdevice_tsm_bind) {
			.size = sizeof(late->move),
			.vdevice_id = dev->vdevice,
		};
	}
	*uffd = protect(page);
	ASSERT_LE(0, *uffd);
	test_ok(call_start(&call, call_late, h, dev));
	ASSERT_TRUE(sim_wait(somebody_waits(*uffd), PROMPT_MS));
	start_ms = sim_now_ms();
	if (close_device)
		host_close_device(h, dev);
	else
		test_cmd_destroy(h->iommufd, dev->vdevice);
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	ASSERT_FALSE(atomic_load(&call.ended));
	test_ok(unprotect(*uffd, page));
	test_err(late_calls[i].error, call_wait(&call, PROMPT_MS));
	close(*uffd);
	*uffd = -1;
}

/* Nothing is done to a device that was given back, and nobody waited for the call */
TEST_F(memory, result_withheld)
{
	struct host *h = &self->h;
	unsigned int i;

	self->uffd = protect(self->page);
	if (self->uffd == -ENOSYS || self->uffd == -EINVAL)
		SKIP(return, "this kernel has no userfaultfd for writes");
	close(self->uffd);
	for (i = 0; i < ARRAY_SIZE(late_calls); i++) {
		test_late(h, self->dev, self->page, &self->uffd, i, false);
		test_device(self->m.s.d, self->m.bdf[0], "unlocked");
		test_ok(host_vdevice(h, self->dev, 0x10));
		test_ok(host_run(h, self->dev));
		test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
	}
	for (i = 0; i < ARRAY_SIZE(late_calls); i++) {
		test_late(h, self->dev, self->page, &self->uffd, i, true);
		test_device(self->m.s.d, self->m.bdf[0], "unlocked");
		test_ok(host_assign(h, self->m.bdf[0], 0x10, &self->dev));
	}
	test_ok(host_run(h, self->dev));
}

/*
 * A VMM that makes an event queue, and lets nobody say so to it, gets its events
 * late. Who makes them happen does not wait for it: here that is the host, whose TSM
 * goes.
 */
TEST_F(memory, queue_withheld)
{
	struct sim_platform *p = &self->m.s.sim.p;
	struct host *h = &self->h;
	struct tsm_vevent event;
	long long start_ms;
	struct call call;
	uint64_t sum = 0;
	int i;

	test_ok(host_run(h, self->dev));
	late = (void *)self->page;
	late_cmd = IOMMU_VEVENTQ_ALLOC;
	late->queue = (struct iommu_veventq_alloc) {
		.size = sizeof(late->queue),
		.viommu_id = h->viommu,
		.type = IOMMU_VEVENTQ_TYPE_TSM,
		.veventq_depth = 4,
	};
	self->uffd = protect(self->page);
	if (self->uffd == -ENOSYS || self->uffd == -EINVAL)
		SKIP(return, "this kernel has no userfaultfd for writes");
	ASSERT_LE(0, self->uffd);
	test_ok(call_start(&call, call_late, h, self->dev));
	ASSERT_TRUE(sim_wait(somebody_waits(self->uffd), PROMPT_MS));
	start_ms = sim_now_ms();
	test_ok(sim_platform_tsm(p, false));
	ASSERT_GT(PROMPT_MS, sim_now_ms() - start_ms);
	test_tdi(h, self->dev, "UNLOCKED DEAD");
	ASSERT_FALSE(atomic_load(&call.ended));

	test_ok(unprotect(self->uffd, self->page));
	test_ok(call_wait(&call, PROMPT_MS));
	for (i = 0; i < 2; i++) {
		test_ok(vevent_read(late->queue.out_veventq_fd, &event,
				    PROMPT_MS));
		ASSERT_EQ(IOMMU_VEVENT_TSM_UNBOUND, event.tsm.event);
		sum += event.tsm.virt_id;
	}
	ASSERT_EQ(0x10 + 0x20, sum);
	close(late->queue.out_veventq_fd);
	test_ok(sim_platform_tsm(p, true));
	test_connect(self->m.s.d);
	test_ok(host_run(h, self->dev));
}

/* The report once more, to be told of at @late */
static int regenerate_late(struct call *call)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_INTERFACE_REPORT };

	late->req.req_uptr = (uintptr_t)&req;
	return cmd_req(call->h->iommufd, &late->req);
}

/*
 * A buffer that was there, and is not when there is something for it: what was done
 * has been done, and the VMM is told that it was not told
 */
TEST_F(memory, response_lost)
{
	struct tsm_object_info req = { .type = TSM_OBJECT_INTERFACE_REPORT };
	struct tsm_object_info_resp was, is;
	struct iommu_vdevice_tsm_req cmd;
	struct sim_device *d = self->m.s.d;
	struct host *h = &self->h;
	struct call call = { .h = h, .dev = self->dev };
	long before;

	test_ok(host_run(h, self->dev));
	test_ok(object_info(&call, &req, &was));
	cmd = (struct iommu_vdevice_tsm_req) {
		.vdevice_id = self->dev->vdevice,
		.op = TSM_OP_REGEN_OBJECT,
		.tsm_arch = h->arch,
		.req_len = sizeof(struct tsm_regen_object),
		.resp_len = sizeof(struct tsm_regen_object_resp),
		.resp_uptr = (uintptr_t)self->page,
		.out_resp_len = -1,
	};
	late = (void *)&cmd;
	test_ok(sim_set(d, "fault", "report-portions 1"));
	test_ok(sim_set(d, "latency_ms", "400"));
	before = sim_count(d, "messages");
	test_ok(call_start(&call, regenerate_late, h, self->dev));
	ASSERT_TRUE(sim_conversing(d, before, 2, PROMPT_MS));
	ASSERT_EQ(0, mprotect(self->page, PAGE, PROT_NONE));
	test_ok(sim_set(d, "fault", "none"));
	test_ok(sim_set(d, "latency_ms", "0"));
	test_err(EFAULT, call_wait(&call, CONVERSATION_MS));
	ASSERT_EQ(0, cmd.out_resp_len);
	ASSERT_EQ(0, cmd.out_flags);
	test_tdi(h, self->dev, "RUN");
	test_ok(object_info(&call, &req, &is));
	ASSERT_LT(was.generation, is.generation);

	ASSERT_EQ(0, mprotect(self->page, PAGE, PROT_READ | PROT_WRITE));
	test_ok(regenerate_late(&call));
	ASSERT_EQ(sizeof(struct tsm_regen_object_resp), cmd.out_resp_len);
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
