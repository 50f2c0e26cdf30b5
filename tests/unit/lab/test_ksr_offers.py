"""Packages for the lab's KSR: what a POST may say, and what is made of it."""

from dataclasses import astuple
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.config import Product
from tiaas.lab.errors import BadControlRequest
from tiaas.lab.ksr.offers import PRODUCTS, read_package
from tiaas.lab.ksr.packages import PACKAGES_MAX, KsrFull, Packages, UnknownPackage
from tiaas.lab.store import LabStore
from tiaas.terminal.virtual.config import TerminalConfig
from tiaas.terminal.virtual.firmware import decode_image_untrusted

TODAY = date(2026, 6, 1)
ENTROPY = SeededEntropy(b"ksr")


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
    package = read_package({"for": "terminal", "version": "1.20.3", "group": "00007"}, TODAY, ENTROPY)
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
    ],
)
def test_what_no_package_can_be(body: dict[str, object]) -> None:
    with pytest.raises(BadControlRequest):
        read_package(body, TODAY, ENTROPY)


def test_packages_stay_in_the_lab(tmp_path: Path) -> None:
    store = LabStore.open(tmp_path / "lab")
    packages = Packages(store)
    body = {"version": "1.0.0", "priority": "Kritisch", "start": "2026-06-02", "deadline": "2026-07-01", "notes": "n"}
    first = read_package(body, TODAY, ENTROPY)
    packages.put(first)
    assert list(Packages(store)) == [first]
    assert packages.at(first.path) == first
    for _ in range(PACKAGES_MAX - 1):
        packages.put(read_package({"version": "1.0.0"}, TODAY, ENTROPY))
    with pytest.raises(KsrFull):
        packages.put(read_package({"version": "1.0.0"}, TODAY, ENTROPY))
    packages.withdraw(first.update_id)
    with pytest.raises(UnknownPackage):
        packages.withdraw(first.update_id)
    assert packages.clear() == PACKAGES_MAX - 1
    assert list(Packages(store)) == []
    store.close()
