# SPDX-License-Identifier: BSD-2-Clause
"""await_ready.py SOCKET SECONDS: end with 0 when READY=1 arrives (sd_notify(3))."""
import os
import socket
import sys
import time

path, seconds = sys.argv[1], float(sys.argv[2])
if os.path.exists(path):
    os.unlink(path)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.bind(path)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        notify.settimeout(left)
        try:
            if b"READY=1" in notify.recv(4096).split(b"\n"):
                sys.exit(0)
        except TimeoutError:
            break
sys.exit("no READY=1 within %g s" % seconds)
