"""What CMS reads of a certificate, beside what a foreign library reads."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.adesbench import Key, holder
from tests.oddcertificate import odd_certificate
from tiaas.cms.certificate import IssuerAndSerial, _encoded, _names, names_untrusted
from tiaas.cms.errors import BadCms


@pytest.mark.parametrize("key", Key, ids=lambda key: key.value)
def test_names(key: Key) -> None:
    certificate = holder(key).certificate
    foreign = x509.load_der_x509_certificate(certificate)
    names = names_untrusted(certificate)
    assert names.issuer_and_serial.issuer == foreign.issuer.public_bytes()
    assert names.issuer_and_serial.serial == foreign.serial_number
    assert names.public_key == foreign.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    extension = foreign.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert names.key_identifier == extension.value.digest
    assert names_untrusted(certificate + bytes(20)) == names


@pytest.mark.parametrize("octets", [b"", b"\x30\x00", b"\x30\x80", b"text", bytes(70_000)])
def test_no_certificates(octets: bytes) -> None:
    with pytest.raises(BadCms):
        names_untrusted(octets)


def test_a_certificate_longer_than_any_is_not_looked_at() -> None:
    with pytest.raises(BadCms, match="octets"):
        names_untrusted(holder(Key.P256).certificate + bytes(70_000))


def test_only_usual_certificates_are_kept() -> None:
    before = _names.cache_info().currsize, _encoded.cache_info().currsize
    names = names_untrusted(odd_certificate(names=1000)).issuer_and_serial
    assert names.encode() == IssuerAndSerial(names.issuer, 7).encode()
    assert (_names.cache_info().currsize, _encoded.cache_info().currsize) == before
