"""The proxy's side towards the directory: TUC_KON_290 "LDAP-Verbindung aufbauen" (TIP1-A_5517-02).

TLS with the server checked before anything is sent: C.ZD.TLS-S with the role oid_vzd_ti, its status asked by OCSP, its
name that of the host. The client does not authenticate itself (TIP1-A_5566). Each client has a connection of its own,
so that nobody's results can reach another.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import cast

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.interfaces.ldap_v3 import BadLdap, FrameReader
from tiaas.konnektor.config import Address
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.network import Network
from tiaas.konnektor.servercheck import client_context, is_for_host

ServerCheck = Callable[[bytes], Awaitable[object]]
"""Judges the directory's certificate (DER); see `Trust.check_directory`. Raises `KonnektorError`."""
ANSWER_OCTETS = 4 * 1024 * 1024
"""The largest message of the directory: an entry with all its certificates."""
_SERVER_AUTHENTICATION = 4156
_NOT_IN_THIS_STATE = 4002


class NoDirectory(TiaasError):
    """The directory cannot be reached, or is none that is trusted; `code` is a gematik code where there is one."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class VzdDialer:
    """Opens connections to the directory of one instance; `may` says whether the operating state allows it."""

    target: Address
    check: ServerCheck
    network: Network
    may: Callable[[], bool] = lambda: True
    context: ssl.SSLContext = field(default_factory=client_context)

    async def open(self, listener: "Listener") -> "Upstream":
        """A checked connection whose messages `listener` gets. Raises `NoDirectory`."""
        if not self.may():
            raise NoDirectory("not in this operating state", _NOT_IN_THIS_STATE)
        try:
            transport = await self.network.open(
                self.target.host, self.target.port, self.context, lambda: Upstream(listener)
            )
        except OSError as error:
            raise NoDirectory(f"no connection ({type(error).__name__})") from error
        upstream = cast(Upstream, cast(asyncio.Transport, transport).get_protocol())
        try:
            await self._judge(upstream.certificate)
        except KonnektorError as error:
            upstream.abort()
            raise NoDirectory("the directory's certificate is refused", error.code) from error
        except BaseException:
            upstream.abort()
            raise
        if upstream.is_closed:
            raise NoDirectory("the connection was closed")
        return upstream

    async def _judge(self, certificate: bytes) -> None:
        await self.check(certificate)
        if not is_for_host(certificate, self.target.host):
            raise KonnektorError(_SERVER_AUTHENTICATION)


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of a connection: messages as they come, its end, and whether it takes more."""

    frames: Callable[[list[bytes]], None]
    lost: Callable[[], None]
    full: Callable[[bool], None]


class Upstream(asyncio.Protocol):
    """One connection to the directory. After `abort` the listener hears nothing any more."""

    def __init__(self, listener: Listener) -> None:
        self.certificate = b""
        self.is_closed = False
        self._listener: Listener | None = listener
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader(ANSWER_OCTETS)
        self._is_reading = True

    def send(self, frame: bytes) -> None:
        """Sends one message."""
        if self._transport is not None and not self.is_closed:
            self._transport.write(frame)

    def hold(self, wait: bool) -> None:
        """Reads no more while the client does not take what was found."""
        if self._transport is None or self.is_closed or wait is not self._is_reading:
            return
        self._is_reading = not wait
        if wait:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Ends the connection at once."""
        self.is_closed = True
        self._listener = None
        if self._transport is not None:
            self._transport.abort()

    # ---- called by the event loop ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        session = transport.get_extra_info("ssl_object")
        self.certificate = session.getpeercert(binary_form=True) or b""

    def data_received(self, data: bytes) -> None:
        found: list[bytes] = []
        is_broken = False
        try:
            for frame in self._reader.feed_untrusted(data):
                found.append(frame)
        except BadLdap:
            is_broken = True
        if found and self._listener is not None:
            self._listener.frames(found)
        if is_broken:
            self._end()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        if self._listener is not None:
            self._listener.full(True)

    def resume_writing(self) -> None:
        if self._listener is not None:
            self._listener.full(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        listener, self._listener = self._listener, None
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()
        if listener is not None:
            listener.lost()
