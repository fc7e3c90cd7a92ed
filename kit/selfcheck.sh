#!/usr/bin/env bash
# Prove that a test run can fail: feed small logs to the parser and look at what
# it makes of them. The last line is "N passed, N failed".
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0
seconds=0

# log TEXT...: lines of a console log, with time stamps a second apart
log() {
	local line
	for line in "$@"; do
		printf '[%5d.%06d] %s\r\n' $((seconds += 1)) 4711 "$line"
	done >>"$tmp/log"
}

# program TEXT...: what a program of kselftest says, as the guest passes it on
program() {
	log "${@/#/kit| }"
}

# A run of two programs with three tests that pass; cases add to it or cut it off
begin() {
	seconds=0
	printf 'SeaBIOS (version 1.16)\r\n' >"$tmp/log"
	: >"$tmp/skips"
	log 'Linux version 7.3.4 (tsm@tsm)' 'kasan: KernelAddressSanitizer initialized' 'kit: clock 1000' 'kit: end boot' \
		'kit: begin tsm:one'
	program '# selftests: tsm: one' '# TAP version 13' '# 1..2' '# # Starting 2 tests from 1 test cases.' \
		'# #  RUN           global.first ...' '# #            OK  global.first' '# ok 1 global.first' \
		'# #  RUN           global.second ...'
}

end() {
	program '# ok 2 global.second' '# # PASSED: 2 / 2 tests passed.' 'ok 1 selftests: tsm: one' '# kit: status 0'
	log 'kit: end tsm:one'
}

rest() {
	log 'kit: begin tsm:two'
	program '# selftests: tsm: two' '# 1..1' '# ok 1 global.third' 'ok 1 selftests: tsm: two' '# kit: status 0'
	log 'kit: end tsm:two' 'kit: all done'
}

parse() {
	awk -f "$kit_top/kit/parse-log.awk" -v skips="$tmp/skips" "$tmp/log" | tr '\t' '|'
}

# expect NAME REGEX...: each must match a line of the answer, "!REGEX" none
expect() {
	local name=$1 what wrong=''
	shift
	parse >"$tmp/answer"
	for what in "$@"; do
		case $what in
		!*) ! grep -qE -e "${what#!}" "$tmp/answer" || wrong+=" ${what}" ;;
		*) grep -qE -e "$what" "$tmp/answer" || wrong+=" $what" ;;
		esac
	done
	if [ -z "$wrong" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	say "not ok: $name: wanted$wrong, got:"
	sed 's/^/    /' "$tmp/answer"
}

# Complaints of the kernel, each of which must be seen, and in the right test
splats=(
	'BUG: KASAN: slab-use-after-free in pci_tsm_connect+0x1/0x2'
	'WARNING: drivers/pci/tsm/session.c:12 at pci_tsm_connect+0x1/0x2, CPU#1: one/77'
	'WARNING: CPU: 1 PID: 77 at drivers/pci/tsm/session.c:12 pci_tsm_connect+0x1/0x2'
	'WARNING: possible circular locking dependency detected'
	'WARNING: suspicious RCU usage'
	'INFO: possible recursive locking detected'
	'INFO: trying to register non-static key.'
	'INFO: task one:77 blocked for more than 120 seconds.'
	'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:591'
	'BUG: scheduling while atomic: one/77/0x00000002'
	'BUG: unable to handle page fault for address: ffff888000000000'
	'BUG: kernel NULL pointer dereference, address: 0000000000000008'
	'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 121s!'
	'watchdog: BUG: soft lockup - CPU#0 stuck for 134s! [one:77]'
	'rcu: INFO: rcu_preempt self-detected stall on CPU'
	'Oops: general protection fault, probably for non-canonical address 0xdffffc0000000000: 0000 [#1]'
	'kernel BUG at mm/slub.c:4321!'
	'UBSAN: array-index-out-of-bounds in drivers/pci/tsm/spdm/requester.c:1:2'
	'ODEBUG: free active (active state 0) object: (____ptrval____) object type: work_struct'
	'refcount_t: underflow; use-after-free.'
	'list_add corruption. prev->next should be next (ffff), but was ffff. (prev=ffff).'
	"sysfs: cannot create duplicate filename '/devices/pci10000:00/tsm'"
	'kobject: (00000000): tried to init an initialized object, something is seriously wrong.'
	'Kernel panic - not syncing: Fatal exception'
	'BUG kmalloc-64 (Not tainted): Left Redzone overwritten'
)

