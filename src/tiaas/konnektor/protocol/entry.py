"""One entry of a log, and its line: a JSON object with a seal that chains it to the line before.

    {"number":17,"at":"2026-01-31T12:00:00.000+00:00","type":"Op","level":"Error",…,"seal":"5f…"}

The seal is HMAC-SHA-256 (first 16 octets) over the seal before and the line without its own; a line that was changed,
left out or put elsewhere shows. Attributes: gemSpec_Kon V5.18 TIP1-A_4714, TIP1-A_4715.
"""

import enum
import hmac
import json
from datetime import datetime
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

SEAL_OCTETS = 16
VALUE_MAX = 500
PARAMETERS_MAX = 40


class BadLine(TiaasError):
    """A line that we did not write like this."""


@enum.unique
class LogType(enum.StrEnum):
    """eventType of TUC_KON_271."""

    OPERATION = "Op"
    SECURITY = "Sec"
    PERFORMANCE = "Perf"


@enum.unique
class Level(enum.StrEnum):
    """Severity of an entry, in rising order; Debug is for Fachmodule only (TAB_KON_609)."""

    DEBUG = "Debug"
    INFO = "Info"
    WARNING = "Warning"
    ERROR = "Error"
    FATAL = "Fatal"

    @property
    def rank(self) -> int:
        """0 for Debug to 4 for Fatal."""
        return _RANK[self]


_RANK = {level: at for at, level in enumerate(Level)}


class LogName(NamedTuple):
    """Which log: by type, and by Fachmodul (`fm`, empty for the Konnektor's own). There is one security log."""

    type: LogType
    fm: str = ""

    @classmethod
    def of(cls, type_: LogType, fm: str) -> "LogName":
        """Where TUC_KON_271 writes (steps 1 to 5)."""
        return cls(type_, "" if type_ is LogType.SECURITY else fm)

    @property
    def text(self) -> str:
        """As in file names, commands and EC_LOG_OVERFLOW: `system`, `security`, `fm-VSDM`, `performance`, …"""
        if self.type is LogType.SECURITY:
            return "security"
        if self.type is LogType.PERFORMANCE:
            return f"performance-fm-{self.fm}" if self.fm else "performance"
        return f"fm-{self.fm}" if self.fm else "system"


SYSTEM = LogName(LogType.OPERATION)
SECURITY = LogName(LogType.SECURITY)
PERFORMANCE = LogName(LogType.PERFORMANCE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `number` counts from 1 in its log; `parameters` are free of personal data.

    `event_id` is that of a fault's trace (EventID and LogReference), `message_id` that of the fault; `operation` and
    `call` name the SOAP call it belongs to.
    """

    number: int
    at: datetime
    type: LogType
    level: Level
    topic: str = ""
    code: int | None = None
    text: str = ""
    fm: str = ""
    event_id: str = ""
    message_id: str = ""
    operation: str = ""
    call: str = ""
    parameters: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, Any]:
        """As a JSON object; what is empty is left out."""
        told: dict[str, Any] = json.loads(_written(self, self.number))
        return told


def seal_line(entry: Entry, number: int, before: bytes, key: bytes) -> tuple[bytes, bytes]:
    """The entry's line with its end, and its seal; it gets this number."""
    body = _written(entry, number).encode()
    seal = _seal(key, before, body)
    return body[:-1] + b',"seal":"' + seal.hex().encode() + b'"}\n', seal


def _written(entry: Entry, number: int) -> str:
    """The entry with this number as JSON; put together here, as that takes a third of the time of the general way."""
    at = entry.at.isoformat(timespec="milliseconds")
    told = [f'{{"number":{number},"at":"{at}","type":"{entry.type}","level":"{entry.level}"']
    if entry.topic:
        told.append(f'"topic":{_quoted(entry.topic)}')
    if entry.code:
        told.append(f'"code":{entry.code}')
    if entry.text:
        told.append(f'"text":{_quoted(entry.text)}')
    if entry.fm:
        told.append(f'"fm":{_quoted(entry.fm)}')
    if entry.event_id:
        told.append(f'"event_id":{_quoted(entry.event_id)}')
    if entry.message_id:
        told.append(f'"message_id":{_quoted(entry.message_id)}')
    if entry.operation:
        told.append(f'"operation":{_quoted(entry.operation)}')
    if entry.call:
        told.append(f'"call":{_quoted(entry.call)}')
    if entry.parameters:
        told.append(f'"parameters":{_compact(dict(entry.parameters))}')
    return ",".join(told) + "}"


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_quoted = encode_basestring


def check_line(line: bytes, before: bytes, key: bytes) -> bytes:
    """The seal of a line (without its end), compared with what it must be. Raises `BadLine`."""
    body, found, rest = line.rpartition(b',"seal":"')
    seal = _seal(key, before, body + b"}")
    if not found or not hmac.compare_digest(rest, seal.hex().encode() + b'"}'):
        raise BadLine("a line does not carry the seal it must have")
    return seal


def read_line_untrusted(line: bytes) -> Entry:
    """The entry of a line; the seal is not looked at. Raises `BadLine`."""
    try:
        told = json.loads(line)
        code = told.get("code")
        parameters = tuple((str(key), str(value)) for key, value in told.get("parameters", {}).items())
        at = datetime.fromisoformat(told["at"])
        if at.tzinfo is None or not isinstance(told["number"], int) or not isinstance(code, int | None):
            raise BadLine("a line has values of other types")
        return Entry(
            told["number"],
            at,
            LogType(told["type"]),
            Level(told["level"]),
            code=code,
            parameters=parameters,
            **{name: str(told[name]) for name in _TEXTS if name in told},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadLine("a line is no entry") from error


_TEXTS = ("topic", "text", "fm", "event_id", "message_id", "operation", "call")


def _seal(key: bytes, before: bytes, body: bytes) -> bytes:
    # `hmac.digest` gives the interpreter's lock away; beside a busy event loop it takes long to get it back.
    return hmac.new(key, before + body, "sha256").digest()[:SEAL_OCTETS]
