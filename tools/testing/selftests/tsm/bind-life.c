// SPDX-License-Identifier: GPL-2.0-only
/*
 * How it ends: VM, iommufd, VFIO device and its list of VMs closed in every
 * order, vDEVICE and vIOMMU destroyed or left, the process killed, driver and
 * TSM gone. The teardown has one order, the VM outlives its TDIs, and in the end
 * everything is freed. What ends requests that are under way, and how soon, is in
 * bind-flight.c.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "tsm_machine.h"

#define VIRT_ID		0x10

/* Of a TDI in RUN that does DMA, of one that is LOCKED, of one that is neither */
#define STEPS_RUN	"stop revoke dma-off host-dma-off release ungate destroy"
#define STEPS_LOCKED	"stop revoke dma-off release ungate destroy"
#define STEPS_UNLOCKED	"destroy"

#define KVM_DEBUGFS	"/sys/kernel/debug/kvm"

/* VMs that the kernel has, as KVM's debugfs knows them: until all is freed */
static unsigned int nr_vms(void)
{
	unsigned int nr = 0;
	struct dirent *ent;
	DIR *dir;

	dir = opendir(KVM_DEBUGFS);
	while (dir && (ent = readdir(dir))) {
		int pid, fd;

		nr += sscanf(ent->d_name, "%d-%d", &pid, &fd) == 2;
	}
	if (dir)
		closedir(dir);
	return nr;
}

FIXTURE(life)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct sim_device *d;
};

FIXTURE_VARIANT(life)
{
	const char *state;
	const char *steps;
};

FIXTURE_VARIANT_ADD(life, unlocked)
	{ .state = "UNLOCKED", .steps = STEPS_UNLOCKED };
FIXTURE_VARIANT_ADD(life, locked)
	{ .state = "LOCKED", .steps = STEPS_LOCKED };
FIXTURE_VARIANT_ADD(life, run)
	{ .state = "RUN", .steps = STEPS_RUN };
FIXTURE_VARIANT_ADD(life, error)
	{ .state = "ERROR", .steps = STEPS_RUN };

