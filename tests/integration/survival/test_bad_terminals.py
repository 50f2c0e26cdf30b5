"""Terminals that go, come back, are slow, or lie: the Konnektor answers in time, and its other terminals work on.

The lies are told by somebody between the Konnektor and a terminal that is in order; so what is wrong is on the wire.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.konnektor_core.surgery import CT, context
from tests.integration.survival.between import Impatient, Street, message, whole
from tests.integration.terminal.fakecards import Slow
from tiaas.interfaces.card_service_v8_1 import PinStatus, VerifyPin
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.terminallist import Correlation
from tiaas.terminal.channel import EVENTS_MAX
from tiaas.terminal.embedded import FrontSettings
from tiaas.terminal.sicct.connection import MAX_RESPONSE
from tiaas.terminal.sicct.envelope import Envelope, MessageType
from tiaas.terminal.virtual.config import PinMode, PinPolicy
from tiaas.terminal.virtual.mishaps import Mishaps

LOST = {4044, 4060, 4093, 4094}
"""TUC_KON_200, TUC_KON_051: terminal or card did not do it; 4093 while somebody else still waits for the card."""
UNUSABLE = {105, 107, 113, 114, 3001, 3011, 3041, 4001, 4008, 4048, 4056, 4057, 4085, 4192}
"""What a card's nonsense may amount to."""


@pytest.fixture
async def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Street]:
    monkeypatch.setattr("tiaas.konnektor.terminals.TerminalSession", Impatient)
    street = Street(tmp_path)
    await street.open()
    yield street
    await street.close()


async def lost(call: Awaitable[object]) -> int:
    """The code with which a call ended."""
    with pytest.raises(KonnektorError) as error:
        async with asyncio.timeout(30):
            await call
    assert error.value.code in LOST
    return error.value.code


# ---- gone and back ---------------------------------------------------------------------------------------------------


async def read_status(street: Street) -> None:
    await street.pin_status()


async def enter_pin(street: Street) -> None:
    handle = street.handle(CardType.HBA)
    await street.call(VerifyPin(context=context(user="U1"), card_handle=handle, pin_typ="PIN.CH"))


async def read_vsd(street: Street) -> None:
    await street.read()


@pytest.mark.event("CT/CONNECTED", "CT/DISCONNECTED")
@pytest.mark.parametrize("work", [read_status, enter_pin, read_vsd])
@pytest.mark.requirement("TIP1-A_4537")
@pytest.mark.pitfall(23)
async def test_gone_in_the_middle_of_a_command_and_back(
    street: Street, work: Callable[[Street], Coroutine[Any, Any, None]]
) -> None:
    await street.unlock()
    before = {card.handle for card in street.core.cards if card.ct_id == CT}
    tries = [state.retry_counter for card in street.cards for state in card.image.passwords.values()]
    street.terminal.pin_policy = PinPolicy(PinMode.MANUAL)
    if work is not enter_pin:
        street.terminal.mishaps = Slow(0.2)
    street.events.clear()
    working = asyncio.create_task(work(street))
    if work is enter_pin:
        await street.until(lambda: bool(street.terminal.snapshot().prompt))
    else:
        await asyncio.sleep(0.1)
    await street.terminal.pull_plug()
    street.between.drop()
    assert await lost(working) in (4044, 4094)
    await street.until(lambda: Topic.CT_DISCONNECTED in street.topics())
    assert street.topics().count(Topic.CARD_REMOVED) == 4
    assert [card for card in street.core.cards if card.ct_id == CT] == []
    with pytest.raises(KonnektorError) as unusable:
        async with street.core.terminals.pinpad(CT):
            pass
    assert unusable.value.code == 4222
    await street.neighbour_works()
    street.terminal.mishaps = Mishaps()
    await street.terminal.plug_in()
    await street.usable()
    assert Topic.CT_CONNECTED in street.topics()
    assert street.topics().count(Topic.CARD_INSERTED) == 4
    assert not before & {card.handle for card in street.core.cards}
    # The SMC-B has to be unlocked again, and nothing was counted against anybody.
    assert [state.retry_counter for card in street.cards for state in card.image.passwords.values()] == tries
    assert (await street.pin_status(CardType.SMC_B)).pin_status is PinStatus.VERIFIABLE  # type: ignore[attr-defined]
    with pytest.raises(KonnektorError) as locked:
        await street.read()
    assert locked.value.code == 3041
    street.terminal.pin_policy = PinPolicy(PinMode.AUTO)
    await street.unlock()
    await street.read()


# ---- lies, and who hears them: one street for all, each lie leaves it as it was --------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quarter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tiaas.konnektor.terminals.TerminalSession", Impatient)
        patch.setattr("tiaas.konnektor.terminaladmission.RETRY_SECONDS", 0.2)
        street = Street(tmp_path_factory.mktemp("quarter"))
        await street.open()
        yield street
        await street.close()


