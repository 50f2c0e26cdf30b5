"""A practice with a real virtual terminal on a socket: brainpool TLS, SICCT, cards that compute, services above."""

import asyncio
import ssl
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.card.virtual.card import VirtualCard
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.events import Event, Topic
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, Kind, ManagedSmb, Relation, Terminal
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services import card as card_service
from tiaas.konnektor.services import cardsession as cardsession_service
from tiaas.konnektor.services import cardterminal as cardterminal_service
from tiaas.konnektor.services import certificate as certificate_service
from tiaas.konnektor.services import encryption as encryption_service
from tiaas.konnektor.services import event as event_service
from tiaas.konnektor.services import kvk as kvk_service
from tiaas.konnektor.services import vsd as vsd_service
from tiaas.konnektor.services.context import ServiceContext, build_context
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.terminallist import TerminalConfig
from tiaas.konnektor.trust import TrustSpace
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import AuthorityKind, Family, LabPki
from tiaas.lab.seed import load_seed
from tiaas.soap.dispatch import Operation
from tiaas.terminal.embedded import EmbeddedFront, FrontSettings
from tiaas.terminal.tls import client_context
from tiaas.terminal.virtual.config import PinMode, PinPolicy, PinPurpose, SlotCard
from tiaas.terminal.virtual.config import TerminalConfig as VirtualConfig
from tiaas.terminal.virtual.keypad import Entry, Timers
from tiaas.terminal.virtual.shapes import SHAPES
from tiaas.terminal.virtual.state import TerminalState
from tiaas.terminal.virtual.terminal import VirtualTerminal

CLOCK, ENTROPY = SystemClock(), SystemEntropy()
CT = "CT-0001"
MAC = bytes.fromhex("00AABBCCDDEE")
Response = TypeVar("Response")


