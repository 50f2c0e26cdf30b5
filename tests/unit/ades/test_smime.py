"""S/MIME: signed messages, opaque and in two parts."""

import re
from base64 import encodebytes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.adesbench import NOW, Key, holder
from tiaas.ades import mime
from tiaas.ades.cades import CadesOptions, prepare
from tiaas.ades.found import BadSignatureFile, Integrity, SignatureFormat
from tiaas.ades.signing import CannotSign
from tiaas.ades.smime import prepare_smime, read_smime_untrusted
from tiaas.cms import signing
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import decode_signed_data_untrusted

MESSAGE = b"From: a@example.org\nSubject: Befund\nContent-Type: text/plain\n\nErste Zeile\nzweite\n"
OPTIONS = CadesOptions(NOW, short_text="Befund")


def signed(key: Key = Key.BRAINPOOL) -> bytes:
    return holder(key).finish(prepare_smime(MESSAGE, holder(key).by, OPTIONS))


@pytest.mark.parametrize("key", Key, ids=lambda key: key.value)
def test_signed_and_read(key: Key) -> None:
    (found,) = read_smime_untrusted(signed(key))
    assert (found.integrity, found.format) == (Integrity.INTACT, SignatureFormat.SMIME)
    assert (found.time, found.short_text) == (NOW, "Befund")


@settings(max_examples=12, deadline=None)
@given(key=st.sampled_from(Key), body=st.binary(max_size=3000), binary=st.booleans())
@example(Key.RSA, b"", False)
@example(Key.P256, b"Zeile\n" * 50_000, False)
@example(Key.BRAINPOOL, b"\r\n\0" * 100_000, True)
def test_whatever_is_signed_is_read(key: Key, body: bytes, binary: bool) -> None:
    kind = b"application/octet-stream\r\nContent-Transfer-Encoding: binary" if binary else b"text/plain"
    header = b"From: a@example.org\r\nContent-Type: " + kind + b"\r\n\r\n"
    signer = holder(key)
    whole = signer.finish(prepare_smime(header + body, signer.by, OPTIONS))
    (found,) = read_smime_untrusted(whole)
    assert (found.integrity, found.certificate) == (Integrity.INTACT, signer.certificate)
    cms = mime.pkcs7_content_untrusted(whole)
    content = decode_signed_data_untrusted(cms).content()
    assert content == header + (body if binary else re.sub(rb"\r\n|\r|\n", b"\r\n", body))
    assert cms.count(content) == 1
    changed = cms.replace(content, content[:-1] + bytes([content[-1] ^ 1]))
    (found,) = read_smime_untrusted(mime.pkcs7_mime(header, changed, "signed-data"))
    assert found.integrity is Integrity.DIGEST_WRONG


def test_what_is_signed_is_the_canonical_message() -> None:
    message = mime.split_untrusted(signed())
    assert (message.field("From"), message.field("Subject")) == ("a@example.org", "Befund")
    content = decode_signed_data_untrusted(mime.decoded_untrusted(message)).content()
    assert content == MESSAGE.replace(b"\n", b"\r\n")


def test_in_two_parts() -> None:
    part = mime.canonical(b"Content-Type: text/plain\n\nText\n")
    signer = holder(Key.P256)
    signature = encodebytes(signer.finish(prepare(part, signer.by, OPTIONS)))
    kind = b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    whole = b"Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n" + part + b"\r\n--x\r\n" + kind + signature
    (found,) = read_smime_untrusted(whole + b"\r\n--x--\r\n")
    assert found.integrity is Integrity.INTACT
    # Mail servers change line ends.
    (found,) = read_smime_untrusted((whole + b"\r\n--x--\r\n").replace(b"\r\n", b"\n"))
    assert found.integrity is Integrity.INTACT
    (found,) = read_smime_untrusted(whole.replace(b"Text", b"Test") + b"\r\n--x--\r\n")
    assert found.integrity is Integrity.DIGEST_WRONG


def test_attributes_that_are_ours_are_told() -> None:
    options = CadesOptions(NOW, signed_attributes=(signing.signing_time(NOW),))
    assert prepare_smime(MESSAGE, holder(Key.P256).by, options).ignored == (Attribute.SIGNING_TIME,)


@pytest.mark.parametrize("message", [b"", b"%PDF-1.7", b"\n", b"no header\n\n"])
def test_what_is_no_message(message: bytes) -> None:
    with pytest.raises(CannotSign) as refused:
        prepare_smime(message, holder(Key.P256).by, OPTIONS)
    assert refused.value.code == 4110


@pytest.mark.parametrize(
    "message",
    [
        b"",
        MESSAGE,
        b"Content-Type: application/pkcs7-mime\n\n0\x03\x02\x01\x05",
        b"Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\na: b\r\n--x\r\nContent-Type: text/plain\r\n--x--",
    ],
)
def test_what_is_not_signed(message: bytes) -> None:
    with pytest.raises(BadSignatureFile) as refused:
        read_smime_untrusted(message)
    assert refused.value.code == 4253
