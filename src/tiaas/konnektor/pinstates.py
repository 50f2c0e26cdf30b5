"""States of PINs and outcomes of PIN entries, and which status word of a card tells which (gemSpec_Kon V5.18).

TUC_KON_022 (TIP1-A_4570) for GET PIN STATUS; TUC_KON_012, 019, 021, 027 for the commands a holder's entry completes.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum, unique

from tiaas.base.dataclass import dataclass
from tiaas.card.apdu import ResponseApdu
from tiaas.card.status import StatusWord, tries_in
from tiaas.konnektor.errors import KonnektorError


@unique
class PinState(StrEnum):
    """pinStatus of TUC_KON_022, spelled as on the wire."""

    VERIFIED = "VERIFIED"
    TRANSPORT_PIN = "TRANSPORT_PIN"
    EMPTY_PIN = "EMPTY_PIN"
    BLOCKED = "BLOCKED"
    VERIFIABLE = "VERIFIABLE"
    DISABLED = "DISABLED"


@unique
class PinOutcome(StrEnum):
    """pinResult of an entry; also the Result of the FINISHED events."""

    OK = "OK"
    ERROR = "ERROR"
    REJECTED = "REJECTED"
    BLOCKED = "BLOCKED"


@unique
class VerificationType(Enum):
    """Whether the PIN is asked for even if the session has it verified already."""

    MANDATORY = "Mandatorisch"
    SESSION = "Sitzung"


@dataclass(frozen=True, slots=True)
class PinStatus:
    """Result of TUC_KON_022."""

    state: PinState
    left_tries: int | None = None


@dataclass(frozen=True, slots=True)
class PinResult:
    """Result of an entry; `left_tries` of the PIN, or of the PUK if that was asked for."""

    outcome: PinOutcome
    left_tries: int | None = None


@unique
class Purpose(Enum):
    """What an entry is for. It decides what the card's refusals mean."""

    VERIFY = "PIN verifizieren"
    CHANGE = "PIN ändern"
    UNBLOCK = "PIN entsperren"
    ENABLE = "PIN-Schutz einschalten"
    DISABLE = "PIN-Schutz ausschalten"


_STATE_OF_SW: Mapping[int, PinStatus] = {
    StatusWord.OK: PinStatus(PinState.VERIFIABLE),
    StatusWord.TRANSPORT_PIN: PinStatus(PinState.TRANSPORT_PIN),
    StatusWord.LEER_PIN: PinStatus(PinState.EMPTY_PIN),
    StatusWord.PASSWORD_DISABLED: PinStatus(PinState.DISABLED),
    StatusWord.PASSWORD_BLOCKED_STATUS: PinStatus(PinState.BLOCKED, 0),
}
"""TUC_KON_022 step 3b. 9000 means verified on the card, but not in this session."""

_FAULT_OF_SW: Mapping[int, int] = {
    StatusWord.KEY_OR_PASSWORD_NOT_FOUND: 4072,
    # Some cards answer 6988 here (SICCT digest §8).
    StatusWord.SM_OBJECT_INCORRECT: 4072,
}
"""Status words that are no outcome of any entry."""

_FAULTS_OF_SWITCH: Mapping[int, int] = {
    StatusWord.BLOCKED_OR_EXPIRED: 4063,
    StatusWord.NOT_USABLE: 4065,
    StatusWord.SECURITY_STATUS_NOT_SATISFIED: 4085,
}
_FAULTS_BY_PURPOSE: Mapping[Purpose, Mapping[int, int]] = {
    Purpose.VERIFY: {StatusWord.BLOCKED_OR_EXPIRED: 4063, StatusWord.NOT_USABLE: 4065},
    Purpose.CHANGE: {StatusWord.BLOCKED_OR_EXPIRED: 4063, StatusWord.NOT_USABLE: 4068},
    Purpose.UNBLOCK: {StatusWord.BLOCKED_OR_EXPIRED: 4064, StatusWord.NOT_USABLE: 4068},
    Purpose.ENABLE: _FAULTS_OF_SWITCH,
    Purpose.DISABLE: _FAULTS_OF_SWITCH,
}
"""TAB_KON_089, 093, 193, 241. 6985 is a transport state to VERIFY, a new PIN of a wrong length to CHANGE and RESET."""


def status_of(sw: int) -> PinStatus:
    """The PIN status that an answer to GET PIN STATUS tells. Raises 4072, 4001."""
    if sw in _STATE_OF_SW:
        return _STATE_OF_SW[sw]
    tries = tries_in(sw)
    if tries is not None:
        return PinStatus(PinState.VERIFIABLE, tries)
    raise _fault(sw, _FAULT_OF_SW)


def outcome_of(response: ResponseApdu, purpose: Purpose) -> PinResult:
    """The outcome that the card's answer tells. Raises 4063, 4064, 4065, 4068, 4072, 4085, 4001 for what is none."""
    if response.ok:
        return PinResult(PinOutcome.OK)
    tries = tries_in(response.sw)
    if tries == 0:
        return PinResult(PinOutcome.BLOCKED, 0)
    if tries is not None:
        return PinResult(PinOutcome.REJECTED, tries)
    raise _fault(response.sw, {**_FAULT_OF_SW, **_FAULTS_BY_PURPOSE[purpose]})


def _fault(sw: int, faults: Mapping[int, int]) -> KonnektorError:
    if sw in faults:
        return KonnektorError(faults[sw])
    return KonnektorError(4001, f"the card's status word {sw:04X}")
