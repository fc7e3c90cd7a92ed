// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that maps a dma-buf and does not let go of it when it is asked to:
 * /sys/kernel/debug/tsm-sim/importer. There are such drivers, which finish what
 * their hardware is doing first; this one finishes when its file is closed.
 *
 * A write of "BDF FD" maps the dma-buf, of the writer, for a function. Once for
 * each open file.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "consumer.h"

MODULE_IMPORT_NS("DMA_BUF");

/* Longest command */
#define SIM_IMPORT_BYTES	64

/**
 * struct sim_importer - an open file
 * @lock: one command at a time
 * @pdev: function that the dma-buf is mapped for, NULL if there is none
 * @buf: the dma-buf
 * @attach: its attachment
 * @sgt: its mapping
 */
struct sim_importer {
	struct mutex lock;
	struct pci_dev *pdev;
	struct dma_buf *buf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
};

static void sim_importer_invalidate(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_attach_ops sim_importer_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = sim_importer_invalidate,
};

static int sim_importer_map(struct sim_importer *imp, struct pci_dev *pdev,
			    struct dma_buf *buf)
{
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	attach = dma_buf_dynamic_attach(buf, &pdev->dev, &sim_importer_ops,
					imp);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		dma_buf_detach(buf, attach);
		return PTR_ERR(sgt);
	}

	imp->attach = attach;
	imp->sgt = sgt;
	return 0;
}

static struct pci_dev *sim_importer_pdev(const char *bdf)
{
	struct device *dev = bus_find_device_by_name(&pci_bus_type, NULL, bdf);

	return dev ? to_pci_dev(dev) : NULL;
}

static int sim_importer_import(struct sim_importer *imp, const char *bdf,
			       int fd)
{
	struct pci_dev *pdev;
	struct dma_buf *buf;
	int rc;

	pdev = sim_importer_pdev(bdf);
	if (!pdev)
		return -ENODEV;

	buf = dma_buf_get(fd);
	if (IS_ERR(buf)) {
		pci_dev_put(pdev);
		return PTR_ERR(buf);
	}

	rc = sim_importer_map(imp, pdev, buf);
	if (rc) {
		dma_buf_put(buf);
		pci_dev_put(pdev);
		return rc;
	}

	imp->pdev = pdev;
	imp->buf = buf;
	return 0;
}

static ssize_t sim_importer_write(struct file *file, const char __user *ubuf,
				  size_t len, loff_t *pos)
{
	struct sim_importer *imp = file->private_data;
	char cmd[SIM_IMPORT_BYTES], bdf[32];
	int fd, rc;

	if (len >= sizeof(cmd))
		return -EINVAL;
	if (copy_from_user(cmd, ubuf, len))
		return -EFAULT;
	cmd[len] = '\0';
	if (sscanf(cmd, "%31s %d", bdf, &fd) != 2)
		return -EINVAL;

	guard(mutex)(&imp->lock);
	if (imp->pdev)
		return -EBUSY;
	rc = sim_importer_import(imp, bdf, fd);
	return rc ?: len;
}

static int sim_importer_open(struct inode *inode, struct file *file)
{
	struct sim_importer *imp = kzalloc_obj(*imp);

	if (!imp)
		return -ENOMEM;
	mutex_init(&imp->lock);
	file->private_data = imp;
	return 0;
}

static int sim_importer_release(struct inode *inode, struct file *file)
{
	struct sim_importer *imp = file->private_data;

	if (imp->pdev) {
		dma_buf_unmap_attachment_unlocked(imp->attach, imp->sgt,
						  DMA_BIDIRECTIONAL);
		dma_buf_detach(imp->buf, imp->attach);
		dma_buf_put(imp->buf);
		pci_dev_put(imp->pdev);
	}
	mutex_destroy(&imp->lock);
	kfree(imp);
	return 0;
}

static const struct file_operations sim_importer_fops = {
	.owner = THIS_MODULE,
	.open = sim_importer_open,
	.write = sim_importer_write,
	.release = sim_importer_release,
};

/**
 * sim_importer_init() - show up in debugfs
 * @dir: the simulator's directory there
 */
void sim_importer_init(struct dentry *dir)
{
	debugfs_create_file("importer", 0600, dir, NULL, &sim_importer_fops);
}
