/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test programs share on top of the harness: how a call is expected to
 * end, small topologies, and a main() that knows when to skip.
 */
#ifndef __TSM_HARNESS_H
#define __TSM_HARNESS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "tsm_sim.h"

/* A connect takes a second or two where every access is checked and emulated */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/* Longest that anything may take which is not a conversation, in ms */
#define PROMPT_MS 10000
/* Longest that a conversation may take before the kernel ends it, in ms */
#define CONVERSATION_MS 40000

/* The harness's own macros are two statements each, these are one */
#define test_ok(call) ({ ASSERT_EQ(0, call); })
#define test_err(err, call) ({ ASSERT_EQ(-(err), call); })
#define test_true(cond) ({ ASSERT_TRUE(cond); })

#define test_connect(d) test_ok(sim_connect(d))
#define test_err_connect(err, d) test_err(err, sim_connect(d))
#define test_disconnect(d) test_ok(sim_disconnect(d))
#define test_err_disconnect(err, d) test_err(err, sim_disconnect(d))

/* The device is as if it had never met a TSM */
#define test_idle(d) ({ ASSERT_STREQ(SIM_STATE_IDLE, sim_state(d)); })

/* Everyone agrees that it is connected: kernel, device and link */
#define test_connected(d) _test_connected(_metadata, d)
static inline void _test_connected(struct __test_metadata *_metadata,
				   struct sim_device *d)
{
	ASSERT_STREQ(sim_state_connected(d), sim_state(d));
}

/* It works: it connects and disconnects, and leaves nothing */
#define test_works(d) _test_works(_metadata, d)
static inline void _test_works(struct __test_metadata *_metadata,
			       struct sim_device *d)
{
	test_idle(d);
	test_connect(d);
	test_connected(d);
	test_disconnect(d);
	test_idle(d);
}

/*
 * The same for a device that heard nothing of its end, because it was removed
 * or did not listen: it forgets the session with the next conversation.
 */
#define test_works_again(d) _test_works_again(_metadata, d)
static inline void _test_works_again(struct __test_metadata *_metadata,
				     struct sim_device *d)
{
	test_connect(d);
	test_connected(d);
	test_disconnect(d);
	test_idle(d);
}

/* Start to connect in another process, return when the two sides are talking */
#define test_start_connect(job, d) _test_start_connect(_metadata, job, d)
static inline void _test_start_connect(struct __test_metadata *_metadata,
				       struct sim_job *job,
				       struct sim_device *d)
{
	long before = sim_count(d, "messages");

	test_ok(sim_job_connect(job, NULL, d));
	ASSERT_TRUE(sim_conversing(d, before, 2, PROMPT_MS));
	ASSERT_TRUE(sim_job_running(job));
}

/**
 * struct sim - a platform and its devices, as most tests want them
 * @p: the platform
 * @d: its devices
 * @nr: how many
 */
struct sim {
	struct sim_platform p;
	struct sim_device d[16];
	unsigned int nr;
};

/* Create a platform with @nr devices; sim_up() makes it live */
static inline int sim_prepare(struct sim *s, const char *name, unsigned int nr)
{
	unsigned int i;
	int err;

	err = sim_platform_create(&s->p, name);
	for (i = 0; !err && i < nr; i++) {
		char dev[16];

		snprintf(dev, sizeof(dev), "d%u", i);
		err = sim_device_create(&s->d[i], &s->p, dev);
	}
	s->nr = nr;
	return err;
}

static inline int sim_up(struct sim *s)
{
	unsigned int i;
	int err;

	err = sim_platform_live(&s->p, true);
	for (i = 0; !err && i < s->nr; i++)
		err = sim_device_names(&s->d[i]);
	return err;
}

static inline int sim_build(struct sim *s, const char *name, unsigned int nr)
{
	int err = sim_prepare(s, name, nr);

	return err ? err : sim_up(s);
}

/* Torn down and built again, as after a power cycle */
static inline int sim_power_cycle(struct sim *s)
{
	int err = sim_platform_live(&s->p, false);

	return err ? err : sim_up(s);
}

/* Run the tests, if this kernel has what they need */
static inline int tsm_harness_run(int argc, char **argv)
{
	int ready = sim_require();

	if (ready == KSFT_SKIP)
		ksft_exit_skip("this kernel has no tsm-sim\n");
	if (ready != KSFT_PASS)
		return ready;
	sim_sweep();
	return test_harness_run(argc, argv);
}

#endif /* __TSM_HARNESS_H */
