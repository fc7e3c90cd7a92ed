#!/usr/bin/env bash
# Rung 3: the base's own selftests of iommufd, KVM and vfio, in the fast kernel,
# pass as on the untouched base. How they end there is in kit/base-tests, a line
# "result program test" each, recorded once.
#
#   kit/test-base.sh            all that passes there passes, and nothing fails
#                               that does not fail there
#   kit/test-base.sh --record   run them on the untouched base and record
#
# The last line is "N passed, N failed".
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

recorded=$kit_top/kit/base-tests
case ${1:-} in
'') which=() log=$kit_logs/base-tests.log ;;
--record) which=(--untouched) log=$kit_logs/base-tests-untouched.log ;;
*) die "usage: kit/test-base.sh [--record]" ;;
esac

# "result program test" for each test that was run
results() {
	awk '
		$1 == "kit:" && $2 == "begin" { program = $3 }
		$1 == "kit:" && $2 == "end" {
			# a program that dies has not said so of a test
			print ($4 == 0 || $4 == 4 ? "pass" : "fail"), $3, "(exit status)"
			program = ""
		}
		program == "" { next }
		/^ok [0-9]+ / || /^not ok [0-9]+ / {
			result = $1 == "ok" ? "pass" : "fail"
			if (/ # SKIP/)
				result = "skip"
			name = $0
			sub(/^(not )?ok [0-9]+ /, "", name)
			sub(/ # SKIP.*/, "", name)
			print result, program, name
		}' "$log" | LC_ALL=C sort
}

# names RESULT: "program test" of those that ended so
names() {
	results | sed -n "s/^$1 //p"
}

# there RESULT...: the same, on the untouched base
there() {
	local result
	for result in "$@"; do
		sed -n "s/^$result //p" "$recorded"
	done | LC_ALL=C sort
}

record_them() {
	{
		echo "# How selftests of the base end on the untouched base $(make -s -C "$kit_build/series-check/tree" kernelversion 2>/dev/null),"
		echo "# in $(qemu-system-x86_64 --version | sed -n '1s/ (.*//p'), recorded on $(date -u +%Y-%m-%d) by kit/test-base.sh --record."
		results
	} >"$recorded"
	say "written: $(shown "$recorded"), $(there pass | wc -l) tests pass; of the others:"
	results | grep -v '^pass' | sed 's/^/  /' || true
}

[ "${#which[@]}" -gt 0 ] || [ -f "$recorded" ] ||
	die "there is no $(shown "$recorded"): kit/test-base.sh --record writes it"
"$kit_top/kit/tree.sh" "${which[@]}"
"$kit_top/kit/build.sh" fast "${which[@]}"
"$kit_top/kit/initramfs.sh" fast "${which[@]}"
say "booting the fast kernel${which[*]:+ (${which[*]})} with the base's selftests; log: $(shown "$log")"
rc=0
"$kit_top/kit/qemu.sh" fast "${which[@]}" base-tests >/dev/null || rc=$?
[ "$rc" -eq 0 ] || die "they did not come to their end (status $rc), log: $(shown "$log")"
if [ "${#which[@]}" -gt 0 ]; then
	record_them
	exit 0
fi

mkdir -p "$kit_results"
passed=$(LC_ALL=C comm -12 <(there pass) <(names pass) | wc -l)
{
	LC_ALL=C comm -23 <(there pass) <(names pass) | sed 's/^/passes on the base: /'
	LC_ALL=C comm -13 <(there pass fail) <(names fail) | sed 's/^/fails: /'
} >"$kit_results/base-tests"
sed 's/^/  /' "$kit_results/base-tests"
say "$passed passed, $(wc -l <"$kit_results/base-tests") failed"
[ ! -s "$kit_results/base-tests" ]
