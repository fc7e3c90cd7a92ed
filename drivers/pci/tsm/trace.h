/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the PCI/TSM core: state transitions, messages exchanged with
 * devices, and what firmware and the hosts of TDIs are asked to do or told. They
 * are a debugging aid and no ABI.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pci_tsm

#if !defined(_DRIVERS_PCI_TSM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DRIVERS_PCI_TSM_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>
#include <linux/tsm.h>

#include "devsec.h"
#include "tdi.h"

TRACE_DEFINE_ENUM(TSM_SESSION_NONE);
TRACE_DEFINE_ENUM(TSM_SESSION_CONNECTING);
TRACE_DEFINE_ENUM(TSM_SESSION_UNWINDING);
TRACE_DEFINE_ENUM(TSM_SESSION_CONNECTED);
TRACE_DEFINE_ENUM(TSM_SESSION_DISCONNECTING);

#define show_tsm_session_state(state)					\
	__print_symbolic(state,						\
		{ TSM_SESSION_NONE,		"none" },		\
		{ TSM_SESSION_CONNECTING,	"connecting" },		\
		{ TSM_SESSION_UNWINDING,	"unwinding" },		\
		{ TSM_SESSION_CONNECTED,	"connected" },		\
		{ TSM_SESSION_DISCONNECTING,	"disconnecting" })

TRACE_EVENT(tsm_session_state,
	TP_PROTO(struct pci_dev *dsm, struct tsm_dev *tsm_dev,
		 enum tsm_session_state from, enum tsm_session_state to),
	TP_ARGS(dsm, tsm_dev, from, to),
	TP_STRUCT__entry(
		__string(dsm, pci_name(dsm))
		__string(tsm, dev_name(&tsm_dev->dev))
		__field(int, from)
		__field(int, to)
	),
	TP_fast_assign(
		__assign_str(dsm);
		__assign_str(tsm);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s %s: %s -> %s", __get_str(dsm), __get_str(tsm),
		  show_tsm_session_state(__entry->from),
		  show_tsm_session_state(__entry->to))
);

TRACE_DEFINE_ENUM(TSM_DEVSEC_UNLOCKED);
TRACE_DEFINE_ENUM(TSM_DEVSEC_LOCKING);
TRACE_DEFINE_ENUM(TSM_DEVSEC_LOCKED);
TRACE_DEFINE_ENUM(TSM_DEVSEC_ACCEPTING);
TRACE_DEFINE_ENUM(TSM_DEVSEC_RUN);
TRACE_DEFINE_ENUM(TSM_DEVSEC_UNLOCKING);
TRACE_DEFINE_ENUM(TSM_DEVSEC_LOST);
TRACE_DEFINE_ENUM(TSM_DEVSEC_STUCK);

#define show_tsm_devsec_state(state)					\
	__print_symbolic(state,						\
		{ TSM_DEVSEC_UNLOCKED,		"unlocked" },		\
		{ TSM_DEVSEC_LOCKING,		"locking" },		\
		{ TSM_DEVSEC_LOCKED,		"locked" },		\
		{ TSM_DEVSEC_ACCEPTING,		"accepting" },		\
		{ TSM_DEVSEC_RUN,		"run" },		\
		{ TSM_DEVSEC_UNLOCKING,		"unlocking" },		\
		{ TSM_DEVSEC_LOST,		"lost" },		\
		{ TSM_DEVSEC_STUCK,		"stuck" })

TRACE_EVENT(tsm_devsec_state,
	TP_PROTO(struct pci_dev *pdev, enum tsm_devsec_state from,
		 enum tsm_devsec_state to),
	TP_ARGS(pdev, from, to),
	TP_STRUCT__entry(
		__string(function, pci_name(pdev))
		__field(int, from)
		__field(int, to)
	),
	TP_fast_assign(
		__assign_str(function);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s guest: %s -> %s", __get_str(function),
		  show_tsm_devsec_state(__entry->from),
		  show_tsm_devsec_state(__entry->to))
);

/* What of this VM a function reaches: its driver has attached, or left */
TRACE_EVENT(tsm_devsec_dma,
	TP_PROTO(struct pci_dev *pdev, bool on, int rc),
	TP_ARGS(pdev, on, rc),
	TP_STRUCT__entry(
		__string(function, pci_name(pdev))
		__field(bool, on)
		__field(int, rc)
	),
	TP_fast_assign(
		__assign_str(function);
		__entry->on = on;
		__entry->rc = rc;
	),
	TP_printk("%s guest: private DMA %s: %d", __get_str(function),
		  __entry->on ? "on" : "off", __entry->rc)
);

