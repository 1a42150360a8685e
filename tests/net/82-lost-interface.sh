#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The interface goes while requests come in, while no agent looks, or as one starts:
# deleted, down, renamed, in another namespace. The agent stays, says what happened, and
# meters again when the interface is back; what was counted stays.
. "$(dirname "$0")/lib.sh"

off() { ! attached "$1"; }
ip_s() { ip -n "$NETNS_S" "$@"; }
lost() { # lost NAME REGEX COMMAND...: after the command the log says so, and the agent lives
	makes_say "$1" 10 "${@:2}"
	check "$1: the agent lives" tg status
}
some() { curl_get --retry 5 --retry-all-errors -H 'X-API-Key: before-and-after' "http://$SERVER4:8080/[1-10]"; }
back() { # back NAME: attached by itself, and what comes now is counted, to the request
	local before
	check "$1: attached again" within 10 attached srv0
	before=$(counted requests)
	some
	comes_to "$1: counts on" $((before + 10)) counted requests
}
addresses() { address "$NETNS_S" srv0 "$SERVER4/24" "$SERVER6/64"; }
load_over() { # wrk may have lost its connections for good: it need not have been able to go on
	kill -INT "$LOAD" 2>/dev/null
	wait "$LOAD"
}

sandbox
nginx_start
agent_config
check "starts with no interface at all" eval "ip_s link set srv0 name later0 && agent_start"
matches "and says so" 'srv0: the interface is not there' "$(cat "$TMP/agent.log")"
ip_s link set later0 down
ip_s link set later0 name srv0
ip_s link set srv0 up
check "attached when it comes" within 10 attached srv0
ip_s addr add "$SERVER6/64" dev srv0 nodad
some

# --- under load: nothing that the server saw is missing ------------------------------------
for round in 1 2 3; do
	load_start
	sleep 0.3
	ip_s link set srv0 down
	sleep 0.2
	ip_s link set srv0 up
	ip_s addr add "$SERVER6/64" dev srv0 nodad
	check "down and up, round $round: attached" attached srv0
	load_over
	some
done
counts_equal "down and up under load"
for round in 1 2 3; do
	load_start
	sleep 0.3
	lost "deleted, round $round" 'srv0: the interface is gone' ip_s link del srv0
	load_over
	link_up 1500 || die "veth" "cannot be made again"
	back "deleted, round $round"
done
counts_equal "deleted under load"
conserved "deleted under load"

# --- under load, and alive without the meter: as ever, from when it is back ------------------
load_start
lost "renamed" 'srv0: the interface is gone' ip_s link set srv0 name other0
check "renamed: what nobody configured is not metered" within 10 off other0
check "renamed: no pin is left" within 5 test ! -e "$PINS/links/srv0"
ip_s link set other0 down
ip_s link set other0 name srv0
ip_s link set srv0 up
load_over
back "renamed and back"
load_start
lost "moved" 'srv0: the interface is gone' ip_s link set srv0 netns "$NETNS_C"
load_over
ip -n "$NETNS_C" link set srv0 netns "$NETNS_S"
addresses
back "moved and back"
conserved "renamed and moved"

# --- while no agent looks ---------------------------------------------------------------------
agent_stop
ip_s link del srv0
link_up 1500
check "deleted and made again meanwhile: an agent starts" agent_start
back "deleted and made again meanwhile"
agent_stop KILL
ip_s link set srv0 down
ip_s link set srv0 name other0
check "renamed meanwhile: an agent starts" agent_start
matches "renamed meanwhile: it says what is missing" 'srv0: the interface is not there' "$(tail -n 3 "$TMP/agent.log")"
ip_s link set other0 name srv0
addresses 2>/dev/null || ip_s link set srv0 up
back "renamed meanwhile, and back"

# --- as an agent starts --------------------------------------------------------------------------
for round in {1..6}; do
	agent_stop
	(for _ in 1 2 3 4 5; do
		ip_s link del srv0
		sleep "0.$((round * 3))"
		link_up 1500
		sleep "0.$((round * 2))"
	done) >/dev/null 2>&1 &
	flapping=$!
	agent_start || not_ok "coming and going, round $round" "$(tail -n 1 "$TMP/agent.log")"
	wait "$flapping"
	within 10 attached srv0 || not_ok "coming and going, round $round" "not attached at last"
done
back "coming and going as agents start"
conserved "coming and going"
