#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every packet that the interface received was seen, and ended in one reason,
# with rubbish among them: other ports, other protocols, no HTTP.
. "$(dirname "$0")/lib.sh"

for mode in native generic; do
	[ -n "$TMP" ] || { sandbox; nginx_start 9999; }
	agent_config "[{name: srv0, mode: $mode}]"
	agent_start || die "agent" "not ready"
	sleep 0.5
	before_rx=$(rx_packets) before_seen=$(packets_seen)
	mix "$SERVER4"
	in_client curl -s -m 2 "http://$SERVER4:9999/" >/dev/null
	in_client /usr/bin/python3 -c "import socket
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.sendto(b'rubbish', ('$SERVER4', 8080))
udp.sendto(bytes(4000), ('$SERVER4', 8080))" # in fragments
	in_client bash -c "exec 3<>/dev/tcp/$SERVER4/8080; echo 'no http at all' >&3; timeout 1 cat <&3" >/dev/null
	sleep 0.5
	seen=$(($(packets_seen) - before_seen)) received=$(($(rx_packets) - before_rx))
	# A neighbour solicitation may come between the two readings.
	check "$mode: seen $seen of $received received" test $((seen - received)) -ge -2 -a $((seen - received)) -le 2
	conserved "$mode"
	matches "$mode: other ports by their reason" 'reason="other_port"\} [1-9]' "$(metrics)"
	matches "$mode: other protocols by theirs" 'reason="not_tcp"\} [1-9]' "$(metrics)"
	matches "$mode: fragments by theirs" 'reason="fragment"\} [3-9]' "$(metrics)"
	matches "$mode: no HTTP by its own" 'reason="bad_request_line"\} [1-9]|reason="not_http"\} [1-9]' "$(metrics)"
	agent_stop
	tg detach >/dev/null || not_ok "detach"
done
