#!/usr/bin/env bash
# Prove the series patch by patch: each one applies with "git am" to the base,
# has nothing that checkpatch --strict or kernel-doc would say, and builds with
# TSM switched on and off. Only the folders that a patch can change are built
# after each; the whole kernel once, after the last.
#
#   kit/series-check.sh
#
# The last line is "N passed, N failed".
set -euo pipefail
# shellcheck source=kit/builds.sh
. "$(dirname "$0")/builds.sh"

[ $# -eq 0 ] || die "usage: kit/series-check.sh"

work=$kit_build/series-check
patches=$work/patches
# the functions of builds.sh work here
builds_tree=$work/tree
cd "$kit_top"

# git in a whole tree of which it knows only the files that the series touches:
# "git am" needs no more, and adding all of them takes minutes
in_tree() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
		GIT_DIR=$work/tree.git GIT_WORK_TREE=$builds_tree \
		git -C "$builds_tree" -c user.name=series-check -c user.email=series-check@localhost \
		-c gc.auto=0 "$@"
}

lay_untouched() {
	local f base
	base=$(kit/base.sh)
	# what the last run applied
	if [ -d "$work/tree.git" ] && ! in_tree checkout -q -f base; then
		# nobody knows what is there: lay it anew
		rm -f "$builds_tree.laid"
	fi
	rm -rf "$work/tree.git"
	kit/tree.sh --untouched
	in_tree init -q -b series
	while read -r f; do
		# a link to the cached base no more
		cp --remove-destination -p "$base/$f" "$builds_tree/$f"
		in_tree add -f "$f"
	done < <(git -C "$patches.git" ls-tree -r --name-only base)
	in_tree commit -q -m base
	in_tree tag base
}

# files of the commit that HEAD is
changed_files() {
	in_tree diff --no-renames --name-only --diff-filter=AM HEAD~1 HEAD
}

apply_patch() {
	in_tree am -q --whitespace=nowarn "$1" || {
		in_tree am --abort || true
		return 1
	}
}

# What kernel-doc says of files, wherever in them
kernel_doc() {
	PYTHONDONTWRITEBYTECODE=1 "$builds_tree/scripts/kernel-doc" -none "$@" 2>&1 |
		sed -E 's/^([^ ]+ [^ :]+):[0-9]+ /\1 /' | LC_ALL=C sort
}

