#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# guest.sh TEST...: within the machine, run what tests/vm/lib.sh copied into it: cmocka
# programs and scripts. Each case of a script is printed with the script's name.
SECONDS_MAX=1200 # for a test that hangs, so that the others have their turn
SAID=/tmp/said
failed=0

run() { # run TEST
	case $1 in
	*.sh) timeout -k 30 $SECONDS_MAX bash "$1" ;;
	*) timeout -k 30 $SECONDS_MAX "$1" ;;
	esac
}

for test; do
	name=$(basename "$test" .sh)
	echo "== $test"
	begun=$SECONDS
	run "$test" 2>&1 | sed -u -E "s/^(ok|not ok|skip) - /&$name: /" | tee $SAID
	status=${PIPESTATUS[0]}
	[ "$status" = 0 ] || failed=1
	case $status in
	124 | 137) echo "not ok - $name: still running after $SECONDS_MAX s" ;;
	*)
		[ "$status" = 0 ] || grep -qE '^not ok|^\[  FAILED' $SAID || echo "not ok - $name: ended with status $status"
		grep -qE '^(not )?ok|^skip|^\[  PASSED' $SAID || {
			echo "not ok - $name: ran no case"
			failed=1
		}
		;;
	esac
	echo "# $name: $((SECONDS - begun)) s"
done
exit $failed
