"""The data of PDF streams: FlateDecode with PNG predictors, nothing else (ISO 32000-1:2008, 7.4.4).

Only what holds a document together comes through here (cross-references, object streams, XMP); pages are never read.
"""

import io
import zlib

from tiaas.ades.pdfvalues import BadPdf, Budget, Dictionary, Value
from tiaas.base.slices import SLICE, copied, slices
from tiaas.base.unlocked import Octets

MAX_DECODED = 16 * 1024 * 1024
"""Octets that one stream may decode to."""

_PNG = 10
_AT_ONCE = (0, 2)
"""Kinds of rows that are worked out as a whole."""
_ROW_COST = 32
"""A row of a predictor costs as much time as so many octets that are only unpacked, and so does each of its octets
where every one is worked out by itself."""


def decoded(dictionary: Dictionary, data: Octets, budget: Budget, limit: int = MAX_DECODED) -> bytes:
    """What a stream's data decode to, charged to the `budget` as the data themselves are already.

    Raises `BadPdf` for another filter, damaged data and more than `limit` octets.
    """
    filters = _listed(dictionary.get(b"Filter"))
    parameters = _listed(dictionary.get(b"DecodeParms"))
    if not filters:
        if len(data) > limit:
            raise BadPdf("a stream that is too large")
        return copied(data)
    if filters != [b"FlateDecode"]:
        raise BadPdf("a filter that is not read here")
    inflated = _inflated(data, limit)
    budget.octets(len(inflated))
    return _unpredicted(inflated, parameters[0], budget) if parameters and isinstance(parameters[0], dict) else inflated


def _listed(value: Value) -> list[Value]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _inflated(data: Octets, limit: int) -> bytes:
    inflater, out = zlib.decompressobj(), io.BytesIO()
    try:
        for part in slices(data):
            rest: Octets = part
            while not inflater.eof:
                octets = inflater.decompress(rest, SLICE)
                if out.tell() + len(octets) > limit:
                    raise BadPdf("a stream that decodes to too much")
                out.write(octets)
                rest = inflater.unconsumed_tail
                if not rest and len(octets) < SLICE:
                    break
    except zlib.error:
        raise BadPdf("damaged compressed data") from None
    return out.getvalue()


def _unpredicted(data: bytes, parameters: Dictionary, budget: Budget) -> bytes:
    predictor, columns = parameters.get(b"Predictor", 1), parameters.get(b"Columns", 1)
    if predictor == 1:
        return data
    if not isinstance(predictor, int) or predictor < _PNG or not isinstance(columns, int) or not 0 < columns <= 64:
        raise BadPdf("a predictor that is not read here")
    if any(parameters.get(key, default) != default for key, default in ((b"Colors", 1), (b"BitsPerComponent", 8))):
        raise BadPdf("a predictor that is not read here")
    rows = io.BytesIO()
    above = bytes(columns)
    for start in range(0, len(data), columns + 1):
        row = data[start + 1 : start + 1 + columns]
        if len(row) < columns:
            raise BadPdf("an incomplete row")
        budget.octets(_ROW_COST * (1 if data[start] in _AT_ONCE else columns))
        above = _row(data[start], row, above)
        rows.write(above)
    return rows.getvalue()


def _row(kind: int, row: bytes, above: bytes) -> bytes:
    """One row of octets (PNG, W3C Recommendation of 10 November 2003, 9.2)."""
    if kind == 0:
        return row
    if kind == 2:
        return _added(row, above)
    done = bytearray()
    for at, octet in enumerate(row):
        left, corner = (done[at - 1], above[at - 1]) if at else (0, 0)
        match kind:
            case 1:
                predicted = left
            case 3:
                predicted = (left + above[at]) // 2
            case 4:
                predicted = _paeth(left, above[at], corner)
            case _:
                raise BadPdf("an unknown predictor")
        done.append((octet + predicted) & 0xFF)
    return bytes(done)


def _added(row: bytes, above: bytes) -> bytes:
    """Octet by octet modulo 256, all at once: the top bits are kept out of the sum and added without carry."""
    size = len(row)
    low, high = int.from_bytes(b"\x7f" * size), int.from_bytes(b"\x80" * size)
    left, right = int.from_bytes(row), int.from_bytes(above)
    return (((left & low) + (right & low)) ^ ((left ^ right) & high)).to_bytes(size)


def _paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    return min((left, above, corner), key=lambda octet: abs(estimate - octet))
