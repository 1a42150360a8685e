#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Blocks, by hand and by a policy's rule: what they shut out, for how long, what they
# leave alone, and what the journal says of it.
. "$(dirname "$0")/lib.sh"

URL=http://$SERVER4:8080/
PATIENCE=1
row() { tg blocks -o json | jq -c ".rows[] | select(.subject == \"$1\") | [.reason, .text, .expires == \"-\"]"; }
lines() { grep -c -- "$1" "$TMP/agent.log"; }
from() { # from ADDRESS [URL]: one request
	ask some_token-1 --interface "$1" "${2:-$URL}"
}
refused_with() { # refused_with NAME STATUS REGEX VERB ARGUMENT...: one line on stderr
	local name=$1 status=$2 regex=$3 said found
	shift 3
	said=$(tg "$@" 2>&1 >/dev/null)
	found=$?
	equal "$name: exit status" "$status" "$found"
	equal "$name: one line" 1 "$(grep -c . <<<"$said")"
	matches "$name: what it says" "$regex" "$said"
}

up_quotas native 'never_block: [192.0.2.11, "2001:db8:0:1::/64"]'
for address in 192.0.2.11 192.0.2.12 192.0.2.77; do ip -n "$NETNS_C" addr add "$address/24" dev cli0; done
for address in 2001:db8:0:1::1 2001:db8:0:2::1; do ip -n "$NETNS_C" addr add "$address/48" dev cli0 nodad; done
ip -n "$NETNS_S" addr add 2001:db8:0:ffff::2/48 dev srv0 nodad
URL6="http://[2001:db8:0:ffff::2]:8080/"

# --- by hand ------------------------------------------------------------------------
equal "before: answered" "200/0 200/0" "$(from 192.0.2.12) $(from 2001:db8:0:2::1 "$URL6")"
check "block an address" tg block source:192.0.2.12 --reason 'ticket 1234'
equal "it is in silence" 000/28 "$(from 192.0.2.12)"
equal "others are not" "200/0 200/0" "$(from 192.0.2.77) $(from 192.0.2.1)"
equal "blocks: manual, why, without end" '["manual","ticket 1234",true]' "$(row source:192.0.2.12)"
check "and how many packets" test "$(tg blocks -o json | jq '.rows[] | select(.reason == "manual") | .packets')" -gt 0
matches "explain says so" 'source:192\.0\.2\.12.* blocked' "$(tg explain --source 192.0.2.12)"
check "unblock it" tg unblock source:192.0.2.12
equal "answered again" 200/0 "$(from 192.0.2.12)"
refused_with "unblock it twice" 1 'not blocked' unblock source:192.0.2.12

check "block an IPv6 network" tg block source:2001:db8:0:2::/64
equal "IPv6: in silence" 000/28 "$(from 2001:db8:0:2::1 "$URL6")"
equal "IPv6: others are not" "200/0 200/0" "$(from 2001:db8::1 "$URL6") $(from 192.0.2.12)"
check "unblock it" tg unblock source:2001:db8:0:2::/64

# A connection that is open already.
background "${IN_CLIENT[@]}" /usr/bin/python3 "$NET/open_connection.py" "$SERVER4" 8080 "$TMP/go" >"$TMP/open.out" 2>&1
within 5 grep -q before "$TMP/open.out"
equal "an open connection: five answers" 5 "$(admitted long-conn)"
check "block it" tg block "source:$CLIENT4"
touch "$TMP/go"
server_is_free "an open connection, blocked"
equal "no further answer" 5 "$(admitted long-conn)"
kill "$STARTED_PID"
check "unblock it" tg unblock "source:$CLIENT4"

# A token, by its id.
ask evil_token-1 "$URL" >/dev/null
ask evil_token-2 "$URL" >/dev/null
id=$(tg explain --source "$CLIENT4" --token evil_token-1 -o json | jq -r .token_id)
check "block a token" tg block "token-id:$id"
equal "it is in silence" 000/28 "$(ask evil_token-1 "$URL")"
equal "another with its prefix is not" 200/0 "$(ask evil_token-2 "$URL")"
equal "blocked requests do not reach nginx's log" 1 "$(admitted evil_token-1)"
server_is_free "a blocked token"
check "unblock it" tg unblock "token-id:$id"
equal "answered again" 200/0 "$(ask evil_token-1 "$URL")"

