// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of a VMM fails in turn, from opening its files to closing
 * them: nothing leaks, nothing hangs, what failed says so and changed nothing,
 * and the next one works.
 *
 * The injection is per task: the device's side does not fail.
 */
#include "tsm_fail.h"
#include "tsm_machine.h"

/**
 * struct scenery - what a VMM finds when it begins
 * @m: the machine
 * @in: what fails
 * @vm: the VM
 * @d: the device
 */
struct scenery {
	struct machine m;
	struct injection in;
	struct vm vm;
	struct sim_device *d;
};

FIXTURE(bind_fail)
{
	struct scenery s;
};

FIXTURE_SETUP(bind_fail)
{
	int err = injection_open(&self->s.in);

	self->s.vm = (struct vm) { .fd = -1, .vfio = -1 };
	if (err == -ENOENT)
		SKIP(return, "no fault injection in this kernel");
	test_ok(err);
	test_ok(machine_build(&self->s.m, 1));
	self->s.d = self->s.m.s.d;
	test_ok(sim_pci_driver(self->s.m.bdf[0], "vfio-pci"));
	test_ok(vm_create(&self->s.vm, VM_CONFIDENTIAL));
}

FIXTURE_TEARDOWN(bind_fail)
{
	injection_set(&self->s.in, 0);
	close(self->s.in.fd);
	vm_close(&self->s.vm);
	EXPECT_EQ(0, machine_strike(&self->s.m));
}

/**
 * struct flow - a VMM and what it has so far
 * @h: iommufd, and ID of the vIOMMU; the VM is another's
 * @dev: the function
 * @bdf: its name
 * @added: the VM has it in its list
 * @events: file of the event queue, or -1
 */
struct flow {
	struct host h;
	struct assigned dev;
	const char *bdf;
	bool added;
	int events;
};

static int flow_iommufd(struct flow *f)
{
	f->h.iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	return f->h.iommufd < 0 ? -errno : 0;
}

static int flow_cdev(struct flow *f)
{
	return vfio_open_cdev(&f->dev.u, f->bdf);
}

static int flow_list(struct flow *f)
{
	int err = vm_add_device(&f->h.vm, &f->dev.u);

	f->added = !err;
	return err;
}

static int flow_bind_iommufd(struct flow *f)
{
	return vfio_bind(&f->dev.u, f->h.iommufd);
}

static int flow_attach(struct flow *f)
{
	return vfio_attach(&f->dev.u);
}

static int flow_hw_info(struct flow *f)
{
	struct iommu_hw_info_tsm info;

	return cmd_hw_info(f->h.iommufd, f->dev.u.dev_id, &info);
}

static int flow_viommu(struct flow *f)
{
	return cmd_viommu_alloc(f->h.iommufd, f->dev.u.dev_id,
				IOMMU_VIOMMU_TYPE_TSM_SIM, f->h.vm.fd,
				&f->h.viommu);
}

static int flow_veventq(struct flow *f)
{
	uint32_t id;

	return cmd_veventq_alloc(f->h.iommufd, f->h.viommu,
				 IOMMU_VEVENTQ_TYPE_TSM, 4, &id, &f->events);
}

static int flow_vdevice(struct flow *f)
{
	return host_vdevice(&f->h, &f->dev, 0x10);
}

static int flow_bind(struct flow *f)
{
	return cmd_bind(f->h.iommufd, f->dev.vdevice, NULL);
}

static int flow_mmio(struct flow *f)
{
	struct tsm_validate_mmio mmio = {
		.gpa = 0x40000000, .length = 0x1000,
	};

	return cmd_request(f->h.iommufd, f->dev.vdevice, TSM_ARCH_SIM,
			   TSM_OP_VALIDATE_MMIO, &mmio, sizeof(mmio), NULL,
			   NULL);
}

static int flow_dma(struct flow *f)
{
	return cmd_op(f->h.iommufd, f->dev.vdevice, TSM_ARCH_SIM,
		      TSM_OP_ENABLE_DMA);
}

static int flow_start(struct flow *f)
{
	return cmd_op(f->h.iommufd, f->dev.vdevice, TSM_ARCH_SIM, TSM_OP_START);
}

static int flow_regen(struct flow *f)
{
	struct tsm_regen_object req = { .type = TSM_OBJECT_MEASUREMENTS };
	struct tsm_regen_object_resp resp;
	size_t len = sizeof(resp);

	return cmd_request(f->h.iommufd, f->dev.vdevice, TSM_ARCH_SIM,
			   TSM_OP_REGEN_OBJECT, &req, sizeof(req), &resp, &len);
}

