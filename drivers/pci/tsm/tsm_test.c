// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the PCI/TSM core: session state transitions, when a
 * conversation must end, and the search for a function's DSM. What needs a
 * bus and a TSM is tested by tools/testing/selftests/tsm.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-devsec.h>
#include <linux/pci-doe.h>

#include "tdi.h"

/* --- transitions --------------------------------------------------------- */

static void tsm_test_transitions(struct kunit *test)
{
	/* rows: from, columns: to, in the order of enum tsm_session_state */
	static const bool legal[][5] = {
		[TSM_SESSION_NONE]		= { 0, 1, 0, 0, 0 },
		[TSM_SESSION_CONNECTING]	= { 1, 0, 1, 1, 1 },
		[TSM_SESSION_UNWINDING]		= { 1, 0, 0, 0, 0 },
		[TSM_SESSION_CONNECTED]		= { 0, 0, 0, 0, 1 },
		[TSM_SESSION_DISCONNECTING]	= { 1, 0, 0, 0, 0 },
	};

	for (int from = 0; from < ARRAY_SIZE(legal); from++)
		for (int to = 0; to < ARRAY_SIZE(legal[0]); to++)
			KUNIT_EXPECT_EQ_MSG(test, legal[from][to],
					    tsm_session_may_follow(from, to),
					    "%d -> %d", from, to);
}

/* --- when a conversation ends -------------------------------------------- */

struct tsm_send_case {
	const char *name;
	enum tsm_session_state state;
	int cut;
	bool late;
	bool killed;
	int rc;
};

