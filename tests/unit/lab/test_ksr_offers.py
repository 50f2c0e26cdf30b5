"""Packages for the lab's KSR: what a POST may say, and what is made of it."""

from base64 import b64decode
from dataclasses import astuple, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tiaas import __version__
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.konfigurationsdienst_v1_1 import signed_octets, told_sha256
from tiaas.interfaces.programwheel import read_wheel_untrusted
from tiaas.interfaces.updatepackage import FirmwareGroup, read_package_untrusted
from tiaas.konnektor import node
from tiaas.konnektor.config import Product
from tiaas.konnektor.updateoffers import OfferedFile
from tiaas.lab.errors import BadControlRequest
from tiaas.lab.hersteller import Hersteller
from tiaas.lab.ksr.offers import PRODUCTS, read_package
from tiaas.lab.ksr.packages import PACKAGES_MAX, KsrFull, Package, Packages, UnknownPackage
from tiaas.lab.store import LabStore
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.herstellersignature import BadHerstellerSignature, verify_hersteller_untrusted
from tiaas.terminal.virtual.config import TerminalConfig
from tiaas.terminal.virtual.firmware import decode_image_untrusted

TODAY = date(2026, 6, 1)
ENTROPY = SeededEntropy(b"ksr")
CLOCK = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
HERSTELLER = Hersteller.create(CLOCK, ENTROPY)
CONTENT = {"content": "AA=="}


def test_products_are_those_of_konnektor_and_virtual_terminals() -> None:
    own = Product()
    assert astuple(PRODUCTS["konnektor"]) == (
        own.vendor_id,
        own.product_code,
        own.hardware_version,
        own.product_name,
    )
    fields = TerminalConfig.__dataclass_fields__
    number: Any = fields["hardware_version"].default
    hardware = ".".join(map(str, number))
    assert PRODUCTS["terminal"].triple == (fields["manufacturer"].default, fields["model"].default, hardware)


def test_a_package_for_terminals_has_an_image_that_they_take() -> None:
    package = read_package({"for": "terminal", "version": "1.20.3", "group": "00007"}, TODAY, ENTROPY, HERSTELLER)
    image = decode_image_untrusted(package.content)
    assert (image.model, image.version, image.group) == ("TIAASVKT", (1, 20, 3), "00007")
    told = package.information()
    assert told.firmware.files[0].size == str(len(package.content))
    assert told.firmware.files[0].filename == package.path


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"version": "1.2"},
        {"version": "1.2.1000"},
        {"version": "01.2.3"},
        {"version": "1.0.0", "for": "printer"},
        {"version": "1.0.0", "for": []},
        {"version": "1.0.0", "priority": "kritisch"},
        {"version": "1.0.0", "priority": {}},
        {"version": "1.0.0", "deadline": "31.12.2026"},
        {"version": "1.0.0", "deadline": 20261231},
        {"version": "1.0.0", "notes": "x" * 2049},
        {"version": "1.0.0", "notes": "\x01"},
        {"version": "1.0.0", "vendor_id": "TOOLONG"},
        {"version": "1.0.0", "product_code": "a b"},
        {"version": "1.0.0", "hardware_version": "1"},
        {"version": "1.0.0", "content": "!"},
        {"version": "1.0.0", "content": ""},
        {"version": "1.0.0", "for": "terminal", "group": "1"},
        {"version": "1.0.0", "group": "1"},
        {"version": "1.0.0", "group_versions": ["1.0"]},
        {"version": "1.0.0", "group_versions": "1.0.0"},
        {"version": "1.0.0", "octets": 100},
        {"version": "1.0.0", "for": "fachmodul", "octets": "100"},
        {"version": "1.0.0", "for": "fachmodul", "octets": True},
        {"version": "1.0.0", "for": "fachmodul", "octets": 64 * 1024 * 1024 + 1},
        {"version": "1.0.0", "for": "fachmodul", "octets": 1, **CONTENT, "content": "AAAA"},
    ],
)
def test_what_no_package_can_be(body: dict[str, object]) -> None:
    with pytest.raises(BadControlRequest):
        read_package(body, TODAY, ENTROPY, HERSTELLER)


def test_a_package_for_a_konnektor_is_signed_by_the_hersteller() -> None:
    package = read_package({"version": "1.0.0", "deadline": "2026-07-01"}, TODAY, ENTROPY, HERSTELLER)
    told = package.information()
    anchors = (decode_certificate_untrusted(HERSTELLER.ca),)
    verify_hersteller_untrusted(signed_octets(told), b64decode(told.signature), anchors, CLOCK.now())
    with pytest.raises(BadHerstellerSignature, match="changed"):
        changed = replace(told, deployment=replace(told.deployment, deadline=None))
        verify_hersteller_untrusted(signed_octets(changed), b64decode(told.signature), anchors, CLOCK.now())
    content = read_package_untrusted(package.content)
    assert content.manifest.group == FirmwareGroup("00001", (__version__, "1.0.0"))
    program = read_wheel_untrusted(content.files["tiaas-1.0.0-py3-none-any.whl"], "1.0.0")
    assert b'__version__ = "1.0.0"' in program["tiaas/__init__.py"]
    assert program["tiaas/konnektor/node.py"] == Path(node.__file__).read_bytes()
    fails = read_package({"version": "1.0.0", "fails": True}, TODAY, ENTROPY, HERSTELLER)
    wheel = read_package_untrusted(fails.content).files["tiaas-1.0.0-py3-none-any.whl"]
    assert read_wheel_untrusted(wheel, "1.0.0")["tiaas/cli/up.py"].endswith(b"return 1\n")


def test_a_package_for_a_fachmodul_is_as_long_as_is_said_and_tells_its_hash(tmp_path: Path) -> None:
    body = {"version": "1.0.0", "for": "fachmodul", "content": "AQI=", "octets": 5}
    package = read_package(body, TODAY, ENTROPY, HERSTELLER)
    assert (package.product.code, package.file(), package.octets) == ("VSDM", b"\1\2\0\0\0", 5)
    (file,) = package.information().firmware.files
    assert (file.size, told_sha256(file)) == ("5", sha256(package.file()).hexdigest())
    assert OfferedFile.of(file).sha256 == told_sha256(file)
    assert Package.from_document(package.to_document()) == package
    plain = read_package({"version": "1.0.0", **CONTENT}, TODAY, ENTROPY, HERSTELLER)
    assert told_sha256(plain.information().firmware.files[0]) == ""


def test_packages_stay_in_the_lab(tmp_path: Path) -> None:
    store = LabStore.open(tmp_path / "lab")
    packages = Packages(store)
    body = {"version": "1.0.0", "priority": "Kritisch", "start": "2026-06-02", "deadline": "2026-07-01", "notes": "n"}
    first = read_package({**body, **CONTENT}, TODAY, ENTROPY, HERSTELLER)
    packages.put(first)
    assert list(Packages(store)) == [first]
    assert packages.at(first.path) == first
    for _ in range(PACKAGES_MAX - 1):
        packages.put(read_package({"version": "1.0.0", **CONTENT}, TODAY, ENTROPY, HERSTELLER))
    with pytest.raises(KsrFull):
        packages.put(read_package({"version": "1.0.0", **CONTENT}, TODAY, ENTROPY, HERSTELLER))
    packages.withdraw(first.update_id)
    with pytest.raises(UnknownPackage):
        packages.withdraw(first.update_id)
    assert packages.clear() == PACKAGES_MAX - 1
    assert list(Packages(store)) == []
    store.close()
