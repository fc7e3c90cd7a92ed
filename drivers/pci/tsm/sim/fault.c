// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: what is configured, at which message it strikes, and what it does
 * to that message.
 *
 * Messages are DOE objects of types 1 and 2, counted from GET_VERSION, which is
 * number 1, so that a fault strikes each attempt to connect at the same place.
 * Outside a session RESPOND_IF_READY is no message of its own: a device may need
 * it or not, depending on how fast the machine is. What connect() returns then:
 *
 *	no-answer		-EIO, after doe.c waited for a second
 *	doe-error		-EIO
 *	truncate		-EBADMSG
 *	oversize		-EBADMSG
 *	corrupt			-EBADMSG, or -EKEYREJECTED where the bit is covered
 *				by a signature alone
 *	busy			0, or -ETIMEDOUT if the device never gets ready
 *	not-ready		0
 *	unexpected		-EPROTO
 *	bad-chain		-EKEYREJECTED
 *	bad-identity		-EKEYREJECTED
 *	bad-measurement		-EKEYREJECTED
 *	key-refused		-EKEYREJECTED
 *	never-secure		-ENXIO
 *	remove			-ENODEV
 *
 * What goes wrong with TDISP strikes by the kind of request, whenever it comes,
 * or each report that is made or read; what goes wrong with DMA strikes each
 * read.
 */
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>

#include "../spdm/tdisp.h"
#include "dsm.h"

enum sim_fault_kind {
	FAULT_NONE,
	FAULT_NO_ANSWER,
	FAULT_DOE_ERROR,
	FAULT_TRUNCATE,
	FAULT_OVERSIZE,
	FAULT_CORRUPT,
	FAULT_BUSY,
	FAULT_NOT_READY,
	FAULT_UNEXPECTED,
	FAULT_BAD_CHAIN,
	FAULT_BAD_IDENTITY,
	FAULT_BAD_MEASUREMENT,
	FAULT_KEY_REFUSED,
	FAULT_NEVER_SECURE,
	FAULT_REMOVE,
	FAULT_TDISP_ERROR,
	FAULT_TDISP_SILENT,
	FAULT_TDISP_LENGTH,
	FAULT_TDISP_OTHER,
	FAULT_NO_ENTROPY,
	FAULT_STATE_LIES,
	FAULT_REPORT_BAD,
	FAULT_REPORT_PORTIONS,
	FAULT_REPORT_EMPTY,
	FAULT_REPORT_LIES,
	FAULT_REPORT_ENDLESS,
	FAULT_DMA_POISONED,
};

#define FAULT_LAST_BIT		UINT_MAX
#define FAULT_FILLER		0xa5

/* The TDISP requests that have a code, counted from 1 */
#define FAULT_TDISP_REQUESTS	(TDISP_VDM_REQUEST - 0x80)
#define FAULT_TDISP_REQUEST(type) ((type) - 0x80)

/**
 * struct sim_fault_type - how a fault is written
 * @name: first word
 * @message: takes the number of a message, or of a TDISP request
 * @arg: takes an argument after that
 * @arg_default: value of the argument if it is left out
 * @arg_max: largest one
 * @message_max: largest number, 0: there is no limit
 */
struct sim_fault_type {
	const char *name;
	bool message;
	bool arg;
	unsigned int arg_default;
	unsigned int arg_max;
	unsigned int message_max;
};

