#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the benchmarks in the test kernel; prints tables, and the figures once
# more as lines "BENCH key=value". Arguments go before the names of the figures:
# bench.sh base_ measures under the names base_connect_...
set -eu

prefix=${1:-}
bench=${TSM_BENCH:-/kselftest/tsm/tsm_bench}
tdi_bench=${TDI_BENCH:-/kselftest/tsm/tdi_bench}
bind_bench=${BIND_BENCH:-/kselftest/tsm/bind_bench}
kvm_bench=${KVM_BENCH:-/kselftest/tsm/kvm_bench}

"$bench" ${prefix:+-p "$prefix"}
# the base's own core has no TDIs
[ -n "$prefix" ] || "$tdi_bench"
[ -n "$prefix" ] || "$bind_bench"
[ -n "$prefix" ] || "$kvm_bench"
