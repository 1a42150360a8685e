#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Requests that servers may read in several ways: nginx, HAProxy and the meter get the
# same bytes, and what each made of them is compared. The cases are tests/http/servers-*.case.
. "$(dirname "$0")/lib.sh"

for program in nginx haproxy; do
	command -v $program >/dev/null || { skip "$program is not installed"; exit 0; }
done
sandbox

# A server that both pass requests on to, so that they read bodies to their end. A log
# line says "run" if the server's rules ran: the header was good enough for it.
servers_start() {
	mkdir -p "$TMP/nginx"
	cat >"$TMP/nginx/nginx.conf" <<-END
		user root;
		worker_processes 1;
		pid $TMP/nginx/pid;
		error_log $TMP/nginx/error.log notice;
		events { worker_connections 1024; }
		http {
			log_format taken 'key=\$http_x_api_key\$arg_key phase=\$phase status=\$status';
			access_log $TMP/nginx/access.log taken;
			$(nginx_paths)
			client_max_body_size 0;
			proxy_ignore_client_abort on;
			server {
				listen 8080;
				set \$phase run;
				location / { proxy_pass http://unix:$TMP/nginx/behind.sock:/; }
			}
			server {
				listen unix:$TMP/nginx/behind.sock;
				access_log off;
				location / { return 200 "got it\n"; }
			}
		}
	END
	cat >"$TMP/haproxy.cfg" <<-END
		global
			log stdout format raw local0
			maxconn 1000
		defaults
			mode http
			log global
			timeout connect 30s
			timeout client 30s
			timeout server 30s
		frontend metered
			bind :8082
			http-request set-var(txn.phase) str(run)
			declare capture request len 64
			http-request capture req.hdr(X-API-Key) id 0
			log-format "key=%[capture.req.hdr(0)] phase=%[var(txn.phase)] status=%ST"
			default_backend behind
		backend behind
			server nginx unix@$TMP/nginx/behind.sock
	END
	nginx_up
	background "${IN_SERVER[@]}" haproxy -f "$TMP/haproxy.cfg" >"$TMP/haproxy.log" 2>"$TMP/haproxy.err"
	within 10 in_client curl -sf -o /dev/null "http://$SERVER4:8082/up" || die "HAProxy" "$(cat "$TMP/haproxy.err")"
}

servers_start
agent_config "" "[8080, 8082]"
agent_up

compare() { # compare OUT [OPTION...] --cases FILE...: what smuggling.py says of them goes to OUT
	local out=$1
	shift
	in_client /usr/bin/python3 "$NET/smuggling.py" "$@" --table "$out.table" \
		--nginx "$SERVER4:8080:$TMP/nginx/access.log" --haproxy "$SERVER4:8082:$TMP/haproxy.log" \
		--secret "$TMP/state/secret" --enter "nsenter --net=/run/netns/$NETNS_S" \
		--tollgate "$TG" --config "$TMP/etc/tollgate.yaml" >"$out"
}

compare "$TMP/verdicts" --cases "$TG_ROOT"/tests/http/servers-*.case
status=$?
grep '^not ok' "$TMP/verdicts"
equal "nginx, HAProxy and the meter: $(tail -n 1 "$TMP/verdicts")" 0 $status

# The tables in docs/http.md are what was just seen.
sed '1,/^<!-- tables -->$/d; /^<!-- end -->$/,$d' "$TG_ROOT/docs/http.md" >"$TMP/documented"
check "docs/http.md has the tables" diff "$TMP/documented" "$TMP/verdicts.table"

# What is wrong is found.
cat >"$TMP/wrong.case" <<'END'
case given up for nothing
> GET /u/ HTTP/1.1\r\n
> Host: a\r\n
> X-API-Key: token-first\r\n
> \r\n
end ambiguous request

case counted, and refused
> GET /u/ HTTP/1.1\r\n
> X-API-Key: token-first\r\n
> \r\n
request token=token-first
end open

case said to deviate
# deviates: it does not
> GET /u/ HTTP/1.1\r\n
> Host: a\r\n
> X-API-Key: token-first\r\n
> \r\n
request token=token-first
end open
END
refute "cases that are wrong" compare "$TMP/wrong" --first 900 --cases "$TMP/wrong.case"
matches "found: given up for nothing" 'given up for nothing, nginx: whole: the meter counted' "$(cat "$TMP/wrong")"
matches "found: no packet ended so" 'end ambiguous request, nginx: ' "$(cat "$TMP/wrong")"
matches "found: counted, and refused" 'counted, and refused, nginx: whole: DISAGREES' "$(cat "$TMP/wrong")"
matches "found: said to deviate" 'said to deviate, nginx: is said to deviate' "$(cat "$TMP/wrong")"
