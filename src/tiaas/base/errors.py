"""The root of all errors that tiaas raises on purpose.

Each border has one error type below this root (a decoder one `Bad…`, a link one `…Error`). Errors carry
evidence in fields; a border (SOAP, portal, CLI) makes the sentence. What is not a `TiaasError` is a defect
and leaves the process only as "internal error" with an event id.
"""


class TiaasError(Exception):
    """Something that can happen in operation and that a caller may handle."""


class InvalidInput(TiaasError):
    """A value from a person or a file cannot be used; says what is wrong and what to do instead."""
