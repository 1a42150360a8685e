#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# More tokens than budgets: those that have one get exactly theirs; who finds no room
# shares the policy's own, which is one more. Nobody is let through for nothing.
. "$(dirname "$0")/lib.sh"

BUDGETS=16 TOKENS=40
owners() { # owners TOKEN N: of how many tokens that begin so, N requests were served
	local i with=0
	for ((i = 10; i < 10 + TOKENS; i++)); do [ "$(admitted "$1$i-")" != "$2" ] || with=$((with + 1)); done
	echo "$with"
}

up_quotas native "limits: {budgets: $BUDGETS}"
# One after the other: the first to come are the ones with a budget.
tg quota set 'token:turn_*' 20/month >/dev/null
for ((i = 10; i < 10 + TOKENS; i++)); do
	ask "turn_$i-token" "http://$SERVER4:8080/[1-25]" >"$TMP/said.$i"
done
equal "in turn: $BUDGETS have a budget, one has what the others share" $((BUDGETS + 1)) "$(owners turn_ 20)"
equal "in turn: nginx's log" $(((BUDGETS + 1) * 20)) "$(admitted turn_)"
comes_to "in turn: allowed, by the usage" $(((BUDGETS + 1) * 20)) counted allowed
equal "in turn: the last is refused at once" "$(printf '429/0 %.0s' {1..25})" "$(cat "$TMP/said.$((9 + TOKENS))") "
equal "in turn: explain says so" denied \
	"$(tg explain --source "$CLIENT4" --token "turn_$((9 + TOKENS))-token" -o json | jq -r .verdict)"

# All at once, from two CPUs.
meter_in native "limits: {budgets: $BUDGETS}"
tg quota set 'token:race_*' 500/month >/dev/null
token_script 10 $((9 + TOKENS)) race_%d-token >"$TMP/race.lua"
in_client wrk -t 2 -c 64 -d 6s -s "$TMP/race.lua" "http://$SERVER4:8080/" >"$TMP/wrk.out" 2>&1
sleep 0.5
equal "at once: $BUDGETS tokens have a budget" "$BUDGETS" "$(owners race_ 500)"
equal "at once: nginx's log" $(((BUDGETS + 1) * 500)) "$(admitted race_)"
comes_to "at once: allowed, by the usage" $(((BUDGETS + 1) * 500)) counted allowed
matches "at once: the list has them all, and the policy's own" "^1[67]\$" \
	"$(tg quota list -o json | jq '.rows[] | select(.subject == "token:race_*") | .budgets')"
counts_equal "all of it" --admitted
conserved "all of it"