check_splats() {
	local text
	for text in "${splats[@]}"; do
		begin
		log "$text" 'Call Trace:' ' <TASK>' ' dump_stack+0x1/0x2'
		end
		rest
		expect "splat: $text" '^splat\|tsm:one\|global.second\|[0-9]+\|' '^suite\|tsm:one\|2\|1\|' '^done$'
	done

	begin
	log '------------[ cut here ]------------' 'ida_free called for id=1 which is not allocated.'
	end
	rest
	expect 'cut here' '^splat\|tsm:one\|global.second\|15\|ida_free'

	begin
	end
	log 'WARNING: drivers/pci/tsm/core.c:1 at x'
	rest
	expect 'splat between suites' '^splat\|between suites\|after tsm:one\|' '^suite\|between suites\|0\|1'

	begin
	log 'pci 10000:01:00.0: info: BAR 0 assigned' 'tsm tsm0: connect failed, -71' \
		'kmemleak: Kernel memory leak detector initialized' 'PM: Image not found'
	end
	rest
	expect 'harmless lines' '!splat' '!fail' '^suite\|tsm:one\|2\|0\|0'
}

# leaks JIFFIES...: what leaked at these times, and the end
leaks() {
	local jiffies
	log 'kit: begin kit:leaks' "kit: clock $((1000 + (seconds + 2 - 3) * 100))"
	for jiffies; do
		program "unreferenced object 0xffff0$jiffies (size 512):" \
			"  comm \"one\", pid 77, jiffies $jiffies" '    kmalloc+0x1/0x2'
	done
	program 'not ok 1 nothing has leaked'
	log 'kit: end kit:leaks' 'kit: all done'
}

check_results() {
	begin
	end
	rest
	expect 'all is well' '^suite\|tsm:one\|2\|0\|0\|1[0-9]$' '^suite\|tsm:two\|1\|0\|0' '^done$' '!fail' '!splat'

	begin
	program '# not ok 2 global.second' 'not ok 1 selftests: tsm: one # exit=1' '# kit: status 1'
	log 'kit: end tsm:one'
	rest
	expect 'a failed test counts once' '^suite\|tsm:one\|1\|1\|0' '^fail\|tsm:one\|global.second\|'

	begin
	program '# # one.c:12:second:Expected 0 (0) == more (17)' '# # one.c:13:second:kmalloc-64 grew by 17' \
		'# #          FAIL  global.second' '# not ok 2 global.second' \
		'not ok 1 selftests: tsm: one # exit=1' '# kit: status 1'
	log 'kit: end tsm:one'
	rest
	expect 'a failed test says why' '^fail\|tsm:one\|global.second\|one.c:12:.*Expected 0.*kmalloc-64 grew'

	begin
	log 'kmemleak: Kernel memory leak detector disabled'
	end
	rest
	expect 'a leak detector that gave up' '^splat\|tsm:one\|.*detector disabled'

	begin
	program 'not ok 1 selftests: tsm: one # TIMEOUT 600 seconds' '# kit: status 1'
	log 'kit: end tsm:one'
	rest
	expect 'a test that its runner gave up' '^suite\|tsm:one\|1\|1\|0' '^fail\|.*TIMEOUT 600'

	begin
	program 'ok 1 selftests: tsm: one' '# kit: status 0'
	log 'kit: end tsm:one'
	rest
	expect 'fewer tests than planned' '^fail\|tsm:one\|.*planned 2 tests, ran 1'

	begin
	program '# ok 2 global.second # SKIP no such device'
	program 'ok 1 selftests: tsm: one' '# kit: status 0'
	log 'kit: end tsm:one'
	rest
	expect 'an unexpected skip' '^suite\|tsm:one\|1\|1\|0' '^fail\|tsm:one\|global.second\|skipped'
	echo 'tsm:one global.second no such device here' >"$tmp/skips"
	expect 'an expected skip' '^suite\|tsm:one\|1\|0\|1' '!fail'

	begin
	end
	log 'kit: begin tsm:two'
	program '# selftests: tsm: two' '# 1..0 # SKIP this kernel has no tsm-sim' \
		'ok 1 selftests: tsm: two # SKIP' '# kit: status 0'
	log 'kit: end tsm:two' 'kit: all done'
	expect 'a program that skips' '^suite\|tsm:two\|0\|1\|0' '^fail\|tsm:two\|.*no tsm-sim'

	begin
	end
	log 'kit: begin kunit:none'
	program '# kit: status 0'
	log 'kit: end kunit:none' 'kit: all done'
	expect 'a suite without a test' '^fail\|kunit:none\|.*no test has run'

	begin
	end
	log 'kit: begin kunit:none'
	program "modprobe: can't load module" '# kit: status 1'
	log 'kit: end kunit:none' 'kit: all done'
	expect 'a module that does not load' '^fail\|kunit:none\|.*exit status 1'

	# the clock runs at 100 Hz: from 1000 in second 3, to second 10 for the first test
	begin
	end
	rest
	sed -i '$d' "$tmp/log"
	leaks 1700 1750 $((1000 + (seconds - 2 - 3) * 100))
	expect 'leaks' '^splat\|tsm:one\|global.first\|.*unreferenced object 0xffff01700' \
		'^splat\|tsm:two\|' '!01750' '^suite\|tsm:one\|2\|1\|' '^suite\|tsm:two\|1\|1\|' '^done$'
}

