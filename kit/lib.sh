# shellcheck shell=bash
# What all scripts of the kit share: where things are, and how they speak to
# the person who waits for them. Sourced, never run.

kit_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kit_build=${TSM_BUILD:-$kit_top/build}
kit_logs=$kit_build/logs
kit_results=$kit_build/results
kit_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tsm-kit
kit_jobs=$(nproc)

mkdir -p "$kit_logs"

# the kernel's make is not a part of ours: no variables, no job server
unset MAKEFLAGS MFLAGS MAKELEVEL

# say TEXT...: one line for the person who watches
say() {
	printf '%s\n' "$*"
}

# die TEXT...: the reason, and the end
die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# minutes SECONDS: 0:07
minutes() {
	printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# shown PATH: as the person who called make knows it
shown() {
	printf '%s' "${1#"$kit_top"/}"
}

# how_far LOG: what a step that writes LOG is at
how_far() {
	local objects
	objects=$(grep -cE '^  (CC|AS|HOSTCC|LD|AR)  ' "$1") || true
	if [ "$objects" -gt 0 ]; then
		printf '%s objects  ' "$objects"
	else
		printf '%s lines  ' "$(wc -l <"$1")"
	fi
	tail -c 400 "$1" | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | tr -s ' \t' ' ' | cut -c1-60 || true
}

# run_logged NAME WHAT COMMAND...: run a long step with its output in
# build/logs/NAME.log, showing how far it is; on failure show why.
run_logged() {
	local what=$2 log=$kit_logs/$1.log start=$SECONDS pid rc=0
	local every=20 next=20 tty=no now
	shift 2
	if [ -t 1 ]; then
		tty=yes every=1 next=0
	else
		say "$what ..."
	fi
	mkdir -p "$(dirname "$log")"
	# a process group of its own, as Ctrl-C does not reach the background
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	set +m
	# shellcheck disable=SC2064 # this pid, now
	trap "kill -- -$pid 2>/dev/null; exit 130" INT TERM
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		now=$((SECONDS - start))
		[ "$now" -ge "$next" ] || continue
		next=$((now + every))
		if [ $tty = yes ]; then
			printf '\r\033[K%s  %s  %s' "$what" "$(minutes "$now")" "$(how_far "$log")"
		else
			say "  $(minutes "$now")  $(how_far "$log")"
		fi
	done
	wait "$pid" || rc=$?
	trap - INT TERM
	[ $tty = no ] || printf '\r\033[K'
	if [ "$rc" -ne 0 ]; then
		say "$what: FAILED after $(minutes $((SECONDS - start))), log: $(shown "$log")"
		grep -nE 'error|Error|warning:|\*\*\*' "$log" | tail -n 15 || tail -n 15 "$log"
		return "$rc"
	fi
	say "$what: done in $(minutes $((SECONDS - start)))"
}

# The compiler cache works across clones: O= right below the source tree makes
# the kernel use relative paths, and time and user are the same everywhere.
kernel_env() {
	export CCACHE_DIR=$kit_cache/ccache CCACHE_MAXSIZE=8G CCACHE_NOHASHDIR=1
	export KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=tsm KBUILD_BUILD_HOST=tsm
	export KBUILD_BUILD_VERSION=1
	mkdir -p "$CCACHE_DIR"
}

# kernel_make TREE OUT TARGET...: the kernel's make, out of tree and cached
kernel_make() {
	local tree=$1 out=$2
	shift 2
	kernel_env
	make -C "$tree" O="$out" CC='ccache gcc' HOSTCC='ccache gcc' -j"$kit_jobs" "$@"
}

# record SUITE PASSED FAILED SKIPPED SECONDS: one row of the summary
record() {
	mkdir -p "$kit_results"
	printf '%s\t%d\t%d\t%d\t%d\n' "$@" >>"$kit_results/summary"
}
