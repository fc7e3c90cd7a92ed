// SPDX-License-Identifier: GPL-2.0-only
/*
 * Evidence about a function that a guest has locked, by generic netlink, on the
 * loopback: read whole, made anew with the verifier's nonce, and bound to accept by
 * its generation. Who learns of states, and who may ask.
 */
#include <grp.h>
#include <sys/wait.h>

#include <linux/const.h>

#include "tsm_harness.h"
#include "tsm_genl.h"
#include "tsm_guest_view.h"

#define REPORT		_BITUL(TSM_OBJECT_INTERFACE_REPORT)
#define MEASUREMENTS	_BITUL(TSM_OBJECT_MEASUREMENTS)
#define TRANSCRIPT	_BITUL(TSM_OBJECT_TRANSCRIPT)
#define NOBODY		65534

FIXTURE(evidence)
{
	struct scene s;
	struct view g;
	struct genl nl;
	struct genl_evidence e;
	uint8_t nonce[TSM_NONCE_SIZE];
};

FIXTURE_SETUP(evidence)
{
	sim_sweep();
	memset(self->nonce, 0x5c, sizeof(self->nonce));
	test_ok(genl_open(&self->nl));
	test_ok(view_scene(&self->s, &self->g));
}

FIXTURE_TEARDOWN(evidence)
{
	genl_forget(&self->e);
	genl_close(&self->nl);
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* What is whole, and what it says that it is */
static bool object_is_whole(const struct genl_object *o)
{
	uint8_t digest[GENL_DIGEST];

	sha384(o->bytes, o->len, digest);
	return o->len && o->len == o->total && o->alg == TSM_DIGEST_SHA384 &&
	       !memcmp(digest, o->digest, sizeof(digest));
}

TEST_F(evidence, dump)
{
	struct vmm *v = &self->s.v;
	struct genl *nl = &self->nl;
	struct genl_evidence *e = &self->e;
	const char *bdf = self->g.bdf;
	static uint8_t buf[65536];
	unsigned int type;
	uint64_t first;

	test_err(EINVAL, genl_dump(nl, bdf, 0, e));
	test_ok(view_lock(&self->g));
	test_ok(genl_dump(nl, bdf, 0, e));
	for (type = 0; type < GENL_TYPES; type++) {
		size_t len = sizeof(buf);

		ASSERT_TRUE(object_is_whole(&e->object[type]));
		test_ok(vmm_read_object(v, "t", type, buf, &len));
		ASSERT_EQ(len, e->object[type].len);
		ASSERT_EQ(0, memcmp(buf, e->object[type].bytes, len));
	}
	first = e->generation;
	genl_forget(e);

	/* only some of it */
	test_ok(genl_dump(nl, bdf, REPORT, e));
	ASSERT_TRUE(object_is_whole(&e->object[TSM_OBJECT_INTERFACE_REPORT]));
	ASSERT_EQ(0, e->object[TSM_OBJECT_CERTIFICATE_CHAIN].len);
	ASSERT_EQ(first, e->generation);
	genl_forget(e);

	/* a lock has evidence of its own */
	test_ok(view_unlock(&self->g));
	test_err(EINVAL, genl_dump(nl, bdf, 0, e));
	test_ok(view_lock(&self->g));
	test_ok(genl_dump(nl, bdf, 0, e));
	ASSERT_LT(first, e->generation);
}

TEST_F(evidence, nonsense)
{
	struct genl *nl = &self->nl;
	struct genl_evidence *e = &self->e;
	const char *bdf = self->g.bdf;
	uint64_t generation;

	test_ok(view_lock(&self->g));
	test_err(EINVAL, genl_dump(nl, NULL, 0, e));
	test_err(ENODEV, genl_dump(nl, "ffff:ff:1f.7", 0, e));
	test_err(ENODEV, genl_dump(nl, "", 0, e));
	test_err(EINVAL, genl_dump(nl, bdf, 0x10, e));
	/* one that is there, and was never locked */
	test_err(EINVAL, genl_dump(nl, self->s.vf[0], 0, e));

	test_err(EINVAL, genl_refresh(nl, bdf, 0, self->nonce,
				      sizeof(self->nonce), &generation));
	test_err(EOPNOTSUPP, genl_refresh(nl, bdf, TRANSCRIPT, self->nonce,
					  sizeof(self->nonce), &generation));
	test_err(EOPNOTSUPP, genl_refresh(nl, bdf, MEASUREMENTS | TRANSCRIPT,
					  self->nonce, sizeof(self->nonce),
					  &generation));
	ASSERT_GT(0, genl_refresh(nl, bdf, MEASUREMENTS, self->nonce,
				  sizeof(self->nonce) - 1, &generation));
	test_err(ENODEV, genl_refresh(nl, "ffff:ff:1f.7", MEASUREMENTS,
				      self->nonce, sizeof(self->nonce),
				      &generation));
	test_err(ENODEV, genl_validate(nl, "ffff:ff:1f.7", 1));
	test_err(EINVAL, genl_validate(nl, self->s.vf[0], 1));
	test_view(&self->g, "locked");
}

TEST_F(evidence, refresh)
{
	struct vmm *v = &self->s.v;
	struct genl *nl = &self->nl;
	struct genl_evidence *e = &self->e, old;
	const char *bdf = self->g.bdf;
	struct tsm_sim_tdi_info info;
	uint64_t generation;
	unsigned int type;

	test_err(EINVAL, genl_refresh(nl, bdf, MEASUREMENTS, self->nonce,
				      sizeof(self->nonce), &generation));
	test_ok(view_lock(&self->g));
	test_ok(genl_dump(nl, bdf, 0, &old));
	test_ok(genl_refresh(nl, bdf, MEASUREMENTS | REPORT, self->nonce,
			     sizeof(self->nonce), &generation));
	ASSERT_LT(old.generation, generation);
	test_ok(genl_dump(nl, bdf, 0, e));
	ASSERT_EQ(generation, e->generation);
	for (type = 0; type < GENL_TYPES; type++) {
		const struct genl_object *a = &e->object[type];
		const struct genl_object *b = &old.object[type];
		bool same = a->len == b->len &&
			    !memcmp(a->bytes, b->bytes, a->len);

		ASSERT_TRUE(object_is_whole(a));
		ASSERT_EQ(type != TSM_OBJECT_MEASUREMENTS, same);
	}
	genl_forget(&old);
	test_ok(view_firmware(v, "t", &info));
	ASSERT_EQ(0, memcmp(self->nonce, info.measurement_nonce,
			    sizeof(self->nonce)));

	/* a host that asks the device with another nonce, or not at all */
	test_cmd(v, "lie g about=nonce");
	test_err(EBADMSG, genl_refresh(nl, bdf, MEASUREMENTS, self->nonce,
				       sizeof(self->nonce), &generation));
	test_cmd(v, "lie g about=regen");
	test_err(EBADMSG, genl_refresh(nl, bdf, MEASUREMENTS, self->nonce,
				       sizeof(self->nonce), &generation));
	test_cmd(v, "lie g about=object");
	test_err(EBADMSG, genl_refresh(nl, bdf, MEASUREMENTS, self->nonce,
				       sizeof(self->nonce), &generation));
	test_cmd(v, "lie g about=none");
	generation = e->generation;
	genl_forget(e);
	test_ok(genl_dump(nl, bdf, 0, e));
	ASSERT_EQ(generation, e->generation);

	/* a verifier may want to know in RUN, too */
	test_ok(view_accept(&self->g));
	test_ok(genl_refresh(nl, bdf, MEASUREMENTS, self->nonce,
			     sizeof(self->nonce), &generation));
	ASSERT_LT(e->generation, generation);
	test_view(&self->g, "run");
}

/* That takes as long as the device likes, and nobody waits who need not */
TEST_F(evidence, refresh_takes_long)
{
	struct genl *nl = &self->nl;
	struct view *g = &self->g;
	uint64_t generation, first;

	test_ok(view_lock(g));
	test_ok(genl_dump(nl, g->bdf, REPORT, &self->e));
	first = self->e.generation;

	test_ok(sim_set(self->s.d, "latency_ms", "900"));
	test_ok(genl_begin_refresh(nl, g->bdf, MEASUREMENTS, self->nonce,
				   sizeof(self->nonce)));
	ASSERT_GT(0, recv(nl->refreshed, nl->buf, sizeof(nl->buf),
			  MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	test_err(EBUSY, genl_refresh(nl, g->bdf, MEASUREMENTS, self->nonce,
				     sizeof(self->nonce), &generation));
	test_ok(genl_validate(nl, g->bdf, first));
	test_view(g, "locked");
	test_ok(sim_set(self->s.d, "latency_ms", "0"));
	/* it is what was there when it was validated that was */
	test_err(ESTALE, view_accept(g));
	test_ok(genl_end_refresh(nl, g->bdf, self->nonce, &generation));
	ASSERT_LT(first, generation);

	/* a function that goes meanwhile */
	test_ok(sim_set(self->s.d, "latency_ms", "900"));
	test_ok(genl_begin_refresh(nl, g->bdf, MEASUREMENTS, self->nonce,
				   sizeof(self->nonce)));
	test_ok(sim_set(self->s.d, "latency_ms", "0"));
	test_cmd(&self->s.v, "guest-put g");
	/* whether its end came first or not, it is told */
	ASSERT_NE(-EAGAIN, genl_end_refresh(nl, g->bdf, self->nonce,
					    &generation));
	test_state(&self->s.v, "t", "UNLOCKED");
}

/*
 * Who binds or unbinds a driver, unlocks the function or loses it does not wait for
 * a refresh: that ends, and the evidence is what it was.
 */
enum rival {
	RIVAL_BIND,
	RIVAL_UNBIND,
	RIVAL_UNLOCK,
	RIVAL_LOSS,
};

FIXTURE(rival)
{
	struct scene s;
	struct view g;
	struct genl nl;
	struct sim_job job;
	uint8_t nonce[TSM_NONCE_SIZE];
	uint64_t generation;
};

FIXTURE_VARIANT(rival)
{
	enum rival who;
	const char *before;
	const char *then;
};

FIXTURE_VARIANT_ADD(rival, bind)
	{ .who = RIVAL_BIND, .before = "run", .then = "run" };
FIXTURE_VARIANT_ADD(rival, unbind)
	{ .who = RIVAL_UNBIND, .before = "run", .then = "run" };
FIXTURE_VARIANT_ADD(rival, unlock)
	{ .who = RIVAL_UNLOCK, .before = "locked", .then = "unlocked" };
FIXTURE_VARIANT_ADD(rival, loss)
	{ .who = RIVAL_LOSS, .before = "locked", .then = "lost" };

/* Under way are two conversations, and then a host that goes on with none of it */
FIXTURE_SETUP(rival)
{
	struct sim_device *d;
	struct view *g = &self->g;
	struct genl_evidence e;
	long before;

	sim_sweep();
	memset(self->nonce, 0x5c, sizeof(self->nonce));
	test_ok(genl_open(&self->nl));
	test_ok(view_scene(&self->s, g));
	d = self->s.d;
	test_ok(view_lock(g));
	if (!strcmp(variant->before, "run"))
		test_ok(view_accept(g));
	if (variant->who == RIVAL_UNBIND)
		test_ok(sim_pci_driver(g->bdf, VIEW_DRIVER));
	if (variant->who == RIVAL_BIND)
		test_ok(sim_pci_write(g->bdf, "driver_override", VIEW_DRIVER));
	test_ok(genl_dump(&self->nl, g->bdf, REPORT, &e));
	self->generation = e.generation;
	genl_forget(&e);

	test_ok(sim_set(d, "latency_ms", "%d", SIM_MAX_LATENCY_MS));
	before = sim_count(d, "messages");
	test_ok(genl_begin_refresh(&self->nl, g->bdf, MEASUREMENTS | REPORT,
				   self->nonce, sizeof(self->nonce)));
	/* the kernel asks for the state now and then, which is but one message */
	ASSERT_TRUE(sim_conversing(d, before, 2, PROMPT_MS));
	test_cmd(&self->s.v, "lie g about=silent");
	test_ok(sim_set(d, "latency_ms", "0"));
}

FIXTURE_TEARDOWN(rival)
{
	if (self->job.pid) {
		vmm_cmd(&self->s.v, "lie g about=none");
		sim_job_kill(&self->job);
		sim_job_wait(&self->job, CONVERSATION_MS);
	}
	genl_close(&self->nl);
	EXPECT_EQ(0, scene_strike(&self->s));
}

/* In another process, as the host answers its questions neither */
static int rival_begin(struct sim_job *job, struct view *g, enum rival who)
{
	char path[SIM_PATH];

	switch (who) {
	case RIVAL_BIND:
		return sim_job_write(job, NULL, "/sys/bus/pci/drivers_probe",
				     g->bdf);
	case RIVAL_UNBIND:
		sim_pci_path(path, sizeof(path), g->bdf, "driver/unbind");
		return sim_job_write(job, NULL, path, g->bdf);
	default:
		sim_pci_path(path, sizeof(path), g->bdf, "tsm/unlock");
		return sim_job_write(job, NULL, path, g->tsm);
	}
}

TEST_F(rival, of_a_refresh)
{
	struct vmm *v = &self->s.v;
	struct genl *nl = &self->nl;
	struct view *g = &self->g;
	struct genl_evidence e;
	uint64_t generation;

	ASSERT_GT(0, recv(nl->refreshed, nl->buf, sizeof(nl->buf),
			  MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	if (variant->who == RIVAL_LOSS) {
		test_ok(sim_tdi_error(self->s.d, self->s.vf[0]));
		/* the host sees it, and says so */
		test_state(v, "t", "ERROR");
	} else {
		test_ok(rival_begin(&self->job, g, variant->who));
	}
	test_err(ECANCELED, genl_end_refresh(nl, g->bdf, self->nonce,
					     &generation));
	ASSERT_EQ(0, generation);
	test_cmd(v, "lie g about=none");
	if (self->job.pid)
		test_ok(sim_job_wait(&self->job, CONVERSATION_MS));
	test_view_comes_to(g, variant->then);

	if (strcmp(variant->then, "run")) {
		test_err(EINVAL, genl_dump(nl, g->bdf, 0, &e));
		test_ok(view_unlock(g));
		test_ok(view_lock(g));
	} else {
		ASSERT_EQ(variant->who == RIVAL_BIND, view_has_dma(v, "t"));
		test_ok(genl_dump(nl, g->bdf, REPORT, &e));
		ASSERT_EQ(self->generation, e.generation);
		genl_forget(&e);
	}
	test_ok(genl_refresh(nl, g->bdf, MEASUREMENTS, self->nonce,
			     sizeof(self->nonce), &generation));
	ASSERT_LT(self->generation, generation);
}

TEST_F(evidence, validate)
{
	struct genl *nl = &self->nl;
	struct genl_evidence *e = &self->e;
	struct view *g = &self->g;
	uint64_t generation;

	test_err(EINVAL, genl_validate(nl, g->bdf, 1));
	test_ok(view_lock(g));
	test_ok(genl_dump(nl, g->bdf, REPORT, e));
	test_err(ESTALE, genl_validate(nl, g->bdf, e->generation + 1));
	test_err(ESTALE, genl_validate(nl, g->bdf, 0));
	test_ok(genl_validate(nl, g->bdf, e->generation));

	/* made anew, or locked anew, since it was verified */
	test_ok(genl_refresh(nl, g->bdf, MEASUREMENTS, self->nonce,
			     sizeof(self->nonce), &generation));
	test_err(ESTALE, view_accept(g));
	test_view(g, "locked");
	test_err(ESTALE, genl_validate(nl, g->bdf, e->generation));
	test_ok(genl_validate(nl, g->bdf, generation));
	test_ok(view_unlock(g));
	test_ok(view_lock(g));
	test_err(ESTALE, view_accept(g));
	test_view(g, "locked");

	genl_forget(e);
	test_ok(genl_dump(nl, g->bdf, 0, e));
	test_ok(genl_validate(nl, g->bdf, e->generation));
	test_ok(view_accept(g));
	test_view(g, "run");
}

/* More than fits into a message, or two, and into what a socket keeps */
#define LARGE	300000
#define PATTERN	251

TEST_F(evidence, large)
{
	struct genl_evidence *e = &self->e;
	struct genl_object *o = &e->object[TSM_OBJECT_TRANSCRIPT];
	uint8_t digest[SHA384_SIZE];
	struct view *g = &self->g;
	size_t i;

	test_ok(sim_set(self->s.d, "transcript_bytes", "%u", LARGE));
	test_ok(view_lock(g));
	test_ok(genl_dump(&self->nl, g->bdf, 0, e));
	ASSERT_EQ(LARGE, o->total);
	ASSERT_EQ(LARGE, o->len);
	ASSERT_LT(LARGE / 65536, o->parts);
	sha384(o->bytes, o->len, digest);
	ASSERT_EQ(0, memcmp(digest, o->digest, sizeof(digest)));
	for (i = LARGE / 2; i < LARGE; i++)
		ASSERT_EQ(i % PATTERN, o->bytes[i]);
	test_ok(view_accept(g));
}

/* More than the core keeps of anything: not cut off, but refused */
TEST_F(evidence, too_large)
{
	struct view *g = &self->g;

	test_ok(sim_set(self->s.d, "transcript_bytes", "%u", 1024 * 1024 + 1));
	test_err(EFBIG, view_lock(g));
	test_view(g, "unlocked");
	test_state(&self->s.v, "t", "UNLOCKED");
}

static int use_any(const struct nlmsghdr *h, void *ctx)
{
	return 0;
}

/* There is other evidence before all of a dump was read: it ends, and says so */
TEST_F(evidence, changed_while_read)
{
	struct genl *nl = &self->nl;
	bool interrupted = false;
	struct view *g = &self->g;
	uint64_t generation;
	struct genl other;

	test_ok(sim_set(self->s.d, "transcript_bytes", "%u", LARGE));
	test_ok(view_lock(g));
	genl_begin(nl, nl->family, NLM_F_DUMP, PCI_TSM_CMD_GET);
	genl_put(nl, PCI_TSM_A_EVIDENCE_DEV, g->bdf, strlen(g->bdf) + 1);
	test_ok(genl_send(nl));
	ASSERT_LT(0, recv(nl->fd, nl->buf, sizeof(nl->buf), 0));
	ASSERT_EQ(nl->family, nl->hdr.nlmsg_type);

	test_ok(genl_open(&other));
	test_ok(genl_refresh(&other, g->bdf, MEASUREMENTS, self->nonce,
			     sizeof(self->nonce), &generation));
	genl_close(&other);
	test_err(EAGAIN, genl_hear(nl, use_any, NULL, &interrupted));
	ASSERT_TRUE(interrupted);

	/* from the beginning, it is all there */
	test_ok(genl_dump(nl, g->bdf, 0, &self->e));
	ASSERT_EQ(generation, self->e.generation);
	ASSERT_EQ(LARGE, self->e.object[TSM_OBJECT_TRANSCRIPT].len);
}

/* The next uevent about the function that has a state of it, or an error with a ! */
static const char *uevent(int fd, const char *bdf, uint64_t *generation)
{
	static char buf[8192];
	static char state[32];

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);
		const char *p, *word = NULL, *number = NULL;
		bool ours = false;

		if (n < 0)
			return "!none";
		buf[n] = '\0';
		for (p = buf; p < buf + n; p += strlen(p) + 1) {
			if (!strncmp(p, "DEVPATH=", 8))
				ours = strstr(p, bdf);
			if (!strncmp(p, "TSM_STATE=", 10))
				word = p + 10;
			if (!strncmp(p, "TSM_GENERATION=", 15))
				number = p + 15;
		}
		if (!ours || !word || !number)
			continue;
		snprintf(state, sizeof(state), "%s", word);
		*generation = strtoull(number, NULL, 10);
		return state;
	}
}

/* By each channel the next news of the function: a state, and which evidence it has */
#define test_told(nl, fd, bdf, number, state, generation) \
	_test_told(_metadata, nl, fd, bdf, number, state, generation)
static void _test_told(struct __test_metadata *_metadata, struct genl *nl, int fd,
		       const char *bdf, int number, const char *state,
		       uint64_t generation)
{
	uint64_t told;

	ASSERT_EQ(number, genl_event(nl, bdf, &told));
	ASSERT_EQ(generation, told);
	ASSERT_STREQ(state, uevent(fd, bdf, &told));
	ASSERT_EQ(generation, told);
}

/* Of the evidence that there is; what was told before is for test_told() */
static uint64_t present_generation(const char *bdf)
{
	static struct genl nl;
	struct genl_evidence e = {};
	uint64_t generation = 0;

	if (!genl_open(&nl) && !genl_dump(&nl, bdf, REPORT, &e))
		generation = e.generation;
	genl_forget(&e);
	genl_close(&nl);
	return generation;
}

TEST_F(evidence, events)
{
	struct sockaddr_nl everybody = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1,
	};
	struct timeval wait = { .tv_sec = GENL_WAIT_S };
	struct vmm *v = &self->s.v;
	struct genl *nl = &self->nl;
	struct view *g = &self->g;
	uint64_t first, second;
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	ASSERT_LE(0, fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	ASSERT_EQ(0, bind(fd, (void *)&everybody, sizeof(everybody)));
	test_ok(genl_listen(nl));

	test_ok(view_lock(g));
	first = present_generation(g->bdf);
	ASSERT_NE(0, first);
	test_told(nl, fd, g->bdf, PCI_TSM_STATE_LOCKED, "locked", first);

	test_ok(view_accept(g));
	ASSERT_EQ(first, present_generation(g->bdf));
	test_told(nl, fd, g->bdf, PCI_TSM_STATE_RUN, "run", first);

	test_cmd(v, "stop t");
	test_told(nl, fd, g->bdf, PCI_TSM_STATE_LOST, "lost", 0);
	test_view(g, "lost");

	test_ok(view_unlock(g));
	test_told(nl, fd, g->bdf, PCI_TSM_STATE_UNLOCKED, "unlocked", 0);

	test_ok(view_lock(g));
	second = present_generation(g->bdf);
	ASSERT_LT(first, second);
	test_told(nl, fd, g->bdf, PCI_TSM_STATE_LOCKED, "locked", second);

	test_ok(view_get_stuck(v, g));
	test_told(nl, fd, g->bdf, PCI_TSM_STATE_STUCK, "stuck", 0);
	ASSERT_EQ(0, present_generation(g->bdf));
	test_ok(view_unlock(g));
	test_told(nl, fd, g->bdf, PCI_TSM_STATE_UNLOCKED, "unlocked", 0);
	close(fd);
}

/* In a process that may administer nothing */
static int as_nobody(const char *bdf, const uint8_t *nonce, int fd)
{
	static struct genl nl;
	static struct genl_evidence e;
	uint64_t generation;

	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		return 1;
	if (genl_open(&nl))
		return 2;
	if (genl_dump(&nl, bdf, 0, &e) != -EPERM)
		return 3;
	if (genl_refresh(&nl, bdf, MEASUREMENTS, nonce, TSM_NONCE_SIZE,
			 &generation) != -EPERM)
		return 4;
	if (genl_validate(&nl, bdf, 1) != -EPERM)
		return 5;
	/* a state is no secret: it is in sysfs, too */
	if (genl_listen(&nl))
		return 6;
	if (write(fd, "", 1) != 1)
		return 7;
	if (genl_event(&nl, bdf, &generation) != PCI_TSM_STATE_RUN)
		return 8;
	return 0;
}

TEST_F(evidence, permission)
{
	struct view *g = &self->g;
	int ready[2], status;
	pid_t pid;
	char c;

	test_ok(view_lock(g));
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(as_nobody(g->bdf, self->nonce, ready[1]));
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	test_ok(view_accept(g));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	ASSERT_EQ(0, WEXITSTATUS(status));
	close(ready[0]);
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
