#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A connection that is open when the program comes is picked up at its next request.
. "$(dirname "$0")/lib.sh"

sandbox
nginx_start
agent_config
background "${IN_CLIENT[@]}" /usr/bin/python3 "$NET/open_connection.py" "$SERVER4" 8080 "$TMP/go" >"$TMP/open.out"
check "a connection is open and has been used" within 5 grep -q before "$TMP/open.out"
: >"$TMP/nginx/access.log"
agent_start || die "agent" "not ready"
touch "$TMP/go"
check "it goes on" within 10 grep -q after "$TMP/open.out"
counts_equal "from the next request on"
