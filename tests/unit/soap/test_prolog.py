"""What stands before the document element: a document type declaration is found there, whatever is before it."""

import re
from random import Random

import pytest

from tiaas.soap.errors import BadEnvelope, NotAllowed
from tiaas.soap.markup import Limits, document_encoding, parse_document_untrusted

PIECES = (b"<!--", b"-->", b"<?", b"?>", b"<!DOCTYPE", b" ", b"\n", b"<a>", b"-", b">", b"?", b"<", b"x")
PROLOG = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
LONG = 300_000
"""More than is searched in one piece."""


def is_refused(document: bytes) -> bool:
    try:
        parse_document_untrusted(document, Limits())
    except NotAllowed:
        return True
    except BadEnvelope:
        return False
    return False


@pytest.mark.parametrize("filler", [b"", b"x" * LONG], ids=["short", "long"])
def test_it_is_found_wherever_one_expression_finds_it(filler: bytes) -> None:
    random, declarations = Random(1), 0
    for _ in range(5000 if not filler else 200):
        parts = [random.choice(PIECES) for _ in range(random.randrange(1, 8))]
        document = b"<!--" + filler + b"-->" + b"".join(parts) if filler else b"".join(parts)
        end = PROLOG.match(document)
        assert end is not None
        if document.startswith(b"<!DOCTYPE", end.end()):
            declarations += 1
            assert is_refused(document), document[-80:]
    assert declarations > 5


@pytest.mark.parametrize(
    "document",
    [
        b"<a><!-- <!DOCTYPE a> --></a>",
        b"<a><![CDATA[<!DOCTYPE a>]]></a>",
        b"<!-- <!DOCTYPE a> --><?p <!DOCTYPE a> ?>\n<a/>",
        b"<!--" + b" " * LONG + b"--><a><!--<!DOCTYPE a>--></a>",
    ],
)
def test_elsewhere_it_is_none(document: bytes) -> None:
    assert parse_document_untrusted(document, Limits()).tag == "a"


def test_an_encoding_is_read_past_a_few_blanks_only() -> None:
    for most in (b"", b" " * 1000):
        assert document_encoding(b'%b<?xml version="1.0" encoding%b=%b"utf-16"?>' % (most, most, most)) == "utf-16"
    assert document_encoding(b" " * 1001 + b'<?xml version="1.0" encoding="utf-16"?>') == "utf-8"
