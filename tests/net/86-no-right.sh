#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A user who may not: each verb says in one line what it lacks, ends with 1, and nothing
# has changed. Beside an agent, and where none runs.
. "$(dirname "$0")/lib.sh"

nobody() { # nobody VERB ARGUMENT...: the command line, as someone else
	local verb=$1
	shift
	in_server setpriv --reuid=nobody --regid=nogroup --clear-groups "$TMP/tollgate" "$verb" -c "$TMP/etc/tollgate.yaml" "$@"
}
denied() { # denied NAME REGEX VERB ARGUMENT...: one line
	fails_saying "$1" "$2" nobody "${@:3}"
}
listed() {
	policy_list
	block_list
	(cd "$TMP/state" && sha256sum secret runtime.json)
}
all_denied() { # all_denied NAME REGEX [REGEX-OF-CHANGES]
	local changes=${3-$2}
	denied "$1: usage" "$2" usage
	denied "$1: status" "$2" status
	denied "$1: quota list" "$2" quota list
	denied "$1: blocks" "$2" blocks
	denied "$1: explain" "$2" explain --source 192.0.2.1
	denied "$1: quota set" "$changes" quota set any 1/s
	denied "$1: quota rm" "$changes" quota rm 'token:kept_*'
	denied "$1: block" "$changes" block source:192.0.2.1
	denied "$1: unblock" "$changes" unblock source:192.0.2.77
}

up_quotas native
chmod 711 "$TMP" && chmod 755 "$TMP/etc" && chmod 644 "$TMP/etc/tollgate.yaml"
install -m 755 "$TG" "$TMP/tollgate"
spend_quota
tg block source:192.0.2.77 >/dev/null
before=$(listed)
check "what needs no right: check" nobody check
all_denied "beside an agent" 'Permission denied; run as root'
denied "beside an agent: detach" 'cannot be detached: Permission denied; run as root' detach
denied "beside an agent: a second agent" 'state/secret: cannot be opened: Permission denied' run
equal "nothing has changed" "$before" "$(listed)"
agent_stop
all_denied "no agent" "run as root" 'no agent runs; start it'
denied "no agent: detach" 'cannot be detached: Permission denied; run as root' detach
denied "no agent: run" 'state/secret: cannot be opened: Permission denied' run
# With a secret and a state of their own, it is the kernel that they may not ask.
sed -i.root "s,$TMP/state,$TMP/theirs,; s,$TMP/run,$TMP/theirs," "$TMP/etc/tollgate.yaml"
install -d -o nobody -m 700 "$TMP/theirs"
denied "a state of their own: run" "$PINS.*Permission denied; run as root" run
mv "$TMP/etc/tollgate.yaml.root" "$TMP/etc/tollgate.yaml"
check "an agent" agent_start
equal "nothing has changed then" "$before" "$(listed)"
check "the meter is on" attached
counts_equal "all of it" --admitted
conserved "all of it"
chmod 600 "$TMP/etc/tollgate.yaml"
said=$(nobody usage 2>&1)
equal "the configuration may not be read: exit status" 2 "$?"
matches "the configuration may not be read: names it" "etc/tollgate.yaml: .*Permission denied" "$said"
