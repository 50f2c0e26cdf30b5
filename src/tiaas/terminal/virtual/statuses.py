"""GET STATUS, SET STATUS and RESET CT's status objects (SICCT V1.3.0, 5.15, 5.16, 5.5.10)."""

from tiaas.card.apdu import ResponseApdu
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.text import CHARACTER_SET_ISO646, CHARACTER_SET_LATIN9, CHARACTER_SET_UTF8
from tiaas.terminal.sicct.units import DISPLAY, KEYPAD, P1_REFERENCED, TERMINAL, encode_unit
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.parameters import Form, Parameters, Presence
from tiaas.terminal.virtual.refused import Refused
from tiaas.terminal.virtual.slots import Slot
from tiaas.tlv import encode

P2_REFERENCED = 0xFF
SICCT_VERSION = "0130"
_SOFTWARE_VERSION = "0100"
_CHARACTER_SETS = (CHARACTER_SET_ISO646, 0x01, CHARACTER_SET_LATIN9, CHARACTER_SET_UTF8)

_READABLE = (
    do.TAG_MANUFACTURER,
    do.TAG_TERMINAL_STATUS,
    do.TAG_ICC_STATUS,
    do.TAG_UNIT_LIST,
    do.TAG_UNIT_NAME,
    do.TAG_CONTACTLESS_STATUS,
    do.TAG_INTERFACE_CAPABILITIES,
    do.TAG_CHARACTER_SET,
    do.TAG_DISPLAY_CAPABILITIES,
    do.TAG_KEYPAD_CAPABILITIES,
)
GET_FORM = Form(Presence.MAY, Presence.MUST, dict.fromkeys(_READABLE, 1))
SET_FORM = Form(Presence.MUST, Presence.NEVER, {do.TAG_UNIT_NAME: 1})


