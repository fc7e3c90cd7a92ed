#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Walks the main job in front of a person: a device is authenticated and its
# link encrypted by one write to sysfs; then one of its functions is given to a
# VM, and lost; and then the VM's side of that. Runs in the test kernel, with busybox.
#
# Each step says what it is for, shows the command as one would type it and what
# the kernel answered, and checks the outcome. Exit status 0 only if every step
# went as expected.

set -u

here=$(cd "$(dirname "$0")" && pwd)
config=/sys/kernel/config/tsm-sim
pci=/sys/bus/pci/devices
trace=/sys/kernel/tracing
consumer=/sys/kernel/debug/tsm-sim/consumer
root=/sys/kernel/debug/tsm-sim/root.der
tests=/kselftest/tsm
evidence=/tmp/evidence

total=0
good=0
right=yes
out=
newline='
'

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

# tdi COMMAND...: what a VMM would do, through the file that is open as 3
tdi() {
	echo "$*" >&3 && cat <&3
}

# ranges: the MMIO ranges of the TDI's report, as a table
ranges() {
	printf '%-4s %-10s %-10s %s\n' BAR offset length 'who reaches it'
	tdi report t | while read -r bar offset length kind; do
		who='the VM alone'
		[ "$kind" = tee ] || who='the host, too'
		printf '%-4s %-10s %-10s %s\n' "$bar" "$offset" "$length" "$who"
	done
}

# register FUNCTION OFFSET: a dword of configuration space, in decimal
register() {
	echo $((0x$(hexdump -v -s "$2" -n 4 -e '1/4 "%08x"' "$pci/$1/config")))
}

# set_register FUNCTION OFFSET VALUE: write a dword of configuration space
set_register() {
	bytes=
	for shift in 0 8 16 24; do
		bytes="$bytes\\$(printf %03o $(($3 >> shift & 255)))"
	done
	# shellcheck disable=SC2059 # octal bytes are to be interpreted
	printf "$bytes" |
		dd of="$pci/$1/config" bs=4 seek=$(($2 / 4)) conv=notrunc 2>/dev/null
}

# transfer FUNCTION CONTROL ADDRESS LENGTH: one by the function's DMA engine
transfer() {
	engine=$(extended_capability "$1" 0x23) || return 1
	set_register "$1" $((engine + 0x0c)) "$2"
	set_register "$1" $((engine + 0x10)) "$4"
	set_register "$1" $((engine + 0x14)) 0
	set_register "$1" $((engine + 0x18)) "$3"
	set_register "$1" $((engine + 0x1c)) 0
	# what is left of the last one
	set_register "$1" $((engine + 0x24)) 2
	set_register "$1" $((engine + 0x20)) 1
	# done, and nothing went wrong
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		status=$(register "$1" $((engine + 0x24)))
		[ $((status & 2)) -eq 0 ] || break
		sleep 1
	done
	[ $((status >> 8 & 255)) -eq 0 ] && [ $((status & 2)) -ne 0 ]
}

# dma FUNCTION FROM TO LENGTH: it copies private memory, with the T bit set
dma() {
	transfer "$1" 2 "$2" "$4" && transfer "$1" 3 "$3" "$4"
}

# extended_capability FUNCTION ID: its offset in configuration space
extended_capability() {
	pos=256
	while [ "$pos" -ne 0 ]; do
		header=$(register "$1" "$pos")
		if [ $((header & 0xffff)) -eq $(($2)) ]; then
			echo "$pos"
			return 0
		fi
		pos=$((header >> 20))
	done
	return 1
}

