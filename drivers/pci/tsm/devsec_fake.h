/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For KUnit tests of the guest half: a devsec TSM that records what the core
 * calls, in order, and fails where it is told to. Functions are those of
 * tdi_fake.h. Everything between is the core itself.
 */
#ifndef _DRIVERS_PCI_TSM_DEVSEC_FAKE_H
#define _DRIVERS_PCI_TSM_DEVSEC_FAKE_H

#include <linux/completion.h>

#include "devsec.h"
#include "tdi_fake.h"

struct fake_agent;
struct fake_agent_ctx;

/**
 * struct fake_agent_driver - a driver of the function
 * @drv: the driver
 * @handlers: its error handlers
 * @a: whom it belongs to
 */
struct fake_agent_driver {
	struct pci_driver drv;
	struct pci_error_handlers handlers;
	struct fake_agent *a;
};

enum agent_step {
	AGENT_LOCK,
	AGENT_READ,
	AGENT_REGEN,
	AGENT_ACCEPT,
	AGENT_MMIO_ON,
	AGENT_MMIO_OFF,
	AGENT_DMA_ON,
	AGENT_DMA_OFF,
	AGENT_STATE,
	AGENT_UNLOCK,
	AGENT_STEPS
};

/**
 * struct fake_agent - a devsec TSM, and a function that it may lock
 * @test: that it belongs to
 * @f: where the functions come from
 * @pdev: the function
 * @ops: as registered
 * @devsec_ops: for a test to change before it registers
 * @tsm_dev: the class device, of no class
 * @registered: with the core
 * @state: of the function, as it sees itself
 * @fail: errno of each step that is to fail
 * @refuse_after: a step that fails has done its work nevertheless
 * @object_len: bytes of each object but the report
 * @salt: what the bytes of objects depend on
 * @bad_report: the report says more ranges than it has
 * @wait_in: step that waits, if @in_step is not NULL
 * @in_step: completed by that step, which then waits until its conversation is to
 *	end, or for @go_on
 * @go_on: see @in_step
 * @driver: that fake_agent_bind() binds
 * @masters: the function masters the bus before its driver says so
 * @ctx: context that was made last, if it exists
 * @contexts: of the TSM driver that exist
 * @told: error handler calls
 * @log: names of what was called and announced, each after a space
 */
struct fake_agent {
	struct kunit *test;
	struct fake_tsm *f;
	struct pci_dev *pdev;
	struct pci_tsm_ops ops;
	struct pci_devsec_ops devsec_ops;
	struct tsm_dev *tsm_dev;
	bool registered;
	enum tsm_tdi_state state;
	int fail[AGENT_STEPS];
	bool refuse_after;
	size_t object_len;
	u8 salt;
	bool bad_report;
	enum agent_step wait_in;
	struct completion *in_step;
	struct completion *go_on;
	struct fake_agent_driver driver;
	bool masters;
	struct fake_agent_ctx *ctx;
	int contexts;
	int told;
	char log[1024];
};

struct fake_agent *fake_agent_new(struct kunit *test);
void fake_agent_register(struct fake_agent *a);
void fake_agent_unregister(struct fake_agent *a);
int fake_agent_lock(struct fake_agent *a);
int fake_agent_unlock(struct fake_agent *a);
int fake_agent_bind(struct fake_agent *a);
void fake_agent_unbind(struct fake_agent *a);
void fake_agent_loss(struct fake_agent *a, bool reported);
int fake_agent_refresh(struct fake_agent *a, u32 types,
		       const u8 nonce[TSM_NONCE_SIZE]);
void fake_agent_not_quiet(struct fake_agent *a);
void fake_agent_remove(struct fake_agent *a);
enum tsm_devsec_state fake_agent_state(struct fake_agent *a);
u64 fake_agent_generation(struct fake_agent *a);
void fake_agent_to(struct fake_agent *a, enum tsm_devsec_state state);
void fake_agent_bind_and_to(struct fake_agent *a, enum tsm_devsec_state state);

/* What was called since the log was read last */
#define AGENT_EXPECT_LOG(a, expected)					\
	do {								\
		struct fake_agent *_a = (a);				\
									\
		KUNIT_EXPECT_STREQ(_a->test, expected, _a->log);	\
		_a->log[0] = '\0';					\
	} while (0)

#endif
