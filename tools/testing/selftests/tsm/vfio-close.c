// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a VFIO user is the end of its TDI before it is a reset of the
 * device, whoever makes the end; and neither before the device is open nor while
 * it is being closed can anybody lock it.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "tsm_machine.h"

/* How long two threads have to collide, in ms */
#define RACE_MS		3000

/**
 * struct last - a function that can be locked
 * @m: the machine
 * @h: its VMM
 * @d: the device that it is of
 * @dev: the function, UNLOCKED in the beginning
 * @other: user of another function
 * @bdf: its name
 */
struct last {
	struct machine m;
	struct host h;
	struct sim_device *d;
	struct assigned *dev;
	struct vfio_user other;
	char bdf[32];
};

FIXTURE(last)
{
	struct last l;
};

FIXTURE_VARIANT(last)
{
	bool vf;
};

FIXTURE_VARIANT_ADD(last, pf) { .vf = false };
FIXTURE_VARIANT_ADD(last, vf) { .vf = true };

FIXTURE_SETUP(last)
{
	struct last *l = &self->l;

	host_init(&l->h);
	vfio_init(&l->other);
	sim_sweep();
	test_ok(machine_build(&l->m, 2));
	l->d = &l->m.s.sim.d[variant->vf ? 0 : 1];
	snprintf(l->bdf, sizeof(l->bdf), "%s",
		 variant->vf ? l->m.s.vf[0] : l->d->bdf);
	test_ok(host_open(&l->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&l->h, l->bdf, 0x10, &l->dev));
	test_ok(vfio_set_master(&l->dev->u, true));
}

FIXTURE_TEARDOWN(last)
{
	struct last *l = &self->l;

	vfio_close(&l->other);
	host_close(&l->h);
	EXPECT_EQ(0, machine_leave(&l->m, __test_passed(_metadata)));
}

/* --- the end of the user -------------------------------------------------------------- */

/* The device was stopped by its TSM, and reset only then */
#define test_gone(l) _test_gone(_metadata, l)
static void _test_gone(struct __test_metadata *_metadata,
		       struct last *l)
{
	ASSERT_STREQ(STEPS_DOWN " destroy", trace_steps(l->bdf));
	test_device(l->d, l->bdf, "unlocked");
	ASSERT_TRUE(sim_tdi_unharmed(l->d));
}

TEST_F(last, close)
{
	struct last *l = &self->l;

	test_ok(host_run(&l->h, l->dev));
	test_ok(trace_begin());
	host_close_device(&l->h, l->dev);
	test_gone(l);
	trace_end();
}

/* A user that is killed, in RUN or while it binds */
TEST_F(last, killed)
{
	struct last *l = &self->l;
	int status, ready[2];
	char c = 0;
	pid_t pid;

	host_close(&l->h);
	ASSERT_EQ(0, pipe(ready));
	test_ok(trace_begin());
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct host h;
		struct assigned *dev;
		int err;

		err = host_open(&h, VM_CONFIDENTIAL);
		err = err ?: host_assign(&h, l->bdf, 0x10, &dev);
		err = err ?: host_run(&h, dev);
		c = err ? 'e' : 'r';
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		pause();
		_exit(1);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	ASSERT_EQ('r', c);
	test_device(l->d, l->bdf, "run");
	trace_clear();
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(sim_wait(strstr(trace_steps(l->bdf), "destroy"),
			     PROMPT_MS));
	test_gone(l);
	trace_end();
	/* And somebody else has it at once */
	test_ok(host_open(&l->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&l->h, l->bdf, 0x10, &l->dev));
	test_ok(host_run(&l->h, l->dev));
}

