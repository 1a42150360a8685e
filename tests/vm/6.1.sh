#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The oldest kernel that is supported.
. "$(dirname "$0")/lib.sh"
prog_tests_on 6.1
