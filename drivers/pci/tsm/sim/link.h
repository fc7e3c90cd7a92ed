/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The software link TSM: what its files share.
 *
 *   link-tsm.c		SPDM sessions, connect and disconnect
 *   link-ide.c		keys and streams
 *   link-tdi.c		TDIs, by TDISP in the SPDM session
 *   link-guest.c	requests of guests
 *   link-fault.c	failures of the TSM itself
 */
#ifndef _TSM_SIM_LINK_H
#define _TSM_SIM_LINK_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci-tdi.h>
#include <linux/pci-tsm.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <uapi/linux/tsm_sim.h>

#include "../spdm/spdm.h"
#include "../spdm/tdisp.h"
#include "sim.h"

struct pci_ide;
struct pci_tdi_report;

/* Enough for three certificates of a kind that devices have */
#define SIM_LINK_CHAIN_BYTES		8192
#define SIM_LINK_MEASUREMENTS_BYTES	1024

/**
 * struct sim_link_tsm - the TSM of a platform
 * @ref: the registration, and contexts of TDIs and vIOMMUs: firmware that does
 *	 not give one up is there for ever
 * @ops: what it is registered with
 * @tdi_ops: the same, for TDIs
 * @lock: protects the list, and what a device may reach of a VM
 * @tdis: contexts that exist
 * @nr_viommus: secure vIOMMUs that exist
 * @lock_flags: TDISP_LOCK flags that it wants beside those that it needs
 */
struct sim_link_tsm {
	struct kref ref;
	struct pci_tsm_ops ops;
	struct pci_tdi_ops tdi_ops;
	struct mutex lock;	/* innermost of the TSM */
	struct list_head tdis;
	unsigned int nr_viommus;
	u16 lock_flags;
};

/**
 * enum sim_link_phase - how a conversation ends before its time
 * @SIM_LINK_TALKING: a killed user ends it
 * @SIM_LINK_LEAVING: taking back what was done, whoever waits for it
 */
enum sim_link_phase {
	SIM_LINK_TALKING,
	SIM_LINK_LEAVING,
};

/**
 * struct sim_link_session - a conversation with a device and its results
 * @pdev: PF0
 * @device: for the keys of the root port, and for nothing else
 * @generation: of what was exchanged by connect, different for each session
 * @leaving: being closed: nobody is waited for
 * @half_open: the device may have a session that the requester cannot end,
 *	       because it does not share its keys, yet or any more
 * @blocked: the stream was taken out of use, see sim_link_block()
 *	     (sim_link_tsm::lock)
 * @key_set: the one in use
 * @ide: the stream, or NULL
 * @turn: held from a request to the use of its response: the requester takes
 *	  one operation at a time, whatever it is about; what follows
 *	  @turn_wait is under it
 * @turn_wait: woken when @turn is free
 * @phase: of whose turn it is, see enum sim_link_phase
 * @lost: the two ends do not understand each other any more; read without @turn
 * @tdisp: version and capabilities were exchanged
 * @lock_flags: TDISP_LOCK flags that the device supports
 * @io: what the requester wants to be sent
 * @requester: this end of the SPDM session
 * @identity: CMA subject name that fits what config space says of the device
 * @chain: the device's certificates
 * @measurements: the device's signed measurements
 * @transcript: what was negotiated, made as large as sim_device::transcript_bytes
 *		says when it is first asked for, or NULL
 * @transcript_len: bytes of @transcript
 */
struct sim_link_session {
	struct pci_dev *pdev;
	struct sim_device *device;
	u64 generation;
	bool leaving;
	bool half_open;
	bool blocked;
	u8 key_set;
	struct pci_ide *ide;
	struct mutex turn;	/* an exchange */
	wait_queue_head_t turn_wait;
	enum sim_link_phase phase;
	bool lost;
	bool tdisp;
	u16 lock_flags;
	struct spdm_io io;
	struct spdm_requester requester;
	char identity[80];
	u8 chain[SIM_LINK_CHAIN_BYTES];
	u8 measurements[SIM_LINK_MEASUREMENTS_BYTES];
	u8 *transcript;
	size_t transcript_len;
};

/**
 * struct sim_link - context of a device that a TSM manages
 * @pf0: the core's part; its lock serialises connect and disconnect
 * @session: while connected (pf0.lock)
 */
struct sim_link {
	struct pci_tsm_pf0 pf0;
	struct sim_link_session *session;
};

static inline struct sim_link *to_sim_link(struct pci_tsm *tsm)
{
	return container_of(tsm, struct sim_link, pf0.base_tsm);
}

/**
 * struct sim_link_blob - an object of evidence that belongs to one TDI
 * @bytes: the object, NULL if there is none
 * @len: its bytes
 * @generation: different whenever the object is
 */
struct sim_link_blob {
	void *bytes;
	size_t len;
	u64 generation;
};

/**
 * struct sim_link_mmio - MMIO that a guest has validated
 * @node: entry in sim_link_tdi::mmio
 * @gpa: where it is in the guest
 * @len: bytes
 * @bar: number of the BAR
 * @offset: where it is in the BAR
 */
struct sim_link_mmio {
	struct list_head node;
	u64 gpa;
	u64 len;
	unsigned int bar;
	u64 offset;
};

