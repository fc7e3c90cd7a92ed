#!/usr/bin/env bash
# Build a test kernel of a laid tree, its modules and its kselftests.
#
# The configuration is tinyconfig plus fragments: kit/config and what the
# selftests of the tree ask for. A line that Kconfig does not grant is an error.
#
#   kit/build.sh debug|fast               build/tree/out-KERNEL
#   kit/build.sh debug|fast --base-core   build/tree-base/out-KERNEL
#   kit/build.sh fast --untouched         build/series-check/tree/out-fast, with
#                                         nothing of the series in it
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

usage="usage: kit/build.sh debug|fast [--base-core | --untouched]"
kernel=${1:-debug}
case $kernel in
debug | fast) ;;
*) die "$usage" ;;
esac
case ${2:-} in
'') tree=$kit_build/tree name=$kernel ;;
--base-core) tree=$kit_build/tree-base name=$kernel-base ;;
--untouched) tree=$kit_build/series-check/tree name=$kernel-untouched ;;
*) die "$usage" ;;
esac
[ -f "$tree/Makefile" ] || die "$(shown "$tree") is not laid yet: make tree"

# what boots and measures is the same program on every core
selftests=$kit_build/tree/tools/testing/selftests
[ "${2:-}" != --untouched ] || selftests=$tree/tools/testing/selftests
[ -d "$selftests/tsm" ] || [ "${2:-}" = --untouched ] ||
	die "$(shown "$selftests/tsm") is not there: make tree"

# right below the tree: objects then name their sources relative to it, and the
# compiler cache hits in every clone
out=$tree/out-$kernel
# what the guest gets of this build
guest=$out/guest

kmake() {
	kernel_make "$tree" "${out#"$tree"/}" "$@"
}

# The KUnit suites of the series, each a module
kunit_fragment() {
	[ "$kernel" = debug ] || return 0
	find "$tree/drivers/pci/tsm" "$tree/drivers/vfio/pci" -name Kconfig -exec \
		sed -n 's/^config \(.*_KUNIT_TEST\)$/CONFIG_\1=m/p' {} + | LC_ALL=C sort
}

fragments=("$kit_top"/kit/config/{common,x86_64,"$kernel"}.config)
# ours also where the series is not: the base is to be the same kernel otherwise
for config in "$kit_top/tools/testing/selftests/tsm/config" "$selftests"/{iommu,kvm,vfio}/config; do
	[ ! -f "$config" ] || fragments+=("$config")
done

# Without the series, nothing of it can be asked for
untouched_fragments() {
	local f copies=()
	mkdir -p "$out/fragments"
	for f in "${fragments[@]}"; do
		copies+=("$out/fragments/$(cksum <<<"$f" | cut -d ' ' -f 1).config")
		sed '/^CONFIG_PCI_TSM_SIM=/d' "$f" >"${copies[-1]}"
	done
	fragments=("${copies[@]}")
}

# What the configuration depends on. The Kconfig files of the base change with
# the base, those that we add or edit are laid files.
config_key() {
	local f
	cat "$out/kunit.config" "${fragments[@]}"
	head -n 1 "$tree.laid"
	while read -r f; do
		case $f in
		*Kconfig*) [ ! -f "$tree/$f" ] || cat "$tree/$f" ;;
		esac
	done <"$tree.laid"
	gcc --version
}

# Lines of the fragments that .config does not have; y where m is asked for will do
lost_lines() {
	awk '
		!/^CONFIG_[A-Za-z0-9_]+=/ && !/^# CONFIG_[A-Za-z0-9_]+ is not set/ { next }
		{
			match($0, /CONFIG_[A-Za-z0-9_]+/)
			symbol = substr($0, RSTART, RLENGTH)
			value = /^#/ ? "n" : substr($0, index($0, "=") + 1)
		}
		FILENAME == ARGV[1] { have[symbol] = value; next }
		{ want[symbol] = value; from[symbol] = FILENAME }
		END {
			for (symbol in want) {
				got = symbol in have ? have[symbol] : "n"
				if (got != want[symbol] && !(want[symbol] == "m" && got == "y"))
					print "  " symbol "=" want[symbol] " of " from[symbol] ": is " got
			}
		}' "$out/.config" "${fragments[@]}" | sed "s,$kit_top/,,"
}

