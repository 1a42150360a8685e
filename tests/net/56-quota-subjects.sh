#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Each kind of subject: of a kind, the most specific policy that matches is the one
# that counts; every kind that matches is enforced; explain names them.
. "$(dirname "$0")/lib.sh"

URL=http://$SERVER4:8080
set_quota() { # set_quota SUBJECT N [OPTION...]
	local subject=$1 n=$2
	shift 2
	check "quota set $subject" tg quota set "$subject" "$n/month" "$@"
}
rm_quota() { for subject in "$@"; do tg quota rm "$subject" >/dev/null || not_ok "quota rm $subject"; done; }
lets() { # lets NAME N ARGUMENT...: of N + 2 requests, the first N are served and the others are not
	local name=$1 n=$2 wanted
	shift 2
	wanted=$(printf '200/0 %.0s' $(seq "$n"))"429/0 429/0"
	equal "$name: $n" "$wanted" "$(ask "$@" "$URL/[1-$((n + 2))]")"
}
without_token() { in_client curl -s -m 5 -o /dev/null -w '%{http_code} ' "$@"; }
ids() { tg usage --by token -o json | jq -r ".rows[] | select(.token | startswith(\"$1\")) | .token_id"; }
explained() { # explained NAME JQ-FILTER WANTED ARGUMENT...: of explain
	local name=$1 filter=$2 wanted=$3
	shift 3
	equal "explain, $name" "$wanted" "$(tg explain -o json "$@" | jq -c "$filter")"
}

up_quotas native
for address in 192.0.2.11 192.0.2.12 192.0.2.77; do ip -n "$NETNS_C" addr add "$address/24" dev cli0; done
for address in 2001:db8::11 2001:db8:0:1::1 2001:db8:0:2::1; do
	ip -n "$NETNS_C" addr add "$address/48" dev cli0 nodad
done
ip -n "$NETNS_S" addr add 2001:db8:0:ffff::2/48 dev srv0 nodad

# --- sources: /24 < /28 < /32, and each address has its own ---------------------------
set_quota source:192.0.2.0/24 5
set_quota source:192.0.2.0/28 3
set_quota source:192.0.2.12 1
lets "source, /32 in /28 in /24" 1 sub-token-1 --interface 192.0.2.12
lets "source, /28 in /24" 3 sub-token-1 --interface 192.0.2.11
lets "source, another in the /28" 3 sub-token-1 --interface 192.0.2.1
lets "source, /24" 5 sub-token-1 --interface 192.0.2.77
explained "the longest prefix" '.policies | map(.subject)' '["source:192.0.2.12"]' --source 192.0.2.12
matches "explain, in words" 'source:192\.0\.2\.12' "$(tg explain --source 192.0.2.12)"
rm_quota source:192.0.2.0/24 source:192.0.2.0/28 source:192.0.2.12
equal "all removed: no limit" "200/0 200/0" "$(ask sub-token-1 "$URL/[1-2]")"
# One budget for a network.
set_quota source:192.0.2.0/28 4 --per shared
equal "source, shared: two of" "200/0 200/0" "$(ask sub-token-2 --interface 192.0.2.11 "$URL/[1-2]")"
lets "source, shared: what is left" 2 sub-token-2 --interface 192.0.2.12
rm_quota source:192.0.2.0/28

# --- IPv6: a budget for each /64, as sources are counted -------------------------------
URL="http://[2001:db8:0:ffff::2]:8080"
set_quota source:2001:db8::/48 3
set_quota source:2001:db8:0:2::/64 1
equal "IPv6: two of" "200/0 200/0" "$(ask sub-token-3 --interface 2001:db8::1 "$URL/[1-2]")"
lets "IPv6, same /64: what is left" 1 sub-token-3 --interface 2001:db8::11
lets "IPv6, another /64" 3 sub-token-3 --interface 2001:db8:0:1::1
lets "IPv6, the longer prefix" 1 sub-token-3 --interface 2001:db8:0:2::1
explained "IPv6" '.policies | map(.subject)' '["source:2001:db8:0:2::/64"]' --source 2001:db8:0:2::9
rm_quota source:2001:db8::/48 source:2001:db8:0:2::/64
URL=http://$SERVER4:8080

# --- tokens: prefixes, the longest wins; an id beside them ----------------------------------
set_quota 'token:*' 5
set_quota 'token:free_*' 3
set_quota 'token:free_trial*' 1
lets "token:*" 5 paid_token-1
lets "token:free_*" 3 free_token-1
lets "token:free_*, another token" 3 free_token-2
lets "token:free_trial*" 1 free_trial-1
equal "token:*, no token: no limit" "200 200 200 200 200 200 " "$(without_token "$URL/[1-6]")"
explained "the longest prefix" '.policies | map(.subject)' '["token:free_trial*"]' --source "$CLIENT4" --token free_trial-9
rm_quota 'token:free_*' 'token:free_trial*' 'token:*'

ask ident_token-1 "$URL/" >/dev/null
ask ident_token-2 "$URL/" >/dev/null
id=$(tg explain --source "$CLIENT4" --token ident_token-1 -o json | jq -r .token_id)
check "explain knows the id that usage shows" grep -qx "$id" <<<"$(ids ident)"
set_quota "token-id:$id" 2
lets "token-id" 2 ident_token-1
equal "token-id: another with the same prefix: no limit" "200/0 200/0 200/0" "$(ask ident_token-2 "$URL/[1-3]")"
set_quota 'token:ident*' 1
equal "token-id and prefix: the tightest" 429/0 "$(ask ident_token-1 "$URL/")"
lets "the prefix alone" 1 ident_token-2
rm_quota "token-id:$id" 'token:ident*'

# --- any ------------------------------------------------------------------------------------------
set_quota any 3
equal "any, each: a budget for each source" "200 200 200 429 " "$(without_token --interface 192.0.2.11 "$URL/[1-4]")"
equal "any, each: another source" "200 200 200 429 " "$(without_token --interface 192.0.2.12 "$URL/[1-4]")"
rm_quota any
set_quota any 3 --per shared
equal "any, shared" "200 200 " "$(without_token --interface 192.0.2.11 "$URL/[1-2]")"
equal "any, shared: what is left" "200 429 " "$(without_token --interface 192.0.2.12 "$URL/[1-2]")"
rm_quota any

# --- every kind that matches is enforced --------------------------------------------------------------
set_quota any 6
set_quota 'token:kind*' 4
set_quota source:192.0.2.11 2 --action reset
explained "all kinds" '[.verdict, (.policies | map(.subject) | sort)]' \
	'["allowed",["any","source:192.0.2.11","token:kind*"]]' --source 192.0.2.11 --token kind_token-1
equal "the source is the tightest" "200/0 200/0 000/56" "$(ask kind_token-1 --interface 192.0.2.11 "$URL/[1-3]")"
explained "which and why" '[.verdict, (.why | split(" ")[0])]' '["denied","source:192.0.2.11"]' --source 192.0.2.11 --token kind_token-1
lets "then the token, two of which are spent" 2 kind_token-1 --interface 192.0.2.12
explained "which and why" '[.verdict, (.why | split(" ")[0])]' '["denied","token:kind*"]' --source 192.0.2.12 --token kind_token-1
equal "what was refused by one is not taken from another" "200 200 200 200 429 " \
	"$(without_token --interface 192.0.2.12 "$URL/[1-5]")"
explained "no token" '[.verdict, (.why | split(" ")[0])]' '["denied","any"]' --source 192.0.2.12
conserved "all of it"
