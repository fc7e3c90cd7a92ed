#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the benchmarks in the test kernel; prints tables, and the figures once
# more as lines "BENCH key=value". Arguments go before the names of the figures:
# bench.sh base_ measures under the names base_connect_...
set -eu

prefix=${1:-}
bench=${TSM_BENCH:-/kselftest/tsm/tsm_bench}

"$bench" ${prefix:+-p "$prefix"}
