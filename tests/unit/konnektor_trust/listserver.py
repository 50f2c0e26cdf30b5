"""A download point: an HTTP server with files, or with what a test wants instead."""

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass
class ListServer:
    """Serves `files` by path; a path that is not there is a 404. `requests` are the paths that were asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""
    _server: asyncio.Server | None = None

    def publish(self, document: bytes, path: str = "/tsl.xml") -> None:
        """A list with its hash file."""
        self.files[path] = document
        self.files[path.removesuffix(".xml") + ".sha2"] = sha256(document).hexdigest().encode()

    async def start(self) -> None:
        """Listens at `url`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Listens no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.requests.append(path)
            content = self.files.get(path)
            status = "404 Not Found" if content is None else "200 OK"
            body = content or b""
            writer.write(
                f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
            await writer.drain()
        finally:
            writer.close()
