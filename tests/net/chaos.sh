# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The sandbox of lib.sh with a box on the way that loses, delays, repeats and re-cuts
# what passes, both ways (tests/tools/chaos.c):
#
#      namespace tg-PID-c        namespace tg-PID-b         namespace tg-PID-s
#   ┌────────────────────┐    ┌───────────────────────┐    ┌──────────────────┐
#   │ clients        cli0├────┤boxc ◄── chaos ──► boxs├────┤srv0 ──► …        │
#   └────────────────────┘    └───────────────────────┘    └──────────────────┘
#
# A test sources this file instead of lib.sh. CHAOS_SEED=N runs the one seed N again,
# CHAOS_RATES='--loss 5' disturbs in one way only, to find out which one matters.
# CHAOS_REQUESTS=6000 asks for less in all, where a machine is slow.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export NET # for drained.lua
CHAOS_BIN=$TG_ROOT/build/tests/tools/chaos
# Percent of frames. A segment that comes in pieces is lost if one of them is.
read -ra RATES <<<"${CHAOS_RATES:---loss 5 --reorder 10 --duplicate 3 --resegment 30 --overlap 30}"
NETNS_B=tg-$$-b
IN_BOX=(nsenter "--net=/run/netns/$NETNS_B")
CHAOS=          # process id of the box, empty when none runs
CONNECTIONS=${CHAOS_CONNECTIONS:-256} # of wrk: while some wait for what was lost, others go on

# --- the link -------------------------------------------------------------------------

# In place of lib.sh's, which calls it: two veth pairs with the box between.
link_up() { # link_up MTU
	local mtu=$1
	trap chaos_end EXIT
	ip netns add "$NETNS_B" &&
		"${IN_BOX[@]}" sysctl -qw net.ipv6.conf.default.disable_ipv6=1 &&
		ip -n "$NETNS_C" link add cli0 mtu "$mtu" type veth peer name boxc mtu "$mtu" netns "$NETNS_B" &&
		ip -n "$NETNS_S" link add srv0 mtu "$mtu" type veth peer name boxs mtu "$mtu" netns "$NETNS_B" &&
		plain "$NETNS_C" cli0 && plain "$NETNS_S" srv0 && plain "$NETNS_B" boxc && plain "$NETNS_B" boxs &&
		address "$NETNS_C" cli0 "$CLIENT4/24" "$CLIENT6/64" &&
		address "$NETNS_S" srv0 "$SERVER4/24" "$SERVER6/64" &&
		ip -n "$NETNS_B" link set boxc up && ip -n "$NETNS_B" link set boxs up &&
		ip -n "$NETNS_C" link set lo up && ip -n "$NETNS_S" link set lo up &&
		impatient "$NETNS_C" cli0 && impatient "$NETNS_S" srv0
}

plain() { # plain NAMESPACE INTERFACE: frames as on a wire, no larger than the MTU, with their checksums
	nsenter "--net=/run/netns/$1" ethtool -K "$2" tso off gso off gro off lro off tx off rx off sg off >/dev/null
}

impatient() { # impatient NAMESPACE INTERFACE: TCP asks again after 5 ms, as the link is that short
	local tcp=(rto_min 5ms quickack 1)
	ip -n "$1" route change 192.0.2.0/24 dev "$2" proto kernel scope link "${tcp[@]}" &&
		ip -n "$1" -6 route change 2001:db8::/64 dev "$2" proto kernel metric 256 "${tcp[@]}" &&
		nsenter "--net=/run/netns/$1" sysctl -qw net.ipv4.tcp_no_metrics_save=1
}

