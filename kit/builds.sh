# shellcheck shell=bash
# What quick-builds.sh and check-builds.sh share: minimal O= folders in
# build/tree, one per compiler and configuration, in which only the folders of
# the series are compiled. Sourced, never run.

# shellcheck source=kit/checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

builds_tree=$kit_build/tree

# fragment y|m: a small SMP kernel with all of the series in it, built in or as
# modules, and what its symbols depend on
fragment() {
	cat <<-EOF
	CONFIG_EXPERT=y
	CONFIG_64BIT=y
	CONFIG_SMP=y
	CONFIG_PRINTK=y
	CONFIG_BUG=y
	CONFIG_MODULES=y
	CONFIG_NET=y
	CONFIG_SYSFS=y
	CONFIG_PROC_FS=y
	CONFIG_DEBUG_FS=y
	CONFIG_FTRACE=y
	CONFIG_ENABLE_DEFAULT_TRACERS=y
	CONFIG_PCI=y
	CONFIG_PCI_MSI=y
	CONFIG_PCI_IOV=y
	CONFIG_PCI_TSM=y
	CONFIG_IOMMU_SUPPORT=y
	CONFIG_VIRT_DRIVERS=y
	CONFIG_CRYPTO=y
	CONFIG_EVENTFD=y
	CONFIG_IOMMUFD=$1
	CONFIG_VFIO=$1
	CONFIG_VFIO_DEVICE_CDEV=y
	CONFIG_VFIO_PCI=$1
	CONFIG_CONFIGFS_FS=$1
	CONFIG_KUNIT=$1
	EOF
	series_symbols | awk -v value="$1" '
		{ print "CONFIG_" $1 "=" ($2 == "bool" ? "y" : value) }'
}

# fragment_sev_tio y|m: what the base's SEV-TIO driver needs on top
fragment_sev_tio() {
	cat <<-EOF
	CONFIG_ACPI=y
	CONFIG_CPU_SUP_AMD=y
	CONFIG_IOMMU_SUPPORT=y
	CONFIG_AMD_IOMMU=y
	CONFIG_DMADEVICES=y
	CONFIG_CRYPTO_HW=y
	CONFIG_CRYPTO_DEV_CCP=y
	CONFIG_CRYPTO_DEV_CCP_DD=$1
	CONFIG_CRYPTO_DEV_SP_PSP=y
	EOF
}

# fragment_confidential: what makes a kernel of x86 ask which memory is private, on
# top of fragment_sev_tio
fragment_confidential() {
	cat <<-EOF
	CONFIG_EFI=y
	CONFIG_EFI_STUB=y
	CONFIG_AMD_MEM_ENCRYPT=y
	EOF
}

# build OUT VARIABLE-OR-TARGET...: the kernel's make in build/tree/out-OUT
build() {
	local out=$builds_tree/out-$1
	shift
	kernel_make "$builds_tree" "$out" "$@"
}

# refused OUT FRAGMENT: each line of the fragment that .config does not have
refused() {
	local line
	while read -r line; do
		case $line in
		CONFIG_*=n)
			! grep -q "^${line%n}" "$1/.config" || printf 'error: %s is on\n' "${line%=n}"
			;;
		CONFIG_*)
			grep -qxF "$line" "$1/.config" ||
				printf 'error: Kconfig does not grant %s\n' "$line"
			;;
		esac
	done <"$2"
}

# unmet LOG: print what Kconfig says about a select whose symbol may not be on;
# true if it says anything
unmet() {
	grep -A12 'unmet direct dependencies' "$1"
}

# configure OUT [VARIABLE...] <FRAGMENT: allnoconfig and the fragment. Nothing
# happens when neither it nor any Kconfig file changed since. What Kconfig does
# not grant is an error, and so is a select with unmet dependencies.
configure() {
	local name=$1 out=$builds_tree/out-$1 found
	shift
	mkdir -p "$out"
	{
		cat
		# another base, other Kconfig files: theirs may be old ones
		printf '# %s\n' "$@" "$(head -n 1 "$builds_tree.laid" 2>/dev/null)"
	} >"$out/fragment.new"
	if ! cmp -s "$out/fragment.new" "$out/fragment" || [ ! -f "$out/.config" ] ||
		[ -n "$(newer_kconfig "$out/.config")" ]; then
		rm -f "$out/fragment"
		build "$name" "$@" KCONFIG_ALLCONFIG="$out/fragment.new" allnoconfig \
			>"$out/config.log" 2>&1 || {
			cat "$out/config.log"
			return 1
		}
		! unmet "$out/config.log" || return 1
		found=$(refused "$out" "$out/fragment.new")
		[ -z "$found" ] || {
			printf '%s\n' "$found"
			return 1
		}
	fi
	mv "$out/fragment.new" "$out/fragment"
}

newer_kconfig() {
	find "$builds_tree" -mindepth 1 -name 'out-*' -prune -o \
		-name 'Kconfig*' -newer "$1" -print -quit
}

# forget_ours OUT: remove our objects, so that each file is compiled anew and
# every warning is there every time; the compiler cache keeps this cheap
forget_ours() {
	local folder
	for folder in $(series_dirs) $(series_objects); do
		rm -rf "${builds_tree:?}/out-$1/$folder"
	done
}

# has_objects OUT FOLDER
has_objects() {
	[ -n "$(find "$builds_tree/out-$1/$2" -maxdepth 1 -name '*.o' -print -quit 2>/dev/null)" ]
}

# compile_ours OUT [VARIABLE...]: all folders of the series, and its files in other
# folders, without a warning
compile_ours() {
	local name=$1 folder folders objects
	shift
	mapfile -t folders < <(series_dirs)
	mapfile -t objects < <(series_objects)
	forget_ours "$name"
	compile "builds-$name" build "$name" "$@" "${folders[@]}" "${objects[@]}"
	# what compiled nothing proves nothing
	for folder in "${folders[@]}"; do
		has_objects "$name" "$folder" || {
			printf 'error: nothing was compiled in %s\n' "$folder"
			return 1
		}
	done
}
