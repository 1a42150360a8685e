#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The metrics page: clean under promtool, scraped by a real Prometheus, which
# answers a query with what the access log says.
. "$(dirname "$0")/lib.sh"

up native
curl_get -H 'X-API-Key: metered-token-1' -H 'Origin: https://a.example' "http://$SERVER4:8080/[1-30]"
curl_get "http://$SERVER4:8080/[1-12]"
wrk_load 2000
counts_equal "before the scrape"
log=$(wc -l <"$TMP/nginx/access.log")

page=$(metrics)
check "promtool check metrics is clean" promtool check metrics <<<"$page"
equal "promtool says nothing" "" "$(promtool check metrics <<<"$page" 2>&1)"
matches "text format 0.0.4" 'text/plain; *version=0.0.4' "$(in_server curl -s -D - -o /dev/null "http://$METRICS/metrics")"
for name in requests_total request_bytes_total source_requests_total packets_total \
	unattributed_requests_total map_entries map_capacity build_info; do
	matches "has tollgate_$name" "^tollgate_$name\{" "$page"
done
equal "another path is not found" 404 "$(in_server curl -s -o /dev/null -w '%{http_code}' "http://$METRICS/other")"
matches "tokens by their prefix" '^tollgate_requests_total\{interface="srv0",token="metered-",verdict="allowed"\} 30$' "$page"

cat >"$TMP/prometheus.yml" <<-END
	scrape_configs:
	  - job_name: tollgate
	    scrape_interval: 1s
	    static_configs: [{targets: ["$METRICS"]}]
END
background "${IN_SERVER[@]}" prometheus --config.file="$TMP/prometheus.yml" --storage.tsdb.path="$TMP/tsdb" \
	--web.listen-address=127.0.0.1:9090 >"$TMP/prometheus.log" 2>&1
ask() { # ask QUERY: the value of the only answer
	in_server curl -s -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" |
		jq -r '.data.result[0].value[1] // empty'
}
scraped() { [ "$(ask 'sum(tollgate_requests_total)')" = "$log" ]; }
within 20 scraped
equal "Prometheus knows all requests" "$log" "$(ask 'sum(tollgate_requests_total) + sum(tollgate_unattributed_requests_total)')"
equal "and its target is up" 1 "$(ask 'up{job="tollgate"}')"
equal "sources add up to the same" "$log" "$(ask 'sum(tollgate_source_requests_total)')"
