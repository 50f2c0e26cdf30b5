"""nft(8) as a child process: bounded in time and output, without a shell, with an environment of its own."""

import asyncio
import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from tiaas.base.errors import TiaasError

PLACES = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
"""Where the program is looked for: not the caller's search path, which whoever starts us may have set."""
_PACKAGE = "nftables"
_SECONDS = 5.0
_OUTPUT_OCTETS = 4 * 1024 * 1024
_COMPLAINT = re.compile(r"(?:/dev/stdin:(?P<line>\d+):\S+ )?.*?Error: (?P<what>.+)")


class NftError(TiaasError):
    """nft is not there, may not do what it was asked, or refuses; the message says which."""


class NftTimeout(NftError):
    """nft was ended because it took too long; what it was asked for may have been done all the same."""


class Nft:
    """Runs nft in the network namespace of this process. `places` is a search path."""

    def __init__(self, places: str = PLACES, seconds: float = _SECONDS) -> None:
        self._places = places
        self._seconds = seconds

    async def run(self, *arguments: str, text: bytes = b"") -> bytes:
        """Standard output of `nft ARGUMENTS` with `text` on standard input. Raises `NftError`."""
        work = asyncio.ensure_future(asyncio.to_thread(self._run, arguments, text))
        try:
            return await asyncio.shield(work)
        finally:
            # Whoever stops waiting must not find the table changed afterwards.
            if not work.done():
                await asyncio.wait((work,))

    def _run(self, arguments: Sequence[str], text: bytes) -> bytes:
        program = shutil.which("nft", path=self._places)
        if program is None:
            raise NftError(f"there is no nft here (Debian: apt-get install {_PACKAGE})")
        try:
            with _memory(text) as given, _paper() as answer, _paper() as complaint:
                status = subprocess.run(  # noqa: S603 - no shell, a program of the system's folders
                    [program, *arguments], stdin=given, stdout=answer, stderr=complaint, cwd="/",
                    env={"PATH": self._places, "LC_ALL": "C"}, timeout=self._seconds, check=False,
                ).returncode  # fmt: skip
                listing = _written(answer)
                if status != 0:
                    raise NftError(_told(_written(complaint), status))
                return listing
        except subprocess.TimeoutExpired:
            raise NftTimeout(f"nft does not end within {self._seconds:g} s") from None
        except OSError as error:
            raise NftError(f"nft cannot be run: {error.strerror}") from error


@contextmanager
def _memory(content: bytes) -> Iterator[BinaryIO]:
    """A file without a name, at its beginning. Pipes would have to be fed and emptied while the program runs."""
    with os.fdopen(os.memfd_create("tiaas", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b", buffering=0) as file:
        file.write(content)
        file.seek(0)
        yield file


@contextmanager
def _paper() -> Iterator[BinaryIO]:
    """A file to write to that does not grow beyond its size."""
    with _memory(b"") as file:
        file.truncate(_OUTPUT_OCTETS)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
        yield file


def _written(paper: BinaryIO) -> bytes:
    """What a program wrote; whoever wrote almost everything there was room for may have had more to say."""
    octets = paper.tell()
    if octets > _OUTPUT_OCTETS // 2:
        raise NftError(f"nft writes more than {_OUTPUT_OCTETS // 2} octets")
    paper.seek(0)
    return paper.read(octets)


def _told(complaint: bytes, status: int) -> str:
    """The first thing nft complains of, without the text that it quotes."""
    for line in complaint.decode("utf-8", "replace").splitlines():
        found = _COMPLAINT.match(line)
        if found is not None:
            where = f"line {found['line']}: " if found["line"] else ""
            return f"nft refuses: {where}{found['what'].strip()}"
    return f"nft ends with {status}"
