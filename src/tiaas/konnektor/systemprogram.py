"""A program of the system as a child process: bounded in time and output, without a shell, with an environment of its
own."""

import asyncio
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO

from tiaas.base.errors import TiaasError

PLACES = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
"""Where programs are looked for: not the caller's search path, which whoever starts us may have set."""
_SECONDS, _STOP_SECONDS = 5.0, 3.0
_OUTPUT_OCTETS = 4 * 1024 * 1024


class ProgramError(TiaasError):
    """A program is not there, does not do what it was asked or does not end; the message says which.

    `complaint` is what it wrote to standard error before it ended with another status than 0.
    """

    def __init__(self, message: str, complaint: bytes = b"") -> None:
        super().__init__(message)
        self.complaint = complaint


class ProgramTimeout(ProgramError):
    """A program was ended because it took too long; what it was asked for may have been done all the same."""


class SystemProgram:
    """Runs a program in the network namespace of this process. `package` is Debian's, `places` a search path."""

    def __init__(self, name: str, package: str, places: str = PLACES, seconds: float = _SECONDS) -> None:
        self.name = name
        self._package = package
        self._places = places
        self._seconds = seconds

    @property
    def _environ(self) -> dict[str, str]:
        """All that it is told of its surroundings."""
        return {"PATH": self._places, "LC_ALL": "C"}

    def _find(self) -> str:
        program = shutil.which(self.name, path=self._places)
        if program is None:
            raise ProgramError(f"there is no {self.name} here (Debian: apt-get install {self._package})")
        return program

    async def run(self, *arguments: str, text: bytes = b"") -> bytes:
        """Standard output of the program with `text` on standard input. Raises `ProgramError`."""
        work = asyncio.ensure_future(asyncio.to_thread(self._run, arguments, text))
        try:
            return await asyncio.shield(work)
        finally:
            # Whoever stops waiting must not find things changed afterwards.
            if not work.done():
                await asyncio.wait((work,))

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Starts one that goes on; what it writes comes out of its `stdout`. It does not outlive us, even if we are
        killed; what a terminal sends us (Ctrl-C) does not reach it. Raises `ProgramError`."""
        program = self._find()
        mourner = shutil.which("setpriv", path=self._places)
        before = [] if mourner is None else [mourner, "--pdeathsig", "KILL", "--"]
        try:
            return await asyncio.create_subprocess_exec(
                *before, program, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, cwd="/", env=self._environ, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ProgramError(f"{self.name} cannot be run: {error.strerror}") from error

    def _run(self, arguments: Sequence[str], text: bytes) -> bytes:
        program = self._find()
        try:
            with _memory(text) as given, _paper() as answer, _paper() as complaint:
                status = subprocess.run(  # noqa: S603 - no shell, a program of the system's folders
                    [program, *arguments], stdin=given, stdout=answer, stderr=complaint, cwd="/",
                    env=self._environ, timeout=self._seconds, check=False,
                ).returncode  # fmt: skip
                listing = self._written(answer)
                if status != 0:
                    raise ProgramError(f"{self.name} ends with {status}", self._written(complaint))
                return listing
        except subprocess.TimeoutExpired:
            raise ProgramTimeout(f"{self.name} does not end within {self._seconds:g} s") from None
        except OSError as error:
            raise ProgramError(f"{self.name} cannot be run: {error.strerror}") from error

    def _written(self, paper: BinaryIO) -> bytes:
        """What a program wrote; whoever wrote almost everything there was room for may have had more to say."""
        octets = paper.tell()
        if octets > _OUTPUT_OCTETS // 2:
            raise ProgramError(f"{self.name} writes more than {_OUTPUT_OCTETS // 2} octets")
        paper.seek(0)
        return paper.read(octets)


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


async def end(process: asyncio.subprocess.Process) -> None:
    """Ends what `SystemProgram.start` has started; by force if it does not follow."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
    await process.wait()
