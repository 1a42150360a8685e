# SPDX-License-Identifier: BSD-2-Clause
"""open_connection.py HOST PORT FILE: one connection, used, then used again once FILE exists."""
import http.client
import os
import sys
import time

host, port, go = sys.argv[1], int(sys.argv[2]), sys.argv[3]
connection = http.client.HTTPConnection(host, port, timeout=30)


def ask(count):
    for _ in range(count):
        connection.request("GET", "/", headers={"X-API-Key": "long-connection"})
        connection.getresponse().read()
    sock = connection.sock
    assert sock is not None, "the server closed the connection"
    return sock


first = ask(5)
print("before", flush=True)
while not os.path.exists(go):
    time.sleep(0.05)
assert ask(5) is first
print("after", flush=True)
