"""What can go wrong between the Konnektor and a terminal, beyond the link itself (that is `front.FrontError`).

Each error carries the SICCT status word it stands for (SICCT V1.3.0, 5.4; gemSpec_KT 3.7), so that the Konnektor
can put it in a trace. `sw` is None where the terminal's answer itself could not be used.
"""

from tiaas.base.errors import TiaasError


class TerminalError(TiaasError):
    """A SICCT command did not do what it was sent for. `step` names the command."""

    def __init__(self, step: str, sw: int | None = None, detail: str = "") -> None:
        word = "no status word" if sw is None else f"{sw:04X}"
        super().__init__(f"{step}: {word}{': ' + detail if detail else ''}")
        self.step = step
        self.sw = sw


class TerminalRefused(TerminalError):
    """A status word that has no name of its own here."""


class BadTerminalAnswer(TerminalError):
    """The answer does not follow SICCT (missing or malformed data object)."""


class NotAllowed(TerminalError):
    """6900 or 6901: the terminal's state does not allow the command (not paired, no valid client)."""


class SessionRefused(TerminalError):
    """6400, 6403 or 6900 to INIT CT SESSION: account, session id, or a session is already open."""


class TerminalBusy(TerminalError):
    """6941: display, keypad or slot is in use by another command."""


class PinEntryTimeout(TerminalError):
    """6400: no key, or not all keys, in time."""


class PinEntryCancelled(TerminalError):
    """6401: the holder pressed the cancel key."""


class DialogueEnded(TerminalError):
    """Nobody waits for the person at the terminal any more, because the Konnektor stops."""


class NewPinsDiffer(TerminalError):
    """6402: the new PIN and its repetition are not the same."""


class NoPinPad(TerminalError):
    """6940 or 6A00 to a PIN entry: the terminal has no display or no keypad."""


class SlotEmpty(TerminalError):
    """64A1: no card in that slot."""


class CardInactive(TerminalError):
    """64A2: the card in that slot is not activated."""


class PairingUnknown(TerminalError):
    """6900 to EHEALTH TERMINAL AUTHENTICATE VALIDATE: this Konnektor's key is in no pairing block."""


class PairingMismatch(TerminalError):
    """The terminal answered the challenge, but not with the shared secret of the pairing."""


class PairingRefused(TerminalError):
    """CREATE or ADD was answered with an error: no free block, timeout, cancel, no match."""
