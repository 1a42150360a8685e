#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Floods of SYNs, acknowledgements and data from sources that are not there, while known
# clients work, their new connections by SYN cookies: what they ask counts to the unit,
# nothing of the flood does, and nothing is kept of it.
. "$(dirname "$0")/lib.sh"
. "$TG_ROOT/tests/forge/wire.sh"

PACKETS=200000 # of each kind, in each round
ROUNDS=10
SOURCES=198.18.0.0

flood() { # flood FIELDS...: on its way until done
	echo "from=$SOURCES to=$SERVER4 ports=1,8080 random=hosts,port,seq,ack count=$PACKETS $*" >>"$TMP/flood"
}
hex() { printf '%s' "$1" | od -An -tx1 -v | tr -d ' \n'; }
reason() { # reason NAME: packets of srv0 that ended so, by the last collection
	metrics | awk -v name="reason=\"$1\"" '/^tollgate_packets_total/ && index($0, name) { sum += $NF } END { printf "%d", sum }'
}
cookies() { in_server awk '/^TcpExt:/ { if (!n) n = split($0, names); else { for (i = 1; i <= n; i++)
	if (names[i] == "'"$1"'") print $i } }' /proc/net/netstat; }
kept() { # kept MAP: entries
	bpftool -j map dump pinned "$PINS/$1" | jq length
}
none_kept() { [ "$(kept "$1")" = 0 ]; }
# A packet is seen before it has ended, and one counter is read before the other: a few
# packets may stand between them, while they come, either way.
sums_hold() { tg status -o json | jq -e '.identity | .packets_seen - .packets_ended | fabs < 1000'; }

sandbox
nginx_start
# Where the server's answers to the flood go: to the client's namespace, which drops them.
ip -n "$NETNS_S" route add 198.18.0.0/15 via "$CLIENT4" || die "sandbox" "no route"
in_server sysctl -qw net.ipv4.tcp_syncookies=1 net.ipv4.tcp_max_syn_backlog=128 net.ipv4.tcp_synack_retries=1
answers_arrive || die "sandbox" "no program on port-s"
agent_config '[{name: srv0, mode: native}]' '[8080]' 'limits: {flows: 4096, usage: 4096, partials: 64, held: 64, drops: 64}'
agent_up
tg quota set any 1000000/month --block 'after 10 denials in 1m for 10m' >/dev/null
tg quota set 'token:flood_*' 5/month --block 'after 10 denials in 1m for 10m' >/dev/null

request=$(hex "$(printf 'GET /flood HTTP/1.1\r\nHost: s\r\nX-API-Key: flood_token-of-nobody\r\n\r\n.')")
request=${request%2e} # the shell drops line ends
for ((round = 0; round < ROUNDS; round++)); do
	flood flags=S
	flood flags=A
	flood flags=AP "payload=$request"
	flood flags=S # again, while connections are opened
done
sleep 1
seen_before=$(packets_seen) received_before=$(rx_packets)
background bash -c "exec $(forge_command) <$TMP/flood >$TMP/flood.out"
FLOOD=$STARTED_PID

samples=0 broken=0 asked=0 tried=0
cookies_before=$(cookies SyncookiesRecv)
# Kept connections all the while, ...
background "${IN_CLIENT[@]}" wrk -t 1 -c 2 -d 300s -s "$NET/tokens.lua" "http://$SERVER4:8080/" \
	-- 100000000 5 >"$TMP/wrk.out" 2>&1
WORKER=$STARTED_PID
# ... and new ones.
while kill -0 "$FLOOD" 2>/dev/null; do
	for number in 1 2 3 4 5; do
		tried=$((tried + 1))
		in_client curl -s -m 5 -o /dev/null -H "X-API-Key: new_connection-$number" "http://$SERVER4:8080/" &&
			asked=$((asked + 1))
	done
	samples=$((samples + 1))
	sums_hold >/dev/null || broken=$((broken + 1))
done
wait "$FLOOD"
kill -INT "$WORKER"
wait "$WORKER"
equal "the flood was sent" $((4 * ROUNDS)) "$(grep -c "^sent $PACKETS$" "$TMP/flood.out")"
check "new connections meanwhile: $asked" test "$asked" -ge 1
cookies=$(($(cookies SyncookiesRecv) - cookies_before))
check "of them by SYN cookies: $cookies" test "$cookies" -gt 0
check "sampled meanwhile: $samples times" test "$samples" -ge 1
equal "of them, sums that do not hold" 0 "$broken"
counts_equal "known clients" --bytes
conserved "afterwards"
equal "nothing counts for the flood's token" 0 "$(counted requests flood_token)"
equal "nor is its budget spent" 5 "$(tg quota list -o json | jq '.rows[] | select(.subject == "token:flood_*") | .remaining')"
equal "nothing is blocked" 0 "$(tg blocks -o json | jq '.rows | length')"
# What a veth pair cannot take in time is lost on its way, and was never received.
seen=$(($(packets_seen) - seen_before)) received=$(($(rx_packets) - received_before))
check "seen $seen of $received received" test $((seen - received)) -ge -100 -a $((seen - received)) -le 100
check "SYNs that ended as such: $(reason syn)" test "$(reason syn)" -gt $((PACKETS / 2))
check "acknowledgements: $(reason ack)" test "$(reason ack)" -gt $((PACKETS / 4))
data=$(($(reason no_connection) + $(reason unacceptable)))
check "data, as without a connection or with wrong numbers: $data" test "$data" -gt $((PACKETS / 4)) -a "$data" -le $((ROUNDS * PACKETS))
equal "none of it was refused or held" 0 $(($(reason denied) + $(reason hold_full)))
for map in flows partials holds held; do
	check "$map: nothing is kept" within 5 none_kept "$map"
done
# Closed connections of clients that were there are remembered for a while, and no others.
check "embryos: $(kept embryos), of closed connections only" test "$(kept embryos)" -le $((tried + 3))
