#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Quotas without their agent, and across all that an agent goes through: no budget
# is granted twice, none is taken away.
. "$(dirname "$0")/lib.sh"

program_id() { tg status -o json | jq -r '.interfaces[0].program_id'; }
swapped() { [ "$(program_id)" != "$1" ]; }
quota() { tg quota set "token:${1%%_*}_*" "$2/month" >/dev/null || not_ok "quota set $1"; }
exactly() { # exactly NAME TOKEN WANTED
	hammer "$2" "http://$SERVER4:8080/" 1
	equal "$1: nginx's log" "$3" "$(admitted "$2")"
	comes_to "$1: allowed, by the usage" "$3" counted allowed "$2"
	check "$1: the rest was denied" test "$(counted denied "$2")" -ge "$(refused_by_wrk)"
}

up_quotas native
# Half of it before the agent goes, and all of it for one that had none before.
for signal in TERM KILL; do
	quota "half${signal}_" 1000
	quota "full${signal}_" 1000
	equal "SIG$signal: 400 before" "$(printf '200/0 %.0s' {1..400})" "$(ask "half${signal}_token-1" "http://$SERVER4:8080/[1-400]") "
	agent_stop "$signal"
	exactly "SIG$signal, no agent: what was left" "half${signal}_token-1" 1000
	exactly "SIG$signal, no agent: a token that is new" "full${signal}_token-1" 1000
	check "SIG$signal: ready again" agent_start
	exactly "SIG$signal, another agent: nothing more" "half${signal}_token-1" 1000
	equal "SIG$signal: quota list is as it was" 'reject 0' \
		"$(tg quota list -o json | jq -r ".rows[] | select(.subject == \"token:full${signal}_*\") | \"\(.action) \(.remaining)\"")"
done

# Under load: reload, another program, another agent.
quota "load_" 50000
echo 'function delay() return 20 end' >"$TMP/slowly.lua" # 64 connections: 3,200 requests a second, not more
background "${IN_CLIENT[@]}" wrk -t 2 -c 64 -d 60s -s "$TMP/slowly.lua" -H "X-API-Key: load_token-12" "http://$SERVER4:8080/" >"$TMP/wrk.out" 2>&1
load=$STARTED_PID
sleep 0.3
kill -HUP "$AGENT"
before=$(program_id)
agent_config '[{name: srv0, mode: native}]' '[8080, 8081, 9001]'
kill -HUP "$AGENT"
check "under load: another program" within 5 swapped "$before"
agent_stop KILL
check "under load: another agent" agent_start
sofar=$(admitted load_)
check "under load: all that before the quota is spent, at $sofar" test "$sofar" -gt 0 -a "$sofar" -lt 50000
spent() { [ "$(counted denied load_token-12)" -gt 0 ]; }
check "under load: spent at last" within 40 spent
kill -INT "$load"
wait "$load"
sleep 0.5
equal "under load: nginx's log" 50000 "$(admitted load_)"
comes_to "under load: allowed, by the usage" 50000 counted allowed load_token-12
counts_equal "all of it" --admitted
server_is_free "after all"
conserved "after all"
