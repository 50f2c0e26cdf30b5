"""Data objects of terminal commands (SICCT V1.3.0, 5.5.10; gemSpec_KT V3.17.0, DO_KT_0001…0005).

Texts (50, A0) are in `text`, events in `events`.
"""

from collections.abc import Sequence

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.tlv import BadTlv, Tlv, decode_untrusted, encode

TAG_MANUFACTURER = 0x46
TAG_COMMAND_TO_PERFORM = 0x52
TAG_PPS = 0x53
TAG_TERMINAL_STATUS = 0x63
TAG_INTERFACE_CAPABILITIES = 0x66
TAG_DISPLAY_CAPABILITIES = 0x67
TAG_SEQUENCE_NUMBER = 0x68
TAG_SESSION = 0x69
TAG_KEYPAD_CAPABILITIES = 0x6A
TAG_DOWNLOAD = 0x73
TAG_ICC_STATUS = 0x80  # in an answer; in a command the same tag is a waiting time
TAG_WAIT = 0x80
TAG_UNIT_LIST = 0x81
TAG_CONTACTLESS_STATUS = 0x83
TAG_UNIT_INDEX = 0x84
TAG_CHARACTER_SET = 0x85
TAG_UNIT_NAME = 0xA1
TAG_UNIT_CONTEXT = 0xA2
TAG_SHARED_SECRET = 0xD4
TAG_CHALLENGE = 0xD5
TAG_CHALLENGE_RESPONSE = 0xD6
TAG_EHEALTH_DATA = 0xD7
TAG_ATR = 0x5F41
TAG_HISTORICAL_BYTES = 0x5F52
_TAG_PRINTABLE = 0x13
TAG_OCTETS = 0x04

_MAX_ACCOUNT = 12
_MAX_NAME = 32
_VERSION_SIZE = 9


@dataclass(frozen=True, slots=True)
class Session:
    """CT session object (5.5.10.27): three strings of up to twelve characters."""

    user: str
    password: Secret
    session_id: str


def encode_session(session: Session) -> bytes:
    """Object 69."""
    parts = (session.user.encode("ascii"), session.password.reveal(), session.session_id.encode("ascii"))
    return encode(TAG_SESSION, *(encode(_TAG_PRINTABLE, part) for part in parts))


def decode_session_untrusted(value: bytes) -> Session:
    """The value of object 69; raises only `BadSicct`."""
    parts = _objects(value, "session")
    if [part.tag for part in parts] != [_TAG_PRINTABLE] * 3 or any(len(part.value) > _MAX_ACCOUNT for part in parts):
        raise BadSicct("session", "three printable strings of up to 12 octets expected")
    if not all(part.value.isascii() for part in parts):
        raise BadSicct("session", "not printable")
    user, password, session_id = (part.value for part in parts)
    return Session(user.decode("ascii"), Secret(password), session_id.decode("ascii"))


def encode_wait(seconds: int) -> bytes:
    """Waiting time object (5.5.10.21)."""
    return encode(TAG_WAIT, bytes([max(0, min(seconds, 255))]))


@dataclass(frozen=True, slots=True)
class CommandToPerform:
    """Object 52 (5.5.10.22): where the terminal puts the PIN into which card command.

    control    b8–b5 length of the PIN (0 variable, 4–12), b4–b1: 2 = format 2 block, 6 = length is a minimum for
               the new PIN
    positions  one (PERFORM) or two (MODIFY) octet positions counted from 1 at CLA; the first 0 = Null-PIN
    apdu       the card command, as header or with Lc and filling
    """

    control: int
    positions: tuple[int, ...]
    apdu: bytes

    @property
    def pin_length(self) -> int:
        """Digits, 0 if variable."""
        return self.control >> 4

    @property
    def is_minimum(self) -> bool:
        """True if `pin_length` is the least length of the new PIN only."""
        return bool(self.control & 0x04)

    def encode(self) -> bytes:
        """The data object."""
        return encode(TAG_COMMAND_TO_PERFORM, bytes([self.control, *self.positions]) + self.apdu)


def decode_command_to_perform_untrusted(value: bytes, positions: int) -> CommandToPerform:
    """The value of object 52 with that many positions; raises only `BadSicct`."""
    if len(value) < 1 + positions + 4:
        raise BadSicct("command to perform", f"{len(value)} octets")
    return CommandToPerform(value[0], tuple(value[1 : 1 + positions]), value[1 + positions :])


def encode_unit_name(name: str) -> bytes:
    """Object A1 (5.5.10.11); an empty name deletes."""
    return encode(TAG_UNIT_NAME, encode(_TAG_PRINTABLE, name.encode("ascii")))


