/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For KUnit tests of TDIs: a device made of bare structures, a TSM driver and
 * a host that record what the core calls, in order, and fail where they are
 * told to. Everything between them is the core itself.
 */
#ifndef _DRIVERS_PCI_TSM_TDI_FAKE_H
#define _DRIVERS_PCI_TSM_TDI_FAKE_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/pci.h>
#include <linux/pci-tdi.h>
#include <linux/pci-tsm.h>
#include <linux/sched/task.h>
#include <linux/tsm.h>

#include "tdi.h"

#define FAKE_VFS		2
#define FAKE_STEPS		(TSM_STEP_DESTROY + 1)
#define FAKE_MAX_MSG		256
#define FAKE_RID_BITS		16
#define FAKE_VIOMMU_TYPE	40
#define FAKE_TSM_CODE		0x5eedULL

/* How much faster time goes by after fake_hurry() */
#define FAKE_HURRY		20

/* BAR 0 of each function: private pages, then one that the host may use */
#define FAKE_BAR_LEN		SZ_32K
#define FAKE_BAR_TEE		SZ_16K
#define FAKE_BAR_NON_TEE	SZ_4K

/* Every operation that can be asked of a TSM */
#define FAKE_ALL_OPS		GENMASK_ULL(TSM_OP_GUEST_MSG,		\
					    TSM_OP_VALIDATE_MMIO)

/**
 * struct fake_fn - a function of the fake device
 * @pdev: the function
 * @state: of its TDI, as the device sees it
 */
struct fake_fn {
	struct pci_dev *pdev;
	enum tsm_tdi_state state;
};

/* What may happen to a TDI; see tdi_test_event() */
enum tdi_test_event {
	EVENT_LOCK,
	EVENT_RUN,
	EVENT_STOP,
	EVENT_QUERY,		/* and the device is as it was left */
	EVENT_DEVICE_ERROR,	/* seen by a query */
	EVENT_FIRMWARE_RUN,	/* seen by a query */
	EVENT_REQUEST,
	EVENT_RESET,		/* noted, then seen by a request */
	EVENT_POWER,		/* noted, but nothing was lost */
	EVENT_BLOCKED,		/* a sibling's stop took the IDE stream */
	EVENT_STOP_FAILS,
	EVENT_DISARM,
	EVENT_DESTROY,
	EVENT_DISCONNECT,	/* by a user */
	EVENT_SLEEP,
	EVENT_SHUTDOWN,
	EVENT_UNREGISTER,
	EVENT_FUNCTION_GONE,
	EVENT_DEVICE_GONE,
	NR_EVENTS
};

/* What keeps a function from being woken; see fake_power_break() */
enum fake_power_defect {
	FAKE_POWER_NO_RESUME,
	FAKE_POWER_NO_SUSPEND,
};

struct fake_bus;

/**
 * struct fake_tsm - a TSM driver, and the device that it is connected with
 * @test: that it belongs to
 * @ops: as registered; its tdi_ops are NULL or @tdi_ops
 * @tdi_ops: operations on TDIs, for a test to change before it registers
 * @tsm_dev: the class device, of no class
 * @bus: that the device is on
 * @pf0: function 0, the DSM
 * @vf: VFs of it
 * @registered: with the core
 * @connected: DSM and TSM
 * @fail: errno of each step that is to fail
 * @fail_once: fail the next time only
 * @late: bit n: step n goes on until its conversation is to end, and fails then
 * @one_deadline: with @late: the first stop takes all the time that there is for
 *	all of them, so that the others are over when they begin
 * @stops: without force, so far
 * @in_late: when not NULL, completed when a step of @late has begun
 * @late_go_on: when not NULL, a step of @late succeeds when it is completed
 * @late_deaf: a step of @late succeeds when its conversation is to end
 * @in_req: when not NULL, completed by guest_req(), which then waits until its
 *	conversation is to end, or for @go_on
 * @go_on: see @in_req
 * @deaf: guest_req() waits for @go_on only
 * @own_lock: when not NULL, a mutex of the driver that connect(), disconnect() and
 *	what talks to a device take
 * @in_connect: when not NULL, completed before connect() or disconnect() takes it
 * @running: operations that run right now
 * @overlap: the most of them that ran at one time
 * @contexts: of the TSM driver that exist
 * @log: names of what was called, each after a space
 */
