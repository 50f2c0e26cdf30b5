"""Receives events: listens, takes plain TCP and TLS on the same port, gives one event per message.

Whether a Konnektor sends its events in TLS is a setting of its administrator (ANCL_TLS_MANDATORY), so both are taken:
the first octet tells which it is. The certificate shown is made for the occasion, as receivers in the field do.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tiaas.base.clock import Clock, SystemClock
from tiaas.base.dataclass import dataclass
from tiaas.interfaces.cetp import HEADER_SIZE, BadCetp, decode_cetp_untrusted, expected_size_untrusted
from tiaas.interfaces.event_service_v7_2 import Event

_TLS_HANDSHAKE = b"\x16"
_MESSAGE_SECONDS = 10.0
_QUEUED_MAX = 10_000
_CONNECTIONS_MAX = 256


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event, when it came, whether in TLS."""

    event: Event
    at: datetime
    tls: bool

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters by key."""
        return {item.key: item.value for item in self.event.message.parameter}


class CetpReceiver:
    """Listens from `receive_events` on. `bad` counts connections that brought no event."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext, clock: Clock) -> None:
        self.bad = 0
        self._listener = listener
        self._context = context
        self._clock = clock
        self._queue: asyncio.Queue[ReceivedEvent] = asyncio.Queue(_QUEUED_MAX)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    async def next(self) -> ReceivedEvent:
        """The next event; waits for it."""
        return await self._queue.get()

    async def accept(self) -> None:
        """Takes connections until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._listener)
            if len(self._tasks) >= _CONNECTIONS_MAX:
                connection.close()
                continue
            task = asyncio.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends all connections."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()

    async def _serve(self, connection: socket.socket) -> None:
        try:
            async with asyncio.timeout(_MESSAGE_SECONDS):
                tls = await _begins_with_tls(connection)
                await self._receive(connection, tls)
        except (OSError, BadCetp, asyncio.IncompleteReadError):
            self.bad += 1

    async def _receive(self, connection: socket.socket, tls: bool) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader), connection, ssl=self._context if tls else None
        )
        try:
            # Konnektors send one message a connection; the framing allows more.
            while head := await _head(reader):
                size = expected_size_untrusted(head) or HEADER_SIZE
                message = head + await reader.readexactly(size - HEADER_SIZE)
                await self._queue.put(ReceivedEvent(decode_cetp_untrusted(message), self._clock.now(), tls))
        finally:
            transport.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The eight octets before an event, none at the end. Raises `IncompleteReadError`."""
    try:
        return await reader.readexactly(HEADER_SIZE)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""


async def _begins_with_tls(connection: socket.socket) -> bool:
    """Looks at the first octet and leaves it where it is; closes the connection if none comes."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connection.fileno(), ready.set)
    try:
        await ready.wait()
        return connection.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE
    except BaseException:
        loop.remove_reader(connection.fileno())
        connection.close()
        raise
    finally:
        if connection.fileno() >= 0:
            loop.remove_reader(connection.fileno())


@asynccontextmanager
async def receive_events(host: str, port: int = 0, clock: Clock | None = None) -> AsyncIterator[CetpReceiver]:
    """Receives events at a local IP address for as long as the context lasts. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((host, port))
        listener.listen(128)
        receiver = CetpReceiver(listener, _server_context(host), clock or SystemClock())
    except BaseException:
        listener.close()
        raise
    accepting = asyncio.create_task(receiver.accept())
    try:
        yield receiver
    finally:
        accepting.cancel()
        with suppress(asyncio.CancelledError):
            await accepting
        await receiver.close()


def _server_context(host: str) -> ssl.SSLContext:
    """TLS with a self-signed certificate that lives as long as the receiver."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tiaas events {host} TEST-ONLY"[:64])])
    now = SystemClock().now().astimezone(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=30)).sign(
        key, hashes.SHA256()
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # `ssl` reads keys from files only; this one never touches a disk.
    descriptor = os.memfd_create("tiaas-events", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, made.public_bytes(Encoding.PEM) + private)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context
