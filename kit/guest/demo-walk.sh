#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Walks the main job in front of a person: a device is authenticated and its
# link encrypted by one write to sysfs. Runs in the test kernel, with busybox.
#
# Each step says what it is for, shows the command as one would type it and what
# the kernel answered, and checks the outcome. Exit status 0 only if every step
# went as expected.

set -u

here=$(cd "$(dirname "$0")" && pwd)
config=/sys/kernel/config/tsm-sim
pci=/sys/bus/pci/devices
trace=/sys/kernel/tracing

total=0
good=0
right=yes
out=

if [ -t 1 ]; then
	bold=$(printf '\033[1m') red=$(printf '\033[31m')
	green=$(printf '\033[32m') dim=$(printf '\033[2m')
	plain=$(printf '\033[0m')
else
	bold='' red='' green='' dim='' plain=''
fi

# --- one step: step, then type_in or shown and answered, then verdict --------

# Hundredths of a second since the machine started
now() {
	read -r up _ </proc/uptime
	echo "${up%.*}${up#*.}"
}

step() {
	total=$((total + 1))
	right=yes
	printf '\n%sStep %d: %s%s\n' "$bold" "$total" "$1" "$plain"
}

# shown TEXT: what a person would type
shown() {
	printf '%s\n' "$1" | sed "s/^/  $dim#$plain /"
	begin=$(now)
}

# answered: $out is what came back
answered() {
	took=$(($(now) - begin))
	[ -z "$out" ] || printf '%s\n' "$out" | sed 's/^/    /'
}

type_in() {
	shown "$1"
	out=$(eval "$1" 2>&1) || right=no
	answered
}

wrong() {
	right=no
}

verdict() {
	if [ $right = yes ]; then
		good=$((good + 1))
		printf '  %sok%s' "$green" "$plain"
	else
		printf '  %sFAILED%s' "$red" "$plain"
	fi
	printf ', %d.%02d s\n' $((took / 100)) $((took % 100))
}

# --- what the steps look at ---------------------------------------------------

# attr FILE: its text, a dash if it is empty or not there
attr() {
	text=$(cat "$1" 2>/dev/null)
	echo "${text:--}"
}

# lines PATTERN: how many lines of the answer match
lines() {
	printf '%s\n' "$out" | grep -c -e "$1"
}

