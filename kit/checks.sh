# shellcheck shell=bash
# What the scripts that check things share: one line per check with its
# duration, the reason below a failed one, and the count at the end. And what
# belongs to the series. Sourced, never run.

# shellcheck source=kit/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

checks_passed=0
checks_failed=0

# check NAME COMMAND...: the command's status decides; what it says goes to
# build/logs/check-NAME.log, and is shown if it failed
check() {
	local name=$1 start=$SECONDS log clock rc=0
	shift
	log=$kit_logs/check-$(tr -cs 'A-Za-z0-9\n-' - <<<"$name").log
	still_running "$name" &
	clock=$!
	# a subshell with -e of its own: "if" and "||" would switch it off
	set +e
	(set -e; "$@") >"$log" 2>&1 </dev/null
	rc=$?
	set -e
	kill "$clock" 2>/dev/null || true
	wait "$clock" 2>/dev/null || true
	[ ! -t 1 ] || printf '\r\033[K'
	if [ $rc -eq 0 ]; then
		checks_passed=$((checks_passed + 1))
		say "ok    $name ($(minutes $((SECONDS - start))))"
	else
		checks_failed=$((checks_failed + 1))
		say "FAIL  $name ($(minutes $((SECONDS - start)))), log: $(shown "$log")"
		tail -n 25 "$log" | sed 's/^/      /'
	fi
	return 0
}

# still_running NAME: tell whoever waits, until it is killed
still_running() {
	local start=$SECONDS every=60
	[ ! -t 1 ] || every=1
	while :; do
		if [ -t 1 ]; then
			printf '\r\033[K...   %s  %s' "$1" "$(minutes $((SECONDS - start)))"
		elif [ $SECONDS -gt "$start" ]; then
			say "      $1: $(minutes $((SECONDS - start))) ..."
		fi
		# what is left of it when we are killed must not hold a pipe open
		sleep "$every" >/dev/null 2>&1
	done
}

# The last line, and whether all is well
checks_end() {
	say "$checks_passed passed, $checks_failed failed"
	[ $checks_failed -eq 0 ]
}

# Files of the series that are whole files, at their kernel path
series_files() {
	local f
	(cd "$kit_top" && git ls-files -co --exclude-standard -- \
		drivers include arch virt tools Documentation) | while read -r f; do
		[ ! -f "$kit_top/$f" ] || printf '%s\n' "$f"
	done | LC_ALL=C sort -u
}

# Its C files: sources and headers
series_c_files() {
	series_files | grep '\.[ch]$'
}

# Kernel folders of the series that have something to compile, as targets of
# the kernel's make
series_dirs() {
	series_files | grep -E '^(drivers|arch|virt)/.*/(Makefile|Kbuild)$' | sed 's,[^/]*$,,'
}

# Files of the series in folders of the base, as objects that the kernel's make
# can be asked for; those of virt/ it knows by the architecture's folder only
series_objects() {
	local folders
	folders=$(series_dirs | paste -sd'|')
	series_files | grep -E '^(drivers|arch)/.*\.c$' | grep -vE "^($folders)" |
		sed 's/\.c$/.o/'
}

# The Kconfig files of the series
series_kconfigs() {
	series_files | grep -E '^(drivers|arch|virt)/(.*/)?Kconfig[^/]*$' || true
}

# Symbols of the series that a person can switch: "NAME tristate"
series_symbols() {
	# shellcheck disable=SC2016 # awk's
	series_kconfigs | (cd "$kit_top" && xargs awk '
		/^(menu)?config / { symbol = $2 }
		/^\t(tristate|bool) "/ && symbol != "" { print symbol, $1; symbol = "" }')
}

# A warning or error in LOG that names a file of the series, if any. Paths in
# the log are relative to the tree, with or without ../ before them.
series_warnings() {
	local pattern
	pattern=$({
		series_files
		sed -n 's,^+++ b/\([^\t ]*\).*,\1,p' "$kit_top"/patches/*.patch
	} | LC_ALL=C sort -u | sed 's/[.[\*^$+?(){|]/\\&/g' | paste -sd'|')
	grep -nE "(^|[ /(])($pattern)(:[0-9]+)?(:|,| )" "$1" | grep -iE 'warning|error|note:' || true
}

# compile LOG-NAME COMMAND...: a build that must end well and say nothing
# about files of the series
compile() {
	local log=$kit_logs/$1.log found rc=0
	shift
	"$@" >"$log" 2>&1 || rc=$?
	found=$(series_warnings "$log")
	if [ $rc -ne 0 ]; then
		grep -E 'error|Error|\*\*\*' "$log" | head -n 20 || tail -n 20 "$log"
		return 1
	fi
	[ -z "$found" ] || {
		printf '%s\n' "$found"
		return 1
	}
}

# checkpatch_findings: what is left of the lines "path:line: LEVEL:TYPE: text"
# of checkpatch.pl --terse --show-types without what cannot apply:
# - TRACE_EVENT is not a function call: its fields are laid out as everywhere
#   under include/trace/events
# - a lock is described by the kernel-doc of its structure, or where it is
#   declared for all its users; UNCOMMENTED_DEFINITION looks beside it only, and
#   takes a pointer to a lock for one
# - the words of a command line are not prose, nor is what a file shows: the
#   state of two ends may be "secure secure"
# - a script that prints an SPDX tag writes it into another file
# - a test may ask whether the kernel has a system call, which ENOSYS says
# - iommufd.h of the base has an ioctl's number right below its structure
# - FILE_PATH_CHANGES asks whether MAINTAINERS follows: series-check.sh knows
checkpatch_findings() {
	grep -vE -e '^[^:]*trace[^:/]*\.h:[0-9]+: CHECK:(PARENTHESIS_ALIGNMENT|OPEN_ENDED_LINE):' \
		-e '^[^:]*\.sh:[0-9]+: WARNING:(REPEATED_WORD|SPDX_LICENSE_TAG):' \
		-e "^[^:]*\.rst:[0-9]+: WARNING:REPEATED_WORD: Possible repeated word: 'secure'" \
		-e ': CHECK:UNCOMMENTED_DEFINITION: struct mutex ' \
		-e '^tools/testing/selftests/[^:]*:[0-9]+: WARNING:ENOSYS:' \
		-e '^include/uapi/linux/iommufd\.h:[0-9]+: CHECK:LINE_SPACING:' \
		-e ': WARNING:FILE_PATH_CHANGES:' || true
}
