"""What is certain to be quick, and what only might be dear."""

import pytest

from tests.unit.verification.signatures import signer
from tiaas.konnektor.quickwork import QUICK_OCTETS, holds_quick_cms, is_quick, is_quick_cms
from tiaas.tlv import encode

REFERENCE = b'<Reference URI="#a"/>'


@pytest.mark.parametrize(
    "document",
    [
        b"text",
        b'<Bundle xmlns="http://hl7.org/fhir">' + b"<entry/>" * 500 + b"</Bundle>",
        b"%PDF-1.4 /Type /Metadata <x:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
        b"%PDF-1.4 /Filter /FlateDecode /Type /Page startxref",
        b"<a>" + b"<SignatureValue>AA==</SignatureValue>" * 2 + b"</a>",
        b"<a>" + b'<b value="x"/>' * 1500 + b"</a>",
        b"<a>" + b"x" * (QUICK_OCTETS - 1000) + b"<Reference></Reference>" * 4 + b"</a>",
        b"<a>" + b"x" * 1000 + b"<Reference></Reference>" * 40 + b"</a>",
    ],
    ids=[
        "text",
        "a bundle",
        "a PDF with metadata",
        "a PDF with a packed page",
        "two signatures",
        "many elements with an attribute each",
        "two references of each",
        "many to little",
    ],
)
def test_usual_documents_are_quick(document: bytes) -> None:
    assert is_quick(document)


@pytest.mark.parametrize(
    "document",
    [
        bytes(QUICK_OCTETS + 1),
        b"<a" + b"".join(b' xmlns:n%d="u"' % n for n in range(200)) + b">" + b"<b/>" * 1000 + REFERENCE * 20,
        b"<a " + b"".join(b'a%d="" ' % n for n in range(3000)) + b"/>",
        b"<a " + b"".join(b'a%d="" ' % n for n in range(800)) + b"/>",
        b"<a>" + (b"<a " + b"".join(b'a%d="" ' % n for n in range(51)) + b"/>") * 16 + b"</a>",
        b"<a><!--%PDF-->" + b"<SignatureValue/>" * 5 + b"</a>",
        b"%PDF-1.5 /DecodeParms<</Predictor 15>>",
        b"%PDF-1.5 /DecodeParms<</Pre#64ictor 15>>",
        b"%PDF-1.5 /Type/#4fbjStm",
        b"%PDF-1.5 /Type/XRef",
        b"%PDF-1.4 /Filter/FlateDecode /Type/Metadata",
        b"<a>" + b"<SignatureValue/>" * 5 + b"</a>",
        b"<a>" + b"<b/>" * 7000 + b"<Reference></Reference>" * 5 + b"</a>",
        b"".join(b'<b Id="b%d">' % n for n in range(60)) + b"<b/>" * 3000 + REFERENCE * 60 + b"</b>" * 60,
    ],
    ids=[
        "octets",
        "namespaces",
        "attributes",
        "fewer attributes",
        "some attributes of some elements",
        "XML that names PDF",
        "a predictor",
        "a hidden one",
        "an object stream",
        "a packed cross-reference",
        "packed metadata",
        "signatures",
        "references to all of it",
        "references to parts in parts",
    ],
)
def test_what_might_be_dear_is_not(document: bytes) -> None:
    assert not is_quick(document)


def cms(content: bytes, *more: bytes) -> bytes:
    """As much of SignedData as is looked at."""
    enclosed = encode(0x30, b"\x06\x01*", encode(0xA0, content))
    data = encode(0x30, b"\x02\x01\x01", b"\x31\x00", enclosed, *more)
    return encode(0x30, b"\x06\x01*", encode(0xA0, data))


@pytest.mark.parametrize("size", [100, 8_000, 20_000, QUICK_OCTETS - 2_000])
def test_usual_signatures_are_quick(size: int) -> None:
    assert is_quick_cms(signer().cades(bytes(size)))
    assert is_quick_cms(cms(encode(0x04, bytes(size))))


MANY = b"\x05\x00" * 5_000


@pytest.mark.parametrize(
    "signature",
    [
        signer().cades(bytes(QUICK_OCTETS)),
        cms(encode(0x24, b"\x04\x00" * 5_000)),
        cms(encode(0x04, b"a"), encode(0x30, MANY)),
        cms(encode(0x04, b"a"), MANY),
        cms(b"\x04\x80", MANY),
        cms(b"\x04\x82\xff\xff", MANY),
        MANY,
        bytes(10_000),
    ],
    ids=["octets", "segments", "elements", "elements of its own", "no end", "an end elsewhere", "no CMS", "zeros"],
)
def test_signatures_with_many_elements_are_not(signature: bytes) -> None:
    assert not is_quick_cms(signature)


def test_where_a_signature_is_in_the_document_all_of_it_counts() -> None:
    assert holds_quick_cms(signer().pades())
    assert holds_quick_cms(signer().smime())
    assert not holds_quick_cms(b"%PDF-1.4 " + MANY)
    assert not holds_quick_cms(b"%PDF-1.5 /Type/XRef")


def test_together_they_count() -> None:
    half = bytes(QUICK_OCTETS // 2)
    assert is_quick(half, half)
    assert not is_quick(half, half, b"x")


@pytest.mark.parametrize("namespaces", [0, 1, 3, 10, 40, 120])
@pytest.mark.parametrize("elements", [1, 30, 300, 2000])
@pytest.mark.parametrize("references", [0, 1, 5, 60])
def test_what_is_not_counted_to_the_end_is_quick_all_the_same(namespaces: int, elements: int, references: int) -> None:
    """The bound by the length alone judges as all counts together do."""
    declared = b"".join(b' xmlns:n%d="u"' % n for n in range(namespaces))
    document = b"<a" + declared + b">" + b"<b/>" * elements + REFERENCE * references + b"</a>"
    tags, attributes = document.count(b"<"), document.count(b"=")
    most = min(attributes, 50) if namespaces <= 50 else attributes
    work = (namespaces**2 * tags + most * attributes) * max(references, 1)
    size = len(document)
    assert is_quick(document) == (work <= 500_000 and size <= QUICK_OCTETS and references * size <= 8 * QUICK_OCTETS)
