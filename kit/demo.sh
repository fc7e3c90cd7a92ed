#!/usr/bin/env bash
# From nothing to a device that connects: prepare, boot, and walk the main job
# in front of the user. Exit status 0 only if every step went as expected.
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

# The kernel that is there already, else the one that is quick to boot
kernel=${KERNEL:-}
if [ -z "$kernel" ]; then
	kernel=fast
	for built in fast debug; do
		[ ! -f "$kit_build/tree/out-$built/arch/x86/boot/bzImage" ] || {
			kernel=$built
			break
		}
	done
fi

say "1/4  the base kernel and the tree"
"$kit_top/kit/tree.sh"
say "2/4  the $kernel kernel; from nothing this takes some 15 minutes on two cores"
"$kit_top/kit/build.sh" "$kernel"
say "3/4  the guest's files"
"$kit_top/kit/initramfs.sh" "$kernel"
say "4/4  booting it in QEMU"

log=$kit_logs/demo.log
rc=0
"$kit_top/kit/qemu.sh" "$kernel" demo || rc=$?
said=$(grep -aoE '^DEMO: [0-9]+ of [0-9]+ steps as expected' "$log" | tail -n 1) || true
say ""
if [ -z "$said" ]; then
	die "the demo did not come to its end, log: $(shown "$log")"
fi
read -r _ good _ total _ <<<"$said"
if [ "$good" != "$total" ] || [ "$total" -eq 0 ] || [ "$rc" -ne 0 ]; then
	die "$good of $total steps went as expected, log: $(shown "$log")"
fi
say "All $total steps as expected. Try it by hand: make run KERNEL=$kernel"
