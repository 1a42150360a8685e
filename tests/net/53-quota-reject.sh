#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The 429: when it comes, with which Retry-After, for which requests; and that
# neither end keeps a socket.
. "$(dirname "$0")/lib.sh"

CASE_N=0
fresh() { # fresh N/UNIT: a token with a policy of its own, in TOKEN
	TOKEN=c$((++CASE_N))_token-of-case
	tg quota set "token:${TOKEN%%_*}_*" "$1" >/dev/null || not_ok "quota set $TOKEN"
}
told() { # told NAME WANTED JSON: statuses and end; prints how long it took
	equal "$1 ($(jq .ms <<<"$3") ms)" "$2" "$(jq -c '[.statuses, .end]' <<<"$3")"
}
served() { # served NAME N: of TOKEN, N reached nginx's log and one was denied
	comes_to "$1: denied once" "1 $2" verdicts
	equal "$1: nginx's log" "$2" "$(admitted "$TOKEN")"
	server_is_free "$1"
	client_is_free "$1"
}
verdicts() { echo "$(counted denied "$TOKEN") $(counted allowed "$TOKEN")"; }

each_way() { # each_way MODE HOST: all of it
	local url=http://$2:8080 bare=${2#[} said name
	bare=${bare%]}

	# What a real client makes of it.
	fresh 1/minute
	curl_get -H "X-API-Key: $TOKEN" "$url/first"
	said=$(in_client curl -s -m 5 -i -w 'took=%{time_total}' -H "X-API-Key: $TOKEN" "$url/")
	name="$1 $2"
	matches "$name: status, $(sed -n 's/^took=//p' <<<"$said") s" '^HTTP/1.1 429 Too Many Requests.$' "$said"
	matches "$name: Retry-After" '^Retry-After: ([1-9]|[1-5][0-9]|60).$' "$said"
	matches "$name: no body" '^Content-Length: 0.$' "$said"
	served "$name, curl" 1
	fresh 1/s
	said=$(raw --count 2 "$bare" 8080 "$TOKEN")
	told "$name, a rate" '[[200,429],"eof"]' "$said"
	equal "$name, a rate: Retry-After" 1 "$(jq -r .retry_after <<<"$said")"

	# The first and later requests of a connection; methods and versions.
	fresh 3/month
	told "$name, the fourth of a connection" '[[200,200,200,429],"eof"]' "$(raw --count 4 "$bare" 8080 "$TOKEN")"
	served "$name, the fourth" 3
	for method in HEAD POST DELETE; do
		fresh 1/month
		told "$name, $method" '[[200,429],"eof"]' "$(raw --count 2 --method "$method" "$bare" 8080 "$TOKEN")"
		served "$name, $method" 1
	done
	fresh 1/month
	ask "$TOKEN" "$url/" >/dev/null
	told "$name, HTTP/1.0" '[[429],"eof"]' "$(raw --version 1.0 "$bare" 8080 "$TOKEN")"
	served "$name, HTTP/1.0" 1

	# A header over several segments: the server has seen part of it. Where the last
	# is too small for an answer, a reset.
	fresh 1/month
	told "$name, five segments" '[[200,429],"eof"]' "$(raw --count 2 --cuts 1,17,40,-60 "$bare" 8080 "$TOKEN")"
	served "$name, five segments" 1
	fresh 1/month
	told "$name, a last segment of 1 byte" '[[200],"reset"]' "$(raw --count 2 --cuts -1 "$bare" 8080 "$TOKEN")"
	served "$name, 1 byte" 1

	# 1 MB: none of it is read, with and without Expect.
	for expect in '' 100-continue; do
		fresh 1/month
		ask "$TOKEN" "$url/" >/dev/null
		equal "$name, POST 1 MB${expect:+, Expect}: 429" 429/0 \
			"$(ask "$TOKEN" -H "Expect: $expect" --data-binary "@$TMP/1mb" "$url/u/")"
		served "$name, POST 1 MB${expect:+, Expect}" 1
	done
	# The server answers before it has the first body, so that its end and the second
	# request may share a segment, and the answer be a reset.
	for round in 1 2 3; do
		fresh 1/month
		said=$(raw --count 2 --method POST --body 1000000 "$bare" 8080 "$TOKEN")
		matches "$name, two POSTs of 1 MB, round $round ($(jq .ms <<<"$said") ms)" \
			'^\[\[200(,429)?\],"(eof|reset)"\]$' "$(jq -c '[.statuses, .end]' <<<"$said")"
		served "$name, two POSTs of 1 MB, round $round" 1
	done
}

# The first packet with FIN and PSH is lost on its way: the client asks again, by
# TCP's retransmission, and gets its answer; that is still one request.
lost() { # lost NAME
	in_client nft -f - <<-'END' || { skip "$1: no nftables"; return; }
		table inet lose {
			chain in {
				type filter hook input priority 0;
				tcp sport 8080 tcp flags & (fin | psh) == (fin | psh) limit rate 1/day burst 1 packets counter drop
			}
		}
	END
	fresh 1/month
	told "$1: the 429 was lost once" '[[200,429],"eof"]' "$(raw --count 2 "$SERVER4" 8080 "$TOKEN")"
	matches "$1: it was" 'counter packets 1 ' "$(in_client nft list table inet lose)"
	in_client nft delete table inet lose
	served "$1: lost" 1
}

head -c 1000000 /dev/zero >"$TMP/1mb"
up_quotas native
each_way native "$SERVER4"
each_way native "[$SERVER6]"
lost native
conserved native
meter_in generic
each_way generic "$SERVER4"
each_way generic "[$SERVER6]"
lost generic
conserved generic
