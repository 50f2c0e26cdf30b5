"""Requests to the person at the terminal, sessions, product information (SICCT V1.3.0, 5.10–5.18)."""

import asyncio

import pytest

from tests.integration.terminal.fakecards import FakeCard
from tests.integration.terminal.rooms import Room, asked
from tiaas.base.secret import Secret
from tiaas.terminal import errors as err
from tiaas.terminal.session import Ejected, RequestedCard
from tiaas.terminal.virtual.terminal import PinMode, PinPolicy


async def test_product(room: Room) -> None:
    terminal = await room.terminal("kt")
    session = await room.session(terminal)
    product = await session.product()
    assert (product.manufacturer, product.product_type, product.model) == ("DETIA", "KT", "TIAASVKT")
    assert (product.product_type_version, product.firmware_version) == ("1.7.1", "1.0.0")
    assert product.vendor_text == "TEST-ONLY"


async def test_session_opens_once_and_switches_cards_off(room: Room) -> None:
    terminal, session = await room.working(cards=[FakeCard()])
    await session.activate(1)
    with pytest.raises(err.SessionRefused) as refused:
        await session.init()
    assert refused.value.sw == 0x6900
    with pytest.raises(err.TerminalRefused) as wrong:
        await session.close("0")
    assert wrong.value.sw == 0x6403
    terminal.machine.client.role = None  # type: ignore[union-attr]
    await session.init()
    assert terminal.snapshot().slots == ("inserted", "empty", "empty", "inserted")


@pytest.mark.parametrize(
    ("user", "password", "fine"),
    [("", b"", True), ("user", b"user", True), ("admin", b"admin", True), ("admin", b"user", False)],
)
async def test_accounts(room: Room, user: str, password: bytes, fine: bool) -> None:
    terminal = await room.terminal("kt")
    session = await room.session(terminal)
    await session.close(terminal.machine.client.session_id)  # type: ignore[union-attr]
    if fine:
        assert await session.init(user, Secret(password))
    else:
        with pytest.raises(err.SessionRefused) as refused:
            await session.init(user, Secret(password))
        assert refused.value.sw == 0x6400


async def test_request_waits_for_the_card(room: Room) -> None:
    terminal, session = await room.working()
    card = FakeCard()
    waiting = asyncio.create_task(session.request(2, "Bitte \x0beGK \x0bin \x0bSLOT 2 \x0bstecken", 5))
    await asked(terminal, "Bitte eGK in SLOT 2 stecken")
    terminal.insert(2, card)
    assert await waiting == RequestedCard(card.atr, already_active=False)
    assert await session.request(2, "noch einmal", 5) == RequestedCard(card.atr, already_active=True)
    assert card.resets == 1


async def test_request_in_vain(room: Room) -> None:
    terminal, session = await room.working()
    assert await session.request(1, "Bitte Karte", 1) is None
    waiting = asyncio.create_task(session.request(1, "Bitte Karte", 5))
    await asked(terminal)
    terminal.press("5")
    terminal.press("ok")
    terminal.press("cancel")
    with pytest.raises(err.PinEntryCancelled):
        await waiting


async def test_cancel_counts_as_soon_as_the_text_is_seen(room: Room) -> None:
    terminal, session = await room.working()
    terminal.machine.display.on_show = lambda text: terminal.press("cancel") if text.message == "Bitte Karte" else None
    with pytest.raises(err.PinEntryCancelled):
        await session.request(1, "Bitte Karte", 2)


async def test_eject(room: Room) -> None:
    terminal, session = await room.working(cards=[FakeCard()])
    await session.activate(1)
    assert await session.eject(1, "Bitte Karte entnehmen", 1) is Ejected.NOT_REMOVED
    assert terminal.snapshot().slots[0] == "inserted"
    waiting = asyncio.create_task(session.eject(1, "Bitte Karte entnehmen", 5))
    await asyncio.sleep(0.1)
    terminal.eject(1)
    assert await waiting is Ejected.REMOVED
    assert await session.eject(1, None, 1) is Ejected.REMOVED  # an empty slot is no error


async def test_deactivate_and_reset(room: Room) -> None:
    card = FakeCard()
    terminal, session = await room.working(cards=[card])
    assert await session.reset(1) == card.atr
    assert terminal.snapshot().slots[0] == "active"
    await session.deactivate(1)
    assert terminal.snapshot().slots[0] == "inserted"
    with pytest.raises(err.SlotEmpty):
        await session.reset(2)


async def test_show_clear_confirm(room: Room) -> None:
    terminal, session = await room.working()
    await session.show("Grüße aus Köln")
    assert terminal.snapshot().display == "Grüße aus Köln"
    await session.clear()
    assert terminal.snapshot().display == terminal.snapshot().idle_text
    await session.confirm("Weiter?", 1)
    terminal.pin_policy = PinPolicy(PinMode.CANCEL)
    with pytest.raises(err.PinEntryCancelled):
        await session.confirm("Weiter?", 1)
    terminal.pin_policy = PinPolicy(PinMode.TIMEOUT)
    with pytest.raises(err.PinEntryTimeout):
        await session.confirm("Weiter?", 1)


async def test_text_of_more_than_48_characters_is_refused(room: Room) -> None:
    _, session = await room.working()
    await session.show("\x0b".join("x" * 16 for _ in range(3)))
    with pytest.raises(err.TerminalRefused) as refused:
        await session.show("x" * 49)
    assert refused.value.sw == 0x6A80
