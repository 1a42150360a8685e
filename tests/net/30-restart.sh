#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The agent is stopped and started again under wrk: the kernel goes on counting,
# the next agent takes the pins over.
. "$(dirname "$0")/lib.sh"

up native
load_start
for round in 1 2 3; do
	sleep 0.3
	agent_stop
	equal "round $round: SIGTERM ends it with 0" 0 "$AGENT_STATUS"
	sleep 0.2
	check "round $round: ready again" agent_start
done
load_stop
counts_equal "three restarts under wrk" --bytes
conserved "after restarts"
