#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# before.sh [COMMIT]: what a request in order costs now, and with the meter of an earlier
# commit (the last before connections were verified), side by side: that commit's bpf/ and
# include/ are built in build/bench/COMMIT with the bench's own program of today.
cd "$(dirname "$0")/../.." || exit 1
[ "$(id -u)" = 0 ] || { echo "before.sh: needs root, for BPF and namespaces" >&2; exit 1; }
commit=${1:-8ab92ab}
place=build/bench/$commit
git cat-file -e "$commit^{commit}" 2>/dev/null || { echo "skip - no commit $commit here, to compare with"; exit 0; }
make -s build/tests/bench/bench_packets || exit 1
rm -rf "$place"
mkdir -p "$place/tests/bench"
git archive "$commit" bpf include | tar -x -C "$place" || exit 1
cp tests/bench/packets.bpf.c tests/bench/knobs.h "$place/tests/bench/"
arch=$(sed -n 's/^BPF_ARCH_CFLAGS *:= *//p' build/config.mk)
# shellcheck disable=SC2086 # words
(cd "$place" && "${CLANG:-clang}" -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Iinclude $arch \
	-c tests/bench/packets.bpf.c -o packets.bpf.o) || exit 1
echo "before: commit $commit"
echo
build/tests/bench/bench_packets before "$place/packets.bpf.o"
