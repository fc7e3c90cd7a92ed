#!/usr/bin/env bash
# Compile and check the folders of the series the quick way: gcc, sparse, clang,
# arm64, the base's SEV-TIO driver on our core, kernel-doc, checkpatch, what is
# made of the netlink specification, and shell scripts.
#
# Each compiler has a minimal O= folder of its own in build/tree, configured
# once; only our folders are compiled. One line per check; the last line is
# "N passed, N failed". kit/check-builds.sh is the slow half.
set -euo pipefail
# shellcheck source=kit/builds.sh
. "$(dirname "$0")/builds.sh"

[ $# -eq 0 ] || die "usage: kit/quick-builds.sh"

clang=(LLVM=-19 CC='ccache clang-19')
arm64=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC='ccache aarch64-linux-gnu-gcc')

# hook_objects OUT ARCH: what the series changes of an architecture's memory management,
# as objects to be compiled anew
hook_objects() {
	local object
	sed -n "s,^+++ b/\(arch/$2/mm/[^[:space:]]*\)\.c.*,\1.o,p" "$kit_top"/patches/*.patch |
		while read -r object; do
			rm -f "$builds_tree/out-$1/$object"
			say "$object"
		done
}

gcc_x86() {
	local hooks
	{ fragment y; fragment_sev_tio y; fragment_confidential; } | configure gcc
	mapfile -t hooks < <(hook_objects gcc x86)
	compile_ours gcc W=1 "${hooks[@]}"
}

# sparse reads each file again, compiled or not
sparse_x86() {
	local sparse ours
	sparse=$("$kit_top/kit/sparse.sh")
	mapfile -t ours < <(series_dirs && series_objects)
	compile builds-sparse build gcc W=1 C=2 CHECK="$sparse" "${ours[@]}"
	grep -q '^  CHECK   drivers' "$kit_logs/builds-sparse.log" || {
		printf 'error: sparse read nothing\n'
		return 1
	}
}

# Session drivers of the base stay source compatible: this one compiles as it is
sev_tio() {
	local f
	for f in drivers/crypto/ccp/sev-dev-t{sm,io}.c; do
		cmp "$("$kit_top/kit/base.sh")/$f" "$builds_tree/$f"
	done
	compile builds-sev-tio build gcc W=1 \
		drivers/crypto/ccp/sev-dev-tsm.o drivers/crypto/ccp/sev-dev-tio.o
}

clang_x86() {
	fragment y | configure clang "${clang[@]}"
	compile_ours clang "${clang[@]}" W=1
}

gcc_arm64() {
	local hooks
	fragment y | configure arm64 "${arm64[@]}"
	mapfile -t hooks < <(hook_objects arm64 arm64)
	compile_ours arm64 "${arm64[@]}" W=1 "${hooks[@]}"
}

# The top-level Kconfig is a menu of what the series adds: it sources every
# Kconfig file of the series and no other, and the kernel knows what they offer.
# All of it is explained, and off unless somebody wants all KUnit tests.
kconfig_menu() {
	local bad=0 f symbol type
	cd "$kit_top"
	for f in $(series_kconfigs); do
		grep -qxF "source \"$f\"" Kconfig || {
			say "error: Kconfig does not source $f"
			bad=1
		}
		awk '
		function finish() {
			if (offered && !help) {
				print "error: " FILENAME " has no help for " symbol
				bad = 1
			}
			offered = help = 0
		}
		/^(menu)?config / { finish(); symbol = $2 }
		/^\t(bool|tristate|prompt) "/ { offered = 1 }
		/^\thelp$/ { help = 1 }
		/^\tdefault / && $2 != "KUNIT_ALL_TESTS" && $2 != "n" {
			print "error: " FILENAME " switches " symbol " on by default"
			bad = 1
		}
		END { finish(); exit bad }' "$f" || bad=1
	done
	while read -r f; do
		series_kconfigs | grep -qxF "$f" || {
			say "error: Kconfig sources $f, which is not a file of the series"
			bad=1
		}
	done < <(sed -n 's/^source "\(.*\)"$/\1/p' Kconfig)
	while read -r symbol type; do
		grep -qE "CONFIG_${symbol}[= ]" "$builds_tree/out-gcc/.config" || {
			say "error: the kernel does not know $type $symbol"
			bad=1
		}
	done < <(series_symbols)
	return $bad
}

# Symbols by name, in expressions of our Kconfig files and as CONFIG_* in our
# sources: one that nobody defines is always off, and nobody says so. CONFIG_LOCKED
# and CONFIG_UNLOCKED are states of TDISP.
known_symbols() {
	local bad=0 symbol
	cd "$builds_tree"
	while read -r symbol; do
		say "error: no Kconfig of the tree defines $symbol"
		bad=1
	done < <(LC_ALL=C comm -23 <({
		# shellcheck disable=SC2016 # awk's
		series_kconfigs | xargs awk '
			/^\thelp$/ { help = 1; next }
			/^[^\t]/ { help = 0 }
			help { next }
			/^\t(depends|select|imply|default|bool|tristate|visible)|^if / {
				gsub(/"[^"]*"/, "")
				gsub(/[^A-Za-z0-9_]/, " ")
				for (i = 1; i <= NF; i++)
					if ($i ~ /^[A-Z][A-Z0-9_]+$/)
						print $i
			}'
		series_files | grep -E '^(drivers|arch|virt|include)/.*(\.[chS]|Makefile|Kbuild)$' |
			xargs grep -ohE 'CONFIG_[A-Z0-9_]+' |
			sed -e '/^CONFIG_SHELL$/d' -e '/^CONFIG_\(UN\)\?LOCKED$/d' \
				-e 's/^CONFIG_//' -e 's/_MODULE$//'
	} | LC_ALL=C sort -u) <(
		# shellcheck disable=SC2016 # awk's
		find . -name 'out-*' -prune -o -path ./tools -prune -o -name 'Kconfig*' -print0 |
			xargs -0 awk '/^[ \t]*(menu)?config / { print $2 }' | LC_ALL=C sort -u))
	return $bad
}

# Every comment that starts like kernel-doc is kernel-doc
kernel_doc() {
	local files out
	cd "$builds_tree"
	mapfile -t files < <(series_c_files)
	out=$(PYTHONDONTWRITEBYTECODE=1 scripts/kernel-doc -none "${files[@]}" 2>&1) || true
	say "$out"
	[ -z "$out" ]
}

checkpatch_files() {
	local files out
	cd "$builds_tree"
	mapfile -t files < <(series_files)
	out=$({ scripts/checkpatch.pl --strict --show-types --terse --no-summary \
		-f "${files[@]}" || true; } 2>&1 | checkpatch_findings)
	# a cache that it leaves behind
	rm -f .checkpatch-camelcase.*
	say "$out"
	[ -z "$out" ]
}

# What the base's tool makes of the netlink specification is what the series has,
# and the specification is a valid one
netlink_spec() {
	local made=$kit_build/ynl spec=Documentation/netlink/specs/pci-tsm.yaml
	local gen=drivers/pci/tsm/evidence-nl-gen
	cd "$builds_tree"
	ynl_gen() {
		PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
			tools/net/ynl/pyynl/ynl_gen_c.py --spec $spec "$@"
	}
	mkdir -p "$made"
	ynl_gen --mode uapi --header -o "$made/pci_tsm.h"
	ynl_gen --mode kernel --header -o "$made/evidence-nl-gen.h"
	ynl_gen --mode kernel --source -o "$made/evidence-nl-gen.c"
	diff -u include/uapi/linux/pci_tsm.h "$made/pci_tsm.h"
	diff -u $gen.h "$made/evidence-nl-gen.h"
	diff -u $gen.c "$made/evidence-nl-gen.c"
}

# Every shell script of the repository, whatever its name
shell_scripts() {
	local files
	cd "$kit_top"
	mapfile -t files < <(git ls-files -co --exclude-standard | while read -r f; do
		[ -f "$f" ] || continue
		case $f in
		*.sh) say "$f" ;;
		*.[chS] | *.rst) ;;
		*) ! grep -qaE '^#!.*[/ ](ba)?sh( |$)' < <(head -n 1 "$f") || say "$f" ;;
		esac
	done)
	shellcheck -x "${files[@]}"
}

"$kit_top/kit/tree.sh"
check "gcc W=1, x86-64" gcc_x86
check "sparse, x86-64" sparse_x86
check "SEV-TIO driver of the base" sev_tio
check "clang W=1, x86-64" clang_x86
check "gcc W=1, arm64" gcc_arm64
check "Kconfig menu" kconfig_menu
check "Kconfig symbols" known_symbols
check "kernel-doc" kernel_doc
check "checkpatch --strict" checkpatch_files
check "netlink specification" netlink_spec
check "shellcheck" shell_scripts
checks_end
