"""Signatures that other programs made with keys of the lab's kind: OpenSSL, pyHanko, xmlsec1, signxml."""

import io
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers as pyhanko
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.signer import XMLSigner

from tests.adesbench import Key
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.pki.ocspmaker import NOW
from tests.unit.verification.signatures import OSIG, PDF, QES, XML, Signer, signer, trusts
from tests.unit.verification.test_verifying import verified
from tiaas.ades.found import SignatureFormat
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.verification.reading import Material
from tiaas.konnektor.verification.verifying import Rules
from tiaas.pki.oids import CertificateType

AT = Rules(user_defined=NOW)
"""Other programs take their own clock; the bench's certificates are of another day."""


def files(by: Signer, folder: Path) -> tuple[Path, Path]:
    """Certificate and key as PEM files."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    pem = subprocess.run(
        ["openssl", "x509", "-inform", "DER"], input=by.holder.certificate, capture_output=True, check=True
    )
    certificate.write_bytes(pem.stdout)
    key.write_bytes(by.holder.key_pem())
    return certificate, key


@pytest.mark.parametrize("kind", [OSIG, QES], ids=["nonQES", "QES"])
@pytest.mark.parametrize("key", Key)
async def test_openssl(bench: Bench, tmp_path: Path, kind: CertificateType, key: Key) -> None:
    by = signer(kind, key)
    trusts(bench, by)
    certificate, private = files(by, tmp_path)
    pss = ["-keyopt", "rsa_padding_mode:pss"] if key is Key.RSA else []
    for more, bound in (["-cades"], True), ([], False):
        made = subprocess.run(
            ["openssl", "cms", "-sign", "-signer", certificate, "-inkey", private, *pss, *more, "-md", "sha256",
             "-outform", "DER", "-binary", "-nodetach"], input=XML, capture_output=True, check=True
        ).stdout  # fmt: skip
        found = await verified(bench, Material(SignatureFormat.CADES, None, made), AT)
        assert found.result is Result.VALID, found.judgements
        assert found.judgements[0].found.is_bound is bound, "a signature without reference to its certificate says so"


async def test_pyhanko(bench: Bench, tmp_path: Path) -> None:
    by = signer(OSIG, Key.P256)
    trusts(bench, by)
    certificate, private = files(by, tmp_path)
    simple = pyhanko.SimpleSigner.load(str(private), str(certificate))  # type: ignore[no-untyped-call]
    assert simple is not None
    out = io.BytesIO()
    await pyhanko.PdfSigner(
        pyhanko.PdfSignatureMetadata(field_name="S", md_algorithm="sha256"), signer=simple
    ).async_sign_pdf(IncrementalPdfFileWriter(io.BytesIO(PDF)), output=out)
    found = await verified(bench, Material(SignatureFormat.PADES, out.getvalue()), AT)
    assert found.result is Result.VALID, found.judgements


TEMPLATE = """<r:Rezept xmlns:r="urn:rezept"><r:Arznei>A</r:Arznei><ds:Signature
 xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod
 Algorithm="http://www.w3.org/2006/12/xml-c14n11"/><ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="">
<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform
 Algorithm="http://www.w3.org/2006/12/xml-c14n11"/></ds:Transforms><ds:DigestMethod
 Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/>
<ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature></r:Rezept>"""


async def test_xmlsec1(bench: Bench, tmp_path: Path) -> None:
    by = signer(OSIG, Key.P256)
    trusts(bench, by)
    certificate, private = files(by, tmp_path)
    document = tmp_path / "document.xml"
    document.write_text(TEMPLATE.format(method="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"))
    made = subprocess.run(
        ["xmlsec1", "--sign", "--privkey-pem", f"{private},{certificate}", document], capture_output=True, check=True
    ).stdout
    found = await verified(bench, Material(SignatureFormat.XADES, made), AT)
    assert found.result is Result.VALID, found.judgements
    assert not found.judgements[0].found.is_bound


async def test_signxml(bench: Bench) -> None:
    by = signer(OSIG, Key.RSA)
    trusts(bench, by)
    made = XMLSigner(
        signature_algorithm=SignatureMethod.SHA256_RSA_MGF1,
        c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_1,
    ).sign(etree.fromstring(XML), key=by.holder.key_pem(), cert=_pem(by))
    found = await verified(bench, Material(SignatureFormat.XADES, etree.tostring(made)), AT)
    assert found.result is Result.VALID, found.judgements


def _pem(by: Signer) -> str:
    return x509.load_der_x509_certificate(by.holder.certificate).public_bytes(Encoding.PEM).decode()
