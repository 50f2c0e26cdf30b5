"""A small OCSP responder behind a forwarder: an HTTP server that answers, or misbehaves, as a test says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from tests.unit.pki.ocspmaker import World
from tiaas.base.clock import ManualClock
from tiaas.pki.ocsp import RESPONSE_TYPE, decode_request_untrusted, encode_response
from tiaas.pki.ocspmessages import CertHash, CertStatus, OcspRequest, SingleResponse

Answer = Callable[[OcspRequest], bytes]


@dataclass
class Forwarder:
    """Records requests; `answer` makes the body, `status` and `media_type` go with it."""

    world: World
    clock: ManualClock
    subject: bytes = b""
    status: int = 200
    media_type: str = RESPONSE_TYPE
    keep_alive: bool = True
    requests: list[OcspRequest] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    gate: Callable[[], Awaitable[None]] | None = None
    answer: Answer | None = None
    raw: bytes | None = None
    _server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def start(self) -> str:
        """Listens; gives the URL."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Closes everything."""
        self.drop_connections()
        if self._server is not None:
            self._server.close()

    def drop_connections(self) -> None:
        """Closes what is open."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def good(self, request: OcspRequest, status: CertStatus = CertStatus.GOOD) -> bytes:
        """An answer with everything right."""
        now = self.clock.now()
        revoked_at = now - timedelta(days=1) if status is CertStatus.REVOKED else None
        single = SingleResponse(request.cert_id, status, now, None, revoked_at, CertHash.of(self.subject))
        return encode_response((single,), self.world.responder, now, request.nonce)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.split("\r\n")
                fields = dict(line.split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(fields["Content-Length"]))
                self.targets.append(lines[0])
                self.hosts.append(fields["Host"])
                request = decode_request_untrusted(body)
                self.requests.append(request)
                self.arrived.set()
                if self.gate is not None:
                    await self.gate()
                if self.raw is not None:
                    writer.write(self.raw)
                    writer.close()
                    return
                content = (self.answer or self.good)(request)
                more = "" if self.keep_alive else "Connection: close\r\n"
                answer = f"HTTP/1.1 {self.status} X\r\nContent-Type: {self.media_type}\r\n{more}Content-Length: "
                writer.write(f"{answer}{len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
