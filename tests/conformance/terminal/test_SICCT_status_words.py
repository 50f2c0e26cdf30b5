"""Status words of wrong commands and of the cards' states (SICCT V1.3.0, 5.4.1, 5.4.2 and the tables of 5.10–5.25;
gemSpec_KT V3.17.0, CMD_KT_0001, CMD_KT_0003).
"""

import asyncio

import pytest

from tests.conformance.terminal.machines import SECRET, Bench, with_data
from tiaas.terminal.virtual.admission import ClientState, SessionRole
from tiaas.terminal.virtual.config import PinMode, PinPolicy
from tiaas.terminal.virtual.firmware import FirmwareImage

PERFORM = "520F0206" + "00200001" + "08" + "FF" * 8


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("80", "6700"),  # no APDU
        ("80130080", "6C00"),  # GET STATUS without Le
        ("8013009900", "6A00"),  # no such object
        ("8013058000", "6A00"),  # no such slot
        ("8013014600", "6A00"),  # not of a slot
        (with_data("80130080", "4600", "00"), "6A80"),  # tag in P2 and an object
        (with_data("801300FF", "4600", "00"), None),
        (with_data("801300FF", "84020000", "00"), "6A80"),  # P1 is direct
        ("801300FF00", "6A88"),
        (with_data("8013FF80", "84020001", "00"), "8001039000"),
        (with_data("8013FF80", "A200", "00"), "6A80"),
        (with_data("8013FF80", "840100", "00"), "6A80"),
        (with_data("8013FF80", "8402000184020001", "00"), "6A89"),
        ("80174000", "6A88"),  # OUTPUT without text
        (with_data("80174000", "500141"), "9000"),
        (with_data("80174000", "500141", "00"), "6C00"),
        (with_data("80174002", "500141"), "6A00"),
        (with_data("80174100", "500141"), "6A00"),
        (with_data("80175000", "500141"), "6A00"),
        (with_data("80174000", "500141500141"), "6A89"),
        (with_data("80174000", "500141A0068501000401" + "42"), "6A80"),  # both forms of text
        (with_data("80174000", "A006850130" + "040141"), "6942"),
        (with_data("80174000", "690613001300" + "1300"), "6A80"),
        (with_data("80174000", "5005"), "6A80"),  # cut off
        ("80174001", "9000"),  # idle message
        ("8012030100", "64A1"),  # REQUEST ICC, empty slot, no wait
        (with_data("801203F1", "800101", "00"), "6200"),
        ("8012020100", None),
        ("8012050100", "6A00"),
        ("8012000100", "6A00"),
        ("8012013100", "6A00"),
        ("8012010300", "6A00"),
        ("801503F2", "9001"),  # EJECT ICC, empty slot
        ("801502F2", "9000"),
        ("801502F0", "6200"),  # no time to take the card
        ("801502F1", "6A00"),
        ("8015020000", "6C00"),
        ("8011010100", None),
        ("8011030100", "64A1"),
        ("8011018100", "64A2"),  # warm reset of a card without power
        ("8011012000", "6A88"),  # PPS by an object that is missing
        ("8011013100", "6A00"),
        ("8011000300", "6A00"),
        (with_data("80110000", "530100"), "6A80"),
        ("8011000100", None),
        (with_data("801802D0", PERFORM, "20"), "6C00"),
        (with_data("801802E0", PERFORM), "6A00"),
        (with_data("801801D0", PERFORM), "64A2"),
        (with_data("801803D0", PERFORM), "64A1"),
        (with_data("801802D0", "500141"), "6A88"),
        (with_data("801802D0", PERFORM * 2), "6A89"),
        (with_data("801802D0", "500141" * 6 + PERFORM), "6A89"),
        (with_data("801802D0", "800101" * 4 + PERFORM), "6A89"),
        (with_data("801802D0", "520F0006" + PERFORM[8:]), "6A80"),  # BCD
        (with_data("801802D0", "520F3206" + PERFORM[8:]), "6A80"),  # three digits
        (with_data("801802D0", "520F0205" + PERFORM[8:]), "6A80"),  # over Lc
        (with_data("801802D0", "5206" + "020600200001"), "9000"),  # the bare header
        ("801802D0", "6700"),
        (with_data("801902D0", "52180206" + "0E00240001" + "10" + "FF" * 16, "00"), "6C00"),
        (with_data("80165080", "500141800101"), "9000"),
        (with_data("80165083", "500141"), "6A00"),
        (with_data("80164080", "500141"), "6A00"),
        (with_data("802900" + "00", "690613001300" + "1300"), "6403"),
        (with_data("802900" + "00", "6900"), "6A80"),
        ("80290000", "6700"),
    ],
)
async def test_status_word(command: str, answer: str | None) -> None:
    found = await Bench().send(command)
    if answer is None:
        assert found.endswith(("9000", "9001", "6201"))
        assert len(found) > 4
    else:
        assert found == answer


