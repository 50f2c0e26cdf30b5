"""PIN entry in every policy (SICCT V1.3.0, 5.19, 5.20; gemSpec_KT V3.17.0, 3.7.5, 3.7.6, 3.8)."""

import asyncio
import logging

import pytest

from tests.integration.terminal.fakecards import FakeCard, FakeSmkt
from tests.integration.terminal.rooms import OWNER, Room, asked, until
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu
from tiaas.card.commands import verify_template
from tiaas.terminal import errors as err
from tiaas.terminal.front import UnitEvent
from tiaas.terminal.personwaits import PersonWaits
from tiaas.terminal.session import NewPinPrompts, PinPrompts, TerminalSession
from tiaas.terminal.sicct.text import DisplayText
from tiaas.terminal.virtual.terminal import PinMode, PinPolicy, PinPurpose, VirtualTerminal

PROMPTS = PinPrompts(
    "Eingabe \x0bFreigabe-PIN \x0bHBA\x0fPIN.HBA:",
    "PIN \x0berfolgreich \x0bverifiziert!",
    "PIN \x0bfalsch \x0boder \x0bgesperrt!",
)
NEW_PROMPTS = NewPinPrompts(
    "Eingabe \x0balte PIN\x0fPIN.HBA:",
    "PIN \x0berfolgreich \x0bgeändert!",
    "PIN \x0bfalsch \x0boder \x0bgesperrt!",
    "Eingabe \x0bneue \x0bPIN\x0fPIN.neu:",
    "Eingabe \x0bwiederholen!\x0fPIN.neu:",
    "PINs \x0bnicht \x0bidentisch! \x0bAbbruch!",
)
VERIFY = verify_template(0x01)
CHANGE = CommandApdu(0x00, 0x24, 0x00, 0x01, b"\xff" * 16)
RESET = CommandApdu(0x00, 0x2C, 0x00, 0x01, b"\xff" * 16)
ENCIPHER = CommandApdu(0x00, 0x2A, 0x86, 0x80, b"\xff" * 8, 256)


async def ready(room: Room, mode: PinMode = PinMode.AUTO, **policy: Secret) -> tuple[VirtualTerminal, TerminalSession]:
    terminal, session = await room.working(cards=[FakeCard()])
    await session.activate(1)
    terminal.pin_policy = PinPolicy(mode, **policy)
    return terminal, session


def card_of(terminal: VirtualTerminal) -> FakeCard:
    card = terminal.card_in(1)
    assert isinstance(card, FakeCard)
    return card


