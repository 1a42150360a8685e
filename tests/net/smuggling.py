# SPDX-License-Identifier: BSD-2-Clause
"""Do nginx, HAProxy and Tollgate read the same requests out of the same bytes?

smuggling.py --cases FILE... --nginx HOST:PORT:LOG --haproxy HOST:PORT:LOG
             --secret FILE --enter PREFIX --tollgate PROGRAM --config FILE
             [--table FILE] [--only NAME] [--first N]

Sends the stream of each case (tests/http/README.md) to both servers, through a
metered interface: whole, cut in two, and a message to a segment. Each request of
a case carries a token; token-first and the like are made unique for each stream,
so that both servers' logs and `tollgate usage` tell what became of each request.

A server *takes* a request if its rules get to run for it, which its log says; what
it answers by itself to a header that it does not like is not taken. Of the meter
is asked, of each case and each server:

  agrees     it counted what the server took
  ambiguous  it gave the connection up, as the servers differ, and did not count
             what only one of them took
  deviates   neither, and the case says why (`# deviates: ...`)

`# varies: NAME` names a server that does not always do the same with a case's bytes.
Anything else is a failure; so is a reason to give up that is not the case's, a
case called ambiguous where the servers do the same, and a deviation that is none.
--table FILE: writes what it saw as tables, for docs/http.md. --first N: where the
numbers in tokens begin; one agent and one log can serve several runs.
"""
import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter

from counts import siphash24

ORDER = ["first", "other", "after"]
TOKEN = re.compile(rb"token-(first|other|after)")
ESCAPES = {"r": "\r", "n": "\n", "t": "\t"}
PIECE = re.compile(r"\{(\d+)\*((?:[^}\\]|\\.)*)\}|\\x(..)|\\(.)|(.)", re.S)


def text_bytes(text):
    """The text of a case's line, without its escapes."""
    out = b""
    for times, repeated, code, escape, plain in PIECE.findall(text):
        if times:
            out += int(times) * text_bytes(repeated)
        elif code:
            out += bytes([int(code, 16)])
        else:
            out += (ESCAPES.get(escape, escape) or plain).encode("utf-8")
    return out


class Case:
    def __init__(self, file, name):
        self.file, self.name, self.stream, self.ends = file, name, b"", []
        self.tokens, self.end, self.why, self.varies = [], None, None, ""

    def ambiguous(self):
        return self.end.startswith("ambiguous")


def read_cases(path):
    cases = []
    with open(path, encoding="utf-8") as file:
        for line in file.read().split("\n"):
            word, _, rest = line.partition(" ")
            if word == "case":
                cases.append(Case(os.path.basename(path), rest))
            elif word == ">":
                cases[-1].stream += text_bytes(rest)
            elif word in ("request", "body"):
                cases[-1].ends.append(len(cases[-1].stream))
                token = re.search("token=token-([a-z]+)", rest)
                if word == "request":
                    cases[-1].tokens.append(token[1] if token else None)
            elif word == "end":
                cases[-1].end = rest
            elif line.startswith("# varies: "):
                cases[-1].varies = line[len("# varies: "):]
            elif line.startswith("# deviates: "):
                cases[-1].why = line[len("# deviates: "):]
    return cases


