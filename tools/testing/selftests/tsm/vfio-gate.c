// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VFIO does not do to a function that is locked for a VM, and that it does
 * all of it before and after: resets, power states, changes of its configuration.
 * And what no user gets at any time. Memory and interrupts are in vfio-share.c,
 * the end of a user in vfio-close.c.
 */
#include <sys/ioctl.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "tsm_machine.h"

/* A page of BAR0 that the simulated device reports as shared */
#define SHARED		0x12000
#define PAGE		0x1000

/**
 * struct gate - a function that can be locked, and who can lock it
 * @m: the machine
 * @h: its VMM
 * @other: another one, if need be
 * @d: the device that it is of
 * @dev: the function, UNLOCKED in the beginning
 * @u: its VFIO user
 * @peer: somebody who has mapped a dma-buf, or -1
 * @bdf: its name
 */
struct gate {
	struct machine m;
	struct host h;
	struct host other;
	struct sim_device *d;
	struct assigned *dev;
	struct vfio_user *u;
	int peer;
	char bdf[32];
};

static int gate_build(struct gate *g, bool vf)
{
	int err;

	host_init(&g->h);
	host_init(&g->other);
	g->peer = -1;
	err = machine_build(&g->m, 2);
	if (err)
		return err;
	g->d = &g->m.s.sim.d[vf ? 0 : 1];
	snprintf(g->bdf, sizeof(g->bdf), "%s", vf ? g->m.s.vf[0] : g->d->bdf);
	err = host_open(&g->h, VM_CONFIDENTIAL);
	err = err ?: host_assign(&g->h, g->bdf, 0x10, &g->dev);
	g->u = &g->dev->u;
	return err ?: vfio_set_master(g->u, true);
}

/* The peer lets go */
static void unimport(struct gate *g)
{
	if (g->peer >= 0)
		close(g->peer);
	g->peer = -1;
}

static int gate_strike(struct gate *g, bool passed)
{
	/* Whoever closes the function waits for it */
	unimport(g);
	host_close(&g->other);
	host_close(&g->h);
	return machine_leave(&g->m, passed);
}

/* Functions of each kind */
FIXTURE(gate)
{
	struct gate g;
};

FIXTURE_VARIANT(gate)
{
	bool vf;
};

FIXTURE_VARIANT_ADD(gate, pf) { .vf = false };
FIXTURE_VARIANT_ADD(gate, vf) { .vf = true };

FIXTURE_SETUP(gate)
{
	test_ok(gate_build(&self->g, variant->vf));
}

FIXTURE_TEARDOWN(gate)
{
	EXPECT_EQ(0, gate_strike(&self->g, __test_passed(_metadata)));
}

/* What only a physical function has */
FIXTURE(physical)
{
	struct gate g;
};

FIXTURE_SETUP(physical)
{
	test_ok(gate_build(&self->g, false));
}

FIXTURE_TEARDOWN(physical)
{
	EXPECT_EQ(0, gate_strike(&self->g, __test_passed(_metadata)));
}

static int bind_device(struct gate *g)
{
	return cmd_bind(g->h.iommufd, g->dev->vdevice, NULL);
}

static int start_device(struct gate *g)
{
	return cmd_op(g->h.iommufd, g->dev->vdevice, g->h.arch,
		      TSM_OP_START);
}

static int unbind_device(struct gate *g)
{
	return cmd_unbind(g->h.iommufd, g->dev->vdevice, NULL);
}

#define test_bind(g) test_ok(bind_device(g))
#define test_start(g) test_ok(start_device(g))
#define test_unbind(g) test_ok(unbind_device(g))

/* Something that a user does to a function, to some part of it */
typedef int (*user_action)(struct vfio_user *u, unsigned int arg);

/* In both states of a locked function it is refused, and changes nothing */
static void test_refused(struct __test_metadata *_metadata,
			 struct gate *g, user_action what,
			 unsigned int arg)
{
	test_bind(g);
	test_err(EBUSY, what(g->u, arg));
	test_tdi(&g->h, g->dev, "LOCKED");
	test_device(g->d, g->bdf, "locked");
	test_start(g);
	test_err(EBUSY, what(g->u, arg));
	test_tdi(&g->h, g->dev, "RUN");
	test_device(g->d, g->bdf, "run");
	ASSERT_TRUE(sim_tdi_unharmed(g->d));
	test_unbind(g);
}

