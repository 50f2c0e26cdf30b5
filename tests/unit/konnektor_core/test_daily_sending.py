"""When a box sends operating data: daily, three times more after an error, and never where the service cannot."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.integration.konnektor_core.memorystore import MemoryStore
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.provisioning_service_v1_1 import ContractStatus
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.registration.daily import DailySending, SendTimes
from tiaas.konnektor.registration.keeper import Registered, Registration
from tiaas.konnektor.registration.requests import NoOperation, NotRegistered

TIMES = SendTimes(every=3600.0, retry=0.0)


class Sender:
    """Fails as often as `failures` says."""

    def __init__(self, failures: int, error: Callable[[], Exception] = lambda: NotRegistered("no")) -> None:
        self.sent = 0
        self.due: float | None = 0.0
        self._failures = failures
        self._error = error
        self.sending = DailySending(self.send, lambda every: self.due, SystemClock(), SeededEntropy(b"x"), TIMES)

    async def send(self) -> None:
        self.sent += 1
        if self.sent <= self._failures:
            raise self._error()


@pytest.mark.requirement("A_21138", "A_21139")
@pytest.mark.parametrize(
    ("sender", "tries"),
    [
        (Sender(0), 1),
        (Sender(2), 3),
        (Sender(99), 4),
        (Sender(99, lambda: NoOperation("no")), 1),
    ],
)
async def test_an_error_is_tried_again(sender: Sender, tries: int) -> None:
    await sender.sending.send_with_retries()
    assert sender.sent == tries
    assert SendTimes() == SendTimes(every=86_400.0, retry=300.0, tries=3)


@pytest.mark.requirement("A_21136")
async def test_what_is_not_registered_sends_nothing_until_it_is() -> None:
    sender = Sender(0)
    sender.due = None
    sender.sending.start()
    await asyncio.sleep(0)
    assert sender.sent == 0
    sender.due = 0.0
    sender.sending.look()
    async with asyncio.timeout(60):
        while not sender.sent:  # noqa: ASYNC110 (a state has no event of its own)
            await asyncio.sleep(0)
    await sender.sending.stop()
    assert sender.sent == 1


def _registration(store: MemoryStore, online: OnlineMode) -> Registration:
    nothing = cast(Any, None)
    return Registration(nothing, b"", nothing, store, EventHub(), online, SystemClock(), SeededEntropy(b"x"))


async def test_a_damaged_row_is_no_registration() -> None:
    store = MemoryStore()
    await store.put("registration", "current", {"at": "yesterday"})
    registration = _registration(store, OnlineMode(True))
    await registration.start()
    assert registration.registered is None
    await registration.daily.stop()


@pytest.mark.requirement("TIP1-A_6025")
async def test_a_blocked_box_says_that_it_is_blocked() -> None:
    online = OnlineMode(True)
    registration = _registration(MemoryStore(), online)
    registration.registered = Registered(SystemClock().now(), "1", "", b"", ContractStatus.TI)
    online.block(True)
    with pytest.raises(NotRegistered, match="firmware") as refused:
        await registration.send_data()
    assert refused.value.code == 4002
