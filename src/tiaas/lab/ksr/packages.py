"""The packages that lie in the lab's KSR; in the lab's database by update id.

Packages for a Konnektor carry the program that runs, as another version, and are signed by the lab's Hersteller;
packages for a card terminal carry an image that the lab's virtual terminals take, and are not signed. Packages for a
Fachmodul carry anything, their SHA-256 is told in the notes of the file, and they may be as large as one likes.
"""

import base64
from collections.abc import Iterator
from dataclasses import field, replace
from datetime import date
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.konfigurationsdienst_v1_1 import (
    DeploymentInformation,
    File,
    Firmware,
    Priority,
    UpdateInformation,
    sha256_notes,
    signed_octets,
)
from tiaas.lab.errors import ControlError
from tiaas.lab.hersteller import Hersteller
from tiaas.lab.store import Kind, LabStore

PACKAGES_MAX = 32
IMAGE_OCTETS_MAX = 16 * 1024 * 1024


class UnknownPackage(ControlError):
    """No package has that update id."""

    def __init__(self) -> None:
        super().__init__(404, "no such package", "GET /ksr lists them")


class KsrFull(ControlError):
    """There is no room for another package."""

    def __init__(self) -> None:
        super().__init__(409, f"the KSR holds {PACKAGES_MAX} packages", "withdraw one: DELETE /ksr/{update_id}")


@dataclass(frozen=True, slots=True)
class Product:
    """For what a package is (ProductInformation.xsd)."""

    vendor_id: str
    code: str
    hardware: str
    name: str

    @property
    def triple(self) -> tuple[str, str, str]:
        """By what a device asks."""
        return self.vendor_id, self.code, self.hardware


@dataclass(frozen=True, slots=True)
class Package:
    """A package with one firmware file; `version` is three numbers with dots."""

    update_id: str
    product: Product
    version: str
    priority: Priority
    created: date
    start: date | None
    deadline: date | None
    notes: str
    filename: str
    content: bytes = field(repr=False)
    signature: str = ""
    """UpdateInformationSignature: base64 of a CMS SignedData."""
    zeros: int = 0
    """So many zero octets follow `content` in the file; nobody keeps them."""
    sha256: str = ""
    """Of the file, hexadecimal, if its notes are to tell it."""

    @property
    def octets(self) -> int:
        """How long the file is."""
        return len(self.content) + self.zeros

    def file(self) -> bytes:
        """The file."""
        return self.content + bytes(self.zeros) if self.zeros else self.content

    @property
    def path(self) -> str:
        """Where its file is, below the service's address; Filename says so too."""
        return f"{self.update_id}/{self.filename}"

    def information(self) -> UpdateInformation:
        """What list_Updates tells."""
        return UpdateInformation(
            update_id=self.update_id,
            vendor_id=self.product.vendor_id,
            product_code=self.product.code,
            hardware_version=self.product.hardware,
            product_name=self.product.name,
            created=self.created,
            deployment=DeploymentInformation(start=self.start, deadline=self.deadline),
            firmware=Firmware(
                version=self.version,
                priority=self.priority,
                files=(File(filename=self.path, size=str(self.octets), notes=self._file_notes),),
                release_notes=self.notes,
            ),
            signature=self.signature,
        )

    @property
    def _file_notes(self) -> str:
        return sha256_notes(self.sha256) if self.sha256 else ""

    def signed_by(self, hersteller: Hersteller) -> "Package":
        """The same with UpdateInformationSignature."""
        signature = hersteller.sign(signed_octets(self.information()))
        return replace(self, signature=base64.b64encode(signature).decode("ascii"))

    def to_document(self) -> dict[str, Any]:
        """The JSON object in the database."""
        return {
            **self.to_shown(),
            "filename": self.filename,
            "content": base64.b64encode(self.content).decode("ascii"),
            "signature": self.signature,
            "zeros": self.zeros,
            "sha256": self.sha256,
        }

    def to_shown(self) -> dict[str, Any]:
        """The JSON object that the control port lists: without content."""
        return {
            "update_id": self.update_id,
            "vendor_id": self.product.vendor_id,
            "product_code": self.product.code,
            "hardware_version": self.product.hardware,
            "product_name": self.product.name,
            "version": self.version,
            "priority": self.priority.value,
            "created": self.created.isoformat(),
            "start": None if self.start is None else self.start.isoformat(),
            "deadline": None if self.deadline is None else self.deadline.isoformat(),
            "notes": self.notes,
            "octets": self.octets,
        }

    @staticmethod
    def from_document(document: dict[str, Any]) -> "Package":
        """The package of `to_document`."""
        names = ("vendor_id", "product_code", "hardware_version", "product_name")
        start, deadline = document["start"], document["deadline"]
        return Package(
            document["update_id"],
            Product(*(document[name] for name in names)),
            document["version"],
            Priority(document["priority"]),
            date.fromisoformat(document["created"]),
            None if start is None else date.fromisoformat(start),
            None if deadline is None else date.fromisoformat(deadline),
            document["notes"],
            document["filename"],
            base64.b64decode(document["content"]),
            document.get("signature", ""),
            document.get("zeros", 0),
            document.get("sha256", ""),
        )


class Packages:
    """All packages, oldest first."""

    def __init__(self, store: LabStore) -> None:
        self._store = store
        self._all = {key: Package.from_document(body) for key, body in store.all(Kind.FIRMWARE).items()}

    def put(self, package: Package) -> None:
        """Takes a package in. Raises `KsrFull`."""
        if len(self._all) >= PACKAGES_MAX:
            raise KsrFull
        self._store.put(Kind.FIRMWARE, package.update_id, package.to_document())
        self._all[package.update_id] = package

    def withdraw(self, update_id: str) -> None:
        """Takes a package away. Raises `UnknownPackage`."""
        self.find(update_id)
        self._store.delete(Kind.FIRMWARE, update_id)
        del self._all[update_id]

    def clear(self) -> int:
        """Takes all away; returns how many there were."""
        gone = tuple(self._all)
        for update_id in gone:
            self.withdraw(update_id)
        return len(gone)

    def for_product(self, vendor_id: str, code: str, hardware: str) -> tuple[Package, ...]:
        """The packages for a device."""
        wanted = (vendor_id, code, hardware)
        found = (package for package in self if package.product.triple == wanted)
        return tuple(found)

    def find(self, update_id: str) -> Package:
        """The package of that id. Raises `UnknownPackage`."""
        if update_id not in self._all:
            raise UnknownPackage
        return self._all[update_id]

    def at(self, path: str) -> Package | None:
        """The package whose file is at that path."""
        return next((package for package in self if package.path == path), None)

    def __iter__(self) -> Iterator[Package]:
        return iter(tuple(self._all.values()))
