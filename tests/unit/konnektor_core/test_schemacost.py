"""Schemas that would keep libxml2 busy for minutes or years are refused at once; those in use are not."""

import pytest
from lxml import etree

from tiaas.konnektor import xmldocuments
from tiaas.konnektor.documents import DocumentFormat, check_document
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.xmldocuments import check_signed_xml, check_xml, parse_document

DOCUMENT = b'<a xmlns="urn:x"><b/></a>'


def schema(model: str, more: str = "") -> bytes:
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:x" targetNamespace="urn:x"'
        f' elementFormDefault="qualified">{more}<xs:element name="a"><xs:complexType>{model}</xs:complexType>'
        "</xs:element></xs:schema>"
    ).encode()


def optional(count: int) -> str:
    elements = "".join(f'<xs:element name="b{number or ""}" minOccurs="0"/>' for number in range(count))
    return f"<xs:sequence>{elements}</xs:sequence>"


def doubled(depth: int) -> str:
    lines = ['<xs:group name="g0"><xs:sequence><xs:element name="b" minOccurs="0"/></xs:sequence></xs:group>']
    for number in range(1, depth):
        one = f'<xs:group ref="g{number - 1}"/>'
        lines.append(f'<xs:group name="g{number}"><xs:sequence>{one}{one}</xs:sequence></xs:group>')
    return "".join(lines)


SUBSTITUTES = '<xs:element name="h"/>' + "".join(
    f'<xs:element name="s{number}" substitutionGroup="h"/>' for number in range(100)
)
PATTERN = (
    '<xs:simpleType name="p"><xs:restriction base="xs:string"><xs:pattern value="{}"/></xs:restriction></xs:simpleType>'
)


@pytest.mark.parametrize(
    "given",
    [
        schema(optional(2000)),
        schema('<xs:group ref="g39"/>', doubled(40)),
        schema('<xs:group ref="g"/>', '<xs:group name="g"><xs:sequence><xs:group ref="g"/></xs:sequence></xs:group>'),
        schema("<xs:sequence>" + '<xs:element ref="h" minOccurs="0"/>' * 20 + "</xs:sequence>", SUBSTITUTES),
        schema(optional(1), PATTERN.format("a?" * 2000)),
    ],
    ids=["wide", "doubled", "circle", "substitutes", "pattern"],
)
def test_4026_too_costly(given: bytes) -> None:
    with pytest.raises(KonnektorError) as caught:
        check_document(DOCUMENT, DocumentFormat.XML, {"urn:x": given}, None)
    assert caught.value.code == 4026


def test_usual_schemas_are_not() -> None:
    extended = "".join(f'<xs:complexType name="t{number}">{optional(20)}</xs:complexType>' for number in range(200))
    # A type with the name of that in another namespace which it extends, as SignatureService.xsd has them.
    foreign = '<xs:import namespace="urn:y"/><xs:complexType name="t"><xs:complexContent><xs:extension base="y:t" '
    foreign += 'xmlns:y="urn:y"/></xs:complexContent></xs:complexType>'
    other = schema("", '<xs:complexType name="t"/>').replace(b"urn:x", b"urn:y")
    both = {"urn:x": schema(optional(1), foreign), "urn:y": other}
    assert check_document(DOCUMENT, DocumentFormat.XML, both, None).warnings == ()
    for given in (schema(optional(100), extended), schema(optional(1), PATTERN.format("[0-9]{3}-[A-Z]?" * 10))):
        assert check_document(DOCUMENT, DocumentFormat.XML, {"urn:x": given}, None).warnings == ()


def constraint(kind: str, name: str, selector: str = "x:b", field: str = "@c", refer: str = "") -> str:
    return (
        f'<xs:{kind} name="{name}"{refer and f" refer={chr(34)}{refer}{chr(34)}"} xmlns:x="urn:x">'
        f'<xs:selector xpath="{selector}"/><xs:field xpath="{field}"/></xs:{kind}>'
    )