TRACE_EVENT(tsm_function,
	TP_PROTO(struct pci_dev *pdev, struct pci_dev *dsm, bool present),
	TP_ARGS(pdev, dsm, present),
	TP_STRUCT__entry(
		__string(function, pci_name(pdev))
		__string(dsm, pci_name(dsm))
		__field(bool, present)
	),
	TP_fast_assign(
		__assign_str(function);
		__assign_str(dsm);
		__entry->present = present;
	),
	TP_printk("%s %s DSM %s", __get_str(function),
		  __entry->present ? "joins" : "leaves", __get_str(dsm))
);

TRACE_EVENT(tsm_doe,
	TP_PROTO(struct pci_dev *pdev, u8 type, size_t req_len, int rc,
		 s64 duration_us),
	TP_ARGS(pdev, type, req_len, rc, duration_us),
	TP_STRUCT__entry(
		__string(dsm, pci_name(pdev))
		__field(u8, type)
		__field(size_t, req_len)
		__field(int, rc)
		__field(s64, duration_us)
	),
	TP_fast_assign(
		__assign_str(dsm);
		__entry->type = type;
		__entry->req_len = req_len;
		__entry->rc = rc;
		__entry->duration_us = duration_us;
	),
	TP_printk("%s type %u request %zu response %d duration_us %lld",
		  __get_str(dsm), __entry->type, __entry->req_len, __entry->rc,
		  __entry->duration_us)
);

TRACE_DEFINE_ENUM(TSM_PHASE_DEAD);
TRACE_DEFINE_ENUM(TSM_PHASE_UNLOCKED);
TRACE_DEFINE_ENUM(TSM_PHASE_LOCKING);
TRACE_DEFINE_ENUM(TSM_PHASE_LOCKED);
TRACE_DEFINE_ENUM(TSM_PHASE_RUN);
TRACE_DEFINE_ENUM(TSM_PHASE_ERROR);
TRACE_DEFINE_ENUM(TSM_PHASE_STOPPING);
TRACE_DEFINE_ENUM(TSM_PHASE_QUARANTINED);

#define show_tsm_tdi_phase(phase)					\
	__print_symbolic(phase,						\
		{ TSM_PHASE_DEAD,		"dead" },		\
		{ TSM_PHASE_UNLOCKED,		"unlocked" },		\
		{ TSM_PHASE_LOCKING,		"locking" },		\
		{ TSM_PHASE_LOCKED,		"locked" },		\
		{ TSM_PHASE_RUN,		"run" },		\
		{ TSM_PHASE_ERROR,		"error" },		\
		{ TSM_PHASE_STOPPING,		"stopping" },		\
		{ TSM_PHASE_QUARANTINED,	"quarantined" })

TRACE_EVENT(tsm_tdi_phase,
	TP_PROTO(struct pci_dev *pdev, u64 guest_rid, enum tsm_tdi_phase from,
		 enum tsm_tdi_phase to, u64 generation),
	TP_ARGS(pdev, guest_rid, from, to, generation),
	TP_STRUCT__entry(
		__string(function, pci_name(pdev))
		__field(u64, guest_rid)
		__field(int, from)
		__field(int, to)
		__field(u64, generation)
	),
	TP_fast_assign(
		__assign_str(function);
		__entry->guest_rid = guest_rid;
		__entry->from = from;
		__entry->to = to;
		__entry->generation = generation;
	),
	TP_printk("%s guest_rid %#llx: %s -> %s generation %llu",
		  __get_str(function), __entry->guest_rid,
		  show_tsm_tdi_phase(__entry->from),
		  show_tsm_tdi_phase(__entry->to), __entry->generation)
);

TRACE_DEFINE_ENUM(TSM_STEP_CREATE);
TRACE_DEFINE_ENUM(TSM_STEP_GATE);
TRACE_DEFINE_ENUM(TSM_STEP_LOCK);
TRACE_DEFINE_ENUM(TSM_STEP_REPORT);
TRACE_DEFINE_ENUM(TSM_STEP_RANGES);
TRACE_DEFINE_ENUM(TSM_STEP_DMA_PREPARE);
TRACE_DEFINE_ENUM(TSM_STEP_DMA_ENABLE);
TRACE_DEFINE_ENUM(TSM_STEP_HOST_DMA_ON);
TRACE_DEFINE_ENUM(TSM_STEP_RUN);
TRACE_DEFINE_ENUM(TSM_STEP_REQUEST);
TRACE_DEFINE_ENUM(TSM_STEP_STATE);
TRACE_DEFINE_ENUM(TSM_STEP_STOP);
TRACE_DEFINE_ENUM(TSM_STEP_STOP_FORCE);
TRACE_DEFINE_ENUM(TSM_STEP_BLOCK);
TRACE_DEFINE_ENUM(TSM_STEP_REVOKE);
TRACE_DEFINE_ENUM(TSM_STEP_DMA_OFF);
TRACE_DEFINE_ENUM(TSM_STEP_HOST_DMA_OFF);
TRACE_DEFINE_ENUM(TSM_STEP_RELEASE);
TRACE_DEFINE_ENUM(TSM_STEP_UNGATE);
TRACE_DEFINE_ENUM(TSM_STEP_DESTROY);

