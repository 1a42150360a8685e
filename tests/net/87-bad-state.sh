#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What an agent reads is broken: its state as it starts, its configuration at SIGHUP. It
# goes on without what it can do without, and says so; of the rest it names the file and
# what to do, and the meter enforces meanwhile what it enforced before.
. "$(dirname "$0")/lib.sh"

STATE=
log_lines() { wc -l <"$TMP/agent.log"; }
since() { tail -n "+$(($1 + 1))" "$TMP/agent.log"; }
spoil() { # spoil HOW FILE
	case $1 in
	empty) : >"$2" ;;
	garbage) head -c 4096 /dev/urandom >"$2" ;;
	truncated) truncate -s $(($(stat -c %s "$2") / 2)) "$2" ;;
	directory) rm -f "$2" && mkdir "$2" ;;
	fifo) rm -f "$2" && mkfifo "$2" ;;
	zeros) head -c 100000 /dev/zero >"$2" ;;
	loop) rm -f "$2" && ln -s "$(basename "$2")" "$2" ;;
	esac
}
mend() { rm -rf "${TMP:?}/state" && cp -a "$STATE" "$TMP/state"; }
lives_without() { # lives_without FILE REGEX HOW...
	local file=$1 regex=$2 how old
	shift 2
	for how in "$@"; do
		spoil "$how" "$TMP/state/$file"
		old=$(log_lines)
		check "$file, $how: an agent starts" agent_start
		[ -n "$AGENT" ] || continue
		metrics >/dev/null
		matches "$file, $how: it names the file" "$regex" "$(since "$old")"
		equal "$file, $how: its policies hold" "$policies" "$(policy_list)"
		stays_spent "$file, $how: the quota is spent, as before"
		agent_stop
		mend
	done
}
only_enforces() { # only_enforces NAME REGEX: without an agent, which names the file
	local old
	old=$(log_lines)
	starts_not "$1" "$2" || return
	equal "$1: in one line" 1 "$(since "$old" | grep -c 'tollgate: run: ')"
	stays_spent "$1: the quota is spent, as before"
}
needs() { # needs FILE REGEX HOW...
	local file=$1 regex=$2 how
	shift 2
	for how in "$@"; do
		spoil "$how" "$TMP/state/$file"
		only_enforces "$file, $how" "$regex"
		mend
	done
}

up_quotas native
spend_quota
tg block source:192.0.2.77 --reason 'a test' >/dev/null
metrics >/dev/null
policies=$(policy_list)
agent_stop
STATE=$TMP/state.good
cp -a "$TMP/state" "$STATE"
equal "the files of state_dir" "runtime.json secret series spent" "$(ls "$TMP/state" | xargs)"

# --- as it starts -------------------------------------------------------------------------
lives_without spent "state/spent: " garbage truncated directory fifo
lives_without series "state/series: " garbage fifo
needs runtime.json 'state/runtime\.json: .*(mend the file or remove it|cannot be read|cannot be opened)' \
	empty truncated directory fifo
needs secret "state/secret: " garbage truncated fifo
chmod 644 "$TMP/state/secret"
only_enforces "a secret that all may read" 'state/secret: .*mode'
mend
{ head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' && echo; } >"$TMP/state/secret"
only_enforces "another secret" 'state/secret: not the secret that the pinned maps were made under'
mend
rm "$TMP/state/runtime.json"
check "without what was set by hand: an agent starts" agent_start
equal "and has forgotten it" '[]' "$(policy_list)"
agent_stop
mend
check "mended: an agent starts" agent_start
equal "with its policies" "$policies" "$(policy_list)"

# --- at SIGHUP ------------------------------------------------------------------------------
refused() { # refused NAME REGEX: the file is as it is
	local old
	old=$(log_lines)
	kill -HUP "$AGENT"
	names() { since "$old" | grep -qE "reload refused, the old configuration stays in force: .*$regex"; }
	regex=$2
	check "$1: the agent names the file" within 10 names
	equal "$1: its policies hold" "$policies" "$(policy_list tg_good)"
}
cp "$TMP/etc/tollgate.yaml" "$TMP/etc/good.yaml"
tg_good() { in_server "$TG" "$1" -c "$TMP/etc/good.yaml" "${@:2}"; }
for how in empty garbage truncated directory zeros loop; do
	spoil "$how" "$TMP/etc/tollgate.yaml"
	refused "configuration, $how" 'tollgate\.yaml'
	rm -rf "$TMP/etc/tollgate.yaml"
	cp "$TMP/etc/good.yaml" "$TMP/etc/tollgate.yaml"
done
rm "$TMP/etc/tollgate.yaml"
refused "configuration, gone" 'tollgate\.yaml'
cp "$TMP/etc/good.yaml" "$TMP/etc/tollgate.yaml"
spoil garbage "$TMP/state/secret"
refused "secret, garbage" 'state/secret'
mend
old=$(log_lines)
kill -HUP "$AGENT"
again() { since "$old" | grep -q 'read again and in force'; }
check "mended: read again" within 10 again
stays_spent "at last: the quota is spent, as before"
curl_get -H 'X-API-Key: free-token-1' "http://$SERVER4:8080/[1-10]"
counts_equal "at last" --admitted
conserved "at last"
