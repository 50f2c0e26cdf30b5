"""Issuing and reading certificates, their paths, what OpenSSL thinks of them."""

import subprocess
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asn1crypto.x509
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.oddcertificate import odd_certificate
from tiaas.base.entropy import SeededEntropy
from tiaas.cms.der import integer, octet_string, oid, sequence, set_of
from tiaas.pki import certificate
from tiaas.pki.admission import build_admission
from tiaas.pki.certificate import (
    BadCertificate,
    Certificate,
    _comparable_issuer,
    comparable_name_untrusted,
    decode_certificate_untrusted,
    general_parts,
)
from tiaas.pki.extensions import USUAL
from tiaas.pki.issue import Authority, EndEntity, Validity, issue_authority, issue_end_entity
from tiaas.pki.names import PersonName, authority_name, insured_name, professional_name
from tiaas.pki.oids import CertificateType, ExtendedKeyUsage, KeyUsage, Policy, Role
from tiaas.pki.path import Demands, PathError, PathFault, check_path
from tiaas.pki.profiles import PROFILES
from tiaas.pki.subject import holder_of
from tiaas.pki.usualform import take_apart
from tiaas.tlv import encode

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPAN = Validity(NOW - timedelta(days=1), NOW + timedelta(days=1000))
ENTROPY = SeededEntropy(b"test_certificate")
KEY = ec.generate_private_key(ec.BrainpoolP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
PERSON = PersonName("Änne Sophie", "Großmann", "Dr.", "Freifrau", "von der")


def authority(
    name: str, parent: Authority | None = None, *, key: ec.EllipticCurvePrivateKey | None = None
) -> Authority:
    made = key or ec.generate_private_key(ec.BrainpoolP256R1())
    return issue_authority(authority_name(name, "unit", "NOT-VALID"), made, SPAN, ENTROPY, parent=parent)


ROOT = authority("Root TEST-ONLY")
CA = authority("CA TEST-ONLY", ROOT)


def der(issued: Authority) -> Certificate:
    return decode_certificate_untrusted(issued.certificate.public_bytes(Encoding.DER))


def insured(kind: CertificateType = CertificateType.CH_AUT, *, ca: Authority = CA, span: Validity = SPAN) -> bytes:
    name = insured_name(PERSON.printed(54) + " TEST-ONLY", PERSON, "A123456780", "109999996", "Kasse NOT-VALID")
    holder = EndEntity(name, KEY.public_key(), build_admission(Role.VERSICHERTER), "http://ocsp.lab/")
    return issue_end_entity(PROFILES[kind], holder, ca, span, ENTROPY)


def doctor(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, kind: CertificateType) -> Certificate:
    name = professional_name("Änne Großmann TEST-ONLY", PERSON, "10.80276999990000000001")
    admission = build_admission(Role.ARZT, "1-2ARZT", "Kammer TEST-ONLY")
    holder = EndEntity(name, key.public_key(), admission, "http://ocsp.lab/")
    return decode_certificate_untrusted(issue_end_entity(PROFILES[kind], holder, CA, SPAN, ENTROPY))


def responder(no_check: bytes) -> bytes:
    """A certificate with id-pkix-ocsp-nocheck of that value, as those of OCSP responders have it."""
    value = x509.UnrecognizedExtension(x509.OCSPNoCheck.oid, no_check)
    builder = x509.CertificateBuilder(extensions=[x509.Extension(value.oid, False, value)])
    name = authority_name("OCSP TEST-ONLY", "unit", "NOT-VALID")
    builder = builder.subject_name(name).issuer_name(name).public_key(KEY.public_key()).serial_number(1)
    made = builder.not_valid_before(SPAN.start).not_valid_after(SPAN.end).sign(KEY, SHA256())
    return made.public_bytes(Encoding.DER)


def test_what_the_ti_issues_is_taken_apart_quickly_and_alike() -> None:
    holders = (doctor(KEY, CertificateType.HP_QES), doctor(RSA_KEY, CertificateType.HP_AUT), der(CA), der(ROOT))
    for encoded in (insured(), responder(b"\x05\x00"), *(holder.encoded for holder in holders)):
        assert take_apart(encoded, USUAL) == general_parts(asn1crypto.x509.Certificate.load(encoded))


@pytest.mark.parametrize("value", [b"", b"\x05\x01\x00", b"\x05\x00\x00", b"\x04\x00"])
def test_an_extension_without_content_that_has_some_is_left_to_the_general_reader(value: bytes) -> None:
    assert take_apart(responder(value), USUAL) is None


def test_a_certificate_with_an_unusual_extension_is_read_too() -> None:
    unusual = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")
    builder = x509.CertificateBuilder(extensions=[x509.Extension(unusual.oid, True, unusual)])
    name = authority_name("CA TEST-ONLY", "unit", "NOT-VALID")
    builder = builder.subject_name(name).issuer_name(name).public_key(KEY.public_key()).serial_number(1)
    made = builder.not_valid_before(SPAN.start).not_valid_after(SPAN.end).sign(KEY, SHA256())
    encoded = made.public_bytes(Encoding.DER)
    assert take_apart(encoded, USUAL) is None
    assert decode_certificate_untrusted(encoded).critical_unknown == ("1.2.3",)


def test_profile_of_c_ch_aut() -> None:
    read = decode_certificate_untrusted(insured())
    assert read.subject == (
        ("2.5.4.6", "DE"),
        ("2.5.4.10", "Kasse NOT-VALID"),
        ("2.5.4.11", "109999996"),
        ("2.5.4.11", "A123456780"),
        ("2.5.4.4", "Großmann"),
        ("2.5.4.42", "Änne Sophie Freifrau von der"),
        ("2.5.4.12", "Dr."),
        ("2.5.4.3", "Dr. Änne Sophie Freifrau von der Großmann TEST-ONLY"),
    )
    assert read.key_usage == frozenset({KeyUsage.DIGITAL_SIGNATURE})
    assert read.extended_key_usage == (ExtendedKeyUsage.CLIENT_AUTH,)
    assert read.policies == (Policy.GEM_OR_CP, CertificateType.CH_AUT.oid)
    assert read.ocsp_urls == ("http://ocsp.lab/",)
    assert read.admission is not None
    assert read.admission.oids == (Role.VERSICHERTER.oid,)
    assert not read.is_ca
    assert read.critical_unknown == ()
    assert read.authority_key_identifier == der(CA).subject_key_identifier


def test_holder() -> None:
    holder = holder_of(decode_certificate_untrusted(insured()))
    assert (holder.kvnr, holder.insurer_ik, holder.telematik_id) == ("A123456780", "109999996", None)
    assert holder.expires == SPAN.end
    professional = holder_of(doctor(KEY, CertificateType.HP_AUT))
    assert professional.name == "Änne Großmann TEST-ONLY"
    assert professional.telematik_id == "1-2ARZT"
    assert professional.kvnr is None


def test_hba_subject_is_one_multi_valued_rdn() -> None:
    certificate = x509.load_der_x509_certificate(doctor(KEY, CertificateType.HP_AUT).encoded)
    assert [len(list(rdn)) for rdn in certificate.subject.rdns] == [1, 4]


def test_rsa_usages_and_qualified_profile() -> None:
    aut = doctor(RSA_KEY, CertificateType.HP_AUT)
    assert aut.key_usage == frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT})
    enc = doctor(RSA_KEY, CertificateType.HP_ENC)
    assert enc.key_usage == frozenset({KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT})
    qes = doctor(KEY, CertificateType.HP_QES)
    assert qes.key_usage == frozenset({KeyUsage.NON_REPUDIATION})
    assert qes.policies == (Policy.HBA_CP, Policy.QCP_NATURAL_QSCD, CertificateType.HP_QES.oid)
    assert b"\x04\x00\x8e\x46\x01\x04" in qes.encoded