# ... and of those of them that there were before the commit that HEAD is
kernel_doc_before() {
	local f files=() before=$work/before

	rm -rf "$before"
	for f in "$@"; do
		mkdir -p "$before/$(dirname "$f")"
		in_tree show "HEAD~1:$f" >"$before/$f" 2>/dev/null && files+=("$f")
	done
	[ ${#files[@]} -eq 0 ] || (cd "$before" && kernel_doc "${files[@]}")
}

# git am, checkpatch and kernel-doc
style() {
	local files said bad=0
	apply_patch "$1"
	said=$(cd "$builds_tree" && { scripts/checkpatch.pl --strict --terse --show-types --showfile \
		--no-summary "$1" || true; } 2>&1 | checkpatch_findings)
	[ -z "$said" ] || {
		printf '%s\n' "$said"
		bad=1
	}
	mapfile -t files < <(changed_files | grep '\.[ch]$')
	if [ ${#files[@]} -gt 0 ]; then
		# what the base has to say of itself is not the patch's
		said=$(LC_ALL=C comm -13 <(kernel_doc_before "${files[@]}") \
			<(cd "$builds_tree" && kernel_doc "${files[@]}"))
		[ -z "$said" ] || {
			printf '%s\n' "$said"
			bad=1
		}
	fi
	return $bad
}

# The fragment without the symbols that come with a later patch
fragment_so_far() {
	local later
	later=$(series_symbols | while read -r symbol _; do
		(cd "$builds_tree" && series_kconfigs | xargs cat 2>/dev/null || true) |
			grep -qxE "(menu)?config $symbol" || printf 'CONFIG_%s=|' "$symbol"
	done)
	{
		fragment y
		fragment_sev_tio y
	} | grep -vE "^(${later:-nothing|}nothing)"
}

# The base's users of PCI/TSM, and the folders of the series that are there
kernel_folders() {
	local folder
	printf '%s\n' drivers/pci/ drivers/virt/coco/
	[ "$1" = off ] || printf '%s\n' drivers/crypto/ccp/
	for folder in $(series_dirs); do
		case $folder in
		drivers/pci/* | drivers/virt/coco/*) ;;
		*) [ ! -d "$builds_tree/$folder" ] || printf '%s\n' "$folder" ;;
		esac
	done
}

prepare_on() {
	fragment_so_far | configure on
	build on prepare
}

prepare_off() {
	{
		fragment y | grep -v TSM
		printf '# CONFIG_PCI_TSM is not set\n'
	} | configure off
	build off prepare
}

build_on() {
	local folders
	fragment_so_far | configure on
	mapfile -t folders < <(kernel_folders on)
	compile series-on build on "${folders[@]}"
}

build_off() {
	local folders
	mapfile -t folders < <(kernel_folders off)
	compile series-off build off "${folders[@]}"
}

# What is not part of the kernel is compiled by its own Makefile
build_tools() {
	local folder
	for folder in $(changed_files | sed -n 's,^\(tools/testing/.*\)/Makefile$,\1,p'); do
		case $folder in
		tools/testing/selftests) ;;
		tools/testing/selftests/*)
			compile series-headers build on headers
			compile series-tools kernel_make "$builds_tree/tools/testing/selftests" \
				"$builds_tree/out-on" TARGETS="${folder#tools/testing/selftests/}" FORCE_TARGETS=1
			;;
		*) compile series-tools make -C "$builds_tree/$folder" ;;
		esac
	done
}

builds() {
	if changed_files | grep -qvE '^(tools|Documentation)/|^MAINTAINERS$'; then
		build_on
		build_off
	fi
	build_tools
}

# Each file of the series has a maintainer: it is below an F: line of an entry
# that the repository's MAINTAINERS adds or changes
maintained() {
	local f pattern found bad=0 patterns
	mapfile -t patterns < <(awk '
		FNR == NR { if (!entry) title[$0] = 1; entry = $0 != ""; next }
		$0 == "" { here = 0 }
		$0 in title { here = 1 }
		here && /^F:\t/ { print $2 }' MAINTAINERS "$builds_tree/MAINTAINERS")
	while read -r f; do
		found=no
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2053 # a pattern
			if [[ $f == $pattern || ( $pattern == */ && $f == $pattern* ) ]]; then
				found=yes
			fi
		done
		[ $found = yes ] || {
			say "$f: no entry that MAINTAINERS changes has an F: line for it"
			bad=1
		}
	done < <(series_files)
	return $bad
}

whole_kernel() {
	run_logged series-vmlinux "building vmlinux and modules" build on vmlinux modules
	[ -z "$(series_warnings "$kit_logs/series-vmlinux.log")" ] ||
		die "$(series_warnings "$kit_logs/series-vmlinux.log")"
}

make_patches() {
	kit/series.sh --check
}

check "the series makes the tree" make_patches
[ $checks_failed -eq 0 ] || { checks_end; exit 1; }
check "an untouched base" lay_untouched
[ $checks_failed -eq 0 ] || { checks_end; exit 1; }
run_logged series-prepare-on "preparing a kernel with TSM" prepare_on
run_logged series-prepare-off "preparing a kernel without" prepare_off

while read -r patch; do
	name=$(basename "$patch" .patch)
	name="${name%%-*} $(git -C "$patches.git" log --format=%s --reverse base.. | sed -n "$((10#${name%%-*}))p")"
	applied=$(in_tree rev-parse HEAD)
	check "$name: style" style "$patch"
	# what follows makes no sense without it
	[ "$(in_tree rev-parse HEAD)" != "$applied" ] || break
	check "$name: builds" builds
done < <(find "$patches" -name '*.patch' ! -name '0000-*' | LC_ALL=C sort)
check "every file has a maintainer" maintained
check "vmlinux and modules" whole_kernel
checks_end
