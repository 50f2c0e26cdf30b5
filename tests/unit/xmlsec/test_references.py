"""What may be digested for the signatures of one document."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tiaas.xmlsec.errors import BadXmlSignature, NotResolved
from tiaas.xmlsec.names import Transform
from tiaas.xmlsec.references import ID_ATTRIBUTES, Allowance, Document, index_ids
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
    return Document(ROOT, index_ids(ROOT, ()), allowance=Allowance(WHOLE, left))


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


MANY = [f"m{number}" for number in range(1025)]
"""One more than are taken out of a tree at once."""


def with_ids(*elements: dict[str, str]) -> etree._Element:
    root = etree.Element("a")
    for attributes in elements:
        etree.SubElement(root[-1] if len(root) else root, "b", attributes)
    return root


_ELEMENTS = st.lists(
    st.dictionaries(st.sampled_from([*ID_ATTRIBUTES, "{urn:other}Id", "iD"]), st.sampled_from(["", "x", "y", "z"])),
    max_size=6,
)


@given(_ELEMENTS, st.sampled_from(ID_ATTRIBUTES), st.booleans())
def test_among_many_ids_the_same_are_found(elements: list[dict[str, str]], attribute: str, are_in_front: bool) -> None:
    """Whichever attributes they are: one that several elements bear leads nowhere."""
    wanted = ["", "x", "y", "z", "nowhere"]
    few, more = with_ids(*elements), [{attribute: name} for name in MANY]
    many = with_ids(*more, *elements) if are_in_front else with_ids(*elements, *more)
    expected, found = index_ids(few, ()), index_ids(many, wanted)
    assert found.keys() == expected.keys() <= set(wanted)
    # The same elements, by what they bear.
    for name, element in expected.items():
        other = found[name]
        assert (element is None) == (other is None)
        assert element is None or other is None or element.attrib == other.attrib


def test_of_many_ids_only_those_wanted_are_kept() -> None:
    root = with_ids(*({"Id": name} for name in MANY), {"ID": "m7"})
    assert index_ids(root, ("m3", "m7", "nowhere")) == {"m3": root.find(".//*[@Id='m3']"), "m7": None}


def test_which_are_wanted_is_not_asked_for_a_few() -> None:
    wanted = iter(("y",))
    assert len(index_ids(with_ids(*({"Id": name} for name in MANY[1:]), {"ID": "x"}), wanted)) == len(MANY)
    assert next(wanted) == "y"
