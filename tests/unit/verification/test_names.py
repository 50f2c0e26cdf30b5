"""Names of certificates as text: usual ones are written quickly, and as all others are."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.unit.pki.ocspmaker import NOW
from tests.unit.verification.signatures import OSIG, QES, signer
from tiaas.konnektor.distinguishednames import usual_names, written_name
from tiaas.pki.certificate import Certificate, decode_certificate_untrusted

KEY = ec.generate_private_key(ec.SECP256R1())


def named(*rdns: dict[x509.ObjectIdentifier, str]) -> Certificate:
    """A certificate of that name, by itself."""
    name = x509.Name(
        x509.RelativeDistinguishedName([x509.NameAttribute(oid, value) for oid, value in rdn.items()]) for rdn in rdns
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    return decode_certificate_untrusted(builder.sign(KEY, SHA256()).public_bytes(Encoding.DER))


def general(certificate: Certificate) -> tuple[str, str]:
    known = x509.load_der_x509_certificate(certificate.encoded)
    return written_name(known.issuer), written_name(known.subject)


def test_usual_names_are_written_alike() -> None:
    everything = {
        NameOID.COUNTRY_NAME: "DE",
        NameOID.STATE_OR_PROVINCE_NAME: "Berlin",
        NameOID.LOCALITY_NAME: "Berlin",
        NameOID.POSTAL_CODE: "10999",
        NameOID.STREET_ADDRESS: "Marktplatz 1",
        NameOID.ORGANIZATION_NAME: "999910100 NOT-VALID",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "(a/b)",
        NameOID.SERIAL_NUMBER: "10.80276-01",
        NameOID.SURNAME: "O'Neill",
        NameOID.GIVEN_NAME: "Beatrix",
        NameOID.TITLE: "Dr. med.",
        NameOID.COMMON_NAME: "Praxis & Co. TEST-ONLY",
    }
    for certificate in (
        named(*({oid: value} for oid, value in everything.items())),
        named(),
        signer(OSIG).certificate,
        signer(QES).certificate,
    ):
        written = usual_names(certificate)
        if certificate.subject:
            assert written is not None
        assert written in (None, general(certificate))


@pytest.mark.parametrize(
    "value",
    ["a, b", "a+b", "#a", " a", "a ", "a  b", "a;b", 'a"b', "a<b", "a\\b", "a=b", "Müller", "a\0b", "a\x1eb", "a\n"],
)
def test_a_value_that_is_not_written_as_it_stands_is_not_usual(value: str) -> None:
    assert usual_names(named({NameOID.COMMON_NAME: value})) is None


def test_other_attributes_and_two_in_one_rdn_are_not_usual() -> None:
    assert usual_names(named({NameOID.DOMAIN_COMPONENT: "lab"})) is None
    assert usual_names(named({NameOID.COMMON_NAME: "a", NameOID.SURNAME: "b"})) is None
    assert usual_names(named({NameOID.COUNTRY_NAME: "DE"}, {NameOID.COMMON_NAME: "a", NameOID.SURNAME: "b"})) is None