/* One more range is validated: @digest is of all of them, in order */
static inline void sim_link_mmio_digest(u8 digest[TSM_SIM_DIGEST_SIZE],
					const struct tsm_validate_mmio *range)
{
	struct {
		u8 before[TSM_SIM_DIGEST_SIZE];
		struct tsm_validate_mmio range;
	} both = { .range = *range };

	memcpy(both.before, digest, sizeof(both.before));
	spdm_hash_once(&spdm_kernel_crypto, &both, sizeof(both), digest);
}

/**
 * struct sim_link_viommu - firmware's context of a secure vIOMMU
 * @viommu: the core's part
 * @tsm: the TSM, with a reference
 * @kvm: the VM, from the first moment on
 * @nr_tdis: TDIs behind it (sim_link_tsm::lock)
 */
struct sim_link_viommu {
	struct pci_tsm_viommu viommu;
	struct sim_link_tsm *tsm;
	struct kvm *kvm;
	unsigned int nr_tdis;
};

/**
 * struct sim_link_tdi - firmware's context of a TDI
 * @tdi: the core's part
 * @tsm: the TSM, with a reference
 * @session: that locks it
 * @node: entry in sim_link_tsm::tdis (sim_link_tsm::lock)
 * @kvm: the VM, from the first moment on
 * @guest_rid: number of the function there, likewise
 * @viommu: that the function is behind, or NULL
 * @function: as the IOMMU knows it
 * @rid: number of the function on its bus
 * @trusted: the function reaches private memory of the VM, if the device lets
 *	     it (sim_link_tsm::lock)
 * @mmio_offset: MMIO_REPORTING_OFFSET of this lock
 * @nonce: what START_INTERFACE needs, while @nonce_valid
 * @nonce_valid: locked, and not started yet
 * @report: device interface report of this lock
 * @parsed: the same
 * @measurements: those that were made for this guest
 * @measurement_nonce: what they were asked for with
 * @mmio: what the guest has validated
 * @nr_mmio: how many
 * @mmio_digest: as in &struct tsm_sim_tdi_info
 *
 * The core calls one operation of a TDI at a time, which protects the rest.
 */
struct sim_link_tdi {
	struct pci_tsm_tdi tdi;
	struct sim_link_tsm *tsm;
	struct sim_link_session *session;
	struct list_head node;
	struct kvm *kvm;
	u32 guest_rid;
	struct sim_link_viommu *viommu;
	struct sim_function *function;
	u16 rid;
	bool trusted;
	s64 mmio_offset;
	u8 nonce[TDISP_NONCE_SIZE];
	bool nonce_valid;
	struct sim_link_blob report;
	struct pci_tdi_report *parsed;
	struct sim_link_blob measurements;
	u8 measurement_nonce[SPDM_NONCE_SIZE];
	struct list_head mmio;
	unsigned int nr_mmio;
	u8 mmio_digest[TSM_SIM_DIGEST_SIZE];
};

static inline struct sim_link_tdi *to_sim_link_tdi(struct pci_tsm_tdi *tdi)
{
	return container_of(tdi, struct sim_link_tdi, tdi);
}

/* link-tsm.c */
struct sim_link_tsm *to_sim_link_tsm(struct tsm_dev *tsm_dev);
void sim_link_tsm_get(struct sim_link_tsm *tsm);
void sim_link_tsm_put(struct sim_link_tsm *tsm);
u64 sim_link_next_generation(void);
int sim_link_begin(struct sim_link_session *s, enum sim_link_phase phase);
void sim_link_end(struct sim_link_session *s);
int sim_link_vendor(struct sim_link_session *s, u8 protocol_id,
		    const void *req, size_t req_len, const char *name,
		    const void **rsp, size_t *rsp_len);
int sim_link_measure(struct sim_link_session *s,
		     const u8 nonce[SPDM_NONCE_SIZE]);

/* link-ide.c */
int sim_link_secure(struct sim_link_session *s);
int sim_link_refresh(struct sim_link_session *s);
int sim_link_stop(struct sim_link_session *s, u8 key_set);
void sim_link_drop_stream(struct sim_link_session *s);
void sim_link_block(struct sim_link_session *s);

/* link-tdi.c */
const struct pci_tdi_ops *sim_link_tdi_ops_init(struct sim_link_tsm *tsm,
						const struct sim_platform *p);
int sim_link_tdi_state(struct sim_link_tdi *t, enum tsm_tdi_state *state,
		       u64 *tsm_code);
int sim_link_tdi_read_report(struct sim_link_tdi *t, void *buf, size_t size,
			     u64 *tsm_code);
void sim_link_tdis_drop(struct sim_link_tsm *tsm, struct sim_link_session *s);

/* link-fault.c */
int sim_link_fault(struct sim_link_session *s, enum sim_tsm_fault fault,
		   u64 *tsm_code);

/* link-guest.c */
int sim_link_guest_req(struct pci_tsm_tdi *tdi, enum tsm_op op,
		       const void *req, size_t req_len, void *resp,
		       size_t *resp_len, u64 *tsm_code);
int sim_link_blob_set(struct sim_link_blob *blob, const void *p, size_t len);
void sim_link_forget_bind(struct sim_link_tdi *t);

#endif /* _TSM_SIM_LINK_H */
