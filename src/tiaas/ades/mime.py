"""MIME messages as S/MIME takes and makes them (RFC 5322, 2045, 5751): header fields, canonical text, pkcs7-mime.

Header fields are kept as octets, as they are written; nothing is decoded but the fields that say what the body is.
"""

import re
from base64 import b64decode, encodebytes
from collections.abc import Sequence
from email.message import Message

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

MAX_HEADER = 256 * 1024
"""Octets of all header fields."""
_MAX_CONTENT_TYPE = 4 * 1024
"""Octets of a Content-Type that makes sense; the parser of its parameters takes quadratic time."""
PKCS7_MIME = ("application/pkcs7-mime", "application/x-pkcs7-mime")

_LINE_END = re.compile(rb"\r\n|\n|\r")
_EMPTY_LINE = re.compile(rb"(?:\A|(?>\r\n|\n|\r))(?>\r\n|\n|\r)")
_FIELD_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")


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
        return _LINE_END.sub(b"", self.written.partition(b":")[2]).strip().decode("latin-1")


@dataclass(frozen=True, slots=True, repr=False)
class MimeMessage:
    """Header fields and body of a message or of a part of one."""

    fields: tuple[Field, ...]
    body: bytes

    def field(self, name: str) -> str | None:
        """The value of the first field of that name, or None."""
        return next((field.value for field in self.fields if field.name == name.lower()), None)

    @property
    def content_type(self) -> str:
        """Type and subtype in lower case; text/plain if none is named or the field makes no sense (RFC 2045, 5.2)."""
        return self._about("content-type").get_content_type()

    def parameter(self, name: str) -> str | None:
        """A parameter of Content-Type, or None."""
        found = self._about("content-type").get_param(name)
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


def split_untrusted(message: bytes) -> MimeMessage:
    """Header and body of a message; raises only `BadMime`."""
    ends = _EMPTY_LINE.search(message, 0, MAX_HEADER)
    if ends is None and len(message) > MAX_HEADER:
        raise BadMime(f"a header of more than {MAX_HEADER} octets")
    header, body = (message, b"") if ends is None else (message[: ends.start()], message[ends.end() :])
    return MimeMessage(tuple(_fields(header)), body)


def canonical(message: bytes) -> bytes:
    """The message with CR LF as line ends (RFC 5751, 3.1.1); raises `BadMime`.

    A binary body that is no text stays as it is: its octets are not lines.
    """
    split = split_untrusted(message)
    if split.transfer_encoding != "binary" or split.content_type.startswith("text/"):
        return _with_crlf(message)
    return _with_crlf(message[: len(message) - len(split.body)]) + split.body


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
    return _header(fields) + b"\r\n" + encodebytes(cms).replace(b"\n", b"\r\n")


def pkcs7_content_untrusted(message: bytes) -> bytes:
    """The CMS structure in an application/pkcs7-mime message; raises only `BadMime`."""
    split = split_untrusted(message)
    if split.content_type not in PKCS7_MIME:
        raise BadMime("not of type application/pkcs7-mime")
    return decoded_untrusted(split)


def decoded_untrusted(part: MimeMessage) -> bytes:
    """The body without its transfer encoding, base64 or binary; raises only `BadMime`."""
    if part.transfer_encoding != "base64":
        return part.body
    try:
        return b64decode(_NOT_BASE64.sub(b"", part.body), validate=True)
    except ValueError:
        raise BadMime("a body that is no base64") from None


def signed_parts_untrusted(message: MimeMessage) -> tuple[bytes, bytes]:
    """The two parts of multipart/signed as they are written, the signed one in canonical form (RFC 1847, 2.1).

    Raises only `BadMime`.
    """
    boundary = message.parameter("boundary")
    if message.content_type != "multipart/signed" or not boundary:
        raise BadMime("not of type multipart/signed, or without boundary")
    mark = re.escape(boundary.encode("latin-1"))
    lines = rb"(?:\A|\r\n|\n|\r)--" + mark
    parts = re.split(lines + rb"(?:--)?[ \t]*(?:\r\n|\n|\r|\Z)", message.body, maxsplit=4)
    if len(parts) != 4:
        raise BadMime("multipart/signed has two parts")
    try:
        return canonical(parts[1]), parts[2]
    except BadMime:
        # What is signed need not make sense as a message for its signature to be right.
        return _with_crlf(parts[1]), parts[2]


def _fields(header: bytes) -> list[Field]:
    found: list[tuple[str, list[bytes]]] = []
    for line in _LINE_END.split(header) if header else ():
        if line[:1] in (b" ", b"\t") and found:
            found[-1][1].append(line)
            continue
        name = _FIELD_NAME.match(line)
        if name is None:
            raise BadMime("a line of the header is no field")
        found.append((name[1].decode("ascii").lower(), [line]))
    return [Field(name, b"\r\n".join(lines)) for name, lines in found]


def _with_crlf(text: bytes) -> bytes:
    """CR LF for each line end; a few passes over megabytes cost less than a piece for each line."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _header(fields: Sequence[Field]) -> bytes:
    return b"".join(field.written + b"\r\n" for field in fields)
