#!/usr/bin/env bash
# Everything that must pass before a change is proposed. Each step is a row of
# the summary; full logs are under build/logs. The last line is
# "N passed, N failed", and the exit status is not 0 if anything failed.
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

began=$SECONDS
rm -rf "$kit_results"
mkdir -p "$kit_results"

heading() {
	printf '\n== %s  (%s)\n' "$1" "$(minutes $((SECONDS - began)))"
}

# The summary, and the count as the last line
finish() {
	local failed
	heading "Summary"
	if [ -s "$kit_results/failures" ]; then
		say "failures:"
		sed 's/^/  /' "$kit_results/failures"
		say ""
	fi
	awk -F '\t' '
		BEGIN { printf "%-40s %7s %7s %7s %9s\n", "suite", "passed", "failed", "skipped", "time" }
		{
			printf "%-40s %7d %7d %7d %6d:%02d\n", $1, $2, $3, $4, $5 / 60, $5 % 60
		}' "$kit_results/summary"
	say "took $(minutes $((SECONDS - began))); logs: $(shown "$kit_logs")"
	failed=$(awk -F '\t' '{ n += $3 } END { print n + 0 }' "$kit_results/summary")
	awk -F '\t' '{ p += $2; f += $3 } END { printf "%d passed, %d failed\n", p, f }' \
		"$kit_results/summary" | tee "$kit_results/count"
	[ "$failed" -eq 0 ]
}

# failure SUITE WHAT: one line of the list above the summary
failure() {
	printf '%s: %s\n' "$1" "$2" >>"$kit_results/failures"
}

# stage SUITE COMMAND...: a step that records one row. A command that ends with
# "N passed, N failed" is believed, any other one counts as a single test.
stage() {
	local suite=$1 log=$kit_logs/stage-${1// /-}.log rc=0 start=$SECONDS count
	shift
	heading "$suite"
	"$@" 2>&1 </dev/null | tee "$log" || rc=$?
	count=$(tail -n 1 "$log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p')
	if [ -z "$count" ]; then
		count="1 0"
		[ "$rc" -eq 0 ] || count="0 1"
	elif [ "$rc" -ne 0 ] && [ "${count#* }" -eq 0 ]; then
		count="${count% *} 1"
	fi
	record "$suite" "${count% *}" "${count#* }" 0 $((SECONDS - start))
	[ "${count#* }" -eq 0 ] || failure "$suite" "log: $(shown "$log")"
	return "$rc"
}

# booted: the guest's suites record themselves, and what they have to say
# about failures; a run that dies before that is a failure of its own
booted() {
	local rc=0 before after
	heading "rungs 1 and 2: KUnit and kselftest in the debug kernel"
	before=$(wc -l <"$kit_results/summary")
	"$kit_top/kit/run-tests.sh" </dev/null || rc=$?
	after=$(awk -F '\t' -v before="$before" 'NR > before { n += $3; rows++ }
		END { print rows + 0, n + 0 }' "$kit_results/summary")
	if [ "${after% *}" -eq 0 ] || { [ "$rc" -ne 0 ] && [ "${after#* }" -eq 0 ]; }; then
		record "test kernel" 0 1 0 0
		failure "test kernel" "run-tests.sh ended with status $rc"
	fi
}

: >"$kit_results/summary"
trap 'rc=$?; [ $rc -eq 0 ] || printf "\nmake test stopped early (status %d)\n" $rc' EXIT

spdm_check() {
	kernel_env
	make --no-print-directory -C "$kit_build/tree/tools/testing/tsm/spdm" \
		O="$kit_build/spdm" CC='ccache gcc' check
}

# without a kernel there is nothing to test
if stage "base and tree" "$kit_top/kit/tree.sh" &&
	stage "debug kernel" "$kit_top/kit/build.sh" debug; then
	stage "log parser" "$kit_top/kit/selfcheck.sh" || true
	if [ -f "$kit_build/tree/tools/testing/tsm/spdm/Makefile" ]; then
		stage "spdm in userspace" spdm_check || true
	fi
	booted
	stage "series" "$kit_top/kit/series.sh" --check || true
	stage "quick builds" "$kit_top/kit/quick-builds.sh" || true
	if [ "${CI:-}" = true ]; then
		stage "more builds" "$kit_top/kit/check-builds.sh" --seeds 2 || true
	fi
fi
trap - EXIT
finish
