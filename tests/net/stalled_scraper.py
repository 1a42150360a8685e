# SPDX-License-Identifier: BSD-2-Clause
"""Connect to a metrics page and read nothing: stalled_scraper.py HOST:PORT CONNECTIONS.

Every third connection sends nothing at all, every third half a request, every third
asks for the page. A connection that was ended is made anew, until we are ended.
"""
import socket
import sys
import time

ASK = (b"", b"GET /metrics HT", b"GET /metrics HTTP/1.1\r\nHost: metrics\r\n\r\n")


def dial(host, port, kind):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(1)
    client.connect((host, port))
    client.sendall(ASK[kind])
    return client


def is_ended(client):
    """Without reading: what has come stays where it is."""
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] != 1  # TCP_ESTABLISHED


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    clients = [None] * int(sys.argv[2])
    while True:
        for i, client in enumerate(clients):
            try:
                if client and not is_ended(client):
                    continue
                if client:
                    client.close()
                clients[i] = dial(host, int(port), i % len(ASK))
            except OSError:
                clients[i] = None
        time.sleep(0.1)


main()
