#!/usr/bin/env bash
# Compile the series the slow ways: i386; as modules, with its users as modules;
# switched off; ten random configurations; and build its documentation.
#
#   kit/check-builds.sh            all of it
#   kit/check-builds.sh --seeds N  only the first N random configurations
#   kit/check-builds.sh --docs     only the documentation
#
# kit/quick-builds.sh is the quick half. The last line is "N passed, N failed".
set -euo pipefail
# shellcheck source=kit/builds.sh
. "$(dirname "$0")/builds.sh"

# Always the same, so that a failure is found again. With the base of today they
# are 32 and 64 bits wide, with the series built in, modular, mixed, in part and
# off; the first ones have most of it.
seeds=(11 26 16 28 5 14 25 7 42 3)

i386() {
	fragment y | grep -v '^CONFIG_64BIT=' | configure i386 ARCH=i386
	compile_ours i386 ARCH=i386 W=1
}

# All that can be a module is one, whatever uses the core too; modpost sees a
# symbol that is not exported, or not in the namespace that a user imports
modular() {
	{
		fragment m
		fragment_sev_tio m
		printf 'CONFIG_%s\n' VIRTUALIZATION=y HIGH_RES_TIMERS=y EVENTFD=y \
			KVM=m KVM_AMD=m IOMMUFD=m VFIO=m VFIO_DEVICE_CDEV=y VFIO_PCI=m
	} | configure modular
	forget_ours modular
	compile builds-modular build modular vmlinux modules
}

# Without PCI_TSM nothing of the series is there, and the rest links
off() {
	local folder
	{
		fragment y | grep -v TSM
		printf 'CONFIG_%s=n\n' PCI_TSM TSM
	} | configure off
	compile builds-off build off vmlinux
	for folder in $(series_dirs); do
		! has_objects off "$folder" || {
			say "error: PCI_TSM is off, but something was compiled in $folder"
			return 1
		}
	done
}

