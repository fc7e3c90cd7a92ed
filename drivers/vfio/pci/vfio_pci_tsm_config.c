// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that are TDIs: the registers of config space that no user gets, and
 * the writes that are refused while a function is locked for a VM.
 */
#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "vfio_pci_priv.h"

/* --- hidden registers -------------------------------------------------------------- */

/* Can the device, through this function or for it, be connected with a TSM? */
static bool vfio_pci_tsm_capable(struct pci_dev *pdev)
{
	return pdev->devcap & PCI_EXP_DEVCAP_TEE || is_pci_tsm_pf0(pdev);
}

/* What has no owner, and would be accessed raw; a capability in its place stays */
static void vfio_pci_tsm_hide(struct vfio_pci_core_device *vdev,
			      unsigned int pos, unsigned int len)
{
	unsigned int end = min_t(unsigned int, pos + len, vdev->pdev->cfg_size);

	for (; pos < end; pos++) {
		if (vdev->pci_config_map[pos] == PCI_CAP_ID_INVALID)
			vdev->pci_config_map[pos] = PCI_CAP_ID_HIDDEN;
	}
}

/* PCIe r7.0 section 7.9.26: each block says how long it is */
static unsigned int vfio_pci_tsm_ide_len(struct pci_dev *pdev,
					 unsigned int pos)
{
	unsigned int len = PCI_IDE_LINK_STREAM_0, nr;
	u32 val;

	if (pci_read_config_dword(pdev, pos + PCI_IDE_CAP, &val))
		return pdev->cfg_size - pos;
	if (val & PCI_IDE_CAP_LINK)
		len += (1 + FIELD_GET(PCI_IDE_CAP_LINK_TC_NUM, val)) *
		       PCI_IDE_LINK_BLOCK_SIZE;
	if (!(val & PCI_IDE_CAP_SELECTIVE))
		return len;

	nr = 1 + FIELD_GET(PCI_IDE_CAP_SEL_NUM, val);
	while (nr-- && pos + len < pdev->cfg_size) {
		if (pci_read_config_dword(pdev, pos + len + PCI_IDE_SEL_CAP,
					  &val))
			return pdev->cfg_size - pos;
		len += PCI_IDE_SEL_BLOCK_SIZE(FIELD_GET(PCI_IDE_SEL_CAP_ASSOC_NUM,
							val));
	}

	return len;
}

/**
 * vfio_pci_tsm_hide_caps() - keep DOE and IDE registers from the user
 * @vdev: function whose config space is being set up
 *
 * Both are the host's: it talks to the device through the one, and protects its
 * link by the other, for this function and for others. They are not among the
 * capabilities that a user sees, but what is in none is otherwise given to it
 * as it is. Hidden, it reads as 0 and is not written.
 */
void vfio_pci_tsm_hide_caps(struct vfio_pci_core_device *vdev)
{
	struct pci_dev *pdev = vdev->pdev;
	u16 pos = 0;

	if (!vdev->extended_caps || !vfio_pci_tsm_capable(pdev))
		return;

	while ((pos = pci_find_next_ext_capability(pdev, pos,
						   PCI_EXT_CAP_ID_DOE)))
		vfio_pci_tsm_hide(vdev, pos, PCI_DOE_CAP_SIZEOF);

	pos = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_IDE);
	if (pos)
		vfio_pci_tsm_hide(vdev, pos, vfio_pci_tsm_ide_len(pdev, pos));
}

/* --- refused writes ----------------------------------------------------------------- */

/*
 * A write to a register of 32 bits, of some of its bytes: @val counts where
 * @mask has bits. Which of them a TDI does not survive: PCIe r7.0 section 11.2.6.
 */
struct vfio_pci_tsm_write {
	struct vfio_pci_core_device *vdev;
	unsigned int where;
	u32 val;
	u32 mask;
};

static u32 vfio_pci_tsm_reg(const struct vfio_pci_tsm_write *w)
{
	u32 val;

	return pci_read_config_dword(w->vdev->pdev, w->where, &val) ? ~0 : val;
}

static bool vfio_pci_tsm_sets(const struct vfio_pci_tsm_write *w, u32 bits)
{
	return w->val & w->mask & bits;
}

static bool vfio_pci_tsm_changes(const struct vfio_pci_tsm_write *w, u32 bits)
{
	return bits & w->mask && (vfio_pci_tsm_reg(w) ^ w->val) & w->mask & bits;
}

/* Memory Space Enable is the one that the user sees, which a VF has too */
static bool vfio_pci_tsm_command_write(const struct vfio_pci_tsm_write *w)
{
	u16 virt = get_unaligned_le16(w->vdev->vconfig + PCI_COMMAND);
	u32 cmd = (vfio_pci_tsm_reg(w) & PCI_COMMAND_MASTER) |
		  (virt & PCI_COMMAND_MEMORY);

	return cmd & w->mask & ~w->val;
}

