"""Fuzz target: what the KSR answers to list_Updates, and the row in the store that it becomes."""

from datetime import date

from tiaas.interfaces.konfigurationsdienst_v1_1 import (
    DeploymentInformation,
    File,
    Firmware,
    ListUpdatesResponse,
    Priority,
    UpdateInformation,
)
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.ksrclient import read_list_untrusted
from tiaas.konnektor.updateoffers import Device, Found, newest_first
from tiaas.soap.envelope import SoapFault, write_envelope, write_fault
from tiaas.soap.errors import FaultCode

_DEVICE = Device("TIAAS", "TIAAS", "1.0.0", "0.1.0")
_UPDATE = UpdateInformation(
    update_id="1f0c",
    vendor_id="TIAAS",
    product_code="TIAAS",
    hardware_version="1.0.0",
    product_name="x",
    created=date(2026, 1, 1),
    deployment=DeploymentInformation(start=date(2026, 2, 1), deadline=date(2026, 3, 1)),
    firmware=Firmware(
        version="0.2.0",
        priority=Priority.CRITICAL,
        files=(File(filename="1f0c/x.bin", size="9999999999", notes=""),),
        documents=(File(filename="1f0c/x.pdf", size="1", notes="n"),),
        release_notes="https://x",
    ),
    signature="s",
)
SEEDS: list[bytes] = [
    write_envelope(ListUpdatesResponse(group_notes="g", updates=(_UPDATE,))),
    write_envelope(ListUpdatesResponse()),
    write_fault(SoapFault(FaultCode.SERVER, "x")),
]


def target(data: bytes) -> None:
    """Only 4190 may come of it; what was read can be sorted, judged and kept."""
    for status in (200, 500, 404):
        try:
            found = read_list_untrusted(status, data, _DEVICE)
        except KonnektorError as error:
            if error.code != 4190:
                raise
            continue
        assert Found.from_row(found.to_row()) == found
        newest_first(found.offers)
        for offer in found.offers:
            offer.is_overdue(date(2026, 3, 1))
