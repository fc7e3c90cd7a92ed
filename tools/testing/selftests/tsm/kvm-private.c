// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO that is private to a VM: in its guest while the function is locked for it,
 * in no other one's, and not a moment longer. The simulated device reports the
 * pages from its MSI-X table to its pending bits as shared, all else as the VM's.
 */
#include <sys/ioctl.h>

#include "tsm_mmio.h"

/* In the BAR: what is shared */
#define SHARED_BEGIN	0x10000
#define SHARED		0x18800
#define SHARED_END	0x19000

/**
 * struct own - a function that can be locked, in a guest
 * @c: what other tests of MMIO have
 * @d: the device that it is of
 */
struct own {
	struct mmio c;
	struct sim_device *d;
};

FIXTURE(own)
{
	struct own o;
};

FIXTURE_VARIANT(own)
{
	bool vf;
};

FIXTURE_VARIANT_ADD(own, pf) { .vf = false };
FIXTURE_VARIANT_ADD(own, vf) { .vf = true };

FIXTURE_SETUP(own)
{
	struct own *o = &self->o;
	struct mmio *m = &o->c;

	mmio_init(m);
	test_ok(machine_build(&m->m, 2));
	o->d = &m->m.s.sim.d[variant->vf ? 0 : 1];
	snprintf(m->bdf, sizeof(m->bdf), "%s",
		 variant->vf ? m->m.s.vf[0] : o->d->bdf);
	test_ok(host_open(&m->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&m->h, m->bdf, 0x10, &m->dev));
	m->u = &m->dev->u;
	test_ok(vfio_find_dma(m->u));
	test_ok(vfio_set_master(m->u, true));
	test_ok(vfio_bar(m->u, 0, &m->bar));
	ASSERT_EQ(BAR0_BYTES, m->bar.size);
	test_ok(mmio_open(m));
	test_ok(map_bar(m));
}

FIXTURE_TEARDOWN(own)
{
	EXPECT_EQ(0, mmio_close(&self->o.c, __test_passed(_metadata)));
}

static int bind_device(struct mmio *m)
{
	return cmd_bind(m->h.iommufd, m->dev->vdevice, NULL) ?: look_behind(m);
}

static int start_device(struct mmio *m)
{
	return cmd_op(m->h.iommufd, m->dev->vdevice, m->h.arch, TSM_OP_START);
}

/* Bind it, and start it with private DMA */
static int run_device(struct mmio *m)
{
	return host_run(&m->h, m->dev) ?: look_behind(m);
}

static int unbind_device(struct mmio *m)
{
	return cmd_unbind(m->h.iommufd, m->dev->vdevice, NULL);
}

/* The guest makes a page of the BAR its own, or gives it back */
static int set_private(struct mmio *m, size_t at, bool private)
{
	return guest_set_private(m->h.vm.fd, BAR0 + at, PAGE, private);
}

#define test_bind(m) test_ok(bind_device(m))
#define test_start(m) test_ok(start_device(m))
#define test_unbind(m) test_ok(unbind_device(m))

/* All of it as it is to be while the function is locked; PLACE is private */
#define test_locked_memory(m) _test_locked_memory(_metadata, m)
static void _test_locked_memory(struct __test_metadata *_metadata,
				struct mmio *m)
{
	/* What is the VM's, where the guest has it as its own, and where not */
	test_reaches(m, BAR0 + PLACE, PLACE, 0x5ec2e7);
	test_reaches(m, BAR0 + PLACE + PAGE - 4, PLACE + PAGE - 4, 0x5ec2e8);
	test_faults(m, BAR0, 0, false);
	test_faults(m, BAR0 + SHARED_BEGIN - 4, SHARED_BEGIN - 4, false);
	test_faults(m, BAR0 + SHARED_END, SHARED_END, false);
	test_faults(m, BAR0 + LAST, LAST, false);

	/* What is shared, likewise */
	test_reaches(m, BAR0 + SHARED, SHARED, 0x600d);
	test_reaches(m, BAR0 + SHARED_END - 4, SHARED_END - 4, 0x600e);
	test_ok(set_private(m, SHARED & ~(PAGE - 1), true));
	test_faults(m, BAR0 + SHARED, SHARED, true);
	test_ok(set_private(m, SHARED & ~(PAGE - 1), false));
	test_reaches(m, BAR0 + SHARED, SHARED, 0x600f);
}

TEST_F(own, memory)
{
	struct mmio *m = &self->o.c;
	int i;

	/* Shared, all of it, before */
	test_reaches(m, BAR0 + PLACE, PLACE, 0x1);
	test_ok(set_private(m, PLACE, true));
	for (i = 0; i < 2; i++) {
		test_faults(m, BAR0 + PLACE, PLACE, true);
		test_reaches(m, BAR0 + PLACE + PAGE, PLACE + PAGE, 0x2);

		test_bind(m);
		test_tdi(&m->h, m->dev, "LOCKED");
		test_locked_memory(m);
		test_start(m);
		test_locked_memory(m);
		test_unbind(m);
	}
	test_faults(m, BAR0 + PLACE, PLACE, true);
	test_ok(set_private(m, PLACE, false));
	test_reaches(m, BAR0 + PLACE, PLACE, 0x3);
}