/* Bits of an address, in the register that a BAR, or its upper half, is */
static u32 vfio_pci_tsm_bar_bits(struct pci_dev *pdev, unsigned int bar)
{
	u64 len = pci_resource_len(pdev, bar);

	if (len)
		return -len;
	if (!bar || !(pci_resource_flags(pdev, bar - 1) & IORESOURCE_MEM_64))
		return 0;

	len = pci_resource_len(pdev, bar - 1);
	return -len >> 32;
}

/* What a user writes never gets to the device; but the VM's BARs are not moved */
static bool vfio_pci_tsm_bar_write(const struct vfio_pci_tsm_write *w)
{
	u32 virt = get_unaligned_le32(w->vdev->vconfig + w->where), bits;
	struct pci_dev *pdev = w->vdev->pdev;

	if (w->where == PCI_ROM_ADDRESS) {
		if (!pci_resource_len(pdev, PCI_ROM_RESOURCE))
			return false;
		bits = -pci_resource_len(pdev, PCI_ROM_RESOURCE) |
		       PCI_ROM_ADDRESS_ENABLE;
	} else {
		bits = vfio_pci_tsm_bar_bits(pdev,
					     (w->where - PCI_BASE_ADDRESS_0) / 4);
	}

	return (virt ^ w->val) & w->mask & bits;
}

/* All but FLR and a few status bits of a VF's are its PF's */
static bool vfio_pci_tsm_exp_write(const struct vfio_pci_tsm_write *w)
{
	struct pci_dev *pdev = w->vdev->pdev;

	switch (w->where - pdev->pcie_cap) {
	case PCI_EXP_DEVCTL:
		return vfio_pci_tsm_sets(w, PCI_EXP_DEVCTL_BCR_FLR) ||
		       (!pdev->is_virtfn &&
			vfio_pci_tsm_changes(w, PCI_EXP_DEVCTL_EXT_TAG |
						PCI_EXP_DEVCTL_NOSNOOP_EN));
	case PCI_EXP_DEVCTL2:
		/* 10-Bit Tag Requester Enable */
		return !pdev->is_virtfn && vfio_pci_tsm_changes(w, BIT(12));
	default:
		return false;
	}
}

static bool vfio_pci_tsm_af_write(const struct vfio_pci_tsm_write *w)
{
	u8 pos = pci_find_capability(w->vdev->pdev, PCI_CAP_ID_AF);

	return pos && w->where == pos + PCI_AF_CTRL &&
	       vfio_pci_tsm_sets(w, PCI_AF_CTRL_FLR);
}

/* Capabilities that are not virtualized, and are written raw for that reason */
static bool vfio_pci_tsm_raw_write(const struct vfio_pci_tsm_write *w)
{
	static const struct {
		u16 id;
		u16 len;
	} raw[] = {
		{ PCI_EXT_CAP_ID_PASID, 8 },
		{ PCI_EXT_CAP_ID_VF_REBAR, 4 + 8 * PCI_STD_NUM_BARS },
		{ PCI_EXT_CAP_ID_DEV3, PCI_DEV3_STA },
	};

	if (w->vdev->pci_config_map[w->where] != PCI_CAP_ID_INVALID)
		return false;

	for (int i = 0; i < ARRAY_SIZE(raw); i++) {
		u16 pos = pci_find_ext_capability(w->vdev->pdev, raw[i].id);

		if (pos && w->where >= pos && w->where < pos + raw[i].len &&
		    vfio_pci_tsm_changes(w, ~0))
			return true;
	}

	return false;
}

/* Enhanced Allocation (PCIe r7.0 section 7.8.5): BARs of fixed places */
static bool vfio_pci_tsm_ea_write(const struct vfio_pci_tsm_write *w)
{
	struct pci_dev *pdev = w->vdev->pdev;
	u8 pos, entries;

	pos = pci_find_capability(pdev, PCI_CAP_ID_EA);
	if (!pos || w->where < pos ||
	    pci_read_config_byte(pdev, pos + PCI_EA_NUM_ENT, &entries))
		return false;

	/* an entry has at most 5 registers */
	return w->where < pos + PCI_EA_FIRST_ENT +
			  (entries & PCI_EA_NUM_ENT_MASK) * 5 * 4 &&
	       w->vdev->pci_config_map[w->where] == PCI_CAP_ID_INVALID &&
	       vfio_pci_tsm_changes(w, ~0);
}

