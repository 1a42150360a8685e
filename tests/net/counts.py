# SPDX-License-Identifier: BSD-2-Clause
"""Compare `tollgate usage --by token -o json` with nginx's access log, per full token.

counts.py --log LOG --secret FILE [--prefix-bytes N] [--bytes] [--admitted] [--seconds S] [--table] -- COMMAND...

COMMAND prints the usage. The token's id is computed here from the log's full
token and the host's secret, by a SipHash of our own, so that two tokens with
one prefix are two. Waits until both agree; the log and the meter both trail
the client a little. Ends with 0 and a summary, or with 1 and the differences.
--admitted compares what was not denied, as what was does not reach the log; nor do
lines with a status of 400 count, which nginx may write of a request that was cut off.
--table prints both counts of every token side by side, for people.
"""
import argparse
import json
import subprocess
import sys
import time
import urllib.parse
from collections import Counter

MASK = (1 << 64) - 1


def siphash24(key, data):
    """SipHash-2-4 (Aumasson, Bernstein 2012), 64 bits."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(x, bits):
        return (x << bits | x >> (64 - bits)) & MASK

    def rounds(count):
        a, b, c, d = v
        for _ in range(count):
            a = (a + b) & MASK
            b = rotate(b, 13) ^ a
            a = rotate(a, 32)
            c = (c + d) & MASK
            d = rotate(d, 16) ^ c
            a = (a + d) & MASK
            d = rotate(d, 21) ^ a
            c = (c + b) & MASK
            b = rotate(b, 17) ^ c
            c = rotate(c, 32)
        v[:] = a, b, c, d

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at:at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def token_of(line):
    """The full token of a log line, by the order of identity.tokens in lib.sh, or None."""
    scheme, _, rest = line["auth"].strip(" \t").partition(" ")
    if scheme.lower() == "bearer" and rest.strip(" \t"):
        return rest.strip(" \t")
    if line["key"].strip(" \t"):
        return line["key"].strip(" \t")
    _, _, query = line["uri"].partition("?")
    for part in query.partition("#")[0].split("&"):
        name, _, value = part.partition("=")
        if name == "key" and value:
            return urllib.parse.unquote_to_bytes(value).decode("latin-1")
    return None


def shown(token, prefix_bytes):
    """The prefix that people see: never the last 4 bytes."""
    return token[:max(0, min(prefix_bytes, len(token) - 4))] or "*"


def read_log(path, admitted):
    requests, sizes = Counter(), Counter()
    with open(path, encoding="latin-1") as log:
        for text in log:
            if not text.endswith("\n"):
                break  # being written
            line = json.loads(text)
            if admitted and line["status"] == 400:
                continue
            token = token_of(line)
            requests[token] += 1
            sizes[token] += line["bytes"]
    return requests, sizes


def read_usage(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit("usage: exit status %d: %s" % (done.returncode, done.stderr.strip()))
    return json.loads(done.stdout)


def differences(log, usage, key, prefix_bytes, args):
    def counted(row):
        return row["requests"] - row["denied"] if args.admitted else row["requests"]

    wrong = []
    requests, sizes = log
    rows = {row.get("token_id") if row["token"] != "-" else None: row for row in usage["rows"]}
    if len(rows) != len(usage["rows"]):
        wrong.append("two rows with one token id")
    for token, count in requests.items():
        ident = None if token is None else "%016x" % siphash24(key, token.encode("latin-1"))
        name = "-" if token is None else shown(token, prefix_bytes)
        row = rows.pop(ident, None)
        if row is None:
            wrong.append("%s: no row, log %d" % (name, count))
            continue
        if counted(row) != count:
            wrong.append("%s: log %d, usage %d" % (name, count, counted(row)))
        if row["token"] != name:
            wrong.append("prefix %r shown as %r" % (name, row["token"]))
        if args.bytes and row["bytes"] != sizes[token]:
            wrong.append("%s: log %d bytes, usage %d" % (name, sizes[token], row["bytes"]))
    for row in rows.values():
        if counted(row) or not args.admitted:
            wrong.append("%s: usage %d, not in the log" % (row["token"], counted(row)))
    total, spilt = usage["total"], usage["unattributed"]
    if total["requests"] != sum(row["requests"] for row in usage["rows"]) + spilt["requests"]:
        wrong.append("total is not the sum of the rows and what is unattributed")
    if total["requests"] != total["allowed"] + total["denied"] + total["observed"]:
        wrong.append("total requests are not allowed + denied + observed")
    if spilt["requests"] or any(spilt["reasons"].values()):
        wrong.append("unattributed: %s" % json.dumps(spilt))
    return wrong


def print_table(log, usage, key, prefix_bytes):
    rows = {row.get("token_id") if row["token"] != "-" else None: row for row in usage["rows"]}
    print("  %-16s  %-18s %10s %10s" % ("token", "token id", "access log", "Tollgate"))
    for token, count in sorted(log[0].items(), key=lambda item: -item[1]):
        ident = None if token is None else "%016x" % siphash24(key, token.encode("latin-1"))
        name = "-" if token is None else shown(token, prefix_bytes)
        found = rows.get(ident, {}).get("requests", 0)
        print("  %-16s  %-18s %10d %10d  %s"
              % (name, ident or "", count, found, "\u2713" if found == count else "\u2717"))
    total, found = sum(log[0].values()), usage["total"]["requests"]
    print("  %-16s  %-18s %10d %10d  %s"
          % ("total", "", total, found, "\u2713" if found == total else "\u2717"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--prefix-bytes", type=int, default=8)
    parser.add_argument("--bytes", action="store_true")
    parser.add_argument("--admitted", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with open(args.secret, encoding="ascii") as secret:
        key = bytes.fromhex(secret.read().strip())
    end = time.monotonic() + args.seconds
    while True:
        usage = read_usage(args.command)
        log = read_log(args.log, args.admitted)
        wrong = differences(log, usage, key, args.prefix_bytes, args)
        total = sum(log[0].values())
        if args.table and (not wrong or time.monotonic() > end):
            print_table(log, usage, key, args.prefix_bytes)
        if not wrong and total:
            if not args.table:
                print("%d requests, %d tokens" % (total, len(log[0])))
            return
        if time.monotonic() > end:
            break
        time.sleep(0.3)
    sys.exit("; ".join(wrong[:6]) or "the log is empty")


# The published vector (appendix A of the paper) keeps the judge honest.
assert siphash24(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
if __name__ == "__main__":
    main()
