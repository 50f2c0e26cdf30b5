"""Long texts in what is signed are digested without being read, and what is said of them is the same."""

from base64 import b64encode
from hashlib import sha256

import pytest

from tests.unit.verification.signatures import signer
from tiaas.ades.found import Integrity
from tiaas.ades.xadesdocument import LONG_SIGNED, parse_signed_untrusted
from tiaas.ades.xadesread import read_xades_untrusted

TEXT = b"Zeile eines langen Befundes\n" * (LONG_SIGNED // 28 + 1)
DOCUMENT = b"<a><b>%b</b><c>%b</c></a>" % (TEXT, TEXT)


def integrity(octets: bytes, *, enveloping: bool) -> Integrity:
    given = (None, octets) if enveloping else (octets, None)
    (found,) = read_xades_untrusted(*given)
    return found.integrity


@pytest.mark.parametrize("enveloping", [False, True])
def test_each_octet_of_them_counts(enveloping: bool) -> None:
    signed = signer().xades(DOCUMENT, enveloping=enveloping)
    assert parse_signed_untrusted(signed).thin is not None
    assert integrity(signed, enveloping=enveloping) is Integrity.INTACT
    middle = signed.index(TEXT) + len(TEXT) // 2
    for changed in (
        signed[:middle] + bytes([signed[middle] ^ 1]) + signed[middle + 1 :],
        signed[:middle] + signed[middle + 1 :],
        signed.replace(b"</b><c>", b"</b><c/><c>"),
        signed.replace(b"<b>" + TEXT, b"<b>" + TEXT + b"x"),
    ):
        assert changed != signed
        assert integrity(changed, enveloping=enveloping) is Integrity.DIGEST_WRONG


def test_what_stands_for_them_cannot_be_signed() -> None:
    """A document in which the mark stands instead of the text is another one."""
    signed = signer().xades(DOCUMENT, enveloping=True)
    thin = parse_signed_untrusted(signed).thin
    assert thin is not None
    assert integrity(thin.octets, enveloping=True) is Integrity.DIGEST_WRONG


def test_what_stands_for_them_means_nothing_beside_the_document() -> None:
    """A detached document is digested as it is, whatever is in it."""
    method = "http://www.w3.org/2001/10/xml-exc-c14n#"
    reference = (
        '<Reference><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue>%s</DigestValue>'
        "</Reference>"
    )
    frame = (
        '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>'
        f'<CanonicalizationMethod Algorithm="{method}"/>'
        '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'
        f"{reference}</SignedInfo><SignatureValue>AA==</SignatureValue><Object>{TEXT.decode()}</Object></Signature>"
    )
    signature = (frame % b64encode(sha256(TEXT).digest()).decode()).encode()
    thin = parse_signed_untrusted(signature).thin
    assert thin is not None
    mark = thin.octets.partition(b"<Object>")[2].partition(b"</Object>")[0]
    assert b"".join(thin.pieces(mark)) == TEXT
    findings = [read_xades_untrusted(document, signature)[0].integrity for document in (TEXT, mark)]
    assert findings == [Integrity.CERTIFICATE_MISSING, Integrity.DIGEST_WRONG]


def test_what_a_signature_says_is_read_however_long_it_is() -> None:
    """Of these no text is left out."""
    signed = signer().xades(DOCUMENT, enveloping=True)
    before, start, rest = signed.partition(b"<xades:Description>")
    long = before + start + TEXT + rest[rest.index(b"<") :]
    assert parse_signed_untrusted(long).thin is None
    assert read_xades_untrusted(None, long)[0].short_text == TEXT.decode()
