#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The tests of iommufd pass with any TSM that has a connected device, named by
# TSM_DEVICE. Name them a function of a simulated one, about which they are told
# no more than that: what only a simulator can be made to do they skip, and say so.
# Those that are left are listed here, neither more nor less is to run. Programs that
# do nothing else skip as a whole. One takes minutes, and is run if TSM_GIVEN_ALL is
# set.

ksft_skip=4
config=/sys/kernel/config/tsm-sim
platform=$config/given
pci=/sys/bus/pci/devices
programs="bind bind-errno bind-req bind-fuzz"
[ -z "${TSM_GIVEN_ALL:-}" ] || programs="$programs bind-life"
simulated="bind-many bind-loss bind-flight bind-turn bind-memory bind-race bind-fail"
simulated="$simulated vfio-gate vfio-close vfio-share vfio-quarantine vfio-msix"
simulated="$simulated kvm-mmio kvm-private kvm-large"

# tests_of FIXTURE TEST...: each by its name in the log
tests_of() {
	fixture=$1
	shift
	for test in "$@"; do
		echo "$fixture.$test"
	done
}

# given PROGRAM: tests that any TSM has to pass
given() {
	case $1 in
	bind)
		tests_of bind hw_info hw_info_sizes there_and_back another_vdevice vm_fd \
			no_guest_attributes no_iommu
		;;
	bind-errno)
		tests_of bind_errno viommu_sizes viommu_fields viommu_types viommu_vm_file \
			viommu_negative_vm_file viommu_faults vdevice_sizes vdevice_ids \
			destroy_in_order
		for variant in bind unbind; do
			tests_of move.$variant sizes fields faults another_iommufd states
		done
		;;
	bind-req)
		tests_of req sizes unused_number ids arches_and_ops lengths limits no_pointers \
			structure_faults state_faults same_buffer nothing_beyond read_object \
			states
		;;
	bind-fuzz)
		tests_of fuzz ioctls
		;;
	bind-life)
		for variant in unlocked locked run; do
			tests_of life.$variant files vm_file_alone removed_from_list objects \
				vdevice_without_device killed forked driver_unbound
		done
		;;
	esac
}

# passed LOG: tests that did
passed() {
	echo "$1" | sed -n 's/^ok [0-9]* \([^ ]*\)$/\1/p'
}

# unexplained LOG: tests that were skipped, but not for want of the simulator
unexplained() {
	echo "$1" | grep '^ok .*# SKIP' |
		grep -v -e '# SKIP needs the simulated platform' -e '# SKIP this kernel has no'
}

# shellcheck disable=SC2317 # called by trap
leave() {
	[ ! -d "$platform" ] || {
		echo 0 >"$platform/live"
		rmdir "$platform/d0" "$platform"
	} 2>/dev/null
}

skip() {
	echo "1..0 # SKIP $*"
	exit $ksft_skip
}

cd "$(dirname "$0")" || exit 1
echo 'TAP version 13'
[ "$(id -u)" -eq 0 ] || skip 'must be run as root'
[ -e /dev/kvm ] || skip 'no KVM'
[ -e /dev/iommu ] || skip 'no iommufd'
[ -d $config ] || modprobe tsm_sim 2>/dev/null
[ -d $config ] || skip 'this kernel has no tsm-sim'

trap leave EXIT
mkdir -p "$platform/d0" && echo 1 >"$platform/live" || exit 1
bdf=$(cat "$platform/d0/bdf")
cat "$platform/tsm" >"$pci/$bdf/tsm/connect" || exit 1

echo "1..$(echo "$programs $simulated" | wc -w)"
number=0
failed=0
for program in $programs; do
	number=$((number + 1))
	log=$(TSM_DEVICE=$bdf TSM_FUZZ_SECONDS=5 "./$program" 2>&1)
	status=$?
	if [ $status -eq 0 ] && [ -z "$(unexplained "$log")" ] &&
	   [ "$(passed "$log" | sort)" = "$(given "$program" | sort)" ]; then
		passed "$log" | sed "s/^/# $program: /"
		echo "ok $number $program"
	else
		given "$program" | sed "s/^/# $program is to pass: /"
		echo "$log" | sed 's/^/# /'
		echo "not ok $number $program"
		failed=1
	fi
done
for program in $simulated; do
	number=$((number + 1))
	log=$(TSM_DEVICE=$bdf "./$program" 2>&1)
	status=$?
	if [ $status -eq $ksft_skip ] &&
	   echo "$log" | grep -q 'SKIP needs the simulated platform'; then
		echo "ok $number $program says that it needs the simulator"
	else
		echo "$log" | sed 's/^/# /'
		echo "not ok $number $program"
		failed=1
	fi
done
exit $failed
