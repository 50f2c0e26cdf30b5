"""Texts and dates in PDF documents (ISO 32000-1:2008, 7.9)."""

import re
from datetime import UTC, datetime, timedelta, timezone

from tiaas.ades.pdfvalues import Value

_DATE = re.compile(
    r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)(?:00'?(?:00'?)?)?|([+-])(\d\d)'?(?:(\d\d)'?)?)?"
)
# PDFDocEncoding where it is not ISO 8859-1 (ISO 32000-1, table D.2).
_DOC_ENCODING = dict(
    zip((*range(0x18, 0x20), *range(0x80, 0x9F), 0xA0), "˘ˇˆ˙˝˛˚˜•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž€", strict=True)
)
_MAX_OCTETS = 32_767
"""Of a string (ISO 32000-1, Annex C)."""


def text(value: Value) -> str | None:
    """A text string (7.9.2.2); None for anything else, and for a longer one. What cannot be decoded becomes U+FFFD."""
    if not isinstance(value, bytes) or type(value) is not bytes or len(value) > _MAX_OCTETS:
        return None
    if value.startswith(b"\xfe\xff"):
        return value[2:].decode("utf-16-be", "replace")
    if value.startswith(b"\xef\xbb\xbf"):
        return value[3:].decode("utf-8", "replace")
    return value.decode("latin-1").translate(_DOC_ENCODING)


def text_string(value: str) -> bytes:
    """The octets of a text string."""
    plain = value.isascii() and value.isprintable()
    return value.encode("ascii") if plain else b"\xfe\xff" + value.encode("utf-16-be", "replace")


def date(value: Value) -> datetime | None:
    """A date (7.9.4), aware; without a zone UTC is taken. None for what is none."""
    match = _DATE.fullmatch(text(value) or "")
    if match is None:
        return None
    year, month, day, hour, minute, second, _, sign, hours, minutes = match.groups()
    try:
        east = timedelta(hours=int(hours), minutes=int(minutes or 0)) if sign else timedelta()
        zone = timezone(east if sign != "-" else -east)
        return datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def date_string(moment: datetime) -> bytes:
    """The octets of a date, in UTC; nothing in them needs an escape."""
    utc = moment.astimezone(UTC)
    return b"D:%04d%02d%02d%02d%02d%02d+00'00'" % (utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second)
