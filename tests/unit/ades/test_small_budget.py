"""PDF documents in the event loop: usual ones are within a small budget, what is not is left to others unjudged."""

from contextlib import suppress

import pytest

from tests.pdfmaker import classic, fields_in_a_comment, objects
from tests.unit.verification.signatures import signer
from tiaas.ades.found import BadSignatureFile
from tiaas.ades.padesread import pades_claims_untrusted
from tiaas.ades.pdfa import pdfa_level_untrusted
from tiaas.ades.pdffile import PdfFile
from tiaas.ades.pdfvalues import SmallBudget, TakesLong

ITSELF = classic(objects(catalog=b"/AcroForm << /Fields [7 0 R] >>") | {7: b"<< /T (a) /Kids [7 0 R] >>"})
SIGNED = b"<< /FT /Sig /V << /SubFilter /ETSI.CAdES.detached >> >>"


def test_usual_documents_are_within_it() -> None:
    document = signer().pades()
    (claim,), (alike,) = pades_claims_untrusted(document, SmallBudget), pades_claims_untrusted(document)
    assert claim.found == alike.found
    pdfa_level_untrusted(PdfFile(classic(objects()), SmallBudget()))


@pytest.mark.parametrize(
    "document",
    [
        fields_in_a_comment(30, b"<</A(" + b"\\a" * 100 + b")>>"),
        fields_in_a_comment(5, SIGNED),
        ITSELF,
    ],
    ids=["values", "signatures", "its own kid"],
)
def test_dear_documents_are_not(document: bytes) -> None:
    with pytest.raises(TakesLong):
        pades_claims_untrusted(document, SmallBudget)
    with suppress(BadSignatureFile):
        pades_claims_untrusted(document)


def test_a_tree_of_pages_without_end() -> None:
    document = PdfFile(classic(objects() | {2: b"<< /Kids [2 0 R] >>"}), SmallBudget())
    with pytest.raises(TakesLong):
        document.first_page()
