#!/usr/bin/env bash
# Lay out the kernel tree under build/tree: base + patches/ + our whole files.
#
# Only what changed is written, so that an edited file costs one incremental
# kernel build; build folders inside the tree (out-*) stay.
#
#   kit/tree.sh               lay build/tree
#   kit/tree.sh --base-core   lay build/tree-base: the simulator and what it
#                             needs on the base's own core (bench-base)
#   kit/tree.sh --untouched   lay build/series-check/tree: the base alone
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

mode=${1:-}
case $mode in
'') tree=$kit_build/tree ;;
--base-core) tree=$kit_build/tree-base ;;
--untouched) tree=$kit_build/series-check/tree ;;
*) die "usage: kit/tree.sh [--base-core | --untouched]" ;;
esac
stage=$tree.stage	# every file of the tree that is not the base's
record=$tree.laid	# what is laid: the base, then those files and the removed ones

cd "$kit_top"
mkdir -p "$(dirname "$tree")"
exec 9>"$tree.lock"
flock 9
trap 'rm -rf "$stage" "$tree.new" "$record".*' EXIT

# Whole files that go into the kernel, as git sees them: committed or not, but
# nothing that a .gitignore names
our_files() {
	local where="drivers include arch virt tools Documentation" f
	[ "$mode" != --untouched ] || return 0
	[ -z "$mode" ] || where="drivers/pci/tsm/spdm drivers/pci/tsm/sim include"
	# shellcheck disable=SC2086
	git ls-files -co --exclude-standard -- $where | while read -r f; do
		[ ! -f "$f" ] || printf '%s\n' "$f"
	done | LC_ALL=C sort -u
}

removed_files() {
	[ -n "$mode" ] || awk '$1 == "remove" { print $2 }' series/order
}

base_version() {
	make -s -C "$base" kernelversion 2>/dev/null || basename "$base"
}

# stage_base FILE: a private copy of a base file, to be edited
stage_base() {
	[ ! -e "$stage/$1" ] || return 0
	mkdir -p "$stage/$(dirname "$1")"
	cp -p "$base/$1" "$stage/$1" 2>/dev/null || return 1
	chmod u+w "$stage/$1"
}

# hook_files HOOK: the files of the base it edits
hook_files() {
	sed -n 's,^--- a/\([^\t ]*\).*,\1,p' "$1"
}

apply_hook() {
	local hook=patches/$1 f out
	[ -f "$hook" ] || die "series/order names the hook $1, but there is no $hook"
	! grep -qE '^(---|\+\+\+) /dev/null' "$hook" ||
		die "hook $hook adds or removes a file: new files lie at their kernel path," \
		    "removed ones stand in series/order"
	for f in $(hook_files "$hook"); do
		stage_base "$f" ||
			die "hook $hook edits $f, which base $(base_version) does not have"
	done
	out=$(patch -p1 -d "$stage" --force --no-backup-if-mismatch --fuzz=0 -r - <"$hook" 2>&1) || {
		f=$(awk '/^patching file/ { f = $3 } /FAILED/ { print f; exit }' <<<"$out")
		die "hook $hook does not apply to $f of base $(base_version) ($base):"$'\n'"$out"
	}
}

# append_hook NAME: for the base's own core, whose lines are not those that the
# hook expects around it: the order of make and Kconfig lines does not matter
append_hook() {
	local hook=patches/$1 f
	! grep -qE '^-([^-]|$)' "$hook" || die "hook $hook does more than add lines"
	for f in $(hook_files "$hook"); do
		stage_base "$f" ||
			die "hook $hook edits $f, which base $(base_version) does not have"
		awk -v f="+++ b/$f" '/^\+\+\+ / { on = $0 == f; next }
			on && /^\+/ { print substr($0, 2) }' "$hook" >>"$stage/$f"
	done
}

# without_tdis: the base's own core knows no TDIs, so the simulator does without
without_tdis() {
	local sim=$stage/drivers/pci/tsm/sim
	cp kit/base-core/tdi-stubs.c "$sim"
	sed -i -e 's/link-tdi.o link-guest.o/tdi-stubs.o/' \
		-e '/consumer.o/d' "$sim/Makefile"
	grep -q 'tdi-stubs.o' "$sim/Makefile" ||
		die "the simulator's Makefile has no line for TDIs any more: see kit/tree.sh"
}

