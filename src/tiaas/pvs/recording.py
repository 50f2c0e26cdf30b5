"""The form of a recording, written by a Konnektor of the lab and read by everything that shows or judges it.

A recording holds TEST DATA about invented people: messages as they went over the wire. PINs are typed at terminals and
never appear on these interfaces; passwords of HTTP are left out. Numbers of calls, events and handshakes are one
sequence, so that a report can name a message.
"""

import dataclasses
import json
import re
from datetime import datetime
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.wire import BadDocument, decode_document_untrusted

FORMAT = "tiaas-recording"
VERSION = 1
NOTICE = "TEST DATA: a recording of a lab. KVNR, ICCSN and names are those of invented people and of test cards."
_HALF_SIGN = re.compile(rb"\\u[dD][89a-fA-F]")
DOCUMENT_MAX = 128 * 1024 * 1024
"""Octets of a file that is read."""


class BadRecording(TiaasError):
    """What was read is no recording."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an HTTP request's head."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request and its answer.

    `connection` is the client's address and port: calls with the same one shared a connection. `tls` is version and
    cipher suite, None without TLS. `request` and `answer` are bodies as text, cut where `…_octets` says that there was
    more. `client_systems` are those of the client's certificate, else the one the message claims. `status` 0: the
    client left before it was answered.
    """

    number: int
    at: datetime
    seconds: float
    connection: str
    tls: str | None
    client_systems: tuple[str, ...]
    method: str
    path: str
    status: int
    fields: tuple[Field, ...]
    request: str
    request_octets: int
    answer: str
    answer_octets: int

    def field(self, name: str) -> str | None:
        """A field's value; `name` in lower case."""
        return next((field.value for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event sent to a receiver of a Clientsystem. `outcome` is `delivered` or the name of a failure; `said` is what
    the receiver sent back, which nobody has to."""

    number: int
    at: datetime
    seconds: float
    client_system: str
    sink: str
    message: str
    outcome: str
    said: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """A TLS handshake of a client that failed; `reason` is OpenSSL's."""

    number: int
    at: datetime
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault of the lab struck: its number, what, when and the line of what it struck."""

    fault: int
    service: str
    at: datetime
    line: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A version of a service in the Konnektor's directory."""

    name: str
    version: str
    namespace: str
    path: str


@dataclass(frozen=True, slots=True)
class Recording:
    """See module. `lost` counts the oldest entries that had to go; `client_systems` are those recorded, None: all."""

    instance: str
    began: datetime
    ended: datetime | None
    client_systems: tuple[str, ...] | None
    lost: int
    offered: tuple[Offered, ...]
    calls: tuple[Call, ...]
    deliveries: tuple[Delivery, ...]
    handshakes: tuple[Handshake, ...]
    struck: tuple[Struck, ...] = ()
    format: str = FORMAT
    version: int = VERSION
    notice: str = NOTICE

    def to_document(self) -> dict[str, Any]:
        """The JSON object of a file."""
        head = {"format": self.format, "version": self.version, "notice": self.notice}
        return head | dataclasses.asdict(self)


def encode_recording(recording: Recording) -> bytes:
    """The octets of a file."""
    return json.dumps(recording.to_document(), ensure_ascii=False, default=_plain, indent=1).encode()


def decode_recording_untrusted(octets: bytes) -> Recording:
    """The inverse. Raises `BadRecording`."""
    if len(octets) > DOCUMENT_MAX:
        raise BadRecording(f"a recording has {DOCUMENT_MAX} octets at most")
    try:
        document = json.loads(octets)
    except (ValueError, RecursionError):
        raise BadRecording("it is no JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadRecording("it is no recording of tiaas")
    if document.get("version") != VERSION:
        raise BadRecording(f"version {document.get('version')!r} of recordings is not read here")
    try:
        recording = decode_document_untrusted(Recording, document)
        if _HALF_SIGN.search(octets):
            encode_recording(recording)
        return recording
    except UnicodeEncodeError:
        raise BadRecording("it has halves of signs (surrogates)") from None
    except BadDocument as error:
        raise BadRecording(str(error)) from None


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    raise TypeError
