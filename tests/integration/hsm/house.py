"""An instance's HSMs without its doors."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.integration.konnektor_core.memorystore import MemoryStore
from tests.integration.konnektor_core.practice import Practice
from tiaas.konnektor.events import Event
from tiaas.konnektor.hsm.hsms import Hsms
from tiaas.konnektor.hsm.settings import HsmSettings, VirtualSmb
from tiaas.konnektor.infomodel import InfoModel, Kind, ManagedSmb, Relation, Terminal
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.sak import SakIdentities
from tiaas.konnektor.services.context import ServiceContext, build_context
from tiaas.konnektor.trust import TrustSpace
from tiaas.lab.hsm import VirtualSmbContent
from tiaas.terminal.embedded import EmbeddedFront

CT = "HSM-1"


class House:
    """An instance without doors, with an HSM; `where` says to `HsmSettings` which."""

    def __init__(self, content: VirtualSmbContent, card_seconds: float = 20.0, **where: Any) -> None:
        practice = Practice()
        practice.handshakes.close()
        self.clock = practice.clock
        model = InfoModel().add(Kind.MANDANT, "M1").add(Kind.TERMINAL, Terminal(CT, (1,)))
        model = model.add(Kind.SMB, ManagedSmb(content.iccsn, is_hsm=True))
        self.model = LiveInfoModel(model.link(Relation.MANDANT_SMB, "M1", content.iccsn))
        self.context: ServiceContext = build_context(
            infomodel=self.model,
            front=EmbeddedFront(practice.clock, practice.entropy, lambda instance: Network(), SakIdentities()),
            store=MemoryStore(),
            trust=TrustSpace.read([], []),
            clock=practice.clock,
            entropy=practice.entropy,
            konnektor_name="konnektor",
        )
        self.events: list[Event] = []
        self.context.hub.subscribe(self._on_event)
        self._settings = (HsmSettings(CT, (VirtualSmb(content.iccsn),), **where),)
        self._card_seconds = card_seconds
        self.open()

    def open(self) -> None:
        """Its HSMs, not started; once more for another life."""
        context = self.context
        self.hsms = Hsms(
            self._settings,
            context.store,
            context.clock,
            context.cards,
            context.terminals,
            context.hub,
            self.model,
            self._card_seconds,
            0.01,
        )

    def _on_event(self, event: Event) -> None:
        self.events.append(event)

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not happened():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    def is_missing(self) -> bool:
        """EC_CardTerminal_Not_Available."""
        self.context.terminals.judge()
        return Condition.CARD_TERMINAL_NOT_AVAILABLE in self.context.opstate.holding
