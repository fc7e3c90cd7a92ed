#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The reference verifier, verify-agent.py, and a function on the loopback of tsm-sim:
# it accepts what is as it should be, and nothing else. What counts is its exit status
# and the state of the function.

ksft_skip=4
config=/sys/kernel/config/tsm-sim
platform=$config/agent
pci=/sys/bus/pci/devices
debug=/sys/kernel/debug/tsm-sim
number=0
failed=0

skip() {
	echo "1..0 # SKIP $*"
	exit $ksft_skip
}

# shellcheck disable=SC2317 # called by trap
leave() {
	[ -z "$agent" ] || kill "$agent" 2>/dev/null
	exec 3>&-
	[ ! -d "$platform" ] || {
		echo 0 >"$platform/live"
		rmdir "$platform/d0" "$platform"
	} 2>/dev/null
	rm -rf "$tmp"
}

# tdi COMMAND...: what the host does
tdi() {
	echo "$*" >&3 && cat <&3
}

state() {
	cat "$pci/$bdf/tsm/state"
}

lock() {
	echo "$tsm" >"$pci/$bdf/tsm/lock"
}

unlock() {
	echo "$tsm" >"$pci/$bdf/tsm/unlock"
}

# verify OPTION...: its exit status; what it says is for who looks for a reason
verify() {
	./verify-agent.py --once --timeout 100 "$@" "$bdf" >"$tmp/said" 2>&1
	status=$?
	sed 's/^/# /' "$tmp/said"
	return $status
}

# refused OPTION...: with the status that says so, and not by an accident
refused() {
	verify "$@"
	[ $? -eq 3 ]
}

# waits: is the verifier there, and has nothing to do? It takes a while to start
waits() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q waiting "$tmp/said" && return 0
		sleep 2
	done
	return 1
}

# result NAME STATE: of a test whose last command has the status of now
result() {
	status=$?
	number=$((number + 1))
	if [ $status -eq 0 ] && [ "$(state)" = "$2" ]; then
		echo "ok $number $1"
	else
		echo "# status $status, function is $(state), not $2"
		echo "not ok $number $1"
		failed=1
	fi
}

# A root of the same name, and another key
other_root() {
	printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$tmp/req.cnf"
	openssl req -config "$tmp/req.cnf" -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 \
		-nodes -keyout "$tmp/other.key" -subj /O=tsm-sim/CN=root -days 2 \
		-out "$tmp/other.pem" 2>/dev/null
}

# Before it is accepted, the function is locked anew: the first time
relock_once() {
	cat >"$tmp/relock" <<-END
		#!/bin/sh
		echo "\$2" >>"$tmp/generations"
		[ "\$(wc -l <"$tmp/generations")" -eq 1 ] || exit 0
		echo $tsm >"$pci/$bdf/tsm/unlock" && echo $tsm >"$pci/$bdf/tsm/lock"
	END
	chmod 755 "$tmp/relock"
	rm -f "$tmp/generations"
}