async def get_status(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Answers also while other commands run (SICCT 5.5.4, 6)."""
    found = _object(machine, parameters.unit(), _wanted(parameters))
    ne = parameters.command.ne or 0
    return ResponseApdu(found[:ne], Sw.OK)


async def set_status(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Names a functional unit; an empty name deletes."""
    unit = parameters.unit()
    if parameters.command.p2 not in (0, P2_REFERENCED) or (unit != TERMINAL and unit not in machine.units):
        raise Refused(Sw.WRONG_PARAMETERS)
    try:
        name = do.decode_unit_name_untrusted(parameters.need(do.TAG_UNIT_NAME))
    except BadSicct as bad:
        raise Refused(Sw.INVALID_DATA_OBJECT) from bad
    if name:
        machine.state.names[unit] = name
    else:
        machine.state.names.pop(unit, None)
    machine.changed()
    return ResponseApdu(b"", Sw.OK)


def _wanted(parameters: Parameters) -> int:
    """The tag asked for: P2, or an empty object in the data field."""
    named = [tag for tag in _READABLE if parameters.get(tag) is not None]
    if parameters.command.p2 != P2_REFERENCED:
        if named or (parameters.command.data and parameters.command.p1 != P1_REFERENCED):
            raise Refused(Sw.INVALID_DATA_OBJECT)
        return parameters.command.p2
    if not named:
        raise Refused(Sw.MISSING_DATA_OBJECT)
    if len(named) > 1 or parameters.get(named[0]):
        raise Refused(Sw.INVALID_DATA_OBJECT)
    return named[0]


def _object(machine: Machine, unit: int, tag: int) -> bytes:
    """The data object `tag` of a unit; raises `Refused` (6A00) if it has none."""
    if unit != TERMINAL and unit not in machine.units:
        raise Refused(Sw.WRONG_PARAMETERS)
    if tag == do.TAG_UNIT_NAME:
        default = machine.config.name if unit == TERMINAL else ""
        return do.encode_unit_name(machine.state.names.get(unit, default))
    if unit == TERMINAL:
        return _terminal_object(machine, tag)
    if unit == DISPLAY:
        return _display_object(machine, tag)
    if unit == KEYPAD:
        return _keypad_object(tag)
    return _slot_object(machine, unit, tag)


def _terminal_object(machine: Machine, tag: int) -> bytes:
    if tag == do.TAG_MANUFACTURER:
        return _manufacturer(machine).encode()
    if tag == do.TAG_TERMINAL_STATUS:
        return terminal_status(machine, complete=True)
    if tag == do.TAG_ICC_STATUS:
        return _icc_status(machine)
    if tag == do.TAG_UNIT_LIST:
        return _unit_list(machine)
    antennas = [slot for slot in machine if slot.contactless]
    if tag == do.TAG_CONTACTLESS_STATUS and antennas:
        return encode(do.TAG_CONTACTLESS_STATUS, bytes(map(_presence, antennas)))
    raise Refused(Sw.WRONG_PARAMETERS)


def terminal_status(machine: Machine, *, complete: bool) -> bytes:
    """Object 63, complete or reduced (5.5.10.13)."""
    longest = encode(do.TAG_OCTETS, machine.config.command_buffer.to_bytes(2, "big"))
    units = _unit_list(machine) if complete else b""
    return encode(do.TAG_TERMINAL_STATUS, units, _icc_status(machine), longest)


def _slot_object(machine: Machine, unit: int, tag: int) -> bytes:
    if tag == do.TAG_ICC_STATUS:
        return encode(do.TAG_ICC_STATUS, bytes([machine.slot(unit).status]))
    if tag == do.TAG_INTERFACE_CAPABILITIES:
        return _interface_capabilities(machine.config.command_buffer, contactless=machine.slot(unit).contactless)
    if tag == do.TAG_CONTACTLESS_STATUS and machine.slot(unit).contactless:
        return encode(do.TAG_CONTACTLESS_STATUS, bytes([_presence(machine.slot(unit))]))
    raise Refused(Sw.WRONG_PARAMETERS)


def _display_object(machine: Machine, tag: int) -> bytes:
    sets = b"".join(encode(do.TAG_CHARACTER_SET, bytes([number])) for number in _CHARACTER_SETS)
    if tag == do.TAG_CHARACTER_SET:
        return sets
    if tag == do.TAG_DISPLAY_CAPABILITIES:
        shape = machine.config.shape
        sizes = (shape.columns, shape.lines, shape.columns, shape.lines, 0)
        numbers = b"".join(encode(0x80 + index, bytes([size])) for index, size in enumerate(sizes))
        return encode(do.TAG_DISPLAY_CAPABILITIES, numbers, sets)
    raise Refused(Sw.WRONG_PARAMETERS)


def _keypad_object(tag: int) -> bytes:
    if tag != do.TAG_KEYPAD_CAPABILITIES:
        raise Refused(Sw.WRONG_PARAMETERS)
    # 5.5.10.28: digits, letters, entry, cancel, menu, correction, function keys.
    keys = b"".join(encode(0x80 + index, bytes([count])) for index, count in enumerate((10, 0, 1, 1, 0, 1, 0)))
    return encode(do.TAG_KEYPAD_CAPABILITIES, keys)


def _presence(slot: Slot) -> int:
    """CLIF status octet (5.5.10.12): ISO/IEC 14443 type A; absent, present, active."""
    if slot.card is None:
        return 0x10
    return 0x13 if slot.active else 0x11


def _interface_capabilities(longest: int, *, contactless: bool) -> bytes:
    # 5.5.10.15: ID-1, no mechanics, contacts C1–C7, asynchronous, T=1 by ISO 7816, nothing synchronous or wireless.
    octets = (0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01) if contactless else (0x02, 0x00, 0x7F, 0x01, 0x42, 0x00, 0x00)
    parts = b"".join(encode(0x80 + index, bytes([octet])) for index, octet in enumerate(octets))
    return encode(do.TAG_INTERFACE_CAPABILITIES, parts, encode(0x87, longest.to_bytes(2, "big")))


def _icc_status(machine: Machine) -> bytes:
    return encode(do.TAG_ICC_STATUS, bytes(slot.status for slot in machine))


def _unit_list(machine: Machine) -> bytes:
    return encode(do.TAG_UNIT_LIST, b"".join(map(encode_unit, machine.units)))


def _manufacturer(machine: Machine) -> do.Manufacturer:
    config = machine.config
    version, group = machine.firmware
    ehealth = do.EhealthData(
        config.interface_version,
        "KT",
        config.product_type_version,
        config.model,
        version,
        config.hardware_version,
        group,
        config.vendor_text,
    )
    return do.Manufacturer(config.manufacturer, SICCT_VERSION, _SOFTWARE_VERSION, ehealth)
