#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every client's way of speaking, generic mode, IPv6, MTU 1500: requests and bytes
# by token equal the access log.
. "$(dirname "$0")/lib.sh"

up generic 1500
mix "[$SERVER6]"
counts_equal "generic, IPv6, MTU 1500: requests and bytes by token" --bytes
conserved "generic, IPv6, MTU 1500"
