#!/usr/bin/env bash
# Boot the debug kernel and run its suites: KUnit, then the kselftests. The log
# is followed while it grows; a splat, a leak, a hang, an unexpected skip or a
# suite that did not run fails the run, and it is said during which test.
#
#   kit/run-tests.sh [SUITE...]    all, or these, such as "connect" or "kunit:tsm_spdm_test"
#
# Three machines share all suites if there is room, since they wait as much as they
# work, or two where processors are slow; one more has the processors to itself
# afterwards, for what keeps them busy. KIT_MACHINES says another number, 1 for all in
# one. What is named runs in one.
#
# KERNEL=fast takes the other kernel, for named suites. The tests see what the
# environment has of TSM_*, such as TSM_CYCLES=1000 for "cycles"; KIT_SUITE_LIMIT
# is how many seconds a kselftest may then take.
#
# One row a suite goes to build/results/summary, one line a failure to
# build/results/failures; the whole log is build/logs/console-test.log, or
# console-test-1.log and so on.
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=${KERNEL:-debug}
out=$kit_build/tree/out-$kernel
machine=${KIT_MACHINE:+-$KIT_MACHINE}	# set for each of several
log=$kit_logs/console-test$machine.log
quiet_limit=${KIT_QUIET_LIMIT:-300}	# seconds without a line: it hangs
total_limit=${KIT_TOTAL_LIMIT:-4200}
[ "$kernel" = debug ] || [ $# -gt 0 ] ||
	die "the $kernel kernel has no KUnit and no fault injection: name suites, such as cycles"
state=$kit_results/run$machine
stuck=
qemu=

parse() {
	awk -f "$kit_top/kit/parse-log.awk" -v skips="$kit_top/kit/expected-skips" "$@" "$log"
}

# What needs more than the machine that all others are content with: KIT_IOMMU
special=tsm:foreign-iommu

# Every suite that the guest is going to run; leaks are always looked for
expected() {
	local name wanted
	grep -q '^CONFIG_DEBUG_KMEMLEAK=y' "$out/.config" && set -- "$@" ${1:+kit:leaks}
	{
		sed 's/^/kunit:/' "$out/initramfs/kit/kunit-modules"
		cat "$out/initramfs/kselftest/kselftest-list.txt" 2>/dev/null &&
			printf '%s\n' kit:end kit:leaks kit:reboot
	} | while read -r name; do
		[ $# -gt 0 ] || [ "$name" = "$special" ] || printf '%s\n' "$name"
		for wanted in "$@"; do
			case $name in
			"$wanted" | *:"$wanted") printf '%s\n' "$name" ;;
			esac
		done
	done
}

# --- while it runs ----------------------------------------------------------------

clear_line() {
	[ ! -t 1 ] || printf '\r\033[K'
}

# Suites and splats that are new since the last look
show_news() {
	comm -13 <(sort "$state/shown") <(grep -E '^(splat|fail)' "$state/now" | sort) >"$state/news" || true
	[ ! -s "$state/news" ] || clear_line
	awk -F '\t' '
		$1 == "splat" { printf "  KERNEL: %s  (in %s, %s)\n", $5, $2, $3 }
		$1 == "fail" { printf "  FAILED: %s: %s: %s\n", $2, $3, $4 }' "$state/news"
	cat "$state/news" >>"$state/shown"
	awk -F '\t' -v file="$state/ended" '
		BEGIN { while ((getline line < file) > 0) old[line] = 1 }
		$1 == "now" { now = $2 }
		$1 == "suite" { row[++n] = $0 }
		END {
			for (i = 1; i <= n; i++) {
				split(row[i], f, "\t")
				if (f[2] != now && !(f[2] in old))
					print f[2] "\t" f[3] "\t" f[4] "\t" f[6]
			}
		}' "$state/now" >"$state/news"
	[ ! -s "$state/news" ] || clear_line
	awk -F '\t' '{ printf "  %-34s %4d passed, %d failed  (%d s)\n", $1, $2, $3, $4 }' "$state/news"
	cut -f1 "$state/news" >>"$state/ended"
}

show_progress() {
	local where counts
	where=$(awk -F '\t' '$1 == "now" { print $2 ": " $3 }' "$state/now")
	counts=$(awk -F '\t' '$1 == "suite" { p += $3; f += $4 }
		END { printf "%d passed, %d failed", p, f }' "$state/now")
	if [ -t 1 ]; then
		printf '\r\033[K  %s  %s  %.60s' "$(minutes "$1")" "$counts" "$where"
	else
		say "  $(minutes "$1")  $counts  $where"
	fi
}

# Until QEMU ends, or has to
follow() {
	local start=$SECONDS size last=0 alive=$SECONDS every=20 next=20 now
	[ -z "$machine" ] || every=60
	[ ! -t 1 ] || every=2 next=0
	while kill -0 "$qemu" 2>/dev/null; do
		sleep 1
		now=$((SECONDS - start))
		size=$(stat -c %s "$log" 2>/dev/null || echo 0)
		[ "$size" -eq "$last" ] || alive=$SECONDS
		last=$size
		if [ $((SECONDS - alive)) -gt "$quiet_limit" ]; then
			stuck="no output for $quiet_limit s"
		elif [ "$now" -gt "$total_limit" ]; then
			stuck="not finished after $(minutes "$total_limit")"
		fi
		if [ -n "$stuck" ]; then
			kill "$qemu" 2>/dev/null || true
			break
		fi
		[ "$size" -gt 0 ] || continue
		[ "$now" -ge "$next" ] || continue
		next=$((now + every))
		parse -v live=1 >"$state/now"
		show_news
		show_progress "$now"
	done
	wait "$qemu" || true
	qemu=
	clear_line
}

# --- afterwards -------------------------------------------------------------------

failure() {
	printf '%s: %s\n' "$1" "$2" >>"$kit_results/failures"
	failed=yes
}

show_splats() {
	local suite test line text n=0
	while IFS=$'\t' read -r _ suite test line text; do
		failure "$suite" "kernel: $text ($test; $(shown "$log"):$line)"
		# the first ones are those to look at
		[ $((n += 1)) -le 10 ] || continue
		say "--- $text"
		say "--- in $suite, $test; $(shown "$log"), line $line:"
		sed -n "${line},$((line + 39))p" "$log"
	done < <(grep '^splat' "$state/now" || true)
}

evaluate() {
	local name pass fail skip secs test reason
	show_splats
	while IFS=$'\t' read -r _ name pass fail skip secs; do
		record "$name" "$pass" "$fail" "$skip" "$secs"
	done < <(grep '^suite' "$state/now" || true)
	while IFS=$'\t' read -r _ name test reason; do
		failure "$name" "$test: $reason${stuck:+ ($stuck)}"
	done < <(grep '^fail' "$state/now" || true)
	while read -r name; do
		grep -q "^suite"$'\t'"$name"$'\t' "$state/now" && continue
		record "$name" 0 1 0 0
		failure "$name" "did not run${stuck:+ ($stuck)}"
	done < <(expected "$@")
	if ! grep -q '^done' "$state/now" && [ $failed = no ]; then
		record "test kernel" 0 1 0 0
		failure "test kernel" "did not come to its end${stuck:+ ($stuck)}"
	fi
}

# A tree without tests has not been tested
check_there_are_tests() {
	local named
	named=$(expected "$@" | grep -vx kit:leaks || true)
	[ -n "$named" ] || [ $# -eq 0 ] ||
		die "no suite $*; there are: $(expected | tr '\n' ' ')"
	if [ $# -eq 0 ] && [ ! -s "$out/initramfs/kit/kunit-modules" ]; then
		record "KUnit" 0 1 0 0
		failure "KUnit" "the kernel has no KUnit module"
	fi
	if [ $# -eq 0 ] && [ ! -s "$out/initramfs/kselftest/kselftest-list.txt" ]; then
		record "kselftest" 0 1 0 0
		failure "kselftest" "no kselftest is installed"
	fi
}

# --- several machines ---------------------------------------------------------------

# Those that take minutes, the longest first: they are dealt out before the others
long=(tsm:guest-lies tsm:tdi-loss tsm:faults tsm:guest-end tsm:guest tsm:tdi-request
	tsm:connect tsm:tdi-flight tsm:kvm-mmio tsm:tdi tsm:bind-life tsm:cycles
	tsm:bind-many tsm:bind-flight tsm:tdi-late tsm:alloc-fail tsm:power
	tsm:vfio-share tsm:hotplug tsm:platform tsm:guest-fail tsm:bind-loss
	tsm:guest-agent.sh tsm:drivers tsm:serial tsm:tdi-recovery kunit:tsm_tdi_test
	tsm:refresh tsm:tdi-dma tsm:kvm-private kunit:sim_tdi_test tsm:guest-evidence
	tsm:topology tsm:tdi-stress tsm:bind-turn)

# Sixteen devices do their cryptography at a time, each within the 30 s that the
# core gives a conversation: beside another machine there is no processor for that
alone=(tsm:races)

# deal MACHINE MACHINES: its suites. Who got the longest gets the shortest next.
deal() {
	if [ "$1" -gt "$2" ]; then
		printf '%s\n' "${alone[@]}"
	else
		{
			printf '%s\n' "${long[@]}" | grep -xF -f <(expected)
			expected | grep -v '^kit:' |
				grep -vxF -f <(printf '%s\n' "${long[@]}" "${alone[@]}")
		} | awk -v machine="$1" -v n="$2" '{
			turn = (NR - 1) % (2 * n)
			if ((turn < n ? turn : 2 * n - 1 - turn) == machine - 1)
				print
		}'
	fi
	echo kit:end
	[ "$1" != 1 ] || echo kit:reboot
}

# What they print tells by its beginning which of them it was
run_machine() {
	local suites
	mapfile -t suites < <(deal "$1" "$2")
	KIT_MACHINE=$1 "$0" "${suites[@]}" 2>&1 </dev/null | sed -u "s/^/[$1] /"
}

# run_machines N: at a time
run_machines() {
	local n pids=() pid rc=0
	set -m
	for ((n = 1; n <= $1; n++)); do
		run_machine "$n" "$1" &
		pids+=($!)
	done
	set +m
	# shellcheck disable=SC2064 # these pids, now
	trap "kill -- ${pids[*]/#/-} 2>/dev/null" EXIT
	for pid in "${pids[@]}"; do
		wait "$pid" || rc=1
	done
	trap - EXIT
	run_machine $(($1 + 1)) "$1" || rc=1
	return "$rc"
}

# Are the processors so fast that a third machine finds time? One that starves takes
# a conversation of 30 s for one that has failed.
fast_enough() {
	local start
	start=$(date +%s%N)
	awk 'BEGIN { for (i = 0; i < 20000000; i++) s += i % 7 }' &
	awk 'BEGIN { for (i = 0; i < 20000000; i++) s += i % 7 }' &
	wait
	[ $((($(date +%s%N) - start) / 1000000)) -le 1200 ]
}

# How many there is room for
machines() {
	local room
	room=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
	room=$((room / 3500000))
	[ "$(nproc)" -ge 2 ] || room=1
	[ "$room" -le 3 ] || room=3
	[ "$room" -lt 3 ] || fast_enough || room=2
	echo "${KIT_MACHINES:-$room}"
}

# --- all of it ------------------------------------------------------------------------

failed=no
rm -rf "$state"
mkdir -p "$state"
touch "$state"/{shown,ended,now}
[ -n "$machine" ] || "$kit_top/kit/initramfs.sh" "$kernel"
check_there_are_tests "$@"
nr_machines=1
[ $# -gt 0 ] || nr_machines=$(machines)
if [ "$nr_machines" -ge 2 ]; then
	run_machines "$nr_machines"
	exit
fi
say "booting the $kernel kernel; log: $(shown "$log")"
rm -f "$log"
"$kit_top/kit/qemu.sh" "$kernel" test "$@" >"$kit_logs/qemu-test$machine.log" 2>&1 &
qemu=$!
trap '[ -z "$qemu" ] || kill "$qemu" 2>/dev/null' EXIT
trap 'exit 130' INT TERM
follow
if [ ! -s "$log" ]; then
	cat "$kit_logs/qemu-test$machine.log"
	die "QEMU did not start (log: $(shown "$kit_logs/qemu-test$machine.log"))"
fi
parse >"$state/now"
show_news
evaluate "$@"
[ $failed = no ]
