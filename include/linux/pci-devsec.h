/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A confidential VM's own view of the functions that are assigned to it: lock,
 * attest, accept. For the drivers of devsec TSMs, which provide the operations,
 * and for the PCI core and architectures, which ask what a function may do.
 *
 * PCIe r7.0 section 11. The other side, which the host sees, is in pci-tdi.h.
 */
#ifndef __LINUX_PCI_DEVSEC_H
#define __LINUX_PCI_DEVSEC_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/pci-tdi-report.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <uapi/linux/tsm.h>

struct device;
struct module;
struct pci_dev;
struct tsm_dev;

/* The most bytes that an object of evidence may have */
#define PCI_DEVSEC_OBJECT_MAX		SZ_1M

/* Kinds of objects: &enum tsm_object_type */
#define PCI_DEVSEC_NR_OBJECTS		(TSM_OBJECT_INTERFACE_REPORT + 1)

/**
 * struct pci_tsm_devsec - a devsec TSM driver's context of a locked function
 * @tsm_dev: the TSM
 * @pdev: the function. When that was removed and could not be unlocked, NULL, and then
 *	  the one that has come in its place.
 *
 * Embedded in what &pci_devsec_ops.lock allocates. The core fills it in when
 * that returns. It lives until &pci_devsec_ops.unlock has returned 0, or for
 * ever if that fails for good.
 */
struct pci_tsm_devsec {
	struct tsm_dev *tsm_dev;
	struct pci_dev *pdev;
};

/**
 * struct pci_devsec_mmio - a part of a BAR that is for this VM alone
 * @bar: number of the BAR, 0 to 5
 * @offset: of its first byte in the BAR, a multiple of 4 KiB
 * @len: bytes, a multiple of 4 KiB, not 0
 * @start: physical address of its first byte, as this VM has placed the BAR
 * @first_page: as the interface report has it, for firmware that wants it back
 */
struct pci_devsec_mmio {
	unsigned int bar;
	u64 offset;
	u64 len;
	phys_addr_t start;
	u64 first_page;
};

/**
 * struct pci_devsec_ops - what a devsec TSM does with functions of this VM
 * @owner: module of these operations; kept as long as a function is locked
 * @object_types: bit n: has an object of &enum tsm_object_type n once a function
 *		  is locked. %TSM_OBJECT_INTERFACE_REPORT is mandatory.
 * @regen_types: bit n: can have that object made anew, by @regen_object
 * @mmio_base: how to find a range of the interface report in its BAR;
 *	       %PCI_TDI_MMIO_BAR_ALIGNED or %PCI_TDI_MMIO_RELATIVE
 *
 * @lock: UNLOCKED to LOCKED (TDISP LOCK_INTERFACE). The function is quiet: no
 *	driver, bus mastering off, no transaction pending; it decodes memory.
 *	Returns the driver's context or an ERR_PTR(); the function is UNLOCKED
 *	then, or nobody can say. -ENXIO: not a function that this TSM can lock.
 * @read_object: read an object of evidence, from a byte offset on. Returns the
 *	bytes read, at most @len, and 0 at the object's end only. Its bytes are
 *	what the TSM vouches for: a driver whose transport is not trusted checks
 *	the whole of it against the digest that its trusted firmware holds before
 *	it hands out the first byte, and says -EBADMSG.
 * @regen_object: have an object made anew, with %TSM_NONCE_SIZE bytes of nonce
 *	in what the device signs. -EBADMSG if the answer does not contain that
 *	nonce. Only for types of @regen_types. Optional with none.
 * @accept: LOCKED to RUN (TDISP START_INTERFACE_REQUEST). The driver makes sure,
 *	by what firmware tells it and never by what the host says, that this is
 *	the lock, with the report, that its context is of: else -ESTALE, and the
 *	function is not started. After any other error nobody can say what state it
 *	is in, and @unlock follows.
 * @mmio: let this VM reach a TEE range of a BAR as private memory, or end that.
 *	When RUN. It is checked by firmware that the range is the device's and is
 *	mapped where this VM says; -EPERM if not. Takes away only what was given,
 *	and succeeds then whatever state the function is in.
 * @dma: let the function reach private memory of this VM, or end that. When RUN;
 *	to end it, in any state. 0 for the latter means that no access is under
 *	way any more, and none will begin.
 * @state: ask for the function's state. Returns an error if it stays unknown.
 *	Mandatory: loss must be noticed also when nobody reports it.
 * @unlock: any state to UNLOCKED (TDISP STOP_INTERFACE_REQUEST), and free the
 *	context. The core has ended DMA and MMIO before, or has failed to. 0 means
 *	that the function reaches nothing private any more. Not zero if firmware
 *	does not give it up: nothing is freed then, and it may be called again.
 *
 * All are mandatory unless they are said to be optional, may sleep, and run
 * with struct tsm_devsec::lock held: one at a time for a function. Those of
 * different functions run in parallel when the driver has set
 * %PCI_TSM_OPS_PARALLEL, else those that a TSM performs for one verb come
 * before the next verb's. @dma, @mmio and @unlock may also run under the
 * device_lock of the function, when a driver is bound or leaves. They must not
 * take device_lock or pci_rescan_remove_lock, nor call what does, and must not
 * unregister the TSM.
 *
 * A driver asks pci_devsec_may_go_on() between two calls of its firmware or host,
 * and gives up with the errno that it returns; one call takes no more than a
 * second. @dma off, @mmio off and @unlock are told to give up only when the time
 * of a teardown is over.
 *
 * ``*tsm_code`` is what the architecture has to say about success or failure
 * beyond the errno. The core has set it to 0, and shows it in the log of a failure.
 */
