"""What large documents cost while they are signed and encrypted: one copy, the result, and no tree of the whole.

Python's own allocations are counted, which are the same in every run; the XML parser's are no part of them, and what
they are made of is in `tests/unit/soap/test_longtexts.py`. `bench.large_documents` measures the process.
"""

import tracemalloc
from collections.abc import Callable

import pytest

from tests.adesbench import NOW, Key, holder
from tiaas.ades.found import Integrity
from tiaas.ades.xades import XadesOptions, prepare
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.ades.xadesvariants import Placement
from tiaas.cms.contentcipher import seal
from tiaas.cms.enveloped import write_auth_enveloped
from tiaas.cms.envelopedreader import read_enveloped_untrusted

SIZE = 4 * 1024 * 1024
KEY, NONCE = bytes(32), bytes(12)
TEXT = (b"Zeile eines langen Befundes\n" * (SIZE // 28 + 1))[:SIZE]
XML = b"<a><b>%s</b></a>" % TEXT


def cost(work: Callable[[], bytes]) -> tuple[bytes, float]:
    """What `work` gives, and the peak of memory it took, in sizes of the document."""
    tracemalloc.start()
    try:
        made = work()
        return made, tracemalloc.get_traced_memory()[1] / SIZE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "options",
    [
        XadesOptions(moment=NOW, name="n"),
        XadesOptions(moment=NOW, name="n", placement=Placement("/*")),
    ],
    ids=["at the end", "at a place"],
)
def test_an_xml_signature_costs_the_signed_document(options: XadesOptions) -> None:
    signer = holder(Key.P256)
    made, copies = cost(lambda: signer.finish(prepare(XML, signer.by, options)))
    assert copies < 1.4
    assert [found.integrity for found in read_xades_untrusted(made)] == [Integrity.INTACT]


def test_encryption_costs_the_encrypted_document() -> None:
    sealed, copies = cost(lambda: write_auth_enveloped([], NONCE, seal(KEY, NONCE, TEXT)))
    assert copies < 1.4
    opened, copies = cost(lambda: read_enveloped_untrusted(sealed).open(KEY))
    assert opened == TEXT
    assert copies < 1.4
