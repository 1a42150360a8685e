#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A rate lets through no more than rate x time + burst, and no less than 99 % of
# that, under clients who always ask: with a budget for each token, and a shared one.
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=5

# The upper bound counts the time around wrk, its start included, the lower one the
# seconds that it was told to ask for.
bounds() { # bounds NAME TOKEN RATE BURST MS
	local count most=$(($3 * $5 / 1000 + $4)) least=$((99 * ($3 * SECONDS_EACH + $4) / 100))
	count=$(admitted "$2")
	check "$1: $count, at most $most" test "$count" -le "$most"
	check "$1: $count, at least $least" test "$count" -ge "$least"
}
hammer_two() { # hammer_two TOKEN TOKEN: at once. Sets ms
	local began
	began=$(date +%s%3N)
	in_client wrk -t 1 -c 16 -d "${SECONDS_EACH}s" -H "X-API-Key: $1" "http://$SERVER4:8080/" >"$TMP/wrk.1" 2>&1 &
	local other=$!
	in_client wrk -t 1 -c 16 -d "${SECONDS_EACH}s" -H "X-API-Key: $2" "http://$SERVER4:8080/" >"$TMP/wrk.2" 2>&1
	wait "$other"
	ms=$(($(date +%s%3N) - began))
	sleep 0.5
}

up_quotas native
tg quota set 'token:each_*' '100/s burst 20' >/dev/null
hammer_two each_token-A each_token-B
bounds "100/s burst 20, each: A" each_token-A 100 20 "$ms"
bounds "100/s burst 20, each: B" each_token-B 100 20 "$ms"

tg quota set 'token:both_*' '100/s burst 20' --per shared >/dev/null
hammer_two both_token-A both_token-B
bounds "100/s burst 20, shared" both_token 100 20 "$ms"
check "shared: A has some of it" test "$(admitted both_token-A)" -gt 0
check "shared: B has some of it" test "$(admitted both_token-B)" -gt 0

tg quota set 'token:fast_*' '1000/s burst 500' >/dev/null
hammer fast_token-1 "http://$SERVER4:8080/" "$SECONDS_EACH"
bounds "1000/s burst 500, two CPUs" fast_token-1 1000 500 "$HAMMER_MS"

# A rate and a quota together: the tightest says.
tg quota set 'token:also_*' '1000/s burst 50' 300/month >/dev/null
hammer also_token-1 "http://$SERVER4:8080/" 2
equal "a rate with a quota of 300" 300 "$(admitted also_token-1)"

# An unused budget grows to its burst, and not beyond.
tg quota set 'token:rest_*' '60/m burst 5' >/dev/null
equal "60/m burst 5: five at once, then none" "200/0 200/0 200/0 200/0 200/0 429/0" \
	"$(ask rest_token-1 "http://$SERVER4:8080/[1-6]")"
sleep 1.1
equal "a second later: one more" "200/0 429/0" "$(ask rest_token-1 "http://$SERVER4:8080/[1-2]")"
counts_equal "all of it" --admitted
conserved "all of it"
