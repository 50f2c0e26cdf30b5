"""The Update-Paket of a Konnektor of this project: what its Hersteller ships and a Konnektor takes. The form is ours.

A package is a ZIP archive whose members are stored as they are:

    manifest.json    what it is, and the SHA-256 of each file; UTF-8
    manifest.p7s     the Hersteller's signature of the manifest: CMS SignedData, detached (`pki/herstellersignature.py`)
    FILE …           the files that the manifest names, and no others: the program as a wheel (`programwheel.py`)

The manifest has a FirmwareGroupInformation (Konfigurationsdienst.xsd 1.1.1): the number of a Firmware-Gruppe and the
versions in it. Reading proves that the files are those of the manifest; who signed it is asked elsewhere.
"""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import field
from datetime import date
from hashlib import sha256
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

PACKAGE_OCTETS_MAX = 32 * 1024 * 1024
FORMAT = 1
_MANIFEST, _SIGNATURE = "manifest.json", "manifest.p7s"
_MANIFEST_OCTETS_MAX, _SIGNATURE_OCTETS_MAX = 64 * 1024, 16 * 1024
_FILES_MAX, _VERSIONS_MAX, _NOTES_MAX = 8, 999, 2048
_VERSION = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){2}")
_GROUP = re.compile("[0-9]{5}")
_WORD = re.compile("[A-Za-z0-9_]{1,8}")
_HARDWARE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){2}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_DIGEST = re.compile("[0-9a-f]{64}")
_ENTRY, _ENTRIES_MAX = b"PK\x01\x02", 8192
"""What an entry of a list of members begins with. `zipfile` reads all of them before anybody can count them, and what
nobody has signed yet could have 700,000; a wheel in a package has its own."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
ZIP_ERRORS = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, KeyError, IndexError,
    OverflowError, MemoryError,
)  # fmt: skip
"""What `zipfile` raises for octets that are no archive; most of its errors are a ValueError."""


class BadPackage(TiaasError):
    """Octets that are no whole package; says why."""


def is_file_name(text: str) -> bool:
    """Whether a file of a package may have that name: of letters, digits and ._+-, the first a letter or digit."""
    return _FILE_NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Whether it is an FWVersion: three numbers up to 999, written in one way only."""
    return _VERSION.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class FirmwareGroup:
    """A Firmware-Gruppe: its number, five digits that only rise, and the versions in it."""

    number: str
    versions: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether number and versions have their form."""
        return (
            _GROUP.fullmatch(self.number) is not None
            and 0 < len(self.versions) <= _VERSIONS_MAX
            and all(map(is_version, self.versions))
        )

    def newer_of(self, other: "FirmwareGroup") -> "FirmwareGroup":
        """The one that counts: with the higher number; `other`, if they have the same."""
        return self if int(self.number) > int(other.number) else other


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a package says of itself; `digests` are SHA-256 values in hex by name of file."""

    vendor_id: str
    product_code: str
    hardware_version: str
    version: str
    created: date
    notes: str
    group: FirmwareGroup
    digests: Mapping[str, str]

    def encode(self) -> bytes:
        """manifest.json."""
        document = {
            "format": FORMAT,
            "vendor_id": self.vendor_id,
            "product_code": self.product_code,
            "hardware_version": self.hardware_version,
            "version": self.version,
            "created": self.created.isoformat(),
            "notes": self.notes,
            "firmware_group": {"number": self.group.number, "versions": list(self.group.versions)},
            "files": dict(self.digests),
        }
        return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class UpdatePackage:
    """A package whose files are those of its manifest. `signed` is the manifest as it was signed."""

    manifest: Manifest
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """The digests of a manifest."""
    return {name: sha256(content).hexdigest() for name, content in files.items()}


def write_package(signed: bytes, signature: bytes, files: Mapping[str, bytes]) -> bytes:
    """The archive; `signed` is the encoded manifest."""
    return write_archive({_MANIFEST: signed, _SIGNATURE: signature, **files}, zipfile.ZIP_STORED)


def write_archive(members: Mapping[str, bytes], compression: int) -> bytes:
    """A ZIP archive, the same for the same members."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _LONG_AGO)
            info.compress_type, info.external_attr = compression, 0o644 << 16
            archive.writestr(info, content)
    return into.getvalue()


def read_package_untrusted(octets: bytes) -> UpdatePackage:
    """Reads a package and compares its files with the manifest. Raises only `BadPackage`."""
    if len(octets) > PACKAGE_OCTETS_MAX:
        raise BadPackage(f"more than {PACKAGE_OCTETS_MAX} octets")
    try:
        members = _members(octets)
    except ZIP_ERRORS as error:
        raise BadPackage("no archive that can be read") from error
    signed, signature = members.pop(_MANIFEST, b""), members.pop(_SIGNATURE, b"")
    if not 0 < len(signed) <= _MANIFEST_OCTETS_MAX or not 0 < len(signature) <= _SIGNATURE_OCTETS_MAX:
        raise BadPackage("manifest or signature is missing or too long")
    manifest = _manifest(signed)
    if set(members) != set(manifest.digests):
        raise BadPackage("other files than the manifest has")
    for name, content in members.items():
        if sha256(content).hexdigest() != manifest.digests[name]:
            raise BadPackage(f"{name} was changed")
    return UpdatePackage(manifest, signed, signature, members)


def _members(octets: bytes) -> dict[str, bytes]:
    """All members, none compressed: they cannot be longer than the archive. Raises `BadPackage`, `ZIP_ERRORS`."""
    found: dict[str, bytes] = {}
    if octets.count(_ENTRY) > _ENTRIES_MAX:
        raise BadPackage("too many members")
    with zipfile.ZipFile(io.BytesIO(octets)) as archive:
        members = archive.infolist()
        if len(members) > _FILES_MAX + 2:
            raise BadPackage("too many members")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise BadPackage("a member is compressed or encrypted")
            if not is_file_name(member.filename) or member.filename in found:
                raise BadPackage("a member has a name that is none, or that of another")
            found[member.filename] = archive.read(member)
    if sum(map(len, found.values())) > len(octets):
        raise BadPackage("members overlap")
    return found


def _manifest(octets: bytes) -> Manifest:
    try:
        document = json.loads(octets)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise BadPackage("a manifest of another form")
        group = document["firmware_group"]
        number = _fitting(group["number"], _GROUP)
        manifest = Manifest(
            _fitting(document["vendor_id"], _WORD),
            _fitting(document["product_code"], _WORD),
            _fitting(document["hardware_version"], _HARDWARE),
            _fitting(document["version"], _VERSION),
            date.fromisoformat(document["created"]),
            str(document["notes"])[:_NOTES_MAX],
            FirmwareGroup(number, tuple(_fitting(each, _VERSION) for each in group["versions"])),
            {_fitting(name, _FILE_NAME): _fitting(digest, _DIGEST) for name, digest in document["files"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadPackage("the manifest cannot be read") from error
    if not manifest.group.is_sound:
        raise BadPackage("the Firmware-Gruppe cannot be read")
    return manifest


def _fitting(value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadPackage("the manifest has a value of another form")
    return value
