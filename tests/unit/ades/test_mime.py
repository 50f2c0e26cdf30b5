"""MIME messages: header fields, canonical text, what S/MIME makes of them and finds in them."""

import email
import email.policy
import re
import tracemalloc
from base64 import b64decode, encodebytes
from binascii import a2b_base64
from collections.abc import Callable
from contextlib import suppress
from unittest.mock import patch

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
    assert bytes(split.body) == b"M\xfcller\n\nzwei\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(end: bytes) -> None:
    message = MESSAGE.replace(b"\n", end)
    assert mime.canonical(message) == MESSAGE.replace(b"\n", b"\r\n")
    assert bytes(mime.split_untrusted(message).body) == b"M\xfcller\n\nzwei\n".replace(b"\n", end)


def test_a_binary_body_stays() -> None:
    body = b"\x00\n\r\n\r"
    binary = b"Content-Type: image/tiff\nContent-Transfer-Encoding: Binary\n\n"
    assert mime.canonical(binary + body) == binary.replace(b"\n", b"\r\n") + body
    text = b"Content-Type: text/plain\nContent-Transfer-Encoding: binary\n\n"
    assert mime.canonical(text + b"a\nb") == text.replace(b"\n", b"\r\n") + b"a\r\nb"


def test_without_header_and_without_body() -> None:
    assert mime.split_untrusted(b"\r\nbody").fields == ()
    assert bytes(mime.split_untrusted(b"\r\nbody").body) == b"body"
    assert bytes(mime.split_untrusted(b"Subject: x").body) == b""
    assert bytes(mime.split_untrusted(b"Subject: x\r\n\r\n").body) == b""


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
    assert bytes(signature) == b"Content-Type: application/pkcs7-signature\r\n\r\nsig"


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


_LINE_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
_PIECES = st.one_of(
    _LINE_ENDS,
    st.sampled_from([b"--", b"-", b"b", b"--b", b"\n--b", b"\n--b--", b" ", b"\t", b" " * 79, b" " * 81, b"x"]),
)


@given(st.lists(_PIECES, max_size=30).map(b"".join), st.sampled_from(["b", "-", "b--", "b b"]), st.integers(1, 9))
def test_parts_are_what_one_expression_finds(body: bytes, boundary: str, size: int) -> None:
    """However large the slices are that are searched."""
    line = rb"(?:\A|\r\n|\n|\r)--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*(?:\r\n|\n|\r|\Z)"
    parts = re.split(line, body, maxsplit=4)
    message = mime.split_untrusted(b'Content-Type: multipart/signed; boundary="%b"\n\n' % boundary.encode() + body)
    with patch.object(mime, "_SLICE", size):
        if len(parts) != 4:
            with pytest.raises(mime.BadMime):
                mime.signed_parts_untrusted(message)
            return
        signed, signature = mime.signed_parts_untrusted(message)
    assert signed == re.sub(rb"\r\n|\r|\n", b"\r\n", parts[1])
    assert bytes(signature) == parts[2]


@given(st.lists(st.one_of(_LINE_ENDS, st.sampled_from([b"a:", b"b"])), max_size=20).map(b"".join), st.integers(1, 5))
def test_a_header_ends_where_one_expression_says(message: bytes, size: int) -> None:
    """And lines end where they do, wherever slices do."""
    ends = re.search(rb"(?:\A|(?>\r\n|\n|\r))(?>\r\n|\n|\r)", message)
    with patch.object(mime, "_SLICE", size):
        try:
            split = mime.split_untrusted(message)
        except mime.BadMime:
            return
        assert bytes(split.body) == (b"" if ends is None else message[ends.end() :])
        header = message if ends is None else message[: ends.start()]
        assert [field.written for field in split.fields] == (re.split(rb"\r\n|\r|\n", header) if header else [])
        assert mime.canonical(message) == re.sub(rb"\r\n|\r|\n", b"\r\n", message)


@given(
    st.lists(st.sampled_from([b"A", b"Qx", b"QUJD", b"QQ==", b"=", b"===", b".", b"\n", b"\xff"])), st.integers(1, 9)
)
def test_base64_is_read_as_in_one_go(pieces: list[bytes], size: int) -> None:
    body = b"".join(pieces)
    try:
        expected = b64decode(re.sub(rb"[^A-Za-z0-9+/=]", b"", body), validate=True)
    except ValueError:
        expected = None
    message = mime.split_untrusted(b"Content-Transfer-Encoding: base64\n\n" + body)
    with patch.object(mime, "_SLICE", size):
        if expected is None:
            with pytest.raises(mime.BadMime):
                mime.decoded_untrusted(message)
        else:
            assert mime.decoded_untrusted(message) == expected


