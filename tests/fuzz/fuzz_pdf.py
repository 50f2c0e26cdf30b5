"""Fuzz target: PDF documents, as callers hand them in to be checked, signed and verified."""

from contextlib import suppress

from tests import pdfmaker
from tiaas.ades.pdfa import NotPdfa, pdfa_level_untrusted

_CLASSIC = pdfmaker.classic(pdfmaker.objects())
_STREAMED = pdfmaker.streamed(pdfmaker.objects(page=b"/Annots [] /Note (a\\(b\\)\\101) /Hex <0a b>"))

SEEDS: list[bytes] = [_CLASSIC, _STREAMED, pdfmaker.streamed(pdfmaker.objects(), predicted=False), _CLASSIC[:300]]


def target(data: bytes) -> None:
    """Only the errors that the readers name may escape."""
    with suppress(NotPdfa):
        pdfa_level_untrusted(data)
