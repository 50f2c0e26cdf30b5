"""MIME messages: header fields, canonical text, what S/MIME makes of them and finds in them."""

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiaas.ades import mime

MESSAGE = (
    b"From: Karl <karl@example.org>\nSubject: Hello\n  world\nX-Empty:\nContent-Type: text/plain; charset=ISO-8859-1\n"
    b"Content-Language: de\nMessage-ID: <1@example.org>\n\nM\xfcller\n\nzwei\n"
)


def test_header_and_body() -> None:
    split = mime.split_untrusted(MESSAGE)
    assert [field.name for field in split.fields][:3] == ["from", "subject", "x-empty"]
    assert split.field("SUBJECT") == "Hello  world"
    assert split.field("x-empty") == ""
    assert split.field("x-other") is None
    assert split.content_type == "text/plain"
    assert split.parameter("charset") == "ISO-8859-1"
    assert split.body == b"M\xfcller\n\nzwei\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(end: bytes) -> None:
    message = MESSAGE.replace(b"\n", end)
    assert mime.canonical(message) == MESSAGE.replace(b"\n", b"\r\n")
    assert mime.split_untrusted(message).body == b"M\xfcller\n\nzwei\n".replace(b"\n", end)


def test_a_binary_body_stays() -> None:
    body = b"\x00\n\r\n\r"
    binary = b"Content-Type: image/tiff\nContent-Transfer-Encoding: Binary\n\n"
    assert mime.canonical(binary + body) == binary.replace(b"\n", b"\r\n") + body
    text = b"Content-Type: text/plain\nContent-Transfer-Encoding: binary\n\n"
    assert mime.canonical(text + b"a\nb") == text.replace(b"\n", b"\r\n") + b"a\r\nb"


def test_without_header_and_without_body() -> None:
    assert mime.split_untrusted(b"\r\nbody").fields == ()
    assert mime.split_untrusted(b"\r\nbody").body == b"body"
    assert mime.split_untrusted(b"Subject: x").body == b""
    assert mime.split_untrusted(b"Subject: x\r\n\r\n").body == b""


@pytest.mark.parametrize(
    "message", [b"no field\n\nbody", b" folded: first\n\n", b"N\xe4me: x\n\n", b"%PDF-1.7", b": x\n\n"]
)
def test_no_message(message: bytes) -> None:
    with pytest.raises(mime.BadMime):
        mime.split_untrusted(message)


def test_many_folded_lines_are_put_together_once() -> None:
    """Each added to those before it, they would take gigabytes to be copied."""
    folds = (mime.MAX_HEADER - 100) // 3
    split = mime.split_untrusted(b"A: b" + b"\n x" * folds + b"\n\n")
    assert split.field("a") == "b" + " x" * folds


def test_a_header_without_end() -> None:
    with pytest.raises(mime.BadMime):
        mime.split_untrusted(b"X: " + b"a" * mime.MAX_HEADER + b"\n\n")


def test_the_wrapped_message() -> None:
    """All header fields stay but those that are set and those about the body; a foreign parser reads it."""
    wrapped = mime.pkcs7_mime(MESSAGE, b"cms" * 100, "signed-data", [("Subject", "Other")])
    assert b"\n" not in wrapped.replace(b"\r\n", b"")
    read = email.message_from_bytes(wrapped, policy=email.policy.SMTP)
    assert read.keys() == [
        "From",
        "X-Empty",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "Subject",
    ]
    assert read["Subject"] == "Other"
    assert read["MIME-Version"] == "1.0"
    assert read.get_content_type() == "application/pkcs7-mime"
    assert read["Content-Type"].params["smime-type"] == "signed-data"
    assert read.get_filename() == "smime.p7m"
    assert read.get_payload(decode=True) == b"cms" * 100
    assert mime.pkcs7_content_untrusted(wrapped) == b"cms" * 100


def test_binary_transfer_encoding_is_read() -> None:
    """As KIM writes the inner message."""
    message = b"Content-Type: application/x-pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n0\x03\x02\x01\x05"
    assert mime.pkcs7_content_untrusted(message) == b"0\x03\x02\x01\x05"


@pytest.mark.parametrize(
    "message",
    [
        b"Content-Type: text/plain\n\n",
        b"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\nMAM",
    ],
)
def test_no_cms_in_it(message: bytes) -> None:
    with pytest.raises(mime.BadMime):
        mime.pkcs7_content_untrusted(message)


def test_multipart_signed() -> None:
    message = (
        b'Content-Type: multipart/signed; boundary="a.b"\r\n\r\npreamble\r\n--a.b\r\nContent-Type: text/plain\r\n\r\n'
        b"Text\r\n--a.bc\r\n--a.b\r\nContent-Type: application/pkcs7-signature\r\n\r\nsig\r\n--a.b--\r\nepilogue"
    )
    signed, signature = mime.signed_parts_untrusted(mime.split_untrusted(message))
    assert signed == b"Content-Type: text/plain\r\n\r\nText\r\n--a.bc"
    assert signature == b"Content-Type: application/pkcs7-signature\r\n\r\nsig"


@pytest.mark.parametrize(
    "message",
    [
        b"Content-Type: multipart/signed\r\n\r\n--x\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x\r\n\r\nb\r\n--x--",
        b"Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--",
        b"Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\na\r\n--x\r\nb\r\n--x\r\nc\r\n--x--",
    ],
)
def test_multipart_of_another_kind(message: bytes) -> None:
    with pytest.raises(mime.BadMime):
        mime.signed_parts_untrusted(mime.split_untrusted(message))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_what_is_wrapped_is_found(content: bytes) -> None:
    assert mime.pkcs7_content_untrusted(mime.pkcs7_mime(MESSAGE, content, "signed-data")) == content


def test_a_content_type_that_is_endless_is_none() -> None:
    """Reading its parameters would take time by the square of its length."""
    message = mime.split_untrusted(b'Content-Type: multipart/signed; boundary=x; a="' + b";" * 5000 + b"\r\n\r\nbody")
    assert message.content_type == "text/plain"
    assert message.parameter("boundary") is None
