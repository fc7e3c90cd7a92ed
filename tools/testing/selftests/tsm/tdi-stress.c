// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four threads per TDI lock, run, ask and stop at random, while others break
 * devices, firmware and connections, and VMMs are killed. Some TDIs cannot be
 * stopped by any means: they are quarantined, until their functions are reset and
 * connected anew. Whatever is refused meanwhile: no hook of the host is called out
 * of order, nobody waits without end, and when all of it is over every TDI is in
 * a legal state, and everything works.
 *
 * TSM_STRESS_SECONDS in the environment says for how long (30), TSM_STRESS_SEED
 * where the random numbers begin (the time).
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "tsm_harness.h"

#define NR_THREADS	4	/* per TDI */
#define NR_DEVICES	2
/* The last VF is for the victims */
#define VICTIM_VF	(SCENE_VFS - 1)
/* PF0 of each device, and VFs of the first one */
#define NR_TDIS		(NR_DEVICES + VICTIM_VF)

/* How much longer it may go on until each device was quarantined and recovered */
#define SLOW_MS		120000

static atomic_bool stop;
/* Times that some function of a device was, and that none was any more */
static atomic_long quarantines, recoveries;

/* What the threads do, more often the first ones */
enum act {
	ACT_LOCK,
	ACT_RUN,
	ACT_STOP,
	ACT_STATE,
	ACT_ENABLE_DMA,
	ACT_DISABLE_DMA,
	ACT_VALIDATE,
	ACT_REGEN,
	ACT_INFO,
	ACT_DESTROY,
	ACT_CREATE,
	NR_ACTS,
};

static const char * const act_names[] = {
	"lock", "run", "stop", "state", "enable dma", "disable dma",
	"validate", "regen", "info", "destroy", "create",
};

static const enum act act_often[] = {
	ACT_LOCK, ACT_LOCK, ACT_LOCK, ACT_RUN, ACT_RUN, ACT_RUN, ACT_STOP,
	ACT_STOP, ACT_STATE, ACT_ENABLE_DMA, ACT_DISABLE_DMA, ACT_VALIDATE,
	ACT_REGEN, ACT_INFO, ACT_INFO,
};

static atomic_long done[NR_ACTS], refused[NR_ACTS];
static atomic_llong longest_ms[NR_ACTS];

struct worker {
	pthread_t thread;
	unsigned int seed;
	char tdi[16];
	char bdf[32];
	unsigned int guest_rid;
	struct vmm v;
	int err;	/* what should not have been answered */
	enum act act;
};

struct chaos {
	pthread_t thread;
	unsigned int seed;
	struct scene *s;
};

static void note(enum act act, int err, long long start_ms)
{
	long long ms = sim_now_ms() - start_ms;
	long long old = atomic_load(&longest_ms[act]);

	atomic_fetch_add(err ? &refused[act] : &done[act], 1);
	while (ms > old &&
	       !atomic_compare_exchange_weak(&longest_ms[act], &old, ms))
		;
}

/*
 * Who takes a TDI down ends what others do with it, and has a bound of its own;
 * a second one waits for the first. Everybody else waits for his turn, but a fault
 * lasts a moment here: for all before him together, a conversation is long.
 */
static long long most_ms(enum act act)
{
	return act == ACT_STOP || act == ACT_DESTROY ?
	       TEARDOWN_MS + PROMPT_MS : CONVERSATION_MS;
}

/* What a command that is refused in the midst of all this may say */
static bool legal(int err)
{
	switch (-err) {
	case 0:
	case EINVAL:		/* not in this state */
	case EBUSY:		/* somebody else's */
	case EEXIST:
	case ENOTUNIQ:
	case ENOENT:
	case ENODEV:		/* gone, for a while */
	case ENXIO:
	case EIO:
	case EPROTO:		/* the device, or firmware, is not well */
	case EBADMSG:
	case ETIMEDOUT:
	case EADDRNOTAVAIL:
	case EKEYREJECTED:
	case EAGAIN:
	case EPERM:
	case ENOTRECOVERABLE:
		return true;
	}
	return false;
}

