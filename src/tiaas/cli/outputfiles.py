"""Results as files: where they may go, asked before anything is done for them, and how they are written."""

import argparse
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from tiaas.base.errors import InvalidInput, TiaasError


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
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise NotWritten(f"{path} may not be written")


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


def write(path: Path, content: bytes) -> None:
    """Writes a result; raises `NotWritten`, and leaves no part of a new file then."""
    is_new = not os.path.lexists(path)
    try:
        path.write_bytes(content)
    except OSError as error:
        if is_new:
            path.unlink(missing_ok=True)
        raise NotWritten(f"{path} cannot be written: {error.strerror}") from error


def write_own(path: Path, content: bytes) -> None:
    """Writes a result that only its owner may read (0600), whole or not at all; raises `NotWritten`."""
    # What a lab is made of is needed by the verbs of a lab only.
    from tiaas.lab.ready import write_private

    try:
        write_private(path, content)
    except OSError as error:
        raise NotWritten(f"{path} cannot be written: {error.strerror}") from error


def add_force_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--force`."""
    parser.add_argument("--force", action="store_true", help="replace results that are there already")
