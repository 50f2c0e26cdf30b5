"""The lab's memory: `lab.sqlite` in the lab folder (folder 0700, file 0600).

It holds private keys and PINs of TEST-ONLY cards in the clear; the file's mode is their only protection.

Documents by kind and key, all of them JSON
    card       ICCSN      the card's image: files, keys, passwords with their retry counters
    holder     ICCSN      what the lab knows about a card beside its image: holder, KVNR, whose practice
    terminal   ctId       a virtual terminal: name, pairing blocks, what is in its slots
    practice   number     a practice
    insured    ICCSN      what updates have changed on an eGK
    update     id         an update that waits for an eGK
    certificate  serial number  what a CA issued, and whether it is revoked (`books`)
and single values under `meta`: pki, signers, seed, ports, vsdm, revoked cards, and the trust lists in force.

Write-ahead logging with `synchronous=NORMAL`: what was committed survives the death of the process (`kill -9`), and a
retry counter costs no fsync. A power cut may lose the last commits, never the database.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum, unique
from pathlib import Path
from threading import RLock
from typing import Any

from tiaas.lab.errors import FolderUnusable, NotALabFolder, NotKept, WrongSchema
from tiaas.lab.lock import LOCK_FILE, FolderLock

DATABASE_FILE = "lab.sqlite"
SCHEMA_VERSION = 1

Document = dict[str, Any]


@unique
class Kind(StrEnum):
    """Kinds of document."""

    CARD = "card"
    HOLDER = "holder"
    TERMINAL = "terminal"
    PRACTICE = "practice"
    INSURED = "insured"
    UPDATE = "update"
    CERTIFICATE = "certificate"
    FIRMWARE = "firmware"


_SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE document (
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, key)
    ) STRICT""",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


class LabStore:
    """Documents by kind and key. Every `put` is committed when it returns; `transaction` groups several.

    Usable from any thread, one at a time.
    """

    def __init__(self, folder: Path, lock: FolderLock, database: sqlite3.Connection, *, is_new: bool) -> None:
        self.folder = folder
        self.is_new = is_new
        self._lock = lock
        self._database = database
        self._guard = RLock()
        self._depth = 0
        self._undo: list[Callable[[], object]] = []

    @classmethod
    def open(cls, folder: Path) -> "LabStore":
        """Opens the lab in `folder`, or makes an empty one there, and locks it for this process.

        Raises `FolderInUse`, `NotALabFolder`, `FolderUnusable`, `WrongSchema`.
        """
        folder = folder.absolute()
        _prepare_folder(folder)
        lock = FolderLock.take(folder)
        try:
            return cls._open_locked(folder, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _open_locked(cls, folder: Path, lock: FolderLock) -> "LabStore":
        path = folder / DATABASE_FILE
        try:
            # Created by us first, so that the mode is right before the first key is in it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise FolderUnusable(folder, str(error)) from error
        try:
            is_new = _migrate(folder, database)
        except BaseException as error:
            database.close()
            if isinstance(error, sqlite3.Error):
                raise FolderUnusable(folder, str(error)) from error
            raise
        return cls(folder, lock, database, is_new=is_new)

    def close(self) -> None:
        """Closes the database and gives the folder free."""
        with self._guard:
            self._database.close()
        self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All `put` and `delete` inside are committed together, or none of them. Raises `NotKept`."""
        with self._guard:
            if self._depth:
                yield
                return
            self._execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                self._depth = 0
                for work in reversed(self._undo):
                    work()
                raise
            finally:
                self._depth = 0
                self._undo.clear()

    def undo(self, work: Callable[[], object]) -> None:
        """Memory follows the disk: `work` takes back what memory has for written, if the transaction is not kept.

        To be called inside a `transaction`; the last to come is the first to be called.
        """
        if not self._depth:
            raise ValueError("there is no transaction that could be taken back")
        self._undo.append(work)

    def meta(self, key: str) -> Any:
        """The value under `key`, or None."""
        with self._guard:
            row = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put_meta(self, key: str, value: Any) -> None:
        """Stores a JSON value under `key`. Raises `NotKept`."""
        self._execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, _encode(value)))

    def get(self, kind: Kind, key: str) -> Document | None:
        """One document, or None."""
        with self._guard:
            query = "SELECT body FROM document WHERE kind = ? AND key = ?"
            row = self._database.execute(query, (kind, key)).fetchone()
        return None if row is None else _decode(row[0])

    def all(self, kind: Kind) -> dict[str, Document]:
        """All documents of a kind, in the order in which they first came in."""
        with self._guard:
            query = "SELECT key, body FROM document WHERE kind = ? ORDER BY number"
            rows = self._database.execute(query, (kind,)).fetchall()
        return {str(key): _decode(body) for key, body in rows}

    def put(self, kind: Kind, key: str, document: Mapping[str, Any]) -> None:
        """Stores a document; it is on disk when this returns (outside a `transaction`). Raises `NotKept`."""
        self._execute(
            "INSERT INTO document (kind, key, body) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            (kind, key, _encode(document)),
        )

    def delete(self, kind: Kind, key: str) -> None:
        """Removes a document; nothing happens if there is none. Raises `NotKept`."""
        self._execute("DELETE FROM document WHERE kind = ? AND key = ?", (kind, key))

    def _execute(self, statement: str, values: tuple[str, ...] = ()) -> None:
        try:
            with self._guard:
                self._database.execute(statement, values)
        except sqlite3.OperationalError as error:
            # The text of such an error is SQLite's own and quotes no values.
            raise NotKept(self.folder, str(error)) from error


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / DATABASE_FILE).exists() and any(entry.name != LOCK_FILE for entry in folder.iterdir()):
            raise NotALabFolder(folder)
        folder.chmod(0o700)
    except OSError as error:
        raise FolderUnusable(folder, error.strerror or str(error)) from error


def _migrate(folder: Path, database: sqlite3.Connection) -> bool:
    """Makes the tables in a new database; returns whether it was new."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    found = int(database.execute("PRAGMA user_version").fetchone()[0])
    if found == SCHEMA_VERSION:
        return False
    if found != 0:
        raise WrongSchema(folder, found, SCHEMA_VERSION)
    database.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        database.execute(statement)
    database.execute("COMMIT")
    return True


def _encode(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _decode(text: str) -> Document:
    document = json.loads(text)
    if not isinstance(document, dict):
        raise TypeError("a stored document is no JSON object")
    return document
