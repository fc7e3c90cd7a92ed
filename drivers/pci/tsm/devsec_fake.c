// SPDX-License-Identifier: GPL-2.0-only
/*
 * For KUnit tests of the guest half: see devsec_fake.h.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "devsec_fake.h"

struct fake_agent_ctx {
	struct pci_tsm_devsec base;
	struct fake_agent *a;
};

static struct fake_agent *to_agent(struct pci_tsm_devsec *ctx)
{
	return container_of(ctx, struct fake_agent_ctx, base)->a;
}

static void agent_log(struct fake_agent *a, const char *name)
{
	static DEFINE_SPINLOCK(lock);

	guard(spinlock)(&lock);
	strlcat(a->log, " ", sizeof(a->log));
	strlcat(a->log, name, sizeof(a->log));
}

/* Somebody else is to find the function in the state that this is called in. */
static int agent_wait(struct fake_agent *a, struct pci_dev *pdev)
{
	int rc = 0;

	complete(a->in_step);
	while (!rc && !try_wait_for_completion(a->go_on)) {
		rc = pci_devsec_may_go_on(pdev);
		msleep(20);
	}
	return rc;
}

static int agent_step(struct fake_agent *a, struct pci_dev *pdev,
		      enum agent_step step, const char *name)
{
	int rc = 0;

	agent_log(a, name);
	/* a blocking test is about one function, others are not to wait */
	if (a->in_step && a->wait_in == step && pdev == a->pdev)
		rc = agent_wait(a, pdev);
	return rc ?: a->fail[step];
}

/* --- operations ------------------------------------------------------------ */

static struct pci_tsm_devsec *agent_lock(struct tsm_dev *tsm_dev,
					 struct pci_dev *pdev, u64 *tsm_code)
{
	struct fake_agent *a = container_of(tsm_dev->pci_ops,
					    struct fake_agent, ops);
	int rc = agent_step(a, pdev, AGENT_LOCK, "lock");
	struct fake_agent_ctx *ctx;

	*tsm_code = FAKE_TSM_CODE;
	if (rc)
		return ERR_PTR(rc);

	ctx = kzalloc_obj(*ctx);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	ctx->a = a;
	if (pdev == a->pdev)
		a->ctx = ctx;
	a->contexts++;
	a->state = TSM_TDI_LOCKED;
	return &ctx->base;
}

static ssize_t agent_report(struct fake_agent *a, u64 offset, void *buf,
			    size_t len)
{
	struct {
		struct pci_tdi_report_hdr hdr;
		struct pci_tdi_report_range range[2];
		__le32 info_len;
	} __packed report = {
		.hdr.range_count = cpu_to_le32(a->bad_report ? 99 : 2),
		.range[0].nr_pages =
			cpu_to_le32(FAKE_BAR_TEE >> PCI_TDI_PAGE_SHIFT),
		.range[1].first_page =
			cpu_to_le64(FAKE_BAR_TEE >> PCI_TDI_PAGE_SHIFT),
		.range[1].nr_pages =
			cpu_to_le32(FAKE_BAR_NON_TEE >> PCI_TDI_PAGE_SHIFT),
		.range[1].attributes = cpu_to_le32(PCI_TDI_RANGE_NON_TEE),
	};

	len = min_t(u64, len, sizeof(report) - min_t(u64, offset,
						     sizeof(report)));
	memcpy(buf, (u8 *)&report + offset, len);
	return len;
}

static ssize_t agent_read(struct pci_tsm_devsec *ctx, enum tsm_object_type type,
			  u64 offset, void *buf, size_t len)
{
	struct fake_agent *a = to_agent(ctx);

	if (a->fail[AGENT_READ])
		return a->fail[AGENT_READ];
	if (type == TSM_OBJECT_INTERFACE_REPORT)
		return agent_report(a, offset, buf, len);

	len = min_t(u64, len, a->object_len - offset);
	/* never as much as there is room for, if it is much */
	len = min_t(size_t, len, SZ_16K);
	for (size_t i = 0; i < len; i++)
		((u8 *)buf)[i] = a->salt + type + (offset + i) * 31;
	return len;
}

static int agent_regen(struct pci_tsm_devsec *ctx, enum tsm_object_type type,
		       const u8 nonce[TSM_NONCE_SIZE])
{
	struct fake_agent *a = to_agent(ctx);

	a->salt = nonce[0];
	return agent_step(a, ctx->pdev, AGENT_REGEN, "regen");
}

