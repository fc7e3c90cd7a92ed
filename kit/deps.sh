#!/usr/bin/env bash
# Install what the kit needs. On Debian: through apt, and only what is missing.
# Elsewhere: say what is missing.
#
#   kit/deps.sh          to build and boot a kernel
#   kit/deps.sh checks   other compilers too, for the tests
#   kit/deps.sh docs     and what formats the documentation
#
# The selftests of the base, which come with every fast kernel, need libcap and
# libuuid.
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

# One line each: what must be there (a command, or a file if it has a slash),
# and the Debian package it comes from
needs='
git git
make make
gcc gcc
/usr/include/stdlib.h libc6-dev
ccache ccache
flex flex
bison bison
bc bc
/usr/include/libelf.h libelf-dev
/usr/include/openssl/ssl.h libssl-dev
/usr/bin/openssl openssl
cpio cpio
rsync rsync
xz xz-utils
patch patch
flock util-linux
depmod kmod
/bin/busybox busybox-static
qemu-system-x86_64 qemu-system-x86
perl perl
/usr/bin/python3 python3
/usr/lib/python3/dist-packages/yaml python3-yaml
/usr/include/sys/capability.h libcap-dev
/usr/include/uuid/uuid.h uuid-dev
'
needs_of_checks='
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
clang-19 clang-19
ld.lld-19 lld-19
llvm-ar-19 llvm-19
shellcheck shellcheck
/usr/lib/python3/dist-packages/jsonschema python3-jsonschema
'
needs_of_docs='
sphinx-build python3-sphinx
'
case ${1:-} in
'') ;;
checks) needs+=$needs_of_checks ;;
docs) needs+=$needs_of_checks$needs_of_docs ;;
*) die "usage: kit/deps.sh [checks | docs]" ;;
esac

have() {
	case $1 in
	/bin/busybox)
		# the guest has no libraries
		[ -x "$1" ] && ! ldd "$1" >/dev/null 2>&1
		;;
	/*) [ -e "$1" ] ;;
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
	esac
}

missing() {
	local what package
	while read -r what package; do
		[ -z "$what" ] || have "$what" || printf '%s\n' "$package"
	done <<<"$needs"
}

mapfile -t packages < <(missing)
[ ${#packages[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	die "this is not Debian. Please install what these Debian packages hold, then try again:" \
	    "${packages[*]}"
fi
if [ "$(id -u)" -eq 0 ]; then
	root=()
elif command -v sudo >/dev/null; then
	root=(sudo)
else
	die "not root and no sudo. As root: apt-get install ${packages[*]}"
fi

apt() {
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
		-o DPkg::Lock::Timeout=300 "$@"
}

[ ${#root[@]} -eq 0 ] || sudo -v
say "installing ${packages[*]}"
run_logged deps-update "apt-get update" apt update -o APT::Update::Error-Mode=any ||
	die "cannot fetch Debian's package lists. Is there a network? Log: ${kit_logs#"$kit_top"/}/deps-update.log"
run_logged deps-install "apt-get install" apt install --no-install-recommends "${packages[@]}" ||
	die "apt could not install ${packages[*]}. Log: ${kit_logs#"$kit_top"/}/deps-install.log"

mapfile -t packages < <(missing)
[ ${#packages[@]} -eq 0 ] || die "still missing after the installation: ${packages[*]}"
