#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A quota of 1,000 under wrk, 64 connections from two CPUs: 1,000 requests reach
# nginx's log, not one more and not one less.
. "$(dirname "$0")/lib.sh"

exact() { # exact NAME TOKEN HOST
	local denied refused
	tg quota set "token:${2%%_*}_*" 1000/month >/dev/null || not_ok "$1: quota set"
	hammer "$2" "http://$3:8080/"
	equal "$1: nginx's log" 1000 "$(admitted "$2")"
	comes_to "$1: allowed, by the usage" 1000 counted allowed "$2"
	denied=$(counted denied "$2") refused=$(refused_by_wrk)
	check "$1: wrk had refusals" test "$refused" -gt 1000
	# The difference: answers that wrk was still reading.
	check "$1: denied $denied, wrk read $refused of them" test $((denied - refused)) -ge 0 -a $((denied - refused)) -le 128
	equal "$1: quota list knows that none is left" 0 \
		"$(tg quota list -o json | jq ".rows[] | select(.subject == \"token:${2%%_*}_*\") | .remaining")"
	server_is_free "$1"
}

up_quotas native
exact "native, IPv4" four_token-of-wrk "$SERVER4"
exact "native, IPv6" six_token-of-wrk "[$SERVER6]"
conserved "native"
meter_in generic
exact "generic, IPv4" gen_token-of-wrk "$SERVER4"
exact "generic, IPv6" gen6_token-of-wrk "[$SERVER6]"
conserved "generic"
