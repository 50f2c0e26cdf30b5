"""What a log record says, without what `logging` adds in numbers: these contain any six digits sooner or later."""

import logging

_NUMBERS = frozenset({"created", "msecs", "relativeCreated", "thread", "process", "lineno"})


def said(record: logging.LogRecord) -> str:
    """Message, arguments and extra fields of a record."""
    return str({name: value for name, value in vars(record).items() if name not in _NUMBERS})