static int act(struct worker *w)
{
	struct tsm_regen_object regen = { .type = TSM_OBJECT_MEASUREMENTS };
	struct tsm_validate_mmio mmio = { .gpa = 0x1000000, .length = 0x1000 };
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct tsm_sim_tdi_info info;
	size_t len = sizeof(info);

	w->act = act_often[rand_r(&w->seed) % ARRAY_SIZE(act_often)];
	if (rand_r(&w->seed) % 64 == 0)
		w->act = ACT_DESTROY;
	switch (w->act) {
	case ACT_LOCK:
		return vmm_cmd(&w->v, "lock %s", w->tdi);
	case ACT_RUN:
		return vmm_cmd(&w->v, "run %s", w->tdi);
	case ACT_STOP:
		return vmm_cmd(&w->v, "stop %s", w->tdi);
	case ACT_STATE:
		return vmm_cmd(&w->v, "state %s", w->tdi);
	case ACT_ENABLE_DMA:
		return vmm_req(&w->v, w->tdi, TSM_OP_ENABLE_DMA, NULL, 0, NULL,
			       NULL);
	case ACT_DISABLE_DMA:
		return vmm_req(&w->v, w->tdi, TSM_OP_DISABLE_DMA, NULL, 0,
			       NULL, NULL);
	case ACT_VALIDATE:
		return vmm_req(&w->v, w->tdi, TSM_OP_VALIDATE_MMIO, &mmio,
			       sizeof(mmio), NULL, NULL);
	case ACT_REGEN:
		return vmm_req(&w->v, w->tdi, TSM_OP_REGEN_OBJECT, &regen,
			       sizeof(regen), &info, &len);
	case ACT_INFO:
		return vmm_req(&w->v, w->tdi, TSM_OP_GUEST_MSG, &msg,
			       sizeof(msg), &info, &len);
	default:
		return vmm_cmd(&w->v, "destroy %s", w->tdi);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&stop)) {
		long long start_ms = sim_now_ms();
		int err = act(w);

		note(w->act, err, start_ms);
		if (err == -ENOENT) {
			w->act = ACT_CREATE;
			start_ms = sim_now_ms();
			err = vmm_create(&w->v, w->tdi, w->bdf, "vm0",
					 w->guest_rid, NULL);
			note(w->act, err, start_ms);
			/* A function that is away for now is not asked for often */
			if (err)
				usleep(20000);
		}
		/* What is quarantined is good for nothing else */
		if (err == -ENOTRECOVERABLE && w->act != ACT_CREATE)
			vmm_cmd(&w->v, "destroy %s", w->tdi);
		if (!legal(err)) {
			w->err = err;
			atomic_store(&stop, true);
		}
	}
	return NULL;
}

static const char * const faults[] = {
	"tdisp-error 3 1", "tdisp-error 3 3", "tdisp-error 3 4",
	"tdisp-error 4 5", "tdisp-error 5 5", "tdisp-error 6 258",
	"tdisp-error 7 5", "tdisp-length 3", "tdisp-other 5",
	"report-bad 9", "report-portions 8", "report-empty", "state-lies 3",
	"tdisp-silent 3", "tdisp-silent 6", "tdisp-silent 7",
};

static const char * const tsm_faults[] = {
	"lock", "report", "dma", "run", "stop", "stop", "stop force",
};

static void reconnect(struct sim_device *d)
{
	sim_disconnect(d);
	sim_connect(d);
}

static bool is_quarantined(const char *bdf)
{
	char buf[64];

	return !sim_pci_read(bdf, "tsm/tdi_state", buf, sizeof(buf)) &&
	       !strcmp(buf, "quarantined");
}

/* A function of @d that is, or NULL */
static const char *any_quarantined(struct scene *s, struct sim_device *d)
{
	unsigned int i;

	if (is_quarantined(d->bdf))
		return d->bdf;
	for (i = 0; d == s->d && i < SCENE_VFS; i++)
		if (is_quarantined(s->vf[i]))
			return s->vf[i];
	return NULL;
}

