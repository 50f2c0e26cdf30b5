"""What a package must be before anything of it is written down or run (gemSpec_Kon V5.18 TUC_KON_280, TIP1-A_4832-02;
for a Highspeed-Konnektor gemF_Highspeed-Konnektor V1.1.0 TIP1-A_4832-03): steps 3 and 4, errors 4183 and 4185.
"""

from collections.abc import Sequence
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.programwheel import Program, read_wheel_untrusted, wheel_name
from tiaas.interfaces.updatepackage import BadPackage, FirmwareGroup, UpdatePackage, read_package_untrusted
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.certificate import Certificate
from tiaas.pki.herstellersignature import BadHerstellerSignature, verify_hersteller_untrusted

NOT_WHOLE, NOT_APPLIED, OUTSIDE_GROUP = 4183, 4184, 4185


@dataclass(frozen=True, slots=True)
class Own:
    """What a package must be for."""

    vendor_id: str
    product_code: str
    hardware_version: str


def authentic_package(octets: bytes, anchors: Sequence[Certificate], at: datetime) -> UpdatePackage:
    """Reads a package that the Hersteller signed as it is. Raises only `KonnektorError` 4183."""
    try:
        package = read_package_untrusted(octets)
        verify_hersteller_untrusted(package.signed, package.signature, anchors, at)
    except (BadPackage, BadHerstellerSignature) as error:
        raise KonnektorError(NOT_WHOLE, str(error)) from error
    return package


def require_group(package: UpdatePackage, held: FirmwareGroup) -> FirmwareGroup:
    """The Firmware-Gruppe that counts with this package: of the one held and its own that with the higher number.

    The package's version must be in it. Raises `KonnektorError` 4185.
    """
    counts = held.newer_of(package.manifest.group)
    if package.manifest.version not in counts.versions:
        detail = f"{package.manifest.version} is not in Firmware-Gruppe {counts.number} ({', '.join(counts.versions)})"
        raise KonnektorError(OUTSIDE_GROUP, detail)
    return counts


def program_in(package: UpdatePackage, own: Own) -> Program:
    """The program of a package for this product. Raises `KonnektorError` 4184."""
    manifest = package.manifest
    if (manifest.vendor_id, manifest.product_code, manifest.hardware_version) != (
        own.vendor_id,
        own.product_code,
        own.hardware_version,
    ):
        raise KonnektorError(NOT_APPLIED, fill="für ein anderes Produkt")
    wheel = package.files.get(wheel_name(manifest.version))
    if wheel is None:
        raise KonnektorError(NOT_APPLIED, fill="kein Programm im Paket")
    try:
        return read_wheel_untrusted(wheel, manifest.version)
    except BadPackage as error:
        raise KonnektorError(NOT_APPLIED, str(error), fill="Programm nicht lesbar") from error
