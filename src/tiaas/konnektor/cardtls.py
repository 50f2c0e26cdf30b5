"""TUC_KON_110 "Kartenbasierte TLS-Verbindung aufbauen": TLS whose private key stays in a card (gemSpec_Kon V5.18
TIP1-A_4720-02; TLS 1.2 with the suites of gemSpec_Krypt A_17124).

Python's `ssl` wants the key itself, so the client is tlslite-ng, which asks an object to sign. Its handshake blocks: it
runs in a thread, and the signature is made on the event loop by the card (PSO COMPUTE DIGITAL SIGNATURE) meanwhile.
After the handshake everything runs on the event loop without blocking, and AES-GCM is OpenSSL's: the library's own is a
hundred times slower.

Only ECDHE_ECDSA is offered, so the server has an ECC certificate and the SM-B's ECC certificate may be used
(TIP1-A_4720-02, 2c). No data go out before the server's certificate was judged.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tlslite.errors import BaseTLSException
from tlslite.handshakesettings import HandshakeSettings
from tlslite.session import Session
from tlslite.tlsconnection import TLSConnection
from tlslite.x509 import X509
from tlslite.x509certchain import X509CertChain

from tiaas.base.errors import TiaasError
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.network import Network
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted

CLIENT_AUTHENTICATION = 4157
SERVER_AUTHENTICATION = 4156

_TLS12 = (3, 3)
_GROUPS = ["brainpoolP256r1", "brainpoolP384r1", "secp256r1", "secp384r1"]
_COORDINATE = 32
_WANTS_READ, _WANTS_WRITE = 0, 1
_THREADS = 2

CardSignature = Callable[[bytes], Awaitable[bytes]]
"""Signs a hash value of 32 octets with the card's key: r ‖ s, 64 octets. Raises `TiaasError`."""
ServerCheck = Callable[[tuple[bytes, ...], str], Awaitable[None]]
"""Judges a server's certificates (DER, its own first) for a host name or address. Raises `KonnektorError`."""


class TlsFailed(TiaasError):
    """No connection, or one that broke. `code` is a gematik code where there is one; `reason` a short phrase."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason if code is None else f"{code} {reason}")
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True, repr=False)
class CardIdentity:
    """The client's certificate (DER, ECC) and how to sign with its key."""

    certificate: bytes
    sign: CardSignature

    def __repr__(self) -> str:
        return "CardIdentity(…)"


