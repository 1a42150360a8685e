#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Another XDP program on the interface: named, left alone, replaced only when told.
. "$(dirname "$0")/lib.sh"

sandbox
nginx_start
cat >"$TMP/other.c" <<-'END'
	#include <linux/bpf.h>
	#include <bpf/bpf_helpers.h>
	SEC("xdp") int other_prog(struct xdp_md *ctx) { return XDP_PASS; }
	char LICENSE[] SEC("license") = "GPL";
END
clang -O2 -g -target bpf -idirafter "/usr/include/$(cc -print-multiarch)" -c "$TMP/other.c" -o "$TMP/other.o" ||
	die "other program" "does not compile"
ip -n "$NETNS_S" link set dev srv0 xdp obj "$TMP/other.o" sec xdp || die "other program" "does not load"
other=$(in_server ip -j -d link show dev srv0 | jq '.[0].xdp.prog.id')

agent_config
agent_start
matches "the log names it" "other_prog|\b$other\b" "$(cat "$TMP/agent.log")"
if [ -n "$AGENT" ]; then
	matches "and so does status" "other_prog|\b$other\b" "$(tg status 2>&1)"
	agent_stop
fi
equal "it is untouched" "$other" "$(in_server ip -j -d link show dev srv0 | jq '.[0].xdp.prog.id')"
agent_config '[{name: srv0, mode: native, replace: true}]'
check "with replace: true the agent is ready" agent_start
now=$(in_server ip -j -d link show dev srv0 | jq '.[0].xdp.prog.id')
check "and ours is on the interface" test -n "$now" -a "$now" != "$other"
curl_get -H 'X-API-Key: after-replace' "http://$SERVER4:8080/[1-5]"
counts_equal "and counts"
