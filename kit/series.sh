#!/usr/bin/env bash
# Cut the tree into the patches of the series, ready for "git am" on the base.
#
#   kit/series.sh           write build/series/*.patch and the cover letter,
#                           signed off by git's configured identity
#   kit/series.sh --check   prove that "git am" of all of them makes the same
#                           tree as "make tree", bit for bit
#
# series/order says what belongs to which patch, series/NAME.msg is the message
# of patch NAME, series/cover.msg the cover letter. The commits are made in a
# scratch repository that holds only the touched files of the base.
set -euo pipefail
# shellcheck source=kit/checks.sh
. "$(dirname "$0")/checks.sh"

mode=${1:-}
case $mode in
'') out=$kit_build/series ;;
--check) out=$kit_build/series-check/patches ;;
*) die "usage: kit/series.sh [--check]" ;;
esac
scratch=$out.git
order=$kit_top/series/order

cd "$kit_top"
base=$(kit/base.sh)
version=$(make -s -C "$base" kernelversion)

# Who signs off. A check needs somebody, but not you.
identity() {
	local who
	who=$(git -c user.useConfigOnly=true var GIT_COMMITTER_IDENT 2>/dev/null) ||
		if [ -n "$mode" ]; then
			who="Series Check <series-check@localhost> 0"
		else
			die "git does not know who you are, and patches need your sign-off:" \
			    "git config --global user.name 'Your Name';" \
			    "git config --global user.email you@example.org"
		fi
	GIT_AUTHOR_NAME=${who%% <*}
	who=${who#*<}
	GIT_AUTHOR_EMAIL=${who%%>*}
	GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
	export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
}

# Dates that depend on nothing but this repository: its newest commit, and a
# second more for each patch
dates() {
	local from
	from=$(git log -1 --format=%ct 2>/dev/null) || from=1767225600
	GIT_AUTHOR_DATE="$((from + $1)) +0000"
	GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
	export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
}

# git without the habits that a person's configuration gives it
scratch_git() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -C "$scratch" "$@"
}

patches() {
	awk '$1 == "patch" { print $2 }' "$order"
}

# items PATCH KIND: what series/order gives to a patch
items() {
	awk -v patch="$1" -v kind="$2" '
		$1 == "patch" { here = $2 == patch }
		here && $1 == kind { print (NF > 1 ? $2 : "yes") }' "$order"
}

# "PATCH FILE" of each file of the series: the longest "file" line wins
assign() {
	series_files | awk '
		FNR == NR && $1 == "patch" { patch = $2 }
		FNR == NR && $1 == "file" { owner[$2] = patch }
		FNR == NR { next }
		{
			path = $0
			while (path != "" && !(path in owner))
				if (!sub(/\/[^\/]*$/, "", path))
					path = ""
			print (path == "" ? "-" : owner[path]), $0
		}' "$order" -
}

