# SPDX-License-Identifier: BSD-2-Clause
"""Segments that no server takes, on the wire: flood.py INTERFACE MAC SERVER PORT PACKETS_PER_SECOND.

Sound Ethernet, IPv4 and TCP with random sources of 198.51.100.0/24, ports and numbers, in
turn: a GET, a bare ACK, a GET with an open connection's addresses (192.0.2.1, ports in
use, numbers guessed), a bare ACK of that kind, and a SYN. Ends when it is stopped, or with
the interface.
"""
import random
import socket
import struct
import sys
import time

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
BATCH = 50
FRAMES = 20000  # made ahead, and sent again and again


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(ends, source, server, client_port, port, flags, payload):
    seq, ack = random.getrandbits(32), random.getrandbits(32) if flags & ACK else 0
    tcp = struct.pack("!HHIIBBHHH", client_port, port, seq, ack, 0x50, flags, 4096, 0, 0) + payload
    pseudo = source + server + struct.pack("!HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), random.getrandbits(16), 0, 64, 6, 0) + source + server
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return ends + b"\x08\x00" + ip + tcp


def main():
    name, mac, server, port, rate = sys.argv[1:]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((name, 0))
    ends = bytes.fromhex(mac.replace(":", "")) + wire.getsockname()[4]
    server, port = socket.inet_aton(server), int(port)
    get = b"GET /forged HTTP/1.1\r\nHost: soak\r\nX-API-Key: forged-by-nobody\r\n\r\n"
    client = socket.inet_aton("192.0.2.1")
    kinds = [(PSH | ACK, get, False), (ACK, b"", False), (PSH | ACK, get, True), (ACK, b"", True), (SYN, b"", False)]
    frames = []
    for i in range(FRAMES):
        flags, payload, ours = kinds[i % len(kinds)]
        source = client if ours else bytes((198, 51, 100, random.randrange(1, 255)))
        frames.append(frame(ends, source, server, random.randrange(32768, 61000), port, flags, payload))
    sent, began = 0, time.monotonic()
    while True:
        for _ in range(BATCH):
            try:
                wire.send(frames[sent % FRAMES])
            except OSError as error:
                if error.errno != 105:  # ENOBUFS: the queue is full, which is as good
                    return
            sent += 1
        ahead = sent / int(rate) - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)


main()