chaos_end() {
	local status=$? pid
	[ -z "$CHAOS" ] || stop "$CHAOS"
	for pid in $(ip netns pids "$NETNS_B" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
	ip netns del "$NETNS_B" 2>/dev/null
	(exit "$status")
	sandbox_end
}

chaos_start() { # chaos_start SEED [RATE...]: what it does later stands in $TMP/chaos.json
	local seed=$1
	shift
	"${IN_BOX[@]}" "$CHAOS_BIN" --seed "$seed" "${@:-${RATES[@]}}" boxc boxs >"$TMP/chaos.json" &
	CHAOS=$!
}
chaos_stop() {
	kill "$CHAOS" 2>/dev/null
	wait "$CHAOS" || not_ok "the box" "ended with status $?"
	CHAOS=
}

# --- what it did ----------------------------------------------------------------------

box_did() { jq "$1" "$TMP/chaos.json"; }

# Both ways, each of the ways to disturb, on frames that came whole and right.
chaos_happened() { # chaos_happened NAME
	local ways='[.to_server, .to_client | {lost, duplicated, held, overtaken, resegmented, overlaps, bridges}]'
	equal "$1: lost, doubled, delayed, overtook, cut and overlapped, both ways" "[]" \
		"$(box_did "$ways | map(to_entries[] | select(.value == 0) | .key)" | tr -d ' \n')"
	equal "$1: no frame came broken or too long" "[0,0,0,0]" \
		"$(box_did '[.to_server, .to_client | .unsound, .too_long]' | tr -d ' \n')"
	echo "# $1: to the server $(box_did .to_server | tr -d '{}"\n')"
	echo "# $1: to the client $(box_did .to_client | tr -d '{}"\n')"
}

boxs_dropped() { ip -n "$NETNS_B" -s -j link show dev boxs | jq '.[0].stats64.tx.dropped'; }
# What the box sent to the server is what the meter saw, to the frame. DROPPED: by the veth pair before.
all_seen() { # all_seen NAME DROPPED
	equal "$1: frames sent by the box, and seen" \
		"$(($(box_did '.to_server.sent + .to_server.other') - $(boxs_dropped) + $2))" "$(packets_seen)"
}

packets_of() { # packets_of REASON: so many packets ended with it
	metrics | awk -v reason="reason=\"$1\"" \
		'/^tollgate_packets_total/ && index($0, reason) { sum += $NF } END { printf "%d", sum }'
}

# --- load -----------------------------------------------------------------------------

both_quiet() { no_connections "$NETNS_C" && no_connections "$NETNS_S"; }
# Nothing is under way any more: what was lost has been asked for again, and has come.
quiet() { # quiet NAME
	within 60 both_quiet && return
	not_ok "$1: the end of all connections" "$({ connections "$NETNS_C"; connections "$NETNS_S"; } | head -n 3)"
}

# Each client ends by itself when it has its answers, so that what nginx logged is what
# was asked; one that did not get them says so.

drained() { # drained REQUESTS URL: as wrk_tokens, but see drained.lua
	local out=$TMP/drained.$BASHPID
	in_client wrk -t 1 -c "$CONNECTIONS" -d 240s --timeout 120s -s "$NET/drained.lua" \
		"$2" -- "$1" 10 >"$out" 2>&1
	! grep -q 'Socket errors' "$out" && grep -q "^ *$1 requests in" "$out" && return
	echo "wrk $2: $(grep -E 'requests in|errors' "$out" | tr '\n' ' ')"
	return 1
}

bench() { # bench REQUESTS ARGUMENT...: ab
	local out=$TMP/bench.$BASHPID requests=$1
	shift
	in_client ab -q -s 120 -n "$requests" -c 32 "$@" >"$out" 2>&1
	grep -q "^Complete requests: *$requests$" "$out" && grep -q '^Failed requests: *0$' "$out" && return
	echo "ab: $(tail -n 2 "$out" | tr '\n' ' ')"
	return 1
}

odd() { # odd HOST SEED
	in_client /usr/bin/python3 "$NET/odd_client.py" --seed "$2" --connections 100 --threads 16 "$1" 8080
}

# 6 requests on one connection, among them bodies of requests: a scanner that takes body
# for a request counts too many.
upload() { # upload HOST NUMBER
	local url=http://$1:8080
	in_client curl -fsS --max-time 120 -o /dev/null \
		-H "Authorization: Bearer upload-$2" --data-binary "@$TMP/body" "$url/u/$2" \
		--next -fsS -H 'X-API-Key: between-uploads' -o /dev/null "$url/a" -o /dev/null "$url/b" \
		--next -fsS -H "X-API-Key: chunked-$2" -H 'Transfer-Encoding: chunked' -H 'Expect:' \
		--data-binary "@$TMP/body" -o /dev/null "$url/u/$2" -o /dev/null "$url/u/again" \
		--next -fsS -o /dev/null "$url/?key=after-uploads"
}

REQUESTS=${CHAOS_REQUESTS:-200000} # of three seeds, by both kinds of addresses
UPLOADS=8                          # by IPv4, and as many by IPv6
WRK=$((REQUESTS / 6))
BENCH_KEEP=1500
BENCH_CLOSE=300
LEAST=$((6 * 2 * UPLOADS + 2 * WRK + BENCH_KEEP + BENCH_CLOSE + 200)) # odd clients: one a connection or more

# Every client's way of speaking, all at once; ends when they have.
clients() { # clients NAME SEED
	local jobs=() job i
	try() { # in the background; what it says is why it failed
		local said
		said=$("$@" 2>&1) || echo "$*: ${said:0:300}" >>"$TMP/clients.failed"
	}
	: >"$TMP/clients.failed"
	for i in $(seq "$UPLOADS"); do
		try upload "$SERVER4" "$i" & jobs+=($!)
		try upload "[$SERVER6]" "$i" & jobs+=($!)
	done
	try odd "$SERVER4" "$2" & jobs+=($!)
	try odd "$SERVER6" "$2" & jobs+=($!)
	try bench "$BENCH_CLOSE" -H 'Authorization: Bearer ab-close-token' "http://$SERVER4:8080/ab" & jobs+=($!)
	try bench "$BENCH_KEEP" -k -H 'Authorization: Bearer ab-keep-token' "http://[$SERVER6]:8080/ab" & jobs+=($!)
	try drained "$WRK" "http://$SERVER4:8080/" & jobs+=($!)
	try drained "$WRK" "http://[$SERVER6]:8080/" & jobs+=($!)
	for job in "${jobs[@]}"; do wait "$job"; done
	equal "$1: every client has all its answers" "" "$(head -n 3 "$TMP/clients.failed" | tr '\n' ' ')"
	[ ! -s "$TMP/clients.failed" ] || server_said | sed 's/^/#   /'
}

# Why a client may have been cut off: the server's TCP, the counters that are not 0, and nginx.
server_said() {
	in_server awk '/^Tcp/ { if (!($1 in names)) names[$1] = $0; else { n = split(names[$1], name);
		for (i = 2; i <= n; i++) if ($i != 0 && name[i] ~ /Abort|Rst|Drop|Overflow|Prune|Cookie|PAWS|Fail|Resets/)
			print $1 name[i], $i } }' /proc/net/snmp /proc/net/netstat
	grep -vE 'temporary file|\[notice\]' "$TMP/nginx/error.log" | tail -n 5
}

