"""Files that people name: read whole, bounded, and never waited for without end."""

import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from tiaas.base.errors import InvalidInput

MEBIBYTE = 1024 * 1024
MOST = 16 * MEBIBYTE
"""Octets of a file for which nothing else is said."""

# What a shell hands over itself: somebody writes it, and it ends.
_HANDED_OVER = re.compile("/dev/stdin|/dev/fd/[0-9]+|/proc/self/fd/[0-9]+")
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}


def read_input(path: Path, most: int = MOST, *, may_be_empty: bool = False) -> bytes:
    """The octets of a regular file, or of what the shell hands over: `/dev/stdin`, `<(…)`.

    Raises `InvalidInput`, which names the file, if it is not there, not readable, empty, longer than `most`, `-`, or a
    device, named pipe or socket: such a thing may never end, or never begin.
    """
    try:
        with _open(path) as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise InvalidInput(f"{path} is longer than {most // MEBIBYTE} MiB; no more is read")
    if not content and not may_be_empty:
        raise InvalidInput(f"{path} is empty")
    return content


def is_handed_over(path: Path) -> bool:
    """Whether it is no file of that name, but what the shell hands over: `/dev/stdin`, `<(…)`."""
    return _HANDED_OVER.fullmatch(str(path)) is not None


def check_input(path: Path) -> None:
    """Whether a file that is read later can be read, as far as that can be told now. Raises `InvalidInput`."""
    if is_handed_over(path):
        return
    try:
        _open(path).close()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error


def read_input_text(path: Path, most: int = MOST, *, may_be_empty: bool = False) -> str:
    """The same of a text in UTF-8. Raises `InvalidInput`."""
    try:
        return read_input(path, most, may_be_empty=may_be_empty).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no text in UTF-8: octet {error.start + 1} does not fit") from None


def _open(path: Path) -> BinaryIO:
    if str(path) == "-":
        # Most often somebody means standard input; a file of that name would be taken unasked.
        raise InvalidInput("- is not read; standard input is /dev/stdin, a file of that name FOLDER/-")
    kind = _KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
    if kind is not None and not is_handed_over(path):
        raise InvalidInput(f"{path} is {kind}; name a regular file, or /dev/stdin for standard input")
    return path.open("rb")