# ---- slow ------------------------------------------------------------------------------------------------------------


async def test_slow_but_in_time(street: Street) -> None:
    await street.unlock()
    street.terminal.mishaps = Slow(0.2)
    await street.read()
    assert (await street.pin_status()).pin_status is PinStatus.VERIFIABLE  # type: ignore[attr-defined]


async def test_slower_than_anybody_waits(street: Street) -> None:
    """Each call ends with its code in its time, and once the terminal is quick again everything is as before."""
    await street.unlock()
    egk, smcb, hba = (street.handle(kind) for kind in (CardType.EGK, CardType.SMC_B, CardType.HBA))
    street.terminal.mishaps = Slow(2.0)
    for call in (street.read, street.read):
        await lost(call(egk, smcb))
    await lost(street.pin_status(handle=hba))
    await street.neighbour_works(10)
    street.terminal.mishaps = Mishaps()
    await asyncio.sleep(2.2)  # the late answers come, and go nowhere
    await street.usable()
    for _ in range(3):
        await street.read()
    assert street.handle(CardType.EGK) == egk


# ---- keep-alive ------------------------------------------------------------------------------------------------------


class Watchful(Street):
    """Keep-alive every second instead of every ten."""

    settings = FrontSettings(redial_first=0.1, redial_most=0.2, keep_alive_interval=1, keep_alive_tries=3)


@pytest.mark.requirement("TIP1-A_4536")
async def test_a_terminal_that_falls_silent_is_missed_and_found_again(tmp_path: Path) -> None:
    """The line is dead, but nobody closed it."""
    street = Watchful(tmp_path)
    await street.open()
    try:
        street.events.clear()
        street.between.is_deaf = True
        async with asyncio.timeout(60):
            while Topic.CT_DISCONNECTED not in street.topics():
                await street.neighbour_works()
                await asyncio.sleep(0.05)
        assert street.topics().count(Topic.CARD_REMOVED) == 4
        street.between.drop()
        street.between.is_deaf = False
        await street.usable()
        assert street.topics().count(Topic.CT_CONNECTED) == 1
        await street.unlock()
        await street.read()
    finally:
        await street.close()


# ---- lies ------------------------------------------------------------------------------------------------------------

Lie = Callable[[Street], Coroutine[Any, Any, None]]
_CHANCE = random.Random(4711)


def _answers(street: Street, change: Callable[[Envelope, bytes], list[bytes]]) -> None:
    """Changes answers, leaves events."""
    street.between.mangle = lambda head, body: (
        change(head, body) if head.kind == MessageType.RESPONSE else whole(head, body)
    )


async def wrong_sequence(street: Street) -> None:
    _answers(street, lambda head, body: [message(head.kind, head.unit, (head.sequence + 7) % 0xFD00, body)])


async def other_slot(street: Street) -> None:
    _answers(street, lambda head, body: [message(head.kind, (head.unit + 1) % 5, head.sequence, body)])


async def other_type(street: Street) -> None:
    _answers(street, lambda head, body: [message(0x99, head.unit, head.sequence, body)])


async def twice(street: Street) -> None:
    _answers(street, lambda head, body: whole(head, body) * 2)


async def garbage(street: Street) -> None:
    _answers(
        street,
        lambda head, body: whole(Envelope(head.kind, head.unit, head.sequence, 40), _CHANCE.randbytes(40)),
    )


async def nothing(street: Street) -> None:
    _answers(street, lambda head, body: whole(Envelope(head.kind, head.unit, head.sequence, 0), b""))


async def zeros_at_length(street: Street) -> None:
    size = MAX_RESPONSE
    _answers(
        street,
        lambda head, body: whole(Envelope(head.kind, head.unit, head.sequence, size), bytes(size - 2) + b"\x90\x00"),
    )


async def oversize(street: Street) -> None:
    _answers(street, lambda head, body: [Envelope(head.kind, head.unit, head.sequence, 0xFFFFFFFF).encode() + body])


async def cut_off(street: Street) -> None:
    _answers(street, lambda head, body: [(head.encode() + body)[:-1]])


async def more_to_come(street: Street) -> None:
    """61xx without end, where a reader asks for the rest."""
    _answers(street, lambda head, body: [message(head.kind, head.unit, head.sequence, b"\x61\x10")])


async def wrong_length(street: Street) -> None:
    """6Cxx without end, where a reader asks again."""
    _answers(street, lambda head, body: [message(head.kind, head.unit, head.sequence, b"\x6c\x10")])


