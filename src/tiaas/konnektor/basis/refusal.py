"""What a card's refusal to use a file means (gemSpec_Kon V5.18, TAB_KON_536 to 542, 785, 786).

Where a table says "the card's error code by gemSpec_COS" it is 4120 with command and status word in Detail: a status
word is no code of the Konnektor.
"""

from collections.abc import Awaitable, Mapping

from tiaas.card.apdu import ResponseApdu
from tiaas.card.status import StatusWord
from tiaas.konnektor.errors import KonnektorError

NOT_ALLOWED, DEACTIVATED, NO_FILE, RECORD_TOO_LONG = 4085, 4086, 4087, 4088
WRONG_TYPE, NO_RECORD, CARD_FAULT, NO_SPACE = 4089, 4091, 4120, 4247

_ALWAYS: Mapping[int, int] = {
    StatusWord.SECURITY_STATUS_NOT_SATISFIED: NOT_ALLOWED,
    StatusWord.FILE_DEACTIVATED: DEACTIVATED,
    StatusWord.FILE_TERMINATED: DEACTIVATED,
    StatusWord.FILE_NOT_FOUND: NO_FILE,
    StatusWord.WRONG_FILE_TYPE: WRONG_TYPE,
}


class CardRefusal(KonnektorError):
    """A card did not do what a TUC asked of it, or cannot; `sw` is its status word, None if it was not asked."""

    def __init__(self, code: int, what: str, sw: int | None = None) -> None:
        super().__init__(code, what if sw is None else f"{what}: {sw:04X}")
        self.sw = sw


Answer = bytes | CardRefusal
"""What a file holds, or why it was not given: for who judges later."""


def accepted(response: ResponseApdu, command: str, codes: Mapping[int, int] | None = None) -> bytes:
    """The data of an answer 9000; raises `CardRefusal` for any other. `codes` are those of one command alone."""
    if response.ok:
        return response.data
    code = (codes or {}).get(response.sw, _ALWAYS.get(response.sw, CARD_FAULT))
    raise CardRefusal(code, command, response.sw)


async def answer_of(reading: Awaitable[bytes]) -> Answer:
    """What a file holds, or the card's refusal. Any other error is raised."""
    try:
        return await reading
    except CardRefusal as refusal:
        return refusal
