#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 200,000 requests by wrk with many tokens over many connections.
. "$(dirname "$0")/lib.sh"

up native
wrk_tokens 200000 "http://$SERVER4:8080/" 64 >"$TMP/wrk.out"
check "the log has them all" test "$(wc -l <"$TMP/nginx/access.log")" -ge 200000
counts_equal "200,000 requests by wrk" --bytes
conserved "under wrk"