/* Refused while it is locked, but not before and after */
#define test_gated(g, what, arg) _test_gated(_metadata, g, what, arg)
static void _test_gated(struct __test_metadata *_metadata,
			struct gate *g, user_action what,
			unsigned int arg)
{
	test_ok(what(g->u, arg));
	test_ok(vfio_set_master(g->u, true));
	test_refused(_metadata, g, what, arg);
	test_ok(what(g->u, arg));
	test_ok(vfio_set_master(g->u, true));
}

/* --- resets --------------------------------------------------------------------- */

static int reset(struct vfio_user *u, unsigned int none)
{
	return ioctl(u->device, VFIO_DEVICE_RESET) ? -errno : 0;
}

static unsigned int cap(struct vfio_user *u, unsigned int id)
{
	unsigned int pos = vfio_config_read(u, PCI_CAPABILITY_LIST, 1);

	while (pos && vfio_config_read(u, pos, 1) != id)
		pos = vfio_config_read(u, pos + 1, 1);
	return pos;
}

static int flr(struct vfio_user *u, unsigned int none)
{
	unsigned int pos = cap(u, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	return vfio_config_write(u, pos, 2, vfio_config_read(u, pos, 2) |
						PCI_EXP_DEVCTL_BCR_FLR);
}

/* The bit alone: in the upper byte of its register */
static int flr_byte(struct vfio_user *u, unsigned int none)
{
	return vfio_config_write(u, cap(u, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL + 1,
				 1, PCI_EXP_DEVCTL_BCR_FLR >> 8);
}

/* Another capability by which a function may be reset */
static int af_flr(struct vfio_user *u, unsigned int none)
{
	return vfio_config_write(u, cap(u, PCI_CAP_ID_AF) + PCI_AF_CTRL, 1,
				 PCI_AF_CTRL_FLR);
}

static int af_flr_dword(struct vfio_user *u, unsigned int none)
{
	return vfio_config_write(u, cap(u, PCI_CAP_ID_AF) + PCI_AF_CTRL, 4,
				 PCI_AF_CTRL_FLR);
}

TEST_F(gate, reset)
{
	struct gate *g = &self->g;

	ASSERT_LT(0, cap(g->u, PCI_CAP_ID_AF));
	test_gated(g, reset, 0);
	test_gated(g, flr, 0);
	test_gated(g, flr_byte, 0);
	test_gated(g, af_flr, 0);
	test_gated(g, af_flr_dword, 0);
	/* The bits beside it do nothing */
	test_bind(g);
	test_ok(vfio_config_write(g->u, cap(g->u, PCI_CAP_ID_AF) + PCI_AF_CTRL,
				  2, 0xffff & ~PCI_AF_CTRL_FLR));
	test_tdi(&g->h, g->dev, "LOCKED");
	ASSERT_TRUE(sim_tdi_unharmed(g->d));
}

static int hot_reset(struct vfio_user *u)
{
	struct vfio_pci_hot_reset cmd = { .argsz = sizeof(cmd) };

	return ioctl(u->device, VFIO_DEVICE_PCI_HOT_RESET, &cmd) ? -errno : 0;
}

/*
 * All of a set are looked at before any is touched: whichever of two functions
 * comes first, the one that is not locked keeps a mapping that could not even be
 * taken away.
 */
TEST_F(physical, hot_reset)
{
	struct gate *g = &self->g;
	struct assigned *other, *which[2];
	struct host *h = &g->h;
	int i, buf;
	char fn1[32];

	/* the device forgets its session */
	g->m.changed = true;
	snprintf(fn1, sizeof(fn1), "%s", g->bdf);
	fn1[strlen(fn1) - 1] = '1';
	test_ok(host_assign(h, fn1, 0x11, &other));
	which[0] = g->dev;
	which[1] = other;

	for (i = 0; i < 2; i++) {
		test_cmd_bind(h->iommufd, which[i]->vdevice, NULL);
		buf = vfio_dma_buf(&which[!i]->u, 0, SHARED, PAGE);
		ASSERT_LE(0, buf);
		g->peer = vfio_import(which[!i]->bdf, buf);
		ASSERT_LE(0, g->peer);
		test_err(EBUSY, hot_reset(&which[i]->u));
		test_err(EBUSY, hot_reset(&which[!i]->u));
		test_tdi(h, which[i], "LOCKED");
		test_device(g->d, which[i]->bdf, "locked");
		ASSERT_TRUE(sim_tdi_unharmed(g->d));
		unimport(g);
		close(buf);
		test_cmd_unbind(h->iommufd, which[i]->vdevice, NULL);
	}
	test_ok(hot_reset(&g->dev->u));
}

/* So is who they belong to */
TEST_F(physical, hot_reset_foreign)
{
	struct gate *g = &self->g;
	struct assigned *dev;
	int buf;
	char fn1[32];

	/* the device forgets its session */
	g->m.changed = true;
	snprintf(fn1, sizeof(fn1), "%s", g->bdf);
	fn1[strlen(fn1) - 1] = '1';
	test_ok(host_open(&g->other, VM_CONFIDENTIAL));
	test_ok(host_add(&g->other, fn1, &dev));

	buf = vfio_dma_buf(g->u, 0, SHARED, PAGE);
	ASSERT_LE(0, buf);
	g->peer = vfio_import(g->bdf, buf);
	ASSERT_LE(0, g->peer);
	test_err(EINVAL, hot_reset(g->u));
	unimport(g);
	g->peer = vfio_import(dev->bdf, vfio_dma_buf(&dev->u, 0, SHARED, PAGE));
	ASSERT_LE(0, g->peer);
	test_err(EINVAL, hot_reset(g->u));
	unimport(g);
}

/* --- the owner of the physical function ------------------------------------------- */

#define VF_TOKEN	"0123456789abcdef"

static int set_vf_token(struct vfio_user *u)
{
	union {
		struct vfio_device_feature feature;
		uint8_t bytes[sizeof(struct vfio_device_feature) + 16];
	} cmd = { };

	cmd.feature.argsz = sizeof(cmd);
	cmd.feature.flags = VFIO_DEVICE_FEATURE_SET |
			    VFIO_DEVICE_FEATURE_PCI_VF_TOKEN;
	memcpy(cmd.feature.data, VF_TOKEN, 16);
	return ioctl(u->device, VFIO_DEVICE_FEATURE, &cmd) ? -errno : 0;
}

/* Open a virtual function of somebody else's, who has told the token */
static int open_with_token(struct host *h, const char *bdf,
			   struct assigned **out)
{
	struct assigned *dev = &h->dev[h->nr];
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.flags = VFIO_DEVICE_BIND_FLAG_TOKEN,
		.iommufd = h->iommufd,
		.token_uuid_ptr = (uintptr_t)VF_TOKEN,
	};
	int err;

	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	err = vfio_open_cdev(&dev->u, bdf);
	if (err)
		return err;
	h->nr++;
	dev->u.iommufd = h->iommufd;
	dev->u.shared = true;
	err = vm_add_device(&h->vm, &dev->u);
	if (!err && ioctl(dev->u.device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		err = -errno;
	dev->u.dev_id = bind.out_devid;
	*out = dev;
	return err;
}

/*
 * The physical function is not of the set of its virtual ones: who owns it may
 * reset it, and those are in TDISP state ERROR then, to be unbound
 */
TEST_F(physical, owner_resets)
{
	struct gate *g = &self->g;
	const char *sriov = "/sys/module/vfio_pci/parameters/enable_sriov";
	struct assigned *dev;
	struct host *h = &g->other;
	char vf[32];

	/* the simulator takes note of the TDI that the reset harms */
	g->m.changed = true;
	test_ok(sim_write(sriov, "1"));
	test_ok(set_vf_token(g->u));
	test_ok(sim_pci_write(g->bdf, "sriov_numvfs", "1"));
	test_ok(sim_pci_vf(g->bdf, 0, vf, sizeof(vf)));

	test_ok(host_open(h, VM_CONFIDENTIAL));
	test_ok(open_with_token(h, vf, &dev));
	h->arch = g->h.arch;
	test_ok(host_viommu(h, dev));
	test_ok(host_vdevice(h, dev, 0x20));
	test_ok(host_run(h, dev));
	test_bind(g);
	test_err(EBUSY, reset(g->u, 0));
	test_tdi(h, dev, "RUN");

	test_unbind(g);
	test_tdi(h, dev, "RUN");
	test_ok(reset(g->u, 0));
	test_tdi(h, dev, "ERROR");
	test_cmd_unbind(h->iommufd, dev->vdevice, NULL);
	test_tdi(h, dev, "UNLOCKED");
	test_ok(host_run(h, dev));
	host_close(h);
	test_ok(sim_pci_write(g->bdf, "sriov_numvfs", "0"));
	test_ok(sim_write(sriov, "0"));
}

/* --- power ----------------------------------------------------------------------- */

static int low_power(struct vfio_user *u, bool enter)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_SET |
			 (enter ? VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY :
				  VFIO_DEVICE_FEATURE_LOW_POWER_EXIT),
	};

	return ioctl(u->device, VFIO_DEVICE_FEATURE, &feature) ? -errno : 0;
}

static int low_power_cycle(struct vfio_user *u, unsigned int none)
{
	int err = low_power(u, true);

	return err ?: low_power(u, false);
}

static int power_state(struct vfio_user *u, unsigned int state)
{
	unsigned int pos = cap(u, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	return vfio_config_write(u, pos, 2, (vfio_config_read(u, pos, 2) &
					     ~PCI_PM_CTRL_STATE_MASK) | state);
}

/* Down to it and up again */
static int power_cycle(struct vfio_user *u, unsigned int state)
{
	int err = power_state(u, state);

	return err ?: power_state(u, 0);
}

/* The same, by writes of its byte alone and of all of the register */
static int power_byte(struct vfio_user *u, unsigned int state)
{
	unsigned int pos = cap(u, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	int err = vfio_config_write(u, pos, 1, state);

	return err ?: vfio_config_write(u, pos, 1, 0);
}

static int power_dword(struct vfio_user *u, unsigned int state)
{
	unsigned int pos = cap(u, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	uint32_t was = vfio_config_read(u, pos, 4) & ~PCI_PM_CTRL_STATE_MASK;
	int err = vfio_config_write(u, pos, 4, was | state);

	return err ?: vfio_config_write(u, pos, 4, was);
}

TEST_F(gate, power)
{
	struct gate *g = &self->g;
	unsigned int state;

	test_gated(g, low_power_cycle, 0);
	for (state = 1; state <= 3; state++)
		test_gated(g, power_cycle, state);
	test_gated(g, power_byte, 3);
	test_gated(g, power_dword, 3);
	/* That it has already is no change */
	test_bind(g);
	test_ok(power_state(g->u, 0));
	test_tdi(&g->h, g->dev, "LOCKED");
}

/* It cannot be locked as it is, and can be when that has ended */
#define test_err_busy(g) _test_err_busy(_metadata, g)
static void _test_err_busy(struct __test_metadata *_metadata,
			   struct gate *g)
{
	test_err(EBUSY, bind_device(g));
	test_device(g->d, g->bdf, "unlocked");
}

TEST_F(gate, not_ready)
{
	struct gate *g = &self->g;

	test_ok(trace_begin());
	test_ok(low_power(g->u, true));
	test_err_busy(g);
	test_ok(low_power(g->u, false));
	test_ok(power_state(g->u, 3));
	test_err_busy(g);
	test_ok(power_state(g->u, 0));
	/* A virtual function has no Memory Space Enable of its own */
	if (!variant->vf) {
		test_ok(vfio_config_write(g->u, PCI_COMMAND, 2,
					  PCI_COMMAND_MASTER));
		test_err_busy(g);
	}
	/* The device was told nothing in all of this */
	ASSERT_EQ(NULL, strstr(trace_steps(g->bdf), "lock"));
	ASSERT_EQ(NULL, strstr(trace_steps(g->bdf), "ungate"));
	test_ok(vfio_set_master(g->u, true));
	test_bind(g);
	test_unbind(g);
	trace_end();
}

/* --- configuration ---------------------------------------------------------------- */

static int command_clear(struct vfio_user *u, unsigned int bits)
{
	return vfio_config_write(u, PCI_COMMAND, 2,
				 vfio_config_read(u, PCI_COMMAND, 2) & ~bits);
}

static int command_byte(struct vfio_user *u, unsigned int val)
{
	return vfio_config_write(u, PCI_COMMAND, 1, val);
}

TEST_F(gate, command)
{
	struct gate *g = &self->g;
	uint32_t command = vfio_config_read(g->u, PCI_COMMAND, 2);

	ASSERT_EQ(PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY,
		  command & (PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY));
	test_gated(g, command_clear, PCI_COMMAND_MASTER);
	test_gated(g, command_clear, PCI_COMMAND_MEMORY);
	test_gated(g, command_byte, 0);

	test_bind(g);
	ASSERT_EQ(command, vfio_config_read(g->u, PCI_COMMAND, 2));
	/* Others are the user's, in the upper byte, too, and setting both is */
	test_ok(vfio_config_write(g->u, PCI_COMMAND, 2,
				  command | PCI_COMMAND_INTX_DISABLE));
	test_ok(vfio_config_write(g->u, PCI_COMMAND + 1, 1, 0));
	test_ok(vfio_config_write(g->u, PCI_COMMAND, 2, command));
	/* Status is written as it is read: next to it nothing happens */
	test_err(EBUSY, vfio_config_write(g->u, PCI_COMMAND, 4, 0));
	ASSERT_EQ(command, vfio_config_read(g->u, PCI_COMMAND, 2));
	test_tdi(&g->h, g->dev, "LOCKED");
	ASSERT_TRUE(sim_tdi_unharmed(g->d));
}

/* Bus mastering may begin after the lock */
TEST_F(gate, late_master)
{
	struct gate *g = &self->g;

	test_ok(command_clear(g->u, PCI_COMMAND_MASTER));
	test_bind(g);
	test_ok(vfio_set_master(g->u, true));
	test_err(EBUSY, command_clear(g->u, PCI_COMMAND_MASTER));
	test_tdi(&g->h, g->dev, "LOCKED");
}

static int toggle(struct vfio_user *u, unsigned int reg, unsigned int bits)
{
	unsigned int where = cap(u, PCI_CAP_ID_EXP) + reg;

	return vfio_config_write(u, where, 2,
				 vfio_config_read(u, where, 2) ^ bits);
}

static int toggle_devctl(struct vfio_user *u, unsigned int bits)
{
	return toggle(u, PCI_EXP_DEVCTL, bits);
}

static int toggle_devctl2(struct vfio_user *u, unsigned int bits)
{
	return toggle(u, PCI_EXP_DEVCTL2, bits);
}

TEST_F(gate, device_control)
{
	struct gate *g = &self->g;

	/* Of a virtual function all but FLR is its PF's */
	if (!variant->vf) {
		test_gated(g, toggle_devctl, PCI_EXP_DEVCTL_EXT_TAG);
		test_gated(g, toggle_devctl, PCI_EXP_DEVCTL_NOSNOOP_EN);
		/* 10-Bit Tag Requester Enable */
		test_gated(g, toggle_devctl2, 1 << 12);
	}
	test_bind(g);
	test_ok(toggle_devctl(g->u, PCI_EXP_DEVCTL_CERE));
	test_ok(toggle_devctl(g->u, PCI_EXP_DEVCTL_READRQ_256B));
	test_tdi(&g->h, g->dev, "LOCKED");
	ASSERT_TRUE(sim_tdi_unharmed(g->d));
}

static int bar_move(struct vfio_user *u, unsigned int bar)
{
	unsigned int where = PCI_BASE_ADDRESS_0 + 4 * bar;

	return vfio_config_write(u, where, 4,
				 vfio_config_read(u, where, 4) ^ 0x40000000);
}

TEST_F(gate, bars)
{
	struct gate *g = &self->g;
	unsigned int where;
	uint32_t bar[6];
	unsigned int i;

	/* A virtual function's are its PF's; VFIO makes up what it writes */
	for (i = 0; i < (variant->vf ? 2 : 4); i++)
		test_gated(g, bar_move, i);

	/* What is not to be moved can be written, and not sized */
	for (i = 0; i < 6; i++)
		bar[i] = vfio_config_read(g->u, PCI_BASE_ADDRESS_0 + 4 * i, 4);
	test_bind(g);
	for (i = 0; i < 6; i++) {
		where = PCI_BASE_ADDRESS_0 + 4 * i;
		test_ok(vfio_config_write(g->u, where, 4, bar[i]));
		ASSERT_EQ(bar[i], vfio_config_read(g->u, where, 4));
	}
	test_err(EBUSY, vfio_config_write(g->u, PCI_BASE_ADDRESS_0, 4, -1));
	ASSERT_EQ(bar[0], vfio_config_read(g->u, PCI_BASE_ADDRESS_0, 4));
}

static int bist(struct vfio_user *u, unsigned int val)
{
	return vfio_config_write(u, PCI_BIST, 1, val);
}

/* It is the last byte of a register that has others */
static int bist_dword(struct vfio_user *u, unsigned int val)
{
	uint32_t was = vfio_config_read(u, PCI_CACHE_LINE_SIZE, 4);

	return vfio_config_write(u, PCI_CACHE_LINE_SIZE, 4,
				 (was & 0xffffff) | val << 24);
}

/*
 * VFIO passes what is written to it on, and a device does not forgive any write.
 * What else is written next to it does no harm.
 */
TEST_F(gate, self_test)
{
	struct gate *g = &self->g;

	test_gated(g, bist, PCI_BIST_START);
	test_gated(g, bist, 0);
	test_gated(g, bist_dword, PCI_BIST_START);
	test_gated(g, bist_dword, 0);
	test_bind(g);
	test_ok(vfio_config_write(g->u, PCI_CACHE_LINE_SIZE, 1, 0x10));
	test_ok(vfio_config_write(g->u, PCI_CACHE_LINE_SIZE, 2, 0x10));
	test_tdi(&g->h, g->dev, "LOCKED");
	ASSERT_TRUE(sim_tdi_unharmed(g->d));
}

/*
 * A ROM that is not there can neither be moved nor enabled. The device, which would
 * take any write to its register for a change, sees none.
 */
TEST_F(gate, rom)
{
	static const uint32_t vals[] = { 0, PCI_ROM_ADDRESS_ENABLE, ~0x7ff, -1 };
	struct gate *g = &self->g;
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_ROM_REGION_INDEX,
	};
	unsigned int step, i;

	for (step = 0; step < 3; step++) {
		for (i = 0; i < ARRAY_SIZE(vals); i++) {
			test_ok(vfio_config_write(g->u, PCI_ROM_ADDRESS, 4,
						  vals[i]));
			test_ok(vfio_config_write(g->u, PCI_ROM_ADDRESS, 1,
						  vals[i] & 0xff));
			ASSERT_EQ(0, vfio_config_read(g->u, PCI_ROM_ADDRESS, 4));
		}
		ASSERT_EQ(0, ioctl(g->u->device, VFIO_DEVICE_GET_REGION_INFO,
				   &info));
		ASSERT_EQ(0, info.size);
		if (step == 0) {
			test_bind(g);
		} else if (step == 1) {
			test_tdi(&g->h, g->dev, "LOCKED");
			test_start(g);
		} else {
			test_tdi(&g->h, g->dev, "RUN");
		}
	}
	ASSERT_TRUE(sim_tdi_unharmed(g->d));
}

/* A write of many registers is made or refused as a whole */
TEST_F(physical, all_or_nothing)
{
	struct gate *g = &self->g;
	off_t at = g->u->config + PCI_COMMAND;
	uint8_t was[32], val[32], now[32];

	ASSERT_EQ(sizeof(was), pread(g->u->device, was, sizeof(was), at));
	memcpy(val, was, sizeof(val));
	val[PCI_CACHE_LINE_SIZE - PCI_COMMAND] ^= 0x10;
	val[PCI_BASE_ADDRESS_2 + 3 - PCI_COMMAND] ^= 0x40;

	test_bind(g);
	ASSERT_EQ(-1, pwrite(g->u->device, val, sizeof(val), at));
	ASSERT_EQ(EBUSY, errno);
	ASSERT_EQ(sizeof(now), pread(g->u->device, now, sizeof(now), at));
	ASSERT_EQ(0, memcmp(was, now, sizeof(now)));
	test_tdi(&g->h, g->dev, "LOCKED");

	test_unbind(g);
	ASSERT_EQ(sizeof(val), pwrite(g->u->device, val, sizeof(val), at));
	ASSERT_EQ(sizeof(now), pread(g->u->device, now, sizeof(now), at));
	ASSERT_EQ(0, memcmp(val, now, sizeof(now)));
}

/* --- what nobody gets --------------------------------------------------------------- */

/*
 * Registers of a capability read as 0, whatever is in them, and nothing that is
 * written to them has an effect
 */
#define test_hidden(g, id, from, len) \
	_test_hidden(_metadata, g, id, from, len)
static void _test_hidden(struct __test_metadata *_metadata,
			 struct gate *g, unsigned int id,
			 unsigned int from, unsigned int len)
{
	int pos = sim_cfg_ext_cap(g->bdf, id);
	struct vfio_user *u = g->u;
	uint32_t was[32], now;
	unsigned int at;

	ASSERT_LT(0, pos);
	ASSERT_GE(sizeof(was), len);
	for (at = from; at < len; at += 4)
		test_ok(sim_cfg_read(g->bdf, pos + at, 4, &was[at / 4]));
	for (at = from; at < len; at += 4) {
		ASSERT_EQ(0, vfio_config_read(u, pos + at, 4));
		test_ok(vfio_config_write(u, pos + at, 4, 0));
		test_ok(vfio_config_write(u, pos + at, 4, 0xffffffff));
		test_ok(vfio_config_write(u, pos + at + 1, 1, 0x55));
		ASSERT_EQ(0, vfio_config_read(u, pos + at, 4));
		ASSERT_EQ(0, vfio_config_read(u, pos + at + 2, 2));
	}
	for (at = from; at < len; at += 4) {
		test_ok(sim_cfg_read(g->bdf, pos + at, 4, &now));
		ASSERT_EQ(was[at / 4], now);
	}
}

static bool listed(struct vfio_user *u, unsigned int id)
{
	unsigned int pos = PCI_CFG_SPACE_SIZE, loops;

	for (loops = 0; pos && loops < 64; loops++) {
		uint32_t header = vfio_config_read(u, pos, 4);

		if (PCI_EXT_CAP_ID(header) == id)
			return true;
		pos = PCI_EXT_CAP_NEXT(header);
	}
	return false;
}

/* DOE and IDE, in each state: the conversation goes on undisturbed */
TEST_F(physical, doe_and_ide)
{
	struct gate *g = &self->g;
	unsigned int step;

	ASSERT_FALSE(listed(g->u, 0x2e));
	ASSERT_FALSE(listed(g->u, 0x30));
	ASSERT_TRUE(listed(g->u, PCI_EXT_CAP_ID_DVSEC));
	for (step = 0; step < 4; step++) {
		/* The header of the first capability is made up by VFIO */
		test_hidden(g, 0x2e, 4, 0x18);
		test_hidden(g, 0x30, 0, 0xc + 20 + 12);
		if (step == 0)
			test_bind(g);
		if (step == 1)
			test_start(g);
		if (step == 2)
			test_unbind(g);
	}
	ASSERT_TRUE(sim_tdi_unharmed(g->d));
	test_ok(host_run(&g->h, g->dev));
}

int main(int argc, char **argv)
{
	return simulated_harness_run(argc, argv);
}
