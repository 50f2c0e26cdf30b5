"""PAdES: what we write is what pyHanko and poppler accept, whatever the document looks like."""

import shutil
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from asn1crypto import cms, x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateBuilder, ObjectIdentifier, UnrecognizedExtension
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import adesbench, pdfmaker
from tests.adesbench import Key
from tests.pdfgeneral import value_by_value
from tiaas.ades import pades
from tiaas.ades.found import Integrity, SignatureFormat
from tiaas.ades.pades import PadesOptions, prepare
from tiaas.ades.padesread import read_pades_untrusted
from tiaas.ades.pdfa import PdfaLevel, pdfa_level_untrusted
from tiaas.ades.pdftext import text
from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.pki.keys import SigningScheme
from tiaas.pki.names import authority_name

_OPTIONS = PadesOptions(datetime(2026, 11, 26, 8, 1, 2, tzinfo=UTC), "Arztbrief für Frau Müller")
_FORM = b"/AcroForm << /Fields [] /DA (/Helv 0 Tf) >>"
_INDIRECT = {
    7: b"[]",
    8: b"<< /Fields 7 0 R /SigFlags 1 >>",
    9: b"[10 0 R]",
    10: b"<< /Type /Annot /Subtype /Link /Rect [0 0 1 1] /F 4 >>",
}

DOCUMENTS = {
    "plain": pdfmaker.classic(pdfmaker.objects()),
    "no line end": pdfmaker.classic(pdfmaker.objects()).rstrip(b"\n"),
    "with annotations": pdfmaker.classic({**pdfmaker.objects(page=b"/Annots [10 0 R]"), 10: _INDIRECT[10]}),
    "with a form": pdfmaker.classic(pdfmaker.objects(catalog=_FORM)),
    "all of it indirect": pdfmaker.classic(
        {**pdfmaker.objects(catalog=b"/AcroForm 8 0 R", page=b"/Annots 9 0 R"), **_INDIRECT}
    ),
    "cross-reference stream": pdfmaker.streamed(pdfmaker.objects()),
    "cross-reference stream, all indirect": pdfmaker.streamed(
        {**pdfmaker.objects(catalog=b"/AcroForm 8 0 R", page=b"/Annots 9 0 R"), **_INDIRECT}
    ),
    "written its own way": pdfmaker.classic(
        pdfmaker.objects(catalog=b"%" + b"long " * 4000 + b"\n", page=b"/N#41 (a\\)) /Hex <0a b>% >>\n\t")
    ),
    "one megabyte": pdfmaker.classic(pdfmaker.objects(padding=1 << 20)),
}


def signed(document: bytes, key: Key = Key.BRAINPOOL, options: PadesOptions = _OPTIONS) -> bytes:
    holder = adesbench.holder(key)
    return holder.finish(prepare(document, holder.by, options))


def signed_by_pkcs1(document: bytes) -> bytes:
    """Signed as no card of the TI does it any more, but every old verifier understands it."""
    holder = adesbench.holder(Key.RSA)
    prepared = prepare(document, SignedBy(holder.certificate, SigningScheme.RSASSA_PKCS1_V1_5), _OPTIONS)
    assert isinstance(holder.key, rsa.RSAPrivateKey)
    return prepared.finish([holder.key.sign(prepared.digests[0], padding.PKCS1v15(), Prehashed(SHA256()))])


def judged(document: bytes) -> Any:
    """pyHanko's verdict on the last signature, with our CA as its only trust anchor."""
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    reader = PdfFileReader(BytesIO(document))
    root = x509.Certificate.load(adesbench.authority().certificate.public_bytes(Encoding.DER))
    context = ValidationContext(trust_roots=[root], allow_fetching=False, moment=adesbench.NOW)
    return validate_pdf_signature(reader.embedded_signatures[-1], signer_validation_context=context)


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.requirement("TIP1-A_5447")
def test_pyhanko_accepts_every_kind_of_document(name: str) -> None:
    document = DOCUMENTS[name]
    result = signed(document)
    assert result.startswith(document)
    status = judged(result)
    assert status.bottom_line, status.pretty_print_details()
    assert status.coverage.name == "ENTIRE_FILE"
    assert pdfa_level_untrusted(result) is PdfaLevel.A1B


