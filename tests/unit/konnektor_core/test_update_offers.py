"""What the KSR tells, as an instance reads, keeps and judges it."""

import re
from datetime import date

import pytest

from tiaas.interfaces.konfigurationsdienst_v1_1 import (
    DeploymentInformation,
    File,
    Firmware,
    ListUpdatesResponse,
    Priority,
    UpdateInformation,
)
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.updateoffers import Device, Found, Offer, newest_first
from tiaas.soap.mapping import decode, encode_document
from tiaas.soap.markup import Limits, parse_untrusted

DEVICE = Device("TIAAS", "TIAAS", "1.0.0", "0.9.0")


def told(version: str, **more: object) -> UpdateInformation:
    deployment = DeploymentInformation(start=date(2026, 1, 1), deadline=date(2026, 6, 30))
    files = (File(filename=f"{version}/fw.bin", size="17", notes=""),)
    values = {
        "update_id": "u1",
        "vendor_id": "TIAAS",
        "product_code": "TIAAS",
        "hardware_version": "1.0.0",
        "product_name": "Konnektor",
        "created": date(2025, 12, 1),
        "deployment": deployment,
        "firmware": Firmware(version=version, priority=Priority.CRITICAL, files=files, release_notes="https://x"),
        "signature": "",
    }
    return UpdateInformation(**{**values, **more})  # type: ignore[arg-type]


def found(*versions: str) -> Found:
    return Found.of(DEVICE, ListUpdatesResponse(updates=tuple(told(version) for version in versions)))


def test_the_order_of_versions_is_that_of_numbers() -> None:
    offers = found("0.10.0", "0.2.0", "1.0.0", "0.9.0").offers
    assert [offer.version for offer in newest_first(offers)] == ["1.0.0", "0.10.0", "0.9.0", "0.2.0"]
    newest = found("0.10.0", "0.9.0", "0.2.0").newest
    assert newest is not None
    assert newest.version == "0.10.0"
    assert found("0.9.0", "0.8.99").newest is None


@pytest.mark.requirement("TIP1-A_6025")
def test_a_deadline_is_over_on_its_day() -> None:
    offer = Offer.of(told("1.0.0"))
    assert not offer.is_overdue(date(2026, 6, 29))
    assert offer.is_overdue(date(2026, 6, 30))
    assert not Offer.of(told("1.0.0", deployment=DeploymentInformation())).is_overdue(date(2999, 1, 1))


def test_what_is_for_another_product_is_left_out() -> None:
    others = (told("2.0.0", product_code="OTHER"), told("2.0.0", hardware_version="1.0.1"), told("1.0.0"))
    offers = Found.of(DEVICE, ListUpdatesResponse(updates=others)).offers
    assert [offer.version for offer in offers] == ["1.0.0"]


def test_what_was_told_is_kept() -> None:
    kept = Found.of(DEVICE, ListUpdatesResponse(group_notes="Gruppe", updates=(told("1.0.0"), told("1.1.0"))))
    assert Found.from_row(kept.to_row()) == kept
    with pytest.raises(ValueError, match="invalid literal"):
        Found.from_row({**kept.to_row(), "offers": [{**kept.to_row()["offers"][0], "version": "1.x.0"}]})


def test_a_foreign_signature_with_markup_is_read() -> None:
    """UpdateInformationSignature is mixed with any element; nothing of it is judged."""
    document = encode_document(ListUpdatesResponse(updates=(told("1.0.0"),)))
    empty = re.compile(rb"<KSR:UpdateInformationSignature(/>|></KSR:UpdateInformationSignature>)")
    mixed = b"a<s:Signature xmlns:s='urn:s'>b</s:Signature>"
    filled = b"<KSR:UpdateInformationSignature>%s</KSR:UpdateInformationSignature>" % mixed
    signed, count = empty.subn(filled, document)
    assert count == 1
    read = decode(ListUpdatesResponse, parse_untrusted(signed, Limits()))
    assert read.updates[0].signature == "ab"


def test_a_blocked_way_is_none_whatever_the_parameter_says() -> None:
    mode, heard = OnlineMode(True), []
    mode.on_change(lambda: heard.append(mode.active))
    mode.block(True)
    mode.switch(False)
    mode.switch(True)
    assert (mode.active, mode.is_blocked, heard) == (False, True, [False])
    mode.block(False)
    assert heard == [False, True]
