#!/usr/bin/env bash
# Boot a test kernel in QEMU, without hardware acceleration.
#
#   kit/qemu.sh KERNEL [--base-core] shell          interactive, Ctrl-A X leaves
#   kit/qemu.sh KERNEL [--base-core] demo [ARG...]  kit/guest/demo-walk.sh on stdout
#   kit/qemu.sh KERNEL [--base-core] bench [ARG...] kit/guest/bench.sh on stdout
#   kit/qemu.sh KERNEL [--base-core] test [SUITE...]  all is in the console's log
#   kit/qemu.sh KERNEL [--untouched] base-tests     kit/guest/base-tests.sh on stdout
#
# The exit status of demo, bench and base-tests is the script's, its output is in
# build/logs/MODE.log too. The kernel's console is in build/logs/console-MODE.log
# (shell: on the terminal); with --base-core the names end with
# -base.log, with --untouched with -untouched.log.
#
# KIT_IOMMU=intel or amd gives the machine an IOMMU of its own, which stands
# beside the simulated one; the fast kernel drives both.
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=${1:?debug or fast}
shift
tree=$kit_build/tree
core=
if [ "${1:-}" = --base-core ]; then
	tree=$kit_build/tree-base
	core=-base
	shift
elif [ "${1:-}" = --untouched ]; then
	tree=$kit_build/series-check/tree
	core=-untouched
	shift
fi
mode=${1:?shell, demo, bench, test or base-tests}
shift
out=$tree/out-$kernel
console=$kit_logs/console-$mode$core${KIT_MACHINE:+-$KIT_MACHINE}.log
log=$kit_logs/$mode$core.log

# A busy machine makes an emulated one look stuck: watchdogs with patience
append="console=ttyS0 panic=-1 watchdog_thresh=60 workqueue.watchdog_thresh=120"
append+=" rcupdate.rcu_cpu_stall_timeout=120 printk.devkmsg=on kit.mode=$mode"

# comma WORD...: the words as one word
comma() {
	local IFS=,
	printf '%s' "$*"
}

# What a test may look at in its environment
test_environment() {
	local words
	mapfile -t words < <(env | grep -E '^TSM_[A-Z_]+=[A-Za-z0-9_.:/-]*$' || true)
	comma "${words[@]}"
}

terminal_size() {
	local size
	size=$(stty size 2>/dev/null </dev/tty) || return 0
	printf ' kit.size=%sx%s' "${size#* }" "${size% *}"
}

# Without five-level paging: with it, an interrupt while the kernel identifies its
# boot processor has KASAN take every address of the kernel for a wild one, since
# the width of virtual addresses is being found out at that moment.
#
# The shared memory device is there for its BAR: it has memory behind it that the
# kernel uses for nothing else, and tsm_sim for the BARs of its functions. It is as
# large as those of accelerators; QEMU has of it what is written to. The debug kernel
# looks for a timer, or the like, in each 4 KiB of what is no longer mapped, which
# for 64 GiB takes a minute (debug_check_no_obj_freed()).
bars=64G
[ "$kernel" != debug ] || bars=4G
# shellcheck disable=SC2054 # the commas are QEMU's
machine=(qemu-system-x86_64 -accel "tcg,thread=multi" -cpu "max,la57=off" -smp 2 -m 3G
	-no-reboot -nic none -vga none
	-object "memory-backend-ram,id=bars,size=$bars,share=on,reserve=off"
	-device ivshmem-plain,memdev=bars
	-kernel "$out/arch/x86/boot/bzImage" -initrd "$out/initramfs.cpio")

iommu=${KIT_IOMMU:-none}
[ "$mode" != base-tests ] || iommu=intel
# shellcheck disable=SC2054 # the commas are QEMU's
case $iommu in
none) ;;
intel)
	# a timer that ticks late is no broken one either
	append+=" no_timer_check"
	machine+=(-machine q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=off)
	;;
amd)
	machine+=(-machine q35 -device amd-iommu)
	# the kernel does not remap interrupts there: it misses an IO-APIC
	append+=" iommufd.allow_unsafe_interrupts=1"
	;;
*) die "KIT_IOMMU=$iommu: none, intel or amd" ;;
esac

# A device behind that IOMMU, that vfio-pci can drive: PCIe, FLR, MSI-X, SR-IOV
# shellcheck disable=SC2054 # the commas are QEMU's
[ "$iommu" = none ] ||
	machine+=(-device pcie-root-port,id=behind,chassis=1 -device nvme-subsys,id=subsystem
		-device nvme,serial=0,bus=behind,subsys=subsystem,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,max_ioqpairs=6,msix_qsize=8)

# The script's output as it comes, but for the line that says how it ended
run_script() {
	local line status=1
	: >"$log"
	while IFS= read -r line || [ -n "$line" ]; do
		line=${line%$'\r'}
		case $line in
		'kit: exit '*) status=${line#kit: exit } ;;
		*) printf '%s\n' "$line" | tee -a "$log" ;;
		esac
	done < <("${machine[@]}" -append "$append loglevel=7 kit.args=$(comma "$@")" -display none \
		-monitor none -serial "file:$console" -serial stdio </dev/null)
	return "$status"
}

rm -f "$console"
case $mode in
shell)
	append+="$(terminal_size) loglevel=5"
	exec "${machine[@]}" -append "$append" -nographic
	;;
demo | bench | base-tests)
	[ ! -t 1 ] || append+=" kit.tty=1$(terminal_size)"
	run_script "$@"
	;;
test)
	# slab_debug=F: no per-processor reserves, so that what a cache says of
	# its objects in use is exact
	append+=" ignore_loglevel kasan_multi_shot slab_debug=F tp_printk kit.suites=$(comma "$@")"
	append+=" kit.env=$(test_environment) kit.limit=${KIT_SUITE_LIMIT:-}"
	exec "${machine[@]}" -append "$append" -display none -monitor none \
		-serial "file:$console" </dev/null
	;;
*) die "no mode $mode" ;;
esac