def test_terminal_certificate_has_no_ocsp() -> None:
    assert not PROFILES[CertificateType.SMKT_AUT].has_ocsp
    assert decode_certificate_untrusted(insured(CertificateType.SMKT_AUT)).ocsp_urls == ()


def test_padding_behind_the_certificate_is_ignored() -> None:
    assert decode_certificate_untrusted(insured() + bytes(100)).ocsp_urls == ("http://ocsp.lab/",)


def test_repr_shows_no_name() -> None:
    assert "Gro" not in repr(decode_certificate_untrusted(insured()))
    assert "Gro" not in repr(holder_of(decode_certificate_untrusted(insured())))


@pytest.mark.parametrize("raw", [b"", b"\x30", b"\x30\x00", bytes(100), b"\x30\x82\x01", insured()[:-20], bytes(70000)])
def test_garbage(raw: bytes) -> None:
    with pytest.raises(BadCertificate):
        decode_certificate_untrusted(raw)


def test_a_serial_number_longer_than_any_is_not_read() -> None:
    """A certificate may have one that Python does not write: 4,300 digits are the most."""
    assert decode_certificate_untrusted(odd_certificate(serial=b"\x7f" * 64)).serial_number.bit_length() == 511
    for octets in (65, 2000):
        with pytest.raises(BadCertificate):
            decode_certificate_untrusted(odd_certificate(serial=b"\x7f" * octets))


