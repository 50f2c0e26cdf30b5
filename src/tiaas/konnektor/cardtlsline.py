"""The TLS of tlslite-ng: a handshake whose signature a card makes, then a connection on the event loop.

Loading the library takes a third of a second, so only who shakes hands loads this module (`konnektor.cardtls`, in a
thread of its own). AES-GCM is OpenSSL's: the library's own is a hundred times slower.

Only ECDHE_ECDSA is offered, so the server has an ECC certificate and the SM-B's ECC certificate may be used
(gemSpec_Kon V5.18 TIP1-A_4720-02, 2c; TLS 1.2 with the suites of gemSpec_Krypt A_17124).
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tlslite.errors import BaseTLSException
from tlslite.handshakesettings import HandshakeSettings
from tlslite.session import Session
from tlslite.tlsconnection import TLSConnection
from tlslite.x509 import X509
from tlslite.x509certchain import X509CertChain

from tiaas.konnektor.cardtls import TlsFailed

_TLS12 = (3, 3)
_GROUPS = ["brainpoolP256r1", "brainpoolP384r1", "secp256r1", "secp384r1"]
_COORDINATE = 32
_WANTS_READ, _WANTS_WRITE = 0, 1


def shake_hands(
    line: socket.socket,
    host: str,
    certificate: bytes,
    public_key: ec.EllipticCurvePublicKey,
    sign: Callable[[bytes], bytes],
    session: Session | None,
) -> "CardTlsConnection":
    """A handshake over a connected socket that blocks; `sign` may block too and raises `ValueError`.

    Raises `OSError` if the line breaks or is silent, `TlsFailed` without code for a handshake that one side refused.
    """
    connection = TLSConnection(line)
    # An answer of HTTP says itself where it ends.
    connection.ignoreAbruptClose = True
    chain, key = X509CertChain([_x509(certificate)]), _CardKey(public_key, sign)
    try:
        connection.handshakeClientCert(chain, key, session=session, settings=_settings(), serverName=_server_name(host))
    except OSError:
        raise
    except (BaseTLSException, ValueError, TypeError, AttributeError, IndexError) as error:
        # The library lets out built-in errors for some malformed messages.
        raise TlsFailed("handshake refused") from error
    return CardTlsConnection(line, connection)


class CardTlsConnection:
    """An established connection. One task at a time."""

    def __init__(self, line: socket.socket, connection: TLSConnection) -> None:
        self._line = line
        self._connection = connection
        self._waiting: tuple[asyncio.Future[None], Callable[[], object]] | None = None
        layer = connection._recordLayer
        for state in (layer._readState, layer._writeState):
            state.encContext = _Gcm(bytes(state.encContext.key))

    @property
    def server_certificates(self) -> tuple[bytes, ...]:
        """What the server showed (DER, its own first)."""
        chain = self._connection.session.serverCertChain
        return tuple(bytes(item.bytes) for item in chain.x509List) if chain is not None else ()

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
        """Whether an idle connection has something to read: nobody asked, so that is its end.

        The library reads ahead: what came with the last answer has left the socket by now.
        """
        if self._connection.sock._read_buffer or self._connection._readBuffer:
            return True
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

    def __init__(self, public_key: ec.EllipticCurvePublicKey, sign: Callable[[bytes], bytes]) -> None:
        self._public = public_key
        self._sign = sign
        # All the library reads of the key itself: how long a hash value may be.
        self.private_key = SimpleNamespace(curve=SimpleNamespace(baselen=_COORDINATE))

    def sign(self, octets: bytes, padding: None = None, hash_name: str = "", salt: None = None) -> bytearray:
        """The DER signature over a hash value."""
        return bytearray(self._sign(bytes(octets)))

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


def _x509(der: bytes) -> X509:
    certificate = X509()
    certificate.parseBinary(bytearray(der))
    return certificate


def _server_name(host: str) -> str | None:
    """SNI is for names only (RFC 6066, 3)."""
    return None if ":" in host or host.replace(".", "").isdigit() else host
