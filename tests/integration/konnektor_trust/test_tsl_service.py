"""The TSL service of a lab as a Konnektor meets it over TLS: the right one, and one with each defect."""

import pytest

from tests.integration.konnektor_trust.test_lab_faults import VL_FAILED, Bench, bench
from tiaas.lab.faults import Service
from tiaas.lab.listcontent import ListName
from tiaas.lab.zdidentity import DEFECTS

__all__ = ["bench"]

CODES = {"server-expired": (4235, "1021"), "server-foreign": (4235, "1023"), "server-role": (4236, "oid_tsl_ti")}


def test_no_defect_is_left_out() -> None:
    assert set(CODES) == set(DEFECTS)


@pytest.mark.parametrize("defect", CODES)
@pytest.mark.requirement("A_17661", "TIP1-A_5662", "TIP1-A_5663")
@pytest.mark.code(4235, 4236)
async def test_a_tsl_service_that_does_not_prove_who_it_is(bench: Bench, defect: str) -> None:
    code, why = CODES[defect]
    for name in ListName:
        bench.services.lists.renew(name)
    bench.fault(Service.TSL, defect, times=0)
    assert not await bench.lists.refresh_bnetza()
    contact = bench.trust.status().tsl_service
    assert contact is not None
    assert contact.code == code
    assert why in contact.reason
    assert bench.holds() == {VL_FAILED}
    assert await bench.lists.refresh_tsl(), "the TSL comes without TLS, too"
    told = [str(dict(event.parameters)["Fehlerbeschreibung"]) for event in bench.events if "IMPORT" in str(event.topic)]
    assert [about for about in told if about.startswith(f"{code} ")] == told[:2] + told[3:]
    assert {entry.outcome for entry in bench.lab.journal.since(service=Service.TSL) if entry.operation == "TLS"} == {
        defect
    }
    bench.lab.faults.clear()
    assert await bench.lists.refresh_bnetza(), bench.trust.status().bnetza.last_reason
    assert bench.holds() == set()


@pytest.mark.requirement("A_17661", "TIP1-A_5662")
async def test_a_revoked_certificate_of_the_tsl_service(bench: Bench) -> None:
    """validationMode OCSP; a responder that is away is tolerated (offlineAllowNoCheck)."""
    bench.trust.forget_answers()
    bench.fault(Service.OCSP, "revoked", match="kind=C.ZD.TLS-S", times=0)
    bench.services.lists.renew(ListName.BNETZA)
    assert not await bench.lists.refresh_bnetza()
    contact = bench.trust.status().tsl_service
    assert contact is not None
    assert (contact.code, "1047" in contact.reason) == (4235, True)


@pytest.mark.requirement("TIP1-A_5662")
async def test_a_responder_that_is_away_is_tolerated(bench: Bench) -> None:
    bench.trust.forget_answers()
    bench.fault(Service.OCSP, http=503, times=0, match="kind=C.ZD.TLS-S")
    bench.services.lists.renew(ListName.BNETZA)
    assert await bench.lists.refresh_bnetza()
