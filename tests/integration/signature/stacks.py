"""Stacks of documents to sign, and the moment in the middle of one."""

import asyncio

from tests.integration.signature.office import TEXT, Office, wish
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.konnektor.events import Event, Topic

STACK = 250


def stack(count: int) -> list[v7_5.SignRequest]:
    return [wish(TEXT, "text/plain", name=f"R{number}", document_id=None) for number in range(count)]


class After:
    """Does something once, after so many signatures of a job."""

    def __init__(self, office: Office, count: int) -> None:
        self.reached = asyncio.Event()
        self._left = count
        self._end = office.context.hub.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        self._left -= event.topic == Topic.SIGN_NEXT_SUCCESSFUL
        if self._left == 0:
            self.reached.set()

    async def wait(self) -> None:
        async with asyncio.timeout(60):
            await self.reached.wait()
        self._end()
