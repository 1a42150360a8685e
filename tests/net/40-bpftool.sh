#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# bpftool reads the maps with named fields, and no full token stands in any.
. "$(dirname "$0")/lib.sh"

up native
secret_part=Zq7vXw9KpL3m
token="sk_live_$secret_part"
curl_get -H "Authorization: Bearer $token" -H 'Origin: https://shop.example' "http://$SERVER4:8080/[1-7]"
curl_get "http://$SERVER4:8080/?key=$token"
# A header that is not complete yet: what is kept of it must not be the token.
background "${IN_CLIENT[@]}" bash -c "exec 3<>/dev/tcp/$SERVER4/8080; printf 'GET / HTTP/1.1\r\nHost: x\r\nX-API-Key: $token\r\nX-More: ' >&3; sleep 200"
sleep 0.5
usage=$(bpftool map dump pinned "$PINS/usage")
for field in source token prefix iface counts requests bytes denied observed origin_requests; do
	matches "usage has the field $field" "\"$field\":" "$usage"
done
equal "and the count" 8 "$(jq '[.[].value.counts.requests] | add' <<<"$usage")"
matches "packets are counted by CPU" '"packets": [1-9]' "$(bpftool map dump pinned "$PINS/packets")"
matches "interfaces have names" '"name": ' "$(bpftool map dump pinned "$PINS/interfaces")"

leaks() { # leaks FILE [BYTES]: that many bytes of the token's hidden part, as text or as values
	/usr/bin/python3 - "$1" "$secret_part" "${2:-4}" <<-'END'
		import re, sys
		text, part, run = open(sys.argv[1], errors="replace").read(), sys.argv[2].encode(), int(sys.argv[3])
		found = part.decode() in text
		values = bytearray()
		for word in re.findall(r'0x[0-9a-f]{2}\b|"(?:\\.|[^"\\])"|(?<![\w.])\d+(?![\w.])|\b[0-9a-f]{2}\b', text):
		    if word.startswith("0x"):
		        values.append(int(word, 16))
		    elif word.startswith('"'):
		        values.append(ord(word[1]) & 255)
		    elif word.isdigit() and int(word) < 256:
		        values.append(int(word))
		for at in range(len(part) - run + 1):  # four bytes in a row are no accident
		    found = found or part[at:at + run] in values
		sys.exit(0 if found else 1)
	END
}
# The judge must find what is there to be found.
printf '[%s]' "$(printf '%s' "$secret_part" | od -An -tu1 -v | tr -s ' \n' ',' | sed 's/^,//')" >"$TMP/proof"
check "the judge finds a token in a dump" leaks "$TMP/proof"
for pin in "$PINS"/*; do
	[ -f "$pin" ] || continue
	case ${pin##*/} in budget_free) continue ;; esac # numbers in a queue, which nobody can walk
	bpftool -j -p map dump pinned "$pin" >"$TMP/dump" 2>/dev/null || { not_ok "dump ${pin##*/}"; continue; }
	refute "no token in ${pin##*/}" leaks "$TMP/dump"
	case ${pin##*/} in policies | policy_counts | budgets) continue ;; esac # tens of thousands: once will do
	bpftool map dump pinned "$pin" >"$TMP/dump" 2>/dev/null
	refute "no token in ${pin##*/}, plain" leaks "$TMP/dump"
done
metrics >"$TMP/metrics"
tg usage -o json >"$TMP/usage"
tg status >"$TMP/status"
for file in metrics usage status agent.log; do
	refute "no token in $file" leaks "$TMP/$file"
done
# Cut inside the token: what the hash has not taken yet waits there, less than
# one block of 8 bytes.
background "${IN_CLIENT[@]}" bash -c "exec 3<>/dev/tcp/$SERVER4/8080; printf 'GET / HTTP/1.1\r\nX-API-Key: $token' >&3; sleep 200"
sleep 0.5
bpftool -j -p map dump pinned "$PINS/partials" >"$TMP/dump"
equal "two headers are not complete" 2 "$(jq length "$TMP/dump")"
refute "a header cut inside its token keeps less than 8 bytes of it" leaks "$TMP/dump" 8
