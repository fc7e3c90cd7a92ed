#!/usr/bin/env bash
# Measure in the fast kernel; print a table and write build/bench.json, a flat
# object of figures.
#
#   kit/bench.sh               the series
#   kit/bench.sh --base-core   the base's own core under the same simulator:
#                              adds figures whose names begin with base_
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

json=$kit_build/bench.json
case ${1:-} in
'') which=() log=$kit_logs/bench.log base='' ;;
--base-core) which=(--base-core) log=$kit_logs/bench-base.log base=base_ ;;
*) die "usage: kit/bench.sh [--base-core]" ;;
esac

"$kit_top/kit/tree.sh"
[ -z "$base" ] || "$kit_top/kit/tree.sh" "${which[@]}"
"$kit_top/kit/build.sh" fast "${which[@]}"
"$kit_top/kit/initramfs.sh" fast "${which[@]}"
say "booting the fast kernel and measuring"
rc=0
"$kit_top/kit/qemu.sh" fast "${which[@]}" bench ${base:+"$base"} || rc=$?
[ "$rc" -eq 0 ] || die "the bench failed, log: $(shown "$log")"

# "key value" lines: what other runs left, then what this one measured
figures() {
	if [ -f "$json" ]; then
		sed -n 's/^ *"\([a-z0-9_]*\)": *\([0-9.eE+-]*\),*$/\1 \2/p' "$json"
	fi
	measured
}

measured() {
	awk '
		match($0, /BENCH [a-z0-9_]+=[0-9.eE+-]+/) {
			split(substr($0, RSTART + 6, RLENGTH - 6), f, "=")
			print f[1], f[2]
		}' "$log"
}

[ -n "$(measured)" ] || die "the bench measured nothing, log: $(shown "$log")"
figures | awk '
	!($1 in value) { order[++n] = $1 }
	{ value[$1] = $2 }
	END {
		print "{"
		for (i = 1; i <= n; i++)
			printf "  \"%s\": %s%s\n", order[i], value[order[i]], i < n ? "," : ""
		print "}"
	}' >"$json.new"
mv "$json.new" "$json"

say ""
measured | awk '{ printf "  %-44s %s\n", $1, $2 }'
say "written: $(shown "$json")"

# What is promised of the series, and not of the base's core
[ -z "$base" ] || exit 0
measured | awk '
	BEGIN {
		most["connect_parallel_16_ratio"] = 2
		most["guest_req_p50_ratio"] = 1.5
		most["guest_req_p99_ratio"] = 5
		most["tdi_cycle_256_ratio"] = 1.2
		most["tsm_req_ioctl_ratio"] = 1.5
		most["bind_256_vdevices_ratio"] = 1.2
		most["revoke_per_entry_ratio"] = 2
		most["revoke_64_leaf_ratio"] = 3
		most["revoke_importers_ratio"] = 10
		# a difference of two measurements, which noise could turn around
		least["revoke_per_entry_ratio"] = 0
		least["tsm_req_two_thread_vs_yardstick"] = 0.9
		for (key in most)
			promised[key]
		for (key in least)
			promised[key]
	}
	$1 in promised {
		seen[$1] = 1
		if ($1 in most && $2 > most[$1]) {
			print "error: " $1 " is " $2 ", more than " most[$1]
			bad = 1
		}
		if ($1 in least && $2 < least[$1]) {
			print "error: " $1 " is " $2 ", less than " least[$1]
			bad = 1
		}
	}
	END {
		for (key in promised)
			if (!(key in seen)) {
				print "error: " key " was not measured"
				bad = 1
			}
		exit bad
	}'
