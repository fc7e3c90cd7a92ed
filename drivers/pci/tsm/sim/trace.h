/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the simulator. A debugging aid and no ABI.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tsm_sim

#if !defined(_TSM_SIM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TSM_SIM_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>

#include "../spdm/spdm.h"
#include "sim.h"

/*
 * The messages of the link TSM's conversations, in plain text as the requester
 * sees them, in the order in which they are sent: the arrow points to the
 * device for a request, from it for a response. The object is that of a vendor
 * defined message, IDE_KM object id or TDISP message type, -1 in any other.
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

TRACE_DEFINE_ENUM(SIM_TDI_UNLOCKED);
TRACE_DEFINE_ENUM(SIM_TDI_LOCKED);
TRACE_DEFINE_ENUM(SIM_TDI_RUN);
TRACE_DEFINE_ENUM(SIM_TDI_ERROR);

#define show_sim_tdi_state(state)					\
	__print_symbolic(state,						\
			 { SIM_TDI_UNLOCKED, "CONFIG_UNLOCKED" },	\
			 { SIM_TDI_LOCKED, "CONFIG_LOCKED" },		\
			 { SIM_TDI_RUN, "RUN" },			\
			 { SIM_TDI_ERROR, "ERROR" })

/* The device's own account of a function, whatever it tells its requester */
TRACE_EVENT(tsm_sim_tdi,
	TP_PROTO(const char *device, u16 rid, enum sim_tdi_state from,
		 enum sim_tdi_state to, const char *why),
	TP_ARGS(device, rid, from, to, why),
	TP_STRUCT__entry(
		__string(device, device)
		__string(why, why)
		__field(u16, rid)
		__field(int, from)
		__field(int, to)
	),
	TP_fast_assign(
		__assign_str(device);
		__assign_str(why);
		__entry->rid = rid;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s %02x:%02x.%d %s -> %s (%s)", __get_str(device),
		  PCI_BUS_NUM(__entry->rid), PCI_SLOT(__entry->rid),
		  PCI_FUNC(__entry->rid), show_sim_tdi_state(__entry->from),
		  show_sim_tdi_state(__entry->to), __get_str(why))
);

TRACE_DEFINE_ENUM(SIM_DMA_OK);
TRACE_DEFINE_ENUM(SIM_DMA_ABORTED);
TRACE_DEFINE_ENUM(SIM_DMA_INVALID);
TRACE_DEFINE_ENUM(SIM_DMA_NO_MASTER);
TRACE_DEFINE_ENUM(SIM_DMA_TDI_STATE);
TRACE_DEFINE_ENUM(SIM_DMA_T_BIT);
TRACE_DEFINE_ENUM(SIM_DMA_FAULT);
TRACE_DEFINE_ENUM(SIM_DMA_PRIVATE_FAULT);
TRACE_DEFINE_ENUM(SIM_DMA_POISONED);

#define show_sim_dma_result(result)					\
	__print_symbolic(result,					\
			 { SIM_DMA_OK, "done" },			\
			 { SIM_DMA_ABORTED, "aborted" },		\
			 { SIM_DMA_INVALID, "refused: parameters" },	\
			 { SIM_DMA_NO_MASTER, "refused: bus master" },	\
			 { SIM_DMA_TDI_STATE, "refused: TDISP state" },	\
			 { SIM_DMA_T_BIT, "refused: T bit" },		\
			 { SIM_DMA_FAULT, "fault" },			\
			 { SIM_DMA_PRIVATE_FAULT, "private fault" },	\
			 { SIM_DMA_POISONED, "poisoned" })

/* The end of a transfer, whatever became of it and however far it came */
TRACE_EVENT(tsm_sim_dma,
	TP_PROTO(const char *device, u16 rid, const struct sim_dma_job *job,
		 u8 result),
	TP_ARGS(device, rid, job, result),
	TP_STRUCT__entry(
		__string(device, device)
		__field(u16, rid)
		__field(bool, to_memory)
		__field(bool, tee)
		__field(u64, iova)
		__field(u32, len)
		__field(u32, moved)
		__field(int, result)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->rid = rid;
		__entry->to_memory = job->ctrl & SIM_DMA_CTRL_TO_MEMORY;
		__entry->tee = job->ctrl & SIM_DMA_CTRL_TEE;
		__entry->iova = job->iova;
		__entry->len = job->len;
		__entry->moved = job->moved;
		__entry->result = result;
	),
	TP_printk("%s %02x:%02x.%d %s T=%d iova=%#llx len=%u moved=%u %s",
		  __get_str(device), PCI_BUS_NUM(__entry->rid),
		  PCI_SLOT(__entry->rid), PCI_FUNC(__entry->rid),
		  __entry->to_memory ? "write" : "read", __entry->tee,
		  __entry->iova, __entry->len, __entry->moved,
		  show_sim_dma_result(__entry->result))
);

/* A message of an interrupt, or the lack of one: error is not 0 then */
TRACE_EVENT(tsm_sim_msi,
	TP_PROTO(const char *device, u16 rid, unsigned int vector, u64 addr,
		 u32 data, int error),
	TP_ARGS(device, rid, vector, addr, data, error),
	TP_STRUCT__entry(
		__string(device, device)
		__field(u16, rid)
		__field(unsigned int, vector)
		__field(u64, addr)
		__field(u32, data)
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->rid = rid;
		__entry->vector = vector;
		__entry->addr = addr;
		__entry->data = data;
		__entry->error = error;
	),
	TP_printk("%s %02x:%02x.%d vector=%u addr=%#llx data=%#x error=%d",
		  __get_str(device), PCI_BUS_NUM(__entry->rid),
		  PCI_SLOT(__entry->rid), PCI_FUNC(__entry->rid),
		  __entry->vector, __entry->addr, __entry->data, __entry->error)
);

#endif /* _TSM_SIM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
