"""The XML parser that takes texts of any length is for the documents of SignatureService and EncryptionService alone.

All other XML, messages before all, goes to one that ends at 10 MB of text. What may be huge is counted before it is
parsed (elements, attributes, octets), and its depth is bounded while it is parsed: `tests/unit/soap`, `tests/fuzz`.
"""

import re
from pathlib import Path

import pytest

import tiaas
from tiaas.soap.errors import TooLarge
from tiaas.soap.markup import Limits, parse_document_untrusted, parse_thin_untrusted

SOURCE = Path(tiaas.__file__).parent
HUGE = re.compile(
    r"huge_tree=(?!False)|\bparse_(?:document|thin|thin_xml|xml)_untrusted\b|\bparse_to_sign\b|\bparser_for\b"
)
DOCUMENTS = (
    "ades/",
    # A client looks at the document that it is about to send, or that it has signed; nobody else's XML gets there.
    "cli/documentfiles.py",
    "cli/signedalready.py",
    "client/signaturepolicies.py",
    "konnektor/hybrid/",
    "konnektor/verification/",
    "konnektor/services/encryption/",
    "konnektor/services/signature/",
    "konnektor/documents.py",
    "konnektor/xmldocuments.py",
    # A signature in a message: attachments are put back into it, and it is looked at before it is sent.
    "soap/bulk.py",
    "soap/encoder.py",
    "soap/markup.py",
    "soap/parsers.py",
)


def test_only_documents_may_be_huge() -> None:
    users = {
        path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if HUGE.search(path.read_text("utf-8"))
    }
    assert "soap/markup.py" in users
    assert [user for user in sorted(users) if not user.startswith(DOCUMENTS)] == []


def test_no_service_but_two_reads_documents() -> None:
    importing = re.compile(r"^from tiaas\.(?:konnektor\.(?:xmldocuments|hybrid|documents)|ades\.xades)", re.MULTILINE)
    services = SOURCE / "konnektor/services"
    users = {
        path.relative_to(services).parts[0] for path in services.rglob("*.py") if importing.search(path.read_text())
    }
    assert users == {"signature", "encryption"}


@pytest.mark.parametrize("parse", [parse_document_untrusted, parse_thin_untrusted])
@pytest.mark.parametrize(
    "document",
    [
        b"<a>" * 31 + b"</a>" * 31,
        b"<a>" * 200_000 + b"</a>" * 200_000,
        b"<a>" + b"<b/>" * 200_000 + b"</a>",
        b"<a" + b"".join(b" a%d=''" % number for number in range(70_000)) + b"/>",
    ],
    ids=["deep", "very deep", "elements", "attributes"],
)
def test_limits_are_ours(parse: object, document: bytes) -> None:
    assert callable(parse)
    with pytest.raises(TooLarge):
        parse(document, Limits(octets=26_214_400, nodes=30_000, depth=30))
