# SPDX-License-Identifier: BSD-2-Clause
"""Forged segments beside a real connection, one after another; says after each what came of it.

attack.py NAME SERVER --forge COMMAND --tollgate COMMAND --config FILE --pins DIR [--checksums] [--brief]
The client is this process. It has a connection, asks on it, and tells the forger its
addresses, ports and numbers, as if they had been guessed. After each forged segment it
asks again: that request must be counted, the forged one must not.
"""
import argparse
import json
import os
import random
import re
import shlex
import socket
import struct
import subprocess
import sys
import time

PORT = 8080
OWN, SPENT, OTHER = "owner_of-the-connection", "spent_of-the-client", "thief_has-no-connection"
# linux/tcp.h
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_TIMESTAMP, TCP_REPAIR_WINDOW = 19, 20, 21, 24, 29
STATE = ("flows", "embryos", "partials", "holds", "held", "drops")
REPAIR_ON, REPAIR_OFF_NO_PROBE, RECEIVED, SENT = 1, -1, 1, 2
NOISE = {"seen", "not_ip", "not_tcp", "other_port"}
REASONS_FILE = os.path.join(os.path.dirname(__file__), "../../include/tollgate/reasons.def")
with open(REASONS_FILE, encoding="ascii") as text:
    REASONS = ["seen", *re.findall(r'^TG_PACKET_REASON\(\w+, "(\w+)"', text.read(), re.M)]
WRAP = 2**32


def request(token, path="/forged", more=""):
    return ("GET %s HTTP/1.1\r\nHost: s\r\nX-API-Key: %s\r\n%s\r\n" % (path, token, more)).encode()


class Meter:
    """What the meter says."""

    def __init__(self, command, config, pins):
        self.command, self.config, self.pins = command, config, pins

    def ask(self, *words):
        done = subprocess.run([*self.command, *words, "-c", self.config, "-o", "json"],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def bpftool(self, *commands):
        """The answers to all of them, in one go."""
        done = subprocess.run(["bpftool", "-j", "batch", "file", "-"], input="".join(c + "\n" for c in commands),
                              capture_output=True, text=True, check=True)
        return [each["output"] for each in json.loads(done.stdout)]

    def reasons(self):
        """Packets of clients that ended, by reason. The interface is the first: its slot is 0."""
        answers = self.bpftool(*("map lookup pinned %s/packets key %d 0 0 0" % (self.pins, index)
                                 for index in range(len(REASONS))))
        sums = [sum(cpu["value"]["packets"] for cpu in answer["formatted"]["values"]) for answer in answers]
        return {reason: count for reason, count in zip(REASONS, sums) if count and reason not in NOISE}

    def books(self):
        """What a forged request must not change."""
        maps = dict(zip(STATE, map(len, self.bpftool(*("map dump pinned %s/%s" % (self.pins, name) for name in STATE)))))
        usage = self.ask("usage", "--by", "source,token")
        rows = {"%s %s" % (row["token"], row["token_id"]): row["requests"] for row in usage["rows"]}
        budgets = {row["subject"]: (row["budgets"], row["remaining"], row["denied"])
                   for row in self.ask("quota", "list")["rows"]}
        return {"maps": maps, "rows": rows, "unattributed": usage["unattributed"]["requests"],
                "budgets": budgets, "blocks": self.ask("blocks")["rows"]}


class Forger:
    """Somebody else, who sends what it is told under any address."""

    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, **fields):
        payload = fields.pop("payload", b"")
        if payload:
            fields["payload"] = payload.hex()
        self.child.stdin.write(" ".join("%s=%s" % item for item in fields.items()) + "\n")
        self.child.stdin.flush()
        if not self.child.stdout.readline().startswith("sent"):
            sys.exit("not ok - the forger ended")

    def close(self):
        self.child.stdin.close()
        self.child.wait()