@pytest.mark.parametrize("name", DOCUMENTS)
def test_usual_dictionaries_or_not_the_same_is_signed(name: str) -> None:
    holder = adesbench.holder(Key.BRAINPOOL)
    quick = prepare(DOCUMENTS[name], holder.by, _OPTIONS)
    with value_by_value():
        assert prepare(DOCUMENTS[name], holder.by, _OPTIONS).digests == quick.digests


@pytest.mark.parametrize("key", Key)
def test_every_kind_of_key(key: Key) -> None:
    result = signed(DOCUMENTS["plain"], key)
    status = judged(result)
    assert status.bottom_line
    assert [item.integrity for item in read_pades_untrusted(result)] == [Integrity.INTACT]


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="needs poppler-utils")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_pdfsig_accepts_rsa(name: str, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(signed_by_pkcs1(DOCUMENTS[name]))
    done = subprocess.run(["pdfsig", "-nocert", "signed.pdf"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "Signature is Valid." in done.stdout, done
    assert "Total document signed" in done.stdout
    assert "ETSI.CAdES.detached" in done.stdout


@pytest.mark.requirement("TIP1-A_4646-04", "TIP1-A_5402")
def test_the_signature_dictionary_says_what_is_specified() -> None:
    result = signed(DOCUMENTS["plain"])
    (found,) = read_pades_untrusted(result)
    holder = adesbench.holder(Key.BRAINPOOL)
    assert (found.format, found.time, found.short_text) == (SignatureFormat.PADES, _OPTIONS.time, _OPTIONS.reason)
    assert (found.certificate, found.certificates) == (holder.certificate, (holder.certificate,))
    assert found.ocsp == ()
    (info,) = _content_info(result)["content"]["signer_infos"]
    names = {attribute["type"].native for attribute in info["signed_attrs"]}
    # Neither signing-time nor content-hints: a PDF document has M and Reason (TS 102 778-3, 4.5.3).
    assert names == {"content_type", "message_digest", "signing_certificate_v2", "cms_algorithm_protection"}


def test_what_gets_an_entry_stays_as_it_is_written() -> None:
    document = DOCUMENTS["written its own way"]
    update = signed(document)[len(document) :]
    before = b"/Resources << >> /N#41 (a\\)) /Hex <0a b>% >>\n\t  /Annots ["
    assert before in update
    # But a comment that is nearly all of the object is not repeated.
    assert b"long" not in update
    assert b"<< /Type /Catalog /Pages 2 0 R /Metadata 5 0 R  /AcroForm <<" in update


def test_finish_embeds_no_ocsp() -> None:
    holder = adesbench.holder(Key.BRAINPOOL)
    prepared = prepare(DOCUMENTS["plain"], holder.by, _OPTIONS)
    values = [holder.sign(digest) for digest in prepared.digests]
    assert prepared.finish(values, b"\x30\x03\x0a\x01\x00") == prepared.finish(values)


def test_a_second_signature_goes_behind_the_first() -> None:
    first = signed(DOCUMENTS["plain"])
    second = signed(first, Key.RSA, PadesOptions(_OPTIONS.time))
    assert second.startswith(first)
    found = read_pades_untrusted(second)
    assert [item.integrity for item in found] == [Integrity.NOT_WHOLE_DOCUMENT, Integrity.INTACT]
    assert [item.short_text for item in found] == [_OPTIONS.reason, None]
    assert judged(second).bottom_line
    assert b"(Signature2)" in second


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "no PDF"),
        (b"hello", "no PDF"),
        (DOCUMENTS["plain"][:-300], "startxref"),
        (DOCUMENTS["plain"].replace(b"xref\n0 ", b"xref\n1 "), "no dictionary"),
        (DOCUMENTS["plain"].replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]"), "page"),
        (pdfmaker.classic(pdfmaker.objects(), b"/Encrypt 4 0 R"), "encrypted"),
        (
            pdfmaker.classic(pdfmaker.objects(catalog=b"/AcroForm 7 0 R", page=b"/Annots 7 0 R") | {7: b"[]"}),
            "dictionary",
        ),
        (pdfmaker.classic(pdfmaker.objects(catalog=b"/Extensions << /A 1 /A 2 >>")), "twice"),
    ],
)
@pytest.mark.code(4110)
def test_what_cannot_be_signed_is_4110(document: bytes, reason: str) -> None:
    with pytest.raises(CannotSign, match=reason) as raised:
        prepare(document, adesbench.holder(Key.BRAINPOOL).by, _OPTIONS)
    assert raised.value.code == 4110