def segments(case, stream, way):
    """The stream's segments, by how it is sent."""
    if way == "whole":
        cuts = []
    elif way == "halved":
        cuts = [len(stream) * 2 // 5]
    else:
        cuts = sorted(set(case.ends))
    cuts = [0, *(cut for cut in cuts if 0 < cut < len(stream)), len(stream)]
    return [stream[a:b] for a, b in zip(cuts, cuts[1:])]


def converse(address, parts):
    """Send all, then wait for the end. A server that waits for more is told there is none."""
    with socket.create_connection(address, timeout=20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in parts:
                sock.sendall(part)
            sock.settimeout(0.3)
            try:
                while sock.recv(65536):
                    pass
                return
            except TimeoutError:
                sock.shutdown(socket.SHUT_WR)
            sock.settimeout(20)
            while sock.recv(65536):
                pass
        except ConnectionError:
            pass # the server did not wait for the rest


class Meter:
    """What Tollgate counted."""

    def __init__(self, args):
        with open(args.secret, encoding="ascii") as secret:
            self.key = bytes.fromhex(secret.read().strip())
        self.enter, self.command, self.config = args.enter.split(), args.tollgate, args.config

    def run(self, *command):
        return subprocess.run([*self.enter, *command], check=True, capture_output=True, text=True).stdout

    def ask(self, verb, *options):
        return json.loads(self.run(self.command, verb, "-c", self.config, *options, "-o", "json"))

    def reasons(self):
        """Packets by the reasons to give up, and all requests that are unattributed."""
        status = self.ask("status")
        out = Counter({UNATTRIBUTED: status["identity"]["unattributed"]})
        for interface in status["interfaces"]:
            out.update({reason: count for reason, count in interface["packets"]["reasons"].items() if reason in ERRORS})
        return out

    def usage(self):
        rows = self.ask("usage", "--by", "token")["rows"]
        return {row["token_id"]: row["requests"] for row in rows if row["token"] != "-"}

    def ident(self, token):
        return "%016x" % siphash24(self.key, token)


class Server:
    def __init__(self, letter, name, where, pattern):
        host, port, self.log = where.split(":", 2)
        self.letter, self.name, self.address, self.pattern = letter, name, (host, int(port)), re.compile(pattern)

    def lines(self):
        """key of the stream -> [(request, taken, status)]"""
        out = {}
        with open(self.log, encoding="latin-1") as log:
            for line in log:
                found = self.pattern.search(line)
                if found:
                    out.setdefault(found[1], []).append((found[2], found[3] == "run", found[4]))
        return out


UNATTRIBUTED = "unattributed requests"
UNATTRIBUTED_ENDS = ["bad_header", "bad_framing", "header_too_long", "ambiguous request"]
GOOD_ENDS = ["open", "body", "header", "tunnel"]
ERRORS = ["not_http", "bad_version", "bad_request_line", "bad_header", "bad_framing", "bad_chunk", "header_too_long",
          "ambiguous", "gap", "unsynced"]
FIRST = 0 # number of the first case, in its tokens
WAYS = ["whole", "halved", "each"]


def send(case, number, server, way):
    key = stream_key(number, server, way)
    stream = TOKEN.sub(lambda found: key + b"-" + found[1], case.stream)
    converse(server.address, segments(case, stream, way))


def wanted_reasons(end, count):
    """One packet of each connection ends as the cases say, and perhaps one request is unattributed."""
    broken = end.split()[0]
    return +Counter({UNATTRIBUTED: count if end in UNATTRIBUTED_ENDS else 0,
                     broken: count if broken not in GOOD_ENDS else 0})


def send_alike(cases, end, server, meter, before):
    """Cases of one end, a message at a time. (what is wrong or None, the reasons after it)"""
    alike = [number for number, case in enumerate(cases) if case.end == end]
    for number in alike:
        send(cases[number], number, server, "each")
    wanted, until = wanted_reasons(end, len(alike)), time.monotonic() + 10
    while True: # the agent trails the program
        after = meter.reasons()
        found = after - before
        if found == wanted:
            return None, after
        if time.monotonic() > until:
            return "cases that end %s, %s: %s, not %s" % (end, server.name, dict(found), dict(wanted)), after
        time.sleep(0.2)


def send_all(cases, servers, meter):
    """Returns what is wrong."""
    wrong, reasons = [], meter.reasons()
    for server in servers:
        for end in sorted({case.end for case in cases}):
            why, reasons = send_alike(cases, end, server, meter, reasons)
            wrong += [why] if why else []
    for server in servers:
        for way in ("whole", "halved"):
            for number, case in enumerate(cases):
                send(case, number, server, way)
    return wrong


def stream_key(number, server, way):
    return b"%03d%s%s" % (FIRST + number, server.letter.encode(), way[0].encode())


def taken(lines):
    return Counter(request for request, is_taken, status in lines if is_taken)


def body_refused(case, surplus):
    """Only the last request counted, and it is its body that is at fault."""
    return case.end in ("bad_chunk", "ambiguous") and surplus == Counter(case.tokens[-1:])


def verdict(case, counted, took, others):
    if counted == took:
        in_body = case.tokens and case.end == "ambiguous"
        if case.ambiguous() and not in_body and all(other == took for other in others):
            return "needless"
        return "agrees"
    if body_refused(case, counted - took) and not took - counted:
        return "agrees"
    if case.ambiguous() and not counted - took:
        return "ambiguous"
    return "DISAGREES"


class Judge:
    def __init__(self, cases, servers, meter):
        self.cases, self.servers, self.meter = cases, servers, meter
        self.wrong, self.verdicts, self.lines = [], {}, {}

    def judge(self):
        self.wrong += send_all(self.cases, self.servers, self.meter)
        usage = self.settle()
        for number, case in enumerate(self.cases):
            found = {}
            for server in self.servers:
                for way in WAYS:
                    key = stream_key(number, server, way)
                    found[server.letter, way] = self.hear(case, server, way, key, usage)
            self.weigh(case, found)

    def settle(self):
        """Until neither logs nor usage grow any more: they trail what was answered."""
        before = now = None
        while before is None or before != now:
            before = now
            time.sleep(1.5)
            now = [server.lines() for server in self.servers], self.meter.usage()
        self.lines = {server.letter: lines for server, lines in zip(self.servers, now[0])}
        return now[1]

    def hear(self, case, server, way, key, usage):
        """
        (counted, taken) of one stream; what the meter counted must be what the case says.
        Less of it where the server had closed before the rest came, if that took no more.
        """
        counted = Counter()
        for request in ORDER:
            counted[request] = usage.get(self.meter.ident(key + b"-" + request.encode()), 0)
        counted = +counted
        wanted = Counter(token for token in case.tokens if token)
        took = taken(self.lines[server.letter].get(key.decode(), []))
        if counted != wanted and (way == WAYS[0] or counted - wanted or took - counted):
            self.fail(case, server, "%s: the meter counted %s, not %s" % (way, dict(counted), dict(wanted)))
        return counted, took

    def weigh(self, case, found):
        names = set()
        for server in self.servers:
            for way in WAYS:
                counted, took = found[server.letter, way]
                others = [found[other.letter, way][1] for other in self.servers if other is not server]
                name = verdict(case, counted, took, others)
                names.add(name)
                if name not in ("agrees", "ambiguous") and not case.why:
                    self.fail(case, server, "%s: %s: the meter counted %s, %s took %s, the other %s (%s)" % (
                        way, name, dict(counted), server.name, dict(took), [dict(other) for other in others], case.end))
        if case.why and names <= {"agrees", "ambiguous"}:
            self.fail(case, self.servers[0], "is said to deviate, and does not")
        self.verdicts[case.name] = "deviates" if case.why else "ambiguous" if "ambiguous" in names else "agrees"

    def fail(self, case, server, why):
        self.wrong.append("%s, %s: %s" % (case.name, server.name, why))

    def said(self, number, server):
        """Which requests the server took when they came at once."""
        case = self.cases[number]
        if server.name in case.varies:
            return "varies"
        took = taken(self.lines[server.letter].get(stream_key(number, server, "whole").decode(), []))
        # A body at fault may come with the header, or after the rules have run.
        if case.tokens and not took["after"] and case.end in ("bad_chunk", "ambiguous", "body"):
            return "%s at most" % case.tokens[-1]
        return listed(request for request in ORDER if took[request])


def listed(requests):
    return ", ".join(requests) or "none"


def meter_says(case):
    counted = listed(token for token in case.tokens if token) if case.tokens else ""
    if case.end in GOOD_ENDS:
        return counted
    return "%s%s`%s`" % (counted, ", " if counted else "", case.end)


def escaped(name):
    return re.sub(r"([|<*_])", r"\\\1", name)


def write_tables(judge, path):
    """A table for each file of cases."""
    with open(path, "w", encoding="utf-8") as out:
        file = None
        for number, case in enumerate(judge.cases):
            if case.file != file:
                file = case.file
                out.write("\n### %s\n\n" % file)
                out.write("| case | nginx | HAProxy | Tollgate | deviates |\n| --- | --- | --- | --- | --- |\n")
            row = [escaped(case.name), *(judge.said(number, server) for server in judge.servers), meter_says(case),
                   case.why or ""]
            out.write("| %s |\n" % " | ".join(row))
        out.write("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", nargs="+", required=True)
    for name in ("nginx", "haproxy", "secret", "enter", "tollgate", "config"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--table")
    parser.add_argument("--only", default="")
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    global FIRST
    FIRST = args.first
    cases = [case for path in args.cases for case in read_cases(path) if args.only in case.name]
    line = r'key=-?(\d{3}\w\w)-([a-z]+)-? phase=(\S*) status=(\d+)'
    servers = [Server("n", "nginx", args.nginx, line), Server("h", "HAProxy", args.haproxy, line)]
    judge = Judge(cases, servers, Meter(args))
    judge.judge()
    if args.table:
        write_tables(judge, args.table)
    for line in judge.wrong:
        print("not ok - " + line)
    found = Counter(judge.verdicts.values())
    print("%d cases: %d agree, %d ambiguous, %d deviate, %d faults"
          % (len(cases), found["agrees"], found["ambiguous"], found["deviates"], len(judge.wrong)))
    sys.exit(1 if judge.wrong or not cases else 0)


if __name__ == "__main__":
    main()
