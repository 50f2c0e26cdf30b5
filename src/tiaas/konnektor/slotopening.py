"""From a slot that reports a card to what that card is (gemSpec_Kon V5.18, TUC_KON_001 step 1)."""

from tiaas.card import commands
from tiaas.card.link import CardGone, CardLink, CardLinkError
from tiaas.card.memoryatr import is_kvk, is_memory_card
from tiaas.konnektor.cards import CardData
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.opencard import open_card
from tiaas.terminal.errors import TerminalError
from tiaas.terminal.session import TerminalSession


async def open_slot(session: TerminalSession, slot: int, line: CardLink) -> CardData | None:
    """Activates the card and reads it; None without card. What cannot be read is of type UNKNOWN.

    A card that was active already belongs to nobody any more who knows its channels: it loses them, with every right
    raised on them, but keeps its power. The gSMC-KT is left alone, its terminal uses it. Raises `CardGone`,
    `FrontError`.
    """
    try:
        requested = await session.activate(slot)
        if requested is None:
            return None
        if is_memory_card(requested.atr):
            return _memory_card(requested.atr)
        data = await open_card(line, requested.atr)
        if requested.already_active and data.card_type is not CardType.SMC_KT:
            await _forget_channels(session, slot, line)
    except TerminalError:
        return CardData(CardType.UNKNOWN)
    return data


def _memory_card(atr: bytes) -> CardData:
    """A memory card has neither files nor channels, so its ATR must do."""
    return CardData(CardType.KVK if is_kvk(atr) else CardType.UNKNOWN, atr=atr)


async def _forget_channels(session: TerminalSession, slot: int, line: CardLink) -> None:
    """MANAGE CHANNEL (reset of the application layer); RESET ICC for a card that does not know it."""
    try:
        done = (await line.transmit(commands.card_reset())).ok
    except CardGone:
        raise
    except CardLinkError:
        done = False
    if not done:
        await session.reset(slot)
