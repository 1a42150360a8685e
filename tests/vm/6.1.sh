#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The oldest kernel that is supported.
. "$(dirname "$0")/lib.sh"
on_linux 6.1
