"""What may be digested for the signatures of one document."""

from dataclasses import replace

import pytest
from lxml import etree

from tiaas.xmlsec.errors import BadXmlSignature, NotResolved
from tiaas.xmlsec.names import Transform
from tiaas.xmlsec.references import Allowance, Document, index_ids
from tiaas.xmlsec.syntax import Reference, Step

ROOT = etree.fromstring('<a><b Id="b"><s/></b><c Id="c" xmlns:r="relative"/></a>')
WHOLE = 1000
REFERENCE = Reference(
    uri="#b",
    type=None,
    identifier=None,
    steps=(),
    digest_method="http://www.w3.org/2001/04/xmlenc#sha256",
    digest_value=b"",
)


def document(left: int) -> Document:
    return Document(ROOT, index_ids(ROOT), allowance=Allowance(WHOLE, left))


@pytest.mark.parametrize(
    ("reference", "cost"),
    [
        (REFERENCE, len(b'<b Id="b"><s></s></b>')),
        # Copied as a whole, then a part of it made canonical.
        (replace(REFERENCE, steps=(Step(Transform.ENVELOPED),)), WHOLE),
        (replace(REFERENCE, uri="#c"), WHOLE),
        (replace(REFERENCE, uri="#nowhere"), 0),
        (replace(REFERENCE, digest_method="unknown"), len(b'<b Id="b"><s></s></b>')),
    ],
    ids=["a part", "enveloped", "no canonical form", "leads nowhere", "unknown digest method"],
)
def test_what_a_reference_costs(reference: Reference, cost: int) -> None:
    looked_at = document(2000)
    try:
        looked_at.fits(reference, ROOT[0][0])
    except BadXmlSignature:
        assert reference.digest_method == "unknown" or reference.uri != "#b"
    assert looked_at.allowance.left == 2000 - cost


def test_the_same_costs_once_and_nothing_is_looked_at_without_allowance() -> None:
    looked_at = document(1)
    for _ in range(3):
        assert not looked_at.fits(REFERENCE, ROOT[0][0])
    with pytest.raises(BadXmlSignature, match="too much"):
        looked_at.fits(replace(REFERENCE, steps=(Step(Transform.C14N_11),)), ROOT[0][0])
    with pytest.raises(BadXmlSignature) as caught:
        looked_at.fits(replace(REFERENCE, uri="#nowhere"), ROOT[0][0])
    assert not isinstance(caught.value, NotResolved)
