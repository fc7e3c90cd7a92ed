// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of dma-bufs of VFIO PCI devices: a function without hardware, and an
 * importer that maps on demand, as KVM does, and says what it was told.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci-tdi.h>
#include <linux/pci-tdi-report.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_priv.h"

#define BAR_START	0x100000000000ULL
#define BAR_PAGES	64
/* Pages of the BAR that a lock leaves shared, and that the report leaves out */
#define SHARED_FIRST	16
#define SHARED_END	24
#define UNKNOWN_FIRST	48

/**
 * struct dmabuf_test - a function and its user
 * @vdev: the function, with one BAR, and memory that is always enabled
 * @pdev: its PCI device
 * @provider: owner of its memory
 * @file: for the address space that its user maps it in
 * @symbol: how an importer asks
 */
struct dmabuf_test {
	struct vfio_pci_core_device vdev;
	struct pci_dev pdev;
	struct p2pdma_provider provider;
	struct file *file;
	typeof(vfio_pci_dma_buf_kvm_map) *symbol;
};

/**
 * struct importer - who maps a dma-buf on demand
 * @attach: his attachment, or NULL
 * @mapped: he has a page of it mapped
 * @told: how often he was told to invalidate
 */
struct importer {
	struct dma_buf_attachment *attach;
	bool mapped;
	unsigned int told;
};

static void importer_invalidate(struct dma_buf_attachment *attach)
{
	struct importer *importer = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	importer->mapped = false;
	importer->told++;
}

static const struct dma_buf_attach_ops importer_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = importer_invalidate,
};

static const struct dma_buf_attach_ops importer_without_p2p_ops = {
	.invalidate_mappings = importer_invalidate,
};

/* Two VMs, of which only the addresses count */
static u8 vms[2] __aligned(8);

static struct kvm *vm(unsigned int nr)
{
	return (struct kvm *)&vms[nr];
}

static int test_get_phys(struct vfio_pci_core_device *vdev,
			 struct p2pdma_provider **provider,
			 unsigned int region_index, struct phys_vec *phys_vec,
			 struct vfio_region_dma_range *dma_ranges,
			 size_t nr_ranges)
{
	struct dmabuf_test *t = container_of(vdev, struct dmabuf_test, vdev);

	*provider = &t->provider;
	return vfio_pci_core_fill_phys_vec(phys_vec, dma_ranges, nr_ranges,
					   BAR_START, BAR_PAGES * PAGE_SIZE);
}

static const struct vfio_pci_device_ops test_pci_ops = {
	.get_dmabuf_phys = test_get_phys,
};

static int dmabuf_test_init(struct kunit *test)
{
	struct dmabuf_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct vfio_pci_core_device *vdev;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->file = shmem_file_setup("vfio-pci-dmabuf-test", 0, EMPTY_VMA_FLAGS);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->file);
	/* KVM's, and it alone is to link to it */
	t->symbol = symbol_get(vfio_pci_dma_buf_kvm_map);
	KUNIT_ASSERT_NOT_NULL(test, t->symbol);

	t->pdev.current_state = PCI_D0;
	t->pdev.no_command_memory = 1;
	t->pdev.resource[0] = DEFINE_RES_MEM(BAR_START, BAR_PAGES * PAGE_SIZE);
	t->provider.owner = &t->pdev.dev;

	vdev = &t->vdev;
	vdev->pdev = &t->pdev;
	vdev->pci_ops = &test_pci_ops;
	vdev->barmap[0] = (void __iomem *)1;
	vdev->vconfig = kunit_kzalloc(test, PCI_CFG_SPACE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vdev->vconfig);
	vdev->vdev.inode = file_inode(t->file);
	refcount_set(&vdev->vdev.refcount, 1);
	init_completion(&vdev->vdev.comp);
	mutex_init(&vdev->igate);
	init_rwsem(&vdev->memory_lock);
	INIT_LIST_HEAD(&vdev->dmabufs);
	vfio_pci_tsm_init(vdev);
	return 0;
}

