"""Makes the virtual terminals of a lab out of what the database keeps of them: identity, shape, faults that strike."""

import asyncio
import ssl
from collections.abc import Callable

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.card.virtual.image import CardImage
from tiaas.lab.cards import CardBox
from tiaas.lab.faults import FaultBook
from tiaas.lab.mishaps import LabMishaps
from tiaas.lab.personalise import gsmckt_iccsn
from tiaas.lab.pins import random_digits
from tiaas.lab.pki import LabPki
from tiaas.lab.practice import LabTerminal, TerminalRecord, smkt_serial
from tiaas.lab.smktidentity import SmktIdentity
from tiaas.lab.store import LabStore
from tiaas.terminal.virtual.shapes import shape_named
from tiaas.terminal.virtual.terminal import TerminalConfig, TerminalState, VirtualTerminal

_NEW_PIN_DIGITS = 6

Insert = Callable[[str, int, str | None], str]
"""`Lab.insert`: puts a card into a slot of a terminal."""


class TerminalMaker:
    """Makes terminals and knows their identities. `on_move` is called when a card moved."""

    def __init__(
        self,
        store: LabStore,
        pki: LabPki,
        cards: CardBox,
        faults: FaultBook,
        clock: Clock,
        entropy: Entropy,
        *,
        insert: Insert,
        on_move: Callable[[], None],
    ) -> None:
        self._store = store
        self._pki = pki
        self._cards = cards
        self._faults = faults
        self._clock = clock
        self._entropy = entropy
        self._insert = insert
        self._on_move = on_move
        self._mishaps: list[LabMishaps] = []

    def make(self, record: TerminalRecord) -> LabTerminal:
        """The terminal of a record, switched off, with its cards in their slots."""
        terminal = LabTerminal(record, self._virtual, store=self._store, cards=self._cards, on_move=self._on_move)

        def defective(defect: str) -> ssl.SSLContext:
            return self.identity_of(terminal).defective(defect)

        mishaps = LabMishaps(self._faults, self._cards, terminal, identity=defective, insert=self._insert)
        terminal.virtual.mishaps = mishaps
        self._mishaps.append(mishaps)
        return terminal

    async def end_mishaps(self) -> None:
        """Ends what faults that struck still had to do: plugs that wait to be pulled, cards to be put back."""
        await asyncio.gather(*(mishaps.stop() for mishaps in self._mishaps))

    def smkt(self, record: TerminalRecord) -> CardImage:
        """The gSMC-KT that was made for a terminal, wherever it is."""
        iccsn = gsmckt_iccsn(smkt_serial(record.practice, record.number), record.smkt_edition)
        return self._cards.get(iccsn).card.image

    def identity_of(self, terminal: LabTerminal) -> SmktIdentity:
        """The identity that the terminal has by its gSMC-KT."""
        return self._identity(terminal.record, terminal.virtual.config)

    def _identity(self, record: TerminalRecord, config: TerminalConfig) -> SmktIdentity:
        return SmktIdentity(config, self.smkt(record), self._pki, self._clock, self._entropy)

    def _virtual(self, record: TerminalRecord, on_state: Callable[[TerminalState], None]) -> VirtualTerminal:
        folder = self._store.folder / "terminals" / record.ct_id
        config = TerminalConfig(
            name=record.name,
            mac=record.mac,
            certificate_file=folder / "certificate.pem",
            key_file=folder / "key.pem",
            client_ca_file=folder / "client-ca.pem",
            modify_returns_data=True,
            shape=shape_named(record.shape),
            new_pin=Secret(random_digits(self._entropy, _NEW_PIN_DIGITS).encode()),
        )
        self._identity(record, config).write()
        state = TerminalState() if record.state is None else TerminalState.from_document(record.state)
        return VirtualTerminal(
            config, state, clock=self._clock, entropy=self._entropy, pins=self._cards, on_change=on_state
        )
