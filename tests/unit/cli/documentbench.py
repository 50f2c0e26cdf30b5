"""What the tests of verbs for documents share: files in the current folder, and command lines in a shell."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tiaas.cli import outputfiles
from tiaas.cli.outputfiles import NotWritten

Run = Callable[..., Awaitable[int]]


def put_files(**files: str) -> None:
    """Files by their names, with `_` for the dot."""
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text)


async def in_shell(words: str) -> tuple[int | None, bytes, bytes]:
    """Exit code, standard output and error of a command line in the current folder."""
    process = await asyncio.create_subprocess_shell(
        f'"{sys.executable}" -m tiaas {words}', stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, failed = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, told, failed


class Turns(dict[str, Any]):
    """Answers of which a list is given one after the other."""

    def __getitem__(self, key: str) -> Any:
        found = super().__getitem__(key)
        return found.pop(0) if isinstance(found, list) else found


def writes_but(name: str) -> Callable[..., None]:
    """In place of what writes results: it fails for those of that name."""

    def write(path: Path, content: bytes, *, force: bool) -> None:
        if path.name == name:
            raise NotWritten(f"{path} cannot be written: full")
        outputfiles.write(path, content, force=force)

    return write
