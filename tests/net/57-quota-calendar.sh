#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A calendar quota across a real boundary, with no agent there: the kernel opens the
# next period by itself, once.
. "$(dirname "$0")/lib.sh"

second() { echo $((10#$(date +%S))); }
minute() { date +%H:%M; }
until_second() { while [ "$(second)" -ne "$1" ]; do sleep 0.1; done; }

up_quotas native 'time_zone: Asia/Kathmandu' # +05:45: whole minutes, but no whole hours
tg quota set 'token:tick_*' 500/minute >/dev/null
now=$(second)
if [ "$now" -lt 44 ] || [ "$now" -gt 48 ]; then until_second 46; fi
before=$(minute)
hammer tick_token-1 "http://$SERVER4:8080/" 2
equal "in the first minute" 500 "$(admitted tick_token-1)"
said=$(raw "$SERVER4" 8080 tick_token-1)
left=$((60 - $(second)))
check "Retry-After is what the minute has left, $(jq -r .retry_after <<<"$said") s" \
	test $(($(jq -r .retry_after <<<"$said") - left)) -ge 0 -a $(($(jq -r .retry_after <<<"$said") - left)) -le 2
agent_stop KILL
equal "the agent was killed in the same minute" "$before" "$(minute)"
until_second 0
sleep 0.1
after=$(minute)
hammer tick_token-1 "http://$SERVER4:8080/" 2
equal "in the next, without an agent" 1000 "$(admitted tick_token-1)"
check "another agent" agent_start
hammer tick_token-1 "http://$SERVER4:8080/" 1
equal "that was all in one minute" "$after" "$(minute)"
equal "which the other agent does not open again" 1000 "$(admitted tick_token-1)"
matches "explain says when the next begins" '0 left, next in [1-5]?[0-9]s' \
	"$(tg explain --source "$CLIENT4" --token tick_token-1)"
conserved "all of it"
