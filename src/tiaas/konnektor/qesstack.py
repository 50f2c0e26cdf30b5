"""A stack of documents under one or several PIN entries: how it is cut, and what stays when it ends early.

gemSpec_Kon V5.18 TUC_KON_154 (TIP1-A_4651-02) and TAB_KON_192 "Verhalten des Konnektors beim Abbruch einer
Stapelsignatur". Pure: no card, no clock.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, unique

from tiaas.base.dataclass import dataclass


@unique
class Phase(Enum):
    """What a stack is doing."""

    FIRST_PIN = "first PIN entry"
    REPEATED_PIN = "PIN entry of a further part"
    SIGNING = "signing"


@unique
class Incident(Enum):
    """What may happen to it; rows of TAB_KON_192."""

    PIN_TIMEOUT = "nothing was typed in time"
    PIN_BLOCKED = "the PIN is blocked"
    STOPPED = "StopSignature"
    CANCEL_KEY = "cancel key"
    OTHER = "everything else"


@unique
class Consequence(Enum):
    """What becomes of the stack."""

    NONE = "goes on"
    KEEP_PARTS = "ends without an error, finished parts stay"
    DROP_PART = "ends without an error, finished parts stay, the current part is discarded"
    DROP_ALL = "ends with an error, everything is discarded"


@unique
class StackEnd(Enum):
    """How a stack ended that ended without an error."""

    COMPLETE = "complete"
    PIN_TIMEOUT = Incident.PIN_TIMEOUT.value
    PIN_BLOCKED = Incident.PIN_BLOCKED.value
    STOPPED = Incident.STOPPED.value
    CANCELLED = Incident.CANCEL_KEY.value


_ROWS: Mapping[tuple[Phase, Incident], Consequence] = {
    # TAB_KON_192 no. 1, 2, 4 speak of further parts; before the first there is nothing to keep, and the holder's doing
    # is the operation's error (TUC_KON_150: 4043, 4049, 4063).
    (Phase.REPEATED_PIN, Incident.PIN_TIMEOUT): Consequence.KEEP_PARTS,
    (Phase.REPEATED_PIN, Incident.PIN_BLOCKED): Consequence.KEEP_PARTS,
    (Phase.REPEATED_PIN, Incident.CANCEL_KEY): Consequence.KEEP_PARTS,
    # No. 3.
    (Phase.FIRST_PIN, Incident.STOPPED): Consequence.KEEP_PARTS,
    (Phase.REPEATED_PIN, Incident.STOPPED): Consequence.KEEP_PARTS,
    # No. 5, 6.
    (Phase.SIGNING, Incident.STOPPED): Consequence.DROP_PART,
    (Phase.SIGNING, Incident.CANCEL_KEY): Consequence.NONE,
}

_ENDS: Mapping[Incident, StackEnd] = {
    Incident.PIN_TIMEOUT: StackEnd.PIN_TIMEOUT,
    Incident.PIN_BLOCKED: StackEnd.PIN_BLOCKED,
    Incident.STOPPED: StackEnd.STOPPED,
    Incident.CANCEL_KEY: StackEnd.CANCELLED,
}

_INCIDENT_OF_CODE: Mapping[int, Incident] = {
    4043: Incident.PIN_TIMEOUT,
    4049: Incident.CANCEL_KEY,
    4063: Incident.PIN_BLOCKED,
}


def consequence(phase: Phase, incident: Incident) -> Consequence:
    """TAB_KON_192; what is no row of it is no. 7."""
    return _ROWS.get((phase, incident), Consequence.DROP_ALL)


def incident_of(code: int) -> Incident:
    """Which incident an error is that came while a PIN was asked for."""
    return _INCIDENT_OF_CODE.get(code, Incident.OTHER)


def end_of(incident: Incident) -> StackEnd:
    """How a stack ends that keeps something. A `KeyError` for `OTHER`, which keeps nothing."""
    return _ENDS[incident]


@dataclass(frozen=True, slots=True)
class Part:
    """A part stack: the hash values at these positions, of all documents in a row."""

    start: int
    stop: int


def cut(total: int, most: int) -> tuple[Part, ...]:
    """`total` signatures in parts of `most` at most."""
    return tuple(Part(start, min(start + most, total)) for start in range(0, total, most))


def group(values: Sequence[bytes], sizes: Sequence[int]) -> tuple[tuple[bytes, ...], ...]:
    """The signatures by document; `sizes` says how many each has. A document that lacks one is left out, and all
    behind it."""
    out, at = [], 0
    for size in sizes:
        if at + size > len(values):
            break
        out.append(tuple(values[at : at + size]))
        at += size
    return tuple(out)
