"""What stands before the document element: a document type declaration is found there, whatever is before it."""

import re
from random import Random

import pytest
from lxml import etree

from tests.fuzz.fuzz_markup import declared_to_expat
from tiaas.soap.errors import BadEnvelope, NotAllowed, NotWellFormed, WrongEncoding
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


@pytest.mark.parametrize("name", ["UTF-8", "utf-16", "ISO-8859-1", "windows-1252"])
@pytest.mark.parametrize("standalone", ["", " standalone='no'"])
@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("blanks", ["", " ", "\t\r\n", " " * 81, " " * 999])
def test_an_encoding_is_read_however_it_is_declared(name: str, standalone: str, quote: str, blanks: str) -> None:
    declaration = f"<?xml{blanks} version{blanks}={blanks}'1.0' {blanks}encoding{blanks}={blanks}{quote}{name}{quote}"
    document = f"{declaration}{standalone}{blanks}?><a/>".encode()
    assert document_encoding(document) == name.lower() == declared_to_expat(document)


@pytest.mark.parametrize("name", ["ISO-8859-1", "UTF-16"])
def test_an_encoding_far_off_counts(name: str) -> None:
    """Signed as UTF-8, a document must not be good for another reader as something else."""
    document = f'<?xml version="1.0"{" " * 200}encoding="{name}"?><a>Umlaut \u00e4</a>'.encode()
    if name == "UTF-16":
        with pytest.raises(WrongEncoding):
            parse_document_untrusted(document, Limits())
    else:
        assert parse_document_untrusted(document, Limits()).text == "Umlaut \u00c3\u00a4"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    "declaration",
    [
        b'<?xml version="1.0" standalone="yes" encoding="utf-16"?>',
        b'<?xml encoding="utf-16"?>',
        b'<?xml version="1.0"encoding="utf-16"?>',
        b'<?xml version="1.0" encoding="utf-16\'?>',
        b'<?xml version="1.0" encoding="1"?>',
        b'<?xml version="1.0" encoding=""?>',
        b'<?xml version="2.0"?>',
        b'<?xml version="1.0" standalone="perhaps"?>',
        b'<?xml version="1.0" more="1"?>',
        b'<?xml version="1.0" ',
        b"<?xml ",
        b'<?xml version="1.0" encoding="%b"?>' % (b"x" * 100 + b"/"),
    ],
)
def test_where_a_wrong_declaration_is_wrong_is_told_as_for_the_whole_document(mark: bytes, declaration: bytes) -> None:
    with pytest.raises(etree.XMLSyntaxError) as by_the_parser:
        etree.fromstring(mark + declaration + b"<a/>", etree.XMLParser(encoding="utf-8"))
    line, column = by_the_parser.value.position
    for content in (b"<a/>", b"<a>" + b" " * LONG + b"</a>"):
        with pytest.raises(NotWellFormed) as refused:
            parse_document_untrusted(mark + declaration + content, Limits())
        assert refused.value.where.startswith(f"line {line}, column {column}: ")


@pytest.mark.parametrize(
    "declaration",
    [
        b'<?xml version="1.0"%b?>' % (b" " * LONG),
        b'<?xml version="1.0"%b?>' % (b" " * 1001),
        b'<?xml version="1.0"%bencoding="utf-8"?>' % (b" " * 1001),
        b'<?xml version="1.0" encoding="%b"?>' % (b"x" * 41),
        b'<?xml version="1.%b"?>' % (b"0" * 20),
    ],
    ids=["huge", "blanks", "blanks within", "name", "version"],
)
def test_a_declaration_that_is_too_long_is_refused(declaration: bytes) -> None:
    with pytest.raises(WrongEncoding, match="too long"):
        parse_document_untrusted(declaration + b"<a/>", Limits())


def test_a_declaration_stands_at_the_beginning_only() -> None:
    document = b' <?xml version="1.0" encoding="utf-16"?><a/>'
    with pytest.raises(NotWellFormed):
        parse_document_untrusted(document, Limits())


@pytest.mark.parametrize("document", [b"<?xml-x encoding='utf-16'?><a/>", b"<!--<?xml encoding='utf-16'?>--><a/>"])
def test_what_only_looks_like_a_declaration_is_none(document: bytes) -> None:
    assert document_encoding(document) == "utf-8" == declared_to_expat(document)
    assert parse_document_untrusted(document, Limits()).tag == "a"
