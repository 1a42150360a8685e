#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Requests per second of wrk against nginx over veth, with the meter and
# without, in pairs that take turns, so that a machine whose speed drifts does
# not favour one. "Without" is a bare XDP_PASS on the same hook: native XDP on
# veth switches offloads of the peer, which is the hook's price, not the meter's.
# The last column is against no program at all.
. "$(dirname "$0")/../net/lib.sh"

ROUNDS=${ROUNDS:-12} SECONDS_EACH=${SECONDS_EACH:-2}

rate() { # one run of wrk; requests per second
	in_client wrk -t 1 -c 32 -d "${SECONDS_EACH}s" -s "$NET/tokens.lua" "http://$SERVER4:8080/" -- 1000000000 10 |
		sed -n 's/^Requests\/sec: *//p'
}
measure_none() { none=$(rate); }
measure_pass() {
	ip -n "$NETNS_S" link set dev srv0 xdp obj "$TMP/pass.o" sec xdp || die "pass" "does not load"
	pass=$(rate)
	ip -n "$NETNS_S" link set dev srv0 xdp off
}
measure_meter() {
	agent_start || die "agent" "not ready"
	meter=$(rate)
	agent_stop
	tg detach >/dev/null || die "detach"
}

sandbox
nginx_start
sed -i 's/access_log .*tokens;/access_log off;/' "$TMP/nginx/nginx.conf"
kill -HUP "${STARTED[0]}" # nginx
printf '%s\n' '#include <linux/bpf.h>' '#include <bpf/bpf_helpers.h>' \
	'SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }' 'char LICENSE[] SEC("license") = "GPL";' |
	clang -O2 -g -target bpf -idirafter "/usr/include/$(cc -print-multiarch)" -c -x c - -o "$TMP/pass.o" || die "pass"
agent_config
rate >/dev/null # warm up
printf '%-7s %12s %12s %12s %12s %12s\n' round 'no program' 'XDP_PASS' meter 'meter/PASS' 'meter/none'
for ((round = 1; round <= ROUNDS; round++)); do
	order=(none pass meter)
	[ $((round % 2)) = 1 ] || order=(meter pass none)
	for what in "${order[@]}"; do "measure_$what"; done
	echo "$round $none $pass $meter" | tee -a "$TMP/rates" |
		awk '{ printf "%-7d %12.0f %12.0f %12.0f %12.3f %12.3f\n", $1, $2, $3, $4, $4 / $3, $4 / $2 }'
done
# The median of the pairs' ratios: one disturbed round does not move it.
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
printf '%-7s %12s %12s %12s %12.3f %12.3f   (goal: at least 0.970)\n' median '' '' '' \
	"$(awk '{ print $4 / $3 }' "$TMP/rates" | median)" "$(awk '{ print $4 / $2 }' "$TMP/rates" | median)"
