"""The lab's trust lists: valid for everybody who checks, new when they must be, wrong as asked."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.lab.faults import CODES, Service
from tiaas.lab.lab import Lab
from tiaas.lab.listcontent import ListName
from tiaas.lab.listfaults import HASH_WRONG, defective, wrong_hash
from tiaas.lab.pki import AuthorityKind, Family
from tiaas.lab.signers import der
from tiaas.lab.store import LabStore
from tiaas.lab.trustlists import TrustLists, hash_file
from tiaas.lab.zdidentity import DEFECTS
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.oids import CertificateType
from tiaas.pki.path import PathError
from tiaas.pki.signedlist import check_tsl_signer, read_signed_list
from tiaas.pki.tsl import (
    BACKUP_LOCATION,
    PRIMARY_LOCATION,
    ServiceStatus,
    ServiceType,
    TrustList,
    TslError,
    TslFault,
)

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
URL = "http://127.0.0.1:9"
SECURE_URL = "https://127.0.0.1:8482"
SCHEMA = Path(__file__).parents[4] / "shared" / "gematik-api" / "ext" / "tsl.xsd"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab") / "lab"


class Bench:
    """A lab's lists without a server, and a second look at the same folder."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START)
        self.store = LabStore.open(folder)
        self.lab = Lab.open(self.store, clock=self.clock, entropy=SeededEntropy(b"lists"))
        self.lists = self.open_lists()

    def open_lists(self) -> TrustLists:
        lab = self.lab
        urls = URL, SECURE_URL
        return TrustLists(self.store, lab.pki, lab.signers, *urls, clock=self.clock, entropy=SeededEntropy(b"lists"))


@pytest.fixture(scope="module")
def bench(folder: Path) -> Iterator[Bench]:
    bench = Bench(folder)
    yield bench
    bench.store.close()


def names(content: TrustList, kind: ServiceType) -> set[str]:
    return {service.name.partition(",")[0] for service in content.of_type(kind)}


def test_tsl_is_signed_under_the_anchor(bench: Bench) -> None:
    published = bench.lists.current(ListName.TSL)
    signed = read_signed_list(published.document)
    assert signed.content == published.content
    anchor = decode_certificate_untrusted(bench.lists.anchor)
    assert check_tsl_signer(signed.signer, [anchor], bench.clock.now()) is anchor
    content = signed.content
    assert content.sequence_number >= 10_000
    assert content.id == f"ID3{content.sequence_number}20260601120000Z"
    assert content.next_update == content.issued + timedelta(days=30)
    assert content.location(PRIMARY_LOCATION) == f"{URL}/ECC/ECC-RSA_TSL.xml"
    assert content.location(BACKUP_LOCATION) == f"{URL}/backup/ECC/ECC-RSA_TSL.xml"


def test_tsl_lists_all_that_is_to_be_trusted(bench: Bench) -> None:
    content = bench.lists.current(ListName.TSL).content
    listed = [service for service in content.of_type(ServiceType.CA) if "TSL-CA" not in service.name]
    assert len(listed) == 2 * (len(AuthorityKind) - 1)
    for service in listed:
        assert service.status == ServiceStatus.IN_ACCORD
        assert service.supply_points == (f"{URL}/ocsp",)
    egk = next(service for service in listed if "EGK-CA1" in service.name)
    assert set(egk.extensions) == {
        kind.oid
        for kind in (CertificateType.CH_AUT, CertificateType.CH_ENC, CertificateType.CH_AUTN, CertificateType.CH_ENCV)
    }
    komp = next(service for service in listed if "KOMP-CA1" in service.name)
    assert {CertificateType.FD_TLS_S.oid, CertificateType.SMKT_AUT.oid} <= set(komp.extensions)
    # One signer of status answers per listed CA, the TSL-Signer-CA too, each certified by that CA.
    issuers = {decode_certificate_untrusted(ca.certificates[0]).subject_key for ca in content.of_type(ServiceType.CA)}
    signers = [decode_certificate_untrusted(item.certificates[0]) for item in content.of_type(ServiceType.OCSP)]
    assert {signer.issuer_key for signer in signers} == issuers
    assert len(signers) == len(issuers)
    (root,) = content.of_type(ServiceType.CVC_ROOT)
    assert root.cvcs == (bench.lab.pki.cvc_root.encoded,)
    (national,) = content.of_type(ServiceType.BNETZA)
    assert national.certificates == (der(bench.lab.signers.bnetza),)
    assert national.supply_points[0] == f"{SECURE_URL}/BNA-TSL.xml"
    assert not any("HBA-qCA" in service.name for service in content.services)


def test_national_list(bench: Bench) -> None:
    published = bench.lists.current(ListName.BNETZA)
    signed = read_signed_list(published.document)
    assert signed.signer.encoded == der(bench.lab.signers.bnetza)
    listed = list(signed.content.of_type(ServiceType.QUALIFIED_CA))
    expected = {der(bench.lab.pki.authority(AuthorityKind.HBA_QES, family)) for family in Family}
    assert {service.certificates[0] for service in listed} == expected
    assert {service.status for service in signed.content.services} == {ServiceStatus.GRANTED}


