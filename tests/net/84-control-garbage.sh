#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Clients of the control socket that send garbage, or far too much, or nothing, or leave
# in the middle: the agent answers the others, meters and enforces as ever, and what no
# request has asked for does not change.
. "$(dirname "$0")/lib.sh"

SEED=${SEED:-$$}
echo "# SEED=$SEED"
misbehave() { timeout 120 /usr/bin/python3 "$NET/garbage_client.py" "$TMP/run/tollgate.sock" "$SEED" "$1"; }
listed() { policy_list && block_list; }
answers() { tg status -o json | jq -e .identity; }
as_ever() { # as_ever NAME: the same agent, which answers, counts and enforces
	check "$1: the CLI is answered" within 10 answers
	check "$1: so is a scrape" metrics
	equal "$1: nothing has changed" "$before" "$(listed)"
	curl_get -H 'X-API-Key: free-token-1' "http://$SERVER4:8080/[1-10]"
	stays_spent "$1: the quota holds"
	counts_equal "$1" --admitted
	check "$1: it is the same agent" kill -0 "$AGENT"
}

up_quotas native
spend_quota
tg block source:192.0.2.77 >/dev/null
wrk_load 2000 "http://$SERVER4:8080/" 8 100
before=$(listed)
descriptors=$(ls "/proc/$AGENT/fd" | wc -l)

check "garbage: each line has an answer" misbehave garbage
as_ever "garbage"
check "too much" misbehave much
as_ever "too much"
check "hanging up" misbehave hang-up
as_ever "hanging up"
background /usr/bin/python3 "$NET/garbage_client.py" "$TMP/run/tollgate.sock" "$SEED" hold
holding=$STARTED_PID
sleep 1.5 # less is not silence
as_ever "100 connections that say nothing"
background /usr/bin/python3 "$NET/garbage_client.py" "$TMP/run/tollgate.sock" "$SEED" stall
sleep 1.5
as_ever "40 that ask and do not read"
check "both are still there" kill "$holding" "$STARTED_PID"
few() { [ "$(ls "/proc/$AGENT/fd" | wc -l)" -le "$descriptors" ]; }
check "no descriptor is left over" within 10 few
conserved "at last"
equal "nothing of it in the log" "" "$(grep -vE 'attached|metering|refused by|free again' "$TMP/agent.log")"