def decode_unit_name_untrusted(value: bytes) -> str:
    """The value of object A1; raises only `BadSicct`."""
    if not value:
        return ""
    parts = _objects(value, "unit name")
    if len(parts) != 1 or parts[0].tag != _TAG_PRINTABLE or len(parts[0].value) > _MAX_NAME:
        raise BadSicct("unit name", "one printable string of up to 32 octets expected")
    if not parts[0].value.isascii():
        raise BadSicct("unit name", "not printable")
    return parts[0].value.decode("ascii")


@dataclass(frozen=True, slots=True)
class Manufacturer:
    """Object 46 with object D7 inside; versions as three numbers."""

    manufacturer: str
    sicct_version: str
    software_version: str
    ehealth: "EhealthData"

    def encode(self) -> bytes:
        """The data object."""
        head = "".join(
            f"{part:<5.5}" for part in (self.manufacturer, self.sicct_version, self.software_version)
        ).encode("ascii")
        return encode(TAG_MANUFACTURER, head, self.ehealth.encode())


@dataclass(frozen=True, slots=True)
class EhealthData:
    """Object D7: discretionary data of an eHealth terminal (DO_KT_0001, DO_KT_0002)."""

    interface_version: tuple[int, int, int]
    product_type: str
    product_type_version: tuple[int, int, int]
    model: str
    firmware_version: tuple[int, int, int]
    hardware_version: tuple[int, int, int]
    firmware_group: str
    vendor_text: str = ""

    def encode(self) -> bytes:
        """The data object."""
        text = "".join(
            (
                _version(self.interface_version),
                f"{self.product_type:<2.2}",
                _version(self.product_type_version),
                f"{self.model:>8.8}",
                _version(self.firmware_version),
                _version(self.hardware_version),
                f"{self.firmware_group:<5.5}",
                f"{self.vendor_text:.59}",
            )
        )
        return encode(TAG_EHEALTH_DATA, text.encode("ascii"))


def decode_manufacturer_untrusted(value: bytes) -> Manufacturer:
    """The value of object 46; raises only `BadSicct`, also if object D7 is missing."""
    if len(value) < 15 or not value[:15].isascii():
        raise BadSicct("manufacturer", "head of 15 ASCII octets expected")
    head = value[:15].decode("ascii")
    inner = next((part for part in _objects(value[15:], "manufacturer") if part.tag == TAG_EHEALTH_DATA), None)
    if inner is None:
        raise BadSicct("manufacturer", "no D7: not an eHealth terminal")
    return Manufacturer(head[:5].strip(), head[5:10].strip(), head[10:15].strip(), _decode_ehealth(inner.value))


def _decode_ehealth(value: bytes) -> EhealthData:
    if not 51 <= len(value) <= 110 or not value.isascii():
        raise BadSicct("eHealth data", f"{len(value)} octets")
    fields: list[str] = []
    text, position = value.decode("ascii"), 0
    for size in (9, 2, 9, 8, 9, 9, 5):
        fields.append(text[position : position + size])
        position += size
    return EhealthData(
        _parse_version(fields[0]),
        fields[1].strip(),
        _parse_version(fields[2]),
        fields[3].strip(),
        _parse_version(fields[4]),
        _parse_version(fields[5]),
        fields[6].strip(),
        text[position:].strip(),
    )


def _version(numbers: Sequence[int]) -> str:
    return "".join(f"{number:>3}" for number in numbers)


def _parse_version(text: str) -> tuple[int, int, int]:
    parts = [text[start : start + 3].strip() for start in range(0, _VERSION_SIZE, 3)]
    if not all(part.isdigit() for part in parts):
        raise BadSicct("eHealth data", "version is not three numbers")
    return int(parts[0]), int(parts[1]), int(parts[2])


def decode_objects_untrusted(data: bytes) -> tuple[Tlv, ...]:
    """The data objects of a command or answer; raises only `BadSicct`."""
    return _objects(data, "data field")


def _objects(data: bytes, what: str) -> tuple[Tlv, ...]:
    try:
        return decode_untrusted(data)
    except BadTlv as bad:
        raise BadSicct(what, str(bad)) from bad


def decode_only_untrusted(data: bytes, tag: int) -> bytes:
    """The value of the object `tag` that an answer consists of; raises only `BadSicct`."""
    for item in _objects(data, f"object {tag:X}"):
        if item.tag == tag:
            return item.value
    raise BadSicct(f"object {tag:X}", "missing")


def historical_bytes(atr: bytes) -> bytes:
    """The historical bytes of an ATR (ISO/IEC 7816-3, 8.2), empty if it is malformed."""
    if len(atr) < 2:
        return b""
    count, indicator, position = atr[1] & 0x0F, atr[1] >> 4, 2
    while indicator:
        position += bin(indicator & 0x07).count("1")
        if not indicator & 0x08 or position >= len(atr):
            break
        indicator = atr[position] >> 4
        position += 1
    return atr[position : position + count]
