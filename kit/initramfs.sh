#!/usr/bin/env bash
# Make the root file system of a test kernel that kit/build.sh has built: busybox,
# the modules, the selftests with what their runner needs, and kit/guest.
#
#   kit/initramfs.sh debug|fast [--base-core | --untouched]     OUT/initramfs.cpio
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

case ${1:-} in
debug | fast) ;;
*) die "usage: kit/initramfs.sh debug|fast [--base-core | --untouched]" ;;
esac
tree=$kit_build/tree
[ "${2:-}" != --base-core ] || tree=$kit_build/tree-base
[ "${2:-}" != --untouched ] || tree=$kit_build/series-check/tree
out=$tree/out-$1
root=$out/initramfs
[ -d "$out/guest/lib/modules" ] || die "the $1 kernel is not built: make build KERNEL=$1"

# copy_file FILE: to the same place in the guest
copy_file() {
	[ -e "$root$1" ] || install -D "$(readlink -f "$1")" "$root$1"
}

# copy_program FILE: with the libraries that it is linked to
copy_program() {
	local library
	copy_file "$1"
	for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true); do
		copy_file "$library"
	done
}

busybox() {
	local applet
	install -D /bin/busybox "$root/bin/busybox"
	for applet in $(/bin/busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	# where the kernel looks for it
	ln -s /bin/busybox "$root/sbin/modprobe"
}

# kselftest's runner calls these by path, and two of them not as busybox has them:
# timeout --foreground, and perl to pass the lines of a test on while it runs
runner_needs() {
	local file
	ln -s /bin/busybox "$root/usr/bin/env"
	copy_program "$(command -v timeout)"
	copy_program "$(command -v perl)"
	[ "$(command -v perl)" = /usr/bin/perl ] || ln -s "$(command -v perl)" "$root/usr/bin/perl"
	[ "$(command -v timeout)" = /usr/bin/timeout ] ||
		ln -s "$(command -v timeout)" "$root/usr/bin/timeout"
	while read -r file; do
		copy_file "$file"
	done < <(perl -Mstrict -MIO::Handle -e \
		'print "$_\n" for values %INC, @DynaLoader::dl_shared_objects')
}

# What the verifier in tools/testing/selftests/tsm and the kernel's tool for netlink need:
# Python, which is to be the distribution's, and openssl. Compiled, and no more than they
# import: the guest is emulated, and slow.
verifier_needs() {
	local python=/usr/bin/python3 tests=$root/kselftest/tsm library
	[ -d "$tests/pyynl" ] || return 0
	copy_program $python
	copy_program /usr/bin/openssl
	mkdir -p "$root$($python -I -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')/lib-dynload"
	while read -r library; do
		copy_program_libraries "$library"
	done < <($python -I "$kit_top/kit/python-files.py" "$root" \
		/usr/lib/python3/dist-packages/yaml "$tests"/{pyynl/cli.py,verify-agent.py})
	$python -I -m compileall -q --invalidation-mode unchecked-hash "$tests/pyynl"
}

# Modules with KUnit suites, by the section that holds them
kunit_modules() {
	local module
	while read -r module; do
		if readelf -SW "$module" | grep -q ' \.kunit_test_suites '; then
			basename "$module" .ko
		fi
	done < <(find "$root/lib/modules" -name '*.ko' | LC_ALL=C sort)
}

# install_tests NAME: the selftests in a folder of the build's guest
install_tests() {
	local program
	[ -d "$out/guest/$1" ] || return 0
	cp -a "$out/guest/$1" "$root/$1"
	while read -r program; do
		copy_program_libraries "$program"
	done < <(find "$root/$1" -type f -perm -u+x)
}

copy_program_libraries() {
	local library
	for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true); do
		copy_file "$library"
	done
}

PATH=$PATH:/usr/sbin:/sbin
rm -rf "$root"
mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,dev,proc,sys,tmp,run,root,lib,etc,kit}
busybox
runner_needs
cp -a "$out/guest/lib/modules" "$root/lib/modules"
install_tests kselftest
install_tests base-tests
verifier_needs
cp "$kit_top"/kit/guest/* "$root/kit/"
mv "$root/kit/init" "$root/init"
chmod 755 "$root/init"
kunit_modules >"$root/kit/kunit-modules"
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$out/initramfs.cpio"
