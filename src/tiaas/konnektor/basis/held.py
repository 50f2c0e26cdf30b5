"""A card that one use case has for itself: TUC_KON_023 "Karte reservieren" and 026 "Liefere CardSession" (gemSpec_Kon
V5.18 TIP1-A_4571-03, 4560).

The lock lasts as long as `hold`; the channel is taken only where files are used, because a PIN entry needs it too.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.basis.cardfiles import CardFiles
from tiaas.konnektor.cards import Card, Reservation
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.sessions import CallContext, CardSession


@dataclass(frozen=True, slots=True)
class HeldCard:
    """A card with the caller's lock and session. `call` is who calls; the session of an eGK is everybody's."""

    card: Card
    call: CallContext
    session: CardSession
    holder: Reservation

    @asynccontextmanager
    async def files(self) -> AsyncIterator[CardFiles]:
        """The card's files, on the session's channel, which nobody else uses meanwhile.

        Raises 4093 if the card has no channel left. Faults of the line become 4094, 4044 or 4060 in here.
        """
        with link_faults():
            async with self.session.use() as channel:
                yield CardFiles(self.card, channel, self.holder)

    async def reset(self) -> None:
        """TUC_KON_024: ends all rights of the session, on the card and here; of an eGK there is no other session.

        Not within `files`. Raises 4232 if the lock has ended, 4093, 4094, 4044.
        """
        self.card.require_held(self.holder)
        async with self.files() as files:
            self.session.auth_state.clear()
            await files.channel.reset()


@asynccontextmanager
async def hold(card: Card, call: CallContext) -> AsyncIterator[HeldCard]:
    """Reserves a card and gives the caller's session. Raises 4093 if another has it, 4094 if the card is gone."""
    async with card.reserve() as holder:
        yield HeldCard(card, call, card.session(call, holder), holder)
