#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Does the SPDM core stand on nothing but four memory functions, and keep no
# state of its own? check-bare.sh <relocatable object>
set -euo pipefail

obj=${1:?usage: check-bare.sh <object>}

needed=$(nm -u "$obj" | awk '{ print $2 }' |
	grep -vxE 'memcpy|memmove|memset|memcmp' || true)
if [ -n "$needed" ]; then
	echo "not ok ${obj##*/} needs: ${needed//$'\n'/ }"
	exit 1
fi

# Writable data of any kind would be shared by all conversations
state=$(nm "$obj" | awk '$2 ~ /^[DdBbCc]$/ { print $3 }')
if [ -n "$state" ]; then
	echo "not ok ${obj##*/} has variables: ${state//$'\n'/ }"
	exit 1
fi
echo "ok ${obj##*/} needs memcpy, memmove, memset, memcmp at most"
