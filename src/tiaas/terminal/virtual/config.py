"""What a virtual terminal is given: identity, slots, the invented holder's behaviour, and who knows the PINs."""

import enum
from dataclasses import field
from pathlib import Path
from typing import Protocol

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.card.objsys.model import Interface
from tiaas.terminal.sicct.connection import MIN_COMMAND_BUFFER
from tiaas.terminal.virtual.shapes import SHAPES, TerminalShape


class SlotCard(Protocol):
    """What a slot needs of a card; `card.virtual.VirtualCard` offers it.

    The terminal calls it from worker threads, never two calls at once.
    """

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        ...

    def reset(self, interface: Interface = Interface.CONTACT) -> bytes:
        """Cold reset at contacts or in a field; the ATR. Raises `CardTimeout`, `CardGone`."""
        ...

    def process(self, raw: bytes) -> bytes:
        """One APDU, synchronous. Raises `CardTimeout` if no answer comes, `CardGone` if the card is not there."""
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
    CAN = "can"


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """`new_pin` is typed where a new PIN is asked for, in the modes `auto` and `wrong`.

    `repeat_pin` is typed in its place when it is to be repeated: for a holder who mistypes.
    """

    mode: PinMode = PinMode.AUTO
    new_pin: Secret | None = None
    repeat_pin: Secret | None = None


class PinHolder(Protocol):
    """Knows the PINs of the cards: the lab. Called in the event loop's thread."""

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        """The value in force as ASCII digits; None if unknown (the entry then times out).

        `password_ref` is P2 of the card command (b8 set: a password of the folder selected on that channel); for the
        purpose CAN, the card access number printed on the card, it means nothing.
        """
        ...

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        """The value that a PIN prompt on the display asks for (`PIN.HBA:`), or None.

        Remote PIN entry: the command names a key of the terminal's own card `smkt`, so the terminal knows no better.
        """
        ...

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        """The card has accepted this new PIN; None if it came enciphered, typed at another terminal."""
        ...


@dataclass(frozen=True, slots=True)
class TerminalConfig:
    """What does not change while a terminal lives; without gSMC-KT in `shape.smkt_slot` there is no TLS.

    `firmware_version` and `firmware_group` are those of the delivery. `announce_to` is where the terminal announces
    itself when it is switched on: addresses with UDP ports. The certificate file is C.SMKT.AUT of that gSMC-KT; its key
    lies in a file because `ssl` cannot use a card's key. `client_ca_file` holds the CA certificates that may issue
    Konnektor certificates. Versions are three numbers.
    """

    name: str
    mac: bytes
    certificate_file: Path
    key_file: Path
    client_ca_file: Path
    shape: TerminalShape = SHAPES["desk"]
    manufacturer: str = "DETIA"
    model: str = "TIAASVKT"
    interface_version: tuple[int, int, int] = (1, 0, 0)
    product_type_version: tuple[int, int, int] = (1, 7, 1)
    firmware_version: tuple[int, int, int] = (1, 0, 0)
    hardware_version: tuple[int, int, int] = (1, 0, 0)
    firmware_group: str = "00001"
    vendor_text: str = "TEST-ONLY"
    user: str = "user"
    user_password: Secret = field(default_factory=lambda: Secret(b"user"))
    admin: str = "admin"
    admin_password: Secret = field(default_factory=lambda: Secret(b"admin"))
    command_buffer: int = MIN_COMMAND_BUFFER
    keep_alive_seconds: float = 30.0
    silence_seconds: float = 120.0
    confirmation_seconds: float = 600.0
    modify_returns_data: bool = False
    """Whether MODIFY VERIFICATION DATA may have Le: for a PIN change at a Remote-PIN-KT (against A_25230)."""
    reboot_seconds: float = 0.5
    new_pin: Secret | None = None
    """What the invented holder types for a new PIN where the policy names none; None: nothing."""
    announce_to: tuple[tuple[str, int], ...] = ()

    @property
    def slots(self) -> int:
        """How many slots there are, contactless ones included."""
        return self.shape.slots

    @property
    def smkt_slot(self) -> int:
        """The slot of the gSMC-KT."""
        return self.shape.smkt_slot

    def __post_init__(self) -> None:
        if len(self.mac) != 6:
            raise InvalidInput("a MAC address has 6 octets")
        if self.command_buffer < MIN_COMMAND_BUFFER:
            raise InvalidInput(f"command_buffer must be at least {MIN_COMMAND_BUFFER} octets")