/* Of all functions that are: the one half of what they need */
static void reset_quarantined(struct scene *s, struct sim_device *d)
{
	unsigned int i;

	if (is_quarantined(d->bdf))
		sim_pci_write(d->bdf, "reset", "1");
	for (i = 0; d == s->d && i < SCENE_VFS; i++)
		if (is_quarantined(s->vf[i]))
			sim_pci_write(s->vf[i], "reset", "1");
}

/*
 * A new connection, which is the other half, although somebody has TDIs of the
 * device: it goes, and comes again with what was quarantined.
 */
static void come_again(struct scene *s, struct sim_device *d)
{
	if (d == s->d)
		sim_pci_write(d->bdf, "sriov_numvfs", "0");
	sim_pci_write(d->bdf, "remove", "1");
	sim_pci_rescan(&s->sim.p);
	if (d == s->d)
		sim_vfs(d, SCENE_VFS);
	sim_connect(d);
}

/* Neither the device, nor force, nor the IDE stream parts TDIs from their VM */
static bool quarantine(struct scene *s, struct sim_device *d)
{
	bool quarantined;

	sim_set(d, "tsm_fault", "stop force block");
	sim_wait(any_quarantined(s, d) || atomic_load(&stop), PROMPT_MS);
	quarantined = any_quarantined(s, d);
	sim_set(d, "tsm_fault", "none");
	come_again(s, d);
	reset_quarantined(s, d);
	if (quarantined) {
		atomic_fetch_add(&quarantines, 1);
		if (!any_quarantined(s, d))
			atomic_fetch_add(&recoveries, 1);
	}
	return quarantined;
}

static void some_chaos(struct chaos *c)
{
	struct scene *s = c->s;
	struct sim_device *d = &s->sim.d[rand_r(&c->seed) % NR_DEVICES];
	const char *vf = s->vf[rand_r(&c->seed) % SCENE_VFS];

	switch (rand_r(&c->seed) % 17) {
	case 0:
	case 1:
		sim_set(d, "fault", "%s",
			faults[rand_r(&c->seed) % ARRAY_SIZE(faults)]);
		usleep(100000);
		sim_set(d, "fault", "none");
		break;
	case 2:
		sim_set(d, "tsm_fault", "%s",
			tsm_faults[rand_r(&c->seed) % ARRAY_SIZE(tsm_faults)]);
		usleep(100000);
		sim_set(d, "tsm_fault", "none");
		break;
	case 3:
		sim_set(d, "latency_ms", "%d", rand_r(&c->seed) % 20);
		break;
	case 4:
	case 5:
		sim_tdi_error(d, rand_r(&c->seed) % 2 ? vf : d->bdf);
		break;
	case 6:
		sim_cfg_flr(vf);
		break;
	case 7:
		sim_pci_write(vf, "reset", "1");
		break;
	case 8:
		sim_cfg_write(vf, 4, 2, 0);
		sim_cfg_write(vf, 4, 2, 4);
		break;
	case 9:
		sim_pci_write(s->d->bdf, "sriov_numvfs", "0");
		sim_pci_write(s->d->bdf, "sriov_numvfs", "4");
		break;
	case 10:
		sim_set(d, "refresh_keys", "1");
		break;
	case 11:
		reconnect(d);
		break;
	case 12:
		/* What disconnects a device that has TDIs: it goes, or its TSM */
		if (rand_r(&c->seed) % 2) {
			sim_pci_write(s->sim.d[1].bdf, "remove", "1");
			sim_pci_rescan(&s->sim.p);
			sim_connect(&s->sim.d[1]);
		}
		break;
	case 13:
		if (rand_r(&c->seed) % 4 == 0)
			quarantine(s, d);
		break;
	case 14:
		if (rand_r(&c->seed) % 4)
			break;
		sim_platform_live(&s->sim.p, false);
		sim_platform_live(&s->sim.p, true);
		sim_vfs(s->d, SCENE_VFS);
		break;
	default:
		usleep(50000);
	}
	/* Broken for good by what was done above, or just disconnected */
	sim_connect(&s->sim.d[0]);
	sim_connect(&s->sim.d[1]);
}

