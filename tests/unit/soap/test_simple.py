"""Simple types: lexical spaces of XML Schema 1.0 part 2."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from tiaas.interfaces.card_terminal_info_v8_0 import IPV4, IPV6, MAC
from tiaas.soap.simple import (
    ANY_TYPE,
    ANY_URI,
    BASE64_BINARY,
    BOOLEAN,
    DATE,
    DATE_TIME,
    HEX_BINARY,
    INTEGER,
    NON_NEGATIVE_INTEGER,
    POSITIVE_INTEGER,
    STRING,
    TOKEN,
    UNSIGNED_SHORT,
    Hex,
    String,
)
from tiaas.soap.simpletype import LexicalError, SimpleType, named_type
from tiaas.soap.uris import URI_MAX

GOOD: list[tuple[SimpleType, str, Any]] = [
    (STRING, " a\t\n", " a\t\n"),
    (TOKEN, "\n a  b\t", "a b"),
    (TOKEN, "\xa0a", "\xa0a"),
    (BOOLEAN, "true", True),
    (BOOLEAN, " 0\n", False),
    (INTEGER, "-0012", -12),
    (INTEGER, "0" * 5000 + "7", 7),
    (POSITIVE_INTEGER, "+1", 1),
    (NON_NEGATIVE_INTEGER, "-0", 0),
    (UNSIGNED_SHORT, "65535", 65535),
    (DATE, "2024-02-29", date(2024, 2, 29)),
    (DATE, " 2024-02-29+14:00 ", date(2024, 2, 29)),
    (DATE_TIME, "2025-01-31T10:00:00", datetime(2025, 1, 31, 10)),  # noqa: DTZ001 - no zone is the point
    (DATE_TIME, "2025-01-31T10:00:00Z", datetime(2025, 1, 31, 10, tzinfo=UTC)),
    (DATE_TIME, "2025-12-31T24:00:00.000Z", datetime(2026, 1, 1, tzinfo=UTC)),
    (
        DATE_TIME,
        "2025-01-31T10:00:00.1234567-09:30",
        datetime(2025, 1, 31, 10, 0, 0, 123456, timezone(-timedelta(hours=9, minutes=30))),
    ),
    (BASE64_BINARY, "", b""),
    (BASE64_BINARY, "QU\nI =", b"AB"),
    (HEX_BINARY, "", b""),
    (HEX_BINARY, "\n9fA0 ", b"\x9f\xa0"),
    (Hex(base=HEX_BINARY, min_length=2, max_length=2), "9000", b"\x90\0"),
    (ANY_TYPE, " x\n", " x\n"),
    (ANY_URI, "", ""),
    (ANY_URI, " cetp://[::1]:8888/x ", "cetp://[::1]:8888/x"),
    (ANY_URI, "http://büro.example/a b?c#d", "http://büro.example/a b?c#d"),
    (ANY_URI, "x:a@b:c", "x:a@b:c"),
    (ANY_URI, "//u:p@[v1.a]:/%41?/?#:@", "//u:p@[v1.a]:/%41?/?#:@"),
    (ANY_URI, "urn:" + "a" * (URI_MAX - 4), "urn:" + "a" * (URI_MAX - 4)),
    (TOKEN, "a" + " \t\r\n" * 1000 + "b  c", "a b c"),
    (MAC, "00-1b-8F-00-00-01", "00-1b-8F-00-00-01"),
    (IPV4, "192.168.178.1", "192.168.178.1"),
    (IPV6, "fe80::1", "fe80::1"),
    (IPV6, "::ffff:10.0.0.1", "::ffff:10.0.0.1"),
]
BAD: list[tuple[SimpleType, str]] = [
    (HEX_BINARY, "9"),
    (HEX_BINARY, "9 0"),
    (HEX_BINARY, "0g"),
    (Hex(base=HEX_BINARY, min_length=2), "90"),
    (Hex(base=HEX_BINARY, max_length=2), "900000"),
    (BOOLEAN, "True"),
    (BOOLEAN, "\xa0true"),
    (BOOLEAN, ""),
    (INTEGER, ""),
    (INTEGER, "1.0"),
    (INTEGER, "+-1"),
    (INTEGER, "٣"),
    (INTEGER, "1 2"),
    (INTEGER, "1" * 25),
    (POSITIVE_INTEGER, "0"),
    (NON_NEGATIVE_INTEGER, "-1"),
    (UNSIGNED_SHORT, "65536"),
    (DATE, "2023-02-29"),
    (DATE, "0000-01-01"),
    (DATE, "2024-02-29+14:01"),
    (DATE, "2024-2-29"),
    (DATE_TIME, "2025-01-31"),
    (DATE_TIME, "2025-01-31T10:00Z"),
    (DATE_TIME, "2025-01-31T24:00:01Z"),
    (DATE_TIME, "2025-01-31T10:00:60Z"),
    (DATE_TIME, "2025-01-31 10:00:00Z"),
    (DATE_TIME, "9999-12-31T24:00:00Z"),
    (BASE64_BINARY, "QUI"),
    (BASE64_BINARY, "QUJ="),
    (BASE64_BINARY, "QQ==QQ=="),
    (BASE64_BINARY, "Q-=="),
    (BASE64_BINARY, "QÜ=="),
    (BASE64_BINARY, "===="),
    (ANY_URI, "http://x/%zz"),
    (ANY_URI, ":x"),
    (ANY_URI, "a#b#c"),
    (ANY_URI, "http://[::1"),
    (ANY_URI, "http://a:b/"),
    (ANY_URI, "//a@b@c/"),
    (ANY_URI, "a%4"),
    (ANY_URI, "a\x7f"),
    (ANY_URI, "urn:" + "a" * (URI_MAX - 3)),
    (ANY_URI, " " * URI_MAX + "a"),
    (MAC, "00:1b:8f:00:00:01"),
    (IPV4, "256.0.0.1"),
    (IPV6, "fe80:::1"),
]


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_good_text(kind: SimpleType, text: str, value: Any) -> None:
    assert kind.decode(text) == value


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_bad_text_is_refused_without_repeating_it(kind: SimpleType, text: str) -> None:
    with pytest.raises(LexicalError) as caught:
        kind.decode(text)
    assert not text or text not in str(caught.value)


def test_many_zeros_take_no_longer_than_other_text() -> None:
    """With the square of their number it would take hours to see what stands behind them."""
    with pytest.raises(LexicalError):
        INTEGER.decode("0" * 5_000_000 + "x")
    assert INTEGER.decode("-" + "0" * 5_000_000) == 0


@pytest.mark.pitfall(48)
def test_times_are_written_with_milliseconds_and_zone() -> None:
    moment = datetime(2025, 1, 31, 10, 0, 0, 123999, timezone(timedelta(hours=1)))
    assert DATE_TIME.encode(moment) == "2025-01-31T10:00:00.123+01:00"
    assert DATE_TIME.encode(moment.astimezone(UTC)) == "2025-01-31T09:00:00.123Z"
    with pytest.raises(LexicalError):
        DATE_TIME.encode(moment.replace(tzinfo=None))


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\ufffe", "\x0b"])
def test_characters_that_xml_forbids_are_not_written(text: str) -> None:
    with pytest.raises(LexicalError):
        STRING.encode(text)


def test_length_counts_characters() -> None:
    kind = String(base=STRING, max_length=2)
    assert kind.decode("\U0001f600ä") == "\U0001f600ä"
    with pytest.raises(LexicalError):
        kind.decode("\U0001f600äx")


def test_derivation() -> None:
    token = named_type("{http://www.w3.org/2001/XMLSchema}NCName")
    assert token is not None
    assert token.derives_from(STRING)
    assert not STRING.derives_from(token)
    assert UNSIGNED_SHORT.derives_from(NON_NEGATIVE_INTEGER)
    assert not POSITIVE_INTEGER.derives_from(UNSIGNED_SHORT)
