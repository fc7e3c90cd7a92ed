/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the PCI/TSM core: one per state transition and one per
 * message exchanged with a device. They are a debugging aid and no ABI.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pci_tsm

#if !defined(_DRIVERS_PCI_TSM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DRIVERS_PCI_TSM_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>
#include <linux/tsm.h>

#include "tsm.h"

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

#endif /* _DRIVERS_PCI_TSM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
