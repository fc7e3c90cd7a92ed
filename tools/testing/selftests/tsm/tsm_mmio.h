/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of MMIO in guests share: a function whose BAR0 is in a guest of
 * KVM, and the memory behind it.
 */
#ifndef __TSM_MMIO_H
#define __TSM_MMIO_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "tsm_guest.h"
#include "tsm_machine.h"

#define PAGE		0x1000
#define BAR0_BYTES	0x20000
/* In the guest */
#define BAR0		0x80000000
#define ELSEWHERE	0x90000000
/* In the BAR: a page like most, and the last word */
#define PLACE		0x8000
#define LAST		(BAR0_BYTES - 4)

/**
 * struct mmio - a function, and a guest to use it
 * @m: the machine
 * @h: its VMM
 * @dev: the function
 * @u: its VFIO user
 * @g: the guest
 * @bar: BAR0
 * @buf: dma-buf of all of it
 * @behind: the memory behind it, as the simulated device has it, whether it is
 *	    enabled or not
 * @bdf: its name
 */
struct mmio {
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct vfio_user *u;
	struct guest g;
	struct vfio_bar bar;
	int buf;
	uint8_t *behind;
	char bdf[32];
};

/* Nothing of it is open; mmio_close() may follow */
static inline void mmio_init(struct mmio *m)
{
	host_init(&m->h);
	m->g.vcpu = -1;
	m->buf = -1;
	sim_sweep();
}

/*
 * Map the memory behind the BAR, or map it again: what of it is in BARs of a
 * function loses its mappings when that is locked
 */
static inline int look_behind(struct mmio *m)
{
	if (m->behind)
		munmap(m->behind, BAR0_BYTES);
	m->behind = bar_memory(m->bdf, 0, BAR0_BYTES);
	return m->behind ? 0 : -ENXIO;
}

/* All that is needed of the function, which @m->u has opened, and the guest */
static inline int mmio_open(struct mmio *m)
{
	m->buf = vfio_dma_buf(m->u, 0, 0, BAR0_BYTES);
	if (m->buf < 0)
		return m->buf;
	return look_behind(m) ?: guest_open(&m->g, m->h.vm.fd);
}

static inline int mmio_close(struct mmio *m, bool passed)
{
	if (m->behind)
		munmap(m->behind, BAR0_BYTES);
	if (m->buf >= 0)
		close(m->buf);
	guest_close(&m->g);
	host_close(&m->h);
	return machine_leave(&m->m, passed);
}

static inline uint32_t behind(struct mmio *m, size_t at)
{
	return __atomic_load_n((uint32_t *)(m->behind + at), __ATOMIC_SEQ_CST);
}

static inline void set_behind(struct mmio *m, size_t at, uint32_t val)
{
	__atomic_store_n((uint32_t *)(m->behind + at), val, __ATOMIC_SEQ_CST);
}

/* All of the BAR becomes memory of the guest */
static inline int map_bar(struct mmio *m)
{
	return guest_region(m->h.vm.fd, GUEST_SLOT, BAR0, BAR0_BYTES, m->buf, 0);
}

/* The guest reads what the device has, and the device has what the guest writes */
#define test_reaches(m, gpa, at, val) _test_reaches(_metadata, m, gpa, at, val)
static inline void _test_reaches(struct __test_metadata *_metadata,
				 struct mmio *m, uint32_t gpa, size_t at,
				 uint32_t val)
{
	uint32_t got;

	set_behind(m, at, val);
	test_ok(guest_load(&m->g, gpa, &got));
	ASSERT_EQ(val, got);
	test_ok(guest_store(&m->g, gpa, ~val));
	ASSERT_EQ(~val, behind(m, at));
}

/* It does not: KVM leaves the fault to its user, and nothing has happened */
#define test_faults(m, gpa, at, private) \
	_test_faults(_metadata, m, gpa, at, private)
static inline void _test_faults(struct __test_metadata *_metadata,
				struct mmio *m, uint32_t gpa, size_t at,
				bool private)
{
	uint32_t val = behind(m, at), got;

	test_err(EFAULT, guest_store(&m->g, gpa, ~val));
	ASSERT_EQ(gpa & ~(PAGE - 1), m->g.fault_gpa);
	ASSERT_EQ(private, m->g.fault_private);
	ASSERT_EQ(val, behind(m, at));
	test_err(EFAULT, guest_load(&m->g, gpa, &got));
	ASSERT_EQ(private, m->g.fault_private);
}

/**
 * struct counting - a guest that writes to a word of its BAR all the time
 * @thread: it
 * @g: the guest
 * @faults: how often it found nothing
 * @stop: end, once it is not writing
 * @err: how it ended
 */
struct counting {
	pthread_t thread;
	struct guest *g;
	atomic_long faults;
	atomic_bool stop;
	atomic_int err;
};

static inline void *counting_thread(void *arg)
{
	struct counting *c = arg;
	int err = guest_count(c->g, BAR0 + PLACE);

	while (err == -EFAULT && !c->stop) {
		c->faults++;
		sched_yield();
		err = guest_again(c->g, NULL);
	}
	c->err = err == -EFAULT ? 0 : err;
	return NULL;
}

static inline int counting_begin(struct counting *c)
{
	return -pthread_create(&c->thread, NULL, counting_thread, c);
}

static inline int counting_end(struct counting *c)
{
	c->stop = true;
	guest_stop_count(c->g);
	pthread_join(c->thread, NULL);
	return c->err;
}

/* Begin, and see that it writes, or what it met instead */
static inline int counting_write(struct counting *c)
{
	int err = counting_begin(c);

	if (err)
		return err;
	if (!sim_wait(c->err || guest_counts(c->g), PROMPT_MS))
		return -ETIMEDOUT;
	return c->err;
}

#endif /* __TSM_MMIO_H */
