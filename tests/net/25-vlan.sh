#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Tagged frames, as on a trunk port: the program finds the request behind one tag
# (802.1Q) and behind two (802.1ad). Switches of our own push and pop the tags, so
# that no VLAN module is needed and nothing hides a tag from XDP:
#
#   client ── c5 ═ sw5 ── switch ── cli0 ═ srv0 (XDP) ── switch ── sw5 ═ s5 ── nginx
#                                  tagged
. "$(dirname "$0")/lib.sh"

end() { # end NAMESPACE SIDE NUMBER IPV4: a pair whose frames the switch carries
	ip -n "$1" link add "$2$3" type veth peer name "sw$3" &&
		ip -n "$1" link set "sw$3" up && address "$1" "$2$3" "$4/24" "2001:db8:$3::$5/64" &&
		nsenter --net="/run/netns/$1" ethtool -K "$2$3" tx off tso off gso off gro off >/dev/null &&
		nsenter --net="/run/netns/$1" ethtool -K "sw$3" gro off >/dev/null
}
trunk() { # trunk NUMBER TAG...: a way from c$NUMBER to s$NUMBER with these tags
	local number=$1
	shift
	{ end "$NETNS_C" c "$number" "198.18.$number.1" 1 && end "$NETNS_S" s "$number" "198.18.$number.2" 2; } ||
		die "trunk" "no veth pair"
	background "${IN_CLIENT[@]}" /usr/bin/python3 "$NET/vlan_switch.py" "sw$number" cli0 "$@"
	background "${IN_SERVER[@]}" /usr/bin/python3 "$NET/vlan_switch.py" "sw$number" srv0 "$@"
}

sandbox 1600
nginx_start
in_client ethtool -K cli0 gro off tso off gso off >/dev/null
trunk 5 0x8100:5
trunk 7 0x88a8:7 0x8100:8
for mode in native generic; do
	agent_config "[{name: srv0, mode: $mode}]"
	agent_start || die "agent" "not ready"
	for number in 5 7; do
		curl_get --retry 5 --retry-connrefused -H "X-API-Key: token-of-trunk-$number" \
			"http://198.18.$number.2:8080/[1-10]" "http://[2001:db8:$number::2]:8080/[1-10]"
		wrk_load 500 "http://198.18.$number.2:8080/" 4
	done
	equal "$mode: the log has both trunks" 40 "$(grep -c token-of-trunk "$TMP/nginx/access.log")"
	counts_equal "$mode: one tag and two" --bytes
	conserved "$mode: one tag and two"
	agent_stop
	tg detach >/dev/null || not_ok "detach"
	: >"$TMP/nginx/access.log"
done