#define SEND(_state, _cut, _late, _killed, _rc)				\
	{ #_state " cut " #_cut " late " #_late " killed " #_killed,	\
	  TSM_SESSION_##_state, _cut, _late, _killed, _rc }

static const struct tsm_send_case tsm_send_cases[] = {
	SEND(CONNECTING, 0, false, false, 0),
	SEND(CONNECTING, 0, false, true, -EINTR),
	SEND(CONNECTING, 0, true, false, -ETIMEDOUT),
	SEND(CONNECTING, -ENXIO, false, false, -ENXIO),
	SEND(CONNECTING, -ENXIO, false, true, -ENXIO),
	SEND(CONNECTING, -ENODEV, false, false, -ENODEV),
	SEND(CONNECTING, -ENODEV, true, true, -ENODEV),
	/* what was done is taken back, for the killed and the leaving too */
	SEND(UNWINDING, 0, false, true, 0),
	SEND(UNWINDING, -ENXIO, false, true, 0),
	SEND(UNWINDING, -ENXIO, true, false, -ETIMEDOUT),
	SEND(UNWINDING, -ENODEV, false, false, -ENODEV),
	/* a teardown is not interrupted by its user */
	SEND(DISCONNECTING, 0, false, true, 0),
	SEND(DISCONNECTING, -ENXIO, false, true, 0),
	SEND(DISCONNECTING, 0, true, false, -ETIMEDOUT),
	SEND(DISCONNECTING, -ENODEV, false, false, -ENODEV),
	SEND(CONNECTED, 0, false, false, 0),
	SEND(CONNECTED, 0, false, true, -EINTR),
	SEND(CONNECTED, 0, true, false, -ETIMEDOUT),
	SEND(CONNECTED, -ENODEV, false, false, -ENODEV),
};

KUNIT_ARRAY_PARAM_DESC(tsm_send, tsm_send_cases, name);

static void tsm_test_may_send(struct kunit *test)
{
	const struct tsm_send_case *c = test->param_value;
	/* right before jiffies wrap */
	unsigned long now = ULONG_MAX - 5;
	struct tsm_session s = {
		.state = c->state,
		.cut = c->cut,
		.deadline = c->late ? now - 1 : now + 10,
	};

	KUNIT_EXPECT_EQ(test, c->rc, tsm_session_may_send(&s, now, c->killed));
}

/* --- messages ------------------------------------------------------------ */

/* A device with a session whose time is up or not, and no mailbox to use it */
struct tsm_talk {
	struct pci_dev pdev;
	struct pci_tsm_pf0 pf0;
	struct tsm_dev tsm_dev;
	struct tsm_link link;
	struct tsm_session session;
};

static struct tsm_session *tsm_talk_lookup(struct pci_dev *dsm)
{
	struct tsm_talk *t = kunit_get_current_test()->priv;

	return dsm == &t->pdev ? &t->session : NULL;
}

static int tsm_talk_init(struct kunit *test)
{
	struct tsm_talk *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->pdev.tsm = &t->pf0.base_tsm;
	t->link.tsm_dev = &t->tsm_dev;
	t->session.dsm = &t->pdev;
	t->session.link = &t->link;
	t->session.state = TSM_SESSION_CONNECTING;
	INIT_LIST_HEAD(&t->session.tdis);
	INIT_LIST_HEAD(&t->session.conversations);
	kunit_activate_static_stub(test, tsm_session_lookup, tsm_talk_lookup);
	return 0;
}

/* -ENXIO comes last of all: it is the mailbox that is not there */
static int tsm_talk_send(struct tsm_talk *t)
{
	u32 msg = 0;
	int rc;

	rc = pci_tsm_doe_transfer(&t->pdev, PCI_DOE_FEATURE_CMA, &msg,
				  sizeof(msg), &msg, sizeof(msg));
	/* who only asks is told the same */
	KUNIT_EXPECT_EQ(kunit_get_current_test(), rc,
			pci_tsm_may_transfer(&t->pdev));
	return rc;
}

/* No message is sent after the deadline; what failed has two seconds more */
static void tsm_test_deadline(struct kunit *test)
{
	unsigned long unwind = msecs_to_jiffies(TSM_UNWIND_MS);
	struct tsm_talk *t = test->priv;
	unsigned long before;

	t->session.deadline = jiffies + HZ * 60;
	KUNIT_EXPECT_EQ(test, -ENXIO, tsm_talk_send(t));
	t->session.deadline = jiffies - 1;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, tsm_talk_send(t));

	before = jiffies;
	pci_tsm_unwind(&t->pdev);
	KUNIT_EXPECT_EQ(test, TSM_SESSION_UNWINDING, t->session.state);
	KUNIT_EXPECT_TRUE(test, time_in_range(t->session.deadline,
					      before + unwind,
					      jiffies + unwind));
	KUNIT_EXPECT_EQ(test, -ENXIO, tsm_talk_send(t));

	/* A second call wins no time */
	before = t->session.deadline;
	msleep(20);
	pci_tsm_unwind(&t->pdev);
	KUNIT_EXPECT_EQ(test, before, t->session.deadline);

	while (!time_after(jiffies, t->session.deadline))
		msleep(20);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, tsm_talk_send(t));
}

/* An operation on a TDI has a time of its own, whatever the session's is */
static void tsm_test_tdi_deadline(struct kunit *test)
{
	struct tsm_talk *t = test->priv;
	struct pci_tdi tdi = {};
	struct tsm_conversation mine = {
		.task = current,
		.tdi = &tdi,
		.deadline = jiffies + HZ * 60,
	};
	struct tsm_conversation other = {
		.tdi = &tdi,
		.deadline = jiffies + HZ * 60,
	};

	t->session.state = TSM_SESSION_CONNECTED;
	t->session.deadline = jiffies - 1;
	list_add(&other.node, &t->session.conversations);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, tsm_talk_send(t));

	list_add(&mine.node, &t->session.conversations);
	KUNIT_EXPECT_EQ(test, -ENXIO, tsm_talk_send(t));
	mine.deadline = jiffies - 1;
	t->session.deadline = jiffies + HZ * 60;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, tsm_talk_send(t));

	/* a TDI that is about to be stopped comes first */
	tdi.stops = 1;
	KUNIT_EXPECT_EQ(test, -ENXIO, tsm_talk_send(t));
	mine.teardown = true;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, tsm_talk_send(t));
	t->session.cut = -ENODEV;
	KUNIT_EXPECT_EQ(test, -ENODEV, tsm_talk_send(t));
}

