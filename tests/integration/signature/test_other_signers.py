"""VerifyDocument over TLS and SOAP of what others sign than the lab's cards: bare values, certificates with a defect.

Their certificates are issued by the lab's CAs and known to its status service.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from tests.adesbench import Holder, Key, new_key
from tests.integration.signature.office import Office
from tiaas.ades import cades
from tiaas.ades.cades import CadesOptions
from tiaas.base.entropy import SeededEntropy
from tiaas.client import DocumentToSign, Konnektor, connect
from tiaas.client.signatures import Verification
from tiaas.interfaces.signature_service_v7_5 import HighLevelResult, TimestampType
from tiaas.lab.pki import AuthorityKind, LabPki
from tiaas.pki.issue import EndEntity, PrivateKey, Validity, issue_end_entity
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType
from tiaas.pki.profiles import PROFILES

pytestmark = pytest.mark.asyncio(loop_scope="session")
MESSAGE = "Grüße".encode()
CADES, PKCS1, ECDSA = "urn:ietf:rfc:5652", "urn:ietf:rfc:3447", "urn:bsi:tr:03111:ecdsa"
ISSUERS = {CertificateType.HCI_OSIG: AuthorityKind.SMCB, CertificateType.HP_QES: AuthorityKind.HBA_QES}


@pytest_asyncio.fixture(loop_scope="session")
async def konnektor(office: Office) -> AsyncIterator[Konnektor]:
    async with connect(office.run.served[0].kon) as konnektor:
        yield konnektor


def certified(pki: LabPki, key: PrivateKey, kind: CertificateType, validity: Validity | None = None) -> Holder:
    name = component_name("Signaturdienst TEST-ONLY", "NOT-VALID")
    certificate = pki.issue(kind, EndEntity(name, key.public_key()), validity=validity)
    return Holder(certificate, key, pki.authority(ISSUERS[kind]))


def forged(pki: LabPki, kind: CertificateType) -> Holder:
    """The certificate names one of the lab's CAs, and somebody else's key signed it."""
    key = new_key(Key.BRAINPOOL)
    holder = EndEntity(component_name("Fälscher TEST-ONLY", "NOT-VALID"), key.public_key(), ocsp_url=pki.ocsp_url)
    authority = replace(pki.authority(ISSUERS[kind]), key=new_key(Key.BRAINPOOL))
    begin = authority.certificate.not_valid_before_utc
    span = Validity(begin, begin + timedelta(days=365))
    return Holder(issue_end_entity(PROFILES[kind], holder, authority, span, SeededEntropy(b"forged")), key, authority)


def cms(by: Holder, moment: datetime) -> bytes:
    return by.finish(cades.prepare(MESSAGE, by.by, CadesOptions(moment, enveloping=True)))


def codes(found: Verification) -> list[int]:
    return [entry.code for entry in found.warning]


# ---- bare values -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_5034-06")
async def test_bare_values(office: Office, konnektor: Konnektor) -> None:
    """RFC 3447 with both paddings, told apart by the signature itself, and ECDSA; the certificate comes beside them."""
    pki = office.run.lab.pki
    rsa_key, ec_key = new_key(Key.RSA), new_key(Key.BRAINPOOL)
    assert isinstance(rsa_key, rsa.RSAPrivateKey)
    assert isinstance(ec_key, ec.EllipticCurvePrivateKey)
    with_rsa, with_ec = (certified(pki, key, CertificateType.HCI_OSIG) for key in (rsa_key, ec_key))
    document = DocumentToSign(MESSAGE, mime_type="text/plain; charset=utf-8")
    other = replace(document, content=MESSAGE + b".")
    for by, kind, value in (
        (with_rsa, PKCS1, rsa_key.sign(MESSAGE, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())),
        (with_rsa, PKCS1, rsa_key.sign(MESSAGE, padding.PKCS1v15(), SHA256())),
        (with_ec, ECDSA, ec_key.sign(MESSAGE, ec.ECDSA(SHA256()))),
    ):
        found = await konnektor.verify_document(document, value, kind, certificate=by.certificate)
        assert (found.result, codes(found)) == (HighLevelResult.VALID, [])
        assert found.timestamp_type is TimestampType.SYSTEM, "a value says nothing of its time"
        found = await konnektor.verify_document(other, value, kind, certificate=by.certificate)
        assert (found.result, codes(found)) == (HighLevelResult.INVALID, [4115])
        found = await konnektor.verify_document(document, value, kind)
        assert (found.result, codes(found)) == (HighLevelResult.INVALID, [4206])


# ---- certificates with a defect --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ISSUERS, ids=["nonQES", "QES"])
async def test_expired_when_it_signed(office: Office, konnektor: Konnektor, kind: CertificateType) -> None:
    now = office.context.clock.now()
    over = Validity(now - timedelta(days=2), now - timedelta(days=1))
    by = certified(office.run.lab.pki, new_key(Key.BRAINPOOL), kind, over)
    found = await konnektor.verify_document(None, cms(by, now), CADES)
    assert (found.result, codes(found)) == (HighLevelResult.INVALID, [1021])
    period = etree.fromstring(found.report or "").findtext(".//{*}ValidityPeriodOK/{*}ResultMajor")
    assert str(period).endswith(":invalid")


@pytest.mark.parametrize("kind", ISSUERS, ids=["nonQES", "QES"])
async def test_the_issuer_did_not_sign_the_certificate(
    office: Office, konnektor: Konnektor, kind: CertificateType
) -> None:
    by = forged(office.run.lab.pki, kind)
    found = await konnektor.verify_document(None, cms(by, office.context.clock.now()), CADES)
    assert (found.result, codes(found)) == (HighLevelResult.INVALID, [1024])
    assert found.report is not None
    assert "invalid:IncorrectSignature" in found.report
