"""The SQLite store: rows, epochs, atomicity, the file's mode."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.store import Delete, Put, StaleEpochWrite, StoreError
from tiaas.terminal.front import Owner


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "s.sqlite")
    yield opened
    await opened.close()


async def test_rows_of_two_instances_do_not_meet(store: SqliteStore) -> None:
    a, b = store.bind(await store.take_over("a")), store.bind(await store.take_over("b"))
    await a.put("k", "1", {"v": "ä"})
    await b.put("k", "1", {"v": 2})
    await a.put("k", "0", {"v": None})
    assert await a.get("k", "1") == {"v": "ä"}
    assert await b.get("k", "1") == {"v": 2}
    assert await a.list("k") == {"0": {"v": None}, "1": {"v": "ä"}}
    await a.delete("k", "1")
    await a.delete("k", "1")
    assert await a.get("k", "1") is None
    assert await b.list("k") == {"1": {"v": 2}}
    assert await store.instances() == ("a", "b")


async def test_a_takeover_makes_the_old_handle_stale(store: SqliteStore) -> None:
    old = store.bind(await store.take_over("a"))
    await old.put("k", "1", {"by": "old"})
    new = store.bind(await store.take_over("a"))
    assert (old.owner.epoch, new.owner.epoch) == (1, 2)
    for change in (Put("k", "1", {"by": "old again"}), Delete("k", "1")):
        with pytest.raises(StaleEpochWrite) as raised:
            await old.apply([change])
        assert (raised.value.instance, raised.value.epoch, raised.value.current) == ("a", 1, 2)
    assert await new.get("k", "1") == {"by": "old"}
    await new.put("k", "1", {"by": "new"})
    assert await old.get("k", "1") == {"by": "new"}


async def test_the_owner_is_known_after_a_takeover_elsewhere(store: SqliteStore, tmp_path: Path) -> None:
    handle = store.bind(await store.take_over("a"))
    await handle.require_owner()
    elsewhere = await SqliteStore.open(tmp_path / "s.sqlite")
    await elsewhere.take_over("b")
    await handle.require_owner()
    await elsewhere.take_over("a")
    with pytest.raises(StaleEpochWrite) as raised:
        await handle.require_owner()
    assert (raised.value.instance, raised.value.epoch, raised.value.current) == ("a", 1, 2)
    await elsewhere.close()


async def test_a_closed_store_knows_no_owner(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.sqlite")
    handle = store.bind(await store.take_over("a"))
    await store.close()
    with pytest.raises(StoreError):
        await handle.require_owner()


async def test_an_epoch_nobody_was_given_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(StaleEpochWrite):
        await store.bind(Owner("a", 7)).put("k", "1", {})


async def test_apply_is_all_or_nothing(store: SqliteStore) -> None:
    handle = store.bind(await store.take_over("a"))
    await handle.apply([Put("k", "1", {"v": 1}), Put("k", "2", {"v": 2}), Delete("k", "1")])
    assert await handle.list("k") == {"2": {"v": 2}}
    with pytest.raises((TypeError, ValueError)):
        await handle.apply([Put("k", "3", {"v": 3}), Put("k", "4", {"v": object()})])
    with pytest.raises(ValueError, match="JSON compliant"):
        await handle.apply([Put("k", "3", {"v": 3}), Put("k", "4", {"v": float("nan")})])
    assert await handle.list("k") == {"2": {"v": 2}}


async def test_everything_is_there_when_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    store = await SqliteStore.open(path)
    await store.bind(await store.take_over("a")).put("k", "1", {"v": 1})
    await store.close()
    again = await SqliteStore.open(path)
    owner = await again.take_over("a")
    assert owner.epoch == 2
    assert await again.bind(owner).get("k", "1") == {"v": 1}
    await again.close()
    with pytest.raises(StoreError):
        await again.instances()


async def test_the_files_are_for_the_owner_only(store: SqliteStore, tmp_path: Path) -> None:
    await store.take_over("a")
    modes = _modes(tmp_path)
    assert len(modes) >= 2, "the write-ahead log holds rows too"
    assert set(modes) == {0o600}


def _modes(folder: Path) -> list[int]:
    return [file.stat().st_mode & 0o777 for file in folder.iterdir()]


async def test_forgetting_makes_every_handle_stale(store: SqliteStore) -> None:
    handle = store.bind(await store.take_over("a"))
    other = store.bind(await store.take_over("b"))
    await handle.put("k", "1", {})
    await other.put("k", "1", {})
    await store.forget(handle.owner)
    assert await handle.list("k") == {}
    assert await other.list("k") == {"1": {}}
    assert await store.instances() == ("b",)
    with pytest.raises(StaleEpochWrite):
        await handle.put("k", "1", {"back": True})
    again = await store.take_over("a")
    assert again.epoch == 3
    assert await store.bind(again).list("k") == {}


async def test_foreign_and_damaged_files(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("not a database, but long enough to look like one " * 100)
    with pytest.raises(StoreError):
        await SqliteStore.open(text)
    newer = tmp_path / "newer.sqlite"
    database = sqlite3.connect(newer)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="99"):
        await SqliteStore.open(newer)
    with pytest.raises(StoreError):
        await SqliteStore.open(tmp_path / "no" / "such" / "folder")


async def test_writers_race_and_only_the_owner_wins(store: SqliteStore) -> None:
    """Random interleaving of writes and takeovers: the last row is always the highest epoch's."""
    handles = [store.bind(await store.take_over("a"))]

    async def write(number: int) -> None:
        for _ in range(10):
            try:
                await handles[number % len(handles)].put(
                    "k", "1", {"epoch": handles[number % len(handles)].owner.epoch}
                )
            except StaleEpochWrite:
                await asyncio.sleep(0)

    async def take() -> None:
        for _ in range(5):
            handles.append(store.bind(await store.take_over("a")))

    await asyncio.gather(*(write(number) for number in range(4)), take())
    await handles[-1].put("k", "1", {"epoch": handles[-1].owner.epoch})
    row: dict[str, Any] | None = await handles[0].get("k", "1")
    assert row == {"epoch": 6}


async def test_a_cancelled_write_is_still_whole(store: SqliteStore) -> None:
    handle = store.bind(await store.take_over("a"))
    task = asyncio.create_task(handle.apply([Put("k", str(number), {}) for number in range(200)]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await handle.list("k")) in (0, 200)


async def test_what_is_no_database_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "konnektor.sqlite"
    path.write_bytes(b"something else" * 100)
    with pytest.raises(StoreError, match=r"konnektor.sqlite: .*\(DatabaseError, SQLITE_NOTADB\): .*backup"):
        await SqliteStore.open(path)
