"""Results as files: where they may go, asked before anything is done for them, and how they are written."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from itertools import count
from pathlib import Path
from secrets import token_hex

from tiaas.base.errors import InvalidInput, TiaasError

_NEW, _OWN = 0o666, 0o600
"""Modes of new files: what the umask leaves of it, and its owner's only."""
_OUTPUT, _ERRORS = 1, 2
_KEPT, _KEPT_OF_OWNER = 0o777, 0o700
"""What a file in place of another one keeps of its mode, and what of it if its group is another one."""
_NOT_EXCHANGED = frozenset({errno.EBUSY, errno.EPERM, errno.EACCES, errno.EXDEV, errno.EROFS})
"""Why a file that may be written cannot be exchanged: it is mounted, its folder is sticky or may not be written."""


class NotWritten(TiaasError):
    """A result that could not be written."""


class WrittenBeside(NotWritten):
    """A result whose name was taken meanwhile: it is written, but its name has a number behind it."""


def check_targets(paths: Sequence[Path], force: bool, *, is_made: bool = False, is_own: bool = False) -> None:
    """Whether results can be written there; asked before a person is asked for anything.

    Raises `InvalidInput` for what is there already (unless `force`), for names that meet or are too long, `NotWritten`
    for a folder that is missing (unless it `is_made` later) or may not be written. `is_own`: for `write_own`.
    """
    check_names(paths)
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        raise InvalidInput("two of the files would have results of the same name")
    for path in paths:
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder")
        if _is_named_pipe(path):
            raise InvalidInput(f"{path} is a named pipe, which may have no reader; write to a file, or to /dev/stdout")
        # A link that leads nowhere is there, too: what it names would be made.
        if os.path.lexists(path) and not force:
            raise InvalidInput(f"{path} is there already; --force replaces it")
        if path.exists():
            may_be_written = _may_be_replaced(path, is_own)
        else:
            folder = _folder_of_new(path, is_made)
            if not folder.is_dir():
                raise NotWritten(f"{path} cannot be written: there is no folder {folder}")
            may_be_written = os.access(folder, os.W_OK)
        if not may_be_written:
            raise NotWritten(f"{path} may not be written")


def _is_named_pipe(path: Path) -> bool:
    """Whoever writes to one waits for a reader, for ever. What the shell hands over (`/dev/stdout`, `>(…)`) has one."""
    return Path(os.path.realpath(path)).is_fifo() and _standard_output(path) is None


def _may_be_replaced(path: Path, is_own: bool) -> bool:
    """A secret does not go into somebody else's file: one has to be made in place of it. A standard output that whoever
    started us closed is no place at all."""
    descriptor = _standard_output(path)
    if descriptor is not None:
        return descriptor != _OUTPUT or sys.__stdout__ is not None
    real = Path(os.path.realpath(path))
    is_exchanged = is_own and real.is_file() and real.stat().st_uid != os.geteuid()
    return os.access(path, os.W_OK) and (not is_exchanged or os.access(real.parent, os.W_OK))


def _folder_of_new(path: Path, is_made: bool) -> Path:
    if path.is_symlink():
        return Path(os.path.realpath(path)).parent
    return _there(path.parent) if is_made else path.parent


def _there(folder: Path) -> Path:
    """The folder, or the one in which it, or what it is in, would be made."""
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder


def check_names(paths: Sequence[Path]) -> None:
    """Whether the file system takes such names, and none is `-`. Raises `InvalidInput`."""
    for path in paths:
        if str(path) == "-":
            raise InvalidInput("- is not written; standard output is /dev/stdout, with --force")
        try:
            os.lstat(path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise InvalidInput(f"{path}: the file system takes no name as long; name the result yourself") from None


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Makes a folder and those above it; raises `NotWritten`."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror}") from error


def write(path: Path, content: bytes, *, force: bool) -> None:
    """Writes a result, whole or not at all; only with `force` in place of what is there.

    Raises `NotWritten`, without `force` `WrittenBeside`.
    """
    _write(path, content, force, is_own=False)


