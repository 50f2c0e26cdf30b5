"""Packages of Fachmodule in the management interface (gemSpec_Kon V5.18 TUC_KON_285, TUC_KON_286).

The use cases are for Fachmodule; VSDM takes no packages, so an administrator is who lists and loads.
"""

from tiaas.interfaces.management.updates import FachmodulUpdates, LoadedPackage, LoadPackage
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Call, Octets, Route, get, post
from tiaas.konnektor.admin.updates import require_ksr, shown_offer
from tiaas.konnektor.fachmodulpackages import KeptPackage
from tiaas.konnektor.protocol.service import FACHMODULE
from tiaas.konnektor.updateoffers import newest_first

_PATH = "/updates/fachmodul/{name}"
_FILE = "application/octet-stream"


async def _read(call: Call) -> FachmodulUpdates:
    name = _fachmodul(call)
    require_ksr(call)
    packages = instance_of(call).fachmodul_packages
    device = packages.device(name)
    found = await packages.updates(name)
    kept = await packages.kept(name)
    return FachmodulUpdates(
        fachmodul=name,
        vendor_id=device.vendor_id,
        hardware_version=device.hardware_version,
        firmware_version=device.firmware_version,
        updates=tuple(shown_offer(offer, device) for offer in newest_first(found.offers)),
        loaded=None if kept is None else _loaded(kept),
    )


async def _load(call: Call) -> LoadedPackage:
    name = _fachmodul(call)
    require_ksr(call)
    wish = call.body(LoadPackage).update_id
    packages = instance_of(call).fachmodul_packages
    found = await packages.updates(name)
    offer = next((each for each in found.offers if each.update_id == wish), None)
    if offer is None:
        raise not_found(f"package {wish} for {name} at the KSR")
    return _loaded(await packages.load(name, offer))


async def _file(call: Call) -> Octets:
    name = _fachmodul(call)
    packages = instance_of(call).fachmodul_packages
    kept, content = await packages.kept(name), await packages.content(name)
    if kept is None or content is None:
        raise not_found(f"package that was loaded for {name}")
    return Octets(content, _FILE, kept.file)


def _fachmodul(call: Call) -> str:
    name = call.path["name"]
    if name not in FACHMODULE:
        raise not_found(f"Fachmodul {name}")
    return name


def _loaded(kept: KeptPackage) -> LoadedPackage:
    return LoadedPackage(kept.update_id, kept.version, kept.file, kept.octets, kept.sha256, kept.loaded)


FACHMODUL_ROUTES: tuple[Route, ...] = (
    get(_PATH, INSTANCE_ROLES, "Packages that the KSR offers for a Fachmodul now", _read, FachmodulUpdates),
    post(
        f"{_PATH}/load",
        INSTANCE_ROLES,
        "Loads one of them and keeps it for the Fachmodul",
        _load,
        request=LoadPackage,
        response=LoadedPackage,
    ),
    get(f"{_PATH}/package", INSTANCE_ROLES, "The package that was loaded", _file, None, media_type=_FILE),
)