# --- never_block ------------------------------------------------------------------------
check "block a network with one in it that is never blocked" tg block source:192.0.2.0/24
equal "the network is, the one is not" "000/28 200/0" "$(from 192.0.2.77) $(from 192.0.2.11)"
check "unblock it" tg unblock source:192.0.2.0/24
refused_with "block that one" 1 '192\.0\.2\.11.*never_block' block source:192.0.2.11
refused_with "block in its IPv6 network" 1 'never_block' block source:2001:db8:0:1::/64
refused_with "a policy for it" 2 'never_block' quota set source:192.0.2.11 5/s
equal "neither holds" "200/0 200/0" "$(from 192.0.2.11) $(from 2001:db8:0:1::1 "$URL6")"

# --- for a time, and over restarts ---------------------------------------------------------
check "block for 3 s" tg block source:192.0.2.12 --for 3s
check "block for good" tg block source:192.0.2.77 --reason 'for good'
agent_stop KILL
equal "no agent: both in silence" "000/28 000/28" "$(from 192.0.2.12) $(from 192.0.2.77)"
sleep 1.5
equal "no agent, 3 s later: one is free" "200/0 000/28" "$(from 192.0.2.12) $(from 192.0.2.77)"
check "another agent" agent_start
equal "the other is still blocked" '["manual","for good",true]' "$(row source:192.0.2.77)"
comes_to "the one is off the list" "" row source:192.0.2.12
agent_stop
tg detach >/dev/null
check "an agent with new maps, as after a reboot" agent_start
equal "blocks again" "000/28 200/0" "$(from 192.0.2.77) $(from 192.0.2.12)"
check "unblock it" tg unblock source:192.0.2.77
agent_stop
check "another agent" agent_start
equal "it stays free" 200/0 "$(from 192.0.2.77)"

# --- by a rule --------------------------------------------------------------------------------
lasts=$((TG_PATIENCE < 14 ? 4 * TG_PATIENCE : 56))s # longer than what is asked below takes
check "a policy with a rule" tg quota set 'token:rule_*' 1/month --block "after 20 denials in 10s for $lasts"
equal "15 denials" 200/0 "$(ask rule_token-1 "${URL}[1-16]" | cut -d' ' -f1)"
sleep 1.5
equal "are not yet enough" 429/0 "$(ask rule_token-1 "$URL")"
ask rule_token-1 "${URL}[1-10]" >/dev/null
by_rule() { tg blocks -o json | jq '[.rows[] | select(.reason == "rule")] | length'; }
comes_to "20 are" 1 by_rule
equal "in silence" 000/28 "$(ask rule_token-1 "$URL")"
equal "the metrics know" 1 "$(metrics | sed -n 's/^tollgate_blocks{reason="rule"} //p')"
equal "another token under the policy is not" "200/0 429/0" "$(ask rule_token-2 "${URL}[1-2]")"
lifted() { [ "$(by_rule)" = 0 ]; }
check "lifted by time" within 8 lifted
equal "refused as before" 429/0 "$(ask rule_token-1 "$URL")"
matches "the journal says so" "rule_tok.*blocked for $lasts: .* denials in 10 s under policy token:rule_\\*" "$(cat "$TMP/agent.log")"

# --- the journal ----------------------------------------------------------------------------------
tg quota set 'token:talk_*' '5/s' >/dev/null
hammer talk_token-1 "$URL" 3
check "thousands were refused" test "$(counted denied talk_token-1)" -gt 1000
equal "one line says that" 1 "$(lines 'talk_tok.*refused by policy')"
equal "none that it is over" 0 "$(lines 'talk_tok.*free again')"
over() { [ "$(lines 'talk_tok.*free again')" -gt 0 ]; }
check "in 10 s to 15 s of quiet it is" within 15 over
equal "and one line says that" 1 "$(lines 'talk_tok.*free again')"
ask talk_token-1 "${URL}[1-20]" >/dev/null
again() { lines 'talk_tok.*refused by policy'; }
comes_to "refused again: another line" 2 again
conserved "all of it"
