#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Generic mode behind a link that loses, delays, repeats and re-cuts segments: every request
# is counted once all the same, to the byte.
. "$(dirname "$0")/chaos.sh"

chaos_test generic
