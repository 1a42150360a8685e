#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# No room in state_dir, or in run_dir, for an agent that runs and for one that starts:
# what cannot be kept is refused and does not hold, what holds goes on, nothing on disk
# is half there, and the log names the file.
. "$(dirname "$0")/lib.sh"

small() { # small DIRECTORY OPTIONS: a file system of its own
	mkdir -p "$1" && mount -t tmpfs -o "$2" tg-test "$1"
}
ended() { # the file systems go first, or the sandbox cannot remove its directory
	(exit "$1")
	trap - EXIT
	[ -z "$AGENT" ] || agent_stop KILL
	umount -l "$TMP/state" "$TMP/run" 2>/dev/null
	(exit "$1")
	sandbox_end
}
fill() { head -c 10000000 /dev/zero >"$TMP/state/filler" 2>/dev/null; }
held() { (cd "$TMP/state" && sha256sum secret runtime.json; ls); }
blocked() { tg blocks -o json | jq -r '.rows[].subject'; }
refused() { # refused NAME VERB ARGUMENT...: naming the file and what is wrong
	fails_saying "$1" 'runtime\.json.*No space left' tg "${@:2}"
}

sandbox
trap 'ended $?' EXIT
nginx_start
answers_arrive || die "sandbox" "no program on cli0"
small "$TMP/state" size=64k,mode=700 || die "sandbox" "no tmpfs"
small "$TMP/run" nr_inodes=8,mode=755 || die "sandbox" "no tmpfs"
agent_config

# --- full from the start, and no secret yet ---------------------------------------------
fill
starts_not "no room for a secret" 'state/secret: .*No space left'
equal "no secret that is half there" filler "$(ls "$TMP/state")"
rm "$TMP/state/filler"
agent_up

# --- full while it runs -------------------------------------------------------------------
check "a quota" tg quota set 'token:kept_*' 10/month
ask kept_token-1 "http://$SERVER4:8080/[1-4]" >/dev/null
check "a block" tg block source:192.0.2.88
before=$(policy_list)
fill
held_before=$(held)
refused "quota set" quota set 'token:more_*' 5/month
refused "quota set of one that there is" quota set 'token:kept_*' 5/month
refused "quota rm" quota rm 'token:kept_*'
refused "block" block "source:192.0.2.77"
refused "unblock" unblock "source:192.0.2.88"
refused "unblock again" unblock "source:192.0.2.88"
equal "no policy has changed" "$before" "$(policy_list)"
equal "nor has a block" "source:192.0.2.88" "$(blocked)"
equal "nor has a file" "$held_before" "$(held)"
metrics >/dev/null
check "the log names the file of the metrics" within 5 log_says 'state/series: .*No space left'
ask kept_token-1 "http://$SERVER4:8080/[1-8]" >/dev/null
equal "the quota holds all the same" 10 "$(admitted kept_token-1)"
curl_get -H 'X-API-Key: free-token-1' "http://$SERVER4:8080/[1-10]"
counts_equal "full while it runs" --admitted
agent_stop
equal "it ends with 0" 0 "$AGENT_STATUS"
check "and says that the spent quotas are not kept" log_says 'state/spent: No space left.*calendar quotas'

# --- full as it starts, with all that it needs ---------------------------------------------
check "starts, full" agent_start
equal "with its policies" "$before" "$(policy_list)"
stays_spent "nothing is handed out again"
agent_stop KILL
check "starts, full, after kill -9" agent_start
equal "with its policies again" "$before" "$(policy_list)"
stays_spent "nor again"
counts_equal "full as it starts" --admitted
conserved "full disk"

# --- room again -------------------------------------------------------------------------------
rm "$TMP/state/filler"
check "room again: quota set" tg quota set 'token:more_*' 5/month
check "room again: block" tg block source:192.0.2.77
check "room again: unblock" tg unblock source:192.0.2.88
equal "and it is done" "source:192.0.2.77" "$(blocked)"
equal "and both stand in the file" "2 1" "$(jq -r '"\(.policies | length) \(.blocks | length)"' "$TMP/state/runtime.json")"
agent_stop
equal "what was spent is kept now" 1 "$(grep -c kept_ "$TMP/state/spent")"

# --- run_dir ---------------------------------------------------------------------------------------
rm -f "$TMP/run/tollgate.sock"
for i in {1..9}; do : >"$TMP/run/file$i"; done 2>/dev/null
starts_not "no room for the socket" 'run/tollgate\.sock: .*No space left'
ask kept_token-1 "http://$SERVER4:8080/again" >/dev/null
equal "the meter enforces all the same" 10 "$(admitted kept_token-1)"
rm "$TMP/run/"file*
check "starts with room" agent_start
counts_equal "at last" --admitted
agent_stop
