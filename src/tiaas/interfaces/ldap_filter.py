"""Search filters of LDAPv3: their text (RFC 4515) and their encoding (RFC 4511, 4.5.1.7).

and A0, or A1 { filter … }   not A2 { filter }   present 87 type
equality A3, greaterOrEqual A5, lessOrEqual A6, approximate A8 { type 04, value 04 }
substrings A4 { type 04, 30 { initial 80, any 81 …, final 82 } }
extensible A9 { rule 81, type 82, value 83, dnAttributes 84 }
"""

import re

from tiaas.base.errors import InvalidInput
from tiaas.tlv import BadTlv, Tlv, decode_untrusted, encode

_OCTETS, _SEQUENCE = 0x04, 0x30
_AND, _OR, _NOT, _SUBSTRINGS, _PRESENT, _EXTENSIBLE = 0xA0, 0xA1, 0xA2, 0xA4, 0x87, 0xA9
_COMPARISONS = {0xA3: "=", 0xA5: ">=", 0xA6: "<=", 0xA8: "~="}
_TAGS = {sign: tag for tag, sign in _COMPARISONS.items()}
_INITIAL, _ANY, _FINAL = 0x80, 0x81, 0x82
_DEPTH_MAX = 32
_ITEM = re.compile(r"([A-Za-z][A-Za-z0-9;.-]*|[0-9][0-9.]*(?:;[A-Za-z0-9-]+)*)(=|>=|<=|~=)([^()\0]*)")
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2})")


def escape(value: str) -> str:
    """A value for a filter's text, so that it means itself (RFC 4515, 3)."""
    return re.sub(r"[\\*()\0]", lambda found: f"\\{ord(found[0]):02x}", value)


def encode_filter(text: str) -> bytes:
    """The octets of a filter. Extensible matches are not written. Raises `InvalidInput`."""
    octets, rest = _filter(text.strip(), _DEPTH_MAX)
    if rest:
        raise InvalidInput("there is more behind the filter's last bracket")
    return octets


def check_filter_untrusted(item: Tlv) -> None:
    """Raises `BadTlv` for anything but a filter; a filter nests 32 deep at most."""
    _walk(item, _DEPTH_MAX)


def filter_text(octets: bytes) -> str:
    """The text of a filter's octets. Raises `BadTlv`."""
    (item,) = decode_untrusted(octets)
    check_filter_untrusted(item)
    return _text(item)


def _filter(text: str, depth: int) -> tuple[bytes, str]:
    if not depth:
        raise InvalidInput("the filter nests too deep")
    if not text.startswith("("):
        raise InvalidInput("a filter begins with a bracket, like (mail=a@b.example)")
    if text[1:2] in ("&", "|"):
        parts, rest = [], text[2:]
        while rest.startswith("("):
            part, rest = _filter(rest, depth - 1)
            parts.append(part)
        return encode(_AND if text[1] == "&" else _OR, *parts), _closed(rest)
    if text[1:2] == "!":
        part, rest = _filter(text[2:], depth - 1)
        return encode(_NOT, part), _closed(rest)
    found = _ITEM.match(text, 1)
    if found is None:
        raise InvalidInput("a filter compares, like (cn=Meier*)")
    return _item(*found.groups()), _closed(text[found.end() :])


def _closed(rest: str) -> str:
    if not rest.startswith(")"):
        raise InvalidInput("a bracket of the filter is not closed")
    return rest[1:]


def _item(name: str, sign: str, value: str) -> bytes:
    kind = encode(_OCTETS, name.encode())
    if sign != "=" or "*" not in value:
        return encode(_TAGS[sign], kind, encode(_OCTETS, _unescaped(value)))
    if value == "*":
        return encode(_PRESENT, name.encode())
    first, *middle, last = value.split("*")
    pieces = [encode(_INITIAL, _unescaped(first))] if first else []
    pieces += [encode(_ANY, _unescaped(piece)) for piece in middle if piece]
    pieces += [encode(_FINAL, _unescaped(last))] if last else []
    if not pieces:
        return encode(_PRESENT, name.encode())
    return encode(_SUBSTRINGS, kind, encode(_SEQUENCE, *pieces))


def _unescaped(value: str) -> bytes:
    octets = value.encode()
    if b"\\" in _ESCAPED.sub(b"", octets):
        raise InvalidInput("a backslash in a filter is followed by two hexadecimal digits")
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), octets)


def _walk(item: Tlv, depth: int) -> None:
    if not depth:
        raise BadTlv("the filter nests too deep")
    if item.tag in (_AND, _OR):
        for part in item.children():
            _walk(part, depth - 1)
    elif item.tag == _NOT:
        _only(item, 1)
        _walk(item.children()[0], depth - 1)
    elif item.tag in _COMPARISONS:
        if any(part.tag != _OCTETS for part in _only(item, 2)):
            raise BadTlv("comparison")
    elif item.tag == _SUBSTRINGS:
        _check_substrings(item)
    elif item.tag == _EXTENSIBLE:
        _check_extensible(item)
    elif item.tag != _PRESENT:
        raise BadTlv("filter")


def _only(item: Tlv, count: int) -> tuple[Tlv, ...]:
    parts = item.children()
    if len(parts) != count:
        raise BadTlv(f"{count} parts expected")
    return parts


def _check_substrings(item: Tlv) -> None:
    kind, pieces = _only(item, 2)
    tags = [piece.tag for piece in pieces.children()]
    if kind.tag != _OCTETS or pieces.tag != _SEQUENCE or not tags:
        raise BadTlv("substrings")
    if not set(tags) <= {_INITIAL, _ANY, _FINAL} or _INITIAL in tags[1:] or _FINAL in tags[:-1]:
        raise BadTlv("substrings")


def _check_extensible(item: Tlv) -> None:
    tags = [part.tag for part in item.children()]
    if tags != sorted(set(tags)) or 0x83 not in tags or not set(tags) <= {0x81, 0x82, 0x83, 0x84}:
        raise BadTlv("extensible match")


def _text(item: Tlv) -> str:
    if item.tag in (_AND, _OR, _NOT):
        sign = {_AND: "&", _OR: "|", _NOT: "!"}[item.tag]
        return f"({sign}{''.join(_text(part) for part in item.children())})"
    if item.tag == _PRESENT:
        return f"({_shown(item.value)}=*)"
    if item.tag in _COMPARISONS:
        kind, value = item.children()
        return f"({_shown(kind.value)}{_COMPARISONS[item.tag]}{_shown(value.value)})"
    if item.tag == _SUBSTRINGS:
        kind, pieces = item.children()
        listed = pieces.children()
        inner = "*".join(_shown(piece.value) for piece in listed)
        first = "" if listed[0].tag == _INITIAL else "*"
        last = "" if listed[-1].tag == _FINAL else "*"
        return f"({_shown(kind.value)}={first}{inner}{last})"
    parts = {part.tag: _shown(part.value) for part in item.children()}
    attributes = ":dn" if parts.get(0x84, "") not in ("", "\\00") else ""
    rule = f":{parts[0x81]}" if 0x81 in parts else ""
    return f"({parts.get(0x82, '')}{attributes}{rule}:={parts[0x83]})"


def _shown(value: bytes) -> str:
    try:
        return escape(value.decode())
    except UnicodeDecodeError:
        return "".join(f"\\{octet:02x}" for octet in value)
