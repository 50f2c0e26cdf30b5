"""What the KSR offers for a device, as an instance keeps it (gemSpec_Kon V5.18 §4.3.10, Konfigurationsdienst.xsd)."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.konfigurationsdienst_v1_1 import (
    File,
    ListUpdatesResponse,
    Priority,
    UpdateInformation,
    signed_octets,
    told_sha256,
)
from tiaas.interfaces.product_information_v1_1 import ProductIdentification

Version = tuple[int, ...]


def version_numbers(version: str) -> Version:
    """The three numbers of an FWVersion, to be compared. Raises `ValueError` for anything else."""
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True, slots=True)
class Device:
    """What a device says it is; two with the same values are served by the same packages."""

    vendor_id: str
    product_code: str
    hardware_version: str
    firmware_version: str

    @classmethod
    def of(cls, product: ProductIdentification) -> "Device":
        """A device from its ProductInformation."""
        local = product.product_version.local
        versions = ("0.0.0", "0.0.0") if local is None else (local.hw_version, local.fw_version)
        return cls(product.product_vendor_id, product.product_code, *versions)


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file of a package, `path` below the KSR's address; `octets` is its announced size.

    `sha256`: hexadecimal, if the file's notes tell it (`interfaces.konfigurationsdienst_v1_1.told_sha256`).
    """

    path: str
    octets: int
    sha256: str = ""

    @classmethod
    def of(cls, file: File) -> "OfferedFile":
        """A file as list_Updates tells it."""
        return cls(file.filename, int(file.size), told_sha256(file))


@dataclass(frozen=True, slots=True)
class Offer:
    """A package for one product. `notes` (FirmwareReleaseNotes) has its Internet address (TIP1-A_6476)."""

    update_id: str
    product_name: str
    version: str
    is_critical: bool
    created: date
    start: date | None
    deadline: date | None
    notes: str
    files: tuple[OfferedFile, ...]
    documents: tuple[OfferedFile, ...]
    signed: bytes = field(default=b"", repr=False)
    signature: str = field(default="", repr=False)
    """UpdateInformationSignature, and what it signs."""

    @classmethod
    def of(cls, told: UpdateInformation) -> "Offer":
        """A package as list_Updates tells it."""
        firmware, deployment = told.firmware, told.deployment
        return cls(
            told.update_id,
            told.product_name,
            firmware.version,
            firmware.priority is Priority.CRITICAL,
            told.created,
            deployment.start,
            deployment.deadline,
            firmware.release_notes,
            tuple(map(OfferedFile.of, firmware.files)),
            tuple(map(OfferedFile.of, firmware.documents)),
            signed_octets(told),
            told.signature.strip(),
        )

    def is_newer_than(self, version: str) -> bool:
        """Whether it brings a higher version."""
        return version_numbers(self.version) > version_numbers(version)

    def is_overdue(self, today: date) -> bool:
        """Whether its deadline has come (TIP1-A_6025: Deadline ≤ Systemzeit)."""
        return self.deadline is not None and self.deadline <= today


@dataclass(frozen=True, slots=True)
class Found:
    """What the KSR told of one device."""

    device: Device
    offers: tuple[Offer, ...]
    group_notes: str

    @classmethod
    def of(cls, device: Device, told: ListUpdatesResponse) -> "Found":
        """The packages of an answer that are for the device; another product's are left out."""
        wanted = (device.vendor_id, device.product_code, device.hardware_version)
        fitting = (t for t in told.updates if (t.vendor_id, t.product_code, t.hardware_version) == wanted)
        return cls(device, tuple(map(Offer.of, fitting)), told.group_notes or "")

    def newer_than(self, version: str) -> tuple[Offer, ...]:
        """The offers above a version, the newest first."""
        return newest_first(offer for offer in self.offers if offer.is_newer_than(version))

    @property
    def newest(self) -> Offer | None:
        """The newest offer above the version that the device has said it runs."""
        return next(iter(self.newer_than(self.device.firmware_version)), None)

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        device = self.device
        return {
            "device": [device.vendor_id, device.product_code, device.hardware_version, device.firmware_version],
            "offers": [_offer_row(offer) for offer in self.offers],
            "group_notes": self.group_notes,
        }

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "Found":
        """What `to_row` wrote. Raises `KeyError`, `TypeError`, `ValueError` for a damaged row."""
        return Found(Device(*row["device"]), tuple(map(_read_offer, row["offers"])), row["group_notes"])


def newest_first(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """Offers by version, the highest first."""
    return tuple(sorted(offers, key=lambda offer: version_numbers(offer.version), reverse=True))


def _offer_row(offer: Offer) -> dict[str, Any]:
    return {
        "update_id": offer.update_id,
        "product_name": offer.product_name,
        "version": offer.version,
        "critical": offer.is_critical,
        "created": offer.created.isoformat(),
        "start": None if offer.start is None else offer.start.isoformat(),
        "deadline": None if offer.deadline is None else offer.deadline.isoformat(),
        "notes": offer.notes,
        "files": [[file.path, file.octets, file.sha256] for file in offer.files],
        "documents": [[file.path, file.octets, file.sha256] for file in offer.documents],
        "signed": b64encode(offer.signed).decode("ascii"),
        "signature": offer.signature,
    }


def _read_offer(row: Mapping[str, Any]) -> Offer:
    version_numbers(row["version"])
    return Offer(
        row["update_id"],
        row["product_name"],
        row["version"],
        bool(row["critical"]),
        date.fromisoformat(row["created"]),
        None if row["start"] is None else date.fromisoformat(row["start"]),
        None if row["deadline"] is None else date.fromisoformat(row["deadline"]),
        row["notes"],
        tuple(OfferedFile(*file) for file in row["files"]),
        tuple(OfferedFile(*file) for file in row["documents"]),
        b64decode(row.get("signed", "")),
        row.get("signature", ""),
    )
