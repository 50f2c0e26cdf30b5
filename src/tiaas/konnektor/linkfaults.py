"""What a failing line means in the Konnektor's codes (gemSpec_Kon V5.18: TUC_KON_200, TUC_KON_051, TAB_KON_087)."""

from collections.abc import Iterator
from contextlib import contextmanager

from tiaas.card.link import CardGone, CardLinkError, CardTimeout
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.pkcs11 import TokenError, TokenTimeout, WrongCryptogram
from tiaas.terminal.errors import CardInactive, SlotEmpty, TerminalBusy, TerminalError
from tiaas.terminal.front import FrontError

CARD_TIMEOUT = 4094
TERMINAL_FAULT = 4044
TERMINAL_BUSY = 4060


@contextmanager
def link_faults() -> Iterator[None]:
    """Turns failures of card line and terminal into a `KonnektorError`.

    A card pulled while an operation runs does not answer in time any more: 4094 (clients then ask to re-insert it). An
    HSM that fails is a terminal that fails: it is one, a logical one; what it does not answer in time is 4094, too.
    """
    try:
        yield
    except (CardGone, CardTimeout, SlotEmpty, CardInactive, TokenTimeout) as error:
        raise KonnektorError(CARD_TIMEOUT) from error
    except TerminalBusy as error:
        raise KonnektorError(TERMINAL_BUSY) from error
    except WrongCryptogram:
        raise
    except (CardLinkError, TerminalError, FrontError, TokenError) as error:
        raise KonnektorError(TERMINAL_FAULT) from error
