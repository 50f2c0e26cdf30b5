"""XAdES with RSASSA-PSS and ECDSA on P-256 against signxml: what we sign it verifies, what it signs we read."""

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidSignature
from signxml.verifier import SignatureConfiguration
from signxml.xades.xades import XAdESSigner, XAdESVerifier

from tests.adesbench import NOW, Key, holder
from tiaas.ades.found import Integrity
from tiaas.ades.signing import CannotSign
from tiaas.ades.xades import XadesOptions, prepare
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.ades.xadesvariants import Update
from tiaas.pki.keys import Digest, SigningScheme

OPTIONS = XadesOptions(moment=NOW, name="n1", short_text="Text")
DOCUMENT = '<a xmlns="urn:x" xmlns:f="urn:f"><f:b Id="i1">Grüße €<!-- c --></f:b><?p q?>\r\n</a>'.encode()
KEYS = pytest.mark.parametrize("key", [Key.RSA, Key.P256], ids=lambda key: key.value)
METHODS = {Key.RSA: SignatureMethod.SHA256_RSA_MGF1, Key.P256: SignatureMethod.ECDSA_SHA256}


def pem(key: Key) -> str:
    return x509.load_der_x509_certificate(holder(key).certificate).public_bytes(Encoding.PEM).decode()


def sign(document: bytes, key: Key, options: XadesOptions = OPTIONS) -> bytes:
    signer = holder(key)
    return signer.finish(prepare(document, signer.by, options))


def verify(document: bytes, key: Key) -> None:
    configuration = SignatureConfiguration(
        signature_methods=frozenset(METHODS.values()), digest_algorithms=frozenset({DigestAlgorithm.SHA256})
    )
    XAdESVerifier().verify(document, x509_cert=pem(key), expect_references=2, expect_config=configuration)


@KEYS
def test_ours_is_verified(key: Key) -> None:
    verify(sign(DOCUMENT, key), key)


@KEYS
def test_a_changed_document_is_not_verified(key: Key) -> None:
    signed = sign(DOCUMENT, key)
    with pytest.raises((InvalidDigest, InvalidSignature)):
        verify(signed.replace(b"<?p q?>", b"<?p r?>"), key)


@KEYS
@pytest.mark.parametrize(
    "canonicalization",
    # With exclusive C14N it digests the properties otherwise than it says: no transform means C14N 1.0.
    [CanonicalizationMethod.CANONICAL_XML_1_0, CanonicalizationMethod.CANONICAL_XML_1_1],
    ids=lambda method: method.name,
)
def test_theirs_is_read(key: Key, canonicalization: CanonicalizationMethod) -> None:
    signer = XAdESSigner(
        method=SignatureConstructionMethod.enveloped, signature_algorithm=METHODS[key], c14n_algorithm=canonicalization
    )
    signed = etree.tostring(signer.sign(etree.fromstring(DOCUMENT), key=holder(key).key, cert=pem(key)))
    (found,) = read_xades_untrusted(signed)
    assert found.integrity is Integrity.INTACT
    assert found.is_bound
    scheme = SigningScheme.RSASSA_PSS if key is Key.RSA else SigningScheme.ECDSA
    assert found.algorithm == (scheme, Digest.SHA256)
    (found,) = read_xades_untrusted(signed.replace("ü".encode(), b"ue").replace(b"&#252;", b"ue"))
    assert found.integrity is Integrity.DIGEST_WRONG


@KEYS
def test_their_enveloping_signature_is_read(key: Key) -> None:
    signer = XAdESSigner(method=SignatureConstructionMethod.enveloping, signature_algorithm=METHODS[key])
    signed = etree.tostring(signer.sign(etree.fromstring(DOCUMENT), key=holder(key).key, cert=pem(key)))
    (found,) = read_xades_untrusted(signed)
    assert found.integrity is Integrity.INTACT


@KEYS
def test_we_countersign_theirs_and_sign_beside_it(key: Key) -> None:
    """Theirs stays good. A counter signature gives its value the Id that it lacks; covered by another it cannot."""
    signer = XAdESSigner(method=SignatureConstructionMethod.enveloped, signature_algorithm=METHODS[key])
    theirs = etree.tostring(signer.sign(etree.fromstring(DOCUMENT), key=holder(key).key, cert=pem(key)))
    document = sign(theirs, key, replace(OPTIONS, name="c1", update=Update.COUNTER))
    for name, update in (("p1", Update.PARALLEL), ("c2", Update.COUNTER)):
        document = sign(document, key, replace(OPTIONS, name=name, update=update))
    assert {found.integrity for found in read_xades_untrusted(document)} == {Integrity.INTACT}
    beside = sign(theirs, key, replace(OPTIONS, name="p1", update=Update.PARALLEL))
    assert {found.integrity for found in read_xades_untrusted(beside)} == {Integrity.INTACT}
    with pytest.raises(CannotSign, match="4111"):
        sign(beside, key, replace(OPTIONS, name="c1", update=Update.COUNTER))
