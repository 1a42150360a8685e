#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Pipelined requests: those within the quota get their responses, all of them, then
# the connection is reset. Neither end keeps a socket.
. "$(dirname "$0")/lib.sh"

CASE_N=0
pipelined() { # pipelined NAME HOST QUOTA COUNT [ARGUMENT...]
	local name="$1, $4 at once under $3${5:+, $5 $6}" host=$2 quota=$3 count=$4 said token
	shift 4
	token=p$((++CASE_N))_pipelined
	tg quota set "token:${token%%_*}_*" "$quota/month" >/dev/null || not_ok "$name: quota set"
	said=$(raw --pipelined --count "$count" "$@" "$host" 8080 "$token")
	equal "$name ($(jq .ms <<<"$said") ms)" "$(jq -cn --argjson n "$quota" '[[range($n) | 200], "reset"]')" \
		"$(jq -c '[.statuses, .end]' <<<"$said")"
	equal "$name: nginx's log" "$quota" "$(admitted "$token")"
	# What stands behind the refused one is never looked at: no request, not denied.
	comes_to "$name: allowed, denied" "$quota 1" verdicts "$token"
	server_is_free "$name"
	client_is_free "$name"
}
verdicts() { echo "$(counted allowed "$1") $(counted denied "$1")"; }

each_host() { # each_host MODE
	local host
	for host in "$SERVER4" "$SERVER6"; do
		pipelined "$1 $host" "$host" 1 2
		pipelined "$1 $host" "$host" 2 4
		pipelined "$1 $host" "$host" 30 100
		pipelined "$1 $host" "$host" 2 4 --method POST --body 100
	done
	conserved "$1"
}

up_quotas native
each_host native
meter_in generic
each_host generic

# All refused: the first of them gets the 429.
tg quota set 'token:none_*' 1/month >/dev/null
ask none_pipelined "http://$SERVER4:8080/" >/dev/null
equal "all beyond the quota: one 429, then the end" '[[429],"eof"]' \
	"$(raw --pipelined --count 5 "$SERVER4" 8080 none_pipelined | jq -c '[.statuses, .end]')"
server_is_free "all beyond the quota"
