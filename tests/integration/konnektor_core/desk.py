"""A practice with two terminals as far as PIN entries go: real cards, and people who type what they are told to.

CT1 stands in the server room and holds the cards, CT2 at the workplace AP2 with a gSMC-KT only.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from tests.integration.konnektor_core.practice import DirectLine, Practice
from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.pinblock import encode_pin_block
from tiaas.card.virtual.card import VirtualCard
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.infomodel import InfoModel, Kind, Relation, Terminal
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.opencard import open_card
from tiaas.konnektor.pins import Pins
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sessions import CallContext, CardSession
from tiaas.lab.personalise import PersonalisedCard
from tiaas.terminal.errors import NewPinsDiffer
from tiaas.terminal.session import NewPinPrompts, PinPrompts

CT_SERVER, CT_DESK = "CT1", "CT2"
TYPED: ContextVar[list[str | Exception]] = ContextVar("TYPED")
"""What the caller's own people type next, entry by entry: parallel callers have their own."""


def two_terminals() -> InfoModel:
    """AP1 has CT1 at hand, AP2 has CT2 (its Remote-PIN-KT in M1) and CT1 remote, AP3 only CT1 remote."""
    out = InfoModel()
    for mandant in ("M1", "M2"):
        out = out.add(Kind.MANDANT, mandant)
    for terminal in (CT_SERVER, CT_DESK):
        out = out.add(Kind.TERMINAL, Terminal(terminal))
    for workplace in ("AP1", "AP2", "AP3"):
        out = out.add(Kind.WORKPLACE, workplace)
    for mandant in ("M1", "M2"):
        for terminal in (CT_SERVER, CT_DESK):
            out = out.link(Relation.MANDANT_TERMINAL, mandant, terminal)
        for workplace in ("AP1", "AP2", "AP3"):
            out = out.link(Relation.MANDANT_WORKPLACE, mandant, workplace)
    out = out.link(Relation.LOCAL, "AP1", CT_SERVER).link(Relation.LOCAL, "AP2", CT_DESK)
    out = out.link(Relation.REMOTE, "AP2", CT_SERVER).link(Relation.REMOTE, "AP3", CT_SERVER)
    return out.link(Relation.REMOTE_PIN, "M1", "AP2", CT_DESK)


class Pad:
    """One terminal's keypad and display. Fills the templates in with what is typed and sends them to the card."""

    def __init__(self) -> None:
        self.lines: dict[int, DirectLine] = {}
        self.prompts: list[PinPrompts | NewPinPrompts] = []
        self.shown: list[str] = []
        self.returns_modified = True

    async def perform_verification(self, slot: int, template: CommandApdu, prompts: PinPrompts) -> ResponseApdu:
        self.prompts.append(prompts)
        return await self._send(slot, template, [self._key()])

    async def modify_verification_data(
        self,
        slot: int,
        template: CommandApdu,
        prompts: NewPinPrompts,
        *,
        minimum_new: int = 0,
        skip_old: bool = False,
    ) -> ResponseApdu:
        if template.ne is not None and not self.returns_modified:
            return ResponseApdu(b"", 0x6C00)
        self.prompts.append(prompts)
        old = [] if skip_old else [self._key()]
        new, again = self._key(), self._key()
        if new != again:
            raise NewPinsDiffer("MODIFY", 0x6402)
        return await self._send(slot, template, [*old, new])

    async def show(self, text: str) -> None:
        self.shown.append(text)

    def _key(self) -> str:
        entry = TYPED.get().pop(0)
        if isinstance(entry, Exception):
            raise entry
        return entry

    async def _send(self, slot: int, template: CommandApdu, entries: list[str]) -> ResponseApdu:
        blocks = b"".join(encode_pin_block(Secret(entry.encode())).reveal() for entry in entries)
        assert len(blocks) == len(template.data)
        command = CommandApdu(template.cla, template.ins, template.p1, template.p2, blocks, template.ne)
        return await self.lines[slot].transmit(command)


class Desk:
    """See module. `carried` is what the Konnektor itself sent to the cards."""

    def __init__(self) -> None:
        self.practice = Practice()
        self.events = self.practice.events
        self.pads = {ct: Pad() for ct in (CT_SERVER, CT_DESK)}
        self.taken: set[str] = set()
        self.model = LiveInfoModel(two_terminals())
        self.remote = RemotePins(self.practice.cards, self.practice.trust.cross_to, self.practice.clock)
        self.pins = Pins(self.model, self, self.practice.hub, self.remote)
        self.carried: list[CommandApdu] = []

    @asynccontextmanager
    async def pinpad(self, ct_id: str) -> AsyncIterator[Pad]:
        """`PinPads`: one user at a time."""
        if ct_id in self.taken:
            raise KonnektorError(4060)
        self.taken.add(ct_id)
        try:
            yield self.pads[ct_id]
        finally:
            self.taken.discard(ct_id)

    def slot_count(self, ct_id: str) -> int:
        """`PinPads`."""
        return 4

    async def insert(self, made: PersonalisedCard, ct_id: str = CT_SERVER) -> Card:
        """Puts a card into the next slot of a terminal."""
        practice = self.practice
        virtual = VirtualCard(made.image, clock=practice.clock, entropy=practice.entropy, source=practice.personaliser)
        at_terminal = DirectLine(virtual)
        slot = len(self.pads[ct_id].lines) + 1
        self.pads[ct_id].lines[slot] = at_terminal
        line = _Carrier(virtual, self.carried)
        card = practice.cards.insert(ct_id, slot, await open_card(line, virtual.atr), line)
        practice.lines[card.handle] = line
        practice.personalised[card.handle] = made
        return card

    async def smcb(self, *, transport: bool = False) -> Card:
        """An SMC-B in CT1."""
        seed = self.practice.seed
        return await self.insert(self.practice.personaliser.smcb(seed.institutions[0], transport=transport))

    async def hba(self, *, transport: bool = False) -> Card:
        """An HBA in CT1."""
        seed = self.practice.seed
        return await self.insert(self.practice.personaliser.hba(seed.professionals[0], transport=transport))

    async def egk(self) -> Card:
        """A health card in CT1."""
        return await self.insert(self.practice.personaliser.egk(self.practice.seed.patients[0]))

    async def gsmckt(self, ct_id: str = CT_DESK) -> Card:
        """The gSMC-KT of a terminal."""
        return await self.insert(self.practice.personaliser.gsmckt(2 if ct_id == CT_DESK else 1), ct_id)

    def secret(self, card: Card, name: str) -> str:
        """A PIN or PUK as the card was made with it."""
        return self.practice.personalised[card.handle].pins[name].reveal().decode()

    def session(self, card: Card, mandant: str = "M1", user: str = "U1") -> CardSession:
        """A session of CS1."""
        return card.session(CallContext(mandant, "CS1", "AP1", user))

    def types(self, entries: Iterable[str | Exception]) -> None:
        """What people type next, entry by entry."""
        TYPED.set(list(entries))


class _Carrier(DirectLine):
    """The Konnektor's own line to a card."""

    def __init__(self, card: VirtualCard, carried: list[CommandApdu]) -> None:
        super().__init__(card)
        self.sent = carried