class CardTls:
    """Opens connections for one instance. `close` ends its threads."""

    def __init__(self, network: Network, check_server: ServerCheck) -> None:
        self._network = network
        self._check_server = check_server
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tiaas-cardtls")

    def close(self) -> None:
        """Ends what is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def open(
        self, host: str, port: int, identity: CardIdentity, session: Session | None = None
    ) -> "CardTlsConnection":
        """Connects and shakes hands, resuming `session` if the server still knows it.

        Raises `TlsFailed`: code 4156 if the server's certificate is refused, 4220 if its role is, 4157 if the card does
        not sign or the server refuses it.
        """
        try:
            line = await self._network.connect(host, port)
        except OSError as error:
            raise TlsFailed("no connection") from error
        try:
            connection = await self._shake_hands(line, host, identity, session)
            await self._judge(connection, host)
        except BaseException:
            # Wakes the thread up that may still wait for the server.
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
            raise
        return CardTlsConnection(line, connection)

    async def _shake_hands(
        self, line: socket.socket, host: str, identity: CardIdentity, session: Session | None
    ) -> TLSConnection:
        loop = asyncio.get_running_loop()
        key = _CardKey(identity, loop, self._network.connect_seconds)
        # The thread blocks no longer than this for one record.
        line.settimeout(self._network.connect_seconds)
        chain = X509CertChain([_x509(identity.certificate)])

        def work() -> TLSConnection:
            connection = TLSConnection(line)
            # An answer of HTTP says itself where it ends.
            connection.ignoreAbruptClose = True
            connection.handshakeClientCert(
                chain, key, session=session, settings=_settings(), serverName=_server_name(host)
            )
            return connection

        try:
            async with asyncio.timeout(self._network.connect_seconds):
                return await loop.run_in_executor(self._threads, work)
        except (TimeoutError, OSError) as error:
            raise TlsFailed("no handshake") from error
        except (BaseTLSException, ValueError, TypeError, AttributeError, IndexError) as error:
            # The library lets out built-in errors for some malformed messages.
            if key.failure is not None:
                raise TlsFailed("the card does not sign", CLIENT_AUTHENTICATION) from key.failure
            code = CLIENT_AUTHENTICATION if key.used else SERVER_AUTHENTICATION
            raise TlsFailed("handshake refused", code) from error

    async def _judge(self, connection: TLSConnection, host: str) -> None:
        chain = connection.session.serverCertChain
        certificates = tuple(bytes(item.bytes) for item in chain.x509List) if chain is not None else ()
        try:
            await self._check_server(certificates, host)
        except KonnektorError as error:
            raise TlsFailed("server refused", error.code) from error


class CardTlsConnection:
    """An established connection. One task at a time."""

    def __init__(self, line: socket.socket, connection: TLSConnection) -> None:
        self._line = line
        self._connection = connection
        self._waiting: tuple[asyncio.Future[None], Callable[[], object]] | None = None
        line.setblocking(False)
        layer = connection._recordLayer
        for state in (layer._readState, layer._writeState):
            state.encContext = _Gcm(bytes(state.encContext.key))

    @property
    def session(self) -> Session:
        """To resume later with the same server."""
        return self._connection.session

    @property
    def resumed(self) -> bool:
        """Whether the handshake was shortened, without the card."""
        return bool(self._connection.resumed)

    @property
    def closed_by_peer(self) -> bool:
        """Whether an idle connection has something to read: nobody asked, so that is its end."""
        try:
            return self._line.recv(1, socket.MSG_PEEK) is not None
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True

    async def write(self, octets: bytes) -> None:
        """Sends all octets. Raises `TlsFailed`."""
        await self._drive(self._connection.writeAsync(octets))

    async def read(self) -> bytes:
        """Some octets; none when the peer ended the connection. Raises `TlsFailed`."""
        found = await self._drive(self._connection.readAsync(max=65536, min=1))
        return bytes(found or b"")

    def close(self) -> None:
        """Says goodbye if that does not take time, and closes; who waits for the connection gets `TlsFailed`."""
        if self._waiting is not None:
            ready, stop = self._waiting
            self._waiting = None
            stop()
            if not ready.done():
                ready.set_exception(TlsFailed("the connection was closed"))
        with suppress(BaseTLSException, OSError, ValueError):
            next(self._connection.closeAsync(), None)
        self._line.close()

    async def _drive(self, steps: Iterator[Any]) -> Any:
        """Runs a generator of the library, which says what it waits for, and gives what it yields at the end."""
        try:
            for step in steps:
                if isinstance(step, int) and step in (_WANTS_READ, _WANTS_WRITE):
                    await self._ready(write=step == _WANTS_WRITE)
                else:
                    return step
        except (BaseTLSException, OSError, ValueError) as error:
            raise TlsFailed("the connection broke") from error
        return None

    async def _ready(self, *, write: bool) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
        descriptor = self._line.fileno()
        if descriptor < 0:
            raise TlsFailed("the connection is closed")
        self._waiting = ready, lambda: remove(descriptor)
        add(descriptor, _done, ready)
        try:
            await ready
        finally:
            # After `close` the descriptor may be another connection's.
            if self._waiting is not None:
                self._waiting = None
                remove(descriptor)


def _done(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


class _CardKey:
    """What the library takes for a private key: an object that signs, called in the handshake's thread."""

    key_type = "ecdsa"

    def __init__(self, identity: CardIdentity, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._identity = identity
        self._loop = loop
        self._seconds = seconds
        self._public = _public_key(identity.certificate)
        # All the library reads of the key itself: how long a hash value may be.
        self.private_key = SimpleNamespace(curve=SimpleNamespace(baselen=_COORDINATE))
        self.used = False
        self.failure: Exception | None = None

    def sign(self, octets: bytes, padding: None = None, hash_name: str = "", salt: None = None) -> bytearray:
        """The DER signature over a hash value."""
        future = asyncio.run_coroutine_threadsafe(self._ask_card(bytes(octets)), self._loop)
        try:
            raw = future.result(self._seconds)
        except Exception as error:
            future.cancel()
            self.failure = error
            raise ValueError("the card did not sign") from error
        self.used = True
        r, s = (int.from_bytes(raw[at : at + _COORDINATE], "big") for at in (0, _COORDINATE))
        return bytearray(encode_dss_signature(r, s))

    async def _ask_card(self, digest: bytes) -> bytes:
        return await self._identity.sign(digest)

    def verify(self, signature: bytes, octets: bytes, *_: object) -> bool:
        """Whether the signature fits the certificate; the library sends none that does not."""
        digest = hashes.SHA256()
        try:
            self._public.verify(bytes(signature), bytes(octets), ec.ECDSA(Prehashed(digest)))
        except InvalidSignature:
            return False
        return True


class _Gcm:
    """AES-GCM by OpenSSL with the interface of the library's own."""

    isBlockCipher, isAEAD = False, True  # noqa: N815 - the library's names
    nonceLength, tagLength = 12, 16  # noqa: N815
    implementation = "openssl"

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.name = f"aes{8 * len(key)}gcm"
        self._cipher = AESGCM(key)

    def seal(self, nonce: bytes, plaintext: bytes, data: bytes) -> bytearray:
        """Ciphertext and tag."""
        return bytearray(self._cipher.encrypt(bytes(nonce), bytes(plaintext), bytes(data)))

    def open(self, nonce: bytes, ciphertext: bytes, data: bytes) -> bytearray | None:
        """The plaintext; None if the tag is wrong, as the library expects it."""
        try:
            return bytearray(self._cipher.decrypt(bytes(nonce), bytes(ciphertext), bytes(data)))
        except InvalidTag:
            return None


def _settings() -> HandshakeSettings:
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = _TLS12
    settings.cipherNames = ["aes256gcm", "aes128gcm"]
    settings.keyExchangeNames = ["ecdhe_ecdsa"]
    settings.eccCurves = _GROUPS
    settings.keyShares = []
    settings.ecdsaSigHashes = ["sha256", "sha384"]
    return settings


def _public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = decode_certificate_untrusted(der).key()
    except BadCertificate:
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TlsFailed("the card has no ECC certificate", CLIENT_AUTHENTICATION)
    return key


def _x509(der: bytes) -> X509:
    certificate = X509()
    certificate.parseBinary(bytearray(der))
    return certificate


def _server_name(host: str) -> str | None:
    """SNI is for names only (RFC 6066, 3)."""
    return None if ":" in host or host.replace(".", "").isdigit() else host