static void dmabuf_test_exit(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	if (!t)
		return;
	/* also what is put in the background */
	flush_delayed_fput();
	if (t->vdev.pdev) {
		KUNIT_EXPECT_TRUE(test, list_empty(&t->vdev.dmabufs));
		KUNIT_EXPECT_EQ(test, 1, refcount_read(&t->vdev.vdev.refcount));
	}
	if (t->symbol)
		symbol_put(vfio_pci_dma_buf_kvm_map);
	if (!IS_ERR_OR_NULL(t->file))
		fput(t->file);
}

/* --- what a test does ----------------------------------------------------------- */

/* A dma-buf of ranges of the BAR, in pages; or the error */
static struct dma_buf *export(struct kunit *test,
			      const struct vfio_region_dma_range *pages,
			      unsigned int nr)
{
	struct dmabuf_test *t = test->priv;
	struct vfio_device_feature_dma_buf __user *user;
	struct vfio_device_feature_dma_buf get = {
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = nr,
	};
	struct dma_buf *buf;
	unsigned long mem;
	int fd;

	mem = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, 0, mem);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(mem));
	user = (void __user *)mem;
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(user, &get, sizeof(get)));
	for (unsigned int i = 0; i < nr; i++) {
		struct vfio_region_dma_range range = {
			.offset = pages[i].offset * PAGE_SIZE,
			.length = pages[i].length * PAGE_SIZE,
		};

		KUNIT_ASSERT_EQ(test, 0, copy_to_user(&user->dma_ranges[i],
						      &range, sizeof(range)));
	}

	fd = vfio_pci_core_feature_dma_buf(&t->vdev, VFIO_DEVICE_FEATURE_GET,
					   user, PAGE_SIZE);
	if (fd < 0)
		return ERR_PTR(fd);
	buf = dma_buf_get(fd);
	close_fd(fd);
	return buf;
}

static struct dma_buf *export_bar(struct kunit *test)
{
	struct vfio_region_dma_range all = { .length = BAR_PAGES };
	struct dma_buf *buf = export(test, &all, 1);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buf);
	return buf;
}

static void attach(struct kunit *test, struct dma_buf *buf,
		   struct importer *importer)
{
	struct dmabuf_test *t = test->priv;

	importer->attach = dma_buf_dynamic_attach(buf, &t->pdev.dev,
						  &importer_ops, importer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, importer->attach);
}

static void detach(struct dma_buf *buf, struct importer *importer)
{
	dma_buf_detach(buf, importer->attach);
	importer->attach = NULL;
	importer->mapped = false;
}

/* Ask for @page of the dma-buf; @first and @nr: the pages of the BAR around it */
static int ask(struct kunit *test, struct importer *importer, unsigned int nr_vm,
	       bool private, unsigned int page, u64 *first, u64 *nr, u64 *start)
{
	struct dma_buf_attachment *attach = importer->attach;
	struct dmabuf_test *t = test->priv;
	u64 offset = page * PAGE_SIZE;
	struct phys_vec phys;
	int ret;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	ret = t->symbol(attach->dmabuf, vm(nr_vm), private, &offset, &phys);
	importer->mapped |= !ret;
	dma_resv_unlock(attach->dmabuf->resv);
	if (!ret) {
		*first = (phys.paddr - BAR_START) / PAGE_SIZE;
		*nr = phys.len / PAGE_SIZE;
		*start = offset / PAGE_SIZE;
	}
	return ret;
}

static int map(struct kunit *test, struct importer *importer,
	       unsigned int nr_vm, bool private, unsigned int page)
{
	u64 first, nr, start;

	return ask(test, importer, nr_vm, private, page, &first, &nr, &start);
}

/* The memory is disabled, or enabled again */
static void move(struct kunit *test, bool disable)
{
	struct dmabuf_test *t = test->priv;

	guard(rwsem_write)(&t->vdev.memory_lock);
	vfio_pci_dma_buf_move(&t->vdev, disable);
}

/* --- shared ---------------------------------------------------------------------- */

enum step { ATTACH, MAP, REVOKE, RETURN, DETACH, NR_STEPS };

#define DEPTH	6

