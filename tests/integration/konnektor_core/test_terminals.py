"""Terminals that flood, that are not `aktiv`, and that stay connected while their owner changes."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.konnektor_core.surgery import CLOCK, CT, ENTROPY, Surgery, context
from tiaas.card.link import CardLink
from tiaas.card.virtual.card import VirtualCard
from tiaas.interfaces.card_service_v8_1 import GetPinStatus, PinStatus, VerifyPin
from tiaas.konnektor import slots
from tiaas.konnektor.cards import CardData
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.events import Topic
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.services import card as card_service
from tiaas.konnektor.services.context import build_context
from tiaas.konnektor.slotopening import open_slot
from tiaas.konnektor.terminallist import Correlation
from tiaas.konnektor.terminals import Terminals
from tiaas.terminal.front import UnitEvent
from tiaas.terminal.session import TerminalSession
from tiaas.terminal.sicct.events import EventTag, card_inserted, unit_removed


@pytest.fixture
async def surgery(tmp_path: Path) -> AsyncIterator[Surgery]:
    surgery = Surgery(tmp_path)
    await surgery.open()
    yield surgery
    await surgery.close()


async def test_a_flood_of_insertions_makes_one_task(surgery: Surgery) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(1000):
        surgery.core.terminals._on_event(UnitEvent(CT, EventTag.CARD_INSERTED, b"\x00\x01"))
    assert len(asyncio.all_tasks()) == before + 1
    await surgery.core.terminals.settled(CT)
    card = surgery.core.cards.at(CT, 1)
    assert card is not None
    assert card.card_type is CardType.SMC_B


async def test_a_slot_that_is_no_more_has_no_card(surgery: Surgery) -> None:
    """Event 83: an antenna is switched off with a card on it."""
    handle = surgery.find(CardType.EGK).handle
    surgery.terminal.machine.tell(unit_removed(2))
    await surgery.until(lambda: surgery.core.cards.find(handle) is None)
    surgery.terminal.machine.tell(unit_removed(2))
    surgery.terminal.machine.tell(card_inserted(2))
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is not None)
    assert [event.topic for event in surgery.events].count(Topic.CT_SLOT_FREE) == 1


@pytest.mark.parametrize("told", [(EventTag.CARD_INSERTED,), (EventTag.CARD_REMOVED, EventTag.CARD_INSERTED)])
async def test_a_new_card_waits_for_the_last_answer_of_the_one_before(
    surgery: Surgery, told: tuple[EventTag, ...]
) -> None:
    """A terminal refuses to activate a slot in which a command is under way; the card would be UNKNOWN."""
    before = surgery.core.cards.at(CT, 1)
    assert before is not None
    async with before.basic.turn:
        for tag in told:
            surgery.core.terminals._on_event(UnitEvent(CT, tag, b"\x00\x01"))
        await asyncio.sleep(0.1)
        assert surgery.core.cards.at(CT, 1) is None
    await surgery.core.terminals.settled(CT)
    now = surgery.core.cards.at(CT, 1)
    assert now is not None
    assert now.card_type is before.card_type


_GONE, _THERE = EventTag.CARD_REMOVED, EventTag.CARD_INSERTED


@pytest.mark.parametrize(
    ("first", "then"), [((_GONE, _THERE), (_GONE, _THERE)), ((_THERE,), (_GONE, _THERE)), ((_GONE, _THERE), (_GONE,))]
)
async def test_a_card_that_bounces_while_it_waits_is_opened_once(
    surgery: Surgery, first: tuple[EventTag, ...], then: tuple[EventTag, ...]
) -> None:
    before = surgery.core.cards.at(CT, 1)
    assert before is not None
    surgery.events.clear()
    async with before.basic.turn:
        for tags in (first, then):
            for tag in tags:
                surgery.core.terminals._on_event(UnitEvent(CT, tag, b"\x00\x01"))
            for _ in range(20):
                await asyncio.sleep(0)
    await surgery.core.terminals.settled(CT)
    is_there = then[-1] is _THERE
    assert [event.topic for event in surgery.events].count(Topic.CARD_INSERTED) == is_there
    assert (surgery.core.cards.at(CT, 1) is not None) == is_there


async def test_insertions_while_a_card_is_opened_open_it_once_more(
    surgery: Surgery, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def held(session: TerminalSession, slot: int, line: CardLink) -> CardData | None:
        begun.set()
        await go_on.wait()
        return await open_slot(session, slot, line)

    monkeypatch.setattr(slots, "open_slot", held)
    surgery.events.clear()
    inserted = UnitEvent(CT, EventTag.CARD_INSERTED, b"\x00\x01")
    surgery.core.terminals._on_event(inserted)
    await begun.wait()
    for _ in range(2):
        surgery.core.terminals._on_event(inserted)
    go_on.set()
    await surgery.core.terminals.settled(CT)
    assert surgery.topics().count(Topic.CARD_INSERTED) == 1
    assert surgery.core.terminals.entry(CT).opening == {}


async def test_cards_of_a_terminal_that_is_not_aktiv_stay_closed(surgery: Surgery) -> None:
    terminals = surgery.core.terminals
    await terminals.change(terminals.entry(CT), replace(terminals.entry(CT).config, correlation=Correlation.GEPAIRT))
    await surgery.shut()
    await surgery.boot()
    await surgery.until(lambda: surgery.core.terminals.entry(CT).connected)
    assert surgery.core.terminals.entry(CT).opening == {}
    assert list(surgery.core.cards) == []


async def test_work_cancelled_before_its_first_step_is_ended(surgery: Surgery) -> None:
    async def never() -> None:
        raise AssertionError

    work = never()
    task = surgery.core.terminals._spawn(work)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


async def take_over(surgery: Surgery) -> Terminals:
    """Another Konnektor claims the instance on the living front."""
    old = surgery.core
    owner = await surgery.store.take_over("one")
    surgery.core = build_context(
        infomodel=LiveInfoModel(surgery.model()),
        front=surgery.front,
        store=surgery.store.bind(owner),
        trust=old.trust.space,
        clock=CLOCK,
        entropy=ENTROPY,
        konnektor_name="konnektor",
    )
    surgery.events.clear()
    surgery.core.hub.subscribe(surgery.events.append)
    surgery.operations = list(card_service.operations(surgery.core))
    await surgery.core.terminals.start()
    await surgery.core.terminals.settled(CT, 4)
    await old.terminals.stop()
    return surgery.core.terminals


async def test_a_takeover_keeps_the_connection_and_trusts_no_raised_state(
    surgery: Surgery, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = VerifyPin(context=context(), card_handle=surgery.find(CardType.SMC_B).handle, pin_typ="PIN.SMC")
    await surgery.call(verify)
    link = surgery.front._instances["one"].links[CT]
    channel = link._channel
    resets: list[VirtualCard] = []
    monkeypatch.setattr(VirtualCard, "reset", resets.append)
    await take_over(surgery)
    assert link._channel is channel
    assert Topic.CT_TLS_ESTABLISHMENT_FAILURE not in surgery.topics()
    assert surgery.topics().count(Topic.CARD_INSERTED) == 4
    assert resets == []
    assert all(list(card._channels) == [0] and not card._channels[0].verified for card in surgery.cards)
    handle = surgery.find(CardType.SMC_B).handle
    status = await surgery.call(GetPinStatus(context=context(), card_handle=handle, pin_typ="PIN.SMC"))
    assert status.pin_status is PinStatus.VERIFIABLE


@pytest.mark.event("OPERATIONAL_STATE/EC_CardTerminal_Not_Available")
async def test_TAB_KON_503_an_active_terminal_that_is_away_is_not_available(surgery: Surgery) -> None:
    missing = f"OPERATIONAL_STATE/EC_CardTerminal_Not_Available({CT})"

    def values() -> list[str]:
        return [dict(event.parameters)["Value"] for event in surgery.events if event.topic == missing]

    def known() -> list[bool]:
        return [s.value for s in surgery.core.opstate if s.condition is Condition.CARD_TERMINAL_NOT_AVAILABLE]

    assert known() == [False]
    surgery.events.clear()
    await surgery.terminal.stop()
    await surgery.until(lambda: surgery.core.opstate.holds(Condition.CARD_TERMINAL_NOT_AVAILABLE, CT))
    (event,) = [event for event in surgery.events if event.topic == missing]
    assert dict(event.parameters)["CtID"] == CT
    await surgery.terminal.start("127.0.0.1", surgery.terminal.port)
    await surgery.core.terminals.settled(CT)
    assert values() == ["true", "false"]
    await surgery.terminal.stop()
    await surgery.until(lambda: surgery.core.opstate.holds(Condition.CARD_TERMINAL_NOT_AVAILABLE, CT))
    # One that is not to be used is not missed.
    entry = surgery.core.terminals.entry(CT)
    await surgery.core.terminals.change(entry, replace(entry.config, correlation=Correlation.GEPAIRT))
    assert values() == ["true", "false", "true", "false"]
    await surgery.core.terminals.change(entry, replace(entry.config, correlation=Correlation.AKTIV))
    surgery.core.terminals.judge()
    await surgery.core.terminals.remove(CT)
    assert values() == ["true", "false"] * 3
    assert known() == []


@pytest.mark.requirement("TIP1-A_4525")
async def test_a_terminal_that_stayed_away_is_known_at_the_end_of_the_boot(surgery: Surgery) -> None:
    await surgery.shut()
    await surgery.terminal.stop()
    await surgery.boot()
    surgery.core.terminals.judge()
    assert surgery.core.opstate.holds(Condition.CARD_TERMINAL_NOT_AVAILABLE, CT)
