"""Whatever octet of a signature or document is changed: it is never VALID for anything else than what was signed."""

import random
import re

import pytest
from lxml import etree

from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.verification.signatures import signer, trusts
from tests.unit.verification.test_verifying import verified
from tiaas.ades.found import SignatureFormat
from tiaas.cms.errors import BadCms
from tiaas.cms.signed import decode_signed_data_untrusted
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.verification.reading import Material

SEEDS = 60


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """One bit of one octet changed."""
    at = chance.randrange(len(octets))
    return octets[:at] + bytes([octets[at] ^ (1 << chance.randrange(8))]) + octets[at + 1 :]


def shown(material: Material) -> object:
    """What a caller takes for signed: the content of a CMS; PDF and XML without the signature itself."""
    if material.format is SignatureFormat.CADES:
        assert material.signature is not None
        try:
            return decode_signed_data_untrusted(material.signature).content()
        except BadCms:
            return None
    if material.format is SignatureFormat.PADES:
        return re.sub(rb"/Contents <[0-9A-Fa-f]*>", b"", material.document or b"")
    if material.format is SignatureFormat.XADES:
        return _text(material)
    return material.document


@pytest.mark.parametrize("name", ["CMS enveloping", "CMS detached", "PDF", "XML enveloped", "bare"])
async def test_no_mutation_is_valid(bench: Bench, name: str) -> None:
    by = signer()
    trusts(bench, by)
    good = by.materials()[name]
    assert (await verified(bench, good)).result is Result.VALID
    whole = shown(good)
    chance = random.Random(name)
    for _ in range(SEEDS):
        document, signature = good.document, good.signature
        if signature is not None and (document is None or chance.random() < 0.5):
            signature = mutated(signature, chance)
        else:
            assert document is not None
            document = mutated(document, chance)
        changed = Material(good.format, document, signature, good.certificates)
        try:
            found = await verified(bench, changed)
        except KonnektorError:
            continue
        if found.result is Result.VALID:
            # What is not signed may change: unsigned parts of a CMS, how XML is written. What is shown may not.
            assert [one.found.certificate for one in found.judgements] == [by.holder.certificate]
            assert shown(changed) == whole


def _text(material: Material) -> bytes:
    assert material.document is not None
    root = etree.fromstring(material.document)
    for signature in root.findall("{http://www.w3.org/2000/09/xmldsig#}Signature"):
        root.remove(signature)
    return etree.tostring(root, method="c14n")
