# SPDX-License-Identifier: BSD-2-Clause
"""vlan_switch.py PLAIN TAGGED TPID:ID...: forward frames between two interfaces,
with these VLAN tags (outermost first) on one of them. For kernels without 802.1Q."""
import select
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 16


def opened(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((name, ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return sock


def received(sock):
    """(frame without tags, whether it had all of ours), or None for one that went out."""
    frame, extra, _, address = sock.recvmsg(65536, 64)
    if address[2] == socket.PACKET_OUTGOING:
        return None
    found = []
    # The kernel has taken the outermost tag off, and says so beside the frame.
    for level, kind, data in extra:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, tci, tpid = struct.unpack("=I12xHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                found.append((tpid, tci & 0xFFF))
    while len(frame) > 18 and struct.unpack("!H", frame[12:14])[0] in (0x8100, 0x88A8):
        tpid, tci = struct.unpack("!HH", frame[12:16])
        found.append((tpid, tci & 0xFFF))
        frame = frame[:12] + frame[16:]
    return frame, found


tags = [tuple(int(part, 0) for part in word.split(":")) for word in sys.argv[3:]]
plain, tagged = opened(sys.argv[1]), opened(sys.argv[2])
push = b"".join(struct.pack("!HH", *tag) for tag in tags)
while True:
    for sock in select.select([plain, tagged], [], [])[0]:
        got = received(sock)
        if got is None:
            continue
        frame, found = got
        if sock is plain:
            tagged.send(frame[:12] + push + frame[12:])
        elif found == tags:
            plain.send(frame)