check_ends() {
	begin
	expect 'cut off in a test' '^fail\|tsm:one\|global.second\|the machine stopped here' '!^done'
	begin
	end
	expect 'cut off between suites' '!^done'
	begin
	log 'kit: timeout tsm:one after 660 s' 'sysrq: Show Blocked State'
	expect 'a suite that hangs' '^fail\|tsm:one\|global.second\|did not end'
}

check_kunit() {
	begin
	end
	log 'kit: begin kunit:codec' 'KTAP version 1' '1..1' '    KTAP version 1' '    # Subtest: codec' \
		'    1..3' '    ok 1 first' '        KTAP version 1' '        # Subtest: each' \
		'        ok 1 a' '        not ok 2 b' '    # each: EXPECTATION FAILED at codec-test.c:7' \
		'    not ok 2 each' '    ok 3 last' '# codec: pass:2 fail:1 skip:0 total:3' 'not ok 1 codec'
	program '# kit: status 0'
	log 'kit: end kunit:codec' 'kit: all done'
	expect 'KUnit' '^suite\|kunit:codec\|2\|1\|0' '^fail\|kunit:codec\|codec.each\|' '!splat'

	begin
	end
	log 'kit: begin kunit:codec' '    # Subtest: codec' '    1..1' '    ok 1 first # SKIP no entropy' 'ok 1 codec # SKIP'
	program '# kit: status 0'
	log 'kit: end kunit:codec' 'kit: all done'
	expect 'a skip in KUnit' '^fail\|kunit:codec\|codec.first\|skipped'

	begin
	end
	log 'kit: begin kunit:codec' '    # Subtest: codec' '    1..1' 'not ok 1 codec'
	program '# kit: status 0'
	log 'kit: end kunit:codec' 'kit: all done'
	expect 'a KUnit suite that fails without a test' '^suite\|kunit:codec\|0\|[1-9]'
}

# The machine ends with a function in use
ending() {
	begin
	end
	rest
	log 'kit: begin kit:reboot' "$@"
}