/* --- the search for a DSM ------------------------------------------------ */

/*
 * A switch with an endpoint of three functions below, and a VF of function 1.
 * Built from bare structures: the search only follows pointers.
 */
struct tsm_tree {
	struct pci_bus bus_up;		/* the upstream port is here */
	struct pci_bus bus;		/* the endpoint is here */
	struct pci_dev uport;
	struct pci_dev dport;
	struct pci_dev pf0;
	struct pci_dev pf1;
	struct pci_dev pf2;
	struct pci_dev vf;
	struct tsm_session session;	/* of whichever is the DSM */
	struct pci_dev *connected;
};

/* What tsm_session_lookup() answers for a tree */
static struct tsm_session *tsm_tree_lookup(struct pci_dev *dsm)
{
	struct tsm_tree *t = kunit_get_current_test()->priv;

	return dsm == t->connected ? &t->session : NULL;
}

static void tsm_tree_dev(struct pci_dev *pdev, struct pci_bus *bus, int devfn,
			 int type, struct device *parent)
{
	device_initialize(&pdev->dev);
	pdev->dev.parent = parent;
	pdev->dev.bus = &pci_bus_type;
	pdev->bus = bus;
	pdev->devfn = devfn;
	pdev->pcie_cap = 0x40;
	pdev->pcie_flags_reg = FIELD_PREP(PCI_EXP_FLAGS_TYPE, type);
	list_add_tail(&pdev->bus_list, &bus->devices);
}

static int tsm_tree_init(struct kunit *test)
{
	struct tsm_tree *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	INIT_LIST_HEAD(&t->bus_up.devices);
	INIT_LIST_HEAD(&t->bus.devices);

	tsm_tree_dev(&t->uport, &t->bus_up, PCI_DEVFN(0, 0),
		     PCI_EXP_TYPE_UPSTREAM, NULL);
	tsm_tree_dev(&t->dport, &t->bus_up, PCI_DEVFN(1, 0),
		     PCI_EXP_TYPE_DOWNSTREAM, &t->uport.dev);
	tsm_tree_dev(&t->pf0, &t->bus, PCI_DEVFN(3, 0), PCI_EXP_TYPE_ENDPOINT,
		     &t->dport.dev);
	tsm_tree_dev(&t->pf1, &t->bus, PCI_DEVFN(3, 1), PCI_EXP_TYPE_ENDPOINT,
		     &t->dport.dev);
	tsm_tree_dev(&t->pf2, &t->bus, PCI_DEVFN(3, 2), PCI_EXP_TYPE_ENDPOINT,
		     &t->dport.dev);
	tsm_tree_dev(&t->vf, &t->bus, PCI_DEVFN(7, 4), PCI_EXP_TYPE_ENDPOINT,
		     &t->dport.dev);
	t->vf.is_virtfn = 1;
	t->vf.physfn = &t->pf1;

	kunit_activate_static_stub(test, tsm_session_lookup, tsm_tree_lookup);
	return 0;
}

static struct pci_dev *tsm_tree_find(struct pci_dev *pdev)
{
	guard(mutex)(&tsm_lock);
	return tsm_find_dsm(pdev);
}

static void tsm_test_dsm_of_itself(struct kunit *test)
{
	struct tsm_tree *t = test->priv;

	/* neither IDE nor TEE: not a DSM, connected or not */
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->pf0));

	t->pf0.devcap = PCI_EXP_DEVCAP_TEE;
	KUNIT_EXPECT_PTR_EQ(test, &t->pf0, tsm_tree_find(&t->pf0));

	t->pf0.devcap = 0;
	t->pf0.ide_cap = 0x200;
	KUNIT_EXPECT_PTR_EQ(test, &t->pf0, tsm_tree_find(&t->pf0));

	/* another function never is, whatever it has */
	t->pf1.devcap = PCI_EXP_DEVCAP_TEE;
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->pf1));

	/* nor is a VF, even one with function number 0 */
	t->vf.devcap = PCI_EXP_DEVCAP_TEE;
	t->vf.devfn = PCI_DEVFN(7, 0);
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->vf));
}

