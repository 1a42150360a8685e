# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A third namespace on the same link, for who forges: sourced after lib.sh.
#
#    client cli0 ─── port-c ┐ br0 ┌ port-s ─── srv0 server
#                           attacker
#
# What the program sends by itself is what comes out of srv0 and has not passed the
# server's own stack.
NETNS_A=tg-$$-a
in_attacker() { nsenter "--net=/run/netns/$NETNS_A" "$@"; }
FORGE=$TG_ROOT/build/tests/tools/forge

link_up() { # in place of lib.sh's
	trap 'status=$?; ip netns del "$NETNS_A" 2>/dev/null; (exit $status); sandbox_end' EXIT
	ip netns add "$NETNS_A" &&
		ip -n "$NETNS_A" link add port-c type veth peer name cli0 netns "$NETNS_C" &&
		ip -n "$NETNS_A" link add port-s type veth peer name srv0 netns "$NETNS_S" &&
		ip -n "$NETNS_A" link add br0 type bridge mcast_snooping 0 &&
		ip -n "$NETNS_A" link set port-c master br0 && ip -n "$NETNS_A" link set port-s master br0 &&
		in_attacker sysctl -qw net.ipv6.conf.br0.disable_ipv6=1 &&
		full_checksums "$NETNS_A" port-c port-s && full_checksums "$NETNS_C" cli0 &&
		full_checksums "$NETNS_S" srv0 &&
		for port in port-c port-s br0; do ip -n "$NETNS_A" link set "$port" up; done &&
		address "$NETNS_C" cli0 "$CLIENT4/24" "$CLIENT6/64" &&
		address "$NETNS_S" srv0 "$SERVER4/24" "$SERVER6/64" &&
		ip -n "$NETNS_C" link set lo up && ip -n "$NETNS_S" link set lo up &&
		count_frames "$NETNS_A" ingress port-s && count_frames "$NETNS_S" egress srv0
}
full_checksums() { # full_checksums NAMESPACE INTERFACE...: nothing is left to hardware
	local namespace=$1 name
	shift
	for name in "$@"; do
		nsenter --net="/run/netns/$namespace" ethtool -K "$name" tx off tso off gso off gro off >/dev/null || return
	done
}

count_frames() { # count_frames NAMESPACE HOOK INTERFACE
	nsenter --net="/run/netns/$1" nft -f - <<-END
		table netdev frames {
			chain count {
				type filter hook $2 device "$3" priority 0;
				counter
			}
		}
	END
}
frames() { nsenter --net="/run/netns/$1" nft -j list table netdev frames | jq '[.. | .counter? | .packets?] | add'; }
sent_by_program() { # when nothing is on the way between the two counters
	local left came=-1 again=
	left=$(frames "$NETNS_S")
	while [ "$came" != "$again" ] || [ "$left" != "$(frames "$NETNS_S")" ]; do
		sleep 0.1
		left=$(frames "$NETNS_S") came=$(frames "$NETNS_A")
		sleep 0.1
		again=$(frames "$NETNS_A")
	done
	echo $((came - left))
}

# In place of lib.sh's: the other end of srv0 is port-s here.
answers_arrive() {
	printf '%s\n' '#include <linux/bpf.h>' '#include <bpf/bpf_helpers.h>' \
		'SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }' 'char LICENSE[] SEC("license") = "GPL";' |
		clang -O2 -g -target bpf -idirafter "/usr/include/$(cc -print-multiarch)" -c -x c - -o "$TMP/pass.o" &&
		ip -n "$NETNS_A" -force link set dev port-s xdp obj "$TMP/pass.o" sec xdp
}

mac_of() { ip -n "$1" -j link show dev "$2" | jq -r '.[0].address'; }
# In whose name does not matter: frames come from br0's address.
forge_command() { echo "nsenter --net=/run/netns/$NETNS_A $FORGE br0 $(mac_of "$NETNS_S" srv0)"; }
