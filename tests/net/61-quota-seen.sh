#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What people see of quotas: verdicts in usage and top, the metrics of the contract,
# and usage by policy, which adds up.
. "$(dirname "$0")/lib.sh"

value() { sed -n "s/^$1 //p" <<<"$page"; } # value SERIES: a regex
pane() { tmux -S "$TMP/tmux" capture-pane -p; }
shows() { pane | grep -qE -- "$1"; }

up_quotas native
tg quota set 'token:seen_*' 10/month '100/h burst 50' >/dev/null
tg quota set 'token:look_*' 4/month --action observe >/dev/null
tg quota set "source:$CLIENT4" 100/month --per shared >/dev/null
tg block source:203.0.113.9 --for 1h >/dev/null
tg block source:2001:db8:9::/64 >/dev/null
ask seen_token-1 "http://$SERVER4:8080/[1-15]" >/dev/null
ask look_token-1 "http://$SERVER4:8080/[1-7]" >/dev/null
ask free_token-1 "http://[$SERVER6]:8080/1" "http://[$SERVER6]:8080/2" >/dev/null

# --- usage --------------------------------------------------------------------------
verdicts() { tg usage --by "$1" -o json | jq -c "[.rows[] | [.$1, .requests, .allowed, .denied, .observed]] | sort"; }
comes_to "usage by prefix" '[["free_tok",2,2,0,0],["look_tok",7,4,0,3],["seen_tok",15,10,5,0]]' verdicts prefix
# Of what several allow, one is named; of what one refuses, that one.
equal "usage by policy: who refused" '[["token:look_*",0,3],["token:seen_*",5,0]]' \
	"$(tg usage --by policy -o json | jq -c '[.rows[] | select(.denied + .observed > 0) | [.policy, .denied, .observed]] | sort')"
equal "usage by policy: what is under none" 2 "$(tg usage --by policy -o json | jq '.rows[] | select(.policy == "-") | .allowed')"
for by in policy token source interface; do
	equal "usage by $by: rows add up to the total" "24 16 5 3" "$(tg usage --by $by -o json | jq -r '
		if ([.rows[].requests] | add) == .total.requests and ([.rows[].denied] | add) == .total.denied
		then "\(.total.requests) \(.total.allowed) \(.total.denied) \(.total.observed)" else "they do not" end')"
done
equal "what was allowed or observed is what nginx served" 19 "$(admitted '')"

# --- metrics --------------------------------------------------------------------------
page=$(metrics)
check "promtool check metrics is clean" promtool check metrics <<<"$page"
equal "promtool says nothing" "" "$(promtool check metrics <<<"$page" 2>&1)"
equal "allowed" 10 "$(value 'tollgate_requests_total{interface="srv0",token="seen_tok",verdict="allowed"}')"
equal "denied" 5 "$(value 'tollgate_requests_total{interface="srv0",token="seen_tok",verdict="denied"}')"
equal "observed" 3 "$(value 'tollgate_requests_total{interface="srv0",token="look_tok",verdict="observed"}')"
equal "limit, a quota" 10 "$(value 'tollgate_budget_limit{subject="token:seen_\*",limit="10\/month"}')"
equal "remaining, a quota" 0 "$(value 'tollgate_budget_remaining{subject="token:seen_\*",limit="10\/month"}')"
equal "limit, a rate: its burst" 50 "$(value 'tollgate_budget_limit{subject="token:seen_\*",limit="100\/h burst 50"}')"
equal "remaining, a rate" 40 "$(value 'tollgate_budget_remaining{subject="token:seen_\*",limit="100\/h burst 50"}')"
equal "remaining, shared by a source" 83 "$(value 'tollgate_budget_remaining{subject="source:192.0.2.1",limit="100\/month"}')"
equal "blocks by hand" 2 "$(value 'tollgate_blocks{reason="manual"}')"
equal "blocks by rule" 0 "$(value 'tollgate_blocks{reason="rule"}')"
equal "all verdicts add up to all requests" 24 "$(awk '/^tollgate_requests_total/ { n += $NF } END { print n }' <<<"$page")"

# --- tables -----------------------------------------------------------------------------
matches "usage has a column for each verdict" 'ALLOWED +DENIED +OBSERVED' "$(tg usage --by token)"
matches "quota list has what is left" 'seen_\* .*10/month.* 0 +10' "$(tg quota list)"
equal "csv, too" 4 "$(tg quota list -o csv | grep -cE '^(token|source):')"
(while :; do ask seen_token-1 "http://$SERVER4:8080/[1-50]" >/dev/null; done) &
STARTED+=($!)
LC_ALL=C.UTF-8 TERM=xterm-256color in_server tmux -S "$TMP/tmux" -f /dev/null new-session -d -x 100 -y 24 \
	"$TG top -c $TMP/etc/tollgate.yaml; exec cat"
check "top shows who is denied" within 10 shows 'seen_tok.* [1-9]'
check "top has the verdict's column" shows '[Dd]enied|DENIED'
tmux -S "$TMP/tmux" send-keys q
tmux -S "$TMP/tmux" kill-server
