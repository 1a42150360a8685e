# SPDX-License-Identifier: BSD-2-Clause
"""Misbehave at the agent's control socket: garbage_client.py SOCKET SEED KIND.

garbage   lines of random bytes, and of requests with something random in them; each
          must be answered by one JSON object, or end the connection
much      megabytes without a newline, and thousands of requests that nobody waits for
hang-up   ask for much and leave before, or in the middle of, the answer
hold      sit on 100 connections, half of which have begun a request: until the end
stall     ask for much on 40 connections and read nothing: until the end
"""
import json
import random
import socket
import sys
import time

VERBS = ["usage", "status", "quota list", "quota_list", "blocks", "explain", "quota set", "quota_set",
         "quota_rm", "block", "unblock", "nothing", ""]
# None of these stands as it is, so that nothing changes.
VALUES = [None, True, -1, 0, 2 ** 63, 2 ** 64, 1e308, "", "x", "source", "token:", "\u0000", "\u00e9" * 300,
          "a" * 3000, "source,token,origin,interface,policy,source", [], [[]], {}, {"a": {"b": {"c": {}}}}, ["any"]]
KEYS = ["by", "top", "since_unix_ns", "subject", "limits", "action", "per", "block", "for_s", "reason", "source",
        "token", "origin", "verb"]


def dial(path):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10)
    client.connect(path)
    return client


def line_of(chance):
    if chance.random() < 0.4:
        return bytes(chance.choice([b for b in range(256) if b != 10]) for _ in range(chance.randrange(200)))
    request = {"verb": chance.choice(VERBS)}
    for _ in range(chance.randrange(4)):
        request[chance.choice(KEYS)] = chance.choice(VALUES)
    line = json.dumps(request).encode()
    if chance.random() < 0.3:
        line = line[:chance.randrange(len(line) + 1)]
    return line


def garbage(path, chance):
    for _ in range(40):
        client = dial(path)
        answers = client.makefile("rb")
        for _ in range(25):
            line = line_of(chance)
            try:
                client.sendall(line + b"\n")
                answer = answers.readline()
            except OSError:
                break
            if not answer:
                break
            if not isinstance(json.loads(answer), dict):
                sys.exit("to %r: %r" % (line[:80], answer[:80]))
        client.close()


def much(path, chance):
    del chance
    for data in (b"x" * 5000000, b"{" * 5000000, b'{"verb":"status"}\n' * 5000, b"\n" * 100000):
        client = dial(path)
        try:
            client.settimeout(2)
            client.sendall(data)
        except OSError:
            pass  # it was shown out
        client.close()


def hang_up(path, chance):
    for _ in range(100):
        client = dial(path)
        client.sendall(b'{"verb":"usage","by":"source,token"}\n' * chance.randrange(1, 20))
        if chance.random() < 0.5:
            client.recv(1)
        client.close()


def hold(path, chance):
    clients = []
    for _ in range(100):
        try:
            clients.append(dial(path))
            if chance.random() < 0.5:
                clients[-1].send(b'{"verb":"us')
        except OSError:
            pass  # it was refused
    while True:
        time.sleep(1)


def stall(path, chance):
    del chance
    clients = []
    for _ in range(40):
        try:
            clients.append(dial(path))
            clients[-1].setblocking(False)
            while True:
                clients[-1].send(b'{"verb":"usage","by":"source,token"}\n')
        except OSError:
            pass
    while True:
        time.sleep(1)


if __name__ == "__main__":
    {"garbage": garbage, "much": much, "hang-up": hang_up, "hold": hold, "stall": stall}[sys.argv[3]](
        sys.argv[1], random.Random(int(sys.argv[2])))
