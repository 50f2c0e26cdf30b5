"""Where the lines of an instance's logs lie: segments, each a file to which lines are only ever appended.

`FolderMedium` opens, appends and closes: thousands of instances hold no files open, and a file that is lost, a folder
that is gone or a full disk shows at the next write. There is no call that changes a line.
"""

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from tiaas.base.errors import TiaasError

_SEGMENT = re.compile(r"(?P<log>[A-Za-z0-9_%-]+)\.(?P<first>[0-9]{10})\.jsonl")


class MediumError(TiaasError):
    """The medium cannot be read or written; `reason` is a short English phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Medium(Protocol):
    """Segments by log and number of their first entry. All methods block and raise `MediumError`."""

    def segments(self, log: str) -> Sequence[int]:
        """First numbers of the segments of a log, rising."""
        ...

    def logs(self) -> Sequence[str]:
        """All logs that have segments."""
        ...

    def append(self, log: str, first: int, lines: bytes, *, durable: bool) -> None:
        """Appends whole lines to a segment, made if it is missing; `durable`: they survive a power cut on return."""
        ...

    def read(self, log: str, first: int) -> bytes:
        """A segment's octets."""
        ...

    def cut(self, log: str, first: int, size: int) -> None:
        """Shortens a segment to `size` octets: what a crash left of a line that was never whole."""
        ...

    def drop(self, log: str, first: int) -> None:
        """Removes a segment: the oldest, when the log is full. One that is gone already is no error."""
        ...

    def check(self) -> None:
        """Tries whether segments could be written now."""
        ...


class MemoryMedium:
    """Segments in memory, for an instance whose logs need not outlive it."""

    def __init__(self) -> None:
        self._segments: dict[tuple[str, int], bytes] = {}

    def segments(self, log: str) -> Sequence[int]:
        """See `Medium`."""
        return sorted(first for name, first in self._segments if name == log)

    def logs(self) -> Sequence[str]:
        """See `Medium`."""
        return sorted({name for name, _ in self._segments})

    def append(self, log: str, first: int, lines: bytes, *, durable: bool) -> None:
        """See `Medium`."""
        self._segments[log, first] = self._segments.get((log, first), b"") + lines

    def read(self, log: str, first: int) -> bytes:
        """See `Medium`."""
        return self._segments[log, first]

    def cut(self, log: str, first: int, size: int) -> None:
        """See `Medium`."""
        self._segments[log, first] = self._segments[log, first][:size]

    def drop(self, log: str, first: int) -> None:
        """See `Medium`."""
        self._segments.pop((log, first), None)

    def check(self) -> None:
        """See `Medium`."""


class FolderMedium:
    """Segments as files of one folder (mode 0700, files 0600)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_instance(cls, root: Path, instance: str) -> "FolderMedium":
        """The folder of an instance below `root`; any name makes a harmless file name."""
        return cls(root / f"i-{quote(instance, safe='')}")

    def erase(self) -> None:
        """Removes the folder with all logs: the instance is deleted (TIP1-A_4820-02). Raises `OSError`."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    def segments(self, log: str) -> Sequence[int]:
        """See `Medium`."""
        return sorted(first for name, first in self._found() if name == quote(log, safe=""))

    def logs(self) -> Sequence[str]:
        """See `Medium`."""
        return sorted({name for name, _ in self._found()})

    def append(self, log: str, first: int, lines: bytes, *, durable: bool) -> None:
        """See `Medium`."""
        try:
            try:
                file = os.open(self._path(log, first), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                self._make_folder()
                file = os.open(self._path(log, first), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                while lines:
                    lines = lines[os.write(file, lines) :]
                if durable:
                    os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise MediumError(_why(error)) from error

    def read(self, log: str, first: int) -> bytes:
        """See `Medium`."""
        try:
            return self._path(log, first).read_bytes()
        except OSError as error:
            raise MediumError(_why(error)) from error

    def cut(self, log: str, first: int, size: int) -> None:
        """See `Medium`."""
        try:
            os.truncate(self._path(log, first), size)
        except OSError as error:
            raise MediumError(_why(error)) from error

    def drop(self, log: str, first: int) -> None:
        """See `Medium`."""
        try:
            self._path(log, first).unlink(missing_ok=True)
        except OSError as error:
            raise MediumError(_why(error)) from error

    def check(self) -> None:
        """See `Medium`."""
        probe = self._folder / "probe"
        try:
            self._make_folder()
            probe.write_bytes(b"?")
            probe.unlink()
        except OSError as error:
            raise MediumError(_why(error)) from error

    def _make_folder(self) -> None:
        # What `parents` makes has whatever mode the umask leaves, so the folder above is made by itself.
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def _path(self, log: str, first: int) -> Path:
        return self._folder / f"{quote(log, safe='')}.{first:010d}.jsonl"

    def _found(self) -> list[tuple[str, int]]:
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise MediumError(_why(error)) from error
        found = [_SEGMENT.fullmatch(name) for name in names]
        return [(match["log"], int(match["first"])) for match in found if match is not None]


def _why(error: OSError) -> str:
    return f"the log folder cannot be used ({type(error).__name__}: {os.strerror(error.errno or 0)})"
