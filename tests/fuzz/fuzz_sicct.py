"""Fuzz target: SICCT messages at both ends, data objects, and whole commands into the virtual terminal."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.card.objsys.model import Interface
from tiaas.terminal.displaysize import decode_display_untrusted
from tiaas.terminal.download import decode_finalisation_untrusted, decode_parameters_untrusted
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.connection import Broken, CommandReceived, CommandTooLong, Connection, Role
from tiaas.terminal.sicct.envelope import SIZE, decode_envelope_untrusted
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.events import decode_events_untrusted
from tiaas.terminal.sicct.text import decode_text_untrusted
from tiaas.terminal.sicct.units import decode_unit_untrusted
from tiaas.terminal.virtual.admission import SessionRole
from tiaas.terminal.virtual.config import PinMode, PinPolicy, PinPurpose, SlotCard, TerminalConfig
from tiaas.terminal.virtual.interpreter import interpret
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.state import PairingBlock, TerminalState
from tiaas.tlv import Tlv

SEEDS: list[bytes] = [
    bytes.fromhex("6B00000001000000000E80280000086906130013001300" + "00"),
    bytes.fromhex("8300000000000000000C8004031500159000" + "50000000000000"),
    bytes.fromhex("500000FD0000000000048402" + "0001"),
    bytes.fromhex("8013004600"),
    bytes.fromhex("8013FF80048402000100"),
    bytes.fromhex("801201010B" + "500568616C6C6F" + "80010100"),
    bytes.fromhex(
        "801702D0" + "24" + "500161500162500163" + "50005000" + "80011E80011E" + "520F020600200001" + "08" + "FF" * 8
    ),
    bytes.fromhex("801902D01A" + "521802060E00240001" + "10" + "FF" * 16),
    bytes.fromhex("81AA000115D410" + "11" * 16 + "500141" + "00"),
    bytes.fromhex("81AA000212D510" + "22" * 16 + "20"),
    do.Manufacturer(
        "DEABC", "0130", "0100", do.EhealthData((1, 0, 0), "KT", (1, 7, 1), "M", (1, 0, 0), (1, 0, 0), "1")
    ).encode(),
    bytes.fromhex("A00685010F0401A4"),
    bytes.fromhex("691305757365721304757365721304ABCD"),
]


class _Card:
    """Answers 9000."""

    atr = bytes.fromhex("3B00")

    def reset(self, interface: Interface = Interface.CONTACT) -> bytes:
        return self.atr

    def process(self, raw: bytes) -> bytes:
        return b"\x90\x00"


class _Holder:
    """Knows nothing."""

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        return None

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        return None

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        return


DECODERS: tuple[Callable[[bytes], object], ...] = (
    lambda data: decode_envelope_untrusted(data[:SIZE]),
    decode_events_untrusted,
    decode_unit_untrusted,
    do.decode_objects_untrusted,
    do.decode_session_untrusted,
    do.decode_manufacturer_untrusted,
    do.decode_unit_name_untrusted,
    decode_display_untrusted,
    decode_parameters_untrusted,
    decode_finalisation_untrusted,
    lambda data: do.decode_only_untrusted(data, do.TAG_MANUFACTURER),
    lambda data: do.decode_command_to_perform_untrusted(data, 1),
    lambda data: do.decode_command_to_perform_untrusted(data, 2),
    lambda data: decode_text_untrusted(Tlv(0x50, data)),
    lambda data: decode_text_untrusted(Tlv(0xA0, data)),
)


def target(data: bytes) -> None:
    """Decoders raise only `BadSicct`; connections never raise; every command is answered with a status word."""
    for decoder in DECODERS:
        try:
            decoder(data)
        except BadSicct:
            continue
    _feed(Connection(Role.CLIENT), data)
    _feed(Connection(Role.TERMINAL, known_unit=range(5).__contains__), data)
    do.historical_bytes(data)
    answer = asyncio.run(_execute(data))
    if len(answer) < 2:
        raise AssertionError("no status word")


def _feed(connection: Connection, data: bytes) -> None:
    """In two pieces; the terminal's end answers what it gets."""
    connection.session_open = True
    middle = len(data) // 2
    for piece in (data[:middle], data[middle:]):
        for happening in connection.receive(piece, 0.0):
            if isinstance(happening, CommandReceived | CommandTooLong):
                connection.send_response(happening.sequence, b"\x90\x00")
            if isinstance(happening, Broken) and connection.receive(b"\x00" * SIZE, 0.0):
                raise AssertionError("broken, but goes on")
    if connection.deadline() is not None:
        connection.timed_out()


async def _execute(data: bytes) -> bytes:
    """A command into a paired terminal whose holder cancels everything; waiting times are cut off."""
    here, key = Path("unused"), b"key"
    machine = Machine(
        TerminalConfig("kt", bytes(6), here, here, here),
        TerminalState([PairingBlock(Secret(bytes(16)), [key])]),
        clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC)),
        entropy=SeededEntropy(b"fuzz"),
        pins=_Holder(),
        tell=lambda event: None,
        changed=lambda: None,
    )
    machine.policy = PinPolicy(PinMode.CANCEL)
    machine.client = Client(key, role=SessionRole.ADMIN, session_id="ABCD")
    machine.insert(2, _Card())
    machine.slot(2).active = True
    try:
        async with asyncio.timeout(0.02):
            return await interpret(machine, machine.client, 0, data)
    except TimeoutError:
        return b"\x64\x00"
