# shellcheck shell=bash
# Fetch one package of another Debian suite from the mirror that this machine
# uses, without touching the system's sources and lists. Sourced, never run.

apt_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Where this machine gets Debian's main archive from
apt_mirror() {
	local uri
	# shellcheck disable=SC2016 # the $() are apt's
	uri=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$2 == "Debian" && $3 == "Debian" && $4 == "main" { print $1; exit }')
	if [ -z "$uri" ]; then
		# a fresh machine has no lists yet: the sources file tells
		uri=$(grep -hoE '(https?|file)://[^ ]*/debian/?( |$)' \
			/etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 | tr -d ' ') || true
	fi
	[ -n "$uri" ] && printf '%s\n' "$uri"
}

# apt_private STATE VERB...: apt-get with the lists under STATE and nothing of
# the system's
apt_private() {
	local state=$1
	shift
	apt-get -q \
		-o Dir::Etc::SourceList="$state/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State::Lists="$state/lists" \
		-o Dir::Cache="$state/cache" \
		-o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none -o Acquire::Retries=2 \
		-o Acquire::http::Timeout=30 \
		"$@"
}

# apt_lists STATE deb|deb-src SUITE LOG: read the mirror's list of a suite
apt_lists() {
	local state=$1 type=$2 suite=$3 log=$4 uri
	uri=$(apt_mirror) || return 1
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	printf '%s [signed-by=%s] %s %s main\n' "$type" "$apt_keyring" "$uri" "$suite" \
		>"$state/sources.list"
	apt_private "$state" update -o APT::Update::Error-Mode=any >"$log" 2>&1
}
