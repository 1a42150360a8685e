#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every client's way of speaking, native mode, IPv4 and IPv6, MTU 9000: requests and bytes
# by token equal the access log.
. "$(dirname "$0")/lib.sh"

up native 9000
mix "$SERVER4"
mix "[$SERVER6]"
counts_equal "native, IPv4 and IPv6, MTU 9000: requests and bytes by token" --bytes
conserved "native, IPv4 and IPv6, MTU 9000"
