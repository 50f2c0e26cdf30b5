"""MTOM: a SOAP message as `multipart/related` with its large contents as attachments.

Sources: SOAP MTOM (W3C 25 January 2005), XOP of the same date, RFC 2387, RFC 2046 §5.1; gemSpec_Kon V5.18
TIP1-A_5694-03. Clients in the field (Axis, CXF, JAX-WS, .NET) write `start` and Content-ID with and without angle
brackets, and `type` in either case.
"""

import re
from collections.abc import Iterator

from tiaas.base.dataclass import dataclass
from tiaas.base.slices import copied, found
from tiaas.base.unlocked import Octets
from tiaas.soap.errors import BadEnvelope

PART_TYPE = "application/xop+xml"
_PARTS_MAX = 2_000
_HEAD_MAX = 8 * 1024
_FIELDS_MAX = 100
_NO_DELIMITERS_MAX = 2_000
"""Lines that begin like a delimiter and are none."""
_BOUNDARY_MAX = 200
_PARAMETER = re.compile(r"""; *([\w!#$%&'*+.^`|~-]{1,60}) *= *(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))""")
_AS_THEY_ARE = ("", "binary", "8bit", "7bit")


@dataclass(frozen=True, slots=True)
class Package:
    """A message taken apart: the SOAP envelope and the attachments by Content-ID."""

    root: memoryview
    attachments: dict[str, memoryview]


def is_package(content_type: str) -> bool:
    """Whether a Content-Type is that of MTOM."""
    media_type, parameters = _media_type(content_type)
    return media_type == "multipart/related" and parameters.get("type", PART_TYPE).lower() == PART_TYPE


def wants_package(accept: str) -> bool:
    """Whether `Accept` announces `multipart/related` with `application/xop+xml`."""
    wanted = accept.lower()
    return "multipart/related" in wanted and PART_TYPE in wanted


def open_package_untrusted(content_type: str, body: Octets) -> Package:
    """Takes a message apart without copying. Raises `BadEnvelope`."""
    _, parameters = _media_type(content_type)
    boundary = parameters.get("boundary", "")
    if not boundary or len(boundary) > _BOUNDARY_MAX:
        raise BadEnvelope("the multipart message names no boundary")
    wanted = _bare(parameters.get("start", ""))
    root: memoryview | None = None
    attachments: dict[str, memoryview] = {}
    for number, (name, content) in enumerate(_parts(body, b"--" + boundary.encode("latin-1", "replace"))):
        if number >= _PARTS_MAX:
            raise BadEnvelope(f"more than {_PARTS_MAX} parts")
        if root is None and wanted in ("", name):
            root = content
        elif name:
            attachments[name] = content
    if root is None:
        raise BadEnvelope("the multipart message has no root part")
    return Package(root, attachments)


def package_type(boundary: str) -> str:
    """The Content-Type of an answer."""
    return f'multipart/related; type="{PART_TYPE}"; boundary="{boundary}"; start="<root>"; start-info="text/xml"'


def root_head(boundary: str) -> bytes:
    """What stands before the envelope of an answer."""
    lines = (
        f"--{boundary}",
        f'Content-Type: {PART_TYPE}; charset=utf-8; type="text/xml"',
        "Content-Transfer-Encoding: binary",
        "Content-ID: <root>",
    )
    return "\r\n".join((*lines, "", "")).encode()


def attachment_head(boundary: str, name: str) -> bytes:
    """What stands before an attachment."""
    lines = (
        "",
        f"--{boundary}",
        "Content-Type: application/octet-stream",
        "Content-Transfer-Encoding: binary",
        f"Content-ID: <{name}>",
    )
    return "\r\n".join((*lines, "", "")).encode()


def package_end(boundary: str) -> bytes:
    """What stands behind the last part."""
    return f"\r\n--{boundary}--\r\n".encode()


def _parts(body: Octets, delimiter: bytes) -> Iterator[tuple[str, memoryview]]:
    """Content-ID and content of each part; a delimiter stands at the start of a line."""
    octets = body if isinstance(body, bytes | bytearray) else copied(body)
    view = memoryview(octets)
    places = _delimiters(octets, delimiter)
    at = next(places, None)
    if at is None:
        raise BadEnvelope("the boundary of the multipart message does not come")
    while not octets.startswith(b"--", at + len(delimiter)):
        following = next(places, None)
        if following is None:
            raise BadEnvelope("the last part of the multipart message has no end")
        yield _part(octets, view, at + len(delimiter), following - 1)
        at = following


def _delimiters(octets: bytes | bytearray, delimiter: bytes) -> Iterator[int]:
    """Where delimiters are: at the start of a line, with nothing but the end mark or spaces behind them."""
    line = b"\n" + delimiter
    at, others = 0 if octets.startswith(delimiter) else found(octets, line) + 1, 0
    while at or octets.startswith(delimiter):
        end = at + len(delimiter)
        if octets.startswith(b"--", end) or not octets[end : end + 200].partition(b"\n")[0].strip(b" \t\r"):
            yield at
        else:
            others += 1
            if others > _NO_DELIMITERS_MAX:
                raise BadEnvelope("too many lines begin with the boundary of the multipart message")
        at = found(octets, line, end) + 1
        if not at:
            return


def _part(octets: bytes | bytearray, view: memoryview, start: int, end: int) -> tuple[str, memoryview]:
    """`start` is behind the delimiter, `end` at the line feed before the next one."""
    line = octets.find(b"\n", start, end + 1)
    first = line + 1
    # Behind the longest head nothing is looked for: a content may be long.
    reach = min(end + 1, first + _HEAD_MAX + 4)
    crlf, lf = octets.find(b"\r\n\r\n", line - 1, reach), octets.find(b"\n\n", line, reach)
    gaps = [(at, at + size) for at, size in ((crlf, 4), (lf, 2)) if at >= 0]
    if not gaps:
        raise BadEnvelope(f"a part of the multipart message has no head of at most {_HEAD_MAX} octets")
    head_end, content = min(gaps)
    if octets.startswith(b"\r", end - 1):
        end -= 1
    name, encoding = _head(bytes(view[first : max(head_end, first)]))
    if encoding not in _AS_THEY_ARE:
        raise BadEnvelope("a part has a Content-Transfer-Encoding that MTOM does not know; send it as binary")
    return name, view[content : max(end, content)]


def _head(head: bytes) -> tuple[str, str]:
    """Content-ID and Content-Transfer-Encoding."""
    fields = {}
    lines = head.decode("latin-1").splitlines()
    if len(lines) > _FIELDS_MAX:
        raise BadEnvelope(f"a part of the multipart message has more than {_FIELDS_MAX} lines in its head")
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    return _bare(fields.get("content-id", "")), fields.get("content-transfer-encoding", "").lower()


def _bare(name: str) -> str:
    return name.strip().removeprefix("<").removesuffix(">")


def _media_type(content_type: str) -> tuple[str, dict[str, str]]:
    """Media type in lower case and parameters, of several with one name the first (RFC 2045 §5.1)."""
    media_type, _, _ = content_type.partition(";")
    parameters: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(content_type[:_HEAD_MAX]):
        parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain)
    return media_type.strip().lower(), parameters