async def test_auto_types_the_pin_in_force(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tiaas")
    terminal, session = await ready(room)
    answer = await session.perform_verification(1, VERIFY, PROMPTS)
    assert answer.ok
    assert card_of(terminal).verified
    assert room.holder.asked == [(0x01, PinPurpose.CURRENT)]
    assert terminal.snapshot().display == "PIN erfolgreich verifiziert!"
    codes = [event.value[2] for event in room.heard.events if isinstance(event, UnitEvent) and event.tag == 0x87]
    assert codes == [0x2B] * 6 + [0x0D]
    shown = "".join(terminal.snapshot().history) + caplog.text + repr(terminal.snapshot())
    assert "123456" not in shown


async def test_wrong_counts_down_and_blocks(room: Room) -> None:
    terminal, session = await ready(room, PinMode.WRONG)
    words = [(await session.perform_verification(1, VERIFY, PROMPTS)).sw for _ in range(4)]
    assert words == [0x63C2, 0x63C1, 0x63C0, 0x6983]
    assert terminal.snapshot().display == "PIN falsch oder gesperrt!"


async def test_cancel(room: Room) -> None:
    terminal, session = await ready(room, PinMode.CANCEL)
    with pytest.raises(err.PinEntryCancelled) as cancelled:
        await session.perform_verification(1, VERIFY, PROMPTS)
    assert cancelled.value.sw == 0x6401
    assert card_of(terminal).commands == []


async def test_timeout(room: Room) -> None:
    terminal, session = await ready(room, PinMode.TIMEOUT)
    with pytest.raises(err.PinEntryTimeout):
        await session.perform_verification(1, VERIFY, PROMPTS, first_key=1)
    assert card_of(terminal).tries == 3


async def test_timeout_between_keys(room: Room) -> None:
    terminal, session = await ready(room, PinMode.MANUAL)
    waiting = asyncio.create_task(session.perform_verification(1, VERIFY, PROMPTS, next_key=1))
    await asked(terminal)
    terminal.press("1")
    with pytest.raises(err.PinEntryTimeout):
        await waiting


async def test_keys_count_as_soon_as_the_prompt_is_seen(room: Room) -> None:
    """Who looks at the display and types at once is as fast as a program can be."""
    terminal, session = await ready(room, PinMode.MANUAL)

    def typed(text: DisplayText) -> None:
        for key in ("1", "2", "3", "4", "5", "6", "ok") if text.prompt else ():
            terminal.press(key)

    terminal.machine.display.on_show = typed
    assert (await session.perform_verification(1, VERIFY, PROMPTS, first_key=2)).ok


async def test_manual(room: Room) -> None:
    terminal, session = await ready(room, PinMode.MANUAL)
    waiting = asyncio.create_task(session.perform_verification(1, VERIFY, PROMPTS))
    await asked(terminal)
    assert terminal.snapshot().prompt == "PIN.HBA:"
    for key in ("1", "2", "ok", "9", "clear", "3", "4", "5", "6"):  # OK is not taken with two digits
        terminal.press(key)
    await until(lambda: terminal.snapshot().entry == "******")
    terminal.press("ok")
    assert (await waiting).ok
    assert terminal.snapshot().entry == ""
    with pytest.raises(InvalidInput):
        terminal.press("enter")


async def test_who_stops_waits_for_nobody_and_the_display_goes_with_the_connection(room: Room) -> None:
    terminal, session = await ready(room, PinMode.MANUAL)
    persons = PersonWaits()
    session = TerminalSession(room.front, OWNER, terminal.config.name, persons=persons)
    waiting = asyncio.create_task(session.perform_verification(1, VERIFY, PROMPTS))
    await until(lambda: terminal.snapshot().prompt == "PIN.HBA:")
    assert persons.end() == 1
    with pytest.raises(err.DialogueEnded):
        await waiting
    with pytest.raises(err.DialogueEnded):
        await session.request(2, "Bitte Karte", 5)
    assert len(await session.slot_states()) == 4  # what asks nobody goes on
    await room.front.disconnect(OWNER, terminal.config.name)
    await until(lambda: terminal.snapshot().prompt == "")


async def test_a_caller_that_is_cancelled_meanwhile_stays_cancelled(room: Room) -> None:
    terminal, _ = await ready(room, PinMode.MANUAL)
    persons = PersonWaits()
    session = TerminalSession(room.front, OWNER, terminal.config.name, persons=persons)
    waiting = asyncio.create_task(session.perform_verification(1, VERIFY, PROMPTS))
    await until(lambda: terminal.snapshot().prompt == "PIN.HBA:")
    waiting.cancel()
    persons.end()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_display_and_keypad_are_busy_meanwhile(room: Room) -> None:
    terminal, session = await ready(room, PinMode.MANUAL)
    terminal.insert(2, FakeCard())
    await session.activate(2)
    waiting = asyncio.create_task(session.perform_verification(1, VERIFY, PROMPTS))
    await asked(terminal)
    with pytest.raises(err.TerminalBusy):
        await session.show("stör nicht")
    with pytest.raises(err.TerminalBusy):
        await session.perform_verification(2, VERIFY, PROMPTS)
    assert len(await session.slot_states()) == 4  # GET STATUS is always answered
    assert (await session.card(2).transmit(CommandApdu(0, 0xB0, 0, 0, ne=256))).ok
    terminal.press("cancel")
    with pytest.raises(err.PinEntryCancelled):
        await waiting
    await session.show("frei")


async def test_card_pulled_during_the_entry(room: Room) -> None:
    terminal, session = await ready(room, PinMode.MANUAL)
    waiting = asyncio.create_task(session.perform_verification(1, VERIFY, PROMPTS))
    await asked(terminal)
    terminal.eject(1)
    with pytest.raises(err.SlotEmpty):
        await waiting


async def test_no_card_and_no_power(room: Room) -> None:
    _, session = await room.working(cards=[FakeCard()])
    with pytest.raises(err.CardInactive):
        await session.perform_verification(1, VERIFY, PROMPTS)
    with pytest.raises(err.SlotEmpty):
        await session.perform_verification(2, VERIFY, PROMPTS)


async def test_change_types_old_and_twice_new(room: Room) -> None:
    terminal, session = await ready(room, new_pin=Secret(b"24680135"))
    answer = await session.modify_verification_data(1, CHANGE, NEW_PROMPTS, minimum_new=6)
    assert answer.ok
    assert card_of(terminal).pin == b"24680135"
    assert room.holder.changed == [(0x01, Secret(b"24680135"))]
    assert (await session.perform_verification(1, VERIFY, PROMPTS)).ok


async def test_change_with_wrong_old_pin_changes_nothing(room: Room) -> None:
    terminal, session = await ready(room, PinMode.WRONG, new_pin=Secret(b"24680135"))
    assert (await session.modify_verification_data(1, CHANGE, NEW_PROMPTS)).sw == 0x63C2
    assert card_of(terminal).pin == b"123456"
    assert room.holder.changed == []


async def test_new_pins_differ(room: Room) -> None:
    terminal, session = await ready(room, PinMode.MANUAL)
    waiting = asyncio.create_task(session.modify_verification_data(1, CHANGE, NEW_PROMPTS))
    for text, digits in zip(("alte PIN", "neue PIN", "wiederholen!"), ("123456", "111111", "222222"), strict=True):
        await asked(terminal, f"Eingabe {text}")
        for digit in digits:
            terminal.press(digit)
        terminal.press("ok")
    with pytest.raises(err.NewPinsDiffer):
        await waiting
    assert terminal.snapshot().display == "PINs nicht identisch! Abbruch!"
    assert card_of(terminal).commands == []


async def test_new_pin_shorter_than_the_minimum_is_not_taken(room: Room) -> None:
    _, session = await ready(room, new_pin=Secret(b"1234"))
    with pytest.raises(err.PinEntryTimeout):
        await session.modify_verification_data(1, CHANGE, NEW_PROMPTS, minimum_new=6, next_key=1)


async def test_new_pin_that_nobody_knows_times_out(room: Room) -> None:
    _, session = await ready(room)
    with pytest.raises(err.PinEntryTimeout):
        await session.modify_verification_data(1, CHANGE, NEW_PROMPTS, first_key=1)


async def test_reset_retry_counter_asks_for_the_puk(room: Room) -> None:
    terminal, session = await ready(room, new_pin=Secret(b"24680135"))
    await session.modify_verification_data(1, RESET, NEW_PROMPTS)
    assert room.holder.asked == [(0x01, PinPurpose.PUK)]
    assert card_of(terminal).commands[-1].hex() == "002c0001102887654321ffffff2824680135ffffff"


async def test_null_pin_skips_the_first_entry(room: Room) -> None:
    terminal, session = await ready(room, new_pin=Secret(b"24680135"))
    template = CommandApdu(0x00, 0x24, 0x00, 0x01, bytes.fromhex("26123456FFFFFFFF") + b"\xff" * 8)
    assert (await session.modify_verification_data(1, template, NEW_PROMPTS, skip_old=True)).ok
    assert card_of(terminal).pin == b"24680135"
    assert room.holder.asked == []


async def test_remote_pin_brings_the_cryptogram_back(room: Room) -> None:
    """A_22871: PSO ENCIPHER at the gSMC-KT, with Le."""
    terminal, session = await room.working()
    await session.activate(4)
    terminal.pin_policy = PinPolicy(PinMode.MANUAL)
    waiting = asyncio.create_task(session.perform_verification(4, ENCIPHER, PROMPTS))
    await asked(terminal)
    for key in ("1", "2", "3", "4", "ok"):
        terminal.press(key)
    answer = await waiting
    assert answer.ok
    assert answer.data == b"\x01" + bytes(16)
    smkt = terminal.card_in(4)
    assert isinstance(smkt, FakeSmkt)
    assert smkt.commands[-1].hex() == "002a868008241234ffffffffff00"


@pytest.mark.parametrize("template", [ENCIPHER, VERIFY], ids=["encipher", "verify"])
async def test_fixed_length_ignores_more_digits(room: Room, template: CommandApdu) -> None:
    terminal, session = await ready(room, PinMode.MANUAL)
    waiting = asyncio.create_task(session.perform_verification(1, template, PROMPTS, pin_length=6))
    await asked(terminal)
    for key in ("1", "2", "3", "4", "5", "ok", "6", "7", "8", "ok"):
        terminal.press(key)
    assert (await waiting).ok
    assert card_of(terminal).commands[-1][5:13].hex() == "26123456ffffffff"


@pytest.mark.parametrize(
    "template",
    [
        CommandApdu(0x00, 0xB0, 0x00, 0x00, b"\xff" * 8),
        CommandApdu(0x00, 0x2A, 0x9E, 0x9A, b"\xff" * 8),
        CommandApdu(0x00, 0x20, 0x00, 0x01, b"\xff" * 4),
    ],
    ids=["read", "sign", "no-room"],
)
async def test_other_card_commands_are_refused(room: Room, template: CommandApdu) -> None:
    terminal, session = await ready(room)
    assert (await session.perform_verification(1, template, PROMPTS)).sw == 0x6A80
    assert card_of(terminal).commands == []
