"""MIME messages as S/MIME takes and makes them (RFC 5322, 2045, 5751): header fields, canonical text, pkcs7-mime.

Header fields are kept as octets, as they are written; nothing is decoded but the fields that say what the body is. A
body is worked on in slices: each call keeps the interpreter's lock until it is done.
"""

import io
import re
from base64 import encodebytes
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message
from itertools import islice

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.slices import copied, slices
from tiaas.base.unlocked import Octets

MAX_HEADER = 256 * 1024
"""Octets of all header fields."""
_MAX_CONTENT_TYPE = 4 * 1024
"""Octets of a Content-Type that makes sense; the parser of its parameters takes quadratic time."""
PKCS7_MIME = ("application/pkcs7-mime", "application/x-pkcs7-mime")

_SLICE = 24 * 1024
"""Octets of a body worked on at once: a search takes ten times as long as copying."""
_LINE_OF_BASE64 = 57
"""Octets in one, as `encodebytes` makes them."""
_BLANKS_MAX = 80
"""Blanks behind a delimiter that are looked for with it."""
_LINE_END = re.compile(rb"\r\n|\n|\r")
_END = re.compile(rb"\r\n|\n|\r|\Z")
_BLANKS = re.compile(rb"[ \t]{1,%d}+" % _SLICE)
_EMPTY_LINE = re.compile(rb"(?:\A|(?>\r\n|\n|\r))(?>\r\n|\n|\r)")
_EMPTY_LINE_LENGTH = len(b"\r\n\r\n")
_FIELD_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(octet for octet in range(256) if octet not in _BASE64)


class BadMime(TiaasError):
    """Octets that are no MIME message of the expected kind; says what is wrong, without content."""


@dataclass(frozen=True, slots=True, repr=False)
class Field:
    """A header field: its name in lower case and the whole of it, folded lines included, without the last line end."""

    name: str
    written: bytes

    @property
    def value(self) -> str:
        """What stands behind the colon, unfolded, as Latin-1."""
        return self.written.partition(b":")[2].translate(None, b"\r\n").strip().decode("latin-1")


@dataclass(frozen=True, slots=True, repr=False)
class MimeMessage:
    """Header fields and body of a message or of a part of one."""

    fields: tuple[Field, ...]
    body: memoryview

    def field(self, name: str) -> str | None:
        """The value of the first field of that name, or None."""
        return next((field.value for field in self.fields if field.name == name.lower()), None)

    @property
    def content_type(self) -> str:
        """Type and subtype in lower case; text/plain if none is named or the field makes no sense (RFC 2045, 5.2)."""
        return self._about("content-type").get_content_type()

    def parameter(self, name: str) -> str | None:
        """A parameter of Content-Type, or None."""
        try:
            found = self._about("content-type").get_param(name)
        except (TypeError, ValueError):
            # What the library makes of parts of a parameter (RFC 2231), some with a number and some without.
            return None
        return found if isinstance(found, str) else None

    @property
    def transfer_encoding(self) -> str:
        """Content-Transfer-Encoding in lower case; 7bit if none is named."""
        return (self.field("content-transfer-encoding") or "7bit").lower()

    def _about(self, name: str) -> Message:
        message = Message()
        value = self.field(name)
        if value is not None and len(value) <= _MAX_CONTENT_TYPE:
            message[name] = value
        return message


def split_untrusted(message: Octets) -> MimeMessage:
    """Header and body of a message; raises only `BadMime`."""
    ends = _first(_EMPTY_LINE, _EMPTY_LINE_LENGTH, message, 0, min(len(message), MAX_HEADER))
    if ends is None and len(message) > MAX_HEADER:
        raise BadMime(f"a header of more than {MAX_HEADER} octets")
    view = memoryview(message)
    header, body = (view, view[:0]) if ends is None else (view[: ends.start()], view[ends.end() :])
    return MimeMessage(tuple(_fields(bytes(header))), body)


def canonical(message: Octets) -> bytes:
    """The message with CR LF as line ends (RFC 5751, 3.1.1); raises `BadMime`.

    A binary body that is no text stays as it is: its octets are not lines.
    """
    split = split_untrusted(message)
    if split.transfer_encoding != "binary" or split.content_type.startswith("text/"):
        return _written(_with_crlf(message))
    header = memoryview(message)[: len(message) - len(split.body)]
    return _written((*_with_crlf(header), *slices(split.body)))


def pkcs7_mime(message: bytes, cms: bytes, smime_type: str, setting: Sequence[tuple[str, str]] = ()) -> bytes:
    """A CMS structure as a message of type application/pkcs7-mime, with the header of `message`.

    Fields that are set here, and those of `setting` (name, ASCII value), replace the ones of that name. Raises
    `BadMime` if `message` is none.
    """
    ours = [
        ("MIME-Version", "1.0"),
        ("Content-Type", f"application/pkcs7-mime; smime-type={smime_type}; name=smime.p7m"),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", "attachment; filename=smime.p7m"),
        *setting,
    ]
    replaced = {name.lower() for name, _ in ours}
    # Another Content-… field would speak of the body that is inside now.
    kept = [
        field
        for field in split_untrusted(message).fields
        if field.name not in replaced and not field.name.startswith("content-")
    ]
    fields = [*kept, *(Field(name.lower(), f"{name}: {value}".encode("ascii")) for name, value in ours)]
    return _written((*_header(fields), b"\r\n"), _lines_of_base64(cms))


