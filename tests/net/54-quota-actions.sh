#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Each action: what the client sees of it, that the server's socket is gone, and
# what is counted.
. "$(dirname "$0")/lib.sh"

# One request under a quota of 1, then a second: on a connection of its own, and on
# the same one. A client that was left in silence sends again long after curl is gone,
# also to the next meter, so that tokens bear the mode in their name.
acts() { # acts NAME HOST ACTION WANTED-OF-CURL WANTED-ON-THE-SAME
	local name="$1, $3" bare=${2#[} type said
	type=$3-${1:0:1}
	tg quota set "token:${type}_*" 1/month --action "$3" >/dev/null || not_ok "$name: quota set"
	equal "$name: within the quota" 200/0 "$(ask "${type}_one" "http://$2:8080/")"
	equal "$name: beyond it" "$4" "$(PATIENCE=2 ask "${type}_one" "http://$2:8080/")"
	server_is_free "$name"
	said=$(raw --patience 2 --count 2 "${bare%]}" 8080 "${type}_two")
	equal "$name: on the same connection ($(jq .ms <<<"$said") ms)" "$5" "$(jq -c '[.statuses, .end]' <<<"$said")"
	server_is_free "$name, the same"
	if [ "$3" = observe ]; then
		counts "$name" 4 "2 0 2" "$type"
	else
		counts "$name" 2 "2 2 0" "$type"
	fi
	tg quota rm "token:${type}_*" >/dev/null || not_ok "$name: quota rm"
}
# The second host's two count on top of the first's.
counts() { # counts NAME LOG "ALLOWED DENIED OBSERVED" TYPE
	equal "$1: nginx's log" $(($2 * ROUND)) "$(admitted "$4_")"
	comes_to "$1: allowed, denied, observed" "$(awk -v n=$ROUND '{ print $1 * n, $2 * n, $3 * n }' <<<"$3")" verdicts "$4"
}
verdicts() { tg usage --by prefix -o json | jq -r --arg of "$1" '[.rows[] | select(.prefix | startswith($of[:8]))] |
	"\(map(.allowed) | add) \(map(.denied) | add) \(map(.observed) | add)"'; }

each_action() { # each_action MODE
	local host
	ROUND=0
	for host in "$SERVER4" "[$SERVER6]"; do
		ROUND=$((ROUND + 1))
		acts "$1 $host" "$host" observe 200/0 '[[200,200],"silence"]'
		acts "$1 $host" "$host" reject 429/0 '[[200,429],"eof"]'
		acts "$1 $host" "$host" reset 000/56 '[[200],"reset"]'
		acts "$1 $host" "$host" drop 000/28 '[[200],"silence"]'
	done
	conserved "$1"
}

up_quotas native
each_action native
meter_in generic
each_action generic
