"""Signatures of real Konnektors that gematik published: they verify, and ours have the same structure.

erp-qes: 12 E-Rezept bundles, four documents by devices of three makers. examples-signature: SignDocument requests and
responses, most of them with placeholders; the pair of a KIM client is real. kim-smime: a KIM mail, step by step.
"""

import re
from base64 import b64decode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from lxml import etree

from tests.adesbench import SHARED, Key, holder
from tiaas.ades.cades import CadesOptions, prepare
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import FoundSignature, Integrity
from tiaas.ades.mime import pkcs7_mime
from tiaas.ades.smime import read_smime_untrusted
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import SignedData, decode_attribute_untrusted, decode_signed_data_untrusted
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.ocsp import decode_response_untrusted
from tiaas.pki.ocspmessages import ResponseStatus

VECTORS = SHARED / "vectors"
PRESCRIPTIONS, EXAMPLES, MAIL = VECTORS / "erp-qes", VECTORS / "examples-signature", VECTORS / "kim-smime"
FILES = sorted(PRESCRIPTIONS.glob("*.p7"))

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="../shared/vectors is not there")

_PSS = (SigningScheme.RSASSA_PSS, Digest.SHA256)


@dataclass(frozen=True)
class Structure:
    """What two signatures of the same kind have in common. Whether lengths are definite is not part of it."""

    content_type: str
    digests: int
    certificates: int
    revocation: int
    enveloping: bool
    signers: tuple[tuple[object, ...], ...]


def structure(read: SignedData) -> Structure:
    return Structure(
        content_type=read.content_type,
        digests=len(read.digest_algorithms),
        certificates=len(read.certificates()),
        revocation=len(read.ocsp()),
        enveloping=read.segments is not None,
        signers=tuple(
            (
                info.version,
                info.issuer_and_serial is not None,
                info.digest_algorithm.oid,
                info.signature_algorithm,
                frozenset(attribute.oid for attribute in info.signed or ()),
                tuple(attribute.oid for attribute in info.unsigned),
            )
            for info in read.signers
        ),
    )


def like(whole: bytes, found: FoundSignature, read: SignedData) -> bytes:
    """A signature of ours for the same document with the same wishes."""
    info = read.signers[0]
    own = {*Attribute}
    assert found.time is not None
    options = CadesOptions(
        found.time,
        enveloping=read.segments is not None,
        short_text=found.short_text,
        mime_type="text/plain" if info.signed_attribute(Attribute.MIME_TYPE) else None,
        signed_attributes=tuple(item.encoded for item in info.signed or () if item.oid not in own),
        ocsp=found.ocsp[0] if found.ocsp else None,
    )
    signer = holder(Key.RSA)
    return signer.finish(prepare(read.content() or b"", signer.by, options))


def test_no_prescription_is_left_out() -> None:
    assert len(FILES) == 12


@pytest.mark.pitfall(52)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name[:8] + file.name[37:45])
def test_prescriptions(file: Path) -> None:
    whole = file.read_bytes()
    (found,) = read_cades_untrusted(whole)
    assert found.integrity is Integrity.INTACT
    assert found.algorithm == _PSS
    assert found.time is not None
    assert found.time.year == 2021
    assert found.short_text == "a CMSDocument2sign"
    (ocsp,) = found.ocsp
    assert decode_response_untrusted(ocsp).status is ResponseStatus.SUCCESSFUL
    read = decode_signed_data_untrusted(whole)
    assert b"<Bundle" in (read.content() or b"")
    assert structure(decode_signed_data_untrusted(like(whole, found, read))) == structure(read)
    damaged = whole.replace(b"<Bundle", b"<bundle", 1)
    assert read_cades_untrusted(damaged)[0].integrity is Integrity.DIGEST_WRONG


# ---- SignDocument ----------------------------------------------------------------------------------------------------


def signature_in(response: bytes) -> bytes | None:
    """The CMS signature in a response, None if it is one of the placeholders."""
    (element,) = etree.fromstring(response).iterfind(".//{*}Base64Signature")
    assert element.get("Type") == "urn:ietf:rfc:5652"
    text = re.sub(r"\s", "", element.text or "")
    return None if text.startswith("Base64Data_") else b64decode(text, validate=True)


def test_the_example_of_sign_document_that_is_no_placeholder() -> None:
    responses = sorted(EXAMPLES.glob("SignDoc_CAdES_*_resp.xml"))
    assert len(responses) == 9
    real = {file.name: cms for file in responses if (cms := signature_in(file.read_bytes())) is not None}
    ((name, signature),) = real.items()
    assert "KIM" in name
    (found,) = read_cades_untrusted(signature)
    assert (found.integrity, found.algorithm) == (Integrity.INTACT, _PSS)
    read = decode_signed_data_untrusted(signature)
    assert structure(decode_signed_data_untrusted(like(signature, found, read))) == structure(read)


def test_the_attribute_of_a_kim_client_is_put_in_unchanged() -> None:
    request = etree.fromstring((EXAMPLES / "SignDoc_CAdES_enveloping_KIM_nonQES.xml").read_bytes())
    response = (EXAMPLES / "SignDoc_CAdES_enveloping_KIM_nonQES_resp.xml").read_bytes()
    # Written by the client without namespace: found by its local name.
    attribute = b64decode("".join(request.xpath("//*[local-name()='CMSAttribute']/text()")))
    document = b64decode("".join(request.xpath("//*[local-name()='Base64Data']/text()")))
    theirs = decode_signed_data_untrusted(signature_in(response) or b"")
    assert theirs.content() == document
    assert attribute in [item.encoded for item in theirs.signers[0].signed or ()]
    signer = holder(Key.BRAINPOOL)
    moment = read_cades_untrusted(signature_in(response) or b"")[0].time
    assert moment is not None
    options = CadesOptions(moment, enveloping=True, short_text="KIM Mailmessage", signed_attributes=(attribute,))
    prepared = prepare(document, signer.by, options)
    assert prepared.ignored == ()
    assert decode_attribute_untrusted(attribute).oid == "1.2.276.0.76.4.173"
    ours = decode_signed_data_untrusted(signer.finish(prepared))
    assert attribute in [item.encoded for item in ours.signers[0].signed or ()]


# ---- KIM -------------------------------------------------------------------------------------------------------------


def test_the_signed_mail_of_kim() -> None:
    """Its wrapped form is published with line ends changed inside the binary body: the wrapping here is ours."""
    bare = ZipFile(BytesIO((MAIL / "SMIME-Profil.zip").read_bytes())).read("inputEmail.txt.02.signedcms")
    (found,) = read_cades_untrusted(bare)
    assert (found.integrity, found.algorithm) == (Integrity.INTACT, _PSS)
    content = decode_signed_data_untrusted(bare).content() or b""
    assert content.startswith(b"Content-Type: message/rfc822\r\n")
    (wrapped,) = read_smime_untrusted(pkcs7_mime(content, bare, "signed-data"))
    assert (wrapped.integrity, wrapped.value) == (Integrity.INTACT, found.value)
