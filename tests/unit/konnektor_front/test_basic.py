"""HTTP Basic: header and password check."""

from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.konnektor.basic import BasicUsers, Credentials, parse_basic_untrusted
from tiaas.konnektor.sqlite_store import SqliteStore


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Bearer YTpi", "Basic " + b64encode(b"nocolon").decode()])
def test_what_is_no_basic_header(header: str) -> None:
    assert parse_basic_untrusted(header) is None


def test_charsets_and_colons() -> None:
    assert parse_basic_untrusted("bAsIc " + b64encode("ä:b:c".encode()).decode()) == Credentials("ä", Secret(b"b:c"))
    assert parse_basic_untrusted("Basic " + b64encode("ä:b".encode("latin-1")).decode()) == Credentials(
        "ä", Secret(b"b")
    )


@given(st.text())
def test_any_text_is_read_or_refused(header: str) -> None:
    parse_basic_untrusted(header)
    parse_basic_untrusted(f"Basic {header}")


async def test_users_are_kept_as_hashes(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s")
    handle = store.bind(await store.take_over("a"))
    users = await BasicUsers.load(handle, SeededEntropy(b"1"))
    await users.put("praxis", Secret(b"geheim"))
    assert "geheim" not in str(await handle.list("basic-user"))
    for reader in (users, await BasicUsers.load(handle, SeededEntropy(b"2"))):
        for _ in range(2):
            assert await reader.verify(Credentials("praxis", Secret(b"geheim")))
        assert not await reader.verify(Credentials("praxis", Secret(b"falsch")))
        assert not await reader.verify(Credentials("nobody", Secret(b"geheim")))
    await users.put("praxis", Secret(b"neu"))
    assert not await users.verify(Credentials("praxis", Secret(b"geheim")))
    await users.remove("praxis")
    assert not await users.verify(Credentials("praxis", Secret(b"neu")))
    await store.close()
