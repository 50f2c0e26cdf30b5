"""Documents about firmware that the KSR offers (gemSpec_Kon V5.18 TIP1-A_4837, TIP1-A_4838, TIP1-A_6026)."""

import enum
from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Id, Number, Octets, Told
from tiaas.interfaces.updatepackage import PACKAGE_OCTETS_MAX


@enum.unique
class UpdateDay(enum.StrEnum):
    """The day of MGM_KSR_AUTO_UPDATE_TIME."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class UpdateSettingsData:
    """When card terminals get what the KSR offers by themselves."""

    auto_update: Annotated[bool, Told("MGM_KSR_AUTO_UPDATE")] = True
    day: UpdateDay = UpdateDay.MONDAY
    hour: Annotated[int, Number(0, 23), Told("of the host's time")] = 1
    minute: Annotated[int, Number(0, 59)] = 0
    excluded: Annotated[tuple[Id, ...], Told("ctIds of terminals that are updated by hand only")] = ()


@dataclass(frozen=True, slots=True)
class OfferedUpdate:
    """A package. `notes` are the FirmwareReleaseNotes, with the Internet address of the package."""

    update_id: str
    product_name: str
    version: str
    priority: Annotated[str, Told("Normal or Kritisch")]
    created: Annotated[str, Told("a day, as the next two")]
    start: str | None
    deadline: str | None
    notes: str
    files: Annotated[tuple[str, ...], Told("names of the firmware files")]
    documents: Annotated[tuple[str, ...], Told("names of the documentation files")]
    is_newer: Annotated[bool, Told("than what the device runs")]


@dataclass(frozen=True, slots=True)
class DeviceUpdates:
    """A device, the version it runs, and the packages for it, the newest first."""

    device: Annotated[str, Told("Konnektor, or the ctId of a card terminal")]
    vendor_id: str
    product_code: str
    hardware_version: str
    firmware_version: str
    group_notes: str
    has_newer: bool
    updates: tuple[OfferedUpdate, ...]


@dataclass(frozen=True, slots=True)
class ProgramAttempt:
    """An Update-Paket that was to be applied."""

    at: datetime
    version: Annotated[str, Told("empty: the package could not be read")]
    before: Annotated[str, Told("the version that served then")]
    code: Annotated[int | None, Told("null: it was applied; else 4183, 4184 or 4185")]
    detail: str


@dataclass(frozen=True, slots=True)
class ProgramState:
    """The program that serves, its Firmware-Gruppe (TIP1-A_4812), and what was tried."""

    version: str
    group: Annotated[str, Told("the Firmware-Gruppenversion, five digits")]
    group_versions: Annotated[tuple[str, ...], Told("the versions that may be applied")]
    step: Annotated[str | None, Told("how far an update is that is under way; null: none is")]
    waiting: Annotated[str | None, Told("the version of a package from the KSR that can be applied")]
    history: Annotated[tuple[ProgramAttempt, ...], Told("the last twenty, oldest first")]
    not_fetched: Annotated[str, Told("version, code and reason if the newest package of the KSR could not be had")] = ""


@dataclass(frozen=True, slots=True)
class NewProgram:
    """An Update-Paket for the Konnektor itself."""

    package: Annotated[bytes, Octets(1, PACKAGE_OCTETS_MAX)]


@dataclass(frozen=True, slots=True)
class ProgramTaken:
    """A package that was checked; the restart that tries it comes now."""

    version: str


@dataclass(frozen=True, slots=True)
class UpdateOverview:
    """What the KSR has told of all devices, and how it went when it was asked last."""

    ksr_url: Annotated[str, Told("MGM_KSR_FIRMWARE_URL; empty: there is no KSR to ask")]
    auto_download: Annotated[bool, Told("MGM_KSR_AUTODOWNLOAD")]
    asked: Annotated[datetime | None, Told("null: not since the start")]
    code: Annotated[int | None, Told("4188, 4189 or 4190 if the last question failed")]
    reason: str
    devices: tuple[DeviceUpdates, ...]
    program: Annotated[ProgramState | None, Told("null: the program is replaced by whoever runs the node")]


@dataclass(frozen=True, slots=True)
class LoadedPackage:
    """A package of a Fachmodul that was loaded from the KSR and waits for its Fachmodul."""

    update_id: str
    version: str
    file: str
    octets: int
    sha256: Annotated[str, Told("of what came, hexadecimal")]
    loaded: datetime


@dataclass(frozen=True, slots=True)
class FachmodulUpdates:
    """What the KSR offers for a Fachmodul now, the newest first, and what was loaded for it."""

    fachmodul: Annotated[str, Told("it is the ProductCode, too")]
    vendor_id: str
    hardware_version: str
    firmware_version: str
    updates: tuple[OfferedUpdate, ...]
    loaded: Annotated[LoadedPackage | None, Told("null: nothing was")]


@dataclass(frozen=True, slots=True)
class LoadPackage:
    """Which package of the offered ones is to be loaded."""

    update_id: Id
