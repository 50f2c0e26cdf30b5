"""What verbs write: results to standard output, progress and errors to standard error."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TextIO

from tiaas.base.errors import TiaasError
from tiaas.cli.calledas import as_called

_NO_CHARACTER = re.compile("[\ud800-\udfff]")
"""Octets of file names that are no text."""
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What would break a line, or show it in another order than it has."""


class OutputLost(TiaasError):
    """Standard output took no more: a full disk, say."""


def in_line(text: str) -> str:
    """The text as a part of one line: what would break it is an escape, what is no character U+FFFD."""
    return _in_characters(_BREAKING.sub(_escape, text))


def _in_characters(text: str) -> str:
    return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def json_text(document: object, indent: int | None = None) -> str:
    """JSON in characters only: what is none (an octet of a file's name) is an escape, which tells it."""
    return _NO_CHARACTER.sub(_escape, json.dumps(document, indent=indent, ensure_ascii=False))


def out(text: str = "") -> None:
    """One line of a result. Raises `OutputLost`; `BrokenPipeError` if its reader has gone."""
    with _losing():
        sys.stdout.write(f"{_in_characters(text)}\n")


def out_live(text: str) -> None:
    """One line of a result that goes on; whoever reads it shall see it now. Raises what `out` raises."""
    out(text)
    with _losing():
        sys.stdout.flush()


@contextmanager
def _losing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise lost_output(error) from error


def lost_output(error: OSError) -> OutputLost:
    """The error for a standard output that cannot be written; it is given up."""
    give_up_output()
    return OutputLost(f"standard output cannot be written: {error.strerror}")


def give_up_output() -> None:
    """What is left in its buffer goes nowhere, and the interpreter's end does not try it again."""
    _give_up(sys.stdout)


def note(text: str) -> None:
    """One line for the person in front of it: progress, a hint, an error.

    If nobody reads it any more, or it cannot be written, the work goes on: there is no other place to tell that.
    """
    try:
        sys.stderr.write(f"{in_line(as_called(text))}\n")
        sys.stderr.flush()
    except OSError:
        _give_up(sys.stderr)


def _give_up(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def local_time(moment: datetime, timespec: str = "seconds") -> str:
    """A time for people: that of this machine, with its distance from UTC."""
    return moment.astimezone().isoformat(timespec=timespec)


def out_json(document: object) -> None:
    """A result for programs."""
    out(json_text(document, indent=2))


def out_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with aligned columns; columns empty in every row are left out."""
    rows = [[in_line(cell) for cell in row] for row in rows]
    kept = [at for at in range(len(titles)) if any(row[at] for row in rows)] if rows else list(range(len(titles)))
    lines = [[titles[at] for at in kept], *([row[at] for at in kept] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(kept))]
    for line in lines:
        out("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def out_fields(fields: Mapping[str, str]) -> None:
    """Names and values, one pair a line; empty values are left out."""
    shown = {name: value for name, value in fields.items() if value}
    width = max((len(name) for name in shown), default=0)
    for name, value in shown.items():
        out(f"{name.ljust(width)}  {in_line(value)}")
