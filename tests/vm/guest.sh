#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# guest.sh PERCENT: within the machine; what tests/vm/lib.sh copied into it.
failed=0

if build/tests/tools/verifier-cost -b "$1" build/bpf/tollgate.bpf.o; then
	echo "ok - the verifier accepts every program with at most $1 % of its instructions"
else
	echo "not ok - the verifier accepts every program with at most $1 % of its instructions"
	failed=1
fi
for test in build/tests/prog/*; do
	echo "== $test"
	$test
	status=$?
	[ $status = 0 ] || failed=1
	[ $status -lt 128 ] || echo "not ok - ${test##*/}: ended by signal $((status - 128))"
done
exit $failed
