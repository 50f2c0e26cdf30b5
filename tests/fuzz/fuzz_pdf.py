"""Fuzz target: PDF documents, as callers hand them in to be checked, signed and verified."""

from contextlib import suppress

from tests import adesbench, pdfmaker
from tests.adesbench import Key
from tiaas.ades.found import BadSignatureFile
from tiaas.ades.pades import PadesOptions, prepare
from tiaas.ades.padesread import pades_claims_untrusted, read_pades_untrusted
from tiaas.ades.pdfa import NotPdfa, pdfa_level_untrusted
from tiaas.ades.signing import CannotSign

_HOLDER = adesbench.holder(Key.BRAINPOOL)
_OPTIONS = PadesOptions(adesbench.NOW, "Arztbrief")
_CLASSIC = pdfmaker.classic(pdfmaker.objects())
_STREAMED = pdfmaker.streamed(pdfmaker.objects(page=b"/Annots [] /Note (a\\(b\\)\\101) /Hex <0a b>"))

SEEDS: list[bytes] = [
    _CLASSIC,
    _STREAMED,
    pdfmaker.streamed(pdfmaker.objects(), predicted=False),
    _CLASSIC[:300],
    _HOLDER.finish(prepare(_CLASSIC, _HOLDER.by, _OPTIONS)),
    _HOLDER.finish(prepare(_STREAMED, _HOLDER.by, _OPTIONS)),
]


def target(data: bytes) -> None:
    """Only the errors that the readers and the writer name may escape."""
    with suppress(NotPdfa):
        pdfa_level_untrusted(data)
    with suppress(BadSignatureFile):
        assert len(read_pades_untrusted(data)) == len(pades_claims_untrusted(data))
    with suppress(CannotSign):
        prepare(data, _HOLDER.by, _OPTIONS)
