#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Pins that do not fit are not touched: made under another ABI, another secret or
# other prefix lengths, or in use by another agent. The error says what to do.
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

# A row is under token prefix and network: with others, a token would have two rows.
one_row() { # one_row NAME
	equal "$1: the token still has one row" 1 "$(tg usage --by token -o json | jq '.rows | length')"
}
prefixes() { # prefixes SED: the configuration with another identity
	cp "$TMP/etc/tollgate.yaml" "$TMP/etc/good.yaml"
	sed -i "$1" "$TMP/etc/tollgate.yaml"
}
prefixes_back() { cp "$TMP/etc/good.yaml" "$TMP/etc/tollgate.yaml"; }
shorter='s/token_prefix_bytes: .*/token_prefix_bytes: 4/'
wider='s/^identity:/&\n  ipv6_prefix: 56/'
made_with="ipv6_prefix 64 and token_prefix_bytes $PREFIX_BYTES;.*tollgate detach"
prefixes "$shorter"
refused "another token_prefix_bytes" "$made_with"
prefixes_back
prefixes "$wider"
refused "another ipv6_prefix" "$made_with"
prefixes_back
before=$(meta)
check "with the right ones, the agent starts" agent_start
for other in "$shorter" "$wider"; do
	prefixes "$other"
	errors=$(grep -c "reload refused.*$made_with" "$TMP/agent.log")
	kill -HUP "$AGENT"
	check "reload ($other): refused" within 5 eval \
		"[ \$(grep -c 'reload refused.*$made_with' '$TMP/agent.log') -gt $errors ]"
	prefixes_back
	curl_get -H 'X-API-Key: goes-on-counting' "http://$SERVER4:8080/[1-5]"
	counts_equal "reload refused: the old configuration stays" --bytes
	one_row "reload refused"
done
agent_stop

ours=$(meta)
# shellcheck disable=SC2046,SC2086 # a list of bytes
bpftool map update pinned "$PINS/meta" key 0 0 0 0 value hex $(sed 's/0x//g; s/^../63/' <<<"$ours")
before=$(meta)
refused "another ABI" "ABI"
# shellcheck disable=SC2046,SC2086
bpftool map update pinned "$PINS/meta" key 0 0 0 0 value hex $(sed 's/0x//g' <<<"$ours")

check "with all in order, the agent starts" agent_start
counts_equal "and nothing is lost"