FIXTURE_SETUP(life)
{
	host_init(&self->h);
	/* Others cannot be made to give a TDI up */
	if (!strcmp(variant->state, "ERROR") && !machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	if (!sim_exists(KVM_DEBUGFS))
		mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	ASSERT_TRUE(sim_exists(KVM_DEBUGFS));
	ASSERT_EQ(0, nr_vms());
	test_ok(machine_build(&self->m, 1));
	self->d = self->m.s.d;
	test_ok(trace_begin());
}

FIXTURE_TEARDOWN(life)
{
	trace_end();
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
	EXPECT_EQ(0, nr_vms());
}

/* Bring a TDI into a state, and forget the trace of it */
static int bring_to(struct host *h, struct assigned *dev, struct sim_device *d,
		    const char *state)
{
	int err = 0;

	if (!strcmp(state, "LOCKED"))
		err = cmd_bind(h->iommufd, dev->vdevice, NULL);
	else if (strcmp(state, "UNLOCKED"))
		err = host_run(h, dev);
	if (!err && !strcmp(state, "ERROR"))
		err = sim_tdi_error(d, dev->bdf);
	if (!err && strcmp(state, host_state(h, dev)))
		err = -EPROTO;
	trace_clear();
	return err;
}

static int assign(struct host *h, const char *bdf, struct assigned **dev,
		  struct sim_device *d, const char *state)
{
	int err;

	err = host_open(h, VM_CONFIDENTIAL);
	err = err ?: host_assign(h, bdf, VIRT_ID, dev);
	return err ?: bring_to(h, *dev, d, state);
}

/* In the device's own words */
static const char *device_state(const char *state)
{
	return !strcmp(state, "RUN") ? "run" :
	       !strcmp(state, "LOCKED") ? "locked" :
	       !strcmp(state, "ERROR") ? "error" : "unlocked";
}

/* Only the simulated one can be asked */
#define test_device_is(m, state) _test_device_is(_metadata, m, state)
static void _test_device_is(struct __test_metadata *_metadata,
			    struct machine *m, const char *state)
{
	if (m->simulated)
		test_device(m->s.d, m->bdf[0], device_state(state));
}

/* Of another TSM, the order and what DMA takes are its driver's */
#define test_steps(m, steps) _test_steps(_metadata, m, steps)
static void _test_steps(struct __test_metadata *_metadata, struct machine *m,
			const char *steps)
{
	const char *traced = trace_steps(m->bdf[0]);

	if (m->simulated || !steps[0]) {
		ASSERT_STREQ(steps, traced);
		return;
	}
	ASSERT_EQ(!strstr(steps, "release"), !strstr(traced, "release"));
	ASSERT_NE(NULL, strstr(traced, "destroy"));
	ASSERT_EQ(NULL, strchr(traced, '!'));
}

/* The TDI is gone, in order; the device serves the next VM */
#define test_gone(self, steps) _test_gone(_metadata, &(self)->m, steps)
static void _test_gone(struct __test_metadata *_metadata, struct machine *m,
		       const char *steps)
{
	struct assigned *dev;
	struct host next;

	test_steps(m, steps);
	test_device_is(m, "UNLOCKED");
	ASSERT_TRUE(sim_wait(!nr_vms(), PROMPT_MS));
	/* No TDI, no reference to the connection */
	if (m->simulated) {
		test_disconnect(m->s.d);
		test_connect(m->s.d);
	}
	test_ok(assign(&next, m->bdf[0], &dev, m->s.d, "RUN"));
	host_close(&next);
	ASSERT_TRUE(sim_wait(!nr_vms(), PROMPT_MS));
	trace_clear();
}

/* --- files closed in every order ------------------------------------------------------ */

/* What a VMM has open */
enum part {
	PART_VM,	/* the VM */
	PART_LIST,	/* the VM's list of VFIO devices */
	PART_IOMMUFD,
	PART_DEVICE,	/* the VFIO device */
	NR_PARTS,
};

static void close_part(struct host *h, struct assigned *dev, enum part part)
{
	switch (part) {
	case PART_VM:
		close(h->vm.fd);
		h->vm.fd = -1;
		break;
	case PART_LIST:
		close(h->vm.vfio);
		h->vm.vfio = -1;
		break;
	case PART_IOMMUFD:
		close(h->iommufd);
		h->iommufd = -1;
		break;
	case PART_DEVICE:
		close(dev->u.device);
		dev->u.device = -1;
		break;
	case NR_PARTS:
		break;
	}
}

/* Permutation @n of the parts, of all NR_ORDERS */
#define NR_ORDERS	24
static void order_of(unsigned int n, enum part order[NR_PARTS])
{
	unsigned int left[NR_PARTS] = { 0, 1, 2, 3 }, i, nr = NR_PARTS;

	for (i = 0; i < NR_PARTS; i++) {
		unsigned int pick = n % nr;

		order[i] = left[pick];
		n /= nr--;
		memmove(left + pick, left + pick + 1,
			(nr - pick) * sizeof(left[0]));
	}
}

/*
 * The TDI ends when VFIO's device is closed: by its user and by the list of the
 * VM, which has it open as well. Not before, whatever else is closed: the device
 * holds the iommufd, and that the VM.
 */
TEST_F(life, files)
{
	enum part order[NR_PARTS];
	unsigned int n, i, open;

	for (n = 0; n < NR_ORDERS; n++) {
		test_ok(assign(&self->h, self->m.bdf[0], &self->dev, self->d,
			       variant->state));
		order_of(n, order);
		open = 1 << PART_LIST | 1 << PART_DEVICE;
		for (i = 0; i < NR_PARTS; i++) {
			bool bound = open;

			close_part(&self->h, self->dev, order[i]);
			open &= ~(1 << order[i]);
			if (open) {
				test_device_is(&self->m, variant->state);
				test_steps(&self->m, "");
				ASSERT_EQ(1, nr_vms());
			} else if (bound) {
				test_device_is(&self->m, "UNLOCKED");
				test_steps(&self->m, variant->steps);
			}
		}
		host_close(&self->h);
		if (n % 8)
			trace_clear();
		else
			test_gone(self, variant->steps);
	}
}

/* The VM is closed: nothing has changed for who has the iommufd */
TEST_F(life, vm_file_alone)
{
	struct host *h = &self->h;

	test_ok(assign(h, self->m.bdf[0], &self->dev, self->d, variant->state));
	close_part(h, self->dev, PART_VM);
	close_part(h, self->dev, PART_LIST);
	test_tdi(h, self->dev, variant->state);
	test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
	test_ok(host_run(h, self->dev));
	test_tdi(h, self->dev, "RUN");
	ASSERT_EQ(1, nr_vms());
	/* The vIOMMU holds it, as VFIO does as long as the device is open */
	close_part(h, self->dev, PART_DEVICE);
	ASSERT_EQ(1, nr_vms());
	test_cmd_destroy(h->iommufd, h->viommu);
	ASSERT_TRUE(sim_wait(!nr_vms(), PROMPT_MS));
	host_close(h);
}

/* Removed from the list of its VM, and still the VM's: the vIOMMU knows it */
TEST_F(life, removed_from_list)
{
	struct host *h = &self->h;

	test_ok(assign(h, self->m.bdf[0], &self->dev, self->d, variant->state));
	test_ok(vm_remove_device(&h->vm, &self->dev->u));
	test_tdi(h, self->dev, variant->state);
	test_cmd_unbind(h->iommufd, self->dev->vdevice, NULL);
	test_ok(host_run(h, self->dev));
	trace_clear();
	host_close(h);
	test_gone(self, STEPS_RUN);
}

/* --- objects --------------------------------------------------------------------------- */

/* vDEVICE and vIOMMU destroyed before the files are closed, or only one of them */
TEST_F(life, objects)
{
	unsigned int n;

	for (n = 0; n < 3; n++) {
		struct host *h = &self->h;

		test_ok(assign(h, self->m.bdf[0], &self->dev, self->d,
			       variant->state));
		if (n > 0)
			test_cmd_destroy(h->iommufd, self->dev->vdevice);
		if (n > 1)
			test_cmd_destroy(h->iommufd, h->viommu);
		host_close(h);
		test_gone(self, variant->steps);
	}
}

/* VFIO is closed, iommufd is not: the vDEVICE went, its number stays used up */
TEST_F(life, vdevice_without_device)
{
	struct host *h = &self->h;
	uint32_t vdevice;

	test_ok(assign(h, self->m.bdf[0], &self->dev, self->d, variant->state));
	vdevice = self->dev->vdevice;
	host_close_device(h, self->dev);
	test_steps(&self->m, variant->steps);
	test_err_bind(ENOENT, h->iommufd, vdevice, NULL);
	test_err_unbind(ENOENT, h->iommufd, vdevice, NULL);
	/* Opened again, in the same iommufd, for the same VM */
	h->nr = 0;
	test_ok(host_add(h, self->m.bdf[0], &self->dev));
	test_ok(host_vdevice(h, self->dev, VIRT_ID));
	ASSERT_NE(vdevice, self->dev->vdevice);
	test_ok(host_run(h, self->dev));
	host_close(h);
}

/* --- the process ------------------------------------------------------------------------ */

/* Killed: the kernel closes what it had, in whatever order */
TEST_F(life, killed)
{
	int ready[2], status;
	char c = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int err = assign(&self->h, self->m.bdf[0], &self->dev, self->d,
				 variant->state);

		c = -err;
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	ASSERT_EQ(0, c);
	test_device_is(&self->m, variant->state);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	close(ready[0]);
	close(ready[1]);
	test_gone(self, variant->steps);
}

/* A child that has all of it keeps all of it */
TEST_F(life, forked)
{
	int status;
	pid_t pid;

	test_ok(assign(&self->h, self->m.bdf[0], &self->dev, self->d,
		       variant->state));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(1);
	}
	/* As a child of kvm's would: only files, not host_close()'s removal */
	close_part(&self->h, self->dev, PART_LIST);
	close_part(&self->h, self->dev, PART_DEVICE);
	close_part(&self->h, self->dev, PART_IOMMUFD);
	close_part(&self->h, self->dev, PART_VM);
	test_device_is(&self->m, variant->state);
	test_steps(&self->m, "");
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	test_gone(self, variant->steps);
}