static bool vfio_pci_tsm_breaks(const struct vfio_pci_tsm_write *w)
{
	struct pci_dev *pdev = w->vdev->pdev;

	switch (w->where) {
	case PCI_COMMAND:
		return vfio_pci_tsm_command_write(w);
	case PCI_CACHE_LINE_SIZE:
		/* BIST, its last byte: any write gets to the device, and counts */
		return w->mask & GENMASK(31, 24);
	case PCI_BASE_ADDRESS_0 ... PCI_BASE_ADDRESS_5:
	case PCI_ROM_ADDRESS:
		return vfio_pci_tsm_bar_write(w);
	}

	/* a function that is locked is in D0 */
	if (pdev->pm_cap && w->where == pdev->pm_cap + PCI_PM_CTRL)
		return vfio_pci_tsm_sets(w, PCI_PM_CTRL_STATE_MASK);

	return vfio_pci_tsm_exp_write(w) || vfio_pci_tsm_af_write(w) ||
	       vfio_pci_tsm_raw_write(w) || vfio_pci_tsm_ea_write(w);
}

static int vfio_pci_tsm_check_write(struct vfio_pci_core_device *vdev,
				    unsigned int pos, size_t count, __le32 val)
{
	unsigned int shift = 8 * (pos & 3);
	const struct vfio_pci_tsm_write w = {
		.vdev = vdev,
		.where = pos & ~3,
		.val = le32_to_cpu(val) << shift,
		.mask = GENMASK(8 * count - 1, 0) << shift,
	};

	return vfio_pci_tsm_check(vdev) && vfio_pci_tsm_breaks(&w) ? -EBUSY : 0;
}

/**
 * vfio_pci_tsm_config_begin() - may the user write to a register?
 * @vdev: the function
 * @pos: offset in config space
 * @count: bytes, none of them beyond the register of 32 bits that @pos is in
 * @val: what is to be written
 *
 * Context: May sleep. If 0 is returned, vfio_pci_tsm_config_end() has to follow
 * the write; the function is not locked meanwhile.
 *
 * Return:
 * * %0		- it may
 * * %-EBUSY	- the function is locked, and would be in TDISP state ERROR
 */
int vfio_pci_tsm_config_begin(struct vfio_pci_core_device *vdev,
			      unsigned int pos, size_t count, __le32 val)
{
	int ret;

	down_read(&vdev->tsm.config_lock);
	ret = vfio_pci_tsm_check_write(vdev, pos, count, val);
	if (ret)
		up_read(&vdev->tsm.config_lock);

	return ret;
}

/**
 * vfio_pci_tsm_config_end() - what was begun has ended
 * @vdev: the function
 *
 * Context: After vfio_pci_tsm_config_begin() or vfio_pci_tsm_rom_begin().
 */
void vfio_pci_tsm_config_end(struct vfio_pci_core_device *vdev)
{
	up_read(&vdev->tsm.config_lock);
}

/**
 * vfio_pci_tsm_rom_begin() - may the ROM be read?
 * @vdev: the function
 *
 * To read it means to write to its BAR.
 *
 * Context: May sleep. As for vfio_pci_tsm_config_begin().
 *
 * Return: 0, or %-EBUSY: the function is locked
 */
int vfio_pci_tsm_rom_begin(struct vfio_pci_core_device *vdev)
{
	int ret;

	down_read(&vdev->tsm.config_lock);
	ret = pci_resource_start(vdev->pdev, PCI_ROM_RESOURCE) ?
	      vfio_pci_tsm_check(vdev) : 0;
	if (ret)
		up_read(&vdev->tsm.config_lock);

	return ret;
}

/**
 * vfio_pci_tsm_config_check() - may the user write to all of these registers?
 * @vdev: the function
 * @buf: what is to be written
 * @count: bytes
 * @pos: offset in config space
 *
 * A write of many registers is made one by one. This is for all of it to have no
 * effect if a part of it is refused: a courtesy, as what the user does to @buf
 * afterwards is seen by vfio_pci_tsm_config_begin().
 *
 * Context: May sleep.
 *
 * Return: 0, %-EBUSY as for vfio_pci_tsm_config_begin(), or %-EFAULT
 */
int vfio_pci_tsm_config_check(struct vfio_pci_core_device *vdev,
			      const char __user *buf, size_t count,
			      unsigned int pos)
{
	scoped_guard(rwsem_read, &vdev->tsm.config_lock) {
		if (!vfio_pci_tsm_check(vdev))
			return 0;
	}

	while (count && pos < vdev->pdev->cfg_size) {
		size_t len = min(count, 4 - pos % 4);
		__le32 val = 0;
		int ret;

		if (copy_from_user(&val, buf, len))
			return -EFAULT;

		scoped_guard(rwsem_read, &vdev->tsm.config_lock)
			ret = vfio_pci_tsm_check_write(vdev, pos, len, val);
		if (ret)
			return ret;

		buf += len;
		pos += len;
		count -= len;
	}

	return 0;
}
