#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a refused request costs in CPU time: refused by Tollgate (reject), by nginx
# (limit_req) and by HAProxy (stick table), the same wrk over the same veth pair, all
# answered with 429. Sides take turns; medians are of the turns.
#
# CPU time is that of the processes themselves, in nanoseconds by their CPU clocks. A
# packet's way through the kernel (softirq) is in it, as it is walked by whoever sent
# the packet; what is left over is ksoftirqd's, which is counted, too. So what else
# runs on the machine makes no request dearer, but for caches.
. "$(dirname "$0")/../net/lib.sh"

ROUNDS=${ROUNDS:-7} SECONDS_EACH=${SECONDS_EACH:-2}

# cpu_ns PID...: CPU time of these and all their children so far. CPU clocks: see
# clock_gettime(2), clock_getcpuclockid(3).
cpu_ns() {
	/usr/bin/python3 - "$@" <<-'END'
		import sys, time
		print(sum(time.clock_gettime((~int(pid) << 3) | 2) for pid in map(int, sys.argv[1:])) * 1e9)
	END
}

server_start() { # nginx: 8080 for the meter, 8081 the same with accept deferred, 8082 limit_req
	mkdir -p "$TMP/nginx"
	cat >"$TMP/nginx/nginx.conf" <<-END
		user root;
		worker_processes 1;
		pid $TMP/nginx/pid;
		error_log $TMP/nginx/error.log crit;
		events { worker_connections 4096; }
		http {
			access_log off;
			client_body_temp_path $TMP/nginx/body;
			proxy_temp_path $TMP/nginx/proxy;
			fastcgi_temp_path $TMP/nginx/fastcgi;
			uwsgi_temp_path $TMP/nginx/uwsgi;
			scgi_temp_path $TMP/nginx/scgi;
			keepalive_requests 100000000;
			limit_req_zone \$binary_remote_addr zone=each:10m rate=1r/m;
			limit_req_status 429;
			server {
				listen 8080 backlog=4096;
				listen 8081 backlog=4096 deferred;
				location / { return 200 "hello\n"; }
			}
			server {
				listen 8082 backlog=4096;
				limit_req zone=each;
				root $TMP/nginx;
				location / { }
			}
		}
	END
	background "${IN_SERVER[@]}" nginx -p "$TMP/nginx" -c "$TMP/nginx/nginx.conf" -g 'daemon off;' 2>"$TMP/nginx.err"
	within 10 in_client curl -sf -o /dev/null "http://$SERVER4:8080/" || die "nginx" "$(cat "$TMP/nginx.err")"
	NGINX=$(pgrep -P "$STARTED_PID")
}

haproxy_start() { # 8083
	cat >"$TMP/haproxy.cfg" <<-END
		global
			nbthread 1
			maxconn 4096
		defaults
			mode http
			timeout connect 5s
			timeout client 60s
			timeout server 60s
		frontend in
			bind :8083
			stick-table type ipv6 size 100k expire 10m store http_req_rate(10m)
			http-request track-sc0 src
			http-request return status 429 if { sc_http_req_rate(0) gt 1 }
			default_backend out
		backend out
			server nginx $SERVER4:8080
	END
	background "${IN_SERVER[@]}" haproxy -db -f "$TMP/haproxy.cfg" >"$TMP/haproxy.out" 2>&1
	HAPROXY=$STARTED_PID
	within 10 in_client curl -s -o /dev/null "http://$SERVER4:8083/" || die "haproxy" "$(cat "$TMP/haproxy.out")"
}

# load PORT KIND PID...: one run of wrk. Sets REFUSED and, in nanoseconds for each refused
# request: SERVER (these processes), REST (all, less what wrk spent outside the kernel).
load() {
	local port=$1 kind=$2 out before after user sys
	shift 2
	local header=(-H 'X-API-Key: a-token-of-the-bench')
	[ "$kind" = keep ] || header+=(-H 'Connection: close')
	before=($(cpu_ns "$@") $(cpu_ns "${SOFTIRQ[@]}"))
	out=$(in_client /usr/bin/python3 - wrk -t 1 -c 16 -d "${SECONDS_EACH}s" "${header[@]}" "http://$SERVER4:$port/" <<-'END'
		import os, resource, subprocess, sys
		print(subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True).stdout)
		used = resource.getrusage(resource.RUSAGE_CHILDREN)
		print("wrk used", used.ru_utime * 1e9, used.ru_stime * 1e9)
	END
	)
	after=($(cpu_ns "$@") $(cpu_ns "${SOFTIRQ[@]}"))
	REFUSED=$(sed -n 's/^ *Non-2xx or 3xx responses: //p' <<<"$out")
	read -r user sys < <(sed -n 's/^wrk used //p' <<<"$out")
	[ "${REFUSED:-0}" -gt 100 ] || die "port $port" "not refused: $out"
	SERVER=$(awk "BEGIN { print (${after[0]} - ${before[0]}) / $REFUSED }")
	REST=$(awk "BEGIN { print (${after[0]} - ${before[0]} + ${after[1]} - ${before[1]} + $sys) / $REFUSED }")
}

