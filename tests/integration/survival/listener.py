"""Practice software that listens for events (CETP over TLS) in threads of its own, through all deaths of the lab."""

import contextlib
import socket
import struct
import threading
from pathlib import Path

from lxml import etree

from tests.integration.events.receivers import EVT, self_signed

SECONDS = 10.0


class Listener:
    """Listens from the start to `close`; `topics` are those of the events that came whole, in their order."""

    def __init__(self, folder: Path) -> None:
        self._context = self_signed(folder).context()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"cetp://127.0.0.1:{self._socket.getsockname()[1]}"
        self.topics: list[str] = []
        self.broken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listens no more."""
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        raw.settimeout(SECONDS)
        octets = b""
        # A connection whose other end was killed breaks anywhere.
        with contextlib.suppress(OSError), raw, self._context.wrap_socket(raw, server_side=True) as line:
            while part := line.recv(65536):
                octets += part
        topic = _topic(octets)
        if topic is None:
            self.broken += bool(octets)
        else:
            self.topics.append(topic)


def _topic(octets: bytes) -> str | None:
    """The topic of a whole frame."""
    if len(octets) < 8:
        return None
    magic, size = struct.unpack(">4sI", octets[:8])
    if magic != b"CETP" or len(octets) != 8 + size:
        return None
    return etree.fromstring(octets[8:]).findtext(f"{EVT}Topic")
