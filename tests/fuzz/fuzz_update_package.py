"""Fuzz target: Update-Pakete of a Konnektor, the program in them, and the Hersteller's signature."""

import zipfile
from datetime import UTC, date, datetime

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.programwheel import read_wheel_untrusted, wheel_name, write_wheel
from tiaas.interfaces.updatepackage import (
    BadPackage,
    FirmwareGroup,
    Manifest,
    digests_of,
    read_package_untrusted,
    write_archive,
    write_package,
)
from tiaas.lab.hersteller import Hersteller
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.herstellersignature import BadHerstellerSignature, verify_hersteller_untrusted

_NOW = datetime(2026, 6, 1, tzinfo=UTC)
_HERSTELLER = Hersteller.create(ManualClock(_NOW), SeededEntropy(b"fuzz"))
_ANCHORS = (decode_certificate_untrusted(_HERSTELLER.ca),)
_WHEEL = write_wheel({"tiaas/__init__.py": b"", "tiaas/__main__.py": b"pass\n"}, "0.2.0")
_FILES = {wheel_name("0.2.0"): _WHEEL}
_SIGNED = Manifest(
    "TIAAS", "TIAAS", "1.0.0", "0.2.0", date(2026, 6, 1), "", FirmwareGroup("00001", ("0.2.0",)), digests_of(_FILES)
).encode()
_SIGNATURE = _HERSTELLER.sign(_SIGNED)
_PACKAGE = write_package(_SIGNED, _SIGNATURE, _FILES)

SEEDS: list[bytes] = [_PACKAGE, _WHEEL, _SIGNATURE, _SIGNED, write_archive({"a": b"b"}, zipfile.ZIP_DEFLATED)]


def target(data: bytes) -> None:
    """Each decoder raises its one error; what was signed is believed as it was signed only, and nothing else is."""
    try:
        package = read_package_untrusted(data)
        signed, signature = package.signed, package.signature
    except BadPackage:
        signed, signature = _SIGNED, data
    try:
        verify_hersteller_untrusted(signed, signature, _ANCHORS, _NOW)
        assert signed == _SIGNED
    except BadHerstellerSignature:
        pass
    try:
        program = read_wheel_untrusted(data, "0.2.0")
    except BadPackage:
        return
    assert all(".." not in path.split("/") and not path.startswith("/") for path in program)
