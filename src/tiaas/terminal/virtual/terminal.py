"""The virtual terminal: listens, holds slots, display and keypad, and answers SICCT (gemSpec_KT V3.17.0)."""

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret


class SlotCard(Protocol):
    """What a slot needs of a card; `card.virtual.VirtualCard` offers it."""

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        ...

    def reset(self) -> bytes:
        """Cold reset; the ATR."""
        ...

    def process(self, raw: bytes) -> bytes:
        """One APDU, synchronous."""
        ...


@enum.unique
class PinMode(enum.StrEnum):
    """What the invented holder does at the keypad."""

    AUTO = "auto"
    MANUAL = "manual"
    WRONG = "wrong"
    CANCEL = "cancel"
    TIMEOUT = "timeout"


@enum.unique
class PinPurpose(enum.Enum):
    """Which value a PIN prompt asks for."""

    CURRENT = "current"
    PUK = "puk"


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """`new_pin` is typed (twice) where a new PIN is asked for in mode `auto`."""

    mode: PinMode = PinMode.AUTO
    new_pin: Secret | None = None


class PinHolder(Protocol):
    """Knows the PINs of the cards: the lab."""

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        """The value in force as ASCII digits; None if unknown (the entry then times out).

        `password_ref` is P2 of the card command (b8 set: a password of the folder selected on that channel).
        """
        ...

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret) -> None:
        """The card has accepted this new PIN."""
        ...


@dataclass(frozen=True, slots=True)
class TerminalConfig:
    """What does not change while a terminal lives. `smkt_slot` holds the gSMC-KT; without it there is no TLS."""

    name: str
    mac: bytes
    certificate_file: Path
    key_file: Path
    client_ca_file: Path
    slots: int = 4
    smkt_slot: int = 4
    manufacturer: str = "DETIA"
    model: str = "TIAASVKT"
    firmware_version: str = "  1  0  0"


@dataclass(slots=True)
class TerminalState:
    """What survives switching off: pairing blocks, names of functional units, idle message."""

    def to_document(self) -> dict[str, object]:
        """JSON-able; holds the shared secrets, the caller protects it."""
        raise NotImplementedError

    @classmethod
    def from_document(cls, document: dict[str, object]) -> "TerminalState":
        """The inverse; raises `InvalidInput`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class TerminalSnapshot:
    """For the control port. `slots[i]` tells whether slot i+1 holds a card and whether it is active."""

    listening: bool
    plugged: bool
    client: str
    display: str
    idle_text: str
    entry: str
    history: tuple[str, ...]
    slots: tuple[str, ...] = field(default=())


class VirtualTerminal:
    """One terminal. All calls belong to the event loop's thread."""

    def __init__(
        self,
        config: TerminalConfig,
        state: TerminalState,
        *,
        clock: Clock,
        entropy: Entropy,
        pins: PinHolder,
        on_change: Callable[[TerminalState], None] | None = None,
    ) -> None:
        self.config = config
        self.pin_policy = PinPolicy()
        self.delay = 0.0
        raise NotImplementedError

    async def start(self, host: str, port: int = 0) -> int:
        """Listens; returns the port."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Stops listening, drops the connection, resets the cards."""
        raise NotImplementedError

    def insert(self, slot: int, card: SlotCard) -> None:
        """Puts a card into an empty slot and tells the Konnektor (event 84). Raises `InvalidInput`."""
        raise NotImplementedError

    def eject(self, slot: int) -> SlotCard:
        """Takes the card out, whatever runs (event 85). Raises `InvalidInput` if the slot is empty."""
        raise NotImplementedError

    def card_in(self, slot: int) -> SlotCard | None:
        """The card in that slot."""
        raise NotImplementedError

    def press(self, key: str) -> None:
        """One key: `0`…`9`, `ok`, `cancel`, `clear`. Raises `InvalidInput`."""
        raise NotImplementedError

    async def pull_plug(self) -> None:
        """Power and network gone: the connection breaks without SIGN OFF, nothing listens."""
        raise NotImplementedError

    async def plug_in(self) -> None:
        """Listens again on the same address."""
        raise NotImplementedError

    def snapshot(self) -> TerminalSnapshot:
        """What the control port shows."""
        raise NotImplementedError
