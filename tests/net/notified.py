# SPDX-License-Identifier: BSD-2-Clause
"""notified.py SOCKET: print what arrives there (sd_notify(3)), a line per variable."""
import os
import socket
import sys

path = sys.argv[1]
if os.path.exists(path):
    os.unlink(path)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.bind(path)
    while True:
        print(notify.recv(4096).decode(), flush=True)
