#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The tests of iommufd pass with any TSM that has a connected device, named by
# TSM_DEVICE. Name them a function of a simulated one, about which they are told
# no more than that: what only a simulator can be made to do they skip. Programs that
# do nothing else skip as a whole, and say why. Two that take minutes, and skip many
# of their tests, are run if TSM_GIVEN_ALL is set.

ksft_skip=4
config=/sys/kernel/config/tsm-sim
platform=$config/given
pci=/sys/bus/pci/devices
programs="bind bind-errno bind-req bind-fuzz"
[ -z "${TSM_GIVEN_ALL:-}" ] || programs="$programs bind-life bind-fail"
simulated="bind-many bind-loss bind-flight bind-turn bind-memory bind-race"
simulated="$simulated vfio-gate vfio-close vfio-share vfio-quarantine vfio-msix"
simulated="$simulated kvm-mmio kvm-private kvm-large"

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
	passed=$(echo "$log" | grep -c '^ok [0-9]* [^#]*$')
	if [ $status -eq 0 ] && [ "$passed" -gt 0 ]; then
		echo "# $program: $passed tests passed"
		echo "ok $number $program"
	else
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