/* One of all orders of steps, as far as each is possible; then all is undone */
static void one_order(struct kunit *test, struct dma_buf *buf,
		      const enum step *steps)
{
	struct importer importer = {};
	bool revoked = false;

	for (int i = 0; i < DEPTH; i++) {
		unsigned int told = importer.told;

		switch (steps[i]) {
		case ATTACH:
			if (!importer.attach)
				attach(test, buf, &importer);
			break;
		case MAP:
			if (!importer.attach)
				break;
			KUNIT_ASSERT_EQ(test, revoked ? -ENODEV : 0,
					map(test, &importer, 0, false, i));
			KUNIT_ASSERT_EQ(test, !revoked, importer.mapped);
			KUNIT_ASSERT_EQ(test, -EPERM, revoked ? -EPERM :
					map(test, &importer, 0, true, i));
			break;
		case REVOKE:
			move(test, true);
			if (importer.attach)
				KUNIT_ASSERT_EQ(test, told + !revoked,
						importer.told);
			KUNIT_ASSERT_FALSE(test, importer.mapped);
			revoked = true;
			break;
		case RETURN:
			move(test, false);
			if (importer.attach)
				KUNIT_ASSERT_EQ(test, told + revoked,
						importer.told);
			revoked = false;
			break;
		case DETACH:
			if (importer.attach)
				detach(buf, &importer);
			break;
		default:
			break;
		}
	}

	if (importer.attach)
		detach(buf, &importer);
	move(test, false);
}

static void every_order(struct kunit *test)
{
	struct dma_buf *buf = export_bar(test);
	enum step steps[DEPTH];
	unsigned int nr = 1;

	for (int i = 0; i < DEPTH; i++)
		nr *= NR_STEPS;
	for (unsigned int order = 0; order < nr; order++) {
		unsigned int rest = order;

		for (int i = 0; i < DEPTH; i++) {
			steps[i] = rest % NR_STEPS;
			rest /= NR_STEPS;
		}
		one_order(test, buf, steps);
		cond_resched();
	}
	dma_buf_put(buf);
}

static void ranges(struct kunit *test)
{
	static const struct vfio_region_dma_range pages[] = {
		{ .offset = 8, .length = 4 },
		{ .offset = 0, .length = 1 },
		{ .offset = 12, .length = 16 },
	};
	struct importer importer = {};
	struct dma_buf *buf;
	u64 first, nr, start;

	buf = export(test, pages, ARRAY_SIZE(pages));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buf);
	attach(test, buf, &importer);
	for (unsigned int page = 0; page < 21; page++) {
		int i = page < 4 ? 0 : page < 5 ? 1 : 2;

		KUNIT_ASSERT_EQ(test, 0, ask(test, &importer, 0, false, page,
					     &first, &nr, &start));
		KUNIT_EXPECT_EQ(test, pages[i].offset, first);
		KUNIT_EXPECT_EQ(test, pages[i].length, nr);
		KUNIT_EXPECT_EQ(test, i == 0 ? 0 : i == 1 ? 4 : 5, start);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, map(test, &importer, 0, false, 21));
	detach(buf, &importer);
	dma_buf_put(buf);
}

/* Who cannot reach it, and whose it is not */
static void strangers(struct kunit *test)
{
	static const struct dma_buf_ops no_ops = {};
	struct dma_buf other = { .ops = &no_ops };
	struct dmabuf_test *t = test->priv;
	struct dma_buf *buf = export_bar(test);
	struct phys_vec phys;
	struct dma_resv resv;
	u64 offset = 0;

	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EOPNOTSUPP),
			    dma_buf_dynamic_attach(buf, &t->pdev.dev,
						   &importer_without_p2p_ops,
						   NULL));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EOPNOTSUPP),
			    dma_buf_attach(buf, &t->pdev.dev));
	dma_buf_put(buf);

	dma_resv_init(&resv);
	other.resv = &resv;
	dma_resv_lock(&resv, NULL);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			t->symbol(&other, vm(0), false, &offset, &phys));
	dma_resv_unlock(&resv);
	dma_resv_fini(&resv);
}

/* The function is closed: it stays revoked, whoever goes first */
static void closed(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;
	struct dma_buf *buf = export_bar(test);
	struct importer importer = {}, late = {};

	attach(test, buf, &importer);
	KUNIT_EXPECT_EQ(test, 0, map(test, &importer, 0, false, 0));
	vfio_pci_dma_buf_cleanup(&t->vdev);
	KUNIT_EXPECT_FALSE(test, importer.mapped);
	KUNIT_EXPECT_EQ(test, -ENODEV, map(test, &importer, 0, false, 0));
	move(test, false);
	KUNIT_EXPECT_EQ(test, -ENODEV, map(test, &importer, 0, false, 0));
	attach(test, buf, &late);
	KUNIT_EXPECT_EQ(test, -ENODEV, map(test, &late, 0, false, 0));
	detach(buf, &late);
	detach(buf, &importer);
	dma_buf_put(buf);
}

