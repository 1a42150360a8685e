#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Policies are replaced in one step: under load, no request slips through between
# the old set and the new; a set that does not stand changes nothing.
. "$(dirname "$0")/lib.sh"

policies() { # policies LINE...: the configuration with these after the one that is watched
	agent_config '[{name: srv0, mode: native}]' '[8080, 8081]' "$(
		echo "policies:"
		echo "  - {subject: \"token:kept_*\", limits: [\"500/month\"]}"
		[ $# = 0 ] || printf '  - %s\n' "$@"
	)"
}
reloads() { grep -c 'read again and in force' "$TMP/agent.log"; }
reloaded() { [ "$(reloads)" -gt "$1" ]; }
subjects() { tg quota list -o json | jq -r '[.rows[].subject] | sort | join(" ")'; }
reload() { # reload NAME: SIGHUP, and wait until it is done
	local before
	before=$(reloads)
	kill -HUP "$AGENT"
	within 20 reloaded "$before" || not_ok "$1" "not read again: $(tail -n 1 "$TMP/agent.log")"
}
rejected() { # rejected NAME REGEX: SIGHUP changes nothing, and the agent says why
	local before old regex=$2
	before=$(tg quota list | sed 's/ *$//') old=$(wc -l <"$TMP/agent.log")
	kill -HUP "$AGENT"
	complains() { tail -n "+$((old + 1))" "$TMP/agent.log" | grep -qE -- "$regex"; }
	check "$1: the agent names it" within 5 complains
	equal "$1: nothing changed" "$before" "$(tg quota list | sed 's/ *$//')"
}

up_quotas native
policies '{subject: "token:more_0*", limits: ["7/month"]}'
reload "the first set"
hammer kept_token-1 "http://$SERVER4:8080/" 1
equal "spent: 500" 500 "$(admitted kept_token-1)"
background "${IN_CLIENT[@]}" wrk -t 1 -c 8 -d 120s -H "X-API-Key: kept_token-1" "http://$SERVER4:8080/" >"$TMP/wrk.out" 2>&1
load=$STARTED_PID
denied=$(counted denied kept_token-1)
for round in {1..20}; do
	if [ $((round % 2)) = 0 ]; then
		policies "{subject: \"token:more_$round*\", limits: [\"7/month\"]}"
	else # before it, behind it, of every kind
		policies '{subject: "token:kept_a*", limits: ["1/s"]}' '{subject: any, limits: ["1000000/s"]}' \
			'{subject: "token:ke*", limits: ["9/day"], per: shared}' '{subject: "source:198.51.100.0/24", limits: ["5/m"]}'
	fi
	reload "round $round"
done
equal "the last of 20 sets holds" 'token:kept_* token:more_20*' "$(subjects)"
check "there was load all the while" test "$(counted denied kept_token-1)" -gt $((denied + 1000))
# The same at run time.
for round in {1..5}; do
	check "quota set, round $round" tg quota set 'token:kept_b*' 5/m
	check "quota rm, round $round" tg quota rm 'token:kept_b*'
done
kill -INT "$load"
wait "$load"
sleep 0.5
equal "not one request slipped through" 500 "$(admitted kept_token-1)"
conserved "20 reloads under load"

# --- a set that does not stand -----------------------------------------------------------
policies '{subject: "token:good_*", limits: ["5/m"]}' '{subject: "token:bad", limits: ["5/m"]}'
rejected "a subject without its *" 'token:bad'
policies '{subject: "token:good_*", limits: ["5/m"]}' '{subject: "source:192.0.2.0/24", limits: ["5/fortnight"]}'
rejected "a unit that does not exist" 'fortnight'
policies '{subject: "token:good_*", limits: ["5/m"]}' '{subject: "token:good_*", limits: ["6/m"]}'
rejected "the same subject twice" 'token:good_\*'
policies '{subject: "source:192.0.2.7", limits: ["5/m"]}'
echo 'never_block: [192.0.2.0/24]' >>"$TMP/etc/tollgate.yaml"
rejected "a source that is never blocked" '192\.0\.2\.7'
refute "check says so, too" tg check
refute "and so does a new agent" "$TG" run -c "$TMP/etc/tollgate.yaml"
policies

# --- at run time ------------------------------------------------------------------------------
reload "the watched one alone"
check "quota set" tg quota set 'token:live_*' '3/month' '50/s burst 9' --action reset --per shared
check "it wins over the file's" tg quota set 'token:kept_*' 501/month
listed() { tg quota list -o json | jq -c '[.rows[] | [.subject, .limit, .action, .per, .from]] | sort'; }
both='[["token:kept_*","501/month","reject","each","runtime"],["token:live_*","3/month","reset","shared","runtime"],["token:live_*","50/s burst 9","reset","shared","runtime"]]'
equal "quota list" "$both" "$(listed)"
agent_stop
check "another agent" agent_start
equal "after a restart" "$both" "$(listed)"
reload "after a restart"
equal "after a reload" "$both" "$(listed)"
check "quota rm" tg quota rm 'token:live_*'
check "quota rm: the file's again" tg quota rm 'token:kept_*'
agent_stop KILL
check "another agent" agent_start
equal "after another" '[["token:kept_*","500/month","reject","each","file"]]' "$(listed)"
refute "the file's is not removed by quota rm" tg quota rm 'token:kept_*'

# --- bad ones, by hand -----------------------------------------------------------------------------
bad() { # bad REGEX ARGUMENT...: of quota set
	local regex=$1 said status
	shift
	said=$(tg quota set "$@" 2>&1 >/dev/null)
	status=$?
	equal "quota set $*: exit status and lines" "2 1" "$status $(grep -c . <<<"$said")"
	matches "quota set $*: what it says" "$regex" "$said"
}
bad 'token:x' 'token:x' 5/s
bad 'tokn' 'tokn:x*' 5/s
bad '300\.0\.0\.1' source:300.0.0.1 5/s
bad '192\.0\.2\.0/33' source:192.0.2.0/33 5/s
bad '2001:db8::/65' 2001:db8::/65 5/s
bad 'token-id:12' token-id:12 5/s
bad '5/fortnight' any 5/fortnight
bad '0/s' any 0/s
bad '"-1/s|-1/s' any -- -1/s
bad 'burst' any '5/day burst 3'
bad '5/s' any 5/s 6/s
bad 'explode' any 5/s --action explode
bad 'some' any 5/s --per some
bad 'after' any 5/s --block 'after lunch'
bad 'LIMIT' any
equal "none of them holds" "$(listed)" '[["token:kept_*","500/month","reject","each","file"]]'
