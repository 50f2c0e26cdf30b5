"""KSR, the Konfigurationsdienst: which firmware there is for a device (Konfigurationsdienst.wsdl 1.1.0, .xsd 1.1.1).

I_KSRS_Download::list_Updates is its only SOAP operation; files come by HTTP (gemSpec_KSR, get_Updates).
FirmwareGroupInformation, which is part of packages and of no message, is left out. Over which octets the Hersteller
signs an UpdateInformation is not public: `signed_octets` are ours, and so is the SHA-256 in the notes of a file.
"""

import enum
import json
import re
from datetime import date
from typing import Annotated

from tiaas.interfaces.product_information_v1_1 import (
    FW_VERSION,
    HW_VERSION,
    PRODUCT_CODE,
    PRODUCT_NAME,
    PRODUCT_VENDOR_ID,
)
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import ANY_TYPE, DATE, STRING, Enumeration, String

KSR = Namespace("http://ws.gematik.de/ksr/v1.1", "KSR")

LIST_UPDATES_ACTION = "http://ws.gematik.de/ksr/v1.1#ListUpdates"

NOTES_MAX, FILE_NOTES_MAX, FILES_MAX, UPDATES_MAX = 2048, 256, 999, 999

_UPDATE_ID = String(name=KSR("UpdateID"), base=STRING, pattern=re.compile("[a-zA-Z0-9_]*"))
_RELEASE_NOTES = String(name=KSR("ReleaseNotesType"), base=STRING, max_length=NOTES_MAX)
_FILE_NOTES = String(name=KSR("FileNotesType"), base=STRING, max_length=FILE_NOTES_MAX)
_SHA256 = re.compile("SHA-256 ([0-9a-f]{64})")
_FILE_SIZE = String(name=KSR("FileSizeType"), base=STRING, pattern=re.compile("[0-9]{1,10}"))


@enum.unique
class Priority(enum.StrEnum):
    """FWPriority."""

    NORMAL = "Normal"
    CRITICAL = "Kritisch"


_PRIORITY = Enumeration(name=KSR("PriorityType"), base=STRING, members=Priority)


@message(KSR, type_name="FileType")
class File:
    """A file of a package; `size` is its number of octets in digits."""

    filename: Annotated[str, Element(KSR, "Filename", STRING)]
    size: Annotated[str, Element(KSR, "FileSize", _FILE_SIZE)]
    notes: Annotated[str, Element(KSR, "Notes", _FILE_NOTES)]


def sha256_notes(sha256: str) -> str:
    """Notes of a file that tell its SHA-256, in lower-case hexadecimal."""
    return f"SHA-256 {sha256}"


def told_sha256(file: File) -> str:
    """The SHA-256 that the notes of a file tell; empty: none."""
    told = _SHA256.fullmatch(file.notes)
    return "" if told is None else told[1]


@message(KSR, type_name="FirmwareStructType")
class Firmware:
    """Version and files."""

    version: Annotated[str, Element(KSR, "FWVersion", FW_VERSION)]
    priority: Annotated[Priority, Element(KSR, "FWPriority", _PRIORITY)]
    files: Annotated[tuple[File, ...], Element(KSR, "Firmwarefiles").occurs(0, FILES_MAX)] = ()
    documents: Annotated[tuple[File, ...], Element(KSR, "Documentationfiles").occurs(0, FILES_MAX)] = ()
    release_notes: Annotated[str, Element(KSR, "FirmwareReleaseNotes", _RELEASE_NOTES)]


@message(KSR)
class DeploymentInformation:
    """From when on, and until when at the latest."""

    start: Annotated[date | None, Element(KSR, "StartDate", DATE)] = None
    deadline: Annotated[date | None, Element(KSR, "Deadline", DATE)] = None


@message(KSR, root="UpdateInformation", type_name="UpdateInformationType")
class UpdateInformation:
    """A package for one product. `signature` is what stands in UpdateInformationSignature, markup left out."""

    update_id: Annotated[str, Element(KSR, "UpdateID", _UPDATE_ID)]
    vendor_id: Annotated[str, Element(KSR, "ProductVendorID", PRODUCT_VENDOR_ID)]
    product_code: Annotated[str, Element(KSR, "ProductCode", PRODUCT_CODE)]
    hardware_version: Annotated[str, Element(KSR, "HWVersion", HW_VERSION)]
    product_name: Annotated[str, Element(KSR, "ProductName", PRODUCT_NAME)]
    created: Annotated[date, Element(KSR, "CreationDate", DATE)]
    deployment: Annotated[DeploymentInformation, Element(KSR, "DeploymentInformation")]
    firmware: Annotated[Firmware, Element(KSR, "Firmware")]
    signature: Annotated[str, Element(KSR, "UpdateInformationSignature", ANY_TYPE)]


def signed_octets(update: UpdateInformation) -> bytes:
    """What UpdateInformationSignature signs: all other values in the order of the schema, as one JSON array."""
    deployment, firmware = update.deployment, update.firmware
    values = (
        update.update_id,
        update.vendor_id,
        update.product_code,
        update.hardware_version,
        update.product_name,
        update.created.isoformat(),
        None if deployment.start is None else deployment.start.isoformat(),
        None if deployment.deadline is None else deployment.deadline.isoformat(),
        firmware.version,
        firmware.priority.value,
        *([[file.filename, file.size, file.notes] for file in files] for files in (firmware.files, firmware.documents)),
        firmware.release_notes,
    )
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


@message(KSR, root="listUpdatesRequest")
class ListUpdatesRequest:
    """What the device is, and which firmware it runs."""

    vendor_id: Annotated[str, Element(KSR, "ProductVendorID", PRODUCT_VENDOR_ID)]
    product_code: Annotated[str, Element(KSR, "ProductCode", PRODUCT_CODE)]
    hardware_version: Annotated[str, Element(KSR, "HWVersion", HW_VERSION)]
    firmware_version: Annotated[str, Element(KSR, "FWVersion", FW_VERSION)]


@message(KSR, root="listUpdatesResponse")
class ListUpdatesResponse:
    """The packages for that device."""

    group_notes: Annotated[str | None, Element(KSR, "FirmwareGroupReleaseNotes", _RELEASE_NOTES)] = None
    updates: Annotated[tuple[UpdateInformation, ...], Element(KSR, "UpdateInformation").occurs(0, UPDATES_MAX)] = ()
