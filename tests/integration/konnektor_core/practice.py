"""A practice without terminals: real card software behind `CardLink`, real certificates, the Konnektor's core above."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.integration.konnektor_core.memorystore import MemoryStore
from tests.unit.konnektor_core.scripted import ScriptedPad, sw
from tiaas.base.clock import Clock, ManualClock
from tiaas.base.entropy import Entropy, SeededEntropy
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu, decode_response_untrusted
from tiaas.card.link import CardGone
from tiaas.card.pinblock import encode_pin_block
from tiaas.card.virtual.card import VirtualCard
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtls import Handshakes
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.events import Event, EventHub
from tiaas.konnektor.intermediaer import Intermediaer
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opencard import open_card
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.vsdm import Vsdm
from tiaas.konnektor.vsdmonline import EgkStatus
from tiaas.konnektor.vsdmparts import build_intermediaer, build_vsdm
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import LabPki
from tiaas.lab.seed import Seed, load_seed
from tiaas.terminal.session import PinPrompts

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CALL = CallContext("M1", "CS1", "AP1", "U1")


class DirectLine:
    """A `CardLink` to a virtual card. `before` sees every command and may pull the card by raising."""

    def __init__(self, card: VirtualCard) -> None:
        self.card = card
        self.sent: list[CommandApdu] = []
        self.before: Callable[[CommandApdu], None] | None = None
        self.pulled = False

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        self.sent.append(command)
        # Gives other tasks their turn, as a real line does.
        await asyncio.sleep(0)
        if self.before is not None:
            self.before(command)
        if self.pulled:
            raise CardGone("pulled")
        return decode_response_untrusted(self.card.process(command.encode()))


class TypingPad(ScriptedPad):
    """Types a PIN into the template and sends it to the card, as a terminal does."""

    def __init__(self, line: DirectLine, pin: Secret) -> None:
        super().__init__(sw(0x9000))
        self.line = line
        self.pin = pin

    async def perform_verification(self, slot: int, template: CommandApdu, prompts: PinPrompts) -> ResponseApdu:
        filled = CommandApdu(template.cla, template.ins, template.p1, template.p2, encode_pin_block(self.pin).reveal())
        return await self.line.transmit(filled)


def fixed_trust(space: TrustSpace, clock: Clock, entropy: Entropy) -> Trust:
    """A trust service that never goes online and trusts `space`."""
    hub = EventHub()
    return build_trust(
        space,
        None,
        TiAccess(online=False),
        network=Network(),
        store=MemoryStore(),
        hub=hub,
        opstate=OperatingState(hub, clock),
        clock=clock,
        entropy=entropy,
    )


@dataclass
class Practice:
    """Cards of one lab, opened by the Konnektor as in TUC_KON_001."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    events: list[Event] = field(default_factory=list)
    lines: dict[str, DirectLine] = field(default_factory=dict)
    personalised: dict[str, PersonalisedCard] = field(default_factory=dict)
    status_of: EgkStatus | None = None
    intermediaer: Intermediaer | None = None
    ecc_only: bool = True

    def __post_init__(self) -> None:
        self.entropy = SeededEntropy(b"practice")
        self.pki = LabPki.create(self.entropy, self.clock, ecc_only=self.ecc_only)
        self.seed: Seed = load_seed()
        self.personaliser = Personaliser(self.pki, self.seed, self.entropy, self.clock)
        self.hub = EventHub()
        self.hub.subscribe(self.events.append)
        self.cards = CardList(self.clock, self.entropy)
        space = TrustSpace.read(self.pki.ca_certificates, [self.pki.cvc_root.encoded])
        self.trust = fixed_trust(space, self.clock, self.entropy)
        self.store = MemoryStore()
        self.handshakes = Handshakes()
        self.opstate = OperatingState(self.hub, self.clock)
        self.vsdm = self.fachmodul(TiAccess())
        self._slots = 0

    def fachmodul(self, access: TiAccess) -> Vsdm:
        """The Fachmodul with other settings; the Intermediär is there if `access` names one."""
        self.online = OnlineMode(access.online)
        self.intermediaer = build_intermediaer(
            access, self.online, Network(), self.handshakes, self.trust, self.opstate, self.clock
        )
        return build_vsdm(
            access,
            self.intermediaer,
            self.trust,
            store=self.store,
            hub=self.hub,
            clock=self.clock,
            entropy=self.entropy,
            status=self.status_of,
        )

    async def insert(self, made: PersonalisedCard, *, prepare: bool = True) -> Card:
        """Puts a card into the next slot."""
        self._slots += 1
        virtual = VirtualCard(made.image, clock=self.clock, entropy=self.entropy, source=self.personaliser)
        line = DirectLine(virtual)
        data = await open_card(line, virtual.atr)
        card = self.cards.insert("CT1", self._slots, data, line)
        self.lines[card.handle] = line
        self.personalised[card.handle] = made
        if prepare:
            await self.vsdm.prepare(card)
        return card

    async def egk(self, number: int = 0, *, prepare: bool = True) -> Card:
        """A health card."""
        return await self.insert(self.personaliser.egk(self.seed.patients[number]), prepare=prepare)

    async def smcb(self, number: int = 0) -> Card:
        """An institution card."""
        return await self.insert(self.personaliser.smcb(self.seed.institutions[number]))

    async def hba(self, number: int = 0) -> Card:
        """A professional's card."""
        return await self.insert(self.personaliser.hba(self.seed.professionals[number]))

    async def unlock(self, card: Card, pin: str, call: CallContext = CALL) -> None:
        """Verifies the PIN in the caller's session, without a terminal."""
        from tiaas.konnektor.sessions import AuthValue

        session = card.session(call)
        block = encode_pin_block(self.personalised[card.handle].pins[pin])
        async with session.use() as channel:
            response = await channel.transmit(commands.verify(0x01, block))
        assert response.ok
        session.auth_state[pin] = AuthValue.VERIFIED