# devices: what the simulator and the kernel say of each device, as a table
devices() {
	printf '%-8s %-13s %-13s %-8s %-13s %s\n' device endpoint port \
		connect authenticated 'link: endpoint port'
	for d in "$config"/demo/*/; do
		bdf=$(attr "$d/bdf")
		printf '%-8s %-13s %-13s %-8s %-13s %s\n' "$(basename "$d")" \
			"$bdf" "$(attr "$d/port")" \
			"$(attr "$pci/$bdf/tsm/connect")" \
			"$(attr "$pci/$bdf/authenticated")" \
			"$(attr "$d/ide_state")"
	done
}

# register FUNCTION OFFSET: a dword of configuration space, in decimal
register() {
	echo $((0x$(hexdump -v -s "$2" -n 4 -e '1/4 "%08x"' "$pci/$1/config")))
}

# ide_capability FUNCTION: offset of the IDE extended capability, id 0x30
ide_capability() {
	pos=256
	while [ "$pos" -ne 0 ]; do
		header=$(register "$1" "$pos")
		if [ $((header & 0xffff)) -eq $((0x30)) ]; then
			echo "$pos"
			return 0
		fi
		pos=$((header >> 20))
	done
	return 1
}

# stream_registers FUNCTION NUMBER: control and status of a selective stream
stream_registers() {
	cap=$(ide_capability "$1") || return 1
	bits=$(register "$1" $((cap + 4)))
	pos=$((cap + 12))
	# Link stream blocks come first, one for each traffic class
	[ $((bits & 1)) -eq 0 ] || pos=$((pos + 8 * (1 + (bits >> 13 & 7))))
	blocks=$(($(register "$1" "$pos") & 15))
	pos=$((pos + $2 * (20 + 12 * blocks)))

	control=$(register "$1" $((pos + 4)))
	status=$(register "$1" $((pos + 8)))
	enabled=disabled
	[ $((control & 1)) -eq 0 ] || enabled=enabled
	case $((status & 15)) in
	0) state=insecure ;;
	2) state=SECURE ;;
	*) state=reserved ;;
	esac
	printf '%-13s control %08x: stream id %d, %s   status %08x: %s\n' "$1" \
		"$control" $((control >> 24 & 255)) $enabled "$status" $state
}

# --- the walk ------------------------------------------------------------------

printf '%sA device is authenticated, its link encrypted: the main job%s\n' \
	"$bold" "$plain"
printf 'on Linux %s, with simulated devices\n' "$(uname -r)"

step 'load the simulator of devices and of the platform'
type_in 'modprobe tsm_sim'
[ -d $config ] || wrong
verdict

step 'a platform with two devices, built in configfs'
type_in "cd $config
mkdir demo demo/nic demo/gpu
echo 1 > demo/live"
[ "$(attr $config/demo/live)" = 1 ] || wrong
verdict

tsm=$(attr $config/demo/tsm)
endpoint=$(attr $config/demo/nic/bdf)
port=$(attr $config/demo/nic/port)
other=$(attr $config/demo/gpu/bdf)
bridge=$(dirname "$(readlink -f "$pci/$port")")

step 'the platform has a security manager (TSM)'
type_in 'ls /sys/class/tsm'
[ "$out" = "$tsm" ] || wrong
verdict

step 'and two devices, connected to nobody'
shown "cat $config/demo/*/bdf   # and port, ide_state;
cat $pci/*/tsm/connect   # and authenticated: all in a table"
out=$(devices)
answered
[ "$(lines 'insecure insecure$')" -eq 2 ] || wrong
[ "$(attr "$pci/$endpoint/authenticated")" = - ] || wrong
verdict

step 'record what the two sides are going to say to each other'
type_in "cd $trace
echo 1 > events/pci_tsm/enable
echo 1 > events/tsm_sim/enable"
[ "$(attr $trace/events/tsm_sim/enable)" = 1 ] || wrong
verdict

step 'connect one device: this is the main job'
type_in "echo $tsm > $pci/$endpoint/tsm/connect"
[ "$(attr "$pci/$endpoint/tsm/connect")" = "$tsm" ] || wrong
verdict

step 'it is authenticated now, by that TSM'
type_in "cat $pci/$endpoint/authenticated"
[ "$out" = "$tsm" ] || wrong
verdict

step 'an encrypted stream ends at it, the host bridge lists it'
type_in "cd $bridge
ls -d stream*; readlink stream*; cat available_secure_streams"
[ "$(lines "/$endpoint\$")" -eq 1 ] || wrong
verdict

step 'both ports of the link agree: registers of the IDE capability'
shown "hexdump -s OFFSET -n 4 $pci/$endpoint/config   # and of its port"
# streamH.R.E: the numbers at host bridge, root port, endpoint
stream=$(cd "$bridge" && ls -d stream* 2>/dev/null)
numbers=${stream#stream*.}
out=$([ -n "$stream" ] && stream_registers "$endpoint" "${numbers#*.}" &&
	stream_registers "$port" "${numbers%.*}")
answered
[ "$(lines 'enabled .*: SECURE$')" -eq 2 ] || wrong
verdict

step 'the other device is not concerned'
shown 'the table again'
out=$(devices)
answered
[ "$(attr "$pci/$other/authenticated")" = - ] || wrong
[ "$(attr $config/demo/gpu/ide_state)" = 'insecure insecure' ] || wrong
verdict

step 'this is what they said, in the order of time'
shown "cat $trace/trace   # drawn as a chart"
out=$(awk -f "$here/demo-chart.awk" $trace/trace)
answered
for message in GET_VERSION CHALLENGE KEY_EXCHANGE FINISH KEY_PROG K_SET_GO; do
	[ "$(lines $message)" -ge 1 ] || wrong
done
verdict

step 'disconnect'
type_in "echo $tsm > $pci/$endpoint/tsm/disconnect"
[ "$(attr "$pci/$endpoint/tsm/connect")" = - ] || wrong
verdict

step 'session, keys and stream are gone'
shown 'the table, and the streams of the host bridge'
out=$(devices
	echo "streams: $(cd "$bridge" && ls -d stream* 2>/dev/null)"
	echo "sessions: $(attr $config/demo/nic/sessions)")
answered
[ "$(lines 'insecure insecure$')" -eq 2 ] || wrong
[ "$(lines '^streams: $')" -eq 1 ] || wrong
[ "$(lines '^sessions: 0$')" -eq 1 ] || wrong
verdict

step 'take the platform down, unload the simulator'
type_in "cd $config
echo 0 > demo/live
rmdir demo/nic demo/gpu demo
cd /
rmmod tsm_sim"
[ ! -d $config ] || wrong
verdict

printf '\nDEMO: %d of %d steps as expected\n' $good $total
[ $good -eq $total ]
