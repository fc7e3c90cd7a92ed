#!/usr/bin/env bash
# Get a sparse that understands this kernel: prints the path of the program.
#
# Debian 12's sparse 0.6.4 knows neither __typeof_unqual__ nor some constant
# expressions of the kernel's headers. This builds the source package of
# Debian's suite sid once, into the user's cache. SPARSE=/path/to/sparse uses
# another one.
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=kit/apt.sh
. "$(dirname "$0")/apt.sh"

cache=$kit_cache/sparse
log=$kit_logs/sparse.log

newest_cached() {
	find "$cache" -mindepth 2 -maxdepth 2 -path "$cache/sparse-*/sparse" -printf '%p\n' 2>/dev/null |
		sort -V | tail -n 1
}

fetch() {
	apt_lists "$cache/apt" deb-src sid "$log" ||
		die "cannot read the list of Debian's suite sid from this machine's mirror" \
		    "(log: $(shown "$log")). Is there a network? With a sparse newer than 0.6.4:" \
		    "SPARSE=/path/to/sparse"
	(cd "$1" && apt_private "$cache/apt" source --download-only sparse) >>"$log" 2>&1 ||
		die "cannot download the source of sparse (log: $(shown "$log"))"
}

build() {
	local tmp tarball folder
	tmp=$(mktemp -d "$cache/build.XXXXXX")
	# shellcheck disable=SC2064 # this folder, now
	trap "rm -rf '$tmp'" EXIT
	say "building sparse from Debian's sources" >&2
	fetch "$tmp"
	tarball=$(find "$tmp" -name 'sparse_*.orig.tar.*' | head -n 1)
	[ -n "$tarball" ] || die "the source package of sparse has no tarball (log: $(shown "$log"))"
	folder=$(basename "$tarball")
	folder=${folder#sparse_}
	folder=$cache/sparse-${folder%.orig.tar.*}
	mkdir "$tmp/src"
	tar -xf "$tarball" -C "$tmp/src" --strip-components=1
	make -C "$tmp/src" -j"$kit_jobs" sparse HAVE_LLVM=no HAVE_GTK=no HAVE_LIBXML=no HAVE_SQLITE=no \
		>>"$log" 2>&1 </dev/null || die "sparse does not compile (log: $(shown "$log"))"
	"$tmp/src/sparse" --version >>"$log" 2>&1 || die "the built sparse does not run (log: $(shown "$log"))"
	rm -rf "$folder"
	mkdir "$folder"
	cp "$tmp/src/sparse" "$folder/sparse"
}

if [ -n "${SPARSE:-}" ]; then
	command -v "$SPARSE" || die "SPARSE=$SPARSE: no such program"
	exit 0
fi
mkdir -p "$cache"
found=$(newest_cached)
if [ -z "$found" ]; then
	build
	found=$(newest_cached)
fi
printf '%s\n' "$found"
