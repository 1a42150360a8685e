#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A program that someone takes off an interface is missed and named in the log,
# by itself, with no scraper and no status to ask for it.
. "$(dirname "$0")/lib.sh"

said() { grep -c 'srv0: .*taken off' "$TMP/agent.log"; }
has_said() { [ "$(said)" = "$1" ]; }

up native
equal "all is well: nothing in the log" 0 "$(said)"
bpftool link detach pinned "$PINS/links/srv0" || die "bpftool" "cannot detach"
check "taken off: the log says so" within 15 has_said 1
equal "status tells why" 1 "$(tg status -o json | jq '[.interfaces[] | select(.attached | not) | .why | select(test("taken off"))] | length')"
sleep 6
equal "and the log says it once" 1 "$(said)"
kill -HUP "$AGENT"
check "a reload attaches it again" within 10 in_server bash -c 'ip -d link show dev srv0 | grep -q prog/xdp'
curl_get -H 'X-API-Key: back-again' "http://$SERVER4:8080/[1-5]"
counts_equal "and it counts"