/* --- the device, and the TSM --------------------------------------------------------------- */

static int unbind_driver(struct call *call)
{
	return sim_pci_write(call->text, "driver/unbind", call->text);
}

/* Its driver is told to let go of it, which it does when its user does */
TEST_F(life, driver_unbound)
{
	struct call call;

	test_ok(assign(&self->h, self->m.bdf[0], &self->dev, self->d,
		       variant->state));
	snprintf(call.text, sizeof(call.text), "%s", self->m.bdf[0]);
	test_ok(call_start(&call, unbind_driver, NULL, NULL));
	ASSERT_EQ(SIM_JOB_RUNNING, call_wait(&call, 200));
	test_device_is(&self->m, variant->state);
	host_close(&self->h);
	test_ok(call_wait(&call, PROMPT_MS));
	test_steps(&self->m, variant->steps);
	test_device_is(&self->m, "UNLOCKED");
}

TEST_F(life, tsm_unregistered)
{
	struct host *h = &self->h;

	if (!self->m.simulated)
		SKIP(return, NEEDS_SIMULATOR);
	test_ok(assign(h, self->m.bdf[0], &self->dev, self->d, variant->state));
	test_ok(sim_platform_tsm(&self->m.s.sim.p, false));
	test_steps(&self->m, variant->steps);
	test_tdi(h, self->dev, "UNLOCKED DEAD");
	test_err_bind(ENXIO, h->iommufd, self->dev->vdevice, NULL);
	ASSERT_EQ(1, nr_vms());
	trace_clear();
	host_close(h);
	test_steps(&self->m, "");
	ASSERT_TRUE(sim_wait(!nr_vms(), PROMPT_MS));
	test_ok(sim_platform_tsm(&self->m.s.sim.p, true));
	test_connect(self->d);
	test_gone(self, "");
}

