"""The way to the VSDM Fachdienste: connections to the Intermediär, kept open and used again per SM-B.

A handshake costs a signature of the card, so connections stay open for a while (VSDM-A_2225), a broken one is resumed
without the card where the server allows it (VSDM-A_3026), and one full handshake at a time is made per card. No
pipelining (VSDM-A_3066): requests at the same time go over connections of their own. With the card its connections end.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.fachdienste.vsdm.services import ANSWER_MAX, NoAnswer
from tiaas.konnektor.cardtls import CardFailed, CardIdentity, CardTls, TlsFailed
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.permissions import Row, allows
from tiaas.soap.client import SoapRequest
from tiaas.soap.httpanswer import AnswerReader, BadHttp, HttpAnswer, write_http_request

if TYPE_CHECKING:
    from tlslite.session import Session

    from tiaas.konnektor.cardtlsline import CardTlsConnection

_log = logging.getLogger("tiaas.konnektor.intermediaer")

IDLE_SECONDS = 60.0
CONNECTIONS_MAX = 8
"""Connections at once with one SM-B."""
DEFAULT_PORT = 443


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Host, port and prefix of the path, from a URL like `https://intermediaer.example:8443/vsdm`."""

    host: str
    port: int
    prefix: str

    @classmethod
    def of(cls, url: str) -> "Endpoint":
        """Raises `InvalidInput` for anything but https (gemSpec_SST_VSDM V2.5.0, 2.9)."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise InvalidInput("the URL of the Intermediär cannot be read") from None
        if parts.scheme != "https" or not host or parts.query or parts.fragment:
            raise InvalidInput("the URL of the Intermediär is https, host, port and prefix")
        return cls(host, port or DEFAULT_PORT, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """For the field Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"


@dataclass(slots=True)
class _Idle:
    connection: "CardTlsConnection"
    since: float


@dataclass(slots=True)
class _Lines:
    """What is open for one SM-B."""

    idle: list[_Idle] = field(default_factory=list)
    busy: "set[CardTlsConnection]" = field(default_factory=set)
    session: "Session | None" = None
    handshake: asyncio.Lock = field(default_factory=asyncio.Lock)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS_MAX))
    gone: bool = False


@dataclass(slots=True)
class _Attempt:
    """One request. `on_network`: it waits for the network just now, not for the card or for a place."""

    identity: CardIdentity
    octets: bytes
    repeatable: bool
    on_network: bool = False

    def at_network(self) -> None:
        """From now on it waits for the network."""
        self.on_network = True

    def watched(self) -> CardIdentity:
        """The identity, for a handshake that begins: while the card signs nobody waits for the network."""

        async def sign(digest: bytes) -> bytes:
            self.on_network = False
            signature = await self.identity.sign(digest)
            self.on_network = True
            return signature

        return CardIdentity(self.identity.certificate, sign)


