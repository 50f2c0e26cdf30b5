"""A ds:Signature out of a SOAP message is what it was outside of it."""

import pytest
from lxml import etree

from tests.unit.verification.signatures import XML, signer
from tiaas.ades.found import Integrity
from tiaas.ades.xadesfragment import standalone
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.soap.markup import written

SURROUNDED = (
    b'<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:default" xmlns:SIG="urn:sig">'
    b"<S:Body><SIG:SignatureObject>%b</SIG:SignatureObject></S:Body></S:Envelope>"
)


def test_declarations_of_the_surroundings_go() -> None:
    signature = signer().xades(XML, enveloping=True)
    body = signature.partition(b"?>")[2] or signature
    element = next(etree.fromstring(SURROUNDED % body).iter("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    text = written(element)
    assert "soap" in text, "this is what a message gives"
    assert read_xades_untrusted(None, text.encode())[0].integrity is not Integrity.INTACT
    alone = standalone(etree.fromstring(text), text)
    assert read_xades_untrusted(None, alone.encode())[0].integrity is Integrity.INTACT


def test_what_is_used_stays() -> None:
    text = '<a xmlns:p="urn:p" xmlns:q="urn:q" xmlns:r="urn:r" xmlns="urn:d" b="q:x"><p:c/></a>'
    kept = '<a xmlns:p="urn:p" xmlns:q="urn:q" xmlns="urn:d" b="q:x"><p:c/></a>'
    assert standalone(etree.fromstring(text), text) == kept


def test_the_end_of_another_prefix_is_no_use_of_one() -> None:
    text = '<a xmlns:p="urn:p" xmlns:xp="urn:xp" xmlns:q="urn:q"><xp:c d="(q:x)"/></a>'
    kept = '<a xmlns:xp="urn:xp" xmlns:q="urn:q"><xp:c d="(q:x)"/></a>'
    assert standalone(etree.fromstring(text), text) == kept


@pytest.mark.parametrize(
    "written",
    ["<a>%s</a>" % ("x" * 5_000_000), '<a b="%s"/>' % (" " * 5_000_000), "<a>%s</a>" % ("x:" * 2_500_000)],
    ids=["a long word", "long blanks", "many prefixes"],
)
def test_long_runs_take_no_longer_than_other_text(written: str) -> None:
    """With the square of its length each of them would take hours."""
    assert standalone(etree.Element("a"), written) == written