class Loopback:
    """`Dialer` by the system's own addresses."""

    async def open(
        self, host: str, port: int, context: ssl.SSLContext | None, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(protocol_factory, host, port, ssl=context, server_hostname="")
        return transport


@dataclass
class Holders:
    """`PinHolder`: the people know their PINs."""

    pins: dict[int, Secret] = field(default_factory=dict)

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        if purpose is PinPurpose.CAN:
            assert isinstance(card, VirtualCard)
            return Secret(card.image.keys["MF/SK.CAN"])
        return self.pins.get(id(card))

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        return None

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        if pin is not None:
            self.pins[id(card)] = pin


class Surgery:
    """SMC-B in slot 1, eGK in slot 2, HBA in slot 3, gSMC-KT in slot 4; a second Mandant without the SMC-B."""

    settings = FrontSettings(redial_first=0.1, redial_most=0.2)
    shape = SHAPES["desk"]
    trusted: tuple[AuthorityKind, ...] = (AuthorityKind.KOMP, AuthorityKind.EGK)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pki = LabPki.create(ENTROPY, CLOCK)
        self.seed = load_seed()
        self.personaliser = Personaliser(self.pki, self.seed, ENTROPY, CLOCK)
        self.holders = Holders()
        self.events: list[Event] = []
        self.ti: TiAccess | None = None
        self.anchor: bytes | None = None
        self.konnektor = self.identity("sak", *self.pki.sak("80276883990000000001"))

    # ---- lab

    def identity(self, name: str, certificate: bytes, key: bytes) -> tuple[Path, Path]:
        """Certificate and key (DER) as PEM files."""
        files = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        files[0].write_bytes(x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM))
        private = load_der_private_key(key, None)
        files[1].write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    def context(self, instance: str, tls_profile: str) -> ssl.SSLContext:
        """`ClientTls`."""
        return client_context(*self.konnektor, tls_profile)

    def virtual(self, made: PersonalisedCard) -> VirtualCard:
        """A card of software whose holder knows the PIN."""
        card = VirtualCard(made.image, clock=CLOCK, entropy=ENTROPY, source=self.personaliser)
        pin = made.pins.get("PIN.SMC", made.pins.get("PIN.CH"))
        if pin is not None:
            self.holders.pins[id(card)] = pin
        return card

    def make_terminal(self, state: TerminalState | None = None, serial: int = 1) -> VirtualTerminal:
        """A terminal with a gSMC-KT of its own."""
        kt = self.personaliser.gsmckt(serial)
        files = self.identity(
            f"kt{serial}",
            kt.image.files["MF/DF.KT/EF.C.SMKT.AUT2.E256"],
            kt.image.keys["MF/DF.KT/PrK.SMKT.AUT2.E256"],
        )
        bundle = self.folder / "ca.pem"
        bundle.write_text(self.pki.ca_bundle_pem)
        config = VirtualConfig("kt-empfang", MAC, *files, bundle, shape=self.shape)
        terminal = VirtualTerminal(config, state or TerminalState(), clock=CLOCK, entropy=ENTROPY, pins=self.holders)
        terminal.insert(4, self.virtual(kt))
        return terminal

    def model(self) -> InfoModel:
        """Mandant M1 with everything, M2 with the terminal but not the SMC-B, AP2 without terminals."""
        out = InfoModel().add(Kind.CLIENT, ClientSystem("CS1")).add(Kind.TERMINAL, Terminal(CT))
        for workplace in ("AP1", "AP2"):
            out = out.add(Kind.WORKPLACE, workplace)
        for mandant in ("M1", "M2"):
            out = out.add(Kind.MANDANT, mandant).link(Relation.MANDANT_CLIENT, mandant, "CS1")
            out = out.link(Relation.MANDANT_TERMINAL, mandant, CT)
            for workplace in ("AP1", "AP2"):
                out = out.link(Relation.MANDANT_WORKPLACE, mandant, workplace)
                out = out.link(Relation.CS_AP, mandant, "CS1", workplace)
        out = out.add(Kind.SMB, ManagedSmb(self.smcb.image.iccsn.hex()))
        out = out.link(Relation.MANDANT_SMB, "M1", self.smcb.image.iccsn.hex())
        return out.link(Relation.LOCAL, "AP1", CT)

    # ---- life

    async def open(self) -> None:
        """Terminal on a socket, Konnektor paired with it, all cards open."""
        self.smcb = self.personaliser.smcb(self.seed.institutions[0])
        self.hba = self.personaliser.hba(self.seed.professionals[0])
        self.egk = self.personaliser.egk(self.seed.patients[0])
        self.terminal = self.make_terminal()
        self.cards = [self.virtual(made) for made in (self.smcb, self.egk, self.hba)]
        for slot, card in enumerate(self.cards, start=1):
            self.terminal.insert(slot, card)
        await self.terminal.start("127.0.0.1")
        self.store = await SqliteStore.open(self.folder / "konnektor.db")
        await self.boot()
        config = TerminalConfig(CT, "kt-empfang", MAC, self.terminal.host, self.terminal.port, self.shape.slots)
        await self.core.terminals.add(config)
        await self.core.terminals.pair(CT, self.confirm)
        await self.core.terminals.settled(CT)

    async def boot(self) -> None:
        """A Konnektor on the stored state."""
        self.shown: list[str] = []
        owner = await self.store.take_over("one")
        self.front = EmbeddedFront(CLOCK, ENTROPY, lambda instance: Loopback(), self, self.settings)
        trusted = [self.pki.authority(kind, family) for kind in self.trusted for family in Family]
        issuers = [ca.certificate.public_bytes(Encoding.DER) for ca in trusted]
        self.core: ServiceContext = build_context(
            infomodel=LiveInfoModel(self.model()),
            front=self.front,
            store=self.store.bind(owner),
            trust=TrustSpace.read(issuers, [self.pki.cvc_root.encoded]),
            tsl_anchor=self.anchor,
            ti=self.ti,
            clock=CLOCK,
            entropy=ENTROPY,
            konnektor_name="konnektor",
        )
        self.core.hub.subscribe(self.events.append)
        services = (
            event_service,
            card_service,
            cardsession_service,
            cardterminal_service,
            certificate_service,
            encryption_service,
            vsd_service,
            kvk_service,
        )
        self.operations: list[Operation] = [op for service in services for op in service.operations(self.core)]
        await self.core.terminals.start()

    async def shut(self) -> None:
        """Stops the Konnektor, not the terminal."""
        await self.core.terminals.stop()
        await self.front.close()

    async def close(self) -> None:
        """Stops everything."""
        await self.shut()
        await self.terminal.stop()
        await self.store.close()

    def confirm(self, fingerprint: str) -> bool:
        """The administrator says yes at the Konnektor, and somebody presses OK at the terminal."""
        self.shown.append(fingerprint)
        return True

    # ---- use

    def impatient(self) -> None:
        """Nobody types anything, and the terminal does not wait half a minute for it."""
        self.terminal.pin_policy = PinPolicy(PinMode.TIMEOUT)
        read = self.terminal.machine.keypad.read

        async def at_once(entry: Entry, timers: Timers, begun: Callable[[], None]) -> Secret:
            self.terminal.machine.keypad.read = read  # type: ignore[method-assign]
            return await read(entry, Timers(0.05, 0.05, 0.05), begun)

        self.terminal.machine.keypad.read = at_once  # type: ignore[method-assign]

    async def call(self, request: Any, peer: Peer | None = None) -> Any:
        """One operation as the dispatcher would call it."""
        operation = next(op for op in self.operations if op.request is type(request))
        response = await operation.handler(request, peer or caller())
        assert isinstance(response, operation.response)
        return response

    def find(self, card_type: CardType) -> Card:
        """The inserted card of that type."""
        return next(card for card in self.core.cards if card.card_type is card_type)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something is true, at most a minute."""
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 (what is waited for has no event of its own)
                await asyncio.sleep(0.01)

    def topics(self) -> list[Topic | str]:
        """All topics raised so far."""
        return [event.topic for event in self.events]


def caller(*client_systems: str) -> Peer:
    """A caller known by certificate."""
    return Peer("ab" * 32, frozenset(client_systems or ("CS1",)), None, "127.0.0.1")


def context(mandant: str = "M1", workplace: str = "AP1", user: str | None = None) -> Context:
    """A call context of CS1."""
    return Context(mandant_id=mandant, client_system_id="CS1", workplace_id=workplace, user_id=user)
