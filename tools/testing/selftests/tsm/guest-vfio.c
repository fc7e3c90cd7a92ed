// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver in userspace, of an accepted function, on the loopback: a process opens
 * it by vfio-pci, gives it memory through iommufd and has it do DMA there, and
 * nothing that it or VFIO does costs the function its acceptance.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "tsm_harness.h"
#include "tsm_guest_view.h"
#include "tsm_vfio.h"

#define DRIVER	"vfio-pci"
#define BYTES	0x4000
#define IOVA	0x100000
#define CHUNK	0x1000
/* Of the Command register, while there is something to lose */
#define KEPT	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

FIXTURE(user)
{
	struct scene s;
	struct view g;
	struct vfio_user u;
	uint8_t *mem;
	char host[32];
};

FIXTURE_VARIANT(user)
{
	bool vf;
};

FIXTURE_VARIANT_ADD(user, pf) { .vf = false };
FIXTURE_VARIANT_ADD(user, vf) { .vf = true };

FIXTURE_SETUP(user)
{
	struct scene *s = &self->s;

	sim_sweep();
	vfio_init(&self->u);
	self->mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	test_ok(scene_build(s, "alpha", 1));
	test_ok(scene_connect(s));
	/* a physical function that takes no others along when it is reset */
	snprintf(self->host, sizeof(self->host), "%s",
		 variant->vf ? s->vf[0] : s->d->bdf);
	if (!variant->vf)
		self->host[strlen(self->host) - 1] = '1';
	test_ok(vmm_create(&s->v, "t", self->host, "vm0", VIEW_RID, NULL));
	test_ok(view_open(&self->g, &s->v, "g", "t", ""));
}

FIXTURE_TEARDOWN(user)
{
	vfio_close(&self->u);
	munmap(self->mem, BYTES);
	EXPECT_EQ(0, scene_strike(&self->s));
}

static int user_open(struct vfio_user *u, struct view *g, uint8_t *mem)
{
	int err = vfio_open(u, g->bdf);

	err = err ?: vfio_attach(u);
	err = err ?: vfio_map(u, mem, BYTES, IOVA, true);
	return err ?: vfio_set_master(u, true);
}

/* Through the device, from one page of the process to another */
static int moves_with(struct vfio_user *u, uint8_t *mem, uint8_t byte,
		      unsigned int tee)
{
	memset(mem, byte, CHUNK);
	memset(mem + CHUNK, ~byte, CHUNK);
	if (dma(u, DMA_IN | tee, IOVA, 0, CHUNK) != DMA_OK ||
	    dma(u, DMA_OUT | tee, IOVA + CHUNK, 0, CHUNK) != DMA_OK)
		return -EIO;
	return memcmp(mem, mem + CHUNK, CHUNK) ? -EILSEQ : 0;
}

static int moves(struct vfio_user *u, uint8_t *mem, uint8_t byte)
{
	return moves_with(u, mem, byte, DMA_TEE);
}

/* An ordinary function, which nobody has to trust */
#define test_shared(u, g, mem) _test_shared(_metadata, u, g, mem)
static void _test_shared(struct __test_metadata *_metadata, struct vfio_user *u,
			 struct view *g, uint8_t *mem)
{
	test_ok(sim_pci_driver(g->bdf, DRIVER));
	test_ok(user_open(u, g, mem));
	test_ok(moves_with(u, mem, 0x77, 0));
	/* it reaches nothing private */
	ASSERT_EQ(DMA_T_BIT, dma(u, DMA_OUT | DMA_TEE, IOVA, 0, CHUNK));
	vfio_close(u);
	test_ok(sim_pci_driver(g->bdf, NULL));
}

TEST_F(user, dma)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	struct vfio_user *u = &self->u;
	uint32_t val;
	int i;

	test_shared(u, g, self->mem);

	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, DRIVER));
	for (i = 0; i < 3; i++) {
		test_ok(user_open(u, g, self->mem));
		ASSERT_EQ(1, view_has_dma(v, "t"));
		test_ok(moves(u, self->mem, 0x11 * (i + 1)));
		/* what was not mapped it does not reach */
		ASSERT_EQ(DMA_PRIVATE_FAULT, dma(u, DMA_OUT | DMA_TEE,
						 IOVA + BYTES, 0, CHUNK));
		vfio_close(u);
		/* VFIO has cleared bus mastering: what was mapped is freed */
		ASSERT_EQ(0, view_has_dma(v, "t"));
		test_view(g, "run");
		test_state(v, "t", "RUN");
	}
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_view(g, "run");

	/* it is quiet when it is unlocked, so that it can be locked anew */
	test_ok(view_unlock(g));
	test_ok(sim_cfg_read(g->bdf, PCI_COMMAND, 2, &val));
	ASSERT_EQ(0, val & PCI_COMMAND_MASTER);
	test_shared(u, g, self->mem);
	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_view(g, "run");
	test_in_order(v, "t");
}

