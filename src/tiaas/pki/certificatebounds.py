"""How many elements a certificate or a Name has, counted before they are read for 0.02 ms each (RFC 5280, 4.1).

An extension holds DER in an OCTET STRING, which that reader reads, too; what looks like it is counted with the rest. A
certificate of the TI has 100 elements, one of a web server with a hundred names 300.
"""

ELEMENTS_MAX = 1000
_CONSTRUCTED, _OCTET_STRING, _SEQUENCE = 0x20, 0x04, b"\x30"


def check_bounds(der: bytes) -> None:
    """Raises `ValueError` for too many elements. What cannot be followed nobody reads any further."""
    _, first, length = _header(der, 0)
    # Card files are padded behind it.
    stop = min(first + length, len(der)) if length else len(der)
    _count(der, 0, stop, ELEMENTS_MAX, in_strings=True)


def _count(der: bytes, position: int, stop: int, left: int, *, in_strings: bool) -> int:
    """How many of `left` elements remain after those from `position` to `stop`.

    Behind the header of a constructed element its first one follows, so nothing has to be remembered, and the zero
    octets that end contents of indefinite length count like any element.
    """
    while position < stop:
        if not left:
            raise ValueError("too many elements")
        left -= 1
        tag, position, length = _header(der, position)
        if tag & _CONSTRUCTED:
            continue
        end = min(position + length, stop)
        if in_strings and tag == _OCTET_STRING and der[position:end].startswith(_SEQUENCE):
            left = _count(der, position, end, left, in_strings=False)
        position = end
    return left


def _header(der: bytes, position: int) -> tuple[int, int, int]:
    """The first octet of the tag, where the content begins, and its length: 0 for an indefinite one."""
    tag = der[position]
    position += 1
    if tag & 0x1F == 0x1F:
        while der[position : position + 1] > b"\x7f":
            position += 1
        position += 1
    size = der[position] if position < len(der) else 0
    position += 1
    if size < 0x80:
        return tag, position, size
    first = position + size - 0x80
    return tag, first, int.from_bytes(der[position:first], "big")
