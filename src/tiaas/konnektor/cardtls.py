"""TUC_KON_110 "Kartenbasierte TLS-Verbindung aufbauen": TLS whose private key stays in a card (gemSpec_Kon V5.18
TIP1-A_4720-02).

Python's `ssl` wants the key itself, so the client is tlslite-ng (`konnektor.cardtlsline`), which asks an object to
sign. Its handshake blocks: it runs in a thread of the node, and the signature is made on the event loop by the card
(PSO COMPUTE DIGITAL SIGNATURE) meanwhile. No data go out before the server's certificate was judged.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.network import Network
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted

if TYPE_CHECKING:
    from tlslite.session import Session

    from tiaas.konnektor.cardtlsline import CardTlsConnection

CLIENT_AUTHENTICATION = 4157
SERVER_AUTHENTICATION = 4156

_AT_ONCE = 32
_AT_ONCE_EACH = 2

CardSignature = Callable[[bytes], Awaitable[bytes]]
"""Signs a hash value of 32 octets with the card's key by ECDSA (DER). Raises `TiaasError`."""
ServerCheck = Callable[[tuple[bytes, ...], str], Awaitable[None]]
"""Judges a server's certificates (DER, its own first) for a host name or address. Raises `KonnektorError`."""


class TlsFailed(TiaasError):
    """No connection, or one that broke. `code` is a gematik code where there is one; `reason` a short phrase."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason if code is None else f"{code} {reason}")
        self.reason = reason
        self.code = code


class CardFailed(TlsFailed):
    """The card did not do its part: nothing is said about the network."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, CLIENT_AUTHENTICATION)


@dataclass(frozen=True, slots=True, repr=False)
class CardIdentity:
    """The client's certificate (DER, ECC) and how to sign with its key."""

    certificate: bytes
    sign: CardSignature

    def __repr__(self) -> str:
        return "CardIdentity(…)"

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The key of the certificate. Raises `CardFailed` if it is not of ECC."""
        try:
            key = decode_certificate_untrusted(self.certificate).key()
        except BadCertificate:
            key = None
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise CardFailed("the card has no ECC certificate")
        return key


class Handshakes:
    """The threads in which the instances of one node shake hands: few, and none of them an instance's own.

    Who comes first is served first. An instance takes few places at once (`CardTls`), so a server that lets its
    instance wait leaves the others theirs.
    """

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="tiaas-handshake")

    def close(self) -> None:
        """Ends the threads once their handshakes are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[ThreadPoolExecutor]:
        """A thread, as soon as one is free."""
        async with self._places:
            yield self._threads


class CardTls:
    """Opens connections for one instance, of whose handshakes few are under way at once."""

    def __init__(
        self, network: Network, check_server: ServerCheck, handshakes: Handshakes, at_once: int = _AT_ONCE_EACH
    ) -> None:
        self._network = network
        self._check_server = check_server
        self._handshakes = handshakes
        self._places = asyncio.Semaphore(at_once)
        self._closed = False

    def close(self) -> None:
        """No more connections."""
        self._closed = True

    async def open(
        self,
        host: str,
        port: int,
        identity: CardIdentity,
        session: "Session | None" = None,
        begins: Callable[[], None] = lambda: None,
    ) -> "CardTlsConnection":
        """Connects and shakes hands, resuming `session` if the server still knows it. `begins` is called when there is
        a place to do that.

        Raises `TlsFailed`: code 4156 if the server's certificate is refused, 4220 if its role is, 4157 if the server
        refuses the card; `CardFailed` if the card does not sign.
        """
        public_key = identity.public_key()
        async with self._places, self._handshakes.place() as threads:
            if self._closed:
                raise TlsFailed("the instance has ended")
            begins()
            try:
                line = await self._network.connect(host, port)
            except OSError as error:
                raise TlsFailed("no connection") from error
            try:
                connection = await self._shake_hands(threads, line, host, identity, public_key, session)
                await self._judge(connection, host)
            except BaseException:
                # Wakes the thread up that may still wait for the server.
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                line.close()
                raise
            return connection

    async def _shake_hands(
        self,
        threads: ThreadPoolExecutor,
        line: socket.socket,
        host: str,
        identity: CardIdentity,
        public_key: ec.EllipticCurvePublicKey,
        session: "Session | None",
    ) -> "CardTlsConnection":
        seconds = self._network.connect_seconds
        # The thread blocks no longer than this for one record.
        line.settimeout(seconds)
        card = _CardAtWork(identity, asyncio.get_running_loop(), seconds)

        def work() -> "CardTlsConnection":
            from tiaas.konnektor.cardtlsline import shake_hands

            return shake_hands(line, host, identity.certificate, public_key, card.sign, session)

        try:
            async with asyncio.timeout(seconds):
                connection = await asyncio.get_running_loop().run_in_executor(threads, work)
        except TlsFailed as error:
            if card.failure is not None:
                raise CardFailed("the card does not sign") from card.failure
            raise TlsFailed(error.reason, CLIENT_AUTHENTICATION if card.signed else SERVER_AUTHENTICATION) from error
        except (TimeoutError, OSError) as error:
            if card.asked:
                raise CardFailed("the card does not sign") from error
            raise TlsFailed("no handshake") from error
        finally:
            card.leave()
        line.setblocking(False)
        return connection

    async def _judge(self, connection: "CardTlsConnection", host: str) -> None:
        try:
            await self._check_server(connection.server_certificates, host)
        except KonnektorError as error:
            raise TlsFailed("server refused", error.code) from error


class _CardAtWork:
    """The card as the handshake's thread sees it: a function that blocks until the event loop has the signature."""

    def __init__(self, identity: CardIdentity, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._identity = identity
        self._loop = loop
        self._seconds = seconds
        self._future: Future[bytes] | None = None
        self.failure: Exception | None = None

    @property
    def asked(self) -> bool:
        """Whether the card is signing just now."""
        return self._future is not None and not self.signed and self.failure is None

    @property
    def signed(self) -> bool:
        """Whether it has signed."""
        return self._future is not None and self._future.done() and self.failure is None

    def sign(self, digest: bytes) -> bytes:
        """The signature (DER) over a hash value. Raises `ValueError`."""
        future = self._future = asyncio.run_coroutine_threadsafe(self._ask(digest), self._loop)
        try:
            return future.result(self._seconds)
        except Exception as error:
            future.cancel()
            self.failure = error
            raise ValueError("the card did not sign") from error

    async def _ask(self, digest: bytes) -> bytes:
        return await self._identity.sign(digest)

    def leave(self) -> None:
        """Nobody waits for the signature any more: so that the thread does not either."""
        if self._future is not None:
            self._future.cancel()
