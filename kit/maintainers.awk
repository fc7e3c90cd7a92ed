# Merge the repository's MAINTAINERS into the base's.
#
#   awk -f maintainers.awk OURS BASE
#
# An entry of ours whose title the base has lists what changes there: lines
# that start with "-" leave, lines that start with "+" join, sorted among the
# lines of their kind. Any other entry is new and goes to its place in the
# alphabet. It is an error to remove a line that is not there.

function fail(text) {
	print "MAINTAINERS: " text > "/dev/stderr"
	failed = 1
	exit 1
}

# our file: entries separated by empty lines
FILENAME == ARGV[1] {
	if ($0 == "")
		title = ""
	else if (title == "") {
		title = $0
		ours[++nr_ours] = title
	} else
		body[title] = body[title] $0 "\n"
	next
}

{ line[++nr] = $0 }

# lines of one existing entry, changed as ours says
function changed(title, first, last,	i, n, m, k, ch, text, keep, out, done) {
	n = split(body[title], ch, "\n") - 1
	for (i = first; i <= last; i++)
		keep[++m] = line[i]
	for (k = 1; k <= n; k++) {
		text = substr(ch[k], 2)
		if (ch[k] ~ /^-/) {
			done = 0
			for (i = 1; i <= m; i++)
				if (keep[i] == text) {
					keep[i] = ""
					done = 1
				}
			if (!done)
				fail("entry '" title "' of the base has no line '" text "'")
		} else if (ch[k] ~ /^\+/) {
			# before the first greater line of the same kind, or
			# after the last one
			done = 0
			for (i = 1; i <= m; i++) {
				if (substr(keep[i], 1, 2) != substr(text, 1, 2))
					continue
				done = i
				if (keep[i] > text)
					break
				done = i + 1
			}
			for (i = m; i >= done; i--)
				keep[i + 1] = keep[i]
			keep[done] = text
			m++
		} else
			fail("entry '" title "' exists in the base: write + or - before '" ch[k] "'")
	}
	for (i = 1; i <= m; i++)
		if (keep[i] != "")
			out = out keep[i] "\n"
	return out
}

END {
	if (failed)
		exit 1
	for (i = 1; i < nr; i++)
		if (line[i] !~ /^[A-Z]:\t/ && line[i] != "" && line[i + 1] ~ /^[A-Z]:\t/ &&
		    (i == 1 || line[i - 1] == ""))
			is_title[i] = 1
	# a new entry goes before the least title that is greater: the base's
	# list is sorted, but for a few entries
	for (k = 1; k <= nr_ours; k++) {
		for (i in is_title)
			if (line[i] == ours[k])
				at[k] = i
		if (k in at)
			continue
		if (body[ours[k]] ~ /^[-+]/)
			fail("the base has no entry '" ours[k] "'")
		for (i in is_title)
			if (line[i] > ours[k] && (!(k in at) || line[i] < line[at[k]]))
				at[k] = i
		if (!(k in at))
			fail("no place found for entry '" ours[k] "'")
		before[at[k]] = before[at[k]] ours[k] "\n" body[ours[k]] "\n"
		delete at[k]
	}
	for (k in at)
		change[at[k]] = ours[k]
	for (i = 1; i <= nr; i++) {
		printf "%s", before[i]
		print line[i]
		if (i in change) {
			for (last = i; last < nr && line[last + 1] != ""; last++)
				;
			printf "%s", changed(change[i], i + 1, last)
			i = last
		}
	}
}