struct pci_devsec_ops {
	struct module *owner;
	u32 object_types;
	u32 regen_types;
	enum pci_tdi_mmio_base mmio_base;

	struct pci_tsm_devsec *(*lock)(struct tsm_dev *tsm_dev,
				       struct pci_dev *pdev, u64 *tsm_code);
	ssize_t (*read_object)(struct pci_tsm_devsec *ctx,
			       enum tsm_object_type type, u64 offset,
			       void *buf, size_t len);
	int (*regen_object)(struct pci_tsm_devsec *ctx,
			    enum tsm_object_type type,
			    const u8 nonce[TSM_NONCE_SIZE]);
	int (*accept)(struct pci_tsm_devsec *ctx, u64 *tsm_code);
	int (*mmio)(struct pci_tsm_devsec *ctx,
		    const struct pci_devsec_mmio *range, bool on);
	int (*dma)(struct pci_tsm_devsec *ctx, bool on);
	int (*state)(struct pci_tsm_devsec *ctx, enum tsm_tdi_state *state);
	int (*unlock)(struct pci_tsm_devsec *ctx, u64 *tsm_code);
};

#ifdef CONFIG_PCI_TSM
/* for drivers of devsec TSMs */
int pci_devsec_may_go_on(struct pci_dev *pdev);
void pci_devsec_note_loss(struct pci_dev *pdev);

/* for the PCI core and architectures */
bool pci_devsec_locked(struct pci_dev *pdev);
u16 pci_devsec_kept_command(const struct pci_dev *pdev, int where);
void pci_devsec_master(struct pci_dev *pdev, bool on);
int pci_devsec_open_dma(struct pci_dev *pdev);
bool pci_devsec_private_dma(struct device *dev);
bool pci_devsec_private_mmio(phys_addr_t addr);
bool pci_devsec_mixed_mmio(phys_addr_t addr, size_t len);
int pci_devsec_attach(struct pci_dev *pdev);
void pci_devsec_detach(struct pci_dev *pdev);
void pci_devsec_shutdown(struct pci_dev *pdev);
#else
static inline bool pci_devsec_locked(struct pci_dev *pdev)
{
	return false;
}

static inline u16 pci_devsec_kept_command(const struct pci_dev *pdev, int where)
{
	return 0;
}

static inline void pci_devsec_master(struct pci_dev *pdev, bool on)
{
}

static inline int pci_devsec_open_dma(struct pci_dev *pdev)
{
	return 0;
}

static inline bool pci_devsec_private_dma(struct device *dev)
{
	return false;
}

static inline bool pci_devsec_private_mmio(phys_addr_t addr)
{
	return false;
}

static inline bool pci_devsec_mixed_mmio(phys_addr_t addr, size_t len)
{
	return false;
}

static inline int pci_devsec_attach(struct pci_dev *pdev)
{
	return 0;
}

static inline void pci_devsec_detach(struct pci_dev *pdev)
{
}

static inline void pci_devsec_shutdown(struct pci_dev *pdev)
{
}
#endif

/**
 * pci_devsec_dma_shared() - must DMA of a device be to shared memory?
 * @dev: device, of any bus
 * @in_cvm: this is a confidential VM
 *
 * What architectures base force_dma_unencrypted() on: in a confidential VM all DMA
 * is to shared memory, but for functions that it has accepted.
 *
 * Context: As for pci_devsec_private_dma().
 *
 * Return: whether it must.
 */
static inline bool pci_devsec_dma_shared(struct device *dev, bool in_cvm)
{
	return in_cvm && !pci_devsec_private_dma(dev);
}

#endif /* __LINUX_PCI_DEVSEC_H */
