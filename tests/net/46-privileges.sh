#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The agent lives with what dist/tollgate.service leaves it: those capabilities
# and no other, no new privileges, a file system that is read-only but for bpffs
# and its own directories. Loads, attaches, counts, serves metrics, adopts.
. "$(dirname "$0")/lib.sh"

unit=$TG_ROOT/dist/tollgate.service
sandbox
nginx_start
agent_config
mkdir -m 700 "$TMP/state" "$TMP/run"
bounds=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr ' ' '\n' | sed 's/^CAP_/+/' | tr 'A-Z\n' 'a-z,')
cat >"$TMP/confined" <<-END
	#!/bin/bash
	exec unshare --mount --propagation private bash -c '
		for place in $PINS $TMP/state $TMP/run $TMP/notify; do mount --bind \$place \$place || exit 1; done
		mount -o remount,bind,ro / || exit 1
		! touch /usr/tollgate-was-here 2>/dev/null || exit 1
		exec setpriv --bounding-set=-all,${bounds%,} --inh-caps=-all --no-new-privs "\$@"' - $TG "\$@"
END
chmod +x "$TMP/confined"
mkdir -p "$PINS"
check "starts" agent_start "$TMP/confined"
[ -n "$AGENT" ] || exit 1
equal "has the capabilities of the unit only" "$(tr ',' '\n' <<<"${bounds%,}" | grep -c .)" \
	"$(/usr/bin/python3 -c 'import sys; print(bin(int(sys.argv[1], 16)).count("1"))' \
		"$(awk '/^CapEff/ { print $2 }' "/proc/$AGENT/status")")"
curl_get -H 'X-API-Key: least-privileges' "http://$SERVER4:8080/[1-20]"
counts_equal "counts" --bytes
conserved "confined"
# A reload and an interface that comes back need the same again.
kill -HUP "$AGENT"
ip -n "$NETNS_S" link del srv0
link_up 1500
check "attaches an interface that came back" within 30 in_server bash -c 'ip -d link show dev srv0 | grep -q prog/xdp'
curl_get -H 'X-API-Key: least-privileges' "http://$SERVER4:8080/[1-20]"
counts_equal "and counts on it" --bytes
agent_stop
equal "ends with 0" 0 "$AGENT_STATUS"
check "starts again, over its pins" agent_start "$TMP/confined"
counts_equal "and has the counts" --bytes
# So does the program at tc egress.
has_egress() { in_server tc filter show dev srv0 egress | grep -q tg_egress; }
agent_config "[{name: srv0, mode: native, server: forwarded}]"
kill -HUP "$AGENT"
check "attaches the egress program" within 30 has_egress
agent_config "[{name: srv0, mode: native, server: local}]"
kill -HUP "$AGENT"
has_no_egress() { ! has_egress; }
check "and takes it off" within 30 has_no_egress
if command -v systemd-analyze >/dev/null; then
	sed "s,/usr/sbin/tollgate,$TG,; /^Documentation=/d" "$unit" >"$TMP/tollgate.service"
	said=$(systemd-analyze verify "$TMP/tollgate.service" 2>&1)
	verified=$?
	said_of_us=$(grep tollgate <<<"$said")
	if [ -z "$said_of_us" ] && [ $verified != 0 ]; then
		# Of another unit, or of itself: it may not have got as far as ours.
		skip "the unit is well-formed: systemd-analyze: exit status $verified: $(head -n 1 <<<"$said")"
	else
		equal "the unit is well-formed" "" "$said_of_us"
	fi
else
	skip "the unit is well-formed: no systemd-analyze here"
fi
