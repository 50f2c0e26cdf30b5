"""The sans-I/O connection: framing, sequence numbers, protocol errors, read timeouts (SICCT V1.3.0, 6.2.4)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiaas.terminal.sicct.connection import (
    Broken,
    CommandReceived,
    CommandTooLong,
    Connection,
    EventReceived,
    Fault,
    ResponseReceived,
    Role,
)
from tiaas.terminal.sicct.events import Event, ProtocolFault, card_inserted, decode_events_untrusted

UNITS = range(4)


def terminal(**options: int) -> Connection:
    connection = Connection(Role.TERMINAL, known_unit=UNITS.__contains__, **options)
    connection.session_open = True
    return connection


def test_messages_as_in_the_examples() -> None:
    client = Connection(Role.CLIENT)
    _, first = client.send_command(0, bytes.fromhex("8013008000"))
    _, second = client.send_command(1, bytes.fromhex("00A4040C023F00"))
    assert first.hex() == "6b00000000000000000580" + "13008000"
    assert second.hex() == "6b0001000100" + "00000007" + "00a4040c023f00"
    other = terminal()
    received = other.receive(first + second, 0.0)
    assert received == [
        CommandReceived(0, 0, bytes.fromhex("8013008000")),
        CommandReceived(1, 1, bytes.fromhex("00A4040C023F00")),
    ]
    answer = other.send_response(1, b"\x90\x00")
    assert answer.hex() == "83000100010000000002" + "9000"
    event = other.send_event(card_inserted(1))
    assert event.hex() == "500000fd0000000000048402" + "0001"
    assert client.receive(answer + event, 0.0) == [
        ResponseReceived(1, 1, b"\x90\x00"),
        EventReceived(Event(0x84, b"\x00\x01")),
    ]
    assert client.in_flight == 1


Act = tuple[str, int, bytes]
ACTS = st.lists(
    st.tuples(st.sampled_from(["command", "answer", "event"]), st.integers(0, 3), st.binary(max_size=40)), max_size=40
)


@settings(max_examples=200, deadline=None)
@given(acts=ACTS, cuts=st.lists(st.integers(1, 23), min_size=1, max_size=8))
def test_two_ends_understand_each_other_however_the_octets_are_cut(acts: list[Act], cuts: list[int]) -> None:
    """Commands, answers in any order and events arrive complete, once, and belong together."""
    client, other = Connection(Role.CLIENT), terminal()
    asked: dict[int, tuple[int, bytes]] = {}
    answered: dict[int, bytes] = {}
    open_commands: list[CommandReceived] = []
    told: list[bytes] = []
    heard: list[bytes] = []
    got: dict[int, bytes] = {}
    to_terminal = to_client = b""

    def deliver(octets: bytes, end: Connection) -> list[object]:
        happenings: list[object] = []
        position = turn = 0
        while position < len(octets):
            size = cuts[turn % len(cuts)]
            happenings += end.receive(octets[position : position + size], 0.0)
            position, turn = position + size, turn + 1
        return happenings

    for kind, number, payload in acts:
        if kind == "command":
            sequence, octets = client.send_command(number, payload)
            assert sequence not in asked or sequence in got
            asked[sequence] = (number, payload)
            to_terminal += octets
        elif kind == "event":
            to_client += other.send_event(Event(0x90, payload))
            told.append(payload)
        else:
            for happening in deliver(to_terminal, other):
                assert isinstance(happening, CommandReceived)
                assert asked[happening.sequence] == (happening.unit, happening.payload)
                open_commands.append(happening)
            to_terminal = b""
            if open_commands:
                command = open_commands.pop(number % len(open_commands))
                answered[command.sequence] = payload
                to_client += other.send_response(command.sequence, payload)
    for happening in deliver(to_client, client):
        if isinstance(happening, ResponseReceived):
            got[happening.sequence] = happening.payload
        else:
            assert isinstance(happening, EventReceived)
            heard.append(happening.event.value)
    assert got == answered
    assert heard == told
    assert client.in_flight == len(asked) - len(answered)


def test_sequence_number_is_reserved_until_its_answer() -> None:
    client = Connection(Role.CLIENT)
    client._next = 0xFCFF
    assert client.send_command(0, b"")[0] == 0xFCFF
    assert client.send_command(0, b"")[0] == 0x0000
    client._next = 0xFCFF
    assert client.send_command(0, b"")[0] == 0x0001


def test_consecutive_events_differ_and_wrap() -> None:
    other = terminal()
    numbers = [int.from_bytes(other.send_event(card_inserted(1))[3:5], "big") for _ in range(0x301)]
    assert (numbers[0], numbers[0x2FF], numbers[0x300]) == (0xFD00, 0xFFFF, 0xFD00)


def test_no_events_outside_a_session() -> None:
    other = Connection(Role.TERMINAL)
    assert other.send_event(card_inserted(1)) == b""
    assert other.receive(bytes.fromhex("99" + "00" * 9), 0.0) == [Fault(ProtocolFault.BAD_TYPE, b"")]


@pytest.mark.parametrize(
    ("envelope", "fault"),
    [
        ("83000000010000000002", ProtocolFault.BAD_TYPE),
        ("99000000010000000002", ProtocolFault.BAD_TYPE),
        ("6B000400010000000002", ProtocolFault.UNKNOWN_UNIT),
        ("6B0000FD000000000002", ProtocolFault.BAD_SEQUENCE),
        ("990009FD000000000002", ProtocolFault.BAD_TYPE),  # the type is looked at first, then the unit
        ("6B0009FD000000000002", ProtocolFault.UNKNOWN_UNIT),
    ],
)
def test_wrong_envelopes_are_told_and_skipped(envelope: str, fault: ProtocolFault) -> None:
    other = terminal()
    good = bytes.fromhex("6B000000020000000001AA")
    happenings = other.receive(bytes.fromhex(envelope) + b"\xde\xad" + good, 0.0)
    assert isinstance(happenings[0], Fault)
    assert happenings[0].fault is fault
    assert decode_events_untrusted(happenings[0].reply[10:]) == (Event(0x86, bytes([fault])),)
    assert happenings[1:] == [CommandReceived(2, 0, b"\xaa")]


def test_number_in_flight_is_refused() -> None:
    other = terminal()
    command = bytes.fromhex("6B000000020000000001AA")
    first, second = other.receive(command * 2, 0.0)
    assert isinstance(first, CommandReceived)
    assert isinstance(second, Fault)
    assert second.fault is ProtocolFault.BAD_SEQUENCE
    other.send_response(2, b"")
    assert isinstance(other.receive(command, 0.0)[0], CommandReceived)


def test_sixth_wrong_envelope_in_a_row_ends_it() -> None:
    other = terminal()
    wrong = bytes.fromhex("99" + "00" * 9)
    assert all(isinstance(found, Fault) for found in other.receive(wrong * 5, 0.0))
    other.receive(bytes.fromhex("6B000000020000000000"), 0.0)  # a good one starts the count anew
    happenings = other.receive(wrong * 6, 0.0)
    assert [type(found) for found in happenings] == [Fault] * 5 + [Broken]
    broken = happenings[-1]
    assert isinstance(broken, Broken)
    assert broken.reply[10:13].hex() == "860110"
    assert broken.reply[-4:].hex() == "81020000"
    assert other.receive(bytes.fromhex("6B000000030000000000"), 0.0) == []


def test_command_beyond_the_buffer_is_dropped_but_answerable() -> None:
    other = terminal(limit=100)
    octets = bytes.fromhex("6B000100050000000065") + bytes(101) + bytes.fromhex("6B000100060000000000")
    assert other.receive(octets, 0.0) == [CommandTooLong(5, 1), CommandReceived(6, 1, b"")]
    assert other.send_response(5, b"\x67\x00")[:5].hex() == "8300010005"


def test_gigabyte_is_not_waited_for() -> None:
    (broken,) = terminal().receive(bytes.fromhex("6B0001000500FFFFFFFF"), 0.0)
    assert isinstance(broken, Broken)


@pytest.mark.parametrize(
    ("octets", "fault"),
    [("6B00", ProtocolFault.ENVELOPE_TIMEOUT), ("6B000000010000000005AABB", ProtocolFault.DATA_TIMEOUT)],
)
def test_broken_off_message(octets: str, fault: ProtocolFault) -> None:
    other = terminal()
    assert other.deadline() is None
    assert other.receive(bytes.fromhex(octets), 100.0) == []
    assert other.deadline() == 105.0
    other.receive(b"\x00", 103.0)
    assert other.deadline() == 108.0
    broken = other.timed_out()
    assert broken.reply[10:13] == bytes([0x86, 1, fault])
    assert other.deadline() is None


def test_message_must_end_within_five_minutes() -> None:
    other = terminal()
    other.receive(bytes.fromhex("6B000000010000000BB8"), 0.0)
    for second in range(0, 300, 4):
        other.receive(b"\x00", float(second))
    assert other.deadline() == 300.0


@pytest.mark.parametrize(
    "octets",
    [
        "83000000010000000000",  # nothing asked with that number
        "83000100000000000000",  # another unit than asked
        "6B000000000000000000",  # a command to the client
        "50000000010000000004800200" + "00",  # event with a command's number
        "500000FD00000000000484" + "000000",  # not TLV of the right length
    ],
)
def test_client_counts_wrong_messages_too(octets: str) -> None:
    client = Connection(Role.CLIENT)
    client.send_command(0, b"")
    happenings = [found for _ in range(6) for found in client.receive(bytes.fromhex(octets), 0.0)]
    assert [type(found) for found in happenings] == [Fault] * 5 + [Broken]
    assert all(found.reply == b"" for found in happenings if isinstance(found, Fault | Broken))


def test_repeated_event_number_is_a_fault() -> None:
    client = Connection(Role.CLIENT)
    event = bytes.fromhex("500000FD0000000000048402" + "0001")
    first, second = client.receive(event * 2, 0.0)
    assert isinstance(first, EventReceived)
    assert isinstance(second, Fault)
