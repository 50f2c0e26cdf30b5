"""udhcpc(8), the DHCP client of a box's adapters (gemSpec_Kon V5.18 TUC_KON_341, TIP1-A_4769).

It is asked for one lease at a time and ends with it; when to ask again is the caller's. Address, netmask, router and
lease time are taken, and nothing else of what a server offers. It hands them to a program, a script of ours.
"""

import asyncio
import re
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from tiaas.base.errors import TiaasError
from tiaas.konnektor.boxaddresses import Lease
from tiaas.konnektor.systemprogram import PLACES, ProgramError, SystemProgram, end

_SCRIPT = """#!/bin/sh
[ "$1" != bound ] || printf 'tiaas %s=%s\\n' ip "$ip" mask "$mask" router "${router%% *}" lease "$lease"
"""
_LINE = re.compile(rb"tiaas ([a-z]+)=([0-9.]*)\n")
_TRIES = 10
_MORE_SECONDS = 5
_OUTPUT_OCTETS = 64 * 1024
_SECONDS_MOST = 7 * 86_400


class NoLease(TiaasError):
    """There is no lease; the message says why."""


class BadLease(TiaasError):
    """What udhcpc has handed over is no lease."""


class DhcpClient:
    """Asks for leases. `folder` is ours and holds the script, `seconds` is how long an answer is waited for."""

    def __init__(self, folder: Path, seconds: int, places: str = PLACES) -> None:
        self._program = SystemProgram("udhcpc", "udhcpc", places)
        self._script = folder / "udhcpc.sh"
        self._seconds = seconds

    async def ask(self, device: str, before: IPv4Address | None) -> Lease:
        """A lease for a device that is up; `before` is the address to ask for. Raises `NoLease`."""
        every = max(1, self._seconds // _TRIES)
        wish = () if before is None else ("-r", str(before))
        try:
            await asyncio.to_thread(_write_script, self._script)
            process = await self._program.start(
                "-i", device, "-f", "-n", "-q", "-s", str(self._script), "-T", str(every),
                "-t", str(max(1, self._seconds // every)), *wish,
            )  # fmt: skip
        except (ProgramError, OSError) as error:
            raise NoLease(str(error) if isinstance(error, ProgramError) else "the script cannot be written") from error
        try:
            # A server that offers and never confirms would be asked for ever.
            async with asyncio.timeout(self._seconds + _MORE_SECONDS):
                answer = await _all(process)
        except TimeoutError:
            raise NoLease("no DHCP server gives a lease in time") from None
        finally:
            await end(process)
        try:
            return read_lease_untrusted(answer)
        except BadLease as error:
            raise NoLease(str(error)) from None


def read_lease_untrusted(answer: bytes) -> Lease:
    """The lease out of what udhcpc and the script have written. Raises only `BadLease`."""
    told = {key.decode(): value.decode() for key, value in _LINE.findall(answer)}
    if not told:
        raise BadLease("no DHCP server answers" if b"no lease" in answer else "udhcpc has no lease")
    try:
        address = IPv4Interface(f"{told['ip']}/{int(told['mask'])}")
        router = IPv4Address(told["router"]) if told["router"] else None
        seconds = int(told["lease"])
    except (KeyError, ValueError):
        raise BadLease("the DHCP server's answer is no lease") from None
    return Lease(address, router, min(seconds, _SECONDS_MOST))


async def _all(process: asyncio.subprocess.Process) -> bytes:
    """All that it writes until it ends, as far as anybody is interested."""
    answer = b""
    while process.stdout is not None and (more := await process.stdout.read(_OUTPUT_OCTETS)):
        answer = (answer + more)[:_OUTPUT_OCTETS]
    return answer


def _write_script(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(_SCRIPT, encoding="ascii")
    path.chmod(0o700)