async def always_fine(street: Street) -> None:
    _answers(street, lambda head, body: [message(head.kind, head.unit, head.sequence, b"\x90\x00")])


async def two_hundred_slots(street: Street) -> None:
    status = b"\x80\x81\xc8" + b"\x15" * 200 + b"\x90\x00"
    _answers(
        street,
        lambda head, body: [message(head.kind, 0, head.sequence, status)] if head.unit == 0 else whole(head, body),
    )


async def no_slots(street: Street) -> None:
    _answers(
        street,
        lambda head, body: (
            [message(head.kind, 0, head.sequence, b"\x80\x00\x90\x00")] if head.unit == 0 else whole(head, body)
        ),
    )


async def slots_that_are_not_there(street: Street) -> None:
    for number, slot in enumerate((0, 5, 99, 0xFFFF) * 10):
        await street.between.say(event(0x84 + number % 2, slot, number))


async def a_flood_of_events(street: Street) -> None:
    for number in range(20 * EVENTS_MAX):
        await street.between.say(event(0x84 + number % 2, 1 + number % 4, number))


async def a_flood_of_answers(street: Street) -> None:
    for number in range(2000):
        await street.between.say(message(MessageType.RESPONSE, number % 5, number % 0xFD00, b"\x90\x00"))


async def cards_that_never_rest(street: Street) -> None:
    """Just as many events as are no flood."""
    for number in range(EVENTS_MAX // 2):
        await street.between.say(event(0x85 - number % 2, 2, number))
        await asyncio.sleep(0.001)


def event(tag: int, unit: int, number: int = 0) -> bytes:
    """An event message about a unit."""
    return message(MessageType.EVENT, 0, 0xFD00 + number % 0x300, bytes([tag, 2]) + unit.to_bytes(2, "big"))


LIES: tuple[Lie, ...] = (
    wrong_sequence, other_slot, other_type, twice, garbage, nothing, zeros_at_length, oversize, cut_off, more_to_come,
    wrong_length, always_fine, two_hundred_slots, no_slots, slots_that_are_not_there, a_flood_of_events,
    a_flood_of_answers, cards_that_never_rest,
)  # fmt: skip


def resident() -> int:
    """Octets of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_a_lying_terminal_harms_itself_only(quarter: Street, lie: Lie) -> None:
    street = quarter
    await street.unlock()
    tasks, memory, heard = len(asyncio.all_tasks()), resident(), len(street.events)
    egk, smcb, hba = (street.handle(kind) for kind in (CardType.EGK, CardType.SMC_B, CardType.HBA))
    lying = asyncio.create_task(lie(street))
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: street.read(egk, smcb),
        lambda: street.pin_status(handle=hba),
        lambda: street.pin_status(CardType.SMC_B, smcb),
    ]
    codes = {await code_of(call()) for call in calls}
    assert codes <= LOST | UNUSABLE | {0}
    await street.neighbour_works(20)
    await lying
    assert len(asyncio.all_tasks()) <= tasks + 20
    assert resident() - memory < 64 * 1024 * 1024
    assert len(street.events) - heard < 4 * EVENTS_MAX
    await street.neighbour_works(20)
    await is_as_it_was(street)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("lie", LIES[:14], ids=lambda lie: lie.__name__)
async def test_a_terminal_that_lies_from_the_first_answer_on(quarter: Street, lie: Lie) -> None:
    street = quarter
    tasks, connections = len(asyncio.all_tasks()), street.between.connections
    await lie(street)
    street.events.clear()
    street.between.drop()
    await street.until(lambda: street.between.connections > connections)
    for _ in range(10):
        await street.neighbour_works()
        await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks()) <= tasks + 20
    assert street.between.connections - connections < 20, "it is dialled with pauses"
    await is_as_it_was(street)


async def code_of(call: Awaitable[object]) -> int:
    """The code with which a call ended, 0 for success."""
    try:
        async with asyncio.timeout(30):
            await call
    except KonnektorError as error:
        return error.code
    return 0


async def is_as_it_was(street: Street) -> None:
    """It tells the truth again: after a new connection everything works, after 4029 once it is paired anew."""
    street.between.mangle = whole
    entry = street.core.terminals.entry(CT)
    generation, was_connected = entry.generation, entry.connected
    street.between.drop()
    await street.until(
        lambda: (
            entry.generation > generation
            or entry.config.correlation is Correlation.GEPAIRT
            or (entry.connected and not was_connected)
        )
    )
    if entry.config.correlation is Correlation.GEPAIRT:
        street.terminal.state.blocks.clear()
        await street.core.terminals.pair(CT, street.confirm, 5)
    await street.usable()
    await street.unlock()
    await street.read()
    assert all(card.card_type is not CardType.UNKNOWN for card in street.core.cards)
