#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The verbs: --help, exit status, errors, the shape of their JSON.
. "$(dirname "$0")/lib.sh"

status_of() { "$@" >/dev/null 2>&1; echo $?; }
one_line() { # one_line NAME STATUS COMMAND...: that exit status, and one line on stderr
	local name=$1 wanted=$2 said status
	shift 2
	said=$("$@" 2>&1 >/dev/null)
	status=$?
	equal "$name: exit status" "$wanted" "$status"
	equal "$name: one line on stderr" 1 "$(grep -c . <<<"$said")"
	matches "$name: says what" '^tollgate: ' "$said"
}

up native
for verb in run check status usage top quota block unblock blocks explain doctor detach; do
	equal "$verb --help: exit status" 0 "$(status_of "$TG" $verb --help)"
	matches "$verb --help: names itself" "tollgate $verb" "$("$TG" $verb --help)"
	one_line "$verb --nonsense" 2 "$TG" $verb --nonsense
done
equal "--help" 0 "$(status_of "$TG" --help)"
equal "--version" 0 "$(status_of "$TG" --version)"
one_line "no such verb" 2 "$TG" frobnicate
equal "no verb" 2 "$(status_of "$TG")"
one_line "no such configuration" 2 "$TG" check -c "$TMP/nowhere.yaml"
one_line "no such field" 2 tg usage --by colour
for by in '' source,,token source,; do
	one_line "--by '$by'" 2 tg usage --by "$by"
	matches "--by '$by': the empty name" 'an empty field name' "$(tg usage --by "$by" 2>&1)"
done
one_line "no such output" 2 tg usage -o xml
one_line "source with origin" 2 tg usage --by source,origin
for words in "quota" "quota frobnicate" "quota set" "quota set any" "quota set any 5/x" "quota set any 1/s 2/s" \
	"quota set any 5/s --action burn" "quota set any 5/s -o json" "quota list any" "quota rm" "quota rm nobody" \
	"block" "block any" "block token:a*" "block source:192.0.2.7/24" "block source:192.0.2.7 --for soon" \
	"unblock" "unblock token:a*" "blocks any" "explain" "explain --source 192.0.2.0/24" \
	"explain --source 192.0.2.7 --origin https://a/" "explain --source 192.0.2.7 -o csv"; do
	one_line "$words" 2 tg $words
done
for words in "explain --source 192.0.2.7 sk_live_1" "explain --source 192.0.2.7 --tok=sk_live_1 --x=sk_live_1"; do
	refute "$words: does not repeat what may be a token" grep -q sk_live <(tg $words 2>&1)
done

sed 's/listen_ports:/lisen_ports:/' "$TMP/etc/tollgate.yaml" >"$TMP/bad.yaml"
one_line "an unknown key" 2 "$TG" check -c "$TMP/bad.yaml"
matches "an unknown key: file, line and key" "bad.yaml.*2.*lisen_ports" "$("$TG" check -c "$TMP/bad.yaml" 2>&1)"
one_line "run on a bad configuration" 2 "$TG" run -c "$TMP/bad.yaml"
tg check >"$TMP/effective.yaml"
equal "check: exit status" 0 $?
equal "check prints what check reads back alike" "$(cat "$TMP/effective.yaml")" "$("$TG" check -c "$TMP/effective.yaml")"

curl_get -H 'X-API-Key: acme_token_1' -H 'Origin: https://Shop.Example:8443/' "http://$SERVER4:8080/[1-3]"
curl_get -H 'X-API-Key: acme_token_2' -H 'Referer: http://blog.example/x' "http://[$SERVER6]:8080/[1-4]"
curl_get "http://$SERVER4:8080/"
counts_equal "something to show"
json=$(tg usage --by source,token -o json)
equal "usage: keys" "rows,since,total,unattributed,until" "$(jq -r 'keys | join(",")' <<<"$json")"
equal "usage: a row" "allowed,bytes,denied,observed,requests,source,token,token_id" \
	"$(jq -r '.rows[0] | keys | join(",")' <<<"$json")"
equal "usage: total" "allowed,bytes,denied,observed,requests" "$(jq -r '.total | keys | join(",")' <<<"$json")"
equal "usage: IPv4 source" 3 "$(jq '.rows[] | select(.source == "192.0.2.1" and .token == "acme_tok") | .requests' <<<"$json")"
equal "usage: IPv6 source by its prefix" 4 "$(jq '.rows[] | select(.source == "2001:db8::/64") | .requests' <<<"$json")"
equal "usage: without a token" 1 "$(jq '.rows[] | select(.token == "-") | .requests' <<<"$json")"
equal "usage: token ids" 2 "$(jq -r '.rows[].token_id // empty' <<<"$json" | grep -cE '^[0-9a-f]{16}$')"
equal "usage: since is a time" 0 "$(status_of date -d "$(jq -r .since <<<"$json")")"
for by in source token prefix origin policy interface token,source token,origin interface,token; do
	json=$(tg usage --by $by -o json)
	equal "usage --by $by: total" 8 "$(jq '.total.requests' <<<"$json")"
	equal "usage --by $by: rows and unattributed add up" 8 \
		"$(jq '([.rows[].requests] | add) + .unattributed.requests' <<<"$json")"
	equal "usage --by $by: each field in each row" true \
		"$(jq --arg by $by '. as $all | $by | split(",") | all(. as $f | $all.rows | all(has($f)))' <<<"$json")"
done
equal "usage --by origin" "-:1 blog.example:4 shop.example:3" \
	"$(tg usage --by origin -o json | jq -r '[.rows[] | "\(.origin):\(.requests)"] | sort | join(" ")')"
equal "usage --by prefix: two tokens in one" 7 \
	"$(tg usage --by prefix -o json | jq '.rows[] | select(.prefix == "acme_tok") | .requests')"
equal "usage --top 1: one row, and the rest in other" 8 "$(tg usage --by source --top 1 -o json | jq .total.requests)"
matches "usage, csv: head" '^"?source"?,' "$(tg usage --by source -o csv | head -n 1)"
# What strangers send must not be a formula to a spreadsheet.
for first in = + - @; do
	curl_get -H "X-API-Key: ${first}2+5,\"cmd" "http://$SERVER4:8080/"
done
counts_equal "tokens like formulas"
csv=$(tg usage --by prefix -o csv)
equal "usage, csv: no cell is a formula" 0 "$(grep -cE '(^|,)"?[=+@]|(^|,)"?-[^,]' <<<"$csv")"
equal "usage, csv: they stand there as text" 4 "$(grep -cE "^\"'[-=+@]2\+5" <<<"$csv")"
equal "usage, csv: a lone dash stays" 1 "$(grep -c '^-,' <<<"$csv")"
matches "usage, table" 'acme_tok' "$(tg usage)"

json=$(tg status -o json)
equal "status: is JSON" object "$(jq -r type <<<"$json")"
matches "status: the interface" 'srv0' "$json"
matches "status: its mode" '"native"' "$json"
matches "status, table" 'srv0' "$(tg status)"
equal "doctor" 0 "$(status_of tg doctor)"
equal "doctor -o json is JSON" 0 "$(tg doctor -o json | status_of jq .)"
