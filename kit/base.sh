#!/usr/bin/env bash
# Get the base kernel: prints the folder of an unpacked, untouched source tree.
#
# The base is the newest linux-source-7.3 of Debian's trixie-backports, fetched
# with apt from the mirror that this machine uses for everything else, with
# lists and sources of our own; the mirror is asked once a day. Without a network
# a cached package serves. KSRC=/path/to/linux (a tree or a tarball) uses another
# base.
#
#   kit/base.sh             print the folder
#   kit/base.sh --version   print the folder and the kernel's version
#   kit/base.sh --update    ask the mirror now
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=kit/apt.sh
. "$(dirname "$0")/apt.sh"

package=linux-source-7.3
suite=trixie-backports
cache=$kit_cache/base
log=$kit_logs/base.log

case ${1:-} in
'' | --version | --update) ;;
*) die "usage: kit/base.sh [--version | --update]" ;;
esac

newest_cached() {
	find "$cache" -maxdepth 1 -name "${package}_*.deb" -printf '%f\n' 2>/dev/null |
		sort -V | tail -n 1
}

# Look for a newer package and download it; print the newest one's file name
fetch() {
	local before='' stamp=$cache/apt/asked
	before=$(newest_cached)
	if [ -n "$before" ] && [ "$1" != --update ] &&
		[ -n "$(find "$stamp" -mmin -1440 2>/dev/null)" ]; then
		printf '%s\n' "$before"
		return
	fi
	if ! command -v apt-get >/dev/null; then
		[ -n "$before" ] ||
			die "no apt-get here, so no Debian package: give a kernel of your own," \
			    "KSRC=/path/to/linux-7.3 (a tree or a tarball)"
	elif ! apt_lists "$cache/apt" deb "$suite" "$log"; then
		[ -n "$before" ] ||
			die "cannot read the list of Debian's $suite from this machine's mirror" \
			    "(log: ${log#"$kit_top"/}). Is there a network?" \
			    "With a kernel of your own: KSRC=/path/to/linux-7.3 (a tree or a tarball)"
		say "cannot ask the mirror for a newer base: using the cached $before" >&2
		# ask again in an hour
		mkdir -p "$cache/apt"
		touch -d '-23 hours' "$stamp"
	else
		[ -n "$before" ] || say "downloading $package (160 MB)" >&2
		(cd "$cache" && apt_private "$cache/apt" download "$package") >>"$log" 2>&1 ||
			die "cannot download $package (log: ${log#"$kit_top"/})"
		touch "$stamp"
	fi
	newest_cached
}

# unpack FOLDER [TAR OPTION...]: a tarball from stdin, complete or not at all
unpack() {
	local tmp folder=$1
	shift
	tmp=$(mktemp -d "$cache/unpack.XXXXXX")
	tar -x "$@" -C "$tmp" --strip-components=1 || {
		rm -rf "$tmp"
		die "cannot unpack the base kernel"
	}
	chmod 755 "$tmp"
	rm -rf "$folder"
	mv -T "$tmp" "$folder"
}

from_debian() {
	local deb folder
	mkdir -p "$cache"
	deb=$(fetch "$1")
	folder=${deb#"${package}"_}
	folder=$cache/linux-${folder%_all.deb}
	if [ ! -d "$folder" ]; then
		say "unpacking $deb" >&2
		dpkg-deb --fsys-tarfile "$cache/$deb" |
			tar -xO "./usr/src/$package.tar.xz" | unpack "$folder" -J
	fi
	printf '%s\n' "$folder"
}

from_ksrc() {
	local folder
	if [ -d "$KSRC" ]; then
		folder=$(cd "$KSRC" && pwd)
		if [ -e "$folder/.config" ] || [ -d "$folder/include/config" ]; then
			die "KSRC=$KSRC has been built in: 'make mrproper' there, or give a tarball"
		fi
	elif [ -f "$KSRC" ]; then
		mkdir -p "$cache"
		folder=$cache/ksrc-$(cksum <"$KSRC" | cut -d' ' -f1)
		if [ ! -d "$folder" ]; then
			say "unpacking $KSRC" >&2
			case $KSRC in
			*.xz) unpack "$folder" -J <"$KSRC" ;;
			*.gz | *.tgz) unpack "$folder" -z <"$KSRC" ;;
			*.bz2) unpack "$folder" -j <"$KSRC" ;;
			*.zst) unpack "$folder" --zstd <"$KSRC" ;;
			*) unpack "$folder" <"$KSRC" ;;
			esac
		fi
	else
		die "KSRC=$KSRC: no such tree or tarball"
	fi
	grep -qs '^VERSION = ' "$folder/Makefile" ||
		die "KSRC=$KSRC is not a Linux source tree"
	printf '%s\n' "$folder"
}

if [ -n "${KSRC:-}" ]; then
	base=$(from_ksrc)
else
	base=$(from_debian "${1:-}")
fi
if [ "${1:-}" = --version ]; then
	printf '%s %s\n' "$base" "$(make -s -C "$base" kernelversion)"
else
	printf '%s\n' "$base"
fi
