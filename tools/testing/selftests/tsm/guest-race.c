// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads lock, accept, drive and unlock each of four functions of a guest, and read
 * and validate evidence about them, in no order, while their host takes them away and
 * plugs them in anew. Whatever is refused meanwhile: private memory is open to nobody
 * but the driver of an accepted function, nobody waits without end, and in the end
 * each function is an ordinary one, with which all works.
 *
 * TSM_RACE_SECONDS in the environment says for how long (15), TSM_RACE_SEED where the
 * random numbers begin (the time).
 */
#include <linux/const.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tsm_harness.h"
#include "tsm_genl.h"
#include "tsm_guest_view.h"

#define MEASUREMENTS	_BITUL(TSM_OBJECT_MEASUREMENTS)

#define NR_THREADS	2	/* per function */

/* How much longer it may go on until each thing was done, and each plugged in anew */
#define SLOW_MS		90000

static atomic_bool stop;

/* Those that have a place of their own, in this order */
enum act {
	ACT_LOCK,
	ACT_ACCEPT,
	ACT_BIND,
	ACT_UNBIND,
	ACT_UNLOCK,
	ACT_DUMP,
	ACT_REFRESH,
	ACT_VALIDATE,
	NR_ACTS,
};

static const char * const act_names[] = {
	"lock", "accept", "bind", "unbind", "unlock", "dump", "refresh",
	"validate",
};

static const enum act act_often[] = {
	ACT_LOCK, ACT_LOCK, ACT_LOCK, ACT_LOCK, ACT_ACCEPT, ACT_ACCEPT,
	ACT_ACCEPT, ACT_ACCEPT, ACT_BIND, ACT_BIND, ACT_BIND, ACT_UNBIND,
	ACT_UNLOCK, ACT_DUMP, ACT_REFRESH, ACT_VALIDATE,
};

static atomic_long done[NR_ACTS], refused[NR_ACTS];

/**
 * struct plug - a function of the guest
 * @w: it
 * @lock: of @w
 * @guest: the host's name of it
 * @tdi: the host's name of its TDI
 * @bdf: the host's function
 * @away: how often it was plugged in anew
 */
struct plug {
	struct view w;
	pthread_mutex_t lock;
	char guest[8];
	char tdi[8];
	const char *bdf;
	atomic_long away;
};

struct worker {
	pthread_t thread;
	unsigned int seed;
	struct plug *plug;
	struct genl nl;
	uint64_t generation;
	/* what should not have been answered, and to what */
	int err;
	enum act act;
};

struct host {
	pthread_t thread;
	unsigned int seed;
	struct plug *plug;
	struct scene *s;
	struct vmm v;
	int err;
};

FIXTURE(race)
{
	struct scene s;
	struct plug plug[SCENE_VFS];
	struct worker w[SCENE_VFS * NR_THREADS];
	struct host host;
};

