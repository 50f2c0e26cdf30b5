"""Reading PDF signatures: those of pyHanko, and documents that somebody changed."""

import asyncio
import re
from io import BytesIO
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests import adesbench, pdfmaker
from tests.adesbench import Key
from tests.unit.ades.test_pades import DOCUMENTS, signed
from tiaas.ades.found import BadSignatureFile, Integrity
from tiaas.ades.padesread import read_pades_untrusted

_SIGNED = signed(DOCUMENTS["plain"])
_CONTENTS = _SIGNED.index(b"/Contents <3")


def _integrity(document: bytes) -> list[Integrity]:
    return [item.integrity for item in read_pades_untrusted(document)]


def _range(document: bytes) -> tuple[int, int, int]:
    start = document.rindex(b"/ByteRange [")
    _, end, second, size = document[start + 12 : document.index(b"]", start)].split()
    return int(end), int(second), int(size)


def _with_range(document: bytes, numbers: str) -> bytes:
    start = document.rindex(b"/ByteRange [") + len(b"/ByteRange ")
    stop = document.index(b"]", start) + 1
    return document[:start] + numbers.encode().ljust(stop - start) + document[stop:]


def _pyhanko(key: Key, document: bytes, certify: bool = False, **metadata: Any) -> bytes:
    """The document signed by pyHanko."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner, fields
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    holder = adesbench.holder(key)
    from asn1crypto import keys, x509

    private = holder.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    foreign = SimpleSigner(
        signing_cert=x509.Certificate.load(holder.certificate),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
        prefer_pss=key is Key.RSA,
    )
    if certify:
        metadata |= {"certify": True, "docmdp_permissions": fields.MDPPerm.NO_CHANGES}
    settings = PdfSignatureMetadata(field_name="Foreign", md_algorithm="sha256", **metadata)
    writer = IncrementalPdfFileWriter(BytesIO(document))
    output = asyncio.run(PdfSigner(settings, foreign).async_sign_pdf(writer))
    return bytes(output.getvalue())


@pytest.mark.parametrize("key", Key)
@pytest.mark.parametrize("name", ["plain", "cross-reference stream", "all of it indirect"])
def test_what_pyhanko_signs(key: Key, name: str) -> None:
    from pyhanko.sign.fields import SigSeedSubFilter

    document = _pyhanko(key, DOCUMENTS[name], subfilter=SigSeedSubFilter.PADES, reason="Befund")
    (found,) = read_pades_untrusted(document)
    assert found.integrity is Integrity.INTACT
    assert found.short_text == "Befund"
    assert found.time is not None
    assert found.certificate == adesbench.holder(key).certificate


def test_a_signature_without_certificate_reference_is_told() -> None:
    """adbe.pkcs7.detached, as old programs make it: verified, and the report says what is missing (TAB_KON_779)."""
    (found,) = read_pades_untrusted(_pyhanko(Key.BRAINPOOL, DOCUMENTS["plain"]))
    assert found.integrity is Integrity.INTACT


@pytest.mark.code(4110)
def test_a_certified_document_is_not_changed() -> None:
    from tiaas.ades.signing import CannotSign

    with pytest.raises(CannotSign, match="allows no changes") as raised:
        signed(_pyhanko(Key.BRAINPOOL, DOCUMENTS["plain"], certify=True))
    assert raised.value.code == 4110


def test_one_changed_octet() -> None:
    at = _SIGNED.index(b"595 842")
    assert _integrity(_SIGNED[:at] + b"6" + _SIGNED[at + 1 :]) == [Integrity.DIGEST_WRONG]
    # Behind the signature, too.
    assert _integrity(_SIGNED.replace(b"/M (D:2026", b"/M (D:2025")) == [Integrity.DIGEST_WRONG]


def test_a_changed_signature_value() -> None:
    padding = _SIGNED.index(b">", _CONTENTS)
    stop = padding
    while _SIGNED[stop - 2 : stop] == b"00":
        stop -= 2
    changed = _SIGNED[: stop - 2] + (b"11" if _SIGNED[stop - 2 : stop] != b"11" else b"22") + _SIGNED[stop:]
    assert _integrity(changed) == [Integrity.SIGNATURE_WRONG]


@pytest.mark.code(4262)
@pytest.mark.parametrize("tail", [b" ", b"\n% more\n"])
def test_octets_behind_the_signed_document(tail: bytes) -> None:
    assert _integrity(_SIGNED + tail) == [Integrity.NOT_WHOLE_DOCUMENT]


@pytest.mark.code(4262)
def test_incremental_saving_attack() -> None:
    """New content in an update behind the signature."""
    content = b"4 0 obj\n" + pdfmaker.stream(b"BT (paid) Tj ET") + b"\nendobj\n"
    previous = int(_SIGNED[_SIGNED.rindex(b"startxref") + 10 :].split()[0])
    table = b"xref\n4 1\n%010d 00000 n \ntrailer\n<< /Size 10 /Root 1 0 R /Prev %d >>\n" % (len(_SIGNED), previous)
    attack = _SIGNED + content + table + b"startxref\n%d\n%%%%EOF\n" % (len(_SIGNED) + len(content))
    assert _integrity(attack) == [Integrity.NOT_WHOLE_DOCUMENT]


@pytest.mark.code(4262)
def test_signature_wrapping_attack() -> None:
    """A second signature dictionary with a moved range, and cross-references to other content, where nobody signed.

    What was signed is there to the octet, and the hash value fits.
    """
    end, second, size = _range(_SIGNED)
    start = int(_SIGNED[_SIGNED.rindex(b"startxref") + 10 :].split()[0])
    contents, room = _SIGNED[end:second], 8_000
    table_room = 400
    content = b"4 0 obj\n" + pdfmaker.stream(b"BT (paid) Tj ET") + b"\nendobj\n"
    ranged = b"/ByteRange [0 %d %d %d]" % (end, second + room, size)
    forged = b"7 0 obj\n<< /Type /Sig /SubFilter /ETSI.CAdES.detached %b /Contents %b >>\nendobj\n" % (ranged, contents)
    updated = len(DOCUMENTS["plain"])
    places = {int(match[1]): match.start() + 1 for match in re.finditer(rb"\n(\d+) 0 obj\n", _SIGNED[:start])}
    places = {number: at + (room if at > second else 0) for number, at in places.items() if at >= updated}
    places |= {4: start + table_room, 7: start + table_room + len(content)}
    # The signed octets end with `startxref`, so this is where the forged table has to stand.
    table = b"xref\n" + b"".join(b"%d 1\n%010d 00000 n \n" % item for item in sorted(places.items()))
    table += b"trailer\n<< /Size 10 /Root 1 0 R /Prev %d >>\n" % DOCUMENTS["plain"].rindex(b"xref\n0 ")
    inserted = b" " * (start - second) + table.ljust(table_room) + content + forged
    attack = _SIGNED[:second] + inserted.ljust(room) + _SIGNED[second:]
    assert _integrity(attack) == [Integrity.NOT_WHOLE_DOCUMENT]


@pytest.mark.parametrize(
    "numbers",
    [
        "[]",
        "[0 1]",
        "[0 -1 5 5]",
        "[0 0 0 0]",
        "[1 2 3 4]",
        "[0 99999999 1 1]",
        "[0 1 2 9999999999]",
        "null",
        "[0 (a) 2 3]",
    ],
)
def test_universal_signature_forgery(numbers: str) -> None:
    """Ranges that are missing, negative, overlapping or outside."""
    assert _integrity(_with_range(_SIGNED, numbers)) == [Integrity.MALFORMED]


@pytest.mark.parametrize("contents", [b"<>", b"<00>", b"<0401FF>", b"null", b"(0)"])
def test_universal_signature_forgery_by_contents(contents: bytes) -> None:
    stop = _SIGNED.index(b">", _CONTENTS) + 1
    start = _CONTENTS + len(b"/Contents ")
    attack = _SIGNED[:start] + contents.ljust(stop - start) + _SIGNED[stop:]
    assert _integrity(attack) == [Integrity.MALFORMED]


def test_the_signature_of_another_document() -> None:
    other = signed(pdfmaker.classic(pdfmaker.objects(page=b"/Rotate 90")))
    start, stop = _CONTENTS + 11, _SIGNED.index(b">", _CONTENTS)
    there = other.index(b"/Contents <3") + 11
    swapped = _SIGNED[:start] + other[there : there + stop - start] + _SIGNED[stop:]
    assert _integrity(swapped) == [Integrity.DIGEST_WRONG]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        pytest.param(DOCUMENTS["plain"], 4253, marks=pytest.mark.code(4253)),
        pytest.param(DOCUMENTS["with a form"], 4253, marks=pytest.mark.code(4253)),
        pytest.param(b"hello", 4110, marks=pytest.mark.code(4110)),
        pytest.param(_SIGNED[:-20], 4110, marks=pytest.mark.code(4110)),
    ],
)
def test_nothing_to_verify(document: bytes, code: int) -> None:
    with pytest.raises(BadSignatureFile) as raised:
        read_pades_untrusted(document)
    assert raised.value.code == code


@pytest.mark.code(4280)
def test_too_many_signatures() -> None:
    fields = {number: b"<< /FT /Sig /T (%d) /V << /Type /Sig >> >>" % number for number in range(10, 75)}
    names = b" ".join(b"%d 0 R" % number for number in fields)
    body = pdfmaker.objects(catalog=b"/AcroForm << /Fields [" + names + b"] >>") | fields
    with pytest.raises(BadSignatureFile) as raised:
        read_pades_untrusted(pdfmaker.classic(body))
    assert raised.value.code == 4280


def test_old_signature_types_are_named() -> None:
    old = b"/AcroForm << /Fields [<< /FT /Sig /V << /SubFilter /adbe.x509.rsa_sha1 >> >>] >>"
    (found,) = read_pades_untrusted(pdfmaker.classic(pdfmaker.objects(catalog=old)))
    assert (found.integrity, found.algorithm_name) == (Integrity.ALGORITHM_UNKNOWN, "adbe.x509.rsa_sha1")


def test_what_would_be_expensive_is_refused() -> None:
    """What one document may cost is bounded as a whole, not only object by object."""
    fields = dict.fromkeys(range(10, 35), b"<< /FT /Tx /Opt [" + b"0 " * 10000 + b"] >>")
    names = b" ".join(b"%d 0 R" % number for number in fields)
    document = pdfmaker.classic(pdfmaker.objects(catalog=b"/AcroForm << /Fields [" + names + b"] >>") | fields)
    with pytest.raises(BadSignatureFile, match="too many values") as raised:
        read_pades_untrusted(document)
    assert raised.value.code == 4110


def test_strings_with_endless_parentheses_are_refused() -> None:
    document = pdfmaker.classic(pdfmaker.objects(catalog=b"/Note (" + b"()" * 120_000 + b")"))
    with pytest.raises(BadSignatureFile, match="too many values") as raised:
        read_pades_untrusted(document)
    assert raised.value.code == 4110


def test_objects_in_the_comments_of_others_are_refused() -> None:
    """180 objects, each in a comment of the one before, and all of them end with the same comments."""
    numbers = range(10, 190)
    head = b"%%PDF-1.4\n1 0 obj << /AcroForm << /Fields [%s] >> >> endobj\n"
    body = head % b" ".join(b"%d 0 R" % number for number in numbers)
    places = [(1, body.index(b"1 0 obj"))]
    for number in numbers:
        places.append((number, len(body)))
        body += b"%d 0 obj %%" % number
    body += b"\n%".join([b"x" * 30_000] * 14) + b"\n<< /FT /Tx >> endobj\n"
    table = b"".join(b"%d 1\n%010d 00000 n \n" % place for place in places)
    document = body + b"xref\n" + table + b"trailer << /Size 190 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    with pytest.raises(BadSignatureFile, match="too many octets") as raised:
        read_pades_untrusted(document)
    assert raised.value.code == 4110
