/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the simulator's link TSM: one per message of a conversation,
 * in plain text as the requester sees it. A debugging aid and no ABI.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tsm_sim

#if !defined(_TSM_SIM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TSM_SIM_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>

#include "../spdm/spdm.h"

/*
 * In the order in which they are sent: the arrow points to the device for a
 * request, from it for a response. The object is that of a vendor defined
 * message, IDE_KM object id or TDISP message type, -1 in any other.
 */
TRACE_EVENT(tsm_sim_spdm,
	TP_PROTO(struct pci_dev *pdev, const struct spdm_trace *msg),
	TP_ARGS(pdev, msg),
	TP_STRUCT__entry(
		__string(device, pci_name(pdev))
		__string(name, msg->name)
		__field(bool, request)
		__field(u32, session_id)
		__field(u8, code)
		__field(u8, param1)
		__field(int, protocol)
		__field(int, object)
		__field(size_t, len)
	),
	TP_fast_assign(
		__assign_str(device);
		__assign_str(name);
		__entry->request = msg->request;
		__entry->session_id = msg->session_id;
		__entry->code = msg->code;
		__entry->param1 = msg->param1;
		__entry->protocol = msg->proto;
		__entry->object = msg->proto < 0 ? -1 : msg->object;
		__entry->len = msg->len;
	),
	TP_printk("%s %s %s session=%#x code=%#04x param1=%#04x protocol=%s object=%d len=%zu",
		  __get_str(device), __entry->request ? "->" : "<-",
		  __get_str(name), __entry->session_id, __entry->code,
		  __entry->param1,
		  __print_symbolic(__entry->protocol,
				   { -1, "SPDM" },
				   { SPDM_PROTO_IDE_KM, "IDE_KM" },
				   { SPDM_PROTO_TDISP, "TDISP" }),
		  __entry->object, __entry->len)
);

#endif /* _TSM_SIM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
