#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# top in a terminal of 80 columns, under load: rates by token, and it leaves the
# terminal as it was.
. "$(dirname "$0")/lib.sh"

pane() { tmux -S "$TMP/tmux" capture-pane -p; }
shows() { pane | grep -qE -- "$1"; }

up native
load_start
LC_ALL=C.UTF-8 TERM=xterm-256color in_server tmux -S "$TMP/tmux" -f /dev/null new-session -d -x 80 -y 24 \
	"$TG top -c $TMP/etc/tollgate.yaml; echo ended with \$?; exec cat"
check "shows tokens under load" within 10 shows 'wrk-toke'
check "with a rate" within 5 shows 'wrk-toke.* [1-9][0-9,.]*k?'
equal "no line is longer than the terminal" 0 "$(pane | awk 'length($0) > 80' | wc -l)"
tmux -S "$TMP/tmux" send-keys q
check "q ends it with 0" within 5 shows '^ended with 0'
load_stop
tmux -S "$TMP/tmux" kill-server
refute "no terminal: says so" tg top </dev/null