# --- the test --------------------------------------------------------------------------

chaos_up() { # chaos_up MODE: sandbox and nginx
	sandbox
	[ "$1" != generic ] || steer || die "sandbox" "no packet steering"
	chaos_start 0 --loss 0
	nginx_start
	quiet "nginx"
	chaos_stop
	yes "GET /decoy HTTP/1.1" | head -c 200000 | sed 's/$/\r/' >"$TMP/body"
}

chaos_once() { # chaos_once MODE SEED: books of its own; the same requests and bytes in both
	local name="$1, seed $2" reason dropped
	dropped=$(boxs_dropped)
	: >"$TMP/nginx/access.log"
	agent_config "[{name: srv0, mode: $1}]"
	agent_up
	chaos_start "$2"
	clients "$name" "$2"
	quiet "$name"
	chaos_stop
	within 5 answered_many "$LEAST" ||
		not_ok "$name: the load" "wanted $LEAST requests or more, found $(answered)"
	ANSWERED=$((ANSWERED + $(answered)))
	chaos_happened "$name"
	counts_equal "$name: requests and bytes by token" --bytes
	equal "$name: unattributed" 0 "$(tg usage -o json | jq .unattributed.requests)"
	conserved "$name"
	all_seen "$name" "$dropped"
	for reason in retransmit held; do
		check "$name: packets that ended as $reason" test "$(packets_of $reason)" -gt 0
	done
	echo "# $name: $(metrics | sed -n 's/^tollgate_packets_total.*reason="\([a-z_]*\)"} \([1-9][0-9]*\)$/\1 \2,/p' | tr '\n' ' ')"
	agent_stop
	tg detach >/dev/null || not_ok "detach"
	rm -rf "$TMP/state"
}

chaos_test() { # chaos_test MODE: three seeds, REQUESTS and more
	local seed
	ANSWERED=0
	chaos_up "$1"
	for seed in ${CHAOS_SEED:-1 2 3}; do chaos_once "$1" "$seed"; done
	[ -n "${CHAOS_SEED-}" ] ||
		check "$1: $ANSWERED requests through the box" test "$ANSWERED" -ge "$REQUESTS"
}
