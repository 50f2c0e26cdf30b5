"""Signatures and encryption: what the client asks, and what it makes of answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from tests.unit.client import documentanswers as answers
from tests.unit.client.fake_konnektor import FakeKonnektor, make_identities, running
from tiaas.client import BadAnswer, DocumentToSign, Konnektor, connect, parse_kon
from tiaas.interfaces import signature_service_v7_4 as v7_4
from tiaas.interfaces.signature_service_v7_5 import Crypt, HighLevelResult, SignatureScheme

Both = tuple[FakeKonnektor, Konnektor]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both() -> AsyncIterator[Both]:
    identities = make_identities()
    async with running(identities) as fake, connect(parse_kon(identities.kon(fake.url), {})) as konnektor:
        fake.answers["GetJobNumber"] = answers.NUMBER
        yield fake, konnektor


@pytest.mark.asyncio(loop_scope="module")
async def test_signing_a_stack(both: Both) -> None:
    fake, konnektor = both
    fake.answers["SignDocument"] = answers.signed(
        answers.inside(0, b"<a/>"), answers.outside(1, b"%PDF", answers.PDF), answers.outside(2, b"cms")
    )
    found = await konnektor.sign_documents(
        "hba-1",
        [
            DocumentToSign(b"<a/>", is_xml=True, short_text="A"),
            DocumentToSign(b"%PDF", mime_type="application/pdf-a"),
            DocumentToSign(b"c", signature_type=answers.CMS, enveloping=True),
        ],
        crypt=Crypt.ECC,
    )
    assert [(item.index, item.content, item.is_document, item.signature_type) for item in found] == [
        (0, b"<a/>", True, None),
        (1, b"%PDF", True, answers.PDF),
        (2, b"cms", False, answers.CMS),
    ]
    assert [item.path for item in fake.received[-2:]] == ["/SignatureService/7.5.5"] * 2
    body = fake.received[-1].body
    for part in (b"ABC-123", b"ECC", b'ShortText="A"', b'MimeType="application/pdf-a"', b"IncludeEContent>true<"):
        assert part in body


@pytest.mark.asyncio(loop_scope="module")
async def test_a_signature_that_nobody_asked_for(both: Both) -> None:
    fake, konnektor = both
    fake.answers["SignDocument"] = answers.signed(answers.outside(7, b"cms"))
    with pytest.raises(BadAnswer, match="another request"):
        await konnektor.sign_documents("smcb-1", [DocumentToSign(b"a")])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_konnektor_that_has_7_4_only() -> None:
    identities = make_identities()
    async with running(identities) as fake:
        fake.sds = lambda fake: (200, fake.directory().replace(b"7.5.5", b"7.3.0"))
        fake.answers["GetJobNumber"] = v7_4.GetJobNumberResponse(job_number="ABC-123")
        async with connect(parse_kon(identities.kon(fake.url), {})) as konnektor:
            assert await konnektor.get_job_number() == "ABC-123"
    assert fake.received[-1].path == "/SignatureService/7.4.2"
    assert b"SignatureService/v7.4" in fake.received[-1].body
    assert b"SignatureService/v7.5" not in fake.received[-1].body


@pytest.mark.asyncio(loop_scope="module")
async def test_verifying(both: Both) -> None:
    fake, konnektor = both
    fake.answers["VerifyDocument"] = answers.verified(HighLevelResult.INVALID)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    found = await konnektor.verify_document(
        DocumentToSign(b"text", mime_type="text/plain"), b"cms", answers.CMS, certificate=b"DER", at=at
    )
    assert (found.result, found.timestamp) == (HighLevelResult.INVALID, datetime(2026, 11, 26, 8, tzinfo=UTC))
    assert found.report is not None
    body = fake.received[-1].body
    for part in (b"SpecificTime>2026-01-02T00:00:00", b"REVS", b"Y21z", b"ReturnVerificationReport", b"dGV4dA=="):
        assert part in body
    await konnektor.verify_document(None, b"cms", answers.CMS, at="now")
    assert b"CurrentTime" in fake.received[-1].body
    assert b"SpecificTime" not in fake.received[-1].body


@pytest.mark.asyncio(loop_scope="module")
async def test_verifying_an_xml_signature_beside_its_document(both: Both) -> None:
    fake, konnektor = both
    signature = b'\xef\xbb\xbf<?xml version="1.0"?>\n<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'
    await konnektor.verify_document(None, signature, "urn:ietf:rfc:3275")
    assert fake.received[-1].body.count(b"<?xml") <= 1
    assert b"xmldsig#" in fake.received[-1].body


@pytest.mark.asyncio(loop_scope="module")
async def test_authenticating(both: Both) -> None:
    fake, konnektor = both
    fake.answers["ExternalAuthenticate"] = answers.authenticated(b"value")
    assert (
        await konnektor.external_authenticate("smcb-1", bytes(32), "urn:ietf:rfc:3447", SignatureScheme.PSS) == b"value"
    )
    request = fake.received[-1]
    assert request.path == "/AuthSignatureService/7.4.1"
    assert request.headers["soapaction"].endswith('SignatureService/v7.4#ExternalAuthenticate"')
    for part in (b"RSASSA-PSS", b'MimeType="application/octet-stream"', b"SignatureService/v7.4"):
        assert part in request.body


@pytest.mark.asyncio(loop_scope="module")
async def test_encrypting_and_decrypting(both: Both) -> None:
    fake, konnektor = both
    fake.answers["EncryptDocument"] = answers.encrypted(b"cms")
    fake.answers["DecryptDocument"] = answers.decrypted(b"<a/>")
    sealed = await konnektor.encrypt_document(b"text", [b"DER"], card_handle="smcb-1", mime_type="text/plain")
    assert (sealed.content, sealed.is_xml) == (b"cms", False)
    for part in (b"REVS", b"smcb-1", b"dGV4dA=="):
        assert part in fake.received[-1].body
    opened = await konnektor.decrypt_document("smcb-1", b"cms")
    assert (opened.content, opened.is_xml) == (b"<a/>", True)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_large_document(both: Both) -> None:
    """More than an XML parser takes as one text."""
    fake, konnektor = both
    document = bytes(11 * 1024 * 1024)
    fake.answers["DecryptDocument"] = answers.decrypted(document)
    assert (await konnektor.decrypt_document("smcb-1", b"cms")).content == document
