// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of power: who is kept in D0 and when, and functions that cannot
 * be woken.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/pci.h>

#include "devsec.h"
#include "tdi_fake.h"

static int tdi_power_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_PM))
		kunit_skip(test, "no runtime PM without CONFIG_PM");

	test->priv = fake_tsm_new(test);
	return 0;
}

static void tdi_power_users(struct kunit *test)
{
	struct fake_tsm *f = test->priv;
	struct pci_tdi_result result;
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));

	/* its DSM, its PF, which are one here, and itself */
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, 1, fake_power_users(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, 2, fake_power_users(f->pf0.pdev));
	KUNIT_ASSERT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));

	/* a lock that fails, a quarantine */
	f->fail_once = true;
	f->fail[TSM_STEP_LOCK] = -EIO;
	KUNIT_ASSERT_EQ(test, -EIO, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));
	f->fail_once = false;
	fake_tdi_to(f, tdi, TSM_PHASE_QUARANTINED);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->vf[0].pdev));
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));
}

/* --- functions that cannot be woken ------------------------------------------- */

static const enum fake_power_defect tdi_power_defects[] = {
	FAKE_POWER_NO_RESUME, FAKE_POWER_NO_SUSPEND,
};

static void tdi_power_defect_name(const enum fake_power_defect *defect,
				  char *name)
{
	strscpy(name, *defect == FAKE_POWER_NO_RESUME ? "no resume" :
							"no suspend",
		KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tdi_power_defect, tdi_power_defects, tdi_power_defect_name);

static bool tdi_power_talked;

static int tdi_power_talk(struct pci_dev *pdev)
{
	tdi_power_talked = true;
	return 0;
}

/* A conversation does not begin, and a disconnect needs none */
static void tdi_power_session(struct kunit *test)
{
	const enum fake_power_defect *defect = test->param_value;
	struct fake_tsm *f = test->priv;

	fake_tsm_register(f);
	fake_power_break(f, f->pf0.pdev, *defect);
	KUNIT_EXPECT_EQ(test, -EIO, tsm_session_connect(f->pf0.pdev,
							f->tsm_dev->id));
	KUNIT_EXPECT_NULL(test, f->pf0.pdev->tsm);
	FAKE_EXPECT_LOG(f, "");
	fake_power_mend(f, f->pf0.pdev);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));

	fake_tsm_connect(f);
	tdi_power_talked = false;
	fake_power_break(f, f->pf0.pdev, *defect);
	KUNIT_EXPECT_EQ(test, -EIO, pci_tsm_converse(f->pf0.pdev,
						     tdi_power_talk));
	KUNIT_EXPECT_FALSE(test, tdi_power_talked);
	KUNIT_EXPECT_EQ(test, 0, fake_tsm_disconnect(f));
	fake_power_mend(f, f->pf0.pdev);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));

	fake_tsm_connect(f);
	KUNIT_EXPECT_EQ(test, 0, pci_tsm_converse(f->pf0.pdev, tdi_power_talk));
	KUNIT_EXPECT_TRUE(test, tdi_power_talked);
}

/* No TDI is made on a DSM that sleeps for ever; one that there is can go */
static void tdi_power_tdi(struct kunit *test)
{
	const enum fake_power_defect *defect = test->param_value;
	struct fake_vm *vm = fake_vm_new(test);
	struct fake_tsm *f = test->priv;
	struct pci_tdi_create_args args = fake_args(f, vm, 1);
	struct pci_tdi *tdi;

	fake_tsm_connect(f);
	fake_power_break(f, f->pf0.pdev, *defect);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EIO),
			    pci_tdi_create(f->vf[0].pdev, &args));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->contexts));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
	fake_power_mend(f, f->pf0.pdev);

	tdi = fake_tdi_with(f, f->vf[0].pdev, &args);
	fake_power_break(f, f->pf0.pdev, *defect);
	fake_tdi_destroy(f, tdi);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->contexts));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&vm->refs));
	fake_power_mend(f, f->pf0.pdev);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));
}

/* A lock wants all of them awake, and lets go of those that were */
static void tdi_power_lock(struct kunit *test)
{
	const enum fake_power_defect *defect = test->param_value;
	struct fake_tsm *f = test->priv;
	struct pci_tdi *tdi;
	struct pci_dev *all[] = { f->vf[0].pdev, f->pf0.pdev };
	struct pci_tdi_result result;

	fake_tsm_connect(f);
	tdi = fake_tdi(f, f->vf[0].pdev);
	for (int i = 0; i < ARRAY_SIZE(all); i++) {
		fake_log_clear(f);
		fake_power_break(f, all[i], *defect);
		KUNIT_EXPECT_EQ(test, -EIO, pci_tdi_lock(tdi, &result));
		KUNIT_EXPECT_EQ(test, TSM_PHASE_UNLOCKED, tdi->phase);
		FAKE_EXPECT_LOG(f, "");
		fake_power_mend(f, all[i]);
		KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->vf[0].pdev));
		KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));
	}

	KUNIT_EXPECT_EQ(test, 0, pci_tdi_lock(tdi, &result));
	KUNIT_EXPECT_EQ(test, 0, pci_tdi_stop(tdi, &result));
	fake_tdi_destroy(f, tdi);
}

/* A guest's function that is to decode memory for its TSM */
static void tdi_power_devsec(struct kunit *test)
{
	const enum fake_power_defect *defect = test->param_value;
	struct fake_tsm *f = test->priv;

	fake_power_break(f, f->pf0.pdev, *defect);
	KUNIT_EXPECT_EQ(test, -EIO, tsm_devsec_decode(f->pf0.pdev, true));
	fake_power_mend(f, f->pf0.pdev);
	KUNIT_EXPECT_EQ(test, 0, fake_power_users(f->pf0.pdev));
}

static struct kunit_case tdi_power_cases[] = {
	KUNIT_CASE(tdi_power_users),
	KUNIT_CASE_PARAM(tdi_power_session, tdi_power_defect_gen_params),
	KUNIT_CASE_PARAM(tdi_power_tdi, tdi_power_defect_gen_params),
	KUNIT_CASE_PARAM(tdi_power_lock, tdi_power_defect_gen_params),
	KUNIT_CASE_PARAM(tdi_power_devsec, tdi_power_defect_gen_params),
	{}
};

static struct kunit_suite tdi_power_suite = {
	.name = "pci_tdi_power",
	.init = tdi_power_init,
	.test_cases = tdi_power_cases,
};

kunit_test_suite(tdi_power_suite);