struct fake_tsm {
	struct kunit *test;
	struct pci_tsm_ops ops;
	struct pci_tdi_ops tdi_ops;
	struct tsm_dev *tsm_dev;
	struct fake_bus *bus;
	struct fake_fn pf0;
	struct fake_fn vf[FAKE_VFS];
	bool registered;
	bool connected;
	int fail[FAKE_STEPS];
	bool fail_once;
	unsigned long late;
	bool one_deadline;
	unsigned int stops;
	struct completion *in_late;
	struct completion *late_go_on;
	bool late_deaf;
	struct completion *in_req;
	struct completion *go_on;
	bool deaf;
	struct mutex *own_lock;		/* protects nothing */
	struct completion *in_connect;
	atomic_t running;
	atomic_t overlap;
	atomic_t contexts;
	char log[1024];
};

/**
 * struct fake_vm - a VM, as far as anybody here looks into one
 * @refs: references
 */
struct fake_vm {
	atomic_t refs;
};

/* tdi_fake_device.c */
struct fake_bus *fake_bus_new(struct kunit *test);
struct pci_dev *fake_dev_new(struct fake_tsm *f, int devfn,
			     struct pci_dev *physfn);
void fake_power_break(struct fake_tsm *f, struct pci_dev *pdev,
		      enum fake_power_defect defect);
void fake_power_mend(struct fake_tsm *f, struct pci_dev *pdev);
unsigned int fake_power_users(struct pci_dev *pdev);

/* tdi_fake.c */
struct fake_tsm *fake_tsm_new(struct kunit *test);
void fake_tsm_register(struct fake_tsm *f);
void fake_tsm_unregister(struct fake_tsm *f);
void fake_tsm_connect(struct fake_tsm *f);
int fake_tsm_disconnect(struct fake_tsm *f);
void fake_fn_leave(struct fake_tsm *f, struct pci_dev *pdev);
void fake_log_clear(struct fake_tsm *f);
int fake_tsm_sleep(struct fake_tsm *f);
void fake_hurry(struct kunit *test);
struct task_struct *fake_thread(struct kunit *test, int (*fn)(void *arg),
				void *arg);

struct fake_vm *fake_vm_new(struct kunit *test);
struct pci_tdi_vm fake_vm_desc(struct fake_vm *vm);
struct pci_tdi_create_args fake_args(struct fake_tsm *f, struct fake_vm *vm,
				     u64 guest_rid);
struct pci_tdi *fake_tdi_with(struct fake_tsm *f, struct pci_dev *pdev,
			      const struct pci_tdi_create_args *args);
struct pci_tdi *fake_tdi(struct fake_tsm *f, struct pci_dev *pdev);
void fake_tdi_destroy(struct fake_tsm *f, struct pci_tdi *tdi);
void fake_tdi_to(struct fake_tsm *f, struct pci_tdi *tdi,
		 enum tsm_tdi_phase phase);

/* tdi_state_test.c */
struct pci_tdi *tdi_test_sibling(struct fake_tsm *f);
int tdi_test_event(struct fake_tsm *f, struct pci_tdi *tdi,
		   struct pci_tdi *sibling, enum tdi_test_event event);
int tdi_test_end(struct fake_tsm *f, struct pci_dev *pdev,
		 enum tdi_test_event event);

/* What was called since the log was cleared last */
#define FAKE_EXPECT_LOG(f, expected)					\
	do {								\
		struct fake_tsm *_f = (f);				\
									\
		KUNIT_EXPECT_STREQ(_f->test, expected, _f->log);	\
	} while (0)

#endif
