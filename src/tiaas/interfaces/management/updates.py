"""Documents about firmware that the KSR offers (gemSpec_Kon V5.18 TIP1-A_4837, TIP1-A_4838, TIP1-A_6026)."""

import enum
from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Id, Number, Told


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
class UpdateOverview:
    """What the KSR has told of all devices, and how it went when it was asked last."""

    ksr_url: Annotated[str, Told("MGM_KSR_FIRMWARE_URL; empty: there is no KSR to ask")]
    auto_download: Annotated[bool, Told("MGM_KSR_AUTODOWNLOAD")]
    asked: Annotated[datetime | None, Told("null: not since the start")]
    code: Annotated[int | None, Told("4188, 4189 or 4190 if the last question failed")]
    reason: str
    devices: tuple[DeviceUpdates, ...]
