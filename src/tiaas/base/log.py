"""Structured logging: one JSON object a line, declared fields only, nothing personal.

    {"time": "2026-01-31T12:00:00.000Z", "level": "info", "logger": "tiaas.konnektor", "message": "…", "ct_id": "…"}

Three nets, one behind the other: a field that `logfields` does not declare is left out and its name counted under
`undeclared`; a value that is not a plain string, number or truth value is written as its type's name, so octets and
`Secret` never appear; and what looks like a KVNR or an ICCSN is blackened in every text, tracebacks included.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.base.logfields import NAMES

ROOT = "tiaas"
HTTP_SERVER = "uvicorn"
"""Logger of the HTTP library under all servers; what it warns of goes the same way."""
LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

# What `logging` itself puts into a record; the rest came in by `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# KVNR: a letter and nine digits (gemSpec_Kon, KVNR 10-digit part). ICCSN: 80 276 and 15 digits (ISO/IEC 7812-1).
_PERSONAL = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z][0-9]{9}|80276[0-9]{15})(?![0-9A-Za-z])")


def redact(text: str) -> str:
    """The text with everything that looks like a KVNR or an ICCSN blackened."""
    return _PERSONAL.sub("█", text)


class JsonLines(logging.Formatter):
    """Writes a record as described above."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without its end."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        extra = {name: value for name, value in vars(record).items() if name not in _OWN}
        line |= {name: _plain(value) for name, value in extra.items() if name in NAMES}
        undeclared = sorted(name for name in extra if name not in NAMES)
        if undeclared:
            line["undeclared"] = undeclared
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def _plain(value: object) -> str | int | float | bool | None:
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, int | float):
        return value
    return f"<{type(value).__name__}>"


def configure(level: str = "info", file: Path | None = None) -> logging.Handler:
    """Sends the records of all `tiaas` loggers, from `level` on, to standard error or appends them to `file`.

    The warnings of the HTTP library go there, too. Replaces what an earlier call has set up; returns the
    handler. Raises `InvalidInput` for an unknown level.
    """
    if level not in LEVELS:
        raise InvalidInput(f"unknown log level {level!r}; known: {', '.join(LEVELS)}")
    handler: logging.Handler
    handler = logging.StreamHandler(sys.stderr) if file is None else _LogFile(file, encoding="utf-8")
    handler.setFormatter(JsonLines())
    _attach(logging.getLogger(ROOT), handler, LEVELS[level])
    _attach(logging.getLogger(HTTP_SERVER), handler, max(LEVELS[level], logging.WARNING))
    return handler


class _LogFile(logging.FileHandler):
    """Says once, in one line, that its disk takes no more, instead of a traceback for each record."""

    _is_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the standard library
        """See `logging.Handler`; called while the error is being handled."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._is_told:
            self._is_told = True
            sys.stderr.write(f"tiaas: the log {self.baseFilename} cannot be written: {error.strerror}\n")


def _attach(logger: logging.Logger, handler: logging.Handler, level: int) -> None:
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        # What a full disk did not take is lost already.
        with suppress(OSError):
            old.close()
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
