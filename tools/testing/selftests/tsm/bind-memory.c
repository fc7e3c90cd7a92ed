// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a VMM that does not behave: a request that changes while it is under
 * way, and buffers that are not there until the VMM provides them. What was checked
 * is what is done, and nobody waits for that memory but who passed it on.
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

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
