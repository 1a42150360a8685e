# SPDX-License-Identifier: BSD-2-Clause
"""A client that forms its own segments, over IPv4; its kernel must not answer for it.

forming_client.py handshake|ahead TOKEN HOST PORT

handshake: acknowledges what the server never sent, before it opens the connection rightly.
ahead: acknowledges, with a byte of a body, far more than was sent.
Then it asks five times, and ends with 1 if one was not answered.
"""
import random
import select
import socket
import struct
import sys
import time

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WRAP = 2**32


def checksum(data):
    total = sum(struct.unpack("!%dH" % ((len(data) + 1) // 2), data + b"\0" * (len(data) % 2)))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


class Client:
    def __init__(self, host, port):
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.raw.connect((host, 0))
        self.ends = socket.inet_aton(self.raw.getsockname()[0]), socket.inet_aton(host)
        self.ports = random.randrange(20000, 30000), port
        self.seq, self.ack = random.randrange(WRAP), 0

    def send(self, flags, data=b"", ahead=0):
        """ahead: so far beyond what was received does it acknowledge. The next data stand behind these."""
        head = struct.pack("!HHIIBBHHH", *self.ports, self.seq, (self.ack + ahead) % WRAP, 5 << 4, flags, 65535, 0, 0)
        whole = head + data
        right = checksum(b"".join(self.ends) + struct.pack("!BBH", 0, 6, len(whole)) + whole)
        self.raw.send(whole[:16] + struct.pack("!H", right) + whole[18:])
        self.seq = (self.seq + len(data) + bool(flags & SYN)) % WRAP

    def receive(self, seconds):
        """Flags and new payload of the next segment; None: none came."""
        until = time.monotonic() + seconds
        while select.select([self.raw], [], [], max(0, until - time.monotonic()))[0]:
            packet = self.raw.recv(65536)
            tcp = packet[(packet[0] & 15) * 4:]
            source, target, seq, _, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
            if (target, source) != self.ports:
                continue
            if flags & SYN:
                self.ack = (seq + 1) % WRAP
                return flags, b""
            data = tcp[(offset >> 4) * 4:] if seq == self.ack else b""
            self.ack = (self.ack + len(data)) % WRAP
            return flags, data
        return None

    def open(self, ahead):
        self.send(SYN)
        if not (self.receive(5) or [0])[0] & SYN:
            sys.exit("no answer to a SYN")
        if ahead:
            self.send(ACK, ahead=ahead)
            if not (self.receive(5) or [0])[0] & RST:
                sys.exit("no reset for what was never sent")
        self.send(ACK)

    def ask(self, data, end=b"hello\n"):
        """Whether the answer came."""
        held, turns = b"", 0
        self.send(ACK | PSH, data)
        while not held.endswith(end) and turns < 20:
            flags, more = self.receive(5) or (RST, b"")
            if flags & RST:
                return False
            held, turns = held + more, turns + 1
        self.send(ACK)
        return True


def main():
    mode, token, host, port = sys.argv[1:]
    client = Client(host, int(port))
    client.open(12345 if mode == "handshake" else 0)
    head = "Host: s\r\nX-API-Key: %s\r\n" % token
    answered = 0
    if mode == "ahead":
        client.send(ACK | PSH, ("POST /u/odd HTTP/1.1\r\n%sContent-Length: 100\r\n\r\n" % head).encode())
        client.receive(0.2)
        kept = client.seq
        client.send(ACK | PSH, b"j", ahead=2**20 - 5000)
        client.seq = kept  # the server has thrown it away
        client.receive(0.2)
        answered += client.ask(b"x" * 100, b"got it\n") - 1
    for number in range(5):
        answered += client.ask(("GET /%d HTTP/1.1\r\n%s\r\n" % (number, head)).encode())
    client.send(RST | ACK)
    sys.exit(0 if answered == 5 else "%d of 5 answered" % answered)


main()
