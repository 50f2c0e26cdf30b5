"""Bare signature values: PKCS#1 in both paddings, ECDSA in both encodings."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.adesbench import Key, holder
from tiaas.ades.cmsalgorithm import _public_key, public_key
from tiaas.ades.found import Integrity, SignatureFormat
from tiaas.ades.rawsignature import read_ecdsa_untrusted, read_pkcs1_untrusted
from tiaas.pki.keys import Digest, SigningScheme

DOCUMENT = b"message"
_HASHES = {Digest.SHA256: hashes.SHA256(), Digest.SHA384: hashes.SHA384(), Digest.SHA512: hashes.SHA512()}


def rsa_key() -> rsa.RSAPrivateKey:
    key = holder(Key.RSA).key
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def ec_key(kind: Key) -> ec.EllipticCurvePrivateKey:
    key = holder(kind).key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


@pytest.mark.parametrize("digest", Digest)
@pytest.mark.parametrize("scheme", [SigningScheme.RSASSA_PSS, SigningScheme.RSASSA_PKCS1_V1_5])
def test_the_padding_is_found_out(scheme: SigningScheme, digest: Digest) -> None:
    algorithm = _HASHES[digest]
    pss = padding.PSS(padding.MGF1(algorithm), 20)
    chosen = pss if scheme is SigningScheme.RSASSA_PSS else padding.PKCS1v15()
    value = rsa_key().sign(DOCUMENT, chosen, algorithm)
    found = read_pkcs1_untrusted(value, DOCUMENT, holder(Key.RSA).certificate)
    assert (found.integrity, found.format) == (Integrity.INTACT, SignatureFormat.PKCS1)
    assert found.algorithm == (scheme, digest)
    other = read_pkcs1_untrusted(value, b"other", holder(Key.RSA).certificate)
    v15 = scheme is SigningScheme.RSASSA_PKCS1_V1_5
    assert other.integrity is (Integrity.DIGEST_WRONG if v15 else Integrity.SIGNATURE_WRONG)


@pytest.mark.parametrize("value", [b"", bytes(256), b"\xff" * 256, bytes(255) + b"\x01", b"x"])
def test_values_that_are_none(value: bytes) -> None:
    found = read_pkcs1_untrusted(value, DOCUMENT, holder(Key.RSA).certificate)
    assert (found.integrity, found.algorithm) == (Integrity.SIGNATURE_WRONG, None)
    assert read_ecdsa_untrusted(value, DOCUMENT, holder(Key.P256).certificate).integrity is Integrity.SIGNATURE_WRONG


@pytest.mark.parametrize("kind", [Key.BRAINPOOL, Key.P256], ids=lambda key: key.value)
def test_ecdsa_in_der_and_plain(kind: Key) -> None:
    value = ec_key(kind).sign(DOCUMENT, ec.ECDSA(hashes.SHA256()))
    plain = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(value))
    for written in (value, plain):
        found = read_ecdsa_untrusted(written, DOCUMENT, holder(kind).certificate)
        assert (found.integrity, found.format) == (Integrity.INTACT, SignatureFormat.ECDSA)
        assert read_ecdsa_untrusted(written, b"x", holder(kind).certificate).integrity is Integrity.SIGNATURE_WRONG


def test_the_wrong_certificate_or_none() -> None:
    value = rsa_key().sign(DOCUMENT, padding.PKCS1v15(), hashes.SHA256())
    for certificate, expected in (
        (None, Integrity.CERTIFICATE_MISSING),
        (b"none", Integrity.ALGORITHM_UNKNOWN),
        (holder(Key.P256).certificate, Integrity.ALGORITHM_UNKNOWN),
        (holder(Key.RSA, "other").certificate, Integrity.SIGNATURE_WRONG),
    ):
        assert read_pkcs1_untrusted(value, DOCUMENT, certificate).integrity is expected
    for certificate, expected in (
        (None, Integrity.CERTIFICATE_MISSING),
        (b"none", Integrity.ALGORITHM_UNKNOWN),
        (holder(Key.RSA).certificate, Integrity.ALGORITHM_UNKNOWN),
    ):
        assert read_ecdsa_untrusted(value, DOCUMENT, certificate).integrity is expected


def test_no_long_key_is_kept() -> None:
    before = _public_key.cache_info().currsize
    assert public_key(bytes(4096)) is None
    assert _public_key.cache_info().currsize == before