static void tsm_test_dsm_is_pf0(struct kunit *test)
{
	struct tsm_tree *t = test->priv;

	t->pf0.devcap = PCI_EXP_DEVCAP_TEE;
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->pf2));

	t->connected = &t->pf0;
	KUNIT_EXPECT_PTR_EQ(test, &t->pf0, tsm_tree_find(&t->pf1));
	KUNIT_EXPECT_PTR_EQ(test, &t->pf0, tsm_tree_find(&t->pf2));
	KUNIT_EXPECT_PTR_EQ(test, &t->pf0, tsm_tree_find(&t->vf));
}

static void tsm_test_dsm_is_upstream_port(struct kunit *test)
{
	struct tsm_tree *t = test->priv;

	t->uport.devcap = PCI_EXP_DEVCAP_TEE;
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->pf0));

	t->connected = &t->uport;
	KUNIT_EXPECT_PTR_EQ(test, &t->uport, tsm_tree_find(&t->uport));
	KUNIT_EXPECT_PTR_EQ(test, &t->uport, tsm_tree_find(&t->pf0));
	KUNIT_EXPECT_PTR_EQ(test, &t->uport, tsm_tree_find(&t->pf2));
	KUNIT_EXPECT_PTR_EQ(test, &t->uport, tsm_tree_find(&t->vf));

	/* the device's own DSM goes first */
	t->pf0.devcap = PCI_EXP_DEVCAP_TEE;
	KUNIT_EXPECT_PTR_EQ(test, &t->pf0, tsm_tree_find(&t->pf0));

	/* a downstream port in that place is no DSM */
	t->pf0.devcap = 0;
	t->uport.pcie_flags_reg = FIELD_PREP(PCI_EXP_FLAGS_TYPE,
					     PCI_EXP_TYPE_DOWNSTREAM);
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->pf2));
}

static void tsm_test_dsm_without_parents(struct kunit *test)
{
	struct tsm_tree *t = test->priv;

	t->pf2.dev.parent = NULL;
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->pf2));

	t->pf2.dev.parent = &t->dport.dev;
	t->dport.dev.parent = NULL;
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->pf2));

	/* a device whose function 0 does not exist */
	list_del(&t->pf0.bus_list);
	KUNIT_EXPECT_NULL(test, tsm_tree_find(&t->pf2));
}

static struct pci_tsm *tsm_tree_probe(struct tsm_dev *tsm_dev,
				      struct pci_dev *pdev)
{
	return NULL;
}

/* The contexts of functions: whose, and behind which DSM */
static void tsm_test_constructors(struct kunit *test)
{
	struct tsm_dev *tsm_dev = kunit_kzalloc(test, sizeof(*tsm_dev),
						GFP_KERNEL);
	struct pci_tsm_ops ops = {};
	struct tsm_tree *t = test->priv;
	struct pci_tsm_pf0 pf0 = {};

	KUNIT_ASSERT_NOT_NULL(test, tsm_dev);
	tsm_dev->pci_ops = &ops;
	t->pf0.devcap = PCI_EXP_DEVCAP_TEE;
	xa_init(&t->pf0.doe_mbs);
	xa_init(&t->pf1.doe_mbs);

	/* neither a link TSM nor any other */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_tsm_link_constructor(&t->pf0, &pf0.base_tsm,
						 tsm_dev));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_tsm_pf0_constructor(&t->pf0, &pf0, tsm_dev));
	pci_tsm_pf0_destructor(&pf0);

	ops.probe = tsm_tree_probe;
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_tsm_link_constructor(&t->pf1, &pf0.base_tsm,
						 tsm_dev));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_tsm_pf0_constructor(&t->pf1, &pf0, tsm_dev));
	pci_tsm_pf0_destructor(&pf0);
	/* a DSM, but one that nobody can talk to */
	KUNIT_EXPECT_EQ(test, -ENODEV,
			pci_tsm_pf0_constructor(&t->pf0, &pf0, tsm_dev));
	pci_tsm_pf0_destructor(&pf0);

	t->connected = &t->pf0;
	KUNIT_EXPECT_EQ(test, 0,
			pci_tsm_link_constructor(&t->pf1, &pf0.base_tsm,
						 tsm_dev));
	KUNIT_EXPECT_PTR_EQ(test, &t->pf0, pf0.base_tsm.dsm_dev);
	KUNIT_EXPECT_PTR_EQ(test, &t->pf1, pf0.base_tsm.pdev);
	KUNIT_EXPECT_PTR_EQ(test, tsm_dev, pf0.base_tsm.tsm_dev);
}

