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
#include "tsm_tdi.h"

/* A connect takes a second or two where every access is checked and emulated */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/* Longest that anything may take which is not a conversation, in ms */
#define PROMPT_MS 10000
/* Longest that a conversation may take before the kernel ends it, in ms */
#define CONVERSATION_MS 40000
/* Longest that the kernel tries to take a TDI down, in ms */
#define TEARDOWN_MS 40000

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

/* TDIs: what a command does, and what everybody makes of it */
#define test_cmd(v, ...) test_ok(vmm_cmd(v, __VA_ARGS__))
#define test_err_cmd(err, v, ...) test_err(err, vmm_cmd(v, __VA_ARGS__))
#define test_state(v, tdi, state) \
	({ ASSERT_STREQ(state, vmm_state(v, tdi)); })
#define test_device(d, bdf, state) ({ ASSERT_STREQ(state, sim_tdi(d, bdf)); })
#define test_hooks(v, tdi, hooks) \
	({ ASSERT_STREQ(hooks, vmm_hooks(v, tdi)); })

/* The host was never called when it must not be */
#define test_in_order(v, tdi) ({ ASSERT_EQ(0, vmm_host(v, tdi, "disorder")); })

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

#define SCENE_VFS		4

/**
 * struct scene - what most tests of TDIs want
 * @sim: a platform
 * @d: its first device
 * @vf: virtual functions of @d
 * @v: a VMM, with a VM called vm0
 */
struct scene {
	struct sim sim;
	struct sim_device *d;
	char vf[SCENE_VFS][32];
	struct vmm v;
};

/* Create it; the TSM may still be told what it is like */
static inline int scene_build(struct scene *s, const char *name, unsigned int nr)
{
	unsigned int i;
	int err;

	err = sim_prepare(&s->sim, name, nr);
	for (i = 0; !err && i < nr; i++) {
		err = sim_set(&s->sim.d[i], "total_vfs", "%d", SCENE_VFS);
		err = err ?: sim_set(&s->sim.d[i], "functions", "2");
	}
	return err;
}

/* Enable the virtual functions of the first device, and learn their names */
static inline int scene_vfs(struct scene *s)
{
	unsigned int i;
	int err;

	s->d = &s->sim.d[0];
	err = sim_vfs(s->d, SCENE_VFS);
	for (i = 0; !err && i < SCENE_VFS; i++)
		err = sim_pci_vf(s->d->bdf, i, s->vf[i], sizeof(s->vf[i]));
	return err;
}

/* Make it live, and connect all devices */
static inline int scene_devices(struct scene *s)
{
	unsigned int i;
	int err;

	err = sim_up(&s->sim);
	err = err ?: scene_vfs(s);
	for (i = 0; !err && i < s->sim.nr; i++)
		err = sim_connect(&s->sim.d[i]);
	return err;
}

/* The same, with a VMM and its VM */
static inline int scene_connect(struct scene *s)
{
	int err = scene_devices(s);

	err = err ?: vmm_open(&s->v);
	return err ?: vmm_cmd(&s->v, "vm vm0");
}

/*
 * The same, with a first device that each way of a reset resets: a bus that is
 * reset for a function has no other one on it, and who wakes up has forgotten all
 */
static inline int scene_connect_alone(struct scene *s)
{
	int err;

	err = sim_set(&s->sim.d[0], "functions", "1");
	err = err ?: sim_set(&s->sim.d[0], "soft_reset", "1");
	err = err ?: scene_connect(s);
	return err ?: sim_vfs(s->d, 0);
}

static inline int scene_strike(struct scene *s)
{
	vmm_close(&s->v);
	return sim_platform_destroy(&s->sim.p);
}

/* One TDI of each kind: running with DMA, locked, and unlocked */
static inline int three_tdis(struct scene *s, const char *bdf)
{
	int err;

	err = vmm_create(&s->v, "t", bdf, "vm0", 1, NULL);
	err = err ?: vmm_create(&s->v, "l", s->vf[1], "vm0", 2, NULL);
	err = err ?: vmm_create(&s->v, "u", s->vf[2], "vm0", 3, NULL);
	err = err ?: vmm_cmd(&s->v, "lock l");
	err = err ?: vmm_run(&s->v, "t");
	trace_clear();
	return err;
}

/* A TDI of another device, which none of this concerns */
static inline int bystander(struct scene *s)
{
	int err;

	err = vmm_create(&s->v, "other", s->sim.d[1].bdf, "vm0", 9, NULL);
	return err ?: vmm_run(&s->v, "other");
}

/* That it did not */
#define test_bystander(s) _test_bystander(_metadata, s)
static inline void _test_bystander(struct __test_metadata *_metadata,
				   struct scene *s)
{
	test_state(&s->v, "other", "RUN");
	test_device(&s->sim.d[1], s->sim.d[1].bdf, "run");
	ASSERT_EQ(0, vmm_host(&s->v, "other", "error"));
	ASSERT_EQ(0, vmm_host(&s->v, "other", "unbound"));
	test_in_order(&s->v, "other");
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
