# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The sandbox of the net tests and of the demo. Two network namespaces of its
# own, real programs in both, nothing outside of them:
#
#      namespace tg-PID-c                       namespace tg-PID-s
#   ┌───────────────────────┐                ┌──────────────────────────────────┐
#   │ curl  wrk  ab         │      veth      │        ┌────────┐                │
#   │ odd_client.py     cli0├────────────────┤srv0 ──►│tollgate│──► nginx :8080 │
#   │                       │                │        │ (XDP)  │          :8081 │
#   │ 192.0.2.1             │                │        └───┬────┘            │   │
#   │ 2001:db8::1           │                │ 192.0.2.2  │ maps            ▼   │
#   └───────────────────────┘                │ 2001:db8::2▼            access.log│
#                                            │        agent, prometheus         │
#                                            └──────────────────────────────────┘
#
# Pins stand in /sys/fs/bpf/tg-test-PID, files in a directory of mktemp. All of
# it goes when the script ends, however it ends, so that a test can run twice
# in a row and beside itself.
#
# A test sources this file, calls sandbox, nginx_start, agent_start, does its
# work and says what it found with check, equal, counts_equal or skip.

set -u
# nsenter, not `ip netns exec`: the latter remounts /sys and so hides bpffs.
TG_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TG=${TG:-$TG_ROOT/build/tollgate}
NET=$TG_ROOT/tests/net
PATH=$PATH:/usr/sbin:/sbin
CLIENT4=192.0.2.1 SERVER4=192.0.2.2
CLIENT6=2001:db8::1 SERVER6=2001:db8::2
METRICS=127.0.0.1:9464
TG_PATIENCE=${TG_PATIENCE:-1} # how many times longer to wait for anything: an emulated machine is slow
PREFIX_BYTES=8
NETNS_C=tg-$$-c
NETNS_S=tg-$$-s
PINS=/sys/fs/bpf/tg-test-$$
TMP=
AGENT=      # process id of the agent, empty when none runs
FAILED=0
STARTED=()  # process ids of what runs in the background

# --- what a test says -----------------------------------------------------------

ok() { echo "ok - $*"; }
not_ok() { # not_ok NAME [WHY]
	echo "not ok - $1${2:+: $2}"
	FAILED=$((FAILED + 1))
}
skip() { echo "skip - $*"; }
die() { # the sandbox itself does not stand: nothing after this would mean a thing
	not_ok "$@"
	exit 1
}
check() { # check NAME COMMAND...: ok when the command succeeds. In this shell: agent_start sets AGENT
	local name=$1 said=${TMP:-/tmp}/said.$$
	shift
	if "$@" >"$said" 2>&1; then ok "$name"; else not_ok "$name" "$(tail -n 3 "$said" | tr '\n' ' ')"; fi
	rm -f "$said"
}
refute() { # refute NAME COMMAND...: ok when it fails
	local name=$1
	shift
	if "$@" >/dev/null 2>&1; then not_ok "$name" "succeeded: $*"; else ok "$name"; fi
}
equal() { # equal NAME WANTED FOUND
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted '$2', found '$3'"; fi
}
matches() { # matches NAME REGEX TEXT
	if grep -qE -- "$2" <<<"$3"; then ok "$1"; else not_ok "$1" "no /$2/ in '$(head -c 300 <<<"$3")'"; fi
}
fails_saying() { # fails_saying NAME REGEX COMMAND...: it ends with 1, says one line of why, and nothing else
	local name=$1 regex=$2 said status
	shift 2
	said=$("$@" 2>&1 >"$TMP/out")
	status=$?
	equal "$name: exit status, and lines" "1 1" "$status $(grep -c . <<<"$said")"
	matches "$name: what is wrong" "$regex" "$said"
	equal "$name: and no result" "" "$(cat "$TMP/out")"
}
within() { # within SECONDS COMMAND...: try until it succeeds
	local until=$((SECONDS + $1 * TG_PATIENCE))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt "$until" ] || return 1
		sleep 0.1
	done
}

# --- namespaces -----------------------------------------------------------------

IN_CLIENT=(nsenter "--net=/run/netns/$NETNS_C")
IN_SERVER=(nsenter "--net=/run/netns/$NETNS_S")
in_client() { "${IN_CLIENT[@]}" "$@"; }
in_server() { "${IN_SERVER[@]}" "$@"; }

