#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs those selftests of the base that go through what the series touches: all
# of iommufd's, KVM's about memslots and private memory, and vfio's on a device of
# QEMU behind an IOMMU. Prints what they say, with a line "kit: begin NAME" and
# "kit: end NAME STATUS" around each. kit/test-base.sh compares.
set -u

tests=/base-tests

# run NAME LIMIT_S COMMAND...: in a folder of its own, as some leave files
run() {
	name=$1 limit=$2 dir=$(mktemp -d)
	shift 2
	echo "kit: begin $name"
	(cd "$dir" && timeout "$limit" "$@" </dev/null 2>&1)
	echo "kit: end $name $?"
}

# give_to_vfio CLASS: the function of that class; $bdf is its name
give_to_vfio() {
	bdf=''
	for device in /sys/bus/pci/devices/*; do
		[ "$(cat "$device/class")" = "$1" ] || continue
		bdf=${device##*/}
		echo vfio-pci >"$device/driver_override"
		echo "$bdf" >/sys/bus/pci/drivers_probe
		[ -L "$device/driver" ] || return 1
		return 0
	done
	return 1
}

# what iommufd's and vfio's tests map with MAP_HUGETLB
echo 256 >/proc/sys/vm/nr_hugepages

run iommufd 600 $tests/iommu/iommufd
run iommufd_fail_nth 600 $tests/iommu/iommufd_fail_nth

# What they do by default takes a processor that is not emulated: small guests
kvm=$tests/kvm
run kvm_set_memory_region_test 300 $kvm/set_memory_region_test
run kvm_guest_memfd_test 300 $kvm/guest_memfd_test
run kvm_private_mem_conversions_test 300 $kvm/private_mem_conversions_test
run kvm_private_mem_kvm_exits_test 300 $kvm/private_mem_kvm_exits_test
run kvm_pre_fault_memory_test 300 $kvm/pre_fault_memory_test
run kvm_memslot_modification_stress_test 300 \
	$kvm/memslot_modification_stress_test -b 32M -i 50
# without the last one of it, whose own alarm goes off before the guest is done
run kvm_memslot_perf_test 300 $kvm/memslot_perf_test -l 1 -s 32 -e 4
run kvm_mmu_stress_test 300 $kvm/mmu_stress_test -c 1 -m 1 -s 1

if ! give_to_vfio 0x010802; then
	echo "kit: no device for the tests of vfio"
	exit 1
fi
for name in dma_mapping dma_mapping_mmio iommufd_setup pci_device pci_device_init_perf pci_sriov_uapi; do
	run "vfio_${name}_test" 300 "$tests/vfio/vfio_${name}_test" "$bdf"
done
