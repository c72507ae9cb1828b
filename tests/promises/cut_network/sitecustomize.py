"""Python imports this at its start where this folder is on its path: every attempt to reach another machine is written
down and refused, in this process and in those that it starts. Loopback stays, for the review page."""

from __future__ import annotations

import os
import sys

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")
EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto")


def heard(event: str, arguments: tuple[object, ...]) -> None:
    if event not in EVENTS:
        return
    address = arguments[0] if event.startswith("socket.get") else arguments[-1]
    host = address[0] if isinstance(address, tuple) else address
    if host is None or isinstance(host, bytes) or not isinstance(host, str) or host.startswith(("/", "\0")):
        host = os.fsdecode(host) if isinstance(host, bytes) else str(host)  # a UNIX socket, or nobody
        if host in ("None", "") or host.startswith(("/", "\0")):
            return
    if host.startswith(LOOPBACK):
        return
    with open(os.environ["CUT_NETWORK_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123  (before pathlib is there)
        log.write(f"{event} {host}\n")
    raise OSError(f"the network is cut: {host}")


sys.addaudithook(heard)
