#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kill -9 of the agent under wrk: nothing is lost, nothing counts twice.
. "$(dirname "$0")/lib.sh"

up native
load_start
for round in 1 2 3; do
	sleep 0.3
	agent_stop KILL
	sleep 0.2
	check "round $round: ready again" agent_start
done
# Once more, with nobody to collect: the counts stand in the kernel.
agent_stop KILL
load_stop
counts_equal "three times kill -9 under wrk, no agent now" --bytes
check "ready at last" agent_start
counts_equal "the next agent has them all" --bytes
