"""What a failing line means in the Konnektor's codes (gemSpec_Kon V5.18: TUC_KON_200, TUC_KON_051, TAB_KON_087)."""

from types import TracebackType

from tiaas.card.link import CardGone, CardLinkError, CardTimeout
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.pkcs11 import TokenError, TokenTimeout, WrongCryptogram
from tiaas.terminal.errors import CardInactive, DialogueEnded, SlotEmpty, TerminalBusy, TerminalError
from tiaas.terminal.front import FrontError

CARD_TIMEOUT = 4094
TERMINAL_FAULT = 4044
TERMINAL_BUSY = 4060
STOPPING = "the Konnektor stops"
"""Why nobody waits for the person at the terminal any more."""


class _LinkFaults:
    """See `link_faults`."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            raise_link_fault(error)


def raise_link_fault(error: BaseException) -> None:
    """For a failure of card line or terminal: raises the `KonnektorError` that it means; nothing for anything else."""
    if isinstance(error, CardGone | CardTimeout | SlotEmpty | CardInactive | TokenTimeout):
        raise KonnektorError(CARD_TIMEOUT) from error
    if isinstance(error, TerminalBusy):
        raise KonnektorError(TERMINAL_BUSY) from error
    if isinstance(error, WrongCryptogram):
        return
    if isinstance(error, DialogueEnded):
        raise KonnektorError(TERMINAL_FAULT, STOPPING) from error
    if isinstance(error, CardLinkError | TerminalError | FrontError | TokenError):
        raise KonnektorError(TERMINAL_FAULT) from error


_LINK_FAULTS = _LinkFaults()


def link_faults() -> _LinkFaults:
    """As a context: turns failures of card line and terminal into a `KonnektorError`.

    A card pulled while an operation runs does not answer in time any more: 4094 (clients then ask to re-insert it). An
    HSM that fails is a terminal that fails: it is one, a logical one; what it does not answer in time is 4094, too.
    """
    return _LINK_FAULTS
