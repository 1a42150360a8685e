#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# More tokens than rows, and rows that idle out between bursts: what finds no
# row is counted by token and by source all the same, and no count is lost.
. "$(dirname "$0")/lib.sh"

entries() { tg status -o json | jq ".maps[] | select(.map == \"$1\") | .entries"; }
has_rows() { [ "$(entries "$1")" -gt "$2" ]; }
empty() { [ "$(entries "$1")" = 0 ]; }

sandbox
nginx_start
agent_config '[{name: srv0, mode: native}]' '[8080]' 'limits: {usage: 16, usage_idle: 1s, flow_idle: 1s}'
agent_start || die "agent" "not ready"
wrk_load 20000 "http://$SERVER4:8080/" 8 20
check "some tokens found no row" has_rows token_spill 20
counts_equal "61 tokens, 16 rows" --bytes
conserved "61 tokens, 16 rows"
for round in 1 2 3; do
	check "round $round: idle rows are retired" within 20 empty usage
	check "round $round: idle connections are forgotten" within 20 empty flows
	wrk_load 5000 "http://$SERVER4:8080/" 8 20
done
counts_equal "after retirements" --bytes
conserved "after retirements"
# While rows are retired, requests for the same rows go on.
load_start
sleep 6
load_stop
counts_equal "under load" --bytes
# Sources, too, add up.
equal "by source, the total is the same" "$(wc -l <"$TMP/nginx/access.log")" \
	"$(tg usage --by source -o json | jq '[.rows[].requests] | add')"
