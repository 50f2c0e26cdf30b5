"""A room with virtual terminals and a front that reaches them over real sockets."""

import asyncio
import ssl
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.integration.terminal.fakecards import FakeCard, FakeSmkt, Holder
from tests.integration.terminal.identities import Identity, Pki, PrivateKey
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.terminal.embedded import EmbeddedFront, FrontSettings
from tiaas.terminal.front import Dial, LinkDown, LinkEvent, LinkUp, Owner, UnitEvent
from tiaas.terminal.pairing import new_secret
from tiaas.terminal.session import TerminalSession
from tiaas.terminal.tls import client_context
from tiaas.terminal.virtual.state import PairingBlock
from tiaas.terminal.virtual.terminal import TerminalConfig, TerminalState, VirtualTerminal

CLOCK = SystemClock()
ENTROPY = SystemEntropy()
INSTANCE = "one"
OWNER = Owner(INSTANCE, 1)
FAST = FrontSettings(redial_first=0.1, redial_most=0.2)

E = TypeVar("E", LinkUp, LinkDown, UnitEvent)


async def until(condition: Callable[[], bool]) -> None:
    """Waits until something is true."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def asked(terminal: VirtualTerminal, display: str = "") -> None:
    """Waits until the terminal takes keys, with that on its display."""
    keypad = terminal.machine.keypad
    await until(lambda: keypad._listening and display in ("", terminal.snapshot().display))


class Loopback:
    """`Dialer` by the system's own addresses."""

    async def open(
        self, host: str, port: int, context: ssl.SSLContext | None, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(protocol_factory, host, port, ssl=context, server_hostname="")
        return transport


class Konnektors:
    """`ClientTls` with one identity per instance."""

    def __init__(self, identities: dict[str, Identity]) -> None:
        self._identities = identities

    def context(self, instance: str, tls_profile: str) -> ssl.SSLContext:
        identity = self._identities[instance]
        return client_context(identity.certificate_file, identity.key_file, tls_profile)


class Heard:
    """A sink that can be waited on."""

    def __init__(self) -> None:
        self.events: list[LinkEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: LinkEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def next(self, kind: type[E], ct_id: str | None = None, *, tag: int | None = None) -> E:
        """Takes out the first event of that kind, and everything before it."""
        async with asyncio.timeout(60):
            while True:
                for index, event in enumerate(self.events):
                    fits = isinstance(event, kind) and ct_id in (None, event.ct_id)
                    if fits and (tag is None or (isinstance(event, UnitEvent) and event.tag == tag)):
                        del self.events[: index + 1]
                        return event  # type: ignore[return-value]
                self._news.clear()
                await self._news.wait()


@dataclass
class Room:
    """See module."""

    pki: Pki
    folder: Path
    konnektor: Identity
    holder: Holder = field(default_factory=Holder)
    heard: Heard = field(default_factory=Heard)
    terminals: list[VirtualTerminal] = field(default_factory=list)
    changes: list[dict[str, object]] = field(default_factory=list)
    secret: Secret = field(default_factory=lambda: new_secret(ENTROPY))
    front: EmbeddedFront = field(init=False)

    def __post_init__(self) -> None:
        strangers = {"stranger": self.pki.sak("stranger", policy="1.2.276.0.76.4.999")}
        identities = Konnektors({INSTANCE: self.konnektor, "two": self.pki.sak("two")} | strangers)
        self.front = EmbeddedFront(CLOCK, ENTROPY, lambda instance: Loopback(), identities, FAST)
        self.front.claim(OWNER, self.heard)

    async def terminal(
        self, name: str, *, state: TerminalState | None = None, key: PrivateKey | None = None, **options: float
    ) -> VirtualTerminal:
        """A listening terminal with its gSMC-KT in slot 4."""
        identity = self.pki.smkt(name, key)
        config = TerminalConfig(
            name,
            bytes.fromhex("00AABBCCDDEE"),
            identity.certificate_file,
            identity.key_file,
            self.pki.ca_file,
            **options,  # type: ignore[arg-type]
        )
        terminal = VirtualTerminal(
            config,
            state or TerminalState(),
            clock=CLOCK,
            entropy=ENTROPY,
            pins=self.holder,
            on_change=lambda changed: self.changes.append(changed.to_document()),
        )
        terminal.insert(config.smkt_slot, FakeSmkt(identity.key))
        await terminal.start("127.0.0.1")
        self.terminals.append(terminal)
        return terminal

    def paired(self) -> TerminalState:
        """A terminal's state after pairing with this room's Konnektor."""
        from tiaas.terminal.virtual.client import konnektor_key

        key = konnektor_key(self.konnektor.der)
        assert key is not None
        return TerminalState([PairingBlock(self.secret, [key])])

    async def connect(self, terminal: VirtualTerminal, profile: str = "any", owner: Owner = OWNER) -> LinkUp:
        """Connects the front and waits for TLS."""
        await self.front.connect(owner, Dial(terminal.config.name, terminal.host, terminal.port, profile))
        return await self.heard.next(LinkUp, terminal.config.name)

    async def session(self, terminal: VirtualTerminal) -> TerminalSession:
        """Connected, control session open."""
        await self.connect(terminal)
        session = TerminalSession(self.front, OWNER, terminal.config.name)
        await session.init()
        return session

    async def working(
        self, name: str = "kt", cards: Iterable[FakeCard] = ()
    ) -> tuple[VirtualTerminal, TerminalSession]:
        """A paired terminal with cards in slots 1, 2, …, and a session."""
        terminal = await self.terminal(name, state=self.paired())
        for slot, card in enumerate(cards, 1):
            terminal.insert(slot, card)
        return terminal, await self.session(terminal)

    async def close(self) -> None:
        await self.front.close()
        for terminal in self.terminals:
            await terminal.stop()