static int agent_accept(struct pci_tsm_devsec *ctx, u64 *tsm_code)
{
	struct fake_agent *a = to_agent(ctx);
	int rc = agent_step(a, ctx->pdev, AGENT_ACCEPT, "accept");

	if (!rc || a->refuse_after)
		a->state = TSM_TDI_RUN;
	return rc;
}

static int agent_mmio(struct pci_tsm_devsec *ctx,
		      const struct pci_devsec_mmio *range, bool on)
{
	struct fake_agent *a = to_agent(ctx);

	/* the one TEE range, and never the other one */
	KUNIT_EXPECT_EQ(a->test, 0, range->bar);
	KUNIT_EXPECT_EQ(a->test, 0, range->offset);
	KUNIT_EXPECT_EQ(a->test, FAKE_BAR_TEE, range->len);
	KUNIT_EXPECT_EQ(a->test, pci_resource_start(ctx->pdev, 0), range->start);
	return on ? agent_step(a, ctx->pdev, AGENT_MMIO_ON, "mmio-on") :
		    agent_step(a, ctx->pdev, AGENT_MMIO_OFF, "mmio-off");
}

static int agent_dma(struct pci_tsm_devsec *ctx, bool on)
{
	struct fake_agent *a = to_agent(ctx);

	return on ? agent_step(a, ctx->pdev, AGENT_DMA_ON, "dma-on") :
		    agent_step(a, ctx->pdev, AGENT_DMA_OFF, "dma-off");
}

/* Not in the log: it is polled */
static int agent_state(struct pci_tsm_devsec *ctx, enum tsm_tdi_state *state)
{
	struct fake_agent *a = to_agent(ctx);

	*state = a->state;
	return a->fail[AGENT_STATE];
}

static int agent_unlock(struct pci_tsm_devsec *ctx, u64 *tsm_code)
{
	struct fake_agent *a = to_agent(ctx);
	int rc = agent_step(a, ctx->pdev, AGENT_UNLOCK, "unlock");

	/* a teardown goes on, whoever gave up */
	KUNIT_EXPECT_EQ(a->test, 0, pci_devsec_may_go_on(ctx->pdev));
	if (rc)
		return rc;
	a->state = TSM_TDI_UNLOCKED;
	a->contexts--;
	if (ctx->pdev == a->pdev)
		a->ctx = NULL;
	kfree(container_of(ctx, struct fake_agent_ctx, base));
	return 0;
}

/* --- what the core asks of the machine -------------------------------------- */

static struct fake_agent *agent_current(void)
{
	return kunit_get_current_test()->priv;
}

static int agent_quiet(struct pci_dev *pdev)
{
	return 0;
}

static bool agent_masters(struct pci_dev *pdev)
{
	struct fake_agent *a = kunit_get_current_test()->priv;

	return a->masters;
}

static void agent_no_poll(struct tsm_devsec *d)
{
}

static int agent_not_quiet(struct pci_dev *pdev)
{
	return -EBUSY;
}

static int agent_decode(struct pci_dev *pdev, bool on)
{
	agent_log(agent_current(), on ? "decode" : "no-decode");
	return 0;
}

static void agent_silence(struct pci_dev *pdev)
{
	agent_log(agent_current(), "silence");
}

static void agent_announce(struct tsm_devsec *d, enum tsm_devsec_state state,
			   u64 generation)
{
	struct fake_agent *a = agent_current();
	char name[32];

	KUNIT_EXPECT_EQ_MSG(a->test, !!generation,
			    state == TSM_DEVSEC_LOCKED ||
			    state == TSM_DEVSEC_RUN, "state %d", state);
	snprintf(name, sizeof(name), "[%d]", state);
	agent_log(a, name);
}

static pci_ers_result_t agent_error_detected(struct pci_dev *pdev,
					     pci_channel_state_t state)
{
	struct fake_agent *a = container_of(pdev->driver,
					    struct fake_agent_driver, drv)->a;

	KUNIT_EXPECT_TRUE(a->test, state == pci_channel_io_perm_failure);
	/* revoked first, informed second */
	KUNIT_EXPECT_TRUE(a->test, fake_agent_state(a) == TSM_DEVSEC_LOST ||
			  fake_agent_state(a) == TSM_DEVSEC_STUCK);
	KUNIT_EXPECT_TRUE(a->test, pci_devsec_private_dma(&pdev->dev));
	a->told++;
	return PCI_ERS_RESULT_DISCONNECT;
}

