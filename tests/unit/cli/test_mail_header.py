"""What is told of the header of a signed e-mail."""

import pytest

from tests.adesbench import NOW, Key, holder
from tiaas.ades.cades import CadesOptions, prepare
from tiaas.ades.smime import prepare_smime
from tiaas.cli.mailheader import remark_on_header

_HEADER = b"From: a@example.org\r\nTo: b@example.org,\r\n c@example.org\r\nSubject: Befund\r\n"
_MESSAGE = _HEADER + b"Content-Type: text/plain\r\n\r\nText\r\n"
_NOT_SIGNED = "the header of the message (From, To, Subject and so on) is not signed"
_PKCS7 = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n"


def _opaque(content: bytes, header: bytes = _HEADER) -> bytes:
    signer = holder(Key.P256)
    cms = signer.finish(prepare(content, signer.by, CadesOptions(NOW, enveloping=True)))
    return header + _PKCS7 + b"Content-Transfer-Encoding: binary\r\n\r\n" + cms


def _in_two_parts(part: bytes) -> bytes:
    parts = b"--x\r\n" + part + b"\r\n--x\r\nContent-Type: application/pkcs7-signature\r\n\r\n\r\n--x--\r\n"
    return _HEADER + b'Content-Type: multipart/signed; boundary="x"\r\n\r\n' + parts


def test_as_tiaas_signs_it_and_as_somebody_changed_it() -> None:
    signer = holder(Key.P256)
    message = signer.finish(prepare_smime(_MESSAGE, signer.by, CadesOptions(NOW)))
    assert remark_on_header(message) == f"{_NOT_SIGNED}; what is signed has the same ones"
    # Folded in another way it says the same.
    assert remark_on_header(message.replace(b",\r\n c@", b", c@", 1)).endswith("has the same ones")
    changed = message.replace(b"a@example.org", b"x@example.org", 1).replace(b"Befund", b"Rechnung", 1)
    assert remark_on_header(changed) == f"{_NOT_SIGNED}; what is signed has another From, Subject"
    assert remark_on_header(b"From: x@example.org\r\n" + message).endswith("has another From")
    assert remark_on_header(b"Cc: x@example.org\r\n" + message).endswith("has another Cc")


def test_the_message_that_kim_signs_is_in_another_one() -> None:
    wrapped = b"Content-Type: message/rfc822\r\n\r\n" + _MESSAGE
    assert remark_on_header(_opaque(wrapped)).endswith("; what is signed has the same ones")
    outside = _HEADER.replace(b"Befund", b"KOM-LE-Nachricht")
    assert remark_on_header(_opaque(wrapped, outside)).endswith("; what is signed has another Subject")


@pytest.mark.parametrize(
    "message",
    [
        _opaque(b"Content-Type: text/plain\r\n\r\nText\r\n"),
        _in_two_parts(b"Content-Type: text/plain\r\n\r\nText"),
        _in_two_parts(b"no header\r\n"),
        _HEADER + _PKCS7 + b"\r\nno CMS",
        _HEADER + b"Content-Type: multipart/signed\r\n\r\n",
    ],
    ids=["opaque", "two parts", "no message", "no CMS", "no parts"],
)
def test_a_part_without_such_fields(message: bytes) -> None:
    assert remark_on_header(message) == _NOT_SIGNED


def test_two_parts_with_a_message() -> None:
    assert remark_on_header(_in_two_parts(_MESSAGE)).endswith("; what is signed has the same ones")


@pytest.mark.parametrize("document", [b"", b"%PDF-1.7\n", b"<a/>", _MESSAGE, b"0\x80\x06", b"Subject: a"])
def test_other_documents(document: bytes) -> None:
    assert remark_on_header(document) == ""
