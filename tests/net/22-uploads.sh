#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Bodies of 1 MB and more on connections that are used again: the scanner steps
# over them, and finds the request that follows.
. "$(dirname "$0")/lib.sh"

upload() { # upload MODE HOST: lengths and chunks in turn, on one connection
	local url=http://$2:8080/u i again=()
	for i in 1 2 3; do
		again+=(--next -sS -H 'Authorization: Bearer uploader' --data-binary "@$TMP/body" "$url/$i")
		again+=(--next -sS -H 'X-API-Key: chunked-uploader' -H 'Transfer-Encoding: chunked'
			-H 'Expect:' --data-binary "@$TMP/body" "$url/$i")
		again+=(--next -sS "$url/$i?key=in-between")
	done
	curl_get "${again[@]:1}"
	equal "$1, $2: one connection for all" 1 \
		"$(in_client curl -sS -w '%{num_connects}\n' -o /dev/null "${again[@]:1}" | grep -c '^1')"
}

# A body of requests, so that a scanner that looks inside counts too many.
sandbox
steer
nginx_start
for mode in native generic; do
	yes "GET /decoy HTTP/1.1" | head -c 1500000 | sed 's/$/\r/' >"$TMP/body"
	agent_config "[{name: srv0, mode: $mode}]"
	agent_start || die "agent" "not ready"
	upload "$mode" "$SERVER4"
	upload "$mode" "[$SERVER6]"
	counts_equal "$mode: uploads" --bytes
	conserved "$mode: uploads"
	agent_stop
	tg detach >/dev/null || not_ok "detach"
	: >"$TMP/nginx/access.log"
done