static int flow_read(struct flow *f)
{
	struct tsm_read_object req = { .type = TSM_OBJECT_CERTIFICATE_CHAIN };
	uint8_t buf[4096];
	size_t len = sizeof(buf);

	return cmd_request(f->h.iommufd, f->dev.vdevice, TSM_ARCH_SIM,
			   TSM_OP_READ_OBJECT, &req, sizeof(req), buf, &len);
}

static int flow_message(struct flow *f)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	struct tsm_sim_tdi_info info;
	size_t len = sizeof(info);

	return cmd_request(f->h.iommufd, f->dev.vdevice, TSM_ARCH_SIM,
			   TSM_OP_GUEST_MSG, &msg, sizeof(msg), &info, &len);
}

static int flow_state(struct flow *f)
{
	struct tsm_tdi_state_resp state;

	return cmd_tdi_state(f->h.iommufd, f->dev.vdevice, TSM_ARCH_SIM,
			     &state);
}

static int flow_unbind(struct flow *f)
{
	return cmd_unbind(f->h.iommufd, f->dev.vdevice, NULL);
}

static int flow_destroy(struct flow *f)
{
	int err = cmd_destroy(f->h.iommufd, f->dev.vdevice);

	if (!err)
		f->dev.vdevice = 0;
	return err;
}

struct step {
	const char *name;
	int (*fn)(struct flow *f);
};

static const struct step steps[] = {
	{ "open iommufd", flow_iommufd },
	{ "open device", flow_cdev },
	{ "list device", flow_list },
	{ "bind device to iommufd", flow_bind_iommufd },
	{ "attach", flow_attach },
	{ "hw_info", flow_hw_info },
	{ "viommu", flow_viommu },
	{ "veventq", flow_veventq },
	{ "vdevice", flow_vdevice },
	{ "bind", flow_bind },
	{ "validate MMIO", flow_mmio },
	{ "enable DMA", flow_dma },
	{ "start", flow_start },
	{ "regenerate object", flow_regen },
	{ "read object", flow_read },
	{ "message", flow_message },
	{ "state", flow_state },
	{ "unbind", flow_unbind },
	{ "destroy vdevice", flow_destroy },
};

#define NR_FILES	3	/* of the steps: those before it is bound to iommufd */
#define NR_OPENING	6	/* those before a TSM is asked */

static void flow_begin(struct flow *f, struct vm *vm, const char *bdf)
{
	memset(f, 0, sizeof(*f));
	host_init(&f->h);
	f->h.vm = *vm;
	vfio_init(&f->dev.u);
	f->bdf = bdf;
	f->events = -1;
}

static int flow_steps(struct flow *f, unsigned int first, unsigned int end,
		      unsigned int *at)
{
	int err = 0;

	for (*at = first; !err && *at < end; ++*at) {
		err = steps[*at].fn(f);
		if (err)
			break;
	}
	return err;
}

/* Close what it has: this never fails */
static void flow_end(struct flow *f)
{
	if (f->events >= 0)
		close(f->events);
	if (f->added)
		vm_remove_device(&f->h.vm, &f->dev.u);
	vfio_close(&f->dev.u);
	if (f->h.iommufd >= 0)
		close(f->h.iommufd);
}

/*
 * Memory that is short in the middle of an exchange costs the device its SPDM
 * session: nothing can be said to it until it is connected anew.
 */
static bool session_lost(int err)
{
	return err == -ENOTCONN || err == -EIO;
}

/*
 * In a kernel with CONFIG_IOMMUFD_TEST iommufd also fails to find objects when it
 * is told to fail: ENOENT. An IOAS says EINVAL if it gets no domain. What was short
 * of memory when it was opened may be no function for VMs: see not_armed below.
 */
static bool made_to_fail(int err, unsigned int at)
{
	return err == -ENOMEM || err == -ENOENT ||
	       (err == -EINVAL && steps[at].fn == flow_attach) ||
	       (err == -ENODEV && steps[at].fn == flow_viommu);
}

/*
 * The device works for the next VMM. If it could not be told to stop it was
 * parted from its VM by other means, and is in ERROR until it is stopped in a
 * new session.
 */
static void test_next(struct __test_metadata *_metadata,
		      struct scenery *s)
{
	struct flow f;
	unsigned int at;
	int err;

	flow_begin(&f, &s->vm, s->m.bdf[0]);
	err = flow_steps(&f, 0, ARRAY_SIZE(steps), &at);
	flow_end(&f);
	if (session_lost(err)) {
		test_disconnect(s->d);
		test_connect(s->d);
		flow_begin(&f, &s->vm, s->m.bdf[0]);
		err = flow_steps(&f, 0, ARRAY_SIZE(steps), &at);
		flow_end(&f);
	}
	ASSERT_EQ(0, err) {
		TH_LOG("at %s", steps[at].name);
	}
	test_device(s->d, s->m.bdf[0], "unlocked");
}