sandbox() { # sandbox [MTU]
	[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
	trap sandbox_end EXIT
	trap 'exit 130' INT TERM HUP
	TMP=$(mktemp -d /tmp/tg-test.XXXXXX)
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || die "sandbox" "no bpffs"
	{ ip netns add "$NETNS_C" && ip netns add "$NETNS_S"; } || die "sandbox" "no namespaces"
	link_up "${1:-1500}" || die "sandbox" "no veth pair"
}

link_up() { # link_up MTU: the veth pair and its addresses
	local mtu=$1
	ip -n "$NETNS_C" link add cli0 mtu "$mtu" type veth peer name srv0 mtu "$mtu" netns "$NETNS_S" &&
		address "$NETNS_C" cli0 "$CLIENT4/24" "$CLIENT6/64" &&
		address "$NETNS_S" srv0 "$SERVER4/24" "$SERVER6/64" &&
		ip -n "$NETNS_C" link set lo up && ip -n "$NETNS_S" link set lo up
}

address() { # address NAMESPACE INTERFACE IPV4/LEN IPV6/LEN: usable at once, no detection of duplicates
	ip -n "$1" addr add "$3" dev "$2" && ip -n "$1" addr add "$4" dev "$2" nodad &&
		ip -n "$1" link set "$2" up
}

sandbox_end() {
	local status=$? pid
	trap - EXIT
	[ -z "$AGENT" ] || stop "$AGENT"
	for pid in "${STARTED[@]}"; do stop "$pid"; done
	# What a test left behind: all in these namespaces is ours.
	for pid in $(ip netns pids "$NETNS_C" 2>/dev/null) $(ip netns pids "$NETNS_S" 2>/dev/null); do
		kill -9 "$pid" 2>/dev/null
	done
	[ ! -d "$PINS" ] || rm -rf "$PINS"
	ip netns del "$NETNS_C" 2>/dev/null
	ip netns del "$NETNS_S" 2>/dev/null
	if [ "$FAILED" -gt 0 ] || { [ "$status" != 0 ] && [ "$status" != 130 ]; }; then
		echo "# the last of the agent's log:"
		tail -n 15 "$TMP/agent.log" 2>/dev/null | sed 's/^/#   /'
		grep -vE '\[(notice|warn)\]' "$TMP/nginx/error.log" 2>/dev/null | tail -n 5 | sed 's/^/#   nginx: /'
	fi
	if [ -n "${KEEP-}" ]; then echo "# files: $TMP"; else rm -rf "$TMP"; fi
	[ "$status" = 0 ] && [ "$FAILED" -gt 0 ] && status=1
	exit "$status"
}

# Give it "${IN_SERVER[@]}", not in_server: a function would run in a shell of
# its own, and that is whom a signal would reach.
background() { # background COMMAND...: stopped at the end; its process id in $STARTED_PID
	"$@" &
	STARTED_PID=$!
	STARTED+=("$STARTED_PID")
}
gone() { ! kill -0 "$1" 2>/dev/null; }
stop() { # stop PID: politely, then not
	kill "$1" 2>/dev/null || return 0
	within 5 gone "$1"
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# --- nginx ----------------------------------------------------------------------
# One JSON object a request in the access log, with all that may carry a token.
# /u/ is passed on to a second server, so that nginx reads the body to its end
# and counts it in $request_length; elsewhere a body is read and thrown away.

nginx_paths() { # what nginx writes, as lines of its http block
	local what
	for what in client_body proxy fastcgi uwsgi scgi; do echo "${what}_temp_path $TMP/nginx/$what;"; done
}
nginx_up() { # it runs by $TMP/nginx/nginx.conf, and answers on port 8080
	background "${IN_SERVER[@]}" nginx -p "$TMP/nginx" -c "$TMP/nginx/nginx.conf" -g 'daemon off;' 2>"$TMP/nginx.err"
	within 10 in_client curl -sf -o /dev/null "http://$SERVER4:8080/up" ||
		die "nginx" "$(cat "$TMP/nginx.err")"
}

nginx_start() { # nginx_start [LISTEN...]: further "listen" values
	local prefix=$TMP/nginx listen more=
	for listen in "$@"; do more+="listen $listen; "; done
	mkdir -p "$prefix"
	cat >"$prefix/nginx.conf" <<-END
		user root;
		worker_processes 2;
		pid $prefix/pid;
		error_log $prefix/error.log notice;
		events { worker_connections 4096; }
		http {
			log_format tokens escape=json '{"addr":"\$remote_addr","auth":"\$http_authorization",'
				'"key":"\$http_x_api_key","uri":"\$request_uri","origin":"\$http_origin",'
				'"referer":"\$http_referer","port":\$server_port,'
				'"bytes":\$request_length,"status":\$status}';
			access_log $prefix/access.log tokens;
			$(nginx_paths)
			default_type text/plain;
			keepalive_requests 100000000;
			keepalive_timeout 3600;
			client_max_body_size 64m;
			client_header_timeout 300;
			client_body_timeout 300;
			large_client_header_buffers 8 64k;
			server {
				listen 8080 backlog=4096; listen [::]:8080 backlog=4096;
				listen 8081; listen [::]:8081;
				$more
				location / { return 200 "hello\n"; }
				location /u/ { proxy_pass http://unix:$prefix/body.sock:/; }
			}
			server {
				listen unix:$prefix/body.sock;
				access_log off;
				location / { return 200 "got it\n"; }
			}
		}
	END
	nginx_up
	# Forget the readiness question.
	within 5 test -s "$prefix/access.log"
	: >"$prefix/access.log"
}

# --- the agent --------------------------------------------------------------------

agent_config() { # agent_config [INTERFACES [PORTS [MORE-LINES]]]
	mkdir -p "$TMP/etc"
	cat >"$TMP/etc/tollgate.yaml" <<-END
		interfaces: ${1:-[{name: srv0, mode: native\}]}
		listen_ports: ${2:-[8080, 8081]}
		identity:
		  token_prefix_bytes: $PREFIX_BYTES
		  secret_file: $TMP/state/secret
		  tokens:
		    - {header: Authorization, scheme: Bearer}
		    - {header: X-API-Key}
		    - {query: key}
		metrics: {listen: "$METRICS"}
		state_dir: $TMP/state
		run_dir: $TMP/run
		pin_dir: $PINS
		${3-}
	END
}

agent_start() { # agent_start [BINARY]: run it and wait for READY=1
	[ -f "$TMP/etc/tollgate.yaml" ] || agent_config
	local notify=$TMP/notify waiter
	/usr/bin/python3 "$NET/await_ready.py" "$notify" $((20 * TG_PATIENCE)) &
	waiter=$!
	within 5 test -S "$notify"
	NOTIFY_SOCKET=$notify "${IN_SERVER[@]}" "${1:-$TG}" run -c "$TMP/etc/tollgate.yaml" >>"$TMP/agent.log" 2>&1 &
	AGENT=$!
	while kill -0 "$waiter" 2>/dev/null; do
		kill -0 "$AGENT" 2>/dev/null || break
		sleep 0.05
	done
	if ! kill -0 "$AGENT" 2>/dev/null; then
		kill "$waiter" 2>/dev/null
		wait "$AGENT" 2>/dev/null
		AGENT=
		return 1
	fi
	wait "$waiter"
}
agent_up() { # as agent_start, or the test ends here
	agent_start || die "agent" "not ready: $(tail -n 1 "$TMP/agent.log")"
}
starts_not() { # starts_not NAME REGEX: the agent ends by itself, and its last line says why
	if agent_start; then
		not_ok "$1" "an agent starts"
		agent_stop
		return 1
	fi
	matches "$1: no agent starts, and its last line says why" "$2" "$(tail -n 1 "$TMP/agent.log")"
}
agent_stop() { # agent_stop [SIGNAL]
	kill "-${1:-TERM}" "$AGENT" 2>/dev/null
	wait "$AGENT" 2>/dev/null
	AGENT_STATUS=$?
	AGENT=
}
tg() { # tg VERB ARGUMENT...: the command line, as its user
	local verb=$1
	shift
	in_server "$TG" "$verb" -c "$TMP/etc/tollgate.yaml" "$@"
}
log_count() { grep -cE -- "$1" "$TMP/agent.log"; } # log_count REGEX: such lines of the agent, so far
log_says() { [ "$(log_count "$1")" -ge "${2:-1}" ]; } # log_says REGEX [LINES]
makes_say() { # makes_say NAME SECONDS REGEX COMMAND...: after the command the agent says so
	local name=$1 seconds=$2 regex=$3 before
	shift 3
	before=$(log_count "$regex")
	"$@" || not_ok "$name" "cannot be done"
	check "$name: the log says so" within "$seconds" log_says "$regex" $((before + 1))
}
attached() { # attached [INTERFACE]: by its own program
	in_server ip -d link show dev "${1:-srv0}" | grep -q 'prog/xdp'
}
# In generic mode the segments of a connection that two CPUs send wait in the queues
# of both, and may overtake each other: they are held, and count later. Receive packet
# steering keeps each connection to one CPU, as a network card would.
steer() { ip netns exec "$NETNS_S" sh -c 'echo 3 >/sys/class/net/srv0/queues/rx-0/rps_cpus'; }

up() { # up [MODE [MTU]]: sandbox, nginx and agent, or the test ends here
	sandbox "${2:-1500}"
	[ "${1:-native}" != generic ] || steer || die "sandbox" "no packet steering"
	nginx_start
	agent_config "[{name: srv0, mode: ${1:-native}}]"
	agent_up
}

# --- truth ----------------------------------------------------------------------

# counts_equal NAME [--bytes]: usage by token equals the access log, to the unit.
# Waits for requests that are still under way; counts that differ stay different.
counts_equal() {
	local name=$1 said
	shift
	if said=$(/usr/bin/python3 "$NET/counts.py" --log "$TMP/nginx/access.log" \
		--secret "$TMP/state/secret" --prefix-bytes $PREFIX_BYTES --seconds $((8 * TG_PATIENCE)) "$@" -- \
		nsenter --net="/run/netns/$NETNS_S" "$TG" usage -c "$TMP/etc/tollgate.yaml" \
		--by token -o json 2>&1); then
		ok "$name ($said)"
	else
		not_ok "$name" "$said"
	fi
}
metrics() { in_server curl -sf "http://$METRICS/metrics"; }
identity() { tg status -o json | jq -e ".identity | $1"; }
packets_seen() { identity .packets_seen; }
# Every packet seen ended in one reason, every request stands in the books; the
# metrics page says the same. A packet in flight may come between two counters.
conserved() { # conserved NAME
	local before sum after
	if ! within 5 identity '.packets_seen > 0 and .packets_difference == 0 and .requests_difference == 0'; then
		not_ok "$1: conservation" "$(identity . | tr -d ' \n')"
		return
	fi
	before=$(identity .packets_ended)
	sum=$(metrics | awk '/^tollgate_packets_total/ { sum += $NF } END { printf "%d", sum }')
	after=$(identity .packets_seen)
	if [ "$before" -le "$sum" ] && [ "$sum" -le "$after" ]; then
		ok "$1: $after packets seen, each ended in a reason"
	else
		not_ok "$1: conservation" "status $before, metrics $sum, status $after"
	fi
}
rx_packets() { ip -n "$NETNS_S" -s -j link show dev "${1:-srv0}" | jq '.[0].stats64.rx.packets'; }

# --- quotas -----------------------------------------------------------------------

# What a program on srv0 sends back (XDP_TX) reaches the other end of a veth pair only
# if there is a program, too; one that lets all pass will do. TG_PASS_OBJECT: it is compiled
# already, for a machine without a compiler.
answers_arrive() {
	ip -n "$NETNS_C" -force link set dev cli0 xdp obj "$(pass_object)" sec xdp
}
pass_object() { # print where it is
	[ -z "${TG_PASS_OBJECT-}" ] || { echo "$TG_PASS_OBJECT"; return; }
	printf '%s\n' '#include <linux/bpf.h>' '#include <bpf/bpf_helpers.h>' \
		'SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }' 'char LICENSE[] SEC("license") = "GPL";' |
		clang -O2 -g -target bpf -idirafter "/usr/include/$(cc -print-multiarch)" -c -x c - -o "$TMP/pass.o" &&
		echo "$TMP/pass.o"
}

meter_in() { # meter_in MODE [MORE-LINES]: a meter with empty books; the one before is taken down
	if [ -n "$AGENT" ]; then
		agent_stop
		tg detach >/dev/null
		rm -rf "$TMP/state"
		: >"$TMP/nginx/access.log"
	fi
	if [ "$1" = generic ]; then
		{ steer && ip -n "$NETNS_C" link set dev cli0 xdp off; } || die "sandbox" "no packet steering"
	else
		answers_arrive || die "sandbox" "no program on cli0"
	fi
	agent_config "[{name: srv0, mode: $1}]" "[8080, 8081]" "${2-}"
	agent_up
}

up_quotas() { # up_quotas [MODE [MORE-LINES]]: as up, and answers of the program arrive
	sandbox
	nginx_start
	meter_in "${1:-native}" "${2-}"
}

hammer() { # hammer TOKEN [URL [SECONDS]]: wrk on both CPUs; its words in $TMP/wrk.out, its time in HAMMER_MS
	local began
	began=$(date +%s%3N)
	in_client wrk -t 2 -c 64 -d "$((${3:-3} * TG_PATIENCE))s" -H "X-API-Key: $1" "${2:-http://$SERVER4:8080/}" >"$TMP/wrk.out" 2>&1
	HAMMER_MS=$(($(date +%s%3N) - began))
	sleep 0.5 # nginx's log trails
}
refused_by_wrk() { awk '/Non-2xx/ { n = $NF } END { print n + 0 }' "$TMP/wrk.out"; }

admitted() { # admitted TOKEN: requests with it that nginx served, by its own log. TOKEN: how its text begins
	grep -c "\"key\":\"$1.*\"status\":200" "$TMP/nginx/access.log"
}
counted() { # counted FIELD [TOKEN]: requests, allowed, denied or observed in the usage of tokens that show so, or of all
	local token=${2-}
	token=${token:0:$PREFIX_BYTES}
	tg usage --by prefix -o json |
		jq --arg token "$token" "[.rows[] | select(\$token == \"\" or .prefix == \$token) | .$1] | add // 0"
}
comes_to() { # comes_to NAME WANTED COMMAND...: what it prints, once it does or after 5 s
	local name=$1 wanted=$2 until=$((SECONDS + 5 * TG_PATIENCE))
	shift 2
	until [ "$("$@")" = "$wanted" ] || [ $SECONDS -ge $until ]; do sleep 0.1; done
	equal "$name" "$wanted" "$("$@")"
}

# curl's word for the end: 0 answered, 28 silence, 52 closed, 56 reset.
ask() { # ask TOKEN URL...: HTTP status/exit status of curl, a word for each request
	local token=$1
	shift
	in_client curl -s -m "${PATIENCE:-$((5 * TG_PATIENCE))}" -o /dev/null -w '%{http_code}/%{exitcode} ' -H "X-API-Key: $token" "$@" | sed 's/ $//'
}
policy_list() { # policy_list [TG]
	"${1:-tg}" quota list -o json | jq -c '[.rows[] | [.subject, .limit]] | sort'
}
block_list() { tg blocks -o json | jq -c '[.rows[].subject]'; }
spend_quota() { # kept_token-1 has a quota, and has spent it
	tg quota set 'token:kept_*' 10/month >/dev/null
	ask kept_token-1 "http://$SERVER4:8080/[1-11]" >/dev/null
}
stays_spent() { # stays_spent NAME: by the kernel, with or without an agent
	equal "$1" "429/0" "$(ask kept_token-1 "http://$SERVER4:8080/again")"
}
raw() { # raw ARGUMENT...: see raw_client.py
	in_client /usr/bin/python3 "$NET/raw_client.py" "$@"
}

connections() { # connections NAMESPACE: not yet over, with the servers' ports
	nsenter --net="/run/netns/$1" ss -Htn state connected exclude time-wait '( sport = :8080 or dport = :8080 )'
}
no_connections() { [ -z "$(connections "$1")" ]; }
server_is_free() { # server_is_free NAME: its sockets are gone
	if within 2 no_connections "$NETNS_S"; then ok "$1: the server has no socket left"; else
		not_ok "$1: the server's sockets" "$(connections "$NETNS_S" | head -n 2)"
	fi
}
client_is_free() { # client_is_free NAME
	if within 2 no_connections "$NETNS_C"; then ok "$1: nor the client"; else
		not_ok "$1: the client's sockets" "$(connections "$NETNS_C" | head -n 2)"
	fi
}

# --- load -------------------------------------------------------------------------

answered() { wc -l <"$TMP/nginx/access.log"; } # requests so far
answered_many() { [ "$(answered)" -ge "$1" ]; }
# A client that did not work leaves nothing to count, and nothing counts equal.
clients_worked() { # clients_worked NAME BEFORE WANTED: so many more were answered. Says so only if not
	within 5 answered_many $(($2 + $3)) ||
		not_ok "$1: the clients" "wanted $3 requests answered, found $(($(answered) - $2))"
}

wrk_tokens() { # wrk_tokens REQUESTS [URL [CONNECTIONS [TOKENS]]]: at least so many, 3 for each of TOKENS and none
	in_client wrk -t 1 -c "${3:-32}" -d $((60 * TG_PATIENCE))s -s "$NET/tokens.lua" \
		"${2:-http://$SERVER4:8080/}" -- "$1" "${4:-10}" 2>&1
}

wrk_load() { # wrk_load: wrk_tokens, and say so if they did not arrive
	local before
	before=$(answered)
	wrk_tokens "$@" >"$TMP/wrk.out"
	clients_worked "wrk" "$before" "$1"
}

# A script for wrk: requests with tokens of many, in turn. FORMAT is string.format's; it gets FIRST to LAST.
token_script() { # token_script FIRST LAST FORMAT...
	local first=$1 last=$2
	shift 2
	cat <<-END
		local many, turn = {}, 0
		function init()
			for i = $first, $last do
				for _, format in ipairs({$(printf '"%s",' "$@")}) do
					many[#many + 1] = wrk.format("GET", nil, { ["X-API-Key"] = string.format(format, i) })
				end
			end
		end
		function request()
			turn = turn % #many + 1
			return many[turn]
		end
	END
}

# Requests without a pause while something else happens.
load_start() {
	background "${IN_CLIENT[@]}" wrk -t 1 -c 4 -d $((300 * TG_PATIENCE))s -s "$NET/tokens.lua" "http://$SERVER4:8080/" \
		-- 100000000 10 >"$TMP/wrk.out" 2>&1
	LOAD=$STARTED_PID
	within 5 test -s "$TMP/nginx/access.log"
}
load_stop() {
	kill -INT "$LOAD" || not_ok "load" "over too early: $(tail -n 2 "$TMP/wrk.out" | tr '\n' ' ')"
	wait "$LOAD"
}
curl_get() { in_client curl -sS "$@" >/dev/null || not_ok "curl" "exit status $?: $*"; }

# mix HOST: each client's way of speaking, once. HOST as it stands in a URL.
# 11 requests of curl, 2500 of ab, 5000 or more of wrk, one or more for each odd connection.
mix() {
	local url=http://$1:8080 bare=${1#[} before
	bare=${bare%]}
	before=$(answered)
	curl_get -H 'Authorization: Bearer curl-bearer-token-1' "$url/a" "$url/b" "$url/c"
	curl_get -H 'x-api-key: curl-key-token-22' "$url/?x=1" "$url/d" "http://$1:8081/e"
	curl_get "$url/q?a=b&key=query%2Dtoken%20one" "$url/none"
	head -c 1000000 /dev/zero >"$TMP/1mb"
	curl_get -H 'X-API-Key: upload-token-333' --data-binary "@$TMP/1mb" "$url/u/" "$url/u/again"
	curl_get -H 'X-API-Key: upload-token-333' -H 'Transfer-Encoding: chunked' \
		--data-binary "@$TMP/1mb" "$url/u/chunked"
	in_client ab -q -n 500 -c 4 -H 'Authorization: Bearer ab-close-token' "$url/ab" >"$TMP/ab.out" 2>&1
	in_client ab -q -n 2000 -c 4 -k -H 'Authorization: Bearer ab-keep-token' "$url/ab" >>"$TMP/ab.out" 2>&1
	wrk_tokens 5000 "$url/" 8 >"$TMP/wrk.out"
	in_client /usr/bin/python3 "$NET/odd_client.py" --seed 7 --connections 60 "$bare" 8080 >"$TMP/odd.out" 2>&1 ||
		not_ok "odd client" "$(tail -n 2 "$TMP/odd.out" | tr '\n' ' ')"
	clients_worked "mix $1" "$before" 7571
}