configure() {
	kmake tinyconfig
	# -m only merges; Kconfig then decides
	(cd "$out" && "$tree/scripts/kconfig/merge_config.sh" -m .config "${fragments[@]}")
	kmake olddefconfig
}

configure_if_needed() {
	local key lost
	mkdir -p "$out"
	kunit_fragment >"$out/kunit.config"
	fragments+=("$out/kunit.config")
	case $name in
	*-untouched) untouched_fragments ;;
	esac
	key=$(config_key | cksum)
	if [ -f "$out/.config" ] && [ "$(cat "$out/.kit-key" 2>/dev/null)" = "$key" ]; then
		return
	fi
	rm -f "$out/.kit-key"
	run_logged "config-$name" "configuring the $name kernel" configure
	lost=$(lost_lines)
	[ -z "$lost" ] || die "Kconfig does not grant what the fragments ask for:"$'\n'"$lost"
	printf '%s\n' "$key" >"$out/.kit-key"
}

install_modules() {
	rm -rf "${guest:?}/lib"
	kmake INSTALL_MOD_PATH="$guest" INSTALL_MOD_STRIP=1 modules_install
	rm -f "$guest"/lib/modules/*/build "$guest"/lib/modules/*/source
}

# The selftests depend on their own files, on uAPI headers and on the specification of
# the netlink family; they are laid files, or change with the base
selftests_key() {
	local f
	head -n 1 "$kit_build/tree.laid"
	while read -r f; do
		case $f in
		tools/* | */uapi/* | */netlink/specs/*) [ ! -f "$kit_build/tree/$f" ] || cksum "$kit_build/tree/$f" ;;
		esac
	done <"$kit_build/tree.laid"
	gcc --version
}

# The headers are of the tree that the selftests are of: the base's own core does
# not have all that they ask for
headers=$out
[ "${2:-}" != --base-core ] || headers=$kit_build/tree/out-headers

kvm_tests="set_memory_region_test memslot_modification_stress_test memslot_perf_test"
kvm_tests+=" mmu_stress_test guest_memfd_test pre_fault_memory_test"
kvm_tests+=" x86/private_mem_conversions_test x86/private_mem_kvm_exits_test"

install_selftests() {
	rm -rf "${guest:?}/kselftest" "$out/kselftest" "$guest/base-tests"
	if [ "$headers" = "$out" ]; then
		kmake headers
	else
		kernel_make "$kit_build/tree" "${headers##*/}" headers
	fi
	if [ -d "$selftests/tsm" ]; then
		kernel_make "$selftests" "$out" TARGETS=tsm FORCE_TARGETS=1 \
			KHDR_INCLUDES="-isystem $headers/usr/include" \
			KSFT_INSTALL_PATH="$guest/kselftest" install
	fi
	# those of the base that what we touch must still pass: kit/test-base.sh
	if [ "$kernel" = fast ] && [ "$tree" != "$kit_build/tree-base" ]; then
		kernel_make "$selftests" "$out" TARGETS="iommu vfio" FORCE_TARGETS=1 \
			KSFT_INSTALL_PATH="$guest/base-tests" install
		# KVM has more than a hundred: those about memslots and private memory
		kernel_make "$selftests" "$out" TARGETS=kvm FORCE_TARGETS=1 \
			TEST_GEN_PROGS_x86="$kvm_tests" TEST_GEN_PROGS_EXTENDED_x86='' \
			TEST_PROGS_x86='' KSFT_INSTALL_PATH="$guest/base-tests" install
	fi
}

build_selftests() {
	local key
	key=$(selftests_key | cksum)
	[ "$(cat "$out/.kit-selftests" 2>/dev/null)" != "$key" ] || return 0
	rm -f "$out/.kit-selftests"
	run_logged "selftests-$name" "building the selftests" install_selftests
	printf '%s\n' "$key" >"$out/.kit-selftests"
}

PATH=$PATH:/usr/sbin:/sbin
configure_if_needed
run_logged "build-$name" "building the $name kernel" kmake bzImage modules
run_logged "modules-$name" "installing its modules" install_modules
build_selftests
