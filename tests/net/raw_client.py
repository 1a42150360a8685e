# SPDX-License-Identifier: BSD-2-Clause
"""Requests on one raw connection, cut as told; says what came back.

raw_client.py [OPTION...] HOST PORT TOKEN

  --count N      requests on the connection (1)
  --pipelined    all at once, else each after the answer to the one before
  --cuts A,B,... where the last request is cut into segments of their own;
                 negative ones count from its end
  --pause S      between these segments (0.02)
  --method M --version V --body BYTES
  --patience S   until silence is called that (5)

Prints one JSON object: the statuses in their order, the last Retry-After, how
the connection ended (eof, reset, silence, open), and how long after the last
byte was sent that was known, in ms.
"""
import argparse
import json
import re
import socket
import time


def request(args):
    head = "%s /raw HTTP/%s\r\nHost: server\r\nX-API-Key: %s\r\n" % (args.method, args.version, args.token)
    if args.body:
        head += "Content-Length: %d\r\n" % args.body
    return head.encode() + b"X-Filler: " + b"f" * 40 + b"\r\n\r\n" + b"b" * args.body


def send_cut(sock, data, cuts, pause):
    at = 0
    for cut in [*sorted(cut % len(data) for cut in cuts), len(data)]:
        if at:
            time.sleep(pause)
        sock.sendall(data[at:cut])
        at = cut


def answers(text):
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", text)]


class Conversation:
    def __init__(self, sock):
        self.sock, self.held, self.end = sock, b"", "open"

    def read(self, until=None):
        """To the end, or to so many answers."""
        try:
            while until is None or len(answers(self.held)) < until or not self.held.endswith((b"\r\n\r\n", b"hello\n")):
                data = self.sock.recv(65536)
                if not data:
                    self.end = "eof"
                    return
                self.held += data
        except TimeoutError:
            self.end = "silence"
        except ConnectionError:
            self.end = "reset"

    def hold(self, args):
        whole = request(args)
        if args.pipelined:
            self.sock.sendall(whole * args.count)
            return
        for number in range(1, args.count):
            self.sock.sendall(whole)
            self.read(number)
        send_cut(self.sock, whole, args.cuts, args.pause)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--pipelined", action="store_true")
    parser.add_argument("--cuts", type=lambda text: [int(cut) for cut in text.split(",")], default=[])
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("--method", default="GET")
    parser.add_argument("--version", default="1.1")
    parser.add_argument("--body", type=int, default=0)
    parser.add_argument("--patience", type=float, default=5)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("token")
    args = parser.parse_args()
    with socket.create_connection((args.host, args.port), timeout=args.patience) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk = Conversation(sock)
        try:
            talk.hold(args)
        except ConnectionError:
            talk.end = "reset"
        sent = time.monotonic()
        if talk.end == "open":
            talk.read()
        took = time.monotonic() - sent
    retry = re.findall(rb"(?i)retry-after:\s*(\S*)\r\n", talk.held)
    print(json.dumps({"statuses": answers(talk.held), "retry_after": retry[-1].decode() if retry else None,
                      "end": talk.end, "ms": round(took * 1000, 3)}))


main()
