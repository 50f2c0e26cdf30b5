"""Trust lists that age, the change of the trust anchor, the BNetzA-VL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.konnektor_trust.listmaker import Listed, ListMaker
from tests.unit.konnektor_trust.trustbench import (
    BRIEF,
    DAY,
    EGK_CA,
    FIRST,
    LONG,
    NEW,
    OCSP,
    OLD,
    OTHER_CA,
    SERVICES,
    STRANGER,
    VL,
    Bench,
    tampered,
    with_vl,
)
from tests.unit.pki.ocspmaker import NOW
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.trust import EGK
from tiaas.konnektor.truststatus import TslType
from tiaas.pki.codes import PkiCode
from tiaas.pki.tsl import ServiceType

# ---- validity (TIP1-A_4686) ------------------------------------------------------------------------------------------

EXPIRING, WITHIN, BEYOND = (
    "EC_TSL_Expiring",
    "EC_TSL_Out_Of_Date_Within_Grace_Period",
    "EC_TSL_Out_Of_Date_Beyond_Grace_Period",
)


@pytest.mark.event(
    "OPERATIONAL_STATE/EC_TSL_Expiring",
    "OPERATIONAL_STATE/EC_TSL_Out_Of_Date_Within_Grace_Period",
    "OPERATIONAL_STATE/EC_TSL_Out_Of_Date_Beyond_Grace_Period",
)
@pytest.mark.parametrize(
    ("days", "expected"), [(23, None), (23.1, EXPIRING), (30, EXPIRING), (30.1, WITHIN), (60, WITHIN), (60.1, BEYOND)]
)
@pytest.mark.requirement("TIP1-A_4686")
async def test_states_of_an_ageing_list(bench: Bench, days: float, expected: str | None) -> None:
    await bench.lists.tick()
    bench.clock.advance(days * 86_400)
    bench.lists.judge()
    assert bench.holds() & {EXPIRING, WITHIN, BEYOND} == ({expected} if expected else set())


@pytest.mark.code(4002)
async def test_beyond_the_grace_period_checks_are_4002(bench: Bench) -> None:
    await bench.lists.tick()
    bench.clock.advance(60 * 86_400 + 1)
    der = EGK_CA.insured().encoded
    for check in (bench.trust.check(der, EGK), bench.trust.check_egk_online(der), bench.trust.check_fachdienst(der)):
        with pytest.raises(KonnektorError) as raised:
            await check
        assert raised.value.code == 4002
    bench.trust.check_egk(der, bench.clock.now())  # what ReadVSD does without online check goes on
    fresh = FIRST.newer(issued=bench.clock.now())
    await bench.lists.import_tsl(fresh.document())
    assert bench.holds() == set()
    assert await bench.trusts_egk()


@pytest.mark.requirement("A_20536")
async def test_an_expired_list_is_taken_over(bench: Bench) -> None:
    """The import of an expired TSL is possible in every state; the state tells."""
    await bench.lists.tick()
    old = FIRST.newer(issued=NOW - timedelta(days=31))
    bench.server.publish(old.document())
    assert await bench.lists.refresh_tsl()
    assert bench.holds() == {WITHIN}


@pytest.mark.requirement("A_20748")
async def test_beyond_the_grace_period_the_list_is_fetched_again_and_again_and_at_the_boot(bench: Bench) -> None:
    await bench.lists.tick()
    files, bench.server.files = bench.server.files, {}
    bench.clock.advance(60 * 86_400 + 1)
    for _ in range(3):
        bench.server.requests.clear()
        await bench.lists.tick()
        assert "/tsl.xml" in bench.server.requests
        assert BEYOND in bench.holds()
        bench.clock.advance(3600)
    await bench.lists.tick()
    await bench.boot()
    bench.server.requests.clear()
    await bench.lists.tick()
    assert "/tsl.xml" in bench.server.requests, "not only after an hour"
    bench.server.files = files
    bench.server.publish(FIRST.newer(issued=bench.clock.now()).document())
    await bench.boot()
    await bench.lists.tick()
    assert bench.holds() == set()


async def test_parameters_of_the_states(bench: Bench) -> None:
    await bench.lists.tick()
    bench.events.clear()
    bench.clock.advance(24 * 86_400)
    bench.lists.judge()
    (event,) = bench.events
    assert dict(event.parameters)["NextUpdateTSL"] == "2026-07-01T12:00:00Z"


# ---- trust anchor (TUC_PKI_013, TIP1-A_4687) -------------------------------------------------------------------------


@pytest.mark.requirement("A_17548-01")
async def test_change_of_the_trust_anchor(bench: Bench) -> None:
    await bench.lists.tick()
    since = NOW + 3 * DAY
    announced = FIRST.announcing(NEW, since, OCSP)
    bench.server.publish(announced.document())
    assert await bench.lists.refresh_tsl()
    status = bench.trust.status()
    assert status.anchor is not None
    assert status.next_anchor is not None
    assert (status.anchor.name, status.next_anchor.name) == ("TSL-CA1 TEST-ONLY", "TSL-CA2 TEST-ONLY")
    assert status.next_anchor_from == since

    # Before its time the new anchor's signer is nobody.
    early = announced.newer(ca=NEW)
    bench.server.publish(early.document())
    assert not await bench.lists.refresh_tsl()

    # Then only it counts, after a restart as well; its status is asked where the announcement says.
    bench.clock.advance(3 * 86_400)
    await bench.boot()
    shown = bench.trust.status().anchor
    assert shown is not None
    assert (shown.name, shown.since) == ("TSL-CA2 TEST-ONLY", since)
    late = announced.newer(number=10_005)
    bench.server.publish(late.document())
    assert not await bench.lists.refresh_tsl()
    bench.forwarder.targets.clear()
    bench.forwarder.subject = NEW.signer.encoded
    following = replace(FIRST, ca=NEW, number=10_006, issued=bench.clock.now())
    bench.server.publish(following.document())
    assert await bench.lists.refresh_tsl(), bench.trust.status().tsl.last_reason
    assert bench.forwarder.targets == [f"POST {OCSP} HTTP/1.1"]
    status = bench.trust.status()
    assert status.anchor is not None
    assert status.anchor.name == "TSL-CA2 TEST-ONLY"
    assert status.next_anchor is None


@pytest.mark.requirement("TIP1-A_4703-01")
def test_the_key_of_the_signer_tells_the_type_of_a_TSL() -> None:
    spki = (
        rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    assert TslType.of(OLD.signer) is TslType.ECC_RSA
    assert TslType.of(replace(OLD.signer, public_key=spki)) is TslType.RSA


async def test_TUC_PKI_013_the_next_anchor_counts_from_its_time_on(bench: Bench) -> None:
    """No list has come since: the states are those of the new one, and so is what a person sees."""
    await bench.lists.tick()
    bench.server.publish(FIRST.announcing(LONG, NOW + DAY).document())
    assert await bench.lists.refresh_tsl()
    bench.clock.advance((OLD.anchor.not_after - NOW).total_seconds() + 1)
    bench.lists.judge()
    assert not {name for name in bench.holds() if "Trust_Anchor" in name}
    status = bench.trust.status()
    assert status.anchor is not None
    assert (status.anchor.name, status.next_anchor, status.next_anchor_from) == ("TSL-CA5 TEST-ONLY", None, None)


async def test_TAB_KON_504_beyond_the_trust_anchor_there_is_no_tls_to_services(bench: Bench) -> None:
    await bench.lists.tick()
    bench.server.publish(FIRST.announcing(BRIEF, NOW + DAY).document())
    assert await bench.lists.refresh_tsl()
    bench.lists.judge()
    assert bench.holds() == set()
    bench.clock.advance(2 * 86_400)
    bench.lists.judge()
    assert bench.holds() == {"EC_TSL_Trust_Anchor_Expiring"}
    der = EGK_CA.insured().encoded
    with pytest.raises(KonnektorError) as raised:
        await bench.trust.check_fachdienst(der)
    assert raised.value.code == 4156, "an eGK is no server"
    bench.clock.advance(9 * 86_400)
    bench.lists.judge()
    assert bench.holds() == {"EC_TSL_Trust_Anchor_Out_Of_Date"}
    with pytest.raises(KonnektorError) as raised:
        await bench.trust.check_fachdienst(der)
    assert raised.value.code == 4002
    bench.forwarder.subject = der
    assert (await bench.trust.check_egk_online(der)).is_known


async def test_the_last_announcement_counts(bench: Bench) -> None:
    await bench.lists.tick()
    bench.server.publish(FIRST.announcing(STRANGER, NOW + DAY).document())
    await bench.lists.refresh_tsl()
    second = replace(FIRST.announcing(NEW, NOW + 2 * DAY), number=10_002)
    bench.server.publish(second.document())
    await bench.lists.refresh_tsl()
    status = bench.trust.status()
    assert status.next_anchor is not None
    assert status.next_anchor.name == "TSL-CA2 TEST-ONLY"
    bench.server.publish(replace(FIRST, number=10_003).document())
    await bench.lists.refresh_tsl()
    assert bench.trust.status().next_anchor is not None, "a list without announcement takes none back"


BAD_ANNOUNCEMENTS: list[tuple[str, Callable[[], ListMaker], PkiCode]] = [
    (
        "two",
        lambda: replace(FIRST.announcing(NEW, NOW + DAY).announcing(STRANGER, NOW + DAY)),
        PkiCode.MULTIPLE_TRUST_ANCHOR,
    ),
    (
        "unreadable",
        lambda: FIRST.newer(services=(*SERVICES, Listed(ServiceType.ANCHOR_CHANGE, b"0\x00", OCSP))),
        PkiCode.TSL_SIG_CERT_EXTRACTION_ERROR,
    ),
    (
        "not valid then",
        lambda: FIRST.announcing(NEW, NOW + timedelta(days=2000)),
        PkiCode.CERTIFICATE_NOT_VALID_TIME,
    ),
]


@pytest.mark.parametrize(
    ("make", "fault"), [case[1:] for case in BAD_ANNOUNCEMENTS], ids=[case[0] for case in BAD_ANNOUNCEMENTS]
)
async def test_a_bad_announcement_is_told_and_the_list_used(
    bench: Bench, make: Callable[[], ListMaker], fault: PkiCode
) -> None:
    await bench.lists.tick()
    bench.topics()
    made = make()
    bench.server.publish(made.document())
    assert await bench.lists.refresh_tsl()
    assert bench.number == made.number
    assert bench.trust.status().next_anchor is None
    assert [str(event.topic) for event in bench.events] == ["CERT/TSL/IMPORT", "CERT/TSL/UPDATED"]
    assert str(fault.number) in dict(bench.events[0].parameters)["Fehlerbeschreibung"]


@pytest.mark.event(
    "OPERATIONAL_STATE/EC_TSL_Trust_Anchor_Expiring", "OPERATIONAL_STATE/EC_TSL_Trust_Anchor_Out_Of_Date"
)
@pytest.mark.requirement("TIP1-A_4687")
async def test_states_of_the_trust_anchor(bench: Bench) -> None:
    await bench.lists.tick()
    left = (OLD.anchor.not_after - NOW).total_seconds()
    bench.clock.advance(left - 30 * 86_400 + 1)
    bench.lists.judge()
    assert "EC_TSL_Trust_Anchor_Expiring" in bench.holds()
    bench.clock.advance(30 * 86_400)
    bench.lists.judge()
    assert "EC_TSL_Trust_Anchor_Out_Of_Date" in bench.holds()
    assert "EC_TSL_Trust_Anchor_Expiring" not in bench.holds()


# ---- BNetzA-VL (TUC_KON_031, TUC_PKI_036) ----------------------------------------------------------------------------


async def test_the_bnetza_list(bench: Bench) -> None:
    await with_vl(bench)
    assert [issuer.certificate.encoded for issuer in bench.lists.qualified] == [OTHER_CA.ca.encoded]
    status = bench.trust.status()
    assert status.bnetza.sequence_number == 7
    assert not await bench.trusts_egk(OTHER_CA), "a QES issuer issues no eGK"
    await bench.boot()
    assert replace(bench.trust.status(), ocsp=status.ocsp, tsl_service=status.tsl_service) == status
    assert [issuer.certificate.encoded for issuer in bench.lists.qualified] == [OTHER_CA.ca.encoded]


@pytest.mark.event("CERT/BNETZA_VL/IMPORT", "OPERATIONAL_STATE/EC_BNetzA_VL_Update_Not_Successful")
@pytest.mark.parametrize(
    "make",
    [
        lambda: VL.newer(ca=STRANGER).document(),
        lambda: tampered(VL.newer().document()),
        lambda: VL.newer(issued=NOW - timedelta(days=31)).document(),
        lambda: replace(VL, number=6).document(),
        lambda: replace(VL, services=()).document(),
        lambda: b"<x",
    ],
    ids=["signer is not in the TSL", "tampered", "out of date", "older", "another one with its number", "not XML"],
)
@pytest.mark.code(4129, 4133)
async def test_a_bad_bnetza_list(bench: Bench, make: Callable[[], bytes]) -> None:
    await with_vl(bench)
    bench.server.publish(make(), "/vl.xml")
    assert not await bench.lists.refresh_bnetza()
    assert bench.holds() == {"EC_BNetzA_VL_Update_Not_Successful"}
    assert bench.trust.status().bnetza.sequence_number == 7
    imported = [event for event in bench.events if event.topic == "CERT/BNETZA_VL/IMPORT"]
    assert dict(imported[-1].parameters)["Fehlerbeschreibung"].startswith("4133 ")
    bench.events.clear()
    with pytest.raises(KonnektorError) as raised:
        await bench.lists.import_bnetza(make())
    assert raised.value.code == 4129
    await bench.lists.import_bnetza(VL.newer().document())
    assert bench.topics() == ["CERT/BNETZA_VL/IMPORT", "CERT/BNETZA_VL/UPDATED"]


async def test_the_same_bnetza_list_is_no_change(bench: Bench) -> None:
    await with_vl(bench)
    before = bench.lists.bnetza[0]
    await bench.lists.import_bnetza(bench.server.files["/vl.xml"])
    del bench.server.files["/vl.sha2"]
    assert await bench.lists.refresh_bnetza()
    assert bench.lists.bnetza[0] is before
    assert bench.topics() == []


@pytest.mark.event("OPERATIONAL_STATE/EC_BNetzA_VL_not_valid")
@pytest.mark.requirement("TIP1-A_6731")
async def test_an_ageing_bnetza_list(bench: Bench) -> None:
    await with_vl(bench)
    bench.clock.advance(30 * 86_400 + 1)
    bench.lists.judge()
    assert "EC_BNetzA_VL_not_valid" in bench.holds()
    assert bench.opstate.holds(Condition.BNETZA_VL_NOT_VALID)
