# SPDX-License-Identifier: BSD-2-Clause
"""A client of correct but unusual habits, on raw sockets.

odd_client.py [--seed N] [--connections N] [--threads N] [--no-bodies] HOST PORT

Each connection carries a few requests, one after the other or pipelined, cut
at random bytes into segments of their own. Requests have bodies that look like
requests, chunked bodies with extensions and trailers, bare LF, header names in
any case, tokens in all places, HTTP/1.0, Expect: 100-continue. All of it is
derived from the seed. Every request must be answered; ends with 1 if one was not.
"""
import argparse
import random
import socket
import sys
import threading
import time

DECOY = b"GET /decoy HTTP/1.1\r\nHost: decoy\r\nX-API-Key: decoy-token\r\n\r\n"


def any_case(rng, text):
    return "".join(rng.choice((c.lower(), c.upper())) for c in text)


def percent(rng, text):
    return "".join("%%%02x" % ord(c) if rng.random() < 0.3 else c for c in text)


class Request:
    """One request as bytes, with what its sender must know of the answer."""

    def __init__(self, rng, last, bodies):
        self.rng = rng
        self.end = rng.choice(("\r\n", "\r\n", "\r\n", "\n"))
        self.version = "1.0" if last and rng.random() < 0.3 else "1.1"
        self.path = rng.choice(("/", "/a/b.c", "/odd?x=1&y=2", "/longer" + "r" * rng.randrange(900)))
        self.headers = [("Host", rng.choice(("server", "server:8080")))]
        self.body = b""
        self.waits = False  # for 100 Continue
        kinds = ["GET", "GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND"]
        self.method = rng.choice(kinds + ["POST", "PUT", "POST"] if bodies else kinds)
        if self.method in ("POST", "PUT"):
            self.add_body()
        self.add_token()
        for _ in range(rng.randrange(5)):
            self.headers.append(("X-Filler-%d" % rng.randrange(99), "v" * rng.randrange(400)))
        if rng.random() < 0.05:
            self.headers.append(("Cookie", "c=" + "o" * rng.randrange(11000)))  # over several segments
        if rng.random() < 0.3:
            self.headers.append(("Origin", "https://Shop%d.Example:8443" % rng.randrange(4)))
        elif rng.random() < 0.2:
            self.headers.append(("Referer", "http://blog.example/post?id=1"))
        rng.shuffle(self.headers)
        if last and self.version == "1.1":
            self.headers.append(("Connection", "close"))
        self.head = self.written()

    def add_body(self):
        rng = self.rng
        self.path = "/u" + self.path  # where nginx reads bodies to their end
        body = b"".join(rng.choice((DECOY, b"\r\n\r\n", b"0\r\n\r\n", b"x" * rng.randrange(3000)))
                        for _ in range(rng.randrange(1, 6)))
        if self.version == "1.1" and rng.random() < 0.5:
            self.headers.append(("Transfer-Encoding", rng.choice(("chunked", "Chunked"))))
            self.body = self.chunked(body)
        else:
            self.headers.append(("Content-Length", "%d" % len(body)))
            self.body = body
        if self.version == "1.1" and rng.random() < 0.25:
            self.headers.append(("Expect", "100-continue"))
            self.waits = True

    def chunked(self, body):
        rng, out = self.rng, b""
        while body:
            size = rng.randrange(1, len(body) + 1)
            extension = rng.choice((b"", b"", b";name=value", b";q=\"a b\""))
            out += rng.choice((b"%x", b"%X", b"00%x")) % size + extension + b"\r\n" + body[:size] + b"\r\n"
            body = body[size:]
        trailer = rng.choice((b"", b"", b"X-Trailer: GET / HTTP/1.1\r\n", b"X-API-Key: trailer-token\r\n"))
        return out + rng.choice((b"0", b"000")) + b"\r\n" + trailer + b"\r\n"

    def add_token(self):
        rng = self.rng
        token = "odd-token-%d-%s" % (rng.randrange(5), "t" * rng.choice((0, 3, 40, 300)))
        place = rng.randrange(8)
        if place in (0, 1):
            self.headers.append(("Authorization", any_case(rng, "bearer") + " " * rng.randrange(1, 4) + token))
        if place in (1, 2, 3):
            self.headers.append(("X-API-Key", token + "-key"))
        if place in (3, 4):
            glue = "&" if "?" in self.path else "?"
            self.path += glue + "key=" + percent(rng, token + " q") .replace(" ", rng.choice(("%20", "%2B")))
        if place == 5:
            self.headers.append(("Authorization", "Digest username=\"nobody\""))
        if place == 6:
            self.path += ("&" if "?" in self.path else "?") + "KEY=not-this&keys=nor-this"

    def written(self):
        rng = self.rng
        lead = rng.choice(("", "", "", "\r\n"))
        target = self.path if rng.random() < 0.9 else "http://server" + self.path
        lines = ["%s %s HTTP/%s" % (self.method, target, self.version)]
        for name, value in self.headers:
            lines.append("%s:%s%s%s" % (any_case(rng, name), rng.choice(("", " ", "  ")), value,
                                        rng.choice(("", "", " "))))
        ends = [self.end if rng.random() < 0.8 else "\r\n" for _ in lines]
        text = "".join(line + end for line, end in zip(lines, ends)) + self.end
        return (lead + text).encode("latin-1")