static const struct sim_fault_type fault_types[] = {
	[FAULT_NONE]		= { "none" },
	[FAULT_NO_ANSWER]	= { "no-answer", true },
	[FAULT_DOE_ERROR]	= { "doe-error", true },
	/* dwords less, dwords more, the bit to flip */
	[FAULT_TRUNCATE]	= { "truncate", true, true, 1, UINT_MAX },
	[FAULT_OVERSIZE]	= { "oversize", true, true, 1, UINT_MAX },
	[FAULT_CORRUPT]		= { "corrupt", true, true, FAULT_LAST_BIT,
				    FAULT_LAST_BIT - 1 },
	/* messages in a row */
	[FAULT_BUSY]		= { "busy", true, true, 1, UINT_MAX },
	[FAULT_NOT_READY]	= { "not-ready", true },
	[FAULT_UNEXPECTED]	= { "unexpected", true },
	[FAULT_BAD_CHAIN]	= { "bad-chain" },
	[FAULT_BAD_IDENTITY]	= { "bad-identity" },
	[FAULT_BAD_MEASUREMENT]	= { "bad-measurement" },
	/* PR, NPR, CPL of Rx, then of Tx */
	[FAULT_KEY_REFUSED]	= { "key-refused", true, true, 0,
				    SIM_IDE_DIRECTIONS * SIM_IDE_SUB_STREAMS -
					    1 },
	[FAULT_NEVER_SECURE]	= { "never-secure" },
	[FAULT_REMOVE]		= { "remove", true },
	/* TDISP request, error code; payload bytes of the answer */
	[FAULT_TDISP_ERROR]	= { "tdisp-error", true, true,
				    TDISP_UNSPECIFIED, UINT_MAX,
				    FAULT_TDISP_REQUESTS },
	[FAULT_TDISP_SILENT]	= { "tdisp-silent", true,
				    .message_max = FAULT_TDISP_REQUESTS },
	[FAULT_TDISP_LENGTH]	= { "tdisp-length", true, true, 0, 1024,
				    FAULT_TDISP_REQUESTS },
	[FAULT_TDISP_OTHER]	= { "tdisp-other", true,
				    .message_max = FAULT_TDISP_REQUESTS },
	[FAULT_NO_ENTROPY]	= { "no-entropy" },
	[FAULT_STATE_LIES]	= { "state-lies", false, true, SIM_TDI_RUN,
				    U8_MAX },
	[FAULT_REPORT_BAD]	= { "report-bad", false, true,
				    SIM_REPORT_SHORT, SIM_REPORT_LAST },
	/* bytes of the report in one message */
	[FAULT_REPORT_PORTIONS]	= { "report-portions", false, true, 16,
				    UINT_MAX },
	[FAULT_REPORT_EMPTY]	= { "report-empty" },
	[FAULT_REPORT_LIES]	= { "report-lies" },
	[FAULT_REPORT_ENDLESS]	= { "report-endless" },
	[FAULT_DMA_POISONED]	= { "dma-poisoned" },
};

/**
 * sim_fault_init() - a device without faults
 * @d: device
 */
void sim_fault_init(struct sim_device *d)
{
	raw_spin_lock_init(&d->fault.lock);
	d->fault.kind = FAULT_NONE;
	d->fault.message = 1;
}

static int fault_number(char **words, unsigned int min, unsigned int max,
			unsigned int *value)
{
	char *word = strsep(words, " ");
	int rc;

	if (!word)
		return 0;

	rc = kstrtouint(word, 10, value);
	if (rc || *value < min || *value > max)
		return -EINVAL;

	return 0;
}

/**
 * sim_fault_parse() - configure a fault
 * @d: device
 * @text: "none", or name, number of the message, argument; what is left out
 *	  at the end has a default; message and argument where they mean
 *	  something, see fault_types
 *
 * Return: 0; -EINVAL with nothing changed; -ENOMEM.
 */
