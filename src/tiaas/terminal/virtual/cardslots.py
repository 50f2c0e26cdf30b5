"""RESET CT / ICC, REQUEST ICC and EJECT ICC (SICCT V1.3.0, 5.12–5.14; gemSpec_KT V3.17.0, 3.7.4)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from tiaas.card.apdu import ResponseApdu
from tiaas.card.memoryatr import is_memory_card
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.text import TAG_LABEL, TAG_MESSAGE, DisplayText
from tiaas.terminal.sicct.units import DISPLAY, KEYPAD, TERMINAL
from tiaas.terminal.virtual.antenna import activate
from tiaas.terminal.virtual.display import STANDARD_TEXTS
from tiaas.terminal.virtual.keypad import Echo, Entry, EntryCancelled, Timers
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.parameters import Form, Parameters, Presence
from tiaas.terminal.virtual.race import unless
from tiaas.terminal.virtual.refused import Refused
from tiaas.terminal.virtual.slots import Slot
from tiaas.terminal.virtual.statuses import terminal_status
from tiaas.tlv import encode

RESET_FORM = Form(Presence.MAY, Presence.MAY, {do.TAG_PPS: 1})
_MESSAGE_OBJECTS = {TAG_LABEL: 1, TAG_MESSAGE: 1, do.TAG_WAIT: 1, do.TAG_UNIT_CONTEXT: 1}
REQUEST_FORM = Form(Presence.MAY, Presence.MAY, _MESSAGE_OBJECTS)
EJECT_FORM = Form(Presence.MAY, Presence.NEVER, _MESSAGE_OBJECTS)

_NO_MESSAGE = 0xF
_KEEP_CARD = 0x02
_WARM = 0x80
_PPS_BY_OBJECT = 0x20
_NO_KEYS = Entry(minimum=1, maximum=0, echo=Echo.NOTHING)


async def reset(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """RESET CT switches all cards off; RESET ICC (re)activates one."""
    unit = parameters.unit()
    if unit == TERMINAL:
        return _reset_terminal(machine, parameters)
    slot = machine.slot(unit)
    p2 = parameters.command.p2
    if p2 & 0x10 or p2 & 0x0F not in (0, 1, 2):
        raise Refused(Sw.WRONG_PARAMETERS)
    if p2 & _PPS_BY_OBJECT and not p2 & 0x40:
        parameters.need(do.TAG_PPS)
    with machine.using(slot.number):
        if p2 & _WARM and slot.card is not None and not slot.active:
            raise Refused(Sw.CARD_NOT_ACTIVE)
        atr = await activate(machine, slot)
    return _activated(atr, p2, parameters.command.ne, _kind(atr))


def _reset_terminal(machine: Machine, parameters: Parameters) -> ResponseApdu:
    p2 = parameters.command.p2
    if p2 not in (0, 1, 2):
        raise Refused(Sw.WRONG_PARAMETERS)
    if parameters.get(do.TAG_PPS) is not None:
        raise Refused(Sw.INVALID_DATA_OBJECT)
    with machine.using(DISPLAY, KEYPAD, *(slot.number for slot in machine)):
        machine.reset()
    found = terminal_status(machine, complete=p2 == 1) if p2 else b""
    return ResponseApdu(found[: parameters.command.ne or 0], Sw.OK)


async def request_icc(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Waits for a card if there is none, then activates it; an active one stays as it is (6201)."""
    slot = machine.slot(_slot_unit(machine, parameters))
    p2, ne = parameters.command.p2, parameters.command.ne
    silent = _silent(p2)
    if p2 & 0x03 == 0x03:
        raise Refused(Sw.WRONG_PARAMETERS)
    text, wait = parameters.text(), parameters.wait()
    with machine.using(slot.number):
        if slot.card is not None and slot.active:
            return _activated(slot.card.atr, p2, ne, Sw.ALREADY_ACTIVE)
        if slot.card is None:
            if not wait:
                raise Refused(Sw.NO_CARD)
            shown = None if silent else text or DisplayText(STANDARD_TEXTS[1])
            await _wait_for_card(machine, slot, shown, wait, lambda: slot.card is not None)
        atr = await activate(machine, slot)
    return _activated(atr, p2, ne, _kind(atr))