/* --- locked for a VM ------------------------------------------------------------- */

static int gate(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	return vfio_pci_tsm_host_ops.gate(&t->vdev);
}

static int tell_ranges(struct kunit *test, unsigned int nr_vm)
{
	static const struct pci_tdi_range parts[] = {
		{ .len = 8 * PAGE_SIZE },
		{ .offset = 8 * PAGE_SIZE,
		  .len = (SHARED_FIRST - 8) * PAGE_SIZE },
		{ .offset = SHARED_FIRST * PAGE_SIZE,
		  .len = (SHARED_END - SHARED_FIRST) * PAGE_SIZE,
		  .attrs = PCI_TDI_RANGE_NON_TEE },
		{ .offset = SHARED_END * PAGE_SIZE,
		  .len = (UNKNOWN_FIRST - SHARED_END) * PAGE_SIZE },
	};
	struct dmabuf_test *t = test->priv;
	struct pci_tdi_report *report;

	report = kunit_kzalloc(test, struct_size(report, ranges,
						 ARRAY_SIZE(parts)), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, report);
	report->nr_ranges = ARRAY_SIZE(parts);
	report->bar_len[0] = BAR_PAGES * PAGE_SIZE;
	memcpy(report->ranges, parts, sizeof(parts));
	return vfio_pci_tsm_host_ops.ranges(&t->vdev, vm(nr_vm), report);
}

static void revoke(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	vfio_pci_tsm_host_ops.revoke(&t->vdev);
}

static void ungate(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	vfio_pci_tsm_host_ops.ungate(&t->vdev);
}

/* Each page, in each way, for each VM: @owner is that of private pages, or -1 */
static void expect_locked(struct kunit *test, struct importer *importer,
			  int owner)
{
	for (unsigned int page = 0; page < BAR_PAGES; page++) {
		bool shared = page >= SHARED_FIRST && page < SHARED_END;
		bool known = page < UNKNOWN_FIRST;
		u64 first, nr, start;

		for (int i = 0; i < 2; i++) {
			KUNIT_EXPECT_EQ(test, shared ? 0 : -EPERM,
					map(test, importer, i, false, page));
			KUNIT_EXPECT_EQ(test, !shared && known && i == owner ?
					0 : -EPERM,
					map(test, importer, i, true, page));
		}
		if (!shared && (!known || owner < 0))
			continue;

		/* All that is alike, and no more, however it was reported */
		KUNIT_ASSERT_EQ(test, 0, ask(test, importer, max(owner, 0),
					     !shared, page, &first, &nr,
					     &start));
		KUNIT_EXPECT_EQ(test, page < SHARED_FIRST ? 0 :
				page < SHARED_END ? SHARED_FIRST : SHARED_END,
				first);
		KUNIT_EXPECT_EQ(test, page < SHARED_FIRST ? SHARED_FIRST :
				page < SHARED_END ? SHARED_END :
				UNKNOWN_FIRST, first + nr);
		KUNIT_EXPECT_EQ(test, first, start);
	}
}