# One random configuration. Only PCI is certain: without it there is nothing
# to see. The folders that it switches on are compiled.
random() {
	local seed=$1 out=$builds_tree/out-random folder folders=() symbols
	symbols=$(series_symbols | awk '{ print $1 }' | paste -sd'|')
	mkdir -p "$out"
	printf 'CONFIG_PCI=y\n' >"$out/fragment"
	build random KCONFIG_ALLCONFIG="$out/fragment" KCONFIG_SEED="$seed" randconfig \
		>"$out/config.log" 2>&1 || {
		cat "$out/config.log"
		return 1
	}
	grep -E "CONFIG_(64BIT|PCI_TSM|$symbols)[= ]" "$out/.config" || true
	# the base has some of its own that are not ours to mend
	! unmet "$out/config.log" | grep -wE "TSM|PCI_TSM|$symbols" || return 1
	forget_ours random
	build random prepare >"$kit_logs/builds-random-prepare.log" 2>&1 || {
		tail -n 20 "$kit_logs/builds-random-prepare.log"
		return 1
	}
	for folder in $(series_dirs); do
		switched_on "$folder" || continue
		folders+=("$folder")
	done
	[ ${#folders[@]} -gt 0 ] || {
		say "nothing of the series is on"
		return 0
	}
	compile "builds-random-$seed" build random "${folders[@]}"
	for folder in "${folders[@]}"; do
		has_objects random "$folder" || {
			say "error: nothing was compiled in $folder"
			return 1
		}
	done
	printf '%s\n' "${folders[@]}" >>"$kit_build/random-folders"
}

# switched_on FOLDER: does the random configuration descend into it? The kernel
# reaches it by a line "obj-$(CONFIG_X) += FOLDER" in a Makefile above.
switched_on() {
	local above symbol
	above=${1%/}
	while [ "$above" != . ]; do
		above=$(dirname "$above")
		symbol=$(sed -nE "s,^obj-\\$\\(CONFIG_([A-Z0-9_]+)\\)[[:space:]]*\\+=[[:space:]]*${1#"$above"/}$,\\1,p" \
			"$builds_tree/$above/Makefile" 2>/dev/null)
		[ -z "$symbol" ] || {
			grep -qE "^CONFIG_$symbol=[ym]" "$builds_tree/out-random/.config"
			return
		}
	done
	return 1
}

# Ten configurations that never switch a folder on would prove nothing about it
random_reach() {
	local folder bad=0
	for folder in $(series_dirs); do
		grep -qxF "$folder" "$kit_build/random-folders" || {
			say "error: no seed of the list compiled $folder: add another seed"
			bad=1
		}
	done
	return $bad
}

# Pages of the series: its own, and those of the base that a hook edits
pages() {
	{
		series_files
		sed -n 's,^+++ b/\([^\t ]*\).*,\1,p' "$kit_top"/patches/*.patch
	} | grep '^Documentation/.*\.rst$' | LC_ALL=C sort -u
}

# The smallest folders with an index that hold them, as SPHINXDIRS wants them
page_folders() {
	local page folder
	for page in $(pages); do
		folder=$(dirname "$page")
		while [ "$folder" != . ] && [ ! -f "$builds_tree/$folder/index.rst" ]; do
			folder=$(dirname "$folder")
		done
		printf '%s\n' "${folder#Documentation/}"
	done | LC_ALL=C sort -u
}

# Drop complaints about references to pages that exist: SPHINXDIRS makes each
# folder a world of its own, and what lies outside cannot be found
elsewhere() {
	local line page
	while read -r line; do
		page=$(sed -nE "s,.*unknown document: '/?([^']*)'.*,\1,p" <<<"$line")
		[ -n "$page" ] && [ -f "$builds_tree/Documentation/$page.rst" ] || printf '%s\n' "$line"
	done
}

htmldocs() {
	local folders log=$kit_logs/builds-htmldocs.log found page
	command -v sphinx-build >/dev/null ||
		die "no sphinx-build: install python3-sphinx and python3-yaml"
	folders=$(page_folders | paste -sd' ')
	[ -n "$folders" ] || die "the series has no page below Documentation"
	say "SPHINXDIRS=$folders"
	rm -rf "$builds_tree/out-docs"
	mkdir -p "$builds_tree/out-docs"
	build docs SPHINXDIRS="$folders" htmldocs >"$log" 2>&1 || {
		tail -n 20 "$log"
		return 1
	}
	found=$(series_warnings "$log" | elsewhere)
	[ -z "$found" ] || {
		say "$found"
		return 1
	}
	for page in $(pages); do
		[ -n "$(find "$builds_tree/out-docs" -name "$(basename "$page" .rst).html" -print -quit)" ] || {
			say "error: $page became no page (is it in a toctree?)"
			return 1
		}
	done
}

# The ABI pages have a syntax of their own; what is said about ours must be nothing
abi() {
	local out
	cd "$builds_tree"
	out=$(PYTHONDONTWRITEBYTECODE=1 tools/docs/get_abi.py --dir Documentation/ABI validate 2>&1 |
		grep -F -f <({ series_files; sed -n 's,^+++ b/,,p' "$kit_top"/patches/*.patch; } |
			grep '^Documentation/ABI/' || say none)) || true
	say "$out"
	[ -z "$out" ]
}

check_seeds() {
	local seed
	rm -f "$kit_build/random-folders"
	for seed in "${seeds[@]:0:$1}"; do
		check "random configuration, seed $seed" random "$seed"
	done
}

check_docs() {
	check "htmldocs" htmldocs
	check "ABI pages" abi
}

case ${1:-} in
'' | --docs) ;;
--seeds)
	[[ ${2:-} =~ ^([1-9]|10)$ ]] || die "--seeds takes a number from 1 to ${#seeds[@]}"
	;;
*) die "usage: kit/check-builds.sh [--seeds N | --docs]" ;;
esac

"$kit_top/kit/tree.sh"
case ${1:-} in
'')
	check "gcc W=1, i386" i386
	check "modules, and users as modules" modular
	check "PCI_TSM off" off
	check_seeds ${#seeds[@]}
	check "reach of the seeds" random_reach
	check_docs
	;;
--seeds) check_seeds "$2" ;;
--docs) check_docs ;;
esac
checks_end
