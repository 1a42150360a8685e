#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An interface that is deleted and made again, or made only later, is attached
# by itself, and goes on with the same rows.
. "$(dirname "$0")/lib.sh"

sandbox
nginx_start
agent_config '[{name: srv0, mode: native}, {name: later0, mode: native}]'
agent_start || die "agent" "not ready while later0 is missing"
check "srv0 is attached" attached srv0
curl_get -H 'X-API-Key: before-and-after' "http://$SERVER4:8080/[1-10]"
counts_equal "before"
for round in 1 2 3; do
	ip -n "$NETNS_S" link del srv0
	link_up 1500 || die "veth" "cannot be made again"
	check "round $round: attached again" within 5 attached srv0
	curl_get -H 'X-API-Key: before-and-after' "http://$SERVER4:8080/[1-10]"
done
counts_equal "deleted and made again, three times"

ip -n "$NETNS_C" link add later1 type veth peer name later0 netns "$NETNS_S"
address "$NETNS_S" later0 198.18.0.2/24 2001:db8:1::2/64
address "$NETNS_C" later1 198.18.0.1/24 2001:db8:1::1/64
check "an interface that comes later is attached" within 5 attached later0
curl_get -H 'X-API-Key: latecomer-key' "http://198.18.0.2:8080/[1-10]"
counts_equal "on the latecomer"
equal "by interface" "later0 srv0" \
	"$(tg usage --by interface -o json | jq -r '[.rows[] | select(.requests > 0) | .interface] | sort | join(" ")')"
