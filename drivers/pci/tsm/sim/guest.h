/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loopback: what a VM sees of a TDI that is assigned to it, in the same
 * kernel. A bus with the guest's view of the function, and a devsec TSM, which
 * asks the host core as a VMM does for its guest.
 *
 *   guest-bus.c	the bus, and config space as a VMM emulates it
 *   guest-tsm.c	the devsec TSM
 *   consumer-guest.c	the VMM in between, which may lie
 */
#ifndef _TSM_SIM_GUEST_H
#define _TSM_SIM_GUEST_H

#include <linux/ioport.h>
#include <linux/pci-devsec.h>
#include <linux/pci-tsm.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <uapi/linux/tsm.h>

#include "consumer.h"
#include "sim.h"

struct faux_device;
struct irq_domain;
struct pci_host_bridge;
struct pci_tdi;
struct sim_guest_lock;

/* 64-bit memory BARs */
#define SIM_GUEST_BARS		3

/**
 * enum sim_lie - how a host deceives its guest
 * @SIM_LIE_NONE: not at all
 * @SIM_LIE_LOCK: says that it has locked, and has not
 * @SIM_LIE_OBJECT: changes a byte of each object of evidence
 * @SIM_LIE_SHORT: leaves out the end of each object of evidence
 * @SIM_LIE_NONCE: has evidence made anew with a nonce of its own
 * @SIM_LIE_REGEN: says that it has had evidence made anew, and has not
 * @SIM_LIE_START: says that the function is started, and has not
 * @SIM_LIE_MMIO: says that MMIO is validated, and has not
 * @SIM_LIE_DMA_ON: says that DMA is enabled, and has not
 * @SIM_LIE_DMA_OFF: says that DMA is disabled, and has not
 * @SIM_LIE_STOP: says that the function is stopped, and has not
 * @SIM_LIE_LONG: has more of an object of evidence than fits
 * @SIM_LIE_EARLY: enables DMA when it starts the function
 * @SIM_LIE_WHERE: has MMIO validated somewhere else
 * @SIM_LIE_SWAP: asks about another TDI
 * @SIM_LIE_DENY: does what it says that it has not done
 * @SIM_LIE_REFUSE: refuses everything
 * @SIM_LIE_SILENT: does nothing, and never answers
 * @SIM_NR_LIES: number of them
 *
 * About BARs and about which function it is, it lies when it makes the guest.
 */
enum sim_lie {
	SIM_LIE_NONE,
	SIM_LIE_LOCK,
	SIM_LIE_OBJECT,
	SIM_LIE_SHORT,
	SIM_LIE_NONCE,
	SIM_LIE_REGEN,
	SIM_LIE_START,
	SIM_LIE_MMIO,
	SIM_LIE_DMA_ON,
	SIM_LIE_DMA_OFF,
	SIM_LIE_STOP,
	SIM_LIE_LONG,
	SIM_LIE_EARLY,
	SIM_LIE_WHERE,
	SIM_LIE_SWAP,
	SIM_LIE_DENY,
	SIM_LIE_REFUSE,
	SIM_LIE_SILENT,
	SIM_NR_LIES,
};

/**
 * struct sim_guest - a VM's view of a TDI
 * @tdi_object: the TDI by its name, with a reference
 * @tdi: the same
 * @vm: that it is of, with a reference: the TDI may be destroyed before
 * @host: function that it is of, on the host's bus
 * @lie: how the host deceives, &enum sim_lie
 * @lie_type: with %SIM_LIE_OBJECT, about which &enum tsm_object_type only
 * @other: with %SIM_LIE_SWAP, another TDI by its name, with a reference; set once,
 *	before @lie
 * @rid: number of the function in the guest, as the guest sees it
 * @bar_size: bytes of each BAR by its number, 0: there is none
 * @window: addresses for the BARs
 * @buses: the one bus
 * @irq_domain: where no interrupt comes from
 * @faux: parent of @bridge and @tsm_dev
 * @bridge: host bridge of the guest, NULL before it is there
 * @pdev: the function, on the guest's bus, with a reference
 * @view: which function of the host @fn is
 * @share: the same for requests with T=0
 * @fn: what the simulated IOMMU takes its requests for
 * @unplugged: device that @fn is of
 * @lock: protects @cfg
 * @cfg: registers that the VMM emulates, one host-endian dword each
 * @tsm_ops: operations of the devsec TSM
 * @tsm_dev: that TSM
 * @locked: context of the function, while it is not unlocked
 * @giving_back: a lock has failed whose traces the host is to remove, whatever
 *	becomes of whoever wanted it; between the calls of &struct pci_devsec_ops
 */
struct sim_guest {
	struct sim_object *tdi_object;
	struct pci_tdi *tdi;
	struct sim_vm *vm;
	struct pci_dev *host;
	unsigned int lie;
	u32 lie_type;
	struct sim_object *other;
	u16 rid;
	u32 bar_size[SIM_GUEST_BARS];

	struct resource window;
	struct resource buses;
	struct irq_domain *irq_domain;
	struct faux_device *faux;
	struct pci_host_bridge *bridge;
	struct pci_dev *pdev;
	struct sim_vm_view view;
	struct sim_tvm_share share;
	struct sim_function fn;
	struct sim_device *unplugged;
	raw_spinlock_t lock;		/* cfg */
	u32 cfg[SIM_CFG_SHADOW_BYTES / 4];

	struct pci_tsm_ops tsm_ops;
	struct tsm_dev *tsm_dev;
	struct sim_guest_lock *locked;
	bool giving_back;
};

/* guest-bus.c */
#ifdef CONFIG_DEBUG_FS
struct sim_function *sim_guest_function(struct pci_dev *pdev);
#else
static inline struct sim_function *sim_guest_function(struct pci_dev *pdev)
{
	return NULL;
}
#endif
int sim_guest_bus_up(struct sim_guest *g);
void sim_guest_bus_down(struct sim_guest *g);

/* guest-tsm.c */
int sim_guest_tsm_up(struct sim_guest *g);
struct pci_dev *sim_guest_pdev(struct sim_guest *g);
void sim_guest_tsm_down(struct sim_guest *g);

/* consumer-guest.c: what the guest asks of its host */
int sim_guest_host_lock(struct sim_guest *g, u64 *tsm_code);
int sim_guest_host_stop(struct sim_guest *g, u64 *tsm_code);
int sim_guest_host_req(struct sim_guest *g, enum tsm_op op, const void *req,
		       size_t req_len, void *resp, size_t *resp_len,
		       u64 *tsm_code);
int sim_guest_firmware_msg(struct sim_guest *g, const void *msg, size_t len,
			   void *resp, size_t resp_len);

#endif /* _TSM_SIM_GUEST_H */
