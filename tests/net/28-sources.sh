#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Many clients: IPv4 by address, IPv6 by its /64.
. "$(dirname "$0")/lib.sh"

up native
ip -n "$NETNS_S" -6 route add 2001:db8:f00::/40 dev srv0
for i in {1..20}; do
	ip -n "$NETNS_C" addr add "192.0.2.$((100 + i))/24" dev cli0
	ip -n "$NETNS_C" addr add "2001:db8:f00:$((i % 4))::$i/64" dev cli0 nodad
done
for i in {1..20}; do
	curl_get --interface "192.0.2.$((100 + i))" -H 'X-API-Key: shared-token' "http://$SERVER4:8080/[1-$i]"
	curl_get --interface "2001:db8:f00:$((i % 4))::$i" -H 'X-API-Key: shared-token' "http://[$SERVER6]:8080/[1-$i]"
done
counts_equal "one token, 40 clients" --bytes
by_source=$(tg usage --by source,token -o json)
for i in 1 7 20; do
	equal "192.0.2.$((100 + i))" "$i" "$(jq ".rows[] | select(.source == \"192.0.2.$((100 + i))\") | .requests" <<<"$by_source")"
done
# i and i + 4, i + 8... share a network: 4 + 8 + 12 + 16 + 20, and so on.
for i in 0 1 2 3; do
	wanted=$((i ? 5 * i + 40 : 60))
	equal "2001:db8:f00:$i::/64" "$wanted" \
		"$(jq "[.rows[] | select(.source | startswith(\"2001:db8:f00$([ $i = 0 ] || echo ":$i")::/64\")) | .requests] | add" <<<"$by_source")"
done
