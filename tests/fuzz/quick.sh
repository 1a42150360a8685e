#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Each target for some seconds, with the same seed and as many runs every time. First
# the findings: inputs that broke something once.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/fuzz/targets

reason=$(tests/fuzz/missing) && {
	echo "skip - fuzzing: $reason"
	exit 0
}

found=build/fuzz/found # inputs that break something now
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 143' INT TERM HUP
export TMPDIR=$tmp
mkdir -p "$found"

# TARGET LOG: the line that says what is wrong, else the last ones.
why() {
	grep -a -m 1 -E 'must hold|ERROR: (Address|Leak)Sanitizer|runtime error' "$1" ||
		tail -n 1 "$1"
}

replay() { # TARGET
	local dir=tests/fuzz/findings/$1 count

	[ -d "$dir" ] || return 0
	count=$(find "$dir" -type f | wc -l)
	if "build/tests/fuzz/$1" "$dir"/* >"$tmp/log" 2>&1; then
		echo "ok - $1: $count findings again"
	else
		echo "not ok - $1: a finding in $dir: $(why "$tmp/log")"
	fi
}

fuzz() { # TARGET
	local runs longest dict seeds crash

	read -r runs longest dict _ <<<"$(fuzz_options "$1")"
	mapfile -t seeds < <(fuzz_seeds "$1" "$tmp")
	rm -f "$found/$1-"*
	mkdir -p "$tmp/new/$1"
	if "build/tests/fuzz/$1" -seed=1 -runs="$runs" -max_len="$longest" -timeout=60 \
		-dict="tests/fuzz/$dict.dict" -artifact_prefix="$found/$1-" \
		"$tmp/new/$1" "${seeds[@]}" >"$tmp/log" 2>&1; then
		echo "ok - $1: $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$tmp/log") runs"
		return
	fi
	crash=$(find "$found" -name "$1-*" | head -n 1)
	echo "not ok - $1: ${crash:-no file of it}: $(why "$tmp/log")"
	tail -n 40 "$tmp/log" | sed 's/^/# /'
}

for target in $(fuzz_targets); do
	if [ ! -x "build/tests/fuzz/$target" ]; then
		echo "not ok - $target: not built: make tests"
	elif ! fuzz_options "$target" >/dev/null; then
		echo "not ok - $target: not in tests/fuzz/targets"
	else
		replay "$target"
		fuzz "$target"
	fi
done