static bool user_is_awake(struct view *g)
{
	char text[32] = "";

	return !sim_pci_read(g->bdf, "power_state", text, sizeof(text)) &&
	       !strcmp(text, "D0");
}

/* Whatever of it would end RUN does not get there */
TEST_F(user, absorbed)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	struct vfio_user *u = &self->u;
	uint32_t val;

	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, DRIVER));
	/* nobody has opened it, so VFIO would have it sleep */
	ASSERT_FALSE(sim_wait(!user_is_awake(g), 1000));
	test_ok(user_open(u, g, self->mem));

	/* bus mastering and memory, by VFIO and by sysfs */
	test_ok(vfio_set_master(u, false));
	test_ok(vfio_config_write(u, PCI_COMMAND, 2, 0));
	test_ok(vfio_config_write(u, PCI_COMMAND, 1, 0));
	test_ok(sim_cfg_write(g->bdf, PCI_COMMAND, 2, 0));
	test_ok(sim_cfg_write(g->bdf, PCI_COMMAND, 4, 0));
	test_ok(sim_cfg_read(g->bdf, PCI_COMMAND, 2, &val));
	ASSERT_EQ(KEPT, val & KEPT);
	/* so it is there: that of a virtual function has no memory bit */
	test_ok(sim_cfg_read(self->host, PCI_COMMAND, 2, &val));
	ASSERT_EQ(variant->vf ? PCI_COMMAND_MASTER : KEPT, val & KEPT);
	test_state(v, "t", "RUN");
	test_ok(vfio_config_write(u, PCI_COMMAND, 2, PCI_COMMAND_MEMORY |
						     PCI_COMMAND_MASTER));
	test_ok(moves(u, self->mem, 0x42));

	/* resets */
	ASSERT_EQ(-1, ioctl(u->device, VFIO_DEVICE_RESET));
	test_err(EBUSY, sim_pci_write(g->bdf, "reset", "1"));
	test_state(v, "t", "RUN");
	vfio_close(u);
	test_err(EBUSY, sim_pci_write(g->bdf, "reset", "1"));
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_err(EBUSY, sim_pci_write(g->bdf, "reset", "1"));
	test_err(EBUSY, sim_pci_write(g->bdf, "enable", "0"));
	test_err(EBUSY, sim_pci_write(g->bdf, "enable", "1"));
	test_view(g, "run");
	test_state(v, "t", "RUN");

	/* an ordinary function is reset as ever, and can be had again */
	test_ok(view_unlock(g));
	test_ok(sim_pci_write(g->bdf, "reset", "1"));
	test_ok(view_lock(g));
	test_ok(view_accept(g));
}

/* A function that is lost stops in the midst of it, and its user keeps it */
TEST_F(user, lost)
{
	struct vmm *v = &self->s.v;
	struct view *g = &self->g;
	struct vfio_user *u = &self->u;

	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, DRIVER));
	test_ok(user_open(u, g, self->mem));
	test_ok(moves(u, self->mem, 0x42));
	test_cmd(v, "stop t");
	ASSERT_NE(DMA_OK, dma(u, DMA_OUT | DMA_TEE, IOVA, 0, CHUNK));
	test_view_comes_to(g, "lost");
	ASSERT_NE(DMA_OK, dma(u, DMA_OUT | DMA_TEE, IOVA, 0, CHUNK));
	vfio_close(u);
	test_ok(sim_pci_driver(g->bdf, NULL));
	test_ok(view_unlock(g));
	test_shared(u, g, self->mem);
	test_ok(view_lock(g));
	test_ok(view_accept(g));
	test_ok(sim_pci_driver(g->bdf, DRIVER));
	test_ok(user_open(u, g, self->mem));
	test_ok(moves(u, self->mem, 0x43));
}

int main(int argc, char **argv)
{
	return tsm_harness_run(argc, argv);
}
