#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Requests cut at random bytes, pipelined, chunked, with bodies that look like
# requests: several seeds, both modes.
. "$(dirname "$0")/lib.sh"

odd() { # odd SEED HOST
	in_client /usr/bin/python3 "$NET/odd_client.py" --seed "$1" --connections 150 "$2" 8080
}

up native
check "seed 1" odd 1 "$SERVER4"
check "seed 2" odd 2 "$SERVER6"
counts_equal "native" --bytes
conserved "native"
agent_stop
tg detach >/dev/null || not_ok "detach"
: >"$TMP/nginx/access.log"
agent_config '[{name: srv0, mode: generic}]'
agent_start || die "agent" "not ready in generic mode"
check "seed 3" odd 3 "$SERVER4"
check "seed 4" odd 4 "$SERVER6"
counts_equal "generic" --bytes
conserved "generic"
