"""INPUT and OUTPUT (SICCT V1.3.0, 5.17, 5.18; gemSpec_KT V3.17.0, 3.7.3)."""

import asyncio
from collections.abc import Callable

from tiaas.card.apdu import ResponseApdu
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.text import TAG_LABEL, TAG_MESSAGE, DisplayText
from tiaas.terminal.sicct.units import DISPLAY, KEYPAD
from tiaas.terminal.virtual.display import STANDARD_TEXTS
from tiaas.terminal.virtual.keypad import Echo, Entry, EntryCancelled, EntryTimeout, Timers
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.parameters import Form, Parameters, Presence
from tiaas.terminal.virtual.refused import Refused

_TEXT_OBJECTS = {TAG_LABEL: 1, TAG_MESSAGE: 1, do.TAG_UNIT_CONTEXT: 1}
INPUT_FORM = Form(Presence.MAY, Presence.MAY, _TEXT_OBJECTS | {do.TAG_WAIT: 3})
OUTPUT_FORM = Form(Presence.MAY, Presence.NEVER, _TEXT_OBJECTS | {do.TAG_WAIT: 1})

_P2_IDLE, _P2_SUPPRESS = 0x01, 0x70
_OUTPUT_P2 = (0x00, _P2_IDLE, _P2_SUPPRESS)
_CONFIRMED = 0x80
_DEFAULT_SECONDS = (15, 5, 180)  # table 20
_LONGEST = 64


async def output(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Shows a text or the idle message; with a waiting time the display stays in use that long."""
    if DISPLAY not in parameters.units() or parameters.command.p2 not in _OUTPUT_P2:
        raise Refused(Sw.WRONG_PARAMETERS)
    text, wait = parameters.text(), parameters.wait()
    idle = parameters.command.p2 == _P2_IDLE
    if text is None and not idle:
        raise Refused(Sw.MISSING_DATA_OBJECT)
    with machine.using(DISPLAY):
        if text is None or idle:
            machine.display.show_idle()
        else:
            machine.display.show(text)
        if wait:
            await asyncio.sleep(wait)
    return ResponseApdu(b"", Sw.OK)


async def input_(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Waits for OK (no Le), for any number of characters (Le 00) or for a fixed number."""
    if KEYPAD not in parameters.units():
        raise Refused(Sw.WRONG_PARAMETERS)
    command = parameters.command
    quiet = command.p2 & 0x70 == 0x70
    if command.p2 & 0x03 == 0x03 or (command.p2 & 0x70 and not quiet):
        raise Refused(Sw.WRONG_PARAMETERS)
    text = parameters.text() or DisplayText(STANDARD_TEXTS[11])
    entry = _entry(command.p2, command.ne)
    timers = Timers(*_seconds(parameters.waits()))
    with machine.using(DISPLAY, KEYPAD):
        machine.display.show(DisplayText("") if quiet else text)
        mishap = machine.at_keypad(None, 0, "confirmation" if command.ne is None else "input")
        begun = (lambda: machine.confirm_as_policy(mishap)) if command.ne is None else _nothing
        typed = await _read(machine, entry, timers, begun=begun, quiet=quiet)
    return ResponseApdu(typed if command.ne is not None else b"", Sw.OK)


def _entry(p2: int, ne: int | None) -> Entry:
    if ne is None:
        return Entry(0, 0, Echo.NOTHING)
    echo = Echo(p2 & 0x03)
    if ne in (256, 65536):
        return Entry(0, _LONGEST, echo)
    return Entry(ne, ne, echo, ends_full=not p2 & _CONFIRMED)


async def _read(machine: Machine, entry: Entry, timers: Timers, *, begun: Callable[[], None], quiet: bool) -> bytes:
    try:
        return (await machine.keypad.read(entry, timers, begun)).reveal()
    except (EntryTimeout, EntryCancelled) as ended:
        if not quiet:
            machine.display.show(DisplayText(STANDARD_TEXTS[12]))
        raise Refused(Sw.CANCELLED if isinstance(ended, EntryCancelled) else Sw.EXECUTION_ERROR) from None


def _seconds(waits: list[int]) -> tuple[float, float, float]:
    given = [wait or default for wait, default in zip(waits, _DEFAULT_SECONDS, strict=False)]
    first, following, overall = (*given, *_DEFAULT_SECONDS[len(given) :])
    return first, following, overall


def _nothing() -> None:
    """The invented holder does not know what else to type."""
