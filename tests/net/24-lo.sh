#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# On lo, generic: between a TLS terminator and the application, say. An answer's
# packets pass the same program, and count nothing.
. "$(dirname "$0")/lib.sh"

sandbox
nginx_start
agent_config '[{name: lo, mode: auto}]'
agent_start || die "agent" "not ready"
in_server curl -sS -H 'X-API-Key: over-loopback' "http://127.0.0.1:8080/[1-20]" >/dev/null
in_server curl -sS -H 'X-API-Key: over-loopback' -H Expect: --data-binary "@$TG" "http://[::1]:8080/u/[1-3]" >/dev/null
in_server ab -q -n 1000 -c 4 -k -H 'Authorization: Bearer ab-on-loopback' http://127.0.0.1:8080/ >/dev/null 2>&1
counts_equal "lo" --bytes
matches "lo is metered in generic mode" '"mode": *"generic"' "$(tg status -o json)"