class Intermediaer:
    """All connections of one instance. `close` ends them."""

    def __init__(
        self, endpoint: Endpoint, tls: CardTls, online: OnlineMode, opstate: OperatingState, clock: Clock
    ) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._opstate = opstate
        self._clock = clock
        self._lines: dict[str, _Lines] = {}
        self._online = online
        online.on_change(self._follow)

    @property
    def is_open(self) -> bool:
        """MGM_LU_ONLINE: whether there is a way at all (TIP1-A_4719, 4722)."""
        return self._online.active

    def _follow(self) -> None:
        """Without the online mode connections end at once, also those in use."""
        if not self._online.active:
            self._forget_all()

    def through(self, smb: str, identity: CardIdentity, deadline: float) -> "Passage":
        """A transport with the identity of the SM-B whose handle is `smb`, until `deadline` (`Clock.monotonic`)."""
        return Passage(self, smb, identity, deadline)

    def forget(self, smb: str) -> None:
        """The SM-B is gone: its connections end, also those in use."""
        lines = self._lines.pop(smb, None)
        if lines is None:
            return
        lines.gone = True
        for connection in (*(idle.connection for idle in lines.idle), *lines.busy):
            connection.close()
        lines.idle.clear()

    def close(self) -> None:
        """Ends all connections."""
        self._forget_all()
        self._tls.close()

    def _forget_all(self) -> None:
        for smb in tuple(self._lines):
            self.forget(smb)

    async def post(
        self, smb: str, identity: CardIdentity, path: str, request: SoapRequest, deadline: float, *, repeatable: bool
    ) -> HttpAnswer:
        """See `Transport.post`. Only a failure of the network is EC_No_Online_Connection, none of the card."""
        seconds = deadline - self._clock.monotonic()
        endpoint = self._endpoint
        # The request is not compressed (VSDM-A_2199), the answer may be (VSDM-A_2200).
        fields = (("Host", endpoint.authority), ("Accept-Encoding", "gzip"), *request.headers)
        octets = write_http_request("POST", endpoint.prefix + path, fields, request.body)
        if not self._online.active:
            raise NoAnswer("MGM_LU_ONLINE is off")
        if not allows(Row.TI, self._opstate.holding):
            raise NoAnswer("a critical operating state forbids it (4002)")
        lines, attempt = self._lines.setdefault(smb, _Lines()), _Attempt(identity, octets, repeatable)
        try:
            async with asyncio.timeout(max(seconds, 0)):
                answer = await self._send(lines, attempt)
        except TimeoutError:
            failure, network = NoAnswer("no answer in time"), attempt.on_network and seconds > 0
        except TlsFailed as error:
            failure, network = NoAnswer(error.reason), not isinstance(error, CardFailed) and not lines.gone
            if error.code is not None:
                _log.warning("no connection to the Intermediär", extra={"code": error.code, "reason": error.reason})
        except BadHttp:
            failure, network = NoAnswer("no answer of HTTP"), True
        else:
            self._opstate.set(Condition.NO_ONLINE_CONNECTION, False)
            return answer
        if network:
            self._opstate.set(Condition.NO_ONLINE_CONNECTION, True)
        raise failure

    async def _send(self, lines: _Lines, attempt: _Attempt) -> HttpAnswer:
        async with lines.places:
            kept = self._take(lines)
            if kept is not None:
                reader = AnswerReader(ANSWER_MAX)
                try:
                    return await self._exchange(lines, kept, attempt, reader)
                except (TlsFailed, BadHttp):
                    # The server may have closed it just now; a request it began to answer it has taken.
                    if reader.begun or not attempt.repeatable or lines.gone:
                        raise
            attempt.on_network = False
            async with self._shaking(lines):
                fresh = await self._open(lines, attempt)
            return await self._exchange(lines, fresh, attempt, AnswerReader(ANSWER_MAX))

    @asynccontextmanager
    async def _shaking(self, lines: _Lines) -> AsyncIterator[None]:
        """Alone, until there is a session that others can resume."""
        if lines.session is not None:
            yield
            return
        async with lines.handshake:
            yield

    async def _open(self, lines: _Lines, attempt: _Attempt) -> "CardTlsConnection":
        endpoint = self._endpoint
        connection = await self._tls.open(
            endpoint.host, endpoint.port, attempt.watched(), lines.session, attempt.at_network
        )
        lines.session = connection.session
        if lines.gone:
            connection.close()
            raise TlsFailed("the card is gone")
        return connection

    async def _exchange(
        self, lines: _Lines, connection: "CardTlsConnection", attempt: _Attempt, reader: AnswerReader
    ) -> HttpAnswer:
        lines.busy.add(connection)
        keep = False
        attempt.at_network()
        try:
            await connection.write(attempt.octets)
            answer = None
            while answer is None:
                answer = reader.feed_untrusted(await connection.read())
            keep = answer.keep_alive and not lines.gone
            return answer
        finally:
            lines.busy.discard(connection)
            if keep:
                lines.idle.append(_Idle(connection, self._clock.monotonic()))
                asyncio.get_running_loop().call_later(IDLE_SECONDS, self._prune, lines)
            else:
                connection.close()

    def _prune(self, lines: _Lines) -> None:
        """Closes what nobody used for a while."""
        oldest = self._clock.monotonic() - IDLE_SECONDS
        for idle in [idle for idle in lines.idle if idle.since <= oldest]:
            lines.idle.remove(idle)
            idle.connection.close()

    def _take(self, lines: _Lines) -> "CardTlsConnection | None":
        """The connection used last that is still good; others are closed."""
        now = self._clock.monotonic()
        while lines.idle:
            idle = lines.idle.pop()
            if now - idle.since < IDLE_SECONDS and not idle.connection.closed_by_peer:
                return idle.connection
            with suppress(OSError):
                idle.connection.close()
        return None


@dataclass(frozen=True, slots=True, repr=False)
class Passage:
    """`Transport` of one online check."""

    intermediaer: Intermediaer
    smb: str
    identity: CardIdentity
    deadline: float

    async def post(self, path: str, request: SoapRequest, *, repeatable: bool) -> HttpAnswer:
        """See `Transport.post`."""
        return await self.intermediaer.post(
            self.smb, self.identity, path, request, self.deadline, repeatable=repeatable
        )
