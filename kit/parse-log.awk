# Read the console log of a test kernel and say what happened, one line each:
#
#   suite NAME PASSED FAILED SKIPPED SECONDS   a suite that has begun
#   fail SUITE TEST REASON                     a failed test, or a suite that is wrong
#   splat SUITE TEST LINE TEXT                 a complaint of the kernel, at that line
#   now SUITE TEST                             where the log ends, if in a suite
#   done                                       the guest has run all it had to
#
# Fields are separated by tabs. The log is that of kit/guest/init: lines of the
# kernel, KTAP of KUnit among them, "kit: " for what begins and ends, and "kit| "
# before each line of a program.
#
#   awk -f parse-log.awk -v skips=FILE [-v live=1] LOG
#
# FILE lists the tests that may skip, a line each: SUITE TEST REASON. With live=1
# the log is still growing: what is missing at its end is no failure yet.

BEGIN {
	OFS = "\t"
	window = 40	# a splat's first lines, which name no second one
	last_splat = -window
	while (skips != "" && (getline line < skips) > 0) {
		if (line ~ /^[ \t]*(#|$)/)
			continue
		split(line, word, /[ \t]+/)
		may_skip[word[1], word[2]] = 1
	}
	enter("boot", 0)
}

# --- suites and results ---------------------------------------------------------

function enter(name, time) {
	suite = name
	begun[++nr_suites] = name
	start[name] = time
	seconds[name] = 0
	passed[name] = failed[name] = skipped[name] = 0
	test = "its start"
	why = ""
	open_inner()
	inner_open = 0
	outcome = ""
	status = ""
}

function leave(name, time) {
	close_inner()
	# programs of kselftest say it by KTAP, the rest by their exit status
	if (status != "" && status != 0 && !failed[name])
		fail(name, "exit status " status)
	if (name != "boot" && !passed[name] && !failed[name] && !skipped[name])
		fail(name, "no test has run")
	seconds[name] = time - start[name]
	last = name
	suite = ""
}

function fail(what, reason) {
	failed[suite]++
	print "fail", suite, what, reason
}

# result(ok, text): a KTAP result, text is what follows the number
function result(ok, text, name, directive) {
	sub(/^- /, "", text)
	name = text
	directive = ""
	if (match(text, / *# */)) {
		name = substr(text, 1, RSTART - 1)
		directive = substr(text, RSTART + RLENGTH)
	}
	if (!ok) {
		fail(name, directive != "" ? directive : why != "" ? why : "not ok")
	} else if (directive ~ /^SKIP/) {
		if ((suite, name) in may_skip)
			skipped[suite]++
		else
			fail(name, "skipped, which is not expected: " directive)
	} else {
		passed[suite]++
	}
	test = "after " name
}

# A group of results with a plan: a KUnit suite, a program of kselftest
function open_inner() {
	inner_open = 1
	inner_plan = -1
	inner_seen = 0
	inner_failed = failed[suite]
	inner_skip = ""
}

function close_inner() {
	if (!inner_open)
		return
	inner_open = 0
	if (inner_plan >= 0 && inner_seen != inner_plan && failed[suite] == inner_failed)
		fail(group, "planned " inner_plan " tests, ran " inner_seen)
}

# The line that sums a group up: it counts only if it says more than its tests
function sum_up(ok, text) {
	if (!ok && failed[suite] == inner_failed)
		result(0, text)
	close_inner()
	if (ok && !inner_seen) {
		if (inner_skip != "")
			text = text (text ~ /# SKIP/ ? " " : " # SKIP ") inner_skip
		result(1, text)
	}
	open_inner()
	inner_open = 0
}

# --- lines of a program ------------------------------------------------------------

function program_line(text) {
	if (text ~ /^# kit: status /) {
		status = substr(text, 15) + 0
	} else if (text ~ /^unreferenced object /) {
		leak = "leak: " text
		leak_line = FNR
	} else if (leak && match(text, /, jiffies [0-9]+/)) {
		report_leak(substr(text, RSTART + 10, RLENGTH - 10) + 0)
	} else if (text ~ /^# selftests: /) {
		open_inner()
		group = text
		sub(/^# selftests: /, "", group)
		test = "the start of " group
	} else if (text ~ /^# 1\.\.[0-9]+/) {
		inner_plan = substr(text, 6) + 0
		if (match(text, /# SKIP.*/))
			inner_skip = substr(text, RSTART + 7)
	} else if (text ~ /^# #  RUN  /) {
		test = text
		sub(/^# #  RUN +/, "", test)
		sub(/ \.\.\.$/, "", test)
		why = ""
	} else if (text ~ /^# # [^ :]+(\.c:[0-9]+:|: Test terminated )/) {
		# what the harness says while the test runs: the beginning is why
		if (split(why, reasons, "; ") < 3)
			why = why (why == "" ? "" : "; ") substr(text, 5)
	} else if (match(text, /^# (not )?ok [0-9]+ /)) {
		inner_seen++
		result(text ~ /^# ok/, substr(text, RLENGTH + 1))
	} else if (match(text, /^(not )?ok [0-9]+ selftests: /)) {
		sum_up(text ~ /^ok/, substr(text, RLENGTH + 1))
	} else if (match(text, /^(not )?ok [0-9]+ /)) {
		result(text ~ /^ok/, substr(text, RLENGTH + 1))
	}
}

# --- leaks ----------------------------------------------------------------------------
#
# They are looked for at the end, but each tells when it was allocated, in jiffies;
# two readings of that clock are in the log.

function read_clock(jiffies) {
	last_clock = clocks++
	if (last_clock > 1)
		last_clock = 1
	clock_time[last_clock] = time
	clock[last_clock] = jiffies
}

# Which test was running when, as a mark for each change
function mark_test() {
	if (suite == marked_suite[nr_marks] && test == marked_test[nr_marks])
		return
	mark[++nr_marks] = time
	marked_suite[nr_marks] = suite
	marked_test[nr_marks] = test
}

function report_leak(jiffies, then, i) {
	i = nr_marks
	if (clock[1] > clock[0]) {
		then = (clock_time[1] - clock_time[0]) / (clock[1] - clock[0])
		then = clock_time[0] + (jiffies - clock[0]) * then
		while (i > 1 && (mark[i] > then || marked_suite[i] == ""))
			i--
	}
	if (!leaks[marked_suite[i]]++) {
		failed[marked_suite[i]]++
		print "splat", marked_suite[i], marked_test[i], leak_line, leak
	}
	leak = ""
}

# --- the end of the machine ---------------------------------------------------------

# Traces of what the kernel does to functions that are in use, and its last words.
# What a guest does to its functions comes as it may among that of the host.
function reboot_line(text, word) {
	split(text, word, " ")
	if (word[1] == "tsm_tdi_step:")
		steps = steps " " word[3] (word[6] == 0 ? "" : "!")
	else if (word[1] == "tsm_viommu:")
		steps = steps " viommu-" word[3] (word[6] == 0 ? "" : "!")
	else if (word[1] == "tsm_session_state:")
		steps = steps " " word[6]
	else if (word[1] == "tsm_devsec_dma:")
		guest_line(word[2], "dma-" substr(word[6], 1, length(word[6]) - 1) \
			(word[7] == 0 ? "" : "!"))
	else if (word[1] == "tsm_devsec_state:")
		guest_line(word[2], word[6])
	else if (text ~ /^reboot: Restarting system/)
		steps = steps " restart"
	else
		return 0
	return 1
}

function guest_line(name, what) {
	if (!(name in guest))
		guest_name[++nr_guests] = name
	guest[name] = guest[name] " " what (steps ~ / restart$/ ? "-late" : "")
}

# One function has a driver: it reaches nothing before anybody is told that it is
# lost, and is not unlocked under it. The other one is unlocked, and may have been
# seen to be lost before.
function judge_guests(i, driven, other) {
	for (i = 1; i <= nr_guests; i++) {
		if (guest[guest_name[i]] == " dma-off lost")
			driven++
		else if (guest[guest_name[i]] ~ /^( lost)? unlocking unlocked$/)
			other++
		else
			fail(test, "the guest's " guest_name[i] ":" guest[guest_name[i]])
	}
	if (driven != 1 || other != 1)
		fail(test, "of the guest, " driven + 0 " with a driver and " \
			other + 0 " without one ended in order, not 1 and 1")
}

function judge_reboot(orderly, quiet, busy, before) {
	quiet = " stop revoke dma-off release ungate destroy"
	# a driver of the guest has its DMA
	busy = " stop revoke dma-off host-dma-off release ungate destroy"
	orderly = " disconnecting" quiet busy quiet " none viommu-destroy restart"
	test = "the end of the machine"
	before = failed[suite]
	if (steps != orderly)
		fail(test, "in the order:" steps ", not:" orderly)
	judge_guests()
	if (failed[suite] == before)
		passed[suite]++
}

# --- lines of the kernel -------------------------------------------------------------

# KUnit: suites at no indent, their tests at 4, parameters of a test deeper
function kunit_line(text) {
	if (text ~ /^    # Subtest: /) {
		open_inner()
		group = substr(text, 16)
		test = "the start of " group
	} else if (text ~ /^    1\.\.[0-9]+/) {
		inner_plan = substr(text, 8) + 0
	} else if (match(text, /^    (not )?ok [0-9]+ /)) {
		inner_seen++
		result(text ~ /^    ok/, group "." substr(text, RLENGTH + 1))
	} else if (match(text, /^(not )?ok [0-9]+ /)) {
		sum_up(text ~ /^ok/, substr(text, RLENGTH + 1))
	} else {
		return 0
	}
	return 1
}

function is_splat(text) {
	if (text ~ /^ *# /)	# what KUnit says of a test
		return 0
	return text ~ /^(WARNING|BUG|INFO|UBSAN|ODEBUG|Oops|DMA-API)[: ]/ ||
		text ~ /(KASAN|KFENCE|kernel BUG|Kernel panic|soft lockup|hard LOCKUP)/ &&
			text !~ /^k(asan|fence): / ||
		text ~ /(rcu|watchdog|workqueue): ?(INFO|BUG):?/ ||
		text ~ /BUG: |UBSAN: |INFO: (task|possible|trying|lockdep|suspicious)/ ||
		text ~ /(suspicious RCU|possible circular locking|sleeping function called)/ ||
		text ~ /(unreferenced object|refcount_t: |ODEBUG: |list_(add|del) corruption)/ ||
		text ~ /(cannot create duplicate|tried to init an initialized object)/ ||
		text ~ /^kmemleak: .*disabled/ ||
		text ~ /(general protection fault|unable to handle |double fault|stack-protector: )/ ||
		text ~ /^-+\[ cut here \]-+/
}

function splat(text) {
	if (FNR < last_splat + window && suite == last_splat_suite)
		return
	last_splat = FNR
	last_splat_suite = suite
	# the line after this one says what it is
	if (text ~ /cut here/)
		pending = FNR
	else
		report_splat(text, FNR)
}

function report_splat(text, at) {
	if (suite == "") {
		between++
		print "splat", "between suites", "after " last, at, text
	} else {
		failed[suite]++
		print "splat", suite, test, at, text
	}
}

function kernel_line(text) {
	if (pending) {
		report_splat(text, pending)
		pending = 0
	} else if (suite == "kit:reboot" && reboot_line(text)) {
		return
	} else if (!kunit_line(text) && is_splat(text)) {
		splat(text)
	}
}

# --- the log ------------------------------------------------------------------------

{
	sub(/\r$/, "")
	if (!match($0, /^\[ *[0-9]+\.[0-9]+\] /))
		next
	time = substr($0, 2, RLENGTH - 3) + 0
	text = substr($0, RLENGTH + 1)
	if (text ~ /^kit\| /) {
		program_line(substr(text, 6))
	} else if (text ~ /^kit: begin /) {
		enter(substr(text, 12), time)
	} else if (text ~ /^kit: end /) {
		leave(substr(text, 10), time)
	} else if (text ~ /^kit: clock [0-9]/) {
		read_clock(substr(text, 12) + 0)
	} else if (text ~ /^kit: timeout /) {
		fail(test, "did not end: " substr(text, 14))
	} else if (text ~ /^kit: all done/) {
		done = 1
	} else {
		kernel_line(text)
	}
	mark_test()
}

END {
	if (pending)
		report_splat("(the log ends here)", pending)
	if (suite != "") {
		seconds[suite] = time - start[suite]
		if (!live && suite == "kit:reboot")
			judge_reboot()
		else if (!live)
			fail(test, "the machine stopped here")
		else
			print "now", suite, test
	}
	for (i = 1; i <= nr_suites; i++) {
		name = begun[i]
		if (name != "boot" || failed[name] || passed[name])
			printf "suite\t%s\t%d\t%d\t%d\t%d\n", name, passed[name], failed[name],
				skipped[name], seconds[name] + 0.5
	}
	if (between)
		print "suite", "between suites", 0, between, 0, 0
	if (done)
		print "done"
}