check_reboot() {
	local step=() fn name
	for fn in 0 1 2; do
		for name in stop revoke dma-off host-dma-off release ungate destroy; do
			# only a driver of the guest has its DMA
			[ $name != host-dma-off ] || [ $fn = 1 ] || continue
			step+=("tsm_tdi_step: 10000:01:00.$fn $name op 0: 0 duration_us 99")
		done
	done
	local first='tsm_session_state: 10000:01:00.0 tsm0: connected -> disconnecting'
	local last='tsm_session_state: 10000:01:00.0 tsm0: disconnecting -> none'
	local viommu='tsm_viommu: tsm0 destroy type 6: 0 duration_us 9'
	local restart='reboot: Restarting system'
	# of the guest: a function with a driver, and one without
	local dma='tsm_devsec_dma: 10001:00:02.0 guest: private DMA off: 0'
	local lost='tsm_devsec_state: 10001:00:02.0 guest: run -> lost'
	local driven=("$dma" "$lost")
	local other=('tsm_devsec_state: 10002:00:03.0 guest: run -> unlocking'
		'tsm_devsec_state: 10002:00:03.0 guest: unlocking -> unlocked')
	local seen='tsm_devsec_state: 10002:00:03.0 guest: run -> lost'
	local host=("$first" "${step[@]}" "$last" "$viommu")
	local guest=("${driven[@]}" "${other[@]}")

	ending "${host[@]}" "${guest[@]}" "$restart"
	expect 'the end in order' '^suite\|kit:reboot\|1\|0' '!fail' '^done$'

	ending "$first" "${step[@]:0:9}" "$dma" "${step[@]:9}" "$seen" "$lost" "$last" "$viommu" "${other[@]}" "$restart"
	expect 'the end with a guest that has seen it' '^suite\|kit:reboot\|1\|0' '!fail'

	ending "$first" "${step[@]}" "$last" "${guest[@]}" "$restart"
	expect 'the end with a vIOMMU left' '^suite\|kit:reboot\|0\|1' '^fail\|kit:reboot\|'

	ending "$first" "${step[@]}" "$last" "${viommu/: 0/: -5}" "${guest[@]}" "$restart"
	expect 'the end with a vIOMMU that is not given up' '^fail\|kit:reboot\|.*viommu-destroy! '

	ending "$first" "${step[@]:1}" "$last" "$viommu" "${guest[@]}" "$restart"
	expect 'the end without a stop' '^suite\|kit:reboot\|0\|1' '^fail\|kit:reboot\|'

	ending "$first" "${step[@]:0:13}" "$last" "$viommu" "${guest[@]}" "$restart"
	expect 'the end with a TDI left' '^suite\|kit:reboot\|0\|1' '^fail\|kit:reboot\|'

	ending "$first" "${step[@]/* host-dma-off */}" "$last" "$viommu" "${guest[@]}" "$restart"
	expect 'the end with a mapping left' '^suite\|kit:reboot\|0\|1' '^fail\|kit:reboot\|'

	ending "$first" "${step[0]/: 0/: -5}" "${step[@]:1}" "$last" "$viommu" "${guest[@]}" "$restart"
	expect 'the end with a stop that failed' '^fail\|kit:reboot\|.*stop! '

	ending "${host[@]}" "$restart"
	expect "the end of a guest that does not care" '^suite\|kit:reboot\|0\|1' \
		'^fail\|kit:reboot\|.*0 with a driver and 0 without'

	ending "${host[@]}" "${other[@]}" "$restart"
	expect 'the end without the function with a driver' '^fail\|kit:reboot\|.*0 with a driver and 1 without'

	ending "${host[@]}" "${driven[@]}" "$restart"
	expect 'the end without the one that has none' '^fail\|kit:reboot\|.*1 with a driver and 0 without'

	ending "${host[@]}" "$lost" "$dma" "${other[@]}" "$restart"
	expect 'the end with DMA that ends too late' '^fail\|kit:reboot\|.*10001:00:02.0: lost dma-off\|*'

	ending "${host[@]}" "$lost" "${other[@]}" "$restart"
	expect 'the end with DMA that does not end' '^fail\|kit:reboot\|.*10001:00:02.0: lost'

	ending "${host[@]}" "${dma/: 0/: -5}" "$lost" "${other[@]}" "$restart"
	expect 'the end with DMA that is not known to have ended' '^fail\|kit:reboot\|.*: dma-off! lost'

	ending "${host[@]}" "${driven[@]}" "${other[@]//10002:00:03.0/10001:00:02.0}" "${other[@]}" "$restart"
	expect 'the end with a function unlocked under its driver' \
		'^fail\|kit:reboot\|.*10001:00:02.0: dma-off lost unlocking unlocked'

	ending "${host[@]}" "${driven[@]}" "$seen" "$restart"
	expect 'the end with a function that is not unlocked' '^fail\|kit:reboot\|.*10002:00:03.0: lost'

	ending "${host[@]}" "$restart" "${guest[@]}"
	expect 'the end with a guest that is late' '^fail\|kit:reboot\|.*dma-off-late'

	ending "$restart"
	expect 'the end of a machine that does not care' '^fail\|kit:reboot\|'

	ending "${host[@]}" "${guest[@]}"
	expect 'a machine that does not end' '^fail\|kit:reboot\|'

	ending 'BUG: sleeping function called from invalid context at mutex.c:591' \
		"${host[@]}" "${guest[@]}" "$restart"
	expect 'a splat at the end' '^splat\|kit:reboot\|'
}

check_results
check_splats
check_reboot
check_ends
check_kunit
say "$passed passed, $failed failed"
[ $failed -eq 0 ]
