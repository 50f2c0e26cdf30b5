"""The caller's side of HTTP/1.1, without I/O: a request written, one answer read.

One request at a time on a connection, no pipelining. An answer may be gzip where that was offered; what one may cost is
bounded before and after unpacking.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import field

import httptools

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

HEAD_MAX = 16 * 1024

_GZIP = ("gzip", "x-gzip")
_DIGITS_MAX = 20
"""Longer numbers than the parser takes are no lengths."""


class BadHttp(TiaasError):
    """Octets that are no answer of HTTP/1.1, or one beyond our bounds."""


class TooLarge(BadHttp):
    """The body, as announced or as it came, is larger than what is taken."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer; names of fields in lower case. `keep_alive`: the connection may carry another request."""

    status: int
    fields: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    keep_alive: bool

    @property
    def media_type(self) -> str:
        """In lower case, without parameters; empty if there is none."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()


def write_http_request(method: str, target: str, fields: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """The octets of a request; `fields` lack only Content-Length, which a body and every POST gets."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


class AnswerReader:
    """Takes the octets of one answer as they come; `most` bounds the body, packed and unpacked."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parser = httptools.HttpResponseParser(self)
        self._start()
        self._answer: HttpAnswer | None = None
        self._received = 0
        self._is_too_large = False

    @property
    def begun(self) -> bool:
        """Whether any octet of the answer came."""
        return self._received > 0

    def feed_untrusted(self, octets: bytes) -> HttpAnswer | None:
        """The answer once it is complete, else None; raises only `BadHttp`. No octets: the connection ended."""
        if not octets:
            raise BadHttp("the connection ended before the answer did")
        self._received += len(octets)
        if self._received > HEAD_MAX + 2 * self._most:
            raise TooLarge("the answer is too large")
        try:
            self._parser.feed_data(octets)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # A refusal of ours comes out wrapped.
            if self._is_too_large:
                raise TooLarge("the body is too large") from None
            raise BadHttp("the answer is no HTTP/1.1") from None
        if self._in_head and self._head_octets + len(octets) > HEAD_MAX and self._received > HEAD_MAX:
            raise BadHttp("the head is too large")
        return self._answer

    def _start(self) -> None:
        self._head_octets = 0
        self._in_head = True
        self._fields: dict[str, str] = {}
        self._body = bytearray()

    # ---- called by the parser ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A new answer; after a complete one nobody asked for it."""
        if self._answer is not None:
            raise BadHttp("more than one answer")
        self._start()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of a trailer."""
        self._head_octets += len(name) + len(value)
        if self._head_octets > HEAD_MAX:
            raise BadHttp("the head is too large")
        self._fields[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        """The head ended."""
        self._in_head = False
        announced = self._fields.get("content-length", "")
        if announced.isdecimal() and len(announced) < _DIGITS_MAX and int(announced) > self._most:
            self._refuse_size()

    def on_body(self, octets: bytes) -> None:
        """A part of the body."""
        self._body += octets
        if len(self._body) > self._most:
            self._refuse_size()

    def _refuse_size(self) -> None:
        self._is_too_large = True
        raise TooLarge("the body is too large")

    def on_message_complete(self) -> None:
        """The answer is complete; 1xx only announces one."""
        status: int = self._parser.get_status_code()
        if status < 200:
            return
        body = _unpack(bytes(self._body), self._fields.get("content-encoding", ""), self._most)
        self._answer = HttpAnswer(status, self._fields, body, bool(self._parser.should_keep_alive()))


def _unpack(body: bytes, encoding: str, most: int) -> bytes:
    coding = encoding.lower()
    if coding in ("", "identity") or not body:
        return body
    if coding not in _GZIP:
        raise BadHttp("a content coding that was not offered")
    stream = zlib.decompressobj(wbits=31)
    try:
        document = stream.decompress(body, most + 1)
    except zlib.error:
        raise BadHttp("the body is no gzip") from None
    if len(document) > most or not stream.eof:
        raise BadHttp("the body is too large or cut off")
    return document