class Answers:
    """Reads answers off a connection, one at a time."""

    def __init__(self, sock):
        self.sock, self.held = sock, b""

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("the server closed after %d bytes of an answer" % len(self.held))
        self.held += data

    def head(self):
        while b"\r\n\r\n" not in self.held:
            self.more()
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        return head

    def final(self, method):
        """Status of the next answer that is not 1xx; its body is read."""
        while (head := self.head()).split()[1].startswith(b"1"):
            pass
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = 0 if method == "HEAD" else int(fields.get(b"content-length", 0))
        while len(self.held) < length:
            self.more()
        self.held = self.held[length:]
        return int(head.split()[1])


def send_cut(rng, sock, data):
    """In segments that end where nobody expects it."""
    cuts = sorted(rng.randrange(1, len(data)) for _ in range(rng.choice((0, 0, 1, 2, 5, 12))) if len(data) > 1)
    if rng.random() < 0.05:
        cuts = range(1, min(len(data), 200))  # byte by byte
    at = 0
    for cut in [*cuts, len(data)]:
        if cut > at:
            sock.sendall(data[at:cut])
            time.sleep(rng.choice((0, 0, 0.0005, 0.002)))
        at = cut


def converse(rng, address, bodies):
    """One connection; how many requests were answered with 200."""
    count = rng.randrange(1, 9)
    requests = [Request(rng, i == count - 1, bodies) for i in range(count)]
    pipelined = rng.random() < 0.4
    with socket.create_connection(address, timeout=30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers, statuses = Answers(sock), []
        if pipelined:
            send_cut(rng, sock, b"".join(r.head + r.body for r in requests))
            statuses = [answers.final(r.method) for r in requests]
        else:
            for r in requests:
                if r.waits:
                    send_cut(rng, sock, r.head)
                    if not answers.head().startswith(b"HTTP/1.1 100"):
                        raise ValueError("no 100 Continue")
                    send_cut(rng, sock, r.body)
                else:
                    send_cut(rng, sock, r.head + r.body)
                statuses.append(answers.final(r.method))
    if statuses != [200] * count:
        raise ValueError("answers %s" % statuses)
    return count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--threads", type=int, default=6)
    parser.add_argument("--no-bodies", action="store_true")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    args = parser.parse_args()
    lock, left, answered, failed = threading.Lock(), list(range(args.connections)), [], []

    def work():
        while True:
            with lock:
                if not left:
                    return
                number = left.pop()
            try:
                rng = random.Random("%d %d" % (args.seed, number))
                answered.append(converse(rng, (args.host, args.port), not args.no_bodies))
            except (OSError, EOFError, ValueError) as error:
                failed.append("connection %d of seed %d: %r" % (number, args.seed, error))

    threads = [threading.Thread(target=work) for _ in range(args.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("%d requests answered on %d connections" % (sum(answered), len(answered)))
    if failed:
        sys.exit("\n".join(failed[:5]))


if __name__ == "__main__":
    main()