/* It goes when so many of the files are closed: what is there of the TDI goes with it */
TEST_F(life, tsm_between_files)
{
	struct sim_platform *p = &self->m.s.sim.p;
	/* To connect takes its time: all of it for one that has most to lose */
	bool run = !strcmp(variant->state, "RUN");
	enum part order[NR_PARTS];
	unsigned int n, i, open;
	bool there;

	for (n = run ? 1 : 2; n < (run ? NR_PARTS : 3); n++) {
		test_ok(assign(&self->h, self->m.bdf[0], &self->dev, self->d,
			       variant->state));
		order_of(5 * n, order);
		open = 1 << PART_LIST | 1 << PART_DEVICE;
		there = true;
		for (i = 0; i < NR_PARTS; i++) {
			if (i == n) {
				test_ok(sim_platform_tsm(p, false));
				ASSERT_STREQ(there ? variant->steps : "",
					     trace_steps(self->m.bdf[0]));
				trace_clear();
				there = false;
			}
			close_part(&self->h, self->dev, order[i]);
			open &= ~(1 << order[i]);
			ASSERT_STREQ(there && !open ? variant->steps : "",
				     trace_steps(self->m.bdf[0]));
			trace_clear();
			there = there && open;
		}
		host_close(&self->h);
		ASSERT_TRUE(sim_wait(!nr_vms(), PROMPT_MS));
		test_device(self->d, self->m.bdf[0], "unlocked");
		test_ok(sim_platform_tsm(p, true));
		test_connect(self->d);
	}
	test_gone(self, "");
}

/* --- files closed while a request is under way ------------------------------------------ */

FIXTURE(in_flight)
{
	struct machine m;
	struct host h;
	struct assigned *dev;
	struct sim_device *d;
	struct call call;
};

FIXTURE_SETUP(in_flight)
{
	host_init(&self->h);
	if (!machine_is_simulated())
		SKIP(return, NEEDS_SIMULATOR);
	if (!sim_exists(KVM_DEBUGFS))
		mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	ASSERT_EQ(0, nr_vms());
	test_ok(machine_build(&self->m, 1));
	self->d = self->m.s.d;
	test_ok(trace_begin());
}