class Connection:
    """The client's own."""

    def __init__(self, server):
        self.sock = socket.create_connection((server, PORT), timeout=5)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local, self.remote = self.sock.getsockname()[:2], self.sock.getpeername()[:2]

    def get(self, token, path="/real"):
        self.send(request(token, path))
        return self.answer()

    def send(self, data):
        self.sock.sendall(data)

    def answer(self):
        held = b""
        try:
            while not held.endswith(b"hello\n"):
                data = self.sock.recv(65536)
                if not data:
                    return "closed: %r" % held[:40]
                held += data
        except (ConnectionError, TimeoutError) as error:
            return str(error)
        return held[9:12].decode()

    def numbers(self):
        """Next sequence number, acknowledgement, time stamp, the window's end."""
        def repair(option, value):
            self.sock.setsockopt(socket.IPPROTO_TCP, option, value)

        def number(option):
            return self.sock.getsockopt(socket.IPPROTO_TCP, option) % WRAP

        repair(TCP_REPAIR, REPAIR_ON)
        repair(TCP_REPAIR_QUEUE, SENT)
        seq = number(TCP_QUEUE_SEQ)
        repair(TCP_REPAIR_QUEUE, RECEIVED)
        ack = number(TCP_QUEUE_SEQ)
        window = struct.unpack("=5I", self.sock.getsockopt(socket.IPPROTO_TCP, TCP_REPAIR_WINDOW, 20))[1]
        stamp = number(TCP_TIMESTAMP)
        repair(TCP_REPAIR, REPAIR_OFF_NO_PROBE)
        return {"seq": seq, "ack": ack, "stamp": stamp, "end": (seq + window) % WRAP}

    def address(self, port=None):
        return {"from": self.local[0], "to": self.remote[0], "ports": "%d,%d" % (port or self.local[1], PORT)}


