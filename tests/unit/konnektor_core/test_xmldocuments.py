"""What is said of a document that is not well-formed or not valid: where and how it fails, nothing that is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.konnektor import xmldocuments
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.xmldocuments import DOCUMENT_LIMITS, check_signed_xml, check_xml, parse_document
from tiaas.soap.longtexts import LONG

SECRET = "X110411675"
SCHEMA = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x" xmlns="urn:x"
    elementFormDefault="qualified"><xs:element name="Brief"><xs:complexType><xs:sequence>
  <xs:element name="Nummer" maxOccurs="2"><xs:simpleType><xs:restriction base="xs:string">
    <xs:pattern value="[A-Z][0-9]"/></xs:restriction></xs:simpleType></xs:element>
  <xs:element name="Tag" type="xs:date"/></xs:sequence><xs:attribute name="Stand" type="xs:int"/>
</xs:complexType><xs:unique name="u"><xs:selector xpath="*"/><xs:field xpath="."/></xs:unique></xs:element>
</xs:schema>"""
SCHEMAS = {"urn:x": SCHEMA}


def refused(document: bytes, *, thin: bool = True) -> KonnektorError:
    with pytest.raises(KonnektorError) as raised:
        check_xml(parse_document(document, thin=thin), SCHEMAS)
    return raised.value


@pytest.mark.code(4022)
@pytest.mark.parametrize(
    ("document", "detail"),
    [
        (f"<a>\n <b>{SECRET}</{SECRET}></a>", "line 2, column 28: tag name mismatch"),
        (f"<a>\n<b {SECRET}='1' {SECRET}='2'/></a>", "line 2, column 33: attribute redefined"),
        (f"<a>\n\n&{SECRET};</a>", "line 3, column 13: undeclared entity"),
        (f"<{SECRET}:a/>", "line 1, column 14: undefined namespace"),
        (f"<a xmlns='{SECRET} {{}}'/>", "line 1, column 25: ns uri"),
        ("", "line 1, column 1: document empty"),
    ],
)
def test_where_a_document_is_not_well_formed(document: str, detail: str) -> None:
    error = refused(document.encode())
    assert (error.code, error.detail) == (4022, detail)


@pytest.mark.code(4022)
def test_lines_are_those_of_the_document_with_its_long_texts() -> None:
    text = b"long text\n" * LONG
    for thin in (True, False):
        error = refused(b"<a>\n<b>" + text + b"</b>\n<c></d></a>", thin=thin)
        assert error.detail == f"line {LONG + 3}, column 8: tag name mismatch"


@pytest.mark.code(4023)
@pytest.mark.parametrize(
    ("inner", "detail"),
    [
        (f"\n<Nummer>{SECRET}</Nummer>", "line 2, element Nummer: cvc-pattern-valid"),
        (f"<Nummer>A1</Nummer>\n\n<Tag>{SECRET}</Tag>", "line 3, element Tag: cvc-datatype-valid-1-2-1"),
        (f"\n<{SECRET}/>", "line 2, an element that is not declared: element-content"),
        (f'\n<{SECRET} xmlns="a\'b"/>', "line 2, an element that is not declared: element-content"),
        (f"<Nummer {SECRET}=''>A1</Nummer>", "line 1, element Nummer: cvc-type-3-1-1"),
        ("<Nummer>A1</Nummer>\n<Nummer>A1</Nummer><Tag>2026-01-31</Tag>", "line 2, element Nummer: cvc-idc"),
        ("", "line 1, element Brief: element-content"),
    ],
)
def test_where_a_document_is_not_valid(inner: str, detail: str) -> None:
    document = f'<Brief xmlns="urn:x">{inner}</Brief>'.encode()
    error = refused(document, thin=False)
    assert (error.code, error.detail) == (4023, detail)
    with pytest.raises(KonnektorError) as raised:
        check_signed_xml(document, SCHEMAS)
    assert (raised.value.code, raised.value.detail) == (4023, detail)


@pytest.mark.code(4280)
def test_as_many_elements_are_validated_as_may_be_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures, which may have more of them, do not count."""
    signature = b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><b/></Signature>'
    document = b'<Brief xmlns="urn:x">' + b"<Nummer/>" * (DOCUMENT_LIMITS.nodes - 1) + signature + b"</Brief>"
    monkeypatch.setattr(xmldocuments, "_validate", lambda root, schemas: None)
    check_signed_xml(document, SCHEMAS)
    monkeypatch.setattr(xmldocuments, "_validate", lambda root, schemas: pytest.fail("the library was asked"))
    with pytest.raises(KonnektorError) as raised:
        check_signed_xml(document.replace(b"</Brief>", b"<Nummer/></Brief>"), SCHEMAS)
    assert raised.value.code == 4280


PIECES = st.sampled_from(
    [
        SECRET,
        f"<{SECRET}>",
        f"</{SECRET}>",
        f"<Nummer>{SECRET}</Nummer>",
        f"<Tag {SECRET}='{SECRET}'>{SECRET}</Tag>",
        f"<Nummer xmlns:{SECRET}='{SECRET}'>A1</Nummer>",
        f"<{SECRET}:b/>",
        f"<?{SECRET} {SECRET}?>",
        f"<!--{SECRET}-->",
        f"&{SECRET};",
        f"<![CDATA[{SECRET}]]>",
        "<Nummer>",
        "</Nummer>",
        "\n",
        "<",
        "'",
    ]
)


@given(st.sampled_from(["", f" Stand='{SECRET}'", f" {SECRET}='1'"]), st.lists(PIECES, max_size=6))
def test_nothing_of_the_document_is_told(attribute: str, pieces: list[str]) -> None:
    error = refused(f'<Brief xmlns="urn:x"{attribute}>{"".join(pieces)}</Brief>'.encode(), thin=False)
    assert error.code in (4022, 4023)
    assert error.detail.startswith("line ")
    assert SECRET not in error.detail + str(error)


@pytest.mark.code(4023)
def test_a_name_that_schemas_do_not_declare_may_be_long() -> None:
    error = refused(b'<Brief xmlns="urn:x"><' + b"n" * 10_000 + b"/></Brief>", thin=False)
    assert error.detail == "line 1, an element that is not declared: element-content"
