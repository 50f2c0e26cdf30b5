"""What `sign --resume` takes for a signature of a document as it is now."""

from dataclasses import replace

import pytest

from tests import pdfmaker
from tests.adesbench import NOW, Holder, Key, holder
from tests.unit.ades.test_xades_sign import DOCUMENT, NFD, NFDM, OPTIONS, sign
from tiaas.ades import cades, pades, xades
from tiaas.ades.found import SignatureFormat
from tiaas.ades.signing import Prepared
from tiaas.ades.smime import prepare_smime
from tiaas.ades.xadesvariants import Update
from tiaas.cli.signedalready import is_added_to, is_signature_of
from tiaas.pki.oids import CertificateType

_PDF = pdfmaker.classic(pdfmaker.objects())
_MAIL = b"From: a@example.org\nContent-Type: text/plain\n\nText\n"
_SIGNER = holder(Key.P256)
_DOCTOR = holder(Key.P256, "Arzt", CertificateType.HP_QES)
_CMS, _XML = SignatureFormat.CADES, SignatureFormat.XADES
_FORMS = (_CMS, _XML, SignatureFormat.PADES, SignatureFormat.SMIME)


def _made(prepared: Prepared) -> bytes:
    return _SIGNER.finish(prepared)


def _cms(document: bytes, *, enveloping: bool, signer: Holder = _SIGNER) -> bytes:
    return signer.finish(cades.prepare(document, signer.by, cades.CadesOptions(NOW, enveloping=enveloping)))


def _pdf(document: bytes, signer: Holder = _SIGNER) -> bytes:
    return signer.finish(pades.prepare(document, signer.by, pades.PadesOptions(NOW)))


def _xml(document: bytes, options: xades.XadesOptions, signer: Holder) -> bytes:
    return signer.finish(xades.prepare(document, signer.by, options))


_SIGNED_PDF, _SIGNED_XML = _pdf(_PDF), sign(DOCUMENT)
_AROUND_XML = sign(DOCUMENT, replace(OPTIONS, include_object=True))
_RESULTS = {
    "CAdES": (_CMS, b"Text", _cms(b"Text", enveloping=False)),
    "CAdES around": (_CMS, b"Text", _cms(b"Text", enveloping=True)),
    "PAdES": (SignatureFormat.PADES, _PDF, _pdf(_PDF)),
    "PAdES twice": (SignatureFormat.PADES, _SIGNED_PDF, _pdf(_SIGNED_PDF)),
    "S/MIME": (SignatureFormat.SMIME, _MAIL, _made(prepare_smime(_MAIL, _SIGNER.by, cades.CadesOptions(NOW)))),
    "XAdES": (_XML, DOCUMENT, sign(DOCUMENT)),
    "XAdES around": (_XML, DOCUMENT, _AROUND_XML),
    "XAdES of a part": (_XML, NFD, sign(NFD, NFDM)),
    "XAdES in a signature": (_XML, _AROUND_XML, sign(_AROUND_XML, replace(OPTIONS, name="n2"))),
    "XAdES twice": (_XML, _SIGNED_XML, sign(_SIGNED_XML, replace(OPTIONS, name="n2"))),
}


@pytest.mark.parametrize("kind", _RESULTS)
def test_a_signature_of_the_document(kind: str) -> None:
    form, document, result = _RESULTS[kind]
    assert is_signature_of(document, result, form)


@pytest.mark.parametrize("kind", [kind for kind in _RESULTS if kind.startswith(("CAdES", "XAdES"))])
def test_a_signature_around_the_document(kind: str) -> None:
    form, document, result = _RESULTS[kind]
    assert is_signature_of(document, result, form, enveloping=True) is kind.endswith("around")


@pytest.mark.parametrize("older", [_PDF, b"%PDF-", b""])
def test_the_document_is_what_another_one_grew_out_of(older: bytes) -> None:
    assert is_signature_of(_SIGNED_PDF, _pdf(_SIGNED_PDF), SignatureFormat.PADES)
    assert not is_signature_of(older, _pdf(_SIGNED_PDF), SignatureFormat.PADES)


@pytest.mark.parametrize("kind", _RESULTS)
def test_the_document_was_changed_since(kind: str) -> None:
    form, document, result = _RESULTS[kind]
    before, after = (b"Text", b"text") if b"Text" in document else (b"</", b"changed</")
    changed = document + b"% changed" if form is SignatureFormat.PADES else document.replace(before, after, 1)
    assert changed != document
    assert not is_signature_of(changed, result, form)