FIXTURE_TEARDOWN(in_flight)
{
	trace_end();
	if (machine_is_simulated()) {
		sim_set(self->d, "fault", "none");
		sim_set(self->d, "latency_ms", "0");
	}
	host_close(&self->h);
	EXPECT_EQ(0, machine_leave(&self->m, __test_passed(_metadata)));
	EXPECT_EQ(0, nr_vms());
}

/* Have the report made anew, by a device that takes longer for that than any test */
static int long_request(struct call *call)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_INTERFACE_REPORT };
	struct tsm_regen_object_resp resp;
	size_t len = sizeof(resp);

	return cmd_request(call->h->iommufd, call->dev->vdevice, call->h->arch,
			   TSM_OP_REGEN_OBJECT, &req, sizeof(req), &resp, &len);
}

#define test_begin_request(...) _test_begin_request(_metadata, __VA_ARGS__)
static void _test_begin_request(struct __test_metadata *_metadata,
				struct call *call, struct sim_device *d)
{
	long before;

	test_ok(sim_set(d, "fault", "report-portions 1"));
	test_ok(sim_set(d, "latency_ms", "400"));
	before = sim_count(d, "messages");
	test_ok(call_start(call, long_request, call->h, call->dev));
	ASSERT_TRUE(sim_conversing(d, before, 2, PROMPT_MS));
	ASSERT_FALSE(atomic_load(&call->ended));
}

/*
 * It goes on until the device is closed, by both who have it open, and then ends, as
 * does the TDI. It has the iommufd itself, which is the last thing to go.
 */
TEST_F(in_flight, files)
{
	enum part order[NR_PARTS];
	unsigned int n, i, open;

	/* Each part is the first one to be closed once */
	for (n = 0; n < NR_ORDERS; n += 5) {
		test_ok(assign(&self->h, self->m.bdf[0], &self->dev, self->d,
			       "RUN"));
		self->call.h = &self->h;
		self->call.dev = self->dev;
		test_begin_request(&self->call, self->d);
		trace_clear();
		order_of(n, order);
		open = 1 << PART_LIST | 1 << PART_DEVICE;
		for (i = 0; i < NR_PARTS; i++) {
			bool bound = open;

			close_part(&self->h, self->dev, order[i]);
			open &= ~(1 << order[i]);
			if (open) {
				test_device(self->d, self->m.bdf[0], "run");
				ASSERT_FALSE(atomic_load(&self->call.ended));
				ASSERT_EQ(1, nr_vms());
			} else if (bound) {
				test_err(ENXIO, call_wait(&self->call,
							  PROMPT_MS));
				test_device(self->d, self->m.bdf[0],
					    "unlocked");
				ASSERT_NE(NULL, strstr(trace_steps(self->m.bdf[0]),
						       STEPS_RUN));
			}
		}
		host_close(&self->h);
		ASSERT_TRUE(sim_wait(!nr_vms(), PROMPT_MS));
		test_ok(sim_set(self->d, "fault", "none"));
		test_ok(sim_set(self->d, "latency_ms", "0"));
	}
	test_disconnect(self->d);
	test_connect(self->d);
}

/* The user is asked to let go, and does, of what it is in the middle of */
TEST_F(in_flight, driver_unbound)
{
	struct call call;

	test_ok(assign(&self->h, self->m.bdf[0], &self->dev, self->d, "RUN"));
	self->call.h = &self->h;
	self->call.dev = self->dev;
	test_begin_request(&self->call, self->d);
	snprintf(call.text, sizeof(call.text), "%s", self->m.bdf[0]);
	test_ok(call_start(&call, unbind_driver, NULL, NULL));
	ASSERT_EQ(SIM_JOB_RUNNING, call_wait(&call, 200));
	ASSERT_FALSE(atomic_load(&self->call.ended));
	test_device(self->d, self->m.bdf[0], "run");
	close_part(&self->h, self->dev, PART_LIST);
	close_part(&self->h, self->dev, PART_DEVICE);
	test_err(ENXIO, call_wait(&self->call, PROMPT_MS));
	test_ok(call_wait(&call, PROMPT_MS));
	test_device(self->d, self->m.bdf[0], "unlocked");
}

int main(int argc, char **argv)
{
	return iommufd_harness_run(argc, argv);
}
