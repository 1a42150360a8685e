#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What each program costs this kernel's verifier, held against tests/vm/verifier-budget.
. "$(dirname "$0")/lib.sh"

COST=$TG_ROOT/build/tests/tools/verifier-cost
OBJECT=$TG_ROOT/build/bpf/tollgate.bpf.o
BUDGET=$TG_ROOT/tests/vm/verifier-budget
TMP=$(mktemp -d /tmp/tg-test.XXXXXX)
trap 'rm -rf "$TMP"' EXIT

[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
"$COST" -b "$BUDGET" "$OBJECT" >"$TMP/table" 2>"$TMP/why"
status=$?
sed 's/^/# /' "$TMP/table"
costs() { awk '$3 ~ /^[0-9]+$/' "$TMP/table"; }
check "a cost for each program, with both tables" test "$(costs | wc -l)" -ge 16
grep -v '^verifier-cost: ' "$TMP/why" | sed 's/^/# /' # of a program that is refused
while read -r program table _; do
	why=$(sed -n "s/^verifier-cost: $program, table $table: //p" "$TMP/why")
	if [ -z "$why" ]; then ok "$program, table $table: within its budget"; else not_ok "$program, table $table" "$why"; fi
done < <(costs)
[ $status = 0 ] || [ $FAILED -gt 0 ] || not_ok "verifier-cost" "$(head -n 3 "$TMP/why")"

# The check itself: one instruction less is too little.
least=$(awk '$1 == "tg_clocks" && $2 == "most" { print $3 }' "$TMP/table")
echo "other * * $((least - 1))" >"$TMP/tight"
"$COST" -b "$TMP/tight" -p tg_clocks "$OBJECT" >/dev/null 2>"$TMP/why"
equal "an instruction over the budget: exit status" 1 $?
matches "and the numbers" "tg_clocks, table most: $least instructions, budget $((least - 1))$" "$(cat "$TMP/why")"
[ $FAILED = 0 ]