static void tsm_test_register_bad(struct kunit *test)
{
	struct tsm_dev *tsm_dev = kunit_kzalloc(test, sizeof(*tsm_dev),
						GFP_KERNEL);
	struct pci_tsm_ops ops = {};
	/* complete, so that nothing but being both can be wrong with it */
	struct pci_devsec_ops devsec_ops = {
		.object_types = BIT(TSM_OBJECT_INTERFACE_REPORT),
		.mmio_base = PCI_TDI_MMIO_RELATIVE,
		.lock = (void *)&ops,
		.read_object = (void *)&ops,
		.accept = (void *)&ops,
		.mmio = (void *)&ops,
		.dma = (void *)&ops,
		.state = (void *)&ops,
		.unlock = (void *)&ops,
	};

	KUNIT_ASSERT_NOT_NULL(test, tsm_dev);
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_tsm_register(NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_tsm_register(tsm_dev));
	tsm_dev->pci_ops = &ops;
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_tsm_register(tsm_dev));
	/* one that claims to be both; neither function is ever called */
	ops.probe = (void *)&ops;
	ops.devsec_ops = &devsec_ops;
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_tsm_register(tsm_dev));
}

static struct kunit_case tsm_session_cases[] = {
	KUNIT_CASE(tsm_test_transitions),
	KUNIT_CASE_PARAM(tsm_test_may_send, tsm_send_gen_params),
	{}
};

static struct kunit_suite tsm_session_suite = {
	.name = "pci_tsm_session",
	.test_cases = tsm_session_cases,
};

static struct kunit_case tsm_talk_cases[] = {
	KUNIT_CASE_SLOW(tsm_test_deadline),
	KUNIT_CASE(tsm_test_tdi_deadline),
	{}
};

static struct kunit_suite tsm_talk_suite = {
	.name = "pci_tsm_talk",
	.init = tsm_talk_init,
	.test_cases = tsm_talk_cases,
};

static struct kunit_case tsm_find_cases[] = {
	KUNIT_CASE(tsm_test_dsm_of_itself),
	KUNIT_CASE(tsm_test_dsm_is_pf0),
	KUNIT_CASE(tsm_test_dsm_is_upstream_port),
	KUNIT_CASE(tsm_test_dsm_without_parents),
	KUNIT_CASE(tsm_test_constructors),
	{}
};

static struct kunit_suite tsm_find_suite = {
	.name = "pci_tsm_find_dsm",
	.init = tsm_tree_init,
	.test_cases = tsm_find_cases,
};

static struct kunit_case tsm_register_cases[] = {
	KUNIT_CASE(tsm_test_register_bad),
	{}
};

static struct kunit_suite tsm_register_suite = {
	.name = "pci_tsm_register",
	.test_cases = tsm_register_cases,
};

kunit_test_suites(&tsm_session_suite, &tsm_talk_suite, &tsm_find_suite,
		  &tsm_register_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the PCI/TSM core");
MODULE_LICENSE("GPL");