def keyed(outer: str, inner: str = "") -> bytes:
    """A schema for `a` with any number of `b`, nested in each other; with constraints at both."""
    any_b = '<xs:complexType><xs:sequence><xs:element ref="b" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>'
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:x" targetNamespace="urn:x">'
        f'<xs:element name="a">{any_b}</xs:complexType>{outer}</xs:element>'
        f'<xs:element name="b">{any_b}<xs:attribute name="c"/></xs:complexType>{inner}</xs:element></xs:schema>'
    ).encode()


def flat(count: int, depth: int = 0) -> bytes:
    """`a` with `b` in it, in so many others."""
    inner = "".join(f'<b c="{number}"/>' for number in range(count))
    return f'<a xmlns="urn:x">{"<b>" * depth}{inner}{"</b>" * depth}</a>'.encode()


def uniques(count: int, selector: str = "x:b", field: str = "@c") -> str:
    return "".join(constraint("unique", f"u{number}", selector, field) for number in range(count))


KEY, REFERENCE = constraint("key", "k"), constraint("keyref", "r", refer="k")
DEEP_KEY = constraint("key", "k", ".//x:b")


@pytest.mark.parametrize(
    ("document", "given"),
    [
        (flat(29_000), keyed(uniques(40))),
        (flat(29_000), keyed(uniques(1, "|".join(["x:b"] * 200)))),
        (flat(1_000, 25), keyed("", uniques(100))),
        (flat(1_000, 25), keyed(uniques(1, ".//x:b", "|".join([".//x:b"] * 100)))),
        (DOCUMENT, keyed(uniques(1, field="@*"))),
        (DOCUMENT, keyed(uniques(1, field="x:b | attribute:: x : *"))),
        (flat(29_000), keyed(REFERENCE, KEY)),
        (flat(5_000, 20), keyed(REFERENCE, DEEP_KEY)),
    ],
    ids=[
        "many",
        "long selector",
        "scopes in scopes",
        "fields",
        "any attribute",
        "any of x",
        "gathered keys",
        "gathered in each scope",
    ],
)
def test_4026_identity_constraints_that_look_at_too_much(
    document: bytes, given: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(etree, "XMLSchema", lambda tree: pytest.fail("the library was asked"))
    with pytest.raises(KonnektorError) as unsigned:
        check_document(document, DocumentFormat.XML, {"urn:x": given}, None)
    with pytest.raises(KonnektorError) as signed:
        check_signed_xml(document, {"urn:x": given})
    assert unsigned.value.code == signed.value.code == 4026


def test_usual_identity_constraints_are_looked_at() -> None:
    for document, given in (
        (flat(29_000), keyed(KEY + REFERENCE)),
        (flat(500), keyed(uniques(200))),
        (flat(5_000, 1), keyed(constraint("keyref", "r", "x:b/x:b", refer="k"), KEY)),
        (flat(1_000, 25), keyed(uniques(10), constraint("unique", "inner"))),
    ):
        assert check_document(document, DocumentFormat.XML, {"urn:x": given}, None).warnings == ()
    twice = flat(2).replace(b'c="1"', b'c="0"')
    with pytest.raises(KonnektorError) as caught:
        check_document(twice, DocumentFormat.XML, {"urn:x": keyed(KEY)}, None)
    assert caught.value.code == 4023


def test_4026_a_pattern_that_goes_round_in_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    """What libxml2 says after some seconds of `(a|aa)+b` against many a."""

    class Lost:
        def validate(self, root: object) -> bool:
            raise etree.XMLSchemaValidateError("Internal error in XML Schema validation.")

    monkeypatch.setattr(xmldocuments, "_schema", lambda schemas, root: Lost())
    with pytest.raises(KonnektorError) as unsigned:
        check_xml(parse_document(DOCUMENT), {"urn:x": b""})
    with pytest.raises(KonnektorError) as signed:
        check_signed_xml(DOCUMENT, {"urn:x": b""})
    assert unsigned.value.code == signed.value.code == 4026
