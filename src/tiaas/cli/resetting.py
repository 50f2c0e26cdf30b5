"""`POST /reset` at the control port: lab and Konnektor as they were at the start, for the next test.

HBAs and health cards that somebody has used are put in anew, so nobody finds another's verified PIN or lock, and what
a status service said is forgotten: a revocation that was a fault would count for ever. It is answered once every
Konnektor has heard what is left in the KSR and has opened the cards that were put in anew, and PIN.SMC is verified
again (unless the lab was started with --locked).
"""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import HBAX, INSURED
from tiaas.konnektor.instance import Instance
from tiaas.lab.lab import Lab
from tiaas.lab.reset import Beginning

_SECONDS = 30.0
_LOOK_SECONDS = 0.02


_IN_HANDS = HBAX | INSURED


class Resetting:
    """The route, and what it needs once everything is up."""

    def __init__(self) -> None:
        self._reset: Callable[[], Awaitable[None]] | None = None
        self._lock = asyncio.Lock()

    def begin(
        self,
        lab: Lab,
        instances: Callable[[], list[Instance]],
        look: Callable[[], Awaitable[None]],
        unlock: Callable[[], Awaitable[None]],
    ) -> None:
        """From now on `POST /reset` brings back what is now.

        `look` lets the node find that its faults have ended; `unlock` verifies PIN.SMC where it should be.
        """
        beginning = Beginning.of(lab)

        def known() -> frozenset[str]:
            cards = (card for instance in instances() for card in instance.context.cards if not _is_used(card))
            return frozenset(card.data.iccsn for card in cards if card.data.iccsn is not None)

        async def reset() -> None:
            await beginning.restore(lab, known())
            await look()
            for instance in instances():
                instance.context.trust.forget_answers()
            if beginning.withdraw(lab):
                await asyncio.gather(*(instance.updates.check() for instance in instances()))
                await asyncio.gather(*(instance.bestandsnetze.refresh() for instance in instances()))
            async with asyncio.timeout(_SECONDS):
                while not known() >= beginning.placed(lab):  # noqa: ASYNC110 - no event tells that a card is open
                    await asyncio.sleep(_LOOK_SECONDS)
            await unlock()

        self._reset = reset

    @property
    def routes(self) -> list[Route]:
        """For the control port."""
        return [Route("/reset", self._handle, methods=["POST"])]

    async def _handle(self, request: Request) -> Response:
        if self._reset is None:
            return JSONResponse({"error": "the lab is not up yet", "hint": "wait for ready.json"}, 409)
        async with self._lock:
            try:
                await self._reset()
            except TimeoutError:
                hint = "a terminal that the Konnektor does not trust any more needs a new start"
                return JSONResponse({"error": "not all cards came back", "hint": hint}, 409)
        return JSONResponse({"reset": True})


def _is_used(card: Card) -> bool:
    """Whether somebody has a session with the card, and so perhaps a verified PIN, or holds it; of an SM-B all do."""
    return card.reserved or (card.card_type in _IN_HANDS and bool(card.sessions))