static void locked(struct kunit *test)
{
	static const struct vfio_region_dma_range only_shared = {
		.offset = SHARED_FIRST,
		.length = SHARED_END - SHARED_FIRST,
	};
	struct importer importer = {}, other = {}, late = {};
	struct dma_buf *buf = export_bar(test);
	struct dma_buf *shared = export(test, &only_shared, 1);
	struct dma_buf *late_buf;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, shared);
	attach(test, buf, &importer);
	attach(test, shared, &other);
	KUNIT_EXPECT_EQ(test, 0, map(test, &other, 0, false, 0));
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 0, map(test, &importer, i, false, 0));
		KUNIT_EXPECT_EQ(test, -EPERM, map(test, &importer, i, true, 0));

		/* Whoever is there stays until it is known */
		KUNIT_ASSERT_EQ(test, 0, gate(test));
		KUNIT_EXPECT_TRUE(test, importer.mapped);
		KUNIT_EXPECT_EQ(test, -EBUSY, map(test, &importer, i, false, 0));
		KUNIT_EXPECT_EQ(test, -EBUSY, map(test, &importer, i, true, 0));

		KUNIT_ASSERT_EQ(test, 0, tell_ranges(test, i));
		KUNIT_EXPECT_FALSE(test, importer.mapped);
		expect_locked(test, &importer, i);
		late_buf = export_bar(test);
		attach(test, late_buf, &late);
		expect_locked(test, &late, i);
		KUNIT_EXPECT_EQ(test, -EPERM, map(test, &other, i, true, 0));

		revoke(test);
		KUNIT_EXPECT_FALSE(test, importer.mapped);
		KUNIT_EXPECT_FALSE(test, late.mapped);
		expect_locked(test, &importer, -1);
		/* What is shared, and nothing else, was never touched */
		KUNIT_EXPECT_EQ(test, 0, other.told);
		KUNIT_EXPECT_TRUE(test, other.mapped);

		ungate(test);
		KUNIT_EXPECT_FALSE(test, importer.mapped);
		KUNIT_EXPECT_EQ(test, 0, map(test, &importer, i, false, 0));
		KUNIT_EXPECT_EQ(test, 0, map(test, &importer, i, false,
					     UNKNOWN_FIRST));
		detach(late_buf, &late);
		dma_buf_put(late_buf);
	}
	detach(buf, &importer);
	detach(shared, &other);
	dma_buf_put(buf);
	dma_buf_put(shared);
}

/* A lock that failed: nothing was ever the VM's */
static void lock_fails(struct kunit *test)
{
	struct dma_buf *buf = export_bar(test);
	struct importer importer = {};

	attach(test, buf, &importer);
	KUNIT_EXPECT_EQ(test, 0, map(test, &importer, 0, false, 0));
	KUNIT_ASSERT_EQ(test, 0, gate(test));
	ungate(test);
	KUNIT_EXPECT_TRUE(test, importer.mapped);
	KUNIT_EXPECT_EQ(test, 0, importer.told);
	KUNIT_EXPECT_EQ(test, 0, map(test, &importer, 0, false, 0));
	KUNIT_EXPECT_EQ(test, -EPERM, map(test, &importer, 0, true, 0));
	detach(buf, &importer);
	dma_buf_put(buf);
}

/* It cannot be stopped: nobody has anything of it, until it is reset and closed */
static void quarantined(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;
	struct dma_buf *buf = export_bar(test);
	struct importer importer = {};

	attach(test, buf, &importer);
	KUNIT_ASSERT_EQ(test, 0, gate(test));
	KUNIT_ASSERT_EQ(test, 0, tell_ranges(test, 0));
	KUNIT_EXPECT_EQ(test, 0, map(test, &importer, 0, true, 0));
	vfio_pci_tsm_host_ops.event(&t->vdev, PCI_TDI_EVENT_QUARANTINED);
	KUNIT_EXPECT_FALSE(test, importer.mapped);
	KUNIT_EXPECT_EQ(test, -ENODEV, map(test, &importer, 0, true, 0));
	KUNIT_EXPECT_EQ(test, -ENODEV, map(test, &importer, 0, false,
					   SHARED_FIRST));
	move(test, false);
	KUNIT_EXPECT_EQ(test, -ENODEV, map(test, &importer, 0, true, 0));
	detach(buf, &importer);
	dma_buf_put(buf);
}

static struct kunit_case dmabuf_cases[] = {
	KUNIT_CASE_SLOW(every_order),
	KUNIT_CASE(ranges),
	KUNIT_CASE(strangers),
	KUNIT_CASE(closed),
	KUNIT_CASE(locked),
	KUNIT_CASE(lock_fails),
	KUNIT_CASE(quarantined),
	{}
};

static struct kunit_suite dmabuf_suite = {
	.name = "vfio-pci-dmabuf",
	.init = dmabuf_test_init,
	.exit = dmabuf_test_exit,
	.test_cases = dmabuf_cases,
};

kunit_test_suite(dmabuf_suite);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of dma-bufs of VFIO PCI devices");
MODULE_LICENSE("GPL");