@pytest.mark.parametrize("kind", _RESULTS)
def test_the_document_itself_is_no_signature_of_it(kind: str) -> None:
    form, document, result = _RESULTS[kind]
    assert not is_signature_of(document, document, form)
    assert not is_signature_of(document, document[: len(document) // 2], form)
    assert not is_signature_of(document, result[: len(result) // 2], form)


@pytest.mark.parametrize("form", _RESULTS.values(), ids=_RESULTS)
@pytest.mark.parametrize("other", [b"", b"cms", b"<a/>", b"%PDF-1.7", b"From: a\n\n", b"\xff\xfe<\0", b"0\x80"])
def test_anything_else(form: tuple[SignatureFormat, bytes, bytes], other: bytes) -> None:
    assert not is_signature_of(form[1], other, form[0])


@pytest.mark.parametrize("kind", _RESULTS)
def test_of_another_kind(kind: str) -> None:
    form, document, result = _RESULTS[kind]
    assert not any(is_signature_of(document, result, each) for each in _FORMS if each is not form)


def test_a_signature_that_was_changed() -> None:
    assert not is_signature_of(DOCUMENT, _SIGNED_XML.replace(b"SigningTime>2026", b"SigningTime>2025"), _XML)


_NEXT = replace(OPTIONS, name="n2")
_CERTIFIED_NFD, _CERTIFIED_PDF = _xml(NFD, NFDM, _DOCTOR), _pdf(_PDF, _DOCTOR)


@pytest.mark.parametrize(
    ("form", "document", "qualified", "other"),
    [
        (_CMS, b"Text", _cms(b"Text", enveloping=True, signer=_DOCTOR), _cms(b"Text", enveloping=True)),
        (SignatureFormat.PADES, _PDF, _CERTIFIED_PDF, _pdf(_PDF)),
        (SignatureFormat.PADES, _CERTIFIED_PDF, _pdf(_CERTIFIED_PDF, _DOCTOR), _pdf(_CERTIFIED_PDF)),
        (_XML, NFD, _CERTIFIED_NFD, sign(NFD, NFDM)),
        (_XML, _CERTIFIED_NFD, _xml(_CERTIFIED_NFD, _NEXT, _DOCTOR), _xml(_CERTIFIED_NFD, _NEXT, _SIGNER)),
    ],
    ids=["CMS", "PDF", "PDF of a doctor", "XML", "XML of a doctor"],
)
def test_a_qualified_signature_is_asked_for(
    form: SignatureFormat, document: bytes, qualified: bytes, other: bytes
) -> None:
    """One that is in the document already does not count."""
    for result in (qualified, other):
        assert is_signature_of(document, result, form)
        assert is_signature_of(document, result, form, qualified=True) is (result is qualified)


def test_a_counter_signature_is_none_of_the_document() -> None:
    signature = _cms(b"Text", enveloping=False)
    countersigned = _made(cades.prepare_counter(signature, _SIGNER.by, cades.CadesOptions(NOW)))
    assert is_signature_of(b"Text", countersigned, _CMS)
    assert not is_signature_of(b"text", countersigned, _CMS)


_COMMENTED = b"<?xml version='1.0' encoding='%b'?><!--x--><a>\xe4<!--1--><b/></a><!--z-->"


@pytest.mark.parametrize("change", [(b"--1-", b"--2-"), (b"<!--1--><b/>", b"<b/><!--1-->"), (b"<!--1-->", b"")])
@pytest.mark.parametrize("encoding", [b"ISO-8859-15", b"iso-8859-1"])
@pytest.mark.parametrize("include_object", [False, True])
def test_a_comment_was_changed_since(change: tuple[bytes, bytes], encoding: bytes, include_object: bool) -> None:
    """It is not signed, but it is in the result."""
    document = _COMMENTED % encoding
    result = sign(document, replace(OPTIONS, include_object=include_object))
    assert is_signature_of(document, result, _XML)
    assert not is_signature_of(document.replace(*change), result, _XML)


@pytest.mark.parametrize("change", [(b"<!--x-->", b"<!--y-->"), (b"<!--z-->", b"")])
def test_a_comment_around_the_document_element_was_changed_since(change: tuple[bytes, bytes]) -> None:
    document = (_COMMENTED % b"iso-8859-15").replace(*change)
    assert not is_signature_of(document, sign(_COMMENTED % b"iso-8859-15"), _XML)
    # What is around the document element is not in an enveloping signature.
    assert is_signature_of(document, sign(document, replace(OPTIONS, include_object=True)), _XML)


_OTHERS = {
    "CMS": (_CMS, _cms(b"Text", enveloping=False), _cms(b"text", enveloping=False)),
    "CMS around": (_CMS, _cms(b"Text", enveloping=True), _cms(b"text", enveloping=True)),
    "XML": (_XML, _SIGNED_XML, sign(DOCUMENT.replace(b"</", b"changed</", 1))),
}


def _added(kind: str, signature: bytes, update: Update, signer: Holder) -> bytes:
    if kind == "XML":
        return _xml(signature, replace(_NEXT, update=update), signer)
    options = cades.CadesOptions(NOW)
    if update is Update.COUNTER:
        return signer.finish(cades.prepare_counter(signature, signer.by, options))
    document = b"Text" if kind == "CMS" else None
    return signer.finish(cades.prepare_parallel(signature, document, signer.by, options))


@pytest.mark.parametrize("kind", _OTHERS)
@pytest.mark.parametrize("update", [Update.PARALLEL, Update.COUNTER])
def test_what_is_added_to_a_signature(kind: str, update: Update) -> None:
    form, signature, other = _OTHERS[kind]
    result, qualified = (_added(kind, signature, update, signer) for signer in (_SIGNER, _DOCTOR))
    assert is_added_to(signature, result, form)
    assert is_added_to(signature, qualified, form, qualified=True)
    assert not is_added_to(signature, result, form, qualified=True)
    for changed, made in ((other, result), (signature, signature), (result, signature), (signature, b"cms")):
        assert not is_added_to(changed, made, form)