@pytest.mark.parametrize("name", ListName)
def test_xmlsec1_accepts(bench: Bench, name: ListName, tmp_path: Path) -> None:
    (tmp_path / "list.xml").write_bytes(bench.lists.current(name).document)
    (tmp_path / "signer.der").write_bytes(der(bench.lists.signer(name)))
    run = ["xmlsec1", "--verify", "--id-attr:Id", "SignedProperties", "--enabled-reference-uris", "empty,same-doc"]
    done = subprocess.run([*run, "--pubkey-cert-der", "signer.der", "list.xml"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not SCHEMA.is_file(), reason="gematik's schemas are not beside the project")
def test_official_schema_accepts(bench: Bench) -> None:
    schema = etree.XMLSchema(file=str(SCHEMA))
    schema.assertValid(etree.fromstring(bench.lists.current(ListName.TSL).document))
    bench.lists.change_anchor(timedelta(days=1))
    schema.assertValid(etree.fromstring(bench.lists.current(ListName.TSL).document))


def test_a_list_stays_until_it_must_change(bench: Bench) -> None:
    lists = bench.lists
    first = lists.current(ListName.TSL)
    assert lists.current(ListName.TSL) is first
    assert bench.open_lists().current(ListName.TSL) == first
    renewed = lists.renew(ListName.TSL)
    assert renewed.content.sequence_number == first.content.sequence_number + 1
    assert hash_file(renewed.document) != hash_file(first.document)
    elsewhere = TrustLists(
        bench.store,
        bench.lab.pki,
        bench.lab.signers,
        f"{URL}9",
        SECURE_URL,
        clock=bench.clock,
        entropy=SeededEntropy(b"x"),
    )
    moved = elsewhere.current(ListName.TSL)
    assert moved.content.sequence_number == renewed.content.sequence_number + 1


def test_an_old_list_is_made_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "lab")
    first = bench.lists.current(ListName.TSL)
    bench.clock.advance(9 * 86400)
    assert bench.lists.current(ListName.TSL) is first
    bench.clock.advance(2 * 86400)
    second = bench.lists.current(ListName.TSL)
    assert second.content.sequence_number == first.content.sequence_number + 1
    assert second.content.issued == bench.clock.now()
    bench.store.close()


def test_change_of_the_trust_anchor(tmp_path: Path) -> None:
    """GS-A_4644, TUC_PKI_013: announced under the old anchor, in force from its time on."""
    bench = Bench(tmp_path / "lab")
    old = decode_certificate_untrusted(bench.lists.anchor)
    announcing = read_signed_list(bench.lists.change_anchor(timedelta(hours=1)).document)
    check_tsl_signer(announcing.signer, [old], bench.clock.now())
    change = announcing.content.anchor_change()
    assert change is not None
    assert change.since == START + timedelta(hours=1)
    assert change.supply_points == (f"{URL}/ocsp",)
    assert change.extensions == ("1.2.276.0.76.4.164",)
    new = decode_certificate_untrusted(change.certificates[0])
    early = read_signed_list(bench.lists.renew(ListName.TSL).document)
    check_tsl_signer(early.signer, [old], bench.clock.now())
    assert early.content.anchor_change() == change
    bench.clock.advance(3600)
    later = read_signed_list(bench.open_lists().renew(ListName.TSL).document)
    assert check_tsl_signer(later.signer, [new], bench.clock.now()) is new
    with pytest.raises(PathError):
        check_tsl_signer(later.signer, [old], bench.clock.now())
    assert later.content.anchor_change() is None
    assert "CN=TIAAS.TSL-CA3 TEST-ONLY" in names(later.content, ServiceType.CA)
    bench.store.close()


REFUSED = {
    "malformed": TslFault.TSL_NOT_WELLFORMED,
    "schema": TslFault.TSL_SCHEMA_NOT_VALID,
    "signature-wrong": TslFault.XML_SIGNATURE_ERROR,
}


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("name", ListName)
def test_defects_of_form_and_signature(bench: Bench, name: ListName, code: str) -> None:
    with pytest.raises(TslError) as error:
        read_signed_list(defective(bench.lists, name, code))
    assert error.value.fault is REFUSED[code]


@pytest.mark.parametrize("name", ListName)
def test_unknown_signer(bench: Bench, name: ListName) -> None:
    signed = read_signed_list(defective(bench.lists, name, "signer-unknown"))
    assert signed.signer.encoded != der(bench.lists.signer(name))
    if name is ListName.TSL:
        with pytest.raises(PathError):
            anchor = decode_certificate_untrusted(bench.lists.anchor)
            check_tsl_signer(signed.signer, [anchor], bench.clock.now())


@pytest.mark.parametrize("name", ListName)
def test_expired_list_and_its_successor(bench: Bench, name: ListName) -> None:
    before = bench.lists.current(name).content
    expired = read_signed_list(defective(bench.lists, name, "expired")).content
    assert expired.next_update is not None
    assert expired.next_update < bench.clock.now()
    assert expired.sequence_number > before.sequence_number
    assert bench.lists.current(name).content.sequence_number > expired.sequence_number


def test_old_sequence_number(bench: Bench) -> None:
    old = read_signed_list(defective(bench.lists, ListName.TSL, "sequence-old")).content
    current = bench.lists.current(ListName.TSL).content
    assert old.sequence_number < current.sequence_number
    assert old.id != current.id


def test_every_code_is_there(bench: Bench) -> None:
    for service, name in ((Service.TSL, ListName.TSL), (Service.BNETZA, ListName.BNETZA)):
        for code in CODES[service]:
            if code in DEFECTS:
                continue  # of the server, not of a list: `tests/integration/konnektor_trust/test_tsl_service.py`
            if code == HASH_WRONG:
                assert wrong_hash() != hash_file(bench.lists.current(name).document)
            else:
                assert defective(bench.lists, name, code) != bench.lists.current(name).document
