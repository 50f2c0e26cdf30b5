"""The line to a card. A terminal slot is a `CardLink`, so is a PC/SC reader, so is a virtual card."""

from typing import Protocol

from tiaas.base.errors import TiaasError
from tiaas.card.apdu import CommandApdu, ResponseApdu


class CardLinkError(TiaasError):
    """The line failed: no response APDU came back."""


class CardGone(CardLinkError):
    """No active card is there any more (removed, deactivated, terminal lost)."""


class CardTimeout(CardLinkError):
    """The card did not answer in time."""


class CardLink(Protocol):
    """Carries APDUs to one card, one at a time, in order."""

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Sends one command and waits for its response.

        Raises `CardGone`, `CardTimeout` or another `CardLinkError`; a status word other than 9000 is no error here.
        """
        ...