class Attack:
    def __init__(self, args):
        self.name, self.server = args.name, args.server
        self.meter = Meter(shlex.split(args.tollgate), args.config, args.pins)
        self.forger = Forger(shlex.split(args.forge))
        self.checksums, self.brief = args.checksums, args.brief
        self.ipv6 = ":" in args.server
        self.failed = 0

    def say(self, what, why):
        print("%s - %s, %s%s" % ("not ok" if why else "ok", self.name, what, ": %s" % why if why else ""), flush=True)
        self.failed += bool(why)

    def settle(self, before, reason, count):
        """Reasons since before, when so many packets of clients have ended by this one."""
        until = time.monotonic() + 2
        while True:
            now = self.meter.reasons()
            since = {r: n - before.get(r, 0) for r, n in now.items() if n != before.get(r, 0)}
            if since.get(reason, 0) >= count or sum(since.values()) >= 2 * count + 3 or time.monotonic() > until:
                return since
            time.sleep(0.01)

    def rest(self):
        """Until what was sent has come."""
        before, now = None, self.meter.reasons()
        while now != before:
            time.sleep(0.01)
            before, now = now, self.meter.reasons()

    def forge(self, what, reason, count=1, **fields):
        """One packet, and by which reason it ended. Returns why that is wrong, or None."""
        before = self.meter.reasons()
        self.forger.send(count=count, **fields)
        since = self.settle(before, reason, count)
        # The server's answers may draw acknowledgements; connections that were closed end.
        since = {r: n for r, n in since.items() if r not in ("ack", "fin") or r == reason}
        return None if since == {reason: count} else "wanted %d %s, found %s" % (count, reason, since)

    def unchanged(self, what, before, why=None):
        after = self.meter.books()
        differ = ["%s %s -> %s" % (part, before[part], after[part]) for part in before if before[part] != after[part]]
        self.say(what, why or "; ".join(differ))

    # --- without a connection -----------------------------------------------------

    def without_connection(self, client):
        free = client.local[1] ^ 1
        tokens = ((SPENT, "a spent token"), (OWN, "the client's token"), (OTHER, "another token"))
        for token, whose in tokens[:1 if self.brief else 3]:
            for kind, reason, fields in (
                    ("data", "no_connection", {"flags": "AP"}),
                    ("data without ACK", "no_connection", {"flags": "P"}),
                    ("data and URG", "no_connection", {"flags": "APU"}),
                    ("data and FIN", "no_connection", {"flags": "APF"}),
                    ("data and SYN", "syn", {"flags": "S"}),
                    ("data and RST", "rst", {"flags": "RA"})):
                before = self.meter.books()
                why = self.forge(kind, reason, payload=request(token), seq=random.randrange(WRAP),
                                 ack=random.randrange(WRAP), **fields,
                                 **client.address(free ^ 4 if kind == "data and SYN" else free))
                self.unchanged("no connection, %s, %s" % (kind, whose), before, why)
        for kind, reason, flags in (("SYN", "syn", "S"), ("FIN", "fin", "FA"), ("RST", "rst", "R"), ("ACK", "ack", "A")):
            before = self.meter.books()
            why = self.forge(kind, reason, count=50, random="seq,port,ack", flags=flags, **client.address(free))
            self.unchanged("no connection, 50 %s" % kind, before, why)
        # The server has the SYN, and has answered it; who forged it does not know how.
        before = self.meter.books()
        self.forger.send(flags="S", seq=1000, **client.address(free ^ 2))
        why = self.forge("embryo", "unacceptable", payload=request(SPENT), flags="AP", seq=1001,
                         ack=random.randrange(WRAP), **client.address(free ^ 2))
        self.unchanged("a forged SYN, then data with another acknowledgement", before, why)

    # --- in the client's connection -------------------------------------------------

    def cases(self, at):
        seq, ack, stamp = at["seq"], at["ack"], at["stamp"]
        right = {"flags": "AP", "seq": seq, "ack": ack, "stamp": stamp}

        def but(**fields):
            return {**right, **{name: value % WRAP if isinstance(value, int) else value
                                for name, value in fields.items()}}

        yield "far ahead", "unacceptable", but(seq=seq + 2**30)
        yield "far behind", "retransmit", but(seq=seq - 2**30)
        yield "just before the next byte", "retransmit", but(seq=seq - len(request(SPENT)))
        yield "just out of the window", "unacceptable", but(seq=at["end"] + 1)
        yield "an acknowledgement of what was not sent yet", "unacceptable", but(ack=ack + 1)
        yield "an acknowledgement 1000 bytes ahead", "unacceptable", but(ack=ack + 1000)
        yield "an acknowledgement far ahead", "unacceptable", but(ack=ack + 2**21)
        yield "an acknowledgement far behind", "unacceptable", but(ack=ack - 2**30)
        yield "no ACK bit", "unacceptable", but(flags="P")
        yield "no flags", "unacceptable", but(flags="")
        yield "SYN", "syn", but(flags="S", seq=seq + 1)
        yield "SYN ACK", "syn", but(flags="SAP")
        yield "an old time stamp", "unacceptable", but(stamp=stamp - 60000)
        late = but(stamp_last=stamp - 60000)
        del late["stamp"]
        yield "an old time stamp in another place", "unacceptable", late
        yield "URG, out of the window", "unacceptable", but(flags="APU", seq=seq + 2**30)
        yield "RST with data, wrong number", "rst", but(flags="RAP", seq=seq + 77)
        if not self.ipv6:
            yield "a wrong IP checksum", "bad_checksum", but(wrong="ip")
        if self.checksums:
            yield "a wrong TCP checksum", "bad_checksum", but(wrong="tcp")
        empty = dict(right, empty=True)
        yield "FIN, wrong number", "fin", dict(empty, flags="FA", seq=(seq + 9) % WRAP)
        yield "FIN, right number, wrong acknowledgement", "fin", dict(empty, flags="FA", ack=(ack + 99999) % WRAP)
        yield "FIN without ACK", "fin", dict(empty, flags="F")
        yield "RST, wrong number", "rst", dict(empty, flags="R", seq=(seq + 9) % WRAP)
        yield "RST, far ahead", "rst", dict(empty, flags="R", seq=(seq + 2**30) % WRAP)
        yield "no bytes", "ack", dict(empty, flags="AP")
        yield "no bytes, URG", "ack", dict(empty, flags="AU")

    def within(self, client, number, halved):
        """Case number; halved: when the client has sent half of a request. None: there is none."""
        whole = request(OWN, "/real")
        client.get(OWN)  # a moment ago: the meter trusts most then
        if halved:
            client.send(whole[:50])
        self.rest()
        before = self.meter.books()
        for i, (what, reason, fields) in enumerate(self.cases(client.numbers())):
            if i == number:
                break
        else:
            return None
        if not fields.pop("empty", False):
            fields["payload"] = request(SPENT)
        why = self.forge(what, reason, **fields, **client.address())
        what = "in %s, %s" % ("a header" if halved else "the connection", what)
        self.unchanged(what, before, why)
        client.send(whole[50:] if halved else whole)
        said = client.answer()
        return self.goes_on(what, before, said) and said == "200"

    def counted(self, books):
        return sum(count for row, count in books["rows"].items() if row.startswith(OWN[:8]))

    def goes_on(self, what, before, said, requests=1):
        """The client's own requests are counted, and taken from its budget. Whether that is so."""
        until = time.monotonic() + 2
        while True:
            after = self.meter.books()
            more = self.counted(after) - self.counted(before)
            taken = before["budgets"]["token:owner_*"][1] - after["budgets"]["token:owner_*"][1]
            if more == taken == requests or time.monotonic() > until:
                break
            time.sleep(0.02)
        why = "" if said == "200" and more == taken == requests else "answer %s, counted %d, taken %d" % (said, more, taken)
        self.say(what + ": the client's next request counts", why)
        return not why

    def in_connection(self, halved):
        client, number = Connection(self.server), 0
        client.get(OWN)
        while True:
            lives = self.within(client, number, halved)
            if lives is None:
                break
            if not lives:
                client = Connection(self.server)
                client.get(OWN)
            number += 1
        if halved:
            client.send(request(OWN, "/real")[50:])
            client.answer()
        client.sock.close()

    # --- a client that does not want to be counted ------------------------------------

    def newer_acknowledgement(self):
        """An acknowledgement alone has moved the server's time on; junk is older than that."""
        client = Connection(self.server)
        client.get(OWN)
        self.rest()
        before = self.meter.books()
        at, where = client.numbers(), client.address()
        self.forger.send(flags="A", seq=at["seq"], ack=at["ack"], stamp=at["stamp"] + 400, **where)
        why = self.forge("junk", "unacceptable", flags="AP", seq=at["seq"], ack=at["ack"], stamp=at["stamp"] + 200,
                         payload=request(SPENT), **where)
        what = "older than an acknowledgement before it"
        self.unchanged(what, before, why)
        time.sleep(0.5)
        self.goes_on(what, before, client.get(OWN))
        client.sock.close()

    def tick_back(self):
        """Linux takes a time stamp that is one less than the last one (TCP_PAWS_WINDOW)."""
        client = Connection(self.server)
        client.get(OWN)
        self.rest()
        before = self.meter.books()
        at, where = client.numbers(), client.address()
        data = request(OWN, "/tick")
        for turn, stamp in enumerate((at["stamp"] + 400, at["stamp"] + 399)):
            self.forger.send(flags="AP", seq=(at["seq"] + turn * len(data)) % WRAP, ack=at["ack"],
                             stamp=stamp, payload=data, **where)
            self.rest()
        self.goes_on("a time stamp that goes back one tick", before, "200", 2)
        client.sock.close()

    def behind_a_stray(self):
        """After a stray segment the socket is asked first; what it says is not of the next packet's connection."""
        for process in 0, self.forger.child.pid:
            os.sched_setaffinity(process, {0})  # as each CPU remembers its own
        other, why = Connection(self.server), None
        for turn in range(6):
            client = Connection(self.server)
            client.get(OWN)
            other.get(OWN)
            self.rest()
            before = self.meter.books()
            why = why or self.forge("stray", "no_connection", flags="AP", seq=turn, ack=turn, payload=request(SPENT),
                                    **client.address(client.local[1] ^ 1))
            other.get(OWN)
            client.sock.close()
            self.rest()
            after = self.meter.books()
            if after["maps"]["flows"] != before["maps"]["flows"] - 1:
                why = why or "flows %d -> %d" % (before["maps"]["flows"], after["maps"]["flows"])
        self.say("a stray segment, another connection's request, then a FIN: that connection ends", why)
        other.sock.close()

    def run(self):
        client = Connection(self.server)
        client.get(OWN)
        self.without_connection(client)
        client.get(OWN)
        client.sock.close()
        self.in_connection(False)
        if not self.brief:
            self.in_connection(True)
        self.newer_acknowledgement()
        self.tick_back()
        self.behind_a_stray()
        self.forger.close()
        return self.failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--forge", required=True)
    parser.add_argument("--tollgate", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--pins", required=True)
    parser.add_argument("--checksums", action="store_true")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("name")
    parser.add_argument("server")
    sys.exit(1 if Attack(parser.parse_args()).run() else 0)


main()
