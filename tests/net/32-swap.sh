#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The program is swapped under wrk, by SIGHUP and by a new agent: atomically, so
# that no packet passes between the old and the new.
. "$(dirname "$0")/lib.sh"

program_id() { tg status -o json | jq -r '.interfaces[0].program_id'; }
swapped() { [ "$(program_id)" != "$1" ]; }

up native
load_start
for round in 1 2 3; do
	sleep 0.2
	before=$(program_id)
	# A port more is a new program: ports are constants of it.
	agent_config '[{name: srv0, mode: native}]' "[8080, 8081, 900$round]"
	kill -HUP "$AGENT"
	check "round $round: SIGHUP brings another program" within 5 swapped "$before"
done
before=$(program_id)
agent_stop
check "a new agent is ready" agent_start
check "and brings another program" swapped "$before"
load_stop
counts_equal "four swaps under wrk" --bytes
conserved "after swaps"

# A configuration that does not stand changes nothing.
before=$(program_id)
echo 'nonsense: true' >>"$TMP/etc/tollgate.yaml"
kill -HUP "$AGENT"
sleep 1
check "the agent lives through a bad configuration" kill -0 "$AGENT"
agent_config
equal "and keeps its program" "$before" "$(program_id)"
