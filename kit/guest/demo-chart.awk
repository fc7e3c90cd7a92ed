# SPDX-License-Identifier: GPL-2.0-only
# Draws the messages in a trace buffer as a sequence chart: the requester (the
# platform's TSM) on the left, the device on the right, time runs down.
# What goes through the encrypted session is drawn with double lines.

BEGIN {
	width = 58
	split("QUERY QUERY_RESP KEY_PROG KP_ACK K_SET_GO K_SET_STOP K_GOSTOP_ACK",
	      ide_km)
	printf "%9s  %s%" width - 1 "s\n", "time", "TSM", "device"
}

function fill(char, n,    line) {
	while (length(line) < n)
		line = line char
	return line
}

# Seconds since the first event, from "12.345678:" in the line's head
function clock(head,    n, words) {
	n = split(head, words, " ")
	sub(/:$/, "", words[n])
	if (!started) {
		started = 1
		first = words[n]
	}
	return words[n] - first
}

# field("session"): value of session=...
function field(name,    i) {
	for (i = 1; i <= count; i++)
		if (index(word[i], name "=") == 1)
			return substr(word[i], length(name) + 2)
	return ""
}

/ tsm_session_state: / {
	at = index($0, " tsm_session_state: ")
	count = split(substr($0, at + length(" tsm_session_state: ")), word, " ")
	printf "%8.3fs  |%s|\n", clock(substr($0, 1, at - 1)),
	       centre("state: " word[count])
	next
}

function centre(text,    left) {
	left = int((width - length(text)) / 2)
	return fill(" ", left) text fill(" ", width - left - length(text))
}

/ tsm_sim_spdm: / {
	at = index($0, " tsm_sim_spdm: ")
	when = clock(substr($0, 1, at - 1))
	count = split(substr($0, at + length(" tsm_sim_spdm: ")), word, " ")

	name = word[3]
	if (field("protocol") == "IDE_KM" && field("object") + 1 in ide_km)
		name = "IDE_KM " ide_km[field("object") + 1]
	else if (field("protocol") == "TDISP")
		name = "TDISP " name

	session = field("session")
	secured = session != "0" && session != "0x0"
	if (secured && session != open) {
		open = session
		printf "%9s  |%s|\n", "",
		       centre("session " session ": encrypted from here on")
	}

	dash = secured ? "=" : "-"
	text = name " (" field("len") ")"
	line = fill(dash, width - length(text) - 4)
	if (word[2] == "->")
		printf "%8.3fs  | %s %s>|\n", when, text, line
	else
		printf "%8.3fs  |<%s %s |\n", when, line, text
	messages++
}

END {
	printf "%d messages, length in bytes in parentheses\n", messages
}
