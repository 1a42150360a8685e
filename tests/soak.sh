#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Full rate for SOAK_SECONDS, in native mode with quotas in force: wrk on connections that
# stay and on new ones, with many tokens; uploads; requests that are refused; and segments
# that nobody's server takes (FLOOD packets a second of them, 0: none). Every SOAK_STEP
# seconds it looks whether the books add up, and whether anything grows. At the end every
# token's requests and bytes are those of nginx.
#
# nginx's log goes through a pipe and is summed up by token as it comes: a file of all its
# lines would be gigabytes.
. "$(dirname "$0")/net/lib.sh"

SOAK_SECONDS=${SOAK_SECONDS:-600}
SOAK_STEP=${SOAK_STEP:-5}
FLOOD=${FLOOD:-5000}
SOAK=$TG_ROOT/tests/soak

# --- nginx ------------------------------------------------------------------------------

# One worker, whose blocks of lines come whole through the pipe.
soak_nginx() {
	local prefix=$TMP/nginx
	mkdir -p "$prefix"
	mkfifo "$TMP/log"
	# In the order of tally: token, status, bytes.
	awk '$2 != 400 { requests[$1]++; bytes[$1] += $3 }
		END { for (token in requests) printf "%s %d %d\n", token, requests[token], bytes[token] }' \
		<"$TMP/log" >"$TMP/tally" &
	COUNTER=$!
	cat >"$prefix/nginx.conf" <<-END
		user root;
		worker_processes 1;
		pid $prefix/pid;
		error_log $prefix/error.log error;
		events { worker_connections 16384; }
		http {
			log_format tally '\$http_x_api_key \$status \$request_length';
			access_log off;
			client_body_temp_path $prefix/body;
			proxy_temp_path $prefix/proxy;
			fastcgi_temp_path $prefix/fastcgi;
			uwsgi_temp_path $prefix/uwsgi;
			scgi_temp_path $prefix/scgi;
			client_max_body_size 64m;
			keepalive_requests 100000000;
			keepalive_timeout 3600;
			server {
				listen 8080 backlog=4096;
				access_log $TMP/log tally buffer=32k flush=1s;
				location / { return 200 "hello\n"; }
				location /u/ { proxy_pass http://unix:$prefix/body.sock:/; }
			}
			server {
				listen 8081;
				location / { return 200 "up\n"; }
			}
			server {
				listen unix:$prefix/body.sock;
				location / { return 200 "got it\n"; }
			}
		}
	END
	background "${IN_SERVER[@]}" nginx -p "$prefix" -c "$prefix/nginx.conf" -g 'daemon off;' 2>"$TMP/nginx.err"
	NGINX=$STARTED_PID
	within 10 in_client curl -sf -o /dev/null "http://$SERVER4:8081/" || die "nginx" "$(cat "$TMP/nginx.err")"
}

# --- load -------------------------------------------------------------------------------

LOADS=()
load() { # load NAME TOKENS CONNECTIONS PATH [BYTES]
	"${IN_CLIENT[@]}" wrk -t 1 -c "$3" -d "$((SOAK_SECONDS + 3600))s" --timeout 60s -s "$SOAK/load.lua" \
		"http://$SERVER4:8080$4" -- "$SOAK_SECONDS" "$1" "$2" "${5:-0}" >"$TMP/wrk.$1" 2>&1 &
	LOADS+=($!)
	STARTED+=($!)
}
loads_start() {
	load keep 500 64 /
	CLOSE=1 load once 100 16 /
	load load 20 2 /u/ 200000
	load over 5 2 / # refused mostly
	[ "$FLOOD" = 0 ] || background "${IN_CLIENT[@]}" /usr/bin/python3 "$SOAK/flood.py" cli0 \
		"$(ip -n "$NETNS_S" -j link show dev srv0 | jq -r '.[0].address')" "$SERVER4" 8080 "$FLOOD"
	FLOODER=$STARTED_PID
}
idle() { # nothing was asked for within the last second
	local before
	before=$(identity .requests)
	sleep 1
	[ "$before" = "$(identity .requests)" ]
}
loads_stop() {
	within 60 idle || not_ok "the end of the load" "requests still come"
	[ "$FLOOD" = 0 ] || stop "$FLOODER"
	for pid in "${LOADS[@]}"; do
		kill -0 "$pid" 2>/dev/null || not_ok "wrk" "ended early: $(cat "$TMP"/wrk.* | tail -n 2 | tr '\n' ' ')"
		kill -INT "$pid" 2>/dev/null
		wait "$pid"
	done
}

# --- samples ----------------------------------------------------------------------------

maps_bytes() { # what the kernel says that all maps take that the agent has open
	cat /proc/"$AGENT"/fdinfo/* 2>/dev/null | awk '/^memlock:/ { bytes = $2 }
		/^map_id:/ && !($2 in seen) { seen[$2]; sum += bytes } END { printf "%d", sum }'
}
# A line in $TMP/samples: seconds, seen, ended, requests, both differences, resident KiB,
# descriptors, bytes of the maps, then entries of flows, embryos, partials, holds, held, usage.
sample() {
	local status
	status=$(tg status -o json) || { not_ok "status" "exit status $?"; return; }
	jq -r --argjson s "$1" --argjson rss "$(awk '/^VmRSS/ { print $2 }' "/proc/$AGENT/status")" \
		--argjson fds "$(find "/proc/$AGENT/fd" -mindepth 1 | wc -l)" --argjson bytes "$(maps_bytes)" \
		'.identity as $i | ([.maps[] | {key: .map, value: .entries}] | from_entries) as $m |
		[$s, $i.packets_seen, $i.packets_ended, $i.requests, $i.packets_difference, $i.requests_difference,
		$rss, $fds, $bytes, $m.flows, $m.embryos, $m.partials, $m.holds, $m.held, $m.usage] | join(" ")' \
		<<<"$status" | tee -a "$TMP/samples" |
		awk 'BEGIN { OFS = " " } { printf "%5d %12d %12d %8d %8d %9d %5d %10.1f %7d %7d %6d %6d %6d\n",
			$1, $2, $4, $5, $6, $7, $8, $9 / 1048576, $10, $11, $12, $13, $15 }'
}
of_samples() { awk "$1" "$TMP/samples"; }

watch() { # until the load is over
	local began=$SECONDS
	printf '%5s %12s %12s %8s %8s %9s %5s %10s %7s %7s %6s %6s %6s\n' s packets requests 'diff p' 'diff r' \
		'RSS KiB' fds 'maps MiB' flows embryos partial holds usage
	while [ $((SECONDS - began)) -lt "$SOAK_SECONDS" ]; do
		sleep "$SOAK_STEP"
		kill -0 "$AGENT" 2>/dev/null || die "the agent" "is gone"
		sample $((SECONDS - began))
	done
}

# --- what must be true ------------------------------------------------------------------

# While packets come: packets seen are read first, what they ended as next, usage last. So
# each of the later ones may be further on, by what came meanwhile; the earlier ones never,
# but for packets that are at work on a CPU.
added_up() {
	equal "counters only ever grew" "" "$(of_samples '$2 < seen || $4 < requests { printf "%d s ", $1 } { seen = $2; requests = $4 }')"
	equal "while packets came, none that was seen was missing, but for one at work on each CPU" "" \
		"$(awk -v cpus="$(nproc)" '$5 > cpus { printf "%d s: %d ", $1, $5 }' "$TMP/samples")"
	equal "while requests came, none was missing in the usage" "" "$(of_samples '$6 > 0 { printf "%d s: %d ", $1, $6 }')"
	equal "nor were the books further apart than what came in a step" "" "$(of_samples '
		NR > 1 && (-$5 > $2 - seen || -$6 > $4 - requests) { printf "%d s: %d, %d ", $1, $5, $6 }
		{ seen = $2; requests = $4 }')"
	check "and apart at rest by nothing" within 10 identity '.packets_difference == 0 and .requests_difference == 0'
	conserved "at rest"
}

# The first tenth is the start: rows appear, the history fills.
nothing_grew() {
	equal "the maps' memory stayed as it was" 1 "$(of_samples '{ seen[$9] } END { for (b in seen) n++; print n + 0 }')"
	equal "the agent's descriptors: as many at the end as after the start" "" "$(of_samples '
		{ fds[NR] = $8 } END { from = int(NR / 10) + 1; if (fds[NR] > fds[from] + 2) print fds[from] " then " fds[NR] }')"
	equal "the agent's memory: no more than 2 MiB above what it was after the start" "" "$(of_samples '
		{ rss[NR] = $7 } END { from = int(NR / 10) + 1; if (rss[NR] > rss[from] + 2048) print rss[from] " KiB then " rss[NR] }')"
	# Of connections that were refused and left, flows stay for a while.
	equal "flows: never more than ten times what clients have open" "" "$(of_samples '$10 > 10 * (64 + 16 + 2 + 2) { n = $10 } END { if (n) print n }')"
	equal "what is held of unfinished headers and early bytes: bounded, and nothing at the end" "0 0 0" \
		"$(of_samples 'END { print $12, $13, $14 }')"
}

reasons() { tg status -o json | jq -r '.interfaces[0].packets.reasons | to_entries[] | "\(.key) \(.value)"'; }
no_room_was_short() {
	equal "no packet ended for want of room or of order" "" "$(reasons | grep -E \
		'_full|busy|unreadable|gap|unsynced|ambiguous|bad_|not_http|opaque' | tr '\n' ' ')"
	equal "unattributed" 0 "$(tg usage -o json | jq .unattributed.requests)"
	[ "$FLOOD" = 0 ] || matches "what nobody's server takes ended so" 'no_connection [1-9]' "$(reasons | tr '\n' ' ')"
	matches "requests were refused" 'denied [1-9]' "$(reasons | tr '\n' ' ')"
	equal "the agent complained of nothing" "" "$(grep -iE 'error|warn|fail|cannot' "$TMP/agent.log" | head -n 3)"
}

# By token: its first 8 bytes are its own. Bytes too, but where packets of refused requests
# are cut and come again.
tallies_equal() {
	kill -QUIT "$NGINX" # writes what it has
	wait "$NGINX"
	wait "$COUNTER"
	sort "$TMP/tally" | awk '{ print substr($1, 1, 8), $2, substr($1, 1, 4) == "over" ? "-" : $3 }' >"$TMP/served"
	tg usage --by prefix --top 100000 -o json | jq -r '.rows[] | "\(.prefix) \(.requests - .denied) " +
		(if .prefix[:4] == "over" then "-" else "\(.bytes)" end)' | sort | grep -v ' 0 ' >"$TMP/counted"
	check "nginx served requests of all tokens" test "$(wc -l <"$TMP/served")" -ge 620
	if cmp -s "$TMP/served" "$TMP/counted"; then
		ok "requests and bytes of $(wc -l <"$TMP/served") tokens are those of nginx: $(awk '{ n += $2 } END { printf "%d", n }' "$TMP/served") requests"
	else
		not_ok "requests and bytes by token" "$(diff "$TMP/served" "$TMP/counted" | head -n 6 | tr '\n' ' ')"
	fi
}

summary() {
	awk 'NR == 1 { low = $7; s = $1; p = $2; r = $4 } { if ($7 > high) high = $7; if ($10 > flows) flows = $10 }
		END { printf "# %d s: %d packets, %d requests (%.0f a second), agent %d to %d KiB resident, maps %.1f MiB, up to %d flows\n",
			$1, $2, $4, ($4 - r) / ($1 - s + ($1 == s)), low, high, $9 / 1048576, flows }' "$TMP/samples"
	echo "# packets by reason: $(reasons | tr '\n' ',' | sed 's/,$//; s/,/, /g')"
	for name in keep once load over; do echo "# wrk, $name: $(grep -E 'requests in|errors|Non-2xx' "$TMP/wrk.$name" | tr -s ' ' | tr '\n' ';')"; done
}

sandbox
ip -n "$NETNS_S" route add 198.51.100.0/24 via "$CLIENT4" || die "sandbox" "no route"
answers_arrive || die "sandbox" "no program on cli0"
soak_nginx
agent_config "[{name: srv0, mode: native}]" "[8080]" "$(printf '%s\n' \
	'policies:' '  - {subject: "token:over*", limits: ["20/s"]}' \
	'  - {subject: "token:keep*", limits: ["1000000/s", "1000000000/day"]}' \
	'  - {subject: "source:192.0.2.0/24", limits: ["1000000/s"]}' \
	'  - {subject: any, per: shared, limits: ["1000000/s", "1000000000/day"]}')"
agent_start || die "agent" "not ready: $(tail -n 1 "$TMP/agent.log")"
loads_start
watch
loads_stop
sample "$SOAK_SECONDS" >/dev/null
added_up
nothing_grew
no_room_was_short
summary
tallies_equal
[ "$FAILED" = 0 ] && echo "# soak: all ok" || echo "# soak: $FAILED not ok"
