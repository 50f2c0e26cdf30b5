"""The TSL of an instance: import, status of its signer, restart, one list for many instances, when it is fetched."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.konnektor_trust.listmaker import Listed, SignerCa
from tests.unit.konnektor_trust.trustbench import (
    DAY,
    EGK_CA,
    FIRST,
    NEW,
    OCSP,
    OLD,
    OTHER_CA,
    SERVICES,
    STRANGER,
    VL,
    Bench,
    ca,
    tampered,
    with_vl,
)
from tests.unit.pki.ocspmaker import NOW
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.config import BadInstanceConfig
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.listreader import ListReader
from tiaas.konnektor.network import Network
from tiaas.konnektor.store import StaleEpochWrite, StoreError
from tiaas.konnektor.trust import EGK, TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.tslimport import ListRefused, ReadList, read_list
from tiaas.pki.codes import PkiCode
from tiaas.pki.ocsp import encode_response
from tiaas.pki.ocspmessages import CertHash, CertStatus, OcspRequest, SingleResponse
from tiaas.pki.oids import ExtendedKeyUsage
from tiaas.pki.tsl import ServiceStatus, ServiceType

# ---- import ----------------------------------------------------------------------------------------------------------


@pytest.mark.event("CERT/TSL/UPDATED")
async def test_nothing_is_trusted_before_the_first_tsl(bench: Bench) -> None:
    assert not await bench.trusts_egk()
    assert bench.trust.status().tsl.id is None
    await bench.lists.tick()
    assert await bench.trusts_egk()
    assert bench.topics() == ["CERT/TSL/UPDATED"]
    assert bench.server.requests == ["/tsl.xml"]
    assert not bench.forwarder.requests, "the first TSL has nobody to tell where to ask (TUC_PKI_001)"
    assert bench.holds() == set()


async def test_a_newer_list_replaces_the_space(bench: Bench) -> None:
    await bench.lists.tick()
    bench.server.publish(FIRST.newer(services=(*SERVICES[1:], ca(OTHER_CA))).document())
    assert await bench.lists.refresh_tsl()
    assert bench.number == 10_001
    assert not await bench.trusts_egk()
    assert await bench.trusts_egk(OTHER_CA)
    (request,) = bench.forwarder.requests
    assert request.cert_id.serial_number == OLD.signer.serial_number
    assert bench.forwarder.targets == [f"POST {OCSP} HTTP/1.1"]


@pytest.mark.requirement("A_17572")
async def test_the_hash_saves_the_download(bench: Bench) -> None:
    await bench.lists.tick()
    bench.server.requests.clear()
    assert await bench.lists.refresh_tsl()
    assert bench.server.requests == ["/tsl.sha2"]
    assert bench.topics() == ["CERT/TSL/UPDATED"]


@pytest.mark.requirement("A_17781")
async def test_a_missing_or_wrong_hash_costs_a_download_only(bench: Bench) -> None:
    await bench.lists.tick()
    bench.server.files["/tsl.sha2"] = b"0" * 64
    assert await bench.lists.refresh_tsl()
    del bench.server.files["/tsl.sha2"]
    assert await bench.lists.refresh_tsl()
    assert bench.server.requests.count("/tsl.xml") == 3
    assert bench.number == 10_000
    assert bench.holds() == set()


async def test_the_second_address_helps(bench: Bench) -> None:
    bench.server.publish(FIRST.newer(backup=f"{bench.server.url}/backup.xml").document())
    await bench.lists.tick()
    bench.server.files = {}
    bench.server.publish(FIRST.newer().newer().document(), "/backup.xml")
    bench.server.requests.clear()
    assert await bench.lists.refresh_tsl()
    assert bench.number == 10_002
    assert bench.server.requests == ["/tsl.sha2"] * 4 + ["/backup.sha2"] + ["/tsl.xml"] * 4 + ["/backup.xml"]


def unsigned() -> bytes:
    return FIRST.newer().text().encode()


def wrong_purpose() -> bytes:
    made = SignerCa(OLD.world.name)
    made.world, made.anchor = OLD.world, OLD.anchor
    made.signer = made.issue(ExtendedKeyUsage.OCSP_SIGNING)
    return FIRST.newer(ca=made).document()


BAD: list[tuple[str, Callable[[], bytes], PkiCode]] = [
    ("not XML", lambda: b"<TrustServiceStatusList", PkiCode.TSL_NOT_WELLFORMED),
    ("entities", lambda: b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', PkiCode.TSL_NOT_WELLFORMED),
    ("another document", lambda: b"<a/>", PkiCode.TSL_SCHEMA_NOT_VALID),
    ("tampered", lambda: tampered(FIRST.newer().document()), PkiCode.XML_SIGNATURE_ERROR),
    ("unsigned", unsigned, PkiCode.XML_SIGNATURE_ERROR),
    ("signed by a stranger", lambda: FIRST.newer(ca=STRANGER).document(), PkiCode.CA_CERT_MISSING),
    ("signed by an OCSP signer", wrong_purpose, PkiCode.WRONG_EXTENDEDKEYUSAGE),
    ("older", lambda: replace(FIRST, number=9_999).document(), PkiCode.TSL_ID_INCORRECT),
    ("same number", lambda: replace(FIRST, id="ID3X").document(), PkiCode.TSL_ID_INCORRECT),
    ("same id", lambda: FIRST.newer(id=f"ID310000{NOW:%Y%m%d%H%M%SZ}").document(), PkiCode.TSL_ID_INCORRECT),
]


@pytest.mark.event("CERT/TSL/IMPORT")
@pytest.mark.parametrize(("make", "fault"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
@pytest.mark.code(4127, 4128)
async def test_a_bad_list_changes_nothing(bench: Bench, make: Callable[[], bytes], fault: PkiCode) -> None:
    await bench.lists.tick()
    bench.topics()
    before = bench.trust.space
    bench.server.publish(make())
    assert not await bench.lists.refresh_tsl()
    assert bench.trust.space is before
    assert bench.holds() == {"EC_TSL_Update_Not_Successful"}
    imported = next(event for event in bench.events if event.topic == "CERT/TSL/IMPORT")
    told = dict(imported.parameters)["Fehlerbeschreibung"]
    assert told.startswith("4127 ")
    assert str(fault.number) in told
    assert deviations(imported) == []
    assert not imported.deliver
    status = bench.trust.status().tsl
    assert (status.last_succeeded, status.last_code, status.sequence_number) == (False, fault.number, 10_000)
    with pytest.raises(KonnektorError) as raised:
        await bench.lists.import_tsl(make())
    assert raised.value.code == 4128
    bench.server.publish(FIRST.newer().document())
    assert await bench.lists.refresh_tsl()
    assert bench.holds() == set()


@pytest.mark.event("OPERATIONAL_STATE/EC_TSL_Update_Not_Successful")
async def test_nobody_serves_the_list(bench: Bench) -> None:
    await bench.server.stop()
    await bench.lists.tick()
    status = bench.trust.status().tsl
    assert (status.last_code, status.id) == (PkiCode.TSL_DOWNLOAD_ERROR.number, None)
    assert bench.holds() == {"EC_TSL_Update_Not_Successful"}


async def test_after_schema_and_signature_nothing_stops_the_import(bench: Bench) -> None:
    """TUC_PKI_001, note on robustness: services that cannot be read are left out."""
    broken = Listed(ServiceType.CA, b"0\x00", OCSP), Listed("http://u/unknown", b"\xff"), ca(OTHER_CA)
    bench.server.publish(FIRST.newer(services=(*broken, *SERVICES)).document())
    await bench.lists.tick()
    assert await bench.trusts_egk(OTHER_CA)


async def test_what_a_ca_is_good_for(bench: Bench) -> None:
    withdrawn = replace(ca(EGK_CA), status="http://uri.etsi.org/TrstSvc/Svcstatus/undersupervision")
    bench.server.publish(FIRST.newer(services=(withdrawn, *SERVICES[1:])).document())
    await bench.lists.tick()
    assert not await bench.trusts_egk()
    placeholder = replace(ca(EGK_CA), extensions=("1.2.276.0.76.4.124",))
    bench.server.publish(FIRST.newer(number=10_002, services=(placeholder, *SERVICES[1:])).document())
    await bench.lists.refresh_tsl()
    verdict = await bench.trust.check(EGK_CA.insured().encoded, EGK)
    assert verdict.fault is PkiCode.CERT_TYPE_CA_NOT_AUTHORIZED
    revoked = replace(ca(EGK_CA), status=ServiceStatus.REVOKED, since=NOW - timedelta(days=2))
    bench.server.publish(FIRST.newer(number=10_003, services=(revoked, *SERVICES[1:])).document())
    await bench.lists.refresh_tsl()
    verdict = await bench.trust.check(EGK_CA.insured().encoded, EGK)
    assert verdict.fault is PkiCode.CA_CERTIFICATE_REVOKED_IN_TSL


# ---- status of the signer (TUC_PKI_001, step 4) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cert_hash", "fault"),
    [
        (CertStatus.REVOKED, CertHash.of(OLD.signer.encoded), PkiCode.CERT_REVOKED),
        (CertStatus.UNKNOWN, None, PkiCode.CERT_UNKNOWN),
        (CertStatus.GOOD, None, PkiCode.CERTHASH_EXTENSION_MISSING),
        (CertStatus.GOOD, CertHash.of(b"x"), PkiCode.CERTHASH_MISMATCH),
    ],
)
async def test_a_signer_that_is_not_good(
    bench: Bench, status: CertStatus, cert_hash: CertHash | None, fault: PkiCode
) -> None:
    await bench.lists.tick()

    def answer(request: OcspRequest) -> bytes:
        revoked_at = NOW if status is CertStatus.REVOKED else None
        single = SingleResponse(request.cert_id, status, NOW, None, revoked_at, cert_hash)
        return encode_response((single,), OLD.world.responder, NOW, request.nonce)

    bench.forwarder.answer = answer
    bench.server.publish(FIRST.newer().document())
    assert not await bench.lists.refresh_tsl()
    assert bench.trust.status().tsl.last_code == fault.number
    assert bench.number == 10_000


async def test_a_responder_that_is_away_does_not_stop_the_import(bench: Bench) -> None:
    await bench.lists.tick()
    bench.forwarder.status = 503
    bench.server.publish(FIRST.newer().document())
    assert await bench.lists.refresh_tsl()
    assert bench.number == 10_001


# ---- restart and kill ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4701")
async def test_a_restart_needs_no_network(bench: Bench) -> None:
    await bench.lists.tick()
    before = bench.trust.status()
    await bench.server.stop()
    await bench.boot()
    assert await bench.trusts_egk()
    assert bench.trust.status() == before
    await bench.lists.tick()
    assert bench.holds() == set()


async def test_a_list_that_was_not_written_is_not_used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.lists.tick()

    async def refuse(changes: object) -> None:
        raise StaleEpochWrite("one", 1, 2)

    before = bench.trust.status()
    bench.server.publish(FIRST.newer(services=SERVICES[1:]).document())
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "apply", refuse)
        with pytest.raises(StaleEpochWrite):
            await bench.lists.refresh_tsl()
    assert bench.trust.status().tsl == before.tsl
    assert await bench.trusts_egk()
    await bench.boot()
    assert bench.number == 10_000


async def test_list_and_anchor_are_one_transaction(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.lists.tick()
    written: list[list[str]] = []
    apply = bench.store.apply

    async def watch(changes: object) -> None:
        written.append([change.key for change in changes])  # type: ignore[attr-defined]
        await apply(changes)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.store, "apply", watch)
    bench.server.publish(FIRST.announcing(NEW, NOW + DAY).document())
    await bench.lists.refresh_tsl()
    assert written == [["tsl", "anchor"], ["tsl-attempt"]]


DAMAGES: list[tuple[str, dict[str, object]]] = [
    ("no base64", {"document": "\u20ac"}),
    ("no list", {"document": "PGEvPg=="}),
    ("not a text", {"document": None}),
    ("no time", {"imported": "yesterday"}),
]


@pytest.mark.parametrize("damage", [case[1] for case in DAMAGES], ids=[case[0] for case in DAMAGES])
@pytest.mark.parametrize("key", ["tsl", "bnetza"])
async def test_a_stored_list_that_cannot_be_read_is_fetched_again(
    bench: Bench, damage: dict[str, object], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    await with_vl(bench)
    row = await bench.store.get("trust", key)
    assert row is not None
    await bench.store.put("trust", key, {**row, **damage})
    await bench.boot()
    assert (bench.lists.tsl if key == "tsl" else bench.lists.bnetza) == (None, None)
    assert "not readable" in caplog.text
    await bench.lists.tick()
    assert bench.number == 10_000
    assert bench.trust.status().bnetza.sequence_number == 7
    assert bench.holds() == set()


async def test_a_stored_list_that_cannot_be_read_still_keeps_older_ones_out(bench: Bench) -> None:
    await with_vl(bench)
    for key in ("tsl", "bnetza"):
        row = await bench.store.get("trust", key)
        assert row is not None
        await bench.store.put("trust", key, {name: row[name] for name in ("id", "number")})
    await bench.boot()
    with pytest.raises(KonnektorError) as raised:
        await bench.lists.import_tsl(replace(FIRST, number=9_999).document())
    assert "1007" in str(raised.value.__cause__)
    await bench.lists.import_tsl(FIRST.document())
    with pytest.raises(KonnektorError) as raised:
        await bench.lists.import_bnetza(replace(VL, number=6).document())
    assert "1060" in str(raised.value.__cause__)
    await bench.lists.import_bnetza(VL.document())
    assert (bench.number, bench.trust.status().bnetza.sequence_number) == (10_000, 7)


@pytest.mark.parametrize("key", ["tsl-attempt", "anchor"])
async def test_other_rows_that_cannot_be_read_do_not_keep_an_instance_down(bench: Bench, key: str) -> None:
    await bench.lists.tick()
    await bench.store.put("trust", key, {"active": {"certificate": "30"}, "following": None, "at": "x"})
    await bench.boot()
    assert await bench.trusts_egk()
    await bench.lists.tick()
    assert bench.holds() == set()


# ---- one list, many instances ----------------------------------------------------------------------------------------


async def test_a_list_is_read_once_for_all_instances(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(document: bytes) -> ReadList:
        read.append(len(document))
        return read_list(document)

    monkeypatch.setattr("tiaas.konnektor.listreader.read_list", counted)
    bench.reader = ListReader()
    document = FIRST.document()
    instances = [await bench.boot() for _ in range(3)]
    sources = [trust.lists for trust in instances if trust.lists is not None]
    await asyncio.gather(*(source.import_tsl(document) for source in sources[:2]))
    await sources[2].load()
    assert read == [len(document)]
    first, second, third = (trust.space for trust in instances)
    assert first is not second
    assert first.issuers is second.issuers is third.issuers


async def test_one_that_waits_for_a_list_may_be_stopped(bench: Bench) -> None:
    reader = ListReader()
    document = FIRST.document()
    waiting = asyncio.create_task(reader.read(document))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await reader.read(document)).content.sequence_number == 10_000


async def test_lists_read_long_ago_are_forgotten() -> None:
    reader = ListReader()
    documents = [replace(FIRST, number=number).document() for number in range(1, 11)]
    read = [await reader.read(document) for document in documents]
    assert await reader.read(documents[-1]) is read[-1]
    assert len(reader._kept) == 8


async def test_a_list_that_is_refused_is_not_kept() -> None:
    reader = ListReader()
    for _ in range(2):
        with pytest.raises(ListRefused, match="1013"):
            await reader.read(tampered(FIRST.document()))
    assert not reader._kept
    assert not reader._reading


# ---- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4684")
async def test_daily_at_a_time_of_its_own(bench: Bench) -> None:
    await bench.lists.tick()
    due = bench.trust.status().tsl.next_attempt
    assert due is not None
    bench.clock.advance((due - NOW).total_seconds() - 1)
    bench.server.requests.clear()
    await bench.lists.tick()
    assert bench.server.requests == []
    bench.clock.advance(1)
    await bench.lists.tick()
    assert bench.server.requests == ["/tsl.sha2"]
    assert bench.trust.status().tsl.next_attempt == due + DAY


@pytest.mark.requirement("TIP1-A_4685")
async def test_instances_spread_over_the_day(bench: Bench) -> None:
    hours = []
    for number in range(60):
        await bench.boot(b"instance %d" % number)
        bench.lists._tsl.attempt = None
        due = bench.lists._due(bench.lists._tsl, NOW, succeeded=True)
        hours.append((due - NOW).total_seconds() / 3600)
    assert all(0 <= hour < 24 for hour in hours)
    assert {int(hour / 6) for hour in hours} == {0, 1, 2, 3}


@pytest.mark.requirement("TIP1-A_6730", "TIP1-A_6732")
async def test_the_bnetza_list_comes_in_its_interval_from_a_random_moment_on(bench: Bench) -> None:
    """CERT_BNETZA_VL_UPDATE_INTERVAL."""
    interval = timedelta(hours=2)
    bench.access = replace(bench.access, bnetza_seconds=interval.total_seconds())
    await with_vl(bench)
    due = bench.trust.status().bnetza.next_attempt
    assert due is not None
    assert NOW < due < NOW + interval
    bench.server.requests.clear()
    bench.clock.advance((due - NOW).total_seconds() - 1)
    await bench.lists.tick()
    assert "/vl.sha2" not in bench.server.requests
    for moment in (due, due + interval):
        bench.clock.advance((moment - bench.clock.now()).total_seconds())
        await bench.lists.tick()
        assert bench.server.requests.count("/vl.sha2") == 1
        assert bench.trust.status().bnetza.next_attempt == moment + interval
        bench.server.requests.clear()
    slot = replace(bench.lists._bnetza, attempt=None)
    moments = [(bench.lists._due(slot, NOW, succeeded=True) - NOW) / interval for _ in range(60)]
    assert all(0 <= moment < 1 for moment in moments)
    assert {int(moment * 4) for moment in moments} == {0, 1, 2, 3}


async def test_a_failure_is_tried_again_soon(bench: Bench) -> None:
    await bench.lists.tick()
    await bench.server.stop()
    bench.clock.advance(DAY.total_seconds())
    await bench.lists.tick()
    due = bench.trust.status().tsl.next_attempt
    assert due is not None
    assert timedelta(minutes=30) <= due - bench.clock.now() <= timedelta(hours=1)


async def test_a_clock_that_was_put_back_does_not_stop_refreshing(bench: Bench) -> None:
    bench.clock.advance(30 * DAY.total_seconds())
    await bench.lists.tick()
    bench.clock = ManualClock(NOW)
    await bench.boot()
    bench.server.requests.clear()
    await bench.lists.tick()
    assert bench.server.requests == ["/tsl.sha2"]


async def test_a_shorter_interval_counts_at_once(bench: Bench) -> None:
    await bench.lists.tick()
    bench.access = replace(bench.access, tsl_seconds=60.0)
    await bench.boot()
    bench.server.requests.clear()
    await bench.lists.tick()
    assert bench.server.requests == ["/tsl.sha2"]
    bench.clock.advance(60)
    await bench.lists.tick()
    assert bench.server.requests == ["/tsl.sha2", "/tsl.sha2"]


async def test_a_defect_does_not_end_refreshing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    seen = asyncio.Event()

    async def tick() -> None:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise StoreError("full") if looks == 1 else ValueError("a defect")
        seen.set()
        raise StaleEpochWrite("one", 1, 2)

    monkeypatch.setattr("tiaas.konnektor.trustlists._LOOK_SECONDS", 0.0)
    monkeypatch.setattr(bench.lists, "tick", tick)
    await bench.lists.run()
    assert seen.is_set(), "only another owner ends it"


async def test_offline_nothing_is_fetched(bench: Bench) -> None:
    bench.access = replace(bench.access, online=False)
    await bench.boot()
    await bench.lists.tick()
    assert bench.server.requests == []
    await bench.lists.import_tsl(FIRST.document())
    assert await bench.trusts_egk()


# ---- configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4682")
async def test_a_tsl_needs_its_anchor(bench: Bench) -> None:
    with pytest.raises(BadInstanceConfig, match="tsl_anchor"):
        build_trust(
            TrustSpace((), ()),
            None,
            bench.access,
            network=Network(),
            store=bench.store,
            hub=EventHub(),
            opstate=bench.opstate,
            clock=bench.clock,
            entropy=SeededEntropy(b""),
        )


async def test_start_waits_for_the_first_list(bench: Bench) -> None:
    await bench.trust.start(5)
    assert await bench.trusts_egk()
    await bench.trust.stop()
    await bench.server.stop()
    await bench.boot()
    await bench.trust.start(5)
    assert await bench.trusts_egk()
