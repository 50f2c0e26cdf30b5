"""The lab's directory itself: its limits, and a lab without it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tiaas.interfaces.ldap_filter import encode_filter
from tiaas.interfaces.ldap_v3 import (
    Entry,
    FrameReader,
    Message,
    Operation,
    SearchRequest,
    decode_entry_untrusted,
    decode_message_untrusted,
    decode_result_untrusted,
)
from tiaas.lab.vzd import slapd
from tiaas.lab.vzd.directory import VzdService
from tiaas.lab.vzd.entries import BASE, DirectoryEntry, ldif, practice_entry
from tiaas.lab.vzd.slapd import RESULTS_MAX, NoSlapd, Slapd


async def search(directory: Slapd, filter_: str) -> tuple[list[Entry], int]:
    """What the directory finds, and its result code."""
    reader, writer = await asyncio.open_unix_connection(directory.socket)
    request = SearchRequest(BASE, encode_filter(filter_))
    writer.write(Message(1, Operation.SEARCH_REQUEST, request.encode()).encode())
    frames = FrameReader(1 << 20)
    entries: list[Entry] = []
    try:
        async with asyncio.timeout(60):
            while data := await reader.read(65536):
                for frame in frames.feed_untrusted(data):
                    message = decode_message_untrusted(frame)
                    if message.operation == Operation.SEARCH_DONE:
                        return entries, decode_result_untrusted(message.body).code
                    entries.append(decode_entry_untrusted(message.body))
    finally:
        writer.close()
    raise AssertionError("the directory ended")


@pytest.mark.requirement("TIP1-A_5552")
async def test_a_hundred_entries_and_no_more(tmp_path: Path) -> None:
    if slapd.find_slapd() is None:
        pytest.skip("needs slapd (Debian package slapd)")
    people = [
        DirectoryEntry(f"p-{number}", (("cn", f"Jürgen {number}"), ("sn", "Größenwäger"), ("entryType", "1")))
        for number in range(RESULTS_MAX + 20)
    ]
    directory = await Slapd.start(tmp_path / "vzd", ldif(people))
    try:
        entries, code = await search(directory, "(sn=GRÖSSENWÄGER)")
        assert (len(entries), code) == (0, 0)
        entries, code = await search(directory, "(sn=größenw*)")
        assert (len(entries), code) == (RESULTS_MAX, 4)
        entries, code = await search(directory, "(cn=jürgen 7)")
        assert ([entry.name for entry in entries], code) == ([f"uid=p-7,{BASE}"], 0)
    finally:
        await directory.stop()
    assert not (tmp_path / "vzd").exists()


async def test_what_slapd_does_not_take_is_said(tmp_path: Path) -> None:
    if slapd.find_slapd() is None:
        pytest.skip("needs slapd (Debian package slapd)")
    with pytest.raises(NoSlapd, match="does not take"):
        await Slapd.start(tmp_path / "vzd", ldif([DirectoryEntry("x", (("noSuchAttribute", "x"),))]))


async def test_without_slapd_there_is_no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slapd, "find_slapd", lambda: None)
    nothing: Any = None
    service = VzdService(nothing, nothing, lambda: (), nothing, nothing)
    await service.start(nothing)
    assert service.url == ""
    assert "apt-get install slapd" in service.missing
    await service.stop()


def test_who_has_no_valid_certificate_is_not_listed() -> None:
    institution: Any = None
    assert practice_entry(institution, [b"", b"x"], datetime(2026, 1, 1, tzinfo=UTC), 1) is None
