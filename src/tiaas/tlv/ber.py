"""BER-TLV data objects with definite length (ISO/IEC 7816-4, 6.3).

Wire format of one data object:

    tag     1–3 octets   b5–b1 of the first all set: more follow, b8 of each further one says "and more"
    length  1–5 octets   00–7F itself; 81–84: that many octets follow, big-endian
    value   length octets

A tag is kept as the integer of its octets (`0x7F4E`), as specifications write it. Indefinite length (80)
is not allowed in ISO/IEC 7816 and refused, so is the tag 00 (there padding, not a data object). Lengths longer than
needed are accepted (BER), written shortest.
"""

from collections.abc import Iterable

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

_MAX_LENGTH_OCTETS = 4
_MAX_TAG_OCTETS = 3


class BadTlv(TiaasError):
    """Octets that are not BER-TLV data objects, or not the expected ones."""


@dataclass(frozen=True, slots=True)
class Tlv:
    """One data object: its tag as integer and its value octets."""

    tag: int
    value: bytes

    @property
    def constructed(self) -> bool:
        """True if the value consists of data objects (b6 of the first tag octet)."""
        first = self.tag
        while first > 0xFF:
            first >>= 8
        return bool(first & 0x20)

    def encode(self) -> bytes:
        """The wire octets."""
        return encode(self.tag, self.value)

    def children(self) -> tuple["Tlv", ...]:
        """The data objects in the value; raises `BadTlv` if the value is none."""
        return decode_untrusted(self.value)

    def child(self, tag: int) -> "Tlv":
        """The first data object with `tag` in the value; raises `BadTlv` if there is none."""
        found = find(self.children(), tag)
        if found is None:
            raise BadTlv(f"data object {tag:X} missing in {self.tag:X}")
        return found


def encode(tag: int, *parts: bytes | Tlv) -> bytes:
    """A data object whose value is the concatenation of `parts`, with the shortest length field."""
    value = b"".join([part if isinstance(part, bytes) else part.encode() for part in parts])
    return header(tag, len(value)) + value


def header(tag: int, length: int) -> bytes:
    """Tag and shortest length field of a data object with `length` octets of value."""
    if 0 < tag <= 0xFF:
        if length < 0x80:
            return bytes((tag, length))
        if length < 0x100:
            return bytes((tag, 0x81, length))
        if length < 0x10000:
            return bytes((tag, 0x82, length >> 8, length & 0xFF))
    return _encode_tag(tag) + _encode_length(length)


def find(objects: Iterable[Tlv], tag: int) -> Tlv | None:
    """The first of `objects` with that tag, or None."""
    return next((item for item in objects if item.tag == tag), None)


def decode_untrusted(data: bytes, most: int | None = None) -> tuple[Tlv, ...]:
    """All data objects that fill `data` exactly (none for empty data), not more than `most`; raises only `BadTlv`."""
    found: list[Tlv] = []
    position = 0
    while position < len(data):
        if len(found) == most:
            raise BadTlv(f"more than {most} data objects")
        item, position = _read(data, position)
        found.append(item)
    return tuple(found)


def decode_one_untrusted(data: bytes) -> tuple[Tlv, bytes]:
    """The first data object and the octets behind it; raises only `BadTlv`."""
    item, position = _read(data, 0)
    return item, data[position:]


def _read(data: bytes, position: int) -> tuple[Tlv, int]:
    # Nearly all have one octet for the tag and one for the length; a call each would cost as much as the rest.
    first = position + 2
    if first <= len(data):
        tag, length = data[position], data[position + 1]
        if length < 0x80 and tag and tag & 0x1F != 0x1F and first + length <= len(data):
            return Tlv(tag, bytes(data[first : first + length])), first + length
    tag, position = _read_tag(data, position)
    length, position = _read_length(data, position)
    end = position + length
    if end > len(data):
        raise BadTlv(f"length {length} of tag {tag:X} exceeds the {len(data) - position} octets left")
    return Tlv(tag, bytes(data[position:end])), end


def _read_tag(data: bytes, position: int) -> tuple[int, int]:
    if position >= len(data):
        raise BadTlv("tag missing")
    tag = data[position]
    position += 1
    if not tag:
        raise BadTlv("00 is no tag")
    if tag & 0x1F != 0x1F:
        return tag, position
    for _ in range(_MAX_TAG_OCTETS - 1):
        if position >= len(data):
            raise BadTlv("tag cut off")
        octet = data[position]
        position += 1
        tag = tag << 8 | octet
        if not octet & 0x80:
            return tag, position
    raise BadTlv("tag longer than three octets")


def _read_length(data: bytes, position: int) -> tuple[int, int]:
    if position >= len(data):
        raise BadTlv("length missing")
    first = data[position]
    position += 1
    if first < 0x80:
        return first, position
    count = first & 0x7F
    if not 1 <= count <= _MAX_LENGTH_OCTETS:
        raise BadTlv(f"length field {first:02X} not allowed")
    if position + count > len(data):
        raise BadTlv("length cut off")
    return int.from_bytes(data[position : position + count], "big"), position + count


def _encode_tag(tag: int) -> bytes:
    if tag <= 0:
        raise ValueError("a tag is a positive integer")
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big")


def _encode_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    if len(octets) > _MAX_LENGTH_OCTETS:
        raise ValueError("value too long")
    return bytes([0x80 | len(octets)]) + octets
