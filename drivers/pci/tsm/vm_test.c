// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the registry of VMs: whose file is one, what each reference
 * keeps, and that there is one hypervisor.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/pci-tdi.h>
#include <linux/tsm-vm.h>

#include "tdi.h"

/* A VM and its file, as far as the registry looks at them */
struct vm_fake {
	int refs;
	bool confidential;
	bool ending;
	u8 file[8] __aligned(8);
};

/* The file of one of these is known by where it is. */
static struct vm_fake vm_fakes[2];
static struct module *vm_fake_owner;

static struct file *vm_file(struct vm_fake *vm)
{
	return (struct file *)vm->file;
}

static struct kvm *vm_kvm(struct vm_fake *vm)
{
	return (struct kvm *)vm;
}

static struct kvm *vm_fake_from_file(struct file *file)
{
	for (int i = 0; i < ARRAY_SIZE(vm_fakes); i++) {
		if (vm_file(&vm_fakes[i]) != file)
			continue;
		if (vm_fakes[i].ending)
			return NULL;
		vm_fakes[i].refs++;
		return vm_kvm(&vm_fakes[i]);
	}

	return NULL;
}

static void vm_fake_get(struct kvm *kvm)
{
	((struct vm_fake *)kvm)->refs++;
}

static void vm_fake_put(struct kvm *kvm)
{
	((struct vm_fake *)kvm)->refs--;
}

static bool vm_fake_confidential(struct kvm *kvm)
{
	return ((struct vm_fake *)kvm)->confidential;
}

static struct tsm_vm_ops vm_fake_ops = {
	.from_file = vm_fake_from_file,
	.get = vm_fake_get,
	.put = vm_fake_put,
	.confidential = vm_fake_confidential,
};

/* References to the module, beside that of its being there */
static int vm_fake_pins(void)
{
#ifdef CONFIG_MODULE_UNLOAD
	return atomic_read(&vm_fake_owner->refcnt) - 1;
#else
	return 0;
#endif
}

static void vm_test_restore(void *ops)
{
	tsm_vm_swap(ops);
}

static int vm_test_init(struct kunit *test)
{
	const struct tsm_vm_ops *real;

	vm_fake_owner = kunit_kzalloc(test, sizeof(*vm_fake_owner), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vm_fake_owner);
	strscpy(vm_fake_owner->name, "tsm_vm_test_fake");
#ifdef CONFIG_MODULE_UNLOAD
	atomic_set(&vm_fake_owner->refcnt, 1);
#endif
	vm_fake_ops.owner = vm_fake_owner;
	memset(vm_fakes, 0, sizeof(vm_fakes));
	vm_fakes[1].confidential = true;

	/* the machine may have a hypervisor already */
	real = tsm_vm_swap(NULL);
	return kunit_add_action_or_reset(test, vm_test_restore, (void *)real);
}

static void vm_test_one_hypervisor(struct kunit *test)
{
	struct tsm_vm_ops other = vm_fake_ops;
	struct pci_tdi_vm vm;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			tsm_vm_from_file(vm_file(&vm_fakes[0]), &vm));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			tsm_vm_from_kvm(vm_kvm(&vm_fakes[0]), &vm));
	KUNIT_EXPECT_EQ(test, 0, vm_fakes[0].refs);

	KUNIT_ASSERT_EQ(test, 0, tsm_vm_register(&vm_fake_ops));
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_vm_register(&other));
	KUNIT_EXPECT_EQ(test, -EBUSY, tsm_vm_register(&vm_fake_ops));

	/* one that was refused takes nothing away from the other */
	tsm_vm_unregister(&other);
	KUNIT_ASSERT_EQ(test, 0,
			tsm_vm_from_file(vm_file(&vm_fakes[0]), &vm));
	vm.put(vm.kvm);

	tsm_vm_unregister(&vm_fake_ops);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tsm_vm_from_file(vm_file(&vm_fakes[0]), &vm));
	KUNIT_EXPECT_EQ(test, 0, tsm_vm_register(&other));
	tsm_vm_unregister(&other);
}