int sim_fault_parse(struct sim_device *d, const char *text)
{
	unsigned int kind, message = 1, arg;
	const struct sim_fault_type *type;
	char *words, *word;

	char *copy __free(kfree) = kstrdup(text, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;

	words = strim(copy);
	word = strsep(&words, " ");
	for (kind = 0; kind < ARRAY_SIZE(fault_types); kind++)
		if (!strcmp(word, fault_types[kind].name))
			break;
	if (kind == ARRAY_SIZE(fault_types))
		return -EINVAL;

	type = &fault_types[kind];
	arg = type->arg_default;
	if (type->message &&
	    fault_number(&words, 1, type->message_max ?: UINT_MAX, &message))
		return -EINVAL;
	if (type->arg && fault_number(&words, 0, type->arg_max, &arg))
		return -EINVAL;
	if (words)
		return -EINVAL;

	guard(raw_spinlock_irqsave)(&d->fault.lock);
	d->fault.kind = kind;
	d->fault.message = message;
	d->fault.arg = arg;
	d->fault.again = false;
	d->fault.hits = 0;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_fault_parse);

/**
 * sim_fault_show() - the configured fault, as sim_fault_parse() takes it
 * @d: device
 * @page: where to
 *
 * Return: bytes written.
 */
ssize_t sim_fault_show(struct sim_device *d, char *page)
{
	const struct sim_fault_type *type;
	unsigned int message, arg;
	ssize_t len;

	scoped_guard(raw_spinlock_irqsave, &d->fault.lock) {
		type = &fault_types[d->fault.kind];
		message = d->fault.message;
		arg = d->fault.arg;
	}

	len = sysfs_emit(page, "%s", type->name);
	if (type->message)
		len += sysfs_emit_at(page, len, " %u", message);
	if (type->arg && arg <= type->arg_max)
		len += sysfs_emit_at(page, len, " %u", arg);
	return len + sysfs_emit_at(page, len, "\n");
}
EXPORT_SYMBOL_IF_KUNIT(sim_fault_show);

/**
 * sim_fault_hits() - how often did the fault strike since it was configured?
 * @d: device
 *
 * Return: that number.
 */
unsigned int sim_fault_hits(struct sim_device *d)
{
	guard(raw_spinlock_irqsave)(&d->fault.lock);
	return d->fault.hits;
}
EXPORT_SYMBOL_IF_KUNIT(sim_fault_hits);

/* Does a fault of this kind strike the message that is being handled? */
static bool fault_strikes(struct sim_fault *f, enum sim_fault_kind kind)
{
	lockdep_assert_held(&f->lock);
	if (f->kind != kind || f->count != f->message)
		return false;
	f->hits++;
	return true;
}

/* Does a fault of this kind, which has no certain message, strike now? */
static bool fault_active(struct sim_device *d, enum sim_fault_kind kind)
{
	guard(raw_spinlock_irqsave)(&d->fault.lock);
	if (d->fault.kind != kind)
		return false;
	d->fault.hits++;
	return true;
}

/**
 * sim_fault_resumes() - is this a question for an answer that was not ready?
 * @doe_type: of the object
 * @req: request
 * @len: its bytes
 *
 * Context: any.
 * Return: whether it is, and can be recognised from outside.
 */
bool sim_fault_resumes(u8 doe_type, const void *req, size_t len)
{
	const struct spdm_hdr *hdr = req;

	return doe_type == SPDM_DOE_CMA && len >= sizeof(*hdr) &&
	       hdr->code == SPDM_RESPOND_IF_READY;
}

/* The device itself, not a fault, is late: the answer is still to come */
static bool fault_not_yet(u8 doe_type, const void *rsp, size_t len)
{
	const struct spdm_hdr *hdr = rsp;

	return doe_type == SPDM_DOE_CMA && len >= sizeof(*hdr) &&
	       hdr->code == SPDM_ERROR && hdr->param1 == SPDM_ERR_NOT_READY;
}

/**
 * sim_fault_request() - count a message; is it to be lost?
 * @d: device
 * @doe_type: of the object
 * @req: request
 * @len: its bytes
 *
 * Return: what the mailbox does with it.
 */
enum sim_fault_action sim_fault_request(struct sim_device *d, u8 doe_type,
					const void *req, size_t len)
{
	const struct spdm_hdr *hdr = req;
	struct sim_fault *f = &d->fault;

	guard(raw_spinlock_irqsave)(&f->lock);
	/* A GET_VERSION that is repeated begins nothing */
	if (doe_type == SPDM_DOE_CMA && len >= sizeof(*hdr) &&
	    hdr->code == SPDM_GET_VERSION && !f->again)
		f->count = 0;
	f->resumed = sim_fault_resumes(doe_type, req, len);
	if (!f->resumed)
		f->count++;
	f->again = false;

	if (fault_strikes(f, FAULT_NO_ANSWER))
		return SIM_FAULT_NO_ANSWER;
	if (fault_strikes(f, FAULT_DOE_ERROR))
		return SIM_FAULT_DOE_ERROR;
	if (fault_strikes(f, FAULT_REMOVE))
		return SIM_FAULT_REMOVE;
	return SIM_FAULT_NONE;
}
EXPORT_SYMBOL_IF_KUNIT(sim_fault_request);

/**
 * sim_fault_response() - spoil an answer
 * @d: device
 * @doe_type: of the object
 * @rsp: answer
 * @len: its bytes, whole dwords
 * @size: bytes that fit at @rsp
 *
 * Return: the answer's new length.
 */
size_t sim_fault_response(struct sim_device *d, u8 doe_type, void *rsp,
			  size_t len, size_t size)
{
	struct sim_fault *f = &d->fault;
	size_t change, bit;
	u8 *bytes = rsp;

	guard(raw_spinlock_irqsave)(&f->lock);
	if (fault_not_yet(doe_type, rsp, len))
		return len;
	change = 4 * min_t(size_t, f->arg, size / 4);

	if (fault_strikes(f, FAULT_TRUNCATE))
		return len - min(change, len);

	if (fault_strikes(f, FAULT_OVERSIZE)) {
		change = min(change, size - len);
		memset(bytes + len, FAULT_FILLER, change);
		return len + change;
	}

	if (len && fault_strikes(f, FAULT_CORRUPT)) {
		bit = f->arg == FAULT_LAST_BIT ? 8 * len - 1 :
						 f->arg % (8 * len);
		bytes[bit / 8] ^= 1 << (bit % 8);
	}

	return len;
}
EXPORT_SYMBOL_IF_KUNIT(sim_fault_response);

/**
 * sim_fault_spdm_error() - is the present message answered with an ERROR?
 * @d: device
 *
 * Return: the SPDM error code, or 0.
 */
u8 sim_fault_spdm_error(struct sim_device *d)
{
	struct sim_fault *f = &d->fault;

	guard(raw_spinlock_irqsave)(&f->lock);
	if (f->resumed)
		return 0;
	if (fault_strikes(f, FAULT_NOT_READY))
		return SPDM_ERR_NOT_READY;
	if (fault_strikes(f, FAULT_UNEXPECTED))
		return SPDM_ERR_UNEXPECTED_REQUEST;
	/* each retry is a message of its own */
	if (f->kind == FAULT_BUSY && f->count >= f->message &&
	    f->count - f->message < f->arg) {
		f->again = true;
		f->hits++;
		return SPDM_ERR_BUSY;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_fault_spdm_error);

/**
 * sim_fault_chain() - which chain does the device show on this connection?
 * @d: device
 *
 * Return: see enum sim_fault_chain.
 */
enum sim_fault_chain sim_fault_chain(struct sim_device *d)
{
	if (fault_active(d, FAULT_BAD_CHAIN))
		return SIM_CHAIN_STRANGER;
	if (fault_active(d, FAULT_BAD_IDENTITY))
		return SIM_CHAIN_IMPOSTOR;
	return SIM_CHAIN_DEVICE;
}

/**
 * sim_fault_bad_measurement() - are measurements signed wrongly?
 * @d: device
 *
 * Return: whether they are on this connection.
 */
bool sim_fault_bad_measurement(struct sim_device *d)
{
	return fault_active(d, FAULT_BAD_MEASUREMENT);
}

/**
 * sim_fault_key_refused() - does the device refuse this key?
 * @d: device
 * @direction: 0 Rx, 1 Tx
 * @sub_stream: 0 PR, 1 NPR, 2 CPL
 *
 * Return: whether it does.
 */
bool sim_fault_key_refused(struct sim_device *d, u8 direction, u8 sub_stream)
{
	struct sim_fault *f = &d->fault;

	guard(raw_spinlock_irqsave)(&f->lock);
	if (f->kind != FAULT_KEY_REFUSED ||
	    f->arg != direction * SIM_IDE_SUB_STREAMS + sub_stream)
		return false;
	f->hits++;
	return true;
}

/**
 * sim_fault_never_secure() - does no stream of the device get secure?
 * @d: device
 *
 * Context: under sim_device::lock.
 * Return: whether that is so.
 */
bool sim_fault_never_secure(struct sim_device *d)
{
	return fault_active(d, FAULT_NEVER_SECURE);
}

/* Does a fault of this kind strike this TDISP request? */
static bool fault_tdisp(struct sim_device *d, enum sim_fault_kind kind, u8 type,
			unsigned int *arg)
{
	struct sim_fault *f = &d->fault;

	guard(raw_spinlock_irqsave)(&f->lock);
	if (f->kind != kind || f->message != FAULT_TDISP_REQUEST(type))
		return false;
	*arg = f->arg;
	f->hits++;
	return true;
}

/* The argument of a fault of this kind, which has no certain message */
static bool fault_arg(struct sim_device *d, enum sim_fault_kind kind,
		      unsigned int *arg)
{
	guard(raw_spinlock_irqsave)(&d->fault.lock);
	if (d->fault.kind != kind)
		return false;
	*arg = d->fault.arg;
	d->fault.hits++;
	return true;
}

/**
 * sim_fault_tdisp_silent() - does a TDISP request get no answer?
 * @d: device
 * @type: of the request
 *
 * Return: whether that is so.
 */
bool sim_fault_tdisp_silent(struct sim_device *d, u8 type)
{
	unsigned int arg;

	return fault_tdisp(d, FAULT_TDISP_SILENT, type, &arg);
}

/**
 * sim_fault_tdisp_error() - is a TDISP request refused, whatever it says?
 * @d: device
 * @type: of the request
 *
 * Return: the code of the TDISP_ERROR, or 0.
 */
u32 sim_fault_tdisp_error(struct sim_device *d, u8 type)
{
	unsigned int arg;

	return fault_tdisp(d, FAULT_TDISP_ERROR, type, &arg) ? arg : 0;
}

/**
 * sim_fault_no_entropy() - has the device no randomness for a nonce?
 * @d: device
 *
 * Context: any, also under sim_device::lock.
 * Return: whether that is so.
 */
bool sim_fault_no_entropy(struct sim_device *d)
{
	return fault_active(d, FAULT_NO_ENTROPY);
}

/* A portion that says one thing and does another */
static size_t fault_portion(struct sim_device *d, u8 *rsp, size_t len)
{
	u8 *length = rsp + TDISP_HDR_SIZE, *remainder = length + 2;
	u16 portion = get_unaligned_le16(length);

	if (fault_active(d, FAULT_REPORT_EMPTY)) {
		put_unaligned_le16(portion + get_unaligned_le16(remainder),
				   remainder);
		put_unaligned_le16(0, length);
		return TDISP_REPORT_OVERHEAD;
	}
	if (fault_active(d, FAULT_REPORT_LIES))
		put_unaligned_le16(portion + 1, length);
	return len;
}

/**
 * sim_fault_tdisp_response() - spoil the answer to a TDISP request
 * @d: device
 * @type: of the request
 * @rsp: answer
 * @len: its bytes, at least TDISP_HDR_SIZE
 * @size: bytes that fit at @rsp
 *
 * Return: the answer's new length.
 */
size_t sim_fault_tdisp_response(struct sim_device *d, u8 type, u8 *rsp,
				size_t len, size_t size)
{
	bool refused = rsp[1] == TDISP_ERROR;
	unsigned int arg;
	size_t full;

	if (fault_tdisp(d, FAULT_TDISP_OTHER, type, &arg))
		rsp[4] ^= 1;	/* the function number */

	if (fault_tdisp(d, FAULT_TDISP_LENGTH, type, &arg)) {
		full = min_t(size_t, TDISP_HDR_SIZE + arg, size);
		if (full > len)
			memset(rsp + len, FAULT_FILLER, full - len);
		return full;
	}

	if (refused)
		return len;
	if (type == TDISP_GET_DEVICE_INTERFACE_STATE &&
	    fault_arg(d, FAULT_STATE_LIES, &arg))
		rsp[TDISP_HDR_SIZE] = arg;
	if (type == TDISP_GET_DEVICE_INTERFACE_REPORT)
		return fault_portion(d, rsp, len);
	return len;
}

/**
 * sim_fault_report() - what is wrong with the report of a function being locked?
 * @d: device
 *
 * Context: any, also under sim_device::lock.
 * Return: see enum sim_fault_report.
 */
enum sim_fault_report sim_fault_report(struct sim_device *d)
{
	unsigned int arg;

	return fault_arg(d, FAULT_REPORT_BAD, &arg) ? arg : SIM_REPORT_GOOD;
}

/**
 * sim_fault_report_endless() - is there always one more byte of a report?
 * @d: device
 *
 * Context: any, also under sim_device::lock.
 * Return: whether there is.
 */
bool sim_fault_report_endless(struct sim_device *d)
{
	return fault_active(d, FAULT_REPORT_ENDLESS);
}

/**
 * sim_fault_portion_max() - how much of a report is sent at once?
 * @d: device
 *
 * Context: any, also under sim_device::lock.
 * Return: bytes, at least 1.
 */
unsigned int sim_fault_portion_max(struct sim_device *d)
{
	unsigned int arg;

	return fault_arg(d, FAULT_REPORT_PORTIONS, &arg) ? arg ?: 1 : UINT_MAX;
}

/**
 * sim_fault_dma_poisoned() - does poisoned data come back from a DMA read?
 * @d: device
 *
 * Context: any.
 * Return: whether that is so.
 */
bool sim_fault_dma_poisoned(struct sim_device *d)
{
	return fault_active(d, FAULT_DMA_POISONED);
}
