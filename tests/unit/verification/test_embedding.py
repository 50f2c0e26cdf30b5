"""IncludeRevocationInfo: the responder's answer goes into the signature, and decides when there is no responder."""

import pytest
from lxml import etree

from tests.adesbench import SHARED
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.verification.signatures import OSIG, QES, SIGNED, signer, trusts
from tests.unit.verification.test_verifying import verified
from tiaas.ades.found import SignatureFormat
from tiaas.ades.xadesvariants import Update
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.verification.embedding import embedded
from tiaas.konnektor.verification.reading import Material
from tiaas.konnektor.verification.verifying import Rules

EMBED = Rules(wants_current=True)
API = SHARED / "gematik-api"


def with_octets(material: Material, octets: bytes) -> Material:
    if material.signature is None:
        return Material(material.format, octets)
    return Material(material.format, material.document, octets)


@pytest.mark.requirement("TIP1-A_5034-06")
@pytest.mark.parametrize("name", ["CMS enveloping", "CMS detached", "XML enveloped", "XML enveloping"])
async def test_what_was_embedded_decides_without_a_responder(bench: Bench, name: str) -> None:
    by = signer()
    trusts(bench, by)
    material = by.materials()[name]
    first = await verified(bench, material, EMBED)
    updated = with_octets(material, embedded(material, first))
    assert updated != material
    bench.trust.forget_answers()
    await bench.forwarder.stop()
    again = await verified(bench, updated)
    assert again.result is Result.VALID
    status = first.judgements[0].check.verdict.status  # type: ignore[union-attr]
    assert status is not None
    assert again.judgements[0].found.ocsp == (status.response,)


async def test_what_is_there_stays_and_is_not_doubled(bench: Bench) -> None:
    by = signer(QES)
    trusts(bench, by)
    material = Material(SignatureFormat.CADES, None, by.cades())
    first = embedded(material, await verified(bench, material, EMBED))
    again = Material(SignatureFormat.CADES, None, first)
    assert embedded(again, await verified(bench, again, EMBED)) == first, "the same answer, from the cache"
    bench.trust.forget_answers()
    bench.clock.advance(60)
    both = Material(SignatureFormat.CADES, None, embedded(again, await verified(bench, again, EMBED)))
    found = await verified(bench, both)
    assert len(found.judgements[0].found.ocsp) == 2
    assert found.result is Result.VALID


async def test_a_countersigned_signature_gets_none(bench: Bench) -> None:
    by, other = signer(), signer(OSIG, name="Kollege")
    trusts(bench, by)
    material = Material(SignatureFormat.XADES, other.xades(by.xades(), update=Update.COUNTER, time=SIGNED))
    bench.forwarder.subject = other.holder.certificate
    updated = with_octets(material, embedded(material, await verified(bench, material, EMBED)))
    ocsp = [len(one.found.ocsp) for one in (await verified(bench, updated)).judgements]
    assert ocsp == [0, 1]


@pytest.mark.skipif(not API.is_dir(), reason=f"gematik's interface definitions are not at {API}")
async def test_xml_stays_valid_by_the_schema_of_xades(bench: Bench) -> None:
    schema = etree.XMLSchema(etree.parse(API / "ext" / "XAdES.xsd"))
    by = signer()
    trusts(bench, by)
    material = Material(SignatureFormat.XADES, by.xades())
    octets = embedded(material, await verified(bench, material, EMBED))
    properties = next(etree.fromstring(octets).iter("{*}QualifyingProperties"))
    schema.assertValid(etree.ElementTree(etree.fromstring(etree.tostring(properties))))


async def test_nothing_to_embed_changes_nothing(bench: Bench) -> None:
    by = signer()
    trusts(bench, by)
    await bench.forwarder.stop()
    material = by.materials()["XML enveloped"]
    assert embedded(material, await verified(bench, material, EMBED)) == material.document
