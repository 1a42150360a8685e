#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The manual pages are well-formed, and say what the program says: every verb
# and option of --help, every key of the configuration.
. "$(dirname "$0")/lib.sh"

man=$TG_ROOT/man
for page in tollgate.8 tollgate.yaml.5; do
	equal "$page is well-formed" "" "$(mandoc -Tlint -W warning "$man/$page")"
done
text=$(mandoc -Tascii "$man/tollgate.8" | col -b)
for verb in $("$TG" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	matches "tollgate.8 has $verb" "tollgate $verb" "$text"
	for option in $("$TG" "$verb" --help | grep -oE '(^|[[ ])--[a-z]+' | tr -d '[ ' | sort -u); do
		matches "tollgate.8 has $verb $option" "$option" "$text"
	done
done
text=$(mandoc -Tascii "$man/tollgate.yaml.5" | col -b)
config=$(mktemp)
printf 'interfaces: [{name: lo}]\n' >"$config"
keys=$("$TG" check -o json -c "$config" |
	jq -r 'paths | map(strings) | join(".")' | sort -u | sed 's/^interfaces\.\|^identity.tokens\.//')
rm -f "$config"
matches "the configuration has keys" '^limits\.flows$' "$keys"
for key in $keys policies; do
	case $key in identity | limits | metrics) continue ;; esac
	matches "tollgate.yaml.5 has $key" "${key//./\\.}" "$text"
done
[ "$FAILED" = 0 ]
