#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Scrapers that connect and read nothing, more than there is room for: other scrapes, the
# control socket, counting and enforcement go on, and the agent does not grow.
. "$(dirname "$0")/lib.sh"

STALLED=600 TOKENS=3000
scrape() { in_server curl -sf -m 10 -o "$TMP/page" "http://$METRICS/metrics"; } # Prometheus waits 10 s
memory() { awk '/^VmRSS/ { print $2 }' "/proc/$AGENT/status"; }
connected() { [ "$(in_server ss -Htn state established "sport = :${METRICS##*:}" | wc -l)" -ge "$1" ]; }

up_quotas native
spend_quota
token_script 1 $TOKENS t%07d-token >"$TMP/many.lua"
in_client wrk -t 1 -c 8 -d 2s -s "$TMP/many.lua" "http://$SERVER4:8080/" >"$TMP/wrk.out" 2>&1
check "a scrape" scrape
page=$(wc -c <"$TMP/page")
check "the page is more than sockets hold" test "$page" -gt 200000
before=$(memory)
background "${IN_SERVER[@]}" /usr/bin/python3 "$NET/stalled_scraper.py" "$METRICS" $STALLED
check "they are connected" within 10 connected 64
missed=0
for round in {1..8}; do
	scrape || missed=$((missed + 1))
	curl_get -H 'X-API-Key: free-token-1' "http://$SERVER4:8080/[1-10]" # the page is another one now
	sleep 1
done
equal "8 scrapes beside them: missed" 0 "$missed"
check "the CLI is answered" tg status
stays_spent "the quota holds"
check "a policy is set" tg quota set 'token:more_*' 1/month
equal "and holds" "200/0 429/0" "$(ask more_token-1 "http://$SERVER4:8080/[1-2]")"
check "a block holds" eval 'tg block source:192.0.2.77 && tg unblock source:192.0.2.77'
counts_equal "beside stalled scrapers" --admitted
conserved "beside stalled scrapers"
after=$(memory)
check "the agent has grown by less than a page for each of them ($before kB, now $after)" \
	test $(((after - before) * 1024)) -lt $((page * 40))
kill "$STARTED_PID"
check "a scrape after them" scrape