def test_no_long_name_of_an_issuer_is_kept() -> None:
    before = _comparable_issuer.cache_info().currsize
    read = decode_certificate_untrusted(odd_certificate(names=60, octets=100))
    assert read.issuer_key == read.subject_key
    assert _comparable_issuer.cache_info().currsize == before


def test_path_to_an_issuing_ca_as_anchor() -> None:
    leaf = decode_certificate_untrusted(insured())
    demands = Demands(
        frozenset({KeyUsage.DIGITAL_SIGNATURE}),
        frozenset({ExtendedKeyUsage.CLIENT_AUTH}),
        frozenset({CertificateType.CH_AUT, CertificateType.CH_ENC}),
    )
    assert check_path(leaf, [der(CA)], NOW, demands=demands) == (leaf, der(CA))
    assert check_path(leaf, [der(ROOT)], NOW, intermediates=[der(CA)]) == (leaf, der(CA), der(ROOT))


def test_rsa_signatures_verify() -> None:
    root = issue_authority(authority_name("R TEST-ONLY", "u", "o"), RSA_KEY, SPAN, ENTROPY)
    leaf = decode_certificate_untrusted(insured(ca=root))
    check_path(leaf, [der(root)], NOW)


SAME_NAME = authority("CA TEST-ONLY", ROOT)


def with_last_bit_flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes((octets[-1] ^ 1,))


NOT_CA = Authority(x509.load_der_x509_certificate(insured()), KEY)


@pytest.mark.parametrize(
    ("leaf", "anchors", "at", "demands", "fault", "depth"),
    [
        (insured(), [CA], NOW + timedelta(days=2000), Demands(), PathFault.CERTIFICATE_NOT_VALID_TIME, 0),
        (insured(), [CA], NOW - timedelta(days=2), Demands(), PathFault.CERTIFICATE_NOT_VALID_TIME, 0),
        (insured(), [ROOT], NOW, Demands(), PathFault.CA_CERT_MISSING, 0),
        (insured(), [SAME_NAME], NOW, Demands(), PathFault.AUTHORITYKEYID_DIFFERENT, 0),
        (with_last_bit_flipped(insured()), [CA], NOW, Demands(), PathFault.CERTIFICATE_NOT_VALID_MATH, 0),
        (insured(ca=NOT_CA), [NOT_CA], NOW, Demands(), PathFault.ISSUER_IS_NO_CA, 1),
        (insured(), [CA], NOW, Demands(key_usage=frozenset({KeyUsage.KEY_AGREEMENT})), PathFault.WRONG_KEYUSAGE, 0),
        (
            insured(),
            [CA],
            NOW,
            Demands(extended_key_usage=frozenset({ExtendedKeyUsage.SERVER_AUTH})),
            PathFault.WRONG_EXTENDEDKEYUSAGE,
            0,
        ),
        (insured(), [CA], NOW, Demands(types=frozenset({CertificateType.CH_ENC})), PathFault.CERT_TYPE_MISMATCH, 0),
    ],
)
def test_path_faults(
    leaf: bytes, anchors: list[Authority], at: datetime, demands: Demands, fault: PathFault, depth: int
) -> None:
    with pytest.raises(PathError) as caught:
        check_path(decode_certificate_untrusted(leaf), [der(anchor) for anchor in anchors], at, demands=demands)
    assert (caught.value.fault, caught.value.depth) == (fault, depth)


def test_path_length_and_unknown_critical_extension() -> None:
    below = authority("below", CA)
    leaf = decode_certificate_untrusted(insured(ca=below))
    with pytest.raises(PathError) as caught:
        check_path(leaf, [der(ROOT)], NOW, intermediates=[der(CA), der(below)])
    assert (caught.value.fault, caught.value.depth) == (PathFault.ISSUER_IS_NO_CA, 2)
    builder = x509.CertificateBuilder().subject_name(CA.certificate.subject).issuer_name(CA.certificate.subject)
    builder = (
        builder.public_key(KEY.public_key()).serial_number(1).not_valid_before(SPAN.start).not_valid_after(SPAN.end)
    )
    builder = builder.add_extension(
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), critical=True
    )
    odd = builder.sign(CA.key, SHA256()).public_bytes(Encoding.DER)
    with pytest.raises(PathError) as caught:
        check_path(decode_certificate_untrusted(odd), [der(CA)], NOW)
    assert caught.value.fault is PathFault.CRITICAL_EXTENSION_UNKNOWN


