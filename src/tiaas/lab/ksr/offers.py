"""What the control port reads about packages: which product, version, priority, until when."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from tiaas.base.entropy import Entropy
from tiaas.interfaces.konfigurationsdienst_v1_1 import NOTES_MAX, Priority
from tiaas.interfaces.updatepackage import FirmwareGroup
from tiaas.lab.errors import BadControlRequest
from tiaas.lab.hersteller import Hersteller
from tiaas.lab.ksr.packages import IMAGE_OCTETS_MAX, Package, Product
from tiaas.lab.ksr.program import program_package, running_version
from tiaas.terminal.virtual.firmware import FirmwareImage

PACKAGE_KEYS = (
    "for", "version", "priority", "start", "deadline", "notes", "vendor_id", "product_code", "hardware_version",
    "product_name", "group", "group_versions", "fails", "content", "octets",
)  # fmt: skip
BODY_OCTETS = IMAGE_OCTETS_MAX * 4 // 3 + 8192

PRODUCTS: Mapping[str, Product] = {
    "konnektor": Product("TIAAS", "TIAAS", "1.0.0", "tiaas Highspeed-Konnektor (TEST-ONLY)"),
    "terminal": Product("DETIA", "TIAASVKT", "1.0.0", "tiaas Kartenterminal (TEST-ONLY)"),
    "fachmodul": Product("TIAAS", "VSDM", "1.0.0", "tiaas Fachmodul VSDM (TEST-ONLY)"),
}
"""What a package is for if nothing else is said: a Konnektor, a card terminal, the Fachmodul VSDM of this lab."""

_ID_OCTETS = 8
_VERSION = re.compile(r"(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")
_HARDWARE = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_WORDS = {"vendor_id": re.compile("[a-zA-Z0-9_]{1,5}"), "product_code": re.compile("[a-zA-Z0-9_]{1,8}")}
_KONNEKTOR, _FACHMODUL = "konnektor", "fachmodul"
_ENDINGS = {_KONNEKTOR: "zip", "terminal": "bin", _FACHMODUL: "bin"}
_FILE_OCTETS_MAX = 64 * 1024 * 1024
_GROUP_FIRST = "00001"
_NAME_MAX = 256


def read_package(body: Mapping[str, Any], today: date, entropy: Entropy, hersteller: Hersteller) -> Package:
    """The package that a POST describes; one for a Konnektor is signed. Raises `BadControlRequest`."""
    kind = body.get("for", _KONNEKTOR)
    if not isinstance(kind, str) or kind not in PRODUCTS:
        raise BadControlRequest("unknown kind of product", f"for is one of {', '.join(PRODUCTS)}")
    version = body.get("version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise BadControlRequest("version is no firmware version", 'three numbers up to 999: {"version": "1.2.3"}')
    priority = body.get("priority", Priority.NORMAL.value)
    if not isinstance(priority, str) or priority not in list(Priority):
        raise BadControlRequest("unknown priority", f"one of {', '.join(Priority)}")
    product = _product(body, PRODUCTS[kind])
    notes = _text(body, "notes", "", NOTES_MAX)
    content = _given(body)
    if content is None and kind == _FACHMODUL:
        content = f"{product.code} {version} TEST-ONLY\n".encode()
    zeros = _zeros(body, kind, content or b"")
    if content is None and kind == _KONNEKTOR:
        group, fails = _group(body, version), body.get("fails") is True
        content = program_package(product, version, today, notes, group, hersteller, fails=fails)
    package = Package(
        entropy.octets(_ID_OCTETS).hex(),
        product,
        version,
        Priority(priority),
        today,
        _date(body, "start"),
        _date(body, "deadline"),
        notes,
        f"{product.code}_{version.replace('.', '_')}.{_ENDINGS[kind]}",
        _image(product, version, _group(body, version).number) if content is None else content,
        zeros=zeros,
    )
    if kind == _FACHMODUL:
        return replace(package, sha256=hashlib.sha256(package.file()).hexdigest())
    return package.signed_by(hersteller) if kind == _KONNEKTOR else package


def _product(body: Mapping[str, Any], usual: Product) -> Product:
    hardware = body.get("hardware_version", usual.hardware)
    if not isinstance(hardware, str) or not _HARDWARE.fullmatch(hardware):
        raise BadControlRequest("hardware_version is none", "three numbers with dots")
    words = {"vendor_id": usual.vendor_id, "product_code": usual.code}
    for name, pattern in _WORDS.items():
        word = words[name] = body.get(name, words[name])
        if not isinstance(word, str) or not pattern.fullmatch(word):
            raise BadControlRequest(f"{name} does not fit ProductInformation.xsd", f"like {pattern.pattern}")
    name = _text(body, "product_name", usual.name, _NAME_MAX)
    return Product(words["vendor_id"], words["product_code"], hardware, name)


def _given(body: Mapping[str, Any]) -> bytes | None:
    given = body.get("content")
    if given is None:
        return None
    try:
        content = base64.b64decode(given, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise BadControlRequest("content is no base64", "a firmware image") from None
    if not 0 < len(content) <= IMAGE_OCTETS_MAX:
        raise BadControlRequest("content is too long or empty", f"1 to {IMAGE_OCTETS_MAX} octets")
    return content


def _zeros(body: Mapping[str, Any], kind: str, content: bytes) -> int:
    """How many zeros make the file of a package for a Fachmodul as long as is said."""
    octets = body.get("octets")
    if octets is None:
        return 0
    if kind != _FACHMODUL or type(octets) is not int or not len(content) <= octets <= _FILE_OCTETS_MAX:
        raise BadControlRequest(
            "octets is no length of a file", f"for a Fachmodul, {len(content)} to {_FILE_OCTETS_MAX} with that content"
        )
    return octets - len(content)


def _group(body: Mapping[str, Any], version: str) -> FirmwareGroup:
    """A package's Firmware-Gruppe; if nothing else is said, what runs and what the package brings are in it."""
    versions = body.get("group_versions") or [running_version(), version]
    if not isinstance(versions, list) or not all(isinstance(each, str) for each in versions):
        raise BadControlRequest("group_versions is no list of versions", '["1.2.3"]')
    group = FirmwareGroup(str(body.get("group", _GROUP_FIRST)), tuple(versions))
    if not group.is_sound:
        raise BadControlRequest("group is no firmware group", "five digits, and versions of three numbers")
    return group


def _image(product: Product, version: str, group: str) -> bytes:
    first, second, third = (int(part) for part in version.split("."))
    return FirmwareImage(product.code, (first, second, third), group, b"TEST-ONLY").encode()


def _date(body: Mapping[str, Any], name: str) -> date | None:
    given = body.get(name)
    if given is None:
        return None
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        raise BadControlRequest(f"{name} is no date", "YYYY-MM-DD") from None


def _text(body: Mapping[str, Any], name: str, usual: str, most: int) -> str:
    text = body.get(name, usual)
    if not isinstance(text, str) or len(text) > most or not text.replace("\n", " ").isprintable():
        raise BadControlRequest(f"{name} is no text of at most {most} characters", "printable text")
    return text