static void *chaos(void *arg)
{
	struct chaos *c = arg;
	unsigned int i;

	/* Not left to chance: each device once */
	for (i = 0; i < NR_DEVICES; i++) {
		while (!quarantine(c->s, &c->s->sim.d[i]) &&
		       !atomic_load(&stop))
			;
	}
	while (!atomic_load(&stop))
		some_chaos(c);
	return NULL;
}

/* VMMs that are killed at any moment; they must leave nothing */
static void kill_a_vmm(struct scene *s, unsigned int *seed)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct vmm w = { };

		if (vmm_open(&w))
			_exit(1);
		vmm_cmd(&w, "vm victim");
		for (;;) {
			vmm_create(&w, "victim", s->vf[VICTIM_VF], "victim",
				   1, NULL);
			vmm_run(&w, "victim");
			vmm_cmd(&w, "stop victim");
			vmm_cmd(&w, "destroy victim");
		}
	}
	if (pid < 0)
		return;
	usleep(1000 * (rand_r(seed) % 400));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static unsigned int from_env(const char *name, unsigned int def)
{
	const char *val = getenv(name);

	return val ? strtoul(val, NULL, 0) : def;
}

FIXTURE(stress)
{
	struct scene s;
	struct worker w[NR_TDIS * NR_THREADS];
	struct chaos c;
};

FIXTURE_SETUP(stress)
{
	sim_sweep();
	test_ok(scene_build(&self->s, "alpha", NR_DEVICES));
	test_ok(scene_connect(&self->s));
}

FIXTURE_TEARDOWN(stress)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/*
 * Whatever was left of the devices, one power cycle makes them good; of what was
 * quarantined and could not be recovered in time, a reset and a connection.
 */
#define test_all_well(s) _test_all_well(_metadata, s)
static void _test_all_well(struct __test_metadata *_metadata, struct scene *s)
{
	unsigned int i;

	test_ok(sim_power_cycle(&s->sim));
	test_ok(scene_vfs(s));
	for (i = 0; i < NR_DEVICES; i++) {
		test_ok(sim_set(&s->sim.d[i], "fault", "none"));
		test_ok(sim_set(&s->sim.d[i], "tsm_fault", "none"));
		test_ok(sim_set(&s->sim.d[i], "latency_ms", "0"));
		test_connect(&s->sim.d[i]);
		reset_quarantined(s, &s->sim.d[i]);
		ASSERT_EQ(NULL, any_quarantined(s, &s->sim.d[i])) {
			TH_LOG("quarantined for ever: %s",
			       any_quarantined(s, &s->sim.d[i]));
		}
		test_disconnect(&s->sim.d[i]);
		test_works_again(&s->sim.d[i]);
		test_connect(&s->sim.d[i]);
	}
	for (i = 0; i < SCENE_VFS; i++) {
		test_ok(vmm_create(&s->v, "good", s->vf[i], "vm0", 1, NULL));
		test_ok(vmm_run(&s->v, "good"));
		test_device(s->d, s->vf[i], "run");
		test_cmd(&s->v, "destroy good");
	}
	test_cmd(&s->v, "totals");
	ASSERT_EQ(0, vmm_value(&s->v, "disorder"));
	/* What was quarantined is kept for good, and nothing else */
	test_cmd(&s->v, "vm-show vm0");
	ASSERT_EQ(1 + vmm_value(&s->v, "quarantined"),
		  vmm_value(&s->v, "refs"));
}