def test_openssl_agrees(tmp_path: Path) -> None:
    pem = Encoding.PEM
    (tmp_path / "root.pem").write_bytes(ROOT.certificate.public_bytes(pem))
    (tmp_path / "ca.pem").write_bytes(CA.certificate.public_bytes(pem))
    leaf = x509.load_der_x509_certificate(insured())
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(pem))
    at = str(int(NOW.timestamp()))
    run = [
        "openssl",
        "verify",
        "-x509_strict",
        "-attime",
        at,
        "-CAfile",
        "root.pem",
        "-untrusted",
        "ca.pem",
        "leaf.pem",
    ]
    assert "leaf.pem: OK" in subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    shown = subprocess.run(
        ["openssl", "x509", "-in", "leaf.pem", "-noout", "-text", "-nameopt", "utf8"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for expected in (
        "ASN1 OID: brainpoolP256r1",
        "OU=A123456780",
        "Digital Signature",
        "TLS Web Client Authentication",
        "Policy: 1.2.276.0.76.4.70",
        "OCSP - URI:http://ocsp.lab/",
        "ecdsa-with-SHA256",
    ):
        assert expected in shown, expected


def test_openssl_reads_admission(tmp_path: Path) -> None:
    value = build_admission(Role.PRAXIS_ARZT, "1-2Praxis").public_bytes()
    (tmp_path / "admission.der").write_bytes(value)
    run = ["openssl", "asn1parse", "-inform", "DER", "-in", "admission.der"]
    shown = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "OBJECT            :1.2.276.0.76.4.50" in shown
    assert "PRINTABLESTRING   :1-2Praxis" in shown
    assert "UTF8STRING        :Betriebsst" in shown


def test_names_are_cut_from_the_last_first_name_on() -> None:
    person = PersonName("Karl Theodor Maria Nikolaus", "Buhl-Freiherr", "Dr.")
    assert person.printed(80) == "Dr. Karl Theodor Maria Nikolaus Buhl-Freiherr"
    assert person.printed(40) == "Dr. Karl Theodor Maria N. Buhl-Freiherr"
    assert person.printed(26) == "K. T. M. N. Buhl-Freiherr"
    assert person.printed(17) == "K. Buhl-Freiherr"
    assert person.printed(13) == "Buhl-Freiherr"
    assert person.printed(9) == "Buhl-Fre."
    assert person.printed(40, with_title=False) == "Karl Theodor Maria N. Buhl-Freiherr"


def long_certificate(*, name: bytes = sequence(), extensions: tuple[bytes, ...] = ()) -> bytes:
    """A certificate without sense, with this name and these extensions."""
    span = sequence(encode(0x17, b"250101000000Z"), encode(0x17, b"350101000000Z"))
    key = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + bytes(64)
    ecdsa = sequence(oid("1.2.840.10045.4.3.2"))
    more = [encode(0xA3, sequence(*extensions))] if extensions else []
    inner = sequence(encode(0xA0, integer(2)), integer(7), ecdsa, sequence(), span, name, key, *more)
    return sequence(inner, ecdsa, encode(3, b"\0x"))


def names(count: int, tag: int = 0x14) -> bytes:
    return sequence(*[set_of([sequence(oid("2.5.4.3"), encode(tag, b"x"))])] * count)


def points(count: int) -> bytes:
    """CRLDistributionPoints, in which nothing is longer than it must be."""
    point = sequence(encode(0xA0, encode(0xA0, encode(0x86, b"h:a"))))
    return sequence(oid("2.5.29.31"), octet_string(sequence(*[point] * count)))


@pytest.mark.parametrize(
    ("fits", "der"),
    [
        (True, long_certificate(name=names(200))),
        (False, long_certificate(name=names(300))),
        (False, long_certificate(name=names(300, 0x0C))),
        (True, long_certificate(extensions=(points(200),))),
        (False, long_certificate(extensions=(points(300),))),
        (False, long_certificate(extensions=tuple(sequence(oid(f"1.2.{n}"), octet_string(b"")) for n in range(400)))),
        (True, long_certificate(extensions=(sequence(oid("1.2.3"), octet_string(bytes(60_000))),))),
    ],
    ids=["names", "many names", "usual ones", "points", "many points", "many extensions", "a long extension"],
)
def test_elements_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch, fits: bool, der: bytes) -> None:
    """The general reader takes a quarter of a second for what has room in 64 KiB."""
    if not fits:
        monkeypatch.setattr(certificate, "take_apart", pytest.fail)
        monkeypatch.setattr(certificate, "general_parts", pytest.fail)
    with nullcontext() if fits else pytest.raises(BadCertificate):
        decode_certificate_untrusted(der)


def test_a_name_is_counted_too() -> None:
    assert comparable_name_untrusted(names(200))
    with pytest.raises(BadCertificate):
        comparable_name_untrusted(names(20_000))
