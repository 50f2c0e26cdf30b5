"""Results as files: where they may go, asked before anything is done for them, and how they are written."""

import argparse
import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex

from tiaas.base.errors import InvalidInput, TiaasError

_NEW, _OWN = 0o666, 0o600
"""Modes of new files: what the umask leaves of it, and its owner's only."""


class NotWritten(TiaasError):
    """A result that could not be written."""


def check_targets(paths: Sequence[Path], force: bool, *, is_made: bool = False) -> None:
    """Whether results can be written there; asked before a person is asked for anything.

    Raises `InvalidInput` for what is there already (unless `force`), for names that meet or are too long, `NotWritten`
    for a folder that is missing (unless it `is_made` later) or may not be written.
    """
    check_names(paths)
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        raise InvalidInput("two of the files would have results of the same name")
    for path in paths:
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder")
        # A link that leads nowhere is there, too: what it names would be made.
        if os.path.lexists(path) and not force:
            raise InvalidInput(f"{path} is there already; --force replaces it")
        folder = _there(path.parent) if is_made else path.parent
        if not folder.is_dir():
            raise NotWritten(f"{path} cannot be written: there is no folder {folder}")
        if not _may_be_written(path, folder):
            raise NotWritten(f"{path} may not be written")


def _may_be_written(path: Path, folder: Path) -> bool:
    """A file is replaced by one that is made beside it, and its folder has to take that one, too."""
    real = Path(os.path.realpath(path))
    if not path.exists():
        return os.access(folder, os.W_OK)
    return os.access(path, os.W_OK) and (not real.is_file() or os.access(real.parent, os.W_OK))


def _there(folder: Path) -> Path:
    """The folder, or the one in which it, or what it is in, would be made."""
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder


def check_names(paths: Sequence[Path]) -> None:
    """Whether the file system takes such names. Raises `InvalidInput`."""
    for path in paths:
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
    """Writes a result, whole or not at all; only with `force` in place of what is there. Raises `NotWritten`."""
    _write(path, content, force, _mode_there(path))


def write_own(path: Path, content: bytes, *, force: bool) -> None:
    """The same for a result that only its owner may read (0600)."""
    _write(path, content, force, _OWN)


def _write(path: Path, content: bytes, force: bool, mode: int | None) -> None:
    try:
        if not force:
            _write_beside(path, content, mode, _put_new)
        elif path.exists() and not os.path.isfile(os.path.realpath(path)):
            # A pipe or a device, which takes what comes and is not replaced.
            path.write_bytes(content)
        else:
            _write_beside(Path(os.path.realpath(path)), content, mode, os.replace)
    except FileExistsError as error:
        raise NotWritten(f"{path} cannot be written: something else is there meanwhile") from error
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror}") from error


def _write_beside(path: Path, content: bytes, mode: int | None, put: Callable[[Path, Path], None]) -> None:
    """Writes a file beside it that `put` moves there: nobody reads half of a result, whatever ends us.

    A `mode` is set as it is; without one the file is made with that of any new file.
    """
    part = path.with_name(f".tiaas-{token_hex(8)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _NEW if mode is None else _OWN)
        with os.fdopen(descriptor, "wb") as stream:
            if mode is not None:
                os.fchmod(descriptor, mode)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        put(part, path)
    finally:
        part.unlink(missing_ok=True)


def _put_new(part: Path, path: Path) -> None:
    """Raises `FileExistsError` for whatever is there."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links (FAT): an empty file takes the name first.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWN))
        os.replace(part, path)


def _mode_there(path: Path) -> int | None:
    """How a file that is there may be used, which one in its place keeps."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def add_force_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--force`."""
    parser.add_argument("--force", action="store_true", help="replace results that are there already")
