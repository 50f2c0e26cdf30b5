"""Records what Clientsysteme do at one instance: for tests of practice software, never in operation.

An instance has a recorder only if its configuration says so (`InstanceConfig.recorder`; the lab's do, a
Highspeed-Konnektor's do not), and it keeps something only between `start` and `stop`; otherwise a request costs a look
at one attribute. What is kept is bounded: the oldest entries go first. It lives in memory and is TEST DATA.
"""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from datetime import datetime
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.errors import TiaasError
from tiaas.konnektor.config import InstanceConfig
from tiaas.konnektor.delivery import EventDelivery
from tiaas.konnektor.infoentities import AuthKind
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.sds import Published
from tiaas.konnektor.sinkaddress import Sink
from tiaas.konnektor.webapp import SDS_PATH, Message, Receive, Send
from tiaas.pvs.recording import Call, Delivery, Field, Handshake, Offered, Recording

ENTRIES_MAX = 20_000
OCTETS_MAX = 32 * 1024 * 1024
BODY_MAX = 128 * 1024
"""Octets kept of one body."""

_FIELDS = frozenset(
    {"host", "user-agent", "content-type", "content-length", "transfer-encoding", "content-encoding", "soapaction",
     "accept-encoding", "connection", "expect", "upgrade"}
)  # fmt: skip
_CLAIMED = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,32}:)?ClientSystemId(?:\s[^>]{0,200})?>([^<]{1,200})</")
_AT_TLS = ("TLS handshake", "the client certificate")

App = Callable[[Message, Receive, Send], Awaitable[None]]


class NotRecording(TiaasError):
    """Nothing is being recorded."""


class AlreadyRecording(TiaasError):
    """A recording runs already."""


class _Tape:
    """What is kept of one recording."""

    def __init__(self, began: datetime, client_systems: frozenset[str] | None) -> None:
        self.began = began
        self.client_systems = client_systems
        self.entries: deque[tuple[int, Call | Delivery | Handshake]] = deque()
        self.lost = 0
        self.octets = 0
        self.last = 0

    def next(self) -> int:
        self.last += 1
        return self.last

    def keep(self, entry: Call | Delivery | Handshake, octets: int) -> None:
        self.entries.append((octets, entry))
        self.octets += octets
        while self.entries and (self.octets > OCTETS_MAX or len(self.entries) > ENTRIES_MAX):
            self.octets -= self.entries.popleft()[0]
            self.lost += 1

    def wants(self, client_systems: tuple[str, ...]) -> bool:
        return self.client_systems is None or not self.client_systems.isdisjoint(client_systems)