@given(st.binary(max_size=300), st.integers(57, 130))
def test_base64_is_written_as_in_one_go(content: bytes, size: int) -> None:
    with patch.object(mime, "_SLICE", size):
        written = mime.pkcs7_mime(MESSAGE, content, "signed-data")
    assert written.endswith(b"smime.p7m\r\n\r\n" + encodebytes(content).replace(b"\n", b"\r\n"))


_FIRST = st.sampled_from(
    ["boundary", "a", "boundary*", "boundary*0", "boundary*1", "boundary*0*", "boundary*01", "*", ""]
)
_PARAMETERS = st.lists(
    st.tuples(_FIRST, st.sampled_from(["=", "", "*="]), st.sampled_from(["x", '"x', '"', "us''%41", "%e4", ""]))
)


@given(_PARAMETERS)
def test_parameters_in_parts_are_text_or_nothing(parameters: list[tuple[str, str, str]]) -> None:
    field = "".join("; " + "".join(parameter) for parameter in parameters)
    message = mime.split_untrusted(b"Content-Type: multipart/signed" + field.encode() + b"\n\nbody")
    found = message.parameter("boundary")
    assert found is None or isinstance(found, str)
    assert message.content_type == "multipart/signed"


def test_parts_with_and_without_number_are_no_parameter() -> None:
    """The library's parser raises TypeError."""
    message = mime.split_untrusted(b"Content-Type: multipart/signed; boundary*=x; boundary*0*=y\r\n\r\n--x\r\n")
    assert message.parameter("boundary") is None
    with pytest.raises(mime.BadMime):
        mime.signed_parts_untrusted(message)


class _Seen:
    """A pattern, and how many octets it was given at once at most."""

    most = 0

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern

    def search(self, octets: bytes, start: int, end: int) -> re.Match[bytes] | None:
        _Seen.most = max(_Seen.most, end - start)
        return self._pattern.search(octets, start, end)


class _Expressions:
    """The module `re` as far as it is used there."""

    escape = re.escape

    @staticmethod
    def compile(pattern: bytes) -> _Seen:
        return _Seen(re.compile(pattern))


_SIZE = 3 * 1024 * 1024
_OPAQUE = b"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n"
_MULTIPART = b"Content-Type: multipart/signed; boundary=b\n\n--b\n\n%s\n--b\nsignature\n--b--"


@pytest.mark.parametrize(
    "long", [b"A.", b"AAAA", b"\n", b"\r", b" ", b"=", b"-", b"\n--b", b"\n--b" + b" " * 99 + b"x"]
)
@pytest.mark.parametrize("message", [_OPAQUE + b"%s", _MULTIPART, b"a: b\n\n%s"], ids=["opaque", "parts", "plain"])
def test_of_a_large_body_little_is_worked_on_at_once(message: bytes, long: bytes) -> None:
    """Everybody else waits meanwhile. Of pieces, of which there may be as many as octets, none is kept."""
    whole = message.replace(b"%s", long * (_SIZE // len(long)))
    calls: list[int] = []

    def seen(call: Callable[..., bytes]) -> Callable[..., bytes]:
        def called(octets: bytes, **kwargs: bool) -> bytes:
            calls.append(len(octets))
            return call(octets, **kwargs)

        return called

    with (
        patch.object(mime, "_EMPTY_LINE", _Seen(mime._EMPTY_LINE)),
        patch.object(mime, "re", _Expressions),
        patch.object(mime, "a2b_base64", seen(a2b_base64)),
        patch.object(mime, "encodebytes", seen(encodebytes)),
    ):
        for work in (
            lambda: mime.pkcs7_content_untrusted(whole),
            lambda: mime.signed_parts_untrusted(mime.split_untrusted(whole)),
            lambda: mime.canonical(whole),
            lambda: mime.pkcs7_mime(whole, whole, "signed-data"),
        ):
            tracemalloc.start()
            try:
                with suppress(mime.BadMime):
                    work()
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert peak < 2.4 * _SIZE
    assert max(calls) <= 2 * mime._SLICE
    assert _Seen.most <= 2 * mime._SLICE
