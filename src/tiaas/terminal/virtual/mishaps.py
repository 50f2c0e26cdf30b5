"""What goes wrong at a virtual terminal: asked before each command, card command, PIN prompt and TLS handshake.

A terminal by itself is in order. Whoever owns it gives it other `Mishaps`; the lab's come from its faults.
"""

import enum
import ssl

from tiaas.base.dataclass import dataclass
from tiaas.terminal.virtual.config import PinMode, SlotCard


@enum.unique
class Lie(enum.Enum):
    """What is wrong with the form of an answer."""

    GARBAGE = "garbage"
    WRONG_SEQUENCE = "wrong-sequence"


@dataclass(frozen=True, slots=True)
class CommandMishap:
    """What happens to one SICCT command.

    The answer is held back for `delay` seconds. `breaks`: after these seconds the connection breaks, whether the
    command was done or not. `is_silent`: the command is lost. `status` is answered without doing it. `lie`: it is done,
    but the answer has the wrong form.
    """

    delay: float = 0.0
    breaks: bool = False
    is_silent: bool = False
    status: int | None = None
    lie: Lie | None = None


@dataclass(frozen=True, slots=True)
class CardMishap:
    """What happens to one command for a card: `delay` seconds first, then no answer (`is_mute`) or `status` alone."""

    delay: float = 0.0
    is_mute: bool = False
    status: int | None = None


@dataclass(frozen=True, slots=True)
class KeypadMishap:
    """What happens at one prompt: `is_busy` refuses it, else the person acts by `mode` after `delay` seconds."""

    mode: PinMode | None = None
    delay: float = 0.0
    is_busy: bool = False


class Mishaps:
    """Nothing goes wrong. All calls come in the event loop's thread."""

    def at_command(self, unit: int, command: bytes) -> CommandMishap | None:
        """Before a SICCT command for a functional unit; `command` is what came, without envelope."""
        return None

    def at_card(self, slot: int, card: SlotCard, header: bytes | None) -> CardMishap | None:
        """Before a card gets a command; `header` are CLA INS P1 P2, None for a reset. It may take the card away."""
        return None

    def at_keypad(self, card: SlotCard | None, password_ref: int, asked: str) -> KeypadMishap | None:
        """Before a person is asked for a value (`asked`: current, puk, new, unknown) or, without card, for OK."""
        return None

    def at_handshake(self) -> ssl.SSLContext | None:
        """When a client opens TLS: the identity shown to it, None for the terminal's own."""
        return None
