"""TUC_KON_032, GS-A_4642, GS-A_4643, GS-A_4652: gematik's published lists (ref-GemLibPki) at a Konnektor's import."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.tslimport import ListRefused
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.path import signature_fits
from tiaas.pki.signedlist import SignedList, read_signed_list
from tiaas.pki.tsl import ServiceType

LISTS = Path(__file__).parents[4] / "shared" / "vectors" / "gemlibpki-tsl"

pytestmark = pytest.mark.skipif(not LISTS.is_dir(), reason="gematik's lists are not beside the project")

TESTED = {
    "TSL_default.xml",
    "TSL_TAchange.xml",
    "TSL_altCA_revoked.xml",
    "TSL_defect_TAchange_broken.xml",
    "TSL_defect_altCA_missingSsp.xml",
    "TSL_invalid_Signature_broken.xml",
    "TSL_invalid_xmlMalformed_altCA.xml",
}


def document(name: str) -> bytes:
    return (LISTS / name).read_bytes()


def anchor_of(signed: SignedList) -> bytes:
    """The TSL-Signer-CA of a list, which the list names among its CAs."""
    for service in signed.content.services:
        for der in service.certificates if service.type in (ServiceType.CA, ServiceType.UNSPECIFIED) else ():
            if b"TSL-CA" in der:
                candidate = decode_certificate_untrusted(der)
                if candidate.subject_key == signed.signer.issuer_key and signature_fits(signed.signer, candidate):
                    return der
    raise AssertionError("the list does not name its anchor")


class Bench:
    """A Konnektor that trusts the anchor of one list, on the day after that list was made."""

    def __init__(self, name: str, store: SqliteStore) -> None:
        signed = read_signed_list(document(name))
        self.clock = ManualClock(signed.content.issued + timedelta(days=1))
        self.anchor = anchor_of(signed)
        self.store = store
        self.events: list[Event] = []

    async def boot(self) -> Trust:
        hub = EventHub()
        hub.subscribe(self.events.append)
        trust = build_trust(
            TrustSpace((), ()),
            self.anchor,
            TiAccess(online=False, tsl_url="http://tsl.lab/tsl.xml"),
            network=Network(),
            store=self.store.bind(await self.store.take_over("one")),
            hub=hub,
            opstate=OperatingState(hub, self.clock),
            clock=self.clock,
            entropy=SeededEntropy(b"lists"),
        )
        assert trust.lists is not None
        await trust.lists.load()
        return trust


def lists_of(trust: Trust) -> TrustLists:
    assert trust.lists is not None
    return trust.lists


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = await SqliteStore.open(tmp_path / "store.db")
    yield made
    await made.close()


def test_no_list_is_left_out() -> None:
    assert {path.name for path in LISTS.glob("*.xml")} == TESTED


async def test_default(store: SqliteStore) -> None:
    bench = Bench("TSL_default.xml", store)
    trust = await bench.boot()
    await lists_of(trust).import_tsl(document("TSL_default.xml"))
    status = trust.status()
    assert (status.tsl.sequence_number, status.issuers, status.ocsp_signers) == (420007, 160, 117)
    assert all(issuer.ocsp_url for issuer in trust.space.issuers)
    addresses = dict(trust.space.status_addresses)
    assert len(addresses) == 12
    assert addresses["http://staging.ocsp.d-trust.net"] == "http://ocsp.bdr.tsp-hba.telematik-test"
    assert [str(event.topic) for event in bench.events] == ["CERT/TSL/UPDATED"]
    again = await bench.boot()
    assert again.status() == status


@pytest.mark.code(4128)
async def test_trust_anchor_change(store: SqliteStore) -> None:
    bench = Bench("TSL_TAchange.xml", store)
    trust = await bench.boot()
    await lists_of(trust).import_tsl(document("TSL_TAchange.xml"))
    status = trust.status()
    assert status.anchor is not None
    # Its time has come, so no further list of the old anchor's signer is taken.
    assert (status.anchor.name, status.next_anchor) == ("GEM.TSL-CA52 TEST-ONLY", None)
    with pytest.raises(KonnektorError) as raised:
        await lists_of(trust).import_tsl(document("TSL_default.xml"))
    assert raised.value.code == 4128
    assert refusal(raised.value) is PkiCode.CA_CERT_MISSING


async def test_revoked_ca(store: SqliteStore) -> None:
    bench = Bench("TSL_altCA_revoked.xml", store)
    trust = await bench.boot()
    await lists_of(trust).import_tsl(document("TSL_altCA_revoked.xml"))
    revoked = [issuer for issuer in trust.space.issuers if issuer.revoked_since is not None]
    assert len(revoked) == 3
    assert all(issuer.types is not None for issuer in revoked)


async def test_broken_announcement(store: SqliteStore) -> None:
    """TUC_PKI_013: only the announcement is lost, which is told; the list is used."""
    bench = Bench("TSL_defect_TAchange_broken.xml", store)
    trust = await bench.boot()
    await lists_of(trust).import_tsl(document("TSL_defect_TAchange_broken.xml"))
    assert trust.status().tsl.sequence_number == 1
    assert trust.status().next_anchor is None
    topics = [str(event.topic) for event in bench.events]
    assert topics == ["CERT/TSL/IMPORT", "CERT/TSL/UPDATED"]
    told = dict(bench.events[0].parameters)["Fehlerbeschreibung"]
    assert told.startswith(f"{PkiCode.TSL_SIG_CERT_EXTRACTION_ERROR.number} ")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        # Indented after it was signed, so it fails before its missing ServiceSupplyPoint could be noticed.
        ("TSL_defect_altCA_missingSsp.xml", PkiCode.XML_SIGNATURE_ERROR),
        ("TSL_invalid_Signature_broken.xml", PkiCode.XML_SIGNATURE_ERROR),
        ("TSL_invalid_xmlMalformed_altCA.xml", PkiCode.TSL_NOT_WELLFORMED),
    ],
)
async def test_refused(store: SqliteStore, name: str, fault: PkiCode) -> None:
    bench = Bench("TSL_default.xml", store)
    trust = await bench.boot()
    await lists_of(trust).import_tsl(document("TSL_default.xml"))
    with pytest.raises(KonnektorError) as raised:
        await lists_of(trust).import_tsl(document(name))
    assert raised.value.code == 4128
    assert refusal(raised.value) is fault
    assert trust.status().tsl.sequence_number == 420007


def refusal(error: KonnektorError) -> PkiCode | None:
    cause = error.__cause__
    assert isinstance(cause, ListRefused)
    return cause.fault
