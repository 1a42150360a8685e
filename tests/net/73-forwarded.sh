#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Servers behind the metered host, which is their router. The meter is at its
# interface towards the clients, and sees what the servers send at tc egress of it:
#
#   client ── cli0 ═ srv0 (XDP in, tc out) ── router ── mid0 ═ back0 ── nginx
#                    agent
. "$(dirname "$0")/lib.sh"

NETNS_B=tg-$$-b
BACK4=198.51.100.2
BACK6=2001:db8:b::2
IN_BACK=(nsenter "--net=/run/netns/$NETNS_B")

back_end() { # as sandbox_end, which knows of two namespaces
	local status=$? pid
	for pid in "${STARTED[@]}"; do stop "$pid"; done
	for pid in $(ip netns pids "$NETNS_B" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
	ip netns del "$NETNS_B" 2>/dev/null
	(exit $status)
	sandbox_end
}

behind() { # the namespace of the servers, and the ways there and back
	ip netns add "$NETNS_B" &&
		ip -n "$NETNS_S" link add mid0 type veth peer name back0 netns "$NETNS_B" &&
		address "$NETNS_S" mid0 198.51.100.1/24 2001:db8:b::1/64 &&
		address "$NETNS_B" back0 "$BACK4/24" "$BACK6/64" && ip -n "$NETNS_B" link set lo up &&
		ip -n "$NETNS_B" route add default via 198.51.100.1 &&
		ip -n "$NETNS_B" -6 route add default via 2001:db8:b::1 &&
		ip -n "$NETNS_C" route add 198.51.100.0/24 via "$SERVER4" &&
		ip -n "$NETNS_C" -6 route add 2001:db8:b::/64 via "$SERVER6" &&
		in_server sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}
# Of nginx and of the loads of lib.sh: the server is elsewhere.
nginx_behind() {
	local router=$SERVER4
	SERVER4=$BACK4 IN_SERVER=("${IN_BACK[@]}")
	nginx_start
	SERVER4=$router IN_SERVER=(nsenter "--net=/run/netns/$NETNS_S")
}

filter() { in_server tc filter show dev srv0 egress; }
egress_id() { filter | sed -n 's/.*handle 0x746f6c6c.* id \([0-9]*\) .*/\1/p'; }
xdp_id() { in_server ip -j -d link show dev srv0 | jq '.[0].xdp.prog.id // empty'; }
status_of() { tg status -o json | jq -r ".interfaces[0] | $1"; }
log_has() { grep -qE "$1" "$TMP/agent.log"; }
load() { # load NAME: both addresses, one connection each request and many
	curl_get --retry 5 --retry-connrefused -H "X-API-Key: curl-$1" "http://$BACK4:8080/[1-20]" \
		"http://[$BACK6]:8080/[1-20]"
	wrk_load 2000 "http://$BACK4:8080/" 8
	wrk_load 2000 "http://[$BACK6]:8080/" 8
	counts_equal "$1" --bytes
}
configure() { agent_config "[{name: srv0, mode: ${MODE:-native}, server: $1}]"; }
wants() { [ "$(status_of .server)" = "$1" ]; }
has_filter() { [ -n "$(egress_id)" ]; }
has_no_own() { ! has_filter; }
has_both() { has_filter && [ -n "$(xdp_id)" ]; }
has_none() { [ -z "$(filter)" ]; }
egress_metric() { metrics | sed -n 's/^tollgate_interface_egress_attached{interface="srv0"} //p'; }
metric_is() { [ "$(egress_metric)" = "$1" ]; }
has_another() { has_filter && [ "$(egress_id)" != "$1" ]; }

forms() { in_client /usr/bin/python3 "$NET/forming_client.py" "$1" "$2" "$BACK4" 8080; }

sandbox
trap back_end EXIT
behind || die "sandbox" "no servers behind"
nginx_behind
# Its segments are its own: what its kernel does not know, it would reset.
in_client nft -f - <<-'END' || die "sandbox" "no nftables"
	table inet silent {
		chain out {
			type filter hook output priority 0;
			tcp flags & (rst | ack) == rst drop
		}
	}
END

for MODE in native generic; do
	[ "$MODE" = native ] || steer || die "sandbox" "no packet steering"
	configure forwarded
	agent_up
	check "$MODE: the egress program is there" has_filter
	equal "$MODE: status has it" "forwarded $(egress_id) " "$(status_of '"\(.server) \(.egress_id) \(.why)"')"
	load "$MODE"
	# What the server throws away, or answers with a reset, ends nothing.
	for how in handshake ahead; do
		forms $how "$how-odd-token" || not_ok "$MODE: a client with its own $how" "not answered"
	done
	counts_equal "$MODE: acknowledgements of what was never sent" --bytes
	conserved "$MODE"
	agent_stop
	tg detach >/dev/null || not_ok "$MODE: detach"
	equal "$MODE: detach takes off both programs" "" "$(xdp_id)$(filter)"
	equal "$MODE: and the qdisc" "" "$(in_server tc qdisc show dev srv0 | grep clsact)"
	rm -rf "$TMP/state"
	: >"$TMP/nginx/access.log"
	: >"$TMP/agent.log"
done

# The agent dies and comes back: the filter stays, and is swapped.
MODE=native
agent_up
load start
was=$(egress_id)
agent_stop KILL
equal "kill -9: the egress program stays" "$was" "$(egress_id)"
load "no agent"
check "started again" agent_start
check "its own egress program took the place" has_another "$was"
equal "the only one" 1 "$(filter | grep -c 'handle 0x')"
load "the next agent"

# Under load, into other values and back.
in_server tc filter add dev srv0 egress prio 9 protocol all u32 match u32 0 0 || not_ok "filter" "of somebody else"
configure local
kill -HUP "$AGENT"
others_only() { [ -z "$(egress_id)" ] && filter | grep -q 'pref 9 u32'; }
check "local: the egress program goes, another's filter stays" within 30 others_only
check "status says local" within 5 wants local
equal "and misses nothing" "0 " "$(status_of '"\(.egress_id) \(.why)"')"
configure unseen
kill -HUP "$AGENT"
check "status says unseen" within 30 wants unseen
equal "no egress program" "" "$(egress_id)"
load unseen
configure forwarded
kill -HUP "$AGENT"
check "forwarded: it is there again" within 30 has_filter
check "status says forwarded" within 5 wants forwarded
load "forwarded again"

# tc reaches its own network namespace only: who detaches from another is told what to do.
command=$(nsenter --net="/run/netns/$NETNS_C" "$TG" detach -c "$TMP/etc/tollgate.yaml" | sed -n 's/.*there also: //p')
check "detached from elsewhere: it stays, without a meter" has_filter
equal "the meter is off" "" "$(xdp_id)"
# shellcheck disable=SC2086
in_server $command || not_ok "the command that detach names" "$command"
check "and the command takes it off" has_no_own
kill -HUP "$AGENT"
check "a reload attaches both" within 30 has_both

# Somebody takes it off: missed, and attached again by a reload.
in_server tc filter del dev srv0 egress pref 1
check "taken off: the log says so" within 30 log_has 'srv0: its egress program was taken off'
matches "and the status" 'taken off' "$(status_of .why)"
check "and a metric" within 15 metric_is 0
kill -HUP "$AGENT"
check "a reload attaches it again" within 30 has_filter
check "and the metric says so" within 15 metric_is 1
load "attached again"

# The interface is made again.
ip -n "$NETNS_S" link del srv0
link_up 1500 || die "sandbox" "no veth pair"
ip -n "$NETNS_C" route replace 198.51.100.0/24 via "$SERVER4"
ip -n "$NETNS_C" -6 route replace 2001:db8:b::/64 via "$SERVER6"
check "the interface is back: it has its egress program" within 30 has_filter
load "made again"
conserved "at last"

# It is not configured any more.
agent_config "[{name: mid0, server: unseen}]"
kill -HUP "$AGENT"
check "not configured any more: it goes" within 30 has_none
check "and another interface is metered" within 30 log_has 'mid0: attached'
[ "$FAILED" = 0 ]
