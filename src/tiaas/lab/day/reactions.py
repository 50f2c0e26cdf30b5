"""What practice software does on an error of ReadVSD (gemILF_PS V2.17.0)."""

import enum
from collections.abc import Mapping


@enum.unique
class Reaction(enum.Enum):
    """What to do next."""

    WAIT = "wait and repeat"
    INSERT_AGAIN = "ask for the card to be put in again, repeat"
    CHECK_ONLINE = "repeat with online check"
    VERIFY_PIN = "have PIN.SMC typed, repeat"
    TOO_OLD = "the card is too old: paper form"
    NO_ENTITLEMENT = "no proof of entitlement: ask the patient for another card"
    GIVE_UP = "tell the staff"


REACTIONS: Mapping[int, Reaction] = {
    4093: Reaction.WAIT,
    4094: Reaction.INSERT_AGAIN,
    4056: Reaction.INSERT_AGAIN,
    4057: Reaction.INSERT_AGAIN,
    4008: Reaction.INSERT_AGAIN,  # the handle went with the card
    3001: Reaction.CHECK_ONLINE,
    12105: Reaction.CHECK_ONLINE,
    3041: Reaction.VERIFY_PIN,
    3042: Reaction.VERIFY_PIN,
    113: Reaction.TOO_OLD,
    4192: Reaction.TOO_OLD,
    106: Reaction.NO_ENTITLEMENT,
    107: Reaction.NO_ENTITLEMENT,
    114: Reaction.NO_ENTITLEMENT,
}
"""By code of the fault; what is not in here is `GIVE_UP`."""

FINAL = (Reaction.TOO_OLD, Reaction.NO_ENTITLEMENT, Reaction.GIVE_UP)


def reaction(code: int) -> Reaction:
    """What to do on that code."""
    return REACTIONS.get(code, Reaction.GIVE_UP)
