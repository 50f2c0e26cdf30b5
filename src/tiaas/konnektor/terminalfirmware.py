"""Firmware of card terminals: what is known, and bringing it there (gemSpec_Kon V5.18: TIP1-A_4543, 4544, §4.3.9).

Packages on the shelf come from the KSR (`konnektor/updates.py`) or from an administrator.
EC_CardTerminal_Software_Out_Of_Date holds for a terminal while there is a newer version for its manufacturer and model
on the shelf or at the KSR, EC_FW_Update_Available while it holds for any, or the KSR has one for the Konnektor.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import field, replace
from typing import Protocol

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.terminaladminsession import NO_ACCOUNT, admin_session
from tiaas.konnektor.terminalevents import update_event, update_failure
from tiaas.konnektor.terminallist import Correlation, TerminalEntry
from tiaas.konnektor.terminals import Terminals
from tiaas.terminal.download import Finalisation, download
from tiaas.terminal.errors import TerminalError
from tiaas.terminal.front import FrontError
from tiaas.terminal.session import TerminalProduct
from tiaas.terminal.sicct.commands import reset_terminal

_log = logging.getLogger("tiaas.konnektor.terminals")

FIRMWARE_KIND = "terminal-firmware"
IMAGE_OCTETS_MAX = 16 * 1024 * 1024
PACKAGES_MAX = 8
"""On one shelf: images are held in memory, and the memory is shared with other instances."""
_LOOK_SECONDS = 0.05
NO_PACKAGE = "no package for this terminal is known"
RETURN_SECONDS = 120.0
"""How long a terminal may take to come back after an update."""


class BadFirmware(InvalidInput):
    """A package that cannot be kept; says why."""


@dataclass(frozen=True, slots=True)
class FirmwarePackage:
    """Firmware for one model. `version` is three numbers with dots; only the terminal understands the image.

    `hardware` is the HWVersion that it is for, None: whatever an administrator puts there is for all. `from_ksr`: it
    goes when the KSR offers another one, or none.
    """

    manufacturer: str
    model: str
    version: str
    image: bytes = field(repr=False)
    hardware: str | None = None
    from_ksr: bool = False

    def __post_init__(self) -> None:
        if not self.image or len(self.image) > IMAGE_OCTETS_MAX:
            raise BadFirmware(f"an image has 1 to {IMAGE_OCTETS_MAX} octets")
        _numbers(self.version)

    @property
    def key(self) -> str:
        """What tells packages apart."""
        hardware = "" if self.hardware is None else f"/{self.hardware}"
        return f"{self.manufacturer}/{self.model}/{self.version}{hardware}"

    def is_for(self, product: TerminalProduct) -> bool:
        """Whether the package is for terminals of that product."""
        if self.hardware not in (None, product.hardware_version):
            return False
        return (self.manufacturer, self.model) == (product.manufacturer, product.model)


class FirmwareSource(Protocol):
    """Where firmware comes from that is not on the shelf."""

    def newest_version(self, product: TerminalProduct) -> str | None:
        """The highest version there is for a terminal, None if there is none."""
        ...

    async def fetch(self, product: TerminalProduct, version: str | None) -> FirmwarePackage | None:
        """A package, the newest without `version`; None if there is none. Raises `KonnektorError` 4186, 4189."""
        ...


class Firmware:
    """The shelf of one instance and the update of its terminals."""

    def __init__(self, terminals: Terminals, store: InstanceStore, hub: EventHub, opstate: OperatingState) -> None:
        self._terminals = terminals
        self._store = store
        self._hub = hub
        self._opstate = opstate
        self._shelf: dict[str, FirmwarePackage] = {}
        self.source: FirmwareSource | None = None
        self.has_konnektor_update = False
        """The KSR offers a newer version of the Konnektor: part of EC_FW_Update_Available."""

    async def load(self) -> None:
        """Reads the shelf. Raises `StoreError`."""
        for row in (await self._store.list(FIRMWARE_KIND)).values():
            package = FirmwarePackage(
                row["manufacturer"],
                row["model"],
                row["version"],
                b64decode(row["image"]),
                row.get("hardware"),
                row.get("from_ksr", False),
            )
            self._shelf[package.key] = package
        self._terminals.on_session = self.judge

    @property
    def packages(self) -> tuple[FirmwarePackage, ...]:
        """What is on the shelf."""
        return tuple(self._shelf.values())

    @property
    def has_room(self) -> bool:
        """Whether another package can be put on the shelf."""
        return len(self._shelf) < PACKAGES_MAX

    async def put(self, package: FirmwarePackage) -> None:
        """Puts a package on the shelf. Raises `StoreError`, `BadFirmware` if the shelf is full."""
        if package.key not in self._shelf and not self.has_room:
            raise BadFirmware(f"the shelf holds {PACKAGES_MAX} packages; take one off first")
        row = {
            "manufacturer": package.manufacturer,
            "model": package.model,
            "version": package.version,
            "image": b64encode(package.image).decode("ascii"),
            "hardware": package.hardware,
            "from_ksr": package.from_ksr,
        }
        await self._store.put(FIRMWARE_KIND, package.key, row)
        self._shelf[package.key] = package
        self.judge_all()

    async def remove(self, key: str) -> None:
        """Takes what is `manufacturer/model/version` off the shelf, for whatever hardware; nothing happens if nothing
        is. Raises `StoreError`."""
        for found in [each for each in self._shelf if each == key or each.startswith(f"{key}/")]:
            await self._store.delete(FIRMWARE_KIND, found)
            self._shelf.pop(found, None)
        self.judge_all()

    def newest_for(self, product: TerminalProduct) -> FirmwarePackage | None:
        """The package with the highest version for a product."""
        fitting = [package for package in self._shelf.values() if package.is_for(product)]
        return max(fitting, key=lambda package: _numbers(package.version), default=None)

    def judge(self, entry: TerminalEntry) -> None:
        """EC_CardTerminal_Software_Out_Of_Date of one terminal."""
        product = entry.last_product
        if product is None or entry.config.correlation not in (Correlation.AKTIV, Correlation.AKTUALISIEREND):
            return
        shelved = self.newest_for(product)
        offered = None if self.source is None else self.source.newest_version(product)
        versions = [v for v in (None if shelved is None else shelved.version, offered) if v is not None]
        is_old = any(_numbers(version) > _numbers(product.firmware_version) for version in versions)
        self._opstate.set(Condition.CARD_TERMINAL_SOFTWARE_OUT_OF_DATE, is_old, of=entry.config.ct_id)
        self.judge_available()

    def judge_available(self) -> None:
        """EC_FW_Update_Available."""
        old = Condition.CARD_TERMINAL_SOFTWARE_OUT_OF_DATE
        any_old = any(self._opstate.holds(old, entry.config.ct_id) for entry in self._terminals)
        self._opstate.set(Condition.FW_UPDATE_AVAILABLE, any_old or self.has_konnektor_update)

    def judge_all(self) -> None:
        """Both conditions, of all terminals."""
        for entry in self._terminals:
            self.judge(entry)
        self.judge_available()

    async def update(self, entry: TerminalEntry, version: str | None = None) -> None:
        """Brings a package to a terminal in use (TUC_KON_281); returns when the terminal is back with the new version.

        Raises `KonnektorError` 4221, 4222, 4030 (the terminal's account), 4186 (no such package, or not downloaded),
        4187 (refused, broken off, or the terminal came back with another version).
        """
        self._terminals.require_usable(entry)
        if entry.last_product is None:
            raise KonnektorError(4222)
        if entry.config.admin is None:
            # Found out before anything is begun: a new session would cost the cards their power.
            raise KonnektorError(4030, NO_ACCOUNT)
        package = await self._package(entry, entry.last_product, version)
        self._hub.publish(update_event(Topic.KSR_UPDATE_START, entry))
        await self._terminals.change(entry, replace(entry.config, correlation=Correlation.AKTUALISIEREND))
        try:
            await self._bring(entry, package)
        except KonnektorError as error:
            self._hub.publish(update_failure(entry, error))
            raise
        finally:
            self._hub.publish(update_event(Topic.KSR_UPDATE_END, entry))
            self.judge(entry)
        self._hub.publish(update_event(Topic.KSR_UPDATE_SUCCESS, entry, package.version))

    async def _bring(self, entry: TerminalEntry, package: FirmwarePackage) -> None:
        try:
            async with admin_session(self._terminals, entry) as session:
                needed = await download(session, package.image)
                if Finalisation.RESET in needed:
                    await session.command(reset_terminal())
                if Finalisation.AUTOMATIC_REBOOT in needed:
                    await _gone(entry)
        except (TerminalError, FrontError) as error:
            sw = error.sw if isinstance(error, TerminalError) else None
            raise KonnektorError(4187, fill="" if sw is None else f"SICCT {sw:04X}") from error
        finally:
            await self._terminals.change(entry, replace(entry.config, correlation=Correlation.AKTIV))
            await self._terminals.reconnect(entry)
        try:
            await self._terminals.in_use(entry, RETURN_SECONDS)
        except TimeoutError:
            raise KonnektorError(4187, fill="Kartenterminal kam nicht wieder") from None
        if entry.last_product is None or entry.last_product.firmware_version != package.version:
            raise KonnektorError(4187, fill="andere Version als erwartet")

    async def _package(self, entry: TerminalEntry, product: TerminalProduct, version: str | None) -> FirmwarePackage:
        """What is on the shelf, unless the KSR has what is wanted and the shelf does not. Raises 4186, 4189."""
        offered = version
        if version is None:
            found = self.newest_for(product)
            offered = None if self.source is None else self.source.newest_version(product)
        else:
            found = next((p for p in self._shelf.values() if p.is_for(product) and p.version == version), None)
        is_better = found is None or (offered is not None and _numbers(offered) > _numbers(found.version))
        if is_better and self.source is not None:
            try:
                found = await self.source.fetch(product, offered) or found
            except KonnektorError as error:
                self._hub.publish(update_failure(entry, error))
                raise
        if found is None:
            raise KonnektorError(4186, NO_PACKAGE)
        return found


async def _gone(entry: TerminalEntry) -> None:
    """Waits for the end of the connection: a terminal that is about to restart still takes a new one."""
    generation = entry.generation
    with suppress(TimeoutError):
        async with asyncio.timeout(RETURN_SECONDS):
            while entry.generation == generation:  # noqa: ASYNC110 (the end of a connection has no event of its own)
                await asyncio.sleep(_LOOK_SECONDS)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        raise BadFirmware("a firmware version is three numbers with dots")
    return tuple(int(part) for part in parts)