static void vm_test_from_file(struct kunit *test)
{
	struct pci_tdi_vm vm[2];
	u64 stranger;

	KUNIT_ASSERT_EQ(test, 0, tsm_vm_register(&vm_fake_ops));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tsm_vm_from_file((struct file *)&stranger, &vm[0]));
	vm_fakes[0].ending = true;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tsm_vm_from_file(vm_file(&vm_fakes[0]), &vm[0]));
	vm_fakes[0].ending = false;
	KUNIT_EXPECT_EQ(test, 0, vm_fake_pins());

	for (int i = 0; i < ARRAY_SIZE(vm_fakes); i++) {
		KUNIT_ASSERT_EQ(test, 0, tsm_vm_from_file(vm_file(&vm_fakes[i]),
							  &vm[i]));
		KUNIT_EXPECT_PTR_EQ(test, vm_kvm(&vm_fakes[i]), vm[i].kvm);
		KUNIT_EXPECT_EQ(test, vm_fakes[i].confidential,
				vm[i].confidential);
		KUNIT_EXPECT_EQ(test, 1, vm_fakes[i].refs);
		vm[i].put(vm[i].kvm);
		KUNIT_EXPECT_EQ(test, 0, vm_fakes[i].refs);
	}
	tsm_vm_unregister(&vm_fake_ops);
}

/* Each reference to a VM is one to the module, whoever gave it out */
static void vm_test_pins(struct kunit *test)
{
	const int pinned = IS_ENABLED(CONFIG_MODULE_UNLOAD);
	struct pci_tdi_vm vm, same;

	KUNIT_ASSERT_EQ(test, 0, tsm_vm_register(&vm_fake_ops));
	KUNIT_EXPECT_EQ(test, 0, vm_fake_pins());
	KUNIT_ASSERT_EQ(test, 0, tsm_vm_from_file(vm_file(&vm_fakes[0]), &vm));
	KUNIT_EXPECT_EQ(test, pinned, vm_fake_pins());
	KUNIT_ASSERT_EQ(test, 0, tsm_vm_from_kvm(vm_kvm(&vm_fakes[0]), &same));
	KUNIT_EXPECT_EQ(test, 2 * pinned, vm_fake_pins());
	KUNIT_EXPECT_PTR_EQ(test, vm.kvm, same.kvm);
	vm.get(vm.kvm);
	KUNIT_EXPECT_EQ(test, 3 * pinned, vm_fake_pins());
	KUNIT_EXPECT_EQ(test, 3, vm_fakes[0].refs);

	for (int i = 2; i >= 0; i--) {
		vm.put(vm.kvm);
		KUNIT_EXPECT_EQ(test, i * pinned, vm_fake_pins());
		KUNIT_EXPECT_EQ(test, i, vm_fakes[0].refs);
	}
	tsm_vm_unregister(&vm_fake_ops);
}

/* A module that is being unloaded gives out no VM any more. */
static void vm_test_leaving(struct kunit *test)
{
	struct pci_tdi_vm vm;

	if (!IS_ENABLED(CONFIG_MODULE_UNLOAD)) {
		kunit_skip(test, "modules are never unloaded");
		return;
	}

	KUNIT_ASSERT_EQ(test, 0, tsm_vm_register(&vm_fake_ops));
	vm_fake_owner->state = MODULE_STATE_GOING;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			tsm_vm_from_file(vm_file(&vm_fakes[0]), &vm));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			tsm_vm_from_kvm(vm_kvm(&vm_fakes[0]), &vm));
	KUNIT_EXPECT_EQ(test, 0, vm_fake_pins());
	KUNIT_EXPECT_EQ(test, 0, vm_fakes[0].refs);
	tsm_vm_unregister(&vm_fake_ops);
}

static struct kunit_case vm_cases[] = {
	KUNIT_CASE(vm_test_one_hypervisor),
	KUNIT_CASE(vm_test_from_file),
	KUNIT_CASE(vm_test_pins),
	KUNIT_CASE(vm_test_leaving),
	{}
};

static struct kunit_suite vm_suite = {
	.name = "pci_tsm_vm",
	.init = vm_test_init,
	.test_cases = vm_cases,
};

kunit_test_suite(vm_suite);