# Everything in exactly one patch, every patch with a message and something in it
verify_order() {
	local bad="" what name
	while read -r what; do
		bad+="series/order: cannot read '$what'"$'\n'
	done < <(awk '!/^(#|$)/ && !/^(patch|file|hook|remove) [^ ]+$/ && $0 != "maintainers"' "$order")
	while read -r what; do
		bad+="series/order: '$what' stands there twice"$'\n'
	done < <(grep -vE '^(#|$)' "$order" | LC_ALL=C sort | uniq -d)
	while read -r what; do
		bad+="$what is in no patch of series/order"$'\n'
	done < <(sed -n 's/^- //p' "$assigned")
	while read -r what; do
		[ -e "$what" ] || bad+="series/order: there is no $what"$'\n'
	done < <(awk '$1 == "file" { print $2 } $1 == "hook" { print "patches/" $2 }' "$order")
	for what in patches/*; do
		grep -qxF "hook ${what#patches/}" "$order" ||
			bad+="$what is in no patch of series/order"$'\n'
	done
	grep -qx maintainers "$order" || bad+="series/order: no patch has the line 'maintainers'"$'\n'
	for name in $(patches) cover; do
		[ -s "series/$name.msg" ] || bad+="there is no series/$name.msg"$'\n'
		[ "$(sed -n 2p "series/$name.msg" 2>/dev/null)" = "" ] ||
			bad+="series/$name.msg: the second line must be empty"$'\n'
		# checkpatch, which comes much later, says so too
		[ "$name" = cover ] || ! grep -qE '^[^ ].{75}' "series/$name.msg" ||
			bad+="series/$name.msg: a line of more than 75 characters"$'\n'
	done
	for what in series/*.msg; do
		name=$(basename "$what" .msg)
		[ "$name" = cover ] || grep -qxF "patch $name" "$order" ||
			bad+="$what: series/order has no such patch"$'\n'
	done
	[ -z "$bad" ] || die "the series does not add up:"$'\n'"${bad%$'\n'}"
}

# Files of the base that the series touches
touched() {
	{
		sed -n 's,^--- a/\([^\t ]*\).*,\1,p' patches/*.patch
		awk '$1 == "remove" { print $2 }' "$order"
		printf 'MAINTAINERS\n'
	} | LC_ALL=C sort -u
}

# start FOLDER: a scratch repository with these files as the base has them
start() {
	local f
	rm -rf "$1"
	mkdir -p "$1"
	while read -r f; do
		[ -f "$base/$f" ] || die "base $version has no $f"
		mkdir -p "$1/$(dirname "$f")"
		cp "$base/$f" "$1/$f"
	done < <(touched)
	scratch=$1
	scratch_git init -q -b series
	scratch_git add -f -A
	dates 0
	scratch_git commit -q -m "Linux $version"
	scratch_git tag base
}

commit_patch() {
	local name=$1 f
	while read -r f; do
		mkdir -p "$scratch/$(dirname "$f")"
		cp "$f" "$scratch/$f"
	done < <(sed -n "s,^$name ,,p" "$assigned")
	while read -r f; do
		patch -p1 -d "$scratch" --force --no-backup-if-mismatch --fuzz=0 -r - -s <"patches/$f" ||
			die "hook patches/$f does not apply to base $version after the patches before $name"
	done < <(items "$name" hook)
	while read -r f; do
		rm "$scratch/$f"
	done < <(items "$name" remove)
	if [ -n "$(items "$name" maintainers)" ]; then
		LC_ALL=C awk -f kit/maintainers.awk MAINTAINERS "$base/MAINTAINERS" >"$scratch/MAINTAINERS" ||
			die "MAINTAINERS does not fit base $version"
	fi
	scratch_git add -f -A
	[ -n "$(scratch_git status --porcelain)" ] ||
		die "patch $name of series/order changes nothing"
	scratch_git commit -q -s -F "$kit_top/series/$name.msg"
}

# The cover letter, with @NAME@ as the number of patch NAME and @BASE@ as the
# base's version, filled anew
cover_letter() {
	local name n=0 script="s/@BASE@/$version/g"
	for name in $(patches); do
		n=$((n + 1))
		script+=";s/@$name@/$n/g"
	done
	# lines that are indented are no prose
	sed "$script" series/cover.msg | awk '
		function flush() {
			if (text != "") print text
			text = ""
		}
		/^$/ || /^ / { flush(); print; next }
		{
			for (i = 1; i <= NF; i++)
				if (text == "") text = $i
				else if (length(text " " $i) <= 72) text = text " " $i
				else { print text; text = $i }
		}
		END { flush() }'
}

make_series() {
	local name n=0 cover
	identity
	mkdir -p "$(dirname "$scratch")"
	assigned=$scratch.files
	assign >"$assigned"
	verify_order
	start "$scratch"
	for name in $(patches); do
		n=$((n + 1))
		dates "$n"
		commit_patch "$name"
	done
	cover=$(cover_letter)
	! grep -o '@[a-zA-Z0-9-]*@' <<<"$cover" || die "series/cover.msg names a patch that is not there"
	scratch_git config branch.series.description "$cover"
	rm -rf "$out"
	scratch_git format-patch -q -o "$out" --cover-letter --cover-from-description=subject \
		--no-renames --zero-commit --no-signature base
	rm -f "$assigned"
}

apply_all() {
	local from=$scratch
	mapfile -t patches < <(find "$out" -name "*.patch" ! -name "0000-*" | LC_ALL=C sort)
	set -- "${patches[@]}"
	start "$from.am"
	scratch_git am -q --whitespace=nowarn "$@" 2>&1
}

# Each file that the patches add, change or remove is in the tree as git am left it
same_files() {
	local status f bad=0 n=0 mode
	while read -r status f; do
		n=$((n + 1))
		if [ "$status" = D ]; then
			[ ! -e "$kit_build/tree/$f" ] || { say "$f: the tree has it"; bad=1; }
			continue
		fi
		cmp "$scratch/$f" "$kit_build/tree/$f" || bad=1
		mode=$([ -x "$scratch/$f" ] && echo yes || echo no)
		[ "$mode" = "$([ -x "$kit_build/tree/$f" ] && echo yes || echo no)" ] ||
			{ say "$f: executable in one of them only"; bad=1; }
	done < <(scratch_git diff --no-renames --name-status base HEAD)
	say "$n files compared"
	[ $n -gt 0 ] && [ $bad -eq 0 ]
}

# Nothing but those differs between the tree and the base
same_rest() {
	local f found=0
	scratch_git diff --no-renames --name-only base HEAD | LC_ALL=C sort >"$scratch.touched"
	# links to the base need not be read
	{ diff -rq --no-dereference -x 'out-*' -x __pycache__ -x .git "$base" "$kit_build/tree" || true; } |
		sed -n -e 's,^Files \(.*\) and .* differ$,\1,p' -e 's,^Only in \(.*\): ,\1/,p' |
		sed -e "s,^$base/*,," -e "s,^$kit_build/tree/*,," >"$scratch.differs"
	while read -r f; do
		# a folder that only one of them has stands for its files
		grep -qxF "$f" "$scratch.touched" || grep -q "^$f/" "$scratch.touched" || {
			say "$f differs from the base, and no patch touches it"
			found=1
		}
	done <"$scratch.differs"
	rm -f "$scratch.touched" "$scratch.differs"
	return $found
}

lay_tree() {
	kit/tree.sh
}

if [ -z "$mode" ]; then
	make_series
	rm -rf "$scratch"
	n=$(patches | wc -l)
	say "$(shown "$out"): $n patches and a cover letter for Linux $version"
	exit 0
fi

check "the series adds up" make_series
if [ $checks_failed -eq 0 ]; then
	identity
	check "tree laid" lay_tree
	check "git am of all patches" apply_all
	scratch=$scratch.am
	check "git am makes the files of the tree" same_files
	check "the tree is the base otherwise" same_rest
fi
checks_end
