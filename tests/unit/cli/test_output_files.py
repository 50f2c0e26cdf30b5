"""Results as files: whole or not at all, and nothing is replaced that nobody wanted replaced."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.cli.outputfiles import NotWritten, WrittenBeside, check_targets, write, write_own

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
_TO_OUTPUT = """
import sys
from pathlib import Path
from tiaas.cli import outputfiles

print("before")
path = Path(sys.argv[1])
outputfiles.check_targets([path], force=True)
outputfiles.write(path, b"result\\n", force=True)
print("after")
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
    writer(there, b"second", force=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("there", b"second")]
    assert not there.stat().st_mode & (0o077 if writer is write_own else 0)


@both
def test_a_result_whose_name_was_taken_meanwhile_is_not_lost(tmp_path: Path, writer: Writer) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"of somebody else")
    for name in ("there.1", "there.2"):
        with pytest.raises(WrittenBeside, match=f"there was taken meanwhile; written to .*{name}$"):
            writer(there, name.encode(), force=False)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {"there": b"of somebody else", "there.1": b"there.1", "there.2": b"there.2"}


@pytest.mark.usefixtures("without_links")
def test_file_systems_without_hard_links_take_results_as_well(tmp_path: Path) -> None:
    test_a_result_is_made_or_with_force_replaced(tmp_path, write)
    (tmp_path / "there").unlink()
    test_a_result_whose_name_was_taken_meanwhile_is_not_lost(tmp_path, write)


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


def test_a_pipe_of_the_shell_takes_a_result() -> None:
    reader, writer = os.pipe()
    try:
        pipe = Path(f"/dev/fd/{writer}")
        check_targets([pipe], force=True)
        write(pipe, b"x", force=True)
        assert os.read(reader, 9) == b"x"
    finally:
        os.close(reader)
        os.close(writer)


def test_a_named_pipe_takes_none(tmp_path: Path) -> None:
    """Without a reader who writes to it hangs, and whether there is one cannot be asked without taking him away."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(InvalidInput, match="is a named pipe"):
            check_targets([path], force=True)


def test_a_folder_that_takes_no_file_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is there can be written into, but somebody else's is no place for a secret."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "there").touch()
    (tmp_path / "link").symlink_to(folder / "there")
    (tmp_path / "to new").symlink_to(folder / "new")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder)
    for path in (folder / "new", tmp_path / "to new"):
        with pytest.raises(NotWritten, match="may not be written"):
            check_targets([path], force=True)
    for path in (folder / "there", tmp_path / "link"):
        check_targets([path], force=True)
        check_targets([path], force=True, is_own=True)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(NotWritten, match="may not be written"):
        check_targets([folder / "there"], force=True, is_own=True)


@pytest.mark.parametrize("is_made", [False, True])
def test_a_link_into_a_missing_folder_is_told_before(tmp_path: Path, is_made: bool) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "missing" / "real")
    with pytest.raises(NotWritten, match="there is no folder .*missing$"):
        check_targets([tmp_path / "link"], force=True, is_made=is_made)


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EPERM, errno.EACCES, errno.EXDEV])
@both
def test_a_file_that_cannot_be_exchanged_is_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: Writer, number: int
) -> None:
    """One that is mounted into a container, or somebody else's in a sticky folder, as `os.replace` tells it."""
    there = tmp_path / "there"
    there.write_bytes(b"longer than the result")
    there.chmod(0o666)
    before = there.stat()
    _replace_fails(monkeypatch, number)
    check_targets([there], force=True)
    writer(there, b"x", force=True)
    assert there.read_bytes() == b"x"
    assert there.stat().st_ino == before.st_ino
    assert there.stat().st_mode & 0o777 == (0o600 if writer is write_own else 0o666)
    assert list(tmp_path.iterdir()) == [there]


def _replace_fails(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def replace(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", replace)


def test_a_folder_that_takes_no_new_file_leaves_the_one_that_is_there_to_be_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"before")
    opened = os.open

    def open_what_is_there(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", open_what_is_there)
    write(there, b"x", force=True)
    assert there.read_bytes() == b"x"
    with pytest.raises(NotWritten, match="new cannot be written: Read-only file system"):
        write(tmp_path / "new", b"x", force=True)


def test_a_full_disk_is_no_reason_to_write_into_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"before")
    _replace_fails(monkeypatch, errno.ENOSPC)
    with pytest.raises(NotWritten):
        write(there, b"x", force=True)
    assert there.read_bytes() == b"before"


def test_no_half_of_a_result_stays_in_a_file_that_is_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"before")
    _replace_fails(monkeypatch, errno.EBUSY)
    written = os.write
    fills = iter([False, True])

    def write_half(descriptor: int, content: memoryview) -> int:
        if next(fills):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(descriptor, content[:1])

    monkeypatch.setattr(os, "write", write_half)
    with pytest.raises(NotWritten, match="No space left"):
        write(there, b"xy", force=True)
    assert there.read_bytes() == b""


def test_no_secret_is_written_into_the_file_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"before")
    _replace_fails(monkeypatch, errno.EPERM)
    monkeypatch.setattr(os, "geteuid", lambda: there.stat().st_uid + 1)
    with pytest.raises(NotWritten):
        write_own(there, b"secret", force=True)
    assert there.read_bytes() == b"before"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    source, there = tmp_path / "source", tmp_path / "there"
    source.write_bytes(b"before")
    there.touch()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "--bind", source, there], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield there
    subprocess.run(["umount", there], check=True)


def test_a_file_that_is_mounted_takes_a_result(tmp_path: Path, mounted: Path) -> None:
    check_targets([mounted], force=True)
    write(mounted, b"x", force=True)
    assert (tmp_path / "source").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/dev/stderr", "out"])
def test_standard_output_takes_a_result_where_it_is_a_file(tmp_path: Path, name: str) -> None:
    """What was told before and after stays, for the file that the shell opened is not exchanged."""
    out = tmp_path / "out"
    with out.open("wb") as stream:
        command = [sys.executable, "-c", _TO_OUTPUT, name]
        subprocess.run(command, cwd=tmp_path, stdout=stream, stderr=subprocess.STDOUT, check=True)
    assert out.read_text() == "before\nresult\nafter\n"


@pytest.mark.parametrize(
    ("refused", "mode"),
    [(frozenset(), 0o640), (frozenset({"owner"}), 0o640), (frozenset({"owner", "group"}), 0o600)],
)
def test_a_file_in_place_of_another_one_keeps_owner_and_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: frozenset[str], mode: int
) -> None:
    """Where they cannot be kept, a group that is another one is given nothing."""
    there = tmp_path / "there"
    there.touch()
    there.chmod(0o4640)
    before = there.stat()
    given = []

    def fchown(_: int, owner: int, group: int) -> None:
        given.append((owner, group))
        if "group" in refused or ("owner" in refused and owner != -1):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchown", fchown)
    write(there, b"x", force=True)
    assert given == [(before.st_uid, before.st_gid), (-1, before.st_gid)][: 2 if refused else 1]
    assert there.stat().st_mode & 0o7777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_root_replaces_the_file_of_somebody_else(tmp_path: Path) -> None:
    there, own = tmp_path / "there", tmp_path / "own"
    for path in (there, own):
        path.touch()
        os.chown(path, 1000, 4242)
    write(there, b"x", force=True)
    assert (there.stat().st_uid, there.stat().st_gid) == (1000, 4242)
    write_own(own, b"x", force=True)
    assert own.stat().st_uid == 0
