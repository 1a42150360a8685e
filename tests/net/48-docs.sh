#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the documents say can be held against the code: the tables of reasons, the
# configuration of the README, the maps by name, the files that are named.
. "$(dirname "$0")/lib.sh"

cd "$TG_ROOT" || exit 1
DIR=$(mktemp -d /tmp/tg-docs.XXXXXX) || exit 1
trap 'rm -rf "$DIR"' EXIT

check "the tables of reasons are those of reasons.def" tools/reasons-table --check
sed 's/`flow_busy`/`flow_idle`/' docs/how-it-works.md >"$DIR/changed.md"
refute "and a label that is changed is found" tools/reasons-table --check "$DIR/changed.md"

sed -n '/^```yaml$/,/^```$/{/^```/d;p}' README.md >"$DIR/tollgate.yaml"
matches "the README has a configuration" '^interfaces:' "$(cat "$DIR/tollgate.yaml")"
check "and tollgate takes it" "$TG" check -c "$DIR/tollgate.yaml"

names() { # names FILE REGEX...: does the file have a line for each?
	local file=$1 regex
	shift
	[ $# -gt 0 ] || { echo "nothing to look for"; return 1; }
	for regex in "$@"; do grep -qE -- "$regex" "$file" || { echo "no $regex"; return 1; }; done
}
mapfile -t maps < <(sed -n 's/^} \([a-z_]*\) SEC("\.maps");$/`\1`/p' bpf/maps.bpf.h)
check "how-it-works.md has all maps" names docs/how-it-works.md "${maps[@]}"
refute "and one that is not there is found" names docs/how-it-works.md "${maps[@]}" '`no_such_map`'
mapfile -t verbs < <(sed -n 's/^\t{"\([a-z]*\)", tg_cmd_.*/tollgate ([a-z ]*│ )*\1\\b/p' user/main.c)
check "the README has all verbs" names README.md "${verbs[@]}"

# `path/with.slash` and [links](to.md): what is named is there.
missing() { # missing FILE: what it names and is not there
	local path
	set -f # patterns are for compgen
	for path in $(grep -oE '`(bpf|include|user|tests|tools|dist|man|docs)/[A-Za-z0-9_./*-]*`' "$1" | tr -d '`'); do
		compgen -G "$path" >/dev/null || echo "$path"
	done
	for path in $(grep -oE '\]\([A-Za-z][^):]*\)' "$1" | sed 's/^](//; s/)$//; s/#.*//'); do
		[ -e "${2:-$(dirname "$1")}/$path" ] || echo "$path"
	done
	set +f
}
for document in README.md docs/*.md; do
	equal "$document: all that it names is there" "" "$(missing "$document")"
done
{ cat README.md; echo '`tools/no-such-tool` [and](no-such.md)'; } >"$DIR/wrong.md"
equal "and what is not there is found" "tools/no-such-tool no-such.md" "$(missing "$DIR/wrong.md" . | paste -sd ' ')"
[ "$FAILED" = 0 ]
