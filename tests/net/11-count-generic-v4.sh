#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every client's way of speaking, generic mode, IPv4, MTU 1500: requests and bytes
# by token equal the access log.
. "$(dirname "$0")/lib.sh"

up generic 1500
mix "$SERVER4"
counts_equal "generic, IPv4, MTU 1500: requests and bytes by token" --bytes
conserved "generic, IPv4, MTU 1500"
