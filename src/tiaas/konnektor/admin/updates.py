"""Firmware that the KSR offers, in the management interface (gemSpec_Kon V5.18 TIP1-A_4837, TIP1-A_4838, TIP1-A_6026).

A terminal is updated with `POST /terminals/{ct_id}/firmware`.
"""

from tiaas.interfaces.management.updates import (
    DeviceUpdates,
    OfferedUpdate,
    UpdateDay,
    UpdateOverview,
    UpdateSettingsData,
)
from tiaas.konnektor.admin.asked import instance_of, require_online
from tiaas.konnektor.admin.problems import conflict
from tiaas.konnektor.admin.program import PROGRAM_ROUTES, program_state
from tiaas.konnektor.admin.roles import INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Call, Route, get, post, put
from tiaas.konnektor.autoupdate import DAYS, AutoUpdateSettings
from tiaas.konnektor.updateoffers import Device, Found, Offer, newest_first

_PATH = "/updates"
_CRITICAL, _NORMAL = "Kritisch", "Normal"


async def _read(call: Call) -> UpdateOverview:
    return await _overview(call)


async def _check(call: Call) -> UpdateOverview:
    require_ksr(call)
    await instance_of(call).updates.check()
    return await _overview(call)


def require_ksr(call: Call) -> None:
    """Raises `Problem` if the instance has no KSR or is offline, `KonnektorError` 4002 if it is blocked."""
    instance = instance_of(call)
    if not instance.updates.has_ksr:
        raise conflict("the instance has no KSR to ask", "set ti.ksr_url in its configuration")
    require_online(instance, "the KSR is not asked")


async def _settings(call: Call) -> UpdateSettingsData:
    held = instance_of(call).auto_update.settings
    day = UpdateDay.DAILY if held.day is None else tuple(UpdateDay)[held.day]
    return UpdateSettingsData(held.enabled, day, held.hour, held.minute, tuple(sorted(held.excluded)))


async def _put_settings(call: Call) -> None:
    wish = call.body(UpdateSettingsData)
    at = tuple(UpdateDay).index(wish.day)
    day = at if at < DAYS else None
    await instance_of(call).auto_update.configure(
        AutoUpdateSettings(wish.auto_update, day, wish.hour, wish.minute, frozenset(wish.excluded))
    )


async def _overview(call: Call) -> UpdateOverview:
    instance, programs = instance_of(call), call.plane.host.programs
    updates, asked = instance.updates, instance.updates.asked
    devices = [("Konnektor", updates.own), *updates.terminals()]
    return UpdateOverview(
        ksr_url=instance.config.ti.ksr_url,
        auto_download=updates.settings.auto_download,
        asked=None if asked is None else asked.at,
        code=None if asked is None else asked.code,
        reason="" if asked is None else asked.reason,
        devices=tuple(_device(name, device, updates.found_for(device)) for name, device in devices),
        program=None if programs is None else await program_state(programs),
    )


def _device(name: str, device: Device, found: Found | None) -> DeviceUpdates:
    offers = () if found is None else newest_first(found.offers)
    told = tuple(shown_offer(offer, device) for offer in offers)
    return DeviceUpdates(
        device=name,
        vendor_id=device.vendor_id,
        product_code=device.product_code,
        hardware_version=device.hardware_version,
        firmware_version=device.firmware_version,
        group_notes="" if found is None else found.group_notes,
        has_newer=any(offer.is_newer for offer in told),
        updates=told,
    )


def shown_offer(offer: Offer, device: Device) -> OfferedUpdate:
    """A package for a device."""
    return OfferedUpdate(
        update_id=offer.update_id,
        product_name=offer.product_name,
        version=offer.version,
        priority=_CRITICAL if offer.is_critical else _NORMAL,
        created=offer.created.isoformat(),
        start=None if offer.start is None else offer.start.isoformat(),
        deadline=None if offer.deadline is None else offer.deadline.isoformat(),
        notes=offer.notes,
        files=tuple(file.path for file in offer.files),
        documents=tuple(file.path for file in offer.documents),
        is_newer=offer.is_newer_than(device.firmware_version),
    )


UPDATE_ROUTES: tuple[Route, ...] = (
    get(_PATH, INSTANCE_ROLES, "Firmware that the KSR offers for Konnektor and terminals", _read, UpdateOverview),
    get(f"{_PATH}/settings", INSTANCE_ROLES, "When terminals are updated", _settings, UpdateSettingsData),
    put(f"{_PATH}/settings", INSTANCE_ROLES, "Changes that at once", _put_settings, request=UpdateSettingsData),
    post(f"{_PATH}/check", INSTANCE_ROLES, "Asks the KSR now", _check, response=UpdateOverview),
    *PROGRAM_ROUTES,
)
