"""Exit codes of all verbs; the table in `docs/reference/cli.md` repeats them."""

import enum
from collections.abc import Iterable

from tiaas.base.errors import InvalidInput, TiaasError


@enum.unique
class ExitCode(enum.IntEnum):
    """What the caller can act on."""

    OK = 0
    FAILED = 1  # could not be done: no lab, a result that cannot be written, address in use
    USAGE = 2  # wrong arguments, or a file named in them that cannot be used
    FAULT = 3  # the Konnektor answered with an error; code and text are in the message
    UNREACHABLE = 4  # no answer from the Konnektor: connection, TLS, time-out, not SOAP
    PIN_REFUSED = 5  # a PIN was not verified: wrong, blocked, transport PIN
    NOT_VALID = 6  # a signature was verified and is not valid
    INCONCLUSIVE = 7  # it cannot be told whether a signature is valid
    INTERNAL = 70  # a defect in tiaas
    INTERRUPTED = 130  # SIGINT; a job of `sign` by SIGTERM, too


_RISING = (
    ExitCode.OK,
    ExitCode.INCONCLUSIVE,
    ExitCode.FAILED,
    ExitCode.USAGE,
    ExitCode.UNREACHABLE,
    ExitCode.FAULT,
    ExitCode.NOT_VALID,
)
"""What may become of one of several files, from the best to the worst: a signature that is not valid is what nobody
may miss."""


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The code of a command for several files, of which each has one."""
    return max(codes, key=_RISING.index)


def exit_code(error: TiaasError) -> ExitCode:
    """The code for an error that ended a verb."""
    # Imported here: a verb that never speaks to a Konnektor does not pay for its client.
    from tiaas.client.admin import AdminRefused
    from tiaas.client.errors import ClientError, KonnektorFault

    if isinstance(error, KonnektorFault | AdminRefused):
        return ExitCode.FAULT
    if isinstance(error, InvalidInput):
        return ExitCode.USAGE
    if isinstance(error, ClientError):
        return ExitCode.UNREACHABLE
    return ExitCode.FAILED
