#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Tagged frames: the program sits below the VLAN device and looks behind one tag
# (802.1Q) and behind two (802.1ad).
. "$(dirname "$0")/lib.sh"

vlan() { # vlan NAMESPACE PARENT NAME PROTOCOL ID IPV4
	ip -n "$1" link add link "$2" name "$3" type vlan protocol "$4" id "$5" &&
		ip -n "$1" addr add "$6/24" dev "$3" && ip -n "$1" link set "$3" up
}

for mode in native generic; do
	if [ $mode = native ]; then
		sandbox
		# The kernel strips a tag into skb metadata, where XDP cannot see it.
		in_client ethtool -K cli0 txvlan off tx-vlan-stag-hw-insert off >/dev/null 2>&1
		in_server ethtool -K srv0 rxvlan off rx-vlan-stag-hw-parse off >/dev/null 2>&1
		vlan "$NETNS_C" cli0 cli0.5 802.1Q 5 198.18.5.1 || { skip "no 802.1Q here"; exit 0; }
		vlan "$NETNS_S" srv0 srv0.5 802.1Q 5 198.18.5.2
		nginx_start
	fi
	agent_config "[{name: srv0, mode: $mode}]"
	agent_start || die "agent" "not ready"
	curl_get -H 'X-API-Key: one-tag-token' "http://198.18.5.2:8080/[1-10]"
	if [ $mode = native ]; then
		vlan "$NETNS_C" cli0 cli0.s 802.1ad 7 198.18.7.1 && vlan "$NETNS_S" srv0 srv0.s 802.1ad 7 198.18.7.2 &&
			vlan "$NETNS_C" cli0.s cli0.q 802.1Q 8 198.18.8.1 && vlan "$NETNS_S" srv0.s srv0.q 802.1Q 8 198.18.8.2
	fi
	curl_get -H 'X-API-Key: two-tag-token' "http://198.18.8.2:8080/[1-10]"
	wrk_tokens 3000 "http://198.18.8.2:8080/" 4 >/dev/null
	equal "$mode: the log has requests by both" 20 "$(grep -c tag-token "$TMP/nginx/access.log")"
	counts_equal "$mode: one and two tags" --bytes
	conserved "$mode: tags"
	agent_stop
	tg detach || not_ok "detach"
	: >"$TMP/nginx/access.log"
done
