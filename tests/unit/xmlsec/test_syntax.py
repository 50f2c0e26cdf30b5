"""What may stand in a ds:Signature, and how much of it."""

import pytest
from lxml import etree

from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import DS, Transform
from tiaas.xmlsec.properties import ocsp_values, qualifying_properties
from tiaas.xmlsec.syntax import binary, read_signature, referred_ids

LONGEST = 128 * 1024
"""Of base64; 64 KiB, as much as a certificate or an OCSP response may have, are 88 KiB in lines."""


def signature(
    *uris: str, prefixes: str = "", value: str = "AAAA", certificate: str = "AAAA", more: str = ""
) -> etree._Element:
    steps = (
        f'<Transforms><Transform Algorithm="{Transform.EXCLUSIVE_C14N}">'
        f'<InclusiveNamespaces xmlns="{Transform.EXCLUSIVE_C14N}" PrefixList="{prefixes}"/></Transform></Transforms>'
    )
    references = "".join(
        f'<Reference URI="{uri}">{steps}<DigestMethod Algorithm="x"/><DigestValue>AAAA</DigestValue></Reference>'
        for uri in uris
    )
    return etree.fromstring(
        f'<Signature xmlns="{DS}"><SignedInfo><CanonicalizationMethod Algorithm="{Transform.C14N_11}"/>'
        f'<SignatureMethod Algorithm="x"/>{references}</SignedInfo><SignatureValue>{value}</SignatureValue>'
        f"<KeyInfo><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>{more}</Signature>",
        etree.XMLParser(huge_tree=True),
    )


def test_what_is_long_is_read() -> None:
    syntax = read_signature(
        signature("", prefixes="a " * 4096, value="A\n" * (LONGEST // 2), certificate="A" * LONGEST)
    )
    assert syntax.references[0].steps[0].prefixes == ("a",) * 4096
    assert len(syntax.value) == LONGEST // 8 * 3
    assert len(syntax.certificates[0]) == LONGEST // 4 * 3


@pytest.mark.parametrize(
    "too_long",
    [
        signature("", prefixes="a" * 8193),
        signature("", value="A" * (LONGEST + 4)),
        signature("", value=" " * (LONGEST + 1)),
        signature("", certificate="AAAA\n" * (LONGEST // 5 + 1)),
    ],
    ids=["prefixes", "value", "blanks", "certificate"],
)
def test_what_nobody_writes_as_long_is_not(too_long: etree._Element) -> None:
    """It would be taken apart in one piece, at many times its size."""
    with pytest.raises(BadXmlSignature, match="too long"):
        read_signature(too_long)


def test_base64_in_lines() -> None:
    element = etree.fromstring(f"<a>\n{'QUJD' * 19}\r\n\t QUI=</a>")
    assert binary(element) == b"ABC" * 19 + b"AB"


@pytest.mark.parametrize(
    "many",
    [
        signature(*[""] * 65),
        signature("", more="<SignatureValue>AAAA</SignatureValue>"),
        signature(
            "", more="<KeyInfo><X509Data>" + "<X509Certificate>AAAA</X509Certificate>" * 8 + "</X509Data></KeyInfo>"
        ),
    ],
    ids=["references", "values", "certificates"],
)
def test_too_many(many: etree._Element) -> None:
    with pytest.raises(BadXmlSignature):
        read_signature(many)


def test_the_ids_that_are_referred_to() -> None:
    found = signature("#a", "", "#b", "x", "#", *[f"#c{number}" for number in range(60)])
    assert list(referred_ids(found)) == ["a", "b", "", *(f"c{number}" for number in range(59))]


_XADES = "http://uri.etsi.org/01903/v1.3.2#"


def test_of_unsigned_responses_the_first_are_read() -> None:
    response = f'<EncapsulatedOCSPValue xmlns="{_XADES}">%s</EncapsulatedOCSPValue>'
    values = "".join(response % text for text in ("AAAA", "A", *["BBBB"] * 70))
    around = [f'<{name} xmlns="{_XADES}">' for name in _AROUND]
    ends = [f"</{name}>" for name in reversed(_AROUND)]
    found = signature("", more=f"<Object>{''.join(around)}{values}{''.join(ends)}</Object>")
    assert ocsp_values(found) == (bytes(3), *[b"\x04\x10\x41"] * 62)


_AROUND = (
    "QualifyingProperties",
    "UnsignedProperties",
    "UnsignedSignatureProperties",
    "RevocationValues",
    "OCSPValues",
)


def test_properties_that_stand_twice_are_nobodys() -> None:
    one = f'<QualifyingProperties xmlns="{_XADES}" Target="#s"/>'
    assert qualifying_properties(signature("")) is None
    single = signature("", more=f"<Object>{one}</Object>")
    single.set("Id", "s")
    assert qualifying_properties(single) is not None
    for twice in (f"<Object>{one}{one}</Object>", f"<Object>{one}</Object>" * 2):
        found = signature("", more=twice)
        found.set("Id", "s")
        with pytest.raises(BadXmlSignature):
            qualifying_properties(found)
