/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the simulated device's security manager share.
 */
#ifndef _TSM_SIM_DSM_H
#define _TSM_SIM_DSM_H

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "../spdm/spdm.h"
#include "../spdm/tdisp.h"
#include "sim.h"

/**
 * struct sim_ide_km - the device's end of IDE_KM
 * @owner: session that programs keys, 0: none
 * @streams: Stream IDs for which it did
 */
struct sim_ide_km {
	u32 owner;
	DECLARE_BITMAP(streams, 256);
};

/* How long the device thinks about an answer before it says "later" */
#define SIM_DSM_PATIENCE_MS	400

/**
 * struct sim_slow - a request that may take longer than DOE has time for
 * @dsm: who works on it
 * @work: does so
 * @done: completed by @work, and while there is nothing to do
 * @asked: the request has not been answered yet
 * @token: of the last RESPONSE_NOT_READY
 * @code: of the request
 * @req_len: bytes in @req
 * @rsp_len: what spdm_responder_handle() returned
 * @req: request
 * @rsp: its answer
 *
 * Under sim_dsm::lock, but for what @work fills in before @done.
 */
struct sim_slow {
	struct sim_dsm *dsm;
	struct work_struct work;
	struct completion done;
	bool asked;
	u8 token;
	u8 code;
	size_t req_len;
	int rsp_len;
	u8 req[SPDM_MAX_REQ];
	u8 rsp[SPDM_MAX_MSG];
};

/**
 * enum sim_tdisp_phase - how far a session got with TDISP
 * @SIM_TDISP_START: GET_TDISP_VERSION is next
 * @SIM_TDISP_VERSION: GET_TDISP_CAPABILITIES is next
 * @SIM_TDISP_READY: all others
 */
enum sim_tdisp_phase {
	SIM_TDISP_START,
	SIM_TDISP_VERSION,
	SIM_TDISP_READY,
};

/**
 * struct sim_tdisp_session - TDISP in one SPDM session
 * @id: session, 0: none
 * @phase: how far it got
 */
struct sim_tdisp_session {
	u32 id;
	enum sim_tdisp_phase phase;
};

/**
 * struct sim_dsm - the security manager of a simulated device
 * @dev: the device
 * @lock: one message at a time, and a look at the sessions from outside
 * @slow: what the responder works on while it says "later"
 * @ide_km: who owns the keys of the device's IDE streams
 * @tdisp: sessions that TDISP is spoken in
 * @responder: SPDM
 */
struct sim_dsm {
	struct sim_device *dev;
	struct mutex lock; /* all of the below */
	struct sim_slow slow;
	struct sim_ide_km ide_km;
	struct sim_tdisp_session tdisp[SPDM_MAX_SESSIONS];
	struct spdm_responder responder;
};

/* ide-km.c */
int sim_ide_km_request(struct sim_dsm *dsm, u32 session_id, const u8 *req,
		       size_t len, u8 *rsp, size_t size);
void sim_ide_km_session_end(struct sim_dsm *dsm, u32 session_id);

/* tdisp.c */
int sim_tdisp_request(struct sim_dsm *dsm, u32 session_id, const u8 *req,
		      size_t len, u8 *rsp, size_t size);
void sim_tdisp_session_end(struct sim_dsm *dsm, u32 session_id);

/* tdi-report.c: under sim_device::lock */
bool sim_tdi_check_config(struct sim_function *f);
bool sim_tdi_check_offset(struct sim_function *f, u64 offset);
void sim_tdi_report(struct sim_function *f, const struct tdisp_lock *lock);

/* fault.c */

/**
 * enum sim_fault_chain - which certificate chain a device shows
 * @SIM_CHAIN_DEVICE: its own
 * @SIM_CHAIN_IMPOSTOR: of another kind of device, from the trusted root
 * @SIM_CHAIN_STRANGER: from another root
 */
enum sim_fault_chain {
	SIM_CHAIN_DEVICE,
	SIM_CHAIN_IMPOSTOR,
	SIM_CHAIN_STRANGER,
};

/**
 * enum sim_fault_report - what is wrong with interface reports
 * @SIM_REPORT_GOOD: nothing
 * @SIM_REPORT_SHORT: the last byte is missing
 * @SIM_REPORT_LONG: there is one byte too many
 * @SIM_REPORT_HEADER: it ends in the header
 * @SIM_REPORT_COUNT: one range less than it counts
 * @SIM_REPORT_COUNT_WRAPS: so many ranges that their length wraps in 32 bits
 * @SIM_REPORT_INFO: device specific information of 4 GiB
 * @SIM_REPORT_ID: a range id that no BAR has
 * @SIM_REPORT_NO_BAR: a range of a BAR that the function does not have
 * @SIM_REPORT_ORDER: the first range comes again at the end
 * @SIM_REPORT_TOO_BIG: a range goes beyond its BAR
 * @SIM_REPORT_EMPTY: a range of no pages
 * @SIM_REPORT_WRAPS: a range wraps around the end of the address space
 */
enum sim_fault_report {
	SIM_REPORT_GOOD,
	SIM_REPORT_SHORT,
	SIM_REPORT_LONG,
	SIM_REPORT_HEADER,
	SIM_REPORT_COUNT,
	SIM_REPORT_COUNT_WRAPS,
	SIM_REPORT_INFO,
	SIM_REPORT_ID,
	SIM_REPORT_NO_BAR,
	SIM_REPORT_ORDER,
	SIM_REPORT_TOO_BIG,
	SIM_REPORT_EMPTY,
	SIM_REPORT_WRAPS,
};

#define SIM_REPORT_LAST		SIM_REPORT_WRAPS

enum sim_fault_chain sim_fault_chain(struct sim_device *d);
u8 sim_fault_spdm_error(struct sim_device *d);
bool sim_fault_bad_measurement(struct sim_device *d);
bool sim_fault_key_refused(struct sim_device *d, u8 direction, u8 sub_stream);
bool sim_fault_tdisp_silent(struct sim_device *d, u8 type);
u32 sim_fault_tdisp_error(struct sim_device *d, u8 type);
bool sim_fault_no_entropy(struct sim_device *d);
size_t sim_fault_tdisp_response(struct sim_device *d, u8 type, u8 *rsp,
				size_t len, size_t size);
enum sim_fault_report sim_fault_report(struct sim_device *d);
bool sim_fault_report_endless(struct sim_device *d);
unsigned int sim_fault_portion_max(struct sim_device *d);

#endif /* _TSM_SIM_DSM_H */
