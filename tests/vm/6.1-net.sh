#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Real clients and servers; as for 6.1.sh.
. "$(dirname "$0")/lib.sh"
net_tests_on 6.1