stage_all() {
	local f hook
	rm -rf "$stage"
	mkdir -p "$stage"
	if [ "$mode" = --untouched ]; then
		return
	elif [ -n "$mode" ]; then
		apply_hook iommu-emulated-fwspec.patch
		append_hook pci-tsm-spdm.patch
		append_hook pci-tsm-sim.patch
	else
		while read -r hook; do
			apply_hook "$hook"
		done < <(awk '$1 == "hook" { print $2 }' series/order)
		for f in patches/*.patch; do
			grep -qxF "hook $(basename "$f")" series/order ||
				say "note: $f is not named in series/order: not applied" >&2
		done
		LC_ALL=C awk -f kit/maintainers.awk MAINTAINERS "$base/MAINTAINERS" >"$stage/MAINTAINERS" ||
			die "MAINTAINERS does not fit base $(base_version) ($base)"
	fi
	our_files >"$stage/.files"
	while read -r f; do
		[ ! -e "$base/$f" ] ||
			die "$f is a file of the base: edit it with a hook in patches/"
		mkdir -p "$stage/$(dirname "$f")"
		cp "$f" "$stage/$f"
	done <"$stage/.files"
	rm "$stage/.files"
	[ -z "$mode" ] || without_tdis
}

# What tells one state of the base from another: a tree given by KSRC may be
# another one tomorrow, under the same name.
base_id() {
	printf '%s %s' "$base" "$(base_version)"
	[ -n "${KSRC:-}" ] || return 0
	{
		cat "$base/Makefile"
		git -C "$base" rev-parse HEAD 2>/dev/null || true
		git -C "$base" diff HEAD 2>/dev/null || true
	} | cksum | sed 's/^/ /'
}

# The base's files: what git knows, else all that is there
base_files() {
	if [ -e "$base/.git" ]; then
		git -C "$base" ls-files -z
	else
		(cd "$base" && find . -mindepth 1 \( -path './out-*' -o -path ./.complete \) -prune -o \
			! -type d -printf '%P\0')
	fi
}

# A tree of links to the cached base. Nothing writes through them: kernel
# builds write below out-*, and put() replaces files.
lay_base() {
	local new=$tree.new
	say "laying ${tree#"$kit_top"/} on base $(base_version)"
	rm -rf "$new"
	mkdir -p "$tree" "$new"
	base_files >"$record.base"
	if ! (cd "$base" && xargs -0 cp -Pl --parents -t "$new" <"$record.base") 2>/dev/null; then
		# another file system has no links: copy
		rm -rf "$new"
		mkdir "$new"
		(cd "$base" && xargs -0 cp -Pp --parents -t "$new" <"$record.base")
	fi
	# another base: everything goes but the build folders
	find "$tree" -mindepth 1 -maxdepth 1 ! -name 'out-*' -exec rm -rf {} +
	find "$new" -mindepth 1 -maxdepth 1 -exec mv -t "$tree" {} +
	rmdir "$new"
}

# as git sees it
mode_of() {
	[ -x "$1" ] && echo 755 || echo 644
}

# put FROM FILE: make FILE of the tree what FROM is, if it is not
put() {
	if cmp -s "$1" "$tree/$2" && [ "$(mode_of "$1")" = "$(mode_of "$tree/$2")" ]; then
		return
	fi
	mkdir -p "$tree/$(dirname "$2")"
	rm -f "$tree/$2"
	cp "$1" "$tree/$2"
	changed=$((changed + 1))
}

# take FILE: FILE of the tree goes, with the folders that it leaves empty
take() {
	[ -e "$tree/$1" ] || return 0
	rm -f "$tree/$1"
	(cd "$tree" && rmdir -p --ignore-fail-on-non-empty "$(dirname "$1")")
	changed=$((changed + 1))
}

base=$("$kit_top/kit/base.sh")
id=$(base_id)
stage_all
for f in $(removed_files); do
	[ -e "$base/$f" ] ||
		die "series/order removes $f, which base $(base_version) ($base) does not have"
done

# Nothing of the tree has been touched up to here.
if [ "$(head -n 1 "$record" 2>/dev/null)" != "$id" ]; then
	rm -f "$record"
	lay_base
	printf '%s\n' "$id" >"$record"
fi

changed=0
{
	printf '%s\n' "$id"
	(cd "$stage" && find . -type f -printf '%P\n' && cd "$kit_top" && removed_files) |
		LC_ALL=C sort
} >"$record.new"
# files that were ours: take them away, or put the base's back
while read -r f; do
	if [ -e "$base/$f" ]; then
		put "$base/$f" "$f"
	else
		take "$f"
	fi
done < <(LC_ALL=C comm -23 <(tail -n +2 "$record") <(tail -n +2 "$record.new"))
# a file that is laid must be in the record before it is: add, never replace,
# until all is done
LC_ALL=C sort -u <(tail -n +2 "$record") <(tail -n +2 "$record.new") |
	cat <(head -n 1 "$record") - >"$record.both"
mv "$record.both" "$record"
while read -r f; do
	put "$stage/$f" "$f"
done < <(cd "$stage" && find . -type f -printf '%P\n' | LC_ALL=C sort)
for f in $(removed_files); do
	take "$f"
done
mv "$record.new" "$record"
say "${tree#"$kit_top"/}: base $(base_version), $(($(wc -l <"$record") - 1)) files of the series, $changed changed"
