#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs all checks of the SPDM core outside the kernel and counts:
# check.sh <output directory> <fuzz rounds> <seed>
set -uo pipefail

out=${1:?usage: check.sh <output directory> <fuzz rounds> <seed>}
here=$(dirname "$0")

run() {
	for o in "$out"/bare-*.o; do
		"$here/check-bare.sh" "$o"
	done
	"$out/spdm-test" "$out/pki" "${@:2}" 2>&1
	rc=$?
	# 3 are failed tests, which have been named; others are crashes
	[ "$rc" = 0 ] || [ "$rc" = 3 ] || echo "not ok spdm-test: status $rc"
}

run "$@" | awk '
	/^ok / { passed++ }
	/^not ok / { failed++ }
	{ print; fflush() }
	END {
		printf "%d passed, %d failed\n", passed, failed
		exit failed > 0 || passed == 0
	}'
