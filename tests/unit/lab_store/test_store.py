"""The lab's database: what is committed stays, one process per folder, modes."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tiaas.lab.errors import FolderInUse, FolderUnusable, NotALabFolder, WrongSchema
from tiaas.lab.lock import LOCK_FILE, FolderLock, is_locked
from tiaas.lab.ready import READY_FILE
from tiaas.lab.store import DATABASE_FILE, Kind, LabStore


def test_documents_come_back_after_reopening(tmp_path: Path) -> None:
    store = LabStore.open(tmp_path / "lab")
    assert store.is_new
    store.put(Kind.CARD, "80276001", {"retries": 3})
    store.put(Kind.CARD, "80276002", {"retries": 2})
    store.put(Kind.CARD, "80276001", {"retries": 1})
    store.put_meta("ports", {"control": 8480})
    store.close()
    again = LabStore.open(tmp_path / "lab")
    assert not again.is_new
    assert list(again.all(Kind.CARD).items()) == [("80276001", {"retries": 1}), ("80276002", {"retries": 2})]
    assert again.meta("ports") == {"control": 8480}
    assert again.get(Kind.CARD, "none") is None
    again.delete(Kind.CARD, "80276001")
    assert again.get(Kind.CARD, "80276001") is None
    again.close()


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    store = LabStore.open(tmp_path / "lab")
    store.put(Kind.CARD, "1", {"key": "x"})
    assert stat.S_IMODE((tmp_path / "lab").stat().st_mode) == 0o700
    for name in (DATABASE_FILE, f"{DATABASE_FILE}-wal", LOCK_FILE):
        assert stat.S_IMODE((tmp_path / "lab" / name).stat().st_mode) == 0o600, name
    store.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    store = LabStore.open(tmp_path)
    store.put(Kind.TERMINAL, "CT", {"slot": 1})
    with pytest.raises(RuntimeError), store.transaction():
        store.put(Kind.TERMINAL, "CT", {"slot": 2})
        with store.transaction():
            store.put(Kind.HOLDER, "1", {})
        raise RuntimeError
    assert store.get(Kind.TERMINAL, "CT") == {"slot": 1}
    assert store.get(Kind.HOLDER, "1") is None
    with store.transaction():
        store.put(Kind.TERMINAL, "CT", {"slot": 3})
    assert store.get(Kind.TERMINAL, "CT") == {"slot": 3}
    store.close()


def test_two_processes_on_one_folder(tmp_path: Path) -> None:
    store = LabStore.open(tmp_path)
    assert is_locked(tmp_path)
    with pytest.raises(FolderInUse, match=f"process {os.getpid()}"):
        LabStore.open(tmp_path)
    store.close()
    assert not is_locked(tmp_path)
    LabStore.open(tmp_path).close()


_CHILD = """
import os, sys
from pathlib import Path
from tiaas.lab.store import Kind, LabStore
store = LabStore.open(Path(sys.argv[1]))
store.put(Kind.CARD, "1", {"retries": 2})
sys.stdout.write("written"); sys.stdout.flush()
sys.stdin.read()
"""


def test_a_ready_file_left_behind_is_gone_before_the_lock_names_us(tmp_path: Path) -> None:
    """Who waits for `ready.json` of the process that the lock names never gets that of a life before."""
    (tmp_path / READY_FILE).write_text("{}")
    lock = FolderLock.take(tmp_path)
    assert not (tmp_path / READY_FILE).exists()
    (tmp_path / READY_FILE).write_text("ours")
    with pytest.raises(FolderInUse):
        FolderLock.take(tmp_path)
    assert (tmp_path / READY_FILE).exists()
    lock.release()


def test_half_written_files_of_a_killed_process_are_gone_before_the_lock_names_us(tmp_path: Path) -> None:
    inner = tmp_path / "practice-1"
    inner.mkdir()
    left = [tmp_path / ".ready.json.4711", inner / ".client.p12.1", inner / ".practice-1.kon.99", inner / ".ca.pem.7"]
    others = [tmp_path / ".gitignore", inner / ".notes.4711", inner / "client.p12", inner / ".ready.json.old"]
    for path in (*left, *others):
        path.write_text("x")
    FolderLock.take(tmp_path).release()
    assert [path for path in left if path.exists()] == []
    assert [path for path in others if not path.exists()] == []


def test_kill_9_loses_nothing_and_locks_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.read(7) == b"written"
        assert is_locked(tmp_path)
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    assert (tmp_path / LOCK_FILE).exists()
    store = LabStore.open(tmp_path)
    assert store.get(Kind.CARD, "1") == {"retries": 2}
    store.close()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    mode = tmp_path.stat().st_mode
    with pytest.raises(NotALabFolder, match="not empty"):
        LabStore.open(tmp_path)
    assert tmp_path.stat().st_mode == mode
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderUnusable, match="cannot use"):
        LabStore.open(tmp_path / "file")


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    LabStore.open(tmp_path).close()
    with sqlite3.connect(tmp_path / DATABASE_FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(WrongSchema, match="format 99"):
        LabStore.open(tmp_path)
    assert not is_locked(tmp_path)


def test_a_broken_database_is_named(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(b"no database at all, but long enough to be read as a header" * 20)
    with pytest.raises(FolderUnusable, match="not a database"):
        LabStore.open(tmp_path)
