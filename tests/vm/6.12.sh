#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian 13's, and in Debian 12 as well.
. "$(dirname "$0")/lib.sh"
prog_tests_on 6.12