/* Who takes the driver away waits for the user, who may take its time */
TEST_F(last, driver_unbound)
{
	struct last *l = &self->l;
	char path[SIM_PATH];
	struct sim_job job;
	int gate[2];

	/* A process of its own, which has not inherited the open function */
	host_close(&l->h);
	sim_pci_path(path, sizeof(path), l->bdf, "driver/unbind");
	test_ok(sim_gate(gate));
	test_ok(sim_job_write(&job, gate, path, l->bdf));
	test_ok(host_open(&l->h, VM_CONFIDENTIAL));
	test_ok(host_assign(&l->h, l->bdf, 0x10, &l->dev));
	test_ok(host_run(&l->h, l->dev));
	test_ok(trace_begin());
	sim_gate_open(gate);
	ASSERT_EQ(SIM_JOB_RUNNING, sim_job_wait(&job, 500));
	test_tdi(&l->h, l->dev, "RUN");
	/* to ask for the state is a step, too */
	trace_clear();
	host_close_device(&l->h, l->dev);
	test_ok(sim_job_wait(&job, PROMPT_MS));
	test_gone(l);
	trace_end();
}

/* --- races ------------------------------------------------------------------------------ */

/**
 * struct racer - a thread that assigns a function of which it only guesses the ID
 * @thread: it
 * @h: VMM, with a vIOMMU
 * @near: an ID that it is close to
 * @stop: it is to end
 * @odd: a call ended as it must not
 * @bound: how often it was lucky
 */
struct racer {
	pthread_t thread;
	struct host *h;
	atomic_uint near;
	atomic_bool stop;
	atomic_int odd;
	atomic_int bound;
};

static bool in_order(int err)
{
	switch (-err) {
	case 0:
	case ENOENT:
	case EINVAL:
	case EEXIST:
	case EBUSY:
	case ENODEV:
	case ENXIO:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

static void *guess(void *arg)
{
	struct racer *r = arg;
	uint32_t vdevice, id;
	int err;

	while (!r->stop) {
		/* A vDEVICE that goes with its device leaves its ID in use */
		for (id = r->near - 2; id < r->near + 6 && !r->stop; id++) {
			err = cmd_vdevice_alloc(r->h->iommufd, r->h->viommu, id,
						0x99, &vdevice);
			if (!in_order(err))
				r->odd = err;
			if (err)
				continue;
			err = cmd_bind(r->h->iommufd, vdevice, NULL);
			if (!in_order(err))
				r->odd = err;
			if (!err)
				r->bound++;
			if (id & 1)
				cmd_destroy(r->h->iommufd, vdevice);
		}
	}
	return NULL;
}

/*
 * The iommufd knows the device before VFIO has opened it, and for a while after
 * it was closed. A guess of its ID finds it then, and must find it not to be
 * there for that purpose.
 */
TEST_F(last, guessed_ids)
{
	struct last *l = &self->l;
	struct racer r = { .h = &l->h, .near = l->dev->u.dev_id };
	long long end_ms = sim_now_ms() + RACE_MS;
	struct vfio_user *u = &l->other;
	char other[32];
	int rounds = 0;

	if (variant->vf) {
		snprintf(other, sizeof(other), "%s", l->m.s.vf[1]);
	} else {
		snprintf(other, sizeof(other), "%s", l->bdf);
		other[strlen(other) - 1] = '1';
	}
	test_ok(sim_pci_driver(other, "vfio-pci"));
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, guess, &r));
	while (sim_now_ms() < end_ms || rounds < 2) {
		int bound = r.bound;

		test_ok(vfio_open_cdev(u, other));
		test_ok(vm_add_device(&l->h.vm, u));
		test_ok(vfio_bind(u, l->h.iommufd));
		r.near = u->dev_id;
		/* Every other user stays until the guess was right */
		if (rounds & 1)
			ASSERT_TRUE(sim_wait(r.bound > bound, PROMPT_MS));
		test_ok(vm_remove_device(&l->h.vm, u));
		vfio_close(u);
		rounds++;
	}
	r.stop = true;
	pthread_join(r.thread, NULL);
	ASSERT_EQ(0, r.odd);
	ASSERT_LT(0, r.bound);
	TH_LOG("%d rounds, bound %d times", rounds, r.bound);
	/* No reset of VFIO has met a locked function, and nothing is left */
	ASSERT_TRUE(sim_tdi_unharmed(l->d));
	test_device(l->d, other, "unlocked");
	test_ok(host_run(&l->h, l->dev));
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
