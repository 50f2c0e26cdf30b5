"""Enveloped XAdES signatures: what we write a foreign program accepts, and nothing but the whole document is signed."""

import base64
import subprocess
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from tiaas.xmlsec.canonical import XmlElement
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import SignatureMethod, ds, xades
from tiaas.xmlsec.reader import read_enveloped_untrusted
from tiaas.xmlsec.verify import signature_fits
from tiaas.xmlsec.writer import XmlSigner, raw_ecdsa, sign_enveloped

MOMENT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEXT = (
    '<list xmlns="urn:x" xmlns:unused="urn:y" Id="L"><item b="2" a="1">&#228; &amp;\r</item><?p i?><!-- c --> </list>'
)
SHA256 = hashes.SHA256()
EC_KEY = ec.generate_private_key(ec.BrainpoolP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def certify(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(4711)
    builder = builder.not_valid_before(MOMENT).not_valid_after(MOMENT + timedelta(days=9999))
    return builder.public_key(key.public_key()).sign(key, SHA256).public_bytes(Encoding.DER)


def ecdsa(octets: bytes) -> bytes:
    return raw_ecdsa(EC_KEY.sign(octets, ec.ECDSA(SHA256)), 256)


PSS = partial(RSA_KEY.sign, padding=padding.PSS(padding.MGF1(SHA256), 32), algorithm=SHA256)
V15 = partial(RSA_KEY.sign, padding=padding.PKCS1v15(), algorithm=SHA256)
EC_CERTIFICATE, RSA_CERTIFICATE = certify(EC_KEY), certify(RSA_KEY)
SIGNERS = {
    SignatureMethod.ECDSA_SHA256: XmlSigner(EC_CERTIFICATE, SignatureMethod.ECDSA_SHA256, ecdsa),
    SignatureMethod.RSA_PSS_SHA256: XmlSigner(RSA_CERTIFICATE, SignatureMethod.RSA_PSS_SHA256, PSS),
    SignatureMethod.RSA_SHA256: XmlSigner(RSA_CERTIFICATE, SignatureMethod.RSA_SHA256, V15),
}


def signed(method: SignatureMethod = SignatureMethod.ECDSA_SHA256, text: str = TEXT) -> XmlElement:
    root = etree.fromstring(text)
    sign_enveloped(root, SIGNERS[method], MOMENT, "1")
    return etree.fromstring(etree.tostring(root))


@pytest.mark.parametrize("method", SIGNERS)
def test_round_trip(method: SignatureMethod) -> None:
    signature = read_enveloped_untrusted(signed(method))
    assert signature.method is method
    assert signature.certificates == (SIGNERS[method].certificate,)
    assert signature.signing_time == "2026-06-01T12:00:00Z"
    right, wrong = EC_KEY.public_key(), RSA_KEY.public_key()
    assert signature_fits(signature, right) is (method is SignatureMethod.ECDSA_SHA256)
    assert signature_fits(signature, wrong) is (method is not SignatureMethod.ECDSA_SHA256)
    assert not signature_fits(signature, ec.generate_private_key(ec.BrainpoolP256R1()).public_key())
    assert not signature_fits(signature, rsa.generate_private_key(65537, 2048).public_key())


# xmlsec1 of Debian 12 knows no MGF1 schemes.
@pytest.mark.parametrize("method", [SignatureMethod.ECDSA_SHA256, SignatureMethod.RSA_SHA256])
def test_xmlsec1_accepts(method: SignatureMethod, tmp_path: Path) -> None:
    (tmp_path / "signed.xml").write_bytes(etree.tostring(signed(method)))
    (tmp_path / "signer.der").write_bytes(SIGNERS[method].certificate)
    run = ["xmlsec1", "--verify", "--id-attr:Id", "SignedProperties", "--enabled-reference-uris", "empty,same-doc"]
    done = subprocess.run([*run, "--pubkey-cert-der", "signer.der", "signed.xml"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"SignedInfo References (ok/all): 2/2" in done.stdout + done.stderr


@pytest.mark.parametrize("text", ["\n ", "tail"])
def test_text_behind_the_signature_is_signed(text: str) -> None:
    root = signed()
    read_enveloped_untrusted(root)
    root[-1].tail = text
    with pytest.raises(BadXmlSignature, match="digest"):
        read_enveloped_untrusted(root)


def find(root: XmlElement, *names: str) -> XmlElement:
    found = root.find(".//" + "/".join(names))
    assert found is not None
    return found


def change_text(root: XmlElement) -> None:
    root[0].text = "x"


def add_element(root: XmlElement) -> None:
    root.insert(0, etree.Element("{urn:x}item"))


def wrap(root: XmlElement) -> None:
    """The signed document goes below an unsigned element, the signature stays a child of the root."""
    copy = deepcopy(root)
    copy.remove(copy[-1])
    for child in list(root)[:-1]:
        root.remove(child)
    etree.SubElement(root[-1], ds("Object")).append(copy)
    root.insert(0, etree.Element("{urn:x}item"))


def refer_elsewhere(root: XmlElement) -> None:
    find(root, ds("Reference")).set("URI", "#L")


def drop_document_reference(root: XmlElement) -> None:
    info = find(root, ds("SignedInfo"))
    info.remove(find(info, ds("Reference")))


def drop_properties_reference(root: XmlElement) -> None:
    info = find(root, ds("SignedInfo"))
    info.remove(info.findall(ds("Reference"))[1])


def repeat_reference(root: XmlElement) -> None:
    info = find(root, ds("SignedInfo"))
    info.append(deepcopy(find(info, ds("Reference"))))


def other_transform(root: XmlElement) -> None:
    find(root, ds("Transform")).set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")


def further_transform(root: XmlElement) -> None:
    transforms = find(root, ds("Transforms"))
    transforms.append(deepcopy(transforms[1]))


def prefix_list(root: XmlElement) -> None:
    etree.SubElement(find(root, ds("Transforms"))[1], "{urn:z}InclusiveNamespaces")


def other_canonicalization(root: XmlElement) -> None:
    method = find(root, ds("CanonicalizationMethod"))
    method.set("Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")


def sha1(root: XmlElement) -> None:
    find(root, ds("DigestMethod")).set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")


def hmac(root: XmlElement) -> None:
    find(root, ds("SignatureMethod")).set("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1")


def second_signature(root: XmlElement) -> None:
    root.append(deepcopy(root[-1]))


def deeper_signature(root: XmlElement) -> None:
    root[0].append(root[-1])


def no_signature(root: XmlElement) -> None:
    root.remove(root[-1])


def same_id_twice(root: XmlElement) -> None:
    root[0].set("Id", "signedproperties-1")


def other_certificate(root: XmlElement) -> None:
    find(root, ds("X509Certificate")).text = base64.b64encode(certify(EC_KEY)).decode()


def no_certificate(root: XmlElement) -> None:
    data = find(root, ds("X509Data"))
    data.remove(data[0])


def unnamed_certificate(root: XmlElement) -> None:
    about = find(root, xades("SignedSignatureProperties"))
    about.remove(find(about, xades("SigningCertificate")))


def other_target(root: XmlElement) -> None:
    find(root, xades("QualifyingProperties")).set("Target", "#other")


def changed_time(root: XmlElement) -> None:
    find(root, xades("SigningTime")).text = "2020-01-01T00:00:00Z"


def no_base64(root: XmlElement) -> None:
    find(root, ds("SignatureValue")).text = "?"


@pytest.mark.parametrize(
    "spoil",
    [
        change_text, add_element, wrap, refer_elsewhere, drop_document_reference, drop_properties_reference,
        repeat_reference, other_transform, further_transform, prefix_list, other_canonicalization, sha1, hmac,
        second_signature, deeper_signature, no_signature, same_id_twice, other_certificate, no_certificate,
        unnamed_certificate, other_target, changed_time, no_base64,
    ],
    ids=lambda spoil: spoil.__name__,
)  # fmt: skip
def test_spoilt_signature_is_refused(spoil: Callable[[XmlElement], None]) -> None:
    root = signed()
    spoil(root)
    with pytest.raises(BadXmlSignature):
        read_enveloped_untrusted(root)


def test_part_of_a_document_is_refused() -> None:
    outer = etree.Element("outer")
    outer.append(signed())
    with pytest.raises(BadXmlSignature, match="document element"):
        read_enveloped_untrusted(outer[0])


def test_changed_signed_info_does_not_fit() -> None:
    root = signed()
    find(root, ds("Reference")).set("Id", "other")
    assert not signature_fits(read_enveloped_untrusted(root), EC_KEY.public_key())


def test_changed_value_does_not_fit() -> None:
    root = signed()
    value = find(root, ds("SignatureValue"))
    text = value.text or ""
    value.text = ("B" if text[0] == "A" else "A") + text[1:]
    assert not signature_fits(read_enveloped_untrusted(root), EC_KEY.public_key())
    value.text = "AAAA"
    assert not signature_fits(read_enveloped_untrusted(root), EC_KEY.public_key())
