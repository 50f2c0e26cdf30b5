"""What is certain to be quick, and what only might be dear."""

import pytest

from tiaas.konnektor.quickwork import QUICK_OCTETS, is_quick

REFERENCE = b'<Reference URI="#a"/>'


@pytest.mark.parametrize(
    "document",
    [
        b"text",
        b'<Bundle xmlns="http://hl7.org/fhir">' + b"<entry/>" * 500 + b"</Bundle>",
        b"%PDF-1.4 /Type /Metadata <x:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
        b"%PDF-1.4 /Filter /FlateDecode /Type /Page startxref",
        b"<a>" + b"<SignatureValue>AA==</SignatureValue>" * 2 + b"</a>",
    ],
    ids=["text", "a bundle", "a PDF with metadata", "a PDF with a packed page", "two signatures"],
)
def test_usual_documents_are_quick(document: bytes) -> None:
    assert is_quick(document)


@pytest.mark.parametrize(
    "document",
    [
        bytes(QUICK_OCTETS + 1),
        b"<a" + b"".join(b' xmlns:n%d="u"' % n for n in range(200)) + b">" + b"<b/>" * 1000 + REFERENCE * 20,
        b"<a " + b"".join(b'a%d="" ' % n for n in range(3000)) + b"/>",
        b"%PDF-1.5 /DecodeParms<</Predictor 15>>",
        b"%PDF-1.5 /DecodeParms<</Pre#64ictor 15>>",
        b"%PDF-1.5 /Type/#4fbjStm",
        b"%PDF-1.5 /Type/XRef",
        b"%PDF-1.4 /Filter/FlateDecode /Type/Metadata",
        b"<a>" + b"<SignatureValue/>" * 5 + b"</a>",
    ],
    ids=[
        "octets",
        "namespaces",
        "attributes",
        "a predictor",
        "a hidden one",
        "an object stream",
        "a packed cross-reference",
        "packed metadata",
        "signatures",
    ],
)
def test_what_might_be_dear_is_not(document: bytes) -> None:
    assert not is_quick(document)


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
    work = (namespaces**2 * tags + attributes**2) * max(references, 1)
    assert is_quick(document) == (work <= 8_000_000 and len(document) <= QUICK_OCTETS)
