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
#define SIM_DSM_PATIENCE_MS	700

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
 * struct sim_dsm - the security manager of a simulated device
 * @dev: the device
 * @lock: one message at a time, and a look at the sessions from outside
 * @slow: what the responder works on while it says "later"
 * @ide_km: who owns the keys of the device's IDE streams
 * @responder: SPDM
 */
struct sim_dsm {
	struct sim_device *dev;
	struct mutex lock; /* all of the below */
	struct sim_slow slow;
	struct sim_ide_km ide_km;
	struct spdm_responder responder;
};

/* ide-km.c */
int sim_ide_km_request(struct sim_dsm *dsm, u32 session_id, const u8 *req,
		       size_t len, u8 *rsp, size_t size);
void sim_ide_km_session_end(struct sim_dsm *dsm, u32 session_id);

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

enum sim_fault_chain sim_fault_chain(struct sim_device *d);
u8 sim_fault_spdm_error(struct sim_device *d);
bool sim_fault_bad_measurement(struct sim_device *d);
bool sim_fault_key_refused(struct sim_device *d, u8 direction, u8 sub_stream);

#endif /* _TSM_SIM_DSM_H */