TEST_F_TIMEOUT(stress, threads, 3600)
{
	unsigned int seconds = from_env("TSM_STRESS_SECONDS", 30);
	unsigned int seed = from_env("TSM_STRESS_SEED", time(NULL));
	struct scene *s = &self->s;
	struct worker *w;
	long long end_ms;
	unsigned int i;

	TH_LOG("%u s, seed %u", seconds, seed);
	test_cmd(&s->v, "totals");
	ASSERT_EQ(0, vmm_value(&s->v, "disorder"));

	for (i = 0; i < ARRAY_SIZE(self->w); i++) {
		unsigned int tdi = i / NR_THREADS;

		w = &self->w[i];
		w->seed = seed + i;
		w->guest_rid = tdi;
		snprintf(w->tdi, sizeof(w->tdi), "t%u", tdi);
		snprintf(w->bdf, sizeof(w->bdf), "%s",
			 tdi < NR_DEVICES ? s->sim.d[tdi].bdf :
					    s->vf[tdi - NR_DEVICES]);
		test_ok(vmm_open(&w->v));
	}
	self->c = (struct chaos) { .seed = ~seed, .s = s };
	for (i = 0; i < ARRAY_SIZE(self->w); i++)
		ASSERT_EQ(0, pthread_create(&self->w[i].thread, NULL, work,
					    &self->w[i]));
	ASSERT_EQ(0, pthread_create(&self->c.thread, NULL, chaos, &self->c));

	/* A slow machine gets more time for what is not left to chance */
	end_ms = sim_now_ms() + 1000ll * seconds;
	while ((sim_now_ms() < end_ms ||
		(atomic_load(&recoveries) < NR_DEVICES &&
		 sim_now_ms() < end_ms + SLOW_MS)) &&
	       !atomic_load(&stop))
		kill_a_vmm(s, &seed);
	atomic_store(&stop, true);

	pthread_join(self->c.thread, NULL);
	for (i = 0; i < ARRAY_SIZE(self->w); i++)
		pthread_join(self->w[i].thread, NULL);
	for (i = 0; i < ARRAY_SIZE(self->w); i++) {
		w = &self->w[i];
		EXPECT_EQ(0, w->err) {
			TH_LOG("%s of %s: %s", act_names[w->act], w->tdi,
			       strerror(-w->err));
		}
	}
	for (i = 0; i < NR_ACTS; i++) {
		TH_LOG("%-12s %7ld done, %7ld refused, at most %6lld ms",
		       act_names[i], atomic_load(&done[i]),
		       atomic_load(&refused[i]), atomic_load(&longest_ms[i]));
	}
	TH_LOG("%ld times quarantined, %ld times recovered",
	       atomic_load(&quarantines), atomic_load(&recoveries));
	EXPECT_LE(NR_DEVICES, atomic_load(&quarantines));
	EXPECT_LE(NR_DEVICES, atomic_load(&recoveries));
	/* What never succeeds has not been tested */
	for (i = 0; i < NR_ACTS; i++) {
		EXPECT_LT(0, atomic_load(&done[i])) {
			TH_LOG("%s", act_names[i]);
		}
		EXPECT_GT(most_ms(i), atomic_load(&longest_ms[i])) {
			TH_LOG("%s", act_names[i]);
		}
	}

	/* Each is what a TDI may be when nothing happens to it any more */
	for (i = 0; i < NR_TDIS; i++) {
		const char *state = vmm_state(&s->v, self->w[i * NR_THREADS].tdi);

		EXPECT_TRUE(!strcmp(state, "UNLOCKED") ||
			    !strcmp(state, "LOCKED") ||
			    !strcmp(state, "RUN") ||
			    !strcmp(state, "ERROR") ||
			    !strcmp(state, "UNLOCKED DEAD") ||
			    !strcmp(state, "ERROR QUARANTINED") ||
			    !strcmp(state, "!No such file or directory") ||
			    !strcmp(state, "!Input/output error")) {
			TH_LOG("TDI %u: %s", i, state);
		}
	}
	for (i = 0; i < ARRAY_SIZE(self->w); i++)
		vmm_close(&self->w[i].v);
	test_all_well(s);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
