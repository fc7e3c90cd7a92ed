#!/usr/bin/env bash
# Simulated devices in a machine that has an IOMMU of its own, Intel's and then
# AMD's, in the fast kernel: their IOMMU works beside it, and the types of vIOMMUs
# that a TSM brings along do not get in the way of those that the other one has.
#
#   kit/test-iommu.sh
#
# The last line is "N passed, N failed".
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -eq 0 ] || die "usage: kit/test-iommu.sh"

suites=(platform tdi-dma bind given-device.sh)
# the driver of Intel's has no vIOMMUs of its own
declare -A more=([intel]='' [amd]=foreign-iommu)

"$kit_top/kit/tree.sh"
"$kit_top/kit/build.sh" fast
"$kit_top/kit/initramfs.sh" fast
rm -rf "$kit_results"
mkdir -p "$kit_results"
: >"$kit_results/summary"
failed=0
for iommu in intel amd; do
	say "beside the IOMMU of $iommu"
	# shellcheck disable=SC2086 # words
	TSM_GIVEN_ALL=1 KIT_MACHINE=$iommu KIT_IOMMU=$iommu KERNEL=fast \
		"$kit_top/kit/run-tests.sh" "${suites[@]}" ${more[$iommu]} || failed=1
done
[ ! -s "$kit_results/failures" ] || sed 's/^/  /' "$kit_results/failures"
# a machine that did not start has not failed a test, but it has failed
awk -F '\t' -v failed=$failed '
	{ p += $2; f += $3 }
	END {
		f = f ? f : failed
		printf "%d passed, %d failed\n", p, f
		exit f > 0
	}' "$kit_results/summary"
