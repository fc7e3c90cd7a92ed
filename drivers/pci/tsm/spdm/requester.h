/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the SPDM requester: its step machine and its messages.
 */
#ifndef _TSM_SPDM_REQUESTER_H
#define _TSM_SPDM_REQUESTER_H

#include "spdm.h"

/* requester.c */
void spdm_req_set_state(struct spdm_requester *r,
			enum spdm_requester_state state);
int spdm_req_fail(struct spdm_requester *r, int err);
int spdm_req_send(struct spdm_requester *r, enum spdm_requester_state state,
		  u8 param1, u8 param2, size_t len, struct spdm_io *io);

/* requester-msgs.c */
int spdm_req_send_get_version(struct spdm_requester *r, struct spdm_io *io);
int spdm_req_send_get_measurements(struct spdm_requester *r,
				   enum spdm_requester_state state,
				   struct spdm_io *io);
int spdm_req_got(struct spdm_requester *r, const void *msg, size_t len,
		 struct spdm_io *io);

#endif /* _TSM_SPDM_REQUESTER_H */
