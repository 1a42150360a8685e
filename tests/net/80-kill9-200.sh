#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The agent is killed 200 times, at random moments of its start and of its work, while
# clients ask, a quota and a block are in force, and policies come and go: each request
# counts once, the quota lets through what it says, no budget is handed out twice or lost.
. "$(dirname "$0")/lib.sh"

KILLS=200 BUDGETS=64 QUOTA=500
BLOCKED=192.0.2.77
SEED=${SEED:-$$}
RANDOM=$SEED
echo "# SEED=$SEED"

agent_spawn() { # no waiting for anything
	"${IN_SERVER[@]}" "$TG" run -c "$TMP/etc/tollgate.yaml" >>"$TMP/agent.log" 2>&1 &
	AGENT=$!
}
moment() { # moment MS: up to so long
	local ms=$((RANDOM % $1))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}
clean_books() { rm -rf "$PINS" "$TMP/state"; }

# --- while it makes its maps ----------------------------------------------------------
sandbox
nginx_start
answers_arrive || die "sandbox" "no program on cli0"
agent_config '[{name: srv0, mode: native}]' '[8080, 8081]' "limits: {budgets: $BUDGETS}"
agent_up
agent_stop
for round in {1..8}; do
	clean_books
	agent_spawn
	moment 300
	agent_stop KILL
	agent_start || not_ok "killed as it made its maps, round $round" "$(tail -n 1 "$TMP/agent.log")"
	agent_stop
done
check "8 times killed as it made its maps: the next agent starts" agent_start
equal "and meters" true "$(tg status -o json | jq '.interfaces[0].attached')"

# --- under load -----------------------------------------------------------------------
ip -n "$NETNS_C" addr add "$BLOCKED/24" dev cli0
check "a quota" tg quota set 'token:kept_*' "$QUOTA/month"
check "a block" tg block "source:$BLOCKED" --reason 'a test'
token_script 10 49 free_%d-token churn_%d-token kept_token-1 >"$TMP/load.lua"
echo 'function delay() return 1 end' >>"$TMP/load.lua"
background "${IN_CLIENT[@]}" wrk -t 1 -c 6 -d 600s -s "$TMP/load.lua" "http://$SERVER4:8080/" >"$TMP/wrk.out" 2>&1
load=$STARTED_PID
churn() { # policies come and go; most often the agent dies meanwhile
	while [ ! -e "$TMP/enough" ]; do
		tg quota set 'token:churn_*' 5/month
		sleep 0.05
		tg quota rm 'token:churn_*'
	done
}
knock() {
	while [ ! -e "$TMP/enough" ]; do
		in_client curl -s -m 0.2 --interface "$BLOCKED" "http://$SERVER4:8080/blocked"
	done
}
churn >/dev/null 2>&1 &
CHURN=$!
knock >/dev/null 2>&1 &
KNOCK=$!
STARTED+=("$CHURN" "$KNOCK")
agent_stop KILL
missing=0
for ((kill = 2; kill <= KILLS; kill++)); do
	before=$(log_count 'metering by')
	agent_spawn
	case $((kill % 8)) in
	0) # at work
		within 30 log_says 'metering by' $((before + 1)) || missing=$((missing + 1))
		moment 400
		;;
	4) moment 1500 ;; # as it comes ready, more or less
	*) moment 500 ;;  # as it starts
	esac
	agent_stop KILL
done
equal "$KILLS kills: who was let come ready came" 0 "$missing"
touch "$TMP/enough"
wait "$CHURN" "$KNOCK"
check "another agent" agent_start
kill -INT "$load" || not_ok "load" "over too early: $(tail -n 2 "$TMP/wrk.out" | tr '\n' ' ')"
wait "$load"
check "there was load all the while" answered_many 5000
equal "the quota let through" "$QUOTA" "$(admitted kept_token-1)"
equal "the block let through" 0 "$(grep -c "\"addr\":\"$BLOCKED\"" "$TMP/nginx/access.log")"
comes_to "allowed, by the usage" "$QUOTA" counted allowed kept_token-1
counts_equal "all tokens" --admitted
conserved "after $KILLS kills"
equal "blocks" "source:$BLOCKED" "$(tg blocks -o json | jq -r '[.rows[].subject] | join(" ")')"
equal "no agent complains of what one before it left" "" \
	"$(grep -E 'cannot be read|not JSON|mend the file' "$TMP/agent.log" | head -n 2)"

# --- the slots of budgets ----------------------------------------------------------------
# Each start frees what the one before it retired.
tg quota rm 'token:churn_*' >/dev/null 2>&1
tg quota rm 'token:kept_*' >/dev/null
for _ in 1 2 3; do
	agent_stop
	agent_start || not_ok "a restart" "$(tail -n 1 "$TMP/agent.log")"
done
sleep 1.2
tg quota set 'token:fill_*' 1/month >/dev/null
fill() { # fill N: one request of so many tokens
	local i
	for ((i = 100; i < 100 + $1; i++)); do ask "fill_$i-token" "http://$SERVER4:8080/fill"; done >/dev/null
}
fill $((BUDGETS + 3))
equal "no slot is lost or there twice: $BUDGETS and the policy's own" $((BUDGETS + 1)) "$(admitted fill_)"
agent_stop