class Recorder:
    """The recorder of one instance. `owners` gives the Clientsysteme of a client certificate's fingerprint."""

    def __init__(self, instance: str, clock: Clock, owners: Callable[[str], frozenset[str]]) -> None:
        self._offered: tuple[Offered, ...] = ()
        self._instance = instance
        self.clock = clock
        self._owners = owners
        self._tape: _Tape | None = None

    @classmethod
    def build(
        cls, config: InstanceConfig, model: LiveInfoModel, events: EventDelivery, clock: Clock
    ) -> "Recorder | None":
        """The recorder of an instance that may have one."""
        if not config.recorder:
            return None
        recorder = cls(config.instance, clock, lambda it: model.current.clients_with(AuthKind.CERTIFICATE, it))
        events.overhear(recorder.on_delivery)
        return recorder

    @property
    def is_recording(self) -> bool:
        """Whether something is being recorded."""
        return self._tape is not None

    def start(self, client_systems: frozenset[str] | None = None) -> None:
        """From now on what these Clientsysteme do is kept (None: everybody). Raises `AlreadyRecording`."""
        if self._tape is not None:
            raise AlreadyRecording("a recording runs already; stop it first")
        self._tape = _Tape(self.clock.now(), client_systems)

    def stop(self) -> Recording:
        """Ends the recording, hands it out and forgets it. Raises `NotRecording`."""
        recording = self.so_far(ended=True)
        self._tape = None
        return recording

    def so_far(self, since: int = 0, *, ended: bool = False) -> Recording:
        """What was recorded until now, of numbers above `since`. Raises `NotRecording`."""
        tape = self._tape
        if tape is None:
            raise NotRecording("nothing is being recorded")
        entries = [entry for _, entry in tape.entries if entry.number > since]
        wanted = tape.client_systems
        return Recording(
            instance=self._instance,
            began=tape.began,
            ended=self.clock.now() if ended else None,
            client_systems=None if wanted is None else tuple(sorted(wanted)),
            lost=tape.lost,
            offered=self._offered,
            calls=tuple(sorted((e for e in entries if isinstance(e, Call)), key=lambda call: call.number)),
            deliveries=tuple(entry for entry in entries if isinstance(entry, Delivery)),
            handshakes=tuple(entry for entry in entries if isinstance(entry, Handshake)),
        )

    # ---- what is heard -----------------------------------------------------------------------------------------------

    def tap(self, app: App) -> App:
        """`app` (ASGI), overheard."""

        def overheard(scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
            if self._tape is None or scope["type"] != "http":
                return app(scope, receive, send)
            return _Exchange(self, self._tape, scope).run(app, receive, send)

        return overheard

    def on_delivery(self, sink: Sink, octets: bytes, seconds: float, outcome: str, said: bytes) -> None:
        """An event was sent to a receiver, or could not be."""
        tape = self._tape
        if tape is None or not tape.wants((sink.client_system_id,)):
            return
        at = self.clock.now()
        message = _text(octets[8:])  # without `CETP` and the length
        outcome = outcome or "delivered"
        entry = Delivery(
            tape.next(), at, seconds, sink.client_system_id, str(sink.address), message, outcome, _text(said)
        )
        tape.keep(entry, len(octets))

    def on_refused(self, told: Callable[[str, str], None]) -> Callable[[str, str], None]:
        """`told` (reason, address), overheard: clients that TLS did not let in. Whose they were nobody knows."""

        def overheard(reason: str, address: str) -> None:
            told(reason, address)
            tape = self._tape
            if tape is not None and tape.client_systems is None and reason.startswith(_AT_TLS):
                tape.keep(Handshake(tape.next(), self.clock.now(), address, reason), len(reason))

        return overheard

    def offers(self, services: Iterable[Published]) -> None:
        """What the service directory offers, for those who judge a recording."""
        self._offered = tuple(
            Offered(service.name, version, namespace, service.path)
            for service in services
            for version, namespace in service.versions
        )

    def whose(self, fingerprint: str | None, body: bytes) -> tuple[str, ...]:
        """The Clientsysteme of a certificate, else what a message claims."""
        if fingerprint is not None:
            return tuple(sorted(self._owners(fingerprint)))
        claimed = _CLAIMED.search(body)
        name = b"" if claimed is None else claimed.group(1).strip()[:64]
        return (_text(name),) if name else ()


class _Exchange:
    """One request on its way through the application."""

    def __init__(self, recorder: Recorder, tape: _Tape, scope: Message) -> None:
        self._recorder = recorder
        self._tape = tape
        self._scope = scope
        self._number = tape.next()
        self._at = recorder.clock.now()
        self._begun = recorder.clock.monotonic()
        self._request = _Body()
        self._answer = _Body()
        self._status = 0

    async def run(self, app: App, receive: Receive, send: Send) -> None:
        async def heard() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._request.add(message.get("body", b""))
            return message

        async def said(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
            else:
                self._answer.add(message.get("body", b""))
            await send(message)

        try:
            await app(self._scope, heard, said)
        finally:
            self._keep()

    def _keep(self) -> None:
        scope = self._scope
        tls: Mapping[str, Any] = scope.get("extensions", {}).get("tls", {})
        client_systems = self._recorder.whose(tls.get("client_cert_sha256"), self._request.kept)
        if not self._tape.wants(client_systems):
            return
        client = scope.get("client") or ("", 0)
        call = Call(
            self._number,
            self._at,
            self._recorder.clock.monotonic() - self._begun,
            f"{client[0]}:{client[1]}",
            _tls(tls) if scope["scheme"] == "https" else None,
            client_systems,
            scope["method"],
            scope["path"],
            self._status,
            _fields(scope),
            _text(self._request.kept),
            self._request.octets,
            # Everybody's directory is the same and long; `offered` has what matters of it.
            "" if scope["path"] == SDS_PATH else _text(self._answer.kept),
            self._answer.octets,
        )
        self._tape.keep(call, len(self._request.kept) + len(self._answer.kept))


class _Body:
    """The first octets of a body, and how many there were."""

    def __init__(self) -> None:
        self.kept = b""
        self.octets = 0

    def add(self, part: bytes) -> None:
        self.octets += len(part)
        room = BODY_MAX - len(self.kept)
        if room > 0 and part:
            self.kept += part[:room]


def _fields(scope: MutableMapping[str, Any]) -> tuple[Field, ...]:
    """What tells something about the client; of Authorization only that it was there."""
    kept = []
    for name, value in scope["headers"]:
        text = name.decode("latin-1")
        if text == "authorization":
            kept.append(Field(text, value.split(b" ", 1)[0][:16].decode("latin-1")))
        elif text in _FIELDS:
            kept.append(Field(text, value[:400].decode("latin-1")))
    return tuple(kept)


def _tls(tls: Mapping[str, Any]) -> str:
    version = "TLSv1.3" if tls.get("tls_version") == 0x0304 else "TLSv1.2"
    return f"{version} {tls.get('cipher_suite') or '?'}"


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
