# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# The programs, and all tests of tests/prog, under another kernel: loaded by its
# verifier, run by its XDP. The answers must be those of any other kernel.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

GUEST=tests/vm/guest.sh
SECONDS_MAX=2100
# So much of the verifier's million instructions may be used: another build of
# the same kernel, or another table of tokens, may need more.
BUDGET_PERCENT=95

on_linux() { # on_linux VERSION
	local reason source tool status files=()
	reason=$(tools/vm -k "$1" -n 2>&1)
	status=$?
	if [ $status = 77 ]; then
		echo "skip - Linux $1 in a virtual machine: ${reason##*vm: }"
		exit 0
	elif [ $status != 0 ]; then
		echo "not ok - Linux $1 in a virtual machine: $reason"
		exit 1
	fi
	for tool in bpftool ethtool tc; do
		files+=(-f "$(command -v $tool)")
	done
	for source in tests/prog/test_*.c; do
		source=${source%.c}
		files+=(-f "build/$source")
	done
	tools/vm -k "$1" -t $SECONDS_MAX -m bridge -m sch_ingress -m cls_bpf -m cls_u32 -m tcp_diag \
		"${files[@]}" -f tests/http -f $GUEST \
		-f build/tests/tools/verifier-cost -f build/bpf/tollgate.bpf.o \
		sh $GUEST $BUDGET_PERCENT
}