/* Mapped before the guest accepts */
TEST_F(own, prefault)
{
	struct mmio *m = &self->o.c;

	test_ok(set_private(m, PLACE, true));
	test_err(EFAULT, guest_prefault(&m->g, BAR0 + PLACE, PAGE));
	test_bind(m);
	test_ok(guest_prefault(&m->g, BAR0 + PLACE, PAGE));
	test_err(EFAULT, guest_prefault(&m->g, BAR0 + PLACE + PAGE, PAGE));
	test_reaches(m, BAR0 + PLACE, PLACE, 0x1);
	test_unbind(m);
	test_err(EFAULT, guest_prefault(&m->g, BAR0 + PLACE, PAGE));
}

/* Another VM has the dma-buf, and has made the same page its own */
TEST_F(own, other_vm)
{
	struct mmio *m = &self->o.c;
	struct guest g;
	struct vm vm;
	uint32_t val;

	test_ok(vm_create(&vm, VM_CONFIDENTIAL));
	test_ok(guest_open(&g, vm.fd));
	test_ok(guest_region(vm.fd, GUEST_SLOT, BAR0, BAR0_BYTES, m->buf, 0));
	set_behind(m, PLACE, 0x1);
	test_ok(guest_load(&g, BAR0 + PLACE, &val));
	ASSERT_EQ(0x1, val);

	test_ok(guest_set_private(vm.fd, BAR0 + PLACE, PAGE, true));
	test_ok(set_private(m, PLACE, true));
	test_bind(m);
	test_reaches(m, BAR0 + PLACE, PLACE, 0x2);
	test_err(EFAULT, guest_load(&g, BAR0 + PLACE, &val));
	ASSERT_TRUE(g.fault_private);
	test_err(EFAULT, guest_load(&g, BAR0 + PLACE + PAGE, &val));
	ASSERT_FALSE(g.fault_private);
	set_behind(m, SHARED, 0x3);
	test_ok(guest_load(&g, BAR0 + SHARED, &val));
	ASSERT_EQ(0x3, val);
	test_unbind(m);
	test_err(EFAULT, guest_load(&g, BAR0 + PLACE, &val));
	test_ok(guest_load(&g, BAR0 + PLACE + PAGE, &val));
	guest_close(&g);
	vm_close(&vm);
}

/* One that is made while the function is locked is like one from before */
TEST_F(own, made_while_locked)
{
	struct mmio *m = &self->o.c;
	int buf;

	test_bind(m);
	buf = vfio_dma_buf(m->u, 0, PLACE, 2 * PAGE);
	ASSERT_LE(0, buf);
	test_ok(guest_region(m->h.vm.fd, GUEST_SLOT + 1, ELSEWHERE, 2 * PAGE,
			     buf, 0));
	test_faults(m, ELSEWHERE, PLACE, false);
	test_ok(guest_set_private(m->h.vm.fd, ELSEWHERE, 2 * PAGE, true));
	test_reaches(m, ELSEWHERE + PAGE, PLACE + PAGE, 0x1);
	test_unbind(m);
	test_faults(m, ELSEWHERE + PAGE, PLACE + PAGE, true);
	close(buf);
}

/* --- the end ----------------------------------------------------------------------- */

/* The steps of a teardown are those of one without private memory in between */
TEST_F(own, unbound_while_used)
{
	struct mmio *m = &self->o.c;
	struct counting c = { .g = &m->g };
	uint32_t was;
	int i;

	test_ok(set_private(m, PLACE, true));
	test_ok(counting_begin(&c));
	for (i = 0; i < 3; i++) {
		test_ok(run_device(m));
		ASSERT_TRUE(sim_wait(c.err || guest_counts(&m->g), PROMPT_MS));
		c.faults = 0;
		test_ok(trace_begin());
		test_unbind(m);
		was = behind(m, PLACE);
		ASSERT_STREQ(STEPS_DOWN, trace_steps(m->bdf));
		trace_end();
		/* It finds nothing, and nothing has it */
		ASSERT_TRUE(sim_wait(c.err || c.faults, PROMPT_MS));
		usleep(1000);
		ASSERT_EQ(was, behind(m, PLACE));
		ASSERT_EQ(0, c.err);
		guest_counts(&m->g);
	}
	test_ok(counting_end(&c));
}

/* The same by the end of the function's user */
TEST_F(own, closed_while_used)
{
	struct mmio *m = &self->o.c;
	struct counting c = { .g = &m->g };
	uint32_t was;

	test_ok(set_private(m, PLACE, true));
	test_ok(run_device(m));
	test_ok(counting_write(&c));
	c.faults = 0;
	host_close_device(&m->h, m->dev);
	was = behind(m, PLACE);
	ASSERT_TRUE(sim_wait(c.err || c.faults, PROMPT_MS));
	ASSERT_EQ(was, behind(m, PLACE));
	test_ok(counting_end(&c));
}

/* Its VMM loses the VM first, which is kept by who binds the function to it */
TEST_F(own, vm_first)
{
	struct mmio *m = &self->o.c;

	test_ok(set_private(m, PLACE, true));
	test_ok(run_device(m));
	test_reaches(m, BAR0 + PLACE, PLACE, 0x1);
	guest_close(&m->g);
	vm_close(&m->h.vm);
	test_tdi(&m->h, m->dev, "RUN");
	test_unbind(m);
	test_bind(m);
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