@pytest.mark.parametrize(
    ("unit", "command", "answer"),
    [(2, "00B0000000", "00B000009000"), (1, "00B0000000", "64A2"), (3, "00B0000000", "64A1")],
)
async def test_card_commands(unit: int, command: str, answer: str) -> None:
    assert await Bench().send(command, unit) == answer


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("80130046" + "00", "46"),
        ("8013006300", "63"),
        ("8013008000", "8004031500039000"),
        ("8013008100", "810C000100020003000440005000" + "9000"),
        ("8013028000", "8001159000"),
        ("801300A100", "A10413026B749000"),
        ("801302A100", "A10213009000"),
        ("8013026600", "66"),
        ("8013408500", "850100850101" + "85010F" + "850120" + "9000"),
        ("8013406700", "67"),
        ("8013506A00", "6A"),
        ("801300800000", "6700"),
        ("8013008003", "8004039000"),  # "up to" Le octets
        ("80130080000000", "8004031500039000"),  # extended Le
    ],
)
async def test_get_status_objects(command: str, answer: str) -> None:
    found = await Bench().send(command)
    assert found.startswith(answer)
    assert found.endswith("9000") or found == answer


async def test_names_are_set_by_the_administrator() -> None:
    bench = Bench(role=SessionRole.ADMIN)
    assert await bench.send(with_data("8023FFFF", "84024000" + "A1051303" + "4B4153")) == "9000"
    assert await bench.send("801340A100") == "A10513034B41539000"
    assert bench.changes == 1
    assert await bench.send(with_data("802340FF", "A100")) == "9000"
    assert await bench.send("801340A100") == "A10213009000"
    assert await bench.send(with_data("80230700", "A100")) == "6A00"
    assert await bench.send(with_data("80230000", "A1031301FF")) == "6A80"


async def test_download() -> None:
    bench = Bench(role=SessionRole.ADMIN)
    assert await bench.send("8024000000") == "6900"  # a card is active
    bench.machine.reset()
    assert await bench.send("8024000000") == "730704010504020BE09000"
    assert await bench.send("8013008000") == "6900"  # only download commands now
    image = FirmwareImage("TIAASVKT", (1, 1, 0), "00001", b"new").encode()
    block = f"73{len(image):02X}{image.hex()}"
    assert await bench.send(with_data("80250000", block, "00")) == "730704010504020BE09000"
    assert await bench.send("8026000000") == "73060401050401049000"
    assert bench.machine.firmware == ((1, 1, 0), "00001")
    for refused in (b"no image", FirmwareImage("TIAASVKT", (1, 2, 0), "00000", b"").encode()):
        await bench.send("8024000000")
        await bench.send(with_data("80250000", f"73{len(refused):02X}{refused.hex()}", "00"))
        assert await bench.send("8026000000") == "6400"
    assert (await bench.send("8013008000")).endswith("9000")
    assert await bench.send("8026000000") == "6900"


