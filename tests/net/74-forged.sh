#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Forged segments under the client's address, beside its connections and in them, and
# junk ahead of real requests: nothing of it counts, spends, is kept, or is answered,
# each ends in its own reason, and what the client asks goes on being counted.
. "$(dirname "$0")/lib.sh"
. "$TG_ROOT/tests/forge/wire.sh"

SMALL='limits: {usage: 256, flows: 256, partials: 64, held: 64, origins: 16, spill: 16, budgets: 64, drops: 64}'

meter_of() { # meter_of MODE CHECKSUMS: quotas with little in them, a block rule, one token is spent
	[ -z "$AGENT" ] || { agent_stop && tg detach >/dev/null && rm -rf "$TMP/state" && : >"$TMP/nginx/access.log"; }
	if [ "$1" = generic ]; then
		steer && ip -n "$NETNS_A" link set dev port-s xdp off
	else
		answers_arrive
	fi || die "sandbox" "no way for answers"
	agent_config "[{name: srv0, mode: $1, tcp_checksum: $2}]" '[8080]' "$SMALL"
	agent_up
	tg quota set 'token:owner_*' 1000/month >/dev/null
	tg quota set 'token:thief_*' 2/month --block 'after 2 denials in 1m for 10m' >/dev/null
	tg quota set 'token:spent_*' 1/month --block 'after 20 denials in 1m for 10m' >/dev/null
	tg quota set any 900/month --block 'after 20 denials in 1m for 10m' >/dev/null
}

each_way() { # each_way MODE HOST
	local name="$1 $2" before
	before=$(sent_by_program)
	in_client /usr/bin/python3 "$TG_ROOT/tests/forge/attack.py" "$name" "$2" $([ -n "$CHECKED" ] && echo --checksums || echo --brief) \
		--forge "$(forge_command)" --tollgate "nsenter --net=/run/netns/$NETNS_S $TG" \
		--config "$TMP/etc/tollgate.yaml" --pins "$PINS" || FAILED=$((FAILED + 1))
	equal "$name: packets that the program sent" 0 $(($(sent_by_program) - before))
	counts_equal "$name: nginx's log" --admitted
	conserved "$name"
}
answer_is_seen() { # the counters see what the program sends
	local before
	before=$(sent_by_program)
	ask spent_of-the-client "http://$SERVER4:8080/" >/dev/null
	equal "$1: a request without budget is answered by the program" 1 $(($(sent_by_program) - before > 0))
}

sandbox
nginx_start
# What the client's own stack would say to answers that it did not ask for.
in_client nft -f - <<-'END' || die "sandbox" "no nftables"
	table inet silent {
		chain out {
			type filter hook output priority 0;
			tcp flags & rst == rst drop
		}
	}
END
for mode in native generic; do
	CHECKED= host=$SERVER6
	[ $mode = generic ] || CHECKED=true host=$SERVER4
	meter_of $mode "${CHECKED:-false}"
	ask spent_of-the-client "http://$SERVER4:8080/" >/dev/null
	each_way $mode "$host"
	answer_is_seen $mode
done
