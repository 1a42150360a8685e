#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# SIGHUP, wholly or not at all: one that is refused leaves interfaces, programs and the
# metrics as they were, whatever refused it; and the service manager is kept informed.
. "$(dirname "$0")/lib.sh"

BOTH='[{name: srv0, mode: native}, {name: mid0, mode: generic}]'
ONE='[{name: srv0, mode: native}]'
programs() { tg status -o json | jq -c '[.interfaces[] | [.interface, .attached, .program_id, .egress_id]]'; }
hup() { kill -HUP "$AGENT"; }
taken() { makes_say "$1" 20 'read again and in force' hup; }
refused() { # refused NAME REGEX: SIGHUP is refused for that, and the programs are those of before
	local before
	before=$(programs)
	makes_say "$1" 20 "reload refused, the old configuration stays in force: .*$2" hup
	equal "$1: the programs stay" "$before" "$(programs)"
	check "$1: srv0 is metered" attached srv0
	check "$1: mid0 is metered" attached mid0
}
listen_at() { METRICS=$1 agent_config "$BOTH"; }
scrape() { in_server curl -sf -o /dev/null --max-time 5 "http://$1/metrics"; }
filter() { in_server tc filter show dev mid0 egress; }
notified() { grep -c "^$1" "$TMP/notified"; }
ready_again() { [ "$(notified READY=1)" = 2 ]; }

sandbox
ip -n "$NETNS_S" link add mid0 type veth peer name far0 || die "sandbox" "no second pair"
ip -n "$NETNS_S" link set mid0 up
ip -n "$NETNS_S" link set far0 up
nginx_start
agent_config "$BOTH"

# --- who waits is told that the agent lives ---------------------------------------------------
background /usr/bin/python3 "$NET/notified.py" "$TMP/notify" >"$TMP/notified"
within 5 test -S "$TMP/notify"
NOTIFY_SOCKET=$TMP/notify "${IN_SERVER[@]}" "$TG" run -c "$TMP/etc/tollgate.yaml" >>"$TMP/agent.log" 2>&1 &
AGENT=$!
check "ready" within 30 grep -q '^READY=1' "$TMP/notified"
before_ready() { sed '/^READY=1/q' "$TMP/notified" | grep -c "^$1"; }
# The maps, the maintenance programs, a program for each interface.
equal "at start: more time for each load" 4 "$(before_ready EXTEND_TIMEOUT_USEC=60000000)"
kicks=$(notified WATCHDOG=1) asked=$(notified EXTEND_TIMEOUT_USEC)
kill -STOP "$AGENT" # no second goes by in it between the signal and the reload
agent_config "$BOTH" '[8080, 8081, 9001]'
hup
kill -CONT "$AGENT"
check "reloaded" within 20 ready_again
equal "on reload: more time for each load" $((asked + 2)) "$(notified EXTEND_TIMEOUT_USEC)"
check "and the watchdog is fed before each" test "$(notified WATCHDOG=1)" -ge $((kicks + 2))

# --- policies refuse, and an interface was to go ------------------------------------------------
check "a policy at run time" tg quota set source:198.51.100.7 5/m
agent_config "$ONE" '[8080, 8081]' 'never_block: [198.51.100.0/24]'
refused "never_block against a policy" '198\.51\.100\.7'
equal "nothing was detached" 0 "$(log_count 'detached')"
curl_get -H 'X-API-Key: before-and-after' "http://$SERVER4:8080/[1-10]"

# --- and there is no way back by the way it came --------------------------------------------------
in_server tc qdisc add dev mid0 ingress
agent_config '[{name: srv0, mode: native}, {name: mid0, mode: generic, server: forwarded}]'
agent_stop
check "an interface without room for its egress program: an agent starts" agent_start
agent_config '[{name: mid0, mode: generic, server: local}]' '[8080, 8081]' 'never_block: [198.51.100.0/24]'
refused "never_block, and an egress program that finds no room" '198\.51\.100\.7'
equal "the status is of the old configuration" forwarded \
	"$(tg status -o json | jq -r '.interfaces[] | select(.interface == "mid0").server')"
agent_config '[{name: srv0, mode: native}, {name: mid0, mode: generic, server: forwarded}]' '[8080, 8081, 9001]'
taken "it keeps no other change from coming"
equal "no egress program" "" "$(filter)"
in_server tc qdisc del dev mid0 ingress
taken "there is room again"
matches "the egress program is there" 0x746f6c6c "$(filter)"

# --- a secret that is mistyped ----------------------------------------------------------------------
agent_config "$BOTH"
sed -i "s,/state/secret,/state/sceret," "$TMP/etc/tollgate.yaml"
refused "a secret that is not there" "$TMP/state/sceret: is not there"
check "none is made" test ! -e "$TMP/state/sceret"

# --- metrics move -------------------------------------------------------------------------------------
agent_config "$BOTH"
taken "as before"
scrape 127.0.0.1:9464
listen_at 0.0.0.0:9464
taken "all addresses, the same port"
check "scraped at another address" scrape "$SERVER4:9464"
listen_at 127.0.0.1:9464
taken "one address again"
refute "not at another address" scrape "$SERVER4:9464"
check "scraped where it was" scrape 127.0.0.1:9464
background "${IN_SERVER[@]}" /usr/bin/python3 -c '
import socket, time
s = socket.create_server(("192.0.2.2", 9464))
time.sleep(600)'
taker=$STARTED_PID
within 5 eval 'in_server ss -ltn | grep -q 192.0.2.2:9464'
listen_at 0.0.0.0:9464
refused "the port is another's at one address" 'metrics.listen 0.0.0.0:9464: cannot listen: Address already in use'
check "scraped as before" scrape 127.0.0.1:9464
stop "$taker"
METRICS=0.0.0.0:9464 agent_config "$ONE" '[8080, 8081]' 'never_block: [198.51.100.0/24]'
refused "metrics could move, policies refuse" '198\.51\.100\.7'
check "scraped as before" scrape 127.0.0.1:9464
refute "and there only" scrape "$SERVER4:9464"
METRICS='' agent_config "$BOTH"
taken "no metrics"
refute "none" scrape 127.0.0.1:9464
agent_config "$BOTH"
taken "metrics again"
check "scraped" scrape 127.0.0.1:9464

# --- one that stands ---------------------------------------------------------------------------------------
agent_config "$ONE"
taken "an interface less"
check "it is detached, and the log says so" log_says 'mid0: detached, as the configuration'
refute "mid0 is off" attached mid0
counts_equal "all the while" --bytes
conserved "reloads"