program() { # run time and packets of the program that is attached, so far
	local id
	id=$(ip -n "$NETNS_S" -j link show dev srv0 | jq '.[0].xdp.prog.id')
	bpftool prog show id "$id" -j | jq -r '"\(.run_time_ns) \(.run_cnt)"'
}

measure() { # measure SIDE
	local was now
	case $1 in
	tollgate-*)
		answers_arrive || die "a program on cli0"
		agent_start || die "agent" "not ready"
		in_client curl -s -o /dev/null "http://$SERVER4:8080/" # the one that is let through
		case $1 in
		tollgate-program)
			sysctl -q kernel.bpf_stats_enabled=1
			was=($(program))
			load 8080 close "$NGINX"
			now=($(program))
			sysctl -q kernel.bpf_stats_enabled=0
			SERVER=$(awk "BEGIN { print (${now[0]} - ${was[0]}) / $REFUSED }")
			REST=$(awk "BEGIN { print (${now[1]} - ${was[1]}) / $REFUSED }") # packets
			;;
		tollgate-deferred) load 8081 close "$NGINX" ;;
		*) load 8080 close "$NGINX" ;;
		esac
		agent_stop
		tg detach >/dev/null || die "detach"
		ip -n "$NETNS_C" link set dev cli0 xdp off
		;;
	nginx-*) load 8082 "${1#*-}" "$NGINX" ;;
	haproxy-*) load 8083 "${1#*-}" "$HAPROXY" ;;
	esac
	echo "$1 $SERVER $REST $REFUSED" >>"$TMP/rounds"
}

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
of() { awk -v side="$1" -v column="$2" '$1 == side { print $column }' "$TMP/rounds" | median; }
row() { # row TEXT NANOSECONDS TOLLGATE
	printf '| %-58s | %9.2f | %12s |\n' "$1" "$(awk "BEGIN { print $2 / 1000 }")" "$(awk "BEGIN { printf \"%.1f\", $2 / $3 }")"
}

command -v haproxy >/dev/null || { skip "needs haproxy"; exit 0; }
bench_end() { # the kernel's own clocks around each program cost something
	local status=$?
	sysctl -q kernel.bpf_stats_enabled=0
	(exit $status)
	sandbox_end
}
sandbox
trap bench_end EXIT
server_start
haproxy_start
SOFTIRQ=($(pgrep '^ksoftirqd/'))
agent_config "[{name: srv0, mode: native}]" "[8080, 8081]" 'policies: [{subject: "source:192.0.2.0/24", limits: ["1/h burst 1"]}]'
sides=(nginx-keep haproxy-keep nginx-close haproxy-close tollgate-close tollgate-deferred tollgate-program)
for ((round = 1; round <= ROUNDS; round++)); do
	for ((i = 0; i < ${#sides[@]}; i++)); do
		measure "${sides[$((round % 2 ? i : ${#sides[@]} - 1 - i))]}"
	done
done

program=$(of tollgate-program 2) close=$(of tollgate-close 3) deferred=$(of tollgate-deferred 3)
printf '| %-58s | %9s | %12s |\n| %s | %s: | %s: |\n' 'CPU time of a refused request' 'µs' 'of Tollgate' \
	"$(printf '%.0s-' {1..58})" "$(printf '%.0s-' {1..8})" "$(printf '%.0s-' {1..11})"
row "What refuses, by itself: Tollgate's program, $(of tollgate-program 3 | xargs printf %.1f) packets" "$program" "$program"
row "  nginx, on a connection that stays open" "$(of nginx-keep 2)" "$program"
row "  HAProxy, the same" "$(of haproxy-keep 2)" "$program"
row "  nginx, a connection each" "$(of nginx-close 2)" "$program"
row "  HAProxy, the same" "$(of haproxy-close 2)" "$program"
row "All but wrk's own code: Tollgate, a connection each" "$close" "$close"
row "  Tollgate before nginx with \"listen ... deferred\"" "$deferred" "$close"
row "  nginx, a connection each" "$(of nginx-close 3)" "$close"
row "  HAProxy, the same" "$(of haproxy-close 3)" "$close"
row "  nginx, on a connection that stays open" "$(of nginx-keep 3)" "$close"
row "  HAProxy, the same" "$(of haproxy-keep 3)" "$close"
printf '| %-58s | %9.2f | %12s |\n' "  of it nginx behind Tollgate" "$(awk "BEGIN { print $(of tollgate-close 2) / 1000 }")" '' \
	"  of it nginx behind Tollgate, deferred" "$(awk "BEGIN { print $(of tollgate-deferred 2) / 1000 }")" ''
printf '\nMedians of %d rounds of %d s. Goal: at least 20 times what Tollgate takes.\n' "$ROUNDS" "$SECONDS_EACH"
