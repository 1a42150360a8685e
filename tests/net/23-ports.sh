#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Several ports are metered, and no other.
. "$(dirname "$0")/lib.sh"

sandbox
nginx_start 8082 8083
agent_config '[{name: srv0, mode: native}]' '[8081, 8082]'
agent_start || die "agent" "not ready"
for port in 8080 8081 8082 8083; do
	curl_get -H "X-API-Key: on-port-$port" "http://$SERVER4:$port/[1-10]"
done
# The judge is told of the metered ports only.
grep -E '"port":808[12],' "$TMP/nginx/access.log" >"$TMP/metered"
equal "the log has both ports" 20 "$(wc -l <"$TMP/metered")"
cat "$TMP/metered" >"$TMP/nginx/access.log"
counts_equal "two of four ports" --bytes