/* --- for tests ---------------------------------------------------------------- */

void fake_agent_not_quiet(struct fake_agent *a)
{
	kunit_activate_static_stub(a->test, tsm_devsec_quiet, agent_not_quiet);
}

void fake_agent_register(struct fake_agent *a)
{
	KUNIT_ASSERT_EQ(a->test, 0, pci_tsm_register(a->tsm_dev));
	a->registered = true;
}

void fake_agent_unregister(struct fake_agent *a)
{
	pci_tsm_unregister(a->tsm_dev);
	a->registered = false;
	/* what it did not unlock is its own affair, as the core forgets it */
	a->contexts -= !!a->ctx;
	kfree(a->ctx);
	a->ctx = NULL;
}

int fake_agent_lock(struct fake_agent *a)
{
	return tsm_devsec_lock(a->pdev, a->tsm_dev->id);
}

int fake_agent_unlock(struct fake_agent *a)
{
	return tsm_devsec_unlock(a->pdev, a->tsm_dev->id);
}

/* As the driver core does it, and the PCI core for it */
int fake_agent_bind(struct fake_agent *a)
{
	int rc;

	guard(device)(&a->pdev->dev);
	rc = pci_devsec_attach(a->pdev);
	if (rc)
		return rc;
	a->pdev->dev.driver = &a->driver.drv.driver;
	a->pdev->driver = &a->driver.drv;
	return 0;
}

void fake_agent_unbind(struct fake_agent *a)
{
	guard(device)(&a->pdev->dev);
	if (!a->pdev->driver)
		return;
	a->pdev->driver = NULL;
	pci_devsec_detach(a->pdev);
	a->pdev->dev.driver = NULL;
}

/* A loss, as the poll finds it, or as somebody reports it; the driver is told */
void fake_agent_loss(struct fake_agent *a, bool reported)
{
	struct tsm_devsec *d = tsm_devsec_get(a->pdev);

	if (!d)
		return;
	tsm_devsec_look(d, reported);
	flush_work(&d->tell_work);
	tsm_devsec_put(d);
}

/* Have evidence made anew, and wait for the end of that, whatever it is */
int fake_agent_refresh(struct fake_agent *a, u32 types,
		       const u8 nonce[TSM_NONCE_SIZE])
{
	int rc = tsm_evidence_refresh(a->pdev, types, nonce);
	struct tsm_devsec *d;

	if (rc)
		return rc;
	d = tsm_devsec_get(a->pdev);
	flush_work(&d->refresh.work);
	tsm_devsec_put(d);
	return 0;
}

/* Its driver leaves first, as the PCI core has it. */
void fake_agent_remove(struct fake_agent *a)
{
	fake_agent_unbind(a);
	set_bit(PCI_DEV_REMOVED, &a->pdev->priv_flags);
	tsm_devsec_gone(a->pdev);
}

enum tsm_devsec_state fake_agent_state(struct fake_agent *a)
{
	struct tsm_devsec *d = tsm_devsec_get(a->pdev);
	enum tsm_devsec_state state = TSM_DEVSEC_UNLOCKED;

	if (d) {
		state = READ_ONCE(d->state);
		tsm_devsec_put(d);
	}
	return state;
}

u64 fake_agent_generation(struct fake_agent *a)
{
	struct tsm_evidence *e = tsm_evidence_get(a->pdev);
	u64 generation = 0;

	if (e) {
		generation = e->generation;
		tsm_evidence_put(e);
	}
	return generation;
}

/* Bring an unlocked function to a state that lasts. */
void fake_agent_to(struct fake_agent *a, enum tsm_devsec_state state)
{
	struct kunit *test = a->test;

	if (state != TSM_DEVSEC_UNLOCKED)
		KUNIT_ASSERT_EQ(test, 0, fake_agent_lock(a));
	if (state == TSM_DEVSEC_RUN || state == TSM_DEVSEC_LOST)
		KUNIT_ASSERT_EQ(test, 0, tsm_devsec_accept(a->pdev));
	if (state == TSM_DEVSEC_LOST) {
		a->state = TSM_TDI_ERROR;
		fake_agent_loss(a, false);
	}
	if (state == TSM_DEVSEC_STUCK) {
		a->fail[AGENT_UNLOCK] = -EREMOTEIO;
		KUNIT_ASSERT_EQ(test, -EREMOTEIO, fake_agent_unlock(a));
	}
	KUNIT_ASSERT_EQ(test, state, fake_agent_state(a));
	a->log[0] = '\0';
}