#define show_tsm_tdi_step(step)						\
	__print_symbolic(step,						\
		{ TSM_STEP_CREATE,		"create" },		\
		{ TSM_STEP_GATE,		"gate" },		\
		{ TSM_STEP_LOCK,		"lock" },		\
		{ TSM_STEP_REPORT,		"report" },		\
		{ TSM_STEP_RANGES,		"ranges" },		\
		{ TSM_STEP_DMA_PREPARE,		"dma-prepare" },	\
		{ TSM_STEP_DMA_ENABLE,		"dma-enable" },		\
		{ TSM_STEP_HOST_DMA_ON,		"host-dma-on" },	\
		{ TSM_STEP_RUN,			"run" },		\
		{ TSM_STEP_REQUEST,		"request" },		\
		{ TSM_STEP_STATE,		"state" },		\
		{ TSM_STEP_STOP,		"stop" },		\
		{ TSM_STEP_STOP_FORCE,		"stop-force" },		\
		{ TSM_STEP_BLOCK,		"block" },		\
		{ TSM_STEP_REVOKE,		"revoke" },		\
		{ TSM_STEP_DMA_OFF,		"dma-off" },		\
		{ TSM_STEP_HOST_DMA_OFF,	"host-dma-off" },	\
		{ TSM_STEP_RELEASE,		"release" },		\
		{ TSM_STEP_UNGATE,		"ungate" },		\
		{ TSM_STEP_DESTROY,		"destroy" })

TRACE_EVENT(tsm_tdi_step,
	TP_PROTO(struct pci_dev *pdev, enum tsm_tdi_step step, u32 op, int rc,
		 s64 duration_us),
	TP_ARGS(pdev, step, op, rc, duration_us),
	TP_STRUCT__entry(
		__string(function, pci_name(pdev))
		__field(int, step)
		__field(u32, op)
		__field(int, rc)
		__field(s64, duration_us)
	),
	TP_fast_assign(
		__assign_str(function);
		__entry->step = step;
		__entry->op = op;
		__entry->rc = rc;
		__entry->duration_us = duration_us;
	),
	TP_printk("%s %s op %u: %d duration_us %lld", __get_str(function),
		  show_tsm_tdi_step(__entry->step), __entry->op, __entry->rc,
		  __entry->duration_us)
);

TRACE_DEFINE_ENUM(PCI_TDI_EVENT_ERROR);
TRACE_DEFINE_ENUM(PCI_TDI_EVENT_UNBOUND);
TRACE_DEFINE_ENUM(PCI_TDI_EVENT_QUARANTINED);

#define show_pci_tdi_event(event)					\
	__print_symbolic(event,						\
		{ PCI_TDI_EVENT_ERROR,		"error" },		\
		{ PCI_TDI_EVENT_UNBOUND,	"unbound" },		\
		{ PCI_TDI_EVENT_QUARANTINED,	"quarantined" })

TRACE_EVENT(tsm_tdi_event,
	TP_PROTO(struct pci_dev *pdev, enum pci_tdi_event event),
	TP_ARGS(pdev, event),
	TP_STRUCT__entry(
		__string(function, pci_name(pdev))
		__field(int, event)
	),
	TP_fast_assign(
		__assign_str(function);
		__entry->event = event;
	),
	TP_printk("%s %s", __get_str(function),
		  show_pci_tdi_event(__entry->event))
);

TRACE_EVENT(tsm_viommu,
	TP_PROTO(struct tsm_dev *tsm_dev, u32 type, bool create, int rc,
		 s64 duration_us),
	TP_ARGS(tsm_dev, type, create, rc, duration_us),
	TP_STRUCT__entry(
		__string(tsm, dev_name(&tsm_dev->dev))
		__field(u32, type)
		__field(bool, create)
		__field(int, rc)
		__field(s64, duration_us)
	),
	TP_fast_assign(
		__assign_str(tsm);
		__entry->type = type;
		__entry->create = create;
		__entry->rc = rc;
		__entry->duration_us = duration_us;
	),
	TP_printk("%s %s type %u: %d duration_us %lld", __get_str(tsm),
		  __entry->create ? "create" : "destroy", __entry->type,
		  __entry->rc, __entry->duration_us)
);

#endif /* _DRIVERS_PCI_TSM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