def write_own(path: Path, content: bytes, *, force: bool) -> None:
    """The same for a result that only its owner may read (0600)."""
    _write(path, content, force, is_own=True)


def _write(path: Path, content: bytes, force: bool, *, is_own: bool) -> None:
    written = path
    try:
        if force:
            _replace(path, content, is_own)
        else:
            written = _write_beside(path, content, _OWN if is_own else None, None, _put_new)
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror}") from error
    if written != path:
        raise WrittenBeside(f"{path} was taken meanwhile; written to {written}")


def _replace(path: Path, content: bytes, is_own: bool) -> None:
    real = Path(os.path.realpath(path))
    descriptor = _standard_output(path)
    if descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        _write_all(descriptor, content)
    elif path.exists() and not real.is_file():
        # A pipe or a device, which takes what comes and is not replaced.
        path.write_bytes(content)
    else:
        there = None if is_own or not real.exists() else real.stat()
        try:
            _write_beside(real, content, _OWN if is_own else None, there, _put_in_place)
        except OSError as error:
            if error.errno not in _NOT_EXCHANGED or not real.is_file():
                raise
            _write_into(real, content, is_own)


def _standard_output(path: Path) -> int | None:
    """Descriptor of output or errors if it is what is there: /dev/stdout leads to the file that the shell opened."""
    for descriptor in (_OUTPUT, _ERRORS):
        with suppress(OSError):
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
    return None


@contextmanager
def beside_results(paths: Iterable[Path]) -> Iterator[None]:
    """If standard output is where one of these results goes, what a verb tells goes to standard error meanwhile."""
    if any(_standard_output(path) == _OUTPUT for path in paths):
        with redirect_stdout(sys.stderr):
            yield
    else:
        yield


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _write_into(path: Path, content: bytes, is_own: bool) -> None:
    """Writes into a file that is there; of a result that does not fit no half stays, for it would count as one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if is_own:
            if os.fstat(descriptor).st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            os.fchmod(descriptor, _OWN)
        os.ftruncate(descriptor, 0)
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, 0)
            raise
    finally:
        os.close(descriptor)


def _write_beside(
    path: Path,
    content: bytes,
    mode: int | None,
    there: os.stat_result | None,
    put: Callable[[Path, Path], Path],
) -> Path:
    """Writes a file beside it that `put` moves there: nobody reads half of a result, whatever ends us.

    A `mode` is set as it is, else that of what was `there` with its owner; without both it is made as any new file.
    """
    part = path.with_name(f".tiaas-{token_hex(8)}.part")
    made = _NEW if mode is None and there is None else _OWN
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, made)
        with os.fdopen(descriptor, "wb") as stream:
            if there is not None:
                mode = _keep_owner(descriptor, there)
            if mode is not None:
                os.fchmod(descriptor, mode)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        return put(part, path)
    finally:
        part.unlink(missing_ok=True)


def _keep_owner(descriptor: int, there: os.stat_result) -> int:
    """Gives a file owner and group of what was there, as far as we may, and tells which mode it may have then."""
    for owner in (there.st_uid, -1):
        with suppress(OSError):
            os.fchown(descriptor, owner, there.st_gid)
            return there.st_mode & _KEPT
    return there.st_mode & _KEPT_OF_OWNER


def _put_in_place(part: Path, path: Path) -> Path:
    os.replace(part, path)
    return path


def _put_new(part: Path, path: Path) -> Path:
    """Under the first name that is free, its own or with a number: what somebody typed a PIN for is not thrown away."""
    name = path
    for number in count(1):
        with suppress(FileExistsError):
            _put_as(part, name)
            break
        name = path.with_name(f"{path.name}.{number}")
    return name


def _put_as(part: Path, path: Path) -> None:
    """Raises `FileExistsError` for whatever is there."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links (FAT): an empty file takes the name first.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWN))
        os.replace(part, path)


def add_force_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--force`."""
    parser.add_argument("--force", action="store_true", help="replace results that are there already")
