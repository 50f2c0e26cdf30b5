"""Every command in every state (gemSpec_KT V3.17.0: A_22456, TIP1-A_3136-01, TIP1-A_3096-01, TIP1-A_3097-01,
TIP1-A_3266-01, CMD_KT_0004, CMD_KT_0005; SICCT V1.3.0: 6.2.4.3 and the session conditions of each command).
"""

import itertools

import pytest

from tests.conformance.terminal.machines import Bench, with_data
from tiaas.terminal.virtual.admission import ClientState, SessionRole

NOBODY, UNPAIRED, PAIRED = ClientState.INVALID_CLIENT, ClientState.WITHOUT_PAIRING, ClientState.WITH_PAIRING
CONTROL, ADMIN = SessionRole.CONTROL, SessionRole.ADMIN

COMMANDS = {
    "RESET CT": "80110000",
    "RESET ICC": "8011020100",
    "REQUEST ICC": "8012010100",
    "GET STATUS": "8013008000",
    "EJECT ICC": "801502F2",
    "INPUT": with_data("80165080", "500141 800101"),
    "OUTPUT": with_data("80174000", "500141"),
    "PERFORM VERIFICATION": with_data("801802D0", "520F 02 06 00200001 08" + "FF" * 8),
    "MODIFY VERIFICATION DATA": with_data("801902D0", "800101 5218 02 06 0E 00240001 10" + "FF" * 16),
    "SELECT CT MODE": "80200000",
    "COMFORT AUTH": "80210000",
    "COMFORT ENROLL": "80220000",
    "SET STATUS": with_data("80230000", "A105 1303 616263"),
    "DOWNLOAD INIT": "8024000000",
    "DOWNLOAD DATA": with_data("80250000", "730100", "00"),
    "DOWNLOAD FINISH": "8026000000",
    "CONTROL COMMAND": with_data("80270000", "68020001"),
    "INIT CT SESSION": with_data("80280000", "6906 1300 1300 1300", "00"),
    "CLOSE CT SESSION": with_data("80290000", "690A 1300 1300 1304 41424344"),
    "CREATE": with_data("81AA0001", "D410" + "11" * 16 + "500141", "00"),
    "VALIDATE": with_data("81AA0002", "D510" + "22" * 16, "20"),
    "ADD 1": "81AA000310",
    "ADD 2": with_data("81AA0004", "D620" + "33" * 32),
    "EHEALTH, unknown": "81AB0000",
    "unknown class": "00A40000",
}
FOR_ANYBODY = {
    "INIT CT SESSION",
    "CLOSE CT SESSION",
    "GET STATUS",
    "SET STATUS",
    "DOWNLOAD INIT",
    "DOWNLOAD DATA",
    "DOWNLOAD FINISH",
}
FOR_ADMIN = {"SET STATUS", "DOWNLOAD INIT", "DOWNLOAD DATA", "DOWNLOAD FINISH"}
EHEALTH = {"CREATE", "VALIDATE", "ADD 1", "ADD 2"}
UNKNOWN = {
    "SELECT CT MODE": "6D00",
    "COMFORT AUTH": "6D00",
    "COMFORT ENROLL": "6D00",
    "EHEALTH, unknown": "6D00",
    "unknown class": "6E00",
}


# How the executed command ends on this bench, where it can end in one way only.
EXECUTED = {
    "RESET CT": "9000",
    "RESET ICC": "9001",
    "REQUEST ICC": "9001",
    "GET STATUS": "8004031500039000",
    "EJECT ICC": "9000",
    "INPUT": "9000",
    "OUTPUT": "9000",
    "PERFORM VERIFICATION": "9000",
    "SET STATUS": "9000",
    "DOWNLOAD DATA": "6900",  # no download session
    "DOWNLOAD FINISH": "6900",
    "DOWNLOAD INIT": "6900",  # an active card
    "CONTROL COMMAND": "6200",
    "INIT CT SESSION": "9000",
    "CLOSE CT SESSION": "9000",
    "CREATE": "9000",
    "ADD 1": "9000",
    "ADD 2": "6900",  # no challenge was asked for
}


def refusal(state: ClientState, role: SessionRole | None, command: str) -> str | None:
    """What the specification wants, written once more by its own words; None: executed."""
    if command in UNKNOWN:
        return UNKNOWN[command]
    if command in EHEALTH:
        if state is NOBODY:
            return "6901"
        return None if role else "6900"
    if state is not PAIRED and command not in FOR_ANYBODY:
        return "6900"
    if command == "INIT CT SESSION":
        return "6900" if role else None
    if role is None or (command in FOR_ADMIN and role is not ADMIN):
        return "6900"
    return None


@pytest.mark.parametrize(
    ("state", "role", "command"),
    list(itertools.product(ClientState, (None, CONTROL, ADMIN), COMMANDS)),
    ids=lambda value: getattr(value, "value", str(value)),
)
async def test_every_command_in_every_state(state: ClientState, role: SessionRole | None, command: str) -> None:
    answer = await Bench(state, role).send(COMMANDS[command])
    expected = refusal(state, role, command)
    if expected is not None:
        assert answer == expected
    elif command == "VALIDATE":
        assert answer.endswith("9000" if state is PAIRED else "6900")  # 6900 here: the key is in no block
    elif command in EXECUTED:
        assert answer.endswith(EXECUTED[command])
    else:
        assert answer[-4:] not in {"6900", "6901", "6D00", "6E00"}


@pytest.mark.parametrize(("state", "role"), list(itertools.product(ClientState, (None, CONTROL, ADMIN))), ids=str)
async def test_card_commands_need_pairing_and_session(state: ClientState, role: SessionRole | None) -> None:
    """TIP1-A_3266-01."""
    answer = await Bench(state, role).send("00B00000" + "00", unit=2)
    assert answer == ("00B000009000" if state is PAIRED and role is not None else "6900")


async def test_validate_depends_on_the_block() -> None:
    assert len(await Bench(PAIRED).send(COMMANDS["VALIDATE"])) == 2 * (32 + 2)
    assert await Bench(UNPAIRED).send(COMMANDS["VALIDATE"]) == "6900"


async def test_pairing_changes_the_state_at_once() -> None:
    bench = Bench(UNPAIRED)
    assert await bench.send(COMMANDS["OUTPUT"]) == "6900"
    assert (await bench.send(COMMANDS["CREATE"])).endswith("9000")
    assert await bench.send(COMMANDS["OUTPUT"]) == "9000"
    assert bench.changes == 1
