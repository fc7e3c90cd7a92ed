/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the SPDM responder: one exchange, and the messages it may be of.
 */
#ifndef _TSM_SPDM_RESPONDER_H
#define _TSM_SPDM_RESPONDER_H

#include "spdm.h"

/* One request and its response, both in plain text */
struct spdm_exchange {
	const void *req;
	size_t len;		/* padding included if outside a session */
	struct spdm_responder_session *s;	/* NULL outside a session */
	void *rsp;
	size_t room;		/* the largest response possible */
	u8 version;		/* that the response speaks */
	enum spdm_session_phase next;	/* of the session, when all is sealed */
};

/* responder.c */
int spdm_rsp_error(struct spdm_exchange *x, u8 code, u8 data);
int spdm_rsp_invalid(struct spdm_exchange *x);
bool spdm_rsp_is_size(const struct spdm_exchange *x, size_t need);
void spdm_rsp_set_phase(struct spdm_responder *p,
			enum spdm_responder_phase phase);
void spdm_rsp_set_session(struct spdm_responder *p,
			  struct spdm_responder_session *s,
			  enum spdm_session_phase phase);

/* responder-msgs.c */
int spdm_rsp_get_version(struct spdm_responder *p, struct spdm_exchange *x);
int spdm_rsp_get_capabilities(struct spdm_responder *p,
			      struct spdm_exchange *x);
int spdm_rsp_negotiate(struct spdm_responder *p, struct spdm_exchange *x);
int spdm_rsp_get_digests(struct spdm_responder *p, struct spdm_exchange *x);
int spdm_rsp_get_certificate(struct spdm_responder *p,
			     struct spdm_exchange *x);
int spdm_rsp_challenge(struct spdm_responder *p, struct spdm_exchange *x);
int spdm_rsp_key_exchange(struct spdm_responder *p, struct spdm_exchange *x);
int spdm_rsp_finish(struct spdm_responder *p, struct spdm_exchange *x);
int spdm_rsp_get_measurements(struct spdm_responder *p,
			      struct spdm_exchange *x);
int spdm_rsp_vendor(struct spdm_responder *p, struct spdm_exchange *x);
int spdm_rsp_end_session(struct spdm_exchange *x);

#endif /* _TSM_SPDM_RESPONDER_H */
