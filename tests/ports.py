"""Ports for what has to be told which one to take.

They lie below those that labs choose (20000 and above) and that the system gives to clients (Linux: 32768 and above):
no connection that somebody opens meanwhile takes one of them away.
"""

import os
import socket
from itertools import count

_FIRST, _COUNT = 11_000, 9_000
_NEXT = count(os.getpid() * 61)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, *, host: str = "127.0.0.1") -> int:
    """A port that nobody listens on; never the same again."""
    for number in _NEXT:
        port = _FIRST + number % _COUNT
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        return port
    raise AssertionError
