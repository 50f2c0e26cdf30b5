"""The caller's side of HTTP/1.1 towards the Intermediär, without I/O (gemSpec_SST_VSDM V2.5.0, 2.2, 2.5, 2.8).

One request at a time on a connection (no pipelining, VSDM-A_3066). Answers may be gzip (VSDM-A_2200); what one may cost
is bounded before and after unpacking. The field Via says that an answer came from the Fachdienst behind the Intermediär
(VSDM-A_2215).
"""

import zlib
from dataclasses import dataclass

import httptools

from tiaas.base.errors import TiaasError

HEAD_MAX = 16 * 1024
BODY_MAX = 2 * 1024 * 1024
"""Octets of an answer, packed and unpacked; an update package of all data has less than 10 KiB."""

_GZIP = ("gzip", "x-gzip")


class BadHttp(TiaasError):
    """Octets that are no answer of HTTP/1.1, or one beyond our bounds."""


@dataclass(frozen=True, slots=True, repr=False)
class HttpAnswer:
    """An answer. `via`: it passed the Intermediär; `keep_alive`: the connection may carry another request."""

    status: int
    body: bytes
    via: bool
    keep_alive: bool

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, {len(self.body)} octets, via={self.via})"


def write_post(host: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes) -> bytes:
    """A POST with a body that is not compressed (VSDM-A_2199)."""
    fields = (("Host", host), ("Accept-Encoding", "gzip"), *headers, ("Content-Length", str(len(body))))
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    return head.encode("ascii") + body


class AnswerReader:
    """Takes the octets of one answer as they come."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._start()
        self._answer: HttpAnswer | None = None
        self._received = 0

    @property
    def begun(self) -> bool:
        """Whether any octet of the answer came."""
        return self._received > 0

    def feed_untrusted(self, octets: bytes) -> HttpAnswer | None:
        """The answer once it is complete, else None; raises only `BadHttp`. No octets: the connection ended."""
        if not octets:
            raise BadHttp("the connection ended before the answer did")
        self._received += len(octets)
        if self._received > HEAD_MAX + 2 * BODY_MAX:
            raise BadHttp("the answer is too large")
        try:
            self._parser.feed_data(octets)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # A refusal of ours comes out wrapped; its text says no more than this.
            raise BadHttp("not an answer of HTTP/1.1") from None
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

    def on_body(self, octets: bytes) -> None:
        """A part of the body."""
        self._body += octets
        if len(self._body) > BODY_MAX:
            raise BadHttp("the body is too large")

    def on_message_complete(self) -> None:
        """The answer is complete; 1xx only announces one."""
        status: int = self._parser.get_status_code()
        if status < 200:
            return
        body = _unpack(bytes(self._body), self._fields.get("content-encoding", ""))
        self._answer = HttpAnswer(status, body, "via" in self._fields, bool(self._parser.should_keep_alive()))


def _unpack(body: bytes, encoding: str) -> bytes:
    coding = encoding.lower()
    if coding in ("", "identity") or not body:
        return body
    if coding not in _GZIP:
        raise BadHttp("a content coding that was not offered")
    stream = zlib.decompressobj(wbits=31)
    try:
        document = stream.decompress(body, BODY_MAX + 1)
    except zlib.error:
        raise BadHttp("the body is no gzip") from None
    if len(document) > BODY_MAX or not stream.eof:
        raise BadHttp("the body is too large or cut off")
    return document
