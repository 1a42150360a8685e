#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every client's way of speaking, native mode, IPv4, MTU 1500: requests and bytes
# by token equal the access log.
. "$(dirname "$0")/lib.sh"

up native 1500
mix "$SERVER4"
counts_equal "native, IPv4, MTU 1500: requests and bytes by token" --bytes
conserved "native, IPv4, MTU 1500"
