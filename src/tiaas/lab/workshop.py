"""What a technician does to the virtual terminals of a lab: pairing menu, gSMC-KT, announcements, contactless slots.

Everything is in the database before the terminal shows it, as with cards that move.
"""

from datetime import timedelta

from tiaas.lab.errors import BadControlRequest
from tiaas.lab.lab import Lab
from tiaas.lab.pki import AuthorityKind, Family, label
from tiaas.lab.practice import LabTerminal, smkt_serial
from tiaas.lab.smktidentity import CERTIFICATE
from tiaas.terminal.virtual.state import PairingBlock

EDITIONS_MAX = 99


class Workshop:
    """Acts on the terminals of `lab`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def blocks(self, ct_id: str) -> list[PairingBlock]:
        """The pairing blocks, oldest first. Raises `UnknownTerminal`."""
        return self._lab.terminal(ct_id).virtual.state.blocks

    def delete_pairing(self, ct_id: str, block: int | None = None, key: int | None = None) -> None:
        """The menu of the terminal's administrator: one key, one block, or everything (TIP1-A_3049, TIP1-A_3050).

        Numbers count from 1. The connection stands until it ends by itself. Raises `UnknownTerminal`, `InvalidInput`.
        """
        terminal = self._lab.terminal(ct_id)
        state = terminal.virtual.state
        if block is None:
            state.blocks.clear()
        elif key is None:
            state.delete_block(block)
        else:
            state.delete_key(block, key)
        terminal.keep_state()

    def announce(self, ct_id: str, host: str, port: int) -> None:
        """Sends the terminal's service description. Raises `UnknownTerminal`."""
        self._lab.terminal(ct_id).virtual.announce(host, port)

    def switch_contactless(self, ct_id: str, *, on: bool) -> None:
        """Option_CL (A_24116). Raises `UnknownTerminal`, `BadControlRequest` if the terminal has no antenna."""
        terminal = self._lab.terminal(ct_id)
        if not terminal.virtual.config.shape.contactless:
            raise BadControlRequest("the terminal has no contactless reader", "use one of the shape desk-contactless")
        with self._lab.store.transaction():
            terminal.virtual.machine.switch_contactless(on=on)
            terminal.fit_slots()

    async def exchange_smkt(self, ct_id: str) -> str:
        """Puts a new gSMC-KT into the terminal, the old one into the drawer; returns the new one's ICCSN.

        The terminal has another identity from now on, and keeps its pairing blocks. Raises `UnknownTerminal`.
        """
        terminal = self._lab.terminal(ct_id)
        record = terminal.record
        if record.smkt_edition >= EDITIONS_MAX:
            raise BadControlRequest("no more gSMC-KT for this terminal", "use another terminal")
        serial = smkt_serial(record.practice, record.number)
        edition = record.smkt_edition + 1
        with self._lab.store.transaction():
            made = self._lab.personaliser.gsmckt(serial, edition=edition)
            card = self._lab.cards.add(made.image, made.holder, None, record.practice)
            terminal.book_smkt(card, edition)
        terminal.swap_smkt(card)
        await self._restart(terminal)
        return card.iccsn

    async def set_validity(self, ct_id: str, days: int) -> str:
        """Issues the certificate of the terminal's gSMC-KT anew, for the same key, to end in `days` days.

        A negative number: it ended so many days ago. Returns the ICCSN. Raises `UnknownTerminal`.
        """
        lab, terminal = self._lab, self._lab.terminal(ct_id)
        identity = lab.identity_of(terminal)
        end = lab.clock.now().replace(microsecond=0) + timedelta(days=days)
        made, iccsn = identity.issued(end), identity.card.iccsn.hex()
        with lab.store.transaction():
            identity.card.files[CERTIFICATE] = made
            lab.cards.keep(iccsn)
            lab.pki.on_issue(made, label(AuthorityKind.KOMP, Family.ECC), iccsn)
        await self._restart(terminal)
        return iccsn

    async def _restart(self, terminal: LabTerminal) -> None:
        """Switches the terminal off and on: TLS reads its identity when it starts to listen."""
        self._lab.identity_of(terminal).write()
        await terminal.virtual.pull_plug()
        await terminal.virtual.plug_in()
