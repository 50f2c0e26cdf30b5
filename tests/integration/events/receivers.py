"""Receivers of events that know nothing of our codec: sockets, `struct` and lxml."""

import asyncio
import ssl
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree

EVT = "{http://ws.gematik.de/conn/EventService/v7.2}"


@dataclass(frozen=True, slots=True)
class Received:
    """One connection: everything that came until it was closed, and the certificate shown."""

    octets: bytes
    peer: bytes | None

    @property
    def xml(self) -> etree._Element:
        """The event; the frame must be one and whole."""
        magic, size = struct.unpack(">4sI", self.octets[:8])
        assert magic == b"CETP"
        assert size == len(self.octets) - 8
        return etree.fromstring(self.octets[8:])

    def text(self, local: str) -> str:
        return self.xml.findtext(f"{EVT}{local}") or ""

    @property
    def topic(self) -> str:
        return self.text("Topic")

    @property
    def parameters(self) -> dict[str, str]:
        found = self.xml.findall(f"{EVT}Message/{EVT}Parameter")
        pairs = [(p.findtext(f"{EVT}Key") or "", p.findtext(f"{EVT}Value") or "") for p in found]
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)


@dataclass
class Receiver:
    """Listens on loopback. `hang`: accepts and says nothing, not even in TLS; `keep`: reads, never closes."""

    context: ssl.SSLContext | None = None
    behaviour: str = "read"
    port: int = 0
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        context = None if self.behaviour == "hang" else self.context
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"cetp://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        tls = writer.get_extra_info("ssl_object")
        peer = tls.getpeercert(binary_form=True) if tls is not None else None
        try:
            if self.behaviour == "hang":
                await asyncio.Event().wait()
            if self.behaviour == "keep":
                head = await reader.readexactly(8)
                octets = head + await reader.readexactly(struct.unpack(">I", head[4:])[0])
                self.received.append(Received(octets, peer))
                await asyncio.Event().wait()
            octets = await reader.read(-1)
            if octets:
                self.received.append(Received(octets, peer))
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def until(self, count: int) -> list[Received]:
        """Waits for that many events."""
        async with asyncio.timeout(60):
            while len(self.received) < count:  # noqa: ASYNC110 (the receiver has no event of its own)
                await asyncio.sleep(0.005)
        return self.received

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate with its key as a file."""

    file: Path
    der: bytes

    @property
    def fingerprint(self) -> str:
        return x509.load_der_x509_certificate(self.der).fingerprint(hashes.SHA256()).hex()

    @property
    def pem(self) -> str:
        return x509.load_der_x509_certificate(self.der).public_bytes(Encoding.PEM).decode()

    def context(self, *, asks: bool = False) -> ssl.SSLContext:
        """A server context; `asks` requests a client certificate and takes whatever comes with a CA of none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def self_signed(folder: Path, name: str = "pvs") -> Certificate:
    """As practice software makes one for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = builder.sign(key, hashes.SHA256())
    file = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + private)
    return Certificate(file, made.public_bytes(Encoding.DER))
