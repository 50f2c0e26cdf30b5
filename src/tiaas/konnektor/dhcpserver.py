"""dnsmasq(8), the DHCP server of a box's LAN (gemSpec_Kon V5.18 TUC_KON_343, TIP1-A_4763 to 4768).

A child of this process that ends with it. It has run when it says so; whoever watches hears when it ends by itself.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Interface
from pathlib import Path

from tiaas.interfaces.management.boxnetwork import DhcpServerSettings
from tiaas.konnektor.boxaddresses import NO_SERVER, check_server
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.systemprogram import PLACES, ProgramError, SystemProgram, end

_STARTED = re.compile(rb"dnsmasq\[\d+\]: started, ")
_TOLD = re.compile(rb"dnsmasq(?:-dhcp)?(?:\[\d+\])?: (?!FAILED to start up)(?P<what>[ -~]{1,200})")
_START_SECONDS = 5.0


class DhcpServer:
    """The server of one device. `folder` is ours and keeps the leases; `on_end` hears why it has ended by itself."""

    def __init__(self, device: str, folder: Path, on_end: Callable[[str], None], places: str = PLACES) -> None:
        self._program = SystemProgram("dnsmasq", "dnsmasq-base", places)
        self._device = device
        self._folder = folder
        self._on_end = on_end
        self._works_with: tuple[DhcpServerSettings, IPv4Interface] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has started and not ended."""
        return self._process is not None and self._process.returncode is None

    async def follow(self, settings: DhcpServerSettings, lan: IPv4Interface | None) -> None:
        """It runs with these settings, or does not run if they say so. Raises `KonnektorError` 4168."""
        if not settings.enabled:
            await self.stop()
            return
        if self.is_running and self._works_with == (settings, lan):
            return
        if lan is None:
            raise KonnektorError(NO_SERVER, "the LAN has no address")
        check_server(settings, lan)
        await self.stop()
        await self._start(settings, lan)
        self._works_with = settings, lan

    async def stop(self) -> None:
        """It does not run any more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self._process is not None:
            await end(self._process)
            self._process = None

    async def _start(self, settings: DhcpServerSettings, lan: IPv4Interface) -> None:
        try:
            await asyncio.to_thread(self._folder.mkdir, 0o700, parents=True, exist_ok=True)
            process = await self._program.start(*self._arguments(settings, lan))
        except (ProgramError, OSError) as error:
            raise KonnektorError(NO_SERVER, str(error)) from error
        try:
            async with asyncio.timeout(_START_SECONDS):
                why = await _why_not_started(process)
        except BaseException as error:
            await end(process)
            if isinstance(error, TimeoutError):
                raise KonnektorError(NO_SERVER, "dnsmasq does not start") from error
            raise
        if why:
            await end(process)
            raise KonnektorError(NO_SERVER, why)
        self._process = process
        self._watch = asyncio.create_task(self._look(process))

    def _arguments(self, settings: DhcpServerSettings, lan: IPv4Interface) -> tuple[str, ...]:
        network, options = lan.network, ["option:router" + (f",{settings.gateway}" if settings.gateway else "")]
        if settings.name_servers:
            options.append(f"option:dns-server,{','.join(settings.name_servers)}")
        given = f"{settings.first},{settings.last},{network.netmask},{network.broadcast_address}"
        return (
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--log-facility=-",
            "--pid-file=",
            # It must not change user or group: that needs more than a user namespace gives, and takes from it that it
            # ends with us.
            "--user=root",
            "--group=",
            "--port=0",
            "--no-resolv",
            "--no-hosts",
            "--no-poll",
            "--dhcp-authoritative",
            "--bind-interfaces",
            f"--interface={self._device}",
            "--except-interface=lo",
            f"--dhcp-leasefile={self._folder / 'dhcp.leases'}",
            f"--dhcp-range={given},{settings.lease_minutes}m",
            *(f"--dhcp-option={each}" for each in options),
        )

    async def _look(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None and await process.stdout.read(4096):
            pass
        status = await process.wait()
        self._on_end(f"dnsmasq has ended with {status}")


async def _why_not_started(process: asyncio.subprocess.Process) -> str:
    """Empty as soon as it says that it has started, else why it has ended."""
    why = b""
    with suppress(ValueError):  # a line longer than anybody writes
        while process.stdout is not None and (line := await process.stdout.readline()):
            if _STARTED.search(line):
                return ""
            found = _TOLD.search(line)
            why = found["what"] if found else why
    return why.decode("ascii") or f"dnsmasq ends with {await process.wait()}"
