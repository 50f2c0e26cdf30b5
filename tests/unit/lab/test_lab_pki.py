"""The lab's PKI: recognisable as TEST-ONLY, storable, fast."""

import subprocess
from datetime import UTC, date, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.lab.cvcpki import CvcAuthorityKind
from tiaas.lab.keys import RsaAhead, new_ec_key, new_rsa_key, read_key, write_key
from tiaas.lab.pki import AuthorityKind, Family, LabPki
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.cvcchain import check_cvc_chain
from tiaas.pki.oids import CertificateType, ExtendedKeyUsage, Role
from tiaas.pki.path import Demands, check_path
from tiaas.pki.subject import COMMON_NAME, ORGANIZATION, values

CLOCK = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC))


def create(*, ecc_only: bool = False) -> LabPki:
    return LabPki.create(SeededEntropy(b"pki"), CLOCK, ecc_only=ecc_only)


@pytest.fixture(scope="module")
def pki() -> LabPki:
    return create()


def test_every_ca_says_test_only(pki: LabPki) -> None:
    certificates = [decode_certificate_untrusted(der) for der in pki.ca_certificates]
    assert len(certificates) == 2 * (1 + len(AuthorityKind))
    for certificate in certificates:
        assert "TEST-ONLY" in values(certificate, COMMON_NAME)[0]
        assert values(certificate, ORGANIZATION) == ("tiaas lab TEST-ONLY - NOT-VALID",)
        assert certificate.is_ca
    assert len({certificate.subject_key for certificate in certificates}) == len(certificates)


def test_openssl_accepts_the_bundle(pki: LabPki, tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_text(pki.ca_bundle_pem)
    at = str(int(CLOCK.now().timestamp()))
    run = ["openssl", "verify", "-attime", at, "-CAfile", "bundle.pem", "bundle.pem"]
    assert "OK" in subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert pki.ca_bundle_pem.count("BEGIN CERTIFICATE") == 12


def test_rsa_half_is_made_once_and_told(pki: LabPki) -> None:
    fresh = create()
    told: list[LabPki] = []
    fresh.on_change = lambda pki, undo: told.append(pki)
    first = fresh.authority(AuthorityKind.EGK, Family.RSA)
    assert fresh.authority(AuthorityKind.EGK, Family.RSA) is first
    assert told == [fresh]


def test_ecc_only_never_has_rsa() -> None:
    pki = create(ecc_only=True)
    assert len(pki.ca_certificates) == 1 + len(AuthorityKind)
    with pytest.raises(ValueError, match="RSA"):
        pki.authority(AuthorityKind.EGK, Family.RSA)


def test_document_round_trip(pki: LabPki) -> None:
    again = LabPki.from_document(pki.to_document(), SeededEntropy(b"other"), CLOCK)
    assert again.to_document() == pki.to_document()
    assert again.cvc_root == pki.cvc_root
    der, _ = again.sak("80276999990000000001")
    check_path(
        decode_certificate_untrusted(der),
        [decode_certificate_untrusted(ca) for ca in pki.ca_certificates],
        CLOCK.now(),
        demands=Demands(
            extended_key_usage=frozenset({ExtendedKeyUsage.CLIENT_AUTH, ExtendedKeyUsage.SERVER_AUTH}),
            types=frozenset({CertificateType.SAK_AUT}),
        ),
    )


def test_sak_identity(pki: LabPki) -> None:
    der, key = pki.sak("80276999990000000001")
    certificate = decode_certificate_untrusted(der)
    assert values(certificate, COMMON_NAME) == ("80276999990000000001-20260601",)
    assert certificate.admission is not None
    assert certificate.admission.roles == (Role.SAK,)
    own = certificate.key()
    assert own is not None
    assert own.public_numbers() == read_key(key).public_key().public_numbers()
    assert certificate.not_after.year == 2031


@pytest.mark.parametrize("kind", CvcAuthorityKind)
def test_cvc_chain(pki: LabPki, kind: CvcAuthorityKind) -> None:
    iccsn = bytes.fromhex("80276999990000000001")
    key = new_ec_key(SeededEntropy(b"card"))
    cvc = pki.cvc.card(kind, key.public_key(), 0x0009, iccsn, bytes(7), date(2026, 6, 1))
    ca = pki.cvc.authorities[kind].certificate
    check_cvc_chain(cvc, ca, [pki.cvc_root], date(2030, 1, 1))
    assert cvc.chr == b"\x00\x09" + iccsn
    assert ca.chr == b"DETIA" + bytes([0x10 | kind.index, 0x02, 0x26])
    assert pki.cvc_root.chr == b"DETIA\x81\x02\x26"
    assert cvc.cxd <= ca.cxd <= pki.cvc_root.cxd


def test_card_certificate_never_outlives_its_ca(pki: LabPki) -> None:
    ca = pki.cvc.authorities[CvcAuthorityKind.EGK].certificate
    key = new_ec_key(SeededEntropy(b"card"))
    late = pki.cvc.card(CvcAuthorityKind.EGK, key.public_key(), 9, bytes(10), bytes(7), date(2033, 1, 1))
    assert late.cxd == ca.cxd


def test_keys_are_reproducible_and_readable() -> None:
    first, second = new_ec_key(SeededEntropy(b"a")), new_ec_key(SeededEntropy(b"a"))
    assert write_key(first) == write_key(second)
    assert write_key(read_key(write_key(first))) == write_key(first)
    rsa = new_rsa_key()
    assert write_key(read_key(write_key(rsa))) == write_key(rsa)


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        (CertificateType.FD_TLS_S, ExtendedKeyUsage.SERVER_AUTH),
        (CertificateType.FD_TLS_C, ExtendedKeyUsage.CLIENT_AUTH),
    ],
)
def test_identity_of_a_service(pki: LabPki, kind: CertificateType, purpose: ExtendedKeyUsage) -> None:
    der, key = pki.component(kind, Role.UFS, ("ufs.lab.telematik-test", "localhost", "127.0.0.1"))
    certificate = decode_certificate_untrusted(der)
    komp = decode_certificate_untrusted(
        pki.authority(AuthorityKind.KOMP).certificate.public_bytes(serialization.Encoding.DER)
    )
    demands = Demands(extended_key_usage=frozenset({purpose}), types=frozenset({kind}))
    check_path(certificate, [komp], CLOCK.now(), demands=demands)
    assert values(certificate, COMMON_NAME) == ("ufs.lab.telematik-test",)
    assert certificate.admission is not None
    assert certificate.admission.oids == (Role.UFS.oid,)
    own = certificate.key()
    assert own is not None
    assert own.public_numbers() == read_key(key).public_key().public_numbers()
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["ufs.lab.telematik-test", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [IPv4Address("127.0.0.1")]


def test_keys_made_ahead_are_taken_once_then_made_as_wanted() -> None:
    ahead = RsaAhead(1)
    assert len({ahead.take().private_numbers().d for _ in range(2)}) == 2