def pkcs7_content_untrusted(message: bytes) -> bytes:
    """The CMS structure in an application/pkcs7-mime message; raises only `BadMime`."""
    split = split_untrusted(message)
    if split.content_type not in PKCS7_MIME:
        raise BadMime("not of type application/pkcs7-mime")
    return decoded_untrusted(split)


def decoded_untrusted(part: MimeMessage) -> bytes:
    """The body without its transfer encoding, base64 or binary; raises only `BadMime`."""
    if part.transfer_encoding != "base64":
        return copied(part.body)
    try:
        return _written(_unbase64(part.body))
    except ValueError:
        raise BadMime("a body that is no base64") from None


def signed_parts_untrusted(message: MimeMessage) -> tuple[bytes, memoryview]:
    """The two parts of multipart/signed as they are written, the signed one in canonical form (RFC 1847, 2.1).

    Raises only `BadMime`.
    """
    boundary = message.parameter("boundary")
    if message.content_type != "multipart/signed" or not boundary:
        raise BadMime("not of type multipart/signed, or without boundary")
    delimiters = list(islice(_delimiters(message.body, boundary.encode("latin-1")), 4))
    if len(delimiters) != 3:
        raise BadMime("multipart/signed has two parts")
    (_, first), (first_end, second), (second_end, _) = delimiters
    signed, signature = message.body[first:first_end], message.body[second:second_end]
    try:
        return canonical(signed), signature
    except BadMime:
        # What is signed need not make sense as a message for its signature to be right.
        return _written(_with_crlf(signed)), signature


def _fields(header: bytes) -> list[Field]:
    found: list[tuple[str, list[bytes]]] = []
    for line in _lines(header):
        if line[:1] in (b" ", b"\t") and found:
            found[-1][1].append(line)
            continue
        name = _FIELD_NAME.match(line)
        if name is None:
            raise BadMime("a line of the header is no field")
        found.append((name[1].decode("ascii").lower(), [line]))
    return [Field(name, b"\r\n".join(lines)) for name, lines in found]


def _lines(header: bytes) -> Iterator[bytes]:
    """Its lines without their ends; none if it is empty."""
    start = 0
    for end in _LINE_END.finditer(header):
        yield header[start : end.start()]
        start = end.end()
    if header:
        yield header[start:]


def _delimiters(body: memoryview, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Where the lines between the parts of a multipart message begin and end, with the line ends around them."""
    mark = rb"(?:\A|\r\n|\n|\r)--" + re.escape(boundary)
    line = re.compile(mark + rb"(?:--)?+[ \t]{0,%d}+(?=[ \t\r\n]|\Z)" % _BLANKS_MAX)
    longest = len(b"\r\n--") + len(boundary) + len(b"--") + _BLANKS_MAX + 1
    at = 0
    while (found := _first(line, longest, body, at, len(body))) is not None:
        at = found.end()
        while (blanks := _BLANKS.match(body, at)) is not None:
            at = blanks.end()
        end = _END.match(body, at)
        if end is not None:
            at = end.end()
            yield found.start(), at


def _first(pattern: re.Pattern[bytes], longest: int, octets: Octets, start: int, end: int) -> re.Match[bytes] | None:
    """What is found first between `start` and `end`, in slices: `search`. No match needs more than `longest` octets."""
    while start < end:
        match = pattern.search(octets, start, min(start + _SLICE + longest, end))
        # Of one that begins behind the slice not all may have been seen.
        if match is not None and match.start() <= start + _SLICE:
            return match
        start += _SLICE
    return None


def _with_crlf(text: Octets) -> Iterator[bytes]:
    """CR LF for each line end; a few passes over a slice cost less than a piece for each line."""
    held = b""
    for part in slices(text, _SLICE):
        octets = held + part
        # What follows may be its line feed.
        held = b"\r" if octets.endswith(b"\r") else b""
        whole = octets[: len(octets) - len(held)]
        yield whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if held:
        yield b"\r\n"


def _unbase64(text: Octets) -> Iterator[bytes]:
    """What base64 stands for, whatever is between its digits; raises `ValueError` if it is none."""
    rest, pads = b"", 0
    for part in slices(text, _SLICE):
        octets = bytes(part).translate(None, _NOT_BASE64)
        digits = octets.rstrip(b"=")
        if b"=" in digits or (digits and pads):
            raise ValueError("something behind the padding")
        pads += len(octets) - len(digits)
        rest += digits
        # At least one is kept: whether padding belongs there depends on how many are before it.
        whole = max(len(rest) - 1, 0) // 4 * 4
        yield a2b_base64(rest[:whole])
        rest = rest[whole:]
    # More padding than belongs anywhere is as wrong as all of it.
    yield a2b_base64(rest + b"=" * min(pads, 3), strict_mode=True)


def _lines_of_base64(octets: bytes) -> Iterator[bytes]:
    for part in slices(octets, _SLICE - _SLICE % _LINE_OF_BASE64):
        yield encodebytes(part).replace(b"\n", b"\r\n")


def _written(*parts: Iterable[Octets]) -> bytes:
    """All in one piece, put together as it is made, so that only that is kept."""
    out = io.BytesIO()
    for some in parts:
        out.writelines(some)
    return out.getvalue()


def _header(fields: Sequence[Field]) -> Iterator[bytes]:
    for field in fields:
        yield field.written
        yield b"\r\n"