@pytest.mark.code(4205)
def test_no_room_where_the_object_numbers_are_used_up() -> None:
    """PDF/A allows 8,388,607 objects (ISO 19005-1, 6.1.12)."""
    plain = DOCUMENTS["plain"]
    full = plain.replace(b"/Size 7 ", b"/Size 8388605 ")
    with pytest.raises(CannotSign) as raised:
        prepare(full, adesbench.holder(Key.BRAINPOOL).by, _OPTIONS)
    assert raised.value.code == 4205


@pytest.mark.code(4205)
def test_no_room_for_a_cms_longer_than_a_string_may_be() -> None:
    """A string in a PDF/A document has at most 32,767 octets (ISO 19005-2, 6.1.13)."""
    with pytest.raises(CannotSign) as raised:
        prepare(DOCUMENTS["plain"], SignedBy(_huge_certificate(), SigningScheme.ECDSA), _OPTIONS)
    assert raised.value.code == 4205


@given(reason=st.text(max_size=60), size=st.integers(0, 5000), key=st.sampled_from(Key))
@settings(max_examples=25, deadline=None)
def test_what_is_signed_is_read(reason: str, size: int, key: Key) -> None:
    document = pdfmaker.classic(pdfmaker.objects(padding=size))
    (found,) = read_pades_untrusted(signed(document, key, PadesOptions(_OPTIONS.time, reason)))
    assert found.integrity is Integrity.INTACT
    assert found.short_text == (reason.encode("utf-16", "replace").decode("utf-16") or None)


def _content_info(document: bytes) -> cms.ContentInfo:
    start = document.index(b"/Contents <", document.index(b"/Type /Sig")) + len(b"/Contents <")
    return cms.ContentInfo.load(bytes.fromhex(document[start : document.index(b">", start)].decode()))


def _huge_certificate() -> bytes:
    """A well-formed certificate of more than 40,000 octets."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    name = authority_name("Praxis TEST-ONLY", "unit", "NOT-VALID")
    builder = CertificateBuilder(name, name, key.public_key(), 1, adesbench.SPAN.start, adesbench.SPAN.end)
    filling = UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), bytes(40_000))
    return builder.add_extension(filling, critical=False).sign(key, SHA256()).public_bytes(Encoding.DER)


def test_names_of_fields_that_none_of_ours_has_are_not_decoded() -> None:
    """Thousands of fields may have one long name."""
    fields = b" ".join([b"<< /T 8 0 R >>", b"<< /T (Signature1) >>", b"<< /T <FEFF005300690067> >>"])
    body = pdfmaker.objects(catalog=b"/AcroForm << /Fields [%b] >>" % fields) | {8: b"(" + b"\xe4" * 30_000 + b")"}
    with patch.object(pades, "text", side_effect=text) as decoded:
        assert b"/T (Signature2)" in signed(pdfmaker.classic(body))
    assert max(len(call.args[0]) for call in decoded.call_args_list) < 100


@pytest.mark.code(4110)
def test_a_dictionary_of_megabytes_gets_no_entry() -> None:
    """It would be copied several times in one go."""
    with pytest.raises(CannotSign, match="too large") as raised:
        signed(pdfmaker.classic(pdfmaker.objects(catalog=b"/X (" + b"\n" * 5_000_000 + b")")))
    assert raised.value.code == 4110
