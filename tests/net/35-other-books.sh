#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Pins that do not fit are not touched: made under another ABI, made under
# another secret, or in use by another agent. The error says what to do.
. "$(dirname "$0")/lib.sh"

meta() { bpftool -j map dump pinned "$PINS/meta" | jq -r '.[0].value | join(" ")'; }
refused() { # refused NAME REGEX: the agent does not start, and says so
	local said
	said=$(in_server timeout 20 "$TG" run -c "$TMP/etc/tollgate.yaml" 2>&1)
	equal "$1: exit status" 1 $?
	matches "$1: says why" "$2" "$said"
	equal "$1: the maps are untouched" "$before" "$(meta)"
	curl_get -H 'X-API-Key: goes-on-counting' "http://$SERVER4:8080/[1-5]"
}

up native
curl_get -H 'X-API-Key: goes-on-counting' "http://$SERVER4:8080/[1-5]"
before=$(meta)
refused "another agent" "another agent"
agent_stop

secret=$(cat "$TMP/state/secret")
echo 00112233445566778899aabbccddeeff >"$TMP/state/secret"
refused "another secret" "secret"
echo "$secret" >"$TMP/state/secret"

# shellcheck disable=SC2046,SC2086 # a list of bytes
bpftool map update pinned "$PINS/meta" key 0 0 0 0 value hex $(meta | sed 's/0x//g; s/^../63/')
before=$(meta)
refused "another ABI" "ABI"
# shellcheck disable=SC2046,SC2086
bpftool map update pinned "$PINS/meta" key 0 0 0 0 value hex $(meta | sed 's/0x//g; s/^../01/')

check "with all in order, the agent starts" agent_start
counts_equal "and nothing is lost"
