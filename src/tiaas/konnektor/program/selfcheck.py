"""Tries a program before it is to serve: does it start, is it the version it says, can it read what the node keeps?

It runs as a process of its own with the rights of the node, but without its environment, its open files and its
standard input, and is told where the store is: it opens it for reading and looks at its form, not at its rows.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.program.checks import NOT_APPLIED

CHECK_SECONDS = 120.0
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH")
_SAID_OCTETS = 4096


def bare_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a program may know of the node's environment."""
    return {name: environ[name] for name in _PASSED_ON if name in environ}


async def check_program(environment: Mapping[str, str], version: str, store: Path, wait: float = CHECK_SECONDS) -> None:
    """`tiaas selftest` of the program that `environment` starts. Raises `KonnektorError` 4184."""
    command = (sys.executable, "-P", "-m", "tiaas", "selftest", "--store", str(store))
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=nothing, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=dict(environment), cwd="/"
        )
    except OSError as error:
        raise KonnektorError(NOT_APPLIED, str(error), fill="Selbstprüfung nicht möglich") from error
    try:
        async with asyncio.timeout(wait):
            said = await _said(process)
            code = await process.wait()
    except TimeoutError:
        raise KonnektorError(NOT_APPLIED, f"no end within {wait:g} s", fill="Selbstprüfung endet nicht") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if code != 0:
        last = said.strip().rpartition("\n")[2][:200]
        raise KonnektorError(NOT_APPLIED, f"exit code {code}: {last}", fill="Selbstprüfung fehlgeschlagen")
    if not said.startswith(f"tiaas {version},"):
        raise KonnektorError(NOT_APPLIED, "it says another version", fill="andere Version als angegeben")


async def _said(process: asyncio.subprocess.Process) -> str:
    """The beginning and the end of what it says, all of which is read."""
    first = last = b""
    while process.stdout is not None and (part := await process.stdout.read(_SAID_OCTETS)):
        if len(first) < _SAID_OCTETS:
            first += part
        else:
            last = (last + part)[-_SAID_OCTETS:]
    return (first + last).decode("utf-8", "replace")
