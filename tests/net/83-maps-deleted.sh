#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Pins that go under a running agent, by hand or by a script that cleans up: it pins
# again what it still has and says so. `tollgate detach` is obeyed all the same.
. "$(dirname "$0")/lib.sh"

map_ids() { for pin in usage flows meta; do bpftool -j map show pinned "$PINS/$pin" | jq .id; done | xargs; }
more() { curl_get -H 'X-API-Key: before-and-after' "http://$SERVER4:8080/[1-10]"; }
again() { # again NAME REGEX COMMAND...: after the command the log says so, and all is as it was
	makes_say "$1" 15 "${@:2}"
	more
	equal "$1: the same maps" "$ids" "$(map_ids)"
	counts_equal "$1"
}

up_quotas native
tg quota set 'token:kept_*' 10/month >/dev/null
ask kept_token-1 "http://$SERVER4:8080/[1-4]" >/dev/null
more
ids=$(map_ids)
again "one map" "$PINS/usage: was removed" rm "$PINS/usage"
again "meta" "$PINS/meta: was removed" rm "$PINS/meta"
again "all maps" "$PINS/meta: was removed" find "$PINS" -maxdepth 1 -type f -delete
again "the link" "$PINS/links/srv0: was removed" rm "$PINS/links/srv0"
check "and the program never left" attached
again "the whole directory" "$PINS: was removed" rm -rf "$PINS"
refute "no second agent can begin beside it" "$TG" run -c "$TMP/etc/tollgate.yaml"

# Something else in their place, of the same shape and of another.
other() { # other PIN: a map of that pin's shape
	local shape
	shape=$(bpftool -j map show pinned "$1" | jq -r '"type \(.type) key \(.bytes_key) value \(.bytes_value) entries \(.max_entries)"')
	rm "$1"
	# shellcheck disable=SC2086 # words
	bpftool map create "$1" $shape name other
}
again "another map" "$PINS/usage: was replaced" other "$PINS/usage"
wrong() { rm "$PINS/meta" && bpftool map create "$PINS/meta" type hash key 4 value 4 entries 4 name wrong; }
again "a map of another kind" "$PINS/meta: was replaced" wrong

# The next agent finds it all.
rm "$PINS/packets"
within 15 test -e "$PINS/packets"
agent_stop KILL
check "the next agent starts" agent_start
counts_equal "and has the counts"
equal "the quota was not handed out again" "200/0 200/0 200/0 200/0 200/0 200/0 429/0" \
	"$(ask kept_token-1 "http://$SERVER4:8080/[5-11]")"
conserved "pins that went"

# --- tollgate detach, under the agent --------------------------------------------------
curl_get "http://$SERVER4:8080/last"
counts_equal "before detach" --admitted
check "detach" tg detach
refute "the program is off" attached
check "the log says so" within 15 log_says 'srv0: .*taken off' 1
sleep 6 # longer than it takes to look again
equal "its pins stay away" "" "$(find "$PINS" -type f | xargs)"
equal "requests are served" "200/0" "$(ask kept_token-1 "http://$SERVER4:8080/unmetered")"
kill -HUP "$AGENT"
check "a reload attaches it again" within 15 attached
stays_spent "and the agent still had the books: the quota is spent"
conserved "after detach and reload"

# --- gone while no agent runs -------------------------------------------------------------
agent_stop
rm "$PINS/usage"
starts_not "maps that went while no agent ran" "$PINS/usage: missing"
check "the meter is still on" attached
stays_spent "and enforces"
check "detach" tg detach
check "another agent, from nothing" agent_start
equal "meters" 1 "$(curl_get "http://$SERVER4:8080/fresh" && comes_to fresh 1 counted requests >/dev/null; counted requests)"