async def test_close_by_id_or_by_the_administrator_without() -> None:
    empty = with_data("80290000", "6906130013001300")
    assert await Bench(role=SessionRole.ADMIN).send(empty) == "9000"
    assert await Bench(role=SessionRole.CONTROL).send(empty) == "6403"
    named = with_data("80290000", "6912 1304 75736572 1304 75736572 1304 41424344")
    assert await Bench().send(named) == "9000"
    assert await Bench().send(named.replace("72130441", "73130441")) == "6400"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (with_data("81AA0001", "500141", "00"), "6A88"),
        (with_data("81AA0001", "D410" + "11" * 16, "00"), "6A88"),
        (with_data("81AA0001", "D40F" + "11" * 15 + "500141", "00"), "6A80"),
        (with_data("81AA0001", "D410" + SECRET.reveal().hex() + "500141", "00"), "6900"),
        (with_data("81AA0001", "D410" + "11" * 16 + "500141"), "6C00"),
        (with_data("81AA0002", "500141", "20"), "6A88"),
        (with_data("81AA0002", "D50F" + "11" * 15, "20"), "6A80"),
        (with_data("81AA0002", "D510" + "11" * 16, "21"), "6C00"),
        ("81AA000310", None),
        ("81AA00030F", "6C00"),
        ("81AA000380", "6C00"),
        (with_data("81AA0003", "D510" + "11" * 16, "10"), "6700"),
        (with_data("81AA0004", "D620" + "11" * 32), "6900"),
        ("81AA000500", "6A00"),
        ("81AA010310", "6A00"),
    ],
)
async def test_terminal_authenticate(command: str, answer: str | None) -> None:
    found = await Bench().send(command)
    assert found == answer if answer is not None else len(found) == 2 * (16 + 2)


async def test_TIP1_A_3113_other_command_forgets_the_challenge() -> None:
    bench = Bench()
    add_2 = with_data("81AA0004", "D620" + "11" * 32)
    await bench.send("81AA000310")
    assert await bench.send(add_2) == "6400"  # expected, but wrong
    assert await bench.send(add_2) == "6900"
    await bench.send("81AA000310")
    await bench.send("8013008000")
    assert await bench.send(add_2) == "6900"
    await bench.send("81AA000310")
    await bench.send("00B0000000", unit=2)
    assert await bench.send(add_2) == "6900"


async def test_TIP1_A_3115_challenge_is_good_for_30_seconds() -> None:
    bench = Bench()
    await bench.send("81AA000310")
    bench.clock.advance(31)
    assert await bench.send(with_data("81AA0004", "D620" + "11" * 32)) == "6900"


async def test_invalid_client_is_told_6901() -> None:
    assert await Bench(ClientState.INVALID_CLIENT).send("81AA000310") == "6901"


@pytest.mark.parametrize(("mode", "answer"), [(PinMode.CANCEL, "6401"), (PinMode.TIMEOUT, "6400")])
async def test_nobody_types(mode: PinMode, answer: str) -> None:
    bench = Bench()
    bench.machine.policy = PinPolicy(mode)
    assert await bench.send(with_data("801802D0", "800101" + PERFORM)) == answer
    assert bench.machine.display.text.message == "Abbruch"
    codes = [event.value[2] for event in bench.told if event.tag == 0x87]
    assert codes == ([0x1B] if mode is PinMode.CANCEL else [0x0E])


async def test_input_returns_what_was_typed() -> None:
    bench = Bench()
    machine = bench.machine
    bench.machine.policy = PinPolicy(PinMode.MANUAL)
    waiting = asyncio.create_task(bench.send("80165081" + "00"))
    await asyncio.sleep(0.01)
    for key in ("4", "2", "clear", "7"):
        machine.keypad.press(key)
    await asyncio.sleep(0.01)
    assert machine.display.entry == "47"
    machine.keypad.press("ok")
    assert await waiting == "34379000"
