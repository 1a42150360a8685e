# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Tests under another kernel, in a virtual machine: the programs loaded by its verifier,
# run by its XDP, between real clients and servers over its TCP. The answers must be
# those of any other kernel.
#
# VM_TESTS='tests/net/31-kill9.sh ...' runs these, in place of those named here.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

GUEST=tests/vm/guest.sh
SECONDS_MAX=3300
# Each way of counting, refusing and blocking once; each thing that a kernel does in its
# own way: both XDP modes, tc egress (tcx or not), TCP's retransmission.
NET_TESTS=(
	tests/net/10-count-native-v4.sh
	tests/net/11-count-generic-v4.sh
	tests/net/13-count-generic-v6.sh
	tests/net/21-odd-client.sh
	tests/net/31-kill9.sh
	tests/net/45-conservation.sh
	tests/net/50-quota-exact.sh
	tests/net/53-quota-reject.sh
	tests/net/58-blocks.sh
	tests/net/70-chaos-native.sh
	tests/net/73-forwarded.sh
)
MODULES=(bridge sch_ingress cls_bpf cls_u32 tcp_diag nf_tables nft_limit)
# Busybox's of that name lack something, or there is none. /usr/bin/python3 is what tests call.
TOOLS=(
	ab awk bash basename bpftool cat curl cut date ethtool grep head ip jq mktemp mountpoint
	nft nginx nsenter ps sed seq sleep sort ss sysctl tail tc tee timeout tr wrk /usr/bin/python3
)

on_linux() { # on_linux VERSION: or the test ends here
	local reason status
	reason=$(tools/vm -k "$1" -n 2>&1)
	status=$?
	if [ $status = 77 ]; then
		echo "skip - Linux $1 in a virtual machine: ${reason##*vm: }"
		exit 0
	elif [ $status != 0 ]; then
		echo "not ok - Linux $1 in a virtual machine: $reason"
		exit 1
	fi
	LINUX=$1
}

# The files of the guest, as tools/vm wants them.
FILES=()
GUEST_ENV=()
tools() {
	local tool path
	for tool in "${TOOLS[@]}"; do
		path=$(type -P "$tool") || { echo "not ok - $tool: not found; make deps"; exit 1; }
		FILES+=(-f "$path")
	done
}
python_library() { FILES+=(-f "$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"); }
# For lib.sh of tests/net, which would compile it.
PASS_OBJECT=build/vm/pass.o
pass_object() {
	(. tests/net/lib.sh && TMP=${PASS_OBJECT%/*} pass_object) >/dev/null ||
		{ echo "not ok - a program that lets all pass: not compiled"; exit 1; }
	FILES+=(-f "$PASS_OBJECT")
}

tests_run() { # tests_run OPTION... -- TEST...: of tools/vm
	local options=() modules=() module
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	for module in "${MODULES[@]}"; do modules+=(-m "$module"); done
	tools
	tools/vm -k "$LINUX" -t $SECONDS_MAX "${modules[@]}" "${FILES[@]}" "${options[@]}" \
		-f build/bpf/tollgate.bpf.o -f build/tests/tools -f tests/net -f tests/vm \
		env "${GUEST_ENV[@]}" bash $GUEST "$@"
}

prog_tests_on() { # prog_tests_on VERSION: the verifier, and all tests of tests/prog
	local tests=() source test files=(-f tests/http)
	on_linux "$1"
	for source in tests/prog/test_*.c; do tests+=("build/${source%.c}"); done
	read -ra tests <<<"${VM_TESTS:-tests/net/05-verifier-budget.sh ${tests[*]}}"
	for test in "${tests[@]}"; do [[ $test != build/* ]] || files+=(-f "$test"); done
	tests_run "${files[@]}" -- "${tests[@]}"
}

net_tests_on() { # net_tests_on VERSION
	local tests
	on_linux "$1"
	read -ra tests <<<"${VM_TESTS:-${NET_TESTS[*]}}"
	python_library
	pass_object
	GUEST_ENV=(TG_PASS_OBJECT="/here/$PASS_OBJECT" TG_PATIENCE="${TG_PATIENCE:-6}" CHAOS_REQUESTS="${CHAOS_REQUESTS:-6000}"
		# More at once than it can follow, and TCP gives some up, meter or not.
		CHAOS_CONNECTIONS="${CHAOS_CONNECTIONS:-48}")
	tests_run -M 2048 -f build/tollgate -- "${tests[@]}"
}