/* Bind a driver, and bring the function to a state that lasts. */
void fake_agent_bind_and_to(struct fake_agent *a, enum tsm_devsec_state state)
{
	struct kunit *test = a->test;

	fake_agent_to(a, state == TSM_DEVSEC_UNLOCKED ? state : TSM_DEVSEC_RUN);
	KUNIT_ASSERT_EQ(test, 0, fake_agent_bind(a));
	if (state == TSM_DEVSEC_STUCK) {
		a->fail[AGENT_DMA_OFF] = -EREMOTEIO;
		a->fail[AGENT_UNLOCK] = -EREMOTEIO;
	}
	if (state == TSM_DEVSEC_LOST || state == TSM_DEVSEC_STUCK) {
		a->state = TSM_TDI_ERROR;
		fake_agent_loss(a, false);
	}
	KUNIT_ASSERT_EQ(test, state, fake_agent_state(a));
	a->log[0] = '\0';
}

static void agent_exit(void *a_)
{
	struct fake_agent *a = a_;

	/* it unlocks after all, so that nothing is kept */
	memset(a->fail, 0, sizeof(a->fail));
	fake_agent_remove(a);
	if (a->registered)
		fake_agent_unregister(a);
	KUNIT_EXPECT_NULL(a->test, a->pdev->devsec);
	KUNIT_EXPECT_EQ(a->test, 0, a->contexts);
}

static void agent_tsm_dev_release(struct device *dev)
{
	kfree(container_of(dev, struct tsm_dev, dev));
}

static void agent_tsm_dev_put(void *tsm_dev)
{
	put_device(&((struct tsm_dev *)tsm_dev)->dev);
}

/**
 * fake_agent_new() - make a devsec TSM and a function
 * @test: that they live as long as; its priv is to be what is returned
 *
 * Not registered yet, so that a test may change @devsec_ops.
 *
 * Return: the fake
 */
struct fake_agent *fake_agent_new(struct kunit *test)
{
	static atomic_t id = ATOMIC_INIT(2000);
	struct fake_agent *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	struct tsm_dev *tsm_dev = kzalloc_obj(*tsm_dev);

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, tsm_dev);
	tsm_dev->id = atomic_inc_return(&id);
	device_initialize(&tsm_dev->dev);
	tsm_dev->dev.release = agent_tsm_dev_release;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   agent_tsm_dev_put,
							   tsm_dev));
	KUNIT_ASSERT_EQ(test, 0, dev_set_name(&tsm_dev->dev, "tsm%d",
					      tsm_dev->id));

	*a = (struct fake_agent){
		.test = test,
		.f = fake_tsm_new(test),
		.tsm_dev = tsm_dev,
		.object_len = 100,
		.ops.flags = PCI_TSM_OPS_PARALLEL,
		.devsec_ops = {
			.object_types = GENMASK(PCI_DEVSEC_NR_OBJECTS - 1, 0),
			.regen_types = BIT(TSM_OBJECT_MEASUREMENTS) |
				       BIT(TSM_OBJECT_INTERFACE_REPORT),
			.mmio_base = PCI_TDI_MMIO_BAR_ALIGNED,
			.lock = agent_lock,
			.read_object = agent_read,
			.regen_object = agent_regen,
			.accept = agent_accept,
			.mmio = agent_mmio,
			.dma = agent_dma,
			.state = agent_state,
			.unlock = agent_unlock,
		},
	};
	a->pdev = a->f->pf0.pdev;
	a->ops.devsec_ops = &a->devsec_ops;
	tsm_dev->pci_ops = &a->ops;
	a->driver.a = a;
	a->driver.handlers.error_detected = agent_error_detected;
	a->driver.drv.err_handler = &a->driver.handlers;

	kunit_activate_static_stub(test, tsm_devsec_quiet, agent_quiet);
	kunit_activate_static_stub(test, tsm_devsec_masters, agent_masters);
	kunit_activate_static_stub(test, tsm_devsec_decode, agent_decode);
	kunit_activate_static_stub(test, tsm_devsec_silence, agent_silence);
	kunit_activate_static_stub(test, tsm_devsec_announce, agent_announce);
	kunit_activate_static_stub(test, tsm_devsec_poll, agent_no_poll);
	test->priv = a;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, agent_exit, a));
	return a;
}
