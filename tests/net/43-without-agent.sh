#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# usage and status read the pins when no agent runs; detach takes all away.
. "$(dirname "$0")/lib.sh"

sandbox
nginx_start
agent_config
refute "usage, before anything: fails" tg usage
refute "status, before anything: fails" tg status
agent_start || die "agent" "not ready"
curl_get -H 'X-API-Key: lonely-token' "http://$SERVER4:8080/[1-9]"
counts_equal "with the agent" --bytes
equal "with the agent: no warning" "" "$(tg usage 2>&1 >/dev/null)"
# One that hangs, then one whose socket is gone: the maps answer, with a warning.
deaf() { # deaf NAME
	local began=$SECONDS warning
	warning=$(tg usage --by token -o json 2>&1 >"$TMP/deaf")
	check "$1: usage does not wait long" test $((SECONDS - began)) -lt 20
	equal "$1: usage answers" 9 "$(jq .total.requests "$TMP/deaf")"
	equal "$1: in one line on stderr" 1 "$(grep -c . <<<"$warning")"
	matches "$1: the warning" '^tollgate: an agent runs, but does not answer' "$warning"
	matches "$1: status says so, too" '^Agent: *running, but does not answer' "$(tg status 2>/dev/null)"
}
kill -STOP "$AGENT"
deaf "the agent hangs"
kill -CONT "$AGENT"
equal "goes on: no warning" "" "$(tg usage 2>&1 >/dev/null)"
rm "$TMP/run/"*
deaf "the socket is gone"
agent_stop KILL
curl_get -H 'X-API-Key: lonely-token' "http://$SERVER4:8080/[1-9]"
counts_equal "without it" --bytes
check "status without it" tg status
matches "status names the interface" srv0 "$(tg status)"
matches "status says that no agent runs" '[Nn]o.*agent|agent.*not running|not running' "$(tg status)"
check "detach" tg detach
refute "no program is left" in_server bash -c 'ip -d link show dev srv0 | grep prog/xdp'
equal "no pin is left" "" "$(find "$PINS" -type f 2>/dev/null)"
curl_get "http://$SERVER4:8080/"
refute "usage, after all: fails" tg usage
check "detach, with nothing there, is no error" tg detach
