"""The Konnektor's side of one terminal: SICCT commands as calls (SICCT V1.3.0; gemSpec_KT V3.17.0; gemSpec_Kon TUC_KON_050…058).

A `TerminalSession` has no state of its own beside (front, owner, ctId): it may be made anew at any time.
"""

import enum
from dataclasses import dataclass

from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardLink
from tiaas.terminal.front import Front, Owner


@enum.unique
class SlotState(enum.IntEnum):
    """ICC status of one slot (DO 80; SICCT 5.5.10)."""

    EMPTY = 0x00
    NOT_IN_POSITION = 0x01
    UNPOWERED = 0x03
    POWERED = 0x05
    NEGOTIABLE = 0x0D
    ACTIVE = 0x15
    UNKNOWN = 0x80


@dataclass(frozen=True, slots=True)
class TerminalProduct:
    """DO 46 with D7 (gemSpec_KT DO_KT_0001/0002); versions as `1.2.3`, blanks removed."""

    manufacturer: str
    sicct_version: str
    software_version: str
    interface_version: str
    product_type: str
    product_type_version: str
    model: str
    firmware_version: str
    hardware_version: str
    firmware_group: str
    vendor_text: str


@dataclass(frozen=True, slots=True)
class PinPrompts:
    """The five texts of PERFORM VERIFICATION. `\\x0b` breaks a line, `\\x0f` separates message and PIN prompt."""

    prompt: str
    success: str
    failure: str
    confirm: str = ""
    abort: str = ""


@dataclass(frozen=True, slots=True)
class NewPinPrompts:
    """The eight texts of MODIFY VERIFICATION DATA."""

    prompt: str
    success: str
    failure: str
    new: str
    repeat: str
    different: str
    confirm: str = ""
    abort: str = ""


@enum.unique
class Ejected(enum.Enum):
    """How EJECT ICC ended."""

    REMOVED = 0x9001
    DEACTIVATED = 0x9000
    NOT_REMOVED = 0x6200


@dataclass(frozen=True, slots=True)
class RequestedCard:
    """How REQUEST ICC ended: `atr` may be empty if the terminal gave none; `already_active` for 6201."""

    atr: bytes
    already_active: bool


class TerminalSession:
    """One terminal as the Konnektor uses it. All calls raise `FrontError` (link) or `TerminalError` (status word)."""

    def __init__(self, front: Front, owner: Owner, ct_id: str, *, wait: float = 10.0) -> None:
        raise NotImplementedError

    async def init(self, user: str = "", password: Secret | None = None) -> str:
        """INIT CT SESSION; an empty account is the control session. Returns the session id; `SessionRefused`."""
        raise NotImplementedError

    async def close(self, session_id: str) -> None:
        """CLOSE CT SESSION."""
        raise NotImplementedError

    async def validate(self, secret: Secret, challenge: bytes) -> None:
        """Proves that the terminal knows the pairing secret (≥ 16 octets challenge); `PairingUnknown`, `PairingMismatch`."""
        raise NotImplementedError

    async def create_pairing(self, secret: Secret, text: str, wait: float = 610.0) -> bytes:
        """CREATE: the terminal shows `text` and waits for OK; returns its signature over the secret. `PairingRefused`."""
        raise NotImplementedError

    async def add_key(self, secret: Secret) -> None:
        """ADD phases 1 and 2 (maintenance pairing): adds this connection's client key to the block of `secret`."""
        raise NotImplementedError

    async def product(self) -> TerminalProduct:
        """GET STATUS 46; `BadTerminalAnswer` if there is no D7."""
        raise NotImplementedError

    async def slot_states(self) -> tuple[SlotState, ...]:
        """GET STATUS 80 of the whole terminal: index 0 is slot 1."""
        raise NotImplementedError

    async def activate(self, slot: int) -> bytes | None:
        """Activates the card in `slot` without message or waiting; its ATR (b"" if not told), or None if there is no card."""
        raise NotImplementedError

    async def request(self, slot: int, text: str, wait: float) -> RequestedCard | None:
        """REQUEST ICC with message; None if no card came within `wait` seconds. `TerminalBusy`, `PinEntryCancelled`."""
        raise NotImplementedError

    async def reset(self, slot: int) -> bytes:
        """RESET ICC (cold): the ATR. `SlotEmpty`."""
        raise NotImplementedError

    async def eject(self, slot: int, text: str | None, wait: float) -> Ejected:
        """EJECT ICC; `text` None: no message. `SlotEmpty`, `TerminalBusy`, `PinEntryCancelled`."""
        raise NotImplementedError

    def card(self, slot: int, wait: float = 20.0) -> CardLink:
        """The line to the card in `slot` (one APDU at a time)."""
        raise NotImplementedError

    async def perform_verification(
        self,
        slot: int,
        template: CommandApdu,
        prompts: PinPrompts,
        *,
        pin_length: int = 0,
        first_key: int = 30,
        next_key: int = 30,
    ) -> ResponseApdu:
        """PIN entry at the terminal; the card's answer. `pin_length` 0 = variable, ended by OK.

        Raises `PinEntryTimeout`, `PinEntryCancelled`, `TerminalBusy`, `SlotEmpty`, `CardInactive`.
        """
        raise NotImplementedError

    async def modify_verification_data(
        self,
        slot: int,
        template: CommandApdu,
        prompts: NewPinPrompts,
        *,
        minimum_new: int = 0,
        skip_old: bool = False,
        first_key: int = 30,
        next_key: int = 30,
    ) -> ResponseApdu:
        """Old PIN (or PUK) and twice the new PIN at the terminal; the card's answer. Also raises `NewPinsDiffer`.

        `minimum_new` 4…6 is the least length of the new PIN (0: not checked). `skip_old` for a Null-PIN: the
        template then holds the old block already.
        """
        raise NotImplementedError

    async def show(self, text: str) -> None:
        """OUTPUT: shows a message. `TerminalBusy`."""
        raise NotImplementedError

    async def clear(self) -> None:
        """OUTPUT: back to the idle message."""
        raise NotImplementedError

    async def confirm(self, text: str, wait: int) -> None:
        """INPUT: shows a message and waits for the OK key. `PinEntryTimeout`, `PinEntryCancelled`, `TerminalBusy`."""
        raise NotImplementedError
