"""Results as files: whole or not at all, and nothing is replaced that nobody wanted replaced."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tiaas.cli.outputfiles import NotWritten, check_targets, write, write_own

_LIMITED = """
import resource, sys
from pathlib import Path
from tiaas.cli import outputfiles

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    getattr(outputfiles, sys.argv[1])(Path("there"), bytes(2000), force=True)
except outputfiles.NotWritten as error:
    sys.exit(str(error))
"""
Writer = Callable[..., None]
both = pytest.mark.parametrize("writer", [write, write_own])


@pytest.fixture
def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)


@pytest.mark.parametrize("writer", ["write", "write_own"])
@pytest.mark.parametrize("before", [None, b"good"])
def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path: Path, writer: str, before: bytes | None) -> None:
    """A file system that is full in the midst of a result, as a limit of a process makes it."""
    there = tmp_path / "there"
    if before is not None:
        there.write_bytes(before)
    command = [sys.executable, "-c", _LIMITED, writer]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == "there cannot be written: File too large"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if before is None else [before])


@both
def test_a_result_is_made_or_with_force_replaced(tmp_path: Path, writer: Writer) -> None:
    there = tmp_path / "there"
    writer(there, b"first", force=False)
    with pytest.raises(NotWritten, match="something else is there meanwhile"):
        writer(there, b"second", force=False)
    assert there.read_bytes() == b"first"
    writer(there, b"third", force=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("there", b"third")]


@pytest.mark.usefixtures("without_links")
def test_file_systems_without_hard_links_take_results_as_well(tmp_path: Path) -> None:
    test_a_result_is_made_or_with_force_replaced(tmp_path, write)


def test_nothing_is_made_through_a_link_that_appeared_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "there").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotWritten):
        write(tmp_path / "there", b"x", force=False)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("before", [None, b"before"])
def test_a_link_stays_and_what_it_names_is_replaced(tmp_path: Path, before: bytes | None) -> None:
    elsewhere, there = tmp_path / "elsewhere" / "real", tmp_path / "there"
    elsewhere.parent.mkdir()
    if before is not None:
        elsewhere.write_bytes(before)
    there.symlink_to(elsewhere)
    write(there, b"x", force=True)
    assert there.is_symlink()
    assert elsewhere.read_bytes() == b"x"


def test_modes(tmp_path: Path) -> None:
    """A new file as the umask has it, a replaced one as it was, a secret for its owner only."""
    plain, reference, own = tmp_path / "plain", tmp_path / "reference", tmp_path / "own"
    reference.touch()
    write(plain, b"x", force=False)
    assert plain.stat().st_mode == reference.stat().st_mode
    plain.chmod(0o640)
    write(plain, b"y", force=True)
    assert plain.stat().st_mode & 0o777 == 0o640
    own.touch(0o644)
    write_own(own, b"x", force=True)
    assert own.stat().st_mode & 0o777 == 0o600


def test_a_pipe_takes_a_result_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        check_targets([pipe], force=True)
        write(pipe, b"x", force=True)
        assert os.read(reader, 9) == b"x"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_folder_that_takes_no_file_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is replaced by one that is made beside it, so it may not be written where its folder may not."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "there").touch()
    (tmp_path / "link").symlink_to(folder / "there")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder)
    for path in (folder / "there", folder / "new", tmp_path / "link"):
        with pytest.raises(NotWritten, match="may not be written"):
            check_targets([path], force=True)