# stream_registers FUNCTION NUMBER: control and status of a selective stream
stream_registers() {
	cap=$(extended_capability "$1" 0x30) || return 1
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

# ynl OPTION...: the kernel's tool for netlink, with the family for evidence
ynl() {
	"$tests/pyynl/cli.py" --no-schema --spec "$tests/pci-tsm.yaml" --output-json "$@"
}

# validate GENERATION: say that it was verified
validate() {
	ynl --do validate --json "{\"dev\": \"$guest\", \"generation\": $1}" 2>&1
}

# A root certificate of the right name, with another key
other_root() {
	printf '[req]\ndistinguished_name = dn\n[dn]\n' >$evidence/req.cnf
	openssl req -config $evidence/req.cnf -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 \
		-nodes -keyout $evidence/other.key -subj /O=tsm-sim/CN=root -days 2 \
		-out $evidence/other.pem 2>/dev/null
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
echo 1 > demo/nic/total_vfs
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

step "one of its functions is to be a VM's: a virtual one"
type_in "cd $pci/$endpoint
echo pci-pf-stub > driver_override
echo $endpoint > /sys/bus/pci/drivers_probe
echo 1 > sriov_numvfs
cat virtfn0/tsm/dsm"
[ "$out" = "$endpoint" ] || wrong
verdict

vf=$(basename "$(readlink -f "$pci/$endpoint/virtfn0")")

step 'what a VMM does: a VM, and the function as number 0100 in it'
shown "exec 3<> $consumer   # a VMM's iommufd does this, too
tdi() { echo \"\$*\" >&3 && cat <&3; }"
out=
mount -t debugfs none /sys/kernel/debug 2>/dev/null
exec 3<>$consumer || wrong
answered
type_in "tdi vm vm0
tdi create t bdf=$vf vm=vm0 rid=0x100
cat $pci/$vf/tsm/tdi_state"
[ "$out" = unlocked ] || wrong
verdict

step 'lock it: from now on its configuration is fixed'
: >$trace/trace
type_in "printf '\\004\\000' | dd of=$pci/$vf/config bs=2 seek=2 2>/dev/null   # bus master
tdi lock t
cat $pci/$vf/tsm/tdi_state $config/demo/nic/tdi_states"
[ "$(lines '^locked$')" -eq 1 ] || wrong
[ "$(lines "${vf#*:} locked\$")" -eq 1 ] || wrong
verdict

step 'what the device says that it is: its interface report'
shown 'tdi report t   # as a table'
out=$(ranges)
answered
[ "$(lines 'the VM alone$')" -ge 1 ] || wrong
verdict

step 'the VM trusts it: DMA to private memory, and run'
type_in "tdi req t op=3
tdi run t
cat $pci/$vf/tsm/tdi_state"
[ "$(lines '^run$')" -eq 1 ] || wrong
verdict

step "DMA: the device copies 16 bytes of the VM's private memory"
secret=$(printf 'hello, private!\n' | hexdump -v -e '1/1 "%02x"')
type_in "tdi mem-write vm0 gpa=0x1000 hex=$secret
tdi mem-read vm0 gpa=0x2000 len=16   # before
dma $vf 0x1000 0x2000 16             # its registers, in configuration space
tdi mem-read vm0 gpa=0x2000 len=16"
[ "$(lines "^$secret\$")" -eq 1 ] || wrong
verdict

step 'the connection is in use now'
shown "echo $tsm > $pci/$endpoint/tsm/disconnect"
out=$({ echo "$tsm" >"$pci/$endpoint/tsm/disconnect"; } 2>&1) && wrong
answered
[ "$(attr "$pci/$endpoint/tsm/connect")" = "$tsm" ] || wrong
verdict

step "somebody clears its bus master enable, behind everybody's back"
type_in "printf '\\000\\000' | dd of=$pci/$vf/config bs=2 seek=2 2>/dev/null
tdi state t
cat $config/demo/nic/tdi_errors"
[ "$(lines '^state=ERROR')" -eq 1 ] || wrong
[ "$(lines '^command 1$')" -eq 1 ] || wrong
verdict

step "stop it: it is the host's again, and nothing of the VM is left"
type_in "tdi stop t
tdi log t   # what the host was told to do, and when
tdi state t
tdi destroy t"
[ "$(lines '^state=UNLOCKED')" -eq 1 ] || wrong
[ "$(lines ' revoke 0$')" -eq 1 ] || wrong
verdict
exec 3>&-

step 'this is what TSM and device have said about it, in their session'
shown "cat $trace/trace   # drawn as a chart"
out=$(awk -f "$here/demo-chart.awk" $trace/trace)
answered
for message in LOCK_INTERFACE_REQUEST DEVICE_INTERFACE_REPORT \
	START_INTERFACE_REQUEST STOP_INTERFACE_REQUEST; do
	[ "$(lines $message)" -ge 1 ] || wrong
done
verdict

step 'a VMM does the same through KVM, VFIO and iommufd: vmm-flow.c'
type_in "echo vfio-pci > $pci/$vf/driver_override
echo $vf > /sys/bus/pci/drivers_probe
/kselftest/tsm/vmm-flow $vf"
for state in LOCKED RUN UNLOCKED; do
	[ "$(lines "^  the function is $state, bound 1 times\$")" -eq 1 ] || wrong
done
verdict

printf '\n%sThe same function, as the VM sees it%s\n' "$bold" "$plain"
printf 'with the VM in this kernel, too: what it trusts is the TSM, and not the host\n'

step 'the VM has a function on a bus of its own, and a TSM to lock it with'
echo "$vf" >$pci/"$vf"/driver/unbind
shown "exec 3<> $consumer   # the host, once more
tdi vm vm0
tdi create t bdf=$vf vm=vm0 rid=0x100
tdi guest g tdi=t
cat tsm/state   # of that function"
exec 3<>$consumer || wrong
out=$(tdi vm vm0 && tdi create t bdf="$vf" vm=vm0 rid=0x100 && tdi guest g tdi=t)
guest=${out#*bdf=} guest=${guest%% *} guest_tsm=${out##*tsm=}
out=$out$newline$(attr "$pci/$guest/tsm/state")
answered
[ -d "/sys/class/tsm/$guest_tsm" ] || wrong
[ "$guest_tsm" != "$tsm" ] || wrong
[ "$(lines '^unlocked$')" -eq 1 ] || wrong
verdict

step 'lock it: nobody can give it a driver until the VM has decided'
shown "cd $pci/$guest
echo $guest_tsm > tsm/lock
echo pci-stub > driver_override
echo $guest > /sys/bus/pci/drivers_probe
cat tsm/state; readlink driver"
out=$(cd "$pci/$guest" && echo "$guest_tsm" >tsm/lock && echo pci-stub >driver_override &&
	{ echo "$guest" >/sys/bus/pci/drivers_probe; cat tsm/state; readlink driver; } 2>&1)
answered
[ "$(attr "$pci/$guest/tsm/state")" = locked ] || wrong
[ ! -e "$pci/$guest/driver" ] || wrong
verdict

step "the evidence about it, with the kernel's own tool for netlink"
mkdir -p $evidence
type_in "ynl() { $tests/pyynl/cli.py --no-schema --spec $tests/pci-tsm.yaml --output-json \"\$@\"; }
ynl --dump get --json '{\"dev\": \"$guest\"}' | $here/evidence.py $evidence"
for object in transcript certificate-chain measurements interface-report; do
	[ "$(lines "^$object ")" -eq 1 ] || wrong
done
stale=$(printf '%s\n' "$out" | sed -n 's/^measurements *\([0-9]*\).*/\1/p')
verdict

step "the device's certificate: issued by whom the VM trusts"
type_in "openssl x509 -in $root -out $evidence/root.pem   # whom it trusts
openssl verify -CAfile $evidence/root.pem -untrusted $evidence/issuers.pem $evidence/device.pem"
[ "$(lines ': OK$')" -eq 1 ] || wrong
verdict

step 'measurements, signed anew for a number that nobody knew before'
nonce=$(hexdump -v -n 32 -e '1/1 "%02x"' /dev/urandom)
type_in "ynl --subscribe evidence --duration 5 --do refresh \\
    --json '{\"dev\": \"$guest\", \"types\": [\"measurements\"], \"nonce\": \"$nonce\"}'"
[ "$(lines "\"nonce\": \"$nonce\".*\"error\": 0")" -eq 1 ] || wrong
fresh=$(printf '%s\n' "$out" | sed -n 's/.*"generation": \([0-9]*\).*/\1/p')
[ -n "$fresh" ] || wrong
verdict

step 'what was read before is worth nothing now: its generation is stale'
shown "ynl --do validate --json '{\"dev\": \"$guest\", \"generation\": $stale}'"
out=$(validate "$stale") && wrong
answered
[ "$(lines 'Stale file handle')" -eq 1 ] || wrong
[ -n "$stale" ] || wrong
[ "$stale" != "$fresh" ] || wrong
verdict

step 'a verifier that trusts another root does not accept it'
shown "$tests/verify-agent.py --once --root $evidence/other.pem $guest"
out=$(other_root && "$tests/verify-agent.py" --once --root $evidence/other.pem "$guest" 2>&1) &&
	wrong
answered
[ "$(lines 'NOT accepted: certificate chain')" -eq 1 ] || wrong
[ "$(attr "$pci/$guest/tsm/state")" = locked ] || wrong
verdict

step 'one that trusts the right one verifies everything, and accepts it'
type_in "$tests/verify-agent.py --once --verbose --root $root $guest
cat $pci/$guest/tsm/state"
[ "$(lines '^run$')" -eq 1 ] || wrong
verdict

step 'its driver is what opens private memory to it'
type_in "echo $guest > /sys/bus/pci/drivers_probe
basename \$(readlink $pci/$guest/driver)
tdi show t   # what the host was told"
[ "$(lines '^pci-stub$')" -eq 1 ] || wrong
[ "$(lines 'dma=1')" -eq 1 ] || wrong
verdict

step 'the host stops it: the VM takes everything from it, then tells its driver'
type_in "tdi stop t"
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ "$(attr "$pci/$guest/tsm/state")" != lost ] || break
	sleep 1
done
type_in "cat $pci/$guest/tsm/state
tdi show t"
[ "$(lines '^lost$')" -eq 1 ] || wrong
[ "$(lines 'dma=0')" -eq 1 ] || wrong
verdict

step 'unlock it: an ordinary function again'
type_in "echo $guest > $pci/$guest/driver/unbind
echo $guest_tsm > $pci/$guest/tsm/unlock
cat $pci/$guest/tsm/state
tdi guest-put g
tdi destroy t"
[ "$(lines '^unlocked$')" -eq 1 ] || wrong
[ ! -d "$pci/$guest" ] || wrong
verdict
exec 3>&-

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
