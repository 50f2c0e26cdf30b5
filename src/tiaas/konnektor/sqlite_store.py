"""The store as one SQLite file, for a single node.

Private keys and pairing secrets are rows like all others: the file's mode (0600) is their only protection. Write-ahead
logging with `synchronous=FULL`: what a write returned from survives a power cut. All statements run in one thread of
the store's own, so the event loop never waits for the disk; only the look at an epoch, which every signature of an HSM
needs, is a statement of its own connection on the event loop: one row that is in memory, and no writer makes it wait.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from tiaas.base.workthread import WorkThread
from tiaas.konnektor.store import Body, Change, Delete, InstanceStore, Put, StaleEpochWrite, StoreError
from tiaas.terminal.front import Owner

T = TypeVar("T")

SCHEMA_VERSION = 1
_BUSY_SECONDS = 10.0
_GLANCE_SECONDS = 0.1
"""The event loop's patience: a reader waits only while another process recovers the file."""

_SCHEMA = """
CREATE TABLE owner (instance TEXT PRIMARY KEY, epoch INTEGER NOT NULL, forgotten INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE row (
    instance TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, epoch INTEGER NOT NULL,
    PRIMARY KEY (instance, kind, key)
) STRICT, WITHOUT ROWID;
"""


class SqliteStore:
    """A `Store` in one file. Build it with `open`."""

    def __init__(
        self, database: sqlite3.Connection, reader: sqlite3.Connection, thread: WorkThread, path: Path
    ) -> None:
        self._path = path
        found = path.stat()
        self._file = found.st_dev, found.st_ino
        self._database = database
        self._reader = reader
        self._thread = thread

    @classmethod
    async def open(cls, path: Path) -> "SqliteStore":
        """Opens the file, or makes it with mode 0600. Raises `StoreError` if it is no store of ours or unusable."""
        thread = WorkThread("store")
        try:
            opened = await thread.start(_guarded, lambda: _connect(path))
        except StoreError as error:
            thread.close()
            raise StoreError(f"{path}: {error.reason}") from error
        except BaseException:
            thread.close()
            raise
        return cls(*opened, thread, path)

    async def take_over(self, instance: str) -> Owner:
        """See `Store.take_over`."""
        return await self._run(lambda: _take_over(self._database, instance))

    def bind(self, owner: Owner) -> InstanceStore:
        """See `Store.bind`."""
        return _Handle(self, owner)

    async def instances(self) -> tuple[str, ...]:
        """See `Store.instances`."""
        rows = await self._rows("SELECT instance FROM owner WHERE forgotten = 0 ORDER BY instance", ())
        return tuple(instance for (instance,) in rows)

    async def forget(self, owner: Owner) -> None:
        """See `Store.forget`."""

        def work(cursor: sqlite3.Cursor) -> None:
            cursor.execute("DELETE FROM row WHERE instance = ?", (owner.instance,))
            cursor.execute("UPDATE owner SET forgotten = 1, epoch = epoch + 1 WHERE instance = ?", (owner.instance,))

        await self.transact(owner, work)
        # What was written to the log of writes before stays there until it is cut.
        await self._run(lambda: self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())

    async def check(self) -> None:
        """See `Store.check`: the file is still the one that was opened."""
        try:
            found = self._path.stat()
        except OSError as error:
            raise StoreError("the store's file is gone") from error
        if (found.st_dev, found.st_ino) != self._file:
            raise StoreError("the store's file is another one")

    async def close(self) -> None:
        """See `Store.close`."""
        self._reader.close()
        await self._run(self._database.close)
        self._thread.close()

    async def transact(self, owner: Owner, work: Callable[[sqlite3.Cursor], None]) -> None:
        """Runs `work` in a transaction that begins with the check of the owner's epoch."""
        await self._run(lambda: _transact(self._database, owner, work))

    def require_owner(self, owner: Owner) -> None:
        """See `InstanceStore.require_owner`."""
        _guarded(lambda: _require_owner(self._reader, owner))

    async def select(self, owner: Owner, kind: str, key: str | None) -> list[tuple[str, str]]:
        """(key, body) of one row or of all of a kind, ordered by key."""
        query = "SELECT key, body FROM row WHERE instance = ? AND kind = ?"
        if key is None:
            return await self._rows(f"{query} ORDER BY key", (owner.instance, kind))
        return await self._rows(f"{query} AND key = ?", (owner.instance, kind, key))

    async def select_all(self, owner: Owner) -> list[tuple[str, str, str]]:
        """(kind, key, body) of all rows of an instance."""
        query = "SELECT kind, key, body FROM row WHERE instance = ? ORDER BY kind, key"
        return await self._rows(query, (owner.instance,))

    async def _rows(self, query: str, values: Sequence[str]) -> list[Any]:
        return await self._run(lambda: self._database.execute(query, values).fetchall())

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            running = self._thread.start(_guarded, work)
        except RuntimeError as error:
            raise StoreError("the store is closed") from error
        # A caller that is cancelled must not leave a transaction whose end nobody saw: the thread finishes it.
        return await asyncio.shield(running)


