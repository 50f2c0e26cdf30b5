"""A terminal's inside without network: commands go straight into the interpreter."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.integration.terminal.fakecards import FakeCard, FakeSmkt, Holder
from tests.integration.terminal.identities import ec_key
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.terminal.sicct.events import Event
from tiaas.terminal.virtual.admission import ClientState, SessionRole
from tiaas.terminal.virtual.config import TerminalConfig
from tiaas.terminal.virtual.interpreter import interpret
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.shapes import SHAPES, TerminalShape
from tiaas.terminal.virtual.state import PairingBlock, TerminalState

KEY = b"public key of the Konnektor"
SECRET = Secret(bytes(range(16)))


def with_data(head: str, value: str, le: str = "") -> str:
    """A command with short Lc, in hex; blanks in `value` are for the reader."""
    octets = value.replace(" ", "")
    return f"{head}{len(octets) // 2:02X}{octets}{le}"


@dataclass
class Bench:
    """A terminal with an inactive card in slot 1, an active one in slot 2, none in slot 3, the gSMC-KT in slot 4."""

    client_state: ClientState = ClientState.WITH_PAIRING
    role: SessionRole | None = SessionRole.CONTROL
    shape: TerminalShape = SHAPES["desk"]
    told: list[Event] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.holder = Holder()
        paired = self.client_state is ClientState.WITH_PAIRING
        self.state = TerminalState([PairingBlock(SECRET, [KEY])] if paired else [])
        here = Path("unused")
        self.machine = Machine(
            TerminalConfig("kt", bytes(6), here, here, here, self.shape),
            self.state,
            clock=self.clock,
            entropy=SeededEntropy(b"terminal"),
            pins=self.holder,
            tell=self.told.append,
            changed=self._count,
        )
        self.client = Client(None if self.client_state is ClientState.INVALID_CLIENT else KEY, role=self.role)
        self.client.session_id = "ABCD" if self.role is not None else ""
        self.machine.client = self.client
        self.machine.insert(1, FakeCard())
        self.machine.insert(2, FakeCard())
        self.machine.insert(4, FakeSmkt(ec_key()))
        self.machine.slot(2).active = True

    def _count(self) -> None:
        self.changes += 1

    async def send(self, command: str, unit: int = 0) -> str:
        """Hex in, hex out."""
        return (await interpret(self.machine, self.client, unit, bytes.fromhex(command))).hex().upper()