FIXTURE_SETUP(race)
{
	struct scene *s = &self->s;
	unsigned int i;

	sim_sweep();
	test_ok(scene_build(s, "alpha", 1));
	test_ok(scene_connect(s));
	for (i = 0; i < SCENE_VFS; i++) {
		struct plug *p = &self->plug[i];

		pthread_mutex_init(&p->lock, NULL);
		snprintf(p->guest, sizeof(p->guest), "g%u", i);
		snprintf(p->tdi, sizeof(p->tdi), "t%u", i);
		p->bdf = s->vf[i];
		test_ok(vmm_create(&s->v, p->tdi, p->bdf, "vm0",
				   VIEW_RID + 8 * i, NULL));
		test_ok(view_open(&p->w, &s->v, p->guest, p->tdi, ""));
	}
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* --- those who want it --------------------------------------------------------- */

/* What may be said of a function that others are at, and its host */
static bool legal(int err)
{
	switch (-err) {
	case 0:
	case EINVAL:		/* not locked, or not bound */
	case EBUSY:		/* somebody else is at it, or its driver */
	case EIO:		/* lost */
	case EPERM:		/* not what the host says */
	case ESTALE:
	case EBADMSG:
	case EAGAIN:		/* other evidence while it was read */
	case EINTR:
	case ECANCELED:		/* a driver came, or went */
	case ENOENT:		/* gone, for a moment */
	case ENODEV:
	case ENXIO:
		return true;
	}
	return false;
}

static int act(struct worker *w, struct view *g)
{
	static const uint8_t nonce[TSM_NONCE_SIZE];
	struct genl_evidence e;
	uint64_t generation;
	int err;

	switch (w->act) {
	case ACT_LOCK:
		return view_lock(g);
	case ACT_ACCEPT:
		return view_accept(g);
	case ACT_BIND:
		return sim_pci_driver(g->bdf, VIEW_DRIVER);
	case ACT_UNBIND:
		return sim_pci_driver(g->bdf, NULL);
	case ACT_UNLOCK:
		return view_unlock(g);
	case ACT_DUMP:
		err = genl_dump(&w->nl, g->bdf, 0, &e);
		w->generation = e.generation;
		genl_forget(&e);
		return err;
	case ACT_REFRESH:
		return genl_refresh(&w->nl, g->bdf, MEASUREMENTS, nonce,
				    sizeof(nonce), &generation);
	default:
		return genl_validate(&w->nl, g->bdf, w->generation);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!stop) {
		struct view g;
		int err;

		pthread_mutex_lock(&w->plug->lock);
		g = w->plug->w;
		pthread_mutex_unlock(&w->plug->lock);

		w->act = act_often[rand_r(&w->seed) % ARRAY_SIZE(act_often)];
		err = act(w, &g);
		atomic_fetch_add(err ? &refused[w->act] : &done[w->act], 1);
		if (!legal(err)) {
			w->err = err;
			stop = true;
		}
		/* others get on with what was in the way */
		if (err)
			usleep(1000 * (rand_r(&w->seed) % 10));
	}
	return NULL;
}

/* --- he who has it -------------------------------------------------------------- */

/* Unplugged, and plugged in anew, whatever it is and whoever is at it */
static int replug(struct host *h, struct plug *p)
{
	struct view w;
	int err;

	err = vmm_cmd(&h->v, "guest-put %s", p->guest);
	err = err ?: view_open(&w, &h->v, p->guest, p->tdi, "");
	if (err)
		return err;
	pthread_mutex_lock(&p->lock);
	p->w = w;
	pthread_mutex_unlock(&p->lock);
	p->away++;
	return 0;
}

static void *take_away(void *arg)
{
	struct host *h = arg;
	unsigned int i;

	for (i = 0; !stop && !h->err; i++) {
		struct plug *p = &h->plug[rand_r(&h->seed) % SCENE_VFS];

		/* the guest gets somewhere, now and then */
		usleep(1000 * (rand_r(&h->seed) % 1000));
		/* not left to chance: each function once */
		if (i < SCENE_VFS) {
			h->err = replug(h, &h->plug[i]);
			continue;
		}
		switch (rand_r(&h->seed) % 5) {
		case 0:
			h->err = replug(h, p);
			break;
		case 1:
			vmm_cmd(&h->v, "stop %s", p->tdi);
			break;
		case 2:
			vmm_cmd(&h->v, "lock %s", p->tdi);
			break;
		case 3:
			sim_tdi_error(h->s->d, p->bdf);
			break;
		default:
			sim_cfg_flr(p->bdf);
			break;
		}
	}
	if (h->err)
		stop = true;
	return NULL;
}

/* Was each thing done, and each function away? */
static bool all_done(struct plug *plug)
{
	unsigned int i;

	for (i = 0; i < NR_ACTS; i++)
		if (!done[i])
			return false;
	for (i = 0; i < SCENE_VFS; i++)
		if (!plug[i].away)
			return false;
	return true;
}

/* The host has private memory opened for none but those that a driver uses */
static void test_trust(struct __test_metadata *_metadata, struct vmm *v,
		       struct plug *p)
{
	bool driven = !strcmp("run", view_state(&p->w)) &&
		      sim_pci_exists(p->w.bdf, "driver");

	if (!driven) {
		EXPECT_GE(0, view_has_dma(v, p->tdi)) {
			TH_LOG("%s: %s, with DMA", p->tdi, view_state(&p->w));
		}
	}
}

/* From wherever it is, to an ordinary function, to RUN, and back */
static void test_good(struct __test_metadata *_metadata, struct scene *s,
		      struct plug *p, struct genl *nl)
{
	struct view *g = &p->w;

	test_ok(sim_pci_driver(g->bdf, NULL));
	test_ok(view_unlock(g));
	test_view(g, "unlocked");
	test_cmd(&s->v, "stop %s", p->tdi);
	test_ok(view_lock(g));
	/* what was validated once must be so after each lock */
	test_ok(genl_verify(nl, g->bdf));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	ASSERT_EQ(1, view_has_dma(&s->v, p->tdi));
	test_ok(sim_pci_driver(g->bdf, NULL));
	ASSERT_EQ(0, view_has_dma(&s->v, p->tdi));
	test_ok(view_unlock(g));
	test_state(&s->v, p->tdi, "UNLOCKED");
	test_device(s->d, p->bdf, "unlocked");
}

static unsigned int from_env(const char *name, unsigned int def)
{
	const char *val = getenv(name);

	return val ? strtoul(val, NULL, 0) : def;
}

TEST_F_TIMEOUT(race, threads, 3600)
{
	unsigned int seconds = from_env("TSM_RACE_SECONDS", 15);
	unsigned int seed = from_env("TSM_RACE_SEED", time(NULL));
	struct scene *s = &self->s;
	struct host *h = &self->host;
	long long end_ms;
	unsigned int i;

	TH_LOG("%u s, seed %u", seconds, seed);
	*h = (struct host) { .seed = ~seed, .plug = self->plug, .s = s };
	test_ok(vmm_open(&h->v));
	for (i = 0; i < ARRAY_SIZE(self->w); i++) {
		self->w[i].seed = seed + i;
		self->w[i].plug = &self->plug[i / NR_THREADS];
		test_ok(genl_open(&self->w[i].nl));
	}
	for (i = 0; i < ARRAY_SIZE(self->w); i++)
		ASSERT_EQ(0, pthread_create(&self->w[i].thread, NULL, work,
					    &self->w[i]));
	ASSERT_EQ(0, pthread_create(&h->thread, NULL, take_away, h));

	end_ms = sim_now_ms() + 1000ll * seconds;
	sim_wait(stop || sim_now_ms() >= end_ms, 1000ll * seconds);
	sim_wait(stop || all_done(self->plug), SLOW_MS);
	stop = true;
	pthread_join(h->thread, NULL);
	for (i = 0; i < ARRAY_SIZE(self->w); i++)
		pthread_join(self->w[i].thread, NULL);

	EXPECT_EQ(0, h->err);
	for (i = 0; i < ARRAY_SIZE(self->w); i++) {
		EXPECT_EQ(0, self->w[i].err) {
			TH_LOG("%s: %s", act_names[self->w[i].act],
			       strerror(-self->w[i].err));
		}
	}
	/* What never succeeds has not been tested */
	for (i = 0; i < NR_ACTS; i++) {
		TH_LOG("%-8s %5ld done, %5ld refused", act_names[i], done[i],
		       refused[i]);
		EXPECT_LT(0, done[i]);
	}
	for (i = 0; i < SCENE_VFS; i++) {
		struct plug *p = &self->plug[i];

		TH_LOG("%s: plugged in %ld times, %s", p->guest, p->away,
		       view_state(&p->w));
		EXPECT_LT(0, p->away);
		test_trust(_metadata, &s->v, p);
	}

	/* what happened to its functions does not cost a device its session */
	for (i = 0; i < SCENE_VFS; i++)
		test_good(_metadata, s, &self->plug[i], &self->w[0].nl);
	for (i = 0; i < SCENE_VFS; i++) {
		test_cmd(&s->v, "guest-put %s", self->plug[i].guest);
		test_in_order(&s->v, self->plug[i].tdi);
		test_cmd(&s->v, "destroy %s", self->plug[i].tdi);
	}
	for (i = 0; i < ARRAY_SIZE(self->w); i++)
		genl_close(&self->w[i].nl);
	vmm_close(&h->v);
	test_cmd(&s->v, "vm-show vm0");
	ASSERT_EQ(1, vmm_value(&s->v, "refs"));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