class _Handle:
    """An `InstanceStore`: the instance's name comes from the owner it was bound to and from nowhere else."""

    def __init__(self, store: SqliteStore, owner: Owner) -> None:
        self._store = store
        self._owner = owner

    @property
    def owner(self) -> Owner:
        return self._owner

    async def get(self, kind: str, key: str) -> dict[str, Any] | None:
        rows = await self._store.select(self._owner, kind, key)
        return _decode(rows[0][1]) if rows else None

    async def list(self, kind: str) -> dict[str, dict[str, Any]]:
        return {key: _decode(body) for key, body in await self._store.select(self._owner, kind, None)}

    async def everything(self) -> dict[str, dict[str, dict[str, Any]]]:
        out: dict[str, dict[str, dict[str, Any]]] = {}
        for kind, key, body in await self._store.select_all(self._owner):
            out.setdefault(kind, {})[key] = _decode(body)
        return out

    async def put(self, kind: str, key: str, body: Body) -> None:
        await self.apply((Put(kind, key, body),))

    async def delete(self, kind: str, key: str) -> None:
        await self.apply((Delete(kind, key),))

    async def apply(self, changes: Sequence[Change]) -> None:
        owner = self._owner
        prepared = [(change, _encode(change.body) if isinstance(change, Put) else None) for change in changes]

        def work(cursor: sqlite3.Cursor) -> None:
            for change, body in prepared:
                if body is None:
                    values = (owner.instance, change.kind, change.key)
                    cursor.execute("DELETE FROM row WHERE instance = ? AND kind = ? AND key = ?", values)
                else:
                    row = (owner.instance, change.kind, change.key, body, owner.epoch)
                    cursor.execute("INSERT OR REPLACE INTO row VALUES (?, ?, ?, ?, ?)", row)

        await self._store.transact(owner, work)

    async def require_owner(self) -> None:
        self._store.require_owner(self._owner)


def require_readable(path: Path) -> None:
    """Whether the store has the form that this program knows; no row is read, nothing written. Raises `StoreError`."""

    def work() -> None:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as found:
            _require_version(int(found.execute("PRAGMA user_version").fetchone()[0]))

    _guarded(work)


def _require_version(version: int) -> None:
    if version != SCHEMA_VERSION:
        raise StoreError(f"the store has schema version {version}, this program knows {SCHEMA_VERSION}")


def _connect(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """The connection of the store's thread, and that of the event loop."""
    try:
        # Made by us first, so that the mode is right before the first key is in it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise StoreError("the store's file cannot be opened") from error
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        # Deleted rows are overwritten: a deleted instance leaves no keys behind (TIP1-A_4820-02).
        database.execute("PRAGMA secure_delete = ON")
        database.execute("BEGIN IMMEDIATE")
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            for statement in _SCHEMA.strip().split(";\n"):
                database.execute(statement.rstrip(";"))
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        else:
            _require_version(version)
        database.execute("COMMIT")
        return database, sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_GLANCE_SECONDS)
    except BaseException:
        database.close()
        raise


_REMEDIES = {
    "SQLITE_FULL": "the disk is full; make room",
    "SQLITE_IOERR": "the disk cannot be read or written; is it full or damaged?",
    "SQLITE_CANTOPEN": "it cannot be opened; look at the rights of file and folder, and at the room on the disk",
    "SQLITE_READONLY": "it may not be written; look at the rights of file and folder",
    "SQLITE_BUSY": "another program has it open; end that one",
    "SQLITE_CORRUPT": "it is damaged; put back a backup",
    "SQLITE_NOTADB": "it is no database of ours; put back a backup",
}
"""What to do, by the beginning of SQLite's name for the error (sqlite.org, Result and Error Codes)."""


def _guarded(work: Callable[[], T]) -> T:
    try:
        return work()
    except sqlite3.Error as error:
        # The text of a database error can quote values; its class and its code say enough.
        name = getattr(error, "sqlite_errorname", "")
        told = next((f": {text}" for code, text in _REMEDIES.items() if name.startswith(code)), "")
        raise StoreError(f"the database failed ({type(error).__name__}{name and f', {name}'}){told}") from None


def _take_over(database: sqlite3.Connection, instance: str) -> Owner:
    query = (
        "INSERT INTO owner (instance, epoch) VALUES (?, 1) "
        "ON CONFLICT (instance) DO UPDATE SET epoch = epoch + 1, forgotten = 0 RETURNING epoch"
    )
    with closing(database.execute(query, (instance,))) as cursor:
        (epoch,) = cursor.fetchone()
    return Owner(instance, int(epoch))


def _transact(database: sqlite3.Connection, owner: Owner, work: Callable[[sqlite3.Cursor], None]) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        with closing(database.cursor()) as cursor:
            _require_owner(cursor, owner)
            work(cursor)
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _require_owner(database: sqlite3.Connection | sqlite3.Cursor, owner: Owner) -> None:
    row = database.execute("SELECT epoch FROM owner WHERE instance = ?", (owner.instance,)).fetchone()
    current = int(row[0]) if row is not None else 0
    if current != owner.epoch:
        raise StaleEpochWrite(owner.instance, owner.epoch, current)


def _encode(body: Body) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _decode(text: str) -> dict[str, Any]:
    body = json.loads(text)
    if not isinstance(body, dict):
        raise StoreError("a stored row is no JSON object")
    return body
