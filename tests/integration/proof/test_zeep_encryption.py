"""EncryptionService of a running lab, driven by gematik's own WSDL through zeep: HBA and SMC-B, RSA and ECC, mixed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zeep.exceptions
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.test_zeep import Practice, pem_of_p12, session_with

SERVICE = "EncryptionService"
TEXT = "Arztbrief: Befund unauffällig".encode()
XML = "<b:Befund xmlns:b='urn:b'>unauffällig</b:Befund>".encode()
PIN_OF = {"SMC-B": "PIN.SMC", "HBA": "PIN.CH"}


@pytest.fixture(scope="module")
def practice(api: Path, lab: LabProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    ready = lab.ready
    with session_with(ready, pem_of_p12(ready, tmp_path_factory.mktemp("p12"))) as session:
        practice = Practice(api, ready, session)
        for card_type, pin in PIN_OF.items():
            answer = practice.service("CardService").VerifyPin(
                Context=practice.context, CardHandle=practice.handle(card_type), PinTyp=pin
            )
            assert answer.PinResult == "OK"
        yield practice


def document(octets: bytes, is_xml: bool) -> dict[str, Any]:
    return {"Base64XML": octets} if is_xml else {"Base64Data": {"_value_1": octets, "MimeType": "text/plain"}}


def octets_of(answer: Any) -> bytes:
    found = answer.Document
    return bytes(found.Base64XML if found.Base64XML is not None else found.Base64Data._value_1)


@pytest.mark.requirement("TIP1-A_4620-03", "TIP1-A_4621-05", "TIP1-A_4622-05", "TIP1-A_5434")
@pytest.mark.parametrize("is_xml", [False, True])
@pytest.mark.parametrize("crypt", [None, "RSA", "ECC", "RSA_ECC"])
def test_both_cards_read_what_was_encrypted_for_them(practice: Practice, crypt: str | None, is_xml: bool) -> None:
    """The SMC-B by its handle, the HBA by its certificates, of the other kind as well."""
    hba = practice.handle("HBA")
    certificates = [practice.certificate(hba, "C.ENC", Crypt=kind) for kind in ("RSA", "ECC")]
    sealed = practice.service(SERVICE).EncryptDocument(
        Context=practice.context,
        RecipientKeys={
            "CertificateOnCard": {"CardHandle": practice.handle("SMC-B"), "KeyReference": "", "Crypt": crypt},
            "Certificate": [_der(certificate) for certificate in certificates],
        },
        Document=document(XML if is_xml else TEXT, is_xml),
    )
    practice.check(SERVICE)
    assert sealed.Status.Result == "OK"
    for card_type in PIN_OF:
        opened = practice.service(SERVICE).DecryptDocument(
            Context=practice.context,
            PrivateKeyOnCard={"CardHandle": practice.handle(card_type)},
            Document=document(octets_of(sealed), is_xml),
        )
        practice.check(SERVICE)
        if is_xml:
            assert _canonical(octets_of(opened)) == _canonical(XML)
        else:
            assert octets_of(opened) == TEXT


@pytest.mark.code(4105)
def test_a_certificate_of_somebody_the_ti_does_not_know(practice: Practice, lab: LabProcess) -> None:
    pem = Path(lab.ready["client"]["cert"]).read_bytes()
    stranger = x509.load_pem_x509_certificate(pem)
    with pytest.raises(zeep.exceptions.Fault):
        practice.service(SERVICE).EncryptDocument(
            Context=practice.context, RecipientKeys={"Certificate": [_der(stranger)]}, Document=document(TEXT, False)
        )
    assert practice.check_fault()[-1].findtext("{*}Code") == "4105"


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _canonical(octets: bytes) -> bytes:
    return etree.tostring(etree.fromstring(octets), method="c14n")
