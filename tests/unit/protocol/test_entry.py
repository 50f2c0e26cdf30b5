"""The line of an entry."""

import json
from dataclasses import fields
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tiaas.konnektor.protocol.entry import Entry, Level, LogType, read_line_untrusted, seal_line

_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
_ENTRIES = st.builds(
    Entry,
    st.integers(1, 10**12),
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
    st.sampled_from(LogType),
    st.sampled_from(Level),
    topic=_TEXT,
    code=st.none() | st.integers(1, 99_999),
    text=_TEXT,
    fm=_TEXT,
    event_id=_TEXT,
    message_id=_TEXT,
    operation=_TEXT,
    call=_TEXT,
    parameters=st.dictionaries(_TEXT, _TEXT, max_size=3).map(lambda pairs: tuple(pairs.items())),
)


@given(_ENTRIES)
def test_an_entry_comes_back_from_its_line(entry: Entry) -> None:
    line, _ = seal_line(entry, entry.number, bytes(16), bytes(32))
    assert read_line_untrusted(line) == entry


@given(_ENTRIES)
def test_a_line_is_what_the_general_way_would_write(entry: Entry) -> None:
    """By the standard library, in the order of the fields, without what is empty."""
    told = {field.name: getattr(entry, field.name) for field in fields(entry)}
    told["at"], told["parameters"] = entry.at.isoformat(timespec="milliseconds"), dict(entry.parameters)
    said = {key: value for key, value in told.items() if value}
    general = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    line, seal = seal_line(entry, entry.number, bytes(16), bytes(32))
    assert line == f'{general[:-1]},"seal":"{seal.hex()}"}}\n'.encode()


def test_what_is_empty_is_left_out() -> None:
    entry = Entry(7, datetime(2026, 1, 31, 12, tzinfo=UTC), LogType.OPERATION, Level.ERROR)
    shown = {"number": 7, "at": "2026-01-31T12:00:00.000+00:00", "type": "Op", "level": "Error"}
    assert entry.document() == shown