/* The whole flow and its end, steps from @first on with allocation @nth failing */
static int sweep(struct scenery *s, unsigned int first,
		 unsigned int nth, unsigned int *at, long *left)
{
	struct flow f;
	int err;

	flow_begin(&f, &s->vm, s->m.bdf[0]);
	err = flow_steps(&f, 0, first, at);
	if (err) {
		flow_end(&f);
		return -EPROTO;
	}
	err = injection_set(&s->in, nth);
	if (!err)
		err = flow_steps(&f, first, ARRAY_SIZE(steps), at);
	if (!first)
		flow_end(&f);
	*left = injection_left(&s->in);
	injection_set(&s->in, 0);
	if (first)
		flow_end(&f);
	return err;
}

static void test_sweep(struct __test_metadata *_metadata,
		       struct scenery *s, unsigned int first)
{
	unsigned int points, nth, at, failed = 0;
	long left;

	/* Warm up, then count */
	test_ok(sweep(s, first, COUNT_ONLY, &at, &left));
	test_ok(sweep(s, first, COUNT_ONLY, &at, &left));
	points = COUNT_ONLY - left;
	ASSERT_LT(20, points);
	TH_LOG("%u allocations", points);

	for (nth = 1; nth <= points; nth = next_point(nth, points)) {
		int err = sweep(s, first, nth, &at, &left);

		if (err) {
			failed++;
			EXPECT_EQ(0, left);
			EXPECT_TRUE(made_to_fail(err, at) || session_lost(err)) {
				TH_LOG("allocation %u of %u, %s: %s", nth,
				       points, steps[at].name, strerror(-err));
			}
		}
		test_next(_metadata, s);
	}
	ASSERT_LT(0, failed);
	/* No TDI is left, and no reference to the connection */
	test_disconnect(s->d);
	test_connect(s->d);
	test_next(_metadata, s);
}

TEST_F_TIMEOUT(bind_fail, files, 3600)
{
	test_sweep(_metadata, &self->s, 0);
}

TEST_F_TIMEOUT(bind_fail, tdi, 3600)
{
	test_sweep(_metadata, &self->s, NR_OPENING);
}

/* Allocation @nth of binding it to iommufd, which opens it, is the one that fails */
static int flow_open_device(struct scenery *s, struct flow *f, unsigned int nth,
			    long *left)
{
	unsigned int at;
	int err;

	flow_begin(f, &s->vm, s->m.bdf[0]);
	err = flow_steps(f, 0, NR_FILES, &at);
	err = err ?: injection_set(&s->in, nth);
	err = err ?: flow_bind_iommufd(f);
	*left = injection_left(&s->in);
	injection_set(&s->in, 0);
	return err;
}

/* Look for the allocation that VFIO does without, from the last one on */
static bool flow_open_unarmed(struct scenery *s, struct flow *f)
{
	unsigned int nth;
	long left;

	if (flow_open_device(s, f, COUNT_ONLY, &left))
		return false;
	flow_end(f);
	for (nth = COUNT_ONLY - left; nth; nth--) {
		if (!flow_open_device(s, f, nth, &left) && !left &&
		    flow_viommu(f) == -ENODEV)
			return true;
		flow_end(f);
	}
	return false;
}

/*
 * Memory was too short to let TDIs be made of it: it is open for all else, and for
 * no VM, as long as it is open
 */
TEST_F_TIMEOUT(bind_fail, not_armed, 600)
{
	struct scenery *s = &self->s;
	struct vfio_user other;
	uint32_t viommu, id;
	struct flow f;

	ASSERT_TRUE(flow_open_unarmed(s, &f));
	test_err_viommu_alloc(ENODEV, f.h.iommufd, f.dev.u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU, -1, &id);
	test_err_viommu_alloc(ENODEV, f.h.iommufd, f.dev.u.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU, s->vm.fd, &id);
	/* Nor on the vIOMMU of one that can */
	test_ok(sim_pci_driver(s->m.bdf[1], "vfio-pci"));
	test_ok(vfio_open_cdev(&other, s->m.bdf[1]));
	test_ok(vfio_bind(&other, f.h.iommufd));
	test_cmd_viommu_alloc(f.h.iommufd, other.dev_id,
			      IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU, s->vm.fd,
			      &viommu);
	test_err_vdevice_alloc(ENODEV, f.h.iommufd, viommu, f.dev.u.dev_id,
			       0x10, &id);
	test_ok(flow_hw_info(&f));
	test_ok(flow_attach(&f));
	vfio_close(&other);
	flow_end(&f);
	test_next(_metadata, s);
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