async def eject_icc(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Switches the card off and, unless it may stay, waits until it is taken. No error for an empty slot."""
    slot = machine.slot(_slot_unit(machine, parameters))
    p2 = parameters.command.p2
    silent = _silent(p2)
    if p2 & 0x01:
        raise Refused(Sw.WRONG_PARAMETERS)
    text, wait = parameters.text(), parameters.wait()
    with machine.using(slot.number):
        slot.power_down()
        if slot.card is None:
            return ResponseApdu(b"", Sw.OK_ASYNCHRONOUS)
        if p2 & _KEEP_CARD:
            return ResponseApdu(b"", Sw.OK)
        if slot.number in machine.motors:
            machine.push_out(slot.number)
            return ResponseApdu(b"", Sw.OK_ASYNCHRONOUS)
        if not wait:
            raise Refused(Sw.NOT_IN_TIME)
        shown = None if silent else text or DisplayText(STANDARD_TEXTS[2])
        await _wait_for_card(machine, slot, shown, wait, lambda: slot.card is None)
    return ResponseApdu(b"", Sw.OK_ASYNCHRONOUS)


async def _wait_for_card(
    machine: Machine, slot: Slot, shown: DisplayText | None, wait: int, there: Callable[[], bool]
) -> None:
    """Until the card came or went; raises `Refused` (6200 too late, 6401 cancel key, 6941)."""
    try:
        async with asyncio.timeout(wait):
            if shown is None:
                await _until(slot, there)
                return
            with machine.using(DISPLAY, KEYPAD):
                await unless(_until(slot, there), _cancel_key(machine, shown, wait), Refused(Sw.CANCELLED))
    except TimeoutError:
        raise Refused(Sw.NOT_IN_TIME) from None
    except Refused as refused:
        if refused.sw == Sw.CANCELLED:
            machine.display.show(DisplayText(STANDARD_TEXTS[12]))
        raise


async def _until(slot: Slot, there: Callable[[], bool]) -> None:
    while not there():
        await slot.moved()


async def _cancel_key(machine: Machine, shown: DisplayText, wait: int) -> None:
    """Shows the text once keys are taken, returns when the cancel key is pressed; other keys do nothing."""
    timers = Timers(wait + 1, wait + 1, wait + 1)
    with suppress(EntryCancelled):
        await machine.keypad.read(_NO_KEYS, timers, lambda: machine.display.show(shown))


def _slot_unit(machine: Machine, parameters: Parameters) -> int:
    """The slot among the units named."""
    slots = [unit for unit in parameters.units() if unit not in (DISPLAY, KEYPAD)]
    if len(slots) != 1:
        raise Refused(Sw.WRONG_PARAMETERS)
    return slots[0]


def _silent(p2: int) -> bool:
    """True if nothing may be shown; raises `Refused` for other values of the high nibble."""
    if p2 >> 4 not in (0, _NO_MESSAGE):
        raise Refused(Sw.WRONG_PARAMETERS)
    return p2 >> 4 == _NO_MESSAGE


def _kind(atr: bytes) -> Sw:
    """9000 tells of a memory card, 9001 of a processor card."""
    return Sw.OK if is_memory_card(atr) else Sw.OK_ASYNCHRONOUS


def _activated(atr: bytes, p2: int, ne: int | None, sw: Sw) -> ResponseApdu:
    """The answer with ATR (1), historical bytes (2) or nothing."""
    wanted = p2 & 0x03
    if wanted == 1:
        found = encode(do.TAG_ATR, atr)
    elif wanted == 2:
        found = encode(do.TAG_HISTORICAL_BYTES, do.historical_bytes(atr))
    else:
        found = b""
    return ResponseApdu(found[: ne or 0], sw)
