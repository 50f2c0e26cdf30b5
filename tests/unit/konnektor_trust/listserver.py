"""A download point: an HTTP server with files, without TLS and with the certificate that a test wants."""

import asyncio
import ssl
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass
class ListServer:
    """Serves `files` by path; a path that is not there is a 404. `requests` are the paths that were asked for.

    `secure` are those of them that came over TLS; `tls` is its context for the next connection.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    secure: list[str] = field(default_factory=list)
    url: str = ""
    tls: ssl.SSLContext | None = None
    tls_port: int = 0
    _servers: list[asyncio.Server] = field(default_factory=list)

    def publish(self, document: bytes, path: str = "/tsl.xml") -> None:
        """A list with its hash file."""
        self.files[path] = document
        self.files[path.removesuffix(".xml") + ".sha2"] = sha256(document).hexdigest().encode()

    async def start(self) -> None:
        """Listens at `url`, and with TLS at `secure_url`."""
        plain = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
        self._servers.append(plain)
        if self.tls is not None:
            door = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            door.maximum_version = ssl.TLSVersion.TLSv1_2
            door.sni_callback = self._choose
            secure = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=door)
            self.tls_port = secure.sockets[0].getsockname()[1]
            self._servers.append(secure)

    @property
    def secure_url(self) -> str:
        """The same place with TLS."""
        return f"https://127.0.0.1:{self.tls_port}"

    async def stop(self) -> None:
        """Listens no more."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        assert self.tls is not None
        connection.context = self.tls

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            path = head.split(" ")[1]
            self.requests.append(path)
            if writer.get_extra_info("ssl_object") is not None:
                self.secure.append(path)
            content = self.files.get(path)
            status = "404 Not Found" if content is None else "200 OK"
            body = content or b""
            writer.write(
                f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
            await writer.drain()
        finally:
            writer.close()
