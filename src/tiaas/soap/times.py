"""`dateTime`, `date` and `duration` of XML Schema 1.0 part 2 (see `tiaas.soap.simple`)."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.soap.simpletype import LexicalError, SimpleType, collapse

_ZONE = r"(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})" + _ZONE, re.ASCII)
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?" + _ZONE, re.ASCII
)


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTime(SimpleType):
    """`dateTime`. Written with milliseconds and zone (`Z` for UTC); a naive value is not written."""

    def decode(self, text: str) -> datetime:
        match = _DATE_TIME.fullmatch(collapse(text))
        if match is None:
            raise LexicalError("is not a dateTime")
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        midnight = hour == "24"
        if midnight and (minute != "00" or second != "00" or (fraction or "").strip("0")):
            raise LexicalError("is not a dateTime")
        try:
            value = datetime(
                int(year), int(month), int(day), 0 if midnight else int(hour), int(minute), int(second),
                int((fraction or "")[:6].ljust(6, "0")), _zone(zone),
            )  # fmt: skip
            return value + timedelta(days=1) if midnight else value
        except (ValueError, OverflowError):
            raise LexicalError("is not a dateTime") from None

    def encode(self, value: Any) -> str:
        moment: datetime = value
        if moment.tzinfo is None:
            raise LexicalError("has no time zone")
        text = moment.isoformat(timespec="milliseconds")
        if text.endswith("+00:00"):
            return text[:-6] + "Z"
        if len(text) != 29:
            raise LexicalError("has an offset with seconds")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Date(SimpleType):
    """`date`. Written without zone."""

    def decode(self, text: str) -> date:
        match = _DATE.fullmatch(collapse(text))
        if match is None:
            raise LexicalError("is not a date")
        try:
            return date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            raise LexicalError("is not a date") from None

    def encode(self, value: Any) -> str:
        day: date = value
        return day.strftime("%Y-%m-%d") if isinstance(day, datetime) else day.isoformat()


_DURATION = re.compile(
    r"(-?)P(?=[0-9T])(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?"
    r"(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:\.([0-9]+))?S)?)?",
    re.ASCII,
)
_DURATION_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration(SimpleType):
    """`duration`, seen as a timedelta in which a year has 365 days and a month 30. Written as hours and seconds."""

    def decode(self, text: str) -> timedelta:
        match = _DURATION.fullmatch(collapse(text))
        if match is None or any(len(part or "") > _DURATION_DIGITS for part in match.groups()[:-1]):
            raise LexicalError("is not a duration")
        years, months, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:7])
        try:
            value = timedelta(
                days=365 * years + 30 * months + days, hours=hours, minutes=minutes, seconds=seconds,
                microseconds=int((match[8] or "")[:6].ljust(6, "0")),
            )  # fmt: skip
        except OverflowError:
            raise LexicalError("is not a duration") from None
        return -value if match[1] else value

    def encode(self, value: Any) -> str:
        span: timedelta = value
        seconds, sign = abs(span) // timedelta(seconds=1), "-" if span < timedelta(0) else ""
        hours, rest = divmod(seconds, 3600)
        return f"{sign}PT{hours}H{rest // 60}M{rest % 60}S"