# Evidence that is good, with one thing about it changed at a time
altered() {
	python3 - "$bdf" "$root" "$tmp/other.pem" <<-'END'
		import hashlib, importlib.util, os, sys

		spec = importlib.util.spec_from_file_location('agent', './verify-agent.py')
		agent = importlib.util.module_from_spec(spec)
		spec.loader.exec_module(agent)
		name, *roots = sys.argv[1:]
		root, other = (agent.der(open(path, 'rb').read()) for path in roots)
		kernel = agent.Kernel('./pyynl', './pci-tsm.yaml', 100)
		kernel.listen()
		nonce = os.urandom(32)
		generation = kernel.refresh(name, nonce)
		parts = kernel.read(name)
		openssl = agent.Openssl()
		good = None

		def verdict(change=None, nonce=nonce, roots=root):
		    evidence = agent.Evidence(parts)
		    assert evidence.generation == generation
		    if change:
		        kind, where, data = change
		        old = evidence.objects[kind]
		        where %= len(old)
		        data = data or bytes([old[where] ^ 1])
		        evidence.objects[kind] = old[:where] + data + old[where + len(data):]
		    try:
		        return agent.verify(evidence, nonce, roots, good, openssl)
		    except agent.Refused as why:
		        print(f'# {why}')
		        return None

		good = verdict()
		assert good
		claimed = ('certificate-chain', 4, hashlib.sha384(other[0]).digest())
		wrong = {
		    'a version that was offered': ('transcript', 10, None),
		    'a hash that was agreed on': ('transcript', -32, None),
		    'the signature of a certificate': ('certificate-chain', -1, None),
		    'the digest of a root': ('certificate-chain', 4, None),
		    'a measurement': ('measurements', 20, None),
		    'the signature of measurements': ('measurements', -1, None),
		    'the number of measurements': ('measurements', 4, None),
		    'the number of ranges': ('interface-report', 12, None),
		}
		bad = [what for what, change in wrong.items() if verdict(change)]
		bad += ['another nonce'] if verdict(nonce=bytes(32)) else []
		bad += ['another root'] if verdict(claimed, roots=other) else []
		agent.compare(good, {**good, 1: 'any'})
		for wrong in ({1: 'any', 2: 'any'}, {**good, 9: 'any'}):
		    try:
		        agent.compare(good, wrong)
		        bad.append('a reference for another number of measurements')
		    except agent.Refused as why:
		        print(f'# {why}')
		for key, value in (('offset', 1), ('total', 1), ('generation', 9),
		                   ('digest', bytes(48)), ('data', b'')):
		    try:
		        agent.Evidence(parts[:-1] + [{**parts[-1], key: value}])
		        bad.append(key)
		    except agent.Refused as why:
		        print(f'# {why}')
		for what in bad:
		    print(f'# NOT refused: {what}')
		sys.exit(bool(bad))
	END
}

agent=''
tmp=''
cd "$(dirname "$0")" || exit 1
echo 'TAP version 13'
[ "$(id -u)" -eq 0 ] || skip 'must be run as root'
for program in python3 openssl; do
	command -v $program >/dev/null || skip "no $program"
done
python3 -c 'import yaml' 2>/dev/null || skip 'no PyYAML for python3'
if [ ! -d pyynl ] || [ ! -f pci-tsm.yaml ]; then
	skip 'not installed: no YNL library beside this'
fi
[ -d $config ] || modprobe tsm_sim 2>/dev/null
[ -d $config ] || skip 'this kernel has no tsm-sim'
[ -e $debug/consumer ] || skip 'no debugfs'

trap leave EXIT
tmp=$(mktemp -d) || exit 1
mkdir -p "$platform/d0" && echo 1 >"$platform/live" || exit 1
host=$(cat "$platform/d0/bdf")
cat "$platform/tsm" >"$pci/$host/tsm/connect" || exit 1
exec 3<>$debug/consumer || exit 1
tdi vm vm0 >/dev/null && tdi create t bdf="$host" vm=vm0 rid=0x10 >/dev/null || exit 1
guest=$(tdi guest g tdi=t) || exit 1
bdf=${guest#bdf=} bdf=${bdf%% *} tsm=${guest#*tsm=}
root=$debug/root.der
other_root || exit 1

echo 1..9
lock && verify --root $root --record "$tmp/good"
result 'measurements are recorded, nothing is accepted' locked

refused --root "$tmp/other.pem"
result 'a device whose certificates lead to another root' locked

sed "1s/ .*/ $(printf '%096d' 0)/" "$tmp/good" >"$tmp/wrong"
refused --root $root --expect "$tmp/wrong"
result 'measurements that are not those of the reference' locked

altered
result 'evidence with one thing about it changed at a time' locked

relock_once
refused --root $root --attempts 1 --before-accept "$tmp/relock" &&
	[ "$(wc -l <"$tmp/generations")" -eq 1 ]
result 'a function that is locked anew after it was verified' locked

tdi lie g about=nonce >/dev/null
refused --root $root
result 'a host that has another nonce signed' locked

tdi lie g about=start >/dev/null
refused --root $root
result 'a host that does not start the device' unlocked
tdi lie g about=none >/dev/null

# all of it again, for who waits until there is a function to verify
relock_once
verify --root $root --expect "$tmp/good" --before-accept "$tmp/relock" --verbose &
agent=$!
waits && lock && wait $agent && [ "$(sort -u "$tmp/generations" | wc -l)" -eq 2 ]
result 'an honest one is accepted, at the second attempt' run
agent=''

unlock && refused --timeout 1 --root $root
result 'nothing happens to a function that nobody locks' unlocked
exit $failed
